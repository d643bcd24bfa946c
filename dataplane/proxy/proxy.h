/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy.h: one worker's proxy: takes accepted connections through TLS and relays them to a
 * backend, as bytes (tcp_ssl) or as HTTP/1.1 messages (https).
 *
 * A session is one client connection with its TLS state, and at most one backend connection at a
 * time. It lives and dies on this worker. Back-pressure: bytes are taken from one side's TCP only
 * while the other side has send room, so a slow reader closes the other peer's window and a
 * session never holds more than a bounded number of bytes itself.
 *
 *   client conn OPEN                        backend conn
 *        |  lg_tls handshake                    |
 *        v                                      |
 *   tcp_ssl: pick backend, connect -------------+--> relay both ways, half-close each way
 *   https:   parse request head -> route -> pick/reuse backend -> relay request and response
 *            bodies streamed -> next request ... (408, 502, 503, 504, 400, 431 when it goes wrong)
 *
 * Deadlines: handshake, request header, connect, response header, keep-alive idle, idle.
 * Thread: owner core only, unless said. */
#ifndef LG_PROXY_H
#define LG_PROXY_H

#include "log.h"
#include "snapshot.h"
#include "tcp.h"
#include "tls.h"

struct lg_proxy;

struct lg_proxy_cfg {
    uint32_t worker_idx;
    uint32_t max_sessions;
    uint32_t max_backs; /* connections to backends, in use and kept */
    /* Handshakes take no more of a turn than this, and one of them more: who is established comes
     * first. In units of env.cycles; 0: no bound. */
    uint64_t handshake_budget;
};

/* What the proxy borrows from its worker, for life. */
struct lg_proxy_env {
    struct lg_tcp *tcp;
    struct lg_tls_core *tls;
    struct lg_bufpool *pool;
    struct lg_stats *stats;
    struct lg_logring *log;
    /* source: our nth address to use towards a backend; false: no route, or no more of them. */
    bool (*source)(void *ctx, const lg_ip_t *dst, uint32_t nth, lg_ip_t *src);
    /* cycles: the time stamp counter, for TLS_HS_CYCLES (cost of completed handshakes). */
    uint64_t (*cycles)(void *ctx);
    void *ctx;
};

size_t lg_proxy_footprint(const struct lg_proxy_cfg *cfg);
struct lg_proxy *lg_proxy_init(void *mem, const struct lg_proxy_cfg *cfg,
                               const struct lg_proxy_env *env, lg_ns_t now_ns);
void lg_proxy_fini(struct lg_proxy *p);

/* lg_proxy_set_snapshot: new connections are accepted under s from now on; kept idle backend
 * connections of older snapshots are closed, and sessions judged and moved (move.c), a few a turn.
 */
void lg_proxy_set_snapshot(struct lg_proxy *p, const struct lg_snapshot *s, lg_ns_t now_ns);
/* lg_proxy_is_listening serves tcp's ops.is_listening: false while draining. */
bool lg_proxy_is_listening(const struct lg_proxy *p, const lg_ip_t *ip, uint16_t port);
/* lg_proxy_door serves tcp's ops.door: the listener's limit of handshakes, and whether accept_proxy
 * names who comes. */
void lg_proxy_door(const struct lg_proxy *p, const struct lg_tcp_tuple *t, struct lg_tcp_door *out);
/* lg_proxy_drain: no new connections; keep-alive sessions close after the response in progress
 * (idle ones now); others finish until the deadline, then they are aborted. */
void lg_proxy_drain(struct lg_proxy *p, lg_ns_t deadline_ns, lg_ns_t now_ns);

/* lg_proxy_end ends what is left of sessions under generations up to this one, a few a turn. */
void lg_proxy_end(struct lg_proxy *p, uint64_t generation, lg_ns_t now_ns);

/* lg_proxy_event handles one connection popped from the stack's ready list. */
void lg_proxy_event(struct lg_proxy *p, struct lg_tcp_conn *c, uint32_t events, lg_ns_t now_ns);
/* lg_proxy_poll runs deadlines and continues sessions that had more to do than one step is
 * allowed (bounded bytes a session a turn). Returns work done. */
unsigned lg_proxy_poll(struct lg_proxy *p, lg_ns_t now_ns);
/* lg_proxy_shake moves handshakes on, within their budget: when all else of the turn has been done
 * and sent, so that nobody else's bytes wait for their arithmetic. Returns work done. */
unsigned lg_proxy_shake(struct lg_proxy *p, lg_ns_t now_ns);
lg_ns_t lg_proxy_next(const struct lg_proxy *p);

struct lg_proxy_counts {
    uint32_t sessions;      /* client connections held */
    uint32_t backend_conns; /* of sessions */
    uint32_t backend_idle;  /* kept for reuse */
};
/* Thread any (may be torn between fields). */
void lg_proxy_get_counts(const struct lg_proxy *p, struct lg_proxy_counts *out);

#endif
