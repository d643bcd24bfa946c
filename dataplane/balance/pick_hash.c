/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick_hash.c: consistent hashing: Maglev's table, built by the control thread, and its use. */
#include "pick.h"

#define TRIES 8u /* slots to look at before the slow way */
#define GOLDEN 0x9e3779b97f4a7c15ull

uint32_t lg_maglev_slots(uint32_t cnt)
{
    /* The largest primes below 2^10, 2^12 ... 2^22. */
    static const uint32_t primes[] = {1021, 4093, 16381, 65521, 262139, 1048573, 4194301};
    uint32_t i = 0;

    while (primes[i] < 640 * (uint64_t)cnt && i < 5)
        i++;
    return primes[i] < 64 * (uint64_t)cnt ? primes[6] : primes[i];
}

/* next_free gives the next slot of one backend's own order that is free yet. */
static uint32_t next_free(uint32_t *at, uint32_t skip, const uint16_t *table, uint32_t slot_cnt)
{
    while (table[*at] != LG_MAGLEV_NONE)
        *at = (uint32_t)(((uint64_t)*at + skip) % slot_cnt);
    return *at;
}

void lg_maglev_build(const uint64_t *ids, const uint32_t *weights, uint32_t cnt, uint32_t *scratch,
                     uint16_t *table, uint32_t slot_cnt)
{
    uint32_t *at = scratch, *skip = scratch + cnt, *credit = scratch + 2 * cnt;
    uint32_t weight_max = 0, used = 0;

    for (uint32_t i = 0; i < cnt; i++) {
        at[i] = (uint32_t)(lg_bal_mix(ids[i]) % slot_cnt);
        skip[i] = (uint32_t)(lg_bal_mix(ids[i] + GOLDEN) % (slot_cnt - 1)) + 1;
        credit[i] = 0;
        weight_max = LG_MAX(weight_max, weights[i]);
    }
    for (uint32_t i = 0; i < slot_cnt; i++)
        table[i] = LG_MAGLEV_NONE;
    /* The backends take turns; one of half the weight has its turn every second time. */
    while (used < slot_cnt && weight_max > 0)
        for (uint32_t i = 0; i < cnt && used < slot_cnt; i++) {
            credit[i] += weights[i];
            if (credit[i] < weight_max)
                continue;
            credit[i] -= weight_max;
            table[next_free(&at[i], skip[i], table, slot_cnt)] = (uint16_t)i;
            used++;
        }
}

/* rendezvous: every backend that may be picked draws a number for the key; the highest wins. */
static uint32_t rendezvous(const struct lg_bal_item *items, uint32_t cnt, uint64_t key)
{
    uint32_t best = LG_PICK_NONE;
    uint64_t best_score = 0;

    for (uint32_t i = 0; i < cnt; i++) {
        uint64_t score = lg_bal_mix(key ^ lg_bal_mix(items[i].id + GOLDEN));
        if (items[i].weight == 0 || (best != LG_PICK_NONE && score <= best_score))
            continue;
        best = i;
        best_score = score;
    }
    return best;
}

uint32_t lg_pick_hash(const struct lg_bal_item *items, uint32_t cnt, const uint16_t *table,
                      uint32_t slot_cnt, uint64_t key)
{
    for (uint32_t n = 0; table && n < TRIES; n++) {
        uint64_t h = lg_bal_mix(key + n * GOLDEN);
        uint32_t i = table[h % slot_cnt];
        if (i >= cnt || items[i].weight == 0)
            continue;
        /* The high bits, which have not chosen the slot. */
        if (items[i].weight < items[i].full && (h >> 40) % items[i].full >= items[i].weight)
            continue;
        return i;
    }
    return rendezvous(items, cnt, key);
}
