/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rss.c: the Toeplitz hash, for any key and for keys that repeat one word. */
#include "rss.h"

/* The 32 bits of the key from bit `at` on. */
static uint32_t window(const uint8_t *key, size_t key_len, size_t at)
{
    uint64_t w = 0;

    for (size_t i = 0; i < 5; i++)
        w = w << 8 | (at / 8 + i < key_len ? key[at / 8 + i] : 0);
    return (uint32_t)(w >> (8 - at % 8));
}

uint32_t lg_toeplitz(const uint8_t *key, size_t key_len, const uint8_t *in, size_t len)
{
    uint32_t hash = 0;

    for (size_t bit = 0; bit < len * 8; bit++)
        if (in[bit / 8] & 0x80 >> bit % 8)
            hash ^= window(key, key_len, bit);
    return hash;
}

bool lg_rss_is_periodic(const uint8_t *key, size_t key_len)
{
    for (size_t i = 2; i < key_len; i++)
        if (key[i] != key[i - 2])
            return false;
    return key_len >= 2;
}

void lg_rss_init(struct lg_rss *r, const uint8_t word[2])
{
    uint8_t key[6] = {word[0], word[1], word[0], word[1], word[0], word[1]};

    for (uint32_t i = 0; i < 256; i++) {
        uint8_t hi[2] = {(uint8_t)i, 0}, lo[2] = {0, (uint8_t)i};
        r->hash_hi[i] = lg_toeplitz(key, sizeof key, hi, 2);
        r->hash_lo[i] = lg_toeplitz(key, sizeof key, lo, 2);
    }
}
