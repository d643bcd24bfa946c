/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http_back.c: https and backends that behave badly at the wrong moment. */
#include "rig.h"

static struct rig r;

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static struct rig_client *start_one_backend(void)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    return rig_client_tls(&r);
}

TEST(Http, WhatAKeptConnectionSaysUnaskedIsNobodysResponse)
{
    struct rig_client *c = start_one_backend();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    /* The next request and the backend's parting words arrive in one turn, the request first. */
    static const char parting[] = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    rig_write(c, GET, strlen(GET));
    EXPECT(rig_back_write(&r, &r.back[0], parting, strlen(parting)));
    rig_settle(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT_HAS(r.back[1].text, "GET / HTTP/1.1\r\n");
    rig_back_say(&r, &r.back[1], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    EXPECT(!c->fin);
    rig_fini(&r);
}

TEST(Http, APostIsNotLostOnAKeptConnectionThatHasJustEnded)
{
    struct rig_client *c = start_one_backend();
    const char *post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    rig_write(c, post, strlen(post));
    lg_tcp_shutdown(r.back[0].c);
    rig_settle(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    rig_back_say(&r, &r.back[1], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_502), 0);
    rig_fini(&r);
}

TEST(Http, Answers504WhenTheBackendDoesNotReadTheRequest)
{
    static char body[200000];
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].backend_cnt = 1;
    r.pools[0].ejection.failures = 1;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    r.back[0].stopped = true;
    memset(body, 'x', sizeof body);
    rig_write(c, body, sizeof body);
    rig_run(&r, r.listener.idle_timeout_ns + LG_SEC(10));
    EXPECT_HAS(c->text, "HTTP/1.1 504 Gateway Timeout\r\n"); /* not 408: the client was ready */
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_408), 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 1);
    rig_fini(&r);
}

TEST(Http, AKeptConnectionMakesRoomWhenTcpHasNone)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.worker_conns = 3;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    struct rig_client *d = rig_client_tls(&r); /* two clients and a kept one: no more */
    rig_say(d, GET);                           /* for the other backend */
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT(r.back[1].port != r.back[0].port);
    rig_back_say(&r, &r.back[1], OK_HI);
    EXPECT_STR(d->text, OK_HI);
    rig_fini(&r);
}
