/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x25519_ifma.h: the Montgomery ladder of X25519 on AVX-512 IFMA. Thread any, pure, constant time;
 * a CPU for which lg_cpu_has_ifma() says true. RFC 7748 5 */
#ifndef LG_X25519_IFMA_H
#define LG_X25519_IFMA_H

#include "base.h"

/* lg_x25519_ladder: the point with u-coordinate u, times k, as a fraction x / z modulo 2^255 - 19.
 *   k     clamped, little endian
 *   u     little endian; the highest bit is ignored, values from 2^255 - 19 on are reduced
 *   x, z  four 64-bit words each, below 2^255; z is zero for the neutral element */
void lg_x25519_ladder(uint64_t x[4], uint64_t z[4], const uint8_t k[32], const uint8_t u[32]);

#endif
