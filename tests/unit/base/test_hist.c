/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The histogram by powers of two, and what is kept of a worker's turns. */
#include "load.h"
#include "t.h"

TEST(Hist, PutsEachValueBelowItsBound)
{
    static const uint64_t values[] = {
        0,          1,         32767, 32768, 65535, 65536, 1u << 20, 1ull << 34, (1ull << 35) - 1,
        1ull << 35, UINT64_MAX};

    for (size_t i = 0; i < LG_ARRAY_CNT(values); i++) {
        uint32_t idx = lg_hist_idx(values[i]);
        EXPECT(idx < LG_HIST_CNT);
        EXPECT(values[i] < lg_hist_bound(idx) || idx + 1 == LG_HIST_CNT);
        EXPECT(idx == 0 || values[i] >= lg_hist_bound(idx - 1));
    }
    EXPECT_EQ(lg_hist_bound(0), 32768);
    EXPECT_EQ(lg_hist_bound(LG_HIST_CNT - 1), UINT64_MAX);
}

TEST(Hist, GivesCountSumAndQuantiles)
{
    struct lg_hist h = {0}, both = {0};

    EXPECT_EQ(lg_hist_quantile(&h, 990), 0);
    for (int i = 0; i < 99; i++)
        lg_hist_add(&h, 1000);
    lg_hist_add(&h, 1u << 20);
    EXPECT_EQ(lg_hist_cnt(&h), 100);
    EXPECT_EQ(h.sum, 99000 + (1u << 20));
    EXPECT_EQ(lg_hist_quantile(&h, 990), 32768);
    EXPECT_EQ(lg_hist_quantile(&h, 1000), 1u << 21);
    lg_hist_sum(&h, &both);
    lg_hist_sum(&h, &both);
    EXPECT_EQ(lg_hist_cnt(&both), 200);
}

TEST(Load, KeepsTheLongestTurnOfThisWindowAndTheLast)
{
    static struct lg_load l, seen;
    lg_ns_t window = 1ull << LG_LOAD_LOG2_WINDOW_NS;

    lg_load_turn(&l, 500, window);
    lg_load_turn(&l, 900, window);
    lg_load_turn(&l, 700, 2 * window - 1);
    lg_load_read(&l, &seen);
    EXPECT_EQ(seen.max[0], 900);
    lg_load_turn(&l, 100, 2 * window);
    lg_load_read(&l, &seen);
    EXPECT_EQ(seen.max[0], 100);
    EXPECT_EQ(seen.max[1], 900);
    lg_load_turn(&l, 50, 9 * window); /* nothing in between: what was long ago does not count */
    lg_load_read(&l, &seen);
    EXPECT_EQ(seen.max[0], 50);
    EXPECT_EQ(seen.max[1], 0);
    EXPECT_EQ(lg_hist_cnt(&seen.turns), 5);
}

TEST(Load, SharesATurnOutAmongItsStages)
{
    static struct lg_load l;
    struct lg_stamps s;

    for (uint32_t i = 0; i <= LG_STAGE_CNT; i++)
        s.at[i] = 1000 + i * i;
    lg_load_stages(&l, &s);
    EXPECT_EQ(l.stage[LG_STAGE_ORDERS], 1);
    EXPECT_EQ(l.stage[LG_STAGE_SHAKE], 2 * LG_STAGE_CNT - 1);
    EXPECT_STR(lg_stage_name(LG_STAGE_EVENTS), "events");
}
