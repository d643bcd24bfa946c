/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core_steer.c: whose is a segment, and from which ports does a worker connect: see core.h. */
#include "core_priv.h"

/* How the card spreads the flows of one of our addresses; NULL: it does not say. */
static const struct lg_rss *rss_of(const struct lg_core *core, const lg_ip_t *local_ip)
{
    uint16_t port;

    if (!core->has_rss_map || !lg_net_port_of(core->net, local_ip, &port))
        return NULL;
    const struct lg_rss *rss = core->rss[port];
    return rss && lg_rss_covers(rss, local_ip) ? rss : NULL;
}

uint32_t lg_core_owner(const struct lg_core *core, const struct lg_tcp_tuple *t)
{
    const struct lg_rss *rss = rss_of(core, &t->local_ip);

    if (rss)
        return lg_rss_queue(rss, t);
    return LG_MIN((uint32_t)(t->local_port - core->cfg->port_lo) / core->slice_sz,
                  core->core_cnt - 1u);
}

void lg_core_source_ports(const struct lg_core *core, const lg_ip_t *local_ip, uint16_t *lo,
                          uint16_t *hi)
{
    *lo = core->cfg->port_lo;
    *hi = core->cfg->port_hi;
    if (rss_of(core, local_ip))
        return;
    *lo = (uint16_t)(core->cfg->port_lo + core->idx * core->slice_sz);
    *hi = (uint16_t)(*lo + core->slice_sz - 1);
}

uint32_t lg_core_steer(const struct lg_core *core, const struct lg_pkt *pkt, uint32_t port)
{
    if (core->core_cnt == 1)
        return 0;
    if (pkt->dport >= core->cfg->port_lo && pkt->dport <= core->cfg->port_hi) {
        struct lg_tcp_tuple t = {.local_ip = pkt->dst,
                                 .remote_ip = pkt->src,
                                 .local_port = pkt->dport,
                                 .remote_port = pkt->sport};
        return lg_core_owner(core, &t);
    }
    if (core->port_has_rss[port])
        return core->idx;
    uint64_t h = lg_snapshot_bind_hash(&pkt->src, pkt->sport);
    return (uint32_t)((h * core->core_cnt) >> 32);
}
