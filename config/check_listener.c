/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check_listener.c: listeners: where they bind, where their bytes or requests go, and TLS keys that
 * only make sense together. */
#include "check.h"

#include <string.h>

const char *lg_at_type(const struct lg_at *at)
{
    return lg_node_find(at->n, "type")->text;
}

/* http_twin: the type that would read requests where this one does not. */
static const char *http_twin(const struct lg_at *at)
{
    return at->l->type == LG_LISTENER_TCP ? "http" : "https";
}

/* ---------------------------------------------------------------- binds */

static void list_addresses(const struct lg_config *cfg, char *buf, size_t buf_sz)
{
    uint32_t shown = 0;
    size_t at = 0;
    char ip[LG_IP_STR_SZ];

    buf[0] = '\0';
    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        for (uint32_t k = 0; k < cfg->ports[i].address_cnt && shown < 4 && at < buf_sz; k++) {
            int n = snprintf(buf + at, buf_sz - at, "%s%s", shown++ ? ", " : "",
                             lg_ip_text(&cfg->ports[i].addresses[k].ip, ip));
            at += (size_t)LG_MAX(n, 0);
        }
}

static void check_bind(struct lg_check *c, const struct lg_at *at, struct lg_node *n, uint32_t idx,
                       struct lg_set *taken)
{
    const struct lg_endpoint *e = &at->l->binds[idx];
    char key[LG_KEY_SZ], text[LG_ENDPOINT_STR_SZ], ours[200];
    uint32_t other;

    lg_key(key, "listeners[%u].bind[%u]", at->idx, idx);
    lg_endpoint_text(e, text);
    if (c->has_net && !lg_check_owner(c->cfg, &e->ip)) {
        list_addresses(c->cfg, ours, sizeof ours);
        lg_check_error(c, n, key,
                       "%s is not an address of any port; bind to one of %s, or add it to a "
                       "port's addresses",
                       lg_ip_text(&e->ip, text), ours);
        return;
    }
    if (!lg_set_add(taken, lg_span(e, sizeof *e), at->idx, &other))
        lg_check_error(c, n, key, "%s is already bound by listener \"%s\" (line %u)", text,
                       c->cfg->listeners[other].name ? c->cfg->listeners[other].name : "",
                       c->cfg->listeners[other].line);
}

static void check_binds(struct lg_check *c, const struct lg_at *at, struct lg_set *taken)
{
    struct lg_node *list = lg_node_find(at->n, "bind");
    uint32_t k = 0;

    for (struct lg_node *n = lg_items(list); n && k < at->l->bind_cnt; n = lg_next(list, n), k++)
        if (!n->is_bad)
            check_bind(c, at, n, k, taken);
}

/* ---------------------------------------------------------------- bytes */

static void warn_https_only(struct lg_check *c, const struct lg_at *at)
{
    struct lg_node *timeouts = lg_node_find(at->n, "timeouts");
    const struct {
        const char *key;
        struct lg_node *n;
    } given[] = {
        {"max_header", lg_node_find(at->n, "max_header")},
        {"timeouts.header", lg_node_find(timeouts, "header")},
        {"timeouts.keepalive", lg_node_find(timeouts, "keepalive")},
    };
    char key[LG_KEY_SZ];

    for (size_t i = 0; i < LG_ARRAY_CNT(given); i++)
        if (given[i].n)
            lg_check_warn(c, given[i].n, lg_key(key, "listeners[%u].%s", at->idx, given[i].key),
                          "has no effect: a %s listener reads no requests", lg_at_type(at));
}

/* check_bytes_pool: what a listener that reads no requests cannot balance by. */
static void check_bytes_pool(struct lg_check *c, const struct lg_at *at, struct lg_node *pool)
{
    const struct lg_cfg_pool *p = &c->cfg->pools[at->l->pool_idx];
    char key[LG_KEY_SZ];

    if (p->balance.how == LG_BALANCE_URI || p->balance.how == LG_BALANCE_HEADER ||
        p->balance.how == LG_BALANCE_COOKIE)
        lg_check_error(c, pool, lg_key(key, "listeners[%u].pool", at->idx),
                       "pool \"%s\" balances by what is in requests, and a %s listener reads "
                       "none; use balance: source, or type %s",
                       p->name, lg_at_type(at), http_twin(at));
    if (p->sticky.cookie)
        lg_check_error(
            c, pool, lg_key(key, "listeners[%u].pool", at->idx),
            "pool \"%s\" is sticky by a cookie, and a %s listener reads none; use balance: "
            "source, or type %s",
            p->name, lg_at_type(at), http_twin(at));
}

/* check_no_requests: rules about requests, where none are read. */
static void check_no_requests(struct lg_check *c, const struct lg_at *at)
{
    static const char *const words[] = {"routes", "request_headers", "response_headers",
                                        "forwarded"};
    char key[LG_KEY_SZ];

    for (size_t i = 0; i < LG_ARRAY_CNT(words); i++) {
        struct lg_node *n = lg_node_find(at->n, words[i]);
        if (n)
            lg_check_error(c, n, lg_key(key, "listeners[%u].%s", at->idx, words[i]),
                           "a %s listener reads no requests; use pool, or type %s", lg_at_type(at),
                           http_twin(at));
    }
}

/* check_tcp_ssl: listeners of type tcp_ssl and tcp. */
static void check_tcp_ssl(struct lg_check *c, const struct lg_at *at)
{
    struct lg_node *pool = lg_node_find(at->n, "pool");
    struct lg_node *tls = lg_node_find(at->n, "tls"), *alpn = lg_node_find(tls, "alpn");
    char key[LG_KEY_SZ];
    uint32_t k = 0;

    if (!pool)
        lg_check_error(c, at->n, lg_key(key, "listeners[%u]", at->idx),
                       "\"pool\" is missing: a %s listener needs the pool its bytes go to",
                       lg_at_type(at));
    else if (lg_is_good(pool) &&
             lg_check_pool_ref(c, pool, lg_key(key, "listeners[%u].pool", at->idx),
                               &at->l->pool_idx) &&
             at->l->pool_idx < c->cfg->pool_cnt)
        check_bytes_pool(c, at, pool);
    check_no_requests(c, at);
    for (struct lg_node *n = lg_items(alpn); n && k < at->l->tls.alpn_cnt;
         n = lg_next(alpn, n), k++)
        for (uint32_t i = 0; i < k; i++)
            if (at->l->tls.alpn[i] && at->l->tls.alpn[k] &&
                strcmp(at->l->tls.alpn[i], at->l->tls.alpn[k]) == 0) {
                lg_check_error(c, n, lg_key(key, "listeners[%u].tls.alpn[%u]", at->idx, k),
                               "listed twice");
                break;
            }
    warn_https_only(c, at);
}

/* ---------------------------------------------------------------- TLS */

static void check_one_way(struct lg_check *c, const struct lg_at *at, struct lg_node *tls)
{
    static const char *const mutual_only[] = {
        "client_ca",          "crl",           "crl_fail",    "verify_depth",
        "client_cert_header", "close_revoked", "client_ocsp", "client_ocsp_responder",
        "client_cert_chain"};
    char key[LG_KEY_SZ];

    for (size_t i = 0; i < LG_ARRAY_CNT(mutual_only); i++) {
        struct lg_node *n = lg_node_find(tls, mutual_only[i]);
        if (n)
            lg_check_error(c, n, lg_key(key, "listeners[%u].tls.%s", at->idx, mutual_only[i]),
                           "has no effect while client_auth is none, and no client is checked; "
                           "add client_auth: required (or optional), or remove this key");
    }
}

static void check_mutual(struct lg_check *c, const struct lg_at *at, struct lg_node *tls,
                         struct lg_node *auth)
{
    struct lg_node *crl_fail = lg_node_find(tls, "crl_fail"), *crl = lg_node_find(tls, "crl");
    char key[LG_KEY_SZ];

    if (!lg_node_find(tls, "client_ca"))
        lg_check_error(c, auth, lg_key(key, "listeners[%u].tls.client_auth", at->idx),
                       "\"%s\" needs client_ca: the PEM file of the CAs that sign your clients' "
                       "certificates",
                       auth->text);
    struct lg_node *chain = lg_node_find(tls, "client_cert_chain");
    if (chain && at->l->tls.client_cert_chain && !at->l->tls.client_cert_header)
        lg_check_error(c, chain, lg_key(key, "listeners[%u].tls.client_cert_chain", at->idx),
                       "has no effect without client_cert_header: true");
    struct lg_node *url = lg_node_find(tls, "client_ocsp_responder");
    if (url && at->l->tls.client_ocsp == LG_CLIENT_OCSP_OFF)
        lg_check_error(c, url, lg_key(key, "listeners[%u].tls.client_ocsp_responder", at->idx),
                       "has no effect without client_ocsp: soft or hard");
    if (crl_fail && (!crl || (!crl->is_bad && at->l->tls.crl_cnt == 0)))
        lg_check_error(c, crl_fail, lg_key(key, "listeners[%u].tls.crl_fail", at->idx),
                       "has no effect without crl; list the revocation lists, or remove this key");
}

/* check_staples: where a certificate's OCSP response comes from is said once. */
static void check_staples(struct lg_check *c, const struct lg_at *at, struct lg_node *tls)
{
    struct lg_node *list = lg_node_find(tls, "certificates");
    char key[LG_KEY_SZ];
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(list); n && i < at->l->tls.cert_cnt;
         n = lg_next(list, n), i++) {
        const struct lg_cfg_cert *cert = &at->l->tls.certs[i];
        struct lg_node *url = lg_node_find(n, "ocsp_responder");
        struct lg_node *issuer = lg_node_find(n, "ocsp_issuer");
        if (cert->ocsp && cert->ocsp_fetch)
            lg_check_error(c, n, lg_key(key, "listeners[%u].tls.certificates[%u].ocsp", at->idx, i),
                           "is a file, and ocsp_fetch asks the responder: remove one of the two");
        if (url && !cert->ocsp_fetch)
            lg_check_error(
                c, url,
                lg_key(key, "listeners[%u].tls.certificates[%u].ocsp_responder", at->idx, i),
                "has no effect without ocsp_fetch: true");
        if (issuer && !cert->ocsp_fetch && !cert->ocsp)
            lg_check_error(
                c, issuer,
                lg_key(key, "listeners[%u].tls.certificates[%u].ocsp_issuer", at->idx, i),
                "has no effect without ocsp or ocsp_fetch");
    }
}

static void check_tls(struct lg_check *c, const struct lg_at *at)
{
    struct lg_node *tls = lg_node_find(at->n, "tls");
    struct lg_node *auth = lg_node_find(tls, "client_auth");
    struct lg_node *min = lg_node_find(tls, "min_version"), *max = lg_node_find(tls, "max_version");
    char key[LG_KEY_SZ];

    if (lg_is_good(min) && (!max || lg_is_good(max)) &&
        at->l->tls.min_version > at->l->tls.max_version)
        lg_check_error(c, min, lg_key(key, "listeners[%u].tls.min_version", at->idx),
                       "%s is above max_version %s; no client could connect", min->text,
                       max ? max->text : "1.3");
    if (tls && tls->kind == LG_NODE_MAP && !lg_node_find(tls, "certificates"))
        lg_check_error(
            c, tls, lg_key(key, "listeners[%u].tls", at->idx),
            "\"certificates\" is missing: certificates to show; the first is the default");
    check_staples(c, at, tls);
    if (!tls || (auth && auth->is_bad))
        return;
    if (at->l->tls.client_auth == LG_AUTH_NONE)
        check_one_way(c, at, tls);
    else
        check_mutual(c, at, tls, auth);
}

/* check_tls_or_none: whether there is a tls section is a matter of the type. */
static void check_tls_or_none(struct lg_check *c, const struct lg_at *at)
{
    struct lg_node *tls = lg_node_find(at->n, "tls");
    char key[LG_KEY_SZ];

    if (!lg_is_good(lg_node_find(at->n, "type")) || lg_listener_has_tls(at->l->type)) {
        if (!tls)
            lg_check_error(c, at->n, lg_key(key, "listeners[%u]", at->idx),
                           "\"tls\" is missing: certificates and what is asked of clients");
        check_tls(c, at);
        return;
    }
    if (tls)
        lg_check_error(c, tls, lg_key(key, "listeners[%u].tls", at->idx),
                       "a listener of type %s speaks in clear; remove this section, or use type %s",
                       lg_at_type(at), at->l->type == LG_LISTENER_TCP ? "tcp_ssl" : "https");
}

void lg_check_listeners(struct lg_check *c)
{
    struct lg_config *cfg = c->cfg;
    struct lg_node *listeners = lg_node_find(c->root, "listeners");
    struct lg_set taken;
    uint32_t i = 0, bind_cnt = 0;

    for (uint32_t k = 0; k < cfg->listener_cnt; k++)
        bind_cnt += cfg->listeners[k].bind_cnt;
    if (!lg_set_open(&taken, c->arena, bind_cnt)) {
        lg_check_error(c, listeners, "listeners", "out of memory");
        return;
    }
    for (struct lg_node *n = lg_items(listeners); n && i < cfg->listener_cnt;
         n = lg_next(listeners, n), i++) {
        struct lg_at at = {&cfg->listeners[i], n, i};
        check_binds(c, &at, &taken);
        check_tls_or_none(c, &at);
        if (!lg_is_good(lg_node_find(n, "type")))
            continue;
        if (lg_listener_reads_http(at.l->type))
            lg_check_http(c, &at);
        else
            check_tcp_ssl(c, &at);
    }
}
