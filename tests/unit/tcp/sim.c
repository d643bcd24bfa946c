/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sim.c: see sim.h. */
#include "sim.h"

#include "t.h"
#include "tcp.h"
#include "tcp_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define PORT 443u
#define AIR_MAX 16384u
#define START_NS LG_MS(4294900) /* the microsecond clock is about to wrap */

struct frame {
    lg_ns_t at_ns;
    uint32_t len;
    uint32_t order;
    uint32_t sum; /* of the bytes as they were sent */
    uint8_t to;   /* 0 server, 1 client */
    uint8_t ecn;
    uint8_t bytes[1600];
};

struct side {
    struct sim *sim;
    struct lg_tcp *tcp;
    void *mem;
    struct lg_bufheap heap;
    struct lg_stats stats;
    struct lg_tcp_conn *c;
    lg_ip_t ip;
    uint32_t to_send, sent, got;
    uint64_t seed_tx, seed_rx;
    uint32_t no_buf; /* frames the receiver had no buf for */
    bool shut, rx_done, closed, released, failed, stopped;
    uint32_t bad; /* bytes that were not what was sent */
    uint32_t max_unread;
    lg_ns_t next_read_ns;
};

struct sim {
    struct sim_cfg cfg;
    struct side side[2]; /* 0 client, 1 server */
    struct frame *air;   /* in no order; heap: the indexes of those under way, earliest first */
    uint16_t *heap;      /* and behind them those that are free */
    uint32_t air_cnt, order, corrupted;
    lg_ns_t busy_ns[2]; /* the bottleneck towards this side is, until then */
    uint32_t overrun;   /* frames it had no room for */
    uint64_t rnd;
    lg_ns_t now_ns;
    lg_ns_t done_ns; /* when both users had released */
};

static uint32_t rnd(struct sim *s)
{
    s->rnd ^= s->rnd << 13;
    s->rnd ^= s->rnd >> 7;
    s->rnd ^= s->rnd << 17;
    return (uint32_t)(s->rnd >> 16);
}

static uint8_t byte_at(uint64_t seed, uint32_t off)
{
    uint64_t x = (seed + off / 8) * 0x9e3779b97f4a7c15ull;
    return (uint8_t)((x ^ x >> 29) >> off % 8 * 8);
}

/* strip turns options that the link does not let through into NOPs. */
static void strip(const struct sim_cfg *cfg, uint8_t *seg)
{
    uint32_t end = (uint32_t)(seg[12] >> 4) * 4;
    for (uint32_t i = 20; i < end && seg[i] != 0;) {
        uint32_t n = seg[i] == 1 ? 1 : seg[i + 1];
        if ((cfg->no_sack && seg[i] == 4) || (cfg->no_ts && seg[i] == 8))
            memset(seg + i, 1, n);
        i += n;
    }
}

/* checksum is FNV-1a: stronger than TCP's own, so that every corruption is found. */
static uint32_t checksum(const uint8_t *p, uint32_t n)
{
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < n; i++)
        sum = (sum ^ p[i]) * 16777619u;
    return sum;
}

/* corrupt flips a few bits, or cuts the end off, or puts noise at it. */
static void corrupt(struct sim *s, struct frame *f)
{
    uint32_t how = rnd(s) % 4, n = 1 + rnd(s) % 8;

    if (how == 0)
        f->len = rnd(s) % f->len;
    else if (how == 1 && f->len + n <= sizeof f->bytes)
        f->len += n;
    else
        while (n-- > 0)
            f->bytes[rnd(s) % f->len] ^= (uint8_t)(1u << rnd(s) % 8);
}

/* is_before: does frame a come before b? */
static bool is_before(const struct sim *s, uint16_t a, uint16_t b)
{
    const struct frame *fa = &s->air[a], *fb = &s->air[b];
    return fa->at_ns != fb->at_ns ? fa->at_ns < fb->at_ns : fa->order < fb->order;
}

/* air_push: the frame air[heap[air_cnt]] has been filled in. */
static void air_push(struct sim *s)
{
    for (uint32_t i = s->air_cnt++; i > 0 && is_before(s, s->heap[i], s->heap[(i - 1) / 2]);
         i = (i - 1) / 2) {
        uint16_t up = s->heap[(i - 1) / 2];
        s->heap[(i - 1) / 2] = s->heap[i];
        s->heap[i] = up;
    }
}

/* air_pop takes the earliest frame, air[heap[0]], out. */
static void air_pop(struct sim *s)
{
    uint16_t free_idx = s->heap[0];

    s->heap[0] = s->heap[--s->air_cnt];
    s->heap[s->air_cnt] = free_idx;
    for (uint32_t i = 0, next; 2 * i + 1 < s->air_cnt; i = next) {
        next = 2 * i + 1;
        if (next + 1 < s->air_cnt && is_before(s, s->heap[next + 1], s->heap[next]))
            next++;
        if (!is_before(s, s->heap[next], s->heap[i]))
            break;
        uint16_t up = s->heap[next];
        s->heap[next] = s->heap[i];
        s->heap[i] = up;
    }
}

/* squeeze: when a frame of len bytes is through the bottleneck; LG_NS_NEVER: it has no room. */
static lg_ns_t squeeze(struct sim *s, unsigned to, uint32_t len)
{
    const struct link_cfg *l = &s->cfg.link;

    if (l->byte_ns == 0)
        return s->now_ns;
    lg_ns_t start_ns = LG_MAX(s->now_ns, s->busy_ns[to]);
    if (start_ns - s->now_ns > l->queue_ns) {
        s->overrun++;
        return LG_NS_NEVER;
    }
    return s->busy_ns[to] = start_ns + (lg_ns_t)(len * l->byte_ns);
}

static void fly(struct sim *s, unsigned to, const struct lg_buf *b)
{
    const struct link_cfg *l = &s->cfg.link;
    unsigned copies = rnd(s) % 1000 < l->dup_pm ? 2 : 1;

    for (unsigned i = 0; i < copies; i++) {
        if (rnd(s) % 1000 < l->loss_pm)
            continue;
        REQUIRE(s->air_cnt < AIR_MAX);
        REQUIRE(b->len <= sizeof s->air[0].bytes);
        lg_ns_t through_ns = squeeze(s, to, b->len + 40);
        if (through_ns == LG_NS_NEVER)
            continue;
        struct frame *f = &s->air[s->heap[s->air_cnt]];
        f->at_ns = through_ns + l->delay_ns;
        if (rnd(s) % 1000 < l->reorder_pm)
            f->at_ns = s->now_ns + rnd(s) % (l->delay_ns + 1);
        f->order = s->order++;
        f->to = (uint8_t)to;
        f->len = b->len;
        memcpy(f->bytes, b->data, b->len);
        strip(&s->cfg, f->bytes);
        f->sum = checksum(f->bytes, f->len);
        f->ecn = l->bleach ? LG_ECN_NOT : (uint8_t)lg_buf_ecn(b);
        if (f->ecn != LG_ECN_NOT && rnd(s) % 1000 < l->mark_pm)
            f->ecn = LG_ECN_CE;
        if (rnd(s) % 1000 < l->corrupt_pm)
            corrupt(s, f);
        air_push(s);
    }
}

static void on_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct side *me = ctx;
    (void)src;
    (void)dst;
    fly(me->sim, me == &me->sim->side[0] ? 1 : 0, b);
}

static bool on_is_listening(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    struct side *me = ctx;
    (void)ip;
    return me == &me->sim->side[1] && port == PORT;
}

static struct side *pool_side(const struct lg_bufpool *pool)
{
    return LG_CONTAINER(pool, struct side, heap.pool);
}

static bool share_some(const struct lg_buf *b)
{
    struct side *me = pool_side(b->pool);
    return me->sim->cfg.share && rnd(me->sim) % 2;
}

static void side_init(struct sim *s, unsigned i)
{
    static const struct lg_tcp_ops ops = {on_output, on_is_listening};
    static struct lg_bufpool_ops pool_ops;
    struct side *me = &s->side[i];
    struct lg_tcp_cfg cfg = {.max_conns = 8,
                             .snd_buf_sz = s->cfg.buf_sz,
                             .rcv_buf_sz = s->cfg.buf_sz,
                             .mtu = s->cfg.mtu,
                             .delayed_ack_ns = LG_MS(40),
                             .time_wait_ns = LG_SEC(150),
                             .keepalive_idle_ns = LG_SEC(30),
                             .keepalive_intvl_ns = LG_SEC(5),
                             .keepalive_cnt = 5,
                             .min_rto_ns = LG_MS(200),
                             .ecn = s->cfg.ecn ? LG_TCP_ECN_ON : LG_TCP_ECN_OFF,
                             .pacing = s->cfg.pacing,
                             .syn_retries = 8,
                             .data_retries = 15,
                             .port_lo = 40000,
                             .port_hi = 40100,
                             .secret = {{i + 1, s->rnd}}};
    const uint8_t ip[4] = {192, 0, 2, (uint8_t)(i + 1)};

    me->sim = s;
    me->ip = lg_ip_v4(ip);
    me->to_send = s->cfg.bytes[i];
    me->seed_tx = 77 + i;
    me->seed_rx = 77 + !i;
    lg_bufheap_init(&me->heap, s->cfg.pool_cnt ? s->cfg.pool_cnt : 1u << 20, 2048);
    pool_ops = *me->heap.pool.ops;
    pool_ops.is_shared = share_some;
    me->heap.pool.ops = &pool_ops;
    size_t sz = (lg_tcp_footprint(&cfg) + 63) & ~(size_t)63;
    me->mem = aligned_alloc(64, sz);
    memset(me->mem, 0, sz);
    me->tcp = lg_tcp_init(me->mem, &cfg, &ops, me, &me->heap.pool, &me->stats, s->now_ns);
}

static void side_read(struct side *me)
{
    struct sim *s = me->sim;
    struct lg_bufq q = {0};
    struct lg_buf *b;

    me->max_unread = LG_MAX(me->max_unread, lg_tcp_rx_avail(me->c));
    if (s->cfg.read_every_ns) {
        if (s->now_ns < me->next_read_ns)
            return;
        me->next_read_ns = s->now_ns + s->cfg.read_every_ns;
    }
    lg_tcp_take(me->c, &q, s->cfg.read_every_ns ? 2000 : UINT32_MAX);
    while ((b = lg_bufq_pop(&q)) != NULL) {
        for (uint32_t i = 0; i < b->len; i++, me->got++)
            me->bad += b->data[i] != byte_at(me->seed_rx, me->got);
        lg_buf_give(b);
    }
    me->rx_done = lg_tcp_rx_done(me->c);
}

static void side_write(struct side *me)
{
    struct sim *s = me->sim;

    while (me->sent < me->to_send) {
        uint32_t n = s->cfg.write_sz ? s->cfg.write_sz : lg_tcp_mss(me->c);
        struct lg_bufq q = {0};
        n = LG_MIN(n, me->to_send - me->sent);
        /* lg_tcp_send_room would keep a pool from running empty: where it shall, it is not asked.
         */
        if (!s->cfg.pool_cnt && lg_tcp_send_room(me->c) < n)
            return;
        if (s->cfg.pool_cnt && me->heap.cnt_out + 6 > s->cfg.pool_cnt)
            return; /* users leave some for the wire */
        struct lg_buf *b = lg_buf_take(&me->heap.pool);
        for (uint32_t i = 0; i < n; i++)
            b->data[i] = byte_at(me->seed_tx, me->sent + i);
        b->len = n;
        lg_bufq_push(&q, b);
        lg_tcp_send(me->c, &q);
        me->sent += n;
    }
    if (!me->shut) {
        me->shut = true;
        lg_tcp_shutdown(me->c);
    }
}

static void side_turn(struct side *me)
{
    struct sim *s = me->sim;
    struct lg_tcp_conn *c;
    uint32_t ev;

    while ((c = lg_tcp_ready_pop(me->tcp, &ev)) != NULL) {
        if (!me->c && (ev & LG_TCP_EV_OPEN))
            me->c = c;
        EXPECT(c == me->c);
        EXPECT(!me->released);
        if (ev & (LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT))
            me->failed = true;
        if (ev & LG_TCP_EV_CLOSED)
            me->closed = true;
    }
    if (me->c && !me->released) {
        side_read(me);
        side_write(me);
        if (me->closed && (me->rx_done || me->failed)) {
            me->released = true;
            lg_tcp_release(me->c);
        }
    }
    lg_tcp_poll(me->tcp, s->now_ns);
}

static void deliver(struct sim *s)
{
    while (s->air_cnt > 0 && s->air[s->heap[0]].at_ns <= s->now_ns) {
        struct frame *f = &s->air[s->heap[0]];
        struct side *to = &s->side[f->to], *from = &s->side[!f->to];
        if (f->len == 0 || checksum(f->bytes, f->len) != f->sum) { /* net/ drops it */
            s->corrupted++;
            air_pop(s);
            continue;
        }
        struct lg_buf *b = lg_buf_take(&to->heap.pool);
        if (b) { /* else lost at the receiver, as a NIC does */
            memcpy(b->data, f->bytes, f->len);
            b->len = f->len;
            lg_buf_set_ecn(b, (enum lg_ecn)f->ecn);
            lg_tcp_rx(to->tcp, b, &from->ip, &to->ip, s->now_ns);
        } else {
            to->no_buf++;
        }
        air_pop(s);
    }
}

static lg_ns_t next_time(const struct sim *s)
{
    lg_ns_t next_ns = LG_NS_NEVER;
    if (s->air_cnt > 0)
        next_ns = s->air[s->heap[0]].at_ns;
    for (unsigned i = 0; i < 2; i++) {
        const struct side *me = &s->side[i];
        next_ns = LG_MIN(next_ns, lg_tcp_next(me->tcp));
        if (s->cfg.read_every_ns && me->c && !me->released)
            next_ns = LG_MIN(next_ns, me->next_read_ns);
        if (s->cfg.pool_cnt && me->c && !me->shut) /* the writer polls for bufs */
            next_ns = LG_MIN(next_ns, s->now_ns + LG_MS(1));
    }
    return next_ns;
}

static bool is_over(const struct sim *s)
{
    for (unsigned i = 0; i < 2; i++) {
        struct lg_tcp_counts n;
        lg_tcp_get_counts(s->side[i].tcp, &n);
        if (!s->side[i].released || n.conns > 0)
            return false;
    }
    return true;
}

static void sim_report(const struct sim *s, lg_ns_t took_ns)
{
    if (!getenv("SIM_VERBOSE"))
        return;
    printf("%-28s %8.3f s", s->cfg.name, (double)took_ns / 1e9);
    for (unsigned i = 0; i < 2; i++) {
        const struct lg_stats *st = &s->side[i].stats;
        printf("  | got %u rto %lu rtx %lu frtx %lu ooo %lu dup %lu copied %lu", s->side[i].got,
               st->v[LG_STAT_TCP_RTO], st->v[LG_STAT_TCP_RETRANS], st->v[LG_STAT_TCP_FAST_RETRANS],
               st->v[LG_STAT_TCP_OOO], st->v[LG_STAT_TCP_DUP], st->v[LG_STAT_TCP_COPIED]);
    }
    printf("  | overrun %u\n", s->overrun);
}

static void sim_check(struct sim *s)
{
    lg_ns_t start_ns = START_NS;

    EXPECT(is_over(s));
    if (s->cfg.link.corrupt_pm >= 50)
        EXPECT(s->corrupted > 0);
    for (unsigned i = 0; i < 2 && s->cfg.ecn; i++) {
        const struct lg_stats *st = &s->side[i].stats;
        bool marks = s->cfg.link.mark_pm && !s->cfg.link.bleach;
        EXPECT_EQ(lg_stat_get(st, LG_STAT_TCP_ECN), 1);
        EXPECT_EQ(lg_stat_get(st, LG_STAT_TCP_ECN_CE) > 0, marks);
        EXPECT_EQ(lg_stat_get(st, LG_STAT_TCP_ECN_REDUCED) > 0, marks);
        if (s->cfg.link.loss_pm == 0 && s->cfg.link.reorder_pm == 0)
            EXPECT_EQ(lg_stat_get(st, LG_STAT_TCP_RETRANS), 0); /* a mark is no loss */
    }
    if (s->cfg.pool_cnt) /* or the test tests nothing */
        EXPECT(s->side[0].no_buf + s->side[1].no_buf +
                   lg_stat_get(&s->side[0].stats, LG_STAT_DROP_NO_BUF) +
                   lg_stat_get(&s->side[1].stats, LG_STAT_DROP_NO_BUF) >
               0);
    for (unsigned i = 0; i < 2; i++) {
        struct side *me = &s->side[i];
        EXPECT(!me->failed);
        EXPECT(me->closed);
        EXPECT_EQ(me->bad, 0);
        EXPECT_EQ(me->got, s->cfg.bytes[!i]);
        EXPECT(me->max_unread <= s->cfg.buf_sz + 16384);
        EXPECT_EQ(lg_pool_used(&me->tcp->conns), 0);
        EXPECT_EQ(lg_pool_used(&me->tcp->repairs), 0);
        EXPECT_EQ(me->tcp->wheel.cnt, 0);
        EXPECT_EQ(me->heap.cnt_out, 0);
    }
    if (t_failed())
        fprintf(stderr, "simulation %s failed, time %.3f s\n", s->cfg.name,
                (double)(s->now_ns - start_ns) / 1e9);
    sim_report(s, s->done_ns - start_ns);
}

uint64_t sim_grown, sim_overrun, sim_retrans;

lg_ns_t sim_run(const struct sim_cfg *cfg, uint64_t seed)
{
    struct sim *s = calloc(1, sizeof *s);

    s->cfg = *cfg;
    s->rnd = seed * 0x9e3779b97f4a7c15ull + 1;
    s->now_ns = START_NS;
    s->air = calloc(AIR_MAX, sizeof *s->air);
    s->heap = calloc(AIR_MAX, sizeof *s->heap);
    for (uint16_t i = 0; i < AIR_MAX; i++)
        s->heap[i] = i;
    if (!s->cfg.buf_sz)
        s->cfg.buf_sz = 262144;
    if (!s->cfg.mtu)
        s->cfg.mtu = 1500;
    if (!s->cfg.limit_ns)
        s->cfg.limit_ns = LG_SEC(1000);
    side_init(s, 0);
    side_init(s, 1);
    struct lg_endpoint to = {.ip = s->side[1].ip, .port = PORT};
    struct side *cl = &s->side[0];
    EXPECT_OK(lg_tcp_connect(cl->tcp, &cl->ip, &to, NULL, s->now_ns, &cl->c));
    while (!is_over(s) && s->now_ns < START_NS + s->cfg.limit_ns && !t_failed()) {
        deliver(s);
        side_turn(&s->side[0]);
        side_turn(&s->side[1]);
        if (!s->done_ns && s->side[0].released && s->side[1].released)
            s->done_ns = s->now_ns;
        lg_ns_t next_ns = next_time(s);
        if (next_ns == LG_NS_NEVER)
            break; /* nothing will ever happen again: sim_check says whether that is right */
        s->now_ns = LG_MAX(s->now_ns + 1000, next_ns);
    }
    sim_check(s);
    sim_overrun = s->overrun;
    sim_retrans = lg_stat_get(&s->side[0].stats, LG_STAT_TCP_RETRANS);
    sim_grown = lg_stat_get(&s->side[1].stats, LG_STAT_TCP_WND_GROWN);
    lg_ns_t took_ns = s->done_ns - START_NS;
    for (unsigned i = 0; i < 2; i++) {
        lg_tcp_fini(s->side[i].tcp);
        EXPECT_EQ(s->side[i].heap.cnt_out, 0);
        free(s->side[i].mem);
    }
    free(s->air);
    free(s->heap);
    free(s);
    return took_ns;
}

lg_ns_t sim_seeds(const struct sim_cfg *cfg, unsigned cnt)
{
    lg_ns_t worst_ns = 0;

    for (unsigned i = 1; i <= cnt && !t_failed(); i++) {
        lg_ns_t took_ns = sim_run(cfg, i);
        worst_ns = LG_MAX(worst_ns, took_ns);
    }
    if (t_failed())
        fprintf(stderr, "(seeds count from 1)\n");
    return worst_ns;
}
