/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scheme_wolf.c: which signature scheme we have proven ourselves with, for the operator and for
 * PROXY version 2's 0x27. wolfSSL tells it to OpenSSL's friends only, so the linker's --wrap
 * (meson.build) leads its calls for a signature past here, where it is noted. */
#include "wolf_priv.h"

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

int __real_wc_ecc_sign_hash(const byte *in, word32 in_sz, byte *out, word32 *out_sz, WC_RNG *rng,
                            ecc_key *key);
int __wrap_wc_ecc_sign_hash(const byte *in, word32 in_sz, byte *out, word32 *out_sz, WC_RNG *rng,
                            ecc_key *key);
int __real_wc_ed25519_sign_msg(const byte *in, word32 in_sz, byte *out, word32 *out_sz,
                               ed25519_key *key);
int __wrap_wc_ed25519_sign_msg(const byte *in, word32 in_sz, byte *out, word32 *out_sz,
                               ed25519_key *key);
int __real_wc_RsaPSS_Sign(const byte *in, word32 in_sz, byte *out, word32 out_sz,
                          enum wc_HashType hash, int mgf, RsaKey *key, WC_RNG *rng);
int __wrap_wc_RsaPSS_Sign(const byte *in, word32 in_sz, byte *out, word32 out_sz,
                          enum wc_HashType hash, int mgf, RsaKey *key, WC_RNG *rng);
int __real_wc_RsaSSL_Sign(const byte *in, word32 in_sz, byte *out, word32 out_sz, RsaKey *key,
                          WC_RNG *rng);
int __wrap_wc_RsaSSL_Sign(const byte *in, word32 in_sz, byte *out, word32 out_sz, RsaKey *key,
                          WC_RNG *rng);

static void note(const char *scheme)
{
    struct lg_tls_core *core = lg_wolf_core();
    if (core && core->at_work)
        core->at_work->info.sig_scheme = scheme;
}

int __wrap_wc_ecc_sign_hash(const byte *in, word32 in_sz, byte *out, word32 *out_sz, WC_RNG *rng,
                            ecc_key *key)
{
    /* IANA's names; in TLS 1.2 they stand for the hash alone (RFC 8446 4.2.3). */
    note(in_sz == 32   ? "ecdsa_secp256r1_sha256"
         : in_sz == 48 ? "ecdsa_secp384r1_sha384"
                       : "ecdsa_secp521r1_sha512");
    return __real_wc_ecc_sign_hash(in, in_sz, out, out_sz, rng, key);
}

int __wrap_wc_ed25519_sign_msg(const byte *in, word32 in_sz, byte *out, word32 *out_sz,
                               ed25519_key *key)
{
    note("ed25519");
    return __real_wc_ed25519_sign_msg(in, in_sz, out, out_sz, key);
}

static const char *pss_name(enum wc_HashType hash)
{
    switch (hash) {
    case WC_HASH_TYPE_SHA256:
        return "rsa_pss_rsae_sha256";
    case WC_HASH_TYPE_SHA384:
        return "rsa_pss_rsae_sha384";
    default:
        return "rsa_pss_rsae_sha512";
    }
}

int __wrap_wc_RsaPSS_Sign(const byte *in, word32 in_sz, byte *out, word32 out_sz,
                          enum wc_HashType hash, int mgf, RsaKey *key, WC_RNG *rng)
{
    note(pss_name(hash));
    return __real_wc_RsaPSS_Sign(in, in_sz, out, out_sz, hash, mgf, key, rng);
}

int __wrap_wc_RsaSSL_Sign(const byte *in, word32 in_sz, byte *out, word32 out_sz, RsaKey *key,
                          WC_RNG *rng)
{
    /* What is signed is the hash with its algorithm's name before it (RFC 8017 9.2): 19 bytes. */
    note(in_sz == 19 + 32   ? "rsa_pkcs1_sha256"
         : in_sz == 19 + 48 ? "rsa_pkcs1_sha384"
                            : "rsa_pkcs1_sha512");
    return __real_wc_RsaSSL_Sign(in, in_sz, out, out_sz, key, rng);
}
