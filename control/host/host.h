/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.h: lockgate --check-host: what this machine lacks for Lockgate, or for one configuration,
 * and the command that mends it. It reads /sys and /proc, changes nothing and starts nothing.
 *
 * `root` stands in front of /sys, /proc and /dev: "" on a real machine, a folder in tests. What
 * cannot be read is not guessed: that item is left out. Thread boot. */
#ifndef LG_HOST_H
#define LG_HOST_H

#include "config.h"
#include "options.h"

#include <sched.h>
#include <stdio.h>

#define LG_HOST_MAX 128

enum lg_host_verdict {
    LG_HOST_OK,
    LG_HOST_ADVICE,  /* it works, slower or less evenly */
    LG_HOST_MISSING, /* Lockgate would not start, or not with this configuration */
};

struct lg_host_item {
    const char *topic; /* literal: "hugepages", "iommu", ... */
    enum lg_host_verdict verdict;
    char found[256]; /* what there is, and why that is not enough */
    char mend[256];  /* the command; "" when there is none */
};

struct lg_host {
    const char *root;
    const struct lg_config *cfg; /* NULL: no configuration, what any would need */
    cpu_set_t workers;           /* of cfg; empty without */
    uint32_t item_cnt;
    struct lg_host_item items[LG_HOST_MAX]; /* further ones are dropped */
};

/* lg_host_check fills h->items. cfg may be NULL. */
void lg_host_check(struct lg_host *h, const char *root, const struct lg_config *cfg);
/* lg_host_exit: LG_EXIT_OK, or LG_EXIT_CONFIG when something is missing; advice does not count. */
enum lg_exit lg_host_exit(const struct lg_host *h);

void lg_host_print(const struct lg_host *h, FILE *out);
/* lg_host_json: {"ok":BOOL,"items":[{"topic","verdict","found","mend"}...]}; to be freed; NULL: out
 * of memory. */
char *lg_host_json(const struct lg_host *h);

/* lg_host_main is the whole of lockgate --check-host.
 *   config   file; one that is not there is no mistake when it is the default one
 *   Returns  what the process shall exit with */
enum lg_exit lg_host_main(const char *config, bool is_json);

#endif
