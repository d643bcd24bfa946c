/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_conn.c: birth and death of connections, and the lists they stand on. */
#include "tcp_priv.h"

#include <string.h>

void lg_tcp_list_move(struct lg_tcp_link *dst, struct lg_tcp_link *src)
{
    if (lg_tcp_list_is_empty(src))
        return;
    src->next->prev = dst->prev;
    src->prev->next = dst;
    dst->prev->next = src->next;
    dst->prev = src->prev;
    lg_tcp_list_init(src);
}

void lg_tcp_now(struct lg_tcp *tcp, lg_ns_t now_ns)
{
    if (now_ns <= tcp->now_ns)
        return;
    tcp->now_ns = now_ns;
    tcp->now_ms = (uint32_t)(now_ns / 1000000u);
    tcp->now_us = (uint32_t)(now_ns / 1000u);
}

static bool tuple_eq(const struct lg_tcp_tuple *a, const struct lg_tcp_tuple *b)
{
    _Static_assert(sizeof *a == 36, "no padding: compared as memory");
    return memcmp(a, b, sizeof *a) == 0;
}

struct lg_tcp_conn *lg_tcp_find(struct lg_tcp *tcp, const struct lg_tcp_tuple *t)
{
    uint64_t hash = lg_tcp_flow_hash(&tcp->flow, t);
    uint32_t tag = lg_tcp_flow_tag(hash);

    for (unsigned choice = 0; choice < 2; choice++) {
        const struct lg_tcp_flow_bucket *b = lg_tcp_flow_bucket(&tcp->flow, hash, choice);
        for (uint32_t i = 0; i < LG_TCP_FLOW_WAYS; i++) {
            if (b->tag[i] != tag)
                continue;
            struct lg_tcp_conn *c = lg_pool_at(&tcp->conns, b->idx[i]);
            if (LG_LIKELY(tuple_eq(&c->tuple, t)))
                return c;
        }
    }
    return NULL;
}

uint64_t lg_tcp_prefetch_flow(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t)
{
    uint64_t hash = lg_tcp_flow_hash(&tcp->flow, t);

    __builtin_prefetch(lg_tcp_flow_bucket(&tcp->flow, hash, 0));
    __builtin_prefetch(lg_tcp_flow_bucket(&tcp->flow, hash, 1));
    return hash;
}

void lg_tcp_prefetch_conn(const struct lg_tcp *tcp, uint64_t hash)
{
    uint32_t tag = lg_tcp_flow_tag(hash);

    for (unsigned choice = 0; choice < 2; choice++) {
        const struct lg_tcp_flow_bucket *b = lg_tcp_flow_bucket(&tcp->flow, hash, choice);
        for (uint32_t i = 0; i < LG_TCP_FLOW_WAYS; i++) {
            if (b->tag[i] != tag)
                continue;
            const uint8_t *c = lg_pool_at(&tcp->conns, b->idx[i]);
            for (uint32_t line = 0; line < 4; line++) /* what every segment touches */
                __builtin_prefetch(c + line * LG_CACHE_LINE, 1);
            return;
        }
    }
}

void lg_tcp_set_state(struct lg_tcp_conn *c, enum lg_tcp_state state)
{
    lg_tcp_tally(&c->tcp->cnt_state[c->state], -1);
    lg_tcp_tally(&c->tcp->cnt_state[state], 1);
    c->state = (uint8_t)state;
    if (LG_UNLIKELY(c->flags & LG_TCP_F_AT_DOOR)) {
        c->flags &= ~LG_TCP_F_AT_DOOR;
        c->tcp->doors[c->door]--;
        c->door = 0;
    }
}

/* take_obj takes from the pool, if need be from the oldest TIME_WAIT that no user holds. */
static struct lg_tcp_conn *take_obj(struct lg_tcp *tcp)
{
    struct lg_tcp_conn *c = lg_pool_take(&tcp->conns);
    if (LG_LIKELY(c != NULL))
        return c;
    for (struct lg_tcp_link *l = tcp->time_wait.next; l != &tcp->time_wait; l = l->next) {
        struct lg_tcp_conn *old = LG_CONTAINER(l, struct lg_tcp_conn, tw);
        if (!(old->flags & LG_TCP_F_USER)) {
            lg_tcp_conn_close(old, 0);
            return lg_pool_take(&tcp->conns);
        }
    }
    return NULL;
}

struct lg_tcp_conn *lg_tcp_conn_open(struct lg_tcp *tcp, const struct lg_tcp_tuple *t)
{
    struct lg_tcp_conn *c = take_obj(tcp);
    if (!c)
        return NULL;
    uint64_t hash = lg_tcp_flow_hash(&tcp->flow, t);
    uint32_t slot = lg_tcp_flow_insert(&tcp->flow, hash, lg_pool_idx(&tcp->conns, c));
    if (LG_UNLIKELY(slot == LG_TCP_FLOW_NONE)) {
        lg_pool_give(&tcp->conns, c);
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->tuple = *t;
    c->tcp = tcp;
    c->flow_slot = slot;
    c->flags = LG_TCP_F_IN_USE;
    c->quick_acks = LG_TCP_QUICK_ACKS;
    c->t_rtx = c->t_out = c->t_life = LG_NS_NEVER;
    c->rx_at_ns = tcp->now_ns;
    c->ssthresh = UINT32_MAX;
    lg_tcp_tally(&tcp->cnt_state[LG_TCP_CLOSED], 1);
    return c;
}

void lg_tcp_conn_free(struct lg_tcp_conn *c)
{
    struct lg_tcp *tcp = c->tcp;

    lg_tcp_list_remove(&c->news);
    lg_bufq_drop_all(&c->rcvq);
    lg_tcp_tally(&tcp->cnt_state[c->state], -1);
    c->flags = 0;
    lg_pool_give(&tcp->conns, c);
}

/* note_rtt: once, when a connection has nothing more to send. */
static void note_rtt(const struct lg_tcp_conn *c)
{
    if (c->srtt_us)
        lg_hist_add(&c->tcp->rtt_ns, c->srtt_us * LG_US(1));
}

void lg_tcp_conn_close(struct lg_tcp_conn *c, uint32_t ev)
{
    struct lg_tcp *tcp = c->tcp;
    bool was_told = c->state == LG_TCP_TIME_WAIT;

    if (was_told)
        lg_tcp_list_remove(&c->tw);
    else
        note_rtt(c);
    lg_tcp_set_state(c, LG_TCP_CLOSED);
    if (c->flags & LG_TCP_F_COUNTED)
        lg_tcp_source_closed(c);
    if (c->flow_slot != LG_TCP_FLOW_NONE)
        lg_tcp_flow_remove(&tcp->flow, c->flow_slot);
    c->flow_slot = LG_TCP_FLOW_NONE;
    lg_wheel_stop(&tcp->wheel, &c->timer);
    lg_tcp_list_remove(&c->out);
    lg_tcp_seg_drop_all(c);
    lg_tcp_ooo_drop(c);
    lg_tcp_repair_drop(c);
    if (!(c->flags & LG_TCP_F_USER))
        lg_tcp_conn_free(c);
    else if (!was_told)
        lg_tcp_news(c, LG_TCP_EV_CLOSED | ev);
}

void lg_tcp_enter_time_wait(struct lg_tcp_conn *c)
{
    struct lg_tcp *tcp = c->tcp;

    note_rtt(c);
    lg_tcp_set_state(c, LG_TCP_TIME_WAIT);
    lg_tcp_count(tcp, LG_STAT_TCP_CLOSED);
    lg_tcp_ooo_drop(c);
    lg_tcp_repair_drop(c);
    c->t_rtx = LG_NS_NEVER;
    c->t_life = lg_ns_add(tcp->now_ns, tcp->cfg.time_wait_ns);
    lg_tcp_timer_touch(c, c->t_life);
    lg_tcp_seg_drop_all(c);
    lg_tcp_list_push(&tcp->time_wait, &c->tw);
    if (c->flags & LG_TCP_F_USER)
        lg_tcp_news(c, LG_TCP_EV_CLOSED);
}

void lg_tcp_established(struct lg_tcp_conn *c)
{
    struct lg_tcp *tcp = c->tcp;

    if (c->tx_at_ns != 0 && !(c->flags & LG_TCP_F_SYN_AGAIN))
        lg_tcp_rtt_sample(c, (uint32_t)(lg_ns_since(tcp->now_ns, c->tx_at_ns) / 1000));
    lg_tcp_set_state(c, LG_TCP_ESTABLISHED);
    if (c->flags & LG_TCP_F_PASSIVE) {
        lg_tcp_count(tcp, LG_STAT_TCP_ACCEPTED);
        c->flags |= LG_TCP_F_USER;
        lg_tcp_tally(&tcp->cnt_user, 1);
    } else {
        lg_tcp_count(tcp, LG_STAT_TCP_CONNECTED);
    }
    if (c->flags & LG_TCP_F_ECN)
        lg_tcp_count(tcp, LG_STAT_TCP_ECN);
    c->flags &= ~LG_TCP_F_SYN_DUE;
    c->t_rtx = LG_NS_NEVER;
    c->backoff = 0;
    c->recover = c->fack = c->rtt_end = c->snd_una;
    c->wnd_end = c->rcv_nxt;
    c->wnd_at_us = tcp->now_us - (1u << 31);    /* long ago: what came before is no measure */
    c->rcv_mss = (uint16_t)LG_MIN(c->mss, 536); /* grows with what comes */
    c->tcp->cfg.cc->opened(c);
    lg_tcp_arm_keepalive(c);
    lg_tcp_news(c, LG_TCP_EV_OPEN);
    lg_tcp_due(c);
}

void lg_tcp_news(struct lg_tcp_conn *c, uint32_t ev)
{
    struct lg_tcp *tcp = c->tcp;

    c->events |= (uint8_t)ev;
    if (!c->news.next)
        lg_tcp_list_push(c->pop_turn == tcp->turn ? &tcp->news_next : &tcp->news, &c->news);
}

void lg_tcp_due(struct lg_tcp_conn *c)
{
    if (!c->out.next)
        lg_tcp_list_push(&c->tcp->out_list, &c->out);
}

uint16_t lg_tcp_own_mss(const struct lg_tcp *tcp, const lg_ip_t *remote_ip)
{
    uint32_t hdr = lg_ip_is_v4(remote_ip) ? 40 : 60;
    uint32_t mtu = LG_MAX(tcp->cfg.mtu, hdr + LG_TCP_MIN_MSS);
    return (uint16_t)(mtu - hdr);
}

void lg_tcp_set_mss(struct lg_tcp_conn *c, const struct lg_tcp_opts *o)
{
    /*= https://www.rfc-editor.org/rfc/rfc9293#section-3.7.1
     *# If an MSS Option is not received at connection setup, TCP implementations MUST assume a
     *# default send MSS of 536 (576 - 40) for IPv4 or 1220 (1280 - 60) for IPv6 */
    uint32_t peer = lg_ip_is_v4(&c->tuple.remote_ip) ? 536 : 1220;
    if (o->has_mss)
        peer = LG_MAX(o->mss, LG_TCP_MIN_MSS);
    uint32_t mss = LG_MIN(peer, lg_tcp_own_mss(c->tcp, &c->tuple.remote_ip));
    if (c->flags & LG_TCP_F_TS)
        mss -= LG_TCP_OPT_TS_SZ;
    c->mss = (uint16_t)mss;
    lg_tcp_pmtu_start(c);
}

uint32_t lg_tcp_isn(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t *ts_off)
{
    uint64_t h = lg_siphash(&tcp->cfg.secret, t, sizeof *t);

    *ts_off = (uint32_t)(h >> 32);
    return (uint32_t)h + (uint32_t)(tcp->now_ns >> 12); /* M ticks every 4.096 us */
}
