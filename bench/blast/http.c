/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c: the client's requests, and its eye on every byte of the answers. */
#include "blast.h"
#include "pattern.h"

#include <stdio.h>
#include <string.h>

#define OFFSET_DIGITS 5 /* of an offset below BL_PATTERN_PERIOD */

/* A buf over the pattern itself, so that an upload is encrypted from where it lies. */
static void no_give(struct lg_bufpool *pool, struct lg_buf *b)
{
    (void)pool;
    (void)b;
}

static bool always_shared(const struct lg_buf *b)
{
    (void)b;
    return true;
}

static struct lg_buf *no_take(struct lg_bufpool *pool)
{
    (void)pool;
    return NULL;
}

static uint32_t none_free(const struct lg_bufpool *pool)
{
    (void)pool;
    return 0;
}

static const struct lg_bufpool_ops pattern_ops = {no_take, no_give, always_shared, none_free};

void bl_http_init(struct bl_group *g)
{
    const struct bl_group_opts *o = g->o;
    bool is_put = o->kind == BL_UPLOAD;
    char host[LG_ENDPOINT_STR_SZ], path[BL_PATH_SZ + 32], length[64] = "";
    unsigned long long size = o->size;
    if (*o->path)
        snprintf(path, sizeof path, "%s", o->path);
    else if (is_put)
        snprintf(path, sizeof path, "/u?o=00000");
    else
        snprintf(path, sizeof path, "/b/%llu?o=00000", size);
    if (is_put)
        snprintf(length, sizeof length, "Content-Length: %llu\r\n", size);
    int n = snprintf(g->request, sizeof g->request, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                     is_put ? "PUT" : "GET", path,
                     *o->sni ? o->sni : lg_endpoint_text(&o->target, host), length);
    g->request_sz = (uint32_t)LG_MIN((size_t)n, sizeof g->request - 1);
    const char *at = *o->path ? NULL : strstr(g->request, "?o=");
    g->offset_at = at ? (uint32_t)(at - g->request) + 3 : 0;
}

/* put_offset writes this request's place in the pattern into the template. */
static void put_offset(struct bl_group *g, uint64_t off)
{
    char *at = g->request + g->offset_at;
    for (int i = OFFSET_DIGITS; i-- > 0; off /= 10)
        at[i] = (char)('0' + off % 10);
}

void bl_http_begin(struct bl_conn *c, lg_ns_t due_ns)
{
    struct bl_group *g = c->g;
    struct lg_bufq q = {0};
    uint64_t off = 0;
    bl_queue_remove(c);
    if (g->offset_at) {
        off = (g->sent++ * 7919) % BL_PATTERN_PERIOD;
        put_offset(g, off);
    }
    c->state = BL_BUSY;
    c->due_ns = due_ns;
    c->in_body = false;
    c->body_off = c->send_off = off;
    c->send_left = g->o->kind == BL_UPLOAD ? g->o->size : 0;
    bl_conn_arm(c, lg_ns_add(g->w->now_ns, g->o->timeout_ns));
    if (lg_bufq_write(&q, g->w->pool, g->request, g->request_sz, 0) != g->request_sz) {
        lg_bufq_drop_all(&q);
        bl_conn_fail(c, BL_E_NO_MEMORY);
        return;
    }
    struct lg_tcp_conn *tcp = c->tcp;
    bl_conn_send(c, &q);
    if (c->tcp == tcp && c->send_left)
        bl_http_more(c);
}

/* push_piece queues one piece of the upload; false: no buffer. */
static bool push_piece(struct bl_conn *c, uint32_t n)
{
    struct bl_worker *w = c->g->w;
    const uint8_t *p = bl_pattern_at(c->send_off);
    struct lg_bufq q = {0};
    if (!c->tls) {
        uint32_t put = lg_bufq_write(&q, w->pool, p, n, lg_tcp_mss(c->tcp));
        bool ok = put == n;
        if (!ok)
            lg_bufq_drop_all(&q);
        lg_tcp_send(c->tcp, &q);
        return ok;
    }
    struct lg_bufpool pool = {&pattern_ops, 0};
    uint8_t *base = (uint8_t *)(uintptr_t)p; /* read only: the pool says so */
    struct lg_buf b = {.data = base, .base = base, .len = n, .cap = (uint16_t)n, .pool = &pool};
    struct lg_tcp_conn *tcp = c->tcp;
    lg_bufq_push(&q, &b);
    bl_conn_send(c, &q);
    return c->tcp == tcp;
}

void bl_http_more(struct bl_conn *c)
{
    struct bl_group *g = c->g;
    while (c->send_left > 0) {
        uint32_t n = (uint32_t)LG_MIN(c->send_left, (uint64_t)BL_PATTERN_PIECE);
        if (lg_tcp_send_room(c->tcp) < n)
            return;
        struct lg_tcp_conn *tcp = c->tcp;
        if (!push_piece(c, n)) {
            if (c->tcp == tcp)
                bl_conn_fail(c, BL_E_NO_MEMORY);
            return;
        }
        c->send_left -= n;
        c->send_off += n;
        if (g->w->is_measuring)
            g->r.bytes_out += n;
    }
}

/* ---------------------------------------------------------------- answers */

/* complete: the last byte of an answer is in. */
static void complete(struct bl_conn *c)
{
    struct bl_group *g = c->g;
    c->requests++;
    if (c->status == 200)
        bl_conn_op_done(c);
    else if (g->w->is_measuring)
        g->r.statuses[c->status]++;
    if (c->will_close || (g->o->requests && c->requests >= g->o->requests) || c->send_left) {
        bl_conn_drop(c);
        return;
    }
    c->in_body = false;
    c->state = BL_READY;
    bl_queue_push(&g->ready, c);
}

static bool read_status(lg_span_t line, uint16_t *status)
{
    uint64_t n;
    if (line.len < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ')
        return false;
    lg_span_t rest = lg_span(line.p + 9, line.len - 9);
    if (!bl_uint(&rest, &n) || n < 100 || n >= 600)
        return false;
    *status = (uint16_t)n;
    return true;
}

/* take_head: BL_E_NONE, or what is wrong with the head. */
static enum bl_error take_head(struct bl_conn *c, const struct bl_head *h)
{
    const struct bl_group *g = c->g;
    if (!read_status(h->first, &c->status) || h->is_chunked)
        return BL_E_HTTP_PARSE;
    if (h->length == UINT64_MAX && c->status != 204 && c->status != 304)
        return BL_E_HTTP_PARSE;
    c->body_left = h->length == UINT64_MAX ? 0 : h->length;
    c->will_close = h->will_close;
    c->in_body = true;
    bool is_get = g->o->kind != BL_UPLOAD;
    c->is_checked = h->is_ours && is_get && g->offset_at && c->status == 200;
    if (c->status == 422 && h->is_ours)
        return BL_E_CHECKSUM; /* our origin got other bytes than we sent */
    if (g->w->origin && c->status == 200 && !h->is_ours && !*g->o->path)
        return BL_E_CHECKSUM; /* not the origin's answer */
    if (c->is_checked && c->body_left != g->o->size)
        return BL_E_LENGTH;
    return BL_E_NONE;
}

/* take_body consumes body bytes of q. Returns false: they are not the right ones. */
static bool take_body(struct bl_conn *c, struct lg_bufq *q)
{
    while (q->head && c->body_left > 0) {
        struct lg_buf *b = q->head;
        uint32_t n = (uint32_t)LG_MIN((uint64_t)b->len, c->body_left);
        if (c->is_checked && !bl_pattern_is(b->data, n, c->body_off))
            return false;
        c->body_off += n;
        c->body_left -= n;
        if (c->g->w->is_measuring)
            c->g->r.bytes_in += n;
        lg_bufq_trim(q, n);
    }
    return true;
}

void bl_http_rx(struct bl_conn *c, struct lg_bufq *plain)
{
    struct bl_head h;
    lg_bufq_append(&c->held, plain);
    if (!c->in_body) {
        uint32_t n = bl_head_take(&c->held, c->g->w->scratch, &h);
        if (n == 0)
            return;
        enum bl_error e = n == UINT32_MAX ? BL_E_HTTP_PARSE : take_head(c, &h);
        if (e != BL_E_NONE) {
            bl_conn_fail(c, e);
            return;
        }
        lg_bufq_trim(&c->held, n);
    }
    if (!take_body(c, &c->held))
        bl_conn_fail(c, BL_E_CHECKSUM);
    else if (c->body_left == 0 && c->held.bytes > 0)
        bl_conn_fail(c, BL_E_LENGTH);
    else if (c->body_left == 0)
        complete(c);
}
