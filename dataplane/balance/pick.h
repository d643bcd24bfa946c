/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick.h: the ways to choose one of several backends. Pure: they see a row of items and the
 * caller's own state, nothing else; who may be picked at all is said by the weights (view.h).
 *
 *   items    the backends of one pool; weight 0: not to be picked
 *   Returns  an index in [0,cnt) whose weight is not 0, or LG_PICK_NONE when there is none
 *   Thread   owner of the state */
#ifndef LG_PICK_H
#define LG_PICK_H

#include "seat.h"

#define LG_PICK_NONE UINT32_MAX
#define LG_WEIGHT_ONE                                                                              \
    64u /* of an item, for weight 1 of the configuration: slow start divides it                    \
         */
#define LG_MAGLEV_NONE UINT16_MAX

struct lg_bal_item {
    uint32_t weight; /* for the pick: live, or 0 while it is not to be picked this time */
    uint32_t live;   /* what it is worth now */
    uint32_t full;   /* what it is worth when all is well */
    uint32_t others; /* connections of the other workers, as of the last look */
    int64_t current; /* smooth weighted round robin */
    uint64_t id;     /* tells the backends of a pool apart, on every machine, in whatever order */
    struct lg_seat *seat;
    struct lg_seat_part *own; /* this worker's part of the seat */
};

/* lg_pick_wrr is smooth weighted round robin: exact shares over any sum-of-weights picks, and the
 * picks of one backend are spread out, not in a row. Cost O(cnt). After Igor Sysoev's for nginx. */
uint32_t lg_pick_wrr(struct lg_bal_item *items, uint32_t cnt);

/* lg_pick_least gives the one with the fewest connections for its weight, in turn among equals.
 *   rotor  where to begin to look; moved on. Cost O(cnt) */
uint32_t lg_pick_least(const struct lg_bal_item *items, uint32_t cnt, uint32_t *rotor);

/* lg_pick_ewma draws two at random by their weights and takes the one where a request is likely to
 * wait less: latency times connections in use for its weight.
 *   rng  state of a generator; not 0. Cost O(cnt)
 * After Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001). */
uint32_t lg_pick_ewma(const struct lg_bal_item *items, uint32_t cnt, uint64_t *rng, lg_ns_t now_ns);

/* lg_pick_hash gives the same one for the same key as long as it can be picked, and moves only its
 * keys when it cannot. Items that are worth less than in full (slow start) take a part of theirs.
 *   table  of lg_maglev_build, slot_cnt slots; NULL: go by rendezvous alone
 *   Cost   O(1) while most can be picked, O(cnt) at worst */
uint32_t lg_pick_hash(const struct lg_bal_item *items, uint32_t cnt, const uint16_t *table,
                      uint32_t slot_cnt, uint64_t key);

/* lg_maglev_slots: how many slots a table for cnt backends has: a prime, some 640 a backend as
 * long as that stays under a million, never fewer than 64. */
uint32_t lg_maglev_slots(uint32_t cnt);
/* lg_maglev_build fills a table: each backend's part is as large as its weight, and hardly any slot
 * changes hands when one joins or leaves.
 *   ids      what tells the backends apart, the same on every machine; cnt of them
 *   weights  at least one not 0; cnt in [1, 65534]
 *   scratch  3 * cnt numbers
 *   table    slot_cnt of lg_maglev_slots(cnt)
 *   Thread   control. Cost O(slot_cnt * max weight / mean weight)
 * After Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (2016). */
void lg_maglev_build(const uint64_t *ids, const uint32_t *weights, uint32_t cnt, uint32_t *scratch,
                     uint16_t *table, uint32_t slot_cnt);

/* lg_bal_mix spreads the bits of a number. */
static inline uint64_t lg_bal_mix(uint64_t v)
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
    v = (v ^ v >> 27) * 0x94d049bb133111ebull;
    return v ^ v >> 31;
}

#endif
