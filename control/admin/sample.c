/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample.c: see sample.h. */
#include "sample.h"

#include <stdlib.h>

bool lg_samples_open(struct lg_samples *s, uint32_t worker_cnt)
{
    *s = (struct lg_samples){.worker_cnt = worker_cnt,
                             .peak = calloc(worker_cnt, sizeof *s->peak),
                             .kept = calloc(worker_cnt, sizeof *s->kept)};
    if (s->peak && s->kept)
        return true;
    lg_samples_close(s);
    return false;
}

void lg_samples_close(struct lg_samples *s)
{
    free(s->peak);
    free(s->kept);
    *s = (struct lg_samples){0};
}

static void keep(const struct lg_core_report *r, struct lg_sample *out)
{
    struct lg_load load;

    lg_load_read(r->load, &load);
    *out = (struct lg_sample){.busy = lg_stat_get(r->stats, LG_STAT_LOOP_BUSY_CYCLES),
                              .idle = lg_stat_get(r->stats, LG_STAT_LOOP_IDLE_CYCLES),
                              .busy_turns = load.turns};
    out->turns = lg_hist_cnt(&load.turns);
}

void lg_samples_tick(struct lg_samples *s, const struct lg_core_report *reports, lg_ns_t now_ns)
{
    for (uint32_t k = 0; k < s->worker_cnt; k++)
        for (uint32_t i = 0; i < LG_SAMPLE_POOL_CNT; i++)
            s->peak[k][i] =
                LG_MAX(s->peak[k][i], lg_sample_used(&reports[k], (enum lg_sample_pool)i));
    if (now_ns < s->next_ns)
        return;
    s->next_ns = lg_ns_add(now_ns, LG_SAMPLE_NS);
    s->pos = (s->pos + 1) % LG_SAMPLE_CNT;
    s->cnt = LG_MIN(s->cnt + 1, (uint32_t)LG_SAMPLE_CNT);
    for (uint32_t k = 0; k < s->worker_cnt; k++)
        keep(&reports[k], &s->kept[k][s->pos]);
}

void lg_samples_recent(const struct lg_samples *s, uint32_t worker, struct lg_recent *out)
{
    static const struct lg_sample none;
    const struct lg_sample *now = &none, *then = &none;
    struct lg_hist turns = {0};

    if (s->cnt > 0)
        now = &s->kept[worker][s->pos];
    if (s->cnt > 1)
        then = &s->kept[worker][(s->pos + LG_SAMPLE_CNT + 1 - s->cnt) % LG_SAMPLE_CNT];
    uint64_t busy = now->busy - then->busy, all = busy + now->idle - then->idle;
    for (uint32_t i = 0; i < LG_HIST_CNT; i++)
        turns.bucket[i] = now->busy_turns.bucket[i] - then->busy_turns.bucket[i];
    *out = (struct lg_recent){.busy = all ? (double)busy / (double)all : 0,
                              .turns = now->turns - then->turns,
                              .p50 = lg_hist_quantile(&turns, 500) >> LG_LOAD_LOG2_UNIT,
                              .p99 = lg_hist_quantile(&turns, 990) >> LG_LOAD_LOG2_UNIT};
}

uint64_t lg_sample_used(const struct lg_core_report *r, enum lg_sample_pool i)
{
    const uint64_t used[] = {
#define X(name, used, total) r->used,
        LG_SAMPLE_POOLS(X)
#undef X
    };
    return used[i];
}

uint64_t lg_sample_total(const struct lg_core_report *r, enum lg_sample_pool i)
{
    const uint64_t total[] = {
#define X(name, used, total) r->total,
        LG_SAMPLE_POOLS(X)
#undef X
    };
    return total[i];
}

const char *lg_sample_name(enum lg_sample_pool i)
{
    static const char *const names[] = {
#define X(name, used, total) #name,
        LG_SAMPLE_POOLS(X)
#undef X
    };
    return names[i];
}
