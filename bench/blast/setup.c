/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setup.c: from options to a worker that can run: a configuration as Lockgate would read it from a
 * file, EAL, ports, layers, groups. What is wrong is said in the words of the command line. */
#include "blast.h"

#include "boot.h"
#include "machine.h"
#include "pattern.h"

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LINK_WAIT_MS 15000u
#define HANDSHAKES_MAX 4096u /* at once; more wait for memory */

/* -- only for a reason -- */
static const struct lg_tcp_cfg tcp_defaults = {
    .snd_buf_sz = 256u << 10,
    .rcv_buf_sz = 256u << 10,
    .delayed_ack_ns = LG_MS(40),
    .time_wait_ns = LG_SEC(1), /* the other end is a bench, too */
    .min_rto_ns = LG_MS(200),
    .syn_retries = 5,
    .data_retries = 8,
    .port_lo = 1025,
    .port_hi = 65535,
};

static uint64_t conn_sum(const struct bl_opts *o)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < o->group_cnt; i++)
        if (!bl_kind_is_raw(o->groups[i].kind) && o->groups[i].kind != BL_ORIGIN)
            sum += o->groups[i].connections;
    return sum;
}

/* Connections that wait for tickets stay in wolfSSL: they want more memory. */
static bool has_resumption(const struct bl_opts *o)
{
    for (uint32_t i = 0; i < o->group_cnt; i++)
        if (o->groups[i].kind == BL_RESUME)
            return true;
    return false;
}

static uint32_t origin_conn_cnt(const struct bl_opts *o)
{
    if (!*o->origin)
        return 0;
    if (o->origin_conns)
        return (uint32_t)o->origin_conns;
    return (uint32_t)LG_MAX(4096u, conn_sum(o) + conn_sum(o) / 4);
}

/* ---------------------------------------------------------------- as a configuration */

/* Lives as long as the process: ports and net borrow from it. */
static struct {
    struct lg_config cfg;
    struct lg_cfg_port ports[2];
    struct lg_cfg_route route;
} made;

static void add_port(const char *name, const char *device, const struct lg_prefix *address,
                     const struct bl_opts *o)
{
    made.ports[made.cfg.port_cnt++] = (struct lg_cfg_port){.name = (char *)(uintptr_t)name,
                                                           .device = (char *)(uintptr_t)device,
                                                           .mtu = (uint16_t)o->mtu,
                                                           .trust_rx_csum = o->no_rx_checksum,
                                                           .address_cnt = 1,
                                                           .addresses = {*address}};
}

static struct lg_config *make_config(struct bl_worker *w, const struct bl_opts *o)
{
    struct lg_config *c = &made.cfg;
    *c = (struct lg_config){.file = "lockgate-blast",
                            .worker_cnt = 1,
                            .worker_cpus = {(uint16_t)o->cpu},
                            .control_cpu = -1,
                            .memory_mb = (uint32_t)(o->memory_sz >> 20),
                            .hugepages = !o->no_huge,
                            .max_connections =
                                (uint32_t)LG_MAX(1024u, conn_sum(o) + origin_conn_cnt(o)),
                            .eal_extra = "",
                            .control_socket = "",
                            .file_prefix = (char *)(uintptr_t)o->file_prefix,
                            .ports = made.ports};
    w->client_port = UINT32_MAX;
    if (*o->device) {
        w->client_port = 0;
        add_port("client", o->device, &o->address, o);
    }
    if (*o->origin) {
        add_port("origin", o->origin_device, &o->origin_address, o);
        w->origin_at = (struct lg_endpoint){o->origin_address.ip, o->origin_port};
    }
    w->port_cnt = c->port_cnt;
    if (!lg_ip_is_any(&o->gateway)) {
        made.route = (struct lg_cfg_route){.via = o->gateway};
        if (lg_ip_is_v4(&o->gateway))
            made.route.to.ip = lg_ip_v4((const uint8_t[4]){0, 0, 0, 0});
        c->routes = &made.route;
        c->route_cnt = 1;
    }
    return c;
}

/* ---------------------------------------------------------------- layers */

static void on_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct bl_worker *w = ctx;
    lg_net_output(w->net, b, src, dst, w->now_ns);
}

static bool is_listening(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    const struct bl_worker *w = ctx;
    return w->origin && port == w->origin_at.port && lg_ip_eq(ip, &w->origin_at.ip);
}

static void on_tx(void *ctx, uint16_t port, struct lg_buf *b, const struct lg_tx_meta *meta)
{
    struct bl_worker *w = ctx;
    lg_port_tx(w->ports, port, 0, b, meta, &w->stats);
}

static void on_share(void *ctx, struct lg_buf *b)
{
    (void)ctx; /* there is one worker */
    (void)b;
}

static bool on_unreachable(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq)
{
    struct bl_worker *w = ctx;
    return lg_tcp_rx_unreachable(w->tcp, t, seq, w->now_ns);
}

static bool on_too_big(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu)
{
    struct bl_worker *w = ctx;
    return lg_tcp_rx_too_big(w->tcp, t, seq, mtu, w->now_ns);
}

static void on_conflict(void *ctx, uint16_t port, const lg_ip_t *own, const uint8_t mac[6],
                        bool is_used)
{
    struct bl_worker *w = ctx;
    (void)port;
    (void)own;
    (void)mac;
    (void)is_used;
    atomic_store(&w->has_conflict, true);
}

static const struct lg_tcp_ops tcp_ops = {on_output, is_listening};
static const struct lg_net_ops net_ops = {on_tx, on_share, on_unreachable, on_too_big, on_conflict};

static void fill_net(struct bl_worker *w, const struct lg_tcp_cfg *tcp, struct lg_net_cfg *out)
{
    *out = (struct lg_net_cfg){.cfg = &made.cfg, .secret = tcp->secret};
    for (uint32_t i = 0; i < w->port_cnt; i++) {
        struct lg_port_info info;
        lg_port_get_info(w->ports, i, &info);
        memcpy(out->ports[i].mac, info.mac, 6);
        out->ports[i].tx_csum_offload = info.tx_csum;
        out->ports[i].trust_rx_csum = made.cfg.ports[i].trust_rx_csum;
        if (i != w->client_port)
            continue;
        memcpy(w->mac, info.mac, 6);
        /* A flood's sources are forged: nobody answers for them. */
        out->ports[i].has_range = w->o->has_source && !w->is_raw_only;
        out->ports[i].range = w->o->source;
    }
}

/* mend_hint: what to tell when the memory does not suffice. */
static lg_err_t no_memory(size_t total, const struct bl_opts *o, struct lg_diag *diag)
{
    lg_diag_error(diag, NULL, 0, "--memory",
                  "%llu connections need %zu MiB beside the packet buffers, and --memory %llu MiB "
                  "does not hold both; raise it or lower --connections",
                  (unsigned long long)conn_sum(o), total >> 20,
                  (unsigned long long)(o->memory_sz >> 20));
    return LG_E(NOMEM);
}

/* What the parts of the worker are made by, and their sizes. */
struct plan {
    struct lg_tcp_cfg tcp;
    struct lg_tls_core_cfg tls;
    uint32_t conn_cnt, origin_cnt;
    size_t net_sz, tcp_sz, tls_sz, origin_sz, sz;
};

/* Connections without a user: the other end is a bench, and TIME_WAIT is short. */
#define SPARE_PART 16u
#define SPARE_LEAST 4096u

static void make_plan(const struct bl_opts *o, struct plan *p)
{
    const struct lg_net_cfg net = {.cfg = &made.cfg};
    uint32_t conns = (uint32_t)conn_sum(o), origin_cnt = origin_conn_cnt(o);

    *p = (struct plan){.tcp = tcp_defaults, .conn_cnt = conns, .origin_cnt = origin_cnt};
    p->tcp.mtu = (uint16_t)o->mtu;
    p->tcp.max_conns = conns + origin_cnt + (conns + origin_cnt) / SPARE_PART + SPARE_LEAST;
    p->tls = (struct lg_tls_core_cfg){
        .max_conns = LG_MAX(conns, 1u),
        .keeps_wolf = has_resumption(o),
        .max_handshakes = LG_MAX(LG_MIN(conns, HANDSHAKES_MAX), 16u),
    };
    p->net_sz = lg_align_up(lg_net_footprint(&net), LG_CACHE_PAIR);
    p->tcp_sz = lg_align_up(lg_tcp_footprint(&p->tcp), LG_CACHE_PAIR);
    p->tls_sz = lg_align_up(lg_tls_core_footprint(&p->tls), LG_CACHE_PAIR);
    p->origin_sz = lg_align_up(bl_origin_footprint(origin_cnt), LG_CACHE_PAIR);
    p->sz = p->net_sz + p->tcp_sz + p->tls_sz + p->origin_sz +
            lg_align_up(conns * sizeof(struct bl_conn), LG_CACHE_PAIR);
}

static lg_err_t lay_out(struct bl_worker *w, struct plan *p, struct lg_diag *diag)
{
    struct lg_net_cfg net;

    LG_CHECK(getrandom(&p->tcp.secret, sizeof p->tcp.secret, 0) == (ssize_t)sizeof p->tcp.secret,
             LG_E(SYS));
    fill_net(w, &p->tcp, &net);
    LG_CHECK(getrandom(net.nonce, sizeof net.nonce, 0) == (ssize_t)sizeof net.nonce, LG_E(SYS));
    uint8_t *mem = rte_zmalloc("blast", p->sz, LG_CACHE_PAIR);
    if (!mem)
        return no_memory(p->sz, w->o, diag);
    w->mem = mem;
    w->net = lg_net_init(mem, &net, &net_ops, w, w->pool, &w->stats, w->now_ns);
    mem += p->net_sz;
    w->tcp = lg_tcp_init(mem, &p->tcp, &tcp_ops, w, w->pool, &w->stats, w->now_ns);
    mem += p->tcp_sz;
    LG_TRY(lg_tls_core_init(mem, &p->tls, w->pool, &w->stats, &w->tls));
    mem += p->tls_sz;
    if (p->origin_cnt)
        w->origin = bl_origin_init(mem, p->origin_cnt, w);
    mem += p->origin_sz;
    struct bl_conn *c = (struct bl_conn *)(void *)mem;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        struct bl_group *g = &w->groups[i];
        g->conns = c;
        c += g->conn_cnt;
    }
    return LG_OK;
}

/* ---------------------------------------------------------------- groups */

/* split takes a comma-separated list apart, in place; more than max: cnt is max + 1. */
static uint32_t split(char *list, const char **out, uint32_t max)
{
    uint32_t cnt = 0;
    char *save = NULL;
    for (char *t = strtok_r(list, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
        if (cnt == max)
            return max + 1;
        out[cnt++] = t;
    }
    return cnt;
}

static bool read_numbers(const char *list, const char *key, uint32_t max, uint16_t (*of)(lg_span_t),
                         uint16_t *out, uint32_t *cnt, struct lg_diag *diag)
{
    char copy[BL_LIST_SZ];
    const char *words[LG_TLS_SUITE_MAX];
    snprintf(copy, sizeof copy, "%s", list);
    *cnt = split(copy, words, max);
    for (uint32_t i = 0; i < LG_MIN(*cnt, max); i++) {
        out[i] = of(lg_span_cstr(words[i]));
        if (out[i])
            continue;
        lg_diag_error(diag, NULL, 0, key, "\"%s\" is not one this client has; see the README",
                      words[i]);
        return false;
    }
    if (*cnt <= max)
        return true;
    lg_diag_error(diag, NULL, 0, key, "at most %u", max);
    return false;
}

static lg_err_t make_policy(struct bl_group *g, struct lg_diag *diag)
{
    const struct bl_group_opts *o = g->o;
    char alpn_copy[BL_LIST_SZ];
    const char *alpn[8];
    struct lg_tls_client_cfg cfg = {.owner = "--",
                                    .name = o->sni,
                                    .min_version = o->tls & BL_TLS_12 ? LG_TLS_12 : LG_TLS_13,
                                    .max_version = o->tls & BL_TLS_13 ? LG_TLS_13 : LG_TLS_12,
                                    .ca = *o->verify ? o->verify : NULL,
                                    .cert = *o->cert ? o->cert : NULL,
                                    .key = *o->key ? o->key : NULL,
                                    .resumption = o->kind == BL_RESUME,
                                    .alpn = alpn};
    if (!read_numbers(o->curves, "--curves", LG_TLS_GROUP_MAX, lg_tls_group_of, cfg.groups,
                      &cfg.group_cnt, diag) ||
        !read_numbers(o->suites, "--suites", LG_TLS_SUITE_MAX, lg_tls_suite_of, cfg.suites,
                      &cfg.suite_cnt, diag))
        return LG_E(CONFIG);
    snprintf(alpn_copy, sizeof alpn_copy, "%s", o->alpn);
    cfg.alpn_cnt = LG_MIN(split(alpn_copy, alpn, LG_ARRAY_CNT(alpn)), (uint32_t)LG_ARRAY_CNT(alpn));
    return lg_tls_client_policy_build(&cfg, 1, &g->policy, diag);
}

static lg_err_t make_groups(struct bl_worker *w, struct lg_diag *diag)
{
    w->group_cnt = w->o->group_cnt;
    w->is_raw_only = true;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        struct bl_group *g = &w->groups[i];
        g->o = &w->o->groups[i];
        g->w = w;
        g->random = 0x9e3779b97f4a7c15u + i;
        bl_hist_init(&g->r.latency);
        bool is_raw = bl_kind_is_raw(g->o->kind), is_origin = g->o->kind == BL_ORIGIN;
        if (is_raw && !lg_ip_is_v4(&g->o->target.ip)) {
            lg_diag_error(diag, NULL, 0, "--target", "frames without connections are IPv4 only");
            return LG_E(CONFIG);
        }
        w->is_raw_only = w->is_raw_only && is_raw;
        g->conn_cnt = is_raw || is_origin ? 0 : (uint32_t)g->o->connections;
        if (!is_raw && !is_origin && g->o->tls != BL_TLS_OFF)
            LG_TRY(make_policy(g, diag));
        if (bl_kind_is_http(g->o->kind))
            bl_http_init(g);
    }
    w->is_raw_only = w->is_raw_only && !*w->o->origin;
    return LG_OK;
}

static lg_err_t fill_groups(struct bl_worker *w)
{
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        struct bl_group *g = &w->groups[i];
        for (uint32_t k = 0; k < g->conn_cnt; k++) {
            g->conns[k].g = g;
            bl_queue_push(&g->idle, &g->conns[k]);
        }
        if (g->o->kind == BL_SLOW)
            LG_TRY(bl_slow_init(g));
    }
    return LG_OK;
}

/* ---------------------------------------------------------------- the whole */

/* await_links: a memif or virtio-user peer may still be on its way. */
static lg_err_t await_links(struct bl_worker *w, struct lg_diag *diag)
{
    for (uint32_t i = 0; i < w->port_cnt; i++) {
        struct lg_port_info info;
        struct rte_eth_link link = {0};
        lg_port_get_info(w->ports, i, &info);
        for (uint32_t ms = 0; ms < LINK_WAIT_MS && !link.link_status; ms++) {
            if (rte_eth_link_get_nowait(info.eth_port_id, &link) != 0)
                break; /* it does not tell */
            if (!link.link_status && !atomic_load(&w->stop))
                rte_delay_us_sleep(1000);
        }
        if (link.link_status)
            continue;
        lg_diag_error(diag, NULL, 0, i == w->client_port ? "--device" : "--origin",
                      "%s has had no link for %u s; is the other side there, and in the other role "
                      "(memif: role=server or client)?",
                      made.cfg.ports[i].device, LINK_WAIT_MS / 1000);
        return LG_E(SYS);
    }
    return LG_OK;
}

/* check_memif: as a memif client we connect at once: the server must be there. */
static lg_err_t check_memif(const struct lg_config *cfg, struct lg_diag *diag)
{
    for (uint32_t i = 0; i < cfg->port_cnt; i++) {
        const char *device = cfg->ports[i].device;
        char path[BL_PATH_SZ], key[32];
        if (strncmp(device, "memif:", 6) != 0 || strstr(device, "role=server"))
            continue;
        snprintf(path, sizeof path, "%.*s", (int)strcspn(device + 6, ","), device + 6);
        if (access(path, F_OK) == 0)
            continue;
        snprintf(key, sizeof key, "ports[%u].device", i);
        lg_diag_error(diag, NULL, 0, key,
                      "nobody serves %s; start the other side first, with role=server, or give "
                      "this side role=server",
                      path);
        return LG_E(SYS);
    }
    return LG_OK;
}

lg_err_t bl_setup(struct bl_worker *w, const struct bl_opts *o, struct lg_diag *diag)
{
    struct plan plan;

    memset(w, 0, sizeof *w);
    w->o = o;
    struct lg_config *cfg = make_config(w, o);
    bl_pattern_init();
    bl_cheap_set(o->reuse_key_share, o->skip_signature);
    LG_TRY(lg_tls_global_init());
    LG_TRY(make_groups(w, diag)); /* files first: nothing of the machine is touched before */
    lg_boot_limits();
    LG_TRY(lg_machine_check_cpus("", cfg, diag));
    LG_TRY(lg_machine_check_rights("", cfg, diag));
    LG_TRY(check_memif(cfg, diag));
    LG_TRY(lg_machine_check_memory("", cfg, diag));
    LG_TRY(lg_boot_eal(cfg, diag));
    make_plan(o, &plan);
    LG_TRY(lg_ports_open(cfg, 1, plan.sz, &w->ports, diag));
    w->clock = lg_clock_init();
    w->now_ns = lg_core_now();
    w->pktpool = lg_ports_pool(w->ports, 0);
    w->pool = lg_pktpool_as_bufpool(w->pktpool);
    lg_wheel_init(&w->wheel, w->now_ns);
    LG_TRY(lay_out(w, &plan, diag));
    lg_tls_core_attach(w->tls);
    lg_err_t e = fill_groups(w);
    lg_tls_core_attach(NULL);
    LG_TRY(e);
    return await_links(w, diag);
}

void bl_teardown(struct bl_worker *w)
{
    if (w->tcp)
        lg_tcp_fini(w->tcp);
    if (w->net)
        lg_net_fini(w->net);
    if (w->tls)
        lg_tls_core_fini(w->tls);
    for (uint32_t i = 0; i < w->group_cnt; i++)
        lg_tls_policy_free(w->groups[i].policy);
    rte_free(w->mem);
    if (w->ports)
        lg_ports_close(w->ports);
    lg_boot_eal_down();
}
