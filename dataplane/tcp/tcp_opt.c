/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_opt.c: reading and writing TCP options. What they mean is decided elsewhere. */
#include "tcp_opt.h"

#include <string.h>

enum {
    KIND_END = 0,
    KIND_NOP = 1,
    KIND_MSS = 2,
    KIND_WSCALE = 3,
    KIND_SACK_OK = 4,
    KIND_SACK = 5,
    KIND_TS = 8
};

static void read_sack(lg_span_t body, struct lg_tcp_opts *out)
{
    if (body.len == 0 || body.len % 8 != 0 || body.len > 8 * LG_TCP_OPT_SACK_MAX)
        return;
    out->sack_cnt = (uint8_t)(body.len / 8);
    for (uint32_t i = 0; i < out->sack_cnt; i++) {
        out->sack[i].start = lg_get_be32(body.p + 8 * i);
        out->sack[i].end = lg_get_be32(body.p + 8 * i + 4);
    }
}

/* read_one takes the body of one option, its kind and length byte already read. */
static void read_one(uint8_t kind, lg_span_t body, struct lg_tcp_opts *out)
{
    switch (kind) {
    case KIND_MSS:
        if (body.len == 2) {
            out->has_mss = true;
            out->mss = lg_get_be16(body.p);
        }
        break;
    case KIND_WSCALE:
        if (body.len == 1) {
            out->has_wscale = true;
            out->wscale = LG_MIN(body.p[0], (uint8_t)LG_TCP_WSCALE_MAX);
        }
        break;
    case KIND_SACK_OK:
        if (body.len == 0)
            out->sack_ok = true;
        break;
    case KIND_SACK:
        read_sack(body, out);
        break;
    case KIND_TS:
        if (body.len == 8) {
            out->has_ts = true;
            out->ts_val = lg_get_be32(body.p);
            out->ts_ecr = lg_get_be32(body.p + 4);
        }
        break;
    default:
        break;
    }
}

lg_err_t lg_tcp_opt_parse(lg_span_t opt, struct lg_tcp_opts *out)
{
    struct lg_cur cur = lg_cur(opt);

    memset(out, 0, sizeof *out);
    while (lg_cur_left(&cur) > 0) {
        uint8_t kind = lg_cur_u8(&cur);
        if (kind == KIND_END)
            break;
        if (kind == KIND_NOP)
            continue;
        uint8_t len = lg_cur_u8(&cur);
        LG_CHECK(!cur.failed && len >= 2, LG_E(TCP_OPT_LEN));
        lg_span_t body = lg_cur_bytes(&cur, len - 2u);
        LG_CHECK(!cur.failed, LG_E(TCP_OPT_LEN));
        read_one(kind, body, out);
    }
    return LG_OK;
}

uint32_t lg_tcp_opt_build_syn(uint8_t *p, const struct lg_tcp_opts *o)
{
    uint32_t n = 4;

    p[0] = KIND_MSS;
    p[1] = 4;
    lg_put_be16(p + 2, o->mss);
    if (o->has_ts) {
        lg_tcp_opt_build_ts(p + n, o->ts_val, o->ts_ecr);
        if (o->sack_ok) { /* in place of the two NOPs */
            p[n] = KIND_SACK_OK;
            p[n + 1] = 2;
        }
        n += LG_TCP_OPT_TS_SZ;
    } else if (o->sack_ok) {
        memcpy(p + n, (const uint8_t[]){KIND_NOP, KIND_NOP, KIND_SACK_OK, 2}, 4);
        n += 4;
    }
    if (o->has_wscale) {
        memcpy(p + n, (const uint8_t[]){KIND_NOP, KIND_WSCALE, 3, o->wscale}, 4);
        n += 4;
    }
    return n;
}

void lg_tcp_opt_build_ts(uint8_t *p, uint32_t val, uint32_t ecr)
{
    lg_put_be32(p, 0x0101080au); /* NOP, NOP, kind 8, length 10 */
    lg_put_be32(p + 4, val);
    lg_put_be32(p + 8, ecr);
}

uint32_t lg_tcp_opt_build_sack(uint8_t *p, const struct lg_tcp_range *r, uint32_t cnt)
{
    p[0] = p[1] = KIND_NOP;
    p[2] = KIND_SACK;
    p[3] = (uint8_t)(2 + 8 * cnt);
    for (uint32_t i = 0; i < cnt; i++) {
        lg_put_be32(p + 4 + 8 * i, r[i].start);
        lg_put_be32(p + 8 + 8 * i, r[i].end);
    }
    return 4 + 8 * cnt;
}
