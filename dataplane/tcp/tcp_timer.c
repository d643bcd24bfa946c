/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_timer.c: what happens when time passes. A connection has three deadlines (t_rtx, t_out,
 * t_life) and one wheel timer at or before the earliest. Moving a deadline later costs nothing: the
 * timer fires early, finds nothing due, and is armed again. */
#include "tcp_priv.h"

uint32_t lg_tcp_rto_us(const struct lg_tcp_conn *c)
{
    uint32_t max_us = (uint32_t)(LG_TCP_MAX_RTO_NS / 1000);
    uint32_t min_us = (uint32_t)(c->tcp->cfg.min_rto_ns / 1000);

    if (c->srtt_us == 0)
        return (uint32_t)(LG_TCP_INIT_RTO_NS / 1000);
    /*= https://www.rfc-editor.org/rfc/rfc6298#section-2
     *# RTO <- SRTT + max (G, K*RTTVAR) where K = 4. */
    uint32_t rto_us = c->srtt_us + LG_MAX(1000u, 4 * c->rttvar_us);
    return LG_MIN(LG_MAX(rto_us, min_us), max_us);
}

lg_ns_t lg_tcp_rto(const struct lg_tcp_conn *c)
{
    unsigned shift = LG_MIN(c->backoff, (uint8_t)12);
    return LG_MIN(LG_US(lg_tcp_rto_us(c)) << shift, LG_TCP_MAX_RTO_NS);
}

void lg_tcp_arm_rtx_in(struct lg_tcp_conn *c, lg_ns_t in_ns)
{
    c->flags &= ~LG_TCP_F_PERSIST;
    c->loss &= ~(uint32_t)(LG_TCP_L_T_TLP | LG_TCP_L_T_REO);
    c->t_rtx = lg_ns_add(c->tcp->now_ns, in_ns);
    lg_tcp_timer_touch(c, c->t_rtx);
}

/* waited: for how long nothing has been acknowledged, when the timer has run n times in a row. */
static lg_ns_t waited(const struct lg_tcp_conn *c, uint32_t n)
{
    lg_ns_t rto_ns = LG_US(lg_tcp_rto_us(c)), sum_ns = 0;

    for (uint32_t i = 0; i < n; i++, rto_ns *= 2)
        sum_ns += LG_MIN(rto_ns, LG_TCP_MAX_RTO_NS);
    return sum_ns;
}

void lg_tcp_arm_rtx(struct lg_tcp_conn *c)
{
    lg_ns_t limit_ns = c->tcp->cfg.user_timeout_ns, wait_ns = lg_tcp_rto(c);

    if (LG_UNLIKELY(limit_ns != 0) && c->backoff > 0 && c->state >= LG_TCP_ESTABLISHED) {
        lg_ns_t gone_ns = waited(c, c->backoff);
        if (gone_ns < limit_ns) /* the last time of all: the user waits no longer */
            wait_ns = LG_MIN(wait_ns, limit_ns - gone_ns);
    }
    lg_tcp_arm_rtx_in(c, wait_ns);
}

void lg_tcp_arm_keepalive(struct lg_tcp_conn *c)
{
    if (c->tcp->cfg.keepalive_idle_ns == 0)
        return;
    c->t_life = lg_ns_add(c->tcp->now_ns, c->tcp->cfg.keepalive_idle_ns);
    lg_tcp_timer_touch(c, c->t_life);
}

/* give_up ends a connection whose peer does not answer; always false. */
static bool give_up(struct lg_tcp_conn *c)
{
    lg_tcp_count(c->tcp, LG_STAT_TCP_TIMEOUT);
    if (c->state >= LG_TCP_ESTABLISHED)
        lg_tcp_send_rst(c);
    lg_tcp_conn_close(c, LG_TCP_EV_TIMEOUT);
    return false;
}

static bool on_syn_timeout(struct lg_tcp_conn *c)
{
    if (c->backoff >= c->tcp->cfg.syn_retries)
        return give_up(c);
    c->backoff++;
    c->flags |= LG_TCP_F_SYN_DUE | LG_TCP_F_SYN_AGAIN;
    return true;
}

/* on_repair: t_rtx was not the timeout's: a probe is due, or a reordering window has ended. */
static void on_repair(struct lg_tcp_conn *c)
{
    bool is_probe = c->loss & LG_TCP_L_T_TLP;

    lg_tcp_arm_rtx(c);
    if (is_probe)
        c->loss |= LG_TCP_L_TLP_DUE;
    else
        lg_tcp_loss_reo_timer(c);
    lg_tcp_due(c);
}

/* is_given_up: R2 of RFC 9293 section 3.8.3, or the user's timeout. A peer that answers window
 * probes is there, though it takes nothing: not that one's matter. */
static bool is_given_up(const struct lg_tcp_conn *c)
{
    lg_ns_t limit_ns = c->tcp->cfg.user_timeout_ns;

    if (c->backoff >= c->tcp->cfg.data_retries)
        return true;
    return limit_ns != 0 && waited(c, c->backoff + 1u) >= limit_ns &&
           (c->snd_wnd > 0 || lg_ns_since(c->tcp->now_ns, c->rx_at_ns) >= limit_ns);
}

/* on_rtx: the retransmission or persist timer; false: c is over. */
static bool on_rtx(struct lg_tcp_conn *c)
{
    bool is_persist = c->flags & LG_TCP_F_PERSIST;

    if (c->state < LG_TCP_ESTABLISHED) {
        if (!on_syn_timeout(c))
            return false;
    } else if (!is_persist && c->snd_una == c->snd_nxt) {
        c->t_rtx = LG_NS_NEVER;
        return true;
    } else if (c->loss & (LG_TCP_L_T_TLP | LG_TCP_L_T_REO)) {
        on_repair(c);
        return true;
    } else if (is_given_up(c)) {
        return give_up(c);
    } else if (is_persist) {
        c->backoff++;
        c->flags |= c->snd_wnd > 0 ? LG_TCP_F_FORCE : LG_TCP_F_PROBE;
    } else {
        lg_tcp_count(c->tcp, LG_STAT_TCP_RTO);
        lg_tcp_loss_timeout(c);
        lg_tcp_pmtu_timeout(c);
        c->backoff++;
    }
    lg_tcp_arm_rtx(c);
    if (is_persist)
        c->flags |= LG_TCP_F_PERSIST;
    lg_tcp_due(c);
    return true;
}

/* spare_islands: while the packet pool is empty, islands may be holding the very bufs without which
 * the hole before them cannot be received. Then they go: the peer sends them again (RFC 2018
 * section 8 permits it). */
static void spare_islands(struct lg_tcp_conn *c)
{
    struct lg_buf *b = lg_buf_take(c->tcp->pool);

    if (!b) {
        lg_stat_add(c->tcp->stats, LG_STAT_TCP_OOO_DROP, c->ooo_cnt);
        lg_tcp_ooo_drop(c);
        return;
    }
    lg_buf_give(b);
    c->t_out = lg_ns_add(c->tcp->now_ns, LG_TCP_OOO_CHECK_NS);
}

static void on_out(struct lg_tcp_conn *c)
{
    c->t_out = LG_NS_NEVER;
    if (c->ooo_cnt > 0)
        spare_islands(c);
    if (c->flags & LG_TCP_F_ACK_LATER) {
        c->flags &= ~LG_TCP_F_ACK_LATER;
        c->flags |= LG_TCP_F_ACK_NOW;
    }
    lg_tcp_due(c);
}

/* on_keepalive: RFC 1122 section 4.2.3.6; false: c is over. */
static bool on_keepalive(struct lg_tcp_conn *c)
{
    const struct lg_tcp_cfg *cfg = &c->tcp->cfg;
    lg_ns_t now_ns = c->tcp->now_ns;
    lg_ns_t at_ns = lg_ns_add(c->rx_at_ns, cfg->keepalive_idle_ns);

    if (now_ns < at_ns) {
        c->t_life = at_ns;
        return true;
    }
    c->t_life = lg_ns_add(now_ns, cfg->keepalive_intvl_ns);
    if (c->snd_una != c->snd_nxt || (c->flags & LG_TCP_F_PERSIST))
        return true; /* another timer is asking the peer already */
    bool is_late = cfg->user_timeout_ns != 0 && c->keep_probes > 0 &&
                   now_ns >= lg_ns_add(at_ns, cfg->user_timeout_ns);
    if (c->keep_probes >= cfg->keepalive_cnt || is_late)
        return give_up(c);
    c->keep_probes++;
    c->flags |= LG_TCP_F_PROBE;
    lg_tcp_due(c);
    return true;
}

/* on_life: false: c is over. */
static bool on_life(struct lg_tcp_conn *c)
{
    if (c->state == LG_TCP_TIME_WAIT) {
        lg_tcp_conn_close(c, 0);
        return false;
    }
    if (c->flags & LG_TCP_F_ORPHAN)
        return give_up(c);
    return on_keepalive(c);
}

void lg_tcp_on_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns)
{
    struct lg_tcp_conn *c = LG_CONTAINER(t, struct lg_tcp_conn, timer);

    (void)ctx;
    if (c->t_rtx <= now_ns && !on_rtx(c))
        return;
    if (c->t_out <= now_ns)
        on_out(c);
    if (c->t_life <= now_ns && !on_life(c))
        return;
    lg_ns_t at_ns = LG_MIN(LG_MIN(c->t_rtx, c->t_out), c->t_life);
    if (at_ns != LG_NS_NEVER)
        lg_tcp_timer_touch(c, at_ns);
}
