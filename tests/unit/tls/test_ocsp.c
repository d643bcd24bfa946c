/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP answers: what is asked, which answers are believed, and what they say. Questions are read,
 * and answers made, by libcrypto. */
#include "ocsp.h"
#include "rig.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <time.h>

struct about {
    struct lg_ocsp_id id;
    uint8_t *issuer; /* owns */
    size_t issuer_sz;
};

static void about_init(struct about *a, const char *cert, const char *issuer)
{
    unsigned char *der;
    size_t sz = pki_der(cert, &der);
    uint8_t *leaf = malloc(sz);
    memcpy(leaf, der, sz);
    a->issuer_sz = pki_der(issuer, &der);
    a->issuer = malloc(a->issuer_sz);
    memcpy(a->issuer, der, a->issuer_sz);
    EXPECT(lg_is_ok(lg_ocsp_id_make(lg_span(leaf, sz), lg_span(a->issuer, a->issuer_sz), &a->id)));
    free(leaf);
}

static struct pki_ocsp good(void)
{
    return (struct pki_ocsp){.cert = "stapled",
                             .issuer = "srvca",
                             .status = V_OCSP_CERTSTATUS_GOOD,
                             .this_s = -60,
                             .next_s = 3600};
}

/* judge: what we make of an answer to a question about "stapled". */
static lg_err_t judge(const struct pki_ocsp *o, struct lg_ocsp_single *out, const char **why)
{
    struct about a;
    unsigned char *der;
    rig_once();
    about_init(&a, "stapled", "srvca");
    size_t sz = pki_ocsp(o, &der);
    lg_err_t e = lg_ocsp_judge(lg_span(der, sz), &a.id, lg_span(a.issuer, a.issuer_sz),
                               (int64_t)time(NULL), out, why);
    free(a.issuer);
    return e;
}

#define EXPECT_REFUSED(o, err, text)                                                               \
    do {                                                                                           \
        struct lg_ocsp_single s_;                                                                  \
        const char *why_ = "";                                                                     \
        EXPECT_ERR(judge(&(o), &s_, &why_), (err));                                                \
        EXPECT_STR(why_, (text));                                                                  \
    } while (0)

#define NOT_HIS "it is not signed by the issuer or by who may answer for it"

TEST(Ocsp, AsksWhatAResponderReads)
{
    struct about a;
    uint8_t q[LG_OCSP_REQ_MAX_SZ];
    about_init(&a, "stapled", "srvca");
    uint32_t sz = lg_ocsp_request(&a.id, q);
    const unsigned char *p = q;
    OCSP_REQUEST *req = d2i_OCSP_REQUEST(NULL, &p, (long)sz);
    REQUIRE(req);
    EXPECT_EQ(p - q, (long)sz);
    EXPECT_EQ(OCSP_request_onereq_count(req), 1);
    OCSP_CERTID *want =
        OCSP_cert_to_id(EVP_sha1(), pki_get("stapled")->x509, pki_get("srvca")->x509);
    EXPECT_EQ(OCSP_id_cmp(want, OCSP_onereq_get0_id(OCSP_request_onereq_get0(req, 0))), 0);
    OCSP_CERTID_free(want);
    OCSP_REQUEST_free(req);
    /* A number whose first bit is set is not a negative one; the longest number fits. */
    memset(a.id.serial, 0xff, sizeof a.id.serial);
    for (a.id.serial_sz = 1; a.id.serial_sz <= LG_SERIAL_MAX_SZ; a.id.serial_sz++) {
        sz = lg_ocsp_request(&a.id, q);
        p = q;
        req = d2i_OCSP_REQUEST(NULL, &p, (long)sz);
        REQUIRE(req && p - q == (long)sz);
        ASN1_INTEGER *n = NULL;
        OCSP_id_get0_info(NULL, NULL, NULL, &n,
                          OCSP_onereq_get0_id(OCSP_request_onereq_get0(req, 0)));
        EXPECT_EQ(ASN1_STRING_length(n), (int)a.id.serial_sz);
        EXPECT_EQ(ASN1_STRING_type(n), V_ASN1_INTEGER);
        OCSP_REQUEST_free(req);
    }
    EXPECT_EQ(lg_ocsp_request(&a.id, q), 0);
    free(a.issuer);
}

TEST(Ocsp, BelievesTheIssuerAndWhomItHasAppointed)
{
    struct lg_ocsp_single s;
    const char *why;
    int64_t now_s = (int64_t)time(NULL);
    struct pki_ocsp o = good();
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    EXPECT_EQ(s.status, LG_OCSP_GOOD);
    EXPECT(s.this_update_s <= now_s - 59 && s.this_update_s >= now_s - 62);
    EXPECT(s.next_update_s >= now_s + 3598 && s.next_update_s <= now_s + 3602);
    o.no_certs = o.by_key = true;
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    o = good();
    o.signer = "ocspok";
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    o.by_key = true;
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    o = good();
    o.sha256 = true;
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    o.other = "ecdsa"; /* answers may speak of several */
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
}

TEST(Ocsp, BelievesNobodyElse)
{
    struct pki_ocsp o = good();
    o.signer = "ocspno"; /* of the issuer, but not appointed */
    EXPECT_REFUSED(o, LG_E(RANGE), NOT_HIS);
    o.signer = "ocspalien";
    EXPECT_REFUSED(o, LG_E(RANGE), NOT_HIS);
    o.signer = "ocspold";
    EXPECT_REFUSED(o, LG_E(RANGE), NOT_HIS);
    o.signer = "stapled"; /* about itself */
    EXPECT_REFUSED(o, LG_E(RANGE), NOT_HIS);
    o.signer = "ocspok";
    o.no_certs = true; /* whose key is it? */
    EXPECT_REFUSED(o, LG_E(RANGE), NOT_HIS);
}

TEST(Ocsp, TellsRevokedAndUnknown)
{
    struct lg_ocsp_single s;
    const char *why;
    struct pki_ocsp o = good();
    o.status = V_OCSP_CERTSTATUS_REVOKED;
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    EXPECT_EQ(s.status, LG_OCSP_REVOKED);
    o.status = V_OCSP_CERTSTATUS_UNKNOWN;
    o.next_s = 0;
    EXPECT(lg_is_ok(judge(&o, &s, &why)));
    EXPECT_EQ(s.status, LG_OCSP_UNKNOWN);
    EXPECT_EQ(s.next_update_s, INT64_MAX);
}

TEST(Ocsp, RefusesAnswersOfAnotherTimeOrAboutAnother)
{
    struct pki_ocsp o = good();
    o.this_s = -7200;
    o.next_s = -10;
    EXPECT_REFUSED(o, LG_E(AGAIN), "it is past its nextUpdate");
    o = good();
    o.this_s = LG_OCSP_SKEW_S + 60;
    EXPECT_REFUSED(o, LG_E(AGAIN), "it is from the future: is the clock right?");
    o = good();
    o.cert = "ecdsa";
    EXPECT_REFUSED(o, LG_E(RANGE), "it does not speak of this certificate");
    o = good();
    o.issuer = "other"; /* the same number, of another issuer */
    EXPECT_REFUSED(o, LG_E(RANGE), "it does not speak of this certificate");
}

TEST(Ocsp, TellsAResponderThatHasNoAnswer)
{
    struct lg_ocsp_head h;
    const uint8_t try_later[] = {0x30, 3, 0x0a, 1, 3};
    EXPECT_ERR(lg_ocsp_parse(lg_span(try_later, sizeof try_later), &h), LG_E(AGAIN));
}

TEST(Ocsp, RefusesEachCutAndEachFlippedByte)
{
    struct about a;
    struct lg_ocsp_single s;
    struct pki_ocsp o = good();
    unsigned char *der;
    const char *why;
    rig_once();
    about_init(&a, "stapled", "srvca");
    o.signer = "ocspok";
    size_t sz = pki_ocsp(&o, &der);
    lg_span_t issuer = lg_span(a.issuer, a.issuer_sz);
    int64_t now_s = (int64_t)time(NULL);
    for (size_t cut = 0; cut < sz; cut++)
        EXPECT(!lg_is_ok(lg_ocsp_judge(lg_span(der, cut), &a.id, issuer, now_s, &s, &why)));
    for (size_t i = 0; i < sz; i++) {
        der[i] ^= 0x20;
        lg_err_t e = lg_ocsp_judge(lg_span(der, sz), &a.id, issuer, now_s, &s, &why);
        EXPECT(!lg_is_ok(e) || s.status == LG_OCSP_GOOD); /* some bytes say nothing */
        der[i] ^= 0x20;
    }
    EXPECT(lg_is_ok(lg_ocsp_judge(lg_span(der, sz), &a.id, issuer, now_s, &s, &why)));
    free(a.issuer);
}
