/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h: what both reports are made of. Thread main, after the worker has ended. */
#ifndef BL_REPORT_H
#define BL_REPORT_H

#include "blast.h"

#define BL_BUSY_LIMIT 0.9 /* above it the generator was the limit */
#define BL_CPU_LIMIT 0.95 /* below it, spinning, the worker shared its CPU */

enum bl_limit { BL_BY_GENERATOR, BL_BY_RATE, BL_BY_SERVER };

enum bl_limit bl_limit(const struct bl_worker *w);
const char *bl_limit_name(enum bl_limit l);
/* bl_busy: cycles of turns with work, over all, in the measured part; in [0,1]. */
double bl_busy(const struct bl_worker *w);
/* bl_cpu: the share of the measured time in which the worker had its CPU; in [0,1]. Spinning, it
 * should be 1: what is missing somebody else took, and looks like being busy. */
double bl_cpu(const struct bl_worker *w);
bool bl_is_cpu_shared(const struct bl_worker *w);
/* bl_group_seconds: how long a group was measured. */
double bl_group_seconds(const struct bl_group *g);
uint64_t bl_group_errors(const struct bl_group *g);
/* bl_each_error calls fn for each kind that occurred: errors.def, alerts, statuses. */
typedef void bl_error_fn(void *ctx, const char *name, uint64_t cnt);
void bl_each_error(const struct bl_result *r, bl_error_fn *fn, void *ctx);

#endif
