/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_edit.h: changes that rules make to a header section, in the form workers apply them.
 *
 * Of a list of changes only those are kept that are not undone by a later one: fields that came are
 * left out when any change sets or removes their name, then the values that are left are written in
 * order. Names are compared as servers do that make variables of them: case and all signs are one.
 * Pure; thread any. */
#ifndef LG_HTTP_EDIT_H
#define LG_HTTP_EDIT_H

#include "template.h"

struct lg_edit {
    lg_span_t name;
    const struct lg_tmpl *value; /* NULL: only what came is left out */
    bool drops;                  /* fields of this name that came are left out */
};

struct lg_edits {
    uint32_t cnt;
    const struct lg_edit *list;
    const struct lg_tmpl *host; /* requests: the Host; NULL: as it came */
};

/* lg_edits_drops: a field that came is to be left out. */
bool lg_edits_drops(const struct lg_edits *e, lg_span_t name);
/* lg_edits_put writes the fields that the changes bring; empty ones are not written. */
void lg_edits_put(const struct lg_edits *e, const struct lg_vars *v, struct lg_http_text *out);

#endif
