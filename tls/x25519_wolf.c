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
 * The other side's point has no tables: its ladder is x25519_ifma.c's where the CPU can, in the
 * place of wolfSSL's `curve25519`, whose callers check keys and results as before.
 *
 * RFC 7748 4.1 (the map), 5 (clamping). See docs/decisions/0035 and 0052. */
#include "ifma.h"
#include "wolf_priv.h"
#include "x25519_ifma.h"

#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ge_operations.h>

#if !defined(CURVED25519_ASM_64BIT) || defined(ED25519_SMALL)
#error "built for wolfSSL's field elements of four 64-bit words: look at fe_operations.h again"
#endif

int __wrap_wc_curve25519_make_key(WC_RNG *rng, int keysize, curve25519_key *key);
int __real_curve25519(byte *out, const byte *k, const byte *u);
int __wrap_curve25519(byte *out, const byte *k, const byte *u);

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

/* store writes v modulo 2^255 - 19, in the one form that it has below that. */
static void store(uint8_t out[32], const fe v)
{
    uint64_t w[4], mask = (UINT64_C(1) << 63) - 1;
    memcpy(w, v, sizeof w);
    /* Twice: the first brings it below 2^255, the second below 2^255 - 19. The multiple of the
     * prime that is in it is the top bit, of v + 19 the second time. */
    for (int pass = 0; pass < 2; pass++) {
        unsigned __int128 c = pass ? 19 : 0;
        uint64_t top = w[3] >> 63;
        if (pass) {
            uint64_t t = 0;
            for (int i = 0; i < 4; i++) {
                c += w[i];
                t = (uint64_t)c;
                c >>= 64;
            }
            top = t >> 63;
        }
        c = 19 * top;
        for (int i = 0; i < 4; i++) {
            c += w[i];
            w[i] = (uint64_t)c;
            c >>= 64;
        }
        w[3] &= mask;
    }
    memcpy(out, w, sizeof w);
    lg_wipe(w, sizeof w);
}

static void agree(uint8_t out[32], const uint8_t *k, const uint8_t *u)
{
    uint64_t x[4], z[4];
    fe num, den;
    fe_init();
    lg_x25519_ladder(x, z, k, u);
    memcpy(num, x, sizeof num);
    memcpy(den, z, sizeof den);
    fe_invert(den, den);
    fe_mul(num, num, den);
    store(out, num);
    lg_wipe(x, sizeof x);
    lg_wipe(z, sizeof z);
    lg_wipe(num, sizeof num);
    lg_wipe(den, sizeof den);
}

int __wrap_curve25519(byte *out, const byte *k, const byte *u)
{
    int ret = 0;
    uint8_t any = 0;
    if (lg_cpu_has_ifma())
        agree(out, k, u);
    else
        ret = __real_curve25519(out, k, u);
    for (int i = 0; i < CURVE25519_KEYSIZE; i++)
        any |= out[i];
    /* A point of small order, which wolfSSL's own check of public keys does not know in all cases.
     *= https://www.rfc-editor.org/rfc/rfc8446#section-7.4.2
     *# For X25519 and X448, the parties MUST check whether the computed Diffie-Hellman shared
     *# secret is the all-zero value and abort if so */
    return ret == 0 && any == 0 ? ECC_OUT_OF_RANGE_E : ret;
}
