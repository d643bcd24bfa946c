/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (the allocator hooks fall back to the heap on threads without a core) */
/* wolf_hooks.c: what wolfSSL calls without context: memory and random bytes. One thread-local
 * points to the worker's core, whose arena and generator serve; a thread without a core (control)
 * uses the heap and a generator of its own.
 *
 * A pointer is given back by its address: to the calling worker's arena when it lies there, to the
 * heap otherwise. Objects never cross: contexts are made and freed by the control thread, and a
 * worker makes and frees its connections' objects only.
 *
 * Also here, because it wires them: struct lg_tls_core's init and fini. */
#include "tls_priv.h"
#include "wolf_priv.h"
#include "wolf_rand.h"

#include <stdlib.h>

/* Hooks without context leave no other way to find the core (see the file comment). */
static _Thread_local struct lg_tls_core *tl_core;
static _Thread_local struct lg_rng tl_control_rng;

static void *hook_malloc(size_t sz)
{
    struct lg_tls_core *core = tl_core;
    return core ? lg_arena_take(&core->arena, sz) : malloc(sz);
}

static void hook_free(void *p)
{
    struct lg_tls_core *core = tl_core;
    if (!p)
        return;
    if (core && lg_arena_has(&core->arena, p)) {
        /* What wolfSSL forgot to wipe does not stay for the next connection to find. */
        lg_wipe(p, lg_arena_obj_sz(&core->arena, p));
        lg_arena_give(&core->arena, p);
        return;
    }
    free(p);
}

static void *hook_realloc(void *p, size_t sz)
{
    struct lg_tls_core *core = tl_core;
    if (!core || (p && !lg_arena_has(&core->arena, p)))
        return realloc(p, sz);
    if (p && lg_arena_obj_sz(&core->arena, p) >= sz)
        return p;
    void *q = lg_arena_take(&core->arena, sz);
    if (q && p) {
        memcpy(q, p, lg_arena_obj_sz(&core->arena, p));
        hook_free(p);
    }
    return q;
}

int lg_wolf_rand(unsigned char *out, unsigned int sz)
{
    struct lg_rng *r = tl_core ? &tl_core->rng : &tl_control_rng;
    return lg_rng_fill(r, out, sz) ? 0 : -1;
}

struct lg_tls_core *lg_wolf_core(void)
{
    return tl_core;
}

struct lg_tls_core *lg_wolf_detach(void)
{
    struct lg_tls_core *core = tl_core;
    tl_core = NULL;
    return core;
}

lg_err_t lg_wolf_control_begin(void)
{
    return tl_control_rng.seeded ? LG_OK : lg_rng_seed(&tl_control_rng);
}

lg_err_t lg_tls_global_init(void)
{
    LG_TRY(lg_wolf_control_begin());
    LG_CHECK(wolfSSL_SetAllocators(hook_malloc, hook_free, hook_realloc) == 0, LG_E(BUG));
    LG_CHECK(wolfSSL_Init() == WOLFSSL_SUCCESS, LG_E(SYS));
    return LG_OK;
}

static size_t arena_sz(const struct lg_tls_core_cfg *cfg)
{
    size_t hs = cfg->handshake_mem_sz ? cfg->handshake_mem_sz : LG_TLS_HANDSHAKE_MEM_SZ;
    size_t open = cfg->keeps_wolf ? LG_TLS_OPEN_WOLF_MEM_SZ : LG_TLS_OPEN_MEM_SZ;
    if (cfg->keeps_certs)
        open += LG_TLS_KEPT_MEM_SZ;
    if (cfg->keeps_chains)
        open += LG_TLS_KEPT_CHAIN_MEM_SZ;
    if (cfg->keeps_idents)
        open += LG_TLS_KEPT_IDENT_MEM_SZ;
    return (size_t)cfg->max_handshakes * hs + (size_t)cfg->max_conns * open + LG_TLS_CORE_MEM_SZ;
}

size_t lg_tls_core_footprint(const struct lg_tls_core_cfg *cfg)
{
    return lg_align_up(sizeof(struct lg_tls_core), LG_CACHE_LINE) +
           lg_align_up(lg_pool_footprint(cfg->max_conns, sizeof(struct lg_tls)), LG_CACHE_LINE) +
           lg_align_up(lg_aead_footprint(LG_TLS_AEAD_SLOTS), LG_CACHE_LINE) +
           lg_arena_footprint(arena_sz(cfg));
}

lg_err_t lg_tls_core_init(void *mem, const struct lg_tls_core_cfg *cfg, struct lg_bufpool *pool,
                          struct lg_stats *stats, struct lg_tls_core **out)
{
    struct lg_tls_core *core = mem;
    uint8_t *p = (uint8_t *)mem + lg_align_up(sizeof *core, LG_CACHE_LINE);
    LG_CHECK(cfg->max_conns > 0 && cfg->max_handshakes > 0, LG_E(RANGE));
    core->pool = pool;
    core->stats = stats;
    core->worker_idx = cfg->worker_idx;
    core->max_handshakes = cfg->max_handshakes;
    core->handshakes = 0;
    core->at_work = NULL;
    atomic_init(&core->asks.head, 0);
    atomic_init(&core->asks.tail, 0);
    memset(&core->kdf, 0, sizeof core->kdf);
    lg_pool_init(&core->conns, p, cfg->max_conns, sizeof(struct lg_tls));
    p += lg_align_up(lg_pool_footprint(cfg->max_conns, sizeof(struct lg_tls)), LG_CACHE_LINE);
    LG_TRY(lg_aead_init(p, LG_TLS_AEAD_SLOTS, (enum lg_aead_arch)cfg->aead_arch, &core->aead));
    core->limits = lg_aead_limits;
    p += lg_align_up(lg_aead_footprint(LG_TLS_AEAD_SLOTS), LG_CACHE_LINE);
    lg_arena_init(&core->arena, p, arena_sz(cfg));
    LG_TRY(lg_rng_seed(&core->rng));
    *out = core;
    return LG_OK;
}

struct lg_asks *lg_tls_core_asks(struct lg_tls_core *core)
{
    return &core->asks;
}

void lg_tls_core_attach(struct lg_tls_core *core)
{
    tl_core = core;
}

void lg_tls_core_fini(struct lg_tls_core *core)
{
    if (tl_core == core)
        tl_core = NULL;
    lg_rng_wipe(&core->rng);
    lg_aead_fini(core->aead);
    lg_kdf_forget(&core->kdf);
    lg_wipe(&core->tickets, sizeof core->tickets);
    lg_wipe(core->scratch, sizeof core->scratch);
}

uint32_t lg_tls_core_used(const struct lg_tls_core *core)
{
    return lg_pool_used(&core->conns);
}

size_t lg_tls_core_arena_used(const struct lg_tls_core *core)
{
    return __atomic_load_n(&core->arena.used, __ATOMIC_RELAXED);
}

size_t lg_tls_core_arena_total(const struct lg_tls_core *core)
{
    return (size_t)core->arena.page_cnt * LG_ARENA_PAGE_SZ;
}
