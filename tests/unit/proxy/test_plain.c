/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_plain.c: tcp and http listeners: the same proxy with clients in clear. */
#include "rig.h"

static struct rig r;

#define GET "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static struct rig_client *start(enum lg_listener_type type)
{
    rig_init(&r, type);
    rig_build(&r);
    return rig_client_tcp(&r);
}

/* trust makes the listener believe PROXY headers from everywhere. */
static void trust(void)
{
    static struct lg_prefix all;

    if (!lg_is_ok(lg_prefix_parse(LG_SPAN_STR("0.0.0.0/0"), &all)))
        t_fail(__FILE__, __LINE__, "prefix");
    r.listener.pp_from = &all;
    r.listener.pp_from_cnt = 1;
}

TEST(Plain, RelaysBytesBothWaysAndEachEndByItself)
{
    struct rig_client *c = start(LG_LISTENER_TCP);
    REQUIRE_EQ(r.back_cnt, 1); /* a server may speak first */
    rig_back_say(&r, &r.back[0], "220 welcome");
    EXPECT_STR(c->raw, "220 welcome");
    rig_client_raw(c, "hello");
    EXPECT_STR(r.back[0].text, "hello");
    rig_client_fin(c);
    EXPECT(r.back[0].fin);
    EXPECT(!c->fin);
    rig_back_say(&r, &r.back[0], ", bye");
    rig_back_fin(&r, &r.back[0]);
    EXPECT_STR(c->raw, "220 welcome, bye");
    EXPECT(c->fin);
    EXPECT(!c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_TRUNCATED), 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_DONE), 0);
    rig_fini(&r);
}

TEST(Plain, AResetOfOneSideIsAResetOfTheOther)
{
    struct rig_client *c = start(LG_LISTENER_TCP);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_reset(&r, &r.back[0]);
    EXPECT(c->reset);
    EXPECT(!c->fin);
    struct rig_client *d = rig_client_tcp(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    rig_client_reset(d);
    EXPECT(r.back[1].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 2);
    rig_fini(&r);
}

TEST(Plain, ResetsWhoCannotBeServed)
{
    rig_init(&r, LG_LISTENER_TCP);
    r.pools[0].backend_cnt = 1;
    r.refuses[0] = true;
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    EXPECT(c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Plain, HttpSaysThatItIsHttp)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    EXPECT_EQ(r.back_cnt, 0);
    rig_client_raw(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "GET /a HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 10.0.0.1\r\n"
                               "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 443\r\n\r\n");
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->raw, OK_HI);
    rig_client_raw(c, GET); /* and again over the same two connections */
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->raw, OK_HI OK_HI);
    EXPECT_EQ(r.back_cnt, 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_2XX), 2);
    rig_client_fin(c);
    EXPECT(c->fin);
    EXPECT(!c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Plain, ACutResponseIsSeenToBeCut)
{
    struct rig_client *c = start(LG_LISTENER_HTTP);
    rig_client_raw(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\n\r\npart"); /* to the end of the connection */
    rig_back_reset(&r, &r.back[0]);
    EXPECT(c->reset);
    EXPECT(!c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_CUT), 1);
    rig_fini(&r);
}

TEST(Plain, RefusesWhatIsNoHttpAndAnswers)
{
    struct rig_client *c = start(LG_LISTENER_HTTP);
    rig_client_raw(c, "\x16\x03\x01\x02 is a ClientHello\r\n\r\n");
    EXPECT(strncmp(c->raw, "HTTP/1.1 400 ", 13) == 0);
    EXPECT(c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_BAD), 1);
    EXPECT_EQ(r.back_cnt, 0);
    rig_fini(&r);
}

TEST(Plain, BelievesPROXYHeadersAndPassesThemOn)
{
    rig_init(&r, LG_LISTENER_TCP);
    r.pools[0].proxy_protocol = LG_PP_V1;
    trust();
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    EXPECT_EQ(r.back_cnt, 0);
    rig_client_raw(c, "PROXY TCP4 192.0.2.7 198.51.100.1 4000 80\r\nhello");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "PROXY TCP4 192.0.2.7 198.51.100.1 4000 80\r\nhello");
    rig_fini(&r);
}

TEST(Plain, BelievesPROXYHeadersInFrontOfRequests)
{
    rig_init(&r, LG_LISTENER_HTTP);
    trust();
    rig_build(&r);
    struct rig_client *c = rig_client_tcp(&r);
    rig_client_raw(c, "PROXY TCP4 192.0.2.7 198.51.100.1 4000 80\r\n" GET);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT(strstr(r.back[0].text, "X-Forwarded-For: 192.0.2.7\r\n") != NULL);
    EXPECT(strstr(r.back[0].text, "X-Forwarded-Port: 80\r\n") != NULL);
    c = rig_client_tcp(&r);
    rig_client_raw(c, GET); /* none: closed */
    EXPECT(c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_HDR_BAD), 1);
    c = rig_client_tcp(&r);
    rig_run(&r, LG_SEC(11)); /* says nothing */
    EXPECT(c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_HDR_BAD), 2);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_FAILED), 0);
    rig_fini(&r);
}

TEST(Plain, TellsPROXYVersion2WithoutTls)
{
    static const uint8_t want[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51,
                                   0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c};
    rig_init(&r, LG_LISTENER_TCP);
    r.pools[0].proxy_protocol = LG_PP_V2;
    rig_build(&r);
    rig_client_tcp(&r);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].len, 28); /* addresses, and no TLV */
    EXPECT(memcmp(r.back[0].text, want, sizeof want) == 0);
    rig_fini(&r);
}

TEST(Plain, ASlowReaderStopsTheBackend)
{
    static char block[8192];
    struct rig_client *c = start(LG_LISTENER_TCP);
    size_t sent = 0;

    REQUIRE_EQ(r.back_cnt, 1);
    memset(block, 'x', sizeof block);
    c->stopped = true;
    while (sent < 4u << 20 && rig_back_write(&r, &r.back[0], block, sizeof block)) {
        sent += sizeof block;
        rig_settle(&r);
    }
    EXPECT(sent < 1u << 20);
    c->stopped = false;
    client_kick(c);
    rig_run(&r, LG_SEC(2));
    EXPECT_EQ(c->total, sent);
    rig_fini(&r);
}

TEST(Plain, DrainsIdleConnections)
{
    struct rig_client *c = start(LG_LISTENER_HTTP);
    rig_client_raw(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], OK_HI);
    lg_proxy_drain(r.proxy, r.now_ns + LG_SEC(30), r.now_ns);
    rig_settle(&r);
    EXPECT(c->fin);
    EXPECT(!c->reset);
    rig_fini(&r);
}
