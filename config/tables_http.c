/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* tables_http.c: the keys of https and http listeners, as tables.c has all others. */
#include "tables_priv.h"

/* ---------------------------------------------------------------- header fields */

static const struct lg_field header_fields[] = {
    {.key = "set",
     .kind = &lg_kind_field_name,
     AT(struct lg_cfg_header, set),
     .doc = "the field gets this value, whatever came"},
    {.key = "add",
     .kind = &lg_kind_field_name,
     AT(struct lg_cfg_header, add),
     .doc = "one more field of this name"},
    {.key = "remove",
     .kind = &lg_kind_field_name,
     AT(struct lg_cfg_header, remove),
     .doc = "fields of this name are left out"},
    {.key = "value",
     .kind = &lg_kind_template,
     AT(struct lg_cfg_header, value),
     .min = 1,
     .max = 1024,
     .doc = "of set and add; may hold $variables; one that comes out empty is not written"},
};
const struct lg_table lg_header_table =
    TABLE(header_fields, struct lg_cfg_header, offsetof(struct lg_cfg_header, line));

/* ---------------------------------------------------------------- routes */

static const struct lg_word redirect_words[] = {{"301", 301}, {"302", 302}, {"303", 303},
                                                {"307", 307}, {"308", 308}, {NULL, 0}};

static const struct lg_field redirect_fields[] = {
    {.key = "to",
     .kind = &lg_kind_template,
     AT(struct lg_cfg_redirect, to),
     .min = 1,
     .max = 1024,
     .doc = "required: the Location, absolute or a path; may hold $variables"},
    {.key = "status",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_redirect, status),
     .words = redirect_words,
     .def = "302",
     .doc = "301 and 308 are for good; 307 and 308 keep the method"},
};
static const struct lg_table redirect_table =
    TABLE(redirect_fields, struct lg_cfg_redirect, offsetof(struct lg_cfg_redirect, line));

static const struct lg_field respond_fields[] = {
    {.key = "status",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_respond, status),
     .min = 200,
     .max = 599,
     .def = "200",
     .doc = "of the response"},
    {.key = "type",
     .kind = &lg_kind_template,
     AT(struct lg_cfg_respond, type),
     .min = 1,
     .max = 127,
     .def = "text/plain",
     .doc = "its Content-Type"},
    {.key = "body",
     .kind = &lg_kind_str,
     AT(struct lg_cfg_respond, body),
     .min = 0,
     .max = 65536,
     .def = "",
     .doc = "its body"},
    {.key = "file",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_respond, file),
     .doc = "a file of at most 64 KiB that is the body, read at each reload"},
};
static const struct lg_table respond_table =
    TABLE(respond_fields, struct lg_cfg_respond, offsetof(struct lg_cfg_respond, line));

static const struct lg_field http_route_fields[] = {
    {.key = "host",
     .kind = &lg_kind_host,
     AT(struct lg_cfg_http_route, host),
     .def = "*",
     .doc = "the request's host: a name, \"*.example.com\" for one below it, or \"*\" for any"},
    {.key = "path",
     .kind = &lg_kind_path,
     AT(struct lg_cfg_http_route, path),
     .def = "/",
     .doc = "how its path begins; whole segments count, the longest match wins"},
    {.key = "exact",
     .kind = &lg_kind_path,
     AT(struct lg_cfg_http_route, exact),
     .doc = "instead of path: the whole path"},
    {.key = "regex",
     .kind = &lg_kind_str,
     AT(struct lg_cfg_http_route, regex),
     .min = 1,
     .max = 1024,
     .doc =
         "instead of path: a regular expression (PCRE2) found in the path; `^` and `$` tie it to "
         "the ends, $1 to $9 are its groups"},
    {.key = "pool",
     .kind = &lg_kind_ref,
     AT(struct lg_cfg_http_route, pool_idx),
     .doc = "the pool that answers; or redirect, or respond"},
    {.key = "rewrite",
     .kind = &lg_kind_template,
     AT(struct lg_cfg_http_route, rewrite),
     .min = 1,
     .max = 1024,
     .doc = "the path the pool gets; may hold $variables, as $rest for what follows the path; the "
            "query stays, unless there is a `?`"},
    {.key = "redirect",
     .table = &redirect_table,
     AT(struct lg_cfg_http_route, redirect),
     .doc = "send the client elsewhere"},
    {.key = "respond",
     .table = &respond_table,
     AT(struct lg_cfg_http_route, respond),
     .doc = "answer at once"},
    {.key = "request_headers",
     .table = &lg_header_table,
     LIST_AT(struct lg_cfg_http_route, request_headers, request_header_cnt),
     .list_min = 0,
     .list_max = 64,
     .doc = "changes to the request's header, after those of the listener"},
    {.key = "response_headers",
     .table = &lg_header_table,
     LIST_AT(struct lg_cfg_http_route, response_headers, response_header_cnt),
     .list_min = 0,
     .list_max = 64,
     .doc = "the same for the response's"},
};
const struct lg_table lg_http_route_table =
    TABLE(http_route_fields, struct lg_cfg_http_route, offsetof(struct lg_cfg_http_route, line));

/* ---------------------------------------------------------------- forwarded */

static const struct lg_word fwd_words[] = {{"x-forwarded", LG_FWD_X},
                                           {"forwarded", LG_FWD_STANDARD},
                                           {"both", LG_FWD_BOTH},
                                           {"none", LG_FWD_NONE},
                                           {NULL, 0}};
static const struct lg_word incoming_words[] = {
    {"append", LG_FWD_APPEND}, {"replace", LG_FWD_REPLACE}, {NULL, 0}};

static const struct lg_field forwarded_fields[] = {
    {.key = "headers",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_forwarded, headers),
     .words = fwd_words,
     .def = "x-forwarded",
     .doc = "what is written: X-Forwarded-For, -Proto and -Port, or Forwarded (RFC 7239)"},
    {.key = "incoming",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_forwarded, incoming),
     .words = incoming_words,
     .def = "append",
     .doc = "X-Forwarded-For and Forwarded that came: ours is appended to them, or replaces them"},
    {.key = "trust",
     .kind = &lg_kind_prefix,
     LIST_AT(struct lg_cfg_forwarded, trust, trust_cnt),
     .list_min = 0,
     .list_max = 256,
     .doc = "proxies in front of us: from there all these headers are believed, also -Proto and "
            "-Port; from elsewhere they are replaced"},
    {.key = "via",
     .kind = &lg_kind_name,
     AT(struct lg_cfg_forwarded, via),
     .doc = "add `Via: 1.1 NAME` (RFC 9110) to requests; without it none is added"},
};
const struct lg_table lg_forwarded_table =
    TABLE(forwarded_fields, struct lg_cfg_forwarded, offsetof(struct lg_cfg_forwarded, line));
