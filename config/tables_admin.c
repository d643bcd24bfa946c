/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* tables_admin.c: the keys of `admin`. See tables.c. */
#include "tables_priv.h"

static const struct lg_field admin_tls_fields[] = {
    {.key = "cert",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_admin, cert),
     .doc = "PEM file: the certificate to show first, then the intermediates"},
    {.key = "key",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_admin, key),
     .doc = "PEM file: its private key, not encrypted"},
    {.key = "client_ca",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_admin, client_ca),
     .doc = "PEM file of the CAs of those who may connect (mutual TLS); with token_file, both are "
            "asked for"},
};
/* The fields are of the enclosing struct: the section has no struct of its own. */
static const struct lg_table admin_tls_table =
    TABLE(admin_tls_fields, struct lg_cfg_admin, LG_NO_OFF);

static const struct lg_field admin_fields[] = {
    {.key = "address",
     .kind = &lg_kind_endpoint,
     AT(struct lg_cfg_admin, addr),
     .doc = "where the admin API and /metrics are served besides the control socket: an address of "
            "the kernel's, not of `ports`"},
    {.key = "token_file",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_admin, token_file),
     .doc = "file with a token of 16 to 255 characters that clients send as `Authorization: Bearer "
            "TOKEN`"},
    {.key = "tls",
     .table = &admin_tls_table,
     .off = 0,
     .doc = "serve it by TLS; without this section, in clear"},
};
const struct lg_table lg_admin_table =
    TABLE(admin_fields, struct lg_cfg_admin, offsetof(struct lg_cfg_admin, line));
