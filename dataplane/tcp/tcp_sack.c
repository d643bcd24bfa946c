/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_sack.c: the scoreboard: which bytes beyond snd_una the peer says it has (RFC 2018, 6675).
 * A sorted array of ranges, taken from a pool while there is something to remember. More islands
 * than it holds, or no scoreboard left: the information is dropped, and repair takes longer. */
#include "tcp_priv.h"

#include <string.h>

void lg_tcp_sack_drop(struct lg_tcp_conn *c)
{
    if (c->board)
        lg_pool_give(&c->tcp->boards, c->board);
    c->board = NULL;
}

/* note_reorder: bytes at seq, never sent again, arrived behind others up to top: the network
 * reorders by that much, and holes so young are no sign of loss. */
static void note_reorder(struct lg_tcp_conn *c, uint32_t seq, uint32_t top)
{
    uint32_t sz = LG_MIN(top - seq, LG_TCP_REORDER_SEGS * c->mss);
    c->reorder_sz = LG_MAX(c->reorder_sz, sz);
}

static void remove_ranges(struct lg_tcp_sackboard *sb, uint32_t at, uint32_t n)
{
    memmove(&sb->r[at], &sb->r[at + n], (sb->cnt - at - n) * sizeof sb->r[0]);
    sb->cnt -= n;
}

/* enter adds one range; false: no room for another island. */
static bool enter(struct lg_tcp_sackboard *sb, struct lg_tcp_range n)
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
static bool has(const struct lg_tcp_sackboard *sb, struct lg_tcp_range n)
{
    for (uint32_t i = sb->cnt; i-- > 0;)
        if (lg_seq_leq(sb->r[i].start, n.start))
            return lg_seq_leq(n.end, sb->r[i].end);
    return false;
}

void lg_tcp_sack_in(struct lg_tcp_conn *c, const struct lg_tcp_opts *o)
{
    for (uint32_t i = 0; i < o->sack_cnt; i++) {
        struct lg_tcp_range n = o->sack[i];
        /* At or below snd_una: a duplicate reported (RFC 2883) or an old ACK. Past snd_nxt: a lie.
         */
        if (lg_seq_leq(n.start, c->snd_una) || lg_seq_geq(n.start, n.end) ||
            lg_seq_gt(n.end, c->snd_nxt))
            continue;
        if (!c->board) {
            c->board = lg_pool_take(&c->tcp->boards);
            if (!c->board)
                return;
            c->board->cnt = c->board->bytes = 0;
        }
        if (has(c->board, n))
            continue;
        if (c->board->cnt > 0) {
            uint32_t top = c->board->r[c->board->cnt - 1].end;
            if (lg_seq_lt(n.end, top) && lg_seq_geq(n.start, c->high_rxt))
                note_reorder(c, n.start, top);
        }
        if (!enter(c->board, n) && c->board->cnt == 0)
            lg_tcp_sack_drop(c);
    }
}

void lg_tcp_sack_trim(struct lg_tcp_conn *c, uint32_t old_una)
{
    struct lg_tcp_sackboard *sb = c->board;
    uint32_t n = 0;

    if (lg_seq_leq(c->high_rxt, old_una))
        note_reorder(c, old_una, sb->r[sb->cnt - 1].end);
    while (n < sb->cnt && lg_seq_leq(sb->r[n].end, c->snd_una)) {
        sb->bytes -= sb->r[n].end - sb->r[n].start;
        n++;
    }
    /* An ACK that ends within a range contradicts it: the peer has dropped what it had SACKed (RFC
     * 2018 section 8), or lies. Forget all it said. */
    if (n == sb->cnt || lg_seq_leq(sb->r[n].start, c->snd_una)) {
        lg_tcp_sack_drop(c);
        return;
    }
    if (n > 0)
        remove_ranges(sb, 0, n);
}

uint32_t lg_tcp_sack_bytes(const struct lg_tcp_conn *c, uint32_t from, uint32_t to)
{
    const struct lg_tcp_sackboard *sb = c->board;
    uint32_t n = 0;

    for (uint32_t i = 0; sb && i < sb->cnt && lg_seq_lt(sb->r[i].start, to); i++) {
        uint32_t start = lg_seq_max(sb->r[i].start, from), end = lg_seq_min(sb->r[i].end, to);
        if (lg_seq_lt(start, end))
            n += end - start;
    }
    return n;
}

uint32_t lg_tcp_sack_skip(const struct lg_tcp_conn *c, uint32_t *seq)
{
    const struct lg_tcp_sackboard *sb = c->board;

    for (uint32_t i = 0; sb && i < sb->cnt; i++) {
        if (lg_seq_lt(*seq, sb->r[i].start))
            return sb->r[i].start;
        *seq = lg_seq_max(*seq, sb->r[i].end);
    }
    return c->snd_nxt;
}

uint32_t lg_tcp_sack_lost(const struct lg_tcp_conn *c, uint32_t thresh_sz, uint32_t thresh_cnt)
{
    const struct lg_tcp_sackboard *sb = c->board;
    uint32_t bytes = 0;

    /*= https://www.rfc-editor.org/rfc/rfc6675#section-4
     *# IsLost (SeqNum): ... The routine returns true when either DupThresh discontiguous SACKed
     *# sequences have arrived above 'SeqNum' or more than (DupThresh - 1) * SMSS bytes with
     *# sequence numbers greater than 'SeqNum' have been SACKed. */
    for (uint32_t i = sb ? sb->cnt : 0; i-- > 0;) {
        bytes += sb->r[i].end - sb->r[i].start;
        if (bytes > thresh_sz || sb->cnt - i >= thresh_cnt)
            return sb->r[i].start;
    }
    return c->snd_una;
}
