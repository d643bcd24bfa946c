/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_rx.c: records in. A record is decrypted where it lies, in the bufs it came in, and these
 * bufs, trimmed to the content, are what the reader gets. One piece is copied, by decrypting it to
 * elsewhere: the end of a record in a buf that holds the start of the next one. It goes behind what
 * the reader has already, or into a fresh buf.
 *
 * Nothing is handed on before its tag has been found right; after a wrong one all of it is wiped.
 *
 * A record that is not all there waits in the caller's queue. A peer that sends it in tiny segments
 * would pin a packet buffer for each: they are put together (thin). */
#include "tls_priv.h"

/* One record on its way in. */
struct opening {
    uint8_t hdr[LG_REC_HDR_SZ];
    uint32_t total_sz;      /* header to tag */
    uint32_t front_sz;      /* header and explicit nonce */
    uint32_t ct_sz;         /* ciphertext without the tag */
    uint32_t whole_cnt;     /* bufs that end with or before the record */
    uint32_t edge_sz;       /* the record's bytes in the buf behind those; 0: none there */
    uint32_t edge_ct;       /* ... of them ciphertext */
    struct lg_bufq q;       /* the whole bufs, taken out of the input */
    struct lg_buf *edge_to; /* where the edge's plaintext goes */
    uint8_t *edge_at;
    bool edge_fresh; /* edge_to is a buf of its own, ours until handed on */
    struct lg_aead_piece piece[LG_REC_RX_BUFS_MAX + 1];
    uint32_t piece_cnt;
};

/* thin moves bufs' bytes into the free room of the bufs before them. It needs no buf. */
static void thin(struct lg_bufq *q)
{
    struct lg_bufq out = {0};
    struct lg_buf *b;
    while ((b = lg_bufq_pop(q)) != NULL) {
        struct lg_buf *to = out.tail;
        uint32_t n = to && !lg_buf_is_shared(to) ? LG_MIN(lg_buf_tailroom(to), b->len) : 0;
        if (n > 0) {
            memcpy(to->data + to->len, b->data, n);
            to->len += n;
            out.bytes += n;
            b->data += n;
            b->len -= n;
        }
        if (b->len == 0) {
            lg_buf_give(b);
            continue;
        }
        if (lg_buf_headroom(b) > LG_BUF_HEADROOM && !lg_buf_is_shared(b)) {
            memmove(b->base + LG_BUF_HEADROOM, b->data, b->len); /* and it has room for more */
            b->data = b->base + LG_BUF_HEADROOM;
        }
        lg_bufq_push(&out, b);
    }
    *q = out;
}

/* measure finds which bufs the record lies in.
 *   Returns  false: in too many */
static bool measure(const struct lg_bufq *in, struct opening *o)
{
    uint32_t left = o->total_sz;
    o->whole_cnt = 0;
    for (const struct lg_buf *b = in->head; b && b->len <= left && left > 0; b = b->next) {
        left -= b->len;
        o->whole_cnt++;
    }
    o->edge_sz = left;
    /* The record is front, ciphertext, tag; the edge is its last edge_sz bytes. */
    uint32_t no_front = LG_MIN(o->edge_sz, o->total_sz - o->front_sz);
    o->edge_ct = no_front > LG_AEAD_TAG_SZ ? no_front - LG_AEAD_TAG_SZ : 0;
    return o->whole_cnt <= LG_REC_RX_BUFS_MAX;
}

/* unshare: bufs that somebody else still reads must not be written; none comes from a device so.
 *   Returns  false: no buf for a copy */
static bool unshare(struct lg_tls *t, uint32_t cnt)
{
    struct lg_buf *prev = NULL, *b = t->in->head;
    for (uint32_t i = 0; i < cnt; i++, prev = b, b = b->next) {
        if (LG_LIKELY(!lg_buf_is_shared(b)))
            continue;
        struct lg_buf *copy = lg_buf_take(t->core->pool);
        if (!copy || lg_buf_tailroom(copy) < b->len) {
            lg_buf_give(copy);
            return false;
        }
        memcpy(copy->data, b->data, b->len);
        copy->len = b->len;
        copy->next = b->next;
        if (prev)
            prev->next = copy;
        else
            t->in->head = copy;
        if (t->in->tail == b)
            t->in->tail = copy;
        lg_buf_give(b);
        b = copy;
    }
    return true;
}

/* place_edge chooses where the edge's plaintext goes.
 *   Returns  false: no buf */
static bool place_edge(struct lg_tls *t, struct opening *o, const struct lg_bufq *to)
{
    o->edge_fresh = false;
    o->edge_to = NULL;
    if (o->edge_ct == 0)
        return true;
    struct lg_buf *b = to->tail;
    bool alone = o->edge_ct == o->ct_sz; /* else the whole bufs come between */
    if (alone && b && !lg_buf_is_shared(b)) {
        uint32_t room = lg_buf_tailroom(b);
        if (t->plain_seg_sz)
            room = b->len < t->plain_seg_sz ? LG_MIN(room, t->plain_seg_sz - b->len) : 0;
        if (room >= o->edge_ct)
            o->edge_to = b;
    }
    if (!o->edge_to) {
        o->edge_to = lg_buf_take(t->core->pool);
        o->edge_fresh = true;
        if (!o->edge_to || lg_buf_tailroom(o->edge_to) < o->edge_ct) {
            lg_buf_give(o->edge_to);
            return false;
        }
    }
    o->edge_at = o->edge_to->data + o->edge_to->len;
    return true;
}

/* keep_front shortens a queue to its first n bytes. */
static void keep_front(struct lg_bufq *q, uint32_t n)
{
    struct lg_bufq out = {0};
    struct lg_buf *b;
    while (n > 0 && (b = lg_bufq_pop(q)) != NULL) {
        b->len = LG_MIN(b->len, n);
        n -= b->len;
        lg_bufq_push(&out, b);
    }
    lg_bufq_drop_all(q);
    *q = out;
}

/* take_bufs moves the whole bufs out of the input, trims them to the ciphertext, and lists the
 * pieces to be decrypted. What is left of the record in the input is its edge. */
static void take_bufs(struct lg_tls *t, struct opening *o)
{
    for (uint32_t i = 0; i < o->whole_cnt; i++)
        lg_bufq_push(&o->q, lg_bufq_pop(t->in));
    uint32_t edge_off = o->front_sz - LG_MIN(o->front_sz, o->q.bytes);
    lg_bufq_trim(&o->q, LG_MIN(o->front_sz, o->q.bytes));
    if (o->q.bytes != o->ct_sz - o->edge_ct)
        keep_front(&o->q, o->ct_sz - o->edge_ct);
    o->piece_cnt = 0;
    for (struct lg_buf *b = o->q.head; b; b = b->next)
        if (b->len > 0)
            o->piece[o->piece_cnt++] = (struct lg_aead_piece){b->data, b->data, b->len};
    if (o->edge_ct > 0)
        o->piece[o->piece_cnt++] =
            (struct lg_aead_piece){t->in->head->data + edge_off, o->edge_at, o->edge_ct};
}

static void discard(struct lg_tls *t, struct opening *o)
{
    for (uint32_t i = 0; i < o->piece_cnt; i++)
        lg_wipe(o->piece[i].dst, o->piece[i].len);
    lg_bufq_drop_all(&o->q);
    if (o->edge_fresh)
        lg_buf_give(o->edge_to);
    lg_bufq_trim(t->in, o->edge_sz);
}

/* content_end finds where the content ends: under 1.3 the last byte that is not zero is its type,
 * and the zeroes behind are padding.
 *   Returns  false: there is none */
static bool content_end(const struct opening *o, bool is_13, uint8_t *type, uint32_t *sz)
{
    *sz = o->ct_sz;
    *type = o->hdr[0];
    if (!is_13)
        return true;
    for (uint32_t i = o->piece_cnt; i-- > 0;) {
        const struct lg_aead_piece *p = &o->piece[i];
        for (uint32_t n = p->len; n-- > 0;) {
            (*sz)--;
            *type = p->dst[n];
            if (*type)
                return true;
        }
    }
    return false;
}

/* hand_on appends the first sz bytes of plaintext to a queue. */
static void hand_on(struct opening *o, uint32_t sz, struct lg_bufq *to)
{
    uint32_t in_bufs = o->ct_sz - o->edge_ct, edge = sz - LG_MIN(sz, in_bufs);
    if (o->q.bytes > LG_MIN(sz, in_bufs))
        keep_front(&o->q, LG_MIN(sz, in_bufs));
    lg_bufq_append(to, &o->q);
    if (!o->edge_to)
        return;
    if (!o->edge_fresh) {
        o->edge_to->len += edge;
        to->bytes += edge;
    } else if (edge > 0) {
        o->edge_to->len = edge;
        lg_bufq_push(to, o->edge_to);
    } else {
        lg_buf_give(o->edge_to);
    }
}

/* flatten copies content to the core's scratch: of records that are no data. */
static lg_span_t flatten(struct lg_tls *t, struct opening *o, uint32_t sz)
{
    uint8_t *p = t->core->scratch;
    uint32_t off = 0;
    for (uint32_t i = 0; i < o->piece_cnt && off < sz; i++) {
        uint32_t n = LG_MIN(o->piece[i].len, sz - off);
        memcpy(p + off, o->piece[i].dst, n);
        off += n;
    }
    lg_bufq_drop_all(&o->q);
    if (o->edge_fresh)
        lg_buf_give(o->edge_to);
    return lg_span(p, sz);
}

/* deliver acts upon a record whose tag was right. */
static lg_err_t deliver(struct lg_tls *t, struct opening *o, struct lg_bufq *to)
{
    struct lg_rec *r = &t->rec;
    uint8_t type;
    uint32_t sz;
    bool has_type = content_end(o, r->rx.form == LG_FORM_13, &type, &sz);

    lg_bufq_trim(t->in, o->edge_sz);
    lg_stat_inc(t->core->stats, LG_STAT_TLS_REC_RX);
    /*= https://www.rfc-editor.org/rfc/rfc8446#section-5.4
     *# The length of the full encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 octets. */
    bool is_long = o->ct_sz > LG_REC_PLAIN_MAX + (r->rx.form == LG_FORM_13 ? 1u : 0u);
    if (!has_type || is_long) {
        (void)flatten(t, o, 0);
        return lg_rec_fail(t, is_long ? LG_ALERT_RECORD_OVERFLOW : LG_ALERT_UNEXPECTED_MESSAGE);
    }
    if (type != LG_REC_DATA)
        return lg_rec_control(t, (enum lg_rec_type)type, flatten(t, o, sz));
    hand_on(o, sz, to);
    if (lg_post_is_open(&r->post) || (sz == 0 && ++r->empty_cnt > LG_REC_EMPTY_MAX))
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    if (sz > 0)
        r->empty_cnt = r->warn_cnt = 0;
    lg_stat_add(t->core->stats, LG_STAT_TLS_BYTES_IN, sz);
    return LG_OK;
}

/* open_record decrypts the record at the head of the input, which is all there.
 *   Returns  LG_OK; LG_E(AGAIN) no buf, nothing has changed; else FAILED */
static lg_err_t open_record(struct lg_tls *t, struct opening *o, struct lg_bufq *to)
{
    struct lg_rec *r = &t->rec;
    uint8_t nonce[8], want[LG_AEAD_TAG_SZ], tag[LG_AEAD_TAG_SZ];
    struct lg_aead_msg m;

    o->q = (struct lg_bufq){0};
    o->front_sz = lg_rec_front_sz((enum lg_rec_form)r->rx.form);
    o->ct_sz = o->total_sz - o->front_sz - LG_AEAD_TAG_SZ;
    if (!measure(t->in, o)) {
        thin(t->in);
        if (!measure(t->in, o)) /* their room is too small: no pool of ours has such bufs */
            return lg_rec_fail(t, LG_ALERT_INTERNAL_ERROR);
    }
    if (!unshare(t, o->whole_cnt) || !place_edge(t, o, to))
        return LG_E(AGAIN);
    lg_bufq_copy_out(t->in, LG_REC_HDR_SZ, nonce, sizeof nonce);
    lg_bufq_copy_out(t->in, o->total_sz - LG_AEAD_TAG_SZ, want, sizeof want);
    take_bufs(t, o);
    uint32_t content_sz = o->ct_sz;
    lg_keys_begin(&r->rx, o->hdr, nonce, content_sz, &m);
    m.piece = o->piece;
    m.piece_cnt = o->piece_cnt;
    lg_aead_open(t->core->aead, &r->rx.aead, &m, tag);
    if (LG_UNLIKELY(!lg_tag_eq(tag, want) || r->rx.seq == UINT64_MAX)) {
        discard(t, o);
        return lg_rec_fail(t, LG_ALERT_BAD_RECORD_MAC);
    }
    lg_keys_used(&r->rx, content_sz);
    return deliver(t, o, to);
}

static lg_err_t refuse_hdr(struct lg_tls *t, enum lg_rec_hdr why)
{
    switch (why) {
    case LG_HDR_LONG:
        return lg_rec_fail(t, LG_ALERT_RECORD_OVERFLOW);
    case LG_HDR_VERSION:
        return lg_rec_fail(t, LG_ALERT_PROTOCOL_VERSION);
    case LG_HDR_SHORT:
        return lg_rec_fail(t, LG_ALERT_BAD_RECORD_MAC);
    default:
        return lg_rec_fail(t, LG_ALERT_UNEXPECTED_MESSAGE);
    }
}

/* next_record: is a whole record there?
 *   Returns  LG_OK and *there; FAILED when its header is a lie */
static lg_err_t next_record(struct lg_tls *t, struct opening *o, bool *there)
{
    uint32_t body_sz = 0;
    *there = false;
    if (lg_bufq_copy_out(t->in, 0, o->hdr, sizeof o->hdr) == sizeof o->hdr) {
        enum lg_rec_hdr h = lg_rec_hdr_check(o->hdr, (enum lg_rec_form)t->rec.rx.form, &body_sz);
        if (h != LG_HDR_OK)
            return refuse_hdr(t, h);
        o->total_sz = LG_REC_HDR_SZ + body_sz;
        *there = t->in->bytes >= o->total_sz;
    }
    if (!*there && t->in->cnt > LG_REC_THIN_BUFS && t->in->bytes < t->in->cnt * LG_REC_THIN_SZ)
        thin(t->in);
    return LG_OK;
}

/* give_ready hands on at most max bytes of what is ready; false: no buf for a part of one. */
static bool give_ready(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    struct lg_bufq *q = &t->rec.ready;
    while (q->head && q->head->len <= max) {
        max -= q->head->len;
        lg_bufq_push(plain, lg_bufq_pop(q));
    }
    if (!q->head || max == 0)
        return true;
    uint32_t n = lg_bufq_write(plain, t->core->pool, q->head->data, max, t->plain_seg_sz);
    lg_bufq_trim(q, n);
    return n == max;
}

lg_err_t lg_rec_mb_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    struct lg_rec *r = &t->rec;
    uint32_t start = plain->bytes;
    struct opening o;
    bool there;

    if (r->update_due && !t->shut && lg_err_is(lg_rec_update(t), LG_ERR_BUG))
        return lg_rec_fail(t, LG_ALERT_INTERNAL_ERROR);
    for (;;) {
        uint32_t left = max - LG_MIN(max, plain->bytes - start);
        if (r->ready.head) {
            if (!give_ready(t, plain, left))
                return LG_E(AGAIN);
            if (r->ready.head)
                return LG_OK;
            continue;
        }
        if (left == 0 || t->step != LG_STEP_OPEN)
            return LG_OK;
        LG_TRY(next_record(t, &o, &there));
        if (!there)
            return LG_OK;
        LG_TRY(open_record(t, &o, o.total_sz <= left ? plain : &r->ready));
    }
}
