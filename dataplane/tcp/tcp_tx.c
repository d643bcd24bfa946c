/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_tx.c: building segments and deciding what may be sent now: first what is lost, then new data
 * as far as the peer's window and cwnd allow, then an ACK if none of these carried it.
 *
 * A segment is one buf of the send queue (tcp_seg.c shapes it), and its payload is not copied when
 * nobody else reads the buf: the header is written in front of the data, the buf is lent to
 * ops->output, and data and len are put back. While a driver still holds it (lg_buf_is_shared), the
 * bytes are copied into a fresh buf. */
#include "tcp_priv.h"

#include <string.h>

/* ---------------------------------------------------------------- headers */

/* advertise decides the window field, and moves rcv_adv. The right edge never moves left; it moves
 * right by a useful step or not at all (RFC 1122 section 4.2.3.3). */
static uint16_t advertise(struct lg_tcp_conn *c)
{
    uint32_t wnd = c->rcv_adv - c->rcv_nxt, space = lg_tcp_rcv_space(c);
    uint32_t step = LG_MIN(lg_tcp_rcv_limit(c) / 2, (uint32_t)c->rcv_mss);

    if (space >= wnd + step)
        wnd = space;
    uint32_t field = LG_MIN(wnd >> c->rcv_wscale, (uint32_t)UINT16_MAX);
    c->rcv_adv = lg_seq_max(c->rcv_adv, c->rcv_nxt + (field << c->rcv_wscale));
    return (uint16_t)field;
}

/* push_header writes the 20 bytes in front of b's data, leaving opt_len bytes between for options;
 * returns where those go. */
static uint8_t *push_header(struct lg_buf *b, const struct lg_tcp_tuple *t, uint32_t seq,
                            uint32_t ack, uint8_t flags, uint32_t opt_len)
{
    uint32_t hdr_len = 20 + opt_len;

    b->data -= hdr_len;
    b->len += hdr_len;
    uint8_t *h = b->data;
    lg_put_be16(h, t->local_port);
    lg_put_be16(h + 2, t->remote_port);
    lg_put_be32(h + 4, seq);
    lg_put_be32(h + 8, ack);
    h[12] = (uint8_t)(hdr_len / 4 << 4);
    h[13] = flags;
    memset(h + 14, 0, 6); /* window by the caller; checksum by ops->output; no urgent pointer */
    return h + 20;
}

static void output(struct lg_tcp *tcp, struct lg_buf *b, const struct lg_tcp_tuple *t)
{
    tcp->ops->output(tcp->ops_ctx, b, &t->local_ip, &t->remote_ip);
}

static uint32_t ts_now(const struct lg_tcp_conn *c)
{
    return c->tcp->now_ms + c->ts_off;
}

/* put_header writes the header of a segment of a synchronised connection. */
static void put_header(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t seq, uint8_t flags,
                       const struct lg_tcp_range *sack, uint32_t sack_cnt)
{
    uint32_t ts_len = c->flags & LG_TCP_F_TS ? LG_TCP_OPT_TS_SZ : 0;
    uint32_t sack_len = sack_cnt ? 4 + 8 * sack_cnt : 0;
    uint8_t *opt =
        push_header(b, &c->tuple, seq, c->rcv_nxt, flags | LG_TCP_FL_ACK, ts_len + sack_len);
    if (LG_UNLIKELY(c->flags & LG_TCP_F_ECE))
        b->data[13] |= LG_TCP_FL_ECE;
    if (ts_len)
        lg_tcp_opt_build_ts(opt, ts_now(c), c->ts_recent);
    if (sack_len)
        lg_tcp_opt_build_sack(opt + ts_len, sack, sack_cnt);
    lg_put_be16(b->data + 14, advertise(c));
    c->rcv_acked = c->rcv_nxt;
}

static struct lg_buf *fresh(struct lg_tcp *tcp)
{
    struct lg_buf *b = lg_buf_take(tcp->pool);
    if (LG_UNLIKELY(!b))
        lg_tcp_count(tcp, LG_STAT_DROP_NO_BUF);
    return b;
}

/* try_later: the pool was empty; come back soon. */
static void try_later(struct lg_tcp_conn *c)
{
    c->t_out = LG_MIN(c->t_out, lg_ns_add(c->tcp->now_ns, LG_TCP_NO_BUF_NS));
    lg_tcp_timer_touch(c, c->t_out);
}

/* ---------------------------------------------------------------- segments without payload */

static void send_syn(struct lg_tcp_conn *c)
{
    struct lg_tcp *tcp = c->tcp;
    bool is_answer = c->state == LG_TCP_SYN_RCVD;
    struct lg_tcp_opts o = {
        .mss = lg_tcp_own_mss(tcp, &c->tuple.remote_ip),
        .has_ts = !is_answer || (c->flags & LG_TCP_F_TS),
        .has_wscale = !is_answer || (c->flags & LG_TCP_F_WSCALE),
        .sack_ok = !is_answer || (c->flags & LG_TCP_F_SACK),
        .wscale = tcp->rcv_wscale,
        .ts_val = ts_now(c),
        .ts_ecr = is_answer ? c->ts_recent : 0,
    };
    uint8_t opts[LG_TCP_OPT_MAX];
    struct lg_buf *b = fresh(tcp);

    if (!b) {
        try_later(c);
        return;
    }
    uint32_t opt_len = lg_tcp_opt_build_syn(opts, &o);
    uint8_t *at = push_header(
        b, &c->tuple, c->snd_una, is_answer ? c->rcv_nxt : 0,
        (uint8_t)(LG_TCP_FL_SYN | (is_answer ? LG_TCP_FL_ACK : 0) | lg_tcp_ecn_syn_flags(c)),
        opt_len);
    memcpy(at, opts, opt_len);
    lg_put_be16(b->data + 14, (uint16_t)LG_MIN(tcp->cfg.rcv_buf_sz, (uint32_t)UINT16_MAX));
    output(tcp, b, &c->tuple);
    lg_buf_give(b);
    c->flags &= ~LG_TCP_F_SYN_DUE;
    if (c->tx_at_ns == 0) {
        c->tx_at_ns = LG_MAX(tcp->now_ns, 1u);
        lg_tcp_arm_rtx(c);
    } else {
        c->flags |= LG_TCP_F_SYN_AGAIN; /* its round trip is in doubt */
        lg_tcp_count(tcp, LG_STAT_TCP_RETRANS);
    }
}

bool lg_tcp_send_syn_ack(struct lg_tcp *tcp, const struct lg_tcp_tuple *t,
                         const struct lg_tcp_seg *s)
{
    uint8_t opts[LG_TCP_OPT_MAX];
    struct lg_buf *b = fresh(tcp);

    if (!b)
        return false;
    uint32_t opt_len = lg_tcp_opt_build_syn(opts, &s->opts);
    memcpy(push_header(b, t, s->seq, s->ack, s->flags, opt_len), opts, opt_len);
    lg_put_be16(b->data + 14, (uint16_t)LG_MIN(tcp->cfg.rcv_buf_sz, (uint32_t)UINT16_MAX));
    output(tcp, b, t);
    lg_buf_give(b);
    return true;
}

/* acked: an ACK has gone out. */
static void acked(struct lg_tcp_conn *c)
{
    if ((c->flags & LG_TCP_F_ACK_LATER) && c->ooo_cnt == 0)
        c->t_out = LG_NS_NEVER;
    c->flags &= ~(LG_TCP_F_ACK_NOW | LG_TCP_F_ACK_LATER);
}

/* sack_blocks collects what an ACK reports: first what came twice (RFC 2883), then the islands. */
static uint32_t sack_blocks(struct lg_tcp_conn *c, struct lg_tcp_range r[LG_TCP_OPT_SACK_MAX])
{
    uint32_t max = c->flags & LG_TCP_F_TS ? LG_TCP_OPT_SACK_MAX - 1 : LG_TCP_OPT_SACK_MAX, cnt = 0;

    if (c->flags & LG_TCP_F_DSACK_DUE)
        r[cnt++] = c->dsack;
    c->flags &= ~LG_TCP_F_DSACK_DUE;
    if (c->ooo_cnt > 0)
        for (uint32_t i = 0; cnt < max && c->rcv_sack[i].start != c->rcv_sack[i].end; i++)
            r[cnt++] = c->rcv_sack[i];
    return cnt;
}

/* send_empty sends a segment without payload; false: no buf. */
static bool send_empty(struct lg_tcp_conn *c, uint32_t seq)
{
    struct lg_tcp_range sack[LG_TCP_OPT_SACK_MAX];
    struct lg_buf *b = fresh(c->tcp);

    if (!b) {
        try_later(c);
        return false;
    }
    uint32_t cnt = c->flags & LG_TCP_F_SACK ? sack_blocks(c, sack) : 0;
    put_header(c, b, seq, 0, sack, cnt);
    output(c->tcp, b, &c->tuple);
    lg_buf_give(b);
    return true;
}

static void send_acks(struct lg_tcp_conn *c)
{
    /* Without SACK the peer counts duplicate ACKs: give it one for each segment out of order. */
    uint32_t cnt = 1 + c->dup_acks_due;

    c->dup_acks_due = 0;
    while (cnt-- > 0)
        if (!send_empty(c, c->snd_nxt))
            return;
    acked(c);
}

void lg_tcp_send_rst(struct lg_tcp_conn *c)
{
    struct lg_buf *b = fresh(c->tcp);
    if (!b)
        return;
    push_header(b, &c->tuple, c->snd_nxt, c->rcv_nxt, LG_TCP_FL_RST | LG_TCP_FL_ACK, 0);
    output(c->tcp, b, &c->tuple);
    lg_buf_give(b);
}

void lg_tcp_reply_rst(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, const struct lg_tcp_seg *s)
{
    if (s->flags & LG_TCP_FL_RST)
        return;
    if (!lg_tcp_quota_take(tcp, &tcp->resets, LG_TCP_RESETS_ALL)) {
        lg_tcp_count(tcp, LG_STAT_TCP_RST_SPARED);
        return;
    }
    struct lg_buf *b = fresh(tcp);
    if (!b)
        return;
    if (s->flags & LG_TCP_FL_ACK) {
        push_header(b, t, s->ack, 0, LG_TCP_FL_RST, 0);
    } else {
        uint32_t end = s->seq + s->len + (s->flags & LG_TCP_FL_SYN ? 1 : 0) +
                       (s->flags & LG_TCP_FL_FIN ? 1 : 0);
        push_header(b, t, 0, end, LG_TCP_FL_RST | LG_TCP_FL_ACK, 0);
    }
    output(tcp, b, t);
    lg_buf_give(b);
}

/* ---------------------------------------------------------------- segments with payload */

static bool is_new_with_ecn(const struct lg_tcp_conn *c, const struct lg_buf *b)
{
    return (c->flags & LG_TCP_F_ECN) && !(b->flags & (LG_TCP_TX_SENT | LG_TCP_TX_LOST));
}

/* mark_new: b is data never sent before, of a connection with ECN: the network may mark it, and it
 * says once that cwnd was reduced; returns TCP flags.
 *= https://www.rfc-editor.org/rfc/rfc3168#section-6.1.5
 *# ECN-capable TCP implementations MUST NOT set either ECT codepoint (ECT(0) or ECT(1)) in the IP
 *# header for retransmitted data packets */
static uint8_t mark_new(struct lg_tcp_conn *c, struct lg_buf *b)
{
    bool cwr = c->flags & LG_TCP_F_CWR_DUE;

    lg_buf_set_ecn(b, LG_ECN_ECT0);
    c->flags &= ~LG_TCP_F_CWR_DUE;
    return cwr ? LG_TCP_FL_CWR : 0;
}

static bool send_copy(struct lg_tcp_conn *c, const struct lg_buf *from, uint32_t seq, uint8_t flags)
{
    struct lg_buf *b = fresh(c->tcp);

    if (!b) {
        try_later(c);
        return false;
    }
    if (from) {
        memcpy(b->data, from->data, from->len);
        b->len = from->len;
        lg_tcp_count(c->tcp, LG_STAT_TCP_COPIED);
        if (is_new_with_ecn(c, from))
            flags |= mark_new(c, b);
    }
    put_header(c, b, seq, flags, NULL, 0);
    output(c->tcp, b, &c->tuple);
    lg_buf_give(b);
    return true;
}

/* send_seg sends one segment: b of sndq, or NULL for a FIN without data; false: no buf. */
static bool send_seg(struct lg_tcp_conn *c, struct lg_buf *b, bool with_fin)
{
    uint8_t flags = with_fin ? LG_TCP_FL_FIN : 0;

    if (b && b->seq + b->len == c->snd_end)
        flags |= LG_TCP_FL_PSH;
    if (LG_LIKELY(b && lg_buf_headroom(b) >= LG_BUF_HEADROOM && !lg_buf_is_shared(b))) {
        uint8_t *data = b->data;
        uint32_t len = b->len;
        lg_buf_set_ecn(b, LG_ECN_NOT);
        if (is_new_with_ecn(c, b))
            flags |= mark_new(c, b);
        put_header(c, b, b->seq, flags, NULL, 0);
        output(c->tcp, b, &c->tuple);
        b->data = data;
        b->len = len;
    } else if (!send_copy(c, b, b ? b->seq : c->snd_end, flags)) {
        return false;
    }
    if (c->ooo_cnt == 0 &&
        !(c->flags & LG_TCP_F_DSACK_DUE)) /* else SACK blocks must still go out */
        acked(c);
    c->tx_at_ns = c->tcp->now_ns;
    if (b)
        lg_tcp_seg_sent(c, b);
    return true;
}

bool lg_tcp_send_again(struct lg_tcp_conn *c, struct lg_buf *b)
{
    bool with_fin = (c->flags & LG_TCP_F_FIN_SENT) && (!b || b->seq + b->len == c->snd_end);

    if (!b && !with_fin)
        return false;
    if (!send_seg(c, b, with_fin))
        return false;
    lg_tcp_count(c->tcp, LG_STAT_TCP_RETRANS);
    if (b)
        b->flags |= LG_TCP_TX_AGAIN;
    return true;
}

/* is_held: after a timeout that may prove spurious, new data goes before more repetitions. */
static bool is_held(const struct lg_tcp_conn *c)
{
    return (c->loss & (LG_TCP_L_FRTO | LG_TCP_L_HEAD_DUE)) == LG_TCP_L_FRTO && c->tx_next &&
           lg_seq_gt(c->snd_una + c->snd_wnd, c->snd_nxt + c->mss);
}

/* send_lost sends again what is lost; returns segments sent. */
static uint32_t send_lost(struct lg_tcp_conn *c, uint32_t *pipe, uint32_t budget)
{
    uint32_t n = 0, limit = LG_MIN((uint32_t)c->mss, c->tcp->pool->room);
    struct lg_buf *b;

    for (; n < budget && (b = c->lost.oldest) != NULL && !is_held(c); n++) {
        if (b->len > limit && !lg_tcp_seg_shape(c, b, limit)) {
            try_later(c);
            break;
        }
        bool must = (c->loss & LG_TCP_L_HEAD_DUE) || b->seq == c->snd_una;
        if (*pipe > 0 && *pipe + b->len > c->cwnd && !must) {
            c->flags |= LG_TCP_F_CWND_FULL;
            break;
        }
        if (!lg_tcp_send_again(c, b))
            break;
        c->loss &= ~(uint32_t)LG_TCP_L_HEAD_DUE;
        lg_tcp_loss_sent_again(c, b->len);
        if (b->seq == c->snd_una)
            lg_tcp_arm_rtx(c);
        *pipe += b->len;
    }
    if (LG_UNLIKELY(c->loss & LG_TCP_L_FIN_LOST) && n < budget && lg_tcp_send_again(c, NULL)) {
        c->loss &= ~(uint32_t)(LG_TCP_L_FIN_LOST | LG_TCP_L_HEAD_DUE);
        n++;
    }
    return n;
}

/* sent_new moves on after b (NULL: a FIN alone) has been sent for the first time. */
static void sent_new(struct lg_tcp_conn *c, struct lg_buf *b, bool with_fin)
{
    c->snd_nxt += (b ? b->len : 0) + with_fin;
    if (b)
        c->tx_next = b->next;
    if (with_fin) {
        c->flags |= LG_TCP_F_FIN_SENT;
        lg_tcp_set_state(c, c->state == LG_TCP_CLOSE_WAIT ? LG_TCP_LAST_ACK : LG_TCP_FIN_WAIT_1);
    }
}

/* has_new: is there anything never sent, data or FIN? */
static bool has_new(const struct lg_tcp_conn *c)
{
    return c->tx_next ||
           (c->flags & (LG_TCP_F_FIN_QUEUED | LG_TCP_F_FIN_SENT)) == LG_TCP_F_FIN_QUEUED;
}

/* is_silly: sender's side of silly window avoidance (RFC 1122 section 4.2.3.4): wnd bytes of
 * window do not take a full segment, though there is one to send. */
static bool is_silly(const struct lg_tcp_conn *c, uint32_t wnd)
{
    return wnd < c->mss && c->snd_end - c->snd_nxt > wnd && wnd < c->max_wnd / 2 &&
           !(c->flags & LG_TCP_F_FORCE);
}

/* is_crowded: cutting b would take still more bufs, though so many are held already that the ACKs
 * of those on their way must give some back first. A peer with a tiny MSS would take very many. */
static bool is_crowded(const struct lg_tcp_conn *c, const struct lg_buf *b, uint32_t limit)
{
    return b->len > limit && c->sndq.cnt >= lg_tcp_bufs_for(lg_tcp_snd_limit(c)) &&
           c->snd_una != c->snd_nxt;
}

/* send_next sends one segment of new data; false: nothing could be. *pipe: NULL: whatever cwnd
 * says. */
static bool send_next(struct lg_tcp_conn *c, uint32_t *pipe)
{
    uint32_t limit = LG_MIN((uint32_t)c->mss, c->tcp->pool->room);
    int32_t wnd = (int32_t)(c->snd_una + c->snd_wnd - c->snd_nxt);
    struct lg_buf *b = c->tx_next;

    if (wnd <= 0 || is_silly(c, (uint32_t)wnd))
        return false;
    if (b && LG_UNLIKELY(is_crowded(c, b, limit)))
        return false;
    if (b && !lg_tcp_seg_shape(c, b, LG_MIN(limit, (uint32_t)wnd))) {
        try_later(c);
        return false;
    }
    uint32_t len = b ? b->len : 0;
    if (pipe && *pipe > 0 && *pipe + len > c->cwnd) {
        c->flags |= LG_TCP_F_CWND_FULL;
        return false;
    }
    bool with_fin =
        (c->flags & LG_TCP_F_FIN_QUEUED) && c->snd_nxt + len == c->snd_end && len < (uint32_t)wnd;
    if (!send_seg(c, b, with_fin))
        return false;
    sent_new(c, b, with_fin);
    if (pipe)
        *pipe += len;
    if (LG_UNLIKELY(c->rep != NULL))
        c->rep->prr_out += len;
    return true;
}

/* restart: nothing was sent for longer than a retransmission timeout, and what cwnd says is old
 * news: it halves for each such time, down to the initial window (RFC 2861; RFC 5681 section 4.1
 * would go there at once). ssthresh keeps three quarters of it, so that slow start finds back. */
static void restart(struct lg_tcp_conn *c)
{
    uint64_t rtos = lg_ns_since(c->tcp->now_ns, c->tx_at_ns) / LG_US(lg_tcp_rto_us(c));
    uint32_t least = LG_MIN(c->cwnd, LG_TCP_IW_SEGS * c->mss);

    c->ssthresh = LG_MAX(c->ssthresh, c->cwnd - c->cwnd / 4);
    c->cwnd = LG_MAX(rtos < 31 ? c->cwnd >> rtos : 0, least);
}

/* send_new sends what has never been sent; returns segments sent. */
static uint32_t send_new(struct lg_tcp_conn *c, uint32_t *pipe, uint32_t budget)
{
    uint32_t n = 0;

    if (c->snd_una == c->snd_nxt &&
        lg_ns_since(c->tcp->now_ns, c->tx_at_ns) > LG_US(lg_tcp_rto_us(c)))
        restart(c);
    while (n < budget && has_new(c) && send_next(c, pipe))
        n++;
    return n;
}

bool lg_tcp_send_probe_new(struct lg_tcp_conn *c)
{
    return has_new(c) && send_next(c, NULL);
}

/* go_on: the budget of this turn is used up. What pacing holds back, cwnd holds back: from that the
 * pace is derived. */
static void go_on(struct lg_tcp_conn *c, uint32_t budget)
{
    if (budget == LG_TCP_BURST_SEGS)
        lg_tcp_due(c);
    else if (c->lost_sz > 0 || has_new(c))
        c->flags |= LG_TCP_F_PACED | LG_TCP_F_CWND_FULL;
}

/* send_all sends data, as far as anything allows. */
static void send_all(struct lg_tcp_conn *c)
{
    if (LG_UNLIKELY(c->mss < c->mss_full))
        lg_tcp_pmtu_age(c);
    uint32_t pipe = lg_tcp_pipe(c), was = pipe, budget = lg_tcp_pace_segs(c), n = 0;

    c->flags &= ~(LG_TCP_F_CWND_FULL | LG_TCP_F_PACED);
    if (LG_UNLIKELY(c->loss & LG_TCP_L_TLP_DUE))
        (void)lg_tcp_tlp_send(c);
    if (c->loss || c->lost_sz)
        n = send_lost(c, &pipe, c->loss & LG_TCP_L_HEAD_DUE ? LG_MAX(budget, 1u) : budget);
    if (n < budget)
        n += send_new(c, &pipe, budget - n);
    c->flags &= ~LG_TCP_F_FORCE;
    if (n > 0) {
        lg_tcp_pace_sent(c, pipe - was);
        if (c->snd_una != c->snd_nxt)
            lg_tcp_arm_after_send(c);
    }
    if (n >= budget)
        go_on(c, budget);
    /* Nothing on its way whose ACK would wake us, and the window is shut: ask for it. */
    if (c->snd_una == c->snd_nxt && has_new(c) && c->t_rtx == LG_NS_NEVER &&
        !(c->flags & LG_TCP_F_PACED)) {
        c->backoff = 0;
        lg_tcp_arm_rtx(c);
        c->flags |= LG_TCP_F_PERSIST;
    }
}

void lg_tcp_output(struct lg_tcp_conn *c)
{
    if (LG_UNLIKELY(c->state <= LG_TCP_SYN_RCVD)) {
        if (c->flags & LG_TCP_F_SYN_DUE)
            send_syn(c);
        if (c->state == LG_TCP_SYN_RCVD && (c->flags & LG_TCP_F_ACK_NOW))
            send_acks(c);
        return;
    }
    if (c->snd_una != c->snd_nxt || has_new(c))
        send_all(c);
    /*= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.1
     *= type=exception
     *= reason=probe without payload, one before snd_una: answered by every receiver alike
     *# The sending TCP peer must regularly transmit at least one octet of new data */
    if (c->flags & LG_TCP_F_PROBE) {
        c->flags &= ~LG_TCP_F_PROBE;
        (void)send_empty(c, c->snd_una - 1);
    }
    if (c->flags & LG_TCP_F_ACK_NOW)
        send_acks(c);
    if (c->flags & LG_TCP_F_PACED) /* last: an ACK sent takes t_out back */
        lg_tcp_pace_arm(c);
}
