/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* net.c: what the IP layer costs for a frame: checks, checksum over the payload, headers. */
#include "csum.h"
#include "micro.h"
#include "net.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

#define FRAMES 64u

static struct lg_net *net;
static struct lg_stats stats;
static struct lg_bufpool *pool;
static lg_ip_t us, peer;
static const uint8_t mac_us[6] = {2, 0, 0, 0, 0, 1}, mac_peer[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t ip_us[4] = {192, 0, 2, 1}, ip_peer[4] = {192, 0, 2, 2};
static lg_ns_t now_ns = LG_SEC(1000);
static uint64_t sent_cnt;

struct frames {
    uint32_t payload;
    struct lg_buf *b[FRAMES];
    char name_in[24], name_out[24];
};
static struct frames kinds[] = {{.payload = 0}, {.payload = 1448}};

static void on_tx(void *ctx, uint16_t port, struct lg_buf *b, const struct lg_tx_meta *meta)
{
    (void)ctx, (void)port, (void)b, (void)meta;
    sent_cnt++;
}
static void on_share(void *ctx, struct lg_buf *b)
{
    (void)ctx, (void)b;
}

static struct lg_buf *new_frame(uint16_t type)
{
    struct lg_buf *b = lg_buf_take(pool);
    struct lg_eth_hdr *eth = (struct lg_eth_hdr *)(void *)b->data;

    micro_require(b != NULL, "net: no buffer");
    memcpy(eth->dst, mac_us, 6);
    memcpy(eth->src, mac_peer, 6);
    eth->type = lg_to_be16(type);
    b->len = sizeof *eth;
    return b;
}

static struct lg_buf *tcp_frame(uint32_t payload)
{
    struct lg_buf *b = new_frame(LG_ETH_IP4);
    struct lg_ip4_hdr *ip = (struct lg_ip4_hdr *)(void *)(b->data + b->len);
    uint8_t *tcp = (uint8_t *)(ip + 1);
    uint32_t len = 32 + payload;
    uint8_t pseudo[12] = {192, 0, 2, 2, 192, 0, 2, 1, 0, LG_PROTO_TCP};

    *ip = (struct lg_ip4_hdr){.ver_ihl = 0x45, .ttl = 64, .proto = LG_PROTO_TCP};
    ip->len = lg_to_be16((uint16_t)(sizeof *ip + len));
    memcpy(ip->src, ip_peer, 4);
    memcpy(ip->dst, ip_us, 4);
    ip->csum = lg_csum_finish(lg_csum_add(0, ip, sizeof *ip));
    memset(tcp, 0, len);
    lg_put_be16(tcp, 5000);
    lg_put_be16(tcp + 2, 443);
    tcp[12] = 8 << 4;
    lg_put_be16(pseudo + 10, (uint16_t)len);
    lg_be16_t csum = lg_csum_finish(lg_csum_add(lg_csum_add(0, pseudo, sizeof pseudo), tcp, len));
    memcpy(tcp + LG_TCP_CSUM_OFF, &csum, 2);
    b->len += (uint32_t)sizeof *ip + len;
    return b;
}

/* learn_peer: without his ARP request every frame to him would wait for his address. */
static void learn_peer(void)
{
    struct lg_buf *b = new_frame(LG_ETH_ARP);
    struct lg_arp_pkt *arp = (struct lg_arp_pkt *)(void *)(b->data + b->len);
    struct lg_pkt pkt;

    *arp = (struct lg_arp_pkt){.htype = lg_to_be16(1),
                               .ptype = lg_to_be16(LG_ETH_IP4),
                               .hlen = 6,
                               .plen = 4,
                               .op = lg_to_be16(LG_ARP_REQUEST)};
    memcpy(arp->sender_mac, mac_peer, 6);
    memcpy(arp->sender_ip, ip_peer, 4);
    memcpy(arp->target_ip, ip_us, 4);
    b->len += sizeof *arp;
    micro_require(lg_net_rx(net, b, &pkt, now_ns) == LG_DONE, "net: ARP");
}

static uint64_t run_in(void *ctx, uint64_t cnt)
{
    struct frames *f = ctx;
    uint64_t cycles = 0;
    struct lg_pkt pkt;

    for (uint64_t done = 0; done < cnt;) {
        uint8_t *data[FRAMES];
        uint32_t len[FRAMES], n = (uint32_t)LG_MIN((uint64_t)FRAMES, cnt - done);
        for (uint32_t i = 0; i < n; i++) {
            data[i] = f->b[i]->data;
            len[i] = f->b[i]->len;
        }
        uint64_t begin = micro_tsc();
        for (uint32_t i = 0; i < n; i++)
            micro_require(lg_net_rx(net, f->b[i], &pkt, now_ns) == LG_KEEP, "net: frame refused");
        cycles += micro_tsc() - begin;
        for (uint32_t i = 0; i < n; i++) {
            f->b[i]->data = data[i];
            f->b[i]->len = len[i];
        }
        done += n;
    }
    return cycles;
}

static uint64_t run_out(void *ctx, uint64_t cnt)
{
    struct frames *f = ctx;
    uint64_t cycles = 0, before = sent_cnt;
    const uint32_t below = sizeof(struct lg_eth_hdr) + sizeof(struct lg_ip4_hdr);

    for (uint64_t done = 0; done < cnt; done++) {
        struct lg_buf *b = f->b[done % FRAMES];
        b->data += below;
        b->len -= below;
        memset(b->data + LG_TCP_CSUM_OFF, 0, 2);
        uint64_t begin = __rdtsc();
        lg_net_output(net, b, &us, &peer, now_ns);
        cycles += __rdtsc() - begin;
        b->data -= below;
        b->len += below;
    }
    micro_require(sent_cnt - before >= cnt, "net: not sent");
    return cycles;
}

void micro_add_net(const struct micro_opts *o)
{
    static const struct lg_net_ops ops = {.tx = on_tx, .share = on_share}; /* no ICMP comes here */
    static struct lg_prefix prefix = {.len = 24};
    static struct lg_cfg_port port = {.name = "front", .mtu = 1500};
    static struct lg_config cfg = {.worker_cnt = 1, .port_cnt = 1, .ports = &port};
    struct lg_net_cfg net_cfg = {.cfg = &cfg, .is_quiet = true, .secret = {{1, 2}}};

    (void)o;
    us = lg_ip_v4(ip_us);
    peer = lg_ip_v4(ip_peer);
    prefix.ip = us;
    port.addresses[port.address_cnt++] = prefix;
    memcpy(net_cfg.ports[0].mac, mac_us, 6);
    pool = micro_pool(256);
    net = lg_net_init(micro_alloc(lg_net_footprint(&net_cfg)), &net_cfg, &ops, NULL, pool, &stats,
                      now_ns);
    learn_peer();
    for (unsigned k = 0; k < LG_ARRAY_CNT(kinds); k++) {
        struct frames *f = &kinds[k];
        for (uint32_t i = 0; i < FRAMES; i++)
            f->b[i] = tcp_frame(f->payload);
        snprintf(f->name_in, sizeof f->name_in, "net-in-%u", f->b[0]->len);
        snprintf(f->name_out, sizeof f->name_out, "net-out-%u", f->b[0]->len);
        micro_add("packet", f->name_in, NULL, run_in, f);
        micro_add("packet", f->name_out, NULL, run_out, f);
    }
}
