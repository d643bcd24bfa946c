/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_workers.c: workers, ports and snapshots to JSON. */
#include "report.h"

#include "report_priv.h"

/* ---------------------------------------------------------------- workers */

static uint64_t ns_of(uint64_t cycles, uint64_t tsc_hz)
{
    return tsc_hz ? (uint64_t)((double)cycles * 1e9 / (double)tsc_hz) : 0;
}

static json_t *make_pools(const struct lg_report *r, uint32_t worker)
{
    json_t *obj = json_object();
    bool good = true;

    for (int i = 0; i < LG_SAMPLE_POOL_CNT; i++) {
        enum lg_sample_pool pool = (enum lg_sample_pool)i;
        const struct lg_core_report *w = &r->workers[worker];
        json_t *one = json_pack("{s:I,s:I,s:I}", "used", (json_int_t)lg_sample_used(w, pool),
                                "peak", (json_int_t)r->samples->peak[worker][i], "total",
                                (json_int_t)lg_sample_total(w, pool));
        good = lg_json_set(obj, lg_sample_name(pool), one) && good;
    }
    return lg_json_done(obj, good);
}

/* make_stages: shares of the time of busy turns, since the start; empty: none was sampled yet. */
static json_t *make_stages(const struct lg_load *load)
{
    json_t *obj = json_object();
    uint64_t all = 0;
    bool good = true;

    for (int i = 0; i < LG_STAGE_CNT; i++)
        all += load->stage[i];
    for (int i = 0; all && i < LG_STAGE_CNT; i++)
        good = lg_json_set(obj, lg_stage_name((enum lg_stage)i),
                           json_real((double)load->stage[i] / (double)all)) &&
               good;
    return lg_json_done(obj, good);
}

static json_t *make_worker(const struct lg_report *r, uint32_t k)
{
    const struct lg_core_report *w = &r->workers[k];
    struct lg_recent recent;
    struct lg_load load;
    json_t *obj = json_object();

    lg_samples_recent(r->samples, k, &recent);
    lg_load_read(w->load, &load);
    uint64_t max = LG_MAX(load.max[0], load.max[1]);
    return lg_json_done(obj, lg_json_u64(obj, "worker", k) && lg_json_u64(obj, "cpu", r->cpus[k]) &&
                                 lg_json_u64(obj, "generation", w->snapshot_gen) &&
                                 lg_json_set(obj, "busy", json_real(recent.busy)) &&
                                 lg_json_u64(obj, "busy_turns", recent.turns) &&
                                 lg_json_u64(obj, "turn_p50_ns", ns_of(recent.p50, w->tsc_hz)) &&
                                 lg_json_u64(obj, "turn_p99_ns", ns_of(recent.p99, w->tsc_hz)) &&
                                 lg_json_u64(obj, "turn_max_ns", ns_of(max, w->tsc_hz)) &&
                                 lg_json_set(obj, "stages", make_stages(&load)) &&
                                 lg_json_set(obj, "pools", make_pools(r, k)));
}

json_t *lg_report_workers(const struct lg_report *r)
{
    json_t *obj = lg_json_answer(r->generation), *list = json_array();
    bool good = true;

    for (uint32_t k = 0; k < r->worker_cnt; k++)
        good = json_array_append_new(list, make_worker(r, k)) == 0 && good;
    good = lg_json_set(obj, "workers", list) && good;
    return lg_json_done(obj, good);
}

/* ---------------------------------------------------------------- ports */

static json_t *make_addresses(const struct lg_cfg_port *p)
{
    json_t *list = json_array();
    char ip[LG_IP_STR_SZ];
    bool good = true;

    for (uint32_t i = 0; i < p->address_cnt; i++)
        good = json_array_append_new(list, json_string(lg_ip_text(&p->addresses[i].ip, ip))) == 0 &&
               good;
    return lg_json_done(list, good);
}

static json_t *make_port(const struct lg_report_port *p)
{
    const struct lg_port_counts *c = &p->counts;
    json_t *obj = json_object();

    return lg_json_done(obj, lg_json_set(obj, "name", json_string(p->cfg->name)) &&
                                 lg_json_set(obj, "device", json_string(p->cfg->device)) &&
                                 lg_json_set(obj, "driver", json_string(p->info.driver)) &&
                                 lg_json_set(obj, "addresses", make_addresses(p->cfg)) &&
                                 lg_json_set(obj, "up", json_boolean(c->is_up)) &&
                                 lg_json_u64(obj, "speed_mbps", c->speed_mbps) &&
                                 lg_json_u64(obj, "mtu", p->info.mtu) &&
                                 lg_json_u64(obj, "queues", p->info.queue_cnt) &&
                                 lg_json_set(obj, "rss", json_boolean(p->info.has_rss)) &&
                                 lg_json_u64(obj, "rx_packets", c->rx_packets) &&
                                 lg_json_u64(obj, "rx_bytes", c->rx_bytes) &&
                                 lg_json_u64(obj, "tx_packets", c->tx_packets) &&
                                 lg_json_u64(obj, "tx_bytes", c->tx_bytes) &&
                                 lg_json_u64(obj, "rx_missed", c->rx_missed) &&
                                 lg_json_u64(obj, "rx_no_buffer", c->rx_no_buf) &&
                                 lg_json_u64(obj, "rx_errors", c->rx_errors) &&
                                 lg_json_u64(obj, "tx_errors", c->tx_errors));
}

/* make_drops: what the workers have dropped, by reason; those that never happened are left out. */
static json_t *make_drops(const struct lg_report *r)
{
    json_t *obj = json_object();
    bool good = true;

    for (int id = 0; id < LG_STAT_CNT; id++) {
        const char *name = lg_stat_name((enum lg_stat)id);
        uint64_t sum = 0;
        for (uint32_t k = 0; k < r->worker_cnt; k++)
            sum += lg_stat_get(r->workers[k].stats, (enum lg_stat)id);
        if (sum && strncmp(name, "drop_", 5) == 0)
            good = lg_json_u64(obj, name + 5, sum) && good;
    }
    return lg_json_done(obj, good);
}

json_t *lg_report_ports(const struct lg_report *r)
{
    json_t *obj = lg_json_answer(r->generation), *list = json_array();
    bool good = true;

    for (uint32_t i = 0; i < r->port_cnt; i++)
        good = json_array_append_new(list, make_port(&r->ports[i])) == 0 && good;
    good = lg_json_set(obj, "ports", list) && good;
    good = lg_json_set(obj, "drops", make_drops(r)) && good;
    return lg_json_done(obj, good);
}

/* ---------------------------------------------------------------- snapshots */

/* make_snapshot: who holds it: sessions, and the worker itself while it is the one it uses. */
static json_t *make_snapshot(const struct lg_report *r, const struct lg_snapshot *s,
                             const struct lg_retired *old)
{
    json_t *obj = json_object(), *held = json_array();
    bool good = lg_json_u64(obj, "generation", s->generation) &&
                lg_json_set(obj, "state", json_string(old ? "retired" : "current"));

    if (old)
        good = good &&
               lg_json_u64(obj, "retired_ms", lg_ns_since(r->now_ns, old->since_ns) / LG_MS(1));
    for (uint32_t k = 0; k < s->worker_cnt; k++) {
        uint64_t pins = atomic_load_explicit(&s->workers[k].pins, memory_order_relaxed);
        bool is_used = r->workers[k].snapshot_gen == s->generation;
        if (pins)
            good = json_array_append_new(held, json_pack("{s:I,s:I,s:b}", "worker", (json_int_t)k,
                                                         "connections",
                                                         (json_int_t)(pins - (is_used && pins > 0)),
                                                         "in_use", (int)is_used)) == 0 &&
                   good;
    }
    good = lg_json_set(obj, "held_by", held) && good;
    return lg_json_done(obj, good);
}

json_t *lg_report_snapshots(const struct lg_report *r)
{
    json_t *obj = lg_json_answer(r->generation), *list = json_array();
    bool good = json_array_append_new(list, make_snapshot(r, r->snapshot, NULL)) == 0;

    for (const struct lg_retired *old = r->reload->retired; old; old = old->next)
        good = json_array_append_new(list, make_snapshot(r, old->snapshot, old)) == 0 && good;
    good = lg_json_set(obj, "snapshots", list) && good;
    return lg_json_done(obj, good);
}
