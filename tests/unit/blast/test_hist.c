/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The histogram: its error stays within its bound, and its percentiles are those of the values. */
#include "hist.h"
#include "t.h"

#include <stdlib.h>

static struct bl_hist *new_hist(void)
{
    struct bl_hist *h = malloc(sizeof *h);
    bl_hist_init(h);
    return h;
}

TEST(Hist, AnEmptyOneTellsZeroes)
{
    struct bl_hist *h = new_hist();
    EXPECT_EQ(bl_hist_at(h, 0.5), 0);
    EXPECT(bl_hist_mean(h) == 0);
    free(h);
}

TEST(Hist, OneValueIsEveryPercentile)
{
    static const double shares[] = {0, 0.5, 0.99, 1};
    struct bl_hist *h = new_hist();
    bl_hist_add(h, 123457);
    for (size_t i = 0; i < LG_ARRAY_CNT(shares); i++)
        EXPECT_EQ(bl_hist_at(h, shares[i]), 123457);
    free(h);
}

TEST(Hist, EveryValueIsToldWithinOnePartIn128)
{
    for (lg_ns_t v = 64; v < LG_SEC(900); v += v / 3 + 7) {
        struct bl_hist *h = new_hist();
        bl_hist_add(h, v);
        bl_hist_add(h, LG_SEC(1000)); /* so that the maximum does not hide the slot's end */
        lg_ns_t told = bl_hist_at(h, 0.5);
        if (told < v || told - v > v / 128 + 64)
            t_fail(__FILE__, __LINE__, "%llu is told as %llu", (unsigned long long)v,
                   (unsigned long long)told);
        free(h);
    }
}

TEST(Hist, PercentilesAreThoseOfTheValues)
{
    struct bl_hist *h = new_hist();
    for (lg_ns_t us = 1; us <= 10000; us++)
        bl_hist_add(h, LG_US(us));
    lg_ns_t p50 = bl_hist_at(h, 0.5), p999 = bl_hist_at(h, 0.999);
    EXPECT(p50 >= LG_US(5000) && p50 <= LG_US(5045));
    EXPECT(p999 >= LG_US(9990) && p999 <= LG_US(10000));
    EXPECT_EQ(bl_hist_at(h, 1), LG_US(10000));
    EXPECT_EQ(h->min_ns, LG_US(1));
    EXPECT((uint64_t)bl_hist_mean(h) == LG_US(5000) + 500);
    free(h);
}

TEST(Hist, ValuesBeyondItsRangeCountAsTheLargest)
{
    struct bl_hist *h = new_hist();
    bl_hist_add(h, LG_SEC(100000));
    bl_hist_add(h, UINT64_MAX);
    EXPECT_EQ(h->cnt, 2);
    EXPECT_EQ(h->slot[BL_HIST_SLOTS - 1], 2);
    free(h);
}

TEST(Hist, PrintsHdrHistogramsForm)
{
    struct bl_hist *h = new_hist();
    char *text = NULL;
    size_t sz = 0;
    for (lg_ns_t us = 1; us <= 1000; us++)
        bl_hist_add(h, LG_US(us));
    FILE *f = open_memstream(&text, &sz);
    bl_hist_print(h, f);
    fclose(f);
    EXPECT_HAS(text, "Value     Percentile TotalCount 1/(1-Percentile)\n");
    EXPECT_HAS(text, " 0.500000000000 ");
    EXPECT_HAS(text, " 0.750000000000 ");
    EXPECT_HAS(text, "    1000.000 1.000000000000       1000\n");
    EXPECT_HAS(text, "#[Max     =     1000.000, Total count    =         1000]");
    /* Counts never fall, percentiles rise. */
    double last_value = -1, last_share = -1;
    for (char *line = strchr(text, '\n') + 2; *line && *line != '#';
         line = strchr(line, '\n') + 1) {
        double value = strtod(line, &line), share = strtod(line, &line);
        EXPECT(value >= last_value && share > last_share);
        last_value = value;
        last_share = share;
    }
    free(text);
    free(h);
}
