/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dn.c: see dn.h. */
#include "dn.h"

#include "x509.h"

#define PART_MAX 32u

enum {
    UTF8_STRING = 0x0c,
    NUMERIC_STRING = 0x12,
    PRINTABLE_STRING = 0x13,
    TELETEX_STRING = 0x14,
    IA5_STRING = 0x16,
    VISIBLE_STRING = 0x1a,
    UNIVERSAL_STRING = 0x1c,
    BMP_STRING = 0x1e,
};

/* Room that text goes into; once something did not fit it is full. */
struct text {
    char *p;
    size_t len, sz; /* sz without the NUL */
    bool full;
};

static void put(struct text *t, const char *s, size_t n)
{
    t->full |= n > t->sz - t->len;
    if (t->full)
        return;
    memcpy(t->p + t->len, s, n);
    t->len += n;
}

static void put_str(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static void put_hex(struct text *t, uint8_t b)
{
    static const char digit[] = "0123456789ABCDEF";
    const char two[] = {digit[b >> 4], digit[b & 15]};
    put(t, two, sizeof two);
}

/* The short names of RFC 4514 section 3 and those of RFC 4519, and emailAddress, which everybody
 * calls so. By the body of the OID. */
static const char *short_name(lg_span_t oid)
{
    static const struct {
        uint8_t len, oid[10];
        const char *name;
    } known[] = {
        {3, {0x55, 4, 3}, "CN"},
        {3, {0x55, 4, 4}, "SN"},
        {3, {0x55, 4, 5}, "serialNumber"},
        {3, {0x55, 4, 6}, "C"},
        {3, {0x55, 4, 7}, "L"},
        {3, {0x55, 4, 8}, "ST"},
        {3, {0x55, 4, 9}, "STREET"},
        {3, {0x55, 4, 10}, "O"},
        {3, {0x55, 4, 11}, "OU"},
        {3, {0x55, 4, 12}, "title"},
        {3, {0x55, 4, 42}, "GN"},
        {10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1}, "UID"},
        {10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25}, "DC"},
        {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1}, "emailAddress"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(known); i++)
        if (lg_span_eq(oid, lg_span(known[i].oid, known[i].len)))
            return known[i].name;
    return NULL;
}

static void put_u64(struct text *t, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    put(t, digits + i, sizeof digits - i);
}

/* put_oid: false: malformed. */
static bool put_oid(struct text *t, lg_span_t oid)
{
    uint64_t v = 0;
    bool is_first = true;
    for (size_t i = 0; i < oid.len; i++) {
        if (v >> 56)
            return false;
        v = v << 7 | (oid.p[i] & 0x7f);
        if (oid.p[i] & 0x80)
            continue;
        if (is_first) {
            uint64_t top = LG_MIN(v / 40, (uint64_t)2);
            put_u64(t, top);
            v -= top * 40;
        }
        put_str(t, ".");
        put_u64(t, v);
        is_first = false;
        v = 0;
    }
    return oid.len > 0 && !(oid.p[oid.len - 1] & 0x80);
}

/* put_byte writes one byte of a value as RFC 4514 2.4 wants it. */
static void put_byte(struct text *t, uint8_t b, bool is_first, bool is_last)
{
    const char c[2] = {'\\', (char)b};
    if (b < 0x20 || b >= 0x7f) {
        put(t, c, 1);
        put_hex(t, b);
    } else if (strchr("\"+,;<>\\", b) || (b == ' ' && (is_first || is_last)) ||
               (b == '#' && is_first)) {
        put(t, c, 2);
    } else {
        put(t, c + 1, 1);
    }
}

/* put_wide writes characters of w bytes each as UTF-8; false: a piece of one at the end. */
static bool put_wide(struct text *t, lg_span_t s, size_t w)
{
    if (s.len % w)
        return false;
    for (size_t i = 0; i < s.len; i += w) {
        uint32_t c = w == 1 ? s.p[i] : w == 2 ? lg_get_be16(s.p + i) : lg_get_be32(s.p + i);
        bool first = i == 0, last = i + w == s.len;
        if (c < 0x80) {
            put_byte(t, (uint8_t)c, first, last);
        } else if (c < 0x800) {
            put_byte(t, (uint8_t)(0xc0 | c >> 6), false, false);
            put_byte(t, (uint8_t)(0x80 | (c & 63)), false, false);
        } else if (c < 0x10000) {
            put_byte(t, (uint8_t)(0xe0 | c >> 12), false, false);
            put_byte(t, (uint8_t)(0x80 | (c >> 6 & 63)), false, false);
            put_byte(t, (uint8_t)(0x80 | (c & 63)), false, false);
        } else {
            put_byte(t, (uint8_t)(0xf0 | (c >> 18 & 7)), false, false);
            put_byte(t, (uint8_t)(0x80 | (c >> 12 & 63)), false, false);
            put_byte(t, (uint8_t)(0x80 | (c >> 6 & 63)), false, false);
            put_byte(t, (uint8_t)(0x80 | (c & 63)), false, false);
        }
    }
    return true;
}

static bool put_string(struct text *t, const struct lg_der *v)
{
    switch (v->tag) {
    case UTF8_STRING: /* bytes above 0x7f are escaped one by one, also where they are no UTF-8 */
    case NUMERIC_STRING:
    case PRINTABLE_STRING:
    case IA5_STRING:
    case VISIBLE_STRING:
        for (size_t i = 0; i < v->body.len; i++)
            put_byte(t, v->body.p[i], i == 0, i + 1 == v->body.len);
        return true;
    case TELETEX_STRING: /* Latin-1, as everybody reads it */
        return put_wide(t, v->body, 1);
    case BMP_STRING:
        return put_wide(t, v->body, 2);
    case UNIVERSAL_STRING:
        return put_wide(t, v->body, 4);
    default:
        return false;
    }
}

/* put_pair writes one type and value; false: malformed. */
static bool put_pair(struct text *t, lg_span_t pair)
{
    struct lg_cur c = lg_cur(pair);
    struct lg_der v;
    lg_span_t oid = lg_der_expect(&c, LG_DER_OID);
    const char *name = short_name(oid);
    if (!lg_der_next(&c, &v) || lg_cur_left(&c))
        return false;
    if (name)
        put_str(t, name);
    else if (!put_oid(t, oid))
        return false;
    put_str(t, "=");
    size_t len = t->len;
    bool full = t->full;
    if (name && put_string(t, &v))
        return true;
    t->len = len;
    t->full = full;
    put_str(t, "#");
    for (size_t i = 0; i < v.whole.len; i++)
        put_hex(t, v.whole.p[i]);
    return true;
}

/* put_part writes one RelativeDistinguishedName; false: malformed. */
static bool put_part(struct text *t, lg_span_t set)
{
    struct lg_cur c = lg_cur(set);
    struct lg_der pair;
    bool is_first = true;
    while (lg_der_next(&c, &pair)) {
        if (!is_first)
            put_str(t, "+");
        if (pair.tag != LG_DER_SEQUENCE || !put_pair(t, pair.body))
            return false;
        is_first = false;
    }
    return !c.failed && !is_first;
}

/* put_parts writes them from the last to the first, as many as fit. */
static bool put_parts(struct text *t, const lg_span_t *part, uint32_t cnt, bool is_all)
{
    static const char more[] = ",...";
    for (uint32_t i = cnt; i > 0; i--) {
        size_t len = t->len;
        bool is_last = i == 1 && is_all;
        size_t sz = t->sz;
        if (i < cnt)
            put_str(t, ",");
        if (!is_last)
            t->sz -= sizeof more - 1; /* kept free, for the case that the next one does not fit */
        if (!t->full && t->len > t->sz)
            t->full = true;
        if (!put_part(t, part[i - 1]))
            return false;
        t->sz = sz;
        if (t->full) {
            t->full = false;
            t->len = len;
            put_str(t, len ? more : more + 1);
            return true;
        }
    }
    if (!is_all)
        put_str(t, more);
    return true;
}

void lg_dn_text(lg_span_t name, char *out, size_t sz)
{
    struct text t = {.p = out, .sz = sz - 1};
    lg_span_t part[PART_MAX];
    uint32_t cnt = 0;
    struct lg_der d;
    struct lg_cur top = lg_cur(name), sets = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    bool is_all = true, ok = true;
    while (lg_der_next(&sets, &d)) {
        ok = ok && d.tag == LG_DER_SET;
        /* The last ones are the most specific: of too many the first goes. */
        if (cnt == PART_MAX) {
            memmove(part, part + 1, sizeof part - sizeof part[0]);
            cnt--;
            is_all = false;
        }
        part[cnt++] = d.body;
    }
    ok = ok && !top.failed && !sets.failed && lg_cur_left(&top) == 0 &&
         put_parts(&t, part, cnt, is_all);
    out[ok ? t.len : 0] = 0;
}
