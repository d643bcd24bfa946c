/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conn.c: one client connection from SYN to its end. What is sent over it is http.c's and slow.c's
 * business; when it begins, sched.c's. */
#include "blast.h"

#include <string.h>

#define COOL_NS LG_MS(10) /* rest after a failure, so that a dead server is not hammered */

void bl_conn_arm(struct bl_conn *c, lg_ns_t deadline_ns)
{
    c->deadline_ns = deadline_ns;
    /* Lazily: a timer that stands earlier only looks at the deadline when it fires. */
    if (!lg_timer_is_started(&c->timer) || c->timer.at_ns > deadline_ns)
        lg_wheel_start(&c->g->w->wheel, &c->timer, deadline_ns);
}

static struct bl_result *result_of(struct bl_group *g)
{
    /* A ramp is measured as it happens, everything else in the measured part of the run. */
    bool counts = g->w->is_measuring || (g->o->kind == BL_IDLE && g->w->phase == BL_RUNNING);
    return counts ? &g->r : NULL;
}

/* let_go frees what belongs to the connection but its place. */
static void let_go(struct bl_conn *c)
{
    bool is_kept = c->state == BL_READY || c->state == BL_BUSY || c->state == BL_HELD ||
                   c->state == BL_SLOW_BYTES;
    bool is_opening = c->state == BL_CONNECTING || c->state == BL_SHAKING;
    if (is_kept)
        c->g->open_cnt--;
    if (is_opening)
        c->g->opening_cnt--;
    bl_queue_remove(c);
    c->late_events = 0;
    lg_tls_close(c->tls);
    c->tls = NULL;
    lg_bufq_drop_all(&c->in);
    lg_bufq_drop_all(&c->held);
    if (c->tcp) {
        lg_tcp_abort(c->tcp);
        lg_tcp_release(c->tcp);
    }
    c->tcp = NULL;
}

void bl_conn_drop(struct bl_conn *c)
{
    let_go(c);
    c->state = BL_FREE;
    lg_wheel_stop(&c->g->w->wheel, &c->timer);
    bl_queue_push(&c->g->idle, c);
}

void bl_conn_fail(struct bl_conn *c, enum bl_error e)
{
    struct bl_result *r = result_of(c->g);
    if (r && e != BL_E_NONE)
        r->errors[e]++;
    let_go(c);
    c->state = BL_COOLING;
    bl_conn_arm(c, lg_ns_add(c->g->w->now_ns, COOL_NS));
}

void bl_conn_op_done(struct bl_conn *c)
{
    struct bl_result *r = result_of(c->g);
    if (!r)
        return;
    r->ops++;
    if (c->g->o->kind != BL_HANDSHAKE && c->g->o->kind != BL_RESUME)
        bl_hist_add(&r->latency, lg_ns_since(c->g->w->now_ns, c->due_ns));
}

/* ---------------------------------------------------------------- opening */

static lg_ip_t source_of(struct bl_group *g)
{
    const struct bl_opts *o = g->w->o;
    uint32_t bits, host;
    lg_ip_t ip = o->source.ip;
    if (!o->has_source)
        return o->address.ip;
    bool is_v4 = lg_ip_is_v4(&ip);
    bits = LG_MIN((is_v4 ? 32u : 128u) - o->source.len, 24u);
    uint32_t cnt = 1u << bits;
    /* Without the network's and the broadcast address, where there are such. */
    host = cnt > 2 && is_v4 ? 1 + (uint32_t)(g->source_next++ % (cnt - 2))
                            : (uint32_t)(g->source_next++ % cnt);
    lg_put_be32(ip.b + 12, (lg_get_be32(ip.b + 12) & ~(cnt - 1)) | host);
    return ip;
}

void bl_conn_connect(struct bl_conn *c, lg_ns_t due_ns)
{
    struct bl_group *g = c->g;
    struct bl_worker *w = g->w;
    lg_ip_t src = source_of(g);
    c->due_ns = due_ns;
    c->requests = 0;
    c->slow_off = 0;
    c->in_body = c->will_close = c->is_counted = c->was_resumed = false;
    lg_err_t e = lg_tcp_connect(w->tcp, &src, &g->o->target, c, w->now_ns, &c->tcp);
    if (!lg_is_ok(e)) {
        c->tcp = NULL;
        bl_conn_fail(c, lg_err_is(e, LG_ERR_NO_PORT) ? BL_E_NO_PORT : BL_E_NO_MEMORY);
        return;
    }
    c->state = BL_CONNECTING;
    g->opening_cnt++;
    bl_conn_arm(c, lg_ns_add(w->now_ns, g->o->timeout_ns));
}

/* ready: the way is open (and the handshake done, where there is one). */
static void ready(struct bl_conn *c)
{
    struct bl_group *g = c->g;
    lg_ns_t now_ns = g->w->now_ns;
    g->opening_cnt--;
    g->open_cnt++;
    switch (g->o->kind) {
    case BL_IDLE:
        c->state = BL_HELD;
        bl_conn_op_done(c);
        if (g->open_cnt == g->conn_cnt && g->ramp_end_ns == 0)
            g->ramp_end_ns = now_ns;
        lg_wheel_stop(&g->w->wheel, &c->timer);
        return;
    case BL_SLOW:
        c->state = BL_SLOW_BYTES;
        c->due_ns = now_ns;
        lg_wheel_stop(&g->w->wheel, &c->timer);
        bl_conn_arm(c, lg_ns_add(now_ns, g->o->interval_ns));
        return;
    default:
        c->state = BL_READY;
        lg_wheel_stop(&g->w->wheel, &c->timer);
        bl_queue_push(&g->ready, c);
    }
}

static void start_tls(struct bl_conn *c)
{
    struct bl_worker *w = c->g->w;
    struct lg_bufq none = {0}, plain = {0}, out = {0};
    c->tls = lg_tls_client_open(w->tls, c->g->policy, NULL, &c->session, w->now_ns);
    if (!c->tls) {
        bl_conn_fail(c, BL_E_NO_MEMORY);
        return;
    }
    c->state = BL_SHAKING;
    lg_err_t e = lg_tls_rx(c->tls, &none, &plain, 0, &out, lg_tcp_mss(c->tcp), w->now_ns);
    lg_tcp_send(c->tcp, &out);
    if (!lg_is_ok(e))
        bl_conn_fail(c, BL_E_TLS_OTHER);
}

static void on_open(struct bl_conn *c)
{
    bool is_plain = c->g->policy == NULL;
    bool dribbles = c->g->o->kind == BL_SLOW && c->g->o->slow == BL_SLOW_HANDSHAKE;
    if (is_plain || dribbles)
        ready(c);
    else
        start_tls(c);
}

/* ---------------------------------------------------------------- handshakes */

/* shaken: the client's side of the handshake is done. */
static void shaken(struct bl_conn *c)
{
    struct bl_group *g = c->g;
    struct bl_worker *w = g->w;
    struct bl_result *r = result_of(g);
    const struct lg_tls_info *info = lg_tls_get_info(c->tls);
    struct lg_bufq out = {0};
    c->was_resumed = info->resumed;
    if (g->info.version == 0 || (info->resumed && !g->info.resumed))
        g->info = *info;
    if (r)
        (*(info->resumed ? &r->resumed : &r->full))++;
    if (g->o->kind != BL_HANDSHAKE && g->o->kind != BL_RESUME) {
        ready(c);
        return;
    }
    c->is_counted = g->o->kind == BL_HANDSHAKE || c->session.s != NULL;
    if (r && c->is_counted && (info->resumed || g->o->kind == BL_HANDSHAKE))
        bl_hist_add(&r->latency, lg_ns_since(w->now_ns, c->due_ns));
    lg_tls_shutdown(c->tls, &out, lg_tcp_mss(c->tcp));
    lg_tcp_send(c->tcp, &out);
    g->opening_cnt--;
    c->state = BL_CLOSING;
}

/* closed: the server has ended its side too: it has finished the handshake as well. */
static void closed(struct bl_conn *c)
{
    struct bl_group *g = c->g;
    if (g->o->kind == BL_RESUME) {
        bool had = c->session.s != NULL;
        bool got = lg_tls_session_take(c->tls, &c->session);
        if (!had && !got) {
            bl_conn_fail(c, BL_E_NO_TICKET);
            return;
        }
        if (had && !c->was_resumed) {
            bl_conn_fail(c, BL_E_NOT_RESUMED);
            return;
        }
    }
    if (c->is_counted)
        bl_conn_op_done(c);
    bl_conn_drop(c);
}

static enum bl_error tls_error(enum lg_tls_reason r)
{
    switch (r) {
    case LG_TLS_R_PROTO:
    case LG_TLS_R_NOT_TLS:
        return BL_E_TLS_PROTO;
    case LG_TLS_R_VERSION:
        return BL_E_TLS_VERSION;
    case LG_TLS_R_SUITE:
        return BL_E_TLS_SUITE;
    case LG_TLS_R_UNKNOWN_CA:
        return BL_E_TLS_UNKNOWN_CA;
    case LG_TLS_R_EXPIRED:
        return BL_E_TLS_EXPIRED;
    case LG_TLS_R_BAD_CERT:
        return BL_E_TLS_BAD_CERT;
    case LG_TLS_R_SIGNATURE:
        return BL_E_TLS_SIGNATURE;
    case LG_TLS_R_NAME:
        return BL_E_TLS_NAME;
    case LG_TLS_R_FULL:
        return BL_E_NO_MEMORY;
    default:
        return BL_E_TLS_OTHER;
    }
}

static void fail_tls(struct bl_conn *c)
{
    const struct lg_tls_info *info = lg_tls_get_info(c->tls);
    struct bl_result *r = result_of(c->g);
    if (info->reason == LG_TLS_R_PEER_ALERT) {
        if (r)
            r->alerts[info->alert_received]++;
        bl_conn_fail(c, BL_E_NONE);
        return;
    }
    bl_conn_fail(c, tls_error(info->reason));
}

/* ---------------------------------------------------------------- bytes */

void bl_conn_send(struct bl_conn *c, struct lg_bufq *plain)
{
    struct lg_bufq out = {0};
    if (!c->tls) {
        lg_tcp_send(c->tcp, plain);
        return;
    }
    lg_err_t e = lg_tls_tx(c->tls, plain, UINT32_MAX, &out, lg_tcp_mss(c->tcp), c->g->w->now_ns);
    lg_tcp_send(c->tcp, &out);
    lg_bufq_drop_all(plain);
    if (!lg_is_ok(e))
        bl_conn_fail(c, BL_E_NO_MEMORY);
}

/* deliver hands plain text to whoever waits for it. */
static void deliver(struct bl_conn *c, struct lg_bufq *plain)
{
    if (c->state == BL_BUSY)
        bl_http_rx(c, plain);
    else if (plain->bytes && c->state == BL_READY)
        bl_conn_fail(c, BL_E_LENGTH); /* an answer to nothing */
    lg_bufq_drop_all(plain);
}

/* has_ended: the peer sends nothing more; what does that mean here? */
static void has_ended(struct bl_conn *c)
{
    struct bl_result *r = result_of(c->g);
    switch (c->state) {
    case BL_CLOSING:
        closed(c);
        return;
    case BL_READY: /* a kept connection may end between two requests */
        bl_conn_fail(c, BL_E_NONE);
        return;
    case BL_SLOW_BYTES: /* as it should */
        if (r) {
            r->shed++;
            bl_hist_add(&r->latency, lg_ns_since(c->g->w->now_ns, c->due_ns));
        }
        bl_conn_fail(c, BL_E_NONE);
        return;
    case BL_CONNECTING:
        bl_conn_fail(c, BL_E_REFUSED);
        return;
    default:
        bl_conn_fail(c, BL_E_EOF);
    }
}

/* rx_tls: what came goes through TLS.
 *   Returns  false: the connection is gone */
static bool rx_tls(struct bl_conn *c)
{
    struct bl_worker *w = c->g->w;
    struct lg_tcp_conn *tcp = c->tcp;
    do {
        struct lg_bufq plain = {0}, out = {0};
        bool was_shaking = c->state == BL_SHAKING;
        lg_err_t e =
            lg_tls_rx(c->tls, &c->in, &plain, 64u << 10, &out, lg_tcp_mss(c->tcp), w->now_ns);
        lg_tcp_send(c->tcp, &out);
        enum lg_tls_state s = lg_tls_state(c->tls);
        if (was_shaking && (s == LG_TLS_OPEN || s == LG_TLS_CLOSED))
            shaken(c);
        if (c->tcp == tcp)
            deliver(c, &plain);
        lg_bufq_drop_all(&plain);
        if (c->tcp != tcp)
            return false;
        if (s == LG_TLS_FAILED || lg_tls_state(c->tls) == LG_TLS_FAILED) {
            fail_tls(c);
            return false;
        }
        if (s == LG_TLS_CLOSED) {
            has_ended(c);
            return false;
        }
        if (!lg_is_ok(e))
            return true; /* no buffer: again at the next event */
    } while (lg_tls_rx_pending(c->tls));
    return true;
}

/* rx takes what has come. Returns false: the connection is gone. */
static bool rx(struct bl_conn *c)
{
    struct lg_tcp_conn *tcp = c->tcp;
    struct lg_bufq plain = {0};
    if (lg_tcp_take(c->tcp, c->tls ? &c->in : &plain, UINT32_MAX) == 0)
        return true;
    if (c->tls)
        return rx_tls(c);
    deliver(c, &plain);
    return c->tcp == tcp;
}

static void on_closed(struct bl_conn *c, uint32_t events)
{
    if (events & LG_TCP_EV_TIMEOUT)
        bl_conn_fail(c, BL_E_TIMEOUT);
    else if ((events & LG_TCP_EV_RESET) && c->state != BL_CONNECTING && c->state != BL_CLOSING &&
             c->state != BL_SLOW_BYTES)
        bl_conn_fail(c, BL_E_RESET);
    else
        has_ended(c);
}

void bl_conn_event(struct bl_conn *c, uint32_t events)
{
    struct lg_tcp_conn *tcp = c->tcp;
    if (events & LG_TCP_EV_OPEN)
        on_open(c);
    if (c->tcp == tcp && (events & LG_TCP_EV_RX) && !rx(c))
        return;
    if (c->tcp == tcp && (events & LG_TCP_EV_TX) && c->state == BL_BUSY)
        bl_http_more(c);
    if (c->tcp != tcp)
        return;
    if (events & LG_TCP_EV_CLOSED)
        on_closed(c, events);
    else if (events & LG_TCP_EV_RX_FIN)
        has_ended(c);
}

void bl_conn_fire(void *worker, struct lg_timer *t, lg_ns_t now_ns)
{
    struct bl_conn *c = LG_CONTAINER(t, struct bl_conn, timer);
    struct bl_worker *w = worker;
    if (now_ns < c->deadline_ns) { /* it has moved since */
        lg_wheel_start(&w->wheel, t, c->deadline_ns);
        return;
    }
    switch (c->state) {
    case BL_COOLING:
        c->state = BL_FREE;
        bl_queue_push(&c->g->idle, c);
        return;
    case BL_SLOW_BYTES:
        bl_slow_byte(c);
        return;
    case BL_FREE:
    case BL_READY:
    case BL_HELD:
        return;
    default:
        bl_conn_fail(c, BL_E_TIMEOUT);
    }
}
