/* SPDX-License-Identifier: GPL-2.0-or-later */
/* origin.c: the backend of a bench, on the same worker as the clients: HTTP/1.1 on plain TCP.
 *
 *      GET /b/SIZE[?o=OFFSET]    200 with SIZE bytes of the pattern from OFFSET on
 *      PUT|POST /u[?o=OFFSET]    the body is compared with the pattern: 200, or 422 when it differs
 *
 * Anything else is 404. Its answers carry X-Blast, by which clients know that they may check. One
 * request at a time on a connection; a second that comes early waits. */
#include "blast.h"
#include "pattern.h"
#include "pool.h"

#include <stdio.h>
#include <string.h>

struct oconn {
    struct lg_tcp_conn *tcp;
    struct lg_bufq in;  /* owns */
    uint64_t take_left; /* of an upload's body */
    uint64_t take_off;  /* into the pattern */
    uint64_t send_left; /* of an answer's body */
    uint64_t send_off;
    bool is_taking, is_bad, will_close, has_fin;
};

struct bl_origin {
    struct bl_worker *w;
    struct bl_origin_counts counts;
    struct lg_pool conns;
};

size_t bl_origin_footprint(uint32_t conn_cnt)
{
    return lg_align_up(sizeof(struct bl_origin), LG_CACHE_LINE) +
           lg_pool_footprint(conn_cnt, sizeof(struct oconn));
}

struct bl_origin *bl_origin_init(void *mem, uint32_t conn_cnt, struct bl_worker *w)
{
    struct bl_origin *o = mem;
    *o = (struct bl_origin){.w = w};
    lg_pool_init(&o->conns, (uint8_t *)mem + lg_align_up(sizeof *o, LG_CACHE_LINE), conn_cnt,
                 sizeof(struct oconn));
    return o;
}

const struct bl_origin_counts *bl_origin_counts(const struct bl_origin *o)
{
    return &o->counts;
}

static void end(struct bl_origin *o, struct oconn *c)
{
    lg_bufq_drop_all(&c->in);
    lg_tcp_release(c->tcp);
    lg_pool_give(&o->conns, c);
}

/* more sends of the answer's body what TCP has room for. */
static void more(struct bl_origin *o, struct oconn *c)
{
    uint32_t mss = lg_tcp_mss(c->tcp);
    while (c->send_left > 0) {
        struct lg_bufq q = {0};
        uint32_t n = (uint32_t)LG_MIN(c->send_left, (uint64_t)BL_PATTERN_PIECE);
        if (lg_tcp_send_room(c->tcp) < n)
            return; /* EV_TX will come */
        n = lg_bufq_write(&q, o->w->pool, bl_pattern_at(c->send_off), n, mss);
        if (n == 0) {
            lg_stat_inc(&o->w->stats, LG_STAT_DROP_NO_BUF);
            lg_tcp_abort(c->tcp); /* CLOSED follows */
            return;
        }
        lg_tcp_send(c->tcp, &q);
        c->send_left -= n;
        c->send_off += n;
        o->counts.bytes_out += n;
    }
}

static void answer(struct bl_origin *o, struct oconn *c, const char *status, uint64_t size)
{
    char head[160];
    struct lg_bufq q = {0};
    uint32_t mss = lg_tcp_mss(c->tcp);
    int len =
        snprintf(head, sizeof head, "HTTP/1.1 %s\r\nX-Blast: 1\r\nContent-Length: %llu\r\n%s\r\n",
                 status, (unsigned long long)size, c->will_close ? "Connection: close\r\n" : "");
    uint32_t got = lg_bufq_write(&q, o->w->pool, head, (uint32_t)len, mss);
    /* A small body goes into the same segment. */
    uint32_t n = (uint32_t)LG_MIN(size, (uint64_t)(mss - (uint32_t)len));
    if (got == (uint32_t)len && n)
        got += lg_bufq_write(&q, o->w->pool, bl_pattern_at(c->send_off), n, mss);
    if (got != (uint32_t)len + n) {
        lg_bufq_drop_all(&q);
        lg_stat_inc(&o->w->stats, LG_STAT_DROP_NO_BUF);
        lg_tcp_abort(c->tcp);
        return;
    }
    lg_tcp_send(c->tcp, &q);
    o->counts.bytes_out += n;
    c->send_off += n;
    c->send_left = size - n;
    more(o, c);
}

/* query_offset reads "?o=N" behind a path; 0 when it is not there. */
static uint64_t query_offset(lg_span_t rest)
{
    uint64_t off = 0;
    if (rest.len > 3 && memcmp(rest.p, "?o=", 3) == 0) {
        rest = lg_span(rest.p + 3, rest.len - 3);
        if (!bl_uint(&rest, &off))
            off = 0;
    }
    return off;
}

static bool begins(lg_span_t *s, const char *with)
{
    size_t len = strlen(with);
    if (s->len < len || memcmp(s->p, with, len) != 0)
        return false;
    *s = lg_span(s->p + len, s->len - len);
    return true;
}

/* request acts on one head. */
static void request(struct bl_origin *o, struct oconn *c, const struct bl_head *h)
{
    lg_span_t line = h->first;
    uint64_t size;
    o->counts.requests++;
    c->will_close = h->will_close;
    if (begins(&line, "GET /b/") && bl_uint(&line, &size)) {
        c->send_off = query_offset(line);
        answer(o, c, "200 OK", size);
        return;
    }
    line = h->first;
    if ((begins(&line, "PUT /u") || begins(&line, "POST /u")) && h->length != UINT64_MAX) {
        c->take_off = query_offset(line);
        c->take_left = h->length;
        c->is_taking = true;
        c->is_bad = false;
        return;
    }
    o->counts.bad_requests++;
    answer(o, c, "404 Not Found", 0);
}

/* take_body compares and drops; answers after the last byte. */
static void take_body(struct bl_origin *o, struct oconn *c)
{
    while (c->in.head && c->take_left > 0) {
        struct lg_buf *b = c->in.head;
        uint32_t n = (uint32_t)LG_MIN((uint64_t)b->len, c->take_left);
        if (!c->is_bad && !bl_pattern_is(b->data, n, c->take_off))
            c->is_bad = true;
        c->take_off += n;
        c->take_left -= n;
        o->counts.bytes_in += n;
        lg_bufq_trim(&c->in, n);
    }
    if (c->take_left > 0)
        return;
    c->is_taking = false;
    o->counts.bad_uploads += c->is_bad;
    answer(o, c, c->is_bad ? "422 Unprocessable Content" : "200 OK", 0);
}

/* work does all it can with what has come. */
static void work(struct bl_origin *o, struct oconn *c)
{
    struct bl_head h;
    while (c->send_left == 0 && (c->in.bytes > 0 || (c->is_taking && c->take_left == 0))) {
        if (c->is_taking) {
            take_body(o, c);
            if (c->is_taking)
                return;
            continue;
        }
        uint32_t n = bl_head_take(&c->in, o->w->scratch, &h);
        if (n == 0)
            return;
        if (n == UINT32_MAX || h.is_chunked) {
            o->counts.bad_requests++;
            lg_tcp_abort(c->tcp);
            return;
        }
        request(o, c, &h);
        lg_bufq_trim(&c->in, n);
    }
}

static struct oconn *accept_conn(struct bl_origin *o, struct lg_tcp_conn *tcp)
{
    struct oconn *c = lg_pool_take(&o->conns);
    if (!c) {
        lg_tcp_abort(tcp);
        lg_tcp_release(tcp);
        return NULL;
    }
    *c = (struct oconn){.tcp = tcp};
    lg_tcp_set_user(tcp, c);
    return c;
}

void bl_origin_event(struct bl_origin *o, struct lg_tcp_conn *tcp, uint32_t events)
{
    struct oconn *c = lg_tcp_user(tcp);
    if (!c && !(c = accept_conn(o, tcp)))
        return;
    if (events & LG_TCP_EV_CLOSED) {
        end(o, c);
        return;
    }
    if (events & LG_TCP_EV_RX)
        lg_tcp_take(tcp, &c->in, UINT32_MAX);
    if (events & LG_TCP_EV_RX_FIN)
        c->has_fin = true;
    if (events & LG_TCP_EV_TX)
        more(o, c);
    work(o, c);
    if (c->send_left == 0 && (c->has_fin || (c->will_close && !c->is_taking)))
        end(o, c); /* TCP sends what is left, and its FIN */
}
