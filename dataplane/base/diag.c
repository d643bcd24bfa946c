/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* diag.c: collecting messages about a configuration. */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>

static void add(struct lg_diag *d, bool is_error, const char *file, unsigned line, const char *key,
                const char *fmt, va_list ap)
{
    if (is_error)
        d->error_cnt++;
    else
        d->warn_cnt++;
    if (d->kept_cnt == LG_DIAG_MAX)
        return;
    d->msg[d->kept_cnt].is_error = is_error;
    char *p = d->msg[d->kept_cnt++].text, *end = p + LG_DIAG_TEXT_SZ;
    if (file && line)
        p += snprintf(p, (size_t)(end - p), "%.200s:%u: ", file, line);
    else if (file)
        p += snprintf(p, (size_t)(end - p), "%.200s: ", file);
    if (key)
        p += snprintf(p, (size_t)(end - p), "%.120s: ", key);
    vsnprintf(p, (size_t)(end - p), fmt, ap);
}

void lg_diag_error(struct lg_diag *d, const char *file, unsigned line, const char *key,
                   const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, true, file, line, key, fmt, ap);
    va_end(ap);
}

void lg_diag_warn(struct lg_diag *d, const char *file, unsigned line, const char *key,
                  const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, false, file, line, key, fmt, ap);
    va_end(ap);
}
