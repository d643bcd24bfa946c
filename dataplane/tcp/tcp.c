/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c: the calls a user of the stack makes: set up, poll, connect, take, send, close. */
#include "tcp_types.h"

static uint32_t table_size(uint32_t conns)
{
    uint32_t n = 64;
    while (n < conns)
        n *= 2;
    return n;
}

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

size_t lg_tcp_footprint(const struct lg_tcp_cfg *cfg)
{
    return round64(sizeof(struct lg_tcp)) +
           round64(table_size(cfg->max_conns) * sizeof(struct lg_tcp_conn *)) +
           lg_pool_footprint(cfg->max_conns, sizeof(struct lg_tcp_conn));
}

struct lg_tcp *lg_tcp_init(void *mem, const struct lg_tcp_cfg *cfg, const struct lg_tcp_ops *ops,
                           void *ops_ctx, struct lg_bufpool *pool, struct lg_stats *stats,
                           lg_ns_t now_ns)
{
    struct lg_tcp *t = mem;
    uint32_t slots = table_size(cfg->max_conns);
    uint8_t *p = mem;

    t->cfg = *cfg;
    t->ops = ops;
    t->ops_ctx = ops_ctx;
    t->bufs = pool;
    t->stats = stats;
    t->now_ns = now_ns;
    t->table_mask = slots - 1;
    p += round64(sizeof *t);
    t->table = (struct lg_tcp_conn **)(void *)p;
    p += round64(slots * sizeof *t->table);
    lg_pool_init(&t->conns, p, cfg->max_conns, sizeof(struct lg_tcp_conn));
    lg_wheel_init(&t->wheel, now_ns);
    while (t->rcv_wscale < 14 && cfg->rcv_buf_sz >> t->rcv_wscale > 65535)
        t->rcv_wscale++;
    t->port_next = (uint32_t)lg_siphash(&cfg->secret, &now_ns, sizeof now_ns);
    return t;
}

void lg_tcp_fini(struct lg_tcp *t)
{
    for (uint32_t i = 0; i <= t->table_mask; i++) {
        while (t->table[i]) {
            t->table[i]->flags &= ~F_USER;
            lg_tcp_finish(t->table[i], 0);
        }
    }
    /* What was finished but still held by a user or a list keeps only its receive queue. */
    for (uint32_t i = 0; i < t->conns.cnt; i++) {
        struct lg_tcp_conn *c = lg_pool_at(&t->conns, i);
        if (c->tcp)
            lg_bufq_drop_all(&c->rcvq);
    }
}

struct lg_tcp_conn *lg_tcp_ready_pop(struct lg_tcp *t, uint32_t *events)
{
    if (!t->is_popping) { /* a new turn: what is ready now is the batch */
        t->ready_batch = t->ready_head;
        t->ready_head = t->ready_tail = NULL;
        t->is_popping = true;
    }
    while (t->ready_batch) {
        struct lg_tcp_conn *c = t->ready_batch;
        t->ready_batch = c->ready_next;
        c->ready_next = NULL;
        c->flags &= ~F_READY;
        if (c->flags & F_FREE) {
            lg_tcp_free_if_unlisted(c);
        } else if (c->flags & F_USER) {
            *events = c->events;
            c->events = 0;
            return c;
        }
    }
    t->is_popping = false;
    return NULL;
}

unsigned lg_tcp_poll(struct lg_tcp *t, lg_ns_t now_ns)
{
    t->now_ns = now_ns;
    unsigned work = lg_tcp_run_timers(t);
    return work + lg_tcp_output_all(t);
}

lg_ns_t lg_tcp_next(const struct lg_tcp *t)
{
    if (t->out_head || t->ready_head || t->ready_batch)
        return t->now_ns;
    return lg_wheel_next(&t->wheel);
}

lg_err_t lg_tcp_connect(struct lg_tcp *t, const lg_ip_t *local_ip, const struct lg_endpoint *remote,
                        void *user, lg_ns_t now_ns, struct lg_tcp_conn **out)
{
    struct lg_tcp_tuple tu = {
        .local_ip = *local_ip, .remote_ip = remote->ip, .remote_port = remote->port};
    uint32_t ports = (uint32_t)(t->cfg.port_hi - t->cfg.port_lo) + 1, i;

    t->now_ns = now_ns;
    /* RFC 6056: begin anywhere, then the next free one; TIME-WAIT counts as in use. */
    t->port_next += 1 + (uint32_t)(lg_siphash(&t->cfg.secret, &t->port_next, 4) & 7);
    for (i = 0; i < ports; i++) {
        tu.local_port = (uint16_t)(t->cfg.port_lo + (t->port_next + i) % ports);
        if (!lg_tcp_find(t, &tu))
            break;
    }
    LG_CHECK(i < ports, LG_E(NO_PORT));
    t->port_next += i;
    struct lg_tcp_conn *c = lg_tcp_new_conn(t, &tu, TCP_SYN_SENT);
    LG_CHECK(c != NULL, LG_E(FULL));
    c->flags |= F_USER;
    c->user = user;
    c->rcv_adv = LG_MIN(t->cfg.rcv_buf_sz, 65535u); /* of the SYN; rcv_nxt is still 0 */
    t->counts.user_held++;
    lg_tcp_want_output(c);
    *out = c;
    return LG_OK;
}

void lg_tcp_rx_unreachable(struct lg_tcp *t, const struct lg_tcp_tuple *tu, uint32_t seq,
                           lg_ns_t now_ns)
{
    struct lg_tcp_conn *c = lg_tcp_find(t, tu);

    t->now_ns = now_ns;
    if (!c || seq_lt(seq, c->snd_una) || seq_ge(seq, c->snd_max))
        return;
    if (c->state == TCP_SYN_SENT)
        lg_tcp_finish(c, LG_TCP_EV_RESET);
}

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
    *out = (struct lg_tcp_tuple){c->local_ip, c->remote_ip, c->local_port, c->remote_port};
}

bool lg_tcp_is_passive(const struct lg_tcp_conn *c)
{
    return (c->flags & F_PASSIVE) != 0;
}

uint32_t lg_tcp_mss(const struct lg_tcp_conn *c)
{
    return c->mss;
}

uint32_t lg_tcp_rx_avail(const struct lg_tcp_conn *c)
{
    return c->rcvq.bytes;
}

uint32_t lg_tcp_take(struct lg_tcp_conn *c, struct lg_bufq *q, uint32_t max)
{
    uint32_t taken = 0;

    while (c->rcvq.head && (taken == 0 || taken + c->rcvq.head->len <= max)) {
        struct lg_buf *b = lg_bufq_pop(&c->rcvq);
        taken += b->len;
        lg_bufq_push(q, b);
    }
    if (taken && c->state != TCP_CLOSED && !(c->flags & F_FIN_RCVD) &&
        lg_tcp_window_would_grow(c)) {
        c->flags |= F_ACK_NOW;
        lg_tcp_want_output(c);
    }
    return taken;
}

bool lg_tcp_rx_done(const struct lg_tcp_conn *c)
{
    return (c->flags & F_FIN_RCVD) && c->rcvq.head == NULL;
}

static bool can_send(const struct lg_tcp_conn *c)
{
    return !(c->flags & F_SHUT) && (c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT ||
                                    c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD);
}

uint32_t lg_tcp_send_room(struct lg_tcp_conn *c)
{
    const struct lg_tcp_cfg *cfg = &c->tcp->cfg;

    if (!can_send(c))
        return 0;
    if (c->sndq.bytes >= cfg->snd_buf_sz || c->sndq.cnt >= cfg->snd_buf_sz / 512 + 64) {
        c->flags |= F_WANT_ROOM;
        return 0;
    }
    uint32_t room = cfg->snd_buf_sz - c->sndq.bytes;
    if (room < cfg->snd_buf_sz / 2)
        c->flags |= F_WANT_ROOM;
    return room;
}

/* queue_one appends a buf of at most mss bytes, merging small ones that have not been sent. */
static void queue_one(struct lg_tcp_conn *c, struct lg_buf *b)
{
    struct lg_buf *tail = c->sndq.tail;

    b->seq = c->snd_end;
    b->flags = 0;
    c->snd_end += b->len;
    if (tail && seq_ge(tail->seq, c->snd_nxt) && seq_ge(tail->seq, c->snd_max) &&
        tail->len + b->len <= c->mss && b->len <= lg_buf_tailroom(tail) && b->len <= 600 &&
        !lg_buf_is_shared(tail)) {
        memcpy(tail->data + tail->len, b->data, b->len);
        tail->len += b->len;
        c->sndq.bytes += b->len;
        lg_buf_give(b);
        if (!c->snd_cur)
            c->snd_cur = tail;
        return;
    }
    lg_bufq_push(&c->sndq, b);
    if (!c->snd_cur)
        c->snd_cur = b;
}

/* queue_cut queues a buf larger than a segment as several. */
static void queue_cut(struct lg_tcp_conn *c, struct lg_buf *b)
{
    while (b->len > c->mss) {
        struct lg_buf *part = lg_buf_take(c->tcp->bufs);
        if (!part)
            break; /* queued whole: sent in pieces by copying */
        memcpy(part->data, b->data, c->mss);
        part->len = c->mss;
        b->data += c->mss;
        b->len -= c->mss;
        lg_stat_inc(c->tcp->stats, LG_STAT_TCP_COPIED);
        queue_one(c, part);
    }
    queue_one(c, b);
}

void lg_tcp_send(struct lg_tcp_conn *c, struct lg_bufq *q)
{
    struct lg_buf *b;

    if (!can_send(c)) {
        lg_bufq_drop_all(q);
        return;
    }
    while ((b = lg_bufq_pop(q)) != NULL) {
        if (b->len == 0)
            lg_buf_give(b);
        else if (b->len > c->mss && c->mss)
            queue_cut(c, b);
        else
            queue_one(c, b);
    }
    lg_tcp_want_output(c);
}

uint32_t lg_tcp_unacked(const struct lg_tcp_conn *c)
{
    return c->sndq.bytes;
}

void lg_tcp_shutdown(struct lg_tcp_conn *c)
{
    if (c->state == TCP_CLOSED || (c->flags & F_SHUT))
        return;
    c->flags |= F_SHUT;
    lg_tcp_want_output(c);
}

void lg_tcp_abort(struct lg_tcp_conn *c)
{
    if (c->state == TCP_CLOSED)
        return;
    if (c->state == TCP_SYN_SENT || c->state == TCP_TIME_WAIT)
        lg_tcp_finish(c, LG_TCP_EV_RESET);
    else
        lg_tcp_reset(c);
}

void lg_tcp_release(struct lg_tcp_conn *c)
{
    struct lg_tcp *t = c->tcp;
    bool unread = c->rcvq.bytes > 0;

    c->flags &= ~(F_USER | F_WANT_ROOM);
    c->user = NULL;
    c->events = 0;
    t->counts.user_held--;
    lg_bufq_drop_all(&c->rcvq);
    if (c->state == TCP_CLOSED) {
        lg_tcp_free_if_unlisted(c);
        return;
    }
    if (c->state == TCP_SYN_SENT) {
        lg_tcp_finish(c, 0);
    } else if (unread && c->state != TCP_TIME_WAIT) {
        lg_tcp_reset(c); /* RFC 2525 section 2.17: it must learn that bytes were not read */
    } else if (c->state == TCP_FIN_WAIT_2) {
        c->life_at_ns = t->now_ns + LG_SEC(60);
        lg_tcp_arm(c);
    } else {
        lg_tcp_shutdown(c);
    }
}

void lg_tcp_get_counts(const struct lg_tcp *t, struct lg_tcp_counts *out)
{
    *out = t->counts;
}
