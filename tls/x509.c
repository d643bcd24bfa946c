/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x509.c: walking DER. */
#include "x509.h"

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

lg_span_t lg_der_expect(struct lg_cur *c, uint8_t tag)
{
    struct lg_der d;
    if (!lg_der_next(c, &d) || d.tag != tag) {
        c->failed = true;
        return (lg_span_t){NULL, 0};
    }
    return d.body;
}

bool lg_der_next_is(const struct lg_cur *c, uint8_t tag)
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

lg_span_t lg_der_uint(lg_span_t s)
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
    struct lg_cur cert = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    struct lg_cur tbs = lg_cur(lg_der_expect(&cert, LG_DER_SEQUENCE));
    struct lg_cur alg = lg_cur(lg_der_expect(&cert, LG_DER_SEQUENCE));
    struct lg_der d, before, after;
    LG_CHECK(!top.failed && !cert.failed && lg_cur_left(&top) == 0, LG_E(FORMAT));
    x.sig_alg = lg_der_expect(&alg, LG_DER_OID);
    if (lg_der_next_is(&tbs, 0xa0))
        lg_der_expect(&tbs, 0xa0); /* version */
    x.serial = lg_der_uint(lg_der_expect(&tbs, LG_DER_INTEGER));
    lg_der_expect(&tbs, LG_DER_SEQUENCE); /* signature algorithm */
    LG_CHECK(lg_der_next(&tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    x.issuer = d.whole;
    struct lg_cur validity = lg_cur(lg_der_expect(&tbs, LG_DER_SEQUENCE));
    LG_CHECK(lg_der_next(&validity, &before) && lg_der_next(&validity, &after), LG_E(FORMAT));
    LG_CHECK(lg_der_time(&before, &x.not_before_s) && lg_der_time(&after, &x.not_after_s),
             LG_E(FORMAT));
    LG_CHECK(lg_der_next(&tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    x.subject = d.whole;
    LG_CHECK(lg_der_next(&tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    x.spki = d.whole;
    for (uint8_t unique_id = 0x81; unique_id <= 0x82; unique_id++)
        if (lg_der_next_is(&tbs, unique_id))
            lg_der_expect(&tbs, unique_id);
    if (lg_der_next_is(&tbs, 0xa3)) {
        struct lg_cur exts = lg_cur(lg_der_expect(&tbs, 0xa3));
        x.exts = lg_der_expect(&exts, LG_DER_SEQUENCE);
        LG_CHECK(!exts.failed && lg_cur_left(&exts) == 0, LG_E(FORMAT));
    }
    LG_CHECK(!tbs.failed && lg_cur_left(&tbs) == 0 && !alg.failed && x.serial.len > 0,
             LG_E(FORMAT));
    *out = x;
    return LG_OK;
}

lg_span_t lg_x509_key_bits(lg_span_t spki)
{
    struct lg_cur top = lg_cur(spki), c = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    lg_der_expect(&c, LG_DER_SEQUENCE);
    lg_span_t bits = lg_der_expect(&c, LG_DER_BIT_STRING);
    bool ok = !top.failed && !c.failed && bits.len > 1 && bits.p[0] == 0;
    return ok ? lg_span(bits.p + 1, bits.len - 1) : lg_span(NULL, 0);
}

lg_span_t lg_x509_common_name(lg_span_t name)
{
    const lg_span_t none = {name.p, 0};
    lg_span_t found = none;
    uint32_t cnt = 0;
    struct lg_der set, pair, value;
    struct lg_cur top = lg_cur(name), sets = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    while (lg_der_next(&sets, &set)) {
        struct lg_cur pairs = lg_cur(set.body);
        while (lg_der_next(&pairs, &pair)) {
            struct lg_cur c = lg_cur(pair.body);
            lg_span_t oid = lg_der_expect(&c, LG_DER_OID);
            if (!lg_der_next(&c, &value))
                return none;
            if (oid.len != 3 || memcmp(oid.p, "\x55\x04\x03", 3) != 0)
                continue;
            if (cnt++ ||
                (value.tag != 0x0c && value.tag != 0x13 && value.tag != 0x14 && value.tag != 0x16))
                return none;
            found = value.body;
        }
        if (pairs.failed)
            return none;
    }
    return top.failed || sets.failed ? none : found;
}

bool lg_x509_exts_ok(lg_span_t exts)
{
    lg_span_t seen[64];
    size_t cnt = 0;
    struct lg_cur c = lg_cur(exts);
    struct lg_der ext;
    while (lg_der_next(&c, &ext)) {
        struct lg_cur e = lg_cur(ext.body);
        lg_span_t oid = lg_der_expect(&e, LG_DER_OID);
        if (lg_der_next_is(&e, LG_DER_BOOLEAN))
            lg_der_expect(&e, LG_DER_BOOLEAN);
        lg_der_expect(&e, LG_DER_OCTET_STRING);
        if (ext.tag != LG_DER_SEQUENCE || e.failed || lg_cur_left(&e) || cnt == LG_ARRAY_CNT(seen))
            return false;
        /*= https://www.rfc-editor.org/rfc/rfc5280#section-4.2
         *# A certificate MUST NOT include more than one instance of a particular extension. */
        for (size_t i = 0; i < cnt; i++)
            if (lg_span_eq(seen[i], oid))
                return false;
        seen[cnt++] = oid;
    }
    return !c.failed;
}

/* find_oid gives the content of an extension; false: it is not there. */
static bool find_oid(lg_span_t exts, lg_span_t wanted, lg_span_t *out)
{
    struct lg_cur c = lg_cur(exts);
    struct lg_der ext;
    while (lg_der_next(&c, &ext)) {
        struct lg_cur e = lg_cur(ext.body);
        if (!lg_span_eq(lg_der_expect(&e, LG_DER_OID), wanted))
            continue;
        if (lg_der_next_is(&e, LG_DER_BOOLEAN))
            lg_der_expect(&e, LG_DER_BOOLEAN);
        *out = lg_der_expect(&e, LG_DER_OCTET_STRING);
        return true;
    }
    return false;
}

/* find_ext: of an id-ce extension (2.5.29.n). */
static bool find_ext(lg_span_t exts, uint8_t n, lg_span_t *out)
{
    const uint8_t oid[] = {0x55, 0x1d, n};
    return find_oid(exts, lg_span(oid, sizeof oid), out);
}

/* forms gathers the tags of GeneralNames; those of subtrees stand one level deeper. */
static uint32_t forms(lg_span_t names, bool are_subtrees)
{
    struct lg_cur c = lg_cur(names);
    struct lg_der d;
    uint32_t found = 0;
    while (lg_der_next(&c, &d)) {
        struct lg_cur sub = lg_cur(d.body);
        if (are_subtrees && !lg_der_next(&sub, &d))
            return UINT32_MAX;
        found |= 1u << (d.tag & 0x1f);
    }
    return c.failed ? UINT32_MAX : found;
}

uint32_t lg_x509_name_forms(lg_span_t exts)
{
    lg_span_t value;
    if (!find_ext(exts, 17, &value))
        return 0;
    struct lg_cur c = lg_cur(value);
    lg_span_t names = lg_der_expect(&c, LG_DER_SEQUENCE);
    return c.failed ? UINT32_MAX : forms(names, false);
}

uint32_t lg_x509_limited_forms(lg_span_t exts)
{
    lg_span_t value;
    if (!find_ext(exts, 30, &value))
        return 0;
    struct lg_cur c = lg_cur(value);
    struct lg_cur both = lg_cur(lg_der_expect(&c, LG_DER_SEQUENCE));
    uint32_t found = 0;
    struct lg_der list; /* [0] permitted, [1] excluded */
    while (lg_der_next(&both, &list))
        found |= forms(list.body, true);
    return c.failed || both.failed ? UINT32_MAX : found;
}

/* is_url: http or https, and bytes that no line or header minds. */
static bool is_url(lg_span_t s)
{
    bool ok = (s.len > 7 && memcmp(s.p, "http://", 7) == 0) ||
              (s.len > 8 && memcmp(s.p, "https://", 8) == 0);
    for (size_t i = 0; i < s.len; i++)
        ok = ok && s.p[i] > ' ' && s.p[i] < 0x7f;
    return ok;
}

lg_span_t lg_x509_ocsp_url(lg_span_t exts)
{
    static const uint8_t info_access[] = {0x2b, 6, 1, 5, 5, 7, 1, 1};
    static const uint8_t ocsp[] = {0x2b, 6, 1, 5, 5, 7, 0x30, 1};
    enum { URI = 0x86 };
    lg_span_t value;
    struct lg_der one;
    if (!find_oid(exts, lg_span(info_access, sizeof info_access), &value))
        return lg_span(NULL, 0);
    struct lg_cur top = lg_cur(value), list = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    while (lg_der_next(&list, &one)) {
        struct lg_cur c = lg_cur(one.body);
        struct lg_der where;
        lg_span_t method = lg_der_expect(&c, LG_DER_OID);
        if (lg_der_next(&c, &where) && where.tag == URI && is_url(where.body) &&
            lg_span_eq(method, lg_span(ocsp, sizeof ocsp)))
            return where.body;
    }
    return lg_span(NULL, 0);
}

bool lg_x509_must_staple(lg_span_t exts)
{
    static const uint8_t tls_feature[] = {0x2b, 6, 1, 5, 5, 7, 1, 0x18};
    enum { STATUS_REQUEST = 5 };
    lg_span_t value;
    if (!find_oid(exts, lg_span(tls_feature, sizeof tls_feature), &value))
        return false;
    struct lg_cur top = lg_cur(value), list = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    while (lg_cur_left(&list)) {
        lg_span_t f = lg_der_uint(lg_der_expect(&list, LG_DER_INTEGER));
        if (f.len == 1 && f.p[0] == STATUS_REQUEST)
            return true;
    }
    return false;
}
