/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neigh.c: the neighbour table: chains of indexes over an array. */
#include "neigh.h"

#include <string.h>

#define VICTIM_STEPS 64u

static uint32_t slot_of(const struct lg_neigh_table *t, uint16_t port, const lg_ip_t *ip)
{
    uint8_t key[18];

    memcpy(key, ip->b, 16);
    memcpy(key + 16, &port, 2);
    return (uint32_t)lg_siphash(&t->key, key, sizeof key) & (LG_NEIGH_CNT - 1);
}

void lg_neigh_init(struct lg_neigh_table *t, const struct lg_sipkey *key)
{
    memset(t, 0, sizeof *t);
    t->key = *key;
    for (uint32_t i = 0; i < LG_NEIGH_CNT; i++) {
        t->chain[i] = LG_NEIGH_NONE;
        t->n[i].next = i + 1 < LG_NEIGH_CNT ? i + 1 : LG_NEIGH_NONE;
    }
}

struct lg_neigh *lg_neigh_find(struct lg_neigh_table *t, uint16_t port, const lg_ip_t *ip)
{
    for (uint32_t i = t->chain[slot_of(t, port, ip)]; i != LG_NEIGH_NONE; i = t->n[i].next)
        if (t->n[i].port == port && lg_ip_eq(&t->n[i].ip, ip))
            return &t->n[i];
    return NULL;
}

struct lg_neigh *lg_neigh_make(struct lg_neigh_table *t, uint16_t port, const lg_ip_t *ip)
{
    if (t->free_head == LG_NEIGH_NONE)
        return NULL;
    uint32_t slot = slot_of(t, port, ip), idx = t->free_head;
    struct lg_neigh *n = &t->n[idx];

    t->free_head = n->next;
    *n = (struct lg_neigh){.ip = *ip, .port = port, .next = t->chain[slot]};
    t->chain[slot] = idx;
    t->cnt++;
    return n;
}

void lg_neigh_free(struct lg_neigh_table *t, struct lg_neigh *n)
{
    uint32_t idx = (uint32_t)(n - t->n);
    uint32_t *link = &t->chain[slot_of(t, n->port, &n->ip)];

    while (*link != idx)
        link = &t->n[*link].next;
    *link = n->next;
    n->state = LG_NEIGH_FREE;
    n->next = t->free_head;
    t->free_head = idx;
    t->cnt--;
    t->gen++;
}

struct lg_neigh *lg_neigh_victim(struct lg_neigh_table *t)
{
    for (uint32_t i = 0; i < VICTIM_STEPS; i++) {
        struct lg_neigh *n = &t->n[t->hand];
        t->hand = (t->hand + 1) & (LG_NEIGH_CNT - 1);
        if (n->state == LG_NEIGH_STALE)
            return n;
    }
    return NULL;
}
