/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysfs.c: small text files. */
#include "sysfs.h"

#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* name_of puts root and name together; false when they do not fit. */
static bool name_of(char out[PATH_MAX], const char *root, const char *fmt, va_list ap)
{
    int n = snprintf(out, PATH_MAX, "%s", root);

    if (n < 0 || n >= PATH_MAX)
        return false;
    int m = vsnprintf(out + n, PATH_MAX - (size_t)n, fmt, ap);
    return m >= 0 && n + m < PATH_MAX;
}

static bool read_named(char *out, size_t out_sz, const char *root, const char *fmt, va_list ap)
{
    char full[PATH_MAX];

    if (!name_of(full, root, fmt, ap))
        return false;
    FILE *f = fopen(full, "re");
    if (!f)
        return false;
    size_t n = fread(out, 1, out_sz - 1, f);
    bool good = !ferror(f);
    fclose(f);
    if (n && out[n - 1] == '\n')
        n--;
    out[n] = '\0';
    return good;
}

bool lg_sys_read(char *out, size_t out_sz, const char *root, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    bool good = read_named(out, out_sz, root, fmt, ap);
    va_end(ap);
    return good;
}

bool lg_sys_number(int64_t *out, const char *root, const char *fmt, ...)
{
    char text[64], *end;
    va_list ap;

    va_start(ap, fmt);
    bool good = read_named(text, sizeof text, root, fmt, ap);
    va_end(ap);
    if (!good)
        return false;
    *out = strtoll(text, &end, 10);
    return end != text && !*end;
}

bool lg_sys_cpus(cpu_set_t *out, const char *root, const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    bool good = read_named(text, sizeof text, root, fmt, ap);
    va_end(ap);
    return good && lg_is_ok(lg_cpulist_parse(text, out));
}

bool lg_sys_exists(const char *root, const char *fmt, ...)
{
    char full[PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    bool good = name_of(full, root, fmt, ap) && access(full, F_OK) == 0;
    va_end(ap);
    return good;
}

bool lg_sys_link(char *out, size_t out_sz, const char *root, const char *fmt, ...)
{
    char full[PATH_MAX], to[PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    bool good = name_of(full, root, fmt, ap);
    va_end(ap);
    ssize_t n = good ? readlink(full, to, sizeof to - 1) : -1;
    if (n < 0)
        return false;
    to[n] = '\0';
    const char *slash = strrchr(to, '/');
    return snprintf(out, out_sz, "%s", slash ? slash + 1 : to) < (int)out_sz;
}

uint32_t lg_sys_count(const char *root, const char *dir, const char *prefix)
{
    char full[PATH_MAX];
    uint32_t cnt = 0;

    if (snprintf(full, sizeof full, "%s%s", root, dir) >= (int)sizeof full)
        return 0;
    DIR *d = opendir(full);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));)
        cnt += e->d_name[0] != '.' && strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    closedir(d);
    return cnt;
}

const char *lg_sys_line(const char *text, const char *name)
{
    size_t name_sz = strlen(name);

    for (const char *p = text; p; p = strchr(p, '\n')) {
        if (*p == '\n')
            p++;
        if (strncmp(p, name, name_sz) == 0)
            return p + name_sz + strspn(p + name_sz, " \t:");
    }
    return NULL;
}

bool lg_sys_field(const char *text, const char *name, int base, uint64_t *out)
{
    const char *rest = lg_sys_line(text, name);
    char *end;

    if (!rest)
        return false;
    *out = strtoull(rest, &end, base);
    return end != rest;
}
