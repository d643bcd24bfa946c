/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_priv.h: what ctl.c and ctl_sock.c share. */
#ifndef LG_CTL_PRIV_H
#define LG_CTL_PRIV_H

#include "diag.h"
#include "err.h"

/* lg_ctl_listen makes a listening unix socket of mode 0600 at path, as lg_ctl_open says.
 *   fd       on LG_OK: the caller's; non-blocking */
LG_MUST lg_err_t lg_ctl_listen(const char *path, int *fd, struct lg_diag *diag);

#endif
