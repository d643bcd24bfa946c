/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sched.c: when what begins. A closed loop begins an operation as soon as a connection is free. An
 * open loop begins them at even times, whatever the server does: one that finds no free connection
 * waits, and its latency counts from when it was due. */
#include "blast.h"

#define BEGIN_MAX 64u    /* operations a group begins in one turn */
#define OPENING_MAX 256u /* kept connections being opened at once: a ramp is no storm */
#define CLOSE_MAX 1024u  /* connections ended in one turn */

void bl_queue_push(struct bl_queue *q, struct bl_conn *c)
{
    c->next = NULL;
    c->prev = q->tail;
    if (q->tail)
        q->tail->next = c;
    else
        q->head = c;
    q->tail = c;
    q->cnt++;
    c->queue = q;
}

void bl_queue_remove(struct bl_conn *c)
{
    struct bl_queue *q = c->queue;
    if (!q)
        return;
    if (c->prev)
        c->prev->next = c->next;
    else
        q->head = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        q->tail = c->prev;
    c->next = c->prev = NULL;
    c->queue = NULL;
    q->cnt--;
}

static lg_ns_t step_of(double per_second)
{
    double ns = 1e9 / per_second;
    return ns < 1 ? 1 : (lg_ns_t)ns;
}

void bl_groups_start(struct bl_worker *w)
{
    const struct bl_opts *o = w->o;
    w->begin_ns = w->now_ns;
    w->from_ns = lg_ns_add(w->begin_ns, o->warmup_ns);
    w->to_ns = lg_ns_add(w->from_ns, o->duration_ns);
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        struct bl_group *g = &w->groups[i];
        g->start_ns = lg_ns_add(w->begin_ns, g->o->start_ns);
        g->stop_ns = g->o->stop_ns ? lg_ns_add(w->begin_ns, g->o->stop_ns) : LG_NS_NEVER;
        g->next_op_ns = g->next_open_ns = g->start_ns;
        g->is_waiting = g->o->after_ramp && g->o->kind != BL_IDLE;
        if (g->o->kind == BL_IDLE)
            w->to_ns = LG_NS_NEVER; /* until it is ramped up: see mind_ramps */
        if (g->o->kind == BL_ORIGIN)
            w->to_ns = LG_NS_NEVER; /* until it is told to stop */
    }
}

static bool has_enough(const struct bl_group *g)
{
    return g->o->count && g->r.ops >= g->o->count;
}

static bool is_ramped_up(const struct bl_worker *w)
{
    for (uint32_t i = 0; i < w->group_cnt; i++)
        if (w->groups[i].o->kind == BL_IDLE && w->groups[i].ramp_end_ns == 0)
            return false;
    return true;
}

/* is_active: may this group begin operations now? */
static bool is_active(struct bl_group *g)
{
    lg_ns_t now_ns = g->w->now_ns;
    if (g->is_waiting) {
        if (!is_ramped_up(g->w))
            return false;
        g->is_waiting = false;
        g->next_op_ns = g->next_open_ns = LG_MAX(g->start_ns, now_ns);
    }
    return now_ns >= g->start_ns && now_ns < g->stop_ns && !has_enough(g);
}

/* may_begin: is an operation of this group due? *due_ns: since when. */
static bool may_begin(struct bl_group *g, lg_ns_t *due_ns)
{
    lg_ns_t now_ns = g->w->now_ns;
    if (g->o->rate == 0) {
        *due_ns = now_ns;
        return true;
    }
    if (g->next_op_ns > now_ns)
        return false;
    *due_ns = g->next_op_ns;
    g->next_op_ns += step_of(g->o->rate);
    return true;
}

static unsigned open_more(struct bl_group *g)
{
    unsigned n = 0;
    while (n < BEGIN_MAX && g->idle.head && g->next_open_ns <= g->w->now_ns &&
           g->opening_cnt < OPENING_MAX) {
        struct bl_conn *c = g->idle.head;
        bl_queue_remove(c);
        bl_conn_connect(c, g->w->now_ns);
        /* Time lost to a long turn is made up for, time lost to a slow server is not. */
        g->next_open_ns = LG_MAX(g->next_open_ns + step_of(g->o->ramp),
                                 g->w->now_ns - LG_MIN(g->w->now_ns, LG_MS(10)));
        n++;
    }
    return n;
}

static unsigned begin_ops(struct bl_group *g)
{
    bool is_http = bl_kind_is_http(g->o->kind);
    struct bl_queue *q = is_http ? &g->ready : &g->idle;
    unsigned n = 0;
    lg_ns_t due_ns;
    while (n < BEGIN_MAX && q->head && may_begin(g, &due_ns)) {
        struct bl_conn *c = q->head;
        n++;
        if (is_http) {
            bl_http_begin(c, due_ns);
        } else {
            bl_queue_remove(c);
            bl_conn_connect(c, due_ns);
        }
    }
    return n;
}

static unsigned poll_group(struct bl_group *g)
{
    if (!is_active(g))
        return 0;
    switch (g->o->kind) {
    case BL_HANDSHAKE:
    case BL_RESUME:
        return begin_ops(g);
    case BL_REQUEST:
    case BL_DOWNLOAD:
    case BL_UPLOAD:
        return open_more(g) + begin_ops(g);
    case BL_IDLE:
    case BL_SLOW:
        return open_more(g);
    case BL_SYN_FLOOD:
    case BL_PACKETS:
        return bl_raw_poll(g);
    default:
        return 0;
    }
}

/* mind_ramps: the run ends `duration` after the last idle group is ramped up, or when one takes
 * far longer than it should. */
static void mind_ramps(struct bl_worker *w)
{
    lg_ns_t end_ns = lg_ns_add(w->from_ns, w->o->duration_ns);
    bool any = false;
    if (w->to_ns != LG_NS_NEVER)
        return;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        struct bl_group *g = &w->groups[i];
        if (g->o->kind == BL_ORIGIN)
            return;
        if (g->o->kind != BL_IDLE)
            continue;
        any = true;
        lg_ns_t patience_ns =
            (lg_ns_t)(2e9 * (double)g->conn_cnt / g->o->ramp) + 3 * g->o->timeout_ns + LG_SEC(5);
        if (g->ramp_end_ns == 0 && lg_ns_since(w->now_ns, g->start_ns) > patience_ns)
            g->ramp_end_ns = w->now_ns;
        if (g->ramp_end_ns == 0)
            return;
        end_ns = LG_MAX(end_ns, lg_ns_add(g->ramp_end_ns, w->o->duration_ns));
    }
    if (any)
        w->to_ns = end_ns;
}

/* is_done: every group has done as many operations as it was to. */
static bool is_done(const struct bl_worker *w)
{
    for (uint32_t i = 0; i < w->group_cnt; i++)
        if (!has_enough(&w->groups[i]))
            return false;
    return true;
}

unsigned bl_groups_poll(struct bl_worker *w)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < w->group_cnt; i++)
        n += poll_group(&w->groups[i]);
    mind_ramps(w);
    if (is_done(w))
        w->to_ns = LG_MIN(w->to_ns, w->now_ns);
    return n;
}

bool bl_groups_end(struct bl_worker *w)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        struct bl_group *g = &w->groups[i];
        while (g->end_idx < g->conn_cnt && n < CLOSE_MAX) {
            struct bl_conn *c = &g->conns[g->end_idx++];
            if (c->tcp)
                bl_conn_drop(c);
            lg_wheel_stop(&w->wheel, &c->timer);
            lg_tls_session_free(&c->session);
            n++;
        }
    }
    return n == 0;
}

uint64_t bl_unfinished(const struct bl_group *g)
{
    const struct bl_worker *w = g->w;
    lg_ns_t end_ns = LG_MIN(LG_MIN(w->to_ns, w->now_ns), g->stop_ns);
    if (g->o->rate == 0 || bl_kind_is_raw(g->o->kind) || g->next_op_ns >= end_ns || has_enough(g))
        return 0;
    return (end_ns - g->next_op_ns) / step_of(g->o->rate);
}
