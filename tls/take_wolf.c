/* SPDX-License-Identifier: GPL-2.0-or-later */
/* take_wolf.c: the change of hands at the end of a handshake: what the engine needs, out of
 * wolfSSL, and wolfSSL's object freed.
 *
 * The boundary is exact because wolfSSL pulls its input by whole records (io_wolf.c): what follows
 * the peer's Finished is still in our queue. Keys, IVs and sequence numbers come from the getters
 * of ATOMIC_USER. Two things have no getter: the traffic secrets of TLS 1.3, which a key update
 * needs, come by callback; and TLS 1.2 AES-GCM counts its explicit nonces from a random start,
 * which is read from the Finished that wolfSSL sent.
 *
 * Nothing of wolfSSL's may be sent afterwards: it would use a nonce again. */
#include "wolf_priv.h"

static bool is_server(const struct lg_tls *t)
{
    return wolfSSL_GetSide(t->ssl) == WOLFSSL_SERVER_END;
}

static int on_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int sz, void *ctx)
{
    struct lg_tls *t = ctx;
    (void)ssl;
    if (id != CLIENT_TRAFFIC_SECRET && id != SERVER_TRAFFIC_SECRET)
        return 0;
    struct lg_keys *k = is_server(t) == (id == CLIENT_TRAFFIC_SECRET) ? &t->rec.rx : &t->rec.tx;
    if (sz <= 0 || sz > LG_SECRET_MAX)
        return -1;
    memcpy(k->secret, secret, (size_t)sz);
    k->secret_sz = (uint8_t)sz;
    return 0;
}

void lg_rec_watch(struct lg_tls *t)
{
    (void)wolfSSL_set_tls13_secret_cb(t->ssl, on_secret, t);
}

void lg_sent_note(struct lg_sent *s, const uint8_t *p, uint32_t n)
{
    while (n > 0) {
        if (s->left > 0) {
            uint32_t skip = LG_MIN(s->left, n);
            s->left -= skip;
            p += skip;
            n -= skip;
            continue;
        }
        s->head[s->head_cnt++] = *p++;
        n--;
        uint32_t len = s->head_cnt >= LG_REC_HDR_SZ ? lg_get_be16(s->head + 3) : 0;
        uint32_t want = LG_REC_HDR_SZ + LG_MIN(len, 8u);
        if (s->head_cnt < LG_REC_HDR_SZ || s->head_cnt < want)
            continue;
        if (s->head[0] == LG_REC_HANDSHAKE && len >= 8)
            memcpy(s->explicit_, s->head + LG_REC_HDR_SZ, sizeof s->explicit_);
        s->left = len - LG_MIN(len, 8u);
        s->head_cnt = 0;
    }
}

/* alg_of: the suite's AEAD; CNT: none that the engine does. */
static enum lg_aead_alg alg_of(int suite)
{
    switch (suite) {
    case 0x1301: /* the three of 1.3 */
    case 0xc02b: /* ECDHE_ECDSA */
    case 0xc02f: /* ECDHE_RSA */
        return LG_AEAD_AES_128_GCM;
    case 0x1302:
    case 0xc02c:
    case 0xc030:
        return LG_AEAD_AES_256_GCM;
    case 0x1303:
    case 0xcca8:
    case 0xcca9:
        return LG_AEAD_CHACHA20_POLY1305;
    default:
        return LG_AEAD_CNT;
    }
}

static enum lg_rec_form form_of(bool is_13, enum lg_aead_alg alg)
{
    if (is_13)
        return LG_FORM_13;
    return alg == LG_AEAD_CHACHA20_POLY1305 ? LG_FORM_12_CHACHA : LG_FORM_12_GCM;
}

/* take_side fills in one direction; false: wolfSSL has no such key. */
static bool take_side(struct lg_tls *t, struct lg_keys *k, bool of_client, enum lg_aead_alg alg,
                      enum lg_rec_form form)
{
    WOLFSSL *ssl = t->ssl;
    const uint8_t *key =
        of_client ? wolfSSL_GetClientWriteKey(ssl) : wolfSSL_GetServerWriteKey(ssl);
    const uint8_t *iv = of_client ? wolfSSL_GetClientWriteIV(ssl) : wolfSSL_GetServerWriteIV(ssl);
    uint32_t key_sz = lg_aead_key_sz(alg);
    bool is_13 = form == LG_FORM_13;

    if (!key || !iv || wolfSSL_GetKeySize(ssl) != (int)key_sz ||
        (is_13 && k->secret_sz != (alg == LG_AEAD_AES_256_GCM ? 48 : 32)))
        return false;
    memcpy(k->aead.raw, key, key_sz);
    memcpy(k->iv, iv, form == LG_FORM_12_GCM ? 4 : LG_AEAD_NONCE_SZ);
    k->aead.alg = (uint8_t)alg;
    k->form = (uint8_t)form;
    return true;
}

/* take_seqs: the getters' return value says whether the number is not zero; the number is what
 * counts. */
static void take_seqs(struct lg_tls *t, enum lg_rec_form form)
{
    word64 rx = 0, tx = 0;
    (void)wolfSSL_GetPeerSequenceNumber(t->ssl, &rx);
    (void)wolfSSL_GetSequenceNumber(t->ssl, &tx);
    t->rec.rx.seq = rx;
    t->rec.tx.seq = tx;
    if (form != LG_FORM_12_GCM)
        return;
    /* The Finished was the record before: number tx - 1. */
    uint64_t last;
    memcpy(&last, t->rec.sent.explicit_, sizeof last);
    t->rec.tx.v12.explicit0 = __builtin_bswap64(last) - (tx - 1);
}

lg_err_t lg_rec_take_keys(struct lg_tls *t)
{
    enum lg_aead_alg alg = alg_of(wolfSSL_get_current_cipher_suite(t->ssl));
    if (alg == LG_AEAD_CNT)
        return LG_E(RANGE);
    enum lg_rec_form form = form_of(wolfSSL_version(t->ssl) == TLS1_3_VERSION, alg);
    t->rec.is_client = !is_server(t);
    if (!take_side(t, &t->rec.rx, is_server(t), alg, form) ||
        !take_side(t, &t->rec.tx, !is_server(t), alg, form))
        return LG_E(BUG);
    take_seqs(t, form);
    t->rec.ready = (struct lg_bufq){0};
    t->rec.taken = true;
    return LG_OK;
}

lg_err_t lg_rec_take_over(struct lg_tls *t)
{
    /* Tickets of TLS 1.3 come later, and only wolfSSL can make a session of one. */
    bool wants_tickets = t->policy->client && t->policy->client->wants_tickets;
    if (t->core->keep_wolf || wants_tickets)
        return LG_OK;
    lg_err_t e = lg_rec_take_keys(t);
    if (lg_err_is(e, LG_ERR_RANGE))
        return LG_OK;
    LG_TRY(e);
    wolfSSL_free(t->ssl);
    t->ssl = NULL;
    lg_stat_inc(t->core->stats, LG_STAT_TLS_TAKEN_OVER);
    return LG_OK;
}
