/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h: a folder for one test, files in it, and commands run with their output read. */
#ifndef LG_TEST_CONTROL_FIXTURE_H
#define LG_TEST_CONTROL_FIXTURE_H

#include "t.h"

#include <limits.h>

struct t_dir {
    char path[64]; /* "/tmp/lg_control.XXXXXX" */
};

struct t_dir t_dir_make(void);
void t_dir_remove(const struct t_dir *d);
/* t_path names a file in the folder; up to four names are valid at a time. */
const char *t_path(const struct t_dir *d, const char *name);
/* t_write makes the file, and the folders above it, with this text. */
void t_write(const struct t_dir *d, const char *name, const char *text);

/* t_run runs a shell command in the folder and gives its exit status; what it wrote to standard
 * output and standard error, together, is in out (cut). */
int t_run(const struct t_dir *d, char *out, size_t out_sz, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
