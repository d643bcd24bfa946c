/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eal_args.h: DPDK's command line, made from the configuration. Pure: it starts nothing.
 *
 * lcore 0 is the control thread, lcore k+1 is worker k, pinned to global.workers[k].
 * EAL runs --in-memory (--no-shconf without hugepages): it leaves no files in its runtime folder,
 * so instances never meet there, whatever their file_prefix. */
#ifndef LG_EAL_ARGS_H
#define LG_EAL_ARGS_H

#include "config.h"

#include <sched.h>

#define LG_EAL_ARGS_MAX 128
#define LG_EAL_TEXT_SZ 16384

struct lg_eal_args {
    int argc;
    char *argv[LG_EAL_ARGS_MAX + 1]; /* borrows: from text; NULL at the end */
    size_t used;
    char text[LG_EAL_TEXT_SZ];
};

/* lg_eal_args_build fills out.
 *   allowed  CPUs the process may run on; with control_cpu -1 the control thread gets those of
 *            them that are no worker's, or all when none is left
 *   debug    let DPDK log more than errors
 *   Returns  LG_OK; LG_E(CONFIG) global.eal_extra cannot be split, or too many arguments */
LG_MUST lg_err_t lg_eal_args_build(const struct lg_config *cfg, const cpu_set_t *allowed,
                                   bool debug, struct lg_eal_args *out, struct lg_diag *diag);

/* lg_eal_args_split appends the words of a line as a shell would split it: blanks, '...', "..."
 * with \ before " and \, and \ outside quotes. Nothing is expanded.
 *   Returns  LG_OK; LG_E(FORMAT) a quote or a backslash at the end is open; LG_E(FULL) */
LG_MUST lg_err_t lg_eal_args_split(const char *line, struct lg_eal_args *out);

#endif
