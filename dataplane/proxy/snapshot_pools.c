/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* snapshot_pools.c: the pools of a snapshot, made and unmade on the control thread. */
#include "snapshot.h"
#include "sticky.h"

#include <stdlib.h>
#include <string.h>

/* open_views makes a worker's views, on lines of their own. */
static lg_err_t open_views(struct lg_snapshot *s, uint32_t worker)
{
    uint32_t cnt = s->pool_cnt;
    size_t sz = lg_align_up(cnt * sizeof(struct lg_pool_view), LG_CACHE_PAIR);
    struct lg_pool_view *views = aligned_alloc(LG_CACHE_PAIR, sz);

    LG_CHECK(views, LG_E(NOMEM));
    memset(views, 0, sz);
    s->workers[worker].pools = views;
    for (uint32_t i = 0; i < cnt; i++) {
        views[i].wait_tail = &views[i].wait_head;
        LG_TRY(lg_bal_view_open(&views[i].bal, &s->pools[i].bal, worker));
    }
    return LG_OK;
}

lg_err_t lg_snapshot_pools_open(struct lg_snapshot *s, const struct lg_snapshot *prev)
{
    const struct lg_config *cfg = s->cfg;
    bool is_late = prev != NULL;

    s->pools = calloc(cfg->pool_cnt, sizeof *s->pools);
    LG_CHECK(s->pools, LG_E(NOMEM));
    s->pool_cnt = cfg->pool_cnt;
    for (uint32_t i = 0; i < cfg->pool_cnt; i++) {
        const struct lg_pool_entry *old =
            prev ? lg_snapshot_pool(prev, cfg->pools[i].name, i) : NULL;
        LG_TRY(lg_bal_pool_open(&s->pools[i].bal, &cfg->pools[i], old ? &old->bal : NULL,
                                s->worker_cnt, is_late));
    }
    for (uint32_t k = 0; k < s->worker_cnt; k++)
        LG_TRY(open_views(s, k));
    return lg_snapshot_checks_open(s, prev);
}

void lg_snapshot_pools_close(struct lg_snapshot *s)
{
    for (uint32_t k = 0; s->workers && k < s->worker_cnt; k++) {
        for (uint32_t i = 0; s->workers[k].pools && i < s->pool_cnt; i++)
            lg_bal_view_close(&s->workers[k].pools[i].bal);
        free(s->workers[k].pools);
    }
    for (uint32_t i = 0; i < s->pool_cnt; i++) {
        if (s->pools[i].bal.cfg)
            lg_bal_pool_close(&s->pools[i].bal);
        lg_sticky_free(s->pools[i].sticky);
        if (s->pools[i].tls)
            lg_tls_policy_free(s->pools[i].tls);
    }
    free(s->pools);
    lg_snapshot_checks_close(s);
}
