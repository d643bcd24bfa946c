/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes_priv.h: handlers that stand in files of their own: routes_change.c (what is changed while
 * the process runs) and routes_conns.c (connections). Thread control. */
#ifndef LG_ROUTES_PRIV_H
#define LG_ROUTES_PRIV_H

#include "server_priv.h"

lg_admin_handler lg_route_put_backend, lg_route_patch_backend, lg_route_delete_backend;
lg_admin_handler lg_route_put_certificate;
lg_admin_handler lg_route_get_revoked, lg_route_post_revoked;
lg_admin_handler lg_route_get_connections, lg_route_delete_connections;

#endif
