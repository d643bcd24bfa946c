/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_loss.c: what is done about a loss. Where there is SACK, tcp_rack.c says what is lost; without
 * it, three duplicate ACKs and partial ACKs do (RFC 5681, 6582); last of all, a timeout does (RFC
 * 6298). What is lost is sent again while the network has room (lg_tcp_pipe < cwnd).
 *
 *                     lost > 0                        timeout
 *   undisturbed  ------------------>  F_RECOVERY  ------------->  F_LOSS  <--- (from anywhere)
 *        ^   cwnd led to ssthresh by PRR  |                          |  cwnd one segment, grows
 *        +--- snd_una reaches recover ----+--------------------------+
 *        +--- it was none after all: cwnd and ssthresh as before ----+
 *
 * That it was none is seen by an echoed timestamp older than the first repetition (Eifel, RFC
 * 3522), by duplicates reported for all that was repeated (DSACK, RFC 3708), or after a timeout by
 * the arrival of something not sent again (F-RTO, RFC 5682).
 *
 * With ECN the network may say the same without losing anything: then cwnd goes to ssthresh at
 * once, and nothing is sent again (tcp_ecn.c). */
#include "tcp_priv.h"

#define IN_TROUBLE (LG_TCP_F_RECOVERY | LG_TCP_F_LOSS)

uint32_t lg_tcp_pipe(const struct lg_tcp_conn *c)
{
    uint32_t flight = c->snd_nxt - c->snd_una, gone = c->sacked_sz + c->lost_sz;

    return gone < flight ? flight - gone : 0;
}

/* ---------------------------------------------------------------- undo */

/* remember keeps what a reduction may have to be undone to. */
static void remember(struct lg_tcp_conn *c)
{
    struct lg_tcp_repair *r = lg_tcp_repair_get(c);

    if (!r || (c->flags & IN_TROUBLE))
        return; /* trouble upon trouble: the first one counts */
    r->has_undo = true;
    r->has_again = false;
    r->undo_una = c->snd_una;
    r->undo_end = c->snd_nxt;
    r->undo_segs = 0;
    r->undo_cwnd = c->cwnd;
    r->undo_ssthresh = c->ssthresh;
}

void lg_tcp_loss_sent_again(struct lg_tcp_conn *c, uint32_t len)
{
    struct lg_tcp_repair *r = c->rep;

    if (!r)
        return;
    r->prr_out += len;
    if (!r->has_undo)
        return;
    if (!r->has_again)
        r->again_ts = c->tcp->now_ms + c->ts_off;
    r->has_again = true;
    r->undo_segs++;
    r->undo_end = c->snd_nxt;
}

/* was_none: all that was sent again had arrived already. */
static bool was_none(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    struct lg_tcp_repair *r = c->rep;

    if (!r || !r->has_undo || !r->has_again)
        return false;
    /*= https://www.rfc-editor.org/rfc/rfc3522#section-3.2
     *# If the value of the Timestamp Echo Reply field is smaller than the value of RetransmitTS,
     *# then ... the retransmission was spurious */
    if (a->acked > 0 && a->has_ecr && lg_seq_lt(a->ts_ecr, r->again_ts) && (c->flags & IN_TROUBLE))
        return true;
    if (!a->dsack || lg_seq_lt(a->dup_start, r->undo_una))
        return false;
    r->undo_segs -= LG_MIN(a->dup_segs, r->undo_segs);
    return r->undo_segs == 0;
}

static void forget_dups(struct lg_tcp_conn *c)
{
    c->dup_acks = 0;
    if (!(c->flags & LG_TCP_F_SACK)) /* else it is sacked_sz */
        c->dup_sz = 0;
}

static void leave(struct lg_tcp_conn *c)
{
    c->flags &= ~(uint32_t)IN_TROUBLE;
    c->loss &= ~(uint32_t)(LG_TCP_L_FRTO | LG_TCP_L_HEAD_DUE);
    forget_dups(c);
}

static void undo(struct lg_tcp_conn *c)
{
    struct lg_tcp_repair *r = c->rep;

    lg_tcp_count(c->tcp, LG_STAT_TCP_UNDONE);
    c->cwnd = LG_MAX(c->cwnd, r->undo_cwnd);
    c->ssthresh = LG_MAX(c->ssthresh, r->undo_ssthresh);
    r->has_undo = false;
    c->tcp->cfg.cc->undone(c);
    lg_tcp_seg_not_lost(c);
    leave(c);
}

/* ---------------------------------------------------------------- PRR */

static void prr_begin(struct lg_tcp_conn *c)
{
    struct lg_tcp_repair *r = c->rep;

    if (!r) {
        c->cwnd = c->ssthresh;
        return;
    }
    r->prr_delivered = r->prr_out = 0;
    r->prr_flight = LG_MAX(c->snd_nxt - c->snd_una, c->mss);
}

/* prr sets cwnd so that, over the recovery, what is sent stands to what arrives as ssthresh to what
 * was in flight; and when more was lost than that, refills as slow start would, if the ACK gives no
 * new sign of loss.
 *= https://www.rfc-editor.org/rfc/rfc6937#section-3
 *# DeliveredData = delta(SND.UNA) + delta(SACKd) ... */
static void prr(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    struct lg_tcp_repair *r = c->rep;
    uint32_t pipe = lg_tcp_pipe(c), may = 0;

    if (!r || r->prr_flight == 0 || a->delivered == 0) /* 0: there was no state when it began */
        return;
    r->prr_delivered += a->delivered;
    uint32_t ahead = r->prr_delivered > r->prr_out ? r->prr_delivered - r->prr_out : 0;
    if (pipe > c->ssthresh) {
        uint64_t due =
            ((uint64_t)r->prr_delivered * c->ssthresh + r->prr_flight - 1) / r->prr_flight;
        may = due > r->prr_out ? (uint32_t)due - r->prr_out : 0;
    } else {
        may = LG_MAX(ahead, a->delivered);
        if (a->acked > 0 && a->lost == 0)
            may += c->mss;
        may = LG_MIN(may, c->ssthresh - pipe);
    }
    if (r->prr_out == 0)
        may = LG_MAX(may, (uint32_t)c->mss); /* the fast retransmission itself */
    c->cwnd = LG_MAX(pipe + may, (uint32_t)c->mss);
}

/* ---------------------------------------------------------------- recovery */

static void enter_recovery(struct lg_tcp_conn *c)
{
    lg_tcp_count(c->tcp, LG_STAT_TCP_FAST_RETRANS);
    remember(c);
    c->flags |= LG_TCP_F_RECOVERY;
    c->loss |= LG_TCP_L_HEAD_DUE;
    c->loss &= ~(uint32_t)(LG_TCP_L_TLP_OUT | LG_TCP_L_TLP_RTX);
    c->recover = c->snd_nxt;
    if (lg_tcp_ecn_is_fresh(c)) { /* of one window, a mark and a loss reduce once */
        if (c->rep)
            c->rep->has_undo = false;
    } else {
        c->tcp->cfg.cc->lost(c, c->snd_nxt - c->snd_una);
        lg_tcp_ecn_reduced(c);
    }
    prr_begin(c);
}

/* reduce_once answers a loss that is repaired already. */
static void reduce_once(struct lg_tcp_conn *c)
{
    c->tcp->cfg.cc->lost(c, c->snd_nxt - c->snd_una);
    c->cwnd = LG_MIN(c->cwnd, c->ssthresh);
    lg_tcp_ecn_reduced(c);
}

/* marked: the peer says that the network has marked what we sent: congestion without a loss.
 *= https://www.rfc-editor.org/rfc/rfc3168#section-6.1.2
 *# TCP should not react to congestion indications more than once every window of data */
static void marked(struct lg_tcp_conn *c)
{
    if (c->rep) /* whatever was lost or not: the network is congested */
        c->rep->has_undo = false;
    if (c->flags & (IN_TROUBLE | LG_TCP_F_ECN_CUT))
        return;
    lg_tcp_count(c->tcp, LG_STAT_TCP_ECN_REDUCED);
    reduce_once(c);
}

/* complete: everything that was outstanding when the trouble began has arrived. */
static void complete(struct lg_tcp_conn *c)
{
    if (c->flags & LG_TCP_F_RECOVERY)
        c->cwnd = c->ssthresh;
    lg_tcp_rack_recovered(c);
    leave(c);
}

/* count_dups keeps the duplicate ACKs and, without SACK, the bytes they stand for. */
static void count_dups(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    bool has_sack = c->flags & LG_TCP_F_SACK;

    if (a->is_dup) {
        if (c->dup_acks < UINT8_MAX)
            c->dup_acks++;
        if (!has_sack)
            c->dup_sz = LG_MIN(c->dup_sz + c->mss, c->snd_nxt - c->snd_una);
    } else if (a->acked > 0 && !(c->flags & LG_TCP_F_RECOVERY)) {
        forget_dups(c);
    } else if (a->acked > c->mss && !has_sack) {
        c->dup_sz -= LG_MIN(c->dup_sz, a->acked - c->mss);
    }
}

/* detect_plain is for peers without SACK: three duplicate ACKs say that the segment at snd_una is
 * lost, and each partial ACK of a recovery says so of the next one (RFC 6582). */
static void detect_plain(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a)
{
    struct lg_buf *b = c->sndq.head;

    /* Left where it was, it would seem to lie ahead once 2 GiB have gone by without a loss. */
    if (!(c->flags & IN_TROUBLE))
        c->recover = lg_seq_max(c->recover, c->snd_una);
    bool dups = c->dup_acks >= LG_TCP_DUP_THRESH && lg_seq_geq(c->snd_una, c->recover) &&
                !(c->flags & IN_TROUBLE);
    bool partial = (c->flags & LG_TCP_F_RECOVERY) && a->acked > 0;

    if (!b || !(b->flags & LG_TCP_TX_SENT) || (!dups && !partial))
        return;
    a->lost += b->len;
    lg_tcp_seg_lost(c, b);
}

/* frto_ack: after a timeout only the first segment was sent again. Something that was sent once
 * and arrives now was never lost, nor was the rest (RFC 5682); a second ACK without such news ends
 * the wait. true: spurious. */
static bool frto_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    if (a->orig && lg_seq_lt(c->snd_una, c->recover) && c->rep && c->rep->has_undo)
        return true;
    if (!a->acked || c->dup_acks > 0)
        c->loss &= ~(uint32_t)LG_TCP_L_FRTO;
    return false;
}

/* in_trouble handles an ACK in a recovery or after a timeout. */
static void in_trouble(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a)
{
    if (was_none(c, a) || ((c->loss & LG_TCP_L_FRTO) && frto_ack(c, a)))
        undo(c);
    else if (lg_seq_geq(c->snd_una, c->recover))
        complete(c);
    else if (c->flags & LG_TCP_F_RECOVERY)
        prr(c, a);
    else if (a->delivered > 0)
        c->tcp->cfg.cc->acked(c, a->delivered, a->rtt_us);
}

/* settle gives the repair state back when nothing in it can matter any more. */
static void settle(struct lg_tcp_conn *c)
{
    const struct lg_tcp_repair *r = c->rep;

    if ((c->flags & IN_TROUBLE) || r->cnt > 0)
        return;
    if (!r->has_undo || !r->has_again || c->snd_una == c->snd_nxt ||
        lg_seq_gt(c->snd_una, r->undo_end))
        lg_tcp_repair_drop(c);
}

void lg_tcp_loss_ack(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a)
{
    uint32_t wait_us = 0;

    count_dups(c, a);
    if (LG_UNLIKELY(a->dsack))
        lg_tcp_rack_dsack(c);
    if (!(c->flags & LG_TCP_F_SACK))
        detect_plain(c, a);
    else if (c->sacked_sz > 0 || c->lost_sz > 0 || (c->flags & IN_TROUBLE) || a->was_lost)
        wait_us = lg_tcp_rack_detect(c, a);
    if (LG_UNLIKELY(c->flags & IN_TROUBLE))
        in_trouble(c, a);
    else if (LG_UNLIKELY(c->rep && was_none(c, a)))
        undo(c);
    if (LG_UNLIKELY(c->flags & LG_TCP_F_ECN_CUT) && lg_seq_gt(c->snd_una, c->ecn_end))
        c->flags &= ~LG_TCP_F_ECN_CUT;
    if (!(c->flags & IN_TROUBLE)) {
        if (c->lost_sz > 0)
            enter_recovery(c);
        else if (LG_UNLIKELY((c->loss & LG_TCP_L_TLP_OUT) && lg_tcp_tlp_ack(c, a)))
            reduce_once(c);
        else if (a->delivered > 0 && a->was_full && !a->ece && !lg_tcp_ecn_is_fresh(c))
            c->tcp->cfg.cc->acked(c, a->delivered, a->rtt_us);
    }
    if (LG_UNLIKELY(a->ece))
        marked(c);
    lg_tcp_arm_after_ack(c, a->acked > 0, wait_us);
    if (LG_UNLIKELY(c->rep != NULL))
        settle(c);
}

void lg_tcp_loss_reo_timer(struct lg_tcp_conn *c)
{
    struct lg_tcp_ack_ctx a = {.rtt_us = UINT32_MAX};
    uint32_t wait_us = lg_tcp_rack_detect(c, &a);

    if (c->lost_sz > 0 && !(c->flags & IN_TROUBLE))
        enter_recovery(c);
    lg_tcp_arm_after_ack(c, false, wait_us);
}

void lg_tcp_loss_resend(struct lg_tcp_conn *c)
{
    if (!(c->flags & LG_TCP_F_RECOVERY))
        c->flags |= LG_TCP_F_LOSS;
    if (c->rep)
        c->rep->has_undo = false;
    c->loss &= ~(uint32_t)(LG_TCP_L_FRTO | LG_TCP_L_TLP_OUT | LG_TCP_L_TLP_RTX | LG_TCP_L_TLP_DUE);
    c->recover = c->snd_nxt;
    while (c->sent.oldest)
        lg_tcp_seg_lost(c, c->sent.oldest);
    lg_tcp_due(c);
}

void lg_tcp_loss_timeout(struct lg_tcp_conn *c)
{
    bool is_first = c->backoff == 0;

    remember(c);
    c->tcp->cfg.cc->timeout(c, c->snd_nxt - c->snd_una, is_first);
    lg_tcp_ecn_reduced(c);
    /* A peer may drop what it has SACKed (RFC 2018 section 8); a second timeout in a row makes
     * that likely enough to forget it. */
    if (!is_first)
        lg_tcp_sack_forget(c);
    if (is_first && (c->flags & LG_TCP_F_SACK)) {
        lg_tcp_rack_timeout(c);
        if (!(c->flags & IN_TROUBLE))
            c->loss |= LG_TCP_L_FRTO;
    } else {
        while (c->sent.oldest)
            lg_tcp_seg_lost(c, c->sent.oldest);
        c->loss &= ~(uint32_t)LG_TCP_L_FRTO;
    }
    if (!c->sndq.head || c->sndq.head == c->tx_next)
        c->loss |= LG_TCP_L_FIN_LOST;
    c->flags = (c->flags & ~LG_TCP_F_RECOVERY) | LG_TCP_F_LOSS;
    c->loss &= ~(uint32_t)(LG_TCP_L_TLP_OUT | LG_TCP_L_TLP_RTX | LG_TCP_L_TLP_DUE);
    c->loss |= LG_TCP_L_HEAD_DUE;
    c->recover = c->snd_nxt;
    forget_dups(c);
}
