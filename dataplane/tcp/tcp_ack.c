/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_ack.c: what the ACK and window fields of a segment do: round trip times (RFC 6298), release
 * of acknowledged bufs, send window, and the state changes an acknowledged FIN brings. */
#include "tcp_priv.h"

void lg_tcp_rtt_sample(struct lg_tcp_conn *c, uint32_t rtt_us)
{
    uint32_t max_us = (uint32_t)(LG_TCP_MAX_RTO_NS / 1000);

    rtt_us = LG_MIN(LG_MAX(rtt_us, 1u), max_us);
    if (c->srtt_us == 0) {
        c->srtt_us = rtt_us;
        c->rttvar_us = rtt_us / 2;
    } else {
        uint32_t diff = c->srtt_us > rtt_us ? c->srtt_us - rtt_us : rtt_us - c->srtt_us;
        c->rttvar_us = c->rttvar_us - c->rttvar_us / 4 + diff / 4;
        c->srtt_us = LG_MAX(c->srtt_us - c->srtt_us / 8 + rtt_us / 8, 1u);
    }
}

/* measure takes a round trip from this ACK, once a flight: of a segment sent only once (Karn), but
 * not when the ACK covers repetitions too, or a loss is being repaired: the segment may have
 * arrived long ago and only its ACK been lost; of a repetition that the echoed timestamp names; or
 * of an original that was slow without doubt, because no repetition can have arrived yet. */
static void measure(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    if (lg_seq_lt(c->snd_una, c->rtt_end))
        return;
    if (a->rtt_us != UINT32_MAX && !a->again && !(c->flags & (LG_TCP_F_RECOVERY | LG_TCP_F_LOSS))) {
        lg_tcp_rtt_sample(c, a->rtt_us);
    } else if (a->again_rtt_us != UINT32_MAX) {
        lg_tcp_rtt_sample(c, a->again_rtt_us);
    } else if (a->is_slow) {
        uint64_t us = (uint64_t)(c->tcp->now_ms + c->ts_off - a->ts_ecr) * 1000;
        lg_tcp_rtt_sample(c, (uint32_t)LG_MIN(us, 2 * (uint64_t)lg_tcp_rto_us(c)));
    } else {
        return;
    }
    c->rtt_end = c->snd_nxt;
}

/* tell_room: enough is acknowledged for the user to go on. */
static void tell_room(struct lg_tcp_conn *c)
{
    if (!lg_tcp_snd_is_half_free(c))
        return;
    c->flags &= ~LG_TCP_F_WANT_TX;
    if (c->flags & LG_TCP_F_USER)
        lg_tcp_news(c, LG_TCP_EV_TX);
}

/* advance moves snd_una to ack, which acknowledges something new. */
static void advance(struct lg_tcp_conn *c, uint32_t ack, struct lg_tcp_ack_ctx *a)
{
    c->snd_una = ack;
    c->backoff = 0;
    lg_tcp_seg_acked(c, a);
    if (c->flags & LG_TCP_F_WANT_TX)
        tell_room(c);
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
    /* While the peer answers our window probes it is alive, however long its window stays shut; and
     * so is one that has shut it over data on its way, and answers what is sent again. */
    if (LG_UNLIKELY(c->snd_wnd == 0 || (c->flags & LG_TCP_F_PERSIST)))
        c->backoff = (uint8_t)LG_MIN((uint32_t)c->backoff, c->tcp->cfg.data_retries / 2);
    if ((c->flags & LG_TCP_F_PERSIST) && c->snd_wnd > 0) {
        c->flags &= ~LG_TCP_F_PERSIST;
        c->backoff = 0;
        c->t_rtx = LG_NS_NEVER;
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
    struct lg_tcp_ack_ctx a = {.rtt_us = UINT32_MAX, .again_rtt_us = UINT32_MAX};

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
    a.has_ecr = (c->flags & LG_TCP_F_TS) && s->opts.has_ts && s->opts.ts_ecr != 0;
    a.ts_ecr = s->opts.ts_ecr;
    a.ece = (s->flags & LG_TCP_FL_ECE) && (c->flags & LG_TCP_F_ECN);
    /* RFC 5681 section 2: no data, no news, data outstanding, the same window. */
    a.is_dup = a.acked == 0 && s->len == 0 && c->snd_una != c->snd_nxt &&
               !(s->flags & LG_TCP_FL_FIN) && s->wnd << c->snd_wscale == c->snd_wnd;
    a.is_repeat = a.is_dup && s->opts.sack_cnt == 0;
    if (a.acked > 0)
        advance(c, s->ack, &a);
    lg_tcp_wnd_in(c, s);
    if (c->flags & LG_TCP_F_SACK) {
        if (a.acked > 0 && c->rep)
            lg_tcp_sack_trim(c);
        if (s->opts.sack_cnt > 0)
            lg_tcp_sack_in(c, &s->opts, &a);
    }
    lg_tcp_loss_ack(c, &a);
    if (a.delivered > 0)
        measure(c, &a);
    if (c->snd_una != c->snd_end || (c->flags & LG_TCP_F_FIN_QUEUED))
        lg_tcp_due(c);
    if ((c->flags & LG_TCP_F_FIN_SENT) && a.acked > 0 && c->snd_una == c->snd_nxt)
        return fin_acked(c);
    return true;
}
