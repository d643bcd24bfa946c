/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http.c: https from end to end: OpenSSL clients, the proxy, scripted backends. */
#include "rig.h"

#include "pki.h"
#include <stdio.h>

static struct rig r;

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static struct rig_client *start(void)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    rig_build(&r);
    return rig_client_tls(&r);
}

static struct rig_client *start_one_backend(void)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    return rig_client_tls(&r);
}

static void expect_ended(const struct rig_client *c)
{
    EXPECT(c->close_notify);
    EXPECT(c->fin);
    EXPECT(!c->reset);
}

/* clear forgets what a backend has received. */
static void clear(struct rig_back *b)
{
    memset(b->text, 0, b->len);
    b->len = 0;
}

/* -- the plain cases -- */

TEST(Http, CarriesARequestAndItsResponse)
{
    struct rig_client *c = start();
    EXPECT_EQ(r.back_cnt, 0);
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 10.0.0.1\r\n"
                               "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n");
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    EXPECT(!c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_REQUESTS), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_2XX), 1);
    rig_fini(&r);
}

TEST(Http, KeepsBothConnectionsAlive)
{
    struct rig_client *c = start_one_backend();
    struct lg_proxy_counts n;
    for (int i = 0; i < 5; i++) {
        rig_forget(c);
        rig_say(c, GET);
        REQUIRE_EQ(r.back_cnt, 1);
        rig_back_say(&r, &r.back[0], OK_HI);
        EXPECT_STR(c->text, OK_HI);
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_REUSED), 4);
    lg_proxy_get_counts(r.proxy, &n);
    EXPECT_EQ(n.backend_idle, 1);
    EXPECT_EQ(n.backend_conns, 0);
    rig_run(&r, LG_SEC(31));
    EXPECT(r.back[0].fin);
    lg_proxy_get_counts(r.proxy, &n);
    EXPECT_EQ(n.backend_idle, 0);
    rig_fini(&r);
}

TEST(Http, AnswersPipelinedRequestsInOrder)
{
    struct rig_client *c = start_one_backend();
    rig_say(c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
               "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    for (int i = 1; i <= 3; i++) {
        char want[32], resp[64];
        snprintf(want, sizeof want, "GET /%d HTTP/1.1\r\n", i);
        EXPECT(strncmp(r.back[0].text, want, strlen(want)) == 0);
        EXPECT(strstr(r.back[0].text + 4, "GET /") == NULL); /* one at a time */
        clear(&r.back[0]);
        snprintf(resp, sizeof resp, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", i);
        rig_back_say(&r, &r.back[0], resp);
    }
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
                        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
                        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
    rig_fini(&r);
}

TEST(Http, ReadsAHeadThatComesByteByByteWithFewBufs)
{
    struct rig_client *c = start();
    char head[4096];
    int n =
        snprintf(head, sizeof head, "\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Long: %03000d\r\n\r\n", 7);
    uint32_t most = 0;
    for (int i = 0; i < n; i++) {
        rig_write(c, head + i, 1);
        if (i % 16 == 0)
            rig_settle(&r);
        most = LG_MAX(most, r.heap[RIG_LG].cnt_out);
    }
    rig_settle(&r);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_HAS(r.back[0].text, "X-Long: 000");
    EXPECT(most < 60);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    rig_fini(&r);
}

TEST(Http, ReadsAResponseHeadThatComesByteByByte)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    for (const char *p = OK_HI; *p; p++) {
        char one[2] = {*p, 0};
        rig_back_say(&r, &r.back[0], one);
    }
    EXPECT_STR(c->text, OK_HI);
    rig_fini(&r);
}

/* -- bodies -- */

TEST(Http, StreamsAnUploadWithLength)
{
    struct rig_client *c = start();
    rig_say(c, "POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_HAS(r.back[0].text, "Content-Length: 10\r\n");
    EXPECT_HAS(r.back[0].text, "\r\n\r\nhel"); /* not held until it is whole */
    rig_say(c, "lo you!GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_HAS(r.back[0].text, "\r\n\r\nhello you!");
    EXPECT(strstr(r.back[0].text, "/next") == NULL);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    rig_fini(&r);
}

TEST(Http, StreamsAChunkedUploadFramedAnew)
{
    struct rig_client *c = start();
    rig_say(c, "POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               "0005;ext=1\r\nhello\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_HAS(r.back[0].text, "\r\nTransfer-Encoding: chunked\r\n");
    EXPECT_HAS(r.back[0].text, "\r\n\r\n5\r\nhello\r\n");
    rig_say(c, "0\r\nX-SSL-Client-Verify: SUCCESS\r\n\r\n");
    EXPECT_HAS(r.back[0].text, "hello\r\n0\r\n\r\n");
    EXPECT(strstr(r.back[0].text, "SUCCESS") == NULL);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    EXPECT(!c->fin);
    rig_fini(&r);
}

TEST(Http, CutsTheBackendOffWhenTheUploadIsCut)
{
    struct rig_client *c = start();
    rig_say(c, "POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel");
    rig_client_notify(c);
    EXPECT(r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_TRUNCATED), 1);
    rig_run(&r, LG_SEC(3));
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Http, Answers400ToAMalformedChunk)
{
    struct rig_client *c = start();
    rig_say(c, "POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello");
    EXPECT_HAS(c->text, "HTTP/1.1 400 Bad Request\r\n");
    EXPECT(r.back_cnt == 0 || r.back[0].reset);
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, RelaysInterimResponses)
{
    struct rig_client *c = start();
    rig_say(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_HAS(r.back[0].text, "Expect: 100-continue\r\n");
    rig_back_say(&r, &r.back[0], "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_STR(c->text, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_say(c, "ok");
    EXPECT_HAS(r.back[0].text, "\r\n\r\nok");
    rig_forget(c);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    rig_fini(&r);
}

TEST(Http, PassesResponsesWithoutBody)
{
    struct rig_client *c = start_one_backend();
    rig_say(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    rig_forget(c);
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_STR(c->text, "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"
                        "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(r.back_cnt, 1);
    rig_fini(&r);
}

TEST(Http, EndsTheConnectionAfterABodyThatEndsWithIt)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\n\r\nall of");
    rig_back_say(&r, &r.back[0], " it");
    rig_back_fin(&r, &r.back[0]);
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, LetsTheClientSeeThatAResponseWasCut)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel");
    rig_back_fin(&r, &r.back[0]);
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel");
    EXPECT(c->fin);
    EXPECT(!c->close_notify);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_CUT), 1);
    struct rig_client *d = rig_client_tls(&r);
    rig_say(d, GET);
    REQUIRE_EQ(r.back_cnt, 2);
    rig_back_say(&r, &r.back[1], "HTTP/1.1 200 OK\r\n\r\nhel");
    rig_back_reset(&r, &r.back[1]);
    EXPECT(d->fin);
    EXPECT(!d->close_notify);
    rig_fini(&r);
}

TEST(Http, ServesHttp10WithChunksTakenOff)
{
    struct rig_client *c = start();
    rig_say(c, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_HAS(r.back[0].text, "GET / HTTP/1.1\r\nHost: a.example\r\n"); /* the server name */
    rig_back_say(&r, &r.back[0],
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n0\r\n\r\n");
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, KeepsAnHttp10ConnectionThatAsksForIt)
{
    struct rig_client *c = start();
    rig_say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi");
    EXPECT(!c->fin);
    rig_fini(&r);
}

TEST(Http, ClosesWhenTheClientAsksForIt)
{
    struct rig_client *c = start();
    rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    expect_ended(c);
    rig_run(&r, LG_SEC(3));
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Http, EndsAfterAResponseThatOvertookItsRequest)
{
    struct rig_client *c = start();
    rig_say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    rig_back_say(&r, &r.back[0], "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    EXPECT_STR(c->text, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect_ended(c);
    EXPECT(r.back[0].reset);
    rig_say(c, "the rest of the body, which nobody wants");
    EXPECT(!c->reset);
    rig_fini(&r);
}

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)('a' + (seed = seed * 1664525u + 1013904223u, seed >> 24) % 26);
}

TEST(Http, StreamsALargeChunkedDownloadToASlowClientWithFewBufs)
{
    static uint8_t block[16384 + 8];
    struct rig_client *c = start();
    size_t sent = 0;
    fill(block, sizeof block, 5);
    memcpy(block, "4000\r\n", 6);
    memcpy(block + 6 + 16384, "\r\n", 2);
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t head = c->total;
    rig_forget(c);
    c->stopped = true;
    for (int i = 0; i < 60; i++) {
        sent += rig_back_write(&r, &r.back[0], block, sizeof block) ? sizeof block : 0;
        rig_settle(&r);
    }
    EXPECT(sent < 600000);
    EXPECT(r.heap[RIG_LG].cnt_out < 300);
    c->stopped = false;
    client_kick(c);
    rig_run(&r, LG_SEC(2));
    rig_back_say(&r, &r.back[0], "0\r\n\r\n");
    EXPECT_EQ(c->total - head, sent + 5);
    EXPECT_MEM(c->text, block, sizeof block);
    EXPECT(!c->fin);
    rig_fini(&r);
}

/* -- errors of ours -- */

TEST(Http, Answers400ToAMalformedHeadAndEnds)
{
    struct rig_client *c = start();
    rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\nGET /smuggled HTTP/1.1\r\n");
    EXPECT_HAS(c->text, "HTTP/1.1 400 Bad Request\r\n");
    EXPECT_HAS(c->text, "Connection: close\r\n");
    EXPECT_EQ(r.back_cnt, 0);
    expect_ended(c);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_BAD), 1);
    EXPECT_HAS(rig_log(&r), "malformed header name");
    rig_fini(&r);
}

TEST(Http, Answers431ToAHeadThatIsTooLarge)
{
    static char big[20000];
    struct rig_client *c = start();
    int n = snprintf(big, sizeof big, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(big + n, 'x', sizeof big - 1 - (size_t)n);
    rig_say(c, big);
    EXPECT_HAS(c->text, "HTTP/1.1 431 ");
    expect_ended(c);
    EXPECT_EQ(r.back_cnt, 0);
    rig_fini(&r);
}

TEST(Http, Answers404WithoutARouteAndGoesOn)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.routes[0] = (struct lg_cfg_http_route){1, "a.example", "/api", 0};
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, GET);
    EXPECT_STR(c->text, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
                        "Cache-Control: no-store\r\nContent-Length: 14\r\n\r\n404 Not Found\n");
    EXPECT(!c->fin);
    rig_say(c, "GET /api/x HTTP/1.1\r\nHost: a.example\r\n\r\n");
    EXPECT_EQ(r.back_cnt, 1);
    rig_fini(&r);
}

TEST(Http, RoutesByHostAndPath)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    r.routes[1] = (struct lg_cfg_http_route){1, "a.example", "/last", 1};
    r.listener.route_cnt = 2;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "GET /%6cast/%2e%2e/last/x HTTP/1.1\r\nHost: A.Example:443\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8002);
    EXPECT_HAS(r.back[0].text, "GET /%6cast/%2e%2e/last/x HTTP/1.1\r\n");
    rig_fini(&r);
}

TEST(Http, TriesAnotherBackendOnceAndThenAnswers502)
{
    struct rig_client *c = start();
    r.refuses[0] = true;
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8001);
    rig_back_say(&r, &r.back[0],
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                 "Connection: close\r\n\r\nhi");
    EXPECT_STR(c->text, OK_HI);
    EXPECT(r.back[0].fin);
    rig_forget(c);
    r.refuses[1] = true;
    rig_say(c, GET);
    EXPECT_HAS(c->text, "HTTP/1.1 502 Bad Gateway\r\n");
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_502), 1);
    EXPECT(!c->fin); /* the request was whole: the next one may come */
    r.refuses[0] = r.refuses[1] = false;
    rig_say(c, GET);
    EXPECT_EQ(r.back_cnt, 2);
    rig_fini(&r);
}

TEST(Http, Answers502WhenTheBackendBreaksBeforeItsHead)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], "HTTP/1.1 200");
    rig_back_fin(&r, &r.back[0]);
    EXPECT_HAS(c->text, "HTTP/1.1 502 ");
    rig_fini(&r);
}

TEST(Http, Answers502ToAResponseItCannotTrust)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n"};
    struct rig_client *c = start();
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        rig_forget(c);
        rig_say(c, GET);
        REQUIRE_EQ(r.back_cnt, i + 1);
        rig_back_say(&r, &r.back[i], bad[i]);
        EXPECT_HAS(c->text, "HTTP/1.1 502 ");
        EXPECT(r.back[i].reset);
    }
    rig_fini(&r);
}

TEST(Http, SendsAnIdempotentRequestAgainWhenAKeptConnectionWasDead)
{
    struct rig_client *c = start_one_backend();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    /* The backend's end and our next request cross on the wire. */
    rig_write(c, GET, strlen(GET));
    lg_tcp_abort(r.back[0].c);
    rig_settle(&r);
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT_HAS(r.back[1].text, "GET / HTTP/1.1\r\nHost: a.example\r\n");
    rig_back_say(&r, &r.back[1], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    rig_fini(&r);
}

TEST(Http, DoesNotSendAPostTwice)
{
    struct rig_client *c = start_one_backend();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    rig_say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(r.back_cnt, 1); /* fresh enough to be used */
    rig_back_reset(&r, &r.back[0]);
    EXPECT_HAS(c->text, "HTTP/1.1 502 ");
    EXPECT_EQ(r.back_cnt, 1);
    rig_fini(&r);
}

TEST(Http, SendsAPostOverAFreshConnectionWhenTheKeptOneIsOld)
{
    struct rig_client *c = start_one_backend();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_run(&r, LG_SEC(5));
    rig_say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(r.back_cnt, 2);
    rig_fini(&r);
}

TEST(Http, ForgetsAKeptConnectionThatTheBackendCloses)
{
    struct rig_client *c = start_one_backend();
    struct lg_proxy_counts n;
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_back_fin(&r, &r.back[0]);
    lg_proxy_get_counts(r.proxy, &n);
    EXPECT_EQ(n.backend_idle, 0);
    EXPECT(r.back[0].fin);
    rig_fini(&r);
}

TEST(Http, DoesNotKeepAConnectionThatSaidTooMuch)
{
    struct rig_client *c = start();
    struct lg_proxy_counts n;
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    EXPECT_STR(c->text, OK_HI);
    lg_proxy_get_counts(r.proxy, &n);
    EXPECT_EQ(n.backend_idle, 0);
    rig_fini(&r);
}

/* -- time -- */

TEST(Http, Answers408ToASlowHead)
{
    struct rig_client *c = start();
    rig_say(c, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 9; i++) {
        rig_run(&r, LG_SEC(1));
        rig_say(c, "X: y\r\n"); /* a drip does not move the deadline */
    }
    EXPECT_EQ(c->len, 0);
    rig_run(&r, LG_SEC(2));
    EXPECT_HAS(c->text, "HTTP/1.1 408 Request Timeout\r\n");
    expect_ended(c);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_408), 1);
    rig_fini(&r);
}

TEST(Http, EndsAnIdleConnectionWithoutAWord)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    rig_run(&r, LG_SEC(59));
    EXPECT(!c->fin);
    rig_run(&r, LG_SEC(2));
    EXPECT_EQ(c->len, 0);
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, Answers504WhenTheBackendThinksTooLong)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    rig_run(&r, LG_SEC(59));
    EXPECT_EQ(c->len, 0);
    rig_run(&r, LG_SEC(2));
    EXPECT_HAS(c->text, "HTTP/1.1 504 Gateway Timeout\r\n");
    EXPECT(r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_504), 1);
    rig_fini(&r);
}

TEST(Http, ConnectTimeoutGoesToTheOtherBackend)
{
    struct rig_client *c = start();
    r.mute[0] = true;
    rig_say(c, GET);
    rig_run(&r, LG_SEC(6));
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8001);
    rig_fini(&r);
}

/* -- mutual listeners -- */

static bool pass_cert; /* client_cert_header */

static struct rig_client *start_mutual(const char *cert)
{
    static const char *bundle;
    if (!bundle)
        bundle = pki_bundle("root");
    rig_init(&r, LG_LISTENER_HTTPS);
    r.listener.tls.client_auth = LG_AUTH_REQUIRED;
    r.listener.tls.client_ca = (char *)bundle;
    r.listener.tls.client_cert_header = pass_cert;
    rig_build(&r);
    SSL_CTX_use_certificate(r.ctx, pki_get(cert)->x509);
    SSL_CTX_use_PrivateKey(r.ctx, pki_get(cert)->key);
    return rig_client_tls(&r);
}

TEST(Http, R43_TellsTheBackendWhoTheClientIs)
{
    struct rig_client *c = start_mutual("good");
    rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\nX-SSL-Client-Subject: CN=root\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_HAS(r.back[0].text, "\r\nX-SSL-Client-Verify: SUCCESS\r\n");
    EXPECT_HAS(r.back[0].text, "Good Client");
    EXPECT_HAS(r.back[0].text, "\r\nX-SSL-Client-Fingerprint: ");
    EXPECT(strstr(r.back[0].text, "CN=root") == NULL);
    rig_fini(&r);
}

TEST(Http, R43_PassesTheCertificateOnWhereAskedTo)
{
    pass_cert = true;
    struct rig_client *c = start_mutual("good");
    pass_cert = false;
    rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :AAAA:\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    const char *at = strstr(r.back[0].text, "\r\nClient-Cert: :");
    REQUIRE(at);
    uint8_t *der = NULL, got[4096];
    int len = i2d_X509(pki_get("good")->x509, &der);
    const char *b64 = at + strlen("\r\nClient-Cert: :"), *end = strchr(b64, ':');
    REQUIRE(end);
    int got_len = EVP_DecodeBlock(got, (const unsigned char *)b64, (int)(end - b64));
    EXPECT(got_len >= len && got_len < len + 3); /* EVP_DecodeBlock counts the padding */
    EXPECT(memcmp(got, der, (size_t)len) == 0);
    OPENSSL_free(der);
    rig_fini(&r);
}

TEST(Http, R20_RefusesAForeignClientWithOneAlertAndOneLine)
{
    struct rig_client *c = start_mutual("foreign");
    EXPECT_EQ(c->alert, 48); /* unknown_ca */
    EXPECT(c->fin);
    EXPECT(!c->reset);
    EXPECT_EQ(r.back_cnt, 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_FAIL_UNKNOWN_CA), 1);
    EXPECT_EQ(r.log->tail, 1);
    EXPECT_HAS(rig_log(&r), "client 10.0.0.1:");
    EXPECT_HAS(rig_log(&r), "listener web");
    EXPECT_HAS(rig_log(&r), "subject=\"");
    EXPECT_HAS(rig_log(&r), "Foreign");
    EXPECT_HAS(rig_log(&r), "Other Root");
    EXPECT_HAS(rig_log(&r), "serial=");
    EXPECT_HAS(rig_log(&r), "sni \"a.example\"");
    rig_fini(&r);
}

/* -- the client leaves, the worker drains -- */

TEST(Http, LetsTheBackendGoWhenTheClientResets)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    rig_client_reset(c);
    EXPECT(r.back[0].reset);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(Http, AnswersAClientThatHasFinishedSending)
{
    struct rig_client *c = start();
    rig_write(c, GET, strlen(GET));
    rig_client_notify(c);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->text, OK_HI);
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, DrainsAfterTheResponseInProgress)
{
    struct rig_client *c = start();
    rig_say(c, GET);
    struct rig_client *idle = rig_client_tls(&r);
    lg_proxy_drain(r.proxy, r.now_ns + LG_SEC(30), r.now_ns);
    rig_settle(&r);
    expect_ended(idle);
    EXPECT(!c->fin);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_HAS(c->text, "Connection: close\r\n\r\nhi");
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, SaysCloseNotifyAsSoonAsThereIsABufferForIt)
{
    static struct lg_buf *held[4097];
    uint32_t cnt = 0;
    struct rig_client *c = start();
    while ((held[cnt] = lg_buf_take(&r.heap[RIG_LG].pool)) != NULL)
        cnt++;
    rig_run(&r, LG_SEC(11)); /* the first request has not come in time */
    EXPECT(!c->fin);
    while (cnt)
        lg_buf_give(held[--cnt]);
    rig_settle(&r);
    expect_ended(c);
    rig_fini(&r);
}

TEST(Http, ANewSnapshotClosesKeptConnectionsAndSessionsKeepTheirOwn)
{
    struct rig_client *c = start();
    struct lg_proxy_counts n;
    struct lg_snapshot other = r.snap;
    struct lg_snapshot_worker worker = {0};
    other.workers = &worker;
    EXPECT_OK(lg_snapshot_pools_open(&other, &r.snap));
    rig_say(c, GET);
    rig_back_say(&r, &r.back[0], OK_HI);
    lg_proxy_set_snapshot(r.proxy, &other, r.now_ns);
    rig_settle(&r);
    EXPECT(r.back[0].fin);
    EXPECT_EQ(r.worker.pins, 1); /* the session's; the proxy's own has moved to the new one */
    EXPECT_EQ(worker.pins, 1);
    struct rig_client *d = rig_client_tls(&r);
    EXPECT_EQ(worker.pins, 2);
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 2);
    rig_back_say(&r, &r.back[1], OK_HI);
    lg_proxy_get_counts(r.proxy, &n);
    EXPECT_EQ(n.backend_idle, 0);                 /* an old snapshot's connection is not kept */
    EXPECT_HAS(c->text, "Connection: close\r\n"); /* nor the client's: the old way has to end */
    expect_ended(c);
    rig_client_reset(d);
    EXPECT_EQ(worker.pins, 1);
    rig_fini(&r);
    EXPECT_EQ(worker.pins, 0);
    lg_snapshot_pools_close(&other);
}

TEST(Http, ASessionOfAnOldSnapshotDoesNotUseWhatANewOneKeeps)
{
    struct rig_client *c = start();
    struct lg_snapshot other = r.snap;
    struct lg_snapshot_worker worker = {0};
    other.workers = &worker;
    r.pools[0].backend_cnt = 1;
    EXPECT_OK(lg_snapshot_pools_open(&other, &r.snap));
    lg_proxy_set_snapshot(r.proxy, &other, r.now_ns);
    struct rig_client *d = rig_client_tls(&r);
    rig_say(d, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 2);
    EXPECT(!r.back[0].fin);
    rig_drop_all(&r);
    EXPECT_EQ(worker.pins, 1);
    rig_fini(&r);
    lg_snapshot_pools_close(&other);
}

TEST(Http, SkipsOneBlankLineBeforeARequestAndRefusesTwo)
{
    struct rig_client *c = start();
    rig_say(c, "\r");
    rig_say(c, "\n");
    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_back_say(&r, &r.back[0], OK_HI);
    rig_forget(c);
    rig_say(c, "\r\n\r\n" GET);
    EXPECT_HAS(c->text, "HTTP/1.1 400 Bad Request\r\n");
    EXPECT_EQ(r.back_cnt, 1);
    rig_fini(&r);
}

TEST(Http, AHundredRequestsOnAsManyConnectionsLeaveThePoolsAsTheyWere)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    rig_build(&r);
    for (int i = 0; i < 100; i++) {
        struct rig_client *c = rig_client_tls(&r);
        rig_say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        REQUIRE_EQ(r.back_cnt, 1);
        rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall");
        rig_back_fin(&r, &r.back[0]);
        expect_ended(c);
        rig_drop_all(&r);
        T_STOP_IF_FAILED();
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_2XX), 100);
    rig_fini(&r);
}
