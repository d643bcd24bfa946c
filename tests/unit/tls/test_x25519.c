/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ephemeral X25519 keys against OpenSSL's arithmetic and RFC 7748's example. */
#include "ifma.h"
#include "rig.h"
#include "t.h"
#include "wolf_priv.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <wolfssl/wolfcrypt/curve25519.h>

/* The linker gives the first name to ours, the second to wolfSSL's. */
int curve25519(byte *out, const byte *k, const byte *u);
int __real_curve25519(byte *out, const byte *k, const byte *u);

static bool peer_public(uint8_t pub[32], const uint8_t priv[32])
{
    size_t len = 32;
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv, 32);
    bool ok = k && EVP_PKEY_get_raw_public_key(k, pub, &len) == 1;
    EVP_PKEY_free(k);
    return ok;
}

/* Alice's key of RFC 7748 section 6.1. */
TEST(X25519, MakesThePublicKeyOfRfc7748)
{
    uint8_t priv[32] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                        0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                        0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
    static const uint8_t want[32] = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54,
                                     0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
                                     0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
                                     0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
    uint8_t pub[32];
    priv[0] &= 248;
    priv[31] = (uint8_t)((priv[31] & 127) | 64);
    lg_x25519_public(pub, priv);
    EXPECT(memcmp(pub, want, 32) == 0);
}

TEST(X25519, AgreesWithOpenSslOnRandomAndExtremeKeys)
{
    uint8_t priv[32], pub[32], want[32];
    for (int i = 0; i < 1000; i++) {
        if (i < 2)
            memset(priv, i ? 0xff : 0, 32); /* the smallest and the largest scalar */
        else
            for (int k = 0; k < 32; k++)
                priv[k] = (uint8_t)random();
        priv[0] &= 248;
        priv[31] = (uint8_t)((priv[31] & 127) | 64);
        lg_x25519_public(pub, priv);
        REQUIRE(peer_public(want, priv));
        REQUIRE(memcmp(pub, want, 32) == 0);
    }
}

/* The linker really puts our function into the place of wolfSSL's: a key of its making is whole. */
TEST(X25519, KeysThatWolfSslAsksForAreWholeAndDiffer)
{
    curve25519_key a, b;
    uint8_t want[32];
    WC_RNG rng;
    REQUIRE(lg_is_ok(lg_wolf_control_begin()));
    REQUIRE(wc_InitRng(&rng) == 0);
    REQUIRE(wc_curve25519_init(&a) == 0 && wc_curve25519_init(&b) == 0);
    REQUIRE(wc_curve25519_make_key(&rng, 32, &a) == 0);
    REQUIRE(wc_curve25519_make_key(&rng, 32, &b) == 0);
    EXPECT(memcmp(a.k, b.k, 32) != 0);
    REQUIRE(peer_public(want, a.k));
    EXPECT(memcmp(a.p.point, want, 32) == 0);
    EXPECT(a.privSet && a.pubSet);
    EXPECT(wc_curve25519_make_key(&rng, 31, &a) != 0);
    EXPECT(wc_curve25519_make_key(NULL, 32, &a) != 0);
    wc_curve25519_free(&a);
    wc_curve25519_free(&b);
    wc_FreeRng(&rng);
}

static void from_hex(uint8_t out[32], const char *hex)
{
    for (int i = 0; i < 32; i++) {
        unsigned v;
        (void)sscanf(hex + 2 * i, "%2x", &v);
        out[i] = (uint8_t)v;
    }
}

static void clamp(uint8_t k[32])
{
    k[0] &= 248;
    k[31] = (uint8_t)((k[31] & 127) | 64);
}

/* RFC 7748 5.2: both vectors, and the iterated one to 1,000. */
TEST(X25519, LadderGivesWhatRfc7748Says)
{
    static const char *const vectors[2][3] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"}};
    uint8_t k[32], u[32], out[32], want[32];
    for (int i = 0; i < 2; i++) {
        from_hex(k, vectors[i][0]);
        from_hex(u, vectors[i][1]);
        from_hex(want, vectors[i][2]);
        clamp(k);
        EXPECT_EQ(curve25519(out, k, u), 0);
        EXPECT_MEM(out, want, 32);
    }
    memset(k, 0, 32);
    k[0] = 9;
    memcpy(u, k, 32);
    for (int i = 0; i < 1000; i++) {
        uint8_t scalar[32];
        memcpy(scalar, k, 32);
        clamp(scalar);
        EXPECT_EQ(curve25519(out, scalar, u), 0);
        memcpy(u, k, 32);
        memcpy(k, out, 32);
    }
    from_hex(want, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    EXPECT_MEM(k, want, 32);
}

static bool peer_agree(uint8_t out[32], const uint8_t k[32], const uint8_t u[32])
{
    size_t len = 32;
    EVP_PKEY *a = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k, 32);
    EVP_PKEY *b = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, u, 32);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(a, NULL);
    bool ok = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, b, 0) == 1 &&
              EVP_PKEY_derive(ctx, out, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    return ok;
}

/* edge: points near 0 and the prime, and limbs of all ones, with now and then a bit changed. */
static void edge(uint8_t u[32], int i)
{
    memset(u, i & 1 ? 0xff : 0, 32);
    u[31] &= 127;
    u[0] = (uint8_t)(u[0] - i % 47);
    if (i % 3 == 0)
        u[i % 32] ^= (uint8_t)(1 << i % 8);
    if (i % 5 == 0)
        u[31] |= 128; /* ignored */
}

TEST(X25519, LadderAgreesWithOpenSslOnRandomAndExtremePoints)
{
    uint8_t k[32], u[32], out[32], want[32];
    for (int i = 0; i < 5000 && !t_failed(); i++) {
        for (int j = 0; j < 32; j++) {
            k[j] = (uint8_t)random();
            u[j] = (uint8_t)random();
        }
        if (i < 1500)
            edge(u, i);
        if (i % 7 == 0)
            memset(k, i % 2 ? 0xff : 0, 32);
        clamp(k);
        int ret = curve25519(out, k, u);
        if (peer_agree(want, k, u)) {
            EXPECT_EQ(ret, 0);
            EXPECT_MEM(out, want, 32);
        } else {
            EXPECT_EQ(ret, ECC_OUT_OF_RANGE_E);
        }
    }
}

/* Of order 1, 2, 4 and 8, also in forms that are not below the prime. */
static const char *const small_points[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

TEST(X25519, PointsOfSmallOrderAreRefused)
{
    uint8_t k[32], u[32], out[32];
    for (size_t i = 0; i < LG_ARRAY_CNT(small_points); i++) {
        from_hex(u, small_points[i]);
        memset(k, 0x5a, 32);
        clamp(k);
        EXPECT_EQ(curve25519(out, k, u), ECC_OUT_OF_RANGE_E);
    }
}

/* A client whose key share is such a point would know the secret without a key of its own. */
TEST(X25519, AKeyShareOfSmallOrderIsAnIllegalParameter)
{
    static const uint8_t share[4] = {0, 0x1d, 0, 32}; /* x25519, 32 bytes */
    for (size_t i = 0; i < LG_ARRAY_CNT(small_points); i++) {
        struct rig r;
        char *bytes;
        rig_init(&r, "ecdsa");
        REQUIRE(rig_build(&r));
        rig_client(&r, TLS1_3_VERSION, NULL, NULL);
        SSL_set1_groups_list(r.ssl, "X25519");
        (void)SSL_do_handshake(r.ssl);
        long sz = BIO_get_mem_data(r.wb, &bytes);
        uint8_t *at = sz > 0 ? memmem(bytes, (size_t)sz, share, sizeof share) : NULL;
        REQUIRE(at != NULL);
        from_hex(at + sizeof share, small_points[i]);
        rig_connect(&r);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(lg_tls_get_info(r.t)->alert_sent, LG_ALERT_ILLEGAL_PARAMETER);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_PROTO);
        rig_fini(&r);
    }
}
