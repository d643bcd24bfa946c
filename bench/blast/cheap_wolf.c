/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cheap_wolf.c: two ways to spend less on a handshake than an honest client must, for benches whose
 * client is the limit otherwise. They live in this program and not in tls/: the linker wraps two of
 * wolfSSL's functions (--wrap in meson.build) and prefers this file's third to the one of tls/, so
 * that no other program can ask for them.
 *
 *   --reuse-key-share  ephemeral keys are made once a second and copied
 *   --skip-signature   ECDSA signatures are taken for good unseen
 *
 * Both are said in the report. Key shares of a client protect the client: here nobody's data. */
#include "wolf_priv.h"

#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>

#include "blast.h"

int __wrap_wc_curve25519_make_key(WC_RNG *rng, int sz, curve25519_key *key);
int __real_wc_ecc_make_key_ex(WC_RNG *rng, int sz, ecc_key *key, int curve);
int __wrap_wc_ecc_make_key_ex(WC_RNG *rng, int sz, ecc_key *key, int curve);
int __real_wc_ecc_verify_hash(const byte *sig, word32 sig_sz, const byte *hash, word32 hash_sz,
                              int *res, ecc_key *key);
int __wrap_wc_ecc_verify_hash(const byte *sig, word32 sig_sz, const byte *hash, word32 hash_sz,
                              int *res, ecc_key *key);

/* Set at boot; the keys are the worker's alone. */
static struct {
    bool reuse_key_share, skip_signature;
    bool has_x25519, has_p256;
    byte x_priv[CURVE25519_KEYSIZE], x_pub[CURVE25519_KEYSIZE];
    byte p_priv[32], p_x[32], p_y[32];
} cheap;

void bl_cheap_set(bool reuse_key_share, bool skip_signature)
{
    cheap.reuse_key_share = reuse_key_share;
    cheap.skip_signature = skip_signature;
}

void bl_cheap_tick(void)
{
    cheap.has_x25519 = cheap.has_p256 = false;
}

int __wrap_wc_curve25519_make_key(WC_RNG *rng, int sz, curve25519_key *key)
{
    word32 priv_sz = sizeof cheap.x_priv, pub_sz = sizeof cheap.x_pub;
    if (cheap.reuse_key_share && cheap.has_x25519)
        return wc_curve25519_import_private_raw_ex(cheap.x_priv, sizeof cheap.x_priv, cheap.x_pub,
                                                   sizeof cheap.x_pub, key, EC25519_LITTLE_ENDIAN);
    int ret = lg_x25519_make_key(rng, sz, key);
    if (ret == 0 && cheap.reuse_key_share)
        cheap.has_x25519 = wc_curve25519_export_key_raw_ex(key, cheap.x_priv, &priv_sz, cheap.x_pub,
                                                           &pub_sz, EC25519_LITTLE_ENDIAN) == 0;
    return ret;
}

int __wrap_wc_ecc_make_key_ex(WC_RNG *rng, int sz, ecc_key *key, int curve)
{
    word32 x_sz = sizeof cheap.p_x, y_sz = sizeof cheap.p_y, d_sz = sizeof cheap.p_priv;
    bool is_p256 = sz == 32 && (curve == ECC_SECP256R1 || curve == ECC_CURVE_DEF);
    if (cheap.reuse_key_share && cheap.has_p256 && is_p256)
        return wc_ecc_import_unsigned(key, cheap.p_x, cheap.p_y, cheap.p_priv, ECC_SECP256R1);
    int ret = __real_wc_ecc_make_key_ex(rng, sz, key, curve);
    if (ret == 0 && cheap.reuse_key_share && is_p256)
        cheap.has_p256 = wc_ecc_export_private_raw(key, cheap.p_x, &x_sz, cheap.p_y, &y_sz,
                                                   cheap.p_priv, &d_sz) == 0;
    return ret;
}

int __wrap_wc_ecc_verify_hash(const byte *sig, word32 sig_sz, const byte *hash, word32 hash_sz,
                              int *res, ecc_key *key)
{
    if (cheap.skip_signature) {
        *res = 1;
        return 0;
    }
    return __real_wc_ecc_verify_hash(sig, sig_sz, hash, hash_sz, res, key);
}
