/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_wnd.c: how large a receive window becomes. It begins with 256 KiB (LG_TCP_BUF_FIRST) and
 * doubles, up to what the config allows, each time that a whole one has come within two round trips
 * and been read: then the path would carry more than the window lets it. What a connection has been
 * promised is never taken back; what it is promised next is bounded by its share of the free packet
 * buffers (lg_tcp_fair_bufs), so that the windows of all shrink together when those get few. A
 * window that nobody uses is a number, no memory. After Fisk and Feng, "Dynamic Right-Sizing"
 * (2001).
 *
 * The send buffer needs no state: twice cwnd (lg_tcp_snd_limit). */
#include "tcp_priv.h"

/* No round trip is shorter than our own turns, and none is known of a connection opened by a cookie
 * that has not sent yet. */
#define RTT_LEAST_US 1000u
#define RTT_UNKNOWN_US 100000u

void lg_tcp_wnd_look(struct lg_tcp_conn *c)
{
    uint32_t limit = lg_tcp_rcv_limit(c), now_us = c->tcp->now_us;
    uint32_t rtt_us = c->srtt_us ? LG_MAX(c->srtt_us, RTT_LEAST_US) : RTT_UNKNOWN_US;
    bool is_fast = now_us - c->wnd_at_us <= 2 * (uint64_t)rtt_us;

    if (is_fast && c->rcvq.bytes <= limit / 2 && limit < c->tcp->cfg.rcv_buf_sz) {
        c->rcv_grown++;
        lg_tcp_count(c->tcp, LG_STAT_TCP_WND_GROWN);
    }
    c->wnd_at_us = now_us;
    c->wnd_end = c->rcv_nxt + lg_tcp_rcv_limit(c);
}
