/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regex.h: regular expressions over paths, by PCRE2. Compiled by the control thread, once per
 * snapshot, shared by all workers and never written again; matched by each worker in memory of its
 * own that is laid out at start: no heap, and a bound on the work of each match. */
#ifndef LG_REGEX_H
#define LG_REGEX_H

#include "err.h"
#include "span.h"

#define LG_REGEX_GROUPS 10u /* the whole match and $1 to $9 */
#define LG_REGEX_WHY_SZ 200u

struct lg_regex;
struct lg_regex_core;

/* lg_regex_compile compiles a pattern; bytes, not UTF-8.
 *   why      on LG_E(CONFIG): what is wrong and where
 *   Returns  LG_OK and *out, for lg_regex_free; LG_E(CONFIG), LG_E(NOMEM)
 *   Thread   control or boot */
LG_MUST lg_err_t lg_regex_compile(const char *pattern, struct lg_regex **out,
                                  char why[LG_REGEX_WHY_SZ]);
void lg_regex_free(struct lg_regex *re); /* NULL allowed */
/* lg_regex_groups: how many groups it has. */
uint32_t lg_regex_groups(const struct lg_regex *re);

/* lg_regex_core_init makes a worker's matcher in zeroed memory of lg_regex_core_footprint bytes,
 * cache-line aligned. It holds nothing else, and needs no end. Thread boot. */
size_t lg_regex_core_footprint(void);
struct lg_regex_core *lg_regex_core_init(void *mem);

enum lg_regex_outcome {
    LG_REGEX_MISS,
    LG_REGEX_HIT,
    LG_REGEX_LIMIT, /* it takes more work or memory than a match may */
};
/* lg_regex_match looks for the expression in a text.
 *   groups   on HIT: LG_REGEX_GROUPS spans into text; those that took no part are empty
 *   Thread   owner of the core
 *   Cost     a bound on PCRE2's steps, some tenths of a millisecond */
enum lg_regex_outcome lg_regex_match(struct lg_regex_core *core, const struct lg_regex *re,
                                     lg_span_t text, lg_span_t *groups);

#endif
