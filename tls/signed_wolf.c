/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* signed_wolf.c: is this list or answer signed by the key of that certificate? What must be true of
 * the certificate is the caller's business. */
#include "wolf_priv.h"

/* Signature algorithms, by the body of their OID, as wolfSSL numbers them. SHA-1 is not here. */
static uint32_t sig_oid(lg_span_t oid)
{
    static const struct {
        uint8_t len, oid[9];
        uint32_t wolf;
    } known[] = {
        {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11}, CTC_SHA256wRSA},
        {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12}, CTC_SHA384wRSA},
        {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13}, CTC_SHA512wRSA},
        {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10}, CTC_RSASSAPSS},
        {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, CTC_SHA256wECDSA},
        {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3}, CTC_SHA384wECDSA},
        {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4}, CTC_SHA512wECDSA},
        {3, {0x2b, 0x65, 0x70}, CTC_ED25519},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(known); i++)
        if (lg_span_eq(oid, lg_span(known[i].oid, known[i].len)))
            return known[i].wolf;
    return 0;
}

bool lg_signed_is_known(lg_span_t alg)
{
    return sig_oid(alg) != 0;
}

bool lg_signed_by(const struct lg_signed *s, lg_span_t cert)
{
    DecodedCert d;
    SignatureCtx sig;
    uint32_t oid = sig_oid(s->alg);
    bool ok = false;
    InitDecodedCert(&d, cert.p, (word32)cert.len, NULL);
    if (oid != 0 && ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) == 0) {
        Signer by = {.publicKey = d.publicKey,
                     .pubKeySize = d.pubKeySize,
                     .keyOID = d.keyOID,
                     .keyUsage = d.extKeyUsageSet ? d.extKeyUsage : 0xffff};
        if (!s->needs_crl_sign)
            by.keyUsage |= KEYUSE_CRL_SIGN;
        ok = VerifyCRL_Signature(&sig, s->tbs.p, (word32)s->tbs.len, s->sig.p, (word32)s->sig.len,
                                 oid, s->params.p, (int)s->params.len, &by, NULL) == 0;
    }
    FreeDecodedCert(&d);
    return ok;
}
