/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core_plan.c: a worker's memory, reckoned. */
#include "core_plan.h"

/* -- change first, for performance -- */
#define HANDSHAKES_LEAST 64u
#define HANDSHAKES_MOST 2048u /* in flight; shed beyond, so that the arena stays small */
#define SPARE_CONNS 1024u     /* TCP connections without a user, and a part of the others: */
#define SPARE_FRONTS 32u
#define SPARE_BACKS 4u /* each request on a fresh one leaves a TIME_WAIT */

static uint32_t tcp_conn_cnt(const struct lg_config *cfg)
{
    uint32_t fronts = cfg->max_connections, backs = lg_config_back_conns(cfg);

    return fronts + fronts / SPARE_FRONTS + backs + backs / SPARE_BACKS + SPARE_CONNS;
}

static bool keeps_certs(const struct lg_config *cfg)
{
    for (uint32_t i = 0; i < cfg->listener_cnt; i++)
        if (cfg->listeners[i].tls.client_cert_header)
            return true;
    return false;
}

static bool keeps_chains(const struct lg_config *cfg)
{
    for (uint32_t i = 0; i < cfg->listener_cnt; i++)
        if (cfg->listeners[i].tls.client_cert_chain)
            return true;
    return false;
}

static bool keeps_idents(const struct lg_config *cfg)
{
    for (uint32_t i = 0; i < cfg->listener_cnt; i++)
        if (cfg->listeners[i].tls.close_revoked)
            return true;
    return false;
}

void lg_core_plan_make(const struct lg_config *cfg, struct lg_core_plan *out)
{
    *out = (struct lg_core_plan){
        .net = {.cfg = cfg},
        .tcp = {.max_conns = tcp_conn_cnt(cfg),
                .source_conns = cfg->source_conns,
                .source_cps = cfg->source_cps},
        .tls = {.max_conns = lg_config_tls_conns(cfg),
                .max_handshakes =
                    LG_MAX(HANDSHAKES_LEAST, LG_MIN(cfg->max_connections, HANDSHAKES_MOST)),
                .keeps_certs = keeps_certs(cfg),
                .keeps_chains = keeps_chains(cfg),
                .keeps_idents = keeps_idents(cfg)},
        .proxy = {.max_sessions = cfg->max_connections, .max_backs = lg_config_back_conns(cfg)},
    };
    out->net_sz = lg_align_up(lg_net_footprint(&out->net), LG_CACHE_PAIR);
    out->tcp_sz = lg_align_up(lg_tcp_footprint(&out->tcp), LG_CACHE_PAIR);
    out->tls_sz = lg_align_up(lg_tls_core_footprint(&out->tls), LG_CACHE_PAIR);
    out->proxy_sz = lg_align_up(lg_proxy_footprint(&out->proxy), LG_CACHE_PAIR);
    out->sz = out->net_sz + out->tcp_sz + out->tls_sz + out->proxy_sz;
}
