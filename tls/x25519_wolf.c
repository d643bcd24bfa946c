/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x25519_wolf.c: ephemeral X25519 keys at a third of the price.
 *
 * wolfSSL 5.7.2 makes an X25519 public key with the Montgomery ladder, as if the base point were
 * any point: 80,000 cycles of a handshake's 300,000. The same point of the same curve in its
 * Edwards form is multiplied with the tables that wolfSSL has for Ed25519, in constant time, in
 * 25,000:
 *
 *      k*B on edwards25519, projective (X : Y : Z)   then   u = (1 + y) / (1 - y) = (Z + Y) / (Z -
 * Y)
 *
 * Nothing here is new arithmetic: scalar, multiplication, inversion and encoding are wolfSSL's. The
 * linker puts __wrap_wc_curve25519_make_key into the place of wolfSSL's own (--wrap in
 * meson.build), because no callback of 5.7.2 reaches the key share of TLS 1.3.
 *
 * RFC 7748 4.1 (the map), 5 (clamping). See docs/decisions/0035. */
#include "wolf_priv.h"

#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ge_operations.h>

#if !defined(CURVED25519_ASM_64BIT) || defined(ED25519_SMALL)
#error "built for wolfSSL's field elements of four 64-bit words: look at fe_operations.h again"
#endif

int __wrap_wc_curve25519_make_key(WC_RNG *rng, int keysize, curve25519_key *key);

void lg_x25519_public(uint8_t pub[CURVE25519_KEYSIZE], const uint8_t priv[CURVE25519_KEYSIZE])
{
    ge_p3 p;
    fe num, den;

    fe_init();
    ge_scalarmult_base(&p, priv);
    fe_add(num, p.Z, p.Y);
    /* Z - Y is zero for the neutral element only. B's order is a prime above 2^252, and a clamped
     * scalar is 8 times a number below that. */
    fe_sub(den, p.Z, p.Y);
    fe_invert(den, den);
    fe_mul(num, num, den);
    fe_tobytes(pub, num);
    lg_wipe(&p, sizeof p);
    lg_wipe(num, sizeof num);
    lg_wipe(den, sizeof den);
}

int lg_x25519_make_key(WC_RNG *rng, int keysize, curve25519_key *key)
{
    if (!rng || !key)
        return BAD_FUNC_ARG;
    int ret = wc_curve25519_make_priv(rng, keysize, key->k); /* clamped */
    if (ret != 0)
        return ret;
    key->privSet = 1;
    lg_x25519_public(key->p.point, key->k);
    key->pubSet = 1;
    return 0;
}

/* Weak, because lockgate-blast puts its own in this place (bench/blast/cheap_wolf.c). */
__attribute__((weak)) int __wrap_wc_curve25519_make_key(WC_RNG *rng, int keysize,
                                                        curve25519_key *key)
{
    return lg_x25519_make_key(rng, keysize, key);
}
