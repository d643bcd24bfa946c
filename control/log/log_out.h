/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_out.h: where lines of the access log go: a file, standard error, or syslog's socket. Nothing
 * here waits for a reader: what a full pipe, socket or disk does not take is lost and counted, and
 * told once in the diagnostic log, with the number when it is over. (A file on a disk that hangs
 * holds up this thread, and no worker.) Thread control. */
#ifndef LG_LOG_OUT_H
#define LG_LOG_OUT_H

#include "config.h"

struct lg_log_out;

struct lg_log_out_counts {
    uint64_t written; /* lines */
    uint64_t lost;    /* lines that could not be written */
};

/* lg_log_out_open opens what cfg names; its `to` is not OFF.
 *   file     of the configuration, for the message
 *   Returns  LG_OK and *out, the caller's; LG_E(SYS) or LG_E(NOMEM) with a message */
LG_MUST lg_err_t lg_log_out_open(const struct lg_cfg_log *cfg, const char *file,
                                 struct lg_log_out **out, struct lg_diag *diag);
/* lg_log_out_close writes out what it can and gives the final counts. */
struct lg_log_out_counts lg_log_out_close(struct lg_log_out *o);

/* lg_log_out_is: it goes where cfg says, in the same way. */
bool lg_log_out_is(const struct lg_log_out *o, const struct lg_cfg_log *cfg);
/* lg_log_out_reopen opens the file anew, after it has been renamed; false: that did not work, and
 * it goes on with the old one. */
bool lg_log_out_reopen(struct lg_log_out *o);

/* lg_log_out_put takes one line, its newline included. lg_log_out_flush writes out what is held
 * back. */
void lg_log_out_put(struct lg_log_out *o, const char *line, size_t len);
void lg_log_out_flush(struct lg_log_out *o);
/* lg_log_out_counts: since the process began, of all outs together. */
struct lg_log_out_counts lg_log_out_counts(const struct lg_log_out *o);

#endif
