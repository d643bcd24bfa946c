/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wheel.h: a hierarchical timer wheel, one per owner. Start and stop are O(1); a timer fires at
 * or up to one tick (131 us) after its time, never before. Meant to be used lazily: keep one
 * timer per object at the earliest deadline, and when it fires re-arm it if the deadline moved.
 *
 * After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987).
 * Thread: owner core only. */
#ifndef LG_WHEEL_H
#define LG_WHEEL_H

#include "base.h"
#include "ns.h"

#define LG_WHEEL_LOG2_TICK_NS 17u /* 131,072 ns */
#define LG_WHEEL_LOG2_SLOTS 8u
#define LG_WHEEL_SLOTS (1u << LG_WHEEL_LOG2_SLOTS)
#define LG_WHEEL_LEVELS 4u /* horizon 2^(17+32) ns = 6.5 days; later deadlines cascade again */

struct lg_timer {
    struct lg_timer *next;
    struct lg_timer **link; /* the pointer that points here; NULL: not started */
    lg_ns_t at_ns;
    uint16_t slot; /* level << 8 | slot, while started */
};

struct lg_wheel {
    uint64_t tick; /* the next tick to be run; ticks before it are done */
    uint32_t cnt;  /* timers started */
    uint64_t used[LG_WHEEL_LEVELS][LG_WHEEL_SLOTS / 64]; /* a bit for each slot not empty */
    struct lg_timer *slots[LG_WHEEL_LEVELS][LG_WHEEL_SLOTS];
};

typedef void lg_timer_fn(void *ctx, struct lg_timer *t, lg_ns_t now_ns);

void lg_wheel_init(struct lg_wheel *w, lg_ns_t now_ns);
/* lg_wheel_start arms t for at_ns, moving it when it was armed; t is zeroed before first use.
 * An at_ns in the past fires at the next poll. */
void lg_wheel_start(struct lg_wheel *w, struct lg_timer *t, lg_ns_t at_ns);
/* lg_wheel_stop: does nothing when t is not started. */
void lg_wheel_stop(struct lg_wheel *w, struct lg_timer *t);
static inline bool lg_timer_is_started(const struct lg_timer *t)
{
    return t->link != NULL;
}
/* lg_wheel_poll fires what is due by now_ns, at most `budget` timers (the rest at the next poll).
 * The callback may start and stop any timer, its own too.
 *   Returns  timers fired */
unsigned lg_wheel_poll(struct lg_wheel *w, lg_ns_t now_ns, unsigned budget, lg_timer_fn *fn,
                       void *ctx);
/* lg_wheel_next is a time no later than the first deadline: sleep until then. LG_NS_NEVER when
 * no timer is started. */
lg_ns_t lg_wheel_next(const struct lg_wheel *w);

#endif
