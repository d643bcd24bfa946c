/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cfg_arena.h: memory that is given piece by piece and freed whole. A config owns one; the parse
 * tree of a file lives in another, freed when the file has been read. Thread control or boot. */
#ifndef LG_CFG_ARENA_H
#define LG_CFG_ARENA_H

#include "base.h"

struct lg_arena;

/* lg_arena_open makes an empty arena; NULL when out of memory. */
struct lg_arena *lg_arena_open(void);
void lg_arena_close(struct lg_arena *a); /* NULL allowed */
/* lg_arena_alloc gives cnt * sz zeroed bytes, aligned for any type; NULL when out of memory or
 * when the product does not fit. cnt 0 gives a valid pointer that must not be read. */
void *lg_arena_alloc(struct lg_arena *a, size_t cnt, size_t sz);
/* lg_arena_str copies len bytes and adds a NUL; NULL when out of memory. */
char *lg_arena_str(struct lg_arena *a, const char *s, size_t len);

#endif
