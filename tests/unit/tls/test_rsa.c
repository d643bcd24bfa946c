/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RSA's private operation: ours against wolfSSL's and OpenSSL's arithmetic. The factors here are
 * odd numbers with their highest bit set, which is all that the arithmetic asks of primes: so each
 * case has a key of its own. */
#include "ifma.h"
#include "rig.h"
#include "t.h"
#include "wolf_priv.h"

#include <openssl/bn.h>

typedef int private_fn(const byte *in, word32 in_sz, const mp_int *d, const mp_int *p,
                       const mp_int *q, const mp_int *dp, const mp_int *dq, const mp_int *qinv,
                       const mp_int *mod, byte *out, word32 *out_sz);

/* The linker gives the first names to ours, the second to wolfSSL's. */
private_fn sp_RsaPrivate_2048, sp_RsaPrivate_3072, sp_RsaPrivate_4096;
private_fn __real_sp_RsaPrivate_2048, __real_sp_RsaPrivate_3072, __real_sp_RsaPrivate_4096;

static const struct size {
    int bits;
    private_fn *ours, *wolf;
} sizes[] = {
    {2048, sp_RsaPrivate_2048, __real_sp_RsaPrivate_2048},
    {3072, sp_RsaPrivate_3072, __real_sp_RsaPrivate_3072},
    {4096, sp_RsaPrivate_4096, __real_sp_RsaPrivate_4096},
};

enum { P, Q, DP, DQ, QINV, MOD, NUM_CNT };

struct key {
    BN_CTX *ctx;
    BIGNUM *bn[NUM_CNT], *x, *want, *t;
    mp_int mp[NUM_CNT];
};

static void key_init(struct key *k)
{
    memset(k, 0, sizeof *k);
    k->ctx = BN_CTX_new();
    for (int i = 0; i < NUM_CNT; i++)
        k->bn[i] = BN_new();
    k->x = BN_new();
    k->want = BN_new();
    k->t = BN_new();
}

static void key_fini(struct key *k)
{
    for (int i = 0; i < NUM_CNT; i++)
        BN_free(k->bn[i]);
    BN_free(k->x);
    BN_free(k->want);
    BN_free(k->t);
    BN_CTX_free(k->ctx);
}

static void factor(BIGNUM *n, int bits, int how)
{
    if (how == 0) { /* the largest: limbs of all ones */
        BN_one(n);
        BN_lshift(n, n, bits);
        BN_sub_word(n, 1);
    } else if (how == 1) { /* the smallest */
        BN_one(n);
        BN_lshift(n, n, bits - 1);
        BN_add_word(n, 1);
    } else {
        BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    }
}

/* key_make: case no. c; false: its factors have a divisor in common. */
static bool key_make(struct key *k, int bits, int c)
{
    uint8_t buf[512];
    factor(k->bn[P], bits / 2, c % 11);
    factor(k->bn[Q], bits / 2, c % 13);
    BN_rand(k->bn[DP], bits / 2 - c % 3, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
    BN_rand(k->bn[DQ], bits / 2, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
    if (c % 17 == 0)
        BN_set_word(k->bn[DP], 1);
    if (c % 19 == 0)
        BN_set_word(k->bn[DQ], 0);
    BN_mul(k->bn[MOD], k->bn[P], k->bn[Q], k->ctx);
    if (BN_num_bits(k->bn[MOD]) != bits || !BN_mod_inverse(k->bn[QINV], k->bn[Q], k->bn[P], k->ctx))
        return false;
    for (int i = 0; i < NUM_CNT; i++) {
        mp_init(&k->mp[i]);
        mp_read_unsigned_bin(&k->mp[i], buf, (word32)BN_bn2bin(k->bn[i], buf));
    }
    return true;
}

static void key_input(struct key *k, int bits, int c)
{
    BN_rand_range(k->x, k->bn[MOD]);
    if (c % 23 == 0)
        BN_zero(k->x);
    else if (c % 23 == 1)
        BN_one(k->x);
    else if (c % 23 == 2)
        BN_sub(k->x, k->bn[MOD], BN_value_one());
    else if (c % 23 == 3)
        BN_copy(k->x, k->bn[P]);
    else if (c % 23 == 4)
        BN_mul(k->x, k->bn[Q], k->bn[QINV], k->ctx);
    else if (c % 23 == 5) { /* not below the modulus: all ones */
        BN_one(k->x);
        BN_lshift(k->x, k->x, bits);
        BN_sub_word(k->x, 1);
    }
}

/* key_expect: want = x^dp mod p and x^dq mod q, joined. */
static void key_expect(struct key *k)
{
    BN_mod_exp(k->t, k->x, k->bn[DP], k->bn[P], k->ctx);
    BN_mod_exp(k->want, k->x, k->bn[DQ], k->bn[Q], k->ctx);
    BN_mod_sub(k->t, k->t, k->want, k->bn[P], k->ctx);
    BN_mod_mul(k->t, k->t, k->bn[QINV], k->bn[P], k->ctx);
    BN_mul(k->t, k->t, k->bn[Q], k->ctx);
    BN_add(k->want, k->want, k->t);
}

static int call(private_fn *fn, struct key *k, const uint8_t *in, uint32_t in_sz, uint8_t *out,
                uint32_t *out_sz)
{
    return fn(in, in_sz, &k->mp[MOD], &k->mp[P], &k->mp[Q], &k->mp[DP], &k->mp[DQ], &k->mp[QINV],
              &k->mp[MOD], out, out_sz);
}

/* compare: not every draw is a key (key_make), so there are more draws than cases. */
static void compare(const struct size *s, int cases)
{
    struct key k;
    uint8_t in[512], ours[512], wolf[512], want[512];
    uint32_t sz = (uint32_t)s->bits / 8;
    key_init(&k);
    int done = 0;
    for (int c = 0; done < cases && c < 20 * cases && !t_failed(); c++) {
        if (!key_make(&k, s->bits, c))
            continue;
        done++;
        key_input(&k, s->bits, c);
        key_expect(&k);
        BN_bn2binpad(k.x, in, (int)sz);
        BN_bn2binpad(k.want, want, (int)sz);
        uint32_t ours_sz = sizeof ours, wolf_sz = sizeof wolf;
        EXPECT_EQ(call(s->ours, &k, in, sz, ours, &ours_sz), MP_OKAY);
        EXPECT_EQ(call(s->wolf, &k, in, sz, wolf, &wolf_sz), MP_OKAY);
        EXPECT_EQ(ours_sz, sz);
        EXPECT_EQ(wolf_sz, sz);
        EXPECT_MEM(ours, want, sz);
        EXPECT_MEM(wolf, want, sz);
        /* Signatures are made in place. */
        EXPECT_EQ(call(s->ours, &k, in, sz, in, &ours_sz), MP_OKAY);
        EXPECT_MEM(in, want, sz);
    }
    EXPECT_EQ(done, cases);
    key_fini(&k);
}

TEST(Rsa, PrivateOperationOf2048BitsIsWolfSslsAndOpenSsls)
{
    compare(&sizes[0], 460);
}

TEST(Rsa, PrivateOperationsOf3072And4096BitsToo)
{
    compare(&sizes[1], 92);
    compare(&sizes[2], 46);
}

/* What is not for us is answered by wolfSSL: the errors are the same. */
TEST(Rsa, OddArgumentsAreWolfSslsToJudge)
{
    struct key k;
    uint8_t in[256] = {1}, a[256], b[256];
    key_init(&k);
    while (!key_make(&k, 2048, 2))
        continue;
    uint32_t a_sz = 255, b_sz = 255;
    EXPECT_EQ(call(sp_RsaPrivate_2048, &k, in, 256, a, &a_sz), MP_TO_E);
    EXPECT_EQ(call(__real_sp_RsaPrivate_2048, &k, in, 256, b, &b_sz), MP_TO_E);
    a_sz = b_sz = 256;
    EXPECT_EQ(call(sp_RsaPrivate_2048, &k, in, 257, a, &a_sz), MP_READ_E);
    /* A shorter number than the modulus. */
    EXPECT_EQ(call(sp_RsaPrivate_2048, &k, in, 100, a, &a_sz), MP_OKAY);
    EXPECT_EQ(call(__real_sp_RsaPrivate_2048, &k, in, 100, b, &b_sz), MP_OKAY);
    EXPECT_MEM(a, b, 256);
    /* An even factor has no Montgomery form. */
    k.mp[P].dp[0] &= ~(sp_int_digit)1;
    EXPECT_EQ(call(sp_RsaPrivate_2048, &k, in, 256, a, &a_sz), MP_VAL);
    key_fini(&k);
}
