/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag.h: what is wrong with a configuration, in words a person can act on: where (file, line,
 * key), what, and how to mend it. Filled by config/, tls/ and control/; printed by main.
 * Thread control or boot. */
#ifndef LG_DIAG_H
#define LG_DIAG_H

#include "base.h"

#define LG_DIAG_MAX 32 /* messages kept; more are counted */
#define LG_DIAG_TEXT_SZ 768

struct lg_diag {
    uint32_t error_cnt;
    uint32_t warn_cnt;
    uint32_t kept_cnt;
    struct {
        bool is_error;
        char text[LG_DIAG_TEXT_SZ]; /* "file:line: key: what is wrong; how to mend it" */
    } msg[LG_DIAG_MAX];
};

/* lg_diag_error adds a message; file may be NULL, line 0 and key NULL when there is none. */
void lg_diag_error(struct lg_diag *d, const char *file, unsigned line, const char *key,
                   const char *fmt, ...) LG_PRINTF(5, 6);
void lg_diag_warn(struct lg_diag *d, const char *file, unsigned line, const char *key,
                  const char *fmt, ...) LG_PRINTF(5, 6);

#endif
