/* SPDX-License-Identifier: GPL-2.0-or-later */
/* back.c: the backend leg: connecting, keeping connections for the next request (HTTP), and their
 * news. Which backend is choose.c, what flows over them relay.c and http.c. */
#include "proxy_priv.h"

const struct lg_cfg_pool *lg_session_pool(const struct lg_session *s)
{
    return &s->snap->cfg->pools[s->pool_idx];
}

/* -- kept connections -- */

static struct lg_back **bucket(struct lg_proxy *p, uint32_t pool_idx, uint32_t backend_idx)
{
    uint32_t h = (pool_idx * 0x9e3779b1u) ^ (backend_idx * 0x85ebca6bu);
    return &p->idle[(h >> 16 ^ h) % LG_IDLE_BUCKETS];
}

/* Pools whose index is equal modulo LG_IDLE_POOLS share a count: with more pools than that, fewer
 * connections are kept than keepalive_max allows, never more. */
static uint32_t *idle_count(struct lg_proxy *p, uint32_t pool_idx)
{
    return &p->idle_by_pool[pool_idx % LG_IDLE_POOLS];
}

static void idle_link(struct lg_proxy *p, struct lg_back *b)
{
    struct lg_back **head = bucket(p, b->pool_idx, b->backend_idx);
    b->next = *head;
    b->link = head;
    if (b->next)
        b->next->link = &b->next;
    *head = b;
    b->epoch = p->idle_epoch;
    b->newer = NULL;
    b->older = p->kept.newest;
    if (b->older)
        b->older->newer = b;
    else
        p->kept.oldest = b;
    p->kept.newest = b;
    ++*idle_count(p, b->pool_idx);
    p->counts.backend_idle++;
}

static void idle_unlink(struct lg_proxy *p, struct lg_back *b)
{
    /* Stale ones are in no bucket, and counted for no pool: lg_back_retire_idle. */
    bool is_stale = b->epoch != p->idle_epoch;
    struct lg_ages *ages = is_stale ? &p->stale : &p->kept;
    if (!is_stale) {
        *b->link = b->next;
        if (b->next)
            b->next->link = b->link;
        --*idle_count(p, b->pool_idx);
    }
    *(b->newer ? &b->newer->older : &ages->newest) = b->older;
    *(b->older ? &b->older->newer : &ages->oldest) = b->newer;
    p->counts.backend_idle--;
    lg_wheel_stop(&p->idle_wheel, &b->timer);
}

static void idle_let_go(struct lg_proxy *p, struct lg_back *b)
{
    idle_unlink(p, b);
    lg_back_tls_fini(b);
    lg_tcp_release(b->c); /* sends FIN */
    lg_pool_give(&p->back_pool, b);
}

static void idle_close(struct lg_proxy *p, struct lg_back *b)
{
    if (b->tls)
        lg_back_tls_notify(b);
    idle_let_go(p, b);
}

/* idle_reset: at once, because TCP's memory is wanted, which a FIN would hold for a while yet. */
static void idle_reset(struct lg_proxy *p, struct lg_back *b)
{
    lg_tcp_abort(b->c);
    idle_let_go(p, b);
}

void lg_back_idle_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns)
{
    (void)now_ns;
    idle_close(ctx, LG_CONTAINER(t, struct lg_back, timer));
}

void lg_back_drop_idle(struct lg_proxy *p)
{
    while (p->kept.newest)
        idle_close(p, p->kept.newest);
    while (p->stale.newest)
        idle_close(p, p->stale.newest);
}

void lg_back_retire_idle(struct lg_proxy *p)
{
    p->idle_epoch++;
    memset(p->idle, 0, sizeof p->idle);
    memset(p->idle_by_pool, 0, sizeof p->idle_by_pool);
    if (!p->kept.newest)
        return;
    p->kept.oldest->older = p->stale.newest;
    if (p->stale.newest)
        p->stale.newest->newer = p->kept.oldest;
    else
        p->stale.oldest = p->kept.oldest;
    p->stale.newest = p->kept.newest;
    p->kept = (struct lg_ages){NULL, NULL};
}

unsigned lg_back_poll_stale(struct lg_proxy *p)
{
    unsigned done = 0;

    for (; p->stale.oldest && done < LG_STALE_TURN; done++)
        idle_close(p, p->stale.oldest);
    return done;
}

/* idle_spare: the kept connection that can be missed most; NULL: there is none. */
static struct lg_back *idle_spare(const struct lg_proxy *p)
{
    return p->stale.oldest ? p->stale.oldest : p->kept.oldest;
}

static struct lg_back *idle_find(struct lg_proxy *p, uint32_t pool_idx, uint32_t backend_idx)
{
    struct lg_back *b = *bucket(p, pool_idx, backend_idx);
    while (b && (b->pool_idx != pool_idx || b->backend_idx != backend_idx))
        b = b->next;
    return b;
}

/* is_usable: nothing has come since it was kept. Its news may still stand in line behind those of
 * the client whose request wants it: bytes that nobody asked for (a 408, as it closes) would be
 * taken for this request's response. */
static bool is_usable(struct lg_proxy *p, struct lg_back *b)
{
    if (lg_tcp_rx_done(b->c))
        return false;
    return lg_tcp_rx_avail(b->c) == 0 || (b->tls && lg_back_tls_idle(p, b));
}

/* A kept connection is good for a request that may be sent twice; for any other only while it is
 * so fresh that the backend has hardly begun to think of closing it. */
static bool take_kept(struct lg_session *s, uint32_t backend_idx)
{
    struct lg_proxy *p = s->p;
    if (s->state != LG_S_HTTP || s->snap != p->snap || s->http.wants_fresh)
        return false;
    struct lg_back *b;
    while ((b = idle_find(p, s->pool_idx, backend_idx)) != NULL && !is_usable(p, b))
        idle_close(p, b);
    if (!b ||
        (!s->http.is_idempotent && lg_ns_since(p->now_ns, b->kept_since_ns) > LG_FRESH_IDLE_NS))
        return false;
    idle_unlink(p, b);
    b->s = s;
    b->is_reused = true;
    s->access.is_reused = true;
    lg_access_mark(s, &s->access.open_us);
    s->back = b;
    p->counts.backend_conns++;
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_BACKEND_REUSED);
    return true;
}

/* leave: the session has no more use for it. */
static void leave(struct lg_proxy *p, struct lg_back *b)
{
    lg_seat_leave(b->own);
    b->own = NULL;
    p->has_freed = true;
}

/* can_keep: nothing is on the way in either direction and there will be more use for it. */
static bool can_keep(const struct lg_session *s)
{
    const struct lg_proxy *p = s->p;
    const struct lg_back *b = s->back;
    const struct lg_cfg_pool *pool = lg_session_pool(s);
    if (b->tls && (b->cin.head || b->fout.head || lg_tls_rx_pending(b->tls) ||
                   lg_tls_state(b->tls) != LG_TLS_OPEN))
        return false;
    if (pool->proxy_protocol != LG_PP_NONE) /* it was told of one client */
        return false;
    return b->is_open && !p->is_draining && s->snap == p->snap && !s->bq.head && !s->down.head &&
           lg_tcp_rx_avail(b->c) == 0 && !lg_tcp_rx_done(b->c) &&
           p->idle_by_pool[s->pool_idx % LG_IDLE_POOLS] < pool->keepalive_max;
}

void lg_back_keep(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    struct lg_back *b = s->back;
    if (!b)
        return;
    if (!can_keep(s)) {
        lg_back_close(s);
        return;
    }
    s->back = NULL;
    b->s = NULL;
    leave(p, b);
    b->kept_since_ns = p->now_ns;
    p->counts.backend_conns--;
    idle_link(p, b);
    lg_wheel_start(&p->idle_wheel, &b->timer,
                   lg_ns_add(p->now_ns, lg_session_pool(s)->keepalive_idle_ns));
}

/* -- a session's connection -- */

static void let_go(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    struct lg_back *b = s->back;
    struct lg_bufq rest = {0};

    /* Unread bytes would turn the FIN into a reset; whoever closes in order has no use for them. */
    lg_tcp_take(b->c, &rest, UINT32_MAX);
    lg_bufq_drop_all(&rest);
    lg_back_tls_fini(b);
    lg_tcp_release(b->c);
    p->counts.backend_conns--;
    leave(p, b);
    s->back = NULL;
    lg_pool_give(&p->back_pool, b);
}

void lg_back_shutdown(struct lg_session *s)
{
    if (s->back->tls && s->back->is_open)
        lg_back_tls_notify(s->back);
    lg_tcp_shutdown(s->back->c);
}

void lg_back_close(struct lg_session *s)
{
    lg_wait_leave(s);
    if (!s->back)
        return;
    lg_back_shutdown(s);
    let_go(s);
}

void lg_back_abort(struct lg_session *s)
{
    lg_wait_leave(s);
    if (!s->back)
        return;
    lg_tcp_abort(s->back->c);
    let_go(s);
}

#define NO_PORT_SAID_NS LG_SEC(60) /* how often it is said that an address has no port left */

static void say_no_port(struct lg_proxy *p, const lg_ip_t *src, const struct lg_endpoint *to)
{
    char from_text[LG_IP_STR_SZ], to_text[LG_ENDPOINT_STR_SZ];

    lg_stat_inc(p->env.stats, LG_STAT_PROXY_NO_PORT);
    if (p->now_ns < p->no_port_at_ns)
        return;
    p->no_port_at_ns = lg_ns_add(p->now_ns, NO_PORT_SAID_NS);
    lg_logring_put(p->env.log, p->env.stats, LG_LOG_WARN,
                   "all source ports from %s to backend %s are in use; widen "
                   "global.source_ports, or give the port more addresses",
                   lg_ip_text(src, from_text), lg_endpoint_text(to, to_text));
}

lg_err_t lg_back_dial(struct lg_proxy *p, const struct lg_endpoint *to, void *user,
                      struct lg_tcp_conn **out)
{
    lg_err_t e = LG_E(NO_ROUTE);
    lg_ip_t src;

    for (uint32_t nth = 0; p->env.source(p->env.ctx, &to->ip, nth, &src); nth++) {
        e = lg_tcp_connect(p->env.tcp, &src, to, user, p->now_ns, out);
        if (!lg_err_is(e, LG_ERR_NO_PORT))
            return e;
        say_no_port(p, &src, to);
    }
    return e;
}

static lg_err_t connect_to(struct lg_session *s, uint32_t backend_idx)
{
    struct lg_proxy *p = s->p;
    const struct lg_cfg_backend *be = &lg_session_pool(s)->backends[backend_idx];

    struct lg_back *b = lg_pool_take(&p->back_pool);
    if (!b && idle_spare(p)) {
        idle_close(p, idle_spare(p));
        b = lg_pool_take(&p->back_pool);
    }
    LG_CHECK(b, LG_E(FULL));
    *b = (struct lg_back){
        .peer = {LG_PEER_BACK}, .s = s, .pool_idx = s->pool_idx, .backend_idx = backend_idx};
    lg_err_t e = lg_back_dial(p, &be->addr, b, &b->c);
    if (lg_err_is(e, LG_ERR_FULL) && idle_spare(p)) {
        idle_reset(p, idle_spare(p));
        e = lg_back_dial(p, &be->addr, b, &b->c);
    }
    if (!lg_is_ok(e)) {
        lg_pool_give(&p->back_pool, b);
        return e;
    }
    s->back = b;
    p->counts.backend_conns++;
    lg_session_deadline(s, lg_ns_add(p->now_ns, lg_session_pool(s)->connect_timeout_ns));
    return LG_OK;
}

lg_err_t lg_back_connect(struct lg_session *s, uint32_t backend_idx)
{
    s->back_rx_done = s->back_reset = s->back_cut = false;
    lg_access_attempt(s, backend_idx);
    if (!take_kept(s, backend_idx))
        LG_TRY(connect_to(s, backend_idx));
    s->back->own = lg_session_view(s)->bal.items[backend_idx].own;
    s->back->begun_ns = s->p->now_ns;
    lg_seat_enter(s->back->own);
    lg_seat_count(&s->back->own->picked);
    return LG_OK;
}

bool lg_back_tx(struct lg_session *s)
{
    if (!s->back || !s->back->is_open)
        return false;
    return s->back->tls ? lg_back_tls_tx(s) : lg_q_send(s->back->c, &s->bq);
}

/* take moves at most max bytes into s->down; *is_last: there will be no more. */
static bool take(struct lg_session *s, uint32_t max, bool *is_last)
{
    struct lg_back *b = s->back;

    if (b->tls)
        return lg_back_tls_take(s, max, is_last);
    uint32_t n = max ? lg_tcp_take(b->c, &s->down, max) : 0;
    *is_last = lg_tcp_rx_done(b->c) || (s->back_reset && lg_tcp_rx_avail(b->c) == 0);
    return n > 0;
}

bool lg_back_fill(struct lg_session *s)
{
    struct lg_back *b = s->back;
    bool is_last;

    if (!b || !b->is_open || s->fp.head || s->fout.head)
        return false;
    if (s->budget_down == 0) {
        s->has_more = true;
        return false;
    }
    uint32_t before = s->down.bytes;
    bool moved = take(s, LG_MIN(lg_tcp_send_room(s->front), s->budget_down), &is_last);
    s->budget_down -= LG_MIN(s->down.bytes - before, s->budget_down);
    if (!moved && !s->back_rx_done && is_last) {
        s->back_rx_done = true;
        return true;
    }
    return moved;
}

/* lost: refused, timed out or refused by us (TLS) while it opens, or reset. */
static void lost(struct lg_session *s, bool is_slow)
{
    bool was_open = s->back->is_open;

    if (!was_open) {
        s->access.last_failure = is_slow ? 's' : 'S';
        lg_back_failed(s);
    }
    if (s->state == LG_S_RELAY)
        lg_relay_back_lost(s, was_open);
    else if (s->state == LG_S_HTTP)
        lg_http_back_lost(s, was_open);
    else
        lg_back_abort(s);
}

/* opened: bytes may flow. */
static void opened(struct lg_session *s)
{
    struct lg_back *b = s->back;

    b->is_open = true;
    lg_access_mark(s, &s->access.open_us);
    lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_BACKEND_OK);
    lg_hist_add(&b->own->connect_ns, lg_ns_since(s->p->now_ns, b->begun_ns));
    lg_session_plain_seg(s);
    if (s->state == LG_S_RELAY)
        lg_relay_back_open(s);
    else if (s->state == LG_S_HTTP)
        lg_http_back_open(s);
}

/* opening: TCP is there, or has news while TLS shakes hands. */
static void opening(struct lg_session *s)
{
    struct lg_back *b = s->back;

    bool has_tls = s->snap->pools[s->pool_idx].tls != NULL;

    if (!b->is_told && lg_session_pool(s)->proxy_protocol != LG_PP_NONE)
        b->is_told = lg_told_backend(s);
    else
        b->is_told = true;
    if (b->is_told && !has_tls) {
        opened(s);
        return;
    }
    if (!b->is_told || (!b->tls && !lg_back_tls_begin(s))) { /* no memory: not its fault */
        lg_back_abort(s);
        if (s->state == LG_S_RELAY)
            lg_relay_begun(s, LG_E(FULL));
        else if (s->state == LG_S_HTTP)
            lg_http_begun(s, LG_E(FULL));
        return;
    }
    switch (lg_back_tls_shake(s)) {
    case LG_TLS_OPEN:
    case LG_TLS_CLOSED:
        opened(s);
        break;
    case LG_TLS_FAILED:
        lost(s, false);
        break;
    case LG_TLS_HANDSHAKE:
        break;
    }
}

static void kept_event(struct lg_proxy *p, struct lg_back *b, uint32_t events)
{
    const uint32_t harmless = b->tls ? LG_TCP_EV_TX | LG_TCP_EV_RX : LG_TCP_EV_TX;

    if (events & ~harmless || (b->tls && !lg_back_tls_idle(p, b)))
        idle_close(p, b); /* whatever it says, it is of no more use */
}

void lg_back_event(struct lg_proxy *p, struct lg_back *b, uint32_t events)
{
    struct lg_session *s = b->s;
    if (!s) {
        kept_event(p, b, events);
        return;
    }
    b->is_connected |= (events & LG_TCP_EV_OPEN) != 0;
    if (events & (LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT) ||
        (!b->is_open && (events & LG_TCP_EV_CLOSED)))
        lost(s, (events & LG_TCP_EV_TIMEOUT) != 0);
    else if (b->is_connected && !b->is_open)
        opening(s);
    lg_session_run(s);
}
