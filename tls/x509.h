/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x509.h: walking DER, and the few fields of certificates that Lockgate reads by itself, as
 * borrowed spans. It verifies nothing: signatures, dates and what extensions mean are auth_wolf.c's
 * and wolfSSL's business; revocation lists are crl.h's. RFC 5280 4.1 */
#ifndef LG_X509_H
#define LG_X509_H

#include "base.h"
#include "err.h"
#include "span.h"

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
/* lg_der_expect reads one element of this tag and gives its body; on anything else the cursor
 * fails. lg_der_next_is looks at the next tag without reading. */
lg_span_t lg_der_expect(struct lg_cur *c, uint8_t tag);
bool lg_der_next_is(const struct lg_cur *c, uint8_t tag);
/* lg_der_uint cuts the leading zero bytes of an INTEGER's body; one byte always stays. */
lg_span_t lg_der_uint(lg_span_t body);
/* lg_der_time turns UTCTime or GeneralizedTime into seconds since 1970; false: malformed. */
bool lg_der_time(const struct lg_der *d, int64_t *out_s);

struct lg_x509 {
    lg_span_t serial;                  /* of the INTEGER, leading zero bytes cut */
    lg_span_t issuer;                  /* DER of the name */
    lg_span_t subject;                 /* DER of the name */
    int64_t not_before_s, not_after_s; /* since 1970 */
    lg_span_t sig_alg;                 /* OID of the signature algorithm */
    lg_span_t spki;                    /* DER of the public key with its algorithm */
    lg_span_t exts;                    /* extensions, one after another; empty: none */
};

/* lg_x509_parse: out borrows from der. LG_E(FORMAT) when malformed. Thread any, pure. */
LG_MUST lg_err_t lg_x509_parse(lg_span_t der, struct lg_x509 *out);

/* lg_x509_key_bits: the key itself, without its algorithm; empty: malformed. Thread any, pure. */
lg_span_t lg_x509_key_bits(lg_span_t spki);
/* lg_x509_common_name gives the value of a name's one commonName; empty: it has none, several, or
 * one that is no string of bytes (UTF8, Printable, Teletex, IA5). Thread any, pure. */
lg_span_t lg_x509_common_name(lg_span_t name);
/* lg_x509_exts_ok: extensions are well-formed and none comes twice. Thread any, pure.
 *   Cost     O(n^2) in at most 64 extensions; more are not well-formed. RFC 5280 4.2 */
bool lg_x509_exts_ok(lg_span_t exts);
/* lg_x509_name_forms: which forms of names the subjectAltName holds, and which ones the
 * nameConstraints speak of; bit n for the GeneralName of tag n (1 rfc822, 2 DNS, 4 directory, 6
 * URI, 7 address). What cannot be read counts as all. Thread any, pure. RFC 5280 4.2.1.6, 4.2.1.10
 */
uint32_t lg_x509_name_forms(lg_span_t exts);
uint32_t lg_x509_limited_forms(lg_span_t exts);
/* lg_x509_ocsp_url: the first http(s) address at which the issuer answers OCSP questions; empty:
 * none. Printable ASCII without blanks. Thread any, pure. RFC 5280 4.2.2.1 */
lg_span_t lg_x509_ocsp_url(lg_span_t exts);
/* lg_x509_must_staple: servers must staple an OCSP answer to it (RFC 7633). Thread any, pure. */
bool lg_x509_must_staple(lg_span_t exts);

#endif
