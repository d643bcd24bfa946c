/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* tcp.c: what TCP costs for a segment, in and out, and for finding a connection among many. Two
 * stacks stand back to back; only the named half of each step is timed. Payload is not copied
 * between them: TCP does not look at it. */
#include "micro.h"
#include "tcp_priv.h"

#include <stdio.h>
#include <string.h>

#define BURST 32u
#define PORT 443u

struct end {
    struct lg_tcp *tcp;
    struct lg_stats stats;
    struct lg_bufpool *pool;
    lg_ip_t ip;
    struct lg_bufq sent; /* what it sent, to be received by the other */
    struct lg_tcp_conn *c;
};

static struct end ends[2]; /* 0 connects and sends, 1 accepts and receives */
static lg_ns_t now_ns = LG_SEC(1000);

/* The headers are copied, the payload's bytes are whatever the fresh buffer holds. */
static void on_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct end *e = ctx;
    struct lg_buf *copy = lg_buf_take(e->pool);
    (void)src;
    (void)dst;
    micro_require(copy != NULL, "tcp: no buffer");
    memcpy(copy->data, b->data, LG_MIN(b->len, 60u));
    copy->len = b->len;
    lg_bufq_push(&e->sent, copy);
}

static bool on_is_listening(void *ctx, const lg_ip_t *ip, uint16_t port)
{
    (void)ctx;
    (void)ip;
    return port == PORT;
}

static const struct lg_tcp_ops ops = {on_output, on_is_listening};

static struct lg_tcp_cfg cfg_of(uint32_t conns)
{
    return (struct lg_tcp_cfg){.max_conns = conns,
                               .snd_buf_sz = 1u << 20,
                               .rcv_buf_sz = 1u << 20,
                               .mtu = 1500,
                               .delayed_ack_ns = LG_MS(40),
                               .time_wait_ns = LG_SEC(60),
                               .min_rto_ns = LG_MS(200),
                               .syn_retries = 3,
                               .data_retries = 5,
                               .port_lo = 32768,
                               .port_hi = 60999,
                               .secret = {{1, 2}}};
}

static struct lg_tcp *new_stack(struct end *e, uint32_t conns)
{
    struct lg_tcp_cfg cfg = cfg_of(conns);
    return lg_tcp_init(micro_alloc(lg_tcp_footprint(&cfg)), &cfg, &ops, e, e->pool, &e->stats,
                       now_ns);
}

/* deliver gives one end what the other sent; returns the cycles of the receiving. */
static uint64_t deliver(struct end *from, struct end *to)
{
    struct lg_buf *b;
    uint64_t begin = micro_tsc();
    while ((b = lg_bufq_pop(&from->sent)) != NULL)
        lg_tcp_rx(to->tcp, b, &from->ip, &to->ip, now_ns);
    return micro_tsc() - begin;
}

static uint64_t poll(struct end *e)
{
    uint64_t begin = micro_tsc();
    lg_tcp_poll(e->tcp, now_ns);
    return micro_tsc() - begin;
}

/* take does what the proxy does with news: pops, takes, and lets go of the buffers. */
static uint64_t take(struct end *e)
{
    struct lg_tcp_conn *c;
    struct lg_bufq q = {0};
    uint32_t events;
    uint64_t begin = micro_tsc();
    while ((c = lg_tcp_ready_pop(e->tcp, &events)) != NULL) {
        e->c = c;
        lg_tcp_take(c, &q, UINT32_MAX);
    }
    lg_bufq_drop_all(&q);
    return micro_tsc() - begin;
}

enum half { SEND, RECEIVE, ACK };

/* burst moves BURST full segments from one end to the other and the acknowledgement back. */
static uint64_t burst(enum half half)
{
    uint64_t cycles[3];
    struct lg_bufq q = {0};

    now_ns += LG_US(50);
    for (uint32_t i = 0; i < BURST; i++) {
        struct lg_buf *b = lg_buf_take(ends[0].pool);
        b->len = lg_tcp_mss(ends[0].c);
        lg_bufq_push(&q, b);
    }
    uint64_t begin = micro_tsc();
    lg_tcp_send(ends[0].c, &q);
    cycles[SEND] = micro_tsc() - begin + poll(&ends[0]);
    cycles[RECEIVE] = deliver(&ends[0], &ends[1]) + take(&ends[1]) + poll(&ends[1]);
    cycles[ACK] = deliver(&ends[1], &ends[0]) + take(&ends[0]) + poll(&ends[0]);
    return cycles[half];
}

static uint64_t run_burst(void *ctx, uint64_t cnt)
{
    const enum half *half = ctx;
    uint64_t cycles = 0;
    uint64_t bursts = (cnt + BURST - 1) / BURST;
    for (uint64_t i = 0; i < bursts; i++)
        cycles += burst(*half);
    return cycles * cnt / (bursts * BURST);
}

static void connect_ends(void)
{
    struct lg_endpoint to = {.ip = ends[1].ip, .port = PORT};
    micro_require(lg_is_ok(lg_tcp_connect(ends[0].tcp, &ends[0].ip, &to, NULL, now_ns, &ends[0].c)),
                  "tcp: connect");
    for (int i = 0; i < 4; i++) {
        poll(&ends[0]);
        deliver(&ends[0], &ends[1]);
        take(&ends[1]);
        poll(&ends[1]);
        deliver(&ends[1], &ends[0]);
        take(&ends[0]);
    }
    micro_require(ends[1].c != NULL, "tcp: not connected");
    for (int i = 0; i < 200; i++) /* until the window is open */
        burst(SEND);
}

/* ------------------------------------------------------------- one among many */

#define TUPLES 4096u /* looked for in turn, spread over all there are */

struct table {
    struct end end;
    uint32_t conns;
    struct lg_tcp_tuple tuples[TUPLES];
    char name[32];
};

static struct lg_tcp_tuple tuple_of(const struct end *e, uint32_t i)
{
    struct lg_tcp_tuple t;
    memset(&t, 0, sizeof t);
    t.local_ip = e->ip;
    t.local_port = PORT;
    t.remote_ip = lg_ip_v4((uint8_t[]){10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i});
    t.remote_port = (uint16_t)(1024 + i % 50000);
    return t;
}

static void fill(struct table *t)
{
    t->end = (struct end){.pool = ends[0].pool, .ip = ends[0].ip};
    t->end.tcp = new_stack(&t->end, t->conns);
    for (uint32_t i = 0; i < t->conns; i++) {
        struct lg_tcp_tuple tuple = tuple_of(&t->end, i);
        micro_require(lg_tcp_conn_open(t->end.tcp, &tuple) != NULL, "tcp: connections");
    }
    uint64_t x = 88172645463325252ull;
    for (uint32_t i = 0; i < TUPLES; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        t->tuples[i] = tuple_of(&t->end, (uint32_t)(x % t->conns));
    }
}

static uint64_t run_find(void *ctx, uint64_t cnt)
{
    struct table *t = ctx;
    if (!t->end.tcp)
        fill(t);
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++)
        micro_require(lg_tcp_find(t->end.tcp, &t->tuples[i % TUPLES]) != NULL, "tcp: lost one");
    return micro_tsc() - begin;
}

/* Each of a million connections as likely as any: the table and the connections are not in a cache.
 * As a segment does, a visit reads and writes the connection's first lines. */
static void visit(struct lg_tcp *tcp, const struct lg_tcp_tuple *t)
{
    struct lg_tcp_conn *c = lg_tcp_find(tcp, t);
    micro_require(c != NULL, "tcp: lost one");
    c->rx_at_ns++;
    c->rcvq.cnt ^= c->flags & 1;
    c->pop_turn++;
}

struct cold {
    struct table *table;
    bool prefetch;
};

static uint64_t run_cold(void *ctx, uint64_t cnt)
{
    static uint64_t x = 88172645463325252ull;
    struct cold *cold = ctx;
    struct table *t = cold->table;
    struct lg_tcp_tuple tuples[BURST];
    uint64_t flow[BURST], cycles = 0;

    if (!t->end.tcp)
        fill(t);
    for (uint64_t done = 0; done < cnt; done += BURST) {
        for (uint32_t i = 0; i < BURST; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            tuples[i] = tuple_of(&t->end, (uint32_t)(x % t->conns));
        }
        uint64_t begin = micro_tsc();
        for (uint32_t i = 0; cold->prefetch && i < BURST; i++)
            flow[i] = lg_tcp_prefetch_flow(t->end.tcp, &tuples[i]);
        for (uint32_t i = 0; cold->prefetch && i < BURST; i++)
            lg_tcp_prefetch_conn(t->end.tcp, flow[i]);
        for (uint32_t i = 0; i < BURST; i++)
            visit(t->end.tcp, &tuples[i]);
        cycles += micro_tsc() - begin;
    }
    return cycles * cnt / ((cnt + BURST - 1) / BURST * BURST);
}

/* run_syn: SYNs of a flood, each from another address and port, answered by cookies: the worker's
 * backlog is taken up. What leaves is given back at once, and not counted. */
static uint64_t run_syn(void *ctx, uint64_t cnt)
{
    static const uint8_t opts[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7};
    struct end *e = ctx;
    uint64_t cycles = 0;

    now_ns += LG_US(50);
    for (uint64_t i = 0; i < cnt; i++) {
        uint32_t x = (uint32_t)i * 2654435761u;
        lg_ip_t src = lg_ip_v4((uint8_t[]){10, (uint8_t)(x >> 8), (uint8_t)(x >> 16), 9});
        struct lg_buf *b = lg_buf_take(e->pool);
        memset(b->data, 0, 40);
        lg_put_be16(b->data, (uint16_t)(1024 + x % 60000));
        lg_put_be16(b->data + 2, PORT);
        lg_put_be32(b->data + 4, x);
        b->data[12] = 40 / 4 << 4;
        b->data[13] = LG_TCP_FL_SYN;
        lg_put_be16(b->data + 14, 64240);
        memcpy(b->data + 20, opts, sizeof opts);
        b->len = 40;
        uint64_t begin = micro_tsc();
        lg_tcp_rx(e->tcp, b, &src, &e->ip, now_ns);
        cycles += micro_tsc() - begin;
        lg_bufq_drop_all(&e->sent);
    }
    return cycles;
}

/* new_flooded makes a stack whose backlog of one handshake is taken up. */
static void new_flooded(struct end *e)
{
    struct lg_tcp_cfg cfg = cfg_of(16);

    e->pool = micro_pool(1024);
    e->ip = lg_ip_v4((uint8_t[]){192, 0, 2, 3});
    cfg.syn_backlog = 1;
    e->tcp =
        lg_tcp_init(micro_alloc(lg_tcp_footprint(&cfg)), &cfg, &ops, e, e->pool, &e->stats, now_ns);
    (void)run_syn(e, 2);
    micro_require(lg_stat_get(&e->stats, LG_STAT_TCP_COOKIE_SENT) == 1, "tcp: no cookie");
}

void micro_add_tcp(const struct micro_opts *o)
{
    static struct end flooded;
    static enum half halves[] = {SEND, RECEIVE, ACK};
    static struct table tables[] = {{.conns = 10}, {.conns = 10000}, {.conns = 1000000}};

    (void)o;
    for (int i = 0; i < 2; i++) {
        ends[i].pool = micro_pool(1024);
        ends[i].ip = lg_ip_v4((uint8_t[]){192, 0, 2, (uint8_t)(i + 1)});
        ends[i].tcp = new_stack(&ends[i], 16);
    }
    connect_ends();
    micro_add("packet", "tcp-out", NULL, run_burst, &halves[SEND]);
    micro_add("packet", "tcp-in", NULL, run_burst, &halves[RECEIVE]);
    micro_add("packet", "tcp-in-ack", NULL, run_burst, &halves[ACK]);
    new_flooded(&flooded);
    micro_add("packet", "tcp-syn-cookie", NULL, run_syn, &flooded);
    for (unsigned i = 0; i < LG_ARRAY_CNT(tables); i++) {
        snprintf(tables[i].name, sizeof tables[i].name, "tcp-find-%u", tables[i].conns);
        micro_add("packet", tables[i].name, NULL, run_find, &tables[i]);
    }
    static struct cold colds[] = {{&tables[2], false}, {&tables[2], true}};
    micro_add("packet", "tcp-cold-1000000", NULL, run_cold, &colds[0]);
    micro_add("packet", "tcp-cold-1000000-prefetch", NULL, run_cold, &colds[1]);
}
