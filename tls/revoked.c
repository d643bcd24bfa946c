/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (sets; the lookup allocates nothing) */
/* revoked.c: the set of certificates that the operator has revoked: its file, and looking one up.
 */
#include "revoked.h"

#include "x509.h"

#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- text */

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* unhex reads text into out from the right, so that an odd number of digits is right too.
 *   Returns  bytes, 0: not hex, or more than max */
static size_t unhex(lg_span_t text, uint8_t *out, size_t max)
{
    size_t cnt = (text.len + 1) / 2, at = cnt;

    if (cnt > max)
        return 0;
    for (size_t i = text.len; i > 0;) {
        int lo = digit(text.p[--i]), hi = i > 0 ? digit(text.p[--i]) : 0;
        if (lo < 0 || hi < 0)
            return 0;
        out[--at] = (uint8_t)(hi << 4 | lo);
    }
    return cnt;
}

lg_err_t lg_revocation_serial(lg_span_t text, struct lg_revocation *out)
{
    uint8_t hex[2 * LG_SERIAL_MAX_SZ + 2], bytes[LG_SERIAL_MAX_SZ];
    size_t len = 0;

    if (text.len > 2 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x')
        text = lg_span(text.p + 2, text.len - 2);
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == ':')
            continue;
        if (len == 0 && text.p[i] == '0')
            continue; /* leading zeroes */
        LG_CHECK(digit(text.p[i]) >= 0, LG_E(FORMAT));
        LG_CHECK(len < 2 * LG_SERIAL_MAX_SZ, LG_E(RANGE));
        hex[len++] = text.p[i];
    }
    LG_CHECK(text.len > 0, LG_E(FORMAT));
    if (len == 0)
        hex[len++] = '0';
    size_t sz = unhex(lg_span(hex, len), bytes, sizeof bytes);
    LG_CHECK(sz > 0, LG_E(FORMAT));
    out->serial_sz = (uint8_t)sz;
    memset(out->serial, 0, sizeof out->serial);
    memcpy(out->serial, bytes, sz);
    return LG_OK;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* next_word cuts the first word off *line; empty: no more, or a comment begins. */
static lg_span_t next_word(lg_span_t *line)
{
    size_t i = 0, from;

    while (i < line->len && is_blank(line->p[i]))
        i++;
    for (from = i; i < line->len && !is_blank(line->p[i]) && line->p[i] != '#';)
        i++;
    lg_span_t word = lg_span(line->p + from, i - from);
    *line = lg_span(line->p + i, line->len - i);
    return word;
}

lg_err_t lg_revocation_line(lg_span_t line, struct lg_revocation *out)
{
    struct lg_revocation r = {0};
    lg_span_t issuer = next_word(&line);

    LG_CHECK(issuer.len > 0, LG_E(AGAIN));
    LG_CHECK(issuer.len == 2 * LG_REVOKED_HASH_SZ &&
                 unhex(issuer, r.issuer, sizeof r.issuer) == sizeof r.issuer,
             LG_E(FORMAT));
    LG_TRY(lg_revocation_serial(next_word(&line), &r));
    LG_CHECK(next_word(&line).len == 0, LG_E(FORMAT));
    *out = r;
    return LG_OK;
}

static char *put_hex(char *at, const uint8_t *p, size_t cnt)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < cnt; i++) {
        *at++ = digits[p[i] >> 4];
        *at++ = digits[p[i] & 15];
    }
    return at;
}

const char *lg_revocation_text(const struct lg_revocation *r, char out[LG_REVOKED_LINE_SZ])
{
    char *at = put_hex(out, r->issuer, sizeof r->issuer);

    *at++ = ' ';
    at = put_hex(at, r->serial, r->serial_sz);
    *at = '\0';
    return out;
}

/* ---------------------------------------------------------------- sets */

/* near compares what lg_revoked_has is asked by: 64 bits of the issuer, and the serial number. */
static int near(const struct lg_revocation *x, const uint8_t *issuer, lg_span_t serial)
{
    int c = memcmp(x->issuer, issuer, sizeof(uint64_t));

    if (c == 0)
        c = x->serial_sz < serial.len ? -1 : x->serial_sz > serial.len;
    return c ? c : memcmp(x->serial, serial.p, serial.len);
}

static int cmp(const void *a, const void *b)
{
    const struct lg_revocation *x = a, *y = b;
    int c = near(x, y->issuer, lg_span(y->serial, y->serial_sz));

    return c ? c : memcmp(x->issuer, y->issuer, sizeof x->issuer);
}

static struct lg_revoked *make(uint32_t room)
{
    struct lg_revoked *s = calloc(1, sizeof *s + room * sizeof s->one[0]);

    if (s)
        s->ref_cnt = 1;
    return s;
}

/* settle sorts and drops what is there twice. */
static void settle(struct lg_revoked *s)
{
    uint32_t kept = 0;

    qsort(s->one, s->cnt, sizeof s->one[0], cmp);
    for (uint32_t i = 0; i < s->cnt; i++)
        if (i == 0 || cmp(&s->one[i], &s->one[kept - 1]) != 0)
            s->one[kept++] = s->one[i];
    s->cnt = kept;
}

static lg_err_t count(lg_span_t text, uint32_t *cnt, unsigned *line)
{
    struct lg_revocation r;

    *cnt = 0;
    for (*line = 1; text.len > 0; ++*line) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        size_t len = end ? (size_t)(end - text.p) : text.len;
        lg_err_t e = lg_revocation_line(lg_span(text.p, len), &r);
        if (!lg_err_is(e, LG_ERR_AGAIN)) {
            LG_TRY(e);
            LG_CHECK(++*cnt <= LG_REVOKED_MAX, LG_E(FULL));
        }
        text = end ? lg_span(end + 1, text.len - len - 1) : lg_span(NULL, 0);
    }
    *line = 0;
    return LG_OK;
}

lg_err_t lg_revoked_parse(lg_span_t text, struct lg_revoked **out, unsigned *line)
{
    uint32_t cnt;

    LG_TRY(count(text, &cnt, line));
    struct lg_revoked *s = make(cnt);
    LG_CHECK(s, LG_E(NOMEM));
    while (s->cnt < cnt) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        size_t len = end ? (size_t)(end - text.p) : text.len;
        s->cnt += lg_is_ok(lg_revocation_line(lg_span(text.p, len), &s->one[s->cnt]));
        text = end ? lg_span(end + 1, text.len - len - 1) : lg_span(NULL, 0);
    }
    settle(s);
    *out = s;
    return LG_OK;
}

lg_err_t lg_revoked_with(const struct lg_revoked *old, const struct lg_revocation *r,
                         struct lg_revoked **out)
{
    uint32_t cnt = old ? old->cnt : 0;

    LG_CHECK(cnt < LG_REVOKED_MAX, LG_E(FULL));
    struct lg_revoked *s = make(cnt + 1);
    LG_CHECK(s, LG_E(NOMEM));
    if (cnt)
        memcpy(s->one, old->one, cnt * sizeof s->one[0]);
    s->one[cnt] = *r;
    s->cnt = cnt + 1;
    settle(s);
    *out = s;
    return LG_OK;
}

struct lg_revoked *lg_revoked_hold(struct lg_revoked *s)
{
    if (s)
        s->ref_cnt++;
    return s;
}

void lg_revoked_give(struct lg_revoked *s)
{
    if (s && --s->ref_cnt == 0)
        free(s);
}

bool lg_revoked_same(const struct lg_revoked *a, const struct lg_revoked *b)
{
    uint32_t a_cnt = a ? a->cnt : 0, b_cnt = b ? b->cnt : 0;

    return a_cnt == b_cnt && (a_cnt == 0 || memcmp(a->one, b->one, a_cnt * sizeof a->one[0]) == 0);
}

bool lg_revoked_has(const struct lg_revoked *s, uint64_t issuer_id, lg_span_t serial)
{
    uint32_t lo = 0, hi = s ? s->cnt : 0;
    uint8_t id[sizeof issuer_id];

    memcpy(id, &issuer_id, sizeof id);
    if (serial.len > 0)
        serial = lg_der_uint(serial);
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = near(&s->one[mid], id, serial);
        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}
