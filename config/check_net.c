/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check_net.c: our addresses, static routes, and whether backends can be reached by them. */
#include "check.h"

#include <string.h>

#define PREFIX_STR_SZ (LG_IP_STR_SZ + 4)

static const char *prefix_text(const struct lg_prefix *p, char buf[PREFIX_STR_SZ])
{
    char ip[LG_IP_STR_SZ];
    snprintf(buf, PREFIX_STR_SZ, "%s/%u", lg_ip_text(&p->ip, ip), p->len);
    return buf;
}

/* fill_host gives the prefix with every bit after its length set to `bit`. */
static struct lg_prefix fill_host(const struct lg_prefix *p, bool bit)
{
    struct lg_prefix out = *p;
    uint32_t bits = p->len + (lg_ip_is_v4(&p->ip) ? 96u : 0u);

    for (uint32_t i = bits; i < 128; i++) {
        uint8_t mask = (uint8_t)(0x80u >> (i % 8));
        out.ip.b[i / 8] = (uint8_t)(bit ? out.ip.b[i / 8] | mask : out.ip.b[i / 8] & ~mask);
    }
    return out;
}

const struct lg_cfg_port *lg_check_owner(const struct lg_config *cfg, const lg_ip_t *ip)
{
    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        for (uint32_t k = 0; k < cfg->ports[i].address_cnt; k++)
            if (lg_ip_eq(&cfg->ports[i].addresses[k].ip, ip))
                return &cfg->ports[i];
    return NULL;
}

/* on_link finds the port on whose network ip lies: longest prefix first, then file order. */
static bool on_link(const struct lg_config *cfg, const lg_ip_t *ip, uint32_t *port_idx)
{
    int best = -1;

    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        for (uint32_t k = 0; k < cfg->ports[i].address_cnt; k++) {
            const struct lg_prefix *p = &cfg->ports[i].addresses[k];
            if (p->len > best && lg_prefix_has(p, ip)) {
                best = p->len;
                *port_idx = i;
            }
        }
    return best >= 0;
}

/* ---------------------------------------------------------------- ports */

/* address_problem: why p cannot be an interface's address; NULL when it can. */
static const char *address_problem(const struct lg_prefix *p)
{
    struct lg_prefix zeros = fill_host(p, false), ones = fill_host(p, true);
    bool has_hosts = lg_ip_is_v4(&p->ip) && p->len <= 30;

    if (lg_ip_is_any(&p->ip) || lg_ip_is_multicast(&p->ip))
        return "not the address of one machine";
    if (p->len == 0)
        return "a prefix of length 0 would put the whole internet on this port's link; give the "
               "network's real length";
    if (has_hosts && lg_ip_eq(&p->ip, &zeros.ip))
        return "the network's own address; expected one machine's";
    if (has_hosts && lg_ip_eq(&p->ip, &ones.ip))
        return "the network's broadcast address; expected one machine's";
    return NULL;
}

static void check_address(struct lg_check *c, struct lg_set *seen, struct lg_node *n, uint32_t port,
                          uint32_t idx)
{
    const struct lg_prefix *p = &c->cfg->ports[port].addresses[idx];
    char key[LG_KEY_SZ], text[PREFIX_STR_SZ];
    const char *problem = address_problem(p);
    uint32_t other;

    lg_key(key, "ports[%u].addresses[%u]", port, idx);
    prefix_text(p, text);
    if (problem)
        lg_check_error(c, n, key, "%s: %s", text, problem);
    else if (!lg_set_add(seen, lg_span(p->ip.b, sizeof p->ip.b), port, &other))
        lg_check_error(c, n, key,
                       "%s is already an address of ports[%u]; an address belongs to "
                       "one port, once",
                       lg_ip_text(&p->ip, text), other);
}

static bool overlap(const struct lg_cfg_port *a, const struct lg_cfg_port *b,
                    const struct lg_prefix **shared)
{
    for (uint32_t i = 0; i < a->address_cnt; i++)
        for (uint32_t k = 0; k < b->address_cnt; k++) {
            const struct lg_prefix *p = &a->addresses[i], *q = &b->addresses[k];
            *shared = p->len <= q->len ? p : q;
            if (lg_prefix_has(*shared, p->len <= q->len ? &q->ip : &p->ip))
                return true;
        }
    return false;
}

static void warn_overlaps(struct lg_check *c, struct lg_node *ports)
{
    struct lg_config *cfg = c->cfg;
    const struct lg_prefix *shared;
    char key[LG_KEY_SZ], text[PREFIX_STR_SZ];
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(ports); n && i < cfg->port_cnt; n = lg_next(ports, n), i++)
        for (uint32_t k = 0; k < i; k++)
            if (overlap(&cfg->ports[k], &cfg->ports[i], &shared)) {
                struct lg_prefix net = fill_host(shared, false);
                lg_check_warn(c, n, lg_key(key, "ports[%u].addresses", i),
                              "%s is the network of port \"%s\" too; packets to it leave by the "
                              "longest prefix, then by the first port",
                              prefix_text(&net, text), cfg->ports[k].name);
            }
}

/* What does not go with an interface that the kernel uses too. */
static void check_share(struct lg_check *c, struct lg_node *n, uint32_t i)
{
    const struct lg_cfg_port *p = &c->cfg->ports[i];
    char key[LG_KEY_SZ];

    if (!p->share)
        return;
    lg_key(key, "ports[%u].share", i);
    if (!p->device || strncmp(p->device, "af_xdp:", 7) != 0)
        lg_check_error(c, n, key, "only an af_xdp: port shares its interface with the kernel");
    if (p->has_mac)
        lg_check_error(c, n, key, "a shared interface keeps its own mac: leave out ports[%u].mac",
                       i);
    if (p->router_advertisements)
        lg_check_error(c, n, key,
                       "router advertisements of a shared interface go to the kernel: give routes");
}

static void check_ports(struct lg_check *c, struct lg_node *ports)
{
    struct lg_config *cfg = c->cfg;
    struct lg_set seen;
    uint32_t i = 0;

    if (!lg_set_open(&seen, c->arena, LG_MAX_PORTS * LG_MAX_PORT_ADDRS)) {
        lg_check_error(c, ports, "ports", "out of memory");
        return;
    }
    for (struct lg_node *n = lg_items(ports); n && i < cfg->port_cnt; n = lg_next(ports, n), i++) {
        struct lg_node *list = lg_node_find(n, "addresses");
        uint32_t k = 0;
        check_share(c, n, i);
        for (struct lg_node *a = lg_items(list); a && k < cfg->ports[i].address_cnt;
             a = lg_next(list, a), k++)
            if (!a->is_bad)
                check_address(c, &seen, a, i, k);
    }
    if (lg_node_is_clean(ports))
        warn_overlaps(c, ports);
}

/* ---------------------------------------------------------------- routes */

static void check_to(struct lg_check *c, struct lg_set *seen, struct lg_node *to, uint32_t i)
{
    struct lg_cfg_route *r = &c->cfg->routes[i];
    struct lg_prefix net = fill_host(&r->to, false);
    char key[LG_KEY_SZ], text[PREFIX_STR_SZ], want[PREFIX_STR_SZ];
    uint32_t other;

    lg_key(key, "routes[%u].to", i);
    prefix_text(&r->to, text);
    if (!lg_ip_eq(&net.ip, &r->to.ip))
        lg_check_error(c, to, key, "%s has bits set after its prefix; did you mean %s?", text,
                       prefix_text(&net, want));
    else if (!lg_set_add(seen, lg_span(&r->to, sizeof r->to), i, &other))
        lg_check_error(c, to, key, "%s is already the destination of routes[%u]", text, other);
}

static void check_via(struct lg_check *c, struct lg_node *to, struct lg_node *via, uint32_t i)
{
    struct lg_cfg_route *r = &c->cfg->routes[i];
    char key[LG_KEY_SZ], text[LG_IP_STR_SZ];

    lg_key(key, "routes[%u].via", i);
    lg_ip_text(&r->via, text);
    if (lg_is_good(to) && lg_ip_is_v4(&r->to.ip) != lg_ip_is_v4(&r->via))
        lg_check_error(c, via, key, "%s is not of the same family as the destination", text);
    else if (lg_check_owner(c->cfg, &r->via))
        lg_check_error(c, via, key, "%s is our own address on port \"%s\"; expected the router's",
                       text, lg_check_owner(c->cfg, &r->via)->name);
    else if (!on_link(c->cfg, &r->via, &r->port_idx))
        lg_check_error(c, via, key,
                       "%s is not on the network of any port; give a port an address of that "
                       "network, or a router that is on one",
                       text);
}

static void check_routes(struct lg_check *c, struct lg_node *routes, bool ports_ok)
{
    struct lg_config *cfg = c->cfg;
    struct lg_set seen;
    uint32_t i = 0;

    if (!lg_set_open(&seen, c->arena, cfg->route_cnt)) {
        lg_check_error(c, routes, "routes", "out of memory");
        return;
    }
    for (struct lg_node *n = lg_items(routes); n && i < cfg->route_cnt;
         n = lg_next(routes, n), i++) {
        struct lg_node *to = lg_node_find(n, "to"), *via = lg_node_find(n, "via");
        if (lg_is_good(to))
            check_to(c, &seen, to, i);
        if (lg_is_good(via) && ports_ok)
            check_via(c, to, via, i);
    }
}

bool lg_check_net(struct lg_check *c)
{
    struct lg_node *ports = lg_node_find(c->root, "ports");
    struct lg_node *routes = lg_node_find(c->root, "routes");

    check_ports(c, ports);
    bool ports_ok = ports && lg_node_is_clean(ports);
    check_routes(c, routes, ports_ok);
    return ports_ok && lg_node_is_clean(routes);
}

/* ---------------------------------------------------------------- backends */

bool lg_check_has_route(const struct lg_config *cfg, const lg_ip_t *ip)
{
    uint32_t port_idx;

    if (on_link(cfg, ip, &port_idx))
        return true;
    for (uint32_t i = 0; i < cfg->route_cnt; i++)
        if (lg_prefix_has(&cfg->routes[i].to, ip))
            return true;
    return false;
}

static void check_backend(struct lg_check *c, struct lg_node *n, uint32_t pool, uint32_t idx)
{
    const lg_ip_t *ip = &c->cfg->pools[pool].backends[idx].addr.ip;
    const struct lg_cfg_port *owner = lg_check_owner(c->cfg, ip);
    char key[LG_KEY_SZ], text[LG_IP_STR_SZ];

    lg_key(key, "pools[%u].backends[%u].address", pool, idx);
    lg_ip_text(ip, text);
    if (c->cfg->pools[pool].backends[idx].host)
        return; /* its addresses are judged when they are known: names.c */
    if (lg_ip_is_any(ip))
        lg_check_error(c, n, key, "%s is not the address of one machine", text);
    else if (c->has_net && owner)
        lg_check_error(c, n, key,
                       "%s is our own address on port \"%s\"; expected a backend server's", text,
                       owner->name);
    else if (c->has_net && !lg_check_has_route(c->cfg, ip))
        lg_check_error(c, n, key,
                       "%s is not on the network of any port, and no route leads there; add a "
                       "route, for example {to: %s/%u, via: ROUTER} under routes:",
                       text, text, lg_ip_is_v4(ip) ? 32 : 128);
}

void lg_check_backends(struct lg_check *c)
{
    struct lg_config *cfg = c->cfg;
    struct lg_node *pools = lg_node_find(c->root, "pools");
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(pools); n && i < cfg->pool_cnt; n = lg_next(pools, n), i++) {
        struct lg_node *list = lg_node_find(n, "backends");
        uint32_t k = 0;
        for (struct lg_node *b = lg_items(list); b && k < cfg->pools[i].backend_cnt;
             b = lg_next(list, b), k++) {
            struct lg_node *address = lg_node_find(b, "address");
            if (lg_is_good(address))
                check_backend(c, address, i, k);
        }
    }
}
