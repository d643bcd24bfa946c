/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig_priv.h: what rig.c and rig_gate.c share. */
#ifndef E2E_RIG_PRIV_H
#define E2E_RIG_PRIV_H

#include "rig.h"

#include <stdarg.h>
#include <stdio.h>

#define RIG_GATE4 "10.91.1.2"
#define RIG_GATE6 "fd91:1::2"

/* rig_exec starts bash -c `text` in a namespace (NULL: ours), its output going to a file.
 *   verbs  whether verbs.sh is read in first
 *   Returns the process, or -1 */
pid_t rig_exec(const char *ns, const char *text, const char *out_file, bool verbs);
/* rig_reap waits for a child; status as rig_client gives it, -1 when time is over (not killed). */
int rig_reap(pid_t pid, unsigned timeout_ms);
/* rig_nap sleeps between two looks at a condition. */
void rig_nap(void);
uint64_t rig_now_ms(void);
const char *rig_ns_name(enum rig_ns ns);
/* rig_read_file reads at most out_sz - 1 bytes from an offset; returns bytes. */
size_t rig_read_file(const char *path, long from, char *out, size_t out_sz);
/* rig_program is the path of a program of ours: "lockgate", "lockgatectl". */
const char *rig_program(const char *name);
/* rig_gate_end ends lockgate after the last test; false, and its log on stderr, when it did not end
 * in order. */
bool rig_gate_end(void);

#endif
