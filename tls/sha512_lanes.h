/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sha512_lanes.h: the compression function of SHA-512 (and SHA-384) on up to eight messages at
 * once, in AVX-512. Thread any, pure, constant time; a CPU for which lg_cpu_has_ifma() says true.
 * FIPS 180-4 6.4.2 */
#ifndef LG_SHA512_LANES_H
#define LG_SHA512_LANES_H

#include "base.h"

#define LG_SHA512_LANES 8

struct lg_sha512_lanes {
    alignas(64) uint64_t state[8][LG_SHA512_LANES]; /* a word of all lanes, then the next */
    uint64_t block[16][LG_SHA512_LANES];            /* likewise; numbers, not bytes */
};

/* lg_sha512_lanes takes one block of each of the first `cnt` lanes, in [1,8], into its state; the
 * others are undefined afterwards. Up to four cost half of what five to eight do. */
void lg_sha512_lanes(struct lg_sha512_lanes *l, uint32_t cnt);

#endif
