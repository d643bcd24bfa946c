/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hist.h: a histogram of durations with a bounded relative error, after Gil Tene's HdrHistogram:
 * buckets whose width doubles, each cut into equal parts. Recording is a few instructions and never
 * allocates. Values are nanoseconds; beyond the range they count as the largest.
 *
 * Thread: one at a time. */
#ifndef BL_HIST_H
#define BL_HIST_H

#include "ns.h"

#include <stdio.h>

#define BL_HIST_LOG2_PARTS 7u /* 128 parts a power of two: values are off by at most 1/128 */
#define BL_HIST_LOG2_UNIT 6u  /* 64 ns: the smallest difference told */
#define BL_HIST_LOG2_MAX 40u  /* 2^40 ns: 18 minutes */
#define BL_HIST_SLOTS                                                                              \
    ((BL_HIST_LOG2_MAX - BL_HIST_LOG2_UNIT - BL_HIST_LOG2_PARTS + 1u) << BL_HIST_LOG2_PARTS)

struct bl_hist {
    uint64_t cnt;
    uint64_t min_ns, max_ns; /* exact; min is UINT64_MAX while empty */
    double sum_ns;
    uint64_t slot[BL_HIST_SLOTS];
};

void bl_hist_init(struct bl_hist *h);
void bl_hist_add(struct bl_hist *h, lg_ns_t ns);
/* bl_hist_at: the value that `share` of all recorded values do not exceed; share in [0,1]. The
 * highest value of its slot, as HdrHistogram tells it, and never above the maximum; 0 when empty.
 */
lg_ns_t bl_hist_at(const struct bl_hist *h, double share);
double bl_hist_mean(const struct bl_hist *h);
/* bl_hist_print writes HdrHistogram's percentile distribution, values in microseconds, five lines
 * for each halving of the distance to 100 %. */
void bl_hist_print(const struct bl_hist *h, FILE *out);

#endif
