/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c: the life of a session: accepted, stepped, timed, finished, freed. What a step does is
 * front.c (TLS), relay.c and http.c. */
#include "walk.h"

void lg_session_addrs(const struct lg_session *s, struct lg_endpoint *client,
                      struct lg_endpoint *local)
{
    struct lg_tcp_tuple t;

    lg_tcp_get_tuple(s->front, &t);
    *client = s->has_pp ? s->pp.src : (struct lg_endpoint){t.remote_ip, t.remote_port};
    *local = s->has_pp ? s->pp.dst : (struct lg_endpoint){t.local_ip, t.local_port};
}

const char *lg_session_client_text(const struct lg_session *s, char *buf)
{
    struct lg_endpoint client, local;

    lg_session_addrs(s, &client, &local);
    return lg_endpoint_text(&client, buf);
}

const struct lg_tls_info *lg_session_tls_info(const struct lg_session *s)
{
    static const struct lg_tls_info none = {.suite = "",
                                            .group = "",
                                            .sig_scheme = "",
                                            .alpn = "",
                                            .sni = "",
                                            .subject = "",
                                            .issuer = "",
                                            .serial = "",
                                            .fingerprint = "",
                                            .cn = ""};
    return s->tls ? lg_tls_get_info(s->tls) : &none;
}

void lg_session_plain_seg(struct lg_session *s)
{
    if (s->tls)
        lg_tls_set_plain_seg(s->tls, s->back->tls ? 0 : lg_tcp_mss(s->back->c));
}

/* The wheel is used lazily: a deadline that moves away costs one store, and the timer is set anew
 * when it fires too early. */
void lg_session_deadline(struct lg_session *s, lg_ns_t at_ns)
{
    s->deadline_ns = at_ns;
    if (at_ns != LG_NS_NEVER && (!lg_timer_is_started(&s->timer) || at_ns < s->timer.at_ns))
        lg_wheel_start(&s->p->wheel, &s->timer, at_ns);
}

void lg_session_queue(struct lg_session *s)
{
    bool is_shake = s->state == LG_S_HANDSHAKE && s->tls;
    struct lg_worklist *l = is_shake ? &s->p->shakes : &s->p->work;
    if (s->work_list)
        return;
    s->work_list = l;
    s->queued_ns = s->p->now_ns;
    s->work_next = NULL;
    s->work_link = l->tail;
    *l->tail = s;
    l->tail = &s->work_next;
}

void lg_session_unqueue(struct lg_session *s)
{
    if (!s->work_list)
        return;
    *s->work_link = s->work_next;
    if (s->work_next)
        s->work_next->work_link = s->work_link;
    else
        s->work_list->tail = s->work_link;
    s->work_list = NULL;
}

static void link_session(struct lg_proxy *p, struct lg_session *s)
{
    s->next = p->sessions;
    s->link = &p->sessions;
    if (s->next)
        s->next->link = &s->next;
    p->sessions = s;
}

/* refuse lets a connection go that no session can take. */
static void refuse(struct lg_proxy *p, struct lg_tcp_conn *c, enum lg_stat why)
{
    lg_stat_inc(p->env.stats, why);
    lg_tcp_abort(c);
    lg_tcp_release(c);
}

void lg_session_accept(struct lg_proxy *p, struct lg_tcp_conn *c)
{
    struct lg_tcp_tuple t;
    lg_tcp_get_tuple(c, &t);
    const struct lg_listener *l =
        p->snap && !p->is_draining ? lg_snapshot_find(p->snap, &t.local_ip, t.local_port) : NULL;
    if (!l) {
        refuse(p, c, LG_STAT_PROXY_NO_LISTENER);
        return;
    }
    struct lg_session *s = lg_pool_take(&p->session_pool);
    struct lg_tls *tls = s && l->tls ? lg_tls_open(p->env.tls, l->tls, p->now_ns) : NULL;
    if (!s || (l->tls && !tls)) {
        if (s)
            lg_pool_give(&p->session_pool, s);
        refuse(p, c, LG_STAT_PROXY_FULL);
        return;
    }
    *s = (struct lg_session){
        .p = p, .front = c, .tls = tls, .snap = p->snap, .listener = l, .state = LG_S_HANDSHAKE};
    s->id = ++p->next_id;
    s->begun_ns = p->now_ns;
    s->wants_pp = lg_told_wants(l, &t.remote_ip);
    s->begun_tick = lg_session_tick(s);
    lg_meter_inc(&lg_session_meter(s)->opened);
    lg_snapshot_pin(s->snap, p->cfg.worker_idx);
    link_session(p, s);
    lg_access_accept(s);
    lg_tcp_set_user(c, s);
    p->counts.sessions++;
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_OPENED);
    lg_session_deadline(s, lg_ns_add(p->now_ns, l->cfg->handshake_timeout_ns));
    lg_session_queue(s);
}

void lg_session_free(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    struct lg_bufq *all[] = {&s->cin, &s->up, &s->bq, &s->down, &s->fp, &s->fout};

    lg_meter_inc(&lg_session_meter(s)->closed);
    lg_access_done(s);
    lg_back_abort(s);
    lg_http_fini(s);
    for (size_t i = 0; i < LG_ARRAY_CNT(all); i++)
        lg_bufq_drop_all(all[i]);
    lg_tls_close(s->tls);
    /* Unread bytes would turn the release into a reset, which can overtake our last words. */
    lg_tcp_take(s->front, &s->cin, UINT32_MAX);
    lg_bufq_drop_all(&s->cin);
    lg_tcp_release(s->front);
    lg_wheel_stop(&p->wheel, &s->timer);
    lg_session_unqueue(s);
    lg_walk_forget(p, s);
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    lg_snapshot_unpin(s->snap, p->cfg.worker_idx);
    p->counts.sessions--;
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_CLOSED);
    lg_pool_give(&p->session_pool, s);
}

void lg_session_abort(struct lg_session *s)
{
    lg_back_abort(s);
    lg_tcp_abort(s->front);
    s->state = LG_S_END;
}

void lg_session_finish(struct lg_session *s, enum lg_finish how)
{
    if (how == LG_FINISH_CUT && !s->tls) {
        lg_session_abort(s); /* in clear only a reset says that something is missing */
        return;
    }
    lg_access_done(s);
    lg_back_abort(s);
    lg_bufq_drop_all(&s->up);
    lg_bufq_drop_all(&s->bq);
    lg_bufq_drop_all(&s->down);
    s->wants_notify = how == LG_FINISH_IN_ORDER;
    s->state = LG_S_FLUSH;
    lg_session_deadline(s, lg_ns_add(s->p->now_ns, s->listener->cfg->idle_timeout_ns));
}

static bool step(struct lg_session *s)
{
    switch ((enum lg_sess_state)s->state) {
    case LG_S_HANDSHAKE:
        return lg_front_handshake(s);
    case LG_S_RELAY:
        return lg_relay_step(s);
    case LG_S_HTTP:
        return lg_http_step(s);
    case LG_S_FLUSH:
        return lg_front_flush(s);
    case LG_S_LINGER:
        return lg_front_linger(s);
    case LG_S_END:
        break;
    }
    return false;
}

bool lg_session_run(struct lg_session *s)
{
    s->budget_up = s->budget_down = LG_TURN_BYTES;
    s->has_more = false;
    unsigned left = LG_TURN_STEPS;
    while (left && step(s))
        left--;
    if (s->state == LG_S_END)
        lg_session_free(s);
    else if (s->has_more || left == 0)
        lg_session_queue(s);
    return left < LG_TURN_STEPS;
}

/* is_put_off: it has stood in line since an earlier turn: the client did its part, and we have not
 * come to it. */
static bool is_put_off(const struct lg_session *s)
{
    return s->work_list && s->queued_ns < s->p->now_ns;
}

static void expire(struct lg_session *s)
{
    switch ((enum lg_sess_state)s->state) {
    case LG_S_HANDSHAKE:
        if (s->tls && lg_tls_is_waiting(s->tls))
            break; /* the run that follows asks whether it is over */
        if (s->tls && is_put_off(s))
            lg_front_gone(s, LG_METER_PUT_OFF, "its turn did not come in time");
        else if (s->tls)
            lg_front_gone(s, LG_METER_TIMEOUT, "too slow");
        else
            lg_told_refuse(s);
        lg_session_abort(s);
        break;
    case LG_S_RELAY:
        lg_relay_deadline(s);
        break;
    case LG_S_HTTP:
        lg_http_deadline(s);
        break;
    case LG_S_FLUSH:
        lg_access_blame(s, 'c');
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_TIMEOUT);
        lg_session_abort(s);
        break;
    case LG_S_LINGER:
    case LG_S_END:
        s->state = LG_S_END;
        break;
    }
}

void lg_session_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns)
{
    struct lg_session *s = LG_CONTAINER(t, struct lg_session, timer);
    (void)ctx;
    if (now_ns < s->deadline_ns) {
        if (s->deadline_ns != LG_NS_NEVER)
            lg_wheel_start(&s->p->wheel, t, s->deadline_ns);
        return;
    }
    s->deadline_ns = LG_NS_NEVER;
    expire(s);
    lg_session_run(s);
}
