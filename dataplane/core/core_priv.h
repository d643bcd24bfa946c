/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core_priv.h: the inside of a worker, for core/ only. */
#ifndef LG_CORE_PRIV_H
#define LG_CORE_PRIV_H

#include "clock.h"
#include "core.h"
#include "load.h"
#include "net.h"
#include "port.h"
#include "ring.h"

#define LG_CORE_BURST 32          /* frames taken from one queue at a time */
#define LG_CORE_HANDOVER_CNT 1024 /* frames one worker may be ahead of another; a power of two */

/* How far a worker that finds no work has wound down (idle: adaptive). */
struct lg_idle_state {
    uint32_t empty_turns;
    lg_ns_t since_ns; /* when the worker ran out of work */
};

struct lg_core {
    /* -- set at boot, then read-only -- */
    uint16_t idx; /* worker number, in [0, core_cnt) */
    uint16_t core_cnt;
    uint32_t lcore; /* EAL's number */
    const struct lg_config *cfg;
    uint32_t tcp_total, sessions_total, tls_total; /* how many there is room for */
    struct lg_core_shared *shared;
    struct lg_ports *ports;
    struct lg_pktpool *pktpool;
    struct lg_bufpool *pool;
    struct lg_net *net;
    struct lg_tcp *tcp;
    struct lg_tls_core *tls;
    struct lg_proxy *proxy;
    struct lg_clock clock;
    bool port_has_rss[LG_MAX_PORTS];
    const struct lg_rss *rss[LG_MAX_PORTS]; /* borrows: of the ports; NULL: not known */
    bool has_rss_map;                       /* some port's is known */
    uint32_t port_cnt;
    uint32_t slice_sz;                    /* source ports of one worker */
    struct lg_ring *to[LG_MAX_WORKERS];   /* we produce; NULL at idx */
    struct lg_ring *from[LG_MAX_WORKERS]; /* we consume; NULL at idx */
    void *mem;                            /* owns: tcp, net, tls and proxy live in it */

    /* -- owner core only, hot -- */
    alignas(LG_CACHE_PAIR) lg_ns_t now_ns;
    uint64_t generation; /* of the snapshot in use; 0: none yet */
    uint64_t end_generation;
    uint64_t ask_seq; /* of the last question seen */
    struct lg_idle_state idle;
    bool draining;

    /* -- written by owner, read by control -- */
    alignas(LG_CACHE_PAIR) struct lg_stats stats;
    struct lg_logring log;
    _Atomic uint64_t snapshot_gen;
    _Atomic uint64_t answered_seq; /* `answer` is complete; pairs with lg_cores_has_answered */
    alignas(LG_CACHE_PAIR) struct lg_load load;
    struct lg_query_answer answer;
};

/* lg_core_main is the loop, run on the worker's lcore until shared->stop. */
int lg_core_main(void *core);

/* lg_core_steer names the worker that owns a segment. Thread owner core, pure. */
uint32_t lg_core_steer(const struct lg_core *core, const struct lg_pkt *pkt, uint32_t port);
/* lg_core_owner names the worker that owns a connection which one of them made. Both ask it: who
 * looks for a port to connect from, and who has received a segment. Thread owner core, pure. */
uint32_t lg_core_owner(const struct lg_core *core, const struct lg_tcp_tuple *t);
/* lg_core_source_ports serves tcp's ops.source_ports. */
void lg_core_source_ports(const struct lg_core *core, const lg_ip_t *local_ip, uint16_t *lo,
                          uint16_t *hi);

#endif
