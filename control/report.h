/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h: what the process is doing, as JSON for the admin API.
 *
 * Names are those of stat.def in lower case, plus the gauges below; every one of them stands flat
 * in each object of "workers" and, summed, in "totals". Thread control. */
#ifndef LG_REPORT_H
#define LG_REPORT_H

#include "core.h"
#include "log_out.h"

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

/* What is not a worker's. */
struct lg_report {
    uint64_t generation;  /* the snapshot in force */
    uint32_t retired_cnt; /* replaced ones that connections still hold */
    bool is_draining;
    uint64_t uptime_s;
    struct lg_tls_crl_totals crls;
    struct lg_tls_ocsp_totals ocsp; /* each list is there once for all workers */
    struct lg_log_out_counts log;   /* the access log's lines */
    uint32_t worker_cnt;
    const struct lg_core_report *workers; /* borrows: worker_cnt of them */
    const uint16_t *cpus;                 /* borrows: worker_cnt of them */
};

/* Each returns one line of JSON without its newline, from malloc, the caller's; NULL: no memory.
 * docs/api.md shows them. now_ns is on the workers' clock. */
char *lg_report_status(const struct lg_report *report, const struct lg_snapshot *s);
char *lg_report_stats(const struct lg_report *report);
char *lg_report_backends(const struct lg_snapshot *s, lg_ns_t now_ns);
char *lg_report_version(const char *dpdk);
char *lg_report_reload(lg_err_t err, uint64_t generation, const struct lg_diag *diag);

#endif
