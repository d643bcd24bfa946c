/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_relay.c: tcp_ssl from end to end: OpenSSL clients, the proxy, scripted backends. */
#include "rig.h"

static struct rig r;

static struct rig_client *start(void)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    return rig_client_tls(&r);
}

TEST(Relay, CarriesBytesBothWays)
{
    struct rig_client *c = start();
    REQUIRE_EQ(r.back_cnt, 1);
    rig_say(c, "hello");
    EXPECT_STR(r.back[0].text, "hello");
    rig_back_say(&r, &r.back[0], "and hello to you");
    EXPECT_STR(c->text, "and hello to you");
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_DONE), 1);
    EXPECT(rig_stat(&r, LG_STAT_TLS_HS_CYCLES) > 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_OK), 1);
    rig_fini(&r);
}

TEST(Relay, TurnsCloseNotifyIntoFinAndStillCarriesTheAnswer)
{
    struct rig_client *c = start();
    rig_write(c, "request", 7);
    rig_client_notify(c);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "request");
    EXPECT(r.back[0].fin);
    EXPECT(!c->fin);
    rig_back_say(&r, &r.back[0], "answer");
    EXPECT_STR(c->text, "answer");
    rig_back_fin(&r, &r.back[0]);
    EXPECT(c->close_notify);
    EXPECT(c->fin);
    EXPECT(!r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Relay, TurnsTheBackendsFinIntoCloseNotifyAndStillCarriesTheUpload)
{
    struct rig_client *c = start();
    rig_back_say(&r, &r.back[0], "bye");
    rig_back_fin(&r, &r.back[0]);
    EXPECT_STR(c->text, "bye");
    EXPECT(c->close_notify);
    EXPECT(c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 0);
    rig_say(c, "late upload");
    EXPECT_STR(r.back[0].text, "late upload");
    rig_client_notify(c);
    EXPECT(r.back[0].fin);
    EXPECT(!r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Relay, ResetsTheBackendWhenTheClientsStreamIsCut)
{
    struct rig_client *c = start();
    rig_say(c, "half of a fi");
    rig_client_fin(c);
    EXPECT(r.back[0].reset);
    EXPECT(!r.back[0].fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_TRUNCATED), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Relay, ForgivesACutStreamOnceTheBackendHasFinished)
{
    struct rig_client *c = start();
    rig_back_say(&r, &r.back[0], "all");
    rig_back_fin(&r, &r.back[0]);
    rig_client_fin(c);
    EXPECT(r.back[0].fin);
    EXPECT(!r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Relay, PassesResetsOn)
{
    struct rig_client *c = start();
    rig_client_reset(c);
    EXPECT(r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    struct rig_client *d = rig_client_tls(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    rig_back_reset(&r, &r.back[1]);
    EXPECT(d->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 2);
    rig_fini(&r);
}

TEST(Relay, GoesRoundTheBackends)
{
    start();
    rig_client_tls(&r);
    rig_client_tls(&r);
    REQUIRE_EQ(r.back_cnt, 3);
    EXPECT_EQ(r.back[0].port, 8000);
    EXPECT_EQ(r.back[1].port, 8001);
    EXPECT_EQ(r.back[2].port, 8000);
    rig_fini(&r);
}

TEST(Relay, ConnectsFromItsNextAddressWhenThePortsOfOneAreUsedUp)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    r.cfg.pools[0].backend_cnt = 1;
    r.has_one_port = true;
    rig_build(&r);
    rig_client_tls(&r);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_OK), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_NO_PORT), 0);
    rig_client_tls(&r);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_NO_PORT), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 0);
    EXPECT_HAS(rig_log(&r), "all source ports from");
    rig_fini(&r);
}

TEST(Relay, TriesAnotherBackendOnceWhenOneRefuses)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    r.refuses[0] = true;
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "x");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8001);
    EXPECT_STR(r.back[0].text, "x");
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_RETRIED), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 1);
    rig_fini(&r);
}

TEST(Relay, TriesAnotherBackendWhenOneDoesNotAnswer)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    r.mute[0] = true;
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "x");
    EXPECT_EQ(r.back_cnt, 0);
    rig_run(&r, LG_SEC(6));
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8001);
    EXPECT_STR(r.back[0].text, "x");
    rig_fini(&r);
}

TEST(Relay, EndsWithoutCloseNotifyWhenNoBackendCanBeReached)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    r.refuses[0] = r.refuses[1] = true;
    struct rig_client *c = rig_client_tls(&r);
    EXPECT(c->fin);
    EXPECT(!c->close_notify);
    EXPECT(!c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 2);
    EXPECT_HAS(rig_log(&r), "no backend of pool main");
    rig_fini(&r);
}

TEST(Relay, CutsASessionThatIsIdleTooLong)
{
    struct rig_client *c = start();
    rig_run(&r, LG_SEC(299));
    EXPECT(!c->reset);
    rig_say(c, "still here");
    rig_run(&r, LG_SEC(299));
    EXPECT(!c->reset);
    rig_run(&r, LG_SEC(2));
    EXPECT(c->reset);
    EXPECT(r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_TIMEOUT), 1);
    rig_fini(&r);
}

TEST(Relay, EndsASlowHandshake)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    rig_client_raw(c, "\x16\x03\x01");
    rig_run(&r, LG_SEC(9));
    EXPECT(!c->reset);
    rig_run(&r, LG_SEC(2));
    EXPECT(c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_TIMEOUT), 1);
    EXPECT_HAS(rig_log(&r), "too slow");
    rig_fini(&r);
}

TEST(Relay, CountsAClientThatLeavesInTheHandshake)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    rig_client_raw(c, "\x16\x03\x01");
    rig_client_fin(c);
    EXPECT(c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_CLOSED), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Relay, WhatABackendSaidInOneBreathWithItsResetReachesTheClient)
{
    struct rig_client *c = start();
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_write(&r, &r.back[0], "last words", 10);
    lg_tcp_poll(r.tcp[RIG_BE], r.now_ns); /* they are on the wire, and so is what follows */
    rig_back_reset(&r, &r.back[0]);
    EXPECT_STR(c->text, "last words");
    EXPECT(!c->close_notify); /* it was no end in order */
    EXPECT(c->fin);
    EXPECT(!c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_TRUNCATED), 1);
    rig_fini(&r);
}

TEST(Relay, AClientThatWaitsForItsTurnIsNotCalledSlow)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    rig_client_tcp(&r);
    struct lg_session *s = r.proxy->sessions;
    REQUIRE(s != NULL);
    lg_session_queue(s); /* its hello is here, and the worker does not come to it */
    r.now_ns += LG_SEC(11);
    r.proxy->now_ns = r.now_ns;
    lg_session_timer(r.proxy, &s->timer, r.now_ns);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_TIMEOUT), 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_PUT_OFF), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_FAILED), 1);
    rig_fini(&r);
}

TEST(Relay, R11_AnAlertThatComesWithAResetIsTheReason)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    rig_client_hasty(&r);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_PEER_ALERT), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_CLOSED), 0);
    EXPECT_HAS(rig_log(&r), "unknown_ca");
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Relay, AnswersPlainHttpInPlainHttp)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    rig_client_raw(c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    EXPECT_HAS(c->raw, "HTTP/1.1 400 Bad Request\r\n");
    EXPECT_HAS(c->raw, "client sent an HTTP request to an HTTPS port\r\n");
    EXPECT(c->fin);
    EXPECT(!c->reset);
    EXPECT_EQ(r.back_cnt, 0);
    rig_fini(&r);
}

TEST(Relay, SendsTheAlertAndTheEndToGarbage)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    rig_client_raw(c, "\x07garbage, and then some more of it");
    EXPECT(c->raw_len >= 7 && c->raw[0] == 21);
    EXPECT(c->fin);
    EXPECT(!c->reset);
    EXPECT_HAS(rig_log(&r), "TLS handshake failed");
    rig_client_raw(c, "and yet more after the end");
    EXPECT(!c->reset);
    rig_run(&r, LG_SEC(3));
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(seed = seed * 1664525u + 1013904223u, seed >> 24);
}

TEST(Relay, KeepsABoundedNumberOfBufsForASlowClient)
{
    static uint8_t block[32768];
    struct rig_client *c = start();
    size_t sent = 0;
    fill(block, sizeof block, 7);
    c->stopped = true;
    for (int i = 0; i < 64; i++) {
        sent += rig_back_write(&r, &r.back[0], block, sizeof block) ? sizeof block : 0;
        rig_settle(&r);
    }
    EXPECT(sent < 600000);
    EXPECT(r.heap[RIG_LG].cnt_out < 300);
    c->stopped = false;
    for (int i = 0; i < 200 && c->total < (1u << 20); i++) {
        client_kick(c);
        sent += rig_back_write(&r, &r.back[0], block, sizeof block) ? sizeof block : 0;
        rig_settle(&r);
    }
    rig_run(&r, LG_SEC(1));
    EXPECT_EQ(c->total, sent);
    EXPECT_MEM(c->text, block, 32768);
    EXPECT_MEM(c->text + 32768, block, 32767);
    rig_fini(&r);
}

TEST(Relay, KeepsABoundedNumberOfBufsForASlowBackend)
{
    static uint8_t block[1 << 20];
    struct rig_client *c = start();
    fill(block, sizeof block, 9);
    r.back[0].stopped = true;
    rig_write(c, block, sizeof block);
    rig_run(&r, LG_SEC(2));
    EXPECT(r.heap[RIG_LG].cnt_out < 300);
    r.back[0].stopped = false;
    for (int i = 0; i < 2000 && r.back[0].total < sizeof block; i++) {
        back_kick(&r.back[0]);
        rig_settle(&r);
    }
    EXPECT_EQ(r.back[0].total, sizeof block);
    EXPECT_MEM(r.back[0].text, block, sizeof r.back[0].text - 1);
    rig_fini(&r);
}

TEST(Relay, ManyOneByteRecordsHoldFewBufs)
{
    struct rig_client *c = start();
    r.back[0].stopped = true;
    for (int i = 0; i < 3000; i++)
        rig_write(c, "x", 1);
    rig_settle(&r);
    EXPECT(r.heap[RIG_LG].cnt_out < 400);
    r.back[0].stopped = false;
    back_kick(&r.back[0]);
    rig_settle(&r);
    EXPECT_EQ(r.back[0].total, 3000);
    rig_fini(&r);
}

TEST(Relay, WaitsForBufsAndGoesOn)
{
    struct lg_buf *held[4096];
    uint32_t cnt = 0;
    struct rig_client *c = start();
    while (r.heap[RIG_LG].cnt_out < r.worker_bufs - 40)
        held[cnt++] = lg_buf_take(&r.heap[RIG_LG].pool);
    static uint8_t block[200000];
    fill(block, sizeof block, 3);
    rig_write(c, block, sizeof block);
    rig_run(&r, LG_MS(300));
    while (cnt)
        lg_buf_give(held[--cnt]);
    rig_run(&r, LG_SEC(20));
    EXPECT_EQ(r.back[0].total, sizeof block);
    EXPECT_MEM(r.back[0].text, block, sizeof r.back[0].text - 1);
    rig_fini(&r);
}

TEST(Relay, RefusesWhenEverySessionIsTaken)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    r.max_sessions = 2;
    rig_build(&r);
    struct rig_client *a = rig_client_tls(&r);
    rig_client_tls(&r);
    struct rig_client *d = rig_client_tls(&r);
    EXPECT(d->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_FULL), 1);
    rig_client_notify(a);
    rig_back_fin(&r, &r.back[0]);
    struct rig_client *e = rig_client_tls(&r);
    rig_say(e, "room again");
    EXPECT_STR(r.back[2].text, "room again");
    rig_fini(&r);
}

TEST(Relay, DrainsAndAbortsAtTheDeadline)
{
    struct rig_client *c = start();
    lg_proxy_drain(r.proxy, r.now_ns + LG_SEC(30), r.now_ns);
    struct rig_client *d = rig_client_tcp(&r);
    EXPECT(d->reset);
    rig_say(c, "goes on");
    EXPECT_STR(r.back[0].text, "goes on");
    rig_run(&r, LG_SEC(31));
    EXPECT(c->reset);
    EXPECT(r.back[0].reset);
    rig_fini(&r);
}

TEST(Relay, AHundredConnectionsLeaveThePoolsAsTheyWere)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    for (int i = 0; i < 100; i++) {
        struct rig_client *c = rig_client_tls(&r);
        rig_say(c, "ping");
        EXPECT_STR(r.back[0].text, "ping");
        rig_client_notify(c);
        rig_back_fin(&r, &r.back[0]);
        EXPECT(c->fin && c->close_notify);
        rig_drop_all(&r);
        EXPECT_EQ(lg_tls_core_used(r.tls), 0);
        T_STOP_IF_FAILED();
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 100);
    rig_fini(&r);
}

/* storm: six hellos at once beside a connection that is open. */
static void storm(uint64_t budget)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    r.handshake_budget = budget;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_write(c, "still here", 10);
    rig_storm(&r, 6);
    EXPECT_STR(r.back[0].text, "still here");
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_DONE), 7);
    EXPECT_EQ(r.back_cnt, 7);
}

TEST(Admission, HandshakesBeyondTheBudgetWaitForTheirTurnAndAllComplete)
{
    storm(1);
    EXPECT(rig_stat(&r, LG_STAT_TLS_HS_PUT_OFF) >= 5);
    rig_fini(&r);
}

TEST(Admission, WithinTheBudgetNoneWaits)
{
    storm(1u << 30);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_PUT_OFF), 0);
    rig_fini(&r);
}

TEST(Admission, AClientThatGoesWhileItWaitsIsForgotten)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    r.handshake_budget = 1;
    rig_build(&r);
    for (int i = 0; i < 4; i++)
        rig_client_reset(rig_client_tcp(&r));
    rig_settle(&r);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_CLOSED), 4);
    rig_fini(&r);
}

TEST(Relay, AConnectionThatMovesIsCountedWhereItIs)
{
    struct rig_client *c = start();
    struct lg_meter *meter = lg_meter_open("web", 1);
    struct lg_listener lst = r.lst;
    struct lg_snapshot other = r.snap;
    struct lg_snapshot_worker worker = {0};
    lst.meter = meter; /* as after a generation without the listener */
    other.listeners = &lst;
    other.workers = &worker;
    other.generation = 3;
    EXPECT_OK(lg_snapshot_pools_open(&other, &r.snap));
    lg_proxy_set_snapshot(r.proxy, &other, r.now_ns);
    rig_say(c, "still here");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "still here");
    EXPECT_EQ(r.worker.pins, 0);
    EXPECT_EQ(worker.pins, 2);
    EXPECT_EQ(r.lst.meter->part[0].opened - r.lst.meter->part[0].closed, 0);
    EXPECT_EQ(meter->part[0].opened - meter->part[0].closed, 1);
    rig_client_reset(c);
    EXPECT_EQ(meter->part[0].opened - meter->part[0].closed, 0);
    rig_fini(&r);
    lg_snapshot_pools_close(&other);
    lg_meter_give(meter);
}
