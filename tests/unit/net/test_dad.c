/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_dad.c: addresses of ours that are somebody else's: asked for before use, told later. */
#include "rig.h"

#define PEER6 "2001:db8::50"
#define US "192.0.2.1"
#define US6 "2001:db8::1"
#define GROUP "ff02::1:ff00:1" /* US6's */

static struct rig *new_rig(void)
{
    struct rig *r = rig_new();

    r->ports[0].dad = r->ports[1].dad = true;
    r->net_cfg.is_quiet = false;
    memcpy(r->net_cfg.nonce, "nonce!", 6);
    rig_restart(r);
    return r;
}

static uint32_t sent_of(const struct rig *r, uint8_t type)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->sent_cnt; i++)
        n += lg_from_be16(ETH(&r->sent[i])->type) == LG_ETH_IP6 && r->sent[i].b[54] == type;
    return n;
}

/* A probe of somebody else for target: from nobody, without his MAC. */
static struct frame probe(const char *target)
{
    struct frame f = ns_frame("::", target, NULL);
    memcpy(ETH(&f)->src, mac_other, 6);
    return f;
}

static struct frame claim(const char *target)
{
    struct frame f = na_frame(target, "ff02::1", target, mac_other, LG_NA_OVERRIDE);
    memcpy(ETH(&f)->src, mac_other, 6);
    return f;
}

TEST(Dad, AsksForEveryIpv6AddressBeforeItUsesOne)
{
    struct rig *r = new_rig();
    struct frame in = tcp_frame(PEER6, US6, 0), ns = ns_frame(PEER6, US6, mac_peer);

    EXPECT(lg_net_next(r->net) <= r->now);
    rig_forward(r, LG_MS(1));
    EXPECT_EQ(sent_of(r, LG_ICMP6_NS), 4); /* 2 configured, 2 link-local */
    EXPECT_EQ(sent_of(r, LG_ICMP6_NA), 0);
    for (uint32_t i = 0; i < r->sent_cnt; i++) {
        struct frame *f = &r->sent[i];
        lg_ip_t any = {{0}}, us = ip(US6), group = ip(GROUP);
        if (lg_from_be16(ETH(f)->type) != LG_ETH_IP6)
            continue;
        EXPECT_MEM(IP6(f)->src, any.b, 16);
        EXPECT_EQ(f->len, 54 + 24 + 8);
        EXPECT_MEM(f->b + 78, "\x0e\x01nonce!", 8); /* RFC 7527 */
        if (memcmp(ND(f)->target, us.b, 16) == 0)
            EXPECT_MEM(IP6(f)->dst, group.b, 16);
    }
    rig_drops(r, &in, LG_STAT_DROP_IP_TENTATIVE, "segment to a tentative address");
    rig_drops(r, &ns, LG_STAT_DROP_ND, "solicitation for a tentative address");
    lg_ip_t dst = ip(PEER6), src;
    EXPECT(!lg_net_source(r->net, &dst, &src));
    dst = ip("192.0.2.50");
    EXPECT(lg_net_source(r->net, &dst, &src)); /* IPv4 does not wait */
    rig_forward(r, LG_MS(1000));
    EXPECT_EQ(rig_rx(r, &in), LG_KEEP);
    EXPECT_EQ(rig_rx(r, &ns), LG_DONE);
    dst = ip(PEER6);
    EXPECT(lg_net_source(r->net, &dst, &src));
    rig_forward(r, LG_SEC(10));
    EXPECT_EQ(sent_of(r, LG_ICMP6_NA), 4 * 2 + 1); /* announced twice each; one answer */
    EXPECT(lg_net_next(r->net) != r->now);
    EXPECT_EQ(r->conflict_cnt, 0);
    rig_free(r);
}

static void expect_taken(struct rig *r, const struct frame *how)
{
    struct frame in = tcp_frame(PEER6, US6, 0), ns = ns_frame(PEER6, US6, mac_peer);
    lg_ip_t us = ip(US6);

    rig_forward(r, LG_MS(1));
    EXPECT_EQ(rig_rx(r, how), LG_DONE);
    EXPECT_EQ(r->conflict_cnt, 1);
    EXPECT(!r->conflict_is_used);
    EXPECT(lg_ip_eq(&r->conflict, &us));
    EXPECT_MEM(r->conflict_mac, mac_other, 6);
    EXPECT_EQ(rig_stat(r, LG_STAT_ADDR_TAKEN), 1);
    rig_forward(r, LG_SEC(10));
    rig_drops(r, &in, LG_STAT_DROP_IP_TENTATIVE, "segment to a taken address");
    rig_drops(r, &ns, LG_STAT_DROP_ND, "solicitation for a taken address");
    for (uint32_t i = 0; i < r->sent_cnt; i++)
        if (lg_from_be16(ETH(&r->sent[i])->type) == LG_ETH_IP6 && r->sent[i].b[54] == LG_ICMP6_NA)
            EXPECT(memcmp(ND(&r->sent[i])->target, us.b, 16) != 0);
    lg_ip_t dst = ip("fd00::5"), src;
    EXPECT(lg_net_source(r->net, &dst, &src)); /* the others are used */
    EXPECT_EQ(r->conflict_cnt, 1);
}

TEST(Dad, NeverUsesAnAddressThatSomebodyDefends)
{
    struct rig *r = new_rig();
    struct frame f = claim(US6);

    expect_taken(r, &f);
    rig_free(r);
}

TEST(Dad, NeverUsesAnAddressThatSomebodyElseAsksForToo)
{
    struct rig *r = new_rig();
    struct frame f = probe(US6);

    expect_taken(r, &f);
    rig_free(r);
}

TEST(Dad, TellsTheOtherWorkers)
{
    struct rig *a = new_rig(), *b = new_rig();
    struct frame f = claim(US6), in = tcp_frame(PEER6, US6, 0);

    b->net_cfg.is_quiet = true;
    rig_restart(b);
    rig_forward(a, LG_MS(1));
    rig_forward(b, LG_MS(1));
    EXPECT_EQ(sent_of(b, LG_ICMP6_NS), 0); /* one of them asks */
    rig_rx(a, &f);
    REQUIRE_EQ(a->shared_cnt, 1);
    rig_rx_shared(b, &a->shared[0]);
    rig_forward(b, LG_SEC(2));
    rig_drops(b, &in, LG_STAT_DROP_IP_TENTATIVE, "taken");
    EXPECT_EQ(b->conflict_cnt, 0); /* told once */
    rig_free(a);
    rig_free(b);
}

TEST(Dad, IsNotFooledByItsOwnProbeThatComesBack)
{
    struct rig *r = new_rig();
    struct frame in = tcp_frame(PEER6, US6, 0);

    rig_forward(r, LG_MS(1));
    uint32_t cnt = r->sent_cnt;
    for (uint32_t i = 0; i < cnt; i++) {
        struct frame f = r->sent[i];
        if (lg_from_be16(ETH(&f)->type) == LG_ETH_IP6)
            rig_drops(r, &f, LG_STAT_DROP_ND, "own probe");
    }
    rig_forward(r, LG_SEC(1));
    EXPECT_EQ(rig_rx(r, &in), LG_KEEP);
    EXPECT_EQ(r->conflict_cnt, 0);
    rig_free(r);
}

TEST(Dad, AsksNothingWhenSwitchedOff)
{
    struct rig *r = rig_new();
    struct frame in = tcp_frame(PEER6, US6, 0);

    r->net_cfg.is_quiet = false;
    rig_restart(r);
    rig_forward(r, LG_MS(1));
    EXPECT_EQ(sent_of(r, LG_ICMP6_NS), 0);
    EXPECT_EQ(rig_rx(r, &in), LG_KEEP);
    rig_free(r);
}

TEST(AddrConflict, IsToldAndAnsweredOnceInTenSeconds)
{
    struct rig *r = rig_new();
    struct frame arp = arp_frame(LG_ARP_REQUEST, mac_other, US, US, mac_bcast), na = claim(US6);
    lg_ip_t us = ip(US);

    EXPECT_EQ(rig_rx(r, &arp), LG_DONE);
    EXPECT_EQ(r->conflict_cnt, 1);
    EXPECT(r->conflict_is_used);
    EXPECT(lg_ip_eq(&r->conflict, &us));
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(lg_from_be16(ETH(&r->sent[0])->type), LG_ETH_ARP);
    EXPECT_MEM(ARP(&r->sent[0])->sender_ip, ARP(&r->sent[0])->target_ip, 4);
    for (int i = 0; i < 100; i++)
        rig_rx(r, &na);
    EXPECT_EQ(r->conflict_cnt, 1);
    EXPECT_EQ(r->sent_cnt, 1);
    r->now += LG_SEC(10);
    rig_rx(r, &na);
    EXPECT_EQ(r->conflict_cnt, 2);
    EXPECT_EQ(r->sent_cnt, 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_ADDR_CONFLICT), 102);
    struct frame in = tcp_frame(PEER6, US6, 0);
    EXPECT_EQ(rig_rx(r, &in), LG_KEEP); /* we go on */
    rig_free(r);
}

TEST(AddrConflict, AnythingElseFromAnAddressOfOursIsRefused)
{
    struct rig *r = rig_new();
    struct frame f = icmp_frame(US6, US6, LG_ICMP6_ECHO, 0, "12345678", 8);

    rig_drops(r, &f, LG_STAT_DROP_IP_MARTIAN, "echo");
    f = tcp_frame(US6, US6, 0);
    rig_drops(r, &f, LG_STAT_DROP_IP_MARTIAN, "tcp");
    f = claim(US6); /* our own announcement, come back */
    memcpy(ETH(&f)->src, mac_front, 6);
    rig_drops(r, &f, LG_STAT_DROP_ND, "own announcement");
    EXPECT_EQ(r->conflict_cnt, 0);
    rig_free(r);
}
