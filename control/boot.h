/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.h: starts and ends DPDK's EAL, and is the one place of control/ that knows it. Thread boot
 * or control, unless said. */
#ifndef LG_BOOT_H
#define LG_BOOT_H

#include "config.h"
#include "log.h"

/* lg_boot_limits raises RLIMIT_MEMLOCK and RLIMIT_NOFILE as far as allowed. */
void lg_boot_limits(void);

/* lg_boot_eal starts EAL, once in a process. What EAL logs goes to lg_log; above errors only when
 * the log level is debug.
 *   Returns  LG_OK; LG_E(CONFIG) global.eal_extra; LG_E(SYS) with a message that carries the last
 *            thing EAL said. After a failure the process can only end. */
LG_MUST lg_err_t lg_boot_eal(const struct lg_config *cfg, struct lg_diag *diag);
void lg_boot_eal_down(void);

/* lg_boot_on_workers runs fn once in the thread of every worker, before lg_cores_start.
 *   Returns  whether it returned true in each of them */
bool lg_boot_on_workers(bool (*fn)(void));

/* lg_boot_log_by: what DPDK says on a worker's thread goes to put from now on (worker in [0, n)),
 * so that no worker writes to a file; NULL: to lg_log, as all else. Thread control, workers
 * stopped. */
void lg_boot_log_by(void (*put)(void *ctx, uint32_t worker, enum lg_log_level level,
                                const char *text),
                    void *ctx);

/* lg_boot_is_running: has worker k's loop not ended? After lg_cores_start. */
bool lg_boot_is_running(uint32_t worker);

/* lg_boot_now is the workers' clock (core/clock.h). EAL is up. Thread any. */
lg_ns_t lg_boot_now(void);

/* "DPDK 22.11.11". Also without EAL. Thread any. */
const char *lg_boot_dpdk_version(void);

#endif
