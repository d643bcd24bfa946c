/* SPDX-License-Identifier: GPL-2.0-or-later */
/* move.c: what a new snapshot means to the sessions that are there.
 *
 *   judged   on a listener with close_revoked, whoever is revoked by now, or came by a CA that is
 *            no longer in the bundle, is ended with that alert (R31, R32)
 *   moved    one that relays bytes goes on under the new snapshot, when its listener and its
 * backend are still there: it holds its TLS policy for itself, and asks nothing of a snapshot but
 *            names and timeouts. So a certificate that is renewed, or a pool that gets a backend
 *            more, does not tie the old snapshot to its longest connection
 *   left     what cannot be moved: https connections, which leave by their next response; those
 *            whose listener or backend is gone; handshakes and connects in progress
 *   ended    what is left when the control thread says that time is up (drain_timeout); but a
 *            response that is under way is moved then, and its connection ends with it
 *
 * Sessions are taken in a tour, a few a turn (walk.h). What begins while it is under way is judged
 * when its handshake is done, and moved when its backend is there. */
#include "change.h"
#include "walk.h"

/* How long one that is killed may take to take our last words. */
#define KILL_NS LG_SEC(2)

/* ------------------------------------------------------------- ending */

/* is_open: past its handshake, and not on its way out. */
static bool is_open(const struct lg_session *s)
{
    return s->state == LG_S_RELAY || s->state == LG_S_HTTP ||
           (s->state == LG_S_HANDSHAKE && s->tls && lg_tls_state(s->tls) != LG_TLS_HANDSHAKE &&
            lg_tls_state(s->tls) != LG_TLS_FAILED);
}

void lg_session_kill(struct lg_session *s, enum lg_tls_reason reason)
{
    bool is_idle =
        s->state == LG_S_HTTP && s->http.phase == LG_HP_IDLE && !s->up.head && !s->fp.head;

    lg_access_blame(s, 'K');
    if (is_open(s)) {
        lg_bufq_drop_all(&s->fp);
        if (reason != LG_TLS_R_NONE && s->tls)
            lg_tls_refuse(s->tls, reason, &s->fout, lg_tcp_mss(s->front));
        lg_session_finish(s,
                          is_idle && reason == LG_TLS_R_NONE ? LG_FINISH_IN_ORDER : LG_FINISH_CUT);
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, KILL_NS));
        s->is_killed = true;
    } else {
        lg_session_abort(s);
    }
}

/* ------------------------------------------------------------- judging */

static void say_revoked(const struct lg_session *s, enum lg_tls_reason r)
{
    const struct lg_tls_info *i = lg_tls_get_info(s->tls);
    struct lg_proxy *p = s->p;
    char client[LG_ENDPOINT_STR_SZ];

    lg_stat_inc(p->env.stats, LG_STAT_PROXY_REVOKED);
    lg_logring_put(p->env.log, p->env.stats, LG_LOG_WARN,
                   "client %s listener %s: connection closed: %s, subject=\"%s\" issuer=\"%s\" "
                   "serial=%s",
                   lg_session_client_text(s, client), s->listener->cfg->name, lg_tls_reason_text(r),
                   i->subject, i->issuer, i->serial);
}

/* judge: true: the session has been ended. */
static bool judge(struct lg_session *s)
{
    const struct lg_proxy *p = s->p;

    if (!s->tls || !is_open(s))
        return false;
    const struct lg_listener *now = lg_snapshot_heir(p->snap, s->listener);
    enum lg_tls_reason r = now && now->tls ? lg_tls_judge(s->tls, now->tls) : LG_TLS_R_NONE;
    if (r == LG_TLS_R_NONE)
        return false;
    say_revoked(s, r);
    lg_session_kill(s, r);
    return true;
}

/* ------------------------------------------------------------- moving */

/* find_seat gives the backend of the pool that has this seat, looked for at idx first; cnt: none.
 */
static uint32_t find_seat(const struct lg_bal_pool *p, const struct lg_seat *seat, uint32_t idx)
{
    if (idx < p->cnt && p->seats[idx] == seat)
        return idx;
    for (uint32_t i = 0; i < p->cnt; i++)
        if (p->seats[i] == seat)
            return i;
    return p->cnt;
}

/* move: false: it cannot. */
static bool move(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    struct lg_back *b = s->back;

    if (s->snap == p->snap || !b || !b->is_open)
        return false;
    const struct lg_listener *l = lg_snapshot_heir(p->snap, s->listener);
    const struct lg_bal_pool *from = &s->snap->pools[s->pool_idx].bal;
    const struct lg_pool_entry *to = lg_snapshot_pool(p->snap, from->cfg->name, s->pool_idx);
    if (!l || l->cfg->type != s->listener->cfg->type || !to)
        return false;
    uint32_t idx = find_seat(&to->bal, from->seats[b->backend_idx], b->backend_idx);
    if (idx == to->bal.cnt)
        return false;
    const struct lg_snapshot *old = s->snap;
    lg_snapshot_pin(p->snap, p->cfg.worker_idx);
    s->snap = p->snap;
    /* A listener that was gone for a while has begun to count anew. */
    if (l->meter != s->listener->meter) {
        lg_meter_inc(&lg_session_meter(s)->closed);
        lg_meter_inc(&l->meter->part[p->cfg.worker_idx].opened);
    }
    s->listener = l;
    s->pool_idx = b->pool_idx = (uint32_t)(to - p->snap->pools);
    b->backend_idx = idx;
    s->tried_cnt = 0; /* indexes of the other snapshot */
    s->access.backend_idx = idx;
    lg_snapshot_unpin(old, p->cfg.worker_idx);
    return true;
}

void lg_session_move(struct lg_session *s)
{
    if (s->state == LG_S_RELAY)
        (void)move(s);
}

/* logs_alike: the captured headers of a line begun under one are those of the other. */
static bool logs_alike(const struct lg_cfg_log *a, const struct lg_cfg_log *b)
{
    if (a->header_cnt != b->header_cnt)
        return false;
    for (uint32_t i = 0; i < a->header_cnt; i++)
        if (strcmp(a->headers[i], b->headers[i]) != 0)
            return false;
    return true;
}

/* outlives: a response whose head is with the client asks nothing of rules any more. So a long
 * download is not cut because something else has changed; it is the connection's last, and its
 * backend's connection is not kept: both were made under what is gone. */
static bool outlives(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    if (s->state != LG_S_HTTP || h->phase != LG_HP_EXCHANGE || !h->has_resp_head ||
        !logs_alike(&s->snap->cfg->log, &s->p->snap->cfg->log) || !move(s))
        return false;
    h->rule = NULL;
    h->client_keep = h->keep_back = false;
    return true;
}

bool lg_session_is_welcome(struct lg_session *s)
{
    return s->snap == s->p->snap || !s->p->snap || !judge(s);
}

/* ------------------------------------------------------------- the tour */

void lg_tour_begin(struct lg_proxy *p)
{
    struct lg_tour *t = &p->tour;

    if (t->is_on) {
        t->is_due = true;
        return;
    }
    t->is_on = true;
    t->is_due = false;
    t->next = p->sessions;
    t->judges = p->snap->judge_generation > t->judged_generation;
    t->judged_generation = p->snap->judge_generation;
}

static unsigned visit(struct lg_session *s)
{
    struct lg_proxy *p = s->p;

    if (p->tour.judges && judge(s)) {
        lg_session_run(s);
        return LG_WALK_KILL_COST;
    }
    lg_session_move(s);
    if (s->snap->generation > p->end_generation || outlives(s))
        return 1;
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_OUTLIVED);
    lg_session_kill(s, LG_TLS_R_NONE);
    lg_session_run(s);
    return LG_WALK_KILL_COST;
}

unsigned lg_tour_poll(struct lg_proxy *p)
{
    struct lg_tour *t = &p->tour;
    unsigned cost = 0;

    if (!t->is_on)
        return 0;
    while (t->next && cost < LG_WALK_TURN) {
        struct lg_session *s = t->next;
        t->next = s->next;
        cost += visit(s);
    }
    if (!t->next) {
        t->is_on = false;
        if (t->is_due)
            lg_tour_begin(p);
    }
    return cost + 1;
}

void lg_proxy_end(struct lg_proxy *p, uint64_t generation, lg_ns_t now_ns)
{
    p->now_ns = now_ns;
    p->end_generation = LG_MAX(p->end_generation, generation);
    lg_tour_begin(p);
}
