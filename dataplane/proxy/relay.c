/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relay.c: tcp_ssl and tcp: every byte the client sent (inside TLS) goes to one backend connection,
 * every byte of the backend to the client, each direction ending by itself.
 *
 * How one end becomes the other's:
 *   client close_notify     -> FIN to the backend, after the client's bytes
 *   backend FIN             -> close_notify and FIN to the client, after the backend's bytes
 *   client FIN without      -> truncation (R38): the backend gets a reset, so that a cut upload
 *     close_notify             cannot look complete; but a plain FIN when the backend has already
 *                              ended its own direction: then nothing hangs on it, and many clients
 *                              leave this way
 *   reset of either         -> reset of the other; but a backend that resets after its FIN has
 *                              been read completely has said all it had to say, and what one said
 *                              before its reset reaches the client: then TLS ends without
 *                              close_notify (in clear there is only the reset)
 *   no backend to be had    -> FIN without close_notify: the client can tell it from an answer
 * A client in clear has no close_notify: its FIN is in order, ours is, and what is missing is said
 * by a reset. */
#include "walk.h"

static void no_backend(struct lg_session *s)
{
    char client[LG_ENDPOINT_STR_SZ];
    lg_logring_put(s->p->env.log, s->p->env.stats, LG_LOG_WARN,
                   "client %s listener %s: no backend of pool %s could be reached",
                   lg_session_client_text(s, client), s->listener->cfg->name,
                   lg_session_pool(s)->name);
    lg_session_finish(s, LG_FINISH_CUT);
}

void lg_relay_begun(struct lg_session *s, lg_err_t begun)
{
    if (lg_is_ok(begun) || lg_err_is(begun, LG_ERR_AGAIN))
        return;
    lg_access_blame(s, lg_access_begun_who(s, begun));
    if (lg_err_is(begun, LG_ERR_NO_BACKEND)) /* said already, once for all */
        lg_session_finish(s, LG_FINISH_CUT);
    else
        no_backend(s);
}

void lg_relay_begin(struct lg_session *s)
{
    struct lg_endpoint client, local;

    s->state = LG_S_RELAY;
    s->pool_idx = s->listener->cfg->pool_idx;
    lg_session_addrs(s, &client, &local);
    s->key = lg_bal_hash(client.ip.b, sizeof client.ip.b);
    s->has_key = true;
    lg_relay_begun(s, lg_back_begin(s));
}

static void touch(struct lg_session *s)
{
    /* Not while a backend is looked for: that has a time of its own. A backend that has gone after
     * its last byte leaves a client that may take long to read it. */
    if (s->back ? s->back->is_open : s->back_rx_done)
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, s->listener->cfg->idle_timeout_ns));
}

void lg_relay_back_open(struct lg_session *s)
{
    lg_back_note(s, LG_OUT_GOOD);
    lg_ewma_observe(s->back->own, lg_ns_since(s->p->now_ns, s->back->begun_ns), s->p->now_ns);
    lg_session_move(s);
    touch(s);
}

/* has_rest: something of the backend's has not reached the client yet. */
static bool has_rest(const struct lg_session *s)
{
    return lg_tcp_rx_avail(s->back->c) > 0 || s->back->cin.head || s->down.head || s->fp.head ||
           s->fout.head || lg_tcp_unacked(s->front) > 0;
}

void lg_relay_back_lost(struct lg_session *s, bool was_open)
{
    if (was_open && s->back_rx_done) {
        lg_bufq_drop_all(&s->bq);
        lg_back_abort(s);
        s->up_done = true;
        return;
    }
    if (was_open && s->tls && has_rest(s)) {
        lg_bufq_drop_all(&s->bq);
        s->back_reset = s->up_done = true; /* the steps to come read it, and end */
        return;
    }
    if (was_open) {
        lg_access_blame(s, 'S');
        lg_session_abort(s);
        return;
    }
    lg_back_abort(s);
    lg_relay_begun(s, lg_back_retry(s));
}

void lg_relay_deadline(struct lg_session *s)
{
    if (s->wait_link) {
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_QUEUE_TIMEOUT);
        lg_access_blame(s, 's');
        no_backend(s);
        return;
    }
    if (s->back && !s->back->is_open) {
        s->access.last_failure = 's';
        lg_back_failed(s);
        lg_relay_back_lost(s, false);
        return;
    }
    lg_access_blame(s, 'c');
    lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_TIMEOUT);
    lg_session_abort(s);
}

/* end_up: the client's direction. */
static bool end_up(struct lg_session *s)
{
    if (s->up_done || s->rx_end == LG_RX_OPEN)
        return false;
    if (s->rx_end == LG_RX_CUT) {
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_TRUNCATED);
        if (!s->back_rx_done) {
            lg_access_blame(s, 'C');
            lg_back_abort(s);
            lg_tcp_shutdown(s->front);
            s->state = LG_S_END;
            return true;
        }
    }
    if (s->bq.head || !s->back || !s->back->is_open || s->back->fout.head)
        return false;
    lg_back_shutdown(s);
    s->up_done = true;
    return true;
}

/* end_down: the backend's direction. */
static bool end_down(struct lg_session *s)
{
    if (s->down_done || !s->back_rx_done || s->fp.head)
        return false;
    if (s->back_cut || s->back_reset) { /* TLS says the rest is missing: so shall the client */
        lg_access_blame(s, 'S');
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_TRUNCATED);
        lg_session_finish(s, LG_FINISH_CUT);
        return true;
    }
    if (s->tls && !s->is_notified)
        return lg_front_notify(s);
    if (s->fout.head)
        return false;
    lg_tcp_shutdown(s->front);
    s->down_done = true;
    return true;
}

bool lg_relay_step(struct lg_session *s)
{
    bool moved = false;

    if (lg_q_is_short(&s->bq, LG_UP_BYTES) && !s->up_done)
        moved = lg_front_fill(s, LG_UP_BYTES);
    if (s->state != LG_S_RELAY)
        return true;
    s->access.in += s->up.bytes;
    lg_bufq_append(&s->bq, &s->up);
    moved |= lg_back_tx(s);
    moved |= lg_back_fill(s);
    s->access.out += s->down.bytes;
    if (s->down.head)
        lg_access_mark(s, &s->access.answered_us);
    lg_bufq_append(&s->fp, &s->down);
    moved |= lg_front_tx(s);
    if (s->state != LG_S_RELAY)
        return true;
    if (moved)
        touch(s);
    moved |= end_up(s);
    if (s->state != LG_S_RELAY)
        return true;
    moved |= end_down(s);
    if (!s->up_done || !s->down_done)
        return moved;
    lg_back_close(s);
    s->state = LG_S_END;
    return true;
}
