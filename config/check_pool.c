/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check_pool.c: keys of a pool that only make sense together. Its backends' addresses: check_net.c.
 */
#include "check.h"

#include <string.h>

/* A pool under check. */
struct at {
    struct lg_cfg_pool *pool;
    struct lg_node *n; /* its mapping */
    uint32_t idx;
};

static void check_verify(struct lg_check *c, const struct at *at, struct lg_node *tls)
{
    static const char *const checking[] = {"ca", "crl", "crl_fail", "verify_depth"};
    struct lg_node *crl = lg_node_find(tls, "crl"), *crl_fail = lg_node_find(tls, "crl_fail");
    char key[LG_KEY_SZ];

    if (at->pool->tls.no_verify) {
        for (size_t i = 0; i < LG_ARRAY_CNT(checking); i++) {
            struct lg_node *n = lg_node_find(tls, checking[i]);
            if (n)
                lg_check_error(c, n, lg_key(key, "pools[%u].tls.%s", at->idx, checking[i]),
                               "has no effect with verify: none; remove one of the two");
        }
        return;
    }
    if (!lg_node_find(tls, "ca"))
        lg_check_error(c, tls, lg_key(key, "pools[%u].tls", at->idx),
                       "\"ca\" is missing: the PEM file of the CAs that sign the backends' "
                       "certificates; or write verify: none, and trust anybody");
    if (!lg_node_find(tls, "name"))
        lg_check_error(c, tls, lg_key(key, "pools[%u].tls", at->idx),
                       "\"name\" is missing: the name that the backends' certificates must carry");
    if (crl_fail && !crl)
        lg_check_error(c, crl_fail, lg_key(key, "pools[%u].tls.crl_fail", at->idx),
                       "has no effect without crl; list the revocation lists, or remove this key");
}

static void check_tls(struct lg_check *c, const struct at *at, struct lg_node *tls)
{
    const struct lg_cfg_pool_tls *t = &at->pool->tls;
    struct lg_node *cert = lg_node_find(tls, "cert"), *key_file = lg_node_find(tls, "key");
    struct lg_node *min = lg_node_find(tls, "min_version"), *max = lg_node_find(tls, "max_version");
    char key[LG_KEY_SZ];

    check_verify(c, at, tls);
    if (!cert != !key_file)
        lg_check_error(c, cert ? cert : key_file,
                       lg_key(key, "pools[%u].tls.%s", at->idx, cert ? "cert" : "key"),
                       "cert and key go together; one of them is missing");
    if (lg_is_good(min) && (!max || lg_is_good(max)) && t->min_version > t->max_version)
        lg_check_error(c, min, lg_key(key, "pools[%u].tls.min_version", at->idx),
                       "%s is above max_version %s; no backend could be spoken to", min->text,
                       max ? max->text : "1.3");
}

static void check_health(struct lg_check *c, const struct at *at, struct lg_node *health)
{
    static const char *const http_only[] = {"method", "path", "host", "expect", "body"};
    struct lg_node *type = lg_node_find(health, "type");
    char key[LG_KEY_SZ];

    if (type && type->is_bad)
        return;
    if (at->pool->health.type == LG_HEALTH_TLS && !at->pool->tls.on)
        lg_check_error(c, type, lg_key(key, "pools[%u].health.type", at->idx),
                       "tls checks the handshake of the pool's tls, and it has none");
    for (size_t i = 0; at->pool->health.type != LG_HEALTH_HTTP && i < LG_ARRAY_CNT(http_only);
         i++) {
        struct lg_node *n = lg_node_find(health, http_only[i]);
        if (n)
            lg_check_warn(c, n, lg_key(key, "pools[%u].health.%s", at->idx, http_only[i]),
                          "has no effect: only a check of type http asks for anything");
    }
}

static void check_sticky(struct lg_check *c, const struct at *at, struct lg_node *n)
{
    const struct lg_cfg_sticky *s = &at->pool->sticky;
    char key[LG_KEY_SZ];

    lg_key(key, "pools[%u].sticky", at->idx);
    if (!lg_node_find(n, "cookie"))
        lg_check_error(c, n, key, "\"cookie\" is missing: the cookie's name");
    if (s->same_site == LG_SAME_SITE_NONE && s->secure == LG_SECURE_NEVER)
        lg_check_error(c, n, key, "browsers take same_site: none only with Secure");
    if (s->path && (strchr(s->path, ';') || strlen(s->path) > 255))
        lg_check_error(c, n, key, "a cookie's path has no ';', and at most 255 bytes");
    if (s->domain && strpbrk(s->domain, ":[]"))
        lg_check_error(c, n, key, "a cookie's domain is a name, without port");
}

void lg_check_pools(struct lg_check *c)
{
    struct lg_node *pools = lg_node_find(c->root, "pools");
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(pools); n && i < c->cfg->pool_cnt;
         n = lg_next(pools, n), i++) {
        struct at at = {&c->cfg->pools[i], n, i};
        struct lg_node *tls = lg_node_find(n, "tls"), *health = lg_node_find(n, "health");
        at.pool->tls.on = tls != NULL;
        if (lg_is_good(tls))
            check_tls(c, &at, tls);
        if (lg_is_good(lg_node_find(n, "sticky")))
            check_sticky(c, &at, lg_node_find(n, "sticky"));
        if (lg_is_good(health))
            check_health(c, &at, health);
    }
}
