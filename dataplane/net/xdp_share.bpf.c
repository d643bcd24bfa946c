/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xdp_share.bpf.c: an XDP program that runs in the kernel, on an interface which Lockgate shares
 * with it (ports[].share). Frames for the addresses in lg_addrs go to the queue's AF_XDP socket,
 * all others to the kernel's stack, as do these when no socket is there (any more).
 *
 *      IPv4, IPv6   by the destination address
 *      ARP          by the target address: questions about ours, answers to us
 *      ND to groups by the target address: solicitations for ours, claims on ours
 *
 * The names xsk_def_prog, xsks_map and xsk_prog_version are an agreement with libxdp: a
 * program that has them is taken for its own by the sockets that DPDK opens, which enter themselves
 * in xsks_map instead of attaching another.
 *
 * Not looked into: VLAN tags, IPv6 extension headers before ND; those frames are the kernel's. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct addr {
    __u8 b[16]; /* IPv4 as ::ffff:a.b.c.d: lg_ip_t */
};

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 64); /* queues: LG_MAX_WORKERS */
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 256);
    __type(key, struct addr);
    __type(value, __u8);
} lg_addrs SEC(".maps");

struct arp_ip4 {
    __u16 htype, ptype;
    __u8 hlen, plen;
    __u16 op;
    __u8 sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed));

struct nd {
    struct ipv6hdr ip;
    __u8 type, code;
    __u16 csum;
    __u32 rest;
    struct in6_addr target;
} __attribute__((packed));

static __always_inline struct addr addr4(const void *ip)
{
    struct addr a = {.b = {[10] = 0xff, [11] = 0xff}};
    __builtin_memcpy(a.b + 12, ip, 4);
    return a;
}

/* Whose address decides; all zero: the kernel's. */
static __always_inline struct addr deciding_ip6(const void *p, const void *end)
{
    const struct ipv6hdr *ip = p;
    const struct nd *nd = p;
    struct addr a = {0};

    if ((const void *)(ip + 1) > end)
        return a;
    __builtin_memcpy(a.b, &ip->daddr, 16);
    if (a.b[0] != 0xff)
        return a;
    a.b[0] = 0;
    if ((const void *)(nd + 1) <= end && ip->nexthdr == IPPROTO_ICMPV6 &&
        (nd->type == 135 || nd->type == 136)) /* neighbour solicitation, advertisement */
        __builtin_memcpy(a.b, &nd->target, 16);
    return a;
}

static __always_inline struct addr deciding(const struct xdp_md *ctx)
{
    const void *end = (const void *)(long)ctx->data_end;
    const struct ethhdr *eth = (const void *)(long)ctx->data;
    const void *p = eth + 1;
    struct addr none = {0};

    if (p > end)
        return none;
    if (eth->h_proto == bpf_htons(ETH_P_IP)) {
        const struct iphdr *ip = p;
        return (const void *)(ip + 1) > end ? none : addr4(&ip->daddr);
    }
    if (eth->h_proto == bpf_htons(ETH_P_ARP)) {
        const struct arp_ip4 *arp = p;
        return (const void *)(arp + 1) > end ? none : addr4(arp->target_ip);
    }
    if (eth->h_proto == bpf_htons(ETH_P_IPV6))
        return deciding_ip6(p, end);
    return none;
}

SEC("xdp") int xsk_def_prog(struct xdp_md *ctx)
{
    struct addr a = deciding(ctx);

    if (!bpf_map_lookup_elem(&lg_addrs, &a))
        return XDP_PASS;
    return (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS);
}

char lg_license[] SEC("license") = "GPL";
__uint(xsk_prog_version, 1) SEC("xdp_metadata");
