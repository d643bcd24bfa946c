/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_hostile.c: frames with random damage, through the fuzzer's entry: nothing may be read past
 * its end (the sanitizers see that), every buf comes back, every drop is counted once. */
#include "rig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t good_frames(struct frame out[12])
{
    static const uint8_t ext[16] = {60, 0, 5, 2, 0, 0, 1, 0, 6, 0, 1, 4, 0, 0, 0, 0};
    struct frame plain = tcp_frame("2001:db8::50", "2001:db8::1", 4), f = {0};
    uint8_t quote[48] = {[4] = 0x45, [13] = 6, [16] = 192, 0, 2, 1, 10, 0, 0, 1};
    uint32_t n = 0;

    put_bytes(&f, plain.b, 54);
    put_bytes(&f, ext, sizeof ext);
    put_bytes(&f, plain.b + 54, 24);
    IP6(&f)->next = 0;
    IP6(&f)->len = lg_to_be16(24 + sizeof ext);
    out[n++] = f;
    out[n++] = plain;
    out[n++] = tcp_frame("192.0.2.50", "192.0.2.1", 30);
    out[n++] = arp_frame(LG_ARP_REQUEST, mac_peer, "192.0.2.50", "192.0.2.1", mac_bcast);
    out[n++] = arp_frame(LG_ARP_REPLY, mac_peer, "192.0.2.254", "192.0.2.1", mac_front);
    out[n++] = ns_frame("2001:db8::50", "2001:db8::1", mac_peer);
    out[n++] = ns_frame("::", "2001:db8::1", NULL);
    out[n++] = na_frame("2001:db8::50", "2001:db8::1", "2001:db8::50", mac_peer, LG_NA_OVERRIDE);
    out[n++] = icmp_frame("192.0.2.50", "192.0.2.1", LG_ICMP4_ECHO, 0, quote, sizeof quote);
    out[n++] = icmp_frame("2001:db8::50", "2001:db8::1", LG_ICMP6_ECHO, 0, quote, sizeof quote);
    out[n++] = icmp_frame("192.0.2.50", "192.0.2.1", LG_ICMP4_UNREACH, 3, quote, sizeof quote);
    out[n++] = icmp_frame("2001:db8::50", "2001:db8::1", LG_ICMP6_UNREACH, 4, quote, sizeof quote);
    return n;
}

static void damage(struct frame *f, unsigned *seed)
{
    int hits = rand_r(seed) % 5;

    for (int i = 0; i < hits; i++) {
        uint32_t at = 12 + (uint32_t)rand_r(seed) % (f->len - 12);
        f->b[at] = rand_r(seed) % 2 ? (uint8_t)rand_r(seed) : f->b[at] ^ 0x80;
    }
    if (rand_r(seed) % 4 == 0)
        f->len = (uint32_t)rand_r(seed) % (f->len + 1);
}

TEST(Hostile, SurvivesDamagedFrames)
{
    static struct frame good[12];
    uint32_t cnt = good_frames(good);
    struct rig *r = rig_new();
    unsigned seed = 20261123;

    for (int i = 0; i < 60000; i++) {
        struct frame f = good[(uint32_t)rand_r(&seed) % cnt];
        damage(&f, &seed);
        f.port = (uint16_t)(rand_r(&seed) % 2);
        struct lg_stats was = r->stats;
        enum lg_verdict v = rig_rx(r, &f);
        uint64_t drops = 0;
        for (uint32_t s = LG_STAT_DROP_ETH; s <= LG_STAT_DROP_ND; s++)
            drops += r->stats.v[s] - was.v[s];
        drops += rig_stat(r, LG_STAT_DROP_TCP_HDR) - was.v[LG_STAT_DROP_TCP_HDR];
        EXPECT_EQ(drops, v == LG_DROP);
        r->now += LG_MS(1);
        lg_net_poll(r->net, r->now);
    }
    rig_free(r);
}

TEST(Hostile, SurvivesTheFuzzersWayOfFeedingFrames)
{
    static struct frame good[12];
    uint32_t cnt = good_frames(good);
    uint8_t input[8192];
    unsigned seed = 7;

    for (int round = 0; round < 2000; round++) {
        size_t len = 0;
        for (int i = 0; i < 8; i++) {
            struct frame f = good[(uint32_t)rand_r(&seed) % cnt];
            damage(&f, &seed);
            input[len++] = (uint8_t)rand_r(&seed);
            lg_put_be16(input + len, (uint16_t)f.len);
            memcpy(input + len + 2, f.b, f.len);
            len += 2 + f.len;
        }
        EXPECT_EQ(LLVMFuzzerTestOneInput(input, len), 0);
    }
}
