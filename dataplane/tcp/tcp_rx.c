/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_rx.c: what a segment does to a connection, in the order of RFC 9293 section 3.10.7: window,
 * RST, SYN, ACK, text, FIN. Acknowledgement processing is tcp_ack.c. */
#include "tcp_types.h"

/* One segment as parsed; seq and len shrink as it is trimmed to the window. */
struct seg {
    struct lg_buf *b; /* owned by the segment until queued; data at the payload */
    uint32_t seq, ack, window;
    uint8_t flags;
    struct lg_tcp_opts opts;
};

static bool parse(struct lg_buf *b, struct seg *s, struct lg_tcp_tuple *t)
{
    if (b->len < 20)
        return false;
    const uint8_t *h = b->data;
    uint32_t hlen = (uint32_t)(h[12] >> 4) * 4;
    if (hlen < 20 || hlen > b->len)
        return false;
    if (!lg_is_ok(lg_tcp_opt_parse(lg_span(h + 20, hlen - 20), &s->opts)))
        return false;
    t->remote_port = lg_get_be16(h);
    t->local_port = lg_get_be16(h + 2);
    s->seq = lg_get_be32(h + 4);
    s->ack = lg_get_be32(h + 8);
    s->flags = h[13] & 0x3f;
    s->window = lg_get_be16(h + 14);
    s->b = b;
    b->data += hlen;
    b->len -= hlen;
    return true;
}

static uint32_t seg_len(const struct seg *s)
{
    return s->b->len + ((s->flags & TCPF_SYN) ? 1 : 0) + ((s->flags & TCPF_FIN) ? 1 : 0);
}

static void drop(struct lg_tcp *t, struct seg *s, enum lg_stat reason)
{
    lg_stat_inc(t->stats, reason);
    lg_buf_give(s->b);
}

/* -------------------------------------------------------------- no connection, listeners */

static void answer_rst(struct lg_tcp *t, const struct lg_tcp_tuple *tu, const struct seg *s)
{
    if (s->flags & TCPF_RST)
        return;
    if (s->flags & TCPF_ACK)
        lg_tcp_send_rst(t, tu, s->ack, 0, TCPF_RST);
    else
        lg_tcp_send_rst(t, tu, 0, s->seq + seg_len(s), TCPF_RST | TCPF_ACK);
}

static void take_syn_opts(struct lg_tcp_conn *c, const struct lg_tcp_opts *o, bool ours_first)
{
    /* When we offered first, an option holds only if both sides have it. */
    uint32_t mine = ours_first ? c->flags : (F_TS | F_WS | F_SACK);
    c->flags &= ~(F_TS | F_WS | F_SACK);
    if ((mine & F_TS) && o->has_ts) {
        c->flags |= F_TS;
        c->ts_recent = o->ts_val;
    }
    if ((mine & F_WS) && o->has_wscale) {
        c->flags |= F_WS;
        c->snd_wscale = o->wscale;
    } else {
        c->rcv_wscale = 0;
    }
    if ((mine & F_SACK) && o->has_sack_ok)
        c->flags |= F_SACK;
    /* RFC 9293 section 3.7.1: 536 (IPv4) or 1220 (IPv6) when none is given; never absurdly small,
     * or a peer could make us send a packet a byte. */
    uint16_t peer = o->has_mss ? o->mss : (lg_ip_is_v4(&c->remote_ip) ? 536 : 1220);
    c->mss = LG_MIN(lg_tcp_mtu_mss(c->tcp, &c->remote_ip), LG_MAX(peer, 88));
    if (c->flags & F_TS)
        c->mss = (uint16_t)(c->mss - 12);
    c->rcv_mss = c->mss;
    c->cwnd = LG_MIN(10u * c->mss, LG_MAX(2u * c->mss, 14600u)); /* RFC 6928 */
}

static void passive_open(struct lg_tcp *t, const struct lg_tcp_tuple *tu, struct seg *s)
{
    struct lg_tcp_conn *c = lg_tcp_new_conn(t, tu, TCP_SYN_RCVD);
    if (!c) {
        drop(t, s, LG_STAT_DROP_TCP_FULL);
        return;
    }
    c->flags |= F_PASSIVE;
    c->irs = s->seq;
    c->rcv_nxt = s->seq + 1;
    c->rcv_adv = c->rcv_nxt + LG_MIN(t->cfg.rcv_buf_sz, 65535u);
    c->last_ack_sent = c->rcv_nxt;
    c->snd_wnd = s->window;
    c->snd_wl1 = s->seq;
    take_syn_opts(c, &s->opts, false);
    t->counts.embryonic++;
    lg_tcp_want_output(c);
    lg_buf_give(s->b);
}

static void rx_no_conn(struct lg_tcp *t, const struct lg_tcp_tuple *tu, struct seg *s)
{
    if ((s->flags & (TCPF_SYN | TCPF_ACK | TCPF_RST | TCPF_FIN)) == TCPF_SYN &&
        t->ops->is_listening(t->ops_ctx, &tu->local_ip, tu->local_port)) {
        passive_open(t, tu, s);
        return;
    }
    answer_rst(t, tu, s);
    drop(t, s, LG_STAT_DROP_TCP_NO_CONN);
}

/* -------------------------------------------------------------- SYN-SENT */

static void rx_syn_sent(struct lg_tcp_conn *c, const struct lg_tcp_tuple *tu, struct seg *s)
{
    struct lg_tcp *t = c->tcp;
    bool has_ack = (s->flags & TCPF_ACK) != 0;

    if (has_ack && (seq_le(s->ack, c->iss) || seq_gt(s->ack, c->snd_max))) {
        answer_rst(t, tu, s);
        drop(t, s, LG_STAT_DROP_TCP_ACK);
        return;
    }
    if (s->flags & TCPF_RST) {
        if (has_ack) {
            lg_stat_inc(t->stats, LG_STAT_TCP_RESET_RX);
            lg_tcp_finish(c, LG_TCP_EV_RESET);
        }
        lg_buf_give(s->b);
        return;
    }
    if (!(s->flags & TCPF_SYN)) {
        drop(t, s, LG_STAT_DROP_TCP_STATE);
        return;
    }
    c->irs = s->seq;
    c->rcv_nxt = s->seq + 1;
    c->rcv_adv = c->rcv_nxt + LG_MIN(t->cfg.rcv_buf_sz, 65535u);
    c->snd_wnd = s->window;
    c->snd_wl1 = s->seq;
    take_syn_opts(c, &s->opts, true);
    lg_buf_give(s->b);
    if (!has_ack) { /* simultaneous open */
        c->state = TCP_SYN_RCVD;
        c->snd_nxt = c->iss;
        t->counts.embryonic++;
        lg_tcp_want_output(c);
        return;
    }
    c->snd_una = s->ack;
    c->snd_wl2 = s->ack;
    c->rto_at_ns = LG_NS_NEVER;
    c->backoff = 0;
    if (c->flags & F_TS)
        lg_tcp_rtt_sample(c, (lg_ns_t)(lg_tcp_ts_now(t, c) - s->opts.ts_ecr) * 1000000u);
    c->flags |= F_ACK_NOW;
    lg_stat_inc(t->stats, LG_STAT_TCP_CONNECTED);
    lg_tcp_establish(c);
    lg_tcp_want_output(c);
}

/* -------------------------------------------------------------- text and FIN */

static void queue_in_order(struct lg_tcp_conn *c, struct lg_buf *b)
{
    struct lg_buf *tail = c->rcvq.tail;

    c->rcv_nxt += b->len;
    c->ack_pending += b->len;
    /* Tiny segments share a buf: a peer that sends single bytes costs bytes, not bufs. */
    if (tail && b->len <= 512 && lg_buf_tailroom(tail) >= b->len && !lg_buf_is_shared(tail)) {
        memcpy(tail->data + tail->len, b->data, b->len);
        tail->len += b->len;
        c->rcvq.bytes += b->len;
        lg_buf_give(b);
        return;
    }
    b->flags = 0;
    lg_bufq_push(&c->rcvq, b);
}

/* ooo_insert keeps a segment that came early, cut to what the neighbours leave. */
static void ooo_insert(struct lg_tcp_conn *c, struct lg_buf *b)
{
    struct lg_buf **link = &c->ooo;
    struct lg_tcp *t = c->tcp;

    if (c->ooo_cnt >= t->cfg.rcv_buf_sz / 1024 + 16) {
        lg_stat_inc(t->stats, LG_STAT_TCP_OOO_DROP);
        lg_buf_give(b);
        return;
    }
    while (*link && seq_le((*link)->seq, b->seq)) {
        uint32_t end = (*link)->seq + (*link)->len;
        if (seq_ge(end, b->seq + b->len)) {
            lg_stat_inc(t->stats, LG_STAT_TCP_DUP);
            lg_buf_give(b);
            return;
        }
        if (seq_gt(end, b->seq)) {
            uint32_t cut = end - b->seq;
            b->data += cut;
            b->len -= cut;
            b->seq = end;
        }
        link = &(*link)->next;
    }
    /* Those that start inside the new one: swallowed, or its tail cut. */
    while (*link && seq_lt((*link)->seq, b->seq + b->len)) {
        struct lg_buf *o = *link;
        if (seq_gt(o->seq + o->len, b->seq + b->len)) {
            b->len = o->seq - b->seq;
            break;
        }
        *link = o->next;
        lg_buf_give(o);
        c->ooo_cnt--;
    }
    b->next = *link;
    *link = b;
    c->ooo_cnt++;
    lg_stat_inc(t->stats, LG_STAT_TCP_OOO);
}

static void ooo_drain(struct lg_tcp_conn *c)
{
    while (c->ooo && seq_le(c->ooo->seq, c->rcv_nxt)) {
        struct lg_buf *b = c->ooo;
        c->ooo = b->next;
        c->ooo_cnt--;
        uint32_t cut = c->rcv_nxt - b->seq;
        if (cut >= b->len) {
            lg_buf_give(b);
            continue;
        }
        b->data += cut;
        b->len -= cut;
        queue_in_order(c, b);
        c->flags |= F_ACK_NOW; /* RFC 5681 section 4.2: a gap was filled */
    }
}

static void rx_fin(struct lg_tcp_conn *c)
{
    c->rcv_nxt++;
    c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
    c->flags |= F_FIN_RCVD | F_ACK_NOW;
    lg_tcp_event(c, LG_TCP_EV_RX_FIN);
    switch (c->state) {
    case TCP_ESTABLISHED:
        c->state = TCP_CLOSE_WAIT;
        break;
    case TCP_FIN_WAIT_1:
        c->state = TCP_CLOSING; /* our FIN is not acknowledged, or ACK processing had moved us on */
        break;
    case TCP_FIN_WAIT_2:
        lg_tcp_enter_time_wait(c);
        break;
    default:
        break;
    }
}

/* decide_ack: how soon shall what came be acknowledged? */
static void decide_ack(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    if (c->ack_pending == 0)
        return;
    if (c->quick_acks > 0 || c->ack_pending >= 2u * c->rcv_mss || t->cfg.delayed_ack_ns == 0) {
        if (c->quick_acks > 0)
            c->quick_acks--;
        c->flags |= F_ACK_NOW;
    } else if (c->ack_at_ns == LG_NS_NEVER) {
        c->ack_at_ns = t->now_ns + t->cfg.delayed_ack_ns;
    }
}

static void rx_text(struct lg_tcp_conn *c, struct seg *s)
{
    struct lg_tcp *t = c->tcp;
    bool fin = (s->flags & TCPF_FIN) != 0;

    if (c->flags & F_FIN_RCVD || (s->b->len == 0 && !fin)) {
        lg_buf_give(s->b);
        return;
    }
    if (!(c->flags & F_USER) && s->b->len > 0 && c->state != TCP_SYN_RCVD) {
        /* RFC 1122 section 4.2.2.13: nobody will read it; say so. */
        lg_buf_give(s->b);
        lg_tcp_reset(c);
        return;
    }
    if (fin) {
        c->fin_seen = true;
        c->fin_seq = s->seq + s->b->len;
    }
    s->b->seq = s->seq;
    if (s->b->len == 0) {
        lg_buf_give(s->b);
    } else if (s->seq == c->rcv_nxt) {
        c->rcv_mss = (uint16_t)LG_MIN(LG_MAX(s->b->len, (uint32_t)c->rcv_mss / 2), 65535u);
        queue_in_order(c, s->b);
        ooo_drain(c);
        lg_tcp_event(c, LG_TCP_EV_RX);
    } else {
        c->flags |= F_ACK_NOW;
        ooo_insert(c, s->b);
    }
    if (c->fin_seen && c->fin_seq == c->rcv_nxt)
        rx_fin(c);
    else if (fin)
        c->flags |= F_ACK_NOW;
    decide_ack(c);
    if (t->cfg.keepalive_idle_ns && c->state != TCP_TIME_WAIT)
        c->keep_cnt = 0;
    lg_tcp_want_output(c);
}

/* -------------------------------------------------------------- synchronised states */

/* challenge answers with an ACK, at most 100 a second in all (RFC 5961 section 7). */
static void challenge(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    if (lg_ns_since(t->now_ns, t->challenge_ns) >= LG_SEC(1)) {
        t->challenge_ns = t->now_ns;
        t->challenge_cnt = 0;
    }
    if (t->challenge_cnt++ >= 100)
        return;
    c->flags |= F_ACK_NOW;
    lg_tcp_want_output(c);
}

static bool is_acceptable(const struct lg_tcp_conn *c, const struct seg *s)
{
    uint32_t len = seg_len(s), window = c->rcv_adv - c->rcv_nxt;

    if (s->seq == c->rcv_nxt)
        return true; /* also with a zero window: its ACK counts, its text is cut */
    if (len == 0)
        return seq_gt(s->seq, c->rcv_nxt) && seq_lt(s->seq, c->rcv_nxt + window);
    return seq_lt(s->seq, c->rcv_nxt + window) && seq_gt(s->seq + len, c->rcv_nxt);
}

/* trim cuts text that was received before or lies past the window. */
static void trim(struct lg_tcp_conn *c, struct seg *s)
{
    struct lg_buf *b = s->b;

    if (seq_lt(s->seq, c->rcv_nxt)) {
        uint32_t cut = c->rcv_nxt - s->seq;
        if (s->flags & TCPF_SYN) {
            s->flags &= (uint8_t)~TCPF_SYN;
            cut--;
        }
        cut = LG_MIN(cut, b->len);
        b->data += cut;
        b->len -= cut;
        s->seq = c->rcv_nxt;
        c->flags |= F_ACK_NOW;
    }
    if (seq_gt(s->seq + b->len, c->rcv_adv)) {
        b->len = seq_gt(c->rcv_adv, s->seq) ? c->rcv_adv - s->seq : 0;
        s->flags &= (uint8_t)~TCPF_FIN;
        c->flags |= F_ACK_NOW;
    }
}

/* passes_paws: RFC 7323 section 5.3. */
static bool passes_paws(struct lg_tcp_conn *c, const struct seg *s)
{
    if (!(c->flags & F_TS))
        return true;
    if (!s->opts.has_ts)
        return false; /* section 3.2: a segment without the option is dropped */
    if (seq_lt(s->opts.ts_val, c->ts_recent)) {
        challenge(c);
        return false;
    }
    if (seq_le(s->seq, c->last_ack_sent))
        c->ts_recent = s->opts.ts_val;
    return true;
}

static void rx_unacceptable(struct lg_tcp_conn *c, struct seg *s)
{
    struct lg_tcp *t = c->tcp;
    bool dup = seq_le(s->seq + seg_len(s), c->rcv_nxt);

    if (c->state == TCP_SYN_RCVD && (s->flags & TCPF_SYN) && s->seq == c->irs) {
        c->snd_nxt = c->iss; /* the SYN again: our SYN-ACK was lost */
        lg_tcp_want_output(c);
    } else if (!(s->flags & TCPF_RST)) {
        c->flags |= F_ACK_NOW;
        lg_tcp_want_output(c);
        if (c->state == TCP_TIME_WAIT && (s->flags & TCPF_FIN))
            lg_tcp_enter_time_wait(c);
    }
    drop(t, s, dup ? LG_STAT_TCP_DUP : LG_STAT_DROP_TCP_SEQ);
}

static void rx_rst(struct lg_tcp_conn *c, struct seg *s)
{
    struct lg_tcp *t = c->tcp;

    /* RFC 5961 section 3.2: only a RST exactly in sequence resets; others are challenged. */
    if (s->seq != c->rcv_nxt) {
        challenge(c);
        drop(t, s, LG_STAT_DROP_TCP_RST_CHALLENGED);
        return;
    }
    lg_buf_give(s->b);
    lg_stat_inc(t->stats, LG_STAT_TCP_RESET_RX);
    lg_tcp_finish(c, c->state == TCP_TIME_WAIT ? 0 : LG_TCP_EV_RESET);
}

static void rx_synced(struct lg_tcp_conn *c, const struct lg_tcp_tuple *tu, struct seg *s)
{
    struct lg_tcp *t = c->tcp;

    if (!(s->flags & TCPF_RST) && !passes_paws(c, s)) {
        drop(t, s, LG_STAT_DROP_TCP_SEQ);
        return;
    }
    if (!is_acceptable(c, s)) {
        rx_unacceptable(c, s);
        return;
    }
    if (s->flags & TCPF_RST) {
        rx_rst(c, s);
        return;
    }
    if (s->flags & TCPF_SYN) { /* RFC 5961 section 4.2 */
        challenge(c);
        drop(t, s, LG_STAT_DROP_TCP_SYN_CHALLENGED);
        return;
    }
    if (!(s->flags & TCPF_ACK)) {
        drop(t, s, LG_STAT_DROP_TCP_ACK);
        return;
    }
    c->last_rx_ns = t->now_ns;
    c->keep_cnt = 0;
    if (c->state == TCP_SYN_RCVD) {
        if (s->ack != c->iss + 1) {
            answer_rst(t, tu, s);
            drop(t, s, LG_STAT_DROP_TCP_ACK);
            return;
        }
        t->counts.embryonic--;
        lg_stat_inc(t->stats, LG_STAT_TCP_ACCEPTED);
        c->snd_wnd = s->window << c->snd_wscale;
        lg_tcp_establish(c);
    }
    trim(c, s);
    struct lg_tcp_ack a = {
        s->seq,  s->ack, s->window << c->snd_wscale, s->b->len, (s->flags & TCPF_FIN) != 0,
        &s->opts};
    if (!lg_tcp_rx_ack(c, &a)) {
        lg_buf_give(s->b);
        return;
    }
    rx_text(c, s);
}

/* RFC 9293 section 3.10.7.4 and RFC 6191: a new SYN may take over a connection in TIME-WAIT. */
static bool may_reuse_time_wait(const struct lg_tcp_conn *c, const struct seg *s)
{
    if ((s->flags & (TCPF_SYN | TCPF_ACK | TCPF_RST)) != TCPF_SYN)
        return false;
    if ((c->flags & F_TS) && s->opts.has_ts)
        return seq_gt(s->opts.ts_val, c->ts_recent) || seq_gt(s->seq, c->rcv_nxt);
    return seq_gt(s->seq, c->rcv_nxt);
}

void lg_tcp_rx(struct lg_tcp *t, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst,
               lg_ns_t now_ns)
{
    struct lg_tcp_tuple tu = {.local_ip = *dst, .remote_ip = *src};
    struct seg s = {0};

    t->now_ns = now_ns;
    if (!parse(b, &s, &tu)) {
        s.b = b;
        drop(t, &s, LG_STAT_DROP_TCP_HDR);
        return;
    }
    struct lg_tcp_conn *c = lg_tcp_find(t, &tu);
    if (c && c->state == TCP_TIME_WAIT && may_reuse_time_wait(c, &s)) {
        lg_tcp_finish(c, 0);
        c = lg_tcp_find(t, &tu);
    }
    if (!c) {
        rx_no_conn(t, &tu, &s);
        return;
    }
    if (c->state == TCP_SYN_SENT)
        rx_syn_sent(c, &tu, &s);
    else
        rx_synced(c, &tu, &s);
    if (!(c->flags & F_FREE))
        lg_tcp_arm(c);
}
