/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* tables_log.c: the keys of `log`. */
#include "tables_priv.h"

static const struct lg_word facility_words[] = {
    {"daemon", 3},  {"user", 1},    {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19},
    {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23}, {NULL, 0}};
static const struct lg_word syslog_words[] = {
    {"local", LG_SYSLOG_LOCAL}, {"rfc5424", LG_SYSLOG_RFC5424}, {NULL, 0}};

static const struct lg_field log_fields[] = {
    {.key = "to",
     .kind = &lg_kind_log_to,
     AT(struct lg_cfg_log, to),
     .doc = "needed: a file (opened again on SIGUSR1), stderr, syslog, or syslog:SOCKET"},
    {.key = "format",
     .kind = &lg_kind_log_format,
     AT(struct lg_cfg_log, format),
     .def = "json",
     .doc = "how lines look: json, haproxy, combined, or a text with ${name}s"},
    {.key = "error_format",
     .kind = &lg_kind_log_error_format,
     AT(struct lg_cfg_log, error),
     .doc = "how lines of failed handshakes look, where `format` is a text"},
    {.key = "headers",
     .kind = &lg_kind_header,
     LIST_AT(struct lg_cfg_log, headers, header_cnt),
     .list_min = 0,
     .list_max = LG_LOG_HEADERS_MAX,
     .doc = "headers of requests to log, such as user-agent; at most 256 bytes of each; never "
            "Authorization or Cookie"},
    {.key = "query",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_log, query),
     .def = "false",
     .doc = "log the queries of requests, which may hold secrets"},
    {.key = "empty_connections",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_log, empty),
     .def = "false",
     .doc = "log also connections that ended without a byte: port scans, health checks"},
    {.key = "buffer",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_log, buffer),
     .min = 64,
     .max = 1u << 20,
     .def = "4096",
     .doc = "records each worker may be ahead of the writing, 2 KiB each; more are dropped and "
            "counted (log_dropped)"},
    {.key = "facility",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_log, facility),
     .words = facility_words,
     .def = "local0",
     .doc = "syslog: the facility"},
    {.key = "syslog_format",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_log, syslog_format),
     .words = syslog_words,
     .def = "local",
     .doc = "syslog: what stands before a line, as syslog(3) writes it or as RFC 5424 does"},
};
const struct lg_table lg_log_table =
    TABLE(log_fields, struct lg_cfg_log, offsetof(struct lg_cfg_log, line));
