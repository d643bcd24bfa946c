/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nd.c: neighbour solicitations and advertisements, RFC 4861 section 7; building of all discovery
 * messages. Routers are ra.c's, redirects are not spoken. */
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
    uint8_t type;
    uint8_t opt_type; /* 0: no option. A nonce, or our MAC */
    bool has_target;
    uint32_t flags;
    lg_ip_t target, src, dst;
    uint8_t eth_dst[6];
};

/* Writes the message without checksum. */
static void build(const struct lg_net *net, struct lg_buf *b, uint16_t port, const struct nd_out *o)
{
    struct lg_icmp_hdr icmp = {.type = o->type, .rest = lg_to_be32(o->flags)};
    struct lg_nd_lla opt = {.type = o->opt_type, .len8 = 1};
    bool is_nonce = o->opt_type == LG_ND_OPT_NONCE;

    memcpy(b->data, &icmp, sizeof icmp);
    b->len = sizeof icmp;
    if (o->has_target) {
        memcpy(b->data + b->len, o->target.b, 16);
        b->len += 16;
    }
    if (o->opt_type == 0)
        return;
    memcpy(opt.mac, is_nonce ? net->cfg.nonce : net->cfg.ports[port].mac, 6);
    memcpy(b->data + b->len, &opt, sizeof opt);
    b->len += sizeof opt;
}

static void send(struct lg_net *net, struct lg_buf *reuse, uint16_t port, const struct nd_out *o)
{
    struct lg_buf *b = lg_out_fresh(net, reuse);

    if (!b)
        return;
    build(net, b, port, o);
    uint64_t sum = lg_csum_pseudo(&o->src, &o->dst, LG_PROTO_ICMP6, b->len);
    ((struct lg_icmp_hdr *)(void *)b->data)->csum =
        lg_csum_finish(lg_csum_add(sum, b->data, b->len));
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
    struct nd_out o = {
        .type = LG_ICMP6_NS, .opt_type = LG_ND_OPT_SLLA, .has_target = true, .target = *target};

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
                       .has_target = true,
                       .target = *own,
                       .src = *own,
                       .dst = all_nodes};

    multicast_mac(&o.dst, o.eth_dst);
    send(net, NULL, port, &o);
}

void lg_nd_send_probe(struct lg_net *net, uint16_t port, const lg_ip_t *own)
{
    /*= https://www.rfc-editor.org/rfc/rfc4862#section-5.4.2
     *# To check an address, a node SHOULD send DupAddrDetectTransmits Neighbor Solicitations [...]
     *# The solicitation's Target Address is set to the address being checked, the IP source is set
     *# to the unspecified address, and the IP destination is set to the solicited-node multicast
     *# address of the target address. */
    struct nd_out o = {.type = LG_ICMP6_NS,
                       .opt_type = LG_ND_OPT_NONCE,
                       .has_target = true,
                       .target = *own,
                       .dst = solicited_node(own)};

    multicast_mac(&o.dst, o.eth_dst);
    send(net, NULL, port, &o);
}

void lg_nd_send_rs(struct lg_net *net, uint16_t port, const lg_ip_t *all_routers)
{
    struct nd_out o = {.type = LG_ICMP6_RS, .dst = *all_routers};

    if (lg_dad_state(net, &net->link_local[port]) == LG_DAD_USABLE) {
        o.src = net->link_local[port];
        o.opt_type = LG_ND_OPT_SLLA;
    }
    multicast_mac(&o.dst, o.eth_dst);
    send(net, NULL, port, &o);
}

/* Finds the option of that type: six bytes behind type and length.
 *   Returns  false: an option of length zero or past the end, or one of that type of another
 *            length */
static bool find_option(const struct lg_net_frame *f, uint32_t off, uint8_t type,
                        const uint8_t **found)
{
    struct lg_cur c = lg_cur(lg_span(f->l4, f->l4_len));

    *found = NULL;
    lg_cur_bytes(&c, off);
    while (lg_cur_left(&c) > 0) {
        uint8_t t = lg_cur_u8(&c);
        uint32_t sz = lg_cur_u8(&c) * 8u;
        lg_span_t body = lg_cur_bytes(&c, sz ? sz - 2 : 0);
        /*= https://www.rfc-editor.org/rfc/rfc4861#section-4.6
         *# Nodes MUST silently discard an ND packet that contains an option with length zero. */
        if (c.failed || sz == 0)
            return false;
        if (t != type || *found)
            continue;
        if (sz != sizeof(struct lg_nd_lla))
            return false;
        *found = body.p;
    }
    return !c.failed;
}

bool lg_nd_find_lla(const struct lg_net_frame *f, uint32_t off, uint8_t type, bool *has_mac,
                    uint8_t mac[6])
{
    const uint8_t *found;

    if (!find_option(f, off, type, &found) || (found && !lg_mac_is_usable(found)))
        return false;
    *has_mac = found != NULL;
    if (found)
        memcpy(mac, found, 6);
    return true;
}

static bool find_lla(const struct lg_net_frame *f, uint8_t type, bool *has_mac, uint8_t mac[6])
{
    return lg_nd_find_lla(f, sizeof(struct lg_nd_msg), type, has_mac, mac);
}

/* Our own probe, come back over a loop in the network: it carries our nonce (RFC 7527). */
static bool is_own_probe(const struct lg_net *net, const struct lg_net_frame *f)
{
    const uint8_t *nonce;

    return find_option(f, sizeof(struct lg_nd_msg), LG_ND_OPT_NONCE, &nonce) && nonce &&
           memcmp(nonce, net->cfg.nonce, 6) == 0;
}

/* A solicitation for an address that we do not use (yet): never answered. */
static enum lg_verdict rx_ns_unused(struct lg_net *net, const struct lg_net_frame *f,
                                    const lg_ip_t *target, bool is_probe)
{
    /*= https://www.rfc-editor.org/rfc/rfc4862#section-5.4.3
     *# If the source address of the Neighbor Solicitation is the unspecified address, the
     *# solicitation is from a node performing Duplicate Address Detection. [...] Neither node
     *# should use the address. */
    if (!is_probe || is_own_probe(net, f))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    lg_dad_claimed(net, f, target);
    return LG_DONE;
}

static void answer(struct lg_net *net, struct lg_net_frame *f, const lg_ip_t *target,
                   const uint8_t *mac)
{
    bool is_probe = lg_ip_is_any(&f->src);
    struct nd_out o = {.type = LG_ICMP6_NA,
                       .opt_type = LG_ND_OPT_TLLA,
                       .flags = is_probe ? LG_NA_OVERRIDE : LG_NA_OVERRIDE | LG_NA_SOLICITED,
                       .has_target = true,
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
    if (LG_UNLIKELY(lg_dad_state(net, target) != LG_DAD_USABLE))
        return rx_ns_unused(net, f, target, is_probe);
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
    if (!find_lla(f, LG_ND_OPT_TLLA, &a.has_mac, a.mac))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    bool is_from_us = memcmp(f->eth->src, net->cfg.ports[f->port].mac, 6) == 0;
    if (LG_UNLIKELY(!is_from_us && lg_addr_on_port(net, target, f->port))) {
        lg_dad_claimed(net, f, target);
        return LG_DONE;
    }
    if (!lg_addr_is_on_link(net, target, f->port))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    lg_net_share(net, f);
    if (!(flags & LG_NA_ROUTER))
        lg_ra_no_router(net, f->port, target);
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
