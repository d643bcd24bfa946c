/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_json.c: the report as one JSON object; its members are listed in README.md. */
#include "report.h"

#include <jansson.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>

static void put(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v); /* a report that misses one fails at the end: see whole */
}

static void put_u64(json_t *o, const char *key, uint64_t v)
{
    put(o, key, json_integer((json_int_t)v));
}

static void put_real(json_t *o, const char *key, double v)
{
    put(o, key, json_real(v));
}

static void put_str(json_t *o, const char *key, const char *v)
{
    put(o, key, json_string(v));
}

static void put_error(void *ctx, const char *name, uint64_t cnt)
{
    json_t *o = ctx;
    put_u64(o, name, cnt + (uint64_t)json_integer_value(json_object_get(o, name)));
}

static json_t *latency_of(const struct bl_hist *h)
{
    json_t *o = json_object();
    put_u64(o, "cnt", h->cnt);
    put_real(o, "min", h->cnt ? (double)h->min_ns / 1e3 : 0);
    put_real(o, "mean", bl_hist_mean(h) / 1e3);
    put_real(o, "p50", (double)bl_hist_at(h, 0.5) / 1e3);
    put_real(o, "p90", (double)bl_hist_at(h, 0.9) / 1e3);
    put_real(o, "p99", (double)bl_hist_at(h, 0.99) / 1e3);
    put_real(o, "p999", (double)bl_hist_at(h, 0.999) / 1e3);
    put_real(o, "p9999", (double)bl_hist_at(h, 0.9999) / 1e3);
    put_real(o, "max", (double)h->max_ns / 1e3);
    return o;
}

static json_t *tls_of(const struct bl_group *g)
{
    const struct bl_opts *o = g->w->o;
    json_t *t = json_object();
    if (!g->policy)
        return json_null();
    put_str(t, "version",
            g->info.version == LG_TLS_13   ? "1.3"
            : g->info.version == LG_TLS_12 ? "1.2"
                                           : "");
    put_str(t, "suite", g->info.suite ? g->info.suite : "");
    put_str(t, "group", g->info.group ? g->info.group : "");
    put_u64(t, "full", g->r.full);
    put_u64(t, "resumed", g->r.resumed);
    put_str(t, "verify", *g->o->verify ? "chain" : "none");
    put(t, "signature_checked", json_boolean(!o->skip_signature));
    put(t, "key_share_reused", json_boolean(o->reuse_key_share));
    return t;
}

/* put_sums: what a group has and the whole run has, too. */
static void put_sums(json_t *o, const struct bl_result *r, double seconds)
{
    put_u64(o, "ops", r->ops);
    put_real(o, "ops_per_s", seconds > 0 ? (double)r->ops / seconds : 0);
    put_u64(o, "bytes_in", r->bytes_in);
    put_u64(o, "bytes_out", r->bytes_out);
    put_real(o, "bytes_per_s", seconds > 0 ? (double)(r->bytes_in + r->bytes_out) / seconds : 0);
    put_u64(o, "shed", r->shed);
}

static json_t *group_of(const struct bl_group *g)
{
    char target[LG_ENDPOINT_STR_SZ];
    json_t *o = json_object(), *errors = json_object();
    double s = bl_group_seconds(g);
    put_str(o, "name", g->o->name);
    put_str(o, "scenario", bl_kind_name(g->o->kind));
    put_str(o, "target", lg_endpoint_text(&g->o->target, target));
    put_u64(o, "connections", g->conn_cnt);
    put_real(o, "rate", g->o->rate);
    put_real(o, "duration_s", s);
    put_sums(o, &g->r, s);
    bl_each_error(&g->r, put_error, errors);
    put(o, "errors", errors);
    put_u64(o, "error_cnt", bl_group_errors(g));
    put_u64(o, "unfinished", bl_unfinished(g));
    put(o, "latency_us", latency_of(&g->r.latency));
    put_u64(o, "open", g->open_at_end);
    put(o, "tls", tls_of(g));
    return o;
}

static json_t *origin_of(const struct bl_worker *w)
{
    json_t *o = json_object();
    if (!w->origin)
        return json_null();
    const struct bl_origin_counts *c = bl_origin_counts(w->origin);
    put_u64(o, "requests", c->requests);
    put_u64(o, "bytes_in", c->bytes_in);
    put_u64(o, "bytes_out", c->bytes_out);
    put_u64(o, "bad_requests", c->bad_requests);
    put_u64(o, "bad_uploads", c->bad_uploads);
    return o;
}

static void put_generator(json_t *o, const struct bl_worker *w)
{
    uint64_t ops = bl_op_cnt(w);
    put_real(o, "gen_busy", bl_busy(w));
    put_real(o, "gen_cpu", bl_cpu(w));
    put(o, "gen_cpu_shared", json_boolean(bl_is_cpu_shared(w)));
    put_real(o, "gen_cycles_per_op", ops ? (double)w->busy_tsc / (double)ops : 0);
    put_u64(o, "gen_busy_cycles", w->busy_tsc);
    put_u64(o, "tsc_hz", rte_get_tsc_hz());
    put_u64(o, "rx_pkts", w->rx_pkts);
    put_u64(o, "tx_pkts", w->tx_pkts);
    put_str(o, "limited_by", bl_limit_name(bl_limit(w)));
}

static json_t *whole(const struct bl_worker *w)
{
    const struct bl_group *first = &w->groups[0];
    struct bl_result sum = {0};
    json_t *o = group_of(first), *errors = json_object(), *groups = json_array();
    uint64_t unfinished = 0, conns = 0;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        const struct bl_group *g = &w->groups[i];
        sum.ops += g->r.ops;
        sum.bytes_in += g->r.bytes_in;
        sum.bytes_out += g->r.bytes_out;
        sum.shed += g->r.shed;
        unfinished += bl_unfinished(g);
        conns += g->conn_cnt;
        bl_each_error(&g->r, put_error, errors);
        (void)json_array_append_new(groups, group_of(g));
    }
    put_str(o, "tool", "lockgate-blast");
    put_str(o, "version", LG_VERSION);
    if (w->group_cnt > 1) {
        put_str(o, "scenario", "mix");
        (void)json_object_del(o, "name");
        put_sums(o, &sum, (double)w->measured_ns / 1e9);
    }
    put_real(o, "warmup_s", (double)w->o->warmup_ns / 1e9);
    put(o, "interrupted", json_boolean(w->is_interrupted));
    put_u64(o, "connections", conns);
    put(o, "errors", errors);
    put_u64(o, "error_cnt", bl_error_cnt(w));
    put_u64(o, "unfinished", unfinished);
    put_generator(o, w);
    put(o, "origin", origin_of(w));
    put(o, "groups", groups);
    return o;
}

bool bl_report_json(const struct bl_worker *w, const char *path)
{
    json_t *o = whole(w);
    int ret = strcmp(path, "-") == 0
                  ? json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12))
                  : json_dump_file(o, path, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(o);
    if (strcmp(path, "-") == 0)
        ret |= fputc('\n', stdout) == EOF || fflush(stdout) != 0;
    if (ret != 0)
        fprintf(stderr, "lockgate-blast: --json: cannot write %s: %m\n", path);
    return ret == 0;
}
