/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_edit.c: applying changes to a header section. */
#include "http_edit.h"

#include "http_field.h"

bool lg_edits_drops(const struct lg_edits *e, lg_span_t name)
{
    for (uint32_t i = 0; i < e->cnt; i++)
        if (e->list[i].drops && lg_http_is_alike(e->list[i].name, name))
            return true;
    return false;
}

void lg_edits_put(const struct lg_edits *e, const struct lg_vars *v, struct lg_http_text *out)
{
    for (uint32_t i = 0; i < e->cnt; i++) {
        const struct lg_edit *one = &e->list[i];
        size_t before = out->len, value;
        if (!one->value)
            continue;
        lg_http_put_span(out, one->name);
        lg_http_put_str(out, ": ");
        value = out->len;
        lg_tmpl_put(one->value, v, out);
        if (out->len == value)
            out->len = before;
        else
            lg_http_put_str(out, "\r\n");
    }
}
