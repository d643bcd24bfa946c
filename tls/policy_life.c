/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (pins apart) */
/* policy_life.c: how long a policy lives: as long as a snapshot names it, and then as long as a
 * connection has it. Connections may outlive the snapshot they began under (proxy/move.c), so they
 * are counted here, by each worker for itself.
 *
 * A policy that no snapshot names is given to no further connection: the snapshots are freed when
 * no worker can reach them any more. So a count of zero, once seen, stays. */
#include "change.h"
#include "policy_priv.h"

#include <stdlib.h>

/* Of the process, touched by the control thread only: policies that wait for their last connection.
 */
static struct lg_tls_policy *dying;

struct lg_tls_policy *lg_policy_new(uint32_t worker_cnt)
{
    struct lg_tls_policy *p = calloc(1, sizeof *p);
    size_t sz = worker_cnt * sizeof(struct lg_policy_pins);

    if (!p)
        return NULL;
    p->ref_cnt = 1;
    p->worker_cnt = worker_cnt;
    p->pins = aligned_alloc(LG_CACHE_PAIR, sz);
    if (!p->pins) {
        free(p);
        return NULL;
    }
    memset(p->pins, 0, sz);
    return p;
}

struct lg_tls_policy *lg_tls_policy_hold(struct lg_tls_policy *p)
{
    p->ref_cnt++;
    return p;
}

static bool is_pinned(const struct lg_tls_policy *p)
{
    for (uint32_t k = 0; k < p->worker_cnt; k++)
        /* Pairs with the release of lg_policy_unpin: what the worker did with it is over. */
        if (atomic_load_explicit(&p->pins[k].cnt, memory_order_acquire))
            return true;
    return false;
}

static void destroy(struct lg_tls_policy *p)
{
    struct lg_policy_pins *pins = p->pins;

    lg_policy_fini(p);
    free(pins);
    free(p);
}

void lg_tls_policy_free(struct lg_tls_policy *p)
{
    if (!p || --p->ref_cnt > 0)
        return;
    if (!is_pinned(p)) {
        destroy(p);
        return;
    }
    p->dying_next = dying;
    dying = p;
}

uint32_t lg_tls_policies_poll(void)
{
    uint32_t left = 0;

    for (struct lg_tls_policy **at = &dying; *at;) {
        struct lg_tls_policy *p = *at;
        if (is_pinned(p)) {
            at = &p->dying_next;
            left++;
            continue;
        }
        *at = p->dying_next;
        destroy(p);
    }
    return left;
}
