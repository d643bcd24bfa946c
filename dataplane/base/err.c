/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.c: names, texts and classes of the errors listed in err.def. */
#include "err.h"

struct err_row {
    const char *name;
    const char *text;
    enum lg_err_class class;
};

static const struct err_row rows[LG_ERR_CNT] = {
    [LG_ERR_OK] = {"OK", "success", LG_CLASS_NONE},
#define X(name, class, text) [LG_ERR_##name] = {#name, text, LG_CLASS_##class},
#include "err.def"
#undef X
};

static const struct err_row *row(lg_err_t e)
{
    return e.v >= 0 && e.v < LG_ERR_CNT ? &rows[e.v] : &rows[LG_ERR_BUG];
}

const char *lg_err_text(lg_err_t e)
{
    return row(e)->text;
}

const char *lg_err_name(lg_err_t e)
{
    return row(e)->name;
}

enum lg_err_class lg_err_class(lg_err_t e)
{
    return row(e)->class;
}
