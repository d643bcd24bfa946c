/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_opt.h: the options of one segment: parse hostile ones, build ours. */
#ifndef LG_TCP_OPT_H
#define LG_TCP_OPT_H

#include "err.h"
#include "span.h"

#define LG_TCP_SACK_BLOCKS 4

struct lg_tcp_opts {
    bool has_mss, has_wscale, has_sack_ok, has_ts;
    uint16_t mss;
    uint8_t wscale; /* in [0,14]: larger ones are cut as RFC 7323 section 2.3 says */
    uint8_t sack_cnt;
    uint32_t ts_val, ts_ecr;
    struct {
        uint32_t from, to; /* [from, to) */
    } sack[LG_TCP_SACK_BLOCKS];
};

/* lg_tcp_opt_parse reads the option area of one segment.
 *   opt      borrowed; opt.len in [0,40] bytes; hostile bytes allowed
 *   out      written whole on LG_OK
 *   Returns  LG_OK; LG_E(TCP_OPT_LEN) when a length is < 2, passes the end, or is wrong for its
 *            kind
 *   Thread   any, pure
 *   RFC      9293 3.1; 7323 2.2, 3.2; 2018 2, 3 */
LG_MUST lg_err_t lg_tcp_opt_parse(lg_span_t opt, struct lg_tcp_opts *out);
/* lg_tcp_opt_build writes what is set in o, padded to 4 bytes; returns bytes in [0,40]. */
uint32_t lg_tcp_opt_build(const struct lg_tcp_opts *o, uint8_t out[40]);

#endif
