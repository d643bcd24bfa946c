/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eject.c: when a backend is left alone. */
#include "eject.h"

/* window counts into the one in progress, or begins a new one.
 *   Returns  whether a window has just been found too bad */
static bool window(struct lg_seat_part *p, const struct lg_cfg_ejection *cfg, bool is_good,
                   lg_ns_t now_ns)
{
    bool is_bad = false;

    if (lg_ns_since(now_ns, p->win_begin_ns) >= cfg->window_ns) {
        uint64_t all = (uint64_t)p->win_good + p->win_bad;
        is_bad = all >= cfg->min_requests && p->win_good * 100ull < all * cfg->success_rate;
        p->win_begin_ns = now_ns;
        p->win_good = p->win_bad = 0;
    }
    if (is_good)
        p->win_good++;
    else
        p->win_bad++;
    return is_bad;
}

bool lg_eject_note(struct lg_seat_part *p, const struct lg_cfg_ejection *cfg, enum lg_outcome o,
                   lg_ns_t now_ns)
{
    bool is_bad = cfg->success_rate > 0 && window(p, cfg, o == LG_OUT_GOOD, now_ns);
    lg_ns_t until_ns = atomic_load_explicit(&p->ejected_until_ns, memory_order_relaxed);

    if (o == LG_OUT_FAIL) {
        p->fail_streak++;
    } else {
        p->fail_streak = 0;
        if (p->eject_cnt && lg_ns_since(now_ns, until_ns) > p->ejected_ns)
            p->eject_cnt = 0;
    }
    if (now_ns < until_ns)
        return false; /* it is out already: this was under way before */
    return is_bad || (cfg->failures > 0 && p->fail_streak >= cfg->failures);
}

lg_ns_t lg_eject(struct lg_seat_part *p, const struct lg_cfg_ejection *cfg, lg_ns_t now_ns)
{
    lg_ns_t time_ns = cfg->time_ns;

    for (uint32_t i = 0; i < p->eject_cnt && time_ns < cfg->max_time_ns; i++)
        time_ns *= 2;
    p->ejected_ns = LG_MIN(time_ns, LG_MAX(cfg->max_time_ns, cfg->time_ns));
    p->eject_cnt++;
    p->fail_streak = cfg->failures ? cfg->failures - 1 : 0; /* one more, and it is out again */
    p->win_good = p->win_bad = 0;
    p->win_begin_ns = now_ns;
    atomic_store_explicit(&p->ejected_until_ns, now_ns + p->ejected_ns, memory_order_relaxed);
    return p->ejected_ns;
}
