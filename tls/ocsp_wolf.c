/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* ocsp_wolf.c: may an OCSP answer be believed? Who signed it, and is it of now? */
#include "ocsp.h"
#include "wolf_priv.h"

#include <wolfssl/wolfcrypt/sha.h>
#include <wolfssl/wolfcrypt/sha256.h>

#define CERT_CNT_MAX 8 /* certificates of an answer that are looked at */

static bool both_hashes(lg_span_t s, uint8_t sha1[20], uint8_t sha256[32])
{
    return wc_ShaHash(s.p, (word32)s.len, sha1) == 0 &&
           wc_Sha256Hash(s.p, (word32)s.len, sha256) == 0;
}

lg_err_t lg_ocsp_id_make(lg_span_t cert, lg_span_t issuer, struct lg_ocsp_id *out)
{
    struct lg_x509 c;
    LG_TRY(lg_x509_parse(cert, &c));
    return lg_ocsp_id_of(c.serial, issuer, out);
}

lg_err_t lg_ocsp_id_of(lg_span_t serial, lg_span_t issuer, struct lg_ocsp_id *out)
{
    struct lg_x509 i;
    LG_TRY(lg_x509_parse(issuer, &i));
    lg_span_t key = lg_x509_key_bits(i.spki);
    LG_CHECK(key.len > 0 && serial.len <= sizeof out->serial, LG_E(FORMAT));
    *out = (struct lg_ocsp_id){.serial_sz = (uint32_t)serial.len};
    memcpy(out->serial, serial.p, serial.len);
    LG_CHECK(both_hashes(i.subject, out->name_sha1, out->name_sha256) &&
                 both_hashes(key, out->key_sha1, out->key_sha256),
             LG_E(BUG));
    return LG_OK;
}

/* is_responder: does the answer name this certificate as its signer? */
static bool is_responder(const struct lg_ocsp_head *h, lg_span_t cert)
{
    struct lg_x509 x;
    uint8_t sha1[20];
    if (!lg_is_ok(lg_x509_parse(cert, &x)))
        return false;
    if (h->by_name.len)
        return lg_span_eq(h->by_name, x.subject);
    lg_span_t key = lg_x509_key_bits(x.spki);
    return key.len > 0 && wc_ShaHash(key.p, (word32)key.len, sha1) == 0 &&
           lg_span_eq(h->by_key, lg_span(sha1, sizeof sha1));
}

/* may_answer: delegated responders must be told so by their issuer. RFC 6960 4.2.2.2 */
static bool may_answer(lg_span_t cert, lg_span_t issuer)
{
    WOLFSSL_CERT_MANAGER *cm = wolfSSL_CertManagerNew();
    DecodedCert d;
    struct lg_x509 c, i;
    bool ok = cm && lg_is_ok(lg_x509_parse(cert, &c)) && lg_is_ok(lg_x509_parse(issuer, &i)) &&
              lg_span_eq(c.issuer, i.subject) && lg_x509_exts_ok(c.exts) &&
              lg_wolf_add_signer(cm, issuer, LG_WOLF_USER_CA) == 0;
    if (ok) {
        InitDecodedCert(&d, cert.p, (word32)cert.len, NULL);
        ok = ParseCert(&d, CERT_TYPE, VERIFY, cm) == 0 && d.extExtKeyUsageSet &&
             (d.extExtKeyUsage & EXTKEYUSE_OCSP_SIGN) != 0 && lg_auth_is_strong(&d);
        FreeDecodedCert(&d);
    }
    wolfSSL_CertManagerFree(cm);
    return ok;
}

static bool is_signed(const struct lg_ocsp_head *h, lg_span_t issuer)
{
    struct lg_signed s = {h->tbs, h->sig_alg, h->sig_params, h->sig};
    if (is_responder(h, issuer))
        return lg_signed_by(&s, issuer);
    struct lg_cur certs = lg_cur(h->certs);
    struct lg_der d;
    for (uint32_t i = 0; i < CERT_CNT_MAX && lg_der_next(&certs, &d); i++)
        if (is_responder(h, d.whole) && may_answer(d.whole, issuer) && lg_signed_by(&s, d.whole))
            return true;
    return false;
}

static lg_err_t no(const char **why, const char *text, lg_err_t e)
{
    *why = text;
    return e;
}

lg_err_t lg_ocsp_judge(lg_span_t der, const struct lg_ocsp_id *id, lg_span_t issuer, int64_t now_s,
                       struct lg_ocsp_single *out, const char **why)
{
    struct lg_ocsp_head h;
    struct lg_ocsp_single s;
    lg_err_t e = lg_ocsp_parse(der, &h);
    if (lg_err_is(e, LG_ERR_AGAIN))
        return no(why, "the responder has no answer", e);
    if (!lg_is_ok(e))
        return no(why, "it is no OCSP response, or a damaged one", e);
    e = lg_ocsp_find(&h, id, &s);
    if (!lg_is_ok(e))
        return no(why, "it does not speak of this certificate", e);
    if (!is_signed(&h, issuer))
        return no(why, "it is not signed by the issuer or by who may answer for it", LG_E(RANGE));
    if (s.this_update_s > now_s + LG_OCSP_SKEW_S)
        return no(why, "it is from the future: is the clock right?", LG_E(AGAIN));
    if (s.next_update_s <= now_s)
        return no(why, "it is past its nextUpdate", LG_E(AGAIN));
    *out = s;
    return LG_OK;
}
