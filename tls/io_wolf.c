/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io_wolf.c: wolfSSL's view of the wire: a pull for input, a push for output.
 *
 * Input: wolfSSL asks for a record's header and then for its body. It is given bytes of a record
 * only when the whole record is there, so it never holds half a one, and nothing behind the record
 * that ends the handshake is ever consumed.
 *
 * Output: what it sends is copied to the connection's output queue. Once a fatal alert is out
 * nothing may follow: this is also how an alert of ours, sent from within the verify callback,
 * takes the place of the coarser one that wolfSSL would send next. */
#include "wolf_priv.h"

enum { HS_CERTIFICATE_VERIFY = 15, HS_CLIENT_KEY_EXCHANGE = 16 };
/* wolfSSL's MAX_HANDSHAKE_SZ: only a client's Certificate can reach it. */
enum { HS_MAX_SZ = 3 + (2048 + 3) * MAX_CHAIN_DEPTH };

static struct lg_bufq *source(const struct lg_tls *t)
{
    struct lg_tls *m = (struct lg_tls *)(uintptr_t)t;
    return t->held.bytes ? &m->held : t->in;
}

bool lg_io_ready(const struct lg_tls *t)
{
    const struct lg_bufq *q = source(t);
    uint8_t hdr[LG_REC_HDR_SZ];
    if (!q || lg_bufq_copy_out(q, 0, hdr, sizeof hdr) < sizeof hdr)
        return false;
    uint32_t len = lg_get_be16(hdr + 3);
    /* A length that no record may have: wolfSSL refuses it on seeing the header. */
    return len > LG_REC_CIPHER_MAX || q->bytes - sizeof hdr >= len;
}

/* A ClientHello after the first (HelloRetryRequest) goes to wolfSSL directly: it is held to the
 * same form. It must come in one record. */
static bool later_hello_ok(struct lg_tls *t, const struct lg_bufq *q, uint32_t len)
{
    struct lg_hello h;
    uint8_t *p = t->core->scratch;
    if (lg_bufq_copy_out(q, LG_REC_HDR_SZ, p, len) != len || len < 4)
        return false;
    uint32_t msg = (uint32_t)(p[1] << 16 | p[2] << 8 | p[3]);
    return msg + 4 == len && lg_hello_parse(lg_span(p + 4, msg), &h) == LG_HELLO_OK &&
           lg_ticket_again(t, &h);
}

/* note_message is told of each handshake message that comes in clear.
 *   Returns  false: it must not reach wolfSSL */
static bool note_message(struct lg_tls *t, uint8_t type, uint32_t len)
{
    if (len > HS_MAX_SZ)
        t->want_alert = LG_ALERT_DECODE_ERROR; /* wolfSSL will say handshake_failure */
    if (type == HS_CLIENT_KEY_EXCHANGE)
        t->saw_cke = true;
    if (type == HS_CERTIFICATE_VERIFY) {
        t->saw_cv = true;
        /* wolfSSL 5.7.2 takes CertificateVerify before ClientKeyExchange (CVE-2026-2645). */
        if (!t->saw_cke)
            t->want_alert = LG_ALERT_UNEXPECTED_MESSAGE;
        return t->saw_cke;
    }
    return true;
}

/* walk follows the messages of TLS 1.2 through records: one may hold several, or a part. */
static bool walk(struct lg_tls *t, const struct lg_bufq *q, uint32_t len)
{
    uint32_t off = LG_REC_HDR_SZ, end = LG_REC_HDR_SZ + len;
    while (off < end) {
        uint32_t skip = LG_MIN(t->msg_left, end - off);
        t->msg_left -= skip;
        off += skip;
        uint32_t n = LG_MIN((uint32_t)(sizeof t->msg_hdr - t->msg_hdr_cnt), end - off);
        lg_bufq_copy_out(q, off, t->msg_hdr + t->msg_hdr_cnt, n);
        t->msg_hdr_cnt = (uint8_t)(t->msg_hdr_cnt + n);
        off += n;
        if (t->msg_hdr_cnt < sizeof t->msg_hdr)
            continue;
        const uint8_t *h = t->msg_hdr;
        t->msg_left = (uint32_t)(h[1] << 16 | h[2] << 8 | h[3]);
        t->msg_hdr_cnt = 0;
        if (!note_message(t, h[0], t->msg_left))
            return false;
    }
    return true;
}

/* is_clear_alert: a TLS 1.3 client that does not like our certificate may say so before it has
 * switched its own side to encryption (OpenSSL does). wolfSSL has switched its reading side and
 * would call the record a protocol violation; the operator shall see the client's reason (R11).
 * Forging one ends a handshake that a forged RST ends as well. */
static bool is_clear_alert(WOLFSSL *ssl, const struct lg_tls *t, const uint8_t *rec, uint32_t len)
{
    return rec[0] == LG_REC_ALERT && len == 2 && t->step == LG_STEP_HANDSHAKE &&
           !t->saw_encrypted && wolfSSL_version(ssl) == TLS1_3_VERSION;
}

/* look_at notes what passes in clear, before it is handed over.
 *   Returns  false: the record must not reach wolfSSL */
static bool look_at(WOLFSSL *ssl, struct lg_tls *t, const struct lg_bufq *q)
{
    uint8_t b[LG_REC_HDR_SZ + 2] = {0};
    if (t->policy->client)
        return true; /* what follows holds clients to account */
    lg_bufq_copy_out(q, 0, b, sizeof b);
    uint32_t len = lg_get_be16(b + 3);
    if (is_clear_alert(ssl, t, b, len)) {
        t->info.alert_received = b[LG_REC_HDR_SZ + 1];
        t->info.reason = LG_TLS_R_PEER_ALERT;
        t->mute = true; /* who has gone needs no answer */
        return false;
    }
    if (b[0] == LG_REC_CCS)
        t->saw_ccs = true;
    if (b[0] == LG_REC_DATA)
        t->saw_encrypted = true;
    if (b[0] != LG_REC_HANDSHAKE || t->step != LG_STEP_HANDSHAKE || len > LG_REC_CIPHER_MAX)
        return true;
    if (q == &t->held)
        return true; /* the first hello: conn.c has read it */
    if (wolfSSL_version(ssl) != TLS1_3_VERSION)
        return t->saw_ccs || walk(t, q, len);
    /* TLS 1.3: in clear only a second hello can come. */
    bool ok = b[LG_REC_HDR_SZ] == LG_HS_CLIENT_HELLO && later_hello_ok(t, q, len);
    if (!ok)
        t->want_alert = LG_ALERT_ILLEGAL_PARAMETER;
    return ok;
}

int lg_io_recv(WOLFSSL *ssl, char *buf, int sz, void *ctx)
{
    struct lg_tls *t = ctx;
    struct lg_bufq *q = source(t);
    if (t->mute || !q)
        return WOLFSSL_CBIO_ERR_GENERAL;
    if (t->rec_left == 0) {
        if (!lg_io_ready(t))
            return WOLFSSL_CBIO_ERR_WANT_READ;
        if (!look_at(ssl, t, q))
            return WOLFSSL_CBIO_ERR_GENERAL;
        uint8_t hdr[LG_REC_HDR_SZ];
        lg_bufq_copy_out(q, 0, hdr, sizeof hdr);
        t->rec_left = LG_REC_HDR_SZ + lg_get_be16(hdr + 3);
    }
    uint32_t n = lg_bufq_read(q, buf, LG_MIN((uint32_t)sz, t->rec_left));
    t->rec_left -= n;
    return n ? (int)n : WOLFSSL_CBIO_ERR_WANT_READ;
}

int lg_io_send(WOLFSSL *ssl, char *buf, int sz, void *ctx)
{
    struct lg_tls *t = ctx;
    WOLFSSL_ALERT_HISTORY h;
    if (t->mute)
        return sz;
    if (!t->out)
        return WOLFSSL_CBIO_ERR_WANT_WRITE;
    bool is_alert = wolfSSL_get_alert_history(ssl, &h) == WOLFSSL_SUCCESS &&
                    h.last_tx.level == LG_WOLF_ALERT_FATAL;
    /* TLS 1.2: wolfSSL answers a bad CertificateVerify with whatever the failing primitive maps
     * to. The alert is still in clear: put the right number in. */
    if (is_alert && sz == LG_REC_HDR_SZ + 2 && buf[0] == LG_REC_ALERT) {
        if (t->saw_cv && !t->saw_ccs)
            t->want_alert = LG_ALERT_DECRYPT_ERROR;
        if (t->want_alert != LG_TLS_NO_ALERT) {
            buf[LG_REC_HDR_SZ + 1] = (char)t->want_alert;
            t->info.alert_sent = t->want_alert;
        }
    }
    uint32_t n = lg_bufq_write(t->out, t->core->pool, buf, (uint32_t)sz, t->seg_sz);
    if (!t->rec.taken)
        lg_sent_note(&t->rec.sent, (const uint8_t *)buf, n);
    if (is_alert && n == (uint32_t)sz) {
        t->mute = true;
        if (t->info.alert_sent == LG_TLS_NO_ALERT)
            t->info.alert_sent = (uint8_t)h.last_tx.code;
    }
    return n ? (int)n : WOLFSSL_CBIO_ERR_WANT_WRITE;
}
