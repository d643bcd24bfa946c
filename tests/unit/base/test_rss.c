/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rss.c: the Toeplitz hash against Microsoft's verification suite, and the short way for our
 * key against the long one. */
#include "rss.h"
#include "t.h"

/* https://learn.microsoft.com/windows-hardware/drivers/network/verifying-the-rss-hash-calculation
 */
static const uint8_t ms_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                   0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                   0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                   0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static struct lg_tcp_tuple tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct lg_tcp_tuple t = {.remote_port = sport, .local_port = dport};

    EXPECT_OK(lg_ip_parse(lg_span_cstr(src), &t.remote_ip));
    EXPECT_OK(lg_ip_parse(lg_span_cstr(dst), &t.local_ip));
    return t;
}

/* The input of a received TCP segment: source, destination, ports. */
static size_t input(const struct lg_tcp_tuple *t, uint8_t in[36])
{
    size_t n = lg_ip_is_v4(&t->local_ip) ? 4 : 16;

    memcpy(in, t->remote_ip.b + 16 - n, n);
    memcpy(in + n, t->local_ip.b + 16 - n, n);
    lg_put_be16(in + 2 * n, t->remote_port);
    lg_put_be16(in + 2 * n + 2, t->local_port);
    return 2 * n + 4;
}

TEST(Rss, ToeplitzPassesMicrosoftsVerificationSuite)
{
    static const struct {
        const char *src, *dst;
        uint16_t sport, dport;
        uint32_t with_ports, without;
    } cases[] = {
        {"66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178, 0x323e8fc2},
        {"199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea, 0xd718262a},
        {"24.19.198.95", "12.22.207.184", 12898, 38024, 0x5c2b394a, 0xd2d0a5de},
        {"38.27.205.30", "209.142.163.6", 48228, 2217, 0xafc7327f, 0x82989176},
        {"153.39.163.191", "202.188.127.2", 44251, 1303, 0x10e828a2, 0x5d1809c5},
        {"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x40207d3d, 0x2cc18cd5},
        {"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0xdde51bbf, 0x0f0c461c},
        {"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024,
         0x02d1feef, 0x4b61e985},
    };

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct lg_tcp_tuple t = tuple(cases[i].src, cases[i].sport, cases[i].dst, cases[i].dport);
        uint8_t in[36];
        size_t n = input(&t, in);
        EXPECT_EQ(lg_toeplitz(ms_key, sizeof ms_key, in, n), cases[i].with_ports);
        EXPECT_EQ(lg_toeplitz(ms_key, sizeof ms_key, in, n - 4), cases[i].without);
    }
}

TEST(Rss, TheShortWayAgreesWithToeplitzAndIsSymmetric)
{
    struct lg_rss r = {0};
    uint8_t key[40];
    uint64_t x = 88172645463325252u;

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = i % 2 ? 0x5a : 0x6d;
    EXPECT(lg_rss_is_periodic(key, sizeof key));
    EXPECT(!lg_rss_is_periodic(ms_key, sizeof ms_key));
    lg_rss_init(&r, key);
    for (int i = 0; i < 2000; i++) {
        struct lg_tcp_tuple t, back;
        uint8_t in[36], *p = (uint8_t *)&t;
        for (size_t k = 0; k < sizeof t; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            p[k] = (uint8_t)x;
        }
        if (i % 2) {
            t.local_ip = lg_ip_v4(p);
            t.remote_ip = lg_ip_v4(p + 16);
        }
        uint32_t want = lg_toeplitz(key, sizeof key, in, input(&t, in));
        REQUIRE_EQ(lg_rss_hash(&r, &t), want);
        back = (struct lg_tcp_tuple){.local_ip = t.remote_ip,
                                     .remote_ip = t.local_ip,
                                     .local_port = t.remote_port,
                                     .remote_port = t.local_port};
        REQUIRE_EQ(lg_rss_hash(&r, &back), want);
    }
}

TEST(Rss, FindsTheQueueInTheTable)
{
    struct lg_rss r = {.reta_mask = 127, .has_ip4 = true};
    struct lg_tcp_tuple t = tuple("192.0.2.1", 80, "192.0.2.2", 40000);
    uint32_t per_queue[4] = {0};

    lg_rss_init(&r, (const uint8_t[]){0x6d, 0x5a});
    for (uint32_t i = 0; i < 128; i++)
        r.reta[i] = i % 4;
    EXPECT(lg_rss_covers(&r, &t.remote_ip));
    for (uint32_t p = 32768; p < 32768 + 16384; p++) {
        t.local_port = (uint16_t)p;
        per_queue[lg_rss_queue(&r, &t)]++;
    }
    for (int q = 0; q < 4; q++) /* ports reach every queue alike: the hash is linear */
        EXPECT_EQ(per_queue[q], 4096);
    t = tuple("2001:db8::1", 80, "2001:db8::2", 40000);
    EXPECT(!lg_rss_covers(&r, &t.remote_ip));
}
