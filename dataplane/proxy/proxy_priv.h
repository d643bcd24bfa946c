/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy_priv.h: the inside of a worker's proxy: sessions, backend connections, and the calls the
 * files of this folder make among themselves.
 *
 * How bytes move through a session:
 *
 *   front TCP --take--> cin --lg_tls_rx--> up --mode--> bq --send--> back TCP
 *   front TCP <--send-- fout <--lg_tls_tx-- fp <--mode-- down <--take-- back TCP
 *
 * A client in clear (s->tls NULL) has no cin and no fout: up comes from its TCP, fp goes to it.
 *
 * `mode` is the byte relay (relay.c: queues are appended whole) or HTTP (http.c: heads are parsed
 * and rewritten, bodies are moved by their framing). Every queue is bounded: a step fills one only
 * while the next is short, so a slow reader fills at most its own TCP's send queue and then one
 * short queue here, and the other peer's window closes.
 *
 * A session's states (who moves it on):
 *
 *   HANDSHAKE --TLS open--> RELAY (tcp_ssl) or HTTP (https); in clear at once, or after the PROXY
 *       |                     |            |         header
 *       | TLS failed, reply   | both ways  | last response, error reply, client done
 *       v                     | done       v
 *     FLUSH: what is queued goes out, then close_notify (when in order) and FIN
 *       |                     |
 *     LINGER: input is thrown away for a moment, so that our last words are not overtaken by a
 *       |     reset for bytes that nobody reads
 *       v                     v
 *      END: freed when the step returns: nothing inside a step frees the session it works on
 *
 * Thread: owner core only, everything here. */
#ifndef LG_PROXY_PRIV_H
#define LG_PROXY_PRIV_H

#include "access.h"
#include "query.h"
#include "http_priv.h"
#include "pool.h"
#include "pp.h"
#include "proxy.h"
#include "regex.h"
#include "wheel.h"

/* -- change first, for performance -- */
#define LG_TURN_BYTES (64u << 10) /* bytes a session may move in one direction in one turn */
#define LG_TURN_STEPS 64u         /* steps a session may make in one turn */
#define LG_UP_BYTES (16u << 10)   /* plaintext of the client waiting for the backend */
#define LG_Q_BUFS 64u             /* bufs of one short queue */
/* -- only for a reason -- */
#define LG_CIN_BYTES (16384u + 5u + 2048u) /* one whole record, so that it can complete */
#define LG_ANSWER_POLL_NS LG_MS(2)         /* how often to ask whether an OCSP answer has come */
#define LG_LINGER_NS LG_SEC(2)
#define LG_LINGER_BYTES (256u << 10)
#define LG_IDLE_BUCKETS 1024u /* kept backend connections, by backend */
#define LG_IDLE_POOLS 256u    /* their counts, by pool index modulo this */
#define LG_FRESH_IDLE_NS LG_SEC(1)
#define LG_STALE_TURN 16u /* stale kept connections that are closed in one turn */
#define LG_TRIED_MAX 4u
#define LG_WAIT_NS LG_MS(1) /* another worker may have let a connection go: look this often */

struct lg_session;

enum lg_sess_state {
    LG_S_HANDSHAKE,
    LG_S_RELAY,
    LG_S_HTTP,
    LG_S_FLUSH,
    LG_S_LINGER,
    LG_S_END,
};

/* How the client's plaintext stream stands. */
enum lg_rx_end {
    LG_RX_OPEN,
    LG_RX_CLOSED, /* close_notify: complete */
    LG_RX_CUT,    /* FIN without it: truncated */
};

/* Whose a connection of ours is: what begins at its user pointer. */
enum lg_peer_kind { LG_PEER_BACK, LG_PEER_PROBE };
struct lg_peer {
    uint8_t kind; /* enum lg_peer_kind */
};

/* A connection to a backend: of a session, or kept for the next request. */
struct lg_back {
    struct lg_peer peer; /* first */
    struct lg_tcp_conn *c;
    struct lg_session *s;     /* borrows: NULL while kept */
    struct lg_seat_part *own; /* borrows: of the session's snapshot; NULL while kept */
    lg_ns_t begun_ns;         /* when it was asked for */
    struct lg_tls *tls;       /* owns; NULL: in clear, or TCP is not there yet */
    struct lg_bufq cin, fout; /* TLS: ciphertext from it, and to it */
    bool is_connected;        /* TCP is there */
    bool is_told;             /* it has the PROXY header, or is to have none */
    bool is_open;             /* and TLS, where the pool has it: bytes may flow */
    bool is_reused;           /* it has carried a response before this request */
    uint32_t pool_idx, backend_idx;
    /* -- while kept -- */
    lg_ns_t kept_since_ns;
    uint64_t epoch; /* under which it was kept; of an older one it is only to be closed */
    struct lg_timer timer;
    struct lg_back *next, **link;  /* its bucket, latest first */
    struct lg_back *newer, *older; /* all kept ones of the snapshot, or all stale ones, by age */
};

/* Kept connections by age. */
struct lg_ages {
    struct lg_back *newest, *oldest;
};

/* The tour of all sessions after a change (move.c). */
struct lg_tour {
    struct lg_session *next;    /* to be looked at; NULL: the end */
    bool is_on, is_due;         /* due: and once more after this one */
    bool judges;                /* revocations are looked at in this one */
    uint64_t judged_generation; /* up to which they have been, or are in this one */
};

/* Where the answer to a question stands (query.c). */
struct lg_queried {
    struct lg_session *next;   /* to be looked at; NULL: the end */
    struct lg_session *resume; /* where the next page begins, when it asks for ids below this: */
    uint64_t resume_below;
};

/* Sessions that wait for their turn, first in, first out. */
struct lg_worklist {
    struct lg_session *head, **tail;
};

struct lg_session {
    struct lg_timer timer; /* armed at or before deadline_ns */
    lg_ns_t deadline_ns;   /* of the present state */
    struct lg_proxy *p;
    struct lg_session *next, **link;           /* all sessions */
    struct lg_session *work_next, **work_link; /* those with more to do */
    struct lg_worklist *work_list;             /* which of the two lists; NULL: on none */
    lg_ns_t queued_ns;                         /* since when */
    struct lg_session *wait_next,
        **wait_link;  /* those that wait for a backend; NULL: it does not */
    uint64_t id;      /* of this worker's, from 1 on; later ones are greater */
    lg_ns_t begun_ns; /* when it was accepted */

    uint8_t state;     /* enum lg_sess_state */
    uint8_t rx_end;    /* enum lg_rx_end */
    bool is_notified;  /* close_notify has been queued */
    bool wants_notify; /* FLUSH: the end is in order, say so */
    bool up_done;      /* relay: the backend has our FIN, or needs none */
    bool down_done;    /* relay: the client has our FIN */
    bool back_rx_done; /* the backend's last byte has been taken */
    bool back_reset;   /* ... and what followed was a reset, not a FIN */
    bool back_cut;     /* ... or a FIN without the close_notify that TLS asks for */
    bool has_input;    /* at least one byte came from the client */
    bool has_key;      /* key holds what the pool balances by */
    bool wants_pp;     /* the PROXY header of a trusted proxy is still to come */
    bool has_pp;       /* pp holds the addresses it gave */
    bool has_more;     /* a budget or pool ran out in this turn */
    bool is_killed;    /* FLUSH: its deadline stands, whatever still moves */
    uint8_t tried_cnt; /* backends tried for this connection or request */
    uint32_t tried[LG_TRIED_MAX];
    union {
        uint64_t hs_cycles; /* HANDSHAKE: spent on it so far */
        uint64_t key;       /* then */
    };

    struct lg_tcp_conn *front;
    struct lg_tls *tls;                 /* owns; NULL: in clear */
    struct lg_back *back;               /* owns, or NULL */
    const struct lg_snapshot *snap;     /* borrows: pinned */
    const struct lg_listener *listener; /* borrows: of snap */
    struct lg_bufq cin, up, bq;         /* towards the backend, see above */
    struct lg_bufq down, fp, fout;      /* towards the client */
    uint32_t budget_up, budget_down;    /* bytes left this turn */
    union {
        uint32_t linger_left; /* in LINGER */
        uint32_t begun_tick;  /* before: accepted; https: the head of the request was there */
    };
    uint32_t pool_idx;
    struct lg_pp_addrs pp;

    struct lg_http http;
    struct lg_access access;
};

struct lg_proxy {
    struct lg_proxy_cfg cfg;
    struct lg_proxy_env env;
    lg_ns_t now_ns;        /* of the call in progress */
    lg_ns_t no_port_at_ns; /* not before is it said again that source ports are used up */
    const struct lg_snapshot *snap;
    struct lg_access_ring *access; /* borrows: of the snapshot in use; NULL: nothing is logged */
    uint32_t connection;           /* number of the last one logged */
    lg_ns_t drain_ns;              /* NEVER: not draining */
    bool is_draining;
    struct lg_pool session_pool, back_pool, probe_pool;
    uint64_t rng;                /* not 0; for what nobody gains by guessing */
    struct lg_wheel wheel;       /* sessions */
    struct lg_wheel idle_wheel;  /* kept backend connections */
    struct lg_wheel check_wheel; /* health checks */
    struct lg_session *sessions;
    struct lg_worklist work;      /* those with more to do */
    struct lg_worklist shakes;    /* those in their handshake: run last, within a budget */
    struct lg_pool_view *waiting; /* pools with a queue */
    lg_ns_t wait_ns;              /* when to look at the queues again */
    bool has_freed;               /* a backend connection was let go since they were looked at */
    struct lg_back *idle[LG_IDLE_BUCKETS];
    uint32_t idle_by_pool[LG_IDLE_POOLS];
    struct lg_ages kept, stale; /* of the snapshot in use, and of earlier ones */
    uint64_t idle_epoch;        /* grows with each snapshot */
    uint64_t next_id;           /* of sessions */
    uint64_t end_generation;    /* sessions of this one and before are ended */
    struct lg_tour tour;
    struct lg_queried queried;
    const struct lg_query *ask; /* borrows: until it is answered; NULL: none */
    struct lg_query_answer *answer;
    struct lg_proxy_counts counts;
    struct lg_http_scratch *http; /* owns (own memory): one head at a time */
    struct lg_regex_core *regex;  /* the same: one match at a time */
};

/* -- session.c -- */

/* lg_session_run makes steps until there is nothing to do or the turn's share is used up, and
 * frees the session when it has come to its end: it is dead for the caller then.
 *   Returns  whether anything moved: not when it only waits for buffers */
bool lg_session_run(struct lg_session *s);
/* lg_session_meter: this worker's part of its listener's. */
static inline struct lg_meter_part *lg_session_meter(const struct lg_session *s)
{
    return &s->listener->meter->part[s->p->cfg.worker_idx];
}
/* Ticks of 4 us, modulo 2^32 of them (4.9 hours): what a session measures takes four bytes. */
static inline uint32_t lg_session_tick(const struct lg_session *s)
{
    return (uint32_t)(s->p->now_ns >> 12);
}
static inline lg_ns_t lg_session_took(const struct lg_session *s)
{
    return (lg_ns_t)(lg_session_tick(s) - s->begun_tick) << 12;
}
/* lg_session_deadline sets when the present state has lasted too long. */
void lg_session_deadline(struct lg_session *s, lg_ns_t at_ns);
/* lg_session_abort resets both peers and ends the session. */
void lg_session_abort(struct lg_session *s);
/* lg_session_finish goes to FLUSH; in order: with close_notify. The backend is let go. In clear CUT
 * is a reset, and what was on its way to the client may be lost. */
enum lg_finish { LG_FINISH_IN_ORDER, LG_FINISH_CUT };
void lg_session_finish(struct lg_session *s, enum lg_finish how);
void lg_session_accept(struct lg_proxy *p, struct lg_tcp_conn *c);
void lg_session_free(struct lg_session *s);
/* lg_session_timer is the wheel's callback. */
void lg_session_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns);
/* lg_session_queue puts it among those that lg_proxy_poll runs; handshakes: lg_proxy_shake.
 * unqueue takes it out. */
void lg_session_queue(struct lg_session *s);
void lg_session_unqueue(struct lg_session *s);
/* lg_session_addrs: who the client is and where it came to; of the PROXY header, where it has one.
 */
void lg_session_addrs(const struct lg_session *s, struct lg_endpoint *client,
                      struct lg_endpoint *local);
/* lg_session_tls_info: what TLS knows of the client; all of it empty in clear. */
const struct lg_tls_info *lg_session_tls_info(const struct lg_session *s);
/* lg_session_plain_seg cuts the client's plaintext so that the backend's TCP sends it uncopied. */
void lg_session_plain_seg(struct lg_session *s);
/* lg_session_client_text: "192.0.2.1:1234" of the client; buf of LG_ENDPOINT_STR_SZ. */
const char *lg_session_client_text(const struct lg_session *s, char *buf);
/* lg_access_us: microseconds since the base of the session's line; at least 1. */
static inline uint32_t lg_access_us(const struct lg_session *s)
{
    lg_ns_t us = lg_ns_since(s->p->now_ns, s->access.base_ns) / LG_US(1);
    return (uint32_t)LG_MAX(LG_MIN(us, (lg_ns_t)UINT32_MAX), (lg_ns_t)1);
}
/* lg_access_mark: it has come to this, the first time. */
static inline void lg_access_mark(const struct lg_session *s, uint32_t *mark_us)
{
    if (s->access.open && *mark_us == 0)
        *mark_us = lg_access_us(s);
}

/* -- front.c: the client leg; each gives whether anything moved -- */

bool lg_front_handshake(struct lg_session *s);
/* lg_front_fill decrypts into s->up while that holds fewer than bound bytes. */
bool lg_front_fill(struct lg_session *s, uint32_t bound);
/* lg_front_tx encrypts s->fp and sends s->fout. */
bool lg_front_tx(struct lg_session *s);
bool lg_front_flush(struct lg_session *s);
bool lg_front_linger(struct lg_session *s);
/* lg_front_notify queues close_notify; false: no buffer for it now. */
bool lg_front_notify(struct lg_session *s);
/* lg_front_lost: the connection was reset in the handshake. What came before the reset is read:
 * a client that does not like our certificate says so and resets in one breath (R11). */
void lg_front_lost(struct lg_session *s);
/* lg_front_gone: the handshake ended without a word of TLS: LG_METER_TIMEOUT, _GONE or
 * _PUT_OFF. */
void lg_front_gone(struct lg_session *s, uint32_t why, const char *text);
/* lg_q_send sends from q what there is room for. */
bool lg_q_send(struct lg_tcp_conn *c, struct lg_bufq *q);
/* lg_q_is_short: q can take more: fewer than `bytes`, and not in absurdly many bufs. */
static inline bool lg_q_is_short(const struct lg_bufq *q, uint32_t bytes)
{
    return q->bytes < bytes && q->cnt < LG_Q_BUFS + bytes / 1024;
}

/* -- told.c: what PROXY headers tell us, and what we tell by them -- */

/* lg_told_wants: this listener believes PROXY headers from there. */
bool lg_told_wants(const struct lg_listener *l, const lg_ip_t *from);
/* lg_told_read looks for the header at the front of s->cin.
 *   Returns  LG_OK: taken; LG_E(AGAIN) not whole yet; else it is refused, said and counted */
LG_MUST lg_err_t lg_told_read(struct lg_session *s);
/* lg_told_refuse says and counts that the header did not come, or is no header. */
void lg_told_refuse(struct lg_session *s);
/* lg_told_backend sends s's backend its header; false: no buffer for it. */
bool lg_told_backend(struct lg_session *s);
/* lg_told_check sends one for ourselves (a health check). */
bool lg_told_check(struct lg_proxy *p, struct lg_tcp_conn *c, const struct lg_cfg_pool *pool);

/* -- back.c: the backend leg -- */

/* lg_back_begin picks a backend of s->pool_idx, none of s->tried, and connects to it (or, for HTTP,
 * takes a kept connection).
 *   Returns  LG_OK: s->back is set, open or opening; LG_E(AGAIN) all have max_connections: s waits,
 *            lg_relay_begun or lg_http_begun is called when that is over; LG_E(NO_BACKEND) none of
 *            the pool is usable; LG_E(NO_ROUTE) none is left to try; LG_E(FULL) or LG_E(NO_PORT) no
 *            resources, or no room in the queue */
LG_MUST lg_err_t lg_back_begin(struct lg_session *s);
/* lg_back_retry tries another backend when one may be tried yet; the failed one must have been let
 * go. Returns as lg_back_begin does. */
LG_MUST lg_err_t lg_back_retry(struct lg_session *s);
/* lg_back_note tells how s's backend, or the one just tried, has done; lg_back_failed that it has
 * failed, and counts it. */
void lg_back_note(struct lg_session *s, enum lg_outcome o);
void lg_back_failed(struct lg_session *s);
/* lg_back_connect takes a kept connection of s->pool_idx to a backend, or opens one. */
LG_MUST lg_err_t lg_back_connect(struct lg_session *s, uint32_t backend_idx);
/* lg_back_has_room: one more can be made, if need be in place of a kept one. */
static inline bool lg_back_has_room(const struct lg_proxy *p)
{
    return p->back_pool.cnt_free > 0 || p->kept.oldest || p->stale.oldest;
}
/* lg_back_dial connects from our first address that has a port left.
 *   Returns  as lg_tcp_connect; LG_E(NO_ROUTE): no way leads there */
LG_MUST lg_err_t lg_back_dial(struct lg_proxy *p, const struct lg_endpoint *to, void *user,
                              struct lg_tcp_conn **out);
/* lg_wait_leave takes s out of the queue; when it is in none, it does nothing. lg_wait_poll lets
 * those go on for whom a backend has room. */
void lg_wait_leave(struct lg_session *s);
unsigned lg_wait_poll(struct lg_proxy *p);
/* lg_session_view: s's pool, as this worker sees it. */
static inline struct lg_pool_view *lg_session_view(const struct lg_session *s)
{
    return &s->snap->workers[s->p->cfg.worker_idx].pools[s->pool_idx];
}
/* lg_back_keep gives s->back to the kept ones, or closes it when that is not possible. */
void lg_back_keep(struct lg_session *s);
/* lg_back_close ends s->back in order, lg_back_abort with a reset; NULL allowed. */
void lg_back_close(struct lg_session *s);
void lg_back_abort(struct lg_session *s);
bool lg_back_tx(struct lg_session *s);
/* lg_back_fill takes from the backend into s->down while the client's side is free. */
bool lg_back_fill(struct lg_session *s);
/* lg_back_shutdown ends our direction, after what is queued. */
void lg_back_shutdown(struct lg_session *s);
/* -- back_tls.c: the same under TLS -- */
/* lg_back_tls_begin opens TLS on a connection that has just opened; false: no memory for it. */
bool lg_back_tls_begin(struct lg_session *s);
/* lg_back_tls_shake moves the handshake on.
 *   Returns  OPEN: done; HANDSHAKE: not yet; FAILED: refused, said and counted */
enum lg_tls_state lg_back_tls_shake(struct lg_session *s);
bool lg_back_tls_tx(struct lg_session *s);
/* lg_back_tls_take decrypts at most max bytes into s->down; *is_last: the last one has been. */
bool lg_back_tls_take(struct lg_session *s, uint32_t max, bool *is_last);
/* lg_back_tls_notify queues close_notify, past the room of TCP if need be. */
void lg_back_tls_notify(struct lg_back *b);
/* lg_back_tls_idle reads what came on a kept connection; false: it is of no more use. */
bool lg_back_tls_idle(struct lg_proxy *p, struct lg_back *b);
/* lg_back_tls_fini frees what TLS holds of a connection, if anything. */
void lg_back_tls_fini(struct lg_back *b);
/* lg_back_event handles news of a backend connection. */
void lg_back_event(struct lg_proxy *p, struct lg_back *b, uint32_t events);
void lg_back_idle_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns);
/* lg_back_drop_idle closes every kept connection. lg_back_retire_idle makes them stale: nobody is
 * given one any more; lg_back_poll_stale closes a few of those. Returns how many. */
void lg_back_drop_idle(struct lg_proxy *p);
void lg_back_retire_idle(struct lg_proxy *p);
unsigned lg_back_poll_stale(struct lg_proxy *p);
const struct lg_cfg_pool *lg_session_pool(const struct lg_session *s);

/* -- relay.c -- */

void lg_relay_begin(struct lg_session *s);
bool lg_relay_step(struct lg_session *s);
/* lg_relay_begun: what became of asking for a backend: of lg_back_begin, or after a wait. */
void lg_relay_begun(struct lg_session *s, lg_err_t begun);
void lg_relay_back_open(struct lg_session *s);
/* lg_relay_back_lost: never opened (refused, timed out), or reset while open. */
void lg_relay_back_lost(struct lg_session *s, bool was_open);
void lg_relay_deadline(struct lg_session *s);

/* -- http.c -- */

void lg_http_begin(struct lg_session *s);
bool lg_http_step(struct lg_session *s);
void lg_http_begun(struct lg_session *s, lg_err_t begun);
void lg_http_back_open(struct lg_session *s);
void lg_http_back_lost(struct lg_session *s, bool was_open);
void lg_http_deadline(struct lg_session *s);
/* lg_http_drain: between two requests, it closes now; else after the response in progress. */
void lg_http_drain(struct lg_session *s);
void lg_http_fini(struct lg_session *s);

#endif
