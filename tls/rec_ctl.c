/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_ctl.c: what an open connection carries besides data: alerts, key updates, tickets, and the
 * refusal of everything else. */
#include "tls_priv.h"

bool lg_rec_alert(struct lg_tls *t, uint8_t level, uint8_t alert)
{
    const uint8_t content[2] = {level, alert};
    return lg_rec_emit(t, LG_REC_ALERT, content, sizeof content);
}

lg_err_t lg_rec_fail(struct lg_tls *t, uint8_t alert)
{
    struct lg_stats *s = t->core->stats;
    lg_stat_inc(s, alert == LG_ALERT_BAD_RECORD_MAC ? LG_STAT_TLS_REC_BAD_MAC
                                                    : LG_STAT_TLS_REC_REFUSED);
    /* After our close_notify nothing more may be said. */
    if (!t->shut && lg_rec_alert(t, LG_ALERT_LEVEL_FATAL, alert))
        t->info.alert_sent = alert;
    t->info.reason = alert == LG_ALERT_INTERNAL_ERROR ? LG_TLS_R_INTERNAL : LG_TLS_R_PROTO;
    t->mute = true;
    t->step = LG_STEP_FAILED;
    return lg_tls_reason_err(t->info.reason);
}

lg_err_t lg_rec_update(struct lg_tls *t)
{
    static const uint8_t msg[5] = {LG_HS_KEY_UPDATE, 0, 0, 1, 0};
    if (!lg_rec_emit(t, LG_REC_HANDSHAKE, msg, sizeof msg))
        return LG_E(AGAIN);
    t->rec.update_due = false;
    lg_stat_inc(t->core->stats, LG_STAT_TLS_KEY_UPDATE_TX);
    return lg_keys_next(&t->rec.tx, t->core->aead);
}

/* key_update: the peer has replaced its sending keys. Each costs us three hashes and maybe a
 * record, so there is a limit to how many a second it may ask for. */
static lg_err_t key_update(struct lg_tls *t, bool answer)
{
    struct lg_rec *r = &t->rec;
    if (t->now_ns - r->update_from_ns >= LG_SEC(1)) {
        r->update_from_ns = t->now_ns;
        r->update_cnt = 0;
    }
    if (r->update_cnt++ >= LG_REC_UPDATE_MAX)
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    lg_stat_inc(t->core->stats, LG_STAT_TLS_KEY_UPDATE_RX);
    if (!lg_is_ok(lg_keys_next(&r->rx, t->core->aead)))
        return lg_rec_fail(t, LG_ALERT_INTERNAL_ERROR);
    /* RFC 8446 4.6.3: several requests may be answered by one update. Without a buf now, it goes in
     * front of the next record that we send. */
    r->update_due |= answer;
    /* Nothing may follow our close_notify. */
    if (r->update_due && !t->shut && lg_err_is(lg_rec_update(t), LG_ERR_BUG))
        return lg_rec_fail(t, LG_ALERT_INTERNAL_ERROR);
    return LG_OK;
}

static lg_err_t post_handshake(struct lg_tls *t, lg_span_t content)
{
    size_t off = 0;
    for (;;) {
        switch (lg_post_step(&t->rec.post, content, &off, t->rec.is_client)) {
        case LG_POST_DONE:
            return LG_OK;
        case LG_POST_UPDATE:
            return key_update(t, false);
        case LG_POST_UPDATE_ASK:
            return key_update(t, true);
        case LG_POST_TICKET:
            lg_stat_inc(t->core->stats, LG_STAT_TLS_TICKETS_UNUSED);
            break;
        case LG_POST_BAD_LEN:
            return lg_rec_fail(t, LG_ALERT_DECODE_ERROR);
        case LG_POST_BAD_VALUE:
            return lg_rec_fail(t, LG_ALERT_ILLEGAL_PARAMETER);
        case LG_POST_BAD_TYPE:
        case LG_POST_NOT_LAST:
            return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
        }
    }
}

/* renegotiate: TLS 1.2 asks for another handshake on this connection. A client may do without when
 * a server asks. As a server we end the connection (RFC 5246 7.2.2 leaves that to us): a warning
 * no_renegotiation would only make the client end it. */
static lg_err_t renegotiate(struct lg_tls *t, lg_span_t content)
{
    if (!t->rec.is_client || content.p[0] != LG_HS_HELLO_REQUEST)
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    if (++t->rec.warn_cnt > LG_REC_WARN_MAX)
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    (void)lg_rec_alert(t, LG_ALERT_LEVEL_WARNING, LG_ALERT_NO_RENEGOTIATION);
    return LG_OK;
}

static lg_err_t alert(struct lg_tls *t, lg_span_t content)
{
    bool is_13 = t->rec.rx.form == LG_FORM_13;
    if (content.len != 2)
        return lg_rec_fail(t, LG_ALERT_DECODE_ERROR);
    uint8_t level = content.p[0], what = content.p[1];
    if (what == LG_ALERT_CLOSE_NOTIFY) {
        t->info.alert_received = what;
        t->step = LG_STEP_CLOSED;
        return LG_OK;
    }
    /* RFC 8446 6: all others but user_canceled are errors, whatever their level says. */
    if (is_13 ? what == LG_ALERT_USER_CANCELED : level == LG_ALERT_LEVEL_WARNING) {
        if (++t->rec.warn_cnt > LG_REC_WARN_MAX)
            return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
        return LG_OK;
    }
    if (!is_13 && level != LG_ALERT_LEVEL_FATAL)
        return lg_rec_fail(t, LG_ALERT_ILLEGAL_PARAMETER);
    t->info.alert_received = what;
    t->info.reason = LG_TLS_R_PEER_ALERT;
    t->mute = true; /* who has gone needs no answer */
    t->step = LG_STEP_FAILED;
    return lg_tls_reason_err(t->info.reason);
}

lg_err_t lg_rec_control(struct lg_tls *t, enum lg_rec_type type, lg_span_t content)
{
    /*= https://www.rfc-editor.org/rfc/rfc8446#section-5.1
     *# Implementations MUST NOT send zero-length fragments of Handshake types
     *# Handshake messages MUST NOT be interleaved with other record types. */
    if (content.len == 0 || (type != LG_REC_HANDSHAKE && lg_post_is_open(&t->rec.post)))
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    if (type == LG_REC_ALERT)
        return alert(t, content);
    if (type != LG_REC_HANDSHAKE)
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    if (t->rec.rx.form != LG_FORM_13)
        return renegotiate(t, content);
    return post_handshake(t, content);
}
