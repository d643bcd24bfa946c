/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdf_batch.c: HMAC in lanes, and what is derived together. */
#include "kdf_batch.h"

#include "rng.h"
#include "sha512_lanes.h"

#include <string.h>

enum { BLOCK_SZ = 128, KEYS_MAX = 4 };

/* Of SHA-384 (FIPS 180-4 5.3.4). */
static const uint64_t iv384[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
                                  0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
                                  0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};

/* Constants of every handshake: the hash of nothing, the early secret without a pre-shared key, and
 * what is derived of it. */
static const uint8_t empty_hash[LG_KDF_SZ] = {
    0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e, 0xb1, 0xb1, 0xe3, 0x6a,
    0x21, 0xfd, 0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43, 0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda,
    0x27, 0x4e, 0xde, 0xbf, 0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b};
static const uint8_t early[LG_KDF_SZ] = {
    0x7e, 0xe8, 0x20, 0x6f, 0x55, 0x70, 0x02, 0x3e, 0x6d, 0xc7, 0x51, 0x9e, 0xb1, 0x07, 0x3b, 0xc4,
    0xe7, 0x91, 0xad, 0x37, 0xb5, 0xc3, 0x82, 0xaa, 0x10, 0xba, 0x18, 0xe2, 0x35, 0x7e, 0x71, 0x69,
    0x71, 0xf9, 0x36, 0x2f, 0x2c, 0x2f, 0xe2, 0xa7, 0x6b, 0xfd, 0x78, 0xdf, 0xec, 0x4e, 0xa9, 0xb5};
static const uint8_t early_derived[LG_KDF_SZ] = {
    0x15, 0x91, 0xda, 0xc5, 0xcb, 0xbf, 0x03, 0x30, 0xa4, 0xa8, 0x4d, 0xe9, 0xc7, 0x53, 0x33, 0x0e,
    0x92, 0xd0, 0x1f, 0x0a, 0x88, 0x21, 0x4b, 0x44, 0x64, 0x97, 0x2f, 0xd6, 0x68, 0x04, 0x9e, 0x93,
    0xe5, 0x2f, 0x2b, 0x16, 0xfa, 0xd9, 0x22, 0xfd, 0xc0, 0x58, 0x44, 0x78, 0x42, 0x8f, 0x28, 0x2b};

/* HMAC under up to four keys: lane 2 * i is the inner, lane 2 * i + 1 the outer state of key i. */
struct hmac_keys {
    uint64_t state[8][LG_SHA512_LANES];
};

/* One derivation of a batch. */
struct job {
    struct lg_kdf_answer *a;
    uint32_t key_idx; /* of hmac_keys */
};

static void set_lane(struct lg_sha512_lanes *l, uint32_t lane, const uint8_t block[BLOCK_SZ])
{
    for (int i = 0; i < 16; i++) {
        uint64_t v;
        memcpy(&v, block + 8 * i, 8);
        l->block[i][lane] = __builtin_bswap64(v);
    }
}

/* finish_block pads a message of sz bytes, below 112, that follows one block of key. */
static void finish_block(uint8_t block[BLOCK_SZ], size_t sz)
{
    size_t bits = (BLOCK_SZ + sz) * 8;
    block[sz] = 0x80;
    memset(block + sz + 1, 0, BLOCK_SZ - sz - 1);
    block[BLOCK_SZ - 2] = (uint8_t)(bits >> 8);
    block[BLOCK_SZ - 1] = (uint8_t)bits;
}

static void set_keys(struct hmac_keys *h, struct lg_sha512_lanes *l, const uint8_t *const *keys,
                     uint32_t cnt)
{
    uint8_t block[BLOCK_SZ];
    for (uint32_t i = 0; i < 2 * cnt; i++) {
        uint8_t pad = i % 2 ? 0x5c : 0x36;
        memset(block, pad, sizeof block);
        for (int k = 0; k < LG_KDF_SZ; k++)
            block[k] ^= keys[i / 2][k];
        set_lane(l, i, block);
        for (int k = 0; k < 8; k++)
            l->state[k][i] = iv384[k];
    }
    lg_sha512_lanes(l, 2 * cnt);
    memcpy(h->state, l->state, sizeof h->state);
    lg_wipe(block, sizeof block);
}

/* message writes what HMAC is to be computed of, padded. */
static void message(uint8_t block[BLOCK_SZ], const struct lg_kdf_answer *a)
{
    size_t n = 0, label_sz;
    if (!a->label) {
        memset(block, 0, LG_KDF_SZ);
        finish_block(block, LG_KDF_SZ);
        return;
    }
    label_sz = strlen(a->label);
    block[n++] = 0;
    block[n++] = a->out_sz;
    block[n++] = (uint8_t)(6 + label_sz);
    memcpy(block + n, "tls13 ", 6);
    memcpy(block + n + 6, a->label, label_sz);
    n += 6 + label_sz;
    block[n++] = a->context_sz;
    memcpy(block + n, a->context, a->context_sz);
    n += a->context_sz;
    block[n++] = 1; /* HKDF-Expand's counter: one block is enough for all of them */
    finish_block(block, n);
}

/* run computes the jobs' answers. */
static void run(const struct hmac_keys *h, struct lg_sha512_lanes *l, const struct job *jobs,
                uint32_t cnt)
{
    uint8_t block[BLOCK_SZ];
    for (uint32_t i = 0; i < cnt; i++) {
        message(block, jobs[i].a);
        set_lane(l, i, block);
        for (int k = 0; k < 8; k++)
            l->state[k][i] = h->state[k][2 * jobs[i].key_idx];
    }
    lg_sha512_lanes(l, cnt);
    finish_block(block, LG_KDF_SZ);
    for (uint32_t i = 0; i < cnt; i++) {
        set_lane(l, i, block);
        for (int k = 0; k < LG_KDF_SZ / 8; k++)
            l->block[k][i] = l->state[k][i];
        for (int k = 0; k < 8; k++)
            l->state[k][i] = h->state[k][2 * jobs[i].key_idx + 1];
    }
    lg_sha512_lanes(l, cnt);
    for (uint32_t i = 0; i < cnt; i++) {
        uint64_t out[LG_KDF_SZ / 8];
        for (int k = 0; k < LG_KDF_SZ / 8; k++)
            out[k] = __builtin_bswap64(l->state[k][i]);
        memcpy(jobs[i].a->out, out, sizeof out);
        lg_wipe(out, sizeof out);
    }
    lg_wipe(block, sizeof block);
}

static struct job add(struct lg_kdf *k, uint32_t key_idx, const uint8_t *secret, const char *label,
                      lg_span_t context, uint8_t out_sz)
{
    struct lg_kdf_answer *a = &k->answers[k->cnt++];
    a->label = label;
    memcpy(a->secret, secret, LG_KDF_SZ);
    memcpy(a->context, context.p, context.len);
    a->context_sz = (uint8_t)context.len;
    a->out_sz = out_sz;
    return (struct job){a, key_idx};
}

/* batch: the secrets of both directions, named client and server, with this context; their keys;
 * and, of the handshake secret, what leads to the master secret. */
static void batch(struct lg_kdf *k, const uint8_t *secret, const char *client, const char *server,
                  lg_span_t context, bool is_handshake)
{
    const lg_span_t none = {(const uint8_t *)"", 0};
    struct lg_sha512_lanes l;
    struct hmac_keys h;
    struct job jobs[LG_SHA512_LANES];
    uint32_t cnt = 2;

    lg_kdf_forget(k);
    set_keys(&h, &l, &secret, 1);
    jobs[0] = add(k, 0, secret, client, context, LG_KDF_SZ);
    jobs[1] = add(k, 0, secret, server, context, LG_KDF_SZ);
    if (is_handshake)
        jobs[cnt++] = add(k, 0, secret, "derived", lg_span(empty_hash, LG_KDF_SZ), LG_KDF_SZ);
    run(&h, &l, jobs, cnt);

    const uint8_t *next[3] = {jobs[0].a->out, jobs[1].a->out, is_handshake ? jobs[2].a->out : NULL};
    set_keys(&h, &l, next, cnt);
    cnt = 0;
    for (uint32_t i = 0; i < 2; i++) {
        jobs[cnt++] = add(k, i, next[i], "key", none, 32); /* AES-256, of the only such suite */
        jobs[cnt++] = add(k, i, next[i], "iv", none, 12);
        if (is_handshake)
            jobs[cnt++] = add(k, i, next[i], "finished", none, LG_KDF_SZ);
    }
    if (is_handshake)
        jobs[cnt++] = add(k, 2, next[2], NULL, none, LG_KDF_SZ);
    run(&h, &l, jobs, cnt);
    lg_wipe(&l, sizeof l);
    lg_wipe(&h, sizeof h);
}

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t sz)
{
    uint8_t diff = 0;
    for (size_t i = 0; i < sz; i++)
        diff |= a[i] ^ b[i];
    return diff == 0;
}

static bool is_label(lg_span_t label, const char *name)
{
    return label.len == strlen(name) && memcmp(label.p, name, label.len) == 0;
}

/* find looks for an answer; label NULL: of an extraction. */
static bool find(const struct lg_kdf *k, const uint8_t *secret, const lg_span_t *label,
                 lg_span_t context, uint8_t *out, size_t out_sz)
{
    for (uint32_t i = 0; i < k->cnt; i++) {
        const struct lg_kdf_answer *a = &k->answers[i];
        if (a->out_sz != out_sz || a->context_sz != context.len || !a->label != !label ||
            (label && !is_label(*label, a->label)))
            continue;
        if (!is_equal(a->secret, secret, LG_KDF_SZ) ||
            !is_equal(a->context, context.p, context.len))
            continue;
        memcpy(out, a->out, out_sz);
        return true;
    }
    return false;
}

bool lg_kdf_expand(struct lg_kdf *k, const uint8_t secret[LG_KDF_SZ], lg_span_t label,
                   lg_span_t context, uint8_t *out, size_t out_sz)
{
    if (find(k, secret, &label, context, out, out_sz))
        return true;
    if (out_sz != LG_KDF_SZ || context.len != LG_KDF_SZ)
        return false;
    if (is_label(label, "derived") && is_equal(secret, early, sizeof early) &&
        is_equal(context.p, empty_hash, sizeof empty_hash)) {
        memcpy(out, early_derived, sizeof early_derived);
        return true;
    }
    if (is_label(label, "c hs traffic") || is_label(label, "s hs traffic"))
        batch(k, secret, "c hs traffic", "s hs traffic", context, true);
    else if (is_label(label, "c ap traffic") || is_label(label, "s ap traffic"))
        batch(k, secret, "c ap traffic", "s ap traffic", context, false);
    else
        return false;
    return find(k, secret, &label, context, out, out_sz);
}

bool lg_kdf_extract_zeros(struct lg_kdf *k, const uint8_t *salt, uint8_t out[LG_KDF_SZ])
{
    if (salt)
        return find(k, salt, NULL, (lg_span_t){(const uint8_t *)"", 0}, out, LG_KDF_SZ);
    memcpy(out, early, sizeof early);
    return true;
}

void lg_kdf_forget(struct lg_kdf *k)
{
    lg_wipe(k->answers, k->cnt * sizeof k->answers[0]);
    k->cnt = 0;
}
