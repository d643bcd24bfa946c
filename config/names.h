/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h: backends that are given by name become backends with addresses.
 *
 * A backend "web1" at app.example.com:80 becomes "web1@10.0.0.1" and "web1@10.0.0.2"; with
 * `resolve: first` it stays "web1", at one of them. Without an address it stays, drained and
 * without weight, so that its pool has it to show. Thread control or boot. */
#ifndef LG_NAMES_H
#define LG_NAMES_H

#include "config.h"

#define LG_NAME_ADDRS_MAX 64u /* addresses of one name; further ones are left out */

/* What is known of a name. */
struct lg_name_addrs {
    const lg_ip_t *ips; /* borrows: until the next change */
    uint32_t cnt;       /* 0: nothing is known */
    uint32_t first;     /* the one that `resolve: first` takes; in [0, cnt) */
};
typedef void (*lg_name_find_fn)(void *ctx, const char *host, struct lg_name_addrs *out);

/* lg_config_has_names: is any backend given by name? */
bool lg_config_has_names(const struct lg_config *cfg);

/* lg_config_resolve makes a configuration in which every backend has an address, or none.
 *   file     held by the new one; without names it is the new one
 *   out      a reference, to be given up with lg_config_free
 *   diag     warnings: addresses that are left out, because they are ours or nothing leads there
 *   Returns  LG_OK or LG_E(NOMEM) */
LG_MUST lg_err_t lg_config_resolve(struct lg_config *file, lg_name_find_fn find, void *ctx,
                                   struct lg_config **out, struct lg_diag *diag);

#endif
