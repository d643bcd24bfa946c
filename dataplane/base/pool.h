/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool.h: fixed-size objects over memory given at boot. Take and give are O(1), LIFO (the
 * warmest object first), and never call an allocator. Objects are addressed by pointer or by
 * index; the index is what tables store.
 *
 * Thread: owner core only, after init. */
#ifndef LG_POOL_H
#define LG_POOL_H

#include "base.h"

struct lg_pool {
    uint8_t *mem;       /* borrows: for the pool's life */
    uint32_t *free_idx; /* stack of free indexes, cnt_free deep */
    uint32_t obj_sz;    /* bytes, a multiple of 32 */
    uint32_t cnt;
    uint32_t cnt_free;
    uint32_t cnt_free_min; /* low-water mark of cnt_free */
};

/* lg_pool_footprint is the bytes of 64-byte-aligned memory lg_pool_init wants. */
size_t lg_pool_footprint(uint32_t cnt, size_t obj_sz);
/* lg_pool_init lays cnt objects of obj_sz bytes into mem (64-byte aligned, footprint bytes). */
void lg_pool_init(struct lg_pool *p, void *mem, uint32_t cnt, size_t obj_sz);

/* lg_pool_take gives an object with undefined content, or NULL when the pool is empty. */
static inline void *lg_pool_take(struct lg_pool *p)
{
    if (LG_UNLIKELY(p->cnt_free == 0))
        return NULL;
    uint32_t idx = p->free_idx[--p->cnt_free];
    if (p->cnt_free < p->cnt_free_min)
        p->cnt_free_min = p->cnt_free;
    return p->mem + (size_t)idx * p->obj_sz;
}

static inline uint32_t lg_pool_idx(const struct lg_pool *p, const void *obj)
{
    return (uint32_t)((size_t)((const uint8_t *)obj - p->mem) / p->obj_sz);
}

static inline void *lg_pool_at(const struct lg_pool *p, uint32_t idx)
{
    return p->mem + (size_t)idx * p->obj_sz;
}

static inline void lg_pool_give(struct lg_pool *p, void *obj)
{
    p->free_idx[p->cnt_free++] = lg_pool_idx(p, obj);
}

static inline uint32_t lg_pool_used(const struct lg_pool *p)
{
    return p->cnt - p->cnt_free;
}

#endif
