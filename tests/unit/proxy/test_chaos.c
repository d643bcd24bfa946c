/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_chaos.c: everything that may happen to a proxy, in an order that nobody has thought of:
 * clients and backends that say parts of things and go, generations that come while they do and are
 * freed the moment nobody holds them, kills, ends, few buffers. What is asked: that each pool is as
 * it was afterwards, and under AddressSanitizer that nothing of a freed generation is touched. */
#include "rig.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>

#define GENS 64u
#define STEPS 400u
#define RECS 256u

static struct rig r;
static uint64_t seed;
static struct lg_access_ring *ring;
static struct lg_buf *held;
static size_t log_bytes;

static uint32_t dice(uint32_t sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % sides;
}

/* ---------------------------------------------------------------- generations */

/* All of a generation's own, so that none outlives it. */
struct gen {
    struct lg_snapshot snap;
    struct lg_snapshot_worker worker;
    struct lg_listener lst;
    struct lg_bind_slot binds[4];
    struct lg_config cfg;
    struct lg_cfg_listener listener;
    struct lg_cfg_pool pools[2];
    struct lg_cfg_backend backends[RIG_BACKENDS];
    char name[2][8];
};
static struct gen *gens[GENS];
static uint64_t generation;

static void gen_config(struct gen *g)
{
    uint32_t by = dice(RIG_BACKENDS), cnt = 1 + dice(RIG_BACKENDS);

    g->cfg = r.cfg;
    g->listener = r.listener;
    memcpy(g->pools, r.pools, sizeof g->pools);
    for (uint32_t i = 0; i < RIG_BACKENDS; i++) {
        g->backends[i] = r.backends[(i + by) % RIG_BACKENDS];
        g->backends[i].drain = dice(6) == 0;
        g->backends[i].max_connections = dice(3) == 0;
    }
    for (uint32_t i = 0; i < 2; i++) { /* sometimes in the other order */
        memcpy(g->name[i], r.pools[i].name, strlen(r.pools[i].name) + 1);
        g->pools[i].name = g->name[i];
        g->pools[i].backends = g->backends;
        g->pools[i].backend_cnt = cnt;
    }
    if (dice(2)) {
        struct lg_cfg_pool one = g->pools[0];
        g->pools[0] = g->pools[1];
        g->pools[1] = one;
    }
    g->cfg.pools = g->pools;
    g->cfg.listeners = &g->listener;
}

static struct gen *gen_make(void)
{
    struct gen *g = aligned_alloc(LG_CACHE_PAIR, lg_align_up(sizeof *g, LG_CACHE_PAIR));

    memset(g, 0, sizeof *g);
    gen_config(g);
    g->lst = (struct lg_listener){.cfg = &g->listener, .tls = r.policy, .meter = r.lst.meter};
    memcpy(g->binds, r.binds, sizeof g->binds);
    for (uint32_t i = 0; i < 4; i++)
        if (g->binds[i].listener)
            g->binds[i].listener = &g->lst;
    g->snap = (struct lg_snapshot){.generation = ++generation,
                                   .cfg = &g->cfg,
                                   .worker_cnt = 1,
                                   .listener_cnt = 1,
                                   .listeners = &g->lst,
                                   .bind_mask = 3,
                                   .binds = g->binds,
                                   .workers = &g->worker};
    g->worker.access = ring;
    if (lg_listener_reads_http(r.listener.type))
        EXPECT_OK(lg_rules_build(&g->cfg, &g->listener, &g->lst.rules, &r.diag));
    EXPECT_OK(lg_snapshot_pools_open(&g->snap, r.proxy->snap));
    for (uint32_t i = 0; i < 2; i++)
        if (g->pools[i].sticky.line)
            EXPECT_OK(lg_sticky_build(&g->cfg, &g->pools[i], g->snap.sticky_key,
                                      &g->snap.pools[i].sticky, &r.diag));
    return g;
}

static void gen_free(struct gen *g)
{
    lg_snapshot_pools_close(&g->snap);
    lg_rules_free(g->lst.rules);
    free(g);
}

/* read_log reads what records point to, as the control thread does before it frees. */
static void read_log(void)
{
    const struct lg_access_rec *rec;

    for (; (rec = lg_access_ring_peek(ring)) != NULL; lg_access_ring_pop(ring)) {
        const struct lg_config *cfg = rec->snap->cfg;
        log_bytes += strlen(rec->snap->listeners[rec->listener_idx].cfg->name);
        if (rec->pool_idx == UINT32_MAX)
            continue;
        const struct lg_cfg_pool *pool = &cfg->pools[rec->pool_idx];
        log_bytes += strlen(pool->name);
        if (rec->backend_idx != UINT32_MAX) {
            EXPECT(rec->backend_idx < pool->backend_cnt);
            log_bytes += strlen(pool->backends[rec->backend_idx].name);
        }
    }
}

static void reap(void)
{
    read_log();
    for (uint32_t i = 0; i < GENS; i++)
        if (gens[i] && gens[i]->worker.pins == 0) {
            gen_free(gens[i]);
            gens[i] = NULL;
        }
}

static void publish(void)
{
    for (uint32_t i = 0; i < GENS; i++)
        if (!gens[i]) {
            gens[i] = gen_make();
            lg_proxy_set_snapshot(r.proxy, &gens[i]->snap, r.now_ns);
            break;
        }
}

/* ---------------------------------------------------------------- what happens */

static void feed(void)
{
    struct lg_buf *b;

    while ((b = held) != NULL) {
        held = b->next;
        lg_buf_give(b);
    }
}

static void come(void)
{
    if (r.client_cnt == RIG_CLIENTS || r.back_cnt > RIG_BACKS - 8) {
        feed(); /* a reset that is lost would leave its session to idle_timeout */
        rig_drop_all(&r);
    }
    if (lg_listener_has_tls(r.listener.type) && dice(4))
        rig_client_tls(&r);
    else
        rig_client_tcp(&r);
}

/* ask_again sends a request with a cookie of stickiness that some client was given. */
static const char *ask_again(void)
{
    static char cookie[33], text[128];

    for (uint32_t i = 0; i < r.client_cnt; i++) {
        const char *at = strstr(r.client[i].ssl ? r.client[i].text : r.client[i].raw, "SRV=");
        if (at && strlen(at) > 36)
            memcpy(cookie, at + 4, 32);
    }
    snprintf(text, sizeof text, "GET /a HTTP/1.1\r\nHost: a\r\nCookie: SRV=%s\r\n\r\n", cookie);
    return text;
}

static void client_says(void)
{
    static const char *const text[] = {
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /r/b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /w/b?q HTTP/1.1\r\nHost: a\r\nCookie: SRV=00112233445566778899aabbccddeeff\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe",
        "PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "llo",
        "POST /w HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "0\r\n\r\n",
        "HEAD /f HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.0\r\n\r\n",
        "GET ",
        "\r\n",
        "what?\r\n\r\n",
    };
    const char *t = dice(4) ? text[dice(LG_ARRAY_CNT(text))] : ask_again();
    struct rig_client *c = r.client_cnt ? &r.client[dice(r.client_cnt)] : NULL;

    if (!c || c->fin || c->reset)
        return;
    if (c->ssl && c->is_open && !c->close_notify && c->alert < 0 && SSL_is_init_finished(c->ssl))
        rig_say(c, t);
    else if (!c->ssl)
        rig_client_raw(c, t);
}

static void client_goes(void)
{
    struct rig_client *c = r.client_cnt ? &r.client[dice(r.client_cnt)] : NULL;

    if (!c)
        return;
    if (dice(2))
        rig_client_fin(c);
    else
        rig_client_reset(c);
}

static void back_says(void)
{
    static const char *const text[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 2",
        "more of",
        "nonsense\r\n\r\n",
    };
    struct rig_back *b = r.back_cnt ? &r.back[dice(r.back_cnt)] : NULL;

    if (!b || !b->c || b->reset)
        return;
    switch (dice(8)) {
    case 0:
        rig_back_fin(&r, b);
        break;
    case 1:
        rig_back_reset(&r, b);
        break;
    default:
        (void)rig_back_write(&r, b, text[0], strlen(text[0]));
        if (dice(3) == 0) {
            const char *t = text[dice(LG_ARRAY_CNT(text))];
            (void)rig_back_write(&r, b, t, strlen(t));
        }
        rig_settle(&r);
        break;
    }
}

static void operator_acts(void)
{
    static struct lg_query_answer answer;
    static struct lg_query ask;

    switch (dice(6)) {
    case 0:
        ask = (struct lg_query){.what = LG_QUERY_KILL, .id = dice(2) ? r.proxy->next_id : 0};
        lg_proxy_query(r.proxy, &ask, &answer);
        break;
    case 1:
        ask = (struct lg_query){.what = LG_QUERY_LIST, .below = UINT64_MAX, .max = 1 + dice(4)};
        lg_proxy_query(r.proxy, &ask, &answer);
        break;
    case 2:
        lg_proxy_end(r.proxy, generation - dice(3), r.now_ns);
        break;
    default:
        publish();
        break;
    }
    if (dice(2))
        rig_settle(&r);
    else
        while (r.proxy->ask)
            rig_settle(&r);
}

/* starve takes the worker's free buffers but for a few. */
static void starve(void)
{
    struct lg_bufpool *pool = &r.heap[RIG_LG].pool;
    uint32_t keep = dice(8);
    struct lg_buf *b;

    while (lg_bufpool_free(pool) > keep && (b = lg_buf_take(pool)) != NULL) {
        b->next = held;
        held = b;
    }
}

static void act(void)
{
    uint32_t what = dice(20);

    if (what < 4)
        come();
    else if (what < 9)
        client_says();
    else if (what < 14)
        back_says();
    else if (what < 15)
        client_goes();
    else if (what < 17)
        operator_acts();
    else if (what < 18)
        r.refuses[dice(RIG_BACKENDS)] ^= true;
    else if (what < 19 && !held && dice(3) == 0)
        starve();
    else if (what < 19)
        feed();
    else
        rig_run(&r, LG_MS(1) << dice(13));
    while (r.proxy->ask)
        rig_settle(&r);
    reap();
}

static void begin(enum lg_listener_type type)
{
    size_t sz = lg_align_up(lg_access_ring_footprint(RECS), LG_CACHE_PAIR);
    void *mem = aligned_alloc(LG_CACHE_PAIR, sz);

    memset(mem, 0, sz);
    ring = lg_access_ring_init(mem, RECS);
    rig_init(&r, type);
    r.worker_bufs = 512;
    r.max_sessions = 7;
    r.max_backs = 4;
    r.worker.access = ring;
    r.pools[0].sticky = (struct lg_cfg_sticky){
        .line = 1, .cookie = "SRV", .path = "/", .domain = "", .http_only = true, .strip = true};
    r.pools[0].keepalive_max = 2;
    static struct lg_cfg_header edit[] = {{.line = 1, .set = "X-From", .value = "$remote_addr"},
                                          {.line = 2, .remove = "Server"}};
    r.listener.response_headers = edit;
    r.listener.response_header_cnt = 2;
    r.routes[1] = (struct lg_cfg_http_route){.host = "*", .path = "/w", .pool_idx = 0};
    r.routes[1].rewrite = "/in$rest";
    r.routes[2] = (struct lg_cfg_http_route){.host = "*", .path = "/r", .pool_idx = LG_NO_POOL};
    r.routes[2].redirect = (struct lg_cfg_redirect){1, "/x$request_uri", 302};
    r.routes[3] = (struct lg_cfg_http_route){.host = "*", .path = "/f", .pool_idx = LG_NO_POOL};
    r.routes[3].respond.line = 1;
    r.routes[3].respond.status = 200;
    r.routes[3].respond.type = "text/plain";
    r.routes[3].respond.body = "fixed";
    r.listener.route_cnt = 4;
    rig_build(&r);
    generation = 1;
}

static void end(void)
{
    feed();
    memset(r.refuses, 0, sizeof r.refuses);
    rig_fini(&r);
    read_log();
    for (uint32_t i = 0; i < GENS; i++)
        if (gens[i]) {
            EXPECT_EQ(gens[i]->worker.pins, 0);
            gen_free(gens[i]);
            gens[i] = NULL;
        }
    free(ring);
}

static void chaos(enum lg_listener_type type)
{
    const char *env = getenv("LG_CHAOS_ROUNDS");
    uint64_t rounds = env ? strtoull(env, NULL, 10) : 3;

    for (uint64_t round = 1; round <= rounds; round++) {
        seed = round * 0x9e3779b97f4a7c15ull + (uint64_t)type;
        begin(type);
        for (uint32_t i = 0; i < STEPS; i++)
            act();
        end();
    }
    EXPECT(log_bytes > 0);
}

TEST(Chaos, OfRelaysUnderTlsLeavesAllAsItWas)
{
    chaos(LG_LISTENER_TCP_SSL);
}

TEST(Chaos, OfRelaysInClearLeavesAllAsItWas)
{
    chaos(LG_LISTENER_TCP);
}

TEST(Chaos, OfRequestsUnderTlsLeavesAllAsItWas)
{
    chaos(LG_LISTENER_HTTPS);
}

TEST(Chaos, OfRequestsInClearLeavesAllAsItWas)
{
    chaos(LG_LISTENER_HTTP);
}
