/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_ooo.c: the text of a segment: in sequence to the receive queue, out of order to the islands
 * beyond it, and the FIN at the end. Decides when to acknowledge.
 *
 * Memory: a connection holds at most lg_tcp_rcv_limit bytes (the window sees to it) and
 * lg_tcp_rcv_bufs bufs in each of the two queues. Tiny payloads are copied into the last buf's
 * tailroom, and so is everything that fits once a queue is half full, so bufs are not held for a
 * few bytes each. */
#include "tcp_priv.h"

#include <string.h>

void lg_tcp_ooo_drop(struct lg_tcp_conn *c)
{
    while (c->ooo_head) {
        struct lg_buf *b = c->ooo_head;
        c->ooo_head = b->next;
        lg_buf_give(b);
    }
    c->ooo_tail = NULL;
    c->ooo_cnt = 0;
    memset(c->rcv_sack, 0, sizeof c->rcv_sack);
}

static bool is_crowded(const struct lg_tcp_conn *c)
{
    return c->rcvq.cnt + c->ooo_cnt > lg_tcp_rcv_bufs(c) / 2;
}

/* merge copies all of b behind into, when it is small (or bufs are getting many) and fits. */
static bool merge(const struct lg_tcp_conn *c, struct lg_buf *into, struct lg_buf *b)
{
    if ((b->len > LG_TCP_TINY_SZ && !is_crowded(c)) || lg_buf_tailroom(into) < b->len ||
        lg_buf_is_shared(into))
        return false;
    memcpy(into->data + into->len, b->data, b->len);
    into->len += b->len;
    lg_buf_give(b);
    return true;
}

/*= https://www.rfc-editor.org/rfc/rfc2883#section-4
 *# The first block of the SACK option specifies the sequence numbers of the duplicate segment */
void lg_tcp_note_dup(struct lg_tcp_conn *c, uint32_t start, uint32_t end)
{
    if (!(c->flags & LG_TCP_F_SACK) || start == end)
        return;
    c->dsack = (struct lg_tcp_range){start, end};
    c->flags |= LG_TCP_F_DSACK_DUE;
}

/* ---------------------------------------------------------------- in sequence */

/* enqueue takes b, which begins at rcv_nxt, into the receive queue; false: b is still the
 * caller's, the queue holds too many bufs. */
static bool enqueue(struct lg_tcp_conn *c, struct lg_buf *b)
{
    uint32_t len = b->len;

    if (c->rcvq.tail && merge(c, c->rcvq.tail, b)) {
        c->rcvq.bytes += len;
    } else if (c->rcvq.cnt < lg_tcp_rcv_bufs(c)) {
        lg_bufq_push(&c->rcvq, b);
    } else {
        lg_tcp_count(c->tcp, LG_STAT_TCP_RCV_FULL);
        return false;
    }
    c->rcv_nxt += len;
    return true;
}

static struct lg_buf *ooo_pop(struct lg_tcp_conn *c)
{
    struct lg_buf *b = c->ooo_head;

    c->ooo_head = b->next;
    if (!c->ooo_head)
        c->ooo_tail = NULL;
    c->ooo_cnt--;
    b->next = NULL;
    return b;
}

/* sack_forget drops the reported islands that rcv_nxt has reached. */
static void sack_forget(struct lg_tcp_conn *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < LG_TCP_OPT_SACK_MAX; i++)
        if (c->rcv_sack[i].start != c->rcv_sack[i].end &&
            lg_seq_gt(c->rcv_sack[i].start, c->rcv_nxt))
            c->rcv_sack[n++] = c->rcv_sack[i];
    memset(&c->rcv_sack[n], 0, (LG_TCP_OPT_SACK_MAX - n) * sizeof c->rcv_sack[0]);
}

/* join moves the islands that rcv_nxt has reached to the receive queue. */
static void join(struct lg_tcp_conn *c)
{
    while (c->ooo_head && lg_seq_leq(c->ooo_head->seq, c->rcv_nxt)) {
        struct lg_buf *b = ooo_pop(c);
        uint32_t old = c->rcv_nxt - b->seq;
        if (old >= b->len) {
            lg_buf_give(b);
            continue;
        }
        b->data += old;
        b->len -= old;
        b->seq += old;
        if (!enqueue(c, b)) {
            b->next = c->ooo_head;
            c->ooo_head = b;
            if (!c->ooo_tail)
                c->ooo_tail = b;
            c->ooo_cnt++;
            break;
        }
    }
    sack_forget(c);
}

/* ack_policy: RFC 9293 section 3.8.6.3, RFC 5681 section 4.2. */
static void ack_policy(struct lg_tcp_conn *c, bool filled_hole)
{
    struct lg_tcp *tcp = c->tcp;

    if (filled_hole || c->quick_acks > 0 || tcp->cfg.delayed_ack_ns == 0 ||
        c->rcv_nxt - c->rcv_acked >= 2u * c->rcv_mss) {
        if (c->quick_acks > 0)
            c->quick_acks--;
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
    } else if (!(c->flags & LG_TCP_F_ACK_LATER)) {
        c->flags |= LG_TCP_F_ACK_LATER;
        c->t_out = LG_MIN(c->t_out, lg_ns_add(tcp->now_ns, tcp->cfg.delayed_ack_ns));
        lg_tcp_timer_touch(c, c->t_out);
    }
}

static void in_order(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    bool had_islands = c->ooo_cnt > 0;

    if (LG_UNLIKELY(s->len > c->rcv_mss))
        c->rcv_mss = (uint16_t)LG_MIN(s->len, (uint32_t)UINT16_MAX);
    if (LG_UNLIKELY(!enqueue(c, s->b))) {
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
        return;
    }
    s->b = NULL;
    if (LG_UNLIKELY(had_islands))
        join(c);
    if (LG_UNLIKELY(lg_seq_geq(c->rcv_nxt, c->wnd_end)))
        lg_tcp_wnd_look(c);
    ack_policy(c, had_islands);
    lg_tcp_news(c, LG_TCP_EV_RX);
}

/* ---------------------------------------------------------------- out of order */

/* sack_note puts the island that [start,end) belongs to in front of those reported.
 *= https://www.rfc-editor.org/rfc/rfc2018#section-4
 *# The first SACK block ... MUST specify the contiguous block of data containing the segment
 *# which triggered this ACK */
static void sack_note(struct lg_tcp_conn *c, uint32_t start, uint32_t end)
{
    struct lg_tcp_range keep[LG_TCP_OPT_SACK_MAX] = {0}, first = {start, end};
    uint32_t n = 0;

    for (uint32_t i = 0; i < LG_TCP_OPT_SACK_MAX; i++) {
        struct lg_tcp_range r = c->rcv_sack[i];
        if (r.start == r.end)
            break;
        if (lg_seq_leq(r.start, first.end) && lg_seq_leq(first.start, r.end)) {
            first.start = lg_seq_min(first.start, r.start);
            first.end = lg_seq_max(first.end, r.end);
        } else {
            keep[n++] = r;
        }
    }
    c->rcv_sack[0] = first;
    memcpy(&c->rcv_sack[1], keep, (LG_TCP_OPT_SACK_MAX - 1) * sizeof keep[0]);
}

/* link_after puts b behind prev (NULL: in front), cut where the islands behind begin; islands it
 * covers whole are given back. */
static void link_after(struct lg_tcp_conn *c, struct lg_buf *prev, struct lg_buf *b)
{
    struct lg_buf *next = prev ? prev->next : c->ooo_head;
    uint32_t end = b->seq + b->len;

    while (next && lg_seq_leq(next->seq + next->len, end)) {
        struct lg_buf *covered = next;
        next = next->next;
        c->ooo_cnt--;
        lg_buf_give(covered);
    }
    if (next && lg_seq_lt(next->seq, end))
        b->len = next->seq - b->seq;
    if (b->len == 0) { /* prev and next met already, and nothing was covered */
        lg_buf_give(b);
        return;
    }
    b->next = next;
    if (!next)
        c->ooo_tail = b;
    if (prev && prev->seq + prev->len == b->seq && merge(c, prev, b)) {
        prev->next = next;
        if (!next)
            c->ooo_tail = prev;
        return;
    }
    if (prev)
        prev->next = b;
    else
        c->ooo_head = b;
    c->ooo_cnt++;
}

/* insert takes b into the islands; false: wholly there already. */
static bool insert(struct lg_tcp_conn *c, struct lg_buf *b)
{
    struct lg_buf *prev = NULL;

    if (c->ooo_tail && lg_seq_leq(c->ooo_tail->seq, b->seq))
        prev = c->ooo_tail; /* the usual case: behind all others */
    else
        for (struct lg_buf *o = c->ooo_head; o && lg_seq_leq(o->seq, b->seq); o = o->next)
            prev = o;
    if (prev && lg_seq_gt(prev->seq + prev->len, b->seq)) {
        uint32_t old = prev->seq + prev->len - b->seq;
        if (old >= b->len)
            return false;
        b->data += old;
        b->len -= old;
        b->seq += old;
    }
    link_after(c, prev, b);
    return true;
}

static void out_of_order(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    /*= https://www.rfc-editor.org/rfc/rfc5681#section-4.2
     *# Out-of-order data segments SHOULD be acknowledged immediately */
    if ((c->flags & LG_TCP_F_ACK_NOW) && !(c->flags & LG_TCP_F_SACK) && c->dup_acks_due < 4)
        c->dup_acks_due++;
    c->flags |= LG_TCP_F_ACK_NOW;
    lg_tcp_due(c);
    if (c->rcvq.cnt + c->ooo_cnt >= lg_tcp_rcv_bufs(c)) {
        lg_tcp_count(c->tcp, LG_STAT_TCP_OOO_DROP);
        return;
    }
    if (!insert(c, s->b)) {
        lg_tcp_count(c->tcp, LG_STAT_TCP_DUP);
        lg_tcp_note_dup(c, s->seq, s->seq + s->len);
        return;
    }
    s->b = NULL;
    lg_tcp_count(c->tcp, LG_STAT_TCP_OOO);
    if (c->t_out == LG_NS_NEVER) {
        c->t_out = lg_ns_add(c->tcp->now_ns, LG_TCP_OOO_CHECK_NS);
        lg_tcp_timer_touch(c, c->t_out);
    }
    if (c->flags & LG_TCP_F_SACK)
        sack_note(c, s->seq, s->seq + s->len);
}

/* ---------------------------------------------------------------- no reader, FIN */

/* orphan_text: text for a connection its user has released. What was under way while we finish is
 * acknowledged and dropped; false: enough, c has been reset.
 *= https://www.rfc-editor.org/rfc/rfc1122#section-4.2.2.13
 *# if new data is received after CLOSE is called, its TCP SHOULD send a RST to show that data was
 *# lost. */
static bool orphan_text(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    if (c->state == LG_TCP_FIN_WAIT_2 || c->orphan_rx + s->len > c->tcp->cfg.rcv_buf_sz) {
        lg_tcp_send_rst(c);
        lg_tcp_count(c->tcp, LG_STAT_TCP_RESET_TX);
        lg_tcp_conn_close(c, 0);
        return false;
    }
    if (s->seq == c->rcv_nxt) {
        c->orphan_rx += s->len;
        c->rcv_nxt += s->len;
    }
    c->flags |= LG_TCP_F_ACK_NOW;
    lg_tcp_due(c);
    return true;
}

/* take_fin: the peer's FIN is next in sequence. */
static void take_fin(struct lg_tcp_conn *c)
{
    c->flags = (c->flags & ~LG_TCP_F_FIN_OOO) | LG_TCP_F_FIN_RCVD | LG_TCP_F_ACK_NOW;
    c->rcv_nxt++;
    c->rcv_adv = lg_seq_max(c->rcv_adv, c->rcv_nxt);
    lg_tcp_ooo_drop(c);
    lg_tcp_due(c);
    if (c->flags & LG_TCP_F_USER)
        lg_tcp_news(c, LG_TCP_EV_RX_FIN);
    if (c->state == LG_TCP_ESTABLISHED)
        lg_tcp_set_state(c, LG_TCP_CLOSE_WAIT);
    else if (c->state == LG_TCP_FIN_WAIT_1)
        lg_tcp_set_state(c, LG_TCP_CLOSING);
    else
        lg_tcp_enter_time_wait(c);
}

/* note_fin remembers where the stream ends, and cuts text that pretends to go on behind. */
static void note_fin(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    uint32_t end = s->seq + s->len;

    if ((s->flags & LG_TCP_FL_FIN) && !(c->flags & LG_TCP_F_FIN_OOO)) {
        c->flags |= LG_TCP_F_FIN_OOO;
        c->rcv_fin = end;
    }
    if ((c->flags & LG_TCP_F_FIN_OOO) && s->len > 0 && lg_seq_gt(end, c->rcv_fin)) {
        uint32_t over = LG_MIN(end - c->rcv_fin, s->len);
        s->len -= over;
        s->b->len -= over;
    }
}

bool lg_tcp_text_in(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    if (LG_UNLIKELY(c->state != LG_TCP_ESTABLISHED && c->state != LG_TCP_FIN_WAIT_1 &&
                    c->state != LG_TCP_FIN_WAIT_2)) {
        if (s->len > 0)
            lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_STATE);
        return true;
    }
    if (LG_UNLIKELY((s->flags & LG_TCP_FL_FIN) || (c->flags & LG_TCP_F_FIN_OOO)))
        note_fin(c, s);
    if (s->len > 0) {
        if (LG_UNLIKELY(c->flags & LG_TCP_F_ORPHAN)) {
            if (!orphan_text(c, s))
                return false;
        } else if (LG_LIKELY(s->seq == c->rcv_nxt)) {
            in_order(c, s);
        } else {
            out_of_order(c, s);
        }
    }
    if (LG_UNLIKELY((c->flags & LG_TCP_F_FIN_OOO) && c->rcv_nxt == c->rcv_fin))
        take_fin(c);
    return true;
}
