/* SPDX-License-Identifier: GPL-2.0-or-later */
/* back_tls.c: TLS towards a backend: its handshake with R14's checks, bytes both ways, the end. The
 * way of the bytes:
 *
 *   s->bq   --lg_tls_tx--> b->fout --send--> back TCP
 *   s->down <--lg_tls_rx-- b->cin  <--take-- back TCP */
#include "proxy_priv.h"

#include "client.h"

bool lg_back_tls_begin(struct lg_session *s)
{
    struct lg_proxy *p = s->p;

    s->back->tls =
        lg_tls_client_open(p->env.tls, s->snap->pools[s->pool_idx].tls, NULL, NULL, p->now_ns);
    return s->back->tls != NULL;
}

/* Words for the log, about a server; and the counter beside BACKEND_TLS_FAILED, which stands for
 * "no other". */
static const char *reason_of(enum lg_tls_reason r, enum lg_stat *stat)
{
    *stat = LG_STAT_BACKEND_TLS_FAILED;
    switch (r) {
    case LG_TLS_R_EXPIRED:
        *stat = LG_STAT_BACKEND_TLS_EXPIRED;
        return "certificate expired or not yet valid";
    case LG_TLS_R_REVOKED:
        *stat = LG_STAT_BACKEND_TLS_REVOKED;
        return "certificate revoked";
    case LG_TLS_R_CRL_MISSING:
    case LG_TLS_R_CRL_STALE:
        *stat = LG_STAT_BACKEND_TLS_REVOKED;
        return "no revocation list of its certificate's issuer, or a stale one";
    case LG_TLS_R_UNKNOWN_CA:
        *stat = LG_STAT_BACKEND_TLS_UNTRUSTED;
        return "certificate from an unknown CA";
    case LG_TLS_R_NAME:
        *stat = LG_STAT_BACKEND_TLS_NAME;
        return "certificate for another name";
    case LG_TLS_R_BAD_CERT:
        return "certificate malformed or not acceptable";
    case LG_TLS_R_SIGNATURE:
        return "bad signature";
    case LG_TLS_R_PEER_ALERT:
        return "it sent an alert";
    case LG_TLS_R_NONE:
    case LG_TLS_R_OCSP:
    case LG_TLS_R_NOT_TLS:
    case LG_TLS_R_PLAIN_HTTP:
    case LG_TLS_R_PROTO:
    case LG_TLS_R_VERSION:
    case LG_TLS_R_SUITE:
    case LG_TLS_R_SNI:
    case LG_TLS_R_ALPN:
    case LG_TLS_R_NO_CERT:
    case LG_TLS_R_FULL:
    case LG_TLS_R_INTERNAL:
    case LG_TLS_R_CNT:
        break;
    }
    return lg_tls_reason_text(r);
}

static void say_failed(struct lg_session *s)
{
    const struct lg_cfg_pool *pool = lg_session_pool(s);
    const struct lg_tls_info *i = lg_tls_get_info(s->back->tls);
    struct lg_proxy *p = s->p;
    enum lg_stat stat;
    const char *why = reason_of(i->reason, &stat);

    lg_stat_inc(p->env.stats, LG_STAT_BACKEND_TLS_FAILED);
    if (stat != LG_STAT_BACKEND_TLS_FAILED)
        lg_stat_inc(p->env.stats, stat);
    lg_logring_put(
        p->env.log, p->env.stats, LG_LOG_WARN,
        "pool %s backend %s: TLS handshake failed: %s, alert %s %s", pool->name,
        pool->backends[s->back->backend_idx].name, why,
        i->reason == LG_TLS_R_PEER_ALERT ? "received" : "sent",
        lg_tls_alert_name(i->reason == LG_TLS_R_PEER_ALERT ? i->alert_received : i->alert_sent));
}

static void take_cipher(struct lg_back *b)
{
    if (b->cin.bytes < LG_CIN_BYTES)
        lg_tcp_take(b->c, &b->cin, LG_CIN_BYTES - b->cin.bytes);
}

enum lg_tls_state lg_back_tls_shake(struct lg_session *s)
{
    struct lg_back *b = s->back;
    struct lg_proxy *p = s->p;

    take_cipher(b);
    lg_err_t e =
        lg_tls_rx(b->tls, &b->cin, &s->down, LG_TURN_BYTES, &b->fout, lg_tcp_mss(b->c), p->now_ns);
    enum lg_tls_state state = lg_tls_state(b->tls);
    lg_q_send(b->c, &b->fout);
    if (lg_err_is(e, LG_ERR_AGAIN))
        s->has_more = true;
    if (state == LG_TLS_OPEN || state == LG_TLS_CLOSED) {
        lg_stat_inc(p->env.stats, LG_STAT_BACKEND_TLS_OK);
        return LG_TLS_OPEN;
    }
    if (state == LG_TLS_HANDSHAKE && !lg_tcp_rx_done(b->c))
        return LG_TLS_HANDSHAKE;
    say_failed(s);
    return LG_TLS_FAILED;
}

bool lg_back_tls_tx(struct lg_session *s)
{
    struct lg_back *b = s->back;
    bool moved = lg_q_send(b->c, &b->fout);

    if (b->fout.head || !s->bq.head)
        return moved;
    uint32_t before = s->bq.bytes;
    lg_err_t e = lg_tls_tx(b->tls, &s->bq, LG_TURN_BYTES, &b->fout, lg_tcp_mss(b->c), s->p->now_ns);
    if (lg_err_is(e, LG_ERR_AGAIN)) {
        s->has_more = true;
    } else if (!lg_is_ok(e)) { /* it is over: what it said before can still be read */
        s->back_reset = true;
        lg_bufq_drop_all(&s->bq);
        return true;
    }
    moved |= before != s->bq.bytes;
    return lg_q_send(b->c, &b->fout) || moved;
}

bool lg_back_tls_take(struct lg_session *s, uint32_t max, bool *is_last)
{
    struct lg_back *b = s->back;
    uint32_t down = s->down.bytes, cin = b->cin.bytes;

    *is_last = false;
    if (max == 0)
        return false;
    take_cipher(b);
    bool took = cin != b->cin.bytes;
    lg_err_t e =
        lg_tls_rx(b->tls, &b->cin, &s->down, max, &b->fout, lg_tcp_mss(b->c), s->p->now_ns);
    lg_q_send(b->c, &b->fout);
    if (lg_err_is(e, LG_ERR_AGAIN))
        s->has_more = true;
    bool moved = took || down != s->down.bytes || cin != b->cin.bytes;
    if (lg_tls_rx_pending(b->tls))
        return moved;
    switch (lg_tls_state(b->tls)) {
    case LG_TLS_CLOSED:
        *is_last = true;
        break;
    case LG_TLS_FAILED:
        s->back_reset = *is_last = true;
        break;
    case LG_TLS_OPEN:
    case LG_TLS_HANDSHAKE:
        if (!moved && lg_tcp_rx_done(b->c))
            s->back_cut = *is_last = true;
        break;
    }
    return moved;
}

void lg_back_tls_notify(struct lg_back *b)
{
    lg_tls_shutdown(b->tls, &b->fout, lg_tcp_mss(b->c));
    if (b->fout.head)
        lg_tcp_send(b->c, &b->fout);
}

bool lg_back_tls_idle(struct lg_proxy *p, struct lg_back *b)
{
    struct lg_bufq plain = {0};

    take_cipher(b);
    lg_err_t e =
        lg_tls_rx(b->tls, &b->cin, &plain, LG_TURN_BYTES, &b->fout, lg_tcp_mss(b->c), p->now_ns);
    bool is_good = lg_is_ok(e) && !plain.head && lg_tls_state(b->tls) == LG_TLS_OPEN;
    lg_q_send(b->c, &b->fout); /* an answer to KeyUpdate */
    lg_bufq_drop_all(&plain);
    return is_good;
}

void lg_back_tls_fini(struct lg_back *b)
{
    lg_bufq_drop_all(&b->cin);
    lg_bufq_drop_all(&b->fout);
    lg_tls_close(b->tls);
    b->tls = NULL;
}
