/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* file.c: reading the files a tls section names, and saying in words what is wrong with them. */
#include "cert_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void say(const struct lg_where *w, bool is_error, const char *fmt, va_list ap)
{
    char text[LG_DIAG_TEXT_SZ], key[160];
    vsnprintf(text, sizeof text, fmt, ap);
    if (w->owner)
        snprintf(key, sizeof key, "%.100s%.32s", w->owner, w->key);
    else
        snprintf(key, sizeof key, "listener %.100s: tls.%.32s", w->listener->name, w->key);
    if (is_error)
        lg_diag_error(w->diag, w->cfg->file, w->line, key, "%s", text);
    else
        lg_diag_warn(w->diag, w->cfg->file, w->line, key, "%s", text);
}

void lg_where_error(const struct lg_where *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(w, true, fmt, ap);
    va_end(ap);
}

void lg_where_warn(const struct lg_where *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(w, false, fmt, ap);
    va_end(ap);
}

static bool slurp(FILE *f, size_t sz, struct lg_file *out)
{
    out->data = malloc(sz + 1);
    if (!out->data)
        return false;
    out->sz = fread(out->data, 1, sz, f);
    out->data[out->sz] = 0;
    return out->sz == sz;
}

bool lg_file_read(const struct lg_where *w, const char *path, uint32_t max_sz, struct lg_file *out)
{
    struct stat st;
    *out = (struct lg_file){0};
    FILE *f = fopen(path, "re");
    if (!f) {
        lg_where_error(w, "cannot open %s: %s; check the path and its permissions", path,
                       strerror(errno));
        return false;
    }
    bool ok = false;
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
        lg_where_error(w, "%s is not a regular file", path);
    else if (st.st_size == 0)
        lg_where_error(w, "%s is empty", path);
    else if (st.st_size > (off_t)max_sz)
        lg_where_error(w, "%s is larger than %u MiB: is it the right file?", path, max_sz >> 20);
    else if (!(ok = slurp(f, (size_t)st.st_size, out)))
        lg_where_error(w, "cannot read %s: %s", path, strerror(errno ? errno : EIO));
    fclose(f);
    if (!ok)
        lg_file_fini(out);
    return ok;
}

void lg_file_fini(struct lg_file *f)
{
    if (f->data)
        lg_wipe(f->data, f->sz);
    free(f->data);
    *f = (struct lg_file){0};
}
