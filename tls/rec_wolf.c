/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_wolf.c: records of an open connection through wolfSSL: for suites that the engine does not
 * do, and for tests that hold the two against each other. */
#include "wolf_priv.h"

/* seg_room: bytes that fit into a plaintext buf beside what it holds. */
static uint32_t seg_room(const struct lg_tls *t, const struct lg_buf *b)
{
    uint32_t room = lg_buf_tailroom(b);
    if (t->plain_seg_sz == 0)
        return room;
    return b->len < t->plain_seg_sz ? LG_MIN(room, t->plain_seg_sz - b->len) : 0;
}

static bool tail_room(const struct lg_tls *t, const struct lg_bufq *q)
{
    return q->tail && seg_room(t, q->tail) > 0 && !lg_buf_is_shared(q->tail);
}

/* read_some decrypts straight into the tail of `plain`, or a fresh buf.
 *   Returns  wolfSSL_read's value; 0 with *err AGAIN when there was no buf */
static int read_some(struct lg_tls *t, struct lg_bufq *plain, uint32_t max, lg_err_t *err)
{
    struct lg_buf *b = plain->tail;
    bool fresh = !tail_room(t, plain);
    if (fresh)
        b = lg_buf_take(t->core->pool);
    if (!b) {
        *err = LG_E(AGAIN);
        return 0;
    }
    int n = wolfSSL_read(t->ssl, b->data + b->len, (int)LG_MIN(seg_room(t, b), max));
    if (n <= 0) {
        if (fresh)
            lg_buf_give(b);
        return n;
    }
    b->len += (uint32_t)n;
    if (fresh)
        lg_bufq_push(plain, b);
    else
        plain->bytes += (uint32_t)n;
    lg_stat_add(t->core->stats, LG_STAT_TLS_BYTES_IN, (uint64_t)n);
    return n;
}

bool lg_rec_wolf_pending(const struct lg_tls *t)
{
    WOLFSSL *ssl = (WOLFSSL *)t->ssl;
    return ssl && wolfSSL_pending(ssl) > 0;
}

lg_err_t lg_rec_wolf_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    uint32_t start = plain->bytes;
    while (plain->bytes - start < max && (lg_rec_wolf_pending(t) || lg_io_ready(t))) {
        lg_err_t err = LG_OK;
        int n = read_some(t, plain, max - (plain->bytes - start), &err);
        LG_TRY(err);
        if (n > 0)
            continue;
        int e = wolfSSL_get_error(t->ssl, n);
        switch (e) {
        case WOLFSSL_ERROR_WANT_READ:
            /* A record without data of the client's: a key update, a ticket, an empty one. */
            break;
        case WOLFSSL_ERROR_WANT_WRITE:
            return LG_E(AGAIN);
        case WOLFSSL_ERROR_ZERO_RETURN:
            t->step = LG_STEP_CLOSED;
            t->info.alert_received = LG_ALERT_CLOSE_NOTIFY;
            return LG_OK;
        default:
            return lg_hs_fail(t, e);
        }
    }
    return LG_OK;
}

/* gather makes n bytes of the queue contiguous: in place when its first buf holds them all. */
static const void *gather(struct lg_tls *t, const struct lg_bufq *q, uint32_t n)
{
    if (q->head->len >= n)
        return q->head->data;
    lg_bufq_copy_out(q, 0, t->core->scratch, n);
    return t->core->scratch;
}

lg_err_t lg_rec_wolf_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    uint32_t done = 0;
    while (done < max && plain->bytes > 0) {
        uint32_t n = LG_MIN(LG_MIN(plain->bytes, max - done), (uint32_t)LG_REC_PLAIN_MAX);
        /* A record that wolfSSL has built but not sent: it wants the same bytes again. */
        if (t->tx_again_sz)
            n = t->tx_again_sz;
        int ret = wolfSSL_write(t->ssl, gather(t, plain, n), (int)n);
        if (ret <= 0) {
            int e = wolfSSL_get_error(t->ssl, ret);
            t->tx_again_sz = e == WOLFSSL_ERROR_WANT_WRITE ? n : 0;
            return t->tx_again_sz ? LG_E(AGAIN) : lg_hs_fail(t, e);
        }
        t->tx_again_sz = 0;
        lg_bufq_trim(plain, (uint32_t)ret);
        done += (uint32_t)ret;
        lg_stat_add(t->core->stats, LG_STAT_TLS_BYTES_OUT, (uint64_t)ret);
    }
    return LG_OK;
}

void lg_rec_wolf_shutdown(struct lg_tls *t)
{
    /* wolfSSL_shutdown would also read; the alert alone is wanted. */
    (void)SendAlert(t->ssl, LG_WOLF_ALERT_WARNING, LG_ALERT_CLOSE_NOTIFY);
}

bool lg_rec_wolf_refuse(struct lg_tls *t, uint8_t alert)
{
    return SendAlert(t->ssl, LG_WOLF_ALERT_FATAL, alert) == 0;
}
