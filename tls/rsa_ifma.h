/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rsa_ifma.h: the RSA private operation on AVX-512 IFMA, for two primes of one length. It knows
 * nothing of wolfSSL, padding or signatures. Thread any, pure; constant time in everything but the
 * length of the primes. */
#ifndef LG_RSA_IFMA_H
#define LG_RSA_IFMA_H

#include "base.h"

/* Numbers are little-endian words, (bits of a prime / 64) of each. */
struct lg_rsa_crt {
    const uint64_t *p, *q;   /* odd, highest bit set */
    const uint64_t *dp, *dq; /* exponents */
    const uint64_t *qinv;    /* 1/q mod p */
};

/* lg_rsa_ifma raises a number to the private exponent by the Chinese remainder theorem.
 *   prime_bits  1024, 1536 or 2048
 *   in, out     big endian, 2 * prime_bits / 8 bytes; may overlap. in may have any value
 *   Thread      a CPU for which lg_cpu_has_ifma() says true
 *   Cost        about 0.6, 2 and 4 million cycles; 30 KB of stack at most */
void lg_rsa_ifma(uint32_t prime_bits, const struct lg_rsa_crt *key, const uint8_t *in,
                 uint8_t *out);

#endif
