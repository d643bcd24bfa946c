/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x509.h: the few fields of certificates and revocation lists that Lockgate reads by itself, from
 * DER, as borrowed spans. It verifies nothing: signatures, dates of certificates and extensions
 * are wolfSSL's business (auth_wolf.c).
 *
 * A struct lg_crl is one revocation list, compiled for lookups: issuer and sorted serial numbers,
 * made once by the control thread and read by every worker.
 * RFC 5280 4.1, 5.1 */
#ifndef LG_X509_H
#define LG_X509_H

#include "base.h"
#include "err.h"
#include "span.h"

#define LG_SERIAL_MAX_SZ 32 /* RFC 5280 allows 20; some authorities exceed it */

/* One tag-length-value. */
struct lg_der {
    uint8_t tag;
    lg_span_t body;
    lg_span_t whole; /* with tag and length */
};

enum {
    LG_DER_BOOLEAN = 0x01,
    LG_DER_INTEGER = 0x02,
    LG_DER_BIT_STRING = 0x03,
    LG_DER_OCTET_STRING = 0x04,
    LG_DER_OID = 0x06,
    LG_DER_UTC_TIME = 0x17,
    LG_DER_GENERALIZED_TIME = 0x18,
    LG_DER_SEQUENCE = 0x30,
    LG_DER_SET = 0x31,
};

/* lg_der_next reads one element: definite lengths of up to four bytes, one-byte tags.
 *   Returns  false at the end or on a malformed element (then c->failed). Thread any, pure. */
bool lg_der_next(struct lg_cur *c, struct lg_der *out);
/* lg_der_time turns UTCTime or GeneralizedTime into seconds since 1970; false: malformed. */
bool lg_der_time(const struct lg_der *d, int64_t *out_s);

struct lg_x509 {
    lg_span_t serial;                  /* of the INTEGER, leading zero bytes cut */
    lg_span_t issuer;                  /* DER of the name */
    lg_span_t subject;                 /* DER of the name */
    int64_t not_before_s, not_after_s; /* since 1970 */
    lg_span_t sig_alg;                 /* OID of the signature algorithm */
};

/* lg_x509_parse: out borrows from der. LG_E(FORMAT) when malformed. Thread any, pure. */
LG_MUST lg_err_t lg_x509_parse(lg_span_t der, struct lg_x509 *out);

struct lg_serial {
    uint8_t len;
    uint8_t b[LG_SERIAL_MAX_SZ];
};

struct lg_crl {
    uint8_t *issuer; /* owns: DER of the name */
    size_t issuer_sz;
    int64_t this_update_s;
    int64_t next_update_s; /* INT64_MAX: none */
    uint32_t serial_cnt;
    struct lg_serial *serials; /* owns: sorted by length, then bytes */
};

/* lg_crl_parse compiles a list; its signature has been or will be checked by the caller.
 *   out      written on LG_OK; lg_crl_fini frees it
 *   Returns  LG_E(FORMAT) malformed; LG_E(RANGE) a critical extension that we do not know (delta or
 *            indirect lists, partial scopes); LG_E(NOMEM)
 *   Thread   control */
LG_MUST lg_err_t lg_crl_parse(lg_span_t der, struct lg_crl *out);
void lg_crl_fini(struct lg_crl *crl);
/* lg_crl_has: is this serial number on the list? Thread any. Cost O(log n). */
bool lg_crl_has(const struct lg_crl *crl, lg_span_t serial);

#endif
