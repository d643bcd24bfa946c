/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot_build.c: configuration -> snapshot. */
#include "snapshot_build.h"

#include "change.h"
#include "client.h"
#include "rules.h"
#include "sticky.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* make allocates cnt zeroed objects on lines of their own, so that what workers read all the time
 * never shares a line with what the control thread's heap writes. */
static void *make(size_t cnt, size_t obj_sz)
{
    size_t sz = LG_MAX(cnt * obj_sz, (size_t)1);

    sz = (sz + LG_CACHE_PAIR - 1) / LG_CACHE_PAIR * LG_CACHE_PAIR;
    void *p = aligned_alloc(LG_CACHE_PAIR, sz);
    if (p)
        memset(p, 0, sz);
    return p;
}

/* A snapshot in the making. */
struct making {
    struct lg_snapshot *s;
    const struct lg_snapshot *prev; /* NULL: the first */
    const struct lg_snapshot_parts *parts;
    struct lg_diag *diag;
};

/* keep puts the policy of before in the place of a new one that is the same: what is shared is
 * kept, tickets open, and connections can be moved. */
static void keep(struct lg_tls_policy **now, struct lg_tls_policy *before)
{
    if (!*now || !before || *now == before || !lg_tls_policy_same(*now, before))
        return;
    lg_tls_policy_free(*now);
    *now = lg_tls_policy_hold(before);
}

/* build_policy makes the policy of listener l from its files. */
static lg_err_t build_policy(struct making *m, struct lg_listener *l)
{
    struct lg_tls_policy *p = NULL;

    LG_TRY(lg_tls_policy_build(m->s->cfg, l->cfg, m->s->worker_cnt, &p, m->diag));
    lg_err_t err = lg_tls_policy_revoked(p, m->parts->revoked, &l->tls);
    lg_tls_policy_free(p);
    return err;
}

/* find_meter: that of the listener of this name in the snapshot before, or a new one, with a
 * reference; NULL: no memory. */
static struct lg_meter *find_meter(const struct making *m, const struct lg_listener *l)
{
    const struct lg_listener *old = m->prev ? lg_snapshot_heir(m->prev, l) : NULL;

    if (!old)
        return lg_meter_open(l->cfg->name, m->s->worker_cnt);
    old->meter->ref_cnt++;
    return old->meter;
}

/* build_listener makes what is in a listener; all that is wrong with it is said in one go. */
static lg_err_t build_listener(struct making *m, struct lg_listener *l)
{
    lg_err_t tls = LG_OK, rules = LG_OK;

    l->meter = find_meter(m, l);
    LG_CHECK(l->meter, LG_E(NOMEM));
    if (!m->parts->policies && lg_listener_has_tls(l->cfg->type))
        tls = build_policy(m, l);
    if (lg_listener_reads_http(l->cfg->type))
        rules = lg_rules_build(m->s->cfg, l->cfg, &l->rules, m->diag);
    return lg_is_ok(tls) ? rules : tls;
}

/* compare_listener looks at what becomes of the listener of that name. */
static void compare_listener(struct making *m, struct lg_listener *l)
{
    const struct lg_listener *old = m->prev ? lg_snapshot_heir(m->prev, l) : NULL;

    keep(&l->tls, old ? old->tls : NULL);
    if (m->prev && l->tls && l->cfg->tls.close_revoked &&
        (!old || !old->tls || !lg_tls_policy_admits_alike(l->tls, old->tls)))
        m->s->judge_generation = m->s->generation;
}

static lg_err_t build_listeners(struct making *m)
{
    struct lg_snapshot *s = m->s;
    const struct lg_config *cfg = s->cfg;
    lg_err_t err = LG_OK;

    s->listeners = make(cfg->listener_cnt, sizeof *s->listeners);
    LG_CHECK(s->listeners, LG_E(NOMEM));
    s->listener_cnt = cfg->listener_cnt;
    for (uint32_t i = 0; i < s->listener_cnt; i++) {
        struct lg_listener *l = &s->listeners[i];
        l->cfg = &cfg->listeners[i];
        l->idx = i;
        l->tls = m->parts->policies ? m->parts->policies[i] : NULL;
    }
    for (uint32_t i = 0; i < s->listener_cnt; i++) {
        struct lg_listener *l = &s->listeners[i];
        lg_err_t one = build_listener(m, l);
        if (lg_is_ok(err))
            err = one; /* go on: the operator wants to hear of all of them */
        if (lg_is_ok(one))
            compare_listener(m, l);
    }
    return err;
}

static lg_err_t add_bind(struct lg_snapshot *s, const struct lg_endpoint *addr,
                         const struct lg_listener *l, struct lg_diag *diag)
{
    uint32_t i = lg_snapshot_bind_hash(&addr->ip, addr->port) & s->bind_mask;

    for (; s->binds[i].listener; i = (i + 1) & s->bind_mask) {
        char text[LG_ENDPOINT_STR_SZ];
        if (s->binds[i].addr.port != addr->port || !lg_ip_eq(&s->binds[i].addr.ip, &addr->ip))
            continue;
        char key[40];
        snprintf(key, sizeof key, "listeners[%u].bind", l->idx);
        lg_diag_error(diag, s->cfg->file, l->cfg->line, key,
                      "%s is bound by listener \"%s\" and again by \"%s\"",
                      lg_endpoint_text(addr, text), s->binds[i].listener->cfg->name, l->cfg->name);
        return LG_E(CONFIG);
    }
    s->binds[i] = (struct lg_bind_slot){*addr, l};
    return LG_OK;
}

static lg_err_t build_binds(struct lg_snapshot *s, struct lg_diag *diag)
{
    uint32_t bind_cnt = 0, slot_cnt = 2;

    for (uint32_t i = 0; i < s->listener_cnt; i++)
        bind_cnt += s->listeners[i].cfg->bind_cnt;
    while (slot_cnt < 2 * bind_cnt) /* at most half full: every walk ends soon */
        slot_cnt *= 2;
    s->binds = make(slot_cnt, sizeof *s->binds);
    LG_CHECK(s->binds, LG_E(NOMEM));
    s->bind_mask = slot_cnt - 1;
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        for (uint32_t b = 0; b < s->listeners[i].cfg->bind_cnt; b++)
            LG_TRY(add_bind(s, &s->listeners[i].cfg->binds[b], &s->listeners[i], diag));
    return LG_OK;
}

/* build_pool_tls compiles what a pool asks of its backends. */
static lg_err_t build_pool_tls(struct lg_snapshot *s, uint32_t idx, struct lg_diag *diag)
{
    const struct lg_cfg_pool *pool = &s->cfg->pools[idx];
    const struct lg_cfg_pool_tls *t = &pool->tls;
    char owner[100];
    struct lg_tls_client_cfg cfg = {
        .owner = owner,
        .file = s->cfg->file,
        .line = t->line,
        .min_version = t->min_version,
        .max_version = t->max_version,
        .name = t->name,
        .ca = t->no_verify ? NULL : t->ca,
        .crls = (const char *const *)t->crls,
        .crl_cnt = t->no_verify ? 0 : t->crl_cnt,
        .crl_fail = t->crl_fail,
        .verify_depth = t->verify_depth,
        .cert = t->cert,
        .key = t->key,
        .passphrase_file = t->passphrase_file,
    };

    snprintf(owner, sizeof owner, "pool %s: tls.", pool->name);
    return lg_tls_client_policy_build(&cfg, s->worker_cnt, &s->pools[idx].tls, diag);
}

static lg_err_t build_pools_tls(struct making *m)
{
    struct lg_snapshot *s = m->s;
    lg_err_t err = LG_OK;

    for (uint32_t i = 0; i < s->pool_cnt; i++) {
        const struct lg_pool_entry *old =
            m->prev ? lg_snapshot_pool(m->prev, s->cfg->pools[i].name, i) : NULL;
        lg_err_t one = LG_OK;
        if (m->parts->policies)
            s->pools[i].tls = old && old->tls ? lg_tls_policy_hold(old->tls) : NULL;
        else if (s->cfg->pools[i].tls.on)
            one = build_pool_tls(s, i, m->diag);
        if (lg_is_ok(err))
            err = one;
        if (lg_is_ok(one))
            keep(&s->pools[i].tls, old ? old->tls : NULL);
    }
    return err;
}

/* take_sticky_key: the process's key outlives its snapshots. */
static lg_err_t take_sticky_key(struct lg_snapshot *s, const struct lg_snapshot *prev)
{
    ssize_t sz = sizeof s->sticky_key;

    if (prev)
        memcpy(s->sticky_key, prev->sticky_key, sizeof s->sticky_key);
    else
        LG_CHECK(getrandom(s->sticky_key, sizeof s->sticky_key, 0) == sz, LG_E(SYS));
    return LG_OK;
}

static lg_err_t build_sticky(struct lg_snapshot *s, struct lg_diag *diag)
{
    lg_err_t err = LG_OK;

    for (uint32_t i = 0; i < s->pool_cnt; i++) {
        const struct lg_cfg_pool *pool = &s->cfg->pools[i];
        if (!pool->sticky.line)
            continue;
        lg_err_t one = lg_sticky_build(s->cfg, pool, s->sticky_key, &s->pools[i].sticky, diag);
        if (lg_is_ok(err))
            err = one;
    }
    return err;
}

static lg_err_t build_workers(struct lg_snapshot *s, const struct lg_snapshot *prev)
{
    s->workers = make(s->worker_cnt, sizeof *s->workers);
    LG_CHECK(s->workers, LG_E(NOMEM));
    return lg_snapshot_pools_open(s, prev);
}

static lg_err_t build(struct making *m)
{
    LG_TRY(build_listeners(m));
    LG_TRY(build_binds(m->s, m->diag));
    LG_TRY(build_workers(m->s, m->prev));
    LG_TRY(take_sticky_key(m->s, m->prev));
    lg_err_t sticky = build_sticky(m->s, m->diag), tls = build_pools_tls(m);
    return lg_is_ok(sticky) ? tls : sticky;
}

/* give_policies: those that no listener has taken. */
static void give_policies(const struct lg_snapshot_parts *parts, uint32_t cnt)
{
    for (uint32_t i = 0; parts->policies && i < cnt; i++)
        lg_tls_policy_free(parts->policies[i]);
}

lg_err_t lg_snapshot_build(struct lg_config *cfg, uint32_t worker_cnt, uint64_t generation,
                           const struct lg_snapshot *prev, struct lg_snapshot **out,
                           struct lg_diag *diag)
{
    static const struct lg_snapshot_parts none;

    return lg_snapshot_build_of(cfg, worker_cnt, generation, prev, &none, out, diag);
}

lg_err_t lg_snapshot_build_of(struct lg_config *cfg, uint32_t worker_cnt, uint64_t generation,
                              const struct lg_snapshot *prev, const struct lg_snapshot_parts *parts,
                              struct lg_snapshot **out, struct lg_diag *diag)
{
    uint32_t errors_before = diag->error_cnt;
    lg_err_t err = LG_E(NOMEM);
    struct lg_snapshot *s = make(1, sizeof *s);
    struct making m = {s, prev, parts, diag};

    if (s) {
        *s = (struct lg_snapshot){.generation = generation,
                                  .judge_generation = prev ? prev->judge_generation : 0,
                                  .cfg = cfg,
                                  .worker_cnt = worker_cnt};
        err = build(&m);
    }
    if (lg_is_ok(err)) {
        *out = s;
        return LG_OK;
    }
    if (diag->error_cnt == errors_before)
        lg_diag_error(diag, cfg->file, 0, NULL, "%s", lg_err_text(err));
    if (!s || !s->listeners)
        give_policies(parts, cfg->listener_cnt);
    if (s)
        lg_snapshot_free(s);
    else
        lg_config_free(cfg);
    return err;
}

void lg_snapshot_free(struct lg_snapshot *s)
{
    if (!s)
        return;
    lg_snapshot_pools_close(s);
    for (uint32_t i = 0; i < s->listener_cnt; i++) {
        lg_meter_give(s->listeners[i].meter);
        if (s->listeners[i].tls)
            lg_tls_policy_free(s->listeners[i].tls);
        lg_rules_free(s->listeners[i].rules);
    }
    free(s->workers);
    free(s->binds);
    free(s->listeners);
    lg_config_free(s->cfg);
    explicit_bzero(s->sticky_key, sizeof s->sticky_key);
    free(s);
}

uint64_t lg_snapshot_pins(const struct lg_snapshot *s)
{
    uint64_t pins = 0;

    for (uint32_t k = 0; k < s->worker_cnt; k++)
        pins += atomic_load_explicit(&s->workers[k].pins, memory_order_acquire);
    return pins;
}
