/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http_rules.c: rules of listeners from end to end: redirects, responses, rewriting, headers.
 */
#include "rig.h"

static struct rig r;

#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* start begins an http listener whose routes the test has written. */
static struct rig_client *start(uint32_t route_cnt)
{
    r.listener.route_cnt = route_cnt;
    for (uint32_t i = 0; i < route_cnt; i++) {
        struct lg_cfg_http_route *one = &r.routes[i];
        one->host = one->host ? one->host : "*";
        one->path = one->path ? one->path : "/";
        if (one->redirect.line || one->respond.line)
            one->pool_idx = LG_NO_POOL;
    }
    rig_build(&r);
    return rig_client_tcp(&r);
}

TEST(HttpRules, RedirectsToHttps)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].redirect = (struct lg_cfg_redirect){1, "https://$host$request_uri", 301};
    struct rig_client *c = start(1);
    rig_client_raw(c, "GET /a/b?c HTTP/1.1\r\nHost: A.Example:80\r\n\r\n");
    EXPECT_STR(c->raw, "HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.example/a/b?c\r\n"
                       "Content-Type: text/plain\r\nContent-Length: 22\r\n\r\n"
                       "301 Moved Permanently\n");
    EXPECT(!c->fin); /* and the connection goes on */
    c->raw_len = 0;
    rig_client_raw(c, "HEAD / HTTP/1.0\r\nHost: a\r\n\r\n");
    EXPECT_HAS(c->raw, "Location: https://a/\r\n");
    EXPECT_HAS(c->raw, "Connection: close\r\n\r\n");
    EXPECT(c->fin);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_REDIRECTED), 2);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_3XX), 2);
    EXPECT_EQ(r.back_cnt, 0);
    rig_fini(&r);
}

TEST(HttpRules, ARelativeRedirectStaysOnThisHost)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].match = LG_PATH_REGEX;
    r.routes[0].regex = "^/old(.*)$";
    r.routes[0].redirect = (struct lg_cfg_redirect){1, "/$1", 302};
    struct rig_client *c = start(1);
    rig_client_raw(c, "GET /old/evil.example HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_HAS(c->raw, "\r\nLocation: /evil.example\r\n");
    c->raw_len = 0;
    rig_client_raw(c, "GET /old%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_HAS(c->raw, "\r\nLocation: /%0D%0AX-Evil:%201\r\n");
    rig_fini(&r);
}

TEST(HttpRules, ARedirectWithoutAHostIsNone)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].redirect = (struct lg_cfg_redirect){1, "https://$ssl_server_name$request_uri", 302};
    struct rig_client *c = start(1);
    /* A browser would take the path for the host. */
    rig_client_raw(c, "GET //evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_HAS(c->raw, "HTTP/1.1 400 ");
    EXPECT(strstr(c->raw, "Location") == NULL);
    rig_fini(&r);
}

TEST(HttpRules, RespondsAtOnce)
{
    static struct lg_cfg_header hsts = {1, .set = "X-From", .value = "$listener $remote_addr"};
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].respond = (struct lg_cfg_respond){1, 503, "text/html", "<p>later\n", NULL};
    r.routes[0].response_headers = &hsts;
    r.routes[0].response_header_cnt = 1;
    r.routes[1] = (struct lg_cfg_http_route){.match = LG_PATH_EXACT, .exact = "/alive"};
    r.routes[1].respond = (struct lg_cfg_respond){1, 204, "text/plain", "", NULL};
    struct rig_client *c = start(2);
    rig_client_raw(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_STR(c->raw, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n"
                       "Content-Length: 9\r\nX-From: web 10.0.0.1\r\n\r\n<p>later\n");
    memset(c->raw, 0, sizeof c->raw);
    c->raw_len = 0;
    rig_client_raw(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_STR(c->raw, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n"
                       "Content-Length: 9\r\nX-From: web 10.0.0.1\r\n\r\n"
                       "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_RESPONDED), 3);
    EXPECT_EQ(r.back_cnt, 0);
    rig_fini(&r);
}

/* A request whose body nobody reads: answered, and the connection ends. */
TEST(HttpRules, DoesNotReadBodiesThatNobodyWants)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].respond = (struct lg_cfg_respond){1, 403, "text/plain", "no\n", NULL};
    struct rig_client *c = start(1);
    rig_client_raw(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    EXPECT_HAS(c->raw, "HTTP/1.1 403 Forbidden\r\n");
    EXPECT_HAS(c->raw, "\r\nConnection: close\r\n");
    EXPECT(c->fin);
    rig_fini(&r);
}

TEST(HttpRules, RewritesThePathAndChangesHeadersBothWays)
{
    static struct lg_cfg_header to[] = {{1, .set = "X-Real-IP", .value = "$remote_addr"},
                                        {1, .remove = "X-Debug"}};
    static struct lg_cfg_header from[] = {
        {1, .remove = "Server"},
        {1, .set = "Strict-Transport-Security", .value = "max-age=31536000"}};
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].path = "/api";
    r.routes[0].rewrite = "/v2$rest";
    r.listener.request_headers = to;
    r.listener.request_header_cnt = LG_ARRAY_CNT(to);
    r.listener.response_headers = from;
    r.listener.response_header_cnt = LG_ARRAY_CNT(from);
    struct rig_client *c = start(1);
    rig_client_raw(c, "GET /%61pi//x?y HTTP/1.1\r\nHost: a\r\nX-Debug: 1\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "GET /v2/x?y HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
                               "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 443\r\n"
                               "X-Real-IP: 10.0.0.1\r\n\r\n");
    rig_back_say(&r, &r.back[0],
                 "HTTP/1.1 200 OK\r\nServer: secret\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_STR(c->raw, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                       "Strict-Transport-Security: max-age=31536000\r\n\r\nhi");
    rig_fini(&r);
}

TEST(HttpRules, ASecondTryKeepsTheRewrittenRequest)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.refuses[0] = true;
    r.routes[0].rewrite = "/v2$rest";
    struct rig_client *c = start(1);
    rig_client_raw(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_EQ(r.back[0].port, 8001);
    EXPECT(strncmp(r.back[0].text, "GET /v2/x HTTP/1.1\r\n", 20) == 0);
    rig_back_say(&r, &r.back[0], OK_HI);
    EXPECT_STR(c->raw, OK_HI);
    rig_fini(&r);
}

TEST(HttpRules, AnExpressionAtItsLimitIs500AndCounted)
{
    char request[300];
    rig_init(&r, LG_LISTENER_HTTP);
    r.routes[0].match = LG_PATH_REGEX;
    r.routes[0].regex = "^/(a+)+$";
    struct rig_client *c = start(1);
    snprintf(request, sizeof request, "GET /%040d! HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    for (char *p = strchr(request, '0'); *p == '0'; p++)
        *p = 'a';
    rig_client_raw(c, request);
    EXPECT(strncmp(c->raw, "HTTP/1.1 500 Internal Server Error\r\n", 36) == 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_REGEX_LIMIT), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_5XX), 1);
    c->raw_len = 0;
    rig_client_raw(c, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(strncmp(c->raw, "HTTP/1.1 404 ", 13) == 0);
    rig_fini(&r);
}

TEST(HttpRules, BelievesForwardedFieldsOfTrustedProxiesOnly)
{
    static struct lg_prefix trusted[2];

    for (int i = 0; i < 2; i++) {
        const char *net = i ? "10.0.0.0/24" : "10.9.0.0/24"; /* the client is 10.0.0.1 */
        rig_init(&r, LG_LISTENER_HTTP);
        EXPECT_OK(lg_prefix_parse(lg_span_cstr(net), &trusted[0]));
        r.listener.forwarded = (struct lg_cfg_forwarded){1, LG_FWD_X, LG_FWD_APPEND, 1, trusted};
        struct rig_client *c = start(1);
        rig_client_raw(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n"
                          "X-Forwarded-Proto: https\r\nForwarded: for=1.1.1.1\r\n\r\n");
        REQUIRE_EQ(r.back_cnt, 1);
        EXPECT_HAS(r.back[0].text, i ? "X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\n"
                                       "X-Forwarded-Proto: https\r\n"
                                     : "\r\nX-Forwarded-For: 10.0.0.1\r\n"
                                       "X-Forwarded-Proto: http\r\n");
        EXPECT((strstr(r.back[0].text, "\r\nForwarded: for=1.1.1.1\r\n") != NULL) == (i == 1));
        rig_fini(&r);
    }
}
