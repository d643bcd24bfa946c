/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_neigh.c: ARP, neighbour discovery and the life of a neighbour in virtual time. */
#include "rig.h"

#include <stdio.h>

#define PEER "192.0.2.50"
#define PEER6 "2001:db8::50"
#define US "192.0.2.1"
#define US6 "2001:db8::1"

static struct frame reply(const char *from, const uint8_t mac[6])
{
    return arp_frame(LG_ARP_REPLY, mac, from, US, mac_front);
}

static struct frame gratuitous(const char *from, const uint8_t mac[6])
{
    return arp_frame(LG_ARP_REQUEST, mac, from, from, mac_bcast);
}

/* ------------------------------------------------------------- ARP on the wire */

TEST(Arp, DropsWhatIsMalformedOrUnwanted)
{
    struct rig *r = rig_new();
    struct frame good = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, US, mac_bcast), f = good;

    for (f.len = 14; f.len < 42; f.len++)
        rig_drops(r, &f, LG_STAT_DROP_ARP, "truncated");
    f = good, ARP(&f)->htype = lg_to_be16(6);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "hardware type");
    f = good, ARP(&f)->ptype = lg_to_be16(LG_ETH_IP6);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "protocol type");
    f = good, ARP(&f)->hlen = 8;
    rig_drops(r, &f, LG_STAT_DROP_ARP, "hardware length");
    f = good, ARP(&f)->plen = 16;
    rig_drops(r, &f, LG_STAT_DROP_ARP, "protocol length");
    f = good, ARP(&f)->op = lg_to_be16(3);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "operation");
    f = good, memcpy(ARP(&f)->sender_mac, mac_bcast, 6);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "broadcast sender");
    f = good, memset(ARP(&f)->sender_mac, 0, 6);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "zero sender");
    f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, "192.0.2.9", mac_bcast);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "asks for somebody else");
    f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, "10.0.0.1", mac_bcast);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "address of our other port");
    f = arp_frame(LG_ARP_REQUEST, mac_peer, "198.51.100.1", US, mac_bcast);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "sender not on link");
    f = arp_frame(LG_ARP_REPLY, mac_peer, "0.0.0.0", US, mac_front);
    rig_drops(r, &f, LG_STAT_DROP_ARP, "reply from nobody");
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(r->shared_cnt, 0);
    rig_free(r);
}

TEST(Arp, AnswersForOurAddressAndLearnsTheAsker)
{
    struct rig *r = rig_new();
    struct frame f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, "192.0.2.2", mac_bcast);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_MEM(ETH(&r->sent[0])->dst, mac_peer, 6);
    EXPECT_EQ(lg_from_be16(ARP(&r->sent[0])->op), LG_ARP_REPLY);
    EXPECT_MEM(ARP(&r->sent[0])->sender_mac, mac_front, 6);
    EXPECT_MEM(ARP(&r->sent[0])->sender_ip, ARP(&f)->target_ip, 4);
    EXPECT_MEM(ARP(&r->sent[0])->target_mac, mac_peer, 6);
    EXPECT_MEM(ARP(&r->sent[0])->target_ip, ARP(&f)->sender_ip, 4);
    struct lg_neigh *n = rig_neigh(r, 0, PEER);
    REQUIRE(n);
    EXPECT_EQ(n->state, LG_NEIGH_STALE);
    EXPECT_MEM(n->mac, mac_peer, 6);
    EXPECT_EQ(r->shared_cnt, 1);
    EXPECT_MEM(r->shared[0].b, f.b, f.len); /* as it came, not as it was answered */
    rig_free(r);
}

TEST(Arp, AnswersAProbeWithoutLearning)
{
    struct rig *r = rig_new();
    struct frame f = arp_frame(LG_ARP_REQUEST, mac_peer, "0.0.0.0", US, mac_bcast);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    rig_free(r);
}

TEST(Arp, LearnsNothingFromGratuitousOnesOfStrangers)
{
    struct rig *r = rig_new();
    struct frame f = gratuitous(PEER, mac_peer);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    f = arp_frame(LG_ARP_REPLY, mac_peer, PEER, PEER, mac_bcast);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    f = reply(PEER, mac_peer); /* an answer to a question we have not asked */
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    EXPECT_EQ(r->sent_cnt, 0);
    rig_free(r);
}

TEST(Arp, TakesAGratuitousUpdateOfAKnownNeighbourButDoesNotTrustIt)
{
    struct rig *r = rig_new();

    rig_output(r, US, PEER, 0);
    struct frame f = reply(PEER, mac_peer);
    rig_rx(r, &f);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_REACHABLE);
    f = gratuitous(PEER, mac_other);
    rig_rx(r, &f);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_STALE);
    EXPECT_MEM(rig_neigh(r, 0, PEER)->mac, mac_other, 6);
    r->sent_cnt = 0;
    rig_output(r, US, PEER, 0); /* goes to the new MAC, which is probed after a while */
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_DELAY);
    rig_forward(r, LG_MS(5001));
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_MEM(ETH(&r->sent[0])->dst, mac_other, 6);
    EXPECT_MEM(ETH(&r->sent[1])->dst, mac_other, 6);
    EXPECT_EQ(lg_from_be16(ETH(&r->sent[1])->type), LG_ETH_ARP);
    rig_free(r);
}

/* ------------------------------------------------------------- ND on the wire */

TEST(Nd, AnswersASolicitationAndLearnsTheAsker)
{
    struct rig *r = rig_new();
    struct frame f = ns_frame(PEER6, US6, mac_peer);
    lg_ip_t us = ip(US6), peer = ip(PEER6);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    REQUIRE_EQ(r->sent_cnt, 1);
    struct frame *s = &r->sent[0];
    EXPECT_MEM(ETH(s)->dst, mac_peer, 6);
    EXPECT_MEM(IP6(s)->src, us.b, 16);
    EXPECT_MEM(IP6(s)->dst, peer.b, 16);
    EXPECT_EQ(IP6(s)->hops, 255);
    EXPECT_EQ(ND(s)->icmp.type, LG_ICMP6_NA);
    EXPECT_EQ(lg_from_be32(ND(s)->icmp.rest), LG_NA_SOLICITED | LG_NA_OVERRIDE);
    EXPECT_MEM(ND(s)->target, us.b, 16);
    EXPECT_EQ(s->b[78], LG_ND_OPT_TLLA);
    EXPECT_MEM(s->b + 80, mac_front, 6);
    REQUIRE(rig_neigh(r, 0, PEER6));
    EXPECT_EQ(rig_neigh(r, 0, PEER6)->state, LG_NEIGH_STALE);
    EXPECT_EQ(r->shared_cnt, 1);
    rig_free(r);
}

TEST(Nd, AnswersForTheLinkLocalAddressAndUnicastProbes)
{
    struct rig *r = rig_new();
    struct frame f = ns_frame("fe80::5", "fe80::ff:fe00:10", mac_peer);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    lg_ip_t us = ip("fe80::ff:fe00:10");
    memcpy(IP6(&f)->dst, us.b, 16);
    memcpy(ETH(&f)->dst, mac_front, 6);
    fix_l4(&f);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->sent_cnt, 2);
    rig_free(r);
}

TEST(Nd, AnswersADadProbeToAllNodes)
{
    struct rig *r = rig_new();
    struct frame f = ns_frame("::", US6, NULL);
    lg_ip_t all = ip("ff02::1");

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_MEM(ETH(&r->sent[0])->dst, "\x33\x33\x00\x00\x00\x01", 6);
    EXPECT_MEM(IP6(&r->sent[0])->dst, all.b, 16);
    EXPECT_EQ(lg_from_be32(ND(&r->sent[0])->icmp.rest), LG_NA_OVERRIDE);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    rig_free(r);
}

TEST(Nd, DropsBadSolicitations)
{
    struct rig *r = rig_new();
    struct frame f = ns_frame(PEER6, US6, mac_peer);

    IP6(&f)->hops = 254;
    rig_drops(r, &f, LG_STAT_DROP_ND, "forwarded by a router");
    f = ns_frame(PEER6, US6, mac_peer), ND(&f)->icmp.code = 1, fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "code");
    f = ns_frame(PEER6, US6, mac_peer), f.b[79] = 0, fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "option length 0");
    f = ns_frame(PEER6, US6, mac_peer), f.b[79] = 2, fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "option past the end");
    f = ns_frame(PEER6, US6, mac_bcast);
    rig_drops(r, &f, LG_STAT_DROP_ND, "multicast MAC");
    f = ns_frame("::", US6, mac_peer);
    rig_drops(r, &f, LG_STAT_DROP_ND, "probe with a MAC");
    f = ns_frame("::", US6, NULL);
    lg_ip_t us = ip(US6);
    memcpy(IP6(&f)->dst, us.b, 16);
    memcpy(ETH(&f)->dst, mac_front, 6);
    fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "probe to our own address");
    f = ns_frame(PEER6, "2001:db8::7", mac_peer);
    rig_drops(r, &f, LG_STAT_DROP_ND, "for somebody else");
    f = ns_frame(PEER6, "fd00::1", mac_peer);
    rig_drops(r, &f, LG_STAT_DROP_ND, "address of our other port");
    f = ns_frame(PEER6, "ff02::1", mac_peer);
    rig_drops(r, &f, LG_STAT_DROP_ND, "multicast target");
    f = ns_frame(PEER6, US6, mac_peer);
    ND(&f)->target[3] ^= 1;
    rig_drops(r, &f, LG_STAT_DROP_L4_CSUM, "checksum");
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    rig_free(r);
}

TEST(Nd, RefusesFragmentHeadersEvenAroundWholeMessages)
{
    static const uint8_t atomic[8] = {58};
    struct rig *r = rig_new();
    struct frame ns = ns_frame(PEER6, US6, mac_peer), f = {0};

    put_bytes(&f, ns.b, 54);
    put_bytes(&f, atomic, 8);
    put_bytes(&f, ns.b + 54, ns.len - 54);
    IP6(&f)->next = 44;
    IP6(&f)->len = lg_to_be16((uint16_t)(f.len - 54));
    rig_drops(r, &f, LG_STAT_DROP_ND, "fragment header");
    rig_free(r);
}

TEST(Nd, AnswersWithoutLearningWhenTheAskerIsNotOnLink)
{
    struct rig *r = rig_new();
    struct frame f = ns_frame("2001:db8:ffff::1", US6, mac_peer);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    rig_free(r);
}

TEST(Nd, DropsBadAdvertisements)
{
    struct rig *r = rig_new();
    struct frame f = na_frame(PEER6, "ff02::1", PEER6, mac_peer, LG_NA_SOLICITED);

    rig_drops(r, &f, LG_STAT_DROP_ND, "solicited to a group");
    f = na_frame(PEER6, US6, "2001:db8:9::1", mac_peer, LG_NA_OVERRIDE);
    rig_drops(r, &f, LG_STAT_DROP_ND, "not on link");
    f = na_frame(PEER6, US6, PEER6, mac_peer, 0), f.b[79] = 0, fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ND, "option length 0");
    EXPECT_EQ(r->shared_cnt, 0);
    rig_free(r);
}

TEST(Nd, IgnoresRouterAdvertisementsAndRedirects)
{
    struct rig *r = rig_new();
    uint8_t body[40] = {64};

    static const uint8_t types[] = {133, 134, 137};

    for (size_t i = 0; i < sizeof types; i++) {
        struct frame f = icmp_frame("fe80::1", US6, types[i], 0, body, sizeof body);
        rig_drops(r, &f, LG_STAT_DROP_ICMP, "router discovery");
    }
    rig_free(r);
}

TEST(Nd, FollowsTheOverrideFlag)
{
    struct rig *r = rig_new();

    rig_output(r, US6, PEER6, 0);
    struct frame f = na_frame(PEER6, US6, PEER6, mac_peer, LG_NA_SOLICITED | LG_NA_OVERRIDE);
    rig_rx(r, &f);
    struct lg_neigh *n = rig_neigh(r, 0, PEER6);
    EXPECT_EQ(n->state, LG_NEIGH_REACHABLE);
    f = na_frame(PEER6, US6, PEER6, mac_other, 0); /* another MAC, modestly: doubt, no change */
    rig_rx(r, &f);
    EXPECT_EQ(n->state, LG_NEIGH_STALE);
    EXPECT_MEM(n->mac, mac_peer, 6);
    f = na_frame(PEER6, US6, PEER6, mac_other, LG_NA_OVERRIDE);
    rig_rx(r, &f);
    EXPECT_EQ(n->state, LG_NEIGH_STALE);
    EXPECT_MEM(n->mac, mac_other, 6);
    f = na_frame(PEER6, US6, PEER6, NULL, LG_NA_SOLICITED); /* without a MAC: still there */
    rig_rx(r, &f);
    EXPECT_EQ(n->state, LG_NEIGH_REACHABLE);
    EXPECT_MEM(n->mac, mac_other, 6);
    rig_free(r);
}

/* ------------------------------------------------------------- the life of a neighbour */

TEST(Neigh, WaitingPacketsGoOutOnceItAnswers)
{
    struct rig *r = rig_new();

    for (uint32_t i = 0; i < 6; i++)
        rig_output(r, US, PEER, i);
    REQUIRE_EQ(r->sent_cnt, 1); /* one question, by broadcast, from the right address */
    EXPECT_MEM(ETH(&r->sent[0])->dst, mac_bcast, 6);
    EXPECT_EQ(lg_from_be16(ARP(&r->sent[0])->op), LG_ARP_REQUEST);
    EXPECT_MEM(ARP(&r->sent[0])->sender_ip, "\xc0\x00\x02\x01", 4);
    EXPECT_MEM(ARP(&r->sent[0])->target_ip, "\xc0\x00\x02\x32", 4);
    EXPECT_EQ(r->heap.cnt_out, 4);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_PENDING), 2);
    struct frame f = reply(PEER, mac_peer);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    REQUIRE_EQ(r->sent_cnt, 5);
    for (uint32_t i = 1; i < 5; i++) { /* the four newest, in order */
        EXPECT_MEM(ETH(&r->sent[i])->dst, mac_peer, 6);
        EXPECT_EQ(r->sent[i].len, 54 + 1 + i);
    }
    EXPECT_EQ(r->heap.cnt_out, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_NEIGH_LEARNED), 1);
    rig_output(r, US, PEER, 100);
    EXPECT_EQ(r->sent_cnt, 6);
    rig_free(r);
}

TEST(Neigh, Ipv6IsSolicitedByItsGroup)
{
    struct rig *r = rig_new();
    lg_ip_t group = ip("ff02::1:ff00:50"), us = ip(US6);

    rig_output(r, US6, PEER6, 10);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_MEM(ETH(&r->sent[0])->dst, "\x33\x33\xff\x00\x00\x50", 6);
    EXPECT_MEM(IP6(&r->sent[0])->dst, group.b, 16);
    EXPECT_MEM(IP6(&r->sent[0])->src, us.b, 16);
    EXPECT_EQ(IP6(&r->sent[0])->hops, 255);
    EXPECT_EQ(ND(&r->sent[0])->icmp.type, LG_ICMP6_NS);
    EXPECT_EQ(r->sent[0].b[78], LG_ND_OPT_SLLA);
    struct frame f = na_frame(PEER6, US6, PEER6, NULL, LG_NA_SOLICITED);
    rig_rx(r, &f); /* an answer without a MAC answers nothing */
    EXPECT_EQ(r->sent_cnt, 1);
    f = na_frame(PEER6, US6, PEER6, mac_peer, LG_NA_SOLICITED);
    rig_rx(r, &f);
    EXPECT_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].len, 14 + 40 + 30);
    rig_free(r);
}

TEST(Neigh, IsAskedThreeTimesASecondApartAndThenGivenUp)
{
    struct rig *r = rig_new();

    rig_output(r, US, PEER, 0);
    rig_forward(r, LG_MS(990));
    EXPECT_EQ(r->sent_cnt, 1);
    rig_forward(r, LG_MS(20));
    EXPECT_EQ(r->sent_cnt, 2);
    rig_forward(r, LG_SEC(1));
    EXPECT_EQ(r->sent_cnt, 3);
    rig_forward(r, LG_MS(1010));
    EXPECT_EQ(r->sent_cnt, 3);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_NEIGH_FAILED), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_PENDING), 1);
    EXPECT_EQ(r->heap.cnt_out, 0);
    EXPECT(lg_net_next(r->net) == LG_NS_NEVER);
    rig_output(r, US, PEER, 0); /* the next packet asks again */
    EXPECT_EQ(r->sent_cnt, 4);
    rig_free(r);
}

static void learn(struct rig *r, const char *addr, const uint8_t mac[6])
{
    rig_output(r, US, addr, 0);
    struct frame f = reply(addr, mac);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    r->sent_cnt = 0;
}

TEST(Neigh, InUseIsProbedByUnicastBeforeItExpires)
{
    struct rig *r = rig_new();

    learn(r, PEER, mac_peer);
    rig_forward(r, LG_SEC(10));
    rig_output(r, US, PEER, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    for (int i = 0; i < 4600 && r->sent_cnt == 1; i++) /* 45 s at most */
        rig_forward(r, LG_MS(10));
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT(r->now >= LG_SEC(1015) && r->now <= LG_MS(1045010));
    EXPECT_MEM(ETH(&r->sent[1])->dst, mac_peer, 6);
    EXPECT_EQ(lg_from_be16(ARP(&r->sent[1])->op), LG_ARP_REQUEST);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_PROBE);
    rig_output(r, US, PEER, 0); /* goes on meanwhile */
    EXPECT_EQ(r->sent_cnt, 3);
    struct frame f = reply(PEER, mac_peer);
    rig_rx(r, &f);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_REACHABLE);
    rig_free(r);
}

TEST(Neigh, ThatNoLongerAnswersProbesIsForgottenAndAskedForByBroadcast)
{
    struct rig *r = rig_new();

    learn(r, PEER, mac_peer);
    rig_forward(r, LG_SEC(1));
    rig_output(r, US, PEER, 0);
    rig_forward(r, LG_SEC(50));
    EXPECT_EQ(r->sent_cnt, 1 + 3);
    EXPECT(!rig_neigh(r, 0, PEER));
    EXPECT_EQ(rig_stat(r, LG_STAT_NEIGH_FAILED), 1);
    rig_output(r, US, PEER, 0);
    EXPECT_EQ(r->sent_cnt, 5);
    EXPECT_MEM(ETH(&r->sent[4])->dst, mac_bcast, 6);
    rig_free(r);
}

TEST(Neigh, NotUsedGoesStaleUnaskedAndExpires)
{
    struct rig *r = rig_new();

    learn(r, PEER, mac_peer);
    rig_forward(r, LG_SEC(46));
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_STALE);
    rig_forward(r, LG_SEC(601));
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_NEIGH_EXPIRED), 1);
    EXPECT(lg_net_next(r->net) == LG_NS_NEVER);
    rig_free(r);
}

TEST(Neigh, StaleOneInUseAgainIsProbedUnlessItAnswersFirst)
{
    struct rig *r = rig_new();

    learn(r, PEER, mac_peer);
    rig_forward(r, LG_SEC(100));
    rig_output(r, US, PEER, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_MEM(ETH(&r->sent[0])->dst, mac_peer, 6);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_DELAY);
    rig_forward(r, LG_MS(4900));
    EXPECT_EQ(r->sent_cnt, 1);
    rig_forward(r, LG_MS(200));
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_PROBE);
    EXPECT_MEM(ETH(&r->sent[1])->dst, mac_peer, 6);
    struct frame f = reply(PEER, mac_peer);
    rig_rx(r, &f);
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_REACHABLE);
    rig_forward(r, LG_SEC(100));
    rig_output(r, US, PEER, 0);
    rig_rx(r, &f); /* in DELAY */
    EXPECT_EQ(rig_neigh(r, 0, PEER)->state, LG_NEIGH_REACHABLE);
    rig_free(r);
}

TEST(Neigh, TheAskersMacServesThePacketsThatWait)
{
    struct rig *r = rig_new();

    rig_output(r, US, PEER, 0);
    struct frame f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, US, mac_bcast);
    rig_rx(r, &f);
    EXPECT_EQ(r->sent_cnt, 3); /* our question, the segment, our answer */
    EXPECT_EQ(r->heap.cnt_out, 0);
    rig_free(r);
}

TEST(Neigh, FloodOfQuestionsIsBounded)
{
    struct rig *r = rig_new();
    char addr[32];

    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(addr, sizeof addr, "10.2.%u.%u", i / 200, i % 200 + 1);
        rig_output(r, "10.0.0.1", addr, 0);
    }
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), LG_NEIGH_INCOMPLETE_MAX);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_FULL), 2000 - LG_NEIGH_INCOMPLETE_MAX);
    EXPECT_EQ(r->heap.cnt_out, LG_NEIGH_PENDING_ALL);
    rig_forward(r, LG_SEC(4));
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), 0);
    EXPECT_EQ(r->heap.cnt_out, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_PENDING), LG_NEIGH_INCOMPLETE_MAX);
    rig_free(r);
}

TEST(Neigh, FloodOfAskersLeavesRoomForOurOwnQuestions)
{
    struct rig *r = rig_new();
    char addr[32];

    for (uint32_t i = 0; i < LG_NEIGH_CNT + 100; i++) {
        snprintf(addr, sizeof addr, "10.3.%u.%u", i / 200, i % 200 + 1);
        struct frame f = arp_frame(LG_ARP_REQUEST, mac_peer, addr, "10.0.0.1", mac_bcast);
        f.port = 1;
        EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    }
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), LG_NEIGH_UNASKED_MAX);
    EXPECT_EQ(r->sent_cnt, LG_NEIGH_CNT + 100); /* each was answered all the same */
    rig_output(r, US, PEER, 0);
    EXPECT(rig_neigh(r, 0, PEER) != NULL);
    rig_free(r);
}

TEST(Neigh, FullTableGivesUpAStaleEntry)
{
    struct rig *r = rig_new();
    char addr[32];
    struct frame f;

    for (uint32_t i = 0; i < LG_NEIGH_CNT; i++) {
        snprintf(addr, sizeof addr, "10.4.%u.%u", i / 200, i % 200 + 1);
        rig_output(r, "10.0.0.1", addr, 0);
        f = arp_frame(LG_ARP_REPLY, mac_peer, addr, "10.0.0.1", mac_back);
        f.port = 1;
        rig_rx(r, &f);
    }
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), LG_NEIGH_CNT);
    rig_output(r, US, PEER, 0); /* all reachable: nobody to do without */
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_FULL), 1);
    rig_forward(r, LG_SEC(40));
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), LG_NEIGH_CNT);
    rig_output(r, US, PEER, 0);
    EXPECT_EQ(lg_net_neighbour_cnt(r->net), LG_NEIGH_CNT);
    EXPECT(rig_neigh(r, 0, PEER) != NULL);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NEIGH_FULL), 1);
    rig_free(r);
}

/* ------------------------------------------------------------- several workers */

TEST(NeighShared, TeachesAnotherWorkerWithoutAnsweringOrSharingAgain)
{
    struct rig *a = rig_new(), *b = rig_new();
    struct frame f = reply(PEER, mac_peer);

    rig_output(b, US, PEER, 0); /* b asked, but the answer arrives at a */
    EXPECT_EQ(rig_rx(a, &f), LG_DONE);
    REQUIRE_EQ(a->shared_cnt, 1);
    EXPECT_EQ(lg_net_neighbour_cnt(a->net), 0);
    rig_rx_shared(b, &a->shared[0]);
    EXPECT_EQ(rig_neigh(b, 0, PEER)->state, LG_NEIGH_REACHABLE);
    EXPECT_EQ(b->sent_cnt, 2);
    f = arp_frame(LG_ARP_REQUEST, mac_peer, "192.0.2.51", US, mac_bcast);
    rig_rx_shared(b, &f);
    EXPECT_EQ(b->sent_cnt, 2);
    EXPECT(rig_neigh(b, 0, "192.0.2.51") != NULL);
    f = ns_frame(PEER6, US6, mac_peer);
    rig_rx_shared(b, &f);
    EXPECT_EQ(b->sent_cnt, 2);
    EXPECT(rig_neigh(b, 0, PEER6) != NULL);
    EXPECT_EQ(b->shared_cnt, 0);
    rig_free(a);
    rig_free(b);
}

TEST(NeighShared, RefusesAnythingElse)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(PEER, US, 5);

    rig_rx_shared(r, &f);
    f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 0, "abcd", 4);
    rig_rx_shared(r, &f);
    f.len = 3;
    rig_rx_shared(r, &f);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(r->unreach_cnt, 0);
    rig_free(r);
}

TEST(NeighShared, IsBoundedInRate)
{
    struct rig *r = rig_new();
    struct frame f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, US, mac_bcast);

    for (int i = 0; i < 5000; i++)
        rig_rx(r, &f);
    EXPECT_EQ(r->shared_cnt, 256);
    r->now += LG_SEC(1) / 2;
    for (int i = 0; i < 5000; i++)
        rig_rx(r, &f);
    EXPECT_EQ(r->shared_cnt, 512);
    r->now += LG_MS(100);
    for (int i = 0; i < 5000; i++)
        rig_rx(r, &f);
    EXPECT_EQ(r->shared_cnt, 612);
    rig_free(r);
}

/* ------------------------------------------------------------- our own addresses */

TEST(Announce, EveryAddressThreeTimesASecondApart)
{
    struct rig *r = rig_new();

    r->net_cfg.is_quiet = false;
    rig_restart(r);
    EXPECT(lg_net_next(r->net) <= r->now);
    rig_forward(r, LG_MS(1));
    EXPECT_EQ(r->sent_cnt, 8); /* 4 IPv4, 2 IPv6, 2 link-local */
    rig_forward(r, LG_SEC(10));
    EXPECT_EQ(r->sent_cnt, 24);
    EXPECT(lg_net_next(r->net) == LG_NS_NEVER);
    uint32_t arp = 0, na = 0;
    for (uint32_t i = 0; i < 8; i++) {
        struct frame *f = &r->sent[i];
        if (lg_from_be16(ETH(f)->type) == LG_ETH_ARP) {
            arp++;
            EXPECT_MEM(ETH(f)->dst, mac_bcast, 6);
            EXPECT_MEM(ARP(f)->sender_ip, ARP(f)->target_ip, 4);
        } else {
            na++;
            EXPECT_EQ(ND(f)->icmp.type, LG_ICMP6_NA);
            EXPECT_EQ(lg_from_be32(ND(f)->icmp.rest), LG_NA_OVERRIDE);
            EXPECT_MEM(ND(f)->target, IP6(f)->src, 16);
        }
    }
    EXPECT_EQ(arp, 4);
    EXPECT_EQ(na, 4);
    rig_free(r);
}

TEST(Announce, SurvivesAnEmptyBufferPool)
{
    struct rig *r = rig_new();

    r->net_cfg.is_quiet = false;
    rig_restart(r);
    r->heap.cnt_max = 0;
    rig_forward(r, LG_SEC(5));
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_NO_BUF), 24);
    rig_free(r);
}
