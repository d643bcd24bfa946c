/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* kinds_http.c: the kinds of values that rules about requests have. What a $variable is, and
 * whether a regular expression is one, is said when the rules are compiled (http/rules.h). */
#include "schema.h"

#include <ctype.h>
#include <string.h>

#define FIELD_NAME_MAX 63u

static bool read_field_name(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                            struct lg_node *n, void *dst)
{
    static const char expected[] = "the name of a header field, such as X-Real-IP";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_good = n->len >= 1 && n->len <= FIELD_NAME_MAX;
    for (size_t i = 0; is_good && i < n->len; i++)
        is_good = isalnum((unsigned char)n->text[i]) || strchr("!#$%&'*+-.^_`|~", n->text[i]);
    if (!is_good)
        return lg_wrong(w, path, n, expected, "");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_field_name = {"name of a field", sizeof(char *), read_field_name};

static bool read_template(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                          struct lg_node *n, void *dst)
{
    if (!lg_need_scalar(w, path, n, "a text"))
        return false;
    for (size_t i = 0; i < n->len; i++)
        if ((unsigned char)n->text[i] < 0x20 || n->text[i] == 0x7f)
            return lg_wrong(w, path, n, "a text without line breaks and control characters", "");
    return lg_kind_str.read(w, f, path, n, dst);
}
const struct lg_kind lg_kind_template = {"text", sizeof(char *), read_template};
