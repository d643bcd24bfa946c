/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core.c: laying out, starting and stopping workers. The loop itself is core_loop.c.
 *
 * Everything a worker will ever use is taken here, from DPDK's memory, before its loop starts;
 * afterwards a pool that runs empty is an expected state, not a reason to ask for more. */
#include "core_plan.h"
#include "core_priv.h"

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <rte_rcu_qsbr.h>
#include <sys/random.h>

/* -- only for a reason: TCP's constants, which no user has asked to change yet -- */
static const struct lg_tcp_cfg tcp_defaults = {
    .delayed_ack_ns = LG_MS(40),
    .time_wait_ns = LG_SEC(60),
    .keepalive_idle_ns = LG_SEC(7200),
    .keepalive_intvl_ns = LG_SEC(75),
    .keepalive_cnt = 9,
    .min_rto_ns = LG_MS(200),
    .syn_retries = 5,
    .data_retries = 15,
};

static uint32_t slice_size(const struct lg_config *cfg)
{
    return (uint32_t)(cfg->port_hi - cfg->port_lo + 1) / cfg->worker_cnt;
}

static lg_err_t fill_tcp_cfg(const struct lg_config *cfg, uint32_t worker, struct lg_tcp_cfg *out)
{
    const struct lg_tcp_cfg plan = *out;

    *out = tcp_defaults;
    out->max_conns = plan.max_conns;
    out->source_conns = plan.source_conns;
    out->source_cps = plan.source_cps;
    out->snd_buf_sz = cfg->snd_buf_sz;
    out->rcv_buf_sz = cfg->rcv_buf_sz;
    out->syn_backlog = cfg->syn_backlog;
    out->cc = cfg->cc == LG_CC_NEWRENO ? &lg_tcp_cc_reno : &lg_tcp_cc_cubic;
    out->ecn = cfg->ecn == LG_CFG_ECN_ON        ? LG_TCP_ECN_ON
               : cfg->ecn == LG_CFG_ECN_PASSIVE ? LG_TCP_ECN_PASSIVE
                                                : LG_TCP_ECN_OFF;
    out->pacing = cfg->pacing;
    out->user_timeout_ns = cfg->user_timeout_ns;
    out->mtu = UINT16_MAX;
    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        out->mtu = LG_MIN(out->mtu, cfg->ports[i].mtu);
    out->port_lo = (uint16_t)(cfg->port_lo + worker * slice_size(cfg));
    out->port_hi = (uint16_t)(out->port_lo + slice_size(cfg) - 1);
    LG_CHECK(getrandom(&out->secret, sizeof out->secret, 0) == (ssize_t)sizeof out->secret,
             LG_E(SYS));
    return LG_OK;
}

/* ------------------------------------------------------------- what the layers call back */

static void on_tcp_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct lg_core *core = ctx;
    lg_net_output(core->net, b, src, dst, core->now_ns);
}

static bool on_is_listening(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    struct lg_core *core = ctx;
    return lg_proxy_is_listening(core->proxy, ip, port);
}

static void on_door(void *ctx, const struct lg_tcp_tuple *t, struct lg_tcp_door *out)
{
    struct lg_core *core = ctx;
    lg_proxy_door(core->proxy, t, out);
}

static void on_source_ports(void *ctx, const lg_ip_t *local_ip, uint16_t *lo, uint16_t *hi)
{
    lg_core_source_ports(ctx, local_ip, lo, hi);
}

static bool on_is_ours(void *ctx, const struct lg_tcp_tuple *t)
{
    struct lg_core *core = ctx;
    return core->core_cnt == 1 || lg_core_owner(core, t) == core->idx;
}

static void on_net_tx(void *ctx, uint16_t port, struct lg_buf *b, const struct lg_tx_meta *meta)
{
    struct lg_core *core = ctx;
    lg_port_tx(core->ports, port, core->idx, b, meta, &core->stats);
}

/* Every worker has its own neighbour table and connections; what taught one, and an ICMP error
 * about a connection it has not, is copied to the others. */
static void on_net_share(void *ctx, struct lg_buf *b)
{
    struct lg_core *core = ctx;

    for (uint32_t to = 0; to < core->core_cnt; to++) {
        if (to == core->idx)
            continue;
        struct lg_buf *copy = lg_buf_take(core->pool);
        if (!copy || b->len > lg_buf_tailroom(copy)) {
            lg_stat_inc(&core->stats, LG_STAT_DROP_NO_BUF);
            lg_buf_give(copy);
            return;
        }
        memcpy(copy->data, b->data, b->len);
        copy->len = b->len;
        copy->port = b->port;
        copy->flags = (uint16_t)(b->flags | LG_BUF_FOR_ALL);
        if (!lg_ring_push(core->to[to], copy)) {
            lg_stat_inc(&core->stats, LG_STAT_DROP_HANDOVER);
            lg_buf_give(copy);
        }
    }
}

static bool on_net_unreachable(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq)
{
    struct lg_core *core = ctx;
    return lg_tcp_rx_unreachable(core->tcp, t, seq, core->now_ns);
}

static bool on_net_too_big(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu)
{
    struct lg_core *core = ctx;
    return lg_tcp_rx_too_big(core->tcp, t, seq, mtu, core->now_ns);
}

static void on_net_conflict(void *ctx, uint16_t port, const lg_ip_t *own, const uint8_t mac[6],
                            bool is_used)
{
    struct lg_core *core = ctx;
    char ip[LG_IP_STR_SZ];

    lg_logring_put(&core->log, &core->stats, LG_LOG_ERROR,
                   "port %s: address %s is also that of %02x:%02x:%02x:%02x:%02x:%02x: %s",
                   core->cfg->ports[port].name, lg_ip_text(own, ip), mac[0], mac[1], mac[2], mac[3],
                   mac[4], mac[5], is_used ? "two stations use it" : "Lockgate will not use it");
}

static bool on_proxy_source(void *ctx, const lg_ip_t *dst, uint32_t nth, lg_ip_t *src)
{
    struct lg_core *core = ctx;
    return lg_net_source_nth(core->net, dst, nth, src);
}

static uint64_t on_proxy_cycles(void *ctx)
{
    (void)ctx;
    return rte_rdtsc();
}

static const struct lg_tcp_ops tcp_ops = {on_tcp_output, on_is_listening, on_source_ports,
                                          on_is_ours, on_door};
static const struct lg_net_ops net_ops = {on_net_tx, on_net_share, on_net_unreachable,
                                          on_net_too_big, on_net_conflict};

/* ------------------------------------------------------------- one worker's memory */

/* fill_cfgs adds to the plan of all workers what is one's own. */
static lg_err_t fill_cfgs(const struct lg_cores *cs, uint32_t idx, struct lg_core_plan *c)
{
    const struct lg_config *cfg = cs->cfg;

    LG_TRY(fill_tcp_cfg(cfg, idx, &c->tcp));
    c->net.is_quiet = idx != 0;
    c->net.secret = c->tcp.secret;
    memcpy(c->net.nonce, cs->nonce, sizeof c->net.nonce);
    for (uint32_t i = 0; i < cfg->port_cnt; i++) {
        struct lg_port_info info;
        lg_port_get_info(cs->ports, i, &info);
        memcpy(c->net.ports[i].mac, info.mac, 6);
        c->net.ports[i].tx_csum_offload = info.tx_csum;
        c->net.ports[i].trust_rx_csum = cfg->ports[i].trust_rx_csum;
    }
    c->tls.worker_idx = idx;
    c->proxy.worker_idx = idx;
    c->proxy.handshake_budget = cfg->handshake_budget_ns * (rte_get_tsc_hz() / 1000000) / LG_US(1);
    return LG_OK;
}

static lg_err_t lay_out(struct lg_core *core, const struct lg_core_plan *c, struct lg_diag *diag)
{
    int socket = (int)rte_lcore_to_socket_id(core->lcore);
    lg_ns_t now_ns = lg_core_now();

    uint8_t *mem = rte_zmalloc_socket("lg_worker", c->sz, LG_CACHE_PAIR, socket);
    if (!mem) {
        lg_diag_error(diag, core->cfg->file, 0, "global.memory",
                      "worker %u needs %zu MiB beside its packet buffers (TCP %zu, TLS %zu, "
                      "sessions %zu); raise memory or lower max_connections (now %u)",
                      core->idx, c->sz >> 20, c->tcp_sz >> 20, c->tls_sz >> 20, c->proxy_sz >> 20,
                      core->cfg->max_connections);
        return LG_E(NOMEM);
    }
    core->mem = mem;
    core->net = lg_net_init(mem, &c->net, &net_ops, core, core->pool, &core->stats, now_ns);
    mem += c->net_sz;
    core->tcp = lg_tcp_init(mem, &c->tcp, &tcp_ops, core, core->pool, &core->stats, now_ns);
    mem += c->tcp_sz;
    LG_TRY(lg_tls_core_init(mem, &c->tls, core->pool, &core->stats, &core->tls));
    mem += c->tls_sz;
    struct lg_proxy_env env = {
        .tcp = core->tcp,
        .tls = core->tls,
        .pool = core->pool,
        .stats = &core->stats,
        .log = &core->log,
        .source = on_proxy_source,
        .cycles = on_proxy_cycles,
        .ctx = core,
    };
    core->proxy = lg_proxy_init(mem, &c->proxy, &env, now_ns);
    return LG_OK;
}

static lg_err_t open_core(struct lg_cores *cs, uint32_t idx, const struct lg_core_plan *plan,
                          struct lg_diag *diag)
{
    struct lg_core_plan own = *plan;
    struct lg_core *core;

    uint32_t lcore = rte_get_next_lcore(-1, 1, 0);
    for (uint32_t i = 0; i < idx; i++)
        lcore = rte_get_next_lcore(lcore, 1, 0);
    core = rte_zmalloc_socket("lg_core", sizeof *core, LG_CACHE_PAIR,
                              (int)rte_lcore_to_socket_id(lcore));
    if (!core) {
        lg_diag_error(diag, cs->cfg->file, 0, "global.memory", "no memory for worker %u", idx);
        return LG_E(NOMEM);
    }
    cs->core[idx] = core;
    core->idx = (uint16_t)idx;
    core->core_cnt = (uint16_t)cs->cnt;
    core->lcore = lcore;
    core->cfg = cs->cfg;
    core->tcp_total = plan->tcp.max_conns;
    core->sessions_total = plan->proxy.max_sessions;
    core->tls_total = plan->tls.max_conns;
    core->shared = cs->shared;
    core->ports = cs->ports;
    core->port_cnt = cs->cfg->port_cnt;
    core->pktpool = lg_ports_pool(cs->ports, idx);
    core->pool = lg_pktpool_as_bufpool(core->pktpool);
    core->clock = lg_clock_init();
    core->slice_sz = slice_size(cs->cfg);
    for (uint32_t i = 0; i < core->port_cnt; i++) {
        struct lg_port_info info;
        lg_port_get_info(cs->ports, i, &info);
        core->port_has_rss[i] = info.has_rss;
        core->rss[i] = info.rss;
        core->has_rss_map |= info.rss != NULL;
    }
    lg_logring_init(&core->log, lg_log_level());
    LG_TRY(fill_cfgs(cs, idx, &own));
    return lay_out(core, &own, diag);
}

/* ------------------------------------------------------------- all workers */

static lg_err_t open_shared(struct lg_cores *cs, const struct lg_snapshot *first)
{
    size_t qsv_sz = rte_rcu_qsbr_get_memsize(cs->cnt);

    cs->shared = rte_zmalloc("lg_shared", sizeof *cs->shared, LG_CACHE_PAIR);
    LG_CHECK(cs->shared != NULL, LG_E(NOMEM));
    cs->shared->qsv = rte_zmalloc("lg_qsbr", qsv_sz, RTE_CACHE_LINE_SIZE);
    LG_CHECK(cs->shared->qsv != NULL, LG_E(NOMEM));
    LG_CHECK(rte_rcu_qsbr_init(cs->shared->qsv, cs->cnt) == 0, LG_E(SYS));
    atomic_init(&cs->shared->snapshot, first);
    atomic_init(&cs->shared->drain_ns, LG_NS_NEVER);
    atomic_init(&cs->shared->stop, false);
    return LG_OK;
}

/* One ring from every worker to every other; cnt squared of them, in one piece. */
static lg_err_t open_rings(struct lg_cores *cs)
{
    size_t one_sz =
        lg_align_up(sizeof(struct lg_ring) + LG_CORE_HANDOVER_CNT * sizeof(void *), LG_CACHE_PAIR);

    if (cs->cnt == 1)
        return LG_OK;
    uint8_t *mem = rte_zmalloc("lg_rings", one_sz * cs->cnt * cs->cnt, LG_CACHE_PAIR);
    LG_CHECK(mem != NULL, LG_E(NOMEM));
    cs->rings = mem;
    for (uint32_t from = 0; from < cs->cnt; from++) {
        for (uint32_t to = 0; to < cs->cnt; to++, mem += one_sz) {
            struct lg_ring *ring = (struct lg_ring *)(void *)mem;
            if (from == to)
                continue;
            lg_ring_init(ring, (void **)(void *)(mem + sizeof *ring), LG_CORE_HANDOVER_CNT);
            cs->core[from]->to[to] = ring;
            cs->core[to]->from[from] = ring;
        }
    }
    return LG_OK;
}

static lg_err_t open_all(struct lg_cores *cs, const struct lg_snapshot *first, struct lg_diag *diag)
{
    struct lg_core_plan plan;

    if (rte_lcore_count() < cs->cnt + 1) {
        lg_diag_error(diag, cs->cfg->file, 0, "global.workers", "EAL gave %u lcores, %u are needed",
                      rte_lcore_count(), cs->cnt + 1);
        return LG_E(SYS);
    }
    LG_CHECK(getrandom(cs->nonce, sizeof cs->nonce, 0) == (ssize_t)sizeof cs->nonce, LG_E(SYS));
    LG_TRY(open_shared(cs, first));
    lg_core_plan_make(cs->cfg, &plan);
    LG_TRY(lg_ports_open(cs->cfg, cs->cnt, plan.sz, &cs->ports, diag));
    for (uint32_t i = 0; i < cs->cnt; i++)
        LG_TRY(open_core(cs, i, &plan, diag));
    return open_rings(cs);
}

lg_err_t lg_cores_open(const struct lg_config *cfg, const struct lg_snapshot *first,
                       struct lg_cores *out, struct lg_diag *diag)
{
    *out = (struct lg_cores){.cfg = cfg, .cnt = cfg->worker_cnt};
    lg_err_t e = open_all(out, first, diag);
    if (lg_is_ok(e))
        return LG_OK;
    if (diag->error_cnt == 0)
        lg_diag_error(diag, cfg->file, 0, "global.memory", "workers could not be set up: %s",
                      lg_err_text(e));
    lg_cores_close(out);
    return e;
}

lg_err_t lg_cores_start(struct lg_cores *cs)
{
    for (uint32_t i = 0; i < cs->cnt; i++)
        LG_CHECK(rte_eal_remote_launch(lg_core_main, cs->core[i], cs->core[i]->lcore) == 0,
                 LG_E(SYS));
    return LG_OK;
}

void lg_cores_stop(struct lg_cores *cs)
{
    if (!cs->shared)
        return;
    atomic_store_explicit(&cs->shared->stop, true, memory_order_relaxed);
    for (uint32_t i = 0; i < cs->cnt; i++)
        if (cs->core[i])
            rte_eal_wait_lcore(cs->core[i]->lcore);
}

static void drop_handed_over(struct lg_core *core)
{
    for (uint32_t from = 0; from < core->core_cnt; from++) {
        void *b;
        while (core->from[from] && (b = lg_ring_pop(core->from[from])) != NULL)
            lg_buf_give(b);
    }
}

void lg_cores_close(struct lg_cores *cs)
{
    for (uint32_t i = 0; i < cs->cnt; i++) {
        struct lg_core *core = cs->core[i];
        if (!core)
            continue;
        drop_handed_over(core);
        lg_tls_core_attach(core->tls); /* what the proxy frees goes back to this arena */
        if (core->proxy)
            lg_proxy_fini(core->proxy);
        if (core->tcp)
            lg_tcp_fini(core->tcp);
        if (core->net)
            lg_net_fini(core->net);
        if (core->tls)
            lg_tls_core_fini(core->tls);
        lg_tls_core_attach(NULL);
        rte_free(core->mem);
    }
    if (cs->ports)
        lg_ports_close(cs->ports);
    for (uint32_t i = 0; i < cs->cnt; i++)
        rte_free(cs->core[i]);
    if (cs->shared)
        rte_free(cs->shared->qsv);
    rte_free(cs->shared);
    rte_free(cs->rings);
    *cs = (struct lg_cores){0};
}

uint64_t lg_cores_publish(struct lg_cores *cs, const struct lg_snapshot *s)
{
    /* Pairs with the acquire in the workers' take_orders. */
    atomic_store_explicit(&cs->shared->snapshot, s, memory_order_release);
    return lg_cores_ask(cs);
}

uint64_t lg_cores_ask(struct lg_cores *cs)
{
    return rte_rcu_qsbr_start(cs->shared->qsv);
}

bool lg_cores_is_quiet(struct lg_cores *cs, uint64_t token)
{
    return rte_rcu_qsbr_check(cs->shared->qsv, token, false) == 1;
}

void lg_cores_end(struct lg_cores *cs, uint64_t generation)
{
    atomic_store_explicit(&cs->shared->end_generation, generation, memory_order_relaxed);
}

bool lg_cores_has_answered(const struct lg_cores *cs)
{
    uint64_t seq = atomic_load_explicit(&cs->shared->ask_seq, memory_order_relaxed);

    for (uint32_t k = 0; k < cs->cnt; k++)
        if (atomic_load_explicit(&cs->core[k]->answered_seq, memory_order_acquire) != seq)
            return false;
    return true;
}

lg_err_t lg_cores_query(struct lg_cores *cs, const struct lg_query *ask)
{
    uint64_t seq = atomic_load_explicit(&cs->shared->ask_seq, memory_order_relaxed);

    LG_CHECK(lg_cores_has_answered(cs), LG_E(AGAIN));
    cs->shared->ask = *ask;
    atomic_store_explicit(&cs->shared->ask_seq, seq + 1, memory_order_release);
    return LG_OK;
}

const struct lg_query_answer *lg_core_answer(const struct lg_core *core)
{
    return &core->answer;
}

void lg_core_report(const struct lg_core *core, struct lg_core_report *out)
{
    *out = (struct lg_core_report){
        .stats = &core->stats,
        .tcp_total = core->tcp_total,
        .sessions_total = core->sessions_total,
        .tls_used = lg_tls_core_used(core->tls),
        .tls_total = core->tls_total,
        .tls_arena_used = lg_tls_core_arena_used(core->tls),
        .tls_arena_total = lg_tls_core_arena_total(core->tls),
        .bufs_total = lg_pktpool_total(core->pktpool),
        .bufs_used = lg_pktpool_held(core->pktpool),
        .snapshot_gen = atomic_load_explicit(&core->snapshot_gen, memory_order_relaxed),
        .tsc_hz = rte_get_tsc_hz(),
        .load = &core->load,
        .rtt_ns = lg_tcp_rtt(core->tcp),
    };
    lg_tcp_get_counts(core->tcp, &out->tcp);
    lg_proxy_get_counts(core->proxy, &out->proxy);
}

struct lg_asks *lg_core_asks(struct lg_core *core)
{
    return lg_tls_core_asks(core->tls);
}

void lg_cores_port(const struct lg_cores *cs, uint32_t port_idx, struct lg_port_info *info,
                   struct lg_port_counts *counts)
{
    lg_port_get_info(cs->ports, port_idx, info);
    lg_port_get_counts(cs->ports, port_idx, counts);
}

struct lg_logring *lg_core_log(struct lg_core *core)
{
    return &core->log;
}

void lg_core_say(struct lg_core *core, enum lg_log_level level, const char *text)
{
    lg_logring_put(&core->log, &core->stats, level, "%s", text);
}
