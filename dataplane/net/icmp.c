/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp.c: ICMP of both families: echo is answered, hard errors and packet-too-big about our TCP
 * segments are passed on, ND goes to nd.c, the rest is counted and ignored. We send no ICMP errors.
 * Whether a quoted segment is really on its way only TCP can say (RFC 5927), and does. */
#include "csum.h"
#include "net_priv.h"

#define ECHO_RATE_PS 1000u
#define ECHO_BURST 100u

static enum lg_verdict answer_echo(struct lg_net *net, struct lg_net_frame *f, uint8_t reply_type,
                                   uint8_t proto)
{
    struct lg_icmp_hdr *icmp = (struct lg_icmp_hdr *)(void *)f->l4;
    lg_be16_t was, is;

    /*= https://www.rfc-editor.org/rfc/rfc1122#section-3.2.2.6
     *# An ICMP Echo Request destined to an IP broadcast or IP multicast address MAY be silently
     *# discarded. */
    if (icmp->code != 0 || lg_mac_is_multicast(f->eth->dst) || f->is_shared ||
        !lg_bucket_take(&net->echo, ECHO_RATE_PS, ECHO_BURST, f->now_ns))
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    memcpy(&was, icmp, sizeof was);
    icmp->type = reply_type;
    memcpy(&is, icmp, sizeof is);
    icmp->csum = lg_csum_update(icmp->csum, was, is);
    /* ICMPv6's pseudo header sums the same with src and dst swapped. */
    f->b->data = f->l4;
    f->b->len = f->l4_len;
    lg_stat_inc(net->stats, LG_STAT_ICMP_ECHO);
    lg_out_send(net, f->b, proto, &f->dst, &f->src, f->now_ns);
    return LG_DONE;
}

/* What an error says about a segment that we may have sent. */
struct error {
    struct lg_tcp_tuple t;
    uint32_t seq;
    uint32_t mtu; /* too big; 0: unreachable */
};

/* Reads the first 8 bytes of the quoted TCP header and hands all on. */
static enum lg_verdict pass_on(struct lg_net *net, const struct lg_net_frame *f, struct error *e,
                               struct lg_cur *quote)
{
    struct lg_cur c = lg_cur(lg_cur_bytes(quote, 8));
    const struct lg_net_addr *a = lg_addr_find(net, &e->t.local_ip);

    e->t.local_port = lg_cur_be16(&c);
    e->t.remote_port = lg_cur_be16(&c);
    e->seq = lg_cur_be32(&c);
    if (quote->failed || !a || a->kind == LG_ADDR_BCAST)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    if (!f->is_shared)
        lg_stat_inc(net->stats, e->mtu ? LG_STAT_ICMP_TOO_BIG : LG_STAT_ICMP_UNREACH);
    bool is_here = e->mtu ? net->ops->too_big(net->ctx, &e->t, e->seq, e->mtu)
                          : net->ops->unreachable(net->ctx, &e->t, e->seq);
    if (!is_here)
        lg_net_share_error(net, f);
    return LG_DONE;
}

/* What an old router that names no MTU must mean: the next usual one below what did not fit.
 *   RFC      1191 5, 7.1 */
static uint32_t guess_mtu(uint32_t packet_sz)
{
    static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    uint32_t i = 0;

    while (i + 1 < LG_ARRAY_CNT(plateaus) && plateaus[i] >= packet_sz)
        i++;
    return plateaus[i];
}

static enum lg_verdict rx_unreach4(struct lg_net *net, const struct lg_net_frame *f, uint8_t code)
{
    const struct lg_icmp_hdr *icmp = (const struct lg_icmp_hdr *)(const void *)f->l4;
    struct lg_cur c = lg_cur(lg_span(f->l4, f->l4_len));
    struct lg_ip4_hdr ip;
    struct error e = {0};

    lg_cur_bytes(&c, sizeof *icmp);
    lg_span_t quoted = lg_cur_bytes(&c, sizeof ip);
    if (c.failed)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    memcpy(&ip, quoted.p, sizeof ip);
    uint32_t hdr_sz = (ip.ver_ihl & 15) * 4u;
    /* 2, 3: no such protocol or port; 4: too big; 9, 10, 13: forbidden. The others may pass. */
    bool is_hard = (code >= 2 && code <= 4) || code == 9 || code == 10 || code == 13;
    if (!is_hard || ip.ver_ihl >> 4 != 4 || hdr_sz < sizeof ip || ip.proto != LG_PROTO_TCP ||
        (lg_from_be16(ip.frag) & LG_IP4_OFF) != 0)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    if (code == 4) {
        e.mtu = lg_from_be32(icmp->rest) & 0xffff;
        if (e.mtu == 0)
            e.mtu = guess_mtu(lg_from_be16(ip.len));
        if (e.mtu < 68) /* no such link: RFC 791 */
            return lg_net_drop(net, LG_STAT_DROP_ICMP);
    }
    lg_cur_bytes(&c, hdr_sz - sizeof ip);
    e.t.local_ip = lg_ip_v4(ip.src);
    e.t.remote_ip = lg_ip_v4(ip.dst);
    return pass_on(net, f, &e, &c);
}

enum lg_verdict lg_icmp4_rx(struct lg_net *net, struct lg_net_frame *f)
{
    const struct lg_icmp_hdr *icmp = (const struct lg_icmp_hdr *)(const void *)f->l4;

    if (f->l4_len < sizeof *icmp)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    if (lg_csum_fold(lg_csum_add(0, f->l4, f->l4_len)) != 0xffff)
        return lg_net_drop(net, LG_STAT_DROP_L4_CSUM);
    if (icmp->type == LG_ICMP4_ECHO)
        return answer_echo(net, f, LG_ICMP4_ECHO_REPLY, LG_PROTO_ICMP);
    if (icmp->type == LG_ICMP4_UNREACH)
        return rx_unreach4(net, f, icmp->code);
    return lg_net_drop(net, LG_STAT_DROP_ICMP);
}

/* mtu 0: unreachable. */
static enum lg_verdict rx_error6(struct lg_net *net, const struct lg_net_frame *f, uint32_t mtu)
{
    struct lg_cur c = lg_cur(lg_span(f->l4, f->l4_len));
    struct lg_ip6_hdr ip;
    struct error e = {.mtu = mtu};

    lg_cur_bytes(&c, sizeof(struct lg_icmp_hdr));
    lg_span_t quoted = lg_cur_bytes(&c, sizeof ip);
    if (c.failed)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    memcpy(&ip, quoted.p, sizeof ip);
    /* We never send extension headers. */
    if (lg_from_be32(ip.ver_flow) >> 28 != 6 || ip.next != LG_PROTO_TCP)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    e.t.local_ip = lg_ip_v6(ip.src);
    e.t.remote_ip = lg_ip_v6(ip.dst);
    return pass_on(net, f, &e, &c);
}

static enum lg_verdict rx_unreach6(struct lg_net *net, const struct lg_net_frame *f, uint8_t code)
{
    /* 1: forbidden; 4: no such port; 5, 6: refused by policy. The others may pass. */
    if (code != 1 && (code < 4 || code > 6))
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    return rx_error6(net, f, 0);
}

static enum lg_verdict rx_too_big6(struct lg_net *net, const struct lg_net_frame *f)
{
    const struct lg_icmp_hdr *icmp = (const struct lg_icmp_hdr *)(const void *)f->l4;
    uint32_t mtu = lg_from_be32(icmp->rest);

    /*= https://www.rfc-editor.org/rfc/rfc8201#section-4
     *# If a node receives a Packet Too Big message reporting a next-hop MTU that is less than the
     *# IPv6 minimum link MTU, it must discard it. */
    if (mtu < LG_IP6_MTU_MIN)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    return rx_error6(net, f, LG_MIN(mtu, (uint32_t)UINT16_MAX));
}

enum lg_verdict lg_icmp6_rx(struct lg_net *net, struct lg_net_frame *f)
{
    const struct lg_icmp_hdr *icmp = (const struct lg_icmp_hdr *)(const void *)f->l4;
    uint64_t sum = lg_csum_pseudo(&f->src, &f->dst, LG_PROTO_ICMP6, f->l4_len);

    if (f->l4_len < sizeof *icmp)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    if (lg_csum_fold(lg_csum_add(sum, f->l4, f->l4_len)) != 0xffff)
        return lg_net_drop(net, LG_STAT_DROP_L4_CSUM);
    if (icmp->type == LG_ICMP6_NS || icmp->type == LG_ICMP6_NA)
        return lg_nd_rx(net, f);
    if (lg_addr_find(net, &f->src))
        return lg_net_drop(net, LG_STAT_DROP_IP_MARTIAN);
    if (icmp->type == LG_ICMP6_RA)
        return lg_ra_rx(net, f);
    /* All else is for one host, from one host. */
    if (lg_ip_is_any(&f->src) || lg_ip_is_multicast(&f->dst))
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    if (icmp->type == LG_ICMP6_ECHO)
        return answer_echo(net, f, LG_ICMP6_ECHO_REPLY, LG_PROTO_ICMP6);
    if (icmp->type == LG_ICMP6_UNREACH)
        return rx_unreach6(net, f, icmp->code);
    if (icmp->type == LG_ICMP6_TOO_BIG)
        return rx_too_big6(net, f);
    return lg_net_drop(net, LG_STAT_DROP_ICMP);
}
