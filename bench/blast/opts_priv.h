/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opts_priv.h: the table of options, for opts.c, scenario.c and their tests. */
#ifndef BL_OPTS_PRIV_H
#define BL_OPTS_PRIV_H

#include "opts.h"

enum bl_type {
    BL_T_FLAG,
    BL_T_UINT, /* uint64_t in [min,max] */
    BL_T_SIZE, /* uint64_t bytes: 100, 4KiB, 1MiB, 2GiB */
    BL_T_TIME, /* lg_ns_t: 500us, 10ms, 10s, 2m, 1h */
    BL_T_RATE, /* double > 0, a second */
    BL_T_TEXT, /* char[max] */
    BL_T_WORD, /* uint32_t by a list of words */
    BL_T_IP,
    BL_T_PREFIX,
    BL_T_ENDPOINT,
};

struct bl_word {
    const char *word;
    uint32_t value;
};

struct bl_opt {
    const char *name; /* without dashes */
    uint8_t type;     /* enum bl_type */
    bool is_group;    /* of struct bl_group_opts, else of struct bl_opts */
    bool is_cli_only;
    size_t off;
    uint64_t min, max; /* numbers; TEXT: max is the array's size */
    const struct bl_word *words;
    const char *arg, *help;
};

extern const struct bl_opt bl_opt_table[];
extern const uint32_t bl_opt_cnt; /* at most 64: `given` is a bit each */

/* bl_opt_find: index, or bl_opt_cnt. */
uint32_t bl_opt_find(lg_span_t name);
/* bl_opt_set reads text into the option's place in base (a struct bl_opts or bl_group_opts).
 *   why      on failure: what was expected
 *   Returns  LG_OK; LG_E(FORMAT); *base untouched then */
LG_MUST lg_err_t bl_opt_set(const struct bl_opt *o, const char *text, void *base, char *why,
                            size_t why_sz);

#endif
