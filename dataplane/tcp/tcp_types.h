/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_types.h: the inside of the TCP stack: connection block, stack, and what the files of this
 * folder call of each other. Field names are those of RFC 9293 section 3.3.1. */
#ifndef LG_TCP_TYPES_H
#define LG_TCP_TYPES_H

#include "pool.h"
#include "tcp.h"
#include "tcp_opt.h"
#include "tcp_seq.h"
#include "wheel.h"

enum lg_tcp_state {
    TCP_CLOSED, /* over; the user has not let go yet */
    TCP_SYN_SENT,
    TCP_SYN_RCVD,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};

/* c->flags */
enum {
    F_PASSIVE = 1u << 0,
    F_TS = 1u << 1,       /* both sides do timestamps */
    F_WS = 1u << 2,       /* both sides do window scaling */
    F_SACK = 1u << 3,     /* both sides do SACK */
    F_USER = 1u << 4,     /* a user holds it: accepted and reported, or connected */
    F_SHUT = 1u << 5,     /* the user wants FIN after the queue */
    F_FIN_SENT = 1u << 6, /* FIN occupies snd_end; snd_max is past it */
    F_FIN_RCVD = 1u << 7,
    F_ACK_NOW = 1u << 8,
    F_WANT_ROOM = 1u << 9,  /* give EV_TX when there is room */
    F_RECOVERY = 1u << 10,  /* fast recovery until snd_una passes recover */
    F_RTO_REC = 1u << 11,   /* loss recovery after a timeout, until recover */
    F_READY = 1u << 12,     /* in the ready list */
    F_OUT = 1u << 13,       /* in the output list */
    F_RTT = 1u << 14,       /* a segment is being timed (no timestamps) */
    F_PROBE = 1u << 15,     /* zero-window probe due */
    F_KEEPALIVE = 1u << 16, /* keepalive probe due */
    F_FREE = 1u << 17,      /* to be freed once it leaves the lists it is in */
};

/* lg_buf.flags while in a send queue: the scoreboard of RFC 6675 is kept on the segments. */
enum {
    B_SACKED = 1u << 8,
    B_LOST = 1u << 9,
    B_RETRANS = 1u << 10, /* sent again since it was marked lost */
};

struct lg_tcp_conn {
    /* -- every segment -- */
    struct lg_tcp_conn *hash_next;
    lg_ip_t remote_ip, local_ip;
    uint16_t remote_port, local_port;
    uint32_t flags;
    uint32_t rcv_nxt;
    uint32_t rcv_adv; /* right edge of the window we have advertised; never moves left */
    uint32_t snd_una, snd_nxt, snd_max;
    uint32_t snd_wnd, snd_wl1, snd_wl2;
    uint32_t ts_recent;
    uint8_t state, snd_wscale, rcv_wscale, dupacks;
    uint16_t mss;     /* payload bytes of a full segment, options subtracted */
    uint16_t rcv_mss; /* what the peer seems to fill segments with: for the every-second-one ACK */
    struct lg_tcp *tcp;

    /* -- sending and receiving data -- */
    struct lg_bufq sndq;    /* from snd_una on; each buf's seq is its first byte's */
    struct lg_buf *snd_cur; /* first buf with bytes at or after snd_nxt; NULL: all sent */
    uint32_t snd_end;       /* sequence number after the last queued byte */
    struct lg_bufq rcvq;    /* in order, not yet taken */
    struct lg_buf *ooo;     /* out of order, by seq, no overlaps */
    uint32_t ooo_cnt;
    uint32_t cwnd, ssthresh, cwnd_acc;
    uint32_t recover;
    uint32_t sacked_bytes, lost_bytes, retrans_bytes;
    uint32_t sack_high;   /* highest sequence number SACKed */
    uint32_t ack_pending; /* bytes received since the last ACK we sent */
    uint32_t quick_acks;
    uint32_t fin_seq; /* of a FIN received out of order, when fin_seen */
    bool fin_seen;

    /* -- timers: times of the next event of each kind, LG_NS_NEVER: none -- */
    lg_ns_t rto_at_ns;  /* retransmission, or zero-window probe */
    lg_ns_t ack_at_ns;  /* delayed ACK */
    lg_ns_t life_at_ns; /* keepalive; end of TIME_WAIT, FIN_WAIT_2 or a SYN */
    struct lg_timer timer;
    lg_ns_t rto_ns, srtt_ns, rttvar_ns;
    uint32_t backoff; /* consecutive timeouts */
    uint32_t keep_cnt;
    uint32_t rtt_seq;
    lg_ns_t rtt_at_ns;
    lg_ns_t last_rx_ns;
    uint32_t last_ack_sent;

    /* -- rarely -- */
    void *user;
    uint32_t events;
    uint32_t iss, irs;
    uint16_t peer_mss;
    struct lg_tcp_conn *ready_next, *out_next;
    struct lg_tcp_conn *tw_prev, *tw_next;
};

struct lg_tcp {
    struct lg_tcp_cfg cfg;
    const struct lg_tcp_ops *ops;
    void *ops_ctx;
    struct lg_bufpool *bufs;
    struct lg_stats *stats;
    struct lg_pool conns;
    struct lg_wheel wheel;
    struct lg_tcp_conn **table;
    uint32_t table_mask;
    uint8_t rcv_wscale;
    lg_ns_t now_ns;
    struct lg_tcp_conn *ready_head, *ready_tail;
    struct lg_tcp_conn *ready_batch; /* of this turn; what becomes ready now waits */
    bool is_popping;
    struct lg_tcp_conn *out_head, *out_tail;
    struct lg_tcp_conn *tw_head, *tw_tail;
    struct lg_tcp_counts counts;
    uint32_t port_next;
    lg_ns_t challenge_ns; /* start of the current second of challenge ACKs */
    uint32_t challenge_cnt;
};

enum { TCPF_FIN = 1, TCPF_SYN = 2, TCPF_RST = 4, TCPF_PSH = 8, TCPF_ACK = 16, TCPF_URG = 32 };

/* The acknowledgement part of one segment. */
struct lg_tcp_ack {
    uint32_t seq, ack;
    uint32_t window; /* scaled */
    uint32_t len;    /* payload bytes */
    bool fin;
    const struct lg_tcp_opts *opts;
};

/* -- tcp_conn.c: the table and the life of connection blocks -- */
struct lg_tcp_conn *lg_tcp_find(const struct lg_tcp *t, const struct lg_tcp_tuple *tu);
/* A fresh block in the table, timers off, flags F_TS | F_WS | F_SACK; NULL: no block left. */
struct lg_tcp_conn *lg_tcp_new_conn(struct lg_tcp *t, const struct lg_tcp_tuple *tu,
                                    enum lg_tcp_state state);
/* lg_tcp_finish ends a connection: out of the table, queues dropped, CLOSED|why to its user, or
 * freed when nobody holds it. The block stays readable until the end of the call chain. */
void lg_tcp_finish(struct lg_tcp_conn *c, uint32_t why);
/* lg_tcp_reset sends RST and finishes. */
void lg_tcp_reset(struct lg_tcp_conn *c);
void lg_tcp_enter_time_wait(struct lg_tcp_conn *c);
void lg_tcp_establish(struct lg_tcp_conn *c);
void lg_tcp_event(struct lg_tcp_conn *c, uint32_t events);
void lg_tcp_free_if_unlisted(struct lg_tcp_conn *c);
uint16_t lg_tcp_mtu_mss(const struct lg_tcp *t, const lg_ip_t *remote);

/* -- tcp_ack.c -- */
/* Returns false when the segment is to be dropped (or the connection is gone). */
bool lg_tcp_rx_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack *a);
void lg_tcp_rtt_sample(struct lg_tcp_conn *c, lg_ns_t rtt_ns);
/* lg_tcp_all_lost marks everything in flight lost, after a timeout. */
void lg_tcp_all_lost(struct lg_tcp_conn *c);

/* -- tcp_tx.c -- */
uint32_t lg_tcp_ts_now(const struct lg_tcp *t, const struct lg_tcp_conn *c);
bool lg_tcp_window_would_grow(const struct lg_tcp_conn *c);
bool lg_tcp_send_control(struct lg_tcp_conn *c, uint32_t seq, uint8_t tcp_flags);
void lg_tcp_send_rst(struct lg_tcp *t, const struct lg_tcp_tuple *to, uint32_t seq, uint32_t ack,
                     uint8_t tcp_flags);
void lg_tcp_want_output(struct lg_tcp_conn *c);
unsigned lg_tcp_output_all(struct lg_tcp *t);

/* -- tcp_timer.c -- */
void lg_tcp_arm(struct lg_tcp_conn *c);
unsigned lg_tcp_run_timers(struct lg_tcp *t);

#endif
