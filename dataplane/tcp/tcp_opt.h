/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_opt.h: the option area of a segment, read and written: MSS (RFC 9293 section 3.7.1), window
 * scale and timestamps (RFC 7323), SACK (RFC 2018). Every other kind is skipped. */
#ifndef LG_TCP_OPT_H
#define LG_TCP_OPT_H

#include "err.h"
#include "span.h"

#define LG_TCP_OPT_MAX 40u     /* bytes of options in a header */
#define LG_TCP_OPT_TS_SZ 12u   /* two NOPs and the timestamp option, as everybody sends it */
#define LG_TCP_OPT_SACK_MAX 4u /* blocks that fit into 40 bytes; 3 beside a timestamp */
#define LG_TCP_WSCALE_MAX 14u  /* RFC 7323 section 2.3: larger shifts count as 14 */

/* A run of sequence space, [start,end). */
struct lg_tcp_range {
    uint32_t start, end;
};

struct lg_tcp_opts {
    bool has_mss, has_wscale, has_ts, sack_ok;
    uint8_t wscale; /* in [0,14] */
    uint8_t sack_cnt;
    uint16_t mss; /* as on the wire: may be 0 */
    uint32_t ts_val, ts_ecr;
    struct lg_tcp_range sack[LG_TCP_OPT_SACK_MAX];
};

/* lg_tcp_opt_parse reads the option area of one segment.
 *   opt      borrowed; opt.len in [0,40]; hostile bytes allowed
 *   out      written whole on LG_OK, undefined otherwise. Of an option given twice the last counts;
 *            one of a known kind but a wrong length is skipped like an unknown kind
 *   Returns  LG_OK; LG_E(TCP_OPT_LEN) when a length is below 2 or passes the end
 *   Thread   any, pure
 *   RFC      9293 3.1; 7323 2.2, 3.2; 2018 2, 3 */
LG_MUST lg_err_t lg_tcp_opt_parse(lg_span_t opt, struct lg_tcp_opts *out);

/* lg_tcp_opt_build_syn writes the options of a SYN: MSS always, the others when out says so
 * (has_wscale, has_ts, sack_ok).
 *   p        room for LG_TCP_OPT_MAX bytes
 *   Returns  bytes written, a multiple of 4 */
uint32_t lg_tcp_opt_build_syn(uint8_t *p, const struct lg_tcp_opts *o);
/* lg_tcp_opt_build_ts writes LG_TCP_OPT_TS_SZ bytes. */
void lg_tcp_opt_build_ts(uint8_t *p, uint32_t val, uint32_t ecr);
/* lg_tcp_opt_build_sack writes cnt blocks, cnt in [1,4]; returns bytes written (4 + 8 cnt). */
uint32_t lg_tcp_opt_build_sack(uint8_t *p, const struct lg_tcp_range *r, uint32_t cnt);

/* lg_tcp_opt_is_ts: the area is exactly the timestamp option, as on nearly every segment. */
static inline bool lg_tcp_opt_is_ts(lg_span_t opt)
{
    return opt.len == LG_TCP_OPT_TS_SZ && lg_get_be32(opt.p) == 0x0101080au;
}

#endif
