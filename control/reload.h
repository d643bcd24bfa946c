/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.h: from a file to what the workers use, again and again, without stopping.
 *
 *     file --load, check--> config --build--> snapshot --publish--> current --next publish-->
 * retired
 *        \________________________/                                                   |
 *          anything wrong: messages,                            quiet and no pins: freed (poll)
 *          the current one stays, its number too
 *
 * A retired snapshot is freed in this order of questions: has every worker passed a quiescent
 * state since it was replaced (then none takes it up any more), and then, are its pins zero (then
 * none has a connection left under it). Asked the other way round, a worker could pin it between
 * the two.
 *
 * The first configuration is kept to the end: workers and ports were laid out by it, and what a
 * reload cannot change is compared with it. Thread control. */
#ifndef LG_RELOAD_H
#define LG_RELOAD_H

#include "snapshot.h"

/* How a snapshot reaches the workers; core/ in the process, a fake in tests. */
struct lg_reload_ops {
    /* Puts in force what is not in the snapshot, and may add to it; the last thing that can refuse
     * a reload: when it does, it has changed nothing. NULL: there is nothing. */
    lg_err_t (*prepare)(void *ctx, struct lg_snapshot *next, struct lg_diag *diag);
    uint64_t (*publish)(void *ctx, const struct lg_snapshot *s);
    bool (*is_quiet)(void *ctx, uint64_t token);
    /* Told before one is freed, when no worker holds it any more. NULL: nothing to do. */
    void (*forget)(void *ctx, const struct lg_snapshot *s);
};

struct lg_retired {
    struct lg_snapshot *snapshot; /* owns */
    uint64_t token;               /* of the publish that replaced it */
    lg_ns_t since_ns;
    bool has_warned;
    struct lg_retired *next;
};

struct lg_reload {
    const struct lg_reload_ops *ops; /* borrows: for life */
    void *ops_ctx;                   /* borrows: for life */
    struct lg_config *boot_cfg;      /* owns; the first snapshot's cfg points at it too */
    struct lg_snapshot *current;     /* owns */
    struct lg_retired *retired;      /* owns; newest first */
    uint32_t retired_cnt;
};

/* lg_reload_init takes the first snapshot, which the workers start with. */
void lg_reload_init(struct lg_reload *r, struct lg_snapshot *first, const struct lg_reload_ops *ops,
                    void *ops_ctx);
/* lg_reload_fini frees every snapshot and the first configuration. Workers are gone by then. */
void lg_reload_fini(struct lg_reload *r);

/* lg_reload_run reads the file the process was started with and puts it in force.
 *   now_ns   any monotonic clock, the same as lg_reload_poll's
 *   diag     written whole: errors when it is refused, warnings in either case
 *   Returns  LG_OK: current is the new generation. Else nothing has changed: LG_E(CONFIG) the file
 *            or what it names is not usable, or a key differs that needs a restart; LG_E(NOMEM) */
LG_MUST lg_err_t lg_reload_run(struct lg_reload *r, lg_ns_t now_ns, struct lg_diag *diag);

/* lg_reload_poll frees what nobody holds any more and warns once of each generation that is held
 * longer than drain_timeout. Returns how many were freed. */
unsigned lg_reload_poll(struct lg_reload *r, lg_ns_t now_ns);

#endif
