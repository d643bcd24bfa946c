/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access_log.c: from the workers' rings to lines. */
#include "access_log.h"

#include <string.h>
#include <sys/mman.h>

/* ---------------------------------------------------------------- rings */

static uint32_t power_of_two(uint32_t n)
{
    uint32_t p = 1;

    while (p < n)
        p *= 2;
    return p;
}

/* make_ring: its pages are there at once, so that no worker waits for one. */
static struct lg_access_ring *make_ring(uint32_t cnt)
{
    size_t sz = lg_access_ring_footprint(cnt);
    void *mem =
        mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return mem == MAP_FAILED ? NULL : lg_access_ring_init(mem, cnt);
}

static void drop_ring(struct lg_access_ring *r)
{
    munmap(r, lg_access_ring_footprint(r->mask + 1));
}

static lg_err_t need_rings(struct lg_access_log *a, const struct lg_snapshot *s,
                           struct lg_diag *diag)
{
    const struct lg_cfg_log *cfg = &s->cfg->log;
    uint32_t cnt = power_of_two(cfg->buffer);

    if (a->ring_cnt && a->rings[0]->mask + 1 != cnt)
        lg_diag_warn(diag, s->cfg->file, cfg->line, "log.buffer",
                     "changed, and only a restart can change it; %u records stay",
                     a->rings[0]->mask + 1);
    for (; a->ring_cnt < s->worker_cnt; a->ring_cnt++) {
        a->rings[a->ring_cnt] = make_ring(cnt);
        if (a->rings[a->ring_cnt])
            continue;
        lg_diag_error(diag, s->cfg->file, cfg->line, "log.buffer",
                      "no memory for %u records of %u bytes for each worker; lower it", cnt,
                      LG_ACCESS_REC_SZ);
        return LG_E(NOMEM);
    }
    return LG_OK;
}

/* ---------------------------------------------------------------- outs */

/* retire closes an out; its counts stay. */
static void retire(struct lg_access_log *a, struct lg_log_out *o)
{
    if (!o)
        return;
    struct lg_log_out_counts c = lg_log_out_close(o);
    a->before.written += c.written;
    a->before.lost += c.lost;
}

lg_err_t lg_access_log_prepare(struct lg_access_log *a, struct lg_snapshot *s, struct lg_diag *diag)
{
    const struct lg_cfg_log *cfg = &s->cfg->log;

    if (a->next != a->out) /* of one that was not published after all */
        retire(a, a->next);
    a->next = NULL;
    if (cfg->to == LG_LOG_TO_OFF)
        return LG_OK;
    LG_TRY(need_rings(a, s, diag));
    if (a->out && lg_log_out_is(a->out, cfg))
        a->next = a->out;
    else
        LG_TRY(lg_log_out_open(cfg, s->cfg->file, &a->next, diag));
    for (uint32_t k = 0; k < s->worker_cnt; k++)
        s->workers[k].access = a->rings[k];
    return LG_OK;
}

void lg_access_log_commit(struct lg_access_log *a)
{
    if (a->out != a->next)
        retire(a, a->out);
    a->out = a->next;
}

unsigned lg_access_log_drain(struct lg_access_log *a, const struct lg_log_clock *clock)
{
    char line[LG_LOG_LINE_MAX];
    unsigned cnt = 0;

    for (uint32_t k = 0; k < a->ring_cnt; k++) {
        const struct lg_access_rec *rec;
        /* At most a ring's worth: a worker that writes as fast as we read does not keep us here. */
        for (uint32_t left = a->rings[k]->mask + 1;
             left && (rec = lg_access_ring_peek(a->rings[k])) != NULL; left--, cnt++) {
            if (a->out)
                lg_log_out_put(a->out, line, lg_log_line(rec, k, clock, line));
            lg_access_ring_pop(a->rings[k]);
        }
    }
    if (a->out)
        lg_log_out_flush(a->out);
    return cnt;
}

bool lg_access_log_reopen(struct lg_access_log *a, const struct lg_log_clock *clock)
{
    lg_access_log_drain(a, clock);
    return !a->out || lg_log_out_reopen(a->out);
}

void lg_access_log_close(struct lg_access_log *a)
{
    if (a->next != a->out)
        retire(a, a->next);
    retire(a, a->out);
    for (uint32_t k = 0; k < a->ring_cnt; k++)
        drop_ring(a->rings[k]);
    *a = (struct lg_access_log){.before = a->before};
}

struct lg_log_out_counts lg_access_log_counts(const struct lg_access_log *a)
{
    struct lg_log_out_counts c = a->before, now = {0};

    if (a->out)
        now = lg_log_out_counts(a->out);
    c.written += now.written;
    c.lost += now.lost;
    return c;
}
