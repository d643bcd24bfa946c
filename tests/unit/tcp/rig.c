/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c: see rig.h. */
#include "rig.h"

#include <stdlib.h>

static struct rig *pool_rig(const struct lg_bufpool *pool)
{
    return LG_CONTAINER(pool, struct rig, heap.pool);
}

static bool share_some(const struct lg_buf *b)
{
    return pool_rig(b->pool)->share_all;
}

uint8_t rig_pattern(uint32_t off)
{
    return (uint8_t)(off * 31 + (off >> 8) * 7 + (off >> 16));
}

static void on_output(void *ctx, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct rig *r = ctx;
    const uint8_t *h = b->data;

    EXPECT(lg_ip_eq(src, &r->us));
    EXPECT(lg_ip_eq(dst, &r->peer));
    EXPECT(lg_buf_headroom(b) >= LG_BUF_HEADROOM - 60);
    REQUIRE(b->len >= 20);
    REQUIRE(r->sent_cnt < RIG_SENT_MAX);
    struct rig_sent *s = &r->sent[r->sent_cnt++];
    uint32_t hdr_len = (uint32_t)(h[12] >> 4) * 4;
    REQUIRE(hdr_len >= 20 && hdr_len <= b->len);
    EXPECT_EQ(lg_get_be16(h + 16), 0);
    *s = (struct rig_sent){.sport = lg_get_be16(h),
                           .dport = lg_get_be16(h + 2),
                           .seq = lg_get_be32(h + 4),
                           .ack = lg_get_be32(h + 8),
                           .flags = h[13],
                           .ecn = (uint8_t)lg_buf_ecn(b),
                           .wnd = lg_get_be16(h + 14),
                           .len = b->len - hdr_len};
    EXPECT_OK(lg_tcp_opt_parse((lg_span_t){h + 20, hdr_len - 20}, &s->opts));
    REQUIRE(s->len <= sizeof s->data);
    memcpy(s->data, h + hdr_len, s->len);
}

static bool on_is_listening(void *ctx, const lg_ip_t *local_ip, uint16_t local_port)
{
    (void)ctx;
    (void)local_ip;
    return local_port == RIG_PORT;
}

static void on_door(void *ctx, const struct lg_tcp_tuple *t, struct lg_tcp_door *out)
{
    const struct rig *r = ctx;
    (void)t;
    *out = r->door;
}

struct lg_tcp_cfg rig_cfg(void)
{
    return (struct lg_tcp_cfg){.max_conns = 16,
                               .snd_buf_sz = 65536,
                               .rcv_buf_sz = 65536,
                               .mtu = 1500,
                               .delayed_ack_ns = LG_MS(40),
                               .time_wait_ns = LG_SEC(60),
                               .min_rto_ns = LG_MS(200),
                               .syn_retries = 3,
                               .data_retries = 5,
                               .port_lo = 40000,
                               .port_hi = 40007,
                               .secret = {{1, 2}}};
}

void rig_init(struct rig *r, const struct lg_tcp_cfg *cfg)
{
    static const struct lg_tcp_ops ops = {
        .output = on_output, .is_listening = on_is_listening, .door = on_door};
    static struct lg_bufpool_ops pool_ops;

    memset(r, 0, sizeof *r);
    r->cfg = *cfg;
    lg_bufheap_init(&r->heap, 4096, 2048);
    pool_ops = *r->heap.pool.ops;
    pool_ops.is_shared = share_some;
    r->heap.pool.ops = &pool_ops;
    r->now_ns = LG_SEC(3000); /* past half of the microsecond clock's range */
    EXPECT_OK(lg_ip_parse(LG_SPAN_STR("192.0.2.1"), &r->us));
    EXPECT_OK(lg_ip_parse(LG_SPAN_STR("192.0.2.9"), &r->peer));
    size_t sz = (lg_tcp_footprint(cfg) + 63) & ~(size_t)63;
    r->mem = aligned_alloc(64, sz);
    memset(r->mem, 0, sz);
    r->tcp = lg_tcp_init(r->mem, cfg, &ops, r, &r->heap.pool, &r->stats, r->now_ns);
    r->seq = 100000;
    r->wnd = 65535;
    r->ts_val = 1000;
    r->our_port = RIG_PORT;
    r->peer_port = RIG_PEER_PORT;
}

void rig_fini(struct rig *r)
{
    lg_tcp_fini(r->tcp);
    EXPECT_EQ(r->heap.cnt_out, 0);
    EXPECT_EQ(lg_pool_used(&r->tcp->conns), 0);
    EXPECT_EQ(lg_pool_used(&r->tcp->repairs), 0);
    EXPECT_EQ(r->tcp->wheel.cnt, 0);
    free(r->mem);
}

void rig_clear(struct rig *r)
{
    r->sent_cnt = 0;
}

void rig_poll(struct rig *r, lg_ns_t ns)
{
    r->now_ns += ns;
    lg_tcp_poll(r->tcp, r->now_ns);
}

void rig_run(struct rig *r, lg_ns_t ns)
{
    lg_ns_t end_ns = r->now_ns + ns;

    while (r->now_ns < end_ns) {
        lg_ns_t next_ns = lg_tcp_next(r->tcp);
        r->now_ns = LG_MIN(end_ns, LG_MAX(next_ns, r->now_ns + LG_US(100)));
        lg_tcp_poll(r->tcp, r->now_ns);
    }
}

void rig_rx(struct rig *r, const struct rig_seg *s)
{
    struct lg_buf *b = lg_buf_take(&r->heap.pool);
    REQUIRE(b != NULL);
    uint8_t *h = b->data;
    memset(h, 0, 20);
    lg_put_be16(h, r->peer_port);
    lg_put_be16(h + 2, r->our_port);
    lg_put_be32(h + 4, s->seq);
    lg_put_be32(h + 8, s->ack);
    h[12] = (uint8_t)((20 + s->opt_len) / 4 << 4);
    h[13] = s->flags;
    lg_put_be16(h + 14, s->wnd);
    if (s->opt_len)
        memcpy(h + 20, s->opt, s->opt_len);
    if (s->len)
        memcpy(h + 20 + s->opt_len, s->data, s->len);
    b->len = 20 + s->opt_len + s->len;
    lg_buf_set_ecn(b, s->ecn);
    lg_tcp_rx(r->tcp, b, &r->peer, &r->us, r->now_ns);
}

void rig_at(struct rig *r, uint32_t off, uint8_t flags, const void *data, uint32_t len)
{
    uint8_t opt[12];
    struct rig_seg s = {.seq = r->seq + off,
                        .ack = r->ack,
                        .flags = flags,
                        .wnd = r->wnd,
                        .data = data,
                        .len = len};
    if (r->ts) {
        lg_tcp_opt_build_ts(opt, r->ts_val, r->ts_ecr);
        s.opt = opt;
        s.opt_len = sizeof opt;
    }
    rig_rx(r, &s);
}

void rig_in(struct rig *r, uint8_t flags, const void *data, uint32_t len)
{
    rig_at(r, 0, flags, data, len);
    r->seq += len + !!(flags & LG_TCP_FL_FIN);
}

uint32_t rig_events(struct rig *r)
{
    struct lg_tcp_conn *c;
    uint32_t ev, mine = 0;

    while ((c = lg_tcp_ready_pop(r->tcp, &ev)) != NULL) {
        if (!r->c && (ev & LG_TCP_EV_OPEN))
            r->c = c;
        if (c == r->c)
            mine |= ev;
    }
    return mine;
}

void rig_accept(struct rig *r, const void *opt, uint32_t opt_len)
{
    struct rig_seg syn = {
        .seq = r->seq, .flags = LG_TCP_FL_SYN, .wnd = r->wnd, .opt = opt, .opt_len = opt_len};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    REQUIRE_EQ(r->sent[0].flags, LG_TCP_FL_SYN | LG_TCP_FL_ACK);
    r->ack = r->sent[0].seq + 1;
    r->seq++;
    r->ts = r->sent[0].opts.has_ts;
    r->ts_ecr = r->sent[0].opts.ts_val;
    rig_in(r, LG_TCP_FL_ACK, NULL, 0);
    EXPECT(rig_events(r) & LG_TCP_EV_OPEN);
    REQUIRE(r->c != NULL);
    rig_poll(r, 0);
    rig_clear(r);
}

void rig_connect(struct rig *r, const void *opt, uint32_t opt_len)
{
    struct lg_endpoint to = {.ip = r->peer, .port = 8080};

    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, r, r->now_ns, &r->c));
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    REQUIRE_EQ(r->sent[0].flags, LG_TCP_FL_SYN);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    r->ack = r->sent[0].seq + 1;
    struct rig_seg sa = {.seq = r->seq,
                         .ack = r->ack,
                         .flags = LG_TCP_FL_SYN | LG_TCP_FL_ACK,
                         .wnd = r->wnd,
                         .opt = opt,
                         .opt_len = opt_len};
    rig_rx(r, &sa);
    r->seq++;
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, LG_TCP_FL_ACK);
    EXPECT_EQ(r->sent[1].ack, r->seq);
    r->ts = r->sent[1].opts.has_ts;
    r->ts_ecr = r->sent[1].opts.ts_val;
    rig_clear(r);
}

void rig_send(struct rig *r, uint32_t n)
{
    struct lg_bufq q = {0};
    uint8_t *bytes = malloc(n);

    for (uint32_t i = 0; i < n; i++)
        bytes[i] = rig_pattern(i);
    EXPECT_EQ(lg_bufq_write(&q, &r->heap.pool, bytes, n, lg_tcp_mss(r->c)), n);
    lg_tcp_send(r->c, &q);
    free(bytes);
}

uint32_t rig_take(struct rig *r)
{
    struct lg_bufq q = {0};
    uint32_t n = lg_tcp_take(r->c, &q, UINT32_MAX);
    lg_bufq_drop_all(&q);
    return n;
}

const struct rig_sent *rig_last(const struct rig *r)
{
    static const struct rig_sent none;
    return r->sent_cnt ? &r->sent[r->sent_cnt - 1] : &none;
}

uint64_t rig_stat(const struct rig *r, enum lg_stat id)
{
    return lg_stat_get(&r->stats, id);
}
