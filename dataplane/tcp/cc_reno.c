/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cc_reno.c: the congestion window of RFC 5681 with the initial window of RFC 6928. Byte counting
 * (RFC 3465), because one ACK of ours or of a peer with receive offload stands for many segments.
 * Fast recovery itself is tcp_loss.c's: it leads cwnd to ssthresh (RFC 6937) and sends while the
 * estimate of what is in the network stays below it: no inflation and deflation is needed here. */
#include "tcp_priv.h"

#define CWND_MAX (1u << 30)

static void opened(struct lg_tcp_conn *c)
{
    /*= https://www.rfc-editor.org/rfc/rfc5681#section-3.1
     *# if the SYN or SYN/ACK is lost, the initial window used by a sender after a correctly
     *# transmitted SYN MUST be one segment consisting of at most SMSS bytes. */
    uint32_t segs = c->flags & LG_TCP_F_SYN_AGAIN ? 1 : LG_TCP_IW_SEGS;
    c->cwnd = segs * c->mss;
    c->ssthresh = UINT32_MAX;
}

static void acked(struct lg_tcp_conn *c, uint32_t n, uint32_t rtt_us)
{
    (void)rtt_us;
    if (c->cwnd >= CWND_MAX)
        return;
    if (c->cwnd < c->ssthresh) {
        c->cwnd += n;
        return;
    }
    c->ccs.acc += n;
    if (c->ccs.acc >= c->cwnd) {
        c->ccs.acc -= c->cwnd;
        c->cwnd += c->mss;
    }
}

static uint32_t half(const struct lg_tcp_conn *c, uint32_t flight)
{
    return LG_MAX(flight / 2, 2u * c->mss);
}

static void lost(struct lg_tcp_conn *c, uint32_t flight)
{
    c->ssthresh = half(c, flight);
    c->ccs.acc = 0;
}

static void timeout(struct lg_tcp_conn *c, uint32_t flight, bool is_first)
{
    if (is_first)
        c->ssthresh = half(c, flight);
    c->cwnd = c->mss;
    c->ccs.acc = 0;
}

static void undone(struct lg_tcp_conn *c)
{
    c->ccs.acc = 0;
}

const struct lg_tcp_cc lg_tcp_cc_reno = {"reno", opened, acked, lost, timeout, undone};
