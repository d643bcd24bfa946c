/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sha512_lanes.c: one body, compiled for vectors of four and of eight lanes. Compiled for AVX-512:
 * to be entered after lg_cpu_has_ifma() only. */
#include "sha512_lanes.h"

#include <immintrin.h>

static const uint64_t k512[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

#define ROUND(P, set1, a, b, c, d, e, f, g, h, i)                                                  \
    do {                                                                                           \
        h = P##_add_epi64(h, P##_add_epi64(w[(i)&15], set1((long long)k512[i])));                  \
        h = P##_add_epi64(h, P##_ternarylogic_epi64(e, f, g, 0xca));                               \
        h = P##_add_epi64(h, P##_ternarylogic_epi64(P##_ror_epi64(e, 14), P##_ror_epi64(e, 18),    \
                                                    P##_ror_epi64(e, 41), 0x96));                  \
        d = P##_add_epi64(d, h);                                                                   \
        h = P##_add_epi64(h, P##_ternarylogic_epi64(a, b, c, 0xe8));                               \
        h = P##_add_epi64(h, P##_ternarylogic_epi64(P##_ror_epi64(a, 28), P##_ror_epi64(a, 34),    \
                                                    P##_ror_epi64(a, 39), 0x96));                  \
    } while (0)

#define NEXT(P, i)                                                                                 \
    do {                                                                                           \
        w[(i)&15] = P##_add_epi64(                                                                 \
            P##_add_epi64(w[(i)&15], w[((i) + 9) & 15]),                                           \
            P##_add_epi64(P##_ternarylogic_epi64(P##_ror_epi64(w[((i) + 1) & 15], 1),              \
                                                 P##_ror_epi64(w[((i) + 1) & 15], 8),              \
                                                 P##_srli_epi64(w[((i) + 1) & 15], 7), 0x96),      \
                          P##_ternarylogic_epi64(P##_ror_epi64(w[((i) + 14) & 15], 19),            \
                                                 P##_ror_epi64(w[((i) + 14) & 15], 61),            \
                                                 P##_srli_epi64(w[((i) + 14) & 15], 6), 0x96)));   \
    } while (0)

#define EIGHT(P, set1, i)                                                                          \
    do {                                                                                           \
        ROUND(P, set1, s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], (i));                       \
        ROUND(P, set1, s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], (i) + 1);                   \
        ROUND(P, set1, s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], (i) + 2);                   \
        ROUND(P, set1, s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], (i) + 3);                   \
        ROUND(P, set1, s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], (i) + 4);                   \
        ROUND(P, set1, s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], (i) + 5);                   \
        ROUND(P, set1, s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], (i) + 6);                   \
        ROUND(P, set1, s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], (i) + 7);                   \
    } while (0)

#define DEFINE(name, v, P, set1)                                                                   \
    static void name(struct lg_sha512_lanes *l)                                                    \
    {                                                                                              \
        v w[16], s[8];                                                                             \
        _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) w[i] = *(const v *)l->block[i];      \
        _Pragma("GCC unroll 8") for (int i = 0; i < 8; i++) s[i] = *(const v *)l->state[i];        \
        EIGHT(P, set1, 0);                                                                         \
        EIGHT(P, set1, 8);                                                                         \
        for (int i = 16; i < 80; i += 16) {                                                        \
            _Pragma("GCC unroll 16") for (int j = 0; j < 16; j++) NEXT(P, j);                      \
            EIGHT(P, set1, i);                                                                     \
            EIGHT(P, set1, i + 8);                                                                 \
        }                                                                                          \
        _Pragma("GCC unroll 8") for (int i = 0; i < 8; i++) * (v *)l->state[i] =                   \
            P##_add_epi64(s[i], *(const v *)l->state[i]);                                          \
    }

DEFINE(four, __m256i, _mm256, _mm256_set1_epi64x)
DEFINE(eight, __m512i, _mm512, _mm512_set1_epi64)

void lg_sha512_lanes(struct lg_sha512_lanes *l, uint32_t cnt)
{
    if (cnt <= LG_SHA512_LANES / 2)
        four(l);
    else
        eight(l);
}
