/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rsa_wolf.c: puts rsa_ifma.c into the place of wolfSSL's RSA private operations.
 *
 * All of wolfSSL's RSA with a private key (PKCS#1 v1.5 and PSS signatures of TLS 1.2 and 1.3,
 * decryption for RSA key transport) ends in sp_RsaPrivate_2048, 3072 or 4096, once padding is
 * settled. The linker's --wrap (meson.build) leads those calls here. A CPU without IFMA, and a key
 * of another shape than two primes of half the length, go on to wolfSSL's own function.
 *
 * A wrong result, from a fault or a bad key, would give the primes away (Boneh, DeMillo, Lipton).
 * wolfSSL verifies each signature before it sends it (VerifyRsaSign), so there is no check here.
 * See docs/decisions/0050. */
#include "ifma.h"
#include "rsa_ifma.h"
#include "wolf_priv.h"

enum { WORDS_MAX = 4096 / 2 / 64 };

struct crt_words {
    uint64_t p[WORDS_MAX], q[WORDS_MAX], dp[WORDS_MAX], dq[WORDS_MAX], qinv[WORDS_MAX];
};

/* words: n's words, filled up with zeros; false: it has more. */
static bool words(uint64_t *out, const mp_int *n, uint32_t cnt)
{
    if (!n || n->used > cnt)
        return false;
    memset(out, 0, (size_t)cnt * 8);
    memcpy(out, n->dp, (size_t)n->used * 8);
    return true;
}

static bool is_prime_shaped(const uint64_t *n, uint32_t cnt)
{
    return (n[0] & 1) && n[cnt - 1] >> 63;
}

/* run: false: not for us. The lengths have been compared. */
static bool run(uint32_t prime_bits, const byte *in, const mp_int *const key[5], byte *out)
{
    struct crt_words w;
    uint32_t cnt = prime_bits / 64;
    bool ok = words(w.p, key[0], cnt) && words(w.q, key[1], cnt) && words(w.dp, key[2], cnt) &&
              words(w.dq, key[3], cnt) && words(w.qinv, key[4], cnt) && is_prime_shaped(w.p, cnt) &&
              is_prime_shaped(w.q, cnt);
    if (ok) {
        const struct lg_rsa_crt crt = {w.p, w.q, w.dp, w.dq, w.qinv};
        lg_rsa_ifma(prime_bits, &crt, in, out);
    }
    lg_wipe(&w, sizeof w);
    return ok;
}

/* One replacement; mod is the modulus, whose length wolfSSL's function checks too. */
#define REPLACE(bits)                                                                              \
    int __real_sp_RsaPrivate_##bits(const byte *in, word32 in_sz, const mp_int *d,                 \
                                    const mp_int *p, const mp_int *q, const mp_int *dp,            \
                                    const mp_int *dq, const mp_int *qinv, const mp_int *mod,       \
                                    byte *out, word32 *out_sz);                                    \
    int __wrap_sp_RsaPrivate_##bits(const byte *in, word32 in_sz, const mp_int *d,                 \
                                    const mp_int *p, const mp_int *q, const mp_int *dp,            \
                                    const mp_int *dq, const mp_int *qinv, const mp_int *mod,       \
                                    byte *out, word32 *out_sz);                                    \
    int __wrap_sp_RsaPrivate_##bits(const byte *in, word32 in_sz, const mp_int *d,                 \
                                    const mp_int *p, const mp_int *q, const mp_int *dp,            \
                                    const mp_int *dq, const mp_int *qinv, const mp_int *mod,       \
                                    byte *out, word32 *out_sz)                                     \
    {                                                                                              \
        const mp_int *const key[5] = {p, q, dp, dq, qinv};                                         \
        if (lg_cpu_has_ifma() && in_sz == (bits) / 8 && *out_sz >= (bits) / 8 &&                   \
            mp_count_bits(mod) == (bits) && run((bits) / 2, in, key, out)) {                       \
            *out_sz = (bits) / 8;                                                                  \
            return MP_OKAY;                                                                        \
        }                                                                                          \
        return __real_sp_RsaPrivate_##bits(in, in_sz, d, p, q, dp, dq, qinv, mod, out, out_sz);    \
    }

REPLACE(2048)
REPLACE(3072)
REPLACE(4096)
