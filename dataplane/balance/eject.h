/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eject.h: passive health: a backend that fails the traffic it gets is left alone for a while.
 *
 * Each worker judges by its own connections and for itself. Two measures: failures in a row
 * (refused, reset, no answer in time, no valid answer), and the share of good answers in a window,
 * where answers of 500 and above count as bad. The first ejection lasts ejection.time, each further
 * one twice as long as the one before, up to max_time; one that comes back is out again at its
 * first failure, and has its past forgiven after good answers for as long as it was out. Never is
 * one ejected when more than half of those that the configuration gives work would be out then, by
 * ejection or by their health check. Pure; thread owner. */
#ifndef LG_EJECT_H
#define LG_EJECT_H

#include "config.h"
#include "seat.h"

enum lg_outcome {
    LG_OUT_GOOD,
    LG_OUT_BAD,  /* an answer, but of the server's failure: 5xx */
    LG_OUT_FAIL, /* no answer */
};

/* lg_eject_note counts one outcome.
 *   Returns  whether the backend ought to be ejected now */
bool lg_eject_note(struct lg_seat_part *p, const struct lg_cfg_ejection *cfg, enum lg_outcome o,
                   lg_ns_t now_ns);
/* lg_eject puts it out; returns for how long. */
lg_ns_t lg_eject(struct lg_seat_part *p, const struct lg_cfg_ejection *cfg, lg_ns_t now_ns);

static inline bool lg_is_ejected(const struct lg_seat_part *p, lg_ns_t now_ns)
{
    return now_ns < atomic_load_explicit(&p->ejected_until_ns, memory_order_relaxed);
}

#endif
