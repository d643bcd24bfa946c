/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.c: see verdict.h. The judgement itself is tls/judge.h's and http_route.h's: the functions
 * of the data path. */
#include "verdict.h"

#include "http_route.h"
#include "judge.h"
#include "pem.h"
#include "policy_info.h"
#include "report_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_SZ 4096u

struct question {
    const struct lg_listener *listener;
    struct lg_tls_ask ask;
    const char *alpn[16];
    const char *host, *path;      /* "" not asked */
    uint8_t *der[LG_JUDGE_CERTS]; /* own */
    lg_ns_t now_ns;
};

/* ---------------------------------------------------------------- the question */

static const char *text_of(const json_t *ask, const char *name)
{
    const char *s = json_string_value(json_object_get(ask, name));
    return s ? s : "";
}

static bool read_listener(const struct lg_snapshot *s, const json_t *ask, struct question *q,
                          char why[256])
{
    const char *name = text_of(ask, "listener");

    for (uint32_t i = 0; i < s->listener_cnt && !q->listener; i++)
        if (strcmp(s->listeners[i].cfg->name, name) == 0)
            q->listener = &s->listeners[i];
    if (!q->listener)
        snprintf(why, 256, *name ? "there is no listener %s" : "which listener? %s", name);
    return q->listener != NULL;
}

static bool read_version(const json_t *ask, const char *name, uint16_t *out, char why[256])
{
    const char *text = text_of(ask, name);

    if (strcmp(text, "1.2") == 0)
        *out = LG_TLS_12;
    else if (strcmp(text, "1.3") == 0)
        *out = LG_TLS_13;
    else if (strcmp(text, "1.1") == 0 || strcmp(text, "1.0") == 0)
        *out = text[2] == '1' ? 0x0302 : 0x0301;
    else if (*text)
        snprintf(why, 256, "%s: expected \"1.0\" to \"1.3\"", name);
    return !*why;
}

static bool read_alpn(const json_t *ask, struct question *q, char why[256])
{
    const json_t *list = json_object_get(ask, "alpn"), *one;
    size_t i;

    if (list && (!json_is_array(list) || json_array_size(list) > LG_ARRAY_CNT(q->alpn))) {
        snprintf(why, 256, "alpn: expected a list of at most %zu names", LG_ARRAY_CNT(q->alpn));
        return false;
    }
    json_array_foreach(list, i, one)
    {
        q->alpn[i] = json_string_value(one);
        if (!q->alpn[i] || !*q->alpn[i] || strlen(q->alpn[i]) > 255) {
            snprintf(why, 256, "alpn[%zu]: expected a name of 1 to 255 bytes", i);
            return false;
        }
    }
    q->ask.alpn = q->alpn;
    q->ask.alpn_cnt = (uint32_t)json_array_size(list);
    return true;
}

/* read_chain takes the certificates out of a PEM text; keys and the like are passed over. */
static bool read_chain(const json_t *ask, struct question *q, char why[256])
{
    lg_span_t text = lg_span_cstr(text_of(ask, "certificate"));
    struct lg_pem pem;
    lg_err_t e = LG_OK;

    while (text.len && lg_is_ok(e = lg_pem_next(&text, &pem))) {
        uint32_t i = q->ask.cert_cnt;
        if (!lg_span_eq(pem.label, LG_SPAN_STR("CERTIFICATE")))
            continue;
        if (i == LG_JUDGE_CERTS) {
            snprintf(why, 256, "certificate: more than %d of them", LG_JUDGE_CERTS);
            return false;
        }
        q->der[i] = malloc(pem.inner.len + 1);
        size_t sz = q->der[i] ? lg_pem_decode(pem.inner, q->der[i]) : 0;
        q->ask.certs[i] = lg_span(q->der[i], sz);
        q->ask.cert_cnt++;
        if (sz == 0) {
            snprintf(why, 256, "certificate: the %u. one is damaged", i + 1);
            return false;
        }
    }
    if (*text_of(ask, "certificate") && q->ask.cert_cnt == 0)
        snprintf(why, 256, "certificate: there is no PEM certificate in it");
    else if (lg_err_is(e, LG_ERR_FORMAT))
        snprintf(why, 256, "certificate: a -----BEGIN line has no -----END line");
    return !*why;
}

static bool read_question(const struct lg_snapshot *s, const json_t *ask, struct question *q,
                          char why[256])
{
    *q = (struct question){.host = text_of(ask, "host"), .path = text_of(ask, "path")};
    q->ask = (struct lg_tls_ask){
        .sni = text_of(ask, "sni"), .min_version = LG_TLS_12, .max_version = LG_TLS_13};
    if (!read_listener(s, ask, q, why) ||
        !read_version(ask, "max_version", &q->ask.max_version, why) ||
        !read_version(ask, "min_version", &q->ask.min_version, why))
        return false;
    if (q->ask.min_version > q->ask.max_version)
        q->ask.min_version = q->ask.max_version;
    if (strlen(q->path) > PATH_MAX_SZ || (*q->path && *q->path != '/')) {
        snprintf(why, 256, "path: expected one that begins with / and has at most %u bytes",
                 PATH_MAX_SZ);
        return false;
    }
    return read_alpn(ask, q, why) && read_chain(ask, q, why);
}

/* ---------------------------------------------------------------- the answer */

static json_t *make_shown(const struct lg_listener *l, const struct lg_tls_judgement *j,
                          int64_t now_s)
{
    struct lg_tls_cert_info c;
    json_t *obj;

    if (j->cert_idx < 0)
        return json_null();
    obj = json_object();
    lg_tls_policy_cert(l->tls, (uint32_t)j->cert_idx, &c);
    return lg_json_done(obj, lg_json_set(obj, "subject", lg_json_text(c.subject)) &&
                                 lg_json_set(obj, "serial", json_string(c.serial)) &&
                                 lg_json_set(obj, "key", json_string(c.key)) &&
                                 lg_json_set(obj, "by_name", json_boolean(j->is_by_name)) &&
                                 lg_json_ends(obj, c.not_after_s, now_s));
}

static const char *revoked_text(enum lg_judge_revoked r)
{
    static const char *const words[] = {[LG_JUDGE_NO_LISTS] = "not_checked",
                                        [LG_JUDGE_GOOD] = "good",
                                        [LG_JUDGE_REVOKED] = "revoked",
                                        [LG_JUDGE_STALE] = "list_stale",
                                        [LG_JUDGE_MISSING] = "no_list"};
    return words[r];
}

static json_t *make_chain(const struct lg_tls_judgement *j, int64_t now_s)
{
    json_t *list = json_array();
    bool good = true;

    for (uint32_t i = 0; i < j->cert_cnt; i++) {
        const struct lg_tls_judged_cert *c = &j->certs[i];
        json_t *obj = json_object();
        bool one = lg_json_set(obj, "subject", lg_json_text(c->subject)) &&
                   lg_json_set(obj, "issuer", lg_json_text(c->issuer)) &&
                   lg_json_set(obj, "issuer_is_client_ca", json_boolean(c->is_issuer_known)) &&
                   lg_json_set(obj, "serial", json_string(c->serial)) &&
                   lg_json_set(obj, "fingerprint", json_string(c->fingerprint)) &&
                   lg_json_set(obj, "not_before", lg_json_time(c->not_before_s)) &&
                   lg_json_ends(obj, c->not_after_s, now_s) &&
                   lg_json_set(obj, "revocation", json_string(revoked_text(c->revoked))) &&
                   lg_json_set(obj, "list_next_update", lg_json_time(c->next_update_s));
        good = json_array_append_new(list, lg_json_done(obj, one)) == 0 && good;
    }
    return lg_json_done(list, good);
}

static const char *version_text(uint16_t v)
{
    return v == LG_TLS_13 ? "1.3" : v == LG_TLS_12 ? "1.2" : "";
}

static bool add_tls(json_t *obj, const struct lg_listener *l, const struct lg_tls_judgement *j,
                    int64_t now_s)
{
    static const char *const auth[] = {
        [LG_AUTH_NONE] = "none", [LG_AUTH_OPTIONAL] = "optional", [LG_AUTH_REQUIRED] = "required"};
    bool has_alert = j->alert != LG_TLS_NO_ALERT;

    return lg_json_set(obj, "verdict",
                       json_string(j->reason == LG_TLS_R_NONE ? "accepted" : "refused")) &&
           lg_json_set(obj, "reason",
                       j->reason == LG_TLS_R_NONE ? json_null()
                                                  : json_string(lg_meter_reason(j->reason))) &&
           lg_json_set(obj, "why",
                       j->reason == LG_TLS_R_NONE ? json_null()
                                                  : json_string(lg_tls_reason_text(j->reason))) &&
           lg_json_set(obj, "alert",
                       has_alert ? json_string(lg_tls_alert_name(j->alert)) : json_null()) &&
           lg_json_set(obj, "version", json_string(version_text(j->version))) &&
           lg_json_set(obj, "alpn", json_string(j->alpn)) &&
           lg_json_set(obj, "certificate", make_shown(l, j, now_s)) &&
           lg_json_set(obj, "client_auth", json_string(auth[l->cfg->tls.client_auth])) &&
           lg_json_set(obj, "client_chain", make_chain(j, now_s));
}

/* name_pool: its name and how its backends are. */
static json_t *name_pool(const struct lg_snapshot *s, uint32_t idx, lg_ns_t now_ns)
{
    const struct lg_bal_pool *p = &s->pools[idx].bal;
    json_t *obj = json_object(), *list = json_array();
    struct lg_backend_sums sums;
    bool good = lg_json_set(obj, "pool", json_string(p->cfg->name));

    for (uint32_t i = 0; i < p->cnt; i++) {
        lg_backend_sum(p->seats[i], now_ns, &sums);
        good =
            json_array_append_new(list, json_pack("{s:s,s:s}", "name", p->cfg->backends[i].name,
                                                  "state", lg_backend_state(p, i, &sums))) == 0 &&
            good;
    }
    good = lg_json_set(obj, "backends", list) && good;
    return lg_json_done(obj, good);
}

static json_t *make_rule(const struct lg_snapshot *s, const struct lg_cfg_http_route *r,
                         lg_ns_t now_ns)
{
    json_t *obj = r->pool_idx != LG_NO_POOL ? name_pool(s, r->pool_idx, now_ns) : json_object();
    const char *path = r->exact ? r->exact : r->regex ? r->regex : r->path;
    bool good = lg_json_set(obj, "host", json_string(r->host)) &&
                lg_json_set(obj, "path", lg_json_text(path)) &&
                lg_json_set(obj, "match",
                            json_string(r->exact   ? "exact"
                                        : r->regex ? "regex"
                                                   : "prefix")) &&
                lg_json_u64(obj, "line", r->line);

    if (r->redirect.line)
        good = good && lg_json_set(obj, "redirect", lg_json_text(r->redirect.to)) &&
               lg_json_u64(obj, "status", r->redirect.status);
    else if (r->respond.line)
        good = good && lg_json_u64(obj, "status", r->respond.status);
    return lg_json_done(obj, good);
}

/* make_route: which route takes the request; a status alone where none does. */
static json_t *make_route(const struct lg_snapshot *s, const struct question *q)
{
    const struct lg_listener *l = q->listener;
    size_t sz = lg_align_up(lg_regex_core_footprint(), LG_CACHE_PAIR), len;
    char host[256] = "", path[PATH_MAX_SZ + 2];
    struct lg_route_hit hit;
    json_t *answer = NULL;

    if (!lg_listener_reads_http(l->cfg->type))
        return name_pool(s, l->cfg->pool_idx, q->now_ns);
    snprintf(host, sizeof host, "%s", *q->host ? q->host : q->ask.sni);
    for (char *p = host; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    if (!lg_is_ok(lg_http_path_normal(lg_span_cstr(*q->path ? q->path : "/"), path, &len)))
        return json_pack("{s:i}", "status", 400);
    void *mem = aligned_alloc(LG_CACHE_PAIR, sz);
    if (!mem)
        return NULL;
    memset(mem, 0, sz);
    switch (lg_http_route_find(l->rules, lg_regex_core_init(mem), lg_span_cstr(host),
                               lg_span(path, len), &hit)) {
    case LG_ROUTE_FOUND:
        answer = make_rule(s, hit.rule->cfg, q->now_ns);
        break;
    case LG_ROUTE_NONE:
        answer = json_pack("{s:i}", "status", 404);
        break;
    case LG_ROUTE_LIMIT:
        answer = json_pack("{s:i}", "status", 500);
        break;
    }
    free(mem);
    return answer;
}

static json_t *make_answer(const struct lg_snapshot *s, const struct question *q,
                           const struct lg_tls_judgement *j, int64_t now_s)
{
    json_t *obj = lg_json_answer(s->generation);
    bool good = lg_json_set(obj, "listener", json_string(q->listener->cfg->name)) &&
                lg_json_set(obj, "sni", json_string(q->ask.sni));

    if (q->listener->tls)
        good = good && add_tls(obj, q->listener, j, now_s);
    else
        good = good && lg_json_set(obj, "verdict", json_string("accepted"));
    if (j->reason == LG_TLS_R_NONE)
        good = good && lg_json_set(obj, "route", make_route(s, q));
    return lg_json_done(obj, good);
}

json_t *lg_verdict(const struct lg_snapshot *s, const json_t *ask, int64_t now_s, lg_ns_t now_ns,
                   char why[256])
{
    struct lg_tls_judgement *j = calloc(1, sizeof *j);
    struct question q = {0};
    json_t *answer = NULL;
    lg_err_t e = LG_OK;

    why[0] = '\0';
    if (j && read_question(s, ask, &q, why)) {
        q.now_ns = now_ns;
        if (q.listener->tls)
            e = lg_tls_foretell(q.listener->tls, &q.ask, j);
        if (lg_is_ok(e))
            answer = make_answer(s, &q, j, now_s);
        else if (lg_err_is(e, LG_ERR_FORMAT))
            snprintf(why, 256, "sni: %.200s is not a host name", q.ask.sni);
    }
    for (uint32_t i = 0; i < LG_JUDGE_CERTS; i++)
        free(q.der[i]);
    free(j);
    return answer;
}
