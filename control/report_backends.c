/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_backends.c: pools and backends, and how they are doing, to JSON. What workers write is
 * read with relaxed loads: each number is right by itself, none is exactly of the same moment. */
#include "report.h"

#include "report_priv.h"

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

/* What is known of one backend over all workers. */
struct sums {
    uint64_t active, picked, failed, ejected;
};

static struct sums sum_of(const struct lg_seat *seat, lg_ns_t now_ns)
{
    struct sums n = {0};

    for (uint32_t k = 0; k < seat->part_cnt; k++) {
        const struct lg_seat_part *p = &seat->part[k];
        n.active += lg_seat_active(p);
        n.picked += load(&p->picked);
        n.failed += load(&p->failed);
        n.ejected += lg_is_ejected(p, now_ns);
    }
    return n;
}

/* state_of: in one word, what keeps a backend from work, or "up". */
static const char *state_of(const struct lg_cfg_backend *be, const struct lg_check *c,
                            const struct sums *n)
{
    if (be->drain)
        return "drain";
    if (be->weight == 0)
        return "off";
    if (c && lg_check_is_down(c))
        return "down";
    if (n->ejected)
        return "ejected";
    return "up";
}

static json_t *make_check(const struct lg_check *c, lg_ns_t now_ns)
{
    json_t *obj = json_object();
    uint64_t at_ns = load(&c->at_ns);
    enum lg_check_result r =
        (enum lg_check_result)atomic_load_explicit(&c->result, memory_order_relaxed);
    bool good =
        lg_json_set(obj, "result", json_string(lg_check_text(r))) &&
        lg_json_u64(obj, "detail", atomic_load_explicit(&c->detail, memory_order_relaxed)) &&
        lg_json_u64(obj, "took_us", atomic_load_explicit(&c->took_us, memory_order_relaxed)) &&
        lg_json_set(obj, "ago_ms",
                    at_ns ? json_integer((json_int_t)(lg_ns_since(now_ns, at_ns) / LG_MS(1)))
                          : json_null()) &&
        lg_json_u64(obj, "count", load(&c->cnt)) &&
        lg_json_u64(obj, "failed", load(&c->failed_cnt)) && lg_json_u64(obj, "worker", c->worker);

    if (good)
        return obj;
    json_decref(obj);
    return NULL;
}

static json_t *make_backend(const struct lg_bal_pool *p, uint32_t i, lg_ns_t now_ns)
{
    const struct lg_cfg_backend *be = &p->cfg->backends[i];
    const struct lg_check *c = p->checks ? p->checks[i] : NULL;
    struct sums n = sum_of(p->seats[i], now_ns);
    char addr[LG_ENDPOINT_STR_SZ];
    json_t *obj = json_object();
    bool good = lg_json_set(obj, "name", json_string(be->name)) &&
                lg_json_set(obj, "address", json_string(lg_endpoint_text(&be->addr, addr))) &&
                lg_json_set(obj, "state", json_string(state_of(be, c, &n))) &&
                lg_json_u64(obj, "weight", be->weight) &&
                lg_json_set(obj, "backup", json_boolean(be->backup)) &&
                lg_json_u64(obj, "max_connections", be->max_connections) &&
                lg_json_u64(obj, "connections", n.active) && lg_json_u64(obj, "picked", n.picked) &&
                lg_json_u64(obj, "failed", n.failed) &&
                lg_json_u64(obj, "ejected_workers", n.ejected) &&
                lg_json_set(obj, "check", c ? make_check(c, now_ns) : json_null());

    if (good)
        return obj;
    json_decref(obj);
    return NULL;
}

static const char *balance_text(enum lg_balance how)
{
    static const char *const words[] = {"roundrobin", "leastconn", "ewma",  "source",
                                        "uri",        "header",    "cookie"};
    return (size_t)how < LG_ARRAY_CNT(words) ? words[how] : "?";
}

static json_t *make_pool(const struct lg_bal_pool *p, lg_ns_t now_ns)
{
    json_t *obj = json_object(), *backends = json_array();
    bool good = lg_json_set(obj, "name", json_string(p->cfg->name)) &&
                lg_json_set(obj, "balance", json_string(balance_text(p->cfg->balance.how)));

    for (uint32_t i = 0; i < p->cnt; i++)
        good = json_array_append_new(backends, make_backend(p, i, now_ns)) == 0 && good;
    good = lg_json_set(obj, "backends", backends) &&
           good; /* takes the reference, also when it fails */
    if (good)
        return obj;
    json_decref(obj);
    return NULL;
}

char *lg_report_backends(const struct lg_snapshot *s, lg_ns_t now_ns)
{
    json_t *obj = json_object(), *pools = json_array();
    bool good =
        lg_json_set(obj, "ok", json_true()) && lg_json_u64(obj, "generation", s->generation);

    for (uint32_t i = 0; i < s->pool_cnt; i++)
        good = json_array_append_new(pools, make_pool(&s->pools[i].bal, now_ns)) == 0 && good;
    good = lg_json_set(obj, "pools", pools) && good;
    char *text = good ? json_dumps(obj, JSON_COMPACT) : NULL;
    json_decref(obj);
    return text;
}
