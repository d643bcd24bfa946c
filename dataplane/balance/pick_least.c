/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick_least.c: weighted least connections, and two choices by latency. */
#include "pick.h"

static uint64_t load_of(const struct lg_bal_item *it)
{
    return (uint64_t)lg_seat_active(it->own) + it->others;
}

uint32_t lg_pick_least(const struct lg_bal_item *items, uint32_t cnt, uint32_t *rotor)
{
    uint32_t best = LG_PICK_NONE, from = cnt ? *rotor % cnt : 0;

    for (uint32_t n = 0; n < cnt; n++) {
        uint32_t i = from + n < cnt ? from + n : from + n - cnt;
        const struct lg_bal_item *it = &items[i];
        if (it->weight == 0)
            continue;
        /* (a + 1) / weight(a) < (b + 1) / weight(b), without dividing */
        if (best == LG_PICK_NONE ||
            (load_of(it) + 1) * items[best].weight < (load_of(&items[best]) + 1) * it->weight)
            best = i;
    }
    if (best != LG_PICK_NONE)
        *rotor = best + 1;
    return best;
}

static uint64_t next_random(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return *rng * 0x2545f4914f6cdd1dull;
}

/* draw picks by weight, never `not`. */
static uint32_t draw(const struct lg_bal_item *items, uint32_t cnt, uint32_t not, uint64_t random)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < cnt; i++)
        total += i == not ? 0 : items[i].weight;
    uint64_t at = total ? (uint64_t)(((unsigned __int128)random * total) >> 64) : 0;
    for (uint32_t i = 0; i < cnt; i++) {
        uint32_t weight = i == not ? 0 : items[i].weight;
        if (at < weight)
            return i;
        at -= weight;
    }
    return LG_PICK_NONE;
}

/* What a request is likely to wait there, in nanoseconds times some constant. */
static double cost_of(const struct lg_bal_item *it, double latency)
{
    return latency * (1 + (double)load_of(it) * LG_WEIGHT_ONE / (double)it->weight);
}

/* is_better: a rather than b. One that has never answered is compared by what it has in use alone:
 * taken for infinitely quick, it would get everything until its first answer, or its last breath.
 */
static bool is_better(const struct lg_bal_item *a, const struct lg_bal_item *b, lg_ns_t now_ns)
{
    if (a->own->ewma_ns == 0 || b->own->ewma_ns == 0)
        return cost_of(a, 1) < cost_of(b, 1);
    return cost_of(a, (double)lg_ewma_at(a->own, now_ns) + 1) <
           cost_of(b, (double)lg_ewma_at(b->own, now_ns) + 1);
}

uint32_t lg_pick_ewma(const struct lg_bal_item *items, uint32_t cnt, uint64_t *rng, lg_ns_t now_ns)
{
    uint32_t one = draw(items, cnt, LG_PICK_NONE, next_random(rng));
    if (one == LG_PICK_NONE)
        return LG_PICK_NONE;
    uint32_t two = draw(items, cnt, one, next_random(rng));
    if (two == LG_PICK_NONE)
        return one;
    return is_better(&items[two], &items[one], now_ns) ? two : one;
}
