/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access_ring.c: the ring of records of the access log, and the texts of a record. */
#include "access.h"

/* ---------------------------------------------------------------- the ring */

static const size_t ring_sz =
    (sizeof(struct lg_access_ring) + LG_CACHE_PAIR - 1) / LG_CACHE_PAIR * LG_CACHE_PAIR;

size_t lg_access_ring_footprint(uint32_t cnt)
{
    return ring_sz + (size_t)cnt * LG_ACCESS_REC_SZ;
}

struct lg_access_ring *lg_access_ring_init(void *mem, uint32_t cnt)
{
    struct lg_access_ring *r = mem;

    r->recs = (uint8_t *)mem + ring_sz;
    r->mask = cnt - 1;
    atomic_init(&r->tail, 0);
    atomic_init(&r->head, 0);
    r->head_seen = 0;
    return r;
}

static struct lg_access_rec *rec_at(const struct lg_access_ring *r, uint32_t i)
{
    _Static_assert(LG_ACCESS_REC_SZ % alignof(struct lg_access_rec) == 0, "records are aligned");
    return (struct lg_access_rec *)(void *)(r->recs + (size_t)(i & r->mask) * LG_ACCESS_REC_SZ);
}

struct lg_access_rec *lg_access_ring_begin(struct lg_access_ring *r, struct lg_stats *stats)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (tail - r->head_seen > r->mask) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail - r->head_seen > r->mask) {
            lg_stat_inc(stats, LG_STAT_LOG_DROPPED);
            return NULL;
        }
    }
    return rec_at(r, tail);
}

void lg_access_ring_put(struct lg_access_ring *r, struct lg_stats *stats)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    lg_stat_inc(stats, LG_STAT_LOG_RECORDS);
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

const struct lg_access_rec *lg_access_ring_peek(const struct lg_access_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    return head == atomic_load_explicit(&r->tail, memory_order_acquire) ? NULL : rec_at(r, head);
}

void lg_access_ring_pop(struct lg_access_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

/* ---------------------------------------------------------------- texts */

static size_t text_off(const uint16_t *len, uint32_t cnt)
{
    size_t off = 0;

    for (uint32_t i = 0; i < cnt; i++)
        off += len[i];
    return off;
}

lg_span_t lg_access_text(const struct lg_access_rec *rec, enum lg_access_text i)
{
    return lg_span(rec->text + text_off(rec->text_len, i), rec->text_len[i]);
}

void lg_access_text_put(struct lg_access_rec *rec, enum lg_access_text i, const void *p, size_t len)
{
    size_t off = text_off(rec->text_len, i), fit = LG_MIN(len, LG_ACCESS_TEXT_SZ - off);

    if (fit)
        memcpy(rec->text + off, p, fit);
    rec->text_len[i] = (uint16_t)fit;
    rec->is_cut |= fit < len;
}
