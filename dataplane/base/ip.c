/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip.c: text forms of addresses. inet_pton and inet_ntop do the work; this bounds their input. */
#include "ip.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool parse_uint(lg_span_t s, uint32_t max, uint32_t *out)
{
    uint32_t v = 0;
    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(s.p[i] - '0');
    }
    *out = v;
    return v <= max;
}

lg_err_t lg_ip_parse(lg_span_t text, lg_ip_t *out)
{
    char buf[LG_IP_STR_SZ];
    uint8_t raw[16];

    LG_CHECK(text.len > 0 && text.len < sizeof buf && !memchr(text.p, 0, text.len), LG_E(ADDR));
    memcpy(buf, text.p, text.len);
    buf[text.len] = '\0';
    if (inet_pton(AF_INET, buf, raw) == 1) {
        *out = lg_ip_v4(raw);
        return LG_OK;
    }
    if (inet_pton(AF_INET6, buf, raw) == 1) {
        *out = lg_ip_v6(raw);
        return LG_OK;
    }
    return LG_E(ADDR);
}

lg_err_t lg_prefix_parse(lg_span_t text, struct lg_prefix *out)
{
    const uint8_t *slash = text.len ? memchr(text.p, '/', text.len) : NULL;
    struct lg_prefix p;
    uint32_t len;

    LG_CHECK(slash != NULL, LG_E(ADDR));
    LG_TRY(lg_ip_parse(lg_span(text.p, (size_t)(slash - text.p)), &p.ip));
    lg_span_t bits = lg_span(slash + 1, text.len - (size_t)(slash - text.p) - 1);
    LG_CHECK(parse_uint(bits, lg_ip_is_v4(&p.ip) ? 32 : 128, &len), LG_E(ADDR));
    p.len = (uint8_t)len;
    *out = p;
    return LG_OK;
}

lg_err_t lg_endpoint_parse(lg_span_t text, struct lg_endpoint *out)
{
    struct lg_endpoint e;
    size_t colon = text.len;
    uint32_t port;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    LG_CHECK(colon >= 2, LG_E(ADDR));
    lg_span_t host = lg_span(text.p, colon - 1);
    bool bracketed = host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']';
    if (bracketed)
        host = lg_span(host.p + 1, host.len - 2);
    /* An IPv6 address without brackets is ambiguous: where does the port begin? */
    LG_CHECK(bracketed == (memchr(host.p, ':', host.len) != NULL), LG_E(ADDR));
    LG_TRY(lg_ip_parse(host, &e.ip));
    LG_CHECK(parse_uint(lg_span(text.p + colon, text.len - colon), 65535, &port) && port > 0,
             LG_E(ADDR));
    e.port = (uint16_t)port;
    *out = e;
    return LG_OK;
}

bool lg_prefix_has(const struct lg_prefix *p, const lg_ip_t *ip)
{
    bool v4 = lg_ip_is_v4(&p->ip);
    uint32_t bits = p->len + (v4 ? 96u : 0u);
    uint32_t whole = bits / 8, rest = bits % 8;

    if (v4 != lg_ip_is_v4(ip) || memcmp(p->ip.b, ip->b, whole) != 0)
        return false;
    return rest == 0 || ((p->ip.b[whole] ^ ip->b[whole]) >> (8 - rest)) == 0;
}

static char *put_u8(char *p, uint8_t v)
{
    if (v >= 100)
        *p++ = (char)('0' + v / 100);
    if (v >= 10)
        *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

/* IPv4 by hand: it is written into each request, and inet_ntop is printf underneath. */
const char *lg_ip_text(const lg_ip_t *ip, char buf[LG_IP_STR_SZ])
{
    char *p = buf;

    if (!lg_ip_is_v4(ip)) {
        if (!inet_ntop(AF_INET6, ip->b, buf, LG_IP_STR_SZ))
            buf[0] = '\0';
        return buf;
    }
    for (int i = 12; i < 16; i++) {
        p = put_u8(p, ip->b[i]);
        *p++ = '.';
    }
    p[-1] = '\0';
    return buf;
}

const char *lg_endpoint_text(const struct lg_endpoint *e, char buf[LG_ENDPOINT_STR_SZ])
{
    char ip[LG_IP_STR_SZ];
    lg_ip_text(&e->ip, ip);
    snprintf(buf, LG_ENDPOINT_STR_SZ, lg_ip_is_v4(&e->ip) ? "%s:%u" : "[%s]:%u", ip, e->port);
    return buf;
}
