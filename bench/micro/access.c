/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* access.c: what the access log costs a worker for each request, from its head to the record in the
 * ring (the reader on the same core: its cache misses are not in it), and nothing where a listener
 * is not logged; and what a line costs the control thread. */
#include "log_line.h"
#include "micro.h"
#include "proxy_priv.h"
#include "tcp_types.h"
#include "tls_priv.h"

#include <string.h>

static const char browser[] =
    "GET /shop/articles/4711?sort=price&page=2 HTTP/1.1\r\n"
    "Host: shop.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://shop.example/shop/articles?sort=price&page=1\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

/* A session in the middle of a request, with as much around it as the log looks at. */
static struct {
    char *headers[2];
    struct lg_cfg_backend backend;
    struct lg_cfg_pool pool;
    struct lg_cfg_listener listener_cfg;
    struct lg_listener listener;
    struct lg_config cfg;
    struct lg_snapshot snap;
    struct lg_stats stats;
    struct lg_proxy *proxy;
    struct lg_tcp_conn front;
    struct lg_tls tls;
    struct lg_session session;
    struct lg_access_ring *ring;
    char line[LG_LOG_LINE_MAX];
} w = {
    .headers = {"user-agent", "referer"},
    .backend = {.name = "a"},
    .pool = {.name = "web", .backend_cnt = 1},
    .listener_cfg = {.name = "site", .type = LG_LISTENER_HTTPS},
};

static void set_up(void)
{
    const uint32_t recs = 4096;

    w.pool.backends = &w.backend;
    w.cfg = (struct lg_config){.pool_cnt = 1,
                               .pools = &w.pool,
                               .log = {.header_cnt = 2, .headers = w.headers, .query = true}};
    w.listener.cfg = &w.listener_cfg;
    w.snap = (struct lg_snapshot){.cfg = &w.cfg, .listener_cnt = 1, .listeners = &w.listener};
    w.ring = lg_access_ring_init(micro_alloc(lg_access_ring_footprint(recs)), recs);
    w.proxy = micro_alloc(sizeof *w.proxy);
    w.proxy->http = micro_alloc(sizeof *w.proxy->http);
    w.proxy->env.stats = &w.stats;
    w.proxy->env.pool = micro_pool(64);
    w.proxy->access = w.ring;
    lg_info_init(&w.tls.info);
    w.tls.info.version = LG_TLS_13;
    w.tls.info.suite = "TLS_AES_256_GCM_SHA384";
    w.tls.info.group = "x25519";
    w.tls.info.sni = "shop.example";
    w.tls.info.alpn = "http/1.1";
    w.session = (struct lg_session){.p = w.proxy,
                                    .front = &w.front,
                                    .tls = &w.tls,
                                    .snap = &w.snap,
                                    .listener = &w.listener,
                                    .state = LG_S_HTTP};
    micro_require(
        lg_is_ok(lg_http_parse_request(lg_span(browser, sizeof browser - 1), &w.proxy->http->head)),
        "access: head refused");
}

static void request(struct lg_session *s)
{
    s->p->now_ns += LG_US(50);
    lg_access_asks(s);
    lg_access_head(s);
    lg_access_attempt(s, 0);
    lg_access_mark(s, &s->access.open_us);
    lg_access_mark(s, &s->access.answered_us);
    s->access.status = 200;
    lg_access_done(s);
}

static uint64_t run_record(void *ctx, uint64_t cnt)
{
    struct lg_session *s = &w.session;

    s->access.is_on = ctx != NULL;
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++) {
        request(s);
        if (lg_access_ring_peek(w.ring))
            lg_access_ring_pop(w.ring);
    }
    return micro_tsc() - begin;
}

static uint64_t run_line(void *ctx, uint64_t cnt)
{
    static const struct lg_log_clock clock = {1790000000000000u, LG_SEC(500)};
    (void)ctx;

    w.session.access.is_on = true;
    request(&w.session);
    const struct lg_access_rec *rec = lg_access_ring_peek(w.ring);
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++)
        micro_require(lg_log_line(rec, 0, &clock, w.line) > 100, "access: no line");
    uint64_t took = micro_tsc() - begin;
    lg_access_ring_pop(w.ring);
    return took;
}

void micro_add_access(const struct micro_opts *o)
{
    (void)o;
    set_up();
    micro_add("access", "access-off", NULL, run_record, NULL);
    micro_add("access", "access-record", NULL, run_record, &w);
    micro_add("access", "access-line-json", NULL, run_line, NULL);
}
