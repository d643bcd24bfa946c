/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsp_ctl.h: the control thread's part of OCSP: asks responders, about our own certificates when
 * tls/staple.h says that it is time, about clients' when workers want it (tls/answers.h); puts what
 * they answer in force, and frees what it has replaced once every worker has been quiet.
 * Thread control. */
#ifndef LG_OCSP_CTL_H
#define LG_OCSP_CTL_H

#include "config.h"
#include "ns.h"

/* How to know that workers hold nothing of before; core/ in the process, a fake in tests. */
struct lg_quiet_ops {
    uint64_t (*mark)(void *ctx);                 /* a token */
    bool (*is_quiet)(void *ctx, uint64_t token); /* every worker has been quiet since */
};

struct lg_asks;
struct lg_fetch;
struct lg_ocsp_question;
struct lg_ocsp_retired;

struct lg_ocsp_ctl {
    const struct lg_quiet_ops *ops; /* borrows: for life */
    void *ops_ctx;                  /* borrows: for life */
    /* Clients wait: certificates of ours whose responders are dead must not take their places. */
    struct lg_fetch *fetch;           /* owns; for staples; NULL until something is to be asked */
    struct lg_fetch *client_fetch;    /* owns; about clients; likewise */
    struct lg_ocsp_retired *retired;  /* owns */
    struct lg_ocsp_question *clients; /* owned by client_fetch; under way */
    struct lg_asks *asks[LG_MAX_WORKERS]; /* borrows: until fini */
    uint32_t ask_cnt;
    lg_ns_t now_ns; /* of the last poll */
};

void lg_ocsp_ctl_init(struct lg_ocsp_ctl *o, const struct lg_quiet_ops *ops, void *ops_ctx);
/* lg_ocsp_ctl_hear: this worker's questions are to be taken, from now on. */
void lg_ocsp_ctl_hear(struct lg_ocsp_ctl *o, struct lg_asks *asks);
/* lg_ocsp_ctl_fini breaks off what is under way. Workers are gone by then; before the snapshots,
 * whose certificates hold the slots, are freed. */
void lg_ocsp_ctl_fini(struct lg_ocsp_ctl *o);
/* lg_ocsp_ctl_poll does what is due and never waits. now_ns: any monotonic clock. */
void lg_ocsp_ctl_poll(struct lg_ocsp_ctl *o, lg_ns_t now_ns);
/* lg_ocsp_ctl_is_busy: something is under way: poll again soon. */
bool lg_ocsp_ctl_is_busy(const struct lg_ocsp_ctl *o);

#endif
