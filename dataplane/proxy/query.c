/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.c: answering what the control thread asks about sessions. */
#include "query.h"

#include "walk.h"

#include <stdio.h>

void lg_proxy_query(struct lg_proxy *p, const struct lg_query *ask, struct lg_query_answer *out)
{
    out->seen = out->matched = 0;
    out->row_cnt = 0;
    out->has_more = false;
    p->ask = ask;
    p->answer = out;
    bool is_next_page = ask->what == LG_QUERY_LIST && p->queried.resume_below &&
                        ask->below == p->queried.resume_below;
    p->queried.next = is_next_page ? p->queried.resume : p->sessions;
    p->queried.resume = NULL;
    p->queried.resume_below = 0;
}

bool lg_proxy_is_queried(const struct lg_proxy *p)
{
    return p->ask != NULL;
}

/* ------------------------------------------------------------- which */

static const struct lg_cfg_backend *backend_of(const struct lg_session *s)
{
    return s->back ? &lg_session_pool(s)->backends[s->back->backend_idx] : NULL;
}

static bool is_name(const char *want, const char *is)
{
    return !want[0] || strcmp(want, is) == 0;
}

static bool fits_client(const struct lg_session *s, const struct lg_query *ask)
{
    struct lg_endpoint client, local;

    if (!ask->has_client)
        return true;
    lg_session_addrs(s, &client, &local);
    return lg_prefix_has(&ask->client, &client.ip);
}

static bool fits_backend(const struct lg_session *s, const struct lg_query *ask)
{
    const struct lg_cfg_backend *be = backend_of(s);

    if (!ask->pool[0] && !ask->backend[0])
        return true;
    return be && is_name(ask->pool, lg_session_pool(s)->name) && is_name(ask->backend, be->name);
}

static bool fits(const struct lg_session *s, const struct lg_query *ask)
{
    const struct lg_tls_info *i = lg_session_tls_info(s);

    if (ask->id)
        return s->id == ask->id;
    if (!is_name(ask->listener, s->listener->cfg->name) || !fits_client(s, ask) ||
        !fits_backend(s, ask))
        return false;
    if (!ask->serial[0] && !ask->subject[0])
        return true;
    return i->has_client_cert && is_name(ask->serial, i->serial) &&
           strstr(i->subject, ask->subject) != NULL;
}

/* ------------------------------------------------------------- a row */

static const char *state_text(const struct lg_session *s)
{
    switch ((enum lg_sess_state)s->state) {
    case LG_S_HANDSHAKE:
        return "handshake";
    case LG_S_RELAY:
        return s->wait_link ? "queued" : s->back && !s->back->is_open ? "connecting" : "relay";
    case LG_S_HTTP:
        return s->wait_link                     ? "queued"
               : s->http.phase == LG_HP_IDLE    ? "idle"
               : s->http.phase == LG_HP_HEAD    ? "request"
               : s->http.phase == LG_HP_CONNECT ? "connecting"
                                                : "exchange";
    case LG_S_FLUSH:
    case LG_S_LINGER:
    case LG_S_END:
        break;
    }
    return "closing";
}

static void put_row(const struct lg_session *s, struct lg_query_row *r)
{
    const struct lg_tls_info *i = lg_session_tls_info(s);
    const struct lg_cfg_backend *be = backend_of(s);

    r->id = s->id;
    r->generation = s->snap->generation;
    r->age_ns = lg_ns_since(s->p->now_ns, s->begun_ns);
    lg_session_addrs(s, &r->client, &r->local);
    r->state = state_text(s);
    r->suite = i->suite;
    r->version = i->version;
    r->type = s->listener->cfg->type;
    r->is_resumed = i->resumed;
    snprintf(r->listener, sizeof r->listener, "%s", s->listener->cfg->name);
    snprintf(r->pool, sizeof r->pool, "%s", be ? lg_session_pool(s)->name : "");
    snprintf(r->backend, sizeof r->backend, "%s", be ? be->name : "");
    snprintf(r->sni, sizeof r->sni, "%s", i->sni);
    snprintf(r->serial, sizeof r->serial, "%s", i->has_client_cert ? i->serial : "");
    snprintf(r->subject, sizeof r->subject, "%s", i->has_client_cert ? i->subject : "");
}

/* ------------------------------------------------------------- the walk */

static unsigned list_one(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    struct lg_query_answer *a = p->answer;

    if (s->id >= p->ask->below || !fits(s, p->ask))
        return 1;
    if (a->row_cnt == LG_MIN(p->ask->max, LG_QUERY_ROWS)) {
        a->has_more = true;
        p->queried.resume = s;
        p->queried.resume_below = a->row[a->row_cnt - 1].id;
        p->queried.next = NULL;
        return 1;
    }
    put_row(s, &a->row[a->row_cnt++]);
    a->matched++;
    return LG_WALK_LIST_COST;
}

static unsigned kill_one(struct lg_session *s)
{
    struct lg_proxy *p = s->p;

    if (s->state == LG_S_FLUSH || s->state == LG_S_LINGER || !fits(s, p->ask))
        return 1;
    p->answer->matched++;
    lg_stat_inc(p->env.stats, LG_STAT_PROXY_KILLED);
    lg_session_kill(s, LG_TLS_R_NONE);
    lg_session_run(s);
    return LG_WALK_KILL_COST;
}

unsigned lg_query_poll(struct lg_proxy *p)
{
    unsigned cost = 0;

    if (!p->ask)
        return 0;
    while (p->queried.next && cost < LG_WALK_TURN) {
        struct lg_session *s = p->queried.next;
        p->queried.next = s->next;
        p->answer->seen++;
        cost += p->ask->what == LG_QUERY_LIST ? list_one(s) : kill_one(s);
    }
    if (!p->queried.next) {
        p->ask = NULL;
        p->answer = NULL;
    }
    return cost + 1;
}
