/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pick.c: the ways to choose, each on a row of items made by hand. */
#include "pick.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

#define CNT 100
#define PICKS 100000u

static struct lg_bal_item items[CNT];
static struct lg_seat_part parts[CNT];
static uint32_t hits[CNT];

/* set_up gives the first cnt backends these weights (NULL: 1 each) and clean seats. */
static void set_up(uint32_t cnt, const uint32_t *weights)
{
    memset(items, 0, sizeof items);
    memset(parts, 0, sizeof parts);
    memset(hits, 0, sizeof hits);
    for (uint32_t i = 0; i < cnt; i++) {
        uint32_t w = (weights ? weights[i] : 1) * LG_WEIGHT_ONE;
        items[i] =
            (struct lg_bal_item){.weight = w, .live = w, .full = w, .own = &parts[i], .id = i};
    }
}

/* expect_shares: hits follow the weights, each within 1 % of all picks. */
static void expect_shares(uint32_t cnt, uint32_t picks)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < cnt; i++)
        total += items[i].weight;
    for (uint32_t i = 0; i < cnt; i++) {
        int64_t want = (int64_t)(picks * (uint64_t)items[i].weight / total);
        if (llabs((int64_t)hits[i] - want) > picks / 100)
            t_fail(__FILE__, __LINE__, "backend %u: %u of %u picks, expected %lld", i, hits[i],
                   picks, (long long)want);
    }
}

static const uint32_t uneven[] = {5, 1, 1, 3, 10, 0, 7};

TEST(Pick, GivesNoneWhenNobodyMayBePicked)
{
    uint32_t rotor = 0;
    uint64_t rng = 1;

    set_up(3, (const uint32_t[]){0, 0, 0});
    for (uint32_t cnt = 0; cnt <= 3; cnt += 3) {
        EXPECT_EQ(lg_pick_wrr(items, cnt), LG_PICK_NONE);
        EXPECT_EQ(lg_pick_least(items, cnt, &rotor), LG_PICK_NONE);
        EXPECT_EQ(lg_pick_ewma(items, cnt, &rng, 0), LG_PICK_NONE);
        EXPECT_EQ(lg_pick_hash(items, cnt, NULL, 0, 42), LG_PICK_NONE);
    }
}

TEST(Pick, WrrKeepsTheWeightsExactlyInEveryRound)
{
    set_up(7, uneven);
    for (uint32_t n = 0; n < 27 * 1000; n++)
        hits[lg_pick_wrr(items, 7)]++;
    for (uint32_t i = 0; i < 7; i++)
        EXPECT_EQ(hits[i], uneven[i] * 1000);
}

TEST(Pick, WrrSpreadsTheHeavyOneOut)
{
    char order[8] = "";

    set_up(3, (const uint32_t[]){5, 1, 1});
    for (int n = 0; n < 7; n++)
        order[n] = (char)('a' + lg_pick_wrr(items, 3));
    EXPECT_STR(order, "aabacaa");
}

TEST(Pick, WeightsHoldOverAHundredThousandPicks)
{
    uint64_t rng = 1;

    set_up(7, uneven);
    for (uint32_t n = 0; n < PICKS; n++)
        hits[lg_pick_wrr(items, 7)]++;
    expect_shares(7, PICKS);
    set_up(7, uneven);
    for (uint32_t n = 0; n < PICKS; n++) /* as fast as each other: weights alone decide */
        hits[lg_pick_ewma(items, 7, &rng, LG_SEC(1))]++;
    expect_shares(7, PICKS);
    EXPECT_EQ(hits[5], 0);
}

TEST(Pick, LeastHoldsTheWeightsInConnectionsAndGoesRoundAmongEquals)
{
    uint32_t rotor = 0;

    set_up(7, uneven);
    for (uint32_t n = 0; n < 27 * 100; n++) { /* nobody leaves */
        uint32_t i = lg_pick_least(items, 7, &rotor);
        lg_seat_enter(&parts[i]);
        hits[i]++;
    }
    expect_shares(7, 2700);
    set_up(3, NULL);
    rotor = 0;
    for (uint32_t n = 0; n < 9; n++) /* everybody leaves at once */
        EXPECT_EQ(lg_pick_least(items, 3, &rotor), n % 3);
}

TEST(Pick, LeastAvoidsTheBusyOneAlsoWhenOthersKeepItBusy)
{
    uint32_t rotor = 0;

    set_up(3, NULL);
    parts[1].active = 5;
    items[2].others = 5;
    for (int n = 0; n < 5; n++) {
        EXPECT_EQ(lg_pick_least(items, 3, &rotor), 0);
        lg_seat_enter(&parts[0]);
    }
}

TEST(Pick, EwmaShiftsAwayFromASlowBackendAndComesBack)
{
    lg_ns_t now = LG_SEC(100);
    uint64_t rng = 7;

    set_up(4, NULL);
    for (uint32_t i = 0; i < 4; i++)
        lg_ewma_observe(&parts[i], i == 2 ? LG_MS(500) : LG_MS(1), now);
    for (uint32_t n = 0; n < 10000; n++)
        hits[lg_pick_ewma(items, 4, &rng, now)]++;
    EXPECT_EQ(hits[2], 0); /* it loses against whichever is drawn beside it */
    for (int n = 0; n < 100; n++, now += LG_SEC(1)) /* now it is as quick as the others */
        for (uint32_t i = 0; i < 4; i++)
            lg_ewma_observe(&parts[i], LG_MS(1), now);
    hits[2] = 0;
    for (uint32_t n = 0; n < 10000; n++)
        hits[lg_pick_ewma(items, 4, &rng, now)]++;
    EXPECT(lg_ewma_at(&parts[2], now) < LG_MS(2));
    EXPECT(hits[2] > 0 || parts[2].ewma_ns > parts[0].ewma_ns);
}

TEST(Pick, EwmaDoesNotFloodABackendThatHasNotAnsweredYet)
{
    lg_ns_t now = LG_SEC(100);
    uint64_t rng = 7;

    set_up(3, NULL);
    lg_ewma_observe(&parts[0], LG_MS(1), now);
    lg_ewma_observe(&parts[1], LG_MS(1), now);
    for (uint32_t n = 0; n < 300; n++) { /* nobody leaves */
        uint32_t i = lg_pick_ewma(items, 3, &rng, now);
        lg_seat_enter(&parts[i]);
        hits[i]++;
    }
    EXPECT(hits[2] >= 80 && hits[2] <= 120);
}

TEST(Pick, EwmaTakesAPeakAtOnceAndForgetsItByAndBy)
{
    struct lg_seat_part p = {0};

    lg_ewma_observe(&p, LG_MS(1), LG_SEC(50));
    EXPECT_EQ(lg_ewma_at(&p, LG_SEC(50)), LG_MS(1));
    lg_ewma_observe(&p, LG_MS(100), LG_SEC(50));
    EXPECT_EQ(lg_ewma_at(&p, LG_SEC(50)), LG_MS(100));
    EXPECT_EQ(lg_ewma_at(&p, LG_SEC(60)), LG_MS(50)); /* nobody asks it any more */
    lg_ewma_observe(&p, LG_MS(10), LG_SEC(60));
    EXPECT_EQ(lg_ewma_at(&p, LG_SEC(60)), LG_MS(55));
}

/* ------------------------------------------------------------- Maglev */

static uint64_t ids[CNT];
static uint32_t scratch[3 * CNT];

static uint16_t *table_of(uint32_t cnt, const uint32_t *weights, uint32_t slot_cnt)
{
    uint16_t *table = calloc(slot_cnt, sizeof *table);
    uint32_t own[CNT];

    for (uint32_t i = 0; i < cnt; i++) {
        ids[i] = lg_bal_mix(1000 + i);
        own[i] = weights ? weights[i] : 1;
    }
    lg_maglev_build(ids, own, cnt, scratch, table, slot_cnt);
    return table;
}

TEST(Maglev, TableSizesArePrimeAndLargeEnough)
{
    const uint32_t cnts[] = {1, 2, 6, 100, 1000, 65534};

    for (size_t i = 0; i < LG_ARRAY_CNT(cnts); i++) {
        uint32_t n = lg_maglev_slots(cnts[i]);
        EXPECT(n >= 64 * cnts[i]);
        for (uint32_t d = 2; d * d <= n; d++)
            if (n % d == 0)
                t_fail(__FILE__, __LINE__, "%u slots for %u: divisible by %u", n, cnts[i], d);
    }
}

TEST(Maglev, FillsEverySlotAndKeepsTheWeights)
{
    uint32_t slots = lg_maglev_slots(7);
    uint16_t *table = table_of(7, uneven, slots);

    set_up(7, uneven);
    for (uint32_t i = 0; i < slots; i++) {
        REQUIRE(table[i] < 7);
        hits[table[i]]++;
    }
    expect_shares(7, slots);
    EXPECT_EQ(hits[5], 0);
    memset(hits, 0, sizeof hits);
    for (uint32_t n = 0; n < PICKS; n++)
        hits[lg_pick_hash(items, 7, table, slots, lg_bal_mix(n))]++;
    expect_shares(7, PICKS);
    free(table);
}

TEST(Maglev, GivesTheSameBackendForTheSameKey)
{
    uint32_t slots = lg_maglev_slots(5);
    uint16_t *table = table_of(5, NULL, slots);

    set_up(5, NULL);
    for (uint64_t key = 0; key < 1000; key++)
        EXPECT_EQ(lg_pick_hash(items, 5, table, slots, key),
                  lg_pick_hash(items, 5, table, slots, key));
    free(table);
}

TEST(Maglev, MovesHardlyMoreThanTheLeaversKeysWhenOneOfAHundredLeaves)
{
    uint32_t slots = lg_maglev_slots(CNT), weights[CNT], moved = 0, lost = 0;
    uint16_t *before = table_of(CNT, NULL, slots), *after;

    for (uint32_t i = 0; i < CNT; i++)
        weights[i] = i != 42;
    after = table_of(CNT, weights, slots);
    for (uint32_t i = 0; i < slots; i++) {
        lost += before[i] == 42;
        moved += before[i] != 42 && before[i] != after[i];
        EXPECT(after[i] != 42);
    }
    EXPECT(lost >= slots / 110 && lost <= slots / 90);
    if (moved > slots / 50)
        t_fail(__FILE__, __LINE__, "%u of %u slots moved beside the leaver's %u", moved, slots,
               lost);
    free(before);
    free(after);
}

TEST(Maglev, ABackendThatIsDownLosesItsKeysAndNobodyElseDoes)
{
    uint32_t slots = lg_maglev_slots(CNT), got = 0;
    uint16_t *table = table_of(CNT, NULL, slots);

    set_up(CNT, NULL);
    for (uint64_t key = 0; key < 20000; key++) {
        uint32_t before = lg_pick_hash(items, CNT, table, slots, key);
        items[42].weight = 0;
        uint32_t after = lg_pick_hash(items, CNT, table, slots, key);
        items[42].weight = items[42].full;
        if (before != 42)
            EXPECT_EQ(after, before);
        else
            hits[after]++, got++;
    }
    EXPECT(got > 100);
    for (uint32_t i = 0; i < CNT; i++) /* its keys are spread over many, not given to one */
        EXPECT(hits[i] < got / 4);
    free(table);
}

TEST(Maglev, SlowStartTakesAPartOfTheKeysThatAreIts)
{
    uint32_t slots = lg_maglev_slots(2), at_first = 0, in_full = 0;
    uint16_t *table = table_of(2, NULL, slots);

    set_up(2, NULL);
    for (uint64_t key = 0; key < 10000; key++) {
        uint32_t full = lg_pick_hash(items, 2, table, slots, key);
        items[1].weight = items[1].full / 4;
        uint32_t part = lg_pick_hash(items, 2, table, slots, key);
        items[1].weight = items[1].full;
        in_full += full == 1;
        at_first += part == 1;
    }
    EXPECT(in_full > 4800 && in_full < 5200);
    EXPECT(at_first < in_full / 2);
    EXPECT(at_first > in_full / 8);
    free(table);
}

TEST(Maglev, WithoutATableTheKeysAreSpreadByRendezvous)
{
    set_up(4, NULL);
    for (uint64_t key = 0; key < 10000; key++)
        hits[lg_pick_hash(items, 4, NULL, 0, key)]++;
    expect_shares(4, 10000);
}

TEST(Maglev, RendezvousMovesOnlyKeysOfTheNewcomer)
{
    static const uint64_t names[] = {11, 22, 99, 33, 44}; /* 99 comes into the middle of the list */
    uint32_t moved = 0;

    for (uint64_t key = 0; key < 10000; key++) {
        set_up(4, NULL);
        for (uint32_t i = 0; i < 4; i++)
            items[i].id = names[i < 2 ? i : i + 1];
        uint64_t before = items[lg_pick_hash(items, 4, NULL, 0, key)].id;
        set_up(5, NULL);
        for (uint32_t i = 0; i < 5; i++)
            items[i].id = names[i];
        uint64_t after = items[lg_pick_hash(items, 5, NULL, 0, key)].id;
        if (before == after)
            continue;
        moved++;
        EXPECT_EQ(after, 99);
    }
    EXPECT(moved > 1600 && moved < 2400); /* its fifth */
}
