/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c: what was measured, for people. report_json.c says the same to machines. */
#include "report.h"

#include <stdio.h>
#include <string.h>

static const char *error_name(uint32_t e)
{
    static const char *const names[BL_E_CNT] = {
#define X(name, text) [BL_E_##name] = text,
#include "errors.def"
#undef X
    };
    return names[e];
}

void bl_each_error(const struct bl_result *r, bl_error_fn *fn, void *ctx)
{
    char name[64];
    for (uint32_t i = 0; i < BL_E_CNT; i++)
        if (r->errors[i])
            fn(ctx, error_name(i), r->errors[i]);
    for (uint32_t i = 0; i < LG_ARRAY_CNT(r->alerts); i++) {
        snprintf(name, sizeof name, "tls_alert_%s", lg_tls_alert_name((uint8_t)i));
        if (r->alerts[i])
            fn(ctx, name, r->alerts[i]);
    }
    for (uint32_t i = 0; i < LG_ARRAY_CNT(r->statuses); i++) {
        snprintf(name, sizeof name, "http_%u", i);
        if (r->statuses[i])
            fn(ctx, name, r->statuses[i]);
    }
}

static void add(void *ctx, const char *name, uint64_t cnt)
{
    (void)name;
    *(uint64_t *)ctx += cnt;
}

uint64_t bl_group_errors(const struct bl_group *g)
{
    uint64_t sum = 0;
    bl_each_error(&g->r, add, &sum);
    return sum;
}

uint64_t bl_error_cnt(const struct bl_worker *w)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->group_cnt; i++)
        sum += bl_group_errors(&w->groups[i]);
    return sum;
}

uint64_t bl_op_cnt(const struct bl_worker *w)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->group_cnt; i++)
        sum += w->groups[i].r.ops;
    return sum;
}

double bl_group_seconds(const struct bl_group *g)
{
    const struct bl_worker *w = g->w;
    if (g->o->kind == BL_IDLE)
        return (double)lg_ns_since(g->ramp_end_ns ? g->ramp_end_ns : w->to_ns, g->start_ns) / 1e9;
    lg_ns_t from_ns = LG_MAX(w->from_ns, g->start_ns);
    lg_ns_t to_ns = LG_MIN(lg_ns_add(w->from_ns, w->measured_ns), g->stop_ns);
    return (double)lg_ns_since(to_ns, from_ns) / 1e9;
}

double bl_busy(const struct bl_worker *w)
{
    return w->total_tsc ? (double)w->busy_tsc / (double)w->total_tsc : 0;
}

double bl_cpu(const struct bl_worker *w)
{
    double share = w->measured_ns ? (double)w->cpu_ns / (double)w->measured_ns : 0;
    return share > 1 ? 1 : share;
}

bool bl_is_cpu_shared(const struct bl_worker *w)
{
    return w->o->idle == BL_IDLE_POLL && bl_cpu(w) < BL_CPU_LIMIT;
}

enum bl_limit bl_limit(const struct bl_worker *w)
{
    bool all_met = true;
    if (bl_busy(w) > BL_BUSY_LIMIT)
        return BL_BY_GENERATOR;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        const struct bl_group *g = &w->groups[i];
        double s = bl_group_seconds(g);
        bool met = g->o->kind == BL_IDLE || g->o->kind == BL_SLOW
                       ? g->open_at_end == g->conn_cnt || g->o->kind == BL_SLOW
                       : g->o->rate > 0 && s > 0 && (double)g->r.ops / s >= 0.99 * g->o->rate;
        all_met = all_met && met;
    }
    return all_met ? BL_BY_RATE : BL_BY_SERVER;
}

const char *bl_limit_name(enum bl_limit l)
{
    static const char *const names[] = {"generator", "rate", "server"};
    return names[l];
}

/* ---------------------------------------------------------------- for people */

static void print_error(void *ctx, const char *name, uint64_t cnt)
{
    fprintf(ctx, "    %-36s %12llu\n", name, (unsigned long long)cnt);
}

static void print_latency(const struct bl_hist *h, FILE *out)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};
    if (h->cnt == 0)
        return;
    fprintf(out, "  latency, us: ");
    for (size_t i = 0; i < LG_ARRAY_CNT(rows); i++)
        fprintf(out, " %s %.1f", rows[i].name, (double)bl_hist_at(h, rows[i].share) / 1e3);
    fprintf(out, "  max %.1f  mean %.1f\n", (double)h->max_ns / 1e3, bl_hist_mean(h) / 1e3);
}

static void print_group(const struct bl_group *g, FILE *out)
{
    char target[LG_ENDPOINT_STR_SZ];
    double s = bl_group_seconds(g);
    uint64_t bytes = g->r.bytes_in + g->r.bytes_out, unfinished = bl_unfinished(g);
    if (strcmp(g->o->name, bl_kind_name(g->o->kind)) == 0)
        fprintf(out, "%s", g->o->name);
    else
        fprintf(out, "%s (%s)", g->o->name, bl_kind_name(g->o->kind));
    fprintf(out, " -> %s", lg_endpoint_text(&g->o->target, target));
    if (g->info.version)
        fprintf(out, ", TLS 1.%u %s %s%s", g->info.version - 0x301u, g->info.suite, g->info.group,
                g->policy && *g->o->verify ? ", server verified" : "");
    fprintf(out, "\n  %llu operations in %.3f s: %.1f /s", (unsigned long long)g->r.ops, s,
            s > 0 ? (double)g->r.ops / s : 0);
    if (g->o->rate > 0)
        fprintf(out, " (asked for %.1f)", g->o->rate);
    if (bytes && s > 0)
        fprintf(out, ", %.2f MB/s", (double)bytes / s / 1e6);
    fprintf(out, "\n");
    print_latency(&g->r.latency, out);
    if (g->o->kind == BL_SLOW)
        fprintf(out, "  %llu connections ended by the server (latency: after how long)\n",
                (unsigned long long)g->r.shed);
    if (g->conn_cnt && g->o->kind != BL_HANDSHAKE && g->o->kind != BL_RESUME)
        fprintf(out, "  %u of %u connections open at the end\n", g->open_at_end, g->conn_cnt);
    if (unfinished)
        fprintf(out, "  %llu operations were due and could not be begun: the rate is too high\n",
                (unsigned long long)unfinished);
    if (bl_group_errors(g) > 0)
        fprintf(out, "  errors:\n");
    bl_each_error(&g->r, print_error, out);
}

static void print_generator(const struct bl_worker *w, FILE *out)
{
    uint64_t ops = bl_op_cnt(w);
    fprintf(out, "generator: %.1f %% busy", 100 * bl_busy(w));
    if (ops)
        fprintf(out, ", %.0f cycles an operation", (double)w->busy_tsc / (double)ops);
    fprintf(out, "; %llu frames sent, %llu received\n", (unsigned long long)w->tx_pkts,
            (unsigned long long)w->rx_pkts);
    if (w->o->reuse_key_share)
        fprintf(out, "  key shares were reused for a second each\n");
    if (w->o->skip_signature)
        fprintf(out, "  the server's ECDSA signatures were not checked\n");
    if (bl_limit(w) == BL_BY_GENERATOR)
        fprintf(out, "  GENERATOR-LIMITED: more than %.0f %% busy; the server may be faster\n",
                100 * BL_BUSY_LIMIT);
    if (bl_is_cpu_shared(w))
        fprintf(out,
                "  CPU SHARED: the worker had CPU %llu for %.1f %% of the time only; rates and "
                "latencies are not to be trusted\n",
                (unsigned long long)w->o->cpu, 100 * bl_cpu(w));
    if (w->is_interrupted)
        fprintf(out, "  interrupted: this is what was measured until then\n");
}

void bl_report_text(const struct bl_worker *w, FILE *out)
{
    for (uint32_t i = 0; i < w->group_cnt; i++)
        if (w->groups[i].o->kind != BL_ORIGIN)
            print_group(&w->groups[i], out);
    print_generator(w, out);
    if (w->origin) {
        const struct bl_origin_counts *c = bl_origin_counts(w->origin);
        fprintf(out,
                "origin: %llu requests, %llu bytes out, %llu in, %llu bad requests, %llu bad "
                "uploads\n",
                (unsigned long long)c->requests, (unsigned long long)c->bytes_out,
                (unsigned long long)c->bytes_in, (unsigned long long)c->bad_requests,
                (unsigned long long)c->bad_uploads);
    }
}

bool bl_report_hgrm(const struct bl_worker *w, const char *path)
{
    FILE *f = fopen(path, "we");
    if (!f) {
        fprintf(stderr, "lockgate-blast: --hgrm: cannot write %s: %m\n", path);
        return false;
    }
    bl_hist_print(&w->groups[0].r.latency, f);
    return fclose(f) == 0;
}
