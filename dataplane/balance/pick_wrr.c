/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick_wrr.c: smooth weighted round robin. */
#include "pick.h"

uint32_t lg_pick_wrr(struct lg_bal_item *items, uint32_t cnt)
{
    uint32_t best = LG_PICK_NONE;
    int64_t total = 0;

    for (uint32_t i = 0; i < cnt; i++) {
        struct lg_bal_item *it = &items[i];
        if (it->weight == 0)
            continue;
        it->current += it->weight;
        total += it->weight;
        if (best == LG_PICK_NONE || it->current > items[best].current)
            best = i;
    }
    if (best != LG_PICK_NONE)
        items[best].current -= total;
    return best;
}
