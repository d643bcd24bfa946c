/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_check.c: what answers do to the health board, and when a backend is left alone. */
#include "budget.h"
#include "check.h"
#include "eject.h"
#include "t.h"

static const struct lg_cfg_health cfg = {
    .rise = 2, .fall = 3, .interval_ns = LG_SEC(10), .fast_ns = LG_SEC(1)};

static struct lg_check *start(void)
{
    static const uint8_t ip[] = {10, 0, 0, 1};
    struct lg_endpoint addr = {lg_ip_v4(ip), 80};
    return lg_check_open(&addr, 4);
}

static bool record(struct lg_check *c, enum lg_check_result r)
{
    return lg_check_record(c, &cfg, r, 0, LG_MS(1), LG_SEC(1));
}

TEST(Check, TheFirstAnswerDecidesAlone)
{
    struct lg_check *c = start();
    EXPECT(!lg_check_is_down(c)); /* not known: taken for up */
    EXPECT(record(c, LG_CHECK_R_REFUSED));
    EXPECT(lg_check_is_down(c));
    lg_check_give(c);
    c = start();
    EXPECT(record(c, LG_CHECK_R_OK));
    EXPECT(!lg_check_is_down(c));
    lg_check_give(c);
}

TEST(Check, FallsAndRisesByAnswersInARow)
{
    struct lg_check *c = start();
    EXPECT(record(c, LG_CHECK_R_OK));
    EXPECT(!record(c, LG_CHECK_R_TIMEOUT));
    EXPECT(!record(c, LG_CHECK_R_STATUS));
    EXPECT(!record(c, LG_CHECK_R_OK)); /* not in a row */
    EXPECT(!record(c, LG_CHECK_R_TIMEOUT));
    EXPECT(!record(c, LG_CHECK_R_TIMEOUT));
    EXPECT(!lg_check_is_down(c));
    EXPECT(record(c, LG_CHECK_R_BODY));
    EXPECT(lg_check_is_down(c));
    EXPECT(!record(c, LG_CHECK_R_OK));
    EXPECT(!record(c, LG_CHECK_R_CLOSED));
    EXPECT(!record(c, LG_CHECK_R_OK));
    EXPECT(lg_check_is_down(c));
    EXPECT(record(c, LG_CHECK_R_OK));
    EXPECT(!lg_check_is_down(c));
    EXPECT_EQ(c->cnt, 11);
    EXPECT_EQ(c->failed_cnt, 6);
    EXPECT_EQ(c->result, LG_CHECK_R_OK);
    lg_check_give(c);
}

TEST(Check, AsksFasterWhileDownOrInDoubt)
{
    struct lg_check *c = start();
    for (uint64_t random = 0; random < 5; random++) {
        uint64_t spread = random * LG_SEC(1);
        EXPECT(lg_check_pause(c, &cfg, spread) <= LG_MS(1100)); /* unknown */
        EXPECT(lg_check_pause(c, &cfg, spread) >= LG_MS(900));
    }
    record(c, LG_CHECK_R_OK);
    EXPECT(lg_check_pause(c, &cfg, 12345) >= LG_SEC(9));
    EXPECT(lg_check_pause(c, &cfg, UINT64_MAX) <= LG_SEC(11));
    EXPECT(lg_check_pause(c, &cfg, LG_SEC(1)) != lg_check_pause(c, &cfg, LG_MS(3)));
    record(c, LG_CHECK_R_TIMEOUT);
    EXPECT(lg_check_pause(c, &cfg, 12345) <= LG_MS(1100));
    lg_check_give(c);
}

TEST(Check, OneWorkerRunsEach)
{
    uint32_t hits[4] = {0};
    for (uint8_t i = 0; i < 200; i++) {
        uint8_t ip[] = {10, 0, i, 1};
        struct lg_endpoint addr = {lg_ip_v4(ip), 80};
        struct lg_check *c = lg_check_open(&addr, 4), *same = lg_check_open(&addr, 4);
        EXPECT(c->worker < 4);
        EXPECT_EQ(c->worker, same->worker);
        hits[c->worker]++;
        lg_check_give(c);
        lg_check_give(same);
    }
    for (int k = 0; k < 4; k++)
        EXPECT(hits[k] > 25);
}

/* ------------------------------------------------------------- passive */

static const struct lg_cfg_ejection by_row = {
    .failures = 3, .time_ns = LG_SEC(10), .max_time_ns = LG_SEC(35), .window_ns = LG_SEC(10)};
static const struct lg_cfg_ejection by_rate = {.success_rate = 90,
                                               .min_requests = 10,
                                               .window_ns = LG_SEC(10),
                                               .time_ns = LG_SEC(10),
                                               .max_time_ns = LG_SEC(35)};

TEST(Eject, CountsFailuresInARow)
{
    struct lg_seat_part p = {0};
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_FAIL, LG_SEC(1)));
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_FAIL, LG_SEC(1)));
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_BAD, LG_SEC(1))); /* an answer ends the row */
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_FAIL, LG_SEC(1)));
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_FAIL, LG_SEC(1)));
    EXPECT(lg_eject_note(&p, &by_row, LG_OUT_FAIL, LG_SEC(1)));
}

TEST(Eject, StaysOutLongerEachTimeAndIsForgivenLater)
{
    struct lg_seat_part p = {0};
    lg_ns_t now = LG_SEC(100);
    const uint32_t want_s[] = {10, 20, 35, 35};
    for (int i = 0; i < 4; i++) {
        EXPECT_EQ(lg_eject(&p, &by_row, now), LG_SEC(want_s[i]));
        EXPECT(lg_is_ejected(&p, now + LG_SEC(want_s[i]) - 1));
        now += LG_SEC(want_s[i]);
        EXPECT(!lg_is_ejected(&p, now));
        /* Back, and at once out again: one failure is enough. */
        EXPECT(lg_eject_note(&p, &by_row, LG_OUT_FAIL, now));
    }
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_GOOD, now + LG_SEC(20)));
    EXPECT_EQ(p.eject_cnt, 4); /* not long enough */
    EXPECT(!lg_eject_note(&p, &by_row, LG_OUT_GOOD, now + LG_SEC(36)));
    EXPECT_EQ(lg_eject(&p, &by_row, now + LG_SEC(40)), LG_SEC(10));
}

TEST(Eject, LooksAtTheShareOfGoodAnswersInAWindow)
{
    struct lg_seat_part p = {0};
    lg_ns_t now = LG_SEC(100);
    (void)lg_eject_note(&p, &by_rate, LG_OUT_GOOD, now); /* begins a window */
    for (int i = 0; i < 19; i++)
        EXPECT(!lg_eject_note(&p, &by_rate, i % 5 ? LG_OUT_GOOD : LG_OUT_BAD, now + LG_SEC(1)));
    EXPECT(lg_eject_note(&p, &by_rate, LG_OUT_GOOD, now + LG_SEC(10))); /* 16 of 20 are too few */
    p = (struct lg_seat_part){0};
    for (int i = 0; i < 20; i++)
        EXPECT(!lg_eject_note(&p, &by_rate, i == 7 ? LG_OUT_BAD : LG_OUT_GOOD, now));
    EXPECT(!lg_eject_note(&p, &by_rate, LG_OUT_FAIL, now + LG_SEC(11))); /* 19 of 20 */
    EXPECT(!lg_eject_note(&p, &by_rate, LG_OUT_FAIL, now + LG_SEC(22))); /* too few to judge by */
}

/* ------------------------------------------------------------- retries */

TEST(Budget, EarnsByWhatBeginsAndByTime)
{
    struct lg_budget b = {0};
    uint32_t got = 0;
    for (int i = 0; i < 50; i++)
        got += lg_budget_take(&b, LG_SEC(7));
    EXPECT_EQ(got, 10); /* what it starts with */
    for (int i = 0; i < 4; i++)
        lg_budget_earn(&b, 20, LG_SEC(7));
    EXPECT(!lg_budget_take(&b, LG_SEC(7))); /* four fifths of one */
    lg_budget_earn(&b, 20, LG_SEC(7));
    EXPECT(lg_budget_take(&b, LG_SEC(7)));
    EXPECT(!lg_budget_take(&b, LG_MS(7999)));
    EXPECT(lg_budget_take(&b, LG_SEC(8)));
    EXPECT(!lg_budget_take(&b, LG_SEC(8)));
    for (got = 0; lg_budget_take(&b, LG_SEC(100000));) /* it does not save without end */
        got++;
    EXPECT_EQ(got, 100);
}
