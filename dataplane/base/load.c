/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.c: see load.h. */
#include "load.h"

void lg_load_stages(struct lg_load *l, const struct lg_stamps *s)
{
    for (uint32_t i = 0; i < LG_STAGE_CNT; i++)
        __atomic_store_n(&l->stage[i], l->stage[i] + s->at[i + 1] - s->at[i], __ATOMIC_RELAXED);
}

void lg_load_read(const struct lg_load *l, struct lg_load *out)
{
    *out = (struct lg_load){0};
    lg_hist_sum(&l->turns, &out->turns);
    for (uint32_t i = 0; i < LG_STAGE_CNT; i++)
        out->stage[i] = __atomic_load_n(&l->stage[i], __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 2; i++)
        out->max[i] = __atomic_load_n(&l->max[i], __ATOMIC_RELAXED);
}

const char *lg_stage_name(enum lg_stage s)
{
    static const char *const names[] = {
#define X(name, label) label,
        LG_STAGES(X)
#undef X
    };
    return names[s];
}
