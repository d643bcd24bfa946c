/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csum.c: the Internet checksum. 32-bit words are added into 64-bit lanes, so no carry is ever
 * lost and none has to be looked after until the fold. */
#include "csum.h"

#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>

/* Adds whole blocks of 64 bytes; returns how many bytes those were. */
static size_t add_blocks(uint64_t *sum, const uint8_t *p, size_t len)
{
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i a = _mm256_setzero_si256(), b = a;
    uint64_t lane[4];
    size_t done = 0;

    for (; len - done >= 64; done += 64) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(p + done));
        __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(p + done + 32));
        a = _mm256_add_epi64(a, _mm256_and_si256(x, low));
        b = _mm256_add_epi64(b, _mm256_srli_epi64(x, 32));
        a = _mm256_add_epi64(a, _mm256_and_si256(y, low));
        b = _mm256_add_epi64(b, _mm256_srli_epi64(y, 32));
    }
    _mm256_storeu_si256((__m256i *)(void *)lane, _mm256_add_epi64(a, b));
    *sum += lane[0] + lane[1] + lane[2] + lane[3];
    return done;
}
#else
static size_t add_blocks(uint64_t *sum, const uint8_t *p, size_t len)
{
    size_t done = 0;

    for (; len - done >= 16; done += 16) {
        uint32_t w[4];
        memcpy(w, p + done, sizeof w);
        *sum += (uint64_t)w[0] + w[1] + w[2] + w[3];
    }
    return done;
}
#endif

uint64_t lg_csum_add(uint64_t sum, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint32_t w32;
    uint16_t w16;

    if (len >= 64) {
        size_t done = add_blocks(&sum, p, len);
        p += done;
        len -= done;
    }
    for (; len >= 4; p += 4, len -= 4) {
        memcpy(&w32, p, 4);
        sum += w32;
    }
    if (len >= 2) {
        memcpy(&w16, p, 2);
        sum += w16;
        p += 2;
        len -= 2;
    }
    return len ? sum + *p : sum; /* the odd byte is the first of its word; its partner is zero */
}

uint64_t lg_csum_pseudo(const lg_ip_t *src, const lg_ip_t *dst, uint8_t proto, uint32_t l4_len)
{
    /* One shape for both families: the length's upper half and the zeroes add nothing. */
    uint64_t sum = (uint64_t)lg_to_be16((uint16_t)l4_len).be + lg_to_be16(proto).be;
    size_t skip = lg_ip_is_v4(src) ? 12 : 0;

    sum = lg_csum_add(sum, src->b + skip, 16 - skip);
    return lg_csum_add(sum, dst->b + skip, 16 - skip);
}
