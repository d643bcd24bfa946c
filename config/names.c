/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* names.c: a configuration with addresses in place of names. */
#include "names.h"

#include "cfg_arena.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

struct maker {
    const struct lg_config *file;
    struct lg_arena *arena;
    lg_name_find_fn find;
    void *ctx;
    struct lg_diag *diag;
};

static bool pool_has_names(const struct lg_cfg_pool *p)
{
    for (uint32_t i = 0; i < p->backend_cnt; i++)
        if (p->backends[i].host)
            return true;
    return false;
}

bool lg_config_has_names(const struct lg_config *cfg)
{
    for (uint32_t i = 0; i < cfg->pool_cnt; i++)
        if (pool_has_names(&cfg->pools[i]))
            return true;
    return false;
}

/* is_usable: an address that could stand in the file. */
static bool is_usable(const struct maker *m, const struct lg_cfg_backend *be, const lg_ip_t *ip)
{
    char text[LG_IP_STR_SZ];
    const char *why = NULL;

    if (lg_ip_is_any(ip) || lg_ip_is_multicast(ip))
        why = "not the address of one machine";
    else if (lg_check_owner(m->file, ip))
        why = "an address of Lockgate's own";
    else if (!lg_check_has_route(m->file, ip))
        why = "not on the network of any port, and no route leads there";
    if (why)
        lg_diag_warn(m->diag, m->file->file, be->line, NULL, "%s is %s, which is %s: left out",
                     be->host, lg_ip_text(ip, text), why);
    return !why;
}

/* put adds one backend at an address, under a name of its own where there may be several. */
static lg_err_t put(const struct maker *m, const struct lg_cfg_backend *from, const lg_ip_t *ip,
                    struct lg_cfg_backend *to)
{
    char name[LG_IP_STR_SZ + 80], text[LG_IP_STR_SZ];

    *to = *from;
    to->addr.ip = *ip;
    if (from->resolve_first)
        return LG_OK;
    int len = snprintf(name, sizeof name, "%s@%s", from->name, lg_ip_text(ip, text));
    to->name = lg_arena_str(m->arena, name, (size_t)len);
    LG_CHECK(to->name, LG_E(NOMEM));
    return LG_OK;
}

static lg_err_t put_named(const struct maker *m, const struct lg_cfg_backend *be,
                          struct lg_cfg_backend *list, uint32_t *cnt)
{
    struct lg_name_addrs known = {0};
    uint32_t begin = *cnt;

    m->find(m->ctx, be->host, &known);
    for (uint32_t k = 0; k < known.cnt; k++) {
        uint32_t i = be->resolve_first ? (known.first + k) % known.cnt : k;
        if (!is_usable(m, be, &known.ips[i]))
            continue;
        LG_TRY(put(m, be, &known.ips[i], &list[(*cnt)++]));
        if (be->resolve_first)
            break;
    }
    if (*cnt > begin)
        return LG_OK;
    list[*cnt] = *be; /* there, and of no use */
    list[*cnt].weight = 0;
    list[(*cnt)++].drain = true;
    return LG_OK;
}

static lg_err_t resolve_pool(const struct maker *m, struct lg_cfg_pool *p)
{
    const struct lg_cfg_backend *old = p->backends;
    uint64_t max = 0;
    uint32_t cnt = 0;

    for (uint32_t i = 0; i < p->backend_cnt; i++)
        max += old[i].host && !old[i].resolve_first ? LG_NAME_ADDRS_MAX : 1u;
    struct lg_cfg_backend *list = lg_arena_alloc(m->arena, max, sizeof *list);
    LG_CHECK(list, LG_E(NOMEM));
    for (uint32_t i = 0; i < p->backend_cnt; i++) {
        if (old[i].host)
            LG_TRY(put_named(m, &old[i], list, &cnt));
        else
            list[cnt++] = old[i];
    }
    p->backends = list;
    p->backend_cnt = cnt;
    return LG_OK;
}

static lg_err_t resolve(const struct maker *m, struct lg_config *cfg)
{
    struct lg_cfg_pool *pools = lg_arena_alloc(m->arena, cfg->pool_cnt, sizeof *pools);

    LG_CHECK(pools, LG_E(NOMEM));
    memcpy(pools, cfg->pools, cfg->pool_cnt * sizeof *pools);
    cfg->pools = pools;
    for (uint32_t i = 0; i < cfg->pool_cnt; i++)
        if (pool_has_names(&pools[i]))
            LG_TRY(resolve_pool(m, &pools[i]));
    return LG_OK;
}

lg_err_t lg_config_resolve(struct lg_config *file, lg_name_find_fn find, void *ctx,
                           struct lg_config **out, struct lg_diag *diag)
{
    struct maker m = {.file = file, .find = find, .ctx = ctx, .diag = diag};
    struct lg_config *cfg;

    if (!lg_config_has_names(file)) {
        *out = lg_config_hold(file);
        return LG_OK;
    }
    m.arena = lg_arena_open();
    LG_CHECK(m.arena, LG_E(NOMEM));
    cfg = lg_arena_alloc(m.arena, 1, sizeof *cfg);
    lg_err_t err = LG_E(NOMEM);
    if (cfg) {
        *cfg = *file;
        cfg->arena = m.arena;
        cfg->ref_cnt = 1;
        err = resolve(&m, cfg);
    }
    if (!lg_is_ok(err)) {
        lg_arena_close(m.arena);
        return err;
    }
    cfg->base = lg_config_hold(file);
    *out = cfg;
    return LG_OK;
}
