/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (but for lg_answers_find and lg_asks_push) */
/* answers.c: the table of OCSP answers, and the way to the control thread. */
#include "answers.h"

#include <stdlib.h>

#define FIRST_SLOTS 1024u

/* value: until_s[34] lead_s[28] answer[2]; lead_s is how long before until_s a newer one is wanted.
 */
#define LEAD_MAX ((1 << 28) - 1)

struct slot {
    _Atomic uint64_t key0; /* 0: empty. Stored last, with release; pairs with find's acquire */
    uint64_t key1;
    _Atomic uint64_t value;
};

struct answers {
    uint32_t mask, cnt;
    struct slot slot[];
};

/* Of the process: the pointer is the control thread's to change. Pairs with find's acquire. */
static _Atomic(struct answers *) table;

static uint64_t value_of(enum lg_answer answer, int64_t until_s, int64_t newer_s)
{
    int64_t lead_s = LG_MIN(LG_MAX(until_s - newer_s, (int64_t)0), (int64_t)LEAD_MAX);
    uint64_t until = (uint64_t)LG_MIN(LG_MAX(until_s, (int64_t)0), ((int64_t)1 << 34) - 1);
    return until << 30 | (uint64_t)lead_s << 2 | (uint64_t)answer;
}

static int64_t until_of(uint64_t value)
{
    return (int64_t)(value >> 30);
}

static void split(const uint8_t key[LG_ANSWER_KEY_SZ], uint64_t *key0, uint64_t *key1)
{
    memcpy(key0, key, sizeof *key0);
    memcpy(key1, key + sizeof *key0, sizeof *key1);
    *key0 |= 1; /* never empty */
}

/* at gives the slot of a key, or the empty one where it belongs. */
static struct slot *at(struct answers *t, uint64_t key0, uint64_t key1)
{
    for (uint32_t i = (uint32_t)(key0 >> 32);; i++) {
        struct slot *s = &t->slot[i & t->mask];
        uint64_t k = atomic_load_explicit(&s->key0, memory_order_acquire);
        if (k == 0 || (k == key0 && s->key1 == key1))
            return s;
    }
}

enum lg_answer lg_answers_find(const uint8_t key[LG_ANSWER_KEY_SZ], int64_t now_s,
                               bool *wants_newer)
{
    struct answers *t = atomic_load_explicit(&table, memory_order_acquire);
    uint64_t key0, key1;
    *wants_newer = true;
    if (!t)
        return LG_ANSWER_ABSENT;
    split(key, &key0, &key1);
    struct slot *s = at(t, key0, key1);
    uint64_t v = atomic_load_explicit(&s->value, memory_order_relaxed);
    /* A slot that was empty a moment ago may be somebody else's now: then it was not there. */
    if (atomic_load_explicit(&s->key0, memory_order_acquire) != key0 || s->key1 != key1 ||
        now_s >= until_of(v))
        return LG_ANSWER_ABSENT;
    *wants_newer = now_s >= until_of(v) - (int64_t)(v >> 2 & LEAD_MAX);
    return (enum lg_answer)(v & 3);
}

static struct answers *make(uint32_t slots)
{
    struct answers *t = calloc(1, sizeof *t + (size_t)slots * sizeof t->slot[0]);
    if (t)
        t->mask = slots - 1;
    return t;
}

static void insert(struct answers *t, uint64_t key0, uint64_t key1, uint64_t value)
{
    struct slot *s = at(t, key0, key1);
    atomic_store_explicit(&s->value, value, memory_order_relaxed);
    if (atomic_load_explicit(&s->key0, memory_order_relaxed) != 0)
        return;
    s->key1 = key1;
    atomic_store_explicit(&s->key0, key0, memory_order_release);
    t->cnt++;
}

/* renew makes a table of what still counts of the old one, at most a quarter full. */
static struct answers *renew(const struct answers *old, int64_t now_s)
{
    uint32_t cnt = 0, slots = FIRST_SLOTS;
    for (uint32_t i = 0; old && i <= old->mask; i++)
        cnt += until_of(atomic_load_explicit(&old->slot[i].value, memory_order_relaxed)) > now_s;
    while (slots < 4 * (cnt + 1) && slots < 2 * LG_ANSWERS_MAX)
        slots *= 2;
    struct answers *t = cnt < LG_ANSWERS_MAX ? make(slots) : NULL;
    for (uint32_t i = 0; t && old && i <= old->mask; i++) {
        const struct slot *s = &old->slot[i];
        uint64_t v = atomic_load_explicit(&s->value, memory_order_relaxed);
        if (until_of(v) > now_s)
            insert(t, atomic_load_explicit(&s->key0, memory_order_relaxed), s->key1, v);
    }
    return t;
}

lg_err_t lg_answers_put(const uint8_t key[LG_ANSWER_KEY_SZ], enum lg_answer answer, int64_t until_s,
                        int64_t newer_s, int64_t now_s, void **replaced)
{
    struct answers *t = atomic_load_explicit(&table, memory_order_relaxed);
    uint64_t key0, key1;
    *replaced = NULL;
    split(key, &key0, &key1);
    if (!t || t->cnt >= (t->mask + 1) / 2) {
        struct answers *next = renew(t, now_s);
        LG_CHECK(next, LG_E(FULL));
        insert(next, key0, key1, value_of(answer, until_s, newer_s));
        atomic_store_explicit(&table, next, memory_order_release);
        *replaced = t;
        return LG_OK;
    }
    insert(t, key0, key1, value_of(answer, until_s, newer_s));
    return LG_OK;
}

uint32_t lg_answers_cnt(void)
{
    const struct answers *t = atomic_load_explicit(&table, memory_order_relaxed);
    return t ? t->cnt : 0;
}

void lg_answers_drop(void)
{
    free(atomic_exchange_explicit(&table, NULL, memory_order_acq_rel));
}

/* ---------------------------------------------------------------- questions */

bool lg_asks_fits(lg_span_t url, lg_span_t serial, lg_span_t issuer)
{
    const struct lg_ask *one = NULL;
    return url.len < sizeof one->url && serial.len <= sizeof one->serial &&
           issuer.len <= sizeof one->issuer;
}

bool lg_asks_push(struct lg_asks *a, const uint8_t key[LG_ANSWER_KEY_SZ], lg_span_t url,
                  lg_span_t serial, lg_span_t issuer)
{
    uint32_t tail = atomic_load_explicit(&a->tail, memory_order_relaxed);
    struct lg_ask *one = &a->one[tail % LG_ASK_CNT];
    if (tail - atomic_load_explicit(&a->head, memory_order_acquire) >= LG_ASK_CNT ||
        !lg_asks_fits(url, serial, issuer))
        return false;
    memcpy(one->key, key, sizeof one->key);
    memcpy(one->url, url.p, url.len);
    one->url[url.len] = 0;
    memcpy(one->serial, serial.p, serial.len);
    one->serial_sz = (uint32_t)serial.len;
    memcpy(one->issuer, issuer.p, issuer.len);
    one->issuer_sz = (uint32_t)issuer.len;
    atomic_store_explicit(&a->tail, tail + 1, memory_order_release);
    return true;
}

const struct lg_ask *lg_asks_peek(struct lg_asks *a)
{
    uint32_t head = atomic_load_explicit(&a->head, memory_order_relaxed);
    bool is_empty = head == atomic_load_explicit(&a->tail, memory_order_acquire);
    return is_empty ? NULL : &a->one[head % LG_ASK_CNT];
}

void lg_asks_pop(struct lg_asks *a)
{
    uint32_t head = atomic_load_explicit(&a->head, memory_order_relaxed);
    atomic_store_explicit(&a->head, head + 1, memory_order_release);
}
