/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_out.c: routes, sources, and segments on the way out. */
#include "rig.h"

#define US "192.0.2.1"

static void learn(struct rig *r, uint16_t port, const char *addr, const uint8_t mac[6])
{
    lg_ip_t a = ip(addr);
    struct frame f;

    if (lg_ip_is_v4(&a)) {
        f = arp_frame(LG_ARP_REQUEST, mac, addr, port ? "10.0.0.1" : US, mac_bcast);
    } else {
        f = ns_frame(addr, port ? "fd00::1" : "2001:db8::1", mac);
    }
    f.port = port;
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    r->sent_cnt = 0;
}

/* A segment to dst leaves by `port` to `mac`. */
static void goes(struct rig *r, const char *dst, uint16_t port, const uint8_t mac[6])
{
    lg_ip_t d = ip(dst);

    r->sent_cnt = 0;
    rig_output(r, lg_ip_is_v4(&d) ? US : "2001:db8::1", dst, 3);
    if (r->sent_cnt == 0 || r->sent[0].port != port || memcmp(ETH(&r->sent[0])->dst, mac, 6) != 0)
        t_fail(__FILE__, __LINE__, "%s: %u frames, the first by port %u", dst,
               (unsigned)r->sent_cnt, r->sent[0].port);
}

TEST(Route, TakesTheLongestPrefixAndThenTheGateway)
{
    static const uint8_t gw[6] = {2, 0, 0, 0, 9, 1}, gw6[6] = {2, 0, 0, 0, 9, 2},
                         gwb[6] = {2, 0, 0, 0, 9, 3}, b1[6] = {2, 0, 0, 0, 9, 4},
                         b2[6] = {2, 0, 0, 0, 9, 5};
    struct rig *r = rig_new();

    learn(r, 0, "192.0.2.254", gw);
    learn(r, 0, "2001:db8::fe", gw6);
    learn(r, 1, "10.0.0.254", gwb);
    learn(r, 1, "10.1.2.3", b1);
    learn(r, 0, "192.0.2.50", b2);
    learn(r, 1, "fd00::5", b1);
    goes(r, "192.0.2.50", 0, b2);
    goes(r, "10.1.2.3", 1, b1);
    goes(r, "8.8.8.8", 0, gw);
    goes(r, "1.2.3.4", 0, gw);
    goes(r, "172.16.0.1", 1, gwb);
    goes(r, "172.31.255.255", 1, gwb);
    goes(r, "172.32.0.1", 0, gw);
    goes(r, "2001:db8:1::1", 0, gw6);
    goes(r, "fd00::5", 1, b1);
    for (int i = 0; i < 3; i++) /* remembered answers are the same */
        goes(r, "8.8.8.8", 0, gw);
    rig_free(r);
}

TEST(Route, RefusesDestinationsThatNobodyHas)
{
    static const char *const dsts[] = {
        "192.0.2.255", "10.255.255.255", "192.0.2.1", "10.0.0.1",   "224.0.0.5",
        "0.0.0.0",     "ff02::1",        "::",        "2001:db8::1"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(dsts); i++)
        rig_output(r, US, dsts[i], 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NO_ROUTE), LG_ARRAY_CNT(dsts));
    r->cfg.route_cnt = 0;
    rig_restart(r);
    rig_output(r, US, "8.8.8.8", 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NO_ROUTE), LG_ARRAY_CNT(dsts) + 1);
    rig_free(r);
}

TEST(Out, WritesAndReadsTheEcnFieldOfBothFamilies)
{
    static const char *const dsts[] = {"192.0.2.50", "2001:db8::50"};
    static const char *const srcs[] = {"192.0.2.1", "2001:db8::1"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < 2; i++) {
        lg_ip_t src = ip(srcs[i]), dst = ip(dsts[i]);
        learn(r, 0, dsts[i], mac_peer);
        for (uint8_t ecn = 0; ecn < 4; ecn++) {
            struct lg_buf *b = lg_buf_take(&r->heap.pool);
            memset(b->data, 0, 20);
            b->data[12] = 0x50;
            b->len = 20;
            lg_buf_set_ecn(b, (enum lg_ecn)ecn);
            r->sent_cnt = 0;
            lg_net_output(r->net, b, &src, &dst, r->now);
            lg_buf_give(b);
            REQUIRE_EQ(r->sent_cnt, 1);
            struct frame f = r->sent[0];
            EXPECT_EQ(i ? lg_from_be32(IP6(&f)->ver_flow) >> 20 & 0xff : IP4(&f)->tos, ecn);
            f = tcp_frame(dsts[i], srcs[i], 10); /* and back, beside a code point of DSCP */
            if (i) {
                IP6(&f)->ver_flow = lg_to_be32(6u << 28 | (0xb8u | ecn) << 20);
            } else {
                IP4(&f)->tos = (uint8_t)(0xb8 | ecn);
                fix_ip4(&f);
            }
            EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
            EXPECT_EQ(lg_buf_ecn(r->kept), ecn);
        }
    }
    rig_free(r);
}

TEST(Route, ForgetsARememberedNeighbourThatIsGone)
{
    struct rig *r = rig_new();

    learn(r, 0, "192.0.2.50", mac_peer);
    goes(r, "192.0.2.50", 0, mac_peer);
    rig_forward(r, LG_SEC(10)); /* a while, and three probes without an answer */
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    goes(r, "192.0.2.50", 0, mac_bcast);
    rig_free(r);
}

static void expect_source(struct rig *r, const char *dst, const char *want)
{
    lg_ip_t d = ip(dst), got = {{0}};
    char text[LG_IP_STR_SZ];

    EXPECT(lg_net_source(r->net, &d, &got));
    EXPECT_STR(lg_ip_text(&got, text), want);
}

TEST(Source, OthersOfThePortFollowWhenThePortsOfTheFirstAreUsedUp)
{
    struct rig *r = rig_new();
    lg_ip_t dst = ip("8.8.8.8"), src, first = ip("192.0.2.1"), second = ip("192.0.2.2");
    uint16_t port;

    EXPECT(lg_net_source_nth(r->net, &dst, 0, &src) && lg_ip_eq(&src, &first));
    EXPECT(lg_net_source_nth(r->net, &dst, 1, &src) && lg_ip_eq(&src, &second));
    EXPECT(!lg_net_source_nth(r->net, &dst, 2, &src));
    EXPECT(lg_net_port_of(r->net, &second, &port) && port == 0);
    EXPECT(!lg_net_port_of(r->net, &dst, &port));
    dst = ip("10.1.5.5"); /* nearest first, here the second configured */
    first = ip("10.1.0.1");
    second = ip("10.0.0.1");
    EXPECT(lg_net_source_nth(r->net, &dst, 0, &src) && lg_ip_eq(&src, &first));
    EXPECT(lg_net_source_nth(r->net, &dst, 1, &src) && lg_ip_eq(&src, &second));
    dst = ip("2001:db8::5");
    EXPECT(lg_net_source_nth(r->net, &dst, 0, &src));
    EXPECT(!lg_net_source_nth(r->net, &dst, 1, &src));
    dst = ip("192.0.2.2"); /* ourselves */
    EXPECT(!lg_net_source_nth(r->net, &dst, 0, &src));
    rig_free(r);
}

TEST(Source, IsTheAddressNearestTheNextHop)
{
    struct rig *r = rig_new();
    lg_ip_t src = ip("9.9.9.9"), was = src, bcast = ip("192.0.2.255");

    expect_source(r, "192.0.2.50", "192.0.2.1");
    expect_source(r, "8.8.8.8", "192.0.2.1");
    expect_source(r, "10.5.0.1", "10.0.0.1");
    expect_source(r, "10.1.5.5", "10.1.0.1");
    expect_source(r, "172.20.0.1", "10.0.0.1");
    expect_source(r, "2001:db8:5::1", "2001:db8::1");
    expect_source(r, "fd00::7", "fd00::1");
    expect_source(r, "fe80::7", "fe80::ff:fe00:10");
    EXPECT(!lg_net_source(r->net, &bcast, &src));
    EXPECT(lg_ip_eq(&src, &was));
    rig_free(r);
}

TEST(Source, IsNeverLinkLocalTowardsTheWorld)
{
    struct rig *r = rig_new();
    lg_ip_t gw = ip("fe80::1");

    r->routes[1].via = gw;
    rig_restart(r);
    expect_source(r, "2001:db8:5::1", "2001:db8::1");
    r->ports[0].address_cnt = 2; /* no IPv6 address left but the link-local one */
    rig_restart(r);
    lg_ip_t dst = ip("2001:db8:5::1"), src;
    EXPECT(!lg_net_source(r->net, &dst, &src));
    rig_free(r);
}

TEST(Local, KnowsOurAddresses)
{
    static const char *const ours[] = {"192.0.2.1", "192.0.2.2",        "2001:db8::1",
                                       "10.0.0.1",  "fe80::ff:fe00:10", "fe80::ff:fe00:110"};
    static const char *const others[] = {"192.0.2.3",   "192.0.2.255", "192.0.2.0",
                                         "2001:db8::2", "fe80::1",     "0.0.0.0"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(ours); i++) {
        lg_ip_t a = ip(ours[i]);
        EXPECT(lg_net_is_local(r->net, &a));
    }
    for (size_t i = 0; i < LG_ARRAY_CNT(others); i++) {
        lg_ip_t a = ip(others[i]);
        EXPECT(!lg_net_is_local(r->net, &a));
    }
    rig_free(r);
}

TEST(Out, BuildsBothFamiliesAtEverySize)
{
    struct rig *r = rig_new();

    learn(r, 0, "192.0.2.50", mac_peer);
    learn(r, 0, "2001:db8::50", mac_peer);
    for (uint32_t len = 0; len <= 1440; len += len < 40 ? 1 : 77) {
        r->sent_cnt = 0;
        rig_output(r, US, "192.0.2.50", len);
        EXPECT_EQ(r->sent[0].len, 54 + len);
        EXPECT_EQ(lg_from_be16(IP4(&r->sent[0])->frag), LG_IP4_DF);
        r->sent_cnt = 0;
        rig_output(r, "2001:db8::1", "2001:db8::50", len);
        EXPECT_EQ(r->sent[0].len, 74 + len);
        EXPECT_EQ(IP6(&r->sent[0])->hops, 64);
    }
    rig_free(r); /* on_tx has checked every checksum */
}

TEST(Out, LeavesTheTcpChecksumToADeviceThatOffersIt)
{
    struct rig *r = rig_new();

    r->net_cfg.ports[0].tx_csum_offload = true;
    rig_restart(r);
    rig_output(r, US, "192.0.2.50", 99); /* waits: whoever waits has its checksum already */
    struct frame f = arp_frame(LG_ARP_REPLY, mac_peer, "192.0.2.50", US, mac_front);
    rig_rx(r, &f);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT(!r->sent[1].meta.tcp_csum);
    rig_output(r, US, "192.0.2.50", 99);
    EXPECT(r->sent[2].meta.tcp_csum);
    learn(r, 0, "2001:db8::50", mac_peer);
    rig_output(r, "2001:db8::1", "2001:db8::50", 99);
    EXPECT(r->sent[0].meta.tcp_csum);
    learn(r, 1, "10.0.0.7", mac_peer);
    rig_output(r, "10.0.0.1", "10.0.0.7", 99);
    EXPECT(!r->sent[0].meta.tcp_csum);
    rig_free(r);
}

TEST(Out, DropsWhatIsLargerThanTheMtu)
{
    struct rig *r = rig_new();

    learn(r, 0, "192.0.2.50", mac_peer);
    learn(r, 0, "2001:db8::50", mac_peer);
    rig_output(r, US, "192.0.2.50", 1460);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TX_MTU), 0);
    rig_output(r, US, "192.0.2.50", 1461);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TX_MTU), 1);
    rig_output(r, "2001:db8::1", "2001:db8::50", 1441);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TX_MTU), 2);
    rig_free(r);
}

TEST(Out, LinkLocalDestinationsLeaveByThePortOfTheirSource)
{
    struct rig *r = rig_new();

    learn(r, 1, "fe80::9", mac_peer);
    rig_output(r, "fe80::ff:fe00:110", "fe80::9", 5);
    REQUIRE(r->sent_cnt >= 1);
    EXPECT_EQ(r->sent[0].port, 1);
    EXPECT_MEM(ETH(&r->sent[0])->dst, mac_peer, 6);
    rig_free(r);
}

TEST(Out, SurvivesAnEmptyBufferPoolWhileANeighbourIsUnresolved)
{
    struct rig *r = rig_new();

    r->heap.cnt_max = 1; /* the segment's own buf */
    rig_output(r, US, "192.0.2.50", 5);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NO_BUF), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_PENDING), 1);
    r->heap.cnt_max = 100;
    rig_forward(r, LG_MS(1010)); /* asked again, now heard */
    EXPECT_EQ(r->sent_cnt, 1);
    rig_free(r);
}

TEST(Resolve, AsksForTheNeighbourAndThenTellsTheWay)
{
    struct rig *r = rig_new();
    lg_ip_t dst = ip("8.8.8.8"), none = ip("224.0.0.1");
    uint16_t port = 9;
    uint8_t mac[6] = {0};

    EXPECT(!lg_net_resolve(r->net, &dst, r->now, &port, mac));
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(lg_from_be16(ETH(&r->sent[0])->type), LG_ETH_ARP);
    EXPECT_MEM(ARP(&r->sent[0])->target_ip, "\xc0\x00\x02\xfe", 4); /* the gateway */
    learn(r, 0, "192.0.2.254", mac_peer);
    EXPECT(lg_net_resolve(r->net, &dst, r->now, &port, mac));
    EXPECT_EQ(port, 0);
    EXPECT_MEM(mac, mac_peer, 6);
    EXPECT(!lg_net_resolve(r->net, &none, r->now, &port, mac));
    rig_free(r);
}
