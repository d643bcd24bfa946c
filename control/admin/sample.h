/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample.h: what one look at the workers cannot tell: how busy they were lately, and the highest
 * marks of their pools. The control thread looks at every tick of its loop; marks are those it has
 * seen then, so a peak between two looks is missed. Thread control. */
#ifndef LG_SAMPLE_H
#define LG_SAMPLE_H

#include "core.h"

#define LG_SAMPLE_CNT 11 /* looks that are kept, the oldest one LG_SAMPLE_NS * 10 ago */
#define LG_SAMPLE_NS LG_SEC(1)

/* X(name, field of struct lg_core_report): pools whose highest marks are kept. */
#define LG_SAMPLE_POOLS(X)                                                                         \
    X(packet_buffers, bufs_used, bufs_total)                                                       \
    X(connections, tcp.conns, tcp_total)                                                           \
    X(sessions, proxy.sessions, sessions_total)                                                    \
    X(tls_connections, tls_used, tls_total)                                                        \
    X(tls_memory, tls_arena_used, tls_arena_total)

enum lg_sample_pool {
#define X(name, used, total) LG_SAMPLE_##name,
    LG_SAMPLE_POOLS(X)
#undef X
        LG_SAMPLE_POOL_CNT
};

struct lg_sample {
    uint64_t busy, idle; /* cycles */
    uint64_t turns;
    struct lg_hist busy_turns;
};

struct lg_samples {
    lg_ns_t next_ns;
    uint32_t worker_cnt, cnt, pos;           /* cnt kept, the latest one at pos */
    uint64_t (*peak)[LG_SAMPLE_POOL_CNT];    /* owns; worker_cnt */
    struct lg_sample (*kept)[LG_SAMPLE_CNT]; /* owns; worker_cnt */
};

/* lg_samples_open makes room; false: out of memory. */
bool lg_samples_open(struct lg_samples *s, uint32_t worker_cnt);
void lg_samples_close(struct lg_samples *s);
/* lg_samples_tick looks. */
void lg_samples_tick(struct lg_samples *s, const struct lg_core_report *reports, lg_ns_t now_ns);

/* Of a worker over the last ten seconds, or since the start. */
struct lg_recent {
    double busy;       /* share of its time, in [0, 1] */
    uint64_t turns;    /* busy ones */
    uint64_t p50, p99; /* cycles of busy turns, bounds of powers of two */
};
void lg_samples_recent(const struct lg_samples *s, uint32_t worker, struct lg_recent *out);
/* lg_sample_used, lg_sample_total: of pool i now. */
uint64_t lg_sample_used(const struct lg_core_report *r, enum lg_sample_pool i);
uint64_t lg_sample_total(const struct lg_core_report *r, enum lg_sample_pool i);
const char *lg_sample_name(enum lg_sample_pool i);

#endif
