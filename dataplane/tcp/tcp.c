/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c: the stack as its user calls it. Each call does its bookkeeping and puts the connection on
 * the list of those with something to send; the sending happens in lg_tcp_poll. */
#include "tcp_priv.h"

#include <string.h>

/* Repair state exists only while a loss is being repaired; without it SACK blocks are ignored. */
static uint32_t repair_cnt(const struct lg_tcp_cfg *cfg)
{
    return LG_MIN(cfg->max_conns / 8 + 64, cfg->max_conns / 64 + 4096);
}

size_t lg_tcp_footprint(const struct lg_tcp_cfg *cfg)
{
    return lg_align_up(sizeof(struct lg_tcp), LG_CACHE_LINE) +
           lg_align_up(lg_pool_footprint(cfg->max_conns, sizeof(struct lg_tcp_conn)),
                       LG_CACHE_LINE) +
           lg_align_up(lg_pool_footprint(repair_cnt(cfg), sizeof(struct lg_tcp_repair)),
                       LG_CACHE_LINE) +
           lg_tcp_flow_footprint(cfg->max_conns) + lg_tcp_source_footprint(cfg);
}

struct lg_tcp *lg_tcp_init(void *mem, const struct lg_tcp_cfg *cfg, const struct lg_tcp_ops *ops,
                           void *ops_ctx, struct lg_bufpool *pool, struct lg_stats *stats,
                           lg_ns_t now_ns)
{
    struct lg_tcp *tcp = mem;
    uint8_t *at = (uint8_t *)mem + lg_align_up(sizeof *tcp, LG_CACHE_LINE);

    memset(tcp, 0, sizeof *tcp);
    tcp->cfg = *cfg;
    if (!tcp->cfg.cc)
        tcp->cfg.cc = &lg_tcp_cc_cubic;
    tcp->cfg.rcv_buf_sz = LG_MIN(cfg->rcv_buf_sz, 1u << 30);
    tcp->cfg.snd_buf_sz = LG_MIN(cfg->snd_buf_sz, 1u << 30);
    tcp->ops = ops;
    tcp->ops_ctx = ops_ctx;
    tcp->pool = pool;
    tcp->stats = stats;
    while (tcp->cfg.rcv_buf_sz >> tcp->rcv_wscale > UINT16_MAX)
        tcp->rcv_wscale++;
    lg_tcp_list_init(&tcp->news);
    lg_tcp_list_init(&tcp->news_next);
    lg_tcp_list_init(&tcp->out_list);
    lg_tcp_list_init(&tcp->time_wait);
    lg_pool_init(&tcp->conns, at, cfg->max_conns, sizeof(struct lg_tcp_conn));
    at += lg_align_up(lg_pool_footprint(cfg->max_conns, sizeof(struct lg_tcp_conn)), LG_CACHE_LINE);
    lg_pool_init(&tcp->repairs, at, repair_cnt(cfg), sizeof(struct lg_tcp_repair));
    at += lg_align_up(lg_pool_footprint(repair_cnt(cfg), sizeof(struct lg_tcp_repair)),
                      LG_CACHE_LINE);
    lg_tcp_flow_init(&tcp->flow, at, cfg->max_conns, &cfg->secret);
    lg_tcp_source_init(tcp, at + lg_tcp_flow_footprint(cfg->max_conns));
    lg_wheel_init(&tcp->wheel, now_ns);
    tcp->turn = 1;
    tcp->now_ns = now_ns;
    tcp->now_ms = (uint32_t)(now_ns / 1000000u);
    tcp->now_us = (uint32_t)(now_ns / 1000u);
    lg_tcp_cookie_init(tcp);
    return tcp;
}

void lg_tcp_fini(struct lg_tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->conns.cnt; i++) {
        struct lg_tcp_conn *c = lg_pool_at(&tcp->conns, i);
        if (!(c->flags & LG_TCP_F_IN_USE))
            continue;
        c->flags &= ~LG_TCP_F_USER;
        if (c->state == LG_TCP_CLOSED)
            lg_tcp_conn_free(c);
        else
            lg_tcp_conn_close(c, 0);
    }
}

struct lg_tcp_conn *lg_tcp_ready_pop(struct lg_tcp *tcp, uint32_t *events)
{
    if (lg_tcp_list_is_empty(&tcp->news))
        return NULL;
    struct lg_tcp_conn *c = LG_CONTAINER(tcp->news.next, struct lg_tcp_conn, news);
    lg_tcp_list_remove(&c->news);
    *events = c->events;
    c->events = 0;
    c->pop_turn = tcp->turn;
    return c;
}

unsigned lg_tcp_poll(struct lg_tcp *tcp, lg_ns_t now_ns)
{
    struct lg_tcp_link batch;

    lg_tcp_now(tcp, now_ns);
    tcp->turn++;
    lg_tcp_list_move(&tcp->news, &tcp->news_next);
    unsigned work =
        lg_wheel_poll(&tcp->wheel, tcp->now_ns, LG_TCP_TIMERS_TURN, lg_tcp_on_timer, tcp);
    /* What becomes due while sending (the rest of a long burst) waits for the next turn. */
    lg_tcp_list_init(&batch);
    lg_tcp_list_move(&batch, &tcp->out_list);
    while (!lg_tcp_list_is_empty(&batch)) {
        struct lg_tcp_conn *c = LG_CONTAINER(batch.next, struct lg_tcp_conn, out);
        if (batch.next->next != &batch)
            __builtin_prefetch(LG_CONTAINER(batch.next->next, struct lg_tcp_conn, out));
        lg_tcp_list_remove(&c->out);
        lg_tcp_output(c);
        work++;
    }
    return work;
}

lg_ns_t lg_tcp_next(const struct lg_tcp *tcp)
{
    if (!lg_tcp_list_is_empty(&tcp->news) || !lg_tcp_list_is_empty(&tcp->news_next) ||
        !lg_tcp_list_is_empty(&tcp->out_list))
        return tcp->now_ns;
    return lg_wheel_next(&tcp->wheel);
}

/* ---------------------------------------------------------------- active open */

#define FRESH_TRIES 8u  /* ports in use passed over before one in TIME_WAIT will do */
#define TRIES_MAX 2048u /* ports in use passed over before giving up */

/* may_reuse: c is over, its peer has nothing more to say, and tells a new connection's segments by
 * their later timestamps. */
static bool may_reuse(const struct lg_tcp_conn *c)
{
    lg_ns_t since_ns = c->t_life - c->tcp->cfg.time_wait_ns;

    return c->state == LG_TCP_TIME_WAIT && (c->flags & LG_TCP_F_TS) &&
           !(c->flags & LG_TCP_F_USER) && lg_ns_since(c->tcp->now_ns, since_ns) >= LG_SEC(1);
}

static bool is_candidate(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t)
{
    return t->local_port != 0 && (!tcp->ops->is_ours || tcp->ops->is_ours(tcp->ops_ctx, t));
}

/* choose_port follows RFC 6056 algorithm 4: a keyed offset for each destination, and a counter
 * shared by few of them, so that successive ports to one destination rarely collide and nobody
 * outside can guess them.
 *   reuse    out: NULL, or the connection in TIME_WAIT whose port it is */
static bool choose_port(struct lg_tcp *tcp, struct lg_tcp_tuple *t, struct lg_tcp_conn **reuse)
{
    uint16_t lo = tcp->cfg.port_lo, hi = tcp->cfg.port_hi;

    *reuse = NULL;
    if (tcp->ops->source_ports)
        tcp->ops->source_ports(tcp->ops_ctx, &t->local_ip, &lo, &hi);
    uint32_t range = (uint32_t)(hi - lo) + 1, used = 0;
    t->local_port = 0;
    uint64_t h = lg_siphash(&tcp->cfg.secret, t, sizeof *t);
    uint16_t *next = &tcp->port_next[(h >> 32) % LG_TCP_PORT_SLOTS];
    uint32_t at = ((uint32_t)h % range + *next % range) % range;
    for (uint32_t i = 0; i < range && used < TRIES_MAX; i++) {
        t->local_port = (uint16_t)(lo + at);
        at = at + 1 == range ? 0 : at + 1;
        ++*next;
        if (!is_candidate(tcp, t))
            continue;
        struct lg_tcp_conn *c = lg_tcp_find(tcp, t);
        if (!c) {
            *reuse = NULL;
            return true;
        }
        used++;
        if (!*reuse && may_reuse(c))
            *reuse = c;
        if (*reuse && used >= FRESH_TRIES)
            break;
    }
    if (*reuse)
        *t = (*reuse)->tuple;
    return *reuse != NULL;
}

lg_err_t lg_tcp_connect(struct lg_tcp *tcp, const lg_ip_t *local_ip,
                        const struct lg_endpoint *remote, void *user, lg_ns_t now_ns,
                        struct lg_tcp_conn **out)
{
    struct lg_tcp_tuple t = {
        .local_ip = *local_ip, .remote_ip = remote->ip, .remote_port = remote->port};
    struct lg_tcp_conn *old;
    uint32_t after = 0;

    lg_tcp_now(tcp, now_ns);
    LG_CHECK(choose_port(tcp, &t, &old), LG_E(NO_PORT));
    bool is_reused = old != NULL;
    if (is_reused) {
        after = old->snd_nxt;
        lg_tcp_conn_close(old, 0);
        lg_tcp_count(tcp, LG_STAT_TCP_PORT_REUSED);
    }
    struct lg_tcp_conn *c = lg_tcp_conn_open(tcp, &t);
    LG_CHECK(c != NULL, LG_E(FULL));
    c->user = user;
    c->flags |= LG_TCP_F_USER | LG_TCP_F_SYN_DUE;
    lg_tcp_tally(&tcp->cnt_user, 1);
    c->snd_una = lg_tcp_isn(tcp, &t, &c->ts_off);
    /*= https://www.rfc-editor.org/rfc/rfc1122#section-4.2.2.13
     *# assign its initial sequence number for the new connection to be larger than the largest
     *# sequence number it used on the previous connection incarnation */
    if (is_reused && lg_seq_leq(c->snd_una, after))
        c->snd_una = after + (1u << 17);
    c->snd_nxt = c->snd_end = c->snd_una + 1;
    c->rcv_wscale = tcp->rcv_wscale & 15u;
    c->mss = (uint16_t)(lg_tcp_own_mss(tcp, &t.remote_ip) - LG_TCP_OPT_TS_SZ); /* a guess */
    lg_tcp_set_state(c, LG_TCP_SYN_SENT);
    lg_tcp_due(c);
    *out = c;
    return LG_OK;
}

/* ---------------------------------------------------------------- looking */

void lg_tcp_set_user(struct lg_tcp_conn *c, void *user)
{
    c->user = user;
}

void *lg_tcp_user(const struct lg_tcp_conn *c)
{
    return c->user;
}

void lg_tcp_get_tuple(const struct lg_tcp_conn *c, struct lg_tcp_tuple *out)
{
    *out = c->tuple;
}

bool lg_tcp_is_passive(const struct lg_tcp_conn *c)
{
    return c->flags & LG_TCP_F_PASSIVE;
}

uint32_t lg_tcp_mss(const struct lg_tcp_conn *c)
{
    return c->mss;
}

uint32_t lg_tcp_rx_avail(const struct lg_tcp_conn *c)
{
    return c->rcvq.bytes;
}

bool lg_tcp_rx_done(const struct lg_tcp_conn *c)
{
    return (c->flags & LG_TCP_F_FIN_RCVD) && c->rcvq.bytes == 0;
}

uint32_t lg_tcp_unacked(const struct lg_tcp_conn *c)
{
    return c->sndq.bytes;
}

const struct lg_hist *lg_tcp_rtt(const struct lg_tcp *tcp)
{
    return &tcp->rtt_ns;
}

void lg_tcp_get_counts(const struct lg_tcp *tcp, struct lg_tcp_counts *out)
{
    uint32_t n[LG_TCP_STATE_CNT];

    for (unsigned i = 0; i < LG_TCP_STATE_CNT; i++)
        n[i] = __atomic_load_n(&tcp->cnt_state[i], __ATOMIC_RELAXED);
    *out =
        (struct lg_tcp_counts){.time_wait = n[LG_TCP_TIME_WAIT], .embryonic = n[LG_TCP_SYN_RCVD]};
    for (unsigned i = 0; i < LG_TCP_STATE_CNT; i++)
        out->conns += n[i];
    for (unsigned i = LG_TCP_ESTABLISHED; i < LG_TCP_TIME_WAIT; i++)
        out->established += n[i];
    out->user_held = __atomic_load_n(&tcp->cnt_user, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------------- bytes */

uint32_t lg_tcp_take(struct lg_tcp_conn *c, struct lg_bufq *q, uint32_t max)
{
    uint32_t taken = 0;

    while (c->rcvq.head && (taken == 0 || taken + c->rcvq.head->len <= max)) {
        struct lg_buf *b = lg_bufq_pop(&c->rcvq);
        taken += b->len;
        lg_bufq_push(q, b);
    }
    if (taken == 0 || c->state < LG_TCP_ESTABLISHED || (c->flags & LG_TCP_F_FIN_RCVD))
        return taken;
    /*= https://www.rfc-editor.org/rfc/rfc1122#section-4.2.3.3
     *# the receiver ... MUST ... keep RCV.NXT+RCV.WND fixed until the reduction satisfies:
     *# RCV.BUFF - RCV.USER - RCV.WND >= min( Fr * RCV.BUFF, Eff.snd.MSS ) */
    uint32_t wnd = c->rcv_adv - c->rcv_nxt, space = lg_tcp_rcv_space(c);
    if (space >= wnd + LG_MIN(2u * c->rcv_mss, lg_tcp_rcv_limit(c) / 2)) {
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
    }
    return taken;
}

/* can_send: the user may still queue data. */
static bool can_send(const struct lg_tcp_conn *c)
{
    return !(c->flags & LG_TCP_F_FIN_QUEUED) && c->state != LG_TCP_CLOSED &&
           c->state <= LG_TCP_CLOSE_WAIT;
}

uint32_t lg_tcp_send_room(struct lg_tcp_conn *c)
{
    uint32_t limit = lg_tcp_snd_limit(c), room = 0;
    uint32_t allowed = LG_MIN(lg_tcp_bufs_for(limit), lg_tcp_fair_bufs(c->tcp));

    if (!can_send(c))
        return 0;
    if (c->sndq.bytes < limit && c->sndq.cnt < allowed)
        room = LG_MIN(limit - c->sndq.bytes, (allowed - c->sndq.cnt) * c->mss);
    if (room < limit / 2)
        c->flags |= LG_TCP_F_WANT_TX;
    return room;
}

/* merge copies a tiny b into the last buf when nothing of that has been sent: a user that writes
 * byte by byte costs memory by the byte, not by the buf. */
static bool merge(struct lg_tcp_conn *c, struct lg_buf *b)
{
    struct lg_buf *tail = c->sndq.tail;

    if (b->len > LG_TCP_TINY_SZ || !tail || lg_seq_lt(tail->seq, c->snd_nxt) ||
        tail->len + b->len > c->mss || lg_buf_tailroom(tail) < b->len || lg_buf_is_shared(tail))
        return false;
    memcpy(tail->data + tail->len, b->data, b->len);
    tail->len += b->len;
    c->sndq.bytes += b->len;
    lg_buf_give(b);
    return true;
}

void lg_tcp_send(struct lg_tcp_conn *c, struct lg_bufq *q)
{
    struct lg_buf *b;

    if (!can_send(c)) {
        lg_bufq_drop_all(q);
        return;
    }
    while ((b = lg_bufq_pop(q)) != NULL) {
        if (b->len == 0) {
            lg_buf_give(b);
            continue;
        }
        b->seq = c->snd_end;
        b->flags &= (uint16_t)~LG_BUF_OWNER;
        c->snd_end += b->len;
        if (merge(c, b))
            continue;
        lg_bufq_push(&c->sndq, b);
        if (!c->tx_next)
            c->tx_next = b;
    }
    if (!lg_tcp_snd_is_half_free(c))
        c->flags |= LG_TCP_F_WANT_TX;
    lg_tcp_due(c);
}

/* ---------------------------------------------------------------- endings */

void lg_tcp_shutdown(struct lg_tcp_conn *c)
{
    if (!can_send(c))
        return;
    c->flags |= LG_TCP_F_FIN_QUEUED;
    lg_tcp_due(c);
}

void lg_tcp_abort(struct lg_tcp_conn *c)
{
    if (c->state == LG_TCP_CLOSED)
        return;
    if (c->state >= LG_TCP_SYN_RCVD && c->state != LG_TCP_TIME_WAIT) {
        lg_tcp_send_rst(c);
        lg_tcp_count(c->tcp, LG_STAT_TCP_RESET_TX);
    }
    lg_bufq_drop_all(&c->rcvq);
    lg_tcp_conn_close(c, 0);
}

void lg_tcp_release(struct lg_tcp_conn *c)
{
    struct lg_tcp *tcp = c->tcp;

    lg_tcp_list_remove(&c->news);
    c->events = 0;
    c->user = NULL;
    c->flags = (c->flags & ~(LG_TCP_F_USER | LG_TCP_F_WANT_TX)) | LG_TCP_F_ORPHAN;
    c->orphan_rx = 0; /* pop_turn until now */
    lg_tcp_tally(&tcp->cnt_user, -1);
    lg_bufq_drop_all(&c->rcvq);
    switch (c->state) {
    case LG_TCP_CLOSED:
        lg_tcp_conn_free(c);
        return;
    case LG_TCP_SYN_SENT: /* nothing to tell: a late SYN-ACK meets no connection and gets its RST */
    case LG_TCP_SYN_RCVD:
        lg_tcp_abort(c);
        return;
    case LG_TCP_TIME_WAIT:
        return;
    default:
        lg_tcp_ooo_drop(c);
        lg_tcp_shutdown(c);
        c->t_life = lg_ns_add(tcp->now_ns, LG_TCP_ORPHAN_NS);
        lg_tcp_timer_touch(c, c->t_life);
        lg_tcp_due(c);
    }
}

bool lg_tcp_rx_unreachable(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t seq,
                           lg_ns_t now_ns)
{
    lg_tcp_now(tcp, now_ns);
    struct lg_tcp_conn *c = lg_tcp_find(tcp, t);
    if (!c)
        return false;
    /*= https://www.rfc-editor.org/rfc/rfc5927#section-4.1
     *# TCP SHOULD check that the TCP sequence number contained in the payload of the ICMP error
     *# message is within the range SND.UNA =< SEG.SEQ < SND.NXT. */
    if (lg_seq_lt(seq, c->snd_una) || lg_seq_geq(seq, c->snd_nxt))
        lg_tcp_count(tcp, LG_STAT_TCP_ICMP_STALE);
    else if (c->state == LG_TCP_SYN_SENT || c->state == LG_TCP_SYN_RCVD)
        lg_tcp_conn_close(c, LG_TCP_EV_RESET);
    return true;
}
