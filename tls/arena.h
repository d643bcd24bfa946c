/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena.h: the memory one worker's wolfSSL allocates from: pages of one size, each cut into
 * objects of one class, given back as a page when its last object is. No system call, no lock; a
 * full arena says NULL. It serves sizes up to LG_ARENA_MAX_OBJ and nothing larger.
 *
 * Thread: owner core; `used` may be read from any thread. */
#ifndef LG_ARENA_H
#define LG_ARENA_H

#include "base.h"

#define LG_ARENA_PAGE_SZ 32768
#define LG_ARENA_CLASS_CNT 28

struct lg_arena_page;

struct lg_arena {
    uint8_t *mem;                /* borrows: page-aligned pages, for life */
    struct lg_arena_page *pages; /* borrows: one descriptor a page */
    uint32_t page_cnt;
    uint32_t free_page;                /* head of the list of free pages; UINT32_MAX: none */
    uint32_t part[LG_ARENA_CLASS_CNT]; /* heads of the lists of pages with room, by class */
    uint64_t used;                     /* bytes of objects out */
    uint64_t peak;                     /* most of them ever */
    uint32_t pages_out;                /* pages that hold objects */
    uint32_t fail_cnt;                 /* takes refused: no page left */
    uint32_t too_big_cnt;              /* takes refused: above LG_ARENA_MAX_OBJ */
};

extern const uint32_t lg_arena_max_obj; /* bytes of the largest object */

/* lg_arena_footprint: bytes of 64-byte-aligned memory for at least sz bytes of objects. */
size_t lg_arena_footprint(size_t sz);
void lg_arena_init(struct lg_arena *a, void *mem, size_t sz);
/* lg_arena_take gives 16-byte-aligned memory with undefined content, or NULL. */
void *lg_arena_take(struct lg_arena *a, size_t sz);
/* lg_arena_give takes back what lg_arena_take gave, wiped by the caller where it was secret. */
void lg_arena_give(struct lg_arena *a, void *p);
/* lg_arena_obj_sz: usable bytes of an object. */
uint32_t lg_arena_obj_sz(const struct lg_arena *a, const void *p);

static inline bool lg_arena_has(const struct lg_arena *a, const void *p)
{
    return (size_t)((const uint8_t *)p - a->mem) < (size_t)a->page_cnt * LG_ARENA_PAGE_SZ;
}

#endif
