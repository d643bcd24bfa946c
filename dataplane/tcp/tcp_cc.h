/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_cc.h: congestion control as a table of functions. What is lost is decided by tcp_loss.c;
 * an algorithm only moves cwnd and ssthresh. Thread owner core. */
#ifndef LG_TCP_CC_H
#define LG_TCP_CC_H

#include "ns.h"

struct lg_tcp_conn;

/* What an algorithm remembers; opened sets it up. */
struct lg_tcp_cc_state {
    uint32_t acc; /* reno: bytes acknowledged towards the next increase; cubic: 1/1024 bytes */
    /* -- cubic -- */
    uint32_t w_max, undo_w_max; /* cwnd before the last reduction, or a little less */
    union {
        struct {                         /* while has_epoch */
            float w_est;                 /* what Reno would have, bytes */
            uint32_t epoch_ms, grown_ms; /* when the curve began; when it was last followed */
            uint32_t k_ms;               /* when it reaches w_max */
        };
        struct {                /* else: HyStart++ */
            uint32_t round_end; /* of the round trip being watched, sequence number */
            uint32_t last_rtt_us, round_rtt_us, css_base_us;
        };
    };
    uint8_t samples, css_rounds;
    bool has_epoch;
};

/* An algorithm moves c->cwnd and c->ssthresh (bytes). */
struct lg_tcp_cc {
    const char *name;
    /* opened: the connection is established; mss is known. */
    void (*opened)(struct lg_tcp_conn *c);
    /* acked: n new bytes delivered outside fast recovery while cwnd was in use; rtt_us: the round
     * trip this ACK measured, UINT32_MAX: none. */
    void (*acked)(struct lg_tcp_conn *c, uint32_t n, uint32_t rtt_us);
    /* lost: fast recovery begins, or the network marks packets (ECN); flight bytes are outstanding.
     * Sets ssthresh; cwnd is led there by the caller. */
    void (*lost)(struct lg_tcp_conn *c, uint32_t flight);
    /* timeout: the retransmission timer fired; is_first: of this loss. */
    void (*timeout)(struct lg_tcp_conn *c, uint32_t flight, bool is_first);
    /* undone: the last lost or timeout was a mistake; cwnd and ssthresh are restored already. */
    void (*undone)(struct lg_tcp_conn *c);
};

extern const struct lg_tcp_cc lg_tcp_cc_reno;  /* RFC 5681, 6582, 6928 */
extern const struct lg_tcp_cc lg_tcp_cc_cubic; /* RFC 9438, 9406 */

#endif
