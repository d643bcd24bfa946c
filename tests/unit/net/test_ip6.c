/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ip6.c: IPv6 on the way in, extension headers above all. */
#include "rig.h"

#define CLIENT "2001:db8::50"
#define US "2001:db8::1"

/* A TCP frame with bytes between the IPv6 header and TCP; `first` is their type, and the bytes
 * name what follows them. */
static struct frame ext_frame(uint8_t first, const void *ext, size_t len)
{
    struct frame plain = tcp_frame(CLIENT, US, 4), f = {0};

    put_bytes(&f, plain.b, 54);
    put_bytes(&f, ext, len);
    put_bytes(&f, plain.b + 54, 24);
    IP6(&f)->next = first;
    IP6(&f)->len = lg_to_be16((uint16_t)(24 + len));
    return f;
}

TEST(Ip6, KeepsATcpSegmentWithoutItsPadding)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 3);

    f.len += 7;
    REQUIRE_EQ(rig_rx(r, &f), LG_KEEP);
    EXPECT_EQ(r->kept->len, 23);
    EXPECT_MEM(r->kept->data, f.b + 54, 23);
    EXPECT_EQ(r->pkt.sport, 0x1234);
    EXPECT_EQ(r->pkt.dport, 443);
    rig_free(r);
}

TEST(Ip6, DropsEveryTruncation)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 10);
    uint32_t whole = f.len;

    for (f.len = 14; f.len < whole; f.len++)
        rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "truncated");
    rig_free(r);
}

TEST(Ip6, DropsWrongVersionAndJumbograms)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);

    IP6(&f)->ver_flow = lg_to_be32(4u << 28);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "version 4");
    IP6(&f)->ver_flow = lg_to_be32(6u << 28 | 0xfffff);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    IP6(&f)->len = lg_to_be16(0);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "length 0");
    rig_free(r);
}

TEST(Ip6, RefusesSourcesThatCannotBe)
{
    static const char *const srcs[] = {"::",          "::1",     "ff02::1", "::ffff:192.0.2.9",
                                       "2001:db8::1", "fd00::1", "ff0e::5"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(srcs); i++) {
        struct frame f = tcp_frame(CLIENT, US, 0);
        uint8_t raw[16] = {[10] = 0xff, 0xff, 192, 0, 2, 9};
        lg_ip_t src = i == 3 ? lg_ip_v6(raw) : ip(srcs[i]);
        memcpy(IP6(&f)->src, src.b, 16);
        fix_l4(&f);
        rig_drops(r, &f, LG_STAT_DROP_IP_MARTIAN, srcs[i]);
    }
    rig_free(r);
}

TEST(Ip6, RefusesMappedDestinations)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 0);
    lg_ip_t v4 = ip("192.0.2.1"); /* ours, but not in this form on the wire */

    memcpy(IP6(&f)->dst, v4.b, 16);
    rig_drops(r, &f, LG_STAT_DROP_IP_MARTIAN, "::ffff:192.0.2.1");
    rig_free(r);
}

TEST(Ip6, RefusesDestinationsThatAreNotOurs)
{
    static const char *const dsts[] = {"2001:db8::2",      "::1", "::", "ff02::2", "ff05::1",
                                       "fe80::ff:fe00:110" /* of port 1 */};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(dsts); i++) {
        struct frame f = tcp_frame(CLIENT, dsts[i], 0);
        rig_drops(r, &f, LG_STAT_DROP_IP_NOT_OURS, dsts[i]);
    }
    struct frame f = tcp_frame(CLIENT, "ff02::1", 0);
    rig_drops(r, &f, LG_STAT_DROP_IP_NOT_OURS, "TCP to a group");
    f = tcp_frame(CLIENT, US, 0);
    memcpy(ETH(&f)->dst, "\x33\x33\x00\x00\x00\x01", 6);
    rig_drops(r, &f, LG_STAT_DROP_IP_NOT_OURS, "unicast in a multicast frame");
    rig_free(r);
}

TEST(Ip6, TakesTheLinkLocalAddressMadeOfTheMac)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame("fe80::5", "fe80::ff:fe00:10", 0);

    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    rig_free(r);
}

TEST(Ip6, WalksExtensionHeaders)
{
    static const uint8_t chain[] = {
        60, 0, 5,    2,  0,        0,        1, 0, /* hop-by-hop: router alert, PadN */
        43, 1, 1,    12, 0,        0,        0, 0,
        0,  0, 0,    0,  0,        0,        0, 0, /* destination options: PadN */
        60, 2, 4,    0,  [28] = 0, [47] = 0,       /* routing, no segments left */
        6,  0, 0x1e, 4,  1,        2,        3, 4, /* an unknown option to be skipped */
    };
    struct rig *r = rig_new();
    struct frame f = ext_frame(0, chain, sizeof chain);

    REQUIRE_EQ(rig_rx(r, &f), LG_KEEP);
    EXPECT_EQ(r->kept->len, 24);
    EXPECT_MEM(r->kept->data, f.b + 54 + sizeof chain, 24);
    rig_free(r);
}

TEST(Ip6, WalksEightExtensionHeadersButNotNine)
{
    uint8_t chain[9 * 8] = {0};
    struct rig *r = rig_new();

    for (uint32_t i = 0; i < 9; i++) {
        chain[i * 8] = 60;
        chain[i * 8 + 2] = 1;
        chain[i * 8 + 3] = 4;
    }
    chain[7 * 8] = 6;
    struct frame f = ext_frame(60, chain, 64);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    chain[7 * 8] = 60;
    chain[8 * 8] = 6;
    f = ext_frame(60, chain, 72);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "nine headers");
    rig_free(r);
}

TEST(Ip6, RefusesExtensionHeadersThatLie)
{
    struct rig *r = rig_new();
    static const uint8_t past_end[8] = {6, 200, 1, 4},
                         hop_again[16] = {0, 0, 1, 4, [8] = 6, 0, 1, 4}, segments[8] = {6, 0, 4, 1},
                         type0[24] = {6, 2, 0, 1}, opt_past[8] = {6, 0, 1, 5},
                         opt_len_missing[8] = {6, 0, 0, 0, 0, 0, 0, 1},
                         opt_discard[8] = {6, 0, 0x40, 4}, opt_jumbo[8] = {6, 0, 0xc2, 4};
    struct frame f = ext_frame(60, past_end, 8);

    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "past the end");
    f = ext_frame(0, hop_again, 16);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "hop-by-hop twice");
    f = ext_frame(43, segments, 8);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "segments left");
    f = ext_frame(43, type0, 24);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "routing type 0");
    f = ext_frame(60, opt_past, 8);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "option past its header");
    f = ext_frame(60, opt_len_missing, 8);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "option without length");
    f = ext_frame(60, opt_discard, 8);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "unknown option that forbids");
    f = ext_frame(0, opt_jumbo, 8);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "jumbo payload");
    f = ext_frame(60, "\x06", 1);
    IP6(&f)->len = lg_to_be16(1);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "one byte of header");
    rig_free(r);
}

TEST(Ip6, RefusesFragmentsButTakesAtomicOnes)
{
    static const uint8_t first[8] = {6, 0, 0, 1}, later[8] = {6, 0, 0, 8}, atomic[8] = {6};
    struct rig *r = rig_new();
    struct frame f = ext_frame(44, first, 8);

    rig_drops(r, &f, LG_STAT_DROP_IP_FRAG, "fragment");
    f = ext_frame(44, later, 8);
    rig_drops(r, &f, LG_STAT_DROP_IP_FRAG, "later fragment");
    f = ext_frame(44, atomic, 8);
    EXPECT_EQ(rig_rx(r, &f), LG_KEEP);
    EXPECT_EQ(r->pkt.dport, 443);
    IP6(&f)->len = lg_to_be16(7);
    rig_drops(r, &f, LG_STAT_DROP_IP6_HDR, "half a fragment header");
    rig_free(r);
}

TEST(Ip6, RefusesOtherProtocols)
{
    static const uint8_t protos[] = {1, 17, 41, 50, 51, 59, 132, 255};
    struct rig *r = rig_new();

    for (size_t i = 0; i < LG_ARRAY_CNT(protos); i++) {
        struct frame f = tcp_frame(CLIENT, US, 0);
        IP6(&f)->next = protos[i];
        rig_drops(r, &f, LG_STAT_DROP_IP_PROTO, "next header");
    }
    rig_free(r);
}

TEST(Ip6, DropsATcpSegmentWithABadChecksum)
{
    struct rig *r = rig_new();
    struct frame f = tcp_frame(CLIENT, US, 11);

    for (uint32_t at = 54; at < f.len; at++) {
        f.b[at] ^= 0x10;
        rig_drops(r, &f, LG_STAT_DROP_L4_CSUM, "flipped bit");
        f.b[at] ^= 0x10;
    }
    rig_free(r);
}
