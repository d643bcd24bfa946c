/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.c: see keys.h. */
#include "keys.h"

#include "rng.h"

#include <string.h>

/* RFC 8446 5.5: "For AES-GCM, up to 2^24.5 full-size records (about 24 million) may be encrypted on
 * a given connection while keeping a safety margin of approximately 2^-57". Keys are replaced well
 * before. TLS 1.2 cannot, and its connections may live long on small records: there the same limit
 * is counted in the cipher blocks that it stands for, 2^24.5 records of 1025.
 * ChaCha20-Poly1305: "the record sequence number would wrap before the safety limit is reached". */
const struct lg_aead_limits lg_aead_limits[LG_AEAD_CNT] = {
    [LG_AEAD_AES_128_GCM] = {1u << 24, 23726566ull * 1025},
    [LG_AEAD_AES_256_GCM] = {1u << 24, 23726566ull * 1025},
    [LG_AEAD_CHACHA20_POLY1305] = {1ull << 48, UINT64_MAX},
};

static void put_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

/* nonce_xor: the IV with the sequence number added, as 1.3 and 1.2's ChaCha20 have it. */
static void nonce_xor(const struct lg_keys *k, uint8_t nonce[LG_AEAD_NONCE_SZ])
{
    uint64_t v;
    memcpy(nonce, k->iv, LG_AEAD_NONCE_SZ);
    memcpy(&v, nonce + 4, sizeof v);
    v ^= __builtin_bswap64(k->seq);
    memcpy(nonce + 4, &v, sizeof v);
}

void lg_keys_begin(const struct lg_keys *k, const uint8_t hdr[5], const uint8_t *explicit_in,
                   uint32_t content_sz, struct lg_aead_msg *m)
{
    if (k->form == LG_FORM_13) {
        memcpy(m->aad, hdr, 5);
        m->aad_sz = 5;
        nonce_xor(k, m->nonce);
        return;
    }
    put_be64(m->aad, k->seq);
    memcpy(m->aad + 8, hdr, 3);
    m->aad[11] = (uint8_t)(content_sz >> 8);
    m->aad[12] = (uint8_t)content_sz;
    m->aad_sz = 13;
    if (k->form == LG_FORM_12_CHACHA) {
        nonce_xor(k, m->nonce);
        return;
    }
    memcpy(m->nonce, k->iv, 4);
    memcpy(m->nonce + 4, explicit_in, 8);
}

void lg_keys_explicit(const struct lg_keys *k, uint8_t out[8])
{
    put_be64(out, k->v12.explicit0 + k->seq);
}

void lg_keys_used(struct lg_keys *k, uint32_t content_sz)
{
    k->seq++;
    if (k->form != LG_FORM_13)
        k->v12.blocks += content_sz / 16 + 2;
}

enum lg_keys_state lg_keys_state(const struct lg_keys *k, const struct lg_aead_limits *limits)
{
    if (LG_UNLIKELY(k->seq == UINT64_MAX))
        return LG_KEYS_WORN;
    if (k->form == LG_FORM_13)
        return k->seq < limits[k->aead.alg].records ? LG_KEYS_FRESH : LG_KEYS_UPDATE_DUE;
    return k->v12.blocks < limits[k->aead.alg].blocks ? LG_KEYS_FRESH : LG_KEYS_WORN;
}

lg_err_t lg_keys_next(struct lg_keys *k, struct lg_aead *a)
{
    struct lg_keys n = {.form = LG_FORM_13, .secret_sz = k->secret_sz};
    lg_err_t e = LG_E(BUG);

    n.aead.alg = k->aead.alg;
    if (k->form == LG_FORM_13)
        e = lg_kdf_expand_label(k->secret, k->secret_sz, "traffic upd", n.secret, n.secret_sz);
    if (lg_is_ok(e))
        e = lg_kdf_expand_label(n.secret, n.secret_sz, "key", n.aead.raw,
                                lg_aead_key_sz((enum lg_aead_alg)n.aead.alg));
    if (lg_is_ok(e))
        e = lg_kdf_expand_label(n.secret, n.secret_sz, "iv", n.iv, sizeof n.iv);
    if (lg_is_ok(e)) {
        lg_aead_forget(a, &k->aead);
        *k = n;
    }
    lg_wipe(&n, sizeof n);
    return e;
}

void lg_keys_wipe(struct lg_keys *k, struct lg_aead *a)
{
    lg_aead_forget(a, &k->aead);
    lg_wipe(k, sizeof *k);
}
