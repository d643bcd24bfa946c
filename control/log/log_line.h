/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_line.h: one record of the access log as one line of text: JSON, or by a format. What clients
 * sent is escaped here: in JSON everything but printable ASCII as \uNNNN (one byte one character:
 * the line is always valid, whatever the bytes meant), in a format as \xNN, with '"' and '\' too,
 * so that nobody writes lines or fields of his own. Pure; thread any. */
#ifndef LG_LOG_LINE_H
#define LG_LOG_LINE_H

#include "access.h"

#define LG_LOG_LINE_MAX 16384u /* bytes of a line, its newline included; what is longer is cut */

/* A point of the wall clock, and the same on the workers'. */
struct lg_log_clock {
    uint64_t wall_us; /* since 1970 */
    lg_ns_t mono_ns;
};

/* lg_log_line writes the line of a record whose snapshot is still there.
 *   worker   where it came from
 *   out      LG_LOG_LINE_MAX bytes
 *   Returns  its length, newline included; no NUL */
size_t lg_log_line(const struct lg_access_rec *rec, uint32_t worker,
                   const struct lg_log_clock *clock, char *out);

#endif
