/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x25519_ifma.c: one ladder, its four field operations of each stage side by side.
 *
 * A vector has four lanes, each for another field element; five of them are the limbs, in radix
 * 2^51. The ladder's state is [x2 z2 x3 z3]. A step of RFC 7748 is then three multiplications:
 *
 *      [a b c d]    = [x2+z2 x2-z2 x3+z3 x3-z3]       e = aa - bb
 *      [aa bb da cb] = [a b d c] * [a b a b]
 *      [x2 z2 x3 t]  = [aa e da+cb da-cb] * [bb aa+121665e da+cb da-cb]
 *      [x2 z2 x3 z3] = [x2 z2 x3 t] * [1 1 1 u]
 *
 * The swap of RFC 7748 is in the permutations that make the first multiplication's factors.
 *
 * Bounds: factors have limbs below 2^52, which is all that the multiplier reads. A product leaves
 * limbs below 2^51 + 2^15 (reduce). A sum or difference of those, with 2p added to stay positive,
 * is below 2^53, and one pass of carries brings it below 2^51 + 2^7.
 *
 * Compiled for AVX-512: to be entered after lg_cpu_has_ifma() only. */
#include "x25519_ifma.h"

#include "rng.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#define FIVE(i) _Pragma("GCC unroll 5") for (int i = 0; i < 5; i++)
#define LIMB_MASK ((INT64_C(1) << 51) - 1)

typedef __m256i v4;

/* times19 of lanes below 2^59. */
ALWAYS v4 times19(v4 x)
{
    return _mm256_add_epi64(_mm256_add_epi64(x, _mm256_slli_epi64(x, 1)), _mm256_slli_epi64(x, 4));
}

/* carry: one pass, all limbs at once. */
ALWAYS void carry(v4 r[5])
{
    const v4 mask = _mm256_set1_epi64x(LIMB_MASK);
    v4 c[5];
    FIVE(i) c[i] = _mm256_srli_epi64(r[i], 51);
    FIVE(i) r[i] = _mm256_and_si256(r[i], mask);
    r[0] = _mm256_add_epi64(r[0], times19(c[4]));
    r[1] = _mm256_add_epi64(r[1], c[0]);
    r[2] = _mm256_add_epi64(r[2], c[1]);
    r[3] = _mm256_add_epi64(r[3], c[2]);
    r[4] = _mm256_add_epi64(r[4], c[3]);
}

/* mul: r = a * b. A product of limbs i and j is lo + 2^52 hi: lo counts at limb i + j, hi twice at
 * the one above. Columns are below 2^56, with the upper five folded down 19 times below 2^61. */
ALWAYS void mul(v4 r[5], const v4 a[5], const v4 b[5])
{
    const v4 zero = _mm256_setzero_si256();
    v4 lo[10], hi[10];
    _Pragma("GCC unroll 10") for (int k = 0; k < 10; k++) lo[k] = hi[k] = zero;
    FIVE(i)
    {
        FIVE(j) lo[i + j] = _mm256_madd52lo_epu64(lo[i + j], a[i], b[j]);
        FIVE(j) hi[i + j + 1] = _mm256_madd52hi_epu64(hi[i + j + 1], a[i], b[j]);
    }
    _Pragma("GCC unroll 10") for (int k = 0; k < 10; k++) lo[k] =
        _mm256_add_epi64(lo[k], _mm256_add_epi64(hi[k], hi[k]));
    FIVE(k) r[k] = _mm256_add_epi64(lo[k], times19(lo[k + 5]));
    carry(r);
}

/* sums: out = q + r; in the lanes of `minus` q - r; only q outside those of `some`. */
ALWAYS void sums(v4 out[5], const v4 q[5], const v4 r[5], __mmask8 minus, __mmask8 some)
{
    const v4 p0 = _mm256_set1_epi64x(2 * (LIMB_MASK - 18)), p = _mm256_set1_epi64x(2 * LIMB_MASK);
    FIVE(i)
    {
        v4 t = _mm256_mask_sub_epi64(r[i], minus, i ? p : p0, r[i]);
        out[i] = _mm256_mask_add_epi64(q[i], some, q[i], t);
    }
    carry(out);
}

ALWAYS void step(v4 s[5], const v4 one_u[5], v4 idx1, v4 idx2)
{
    const v4 k121665 = _mm256_setr_epi64x(0, 121665, 0, 0);
    v4 even[5], odd[5], p[5], f[5], g[5], m[5], h[5];
    FIVE(i)
    {
        even[i] = _mm256_unpacklo_epi64(s[i], s[i]);
        odd[i] = _mm256_unpackhi_epi64(s[i], s[i]);
    }
    sums(p, even, odd, 0xa, 0xf); /* a b c d */
    FIVE(i)
    {
        f[i] = _mm256_permutexvar_epi64(idx1, p[i]);
        g[i] = _mm256_permutexvar_epi64(idx2, p[i]);
    }
    mul(m, f, g); /* aa bb da cb */
    FIVE(i)
    {
        even[i] = _mm256_unpacklo_epi64(m[i], m[i]);
        odd[i] = _mm256_unpackhi_epi64(m[i], m[i]);
    }
    sums(f, even, odd, 0xa, 0xe); /* aa e da+cb da-cb */
    FIVE(i)
    {
        g[i] = _mm256_mask_mov_epi64(_mm256_mask_mov_epi64(f[i], 0x1, odd[i]), 0x2, even[i]);
        h[i] = _mm256_madd52hi_epu64(_mm256_setzero_si256(), f[i], k121665);
        g[i] = _mm256_madd52lo_epu64(g[i], f[i], k121665);
        h[i] = _mm256_add_epi64(h[i], h[i]);
    }
    g[0] = _mm256_add_epi64(g[0], times19(h[4]));
    _Pragma("GCC unroll 4") for (int i = 1; i < 5; i++) g[i] = _mm256_add_epi64(g[i], h[i - 1]);
    carry(g); /* bb aa+121665e da+cb da-cb */
    mul(m, f, g);
    mul(s, m, one_u);
}

static void limbs_of(uint64_t l[5], const uint8_t u[32])
{
    uint64_t w[4];
    memcpy(w, u, sizeof w);
    l[0] = w[0] & LIMB_MASK;
    l[1] = (w[0] >> 51 | w[1] << 13) & LIMB_MASK;
    l[2] = (w[1] >> 38 | w[2] << 26) & LIMB_MASK;
    l[3] = (w[2] >> 25 | w[3] << 39) & LIMB_MASK;
    l[4] = w[3] >> 12 & LIMB_MASK;
}

/* words_of: limbs below 2^52 to words below 2^255. */
static void words_of(uint64_t w[4], const v4 s[5], int lane)
{
    uint64_t l[5], c = 0;
    for (int i = 0; i < 5; i++)
        memcpy(&l[i], (const uint8_t *)&s[i] + 8 * lane, 8);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 5; i++) {
            l[i] += c;
            c = l[i] >> 51;
            l[i] &= LIMB_MASK;
        }
        c *= 19;
    }
    l[0] += c; /* after two passes a carry out leaves l[0] small */
    w[0] = l[0] | l[1] << 51;
    w[1] = l[1] >> 13 | l[2] << 38;
    w[2] = l[2] >> 26 | l[3] << 25;
    w[3] = l[3] >> 39 | l[4] << 12;
    lg_wipe(l, sizeof l);
}

void lg_x25519_ladder(uint64_t x[4], uint64_t z[4], const uint8_t k[32], const uint8_t u[32])
{
    const v4 straight1 = _mm256_setr_epi64x(0, 1, 3, 2), straight2 = _mm256_setr_epi64x(0, 1, 0, 1);
    v4 s[5], one_u[5];
    uint64_t l[5];
    int64_t before = 0;
    limbs_of(l, u);
    FIVE(i)
    {
        int64_t one = i == 0;
        s[i] = _mm256_setr_epi64x(one, 0, (int64_t)l[i], one);
        one_u[i] = _mm256_setr_epi64x(one, one, one, (int64_t)l[i]);
    }
    for (int bit = 254; bit >= 0; bit--) {
        int64_t now = k[bit / 8] >> (bit % 8) & 1;
        const v4 swap = _mm256_set1_epi64x((now ^ before) << 1);
        step(s, one_u, _mm256_xor_si256(straight1, swap), _mm256_xor_si256(straight2, swap));
        before = now;
    }
    /* The last bit of a clamped scalar is 0: nothing is left to be swapped. */
    words_of(x, s, 0);
    words_of(z, s, 1);
    lg_wipe(s, sizeof s);
}
