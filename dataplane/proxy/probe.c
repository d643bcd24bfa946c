/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.c: active health checks. */
#include "probe.h"

#include "client.h"

#include <stdio.h>

static const struct lg_cfg_pool *pool_of(const struct lg_proxy *p, const struct lg_check *c)
{
    return &p->snap->cfg->pools[c->entry->pool_idx];
}

static uint64_t random_of(struct lg_proxy *p)
{
    p->rng ^= p->rng << 13;
    p->rng ^= p->rng >> 7;
    p->rng ^= p->rng << 17;
    return p->rng;
}

/* ------------------------------------------------------------- the end of one */

enum goodbye { IN_ORDER, RESET };

static void drop(struct lg_proxy *p, struct lg_probe *b, enum goodbye how)
{
    if (b->tls && how == IN_ORDER && lg_tls_state(b->tls) == LG_TLS_OPEN) {
        lg_tls_shutdown(b->tls, &b->fout, lg_tcp_mss(b->c));
        lg_q_send(b->c, &b->fout);
    }
    lg_tcp_take(b->c, &b->cin, UINT32_MAX); /* unread bytes would turn the FIN into a reset */
    lg_bufq_drop_all(&b->cin);
    lg_bufq_drop_all(&b->in);
    lg_bufq_drop_all(&b->fp);
    lg_bufq_drop_all(&b->fout);
    lg_tls_close(b->tls);
    if (how == RESET)
        lg_tcp_abort(b->c);
    lg_tcp_release(b->c);
    b->check->probe = NULL;
    lg_pool_give(&p->probe_pool, b);
}

static void say(struct lg_proxy *p, const struct lg_check *c, enum lg_check_result r,
                uint32_t detail)
{
    const struct lg_cfg_pool *pool = pool_of(p, c);
    bool is_down = lg_check_is_down(c);
    char addr[LG_ENDPOINT_STR_SZ], more[80] = "";

    if (r == LG_CHECK_R_TLS)
        snprintf(more, sizeof more, ": %s", lg_tls_reason_text((enum lg_tls_reason)detail));
    else if (detail)
        snprintf(more, sizeof more, " (HTTP %u)", detail);
    lg_logring_put(p->env.log, p->env.stats, is_down ? LG_LOG_WARN : LG_LOG_INFO,
                   "pool %s backend %s (%s) is %s: %s%s", pool->name,
                   pool->backends[c->entry->backend_idx].name, lg_endpoint_text(&c->addr, addr),
                   is_down ? "down" : "up", lg_check_text(r), more);
}

/* judge writes the result on the board and sets the time of the next one. */
static void judge(struct lg_proxy *p, struct lg_check *c, enum lg_check_result r, uint32_t detail,
                  lg_ns_t took_ns)
{
    const struct lg_cfg_health *h = &pool_of(p, c)->health;
    bool is_first = atomic_load_explicit(&c->state, memory_order_relaxed) == LG_CHECK_UNKNOWN;

    lg_stat_inc(p->env.stats, LG_STAT_HEALTH_CHECKS);
    if (r != LG_CHECK_R_OK)
        lg_stat_inc(p->env.stats, LG_STAT_HEALTH_FAILED);
    if (lg_check_record(c, h, r, detail, took_ns, p->now_ns)) {
        if (!is_first || r != LG_CHECK_R_OK) { /* found well at the start is no news */
            say(p, c, r, detail);
            lg_stat_inc(p->env.stats, r == LG_CHECK_R_OK ? LG_STAT_HEALTH_UP : LG_STAT_HEALTH_DOWN);
        }
        p->has_freed = true; /* who waits may find room there */
    }
    lg_wheel_start(&p->check_wheel, &c->timer,
                   lg_ns_add(p->now_ns, lg_check_pause(c, h, random_of(p))));
}

static void finish(struct lg_proxy *p, struct lg_probe *b, enum lg_check_result r, uint32_t detail)
{
    struct lg_check *c = b->check;
    lg_ns_t took_ns = lg_ns_since(p->now_ns, b->begun_ns);

    drop(p, b, r == LG_CHECK_R_OK || r == LG_CHECK_R_TLS ? IN_ORDER : RESET);
    judge(p, c, r, detail, took_ns);
}

/* again: nothing was learnt of the backend. */
static void again(struct lg_proxy *p, struct lg_check *c)
{
    lg_wheel_start(&p->check_wheel, &c->timer, lg_ns_add(p->now_ns, LG_PROBE_AGAIN_NS));
}

/* void_it ends a probe that we had no buffers for: that is not the backend's fault. */
static void void_it(struct lg_proxy *p, struct lg_probe *b)
{
    struct lg_check *c = b->check;

    drop(p, b, RESET);
    again(p, c);
}

/* ------------------------------------------------------------- asking */

static void start(struct lg_proxy *p, struct lg_check *c)
{
    const struct lg_cfg_health *h = &pool_of(p, c)->health;
    struct lg_probe *b = lg_pool_take(&p->probe_pool);
    if (!b) {
        again(p, c);
        return;
    }
    *b = (struct lg_probe){.peer = {LG_PEER_PROBE}, .check = c, .begun_ns = p->now_ns};
    lg_err_t e = lg_back_dial(p, &c->addr, b, &b->c);
    if (!lg_is_ok(e)) {
        lg_pool_give(&p->probe_pool, b);
        if (lg_err_is(e, LG_ERR_NO_ROUTE))
            judge(p, c, LG_CHECK_R_NO_ROUTE, 0, 0);
        else
            again(p, c);
        return;
    }
    c->probe = b;
    lg_wheel_start(&p->check_wheel, &c->timer, lg_ns_add(p->now_ns, h->timeout_ns));
}

void lg_probe_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns)
{
    struct lg_check *c = LG_CONTAINER(t, struct lg_check, timer);
    (void)now_ns;
    if (!c->probe)
        start(ctx, c);
    else if (c->probe->is_starved || lg_bufpool_free(((struct lg_proxy *)ctx)->env.pool) == 0)
        void_it(ctx, c->probe);
    else
        finish(ctx, c->probe, LG_CHECK_R_TIMEOUT, 0);
}

/* put_request writes the request, whole or not at all; false: no buffers now. */
static bool put_request(struct lg_proxy *p, struct lg_probe *b)
{
    const struct lg_cfg_health *h = &pool_of(p, b->check)->health;
    char addr[LG_ENDPOINT_STR_SZ], text[2048];
    int len = snprintf(text, sizeof text,
                       "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: lockgate\r\n"
                       "Connection: close\r\n\r\n",
                       h->method, h->path,
                       h->host[0] ? h->host : lg_endpoint_text(&b->check->addr, addr));
    uint32_t n = (uint32_t)LG_MIN((size_t)LG_MAX(len, 0), sizeof text - 1);

    struct lg_bufq q = {0};
    if (lg_bufq_write(&q, p->env.pool, text, n, 0) != n) {
        lg_bufq_drop_all(&q);
        return false;
    }
    lg_bufq_append(b->tls ? &b->fp : &b->fout, &q);
    return true;
}

static bool is_expected(const struct lg_cfg_health *h, uint32_t status)
{
    if (h->expect_cnt == 0)
        return status >= 200 && status <= 399;
    for (uint32_t i = 0; i < h->expect_cnt; i++)
        if (status >= h->expect[i].lo && status <= h->expect[i].hi)
            return true;
    return false;
}

/* ------------------------------------------------------------- the answer */

/* read_head: true: the probe is finished and gone. */
static bool read_head(struct lg_proxy *p, struct lg_probe *b)
{
    const struct lg_cfg_health *h = &pool_of(p, b->check)->health;
    struct lg_http_scratch *m = p->http;
    enum lg_http_scan_stop stop = lg_http_scan_head(&b->scan, &b->in);
    uint32_t len = b->scan.seen_sz;

    if (stop == LG_SCAN_MORE && b->in.bytes < LG_PROBE_BYTES)
        return false;
    if (stop != LG_SCAN_FOUND || len > LG_PROBE_BYTES) {
        finish(p, b, LG_CHECK_R_HTTP, 0);
        return true;
    }
    lg_bufq_read(&b->in, m->in, len);
    b->scan = (struct lg_http_scan){0};
    if (!lg_is_ok(lg_http_parse_response(lg_span(m->in, len), &m->head))) {
        finish(p, b, LG_CHECK_R_HTTP, 0);
        return true;
    }
    if (m->head.status < 200) /* an interim one: the next head counts */
        return read_head(p, b);
    if (!is_expected(h, m->head.status)) {
        finish(p, b, LG_CHECK_R_STATUS, m->head.status);
        return true;
    }
    if (!h->body[0]) {
        finish(p, b, LG_CHECK_R_OK, m->head.status);
        return true;
    }
    b->has_head = true;
    return false;
}

/* read_body looks for the text in what there is of the body, as it is on the wire. */
static bool read_body(struct lg_proxy *p, struct lg_probe *b, bool is_last)
{
    const char *want = pool_of(p, b->check)->health.body;
    uint8_t *text = p->http->in;
    uint32_t n = lg_bufq_copy_out(&b->in, 0, text, LG_MIN(b->in.bytes, LG_HTTP_HEAD_MAX));

    if (memmem(text, n, want, strlen(want))) {
        finish(p, b, LG_CHECK_R_OK, 0);
        return true;
    }
    if (!is_last && b->in.bytes < LG_PROBE_BYTES)
        return false;
    finish(p, b, LG_CHECK_R_BODY, 0);
    return true;
}

/* answer: true: the probe is gone. */
static bool answer(struct lg_proxy *p, struct lg_probe *b, bool is_last)
{
    if (!b->has_head && b->in.head && read_head(p, b))
        return true;
    if (b->has_head)
        return read_body(p, b, is_last);
    if (!is_last)
        return false;
    finish(p, b, LG_CHECK_R_CLOSED, 0);
    return true;
}

/* ------------------------------------------------------------- its connection */

/* take moves what came into b->in; true: the probe is gone. */
static bool take(struct lg_proxy *p, struct lg_probe *b)
{
    uint32_t room = LG_PROBE_BYTES - LG_MIN(b->in.bytes, LG_PROBE_BYTES);

    if (!b->tls) {
        lg_tcp_take(b->c, &b->in, room);
        return false;
    }
    lg_tcp_take(b->c, &b->cin, LG_CIN_BYTES - LG_MIN(b->cin.bytes, LG_CIN_BYTES));
    lg_err_t e = lg_tls_rx(b->tls, &b->cin, &b->in, room, &b->fout, lg_tcp_mss(b->c), p->now_ns);
    bool has_failed = lg_tls_state(b->tls) == LG_TLS_FAILED;
    b->is_starved |= lg_err_is(e, LG_ERR_AGAIN);
    if (!has_failed && (lg_is_ok(e) || lg_err_is(e, LG_ERR_AGAIN)))
        return false;
    lg_q_send(b->c, &b->fout); /* the alert */
    finish(p, b, LG_CHECK_R_TLS,
           has_failed ? (uint32_t)lg_tls_get_info(b->tls)->reason : LG_TLS_R_INTERNAL);
    return true;
}

static bool is_shaking(const struct lg_probe *b)
{
    return b->tls && lg_tls_state(b->tls) == LG_TLS_HANDSHAKE;
}

/* ask sends what there is to send; what it had no buffers for is tried again with the next news. */
static void ask(struct lg_proxy *p, struct lg_probe *b)
{
    if (!is_shaking(b) && !b->is_sent) {
        b->is_sent = put_request(p, b);
        b->is_starved |= !b->is_sent;
    }
    if (b->tls && b->fp.head)
        b->is_starved |=
            !lg_is_ok(lg_tls_tx(b->tls, &b->fp, UINT32_MAX, &b->fout, lg_tcp_mss(b->c), p->now_ns));
    lg_q_send(b->c, &b->fout);
}

/* run moves a probe on; is_reset: nothing more will come. True: it is gone. */
static bool run(struct lg_proxy *p, struct lg_probe *b, bool is_reset)
{
    enum lg_health_type type = pool_of(p, b->check)->health.type;

    b->is_starved = false;
    if (take(p, b))
        return true;
    if (!is_shaking(b) && type == LG_HEALTH_TLS) {
        finish(p, b, LG_CHECK_R_OK, 0);
        return true;
    }
    if (!is_reset)
        ask(p, b);
    bool is_last = (lg_tcp_rx_done(b->c) || (is_reset && lg_tcp_rx_avail(b->c) == 0)) &&
                   !(b->tls && lg_tls_rx_pending(b->tls));
    if (!is_shaking(b))
        return answer(p, b, is_last);
    if (is_last)
        finish(p, b, LG_CHECK_R_CLOSED, 0);
    return is_last;
}

/* opened: TCP is there; true: the probe is gone. */
static bool opened(struct lg_proxy *p, struct lg_probe *b)
{
    struct lg_check *c = b->check;
    bool is_told =
        pool_of(p, c)->proxy_protocol == LG_PP_NONE || lg_told_check(p, b->c, pool_of(p, c));
    const struct lg_tls_policy *tls = p->snap->pools[c->entry->pool_idx].tls;

    if (pool_of(p, c)->health.type == LG_HEALTH_TCP) {
        finish(p, b, LG_CHECK_R_OK, 0);
        return true;
    }
    if (is_told && !tls)
        return false;
    if (is_told)
        b->tls = lg_tls_client_open(p->env.tls, tls, NULL, NULL, p->now_ns);
    if (b->tls)
        return false;
    void_it(p, b);
    return true;
}

void lg_probe_event(struct lg_proxy *p, struct lg_probe *b, uint32_t events)
{
    bool was_open = b->is_open;

    if ((events & LG_TCP_EV_OPEN) && !b->is_open) {
        b->is_open = true;
        if (opened(p, b))
            return;
    }
    /* What came before a reset, perhaps in the same burst, has been said. */
    if (b->is_open && !(events & LG_TCP_EV_TIMEOUT)) {
        bool is_reset = (events & LG_TCP_EV_RESET) != 0;
        if (run(p, b, is_reset) || !is_reset)
            return;
    }
    if (events & LG_TCP_EV_TIMEOUT)
        finish(p, b, LG_CHECK_R_TIMEOUT, 0);
    else if (events & (LG_TCP_EV_RESET | LG_TCP_EV_CLOSED))
        finish(p, b, was_open ? LG_CHECK_R_CLOSED : LG_CHECK_R_REFUSED, 0);
}

/* ------------------------------------------------------------- snapshots */

void lg_probe_begin(struct lg_proxy *p)
{
    for (uint32_t i = 0; i < p->snap->check_cnt; i++) {
        const struct lg_check_entry *e = &p->snap->checks[i];
        struct lg_check *c = e->check;
        if (c->worker != p->cfg.worker_idx)
            continue;
        c->entry = e;
        c->generation = p->snap->generation;
        if (c->probe) { /* what it goes by may have changed: ask anew */
            drop(p, c->probe, RESET);
            lg_wheel_start(&p->check_wheel, &c->timer, p->now_ns);
        } else if (!lg_timer_is_started(&c->timer)) {
            lg_ns_t spread_ns =
                LG_MIN(LG_PROBE_SPREAD_NS, p->snap->cfg->pools[e->pool_idx].health.interval_ns);
            lg_wheel_start(&p->check_wheel, &c->timer,
                           lg_ns_add(p->now_ns, random_of(p) % spread_ns));
        }
    }
}

void lg_probe_end(struct lg_proxy *p, const struct lg_snapshot *s, uint64_t generation)
{
    for (uint32_t i = 0; i < s->check_cnt; i++) {
        struct lg_check *c = s->checks[i].check;
        if (c->worker != p->cfg.worker_idx || c->generation == generation)
            continue;
        if (c->probe)
            drop(p, c->probe, RESET);
        lg_wheel_stop(&p->check_wheel, &c->timer);
    }
}
