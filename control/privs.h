/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privs.h: what the process may do, and what may become of the keys in its memory.
 *
 * It starts with the rights its ports need (root, or capabilities given by systemd), and when all
 * is open becomes global.user:
 *
 *   thread    keeps                                          in force
 *   workers   nothing                                        nothing
 *   control   CAP_DAC_READ_SEARCH (keep_file_access)         while a reload reads files
 *             CAP_NET_ADMIN (af_xdp:, tap: ports)            while ports are closed
 *             CAP_IPC_LOCK (RLIMIT_MEMLOCK is too small)     while memory is locked
 *
 * Neither the process nor what it might be made to execute gains a right again (no_new_privs).
 * Thread boot or control. */
#ifndef LG_PRIVS_H
#define LG_PRIVS_H

#include "config.h"

#include <sys/types.h>

struct lg_privs {
    bool has_user; /* global.user is given */
    uid_t uid;
    gid_t gid;
    char name[64]; /* of the user, for its further groups */
};

/* lg_privs_find looks global.user and global.group up; a number needs no entry in passwd.
 *   Returns  LG_OK; LG_E(CONFIG) with a message that names what is not known */
LG_MUST lg_err_t lg_privs_find(const struct lg_config *cfg, struct lg_privs *out,
                               struct lg_diag *diag);

/* lg_privs_needed is the set (1 << CAP_*) that the control thread keeps. */
uint64_t lg_privs_needed(const struct lg_config *cfg);

/* lg_privs_harden sets no_new_privs and, without global.core_dumps, sees to it that no core is
 * dumped and that no other process of the same user reads this one's memory. Before threads are
 * made: they inherit it. */
void lg_privs_harden(const struct lg_config *cfg);

/* lg_privs_drop makes the process global.user and gives up what lg_privs_needed does not name; one
 * that is not root only gives up. Not to be called for root without global.user. Capabilities are a
 * thread's: those of the others go by lg_privs_drop_thread.
 *   Returns  LG_OK; LG_E(SYS) with a message; the process can only end then */
LG_MUST lg_err_t lg_privs_drop(const struct lg_config *cfg, const struct lg_privs *p,
                               struct lg_diag *diag);
/* lg_privs_drop_thread gives up every capability of the calling thread; false: it could not. */
bool lg_privs_drop_thread(void);

/* lg_privs_raise puts kept capabilities in force, lg_privs_lower takes them out of it. What is not
 * kept stays as it is; before lg_privs_drop both do nothing. What then fails says so itself. */
void lg_privs_raise(void);
void lg_privs_lower(void);

/* lg_privs_lock_memory keeps the process's memory out of swap: what it has touched and, where
 * RLIMIT_MEMLOCK has no end, what it will touch. Else it is to be called again after a reload.
 *   Returns  whether it is locked; when not, diag has a warning that says what is missing */
bool lg_privs_lock_memory(struct lg_diag *diag);
/* lg_privs_relock_memory locks what was touched since, when that does not go by itself. */
void lg_privs_relock_memory(void);

#endif
