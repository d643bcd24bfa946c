/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pp.c: PROXY protocol headers. */
#include "pp.h"

#include "be.h"

#include <stdio.h>

static const uint8_t v2_sig[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                   0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum {
    CMD_LOCAL = 0,
    CMD_PROXY = 1,
    FAM_TCP4 = 0x11,
    FAM_TCP6 = 0x21,
    ADDRS4_SZ = 12,
    ADDRS6_SZ = 36,
};

/* ------------------------------------------------------------- reading version 1 */

/* next_word cuts the text up to a blank off *rest; false: there is none. */
static bool next_word(lg_span_t *rest, lg_span_t *word)
{
    const uint8_t *blank = rest->len ? memchr(rest->p, ' ', rest->len) : NULL;
    size_t len = blank ? (size_t)(blank - rest->p) : rest->len;

    *word = lg_span(rest->p, len);
    *rest = blank ? lg_span(blank + 1, rest->len - len - 1) : lg_span(NULL, 0);
    return len > 0;
}

/* read_port: decimal, no leading zeros, in [0, 65535]. */
static bool read_port(lg_span_t s, uint16_t *out)
{
    uint32_t v = 0;

    if (s.len < 1 || s.len > 5 || (s.len > 1 && s.p[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(s.p[i] - '0');
    }
    *out = (uint16_t)v;
    return v <= UINT16_MAX;
}

static bool read_ip(lg_span_t s, bool v4, lg_ip_t *out)
{
    return lg_is_ok(lg_ip_parse(s, out)) && lg_ip_is_v4(out) == v4;
}

/* read_line reads what stands between "PROXY " and CR LF. */
static lg_err_t read_line(lg_span_t line, struct lg_pp_addrs *out)
{
    lg_span_t proto, src, dst, sport, dport;

    LG_CHECK(next_word(&line, &proto), LG_E(FORMAT));
    if (lg_span_eq(proto, LG_SPAN_STR("UNKNOWN"))) { /* whatever follows is to be ignored */
        out->is_local = true;
        return LG_OK;
    }
    bool v4 = lg_span_eq(proto, LG_SPAN_STR("TCP4"));
    LG_CHECK(v4 || lg_span_eq(proto, LG_SPAN_STR("TCP6")), LG_E(FORMAT));
    LG_CHECK(next_word(&line, &src) && next_word(&line, &dst) && next_word(&line, &sport) &&
                 next_word(&line, &dport) && !line.p,
             LG_E(FORMAT));
    LG_CHECK(read_ip(src, v4, &out->src.ip) && read_ip(dst, v4, &out->dst.ip), LG_E(FORMAT));
    LG_CHECK(read_port(sport, &out->src.port) && read_port(dport, &out->dst.port), LG_E(FORMAT));
    return LG_OK;
}

static lg_err_t parse_v1(lg_span_t raw, struct lg_pp_addrs *out, size_t *used)
{
    static const char begin[] = "PROXY ";
    size_t max = LG_MIN(raw.len, (size_t)LG_PP_V1_MAX);

    LG_CHECK(memcmp(raw.p, begin, LG_MIN(raw.len, sizeof begin - 1)) == 0, LG_E(FORMAT));
    const uint8_t *lf = memchr(raw.p, '\n', max);
    if (!lf)
        return max < LG_PP_V1_MAX ? LG_E(AGAIN) : LG_E(FORMAT);
    size_t len = (size_t)(lf - raw.p) + 1;
    LG_CHECK(len > sizeof begin + 1 && lf[-1] == '\r', LG_E(FORMAT));
    *used = len;
    return read_line(lg_span(raw.p + sizeof begin - 1, len - (sizeof begin - 1) - 2), out);
}

/* ------------------------------------------------------------- reading version 2 */

static void read_addrs(const uint8_t *p, size_t ip_sz, struct lg_pp_addrs *out)
{
    out->src.ip = ip_sz == 4 ? lg_ip_v4(p) : lg_ip_v6(p);
    out->dst.ip = ip_sz == 4 ? lg_ip_v4(p + ip_sz) : lg_ip_v6(p + ip_sz);
    out->src.port = lg_get_be16(p + 2 * ip_sz);
    out->dst.port = lg_get_be16(p + 2 * ip_sz + 2);
}

static lg_err_t parse_v2(lg_span_t raw, struct lg_pp_addrs *out, size_t *used)
{
    LG_CHECK(memcmp(raw.p, v2_sig, LG_MIN(raw.len, sizeof v2_sig)) == 0, LG_E(FORMAT));
    if (raw.len < LG_PP_V2_HDR_SZ)
        return LG_E(AGAIN);
    uint8_t cmd = raw.p[12], fam = raw.p[13];
    size_t len = lg_get_be16(raw.p + 14);
    LG_CHECK(cmd >> 4 == 2 && (cmd & 15) <= CMD_PROXY, LG_E(FORMAT));
    LG_CHECK(len <= LG_PP_IN_MAX - LG_PP_V2_HDR_SZ, LG_E(RANGE));
    if (raw.len < LG_PP_V2_HDR_SZ + len)
        return LG_E(AGAIN);
    *used = LG_PP_V2_HDR_SZ + len;
    if ((cmd & 15) == CMD_LOCAL) {
        out->is_local = true;
    } else if (fam == FAM_TCP4) {
        LG_CHECK(len >= ADDRS4_SZ, LG_E(FORMAT));
        read_addrs(raw.p + LG_PP_V2_HDR_SZ, 4, out);
    } else if (fam == FAM_TCP6) {
        LG_CHECK(len >= ADDRS6_SZ, LG_E(FORMAT));
        read_addrs(raw.p + LG_PP_V2_HDR_SZ, 16, out);
    } else {
        out->is_local = true; /* UNSPEC, datagrams, unix sockets: nothing we could use */
    }
    return LG_OK;
}

lg_err_t lg_pp_parse(lg_span_t raw, struct lg_pp_addrs *out, size_t *used)
{
    struct lg_pp_addrs addrs = {0};

    if (raw.len == 0)
        return LG_E(AGAIN);
    LG_TRY(raw.p[0] == 'P' ? parse_v1(raw, &addrs, used) : parse_v2(raw, &addrs, used));
    *out = addrs;
    return LG_OK;
}

/* ------------------------------------------------------------- writing */

static bool is_v4(const struct lg_pp_addrs *a)
{
    return lg_ip_is_v4(&a->src.ip) && lg_ip_is_v4(&a->dst.ip);
}

/* plain_ip writes an address without brackets; an IPv4 one beside an IPv6 one in mapped form. */
static const char *plain_ip(const lg_ip_t *ip, bool as_v6, char buf[LG_IP_STR_SZ + 8])
{
    char text[LG_IP_STR_SZ];

    snprintf(buf, LG_IP_STR_SZ + 8, "%s%s", as_v6 && lg_ip_is_v4(ip) ? "::ffff:" : "",
             lg_ip_text(ip, text));
    return buf;
}

size_t lg_pp_build_v1(const struct lg_pp_say *say, uint8_t *out)
{
    const struct lg_pp_addrs *a = &say->addrs;
    char text[LG_PP_V1_MAX + 1], src[LG_IP_STR_SZ + 8], dst[LG_IP_STR_SZ + 8];
    bool v4 = is_v4(a);
    int n;

    if (a->is_local)
        n = snprintf(text, sizeof text, "PROXY UNKNOWN\r\n");
    else
        n = snprintf(text, sizeof text, "PROXY TCP%c %s %s %u %u\r\n", v4 ? '4' : '6',
                     plain_ip(&a->src.ip, !v4, src), plain_ip(&a->dst.ip, !v4, dst), a->src.port,
                     a->dst.port);
    size_t len = (size_t)LG_MIN(LG_MAX(n, 0), (int)LG_PP_V1_MAX);
    memcpy(out, text, len);
    return len;
}

/* What is being written; a TLV that does not fit is left out. */
struct pen {
    uint8_t *p;
    size_t at, cap;
};

static void put_tlv(struct pen *w, uint8_t type, const void *data, size_t len)
{
    if (len == 0 || len > UINT16_MAX || w->cap - w->at < 3 + len)
        return;
    w->p[w->at] = type;
    lg_put_be16(w->p + w->at + 1, (uint16_t)len);
    memcpy(w->p + w->at + 3, data, len);
    w->at += 3 + len;
}

static void put_text(struct pen *w, uint8_t type, const char *text)
{
    put_tlv(w, type, text, strlen(text));
}

/* put_ssl: the one TLV that holds others. */
static void put_ssl(struct pen *w, const struct lg_pp_say *say)
{
    enum { SSL = 0x20, VERSION, CN, CIPHER, GROUP = 0x26, SIG_SCHEME, CLIENT_CERT };
    enum { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };
    size_t head = w->at;

    if (!say->has_tls || w->cap - w->at < 8)
        return;
    w->p[head] = SSL;
    w->p[head + 3] = CLIENT_SSL;
    if (say->has_cert)
        w->p[head + 3] |= CLIENT_CERT_CONN | CLIENT_CERT_SESS;
    /* 0 stands for "shown, and verified". */
    lg_put_be32(w->p + head + 4, say->has_cert ? 0 : 1);
    w->at += 8;
    put_text(w, VERSION, say->version);
    put_text(w, CIPHER, say->cipher);
    put_text(w, GROUP, say->group);
    put_text(w, SIG_SCHEME, say->sig_scheme);
    if (say->has_cert) {
        put_text(w, CN, say->cn);
        put_tlv(w, CLIENT_CERT, say->client_cert.p, say->client_cert.len);
    }
    lg_put_be16(w->p + head + 1, (uint16_t)(w->at - head - 3));
}

static size_t put_addrs(uint8_t *p, const struct lg_pp_addrs *a)
{
    size_t ip_sz = is_v4(a) ? 4 : 16, skip = 16 - ip_sz;

    memcpy(p, a->src.ip.b + skip, ip_sz);
    memcpy(p + ip_sz, a->dst.ip.b + skip, ip_sz);
    lg_put_be16(p + 2 * ip_sz, a->src.port);
    lg_put_be16(p + 2 * ip_sz + 2, a->dst.port);
    return 2 * ip_sz + 4;
}

size_t lg_pp_build_v2(const struct lg_pp_say *say, uint8_t *out)
{
    enum { ALPN = 0x01, AUTHORITY = 0x02 };
    struct pen w = {out, LG_PP_V2_HDR_SZ, LG_PP_OUT_MAX};

    memcpy(out, v2_sig, sizeof v2_sig);
    out[12] = 0x20 | (say->addrs.is_local ? CMD_LOCAL : CMD_PROXY);
    out[13] = 0;
    if (!say->addrs.is_local) {
        out[13] = is_v4(&say->addrs) ? FAM_TCP4 : FAM_TCP6;
        w.at += put_addrs(out + w.at, &say->addrs);
        put_text(&w, ALPN, say->alpn);
        put_text(&w, AUTHORITY, say->authority);
        put_ssl(&w, say);
    }
    lg_put_be16(out + 14, (uint16_t)(w.at - LG_PP_V2_HDR_SZ));
    return w.at;
}
