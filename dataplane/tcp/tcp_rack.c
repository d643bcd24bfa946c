/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_rack.c: RACK-TLP (RFC 8985). A segment is lost when one sent after it has arrived and a
 * reordering window has passed since; whether it was sent once or often makes no difference, so a
 * lost repetition is found as fast as a lost original. When the tail of what was sent is quiet, a
 * probe makes the peer say what it has, long before the timeout. What is done about a loss is
 * tcp_loss.c's. Connections without SACK do not come here. */
#include "tcp_priv.h"

/* sent_after: was the segment (t1, end1) sent after (t2, end2)? Times are microseconds mod 2^32. */
static bool sent_after(uint32_t t1, uint32_t end1, uint32_t t2, uint32_t end2)
{
    return (int32_t)(t1 - t2) > 0 || (t1 == t2 && lg_seq_gt(end1, end2));
}

void lg_tcp_rack_begin(struct lg_tcp_conn *c)
{
    c->rack_tx_us = c->tcp->now_us;
    c->rack_end = c->snd_una;
}

static void note_min_rtt(struct lg_tcp_conn *c, uint32_t rtt_us)
{
    const struct lg_tcp *tcp = c->tcp;

    if (c->min_rtt_us == 0 || rtt_us <= c->min_rtt_us ||
        (uint16_t)(lg_tcp_now_s(tcp) - c->min_rtt_at) > LG_TCP_MIN_RTT_SPAN_S) {
        c->min_rtt_us = rtt_us;
        c->min_rtt_at = lg_tcp_now_s(tcp);
    }
}

/* is_old_echo: the ACK echoes a timestamp from before this repetition: the original has arrived. */
static bool is_old_echo(const struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a,
                        uint32_t rtt_us)
{
    uint32_t age_ms = c->tcp->now_ms + c->ts_off - a->ts_ecr;
    return a->has_ecr && age_ms > rtt_us / 1000 + 1;
}

void lg_tcp_rack_delivered(struct lg_tcp_conn *c, const struct lg_buf *b, struct lg_tcp_ack_ctx *a)
{
    uint32_t end = b->seq + b->len, rtt_us = LG_MAX(c->tcp->now_us - b->tx_us, 1u);

    a->again |= (b->flags & LG_TCP_TX_AGAIN) != 0;
    if (LG_LIKELY(!(b->flags & LG_TCP_TX_AGAIN))) {
        a->orig = true;
        a->rtt_us = LG_MIN(a->rtt_us, rtt_us);
        note_min_rtt(c, rtt_us);
        if (lg_seq_lt(end, c->fack) && !(c->loss & LG_TCP_L_REORDER)) {
            c->loss |= LG_TCP_L_REORDER;
            lg_tcp_count(c->tcp, LG_STAT_TCP_REORDERED);
        }
    } else if (is_old_echo(c, a, rtt_us) || rtt_us < c->min_rtt_us) {
        a->is_slow |= a->has_ecr && rtt_us < c->min_rtt_us;
        return; /* of the original, as likely as not */
    } else if (a->has_ecr) {
        a->again_rtt_us = rtt_us;
    }
    c->fack = lg_seq_max(c->fack, end);
    c->rack_rtt_us = rtt_us;
    if (sent_after(b->tx_us, end, c->rack_tx_us, c->rack_end)) {
        c->rack_tx_us = b->tx_us;
        c->rack_end = end;
    }
}

/*= https://www.rfc-editor.org/rfc/rfc8985#section-6.2
 *# If no reordering has been observed, RACK_update_reo_wnd() sets RACK.reo_wnd to 0 during loss
 *# recovery or once DupThresh segments have been SACKed */
static uint32_t reo_wnd_us(const struct lg_tcp_conn *c)
{
    if (!(c->loss & LG_TCP_L_REORDER)) {
        bool many = c->sacked_sz > (LG_TCP_DUP_THRESH - 1) * c->mss ||
                    (c->rep && c->rep->cnt >= LG_TCP_DUP_THRESH);
        if (many || (c->flags & (LG_TCP_F_RECOVERY | LG_TCP_F_LOSS)))
            return 0;
    }
    uint64_t wnd_us = (uint64_t)c->min_rtt_us * (c->reo_mult + 1u) / 4;
    return (uint32_t)LG_MIN(wnd_us, (uint64_t)c->srtt_us);
}

/* It widens the window by a quarter of the smallest round trip for each round in which the peer
 * reports that we repeated something for nothing, and forgets it after 16 recoveries. */
void lg_tcp_rack_dsack(struct lg_tcp_conn *c)
{
    if ((c->loss & LG_TCP_L_DSACK_RND) && lg_seq_lt(c->snd_una, c->dsack_end))
        return;
    c->loss |= LG_TCP_L_DSACK_RND;
    c->dsack_end = c->snd_nxt;
    c->reo_mult = (uint8_t)LG_MIN(c->reo_mult + 1u, 254u);
    c->reo_persist = 16;
}

void lg_tcp_rack_recovered(struct lg_tcp_conn *c)
{
    if (c->reo_persist > 0 && --c->reo_persist == 0)
        c->reo_mult = 0;
}

uint32_t lg_tcp_rack_detect(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a)
{
    uint32_t wait_us = 0, wnd_us = reo_wnd_us(c);
    struct lg_buf *newer;

    for (struct lg_buf *b = c->sent.oldest; b; b = newer) {
        newer = b->newer;
        if (!sent_after(c->rack_tx_us, c->rack_end, b->tx_us, b->seq + b->len))
            break;
        int32_t left_us = (int32_t)(b->tx_us + c->rack_rtt_us + wnd_us - c->tcp->now_us);
        if (left_us > 0) {
            wait_us = LG_MAX(wait_us, (uint32_t)left_us);
            continue;
        }
        if (b->flags & LG_TCP_TX_AGAIN)
            lg_tcp_count(c->tcp, LG_STAT_TCP_LOST_AGAIN);
        a->lost += b->len;
        lg_tcp_seg_lost(c, b);
    }
    return wait_us;
}

/*= https://www.rfc-editor.org/rfc/rfc8985#section-6.3
 *# RACK_mark_losses_on_RTO(): ... If SEG.seq == SND.UNA OR SEG.xmit_ts + RACK.rtt + RACK.reo_wnd
 *# - Now() <= 0: Mark the segment lost */
void lg_tcp_rack_timeout(struct lg_tcp_conn *c)
{
    uint32_t limit_us = c->rack_rtt_us + reo_wnd_us(c);
    struct lg_buf *newer;

    for (struct lg_buf *b = c->sent.oldest; b; b = newer) {
        newer = b->newer;
        if (b->seq == c->snd_una || (int32_t)(b->tx_us + limit_us - c->tcp->now_us) <= 0)
            lg_tcp_seg_lost(c, b);
    }
}

/* ---------------------------------------------------------------- tail loss probe, section 7 */

static bool can_probe(const struct lg_tcp_conn *c)
{
    return (c->flags & LG_TCP_F_SACK) && c->srtt_us != 0 && c->sacked_sz == 0 && c->backoff == 0 &&
           !(c->flags & (LG_TCP_F_RECOVERY | LG_TCP_F_LOSS | LG_TCP_F_PERSIST)) &&
           !(c->loss & LG_TCP_L_TLP_OUT);
}

/* arm_rto: the timeout, counted from when the oldest segment in flight was sent. */
static void arm_rto(struct lg_tcp_conn *c)
{
    lg_ns_t age_ns = c->sent.oldest ? LG_US(c->tcp->now_us - c->sent.oldest->tx_us) : 0;
    lg_ns_t rto_ns = lg_tcp_rto(c);

    lg_tcp_arm_rtx_in(c, rto_ns > age_ns ? rto_ns - age_ns : LG_MS(1));
}

static void arm_probe(struct lg_tcp_conn *c)
{
    uint32_t pto_us = 2 * c->srtt_us + LG_TCP_TLP_SLACK_US;

    if (c->snd_nxt - c->snd_una <= c->mss)
        pto_us += LG_TCP_DELACK_MAX_US;
    lg_tcp_arm_rtx_in(c, LG_MIN(LG_US(pto_us), lg_tcp_rto(c)));
    c->loss |= LG_TCP_L_T_TLP;
}

void lg_tcp_arm_after_send(struct lg_tcp_conn *c)
{
    if (c->t_rtx == LG_NS_NEVER || (c->flags & LG_TCP_F_PERSIST)) {
        c->backoff = 0;
        lg_tcp_arm_rtx(c);
    }
    if (!(c->loss & LG_TCP_L_T_REO) && can_probe(c))
        arm_probe(c);
}

void lg_tcp_arm_after_ack(struct lg_tcp_conn *c, bool advanced, uint32_t reo_wait_us)
{
    bool was_rto = !(c->loss & (LG_TCP_L_T_REO | LG_TCP_L_T_TLP));

    if (c->snd_una == c->snd_nxt) {
        if (!(c->flags & LG_TCP_F_PERSIST))
            c->t_rtx = LG_NS_NEVER;
        c->loss &= ~(uint32_t)(LG_TCP_L_T_REO | LG_TCP_L_T_TLP);
    } else if (reo_wait_us > 0 && LG_US(reo_wait_us) < lg_tcp_rto(c)) { /* else that comes first */
        lg_tcp_arm_rtx_in(c, LG_US(reo_wait_us));
        c->loss |= LG_TCP_L_T_REO;
    } else if (can_probe(c)) {
        if (advanced || was_rto || (c->loss & LG_TCP_L_T_REO))
            arm_probe(c);
    } else if (advanced) {
        lg_tcp_arm_rtx(c);
    } else if (!was_rto) {
        arm_rto(c);
    }
}

bool lg_tcp_tlp_send(struct lg_tcp_conn *c)
{
    bool is_new = lg_tcp_send_probe_new(c);

    c->loss &= ~(uint32_t)LG_TCP_L_TLP_DUE;
    if (!is_new && !lg_tcp_send_again(c, c->sent.newest))
        return false;
    lg_tcp_count(c->tcp, LG_STAT_TCP_TLP);
    c->tlp_end = c->snd_nxt;
    c->loss |= LG_TCP_L_TLP_OUT | (is_new ? 0 : LG_TCP_L_TLP_RTX);
    lg_tcp_arm_rtx(c);
    return true;
}

bool lg_tcp_tlp_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    bool repaired = false;

    if (lg_seq_lt(c->snd_una, c->tlp_end))
        return false;
    if (c->loss & LG_TCP_L_TLP_RTX) {
        /* The probe repeated data: a duplicate report, or an ACK that repeats itself, says that
         * both copies have arrived; data acknowledged beyond it, without that, that one was lost.
         */
        if (!a->dsack && !a->is_repeat && !lg_seq_gt(c->snd_una, c->tlp_end))
            return false;
        repaired = !a->dsack && lg_seq_gt(c->snd_una, c->tlp_end);
    }
    c->loss &= ~(uint32_t)(LG_TCP_L_TLP_OUT | LG_TCP_L_TLP_RTX);
    return repaired;
}
