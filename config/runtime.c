/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* runtime.c: what backends differ in from the file, and the configuration that comes of it. */
#include "runtime.h"

#include "cfg_arena.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- finding */

static const struct lg_cfg_pool *find_pool(const struct lg_config *cfg, const char *name)
{
    for (uint32_t i = 0; i < cfg->pool_cnt; i++)
        if (strcmp(cfg->pools[i].name, name) == 0)
            return &cfg->pools[i];
    return NULL;
}

static const struct lg_cfg_backend *find_backend(const struct lg_cfg_pool *p, const char *name)
{
    for (uint32_t i = 0; i < p->backend_cnt; i++)
        if (strcmp(p->backends[i].name, name) == 0)
            return &p->backends[i];
    return NULL;
}

static struct lg_cfg_change *find_change(const struct lg_cfg_changes *c, const char *pool,
                                         const char *backend)
{
    for (uint32_t i = 0; i < c->cnt; i++)
        if (strcmp(c->list[i].pool, pool) == 0 && strcmp(c->list[i].backend, backend) == 0)
            return &c->list[i];
    return NULL;
}

/* ---------------------------------------------------------------- judging */

static void say(struct lg_diag *diag, const char *pool, const char *backend, const char *text)
{
    lg_diag_error(diag, NULL, 0, NULL, "pool %s, backend %s: %s", pool, backend, text);
}

static lg_err_t check_add(const struct lg_config *now, const struct lg_cfg_pool *p,
                          const char *name, const struct lg_cfg_backend *be, struct lg_diag *diag)
{
    const char *why = NULL;
    bool is_odd = name[0] == '\0';

    for (const char *c = name; *c; c++)
        is_odd = is_odd || (uint8_t)*c <= ' ' || (uint8_t)*c >= 0x7f || strchr("/\"\\", *c);
    if (is_odd)
        why = "a name is printable characters without blanks, quotes and slashes";
    else if (find_backend(p, name))
        why = "there is one of that name already";
    else if (p->backend_cnt >= LG_CHANGES_MAX)
        why = "the pool has too many backends";
    else if (lg_ip_is_any(&be->addr.ip) || lg_check_owner(now, &be->addr.ip))
        why = "its address is no backend server's";
    else if (!lg_check_has_route(now, &be->addr.ip))
        why = "its address is not on the network of any port, and no route leads there";
    if (!why)
        return LG_OK;
    say(diag, p->name, name, why);
    return LG_E(CONFIG);
}

static lg_err_t check(const struct lg_config *now, enum lg_change_what what, const char *pool,
                      const char *backend, const struct lg_cfg_backend *be, struct lg_diag *diag)
{
    const struct lg_cfg_pool *p = find_pool(now, pool);
    const char *why = NULL;

    if (!p) {
        lg_diag_error(diag, NULL, 0, NULL, "there is no pool %s", pool);
        return LG_E(CONFIG);
    }
    if (strlen(pool) >= LG_CHANGE_NAME_SZ || strlen(backend) >= LG_CHANGE_NAME_SZ)
        why = "the name is too long";
    else if (what != LG_CHANGE_REMOVE && what != LG_CHANGE_DRAIN && be->weight > LG_WEIGHT_MAX)
        why = "a weight is at most 256";
    else if (what == LG_CHANGE_ADD)
        return check_add(now, p, backend, be, diag);
    else if (!find_backend(p, backend))
        why = "there is none of that name";
    else if (what == LG_CHANGE_REMOVE && p->backend_cnt == 1)
        why = "the last one of a pool cannot be removed; drain it";
    if (!why)
        return LG_OK;
    say(diag, pool, backend, why);
    return LG_E(CONFIG);
}

/* ---------------------------------------------------------------- noting */

/* is_without: is it there without changes? Of a configuration that has any, the base has none. */
static bool is_without(const struct lg_config *now, const char *pool, const char *backend)
{
    const struct lg_cfg_pool *p = now->base ? find_pool(now->base, pool) : NULL;

    return p && find_backend(p, backend);
}

static void drop(struct lg_cfg_changes *c, struct lg_cfg_change *one)
{
    c->cnt--;
    memmove(one, one + 1, (size_t)(c->list + c->cnt - one) * sizeof *one);
}

static lg_err_t new_change(struct lg_cfg_changes *c, const char *pool, const char *backend,
                           struct lg_cfg_change **out)
{
    LG_CHECK(c->cnt < LG_CHANGES_MAX, LG_E(FULL));
    if (c->cnt == c->room) {
        uint32_t room = c->room ? 2 * c->room : 16;
        struct lg_cfg_change *grown = realloc(c->list, room * sizeof *grown);
        LG_CHECK(grown, LG_E(NOMEM));
        c->list = grown;
        c->room = room;
    }
    struct lg_cfg_change *one = &c->list[c->cnt++];
    *one = (struct lg_cfg_change){0};
    snprintf(one->pool, sizeof one->pool, "%s", pool);
    snprintf(one->backend, sizeof one->backend, "%s", backend);
    *out = one;
    return LG_OK;
}

lg_err_t lg_changes_add(struct lg_cfg_changes *c, const struct lg_config *now,
                        enum lg_change_what what, const char *pool, const char *backend,
                        const struct lg_cfg_backend *be, struct lg_diag *diag)
{
    LG_TRY(check(now, what, pool, backend, be, diag));
    struct lg_cfg_change *one = find_change(c, pool, backend);
    if (!one)
        LG_TRY(new_change(c, pool, backend, &one));
    switch (what) {
    case LG_CHANGE_DRAIN:
        one->has_drain = true;
        one->be.drain = be->drain;
        break;
    case LG_CHANGE_WEIGHT:
        one->has_weight = true;
        one->be.weight = be->weight;
        break;
    case LG_CHANGE_ADD:
        one->is_added = true;
        one->be = *be;
        break;
    case LG_CHANGE_REMOVE:
        if (one->is_added && !one->is_removed && !is_without(now, pool, backend)) {
            drop(c, one); /* it came by hand and goes by hand */
            break;
        }
        one->is_removed = true;
        one->is_added = one->has_drain = one->has_weight = false;
        break;
    }
    return LG_OK;
}

void lg_changes_clear(struct lg_cfg_changes *c)
{
    free(c->list);
    *c = (struct lg_cfg_changes){0};
}

/* ---------------------------------------------------------------- deriving */

static lg_err_t derive_pool(struct lg_cfg_pool *p, const struct lg_cfg_changes *c,
                            struct lg_arena *arena)
{
    const struct lg_cfg_pool file = *p;
    struct lg_cfg_backend *list =
        lg_arena_alloc(arena, (size_t)file.backend_cnt + c->cnt, sizeof *list);
    uint32_t cnt = 0;

    LG_CHECK(list, LG_E(NOMEM));
    for (uint32_t i = 0; i < file.backend_cnt; i++) {
        const struct lg_cfg_change *one = find_change(c, p->name, file.backends[i].name);
        if (one && (one->is_removed || one->is_added))
            continue;
        list[cnt] = file.backends[i];
        if (one && one->has_drain)
            list[cnt].drain = one->be.drain;
        if (one && one->has_weight)
            list[cnt].weight = one->be.weight;
        cnt++;
    }
    for (uint32_t i = 0; i < c->cnt; i++) {
        const struct lg_cfg_change *one = &c->list[i];
        if (!one->is_added || strcmp(one->pool, p->name) != 0)
            continue;
        list[cnt] = one->be;
        list[cnt].name = lg_arena_str(arena, one->backend, strlen(one->backend));
        LG_CHECK(list[cnt++].name, LG_E(NOMEM));
    }
    if (cnt == 0) /* all that a name has now was removed by hand: a pool has one at least */
        return LG_OK;
    p->backends = list;
    p->backend_cnt = cnt;
    return LG_OK;
}

static lg_err_t derive(struct lg_config *cfg, const struct lg_cfg_changes *c,
                       struct lg_arena *arena)
{
    struct lg_cfg_pool *pools = lg_arena_alloc(arena, cfg->pool_cnt, sizeof *pools);

    LG_CHECK(pools, LG_E(NOMEM));
    memcpy(pools, cfg->pools, cfg->pool_cnt * sizeof *pools);
    cfg->pools = pools;
    for (uint32_t i = 0; i < cfg->pool_cnt; i++) {
        bool is_changed = false;
        for (uint32_t k = 0; k < c->cnt && !is_changed; k++)
            is_changed = strcmp(c->list[k].pool, pools[i].name) == 0;
        if (is_changed)
            LG_TRY(derive_pool(&pools[i], c, arena));
    }
    return LG_OK;
}

lg_err_t lg_config_derive(struct lg_config *file, const struct lg_cfg_changes *c,
                          struct lg_config **out)
{
    struct lg_arena *arena = lg_arena_open();
    struct lg_config *cfg = arena ? lg_arena_alloc(arena, 1, sizeof *cfg) : NULL;
    lg_err_t e = LG_E(NOMEM);

    if (cfg) {
        *cfg = *file;
        cfg->arena = arena;
        cfg->ref_cnt = 1;
        cfg->base = NULL;
        e = derive(cfg, c, arena);
    }
    if (!lg_is_ok(e)) {
        lg_arena_close(arena);
        return e;
    }
    cfg->base = lg_config_hold(file);
    *out = cfg;
    return LG_OK;
}
