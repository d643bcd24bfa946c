/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c: numbers to JSON. */
#include "report.h"

#include "report_priv.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* finish gives the text and drops the object; good: was everything added? */
static char *finish(json_t *obj, bool good)
{
    char *text = good ? json_dumps(obj, JSON_COMPACT) : NULL;

    json_decref(obj);
    return text;
}

static bool add_counters(json_t *obj, const struct lg_report *r, uint32_t first, uint32_t cnt)
{
    bool good = true;

    for (int id = 0; id < LG_STAT_CNT; id++) {
        uint64_t sum = 0;
        for (uint32_t k = first; k < first + cnt; k++)
            sum += lg_stat_get(r->workers[k].stats, (enum lg_stat)id);
        good = lg_json_u64(obj, lg_stat_name((enum lg_stat)id), sum) && good;
    }
    return good;
}

static bool add_gauges(json_t *obj, const struct lg_report *r, uint32_t first, uint32_t cnt)
{
    bool good = true;
#define X(name, field)                                                                             \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        for (uint32_t k = first; k < first + cnt; k++)                                             \
            sum += r->workers[k].field;                                                            \
        good = lg_json_u64(obj, #name, sum) && good;                                               \
    }
    LG_REPORT_GAUGES(X)
#undef X
    return good;
}

static json_t *make_worker(const struct lg_report *r, uint32_t k)
{
    json_t *obj = json_object();
    bool good = lg_json_u64(obj, "worker", k) && lg_json_u64(obj, "cpu", r->cpus[k]) &&
                lg_json_u64(obj, "snapshot_gen", r->workers[k].snapshot_gen) &&
                add_counters(obj, r, k, 1) && add_gauges(obj, r, k, 1);

    if (good)
        return obj;
    json_decref(obj);
    return NULL;
}

static bool add_crls(json_t *obj, const struct lg_tls_crl_totals *crls)
{
    return lg_json_u64(obj, "crl_lists", crls->lists) &&
           lg_json_u64(obj, "crl_entries", crls->entries) &&
           lg_json_u64(obj, "crl_bytes", crls->bytes);
}

static bool add_dns(json_t *obj, const struct lg_dns_counts *c)
{
    return lg_json_u64(obj, "dns_names", c->names) &&
           lg_json_u64(obj, "dns_unresolved", c->unresolved) &&
           lg_json_u64(obj, "dns_stale", c->stale) && lg_json_u64(obj, "dns_queries", c->queries) &&
           lg_json_u64(obj, "dns_answers", c->answers) &&
           lg_json_u64(obj, "dns_fail_none", c->fail_none) &&
           lg_json_u64(obj, "dns_fail_timeout", c->fail_timeout) &&
           lg_json_u64(obj, "dns_fail_other", c->fail_other) &&
           lg_json_u64(obj, "dns_changes", c->changes) &&
           lg_json_u64(obj, "dns_expired", c->expired);
}

char *lg_report_stats(const struct lg_report *r)
{
    json_t *obj = json_object(), *totals = json_object(), *workers = json_array();
    bool good =
        add_counters(totals, r, 0, r->worker_cnt) && add_gauges(totals, r, 0, r->worker_cnt);

    for (uint32_t k = 0; k < r->worker_cnt; k++)
        good = json_array_append_new(workers, make_worker(r, k)) == 0 && good;
    good = add_crls(obj, &r->crls) && add_dns(obj, &r->dns) && good;
    good = lg_json_u64(obj, "ocsp_fetched", r->ocsp.fetched) &&
           lg_json_u64(obj, "ocsp_good", r->ocsp.good) &&
           lg_json_u64(obj, "ocsp_failing", r->ocsp.failing) && good;
    good = lg_json_u64(obj, "log_written", r->log.written) &&
           lg_json_u64(obj, "log_lost", r->log.lost) && good;
    good = lg_json_set(obj, "ok", json_true()) &&
           lg_json_set(obj, "version", json_string(LG_VERSION)) &&
           lg_json_u64(obj, "generation", r->generation) &&
           lg_json_u64(obj, "retired", r->retired_cnt) &&
           lg_json_set(obj, "draining", json_boolean(r->is_draining)) &&
           lg_json_u64(obj, "uptime_s", r->uptime_s) &&
           lg_json_u64(obj, "tsc_hz", r->worker_cnt ? r->workers[0].tsc_hz : 0) && good;
    good = lg_json_set(obj, "totals", totals) &&
           good; /* both take the reference, also when they fail */
    good = lg_json_set(obj, "workers", workers) && good;
    return finish(obj, good);
}

char *lg_report_status(const struct lg_report *r)
{
    const struct lg_snapshot *s = r->snapshot;
    json_t *obj = json_object();
    bool good = lg_json_set(obj, "ok", json_true()) &&
                lg_json_set(obj, "version", json_string(LG_VERSION)) &&
                lg_json_u64(obj, "pid", (uint64_t)getpid()) &&
                lg_json_set(obj, "state", json_string(r->is_draining ? "draining" : "running")) &&
                lg_json_u64(obj, "uptime_s", r->uptime_s) &&
                lg_json_u64(obj, "generation", r->generation) &&
                lg_json_u64(obj, "retired", r->retired_cnt) &&
                lg_json_set(obj, "config", json_string(s->cfg->file)) &&
                lg_json_u64(obj, "workers", r->worker_cnt) &&
                lg_json_u64(obj, "listeners", s->listener_cnt) &&
                lg_json_u64(obj, "pools", s->pool_cnt) && add_gauges(obj, r, 0, r->worker_cnt);

    return finish(obj, good);
}

char *lg_report_version(const char *dpdk)
{
    json_t *obj = json_object();
    bool good = lg_json_set(obj, "ok", json_true()) &&
                lg_json_set(obj, "version", json_string(LG_VERSION)) &&
                lg_json_set(obj, "wolfssl", json_string(LG_WOLFSSL_VERSION)) &&
                lg_json_set(obj, "dpdk", json_string(dpdk));

    return finish(obj, good);
}

json_t *lg_json_text(const char *text)
{
    json_t *s = json_string(text);
    char safe[4 * LG_DIAG_TEXT_SZ];

    return s ? s : json_string(lg_log_escape(lg_span_cstr(text), safe, sizeof safe));
}

json_t *lg_json_time(int64_t t)
{
    char text[32];
    time_t at = (time_t)t;
    struct tm tm;

    if (t == INT64_MAX || !gmtime_r(&at, &tm) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return json_null();
    return json_string(text);
}

bool lg_json_ends(json_t *obj, int64_t not_after_s, int64_t now_s)
{
    int64_t left_s = not_after_s - now_s, day_s = 86400;

    /* Rounded down: a certificate that has expired an hour ago has -1 days left. */
    return lg_json_set(obj, "not_after", lg_json_time(not_after_s)) &&
           lg_json_set(
               obj, "days_left",
               json_integer(left_s >= 0 ? left_s / day_s : -((day_s - 1 - left_s) / day_s)));
}

json_t *lg_json_answer(uint64_t generation)
{
    json_t *obj = json_object();

    return lg_json_done(obj, lg_json_set(obj, "ok", json_true()) &&
                                 lg_json_u64(obj, "generation", generation));
}

char *lg_report_reload(lg_err_t err, uint64_t generation, const struct lg_diag *diag)
{
    json_t *obj = json_object(), *messages = json_array();
    bool good = lg_json_set(obj, "ok", json_boolean(lg_is_ok(err))) &&
                lg_json_u64(obj, "generation", generation);

    if (!lg_is_ok(err))
        good = lg_json_set(obj, "error", json_string(lg_err_text(err))) && good;
    for (uint32_t i = 0; i < diag->kept_cnt; i++) {
        char text[LG_DIAG_TEXT_SZ + 16];
        snprintf(text, sizeof text, "%s: %s", diag->msg[i].is_error ? "error" : "warning",
                 diag->msg[i].text);
        good = json_array_append_new(messages, lg_json_text(text)) == 0 && good;
    }
    good = lg_json_set(obj, "messages", messages) && good;
    return finish(obj, good);
}
