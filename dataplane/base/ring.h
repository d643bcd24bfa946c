/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring.h: a ring of pointers from exactly one producer thread to exactly one consumer thread.
 * The only way, besides a published snapshot, in which anything crosses cores.
 *
 * Ordering: push stores the slot, then releases `tail`; pop acquires `tail` before it reads the
 * slot, and releases `head` after, which push acquires before it reuses the slot. Each side
 * keeps a private copy of the other's index, so a busy ring touches the shared line rarely. */
#ifndef LG_RING_H
#define LG_RING_H

#include "base.h"
#include <stdatomic.h>

struct lg_ring {
    void **slots; /* borrows: cnt pointers, for the ring's life */
    uint32_t mask;
    /* -- producer -- */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t tail; /* pairs with pop's acquire */
    uint32_t head_seen;
    /* -- consumer -- */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t head; /* pairs with push's acquire */
    uint32_t tail_seen;
};

/* lg_ring_init: cnt is a power of two; slots has room for cnt pointers. Thread boot. */
static inline void lg_ring_init(struct lg_ring *r, void **slots, uint32_t cnt)
{
    r->slots = slots;
    r->mask = cnt - 1;
    atomic_init(&r->tail, 0);
    atomic_init(&r->head, 0);
    r->head_seen = r->tail_seen = 0;
}

/* lg_ring_push: false when full. Thread producer. */
static inline bool lg_ring_push(struct lg_ring *r, void *p)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - r->head_seen > r->mask) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail - r->head_seen > r->mask)
            return false;
    }
    r->slots[tail & r->mask] = p;
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return true;
}

/* lg_ring_pop: NULL when empty. Thread consumer. */
static inline void *lg_ring_pop(struct lg_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head == r->tail_seen) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head == r->tail_seen)
            return NULL;
    }
    void *p = r->slots[head & r->mask];
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    return p;
}

#endif
