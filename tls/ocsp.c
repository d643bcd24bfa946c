/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsp.c: writing questions and reading answers. Pure. */
#include "ocsp.h"

#include "x509.h"

static const uint8_t alg_sha1[] = {0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0};
static const uint8_t oid_sha1[] = {0x2b, 0x0e, 3, 2, 0x1a};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1};
static const uint8_t oid_basic[] = {0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1};

uint32_t lg_ocsp_request(const struct lg_ocsp_id *id, uint8_t out[LG_OCSP_REQ_MAX_SZ])
{
    enum { NESTED = 5 }; /* OCSPRequest, TBSRequest, requestList, Request, CertID */
    uint32_t pad = id->serial_sz > 0 && (id->serial[0] & 0x80) ? 1 : 0;
    uint32_t len = (uint32_t)sizeof alg_sha1 + 2 * (2 + 20) + 2 + pad + id->serial_sz;
    uint8_t *p = out;

    if (id->serial_sz == 0 || id->serial_sz > LG_SERIAL_MAX_SZ || len + 2 * NESTED > 0x7f)
        return 0;
    for (uint32_t i = 0; i < NESTED; i++) {
        *p++ = LG_DER_SEQUENCE;
        *p++ = (uint8_t)(len + 2 * (NESTED - 1 - i));
    }
    memcpy(p, alg_sha1, sizeof alg_sha1);
    p += sizeof alg_sha1;
    const uint8_t *hashes[] = {id->name_sha1, id->key_sha1};
    for (uint32_t i = 0; i < LG_ARRAY_CNT(hashes); i++) {
        *p++ = LG_DER_OCTET_STRING;
        *p++ = 20;
        memcpy(p, hashes[i], 20);
        p += 20;
    }
    *p++ = LG_DER_INTEGER;
    *p++ = (uint8_t)(pad + id->serial_sz);
    if (pad)
        *p++ = 0;
    memcpy(p, id->serial, id->serial_sz);
    return (uint32_t)(p - out) + id->serial_sz;
}

/* none_critical: extensions are well-formed and none is critical. */
static lg_err_t none_critical(lg_span_t exts)
{
    struct lg_cur c = lg_cur(exts);
    struct lg_der ext;
    while (lg_der_next(&c, &ext)) {
        struct lg_cur e = lg_cur(ext.body);
        lg_der_expect(&e, LG_DER_OID);
        if (lg_der_next_is(&e, LG_DER_BOOLEAN)) {
            lg_span_t b = lg_der_expect(&e, LG_DER_BOOLEAN);
            LG_CHECK(b.len == 1 && b.p[0] == 0, LG_E(RANGE));
        }
        LG_CHECK(!e.failed, LG_E(FORMAT));
    }
    LG_CHECK(!c.failed, LG_E(FORMAT));
    return LG_OK;
}

/* tagged_exts reads an optional "[tag] EXPLICIT Extensions" at the end of a sequence. */
static lg_err_t tagged_exts(struct lg_cur *c, uint8_t tag)
{
    if (lg_der_next_is(c, tag)) {
        struct lg_cur in = lg_cur(lg_der_expect(c, tag));
        LG_TRY(none_critical(lg_der_expect(&in, LG_DER_SEQUENCE)));
        LG_CHECK(!in.failed && lg_cur_left(&in) == 0, LG_E(FORMAT));
    }
    LG_CHECK(!c->failed && lg_cur_left(c) == 0, LG_E(FORMAT));
    return LG_OK;
}

static lg_err_t parse_tbs(lg_span_t body, struct lg_ocsp_head *h)
{
    struct lg_cur tbs = lg_cur(body);
    struct lg_der d;
    if (lg_der_next_is(&tbs, 0xa0))
        lg_der_expect(&tbs, 0xa0); /* version */
    LG_CHECK(lg_der_next(&tbs, &d), LG_E(FORMAT));
    struct lg_cur by = lg_cur(d.body);
    if (d.tag == 0xa1) {
        LG_CHECK(lg_der_next(&by, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
        h->by_name = d.whole;
    } else {
        LG_CHECK(d.tag == 0xa2, LG_E(FORMAT));
        h->by_key = lg_der_expect(&by, LG_DER_OCTET_STRING);
        LG_CHECK(h->by_key.len == 20, LG_E(FORMAT));
    }
    LG_CHECK(!by.failed && lg_cur_left(&by) == 0, LG_E(FORMAT));
    lg_der_expect(&tbs, LG_DER_GENERALIZED_TIME); /* producedAt */
    h->responses = lg_der_expect(&tbs, LG_DER_SEQUENCE);
    return tagged_exts(&tbs, 0xa1);
}

static lg_err_t parse_basic(lg_span_t der, struct lg_ocsp_head *h)
{
    struct lg_cur top = lg_cur(der);
    struct lg_cur basic = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    struct lg_der tbs;
    LG_CHECK(!top.failed && lg_cur_left(&top) == 0, LG_E(FORMAT));
    LG_CHECK(lg_der_next(&basic, &tbs) && tbs.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    h->tbs = tbs.whole;
    struct lg_cur alg = lg_cur(lg_der_expect(&basic, LG_DER_SEQUENCE));
    h->sig_alg = lg_der_expect(&alg, LG_DER_OID);
    h->sig_params = lg_cur_bytes(&alg, lg_cur_left(&alg));
    lg_span_t bits = lg_der_expect(&basic, LG_DER_BIT_STRING);
    LG_CHECK(!alg.failed && bits.len > 1 && bits.p[0] == 0, LG_E(FORMAT));
    h->sig = lg_span(bits.p + 1, bits.len - 1);
    if (lg_der_next_is(&basic, 0xa0)) {
        struct lg_cur certs = lg_cur(lg_der_expect(&basic, 0xa0));
        h->certs = lg_der_expect(&certs, LG_DER_SEQUENCE);
        LG_CHECK(!certs.failed && lg_cur_left(&certs) == 0, LG_E(FORMAT));
    }
    LG_CHECK(!basic.failed && lg_cur_left(&basic) == 0, LG_E(FORMAT));
    return parse_tbs(tbs.body, h);
}

lg_err_t lg_ocsp_parse(lg_span_t der, struct lg_ocsp_head *out)
{
    enum { ENUMERATED = 0x0a };
    struct lg_ocsp_head h = {0};
    struct lg_cur top = lg_cur(der);
    struct lg_cur resp = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    lg_span_t status = lg_der_expect(&resp, ENUMERATED);
    LG_CHECK(!top.failed && lg_cur_left(&top) == 0 && status.len == 1, LG_E(FORMAT));
    LG_CHECK(status.p[0] == 0, LG_E(AGAIN));
    struct lg_cur tagged = lg_cur(lg_der_expect(&resp, 0xa0));
    struct lg_cur bytes = lg_cur(lg_der_expect(&tagged, LG_DER_SEQUENCE));
    lg_span_t type = lg_der_expect(&bytes, LG_DER_OID);
    lg_span_t basic = lg_der_expect(&bytes, LG_DER_OCTET_STRING);
    LG_CHECK(!resp.failed && !tagged.failed && !bytes.failed && lg_cur_left(&resp) == 0 &&
                 lg_cur_left(&tagged) == 0 && lg_cur_left(&bytes) == 0 &&
                 lg_span_eq(type, lg_span(oid_basic, sizeof oid_basic)),
             LG_E(FORMAT));
    LG_TRY(parse_basic(basic, &h));
    *out = h;
    return LG_OK;
}

static bool speaks_of(lg_span_t cert_id, const struct lg_ocsp_id *id)
{
    struct lg_cur c = lg_cur(cert_id);
    struct lg_cur alg = lg_cur(lg_der_expect(&c, LG_DER_SEQUENCE));
    lg_span_t oid = lg_der_expect(&alg, LG_DER_OID);
    lg_span_t name = lg_der_expect(&c, LG_DER_OCTET_STRING);
    lg_span_t key = lg_der_expect(&c, LG_DER_OCTET_STRING);
    lg_span_t serial = lg_der_uint(lg_der_expect(&c, LG_DER_INTEGER));
    if (c.failed || alg.failed || lg_cur_left(&c) ||
        !lg_span_eq(serial, lg_span(id->serial, id->serial_sz)))
        return false;
    if (lg_span_eq(oid, lg_span(oid_sha1, sizeof oid_sha1)))
        return lg_span_eq(name, lg_span(id->name_sha1, sizeof id->name_sha1)) &&
               lg_span_eq(key, lg_span(id->key_sha1, sizeof id->key_sha1));
    return lg_span_eq(oid, lg_span(oid_sha256, sizeof oid_sha256)) &&
           lg_span_eq(name, lg_span(id->name_sha256, sizeof id->name_sha256)) &&
           lg_span_eq(key, lg_span(id->key_sha256, sizeof id->key_sha256));
}

/* parse_single reads what follows the CertID. */
static lg_err_t parse_single(struct lg_cur *c, struct lg_ocsp_single *out)
{
    struct lg_ocsp_single s = {.next_update_s = INT64_MAX};
    struct lg_der d;
    LG_CHECK(lg_der_next(c, &d), LG_E(FORMAT));
    switch (d.tag) {
    case 0x80:
        s.status = LG_OCSP_GOOD;
        break;
    case 0xa1: /* since when and why does not matter to us */
        s.status = LG_OCSP_REVOKED;
        break;
    case 0x82:
        s.status = LG_OCSP_UNKNOWN;
        break;
    default:
        return LG_E(FORMAT);
    }
    LG_CHECK(lg_der_next(c, &d) && d.tag == LG_DER_GENERALIZED_TIME &&
                 lg_der_time(&d, &s.this_update_s),
             LG_E(FORMAT));
    if (lg_der_next_is(c, 0xa0)) {
        struct lg_cur next = lg_cur(lg_der_expect(c, 0xa0));
        LG_CHECK(lg_der_next(&next, &d) && d.tag == LG_DER_GENERALIZED_TIME &&
                     lg_der_time(&d, &s.next_update_s) && lg_cur_left(&next) == 0,
                 LG_E(FORMAT));
    }
    LG_TRY(tagged_exts(c, 0xa1));
    *out = s;
    return LG_OK;
}

lg_err_t lg_ocsp_find(const struct lg_ocsp_head *h, const struct lg_ocsp_id *id,
                      struct lg_ocsp_single *out)
{
    struct lg_cur list = lg_cur(h->responses);
    struct lg_der d;
    while (lg_der_next(&list, &d)) {
        struct lg_cur c = lg_cur(d.body);
        lg_span_t cert_id = lg_der_expect(&c, LG_DER_SEQUENCE);
        LG_CHECK(d.tag == LG_DER_SEQUENCE && !c.failed, LG_E(FORMAT));
        if (speaks_of(cert_id, id))
            return parse_single(&c, out);
    }
    return list.failed ? LG_E(FORMAT) : LG_E(RANGE);
}
