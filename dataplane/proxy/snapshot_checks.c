/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* snapshot_checks.c: which checks a snapshot needs: one for each address that is asked in one way,
 * whichever pools name it; those of the snapshot before are kept. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

static bool is_same_asking(const struct lg_cfg_health *a, const struct lg_cfg_health *b)
{
    return a->type == b->type && a->interval_ns == b->interval_ns && a->fast_ns == b->fast_ns &&
           a->timeout_ns == b->timeout_ns && a->rise == b->rise && a->fall == b->fall &&
           strcmp(a->method, b->method) == 0 && strcmp(a->path, b->path) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->body, b->body) == 0 &&
           a->expect_cnt == b->expect_cnt &&
           (a->expect_cnt == 0 ||
            memcmp(a->expect, b->expect, a->expect_cnt * sizeof *a->expect) == 0);
}

/* is_same: one answer serves both. Under TLS only within a pool: another's may ask for more. */
static bool is_same(const struct lg_check_entry *e, const struct lg_cfg_pool *of,
                    const struct lg_cfg_pool *pool, const struct lg_endpoint *addr)
{
    return e->check->addr.port == addr->port && lg_ip_eq(&e->check->addr.ip, &addr->ip) &&
           is_same_asking(&of->health, &pool->health) && of->tls.on == pool->tls.on &&
           of->proxy_protocol == pool->proxy_protocol &&
           (!pool->tls.on || strcmp(of->name, pool->name) == 0);
}

/* find gives the slot of the map with this check, or the empty one where it would go. */
static uint32_t *find(const struct lg_snapshot *s, const struct lg_cfg_pool *pool,
                      const struct lg_endpoint *addr)
{
    uint32_t i = lg_snapshot_bind_hash(&addr->ip, addr->port) & s->check_mask;

    for (; s->check_map[i]; i = (i + 1) & s->check_mask) {
        const struct lg_check_entry *e = &s->checks[s->check_map[i] - 1];
        if (is_same(e, s->pools[e->pool_idx].bal.cfg, pool, addr))
            break;
    }
    return &s->check_map[i];
}

static struct lg_check *take_check(const struct lg_snapshot *s, const struct lg_snapshot *prev,
                                   const struct lg_cfg_pool *pool, const struct lg_endpoint *addr)
{
    const uint32_t *slot = prev && prev->check_map ? find(prev, pool, addr) : NULL;

    if (!slot || !*slot)
        return lg_check_open(addr, s->worker_cnt);
    struct lg_check *c = prev->checks[*slot - 1].check;
    c->ref_cnt++;
    return c;
}

static lg_err_t add(struct lg_snapshot *s, const struct lg_snapshot *prev, uint32_t pool_idx,
                    uint32_t backend_idx)
{
    struct lg_bal_pool *p = &s->pools[pool_idx].bal;
    const struct lg_endpoint *addr = &p->cfg->backends[backend_idx].addr;
    uint32_t *slot = find(s, p->cfg, addr);

    if (!*slot) {
        struct lg_check *c = take_check(s, prev, p->cfg, addr);
        LG_CHECK(c, LG_E(NOMEM));
        s->checks[s->check_cnt++] = (struct lg_check_entry){c, pool_idx, backend_idx};
        *slot = s->check_cnt; /* the index plus one: 0 is empty */
    }
    p->checks[backend_idx] = s->checks[*slot - 1].check;
    return LG_OK;
}

lg_err_t lg_snapshot_checks_open(struct lg_snapshot *s, const struct lg_snapshot *prev)
{
    uint32_t cnt = 0, slot_cnt = 2;

    s->checks = NULL;
    s->check_map = NULL;
    s->check_cnt = 0;
    for (uint32_t i = 0; i < s->pool_cnt; i++)
        if (s->pools[i].bal.cfg->health.type != LG_HEALTH_NONE)
            cnt += s->pools[i].bal.cnt;
    if (cnt == 0)
        return LG_OK;
    while (slot_cnt < 2 * cnt)
        slot_cnt *= 2;
    s->checks = calloc(cnt, sizeof *s->checks);
    s->check_map = calloc(slot_cnt, sizeof *s->check_map);
    LG_CHECK(s->checks && s->check_map, LG_E(NOMEM));
    s->check_mask = slot_cnt - 1;
    for (uint32_t i = 0; i < s->pool_cnt; i++) {
        struct lg_bal_pool *p = &s->pools[i].bal;
        if (p->cfg->health.type == LG_HEALTH_NONE)
            continue;
        p->checks = calloc(p->cnt, sizeof(struct lg_check *));
        LG_CHECK(p->checks, LG_E(NOMEM));
        for (uint32_t b = 0; b < p->cnt; b++)
            if (!lg_ip_is_any(&p->cfg->backends[b].addr.ip)) /* a name without an address */
                LG_TRY(add(s, prev, i, b));
    }
    return LG_OK;
}

void lg_snapshot_checks_close(struct lg_snapshot *s)
{
    for (uint32_t i = 0; i < s->check_cnt; i++)
        lg_check_give(s->checks[i].check);
    free(s->checks);
    free(s->check_map);
}
