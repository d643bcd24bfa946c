/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.c: files and commands for the tests of control/. */
#include "fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct t_dir t_dir_make(void)
{
    struct t_dir d = {"/tmp/lg_control.XXXXXX"};
    if (!mkdtemp(d.path))
        t_fail(__FILE__, __LINE__, "mkdtemp");
    return d;
}

void t_dir_remove(const struct t_dir *d)
{
    char out[256];
    if (t_run(d, out, sizeof out, "rm -rf '%s'", d->path) != 0)
        t_fail(__FILE__, __LINE__, "rm: %s", out);
}

const char *t_path(const struct t_dir *d, const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 4];
    snprintf(p, PATH_MAX, "%s/%s", d->path, name);
    return p;
}

void t_write(const struct t_dir *d, const char *name, const char *text)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", d->path, name);
    for (char *p = path + strlen(d->path) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        t_fail(__FILE__, __LINE__, "cannot write %s", path);
}

int t_run(const struct t_dir *d, char *out, size_t out_sz, const char *fmt, ...)
{
    char command[4096], line[4400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    snprintf(line, sizeof line, "cd '%s' && { %s; } 2>&1 </dev/null", d->path, command);
    FILE *f = popen(line, "r");
    if (!f) {
        t_fail(__FILE__, __LINE__, "popen");
        return -1;
    }
    size_t n = fread(out, 1, out_sz - 1, f);
    out[n] = '\0';
    while (fgetc(f) != EOF) /* what does not fit is read, so that the command can end */
        ;
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
