/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns.h: all time inside Lockgate is nanoseconds of one monotonic clock (the TSC on workers),
 * read once per loop turn and handed down. Nothing below core/ reads a clock. */
#ifndef LG_NS_H
#define LG_NS_H

#include "base.h"

typedef uint64_t lg_ns_t;

#define LG_NS_NEVER UINT64_MAX
#define LG_US(n) ((lg_ns_t)(n)*1000u)
#define LG_MS(n) ((lg_ns_t)(n)*1000000u)
#define LG_SEC(n) ((lg_ns_t)(n)*1000000000u)

/* lg_ns_add adds without wrapping: anything past the end of time is LG_NS_NEVER. */
static inline lg_ns_t lg_ns_add(lg_ns_t a, lg_ns_t b)
{
    lg_ns_t sum = a + b;
    return sum < a ? LG_NS_NEVER : sum;
}

/* lg_ns_since is now - then, 0 when then lies in the future. */
static inline lg_ns_t lg_ns_since(lg_ns_t now, lg_ns_t then)
{
    return now > then ? now - then : 0;
}

#endif
