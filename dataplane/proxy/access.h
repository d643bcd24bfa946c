/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access.h: the access log's way from a worker to the control thread: one ring a worker, of records
 * of one size. A worker copies what it has: numbers, times, pointers to static words, and the bytes
 * of clients as they came, cut. It formats nothing, escapes nothing and never waits: a full ring
 * drops the record and counts it (LOG_DROPPED). control/log/access_log.c makes lines of them.
 *
 * Names of listeners, pools and backends are not copied: a record names the snapshot, and indexes
 * in it. The session that wrote it pinned the snapshot until after it was in the ring, so whoever
 * frees snapshots empties the rings between finding no pin left and freeing (control/reload.h).
 *
 * Ordering: the worker writes the record, then releases `tail`; the control thread acquires `tail`
 * before it reads, and releases `head` after, which the worker acquires before it writes there
 * again. */
#ifndef LG_ACCESS_H
#define LG_ACCESS_H

#include "ip.h"
#include "log_format.h"
#include "ns.h"
#include "snapshot.h"
#include "stat.h"

#include <stdatomic.h>

/* Texts of a record, in this order one behind the other. */
enum lg_access_text {
    LG_AT_ALPN,
    LG_AT_SNI,
    LG_AT_SUBJECT,
    LG_AT_ISSUER,
    LG_AT_SERIAL,
    LG_AT_FINGERPRINT,
    LG_AT_METHOD, /* from here on of a request */
    LG_AT_HOST,
    LG_AT_PATH,
    LG_AT_QUERY,
    LG_AT_HEADER,
    LG_AT_CNT = LG_AT_HEADER + LG_LOG_HEADERS_MAX
};
#define LG_AT_REQUEST LG_AT_METHOD /* the first one that a request brings */

/* Bytes of each at most; what is longer is cut. */
#define LG_ACCESS_METHOD_MAX 32u
#define LG_ACCESS_HOST_MAX 255u
#define LG_ACCESS_PATH_MAX 768u
#define LG_ACCESS_QUERY_MAX 512u
#define LG_ACCESS_HEADER_MAX 256u
#define LG_ACCESS_REC_SZ                                                                           \
    1984u /* not a power of two: neighbours lie in different sets of a cache                       \
           */

/* Times of a record, each from the one before it; NEVER: it did not come to that. */
enum lg_access_time {
    LG_AX_HANDSHAKE,
    LG_AX_IDLE,
    LG_AX_REQUEST,
    LG_AX_QUEUE,
    LG_AX_CONNECT,
    LG_AX_RESPONSE,
    LG_AX_TOTAL,
    LG_AX_CNT
};

struct lg_access_rec {
    const struct lg_snapshot *snap; /* borrows: until the record is read */
    const char *suite, *group;      /* static; "" */
    const char *reason;             /* static; "": it did not fail */
    lg_ns_t at_ns;                  /* when it ended, on the workers' clock */
    lg_ns_t time_ns[LG_AX_CNT];
    uint64_t bytes_in, bytes_out;
    struct lg_endpoint client, peer, local;
    uint32_t connection;
    uint32_t listener_idx, pool_idx, backend_idx; /* UINT32_MAX: none */
    uint16_t status;                              /* 0: none */
    uint16_t tls_version;                         /* 0: none */
    uint8_t event;                                /* enum lg_log_event */
    uint8_t who, phase;                           /* of `state`; '-' */
    uint8_t retries;
    uint8_t alert;    /* LG_TLS_NO_ALERT or 0: none */
    bool is_alert_rx; /* the client sent it */
    bool is_resumed, has_cert, is_refused /* the client's certificate */, is_mutual;
    bool is_reused, is_http10, is_cut;
    uint16_t text_len[LG_AT_CNT];
    char text[];
};

#define LG_ACCESS_TEXT_SZ (LG_ACCESS_REC_SZ - sizeof(struct lg_access_rec))

struct lg_access_ring {
    uint8_t *recs;                                /* owns: cnt records of LG_ACCESS_REC_SZ */
    uint32_t mask;                                /* cnt - 1; cnt is a power of two */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t tail; /* worker releases, control acquires */
    uint32_t head_seen;                           /* worker only */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t head; /* control releases, worker acquires */
};

/* lg_access_ring_footprint, _init: over zeroed, aligned memory; cnt is a power of two. Thread
 * control. */
size_t lg_access_ring_footprint(uint32_t cnt);
struct lg_access_ring *lg_access_ring_init(void *mem, uint32_t cnt);
/* lg_access_ring_begin gives the next record to fill, NULL (and counted) when the ring is full;
 * lg_access_ring_put hands it over. Thread owner core. */
struct lg_access_rec *lg_access_ring_begin(struct lg_access_ring *r, struct lg_stats *stats);
void lg_access_ring_put(struct lg_access_ring *r, struct lg_stats *stats);
/* lg_access_ring_peek gives the oldest record, NULL when there is none; lg_access_ring_pop lets it
 * go. Thread control. */
const struct lg_access_rec *lg_access_ring_peek(const struct lg_access_ring *r);
void lg_access_ring_pop(struct lg_access_ring *r);
/* lg_access_text: text i of a record. Thread control. */
lg_span_t lg_access_text(const struct lg_access_rec *rec, enum lg_access_text i);
/* lg_access_text_put appends text i, the texts before it being there; what does not fit is cut. */
void lg_access_text_put(struct lg_access_rec *rec, enum lg_access_text i, const void *p,
                        size_t len);

/* ---------------------------------------------------------------- of a session */

/* What a session keeps for its line. Times are microseconds after base_ns, 0: not yet. */
struct lg_access {
    lg_ns_t base_ns;      /* accepted; https: the request's first byte, or since when it is idle */
    uint64_t in, out;     /* bytes inside TLS */
    const char *reason;   /* static; NULL: none */
    struct lg_buf *words; /* owns: what is to be said of the request; NULL: nothing */
    uint32_t connection;
    uint32_t handshake_us, idle_us;
    uint32_t asked_us;    /* the request's head is there; tcp_ssl: TLS is open */
    uint32_t dialled_us;  /* the first attempt at a backend */
    uint32_t open_us;     /* connected to one */
    uint32_t answered_us; /* the first byte of its answer */
    uint32_t backend_idx; /* of the last attempt */
    uint16_t status;
    uint8_t open;     /* 1 + enum lg_log_event: of the line to come; 0: none is due */
    uint8_t attempts; /* at backends */
    uint8_t who, phase;
    uint8_t last_failure; /* who of the last failed attempt: refused, or too slow */
    bool is_on : 1;       /* this listener is logged */
    bool has_pool : 1;    /* it is known */
    bool is_reused : 1;
};

struct lg_session;

/* Hooks, called by the proxy. None does anything where the listener is not logged. Thread owner
 * core. */

/* lg_access_accept begins: a session has just been made. */
void lg_access_accept(struct lg_session *s);
/* lg_access_shaken: its handshake is done; in clear: it may begin. */
void lg_access_shaken(struct lg_session *s);
/* lg_access_failed writes the line of a failed handshake; reason: static words.
 *   Returns  whether it is logged here: else it has to be said elsewhere */
bool lg_access_failed(struct lg_session *s, const char *reason);
/* lg_access_asks: the first byte of a request is there. */
void lg_access_asks(struct lg_session *s);
/* lg_access_head: its head has been parsed, into the worker's scratch. */
void lg_access_head(struct lg_session *s);
/* lg_access_attempt: backend idx is asked for a connection. */
void lg_access_attempt(struct lg_session *s, uint32_t idx);
/* lg_access_done writes the line that is due, if one is. */
void lg_access_done(struct lg_session *s);
/* lg_access_begun_who: whose fault it is that asking for a backend came to nothing (lg_back_begin).
 */
char lg_access_begun_who(const struct lg_session *s, lg_err_t begun);
/* lg_access_blame: who ends it: 'C' the client, 'S' the backend, 'c' and 's' they by being slow,
 * 'P' the proxy, 'R' the proxy for want of resources, 'L' a rule that answers by itself, 'K' the
 * operator. The first word counts; the
 * phase is that of the moment. */
void lg_access_blame(struct lg_session *s, char who);

#endif
