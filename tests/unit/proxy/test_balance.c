/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_balance.c: which backend a connection or request goes to, from end to end: weights, keys,
 * limits and the queue, pools without a usable backend. */
#include "rig.h"

#include "http_key.h"

static struct rig r;

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void begin(enum lg_listener_type type, enum lg_balance how, const char *name)
{
    rig_init(&r, type);
    r.pools[0].balance = (struct lg_cfg_balance){how, (char *)name};
}

TEST(Balance, SharesRequestsByWeight)
{
    uint32_t hits[2] = {0};

    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.backends[0].weight = 3;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    for (int i = 0; i < 40; i++) {
        uint32_t idx = 0;
        rig_say(c, GET);
        for (uint32_t k = 0; k < r.back_cnt; k++)
            if (r.back[k].len > 0)
                idx = k;
        r.back[idx].len = 0;
        hits[r.back[idx].port - 8000]++;
        rig_back_say(&r, &r.back[idx], OK_HI);
    }
    EXPECT_EQ(hits[0], 30);
    EXPECT_EQ(hits[1], 10);
    EXPECT_EQ(r.snap.pools[0].bal.seats[0]->part[0].picked, 30);
    rig_fini(&r);
}

TEST(Balance, SourceSendsAClientAlwaysToTheSameBackend)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_SOURCE, "");
    rig_build(&r);
    for (int i = 0; i < 4; i++)
        rig_client_tls(&r);
    REQUIRE_EQ(r.back_cnt, 4);
    for (int i = 1; i < 4; i++)
        EXPECT_EQ(r.back[i].port, r.back[0].port);
    rig_fini(&r);
}

TEST(Balance, SourceGoesElsewhereWhenThatOneRefuses)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_SOURCE, "");
    rig_build(&r);
    rig_client_tls(&r);
    REQUIRE_EQ(r.back_cnt, 1);
    r.refuses[r.back[0].port - 8000] = true;
    rig_client_tls(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT(r.back[1].port != r.back[0].port);
    EXPECT_EQ(r.snap.pools[0].bal.seats[r.back[0].port - 8000]->part[0].failed, 1);
    rig_fini(&r);
}

/* port_for: where a request with this head field goes; a new client each time. */
static uint16_t port_for(const char *field)
{
    char text[256] = "GET /p?q HTTP/1.1\r\nHost: a.example\r\n";
    struct rig_client *c = rig_client_tls(&r);

    strcat(strcat(text, field), "\r\n");
    uint32_t before = r.back_cnt;
    rig_say(c, text);
    uint16_t port = r.back_cnt > before ? r.back[before].port : 0;
    rig_drop_all(&r);
    return port;
}

TEST(Balance, HeaderAndCookieChooseTheBackend)
{
    static const struct {
        enum lg_balance how;
        const char *name, *field;
    } ways[] = {{LG_BALANCE_HEADER, "x-user", "X-User: %c%c\r\n"},
                {LG_BALANCE_COOKIE, "sid", "Cookie: a=b; sid=%c%c; c=d\r\n"}};
    for (size_t w = 0; w < LG_ARRAY_CNT(ways); w++) {
        uint32_t hits[3] = {0};
        begin(LG_LISTENER_HTTPS, ways[w].how, ways[w].name);
        rig_build(&r);
        for (int i = 0; i < 12; i++) {
            char field[64];
            snprintf(field, sizeof field, ways[w].field, 'a' + i, 'z' - i);
            uint16_t port = port_for(field);
            REQUIRE(port == 8000 || port == 8001);
            EXPECT_EQ(port_for(field), port);
            hits[port - 8000]++;
        }
        EXPECT(hits[0] > 0 && hits[1] > 0);
        EXPECT(port_for("") != port_for("")); /* nothing to go by: in turn */
        rig_fini(&r);
    }
}

TEST(Balance, FindsKeysInRequests)
{
    static struct lg_http_head h;
    static const char raw[] = "GET /a/b?c=d HTTP/1.1\r\nHost: Shop.Example:8443\r\nX-A: one\r\n"
                              "Cookie: sid2=x; sid=y ;t\r\ncookie: last=z\r\n\r\n";
    struct lg_cfg_balance by = {LG_BALANCE_URI, ""};
    lg_span_t key;

    EXPECT_OK(lg_http_parse_request(lg_span(raw, sizeof raw - 1), &h));
    EXPECT(lg_http_key(&h, &by, &key) && lg_span_eq(key, LG_SPAN_STR("/a/b")));
    by = (struct lg_cfg_balance){LG_BALANCE_HEADER, "x-a"};
    EXPECT(lg_http_key(&h, &by, &key) && lg_span_eq(key, LG_SPAN_STR("one")));
    by.name = "host";
    EXPECT(lg_http_key(&h, &by, &key) && lg_span_eq(key, LG_SPAN_STR("shop.example")));
    by.name = "x-b";
    EXPECT(!lg_http_key(&h, &by, &key));
    by = (struct lg_cfg_balance){LG_BALANCE_COOKIE, "sid"};
    EXPECT(lg_http_key(&h, &by, &key) && lg_span_eq(key, LG_SPAN_STR("y")));
    by.name = "last";
    EXPECT(lg_http_key(&h, &by, &key) && lg_span_eq(key, LG_SPAN_STR("z")));
    by.name = "t";
    EXPECT(lg_http_key(&h, &by, &key) && key.len == 0);
    by.name = "SID";
    EXPECT(!lg_http_key(&h, &by, &key)); /* names of cookies have their case */
}

TEST(Balance, RequestsWaitForABackendBelowItsLimit)
{
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.pools[0].backend_cnt = 1;
    r.backends[0].max_connections = 1;
    rig_build(&r);
    struct rig_client *c[3] = {rig_client_tls(&r), rig_client_tls(&r), rig_client_tls(&r)};
    for (int i = 0; i < 3; i++)
        rig_say(c[i], GET);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUED), 2);
    for (int i = 0; i < 3; i++) { /* first come, first served, over the one connection */
        EXPECT_EQ(c[i]->len, 0);
        rig_back_say(&r, &r.back[0], OK_HI);
        EXPECT_HAS(c[i]->text, "\r\n\r\nhi");
    }
    EXPECT_EQ(r.back_cnt, 1);
    rig_fini(&r);
}

TEST(Balance, WhoWaitsTooLongGets503)
{
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.pools[0].backend_cnt = 1;
    r.pools[0].queue_max = 1;
    r.backends[0].max_connections = 1;
    rig_build(&r);
    struct rig_client *c[3] = {rig_client_tls(&r), rig_client_tls(&r), rig_client_tls(&r)};
    for (int i = 0; i < 3; i++)
        rig_say(c[i], GET);
    EXPECT_HAS(c[2]->text, "HTTP/1.1 503 "); /* no room to wait */
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUE_FULL), 1);
    EXPECT_EQ(c[1]->len, 0);
    rig_run(&r, LG_SEC(6));
    EXPECT_HAS(c[1]->text, "HTTP/1.1 503 ");
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUE_TIMEOUT), 1);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_HAS(c[0]->text, "\r\n\r\nhi");
    rig_forget(c[1]);
    rig_say(c[1], GET); /* its connection goes on */
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_HAS(c[1]->text, "\r\n\r\nhi");
    rig_fini(&r);
}

TEST(Balance, ConnectionsWaitTooAndLeaveWhenTheClientDoes)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_LEASTCONN, "");
    r.backends[0].max_connections = r.backends[1].max_connections = 1;
    rig_build(&r);
    struct rig_client *c[5];
    for (int i = 0; i < 5; i++)
        c[i] = rig_client_tls(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    rig_say(c[3], "early"); /* waits with it */
    rig_client_reset(c[2]);
    rig_client_reset(c[0]); /* frees one */
    REQUIRE_EQ(r.back_cnt, 3);
    EXPECT_STR(r.back[2].text, "early");
    rig_run(&r, LG_SEC(6));
    EXPECT(c[4]->fin); /* nobody left in time */
    EXPECT(!c[4]->close_notify);
    EXPECT(!c[3]->fin);
    rig_fini(&r);
}

TEST(Balance, RequestsWaitForABackendConnectionOfTheWorker)
{
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.pools[0].backend_cnt = 1;
    r.max_backs = 2;
    rig_build(&r);
    struct rig_client *c[4];
    for (int i = 0; i < 4; i++) {
        c[i] = rig_client_tls(&r);
        rig_say(c[i], GET);
    }
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACK_FULL), 1); /* the fourth stands behind the third */
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUED), 2);
    for (int i = 0; i < 4; i++) { /* first come, first served, over the two connections */
        EXPECT_EQ(c[i]->len, 0);
        rig_back_say(&r, &r.back[i % 2], OK_HI);
        EXPECT_HAS(c[i]->text, "\r\n\r\nhi");
    }
    EXPECT_EQ(r.back_cnt, 2);
    rig_fini(&r);
}

TEST(Balance, AKeptConnectionToAnotherBackendMakesRoom)
{
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.max_backs = 1;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    for (uint32_t i = 0; i < 3; i++) {
        rig_forget(c);
        rig_say(c, GET);
        REQUIRE_EQ(r.back_cnt, i + 1);
        EXPECT_EQ(r.back[i].port, 8000 + i % 2);
        rig_back_say(&r, &r.back[i], OK_HI);
        EXPECT_HAS(c->text, "\r\n\r\nhi");
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACK_FULL), 0);
    rig_fini(&r);
}

TEST(Balance, WhoFindsNoBackendConnectionInTimeIsTurnedAway)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_LEASTCONN, "");
    r.max_backs = 1;
    r.pools[0].queue_max = 1;
    rig_build(&r);
    struct rig_client *c[3] = {rig_client_tls(&r), rig_client_tls(&r), rig_client_tls(&r)};
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT(c[2]->fin); /* no room to wait */
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUE_FULL), 1);
    EXPECT(!c[1]->fin);
    rig_run(&r, LG_SEC(6));
    EXPECT(c[1]->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUE_TIMEOUT), 1);
    rig_say(c[0], "undisturbed");
    EXPECT_STR(r.back[0].text, "undisturbed");
    rig_fini(&r);
}

TEST(Balance, WhoMayNotUseABackendDoesNotHoldUpWhoMay)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_LEASTCONN, "");
    r.backends[0].max_connections = r.backends[1].max_connections = 1;
    rig_build(&r);
    r.refuses[0] = true;
    struct rig_client *b = rig_client_tls(&r); /* has tried the first one */
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8001);
    struct rig_client *c = rig_client_tls(&r); /* the same, and waits for the second one */
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUED), 1);
    r.refuses[0] = false;
    (void)rig_client_tls(&r);
    rig_run(&r, LG_MS(100));
    REQUIRE_EQ(r.back_cnt, 2); /* it does not wait behind */
    EXPECT_EQ(r.back[1].port, 8000);
    rig_client_reset(b);
    REQUIRE_EQ(r.back_cnt, 3);
    EXPECT_EQ(r.back[2].port, 8001);
    EXPECT(!c->fin);
    rig_fini(&r);
}

TEST(Balance, APoolWithoutUsableBackendSaysSoOnce)
{
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.backends[0].drain = r.backends[1].drain = true;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    uint32_t lines = 0;
    for (int i = 0; i < 3; i++) {
        rig_forget(c);
        rig_say(c, GET);
        EXPECT_HAS(c->text, "HTTP/1.1 503 Service Unavailable\r\n");
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_NO_BACKEND), 3);
    for (uint32_t i = 0; i < r.log->tail; i++)
        lines += strstr(r.log->lines[i].text, "pool main") != NULL;
    EXPECT_EQ(lines, 1);
    EXPECT_HAS(rig_log(&r), "pool main: no backend is usable");
    r.backends[1].drain = false;
    rig_run(&r, LG_MS(10));
    rig_forget(c);
    rig_say(c, GET);
    EXPECT_HAS(rig_log(&r), "pool main: there are usable backends again");
    rig_fini(&r);
}

TEST(Balance, TcpSslIsClosedWhenNoBackendIsUsable)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_ROUNDROBIN, "");
    r.backends[0].drain = r.backends[1].drain = true;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    EXPECT(c->fin);
    EXPECT(!c->close_notify);
    rig_fini(&r);
}

/* -- retries -- */

TEST(Balance, AGetThatNobodyAnsweredGoesToAnotherBackend)
{
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_reset(&r, &r.back[0]);
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT(r.back[1].port != r.back[0].port);
    EXPECT_HAS(r.back[1].text, "GET / HTTP/1.1\r\n");
    rig_back_say(&r, &r.back[1], OK_HI);
    EXPECT_HAS(c->text, "\r\n\r\nhi");
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_RETRIED), 1);
    rig_fini(&r);
}

TEST(Balance, WhatMayNotBeSentTwiceIsNot)
{
    static const struct {
        const char *request, *answer; /* answer: what came before the end */
    } once[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ""},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", ""},
        {GET, "HTTP/1."},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(once); i++) {
        begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
        rig_build(&r);
        struct rig_client *c = rig_client_tls(&r);
        rig_say(c, once[i].request);
        REQUIRE_EQ(r.back_cnt, 1);
        rig_back_say(&r, &r.back[0], once[i].answer);
        rig_back_reset(&r, &r.back[0]);
        EXPECT_HAS(c->text, "HTTP/1.1 502 ");
        EXPECT_EQ(r.back_cnt, 1);
        rig_fini(&r);
    }
}

TEST(Balance, RetriesEndWithTheBudget)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_ROUNDROBIN, "");
    r.pools[0].retry_budget = 0;
    rig_build(&r);
    r.refuses[0] = r.refuses[1] = true;
    for (int i = 0; i < 12; i++) {
        rig_client_tls(&r);
        rig_drop_all(&r);
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_FAIL), 12 + 10);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_RETRY_DENIED), 2);
    rig_fini(&r);
}

/* -- the PROXY protocol -- */

TEST(Balance, TellsTheBackendWhoTheClientIs)
{
    begin(LG_LISTENER_TCP_SSL, LG_BALANCE_ROUNDROBIN, "");
    r.pools[0].proxy_protocol = LG_PP_V1;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "hello");
    EXPECT_HAS(r.back[0].text, "PROXY TCP4 10.0.0.1 10.0.0.2 2");
    EXPECT_HAS(r.back[0].text, " 443\r\nhello");
    rig_fini(&r);
}

TEST(Balance, R43_TellsTheBackendWhatTlsKnowsByVersion2)
{
    struct lg_pp_addrs a;
    size_t used = 0;
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    r.pools[0].proxy_protocol = LG_PP_V2;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, GET);
    EXPECT_OK(lg_pp_parse(lg_span(r.back[0].text, r.back[0].len), &a, &used));
    EXPECT_EQ(a.dst.port, 443);
    EXPECT(memmem(r.back[0].text, used, "\x21\0\x07TLSv1.3", 10) != NULL);
    EXPECT(memmem(r.back[0].text, used,
                  "\x02\0\x09"
                  "a.example",
                  12) != NULL);
    EXPECT(memmem(r.back[0].text, used, "x25519", 6) != NULL);
    EXPECT_HAS(r.back[0].text + used, "GET / HTTP/1.1\r\n");
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT(r.back[0].fin); /* not kept: it was told of this client */
    rig_fini(&r);
}

static void begin_behind_proxy(const char *trusted)
{
    static struct lg_prefix from;
    begin(LG_LISTENER_HTTPS, LG_BALANCE_ROUNDROBIN, "");
    EXPECT_OK(lg_prefix_parse(lg_span_cstr(trusted), &from));
    r.listener.pp_from = &from;
    r.listener.pp_from_cnt = 1;
    rig_build(&r);
}

TEST(Balance, BelievesTheHeaderOfATrustedProxy)
{
    begin_behind_proxy("10.0.0.0/24");
    struct rig_client *c = rig_client_tcp(&r);
    rig_client_raw(c, "PROXY TCP4 203.0.113.9 198.");
    rig_client_raw(c, "51.100.7 7777 8443\r\n");
    c->rb = BIO_new(BIO_s_mem());
    c->wb = BIO_new(BIO_s_mem());
    c->ssl = SSL_new(r.ctx);
    SSL_set_bio(c->ssl, c->rb, c->wb);
    SSL_set_connect_state(c->ssl);
    SSL_do_handshake(c->ssl);
    rig_settle(&r);
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_HAS(r.back[0].text, "\r\nX-Forwarded-For: 203.0.113.9\r\n");
    EXPECT_HAS(r.back[0].text, "\r\nX-Forwarded-Port: 8443\r\n");
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_HDR_TAKEN), 1);
    rig_fini(&r);
}

TEST(Balance, WantsTheHeaderFromATrustedProxyAndFromNobodyElse)
{
    begin_behind_proxy("10.0.0.1/32");
    struct rig_client *c = rig_client_tls(&r); /* trusted, and without the header */
    EXPECT(c->reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_HDR_BAD), 1);
    EXPECT_HAS(rig_log(&r), "listener web: closed: no PROXY header, or a malformed one");
    rig_fini(&r);
    begin_behind_proxy("10.9.0.0/16");
    c = rig_client_tcp(&r); /* not trusted: the header is noise before TLS */
    rig_client_raw(c, "PROXY TCP4 203.0.113.9 198.51.100.7 7777 8443\r\n");
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_FAILED), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_HDR_TAKEN), 0);
    rig_fini(&r);
}
