/* SPDX-License-Identifier: GPL-2.0-or-later */
/* choose.c: which backend a connection or request goes to: the pick, another try, and the queue of
 * those for whom no backend has room. How a pick is made: dataplane/balance. */
#include "proxy_priv.h"

/* ------------------------------------------------------------- the queue */

static void list_view(struct lg_proxy *p, struct lg_pool_view *v)
{
    v->wait_next = p->waiting;
    v->wait_link = &p->waiting;
    if (v->wait_next)
        v->wait_next->wait_link = &v->wait_next;
    p->waiting = v;
}

static void unlist_view(struct lg_pool_view *v)
{
    *v->wait_link = v->wait_next;
    if (v->wait_next)
        v->wait_next->wait_link = v->wait_link;
}

/* wait_enter: at the end of the queue, for at most the pool's patience. */
static lg_err_t wait_enter(struct lg_session *s)
{
    const struct lg_cfg_pool *pool = lg_session_pool(s);
    struct lg_pool_view *v = lg_session_view(s);
    struct lg_proxy *p = s->p;

    if (v->wait_cnt >= pool->queue_max) {
        lg_stat_inc(p->env.stats, LG_STAT_PROXY_QUEUE_FULL);
        return LG_E(FULL);
    }
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_QUEUED);
    if (v->wait_cnt++ == 0)
        list_view(p, v);
    s->wait_next = NULL;
    s->wait_link = v->wait_tail;
    *v->wait_tail = s;
    v->wait_tail = &s->wait_next;
    lg_session_deadline(s, lg_ns_add(p->now_ns, pool->queue_timeout_ns));
    return LG_E(AGAIN);
}

void lg_wait_leave(struct lg_session *s)
{
    if (!s->wait_link)
        return;
    struct lg_pool_view *v = lg_session_view(s);
    *s->wait_link = s->wait_next;
    if (s->wait_next)
        s->wait_next->wait_link = s->wait_link;
    else
        v->wait_tail = s->wait_link;
    s->wait_link = NULL;
    if (--v->wait_cnt == 0)
        unlist_view(v);
}

/* ------------------------------------------------------------- the pick */

static struct lg_bal_ask ask_of(const struct lg_session *s)
{
    return (struct lg_bal_ask){
        .key = s->key,
        .has_key = s->has_key,
        .tried = s->tried,
        .tried_cnt = s->tried_cnt,
        .has_want = s->http.has_sticky,
        .want = s->http.sticky_idx,
    };
}

/* say_dead tells once that a pool has no usable backend, and once that it has again. */
static void say_dead(struct lg_session *s, bool is_dead)
{
    struct lg_pool_view *v = lg_session_view(s);

    if (v->was_dead == is_dead)
        return;
    v->was_dead = is_dead;
    lg_logring_put(s->p->env.log, s->p->env.stats, is_dead ? LG_LOG_ERROR : LG_LOG_INFO,
                   is_dead ? "pool %s: no backend is usable; clients are turned away"
                           : "pool %s: there are usable backends again",
                   lg_session_pool(s)->name);
}

static lg_err_t pick(struct lg_session *s, uint32_t *idx)
{
    struct lg_bal_ask ask = ask_of(s);
    enum lg_bal_outcome o = lg_bal_pick(&lg_session_view(s)->bal, &ask, s->p->now_ns, idx);

    say_dead(s, o == LG_BAL_DEAD);
    switch (o) {
    case LG_BAL_PICKED:
        break;
    case LG_BAL_FULL:
        return wait_enter(s);
    case LG_BAL_NONE:
        return LG_E(NO_ROUTE);
    case LG_BAL_DEAD:
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_NO_BACKEND);
        return LG_E(NO_BACKEND);
    }
    return LG_OK;
}

/* may_retry: for this one, and within what the pool may do; it spends the retry. */
static bool may_retry(struct lg_session *s)
{
    if (s->tried_cnt > lg_session_pool(s)->retry_max)
        return false;
    if (lg_budget_take(&lg_session_view(s)->budget, s->p->now_ns))
        return true;
    lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_RETRY_DENIED);
    return false;
}

void lg_back_note(struct lg_session *s, enum lg_outcome o)
{
    const struct lg_cfg_pool *pool = lg_session_pool(s);
    struct lg_bal_view *v = &lg_session_view(s)->bal;
    struct lg_proxy *p = s->p;

    if (!s->back && s->tried_cnt == 0)
        return;
    uint32_t idx = s->back ? s->back->backend_idx : s->tried[s->tried_cnt - 1];
    if (o == LG_OUT_FAIL)
        lg_seat_count(&v->items[idx].own->failed);
    lg_ns_t out_ns = lg_bal_note(v, idx, o, p->now_ns);
    if (out_ns == 0)
        return;
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_EJECTED);
    lg_logring_put(p->env.log, p->env.stats, LG_LOG_WARN,
                   "pool %s backend %s is left alone for %u ms: it fails the traffic it gets",
                   pool->name, pool->backends[idx].name, (unsigned)(out_ns / LG_MS(1)));
}

void lg_back_failed(struct lg_session *s)
{
    lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_BACKEND_FAIL);
    lg_back_note(s, LG_OUT_FAIL);
}

static lg_err_t begin(struct lg_session *s)
{
    for (;;) {
        uint32_t idx;
        if (!lg_back_has_room(s->p)) {
            lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_BACK_FULL);
            return wait_enter(s);
        }
        LG_TRY(pick(s, &idx));
        if (s->tried_cnt < LG_TRIED_MAX)
            s->tried[s->tried_cnt++] = idx;
        lg_err_t e = lg_back_connect(s, idx);
        if (!lg_err_is(e, LG_ERR_NO_ROUTE))
            return e;
        lg_back_failed(s);
        if (!may_retry(s))
            return e;
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_RETRIED);
    }
}

lg_err_t lg_back_begin(struct lg_session *s)
{
    s->access.has_pool = true;
    lg_budget_earn(&lg_session_view(s)->budget, lg_session_pool(s)->retry_budget, s->p->now_ns);
    if (lg_session_view(s)->wait_cnt > 0) /* nobody overtakes the queue */
        return wait_enter(s);
    return begin(s);
}

lg_err_t lg_back_retry(struct lg_session *s)
{
    LG_CHECK(may_retry(s), LG_E(NO_ROUTE));
    lg_err_t e = begin(s);
    if (lg_is_ok(e) || lg_err_is(e, LG_ERR_AGAIN))
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_RETRIED);
    return e;
}

/* ------------------------------------------------------------- after a wait */

static void go_on(struct lg_session *s)
{
    lg_wait_leave(s);
    lg_err_t begun = begin(s);
    if (s->state == LG_S_RELAY)
        lg_relay_begun(s, begun);
    else
        lg_http_begun(s, begun);
    lg_session_queue(s);
}

/* Those that have tried a backend before, or have one that they stay with, may wait for fewer ones
 * than those behind them, who pass them by; this many are looked at. */
#define PASSED_MAX 16u

static unsigned serve(struct lg_proxy *p, struct lg_pool_view *v)
{
    unsigned done = 0, passed = 0;

    for (struct lg_session *s = v->wait_head, *next;
         s && passed < PASSED_MAX && lg_back_has_room(p); s = next) {
        struct lg_bal_ask ask = ask_of(s);
        next = s->wait_next;
        if (!lg_bal_is_full(&v->bal, &ask, p->now_ns)) {
            go_on(s);
            done++;
        } else if (s->tried_cnt > 0 || ask.has_want) {
            passed++;
        } else {
            break;
        }
    }
    return done;
}

unsigned lg_wait_poll(struct lg_proxy *p)
{
    unsigned done = 0;

    if (!p->waiting || (!p->has_freed && p->now_ns < p->wait_ns))
        return 0;
    p->has_freed = false;
    p->wait_ns = p->now_ns + LG_WAIT_NS;
    for (struct lg_pool_view *v = p->waiting, *next; v; v = next) {
        next = v->wait_next; /* serving takes at most v itself off the list */
        done += serve(p, v);
    }
    return done;
}
