/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules.c: templates, changes to headers, what backends hear of the client; and the words with
 * which mistakes in rules are told. */
#include "rules.h"

#include "cfg_arena.h"
#include "http_forwarded.h"
#include "http_route.h"
#include "t.h"

static struct lg_http_head h;
static const struct lg_http_client client = {.ip = "2001:db8::9",
                                             .client_port = 4000,
                                             .proto = "https",
                                             .default_host = "fallback",
                                             .port = 443,
                                             .listener = "web",
                                             .sni = "sni.example",
                                             .tls_version = "TLSv1.3",
                                             .cipher = "TLS_AES_128_GCM_SHA256",
                                             .group = "x25519",
                                             .has_cert = true,
                                             .subject = "CN=A \r\nEvil: \x7f",
                                             .issuer = "CN=Root",
                                             .serial = "0A",
                                             .fingerprint = "ff00"};

#define REQ(text) lg_http_parse_request(LG_SPAN_STR(text), &h)

/* ---------------------------------------------------------------- templates */

static char why[LG_TMPL_WHY_SZ];

static lg_err_t compile(const char *text, enum lg_tmpl_use use, uint32_t groups)
{
    struct lg_arena *arena = lg_arena_open();
    const struct lg_tmpl *t;
    lg_err_t e = lg_tmpl_compile(text, use, groups, arena, &t, why);
    lg_arena_close(arena);
    return e;
}

/* put fills a template in, with h as the request. */
static const char *put(const char *text, enum lg_tmpl_use use)
{
    static char buf[2048];
    struct lg_arena *arena = lg_arena_open();
    const struct lg_tmpl *t;
    struct lg_vars v = {.client = &client, .head = &h, .uri = LG_SPAN_STR("/a/b")};
    struct lg_http_text out = {.p = buf, .cap = sizeof buf - 1};

    v.rest = LG_SPAN_STR("/b");
    v.groups[1] = LG_SPAN_STR("one");
    v.groups[9] = LG_SPAN_STR("/nine");
    buf[0] = '\0';
    if (!lg_is_ok(lg_tmpl_compile(text, use, 9, arena, &t, why))) {
        lg_arena_close(arena);
        return why;
    }
    if (use == LG_TMPL_REWRITE)
        EXPECT_EQ(lg_http_rewrite(t, &v, &out), 0);
    else if (use == LG_TMPL_REDIRECT)
        lg_tmpl_put_uri(t, &v, &out);
    else
        lg_tmpl_put(t, &v, &out);
    EXPECT(!out.over);
    buf[out.len] = '\0';
    lg_arena_close(arena);
    return buf;
}

TEST(Template, FillsVariablesIn)
{
    EXPECT_OK(REQ("GET /a%20/b?x=1&y=2 HTTP/1.1\r\nHost: Shop.Example:8443\r\nX-Who: me\r\n"
                  "Cookie: a=1; user=bob\r\n\r\n"));
    EXPECT_STR(put("$scheme://$host$request_uri", LG_TMPL_REQUEST),
               "https://shop.example/a%20/b?x=1&y=2");
    EXPECT_STR(put("$remote_addr:$remote_port > $server_port, $$5", LG_TMPL_REQUEST),
               "2001:db8::9:4000 > 443, $5");
    EXPECT_STR(put("$uri|$rest|$args|$is_args|$request_method|$1$9", LG_TMPL_REQUEST),
               "/a/b|/b|x=1&y=2|?|GET|one/nine");
    EXPECT_STR(put("$ssl_protocol $ssl_cipher $ssl_curve $ssl_server_name $ssl_session_reused",
                   LG_TMPL_RESPONSE),
               "TLSv1.3 TLS_AES_128_GCM_SHA256 x25519 sni.example .");
    EXPECT_STR(put("${listener}s: ${ssl_client_serial}, $ssl_client_verify", LG_TMPL_RESPONSE),
               "webs: 0A, SUCCESS");
    EXPECT_STR(put("$http_x_who$http_nobody-$cookie_user$cookie_nobody", LG_TMPL_REQUEST),
               "me-bob");
    EXPECT_STR(put("$$", LG_TMPL_REQUEST), "$");
    EXPECT_STR(put("$10", LG_TMPL_REQUEST), "one0");
}

TEST(Template, LetsNoValueEndALine)
{
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_STR(put("$ssl_client_s_dn", LG_TMPL_REQUEST), "CN=A ??Evil: ?");
    EXPECT_STR(put("/x?dn=$ssl_client_s_dn", LG_TMPL_REDIRECT),
               "/x?dn=CN%3DA%20%0D%0AEvil%3A%20%7F");
}

TEST(Template, R42_DoesNotRepeatIdentitiesThatClientsClaim)
{
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: a\r\nX-SSL-Client-Subject: CN=root\r\n"
                  "Client-Cert: :AA==:\r\n\r\n"));
    EXPECT_STR(put("<$http_x_ssl_client_subject$http_client_cert>", LG_TMPL_REQUEST), "<>");
}

TEST(Template, RequestUriBeginsWithASlashWhateverTheTarget)
{
    EXPECT_OK(REQ("GET https://a?q HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_STR(put("https://$host$request_uri", LG_TMPL_REDIRECT), "https://a/?q");
    EXPECT_OK(REQ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_STR(put("https://$host$request_uri", LG_TMPL_REDIRECT), "https://a/");
    EXPECT_OK(REQ("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_STR(put("https://$host/", LG_TMPL_REDIRECT), "https://fallback/");
}

TEST(Template, Rewrites)
{
    EXPECT_OK(REQ("GET /a/b?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_STR(put("/v2$rest", LG_TMPL_REWRITE), "/v2/b?x=1");
    EXPECT_STR(put("/v2$rest?only=this", LG_TMPL_REWRITE), "/v2/b?only=this");
    EXPECT_STR(put("/v2?$args&more", LG_TMPL_REWRITE), "/v2?x=1&more");
    EXPECT_STR(put("$9", LG_TMPL_REWRITE), "/nine?x=1");
    EXPECT_STR(put("$1", LG_TMPL_REWRITE), "/one?x=1");
    EXPECT_STR(put("//$9", LG_TMPL_REWRITE), "/nine?x=1");
}

TEST(Template, ARewriteCannotLeadOutOfWhereItPoints)
{
    struct lg_arena *arena = lg_arena_open();
    const struct lg_tmpl *t;
    char buf[64];

    EXPECT_OK(REQ("GET /a?x=/../y HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_OK(lg_tmpl_compile("/in/$1", LG_TMPL_REWRITE, 1, arena, &t, why));
    static const struct {
        const char *group;
        uint16_t status;
    } cases[] = {{"x", 0},   {"..", 400},       {".", 400},      {"../x", 400}, {"x/..", 400},
                 {"...", 0}, {"%2e%2E/x", 400}, {"x/.%2e", 400}, {"%2E", 400},  {"%2e%2e%2e", 0},
                 {"%2", 0},  {"..%", 0},        {"%2ex", 0},     {"?/..", 0}};
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct lg_vars v = {.client = &client, .head = &h};
        struct lg_http_text out = {.p = buf, .cap = sizeof buf};
        v.groups[1] = lg_span_cstr(cases[i].group);
        if (lg_http_rewrite(t, &v, &out) != cases[i].status)
            t_fail(__FILE__, __LINE__, "%s", cases[i].group);
    }
    struct lg_vars v = {.client = &client, .head = &h};
    struct lg_http_text out = {.p = buf, .cap = 5};
    EXPECT_EQ(lg_http_rewrite(t, &v, &out), 414);
    lg_arena_close(arena);
}

TEST(Template, TellsMistakes)
{
    static const struct {
        const char *text;
        enum lg_tmpl_use use;
        const char *why;
    } cases[] = {
        {"$hots", LG_TMPL_REQUEST, "there is no variable $hots; a dollar sign itself is $$"},
        {"5$", LG_TMPL_REQUEST, "a '$' that begins no variable; a dollar sign itself is $$"},
        {"${host", LG_TMPL_REQUEST, "a '$' that begins no variable; a dollar sign itself is $$"},
        {"$3", LG_TMPL_REQUEST, "$3: the route's regex has 2 groups"},
        {"$0", LG_TMPL_REQUEST, "there is no variable $0; a dollar sign itself is $$"},
        {"$http_", LG_TMPL_REQUEST, "there is no variable $http_; a dollar sign itself is $$"},
        {"$host", LG_TMPL_RESPONSE, "$host is of the request, which is gone when a response comes"},
        {"$1", LG_TMPL_RESPONSE, "$1 is of the request, which is gone when a response comes"},
        {"$args.example", LG_TMPL_HOST, "$args may be no host"},
        {"a b", LG_TMPL_HOST, "' ' cannot stand in it; write it percent-encoded, if at all"},
        {"/a b", LG_TMPL_REWRITE, "' ' cannot stand in it; write it percent-encoded, if at all"},
        {"/a#b", LG_TMPL_REWRITE, "'#' cannot stand in it; write it percent-encoded, if at all"},
        {"ftp://a/", LG_TMPL_REDIRECT,
         "expected http:// or https:// and a host, $scheme://, or a path"},
        {"//a/", LG_TMPL_REDIRECT,
         "expected http:// or https:// and a host, $scheme://, or a path"},
        {"$1", LG_TMPL_REDIRECT, "expected http:// or https:// and a host, $scheme://, or a path"},
        {"https://", LG_TMPL_REDIRECT, "there is no host behind the \"//\""},
        {"https:///x", LG_TMPL_REDIRECT, "there is no host behind the \"//\""},
        {"https://a.example$1", LG_TMPL_REDIRECT,
         "write a '/' between the host and what follows: a client could go on with the host's name "
         "there"},
        {"https://a.example$rest$args", LG_TMPL_REDIRECT,
         "write a '/' between the host and what follows: a client could go on with the host's name "
         "there"},
        {"https://$http_x/", LG_TMPL_REDIRECT,
         "write a '/' between the host and what follows: a client could go on with the host's name "
         "there"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        EXPECT_ERR(compile(cases[i].text, cases[i].use, 2), LG_E(CONFIG));
        EXPECT_STR(why, cases[i].why);
    }
    static const char *const good[] = {"https://a.example/$1",
                                       "https://a.example:8443$request_uri",
                                       "$scheme://$host:$server_port$uri",
                                       "$request_uri",
                                       "/x$1",
                                       "http://$ssl_server_name?x=$args"};
    for (size_t i = 0; i < LG_ARRAY_CNT(good); i++)
        EXPECT_OK(compile(good[i], LG_TMPL_REDIRECT, 2));
}

/* ---------------------------------------------------------------- rules of a configuration */

static struct lg_cfg_listener listener;
static struct lg_cfg_http_route route;
static struct lg_rules *rules;
static struct lg_diag diag;

static lg_err_t build(void)
{
    static struct lg_config cfg = {.file = "lg.yaml", .listeners = &listener, .listener_cnt = 1};

    listener.routes = &route;
    listener.route_cnt = 1;
    if (!route.host) {
        route.line = 7;
        route.host = "*";
        route.path = "/";
    }
    memset(&diag, 0, sizeof diag);
    return lg_rules_build(&cfg, &listener, &rules, &diag);
}

static void clear(void)
{
    memset(&listener, 0, sizeof listener);
    memset(&route, 0, sizeof route);
}

/* changed gives what becomes of h. */
static const char *changed(void)
{
    static char buf[4096];
    struct lg_http_text t = {.p = buf, .cap = sizeof buf - 1};
    const struct lg_vars v = {.client = &client, .head = &h};
    const struct lg_http_changes ch = {.edits = rules->list[0].request, .vars = &v};

    lg_http_write_request(&h, &client, &ch, &t);
    buf[t.len] = '\0';
    return buf;
}

TEST(Rules, SetAddAndRemoveFields)
{
    static struct lg_cfg_header own[] = {{1, .set = "X-Real-IP", .value = "$remote_addr"},
                                         {1, .remove = "X-Secret"},
                                         {1, .add = "X-Tag", .value = "a"},
                                         {1, .set = "X-Gone", .value = "x"},
                                         {1, .set = "X-Empty", .value = "$http_nothing"}};
    static struct lg_cfg_header more[] = {{1, .add = "X-Tag", .value = "b"},
                                          {1, .remove = "x_gone"},
                                          {1, .set = "Host", .value = "inner.example"}};
    clear();
    listener.request_headers = own;
    listener.request_header_cnt = LG_ARRAY_CNT(own);
    route.request_headers = more;
    route.request_header_cnt = LG_ARRAY_CNT(more);
    REQUIRE(lg_is_ok(build()));
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 1.1.1.1\r\nx_real_ip: 2.2.2.2\r\n"
                  "X-SECRET: s\r\nX-Tag: mine\r\nX-Gone: g\r\nX-Empty: e\r\nX-Kept: k\r\n\r\n"));
    EXPECT_STR(changed(), "GET / HTTP/1.1\r\nHost: inner.example\r\nX-Tag: mine\r\nX-Kept: k\r\n"
                          "X-Forwarded-For: 2001:db8::9\r\nX-Forwarded-Proto: https\r\n"
                          "X-Forwarded-Port: 443\r\nX-Real-IP: 2001:db8::9\r\nX-Tag: a\r\n"
                          "X-Tag: b\r\n\r\n");
    lg_rules_free(rules);
}

TEST(Rules, TakeOneCookieOutOfMany)
{
    static const struct {
        const char *head, *want;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; s=x; b=2\r\n\r\n", "\r\nCookie: a=1; b=2\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nCookie: s=x;s=y; c\r\n\r\n", "\r\nCookie: c\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nCookie: ss=1; S=2; s =3\r\n\r\n",
         "\r\nCookie: ss=1; S=2; s =3\r\n"},
    };
    static char buf[4096];
    const struct lg_http_changes ch = {.take_cookie = LG_SPAN_STR("s")};

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct lg_http_text t = {.p = buf, .cap = sizeof buf - 1};
        EXPECT_OK(lg_http_parse_request(lg_span_cstr(cases[i].head), &h));
        lg_http_write_request(&h, &client, &ch, &t);
        buf[t.len] = '\0';
        EXPECT_HAS(buf, cases[i].want);
    }
    struct lg_http_text t = {.p = buf, .cap = sizeof buf - 1};
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: a\r\nCookie: s=x\r\n\r\n"));
    lg_http_write_request(&h, &client, &ch, &t);
    buf[t.len] = '\0';
    EXPECT(strstr(buf, "Cookie") == NULL);
}

static void expect_mistake(const char *message)
{
    EXPECT_ERR(build(), LG_E(CONFIG));
    EXPECT_EQ(diag.error_cnt, 1);
    EXPECT_STR(diag.msg[0].text, message);
    clear();
}

TEST(Rules, TellMistakesWithFileLineAndKey)
{
    static struct lg_cfg_header bad = {9, .set = "X-A", .value = "$nothing"};
    static struct lg_cfg_header late = {9, .set = "X-A", .value = "$host"};

    clear();
    route = (struct lg_cfg_http_route){7, "*", "/", 0, LG_PATH_REGEX, .regex = "/(a"};
    expect_mistake("lg.yaml:7: listeners[0].routes[0].regex: missing closing parenthesis, at "
                   "character 4");
    route = (struct lg_cfg_http_route){7, "*", "/", 0, LG_PATH_REGEX, .regex = "\\C"};
    expect_mistake("lg.yaml:7: listeners[0].routes[0].regex: using \\C is disabled by the "
                   "application, at character 3");
    route.redirect = (struct lg_cfg_redirect){8, "nowhere", 301};
    expect_mistake(
        "lg.yaml:8: listeners[0].routes[0].redirect.to: expected http:// or https:// and "
        "a host, $scheme://, or a path");
    route.rewrite = "/$1";
    expect_mistake("lg.yaml:7: listeners[0].routes[0].rewrite: $1: the route's regex has 0 groups");
    listener.request_headers = &bad;
    listener.request_header_cnt = 1;
    expect_mistake("lg.yaml:9: listeners[0].request_headers[0].value: there is no variable "
                   "$nothing; a dollar sign itself is $$");
    route.response_headers = &late;
    route.response_header_cnt = 1;
    expect_mistake("lg.yaml:9: listeners[0].routes[0].response_headers[0].value: $host is of the "
                   "request, which is gone when a response comes");
    route.respond = (struct lg_cfg_respond){8, 200, "text/plain", "", "/nonexistent/page"};
    expect_mistake("lg.yaml:8: listeners[0].routes[0].respond.file: cannot read /nonexistent/page: "
                   "No such file or directory");
    route.respond = (struct lg_cfg_respond){8, 200, "text/plain", "", "/dev/zero"};
    expect_mistake("lg.yaml:8: listeners[0].routes[0].respond.file: /dev/zero is longer than 65536 "
                   "bytes");
}

/* ---------------------------------------------------------------- forwarded */

static const char *forwarded(struct lg_http_client c)
{
    static char buf[4096];
    struct lg_http_text t = {.p = buf, .cap = sizeof buf - 1};

    lg_http_put_forwarded(&h, &c, &t);
    buf[t.len] = '\0';
    return buf;
}

TEST(Forwarded, QuotesWhatIsNoToken)
{
    struct lg_http_client c = client;

    c.fwd_headers = LG_FWD_STANDARD;
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: Shop.example:8443\r\n\r\n"));
    EXPECT_STR(forwarded(c), "Forwarded: for=\"[2001:db8::9]\";host=\"Shop.example:8443\";"
                             "proto=https\r\n");
    c.ip = "192.0.2.9";
    c.proto = "http";
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"));
    EXPECT_STR(forwarded(c), "Forwarded: for=192.0.2.9;host=shop.example;proto=http\r\n");
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"));
    EXPECT_STR(forwarded(c), "Forwarded: for=192.0.2.9;host=\"[2001:db8::1]:80\";proto=http\r\n");
}

TEST(Forwarded, AppendsReplacesOrTrusts)
{
    struct lg_http_client c = client;

    c.ip = "192.0.2.9";
    c.fwd_headers = LG_FWD_BOTH;
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n"
                  "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n"
                  "Forwarded: for=1.1.1.1;by=\"[::1]\"\r\nForwarded: for=\"_x, for=2.2.2.2\r\n"
                  "\r\n"));
    EXPECT_STR(forwarded(c), "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"
                             "X-Forwarded-Port: 443\r\n"
                             "Forwarded: for=192.0.2.9;host=a;proto=https\r\n");
    c.fwd_keeps = true; /* what is malformed would swallow ours */
    EXPECT_STR(forwarded(c),
               "X-Forwarded-For: 1.1.1.1, 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"
               "X-Forwarded-Port: 443\r\n"
               "Forwarded: for=1.1.1.1;by=\"[::1]\", for=192.0.2.9;host=a;proto=https\r\n");
    c.fwd_trusts = true;
    EXPECT_HAS(forwarded(c), "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n");
    c.fwd_headers = LG_FWD_NONE;
    EXPECT_HAS(forwarded(c), "X-Forwarded-For: 1.1.1.1\r\n");
    c.fwd_trusts = false;
    EXPECT_STR(forwarded(c), "");
}

TEST(Forwarded, KnowsAWholeFieldFromATornOne)
{
    static const char *const good[] = {"for=1.1.1.1", "for=_x;by=_y;proto=http",
                                       "for=\"[::1]:80\" , for=a", "For=a; By=b", "for=\"a\\\"b\""};
    static const char *const bad[] = {"",          "for",       "for=",      "for=\"a",
                                      "for=a,",    "for=a;",    "=a",        "for=a b",
                                      "for=\"a\\", "for=[::1]", "for=a,,b=c"};
    for (size_t i = 0; i < LG_ARRAY_CNT(good); i++)
        if (!lg_http_is_forwarded(lg_span_cstr(good[i])))
            t_fail(__FILE__, __LINE__, "refused: %s", good[i]);
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++)
        if (lg_http_is_forwarded(lg_span_cstr(bad[i])))
            t_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
}
