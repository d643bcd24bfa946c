/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_pace.c: pacing: a window is not sent as one burst, which small buffers on the way would cut
 * off, but spread over the round trip, a little faster than it is acknowledged:
 *
 *      rate = cwnd / srtt * 2     in slow start
 *             cwnd / srtt * 1.2   afterwards
 *
 * As Linux's, with coarser grains: about a millisecond's worth goes out at once (at least four
 * segments, at most a turn's burst), then pace_us says when the next may. A timer is needed once a
 * millisecond at most, then, and by none whose round trip is shorter than that: there the ACKs' own
 * clock is finer than ours. The first window goes out whole: no round trip of data is known yet.
 *
 * Not held back: a probe, and the first repetition of a recovery. */
#include "tcp_priv.h"

/* The time that sending bytes takes at c's rate, microseconds. */
static uint64_t time_of(const struct lg_tcp_conn *c, uint64_t bytes)
{
    uint64_t per_rtt = c->cwnd < c->ssthresh / 2 ? 2ull * c->cwnd : c->cwnd + c->cwnd / 5;

    return bytes * c->srtt_us / LG_MAX(per_rtt, 1u);
}

static bool is_paced(const struct lg_tcp_conn *c)
{
    return c->tcp->cfg.pacing && c->srtt_us >= LG_TCP_PACE_LEAST_US;
}

/* How long c has to wait, microseconds. pace_us is never more than a round trip ahead: then it is
 * of long ago, and the clock has come round. */
static uint32_t wait_us(const struct lg_tcp_conn *c)
{
    uint32_t ahead = c->pace_us - c->tcp->now_us;

    return ahead <= c->srtt_us ? ahead : 0;
}

uint32_t lg_tcp_pace_segs(const struct lg_tcp_conn *c)
{
    if (!is_paced(c))
        return LG_TCP_BURST_SEGS;
    if (wait_us(c) > 0)
        return 0;
    uint64_t seg_us = LG_MAX(time_of(c, c->mss), 1u);
    uint32_t segs = (uint32_t)LG_MIN(LG_TCP_PACE_BURST_US / seg_us, LG_TCP_BURST_SEGS);
    return LG_MAX(segs, LG_TCP_PACE_BURST_SEGS);
}

void lg_tcp_pace_sent(struct lg_tcp_conn *c, uint32_t bytes)
{
    if (!is_paced(c))
        return;
    uint64_t us = wait_us(c) + time_of(c, bytes);
    c->pace_us = c->tcp->now_us + (uint32_t)LG_MIN(us, (uint64_t)c->srtt_us);
}

void lg_tcp_pace_arm(struct lg_tcp_conn *c)
{
    c->t_out = LG_MIN(c->t_out, lg_ns_add(c->tcp->now_ns, LG_US(wait_us(c))));
    lg_tcp_timer_touch(c, c->t_out);
}
