/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_view.c: a pool as a worker sees it: who is offered, limits, backups, slow start, reloads. */
#include "t.h"
#include "view.h"

#include <stdlib.h>

static struct lg_cfg_backend backends[4];
static struct lg_cfg_pool cfg;
static struct lg_bal_pool pool;
static struct lg_bal_view views[2];

static void set_up(uint32_t cnt, enum lg_balance how)
{
    static char *names[] = {"a", "b", "c", "d"};

    for (uint32_t i = 0; i < 4; i++) {
        backends[i] = (struct lg_cfg_backend){.name = names[i], .weight = 1};
        backends[i].addr = (struct lg_endpoint){lg_ip_v4((uint8_t[]){10, 0, 0, (uint8_t)i}), 80};
    }
    cfg = (struct lg_cfg_pool){
        .name = "web", .backends = backends, .backend_cnt = cnt, .balance = {how, ""}};
}

static void open_all(const struct lg_bal_pool *prev)
{
    EXPECT_OK(lg_bal_pool_open(&pool, &cfg, prev, 2, prev != NULL));
    for (uint32_t k = 0; k < 2; k++) {
        EXPECT_OK(lg_bal_view_open(&views[k], &pool, k));
        lg_bal_view_begin(&views[k]);
    }
}

static void close_all(void)
{
    lg_bal_view_close(&views[0]);
    lg_bal_view_close(&views[1]);
    lg_bal_pool_close(&pool);
}

static const struct lg_bal_ask nothing;

/* pick gives the name of the backend worker k picks, or what came instead. */
static const char *pick(uint32_t k, const struct lg_bal_ask *ask, lg_ns_t now_ns)
{
    static const char *const words[] = {"", "full", "none", "dead"};
    uint32_t i = 99;
    enum lg_bal_outcome o = lg_bal_pick(&views[k], ask, now_ns, &i);

    return o == LG_BAL_PICKED ? cfg.backends[i].name : words[o];
}

TEST(View, WorkersStartAtDifferentBackendsAndKeepTheWeightsTogether)
{
    uint32_t hits[4] = {0};

    set_up(4, LG_BALANCE_ROUNDROBIN);
    backends[3].weight = 3;
    open_all(NULL);
    for (uint32_t n = 0; n < 6000; n++)
        hits[pick(n % 2, &nothing, LG_SEC(1) + n * LG_US(7))[0] - 'a']++;
    EXPECT_EQ(hits[0], 1000);
    EXPECT_EQ(hits[1], 1000);
    EXPECT_EQ(hits[2], 1000);
    EXPECT_EQ(hits[3], 3000);
    close_all();
    set_up(3, LG_BALANCE_ROUNDROBIN);
    open_all(NULL);
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "a");
    EXPECT_STR(pick(1, &nothing, LG_SEC(1)), "b");
    close_all();
}

/* A hundred thousand requests: by one worker, by two in turn, and by two of which one gets most. */
TEST(View, WeightsHoldWithinAPerCentOnOneWorkerAndOnTwo)
{
    static const uint32_t weights[4] = {1, 7, 3, 9};
    static const uint32_t second_gets[] = {0, 50, 3}; /* per cent */
    const uint32_t all = 100000;

    for (size_t way = 0; way < LG_ARRAY_CNT(second_gets); way++) {
        uint32_t hits[4] = {0};
        set_up(4, LG_BALANCE_ROUNDROBIN);
        for (uint32_t i = 0; i < 4; i++)
            backends[i].weight = weights[i];
        open_all(NULL);
        for (uint32_t n = 0; n < all; n++)
            hits[pick(n % 100 < second_gets[way], &nothing, LG_SEC(1) + n * LG_US(7))[0] - 'a']++;
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t want = all * weights[i] / 20,
                     off = hits[i] > want ? hits[i] - want : want - hits[i];
            if (off > want / 100)
                t_fail(__FILE__, __LINE__, "backend %u: %u, expected %u", i, hits[i], want);
        }
        close_all();
    }
}

/* ride sends requests of which each holds its backend until it has answered: b needs fifty times as
 * long as the others. Gives how many b got of 10,000. */
static uint32_t ride(enum lg_balance how)
{
    static struct {
        uint32_t backend, worker;
        lg_ns_t from_ns, until_ns;
    } open[16];
    uint32_t slow = 0;
    lg_ns_t now_ns = LG_SEC(1);

    memset(open, 0, sizeof open);
    set_up(4, how);
    open_all(NULL);
    for (uint32_t n = 0; n < 10000; n++) {
        uint32_t k = n % LG_ARRAY_CNT(open), i = 0, worker = n % 2;
        for (; open[k].until_ns > now_ns; k = (k + 1) % LG_ARRAY_CNT(open))
            now_ns += LG_US(10);
        if (open[k].until_ns) {
            struct lg_seat_part *own = &pool.seats[open[k].backend]->part[open[k].worker];
            lg_seat_leave(own);
            lg_ewma_observe(own, open[k].until_ns - open[k].from_ns, now_ns);
        }
        EXPECT_EQ(lg_bal_pick(&views[worker], &nothing, now_ns, &i), LG_BAL_PICKED);
        lg_seat_enter(&pool.seats[i]->part[worker]);
        open[k].backend = i;
        open[k].worker = worker;
        open[k].from_ns = now_ns;
        open[k].until_ns = now_ns + (i == 1 ? LG_MS(50) : LG_MS(1));
        slow += i == 1;
    }
    close_all();
    return slow;
}

TEST(View, LeastconnAndEwmaShiftAwayFromASlowBackend)
{
    uint32_t in_turn = ride(LG_BALANCE_ROUNDROBIN), least = ride(LG_BALANCE_LEASTCONN),
             ewma = ride(LG_BALANCE_EWMA);

    EXPECT_EQ(in_turn, 2500);
    if (least > 1000 || ewma > 250)
        t_fail(__FILE__, __LINE__, "the slow one got %u (leastconn) and %u (ewma)", least, ewma);
}

/* Sticky picks: the one that is asked for, as long as it is alive. */
TEST(View, GivesTheOneThatIsWantedAlsoWhenItDrains)
{
    struct lg_bal_ask ask = {.has_want = true, .want = 2};
    static const uint32_t tried[] = {2};

    set_up(3, LG_BALANCE_ROUNDROBIN);
    backends[0].drain = backends[2].drain = true;
    backends[2].max_connections = 1;
    open_all(NULL);
    EXPECT_STR(pick(0, &ask, LG_SEC(1)), "c");
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "b");
    lg_seat_enter(&pool.seats[2]->part[1]);
    EXPECT_STR(pick(0, &ask, LG_SEC(2)), "full"); /* it is waited for */
    lg_seat_leave(&pool.seats[2]->part[1]);
    ask.tried = tried;
    ask.tried_cnt = 1;
    EXPECT_STR(pick(0, &ask, LG_SEC(3)), "b");
    ask.tried_cnt = 0;
    atomic_store(&pool.seats[2]->part[0].ejected_until_ns, LG_SEC(10));
    EXPECT_STR(pick(0, &ask, LG_SEC(4)), "b");
    EXPECT_STR(pick(0, &ask, LG_SEC(11)), "c");
    close_all();
}

TEST(View, LeavesOutDrainingOnesAndThoseOfWeightZero)
{
    set_up(3, LG_BALANCE_ROUNDROBIN);
    backends[0].drain = true;
    backends[2].weight = 0;
    open_all(NULL);
    for (int n = 0; n < 4; n++)
        EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "b");
    close_all();
}

TEST(View, BackupsServeOnlyWhileNobodyElseDoes)
{
    const uint32_t tried[] = {0, 1, 2};
    struct lg_bal_ask ask = {.tried = tried, .tried_cnt = 2};

    set_up(3, LG_BALANCE_LEASTCONN);
    backends[2].backup = true;
    open_all(NULL);
    for (int n = 0; n < 4; n++)
        EXPECT(strcmp(pick(0, &nothing, LG_SEC(1)), "c") != 0);
    EXPECT_STR(pick(0, &ask, LG_SEC(1)), "c"); /* the others have just failed */
    ask.tried_cnt = 3;
    EXPECT_STR(pick(0, &ask, LG_SEC(1)), "none");
    close_all();
    backends[0].drain = backends[1].drain = true;
    open_all(NULL);
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "c");
    close_all();
}

TEST(View, SaysThatThePoolIsDead)
{
    set_up(1, LG_BALANCE_SOURCE);
    backends[0].drain = true;
    open_all(NULL);
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "dead");
    close_all();
}

TEST(View, CountsConnectionsOfAllWorkersAgainstTheLimit)
{
    set_up(2, LG_BALANCE_ROUNDROBIN);
    backends[0].max_connections = 3;
    backends[1].max_connections = 1;
    open_all(NULL);
    lg_seat_enter(&pool.seats[0]->part[0]);
    lg_seat_enter(&pool.seats[1]->part[1]);
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "a"); /* b is full: worker 1 uses it */
    lg_seat_enter(&pool.seats[0]->part[1]);
    lg_seat_enter(&pool.seats[0]->part[1]);
    EXPECT_STR(pick(0, &nothing, LG_SEC(2)), "full");
    lg_seat_leave(&pool.seats[1]->part[1]);
    EXPECT_STR(pick(0, &nothing, LG_SEC(3)), "b");
    EXPECT(!lg_bal_is_full(&views[0], &nothing, LG_SEC(3)));
    close_all();
}

TEST(View, ABackendThatJoinsByAReloadGrowsToItsWeight)
{
    struct lg_bal_pool before;
    uint32_t early = 0, late = 0;

    set_up(2, LG_BALANCE_ROUNDROBIN);
    cfg.slow_start_ns = LG_SEC(10);
    cfg.backend_cnt = 1;
    open_all(NULL);
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "a");
    EXPECT_EQ(views[0].items[0].live, LG_WEIGHT_ONE); /* at the start of the process: warm */
    lg_bal_view_end(&views[0]);
    lg_bal_view_close(&views[0]);
    lg_bal_view_close(&views[1]);
    before = pool;
    cfg.backend_cnt = 2;
    open_all(&before);
    for (int n = 0; n < 100; n++)
        early += pick(0, &nothing, LG_SEC(100) + (lg_ns_t)n)[0] == 'b';
    for (int n = 0; n < 100; n++)
        late += pick(0, &nothing, LG_SEC(111) + (lg_ns_t)n)[0] == 'b';
    EXPECT(early >= 1 && early <= 3);
    EXPECT(late >= 49 && late <= 51);
    lg_bal_pool_close(&before);
    close_all();
}

TEST(View, AReloadKeepsTheSeatOfABackendThatStays)
{
    struct lg_bal_pool before;

    set_up(3, LG_BALANCE_ROUNDROBIN);
    open_all(NULL);
    struct lg_seat *b = pool.seats[1];
    lg_seat_enter(&b->part[0]);
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "a");
    lg_bal_view_end(&views[0]);
    lg_bal_view_close(&views[0]);
    lg_bal_view_close(&views[1]);
    before = pool;
    backends[0] = backends[1]; /* b moves to the front, a is gone, c has another address */
    backends[1] = backends[2];
    backends[1].addr.port = 81;
    cfg.backend_cnt = 2;
    open_all(&before);
    EXPECT(pool.seats[0] == b);
    EXPECT(pool.seats[1] != before.seats[2]);
    EXPECT_EQ(lg_seat_active(&pool.seats[0]->part[0]), 1);
    EXPECT_STR(pick(0, &nothing, LG_SEC(2)), "b"); /* it was its turn before, and still is */
    lg_bal_pool_close(&before);
    EXPECT_EQ(lg_seat_active(&pool.seats[0]->part[0]), 1); /* held by the new one alone */
    close_all();
}

TEST(View, GoesRoundWhenThereIsNothingToHash)
{
    struct lg_bal_ask ask = {.key = 5, .has_key = true};

    set_up(3, LG_BALANCE_HEADER);
    open_all(NULL);
    const char *name = pick(0, &ask, LG_SEC(1));
    EXPECT_STR(pick(0, &ask, LG_SEC(1)), name);
    EXPECT_STR(pick(1, &ask, LG_SEC(1)), name); /* every worker agrees */
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "a");
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "b");
    close_all();
}

/* note tells worker 0 of one outcome; whether it put the backend out. */
static bool note(uint32_t idx, enum lg_outcome o)
{
    return lg_bal_note(&views[0], idx, o, LG_SEC(1)) > 0;
}

TEST(View, EjectsNobodyWhileTheOthersAreOutOfUse)
{
    struct lg_check *checks[4] = {NULL};

    set_up(2, LG_BALANCE_ROUNDROBIN);
    cfg.ejection = (struct lg_cfg_ejection){
        .failures = 1, .time_ns = LG_SEC(10), .max_time_ns = LG_SEC(10), .window_ns = LG_SEC(1)};
    for (uint32_t i = 0; i < 4; i++)
        REQUIRE((checks[i] = lg_check_open(&backends[i].addr, 2)) != NULL);
    struct lg_check **own = calloc(4, sizeof(struct lg_check *));
    REQUIRE(own);
    memcpy(own, checks, sizeof checks);
    open_all(NULL);
    pool.checks = own; /* closed with the pool */
    struct lg_cfg_health health = {.rise = 1, .fall = 1};
    EXPECT(lg_check_record(checks[1], &health, LG_CHECK_R_REFUSED, 0, 0, LG_SEC(1)));
    EXPECT(!note(0, LG_OUT_FAIL)); /* b is down */
    EXPECT_STR(pick(0, &nothing, LG_SEC(1)), "a");
    EXPECT(lg_check_record(checks[1], &health, LG_CHECK_R_OK, 0, 0, LG_SEC(1)));
    EXPECT(note(0, LG_OUT_FAIL)); /* b is up again */
    close_all();
    backends[1].drain = true;
    open_all(NULL);
    EXPECT(!note(0, LG_OUT_FAIL)); /* b is not counted on */
    close_all();
    for (uint32_t i = 0; i < 4; i++)
        lg_check_give(checks[i]);
}
