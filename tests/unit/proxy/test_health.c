/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_health.c: health checks and passive health, from end to end: the worker's own connections to
 * scripted backends, the board, who gets work then, and what the log says. */
#include "rig.h"

static struct rig r;

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void begin(enum lg_health_type type)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].health.type = type;
    r.pools[0].health.interval_ns = LG_SEC(2);
}

static struct lg_check *check_of(uint32_t backend)
{
    return r.snap.pools[0].bal.checks[backend];
}

/* answer says text on every probe's connection that has asked and waits. */
static void answer(const char *text)
{
    rig_settle(&r);
    for (uint32_t i = 0; i < r.back_cnt; i++)
        if (r.back[i].c && strstr(r.back[i].text, "\r\n\r\n") && !r.back[i].fin) {
            rig_back_say(&r, &r.back[i], text);
            r.back[i].len = 0;
            r.back[i].text[0] = '\0';
        }
}

static uint32_t log_lines(const char *text)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r.log->tail; i++)
        n += strstr(r.log->lines[i].text, text) != NULL;
    return n;
}

TEST(Health, AConnectionIsEnoughForATcpCheck)
{
    begin(LG_HEALTH_TCP);
    rig_build(&r);
    rig_run(&r, LG_SEC(1));
    EXPECT_EQ(check_of(0)->state, LG_CHECK_UP);
    EXPECT_EQ(check_of(1)->state, LG_CHECK_UP);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HEALTH_CHECKS), 2);
    EXPECT(r.back[0].fin); /* closed in order, not reset */
    EXPECT(!r.back[0].reset);
    EXPECT_EQ(log_lines("backend"), 0); /* that all is well is no news */
    rig_run(&r, LG_SEC(10));
    EXPECT(rig_stat(&r, LG_STAT_HEALTH_CHECKS) >= 10 && rig_stat(&r, LG_STAT_HEALTH_CHECKS) <= 14);
    rig_fini(&r);
}

TEST(Health, ABackendThatRefusesGoesDownAndComesBack)
{
    begin(LG_HEALTH_TCP);
    rig_build(&r);
    rig_run(&r, LG_SEC(1));
    r.refuses[0] = true;
    rig_run(&r, LG_SEC(6));
    EXPECT_EQ(check_of(0)->state, LG_CHECK_DOWN);
    EXPECT_EQ(check_of(1)->state, LG_CHECK_UP);
    EXPECT_EQ(check_of(0)->result, LG_CHECK_R_REFUSED);
    EXPECT_EQ(log_lines("pool main backend one (10.0.0.3:8000) is down: connection refused"), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HEALTH_DOWN), 1);
    rig_drop_all(&r);
    r.refuses[0] = false; /* but nobody sends it work yet */
    struct rig_client *c = rig_client_tls(&r);
    for (int i = 0; i < 3; i++) {
        uint32_t before = r.back_cnt;
        rig_say(c, GET);
        for (uint32_t k = i ? 0 : before; k < r.back_cnt; k++)
            if (r.back[k].len) {
                EXPECT_EQ(r.back[k].port, 8001);
                r.back[k].len = 0;
                rig_back_say(&r, &r.back[k], OK_HI);
            }
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_2XX), 3);
    rig_run(&r, LG_SEC(4));
    EXPECT_EQ(check_of(0)->state, LG_CHECK_UP);
    EXPECT_EQ(log_lines("pool main backend one (10.0.0.3:8000) is up: ok"), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HEALTH_UP), 1);
    rig_fini(&r);
}

TEST(Health, SilenceIsATimeout)
{
    begin(LG_HEALTH_TCP);
    rig_build(&r);
    r.mute[1] = true;
    rig_run(&r, LG_SEC(4));
    EXPECT_EQ(check_of(1)->state, LG_CHECK_DOWN); /* the first answer decides */
    EXPECT_EQ(check_of(1)->result, LG_CHECK_R_TIMEOUT);
    EXPECT_EQ(log_lines("no answer in time"), 1);
    rig_fini(&r);
}

TEST(Health, AsksForAPathAndLooksAtTheStatus)
{
    begin(LG_HEALTH_HTTP);
    r.pools[0].backend_cnt = 1;
    r.pools[0].health.path = "/healthz?x=1";
    r.pools[0].health.host = "shop.example";
    r.pools[0].health.method = "OPTIONS";
    rig_build(&r);
    rig_run(&r, LG_MS(600));
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "OPTIONS /healthz?x=1 HTTP/1.1\r\nHost: shop.example\r\n"
                               "User-Agent: lockgate\r\nConnection: close\r\n\r\n");
    answer("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(check_of(0)->state, LG_CHECK_UP);
    EXPECT_EQ(check_of(0)->detail, 204);
    for (int i = 0; i < 3; i++) {
        rig_run(&r, i ? LG_MS(1200) : LG_MS(2300));
        answer("HTTP/1.1 500 Oh No\r\n\r\n");
    }
    EXPECT_EQ(check_of(0)->state, LG_CHECK_DOWN);
    EXPECT_EQ(check_of(0)->result, LG_CHECK_R_STATUS);
    EXPECT_HAS(rig_log(&r), "is down: unexpected status (HTTP 500)");
    rig_fini(&r);
}

TEST(Health, ExpectsTheCodesItIsTold)
{
    struct lg_cfg_codes codes[] = {{200, 200}, {401, 403}};
    static const struct {
        const char *head;
        enum lg_check_result want;
    } answers[] = {{"HTTP/1.1 200 OK\r\n\r\n", LG_CHECK_R_OK},
                   {"HTTP/1.1 402 Pay\r\n\r\n", LG_CHECK_R_OK},
                   {"HTTP/1.1 301 Moved\r\n\r\n", LG_CHECK_R_STATUS},
                   {"HTTP/1.1 100 Go On\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", LG_CHECK_R_OK},
                   {"SSH-2.0\r\n\r\n", LG_CHECK_R_HTTP}};
    for (size_t i = 0; i < LG_ARRAY_CNT(answers); i++) {
        begin(LG_HEALTH_HTTP);
        r.pools[0].backend_cnt = 1;
        r.pools[0].health.expect = codes;
        r.pools[0].health.expect_cnt = 2;
        rig_build(&r);
        rig_run(&r, LG_MS(600));
        answer(answers[i].head);
        EXPECT_EQ(check_of(0)->result, answers[i].want);
        rig_fini(&r);
    }
}

TEST(Health, LooksForATextInTheBody)
{
    static const struct {
        const char *parts[3];
        enum lg_check_result want;
    } answers[] = {
        {{"HTTP/1.1 200 OK\r\n\r\n", "all is we", "ll today"}, LG_CHECK_R_OK},
        {{"HTTP/1.1 200 OK\r\n\r\nall is well", "", ""}, LG_CHECK_R_OK},
        {{"HTTP/1.1 200 OK\r\n\r\n", "nothing", " of it"}, LG_CHECK_R_BODY},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(answers); i++) {
        begin(LG_HEALTH_HTTP);
        r.pools[0].backend_cnt = 1;
        r.pools[0].health.body = "is well";
        rig_build(&r);
        rig_run(&r, LG_MS(600));
        REQUIRE_EQ(r.back_cnt, 1);
        for (int k = 0; k < 3; k++)
            rig_back_say(&r, &r.back[0], answers[i].parts[k]);
        EXPECT_EQ(check_of(0)->cnt, answers[i].want == LG_CHECK_R_OK);
        rig_back_fin(&r, &r.back[0]);
        EXPECT_EQ(check_of(0)->result, answers[i].want);
        rig_fini(&r);
    }
}

TEST(Health, ABackendThatClosesWithoutAnAnswerFails)
{
    begin(LG_HEALTH_HTTP);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    rig_run(&r, LG_MS(600));
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_fin(&r, &r.back[0]);
    EXPECT_EQ(check_of(0)->result, LG_CHECK_R_CLOSED);
    rig_fini(&r);
}

TEST(Health, AnAnswerInOneBreathWithAResetCounts)
{
    begin(LG_HEALTH_HTTP);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    rig_run(&r, LG_MS(600));
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_write(&r, &r.back[0], OK_HI, sizeof OK_HI - 1);
    lg_tcp_poll(r.tcp[RIG_BE], r.now_ns);
    rig_back_reset(&r, &r.back[0]);
    EXPECT_EQ(check_of(0)->result, LG_CHECK_R_OK);
    EXPECT_EQ(check_of(0)->state, LG_CHECK_UP);
    rig_fini(&r);
    begin(LG_HEALTH_HTTP); /* but half an answer does not */
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    rig_run(&r, LG_MS(600));
    rig_back_write(&r, &r.back[0], OK_HI, 12);
    lg_tcp_poll(r.tcp[RIG_BE], r.now_ns);
    rig_back_reset(&r, &r.back[0]);
    EXPECT_EQ(check_of(0)->result, LG_CHECK_R_CLOSED);
    rig_fini(&r);
}

TEST(Health, WantOfOurOwnBuffersJudgesNobody)
{
    static struct lg_buf *all[8192];
    uint32_t cnt = 0;

    begin(LG_HEALTH_HTTP);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    while (cnt < LG_ARRAY_CNT(all) && (all[cnt] = lg_buf_take(&r.heap[RIG_LG].pool)) != NULL)
        cnt++;
    rig_run(&r, LG_SEC(10)); /* several checks' time */
    EXPECT_EQ(rig_stat(&r, LG_STAT_HEALTH_FAILED), 0);
    EXPECT_EQ(check_of(0)->state, LG_CHECK_UNKNOWN);
    while (cnt)
        lg_buf_give(all[--cnt]);
    for (int i = 0; i < 50 && check_of(0)->state == LG_CHECK_UNKNOWN; i++) {
        rig_run(&r, LG_MS(100));
        struct rig_back *last = r.back_cnt ? &r.back[r.back_cnt - 1] : NULL;
        if (last && last->c && strstr(last->text, "\r\n\r\n"))
            rig_back_say(&r, last, OK_HI);
    }
    EXPECT_EQ(check_of(0)->state, LG_CHECK_UP);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HEALTH_FAILED), 0);
    rig_fini(&r);
}

TEST(Health, AKeptConnectionThatEndsIsNotHeldAgainstItsBackend)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].backend_cnt = 1;
    r.pools[0].ejection = (struct lg_cfg_ejection){
        .failures = 1, .time_ns = LG_SEC(10), .max_time_ns = LG_SEC(10), .window_ns = LG_SEC(1)};
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    rig_say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    EXPECT_HAS(r.back[0].text, "POST"); /* over the kept one, which ends now */
    rig_back_fin(&r, &r.back[0]);
    EXPECT_HAS(c->text, "HTTP/1.1 502 "); /* it may have been carried out */
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_KEPT_ENDED), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_EJECTED), 0);
    EXPECT_EQ(r.snap.pools[0].bal.seats[0]->part[0].failed, 0);
    rig_fini(&r);
}

TEST(Health, ErrorsDoNotMakeABackendLookQuick)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    const struct lg_seat_part *own = &r.snap.pools[0].bal.seats[0]->part[0];
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, GET);
    rig_run(&r, LG_MS(100));
    rig_back_say(&r, &r.back[0], OK_HI);
    lg_ns_t before_ns = own->ewma_ns;
    EXPECT(before_ns >= LG_MS(100));
    for (int i = 0; i < 5; i++) {
        rig_run(&r, LG_SEC(1));
        rig_say(c, GET);
        rig_back_say(&r, &r.back[0], "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    }
    EXPECT(own->ewma_ns >= before_ns * 9 / 10); /* each would take a tenth off */
    rig_fini(&r);
}

TEST(Health, PoolsThatAskTheSameShareACheck)
{
    begin(LG_HEALTH_TCP);
    r.pools[1].health = r.pools[0].health;
    r.pools[1].backends = r.backends; /* the first one's backend too */
    rig_build(&r);
    EXPECT_EQ(r.snap.check_cnt, 2);
    EXPECT(r.snap.pools[1].bal.checks[0] == check_of(0));
    rig_fini(&r);
    begin(LG_HEALTH_TCP);
    r.pools[1].health = r.pools[0].health;
    r.pools[1].health.fall = 9;
    r.pools[1].backends = r.backends;
    rig_build(&r);
    EXPECT_EQ(r.snap.check_cnt, 3);
    rig_fini(&r);
}

TEST(Health, AReloadKeepsWhatIsKnownAndStopsWhatIsNotAsked)
{
    begin(LG_HEALTH_TCP);
    rig_build(&r);
    r.refuses[0] = true;
    rig_run(&r, LG_SEC(1));
    struct lg_check *first = check_of(0);
    EXPECT_EQ(first->state, LG_CHECK_DOWN);
    struct lg_snapshot other = r.snap, none = r.snap;
    struct lg_snapshot_worker worker = {0}, worker2 = {0};
    struct lg_cfg_pool pools[2] = {r.pools[0], r.pools[1]};
    struct lg_config cfg = r.cfg;
    other.workers = &worker;
    other.generation = 2;
    EXPECT_OK(lg_snapshot_pools_open(&other, &r.snap));
    EXPECT(other.pools[0].bal.checks[0] == first);
    lg_proxy_set_snapshot(r.proxy, &other, r.now_ns);
    uint64_t before = rig_stat(&r, LG_STAT_HEALTH_CHECKS);
    rig_run(&r, LG_SEC(5));
    EXPECT(rig_stat(&r, LG_STAT_HEALTH_CHECKS) > before + 4);
    EXPECT_EQ(log_lines("is down"), 1); /* it was down before */
    pools[0].health.type = LG_HEALTH_NONE;
    cfg.pools = pools;
    none.cfg = &cfg;
    none.workers = &worker2;
    none.generation = 3;
    EXPECT_OK(lg_snapshot_pools_open(&none, &other));
    EXPECT_EQ(none.check_cnt, 0);
    lg_proxy_set_snapshot(r.proxy, &none, r.now_ns);
    before = rig_stat(&r, LG_STAT_HEALTH_CHECKS);
    rig_run(&r, LG_SEC(5));
    EXPECT_EQ(rig_stat(&r, LG_STAT_HEALTH_CHECKS), before);
    rig_fini(&r);
    lg_snapshot_pools_close(&other);
    lg_snapshot_pools_close(&none);
}

TEST(Health, ABackendThatFailsItsTrafficIsLeftAlone)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].ejection = (struct lg_cfg_ejection){
        .failures = 2, .time_ns = LG_SEC(10), .max_time_ns = LG_SEC(10), .window_ns = LG_SEC(1)};
    rig_build(&r);
    r.refuses[0] = true;
    struct rig_client *c = rig_client_tls(&r);
    for (int i = 0; i < 8; i++) {
        rig_say(c, GET);
        for (uint32_t k = 0; k < r.back_cnt; k++)
            if (r.back[k].len) {
                r.back[k].len = 0;
                rig_back_say(&r, &r.back[k], OK_HI);
            }
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_2XX), 8);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 2);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_EJECTED), 1);
    EXPECT_EQ(log_lines("pool main backend one is left alone for 10000 ms"), 1);
    r.refuses[1] = true; /* never more than half of the pool */
    rig_drop_all(&r);
    for (int i = 0; i < 4; i++) {
        struct rig_client *d = rig_client_tls(&r);
        rig_say(d, GET);
        EXPECT_HAS(d->text, "HTTP/1.1 502 ");
        rig_drop_all(&r);
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_EJECTED), 1);
    rig_fini(&r);
}
