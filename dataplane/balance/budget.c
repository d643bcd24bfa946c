/* SPDX-License-Identifier: GPL-2.0-or-later */
/* budget.c: the retries a pool may make. */
#include "budget.h"

static void refill(struct lg_budget *b, lg_ns_t now_ns)
{
    if (!b->is_begun) {
        *b = (struct lg_budget){.left = LG_BUDGET_START, .is_begun = true, .at_ns = now_ns};
        return;
    }
    lg_ns_t secs = lg_ns_since(now_ns, b->at_ns) / LG_SEC(1);
    b->at_ns += LG_SEC(secs);
    b->left = (uint32_t)LG_MIN(b->left + secs * LG_BUDGET_ONE, (uint64_t)LG_BUDGET_MAX);
}

void lg_budget_earn(struct lg_budget *b, uint32_t per_cent, lg_ns_t now_ns)
{
    refill(b, now_ns);
    b->left = LG_MIN(b->left + per_cent, LG_BUDGET_MAX);
}

bool lg_budget_take(struct lg_budget *b, lg_ns_t now_ns)
{
    refill(b, now_ns);
    if (b->left < LG_BUDGET_ONE)
        return false;
    b->left -= LG_BUDGET_ONE;
    return true;
}
