/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pem.c: PEM blocks and base64. */
#include "pem.h"

static const uint8_t *find(lg_span_t s, const char *needle)
{
    return s.len ? memmem(s.p, s.len, needle, strlen(needle)) : NULL;
}

static lg_span_t from(lg_span_t s, const uint8_t *p)
{
    return lg_span(p, s.len - (size_t)(p - s.p));
}

lg_err_t lg_pem_next(lg_span_t *text, struct lg_pem *out)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ", dashes[] = "-----";
    const uint8_t *b = find(*text, begin);
    LG_CHECK(b, LG_E(AGAIN));
    lg_span_t rest = from(*text, b + sizeof begin - 1);
    const uint8_t *label_end = find(rest, dashes);
    LG_CHECK(label_end, LG_E(FORMAT));
    out->label = lg_span(rest.p, (size_t)(label_end - rest.p));
    rest = from(rest, label_end + sizeof dashes - 1);
    const uint8_t *e = find(rest, end);
    LG_CHECK(e, LG_E(FORMAT));
    out->inner = lg_span(rest.p, (size_t)(e - rest.p));
    rest = from(rest, e + sizeof end - 1);
    LG_CHECK(rest.len >= out->label.len && memcmp(rest.p, out->label.p, out->label.len) == 0,
             LG_E(FORMAT));
    rest = from(rest, rest.p + out->label.len);
    LG_CHECK(rest.len >= 5 && memcmp(rest.p, dashes, 5) == 0, LG_E(FORMAT));
    out->whole = lg_span(b, (size_t)(rest.p + 5 - b));
    *text = from(rest, rest.p + 5);
    return LG_OK;
}

static int value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t lg_pem_decode(lg_span_t inner, uint8_t *dst)
{
    size_t out = 0, pad = 0;
    uint32_t acc = 0, bits = 0;
    for (size_t i = 0; i < inner.len; i++) {
        uint8_t c = inner.p[i];
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        if (c == '=') {
            pad++;
            continue;
        }
        int v = value_of(c);
        if (v < 0 || pad)
            return 0;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            dst[out++] = (uint8_t)(acc >> bits);
        }
    }
    return pad > 2 ? 0 : out;
}
