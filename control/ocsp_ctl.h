/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsp_ctl.h: the control thread's part of OCSP: asks responders when tls/staple.h says that it is
 * time, puts what they answer in force, and frees what it has replaced once every worker has been
 * quiet. Thread control. */
#ifndef LG_OCSP_CTL_H
#define LG_OCSP_CTL_H

#include "ns.h"

/* How to know that workers hold nothing of before; core/ in the process, a fake in tests. */
struct lg_quiet_ops {
    uint64_t (*mark)(void *ctx);                 /* a token */
    bool (*is_quiet)(void *ctx, uint64_t token); /* every worker has been quiet since */
};

struct lg_fetch;
struct lg_ocsp_retired;

struct lg_ocsp_ctl {
    const struct lg_quiet_ops *ops;  /* borrows: for life */
    void *ops_ctx;                   /* borrows: for life */
    struct lg_fetch *fetch;          /* owns; NULL until something is to be asked */
    struct lg_ocsp_retired *retired; /* owns */
    lg_ns_t now_ns;                  /* of the last poll */
};

void lg_ocsp_ctl_init(struct lg_ocsp_ctl *o, const struct lg_quiet_ops *ops, void *ops_ctx);
/* lg_ocsp_ctl_fini breaks off what is under way. Workers are gone by then; before the snapshots,
 * whose certificates hold the slots, are freed. */
void lg_ocsp_ctl_fini(struct lg_ocsp_ctl *o);
/* lg_ocsp_ctl_poll does what is due and never waits. now_ns: any monotonic clock. */
void lg_ocsp_ctl_poll(struct lg_ocsp_ctl *o, lg_ns_t now_ns);

#endif
