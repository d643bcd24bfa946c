/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_source.c: how many connections one source holds, and how fast it opens them. A source is an
 * IPv4 address or an IPv6 /64. Lines of four entries, found by a keyed hash; an entry without
 * connections gives way to a newer source, the longest quiet one first. When a line holds four
 * sources with connections, a fifth goes uncounted: a limit must not turn away strangers.
 *
 * What counts is a completed handshake, which nobody can forge for another; a SYN is only held
 * against it. Handshakes under way are bounded elsewhere (syn_backlog, a listener's half_open_max).
 */
#include "tcp_priv.h"

#define WAYS 4u
#define TOKEN 1000u /* of one connection a second, tokens grow by one a millisecond */

static uint32_t line_cnt(const struct lg_tcp_cfg *cfg)
{
    uint32_t n = 1;

    if (cfg->source_conns == 0 && cfg->source_cps == 0)
        return 0;
    while (n * (WAYS / 2) < cfg->max_conns)
        n *= 2;
    return n;
}

size_t lg_tcp_source_footprint(const struct lg_tcp_cfg *cfg)
{
    return (size_t)line_cnt(cfg) * WAYS * sizeof(struct lg_tcp_source);
}

void lg_tcp_source_init(struct lg_tcp *tcp, void *mem)
{
    tcp->sources = line_cnt(&tcp->cfg) ? mem : NULL;
    tcp->source_mask = line_cnt(&tcp->cfg) - 1;
}

static uint64_t hash_of(const struct lg_tcp *tcp, const lg_ip_t *ip)
{
    /* The first eight bytes of an IPv6 address are its /64; an IPv4 address is in the last four. */
    const uint8_t *at = lg_ip_is_v4(ip) ? ip->b + 8 : ip->b;
    return lg_siphash(&tcp->cfg.secret, at, 8) | 1;
}

static struct lg_tcp_source *find(struct lg_tcp *tcp, uint64_t hash)
{
    struct lg_tcp_source *line = &tcp->sources[((hash >> 32) & tcp->source_mask) * WAYS];

    for (uint32_t i = 0; i < WAYS; i++)
        if (line[i].hash == hash)
            return &line[i];
    return NULL;
}

/* enter gives the source an entry; NULL: none can be spared. */
static struct lg_tcp_source *enter(struct lg_tcp *tcp, uint64_t hash)
{
    struct lg_tcp_source *line = &tcp->sources[((hash >> 32) & tcp->source_mask) * WAYS];
    struct lg_tcp_source *e = NULL;

    for (uint32_t i = 0; i < WAYS; i++)
        if (line[i].conns == 0 &&
            (!e || line[i].hash == 0 || (e->hash != 0 && lg_seq_lt(line[i].at_ms, e->at_ms))))
            e = &line[i];
    if (e)
        *e = (struct lg_tcp_source){
            .hash = hash, .at_ms = tcp->now_ms, .tokens = tcp->cfg.source_cps * TOKEN};
    return e;
}

/* The thousandths of a connection that e may open by now. */
static uint32_t tokens_of(const struct lg_tcp *tcp, const struct lg_tcp_source *e)
{
    uint64_t max = (uint64_t)tcp->cfg.source_cps * TOKEN;
    uint64_t now = e->tokens + (uint64_t)(tcp->now_ms - e->at_ms) * tcp->cfg.source_cps;

    return (uint32_t)LG_MIN(now, max);
}

/* is_over: one more connection of e would be too many. */
static bool is_over(const struct lg_tcp *tcp, const struct lg_tcp_source *e)
{
    if (tcp->cfg.source_conns != 0 && e->conns >= tcp->cfg.source_conns) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_SOURCE_CONNS);
        return true;
    }
    if (tcp->cfg.source_cps != 0 && tokens_of(tcp, e) < TOKEN) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_SOURCE_RATE);
        return true;
    }
    return false;
}

bool lg_tcp_source_may_come(struct lg_tcp *tcp, const lg_ip_t *ip)
{
    const struct lg_tcp_source *e = tcp->sources ? find(tcp, hash_of(tcp, ip)) : NULL;

    return !e || !is_over(tcp, e);
}

bool lg_tcp_source_comes(struct lg_tcp_conn *c)
{
    struct lg_tcp *tcp = c->tcp;

    if (!tcp->sources || lg_tcp_door_of(tcp, &c->tuple).is_trusted)
        return true;
    uint64_t hash = hash_of(tcp, &c->tuple.remote_ip);
    struct lg_tcp_source *e = find(tcp, hash);
    if (!e)
        e = enter(tcp, hash);
    if (!e)
        return true;
    if (is_over(tcp, e))
        return false;
    e->tokens = tokens_of(tcp, e);
    e->tokens -= LG_MIN(e->tokens, TOKEN);
    e->at_ms = tcp->now_ms;
    e->conns++;
    c->flags |= LG_TCP_F_COUNTED;
    return true;
}

void lg_tcp_source_closed(struct lg_tcp_conn *c)
{
    struct lg_tcp_source *e = find(c->tcp, hash_of(c->tcp, &c->tuple.remote_ip));
    c->flags &= ~LG_TCP_F_COUNTED;
    if (e && e->conns > 0)
        e->conns--;
}
