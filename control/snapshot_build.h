/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot_build.h: makes a struct lg_snapshot from a checked configuration, and unmakes it.
 * Publishing one and knowing when it may go is reload.h. Thread control or boot. */
#ifndef LG_SNAPSHOT_BUILD_H
#define LG_SNAPSHOT_BUILD_H

#include "snapshot.h"

/* What goes into a snapshot beside its configuration. */
struct lg_snapshot_parts {
    struct lg_revoked *revoked; /* borrows; NULL: nobody has been revoked by hand */
    /* Policies of the listeners, in their order, each with a reference that is taken (the array is
     * the caller's); those of pools are prev's then: no file is read. NULL: all are built from
     * files, and where that gives what prev has, prev's is used on. */
    struct lg_tls_policy **policies;
};

/* lg_snapshot_build reads every certificate, key, CA and CRL that cfg names, and lays out all that
 * workers look at. What may be bound, and that nothing is bound twice, config/ has checked; a
 * second look here keeps the table's promise to lg_snapshot_find.
 *   cfg         taken: on LG_OK the snapshot owns the reference, else it has been given up
 *   worker_cnt  in [1, LG_MAX_WORKERS]
 *   generation  > 0
 *   prev        the snapshot before, alive: its backends are remembered; NULL: the first
 *   out         on LG_OK: the caller's, lg_snapshot_free; else untouched
 *   diag        on failure at least one error; those of all listeners, not only of the first
 *   Returns     LG_OK, LG_E(CONFIG) or LG_E(NOMEM)
 *   Cost        a file read and a signature check for each certificate and CRL */
LG_MUST lg_err_t lg_snapshot_build(struct lg_config *cfg, uint32_t worker_cnt, uint64_t generation,
                                   const struct lg_snapshot *prev, struct lg_snapshot **out,
                                   struct lg_diag *diag);
/* lg_snapshot_build_of is the same with parts, all of which are taken in any case. */
LG_MUST lg_err_t lg_snapshot_build_of(struct lg_config *cfg, uint32_t worker_cnt,
                                      uint64_t generation, const struct lg_snapshot *prev,
                                      const struct lg_snapshot_parts *parts,
                                      struct lg_snapshot **out, struct lg_diag *diag);

/* lg_snapshot_free: no worker may reach it any more. NULL allowed. */
void lg_snapshot_free(struct lg_snapshot *s);

/* lg_snapshot_pins is how many sessions hold it, and workers that use it. A zero read after every
 * worker has reported quiescence is final. */
uint64_t lg_snapshot_pins(const struct lg_snapshot *s);

#endif
