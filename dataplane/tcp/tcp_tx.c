/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_tx.c: building segments and deciding what may be sent: lost segments first, then new data,
 * then FIN, within the peer's window and the congestion window; an ACK when nothing else carries
 * one.
 *
 * A full segment of the send queue is one buf: its header is written into the buf's own headroom
 * and the buf is lent to the output. Only a buf that a driver still reads, that has too little
 * headroom, or of which only a part fits the window, is copied. */
#include "tcp_types.h"

#define HEADER_MAX 60u

uint32_t lg_tcp_ts_now(const struct lg_tcp *t, const struct lg_tcp_conn *c)
{
    /* RFC 7323 section 5.4: 1 ms ticks; the offset keeps uptime from showing. */
    return (uint32_t)(t->now_ns / 1000000u) + c->iss;
}

/* open_window moves the advertised right edge when that helps the peer: silly window avoidance,
 * RFC 9293 section 3.8.6.2.2. */
static void open_window(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    uint32_t used = c->rcvq.bytes;
    uint32_t bufs_max = t->cfg.rcv_buf_sz / 512 + 64;
    uint32_t room = used < t->cfg.rcv_buf_sz ? t->cfg.rcv_buf_sz - used : 0;
    if (c->rcvq.cnt + c->ooo_cnt > bufs_max)
        room = 0;
    uint32_t edge = c->rcv_nxt + (room >> c->rcv_wscale << c->rcv_wscale);
    uint32_t step = LG_MIN(t->cfg.rcv_buf_sz / 2, 2u * c->rcv_mss);
    if (seq_gt(edge, c->rcv_adv) && (edge - c->rcv_adv >= step || c->rcv_adv == c->rcv_nxt))
        c->rcv_adv = edge;
}

/* lg_tcp_window_would_grow: taking data has opened the window enough to tell the peer. */
bool lg_tcp_window_would_grow(const struct lg_tcp_conn *c)
{
    const struct lg_tcp *t = c->tcp;
    uint32_t used = LG_MIN(c->rcvq.bytes, t->cfg.rcv_buf_sz);
    uint32_t edge = c->rcv_nxt + (t->cfg.rcv_buf_sz - used);
    uint32_t step = LG_MIN(t->cfg.rcv_buf_sz / 2, LG_MAX(2u * c->rcv_mss, t->cfg.rcv_buf_sz / 4));
    return seq_gt(edge, c->rcv_adv) && edge - c->rcv_adv >= step;
}

/* fill_sack reports what lies out of order, as many blocks as fit beside `len` payload bytes. */
static void fill_sack(const struct lg_tcp_conn *c, uint32_t len, struct lg_tcp_opts *o)
{
    uint32_t room = lg_tcp_mtu_mss(c->tcp, &c->remote_ip), used = len + (c->flags & F_TS ? 12 : 0);
    unsigned max = used + 12 <= room ? (room - used - 4) / 8 : 0;

    max = LG_MIN(max, c->flags & F_TS ? 3u : 4u);
    if (max == 0)
        return;
    for (const struct lg_buf *b = c->ooo; b; b = b->next) {
        if (o->sack_cnt && o->sack[o->sack_cnt - 1].to == b->seq) {
            o->sack[o->sack_cnt - 1].to = b->seq + b->len;
            continue;
        }
        if (o->sack_cnt == max)
            break;
        o->sack[o->sack_cnt].from = b->seq;
        o->sack[o->sack_cnt++].to = b->seq + b->len;
    }
}

static uint32_t build_opts(struct lg_tcp_conn *c, uint8_t tcp_flags, uint32_t len, uint8_t out[40])
{
    struct lg_tcp_opts o = {0};

    if (tcp_flags & TCPF_SYN) {
        o.has_mss = true;
        o.mss = lg_tcp_mtu_mss(c->tcp, &c->remote_ip);
        /* A SYN-ACK echoes only what the SYN offered. */
        o.has_wscale = (c->flags & F_WS) != 0;
        o.wscale = c->rcv_wscale;
        o.has_sack_ok = (c->flags & F_SACK) != 0;
    } else if ((c->flags & F_SACK) && c->ooo && (tcp_flags & TCPF_ACK)) {
        fill_sack(c, len, &o);
    }
    if (c->flags & F_TS) {
        o.has_ts = true;
        o.ts_val = lg_tcp_ts_now(c->tcp, c);
        o.ts_ecr = tcp_flags & TCPF_ACK ? c->ts_recent : 0;
    }
    return lg_tcp_opt_build(&o, out);
}

/* emit puts a header in front of b's bytes and sends it. b is unshared and has HEADER_MAX bytes of
 * headroom beyond what lower layers want; its data and len are as before afterwards. */
static void emit(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t seq, uint8_t tcp_flags)
{
    struct lg_tcp *t = c->tcp;
    uint8_t opts[40];
    uint32_t opt_len = build_opts(c, tcp_flags, b->len, opts), hlen = 20 + opt_len;
    uint32_t window;

    if (tcp_flags & TCPF_SYN) {
        window = LG_MIN(c->rcv_adv - c->rcv_nxt, 65535u);
    } else {
        open_window(c);
        window = LG_MIN((c->rcv_adv - c->rcv_nxt) >> c->rcv_wscale, 65535u);
    }
    b->data -= hlen;
    b->len += hlen;
    lg_put_be16(b->data, c->local_port);
    lg_put_be16(b->data + 2, c->remote_port);
    lg_put_be32(b->data + 4, seq);
    lg_put_be32(b->data + 8, tcp_flags & TCPF_ACK ? c->rcv_nxt : 0);
    b->data[12] = (uint8_t)(hlen / 4 << 4);
    b->data[13] = tcp_flags;
    lg_put_be16(b->data + 14, (uint16_t)window);
    lg_put_be32(b->data + 16, 0);
    memcpy(b->data + 20, opts, opt_len);
    t->ops->output(t->ops_ctx, b, &c->local_ip, &c->remote_ip);
    b->data += hlen;
    b->len -= hlen;
    if ((tcp_flags & TCPF_ACK) && !(c->ooo && b->len)) { /* full segments have no room for SACK */
        c->flags &= ~F_ACK_NOW;
        c->ack_at_ns = LG_NS_NEVER;
        c->ack_pending = 0;
        c->last_ack_sent = c->rcv_nxt;
    }
}

/* send_control sends a segment without payload; false when there is no buf. */
bool lg_tcp_send_control(struct lg_tcp_conn *c, uint32_t seq, uint8_t tcp_flags)
{
    struct lg_buf *b = lg_buf_take(c->tcp->bufs);
    if (!b) {
        lg_stat_inc(c->tcp->stats, LG_STAT_DROP_NO_BUF);
        return false;
    }
    emit(c, b, seq, tcp_flags);
    lg_buf_give(b);
    return true;
}

/* send_data sends [seq, seq+len) of buf b, in place when it may. */
static bool send_data(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t seq, uint32_t len)
{
    uint32_t off = seq - b->seq;
    bool psh = off + len == b->len && (!b->next || seq + len == c->snd_end);
    uint8_t tcp_flags = (uint8_t)(TCPF_ACK | (psh ? TCPF_PSH : 0));

    if (off == 0 && len == b->len && lg_buf_headroom(b) >= LG_BUF_HEADROOM - 10 &&
        !lg_buf_is_shared(b)) {
        emit(c, b, seq, tcp_flags);
        return true;
    }
    struct lg_buf *copy = lg_buf_take(c->tcp->bufs);
    if (!copy) {
        lg_stat_inc(c->tcp->stats, LG_STAT_DROP_NO_BUF);
        return false;
    }
    memcpy(copy->data, b->data + off, len);
    copy->len = len;
    emit(c, copy, seq, tcp_flags);
    lg_buf_give(copy);
    lg_stat_inc(c->tcp->stats, LG_STAT_TCP_COPIED);
    return true;
}

static uint32_t pipe_bytes(const struct lg_tcp_conn *c)
{
    return c->snd_max - c->snd_una - c->sacked_bytes - c->lost_bytes + c->retrans_bytes;
}

static bool in_recovery(const struct lg_tcp_conn *c)
{
    return (c->flags & (F_RECOVERY | F_RTO_REC)) != 0;
}

static void start_rto(struct lg_tcp_conn *c)
{
    if (c->rto_at_ns == LG_NS_NEVER)
        c->rto_at_ns = c->tcp->now_ns + (c->rto_ns << LG_MIN(c->backoff, 10u));
}

/* resend sends lost segments again as far as the congestion window lets. */
static void resend(struct lg_tcp_conn *c)
{
    if (c->lost_bytes == 0)
        return;
    for (struct lg_buf *b = c->sndq.head; b && seq_lt(b->seq, c->snd_max); b = b->next) {
        if ((b->flags & (B_LOST | B_RETRANS | B_SACKED)) != B_LOST)
            continue;
        uint32_t len = LG_MIN(b->len, c->snd_max - b->seq);
        len = LG_MIN(len, c->mss);
        if (pipe_bytes(c) + len > c->cwnd && b != c->sndq.head)
            return;
        if (seq_gt(b->seq + len, c->snd_una + c->snd_wnd) && b != c->sndq.head)
            return;
        if (!send_data(c, b, b->seq, len))
            return;
        b->flags |= B_RETRANS;
        c->retrans_bytes += b->len;
        lg_stat_inc(c->tcp->stats, LG_STAT_TCP_RETRANS);
        start_rto(c);
    }
}

/* How much of buf b may go out now, from snd_nxt on; 0: wait. */
static uint32_t sendable(const struct lg_tcp_conn *c, const struct lg_buf *b)
{
    uint32_t left = b->seq + b->len - c->snd_nxt;
    uint32_t edge = c->snd_una + c->snd_wnd;
    uint32_t window = seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
    uint32_t len = LG_MIN(LG_MIN(left, window), c->mss);

    if (len == 0 || pipe_bytes(c) + len > LG_MAX(c->cwnd, c->mss))
        return 0;
    /* Silly window avoidance, RFC 9293 section 3.8.6.2.1: a part of a segment only when nothing
     * is in flight, or it is half of what the peer has ever offered. */
    if (len < left && len < c->mss && c->snd_max != c->snd_una)
        return 0;
    return len;
}

static void send_new(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;

    while (c->snd_cur) {
        struct lg_buf *b = c->snd_cur;
        uint32_t len = sendable(c, b);
        if (len == 0)
            return;
        if (!(c->flags & (F_TS | F_RTT)) && !in_recovery(c)) {
            c->flags |= F_RTT;
            c->rtt_seq = c->snd_nxt + len;
            c->rtt_at_ns = t->now_ns;
        }
        if (!send_data(c, b, c->snd_nxt, len))
            return;
        c->snd_nxt += len;
        c->snd_max = seq_max(c->snd_max, c->snd_nxt);
        if (c->snd_nxt == b->seq + b->len)
            c->snd_cur = b->next;
        start_rto(c);
    }
}

static void send_fin(struct lg_tcp_conn *c)
{
    if (!(c->flags & F_SHUT) || (c->flags & F_FIN_SENT) || c->snd_nxt != c->snd_end)
        return;
    if (!lg_tcp_send_control(c, c->snd_end, TCPF_FIN | TCPF_ACK))
        return;
    c->flags |= F_FIN_SENT;
    c->snd_nxt = c->snd_end + 1;
    c->snd_max = seq_max(c->snd_max, c->snd_nxt);
    if (c->state == TCP_ESTABLISHED)
        c->state = TCP_FIN_WAIT_1;
    else if (c->state == TCP_CLOSE_WAIT)
        c->state = TCP_LAST_ACK;
    start_rto(c);
}

/* A window of zero with data waiting and nothing in flight: the persist timer (RFC 9293 3.8.6.1)
 * shares the retransmission timer's slot. */
static void mind_zero_window(struct lg_tcp_conn *c)
{
    if (c->snd_cur && c->snd_max == c->snd_una && c->rto_at_ns == LG_NS_NEVER)
        start_rto(c);
    if (!(c->flags & F_PROBE))
        return;
    c->flags &= ~F_PROBE;
    if (c->snd_cur && c->snd_nxt == c->snd_una && send_data(c, c->snd_cur, c->snd_nxt, 1)) {
        c->snd_nxt++;
        c->snd_max = seq_max(c->snd_max, c->snd_nxt);
        if (c->snd_nxt == c->snd_cur->seq + c->snd_cur->len)
            c->snd_cur = c->snd_cur->next;
    }
}

static void output_conn(struct lg_tcp_conn *c)
{
    switch (c->state) {
    case TCP_CLOSED:
        return;
    case TCP_SYN_SENT:
        if (c->snd_nxt == c->iss && lg_tcp_send_control(c, c->iss, TCPF_SYN)) {
            c->snd_nxt = c->snd_max = c->iss + 1;
            start_rto(c);
        }
        return;
    case TCP_SYN_RCVD:
        if (c->snd_nxt == c->iss && lg_tcp_send_control(c, c->iss, TCPF_SYN | TCPF_ACK)) {
            c->snd_nxt = c->snd_max = c->iss + 1;
            start_rto(c);
        }
        return;
    default:
        break;
    }
    if (c->state != TCP_FIN_WAIT_2 && c->state != TCP_TIME_WAIT) {
        resend(c);
        send_new(c);
        send_fin(c);
        mind_zero_window(c);
    }
    if (c->flags & F_KEEPALIVE) {
        c->flags &= ~F_KEEPALIVE;
        lg_tcp_send_control(c, c->snd_una - 1, TCPF_ACK);
    }
    if (c->flags & F_ACK_NOW)
        lg_tcp_send_control(c, c->snd_nxt, TCPF_ACK);
}

unsigned lg_tcp_output_all(struct lg_tcp *t)
{
    struct lg_tcp_conn *c = t->out_head;
    unsigned n = 0;

    t->out_head = t->out_tail = NULL;
    while (c) {
        struct lg_tcp_conn *next = c->out_next;
        c->flags &= ~F_OUT;
        c->out_next = NULL;
        if (c->flags & F_FREE) {
            lg_tcp_free_if_unlisted(c);
        } else {
            output_conn(c);
            lg_tcp_arm(c);
        }
        n++;
        c = next;
    }
    return n;
}

void lg_tcp_want_output(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    if (c->flags & F_OUT)
        return;
    c->flags |= F_OUT;
    c->out_next = NULL;
    if (t->out_tail)
        t->out_tail->out_next = c;
    else
        t->out_head = c;
    t->out_tail = c;
}

/* lg_tcp_send_rst answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1). */
void lg_tcp_send_rst(struct lg_tcp *t, const struct lg_tcp_tuple *to, uint32_t seq, uint32_t ack,
                     uint8_t tcp_flags)
{
    struct lg_buf *b = lg_buf_take(t->bufs);
    if (!b) {
        lg_stat_inc(t->stats, LG_STAT_DROP_NO_BUF);
        return;
    }
    b->data -= 20;
    b->len = 20;
    memset(b->data, 0, 20);
    lg_put_be16(b->data, to->local_port);
    lg_put_be16(b->data + 2, to->remote_port);
    lg_put_be32(b->data + 4, seq);
    lg_put_be32(b->data + 8, ack);
    b->data[12] = 5 << 4;
    b->data[13] = tcp_flags;
    t->ops->output(t->ops_ctx, b, &to->local_ip, &to->remote_ip);
    lg_buf_give(b);
}
