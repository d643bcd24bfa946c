/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check.c: what the checks share, the CPUs, and the names. */
#include "check.h"

#include "siphash.h"

#include <stdarg.h>
#include <string.h>

/* ---------------------------------------------------------------- shared */

bool lg_set_open(struct lg_set *s, struct lg_arena *arena, uint32_t cnt)
{
    uint64_t slot_cnt = 8;

    while (slot_cnt < (uint64_t)cnt * 2)
        slot_cnt *= 2;
    s->slots = lg_arena_alloc(arena, slot_cnt, sizeof *s->slots);
    s->mask = (uint32_t)(slot_cnt - 1);
    return s->slots != NULL;
}

/* slot_of gives the key's slot, or the empty one where it would go. At most half are full. */
static struct lg_set_slot *slot_of(const struct lg_set *s, lg_span_t key)
{
    static const struct lg_sipkey fixed; /* names come from our operator, not from the wire */
    uint32_t i = (uint32_t)lg_siphash(&fixed, key.p, key.len) & s->mask;

    while (s->slots[i].key.p && !lg_span_eq(s->slots[i].key, key))
        i = (i + 1) & s->mask;
    return &s->slots[i];
}

bool lg_set_add(struct lg_set *s, lg_span_t key, uint32_t value, uint32_t *present)
{
    struct lg_set_slot *slot = slot_of(s, key);

    if (slot->key.p) {
        *present = slot->value;
        return false;
    }
    *slot = (struct lg_set_slot){key, value};
    return true;
}

bool lg_set_find(const struct lg_set *s, lg_span_t key, uint32_t *value)
{
    const struct lg_set_slot *slot = slot_of(s, key);

    if (slot->key.p)
        *value = slot->value;
    return slot->key.p != NULL;
}

struct lg_node *lg_items(struct lg_node *list)
{
    if (!list || list->is_null || list->kind == LG_NODE_MAP)
        return NULL;
    return list->kind == LG_NODE_LIST ? list->first : list;
}

struct lg_node *lg_next(const struct lg_node *list, const struct lg_node *item)
{
    return list->kind == LG_NODE_LIST ? item->next : NULL;
}

void lg_check_error(struct lg_check *c, struct lg_node *n, const char *key, const char *fmt, ...)
{
    char text[LG_DIAG_TEXT_SZ];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lg_diag_error(c->w->diag, c->w->file, n ? n->line : 0, key, "%s", text);
    if (n)
        n->is_bad = true;
}

void lg_check_warn(struct lg_check *c, const struct lg_node *n, const char *key, const char *fmt,
                   ...)
{
    char text[LG_DIAG_TEXT_SZ];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lg_diag_warn(c->w->diag, c->w->file, n ? n->line : 0, key, "%s", text);
}

const char *lg_key(char buf[LG_KEY_SZ], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, LG_KEY_SZ, fmt, ap);
    va_end(ap);
    return buf;
}

/* ---------------------------------------------------------------- CPUs */

static bool cpu_exists(struct lg_check *c, struct lg_node *n, const char *key, uint32_t cpu)
{
    uint32_t cnt = c->w->env->cpu_cnt;

    if (cnt == 0 || cpu < cnt)
        return true;
    if (cnt == 1)
        lg_check_error(c, n, key, "CPU %u does not exist; this machine has only CPU 0", cpu);
    else
        lg_check_error(c, n, key, "CPU %u does not exist; this machine has CPUs 0-%u", cpu,
                       cnt - 1);
    return false;
}

static void place_workers(struct lg_check *c, struct lg_node *n)
{
    struct lg_config *cfg = c->cfg;
    uint32_t cnt = c->w->env->cpu_cnt;
    uint32_t first = cnt == 0 || cnt > cfg->worker_cnt ? 1 : 0;

    if (cnt != 0 && cfg->worker_cnt > cnt) {
        lg_check_error(c, n, "global.workers",
                       "%u workers need %u CPUs; this machine has %u, and each worker needs its "
                       "own",
                       cfg->worker_cnt, cfg->worker_cnt, cnt);
        return;
    }
    for (uint32_t i = 0; i < cfg->worker_cnt; i++)
        cfg->worker_cpus[i] = (uint16_t)(first + i);
}

static void check_worker_list(struct lg_check *c, struct lg_node *list)
{
    struct lg_config *cfg = c->cfg;
    char key[LG_KEY_SZ];
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(list); n && i < cfg->worker_cnt; n = n->next, i++) {
        uint16_t cpu = cfg->worker_cpus[i];
        lg_key(key, "global.workers[%u]", i);
        if (n->is_bad || !cpu_exists(c, n, key, cpu))
            continue;
        for (uint32_t k = 0; k < i; k++)
            if (cfg->worker_cpus[k] == cpu) {
                lg_check_error(c, n, key, "CPU %u is listed twice; a worker needs its own", cpu);
                break;
            }
    }
}

static void check_cpus(struct lg_check *c)
{
    struct lg_config *cfg = c->cfg;
    struct lg_node *global = lg_node_find(c->root, "global");
    struct lg_node *workers = lg_node_find(global, "workers");
    struct lg_node *control = lg_node_find(global, "control_cpu");

    if (workers && !lg_node_is_clean(workers))
        return;
    if (cfg->worker_cpus[0] == UINT16_MAX)
        place_workers(c, workers);
    else
        check_worker_list(c, workers);
    if (!lg_is_good(control) || cfg->control_cpu < 0 ||
        !cpu_exists(c, control, "global.control_cpu", (uint32_t)cfg->control_cpu))
        return;
    for (uint32_t i = 0; i < cfg->worker_cnt; i++)
        if (cfg->worker_cpus[i] == cfg->control_cpu && c->w->env->cpu_cnt > cfg->worker_cnt)
            lg_check_warn(c, control, "global.control_cpu",
                          "CPU %d runs a worker too, and another CPU is free", cfg->control_cpu);
}

static void check_global(struct lg_check *c)
{
    struct lg_config *cfg = c->cfg;
    struct lg_node *global = lg_node_find(c->root, "global");
    struct lg_node *ports = lg_node_find(global, "source_ports");
    struct lg_node *buffers = lg_node_find(global, "packet_buffers");
    struct lg_node *group = lg_node_find(global, "group");

    struct lg_node *min_ttl = lg_node_find(lg_node_find(c->root, "dns"), "min_ttl");

    check_cpus(c);
    if (lg_is_good(min_ttl) && cfg->dns.min_ttl_ns > cfg->dns.max_ttl_ns)
        lg_check_error(c, min_ttl, "dns.min_ttl", "above max_ttl");
    if (lg_is_good(group) && *cfg->group && cfg->user && !*cfg->user)
        lg_check_error(c, group, "global.group", "has no effect without global.user");
    if (lg_is_good(ports) && (uint32_t)(cfg->port_hi - cfg->port_lo) + 1 < cfg->worker_cnt)
        lg_check_error(c, ports, "global.source_ports",
                       "fewer ports than the %u workers; widen the range, each worker gets its "
                       "part",
                       cfg->worker_cnt);
    if (lg_is_good(buffers) && cfg->packet_buffers > 0 && cfg->packet_buffers < 1024)
        lg_check_error(c, buffers, "global.packet_buffers",
                       "found \"%u\", expected 0 (derived from max_connections) or at least 1024",
                       cfg->packet_buffers);
}

/* ---------------------------------------------------------------- names */

/* check_names reports names that occur twice in a list of mappings. `path` is the list's key.
 * set, when not NULL, keeps the names for later look-ups; scratch memory. */
static void check_names(struct lg_check *c, struct lg_node *list, const char *path,
                        struct lg_set *set)
{
    struct lg_set own;
    char key[LG_KEY_SZ];
    uint32_t i = 0, other;

    set = set ? set : &own;
    if (!lg_set_open(set, c->arena, list ? list->child_cnt : 0)) {
        lg_check_error(c, list, path, "out of memory");
        return;
    }
    if (!list || list->kind != LG_NODE_LIST)
        return;
    for (struct lg_node *n = list->first; n; n = n->next, i++) {
        struct lg_node *name = lg_node_find(n, "name");
        if (!lg_is_good(name) || lg_set_add(set, lg_span(name->text, name->len), i, &other))
            continue;
        lg_check_error(c, name, lg_key(key, "%s[%u].name", path, i),
                       "\"%s\" is already the name of %s[%u]; names are unique", name->text, path,
                       other);
    }
}

static void check_backend_names(struct lg_check *c)
{
    struct lg_node *pools = lg_node_find(c->root, "pools");
    char path[LG_KEY_SZ];
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(pools); n; n = lg_next(pools, n), i++) {
        struct lg_node *backends = lg_node_find(n, "backends");
        if (backends)
            check_names(c, backends, lg_key(path, "pools[%u].backends", i), NULL);
    }
}

static void warn_unused_pools(struct lg_check *c)
{
    struct lg_node *pools = lg_node_find(c->root, "pools");
    char key[LG_KEY_SZ];
    uint32_t i = 0;

    for (struct lg_node *n = lg_items(pools); n && i < c->cfg->pool_cnt; n = lg_next(pools, n), i++)
        if (!c->pool_is_used[i])
            lg_check_warn(c, n, lg_key(key, "pools[%u]", i), "no listener uses pool \"%s\"",
                          c->cfg->pools[i].name);
}

void lg_check(struct lg_walk *w, struct lg_config *cfg, struct lg_node *root, struct lg_arena *tree)
{
    struct lg_check c = {.w = w, .cfg = cfg, .root = root, .arena = tree};

    check_global(&c);
    check_names(&c, lg_node_find(root, "ports"), "ports", NULL);
    check_names(&c, lg_node_find(root, "pools"), "pools", &c.pools);
    check_names(&c, lg_node_find(root, "listeners"), "listeners", NULL);
    check_backend_names(&c);
    c.pool_is_used = lg_arena_alloc(tree, cfg->pool_cnt, 1);
    if (!c.pools.slots || !c.pool_is_used) {
        lg_check_error(&c, NULL, NULL, "out of memory");
        return;
    }
    c.has_net = lg_check_net(&c);
    lg_check_backends(&c);
    lg_check_pools(&c);
    lg_check_listeners(&c);
    lg_check_admin(&c);
    lg_check_log(&c);
    if (lg_node_is_clean(root))
        warn_unused_pools(&c);
}
