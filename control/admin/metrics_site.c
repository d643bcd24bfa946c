/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_site.c: what Prometheus is told of listeners, certificates and backends. */
#include "metrics_priv.h"

#include "policy_info.h"
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- listeners */

static const char *name_of(const struct lg_listener *l, char labels[LG_LABELS_SZ])
{
    return lg_labels(labels, "listener", l->cfg->name, NULL);
}

/* put_handshakes leaves out what never happened: most suites with most groups never do. */
static void put_handshakes(FILE *f, const struct lg_listener *l, const struct lg_meter_part *m)
{
    char labels[LG_LABELS_SZ];

    for (uint32_t s = 0; s < LG_METER_SUITES; s++)
        for (uint32_t g = 0; g < LG_METER_GROUPS; g++)
            for (uint32_t r = 0; r < 2; r++)
                if (m->done[s][g][r])
                    lg_metric_u64(f, "listener_handshakes_total",
                                  lg_labels(labels, "listener", l->cfg->name, "version",
                                            lg_meter_suite_is_13(s) ? "1.3" : "1.2", "suite",
                                            lg_meter_suite(s), "group", lg_meter_group(g),
                                            "resumed", r ? "true" : "false", NULL),
                                  m->done[s][g][r]);
}

enum failures { ALL, REFUSALS };

/* put_failures writes all reasons, also those that never happened, so that a rate can be taken when
 * the first one comes. */
static void put_failures(FILE *f, const struct lg_listener *l, const struct lg_meter_part *m,
                         enum failures which)
{
    const char *name =
        which == ALL ? "listener_handshake_failures_total" : "listener_client_refusals_total";
    char labels[LG_LABELS_SZ];

    for (uint32_t i = LG_TLS_R_NONE + 1; i < LG_METER_REASONS; i++)
        if (i != LG_TLS_R_NAME && (which == ALL || lg_meter_is_refusal(i)))
            lg_metric_u64(
                f, name,
                lg_labels(labels, "listener", l->cfg->name, "reason", lg_meter_reason(i), NULL),
                m->failed[i]);
}

static void put_responses(FILE *f, const struct lg_listener *l, const struct lg_meter_part *m)
{
    static const char *const classes[] = {NULL, NULL, "2xx", "3xx", "4xx", "5xx"};
    char labels[LG_LABELS_SZ];

    for (uint32_t i = 2; lg_listener_reads_http(l->cfg->type) && i < LG_METER_CLASSES; i++)
        lg_metric_u64(f, "listener_responses_total",
                      lg_labels(labels, "listener", l->cfg->name, "class", classes[i], NULL),
                      m->responses[i]);
}

static void put_listener_counts(FILE *f, const struct lg_snapshot *s, const struct lg_meter_part *m)
{
    char labels[LG_LABELS_SZ];

    lg_metric_begin(f, "listener_connections", "gauge", "Client connections open now.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        lg_metric_u64(f, "listener_connections", name_of(&s->listeners[i], labels),
                      m[i].opened - m[i].closed);
    lg_metric_begin(f, "listener_connections_total", "counter", "Client connections taken up.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        lg_metric_u64(f, "listener_connections_total", name_of(&s->listeners[i], labels),
                      m[i].opened);
    lg_metric_begin(f, "listener_handshakes_total", "counter", "TLS handshakes completed.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        put_handshakes(f, &s->listeners[i], &m[i]);
    lg_metric_begin(f, "listener_handshake_failures_total", "counter",
                    "TLS handshakes failed, by reason.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (s->listeners[i].tls)
            put_failures(f, &s->listeners[i], &m[i], ALL);
    lg_metric_begin(f, "listener_client_refusals_total", "counter",
                    "Of them, those refused for their client certificate or its absence.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (s->listeners[i].tls && s->listeners[i].cfg->tls.client_auth != LG_AUTH_NONE)
            put_failures(f, &s->listeners[i], &m[i], REFUSALS);
    lg_metric_begin(f, "listener_responses_total", "counter", "HTTP responses sent, by class.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        put_responses(f, &s->listeners[i], &m[i]);
}

void lg_metrics_listeners(FILE *f, const struct lg_report *r)
{
    const struct lg_snapshot *s = r->snapshot;
    char labels[LG_LABELS_SZ];
    size_t sz = s->listener_cnt * sizeof(struct lg_meter_part);
    struct lg_meter_part *m = aligned_alloc(LG_CACHE_PAIR, lg_align_up(sz, LG_CACHE_PAIR));

    if (!m)
        return;
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        lg_meter_sum(s->listeners[i].meter, &m[i]);
    put_listener_counts(f, s, m);
    lg_metric_begin(f, "listener_handshake_seconds", "histogram",
                    "From a connection's begin to the end of its TLS handshake.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (s->listeners[i].tls)
            lg_metric_hist(f, "listener_handshake_seconds", name_of(&s->listeners[i], labels),
                           &m[i].handshake_ns, 1e9);
    lg_metric_begin(f, "listener_request_seconds", "histogram",
                    "From the head of an HTTP request to the end of its response.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (lg_listener_reads_http(s->listeners[i].cfg->type))
            lg_metric_hist(f, "listener_request_seconds", name_of(&s->listeners[i], labels),
                           &m[i].request_ns, 1e9);
    free(m);
}

/* ---------------------------------------------------------------- certificates, CRLs */

static void put_certs(FILE *f, const struct lg_listener *l)
{
    char labels[LG_LABELS_SZ];
    struct lg_tls_cert_info c;

    for (uint32_t i = 0; i < lg_tls_policy_cert_cnt(l->tls); i++) {
        lg_tls_policy_cert(l->tls, i, &c);
        lg_metric_real(f, "certificate_not_after_timestamp_seconds",
                       lg_labels(labels, "listener", l->cfg->name, "name",
                                 c.name_cnt ? c.names[0] : c.subject, "key", c.key, "serial",
                                 c.serial, "fingerprint", c.fingerprint, NULL),
                       (double)c.not_after_s);
    }
}

static void put_crls(FILE *f, const struct lg_listener *l)
{
    char labels[LG_LABELS_SZ];
    struct lg_tls_crl_info c;

    for (uint32_t i = 0; i < lg_tls_policy_crl_cnt(l->tls); i++) {
        lg_tls_policy_crl(l->tls, i, &c);
        lg_metric_real(f, "crl_next_update_timestamp_seconds",
                       lg_labels(labels, "listener", l->cfg->name, "issuer", c.issuer, "digest",
                                 c.digest, NULL),
                       c.next_update_s == INT64_MAX ? (double)INFINITY : (double)c.next_update_s);
    }
}

void lg_metrics_certificates(FILE *f, const struct lg_report *r)
{
    const struct lg_snapshot *s = r->snapshot;

    lg_metric_begin(f, "certificate_not_after_timestamp_seconds", "gauge",
                    "When a server certificate ends.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (s->listeners[i].tls)
            put_certs(f, &s->listeners[i]);
    lg_metric_begin(f, "crl_next_update_timestamp_seconds", "gauge",
                    "When a revocation list becomes stale.");
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (s->listeners[i].tls)
            put_crls(f, &s->listeners[i]);
}

/* ---------------------------------------------------------------- backends */

/* Calls put for every backend. */
typedef void put_backend(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                         const struct lg_backend_sums *sums);

static void for_all(FILE *f, const struct lg_report *r, put_backend *put)
{
    char labels[LG_LABELS_SZ];
    struct lg_backend_sums sums;

    for (uint32_t i = 0; i < r->snapshot->pool_cnt; i++) {
        const struct lg_bal_pool *p = &r->snapshot->pools[i].bal;
        for (uint32_t k = 0; k < p->cnt; k++) {
            lg_backend_sum(p->seats[k], r->now_ns, &sums);
            lg_labels(labels, "pool", p->cfg->name, "backend", p->cfg->backends[k].name, NULL);
            put(f, labels, p, k, &sums);
        }
    }
}

static void put_up(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                   const struct lg_backend_sums *sums)
{
    lg_metric_u64(f, "backend_up", labels, strcmp(lg_backend_state(p, idx, sums), "up") == 0);
}

static void put_weight(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                       const struct lg_backend_sums *sums)
{
    (void)sums;
    lg_metric_u64(f, "backend_weight", labels, p->cfg->backends[idx].weight);
}

static void put_active(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                       const struct lg_backend_sums *sums)
{
    (void)p;
    (void)idx;
    lg_metric_u64(f, "backend_connections", labels, sums->active);
}

static void put_picked(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                       const struct lg_backend_sums *sums)
{
    (void)p;
    (void)idx;
    lg_metric_u64(f, "backend_picked_total", labels, sums->picked);
}

static void put_failed(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                       const struct lg_backend_sums *sums)
{
    (void)p;
    (void)idx;
    lg_metric_u64(f, "backend_failures_total", labels, sums->failed);
}

static void put_checks(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                       const struct lg_backend_sums *sums)
{
    (void)sums;
    if (p->checks && p->checks[idx])
        lg_metric_u64(f, "backend_check_failures_total", labels,
                      atomic_load_explicit(&p->checks[idx]->failed_cnt, memory_order_relaxed));
}

static void put_classes(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                        const struct lg_backend_sums *sums)
{
    char more[LG_LABELS_SZ + 16];

    (void)p;
    (void)idx;
    for (uint32_t i = 2; i < LG_ARRAY_CNT(sums->responses); i++) {
        snprintf(more, sizeof more, "%s,class=\"%uxx\"", labels, i);
        lg_metric_u64(f, "backend_responses_total", more, sums->responses[i]);
    }
}

static void put_connect(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                        const struct lg_backend_sums *sums)
{
    (void)p;
    (void)idx;
    lg_metric_hist(f, "backend_connect_seconds", labels, &sums->connect_ns, 1e9);
}

static void put_response(FILE *f, const char *labels, const struct lg_bal_pool *p, uint32_t idx,
                         const struct lg_backend_sums *sums)
{
    (void)p;
    (void)idx;
    lg_metric_hist(f, "backend_response_seconds", labels, &sums->response_ns, 1e9);
}

void lg_metrics_backends(FILE *f, const struct lg_report *r)
{
    static const struct {
        const char *name, *type, *help;
        put_backend *put;
    } families[] = {
        {"backend_up", "gauge", "1 when the backend gets work: not down, ejected, drained or off.",
         put_up},
        {"backend_weight", "gauge", "Configured share of the work.", put_weight},
        {"backend_connections", "gauge", "Connections in use now.", put_active},
        {"backend_picked_total", "counter", "Times it was chosen.", put_picked},
        {"backend_failures_total", "counter", "Refused, reset, or no valid answer in time.",
         put_failed},
        {"backend_check_failures_total", "counter", "Health checks that failed.", put_checks},
        {"backend_responses_total", "counter", "HTTP responses it gave, by class.", put_classes},
        {"backend_connect_seconds", "histogram", "Until bytes may flow, TLS included.",
         put_connect},
        {"backend_response_seconds", "histogram",
         "From an HTTP request to the head of its response.", put_response},
    };

    for (size_t i = 0; i < LG_ARRAY_CNT(families); i++) {
        lg_metric_begin(f, families[i].name, families[i].type, families[i].help);
        for_all(f, r, families[i].put);
    }
}
