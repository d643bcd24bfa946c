/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* seat.c: the life of seats (control), and the arithmetic of latencies (workers). */
#include "seat.h"

#include <stdlib.h>
#include <string.h>

#define EWMA_TAU_NS LG_SEC(10)

struct lg_seat *lg_seat_open(const char *pool, const char *name, const struct lg_endpoint *addr,
                             uint32_t part_cnt, bool is_late)
{
    size_t sz = sizeof(struct lg_seat) + part_cnt * sizeof(struct lg_seat_part);
    struct lg_seat *s = aligned_alloc(LG_CACHE_PAIR, lg_align_up(sz, LG_CACHE_PAIR));

    if (!s)
        return NULL;
    memset(s, 0, sz);
    s->ref_cnt = 1;
    s->part_cnt = part_cnt;
    s->addr = *addr;
    s->is_late = is_late;
    s->pool = strdup(pool);
    s->name = strdup(name);
    if (s->pool && s->name)
        return s;
    lg_seat_give(s);
    return NULL;
}

void lg_seat_give(struct lg_seat *s)
{
    if (!s || --s->ref_cnt > 0)
        return;
    free(s->pool);
    free(s->name);
    free(s);
}

uint32_t lg_seat_others(const struct lg_seat *s, uint32_t worker)
{
    uint32_t sum = 0;

    for (uint32_t k = 0; k < s->part_cnt; k++)
        if (k != worker)
            sum += lg_seat_active(&s->part[k]);
    return sum;
}

lg_ns_t lg_ewma_at(const struct lg_seat_part *p, lg_ns_t now_ns)
{
    lg_ns_t gone_ns = LG_MIN(lg_ns_since(now_ns, p->ewma_at_ns), 64 * EWMA_TAU_NS);

    /* tau / (tau + t): near exp(-t / tau) for short t, and division is all it takes. */
    return (lg_ns_t)((double)p->ewma_ns * ((double)EWMA_TAU_NS / (double)(EWMA_TAU_NS + gone_ns)));
}

void lg_ewma_observe(struct lg_seat_part *p, lg_ns_t took_ns, lg_ns_t now_ns)
{
    lg_ns_t gone_ns = lg_ns_since(now_ns, p->ewma_at_ns);

    if (took_ns >= p->ewma_ns) {
        p->ewma_ns = took_ns; /* a peak counts at once */
    } else {
        double w = (double)EWMA_TAU_NS / (double)(EWMA_TAU_NS + gone_ns);
        p->ewma_ns = (lg_ns_t)((double)p->ewma_ns * w + (double)took_ns * (1 - w));
    }
    p->ewma_at_ns = now_ns;
}
