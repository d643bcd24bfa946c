/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of backends against a name server of ours on loopback, in the same thread: what is asked
 * when, what is kept, what counts as a change. */
#include "dns.h"
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server: one answer for every name. */
static struct {
    int fd;
    uint16_t port;
    const char *v4[8]; /* ends with NULL */
    uint32_t ttl;
    uint8_t rcode;  /* 3: no such name, 2: server failure */
    bool is_silent; /* answers nothing */
    unsigned asked; /* queries for A */
} server;

static struct lg_cfg_backend backends[2];
static struct lg_cfg_pool pool = {.name = (char *)"web", .backends = backends, .backend_cnt = 1};
static struct lg_endpoint nameserver;

static struct lg_config make_cfg(void)
{
    struct lg_config cfg = {.file = (char *)"lg.yaml", .pool_cnt = 1, .pools = &pool};

    cfg.dns = (struct lg_cfg_dns){.server_cnt = 1,
                                  .servers = &nameserver,
                                  .hosts_file = (char *)"",
                                  .family = LG_DNS_IPV4,
                                  .timeout_ns = LG_MS(200),
                                  .tries = 1,
                                  .min_ttl_ns = LG_SEC(2),
                                  .max_ttl_ns = LG_SEC(100),
                                  .retry_ns = LG_SEC(5),
                                  .start_timeout_ns = LG_SEC(5)};
    return cfg;
}

static void open_server(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    socklen_t len = sizeof sa;

    memset(&server, 0, sizeof server);
    server.ttl = 10;
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(server.fd, (struct sockaddr *)&sa, sizeof sa), 0);
    EXPECT_EQ(getsockname(server.fd, (struct sockaddr *)&sa, &len), 0);
    EXPECT_OK(lg_ip_parse(lg_span_cstr("127.0.0.1"), &nameserver.ip));
    nameserver.port = ntohs(sa.sin_port);
    backends[0] = (struct lg_cfg_backend){
        .name = (char *)"a", .host = (char *)"app.example", .addr.port = 80};
}

/* append_answer adds one A record that points back at the question's name. */
static size_t append_answer(uint8_t *out, size_t at, const char *ip)
{
    const uint8_t head[] = {0xc0, 12, 0, 1, 0, 1};
    uint32_t ttl = htonl(server.ttl);

    memcpy(out + at, head, sizeof head);
    memcpy(out + at + 6, &ttl, 4);
    out[at + 10] = 0;
    out[at + 11] = 4;
    inet_pton(AF_INET, ip, out + at + 12);
    return at + 16;
}

static void serve(void)
{
    struct sockaddr_storage from;
    uint8_t q[512], a[1024];

    for (socklen_t len = sizeof from;; len = sizeof from) {
        ssize_t n = recvfrom(server.fd, q, sizeof q, 0, (struct sockaddr *)&from, &len);
        if (n < 17)
            return;
        server.asked++;
        if (server.is_silent)
            continue;
        size_t at = 12 + strlen((char *)q + 12) + 5; /* the question */
        memcpy(a, q, at);
        memset(a + 6, 0, 6);
        a[2] = 0x84;
        a[3] = server.rcode;
        for (int i = 0; server.v4[i] && server.rcode == 0; i++, a[7]++)
            at = append_answer(a, at, server.v4[i]);
        sendto(server.fd, a, at, 0, (struct sockaddr *)&from, len);
    }
}

/* turn lets both sides go on until the server was asked `asked` times and all has been answered;
 * did a set change meanwhile? */
static bool turn(struct lg_dns *d, lg_ns_t now_ns, unsigned asked)
{
    struct lg_dns_counts c = {0};
    bool changed = false;

    for (int i = 0; i < 3000; i++) {
        changed |= lg_dns_poll(d, now_ns);
        serve();
        lg_dns_get_counts(d, &c);
        if (server.asked >= asked &&
            c.answers + c.fail_none + c.fail_other + c.fail_timeout == c.queries)
            return changed | lg_dns_poll(d, now_ns);
        struct pollfd fd = {.fd = server.fd, .events = POLLIN};
        poll(&fd, 1, 1);
    }
    t_fail(__FILE__, __LINE__, "asked %u times, expected %u", server.asked, asked);
    return changed;
}

static void expect_ips(struct lg_dns *d, const char *want)
{
    char text[256] = "", ip[LG_IP_STR_SZ];
    struct lg_name_addrs found;

    lg_dns_find(d, "app.example", &found);
    for (uint32_t i = 0; i < found.cnt; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s", i ? " " : "",
                 lg_ip_text(&found.ips[i], ip), i == found.first ? "*" : "");
    EXPECT_STR(text, want);
}

static struct lg_dns *begin(struct lg_config *cfg)
{
    struct lg_diag diag = {0};

    open_server();
    *cfg = make_cfg();
    struct lg_dns *d = lg_dns_open();
    if (d)
        EXPECT_OK(lg_dns_use(d, cfg, LG_SEC(1000), &diag));
    return d;
}

static void end(struct lg_dns *d)
{
    lg_dns_close(d);
    close(server.fd);
}

TEST(Dns, AsksAgainWhenTheTtlIsOverAndNoSooner)
{
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    REQUIRE(d != NULL);

    server.v4[0] = "10.0.0.2";
    server.v4[1] = "10.0.0.1";
    EXPECT(turn(d, LG_SEC(1000), 1));
    expect_ips(d, "10.0.0.1* 10.0.0.2");
    EXPECT(!turn(d, LG_SEC(1009), 1));
    server.v4[0] = "10.0.0.1"; /* another order is no change */
    server.v4[1] = "10.0.0.2";
    EXPECT(!turn(d, LG_SEC(1010), 2));
    EXPECT_EQ(server.asked, 2);
    server.v4[1] = "10.0.0.3";
    EXPECT(turn(d, LG_SEC(1020), 3));
    expect_ips(d, "10.0.0.1* 10.0.0.3");
    server.v4[0] = "10.0.0.0"; /* the first stays who it was, as long as it is there */
    server.v4[1] = "10.0.0.3";
    EXPECT(turn(d, LG_SEC(1030), 4));
    expect_ips(d, "10.0.0.0* 10.0.0.3");
    server.v4[0] = "10.0.0.3";
    server.v4[1] = NULL;
    EXPECT(turn(d, LG_SEC(1040), 5));
    server.v4[1] = "10.0.0.1";
    EXPECT(turn(d, LG_SEC(1050), 6));
    expect_ips(d, "10.0.0.1 10.0.0.3*");
    end(d);
}

TEST(Dns, HoldsTtlsWithinBounds)
{
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    REQUIRE(d != NULL);

    server.v4[0] = "10.0.0.1";
    server.ttl = 0;
    turn(d, LG_SEC(1000), 1);
    turn(d, LG_SEC(1001), 1);
    EXPECT_EQ(server.asked, 1); /* min_ttl: 2 s */
    server.ttl = 1000000;
    turn(d, LG_SEC(1002), 2);
    turn(d, LG_SEC(1101), 2);
    EXPECT_EQ(server.asked, 2); /* max_ttl: 100 s */
    turn(d, LG_SEC(1102), 3);
    end(d);
}

TEST(Dns, KeepsTheLastGoodAnswerAndTellsFailuresApart)
{
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    struct lg_dns_counts c;
    REQUIRE(d != NULL);

    server.v4[0] = "10.0.0.1";
    turn(d, LG_SEC(1000), 1);
    server.rcode = 3;
    EXPECT(!turn(d, LG_SEC(1010), 2));
    expect_ips(d, "10.0.0.1*");
    turn(d, LG_SEC(1014), 2);
    EXPECT_EQ(server.asked, 2); /* retry: 5 s */
    server.rcode = 2;
    turn(d, LG_SEC(1015), 3);
    server.is_silent = true;
    turn(d, LG_SEC(1020), 4);
    expect_ips(d, "10.0.0.1*");
    lg_dns_get_counts(d, &c);
    EXPECT_EQ(c.fail_none, 1);
    EXPECT_EQ(c.fail_other, 1);
    EXPECT_EQ(c.fail_timeout, 1);
    EXPECT_EQ(c.stale, 1);
    EXPECT_EQ(c.unresolved, 0);
    server.is_silent = false;
    server.rcode = 0;
    turn(d, LG_SEC(1025), 5);
    lg_dns_get_counts(d, &c);
    EXPECT_EQ(c.stale, 0);
    end(d);
}

TEST(Dns, GivesUpWhatIsStaleForTooLong)
{
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    struct lg_dns_counts c;
    struct lg_diag diag = {0};
    REQUIRE(d != NULL);

    cfg.dns.stale_timeout_ns = LG_SEC(30);
    EXPECT_OK(lg_dns_use(d, &cfg, LG_SEC(1000), &diag));
    server.v4[0] = "10.0.0.1";
    turn(d, LG_SEC(1000), 1);
    server.rcode = 3;
    EXPECT(!turn(d, LG_SEC(1029), 2));
    expect_ips(d, "10.0.0.1*");
    EXPECT(turn(d, LG_SEC(1030), 2));
    expect_ips(d, "");
    lg_dns_get_counts(d, &c);
    EXPECT_EQ(c.expired, 1);
    EXPECT_EQ(c.unresolved, 1);
    end(d);
}

TEST(Dns, ReadsTheHostsFileAndAsksNobodyThen)
{
    struct t_dir dir = t_dir_make();
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    struct lg_diag diag = {0};
    REQUIRE(d != NULL);

    t_write(&dir, "hosts", "10.9.9.9 app.example\n10.9.9.8 other.example\n");
    cfg.dns.hosts_file = (char *)t_path(&dir, "hosts");
    EXPECT_OK(lg_dns_use(d, &cfg, LG_SEC(1000), &diag));
    EXPECT(turn(d, LG_SEC(1000), 0));
    expect_ips(d, "10.9.9.9*");
    EXPECT_EQ(server.asked, 0);
    end(d);
    t_dir_remove(&dir);
}

/* What a reload has heard while it waited is not lost when it is refused. */
TEST(Dns, WhatWasHeardWhileSettlingIsToldUntilItIsTaken)
{
    struct t_dir dir = t_dir_make();
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    struct lg_diag diag = {0};
    REQUIRE(d != NULL);

    server.is_silent = true;
    t_write(&dir, "hosts", "10.9.9.8 app.example\n");
    cfg.dns.hosts_file = (char *)t_path(&dir, "hosts");
    cfg.dns.min_ttl_ns = cfg.dns.max_ttl_ns = 0;
    EXPECT_OK(lg_dns_use(d, &cfg, lg_dns_now(), &diag));
    EXPECT_OK(lg_dns_settle(d, &cfg, &diag));
    lg_dns_taken(d);
    EXPECT(!lg_dns_poll(d, lg_dns_now()));
    t_write(&dir, "hosts", "10.9.9.9 app.example\n");
    backends[1] = (struct lg_cfg_backend){
        .name = (char *)"b", .host = (char *)"new.example", .addr.port = 80};
    pool.backend_cnt = 2;
    EXPECT_OK(lg_dns_learn(d, &cfg, lg_dns_now(), &diag));
    EXPECT_OK(lg_dns_settle(d, &cfg, &diag)); /* new.example: nobody answers */
    expect_ips(d, "10.9.9.9*");
    pool.backend_cnt = 1; /* refused: back to what is in force */
    EXPECT_OK(lg_dns_use(d, &cfg, lg_dns_now(), &diag));
    EXPECT(lg_dns_poll(d, lg_dns_now()));
    end(d);
    t_dir_remove(&dir);
}

TEST(Dns, StartWithoutAnAnswerIsAMatterOfPolicy)
{
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    struct lg_diag diag = {0};
    REQUIRE(d != NULL);

    server.is_silent = true;
    EXPECT_OK(lg_dns_use(d, &cfg, lg_dns_now(), &diag));
    EXPECT_OK(lg_dns_settle(d, &cfg, &diag)); /* ends with the query's 200 ms */
    EXPECT_EQ(diag.warn_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "app.example has no address yet");
    cfg.dns.is_required = true;
    EXPECT_ERR(lg_dns_settle(d, &cfg, &diag), LG_E(CONFIG));
    EXPECT_EQ(diag.error_cnt, 1);
    end(d);
}

TEST(Dns, ForgetsNamesThatAreNotWantedAlsoWhileTheyAreAskedFor)
{
    struct lg_config cfg;
    struct lg_dns *d = begin(&cfg);
    struct lg_diag diag = {0};
    struct lg_dns_counts c;
    REQUIRE(d != NULL);

    (void)lg_dns_poll(d, LG_SEC(1000)); /* asked, not answered */
    backends[0].host = (char *)"next.example";
    EXPECT_OK(lg_dns_use(d, &cfg, LG_SEC(1000), &diag));
    server.v4[0] = "10.0.0.7";
    for (int i = 0; i < 3000 && server.asked < 2; i++) {
        (void)lg_dns_poll(d, LG_SEC(1000));
        serve();
    }
    expect_ips(d, "");
    backends[0].host = NULL;
    EXPECT_OK(lg_dns_use(d, &cfg, LG_SEC(1000), &diag));
    lg_dns_get_counts(d, &c);
    EXPECT_EQ(c.names, 0);
    end(d);
}
