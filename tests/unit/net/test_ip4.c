/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ip4.c: Ethernet and IPv4 on the way in. Wire lies first. */
#include "rig.h"

#define CLIENT "192.0.2.50"
#define US "192.0.2.1"

TEST(Eth, DropsFramesShorterThanAHeader)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    for (f.len = 0; f.len < 14; f.len++)
        rig_drops(r, &f, LG_STAT_DROP_ETH, "short frame");
    rig_free(r);
}

TEST(Eth, DropsFramesOfAPortThatIsNotThere)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    f.port = 2;
    rig_drops(r, &f, LG_STAT_DROP_ETH, "port 2 of 2");
    rig_free(r);
}

TEST(Eth, DropsFramesForOthersAndFromMulticastSources)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    memcpy(ETH(&f)->dst, mac_other, 6);
    rig_drops(r, &f, LG_STAT_DROP_ETH, "another host's MAC");
    memcpy(ETH(&f)->dst, "\x01\x00\x5e\x00\x00\x01", 6);
    rig_drops(r, &f, LG_STAT_DROP_ETH, "IPv4 multicast MAC");
    f = tcp_frame(CLIENT, US, 0);
    ETH(&f)->src[0] |= 1;
    rig_drops(r, &f, LG_STAT_DROP_ETH, "multicast source");
    rig_free(r);
}

TEST(Eth, RefusesVlanTagsLengthsAndUnknownTypes)
{
    static const uint16_t types[] = {0x8100, 0x88a8, 0x0040, 0x05dc, 0x8847, 0x88cc, 0, 0xffff};
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    for (size_t i = 0; i < LG_ARRAY_CNT(types); i++) {
        ETH(&f)->type = lg_to_be16(types[i]);
        rig_drops(r, &f, LG_STAT_DROP_ETHERTYPE, "ethertype");
    }
    rig_free(r);
}

TEST(Ip4, DropsEveryTruncation)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 10);
    uint32_t whole = f.len;

    for (f.len = 14; f.len < whole; f.len++)
        rig_drops(r, &f, LG_STAT_DROP_IP4_HDR, "truncated");
    rig_free(r);
}

TEST(Ip4, DropsWrongVersionAndHeaderLength)
{
    static const uint8_t ver_ihl[] = {0x05, 0x65, 0x40, 0x44, 0xf5, 0x4f};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(ver_ihl); i++) {
        struct frame f = tcp_frame(CLIENT, US, 0);
        IP4(&f)->ver_ihl = ver_ihl[i]; /* 0x4f: 60 bytes of header in a packet of 40 */
        rig_drops(r, &f, LG_STAT_DROP_IP4_HDR, "version or header length");
    }
    rig_free(r);
}

TEST(Ip4, DropsATotalLengthShorterThanTheHeaderOrLongerThanTheFrame)
{
    struct rig *r = rig_new();
    static const uint16_t lens[] = {0, 19, 41, 65535};

    for (size_t i = 0; i < LG_ARRAY_CNT(lens); i++) {
        struct frame f = tcp_frame(CLIENT, US, 0);
        IP4(&f)->len = lg_to_be16(lens[i]);
        fix_ip4(&f);
        rig_drops(r, &f, LG_STAT_DROP_IP4_HDR, "total length");
    }
    rig_free(r);
}

TEST(Ip4, DropsABadHeaderChecksumAndTtlZero)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    for (uint32_t bit = 0; bit < 16; bit++) {
        IP4(&f)->csum.be ^= (uint16_t)(1u << bit);
        rig_drops(r, &f, LG_STAT_DROP_IP4_CSUM, "header checksum");
        IP4(&f)->csum.be ^= (uint16_t)(1u << bit);
    }
    IP4(&f)->ttl = 0;
    fix_ip4(&f);
    rig_drops(r, &f, LG_STAT_DROP_IP4_HDR, "ttl 0");
    IP4(&f)->ttl = 1;
    fix_ip4(&f);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    rig_free(r);
}

TEST(Ip4, RefusesFragments)
{
    static const uint16_t frags[] = {LG_IP4_MF, 1, LG_IP4_OFF, LG_IP4_MF | 100};
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    for (size_t i = 0; i < LG_ARRAY_CNT(frags); i++) {
        IP4(&f)->frag = lg_to_be16(frags[i]);
        fix_ip4(&f);
        rig_drops(r, &f, LG_STAT_DROP_IP_FRAG, "fragment");
    }
    IP4(&f)->frag = lg_to_be16(LG_IP4_DF);
    fix_ip4(&f);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    rig_free(r);
}

TEST(Ip4, RefusesSourcesThatCannotBe)
{
    static const char *const srcs[] = {"0.0.0.0",   "0.1.2.3",         "127.0.0.1", "224.0.0.1",
                                       "240.0.0.1", "255.255.255.255", "192.0.2.1", "192.0.2.2",
                                       "10.0.0.1",  "192.0.2.255",     "192.0.2.0"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(srcs); i++) {
        struct frame f = tcp_frame(srcs[i], US, 0);
        rig_drops(r, &f, LG_STAT_DROP_IP_MARTIAN, srcs[i]);
    }
    rig_free(r);
}

TEST(Ip4, RefusesDestinationsThatAreNotOurs)
{
    static const char *const dsts[] = {"192.0.2.3", "192.0.2.255",     "192.0.2.0", "127.0.0.1",
                                       "224.0.0.1", "255.255.255.255", "0.0.0.0",   "8.8.8.8"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(dsts); i++) {
        struct frame f = tcp_frame(CLIENT, dsts[i], 0);
        rig_drops(r, &f, LG_STAT_DROP_IP_NOT_OURS, dsts[i]);
    }
    struct frame f = tcp_frame(CLIENT, US, 0);
    memcpy(ETH(&f)->dst, mac_bcast, 6);
    rig_drops(r, &f, LG_STAT_DROP_IP_NOT_OURS, "link-layer broadcast");
    rig_free(r);
}

TEST(Ip4, RefusesOtherProtocols)
{
    static const uint8_t protos[] = {0, 2, 4, 17, 41, 47, 50, 51, 58, 132, 255};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(protos); i++) {
        struct frame f = tcp_frame(CLIENT, US, 0);
        IP4(&f)->proto = protos[i];
        fix_ip4(&f);
        rig_drops(r, &f, LG_STAT_DROP_IP_PROTO, "protocol");
    }
    rig_free(r);
}

TEST(Ip4, KeepsATcpSegmentWithoutItsPadding)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, "192.0.2.2", 0);

    memset(f.b + f.len, 0xee, 6); /* Ethernet pads 54 bytes to 60 */
    f.len += 6;
    REQUIRE_EQ(rig_rx(r, &f), LG_KEEP);
    EXPECT_EQ(r->kept->len, 20);
    EXPECT_MEM(r->kept->data, f.b + 34, 20);
    lg_ip_t src = ip(CLIENT), dst = ip("192.0.2.2");
    EXPECT_MEM(r->pkt.src.b, src.b, 16);
    EXPECT_MEM(r->pkt.dst.b, dst.b, 16);
    EXPECT_EQ(r->pkt.sport, 0x1234);
    EXPECT_EQ(r->pkt.dport, 443);
    rig_free(r);
}

TEST(Ip4, SkipsOptions)
{
    struct rig *r = rig_new();
    struct frame f = {0}, plain = tcp_frame(CLIENT, US, 5);

    put_bytes(&f, plain.b, 34);
    put_bytes(&f, "\x94\x04\x00\x00\x01\x01\x01\x00", 8); /* router alert, three no-ops, end */
    put_bytes(&f, plain.b + 34, 25);
    IP4(&f)->ver_ihl = 0x47;
    IP4(&f)->len = lg_to_be16(53);
    fix_ip4(&f);
    REQUIRE_EQ(rig_rx(r, &f), LG_KEEP);
    EXPECT_EQ(r->kept->len, 25);
    EXPECT_MEM(r->kept->data, plain.b + 34, 25);
    rig_free(r);
}

TEST(Ip4, TakesOurAddressesOnEitherPort)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    f.port = 1;
    memcpy(ETH(&f)->dst, mac_back, 6);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    rig_free(r);
}

TEST(TcpCsum, DropsASegmentWithABadChecksumOrTooShort)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 9);

    for (uint32_t at = 34; at < f.len; at++) {
        f.b[at] ^= 0x40;
        rig_drops(r, &f, LG_STAT_DROP_L4_CSUM, "flipped bit");
        f.b[at] ^= 0x40;
    }
    f = tcp_frame(CLIENT, US, 0);
    for (uint16_t len = 20; len < 40; len++) {
        IP4(&f)->len = lg_to_be16(len);
        fix_ip4(&f);
        rig_drops(r, &f, LG_STAT_DROP_TCP_HDR, "no whole TCP header");
    }
    rig_free(r);
}

TEST(TcpCsum, IsNotVerifiedWhenThePortIsTrusted)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 9);

    f.b[34 + 16] ^= 1;
    r->net_cfg.ports[0].trust_rx_csum = true;
    rig_restart(r);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    IP4(&f)->csum.be ^= 1; /* the IP header's own is never taken on trust */
    rig_drops(r, &f, LG_STAT_DROP_IP4_CSUM, "IP checksum on a trusted port");
    rig_free(r);
}

TEST(TcpCsum, IsNotVerifiedWhenTheDeviceVouches)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 9);
    struct lg_buf *b = lg_buf_take(&r->heap.pool);

    f.b[34 + 16] ^= 1;
    memcpy(b->data, f.b, f.len);
    b->len = f.len;
    b->flags = LG_BUF_CSUM_GOOD;
    EXPECT_EQ(lg_net_rx(r->net, b, &r->pkt, r->now), LG_KEEP);
    lg_buf_give(b);
    rig_free(r);
}

TEST(Range, EveryAddressOfItIsOurs)
{
    struct rig *r = rig_new();
    static const char *const inside[] = {"10.77.0.0", "10.77.1.2", "10.77.255.255"};
    struct frame f;
    lg_ip_t src;

    r->net_cfg.ports[0].has_range = true;
    EXPECT_OK(lg_prefix_parse(LG_SPAN_STR("10.77.0.0/16"), &r->net_cfg.ports[0].range));
    rig_restart(r);
    for (size_t i = 0; i < LG_ARRAY_CNT(inside); i++) {
        lg_ip_t a = ip(inside[i]);
        EXPECT(lg_net_is_local(r->net, &a));
        f = tcp_frame(CLIENT, inside[i], 4);
        EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
        f = tcp_frame(inside[i], US, 4); /* nobody else may be one of them */
        rig_drops(r, &f, LG_STAT_DROP_IP_MARTIAN, "our own source");
    }
    f = tcp_frame(CLIENT, "10.78.0.1", 4);
    rig_drops(r, &f, LG_STAT_DROP_IP_NOT_OURS, "beside the range");
    f = arp_frame(LG_ARP_REQUEST, mac_peer, CLIENT, "10.77.3.3", mac_bcast);
    r->sent_cnt = 0;
    EXPECT_EQ(rig_rx(r, &f), LG_DONE);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_MEM(ARP(&r->sent[0])->sender_ip, "\x0a\x4d\x03\x03", 4);
    /* The configured addresses stay the ones we speak from by ourselves. */
    lg_ip_t peer = ip(CLIENT);
    EXPECT(lg_net_source(r->net, &peer, &src));
    lg_ip_t us = ip(US);
    EXPECT(lg_ip_eq(&src, &us));
    rig_free(r);
}
