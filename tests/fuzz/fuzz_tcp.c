/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_tcp.c: any bytes as a run of segments, user calls and time on one stack, whose invariants
 * are checked after each step. Segments come raw, or crafted around a connection's own sequence
 * numbers so that they get past the first checks.
 * Target Functions: lg_tcp_rx, lg_tcp_poll, lg_tcp_take, lg_tcp_send, lg_tcp_shutdown,
 * lg_tcp_abort, lg_tcp_release, lg_tcp_connect, lg_tcp_rx_unreachable,
 * lg_tcp_rx_too_big */
#include "tcp_priv.h"

#include <stdlib.h>
#include <string.h>

#define CONNS 6
#define POOL 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct lg_cur in;
    struct lg_tcp *tcp;
    struct lg_bufheap heap;
    struct lg_stats stats;
    lg_ns_t now_ns;
    lg_ip_t us, peer;
    struct lg_tcp_conn *held[CONNS]; /* by us, the user */
    uint32_t dice;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void on_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct fuzz *f = ctx;
    must(lg_ip_eq(src, &f->us) && lg_ip_eq(dst, &f->peer));
    must(b->len >= 20 && b->len <= 1500 - 40 + 20);
    must(b->data >= b->base + LG_BUF_HEADROOM - 60 && b->data + b->len <= b->base + b->cap);
}

static void on_door(void *ctx, const struct lg_tcp_tuple *t, struct lg_tcp_door *out)
{
    (void)ctx;
    *out = (struct lg_tcp_door){.slot = t->local_port % 4,
                                .half_open_max = t->remote_port % 3,
                                .is_trusted = t->remote_port % 5 == 0};
}

static bool on_is_listening(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    (void)ctx;
    (void)ip;
    return port == 443;
}

static struct lg_bufheap *the_heap(const struct lg_bufpool *pool)
{
    return (struct lg_bufheap *)(uintptr_t)pool;
}

static bool share_some(const struct lg_buf *b)
{
    struct fuzz *f = LG_CONTAINER(the_heap(b->pool), struct fuzz, heap);
    f->dice = f->dice * 1664525u + 1013904223u;
    return f->dice >> 30 == 0;
}

/* ---- what must hold at any time */

/* check_list: the chain of one list is whole, and holds as many bytes as it should. */
static uint32_t check_list(const struct lg_tcp_seglist *l, uint16_t flag)
{
    const struct lg_buf *older = NULL;
    uint32_t bytes = 0;

    for (const struct lg_buf *b = l->oldest; b; older = b, b = b->newer) {
        must(b->older == older && (b->flags & flag));
        must(flag != LG_TCP_TX_LOST || !older || lg_seq_lt(older->seq, b->seq));
        bytes += b->len;
    }
    must(l->newest == older);
    return bytes;
}

static void check_send_side(const struct lg_tcp_conn *c)
{
    const uint16_t states = LG_TCP_TX_SENT | LG_TCP_TX_LOST | LG_TCP_TX_SACKED;
    uint32_t at = c->snd_una, bytes = 0, cnt = 0, sum[3] = {0};
    bool seen_next = c->tx_next == NULL, is_sent = true, seen_hint = !c->rep || !c->rep->hint;

    for (const struct lg_buf *b = c->sndq.head; b; b = b->next) {
        must(b->len > 0 && b->seq == at);
        if (b == c->tx_next) {
            seen_next = true;
            is_sent = false;
            must(b->seq == c->snd_nxt);
        }
        if (c->rep && b == c->rep->hint)
            seen_hint = is_sent;
        sum[0] += b->flags & LG_TCP_TX_SENT ? b->len : 0;
        sum[1] += b->flags & LG_TCP_TX_LOST ? b->len : 0;
        sum[2] += b->flags & LG_TCP_TX_SACKED ? b->len : 0;
        must(__builtin_popcount(b->flags & states) == is_sent);
        must(b != c->sndq.tail || !b->next);
        at += b->len;
        bytes += b->len;
        cnt++;
    }
    must(bytes == c->sndq.bytes && cnt == c->sndq.cnt && seen_next && seen_hint);
    must(check_list(&c->sent, LG_TCP_TX_SENT) == sum[0]);
    must(check_list(&c->lost, LG_TCP_TX_LOST) == sum[1] && c->lost_sz == sum[1]);
    must(c->flags & LG_TCP_F_SACK ? c->sacked_sz == sum[2] : sum[2] == 0);
    must(bytes == 0 || at == c->snd_end);
    must(lg_seq_leq(c->snd_una, c->snd_nxt) && lg_seq_leq(c->snd_nxt, c->snd_end + 1));
    must(lg_tcp_pipe(c) <= c->snd_nxt - c->snd_una);
    must(!c->tx_next == lg_seq_geq(c->snd_nxt, c->snd_end));
    must(c->snd_una == c->snd_nxt || c->t_rtx != LG_NS_NEVER);
    must(c->cwnd >= c->mss || c->cwnd == 0);
}

static void check_repair(const struct lg_tcp_conn *c)
{
    const struct lg_tcp_repair *r = c->rep;
    uint32_t at = c->snd_una, bytes = 0;

    if (!r)
        return;
    must(r->cnt <= LG_TCP_SACK_RANGES);
    for (uint32_t i = 0; i < r->cnt; i++) {
        must(lg_seq_gt(r->r[i].start, at) && lg_seq_lt(r->r[i].start, r->r[i].end));
        at = r->r[i].end;
        bytes += at - r->r[i].start;
    }
    must(lg_seq_leq(at, c->snd_nxt) && bytes == r->bytes);
}

static void check_receive_side(const struct lg_tcp_conn *c)
{
    uint32_t cnt = 0, at = c->rcv_nxt;

    for (const struct lg_buf *b = c->ooo_head; b; b = b->next) {
        must(b->len > 0 && lg_seq_geq(b->seq, at));
        at = b->seq + b->len;
        cnt++;
        must(b->next || b == c->ooo_tail);
    }
    must(cnt == c->ooo_cnt && lg_seq_leq(at, c->rcv_adv));
    must(c->rcvq.bytes <= c->tcp->cfg.rcv_buf_sz);
    must(c->rcvq.cnt <= lg_tcp_rcv_bufs(c) && c->ooo_cnt <= lg_tcp_rcv_bufs(c));
    must(lg_seq_leq(c->rcv_nxt, c->rcv_adv));
}

static void check(const struct fuzz *f)
{
    struct lg_tcp_counts n;
    uint32_t used = 0, at_doors = 0;

    for (uint32_t i = 0; i < f->tcp->conns.cnt; i++) {
        const struct lg_tcp_conn *c = lg_pool_at(&f->tcp->conns, i);
        if (!(c->flags & LG_TCP_F_IN_USE))
            continue;
        used++;
        if (c->state >= LG_TCP_ESTABLISHED && c->state < LG_TCP_TIME_WAIT) {
            check_send_side(c);
            check_repair(c);
            check_receive_side(c);
        }
        must(c->state != LG_TCP_CLOSED || (c->flags & LG_TCP_F_USER));
        must((c->flow_slot == LG_TCP_FLOW_NONE) == (c->state == LG_TCP_CLOSED));
        lg_ns_t due_ns = LG_MIN(LG_MIN(c->t_rtx, c->t_out), c->t_life);
        must(c->state == LG_TCP_CLOSED || due_ns == LG_NS_NEVER ||
             (lg_timer_is_started(&c->timer) && c->timer.at_ns <= due_ns));
    }
    lg_tcp_get_counts(f->tcp, &n);
    for (uint32_t i = 0; i < 4; i++)
        at_doors += f->tcp->doors[i];
    must(at_doors <= n.embryonic);
    must(n.conns == used && used == lg_pool_used(&f->tcp->conns));
}

/* ---- steps */

static struct lg_buf *wire_buf(struct fuzz *f, uint32_t len)
{
    struct lg_buf *b = lg_buf_take(&f->heap.pool);
    if (!b)
        return NULL;
    b->len = LG_MIN(len, (uint32_t)b->cap - LG_BUF_HEADROOM);
    return b;
}

static void step_raw(struct fuzz *f)
{
    lg_span_t s = lg_cur_bytes(&f->in, LG_MIN((size_t)lg_cur_u8(&f->in), lg_cur_left(&f->in)));
    struct lg_buf *b = wire_buf(f, (uint32_t)s.len);
    if (!b)
        return;
    b->data = b->base + b->cap - b->len; /* a read past the segment is a read past the heap */
    if (b->len > 0)
        memcpy(b->data, s.p, b->len);
    lg_tcp_rx(f->tcp, b, &f->peer, &f->us, f->now_ns);
}

/* near_off: mostly exactly 0, often within 2 KiB, sometimes within 32 KiB. */
static int32_t near_off(struct fuzz *f)
{
    uint8_t how = lg_cur_u8(&f->in);
    if (how < 128)
        return 0;
    return how < 224 ? (int8_t)lg_cur_u8(&f->in) * 16 : (int16_t)lg_cur_be16(&f->in);
}

/* craft_opts writes what an honest peer of c would, but for its numbers; or what the input says. */
static uint32_t craft_opts(struct fuzz *f, const struct lg_tcp_conn *c, uint8_t *p)
{
    uint8_t how = lg_cur_u8(&f->in);
    uint32_t n = 0;

    if (how >= 0xf0) {
        lg_span_t opt = lg_cur_bytes(&f->in, LG_MIN((size_t)(how & 7) * 4, lg_cur_left(&f->in)));
        memset(p, 1, LG_TCP_OPT_MAX);
        if (opt.len > 0)
            memcpy(p, opt.p, opt.len);
        return (how & 7) * 4;
    }
    if (c->flags & LG_TCP_F_TS) {
        lg_tcp_opt_build_ts(p, c->ts_recent + (uint32_t)near_off(f), f->tcp->now_ms + c->ts_off);
        n = LG_TCP_OPT_TS_SZ;
    }
    if (how & 1) {
        struct lg_tcp_range r[3];
        uint32_t cnt = 1 + how / 2 % 3;
        uint32_t flight = c->snd_nxt - c->snd_una + 2;
        for (uint32_t i = 0; i < cnt; i++) {
            r[i].start = c->snd_una + lg_cur_be16(&f->in) % flight;
            r[i].end = r[i].start + lg_cur_be16(&f->in) % flight;
        }
        n += lg_tcp_opt_build_sack(p + n, r, cnt);
    }
    return n;
}

/* step_crafted: a segment for connection i (or its SYN), a little off its expectations. */
static void step_crafted(struct fuzz *f)
{
    struct lg_tcp_conn *c = lg_pool_at(&f->tcp->conns, lg_cur_u8(&f->in) % CONNS);
    bool used = c->flags & LG_TCP_F_IN_USE;
    uint8_t flags = lg_cur_u8(&f->in), opt[LG_TCP_OPT_MAX];
    uint32_t len = lg_cur_u8(&f->in) < 128 ? 0 : lg_cur_be16(&f->in) % 1461;
    uint32_t seq = (used ? c->rcv_nxt : 0) + (uint32_t)near_off(f);
    uint32_t ack = used ? (flags & 8 ? c->snd_nxt : c->snd_una) : 0;
    ack += (uint32_t)near_off(f);
    uint16_t wnd = lg_cur_be16(&f->in);
    uint32_t opt_len = used ? craft_opts(f, c, opt) : 0;
    struct lg_buf *b = wire_buf(f, 20u + opt_len + len);
    if (!b)
        return;
    memset(b->data, 0, b->len);
    lg_put_be16(b->data, used ? c->tuple.remote_port : (uint16_t)(1 + flags % 8));
    lg_put_be16(b->data + 2, used ? c->tuple.local_port : 443);
    lg_put_be32(b->data + 4, seq);
    lg_put_be32(b->data + 8, ack);
    b->data[12] = (uint8_t)((20 + opt_len) / 4 << 4);
    b->data[13] = flags & 0x80 ? flags : LG_TCP_FL_ACK | (flags & 7 ? 0 : LG_TCP_FL_FIN);
    lg_put_be16(b->data + 14, wnd);
    memcpy(b->data + 20, opt, opt_len);
    lg_buf_set_ecn(b, (enum lg_ecn)(wnd & 3));
    lg_tcp_rx(f->tcp, b, &f->peer, &f->us, f->now_ns);
}

/* step_handshake opens a connection properly, so that the deeper states are reached often. */
static void step_handshake(struct fuzz *f)
{
    static const uint8_t opts[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 2};
    static const uint8_t plain[20] = {2, 4, 2, 0, 4, 2};
    uint8_t how = lg_cur_u8(&f->in);
    bool with_ts = how & 1, with_ecn = how & 2;
    uint16_t port = (uint16_t)(1 + lg_cur_u8(&f->in) % 16);
    struct lg_tcp_tuple t = {f->us, f->peer, 443, port};

    for (int i = 0; i < 2; i++) {
        const struct lg_tcp_conn *c = lg_tcp_find(f->tcp, &t);
        struct lg_buf *b = wire_buf(f, i == 0 ? 40 : with_ts ? 32 : 20);
        if (!b)
            return;
        memset(b->data, 0, b->len);
        lg_put_be16(b->data, port);
        lg_put_be16(b->data + 2, 443);
        lg_put_be32(b->data + 4, 0xffffff00u + (uint32_t)i); /* wraps soon */
        lg_put_be32(b->data + 8, i && c ? c->snd_nxt : 0);
        b->data[12] = (uint8_t)(b->len / 4 << 4);
        b->data[13] = i          ? LG_TCP_FL_ACK
                      : with_ecn ? LG_TCP_FL_SYN | LG_TCP_FL_ECE | LG_TCP_FL_CWR
                                 : LG_TCP_FL_SYN;
        lg_put_be16(b->data + 14, 30000);
        if (i == 0)
            memcpy(b->data + 20, with_ts ? opts : plain, sizeof opts);
        else if (with_ts)
            lg_tcp_opt_build_ts(b->data + 20, 9, 0);
        lg_tcp_rx(f->tcp, b, &f->peer, &f->us, f->now_ns);
        lg_tcp_poll(f->tcp, f->now_ns);
    }
}

static void step_send(struct fuzz *f, struct lg_tcp_conn *c)
{
    struct lg_bufq q = {0};
    uint32_t n = lg_cur_be16(&f->in) % 9000, room = lg_cur_be16(&f->in) % 1600;
    static const uint8_t bytes[9000];

    if (lg_tcp_send_room(c) > 0 && f->heap.cnt_out < 200)
        lg_bufq_write(&q, &f->heap.pool, bytes, n, room);
    lg_tcp_send(c, &q);
    must(q.cnt == 0);
}

static void step_user(struct fuzz *f, uint8_t op)
{
    uint32_t i = lg_cur_u8(&f->in) % CONNS;
    struct lg_tcp_conn *c = f->held[i];
    struct lg_bufq q = {0};

    if (!c)
        return;
    switch (op) {
    case 0:
        lg_tcp_take(c, &q, lg_cur_be16(&f->in));
        lg_bufq_drop_all(&q);
        break;
    case 1:
    case 2:
        step_send(f, c);
        break;
    case 3:
        lg_tcp_shutdown(c);
        break;
    case 4:
        lg_tcp_abort(c);
        break;
    default:
        lg_tcp_release(c);
        f->held[i] = NULL;
        break;
    }
}

static void step_connect(struct fuzz *f)
{
    struct lg_endpoint to = {f->peer, (uint16_t)(1 + lg_cur_u8(&f->in) % 4)};
    for (uint32_t i = 0; i < CONNS; i++) {
        if (f->held[i])
            continue;
        if (!lg_is_ok(lg_tcp_connect(f->tcp, &f->us, &to, NULL, f->now_ns, &f->held[i])))
            f->held[i] = NULL;
        return;
    }
}

static void step_unreachable(struct fuzz *f)
{
    struct lg_tcp_conn *c = lg_pool_at(&f->tcp->conns, lg_cur_u8(&f->in) % CONNS);
    struct lg_tcp_tuple t = c->tuple;
    if (!(c->flags & LG_TCP_F_IN_USE))
        return;
    uint32_t seq = c->snd_una + (uint32_t)near_off(f);
    if (lg_cur_u8(&f->in) & 1)
        lg_tcp_rx_unreachable(f->tcp, &t, seq, f->now_ns);
    else
        lg_tcp_rx_too_big(f->tcp, &t, seq, 68u + lg_cur_u8(&f->in) * 8u, f->now_ns);
}

static void step_time(struct fuzz *f)
{
    f->now_ns += LG_MS(lg_cur_be16(&f->in) % 20000);
    lg_tcp_poll(f->tcp, f->now_ns);
}

static void hear_news(struct fuzz *f)
{
    struct lg_tcp_conn *c;
    uint32_t ev;

    while ((c = lg_tcp_ready_pop(f->tcp, &ev)) != NULL) {
        uint32_t i = 0;
        must(ev != 0);
        while (i < CONNS && f->held[i] != c)
            i++;
        if (i < CONNS)
            continue;
        must(ev & LG_TCP_EV_OPEN); /* a connection nobody knew yet */
        c->quick_acks = 1;         /* let delayed ACKs have their turn */
        for (i = 0; i < CONNS && f->held[i];)
            i++;
        if (i < CONNS)
            f->held[i] = c;
        else
            lg_tcp_release(c);
    }
}

static void step(struct fuzz *f)
{
    uint8_t op = lg_cur_u8(&f->in);

    switch (op % 16) {
    case 0:
        step_raw(f);
        break;
    case 1:
    case 2:
        step_handshake(f);
        break;
    case 3:
        step_connect(f);
        break;
    case 4:
        step_unreachable(f);
        break;
    case 5:
    case 6:
        step_time(f);
        break;
    case 7:
    case 8:
        if (op == 0x77) /* the packet pool runs dry; and fills again */
            f->heap.cnt_max = f->heap.cnt_max == POOL ? f->heap.cnt_out + 2 : POOL;
        lg_tcp_poll(f->tcp, f->now_ns);
        break;
    case 9:
    case 10:
    case 11:
        step_user(f, op / 16 % 8);
        break;
    default:
        step_crafted(f);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lg_tcp_ops ops = {
        .output = on_output, .is_listening = on_is_listening, .door = on_door};
    static struct lg_bufpool_ops pool_ops;
    const struct lg_tcp_cfg cfg = {.max_conns = CONNS,
                                   .snd_buf_sz = 16384,
                                   .rcv_buf_sz = 20000,
                                   .mtu = 1500,
                                   .delayed_ack_ns = LG_MS(40),
                                   .time_wait_ns = LG_SEC(60),
                                   .keepalive_idle_ns = LG_SEC(90),
                                   .keepalive_intvl_ns = LG_SEC(5),
                                   .keepalive_cnt = 3,
                                   .min_rto_ns = LG_MS(200),
                                   .ecn = LG_TCP_ECN_ON,
                                   .pacing = true,
                                   .user_timeout_ns = LG_SEC(20),
                                   .syn_backlog = 3,
                                   .source_conns = 5,
                                   .source_cps = 100,
                                   .syn_retries = 3,
                                   .data_retries = 6,
                                   .port_lo = 65000,
                                   .port_hi = 65003};
    static struct fuzz f;

    memset(&f, 0, sizeof f);
    f.in = lg_cur((lg_span_t){data, size});
    f.us = lg_ip_v4((const uint8_t[4]){192, 0, 2, 1});
    f.peer = lg_ip_v4((const uint8_t[4]){192, 0, 2, 2});
    f.now_ns = LG_SEC(5);
    lg_bufheap_init(&f.heap, POOL, 1600);
    pool_ops = *f.heap.pool.ops;
    pool_ops.is_shared = share_some;
    f.heap.pool.ops = &pool_ops;
    size_t sz = (lg_tcp_footprint(&cfg) + 63) & ~(size_t)63;
    void *mem = aligned_alloc(64, sz);
    must(mem != NULL);
    memset(mem, 0, sz);
    f.tcp = lg_tcp_init(mem, &cfg, &ops, &f, &f.heap.pool, &f.stats, f.now_ns);
    while (lg_cur_left(&f.in) > 0) {
        step(&f);
        hear_news(&f);
        check(&f);
    }
    f.heap.cnt_max = POOL;
    /* Left alone, everything must end by itself: users let go, nobody answers. */
    for (uint32_t i = 0; i < CONNS; i++)
        if (f.held[i])
            lg_tcp_release(f.held[i]);
    for (int i = 0; i < 400 && lg_pool_used(&f.tcp->conns) > 0; i++) {
        f.now_ns += LG_SEC(1);
        lg_tcp_poll(f.tcp, f.now_ns);
        memset(f.held, 0, sizeof f.held);
        hear_news(&f);
        for (uint32_t k = 0; k < CONNS; k++)
            if (f.held[k])
                lg_tcp_release(f.held[k]);
    }
    must(lg_pool_used(&f.tcp->conns) == 0 && f.heap.cnt_out == 0);
    must(lg_pool_used(&f.tcp->repairs) == 0);
    must(f.tcp->wheel.cnt == 0);
    lg_tcp_fini(f.tcp);
    free(mem);
    return 0;
}
