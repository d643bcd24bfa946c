/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.c: which addresses are ours, and where others are: the on-link prefixes of the ports and
 * the static routes of the config, all fixed at init. Behind those come advertised routers. */
#include "net_priv.h"

uint32_t lg_addr_cnt_max(const struct lg_config *cfg)
{
    uint32_t cnt = cfg->port_cnt; /* a link-local address each */

    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        cnt += 3 * cfg->ports[i].address_cnt; /* an IPv4 one brings two broadcast addresses */
    return cnt;
}

uint32_t lg_addr_slot_cnt(const struct lg_config *cfg)
{
    uint32_t cnt = 16;

    while (cnt < 4 * lg_addr_cnt_max(cfg))
        cnt *= 2;
    return cnt;
}

uint32_t lg_addr_route_cnt(const struct lg_config *cfg)
{
    uint32_t cnt = cfg->route_cnt;

    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        cnt += cfg->ports[i].address_cnt;
    return cnt;
}

struct lg_net_addr *lg_addr_own(struct lg_net *net, const lg_ip_t *ip)
{
    for (uint32_t s = lg_net_hash(net, ip) & net->addr_mask; net->addr_slots[s];
         s = (s + 1) & net->addr_mask) {
        struct lg_net_addr *a = &net->addrs[net->addr_slots[s] - 1];
        if (lg_ip_eq(&a->prefix.ip, ip))
            return a;
    }
    return NULL;
}

const struct lg_net_addr *lg_addr_find(const struct lg_net *net, const lg_ip_t *ip)
{
    const struct lg_net_addr *a = lg_addr_own((struct lg_net *)(uintptr_t)net, ip);

    if (a)
        return a;
    for (uint32_t i = 0; LG_UNLIKELY(i < net->range_cnt); i++)
        if (lg_prefix_has(&net->ranges[i].prefix, ip))
            return &net->ranges[i];
    return NULL;
}

static void add_addr(struct lg_net *net, const lg_ip_t *ip, uint8_t len, uint16_t port,
                     enum lg_addr_kind kind)
{
    uint32_t s = lg_net_hash(net, ip) & net->addr_mask;

    if (lg_addr_find(net, ip)) /* named twice: the first port has it */
        return;
    while (net->addr_slots[s])
        s = (s + 1) & net->addr_mask;
    net->addrs[net->addr_cnt] =
        (struct lg_net_addr){.prefix = {*ip, len}, .port = port, .kind = (uint8_t)kind};
    net->addr_slots[s] = (uint16_t)++net->addr_cnt;
}

/* The two addresses of an IPv4 network that no host has: all host bits zero, and all one. */
static void add_broadcast(struct lg_net *net, const struct lg_prefix *p, uint16_t port)
{
    lg_ip_t zero = p->ip, ones = p->ip;
    uint32_t host;

    if (!lg_ip_is_v4(&p->ip) || p->len > 30)
        return;
    host = UINT32_MAX >> p->len; /* len 0 gives all bits */
    lg_put_be32(zero.b + 12, lg_get_be32(p->ip.b + 12) & ~host);
    lg_put_be32(ones.b + 12, lg_get_be32(p->ip.b + 12) | host);
    add_addr(net, &zero, p->len, port, LG_ADDR_BCAST);
    add_addr(net, &ones, p->len, port, LG_ADDR_BCAST);
}

static uint8_t family_len(const struct lg_prefix *p)
{
    return (uint8_t)(lg_ip_is_v4(&p->ip) ? p->len + 96 : p->len);
}

/* Keeps routes ordered by insertion: longest first, and among equals the earlier one. */
static void add_route(struct lg_net *net, const struct lg_net_route *r)
{
    uint32_t at = net->route_cnt++;

    while (at > 0 && family_len(&net->routes[at - 1].to) < family_len(&r->to)) {
        net->routes[at] = net->routes[at - 1];
        at--;
    }
    net->routes[at] = *r;
}

static void init_routes(struct lg_net *net)
{
    const struct lg_config *cfg = net->cfg.cfg;

    for (uint32_t p = 0; p < cfg->port_cnt; p++)
        for (uint32_t i = 0; i < cfg->ports[p].address_cnt; i++)
            add_route(net, &(struct lg_net_route){.to = cfg->ports[p].addresses[i],
                                                  .port = (uint16_t)p,
                                                  .is_on_link = true});
    for (uint32_t i = 0; i < cfg->route_cnt; i++)
        add_route(net, &(struct lg_net_route){.to = cfg->routes[i].to,
                                              .via = cfg->routes[i].via,
                                              .port = (uint16_t)cfg->routes[i].port_idx});
}

void lg_addr_init(struct lg_net *net)
{
    const struct lg_config *cfg = net->cfg.cfg;

    for (uint32_t p = 0; p < cfg->port_cnt; p++)
        for (uint32_t i = 0; i < cfg->ports[p].address_cnt; i++)
            add_addr(net, &cfg->ports[p].addresses[i].ip, cfg->ports[p].addresses[i].len,
                     (uint16_t)p, LG_ADDR_OWN);
    net->own_cnt = net->addr_cnt;
    for (uint32_t p = 0; p < cfg->port_cnt; p++) {
        net->link_local[p] = lg_link_local(net->cfg.ports[p].mac, cfg->ports[p].share);
        add_addr(net, &net->link_local[p], 64, (uint16_t)p, LG_ADDR_LINK);
    }
    for (uint32_t p = 0; p < cfg->port_cnt; p++)
        for (uint32_t i = 0; i < cfg->ports[p].address_cnt; i++)
            add_broadcast(net, &cfg->ports[p].addresses[i], (uint16_t)p);
    for (uint32_t p = 0; p < cfg->port_cnt; p++)
        if (net->cfg.ports[p].has_range)
            net->ranges[net->range_cnt++] = (struct lg_net_addr){
                .prefix = net->cfg.ports[p].range, .port = (uint16_t)p, .kind = LG_ADDR_OWN};
    init_routes(net);
}

bool lg_addr_on_port(const struct lg_net *net, const lg_ip_t *ip, uint16_t port)
{
    const struct lg_net_addr *a = lg_addr_find(net, ip);

    /* A link-local address is found by its value: two ports with one MAC have the same. */
    return (a && a->kind == LG_ADDR_OWN && a->port == port) || lg_ip_eq(ip, &net->link_local[port]);
}

bool lg_addr_is_on_link(const struct lg_net *net, const lg_ip_t *ip, uint16_t port)
{
    const struct lg_cfg_port *p = &net->cfg.cfg->ports[port];

    if (lg_ip_is_any(ip) || lg_ip_is_multicast(ip) || lg_addr_find(net, ip))
        return false; /* nobody's, or ours */
    if (lg_ip_is_link_local(ip))
        return true;
    for (uint32_t i = 0; i < p->address_cnt; i++)
        if (lg_prefix_has(&p->addresses[i], ip))
            return true;
    return false;
}

bool lg_addr_for(const struct lg_net *net, uint16_t port, const lg_ip_t *hop, lg_ip_t *out)
{
    const struct lg_cfg_port *p = &net->cfg.cfg->ports[port];
    const struct lg_prefix *best = NULL, *first = NULL;

    if (lg_ip_is_link_local(hop)) {
        *out = net->link_local[port];
        return lg_dad_state(net, out) == LG_DAD_USABLE;
    }
    for (uint32_t i = 0; i < p->address_cnt; i++) {
        const struct lg_prefix *a = &p->addresses[i];
        if (lg_ip_is_v4(&a->ip) != lg_ip_is_v4(hop) || lg_ip_is_link_local(&a->ip) ||
            lg_dad_state(net, &a->ip) != LG_DAD_USABLE)
            continue;
        if (!first)
            first = a;
        if (lg_prefix_has(a, hop) && (!best || a->len > best->len))
            best = a;
    }
    if (!first)
        return false;
    *out = best ? best->ip : first->ip;
    return true;
}

/* The port a link-local destination is meant on: the one whose address the packet comes from. */
static bool find_link(const struct lg_net *net, const lg_ip_t *src, uint16_t *port)
{
    const struct lg_net_addr *a = src ? lg_addr_find(net, src) : NULL;

    *port = a ? a->port : 0;
    return a || net->cfg.cfg->port_cnt > 0;
}

bool lg_route_find(const struct lg_net *net, const lg_ip_t *src, const lg_ip_t *dst, uint16_t *port,
                   lg_ip_t *hop)
{
    if (lg_ip_is_any(dst) || lg_ip_is_multicast(dst) || lg_addr_find(net, dst))
        return false;
    if (lg_ip_is_link_local(dst)) {
        *hop = *dst;
        return find_link(net, src, port);
    }
    for (uint32_t i = 0; i < net->route_cnt; i++) {
        const struct lg_net_route *r = &net->routes[i];
        if (!lg_prefix_has(&r->to, dst))
            continue;
        *port = r->port;
        *hop = r->is_on_link ? *dst : r->via;
        return true;
    }
    return !lg_ip_is_v4(dst) && lg_ra_route(net, port, hop);
}

bool lg_net_source(const struct lg_net *net, const lg_ip_t *dst, lg_ip_t *src)
{
    uint16_t port;
    lg_ip_t hop;

    if (!lg_route_find(net, NULL, dst, &port, &hop))
        return false;
    /* A gateway may be known by its link-local address; the source must still be routable. */
    return lg_addr_for(net, port, lg_ip_is_link_local(&hop) ? dst : &hop, src);
}

bool lg_net_source_nth(const struct lg_net *net, const lg_ip_t *dst, uint32_t nth, lg_ip_t *src)
{
    uint16_t port;
    lg_ip_t hop, first;

    if (!lg_net_source(net, dst, &first) || !lg_route_find(net, NULL, dst, &port, &hop))
        return false;
    if (nth == 0) {
        *src = first;
        return true;
    }
    const struct lg_cfg_port *p = &net->cfg.cfg->ports[port];
    for (uint32_t i = 0; i < p->address_cnt; i++) {
        const lg_ip_t *ip = &p->addresses[i].ip;
        if (lg_ip_is_v4(ip) != lg_ip_is_v4(dst) || lg_ip_is_link_local(ip) ||
            lg_ip_eq(ip, &first) || lg_dad_state(net, ip) != LG_DAD_USABLE || --nth > 0)
            continue;
        *src = *ip;
        return true;
    }
    return false;
}

bool lg_net_port_of(const struct lg_net *net, const lg_ip_t *own, uint16_t *port)
{
    const struct lg_net_addr *a = lg_addr_find(net, own);

    if (!a || a->kind == LG_ADDR_BCAST)
        return false;
    *port = a->port;
    return true;
}

bool lg_net_is_local(const struct lg_net *net, const lg_ip_t *ip)
{
    const struct lg_net_addr *a = lg_addr_find(net, ip);

    return a && a->kind != LG_ADDR_BCAST;
}
