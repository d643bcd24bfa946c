/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http_route.c: Host and path to a route. */
#include "http_route.h"

#include "t.h"
#include <stdio.h>
#include <stdlib.h>

static const char *normal(const char *path)
{
    static char out[256];
    size_t len;
    if (!lg_is_ok(lg_http_path_normal(lg_span_cstr(path), out, &len)))
        return NULL;
    EXPECT(len <= strlen(path) + 1);
    out[len] = '\0';
    return out;
}

TEST(HttpRoute, BringsPathsIntoNormalForm)
{
    EXPECT_STR(normal("/"), "/");
    EXPECT_STR(normal(""), "/");
    EXPECT_STR(normal("*"), "/");
    EXPECT_STR(normal("?q=/../.."), "/");
    EXPECT_STR(normal("/a/b"), "/a/b");
    EXPECT_STR(normal("/a/b/"), "/a/b/");
    EXPECT_STR(normal("/a/./b"), "/a/b");
    EXPECT_STR(normal("/a/../b"), "/b");
    EXPECT_STR(normal("/a/b/.."), "/a/");
    EXPECT_STR(normal("/a/b/."), "/a/b/");
    EXPECT_STR(normal("/a/.."), "/");
    EXPECT_STR(normal("//a///b"), "/a/b");
    EXPECT_STR(normal("/%61dmin"), "/admin");
    EXPECT_STR(normal("/a/%2e%2E/b"), "/b");
    EXPECT_STR(normal("/a/.%2e/b"), "/b");
    EXPECT_STR(normal("/a%2fb"), "/a%2Fb");
    EXPECT_STR(normal("/%41%2f.."), "/A%2F..");
    EXPECT_STR(normal("/..."), "/...");
    EXPECT_STR(normal("/a?b/../c"), "/a");
}

TEST(HttpRoute, RefusesPathsThatLeaveTheRootOrAreBroken)
{
    EXPECT(normal("/..") == NULL);
    EXPECT(normal("/a/../..") == NULL);
    EXPECT(normal("/%2e%2e/x") == NULL);
    EXPECT(normal("/%00") == NULL);
    EXPECT(normal("/%") == NULL);
    EXPECT(normal("/%4") == NULL);
    EXPECT(normal("/%zz") == NULL);
    EXPECT(normal("/%4?1") == NULL);
}

static struct lg_cfg_http_route routes[] = {
    {1, "*", "/", 0},
    {1, "*", "/any", 1},
    {1, "a.example", "/api", 2},
    {1, "a.example", "/api/v2/", 3},
    {1, "*.example", "/", 4},
    {1, "*.a.example", "/x", 5},
};

/* Rules of a few routes, and a matcher. */
static struct {
    struct lg_cfg_listener l;
    struct lg_config cfg;
    struct lg_rules *rules;
    struct lg_regex_core *core;
    struct lg_route_hit hit;
} f;

static void close_rules(void)
{
    lg_rules_free(f.rules);
    free(f.core);
    f.rules = NULL;
    f.core = NULL;
}

static void open_rules(struct lg_cfg_http_route *list, uint32_t cnt)
{
    struct lg_diag diag = {0};

    close_rules();
    f.l = (struct lg_cfg_listener){.routes = list, .route_cnt = cnt};
    f.cfg = (struct lg_config){.file = "lg.yaml", .listeners = &f.l, .listener_cnt = 1};
    if (!lg_is_ok(lg_rules_build(&f.cfg, &f.l, &f.rules, &diag))) {
        t_fail(__FILE__, __LINE__, "rules: %s", diag.msg[0].text);
        abort();
    }
    void *mem = aligned_alloc(64, lg_regex_core_footprint());
    memset(mem, 0, lg_regex_core_footprint());
    f.core = lg_regex_core_init(mem);
}

/* find gives the pool that takes a request, 98 when an expression reached its limit, 99: none. */
static uint32_t find(const char *host, const char *path)
{
    switch (lg_http_route_find(f.rules, f.core, lg_span_cstr(host), lg_span_cstr(path), &f.hit)) {
    case LG_ROUTE_FOUND:
        return f.hit.rule->cfg->pool_idx;
    case LG_ROUTE_LIMIT:
        return 98;
    case LG_ROUTE_NONE:
        break;
    }
    return 99;
}

static const char *text_of(lg_span_t s)
{
    static char buf[128];
    snprintf(buf, sizeof buf, "%.*s", (int)s.len, (const char *)s.p);
    return buf;
}

TEST(HttpRoute, TakesTheLongestPathOfTheExactHost)
{
    open_rules(routes, LG_ARRAY_CNT(routes));
    EXPECT_EQ(find("a.example", "/api"), 2);
    EXPECT_EQ(find("a.example", "/api/v1"), 2);
    EXPECT_EQ(find("a.example", "/api/v2/x"), 3);
    EXPECT_EQ(find("a.example", "/api/v2/"), 3);
    EXPECT_EQ(find("a.example", "/api/v2"), 2);
    close_rules();
}

TEST(HttpRoute, MatchesWholeSegmentsOnly)
{
    open_rules(routes, LG_ARRAY_CNT(routes));
    EXPECT_EQ(find("other", "/any"), 1);
    EXPECT_EQ(find("other", "/any/x"), 1);
    EXPECT_EQ(find("other", "/anything"), 0);
    EXPECT_EQ(find("a.example", "/apix"), 4);
    close_rules();
}

TEST(HttpRoute, FallsThroughFromExactToWildcardToAny)
{
    open_rules(routes, LG_ARRAY_CNT(routes));
    EXPECT_EQ(find("a.example", "/any"), 4);
    EXPECT_EQ(find("b.example", "/any"), 4);
    EXPECT_EQ(find("b.a.example", "/x"), 5);
    EXPECT_EQ(find("b.a.example", "/y"), 0);
    EXPECT_EQ(find("example", "/y"), 0);
    EXPECT_EQ(find(".example", "/y"), 0);
    EXPECT_EQ(find("", "/y"), 0);
    close_rules();
}

TEST(HttpRoute, SaysWhenThereIsNone)
{
    open_rules(routes + 2, 2);
    EXPECT_EQ(find("a.example", "/"), 99);
    open_rules(routes, 0);
    EXPECT_EQ(find("a.example", "/"), 99);
    close_rules();
}

static struct lg_cfg_http_route mixed[] = {
    {1, "*", "/", 0},
    {1, "*", "/img", 1},
    {1, "*", "/", 2, LG_PATH_REGEX, .regex = "\\.png$"},
    {1, "*", "/", 3, LG_PATH_REGEX, .regex = "^/img/"},
    {1, "*", "/", 4, LG_PATH_EXACT, .exact = "/img/logo.png"},
    {1, "a.example", "/", 5, LG_PATH_REGEX, .regex = "^/user/([0-9]+)(/.*)?$"},
    {1, "a.example", "/docs", 6},
};

TEST(HttpRoute, AnExactPathBeatsExpressionsAndThoseBeatPrefixesAsInNginx)
{
    open_rules(mixed, LG_ARRAY_CNT(mixed));
    EXPECT_EQ(find("b", "/img/logo.png"), 4);
    EXPECT_EQ(find("b", "/img/other.png"), 2); /* the first of two */
    EXPECT_EQ(find("b", "/img/other.gif"), 3);
    EXPECT_EQ(find("b", "/img"), 1);
    EXPECT_EQ(find("b", "/logo.png/"), 0);
    /* Whatever the host's own routes take, comes before those of others. */
    EXPECT_EQ(find("a.example", "/docs/a.png"), 6);
    EXPECT_EQ(find("a.example", "/user/7"), 5);
    EXPECT_EQ(find("a.example", "/user/x"), 0);
    EXPECT_EQ(find("a.example", "/img/logo.png"), 4);
    close_rules();
}

TEST(HttpRoute, GivesGroupsAndTheRest)
{
    open_rules(mixed, LG_ARRAY_CNT(mixed));
    EXPECT_EQ(find("a.example", "/user/42/orders"), 5);
    EXPECT_STR(text_of(f.hit.groups[1]), "42");
    EXPECT_STR(text_of(f.hit.groups[2]), "/orders");
    EXPECT_EQ(f.hit.rest.len, 0);
    EXPECT_EQ(find("a.example", "/user/42"), 5);
    EXPECT_EQ(f.hit.groups[2].len, 0);
    EXPECT_EQ(find("a.example", "/docs/x/y"), 6);
    EXPECT_STR(text_of(f.hit.rest), "/x/y");
    EXPECT_EQ(find("a.example", "/docs"), 6);
    EXPECT_EQ(f.hit.rest.len, 0);
    EXPECT_EQ(find("b", "/x"), 0);
    EXPECT_STR(text_of(f.hit.rest), "/x"); /* of "/": with its '/' */
    close_rules();
}

/* An expression whose work grows exponentially ends at its limit, and hurts no later one. */
TEST(HttpRoute, AnExpressionThatTakesTooMuchWorkIsALimitNotAMiss)
{
    static struct lg_cfg_http_route bad[] = {
        {1, "*", "/", 0},
        {1, "*", "/", 1, LG_PATH_REGEX, .regex = "^/(a+)+$"},
        {1, "*", "/", 2, LG_PATH_REGEX, .regex = "^/(.|x)*y$"},
    };
    char path[4000];

    open_rules(bad, LG_ARRAY_CNT(bad));
    memset(path, 'a', sizeof path);
    path[0] = '/';
    snprintf(path + 40, 2, "!");
    EXPECT_EQ(find("b", path), 98);
    EXPECT_EQ(find("b", "/aaa"), 1);
    EXPECT_EQ(find("b", "/b"), 0);
    memset(path, 'b', sizeof path - 1); /* many frames to come back to */
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    EXPECT(find("b", path) == 98 || find("b", path) == 0);
    EXPECT_EQ(find("b", "/xy"), 2);
    close_rules();
}
