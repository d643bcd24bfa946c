/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h: the workers' clock: nanoseconds of the invariant TSC since its zero. Read once a loop
 * turn. The control thread uses the same scale for deadlines it gives to workers. */
#ifndef LG_CLOCK_H
#define LG_CLOCK_H

#include "ns.h"

#include <rte_cycles.h>

/* ns = tsc * mult / 2^32. Written at boot, read-only after. */
struct lg_clock {
    uint64_t mult;
};

static inline struct lg_clock lg_clock_init(void)
{
    return (struct lg_clock){(uint64_t)(((unsigned __int128)1000000000u << 32) / rte_get_tsc_hz())};
}

static inline lg_ns_t lg_clock_ns(const struct lg_clock *c, uint64_t tsc)
{
    return (lg_ns_t)(((unsigned __int128)tsc * c->mult) >> 32);
}

/* lg_core_now: the same clock for whoever reads it rarely. Thread any. */
static inline lg_ns_t lg_core_now(void)
{
    struct lg_clock c = lg_clock_init();
    return lg_clock_ns(&c, rte_rdtsc());
}

#endif
