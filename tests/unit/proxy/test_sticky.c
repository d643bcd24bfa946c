/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_sticky.c: clients that stay with their backend by a cookie. */
#include "rig.h"

#include "sticky.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rig r;

#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void begin(void)
{
    rig_init(&r, LG_LISTENER_HTTP);
    r.pools[0].sticky = (struct lg_cfg_sticky){
        .line = 1, .cookie = "SRV", .path = "/", .domain = "", .http_only = true, .strip = true};
}

/* ask sends a request with this Cookie field ("": none) on a connection of its own; gives the
 * backend that got it, which has answered. */
static struct rig_back *ask(const char *cookie, struct rig_client **client)
{
    char text[300];
    struct rig_client *c = rig_client_tcp(&r);
    struct rig_back *b = NULL;
    size_t before[RIG_BACKS];

    for (uint32_t i = 0; i < r.back_cnt; i++)
        before[i] = r.back[i].total;
    uint32_t had = r.back_cnt;
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s%s%s\r\n",
             *cookie ? "Cookie: " : "", cookie, *cookie ? "\r\n" : "");
    rig_client_raw(c, text);
    for (uint32_t i = 0; i < r.back_cnt; i++)
        if (i >= had || r.back[i].total > before[i])
            b = &r.back[i];
    if (b)
        rig_back_say(&r, b, OK_HI);
    *client = c;
    return b;
}

/* cookie_of gives "SRV=..." of a response's Set-Cookie; "" when there is none. */
static const char *cookie_of(const struct rig_client *c)
{
    static char text[64];
    const char *at = strstr(c->raw, "Set-Cookie: ");

    snprintf(text, sizeof text, "%.36s", at ? at + 12 : "");
    return text;
}

TEST(Sticky, AClientComesBackToItsBackend)
{
    struct rig_client *c;
    char cookie[96];

    begin();
    rig_build(&r);
    struct rig_back *b = ask("", &c);
    REQUIRE(b != NULL);
    uint16_t port = b->port;
    snprintf(cookie, sizeof cookie, "a=1; %s; b=2", cookie_of(c));
    EXPECT_EQ(strlen(cookie), 46);
    EXPECT_HAS(c->raw, "; Path=/; HttpOnly; SameSite=Lax\r\n\r\nhi");
    for (int i = 0; i < 3; i++) {
        b = ask(cookie, &c);
        REQUIRE(b != NULL);
        EXPECT_EQ(b->port, port);
        EXPECT_STR(cookie_of(c), "");                    /* it has one */
        EXPECT_HAS(b->text, "\r\nCookie: a=1; b=2\r\n"); /* which is not the backend's business */
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_STICKY), 3);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_STICKY_SET), 1);
    rig_fini(&r);
}

TEST(Sticky, ForgedCookiesAreReplaced)
{
    static const char *const forged[] = {"SRV=",
                                         "SRV=1",
                                         "SRV=00000000000000000000000000000000",
                                         "SRV=zz000000000000000000000000000000",
                                         "SRV",
                                         "SRV=0000000000000000000000000000000000"};
    struct rig_client *c;
    uint16_t last = 0;

    begin();
    rig_build(&r);
    for (size_t i = 0; i < LG_ARRAY_CNT(forged); i++) {
        struct rig_back *b = ask(forged[i], &c);
        REQUIRE(b != NULL);
        EXPECT(strlen(cookie_of(c)) == 36);
        EXPECT(b->port != last); /* balanced as if there was none */
        last = b->port;
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_STICKY_BAD), 5); /* one is no cookie of that name */
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_STICKY), 0);
    rig_fini(&r);
}

/* A drained backend keeps its clients, and gets no others. */
TEST(Sticky, StaysWithABackendThatDrains)
{
    struct rig_client *c;
    char cookie[96];

    begin();
    r.backends[0].drain = true;
    r.backends[1].weight = 0;
    rig_build(&r);
    char words[LG_STICKY_COOKIE_SZ];
    struct lg_http_text text = {.p = words, .cap = sizeof words};
    lg_sticky_put(r.snap.pools[0].sticky, 0, false, &text);
    snprintf(cookie, sizeof cookie, "%.36s", words);
    struct rig_back *b = ask(cookie, &c);
    REQUIRE(b != NULL);
    EXPECT_EQ(b->port, 8000);
    EXPECT_HAS(c->raw, "200 OK");
    EXPECT(ask("", &c) == NULL); /* and nobody else is served here */
    EXPECT_HAS(c->raw, "503 ");
    rig_fini(&r);
}

TEST(Sticky, LeavesABackendThatFailsAndStaysWithTheNext)
{
    struct rig_client *c;
    char cookie[96];

    begin();
    rig_build(&r);
    char words[LG_STICKY_COOKIE_SZ];
    struct lg_http_text text = {.p = words, .cap = sizeof words};
    lg_sticky_put(r.snap.pools[0].sticky, 0, false, &text);
    snprintf(cookie, sizeof cookie, "%.36s", words);
    r.refuses[0] = true;
    struct rig_back *b = ask(cookie, &c);
    REQUIRE(b != NULL);
    EXPECT_EQ(b->port, 8001);
    EXPECT(strlen(cookie_of(c)) == 36 && strcmp(cookie_of(c), cookie) != 0);
    EXPECT_EQ(rig_stat(&r, LG_STAT_HTTP_STICKY_LOST), 1);
    snprintf(cookie, sizeof cookie, "%s", cookie_of(c));
    r.refuses[0] = false;
    b = ask(cookie, &c);
    REQUIRE(b != NULL);
    EXPECT_EQ(b->port, 8001);
    EXPECT_STR(cookie_of(c), "");
    rig_fini(&r);
}

/* Who stays waits for his backend; those behind him, who do not care, pass him by. */
TEST(Sticky, WaitsForItsBackendAndHoldsUpNobody)
{
    struct rig_client *c, *d;
    char cookie[64], words[LG_STICKY_COOKIE_SZ], request[160];
    struct lg_http_text text = {.p = words, .cap = sizeof words};

    begin();
    r.backends[0].max_connections = 1;
    rig_build(&r);
    lg_sticky_put(r.snap.pools[0].sticky, 0, false, &text);
    snprintf(cookie, sizeof cookie, "%.36s", words);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n", cookie);
    rig_client_raw(c = rig_client_tcp(&r), request);
    REQUIRE_EQ(r.back_cnt, 1);
    struct rig_back *first = &r.back[0];
    rig_client_raw(d = rig_client_tcp(&r), request);
    EXPECT_EQ(r.back_cnt, 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_QUEUED), 1);
    struct rig_client *e;
    struct rig_back *b = ask("", &e);
    REQUIRE(b != NULL);
    EXPECT_EQ(b->port, 8001);
    rig_back_say(&r, first, OK_HI);
    EXPECT_STR(c->raw, OK_HI);
    rig_back_say(&r, first, OK_HI); /* over the same connection */
    EXPECT_STR(d->raw, OK_HI);
    rig_fini(&r);
}

/* ---------------------------------------------------------------- keys and attributes */

static struct lg_sticky *build(const uint8_t *own, struct lg_diag *diag)
{
    struct lg_sticky *s = NULL;

    if (!lg_is_ok(lg_sticky_build(&r.cfg, &r.pools[0], own, &s, diag)))
        return NULL;
    return s;
}

static const char *put(const struct lg_sticky *s, bool is_tls)
{
    static char words[LG_STICKY_COOKIE_SZ];
    struct lg_http_text text = {.p = words, .cap = sizeof words - 1};

    lg_sticky_put(s, 0, is_tls, &text);
    words[text.len] = '\0';
    return words;
}

TEST(Sticky, SaysItsAttributes)
{
    static const uint8_t own[LG_STICKY_KEY_SZ] = {1};
    struct lg_diag diag = {0};

    begin();
    struct lg_cfg_sticky *cfg = &r.pools[0].sticky;
    struct lg_sticky *s = build(own, &diag);
    REQUIRE(s != NULL);
    EXPECT_STR(put(s, true) + 36, "; Path=/; Secure; HttpOnly; SameSite=Lax");
    cfg->path = "/shop";
    cfg->domain = "a.example";
    cfg->max_age_ns = LG_SEC(3600);
    cfg->secure = LG_SECURE_NEVER;
    cfg->http_only = false;
    cfg->same_site = LG_SAME_SITE_OFF;
    EXPECT_STR(put(s, true) + 36, "; Path=/shop; Domain=a.example; Max-Age=3600");
    cfg->secure = LG_SECURE_ALWAYS;
    cfg->same_site = LG_SAME_SITE_NONE;
    EXPECT_HAS(put(s, false), "; Secure; SameSite=None");
    lg_sticky_free(s);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=\n"

TEST(Sticky, KeysAreTheProcesssOrAFilesAndAreReplacedWithoutLoss)
{
    static const uint8_t own[LG_STICKY_KEY_SZ] = {1}, other[LG_STICKY_KEY_SZ] = {2};
    char path[] = "/tmp/lockgate-sticky.XXXXXX", first[64], request[200];
    struct lg_diag diag = {0};
    struct lg_http_head h;
    uint32_t idx;

    begin();
    struct lg_sticky *a = build(own, &diag), *b = build(own, &diag), *c = build(other, &diag);
    EXPECT_STR(put(a, false), put(b, false));
    snprintf(first, sizeof first, "%.36s", put(a, false));
    EXPECT(strncmp(first, put(c, false), 36) != 0);
    lg_sticky_free(a);
    lg_sticky_free(b);
    lg_sticky_free(c);

    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    r.pools[0].sticky.key_file = path;
    write_file(path, "# keys\n" KEY_A);
    a = build(own, &diag);
    REQUIRE(a != NULL);
    snprintf(first, sizeof first, "%.36s", put(a, false));
    write_file(path, KEY_A KEY_B); /* B is believed already, A signs yet */
    b = build(other, &diag);
    REQUIRE(b != NULL);
    EXPECT(strncmp(first, put(b, false), 36) == 0);
    write_file(path, KEY_A KEY_B KEY_B);
    c = build(other, &diag);
    REQUIRE(c != NULL);
    EXPECT(strncmp(first, put(c, false), 36) != 0);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n", first);
    EXPECT_OK(lg_http_parse_request(lg_span_cstr(request), &h));
    EXPECT_EQ(lg_sticky_find(b, &h, &idx), LG_STICKY_CURRENT);
    EXPECT_EQ(lg_sticky_find(c, &h, &idx), LG_STICKY_OLD);
    EXPECT_EQ(idx, 0);
    lg_sticky_free(a);
    lg_sticky_free(b);
    lg_sticky_free(c);

    static const char *const bad[] = {"", "# none\n", "short\n", KEY_A KEY_A KEY_A KEY_A KEY_A};
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        struct lg_diag d = {0};
        write_file(path, bad[i]);
        EXPECT(build(own, &d) == NULL);
        EXPECT_EQ(d.error_cnt, 1);
        EXPECT(strncmp(d.msg[0].text, "test.yaml:1: pools[0].sticky.key_file: ", 39) == 0);
        EXPECT_HAS(d.msg[0].text, "expected 1 to 4 lines of 32 random bytes in base64");
    }
    unlink(path);
}
