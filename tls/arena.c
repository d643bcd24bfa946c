/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena.c: pages of objects of one size class. */
#include "arena.h"

#include <string.h>

#define NONE UINT32_MAX

/* Sizes wolfSSL asks for are spread from 16 bytes to a record with its overhead. */
static const uint32_t class_sz[LG_ARENA_CLASS_CNT] = {
    16,   32,   48,   64,   96,   128,  192,  256,  320,  384,  512,   640,   768,   1024,
    1280, 1536, 1808, 2048, 2512, 3264, 4080, 5456, 6544, 8176, 10912, 16368, 18944, 32768};

const uint32_t lg_arena_max_obj = 32768;

struct lg_arena_page {
    uint32_t next, prev; /* in the free list (next only) or its class's list of pages with room */
    uint16_t cls;
    uint16_t out_cnt;   /* objects out */
    uint16_t fresh_cnt; /* objects never given yet lie behind this one */
    uint16_t free_head; /* 1 + index of the first given-back object; 0: none */
};

static uint32_t class_of(size_t sz)
{
    for (uint32_t i = 0; i < LG_ARENA_CLASS_CNT; i++)
        if (sz <= class_sz[i])
            return i;
    return NONE;
}

static uint32_t page_objs(uint32_t cls)
{
    return LG_ARENA_PAGE_SZ / class_sz[cls];
}

size_t lg_arena_footprint(size_t sz)
{
    size_t pages = (sz + LG_ARENA_PAGE_SZ - 1) / LG_ARENA_PAGE_SZ;
    size_t desc = (pages * sizeof(struct lg_arena_page) + 63) & ~(size_t)63;
    return desc + pages * LG_ARENA_PAGE_SZ;
}

void lg_arena_init(struct lg_arena *a, void *mem, size_t sz)
{
    size_t pages = (sz + LG_ARENA_PAGE_SZ - 1) / LG_ARENA_PAGE_SZ;
    size_t desc = (pages * sizeof(struct lg_arena_page) + 63) & ~(size_t)63;
    *a = (struct lg_arena){.mem = (uint8_t *)mem + desc, .pages = mem, .page_cnt = (uint32_t)pages};
    for (uint32_t i = 0; i < a->page_cnt; i++)
        a->pages[i] = (struct lg_arena_page){.next = i + 1 < a->page_cnt ? i + 1 : NONE};
    a->free_page = a->page_cnt ? 0 : NONE;
    for (uint32_t i = 0; i < LG_ARENA_CLASS_CNT; i++)
        a->part[i] = NONE;
}

static void part_link(struct lg_arena *a, uint32_t idx)
{
    struct lg_arena_page *pg = &a->pages[idx];
    pg->prev = NONE;
    pg->next = a->part[pg->cls];
    if (pg->next != NONE)
        a->pages[pg->next].prev = idx;
    a->part[pg->cls] = idx;
}

static void part_unlink(struct lg_arena *a, uint32_t idx)
{
    struct lg_arena_page *pg = &a->pages[idx];
    if (pg->prev != NONE)
        a->pages[pg->prev].next = pg->next;
    else
        a->part[pg->cls] = pg->next;
    if (pg->next != NONE)
        a->pages[pg->next].prev = pg->prev;
}

static uint32_t page_open(struct lg_arena *a, uint32_t cls)
{
    uint32_t idx = a->free_page;
    if (idx == NONE)
        return NONE;
    a->free_page = a->pages[idx].next;
    a->pages[idx] = (struct lg_arena_page){.cls = (uint16_t)cls};
    part_link(a, idx);
    a->pages_out++;
    return idx;
}

void *lg_arena_take(struct lg_arena *a, size_t sz)
{
    uint32_t cls = class_of(sz);
    if (cls == NONE) {
        a->too_big_cnt++;
        return NULL;
    }
    uint32_t idx = a->part[cls];
    if (idx == NONE && (idx = page_open(a, cls)) == NONE) {
        a->fail_cnt++;
        return NULL;
    }
    struct lg_arena_page *pg = &a->pages[idx];
    uint8_t *base = a->mem + (size_t)idx * LG_ARENA_PAGE_SZ;
    uint8_t *obj;
    if (pg->free_head) {
        obj = base + (size_t)(pg->free_head - 1u) * class_sz[cls];
        memcpy(&pg->free_head, obj, sizeof pg->free_head);
    } else {
        obj = base + (size_t)pg->fresh_cnt++ * class_sz[cls];
    }
    if (++pg->out_cnt == page_objs(cls))
        part_unlink(a, idx);
    a->used += class_sz[cls];
    a->peak = LG_MAX(a->peak, a->used);
    return obj;
}

void lg_arena_give(struct lg_arena *a, void *p)
{
    size_t off = (size_t)((uint8_t *)p - a->mem);
    uint32_t idx = (uint32_t)(off / LG_ARENA_PAGE_SZ);
    struct lg_arena_page *pg = &a->pages[idx];
    uint32_t sz = class_sz[pg->cls];
    if (pg->out_cnt == page_objs(pg->cls))
        part_link(a, idx);
    memcpy(p, &pg->free_head, sizeof pg->free_head);
    pg->free_head = (uint16_t)(off % LG_ARENA_PAGE_SZ / sz + 1);
    a->used -= sz;
    if (--pg->out_cnt == 0) {
        part_unlink(a, idx);
        pg->next = a->free_page;
        a->free_page = idx;
        a->pages_out--;
    }
}

uint32_t lg_arena_obj_sz(const struct lg_arena *a, const void *p)
{
    return class_sz[a->pages[(size_t)((const uint8_t *)p - a->mem) / LG_ARENA_PAGE_SZ].cls];
}
