/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.c: looking things up in a snapshot. Building one: control/snapshot_build.c. */
#include "snapshot.h"

uint32_t lg_snapshot_bind_hash(const lg_ip_t *ip, uint16_t port)
{
    uint64_t a, b;
    memcpy(&a, ip->b, 8);
    memcpy(&b, ip->b + 8, 8);
    uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15ull)) + port;
    h *= 0xff51afd7ed558ccdull;
    return (uint32_t)(h >> 32);
}

static const struct lg_listener *find_exact(const struct lg_snapshot *s, const lg_ip_t *ip,
                                            uint16_t port)
{
    uint32_t i = lg_snapshot_bind_hash(ip, port) & s->bind_mask;
    /* The builder keeps the table at most half full, so an empty slot ends every walk. */
    for (; s->binds[i].listener; i = (i + 1) & s->bind_mask)
        if (s->binds[i].addr.port == port && lg_ip_eq(&s->binds[i].addr.ip, ip))
            return s->binds[i].listener;
    return NULL;
}

const struct lg_listener *lg_snapshot_find(const struct lg_snapshot *s, const lg_ip_t *ip,
                                           uint16_t port)
{
    static const uint8_t zero[16];
    const struct lg_listener *l = find_exact(s, ip, port);
    if (l)
        return l;
    lg_ip_t any = lg_ip_is_v4(ip) ? lg_ip_v4(zero) : lg_ip_v6(zero);
    return find_exact(s, &any, port);
}

const struct lg_listener *lg_snapshot_heir(const struct lg_snapshot *s, const struct lg_listener *l)
{
    const char *name = l->cfg->name;

    if (l->idx < s->listener_cnt && strcmp(s->listeners[l->idx].cfg->name, name) == 0)
        return &s->listeners[l->idx];
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (strcmp(s->listeners[i].cfg->name, name) == 0)
            return &s->listeners[i];
    return NULL;
}

const struct lg_pool_entry *lg_snapshot_pool(const struct lg_snapshot *s, const char *name,
                                             uint32_t idx)
{
    if (idx < s->pool_cnt && strcmp(s->pools[idx].bal.cfg->name, name) == 0)
        return &s->pools[idx];
    for (uint32_t i = 0; i < s->pool_cnt; i++)
        if (strcmp(s->pools[i].bal.cfg->name, name) == 0)
            return &s->pools[i];
    return NULL;
}
