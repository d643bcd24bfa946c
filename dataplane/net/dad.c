/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dad.c: is one of our addresses somebody else's? IPv6 addresses are asked for before they are used
 * (RFC 4862 section 5.4):
 *
 *                  1 s without an objection
 *   TENTATIVE ------------------------------> USABLE     (announced, used)
 *       |
 *       +---- a probe or an advertisement for it ----> TAKEN    (never used; the operator is told)
 *
 * Every worker keeps the states of its own: the first one asks, and what answers is shared. Later,
 * and for IPv4 from the start, whoever claims an address of ours is told to the operator, and we
 * say once each 10 s that it is ours (RFC 5227 section 2.4, (b)).
 *
 * Not here: waiting for the link to come up before asking; asking for IPv4 addresses. */
#include "net_priv.h"

#define WAIT_NS LG_SEC(1) /* RetransTimer, RFC 4861 section 10 */
#define STEP 32u          /* addresses asked for in one poll */
#define CONFLICT_EVERY_NS LG_SEC(10)

void lg_dad_init(struct lg_net *net, lg_ns_t now_ns)
{
    net->dad_at_ns = LG_NS_NEVER;
    for (uint32_t i = 0; i < net->addr_cnt; i++) {
        struct lg_net_addr *a = &net->addrs[i];
        if (a->kind == LG_ADDR_BCAST || lg_ip_is_v4(&a->prefix.ip) ||
            !net->cfg.cfg->ports[a->port].dad)
            continue;
        a->dad = LG_DAD_TENTATIVE;
        net->has_unusable = true;
        net->dad_at_ns = now_ns;
    }
}

enum lg_dad lg_dad_state(const struct lg_net *net, const lg_ip_t *own)
{
    const struct lg_net_addr *a = net->has_unusable ? lg_addr_find(net, own) : NULL;

    return a ? (enum lg_dad)a->dad : LG_DAD_USABLE;
}

static void settle(struct lg_net *net)
{
    net->has_unusable = false;
    for (uint32_t i = 0; i < net->addr_cnt; i++) {
        if (net->addrs[i].dad == LG_DAD_TENTATIVE)
            net->addrs[i].dad = LG_DAD_USABLE;
        net->has_unusable |= net->addrs[i].dad == LG_DAD_TAKEN;
    }
    net->dad_at_ns = LG_NS_NEVER;
}

unsigned lg_dad_poll(struct lg_net *net, lg_ns_t now_ns)
{
    unsigned done = 0;

    if (LG_LIKELY(now_ns < net->dad_at_ns))
        return 0;
    if (net->dad_idx == UINT32_MAX) {
        settle(net);
        return 1;
    }
    for (; net->dad_idx < net->addr_cnt && done < STEP; net->dad_idx++) {
        const struct lg_net_addr *a = &net->addrs[net->dad_idx];
        if (a->dad != LG_DAD_TENTATIVE || net->cfg.is_quiet)
            continue;
        lg_nd_send_probe(net, a->port, &a->prefix.ip);
        done++;
    }
    if (net->dad_idx < net->addr_cnt)
        return done;
    net->dad_idx = UINT32_MAX;
    net->dad_at_ns = lg_ns_add(now_ns, WAIT_NS);
    return done;
}

/* A message shared by another worker has been told of by him. */
static void tell(struct lg_net *net, const struct lg_net_frame *f, const lg_ip_t *own, bool is_used)
{
    if (!f->is_shared)
        net->ops->conflict(net->ctx, f->port, own, f->eth->src, is_used);
}

void lg_dad_claimed(struct lg_net *net, const struct lg_net_frame *f, const lg_ip_t *own)
{
    struct lg_net_addr *a = lg_addr_own(net, own);

    if (!a || a->dad == LG_DAD_TAKEN) /* NULL: one of a load generator's many */
        return;
    if (a->dad == LG_DAD_TENTATIVE) {
        a->dad = LG_DAD_TAKEN;
        lg_stat_inc(net->stats, LG_STAT_ADDR_TAKEN);
        lg_net_share(net, f);
        tell(net, f, own, false);
        return;
    }
    if (f->is_shared)
        return;
    lg_stat_inc(net->stats, LG_STAT_ADDR_CONFLICT);
    if (f->now_ns < net->conflict_at_ns)
        return;
    net->conflict_at_ns = lg_ns_add(f->now_ns, CONFLICT_EVERY_NS);
    tell(net, f, own, true);
    if (lg_ip_is_v4(own))
        lg_arp_announce(net, f->port, own);
    else
        lg_nd_announce(net, f->port, own);
}
