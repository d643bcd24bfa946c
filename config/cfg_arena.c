/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* cfg_arena.c: a list of chunks; a piece is cut from the newest, large pieces get a chunk alone. */
#include "cfg_arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SZ 32768u
#define ALIGN alignof(max_align_t)

struct chunk {
    struct chunk *next;
    alignas(max_align_t) uint8_t bytes[];
};

struct lg_arena {
    struct chunk *chunks; /* owns */
    uint8_t *at;          /* borrows: free bytes of the newest shared chunk */
    size_t left;
};

struct lg_arena *lg_arena_open(void)
{
    return calloc(1, sizeof(struct lg_arena));
}

void lg_arena_close(struct lg_arena *a)
{
    if (!a)
        return;
    for (struct chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

static uint8_t *add_chunk(struct lg_arena *a, size_t sz)
{
    struct chunk *c = calloc(1, sizeof *c + sz);
    if (!c)
        return NULL;
    c->next = a->chunks;
    a->chunks = c;
    return c->bytes;
}

void *lg_arena_alloc(struct lg_arena *a, size_t cnt, size_t sz)
{
    size_t total;

    if (__builtin_mul_overflow(cnt, sz, &total) || total > SIZE_MAX / 2)
        return NULL;
    total = (LG_MAX(total, (size_t)1) + ALIGN - 1) & ~(ALIGN - 1);
    if (total > CHUNK_SZ / 4)
        return add_chunk(a, total);
    if (total > a->left) {
        uint8_t *bytes = add_chunk(a, CHUNK_SZ);
        if (!bytes)
            return NULL;
        a->at = bytes;
        a->left = CHUNK_SZ;
    }
    void *p = a->at;
    a->at += total;
    a->left -= total;
    return p;
}

char *lg_arena_str(struct lg_arena *a, const char *s, size_t len)
{
    char *p = len < SIZE_MAX ? lg_arena_alloc(a, len + 1, 1) : NULL;
    if (p && len > 0)
        memcpy(p, s, len);
    return p;
}
