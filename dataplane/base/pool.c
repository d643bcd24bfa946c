/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool.c: laying out a pool of fixed-size objects. */
#include "pool.h"

#define OBJ_ALIGN                                                                                  \
    32u /* half a line: what is larger than a line or two gains nothing by whole ones */

size_t lg_pool_footprint(uint32_t cnt, size_t obj_sz)
{
    return lg_align_up(obj_sz, OBJ_ALIGN) * cnt +
           lg_align_up(sizeof(uint32_t) * cnt, LG_CACHE_LINE);
}

void lg_pool_init(struct lg_pool *p, void *mem, uint32_t cnt, size_t obj_sz)
{
    size_t sz = lg_align_up(obj_sz, OBJ_ALIGN);
    *p = (struct lg_pool){.mem = mem, .obj_sz = (uint32_t)sz, .cnt = cnt, .cnt_free = cnt};
    p->cnt_free_min = cnt;
    p->free_idx = (uint32_t *)(void *)(p->mem + sz * cnt);
    /* Lowest index on top of the stack: a quiet worker touches few pages. */
    for (uint32_t i = 0; i < cnt; i++)
        p->free_idx[i] = cnt - 1 - i;
}
