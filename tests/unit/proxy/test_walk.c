/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of sessions when the snapshot changes, and when the control thread asks about them.
 */
#include "query.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct rig r;

/* A second snapshot of the rig's configuration, which the test may change before next_open. */
static struct next {
    struct lg_config cfg;
    struct lg_cfg_pool pools[2];
    struct lg_cfg_backend backends[RIG_BACKENDS];
    struct lg_cfg_listener listener;
    struct lg_listener lst;
    struct lg_snapshot snap;
    struct lg_snapshot_worker worker;
} n;

static void next_init(void)
{
    memset(&n, 0, sizeof n);
    n.cfg = r.cfg;
    memcpy(n.pools, r.pools, sizeof n.pools);
    memcpy(n.backends, r.backends, sizeof n.backends);
    n.pools[0].backends = n.backends;
    n.cfg.pools = n.pools;
    n.listener = r.listener;
    n.lst = r.lst;
    n.lst.cfg = &n.listener;
    n.snap = r.snap;
    n.snap.cfg = &n.cfg;
    n.snap.generation = r.snap.generation + 1;
    n.snap.workers = &n.worker;
    n.snap.listeners = &n.lst;
    n.snap.listener_cnt = 1;
}

static void next_open(void)
{
    EXPECT_OK(lg_snapshot_pools_open(&n.snap, &r.snap));
    n.snap.pools[0].tls = NULL;
    lg_proxy_set_snapshot(r.proxy, &n.snap, r.now_ns);
    rig_settle(&r);
}

static void begin(enum lg_listener_type type)
{
    rig_init(&r, type);
    rig_build(&r);
    next_init();
}

static void end(void)
{
    rig_fini(&r);
    lg_snapshot_pools_close(&n.snap);
}

TEST(Walk, AByteRelayMovesOnAndItsBytesGoOn)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "one");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.worker.pins, 2);
    n.listener.idle_timeout_ns = LG_SEC(7);
    next_open();
    EXPECT_EQ(r.worker.pins, 0); /* nobody holds the old one any more */
    EXPECT_EQ(n.worker.pins, 2);
    rig_say(c, "two");
    EXPECT_STR(r.back[0].text, "onetwo");
    rig_back_say(&r, &r.back[0], "three");
    EXPECT_STR(c->text, "three");
    rig_run(&r, LG_SEC(8)); /* it is under the new one's times */
    EXPECT(c->reset);
    end();
}

TEST(Walk, OneThatConnectsMovesWhenItIsThere)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    next_init();
    for (int i = 0; i < RIG_BACKENDS; i++)
        r.mute[i] = true;
    (void)rig_client_tls(&r);
    next_open();
    EXPECT_EQ(r.worker.pins, 1);
    for (int i = 0; i < RIG_BACKENDS; i++)
        r.mute[i] = false;
    rig_run(&r, LG_SEC(4)); /* TCP sends its SYN again */
    EXPECT_EQ(r.worker.pins, 0);
    end();
}

TEST(Walk, WithoutItsBackendItStaysUntilTheBound)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "one");
    REQUIRE_EQ(r.back_cnt, 1);
    for (int i = 0; i < RIG_BACKENDS; i++)
        n.backends[i].addr.port = (uint16_t)(n.backends[i].addr.port + 100);
    next_open();
    EXPECT_EQ(r.worker.pins, 1);
    rig_say(c, "two");
    EXPECT_STR(r.back[0].text, "onetwo");
    lg_proxy_end(r.proxy, r.snap.generation, r.now_ns);
    rig_settle(&r);
    EXPECT(c->fin);
    EXPECT(!c->close_notify); /* what it was doing is not whole */
    EXPECT(r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_OUTLIVED), 1);
    rig_run(&r, LG_SEC(3));
    EXPECT_EQ(r.worker.pins, 0);
    end();
}

TEST(Walk, AHandshakeOfAnEndedGenerationIsReset)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c = rig_client_tcp(&r);
    rig_settle(&r);
    EXPECT_EQ(r.worker.pins, 2);
    next_open();
    EXPECT_EQ(r.worker.pins, 1); /* it is judged by what it began under */
    lg_proxy_end(r.proxy, r.snap.generation, r.now_ns);
    rig_settle(&r);
    EXPECT(c->reset);
    EXPECT_EQ(r.worker.pins, 0);
    end();
}

TEST(Walk, AnHttpClientBetweenTwoRequestsIsToldInOrder)
{
    begin(LG_LISTENER_HTTPS);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    next_open();
    EXPECT_EQ(r.worker.pins, 1); /* its next request would be judged by two: it does not move */
    lg_proxy_end(r.proxy, r.snap.generation, r.now_ns);
    rig_settle(&r);
    EXPECT(c->close_notify);
    EXPECT(c->fin);
    rig_run(&r, LG_SEC(3));
    EXPECT_EQ(r.worker.pins, 0);
    end();
}

TEST(Walk, AResponseUnderWayIsNotCutByTheBoundAndIsTheLast)
{
    begin(LG_LISTENER_HTTPS);
    struct rig_client *c = rig_client_tls(&r), *d = rig_client_tls(&r);
    rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nlong");
    rig_say(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); /* nothing has come of this one */
    REQUIRE_EQ(r.back_cnt, 2);
    next_open();
    EXPECT_EQ(r.worker.pins, 2);
    lg_proxy_end(r.proxy, r.snap.generation, r.now_ns);
    rig_settle(&r);
    rig_run(&r, LG_SEC(3));
    EXPECT_EQ(r.worker.pins, 0); /* it holds nothing of what it began under */
    EXPECT(d->fin);
    EXPECT(!c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_OUTLIVED), 1);
    rig_back_say(&r, &r.back[0], "last");
    EXPECT_HAS(c->text, "\r\n\r\nlonglast");
    EXPECT(c->close_notify);
    EXPECT(c->fin);
    EXPECT(r.back[0].fin); /* not kept: who asks next may ask for more of a backend */
    end();
}

/* ---------------------------------------------------------------- queries */

static struct lg_query_answer answer;

static void ask(const struct lg_query *q)
{
    lg_proxy_query(r.proxy, q, &answer);
    for (int i = 0; i < 100 && lg_proxy_is_queried(r.proxy); i++)
        (void)lg_proxy_poll(r.proxy, r.now_ns);
    EXPECT(!lg_proxy_is_queried(r.proxy));
}

TEST(Query, ListsInPagesFromTheNewestOn)
{
    begin(LG_LISTENER_TCP_SSL);
    for (int i = 0; i < 5; i++)
        rig_say(rig_client_tls(&r), "x");
    struct lg_query q = {.what = LG_QUERY_LIST, .below = UINT64_MAX, .max = 2};
    uint64_t last = UINT64_MAX;
    uint32_t rows = 0;
    do {
        ask(&q);
        for (uint32_t i = 0; i < answer.row_cnt; i++) {
            EXPECT(answer.row[i].id < last);
            EXPECT_STR(answer.row[i].state, "relay");
            last = answer.row[i].id;
        }
        rows += answer.row_cnt;
        q.below = last;
    } while (answer.has_more);
    EXPECT_EQ(rows, 5);
    q = (struct lg_query){.what = LG_QUERY_LIST, .below = UINT64_MAX, .max = 64};
    snprintf(q.listener, sizeof q.listener, "nobody's");
    ask(&q);
    EXPECT_EQ(answer.row_cnt, 0);
    EXPECT_EQ(answer.seen, 5);
    next_open();
    end();
}

TEST(Query, APageGoesOnWhenTheSessionItStoppedAtIsGone)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c[3];
    for (int i = 0; i < 3; i++)
        rig_say(c[i] = rig_client_tls(&r), "x");
    struct lg_query q = {.what = LG_QUERY_LIST, .below = UINT64_MAX, .max = 1};
    ask(&q);
    REQUIRE_EQ(answer.row_cnt, 1);
    EXPECT(answer.has_more);
    rig_client_reset(c[1]); /* the next one */
    rig_settle(&r);
    q.below = answer.row[0].id;
    ask(&q);
    REQUIRE_EQ(answer.row_cnt, 1);
    EXPECT(!answer.has_more);
    next_open();
    end();
}

TEST(Query, KillsWhomItNamesAndNobodyElse)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *a = rig_client_tls(&r), *b = rig_client_tls(&r);
    rig_say(a, "x");
    rig_say(b, "x");
    struct lg_query q = {.what = LG_QUERY_LIST, .below = UINT64_MAX, .max = 1};
    ask(&q); /* the newest is b */
    q = (struct lg_query){.what = LG_QUERY_KILL, .id = answer.row[0].id};
    ask(&q);
    EXPECT_EQ(answer.matched, 1);
    rig_settle(&r);
    EXPECT(b->fin);
    EXPECT(!a->fin);
    ask(&q); /* it is on its way out: not again */
    EXPECT_EQ(answer.matched, 0);
    q = (struct lg_query){.what = LG_QUERY_KILL};
    snprintf(q.serial, sizeof q.serial, "1234"); /* nobody showed a certificate */
    ask(&q);
    EXPECT_EQ(answer.matched, 0);
    next_open();
    end();
}

/* ---------------------------------------------------------------- how long a change holds up */

#define MANY_POOLS 500u
#define MANY_BACKENDS 4u

static double cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Only told: a machine's mood must not fail a test. */
TEST(Walk, ASnapshotOfManyPoolsIsTakenUpInATurn)
{
    static char names[MANY_POOLS][16];
    begin(LG_LISTENER_TCP_SSL);
    struct lg_cfg_pool *pools = calloc(MANY_POOLS, sizeof *pools);
    struct lg_cfg_backend *be = calloc(MANY_BACKENDS, sizeof *be);
    REQUIRE(pools && be);
    for (uint32_t k = 0; k < MANY_BACKENDS; k++)
        be[k] = r.backends[k % RIG_BACKENDS];
    for (uint32_t i = 0; i < MANY_POOLS; i++) {
        pools[i] = r.pools[0];
        snprintf(names[i], sizeof names[i], "p%u", i);
        pools[i].name = names[i];
        pools[i].backends = be;
        pools[i].backend_cnt = MANY_BACKENDS;
    }
    n.cfg.pools = pools;
    n.cfg.pool_cnt = MANY_POOLS;
    struct lg_snapshot other = n.snap;
    struct lg_snapshot_worker worker = {0};
    other.workers = &worker;
    other.generation++;
    EXPECT_OK(lg_snapshot_pools_open(&n.snap, NULL));
    EXPECT_OK(lg_snapshot_pools_open(&other, &n.snap));
    double longest = 0, sum = 0;
    for (int i = 0; i < 100; i++) {
        double from = cpu_us();
        lg_proxy_set_snapshot(r.proxy, i & 1 ? &other : &n.snap, r.now_ns);
        double took = cpu_us() - from;
        sum += took;
        longest = LG_MAX(longest, took);
    }
    printf("%u pools of %u backends: taken up in %.0f us, at most %.0f us\n", MANY_POOLS,
           MANY_BACKENDS, sum / 100, longest);
    EXPECT_EQ(r.worker.pins, 0);
    rig_fini(&r);
    lg_snapshot_pools_close(&other);
    lg_snapshot_pools_close(&n.snap);
    free(pools);
    free(be);
}
