/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seat.h: what is remembered of one backend for as long as any configuration names it.
 *
 * A snapshot says what a backend shall be; its seat says how it has been doing. A reload that keeps
 * a backend (same pool, same name, same address) keeps its seat, so connections in use, latencies
 * and failures are not forgotten by it, and a session under an older generation counts in the same
 * place as one under the newest.
 *
 * A seat has one part a worker, on cache lines of its own, written by that worker alone. Others
 * read the atomic fields with relaxed loads: each is a number of its own, nothing is published by
 * it, and being a moment late is the nature of the thing.
 *
 * Life: made and freed by the control thread, counted by the snapshots that name it. */
#ifndef LG_SEAT_H
#define LG_SEAT_H

#include "base.h"
#include "log2hist.h"
#include "ip.h"
#include "ns.h"

#include <stdatomic.h>

struct lg_seat_part {
    /* -- written by the owner, read by all -- */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t active; /* connections sessions use now */
    _Atomic uint64_t picked;                        /* times it was chosen */
    _Atomic uint64_t failed;                        /* refused, reset, no valid answer in time */
    _Atomic lg_ns_t ejected_until_ns;               /* left alone until then; eject.h */
    /* -- owner core only -- */
    int64_t current;     /* smooth weighted round robin, between two snapshots */
    lg_ns_t ewma_ns;     /* peak-sensitive latency; 0: none seen yet */
    lg_ns_t ewma_at_ns;  /* of the last observation */
    lg_ns_t up_since_ns; /* when it came (back) into use, for slow start */
    lg_ns_t ejected_ns;  /* how long the last ejection was */
    lg_ns_t win_begin_ns;
    uint32_t win_good, win_bad; /* answers of the window in progress */
    uint32_t fail_streak;       /* failures in a row */
    uint32_t eject_cnt;         /* ejections that are not forgiven */
    bool is_seen;               /* a view has looked at it: up_since_ns and was_up hold */
    bool was_up;
    bool is_warm; /* in use since the process started: no slow start */
    /* -- written by the owner, read when somebody asks; seldom -- */
    alignas(LG_CACHE_PAIR) uint64_t responses[6]; /* by their first digit */
    struct lg_hist connect_ns;                    /* until bytes may flow, TLS included */
    struct lg_hist response_ns; /* https: from the request to the response's head */
};

struct lg_seat {
    char *pool, *name; /* owns */
    struct lg_endpoint addr;
    uint32_t ref_cnt; /* snapshots; control only */
    uint32_t part_cnt;
    bool is_late; /* it came by a reload, into a site at work */
    struct lg_seat_part part[];
};

/* lg_seat_open makes a seat with one reference; NULL: out of memory. Thread control or boot. */
struct lg_seat *lg_seat_open(const char *pool, const char *name, const struct lg_endpoint *addr,
                             uint32_t part_cnt, bool is_late);
/* lg_seat_give drops a reference; the last one frees. NULL allowed. Thread control. */
void lg_seat_give(struct lg_seat *s);

static inline uint32_t lg_seat_active(const struct lg_seat_part *p)
{
    return atomic_load_explicit(&p->active, memory_order_relaxed);
}

/* lg_seat_count adds to one of the owner's numbers. Thread owner. */
static inline void lg_seat_count(_Atomic uint64_t *n)
{
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* lg_seat_enter, lg_seat_leave: a session begins and ends to use a connection. Thread owner. */
static inline void lg_seat_enter(struct lg_seat_part *p)
{
    atomic_store_explicit(&p->active, lg_seat_active(p) + 1, memory_order_relaxed);
}
static inline void lg_seat_leave(struct lg_seat_part *p)
{
    atomic_store_explicit(&p->active, lg_seat_active(p) - 1, memory_order_relaxed);
}

/* lg_seat_others sums `active` over the workers but one. Thread any. Cost O(part_cnt). */
uint32_t lg_seat_others(const struct lg_seat *s, uint32_t worker);

/* lg_ewma_observe takes one latency into account: a higher one at once, lower ones by and by, with
 * a time constant of 10 s. Thread owner. */
void lg_ewma_observe(struct lg_seat_part *p, lg_ns_t took_ns, lg_ns_t now_ns);
/* lg_ewma_at gives the estimate, which fades while nothing is observed, so that a backend that was
 * slow once is tried again. Thread owner. */
lg_ns_t lg_ewma_at(const struct lg_seat_part *p, lg_ns_t now_ns);

#endif
