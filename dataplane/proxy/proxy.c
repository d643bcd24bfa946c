/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy.c: one worker's proxy: memory, snapshots, drain, and where news and deadlines come in. */
#include "probe.h"
#include "walk.h"

/* What lg_proxy_init lays out, in this order. */
struct layout {
    size_t sessions_off, backs_off, probes_off, http_off, regex_off, sz;
};

static struct layout lay_out(const struct lg_proxy_cfg *cfg)
{
    struct layout l;
    l.sessions_off = lg_align_up(sizeof(struct lg_proxy), LG_CACHE_LINE);
    l.backs_off =
        l.sessions_off +
        lg_align_up(lg_pool_footprint(cfg->max_sessions, sizeof(struct lg_session)), LG_CACHE_LINE);
    /* When a new one is needed, the oldest kept one makes room. */
    l.probes_off =
        l.backs_off +
        lg_align_up(lg_pool_footprint(cfg->max_backs, sizeof(struct lg_back)), LG_CACHE_LINE);
    l.http_off =
        l.probes_off +
        lg_align_up(lg_pool_footprint(LG_PROBE_CNT, sizeof(struct lg_probe)), LG_CACHE_LINE);
    l.regex_off = l.http_off + lg_align_up(sizeof(struct lg_http_scratch), LG_CACHE_LINE);
    l.sz = l.regex_off + lg_regex_core_footprint();
    return l;
}

size_t lg_proxy_footprint(const struct lg_proxy_cfg *cfg)
{
    return lay_out(cfg).sz;
}

struct lg_proxy *lg_proxy_init(void *mem, const struct lg_proxy_cfg *cfg,
                               const struct lg_proxy_env *env, lg_ns_t now_ns)
{
    struct lg_proxy *p = mem;
    struct layout l = lay_out(cfg);

    p->cfg = *cfg;
    p->env = *env;
    p->now_ns = now_ns;
    p->drain_ns = LG_NS_NEVER;
    p->work.tail = &p->work.head;
    p->shakes.tail = &p->shakes.head;
    lg_pool_init(&p->session_pool, (uint8_t *)mem + l.sessions_off, cfg->max_sessions,
                 sizeof(struct lg_session));
    lg_pool_init(&p->back_pool, (uint8_t *)mem + l.backs_off, cfg->max_backs,
                 sizeof(struct lg_back));
    lg_pool_init(&p->probe_pool, (uint8_t *)mem + l.probes_off, LG_PROBE_CNT,
                 sizeof(struct lg_probe));
    p->http = (struct lg_http_scratch *)(void *)((uint8_t *)mem + l.http_off);
    p->regex = lg_regex_core_init((uint8_t *)mem + l.regex_off);
    lg_wheel_init(&p->wheel, now_ns);
    lg_wheel_init(&p->idle_wheel, now_ns);
    lg_wheel_init(&p->check_wheel, now_ns);
    p->rng = lg_bal_mix(now_ns + cfg->worker_idx) | 1;
    return p;
}

static void abort_all(struct lg_proxy *p)
{
    while (p->sessions) {
        lg_access_blame(p->sessions, 'K');
        lg_session_abort(p->sessions);
        lg_session_free(p->sessions);
    }
}

/* The snapshot in use is pinned, so that what it knows can be passed on to the next.
 *   s     the one that was in use; NULL: none was
 *   next  the generation that is now; 0: none */
static void leave_snapshot(struct lg_proxy *p, const struct lg_snapshot *s, uint64_t next)
{
    if (!s)
        return;
    lg_probe_end(p, s, next);
    lg_snapshot_unpin(s, p->cfg.worker_idx);
}

static void end_views(struct lg_proxy *p)
{
    for (uint32_t i = 0; p->snap && i < p->snap->pool_cnt; i++)
        lg_bal_view_end(&p->snap->workers[p->cfg.worker_idx].pools[i].bal);
}

void lg_proxy_fini(struct lg_proxy *p)
{
    abort_all(p);
    lg_back_drop_idle(p);
    leave_snapshot(p, p->snap, 0);
    p->snap = NULL;
}

void lg_proxy_set_snapshot(struct lg_proxy *p, const struct lg_snapshot *s, lg_ns_t now_ns)
{
    p->now_ns = now_ns;
    /* Indexes of pools and backends mean something else in another snapshot; one that lies where
     * the last one lay is another one all the same. */
    lg_back_retire_idle(p);
    const struct lg_snapshot *old = p->snap;
    end_views(p);
    lg_snapshot_pin(s, p->cfg.worker_idx);
    p->snap = s;
    p->access = s->workers[p->cfg.worker_idx].access;
    for (uint32_t i = 0; i < s->pool_cnt; i++)
        lg_bal_view_begin(&s->workers[p->cfg.worker_idx].pools[i].bal);
    if (!p->is_draining)
        lg_probe_begin(p);
    leave_snapshot(p, old, s->generation);
    if (old)
        lg_tour_begin(p);
    else
        p->tour.judged_generation = s->judge_generation;
}

bool lg_proxy_is_listening(const struct lg_proxy *p, const lg_ip_t *ip, uint16_t port)
{
    return p->snap && !p->is_draining && lg_snapshot_find(p->snap, ip, port);
}

void lg_proxy_door(const struct lg_proxy *p, const struct lg_tcp_tuple *t, struct lg_tcp_door *out)
{
    const struct lg_listener *l =
        p->snap ? lg_snapshot_find(p->snap, &t->local_ip, t->local_port) : NULL;

    _Static_assert(LG_MAX_LISTENERS <= LG_TCP_DOORS, "each listener has its own");
    if (!l)
        return;
    out->slot = (uint16_t)(l - p->snap->listeners);
    out->half_open_max = l->cfg->max_half_open;
    out->is_trusted = lg_told_wants(l, &t->remote_ip);
}

void lg_proxy_drain(struct lg_proxy *p, lg_ns_t deadline_ns, lg_ns_t now_ns)
{
    p->now_ns = now_ns;
    p->drain_ns = deadline_ns;
    if (p->is_draining)
        return;
    p->is_draining = true;
    lg_back_drop_idle(p);
    if (p->snap)
        lg_probe_end(p, p->snap, 0);
    for (struct lg_session *s = p->sessions, *next; s; s = next) {
        next = s->next;
        if (s->state != LG_S_HTTP)
            continue;
        lg_http_drain(s);
        lg_session_run(s); /* frees at most s itself */
    }
}

static void front_event(struct lg_proxy *p, struct lg_tcp_conn *c, uint32_t events)
{
    struct lg_session *s = lg_tcp_user(c);
    if (!s) {
        if (events & (LG_TCP_EV_CLOSED | LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT))
            lg_tcp_release(c);
        else
            lg_session_accept(p, c);
        return;
    }
    if (events & (LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT)) {
        if (s->state == LG_S_HANDSHAKE && s->tls)
            lg_front_lost(s);
        lg_access_blame(s, (events & LG_TCP_EV_TIMEOUT) ? 'c' : 'C');
        lg_back_abort(s);
        s->state = LG_S_END;
    }
    if (s->state == LG_S_HANDSHAKE)
        lg_session_queue(s);
    else
        lg_session_run(s);
}

static void back_event(struct lg_proxy *p, struct lg_peer *peer, uint32_t events)
{
    if (peer->kind == LG_PEER_PROBE)
        lg_probe_event(p, LG_CONTAINER(peer, struct lg_probe, peer), events);
    else
        lg_back_event(p, LG_CONTAINER(peer, struct lg_back, peer), events);
}

void lg_proxy_event(struct lg_proxy *p, struct lg_tcp_conn *c, uint32_t events, lg_ns_t now_ns)
{
    p->now_ns = now_ns;
    if (lg_tcp_is_passive(c))
        front_event(p, c, events);
    else
        back_event(p, lg_tcp_user(c), events);
}

/* run_list runs those that wait now: what queues itself again is for the next turn.
 *   budget   cycles after which no further one is begun; 0: no bound */
static unsigned run_list(struct lg_proxy *p, struct lg_worklist *l, uint64_t budget)
{
    unsigned done = 0;
    uint64_t from = budget ? p->env.cycles(p->env.ctx) : 0;
    struct lg_session *last = l->head ? LG_CONTAINER(l->tail, struct lg_session, work_next) : NULL;

    while (last) {
        struct lg_session *s = l->head;
        if (s == last)
            last = NULL;
        lg_session_unqueue(s);
        done += lg_session_run(s); /* frees at most s itself */
        if (budget && last && p->env.cycles(p->env.ctx) - from >= budget) {
            lg_stat_inc(p->env.stats, LG_STAT_TLS_HS_PUT_OFF);
            break;
        }
    }
    return done;
}

unsigned lg_proxy_poll(struct lg_proxy *p, lg_ns_t now_ns)
{
    p->now_ns = now_ns;
    unsigned done = lg_wheel_poll(&p->wheel, now_ns, 256, lg_session_timer, p);
    done += lg_wheel_poll(&p->idle_wheel, now_ns, 256, lg_back_idle_timer, p);
    done += lg_wheel_poll(&p->check_wheel, now_ns, 64, lg_probe_timer, p);
    if (now_ns >= p->drain_ns) {
        p->drain_ns = LG_NS_NEVER;
        abort_all(p);
    }
    done += lg_wait_poll(p);
    done += lg_back_poll_stale(p);
    done += lg_tour_poll(p);
    done += lg_query_poll(p);
    return done + run_list(p, &p->work, 0);
}

unsigned lg_proxy_shake(struct lg_proxy *p, lg_ns_t now_ns)
{
    p->now_ns = now_ns;
    return run_list(p, &p->shakes, p->cfg.handshake_budget);
}

lg_ns_t lg_proxy_next(const struct lg_proxy *p)
{
    if (p->work.head || p->shakes.head || p->tour.is_on || p->ask || p->stale.oldest)
        return 0;
    lg_ns_t next = LG_MIN(lg_wheel_next(&p->wheel), lg_wheel_next(&p->idle_wheel));
    next = LG_MIN(next, lg_wheel_next(&p->check_wheel));
    if (p->waiting)
        next = LG_MIN(next, p->has_freed ? 0 : p->wait_ns);
    return LG_MIN(next, p->drain_ns);
}

void lg_proxy_get_counts(const struct lg_proxy *p, struct lg_proxy_counts *out)
{
    *out = p->counts;
}
