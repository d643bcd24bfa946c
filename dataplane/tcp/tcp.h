/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.h: a TCP endpoint for one worker: passive and active connections, bytes and a time in,
 * segments and a deadline out. It knows nothing of DPDK, TLS or clocks.
 *
 * Standards: RFC 9293 (TCP), 6298 (RTO), 7323 (timestamps, window scale, PAWS), 5961 (blind
 * attacks), 6528 (initial sequence numbers), 1122 section 4.2 (delayed ACK, keepalive, SWS), 1191,
 * 8201, 5927 (path MTU), 8985 (RACK-TLP), 6937 (PRR), 9438 (CUBIC), 9406 (HyStart++), 3168 (ECN).
 *
 * How a worker uses it, each loop turn:
 *      lg_tcp_rx          for each segment of the burst
 *      lg_tcp_ready_pop   until NULL: each connection with news once, with what is new
 *      ... lg_tcp_take / lg_tcp_send / lg_tcp_shutdown by the proxy ...
 *      lg_tcp_poll        due timers; then every segment and ACK that became due is sent, one ACK
 *                         a connection a turn
 *
 * Life of a connection as its user sees it:
 *
 *   SYN + completing ACK          lg_tcp_connect
 *            |                        |
 *            v                        v
 *        OPEN event  <----------- OPEN event           (or CLOSED | RESET / TIMEOUT: refused)
 *            |
 *   RX (bytes), RX_FIN (peer has finished), TX (room again) events; take, send, shutdown
 *            |
 *        CLOSED event: both directions done, or RESET or TIMEOUT set beside it
 *            |
 *   lg_tcp_release: the user lets go. It may do so at any time: before CLOSED, the stack finishes
 *   alone: sends what is queued and the FIN, discards what arrives meanwhile, TIME_WAIT. A peer
 *   that talks on when all of ours is acknowledged, or sends more than a buffer full, is reset (RFC
 *   1122 section 4.2.2.13), and so is one with which nothing moves for a minute. The pointer is
 *   dead for the user and no event comes.
 *
 * Ownership: bufs given to lg_tcp_send belong to the connection until acknowledged; bufs taken by
 * lg_tcp_take belong to the taker. Thread: owner core only, all functions, unless said. */
#ifndef LG_TCP_H
#define LG_TCP_H

#include "buf.h"
#include "err.h"
#include "ip.h"
#include "log2hist.h"
#include "siphash.h"
#include "stat.h"
#include "ns.h"
#include "tcp_cc.h"

struct lg_tcp;
struct lg_tcp_conn;

/* What a listener says of one who comes to it. */
struct lg_tcp_door {
    uint16_t slot;          /* in [0, LG_TCP_DOORS): its handshakes are counted there */
    uint32_t half_open_max; /* handshakes under way beyond which cookies answer; 0: cfg's alone */
    bool is_trusted;        /* the source is a proxy that speaks for many: no limits by source */
};
#define LG_TCP_DOORS 1024u

struct lg_tcp_ops {
    /* output sends one segment: b holds TCP header (checksum field zero) and payload, with at
     * least LG_BUF_HEADROOM - 60 bytes of headroom for IP and Ethernet. Borrowed: the callee takes
     * its own reference if it keeps the buf past the call (then lg_buf_is_shared), and restores
     * nothing: tcp re-points data afterwards. It fills in the checksum or has a device do it. */
    void (*output)(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst);
    /* is_listening: shall a SYN to this address be answered? */
    bool (*is_listening)(void *ctx, const lg_ip_t *local_ip, uint16_t local_port);
    /* -- NULL, both, where this stack is alone -- */
    /* source_ports: the ports that connections from local_ip may use here, instead of cfg's. */
    void (*source_ports)(void *ctx, const lg_ip_t *local_ip, uint16_t *lo, uint16_t *hi);
    /* is_ours: will t's segments come to this stack (and not to another worker's)? */
    bool (*is_ours)(void *ctx, const struct lg_tcp_tuple *t);
    /* door: what limits a connection to a listener; NULL: only cfg's limits. */
    void (*door)(void *ctx, const struct lg_tcp_tuple *t, struct lg_tcp_door *out);
};

/* Explicit congestion notification (RFC 3168), as Linux's tcp_ecn 0, 2 and 1. */
enum lg_tcp_ecn {
    LG_TCP_ECN_OFF,
    LG_TCP_ECN_PASSIVE, /* with peers that ask for it */
    LG_TCP_ECN_ON,      /* and ask for it when connecting */
};

struct lg_tcp_cfg {
    /* -- change first -- */
    uint32_t max_conns;  /* connections of all states, front and back halves */
    uint32_t snd_buf_sz; /* bytes a connection may have queued and unacknowledged, when its path
                            needs so many: it begins with 256 KiB (or this, if that is less) */
    uint32_t rcv_buf_sz; /* bytes it may hold unread, the advertised window: as above; at most 1 GiB
                          */
    uint16_t mtu;        /* bytes of IP packet the path from us takes; mss = mtu - 40 or - 60 */
    /* -- only for a reason -- */
    lg_ns_t delayed_ack_ns;    /* [0, 500 ms]; 0: every segment is acknowledged at the turn's end */
    lg_ns_t time_wait_ns;      /* 2 MSL */
    lg_ns_t keepalive_idle_ns; /* 0: no keepalive */
    lg_ns_t keepalive_intvl_ns;
    uint32_t keepalive_cnt;
    lg_ns_t min_rto_ns;         /* RFC 6298 says 1 s; Linux and we say 200 ms */
    const struct lg_tcp_cc *cc; /* borrows: for life; NULL: cubic */
    enum lg_tcp_ecn ecn;
    bool pacing;             /* spread what is sent over the round trip */
    uint32_t syn_retries;    /* SYN and SYN-ACK */
    uint32_t data_retries;   /* R2 of RFC 1122 */
    lg_ns_t user_timeout_ns; /* data unacknowledged for so long: over; 0: data_retries alone */
    /* Against floods; 0 switches each off. */
    uint32_t syn_backlog;      /* handshakes under way beyond which SYNs are answered by cookies */
    uint32_t source_conns;     /* connections one IPv4 address or IPv6 /64 may hold: those whose
                                  handshake is complete, so that nobody is counted out by forged SYNs */
    uint32_t source_cps;       /* and open a second, after a burst of as many */
    uint16_t port_lo, port_hi; /* source ports of active connections: [port_lo, port_hi] */
    struct lg_sipkey secret;   /* keys ISNs and the flow table */
};

/* What is new about a connection; several may be set at once. */
enum {
    LG_TCP_EV_OPEN = 1u << 0,    /* the handshake completed */
    LG_TCP_EV_RX = 1u << 1,      /* bytes to take */
    LG_TCP_EV_RX_FIN = 1u << 2,  /* the peer sent FIN; all before it can be taken */
    LG_TCP_EV_TX = 1u << 3,      /* there is send room again (after a send found too little) */
    LG_TCP_EV_CLOSED = 1u << 4,  /* over: in order, or with one of the two below */
    LG_TCP_EV_RESET = 1u << 5,   /* the peer reset it (or refused our SYN) */
    LG_TCP_EV_TIMEOUT = 1u << 6, /* given up */
};

/* lg_tcp_footprint: bytes of 64-byte-aligned zeroed memory one stack wants. */
size_t lg_tcp_footprint(const struct lg_tcp_cfg *cfg);
/* lg_tcp_init lays a stack into mem. cfg is copied; pool, stats and ops are borrowed for life.
 *   Returns  the stack (never fails: memory is planned) */
struct lg_tcp *lg_tcp_init(void *mem, const struct lg_tcp_cfg *cfg, const struct lg_tcp_ops *ops,
                           void *ops_ctx, struct lg_bufpool *pool, struct lg_stats *stats,
                           lg_ns_t now_ns);
/* lg_tcp_fini gives every buf back. Thread quiesced. */
void lg_tcp_fini(struct lg_tcp *tcp);

/* lg_tcp_rx takes one segment whose checksum is good.
 *   b        owned from here on; data at the TCP header, len to the end of the payload (link
 *            padding already cut)
 *   Returns  nothing: what is wrong is answered and counted (DROP_TCP_*) */
void lg_tcp_rx(struct lg_tcp *tcp, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst,
               lg_ns_t now_ns);
/* lg_tcp_prefetch_flow and, some other work later, lg_tcp_prefetch_conn fetch what lg_tcp_rx will
 * read of t's connection, if there is one: for a burst of segments, the first for all, then the
 * second for all, then lg_tcp_rx. They change nothing. Returns  what the second wants */
uint64_t lg_tcp_prefetch_flow(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t);
void lg_tcp_prefetch_conn(const struct lg_tcp *tcp, uint64_t flow);
/* lg_tcp_rx_unreachable tells the stack of a hard ICMP error that quotes a segment of ours; it is
 * validated against the connection's unacknowledged sequence range (RFC 5927) and aborts only a
 * connection that is not yet established.
 *   Returns  true: there is such a connection (else it may be another worker's) */
bool lg_tcp_rx_unreachable(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t seq,
                           lg_ns_t now_ns);
/* lg_tcp_rx_too_big tells the stack that a router did not pass on a segment of ours because it is
 * larger than mtu, in [68, 65535]. Validated in the same way; then the connection's segments, and
 * those of later ones to that address, are made to fit, for ten minutes.
 *   Returns  true: there is such a connection (else it may be another worker's)
 *   RFC      1191, 8201, 5927 7 */
bool lg_tcp_rx_too_big(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu,
                       lg_ns_t now_ns);
/* lg_tcp_ready_pop gives the next connection with news and what it is; NULL: no more this turn.
 * A connection comes once a turn; news that arises while it is handled comes next time. */
struct lg_tcp_conn *lg_tcp_ready_pop(struct lg_tcp *tcp, uint32_t *events);
/* lg_tcp_poll runs due timers and sends what has become due. Returns work done (0: idle). */
unsigned lg_tcp_poll(struct lg_tcp *tcp, lg_ns_t now_ns);
/* lg_tcp_next: a time no later than the stack's next deadline; `now` or earlier when a turn is
 * wanted at once; LG_NS_NEVER when idle. */
lg_ns_t lg_tcp_next(const struct lg_tcp *tcp);

/* lg_tcp_connect begins an active connection from local_ip, choosing a free port of the range.
 *   Returns  LG_OK and *out (OPEN or CLOSED will come); LG_E(FULL) no connection left;
 *            LG_E(NO_PORT) every port to that remote is in use (of very many ports: those looked
 * at) A port whose last connection to that remote is in TIME_WAIT is used again after a second,
 * when that connection had timestamps (RFC 6191 section 2, 7323 section 5). */
LG_MUST lg_err_t lg_tcp_connect(struct lg_tcp *tcp, const lg_ip_t *local_ip,
                                const struct lg_endpoint *remote, void *user, lg_ns_t now_ns,
                                struct lg_tcp_conn **out);

/* The user's pointer: NULL on a connection just accepted. */
void lg_tcp_set_user(struct lg_tcp_conn *c, void *user);
void *lg_tcp_user(const struct lg_tcp_conn *c);
void lg_tcp_get_tuple(const struct lg_tcp_conn *c, struct lg_tcp_tuple *out);
/* lg_tcp_is_passive: it was accepted, not connected. */
bool lg_tcp_is_passive(const struct lg_tcp_conn *c);
/* The largest payload of one segment to this peer, bytes: cut data to it and nothing is copied. */
uint32_t lg_tcp_mss(const struct lg_tcp_conn *c);

/* lg_tcp_rx_avail: bytes that can be taken now. */
uint32_t lg_tcp_rx_avail(const struct lg_tcp_conn *c);
/* lg_tcp_take moves whole bufs from the front of the receive queue to q: at least one if there is
 * one, then as long as the total stays within max bytes. Taking opens the advertised window.
 *   Returns  bytes moved */
uint32_t lg_tcp_take(struct lg_tcp_conn *c, struct lg_bufq *q, uint32_t max);
/* lg_tcp_rx_done: the peer's FIN has been received and every byte before it taken. */
bool lg_tcp_rx_done(const struct lg_tcp_conn *c);

/* lg_tcp_send_room: bytes that may be queued now; 0 also when the queue holds too many bufs: fewer,
 * the fewer the pool has left. When it is less than wanted, the stack remembers and gives EV_TX
 * once half the buffer is free. */
uint32_t lg_tcp_send_room(struct lg_tcp_conn *c);
/* lg_tcp_send queues all of q (emptied; payload only, headroom as it happens to be: a buf with
 * less than LG_BUF_HEADROOM is copied at transmission). May exceed the room by at most one buf.
 * Data for a connection that is over or shut is dropped. Sent by the next lg_tcp_poll. */
void lg_tcp_send(struct lg_tcp_conn *c, struct lg_bufq *q);
/* lg_tcp_unacked: bytes queued and not yet acknowledged. */
uint32_t lg_tcp_unacked(const struct lg_tcp_conn *c);
/* lg_tcp_shutdown: FIN after what is queued. Idempotent. */
void lg_tcp_shutdown(struct lg_tcp_conn *c);
/* lg_tcp_abort: RST now, queues dropped; CLOSED follows unless released. */
void lg_tcp_abort(struct lg_tcp_conn *c);
/* lg_tcp_release: see above. The pointer is dead afterwards. */
void lg_tcp_release(struct lg_tcp_conn *c);

/* Numbers for operators and tests. Thread any (a snapshot that may be torn between fields). */
struct lg_tcp_counts {
    uint32_t conns;       /* all states, TIME_WAIT included */
    uint32_t established; /* ESTABLISHED and the closing states, without TIME_WAIT */
    uint32_t time_wait;
    uint32_t embryonic; /* SYN_RCVD */
    uint32_t user_held; /* connections a user has not released */
};
void lg_tcp_get_counts(const struct lg_tcp *tcp, struct lg_tcp_counts *out);
/* lg_tcp_rtt: the smoothed round-trip time of each connection when it ended. Thread any, by
 * lg_hist_sum. Borrows: for the stack's life. */
const struct lg_hist *lg_tcp_rtt(const struct lg_tcp *tcp);

#endif
