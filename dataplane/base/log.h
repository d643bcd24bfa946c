/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h: one line of text, from whichever thread, to the operator.
 *
 * The control thread writes lines itself (lg_log); when standard error takes no more, lines are
 * lost, counted, and told of later. A worker never blocks: it puts a finished line into its own
 * ring (lg_logring_put), which the control thread drains; a full ring drops the line and counts it.
 * Lines carry no secret: no key, no ticket, no header value, no body. Bytes that came from the wire
 * are passed through lg_log_escape first. */
#ifndef LG_LOG_H
#define LG_LOG_H

#include "base.h"
#include "span.h"
#include "stat.h"
#include <stdatomic.h>

enum lg_log_level { LG_LOG_ERROR, LG_LOG_WARN, LG_LOG_INFO, LG_LOG_DEBUG };

#define LG_LOG_LINE_SZ 1016 /* bytes, NUL included; longer lines are cut */
#define LG_LOGRING_CNT 256  /* lines a worker can be ahead of the control thread */

struct lg_log_line {
    uint32_t level; /* enum lg_log_level */
    uint32_t len;
    char text[LG_LOG_LINE_SZ];
};

struct lg_logring {
    alignas(LG_CACHE_PAIR) _Atomic uint32_t tail; /* worker releases, control acquires */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t head; /* control releases, worker acquires */
    _Atomic uint32_t level;                       /* lines above it are not put; control writes */
    struct lg_log_line lines[LG_LOGRING_CNT];
};

/* lg_log_set_level, lg_log_level: the threshold of lg_log. Thread control. */
void lg_log_set_level(enum lg_log_level level);
enum lg_log_level lg_log_level(void);
/* lg_log writes "level: text\n" to standard error, with time when it is not a journal. Thread
 * control or boot. */
void lg_log(enum lg_log_level level, const char *fmt, ...) LG_PRINTF(2, 3);

void lg_logring_init(struct lg_logring *r, enum lg_log_level level);
/* lg_logring_put formats one line into the ring; drops it (LG_STAT_LOG_DROPPED) when full.
 * Thread owner core. No heap, no system call. */
void lg_logring_put(struct lg_logring *r, struct lg_stats *stats, enum lg_log_level level,
                    const char *fmt, ...) LG_PRINTF(4, 5);
/* lg_logring_drain writes out what is there; returns lines. Thread control. */
unsigned lg_logring_drain(struct lg_logring *r, unsigned worker);

/* lg_log_escape copies hostile bytes as printable ASCII (\xNN, \\ and \" escaped) into out, cut
 * to out_sz, always NUL-terminated; returns out. Thread any, pure. */
const char *lg_log_escape(lg_span_t in, char *out, size_t out_sz);

#endif
