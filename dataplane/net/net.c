/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.c: a worker's IP layer as a whole: its memory, the way in from Ethernet, and what is due by
 * time. The protocols are in the files beside it. */
#include "net_priv.h"

#define SHARE_RATE_PS 1000u
#define SHARE_BURST 256u
#define ANNOUNCE_EVERY_NS LG_SEC(1)
#define ANNOUNCE_STEP 32u /* addresses announced in one poll */
#define POLL_BUDGET 64u

size_t lg_net_footprint(const struct lg_net_cfg *cfg)
{
    return lg_align_up(sizeof(struct lg_net), LG_CACHE_LINE) +
           lg_align_up(lg_addr_cnt_max(cfg->cfg) * sizeof(struct lg_net_addr), LG_CACHE_LINE) +
           lg_align_up(lg_addr_slot_cnt(cfg->cfg) * sizeof(uint16_t), LG_CACHE_LINE) +
           lg_align_up(lg_addr_route_cnt(cfg->cfg) * sizeof(struct lg_net_route), LG_CACHE_LINE) +
           lg_align_up(sizeof(struct lg_neigh_table), LG_CACHE_LINE);
}

struct lg_net *lg_net_init(void *mem, const struct lg_net_cfg *cfg, const struct lg_net_ops *ops,
                           void *ctx, struct lg_bufpool *pool, struct lg_stats *stats,
                           lg_ns_t now_ns)
{
    struct lg_net *net = mem;
    uint8_t *p = (uint8_t *)mem + lg_align_up(sizeof *net, LG_CACHE_LINE);

    *net = (struct lg_net){.cfg = *cfg, .ops = ops, .ctx = ctx, .pool = pool, .stats = stats};
    net->addrs = (struct lg_net_addr *)(void *)p;
    p += lg_align_up(lg_addr_cnt_max(cfg->cfg) * sizeof *net->addrs, LG_CACHE_LINE);
    net->addr_slots = (uint16_t *)(void *)p;
    net->addr_mask = lg_addr_slot_cnt(cfg->cfg) - 1;
    p += lg_align_up(lg_addr_slot_cnt(cfg->cfg) * sizeof *net->addr_slots, LG_CACHE_LINE);
    net->routes = (struct lg_net_route *)(void *)p;
    p += lg_align_up(lg_addr_route_cnt(cfg->cfg) * sizeof *net->routes, LG_CACHE_LINE);
    net->neigh = (struct lg_neigh_table *)(void *)p;
    for (uint64_t i = 0; i < 2; i++)
        net->hash_key[i] = lg_siphash(&cfg->secret, &i, sizeof i);
    lg_addr_init(net);
    lg_dad_init(net, now_ns);
    lg_ra_init(net, now_ns);
    lg_neigh_init(net->neigh, &cfg->secret);
    lg_wheel_init(&net->wheel, now_ns);
    net->announce_at_ns = cfg->is_quiet ? LG_NS_NEVER : now_ns;
    return net;
}

void lg_net_fini(struct lg_net *net)
{
    lg_nud_fini(net);
}

bool lg_bucket_take(struct lg_bucket *bk, uint32_t rate_ps, uint32_t burst, lg_ns_t now_ns)
{
    lg_ns_t each_ns = LG_SEC(1) / rate_ps, gone_ns = lg_ns_since(now_ns, bk->at_ns);

    if (gone_ns >= each_ns * burst) {
        bk->tokens = burst;
        bk->at_ns = now_ns;
    } else {
        uint32_t more = (uint32_t)(gone_ns / each_ns);
        bk->tokens = LG_MIN(bk->tokens + more, burst);
        bk->at_ns += more * each_ns;
    }
    if (bk->tokens == 0)
        return false;
    bk->tokens--;
    return true;
}

void lg_net_share(struct lg_net *net, const struct lg_net_frame *f)
{
    if (!f->is_shared && lg_bucket_take(&net->share, SHARE_RATE_PS, SHARE_BURST, f->now_ns))
        net->ops->share(net->ctx, f->b);
}

void lg_net_share_error(struct lg_net *net, const struct lg_net_frame *f)
{
    if (!f->is_shared && lg_bucket_take(&net->share_error, SHARE_RATE_PS, SHARE_BURST, f->now_ns))
        net->ops->share(net->ctx, f->b);
}

/* Is the frame for us? Every group is taken that our IPv6 addresses could need; ip6.c looks
 * closer. */
static bool is_mac_ours(const struct lg_net *net, const struct lg_net_frame *f, uint16_t type)
{
    const uint8_t *dst = f->eth->dst;

    if (lg_mac_is_multicast(f->eth->src))
        return false;
    if (LG_LIKELY(memcmp(dst, net->cfg.ports[f->port].mac, 6) == 0))
        return true;
    if (type == LG_ETH_IP6)
        return dst[0] == 0x33 && dst[1] == 0x33;
    return memcmp(dst, "\xff\xff\xff\xff\xff\xff", 6) == 0;
}

static enum lg_verdict rx(struct lg_net *net, struct lg_net_frame *f)
{
    if (f->b->len < sizeof *f->eth || f->port >= net->cfg.cfg->port_cnt)
        return lg_net_drop(net, LG_STAT_DROP_ETH);
    uint16_t type = lg_from_be16(f->eth->type);
    if (!is_mac_ours(net, f, type))
        return lg_net_drop(net, LG_STAT_DROP_ETH);
    switch (type) {
    case LG_ETH_IP4:
        return lg_ip4_rx(net, f);
    case LG_ETH_IP6:
        return lg_ip6_rx(net, f);
    case LG_ETH_ARP:
        return lg_arp_rx(net, f);
    default:
        return lg_net_drop(net, LG_STAT_DROP_ETHERTYPE);
    }
}

enum lg_verdict lg_net_rx(struct lg_net *net, struct lg_buf *b, struct lg_pkt *pkt, lg_ns_t now_ns)
{
    struct lg_net_frame f = {
        .b = b, .eth = (struct lg_eth_hdr *)(void *)b->data, .port = b->port, .now_ns = now_ns};
    enum lg_verdict v = rx(net, &f);

    if (v != LG_KEEP) {
        lg_buf_give(b);
        return v;
    }
    b->data = f.l4;
    b->len = f.l4_len;
    *pkt = (struct lg_pkt){f.src, f.dst, lg_get_be16(f.l4), lg_get_be16(f.l4 + 2)};
    return LG_KEEP;
}

void lg_net_rx_shared(struct lg_net *net, struct lg_buf *b, lg_ns_t now_ns)
{
    struct lg_net_frame f = {.b = b,
                             .eth = (struct lg_eth_hdr *)(void *)b->data,
                             .port = b->port,
                             .is_shared = true,
                             .now_ns = now_ns};

    rx(net, &f); /* never LG_KEEP: a shared TCP segment is refused */
    lg_buf_give(b);
}

/* One step of telling everybody where our addresses are, three rounds in all. */
static unsigned announce(struct lg_net *net, lg_ns_t now_ns)
{
    unsigned done = 0;

    for (; net->announce_idx < net->addr_cnt && done < ANNOUNCE_STEP; net->announce_idx++) {
        const struct lg_net_addr *a = &net->addrs[net->announce_idx];
        if (a->kind == LG_ADDR_BCAST || a->dad != LG_DAD_USABLE)
            continue;
        if (lg_ip_is_v4(&a->prefix.ip))
            lg_arp_announce(net, a->port, &a->prefix.ip);
        else
            lg_nd_announce(net, a->port, &a->prefix.ip);
        done++;
    }
    if (net->announce_idx < net->addr_cnt)
        return done;
    net->announce_idx = 0;
    bool is_over = ++net->announce_round == LG_NET_ANNOUNCE_ROUNDS;
    net->announce_at_ns = is_over ? LG_NS_NEVER : lg_ns_add(now_ns, ANNOUNCE_EVERY_NS);
    return done;
}

unsigned lg_net_poll(struct lg_net *net, lg_ns_t now_ns)
{
    unsigned done = lg_wheel_poll(&net->wheel, now_ns, POLL_BUDGET, lg_nud_fire, net);

    done += lg_dad_poll(net, now_ns) + lg_ra_poll(net, now_ns);
    if (LG_UNLIKELY(now_ns >= net->announce_at_ns))
        done += announce(net, now_ns);
    return done;
}

lg_ns_t lg_net_next(const struct lg_net *net)
{
    lg_ns_t at_ns = LG_MIN(net->dad_at_ns, net->ra_at_ns);

    return LG_MIN(LG_MIN(lg_wheel_next(&net->wheel), net->announce_at_ns), at_ns);
}

uint32_t lg_net_neighbour_cnt(const struct lg_net *net)
{
    return net->neigh->cnt;
}
