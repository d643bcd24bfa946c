/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h: what takes more than one key to judge. Runs after the walker, also on a struct with
 * holes: a node that is_bad or absent is skipped, so one mistake gives one message.
 * Thread control or boot. */
#ifndef LG_CHECK_H
#define LG_CHECK_H

#include "schema.h"

/* A set of byte strings, each with the index it was put under. Holds borrows. */
struct lg_set {
    struct lg_set_slot {
        lg_span_t key; /* p NULL: empty */
        uint32_t value;
    } * slots;
    uint32_t mask;
};

struct lg_check {
    struct lg_walk *w;
    struct lg_config *cfg;
    struct lg_node *root;   /* never NULL; any kind */
    struct lg_arena *arena; /* scratch */
    bool has_net;           /* ports and routes are free of errors: addresses can be judged */
    struct lg_set pools;    /* name -> index */
    uint8_t *pool_is_used;  /* by index */
};

/* lg_check reports every cross error and warning, and writes what other keys decide: worker_cpus
 * of a count, route port_idx, pool_idx, the catch-all route and ALPN of https listeners.
 *   tree  scratch memory, freed by the caller */
void lg_check(struct lg_walk *w, struct lg_config *cfg, struct lg_node *root,
              struct lg_arena *tree);

/* check_net.c: ports, routes, backends' reachability; returns whether has_net may be set. */
bool lg_check_net(struct lg_check *c);
void lg_check_backends(struct lg_check *c);
/* lg_check_owner finds the port that has ip as its own address; NULL: none. */
const struct lg_cfg_port *lg_check_owner(const struct lg_config *cfg, const lg_ip_t *ip);
/* lg_check_has_route: is ip on the network of a port, or does a route lead there? */
bool lg_check_has_route(const struct lg_config *cfg, const lg_ip_t *ip);
/* check_pool.c; also writes which pools speak TLS. */
void lg_check_pools(struct lg_check *c);
/* check_admin.c; also writes whether there is one */
void lg_check_admin(struct lg_check *c);
/* check_log.c; after the listeners have been read. */
void lg_check_log(struct lg_check *c);
/* One listener under check. */
struct lg_at {
    struct lg_cfg_listener *l;
    struct lg_node *n; /* its mapping */
    uint32_t idx;
};
/* check_listener.c */
void lg_check_listeners(struct lg_check *c);
/* lg_at_type is the word that stands for its type. */
const char *lg_at_type(const struct lg_at *at);
/* check_http.c: a listener that reads requests. */
void lg_check_http(struct lg_check *c, const struct lg_at *at);
/* lg_check_pool_ref looks up the pool that a node names; false after saying that there is none. */
bool lg_check_pool_ref(struct lg_check *c, struct lg_node *n, const char *key, uint32_t *idx);

/* lg_set_open sizes a set for cnt entries; false when out of memory. */
bool lg_set_open(struct lg_set *s, struct lg_arena *arena, uint32_t cnt);
/* lg_set_add puts a key; when it is there already, gives false and the value it has. */
bool lg_set_add(struct lg_set *s, lg_span_t key, uint32_t value, uint32_t *present);
/* lg_set_find gives the value of a key; false when it is absent. */
bool lg_set_find(const struct lg_set *s, lg_span_t key, uint32_t *value);

/* lg_items, lg_next walk a list's nodes; a scalar that stands for a list of one is its own item.
 * NULL: no more, or no such list. */
struct lg_node *lg_items(struct lg_node *list);
struct lg_node *lg_next(const struct lg_node *list, const struct lg_node *item);
/* lg_is_good: given, and read without error. */
static inline bool lg_is_good(const struct lg_node *n)
{
    return n && !n->is_bad;
}

/* lg_check_error, lg_check_warn report at a node under a formatted key; error marks the node. */
void lg_check_error(struct lg_check *c, struct lg_node *n, const char *key, const char *fmt, ...)
    LG_PRINTF(4, 5);
void lg_check_warn(struct lg_check *c, const struct lg_node *n, const char *key, const char *fmt,
                   ...) LG_PRINTF(4, 5);
/* lg_key formats a key path into buf and returns it. */
const char *lg_key(char buf[LG_KEY_SZ], const char *fmt, ...) LG_PRINTF(2, 3);

#endif
