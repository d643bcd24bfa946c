/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (lg_crl_parse and lg_crl_fini use the heap; the rest is pure) */
/* x509.c: walking DER. */
#include "x509.h"

#include <stdlib.h>

bool lg_der_next(struct lg_cur *c, struct lg_der *out)
{
    if (lg_cur_left(c) == 0)
        return false;
    const uint8_t *start = c->p;
    out->tag = lg_cur_u8(c);
    uint32_t len = lg_cur_u8(c);
    if ((out->tag & 0x1f) == 0x1f || len == 0x80 || len > 0x84)
        c->failed = true;
    if (len > 0x80) {
        uint32_t bytes = len & 0x7f;
        len = 0;
        while (bytes-- > 0)
            len = len << 8 | lg_cur_u8(c);
    }
    out->body = lg_cur_bytes(c, len);
    if (c->failed)
        return false;
    out->whole = lg_span(start, (size_t)(c->p - start));
    return true;
}

/* expect reads one element of this tag; on anything else the cursor fails. */
static lg_span_t expect(struct lg_cur *c, uint8_t tag)
{
    struct lg_der d;
    if (!lg_der_next(c, &d) || d.tag != tag) {
        c->failed = true;
        return (lg_span_t){NULL, 0};
    }
    return d.body;
}

static bool next_is(const struct lg_cur *c, uint8_t tag)
{
    return lg_cur_left(c) > 0 && *c->p == tag;
}

static int digits(const uint8_t *p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; y >= 1. The year is taken to
 * begin in March, so that the leap day is its last. */
static int64_t days_from_date(int64_t y, int64_t m, int64_t d)
{
    if (m <= 2)
        y--;
    int64_t era = y / 400, yoe = y % 400;
    int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool lg_der_time(const struct lg_der *t, int64_t *out_s)
{
    const uint8_t *p = t->body.p;
    int year;
    if (t->tag == LG_DER_UTC_TIME && t->body.len == 13) {
        year = digits(p, 2);
        year += year < 0 ? 0 : year < 50 ? 2000 : 1900;
        p += 2;
    } else if (t->tag == LG_DER_GENERALIZED_TIME && t->body.len == 15) {
        year = digits(p, 4);
        p += 4;
    } else {
        return false;
    }
    int mon = digits(p, 2), day = digits(p + 2, 2), hour = digits(p + 4, 2);
    int min = digits(p + 6, 2), sec = digits(p + 8, 2);
    if (year < 1 || mon < 1 || mon > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        min < 0 || min > 59 || sec < 0 || sec > 60 || p[10] != 'Z')
        return false;
    *out_s = days_from_date(year, mon, day) * 86400 + hour * 3600 + min * 60 + sec;
    return true;
}

static lg_span_t trim_zeroes(lg_span_t s)
{
    while (s.len > 1 && s.p[0] == 0) {
        s.p++;
        s.len--;
    }
    return s;
}

lg_err_t lg_x509_parse(lg_span_t der, struct lg_x509 *out)
{
    struct lg_x509 x = {0};
    struct lg_cur top = lg_cur(der);
    struct lg_cur cert = lg_cur(expect(&top, LG_DER_SEQUENCE));
    struct lg_cur tbs = lg_cur(expect(&cert, LG_DER_SEQUENCE));
    struct lg_cur alg = lg_cur(expect(&cert, LG_DER_SEQUENCE));
    struct lg_der d, before, after;
    LG_CHECK(!top.failed && !cert.failed && lg_cur_left(&top) == 0, LG_E(FORMAT));
    x.sig_alg = expect(&alg, LG_DER_OID);
    if (next_is(&tbs, 0xa0))
        expect(&tbs, 0xa0); /* version */
    x.serial = trim_zeroes(expect(&tbs, LG_DER_INTEGER));
    expect(&tbs, LG_DER_SEQUENCE); /* signature algorithm */
    LG_CHECK(lg_der_next(&tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    x.issuer = d.whole;
    struct lg_cur validity = lg_cur(expect(&tbs, LG_DER_SEQUENCE));
    LG_CHECK(lg_der_next(&validity, &before) && lg_der_next(&validity, &after), LG_E(FORMAT));
    LG_CHECK(lg_der_time(&before, &x.not_before_s) && lg_der_time(&after, &x.not_after_s),
             LG_E(FORMAT));
    LG_CHECK(lg_der_next(&tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    x.subject = d.whole;
    LG_CHECK(!tbs.failed && !alg.failed && x.serial.len > 0, LG_E(FORMAT));
    *out = x;
    return LG_OK;
}

static int serial_cmp(const void *a, const void *b)
{
    const struct lg_serial *x = a, *y = b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->b, y->b, x->len);
}

static bool serial_from(lg_span_t s, struct lg_serial *out)
{
    s = trim_zeroes(s);
    if (s.len == 0 || s.len > LG_SERIAL_MAX_SZ)
        return false;
    *out = (struct lg_serial){.len = (uint8_t)s.len};
    memcpy(out->b, s.p, s.len);
    return true;
}

/* An extension of a list or of an entry that is critical and not one of these changes what the
 * list means: cRLNumber 20 and authorityKeyIdentifier 35 (never critical), reasonCode 21,
 * invalidityDate 24 of id-ce (2.5.29). */
static bool exts_known(lg_span_t exts)
{
    struct lg_cur c = lg_cur(exts);
    struct lg_der ext;
    while (lg_der_next(&c, &ext)) {
        struct lg_cur e = lg_cur(ext.body);
        lg_span_t oid = expect(&e, LG_DER_OID);
        bool critical = false;
        if (next_is(&e, LG_DER_BOOLEAN)) {
            lg_span_t b = expect(&e, LG_DER_BOOLEAN);
            critical = b.len == 1 && b.p[0] != 0;
        }
        if (e.failed)
            return false;
        uint8_t ce = oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d ? oid.p[2] : 0;
        if (critical && ce != 20 && ce != 35 && ce != 21 && ce != 24)
            return false;
    }
    return !c.failed;
}

static lg_err_t parse_revoked(lg_span_t list, struct lg_crl *crl)
{
    struct lg_cur c = lg_cur(list);
    struct lg_der d;
    uint32_t cnt = 0;
    while (lg_der_next(&c, &d))
        cnt++;
    LG_CHECK(!c.failed, LG_E(FORMAT));
    crl->serials = calloc(cnt ? cnt : 1, sizeof *crl->serials);
    LG_CHECK(crl->serials, LG_E(NOMEM));
    c = lg_cur(list);
    while (lg_der_next(&c, &d)) {
        struct lg_cur entry = lg_cur(d.body);
        lg_span_t serial = expect(&entry, LG_DER_INTEGER);
        struct lg_der when;
        LG_CHECK(!entry.failed && lg_der_next(&entry, &when), LG_E(FORMAT));
        LG_CHECK(serial_from(serial, &crl->serials[crl->serial_cnt++]), LG_E(FORMAT));
        if (lg_cur_left(&entry))
            LG_CHECK(exts_known(expect(&entry, LG_DER_SEQUENCE)), LG_E(RANGE));
    }
    qsort(crl->serials, crl->serial_cnt, sizeof *crl->serials, serial_cmp);
    return LG_OK;
}

static lg_err_t parse_tbs(struct lg_cur *tbs, struct lg_crl *crl)
{
    struct lg_der d;
    if (next_is(tbs, LG_DER_INTEGER))
        expect(tbs, LG_DER_INTEGER); /* version */
    expect(tbs, LG_DER_SEQUENCE);    /* signature algorithm */
    LG_CHECK(lg_der_next(tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    crl->issuer = malloc(d.whole.len);
    LG_CHECK(crl->issuer, LG_E(NOMEM));
    memcpy(crl->issuer, d.whole.p, d.whole.len);
    crl->issuer_sz = d.whole.len;
    LG_CHECK(lg_der_next(tbs, &d) && lg_der_time(&d, &crl->this_update_s), LG_E(FORMAT));
    crl->next_update_s = INT64_MAX;
    if (next_is(tbs, LG_DER_UTC_TIME) || next_is(tbs, LG_DER_GENERALIZED_TIME))
        LG_CHECK(lg_der_next(tbs, &d) && lg_der_time(&d, &crl->next_update_s), LG_E(FORMAT));
    if (next_is(tbs, LG_DER_SEQUENCE))
        LG_TRY(parse_revoked(expect(tbs, LG_DER_SEQUENCE), crl));
    if (next_is(tbs, 0xa0)) {
        struct lg_cur exts = lg_cur(expect(tbs, 0xa0));
        LG_CHECK(exts_known(expect(&exts, LG_DER_SEQUENCE)), LG_E(RANGE));
    }
    LG_CHECK(!tbs->failed && lg_cur_left(tbs) == 0, LG_E(FORMAT));
    return LG_OK;
}

lg_err_t lg_crl_parse(lg_span_t der, struct lg_crl *out)
{
    struct lg_crl crl = {0};
    struct lg_cur top = lg_cur(der);
    struct lg_cur list = lg_cur(expect(&top, LG_DER_SEQUENCE));
    struct lg_cur tbs = lg_cur(expect(&list, LG_DER_SEQUENCE));
    LG_CHECK(!top.failed && !list.failed, LG_E(FORMAT));
    lg_err_t e = parse_tbs(&tbs, &crl);
    if (!lg_is_ok(e)) {
        lg_crl_fini(&crl);
        return e;
    }
    *out = crl;
    return LG_OK;
}

void lg_crl_fini(struct lg_crl *crl)
{
    free(crl->issuer);
    free(crl->serials);
    *crl = (struct lg_crl){0};
}

bool lg_crl_has(const struct lg_crl *crl, lg_span_t serial)
{
    struct lg_serial key;
    if (!serial_from(serial, &key))
        return true; /* longer than any we can list: never taken for good */
    if (crl->serial_cnt == 0)
        return false;
    return bsearch(&key, crl->serials, crl->serial_cnt, sizeof key, serial_cmp) != NULL;
}
