/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick_rr.c: round robin over the backends of one pool. */
#include "pick_rr.h"

uint32_t lg_pick_rr(uint32_t cnt, uint32_t *next)
{
    if (cnt == 0)
        return LG_PICK_NONE;
    uint32_t idx = *next < cnt ? *next : 0;
    *next = idx + 1 < cnt ? idx + 1 : 0;
    return idx;
}

uint32_t lg_pick_rr_except(uint32_t cnt, uint32_t *next, uint32_t avoid)
{
    uint32_t idx = lg_pick_rr(cnt, next);
    if (idx != avoid)
        return idx;
    idx = lg_pick_rr(cnt, next);
    return idx != avoid ? idx : LG_PICK_NONE;
}
