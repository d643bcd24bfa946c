/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.h: from a file, and from what is changed while the process runs, to what the workers use,
 * again and again, without stopping.
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
 * Changes at run time (a backend drained, a certificate put, one revoked) take the same way, but
 * read no file: what they do not concern is shared with the current snapshot. A reload from the
 * file forgets them, and says so: the file wins. Only what has been revoked stays so, as reload.c's
 * lg_reload_revoke tells.
 *
 * Connections move on to the next generation where it has a place for them (proxy/move.c). Those
 * that a retired one still has after drain_timeout are closed; so are those of the oldest ones
 * when there are more than max_generations.
 *
 * The first configuration is kept to the end: workers and ports were laid out by it, and what a
 * reload cannot change is compared with it. Thread control. */
#ifndef LG_RELOAD_H
#define LG_RELOAD_H

#include "change.h"
#include "runtime.h"
#include "snapshot.h"

/* How a snapshot reaches the workers; core/ in the process, a fake in tests. */
struct lg_reload_ops {
    /* Puts in force what is not in the snapshot, and may add to it; the last thing that can refuse
     * a reload: when it does, it has changed nothing. NULL: there is nothing. */
    lg_err_t (*prepare)(void *ctx, struct lg_snapshot *next, struct lg_diag *diag);
    /* The same, after it, for what only the file says and only a reload reads: what is changed
     * without the file neither waits for it nor needs the rights to read it. NULL: nothing. */
    lg_err_t (*renew)(void *ctx, const struct lg_snapshot *next, struct lg_diag *diag);
    uint64_t (*publish)(void *ctx, const struct lg_snapshot *s);
    bool (*is_quiet)(void *ctx, uint64_t token);
    /* Told before one is freed, when no worker holds it any more. NULL: nothing to do. */
    void (*forget)(void *ctx, const struct lg_snapshot *s);
    /* end closes what is left of connections under generations up to this one. */
    void (*end)(void *ctx, uint64_t generation);
    /* Makes the names of a file known, and puts addresses in their place. NULL: there are none. */
    lg_err_t (*learn)(void *ctx, struct lg_config *file, struct lg_diag *diag);
    lg_err_t (*resolve)(void *ctx, struct lg_config *file, struct lg_config **out,
                        struct lg_diag *diag);
};

struct lg_retired {
    struct lg_snapshot *snapshot; /* owns */
    uint64_t token;               /* of the publish that replaced it */
    lg_ns_t since_ns;
    bool is_ended; /* its connections have been told to end */
    struct lg_retired *next;
};

struct lg_reload {
    const struct lg_reload_ops *ops; /* borrows: for life */
    void *ops_ctx;                   /* borrows: for life */
    struct lg_config *boot_cfg;      /* owns a reference; the first snapshot's */
    struct lg_config *file_cfg;    /* owns a reference: what the file said when it was read last */
    struct lg_cfg_changes changes; /* of backends, since then */
    uint32_t put_cnt;              /* certificates put since then */
    struct lg_revoked *revoked;    /* owns a reference; NULL: nobody */
    struct lg_snapshot *current;   /* owns */
    struct lg_retired *retired;    /* owns; newest first */
    uint32_t retired_cnt;
};

/* lg_reload_revoked reads cfg's revoked_file.
 *   out      on LG_OK: a reference; NULL: there is no such key, or no such file yet
 *   Returns  LG_OK; LG_E(CONFIG) with a message that names the line; LG_E(NOMEM) */
LG_MUST lg_err_t lg_reload_revoked(const struct lg_config *cfg, struct lg_revoked **out,
                                   struct lg_diag *diag);
/* lg_reload_init takes the first snapshot, which the workers start with, and the set it was built
 * with. */
void lg_reload_init(struct lg_reload *r, struct lg_snapshot *first, struct lg_revoked *revoked,
                    const struct lg_reload_ops *ops, void *ops_ctx);
/* lg_reload_fini frees every snapshot and the first configuration. Workers are gone by then. */
void lg_reload_fini(struct lg_reload *r);

/* lg_reload_run reads the file the process was started with and puts it in force.
 *   now_ns   any monotonic clock, the same as lg_reload_poll's
 *   diag     written whole: errors when it is refused, warnings in either case
 *   Returns  LG_OK: current is the new generation. Else nothing has changed: LG_E(CONFIG) the file
 *            or what it names is not usable, or a key differs that needs a restart; LG_E(NOMEM) */
LG_MUST lg_err_t lg_reload_run(struct lg_reload *r, lg_ns_t now_ns, struct lg_diag *diag);

/* lg_reload_names puts the addresses in force that names of the same file have now. */
LG_MUST lg_err_t lg_reload_names(struct lg_reload *r, lg_ns_t now_ns, struct lg_diag *diag);
/* lg_reload_backend changes a backend: see lg_changes_add for what is possible and refused. */
LG_MUST lg_err_t lg_reload_backend(struct lg_reload *r, enum lg_change_what what, const char *pool,
                                   const char *backend, const struct lg_cfg_backend *be,
                                   lg_ns_t now_ns, struct lg_diag *diag);
/* lg_reload_put gives a listener another certificate: see lg_tls_policy_put.
 *   Returns  also LG_E(CONFIG): no such listener, or one in clear */
LG_MUST lg_err_t lg_reload_put(struct lg_reload *r, const char *listener, lg_span_t cert,
                               lg_span_t key, lg_ns_t now_ns, struct lg_tls_put *what,
                               struct lg_diag *diag);
/* lg_reload_revoke revokes a certificate for all listeners that ask for one. With revoked_file it
 * is appended there; the file is what counts at the next reload. Without, it stays revoked until
 * the process ends. When the file cannot be written it is in force all the same, with a warning. */
LG_MUST lg_err_t lg_reload_revoke(struct lg_reload *r, const struct lg_revocation *one,
                                  lg_ns_t now_ns, struct lg_diag *diag);

/* lg_reload_poll frees what nobody holds any more, and ends the connections of each generation that
 * is held longer than drain_timeout, or is one too many. Returns how many were freed. */
unsigned lg_reload_poll(struct lg_reload *r, lg_ns_t now_ns);

#endif
