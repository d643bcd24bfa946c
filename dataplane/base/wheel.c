/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wheel.c: the hierarchical timer wheel.
 *
 * Level L slot s holds timers whose tick t shares all digits (base 256) above L with the wheel's
 * tick and has digit s at L, with s ahead of the wheel's own digit. Level 0 slots fire; when the
 * wheel's level-0 digit wraps, the slot of the next level that it enters is dealt out again one
 * level down (cascade). A deadline beyond the horizon waits in the last level's furthest slot and
 * is dealt out again there. */
#include "wheel.h"

#include <string.h>

#define SLOT_MASK (LG_WHEEL_SLOTS - 1u)

void lg_wheel_init(struct lg_wheel *w, lg_ns_t now_ns)
{
    memset(w, 0, sizeof *w);
    w->tick = now_ns >> LG_WHEEL_LOG2_TICK_NS;
}

static void link_in(struct lg_wheel *w, struct lg_timer *t, unsigned level, unsigned slot)
{
    struct lg_timer **head = &w->slots[level][slot];
    t->next = *head;
    t->link = head;
    if (*head)
        (*head)->link = &t->next;
    *head = t;
    t->slot = (uint16_t)(level << LG_WHEEL_LOG2_SLOTS | slot);
    w->used[level][slot / 64] |= 1ull << (slot % 64);
}

static void link_out(struct lg_wheel *w, struct lg_timer *t)
{
    unsigned level = t->slot >> LG_WHEEL_LOG2_SLOTS, slot = t->slot & SLOT_MASK;
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->next = NULL;
    t->link = NULL;
    if (!w->slots[level][slot])
        w->used[level][slot / 64] &= ~(1ull << (slot % 64));
}

/* place puts t where its tick belongs, relative to the wheel's tick. */
static void place(struct lg_wheel *w, struct lg_timer *t)
{
    const lg_ns_t tick_ns = 1ull << LG_WHEEL_LOG2_TICK_NS;
    uint64_t tick = lg_ns_add(t->at_ns, tick_ns - 1) >> LG_WHEEL_LOG2_TICK_NS; /* never early */
    if (tick < w->tick)
        tick = w->tick;
    for (unsigned level = 0; level < LG_WHEEL_LEVELS; level++) {
        unsigned shift = LG_WHEEL_LOG2_SLOTS * (level + 1);
        if (tick >> shift == w->tick >> shift) {
            link_in(w, t, level, (tick >> (shift - LG_WHEEL_LOG2_SLOTS)) & SLOT_MASK);
            return;
        }
    }
    /* Past this lap of the last level: its slot just behind the wheel comes round last. */
    unsigned shift = LG_WHEEL_LOG2_SLOTS * (LG_WHEEL_LEVELS - 1);
    uint64_t ahead = (tick >> shift) - (w->tick >> shift);
    ahead = LG_MIN(ahead, (uint64_t)SLOT_MASK);
    link_in(w, t, LG_WHEEL_LEVELS - 1, ((w->tick >> shift) + ahead) & SLOT_MASK);
}

void lg_wheel_start(struct lg_wheel *w, struct lg_timer *t, lg_ns_t at_ns)
{
    if (t->link)
        link_out(w, t);
    else
        w->cnt++;
    t->at_ns = at_ns;
    place(w, t);
}

void lg_wheel_stop(struct lg_wheel *w, struct lg_timer *t)
{
    if (!t->link)
        return;
    link_out(w, t);
    w->cnt--;
}

/* first_used finds the first non-empty slot at or after `from` on a level, -1 when none. */
static int first_used(const struct lg_wheel *w, unsigned level, unsigned from)
{
    for (unsigned word = from / 64; word < LG_WHEEL_SLOTS / 64; word++) {
        uint64_t bits = w->used[level][word];
        if (word == from / 64)
            bits &= ~0ull << (from % 64);
        if (bits)
            return (int)(word * 64 + (unsigned)__builtin_ctzll(bits));
    }
    return -1;
}

/* deal re-places every timer of one slot; those that still belong there are linked back. */
static void deal(struct lg_wheel *w, unsigned level, unsigned slot)
{
    struct lg_timer *t = w->slots[level][slot];
    w->slots[level][slot] = NULL;
    w->used[level][slot / 64] &= ~(1ull << (slot % 64));
    while (t) {
        struct lg_timer *next = t->next;
        place(w, t);
        t = next;
    }
}

/* enter moves the wheel to `tick` (all before it is done) and deals out the slots it enters. */
static void enter(struct lg_wheel *w, uint64_t tick)
{
    uint64_t old = w->tick;
    w->tick = tick;
    for (unsigned level = LG_WHEEL_LEVELS - 1; level > 0; level--) {
        unsigned shift = LG_WHEEL_LOG2_SLOTS * level;
        if (old >> shift != tick >> shift)
            deal(w, level, (tick >> shift) & SLOT_MASK);
    }
}

/* next_tick is the first tick at or after w->tick at which there may be work: a level-0 slot to
 * fire, or a higher slot to deal out. */
static uint64_t next_tick(const struct lg_wheel *w)
{
    uint64_t best = UINT64_MAX;
    for (unsigned level = 0; level < LG_WHEEL_LEVELS; level++) {
        unsigned shift = LG_WHEEL_LOG2_SLOTS * level;
        uint64_t here = w->tick >> shift;
        unsigned digit = (unsigned)(here & SLOT_MASK);
        int slot = first_used(w, level, digit);
        uint64_t lap = here - digit;
        if (slot < 0) {
            slot = first_used(w, level, 0);
            lap += LG_WHEEL_SLOTS;
        }
        if (slot >= 0) {
            uint64_t tick = (lap + (unsigned)slot) << shift;
            best = LG_MIN(best, LG_MAX(tick, w->tick));
        }
    }
    return best;
}

unsigned lg_wheel_poll(struct lg_wheel *w, lg_ns_t now_ns, unsigned budget, lg_timer_fn *fn,
                       void *ctx)
{
    uint64_t now_tick = now_ns >> LG_WHEEL_LOG2_TICK_NS;
    unsigned fired = 0;

    while (w->cnt > 0 && w->tick <= now_tick) {
        struct lg_timer **head = &w->slots[0][w->tick & SLOT_MASK];
        while (*head) {
            if (fired == budget)
                return fired;
            struct lg_timer *t = *head;
            lg_wheel_stop(w, t);
            fired++;
            fn(ctx, t, now_ns);
            if (*head == t) /* re-armed for this very tick: it is due again, at the next poll */
                break;
        }
        if (*head)
            break;
        uint64_t next = w->tick + 1;
        enter(w, next);
        uint64_t jump = next_tick(w);
        if (jump > w->tick)
            enter(w, LG_MIN(jump, now_tick + 1));
    }
    if (w->cnt == 0 && w->tick <= now_tick)
        w->tick = now_tick + 1;
    return fired;
}

lg_ns_t lg_wheel_next(const struct lg_wheel *w)
{
    if (w->cnt == 0)
        return LG_NS_NEVER;
    uint64_t tick = next_tick(w);
    if (tick >= UINT64_MAX >> LG_WHEEL_LOG2_TICK_NS)
        return LG_NS_NEVER;
    return tick << LG_WHEEL_LOG2_TICK_NS;
}
