/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_tx.c: records out. The content is read where it lies, in the bufs of whoever sends it, and
 * ciphertext is written where it leaves, in segments of seg_sz bytes: encryption is the only copy.
 *
 * How long a record is: one segment's worth at the start and after a pause, so that the peer can
 * use the first bytes when the first packet is there; 16 KiB once LG_REC_BULK_BYTES have gone out
 * without a pause. Segments are filled whole, whatever the records; only the last may be short. */
#include "tls_priv.h"

/* Where a record goes: the room left in the last buf of the output, then fresh bufs. */
struct sink {
    struct lg_buf *tail;  /* of the output, or NULL; its room is tail_room */
    struct lg_bufq fresh; /* bufs to be appended; len 0 until written */
    uint32_t tail_room;
    uint32_t seg;  /* bytes a fresh buf takes */
    uint32_t room; /* bytes in all */
    /* -- the writing position -- */
    struct lg_buf *b;
    uint8_t *at;
    uint32_t left; /* bytes of b's room behind `at` */
};

/* Less room than this is not worth beginning a record in. */
#define TAIL_MIN 64u
/* A segment this small (no MSS is) would not hold a header. */
#define SEG_MIN 64u

static uint32_t seg_of(const struct lg_tls *t)
{
    uint32_t room = t->core->pool->room;
    return t->seg_sz == 0 ? room : LG_MIN(LG_MAX(t->seg_sz, SEG_MIN), room);
}

/* tail_room: bytes that may be appended to the output's last buf. */
static uint32_t tail_room(const struct lg_tls *t, uint32_t seg)
{
    const struct lg_buf *b = t->out->tail;
    if (!b || b->len + TAIL_MIN > seg || lg_buf_is_shared(b))
        return 0;
    uint32_t room = LG_MIN(seg - b->len, lg_buf_tailroom(b));
    return room < TAIL_MIN ? 0 : room;
}

/* sink_open finds room for `want` bytes, or for as many as there are bufs. */
static void sink_open(struct lg_tls *t, struct sink *s, uint32_t want)
{
    *s = (struct sink){.seg = seg_of(t)};
    s->tail_room = s->room = tail_room(t, s->seg);
    s->tail = s->tail_room ? t->out->tail : NULL;
    while (s->room < want) {
        struct lg_buf *b = lg_buf_take(t->core->pool);
        if (!b)
            break;
        lg_bufq_push(&s->fresh, b);
        s->room += s->seg;
    }
}

static void sink_begin(struct sink *s)
{
    s->b = s->tail ? s->tail : s->fresh.head;
    s->at = s->b->data + s->b->len;
    s->left = s->tail ? s->tail_room : s->seg;
}

/* sink_move steps n bytes on, n in [0,left]; at a buf's end to the next one. */
static void sink_move(struct sink *s, uint32_t n)
{
    s->b->len += n;
    s->at += n;
    s->left -= n;
    if (s->left > 0)
        return;
    s->b = s->b == s->tail ? s->fresh.head : s->b->next;
    if (s->b) {
        s->at = s->b->data;
        s->left = s->seg;
    }
}

static void sink_copy(struct sink *s, const uint8_t *p, uint32_t n)
{
    while (n > 0) {
        uint32_t part = LG_MIN(n, s->left);
        memcpy(s->at, p, part);
        p += part;
        n -= part;
        sink_move(s, part);
    }
}

/* sink_close appends what was written to the output and gives back what was not used. */
static void sink_close(struct lg_tls *t, struct sink *s, uint32_t written)
{
    struct lg_buf *b;
    if (s->tail)
        t->out->bytes += LG_MIN(written, s->tail_room);
    while ((b = lg_bufq_pop(&s->fresh)) != NULL) {
        if (b->len > 0)
            lg_bufq_push(t->out, b);
        else
            lg_buf_give(b);
    }
}

/* seal writes one record: content is the sum of the spans, which end with the inner type under 1.3.
 * s has room for it. */
static void seal(struct lg_tls *t, struct sink *s, enum lg_rec_type type, const lg_span_t *span,
                 uint32_t span_cnt, uint32_t content_sz)
{
    struct lg_keys *k = &t->rec.tx;
    struct lg_aead_piece piece[LG_REC_PIECES_MAX];
    struct lg_aead_msg m = {.piece = piece};
    uint8_t front[LG_REC_HDR_SZ + 8], tag[LG_AEAD_TAG_SZ];
    enum lg_rec_form form = (enum lg_rec_form)k->form;

    sink_begin(s);
    lg_rec_hdr_build(front, form, type, content_sz);
    if (form == LG_FORM_12_GCM)
        lg_keys_explicit(k, front + LG_REC_HDR_SZ);
    lg_keys_begin(k, front, front + LG_REC_HDR_SZ, content_sz, &m);
    sink_copy(s, front, lg_rec_front_sz(form));
    for (uint32_t i = 0; i < span_cnt; i++) {
        for (size_t off = 0; off < span[i].len;) {
            uint32_t n = (uint32_t)LG_MIN(span[i].len - off, (size_t)s->left);
            piece[m.piece_cnt++] = (struct lg_aead_piece){span[i].p + off, s->at, n};
            off += n;
            sink_move(s, n);
        }
    }
    lg_aead_seal(t->core->aead, &k->aead, &m, tag);
    sink_copy(s, tag, sizeof tag);
    lg_keys_used(k, content_sz);
    lg_stat_inc(t->core->stats, LG_STAT_TLS_REC_TX);
}

static uint32_t overhead(const struct lg_tls *t)
{
    enum lg_rec_form form = (enum lg_rec_form)t->rec.tx.form;
    return lg_rec_front_sz(form) + lg_rec_back_sz(form);
}

bool lg_rec_emit(struct lg_tls *t, enum lg_rec_type type, const uint8_t *content,
                 uint32_t content_sz)
{
    uint8_t inner[64 + 1];
    struct sink s;
    uint32_t want = overhead(t) + content_sz;

    sink_open(t, &s, want);
    if (s.room < want || content_sz >= sizeof inner) {
        sink_close(t, &s, 0);
        return false;
    }
    memcpy(inner, content, content_sz);
    inner[content_sz] = (uint8_t)type;
    lg_span_t span = lg_span(inner, content_sz + (t->rec.tx.form == LG_FORM_13));
    seal(t, &s, type, &span, 1, content_sz);
    sink_close(t, &s, want);
    return true;
}

/* A source of content, and the one byte behind it that the inner type takes the place of: it is
 * read together with the content, and put back. */
struct source {
    lg_span_t span[LG_REC_SPANS_MAX + 1];
    uint32_t span_cnt;
    uint32_t sz;   /* bytes of content */
    uint8_t *type; /* where the inner type was put, or NULL */
    uint8_t saved; /* what was there */
};

static const uint8_t type_data = LG_REC_DATA;

/* put_type appends the inner type to the last span: in the byte behind it where that is ours to
 * write, as a span of its own otherwise. */
static void put_type(struct source *src, struct lg_buf *last)
{
    lg_span_t *end = &src->span[src->span_cnt - 1];
    uint8_t *at = last->data + (end->p - last->data) + end->len;

    if (lg_buf_is_shared(last) || at >= last->base + last->cap) {
        src->span[src->span_cnt++] = lg_span(&type_data, 1);
        return;
    }
    src->type = at;
    src->saved = *at;
    *at = LG_REC_DATA;
    end->len++;
}

/* collect takes up to max bytes from the head of the queue, without consuming them. */
static void collect(const struct lg_bufq *q, uint32_t max, bool is_13, struct source *src)
{
    struct lg_buf *last = NULL;
    src->span_cnt = src->sz = 0;
    src->type = NULL;
    for (struct lg_buf *b = q->head; b && src->sz < max && src->span_cnt < LG_REC_SPANS_MAX;
         b = b->next) {
        uint32_t n = LG_MIN(b->len, max - src->sz);
        if (n == 0)
            continue;
        src->span[src->span_cnt++] = lg_span(b->data, n);
        src->sz += n;
        last = b;
    }
    if (is_13 && last)
        put_type(src, last);
}

/* record_max: content of the next record at most. */
static uint32_t record_max(const struct lg_tls *t)
{
    uint32_t seg = seg_of(t), over = overhead(t);
    /* The pieces of a record are bounded, so are its segments. */
    uint32_t max = (LG_REC_PIECES_MAX - LG_REC_SPANS_MAX - 2) * seg - over;
    if (t->rec.tx_run_sz < LG_REC_BULK_BYTES) {
        uint32_t room = tail_room(t, seg);
        max = (room >= seg / 2 ? room : seg) - over;
    }
    return LG_MIN(max, (uint32_t)LG_REC_PLAIN_MAX);
}

/* send_data sends one record of at most max bytes; returns its content's size, 0: no bufs. */
static uint32_t send_data(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    uint32_t over = overhead(t);
    struct source src;
    struct sink s;

    sink_open(t, &s, max + over);
    if (s.room <= over) {
        sink_close(t, &s, 0);
        return 0;
    }
    collect(plain, LG_MIN(max, s.room - over), t->rec.tx.form == LG_FORM_13, &src);
    seal(t, &s, LG_REC_DATA, src.span, src.span_cnt, src.sz);
    if (src.type)
        *src.type = src.saved;
    sink_close(t, &s, src.sz + over);
    lg_bufq_trim(plain, src.sz);
    return src.sz;
}

static lg_err_t ready_keys(struct lg_tls *t)
{
    switch (lg_keys_state(&t->rec.tx, t->core->limits)) {
    case LG_KEYS_WORN:
        return lg_rec_fail(t, LG_ALERT_INTERNAL_ERROR);
    case LG_KEYS_UPDATE_DUE:
        t->rec.update_due = true;
        break;
    case LG_KEYS_FRESH:
        break;
    }
    return t->rec.update_due ? lg_rec_update(t) : LG_OK;
}

lg_err_t lg_rec_mb_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    struct lg_rec *r = &t->rec;
    uint32_t done = 0;

    if (t->now_ns - r->tx_last_ns >= LG_REC_PAUSE_NS)
        r->tx_run_sz = 0;
    while (done < max && plain->bytes > 0) {
        LG_TRY(ready_keys(t));
        uint32_t n = send_data(t, plain, LG_MIN(LG_MIN(plain->bytes, max - done), record_max(t)));
        if (n == 0)
            return LG_E(AGAIN);
        done += n;
        r->tx_run_sz = LG_MIN(r->tx_run_sz + n, LG_REC_BULK_BYTES);
        r->tx_last_ns = t->now_ns;
        lg_stat_add(t->core->stats, LG_STAT_TLS_BYTES_OUT, n);
    }
    return LG_OK;
}
