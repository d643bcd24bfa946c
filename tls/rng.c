/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rng.c: ChaCha20 and the generator over it. */
#include "rng.h"

#include <string.h>
#include <sys/random.h>

void lg_wipe(void *p, size_t sz)
{
    memset(p, 0, sz);
    __asm__ __volatile__("" : : "r"(p) : "memory");
}

static inline uint32_t rotl(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}

static inline void quarter(uint32_t x[16], int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotl(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotl(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotl(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotl(x[b] ^ x[c], 7);
}

void lg_chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12],
                       uint8_t out[64])
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, x[16];
    memcpy(in + 4, key, 32); /* little-endian, as this machine is */
    in[12] = counter;
    memcpy(in + 13, nonce, 12);
    memcpy(x, in, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 1, 5, 9, 13);
        quarter(x, 2, 6, 10, 14);
        quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15);
        quarter(x, 1, 6, 11, 12);
        quarter(x, 2, 7, 8, 13);
        quarter(x, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
        x[i] += in[i];
    memcpy(out, x, sizeof x);
    lg_wipe(in, sizeof in);
    lg_wipe(x, sizeof x);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the ChaCha20 core reads words in place");

static void refill(struct lg_rng *r)
{
    static const uint8_t nonce[12];
    for (uint32_t i = 0; i < LG_RNG_BUF_SZ / 64; i++)
        lg_chacha20_block(r->key, i, nonce, r->buf + (size_t)i * 64);
    memcpy(r->key, r->buf, sizeof r->key);
    lg_wipe(r->buf, sizeof r->key);
    r->left_sz = LG_RNG_BUF_SZ - sizeof r->key;
}

void lg_rng_seed_with(struct lg_rng *r, const uint8_t key[32])
{
    memcpy(r->key, key, sizeof r->key);
    r->left_sz = 0;
    r->seeded = true;
}

lg_err_t lg_rng_seed(struct lg_rng *r)
{
    uint8_t key[32];
    r->seeded = false;
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return LG_E(SYS);
    lg_rng_seed_with(r, key);
    lg_wipe(key, sizeof key);
    return LG_OK;
}

bool lg_rng_fill(struct lg_rng *r, void *out, size_t sz)
{
    uint8_t *dst = out;
    if (!r->seeded) {
        memset(out, 0, sz);
        return false;
    }
    while (sz > 0) {
        if (r->left_sz == 0)
            refill(r);
        uint32_t n = (uint32_t)LG_MIN(sz, (size_t)r->left_sz);
        uint8_t *src = r->buf + LG_RNG_BUF_SZ - r->left_sz;
        memcpy(dst, src, n);
        lg_wipe(src, n);
        r->left_sz -= n;
        dst += n;
        sz -= n;
    }
    return true;
}

void lg_rng_wipe(struct lg_rng *r)
{
    lg_wipe(r, sizeof *r);
}
