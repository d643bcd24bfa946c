/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out.c: the way down: route, neighbour, checksum, IP header, Ethernet header. */
#include "csum.h"
#include "net_priv.h"

struct lg_buf *lg_out_fresh(struct lg_net *net, struct lg_buf *reuse)
{
    struct lg_buf *b = reuse ? reuse : lg_buf_take(net->pool);

    if (!b) {
        lg_stat_inc(net->stats, LG_STAT_DROP_NO_BUF);
        return NULL;
    }
    b->data = b->base + LG_BUF_HEADROOM;
    b->len = 0;
    return b;
}

static void *prepend(struct lg_buf *b, uint32_t sz)
{
    b->data -= sz;
    b->len += sz;
    return b->data;
}

void lg_out_eth(struct lg_net *net, struct lg_buf *b, uint16_t port, const uint8_t dst[6],
                uint16_t type)
{
    struct lg_eth_hdr *eth = prepend(b, sizeof *eth);

    memcpy(eth->dst, dst, 6);
    memcpy(eth->src, net->cfg.ports[port].mac, 6);
    eth->type = lg_to_be16(type);
}

/* The ECN field of a packet: TCP's segments only; a received buf that is answered in keeps its own.
 */
static uint32_t ecn_of(const struct lg_buf *b, uint8_t proto)
{
    return proto == LG_PROTO_TCP ? (uint32_t)lg_buf_ecn(b) : 0;
}

void lg_out_ip6(struct lg_buf *b, uint8_t proto, uint8_t hops, const lg_ip_t *src,
                const lg_ip_t *dst)
{
    lg_be16_t len = lg_to_be16((uint16_t)b->len);
    struct lg_ip6_hdr *ip = prepend(b, sizeof *ip);

    ip->ver_flow = lg_to_be32(6u << 28 | ecn_of(b, proto) << 20);
    ip->len = len;
    ip->next = proto;
    ip->hops = hops;
    memcpy(ip->src, src->b, 16);
    memcpy(ip->dst, dst->b, 16);
}

static void put_ip4(struct lg_buf *b, uint8_t proto, const lg_ip_t *src, const lg_ip_t *dst)
{
    struct lg_ip4_hdr *ip = prepend(b, sizeof *ip);

    /*= https://www.rfc-editor.org/rfc/rfc6864#section-4.1
     *# Originating sources MAY set the IPv4 ID field of atomic datagrams to any value. */
    *ip = (struct lg_ip4_hdr){
        .ver_ihl = 0x45,
        .tos = (uint8_t)ecn_of(b, proto),
        .len = lg_to_be16((uint16_t)b->len),
        .frag = lg_to_be16(LG_IP4_DF),
        .ttl = LG_NET_TTL,
        .proto = proto,
    };
    memcpy(ip->src, src->b + 12, 4);
    memcpy(ip->dst, dst->b + 12, 4);
    ip->csum = lg_csum_finish(lg_csum_add(0, ip, sizeof *ip));
}

void lg_out_frame(struct lg_net *net, struct lg_buf *b, uint16_t port)
{
    struct lg_tx_meta meta = {.l2_len = sizeof(struct lg_eth_hdr)};

    net->ops->tx(net->ctx, port, b, &meta);
}

/* The neighbour that packets to dst go to. */
static struct lg_neigh *find_hop(struct lg_net *net, const lg_ip_t *src, const lg_ip_t *dst,
                                 lg_ns_t now_ns)
{
    struct lg_net_dst *d = &net->dst[lg_net_hash(net, dst) & (LG_NET_DST_CNT - 1)];
    struct lg_neigh *n;
    uint16_t port;
    lg_ip_t hop;

    if (LG_LIKELY(d->gen_next == net->neigh->gen + 1 && lg_ip_eq(&d->ip, dst)))
        return &net->neigh->n[d->neigh_idx];
    if (!lg_route_find(net, src, dst, &port, &hop)) {
        lg_stat_inc(net->stats, LG_STAT_DROP_NO_ROUTE);
        return NULL;
    }
    n = lg_nud_get(net, port, &hop, now_ns);
    if (n && !lg_ip_is_link_local(dst)) /* which port a link-local one means, src decides */
        *d = (struct lg_net_dst){*dst, (uint32_t)(n - net->neigh->n), net->neigh->gen + 1};
    return n;
}

bool lg_net_resolve(struct lg_net *net, const lg_ip_t *dst, lg_ns_t now_ns, uint16_t *port_idx,
                    uint8_t mac[6])
{
    struct lg_neigh *n = find_hop(net, NULL, dst, now_ns);

    if (!n || n->state == LG_NEIGH_INCOMPLETE)
        return false;
    lg_nud_use(net, n, now_ns);
    *port_idx = n->port;
    memcpy(mac, n->mac, 6);
    return true;
}

/* Fills in TCP's checksum, or the part of it that the device wants to find there. */
static void put_tcp_csum(struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst, bool by_device)
{
    uint64_t sum = lg_csum_pseudo(src, dst, LG_PROTO_TCP, b->len);
    lg_be16_t csum;

    if (by_device)
        csum.be = lg_csum_fold(sum);
    else
        csum = lg_csum_finish(lg_csum_add(sum, b->data, b->len));
    memcpy(b->data + LG_TCP_CSUM_OFF, &csum, sizeof csum);
}

void lg_out_send(struct lg_net *net, struct lg_buf *b, uint8_t proto, const lg_ip_t *src,
                 const lg_ip_t *dst, lg_ns_t now_ns)
{
    uint8_t *data = b->data;
    uint32_t len = b->len;
    bool is_v6 = !lg_ip_is_v4(dst);
    uint32_t l3_len = is_v6 ? sizeof(struct lg_ip6_hdr) : sizeof(struct lg_ip4_hdr);
    struct lg_neigh *n = find_hop(net, src, dst, now_ns);

    if (!n)
        return;
    if (l3_len + len > net->cfg.cfg->ports[n->port].mtu) {
        lg_stat_inc(net->stats, LG_STAT_DROP_TX_MTU);
        return;
    }
    bool has_mac = n->state != LG_NEIGH_INCOMPLETE;
    bool by_device = proto == LG_PROTO_TCP && has_mac && net->cfg.ports[n->port].tx_csum_offload;
    if (proto == LG_PROTO_TCP)
        put_tcp_csum(b, src, dst, by_device);
    if (is_v6)
        lg_out_ip6(b, proto, LG_NET_TTL, src, dst);
    else
        put_ip4(b, proto, src, dst);
    lg_out_eth(net, b, n->port, n->mac, is_v6 ? LG_ETH_IP6 : LG_ETH_IP4);
    if (has_mac) {
        struct lg_tx_meta meta = {sizeof(struct lg_eth_hdr), (uint16_t)l3_len, is_v6, by_device};
        net->ops->tx(net->ctx, n->port, b, &meta);
        lg_nud_use(net, n, now_ns);
    } else {
        lg_nud_wait(net, n, b);
    }
    b->data = data;
    b->len = len;
}

void lg_net_output(struct lg_net *net, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst,
                   lg_ns_t now_ns)
{
    lg_out_send(net, b, LG_PROTO_TCP, src, dst, now_ns);
}
