/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ra.c: routers that advertise themselves, on ports with router_advertisements: a default route for
 * IPv6, used where no configured route fits. RFC 4861 section 6 (a host's part), 4191 (preference).
 *
 * Kept: at most LG_NET_ROUTERS, until their lifetime ends or a better one needs the place; one that
 * does not answer neighbour discovery comes after those that do. What an advertisement says of
 * prefixes, addresses, hop limits, timers, MTU and name servers is ignored: those are the
 * configuration's. */
#include "net_priv.h"

#define RS_EVERY_NS LG_SEC(4) /* RTR_SOLICITATION_INTERVAL */
#define RS_CNT 3u             /* MAX_RTR_SOLICITATIONS */

static const lg_ip_t all_routers = {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

static bool is_wanted(const struct lg_net *net)
{
    for (uint32_t i = 0; i < net->cfg.cfg->port_cnt; i++)
        if (net->cfg.cfg->ports[i].router_advertisements)
            return true;
    return false;
}

void lg_ra_init(struct lg_net *net, lg_ns_t now_ns)
{
    /* Behind duplicate address detection, so that the question can name who asks. */
    bool asks = is_wanted(net) && !net->cfg.is_quiet;
    net->ra_at_ns = asks ? lg_ns_add(now_ns, LG_SEC(1) + LG_MS(10)) : LG_NS_NEVER;
}

static struct lg_router *find(struct lg_net *net, uint16_t port, const lg_ip_t *ip)
{
    for (uint32_t i = 0; i < net->router_cnt; i++)
        if (net->routers[i].port == port && lg_ip_eq(&net->routers[i].ip, ip))
            return &net->routers[i];
    return NULL;
}

static void drop(struct lg_net *net, struct lg_router *r)
{
    *r = net->routers[--net->router_cnt];
    net->neigh->gen++; /* destinations remembered with it are void */
}

/* Preferences of RFC 4191 section 2.1 in ascending order: low, medium, high. */
static uint8_t rank_of(uint32_t flags)
{
    static const uint8_t rank[4] = {1, 2, 1, 0}; /* reserved counts as medium */
    return rank[flags >> 3 & 3];
}

static bool is_better(const struct lg_router *a, const struct lg_router *b)
{
    if (a->is_suspect != b->is_suspect)
        return b->is_suspect;
    return a->rank > b->rank;
}

bool lg_ra_route(const struct lg_net *net, uint16_t *port, lg_ip_t *hop)
{
    const struct lg_router *best = NULL;

    for (uint32_t i = 0; i < net->router_cnt; i++)
        if (!best || is_better(&net->routers[i], best))
            best = &net->routers[i];
    if (!best)
        return false;
    *port = best->port;
    *hop = best->ip;
    return true;
}

void lg_ra_unreachable(struct lg_net *net, uint16_t port, const lg_ip_t *ip)
{
    struct lg_router *r = find(net, port, ip);

    if (r)
        r->is_suspect = true;
}

void lg_ra_no_router(struct lg_net *net, uint16_t port, const lg_ip_t *ip)
{
    struct lg_router *r = find(net, port, ip);

    if (r)
        drop(net, r);
}

/* When the next of them ends, or is to be asked for. */
static void schedule(struct lg_net *net)
{
    lg_ns_t at_ns = net->rs_cnt < RS_CNT && !net->cfg.is_quiet && net->router_cnt == 0
                        ? net->rs_at_ns
                        : LG_NS_NEVER;

    for (uint32_t i = 0; i < net->router_cnt; i++)
        at_ns = LG_MIN(at_ns, net->routers[i].until_ns);
    net->ra_at_ns = at_ns;
}

/* place_for: an entry for a router of that rank; when all are taken, that of one that does not
 * answer or is preferred less. NULL: all are as good. */
static struct lg_router *place_for(struct lg_net *net, uint8_t rank)
{
    const struct lg_router news = {.rank = rank};
    struct lg_router *worst = &net->routers[0];

    if (net->router_cnt < LG_NET_ROUTERS)
        return &net->routers[net->router_cnt++];
    for (uint32_t i = 1; i < net->router_cnt; i++)
        if (is_better(worst, &net->routers[i]))
            worst = &net->routers[i];
    return is_better(&news, worst) ? worst : NULL;
}

static void learn(struct lg_net *net, const struct lg_net_frame *f, uint32_t flags,
                  uint32_t lifetime_s)
{
    struct lg_router *r = find(net, f->port, &f->src);

    if (lifetime_s == 0) {
        if (r)
            drop(net, r);
        return;
    }
    if (!r) {
        r = place_for(net, rank_of(flags));
        if (!r) {
            lg_stat_inc(net->stats, LG_STAT_DROP_ND);
            return;
        }
        *r = (struct lg_router){.ip = f->src, .port = f->port, .rank = UINT8_MAX};
    }
    if (r->rank != rank_of(flags) || r->is_suspect)
        net->neigh->gen++;
    r->rank = rank_of(flags);
    r->is_suspect = false;
    r->until_ns = lg_ns_add(f->now_ns, LG_SEC((lg_ns_t)lifetime_s));
}

enum lg_verdict lg_ra_rx(struct lg_net *net, struct lg_net_frame *f)
{
    const struct lg_icmp_hdr *icmp = (const struct lg_icmp_hdr *)(const void *)f->l4;
    uint8_t mac[6];
    bool has_mac;

    if (!net->cfg.cfg->ports[f->port].router_advertisements)
        return lg_net_drop(net, LG_STAT_DROP_ICMP);
    /* RFC 4861 section 6.1.2: from a neighbour, whole, every option with a length. */
    if (f->hops != 255 || f->is_fragment || icmp->code != 0 || f->l4_len < LG_RA_SZ ||
        !lg_ip_is_link_local(&f->src) ||
        !lg_nd_find_lla(f, LG_RA_SZ, LG_ND_OPT_SLLA, &has_mac, mac))
        return lg_net_drop(net, LG_STAT_DROP_ND);
    uint32_t rest = lg_from_be32(icmp->rest); /* hop limit, flags, lifetime */
    lg_net_share(net, f);
    learn(net, f, rest >> 16 & 0xff, rest & 0xffff);
    if (has_mac && (rest & 0xffff) != 0)
        lg_nud_asked(net, f->port, &f->src, mac, f->now_ns);
    schedule(net);
    return LG_DONE;
}

static void solicit(struct lg_net *net)
{
    for (uint32_t i = 0; i < net->cfg.cfg->port_cnt; i++)
        if (net->cfg.cfg->ports[i].router_advertisements)
            lg_nd_send_rs(net, (uint16_t)i, &all_routers);
}

unsigned lg_ra_poll(struct lg_net *net, lg_ns_t now_ns)
{
    if (LG_LIKELY(now_ns < net->ra_at_ns))
        return 0;
    for (uint32_t i = net->router_cnt; i-- > 0;)
        if (net->routers[i].until_ns <= now_ns)
            drop(net, &net->routers[i]);
    if (net->router_cnt == 0 && net->rs_cnt < RS_CNT && !net->cfg.is_quiet &&
        now_ns >= net->rs_at_ns) {
        solicit(net);
        net->rs_cnt++;
        net->rs_at_ns = lg_ns_add(now_ns, RS_EVERY_NS);
    }
    schedule(net);
    return 1;
}
