/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_seg.c: the send queue as segments. Before a buf is sent the first time it is shaped: cut or
 * filled to what one segment takes; from then on it is that segment. Then it moves between the
 * lists `sent` and `lost`, or is on neither when SACKed (see tcp_types.h). What is lost is decided
 * in tcp_rack.c and tcp_loss.c. */
#include "tcp_priv.h"

#include <string.h>

#define TX_FLAGS (LG_TCP_TX_SACKED | LG_TCP_TX_LOST | LG_TCP_TX_AGAIN | LG_TCP_TX_SENT)

/* ---------------------------------------------------------------- lists */

static void list_insert(struct lg_tcp_seglist *l, struct lg_buf *older, struct lg_buf *b)
{
    struct lg_buf *newer = older ? older->newer : l->oldest;

    b->older = older;
    b->newer = newer;
    *(older ? &older->newer : &l->oldest) = b;
    *(newer ? &newer->older : &l->newest) = b;
}

static void list_remove(struct lg_tcp_seglist *l, struct lg_buf *b)
{
    *(b->older ? &b->older->newer : &l->oldest) = b->newer;
    *(b->newer ? &b->newer->older : &l->newest) = b->older;
}

/* unlink takes b from whatever list it is on. */
static void unlink(struct lg_tcp_conn *c, struct lg_buf *b)
{
    if (b->flags & LG_TCP_TX_SENT) {
        list_remove(&c->sent, b);
    } else if (b->flags & LG_TCP_TX_LOST) {
        list_remove(&c->lost, b);
        c->lost_sz -= b->len;
    } else if (b->flags & LG_TCP_TX_SACKED) {
        c->sacked_sz -= b->len;
    }
    b->flags &= (uint16_t) ~(LG_TCP_TX_SENT | LG_TCP_TX_LOST | LG_TCP_TX_SACKED);
}

void lg_tcp_seg_sent(struct lg_tcp_conn *c, struct lg_buf *b)
{
    unlink(c, b);
    if (!c->sent.oldest && c->lost_sz + c->sacked_sz == 0)
        lg_tcp_rack_begin(c);
    b->tx_us = c->tcp->now_us;
    b->flags |= LG_TCP_TX_SENT;
    list_insert(&c->sent, c->sent.newest, b);
}

void lg_tcp_seg_lost(struct lg_tcp_conn *c, struct lg_buf *b)
{
    struct lg_buf *older = c->lost.newest;

    unlink(c, b);
    b->flags |= LG_TCP_TX_LOST;
    c->lost_sz += b->len;
    while (older && lg_seq_gt(older->seq, b->seq)) /* first losses come in order */
        older = older->older;
    list_insert(&c->lost, older, b);
}

void lg_tcp_seg_not_lost(struct lg_tcp_conn *c)
{
    struct lg_buf *b;

    /* To the front of those in flight: they were sent before all that are there, or nearly. */
    while ((b = c->lost.newest) != NULL) {
        unlink(c, b);
        b->flags |= LG_TCP_TX_SENT;
        list_insert(&c->sent, NULL, b);
    }
}

void lg_tcp_seg_unsack(struct lg_tcp_conn *c)
{
    struct lg_buf *older = NULL;

    for (struct lg_buf *b = c->sndq.head; b && b != c->tx_next && c->sacked_sz > 0; b = b->next) {
        if (!(b->flags & LG_TCP_TX_SACKED))
            continue;
        unlink(c, b);
        b->flags |= LG_TCP_TX_SENT;
        list_insert(&c->sent, older, b);
        older = b;
    }
}

/* ---------------------------------------------------------------- what the peer has */

static void delivered(struct lg_tcp_conn *c, struct lg_buf *b, struct lg_tcp_ack_ctx *a)
{
    if (b->flags & LG_TCP_TX_LOST)
        a->was_lost = true;
    unlink(c, b);
    a->delivered += b->len;
    lg_tcp_rack_delivered(c, b, a);
}

void lg_tcp_seg_sacked(struct lg_tcp_conn *c, struct lg_buf *b, struct lg_tcp_ack_ctx *a)
{
    delivered(c, b, a);
    b->flags |= LG_TCP_TX_SACKED;
    c->sacked_sz += b->len;
}

void lg_tcp_seg_acked(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a)
{
    struct lg_bufq *q = &c->sndq;
    struct lg_buf *b;

    while ((b = q->head) != NULL && lg_seq_leq(b->seq + b->len, c->snd_una)) {
        if (b->flags & LG_TCP_TX_SACKED)
            unlink(c, b);
        else
            delivered(c, b, a);
        if (LG_UNLIKELY(c->rep != NULL) && b == c->rep->hint)
            c->rep->hint = NULL;
        lg_buf_give(lg_bufq_pop(q));
    }
    if (!b || !lg_seq_lt(b->seq, c->snd_una))
        return;
    uint32_t n = c->snd_una - b->seq;
    if (b->flags & LG_TCP_TX_LOST)
        c->lost_sz -= n;
    if (b->flags & LG_TCP_TX_SACKED)
        c->sacked_sz -= n;
    a->delivered += n;
    b->data += n;
    b->len -= n;
    b->seq += n;
    q->bytes -= n;
}

void lg_tcp_seg_drop_all(struct lg_tcp_conn *c)
{
    lg_bufq_drop_all(&c->sndq);
    c->tx_next = NULL;
    if (c->rep)
        c->rep->hint = NULL;
    c->sent = c->lost = (struct lg_tcp_seglist){0};
    c->sacked_sz = c->lost_sz = 0;
}

/* ---------------------------------------------------------------- shaping */

/* cut moves the last n bytes of b, n in [1,pool room], into a fresh buf behind it, in the same
 * state; false: no buf. */
static bool cut(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t n)
{
    struct lg_buf *rest = lg_buf_take(c->tcp->pool);

    if (!rest) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_NO_BUF);
        return false;
    }
    b->len -= n;
    memcpy(rest->data, b->data + b->len, n);
    rest->len = n;
    rest->seq = b->seq + b->len;
    rest->tx_us = b->tx_us;
    rest->flags = b->flags & TX_FLAGS;
    rest->next = b->next;
    b->next = rest;
    if (c->sndq.tail == b)
        c->sndq.tail = rest;
    c->sndq.cnt++;
    if (b->flags & LG_TCP_TX_SENT)
        list_insert(&c->sent, b, rest);
    else if (b->flags & LG_TCP_TX_LOST)
        list_insert(&c->lost, b, rest);
    return true;
}

/* split leaves the first at bytes in b and the rest behind it: in pieces of a full segment, however
 * small at is, for each takes a buf. false: no buf. */
static bool split(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t at)
{
    uint32_t full = LG_MIN((uint32_t)c->mss, c->tcp->pool->room);

    /* A buf of several segments is taken apart from its end: each byte is copied once. */
    while (b->len > full)
        if (!cut(c, b, b->len % full ? b->len % full : full))
            return false;
    if (b->len > at && !cut(c, b, b->len - at))
        return false;
    lg_tcp_count(c->tcp, LG_STAT_TCP_COPIED);
    return true;
}

/* fill moves the bufs behind b into it, as many whole ones as limit and its storage take. */
static void fill(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t limit)
{
    struct lg_buf *next;
    bool any = false;

    while ((next = b->next) != NULL && b->len + next->len <= limit &&
           next->len <= lg_buf_tailroom(b) && !lg_buf_is_shared(b)) {
        memcpy(b->data + b->len, next->data, next->len);
        b->len += next->len;
        b->next = next->next;
        if (c->sndq.tail == next)
            c->sndq.tail = b;
        c->sndq.cnt--;
        lg_buf_give(next);
        any = true;
    }
    if (any)
        lg_tcp_count(c->tcp, LG_STAT_TCP_COPIED);
}

/* make_headroom moves the bytes back where headers do not fit in front, if it may and can. */
static void make_headroom(struct lg_tcp_conn *c, struct lg_buf *b)
{
    if (lg_buf_headroom(b) >= LG_BUF_HEADROOM || LG_BUF_HEADROOM + b->len > b->cap ||
        lg_buf_is_shared(b))
        return;
    memmove(b->base + LG_BUF_HEADROOM, b->data, b->len);
    b->data = b->base + LG_BUF_HEADROOM;
    lg_tcp_count(c->tcp, LG_STAT_TCP_COPIED);
}

bool lg_tcp_seg_shape(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t limit)
{
    if (b->len > limit)
        return split(c, b, limit);
    if (LG_UNLIKELY(lg_buf_headroom(b) < LG_BUF_HEADROOM))
        make_headroom(c, b);
    if (b->next && b->len + b->next->len <= limit && !(b->flags & TX_FLAGS))
        fill(c, b, limit);
    return true;
}
