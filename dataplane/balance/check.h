/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h: the health board: what active checks know of each backend, for all workers to read.
 *
 * One check stands for one address asked in one way, however many pools, workers and snapshots name
 * it. One worker runs it (who: by the address) and is the only one that writes; the others, and the
 * control thread, read. No lock anywhere:
 *
 *   owner                                      reader
 *     result, detail, took, at  (relaxed)        state (acquire)
 *     state (release) -------------------------> result, detail ... (relaxed): no older than state
 *
 * A reader may see details newer than the state it has read, never older; each is a number of its
 * own. What a worker decides by is the state alone.
 *
 * Life: made and freed by the control thread, counted by the snapshots that name it. */
#ifndef LG_CHECK_H
#define LG_CHECK_H

#include "config.h"
#include "wheel.h"

#include <stdatomic.h>

enum lg_check_state {
    LG_CHECK_UNKNOWN, /* not asked yet: taken for up; the first answer decides alone */
    LG_CHECK_UP,
    LG_CHECK_DOWN,
};

/* X(name, text): how a check ended. */
#define LG_CHECK_RESULTS(X)                                                                        \
    X(NONE, "not checked yet")                                                                     \
    X(OK, "ok")                                                                                    \
    X(REFUSED, "connection refused")                                                               \
    X(TIMEOUT, "no answer in time")                                                                \
    X(CLOSED, "connection closed before the answer")                                               \
    X(TLS, "TLS failed")                                                                           \
    X(HTTP, "not an HTTP answer")                                                                  \
    X(STATUS, "unexpected status")                                                                 \
    X(BODY, "the body does not contain what it should")                                            \
    X(NO_ROUTE, "no route to it")

enum lg_check_result {
#define X(name, text) LG_CHECK_R_##name,
    LG_CHECK_RESULTS(X)
#undef X
        LG_CHECK_R_CNT
};

struct lg_probe;
struct lg_check_entry;

struct lg_check {
    /* -- set at birth -- */
    struct lg_endpoint addr;
    uint32_t worker;  /* who runs it */
    uint32_t ref_cnt; /* snapshots; control only */

    /* -- the board: written by the owner, read by all -- */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t state; /* enum lg_check_state */
    _Atomic uint32_t result;                       /* enum lg_check_result, of the last one */
    _Atomic uint32_t detail;                       /* HTTP status, or enum lg_tls_reason */
    _Atomic uint32_t took_us;
    _Atomic uint64_t at_ns;      /* when the last one ended; 0: none has */
    _Atomic uint64_t changed_ns; /* when state last changed */
    _Atomic uint64_t cnt, failed_cnt;

    /* -- owner core only -- */
    alignas(LG_CACHE_PAIR) struct lg_timer timer; /* the next one, or the end of this one's time */
    struct lg_probe *probe;                       /* in progress; NULL: none */
    const struct lg_check_entry *entry;           /* borrows: of the snapshot in use */
    uint32_t streak;                              /* answers in a row that speak against state */
    uint64_t generation;                          /* of the snapshot that names it */
};

/* lg_check_open makes one with one reference; NULL: out of memory. Thread control or boot. */
struct lg_check *lg_check_open(const struct lg_endpoint *addr, uint32_t worker_cnt);
/* lg_check_give drops a reference; the last one frees. NULL allowed. Thread control. */
void lg_check_give(struct lg_check *c);

/* lg_check_is_down: thread any. Pairs with the release in lg_check_record. */
static inline bool lg_check_is_down(const struct lg_check *c)
{
    return atomic_load_explicit(&c->state, memory_order_acquire) == LG_CHECK_DOWN;
}

/* lg_check_record writes one answer to the board: rise good ones in a row bring a backend up, fall
 * bad ones take it down.
 *   Returns  whether the state has changed
 *   Thread   owner */
bool lg_check_record(struct lg_check *c, const struct lg_cfg_health *cfg,
                     enum lg_check_result result, uint32_t detail, lg_ns_t took_ns, lg_ns_t now_ns);
/* lg_check_pause is how long to wait until the next: fast_interval while it is down or its state is
 * in doubt, else interval; a tenth of it up or down by `random`, so that checks do not march in
 * step. Thread owner. */
lg_ns_t lg_check_pause(const struct lg_check *c, const struct lg_cfg_health *cfg, uint64_t random);
/* lg_check_text: words for the log. Thread any. */
const char *lg_check_text(enum lg_check_result r);

#endif
