/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_opt.c: parsing and building TCP options. */
#include "tcp_opt.h"

enum {
    OPT_END = 0,
    OPT_NOP = 1,
    OPT_MSS = 2,
    OPT_WSCALE = 3,
    OPT_SACK_OK = 4,
    OPT_SACK = 5,
    OPT_TS = 8,
};

static lg_err_t parse_sack(lg_span_t body, struct lg_tcp_opts *o)
{
    LG_CHECK(body.len % 8 == 0 && body.len > 0, LG_E(TCP_OPT_LEN));
    for (size_t off = 0; off < body.len && o->sack_cnt < LG_TCP_SACK_BLOCKS; off += 8) {
        o->sack[o->sack_cnt].from = lg_get_be32(body.p + off);
        o->sack[o->sack_cnt++].to = lg_get_be32(body.p + off + 4);
    }
    return LG_OK;
}

static lg_err_t parse_one(uint8_t kind, lg_span_t body, struct lg_tcp_opts *o)
{
    switch (kind) {
    case OPT_MSS:
        LG_CHECK(body.len == 2, LG_E(TCP_OPT_LEN));
        o->has_mss = true;
        o->mss = lg_get_be16(body.p);
        return LG_OK;
    case OPT_WSCALE:
        LG_CHECK(body.len == 1, LG_E(TCP_OPT_LEN));
        o->has_wscale = true;
        o->wscale = LG_MIN(body.p[0], 14);
        return LG_OK;
    case OPT_SACK_OK:
        LG_CHECK(body.len == 0, LG_E(TCP_OPT_LEN));
        o->has_sack_ok = true;
        return LG_OK;
    case OPT_TS:
        LG_CHECK(body.len == 8, LG_E(TCP_OPT_LEN));
        o->has_ts = true;
        o->ts_val = lg_get_be32(body.p);
        o->ts_ecr = lg_get_be32(body.p + 4);
        return LG_OK;
    case OPT_SACK:
        return parse_sack(body, o);
    default:
        return LG_OK; /* RFC 9293 3.1: ignore what is not known */
    }
}

lg_err_t lg_tcp_opt_parse(lg_span_t opt, struct lg_tcp_opts *out)
{
    struct lg_tcp_opts o = {0};
    size_t i = 0;

    while (i < opt.len && opt.p[i] != OPT_END) {
        if (opt.p[i] == OPT_NOP) {
            i++;
            continue;
        }
        LG_CHECK(i + 1 < opt.len, LG_E(TCP_OPT_LEN));
        uint8_t len = opt.p[i + 1];
        LG_CHECK(len >= 2 && i + len <= opt.len, LG_E(TCP_OPT_LEN));
        LG_TRY(parse_one(opt.p[i], lg_span(opt.p + i + 2, len - 2u), &o));
        i += len;
    }
    *out = o;
    return LG_OK;
}

uint32_t lg_tcp_opt_build(const struct lg_tcp_opts *o, uint8_t out[40])
{
    uint8_t *p = out;

    if (o->has_mss) {
        *p++ = OPT_MSS;
        *p++ = 4;
        lg_put_be16(p, o->mss);
        p += 2;
    }
    if (o->has_sack_ok) {
        *p++ = OPT_SACK_OK;
        *p++ = 2;
        *p++ = OPT_NOP;
        *p++ = OPT_NOP;
    }
    if (o->has_ts) {
        *p++ = OPT_NOP;
        *p++ = OPT_NOP;
        *p++ = OPT_TS;
        *p++ = 10;
        lg_put_be32(p, o->ts_val);
        lg_put_be32(p + 4, o->ts_ecr);
        p += 8;
    }
    if (o->has_wscale) {
        *p++ = OPT_NOP;
        *p++ = OPT_WSCALE;
        *p++ = 3;
        *p++ = o->wscale;
    }
    if (o->sack_cnt) {
        *p++ = OPT_NOP;
        *p++ = OPT_NOP;
        *p++ = OPT_SACK;
        *p++ = (uint8_t)(2 + 8 * o->sack_cnt);
        for (unsigned i = 0; i < o->sack_cnt; i++, p += 8) {
            lg_put_be32(p, o->sack[i].from);
            lg_put_be32(p + 4, o->sack[i].to);
        }
    }
    return (uint32_t)(p - out);
}
