/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog.c: the workers' pulse. */
#include "watchdog.h"

#include "log.h"
#include "notify.h"

#include <stdlib.h>
#include <unistd.h>

void lg_watchdog_init(struct lg_watchdog *w, lg_ns_t now_ns)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    *w = (struct lg_watchdog){.next_ns = now_ns};
    if (usec && (!pid || atol(pid) == getpid()))
        w->period_ns = strtoull(usec, NULL, 10) / 3 * LG_US(1);
}

bool lg_watchdog_poll(struct lg_watchdog *w, const struct lg_watchdog_ops *ops, void *ctx,
                      lg_ns_t now_ns)
{
    if (w->period_ns == 0 || now_ns < w->next_ns)
        return false;
    bool is_alive = w->is_asked && ops->is_answered(ctx, w->token);
    if (w->is_asked && !is_alive && !w->has_warned)
        lg_log(LG_LOG_ERROR,
               "a worker makes no progress; the service manager is not told otherwise");
    w->has_warned = w->is_asked && !is_alive;
    if (!w->is_asked || is_alive) { /* a question that is open stays open */
        w->token = ops->ask(ctx);
        w->is_asked = true;
    }
    w->next_ns = lg_ns_add(now_ns, w->period_ns);
    return is_alive && lg_notify_watchdog();
}
