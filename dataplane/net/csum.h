/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csum.h: the Internet checksum (RFC 1071). Sums are kept in the byte order of memory, so that a
 * finished checksum is stored as it is, without swapping. */
#ifndef LG_CSUM_H
#define LG_CSUM_H

#include "base.h"
#include "be.h"
#include "ip.h"

/* lg_csum_add adds len bytes at any alignment to a partial sum. Only the last piece of a message
 * may have an odd length. A sum holds 2^31 bytes at least.
 *   sum      0, or what an earlier call returned
 *   Thread   any, pure */
uint64_t lg_csum_add(uint64_t sum, const void *p, size_t len);

/* lg_csum_fold brings a partial sum down to 16 bits, not complemented. A message that carries a
 * right checksum folds to 0xffff. */
static inline uint16_t lg_csum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* lg_csum_finish is the checksum to be stored, as it lies in memory. */
static inline lg_be16_t lg_csum_finish(uint64_t sum)
{
    return (lg_be16_t){(uint16_t)~lg_csum_fold(sum)};
}

/* lg_csum_update is a checksum after one 16-bit word of its message went from `was` to `is`.
 *   RFC      1624 equation 3 */
static inline lg_be16_t lg_csum_update(lg_be16_t csum, lg_be16_t was, lg_be16_t is)
{
    return lg_csum_finish((uint64_t)(uint16_t)~csum.be + (uint16_t)~was.be + is.be);
}

/* lg_csum_pseudo is the partial sum of the pseudo header: RFC 9293 3.1, 8200 8.1.
 *   src, dst  of one family
 *   l4_len    bytes of transport header and payload, in [0, 65535] */
uint64_t lg_csum_pseudo(const lg_ip_t *src, const lg_ip_t *dst, uint8_t proto, uint32_t l4_len);

#endif
