/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_conn.c: the table of connections and the life of a connection block: made, announced to its
 * user, put into TIME-WAIT, finished, freed. */
#include "tcp_types.h"

static uint32_t hash(const struct lg_tcp *t, const struct lg_tcp_tuple *tu)
{
    /* Keyed multiply and fold over the 36 bytes: a peer cannot aim at one bucket without the key.
     */
    uint64_t w[4], h = t->cfg.secret.k[0];
    memcpy(w, tu->remote_ip.b, 16);
    memcpy(w + 2, tu->local_ip.b, 16);
    uint64_t ports = (uint64_t)tu->remote_port << 16 | tu->local_port;
    for (unsigned i = 0; i < 4; i++) {
        unsigned __int128 m = (unsigned __int128)(h ^ w[i]) * (t->cfg.secret.k[1] | 1);
        h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ h << 7;
    }
    unsigned __int128 m = (unsigned __int128)(h ^ ports) * 0x9e3779b97f4a7c15ull;
    return (uint32_t)((uint64_t)m ^ (uint64_t)(m >> 64)) & t->table_mask;
}

struct lg_tcp_conn *lg_tcp_find(const struct lg_tcp *t, const struct lg_tcp_tuple *tu)
{
    struct lg_tcp_conn *c = t->table[hash(t, tu)];
    while (c && !(c->remote_port == tu->remote_port && c->local_port == tu->local_port &&
                  lg_ip_eq(&c->remote_ip, &tu->remote_ip) && lg_ip_eq(&c->local_ip, &tu->local_ip)))
        c = c->hash_next;
    return c;
}

static void table_remove(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    struct lg_tcp_tuple tu;

    lg_tcp_get_tuple(c, &tu);
    for (struct lg_tcp_conn **link = &t->table[hash(t, &tu)]; *link; link = &(*link)->hash_next) {
        if (*link == c) {
            *link = c->hash_next;
            return;
        }
    }
}

uint16_t lg_tcp_mtu_mss(const struct lg_tcp *t, const lg_ip_t *remote)
{
    return (uint16_t)(t->cfg.mtu - (lg_ip_is_v4(remote) ? 40 : 60));
}

/* RFC 6528: a clock of 4 us ticks plus a keyed hash of the addresses. */
static uint32_t new_isn(const struct lg_tcp *t, const struct lg_tcp_tuple *tu)
{
    uint8_t in[36];
    memcpy(in, tu->local_ip.b, 16);
    memcpy(in + 16, tu->remote_ip.b, 16);
    lg_put_be16(in + 32, tu->local_port);
    lg_put_be16(in + 34, tu->remote_port);
    return (uint32_t)lg_siphash(&t->cfg.secret, in, sizeof in) + (uint32_t)(t->now_ns >> 12);
}

/* The oldest connection in TIME-WAIT makes room: it has done its duty longest. */
static struct lg_tcp_conn *take_block(struct lg_tcp *t)
{
    struct lg_tcp_conn *c = lg_pool_take(&t->conns);
    if (!c && t->tw_head) {
        lg_tcp_finish(t->tw_head, 0);
        c = lg_pool_take(&t->conns);
    }
    return c;
}

struct lg_tcp_conn *lg_tcp_new_conn(struct lg_tcp *t, const struct lg_tcp_tuple *tu,
                                    enum lg_tcp_state state)
{
    struct lg_tcp_conn *c = take_block(t);
    if (!c)
        return NULL;
    *c = (struct lg_tcp_conn){
        .remote_ip = tu->remote_ip,
        .local_ip = tu->local_ip,
        .remote_port = tu->remote_port,
        .local_port = tu->local_port,
        .flags = F_TS | F_WS | F_SACK,
        .state = (uint8_t)state,
        .rcv_wscale = t->rcv_wscale,
        .tcp = t,
        .ssthresh = UINT32_MAX,
        .quick_acks = 16,
        .rto_at_ns = LG_NS_NEVER,
        .ack_at_ns = LG_NS_NEVER,
        .life_at_ns = LG_NS_NEVER,
        .rto_ns = LG_SEC(1),
        .last_rx_ns = t->now_ns,
        .iss = new_isn(t, tu),
    };
    c->snd_una = c->snd_nxt = c->snd_max = c->iss;
    c->snd_end = c->iss + 1;
    struct lg_tcp_conn **bucket = &t->table[hash(t, tu)];
    c->hash_next = *bucket;
    *bucket = c;
    t->counts.conns++;
    return c;
}

void lg_tcp_event(struct lg_tcp_conn *c, uint32_t events)
{
    struct lg_tcp *t = c->tcp;

    if (!(c->flags & F_USER))
        return;
    c->events |= events;
    if (c->flags & F_READY)
        return;
    c->flags |= F_READY;
    c->ready_next = NULL;
    if (t->ready_tail)
        t->ready_tail->ready_next = c;
    else
        t->ready_head = c;
    t->ready_tail = c;
}

void lg_tcp_establish(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;

    c->state = TCP_ESTABLISHED;
    c->snd_una = c->snd_nxt = c->snd_max = c->iss + 1;
    c->rto_at_ns = LG_NS_NEVER;
    c->backoff = 0;
    c->last_rx_ns = t->now_ns;
    if (t->cfg.keepalive_idle_ns)
        c->life_at_ns = t->now_ns + t->cfg.keepalive_idle_ns;
    t->counts.established++;
    if (c->flags & F_PASSIVE) {
        c->flags |= F_USER;
        t->counts.user_held++;
    }
    lg_tcp_event(c, LG_TCP_EV_OPEN);
}

static void tw_remove(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    *(c->tw_prev ? &c->tw_prev->tw_next : &t->tw_head) = c->tw_next;
    *(c->tw_next ? &c->tw_next->tw_prev : &t->tw_tail) = c->tw_prev;
    c->tw_prev = c->tw_next = NULL;
    t->counts.time_wait--;
}

void lg_tcp_enter_time_wait(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;

    if (c->state == TCP_TIME_WAIT) {
        tw_remove(c); /* a FIN again: 2 MSL from now, so to the end of the list */
    } else {
        t->counts.established--;
        c->state = TCP_TIME_WAIT;
        lg_tcp_event(c, LG_TCP_EV_CLOSED);
    }
    c->rto_at_ns = LG_NS_NEVER;
    c->life_at_ns = t->now_ns + t->cfg.time_wait_ns;
    c->tw_prev = t->tw_tail;
    c->tw_next = NULL;
    *(t->tw_tail ? &t->tw_tail->tw_next : &t->tw_head) = c;
    t->tw_tail = c;
    t->counts.time_wait++;
}

static void drop_queues(struct lg_tcp_conn *c)
{
    struct lg_buf *b;

    lg_bufq_drop_all(&c->sndq);
    while ((b = c->ooo) != NULL) {
        c->ooo = b->next;
        lg_buf_give(b);
    }
    c->ooo_cnt = 0;
    c->snd_cur = NULL;
    c->sacked_bytes = c->lost_bytes = c->retrans_bytes = 0;
}

void lg_tcp_free_if_unlisted(struct lg_tcp_conn *c)
{
    c->flags |= F_FREE;
    if (!(c->flags & (F_READY | F_OUT)))
        lg_pool_give(&c->tcp->conns, c);
}

void lg_tcp_finish(struct lg_tcp_conn *c, uint32_t why)
{
    struct lg_tcp *t = c->tcp;

    if (c->state == TCP_CLOSED)
        return;
    if (c->state == TCP_TIME_WAIT)
        tw_remove(c);
    else if (c->state == TCP_SYN_RCVD)
        t->counts.embryonic--;
    else if (c->state >= TCP_ESTABLISHED)
        t->counts.established--;
    bool told = c->state == TCP_TIME_WAIT;
    c->state = TCP_CLOSED;
    table_remove(c);
    lg_wheel_stop(&t->wheel, &c->timer);
    drop_queues(c);
    t->counts.conns--;
    if (c->flags & F_USER) {
        if (!told)
            lg_tcp_event(c, LG_TCP_EV_CLOSED | why);
        return;
    }
    lg_bufq_drop_all(&c->rcvq);
    lg_tcp_free_if_unlisted(c);
}

void lg_tcp_reset(struct lg_tcp_conn *c)
{
    lg_stat_inc(c->tcp->stats, LG_STAT_TCP_RESET_TX);
    lg_tcp_send_control(c, c->snd_nxt, TCPF_RST | TCPF_ACK);
    lg_tcp_finish(c, LG_TCP_EV_RESET);
}
