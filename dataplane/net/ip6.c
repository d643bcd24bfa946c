/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip6.c: received IPv6 packets, RFC 8200. Extension headers are walked, at most 8, and obeyed as
 * far as they forbid; fragments (but atomic ones: docs/decisions/0040), jumbograms and routing
 * through us are refused. */
#include "net_priv.h"

#define EXT_MAX 8u

enum { OPT_PAD1 = 0, OPT_PADN = 1, OPT_ROUTER_ALERT = 5 };

/* May the packet be used although we know none of these options? opts: behind the two bytes of
 * the options header. */
static bool are_options_fine(lg_span_t opts)
{
    struct lg_cur c = lg_cur(opts);

    while (lg_cur_left(&c) > 0) {
        uint8_t type = lg_cur_u8(&c);
        if (type == OPT_PAD1)
            continue;
        lg_cur_vec8(&c);
        /*= https://www.rfc-editor.org/rfc/rfc8200#section-4.2
         *# 00 - skip over this option and continue processing the header. */
        if (c.failed || (type != OPT_PADN && type != OPT_ROUTER_ALERT && (type & 0xc0) != 0))
            return false;
    }
    return true;
}

static enum lg_verdict walk_fragment(struct lg_net *net, struct lg_net_frame *f, struct lg_cur *c,
                                     uint8_t *next)
{
    *next = lg_cur_u8(c);
    lg_cur_u8(c);
    uint16_t offset_more = lg_cur_be16(c);
    lg_cur_be32(c);
    if (c->failed)
        return lg_net_drop(net, LG_STAT_DROP_IP6_HDR);
    /*= https://www.rfc-editor.org/rfc/rfc8200#section-4.5
     *# If the fragment is a whole datagram (that is, both the Fragment Offset field and the M flag
     *# are zero), then it does not need any further reassembly and should be processed as a fully
     *# reassembled packet */
    if (offset_more & (LG_IP6_FRAG_OFF | LG_IP6_FRAG_MORE))
        return lg_net_drop(net, LG_STAT_DROP_IP_FRAG);
    f->is_fragment = true;
    return LG_KEEP;
}

/* One extension header: *next is its type, then what follows it.
 *   Returns  LG_KEEP go on; LG_DROP counted */
static enum lg_verdict walk_one(struct lg_net *net, struct lg_net_frame *f, struct lg_cur *c,
                                uint8_t *next)
{
    uint8_t type = *next;

    if (type == LG_IP6_FRAGMENT)
        return walk_fragment(net, f, c, next);
    *next = lg_cur_u8(c);
    uint32_t rest = lg_cur_u8(c) * 8u + 6u;
    lg_span_t body = lg_cur_bytes(c, rest);
    if (c->failed)
        return lg_net_drop(net, LG_STAT_DROP_IP6_HDR);
    /*= https://www.rfc-editor.org/rfc/rfc8200#section-4.4
     *# If Segments Left is zero, the node must ignore the Routing header and proceed to process
     *# the next header in the packet */
    bool is_fine = type == LG_IP6_ROUTING ? body.p[1] == 0 : are_options_fine(body);
    return is_fine ? LG_KEEP : lg_net_drop(net, LG_STAT_DROP_IP6_HDR);
}

/* Walks to the transport header: f->l4 and f->l4_len, and its protocol. */
static enum lg_verdict walk(struct lg_net *net, struct lg_net_frame *f, uint8_t *proto)
{
    struct lg_cur c = lg_cur(lg_span(f->l4, f->l4_len));

    for (uint32_t i = 0; *proto == LG_IP6_HOPOPTS || *proto == LG_IP6_ROUTING ||
                         *proto == LG_IP6_FRAGMENT || *proto == LG_IP6_DSTOPTS;
         i++) {
        if (i == EXT_MAX || (*proto == LG_IP6_HOPOPTS && i != 0)) /* hop-by-hop: first or never */
            return lg_net_drop(net, LG_STAT_DROP_IP6_HDR);
        if (walk_one(net, f, &c, proto) != LG_KEEP)
            return LG_DROP;
    }
    f->l4_len = (uint32_t)lg_cur_left(&c);
    f->l4 += c.p - f->l4;
    return LG_KEEP;
}

/* Is dst ours: an address (a link-local one by its own port), or a group that ND needs? */
static bool is_for_us(const struct lg_net *net, const struct lg_net_frame *f)
{
    static const uint8_t group[16] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

    if (lg_ip_is_multicast(&f->dst))
        return memcmp(f->dst.b, group, 13) == 0 || memcmp(f->dst.b, all_nodes, 16) == 0;
    if (lg_mac_is_multicast(f->eth->dst))
        return false;
    const struct lg_net_addr *a = lg_addr_find(net, &f->dst);
    return (a && a->kind == LG_ADDR_OWN) || lg_ip_eq(&f->dst, &net->link_local[f->port]);
}

enum lg_verdict lg_ip6_rx(struct lg_net *net, struct lg_net_frame *f)
{
    const struct lg_ip6_hdr *ip = (const struct lg_ip6_hdr *)(const void *)(f->eth + 1);
    uint32_t have = f->b->len - (uint32_t)sizeof *f->eth;

    if (have < sizeof *ip || lg_from_be32(ip->ver_flow) >> 28 != 6)
        return lg_net_drop(net, LG_STAT_DROP_IP6_HDR);
    uint32_t len = lg_from_be16(ip->len);
    if (len == 0 || len > have - sizeof *ip)
        return lg_net_drop(net, LG_STAT_DROP_IP6_HDR);
    f->src = lg_ip_v6(ip->src);
    f->dst = lg_ip_v6(ip->dst);
    f->hops = ip->hops;
    /* ::ffff:a.b.c.d is how we keep IPv4 addresses: on the wire it is nobody's. */
    if (lg_ip_is_v4(&f->src) || lg_ip_is_v4(&f->dst))
        return lg_net_drop(net, LG_STAT_DROP_IP_MARTIAN);
    /* Who else has an address of ours says so from that address: icmp.c looks closer. */
    bool is_claim = ip->next == LG_PROTO_ICMP6 && lg_addr_find(net, &f->src);
    if (!is_claim && lg_ip_is_martian(net, &f->src))
        return lg_net_drop(net, LG_STAT_DROP_IP_MARTIAN);
    if (!is_for_us(net, f))
        return lg_net_drop(net, LG_STAT_DROP_IP_NOT_OURS);
    if (LG_UNLIKELY(net->has_unusable) && lg_dad_state(net, &f->dst) != LG_DAD_USABLE)
        return lg_net_drop(net, LG_STAT_DROP_IP_TENTATIVE);
    uint8_t proto = ip->next;
    lg_buf_set_ecn(f->b, (enum lg_ecn)(lg_from_be32(ip->ver_flow) >> 20 & 3));
    f->l4 = (uint8_t *)f->eth + sizeof *f->eth + sizeof *ip;
    f->l4_len = len;
    if (walk(net, f, &proto) != LG_KEEP)
        return LG_DROP;
    if (proto == LG_PROTO_ICMP6) /* judges an unspecified source by itself: ND probes have it */
        return lg_icmp6_rx(net, f);
    if (lg_ip_is_any(&f->src))
        return lg_net_drop(net, LG_STAT_DROP_IP_MARTIAN);
    if (lg_ip_is_multicast(&f->dst))
        return lg_net_drop(net, LG_STAT_DROP_IP_NOT_OURS);
    if (proto == LG_PROTO_TCP)
        return lg_ip_tcp_rx(net, f);
    return lg_net_drop(net, LG_STAT_DROP_IP_PROTO);
}
