/* SPDX-License-Identifier: GPL-2.0-or-later */
/* raw.c: frames without connections: a SYN flood, and plain packet rate. Each frame is a copy of a
 * template with source address, source port and (TCP) sequence number of its own, so that the
 * receiver's hashing has something to spread; checksums are computed, so that none is thrown away
 * for a cheap reason. IPv4 only. What comes back is counted and dropped. */
#include "blast.h"
#include "csum.h"
#include "wire.h"

#include <string.h>

#define RAW_BURST 64u /* frames of one turn, without a rate */
#define FCS_SZ 4u     /* the Ethernet check sequence is the device's */
#define PROTO_UDP 17u
#define UDP_HDR_SZ 8u
#define TCP_MSS_OPT_SZ 4u

enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

struct LG_WIRE tcp_hdr {
    lg_be16_t sport, dport;
    lg_be32_t seq, ack;
    uint8_t off, flags;
    lg_be16_t wnd, csum, urg;
    uint8_t mss[TCP_MSS_OPT_SZ];
};

struct LG_WIRE udp_hdr {
    lg_be16_t sport, dport, len, csum;
};

static uint32_t random32(struct bl_group *g)
{
    uint64_t x = g->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    g->random = x;
    return (uint32_t)(x >> 32);
}

static lg_ip_t random_source(struct bl_group *g)
{
    const struct bl_opts *o = g->w->o;
    lg_ip_t ip = o->has_source ? o->source.ip : o->address.ip;
    uint32_t bits = o->has_source && o->source.len < 32 ? 32u - o->source.len : 0;
    uint32_t mask = bits ? (uint32_t)((1ull << bits) - 1) : 0;
    lg_put_be32(ip.b + 12, (lg_get_be32(ip.b + 12) & ~mask) | (random32(g) & mask));
    return ip;
}

/* fill_l4 writes the transport header and what is behind it; returns its length. */
static uint32_t fill_l4(struct bl_group *g, uint8_t *p, uint32_t room)
{
    uint16_t sport = (uint16_t)(1024 + random32(g) % 64511);
    lg_be16_t dport = lg_to_be16(g->o->target.port);
    if (g->o->kind == BL_PACKETS && g->o->packet == BL_PACKET_UDP) {
        struct udp_hdr h = {lg_to_be16(sport), dport, lg_to_be16((uint16_t)room), {0}};
        memset(p, 0, room);
        memcpy(p, &h, sizeof h); /* checksum 0: none, RFC 768 */
        return room;
    }
    bool is_syn = g->o->kind == BL_SYN_FLOOD;
    uint32_t len = is_syn ? (uint32_t)sizeof(struct tcp_hdr) : room;
    struct tcp_hdr h = {.sport = lg_to_be16(sport),
                        .dport = dport,
                        .seq = lg_to_be32(random32(g)),
                        .ack = lg_to_be32(is_syn ? 0 : random32(g)),
                        .off = is_syn ? 6 << 4 : 5 << 4,
                        .flags = is_syn ? TCP_SYN : TCP_ACK,
                        .wnd = lg_to_be16(65535),
                        .mss = {2, 4, 5, 180}}; /* 1460 */
    memset(p, 0, len);
    memcpy(p, &h, is_syn ? sizeof h : sizeof h - TCP_MSS_OPT_SZ);
    return len;
}

static void fill(struct bl_group *g, struct lg_buf *b, const uint8_t mac[6])
{
    uint32_t frame = g->o->kind == BL_PACKETS ? (uint32_t)g->o->profile - FCS_SZ : 0;
    uint32_t hdrs = sizeof(struct lg_eth_hdr) + sizeof(struct lg_ip4_hdr);
    struct lg_eth_hdr *eth = (struct lg_eth_hdr *)(void *)b->data;
    struct lg_ip4_hdr *ip = (struct lg_ip4_hdr *)(void *)(eth + 1);
    uint8_t *l4 = (uint8_t *)(ip + 1);
    lg_ip_t src = random_source(g);
    uint32_t l4_sz = fill_l4(g, l4, frame > hdrs ? frame - hdrs : 0);
    bool is_udp = g->o->kind == BL_PACKETS && g->o->packet == BL_PACKET_UDP;
    memcpy(eth->dst, mac, 6);
    memcpy(eth->src, g->w->mac, 6);
    eth->type = lg_to_be16(LG_ETH_IP4);
    *ip = (struct lg_ip4_hdr){.ver_ihl = 0x45,
                              .len = lg_to_be16((uint16_t)(sizeof *ip + l4_sz)),
                              .frag = lg_to_be16(LG_IP4_DF),
                              .ttl = 64,
                              .proto = is_udp ? PROTO_UDP : LG_PROTO_TCP};
    memcpy(ip->src, src.b + 12, 4);
    memcpy(ip->dst, g->o->target.ip.b + 12, 4);
    ip->csum = lg_csum_finish(lg_csum_add(0, ip, sizeof *ip));
    if (!is_udp) {
        uint64_t sum = lg_csum_pseudo(&src, &g->o->target.ip, LG_PROTO_TCP, l4_sz);
        lg_be16_t csum = lg_csum_finish(lg_csum_add(sum, l4, l4_sz));
        memcpy(l4 + LG_TCP_CSUM_OFF, &csum, sizeof csum);
    }
    b->len = hdrs + l4_sz;
}

/* due: how many frames the rate allows by now, at most a burst. */
static uint32_t due(struct bl_group *g)
{
    if (g->o->rate == 0)
        return RAW_BURST;
    double s = (double)lg_ns_since(g->w->now_ns, g->start_ns) / 1e9;
    uint64_t want = (uint64_t)(s * g->o->rate);
    return (uint32_t)LG_MIN(want > g->sent ? want - g->sent : 0, (uint64_t)RAW_BURST);
}

unsigned bl_raw_poll(struct bl_group *g)
{
    struct bl_worker *w = g->w;
    uint16_t port;
    uint8_t mac[6];
    uint32_t n = due(g), done = 0;
    if (n == 0 || !lg_net_resolve(w->net, &g->o->target.ip, w->now_ns, &port, mac))
        return 0;
    uint64_t dropped = lg_stat_get(&w->stats, LG_STAT_DROP_TX_RING);
    for (; done < n; done++) {
        struct lg_buf *b = lg_buf_take(w->pool);
        if (!b)
            break;
        fill(g, b, mac);
        lg_port_tx(w->ports, port, 0, b, NULL, &w->stats);
        lg_buf_give(b);
    }
    lg_port_flush(w->ports, port, 0, &w->stats);
    dropped = lg_stat_get(&w->stats, LG_STAT_DROP_TX_RING) - dropped;
    g->sent += done;
    if (w->is_measuring)
        g->r.ops += done - LG_MIN(dropped, (uint64_t)done);
    return done;
}
