/* SPDX-License-Identifier: GPL-2.0-or-later */
/* front.c: the client leg: TCP to TLS and back (or past it, in clear), the handshake's outcome, and
 * the ways to end. It does not know what the plaintext means. */
#include "walk.h"

#include <stdio.h>

bool lg_q_send(struct lg_tcp_conn *c, struct lg_bufq *q)
{
    if (!q->head)
        return false;
    uint32_t room = lg_tcp_send_room(c);
    if (room == 0)
        return false;
    struct lg_bufq part = {0};
    do {
        struct lg_buf *b = lg_bufq_pop(q);
        room -= LG_MIN(room, b->len);
        lg_bufq_push(&part, b);
    } while (q->head && q->head->len <= room);
    lg_tcp_send(c, &part);
    return true;
}

static const char *listener_name(const struct lg_session *s)
{
    return s->listener->cfg->name;
}

/* log_failure writes the one line about a handshake that failed (R15-R26: subject, issuer, serial
 * and reason; the peer gets only the alert). The strings of lg_tls_info are escaped already. */
static void log_failure(struct lg_session *s)
{
    const struct lg_tls_info *i = lg_tls_get_info(s->tls);
    struct lg_proxy *p = s->p;
    char client[LG_ENDPOINT_STR_SZ], cert[3 * LG_TLS_NAME_SZ] = "";
    bool is_rx = i->reason == LG_TLS_R_PEER_ALERT;
    uint8_t alert = is_rx ? i->alert_received : i->alert_sent;

    lg_access_blame(s, is_rx ? 'C' : 'P');
    if (lg_access_failed(s, lg_tls_reason_text(i->reason)))
        return;
    if (i->subject[0])
        snprintf(cert, sizeof cert, " subject=\"%s\" issuer=\"%s\" serial=%s", i->subject,
                 i->issuer, i->serial);
    lg_logring_put(p->env.log, p->env.stats, LG_LOG_WARN,
                   "client %s listener %s: TLS handshake failed: %s, alert %s %s, sni \"%s\"%s",
                   lg_session_client_text(s, client), listener_name(s),
                   lg_tls_reason_text(i->reason), is_rx ? "received" : "sent",
                   alert == 0 || alert == LG_TLS_NO_ALERT ? "none" : lg_tls_alert_name(alert),
                   i->sni, cert);
}

void lg_front_gone(struct lg_session *s, uint32_t why, const char *text)
{
    struct lg_proxy *p = s->p;
    char client[LG_ENDPOINT_STR_SZ];

    lg_stat_inc(p->env.stats, LG_STAT_TLS_HS_FAILED);
    lg_stat_inc(p->env.stats, why == LG_METER_TIMEOUT   ? LG_STAT_TLS_FAIL_TIMEOUT
                              : why == LG_METER_PUT_OFF ? LG_STAT_TLS_FAIL_PUT_OFF
                                                        : LG_STAT_TLS_FAIL_CLOSED);
    lg_meter_inc(&lg_session_meter(s)->failed[why]);
    lg_access_blame(s, why == LG_METER_TIMEOUT ? 'c' : why == LG_METER_PUT_OFF ? 'R' : 'C');
    if (lg_access_failed(s, text))
        return;
    /* A connection without a byte is a port scan or a health check: not worth a warning. */
    lg_logring_put(p->env.log, p->env.stats, s->has_input ? LG_LOG_WARN : LG_LOG_DEBUG,
                   "client %s listener %s: TLS handshake failed: %s, sni \"%s\"",
                   lg_session_client_text(s, client), listener_name(s), text,
                   lg_tls_get_info(s->tls)->sni);
}

/* failed: the TLS connection is over; its alert, if any, waits in fout. */
static void failed(struct lg_session *s, bool in_handshake)
{
    static const char plain[] = "HTTP/1.1 400 Bad Request\r\n"
                                "Content-Type: text/plain\r\nContent-Length: 46\r\n"
                                "Connection: close\r\n\r\n"
                                "client sent an HTTP request to an HTTPS port\r\n";
    if (in_handshake) {
        lg_meter_inc(&lg_session_meter(s)->failed[lg_tls_get_info(s->tls)->reason]);
        log_failure(s);
    } else {
        lg_access_blame(s, 'P');
        s->access.reason = lg_tls_reason_text(lg_tls_get_info(s->tls)->reason);
        lg_logring_put(s->p->env.log, s->p->env.stats, LG_LOG_INFO,
                       "listener %s: TLS connection failed: %s", listener_name(s),
                       lg_tls_reason_text(lg_tls_get_info(s->tls)->reason));
    }
    lg_bufq_drop_all(&s->cin);
    lg_bufq_drop_all(&s->fp);
    if (in_handshake && lg_tls_get_info(s->tls)->reason == LG_TLS_R_PLAIN_HTTP) {
        lg_bufq_drop_all(&s->fout); /* an alert would be noise to this client */
        if (lg_bufq_write(&s->fout, s->p->env.pool, plain, sizeof plain - 1, 0) != sizeof plain - 1)
            lg_bufq_drop_all(&s->fout);
    }
    lg_session_finish(s, LG_FINISH_CUT);
}

/* take_cipher takes what the client sent, as far as one record needs. */
static bool take_cipher(struct lg_session *s)
{
    if (s->cin.bytes >= LG_CIN_BYTES)
        return false;
    uint32_t n = lg_tcp_take(s->front, &s->cin, LG_CIN_BYTES - s->cin.bytes);
    s->budget_up -= LG_MIN(s->budget_up, n);
    s->has_input |= n > 0;
    return n > 0;
}

/* decrypt runs lg_tls_rx once and follows TLS where it goes. */
static bool decrypt(struct lg_session *s, uint32_t max)
{
    struct lg_proxy *p = s->p;
    bool in_handshake = lg_tls_state(s->tls) == LG_TLS_HANDSHAKE;
    uint32_t cin = s->cin.bytes, up = s->up.bytes, fout = s->fout.bytes;
    uint64_t from = in_handshake ? p->env.cycles(p->env.ctx) : 0;

    lg_err_t e = lg_tls_rx(s->tls, &s->cin, &s->up, max, &s->fout, lg_tcp_mss(s->front), p->now_ns);
    if (in_handshake)
        s->hs_cycles += p->env.cycles(p->env.ctx) - from;
    switch (lg_tls_state(s->tls)) {
    case LG_TLS_FAILED:
        failed(s, in_handshake);
        return true;
    case LG_TLS_CLOSED:
        if (!lg_tls_rx_pending(s->tls))
            s->rx_end = LG_RX_CLOSED;
        break;
    case LG_TLS_HANDSHAKE:
    case LG_TLS_OPEN:
        break;
    }
    if (lg_err_is(e, LG_ERR_AGAIN)) {
        s->has_more = true;
    } else if (!lg_is_ok(e) || (s->cin.bytes >= LG_CIN_BYTES && cin == s->cin.bytes && max > 0 &&
                                up == s->up.bytes && !lg_tls_is_waiting(s->tls))) {
        lg_session_abort(s); /* an error without FAILED, or a record longer than any can be */
        return true;
    }
    return cin != s->cin.bytes || up != s->up.bytes || fout != s->fout.bytes;
}

/* fill_plain is lg_front_fill for a client in clear. */
static bool fill_plain(struct lg_session *s, uint32_t bound)
{
    if (s->cin.head) { /* what came behind the PROXY header */
        lg_bufq_append(&s->up, &s->cin);
        return true;
    }
    uint32_t max = LG_MIN(bound - s->up.bytes, LG_UP_BYTES);
    uint32_t n = lg_tcp_take(s->front, &s->up, LG_MIN(max, s->budget_up));
    s->budget_up -= LG_MIN(s->budget_up, n);
    s->has_input |= n > 0;
    if (n > 0 || !lg_tcp_rx_done(s->front))
        return n > 0;
    s->rx_end = LG_RX_CLOSED;
    return true;
}

bool lg_front_fill(struct lg_session *s, uint32_t bound)
{
    if (s->rx_end != LG_RX_OPEN || !lg_q_is_short(&s->up, bound) ||
        !lg_q_is_short(&s->fout, LG_UP_BYTES))
        return false;
    if (s->budget_up == 0) {
        s->has_more = true;
        return false;
    }
    if (!s->tls)
        return fill_plain(s, bound);
    uint8_t state = s->state;
    bool moved = take_cipher(s);
    /* A handshake may have steps left that need no new bytes. */
    if (s->cin.head || s->state == LG_S_HANDSHAKE || lg_tls_rx_pending(s->tls))
        moved |= decrypt(s, LG_MIN(bound - s->up.bytes, LG_UP_BYTES));
    if (s->state != state)
        return true;
    if (!moved && s->rx_end == LG_RX_OPEN && !s->has_more && lg_tcp_rx_done(s->front) &&
        !lg_tls_rx_pending(s->tls) && !lg_tls_is_waiting(s->tls)) {
        s->rx_end = LG_RX_CUT;
        moved = true;
    }
    return moved;
}

bool lg_front_tx(struct lg_session *s)
{
    if (!s->tls)
        return lg_q_send(s->front, &s->fp);
    bool moved = lg_q_send(s->front, &s->fout);
    if (s->fout.head || !s->fp.head)
        return moved;
    uint32_t before = s->fp.bytes;
    lg_err_t e =
        lg_tls_tx(s->tls, &s->fp, LG_TURN_BYTES, &s->fout, lg_tcp_mss(s->front), s->p->now_ns);
    if (lg_err_is(e, LG_ERR_AGAIN)) {
        s->has_more = true;
    } else if (!lg_is_ok(e)) {
        lg_session_abort(s);
        return true;
    }
    moved |= before != s->fp.bytes;
    return lg_q_send(s->front, &s->fout) || moved;
}

static void opened(struct lg_session *s)
{
    struct lg_proxy *p = s->p;

    lg_stat_add(p->env.stats, LG_STAT_TLS_HS_CYCLES, s->hs_cycles);
    if (s->tls)
        lg_meter_shaken(lg_session_meter(s), lg_tls_get_info(s->tls), lg_session_took(s));
    lg_access_shaken(s);
    if (!lg_session_is_welcome(s))
        return;
    if (lg_listener_reads_http(s->listener->cfg->type))
        lg_http_begin(s);
    else
        lg_relay_begin(s);
}

/* before_handshake waits for a trusted proxy's header; true: something moved. */
static bool before_handshake(struct lg_session *s)
{
    bool moved = take_cipher(s);
    lg_err_t e = lg_told_read(s);

    if (lg_err_is(e, LG_ERR_AGAIN))
        return moved;
    if (!lg_is_ok(e))
        lg_session_abort(s);
    return true;
}

bool lg_front_handshake(struct lg_session *s)
{
    if (s->wants_pp)
        return before_handshake(s);
    if (!s->tls) {
        opened(s);
        return true;
    }
    bool moved = lg_front_fill(s, LG_UP_BYTES);
    if (s->state != LG_S_HANDSHAKE)
        return moved;
    moved |= lg_q_send(s->front, &s->fout);
    if (lg_tls_state(s->tls) != LG_TLS_HANDSHAKE) {
        opened(s);
        return true;
    }
    if (lg_tls_is_waiting(s->tls))
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, LG_ANSWER_POLL_NS));
    if (s->rx_end == LG_RX_CUT) {
        lg_front_gone(s, LG_METER_GONE, "the client went away");
        lg_tcp_shutdown(s->front);
        s->state = LG_S_END;
    }
    return moved;
}

void lg_front_lost(struct lg_session *s)
{
    s->budget_up = LG_TURN_BYTES;
    /* Not when that would be a hello: nobody is there to be answered. */
    if (lg_tls_is_answering(s->tls))
        lg_front_fill(s, LG_UP_BYTES);
    if (s->state == LG_S_HANDSHAKE && lg_tls_state(s->tls) == LG_TLS_HANDSHAKE)
        lg_front_gone(s, LG_METER_GONE, "the client went away");
}

bool lg_front_notify(struct lg_session *s)
{
    /* TLS cannot be asked twice, so it is asked when there is a buffer for its few bytes. */
    struct lg_buf *probe = lg_buf_take(s->p->env.pool);
    if (!probe) {
        s->has_more = true;
        return false;
    }
    lg_buf_give(probe);
    s->is_notified = true;
    lg_tls_shutdown(s->tls, &s->fout, lg_tcp_mss(s->front));
    return true;
}

bool lg_front_flush(struct lg_session *s)
{
    bool moved = lg_front_tx(s);
    if (s->state != LG_S_FLUSH)
        return true;
    if (moved && !s->is_killed)
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, s->listener->cfg->idle_timeout_ns));
    if (s->fp.head || s->fout.head)
        return moved;
    if (s->tls && s->wants_notify && !s->is_notified)
        return lg_front_notify(s) || moved;
    lg_tcp_shutdown(s->front);
    lg_bufq_drop_all(&s->cin);
    s->linger_left = LG_LINGER_BYTES;
    s->state = LG_S_LINGER;
    lg_session_deadline(s, lg_ns_add(s->p->now_ns, LG_LINGER_NS));
    return true;
}

bool lg_front_linger(struct lg_session *s)
{
    uint32_t n = lg_tcp_take(s->front, &s->cin, LG_TURN_BYTES);
    lg_bufq_drop_all(&s->cin);
    s->linger_left -= LG_MIN(n, s->linger_left);
    if (lg_tcp_rx_done(s->front) || s->linger_left == 0)
        s->state = LG_S_END;
    return n > 0;
}
