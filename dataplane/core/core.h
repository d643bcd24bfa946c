/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core.h: a worker: one pinned thread that owns a port queue, a TCP stack, a TLS core and a proxy,
 * and runs them to completion in one loop. The one place that knows all of the dataplane.
 *
 * What crosses cores, all of it:
 *   shared->snapshot     control stores (release), workers load (acquire) once a turn
 *   shared->qsv          workers report quiescence once a turn, also before and after sleeping
 *   shared->drain_ns     control stores, workers load: when to abort what is left; NEVER: running
 *   shared->ask          control writes a question and then, with release, ask_seq; workers answer
 *                        into their own memory and store answered_seq with release
 *   shared->end_generation  control stores, workers load: sessions of generations up to it end
 *   shared->stop         control stores; workers leave their loop
 *   hand-over rings      one SPSC ring from every worker to every other: packets for their owner
 *   core->log            SPSC ring of lines to the control thread
 *   core->stats, counts  written by the owner, read by the control thread
 *
 * Who owns a flow (DESIGN invariant 2):
 *   a segment to a bound listener address belongs, on a port with RSS, to the worker it arrived
 *   at, else to the worker that a symmetric hash of its addresses names;
 *   any other belongs to a backend connection. Where the card tells its key and table, it belongs
 * to the worker whose queue the card chooses, and connections are made from ports that it chooses
 *   ours for; else its local port lies in the slice of the source port range of exactly one worker.
 *   A segment that comes to another worker all the same is handed over. */
#ifndef LG_CORE_H
#define LG_CORE_H

#include "query.h"
#include "config.h"
#include "err.h"
#include "load.h"
#include "log.h"
#include "ns.h"
#include "port.h"
#include "proxy.h"
#include "snapshot.h"
#include "stat.h"
#include "tcp.h"

struct lg_core;
struct rte_rcu_qsbr;

struct lg_core_shared {
    _Atomic(const struct lg_snapshot *) snapshot;
    alignas(LG_CACHE_PAIR) _Atomic lg_ns_t drain_ns;
    _Atomic uint64_t end_generation; /* 0: none */
    _Atomic uint64_t ask_seq;        /* of the question in `ask`; 0: none yet */
    _Atomic bool stop;
    struct rte_rcu_qsbr *qsv; /* owns; a reader slot a worker */
    struct lg_query ask; /* control; read by workers from ask_seq on until they have answered */
};

/* The workers of the process. Thread boot/control for everything but lg_core_main. */
struct lg_cores {
    const struct lg_config *cfg; /* borrows: the config the process was started with */
    struct lg_core_shared *shared;
    uint32_t cnt;
    struct lg_core *core[LG_MAX_WORKERS];
    struct lg_ports *ports; /* owns */
    void *rings;            /* owns: the hand-over rings */
    uint8_t nonce[6];       /* lg_net_cfg.nonce */
};

/* lg_cores_open opens the ports and lays out every worker's memory (from DPDK's heap). EAL must be
 * up; `first` is the snapshot workers start with. cfg stays borrowed until close.
 *   Returns  LG_OK, or LG_E(CONFIG|SYS|NOMEM) with messages; nothing is left open then */
LG_MUST lg_err_t lg_cores_open(const struct lg_config *cfg, const struct lg_snapshot *first,
                               struct lg_cores *out, struct lg_diag *diag);
/* lg_cores_start launches the loops on their lcores (lcore k+1 of EAL is worker k). */
LG_MUST lg_err_t lg_cores_start(struct lg_cores *cs);
/* lg_cores_stop ends the loops and waits for them. Every conn still there is aborted. */
void lg_cores_stop(struct lg_cores *cs);
/* lg_cores_close frees all; workers must be stopped. Ports are closed (XDP programs detached). */
void lg_cores_close(struct lg_cores *cs);

/* lg_cores_publish makes workers use s. The old one may be freed when lg_cores_is_quiet(cs, token)
 * and its pins are all zero. Returns the token. */
uint64_t lg_cores_publish(struct lg_cores *cs, const struct lg_snapshot *s);
/* lg_cores_ask begins to wait for a quiescent state of every worker, which proves that its loop
 * turns. Returns the token for lg_cores_is_quiet. */
uint64_t lg_cores_ask(struct lg_cores *cs);
bool lg_cores_is_quiet(struct lg_cores *cs, uint64_t token);

/* lg_cores_end ends what is left of connections under generations up to this one. */
void lg_cores_end(struct lg_cores *cs, uint64_t generation);

/* lg_cores_query puts a question to the workers, one at a time.
 *   ask      copied
 *   Returns  LG_OK: wait for lg_cores_has_answered; LG_E(AGAIN): they are at another one still */
LG_MUST lg_err_t lg_cores_query(struct lg_cores *cs, const struct lg_query *ask);
bool lg_cores_has_answered(const struct lg_cores *cs);
/* lg_core_answer: what a worker has answered; valid until the next question. */
const struct lg_query_answer *lg_core_answer(const struct lg_core *core);

/* What a worker is doing, for operators. Thread any. */
struct lg_core_report {
    const struct lg_stats *stats;
    struct lg_tcp_counts tcp;
    struct lg_proxy_counts proxy;
    uint32_t tcp_total;      /* connections there is room for, TIME_WAIT included */
    uint32_t sessions_total; /* of proxy.sessions */
    uint32_t tls_used;       /* lg_tls objects out */
    uint32_t tls_total;
    size_t tls_arena_used; /* bytes */
    size_t tls_arena_total;
    uint32_t bufs_total;   /* packet buffers of the worker's pool */
    uint32_t bufs_used;    /* of them held by the stack; those in device rings are not counted,
                              so that it is exactly 0 when nothing is queued anywhere */
    uint64_t snapshot_gen; /* the generation in use */
    uint64_t tsc_hz;
    const struct lg_load *load;   /* lg_load_read reads it */
    const struct lg_hist *rtt_ns; /* lg_hist_sum reads it: lg_tcp_rtt */
};
void lg_core_report(const struct lg_core *core, struct lg_core_report *out);
/* lg_core_asks: what this worker wants to be asked of OCSP responders. Thread control. */
struct lg_asks *lg_core_asks(struct lg_core *core);
/* lg_cores_port: what a port is, and what its device has counted. Thread control. */
void lg_cores_port(const struct lg_cores *cs, uint32_t port_idx, struct lg_port_info *info,
                   struct lg_port_counts *counts);
/* lg_core_log drains a worker's log ring. Thread control. */
struct lg_logring *lg_core_log(struct lg_core *core);
/* lg_core_say puts a line into it. Thread owner core. */
void lg_core_say(struct lg_core *core, enum lg_log_level level, const char *text);

#endif
