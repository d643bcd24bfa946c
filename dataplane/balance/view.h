/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.h: one pool as one worker sees it, and the choice of a backend.
 *
 * Two things come together here: the pool as configured, immutable (struct lg_bal_pool, of the
 * snapshot), and how its backends are doing (seats). A view puts them into a row of items with the
 * weight each is worth now. It looks again when some time has passed, about a millisecond, longer
 * with many backends: between two looks a pick reads nothing that another core writes.
 *
 * Workers do not agree with each other. Each keeps the weights in its own sequence, so they hold
 * for any sum of such sequences; workers start at different places of it. What others have in use
 * counts with `max_connections`, leastconn and ewma, as of the last look. */
#ifndef LG_VIEW_H
#define LG_VIEW_H

#include "check.h"
#include "config.h"
#include "eject.h"
#include "pick.h"

/* One pool of a snapshot. Immutable once built. */
struct lg_bal_pool {
    const struct lg_cfg_pool *cfg; /* borrows: of the snapshot */
    uint32_t cnt;                  /* of backends; > 0 */
    struct lg_seat **seats;        /* owns a reference to each; cnt */
    struct lg_check **checks;      /* owns; borrows each, of the snapshot; NULL: none are made */
    uint32_t slot_cnt;
    uint16_t *maglev; /* owns; NULL: balance needs none */
    bool has_limits;  /* some backend has max_connections */
    bool sees_others; /* a pick wants to know what other workers have in use */
};

struct lg_bal_view {
    const struct lg_bal_pool *pool; /* borrows: of the same snapshot */
    struct lg_bal_item *items;      /* owns; pool->cnt */
    uint32_t worker;
    uint32_t rotor;
    uint64_t rng;
    lg_ns_t look_ns;   /* when to look again; 0: now */
    uint32_t live_cnt; /* backends that are usable, backups too; as of the last look */
};

/* lg_bal_pool_open builds a pool; prev: the one of the same name in the snapshot before, whose
 * seats are kept where the backend is the same; NULL: none. Thread control or boot.
 *   Returns  LG_OK, or LG_E(NOMEM): lg_bal_pool_close takes what is there */
LG_MUST lg_err_t lg_bal_pool_open(struct lg_bal_pool *p, const struct lg_cfg_pool *cfg,
                                  const struct lg_bal_pool *prev, uint32_t worker_cnt,
                                  bool is_late);
void lg_bal_pool_close(struct lg_bal_pool *p);

/* lg_bal_view_open makes a worker's view of a pool. Thread control or boot. */
LG_MUST lg_err_t lg_bal_view_open(struct lg_bal_view *v, const struct lg_bal_pool *pool,
                                  uint32_t worker);
void lg_bal_view_close(struct lg_bal_view *v);

/* lg_bal_view_begin takes up where the snapshot before left off; lg_bal_view_end leaves it in the
 * seats. Thread owner. */
void lg_bal_view_begin(struct lg_bal_view *v);
void lg_bal_view_end(struct lg_bal_view *v);
/* lg_bal_view_stale makes the next pick look again. */
static inline void lg_bal_view_stale(struct lg_bal_view *v)
{
    v->look_ns = 0;
}

/* What a pick goes by. */
struct lg_bal_ask {
    uint64_t key; /* hash of what balance hashes */
    bool has_key; /* false: the request has nothing to hash; it goes round robin */
    const uint32_t *tried;
    uint32_t tried_cnt; /* indexes not to pick again */
    bool has_want;      /* this one, as long as it is alive, also when it drains */
    uint32_t want;
};

enum lg_bal_outcome {
    LG_BAL_PICKED,
    LG_BAL_FULL, /* those that could be picked have max_connections */
    LG_BAL_NONE, /* there is no other */
    LG_BAL_DEAD, /* no backend of the pool is usable */
};

/* lg_bal_pick chooses. Backups are looked at only when no other is usable.
 *   idx     on PICKED: the backend
 *   Thread  owner. Cost O(cnt) */
enum lg_bal_outcome lg_bal_pick(struct lg_bal_view *v, const struct lg_bal_ask *ask, lg_ns_t now_ns,
                                uint32_t *idx);

/* lg_bal_note tells how a backend has done, for passive health.
 *   Returns  0, or for how many nanoseconds it has been ejected by this */
lg_ns_t lg_bal_note(struct lg_bal_view *v, uint32_t idx, enum lg_outcome o, lg_ns_t now_ns);
/* lg_bal_is_full: a pick would give FULL. Cost O(cnt) */
bool lg_bal_is_full(struct lg_bal_view *v, const struct lg_bal_ask *ask, lg_ns_t now_ns);

/* lg_bal_hash hashes the key of a request; the same on every worker and every machine. */
uint64_t lg_bal_hash(const void *data, size_t len);

#endif
