/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_backends.c: pools and backends, and how they are doing, to JSON. What workers write is
 * read with relaxed loads: each number is right by itself, none is exactly of the same moment. */
#include "report.h"

#include "report_priv.h"

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

void lg_backend_sum(const struct lg_seat *seat, lg_ns_t now_ns, struct lg_backend_sums *out)
{
    *out = (struct lg_backend_sums){0};
    for (uint32_t k = 0; k < seat->part_cnt; k++) {
        const struct lg_seat_part *p = &seat->part[k];
        out->active += lg_seat_active(p);
        out->picked += load(&p->picked);
        out->failed += load(&p->failed);
        out->ejected += lg_is_ejected(p, now_ns);
        for (uint32_t i = 0; i < LG_ARRAY_CNT(out->responses); i++)
            out->responses[i] += lg_meter_get(&p->responses[i]);
        lg_hist_sum(&p->connect_ns, &out->connect_ns);
        lg_hist_sum(&p->response_ns, &out->response_ns);
    }
}

const char *lg_backend_state(const struct lg_bal_pool *p, uint32_t idx,
                             const struct lg_backend_sums *sums)
{
    const struct lg_cfg_backend *be = &p->cfg->backends[idx];

    if (be->drain)
        return "drain";
    if (be->weight == 0)
        return "off";
    if (p->checks && p->checks[idx] && lg_check_is_down(p->checks[idx]))
        return "down";
    return sums->ejected ? "ejected" : "up";
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

/* make_responses: how many of each class; what is no response is left out. */
static json_t *make_responses(const uint64_t *cnt)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "2xx", (json_int_t)cnt[2], "3xx", (json_int_t)cnt[3],
                     "4xx", (json_int_t)cnt[4], "5xx", (json_int_t)cnt[5]);
}

/* make_times: since the start, by powers of two. */
static json_t *make_times(const struct lg_hist *h)
{
    uint64_t cnt = lg_hist_cnt(h);

    return json_pack("{s:I,s:I,s:I,s:I}", "count", (json_int_t)cnt, "mean",
                     (json_int_t)(cnt ? h->sum / cnt / 1000 : 0), "p50",
                     (json_int_t)(lg_hist_quantile(h, 500) / 1000), "p99",
                     (json_int_t)(lg_hist_quantile(h, 990) / 1000));
}

/* address_of: of a name that has none, the port alone. */
static const char *address_of(const struct lg_cfg_backend *be, char buf[LG_ENDPOINT_STR_SZ])
{
    if (!lg_ip_is_any(&be->addr.ip))
        return lg_endpoint_text(&be->addr, buf);
    snprintf(buf, LG_ENDPOINT_STR_SZ, "?:%u", be->addr.port);
    return buf;
}

static json_t *make_backend(const struct lg_bal_pool *p, uint32_t i, lg_ns_t now_ns)
{
    const struct lg_cfg_backend *be = &p->cfg->backends[i];
    const struct lg_check *c = p->checks ? p->checks[i] : NULL;
    struct lg_backend_sums n;
    char addr[LG_ENDPOINT_STR_SZ];
    json_t *obj = json_object();

    lg_backend_sum(p->seats[i], now_ns, &n);
    bool good = lg_json_set(obj, "name", json_string(be->name)) &&
                lg_json_set(obj, "address", json_string(address_of(be, addr))) &&
                lg_json_set(obj, "host", be->host ? json_string(be->host) : json_null()) &&
                lg_json_set(obj, "state", json_string(lg_backend_state(p, i, &n))) &&
                lg_json_u64(obj, "weight", be->weight) &&
                lg_json_set(obj, "backup", json_boolean(be->backup)) &&
                lg_json_u64(obj, "max_connections", be->max_connections) &&
                lg_json_u64(obj, "connections", n.active) && lg_json_u64(obj, "picked", n.picked) &&
                lg_json_u64(obj, "failed", n.failed) &&
                lg_json_u64(obj, "ejected_workers", n.ejected) &&
                lg_json_set(obj, "responses", make_responses(n.responses)) &&
                lg_json_set(obj, "connect_us", make_times(&n.connect_ns)) &&
                lg_json_set(obj, "response_us", make_times(&n.response_ns)) &&
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
