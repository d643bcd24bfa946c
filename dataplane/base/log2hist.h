/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log2hist.h: a histogram by powers of two that one thread writes and others read: what a worker
 * knows of durations. Adding costs a count of leading zeroes and two stores to the owner's own
 * lines.
 *
 * Bucket i counts values below 2^(15 + i); the last one takes all that is left. In nanoseconds that
 * is 33 us, 66 us, ... 34 s. Readers use relaxed loads: each number is right by itself. */
#ifndef LG_LOG2HIST_H
#define LG_LOG2HIST_H

#include "base.h"

#define LG_HIST_CNT 22u
#define LG_HIST_LOG2_FIRST 15u

struct lg_hist {
    uint64_t sum;
    uint64_t bucket[LG_HIST_CNT];
};

/* lg_hist_idx: the bucket of a value. */
static inline uint32_t lg_hist_idx(uint64_t v)
{
    uint32_t bits = v ? 64u - (uint32_t)__builtin_clzll(v) : 0;
    uint32_t idx = bits > LG_HIST_LOG2_FIRST ? bits - LG_HIST_LOG2_FIRST : 0;
    return LG_MIN(idx, LG_HIST_CNT - 1);
}

/* lg_hist_add counts a value. Thread owner. */
static inline void lg_hist_add(struct lg_hist *h, uint64_t v)
{
    uint64_t *n = &h->bucket[lg_hist_idx(v)];

    __atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&h->sum, h->sum + v, __ATOMIC_RELAXED);
}

/* lg_hist_sum adds what h has to out, which is the caller's alone. Thread any. */
static inline void lg_hist_sum(const struct lg_hist *h, struct lg_hist *out)
{
    out->sum += __atomic_load_n(&h->sum, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < LG_HIST_CNT; i++)
        out->bucket[i] += __atomic_load_n(&h->bucket[i], __ATOMIC_RELAXED);
}

/* lg_hist_cnt: how many values the caller's own h has. */
static inline uint64_t lg_hist_cnt(const struct lg_hist *h)
{
    uint64_t cnt = 0;

    for (uint32_t i = 0; i < LG_HIST_CNT; i++)
        cnt += h->bucket[i];
    return cnt;
}

/* lg_hist_bound: values of bucket i are below it; UINT64_MAX for the last one. */
static inline uint64_t lg_hist_bound(uint32_t i)
{
    return i + 1 < LG_HIST_CNT ? 1ull << (LG_HIST_LOG2_FIRST + i) : UINT64_MAX;
}

/* lg_hist_quantile: the bound of the bucket in which the q-th value of 1000 lies; 0: there is none.
 * Of the last bucket, its lower end. */
uint64_t lg_hist_quantile(const struct lg_hist *h, uint32_t permille);

#endif
