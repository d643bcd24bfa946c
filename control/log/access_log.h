/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access_log.h: the control thread's end of the access log: the workers' rings, and the out that
 * their records become lines of.
 *
 *   prepare(next snapshot) --publish--> commit      a reload; nothing changes when prepare fails
 *   drain: now and then, and before a snapshot is freed (records point into it)
 *
 * Rings are made when a configuration first has a log, and stay: sessions of older snapshots write
 * to them to their end. Thread control. */
#ifndef LG_ACCESS_LOG_H
#define LG_ACCESS_LOG_H

#include "log_line.h"
#include "log_out.h"

struct lg_access_log {
    struct lg_access_ring *rings[LG_MAX_WORKERS]; /* owns; NULL: never needed so far */
    uint32_t ring_cnt;
    struct lg_log_out *out;          /* owns; NULL: lines go nowhere */
    struct lg_log_out *next;         /* owns; of the snapshot being prepared; may be `out` itself */
    struct lg_log_out_counts before; /* of outs that are closed */
};

/* lg_access_log_prepare opens what s's configuration names and gives s its rings.
 *   Returns  LG_OK; LG_E(SYS) or LG_E(NOMEM) with a message: s must not be published */
LG_MUST lg_err_t lg_access_log_prepare(struct lg_access_log *a, struct lg_snapshot *s,
                                       struct lg_diag *diag);
/* lg_access_log_commit: the snapshot prepared last has been published. */
void lg_access_log_commit(struct lg_access_log *a);
/* lg_access_log_drain writes out all records that are there; returns how many. clock: of now. */
unsigned lg_access_log_drain(struct lg_access_log *a, const struct lg_log_clock *clock);
/* lg_access_log_reopen: the file has been renamed; false: it cannot be opened again. */
bool lg_access_log_reopen(struct lg_access_log *a, const struct lg_log_clock *clock);
/* lg_access_log_close ends all; what is in the rings must have been drained. */
void lg_access_log_close(struct lg_access_log *a);
struct lg_log_out_counts lg_access_log_counts(const struct lg_access_log *a);

#endif
