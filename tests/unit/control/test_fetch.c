/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of the control thread's HTTP requests, good and bad, against a server in the same
 * thread: it is moved on between two polls. */
#include "fetch.h"
#include "ocsp_ctl.h"
#include "staple.h"
#include "t.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct site {
    int listen_fd, fd;
    char url[64];
    const char *reply; /* NULL: none, the connection is closed */
    char got[4096];
    size_t got_sz;
    /* -- what came of it -- */
    unsigned done_cnt;
    char body[256], why[256];
    size_t body_sz;
};

static void done(void *ctx, lg_span_t body, const char *why)
{
    struct site *s = ctx;
    s->done_cnt++;
    s->body_sz = body.len;
    memcpy(s->body, body.p, LG_MIN(body.len, sizeof s->body));
    snprintf(s->why, sizeof s->why, "%s", why ? why : "");
}

/* In place of libc's, in libcurl's thread: while nobody answers, a name takes for ever. */
static atomic_bool is_mute;
static atomic_uint asked_cnt;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)node, (void)service, (void)hints, (void)out;
    atomic_fetch_add(&asked_cnt, 1);
    while (atomic_load(&is_mute))
        poll(NULL, 0, 1);
    return EAI_AGAIN;
}

static bool site_open(struct site *s, const char *reply)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t sz = sizeof a;
    *s = (struct site){.fd = -1, .reply = reply};
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bool ok = s->listen_fd >= 0 && bind(s->listen_fd, (struct sockaddr *)&a, sizeof a) == 0 &&
              listen(s->listen_fd, 4) == 0 &&
              getsockname(s->listen_fd, (struct sockaddr *)&a, &sz) == 0;
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/q", ntohs(a.sin_port));
    return ok;
}

static void site_close(struct site *s)
{
    if (s->fd >= 0)
        close(s->fd);
    close(s->listen_fd);
}

/* site_move takes a connection, and answers once the whole request is there. */
static void site_move(struct site *s)
{
    if (s->fd < 0)
        s->fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK);
    if (s->fd < 0)
        return;
    ssize_t n = read(s->fd, s->got + s->got_sz, sizeof s->got - 1 - s->got_sz);
    if (n > 0)
        s->got_sz += (size_t)n;
    char *end = strstr(s->got, "\r\n\r\n");
    if (!end || strlen(end) < 4 + 8)
        return;
    if (s->reply && write(s->fd, s->reply, strlen(s->reply)) < 0)
        return;
    close(s->fd);
    s->fd = -1;
    s->got_sz = 0;
}

/* run posts "question" and goes on until it is over, at most 20 s. */
static void run(struct site *s, const char *url, uint32_t max_sz)
{
    struct lg_fetch *f;
    REQUIRE(lg_is_ok(lg_fetch_open(&f)));
    REQUIRE(lg_is_ok(lg_fetch_post(f, url ? url : s->url, "application/ocsp-request",
                                   LG_SPAN_STR("question"), max_sz, done, s)));
    for (int ms = 0; ms < 20000 && s->done_cnt == 0; ms++) {
        (void)lg_fetch_poll(f);
        site_move(s);
        poll(NULL, 0, 1);
    }
    EXPECT_EQ(s->done_cnt, 1);
    EXPECT_EQ(lg_fetch_poll(f), 0);
    lg_fetch_close(f);
    EXPECT_EQ(s->done_cnt, 1);
}

TEST(Fetch, PostsAndGivesTheBody)
{
    struct site s;
    REQUIRE(site_open(&s, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer"));
    run(&s, NULL, 100);
    EXPECT_STR(s.why, "");
    EXPECT_EQ(s.body_sz, 6);
    EXPECT_MEM(s.body, "answer", 6);
    EXPECT_HAS(s.got, "POST /q HTTP/1.1\r\n");
    EXPECT_HAS(s.got, "Content-Type: application/ocsp-request\r\n");
    EXPECT_HAS(s.got, "\r\n\r\nquestion");
    site_close(&s);
}

TEST(Fetch, TellsWhyThereIsNoBody)
{
    static const struct {
        const char *reply, *why;
    } cases[] = {
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "the server answered 404"},
        {"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         "the server answered 301"}, /* not followed */
        {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", "the response is too large"},
        {"HTTP/1.1 200 OK\r\n\r\nhello world", "the response is too large"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "4 bytes remaining"},
        {NULL, "Empty reply from server"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct site s;
        REQUIRE(site_open(&s, cases[i].reply));
        run(&s, NULL, 10);
        EXPECT_EQ(s.body_sz, 0);
        EXPECT_HAS(s.why, cases[i].why);
        site_close(&s);
    }
}

TEST(Fetch, SpeaksToNothingButHttpServers)
{
    struct site s;
    REQUIRE(site_open(&s, NULL));
    run(&s, "file:///etc/hostname", 100);
    EXPECT_HAS(s.why, "not supported");
    s.done_cnt = 0;
    close(s.listen_fd);
    s.listen_fd = -1;
    run(&s, NULL, 100);
    EXPECT_HAS(s.why, "connect");
}

TEST(Fetch, EndsWhatIsUnderWayWhenClosed)
{
    struct site s;
    struct lg_fetch *f;
    REQUIRE(site_open(&s, NULL));
    REQUIRE(lg_is_ok(lg_fetch_open(&f)));
    for (unsigned i = 0; i < LG_FETCH_MAX; i++)
        EXPECT_OK(lg_fetch_post(f, s.url, "text/plain", LG_SPAN_STR("x"), 10, done, &s));
    EXPECT_ERR(lg_fetch_post(f, s.url, "text/plain", LG_SPAN_STR("x"), 10, done, &s), LG_E(FULL));
    (void)lg_fetch_poll(f);
    lg_fetch_close(f);
    EXPECT_EQ(s.done_cnt, LG_FETCH_MAX);
    EXPECT_STR(s.why, "shutting down");
    site_close(&s);
}

/* The watchdog, the logs and the admin API wait with whoever waits here. */
TEST(Fetch, ANameThatNobodyAnswersForHoldsNobodyUp)
{
    struct site s = {0};
    struct lg_fetch *f;

    REQUIRE(lg_is_ok(lg_fetch_open(&f)));
    atomic_store(&is_mute, true);
    REQUIRE(lg_is_ok(lg_fetch_post(f, "http://ocsp.example/", "application/ocsp-request",
                                   LG_SPAN_STR("question"), 100, done, &s)));
    while (atomic_load(&asked_cnt) == 0) {
        (void)lg_fetch_poll(f);
        poll(NULL, 0, 1);
    }
    lg_fetch_close(f); /* as a timeout does: would hang here */
    EXPECT_EQ(s.done_cnt, 1);
    EXPECT_STR(s.why, "shutting down");
    atomic_store(&is_mute, false);
}

static uint64_t mark(void *ctx)
{
    (void)ctx;
    return 0;
}

static bool is_quiet(void *ctx, uint64_t token)
{
    (void)ctx;
    (void)token;
    return true;
}

TEST(OcspCtl, WhoIsOneTooManyWaitsAndHasNotFailed)
{
    static const struct lg_quiet_ops ops = {mark, is_quiet};
    struct lg_staple_slot *slots[LG_FETCH_MAX + 1];
    const struct lg_ocsp_id id = {.serial_sz = 1};
    struct lg_ocsp_ctl o;
    struct site s;
    unsigned asked = 0, failed = 0;

    REQUIRE(site_open(&s, NULL));
    for (unsigned i = 0; i < LG_ARRAY_CNT(slots); i++) {
        const uint8_t leaf[LG_HASH_SZ] = {(uint8_t)i};
        slots[i] = lg_staple_slot_use("a", leaf, &id, LG_SPAN_STR("issuer"), s.url);
        REQUIRE(slots[i] != NULL);
    }
    lg_ocsp_ctl_init(&o, &ops, NULL);
    lg_ocsp_ctl_poll(&o, LG_SEC(1));
    for (unsigned i = 0; i < LG_ARRAY_CNT(slots); i++) {
        asked += slots[i]->is_asked;
        failed += slots[i]->fail_cnt;
    }
    EXPECT_EQ(asked, LG_FETCH_MAX);
    EXPECT_EQ(failed, 0);
    lg_ocsp_ctl_fini(&o);
    for (unsigned i = 0; i < LG_ARRAY_CNT(slots); i++)
        lg_staple_slot_give(slots[i]);
    site_close(&s);
}
