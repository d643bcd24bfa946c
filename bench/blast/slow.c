/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slow.c: clients that send one byte at a time and never get anywhere: in the ClientHello, or,
 * after a whole handshake, in the head of a request. A server should end them; that is no error
 * here, and how long it took is the latency reported. */
#include "blast.h"

#include <string.h>

/* A head that never ends: header fields again and again. */
static const char head[] = "GET / HTTP/1.1\r\nHost: slow\r\n";
static const char endless[] = "X-Slow: 0123456789\r\n";

lg_err_t bl_slow_init(struct bl_group *g)
{
    struct bl_worker *w = g->w;
    struct lg_bufq in = {0}, plain = {0}, out = {0};
    if (g->o->slow != BL_SLOW_HANDSHAKE || !g->policy)
        return LG_OK;
    struct lg_tls *t = lg_tls_client_open(w->tls, g->policy, NULL, NULL, w->now_ns);
    LG_CHECK(t, LG_E(FULL));
    lg_err_t e = lg_tls_rx(t, &in, &plain, 0, &out, 0, w->now_ns);
    g->hello_sz = lg_bufq_read(&out, g->hello, sizeof g->hello);
    lg_bufq_drop_all(&out);
    lg_tls_close(t);
    return e;
}

static uint8_t next_byte(const struct bl_conn *c)
{
    uint32_t at = c->slow_off;
    if (c->g->o->slow == BL_SLOW_HANDSHAKE && c->g->hello_sz)
        /* The last byte is held back for ever: the hello never becomes whole. */
        return at + 1 < c->g->hello_sz ? c->g->hello[at] : 0;
    if (at < sizeof head - 1)
        return (uint8_t)head[at];
    return (uint8_t)endless[(at - (sizeof head - 1)) % (sizeof endless - 1)];
}

void bl_slow_byte(struct bl_conn *c)
{
    struct bl_group *g = c->g;
    struct bl_worker *w = g->w;
    struct lg_bufq q = {0};
    uint8_t b = next_byte(c);
    bl_conn_arm(c, lg_ns_add(w->now_ns, g->o->interval_ns));
    bool is_hello = g->o->slow == BL_SLOW_HANDSHAKE && g->hello_sz;
    if ((is_hello && c->slow_off + 1 >= g->hello_sz) || lg_tcp_send_room(c->tcp) == 0)
        return; /* wait to be ended */
    if (lg_bufq_write(&q, w->pool, &b, 1, 0) != 1) {
        bl_conn_fail(c, BL_E_NO_MEMORY);
        return;
    }
    c->slow_off++;
    if (w->is_measuring) {
        g->r.ops++;
        g->r.bytes_out++;
    }
    bl_conn_send(c, &q);
}
