/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysfs.h: reading the small text files of /sys and /proc. `root` stands in front of their names:
 * "" on a real machine, a folder in tests. Thread boot or control. */
#ifndef LG_SYSFS_H
#define LG_SYSFS_H

#include "base.h"

#include <sched.h>

/* lg_sys_read reads the start of a file; false when it cannot be read. A newline at its end goes.
 */
bool lg_sys_read(char *out, size_t out_sz, const char *root, const char *fmt, ...) LG_PRINTF(4, 5);
/* lg_sys_number reads a file that is one decimal number; false when it is none. */
bool lg_sys_number(int64_t *out, const char *root, const char *fmt, ...) LG_PRINTF(3, 4);
/* lg_sys_cpus reads a file that is a list of CPUs. */
bool lg_sys_cpus(cpu_set_t *out, const char *root, const char *fmt, ...) LG_PRINTF(3, 4);
bool lg_sys_exists(const char *root, const char *fmt, ...) LG_PRINTF(2, 3);
/* lg_sys_link reads the last part of the name that a symbolic link points to. */
bool lg_sys_link(char *out, size_t out_sz, const char *root, const char *fmt, ...) LG_PRINTF(4, 5);
/* lg_sys_count counts the entries of a folder whose names begin so; 0 when there is no folder. */
uint32_t lg_sys_count(const char *root, const char *dir, const char *prefix);
/* lg_sys_field finds `name` at the start of a line of text and reads the number after it. */
bool lg_sys_field(const char *text, const char *name, int base, uint64_t *out);
/* lg_sys_line finds `name` at the start of a line; the rest of it without leading blanks, or NULL.
 */
const char *lg_sys_line(const char *text, const char *name);

#endif
