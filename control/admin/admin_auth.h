/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin_auth.h: who may use the management address: what its files hold, and whether a connection
 * shows it. A token, a client certificate, or both when both are configured. Thread control. */
#ifndef LG_ADMIN_AUTH_H
#define LG_ADMIN_AUTH_H

#include "config.h"

#define LG_ADMIN_TOKEN_MIN 16
#define LG_ADMIN_TOKEN_SZ 256 /* with its NUL */

struct MHD_Connection;

struct lg_admin_auth {
    char token[LG_ADMIN_TOKEN_SZ]; /* "": none is asked for; zero to the end */
    char *cert, *key, *ca;         /* own; PEM texts; NULL: not configured */
};

/* lg_admin_auth_load reads and checks the files of the section.
 *   out      on LG_OK: the caller's, lg_admin_auth_fini; else wiped
 *   Returns  LG_OK, or LG_E(CONFIG) with a message for each file that is not usable */
LG_MUST lg_err_t lg_admin_auth_load(const struct lg_config *cfg, struct lg_admin_auth *out,
                                    struct lg_diag *diag);
/* lg_admin_auth_fini wipes and frees. */
void lg_admin_auth_fini(struct lg_admin_auth *a);
bool lg_admin_auth_same(const struct lg_admin_auth *a, const struct lg_admin_auth *b);

/* lg_admin_auth_check judges a connection by what its request shows.
 *   Returns  NULL: it may; else a static text that says why not */
const char *lg_admin_auth_check(const struct lg_admin_auth *a, struct MHD_Connection *conn);

#endif
