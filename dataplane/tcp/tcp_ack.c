/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_ack.c: what an acknowledgement does: frees what arrived, samples the round trip, keeps the
 * scoreboard (RFC 2018, 6675), grows the congestion window (RFC 5681, 6582) and finishes closing.
 *
 * The scoreboard is the send queue itself: each buf is a segment and carries B_SACKED, B_LOST and
 * B_RETRANS. Invariants: a SACKED buf is never LOST; RETRANS only with LOST; the three byte sums
 * of the connection count exactly the bufs that carry the flags. */
#include "tcp_types.h"

#define DUP_THRESH 3u

void lg_tcp_rtt_sample(struct lg_tcp_conn *c, lg_ns_t rtt_ns)
{
    struct lg_tcp *t = c->tcp;

    if (rtt_ns > LG_SEC(120))
        return; /* an echo we never sent */
    if (c->srtt_ns == 0) {
        c->srtt_ns = LG_MAX(rtt_ns, 1u);
        c->rttvar_ns = rtt_ns / 2;
    } else {
        lg_ns_t err = rtt_ns > c->srtt_ns ? rtt_ns - c->srtt_ns : c->srtt_ns - rtt_ns;
        c->rttvar_ns = (3 * c->rttvar_ns + err) / 4;
        c->srtt_ns = LG_MAX((7 * c->srtt_ns + rtt_ns) / 8, 1u);
    }
    lg_ns_t var_ns = LG_MAX(4 * c->rttvar_ns, LG_MS(1)); /* the clock's grain */
    c->rto_ns = LG_MIN(LG_MAX(c->srtt_ns + var_ns, t->cfg.min_rto_ns), LG_SEC(60));
}

static void unmark(struct lg_tcp_conn *c, struct lg_buf *b)
{
    if (b->flags & B_SACKED)
        c->sacked_bytes -= b->len;
    if (b->flags & B_LOST)
        c->lost_bytes -= b->len;
    if (b->flags & B_RETRANS)
        c->retrans_bytes -= b->len;
    b->flags &= (uint16_t) ~(B_SACKED | B_LOST | B_RETRANS);
}

static void mark_lost(struct lg_tcp_conn *c, struct lg_buf *b)
{
    if (b->flags & (B_SACKED | B_LOST))
        return;
    b->flags |= B_LOST;
    c->lost_bytes += b->len;
}

/* take_acked drops what lies below `ack` from the send queue. */
static void take_acked(struct lg_tcp_conn *c, uint32_t ack)
{
    struct lg_buf *b;

    while ((b = c->sndq.head) != NULL && seq_lt(b->seq, ack)) {
        if (seq_gt(b->seq + b->len, ack)) {
            uint16_t marks = b->flags;
            uint32_t cut = ack - b->seq;
            unmark(c, b);
            b->data += cut;
            b->len -= cut;
            b->seq = ack;
            c->sndq.bytes -= cut;
            if (marks & B_LOST)
                mark_lost(c, b);
            return;
        }
        unmark(c, b);
        if (c->snd_cur == b)
            c->snd_cur = b->next;
        lg_buf_give(lg_bufq_pop(&c->sndq));
    }
}

/* take_sack marks segments wholly covered by one block; returns whether anything was new. */
static bool take_sack(struct lg_tcp_conn *c, uint32_t from, uint32_t to)
{
    bool fresh = false;

    if (!seq_lt(from, to) || seq_lt(from, c->snd_una) || seq_gt(to, c->snd_max))
        return false; /* old, a duplicate report (RFC 2883), or nonsense */
    for (struct lg_buf *b = c->sndq.head; b && seq_lt(b->seq, to); b = b->next) {
        if (seq_lt(b->seq, from) || seq_gt(b->seq + b->len, to) || (b->flags & B_SACKED))
            continue;
        unmark(c, b);
        b->flags |= B_SACKED;
        c->sacked_bytes += b->len;
        fresh = true;
    }
    c->sack_high = seq_max(c->sack_high, to);
    return fresh;
}

/* find_lost applies IsLost() of RFC 6675: more than DupThresh - 1 segments' worth SACKed above. */
static void find_lost(struct lg_tcp_conn *c)
{
    uint32_t above = c->sacked_bytes;

    for (struct lg_buf *b = c->sndq.head; b && seq_lt(b->seq, c->sack_high); b = b->next) {
        if (b->flags & B_SACKED)
            above -= b->len;
        else if (above > (DUP_THRESH - 1) * c->mss)
            mark_lost(c, b);
    }
}

static uint32_t flight(const struct lg_tcp_conn *c)
{
    return c->snd_max - c->snd_una;
}

static void enter_recovery(struct lg_tcp_conn *c)
{
    c->recover = c->snd_max;
    c->ssthresh = LG_MAX(flight(c) / 2, 2u * c->mss);
    c->cwnd = c->ssthresh;
    c->flags |= F_RECOVERY;
    c->flags &= ~F_RTT;
    lg_stat_inc(c->tcp->stats, LG_STAT_TCP_FAST_RETRANS);
}

static void grow_cwnd(struct lg_tcp_conn *c, uint32_t newly)
{
    if (c->flags & F_RECOVERY)
        return;
    if (flight(c) + newly < c->cwnd / 2)
        return; /* RFC 7661: not limited by it, so it proved nothing */
    if (c->cwnd < c->ssthresh) {
        c->cwnd += LG_MIN(newly, 2u * c->mss);
    } else {
        c->cwnd_acc += newly;
        if (c->cwnd_acc >= c->cwnd) {
            c->cwnd_acc -= c->cwnd;
            c->cwnd += c->mss;
        }
    }
    c->cwnd = LG_MIN(c->cwnd, 2 * c->tcp->cfg.snd_buf_sz);
}

static void on_dup_ack(struct lg_tcp_conn *c)
{
    if (c->flags & F_SACK)
        return; /* the scoreboard says more than a count */
    c->dupacks++;
    if (c->flags & (F_RECOVERY | F_RTO_REC)) {
        c->cwnd += c->mss; /* RFC 6582: a segment has left the network */
    } else if (c->dupacks == DUP_THRESH && c->sndq.head) {
        enter_recovery(c);
        mark_lost(c, c->sndq.head);
    }
}

static void on_new_ack(struct lg_tcp_conn *c, uint32_t newly)
{
    c->dupacks = 0;
    c->backoff = 0;
    if (c->flags & (F_RECOVERY | F_RTO_REC)) {
        if (seq_ge(c->snd_una, c->recover)) {
            if (c->flags & F_RECOVERY)
                c->cwnd = c->ssthresh;
            c->flags &= ~(F_RECOVERY | F_RTO_REC);
        } else if (!(c->flags & F_SACK) && c->sndq.head && seq_lt(c->sndq.head->seq, c->snd_max)) {
            unmark(c, c->sndq.head); /* RFC 6582: a partial ACK, so the next one is lost too */
            mark_lost(c, c->sndq.head);
        }
    }
    grow_cwnd(c, newly);
    c->rto_at_ns = flight(c) ? c->tcp->now_ns + c->rto_ns : LG_NS_NEVER;
}

/* fin_acked moves the closing states on; false when the connection is gone. */
static bool fin_acked(struct lg_tcp_conn *c)
{
    switch (c->state) {
    case TCP_FIN_WAIT_1:
        c->state = TCP_FIN_WAIT_2;
        if (!(c->flags & F_USER))
            c->life_at_ns = c->tcp->now_ns + LG_SEC(60);
        return true;
    case TCP_CLOSING:
        lg_tcp_enter_time_wait(c);
        return true;
    case TCP_LAST_ACK:
        lg_stat_inc(c->tcp->stats, LG_STAT_TCP_CLOSED);
        lg_tcp_finish(c, 0);
        return false;
    default:
        return true;
    }
}

static void sample_rtt(struct lg_tcp_conn *c, const struct lg_tcp_ack *a)
{
    struct lg_tcp *t = c->tcp;

    if (c->flags & F_TS) {
        if (a->opts->ts_ecr)
            lg_tcp_rtt_sample(c, (lg_ns_t)(lg_tcp_ts_now(t, c) - a->opts->ts_ecr) * 1000000u);
    } else if ((c->flags & F_RTT) && seq_ge(a->ack, c->rtt_seq)) {
        c->flags &= ~F_RTT;
        lg_tcp_rtt_sample(c, t->now_ns - c->rtt_at_ns);
    }
}

static void update_window(struct lg_tcp_conn *c, const struct lg_tcp_ack *a)
{
    if (!seq_lt(c->snd_wl1, a->seq) && !(c->snd_wl1 == a->seq && seq_le(c->snd_wl2, a->ack)))
        return;
    bool opened = c->snd_wnd == 0 && a->window > 0;
    c->snd_wnd = a->window;
    c->snd_wl1 = a->seq;
    c->snd_wl2 = a->ack;
    if (opened) {
        c->backoff = 0;
        if (flight(c) == 0)
            c->rto_at_ns = LG_NS_NEVER;
    }
}

static void tell_room(struct lg_tcp_conn *c)
{
    if ((c->flags & F_WANT_ROOM) && c->sndq.bytes <= c->tcp->cfg.snd_buf_sz / 2) {
        c->flags &= ~F_WANT_ROOM;
        lg_tcp_event(c, LG_TCP_EV_TX);
    }
}

bool lg_tcp_rx_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack *a)
{
    struct lg_tcp *t = c->tcp;
    bool fresh_sack = false;

    lg_tcp_want_output(c);
    if (seq_gt(a->ack, c->snd_max)) {
        c->flags |= F_ACK_NOW;
        lg_stat_inc(t->stats, LG_STAT_DROP_TCP_ACK);
        return false;
    }
    /* RFC 5961 section 5: an ACK older than any window we had is an injection. */
    if (seq_lt(a->ack, c->snd_una - LG_MAX(c->snd_wnd, 65535u))) {
        c->flags |= F_ACK_NOW;
        lg_stat_inc(t->stats, LG_STAT_DROP_TCP_ACK);
        return false;
    }
    if (seq_lt(a->ack, c->snd_una))
        return true; /* an old one; its text may be new */
    uint32_t newly = a->ack - c->snd_una, old_wnd = c->snd_wnd;
    if (c->flags & F_SACK)
        for (unsigned i = 0; i < a->opts->sack_cnt; i++)
            fresh_sack |= take_sack(c, a->opts->sack[i].from, a->opts->sack[i].to);
    update_window(c, a);
    if (newly > 0) {
        sample_rtt(c, a);
        take_acked(c, a->ack);
        c->snd_una = a->ack;
        c->snd_nxt = seq_max(c->snd_nxt, c->snd_una);
        on_new_ack(c, newly);
        tell_room(c);
    } else if (a->len == 0 && !a->fin && flight(c) > 0 && c->snd_wnd == old_wnd) {
        on_dup_ack(c);
    }
    if (fresh_sack || (c->sacked_bytes && newly)) {
        find_lost(c);
        if (c->lost_bytes > 0 && !(c->flags & (F_RECOVERY | F_RTO_REC)))
            enter_recovery(c);
    }
    if ((c->flags & F_FIN_SENT) && c->snd_una == c->snd_end + 1)
        return fin_acked(c);
    return true;
}

void lg_tcp_all_lost(struct lg_tcp_conn *c)
{
    for (struct lg_buf *b = c->sndq.head; b && seq_lt(b->seq, c->snd_max); b = b->next) {
        if (b->flags & B_SACKED)
            continue;
        unmark(c, b);
        if (seq_gt(b->seq + b->len, c->snd_max)) { /* sent in part: simply not sent */
            c->snd_cur = b;
            c->snd_nxt = b->seq;
            break;
        }
        mark_lost(c, b);
    }
}
