/* SPDX-License-Identifier: GPL-2.0-or-later */
/* span.h: a borrowed run of bytes, and a bounded cursor to read one. Every wire parser of
 * Lockgate reads through lg_cur: it cannot step past the end, and once it has failed it stays
 * failed and yields zeroes, so a parser may check once at the end. */
#ifndef LG_SPAN_H
#define LG_SPAN_H

#include "base.h"
#include "be.h"

typedef struct {
    const uint8_t *p; /* borrows: never NULL when len > 0 */
    size_t len;       /* bytes */
} lg_span_t;

#define LG_SPAN_STR(lit) ((lg_span_t){(const uint8_t *)("" lit), sizeof(lit) - 1})

static inline lg_span_t lg_span(const void *p, size_t len)
{
    return (lg_span_t){p, len};
}

static inline lg_span_t lg_span_cstr(const char *s)
{
    return (lg_span_t){(const uint8_t *)s, s ? strlen(s) : 0};
}

static inline bool lg_span_eq(lg_span_t a, lg_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

struct lg_cur {
    const uint8_t *p;
    const uint8_t *end;
    bool failed; /* a read passed the end; every later read gives zero */
};

static inline struct lg_cur lg_cur(lg_span_t s)
{
    return (struct lg_cur){s.p, s.p + s.len, false};
}

static inline size_t lg_cur_left(const struct lg_cur *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->p);
}

/* lg_cur_bytes borrows the next n bytes; an empty span and failed when fewer are left. */
static inline lg_span_t lg_cur_bytes(struct lg_cur *c, size_t n)
{
    if (LG_UNLIKELY(c->failed || (size_t)(c->end - c->p) < n)) {
        c->failed = true;
        return (lg_span_t){NULL, 0};
    }
    lg_span_t s = {c->p, n};
    c->p += n;
    return s;
}

static inline uint8_t lg_cur_u8(struct lg_cur *c)
{
    lg_span_t s = lg_cur_bytes(c, 1);
    return s.p ? s.p[0] : 0;
}

static inline uint16_t lg_cur_be16(struct lg_cur *c)
{
    lg_span_t s = lg_cur_bytes(c, 2);
    return s.p ? lg_get_be16(s.p) : 0;
}

static inline uint32_t lg_cur_be32(struct lg_cur *c)
{
    lg_span_t s = lg_cur_bytes(c, 4);
    return s.p ? lg_get_be32(s.p) : 0;
}

/* A vector with a length prefix of 1 or 2 bytes, as TLS writes them (RFC 8446 section 3.4). */
static inline lg_span_t lg_cur_vec8(struct lg_cur *c)
{
    return lg_cur_bytes(c, lg_cur_u8(c));
}
static inline lg_span_t lg_cur_vec16(struct lg_cur *c)
{
    return lg_cur_bytes(c, lg_cur_be16(c));
}

#endif
