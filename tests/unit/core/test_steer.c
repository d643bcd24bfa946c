/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_steer.c: whose a segment is, with cards that tell how they spread flows and with others. */
#include "core_priv.h"
#include "t.h"

#include <stdlib.h>

#define WORKERS 4u

/* Port 0 has a card of the given table, port 1 says nothing. */
struct rig {
    struct lg_config cfg;
    struct lg_cfg_port ports[2];
    struct lg_rss rss;
    struct lg_net *net;
    void *mem;
    struct lg_stats stats;
    struct lg_bufheap heap;
    struct lg_core core[WORKERS];
};

static const struct lg_net_ops no_ops;

static lg_ip_t ip(const char *text)
{
    lg_ip_t out = {{0}};
    EXPECT_OK(lg_ip_parse(lg_span_cstr(text), &out));
    return out;
}

static struct rig *rig_new(void)
{
    struct rig *r = aligned_alloc(LG_CACHE_PAIR, lg_align_up(sizeof *r, LG_CACHE_PAIR));

    memset(r, 0, sizeof *r);
    r->cfg = (struct lg_config){.worker_cnt = WORKERS,
                                .port_cnt = 2,
                                .ports = r->ports,
                                .port_lo = 32768,
                                .port_hi = 60999};
    for (int i = 0; i < 2; i++) {
        r->ports[i] = (struct lg_cfg_port){.name = "p", .mtu = 1500, .address_cnt = 2};
        EXPECT_OK(lg_prefix_parse(lg_span_cstr(i ? "10.0.0.1/8" : "192.0.2.1/24"),
                                  &r->ports[i].addresses[0]));
        EXPECT_OK(lg_prefix_parse(lg_span_cstr(i ? "fd00::1/64" : "2001:db8::1/64"),
                                  &r->ports[i].addresses[1]));
    }
    lg_bufheap_init(&r->heap, 100, 2048);
    struct lg_net_cfg net_cfg = {.cfg = &r->cfg, .is_quiet = true};
    size_t sz = lg_align_up(lg_net_footprint(&net_cfg), 64);
    r->mem = aligned_alloc(64, sz);
    memset(r->mem, 0, sz);
    r->net = lg_net_init(r->mem, &net_cfg, &no_ops, NULL, &r->heap.pool, &r->stats, 0);
    lg_rss_init(&r->rss, (const uint8_t[]){0x6d, 0x5a});
    r->rss.reta_mask = 511;
    r->rss.has_ip4 = r->rss.has_ip6 = true;
    for (uint32_t i = 0; i < 512; i++)
        r->rss.reta[i] = (uint8_t)(i * 7 / 3 % WORKERS);
    for (uint16_t k = 0; k < WORKERS; k++) {
        struct lg_core *c = &r->core[k];
        c->idx = k;
        c->core_cnt = WORKERS;
        c->cfg = &r->cfg;
        c->net = r->net;
        c->port_cnt = 2;
        c->slice_sz = (60999 - 32768 + 1) / WORKERS;
        c->rss[0] = &r->rss;
        c->has_rss_map = c->port_has_rss[0] = true;
    }
    return r;
}

static void rig_free(struct rig *r)
{
    lg_net_fini(r->net);
    free(r->mem);
    free(r);
}

/* For a connection from local to remote, from every source port: exactly one worker may make it; a
 * segment of it is that worker's, whoever receives it and by whichever port. */
static void expect_one_owner(struct rig *r, const char *local, const char *remote, bool is_by_rss)
{
    uint32_t made[WORKERS] = {0};
    uint16_t lo, hi;

    for (uint32_t port = 32768; port <= 60999; port += 3) {
        struct lg_tcp_tuple t = {.local_ip = ip(local),
                                 .remote_ip = ip(remote),
                                 .local_port = (uint16_t)port,
                                 .remote_port = 8080};
        struct lg_pkt pkt = {
            .src = t.remote_ip, .dst = t.local_ip, .sport = 8080, .dport = t.local_port};
        uint32_t owner = lg_core_owner(&r->core[0], &t), makers = 0;
        for (uint32_t k = 0; k < WORKERS; k++) {
            lg_core_source_ports(&r->core[k], &t.local_ip, &lo, &hi);
            bool may_make = port >= lo && port <= hi && lg_core_owner(&r->core[k], &t) == k;
            makers += may_make;
            made[k] += may_make;
            REQUIRE_EQ(lg_core_steer(&r->core[k], &pkt, 0), owner);
            REQUIRE_EQ(lg_core_steer(&r->core[k], &pkt, 1), owner);
        }
        REQUIRE_EQ(makers, 1);
        if (is_by_rss)
            REQUIRE_EQ(owner, lg_rss_queue(&r->rss, &t)); /* where the card brings it anyway */
    }
    for (uint32_t k = 0; k < WORKERS; k++) /* each has enough to connect from */
        EXPECT(made[k] > (60999 - 32768) / 3 / WORKERS / 2);
}

TEST(Steer, ConnectionsAreMadeWhereTheCardBringsTheirAnswers)
{
    struct rig *r = rig_new();

    expect_one_owner(r, "192.0.2.1", "192.0.2.77", true);
    expect_one_owner(r, "192.0.2.1", "198.51.100.9", true);
    expect_one_owner(r, "2001:db8::1", "2001:db8::77", true);
    rig_free(r);
}

TEST(Steer, SlicesOfThePortRangeServeWhereTheCardDoesNotSay)
{
    struct rig *r = rig_new();

    expect_one_owner(r, "10.0.0.1", "10.0.0.9", false);
    expect_one_owner(r, "fd00::1", "fd00::9", false);
    r->rss.has_ip6 = false; /* hashes IPv6 by its addresses only */
    expect_one_owner(r, "2001:db8::1", "2001:db8::77", false);
    expect_one_owner(r, "192.0.2.1", "192.0.2.77", true);
    rig_free(r);
}

TEST(Steer, AClientsSegmentIsWhereRssBroughtItOrWhereItsAddressSays)
{
    struct rig *r = rig_new();
    struct lg_pkt pkt = {
        .src = ip("192.0.2.77"), .dst = ip("192.0.2.1"), .sport = 5555, .dport = 443};

    for (uint32_t k = 0; k < WORKERS; k++) {
        EXPECT_EQ(lg_core_steer(&r->core[k], &pkt, 0), k);
        EXPECT_EQ(lg_core_steer(&r->core[k], &pkt, 1), lg_core_steer(&r->core[0], &pkt, 1));
    }
    rig_free(r);
}
