/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neigh.h: the table of neighbours of one worker, both families: a keyed hash over fixed memory.
 * It finds, makes and frees entries; what becomes of one over time is nud.c.
 *
 * Thread: owner core only. */
#ifndef LG_NEIGH_H
#define LG_NEIGH_H

#include "base.h"
#include "buf.h"
#include "ip.h"
#include "siphash.h"
#include "wheel.h"

#define LG_NEIGH_CNT 4096u         /* entries of one table */
#define LG_NEIGH_UNASKED_MAX 3072u /* no entry for somebody who only asked us beyond this */
#define LG_NEIGH_INCOMPLETE_MAX 1024u
#define LG_NEIGH_PENDING_MAX 4u   /* packets that wait for one neighbour */
#define LG_NEIGH_PENDING_ALL 256u /* for all of them */
#define LG_NEIGH_NONE UINT32_MAX

enum lg_neigh_state {
    LG_NEIGH_FREE,
    LG_NEIGH_INCOMPLETE, /* asked, no answer yet: no MAC, packets wait */
    LG_NEIGH_REACHABLE,  /* confirmed not long ago */
    LG_NEIGH_STALE,      /* has a MAC that nobody has confirmed lately, and nobody uses */
    LG_NEIGH_DELAY,      /* has a MAC, in use again: whether it holds is asked in a moment */
    LG_NEIGH_PROBE,      /* has a MAC, in use, being asked whether it still holds */
};

struct lg_neigh {
    lg_ip_t ip;
    uint16_t port;
    uint8_t state;      /* enum lg_neigh_state */
    uint8_t tries;      /* solicitations sent in this state */
    uint8_t mac[6];     /* valid in REACHABLE, STALE, DELAY, PROBE */
    uint32_t next;      /* in its hash chain or in the free list; LG_NEIGH_NONE ends it */
    lg_ns_t used_ns;    /* a packet went out to it, or it was made */
    lg_ns_t changed_ns; /* the state was entered */
    struct lg_timer timer;
    struct lg_bufq pending; /* INCOMPLETE: whole frames without destination MAC */
};

struct lg_neigh_table {
    struct lg_sipkey key;
    uint32_t free_head;
    uint32_t cnt, incomplete_cnt, pending_cnt;
    uint32_t hand; /* where the search for somebody to evict goes on */
    uint32_t gen;  /* bumped whenever an entry is freed: remembered indexes are void */
    uint32_t chain[LG_NEIGH_CNT];
    struct lg_neigh n[LG_NEIGH_CNT];
};

void lg_neigh_init(struct lg_neigh_table *t, const struct lg_sipkey *key);
/* lg_neigh_find: NULL when there is none. */
struct lg_neigh *lg_neigh_find(struct lg_neigh_table *t, uint16_t port, const lg_ip_t *ip);
/* lg_neigh_make gives a zeroed entry for an address that has none, FREE still; NULL: table full. */
struct lg_neigh *lg_neigh_make(struct lg_neigh_table *t, uint16_t port, const lg_ip_t *ip);
/* lg_neigh_free: its timer is stopped and its queue empty. */
void lg_neigh_free(struct lg_neigh_table *t, struct lg_neigh *n);
/* lg_neigh_victim finds a STALE entry to do without, looking at a few; NULL: none seen. */
struct lg_neigh *lg_neigh_victim(struct lg_neigh_table *t);

#endif
