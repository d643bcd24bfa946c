/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_priv.h: writing Prometheus' text format, for metrics.c (the process) and metrics_site.c
 * (listeners, backends, certificates). Every family is written whole, in one place: HELP and TYPE
 * once, its samples right behind. */
#ifndef LG_METRICS_PRIV_H
#define LG_METRICS_PRIV_H

#include "log2hist.h"
#include "report.h"

#include <stdio.h>

/* lg_metric_begin writes HELP and TYPE ("counter", "gauge", "histogram").
 *   name     without its "lockgate_" */
void lg_metric_begin(FILE *f, const char *name, const char *type, const char *help);
/* lg_metric_u64, lg_metric_real write a sample.
 *   labels   "listener=\"a\"", built by lg_labels; "" none */
void lg_metric_u64(FILE *f, const char *name, const char *labels, uint64_t v);
void lg_metric_real(FILE *f, const char *name, const char *labels, double v);
/* lg_metric_hist writes the samples of one histogram: buckets, sum, count.
 *   unit     what one second is in the histogram's units */
void lg_metric_hist(FILE *f, const char *name, const char *labels, const struct lg_hist *h,
                    double unit);

#define LG_LABELS_SZ 2048

/* lg_labels writes NAME="value" pairs, values escaped; the list of names and values ends with NULL.
 * Returns out. */
const char *lg_labels(char out[LG_LABELS_SZ], ...);

/* metrics_site.c */
void lg_metrics_listeners(FILE *f, const struct lg_report *r);
void lg_metrics_certificates(FILE *f, const struct lg_report *r);
void lg_metrics_backends(FILE *f, const struct lg_report *r);

#endif
