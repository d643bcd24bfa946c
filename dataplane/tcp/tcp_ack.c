/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_ack.c: what the ACK and window fields of a segment do: round trip times (RFC 6298), release
 * of acknowledged bufs, send window, and the state changes an acknowledged FIN brings. */
#include "tcp_priv.h"

void lg_tcp_rtt_sample(struct lg_tcp_conn *c, lg_ns_t rtt_ns)
{
    rtt_ns = LG_MIN(LG_MAX(rtt_ns, 1u), LG_TCP_MAX_RTO_NS);
    if (c->srtt_ns == 0) {
        c->srtt_ns = rtt_ns;
        c->rttvar_ns = rtt_ns / 2;
    } else {
        lg_ns_t diff = c->srtt_ns > rtt_ns ? c->srtt_ns - rtt_ns : rtt_ns - c->srtt_ns;
        c->rttvar_ns = c->rttvar_ns - c->rttvar_ns / 4 + diff / 4;
        c->srtt_ns = c->srtt_ns - c->srtt_ns / 8 + rtt_ns / 8;
    }
    /*= https://www.rfc-editor.org/rfc/rfc6298#section-2
     *# RTO <- SRTT + max (G, K*RTTVAR) where K = 4. */
    lg_ns_t rto_ns = c->srtt_ns + LG_MAX(LG_MS(1), 4 * c->rttvar_ns);
    c->rto_ns = LG_MIN(LG_MAX(rto_ns, c->tcp->cfg.min_rto_ns), LG_TCP_MAX_RTO_NS);
}

/* measure takes a round trip from this ACK: the timed segment's, never of one sent twice (Karn);
 * or the echoed timestamp, which tells sendings apart but counts in milliseconds. */
static void measure(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    const struct lg_tcp *tcp = c->tcp;

    if (c->flags & LG_TCP_F_TIMED) {
        if (lg_seq_geq(s->ack, c->timed_end)) {
            c->flags &= ~LG_TCP_F_TIMED;
            lg_tcp_rtt_sample(c, lg_ns_since(tcp->now_ns, c->timed_at_ns));
        }
    } else if ((c->flags & LG_TCP_F_TS) && s->opts.has_ts && s->opts.ts_ecr != 0) {
        uint32_t ms = tcp->now_ms + c->ts_off - s->opts.ts_ecr;
        if (ms < 60000)
            lg_tcp_rtt_sample(c, LG_MS(ms ? ms : 1));
    }
}

/* release gives back the bufs that are acknowledged up to snd_una. */
static void release(struct lg_tcp_conn *c)
{
    struct lg_bufq *q = &c->sndq;

    while (q->head && lg_seq_leq(q->head->seq + q->head->len, c->snd_una))
        lg_buf_give(lg_bufq_pop(q));
    struct lg_buf *b = q->head;
    if (b && lg_seq_lt(b->seq, c->snd_una)) {
        uint32_t n = c->snd_una - b->seq;
        b->data += n;
        b->len -= n;
        b->seq += n;
        q->bytes -= n;
    }
    const struct lg_tcp *tcp = c->tcp;
    if ((c->flags & LG_TCP_F_WANT_TX) && q->bytes <= tcp->cfg.snd_buf_sz / 2 &&
        q->cnt <= tcp->snd_bufs_max / 2) {
        c->flags &= ~LG_TCP_F_WANT_TX;
        if (c->flags & LG_TCP_F_USER)
            lg_tcp_news(c, LG_TCP_EV_TX);
    }
}

/* advance moves snd_una to the ACK of s, which acknowledges something new. */
static void advance(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    measure(c, s);
    c->snd_una = s->ack;
    c->backoff = 0;
    release(c);
    if (c->snd_una == c->snd_nxt)
        c->t_rtx = LG_NS_NEVER;
    else
        lg_tcp_arm_rtx(c);
    if (c->flags & LG_TCP_F_ORPHAN)
        c->t_life = lg_ns_add(c->tcp->now_ns, LG_TCP_ORPHAN_NS);
}

void lg_tcp_wnd_in(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    if (lg_seq_lt(c->snd_wl1, s->seq) || (c->snd_wl1 == s->seq && lg_seq_leq(c->snd_wl2, s->ack))) {
        c->snd_wnd = s->wnd << c->snd_wscale;
        c->snd_wl1 = s->seq;
        c->snd_wl2 = s->ack;
        c->max_wnd = LG_MAX(c->max_wnd, c->snd_wnd);
    }
    /* While the peer answers our window probes it is alive, however long its window stays shut. */
    if (c->flags & LG_TCP_F_PERSIST) {
        c->backoff = (uint8_t)LG_MIN((uint32_t)c->backoff, c->tcp->cfg.data_retries / 2);
        if (c->snd_wnd > 0) {
            c->flags &= ~LG_TCP_F_PERSIST;
            c->backoff = 0;
            c->t_rtx = LG_NS_NEVER;
        }
    }
}

/* fin_acked: our FIN has arrived. false: that was all, c is over. */
static bool fin_acked(struct lg_tcp_conn *c)
{
    switch (c->state) {
    case LG_TCP_FIN_WAIT_1:
        lg_tcp_set_state(c, LG_TCP_FIN_WAIT_2);
        return true;
    case LG_TCP_CLOSING:
        lg_tcp_enter_time_wait(c);
        return true;
    case LG_TCP_LAST_ACK:
        lg_tcp_count(c->tcp, LG_STAT_TCP_CLOSED);
        lg_tcp_conn_close(c, 0);
        return false;
    default:
        return true;
    }
}

bool lg_tcp_ack_in(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    struct lg_tcp_ack_ctx a = {.old_una = c->snd_una};

    if (LG_UNLIKELY(lg_seq_gt(s->ack, c->snd_nxt))) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_ACK);
        lg_tcp_challenge(c);
        return false;
    }
    if (LG_UNLIKELY(lg_seq_lt(s->ack, c->snd_una))) {
        /*= https://www.rfc-editor.org/rfc/rfc5961#section-5.2
         *# The ACK value is considered acceptable only if it is in the range of
         *# ((SND.UNA - MAX.SND.WND) <= SEG.ACK <= SND.NXT). */
        if (lg_seq_geq(s->ack, c->snd_una - c->max_wnd))
            return true; /* an old ACK: nothing new in it, but the text counts */
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_ACK);
        lg_tcp_challenge(c);
        return false;
    }
    a.acked = s->ack - c->snd_una;
    a.was_full = c->flags & LG_TCP_F_CWND_FULL;
    /* RFC 5681 section 2: no data, no news, data outstanding, the same window. */
    a.is_dup = a.acked == 0 && s->len == 0 && c->snd_una != c->snd_nxt &&
               !(s->flags & LG_TCP_FL_FIN) && s->wnd << c->snd_wscale == c->snd_wnd;
    if (a.acked > 0)
        advance(c, s);
    lg_tcp_wnd_in(c, s);
    if (c->flags & LG_TCP_F_SACK) {
        if (a.acked > 0 && c->board)
            lg_tcp_sack_trim(c, a.old_una);
        if (s->opts.sack_cnt > 0)
            lg_tcp_sack_in(c, &s->opts);
    }
    lg_tcp_loss_ack(c, &a);
    if (c->snd_una != c->snd_end || (c->flags & LG_TCP_F_FIN_QUEUED))
        lg_tcp_due(c);
    if ((c->flags & LG_TCP_F_FIN_SENT) && a.acked > 0 && c->snd_una == c->snd_nxt)
        return fin_acked(c);
    return true;
}
