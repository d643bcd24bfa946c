/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nd.c: neighbour solicitations and advertisements, RFC 4861 section 7. Router discovery and
 * redirects are not spoken: routes are static. */
#include "csum.h"
#include "net_priv.h"

static const lg_ip_t all_nodes = {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

static lg_ip_t solicited_node(const lg_ip_t *target)
{
    lg_ip_t ip = {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target->b[13], target->b[14],
                   target->b[15]}};
    return ip;
}

/* One message to be built, and where it goes. */
struct nd_out {
    uint8_t type, opt_type;
    uint32_t flags;
    lg_ip_t target, src, dst;
    uint8_t eth_dst[6];
};

static void send(struct lg_net *net, struct lg_buf *reuse, uint16_t port, const struct nd_out *o)
{
    struct lg_buf *b = lg_out_fresh(net, reuse);
    struct lg_nd_msg *msg;
    struct lg_nd_lla *opt;
    uint64_t sum;

    if (!b)
        return;
    msg = (struct lg_nd_msg *)(void *)b->data;
    opt = (struct lg_nd_lla *)(void *)(msg + 1);
    b->len = sizeof *msg + sizeof *opt;
    *msg = (struct lg_nd_msg){.icmp = {.type = o->type, .rest = lg_to_be32(o->flags)}};
    memcpy(msg->target, o->target.b, 16);
    *opt = (struct lg_nd_lla){.type = o->opt_type, .len8 = 1};
    memcpy(opt->mac, net->cfg.ports[port].mac, 6);
    sum = lg_csum_pseudo(&o->src, &o->dst, LG_PROTO_ICMP6, b->len);
    msg->icmp.csum = lg_csum_finish(lg_csum_add(sum, msg, b->len));
    lg_out_ip6(b, LG_PROTO_ICMP6, 255, &o->src, &o->dst);
    lg_out_eth(net, b, port, o->eth_dst, LG_ETH_IP6);
    lg_out_frame(net, b, port);
    if (!reuse)
        lg_buf_give(b);
}

/* RFC 2464 section 7. */
static void multicast_mac(const lg_ip_t *group, uint8_t mac[6])
{
    mac[0] = mac[1] = 0x33;
    memcpy(mac + 2, group->b + 12, 4);
}

void lg_nd_send_ns(struct lg_net *net, uint16_t port, const lg_ip_t *target,
                   const uint8_t *mac_or_null)
{
    struct nd_out o = {.type = LG_ICMP6_NS, .opt_type = LG_ND_OPT_SLLA, .target = *target};

    if (!lg_addr_for(net, port, target, &o.src))
        return;
    if (mac_or_null) {
        o.dst = *target;
        memcpy(o.eth_dst, mac_or_null, 6);
    } else {
        o.dst = solicited_node(target);
        multicast_mac(&o.dst, o.eth_dst);
    }
    send(net, NULL, port, &o);
}

void lg_nd_announce(struct lg_net *net, uint16_t port, const lg_ip_t *own)
{
    struct nd_out o = {.type = LG_ICMP6_NA,
                       .opt_type = LG_ND_OPT_TLLA,
                       .flags = LG_NA_OVERRIDE,
                       .target = *own,
                       .src = *own,
                       .dst = all_nodes};

    multicast_mac(&o.dst, o.eth_dst);
    send(net, NULL, port, &o);
}

/* The message's link-layer address option, if it has one.
 *   Returns  false: an option of length zero or past the end, or a MAC that cannot be */
static bool find_lla(const struct lg_net_frame *f, uint8_t type, bool *has_mac, uint8_t mac[6])
{
    struct lg_cur c = lg_cur(lg_span(f->l4, f->l4_len));

    *has_mac = false;
    lg_cur_bytes(&c, sizeof(struct lg_nd_msg));
    while (lg_cur_left(&c) > 0) {
        uint8_t t = lg_cur_u8(&c);
        uint32_t sz = lg_cur_u8(&c) * 8u;
        lg_span_t body = lg_cur_bytes(&c, sz ? sz - 2 : 0);
        /*= https://www.rfc-editor.org/rfc/rfc4861#section-4.6
         *# Nodes MUST silently discard an ND packet that contains an option with length zero. */
        if (c.failed || sz == 0)
            return false;
        if (t != type || *has_mac)
            continue;
        if (sz != sizeof(struct lg_nd_lla) || !lg_mac_is_usable(body.p))
            return false;
        *has_mac = true;
        memcpy(mac, body.p, 6);
    }
    return !c.failed;
}

static void answer(struct lg_net *net, struct lg_net_frame *f, const lg_ip_t *target,
                   const uint8_t *mac)
{
    bool is_probe = lg_ip_is_any(&f->src);
    struct nd_out o = {.type = LG_ICMP6_NA,
                       .opt_type = LG_ND_OPT_TLLA,
                       .flags = is_probe ? LG_NA_OVERRIDE : LG_NA_OVERRIDE | LG_NA_SOLICITED,
                       .target = *target,
                       .src = *target,
                       .dst = is_probe ? all_nodes : f->src};

    if (is_probe)
        multicast_mac(&o.dst, o.eth_dst);
    else
        memcpy(o.eth_dst, mac, 6);
    send(net, f->b, f->port, &o);
}

static enum lg_verdict rx_ns(struct lg_net *net, struct lg_net_frame *f, const lg_ip_t *target)
{
    bool is_probe = lg_ip_is_any(&f->src), has_mac;
    lg_ip_t group = solicited_node(target);
    uint8_t mac[6];

    if (!find_lla(f, LG_ND_OPT_SLLA, &has_mac, mac))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    /*= https://www.rfc-editor.org/rfc/rfc4861#section-7.1.1
     *# If the IP source address is the unspecified address, the IP destination address is a
     *# solicited-node multicast address. [...] there is no source link-layer address option */
    if (is_probe && (has_mac || !lg_ip_eq(&f->dst, &group)))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    if (!lg_addr_on_port(net, target, f->port))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    if (!is_probe && has_mac && lg_addr_is_on_link(net, &f->src, f->port)) {
        lg_net_share(net, f);
        lg_nud_asked(net, f->port, &f->src, mac, f->now_ns);
    }
    if (!f->is_shared) {
        if (!has_mac)
            memcpy(mac, f->eth->src, 6);
        answer(net, f, target, mac);
    }
    return LG_DONE;
}

static enum lg_verdict rx_na(struct lg_net *net, struct lg_net_frame *f, const lg_ip_t *target,
                             uint32_t flags)
{
    struct lg_nud_answer a = {.ip = *target,
                              .is_solicited = (flags & LG_NA_SOLICITED) != 0,
                              .is_override = (flags & LG_NA_OVERRIDE) != 0};

    /*= https://www.rfc-editor.org/rfc/rfc4861#section-7.1.2
     *# If the IP Destination Address is a multicast address the Solicited flag is zero. */
    if (a.is_solicited && lg_ip_is_multicast(&f->dst))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    if (!find_lla(f, LG_ND_OPT_TLLA, &a.has_mac, a.mac) ||
        !lg_addr_is_on_link(net, target, f->port))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    lg_net_share(net, f);
    lg_nud_answered(net, f->port, &a, f->now_ns);
    return LG_DONE;
}

enum lg_verdict lg_nd_rx(struct lg_net *net, struct lg_net_frame *f)
{
    const struct lg_nd_msg *msg = (const struct lg_nd_msg *)(const void *)f->l4;

    /*= https://www.rfc-editor.org/rfc/rfc4861#section-7.1.1
     *# The IP Hop Limit field has a value of 255, i.e., the packet could not possibly have been
     *# forwarded by a router. */
    if (f->hops != 255 || f->l4_len < sizeof *msg || msg->icmp.code != 0)
        return lg_net_drop(net, LG_STAT_DROP_ND);
    /*= https://www.rfc-editor.org/rfc/rfc6980#section-5
     *# Nodes MUST silently ignore the following Neighbor Discovery [...] messages if the packets
     *# carrying them include an IPv6 Fragmentation Header */
    if (f->is_fragment)
        return lg_net_drop(net, LG_STAT_DROP_ND);
    lg_ip_t target = lg_ip_v6(msg->target);
    if (lg_ip_is_multicast(&target) || lg_ip_is_v4(&target))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    if (msg->icmp.type == LG_ICMP6_NS)
        return rx_ns(net, f, &target);
    return rx_na(net, f, &target, lg_from_be32(msg->icmp.rest));
}
