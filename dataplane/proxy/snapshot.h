/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.h: what the workers see of the configuration: one immutable object, built whole by the
 * control thread (control/snapshot_build.c), published with one pointer store, never changed after.
 *
 * Life: built -> published (workers pick it up at the top of a loop turn) -> replaced -> retired:
 * once every worker has reported quiescence after the replacement no worker will take it up for a
 * new connection, and once every worker's pin count is zero no connection lives under it; then the
 * control thread frees it. A session pins the snapshot it was accepted under, so it is judged by
 * exactly one generation (R44); once it relays bytes it moves on to the next one, if that has its
 * listener and its backend still (move.c).
 *
 * The only mutable part is workers[k], written by worker k alone. */
#ifndef LG_SNAPSHOT_H
#define LG_SNAPSHOT_H

#include "budget.h"
#include "config.h"
#include "meter.h"
#include "sticky.h"
#include "tls.h"
#include "view.h"

#include <stdatomic.h>

struct lg_rules;

struct lg_listener {
    const struct lg_cfg_listener *cfg; /* borrows: from the snapshot's config */
    struct lg_tls_policy *tls;         /* owns; NULL: in clear */
    struct lg_rules *rules;            /* owns; NULL: it reads no requests */
    struct lg_meter *meter;            /* owns a reference */
    uint32_t idx;
};

/* One pool, as all workers see it. */
struct lg_pool_entry {
    struct lg_bal_pool bal;
    struct lg_tls_policy *tls; /* owns; NULL: in clear */
    struct lg_sticky *sticky;  /* owns; NULL: clients do not stay */
};

/* One health check that the snapshot needs, and the backend whose settings it goes by. */
struct lg_check_entry {
    struct lg_check *check; /* owns a reference */
    uint32_t pool_idx, backend_idx;
};

struct lg_session;
struct lg_access_ring;

/* One pool, as one worker sees it: mutable, of that worker alone. */
struct lg_pool_view {
    struct lg_bal_view bal;
    /* Sessions that wait for a backend below its max_connections, first come first served. */
    struct lg_session *wait_head, **wait_tail;
    uint32_t wait_cnt;
    struct lg_budget budget;                     /* of retries */
    struct lg_pool_view *wait_next, **wait_link; /* among the worker's pools with a queue */
    bool was_dead;                               /* that no backend is usable has been said */
};

/* One slot of the open-addressed table of bound addresses; listener == NULL: empty. */
struct lg_bind_slot {
    struct lg_endpoint addr;
    const struct lg_listener *listener;
};

struct lg_snapshot_worker {
    /* Sessions of this worker that hold the snapshot, and the worker itself while it is the one
     * in use. The owner stores with release, the control thread loads with acquire: a zero seen
     * after quiescence means every access of the owner is over. */
    alignas(LG_CACHE_PAIR) _Atomic uint64_t pins;
    struct lg_pool_view *pools; /* owns; owner core; cfg->pool_cnt of them */
    /* Where its records of the access log go; NULL: there is none. Lives as long as the process. */
    struct lg_access_ring *access;
};

struct lg_snapshot {
    uint64_t generation;
    /* The last generation that changed, on a listener with close_revoked, whom it admits: open
     * connections are to be judged again by it or by a later one. 0: none did. */
    uint64_t judge_generation;
    uint8_t sticky_key[LG_STICKY_KEY_SZ]; /* of pools without a key_file; passed on; control only */
    struct lg_config *cfg;                /* owns */
    uint32_t worker_cnt;
    uint32_t listener_cnt;
    struct lg_listener *listeners; /* owns; same order as cfg->listeners */
    uint32_t pool_cnt;
    struct lg_pool_entry *pools; /* owns; same order as cfg->pools */
    uint32_t check_cnt;
    struct lg_check_entry *checks; /* owns */
    uint32_t check_mask;           /* control only, as is the map: address -> index + 1 */
    uint32_t *check_map;           /* owns */
    uint32_t bind_mask;
    struct lg_bind_slot *binds;         /* owns; bind_mask + 1 slots */
    struct lg_snapshot_worker *workers; /* owns; worker_cnt */
};

/* lg_snapshot_find: the listener bound to an address (exact, then the family's wildcard), or
 * NULL. Thread any, pure. Cost O(1). */
const struct lg_listener *lg_snapshot_find(const struct lg_snapshot *s, const lg_ip_t *ip,
                                           uint16_t port);
/* lg_snapshot_heir: the listener of s that has the name of l, of another snapshot; NULL: none.
 * lg_snapshot_pool: the pool of that name, looked for at idx first; NULL: none. Thread any, pure.
 * Cost O(1) where nothing has moved, else O(listeners), O(pools) */
const struct lg_listener *lg_snapshot_heir(const struct lg_snapshot *s,
                                           const struct lg_listener *l);
const struct lg_pool_entry *lg_snapshot_pool(const struct lg_snapshot *s, const char *name,
                                             uint32_t idx);
/* The slot at which lg_snapshot_find starts looking for an address (for the builder). */
uint32_t lg_snapshot_bind_hash(const lg_ip_t *ip, uint16_t port);

/* lg_snapshot_pools_open builds pools and the workers' views of them into a snapshot that has cfg,
 * generation, worker_cnt and workers. Backends that prev (NULL: none) has too keep their seats.
 *   Returns  LG_OK or LG_E(NOMEM); lg_snapshot_pools_close takes what is there
 *   Thread   control or boot */
LG_MUST lg_err_t lg_snapshot_pools_open(struct lg_snapshot *s, const struct lg_snapshot *prev);
void lg_snapshot_pools_close(struct lg_snapshot *s);
/* lg_snapshot_checks_open and close are parts of the two. */
LG_MUST lg_err_t lg_snapshot_checks_open(struct lg_snapshot *s, const struct lg_snapshot *prev);
void lg_snapshot_checks_close(struct lg_snapshot *s);

static inline void lg_snapshot_pin(const struct lg_snapshot *s, uint32_t worker)
{
    _Atomic uint64_t *pins = &s->workers[worker].pins;
    atomic_store_explicit(pins, atomic_load_explicit(pins, memory_order_relaxed) + 1,
                          memory_order_release);
}

static inline void lg_snapshot_unpin(const struct lg_snapshot *s, uint32_t worker)
{
    _Atomic uint64_t *pins = &s->workers[worker].pins;
    atomic_store_explicit(pins, atomic_load_explicit(pins, memory_order_relaxed) - 1,
                          memory_order_release);
}

#endif
