/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (building a table uses the heap; the rest is pure) */
/* crl.c: reading revocation lists, and the table of serial numbers. */
#include "crl.h"

#include "x509.h"

#include <stdlib.h>

/* An extension of a list or of an entry that is critical and not one of these changes what the
 * list means: cRLNumber 20 and authorityKeyIdentifier 35 (never critical), reasonCode 21,
 * invalidityDate 24 of id-ce (2.5.29). */
static bool exts_known(lg_span_t exts)
{
    struct lg_cur c = lg_cur(exts);
    struct lg_der ext;
    while (lg_der_next(&c, &ext)) {
        struct lg_cur e = lg_cur(ext.body);
        lg_span_t oid = lg_der_expect(&e, LG_DER_OID);
        bool critical = false;
        if (lg_der_next_is(&e, LG_DER_BOOLEAN)) {
            lg_span_t b = lg_der_expect(&e, LG_DER_BOOLEAN);
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

static lg_err_t parse_tbs(lg_span_t body, lg_span_t *inner_alg, struct lg_crl_head *h)
{
    struct lg_cur tbs = lg_cur(body);
    struct lg_der d;
    if (lg_der_next_is(&tbs, LG_DER_INTEGER))
        lg_der_expect(&tbs, LG_DER_INTEGER); /* version */
    *inner_alg = lg_der_expect(&tbs, LG_DER_SEQUENCE);
    LG_CHECK(lg_der_next(&tbs, &d) && d.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    h->issuer = d.whole;
    LG_CHECK(lg_der_next(&tbs, &d) && lg_der_time(&d, &h->this_update_s), LG_E(FORMAT));
    h->next_update_s = INT64_MAX;
    if (lg_der_next_is(&tbs, LG_DER_UTC_TIME) || lg_der_next_is(&tbs, LG_DER_GENERALIZED_TIME))
        LG_CHECK(lg_der_next(&tbs, &d) && lg_der_time(&d, &h->next_update_s), LG_E(FORMAT));
    if (lg_der_next_is(&tbs, LG_DER_SEQUENCE))
        h->revoked = lg_der_expect(&tbs, LG_DER_SEQUENCE);
    if (lg_der_next_is(&tbs, 0xa0)) {
        struct lg_cur exts = lg_cur(lg_der_expect(&tbs, 0xa0));
        LG_CHECK(exts_known(lg_der_expect(&exts, LG_DER_SEQUENCE)), LG_E(RANGE));
    }
    LG_CHECK(!tbs.failed && lg_cur_left(&tbs) == 0, LG_E(FORMAT));
    return LG_OK;
}

lg_err_t lg_crl_parse(lg_span_t der, struct lg_crl_head *out)
{
    struct lg_crl_head h = {0};
    struct lg_cur top = lg_cur(der);
    struct lg_cur list = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    struct lg_der tbs;
    lg_span_t inner_alg;
    LG_CHECK(!top.failed && lg_cur_left(&top) == 0, LG_E(FORMAT));
    LG_CHECK(lg_der_next(&list, &tbs) && tbs.tag == LG_DER_SEQUENCE, LG_E(FORMAT));
    h.tbs = tbs.whole;
    lg_span_t outer_alg = lg_der_expect(&list, LG_DER_SEQUENCE);
    lg_span_t bits = lg_der_expect(&list, LG_DER_BIT_STRING);
    LG_CHECK(!list.failed && lg_cur_left(&list) == 0, LG_E(FORMAT));
    LG_CHECK(bits.len > 1 && bits.p[0] == 0, LG_E(FORMAT));
    h.sig = lg_span(bits.p + 1, bits.len - 1);
    struct lg_cur alg = lg_cur(outer_alg);
    h.sig_alg = lg_der_expect(&alg, LG_DER_OID);
    h.sig_params = lg_cur_bytes(&alg, lg_cur_left(&alg));
    LG_CHECK(!alg.failed, LG_E(FORMAT));
    LG_TRY(parse_tbs(tbs.body, &inner_alg, &h));
    /*= https://www.rfc-editor.org/rfc/rfc5280#section-5.1.1.2
     *# This field MUST contain the same algorithm identifier as the signature field in the
     *# sequence tbsCertList (Section 5.1.2.2). */
    LG_CHECK(lg_span_eq(inner_alg, outer_alg), LG_E(FORMAT));
    *out = h;
    return LG_OK;
}

/* next_serial reads one entry.
 *   Returns  LG_E(AGAIN) at the end of the list */
static lg_err_t next_serial(struct lg_cur *c, lg_span_t *out)
{
    struct lg_der d, when;
    if (!lg_der_next(c, &d)) {
        LG_CHECK(!c->failed, LG_E(FORMAT));
        return LG_E(AGAIN);
    }
    struct lg_cur entry = lg_cur(d.body);
    lg_span_t serial = lg_der_expect(&entry, LG_DER_INTEGER);
    LG_CHECK(d.tag == LG_DER_SEQUENCE && !entry.failed && lg_der_next(&entry, &when), LG_E(FORMAT));
    serial = lg_der_uint(serial);
    LG_CHECK(serial.len > 0 && serial.len <= LG_SERIAL_MAX_SZ, LG_E(FORMAT));
    if (lg_cur_left(&entry))
        LG_CHECK(exts_known(lg_der_expect(&entry, LG_DER_SEQUENCE)), LG_E(RANGE));
    *out = serial;
    return LG_OK;
}

static int key_cmp(const void *a, const void *b, void *len)
{
    return memcmp(a, b, *(const size_t *)len);
}

/* fill puts each number behind the others of its length. */
static void fill(lg_span_t revoked, struct lg_crl_table *t)
{
    struct lg_cur c = lg_cur(revoked);
    size_t at[LG_SERIAL_MAX_SZ + 1];
    lg_span_t serial;
    memcpy(at, t->off, sizeof at);
    while (lg_is_ok(next_serial(&c, &serial))) {
        memcpy(t->keys + at[serial.len], serial.p, serial.len);
        at[serial.len] += serial.len;
    }
    for (size_t len = 1; len <= LG_SERIAL_MAX_SZ; len++)
        if (t->len_cnt[len] > 1)
            qsort_r(t->keys + t->off[len], t->len_cnt[len], len, key_cmp, &len);
}

lg_err_t lg_crl_table_build(lg_span_t revoked, struct lg_crl_table *out)
{
    struct lg_crl_table t = {0};
    struct lg_cur c = lg_cur(revoked);
    lg_span_t serial;
    lg_err_t e;
    while (lg_is_ok(e = next_serial(&c, &serial))) {
        t.len_cnt[serial.len]++;
        t.cnt++;
    }
    LG_CHECK(lg_err_is(e, LG_ERR_AGAIN), e);
    for (size_t len = 1; len <= LG_SERIAL_MAX_SZ; len++) {
        t.off[len] = t.sz;
        t.sz += len * t.len_cnt[len];
    }
    t.keys = malloc(t.sz + 1);
    LG_CHECK(t.keys, LG_E(NOMEM));
    fill(revoked, &t);
    *out = t;
    return LG_OK;
}

void lg_crl_table_fini(struct lg_crl_table *t)
{
    free(t->keys);
    *t = (struct lg_crl_table){0};
}

bool lg_crl_table_has(const struct lg_crl_table *t, lg_span_t serial)
{
    if (serial.len > 0)
        serial = lg_der_uint(serial);
    if (serial.len > LG_SERIAL_MAX_SZ)
        return true; /* longer than any we can list: never taken for good */
    size_t lo = 0, hi = serial.len ? t->len_cnt[serial.len] : 0;
    const uint8_t *keys = t->keys + (serial.len ? t->off[serial.len] : 0);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int cmp = memcmp(keys + mid * serial.len, serial.p, serial.len);
        if (cmp == 0)
            return true;
        if (cmp < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}
