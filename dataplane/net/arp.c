/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arp.c: ARP over Ethernet for IPv4, RFC 826 with the care of RFC 5227. */
#include "net_priv.h"

static const uint8_t eth_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Is it the one kind of ARP we speak? */
static bool is_sane(const struct lg_arp_pkt *arp)
{
    uint16_t op = lg_from_be16(arp->op);

    return lg_from_be16(arp->htype) == 1 && lg_from_be16(arp->ptype) == LG_ETH_IP4 &&
           arp->hlen == 6 && arp->plen == 4 && (op == LG_ARP_REQUEST || op == LG_ARP_REPLY) &&
           lg_mac_is_usable(arp->sender_mac);
}

static void send(struct lg_net *net, struct lg_buf *reuse, uint16_t port,
                 const struct lg_arp_pkt *arp, const uint8_t dst[6])
{
    struct lg_buf *b = lg_out_fresh(net, reuse);

    if (!b)
        return;
    memcpy(b->data, arp, sizeof *arp);
    b->len = sizeof *arp;
    lg_out_eth(net, b, port, dst, LG_ETH_ARP);
    lg_out_frame(net, b, port);
    if (!reuse)
        lg_buf_give(b);
}

/* An ARP packet of ours, without target. */
static struct lg_arp_pkt from_us(const struct lg_net *net, uint16_t port, uint16_t op,
                                 const uint8_t own[4])
{
    struct lg_arp_pkt arp = {
        .htype = lg_to_be16(1),
        .ptype = lg_to_be16(LG_ETH_IP4),
        .hlen = 6,
        .plen = 4,
        .op = lg_to_be16(op),
    };
    memcpy(arp.sender_mac, net->cfg.ports[port].mac, 6);
    memcpy(arp.sender_ip, own, 4);
    return arp;
}

void lg_arp_send_request(struct lg_net *net, uint16_t port, const lg_ip_t *target,
                         const uint8_t *mac_or_null)
{
    lg_ip_t own;

    if (!lg_addr_for(net, port, target, &own))
        return;
    struct lg_arp_pkt arp = from_us(net, port, LG_ARP_REQUEST, own.b + 12);
    memcpy(arp.target_ip, target->b + 12, 4);
    send(net, NULL, port, &arp, mac_or_null ? mac_or_null : eth_broadcast);
}

void lg_arp_announce(struct lg_net *net, uint16_t port, const lg_ip_t *own)
{
    struct lg_arp_pkt arp = from_us(net, port, LG_ARP_REQUEST, own->b + 12);

    memcpy(arp.target_ip, arp.sender_ip, 4);
    send(net, NULL, port, &arp, eth_broadcast);
}

static void answer(struct lg_net *net, struct lg_net_frame *f, const struct lg_arp_pkt *asked)
{
    struct lg_arp_pkt arp = from_us(net, f->port, LG_ARP_REPLY, asked->target_ip);
    uint8_t dst[6];

    memcpy(arp.target_mac, asked->sender_mac, 6);
    memcpy(arp.target_ip, asked->sender_ip, 4);
    memcpy(dst, asked->sender_mac, 6);
    send(net, f->b, f->port, &arp, dst);
}

enum lg_verdict lg_arp_rx(struct lg_net *net, struct lg_net_frame *f)
{
    struct lg_arp_pkt arp;

    if (f->b->len < sizeof(struct lg_eth_hdr) + sizeof arp)
        return lg_net_drop(net, LG_STAT_DROP_ARP);
    memcpy(&arp, f->eth + 1, sizeof arp);
    lg_ip_t sender = lg_ip_v4(arp.sender_ip), target = lg_ip_v4(arp.target_ip);
    if (!is_sane(&arp))
        return lg_net_drop(net, LG_STAT_DROP_ARP);

    if (LG_UNLIKELY(lg_addr_on_port(net, &sender, f->port) &&
                    memcmp(arp.sender_mac, net->cfg.ports[f->port].mac, 6) != 0)) {
        lg_dad_claimed(net, f, &sender);
        return LG_DONE;
    }
    bool is_probe = lg_ip_is_any(&sender); /* RFC 5227: somebody wants to know if it is free */
    bool can_learn = lg_addr_is_on_link(net, &sender, f->port);
    bool is_for_us = lg_addr_on_port(net, &target, f->port);
    bool is_request = lg_from_be16(arp.op) == LG_ARP_REQUEST;
    bool is_gratuitous = lg_ip_eq(&sender, &target);
    if (!(is_for_us && (can_learn || (is_probe && is_request))) && !(is_gratuitous && can_learn))
        return lg_net_drop(net, LG_STAT_DROP_ARP);
    if (can_learn) {
        struct lg_nud_answer a = {
            .ip = sender,
            .has_mac = true,
            .is_solicited = !is_request && is_for_us && !lg_mac_is_multicast(f->eth->dst),
            .is_override = true,
        };
        memcpy(a.mac, arp.sender_mac, 6);
        lg_net_share(net, f);
        if (is_request && is_for_us)
            lg_nud_asked(net, f->port, &sender, arp.sender_mac, f->now_ns);
        else
            lg_nud_answered(net, f->port, &a, f->now_ns);
    }
    if (is_request && is_for_us && !f->is_shared)
        answer(net, f, &arp);
    return LG_DONE;
}
