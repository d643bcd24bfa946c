/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip4.c: received IPv4 packets, RFC 791 and 1122 section 3.2.1; and what both families do with
 * sources that cannot be and with TCP. Options are skipped, fragments refused. */
#include "csum.h"
#include "net_priv.h"

bool lg_ip_is_martian(const struct lg_net *net, const lg_ip_t *src)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (lg_ip_is_multicast(src) || lg_addr_find(net, src)) /* ours, or a network's broadcast */
        return true;
    if (lg_ip_is_v4(src)) /* 0/8 this network, 127/8 loopback, 240/4 reserved and broadcast */
        return src->b[12] == 0 || src->b[12] == 127 || src->b[12] >= 240;
    return memcmp(src->b, loopback6, 16) == 0;
}

enum lg_verdict lg_ip_tcp_rx(struct lg_net *net, const struct lg_net_frame *f)
{
    if (f->l4_len < LG_TCP_HDR_SZ || f->is_shared)
        return lg_net_drop(net, LG_STAT_DROP_TCP_HDR);
    if (!(f->b->flags & LG_BUF_CSUM_GOOD) && !net->cfg.ports[f->port].trust_rx_csum) {
        uint64_t sum = lg_csum_pseudo(&f->src, &f->dst, LG_PROTO_TCP, f->l4_len);
        if (lg_csum_fold(lg_csum_add(sum, f->l4, f->l4_len)) != 0xffff)
            return lg_net_drop(net, LG_STAT_DROP_L4_CSUM);
    }
    return LG_KEEP;
}

enum lg_verdict lg_ip4_rx(struct lg_net *net, struct lg_net_frame *f)
{
    const struct lg_ip4_hdr *ip = (const struct lg_ip4_hdr *)(const void *)(f->eth + 1);
    uint32_t have = f->b->len - (uint32_t)sizeof *f->eth;

    if (have < sizeof *ip)
        return lg_net_drop(net, LG_STAT_DROP_IP4_HDR);
    uint32_t hdr_sz = (ip->ver_ihl & 15) * 4u, total = lg_from_be16(ip->len);
    if (ip->ver_ihl >> 4 != 4 || hdr_sz < sizeof *ip || total < hdr_sz || total > have ||
        ip->ttl == 0)
        return lg_net_drop(net, LG_STAT_DROP_IP4_HDR);
    if (!(f->b->flags & LG_BUF_CSUM_GOOD) && lg_csum_fold(lg_csum_add(0, ip, hdr_sz)) != 0xffff)
        return lg_net_drop(net, LG_STAT_DROP_IP4_CSUM);
    if (lg_from_be16(ip->frag) & (LG_IP4_MF | LG_IP4_OFF))
        return lg_net_drop(net, LG_STAT_DROP_IP_FRAG);
    f->src = lg_ip_v4(ip->src);
    f->dst = lg_ip_v4(ip->dst);
    const struct lg_net_addr *a = lg_addr_find(net, &f->dst);
    /*= https://www.rfc-editor.org/rfc/rfc1122#section-3.3.6
     *# A host SHOULD silently discard a datagram that is received via a link-layer broadcast [...]
     *# but does not specify an IP multicast or broadcast destination address. */
    if (!a || a->kind == LG_ADDR_BCAST || lg_mac_is_multicast(f->eth->dst))
        return lg_net_drop(net, LG_STAT_DROP_IP_NOT_OURS);
    if (lg_ip_is_martian(net, &f->src))
        return lg_net_drop(net, LG_STAT_DROP_IP_MARTIAN);
    lg_buf_set_ecn(f->b, (enum lg_ecn)(ip->tos & 3));
    f->l4 = (uint8_t *)f->eth + sizeof *f->eth + hdr_sz;
    f->l4_len = total - hdr_sz;
    if (ip->proto == LG_PROTO_TCP)
        return lg_ip_tcp_rx(net, f);
    if (ip->proto == LG_PROTO_ICMP)
        return lg_icmp4_rx(net, f);
    return lg_net_drop(net, LG_STAT_DROP_IP_PROTO);
}
