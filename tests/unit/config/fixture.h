/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h: a good configuration to spoil, and calls that read texts on a machine with CPUs 0-3
 * where files are not looked for. */
#ifndef FX_CONFIG_H
#define FX_CONFIG_H

#include "config_priv.h"
#include "t.h"

extern const char fx_good[]; /* "lg.yaml"; its lines are counted in the tests */

/* One mistake: the first `from` of fx_good becomes `to`. */
struct fx_mistake {
    const char *from, *to;
    const char *message; /* the whole text of the one error that must follow */
};

/* fx_parse reads a text under the name lg.yaml. */
lg_err_t fx_parse(const char *text, struct lg_config **out, struct lg_diag *diag);
/* fx_edit gives fx_good with from replaced by to; the caller frees it. NULL and a failed test when
 * fx_good does not contain it. */
char *fx_edit(const char *from, const char *to);
/* fx_config gives a config made by fx_edit, freed by lg_config_free; NULL and a failed test when it
 * is refused. diag may be NULL. */
struct lg_config *fx_config(const char *from, const char *to, struct lg_diag *diag);
void fx_expect_mistakes(const struct fx_mistake *m, size_t cnt);

#endif
