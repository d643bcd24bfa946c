/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_flow.h: finding a connection by its four-tuple.
 *
 * Buckets of one cache line hold eight (tag, index) pairs; each tuple may live in either of two
 * buckets, and goes where there is more room. So a lookup reads at most two lines of the table,
 * whatever a hostile peer sends, and the table is at most half full by design: both of a tuple's
 * buckets full is not expected within the life of a machine, and then the insert is refused.
 *
 * The hash is keyed by 64-bit multiplications folded in half (the mixing step of the wyhash
 * family), with four secret words: it keeps an outsider from aiming at a bucket, at a few cycles.
 * It is not a PRF, and nothing that leaves the machine is derived from it.
 *
 * Thread: owner core only. */
#ifndef LG_TCP_FLOW_H
#define LG_TCP_FLOW_H

#include "tcp.h"

#define LG_TCP_FLOW_WAYS 8u
#define LG_TCP_FLOW_NONE UINT32_MAX

struct lg_tcp_flow_bucket {
    alignas(LG_CACHE_LINE) uint32_t tag[LG_TCP_FLOW_WAYS]; /* 0: the way is free */
    uint32_t idx[LG_TCP_FLOW_WAYS];                        /* of the connection in its pool */
};
_Static_assert(sizeof(struct lg_tcp_flow_bucket) == LG_CACHE_LINE, "a bucket is a line");

struct lg_tcp_flow {
    struct lg_tcp_flow_bucket *buckets; /* borrows: for life */
    uint32_t mask;
    uint64_t secret[4];
};

/* lg_tcp_flow_footprint: bytes of zeroed, 64-byte-aligned memory for cnt connections. */
size_t lg_tcp_flow_footprint(uint32_t cnt);
void lg_tcp_flow_init(struct lg_tcp_flow *f, void *mem, uint32_t cnt, const struct lg_sipkey *key);

/* lg_tcp_flow_hash mixes a tuple; the same value goes into the functions below. */
uint64_t lg_tcp_flow_hash(const struct lg_tcp_flow *f, const struct lg_tcp_tuple *t);

static inline uint32_t lg_tcp_flow_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1u;
}

static inline struct lg_tcp_flow_bucket *lg_tcp_flow_bucket(const struct lg_tcp_flow *f,
                                                            uint64_t hash, unsigned choice)
{
    uint32_t h = (uint32_t)hash;
    return &f->buckets[(choice ? (h >> 16 | h << 16) * 0x9e3779b1u >> 3 : h) & f->mask];
}

/* lg_tcp_flow_insert remembers idx under hash.
 *   Returns  its slot, to be given to lg_tcp_flow_remove; LG_TCP_FLOW_NONE: both buckets full */
uint32_t lg_tcp_flow_insert(struct lg_tcp_flow *f, uint64_t hash, uint32_t idx);
void lg_tcp_flow_remove(struct lg_tcp_flow *f, uint32_t slot);

#endif
