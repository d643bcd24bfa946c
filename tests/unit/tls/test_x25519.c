/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ephemeral X25519 keys against OpenSSL's arithmetic and RFC 7748's example. */
#include "rig.h"
#include "t.h"
#include "wolf_priv.h"

#include <openssl/evp.h>
#include <wolfssl/wolfcrypt/curve25519.h>

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
