/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "forge.h"

#include <stdlib.h>

const struct suite suites[6] = {
    {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
    {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
    {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"},
};

void rig_suite(struct rig *r, const struct suite *s)
{
    if (!r->policy)
        REQUIRE(rig_build(r));
    rig_client(r, s->version, NULL, NULL);
    if (s->version == TLS1_3_VERSION)
        SSL_set_ciphersuites(r->ssl, s->name);
    else
        SSL_set_cipher_list(r->ssl, s->name);
    rig_connect(r);
    REQUIRE(rig_is_open(r));
    EXPECT_STR(SSL_get_cipher_name(r->ssl), s->name);
}

void forge_init(struct forge *f, const struct rig *r)
{
    size_t sz = lg_align_up(lg_aead_footprint(2), 64);
    f->mem = aligned_alloc(64, sz);
    memset(f->mem, 0, sz);
    if (!lg_is_ok(lg_aead_init(f->mem, 2, LG_AEAD_AUTO, &f->aead)))
        abort();
    f->keys = r->t->rec.rx;
}

void forge_fini(struct forge *f)
{
    free(f->mem);
}

uint32_t forge_inner(struct forge *f, uint8_t *out, uint8_t type, const void *p, uint32_t n)
{
    struct lg_keys *k = &f->keys;
    uint32_t front = LG_REC_HDR_SZ + lg_keys_explicit_sz(k);
    struct lg_aead_piece piece = {p, out + front, n};
    struct lg_aead_msg m = {.piece = &piece, .piece_cnt = n > 0};

    out[0] = type;
    out[1] = out[2] = 3;
    lg_put_be16(out + 3, (uint16_t)(front - LG_REC_HDR_SZ + n + LG_AEAD_TAG_SZ));
    if (lg_keys_explicit_sz(k))
        memcpy(out + LG_REC_HDR_SZ, &(uint64_t){k->seq ^ 0x1234567890}, 8);
    lg_keys_begin(k, out, out + LG_REC_HDR_SZ, n, &m);
    lg_aead_seal(f->aead, &k->aead, &m, out + front + n);
    k->seq++;
    return front + n + LG_AEAD_TAG_SZ;
}

uint32_t forge_record(struct forge *f, uint8_t *out, uint8_t type, const void *p, uint32_t n)
{
    static uint8_t inner[20000];
    if (f->keys.form != LG_FORM_13)
        return forge_inner(f, out, type, p, n);
    memcpy(inner, p, n);
    inner[n] = type;
    return forge_inner(f, out, LG_REC_DATA, inner, n + 1);
}

void give(struct rig *r, const void *p, size_t n, uint32_t cut)
{
    for (size_t off = 0; off < n;) {
        uint32_t part = (uint32_t)LG_MIN(n - off, (size_t)(cut ? cut : 2000));
        struct lg_buf *b = lg_buf_take(&r->heap.pool);
        memcpy(b->data, (const uint8_t *)p + off, part);
        b->len = part;
        lg_bufq_push(&r->in, b);
        off += part;
    }
    r->err = lg_tls_rx(r->t, &r->in, &r->plain, 1u << 20, &r->out, r->seg_sz, 0);
}

void expect_refused(struct rig *r, int alert)
{
    EXPECT_EQ(lg_tls_state(r->t), LG_TLS_FAILED);
    EXPECT_EQ(r->plain.bytes, 0);
    EXPECT_EQ(lg_tls_get_info(r->t)->alert_sent, alert);
    rig_pump(r);
    EXPECT_EQ(r->alert, alert);
}

uint32_t forge_next(uint32_t *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 8;
}

void forge_fill(uint8_t *p, uint32_t n, uint32_t seed)
{
    for (uint32_t i = 0; i < n; i++)
        p[i] = (uint8_t)((i + seed) * 37 >> 2);
}

void forge_to_client(struct rig *r)
{
    struct lg_buf *b;
    while ((b = lg_bufq_pop(&r->out)) != NULL) {
        BIO_write(r->rb, b->data, (int)b->len);
        lg_buf_give(b);
    }
}
