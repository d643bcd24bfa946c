/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_seq.h: arithmetic modulo 2^32 on sequence numbers (RFC 9293 section 3.4) and timestamps
 * (RFC 7323 section 5.2). Two numbers compare by the shorter way round. Thread any, pure. */
#ifndef LG_TCP_SEQ_H
#define LG_TCP_SEQ_H

#include "base.h"

static inline bool lg_seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool lg_seq_leq(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

static inline bool lg_seq_gt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline bool lg_seq_geq(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

static inline uint32_t lg_seq_max(uint32_t a, uint32_t b)
{
    return lg_seq_gt(a, b) ? a : b;
}

static inline uint32_t lg_seq_min(uint32_t a, uint32_t b)
{
    return lg_seq_lt(a, b) ? a : b;
}

#endif
