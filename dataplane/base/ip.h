/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip.h: an IP address as a value, one type for both families. IPv4 is kept in its IPv4-mapped
 * form (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so that tables and flow keys need one shape. */
#ifndef LG_IP_H
#define LG_IP_H

#include "base.h"
#include "err.h"
#include "span.h"
#include <string.h>

typedef struct {
    uint8_t b[16]; /* network order */
} lg_ip_t;

#define LG_IP_STR_SZ 48       /* "[" 45 "]" NUL */
#define LG_ENDPOINT_STR_SZ 56 /* address, colon, port */

struct lg_endpoint {
    lg_ip_t ip;
    uint16_t port; /* host order */
};

/* One TCP connection's addresses as this end sees them. */
struct lg_tcp_tuple {
    lg_ip_t local_ip, remote_ip;
    uint16_t local_port, remote_port; /* host order */
};

/* An address with its prefix; for IPv4 prefix_len counts the 32 bits of IPv4. */
struct lg_prefix {
    lg_ip_t ip;
    uint8_t len; /* bits, in [0,32] for IPv4, [0,128] for IPv6 */
};

static inline bool lg_ip_is_v4(const lg_ip_t *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(ip->b, mapped, sizeof mapped) == 0;
}

static inline bool lg_ip_eq(const lg_ip_t *a, const lg_ip_t *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool lg_ip_is_any(const lg_ip_t *ip)
{
    static const uint8_t zero[16];
    return memcmp(ip->b, zero, 16) == 0 || (lg_ip_is_v4(ip) && memcmp(ip->b + 12, zero, 4) == 0);
}

/* lg_ip_v4 makes an address from its four bytes in network order; lg_ip_v6 from sixteen. */
static inline lg_ip_t lg_ip_v4(const uint8_t b[4])
{
    lg_ip_t ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]}};
    return ip;
}
static inline lg_ip_t lg_ip_v6(const uint8_t b[16])
{
    lg_ip_t ip;
    memcpy(ip.b, b, 16);
    return ip;
}

static inline bool lg_ip_is_multicast(const lg_ip_t *ip)
{
    return lg_ip_is_v4(ip) ? (ip->b[12] & 0xf0) == 0xe0 : ip->b[0] == 0xff;
}

/* lg_ip_parse reads "192.0.2.1" or "2001:db8::1", nothing around it. Thread any, pure. */
LG_MUST lg_err_t lg_ip_parse(lg_span_t text, lg_ip_t *out);
/* lg_prefix_parse reads "192.0.2.1/24"; host bits may be set (an interface address). */
LG_MUST lg_err_t lg_prefix_parse(lg_span_t text, struct lg_prefix *out);
/* lg_endpoint_parse reads "192.0.2.1:443" or "[2001:db8::1]:443"; port in [1,65535]. */
LG_MUST lg_err_t lg_endpoint_parse(lg_span_t text, struct lg_endpoint *out);
/* lg_prefix_has says whether ip lies in the prefix (same family, same leading bits). */
bool lg_prefix_has(const struct lg_prefix *p, const lg_ip_t *ip);
/* Both write a NUL-terminated text into buf and return buf. */
const char *lg_ip_text(const lg_ip_t *ip, char buf[LG_IP_STR_SZ]);
const char *lg_endpoint_text(const struct lg_endpoint *e, char buf[LG_ENDPOINT_STR_SZ]);

#endif
