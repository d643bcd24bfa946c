/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_loss.c: deciding what is lost, from duplicate ACKs and SACK blocks (RFC 5681, 6582, 6675) or
 * from a timeout (RFC 6298), by moving lost_to; tcp_tx.c sends what lies between high_rxt and
 * lost_to again while the network has room (lg_tcp_pipe < cwnd). One rule serves all cases:
 *
 *   undisturbed  lost_to == snd_una
 *   F_RECOVERY   SACK: all holes that IsLost names; without SACK: the segment at snd_una, and at
 *                each partial ACK the next one (RFC 6582)
 *   F_LOSS       everything that was outstanding at the timeout and is not SACKed
 *
 * Both end when snd_una reaches recover, what had been sent when the loss was noticed. Not here:
 * RACK and tail loss probes; undoing a reduction that proved needless. */
#include "tcp_priv.h"

static bool has_unsent(const struct lg_tcp_conn *c)
{
    return lg_seq_lt(c->snd_nxt, c->snd_end);
}

/* lost_edge finds up to where unSACKed data must be taken for lost. */
static uint32_t lost_edge(const struct lg_tcp_conn *c)
{
    if (!(c->flags & LG_TCP_F_SACK)) {
        if (c->dup_acks < LG_TCP_DUP_THRESH || lg_seq_lt(c->snd_una, c->recover))
            return c->snd_una;
        return lg_seq_min(c->snd_una + c->mss, c->snd_nxt);
    }
    if (!c->board)
        return c->snd_una;
    uint32_t sz = (LG_TCP_DUP_THRESH - 1) * c->mss, cnt = LG_TCP_DUP_THRESH;
    /* Where the network is known to reorder, wait for as much as it has been seen to; but not for
     * more than can still arrive. */
    if (c->reorder_sz > sz && has_unsent(c)) {
        uint32_t flight = LG_MIN(c->snd_nxt - c->snd_una, c->cwnd);
        sz = LG_MAX(sz, LG_MIN(c->reorder_sz, flight - flight / 4));
        cnt = UINT32_MAX;
    }
    uint32_t edge = lg_tcp_sack_lost(c, sz, cnt);
    if (edge == c->snd_una && cnt != UINT32_MAX && c->dup_acks >= LG_TCP_DUP_THRESH)
        edge = c->board->r[0].start;
    return edge;
}

uint32_t lg_tcp_pipe(const struct lg_tcp_conn *c)
{
    uint32_t flight = c->snd_nxt - c->snd_una, gone = 0;

    if (c->flags & LG_TCP_F_SACK)
        gone = c->board ? c->board->bytes : 0;
    else
        gone = c->dup_sz;
    if (lg_seq_lt(c->high_rxt, c->lost_to)) {
        gone += c->lost_to - c->high_rxt;
        if (c->board)
            gone -= lg_tcp_sack_bytes(c, c->high_rxt, c->lost_to);
    }
    return gone < flight ? flight - gone : 0;
}

static void enter_recovery(struct lg_tcp_conn *c, uint32_t edge)
{
    lg_tcp_count(c->tcp, LG_STAT_TCP_FAST_RETRANS);
    c->flags |= LG_TCP_F_RECOVERY;
    c->recover = c->snd_nxt;
    c->high_rxt = c->snd_una;
    c->lost_to = edge;
    c->cc->lost(c, c->snd_nxt - c->snd_una, c->tcp->now_ns);
}

static void leave(struct lg_tcp_conn *c)
{
    if (c->flags & LG_TCP_F_RECOVERY)
        c->cc->recovered(c);
    c->flags &= ~(LG_TCP_F_RECOVERY | LG_TCP_F_LOSS);
    c->high_rxt = c->lost_to = c->snd_una;
    c->dup_acks = 0;
    c->dup_sz = 0;
}

/* count_dups keeps the duplicate ACKs and, without SACK, the bytes they stand for. */
static void count_dups(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    if (a->is_dup) {
        if (c->dup_acks < UINT8_MAX)
            c->dup_acks++;
        c->dup_sz = LG_MIN(c->dup_sz + c->mss, c->snd_nxt - c->snd_una);
    } else if (a->acked > 0 && !(c->flags & LG_TCP_F_RECOVERY)) {
        c->dup_acks = 0;
        c->dup_sz = 0;
    } else if (a->acked > c->mss) {
        c->dup_sz -= LG_MIN(c->dup_sz, a->acked - c->mss);
    }
}

void lg_tcp_loss_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a)
{
    count_dups(c, a);
    c->high_rxt = lg_seq_max(c->high_rxt, c->snd_una);
    c->lost_to = lg_seq_max(c->lost_to, c->snd_una);
    if (LG_UNLIKELY(c->flags & (LG_TCP_F_RECOVERY | LG_TCP_F_LOSS))) {
        if (lg_seq_geq(c->snd_una, c->recover)) {
            leave(c);
        } else if (c->flags & LG_TCP_F_LOSS) {
            if (a->acked > 0)
                c->cc->acked(c, a->acked, c->tcp->now_ns);
            return;
        } else if (c->flags & LG_TCP_F_SACK) {
            c->lost_to = lg_seq_max(c->lost_to, lost_edge(c));
            return;
        } else {
            if (a->acked > 0) {
                c->high_rxt = c->snd_una;
                c->lost_to = lg_seq_min(c->snd_una + c->mss, c->snd_nxt);
            }
            return;
        }
    }
    uint32_t edge = lost_edge(c);
    if (lg_seq_gt(edge, c->snd_una))
        enter_recovery(c, edge);
    else if (a->acked > 0 && a->was_full)
        c->cc->acked(c, a->acked, c->tcp->now_ns);
}

void lg_tcp_loss_resend(struct lg_tcp_conn *c)
{
    if (!(c->flags & LG_TCP_F_RECOVERY))
        c->flags |= LG_TCP_F_LOSS;
    c->flags &= ~LG_TCP_F_TIMED;
    c->recover = c->lost_to = c->snd_nxt;
    c->high_rxt = c->snd_una;
    lg_tcp_due(c);
}

void lg_tcp_loss_timeout(struct lg_tcp_conn *c)
{
    c->cc->timeout(c, c->snd_nxt - c->snd_una, c->backoff == 0);
    c->flags &= ~(LG_TCP_F_RECOVERY | LG_TCP_F_TIMED);
    c->flags |= LG_TCP_F_LOSS;
    c->recover = c->lost_to = c->snd_nxt;
    c->high_rxt = c->snd_una;
    c->dup_acks = 0;
    c->dup_sz = 0;
    c->reorder_sz = 0;
    /* A peer may drop what it has SACKed (RFC 2018 section 8); a second timeout in a row makes
     * that likely enough to forget the scoreboard. */
    if (c->backoff > 0)
        lg_tcp_sack_drop(c);
}
