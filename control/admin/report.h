/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h: what the process is doing, as JSON for the admin API.
 *
 * Names are those of stat.def in lower case, plus the gauges below; every one of them stands flat
 * in each object of "workers" and, summed, in "totals". Thread control. */
#ifndef LG_REPORT_H
#define LG_REPORT_H

#include "core.h"
#include "log_out.h"
#include "reload.h"
#include "sample.h"

#include <jansson.h>
#include "dns.h"

/* X(name, field of struct lg_core_report): the gauges. */
#define LG_REPORT_GAUGES(X)                                                                        \
    X(tcp_conns, tcp.conns)                                                                        \
    X(tcp_established, tcp.established)                                                            \
    X(tcp_time_wait, tcp.time_wait)                                                                \
    X(tcp_embryonic, tcp.embryonic)                                                                \
    X(tcp_user_held, tcp.user_held)                                                                \
    X(proxy_sessions, proxy.sessions)                                                              \
    X(proxy_backend_conns, proxy.backend_conns)                                                    \
    X(proxy_backend_idle, proxy.backend_idle)                                                      \
    X(tls_used, tls_used)                                                                          \
    X(tls_arena_used, tls_arena_used)                                                              \
    X(bufs_total, bufs_total)                                                                      \
    X(bufs_used, bufs_used)

/* A port and what its device has counted. */
struct lg_report_port {
    const struct lg_cfg_port *cfg; /* borrows */
    struct lg_port_info info;
    struct lg_port_counts counts;
};

/* All that is told of the process. */
struct lg_report {
    uint64_t generation;  /* the snapshot in force */
    uint32_t retired_cnt; /* replaced ones that connections still hold */
    bool is_draining;
    uint64_t uptime_s;
    struct lg_tls_crl_totals crls;
    struct lg_dns_counts dns;
    struct lg_tls_ocsp_totals ocsp; /* each list is there once for all workers */
    struct lg_log_out_counts log;   /* the access log's lines */
    uint32_t worker_cnt;
    const struct lg_core_report *workers; /* borrows: worker_cnt of them */
    const uint16_t *cpus;                 /* borrows: worker_cnt of them */
    /* -- not of the counters alone -- */
    const struct lg_snapshot *snapshot; /* borrows: the one in force */
    const struct lg_reload *reload;     /* borrows */
    const struct lg_samples *samples;   /* borrows */
    lg_ns_t now_ns;                     /* on the workers' clock */
    int64_t now_s;                      /* since 1970 */
    const char *dpdk;                   /* its version; static */
    uint64_t admin_refused_cnt;
    uint32_t port_cnt;
    struct lg_report_port ports[LG_MAX_PORTS];
};

/* Each returns one line of JSON without its newline, from malloc, or an object; the caller's; NULL:
 * no memory.
 * docs/api.md shows them. now_ns is on the workers' clock. */
char *lg_report_status(const struct lg_report *report);
/* report_tls.c; listener: NULL: of all */
json_t *lg_report_listeners(const struct lg_report *report);
json_t *lg_report_certificates(const struct lg_report *report, const char *listener);
json_t *lg_report_client_cas(const struct lg_report *report, const char *listener);
/* report_workers.c */
json_t *lg_report_workers(const struct lg_report *report);
json_t *lg_report_ports(const struct lg_report *report);
json_t *lg_report_snapshots(const struct lg_report *report);
/* metrics.c: the same for Prometheus, in its text format 0.0.4; from malloc; NULL: no memory. */
char *lg_report_metrics(const struct lg_report *report);
char *lg_report_stats(const struct lg_report *report);
char *lg_report_backends(const struct lg_snapshot *s, lg_ns_t now_ns);
char *lg_report_version(const char *dpdk);
char *lg_report_reload(lg_err_t err, uint64_t generation, const struct lg_diag *diag);

#endif
