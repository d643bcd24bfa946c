/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lock.h: one holder at a time of a named thing (a port's device) among the processes of a network
 * namespace. The lock is a listening socket with an abstract name: the kernel gives it back when
 * the process ends, however it ends, and its names are a network namespace's own, as devices are.
 * Thread boot. */
#ifndef LG_LOCK_H
#define LG_LOCK_H

#include "err.h"

/* lg_lock_take takes the lock on `what`, any text.
 *   fd       on LG_OK: close it to give the lock back
 *   holder   on LG_E(FULL): process id of who has it, 0 when that cannot be told
 *   Returns  LG_OK; LG_E(FULL) taken; LG_E(SYS) errno says why */
LG_MUST lg_err_t lg_lock_take(const char *what, int *fd, int *holder);

#endif
