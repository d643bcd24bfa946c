/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h: does this machine have what the configuration asks for: CPUs, memory, rights? Asked
 * before EAL is started, because what EAL says about it takes an expert to read. Every message
 * names the key and the command that mends it.
 *
 * `root` stands in front of /sys and /proc: "" on a real machine, a folder in tests.
 * What files that cannot be read would have said is not guessed: that check passes.
 * Thread boot. */
#ifndef LG_MACHINE_H
#define LG_MACHINE_H

#include "config.h"

#include <sched.h>

/* lg_cpulist_parse reads the kernel's form, "0-3,8\n".
 *   Returns  LG_OK; LG_E(FORMAT); LG_E(RANGE) a CPU past what cpu_set_t holds. Untouched then. */
LG_MUST lg_err_t lg_cpulist_parse(const char *text, cpu_set_t *out);
/* lg_cpulist_text writes that form, cut where it does not fit; returns out. */
const char *lg_cpulist_text(const cpu_set_t *set, char *out, size_t out_sz);

/* lg_machine_check_cpus: every CPU of global.workers and global.control_cpu is online. */
LG_MUST lg_err_t lg_machine_check_cpus(const char *root, const struct lg_config *cfg,
                                       struct lg_diag *diag);
/* lg_machine_check_memory: enough free hugepages of any size for global.memory, or, with
 * hugepages: false, enough available memory.
 *   Returns  LG_OK, or LG_E(NOMEM) with a message that counts what is there and what is missing */
LG_MUST lg_err_t lg_machine_check_memory(const char *root, const struct lg_config *cfg,
                                         struct lg_diag *diag);
/* lg_machine_check_rights: this process has the capabilities that the ports' kinds need. */
LG_MUST lg_err_t lg_machine_check_rights(const char *root, const struct lg_config *cfg,
                                         struct lg_diag *diag);

#endif
