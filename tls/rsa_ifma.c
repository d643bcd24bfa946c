/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rsa_ifma.c: the RSA private operation, both primes at once.
 *
 * Numbers are in radix 2^52, and a vector holds four limbs of the number modulo p and four of the
 * number modulo q, in turn:
 *
 *      vector k:   p[4k] q[4k] p[4k+1] q[4k+1] p[4k+2] q[4k+2] p[4k+3] q[4k+3]
 *
 * so that every instruction works for both halves of the Chinese remainder theorem, and the
 * multiplication that decides the speed (mul, Montgomery's, one limb at a time) keeps the
 * multipliers busy although each of its steps waits for the one before. It is "almost" Montgomery:
 * a * b / R comes out below a * b / R + n. R = 2^(52 * limbs) is at least 2^16 n, so with factors
 * below 4 n the product is below n (1 + 2^-12), and nothing is subtracted until the end. One factor
 * may be anything below R (load).
 *
 * Constant time: no branch and no address depends on a secret. Windows of five bits; a table is
 * read by masking all of its entries. What is on the stack is wiped.
 *
 * This file is compiled for AVX-512 and must be entered after lg_cpu_has_ifma() only. */
#include "rsa_ifma.h"

#include "rng.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

typedef __m512i v8;

enum { NB_MAX = 10, W_MAX = 32, WIN = 5, TABLE = 1 << WIN, LIMB = 52 };
#define LIMB_MASK ((UINT64_C(1) << LIMB) - 1)

/* What one size of primes needs to know. */
struct size {
    int nb;       /* vectors of a number; R = 2^(208 * nb) */
    int words;    /* 64-bit words of a prime */
    int r2_first; /* the way to R^2: 2^r2_first by doubling in Montgomery form, */
    int r2_step;  /* then squarings, */
    int r2_twice; /* and one more doubling after so many of them; -1: none */
};

ALWAYS struct size size_of(int nb)
{
    /* 1040 = (8 * 2^3 + 1) * 2^4; 1664 = 13 * 2^7; 2080 = (8 * 2^3 + 1) * 2^5 */
    return nb == 5   ? (struct size){5, 16, 8, 7, 3}
           : nb == 8 ? (struct size){8, 24, 13, 7, -1}
                     : (struct size){10, 32, 8, 8, 3};
}

/* Everything secret that is no register. */
struct work {
    v8 n[NB_MAX], one[NB_MAX], r2[NB_MAX], x[NB_MAX + 1], y[NB_MAX + 1], table[TABLE][NB_MAX];
    v8 k0; /* -1/n mod 2^52 */
    uint64_t in[2 * W_MAX + 2], a[W_MAX + 2], b[W_MAX + 2], h[W_MAX + 2], prod[2 * W_MAX];
};

/* ---------------------------------------------------------------- vectors */

/* pair: p in all lanes of the first prime, q in those of the second. */
ALWAYS v8 pair(uint64_t p, uint64_t q)
{
    return _mm512_broadcast_i64x2(_mm_set_epi64x((long long)q, (long long)p));
}

/* ripple: bytes hold a bit for each limb of a vector. In: gen, the limbs that hand a carry up; all,
 * those of all ones, which hand one on. Out: gen, the limbs that get one. An addition runs the
 * carries, for either prime with the bits of the other set so that they hand carries on. */
ALWAYS void ripple(uint64_t gen[2], const uint64_t all[2], const int nb)
{
    const uint64_t p = UINT64_C(0x5555555555555555), q = ~p;
    uint64_t all_p = all[0] | q, all_q = all[0] | p, g_p = gen[0] & p, g_q = gen[0] & q;
    unsigned long long sum_p, sum_q;
    unsigned char c_p = _addcarry_u64(0, g_p << 1, all_p, &sum_p);
    unsigned char c_q = _addcarry_u64(0, g_q << 1, all_q, &sum_q);
    gen[0] = ((sum_p ^ all_p) & p) | ((sum_q ^ all_q) & q);
    if (nb > 8) {
        uint64_t up_p = (gen[1] & p) << 1 | c_p, up_q = (gen[1] & q) << 1 | c_q | g_q >> 63;
        all_p = all[1] | q;
        all_q = all[1] | p;
        gen[1] = (((up_p + all_p) ^ all_p) & p) | (((up_q + all_q) ^ all_q) & q);
    }
}

/* carry: lanes of t above 52 bits to less, and the sum is the same number with every limb below
 * 2^52. A first pass leaves carries of one at most; they run through limbs of all ones, which an
 * addition of masks does at once: a bit for each limb, those of the other prime set so that they
 * hand carries on. */
ALWAYS void carry(v8 *t, const int nb)
{
    const v8 mask = _mm512_set1_epi64((long long)LIMB_MASK);
    v8 c[NB_MAX];
    uint64_t gen[2] = {0}, all[2] = {0};
    UNROLL
    for (int k = 0; k < nb; k++)
        c[k] = _mm512_srli_epi64(t[k], LIMB);
    t[0] = _mm512_add_epi64(_mm512_and_epi64(t[0], mask),
                            _mm512_alignr_epi64(c[0], _mm512_setzero_si512(), 6));
    UNROLL
    for (int k = 1; k < nb; k++)
        t[k] =
            _mm512_add_epi64(_mm512_and_epi64(t[k], mask), _mm512_alignr_epi64(c[k], c[k - 1], 6));
    UNROLL
    for (int k = 0; k < nb; k++) {
        gen[k / 8] |= (uint64_t)_mm512_cmpgt_epu64_mask(t[k], mask) << 8 * (k % 8);
        all[k / 8] |= (uint64_t)_mm512_cmpeq_epu64_mask(t[k], mask) << 8 * (k % 8);
    }
    ripple(gen, all, nb);
    const v8 one = _mm512_set1_epi64(1);
    UNROLL
    for (int k = 0; k < nb; k++)
        t[k] = _mm512_and_epi64(
            _mm512_mask_add_epi64(t[k], (__mmask8)(gen[k / 8] >> 8 * (k % 8)), t[k], one), mask);
}

/* factor: what the modulus is to be multiplied by so that the lowest limb of t becomes zero. */
ALWAYS v8 factor(v8 t, v8 k0)
{
    v8 m = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t, k0);
    return _mm512_shuffle_i64x2(m, m, 0);
}

/* step: one limb b of a multiplication. t holds all that the limbs before it gave, and the low
 * halves of this one's products; m is t's factor; next is the limb after b. The sum moves down by
 * one limb. Returns its factor, for which everything that it depends on is done first. */
ALWAYS v8 step(v8 *t, const v8 *a, const v8 *n, v8 k0, v8 m, v8 b, v8 next, const int nb)
{
    const v8 zero = _mm512_setzero_si512();
    v8 z[NB_MAX];
    UNROLL
    for (int k = 0; k < nb; k++)
        z[k] = _mm512_madd52lo_epu64(_mm512_madd52hi_epu64(zero, a[k], b), a[k], next);
    t[0] = _mm512_madd52lo_epu64(t[0], n[0], m);
    t[1] = _mm512_madd52lo_epu64(t[1], n[1], m);
    z[0] = _mm512_madd52hi_epu64(z[0], n[0], m);
    z[0] = _mm512_add_epi64(z[0], _mm512_maskz_srli_epi64(0x03, t[0], LIMB));
    t[0] = _mm512_add_epi64(z[0], _mm512_alignr_epi64(t[1], t[0], 2));
    v8 m_next = factor(t[0], k0);
    UNROLL
    for (int k = 1; k + 1 < nb; k++) {
        t[k + 1] = _mm512_madd52lo_epu64(t[k + 1], n[k + 1], m);
        z[k] = _mm512_madd52hi_epu64(z[k], n[k], m);
        t[k] = _mm512_add_epi64(z[k], _mm512_alignr_epi64(t[k + 1], t[k], 2));
    }
    z[nb - 1] = _mm512_madd52hi_epu64(z[nb - 1], n[nb - 1], m);
    t[nb - 1] = _mm512_add_epi64(z[nb - 1], _mm512_alignr_epi64(zero, t[nb - 1], 2));
    return m_next;
}

/* mul: out = a * b / R modulo the primes. out may be a or b. */
ALWAYS void mul_nb(v8 *out, const v8 *a_, const v8 *b, const v8 *n_, v8 k0, const int nb)
{
    const v8 zero = _mm512_setzero_si512();
    const __m128i *limb = (const __m128i *)b;
    v8 t[NB_MAX], a[NB_MAX], n[NB_MAX], at = _mm512_broadcast_i64x2(limb[0]);
    UNROLL
    for (int k = 0; k < nb; k++) {
        a[k] = a_[k];
        n[k] = n_[k];
        t[k] = _mm512_madd52lo_epu64(zero, a[k], at);
    }
    v8 m = factor(t[0], k0);
    for (int i = 1; i < 4 * nb; i++) {
        v8 next = _mm512_broadcast_i64x2(limb[i]);
        m = step(t, a, n, k0, m, at, next, nb);
        at = next;
    }
    step(t, a, n, k0, m, at, zero, nb);
    carry(t, nb);
    UNROLL
    for (int k = 0; k < nb; k++)
        out[k] = t[k];
}

__attribute__((noinline)) static void mul_5(v8 *out, const v8 *a, const v8 *b, const struct work *w)
{
    mul_nb(out, a, b, w->n, w->k0, 5);
}

__attribute__((noinline)) static void mul_8(v8 *out, const v8 *a, const v8 *b, const struct work *w)
{
    mul_nb(out, a, b, w->n, w->k0, 8);
}

__attribute__((noinline)) static void mul_10(v8 *out, const v8 *a, const v8 *b,
                                             const struct work *w)
{
    mul_nb(out, a, b, w->n, w->k0, 10);
}

ALWAYS void mul(v8 *out, const v8 *a, const v8 *b, const struct work *w, const int nb)
{
    if (nb == 5)
        mul_5(out, a, b, w);
    else if (nb == 8)
        mul_8(out, a, b, w);
    else
        mul_10(out, a, b, w);
}

/* pick: out = entry at_p of the table for p, at_q for q. */
ALWAYS void pick(v8 *out, const struct work *w, uint64_t at_p, uint64_t at_q, const int nb)
{
    const v8 at = pair(at_p, at_q);
    const v8 one = _mm512_set1_epi64(1);
    v8 i = _mm512_setzero_si512(), r[NB_MAX];
    UNROLL
    for (int k = 0; k < nb; k++)
        r[k] = _mm512_setzero_si512();
    for (int n = 0; n < TABLE; n++) {
        __mmask8 hit = _mm512_cmpeq_epu64_mask(at, i);
        i = _mm512_add_epi64(i, one);
        UNROLL
        for (int k = 0; k < nb; k++)
            r[k] = _mm512_mask_mov_epi64(r[k], hit, w->table[n][k]);
    }
    UNROLL
    for (int k = 0; k < nb; k++)
        out[k] = r[k];
}

/* ---------------------------------------------------------------- words and limbs */

/* to_limbs cuts cnt limbs out of words, the first at bit `from`, and puts them in every other
 * place.
 */
static void to_limbs(uint64_t *limbs, int cnt, const uint64_t *words, int word_cnt, int from)
{
    for (int i = 0; i < cnt; i++) {
        int bit = from + i * LIMB, at = bit / 64, off = bit % 64;
        uint64_t lo = at < word_cnt ? words[at] : 0;
        uint64_t hi = at + 1 < word_cnt ? words[at + 1] : 0;
        limbs[2 * i] = (uint64_t)(((unsigned __int128)hi << 64 | lo) >> off) & LIMB_MASK;
    }
}

/* to_words puts word_cnt words together. */
static void to_words(uint64_t *words, int word_cnt, const uint64_t *limbs, int cnt)
{
    memset(words, 0, (size_t)word_cnt * 8);
    for (int i = 0; i < cnt; i++) {
        int at = i * LIMB / 64, off = i * LIMB % 64;
        unsigned __int128 v = (unsigned __int128)limbs[2 * i] << off;
        if (at < word_cnt)
            words[at] |= (uint64_t)v;
        if (at + 1 < word_cnt)
            words[at + 1] |= (uint64_t)(v >> 64);
    }
}

/* pack makes vectors of the two numbers, from bit `from` of each. */
static void pack(v8 *out, const uint64_t *p, const uint64_t *q, int word_cnt, int from, int nb)
{
    to_limbs((uint64_t *)out, 4 * nb, p, word_cnt, from);
    to_limbs((uint64_t *)out + 1, 4 * nb, q, word_cnt, from);
}

static void unpack(uint64_t *p, uint64_t *q, const v8 *in, int word_cnt, int nb)
{
    to_words(p, word_cnt, (const uint64_t *)in, 4 * nb);
    to_words(q, word_cnt, (const uint64_t *)in + 1, 4 * nb);
}

/* sub: a -= b; returns the borrow. */
static uint64_t sub(uint64_t *a, const uint64_t *b, int cnt)
{
    unsigned char c = 0;
    for (int i = 0; i < cnt; i++) {
        unsigned long long d;
        c = _subborrow_u64(c, a[i], b[i], &d);
        a[i] = d;
    }
    return c;
}

/* add_if: a += b where mask is all ones; returns the carry. */
static uint64_t add_if(uint64_t *a, const uint64_t *b, uint64_t mask, int cnt)
{
    unsigned char c = 0;
    __asm__("" : "+r"(mask)); /* the compiler shall not make a branch of it */
    for (int i = 0; i < cnt; i++) {
        unsigned long long s;
        c = _addcarry_u64(c, a[i], b[i] & mask, &s);
        a[i] = s;
    }
    return c;
}

/* reduce: a -= n where top is 1 or a is not below n. */
static void reduce(uint64_t *a, uint64_t top, const uint64_t *n, int cnt)
{
    uint64_t borrow = sub(a, n, cnt);
    add_if(a, n, 0 - (borrow & (top ^ 1)), cnt);
}

/* twice: a = 2 * a mod n, a below n. */
static void twice(uint64_t *a, const uint64_t *n, int cnt)
{
    uint64_t top = 0;
    for (int i = 0; i < cnt; i++) {
        uint64_t next = a[i] >> 63;
        a[i] = a[i] << 1 | top;
        top = next;
    }
    reduce(a, top, n, cnt);
}

/* inverse: -1/n mod 2^52 of an odd n, by Newton's steps; n is right to 3 bits for itself. */
static uint64_t inverse(uint64_t n)
{
    uint64_t x = n;
    for (int i = 0; i < 5; i++)
        x *= 2 - n * x;
    return (0 - x) & LIMB_MASK;
}

/* ---------------------------------------------------------------- the operation */

/* prepare: the primes, R and R^2 modulo them. */
ALWAYS void prepare(struct work *w, const struct lg_rsa_crt *key, const int nb)
{
    const struct size s = size_of(nb);
    uint64_t kp = inverse(key->p[0]), kq = inverse(key->q[0]);
    w->k0 = pair(kp, kq);
    pack(w->n, key->p, key->q, s.words, 0, nb);
    memset(w->a, 0, sizeof w->a);
    memset(w->b, 0, sizeof w->b);
    /* 2^prime_bits - n is 2^prime_bits mod n, n having its highest bit set. */
    sub(w->a, key->p, s.words);
    sub(w->b, key->q, s.words);
    for (int i = s.words * 64; i < 208 * nb; i++) {
        twice(w->a, key->p, s.words);
        twice(w->b, key->q, s.words);
    }
    pack(w->one, w->a, w->b, s.words, 0, nb);
    for (int i = 0; i < s.r2_first; i++) {
        twice(w->a, key->p, s.words);
        twice(w->b, key->q, s.words);
    }
    /* The Montgomery forms of 2, 4, … up to that of R, which is R^2. */
    pack(w->r2, w->a, w->b, s.words, 0, nb);
    for (int i = 0; i < s.r2_step; i++) {
        if (i == s.r2_twice) {
            for (int k = 0; k < nb; k++)
                w->r2[k] = _mm512_add_epi64(w->r2[k], w->r2[k]);
            carry(w->r2, nb);
        }
        mul(w->r2, w->r2, w->r2, w, nb);
    }
}

/* load: x = in * R modulo the primes. in = hi * R + lo: lo * R2 / R + hi * R3 / R */
ALWAYS void load(struct work *w, const uint8_t *in, const int nb)
{
    const int words = size_of(nb).words;
    for (int i = 0; i < 2 * words; i++) {
        uint64_t v;
        memcpy(&v, in + (size_t)(2 * words - 1 - i) * 8, 8);
        w->in[i] = __builtin_bswap64(v);
    }
    pack(w->x, w->in, w->in, 2 * words, 0, nb);
    mul(w->x, w->x, w->r2, w, nb);
    pack(w->y, w->in, w->in, 2 * words, 208 * nb, nb);
    mul(w->y, w->y, w->r2, w, nb);
    mul(w->y, w->y, w->r2, w, nb);
    for (int k = 0; k < nb; k++)
        w->x[k] = _mm512_add_epi64(w->x[k], w->y[k]);
    carry(w->x, nb);
}

/* bits: WIN bits (or cnt of the topmost window) of an exponent from bit `from`. */
static uint64_t bits(const uint64_t *e, int from, int cnt)
{
    int at = from / 64, off = from % 64;
    uint64_t v = e[at] >> off;
    if (off + cnt > 64)
        v |= e[at + 1] << (64 - off);
    return v & ((UINT64_C(1) << cnt) - 1);
}

/* power: x = x^dp, x^dq. */
ALWAYS void power(struct work *w, const struct lg_rsa_crt *key, const int nb)
{
    const int e_bits = size_of(nb).words * 64;
    const size_t sz = (size_t)nb * sizeof(v8);
    int from = (e_bits - 1) / WIN * WIN, cnt = e_bits - from;
    memcpy(w->table[0], w->one, sz);
    memcpy(w->table[1], w->x, sz);
    for (int i = 2; i < TABLE; i++)
        mul(w->table[i], w->table[i - 1], w->x, w, nb);
    pick(w->x, w, bits(key->dp, from, cnt), bits(key->dq, from, cnt), nb);
    while (from > 0) {
        from -= WIN;
        for (int i = 0; i < WIN; i++)
            mul(w->x, w->x, w->x, w, nb);
        pick(w->y, w, bits(key->dp, from, WIN), bits(key->dq, from, WIN), nb);
        mul(w->x, w->x, w->y, w, nb);
    }
}

/* plain: words of x / R, below the primes. */
ALWAYS void plain(uint64_t *p, uint64_t *q, struct work *w, const struct lg_rsa_crt *key,
                  const int nb)
{
    const int words = size_of(nb).words;
    memset(w->y, 0, sizeof w->y);
    w->y[0] = _mm512_maskz_set1_epi64(0x03, 1);
    mul(w->x, w->x, w->y, w, nb);
    unpack(p, q, w->x, words, nb);
    reduce(p, 0, key->p, words);
    reduce(q, 0, key->q, words);
}

/* join: prod = b + q * ((a - b) / q mod p), with a and b below p and q, which are between half of
 * 2^prime_bits and the whole: b is below 2 * p. */
ALWAYS void join(struct work *w, const struct lg_rsa_crt *key, const int nb)
{
    const int words = size_of(nb).words;
    uint64_t *a = w->a, *prod = w->prod;
    uint64_t below = 0 - sub(a, w->b, words);
    below &= ~(0 - add_if(a, key->p, below, words));
    add_if(a, key->p, below, words);
    pack(w->x, key->qinv, key->qinv, words, 0, nb);
    mul(w->x, w->x, w->r2, w, nb);
    pack(w->y, a, a, words, 0, nb);
    mul(w->x, w->x, w->y, w, nb);
    unpack(w->h, a, w->x, words, nb);
    reduce(w->h, 0, key->p, words);
    memset(prod, 0, sizeof w->prod);
    memcpy(prod, w->b, (size_t)words * 8);
    for (int i = 0; i < words; i++) {
        uint64_t c = 0;
        for (int k = 0; k < words; k++) {
            unsigned __int128 v = (unsigned __int128)w->h[i] * key->q[k] + prod[i + k] + c;
            prod[i + k] = (uint64_t)v;
            c = (uint64_t)(v >> 64);
        }
        for (int k = i + words; k < 2 * words; k++) {
            unsigned __int128 v = (unsigned __int128)prod[k] + c;
            prod[k] = (uint64_t)v;
            c = (uint64_t)(v >> 64);
        }
    }
}

ALWAYS void run(const struct lg_rsa_crt *key, const uint8_t *in, uint8_t *out, const int nb)
{
    const int words = size_of(nb).words;
    struct work w;
    prepare(&w, key, nb);
    load(&w, in, nb);
    power(&w, key, nb);
    plain(w.a, w.b, &w, key, nb);
    join(&w, key, nb);
    for (int i = 0; i < 2 * words; i++) {
        uint64_t v = __builtin_bswap64(w.prod[2 * words - 1 - i]);
        memcpy(out + (size_t)i * 8, &v, 8);
    }
    lg_wipe(&w, sizeof w);
}

void lg_rsa_ifma(uint32_t prime_bits, const struct lg_rsa_crt *key, const uint8_t *in, uint8_t *out)
{
    if (prime_bits == 1024)
        run(key, in, out, 5);
    else if (prime_bits == 1536)
        run(key, in, out, 8);
    else
        run(key, in, out, 10);
}
