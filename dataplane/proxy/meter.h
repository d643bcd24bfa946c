/* SPDX-License-Identifier: GPL-2.0-or-later */
/* meter.h: what is counted of one listener, for as long as any configuration names it: a reload
 * that keeps a listener's name keeps its meter.
 *
 * A meter has one part a worker, on cache lines of its own, written by that worker alone; others
 * read with relaxed loads, each number by itself (as seat.h does for backends). Counting is a few
 * stores a connection or request.
 *
 * Life: made and freed by the control thread, counted by the snapshots that name it. */
#ifndef LG_METER_H
#define LG_METER_H

#include "log2hist.h"
#include "tls.h"

/* Handshakes are told apart by suite, group and resumption; the version follows from the suite. */
#define LG_METER_SUITES 10
#define LG_METER_GROUPS 4
/* Reasons of failure: enum lg_tls_reason, and two that TLS does not see. */
enum { LG_METER_TIMEOUT = LG_TLS_R_CNT, LG_METER_GONE, LG_METER_PUT_OFF, LG_METER_REASONS };
/* Responses by their first digit; 0: none was sent. */
#define LG_METER_CLASSES 6

struct lg_meter_part {
    alignas(LG_CACHE_PAIR) uint64_t opened;             /* connections taken up */
    uint64_t closed;                                    /* and finished */
    uint64_t done[LG_METER_SUITES][LG_METER_GROUPS][2]; /* handshakes; [1] resumed */
    uint64_t failed[LG_METER_REASONS];                  /* handshakes */
    uint64_t responses[LG_METER_CLASSES];
    struct lg_hist handshake_ns; /* from the connection's begin to TLS open */
    struct lg_hist request_ns;   /* from the request's head to the end of the response; where the
                                    listener relays bytes, of the whole connection */
};

struct lg_meter {
    char *name;       /* owns */
    uint32_t ref_cnt; /* snapshots; control only */
    uint32_t part_cnt;
    struct lg_meter_part part[];
};

/* lg_meter_open makes a meter with one reference; NULL: out of memory. lg_meter_give drops one; the
 * last one frees. NULL allowed. Thread control or boot. */
struct lg_meter *lg_meter_open(const char *name, uint32_t part_cnt);
void lg_meter_give(struct lg_meter *m);

static inline void lg_meter_inc(uint64_t *n)
{
    __atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}
static inline uint64_t lg_meter_get(const uint64_t *n)
{
    return __atomic_load_n(n, __ATOMIC_RELAXED);
}

/* lg_meter_shaken counts a handshake that is done. Thread owner. */
void lg_meter_shaken(struct lg_meter_part *m, const struct lg_tls_info *info, lg_ns_t took_ns);

/* Words for labels: "TLS_AES_128_GCM_SHA256", "x25519", "no_certificate"; "other" for what has no
 * place of its own. Static. lg_meter_is_refusal: the reason is about the client's certificate. */
const char *lg_meter_suite(uint32_t idx);
bool lg_meter_suite_is_13(uint32_t idx);
const char *lg_meter_group(uint32_t idx);
const char *lg_meter_reason(uint32_t idx);
bool lg_meter_is_refusal(uint32_t idx);

#endif
