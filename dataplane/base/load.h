/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.h: where a worker's time goes: how long its turns take, and, of one turn in LG_LOAD_SAMPLE,
 * each stage of it. Written by the worker to lines of its own, read by the control thread with
 * relaxed loads. */
#ifndef LG_LOAD_H
#define LG_LOAD_H

#include "log2hist.h"
#include "ns.h"

#include <string.h>

#define LG_LOAD_SAMPLE 32u   /* a power of two */
#define LG_LOAD_LOG2_UNIT 5u /* turns are counted in 1/32 cycles, so that short ones tell apart */
#define LG_LOAD_LOG2_WINDOW_NS 33 /* the longest turn is that of such a window: 8.6 s */

/* X(NAME, label): the stages of a turn, in their order. */
#define LG_STAGES(X)                                                                               \
    X(ORDERS, "orders")                                                                            \
    X(RX, "rx")                                                                                    \
    X(HANDOVER, "handover")                                                                        \
    X(EVENTS, "events")                                                                            \
    X(PROXY, "proxy")                                                                              \
    X(TCP, "tcp")                                                                                  \
    X(NET, "net")                                                                                  \
    X(TX, "tx")                                                                                    \
    X(SHAKE, "handshakes")

enum lg_stage {
#define X(name, label) LG_STAGE_##name,
    LG_STAGES(X)
#undef X
        LG_STAGE_CNT
};

struct lg_load {
    struct lg_hist turns;         /* of busy turns */
    uint64_t stage[LG_STAGE_CNT]; /* cycles of sampled busy turns */
    uint64_t max[2]; /* cycles of the longest busy turn: this window's, the last one's */
    uint64_t window;
};

/* The stamps of one turn: [i] is the end of stage i - 1. NULL in a turn that is not sampled. */
struct lg_stamps {
    uint64_t at[LG_STAGE_CNT + 1];
};

/* lg_load_turn counts a busy turn. Thread owner. */
static inline void lg_load_turn(struct lg_load *l, uint64_t cycles, lg_ns_t now_ns)
{
    uint64_t window = now_ns >> LG_LOAD_LOG2_WINDOW_NS;

    lg_hist_add(&l->turns, cycles << LG_LOAD_LOG2_UNIT);
    if (LG_UNLIKELY(window != l->window)) {
        __atomic_store_n(&l->max[1], l->window + 1 == window ? l->max[0] : 0, __ATOMIC_RELAXED);
        __atomic_store_n(&l->max[0], 0, __ATOMIC_RELAXED);
        l->window = window;
    }
    if (LG_UNLIKELY(cycles > l->max[0]))
        __atomic_store_n(&l->max[0], cycles, __ATOMIC_RELAXED);
}

/* lg_load_stages counts the stages of a sampled busy turn. Thread owner. */
void lg_load_stages(struct lg_load *l, const struct lg_stamps *s);

/* lg_load_read gives a copy of what another thread writes. */
void lg_load_read(const struct lg_load *l, struct lg_load *out);
const char *lg_stage_name(enum lg_stage s);

#endif
