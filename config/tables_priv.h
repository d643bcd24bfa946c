/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables_priv.h: how rows are written in tables.c and tables_pool.c. */
#ifndef LG_TABLES_PRIV_H
#define LG_TABLES_PRIV_H

#include "schema.h"

#define SZ(type, member) sizeof(((type *)NULL)->member)
#define AT(type, member) .off = offsetof(type, member), .width = (uint8_t)SZ(type, member)
#define LIST_AT(type, member, counter)                                                             \
    .shape = LG_LIST, .off = offsetof(type, member), .cnt_off = offsetof(type, counter)
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define TABLE(name, type, line)                                                                    \
    {                                                                                              \
        .fields = (name), .field_cnt = LG_ARRAY_CNT(name), .item_sz = sizeof(type),                \
        .line_off = (line)                                                                         \
    }

extern const struct lg_word lg_version_words[], lg_crl_words[];
extern const struct lg_table lg_dns_table;   /* fills struct lg_cfg_dns */
extern const struct lg_table lg_pool_table;  /* fills struct lg_cfg_pool */
extern const struct lg_table lg_admin_table; /* fills struct lg_cfg_admin */
/* tables_http.c: struct lg_cfg_http_route, lg_cfg_header, lg_cfg_forwarded */
extern const struct lg_table lg_http_route_table, lg_header_table, lg_forwarded_table;
extern const struct lg_table lg_log_table; /* fills struct lg_cfg_log */

#endif
