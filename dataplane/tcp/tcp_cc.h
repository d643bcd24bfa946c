/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_cc.h: congestion control as a table of functions. What is lost is decided by tcp_loss.c;
 * an algorithm only moves cwnd and ssthresh (bytes), and may use cc_acc. Thread owner core. */
#ifndef LG_TCP_CC_H
#define LG_TCP_CC_H

#include "ns.h"

struct lg_tcp_conn;

/* What an algorithm remembers; each uses it as it likes, and sees it zeroed when opened. */
struct lg_tcp_cc_state {
    uint32_t acc; /* bytes acknowledged towards the next increase */
};

struct lg_tcp_cc {
    const char *name;
    /* opened: the connection is established; mss is known. */
    void (*opened)(struct lg_tcp_conn *c);
    /* acked: n new bytes delivered outside fast recovery while cwnd was in use. */
    void (*acked)(struct lg_tcp_conn *c, uint32_t n, lg_ns_t now_ns);
    /* lost: fast recovery begins; flight bytes are outstanding. Sets ssthresh; cwnd is led there by
     * the recovery. */
    void (*lost)(struct lg_tcp_conn *c, uint32_t flight, lg_ns_t now_ns);
    /* timeout: the retransmission timer fired; is_first: of this loss. */
    void (*timeout)(struct lg_tcp_conn *c, uint32_t flight, bool is_first);
    /* undone: the last lost or timeout was a mistake; cwnd and ssthresh are restored already. */
    void (*undone)(struct lg_tcp_conn *c);
    /* idle: nothing was sent for longer than a retransmission timeout. */
    void (*idle)(struct lg_tcp_conn *c);
};

extern const struct lg_tcp_cc lg_tcp_cc_reno; /* RFC 5681, 6582, 6928 */

#endif
