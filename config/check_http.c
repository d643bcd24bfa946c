/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check_http.c: listeners that read requests: where those go, and what is changed about them. */
#include "check.h"

#include <ctype.h>
#include <string.h>

bool lg_check_pool_ref(struct lg_check *c, struct lg_node *n, const char *key, uint32_t *idx)
{
    const struct lg_config *cfg = c->cfg;

    if (lg_set_find(&c->pools, lg_span(n->text, n->len), idx)) {
        if (*idx < cfg->pool_cnt)
            c->pool_is_used[*idx] = 1;
        return true;
    }
    const char *near = NULL;
    bool is_kept = c->w->diag->kept_cnt < LG_DIAG_MAX; /* else spare the search */
    for (uint32_t i = 0; is_kept && i < cfg->pool_cnt && i < 256 && !near; i++)
        if (cfg->pools[i].name)
            near = lg_nearest(n->text, (const char *const[]){cfg->pools[i].name}, 1);
    if (near)
        lg_check_error(c, n, key, "there is no pool \"%s\"; did you mean \"%s\"?", n->text, near);
    else
        lg_check_error(c, n, key, "there is no pool \"%s\"; define it under pools:", n->text);
    return false;
}

/* ---------------------------------------------------------------- header fields */

static bool is_same_name(const char *name, const char *known, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char b = (unsigned char)name[i];
        if ((isalnum(b) ? tolower(b) : '-') != known[i])
            return false;
    }
    return true;
}

enum which { REQUEST, RESPONSE };

/* field_problem: why a rule may not touch a field; NULL when it may. Names are compared as servers
 * do that make variables of them: case and all signs count as one. */
static const char *field_problem(const char *name, bool is_set, enum which which)
{
    static const char one_hop[] = "it belongs to one connection or frames the message; Lockgate "
                                  "writes it by itself";
    static const char identity[] =
        "it says who the client is by its certificate, and only Lockgate "
        "may say it";
    static const char forwarded[] = "it is written as the listener's forwarded: says";
    static const struct {
        const char *name;
        const char *why;
        bool in_responses;
    } kept[] = {
        {"connection", one_hop, true},
        {"keep-alive", one_hop, true},
        {"proxy-connection", one_hop, true},
        {"te", one_hop, true},
        {"trailer", one_hop, true},
        {"upgrade", one_hop, true},
        {"transfer-encoding", one_hop, true},
        {"content-length", one_hop, true},
        {"http2-settings", one_hop, true},
        {"expect", one_hop, false},
        {"client-cert", identity, true},
        {"client-cert-chain", identity, true},
        {"x-forwarded-for", forwarded, false},
        {"x-forwarded-proto", forwarded, false},
        {"x-forwarded-port", forwarded, false},
        {"forwarded", forwarded, false},
    };
    size_t len = strlen(name);

    if (which == REQUEST && !is_set && len == 4 && is_same_name(name, "host", 4))
        return "a request has exactly one; it can be set";
    if (len >= 13 && is_same_name(name, "x-ssl-client-", 13))
        return identity;
    for (size_t i = 0; i < LG_ARRAY_CNT(kept); i++)
        if ((kept[i].in_responses || which == REQUEST) && strlen(kept[i].name) == len &&
            is_same_name(name, kept[i].name, len))
            return kept[i].why;
    return NULL;
}

static void check_header(struct lg_check *c, struct lg_node *n, const struct lg_cfg_header *h,
                         enum which which, const char *path)
{
    const char *name = h->set ? h->set : h->add ? h->add : h->remove;
    const char *op = h->set ? "set" : h->add ? "add" : "remove";
    char key[LG_KEY_SZ];

    if (n->kind != LG_NODE_MAP || !lg_node_is_clean(n))
        return;
    if ((h->set != NULL) + (h->add != NULL) + (h->remove != NULL) != 1) {
        lg_check_error(c, n, path, "expected one of set, add and remove");
        return;
    }
    if (h->remove && h->value)
        lg_check_error(c, n, path, "remove has no value");
    else if (!h->remove && !h->value)
        lg_check_error(c, n, path, "\"value\" is missing: what %s %ss", name, op);
    const char *why = field_problem(name, h->set != NULL, which);
    if (why)
        lg_check_error(c, lg_node_find(n, op), lg_key(key, "%s.%s", path, op),
                       "%s is not to be changed: %s", name, why);
}

/* check_headers checks a list of changes.
 *   n     the mapping that has it
 *   path  of that mapping */
static void check_headers(struct lg_check *c, struct lg_node *n, const char *path, enum which which,
                          const struct lg_cfg_header *headers, uint32_t cnt)
{
    const char *word = which == REQUEST ? "request_headers" : "response_headers";
    struct lg_node *list = lg_node_find(n, word);
    char key[LG_KEY_SZ];
    uint32_t k = 0;

    for (struct lg_node *one = lg_items(list); one && k < cnt; one = lg_next(list, one), k++)
        check_header(c, one, &headers[k], which, lg_key(key, "%s.%s[%u]", path, word, k));
}

/* ---------------------------------------------------------------- routes */

/* A route under check. */
struct at_route {
    struct lg_cfg_http_route *r;
    struct lg_node *n;
    const char *path; /* "listeners[0].routes[1]" */
};

/* check_match: which of the three ways to compare a path it is. */
static void check_match(struct lg_check *c, const struct at_route *at)
{
    struct lg_node *path = lg_node_find(at->n, "path"), *exact = lg_node_find(at->n, "exact");
    struct lg_node *regex = lg_node_find(at->n, "regex");

    if ((path != NULL) + (exact != NULL) + (regex != NULL) > 1)
        lg_check_error(c, at->n, at->path, "expected one of path, exact and regex, not several");
    at->r->match = exact ? LG_PATH_EXACT : regex ? LG_PATH_REGEX : LG_PATH_PREFIX;
}

static void check_respond(struct lg_check *c, const struct at_route *at, struct lg_node *n)
{
    const struct lg_cfg_respond *r = &at->r->respond;
    struct lg_node *body = lg_node_find(n, "body"), *file = lg_node_find(n, "file");
    char key[LG_KEY_SZ];

    lg_key(key, "%s.respond", at->path);
    if (body && file)
        lg_check_error(c, n, key, "body and file exclude each other");
    if (r->status == 304 || r->status == 205)
        lg_check_error(c, n, key, "%u is an answer to what only the backend knows", r->status);
    if (r->status == 204 && (body || file))
        lg_check_error(c, n, key, "a response 204 has no body");
}

/* check_action: a pool, or a redirect, or a response; and what only goes with one of them. */
static void check_action(struct lg_check *c, const struct at_route *at)
{
    struct lg_node *pool = lg_node_find(at->n, "pool"), *rewrite = lg_node_find(at->n, "rewrite");
    struct lg_node *redirect = lg_node_find(at->n, "redirect");
    struct lg_node *respond = lg_node_find(at->n, "respond");
    char key[LG_KEY_SZ];

    at->r->pool_idx = LG_NO_POOL;
    if ((pool != NULL) + (redirect != NULL) + (respond != NULL) != 1)
        lg_check_error(c, at->n, at->path,
                       "expected one of pool, redirect and respond: who answers the request");
    if (lg_is_good(pool)) {
        lg_key(key, "%s.pool", at->path);
        (void)lg_check_pool_ref(c, pool, key, &at->r->pool_idx);
    }
    if (redirect && lg_is_good(redirect) && !lg_node_find(redirect, "to"))
        lg_check_error(c, redirect, lg_key(key, "%s.redirect", at->path),
                       "\"to\" is missing: the Location");
    if (lg_is_good(respond))
        check_respond(c, at, respond);
    if (rewrite && !pool)
        lg_check_error(c, rewrite, lg_key(key, "%s.rewrite", at->path),
                       "has no effect without a pool; remove it");
}

static const char *match_text(const struct lg_cfg_http_route *r)
{
    return r->match == LG_PATH_EXACT ? r->exact : r->path;
}

/* route_key writes the kind of match, "host" NUL "path", which no two different routes share. */
static lg_span_t route_key(struct lg_check *c, const struct lg_cfg_http_route *r)
{
    size_t host_sz = strlen(r->host) + 1, path_len = strlen(match_text(r));
    char *key = lg_arena_alloc(c->arena, 1 + host_sz + path_len, 1);

    if (!key)
        return lg_span(NULL, 0);
    key[0] = r->match == LG_PATH_EXACT ? '=' : '/';
    memcpy(key + 1, r->host, host_sz);
    memcpy(key + 1 + host_sz, match_text(r), path_len);
    return lg_span(key, 1 + host_sz + path_len);
}

/* check_unique: two equal expressions are two expressions, of which the first is asked. */
static void check_unique(struct lg_check *c, const struct at_route *at, uint32_t idx,
                         struct lg_set *seen)
{
    uint32_t other;

    if (at->r->match == LG_PATH_REGEX || !at->r->host || !match_text(at->r))
        return;
    lg_span_t both = route_key(c, at->r);
    if (!both.p)
        lg_check_error(c, at->n, at->path, "out of memory");
    else if (!lg_set_add(seen, both, idx, &other))
        lg_check_error(c, at->n, at->path,
                       "host %s with path %s is already routes[%u]; a pair leads to "
                       "one pool",
                       at->r->host, match_text(at->r), other);
}

static void check_http_route(struct lg_check *c, const struct lg_at *listener, struct lg_node *n,
                             uint32_t idx, struct lg_set *seen)
{
    struct lg_cfg_http_route *r = &listener->l->routes[idx];
    char path[LG_KEY_SZ];
    struct at_route at = {r, n, path};

    lg_key(path, "listeners[%u].routes[%u]", listener->idx, idx);
    if (n->kind != LG_NODE_MAP)
        return;
    check_match(c, &at);
    check_action(c, &at);
    check_headers(c, n, path, REQUEST, r->request_headers, r->request_header_cnt);
    check_headers(c, n, path, RESPONSE, r->response_headers, r->response_header_cnt);
    check_unique(c, &at, idx, seen);
}

/* add_catch_all turns `pool:` of an https listener into its last route, "*" and "/". */
static void add_catch_all(struct lg_check *c, const struct lg_at *at, struct lg_node *pool,
                          const struct lg_set *seen)
{
    struct lg_cfg_listener *l = at->l;
    struct lg_walk *w = c->w;
    char key[LG_KEY_SZ];
    uint32_t other;

    lg_key(key, "listeners[%u].pool", at->idx);
    if (lg_set_find(seen, LG_SPAN_STR("/*\0/"), &other)) {
        lg_check_error(c, pool, key,
                       "routes[%u] takes every request that no other route matches already; "
                       "remove one of the two",
                       other);
        return;
    }
    struct lg_cfg_http_route *more =
        lg_arena_alloc(w->arena, (size_t)l->route_cnt + 1, sizeof *more);
    char *host = lg_keep(w, "*", 1), *path = lg_keep(w, "/", 1);
    if (!more || !host || !path) {
        lg_check_error(c, pool, key, "out of memory");
        return;
    }
    if (l->route_cnt > 0)
        memcpy(more, l->routes, l->route_cnt * sizeof *more);
    more[l->route_cnt++] = (struct lg_cfg_http_route){
        .line = pool->line, .host = host, .path = path, .pool_idx = l->pool_idx};
    l->routes = more;
}

static void check_forwarded(struct lg_check *c, const struct lg_at *at)
{
    struct lg_node *n = lg_node_find(at->n, "forwarded");
    char key[LG_KEY_SZ];

    if (lg_is_good(n) && lg_is_good(lg_node_find(n, "trust")) &&
        at->l->forwarded.incoming == LG_FWD_REPLACE)
        lg_check_error(c, n, lg_key(key, "listeners[%u].forwarded", at->idx),
                       "trust has no effect with incoming: replace, which keeps nothing");
}

/* check_regexes: each request may have to go through all of them. */
static void check_regexes(struct lg_check *c, const struct lg_at *at, struct lg_node *routes)
{
    char key[LG_KEY_SZ];
    uint32_t cnt = 0;

    for (uint32_t k = 0; k < at->l->route_cnt; k++)
        cnt += at->l->routes[k].match == LG_PATH_REGEX;
    if (cnt > LG_MAX_REGEX)
        lg_check_error(c, routes, lg_key(key, "listeners[%u].routes", at->idx),
                       "%u regular expressions; a listener has at most %u", cnt, LG_MAX_REGEX);
}

void lg_check_http(struct lg_check *c, const struct lg_at *at)
{
    struct lg_node *routes = lg_node_find(at->n, "routes"), *pool = lg_node_find(at->n, "pool");
    struct lg_node *tls = lg_node_find(at->n, "tls"), *alpn = lg_node_find(tls, "alpn");
    struct lg_cfg_tls *t = &at->l->tls;
    struct lg_set seen;
    char key[LG_KEY_SZ];
    uint32_t k = 0;

    if (!pool && (!routes || (lg_is_good(routes) && at->l->route_cnt == 0)))
        lg_check_error(c, at->n, lg_key(key, "listeners[%u]", at->idx),
                       "an %s listener needs routes, or a pool for every request", lg_at_type(at));
    if (!lg_set_open(&seen, c->arena, at->l->route_cnt)) {
        lg_check_error(c, at->n, key, "out of memory");
        return;
    }
    for (struct lg_node *n = lg_items(routes); n && k < at->l->route_cnt;
         n = lg_next(routes, n), k++)
        check_http_route(c, at, n, k, &seen);
    check_regexes(c, at, routes);
    check_headers(c, at->n, lg_key(key, "listeners[%u]", at->idx), REQUEST, at->l->request_headers,
                  at->l->request_header_cnt);
    check_headers(c, at->n, key, RESPONSE, at->l->response_headers, at->l->response_header_cnt);
    check_forwarded(c, at);
    lg_key(key, "listeners[%u].pool", at->idx);
    if (lg_is_good(pool) && lg_check_pool_ref(c, pool, key, &at->l->pool_idx))
        add_catch_all(c, at, pool, &seen);
    if (!lg_listener_has_tls(at->l->type))
        return;
    if (alpn)
        lg_check_error(c, alpn, lg_key(key, "listeners[%u].tls.alpn", at->idx),
                       "an https listener says http/1.1 by itself; remove it, or use type tcp_ssl");
    t->alpn = lg_arena_alloc(c->w->arena, 1, sizeof *t->alpn);
    if (t->alpn)
        t->alpn[0] = lg_keep(c->w, "http/1.1", 8);
    else
        lg_check_error(c, at->n, key, "out of memory");
    t->alpn_cnt = 1;
}
