/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check.c: the life of checks (control), and what an answer does to the board (owner). */
#include "check.h"

#include "view.h"

#include <stdlib.h>
#include <string.h>

struct lg_check *lg_check_open(const struct lg_endpoint *addr, uint32_t worker_cnt)
{
    struct lg_check *c = aligned_alloc(LG_CACHE_PAIR, sizeof *c);

    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->addr = *addr;
    c->worker = (uint32_t)((lg_bal_hash(addr->ip.b, sizeof addr->ip.b) + addr->port) % worker_cnt);
    c->ref_cnt = 1;
    return c;
}

void lg_check_give(struct lg_check *c)
{
    if (c && --c->ref_cnt == 0)
        free(c);
}

const char *lg_check_text(enum lg_check_result r)
{
    static const char *const texts[] = {
#define X(name, text) [LG_CHECK_R_##name] = text,
        LG_CHECK_RESULTS(X)
#undef X
    };
    return r < LG_CHECK_R_CNT ? texts[r] : "?";
}

/* next_state counts an answer, and gives the state after it. */
static uint32_t next_state(struct lg_check *c, const struct lg_cfg_health *cfg, uint32_t state,
                           bool is_good)
{
    if (state == LG_CHECK_UNKNOWN)
        return is_good ? LG_CHECK_UP : LG_CHECK_DOWN;
    if (is_good == (state == LG_CHECK_UP)) {
        c->streak = 0;
        return state;
    }
    if (++c->streak < (is_good ? cfg->rise : cfg->fall))
        return state;
    c->streak = 0;
    return is_good ? LG_CHECK_UP : LG_CHECK_DOWN;
}

bool lg_check_record(struct lg_check *c, const struct lg_cfg_health *cfg,
                     enum lg_check_result result, uint32_t detail, lg_ns_t took_ns, lg_ns_t now_ns)
{
    bool is_good = result == LG_CHECK_R_OK;
    uint32_t before = atomic_load_explicit(&c->state, memory_order_relaxed);
    uint32_t after = next_state(c, cfg, before, is_good);

    atomic_store_explicit(&c->result, result, memory_order_relaxed);
    atomic_store_explicit(&c->detail, detail, memory_order_relaxed);
    atomic_store_explicit(&c->took_us, (uint32_t)LG_MIN(took_ns / 1000, UINT32_MAX),
                          memory_order_relaxed);
    atomic_store_explicit(&c->at_ns, now_ns, memory_order_relaxed);
    lg_seat_count(&c->cnt);
    if (!is_good)
        lg_seat_count(&c->failed_cnt);
    if (before != after)
        atomic_store_explicit(&c->changed_ns, now_ns, memory_order_relaxed);
    /* Pairs with the acquire of whoever reads the state: the details above are visible then. */
    atomic_store_explicit(&c->state, after, memory_order_release);
    return before != after;
}

lg_ns_t lg_check_pause(const struct lg_check *c, const struct lg_cfg_health *cfg, uint64_t random)
{
    uint32_t state = atomic_load_explicit(&c->state, memory_order_relaxed);
    bool is_settled = state == LG_CHECK_UP && c->streak == 0;
    lg_ns_t pause_ns = is_settled ? cfg->interval_ns : LG_MIN(cfg->fast_ns, cfg->interval_ns);

    return pause_ns - pause_ns / 10 + random % (pause_ns / 5 + 1);
}
