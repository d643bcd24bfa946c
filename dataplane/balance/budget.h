/* SPDX-License-Identifier: GPL-2.0-or-later */
/* budget.h: how many retries a pool may make, so that a pool in trouble is not asked twice as much
 * as one in health. Each connection or request that begins earns a part of a retry, and a second of
 * time one whole; what is not used is kept, up to a bound. One a pool and worker. Pure; owner. */
#ifndef LG_BUDGET_H
#define LG_BUDGET_H

#include "ns.h"

#define LG_BUDGET_ONE 100u /* a retry; the parts of it are per cent */
#define LG_BUDGET_MAX (100u * LG_BUDGET_ONE)
#define LG_BUDGET_START (10u * LG_BUDGET_ONE)

/* All zero is a fresh budget. */
struct lg_budget {
    uint32_t left; /* hundredths of retries */
    bool is_begun;
    lg_ns_t at_ns;
};

/* lg_budget_earn: something begins; per_cent of a retry is earned. */
void lg_budget_earn(struct lg_budget *b, uint32_t per_cent, lg_ns_t now_ns);
/* lg_budget_take spends one retry; false: there is none left. */
bool lg_budget_take(struct lg_budget *b, lg_ns_t now_ns);

#endif
