/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fuzz target fed with seeded random bytes, so that its checks run in every build. */
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

TEST(TcpHostile, KeepsItsInvariantsUnderRandomBytes)
{
    static uint8_t bytes[6000];
    uint64_t x = 88172645463325252ull;
    const char *rounds = getenv("TCP_HOSTILE_ROUNDS");
    int cnt = rounds ? atoi(rounds) : 300;

    for (int i = 0; i < cnt; i++) {
        for (size_t k = 0; k < sizeof bytes; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            bytes[k] = (uint8_t)(x >> 24);
            /* offsets near 0 as often as wild ones, and sane flags */
            if ((x >> 40) % 3 == 0)
                bytes[k] = (x >> 50) % 2 ? 0 : 0x10;
        }
        LLVMFuzzerTestOneInput(bytes, sizeof bytes - (size_t)(i % 100) * 10);
    }
}
