/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c: a proxy between two worlds, in memory. */
#include "rig.h"

#include "pki.h"
#include "probe.h"
#include "sticky.h"
#include <stdio.h>
#include <stdlib.h>

static const uint8_t ips[RIG_STACKS][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 0, 3}};

static lg_ip_t ip_of(int stack)
{
    return lg_ip_v4(ips[stack]);
}

static int stack_of(const lg_ip_t *ip)
{
    for (int i = 0; i < RIG_STACKS; i++)
        if (memcmp(ip->b + 12, ips[i], 4) == 0)
            return i;
    return RIG_BE;
}

static void output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct rig_link *l = ctx;
    int to = stack_of(dst);
    (void)src;
    struct lg_buf *copy = lg_buf_take(&l->r->heap[to].pool);
    if (!copy)
        return;
    memcpy(copy->data, b->data, b->len);
    copy->len = b->len;
    lg_bufq_push(&l->q[to], copy);
}

static bool client_listens(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    (void)ctx, (void)ip, (void)port;
    return false;
}

static bool proxy_listens(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    struct rig_link *l = ctx;
    return lg_proxy_is_listening(l->r->proxy, ip, port);
}

static bool backend_listens(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    struct rig_link *l = ctx;
    (void)ip;
    return port >= 8000 && port < 8000 + RIG_BACKENDS && !l->r->refuses[port - 8000];
}

static bool source(void *ctx, const lg_ip_t *dst, uint32_t nth, lg_ip_t *src)
{
    (void)ctx, (void)dst;
    *src = ip_of(RIG_LG);
    src->b[15] = (uint8_t)(src->b[15] + 100 * nth);
    return nth < 2;
}

static uint64_t cycles(void *ctx)
{
    return ((struct rig *)ctx)->cycles += 7;
}

void rig_init(struct rig *r, enum lg_listener_type type)
{
    static char *names[] = {"one", "two", "three"};
    static char *cert, *key;

    memset(r, 0, sizeof *r);
    if (!cert) {
        if (!lg_is_ok(lg_tls_global_init()))
            abort();
        cert = (char *)pki_cert_file("ecdsa");
        key = (char *)pki_key_file("ecdsa");
    }
    r->now_ns = LG_SEC(1000);
    r->worker_bufs = 4096;
    r->max_sessions = r->max_backs = 16;
    r->worker_conns = 128;
    r->buf_sz = 64 << 10;
    r->cert = (struct lg_cfg_cert){1, cert, key, NULL};
    for (int i = 0; i < RIG_BACKENDS; i++)
        r->backends[i] = (struct lg_cfg_backend){
            .name = names[i], .addr = {ip_of(RIG_BE), (uint16_t)(8000 + i)}, .weight = 1};
    for (int i = 0; i < 2; i++)
        r->pools[i] = (struct lg_cfg_pool){.name = i ? "last" : "main",
                                           .backend_cnt = 2,
                                           .backends = r->backends,
                                           .health = {.method = "GET",
                                                      .path = "/",
                                                      .host = "",
                                                      .body = "",
                                                      .interval_ns = LG_SEC(5),
                                                      .fast_ns = LG_SEC(1),
                                                      .timeout_ns = LG_SEC(2),
                                                      .rise = 2,
                                                      .fall = 3},
                                           .retry_max = 1,
                                           .retry_budget = 20,
                                           .queue_max = 4,
                                           .queue_timeout_ns = LG_SEC(5),
                                           .connect_timeout_ns = LG_SEC(5),
                                           .response_timeout_ns = LG_SEC(60),
                                           .keepalive_max = 4,
                                           .keepalive_idle_ns = LG_SEC(30)};
    r->pools[1].backend_cnt = 1;
    r->pools[1].backends = r->backends + 2;
    r->routes[0] = (struct lg_cfg_http_route){1, "*", "/", 0};
    r->listener = (struct lg_cfg_listener){.name = "web",
                                           .type = type,
                                           .routes = r->routes,
                                           .route_cnt = 1,
                                           .tls = {.min_version = LG_TLS_12,
                                                   .max_version = LG_TLS_13,
                                                   .cert_cnt = 1,
                                                   .certs = &r->cert,
                                                   .verify_depth = 4},
                                           .handshake_timeout_ns = LG_SEC(10),
                                           .header_timeout_ns = LG_SEC(10),
                                           .keepalive_timeout_ns = LG_SEC(60),
                                           .idle_timeout_ns = LG_SEC(300),
                                           .max_header_sz = 16384};
    r->cfg = (struct lg_config){.file = "test.yaml",
                                .worker_cnt = 1,
                                .pools = r->pools,
                                .pool_cnt = 2,
                                .listeners = &r->listener,
                                .listener_cnt = 1};
}

static void *memory(size_t sz)
{
    sz = (sz + 127) & ~(size_t)127;
    void *m = aligned_alloc(128, sz);
    memset(m, 0, sz);
    return m;
}

static void build_stacks(struct rig *r)
{
    static const struct lg_tcp_ops ops[RIG_STACKS] = {
        {output, client_listens}, {output, proxy_listens}, {output, backend_listens}};
    struct lg_tcp_cfg cfg = {.max_conns = 128,
                             .snd_buf_sz = r->buf_sz,
                             .rcv_buf_sz = r->buf_sz,
                             .mtu = 1500,
                             .time_wait_ns = LG_SEC(1),
                             .min_rto_ns = LG_MS(200),
                             .syn_retries = 3,
                             .data_retries = 6,
                             .port_lo = 20000,
                             .port_hi = 20999,
                             .secret = {{1, 2}}};
    for (int i = 0; i < RIG_STACKS; i++) {
        cfg.port_hi = i == RIG_LG && r->has_one_port ? cfg.port_lo : 20999;
        cfg.max_conns = i == RIG_LG ? r->worker_conns : 128;
        lg_bufheap_init(&r->heap[i], i == RIG_LG ? r->worker_bufs : 65536, 1900);
        r->link[i].r = r;
        r->link[i].from = i;
        r->tcp_mem[i] = memory(lg_tcp_footprint(&cfg));
        r->tcp[i] = lg_tcp_init(r->tcp_mem[i], &cfg, &ops[i], &r->link[i], &r->heap[i].pool,
                                &r->stats[i], r->now_ns);
    }
}

static void build_snapshot(struct rig *r)
{
    lg_ip_t ip = ip_of(RIG_LG);
    r->lst = (struct lg_listener){.cfg = &r->listener,
                                  .tls = r->policy,
                                  .rules = r->rules,
                                  .meter = lg_meter_open(r->listener.name, 1)};
    r->snap = (struct lg_snapshot){.generation = 1,
                                   .cfg = &r->cfg,
                                   .worker_cnt = 1,
                                   .listener_cnt = 1,
                                   .listeners = &r->lst,
                                   .bind_mask = 3,
                                   .binds = r->binds,
                                   .workers = &r->worker};
    r->binds[lg_snapshot_bind_hash(&ip, RIG_PORT) & 3] =
        (struct lg_bind_slot){{ip, RIG_PORT}, &r->lst};
    if (!lg_is_ok(lg_snapshot_pools_open(&r->snap, NULL)))
        abort();
    r->snap.pools[0].tls = r->back_policy;
    if (r->pools[0].sticky.line &&
        !lg_is_ok(lg_sticky_build(&r->cfg, &r->pools[0], r->snap.sticky_key,
                                  &r->snap.pools[0].sticky, &r->diag)))
        abort();
}

void rig_build(struct rig *r)
{
    struct lg_tls_core_cfg tc = {.max_conns = 2 * r->max_sessions, .max_handshakes = 8};
    struct lg_proxy_cfg pc = {.max_sessions = r->max_sessions,
                              .max_backs = r->max_backs,
                              .handshake_budget = r->handshake_budget};

    if (lg_listener_has_tls(r->listener.type) &&
        !lg_is_ok(lg_tls_policy_build(&r->cfg, &r->listener, 1, &r->policy, &r->diag))) {
        t_fail(__FILE__, __LINE__, "policy: %s", r->diag.msg[0].text);
        abort();
    }
    if (lg_listener_reads_http(r->listener.type) &&
        !lg_is_ok(lg_rules_build(&r->cfg, &r->listener, &r->rules, &r->diag))) {
        t_fail(__FILE__, __LINE__, "rules: %s", r->diag.msg[0].text);
        abort();
    }
    build_stacks(r);
    build_snapshot(r);
    r->tls_mem = memory(lg_tls_core_footprint(&tc));
    if (!lg_is_ok(
            lg_tls_core_init(r->tls_mem, &tc, &r->heap[RIG_LG].pool, &r->stats[RIG_LG], &r->tls)))
        abort();
    lg_tls_core_attach(r->tls);
    r->log = memory(sizeof *r->log);
    lg_logring_init(r->log, LG_LOG_DEBUG);
    struct lg_proxy_env env = {.tcp = r->tcp[RIG_LG],
                               .tls = r->tls,
                               .pool = &r->heap[RIG_LG].pool,
                               .stats = &r->stats[RIG_LG],
                               .log = r->log,
                               .source = source,
                               .cycles = cycles,
                               .ctx = r};
    r->proxy_mem = memory(lg_proxy_footprint(&pc));
    r->proxy = lg_proxy_init(r->proxy_mem, &pc, &env, r->now_ns);
    lg_proxy_set_snapshot(r->proxy, &r->snap, r->now_ns);
    r->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(r->ctx, 0);
}

/* -- one turn -- */

static bool deliver(struct rig *r)
{
    bool moved = false;
    for (int to = 0; to < RIG_STACKS; to++)
        for (int from = 0; from < RIG_STACKS; from++) {
            struct lg_bufq q = r->link[from].q[to];
            struct lg_buf *b;
            r->link[from].q[to] = (struct lg_bufq){0};
            lg_ip_t src = ip_of(from), dst = ip_of(to);
            while ((b = lg_bufq_pop(&q)) != NULL) {
                uint16_t port = lg_get_be16(b->data + (to == RIG_BE ? 2 : 0));
                if ((from == RIG_BE || to == RIG_BE) && port >= 8000 &&
                    port < 8000 + RIG_BACKENDS && r->mute[port - 8000]) {
                    lg_buf_give(b);
                    continue;
                }
                lg_tcp_rx(r->tcp[to], b, &src, &dst, r->now_ns);
                moved = true;
            }
        }
    return moved;
}

static void client_out(struct rig_client *c)
{
    uint8_t b[1400];
    int n;
    while (c->c && lg_tcp_send_room(c->c) > sizeof b && (n = BIO_read(c->wb, b, sizeof b)) > 0) {
        struct lg_bufq q = {0};
        lg_bufq_write(&q, &c->r->heap[RIG_CLI].pool, b, (uint32_t)n, 0);
        lg_tcp_send(c->c, &q);
    }
}

static void client_in(struct rig_client *c)
{
    struct lg_bufq q = {0};
    struct lg_buf *b;
    char text[4096];
    int n;

    if (!c->c || c->stopped)
        return;
    lg_tcp_take(c->c, &q, UINT32_MAX);
    while ((b = lg_bufq_pop(&q)) != NULL) {
        size_t keep = LG_MIN((size_t)b->len, sizeof c->raw - 1 - c->raw_len);
        memcpy(c->raw + c->raw_len, b->data, keep);
        c->raw_len += keep;
        if (c->ssl)
            BIO_write(c->rb, b->data, (int)b->len);
        else
            c->total += b->len;
        lg_buf_give(b);
    }
    while (c->ssl && (n = SSL_read(c->ssl, text, sizeof text)) > 0) {
        size_t keep = LG_MIN((size_t)n, sizeof c->text - 1 - c->len);
        memcpy(c->text + c->len, text, keep);
        c->len += keep;
        c->text[c->len] = '\0';
        c->total += (size_t)n;
    }
    if (lg_tcp_rx_done(c->c))
        c->fin = true;
    client_out(c);
}

static void back_keep(struct rig_back *b, const void *data, size_t len)
{
    size_t keep = LG_MIN(len, sizeof b->text - 1 - b->len);
    memcpy(b->text + b->len, data, keep);
    b->len += keep;
    b->text[b->len] = '\0';
}

/* back_out sends what TLS of a backend has to say. */
static void back_out(struct rig *r, struct rig_back *b)
{
    uint8_t raw[1400];
    int n;
    while (b->ssl && b->c && (n = BIO_read(b->wb, raw, sizeof raw)) > 0) {
        struct lg_bufq q = {0};
        lg_bufq_write(&q, &r->heap[RIG_BE].pool, raw, (uint32_t)n, 0);
        lg_tcp_send(b->c, &q);
    }
}

static void back_tls_in(struct rig_back *b)
{
    char text[4096];
    int n;
    while ((n = SSL_read(b->ssl, text, sizeof text)) > 0)
        back_keep(b, text, (size_t)n);
    if (SSL_get_shutdown(b->ssl) & SSL_RECEIVED_SHUTDOWN)
        b->notified = true;
}

static void back_in(struct rig_back *b)
{
    struct lg_bufq q = {0};
    struct lg_buf *buf;

    if (!b->c || b->stopped)
        return;
    b->total += lg_tcp_take(b->c, &q, UINT32_MAX);
    while ((buf = lg_bufq_pop(&q)) != NULL) {
        if (b->ssl)
            BIO_write(b->rb, buf->data, (int)buf->len);
        else
            back_keep(b, buf->data, buf->len);
        lg_buf_give(buf);
    }
    if (b->ssl)
        back_tls_in(b);
    if (lg_tcp_rx_done(b->c))
        b->fin = true;
}

static void client_event(struct rig *r, struct lg_tcp_conn *conn, uint32_t ev)
{
    struct rig_client *c = lg_tcp_user(conn);
    (void)r;
    c->is_open |= (ev & LG_TCP_EV_OPEN) != 0;
    client_in(c);
    c->reset |= (ev & (LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT)) != 0;
}

static void backend_event(struct rig *r, struct lg_tcp_conn *conn, uint32_t ev)
{
    struct rig_back *b = lg_tcp_user(conn);
    if (!b) {
        struct lg_tcp_tuple t;
        if (r->back_cnt == RIG_BACKS)
            abort();
        b = &r->back[r->back_cnt++];
        lg_tcp_get_tuple(conn, &t);
        b->c = conn;
        b->port = t.local_port;
        lg_tcp_set_user(conn, b);
        if (r->back_ctx) {
            b->rb = BIO_new(BIO_s_mem());
            b->wb = BIO_new(BIO_s_mem());
            b->ssl = SSL_new(r->back_ctx);
            SSL_set_bio(b->ssl, b->rb, b->wb);
            SSL_set_accept_state(b->ssl);
        }
    }
    back_in(b);
    back_out(r, b);
    b->reset |= (ev & (LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT)) != 0;
}

/* hurry: what a hasty client sent is on its way; the reset follows in the same burst. */
static void hurry(struct rig_client *c)
{
    if (!c->is_hasty || !c->c || !c->ssl || SSL_get_verify_result(c->ssl) == X509_V_OK)
        return;
    c->is_hasty = false;
    lg_tcp_abort(c->c);
}

static bool turn(struct rig *r)
{
    uint32_t ev;
    struct lg_tcp_conn *c;
    bool moved = deliver(r);
    while ((c = lg_tcp_ready_pop(r->tcp[RIG_CLI], &ev)) != NULL)
        client_event(r, c, ev), moved = true;
    while ((c = lg_tcp_ready_pop(r->tcp[RIG_LG], &ev)) != NULL)
        lg_proxy_event(r->proxy, c, ev, r->now_ns), moved = true;
    while ((c = lg_tcp_ready_pop(r->tcp[RIG_BE], &ev)) != NULL)
        backend_event(r, c, ev), moved = true;
    for (uint32_t i = 0; i < r->client_cnt; i++) {
        if (r->client[i].ssl)
            client_out(&r->client[i]);
    }
    moved |= lg_proxy_poll(r->proxy, r->now_ns) > 0;
    moved |= lg_proxy_shake(r->proxy, r->now_ns) > 0;
    for (int i = 0; i < RIG_STACKS; i++)
        moved |= lg_tcp_poll(r->tcp[i], r->now_ns) > 0;
    for (uint32_t i = 0; i < r->client_cnt; i++)
        hurry(&r->client[i]);
    return moved;
}

static lg_ns_t next(const struct rig *r)
{
    lg_ns_t at = lg_proxy_next(r->proxy);
    for (int i = 0; i < RIG_STACKS; i++)
        at = LG_MIN(at, lg_tcp_next(r->tcp[i]));
    return at;
}

void rig_run(struct rig *r, lg_ns_t ns)
{
    lg_ns_t end = r->now_ns + ns;
    for (uint32_t turns = 0; turns < 200000; turns++) {
        if (turn(r))
            continue;
        if (r->now_ns >= end)
            return;
        lg_ns_t at = LG_MAX(next(r), r->now_ns + LG_US(200));
        r->now_ns = LG_MIN(at, end);
    }
    t_fail(__FILE__, __LINE__, "the rig does not come to rest");
}

void rig_settle(struct rig *r)
{
    rig_run(r, LG_MS(5));
}

/* -- clients -- */

static void on_info(const SSL *ssl, int where, int ret)
{
    struct rig_client *c = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT)
        return;
    if ((ret & 0xff) == 0)
        c->close_notify = true;
    else
        c->alert = ret & 0xff;
}

struct rig_client *rig_client_tcp(struct rig *r)
{
    struct rig_client *c = &r->client[r->client_cnt++];
    struct lg_endpoint to = {ip_of(RIG_LG), RIG_PORT};
    lg_ip_t from = ip_of(RIG_CLI);

    c->r = r;
    c->alert = -1;
    if (!lg_is_ok(lg_tcp_connect(r->tcp[RIG_CLI], &from, &to, c, r->now_ns, &c->c)))
        abort();
    rig_settle(r);
    return c;
}

/* client_tls begins TLS on a client: its ClientHello goes out in the next turn. */
static void client_tls(struct rig_client *c)
{
    c->rb = BIO_new(BIO_s_mem());
    c->wb = BIO_new(BIO_s_mem());
    c->ssl = SSL_new(c->r->ctx);
    SSL_set_app_data(c->ssl, c);
    SSL_set_info_callback(c->ssl, on_info);
    SSL_set_bio(c->ssl, c->rb, c->wb);
    SSL_set_connect_state(c->ssl);
    SSL_set_tlsext_host_name(c->ssl, "a.example");
    SSL_do_handshake(c->ssl);
}

struct rig_client *rig_client_hasty(struct rig *r)
{
    struct rig_client *c = rig_client_tcp(r);
    client_tls(c);
    SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL); /* and it knows no CA */
    c->is_hasty = true;
    rig_settle(r);
    return c;
}

struct rig_client *rig_client_tls(struct rig *r)
{
    struct rig_client *c = rig_client_tcp(r);
    client_tls(c);
    rig_settle(r);
    return c;
}

void rig_storm(struct rig *r, uint32_t cnt)
{
    uint32_t first = r->client_cnt;
    for (uint32_t i = 0; i < cnt; i++)
        rig_client_tcp(r);
    for (uint32_t i = 0; i < cnt; i++)
        client_tls(&r->client[first + i]);
    rig_settle(r);
}

void rig_write(struct rig_client *c, const void *data, size_t len)
{
    if (SSL_write(c->ssl, data, (int)len) != (int)len)
        t_fail(__FILE__, __LINE__, "client could not write");
    client_out(c);
}

void rig_say(struct rig_client *c, const char *text)
{
    rig_write(c, text, strlen(text));
    rig_settle(c->r);
}

void rig_client_raw(struct rig_client *c, const char *text)
{
    struct lg_bufq q = {0};
    lg_bufq_write(&q, &c->r->heap[RIG_CLI].pool, text, (uint32_t)strlen(text), 0);
    lg_tcp_send(c->c, &q);
    rig_settle(c->r);
}

void rig_client_notify(struct rig_client *c)
{
    SSL_shutdown(c->ssl);
    client_out(c);
    rig_settle(c->r);
}

void rig_client_fin(struct rig_client *c)
{
    lg_tcp_shutdown(c->c);
    rig_settle(c->r);
}

void rig_client_reset(struct rig_client *c)
{
    lg_tcp_abort(c->c);
    rig_settle(c->r);
}

void rig_forget(struct rig_client *c)
{
    c->len = 0;
    c->text[0] = '\0';
}

/* -- backends -- */

bool rig_back_write(struct rig *r, struct rig_back *b, const void *data, size_t len)
{
    struct lg_bufq q = {0};
    if (lg_tcp_send_room(b->c) < len)
        return false;
    if (b->ssl) {
        bool is_written = SSL_write(b->ssl, data, (int)len) == (int)len;
        back_out(r, b);
        return is_written;
    }
    lg_bufq_write(&q, &r->heap[RIG_BE].pool, data, (uint32_t)len, 1400);
    lg_tcp_send(b->c, &q);
    return true;
}

void rig_back_say(struct rig *r, struct rig_back *b, const char *text)
{
    if (!rig_back_write(r, b, text, strlen(text)))
        t_fail(__FILE__, __LINE__, "backend could not write");
    rig_settle(r);
}

void rig_back_notify(struct rig *r, struct rig_back *b)
{
    SSL_shutdown(b->ssl);
    back_out(r, b);
    rig_settle(r);
}

void rig_back_fin(struct rig *r, struct rig_back *b)
{
    lg_tcp_shutdown(b->c);
    rig_settle(r);
}

void rig_back_reset(struct rig *r, struct rig_back *b)
{
    lg_tcp_abort(b->c);
    rig_settle(r);
}

uint64_t rig_stat(const struct rig *r, enum lg_stat id)
{
    return lg_stat_get(&r->stats[RIG_LG], id);
}

const char *rig_log(const struct rig *r)
{
    uint32_t tail = r->log->tail;
    return tail ? r->log->lines[(tail - 1) % LG_LOGRING_CNT].text : "";
}

/* -- the end -- */

static void expect_all_back(struct rig *r)
{
    struct lg_proxy_counts n;
    struct lg_tcp_counts tcp;

    lg_proxy_get_counts(r->proxy, &n);
    EXPECT_EQ(n.sessions, 0);
    EXPECT_EQ(n.backend_conns, 0);
    EXPECT_EQ(n.backend_idle, 0);
    EXPECT_EQ(lg_pool_used(&r->proxy->session_pool), 0);
    EXPECT_EQ(lg_pool_used(&r->proxy->back_pool), 0);
    EXPECT_EQ(lg_pool_used(&r->proxy->probe_pool), 0);
    EXPECT_EQ(r->proxy->check_wheel.cnt, 0);
    EXPECT_EQ(r->proxy->wheel.cnt, 0);
    EXPECT_EQ(r->proxy->idle_wheel.cnt, 0);
    EXPECT_EQ(r->worker.pins, r->proxy->snap == &r->snap);
    EXPECT(r->proxy->waiting == NULL);
    for (uint32_t i = 0; i < r->snap.pool_cnt; i++)
        for (uint32_t k = 0; k < r->snap.pools[i].bal.cnt; k++)
            EXPECT_EQ(lg_seat_active(&r->snap.pools[i].bal.seats[k]->part[0]), 0);
    EXPECT_EQ(lg_tls_core_used(r->tls), 0);
    EXPECT_EQ(lg_tls_core_arena_used(r->tls), 0);
    lg_tcp_get_counts(r->tcp[RIG_LG], &tcp);
    EXPECT_EQ(tcp.conns, 0);
    EXPECT_EQ(r->heap[RIG_LG].cnt_out, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_PROXY_OPENED), rig_stat(r, LG_STAT_PROXY_CLOSED));
}

void client_kick(struct rig_client *c)
{
    client_in(c);
}

void back_kick(struct rig_back *b)
{
    back_in(b);
}

void rig_drop_all(struct rig *r)
{
    for (uint32_t i = 0; i < r->client_cnt; i++) {
        lg_tcp_abort(r->client[i].c);
        lg_tcp_release(r->client[i].c);
        r->client[i].c = NULL;
        SSL_free(r->client[i].ssl);
        r->client[i].ssl = NULL;
    }
    rig_settle(r);
    for (uint32_t i = 0; i < r->back_cnt; i++) {
        SSL_free(r->back[i].ssl);
        lg_tcp_abort(r->back[i].c);
        lg_tcp_release(r->back[i].c);
        r->back[i].c = NULL;
    }
    rig_settle(r);
    memset(r->client, 0, sizeof r->client);
    memset(r->back, 0, r->back_cnt * sizeof r->back[0]);
    r->client_cnt = r->back_cnt = 0;
}

void rig_fini(struct rig *r)
{
    lg_probe_end(r->proxy, r->proxy->snap, 0);
    rig_drop_all(r);
    rig_run(r, LG_SEC(120)); /* kept connections, TIME_WAIT, retries */
    expect_all_back(r);
    lg_proxy_fini(r->proxy);
    lg_snapshot_pools_close(&r->snap);
    lg_tls_core_fini(r->tls);
    for (int i = 0; i < RIG_STACKS; i++) {
        lg_tcp_fini(r->tcp[i]);
        free(r->tcp_mem[i]);
        EXPECT_EQ(r->heap[i].cnt_out, 0);
    }
    lg_meter_give(r->lst.meter);
    if (r->policy)
        lg_tls_policy_free(r->policy);
    lg_rules_free(r->rules);
    SSL_CTX_free(r->ctx);
    SSL_CTX_free(r->back_ctx);
    free(r->tls_mem);
    free(r->proxy_mem);
    free(r->log);
}
