/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_csum.c: the Internet checksum against RFC 1071's example and a naive sum. */
#include "csum.h"
#include "rig.h"

#include <stdlib.h>

TEST(Csum, SumsRfc1071Example)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    EXPECT_EQ(lg_from_be16((lg_be16_t){lg_csum_fold(lg_csum_add(0, bytes, 8))}), 0xddf2);
    EXPECT_EQ(lg_from_be16(lg_csum_finish(lg_csum_add(0, bytes, 8))), 0x220d);
}

TEST(Csum, SumsAKnownIpv4Header)
{
    static const uint8_t hdr[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                    0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

    EXPECT_EQ(lg_from_be16(lg_csum_finish(lg_csum_add(0, hdr, sizeof hdr))), 0xb861);
}

TEST(Csum, AgreesWithTheNaiveSumAtEveryLengthAndAlignment)
{
    uint8_t *bytes = malloc(4096 + 64);
    unsigned seed = 1;

    for (size_t i = 0; i < 4096 + 64; i++)
        bytes[i] = (uint8_t)(rand_r(&seed) >> 7);
    for (size_t len = 0; len < 700; len++)
        for (size_t off = 0; off < 9; off++)
            EXPECT_EQ(lg_from_be16(lg_csum_finish(lg_csum_add(0, bytes + off, len))),
                      naive_csum(0, bytes + off, len));
    for (size_t len = 700; len <= 4096; len += 97)
        EXPECT_EQ(lg_from_be16(lg_csum_finish(lg_csum_add(0, bytes + 3, len))),
                  naive_csum(0, bytes + 3, len));
    free(bytes);
}

TEST(Csum, LosesNoCarry)
{
    size_t len = 65536;
    uint8_t *ones = malloc(len);

    memset(ones, 0xff, len);
    EXPECT_EQ(lg_csum_fold(lg_csum_add(0, ones, len)), 0xffff);
    EXPECT_EQ(lg_csum_fold(lg_csum_add(lg_csum_add(0, ones, len), ones, len)), 0xffff);
    EXPECT_EQ(lg_csum_fold(0), 0);
    free(ones);
}

TEST(Csum, JoinsPieces)
{
    uint8_t bytes[200];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 2) {
        uint64_t sum = lg_csum_add(0, bytes, cut);
        sum = lg_csum_add(sum, bytes + cut, sizeof bytes - cut);
        EXPECT_EQ(lg_csum_fold(sum), lg_csum_fold(lg_csum_add(0, bytes, sizeof bytes)));
    }
}

TEST(Csum, UpdatesLikeASumFromScratch)
{
    uint8_t bytes[40] = {0};
    unsigned seed = 7;

    for (int i = 0; i < 10000; i++) {
        lg_be16_t was, is = {(uint16_t)rand_r(&seed)}, csum;
        csum = lg_csum_finish(lg_csum_add(0, bytes, sizeof bytes));
        size_t at = (size_t)(rand_r(&seed) % 20) * 2;
        memcpy(&was, bytes + at, 2);
        memcpy(bytes + at, &is, 2);
        uint64_t rest = lg_csum_add(0, bytes, sizeof bytes);
        lg_be16_t updated = lg_csum_update(csum, was, is);
        /* Zero has two forms in one's complement: what counts is that the receiver agrees. */
        EXPECT_EQ(lg_csum_fold(rest + updated.be), 0xffff);
    }
}

TEST(Csum, SumsThePseudoHeaderOfBothFamilies)
{
    lg_ip_t a4 = ip("192.0.2.1"), b4 = ip("198.51.100.7"), a6 = ip("2001:db8::1"),
            b6 = ip("2001:db8:ffff::abcd");
    uint16_t want4 = (uint16_t)~naive_csum(naive_pseudo(&a4, &b4, 6, 1480), NULL, 0);
    uint16_t want6 = (uint16_t)~naive_csum(naive_pseudo(&a6, &b6, 58, 65535), NULL, 0);

    EXPECT_EQ(lg_from_be16((lg_be16_t){lg_csum_fold(lg_csum_pseudo(&a4, &b4, 6, 1480))}), want4);
    EXPECT_EQ(lg_from_be16((lg_be16_t){lg_csum_fold(lg_csum_pseudo(&a6, &b6, 58, 65535))}), want6);
}
