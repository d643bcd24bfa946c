/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_types.h: the connection and the stack as their own files see them (and tests and bench).
 * Names of RFC 9293 section 3.3.1 where it has one.
 *
 * Send side, in sequence space:
 *
 *      snd_una                          snd_nxt = tx_next->seq      snd_end   (+1: our FIN)
 *         |==== sent: buf = segment ====|---- not sent yet ----------|
 *
 *   sndq holds [snd_una, snd_end) while a connection is synchronised, buf after buf, seq set. What
 *   has been sent is cut as it was sent: one buf, one segment. Each of these is in one of three
 *   states, and pipe (what is in the network) is the sum of the first:
 *
 *      in flight   on `sent`, in the order of sending (which is what RACK judges by)
 *      lost        on `lost`, in sequence order, flag TX_LOST: to be sent again; counted in lost_sz
 *      SACKed      on no list, flag TX_SACKED; counted in sacked_sz
 *
 *                 sent          RACK, timeout            sent again
 *      (unsent) -------> in flight -------> lost ------------------> in flight
 *                           |  SACK           |  SACK
 *                           +---> SACKed <----+           an ACK ends all of them
 *
 * Receive side:
 *
 *      rcvq (unread)  rcv_nxt          ooo (islands)           rcv_adv
 *      |==============|---------[===]-------[=======]-------------|
 *
 *   rcv_adv is the furthest right edge ever advertised; RCV.WND is rcv_adv - rcv_nxt. */
#ifndef LG_TCP_TYPES_H
#define LG_TCP_TYPES_H

#include "pool.h"
#include "tcp.h"
#include "tcp_cc.h"
#include "tcp_flow.h"
#include "tcp_opt.h"
#include "tcp_seq.h"
#include "wheel.h"

/* -- change first -- */
#define LG_TCP_BURST_SEGS 64u        /* segments a connection sends in one turn */
#define LG_TCP_TIMERS_TURN 256u      /* timers run in one turn */
#define LG_TCP_ORPHAN_NS LG_SEC(60)  /* a released connection without progress, FIN_WAIT_2 */
#define LG_TCP_MAX_RTO_NS LG_SEC(60) /* RFC 6298 (2.5): at least 60 s */
#define LG_TCP_INIT_RTO_NS LG_SEC(1) /* RFC 6298 (2.1) */
/* -- only for a reason -- */
#define LG_TCP_NO_BUF_NS LG_MS(5)      /* try again after the packet pool was empty */
#define LG_TCP_OOO_CHECK_NS LG_MS(500) /* while there are islands: is the packet pool empty? */
#define LG_TCP_CHALLENGE_MAX 10u       /* challenge ACKs a connection a second (RFC 5961 7) */
#define LG_TCP_CHALLENGES_ALL 1000u    /* of a stack a second, give or take half: RFC 5961 7 */
#define LG_TCP_RESETS_ALL 10000u       /* RSTs to segments for no connection, a stack a second */
#define LG_TCP_BUF_FIRST (256u << 10)  /* buffers begin with this much, each way */
#define LG_TCP_PACE_LEAST_US 1000u     /* round trips shorter than this are not paced */
#define LG_TCP_PACE_BURST_US 1000u     /* so much at once, and no fewer segments than: */
#define LG_TCP_PACE_BURST_SEGS 4u
#define LG_TCP_TINY_SZ 256u          /* payloads up to this are merged by copy in queues */
#define LG_TCP_QUICK_ACKS 16u        /* segments acknowledged at once on a new connection */
#define LG_TCP_IW_SEGS 10u           /* initial window, RFC 6928 */
#define LG_TCP_DUP_THRESH 3u         /* RFC 5681 */
#define LG_TCP_DELACK_MAX_US 200000u /* a peer's ACK may be delayed so long; RFC 8985 7.2 */
#define LG_TCP_TLP_SLACK_US 2000u    /* what a loss probe waits beyond two round trips */
#define LG_TCP_MIN_RTT_SPAN_S 300u   /* the smallest round trip is forgotten after */
#define LG_TCP_POOL_SHARE 16u  /* a connection queues at most this part of the free bufs ... */
#define LG_TCP_POOL_LEAST 4u   /* ... and may always queue so many */
#define LG_TCP_MIN_MSS 64u     /* smaller offers count as this */
#define LG_TCP_SACK_RANGES 57u /* SACKed islands remembered of one connection */
#define LG_TCP_PORT_SLOTS 256u /* source-port counters, RFC 6056 algorithm 4 */
#define LG_TCP_PMTU_CNT 1024u  /* destinations remembered with their path MTU, a power of 2 */
#define LG_TCP_PAWS_IDLE_NS LG_SEC(24 * 86400) /* RFC 7323 section 5.5 */

/* Order matters: comparisons >= ESTABLISHED mean synchronised. */
enum lg_tcp_state {
    LG_TCP_CLOSED,
    LG_TCP_SYN_SENT,
    LG_TCP_SYN_RCVD,
    LG_TCP_ESTABLISHED,
    LG_TCP_FIN_WAIT_1,
    LG_TCP_FIN_WAIT_2,
    LG_TCP_CLOSE_WAIT,
    LG_TCP_CLOSING,
    LG_TCP_LAST_ACK,
    LG_TCP_TIME_WAIT,
    LG_TCP_STATE_CNT
};

enum {
    LG_TCP_FL_FIN = 0x01,
    LG_TCP_FL_SYN = 0x02,
    LG_TCP_FL_RST = 0x04,
    LG_TCP_FL_PSH = 0x08,
    LG_TCP_FL_ACK = 0x10,
    LG_TCP_FL_ECE = 0x40,
    LG_TCP_FL_CWR = 0x80,
};

/* Bits of lg_tcp_conn.flags. */
enum {
    LG_TCP_F_IN_USE = 1u << 0,     /* the object is taken from its pool */
    LG_TCP_F_PASSIVE = 1u << 1,    /* accepted */
    LG_TCP_F_USER = 1u << 2,       /* a user holds it */
    LG_TCP_F_ORPHAN = 1u << 3,     /* its user has released it: finish alone */
    LG_TCP_F_TS = 1u << 4,         /* timestamps agreed */
    LG_TCP_F_SACK = 1u << 5,       /* SACK agreed */
    LG_TCP_F_WSCALE = 1u << 6,     /* window scaling agreed */
    LG_TCP_F_SYN_DUE = 1u << 7,    /* SYN or SYN-ACK to be sent */
    LG_TCP_F_SYN_AGAIN = 1u << 8,  /* SYN or SYN-ACK has been sent more than once */
    LG_TCP_F_FIN_QUEUED = 1u << 9, /* shut down: FIN follows snd_end */
    LG_TCP_F_FIN_SENT = 1u << 10,  /* snd_nxt == snd_end + 1 */
    LG_TCP_F_FIN_OOO = 1u << 11,   /* the peer's FIN is known: at rcv_fin */
    LG_TCP_F_FIN_RCVD = 1u << 12,  /* the peer's FIN has been taken in sequence */
    LG_TCP_F_ACK_NOW = 1u << 13,   /* an ACK goes out this turn */
    LG_TCP_F_ACK_LATER = 1u << 14, /* an ACK goes out at t_out */
    LG_TCP_F_WANT_TX = 1u << 15,   /* the user waits for send room */
    LG_TCP_F_RECOVERY = 1u << 16,  /* fast recovery until recover */
    LG_TCP_F_LOSS = 1u << 17,      /* after a timeout, until recover */
    LG_TCP_F_PERSIST = 1u << 18,   /* t_rtx is the persist timer, not the retransmission timer */
    LG_TCP_F_FORCE = 1u << 19,     /* persist timer: send what the window takes, however little */
    LG_TCP_F_PROBE = 1u << 20,     /* a window or keepalive probe is due */
    LG_TCP_F_DSACK_DUE = 1u << 21, /* dsack is to be reported (RFC 2883) */
    LG_TCP_F_CWND_FULL = 1u << 22, /* the congestion window held data back last time */
    LG_TCP_F_COUNTED = 1u << 23,   /* its source's entry counts it */
    LG_TCP_F_ECN = 1u << 24,       /* ECN agreed (RFC 3168) */
    LG_TCP_F_ECE = 1u << 25,       /* the network marked the peer's data: say so until its CWR */
    LG_TCP_F_CWR_DUE = 1u << 26,   /* the next new data says that cwnd was reduced */
    LG_TCP_F_ECN_CUT = 1u << 27,   /* cwnd was reduced, and no mark up to ecn_end reduces again */
    LG_TCP_F_PACED = 1u << 28,     /* there is data to send that pacing holds back */
    LG_TCP_F_AT_DOOR = 1u << 29,   /* its handshake is counted in doors[door] */
};

/* Bits of lg_tcp_conn.loss: repair and its timers. */
enum {
    LG_TCP_L_T_TLP = 1u << 0,     /* t_rtx is the tail loss probe's */
    LG_TCP_L_T_REO = 1u << 1,     /* t_rtx ends a reordering window */
    LG_TCP_L_TLP_DUE = 1u << 2,   /* a tail loss probe is to be sent */
    LG_TCP_L_TLP_OUT = 1u << 3,   /* one is out: up to tlp_end */
    LG_TCP_L_TLP_RTX = 1u << 4,   /* and it repeated old data */
    LG_TCP_L_REORDER = 1u << 5,   /* this path reorders */
    LG_TCP_L_HEAD_DUE = 1u << 6,  /* one lost segment is sent whatever cwnd says */
    LG_TCP_L_FIN_LOST = 1u << 7,  /* the FIN without data is to be sent again */
    LG_TCP_L_FRTO = 1u << 8,      /* after a timeout: is it a spurious one? (RFC 5682) */
    LG_TCP_L_DSACK_RND = 1u << 9, /* dsack_end is valid: duplicates before it are one event */
};

/* Bits of lg_buf.flags in sndq. */
enum {
    LG_TCP_TX_SACKED = 1u << 8,
    LG_TCP_TX_LOST = 1u << 9,
    LG_TCP_TX_AGAIN = 1u << 10, /* sent more than once */
    LG_TCP_TX_SENT = 1u << 11,  /* on `sent` */
};

/* Bufs chained by newer and older. */
struct lg_tcp_seglist {
    struct lg_buf *oldest, *newest;
};

/* Intrusive, doubly linked list; a list head is one too. next == NULL: not on a list. */
struct lg_tcp_link {
    struct lg_tcp_link *next, *prev;
};

/* What a sender knows while it repairs: the peer's islands (cnt may be 0), how much a recovery has
 * delivered and sent (PRR), and what to go back to if there was no loss. From a pool of which not
 * every connection can have one; without it islands are ignored and reductions are for good. */
struct lg_tcp_repair {
    uint32_t cnt;                                /* in [0,LG_TCP_SACK_RANGES] */
    uint32_t bytes;                              /* sum of the ranges */
    struct lg_tcp_range r[LG_TCP_SACK_RANGES];   /* ascending, disjoint, not adjacent */
    uint32_t prr_delivered, prr_out, prr_flight; /* RFC 6937 */
    uint32_t undo_una;  /* snd_una when the trouble began; valid while has_undo */
    uint32_t undo_end;  /* duplicates reported after this say nothing of it */
    uint32_t undo_segs; /* segments sent again, minus those reported as duplicates */
    uint32_t undo_cwnd, undo_ssthresh;
    uint32_t again_ts; /* our timestamp on the first segment sent again */
    bool has_undo, has_again;
    struct lg_buf *hint; /* borrows: where the last SACKed buf was found, or NULL */
};

/* The path MTU to one destination, as a router told it. mtu 0: nothing. */
struct lg_tcp_pmtu {
    lg_ip_t ip;
    uint16_t mtu;
    uint16_t at; /* tcp_pmtu.c's stamp of the telling */
};

/* So many of something a second. */
struct lg_tcp_quota {
    lg_ns_t since_ns;
    uint32_t left;
};

/* One client address and what it does here. hash 0: free. */
struct lg_tcp_source {
    uint64_t hash;
    uint32_t conns;
    uint32_t tokens; /* thousandths of a connection it may still open, at at_ms */
    uint32_t at_ms;
};

struct lg_tcp_conn {
    /* -- line 0: found by, and what every segment reads -- */
    struct lg_tcp_tuple tuple;
    uint8_t state;          /* enum lg_tcp_state */
    uint8_t snd_wscale : 4; /* shift of the peer's windows */
    uint8_t rcv_wscale : 4; /* shift of ours */
    uint8_t rcv_grown;      /* how often the receive window has doubled (tcp_wnd.c) */
    uint8_t quick_acks;     /* segments still to be acknowledged at once */
    uint32_t flags;         /* LG_TCP_F_* */
    uint32_t rcv_nxt, rcv_adv;
    uint32_t snd_una, snd_nxt, snd_wnd;
    /* -- line 1 -- */
    struct lg_tcp *tcp; /* borrows: for life */
    uint32_t snd_wl1, snd_wl2;
    uint32_t snd_end;   /* sequence number after the last byte queued */
    uint32_t rcv_acked; /* the last ACK sent: Last.ACK.sent of RFC 7323 */
    uint32_t ts_recent, ts_off;
    lg_ns_t rx_at_ns; /* when the last acceptable segment came */
    uint32_t max_wnd; /* the largest window the peer ever offered, bytes */
    uint16_t mss;     /* payload bytes of a full segment sent */
    uint16_t rcv_mss; /* payload bytes of a full segment of the peer, as far as seen */
    uint32_t cwnd, ssthresh;
    struct lg_tcp_repair *rep; /* owns; NULL: nothing to repair */
    /* -- line 2: the queues -- */
    struct lg_bufq rcvq;                /* owns: in sequence, not taken yet */
    struct lg_bufq sndq;                /* owns: not acknowledged yet */
    struct lg_buf *tx_next;             /* the buf of sndq that holds snd_nxt; NULL: all is sent */
    struct lg_buf *ooo_head, *ooo_tail; /* owns: islands beyond rcv_nxt, ascending, disjoint */
    uint32_t ooo_cnt;                   /* bufs there */
    uint32_t ecn_end;                   /* snd_nxt when cwnd was last reduced, if F_ECN_CUT */
    struct lg_tcp_link out;             /* on tcp->out_list: something to send this turn */
    struct lg_tcp_link news;            /* on tcp->news or news_next */
    union {
        uint32_t pop_turn;  /* the turn it was last popped in */
        uint32_t orphan_rx; /* F_ORPHAN: bytes discarded since release */
    };
    uint8_t events;                /* LG_TCP_EV_* not told yet */
    uint8_t dup_acks_due;          /* without SACK: duplicate ACKs beyond the first */
    uint8_t reo_mult, reo_persist; /* reordering window: quarters of min_rtt; recoveries it lasts */
    /* -- timers: one wheel timer at or before the earliest of the three -- */
    struct lg_timer timer;
    lg_ns_t t_rtx;  /* retransmission or persist */
    lg_ns_t t_out;  /* delayed ACK; a look at the islands; another try */
    lg_ns_t t_life; /* keepalive, orphan's end, 2 MSL */
    /* -- round trip, RFC 6298 -- */
    uint32_t srtt_us, rttvar_us; /* srtt_us 0: no sample yet */
    uint32_t rtt_end;            /* the next sample comes from an ACK at or beyond it */
    uint32_t wnd_end;            /* receive window: the look at its use ends (tcp_wnd.c) */
    lg_ns_t tx_at_ns;            /* when data was last sent */
    uint8_t backoff;             /* consecutive timeouts of the timer t_rtx */
    uint8_t keep_probes;         /* keepalive probes unanswered */
    uint8_t challenge_cnt;       /* in the second challenge_at */
    uint8_t dup_acks;            /* duplicate ACKs in a row */
    uint16_t challenge_at;       /* by lg_tcp_now_s */
    uint16_t min_rtt_at;         /* when min_rtt_us was measured, by the same */
    uint32_t wnd_at_us;          /* and when it began */
    uint32_t rcv_fin;            /* the peer's FIN, if F_FIN_OOO */
    /* -- loss repair; RACK's names are those of RFC 8985 -- */
    union {
        struct {
            struct lg_tcp_seglist sent, lost;
        };
        struct lg_tcp_link tw; /* in TIME_WAIT, on tcp->time_wait: oldest first */
    };
    union {
        uint32_t sacked_sz;
        uint32_t dup_sz; /* without SACK: bytes that duplicate ACKs say have left the network */
    };
    uint32_t lost_sz;
    uint32_t recover;                           /* snd_nxt when the loss was noticed */
    uint32_t loss;                              /* LG_TCP_L_* */
    uint32_t rack_tx_us, rack_end, rack_rtt_us; /* the latest segment sent that has arrived */
    uint32_t fack;                              /* the furthest that has arrived */
    uint32_t min_rtt_us;
    uint32_t pace_us; /* new data goes out no earlier (tcp_pace.c) */
    union {
        uint32_t dsack_end;
        uint32_t door; /* F_AT_DOOR: SYN_RCVD, before there is anything to report twice */
    };
    uint32_t tlp_end;
    struct lg_tcp_cc_state ccs;
    /* -- reassembly -- */
    struct lg_tcp_range rcv_sack[LG_TCP_OPT_SACK_MAX]; /* newest islands first; empty: none */
    struct lg_tcp_range dsack;                         /* what came twice, if F_DSACK_DUE */
    /* -- cold -- */
    void *user;
    uint32_t flow_slot; /* LG_TCP_FLOW_NONE: not in the table */
    uint16_t mss_full;  /* mss, had the path not turned out smaller */
    uint16_t pmtu_at;   /* mss < mss_full: since this stamp (tcp_pmtu.c) */
};
_Static_assert(offsetof(struct lg_tcp_conn, tcp) == LG_CACHE_LINE, "line 0 is one line");
_Static_assert(offsetof(struct lg_tcp_conn, rcvq) == 2 * LG_CACHE_LINE, "line 1 is one line");
_Static_assert(sizeof(struct lg_tcp_conn) <= 512, "an idle connection costs 512 bytes");
_Static_assert(sizeof(struct lg_tcp_repair) <= 512, "and one in repair as many again");

struct lg_tcp {
    /* -- set once -- */
    struct lg_tcp_cfg cfg;
    const struct lg_tcp_ops *ops;
    void *ops_ctx;
    struct lg_bufpool *pool;
    struct lg_stats *stats;
    uint8_t rcv_wscale;
    /* -- hot -- */
    lg_ns_t now_ns;
    uint32_t now_ms, now_us; /* modulo 2^32 */
    uint32_t turn;
    struct lg_tcp_link news, news_next; /* connections with events; of the next turn */
    struct lg_tcp_link out_list;
    struct lg_tcp_link time_wait;
    struct lg_tcp_flow flow;
    struct lg_pool conns, repairs;
    uint32_t cnt_state[LG_TCP_STATE_CNT]; /* connections in each state */
    uint32_t cnt_user;
    uint32_t doors[LG_TCP_DOORS];  /* handshakes under way, by listener */
    struct lg_tcp_source *sources; /* borrows: for life; NULL: no limits */
    uint32_t source_mask;
    struct {
        uint64_t epoch, last;    /* now; of the last cookie given out, UINT64_MAX: long ago */
        struct lg_sipkey key[2]; /* of this epoch and the one before */
    } cookie;
    struct lg_tcp_quota challenges, resets; /* of all connections together */
    uint16_t port_next[LG_TCP_PORT_SLOTS];
    struct lg_tcp_pmtu pmtu[LG_TCP_PMTU_CNT];
    struct lg_wheel wheel;
    struct lg_hist rtt_ns; /* smoothed, of connections at their end */
};

/* One received segment: state of one event, on the stack. */
struct lg_tcp_seg {
    struct lg_buf *b; /* owns until somebody takes it: then NULL. data at the payload */
    uint32_t seq, ack;
    uint32_t len;  /* payload bytes */
    uint32_t wnd;  /* as on the wire, unscaled */
    uint8_t flags; /* LG_TCP_FL_* */
    uint8_t ecn;   /* enum lg_ecn: the IP header's */
    struct lg_tcp_opts opts;
};

#endif
