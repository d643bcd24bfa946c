/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c: see rig.h. */
#include "rig.h"

#include <stdlib.h>

const uint8_t mac_front[6] = {2, 0, 0, 0, 0, 0x10}, mac_back[6] = {2, 0, 0, 0, 1, 0x10};
const uint8_t mac_peer[6] = {2, 0, 0, 0, 0, 0x99}, mac_other[6] = {2, 0, 0, 0, 0, 0x77};
const uint8_t mac_bcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

lg_ip_t ip(const char *text)
{
    lg_ip_t out = {{0}};
    EXPECT_OK(lg_ip_parse(lg_span_cstr(text), &out));
    return out;
}

/* ------------------------------------------------------------- checks of what is sent */

uint16_t naive_csum(uint32_t start, const uint8_t *p, size_t len)
{
    uint64_t sum = start;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint32_t naive_pseudo(const lg_ip_t *src, const lg_ip_t *dst, uint8_t proto, uint32_t len)
{
    size_t from = lg_ip_is_v4(src) ? 12 : 0;
    uint32_t sum = proto + len;

    for (size_t i = from; i < 16; i += 2)
        sum += (uint32_t)lg_get_be16(src->b + i) + lg_get_be16(dst->b + i);
    return sum;
}

/* Where the transport header of a frame without extension headers begins. */
static uint8_t *find_l4(struct frame *f, uint8_t *proto, uint32_t *len, lg_ip_t *src, lg_ip_t *dst)
{
    if (lg_from_be16(ETH(f)->type) == LG_ETH_IP4) {
        uint32_t hdr = (IP4(f)->ver_ihl & 15) * 4u;
        *proto = IP4(f)->proto;
        *len = lg_from_be16(IP4(f)->len) - hdr;
        *src = lg_ip_v4(IP4(f)->src);
        *dst = lg_ip_v4(IP4(f)->dst);
        return f->b + 14 + hdr;
    }
    *proto = IP6(f)->next;
    *len = lg_from_be16(IP6(f)->len);
    *src = lg_ip_v6(IP6(f)->src);
    *dst = lg_ip_v6(IP6(f)->dst);
    return f->b + 54;
}

static void check_sent(struct frame *f)
{
    uint16_t type = lg_from_be16(ETH(f)->type);
    uint32_t len, sum = 0;
    uint8_t proto;
    lg_ip_t src, dst;

    EXPECT_MEM(ETH(f)->src, f->port ? mac_back : mac_front, 6);
    if (type == LG_ETH_ARP) {
        EXPECT_EQ(f->len, 42);
        return;
    }
    uint8_t *l4 = find_l4(f, &proto, &len, &src, &dst);
    EXPECT_EQ((uint32_t)(l4 - f->b) + len, f->len);
    if (type == LG_ETH_IP4) {
        EXPECT_EQ(naive_csum(0, f->b + 14, 20), 0);
        EXPECT_EQ(IP4(f)->ttl, 64);
    } else {
        EXPECT_EQ(lg_from_be32(IP6(f)->ver_flow) & ~(3u << 20), 0x60000000); /* but ECN */
    }
    if (proto != LG_PROTO_ICMP)
        sum = naive_pseudo(&src, &dst, proto, len);
    if (f->meta.tcp_csum) { /* the device starts from the folded pseudo sum */
        uint16_t folded = (uint16_t)~naive_csum(sum, NULL, 0);
        EXPECT_EQ(lg_get_be16(l4 + 16), folded);
        EXPECT_EQ(f->meta.l2_len, 14);
        EXPECT_EQ(f->meta.l3_len, l4 - f->b - 14);
        EXPECT_EQ(f->meta.is_v6, type == LG_ETH_IP6);
    } else {
        EXPECT_EQ(naive_csum(sum, l4, len), 0);
    }
}

static void on_tx(void *ctx, uint16_t port, struct lg_buf *b, const struct lg_tx_meta *meta)
{
    struct rig *r = ctx;
    struct frame *f = &r->sent[r->sent_cnt % LG_ARRAY_CNT(r->sent)];

    r->sent_cnt++;
    memcpy(f->b, b->data, b->len);
    f->len = b->len;
    f->port = port;
    f->meta = *meta;
    check_sent(f);
}

static void on_share(void *ctx, struct lg_buf *b)
{
    struct rig *r = ctx;
    struct frame *f = &r->shared[r->shared_cnt++ % LG_ARRAY_CNT(r->shared)];

    memcpy(f->b, b->data, b->len);
    f->len = b->len;
    f->port = b->port;
}

static bool on_unreachable(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq)
{
    struct rig *r = ctx;

    r->unreach = *t;
    r->unreach_seq = seq;
    r->unreach_cnt++;
    return !r->is_elsewhere;
}

static bool on_too_big(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu)
{
    struct rig *r = ctx;

    r->unreach = *t;
    r->unreach_seq = seq;
    r->too_big_mtu = mtu;
    r->too_big_cnt++;
    return !r->is_elsewhere;
}

static void on_conflict(void *ctx, uint16_t port, const lg_ip_t *own, const uint8_t mac[6],
                        bool is_used)
{
    struct rig *r = ctx;

    (void)port;
    memcpy(r->conflict_mac, mac, 6);
    r->conflict = *own;
    r->conflict_is_used = is_used;
    r->conflict_cnt++;
}

/* ------------------------------------------------------------- the rig */

static const struct lg_net_ops ops = {on_tx, on_share, on_unreachable, on_too_big, on_conflict};

static void add(struct lg_cfg_port *p, const char *prefix)
{
    EXPECT_OK(lg_prefix_parse(lg_span_cstr(prefix), &p->addresses[p->address_cnt++]));
}

static void route(struct lg_cfg_route *r, const char *to, const char *via, uint32_t port)
{
    EXPECT_OK(lg_prefix_parse(lg_span_cstr(to), &r->to));
    r->via = ip(via);
    r->port_idx = port;
}

struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof *r);

    r->now = LG_SEC(1000);
    r->cfg = (struct lg_config){
        .worker_cnt = 1, .port_cnt = 2, .ports = r->ports, .route_cnt = 3, .routes = r->routes};
    r->ports[0] = (struct lg_cfg_port){.name = "front", .mtu = 1500};
    add(&r->ports[0], "192.0.2.1/24");
    add(&r->ports[0], "192.0.2.2/24");
    add(&r->ports[0], "2001:db8::1/64");
    r->ports[1] = (struct lg_cfg_port){.name = "back", .mtu = 1500};
    add(&r->ports[1], "10.0.0.1/8");
    add(&r->ports[1], "10.1.0.1/16");
    add(&r->ports[1], "fd00::1/64");
    route(&r->routes[0], "0.0.0.0/0", "192.0.2.254", 0);
    route(&r->routes[1], "::/0", "2001:db8::fe", 0);
    route(&r->routes[2], "172.16.0.0/12", "10.0.0.254", 1);
    r->net_cfg = (struct lg_net_cfg){.cfg = &r->cfg, .is_quiet = true, .secret = {{1, 2}}};
    memcpy(r->net_cfg.ports[0].mac, mac_front, 6);
    memcpy(r->net_cfg.ports[1].mac, mac_back, 6);
    lg_bufheap_init(&r->heap, 100000, FRAME_MAX);
    rig_restart(r);
    return r;
}

void rig_restart(struct rig *r)
{
    size_t sz = (lg_net_footprint(&r->net_cfg) + 63) & ~(size_t)63;

    if (r->net)
        lg_net_fini(r->net);
    free(r->mem);
    r->mem = aligned_alloc(64, sz);
    memset(r->mem, 0, sz);
    r->net = lg_net_init(r->mem, &r->net_cfg, &ops, r, &r->heap.pool, &r->stats, r->now);
}

void rig_free(struct rig *r)
{
    lg_buf_give(r->kept);
    lg_net_fini(r->net);
    EXPECT_EQ(r->heap.cnt_out, 0);
    free(r->mem);
    free(r);
}

static struct lg_buf *buf_of(struct rig *r, const struct frame *f)
{
    struct lg_buf *b = lg_buf_take(&r->heap.pool);

    memcpy(b->data, f->b, f->len);
    b->len = f->len;
    b->port = f->port;
    return b;
}

enum lg_verdict rig_rx(struct rig *r, const struct frame *f)
{
    struct lg_buf *b = buf_of(r, f);
    enum lg_verdict v = lg_net_rx(r->net, b, &r->pkt, r->now);

    if (v != LG_KEEP)
        return v;
    lg_buf_give(r->kept);
    r->kept = b;
    return v;
}

void rig_rx_shared(struct rig *r, const struct frame *f)
{
    lg_net_rx_shared(r->net, buf_of(r, f), r->now);
}

void rig_drops(struct rig *r, const struct frame *f, enum lg_stat why, const char *what)
{
    struct lg_stats was = r->stats;
    enum lg_verdict v = rig_rx(r, f);

    if (v != LG_DROP)
        t_fail(__FILE__, __LINE__, "%s: verdict %d, expected LG_DROP", what, v);
    for (uint32_t i = 0; i < LG_STAT_CNT; i++) {
        uint64_t by = r->stats.v[i] - was.v[i];
        if (by != (i == why))
            t_fail(__FILE__, __LINE__, "%s: %s went up by %u, expected %s", what,
                   lg_stat_name((enum lg_stat)i), (unsigned)by, lg_stat_name(why));
    }
}

void rig_output(struct rig *r, const char *src, const char *dst, uint32_t payload)
{
    struct lg_buf *b = lg_buf_take(&r->heap.pool);
    lg_ip_t s = ip(src), d = ip(dst);
    uint8_t *data = b->data;

    b->len = 20 + payload;
    memset(b->data, 0, 20);
    for (uint32_t i = 0; i < payload; i++)
        b->data[20 + i] = (uint8_t)(i * 7 + 3);
    b->data[12] = 0x50;
    lg_net_output(r->net, b, &s, &d, r->now);
    EXPECT(b->data == data);
    EXPECT_EQ(b->len, 20 + payload);
    lg_buf_give(b);
}

void rig_forward(struct rig *r, lg_ns_t ns)
{
    lg_ns_t end = r->now + ns;

    while (r->now < end) {
        lg_ns_t next = lg_net_next(r->net);
        r->now = LG_MIN(end, LG_MAX(next, r->now + LG_MS(1)));
        lg_net_poll(r->net, r->now);
    }
}

uint64_t rig_stat(const struct rig *r, enum lg_stat id)
{
    return lg_stat_get(&r->stats, id);
}

struct lg_neigh *rig_neigh(struct rig *r, uint16_t port, const char *addr)
{
    lg_ip_t a = ip(addr);
    return lg_neigh_find(r->net->neigh, port, &a);
}

/* ------------------------------------------------------------- frames */

void put_bytes(struct frame *f, const void *p, size_t len)
{
    if (len > 0)
        memcpy(f->b + f->len, p, len);
    f->len += (uint32_t)len;
}

void put_eth(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
    put_bytes(f, dst, 6);
    put_bytes(f, src, 6);
    put_bytes(f, (uint8_t[]){(uint8_t)(type >> 8), (uint8_t)type}, 2);
}

void put_ip(struct frame *f, const char *src, const char *dst, uint8_t proto, uint32_t l4_len)
{
    lg_ip_t s = ip(src), d = ip(dst);

    if (!lg_ip_is_v4(&d)) {
        struct lg_ip6_hdr h = {.ver_flow = lg_to_be32(6u << 28),
                               .len = lg_to_be16((uint16_t)l4_len),
                               .next = proto,
                               .hops = 255};
        memcpy(h.src, s.b, 16);
        memcpy(h.dst, d.b, 16);
        put_bytes(f, &h, sizeof h);
        return;
    }
    struct lg_ip4_hdr h = {
        .ver_ihl = 0x45, .len = lg_to_be16((uint16_t)(20 + l4_len)), .ttl = 55, .proto = proto};
    memcpy(h.src, s.b + 12, 4);
    memcpy(h.dst, d.b + 12, 4);
    put_bytes(f, &h, sizeof h);
    fix_ip4(f);
}

void fix_ip4(struct frame *f)
{
    IP4(f)->csum.be = 0;
    IP4(f)->csum = lg_to_be16(naive_csum(0, f->b + 14, (IP4(f)->ver_ihl & 15) * 4u));
}

void fix_l4(struct frame *f)
{
    lg_ip_t src, dst;
    uint32_t len, sum = 0;
    uint8_t proto;
    uint8_t *l4 = find_l4(f, &proto, &len, &src, &dst);
    uint32_t at = proto == LG_PROTO_TCP ? 16 : 2;

    if (proto != LG_PROTO_ICMP)
        sum = naive_pseudo(&src, &dst, proto, len);
    lg_put_be16(l4 + at, 0);
    lg_put_be16(l4 + at, naive_csum(sum, l4, len));
}

static struct frame ip_frame(const char *src, const char *dst, uint8_t proto, uint32_t l4_len)
{
    struct frame f = {0};
    lg_ip_t d = ip(dst);

    put_eth(&f, mac_front, mac_peer, lg_ip_is_v4(&d) ? LG_ETH_IP4 : LG_ETH_IP6);
    if (lg_ip_is_multicast(&d) && !lg_ip_is_v4(&d)) {
        f.b[0] = f.b[1] = 0x33;
        memcpy(f.b + 2, d.b + 12, 4);
    }
    put_ip(&f, src, dst, proto, l4_len);
    return f;
}

struct frame tcp_frame(const char *src, const char *dst, uint32_t payload)
{
    struct frame f = ip_frame(src, dst, LG_PROTO_TCP, 20 + payload);
    uint8_t hdr[20] = {0x12, 0x34, 0x01, 0xbb, 1, 2, 3, 4, [12] = 0x50, [13] = 0x10};

    put_bytes(&f, hdr, sizeof hdr);
    for (uint32_t i = 0; i < payload; i++)
        put_bytes(&f, (uint8_t[]){(uint8_t)i}, 1);
    fix_l4(&f);
    return f;
}

struct frame icmp_frame(const char *src, const char *dst, uint8_t type, uint8_t code,
                        const void *body, size_t len)
{
    lg_ip_t d = ip(dst);
    struct frame f =
        ip_frame(src, dst, lg_ip_is_v4(&d) ? LG_PROTO_ICMP : LG_PROTO_ICMP6, (uint32_t)(4 + len));

    put_bytes(&f, (uint8_t[]){type, code, 0, 0}, 4);
    put_bytes(&f, body, len);
    fix_l4(&f);
    return f;
}

struct frame arp_frame(uint16_t op, const uint8_t sender_mac[6], const char *sender_ip,
                       const char *target_ip, const uint8_t eth_dst[6])
{
    struct frame f = {0};
    struct lg_arp_pkt arp = {.htype = lg_to_be16(1),
                             .ptype = lg_to_be16(LG_ETH_IP4),
                             .hlen = 6,
                             .plen = 4,
                             .op = lg_to_be16(op)};
    lg_ip_t s = ip(sender_ip), t = ip(target_ip);

    memcpy(arp.sender_mac, sender_mac, 6);
    memcpy(arp.sender_ip, s.b + 12, 4);
    memcpy(arp.target_ip, t.b + 12, 4);
    put_eth(&f, eth_dst, sender_mac, LG_ETH_ARP);
    put_bytes(&f, &arp, sizeof arp);
    return f;
}

static size_t nd_body(uint8_t out[28], uint32_t flags, const char *target, uint8_t opt,
                      const uint8_t *mac)
{
    lg_ip_t t = ip(target);

    lg_put_be32(out, flags);
    memcpy(out + 4, t.b, 16);
    if (!mac)
        return 20;
    out[20] = opt;
    out[21] = 1;
    memcpy(out + 22, mac, 6);
    return 28;
}

struct frame ns_frame(const char *src, const char *target, const uint8_t *mac)
{
    char group[LG_IP_STR_SZ];
    lg_ip_t t = ip(target);
    lg_ip_t g = {{0xff, 2, [11] = 1, [12] = 0xff, t.b[13], t.b[14], t.b[15]}};
    uint8_t body[28];
    size_t len = nd_body(body, 0, target, LG_ND_OPT_SLLA, mac);

    return icmp_frame(src, lg_ip_text(&g, group), LG_ICMP6_NS, 0, body, len);
}

struct frame na_frame(const char *src, const char *dst, const char *target, const uint8_t *mac,
                      uint32_t flags)
{
    uint8_t body[28];
    size_t len = nd_body(body, flags, target, LG_ND_OPT_TLLA, mac);

    return icmp_frame(src, dst, LG_ICMP6_NA, 0, body, len);
}
