/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_tls.c: listeners, what they show, and whom they believe, to JSON. */
#include "report.h"

#include "policy_info.h"
#include "report_priv.h"

#include <string.h>

void lg_meter_sum(const struct lg_meter *m, struct lg_meter_part *out)
{
    const size_t cnt = sizeof out->done / sizeof(uint64_t);
    uint64_t *done = &out->done[0][0][0];

    *out = (struct lg_meter_part){0};
    for (uint32_t k = 0; k < m->part_cnt; k++) {
        const struct lg_meter_part *p = &m->part[k];
        out->closed += lg_meter_get(&p->closed); /* before opened: never more than that */
        out->opened += lg_meter_get(&p->opened);
        for (size_t i = 0; i < cnt; i++)
            done[i] += lg_meter_get(&p->done[0][0][0] + i);
        for (uint32_t i = 0; i < LG_METER_REASONS; i++)
            out->failed[i] += lg_meter_get(&p->failed[i]);
        for (uint32_t i = 0; i < LG_METER_CLASSES; i++)
            out->responses[i] += lg_meter_get(&p->responses[i]);
        lg_hist_sum(&p->handshake_ns, &out->handshake_ns);
        lg_hist_sum(&p->request_ns, &out->request_ns);
    }
}

/* ---------------------------------------------------------------- listeners */

static const char *type_text(enum lg_listener_type t)
{
    static const char *const words[] = {[LG_LISTENER_TCP_SSL] = "tcp_ssl",
                                        [LG_LISTENER_HTTPS] = "https",
                                        [LG_LISTENER_TCP] = "tcp",
                                        [LG_LISTENER_HTTP] = "http"};
    return words[t];
}

static const char *mode_text(const struct lg_listener *l)
{
    static const char *const words[] = {
        [LG_AUTH_NONE] = "one-way", [LG_AUTH_OPTIONAL] = "optional", [LG_AUTH_REQUIRED] = "mutual"};
    return l->tls ? words[l->cfg->tls.client_auth] : "clear";
}

static const char *version_text(uint16_t v)
{
    return v == LG_TLS_13 ? "1.3" : "1.2";
}

static json_t *make_binds(const struct lg_cfg_listener *l)
{
    json_t *list = json_array();
    char text[LG_ENDPOINT_STR_SZ];
    bool good = true;

    for (uint32_t i = 0; i < l->bind_cnt; i++)
        good =
            json_array_append_new(list, json_string(lg_endpoint_text(&l->binds[i], text))) == 0 &&
            good;
    return lg_json_done(list, good);
}

/* make_names: the first name of each certificate; how many there are stands beside. */
static json_t *make_names(const struct lg_listener *l)
{
    json_t *list = json_array();
    struct lg_tls_cert_info c;
    bool good = true;

    for (uint32_t i = 0; l->tls && i < lg_tls_policy_cert_cnt(l->tls); i++) {
        lg_tls_policy_cert(l->tls, i, &c);
        good =
            json_array_append_new(list, lg_json_text(c.name_cnt ? c.names[0] : c.subject)) == 0 &&
            good;
    }
    return lg_json_done(list, good);
}

static bool add_counts(json_t *obj, const struct lg_listener *l)
{
    static struct lg_meter_part m; /* large; the control thread is one */
    uint64_t done = 0, resumed = 0, failed = 0;

    lg_meter_sum(l->meter, &m);
    for (uint32_t s = 0; s < LG_METER_SUITES; s++)
        for (uint32_t g = 0; g < LG_METER_GROUPS; g++) {
            done += m.done[s][g][0] + m.done[s][g][1];
            resumed += m.done[s][g][1];
        }
    for (uint32_t i = 0; i < LG_METER_REASONS; i++)
        failed += m.failed[i];
    return lg_json_u64(obj, "connections", m.opened - m.closed) &&
           lg_json_u64(obj, "connections_total", m.opened) &&
           lg_json_u64(obj, "handshakes", done) && lg_json_u64(obj, "resumed", resumed) &&
           lg_json_u64(obj, "handshake_failures", failed) &&
           lg_json_u64(obj, "handshake_p99_us", lg_hist_quantile(&m.handshake_ns, 990) / 1000) &&
           lg_json_u64(obj, "requests", lg_hist_cnt(&m.request_ns)) &&
           lg_json_u64(obj, "request_p99_us", lg_hist_quantile(&m.request_ns, 990) / 1000);
}

static json_t *make_listener(const struct lg_config *cfg, const struct lg_listener *l)
{
    json_t *obj = json_object();
    bool reads_http = lg_listener_reads_http(l->cfg->type);
    bool good = lg_json_set(obj, "name", json_string(l->cfg->name)) &&
                lg_json_set(obj, "type", json_string(type_text(l->cfg->type))) &&
                lg_json_set(obj, "mode", json_string(mode_text(l))) &&
                lg_json_set(obj, "bind", make_binds(l->cfg)) &&
                lg_json_set(obj, "certificates", make_names(l)) && add_counts(obj, l);

    if (l->tls)
        good =
            good &&
            lg_json_set(obj, "min_version", json_string(version_text(l->cfg->tls.min_version))) &&
            lg_json_set(obj, "max_version", json_string(version_text(l->cfg->tls.max_version)));
    if (reads_http)
        good = good && lg_json_u64(obj, "routes", l->cfg->route_cnt);
    else
        good = good && lg_json_set(obj, "pool", json_string(cfg->pools[l->cfg->pool_idx].name));
    return lg_json_done(obj, good);
}

json_t *lg_report_listeners(const struct lg_report *r)
{
    const struct lg_snapshot *s = r->snapshot;
    json_t *obj = lg_json_answer(s->generation), *list = json_array();
    bool good = true;

    for (uint32_t i = 0; i < s->listener_cnt; i++)
        good = json_array_append_new(list, make_listener(s->cfg, &s->listeners[i])) == 0 && good;
    good = lg_json_set(obj, "listeners", list) && good;
    return lg_json_done(obj, good);
}

/* ---------------------------------------------------------------- certificates */

static json_t *make_cert(const struct lg_listener *l, uint32_t idx, int64_t now_s)
{
    struct lg_tls_cert_info c;
    json_t *obj = json_object(), *names = json_array();

    lg_tls_policy_cert(l->tls, idx, &c);
    bool good = lg_json_set(obj, "listener", json_string(l->cfg->name)) &&
                lg_json_set(obj, "file", lg_json_text(l->cfg->tls.certs[idx].cert)) &&
                lg_json_set(obj, "subject", lg_json_text(c.subject)) &&
                lg_json_set(obj, "issuer", lg_json_text(c.issuer)) &&
                lg_json_set(obj, "serial", json_string(c.serial)) &&
                lg_json_set(obj, "key", json_string(c.key)) &&
                lg_json_set(obj, "fingerprint", json_string(c.fingerprint)) &&
                lg_json_set(obj, "default", json_boolean(idx == 0)) &&
                lg_json_set(obj, "not_before", lg_json_time(c.not_before_s)) &&
                lg_json_ends(obj, c.not_after_s, now_s) &&
                lg_json_set(obj, "chain_until", lg_json_time(c.chain_until_s));
    for (uint32_t i = 0; i < c.name_cnt; i++)
        good = json_array_append_new(names, json_string(c.names[i])) == 0 && good;
    good = lg_json_set(obj, "names", names) && good;
    return lg_json_done(obj, good);
}

static bool is_wanted(const struct lg_listener *l, const char *name)
{
    return l->tls && (!name || strcmp(name, l->cfg->name) == 0);
}

json_t *lg_report_certificates(const struct lg_report *r, const char *listener)
{
    const struct lg_snapshot *s = r->snapshot;
    json_t *obj = lg_json_answer(s->generation), *list = json_array();
    bool good = true;

    for (uint32_t i = 0; i < s->listener_cnt; i++) {
        const struct lg_listener *l = &s->listeners[i];
        for (uint32_t k = 0; is_wanted(l, listener) && k < lg_tls_policy_cert_cnt(l->tls); k++)
            good = json_array_append_new(list, make_cert(l, k, r->now_s)) == 0 && good;
    }
    good = lg_json_set(obj, "certificates", list) && good;
    return lg_json_done(obj, good);
}

/* ---------------------------------------------------------------- client CAs, CRLs */

static json_t *make_ca(const struct lg_tls_policy *p, uint32_t idx, int64_t now_s)
{
    struct lg_tls_ca_info ca;
    json_t *obj = json_object();

    lg_tls_policy_ca(p, idx, &ca);
    return lg_json_done(obj, lg_json_set(obj, "subject", lg_json_text(ca.subject)) &&
                                 lg_json_set(obj, "serial", json_string(ca.serial)) &&
                                 lg_json_set(obj, "fingerprint", json_string(ca.fingerprint)) &&
                                 lg_json_set(obj, "not_before", lg_json_time(ca.not_before_s)) &&
                                 lg_json_ends(obj, ca.not_after_s, now_s));
}

static json_t *make_crl(const struct lg_tls_policy *p, uint32_t idx, int64_t now_s)
{
    struct lg_tls_crl_info crl;
    json_t *obj = json_object();

    lg_tls_policy_crl(p, idx, &crl);
    return lg_json_done(
        obj, lg_json_set(obj, "issuer", lg_json_text(crl.issuer)) &&
                 lg_json_u64(obj, "entries", crl.entries) && lg_json_u64(obj, "bytes", crl.bytes) &&
                 lg_json_set(obj, "this_update", lg_json_time(crl.this_update_s)) &&
                 lg_json_set(obj, "next_update", lg_json_time(crl.next_update_s)) &&
                 lg_json_set(obj, "stale", json_boolean(now_s > crl.next_update_s)) &&
                 lg_json_set(obj, "digest", json_string(crl.digest)));
}

static json_t *make_trust(const struct lg_listener *l, int64_t now_s)
{
    const struct lg_cfg_tls *t = &l->cfg->tls;
    json_t *obj = json_object(), *cas = json_array(), *crls = json_array();
    bool good = lg_json_set(obj, "listener", json_string(l->cfg->name)) &&
                lg_json_set(obj, "mode", json_string(mode_text(l))) &&
                lg_json_u64(obj, "verify_depth", t->verify_depth) &&
                lg_json_set(obj, "crl_fail",
                            json_string(t->crl_fail == LG_CRL_FAIL_OPEN ? "open" : "closed")) &&
                lg_json_set(obj, "file", lg_json_text(t->client_ca));

    for (uint32_t i = 0; i < lg_tls_policy_ca_cnt(l->tls); i++)
        good = json_array_append_new(cas, make_ca(l->tls, i, now_s)) == 0 && good;
    for (uint32_t i = 0; i < lg_tls_policy_crl_cnt(l->tls); i++)
        good = json_array_append_new(crls, make_crl(l->tls, i, now_s)) == 0 && good;
    good = lg_json_set(obj, "cas", cas) && good;
    good = lg_json_set(obj, "crls", crls) && good;
    return lg_json_done(obj, good);
}

json_t *lg_report_client_cas(const struct lg_report *r, const char *listener)
{
    const struct lg_snapshot *s = r->snapshot;
    json_t *obj = lg_json_answer(s->generation), *list = json_array();
    bool good = true;

    for (uint32_t i = 0; i < s->listener_cnt; i++) {
        const struct lg_listener *l = &s->listeners[i];
        if (is_wanted(l, listener) && l->cfg->tls.client_auth != LG_AUTH_NONE)
            good = json_array_append_new(list, make_trust(l, r->now_s)) == 0 && good;
    }
    good = lg_json_set(obj, "listeners", list) && good;
    return lg_json_done(obj, good);
}
