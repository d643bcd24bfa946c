/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_timer.c: what happens when time passes. A connection keeps three deadlines (retransmit or
 * probe; delayed ACK; life) and one wheel timer at the earliest of them. The timer is lazy: a
 * deadline that moves later costs a store, and the timer re-arms itself when it fires too early. */
#include "tcp_types.h"

#define TIMERS_PER_POLL 4096u

static lg_ns_t earliest(const struct lg_tcp_conn *c)
{
    return LG_MIN(c->rto_at_ns, LG_MIN(c->ack_at_ns, c->life_at_ns));
}

void lg_tcp_arm(struct lg_tcp_conn *c)
{
    lg_ns_t at_ns = c->state == TCP_CLOSED ? LG_NS_NEVER : earliest(c);
    if (at_ns != LG_NS_NEVER && (!lg_timer_is_started(&c->timer) || at_ns < c->timer.at_ns))
        lg_wheel_start(&c->tcp->wheel, &c->timer, at_ns);
}

static void give_up(struct lg_tcp_conn *c)
{
    lg_stat_inc(c->tcp->stats, LG_STAT_TCP_TIMEOUT);
    if (c->state >= TCP_ESTABLISHED)
        lg_tcp_send_control(c, c->snd_nxt, TCPF_RST | TCPF_ACK);
    lg_tcp_finish(c, LG_TCP_EV_TIMEOUT);
}

static void on_syn_timeout(struct lg_tcp_conn *c)
{
    if (c->backoff++ >= c->tcp->cfg.syn_retries) {
        give_up(c);
        return;
    }
    c->rto_ns = LG_SEC(1);
    c->snd_nxt = c->iss; /* the SYN, or SYN-ACK, once more */
    lg_tcp_want_output(c);
}

static lg_ns_t rto_backed_off(const struct lg_tcp_conn *c)
{
    return LG_MIN(c->rto_ns << LG_MIN(c->backoff, 10u), LG_SEC(60));
}

static void enter_loss(struct lg_tcp_conn *c)
{
    if (c->backoff == 0)
        c->ssthresh = LG_MAX((c->snd_max - c->snd_una) / 2, 2u * c->mss);
    c->cwnd = c->mss;
    c->cwnd_acc = 0;
    c->recover = c->snd_max;
    c->dupacks = 0;
    c->flags = (c->flags & ~(F_RECOVERY | F_RTT)) | F_RTO_REC;
}

/* on_rto: RFC 6298 section 5.4 to 5.7, RFC 5681 section 3.1 (loss window of one segment). */
static void on_rto(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;

    c->rto_at_ns = LG_NS_NEVER;
    if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD) {
        on_syn_timeout(c);
        return;
    }
    if (c->snd_max == c->snd_una) {
        if (c->snd_cur) { /* zero window: probe for ever, as long as the peer answers */
            c->backoff++;
            c->flags |= F_PROBE;
            c->rto_at_ns = lg_ns_add(t->now_ns, rto_backed_off(c));
            lg_tcp_want_output(c);
        }
        return;
    }
    if (c->backoff >= t->cfg.data_retries &&
        !(c->snd_wnd == 0 && lg_ns_since(t->now_ns, c->last_rx_ns) < LG_SEC(180))) {
        give_up(c);
        return;
    }
    lg_stat_inc(t->stats, LG_STAT_TCP_RTO);
    if (c->snd_wnd == 0)
        c->flags |= F_PROBE;
    else
        enter_loss(c);
    c->backoff++;
    c->rto_at_ns = lg_ns_add(t->now_ns, rto_backed_off(c));
    lg_tcp_all_lost(c);
    if (c->flags & F_FIN_SENT) {
        c->flags &= ~F_FIN_SENT;
        c->snd_nxt = seq_min(c->snd_nxt, c->snd_end);
    }
    lg_tcp_want_output(c);
}

static void on_life(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;

    c->life_at_ns = LG_NS_NEVER;
    if (c->state == TCP_TIME_WAIT || c->state == TCP_FIN_WAIT_2) {
        lg_stat_inc(t->stats, LG_STAT_TCP_CLOSED);
        lg_tcp_finish(c, 0);
        return;
    }
    if (!t->cfg.keepalive_idle_ns)
        return;
    lg_ns_t idle_ns = lg_ns_since(t->now_ns, c->last_rx_ns);
    if (idle_ns < t->cfg.keepalive_idle_ns) {
        c->life_at_ns = c->last_rx_ns + t->cfg.keepalive_idle_ns;
        return;
    }
    if (c->keep_cnt++ >= t->cfg.keepalive_cnt) {
        give_up(c);
        return;
    }
    c->flags |= F_KEEPALIVE;
    c->life_at_ns = t->now_ns + t->cfg.keepalive_intvl_ns;
    lg_tcp_want_output(c);
}

static void on_timer(void *ctx, struct lg_timer *timer, lg_ns_t now_ns)
{
    struct lg_tcp_conn *c = LG_CONTAINER(timer, struct lg_tcp_conn, timer);
    (void)ctx;

    if (c->ack_at_ns <= now_ns) {
        c->ack_at_ns = LG_NS_NEVER;
        c->flags |= F_ACK_NOW;
        lg_tcp_want_output(c);
    }
    if (c->rto_at_ns <= now_ns)
        on_rto(c);
    if (!(c->flags & F_FREE) && c->state != TCP_CLOSED && c->life_at_ns <= now_ns)
        on_life(c);
    if (!(c->flags & F_FREE) && c->state != TCP_CLOSED)
        lg_tcp_arm(c);
}

unsigned lg_tcp_run_timers(struct lg_tcp *t)
{
    return lg_wheel_poll(&t->wheel, t->now_ns, TIMERS_PER_POLL, on_timer, t);
}
