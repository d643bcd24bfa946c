/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.h: active health checks through the worker's own stack: connect, shake hands (TLS), ask
 * (HTTP), judge the answer, write it on the board (dataplane/balance/check.h).
 *
 *   waiting --timer--> connecting --> [TLS handshake] --> [request, response] --> waiting
 *                          |                |                    |
 *                          +--- refused, no answer in time, closed, refused by TLS, wrong answer
 *
 * The timer of the check is the time of the next one while it waits, and the end of its patience
 * while it runs. What is not the backend's fault (no free port, pool or memory) is tried again
 * soon and judges nobody. Thread: owner core. */
#ifndef LG_PROBE_H
#define LG_PROBE_H

#include "proxy_priv.h"

/* -- only for a reason -- */
#define LG_PROBE_CNT 64u              /* in progress at once, per worker */
#define LG_PROBE_BYTES (64u << 10)    /* of an answer that are looked at */
#define LG_PROBE_AGAIN_NS LG_MS(20)   /* when there was no resource for one */
#define LG_PROBE_SPREAD_NS LG_MS(500) /* the first ones start within this time */

struct lg_probe {
    struct lg_peer peer; /* first: what a connection's user pointer points at */
    struct lg_tcp_conn *c;
    struct lg_check *check;
    struct lg_tls *tls; /* owns; NULL: in clear, or not yet open */
    lg_ns_t begun_ns;
    bool is_open;
    bool is_sent;            /* the request is on its way */
    bool is_starved;         /* it does not get on for want of our buffers */
    bool has_head;           /* the answer's head was good; its body is looked at */
    struct lg_bufq cin, in;  /* ciphertext; the answer */
    struct lg_bufq fp, fout; /* the request; what goes to TCP */
    struct lg_http_scan scan;
};

/* lg_probe_begin runs the checks of the snapshot in use that are this worker's; those that ran
 * before go on in step. */
void lg_probe_begin(struct lg_proxy *p);
/* lg_probe_end stops those of s that no snapshot of this generation names. */
void lg_probe_end(struct lg_proxy *p, const struct lg_snapshot *s, uint64_t generation);
/* lg_probe_event handles news of a probe's connection. */
void lg_probe_event(struct lg_proxy *p, struct lg_probe *b, uint32_t events);
/* lg_probe_timer is the wheel's callback. */
void lg_probe_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns);

#endif
