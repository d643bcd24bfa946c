/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_sack.c: the scoreboard: which bytes beyond snd_una the peer says it has (RFC 2018), and which
 * it says it got twice (RFC 2883). A sorted array of ranges answers at once what is known already,
 * as most blocks of most ACKs are; what is new marks the bufs it covers whole. Islands beyond what
 * the array holds mark their bufs, too, but are not remembered, and only where that takes no walk
 * from the beginning of the queue: a window that slow start drove through too small a buffer has
 * thousands. No repair state left: the information is dropped, repair takes longer. */
#include "tcp_priv.h"

#include <string.h>

struct lg_tcp_repair *lg_tcp_repair_get(struct lg_tcp_conn *c)
{
    if (c->rep)
        return c->rep;
    c->rep = lg_pool_take(&c->tcp->repairs);
    if (c->rep)
        memset(c->rep, 0, sizeof *c->rep);
    return c->rep;
}

void lg_tcp_repair_drop(struct lg_tcp_conn *c)
{
    if (c->rep)
        lg_pool_give(&c->tcp->repairs, c->rep);
    c->rep = NULL;
}

void lg_tcp_sack_forget(struct lg_tcp_conn *c)
{
    if (c->rep)
        c->rep->cnt = c->rep->bytes = 0;
    lg_tcp_seg_unsack(c);
}

static void remove_ranges(struct lg_tcp_repair *sb, uint32_t at, uint32_t n)
{
    memmove(&sb->r[at], &sb->r[at + n], (sb->cnt - at - n) * sizeof sb->r[0]);
    sb->cnt -= n;
}

/* enter adds one range; false: no room for another island. */
static bool enter(struct lg_tcp_repair *sb, struct lg_tcp_range n)
{
    uint32_t i = 0, j;

    while (i < sb->cnt && lg_seq_lt(sb->r[i].end, n.start))
        i++;
    for (j = i; j < sb->cnt && lg_seq_leq(sb->r[j].start, n.end); j++) {
        n.start = lg_seq_min(n.start, sb->r[j].start);
        n.end = lg_seq_max(n.end, sb->r[j].end);
        sb->bytes -= sb->r[j].end - sb->r[j].start;
    }
    if (j > i) {
        remove_ranges(sb, i + 1, j - i - 1);
    } else {
        if (sb->cnt == LG_TCP_SACK_RANGES)
            return false;
        memmove(&sb->r[i + 1], &sb->r[i], (sb->cnt - i) * sizeof sb->r[0]);
        sb->cnt++;
    }
    sb->r[i] = n;
    sb->bytes += n.end - n.start;
    return true;
}

/* has says whether all of n is on the board already, as most blocks of most ACKs are. */
static bool has(const struct lg_tcp_repair *sb, struct lg_tcp_range n)
{
    for (uint32_t i = sb->cnt; i-- > 0;)
        if (lg_seq_leq(sb->r[i].start, n.start))
            return lg_seq_leq(n.end, sb->r[i].end);
    return false;
}

/* The range that n has become part of. */
static struct lg_tcp_range whole_of(const struct lg_tcp_repair *sb, struct lg_tcp_range n)
{
    for (uint32_t i = sb->cnt; i-- > 0;)
        if (lg_seq_leq(sb->r[i].start, n.start))
            return sb->r[i];
    return n;
}

/* mark tells the bufs that n touches and `whole`, which n is part of, covers: they have arrived. */
static void mark(struct lg_tcp_conn *c, struct lg_tcp_range n, struct lg_tcp_range whole,
                 struct lg_tcp_ack_ctx *a)
{
    struct lg_buf *b = c->rep->hint;

    if (!b || lg_seq_gt(b->seq, n.start))
        b = c->sndq.head;
    for (; b && b != c->tx_next && lg_seq_lt(b->seq, n.end); b = b->next) {
        if (lg_seq_leq(b->seq + b->len, n.start))
            continue;
        if (!(b->flags & LG_TCP_TX_SACKED) && lg_seq_geq(b->seq, whole.start) &&
            lg_seq_leq(b->seq + b->len, whole.end))
            lg_tcp_seg_sacked(c, b, a);
        c->rep->hint = b;
    }
}

/*= https://www.rfc-editor.org/rfc/rfc2883#section-4
 *# the sender should compare the first SACK block to the cumulative ACK in the same ACK packet ...
 *# If the sequence space of the first SACK block is less than the cumulative ACK ... or is a subset
 *# of the second SACK block, it is a duplicate report */
static bool is_dsack(const struct lg_tcp_conn *c, const struct lg_tcp_opts *o)
{
    const struct lg_tcp_range *r = o->sack;

    if (lg_seq_geq(r[0].start, r[0].end) || lg_seq_lt(r[0].start, c->snd_una - c->max_wnd))
        return false;
    if (lg_seq_leq(r[0].end, c->snd_una))
        return true;
    return o->sack_cnt > 1 && lg_seq_geq(r[0].start, r[1].start) && lg_seq_leq(r[0].end, r[1].end);
}

void lg_tcp_sack_in(struct lg_tcp_conn *c, const struct lg_tcp_opts *o, struct lg_tcp_ack_ctx *a)
{
    if (is_dsack(c, o)) {
        a->dsack = true;
        a->dup_segs = 1 + (o->sack[0].end - o->sack[0].start - 1) / c->mss;
        a->dup_start = o->sack[0].start;
        lg_tcp_count(c->tcp, LG_STAT_TCP_DSACK_RX);
    }
    for (uint32_t i = 0; i < o->sack_cnt; i++) {
        struct lg_tcp_range n = o->sack[i];
        /* At or below snd_una: a duplicate reported or an old ACK. Past snd_nxt: a lie. */
        if (lg_seq_leq(n.start, c->snd_una) || lg_seq_geq(n.start, n.end) ||
            lg_seq_gt(n.end, c->snd_nxt))
            continue;
        if (!lg_tcp_repair_get(c))
            return;
        if (has(c->rep, n))
            continue;
        if (enter(c->rep, n))
            mark(c, n, whole_of(c->rep, n), a);
        else if (c->rep->hint && lg_seq_lt(c->rep->hint->seq, n.end))
            mark(c, (struct lg_tcp_range){lg_seq_max(n.start, c->rep->hint->seq), n.end}, n, a);
    }
}

void lg_tcp_sack_trim(struct lg_tcp_conn *c)
{
    struct lg_tcp_repair *sb = c->rep;
    uint32_t n = 0;

    while (n < sb->cnt && lg_seq_leq(sb->r[n].end, c->snd_una)) {
        sb->bytes -= sb->r[n].end - sb->r[n].start;
        n++;
    }
    if (n > 0)
        remove_ranges(sb, 0, n);
    /* An ACK that ends within a range contradicts it: the peer has dropped what it had SACKed (RFC
     * 2018 section 8), or lies. Forget all it said. */
    const struct lg_buf *head = c->sndq.head;
    if ((sb->cnt > 0 && lg_seq_leq(sb->r[0].start, c->snd_una)) ||
        (head && (head->flags & LG_TCP_TX_SACKED) && head->seq == c->snd_una))
        lg_tcp_sack_forget(c);
}
