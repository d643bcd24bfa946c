/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base.h: the few words every file of Lockgate uses: attributes, branch hints, sizes.
 * It includes nothing of ours and declares no function with a body in a .c file. */
#ifndef LG_BASE_H
#define LG_BASE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LG_LIKELY(c) __builtin_expect(!!(c), 1)
#define LG_UNLIKELY(c) __builtin_expect(!!(c), 0)
#define LG_MUST __attribute__((warn_unused_result))
#define LG_PRINTF(fmt_idx, arg_idx) __attribute__((format(printf, fmt_idx, arg_idx)))
#define LG_UNUSED __attribute__((unused))
#define LG_ARRAY_CNT(a) (sizeof(a) / sizeof((a)[0]))
#define LG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define LG_MAX(a, b) ((a) > (b) ? (a) : (b))
#define LG_CACHE_LINE 64
/* Two lines: the adjacent-line prefetcher pulls pairs, so shared data is kept this far apart. */
#define LG_CACHE_PAIR 128
#define LG_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* lg_align_up rounds n up to a multiple of `align`, a power of two. */
static inline size_t lg_align_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* What became of one packet. Every DROP has bumped one counter of stat.def. */
enum lg_verdict { LG_KEEP, LG_DONE, LG_DROP };

#endif
