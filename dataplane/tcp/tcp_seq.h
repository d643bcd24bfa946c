/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_seq.h: comparing sequence numbers, which wrap (RFC 9293 section 3.4). */
#ifndef LG_TCP_SEQ_H
#define LG_TCP_SEQ_H

#include "base.h"

static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}
static inline bool seq_gt(uint32_t a, uint32_t b)
{
    return seq_lt(b, a);
}
static inline bool seq_ge(uint32_t a, uint32_t b)
{
    return seq_le(b, a);
}
static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? b : a;
}
static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? a : b;
}

#endif
