/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.c: what each backend is worth now, and the pick among them. Making pools and views: pool.c.
 */
#include "view.h"

#include "siphash.h"

/* Between two looks; and for each backend and worker, so that looking never takes more than a few
 * hundredths of a worker's time. */
#define LOOK_NS LG_MS(1)
#define LOOK_EACH_NS LG_US(1)

uint64_t lg_bal_hash(const void *data, size_t len)
{
    /* Fixed: two machines shall choose alike. Whoever finds keys that collide harms himself. */
    static const struct lg_sipkey key = {{0x6c6f636b67617465ull, 0x62616c616e636531ull}};
    return lg_siphash(&key, data, len);
}

void lg_bal_view_begin(struct lg_bal_view *v)
{
    uint32_t cnt = v->pool->cnt;

    for (uint32_t i = 0; i < cnt; i++)
        v->items[i].current = v->items[i].own->current;
    v->look_ns = 0;
}

void lg_bal_view_end(struct lg_bal_view *v)
{
    uint32_t cnt = v->pool->cnt;

    for (uint32_t i = 0; i < cnt; i++)
        v->items[i].own->current = v->items[i].current;
}

/* ------------------------------------------------------------- looking */

/* ramp is what a backend of weight `full` is worth some time after it came into use: a sixty-fourth
 * at first, all of it when slow_start has passed. */
static uint32_t ramp(uint32_t full, lg_ns_t since_ns, lg_ns_t slow_ns)
{
    if (since_ns >= slow_ns)
        return full;
    uint32_t part = (uint32_t)((unsigned __int128)full * since_ns / slow_ns);
    return LG_MAX(part, LG_MAX(full / 64, 1u));
}

/* is_in_service: the configuration gives it work. */
static bool is_in_service(const struct lg_bal_view *v, uint32_t i)
{
    const struct lg_cfg_backend *be = &v->pool->cfg->backends[i];

    return be->weight > 0 && !be->drain;
}

/* is_alive: nothing is known against it. */
static bool is_alive(const struct lg_bal_view *v, uint32_t i, lg_ns_t now_ns)
{
    return !lg_is_ejected(v->items[i].own, now_ns) &&
           !(v->pool->checks && v->pool->checks[i] && lg_check_is_down(v->pool->checks[i]));
}

static bool is_usable(const struct lg_bal_view *v, uint32_t i, lg_ns_t now_ns)
{
    return is_in_service(v, i) && is_alive(v, i, now_ns);
}

static void look_at(struct lg_bal_view *v, uint32_t i, lg_ns_t now_ns)
{
    const struct lg_cfg_pool *cfg = v->pool->cfg;
    struct lg_bal_item *it = &v->items[i];
    struct lg_seat_part *own = it->own;
    bool is_up = is_usable(v, i, now_ns);

    if (!own->is_seen) {
        own->is_warm = !it->seat->is_late;
        own->up_since_ns = now_ns;
    } else if (is_up && !own->was_up) {
        own->is_warm = false;
        own->up_since_ns = now_ns;
    }
    own->is_seen = true;
    own->was_up = is_up;
    it->full = cfg->backends[i].weight * LG_WEIGHT_ONE;
    it->live = 0;
    if (is_up)
        it->live = own->is_warm
                       ? it->full
                       : ramp(it->full, lg_ns_since(now_ns, own->up_since_ns), cfg->slow_start_ns);
    it->others = v->pool->sees_others ? lg_seat_others(it->seat, v->worker) : 0;
}

/* look brings the items up to date. live_cnt counts all that are usable, backups too. */
static void look(struct lg_bal_view *v, lg_ns_t now_ns)
{
    uint32_t cnt = v->pool->cnt;
    bool is_first = !v->items[0].own->is_seen;

    v->live_cnt = 0;
    for (uint32_t i = 0; i < cnt; i++) {
        look_at(v, i, now_ns);
        v->live_cnt += v->items[i].live > 0;
    }
    v->look_ns = now_ns + LOOK_NS + (lg_ns_t)cnt * v->items[0].seat->part_cnt * LOOK_EACH_NS;
    if (!is_first)
        return;
    for (uint32_t i = 0; i < cnt; i++)
        v->items[i].weight = v->items[i].live;
    for (uint32_t k = 0; k < v->worker; k++) /* workers start at different backends */
        (void)lg_pick_wrr(v->items, cnt);
}

/* ------------------------------------------------------------- picking */

static bool is_tried(const struct lg_bal_ask *ask, uint32_t i)
{
    for (uint32_t k = 0; k < ask->tried_cnt; k++)
        if (ask->tried[k] == i)
            return true;
    return false;
}

static bool is_full(const struct lg_bal_view *v, uint32_t i)
{
    const struct lg_bal_item *it = &v->items[i];
    uint32_t max = v->pool->cfg->backends[i].max_connections;

    return max > 0 && (uint64_t)lg_seat_active(it->own) + it->others >= max;
}

/* offer sets the weights of those of one kind (backups or not) that may be picked.
 *   Returns  how many are usable; *open_cnt how many of them can be picked now */
static uint32_t offer(struct lg_bal_view *v, const struct lg_bal_ask *ask, bool backup,
                      uint32_t *open_cnt)
{
    const struct lg_cfg_pool *cfg = v->pool->cfg;
    uint32_t usable = 0;

    *open_cnt = 0;
    for (uint32_t i = 0; i < v->pool->cnt; i++) {
        struct lg_bal_item *it = &v->items[i];
        it->weight = 0;
        if (cfg->backends[i].backup != backup || it->live == 0 || is_tried(ask, i))
            continue;
        usable++;
        if (v->pool->has_limits && is_full(v, i))
            continue;
        it->weight = it->live;
        ++*open_cnt;
    }
    return usable;
}

static uint32_t choose(struct lg_bal_view *v, const struct lg_bal_ask *ask, lg_ns_t now_ns)
{
    const struct lg_bal_pool *p = v->pool;
    uint32_t cnt = p->cnt;

    switch (p->cfg->balance.how) {
    case LG_BALANCE_ROUNDROBIN:
        break;
    case LG_BALANCE_LEASTCONN:
        return lg_pick_least(v->items, cnt, &v->rotor);
    case LG_BALANCE_EWMA:
        return lg_pick_ewma(v->items, cnt, &v->rng, now_ns);
    case LG_BALANCE_SOURCE:
    case LG_BALANCE_URI:
    case LG_BALANCE_HEADER:
    case LG_BALANCE_COOKIE:
        if (ask->has_key)
            return lg_pick_hash(v->items, cnt, p->maglev, p->slot_cnt, ask->key);
        break;
    }
    return lg_pick_wrr(v->items, cnt);
}

/* wanted says how the one does that is asked for: NONE, and then another is picked. */
static enum lg_bal_outcome wanted(const struct lg_bal_view *v, const struct lg_bal_ask *ask,
                                  lg_ns_t now_ns)
{
    if (!ask->has_want || is_tried(ask, ask->want) || !is_alive(v, ask->want, now_ns))
        return LG_BAL_NONE;
    return v->pool->has_limits && is_full(v, ask->want) ? LG_BAL_FULL : LG_BAL_PICKED;
}

/* prepare offers those that may be picked, and says what a pick would say. */
static enum lg_bal_outcome prepare(struct lg_bal_view *v, const struct lg_bal_ask *ask,
                                   lg_ns_t now_ns)
{
    uint32_t open_cnt;

    if (now_ns >= v->look_ns)
        look(v, now_ns);
    enum lg_bal_outcome o = wanted(v, ask, now_ns);
    if (o != LG_BAL_NONE)
        return o;
    if (v->live_cnt == 0)
        return LG_BAL_DEAD;
    uint32_t usable = offer(v, ask, false, &open_cnt);
    if (usable == 0)
        usable = offer(v, ask, true, &open_cnt);
    if (usable == 0)
        return LG_BAL_NONE;
    return open_cnt ? LG_BAL_PICKED : LG_BAL_FULL;
}

bool lg_bal_is_full(struct lg_bal_view *v, const struct lg_bal_ask *ask, lg_ns_t now_ns)
{
    return prepare(v, ask, now_ns) == LG_BAL_FULL;
}

enum lg_bal_outcome lg_bal_pick(struct lg_bal_view *v, const struct lg_bal_ask *ask, lg_ns_t now_ns,
                                uint32_t *idx)
{
    enum lg_bal_outcome o = prepare(v, ask, now_ns);
    if (o == LG_BAL_PICKED)
        *idx = wanted(v, ask, now_ns) == o ? ask->want : choose(v, ask, now_ns);
    return o;
}

lg_ns_t lg_bal_note(struct lg_bal_view *v, uint32_t idx, enum lg_outcome o, lg_ns_t now_ns)
{
    const struct lg_cfg_ejection *cfg = &v->pool->cfg->ejection;
    uint32_t out = 0, all = 0;

    if (!lg_eject_note(v->items[idx].own, cfg, o, now_ns))
        return 0;
    for (uint32_t i = 0; i < v->pool->cnt; i++) {
        if (!is_in_service(v, i))
            continue;
        all++;
        out += i == idx || !is_usable(v, i, now_ns);
    }
    if (2 * out > all) /* the rest would not bear it, or fails too, or is down already */
        return 0;
    v->look_ns = 0;
    return lg_eject(v->items[idx].own, cfg, now_ns);
}
