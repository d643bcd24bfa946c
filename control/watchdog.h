/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog.h: tells systemd that the workers, not only this thread, make progress (WatchdogSec=).
 * Every third of the period the workers are asked to pass a quiescent state; WATCHDOG=1 is sent
 * when all of them have done so. When one hangs nothing is sent, and systemd restarts the service.
 * Thread control. */
#ifndef LG_WATCHDOG_H
#define LG_WATCHDOG_H

#include "base.h"
#include "ns.h"

struct lg_watchdog {
    lg_ns_t period_ns; /* a third of systemd's; 0: nobody watches */
    lg_ns_t next_ns;
    uint64_t token; /* of the question that is open */
    bool is_asked;
    bool has_warned;
};

struct lg_watchdog_ops {
    uint64_t (*ask)(void *ctx);                     /* begins a question; its token */
    bool (*is_answered)(void *ctx, uint64_t token); /* by every worker */
};

/* lg_watchdog_init reads $WATCHDOG_USEC and $WATCHDOG_PID. */
void lg_watchdog_init(struct lg_watchdog *w, lg_ns_t now_ns);
/* lg_watchdog_poll asks, looks at the answers and sends. Returns whether it sent. */
bool lg_watchdog_poll(struct lg_watchdog *w, const struct lg_watchdog_ops *ops, void *ctx,
                      lg_ns_t now_ns);

#endif
