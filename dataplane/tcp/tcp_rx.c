/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_rx.c: a segment's way in, in the order of RFC 9293 section 3.10.7.4: parse, find, PAWS,
 * sequence, RST, SYN, ACK, text, FIN. Segments before a connection is synchronised, and after it
 * is over, are tcp_rx_syn.c's. */
#include "tcp_priv.h"

/* parse reads the header; false: it lies. On true b->data is at the payload. */
static bool parse(struct lg_buf *b, struct lg_tcp_tuple *t, struct lg_tcp_seg *s)
{
    const uint8_t *h = b->data;

    if (LG_UNLIKELY(b->len < 20))
        return false;
    uint32_t hdr_len = (uint32_t)(h[12] >> 4) * 4;
    if (LG_UNLIKELY(hdr_len < 20 || hdr_len > b->len))
        return false;
    t->remote_port = lg_get_be16(h);
    t->local_port = lg_get_be16(h + 2);
    if (LG_UNLIKELY(t->remote_port == 0 || t->local_port == 0))
        return false;
    s->b = b;
    s->seq = lg_get_be32(h + 4);
    s->ack = lg_get_be32(h + 8);
    s->flags = h[13] & 0xdf; /* all but URG */
    s->ecn = (uint8_t)lg_buf_ecn(b);
    s->wnd = lg_get_be16(h + 14);
    s->len = b->len - hdr_len;
    lg_span_t opt = {h + 20, hdr_len - 20};
    if (LG_LIKELY(lg_tcp_opt_is_ts(opt))) {
        s->opts.has_ts = true;
        s->opts.sack_cnt = 0;
        s->opts.ts_val = lg_get_be32(opt.p + 4);
        s->opts.ts_ecr = lg_get_be32(opt.p + 8);
        s->opts.has_mss = s->opts.has_wscale = s->opts.sack_ok = false;
    } else if (!lg_is_ok(lg_tcp_opt_parse(opt, &s->opts))) {
        return false;
    }
    b->data += hdr_len;
    b->len = s->len;
    b->seq = s->seq;
    b->next = NULL;
    return true;
}

bool lg_tcp_quota_take(struct lg_tcp *tcp, struct lg_tcp_quota *q, uint32_t a_second)
{
    if (q->since_ns == 0 || lg_ns_since(tcp->now_ns, q->since_ns) >= LG_SEC(1)) {
        /* Not the same number each second: else others could count by what is left of it. */
        uint64_t dice = lg_siphash(&tcp->cfg.secret, &tcp->now_ns, sizeof tcp->now_ns);
        q->since_ns = LG_MAX(tcp->now_ns, 1u);
        q->left = a_second / 2 + (uint32_t)(dice % a_second);
    }
    if (q->left == 0)
        return false;
    q->left--;
    return true;
}

void lg_tcp_challenge(struct lg_tcp_conn *c)
{
    uint16_t now_s = lg_tcp_now_s(c->tcp);

    /*= https://www.rfc-editor.org/rfc/rfc5961#section-7
     *# An implementation SHOULD include an ACK throttling mechanism */
    if (now_s != c->challenge_at) {
        c->challenge_at = now_s;
        c->challenge_cnt = 0;
    }
    if (c->challenge_cnt >= LG_TCP_CHALLENGE_MAX ||
        !lg_tcp_quota_take(c->tcp, &c->tcp->challenges, LG_TCP_CHALLENGES_ALL)) {
        lg_tcp_count(c->tcp, LG_STAT_TCP_CHALLENGE_SPARED);
        return;
    }
    c->challenge_cnt++;
    c->flags |= LG_TCP_F_ACK_NOW;
    lg_tcp_due(c);
}

/* refuse answers a segment outside the window: with an ACK, unless that could make two confused
 * ends chat for ever (then rate limited). */
static void refuse(struct lg_tcp_conn *c, const struct lg_tcp_seg *s, enum lg_stat why)
{
    lg_tcp_count(c->tcp, why);
    if (s->flags & LG_TCP_FL_RST)
        return;
    if (s->len == 0 && !(s->flags & LG_TCP_FL_FIN)) {
        lg_tcp_challenge(c);
        return;
    }
    c->flags |= LG_TCP_F_ACK_NOW;
    lg_tcp_due(c);
}

/* paws_ok: RFC 7323 section 5.3, R1. */
static bool paws_ok(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    if (s->flags & LG_TCP_FL_RST)
        return true;
    /*= https://www.rfc-editor.org/rfc/rfc7323#section-3.2
     *# If a non-<RST> segment is received without a TSopt, a TCP SHOULD silently drop the segment.
     */
    if (!s->opts.has_ts) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_SEQ);
        return false;
    }
    if (LG_LIKELY(lg_seq_geq(s->opts.ts_val, c->ts_recent)) ||
        lg_ns_since(c->tcp->now_ns, c->rx_at_ns) > LG_TCP_PAWS_IDLE_NS)
        return true;
    refuse(c, s, LG_STAT_DROP_TCP_SEQ);
    return false;
}

/* in_window: RFC 9293 section 3.10.7.4, first check. A FIN is let in at the window's edge: it
 * takes no memory. */
static bool in_window(const struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    uint32_t wnd = c->rcv_adv - c->rcv_nxt;
    uint32_t len = s->len + (s->flags & LG_TCP_FL_SYN ? 1 : 0);
    uint32_t off = s->seq - c->rcv_nxt;

    if (off == 0)
        return true; /* what does not fit is cut; its ACK counts even when the window is shut */
    if (off < wnd)
        return true;
    return len > 0 && lg_seq_lt(s->seq, c->rcv_nxt) && lg_seq_gt(s->seq + len, c->rcv_nxt);
}

/* rx_rst: RFC 5961 section 3.2. The sequence number is in the window. */
static void rx_rst(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    if (s->seq != c->rcv_nxt) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_RST_CHALLENGED);
        lg_tcp_challenge(c);
        return;
    }
    lg_tcp_count(c->tcp, LG_STAT_TCP_RESET_RX);
    /* Both FINs are out and all data has arrived: only the last ACK is missing, and nobody is
     * harmed (RFC 9293 section 3.10.7.4 signals nothing in CLOSING and LAST-ACK). */
    bool is_done =
        (c->state == LG_TCP_CLOSING || c->state == LG_TCP_LAST_ACK) && c->sndq.bytes == 0;
    lg_tcp_conn_close(c, is_done ? 0 : LG_TCP_EV_RESET);
}

/* cut trims the segment to the window: what was received before, and what passes the edge. */
static void cut(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    struct lg_buf *b = s->b;

    if (lg_seq_lt(s->seq, c->rcv_nxt)) {
        uint32_t old = LG_MIN(c->rcv_nxt - s->seq, s->len);
        lg_tcp_note_dup(c, s->seq, s->seq + old);
        b->data += old;
        b->len -= old;
        s->seq += old;
        s->len -= old;
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
    }
    if (s->len > 0 && lg_seq_gt(s->seq + s->len, c->rcv_adv)) {
        uint32_t over = LG_MIN(s->seq + s->len - c->rcv_adv, s->len);
        b->len -= over;
        s->len -= over;
        s->flags &= (uint8_t)~LG_TCP_FL_FIN;
        if (s->len == 0)
            lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_SEQ);
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
    }
    b->seq = s->seq;
}

/* note_ts: RFC 7323 section 4.3 (2). Called with the segment as it came. */
static inline void note_ts(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    if ((c->flags & LG_TCP_F_TS) && s->opts.has_ts && lg_seq_leq(s->seq, c->rcv_acked))
        c->ts_recent = s->opts.ts_val;
}

/* syn_rcvd_ack: the ACK that should complete our handshake; false: it does not, or c is over: its
 * source has enough. */
static bool syn_rcvd_ack(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    if (lg_seq_leq(s->ack, c->snd_una) || lg_seq_gt(s->ack, c->snd_nxt)) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_ACK);
        lg_tcp_reply_rst(c->tcp, &c->tuple, s);
        return false;
    }
    if ((c->flags & LG_TCP_F_PASSIVE) && !lg_tcp_source_comes(c)) {
        lg_tcp_send_rst(c);
        lg_tcp_conn_close(c, 0);
        return false;
    }
    c->snd_una++;
    c->snd_wl1 = s->seq;
    c->snd_wl2 = s->ack;
    c->snd_wnd = s->wnd << c->snd_wscale;
    c->max_wnd = LG_MAX(c->max_wnd, c->snd_wnd);
    lg_tcp_established(c);
    return true;
}

/* is_same_syn: the SYN that we have answered already: our SYN-ACK was lost, send it again. With an
 * ACK on it the two ends have opened simultaneously, and it is the ACK that counts. */
static bool is_same_syn(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    if (!(s->flags & LG_TCP_FL_SYN) || (s->flags & LG_TCP_FL_RST) || s->seq != c->rcv_nxt - 1)
        return false;
    if (s->flags & LG_TCP_FL_ACK) {
        s->flags &= (uint8_t) ~(LG_TCP_FL_SYN | LG_TCP_FL_ECE | LG_TCP_FL_CWR);
        s->seq++;
        return false;
    }
    c->flags |= LG_TCP_F_SYN_DUE;
    lg_tcp_due(c);
    return true;
}

/* rx_slow takes everything that is not the next segment of an undisturbed stream. */
static void rx_slow(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    if ((c->flags & LG_TCP_F_TS) && !paws_ok(c, s))
        return;
    if (c->state == LG_TCP_SYN_RCVD && is_same_syn(c, s))
        return;
    if (!in_window(c, s)) {
        bool is_old = s->len > 0 && lg_seq_leq(s->seq + s->len, c->rcv_nxt);
        if (is_old)
            lg_tcp_note_dup(c, s->seq, s->seq + s->len);
        refuse(c, s, is_old ? LG_STAT_TCP_DUP : LG_STAT_DROP_TCP_SEQ);
        return;
    }
    if (s->flags & LG_TCP_FL_RST) {
        rx_rst(c, s);
        return;
    }
    /*= https://www.rfc-editor.org/rfc/rfc5961#section-4.2
     *# If the SYN bit is set, irrespective of the sequence number, TCP MUST send an ACK (also
     *# referred to as challenge ACK) to the remote peer */
    if (s->flags & LG_TCP_FL_SYN) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_SYN_CHALLENGED);
        lg_tcp_challenge(c);
        return;
    }
    if (!(s->flags & LG_TCP_FL_ACK)) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_STATE);
        return;
    }
    if (c->state == LG_TCP_SYN_RCVD && !syn_rcvd_ack(c, s))
        return;
    note_ts(c, s);
    c->rx_at_ns = c->tcp->now_ns;
    c->keep_probes = 0;
    if (!lg_tcp_ack_in(c, s))
        return;
    cut(c, s);
    if (LG_UNLIKELY((c->flags & LG_TCP_F_ECN) && s->len > 0))
        lg_tcp_ecn_text(c, s);
    lg_tcp_text_in(c, s);
}

/* is_predicted: header prediction. Plain ACK with or without data, next in sequence, nothing out
 * of order, fits the window, timestamp not older, not marked by the network. */
static inline bool is_predicted(const struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    if (c->state != LG_TCP_ESTABLISHED || s->seq != c->rcv_nxt ||
        (s->flags & (uint8_t)~LG_TCP_FL_PSH) != LG_TCP_FL_ACK || s->len > c->rcv_adv - c->rcv_nxt ||
        s->ecn == LG_ECN_CE)
        return false;
    return !(c->flags & LG_TCP_F_TS) ||
           (s->opts.has_ts && lg_seq_geq(s->opts.ts_val, c->ts_recent));
}

void lg_tcp_rx_conn(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    if (LG_LIKELY(is_predicted(c, s))) {
        note_ts(c, s);
        c->rx_at_ns = c->tcp->now_ns;
        c->keep_probes = 0;
        if (LG_LIKELY(lg_tcp_ack_in(c, s)) && s->len > 0)
            lg_tcp_text_in(c, s);
        return;
    }
    switch (c->state) {
    case LG_TCP_SYN_SENT:
        lg_tcp_rx_syn_sent(c, s);
        break;
    case LG_TCP_TIME_WAIT:
        lg_tcp_rx_time_wait(c, s);
        break;
    default:
        rx_slow(c, s);
        break;
    }
}

void lg_tcp_rx(struct lg_tcp *tcp, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst,
               lg_ns_t now_ns)
{
    struct lg_tcp_tuple t = {.local_ip = *dst, .remote_ip = *src};
    struct lg_tcp_seg s;

    lg_tcp_now(tcp, now_ns);
    if (LG_UNLIKELY(!parse(b, &t, &s))) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_HDR);
        lg_buf_give(b);
        return;
    }
    struct lg_tcp_conn *c = lg_tcp_find(tcp, &t);
    if (LG_LIKELY(c != NULL))
        lg_tcp_rx_conn(c, &s);
    else
        lg_tcp_rx_listen(tcp, &t, &s);
    lg_buf_give(s.b);
}
