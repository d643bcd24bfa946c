/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload_priv.h: what reload.c and reload_change.c share. */
#ifndef LG_RELOAD_PRIV_H
#define LG_RELOAD_PRIV_H

#include "reload.h"
#include "snapshot_build.h"

/* lg_reload_resolve puts addresses in place of a file's names; *out is a reference. */
LG_MUST lg_err_t lg_reload_resolve(const struct lg_reload *r, struct lg_config *file,
                                   struct lg_config **out, struct lg_diag *diag);
/* lg_reload_install builds the next snapshot and publishes it; all else of r stays.
 *   cfg      a reference, taken in any case, as are the parts' policies
 *   Returns  LG_OK; or nothing has changed, and diag has an error */
LG_MUST lg_err_t lg_reload_install(struct lg_reload *r, struct lg_config *cfg,
                                   const struct lg_snapshot_parts *parts, lg_ns_t now_ns,
                                   struct lg_diag *diag);

#endif
