/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* pool.c: making and unmaking pools and views, on the control thread. */
#include "view.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const struct lg_seat *s, const struct lg_cfg_pool *pool,
                    const struct lg_cfg_backend *be)
{
    return s->addr.port == be->addr.port && lg_ip_eq(&s->addr.ip, &be->addr.ip) &&
           strcmp(s->name, be->name) == 0 && strcmp(s->pool, pool->name) == 0;
}

/* find_seat looks in the pool before, first where it stands now: most reloads move nothing. */
static struct lg_seat *find_seat(const struct lg_bal_pool *prev, const struct lg_cfg_pool *pool,
                                 uint32_t idx)
{
    const struct lg_cfg_backend *be = &pool->backends[idx];
    uint32_t cnt = prev ? prev->cnt : 0;

    if (idx < cnt && is_same(prev->seats[idx], pool, be))
        return prev->seats[idx];
    for (uint32_t i = 0; i < cnt; i++)
        if (is_same(prev->seats[i], pool, be))
            return prev->seats[i];
    return NULL;
}

static bool is_hashing(enum lg_balance how)
{
    return how == LG_BALANCE_SOURCE || how == LG_BALANCE_URI || how == LG_BALANCE_HEADER ||
           how == LG_BALANCE_COOKIE;
}

/* id_of: a backend is told by its address, so that all machines of a site agree, whatever they call
 * it and wherever it stands in the list. */
static uint64_t id_of(const struct lg_cfg_backend *be)
{
    uint8_t id[18];

    memcpy(id, be->addr.ip.b, 16);
    id[16] = (uint8_t)(be->addr.port >> 8);
    id[17] = (uint8_t)be->addr.port;
    return lg_bal_hash(id, sizeof id);
}

/* build_table: backups and those that get nothing have no slots. */
static lg_err_t build_table(struct lg_bal_pool *p)
{
    uint32_t cnt = p->cnt;
    uint64_t *ids = calloc(cnt, sizeof *ids);
    uint32_t *weights = calloc(cnt, sizeof *weights);
    uint32_t *scratch = calloc(3 * (size_t)cnt, sizeof *scratch);
    uint32_t any = 0;

    p->slot_cnt = lg_maglev_slots(cnt);
    p->maglev = malloc(p->slot_cnt * sizeof *p->maglev);
    bool good = ids && weights && scratch && p->maglev;
    for (uint32_t i = 0; good && i < cnt; i++) {
        const struct lg_cfg_backend *be = &p->cfg->backends[i];
        ids[i] = id_of(be);
        weights[i] = be->backup || be->drain ? 0 : be->weight;
        any |= weights[i];
    }
    if (good && any)
        lg_maglev_build(ids, weights, cnt, scratch, p->maglev, p->slot_cnt);
    if (!good || !any) {
        free(p->maglev);
        p->maglev = NULL;
    }
    free(ids);
    free(weights);
    free(scratch);
    return good ? LG_OK : LG_E(NOMEM);
}

lg_err_t lg_bal_pool_open(struct lg_bal_pool *p, const struct lg_cfg_pool *cfg,
                          const struct lg_bal_pool *prev, uint32_t worker_cnt, bool is_late)
{
    *p = (struct lg_bal_pool){.cfg = cfg, .cnt = cfg->backend_cnt};
    p->seats = calloc(cfg->backend_cnt, sizeof(struct lg_seat *));
    LG_CHECK(p->seats, LG_E(NOMEM));
    for (uint32_t i = 0; i < p->cnt; i++) {
        const struct lg_cfg_backend *be = &cfg->backends[i];
        struct lg_seat *s = find_seat(prev, cfg, i);
        if (s)
            s->ref_cnt++;
        else
            s = lg_seat_open(cfg->name, be->name, &be->addr, worker_cnt, is_late);
        LG_CHECK(s, LG_E(NOMEM));
        p->seats[i] = s;
        p->has_limits |= be->max_connections > 0;
    }
    p->sees_others = worker_cnt > 1 && (p->has_limits || cfg->balance.how == LG_BALANCE_LEASTCONN ||
                                        cfg->balance.how == LG_BALANCE_EWMA);
    return is_hashing(cfg->balance.how) ? build_table(p) : LG_OK;
}

void lg_bal_pool_close(struct lg_bal_pool *p)
{
    for (uint32_t i = 0; p->seats && i < p->cnt; i++)
        lg_seat_give(p->seats[i]);
    free(p->seats);
    free(p->checks);
    free(p->maglev);
}

lg_err_t lg_bal_view_open(struct lg_bal_view *v, const struct lg_bal_pool *pool, uint32_t worker)
{
    size_t sz = lg_align_up(pool->cnt * sizeof *v->items, LG_CACHE_PAIR);

    *v = (struct lg_bal_view){.pool = pool, .worker = worker};
    v->items = aligned_alloc(LG_CACHE_PAIR, sz);
    LG_CHECK(v->items, LG_E(NOMEM));
    memset(v->items, 0, sz);
    for (uint32_t i = 0; i < pool->cnt; i++) {
        v->items[i].seat = pool->seats[i];
        v->items[i].own = &pool->seats[i]->part[worker];
        v->items[i].id = id_of(&pool->cfg->backends[i]);
    }
    /* Different on every worker, and the same in every run: nothing secret hangs on it. */
    v->rng = lg_bal_mix(worker + 1);
    v->rotor = worker;
    return LG_OK;
}

void lg_bal_view_close(struct lg_bal_view *v)
{
    free(v->items);
}
