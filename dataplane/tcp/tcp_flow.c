/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_flow.c: the table of connections by four-tuple. Comparing whole tuples is the caller's
 * (lg_tcp_find in tcp.c): the table knows tags and indexes only. */
#include "tcp_flow.h"

#include <string.h>

static uint32_t bucket_cnt(uint32_t cnt)
{
    uint32_t n = 2;
    while (n * (LG_TCP_FLOW_WAYS / 2) < cnt)
        n *= 2;
    return n;
}

size_t lg_tcp_flow_footprint(uint32_t cnt)
{
    return bucket_cnt(cnt) * sizeof(struct lg_tcp_flow_bucket);
}

void lg_tcp_flow_init(struct lg_tcp_flow *f, void *mem, uint32_t cnt, const struct lg_sipkey *key)
{
    f->buckets = mem;
    f->mask = bucket_cnt(cnt) - 1;
    for (uint64_t i = 0; i < LG_ARRAY_CNT(f->secret); i++)
        f->secret[i] = lg_siphash(key, &i, sizeof i);
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

uint64_t lg_tcp_flow_hash(const struct lg_tcp_flow *f, const struct lg_tcp_tuple *t)
{
    uint64_t ports = (uint64_t)t->local_port << 16 | t->remote_port;
    uint64_t remote =
        fold(load64(t->remote_ip.b) ^ f->secret[0], load64(t->remote_ip.b + 8) ^ f->secret[1]);
    uint64_t local =
        fold(load64(t->local_ip.b) ^ f->secret[2], load64(t->local_ip.b + 8) ^ f->secret[3]);
    return fold(remote ^ ports ^ f->secret[1], local ^ f->secret[0]);
}

static uint32_t free_way(const struct lg_tcp_flow_bucket *b, uint32_t *used)
{
    uint32_t way = LG_TCP_FLOW_WAYS;
    *used = 0;
    for (uint32_t i = 0; i < LG_TCP_FLOW_WAYS; i++) {
        if (b->tag[i])
            ++*used;
        else if (way == LG_TCP_FLOW_WAYS)
            way = i;
    }
    return way;
}

uint32_t lg_tcp_flow_insert(struct lg_tcp_flow *f, uint64_t hash, uint32_t idx)
{
    struct lg_tcp_flow_bucket *b[2] = {lg_tcp_flow_bucket(f, hash, 0),
                                       lg_tcp_flow_bucket(f, hash, 1)};
    uint32_t way[2], used[2];
    for (unsigned i = 0; i < 2; i++)
        way[i] = free_way(b[i], &used[i]);
    unsigned i = used[1] < used[0];
    if (way[i] == LG_TCP_FLOW_WAYS)
        return LG_TCP_FLOW_NONE;
    b[i]->tag[way[i]] = lg_tcp_flow_tag(hash);
    b[i]->idx[way[i]] = idx;
    return (uint32_t)(b[i] - f->buckets) * LG_TCP_FLOW_WAYS + way[i];
}

void lg_tcp_flow_remove(struct lg_tcp_flow *f, uint32_t slot)
{
    f->buckets[slot / LG_TCP_FLOW_WAYS].tag[slot % LG_TCP_FLOW_WAYS] = 0;
}
