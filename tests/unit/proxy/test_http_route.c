/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http_route.c: Host and path to a route. */
#include "http_route.h"

#include "t.h"

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
static const struct lg_cfg_listener listener = {.routes = routes,
                                                .route_cnt = LG_ARRAY_CNT(routes)};

static uint32_t find(const char *host, const char *path)
{
    return lg_http_route_find(&listener, lg_span_cstr(host), lg_span_cstr(path));
}

TEST(HttpRoute, TakesTheLongestPathOfTheExactHost)
{
    EXPECT_EQ(find("a.example", "/api"), 2);
    EXPECT_EQ(find("a.example", "/api/v1"), 2);
    EXPECT_EQ(find("a.example", "/api/v2/x"), 3);
    EXPECT_EQ(find("a.example", "/api/v2/"), 3);
    EXPECT_EQ(find("a.example", "/api/v2"), 2);
}

TEST(HttpRoute, MatchesWholeSegmentsOnly)
{
    EXPECT_EQ(find("other", "/any"), 1);
    EXPECT_EQ(find("other", "/any/x"), 1);
    EXPECT_EQ(find("other", "/anything"), 0);
    EXPECT_EQ(find("a.example", "/apix"), 4);
}

TEST(HttpRoute, FallsThroughFromExactToWildcardToAny)
{
    EXPECT_EQ(find("a.example", "/any"), 4);
    EXPECT_EQ(find("b.example", "/any"), 4);
    EXPECT_EQ(find("b.a.example", "/x"), 5);
    EXPECT_EQ(find("b.a.example", "/y"), 0);
    EXPECT_EQ(find("example", "/y"), 0);
    EXPECT_EQ(find(".example", "/y"), 0);
    EXPECT_EQ(find("", "/y"), 0);
}

TEST(HttpRoute, SaysWhenThereIsNone)
{
    struct lg_cfg_listener l = listener;
    l.routes = routes + 2;
    l.route_cnt = 2;
    EXPECT_EQ(lg_http_route_find(&l, LG_SPAN_STR("a.example"), LG_SPAN_STR("/")), LG_ROUTE_NONE);
    l.route_cnt = 0;
    EXPECT_EQ(lg_http_route_find(&l, LG_SPAN_STR("a.example"), LG_SPAN_STR("/")), LG_ROUTE_NONE);
}
