/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ra.c: default routes from router advertisements. */
#include "rig.h"

#include <stdio.h>

#define ROUTER "fe80::1"
#define ROUTER2 "fe80::2"
#define FAR "2001:db8:ffff::1"
#define US6 "2001:db8::1"
#define HIGH 0x08
#define LOW 0x18

static struct rig *new_rig(void)
{
    struct rig *r = rig_new();

    r->cfg.route_cnt = 1; /* IPv4's */
    r->ports[0].router_advertisements = true;
    rig_restart(r);
    return r;
}

/* An advertisement with the router's MAC. */
static struct frame ra(const char *router, uint8_t flags, uint16_t lifetime_s, const uint8_t mac[6])
{
    uint8_t body[20] = {64, flags, (uint8_t)(lifetime_s >> 8), (uint8_t)lifetime_s, [12] = 1, 1};

    memcpy(body + 14, mac, 6);
    struct frame f = icmp_frame(router, "ff02::1", LG_ICMP6_RA, 0, body, sizeof body);
    memcpy(ETH(&f)->src, mac, 6);
    return f;
}

/* Where does a segment to FAR go? NULL: nowhere. */
static const uint8_t *way(struct rig *r)
{
    r->sent_cnt = 0;
    rig_output(r, US6, FAR, 0);
    return r->sent_cnt == 1 && lg_from_be16(ETH(&r->sent[0])->type) == LG_ETH_IP6 &&
                   r->sent[0].b[20] == LG_PROTO_TCP
               ? ETH(&r->sent[0])->dst
               : NULL;
}

static void expect_way(struct rig *r, const uint8_t mac[6])
{
    const uint8_t *to = way(r);
    REQUIRE(to);
    EXPECT_MEM(to, mac, 6);
}

TEST(Ra, GivesADefaultRouteUntilItsLifetimeEnds)
{
    struct rig *r = new_rig();
    struct frame f = ra(ROUTER, 0, 60, mac_peer);
    lg_ip_t far = ip(FAR), us = ip(US6), src;

    EXPECT(!way(r));
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NO_ROUTE), 1);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->shared_cnt >= 1, true);
    expect_way(r, mac_peer);
    EXPECT(lg_net_source(r->net, &far, &src));
    EXPECT(lg_ip_eq(&src, &us)); /* not the link-local one */
    rig_forward(r, LG_SEC(59));
    EXPECT(lg_net_source(r->net, &far, &src));
    rig_forward(r, LG_SEC(2));
    EXPECT(!way(r));
    EXPECT(!lg_net_source(r->net, &far, &src));
    rig_free(r);
}

TEST(Ra, EndsWithALifetimeOfZeroAndWhenTheRouterSaysItIsNone)
{
    struct rig *r = new_rig();
    struct frame f = ra(ROUTER, 0, 1800, mac_peer);

    rig_rx(r, &f);
    expect_way(r, mac_peer);
    f = ra(ROUTER, 0, 0, mac_peer);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT(!way(r));
    f = ra(ROUTER, 0, 1800, mac_peer);
    rig_rx(r, &f);
    f = na_frame(ROUTER, "ff02::1", ROUTER, mac_peer, LG_NA_OVERRIDE | LG_NA_ROUTER);
    rig_rx(r, &f);
    expect_way(r, mac_peer);
    f = na_frame(ROUTER, "ff02::1", ROUTER, mac_peer, LG_NA_OVERRIDE);
    rig_rx(r, &f);
    EXPECT(!way(r));
    rig_free(r);
}

TEST(Ra, PrefersByPreferenceAndPassesOverTheUnreachable)
{
    struct rig *r = new_rig();
    struct frame f = ra(ROUTER, LOW, 1800, mac_peer);

    rig_rx(r, &f);
    expect_way(r, mac_peer);
    f = ra(ROUTER2, HIGH, 1800, mac_other);
    rig_rx(r, &f);
    expect_way(r, mac_other);  /* at once, though the destination was remembered */
    rig_forward(r, LG_SEC(6)); /* both are probed; only the first answers */
    struct frame na = na_frame(ROUTER, US6, ROUTER, mac_peer, LG_NA_SOLICITED | LG_NA_ROUTER);
    rig_rx(r, &na);
    rig_forward(r, LG_SEC(6));
    expect_way(r, mac_peer);
    EXPECT_EQ(rig_stat(r, LG_STAT_NEIGH_FAILED), 1);
    rig_rx(r, &f); /* and is back */
    expect_way(r, mac_other);
    rig_free(r);
}

TEST(Ra, ComesBehindConfiguredRoutes)
{
    struct rig *r = rig_new();
    struct frame f = ra(ROUTER, HIGH, 1800, mac_other);
    lg_ip_t gateway = ip("2001:db8::fe");

    r->ports[0].router_advertisements = true;
    rig_restart(r);
    rig_rx(r, &f);
    EXPECT(!way(r)); /* the configured gateway is being asked for */
    EXPECT(lg_neigh_find(r->net->neigh, 0, &gateway));
    rig_free(r);
}

TEST(Ra, IsAskedForThreeTimesUnlessOneComes)
{
    struct rig *r = new_rig();
    uint32_t asked = 0;

    r->net_cfg.is_quiet = false;
    rig_restart(r);
    rig_forward(r, LG_SEC(60));
    for (uint32_t i = 0; i < r->sent_cnt; i++) {
        struct frame *f = &r->sent[i];
        if (lg_from_be16(ETH(f)->type) != LG_ETH_IP6 || f->b[54] != LG_ICMP6_RS)
            continue;
        asked++;
        EXPECT_EQ(f->port, 0);
        EXPECT_MEM(ETH(f)->dst, "\x33\x33\0\0\0\2", 6);
        EXPECT_EQ(f->len, 54 + 8 + 8);
        EXPECT_MEM(f->b + 64, mac_front, 6);
    }
    EXPECT_EQ(asked, 3);
    EXPECT(lg_net_next(r->net) == LG_NS_NEVER);
    rig_free(r);
}

TEST(Ra, RefusesWhatNoRouterOnTheLinkWouldSend)
{
    struct rig *r = new_rig();
    struct frame f = ra("2001:db8::50", 0, 1800, mac_peer);

    rig_drops(r, &f, LG_STAT_DROP_ND, "global source");
    f = ra(ROUTER, 0, 1800, mac_peer), IP6(&f)->hops = 254;
    rig_drops(r, &f, LG_STAT_DROP_ND, "forwarded");
    f = ra(ROUTER, 0, 1800, mac_peer), f.b[55] = 1, fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "code");
    f = ra(ROUTER, 0, 1800, mac_peer), f.b[71] = 0, fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "option of length zero");
    f = icmp_frame(ROUTER, "ff02::1", LG_ICMP6_RA, 0, "\x40\0\xff\xff\0\0\0\0", 8);
    rig_drops(r, &f, LG_STAT_DROP_ND, "short");
    f = ra(ROUTER, 0, 1800, mac_peer), f.port = 1, memcpy(ETH(&f)->dst, "\x33\x33\0\0\0\1", 6);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "on a port that does not want it");
    EXPECT(!way(r));
    rig_free(r);
}

TEST(Ra, RemembersOnlyAFewRouters)
{
    struct rig *r = new_rig();
    char name[32];

    for (int i = 1; i <= 100; i++) {
        snprintf(name, sizeof name, "fe80::%x", i);
        struct frame f = ra(name, 0, 1800, mac_peer);
        rig_rx(r, &f);
    }
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_ND), 100 - 4);
    expect_way(r, mac_peer);
    struct frame f = ra("fe80::77", HIGH, 1800, mac_other); /* a better one finds a place */
    rig_rx(r, &f);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_ND), 100 - 4);
    expect_way(r, mac_other);
    f = ra("fe80::78", LOW, 1800, mac_peer); /* a worse one does not */
    rig_rx(r, &f);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_ND), 100 - 3);
    EXPECT_EQ(r->net->router_cnt, 4);
    rig_free(r);
}
