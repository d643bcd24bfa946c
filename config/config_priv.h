/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_priv.h: what config/'s files and its tests share. */
#ifndef LG_CONFIG_PRIV_H
#define LG_CONFIG_PRIV_H

#include "cfg_arena.h"
#include "config.h"

/* What a file is judged against besides itself; tests bring their own. */
struct lg_env {
    uint32_t cpu_cnt;  /* CPUs 0..cpu_cnt-1 exist; 0: not known, anything goes */
    bool checks_files; /* named files must exist and be readable */
};

/* lg_config_parse_on is lg_config_parse on a machine of the caller's choice. */
LG_MUST lg_err_t lg_config_parse_on(const struct lg_env *env, lg_span_t text, const char *name,
                                    struct lg_config **out, struct lg_diag *diag);

#endif
