/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cc_cubic.c: CUBIC (RFC 9438) with HyStart++ (RFC 9406). After a reduction the window grows along
 * a cubic curve of time: fast back towards where the loss was (w_max), slow around it, fast beyond.
 * Where Reno would be faster, it grows like Reno. Slow start ends not only by loss but already when
 * round trips get longer: then it goes on at a quarter of the speed for five rounds (CSS), to see
 * whether that was noise.
 *
 * Byte counting without the limit of eight segments an ACK (RFC 9406's L): our peers and their
 * devices join many segments into one ACK. A burst is bounded elsewhere (LG_TCP_BURST_SEGS). */
#include "tcp_priv.h"

#define BETA 0.7
#define C 0.4 /* segments a second cubed */
/* 3 (1 - BETA) / (1 + BETA): what makes Reno's average and ours equal */
#define ALPHA (3 * (1 - BETA) / (1 + BETA))
#define CWND_MAX (1u << 30)

#define CSS_ROUNDS 5u
#define CSS_DIVISOR 4u
#define RTT_SAMPLES 8u
#define RTT_THRESH_MIN_US 4000u
#define RTT_THRESH_MAX_US 16000u

/* Cube root by Newton's method; x in [0, 2^31]. */
static double cube_root(double x)
{
    double y = 1;

    if (x <= 0)
        return 0;
    while (y * y * y < x)
        y *= 2;
    for (int i = 0; i < 6; i++)
        y -= (y * y * y - x) / (3 * y * y);
    return y;
}

static void hystart_round(struct lg_tcp_conn *c)
{
    struct lg_tcp_cc_state *s = &c->ccs;

    s->round_end = c->snd_nxt;
    s->last_rtt_us = s->round_rtt_us;
    s->round_rtt_us = UINT32_MAX;
    s->samples = 0;
}

/* hystart_begin: nothing is known of the round trips yet. */
static void hystart_begin(struct lg_tcp_conn *c)
{
    c->ccs.has_epoch = false;
    c->ccs.css_rounds = 0;
    c->ccs.round_rtt_us = UINT32_MAX;
    hystart_round(c);
}

static void opened(struct lg_tcp_conn *c)
{
    c->ccs = (struct lg_tcp_cc_state){0};
    lg_tcp_cc_reno.opened(c);
    hystart_begin(c);
}

/* slow_start grows cwnd by n, or by less when the round trips say that a queue is building. */
static void slow_start(struct lg_tcp_conn *c, uint32_t n, uint32_t rtt_us)
{
    struct lg_tcp_cc_state *s = &c->ccs;

    if (s->has_epoch)
        hystart_begin(c);
    if (rtt_us != UINT32_MAX) {
        s->round_rtt_us = LG_MIN(s->round_rtt_us, rtt_us);
        s->samples = (uint8_t)LG_MIN(s->samples + 1u, RTT_SAMPLES);
    }
    bool is_known = s->samples == RTT_SAMPLES && s->last_rtt_us != UINT32_MAX;
    if (s->css_rounds == 0) {
        uint32_t thresh_us =
            LG_MAX(RTT_THRESH_MIN_US, LG_MIN(s->last_rtt_us / 8, RTT_THRESH_MAX_US));
        if (is_known && s->round_rtt_us >= s->last_rtt_us + thresh_us) {
            s->css_base_us = s->round_rtt_us;
            s->css_rounds = 1;
        }
    } else if (is_known && s->round_rtt_us < s->css_base_us) {
        s->css_rounds = 0; /* it was noise */
    }
    c->cwnd = LG_MIN(c->cwnd + (s->css_rounds ? n / CSS_DIVISOR : n), CWND_MAX);
    if (lg_seq_lt(c->snd_una, s->round_end))
        return;
    hystart_round(c);
    if (s->css_rounds && ++s->css_rounds > CSS_ROUNDS)
        c->ssthresh = c->cwnd;
}

/* begin_epoch: the first growth after a reduction, or after slow start ended by itself. */
static void begin_epoch(struct lg_tcp_conn *c)
{
    struct lg_tcp_cc_state *s = &c->ccs;

    s->epoch_ms = s->grown_ms = c->tcp->now_ms;
    s->has_epoch = true;
    s->w_est = (float)c->cwnd;
    s->acc = 0;
    if (s->w_max < c->cwnd)
        s->w_max = c->cwnd;
    s->k_ms = (uint32_t)(1000 * cube_root((s->w_max - c->cwnd) / (C * c->mss)));
}

/* skip_idle moves the epoch on over a time in which cwnd was not what limited us: such time teaches
 * nothing about the path (RFC 9438 section 5.8). */
static void skip_idle(struct lg_tcp_conn *c)
{
    struct lg_tcp_cc_state *s = &c->ccs;
    uint32_t gap_ms = c->tcp->now_ms - s->grown_ms, usual_ms = 2 * c->srtt_us / 1000 + 10;

    s->grown_ms = c->tcp->now_ms;
    if (gap_ms > usual_ms)
        s->epoch_ms += gap_ms;
}

/* target is the window the curve wants one round trip from now, bytes. */
static double target(const struct lg_tcp_conn *c)
{
    const struct lg_tcp_cc_state *s = &c->ccs;
    double t = (c->tcp->now_ms - s->epoch_ms + c->srtt_us / 1000 - (double)s->k_ms) / 1000;
    double w = s->w_max + C * c->mss * t * t * t;

    return LG_MIN(LG_MAX(w, (double)c->cwnd), 1.5 * c->cwnd);
}

static void avoid(struct lg_tcp_conn *c, uint32_t n)
{
    struct lg_tcp_cc_state *s = &c->ccs;

    if (!s->has_epoch)
        begin_epoch(c);
    else
        skip_idle(c);
    /* One segment more for each cwnd / (target - cwnd) acknowledged; kept in 1/1024 of a byte, for
     * the increase of one ACK is often less than a byte. */
    double more = (target(c) - c->cwnd) / c->cwnd * LG_MIN(n, c->cwnd) * 1024;
    uint64_t acc = s->acc + (uint64_t)more; /* an ACK for many MiB passes 32 bits */
    double alpha = s->w_est >= (float)s->w_max ? 1 : ALPHA;
    s->w_est += (float)(alpha * c->mss * n / c->cwnd);
    uint32_t cwnd = c->cwnd + (uint32_t)(acc / 1024);
    s->acc = (uint32_t)(acc % 1024);
    if (cwnd < (uint32_t)s->w_est) /* the region where Reno is faster */
        cwnd = (uint32_t)s->w_est;
    c->cwnd = LG_MIN(cwnd, CWND_MAX);
}

static void acked(struct lg_tcp_conn *c, uint32_t n, uint32_t rtt_us)
{
    if (c->cwnd < c->ssthresh)
        slow_start(c, n, rtt_us);
    else
        avoid(c, n);
}

/* reduce takes cwnd for what the path held, not what is in flight: after a recovery that is less
 * for a round trip, and two losses in a row would reduce by far more than they should. cwnd is no
 * larger than what was used, because it grows only while in use (RFC 9438 section 4.6). */
static void reduce(struct lg_tcp_conn *c)
{
    struct lg_tcp_cc_state *s = &c->ccs;
    uint32_t w = LG_MAX(c->cwnd, 2u * c->mss);

    s->undo_w_max = s->w_max;
    /*= https://www.rfc-editor.org/rfc/rfc9438#section-4.7
     *# if (cwnd < W_max and fast convergence is enabled, further reduce W_max) */
    s->w_max = w < s->w_max ? (uint32_t)(w * (1 + BETA) / 2) : w;
    c->ssthresh = LG_MAX((uint32_t)(w * BETA), 2u * c->mss);
    hystart_begin(c);
}

static void lost(struct lg_tcp_conn *c, uint32_t flight)
{
    (void)flight;
    reduce(c);
}

static void timeout(struct lg_tcp_conn *c, uint32_t flight, bool is_first)
{
    (void)flight;
    if (is_first)
        reduce(c);
    c->cwnd = c->mss;
    hystart_begin(c);
}

static void undone(struct lg_tcp_conn *c)
{
    c->ccs.w_max = c->ccs.undo_w_max;
    hystart_begin(c);
}

const struct lg_tcp_cc lg_tcp_cc_cubic = {"cubic", opened, acked, lost, timeout, undone};
