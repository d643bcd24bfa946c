/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stat.h: the counters of one worker, from the one list in stat.def. Only the owner writes; the
 * control thread reads with relaxed loads, so a value is never torn and a bump costs one add. */
#ifndef LG_STAT_H
#define LG_STAT_H

#include "base.h"

enum lg_stat {
#define X(name, text) LG_STAT_##name,
#include "stat.def"
#undef X
    LG_STAT_CNT
};

struct lg_stats {
    alignas(LG_CACHE_PAIR) uint64_t v[LG_STAT_CNT];
};

static inline void lg_stat_add(struct lg_stats *s, enum lg_stat id, uint64_t n)
{
    __atomic_store_n(&s->v[id], s->v[id] + n, __ATOMIC_RELAXED);
}

static inline void lg_stat_inc(struct lg_stats *s, enum lg_stat id)
{
    lg_stat_add(s, id, 1);
}

/* lg_stat_get reads from any thread. */
static inline uint64_t lg_stat_get(const struct lg_stats *s, enum lg_stat id)
{
    return __atomic_load_n(&s->v[id], __ATOMIC_RELAXED);
}

/* lower-case name ("tcp_accepted") and help text of a counter. Thread any. */
const char *lg_stat_name(enum lg_stat id);
const char *lg_stat_text(enum lg_stat id);

#endif
