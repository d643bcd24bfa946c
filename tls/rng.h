/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rng.h: one thread's generator of random bytes: ChaCha20 with fast key erasure. Each refill
 * makes a block of keystream whose first 32 bytes become the next key at once, and bytes are wiped
 * as they are handed out: whoever reads the state later learns nothing about the past.
 *
 * It knows nothing of wolfSSL (wolf_hooks.c connects them) and makes a system call only in
 * lg_rng_seed. The process must not fork afterwards.
 * After Bernstein, "Fast-key-erasure random-number generators" (2017). RFC 8439 2.3 */
#ifndef LG_RNG_H
#define LG_RNG_H

#include "base.h"
#include "err.h"

#define LG_RNG_BUF_SZ 768 /* twelve ChaCha20 blocks */

struct lg_rng {
    bool seeded;
    uint32_t left_sz; /* bytes not handed out yet: the last left_sz of buf */
    uint8_t key[32];
    uint8_t buf[LG_RNG_BUF_SZ];
};

/* lg_rng_seed takes 32 bytes from the kernel. Thread boot or control.
 *   Returns  LG_OK, or LG_E(SYS): the generator stays unseeded and gives nothing */
LG_MUST lg_err_t lg_rng_seed(struct lg_rng *r);
/* lg_rng_seed_with is for tests: a fixed key. */
void lg_rng_seed_with(struct lg_rng *r, const uint8_t key[32]);
/* lg_rng_fill writes sz bytes; false (out wiped): not seeded. Thread owner. */
LG_MUST bool lg_rng_fill(struct lg_rng *r, void *out, size_t sz);
void lg_rng_wipe(struct lg_rng *r);

/* lg_chacha20_block writes 64 bytes of keystream. RFC 8439 2.3 */
void lg_chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12],
                       uint8_t out[64]);
/* lg_wipe zeroes memory in a way the compiler keeps. */
void lg_wipe(void *p, size_t sz);

#endif
