/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_icmp.c: echo, unreachable messages, and what is never answered. */
#include "rig.h"

#define PEER "192.0.2.50"
#define PEER6 "2001:db8::50"
#define US "192.0.2.1"
#define US6 "2001:db8::1"

static void know(struct rig *r)
{
    struct frame f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, US, mac_bcast);

    rig_rx(r, &f);
    f = ns_frame(PEER6, US6, mac_peer);
    rig_rx(r, &f);
    r->sent_cnt = 0;
}

TEST(Icmp, AnswersEchoOfBothFamiliesByteForByte)
{
    struct rig *r = rig_new();
    uint8_t body[300];

    know(r);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 13);
    for (size_t len = 4; len <= sizeof body; len += 37) {
        r->sent_cnt = 0;
        struct frame f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 0, body, len);
        EXPECT_EQ(rig_rx(r, &f), LG_DONE);
        REQUIRE(r->sent_cnt >= 1);
        EXPECT_EQ(r->sent[0].len, f.len);
        EXPECT_EQ(r->sent[0].b[34], LG_ICMP4_ECHO_REPLY);
        EXPECT_MEM(r->sent[0].b + 38, body, len);
        EXPECT_MEM(IP4(&r->sent[0])->src, IP4(&f)->dst, 4);
        EXPECT_MEM(IP4(&r->sent[0])->dst, IP4(&f)->src, 4);
        EXPECT_MEM(ETH(&r->sent[0])->dst, mac_peer, 6);
        r->sent_cnt = 0;
        f = icmp_frame(PEER6, US6, LG_ICMP6_ECHO, 0, body, len);
        EXPECT_EQ(rig_rx(r, &f), LG_DONE);
        REQUIRE(r->sent_cnt >= 1);
        EXPECT_EQ(r->sent[0].b[54], LG_ICMP6_ECHO_REPLY);
        EXPECT_MEM(r->sent[0].b + 58, body, len);
    }
    EXPECT_EQ(rig_stat(r, LG_STAT_ICMP_ECHO), 18);
    rig_free(r);
}

TEST(Icmp, AnswersEchoAlsoWhenTheAskersMacIsNotKnownYet)
{
    struct rig *r = rig_new();
    struct frame f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 0, "12345678", 8);

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(lg_from_be16(ETH(&r->sent[0])->type), LG_ETH_ARP);
    f = arp_frame(LG_ARP_REPLY, mac_peer, PEER, US, mac_front);
    rig_rx(r, &f);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].b[34], LG_ICMP4_ECHO_REPLY);
    rig_free(r);
}

TEST(Icmp, DropsEchoWithABadChecksumTooShortOrToAGroup)
{
    struct rig *r = rig_new();
    struct frame f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 0, "12345678", 8);

    f.b[40] ^= 1;
    rig_drops(r, &f, LG_STAT_DROP_L4_CSUM, "checksum");
    f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 0, "123", 3);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "short");
    f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 1, "1234", 4);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "code");
    f = icmp_frame(PEER6, US6, LG_ICMP6_ECHO, 0, "123", 3);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "short v6");
    f = icmp_frame(PEER6, US6, LG_ICMP6_ECHO, 0, "1234", 4);
    f.b[60] ^= 1;
    rig_drops(r, &f, LG_STAT_DROP_L4_CSUM, "checksum v6");
    f = icmp_frame(PEER6, "ff02::1", LG_ICMP6_ECHO, 0, "1234", 4);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "to all nodes");
    f = icmp_frame("::", US6, LG_ICMP6_ECHO, 0, "1234", 4);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "from nobody");
    EXPECT_EQ(r->sent_cnt, 0);
    rig_free(r);
}

TEST(Icmp, BoundsTheRateOfEcho)
{
    struct rig *r = rig_new();
    struct frame f = icmp_frame(PEER, US, LG_ICMP4_ECHO, 0, "12345678", 8);

    know(r);
    for (int i = 0; i < 1000; i++)
        rig_rx(r, &f);
    EXPECT_EQ(rig_stat(r, LG_STAT_ICMP_ECHO), 100);
    r->now += LG_MS(50);
    for (int i = 0; i < 1000; i++)
        rig_rx(r, &f);
    EXPECT_EQ(rig_stat(r, LG_STAT_ICMP_ECHO), 150);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_ICMP), 1850);
    rig_free(r);
}

/* ------------------------------------------------------------- unreachable */

/* An unreachable message that quotes a segment from `local` to `remote`. */
static struct frame unreach(const char *local, const char *remote, uint8_t type, uint8_t code)
{
    struct frame q = {0};
    lg_ip_t l = ip(local);
    bool is_v4 = lg_ip_is_v4(&l);

    q.len = 4; /* the unused word */
    struct frame inner = {0};
    put_eth(&inner, mac_front, mac_peer, is_v4 ? LG_ETH_IP4 : LG_ETH_IP6);
    put_ip(&inner, local, remote, LG_PROTO_TCP, 20);
    put_bytes(&q, inner.b + 14, inner.len - 14);
    put_bytes(&q, "\x9c\x40\x01\xbb\xde\xad\xbe\xef", 8);
    return icmp_frame(is_v4 ? PEER : PEER6, is_v4 ? US : US6, type, code, q.b, q.len);
}

TEST(IcmpUnreach, PassesHardErrorsAboutOurSegments)
{
    struct rig *r = rig_new();
    struct frame f = unreach("10.0.0.1", "10.0.0.7", LG_ICMP4_UNREACH, 3);
    lg_ip_t local = ip("10.0.0.1"), remote = ip("10.0.0.7");

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    REQUIRE_EQ(r->unreach_cnt, 1);
    EXPECT_MEM(r->unreach.local_ip.b, local.b, 16);
    EXPECT_MEM(r->unreach.remote_ip.b, remote.b, 16);
    EXPECT_EQ(r->unreach.local_port, 40000);
    EXPECT_EQ(r->unreach.remote_port, 443);
    EXPECT_EQ(r->unreach_seq, 0xdeadbeef);
    f = unreach("fd00::1", "fd00::7", LG_ICMP6_UNREACH, 4);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->unreach_cnt, 2);
    EXPECT_EQ(r->unreach.local_port, 40000);
    EXPECT_EQ(r->unreach_seq, 0xdeadbeef);
    rig_free(r);
}

TEST(IcmpUnreach, IgnoresSoftErrorsAndForeignQuotes)
{
    struct rig *r = rig_new();
    static const uint8_t soft4[] = {0, 1, 5, 6, 7, 8, 11, 12, 14, 255}, soft6[] = {0, 2, 3, 7};
    struct frame f;

    for (size_t i = 0; i < sizeof soft4; i++) {
        f = unreach("10.0.0.1", "10.0.0.7", LG_ICMP4_UNREACH, soft4[i]);
        rig_drops(r, &f, LG_STAT_DROP_ICMP, "soft");
    }
    for (size_t i = 0; i < sizeof soft6; i++) {
        f = unreach("fd00::1", "fd00::7", LG_ICMP6_UNREACH, soft6[i]);
        rig_drops(r, &f, LG_STAT_DROP_ICMP, "soft v6");
    }
    f = unreach("10.9.9.9", "10.0.0.7", LG_ICMP4_UNREACH, 3);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "not from us");
    f = unreach("fd00::9", "fd00::7", LG_ICMP6_UNREACH, 4);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "not from us v6");
    EXPECT_EQ(r->unreach_cnt, 0);
    rig_free(r);
}

TEST(IcmpUnreach, IgnoresBrokenQuotes)
{
    struct rig *r = rig_new();
    struct frame good = unreach("10.0.0.1", "10.0.0.7", LG_ICMP4_UNREACH, 3), f;
    static const struct {
        uint32_t at;
        uint8_t value;
    } breaks[] = {{42, 0x65}, {42, 0x44}, {42, 0x4f}, {51, 17}, {49, 1}};

    for (size_t i = 0; i < LG_ARRAY_CNT(breaks); i++) {
        f = good;
        f.b[breaks[i].at] = breaks[i].value;
        fix_l4(&f);
        rig_drops(r, &f, LG_STAT_DROP_ICMP, "broken quote");
    }
    for (uint16_t len = 28; len < 56; len++) { /* header, ICMP, then ever less of the quote */
        f = good;
        IP4(&f)->len = lg_to_be16(len);
        fix_ip4(&f);
        fix_l4(&f);
        rig_drops(r, &f, LG_STAT_DROP_ICMP, "short quote");
    }
    EXPECT_EQ(r->unreach_cnt, 0);
    rig_free(r);
}

/* ------------------------------------------------------------- too big */

static struct frame too_big4(uint16_t mtu)
{
    struct frame f = unreach("10.0.0.1", "10.0.0.7", LG_ICMP4_UNREACH, 4);

    lg_put_be16(f.b + 40, mtu);
    fix_l4(&f);
    return f;
}

static struct frame too_big6(uint32_t mtu)
{
    struct frame f = unreach("fd00::1", "fd00::7", LG_ICMP6_TOO_BIG, 0);

    lg_put_be32(f.b + 58, mtu);
    fix_l4(&f);
    return f;
}

TEST(IcmpTooBig, TellsTcpTheMtuAndTheQuotedSegment)
{
    struct rig *r = rig_new();
    struct frame f = too_big4(1400);
    lg_ip_t local = ip("10.0.0.1"), remote = ip("10.0.0.7");

    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    REQUIRE_EQ(r->too_big_cnt, 1);
    EXPECT_EQ(r->too_big_mtu, 1400);
    EXPECT_MEM(r->unreach.local_ip.b, local.b, 16);
    EXPECT_MEM(r->unreach.remote_ip.b, remote.b, 16);
    EXPECT_EQ(r->unreach.local_port, 40000);
    EXPECT_EQ(r->unreach.remote_port, 443);
    EXPECT_EQ(r->unreach_seq, 0xdeadbeef);
    f = too_big6(1280);
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->too_big_mtu, 1280);
    f = too_big6(0xffffffff); /* nonsense, and harmless */
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->too_big_mtu, 65535);
    EXPECT_EQ(rig_stat(r, LG_STAT_ICMP_TOO_BIG), 3);
    EXPECT_EQ(r->unreach_cnt, 0);
    EXPECT_EQ(r->shared_cnt, 0);
    rig_free(r);
}

TEST(IcmpTooBig, GuessesWhatARouterThatNamesNoMtuMeans)
{
    static const struct {
        uint16_t packet_sz, mtu;
    } cases[] = {{65535, 32000}, {1500, 1492}, {1492, 1006}, {1006, 508}, {297, 296}, {40, 68}};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct frame f = too_big4(0);
        lg_put_be16(f.b + 44, cases[i].packet_sz);
        fix_l4(&f);
        EXPECT_EQ(rig_rx(r, &f), LG_DONE);
        EXPECT_EQ(r->too_big_mtu, cases[i].mtu);
    }
    rig_free(r);
}

TEST(IcmpTooBig, RefusesMtusThatCannotBeAndForeignQuotes)
{
    struct rig *r = rig_new();
    struct frame f = too_big4(67);

    rig_drops(r, &f, LG_STAT_DROP_ICMP, "below 68");
    f = too_big6(1279);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "below 1280");
    f = too_big6(0);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "zero");
    f = unreach("fd00::9", "fd00::7", LG_ICMP6_TOO_BIG, 0);
    lg_put_be32(f.b + 58, 1400);
    fix_l4(&f);
    rig_drops(r, &f, LG_STAT_DROP_ICMP, "not from us");
    EXPECT_EQ(r->too_big_cnt, 0);
    rig_free(r);
}

TEST(IcmpTooBig, IsSharedWhenTheConnectionIsAnotherWorkers)
{
    struct rig *a = rig_new(), *b = rig_new();
    struct frame f = too_big4(1400);

    a->is_elsewhere = true;
    EXPECT_EQ(rig_rx(a, &f), LG_DONE);
    REQUIRE_EQ(a->shared_cnt, 1);
    rig_rx_shared(b, &a->shared[0]);
    EXPECT_EQ(b->too_big_cnt, 1);
    EXPECT_EQ(b->too_big_mtu, 1400);
    EXPECT_EQ(rig_stat(b, LG_STAT_ICMP_TOO_BIG), 0); /* counted where it came */
    b->is_elsewhere = true;
    rig_rx_shared(b, &a->shared[0]);
    EXPECT_EQ(b->shared_cnt, 0);
    for (int i = 0; i < 1000; i++) /* a flood of them leaves room for neighbour messages */
        rig_rx(a, &f);
    EXPECT_EQ(a->shared_cnt, 256);
    f = arp_frame(LG_ARP_REQUEST, mac_peer, PEER, US, mac_bcast);
    rig_rx(a, &f);
    EXPECT_EQ(a->shared_cnt, 257);
    rig_free(a);
    rig_free(b);
}

TEST(Icmp, NeverAnswersAnyOtherType)
{
    struct rig *r = rig_new();
    uint8_t body[64] = {0};

    know(r);
    for (uint32_t type = 0; type < 256; type++) {
        struct frame f = icmp_frame(PEER, US, (uint8_t)type, 0, body, sizeof body);
        if (type != LG_ICMP4_ECHO)
            EXPECT(rig_rx(r, &f) != LG_KEEP);
        f = icmp_frame(PEER6, US6, (uint8_t)type, 0, body, sizeof body);
        if (type != LG_ICMP6_ECHO)
            EXPECT(rig_rx(r, &f) != LG_KEEP);
    }
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(r->unreach_cnt, 0);
    rig_free(r);
}
