/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pick_rr.c: round robin. */
#include "pick_rr.h"
#include "t.h"

TEST(PickRr, GivesNoneForAnEmptyPool)
{
    uint32_t next = 0;
    EXPECT_EQ(lg_pick_rr(0, &next), LG_PICK_NONE);
    EXPECT_EQ(lg_pick_rr_except(0, &next, 0), LG_PICK_NONE);
}

TEST(PickRr, GoesRoundInOrder)
{
    uint32_t next = 1;
    EXPECT_EQ(lg_pick_rr(3, &next), 1);
    EXPECT_EQ(lg_pick_rr(3, &next), 2);
    EXPECT_EQ(lg_pick_rr(3, &next), 0);
    EXPECT_EQ(lg_pick_rr(3, &next), 1);
}

TEST(PickRr, StartsOverWhenTheCounterIsPastTheEnd)
{
    uint32_t next = 99;
    EXPECT_EQ(lg_pick_rr(3, &next), 0);
    EXPECT_EQ(lg_pick_rr(3, &next), 1);
}

TEST(PickRr, NeverGivesTheExcludedOne)
{
    uint32_t next = 0;
    for (int i = 0; i < 12; i++)
        EXPECT(lg_pick_rr_except(3, &next, 1) != 1);
    next = 1;
    EXPECT_EQ(lg_pick_rr_except(3, &next, 1), 2);
}

TEST(PickRr, GivesNoneWhenTheOnlyOneIsExcluded)
{
    uint32_t next = 0;
    EXPECT_EQ(lg_pick_rr_except(1, &next, 0), LG_PICK_NONE);
    EXPECT_EQ(lg_pick_rr_except(1, &next, 7), 0);
}

TEST(PickRr, SpreadsEvenlyOverManyRounds)
{
    uint32_t next = 0, hits[5] = {0};
    for (int i = 0; i < 5000; i++)
        hits[lg_pick_rr(5, &next)]++;
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(hits[i], 1000);
}
