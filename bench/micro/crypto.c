/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* crypto.c: the primitives a handshake cannot do without, as wolfSSL has them. */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "micro.h"

#include <stdio.h>
#include <string.h>

static struct keys {
    WC_RNG rng;
    curve25519_key x, x_peer, x_new;
    ecc_key p, p_peer;
    RsaKey rsa;
    byte hash[32];
    byte sig[80], rsa_sig[256];
    word32 sig_sz, rsa_sig_sz;
} k;

#define TIMED(call)                                                                                \
    do {                                                                                           \
        uint64_t begin = micro_tsc();                                                              \
        for (uint64_t i = 0; i < cnt; i++)                                                         \
            micro_require((call) == 0, #call);                                                     \
        return micro_tsc() - begin;                                                                \
    } while (0)

static uint64_t x25519_keygen(void *ctx, uint64_t cnt)
{
    (void)ctx;
    TIMED(wc_curve25519_make_key(&k.rng, 32, &k.x_new));
}

static uint64_t x25519_agree(void *ctx, uint64_t cnt)
{
    byte out[32];
    word32 sz = sizeof out;
    (void)ctx;
    TIMED(wc_curve25519_shared_secret_ex(&k.x, &k.x_peer, out, &sz, EC25519_LITTLE_ENDIAN));
}

static uint64_t p256_keygen(void *ctx, uint64_t cnt)
{
    static ecc_key fresh;
    (void)ctx;
    wc_ecc_init(&fresh);
    TIMED(wc_ecc_make_key_ex(&k.rng, 32, &fresh, ECC_SECP256R1));
}

static uint64_t p256_agree(void *ctx, uint64_t cnt)
{
    byte out[32];
    word32 sz;
    (void)ctx;
    TIMED((sz = sizeof out, wc_ecc_shared_secret(&k.p, &k.p_peer, out, &sz)));
}

static uint64_t p256_sign(void *ctx, uint64_t cnt)
{
    (void)ctx;
    TIMED((k.sig_sz = sizeof k.sig,
           wc_ecc_sign_hash(k.hash, sizeof k.hash, k.sig, &k.sig_sz, &k.rng, &k.p)));
}

static uint64_t p256_verify(void *ctx, uint64_t cnt)
{
    int good = 0;
    (void)ctx;
    TIMED(wc_ecc_verify_hash(k.sig, k.sig_sz, k.hash, sizeof k.hash, &good, &k.p) || !good);
}

static int rsa_sign(void)
{
    int n = wc_RsaPSS_Sign(k.hash, sizeof k.hash, k.rsa_sig, sizeof k.rsa_sig, WC_HASH_TYPE_SHA256,
                           WC_MGF1SHA256, &k.rsa, &k.rng);
    k.rsa_sig_sz = n > 0 ? (word32)n : 0;
    return n > 0 ? 0 : n;
}

static int rsa_verify(void)
{
    byte out[256];
    int n = wc_RsaPSS_VerifyCheck(k.rsa_sig, k.rsa_sig_sz, out, sizeof out, k.hash, sizeof k.hash,
                                  WC_HASH_TYPE_SHA256, WC_MGF1SHA256, &k.rsa);
    return n > 0 ? 0 : -1;
}

static uint64_t rsa2048_sign(void *ctx, uint64_t cnt)
{
    (void)ctx;
    TIMED(rsa_sign());
}

static uint64_t rsa2048_verify(void *ctx, uint64_t cnt)
{
    (void)ctx;
    TIMED(rsa_verify());
}

static bool load_rsa(const char *dir)
{
    byte pem[8192], der[4096];
    char path[512];
    word32 at = 0;

    snprintf(path, sizeof path, "%s/server-rsa.key", dir);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t n = fread(pem, 1, sizeof pem, f);
    fclose(f);
    int sz = wc_KeyPemToDer(pem, (int)n, der, sizeof der, NULL);
    return sz > 0 && wc_InitRsaKey(&k.rsa, NULL) == 0 &&
           wc_RsaPrivateKeyDecode(der, &at, &k.rsa, (word32)sz) == 0 &&
           wc_RsaSetRNG(&k.rsa, &k.rng) == 0;
}

void micro_add_crypto(const struct micro_opts *o)
{
    const char *g = "primitive";

    micro_require(wc_InitRng(&k.rng) == 0, "wc_InitRng");
    micro_require(wc_curve25519_init(&k.x) == 0 && wc_curve25519_init(&k.x_peer) == 0 &&
                      wc_curve25519_init(&k.x_new) == 0 &&
                      wc_curve25519_make_key(&k.rng, 32, &k.x) == 0 &&
                      wc_curve25519_make_key(&k.rng, 32, &k.x_peer) == 0,
                  "X25519 keys");
    micro_require(wc_ecc_init(&k.p) == 0 && wc_ecc_init(&k.p_peer) == 0 &&
                      wc_ecc_make_key_ex(&k.rng, 32, &k.p, ECC_SECP256R1) == 0 &&
                      wc_ecc_make_key_ex(&k.rng, 32, &k.p_peer, ECC_SECP256R1) == 0,
                  "P-256 keys");
    memset(k.hash, 0x5a, sizeof k.hash);
#ifdef ECC_TIMING_RESISTANT
    wc_ecc_set_rng(&k.p, &k.rng);
#endif
    p256_sign(NULL, 1);
    micro_add(g, "x25519-keygen", NULL, x25519_keygen, NULL);
    micro_add(g, "x25519-agree", NULL, x25519_agree, NULL);
    micro_add(g, "p256-keygen", NULL, p256_keygen, NULL);
    micro_add(g, "p256-agree", NULL, p256_agree, NULL);
    micro_add(g, "p256-sign", NULL, p256_sign, NULL);
    micro_add(g, "p256-verify", NULL, p256_verify, NULL);
    if (!o->pki)
        return;
    micro_require(load_rsa(o->pki), "the RSA key of the PKI folder cannot be read");
    rsa_sign();
    micro_add(g, "rsa2048-sign", NULL, rsa2048_sign, NULL);
    micro_add(g, "rsa2048-verify", NULL, rsa2048_verify, NULL);
}
