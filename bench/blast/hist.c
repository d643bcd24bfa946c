/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hist.c: see hist.h. Slot layout: values below 2^PARTS units have a slot each; above, each power
 * of two has 2^PARTS slots, of which the index is (exponent, leading PARTS bits). */
#include "hist.h"

#include <math.h>
#include <string.h>

#define PARTS (1u << BL_HIST_LOG2_PARTS)

void bl_hist_init(struct bl_hist *h)
{
    memset(h, 0, sizeof *h);
    h->min_ns = UINT64_MAX;
}

static uint32_t slot_of(lg_ns_t ns)
{
    uint64_t v = ns >> BL_HIST_LOG2_UNIT;
    if (v < PARTS)
        return (uint32_t)v;
    uint32_t log2 = 63u - (uint32_t)__builtin_clzll(v);
    uint32_t shift = log2 - BL_HIST_LOG2_PARTS;
    uint32_t slot = ((shift + 1) << BL_HIST_LOG2_PARTS) + ((uint32_t)(v >> shift) - PARTS);
    return LG_MIN(slot, BL_HIST_SLOTS - 1);
}

/* slot_top: the largest value that falls into a slot. */
static lg_ns_t slot_top(uint32_t slot)
{
    uint64_t next; /* the first value behind it, in units */
    if (slot < PARTS) {
        next = slot + 1u;
    } else {
        uint32_t shift = (slot >> BL_HIST_LOG2_PARTS) - 1;
        next = ((uint64_t)(slot & (PARTS - 1)) + PARTS + 1) << shift;
    }
    return (next << BL_HIST_LOG2_UNIT) - 1;
}

void bl_hist_add(struct bl_hist *h, lg_ns_t ns)
{
    h->cnt++;
    h->sum_ns += (double)ns;
    h->min_ns = LG_MIN(h->min_ns, ns);
    h->max_ns = LG_MAX(h->max_ns, ns);
    h->slot[slot_of(ns)]++;
}

lg_ns_t bl_hist_at(const struct bl_hist *h, double share)
{
    uint64_t want = (uint64_t)ceil(share * (double)h->cnt), seen = 0;
    if (h->cnt == 0)
        return 0;
    want = LG_MAX(want, 1u);
    for (uint32_t i = 0; i < BL_HIST_SLOTS; i++) {
        seen += h->slot[i];
        if (seen >= want)
            return LG_MAX(LG_MIN(slot_top(i), h->max_ns), h->min_ns);
    }
    return h->max_ns;
}

double bl_hist_mean(const struct bl_hist *h)
{
    return h->cnt ? h->sum_ns / (double)h->cnt : 0;
}

static double deviation(const struct bl_hist *h)
{
    double mean = bl_hist_mean(h), sum = 0;
    for (uint32_t i = 0; i < BL_HIST_SLOTS; i++) {
        double d = (double)slot_top(i) - mean;
        sum += h->slot[i] ? d * d * (double)h->slot[i] : 0;
    }
    return h->cnt ? sqrt(sum / (double)h->cnt) : 0;
}

/* count_at: values up to the slot of ns. */
static uint64_t count_at(const struct bl_hist *h, lg_ns_t ns)
{
    uint64_t n = 0;
    for (uint32_t i = 0, last = slot_of(ns); i <= last; i++)
        n += h->slot[i];
    return n;
}

void bl_hist_print(const struct bl_hist *h, FILE *out)
{
    double share = 0;
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    while (h->cnt && share < 1) {
        lg_ns_t ns = bl_hist_at(h, share);
        uint64_t n = count_at(h, ns);
        if (n >= h->cnt)
            break;
        fprintf(out, "%12.3f %14.12f %10llu %14.2f\n", (double)ns / 1e3, share,
                (unsigned long long)n, 1 / (1 - share));
        double halvings = floor(-log2(1 - share)) + 1; /* of the distance to 1 */
        share += 1 / (5 * exp2(halvings));
    }
    fprintf(out, "%12.3f %14.12f %10llu\n", (double)h->max_ns / 1e3, 1.0,
            (unsigned long long)h->cnt);
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", bl_hist_mean(h) / 1e3,
            deviation(h) / 1e3);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max_ns / 1e3,
            (unsigned long long)h->cnt);
    fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n",
            BL_HIST_LOG2_MAX - BL_HIST_LOG2_UNIT - BL_HIST_LOG2_PARTS + 1, PARTS);
}
