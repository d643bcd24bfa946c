/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h: the routes of one listener, compiled: expressions, templates, changes to headers, bodies
 * of responses. Built by the control thread as a part of a snapshot, immutable. Which route takes a
 * request is http_route.h. */
#ifndef LG_RULES_H
#define LG_RULES_H

#include "config.h"
#include "http_edit.h"
#include "regex.h"

#define LG_BODY_MAX (64u << 10) /* bytes of a response's body */

struct lg_rule {
    const struct lg_cfg_http_route *cfg;       /* borrows: of the snapshot */
    size_t path_len;                           /* of path, or of exact */
    struct lg_regex *regex;                    /* owns; NULL: another kind of match */
    const struct lg_tmpl *redirect;            /* NULL: none */
    const struct lg_tmpl *rewrite;             /* NULL: the target goes as it came */
    lg_span_t body;                            /* of respond */
    const struct lg_edits *request, *response; /* never NULL */
};

struct lg_rules {
    struct lg_arena *arena; /* owns */
    uint32_t cnt;
    struct lg_rule *list; /* of the arena, in the order of the configuration */
    uint32_t regex_cnt;
    uint32_t *regex_idx; /* of the arena: those that have one */
};

/* lg_rules_build compiles a listener's rules, and reads the files they name.
 *   cfg, l   borrowed while the rules live
 *   diag     every mistake, with file, line and key
 *   Returns  LG_OK and *out, for lg_rules_free; LG_E(CONFIG), LG_E(NOMEM)
 *   Thread   control or boot */
LG_MUST lg_err_t lg_rules_build(const struct lg_config *cfg, const struct lg_cfg_listener *l,
                                struct lg_rules **out, struct lg_diag *diag);
void lg_rules_free(struct lg_rules *rules); /* NULL allowed */

#endif
