/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsp.h: asking whether a certificate is revoked, and reading the answer: DER both ways. It
 * fetches nothing (control/ocsp.c does); lg_ocsp_judge alone verifies.
 *
 * One question asks about one certificate. Answers may speak of several; the one asked for counts.
 * Not supported, and refused: critical extensions (none is defined that changes what an answer
 * means), responders whose certificate is not the issuer's own or issued by it.
 * RFC 6960, 5019 */
#ifndef LG_OCSP_H
#define LG_OCSP_H

#include "base.h"
#include "crl.h"
#include "err.h"
#include "span.h"

#define LG_OCSP_REQ_MAX_SZ 128         /* bytes of a question */
#define LG_OCSP_RESP_MAX_SZ (16 << 10) /* bytes of an answer that we read */
#define LG_OCSP_SKEW_S 300             /* how far the responder's clock may be ahead of ours */

/* Names a certificate: its issuer's name and key, hashed, and its number. */
struct lg_ocsp_id {
    uint8_t name_sha1[20], key_sha1[20]; /* what we ask with */
    uint8_t name_sha256[32], key_sha256[32];
    uint8_t serial[LG_SERIAL_MAX_SZ]; /* without leading zero bytes */
    uint32_t serial_sz;
};

enum lg_ocsp_status { LG_OCSP_GOOD, LG_OCSP_REVOKED, LG_OCSP_UNKNOWN };

/* An answer as it stands; spans borrow from the DER. */
struct lg_ocsp_head {
    lg_span_t tbs;       /* what is signed, with tag and length */
    lg_span_t by_name;   /* DER of the responder's name; empty: by its key */
    lg_span_t by_key;    /* SHA-1 of the responder's key */
    lg_span_t responses; /* single answers, one after another */
    lg_span_t sig_alg;   /* OID */
    lg_span_t sig_params;
    lg_span_t sig;
    lg_span_t certs; /* certificates, one after another; may be empty */
};

struct lg_ocsp_single {
    enum lg_ocsp_status status;
    int64_t this_update_s;
    int64_t next_update_s; /* INT64_MAX: none */
};

/* lg_ocsp_request writes the question.
 *   Returns  bytes of out used; 0: the number is longer than any can be
 *   Thread   any, pure. RFC 6960 4.1 */
uint32_t lg_ocsp_request(const struct lg_ocsp_id *id, uint8_t out[LG_OCSP_REQ_MAX_SZ]);
/* lg_ocsp_parse reads an answer's frame.
 *   Returns  LG_E(FORMAT) malformed; LG_E(AGAIN) the responder says it has none (try later, not
 *            authorised, ...); LG_E(RANGE) a critical extension
 *   Thread   any, pure. RFC 6960 4.2 */
LG_MUST lg_err_t lg_ocsp_parse(lg_span_t der, struct lg_ocsp_head *out);
/* lg_ocsp_find gives what the answer says of one certificate.
 *   Returns  LG_E(FORMAT) malformed; LG_E(RANGE) it does not speak of it, or says so critically
 *   Thread   any, pure. Cost O(bytes) */
LG_MUST lg_err_t lg_ocsp_find(const struct lg_ocsp_head *h, const struct lg_ocsp_id *id,
                              struct lg_ocsp_single *out);

/* lg_ocsp_id_make: for a certificate and that of its issuer, both DER; lg_ocsp_id_of: for a serial
 * number instead. LG_E(FORMAT): malformed. Thread control. */
LG_MUST lg_err_t lg_ocsp_id_of(lg_span_t serial, lg_span_t issuer, struct lg_ocsp_id *out);
LG_MUST lg_err_t lg_ocsp_id_make(lg_span_t cert, lg_span_t issuer, struct lg_ocsp_id *out);
/* lg_ocsp_judge says whether an answer can be believed, and what it says.
 *   issuer   DER of the certificate of who issued the one asked about
 *   why      words when it is not LG_OK; static
 *   Returns  LG_OK and *out; LG_E(FORMAT), LG_E(RANGE), LG_E(AGAIN) as above; LG_E(RANGE) also when
 *            it is not from who may give it, LG_E(AGAIN) when it is of the future or past its
 *            nextUpdate
 *   Thread   control. RFC 6960 3.2, 4.2.2.2 */
LG_MUST lg_err_t lg_ocsp_judge(lg_span_t der, const struct lg_ocsp_id *id, lg_span_t issuer,
                               int64_t now_s, struct lg_ocsp_single *out, const char **why);

#endif
