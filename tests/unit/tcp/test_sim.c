/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two stacks back to back over a link that loses, reorders, duplicates and delays, with virtual
 * time and seeded randomness: whatever the link does, both byte streams arrive whole and in order,
 * both ends drain, and every pool is as it was. */
#include "t.h"
#include "tcp.h"

#include <stdio.h>
#include <stdlib.h>

struct link_cfg {
    unsigned loss_pct, dup_pct, reorder_pct;
    lg_ns_t delay_ns;
};

struct frame {
    lg_ns_t at_ns;
    uint64_t order;
    lg_ip_t src, dst;
    uint32_t len;
    uint8_t data[1600];
    struct frame *next;
};

struct rig;
struct end {
    struct rig *rig;
    struct end *peer;
    struct lg_tcp *tcp;
    void *mem;
    struct lg_bufheap heap;
    struct lg_stats stats;
    struct frame *in; /* frames on their way here, by time */
    struct lg_tcp_conn *conn;
    uint64_t tx_total, tx_done, rx_done;
    uint64_t read_step; /* bytes it takes a turn at most; small: a slow reader */
    bool fin_rx, over, closed, shut;
    uint32_t closed_why;
};
struct rig {
    struct end e[2];
    struct link_cfg link;
    lg_ns_t now_ns;
    uint64_t order, seed;
};

static uint32_t rnd(struct rig *r)
{
    r->seed = r->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(r->seed >> 33);
}

static void send_frame(struct end *to, const struct lg_buf *b, const lg_ip_t *src,
                       const lg_ip_t *dst, lg_ns_t at_ns)
{
    struct frame *f = malloc(sizeof *f), **link = &to->in;
    *f = (struct frame){.at_ns = at_ns, .order = to->rig->order++, .src = *src, .dst = *dst};
    f->len = b->len;
    memcpy(f->data, b->data, b->len);
    while (*link && (*link)->at_ns <= at_ns)
        link = &(*link)->next;
    f->next = *link;
    *link = f;
}

static void on_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct end *e = ctx;
    struct rig *r = e->rig;
    lg_ns_t at_ns = r->now_ns + r->link.delay_ns;

    if (rnd(r) % 100 < r->link.loss_pct)
        return;
    if (rnd(r) % 100 < r->link.reorder_pct)
        at_ns += r->link.delay_ns * (1 + rnd(r) % 3);
    send_frame(e->peer, b, src, dst, at_ns);
    if (rnd(r) % 100 < r->link.dup_pct)
        send_frame(e->peer, b, src, dst, at_ns + r->link.delay_ns / 2);
}

static bool on_listening(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    (void)ctx;
    (void)ip;
    return port == 443;
}

static const struct lg_tcp_ops ops = {on_output, on_listening};

static const struct lg_tcp_cfg cfg = {
    .max_conns = 64,
    .snd_buf_sz = 128 * 1024,
    .rcv_buf_sz = 128 * 1024,
    .mtu = 1500,
    .delayed_ack_ns = LG_MS(40),
    .time_wait_ns = LG_SEC(2),
    .min_rto_ns = LG_MS(200),
    .syn_retries = 8,
    .data_retries = 15,
    .port_lo = 40000,
    .port_hi = 40031,
    .secret = {{1, 2}},
};

static void rig_open(struct rig *r, const struct link_cfg *link, uint64_t seed)
{
    memset(r, 0, sizeof *r);
    r->link = *link;
    r->seed = seed;
    r->now_ns = LG_SEC(1000);
    for (int i = 0; i < 2; i++) {
        struct end *e = &r->e[i];
        e->rig = r;
        e->peer = &r->e[!i];
        lg_bufheap_init(&e->heap, 4096, 1500);
        size_t sz = (lg_tcp_footprint(&cfg) + 63) & ~(size_t)63;
        e->mem = aligned_alloc(64, sz);
        memset(e->mem, 0, sz);
        e->tcp = lg_tcp_init(e->mem, &cfg, &ops, e, &e->heap.pool, &e->stats, r->now_ns);
        e->read_step = UINT32_MAX;
    }
}

static uint8_t pattern(uint64_t off, int dir)
{
    return (uint8_t)((off * 2654435761u >> 13) + (unsigned)dir);
}

static void pump(struct end *e, int dir)
{
    struct lg_bufq q = {0};
    uint8_t chunk[1400];

    if (!e->conn || e->closed)
        return;
    if (lg_tcp_take(e->conn, &q, (uint32_t)LG_MIN(e->read_step, 1u << 30)) > 0) {
        uint8_t tmp[2048];
        uint32_t n;
        while ((n = lg_bufq_read(&q, tmp, sizeof tmp)) > 0)
            for (uint32_t i = 0; i < n; i++, e->rx_done++)
                if (tmp[i] != pattern(e->rx_done, !dir))
                    return t_fail(__FILE__, __LINE__, "byte %llu is wrong",
                                  (unsigned long long)e->rx_done);
    }
    while (e->tx_done < e->tx_total && lg_tcp_send_room(e->conn) > 0) {
        uint32_t n = 1 + rnd(e->rig) % sizeof chunk;
        n = (uint32_t)LG_MIN(n, e->tx_total - e->tx_done);
        for (uint32_t i = 0; i < n; i++)
            chunk[i] = pattern(e->tx_done + i, dir);
        if (lg_bufq_write(&q, &e->heap.pool, chunk, n, 0) != n) {
            lg_bufq_drop_all(&q);
            break;
        }
        lg_tcp_send(e->conn, &q);
        e->tx_done += n;
    }
    if (e->tx_done == e->tx_total && !e->shut) {
        e->shut = true;
        lg_tcp_shutdown(e->conn);
    }
}

static void turn(struct rig *r)
{
    for (int i = 0; i < 2; i++) {
        struct end *e = &r->e[i];
        struct lg_tcp_conn *c;
        uint32_t ev;
        while (e->in && e->in->at_ns <= r->now_ns) {
            struct frame *f = e->in;
            struct lg_buf *b = lg_buf_take(&e->heap.pool);
            e->in = f->next;
            if (b) {
                memcpy(b->data, f->data, f->len);
                b->len = f->len;
                lg_tcp_rx(e->tcp, b, &f->src, &f->dst, r->now_ns);
            }
            free(f);
        }
        while ((c = lg_tcp_ready_pop(e->tcp, &ev)) != NULL) {
            if (ev & LG_TCP_EV_OPEN)
                e->conn = c;
            if (ev & LG_TCP_EV_RX_FIN)
                e->fin_rx = true;
            pump(e, i);
            if (ev & LG_TCP_EV_CLOSED) {
                e->over = true;
                e->closed_why = ev;
            }
        }
        pump(e, i);
        if (e->over && !e->closed && lg_tcp_rx_avail(e->conn) == 0) {
            e->closed = true;
            lg_tcp_release(e->conn);
            e->conn = NULL;
        }
        lg_tcp_poll(e->tcp, r->now_ns);
    }
}

static void advance(struct rig *r)
{
    lg_ns_t next = LG_NS_NEVER;
    for (int i = 0; i < 2; i++) {
        next = LG_MIN(next, lg_tcp_next(r->e[i].tcp));
        if (r->e[i].in)
            next = LG_MIN(next, r->e[i].in->at_ns);
    }
    r->now_ns = LG_MAX(r->now_ns + LG_US(10),
                       next == LG_NS_NEVER ? 0 : LG_MIN(next, r->now_ns + LG_SEC(1)));
}

static void connect_ends(struct rig *r, bool v6)
{
    static const uint8_t a4[4] = {10, 0, 0, 1}, b4[4] = {10, 0, 0, 2};
    static const uint8_t a6[16] = {0xfd, 1}, b6[16] = {0xfd, 2};
    lg_ip_t a = v6 ? lg_ip_v6(a6) : lg_ip_v4(a4);
    struct lg_endpoint to = {v6 ? lg_ip_v6(b6) : lg_ip_v4(b4), 443};
    EXPECT_OK(lg_tcp_connect(r->e[0].tcp, &a, &to, r, r->now_ns, &r->e[0].conn));
}

static void run_transfer(const struct link_cfg *link, uint64_t seed, uint64_t up, uint64_t down,
                         uint64_t slow_step)
{
    static struct rig r;
    rig_open(&r, link, seed);
    r.e[0].tx_total = up;
    r.e[1].tx_total = down;
    if (slow_step)
        r.e[1].read_step = slow_step;
    connect_ends(&r, seed & 1);
    for (long turns = 0; turns < 4000000 && !(r.e[0].closed && r.e[1].closed); turns++) {
        turn(&r);
        advance(&r);
    }
    for (int i = 0; i < 2; i++) {
        struct lg_tcp_counts n;
        EXPECT(r.e[i].closed);
        EXPECT_EQ(r.e[i].closed_why & (LG_TCP_EV_RESET | LG_TCP_EV_TIMEOUT), 0);
        EXPECT_EQ(r.e[i].rx_done, i ? up : down);
        /* TIME-WAIT ends, and nothing is left. */
        for (int k = 0; k < 400; k++) {
            r.now_ns += LG_MS(500);
            turn(&r);
        }
        lg_tcp_get_counts(r.e[i].tcp, &n);
        EXPECT_EQ(n.conns, 0);
        EXPECT_EQ(n.user_held, 0);
        EXPECT_EQ(n.established, 0);
        EXPECT_EQ(n.time_wait, 0);
        EXPECT_EQ(n.embryonic, 0);
        EXPECT_EQ(r.e[i].heap.cnt_out, 0);
    }
    if (t_failed())
        fprintf(stderr, "seed %llu loss %u dup %u reorder %u rto %llu retrans %llu\n",
                (unsigned long long)seed, link->loss_pct, link->dup_pct, link->reorder_pct,
                (unsigned long long)r.e[0].stats.v[LG_STAT_TCP_RTO],
                (unsigned long long)r.e[0].stats.v[LG_STAT_TCP_RETRANS]);
    for (int i = 0; i < 2; i++) {
        lg_tcp_fini(r.e[i].tcp);
        free(r.e[i].mem);
        while (r.e[i].in) {
            struct frame *f = r.e[i].in;
            r.e[i].in = f->next;
            free(f);
        }
    }
}

TEST(Sim, CleanLinkCarriesBothDirections)
{
    struct link_cfg link = {0, 0, 0, LG_MS(1)};
    run_transfer(&link, 1, 3000000, 2000000, 0);
    run_transfer(&link, 2, 1, 0, 0);
    run_transfer(&link, 3, 0, 0, 0);
}

TEST(Sim, SlowReaderStopsTheSenderAndLosesNothing)
{
    struct link_cfg link = {0, 0, 0, LG_MS(1)};
    run_transfer(&link, 4, 1000000, 0, 700);
}

TEST(Sim, HostileLinkDeliversEveryByte)
{
    for (uint64_t seed = 10; seed < 160 && !t_failed(); seed++) {
        struct link_cfg link = {(unsigned)(seed % 4) * 3, (unsigned)(seed % 3) * 2,
                                (unsigned)(seed % 5) * 4, LG_MS(1 + seed % 20)};
        run_transfer(&link, seed, 200000 + seed * 1000, 150000, seed % 7 == 0 ? 3000 : 0);
    }
}
