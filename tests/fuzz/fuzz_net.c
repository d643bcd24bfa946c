/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_net.c: any bytes as a run of frames on one net's two ports. Each frame is led by a byte of
 * choices (port, checksum vouched for, shared by another worker, time passes) and its length.
 * Target Functions: lg_net_rx, lg_net_rx_shared, lg_net_output, lg_net_poll */
#include "net.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_tx(void *ctx, uint16_t port, struct lg_buf *b, const struct lg_tx_meta *meta)
{
    (void)ctx;
    if (port > 1 || b->len < 42 || meta->l2_len != 14)
        abort();
}

static void on_share(void *ctx, struct lg_buf *b)
{
    (void)ctx;
    if (b->len < 14)
        abort();
}

static bool on_unreachable(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq)
{
    if (!lg_net_is_local(*(struct lg_net **)ctx, &t->local_ip))
        abort();
    return seq & 1;
}

static bool on_too_big(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu)
{
    if (mtu < 68 || mtu > UINT16_MAX || (!lg_ip_is_v4(&t->local_ip) && mtu < 1280))
        abort();
    return on_unreachable(ctx, t, seq);
}

static void on_conflict(void *ctx, uint16_t port, const lg_ip_t *own, const uint8_t mac[6],
                        bool is_used)
{
    (void)mac;
    (void)is_used;
    if (port > 1 || !lg_net_is_local(*(struct lg_net **)ctx, own))
        abort();
}

static void add(struct lg_cfg_port *p, const char *prefix)
{
    if (!lg_is_ok(lg_prefix_parse(lg_span_cstr(prefix), &p->addresses[p->address_cnt++])))
        abort();
}

static void take_frame(struct lg_net *net, struct lg_bufheap *heap, uint8_t choice, lg_span_t bytes,
                       lg_ns_t now_ns)
{
    struct lg_buf *b = lg_buf_take(&heap->pool);
    struct lg_pkt pkt;

    if (!b)
        abort();
    b->data = b->base + b->cap - bytes.len; /* a read past the frame is a read past the heap */
    if (bytes.len > 0)
        memcpy(b->data, bytes.p, bytes.len);
    b->len = (uint32_t)bytes.len;
    b->port = choice & 1;
    b->flags = choice & 2 ? LG_BUF_CSUM_GOOD : 0;
    if (choice & 4) {
        lg_net_rx_shared(net, b, now_ns);
        return;
    }
    if (lg_net_rx(net, b, &pkt, now_ns) != LG_KEEP)
        return;
    if (b->len < 20 || b->data < b->base || b->data + b->len > b->base + b->cap ||
        !lg_net_is_local(net, &pkt.dst))
        abort();
    memset(b->data + 16, 0, 2);
    lg_net_output(net, b, &pkt.dst, &pkt.src, now_ns); /* whoever speaks gets an answer */
    lg_buf_give(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lg_net_ops ops = {on_tx, on_share, on_unreachable, on_too_big, on_conflict};
    static struct lg_cfg_port ports[2];
    struct lg_cfg_route route = {.port_idx = 0};
    struct lg_config cfg = {.worker_cnt = 2, .port_cnt = 2, .ports = ports, .route_cnt = 1};
    struct lg_net_cfg net_cfg = {
        .cfg = &cfg, .ports = {{.mac = {2, 0, 0, 0, 0, 0x10}}, {.mac = {2, 0, 0, 0, 1, 0x10}}}};
    static struct lg_stats stats;
    struct lg_bufheap heap;
    lg_ns_t now_ns = LG_SEC(1);

    memset(ports, 0, sizeof ports);
    ports[0].mtu = ports[1].mtu = 1500;
    ports[0].dad = ports[0].router_advertisements = true;
    add(&ports[0], "192.0.2.1/24");
    add(&ports[0], "2001:db8::1/64");
    add(&ports[1], "10.0.0.1/8");
    if (!lg_is_ok(lg_prefix_parse(lg_span_cstr("0.0.0.0/0"), &route.to)) ||
        !lg_is_ok(lg_ip_parse(lg_span_cstr("192.0.2.254"), &route.via)))
        abort();
    cfg.routes = &route;
    lg_bufheap_init(&heap, 1000, 2048);
    size_t mem_sz = (lg_net_footprint(&net_cfg) + 63) & ~(size_t)63;
    void *mem = aligned_alloc(64, mem_sz);
    memset(mem, 0, mem_sz);
    struct lg_net *net = mem; /* where lg_net_init lays it */
    net = lg_net_init(mem, &net_cfg, &ops, &net, &heap.pool, &stats, now_ns);

    struct lg_cur c = lg_cur(lg_span(data, size));
    while (lg_cur_left(&c) > 0) {
        uint8_t choice = lg_cur_u8(&c);
        uint16_t len = lg_cur_be16(&c);
        lg_span_t bytes = lg_cur_bytes(&c, LG_MIN(LG_MIN(len, 2048u), lg_cur_left(&c)));
        if (c.failed)
            break;
        take_frame(net, &heap, choice, bytes, now_ns);
        now_ns += choice & 8 ? LG_SEC(choice) : LG_US(100);
        lg_net_poll(net, now_ns);
    }
    lg_net_fini(net);
    if (heap.cnt_out != 0)
        abort();
    free(mem);
    return 0;
}
