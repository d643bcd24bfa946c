/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies that change while they serve: what a new one shares with the old, revoking by hand, and
 * what open connections are told. */
#include "cert_store.h"
#include "change.h"
#include "judge.h"
#include "rig.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

/* pem_of reads a file of the PKI. */
static lg_span_t pem_of(const char *path)
{
    static char text[2][16384];
    static int i;
    FILE *f = fopen(path, "r");
    i = !i;
    size_t n = f ? fread(text[i], 1, sizeof text[i] - 1, f) : 0;
    if (f)
        fclose(f);
    return lg_span(text[i], n);
}

static struct lg_revocation revocation_of(const char *cert)
{
    struct lg_revocation r = {0};
    if (!lg_is_ok(lg_tls_revocation_of(pem_of(pki_cert_file(cert)), lg_span(NULL, 0), &r)))
        t_fail(__FILE__, __LINE__, "no revocation of %s", cert);
    return r;
}

/* build_mutual begins a listener that checks clients against root. */
static bool build_mutual(struct rig *r, bool closes)
{
    rig_init(r, "ecdsa");
    rig_auth(r, LG_AUTH_REQUIRED, "root");
    r->listener.tls.close_revoked = closes;
    r->listener.tls.tickets = true;
    r->listener.tls.ticket_lifetime_ns = LG_SEC(3600);
    return rig_build(r);
}

/* ---------------------------------------------------------------- sharing */

TEST(Change, ASecondBuildOfTheSameFilesSharesWhatTheFirstMade)
{
    struct rig a, b;
    uint32_t certs = lg_certs.cnt, bundles = lg_bundles.cnt;
    REQUIRE(build_mutual(&a, false) && build_mutual(&b, false));
    EXPECT_EQ(lg_certs.cnt, certs + 1);
    EXPECT_EQ(lg_bundles.cnt, bundles + 1);
    EXPECT(a.policy->certs[0].ctxs == b.policy->certs[0].ctxs);
    EXPECT(lg_tls_policy_same(a.policy, b.policy));
    rig_fini(&a);
    rig_all(&b, 0, "good", NULL); /* what is left serves on */
    EXPECT(rig_is_open(&b));
    rig_fini(&b);
    EXPECT_EQ(lg_certs.cnt, certs);
    EXPECT_EQ(lg_bundles.cnt, bundles);
}

TEST(Change, WhatDiffersIsNotTheSame)
{
    struct rig a, b;
    REQUIRE(build_mutual(&a, false) && build_mutual(&b, true));
    EXPECT(!lg_tls_policy_same(a.policy, b.policy));
    rig_fini(&b);
    rig_init(&b, "ecdsa");
    rig_auth(&b, LG_AUTH_REQUIRED, "root,inter");
    REQUIRE(rig_build(&b));
    EXPECT(!lg_tls_policy_same(a.policy, b.policy));
    rig_fini(&b);
    rig_init(&b, "ecdsa,p384");
    rig_auth(&b, LG_AUTH_REQUIRED, "root");
    REQUIRE(rig_build(&b));
    EXPECT(!lg_tls_policy_same(a.policy, b.policy));
    /* Contexts know whether clients are asked: a one-way listener must not get these. */
    struct rig c;
    rig_init(&c, "ecdsa");
    REQUIRE(rig_build(&c));
    EXPECT(a.policy->certs[0].ctxs != c.policy->certs[0].ctxs);
    rig_fini(&c);
    rig_fini(&b);
    rig_fini(&a);
}

TEST(R09, AnExpiredCertificateIsSaidAtEachReloadAgain)
{
    struct rig a, b;
    rig_init(&a, "srvold");
    rig_init(&b, "srvold");
    REQUIRE(rig_build(&a) && rig_build(&b));
    EXPECT_EQ(a.diag.warn_cnt, 1);
    EXPECT_EQ(b.diag.warn_cnt, 1);
    rig_fini(&b);
    rig_fini(&a);
}

/* ---------------------------------------------------------------- the file of the revoked */

TEST(Revoked, LinesAreReadAndMistakesAreTold)
{
    static const char good[] =
        "# made by hand\n\n"
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 0a:0B\n"
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 0x00a0b # twice\r\n"
        "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100 00\n";
    struct lg_revoked *s;
    unsigned line;
    REQUIRE(lg_is_ok(lg_revoked_parse(LG_SPAN_STR(""), &s, &line)));
    EXPECT_EQ(s->cnt, 0);
    lg_revoked_give(s);
    REQUIRE(lg_is_ok(lg_revoked_parse(lg_span_cstr(good), &s, &line)));
    EXPECT_EQ(s->cnt, 2);
    static const uint8_t serial[] = {0, 0x0a, 0x0b}, zero[] = {0};
    uint64_t first = lg_issuer_id(s->one[0].issuer);
    uint64_t other = lg_issuer_id(s->one[1].issuer);
    EXPECT(lg_revoked_has(s, first, lg_span(serial, 3)));
    EXPECT(lg_revoked_has(s, first, lg_span(serial + 1, 2)));
    EXPECT(!lg_revoked_has(s, first, lg_span(serial + 1, 1)));
    EXPECT(!lg_revoked_has(s, other, lg_span(serial, 3)));
    EXPECT(lg_revoked_has(s, other, lg_span(zero, 1)));
    EXPECT(!lg_revoked_has(NULL, first, lg_span(serial, 3)));
    char text[LG_REVOKED_LINE_SZ];
    struct lg_revocation again;
    REQUIRE(
        lg_is_ok(lg_revocation_line(lg_span_cstr(lg_revocation_text(&s->one[0], text)), &again)));
    EXPECT(memcmp(&again, &s->one[0], sizeof again) == 0);
    lg_revoked_give(s);
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {{"# fine\nhello 12\n", 2},
               {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 1},
               {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 1g\n", 1},
               {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 1 2\n", 1},
               {"00112233445566778899aabbccddeeff00112233445566778899aabbccddee 1\n", 1}};
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        EXPECT_ERR(lg_revoked_parse(lg_span_cstr(bad[i].text), &s, &line), LG_E(FORMAT));
        EXPECT_EQ(line, bad[i].line);
    }
    char longer[200] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff ";
    memset(longer + 65, '1', 65);
    EXPECT_ERR(lg_revoked_parse(lg_span_cstr(longer), &s, &line), LG_E(RANGE));
}

TEST(Revoked, IsFoundAmongMany)
{
    struct lg_revoked *s = NULL;
    for (uint32_t i = 0; i < 300; i++) {
        struct lg_revocation r = {.issuer = {(uint8_t)(i % 3)}, .serial_sz = (uint8_t)(1 + i % 5)};
        struct lg_revoked *next;
        memset(r.serial, (int)(i * 7 % 251 + 1), r.serial_sz);
        REQUIRE(lg_is_ok(lg_revoked_with(s, &r, &next)));
        lg_revoked_give(s);
        s = next;
    }
    for (uint32_t i = 0; i < 300; i++) {
        uint8_t issuer[32] = {(uint8_t)(i % 3)}, serial[8];
        memset(serial, (int)(i * 7 % 251 + 1), sizeof serial);
        EXPECT(lg_revoked_has(s, lg_issuer_id(issuer), lg_span(serial, 1 + i % 5)));
        EXPECT(!lg_revoked_has(s, lg_issuer_id(issuer), lg_span(serial, 6)));
    }
    lg_revoked_give(s);
}

TEST(Revoked, IsToldByTheCertificateOrByItsCaAndSerial)
{
    struct lg_revocation by_cert = revocation_of("good"), by_ca = {0};
    char text[LG_REVOKED_LINE_SZ], *serial;
    lg_revocation_text(&by_cert, text);
    serial = strchr(text, ' ') + 1;
    REQUIRE(lg_is_ok(
        lg_tls_revocation_of(pem_of(pki_cert_file("root")), lg_span_cstr(serial), &by_ca)));
    EXPECT(memcmp(&by_cert, &by_ca, sizeof by_ca) == 0);
    EXPECT_ERR(lg_tls_revocation_of(LG_SPAN_STR("nothing"), lg_span(NULL, 0), &by_ca),
               LG_E(FORMAT));
    EXPECT_ERR(lg_tls_revocation_of(pem_of(pki_key_file("good")), lg_span(NULL, 0), &by_ca),
               LG_E(FORMAT));
    EXPECT_ERR(lg_tls_revocation_of(pem_of(pki_cert_file("root")), LG_SPAN_STR("xyz"), &by_ca),
               LG_E(FORMAT));
}

/* ---------------------------------------------------------------- R31 */

/* revoke makes the rig's policy one that refuses this certificate; the old one goes on until the
 * caller lets it go. */
static struct lg_tls_policy *revoke(struct rig *r, const char *cert)
{
    struct lg_tls_policy *old = r->policy;
    struct lg_revocation one = revocation_of(cert);
    struct lg_revoked *set;
    if (!lg_is_ok(lg_revoked_with(old->revoked, &one, &set)) ||
        !lg_is_ok(lg_tls_policy_revoked(old, set, &r->policy)))
        t_fail(__FILE__, __LINE__, "not revoked");
    lg_revoked_give(set);
    return old;
}

TEST(R31, WhoIsRevokedByHandIsRefusedFullAndResumed)
{
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (size_t i = 0; i < LG_ARRAY_CNT(versions); i++) {
        struct rig r;
        REQUIRE(build_mutual(&r, false));
        rig_all(&r, versions[i], "good", NULL);
        REQUIRE(rig_is_open(&r));
        rig_keep(&r);
        rig_close(&r);
        rig_all(&r, versions[i], "good", NULL);
        EXPECT(rig_is_open(&r));
        EXPECT(lg_tls_get_info(r.t)->resumed); /* the ticket is good, as long as he is */
        rig_keep(&r);
        rig_close(&r);
        struct lg_tls_policy *old = revoke(&r, "good");
        rig_all(&r, versions[i], "good", NULL);
        EXPECT(!rig_is_open(&r));
        EXPECT_EQ(r.alert, SSL_AD_CERTIFICATE_REVOKED);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_REVOKED);
        rig_close(&r);
        rig_all(&r, versions[i], "goodrsa", NULL); /* others are not concerned */
        EXPECT(rig_is_open(&r));
        lg_tls_policy_free(old);
        rig_fini(&r);
    }
}

/* open_one connects under a policy that closes who is revoked. */
static bool open_one(struct rig *r, const char *cert, const char *chain)
{
    return build_mutual(r, true) && (rig_all(r, 0, cert, chain), rig_is_open(r));
}

TEST(R31, AnOpenConnectionIsJudgedAgainAndToldWhy)
{
    struct rig r;
    REQUIRE(open_one(&r, "good", NULL));
    EXPECT_EQ(lg_tls_judge(r.t, r.policy), LG_TLS_R_NONE);
    struct lg_tls_policy *old = revoke(&r, "revoked");
    EXPECT_EQ(lg_tls_judge(r.t, r.policy), LG_TLS_R_NONE); /* somebody else */
    lg_tls_policy_free(r.policy);
    r.policy = old;
    old = revoke(&r, "good");
    EXPECT_EQ(lg_tls_judge(r.t, old), LG_TLS_R_NONE);
    EXPECT_EQ(lg_tls_judge(r.t, r.policy), LG_TLS_R_REVOKED);
    lg_tls_refuse(r.t, LG_TLS_R_REVOKED, &r.out, r.seg_sz);
    rig_pump(&r);
    char byte;
    EXPECT(SSL_read(r.ssl, &byte, 1) <= 0);
    EXPECT_EQ(r.alert, SSL_AD_CERTIFICATE_REVOKED);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
    rig_close(&r);
    lg_tls_policy_free(old);
    rig_fini(&r);
}

TEST(R31, ARevokedIntermediateEndsWhoCameByIt)
{
    struct rig r;
    REQUIRE(open_one(&r, "good2", "inter"));
    struct lg_tls_policy *old = revoke(&r, "inter");
    EXPECT_EQ(lg_tls_judge(r.t, r.policy), LG_TLS_R_REVOKED);
    rig_close(&r);
    lg_tls_policy_free(old);
    rig_fini(&r);
}

TEST(R31, AResumedConnectionRemembersItsWholeChain)
{
    struct rig r;
    REQUIRE(open_one(&r, "good2", "inter"));
    rig_keep(&r);
    rig_close(&r);
    rig_all(&r, 0, "good2", "inter");
    REQUIRE(rig_is_open(&r));
    EXPECT(lg_tls_get_info(r.t)->resumed);
    struct lg_tls_policy *old = revoke(&r, "inter");
    EXPECT_EQ(lg_tls_judge(r.t, r.policy), LG_TLS_R_REVOKED);
    rig_close(&r);
    lg_tls_policy_free(old);
    rig_fini(&r);
}

TEST(R31, AListThatNamesAnOpenConnectionsSerialRevokesIt)
{
    struct rig r, next;
    REQUIRE(open_one(&r, "good", NULL));
    rig_init(&next, "ecdsa");
    rig_auth(&next, LG_AUTH_REQUIRED, "root");
    next.listener.tls.close_revoked = true;
    rig_crl(&next, pki_crl("root", "good", 3600, NULL));
    REQUIRE(rig_build(&next));
    EXPECT_EQ(lg_tls_judge(r.t, next.policy), LG_TLS_R_REVOKED);
    rig_fini(&next);
    lg_tls_core_attach(r.core);
    rig_fini(&r);
}

TEST(R32, ACaThatIsTakenOutEndsWhoCameByIt)
{
    struct rig r, next;
    REQUIRE(open_one(&r, "good", NULL));
    rig_init(&next, "ecdsa");
    rig_auth(&next, LG_AUTH_REQUIRED, "other");
    next.listener.tls.close_revoked = true;
    REQUIRE(rig_build(&next));
    EXPECT_EQ(lg_tls_judge(r.t, next.policy), LG_TLS_R_UNKNOWN_CA);
    next.policy->closes_revoked = false;
    EXPECT_EQ(lg_tls_judge(r.t, next.policy), LG_TLS_R_NONE); /* nobody asked for it */
    rig_fini(&next);
    lg_tls_core_attach(r.core);
    rig_fini(&r);
}

/* ---------------------------------------------------------------- another certificate */

/* shown gives the common name of the certificate that the next client sees under this name. */
static const char *shown(struct rig *r, const char *sni)
{
    static char cn[64];
    cn[0] = 0;
    rig_client(r, 0, NULL, NULL);
    SSL_set_tlsext_host_name(r->ssl, sni);
    rig_connect(r);
    X509 *x = rig_is_open(r) ? SSL_get1_peer_certificate(r->ssl) : NULL;
    if (x)
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof cn);
    X509_free(x);
    rig_close(r);
    return cn;
}

static lg_err_t put(struct rig *r, const char *cert, const char *key, struct lg_tls_put *what)
{
    struct lg_tls_policy *next;
    lg_span_t pem = pem_of(pki_cert_file(cert));
    lg_err_t e = lg_tls_policy_put(&r->cfg, &r->listener, r->policy, pem, pem_of(pki_key_file(key)),
                                   &next, what, &r->diag);
    if (lg_is_ok(e)) {
        lg_tls_policy_free(r->policy);
        r->policy = next;
    }
    return e;
}

TEST(Put, ACertificateTakesThePlaceOfTheOneOfItsName)
{
    struct rig r;
    struct lg_tls_put what;
    rig_init(&r, "p384,rsa");
    REQUIRE(rig_build(&r));
    REQUIRE(lg_is_ok(put(&r, "ecdsa", "ecdsa", &what))); /* another kind of key: beside it */
    EXPECT(!what.has_replaced);
    EXPECT_EQ(what.idx, 2);
    EXPECT_HAS(what.name, "a.example");
    EXPECT_STR(shown(&r, "www.a.example"), "a.example");
    REQUIRE(lg_is_ok(put(&r, "ecdsa", "ecdsa", &what)));
    EXPECT(what.has_replaced);
    EXPECT_EQ(r.policy->cert_cnt, 3);
    REQUIRE(lg_is_ok(put(&r, "b", "b", &what)));
    EXPECT(!what.has_replaced);
    EXPECT_STR(shown(&r, "b.example"), "ignored.example");
    EXPECT_STR(shown(&r, "elsewhere.example"), "p384.example"); /* the default stays */
    rig_fini(&r);
}

TEST(Put, R13_AKeyThatDoesNotFitChangesNothing)
{
    struct rig r;
    struct lg_tls_put what;
    rig_init(&r, "ecdsa");
    REQUIRE(rig_build(&r));
    EXPECT_ERR(put(&r, "b", "ecdsa", &what), LG_E(CONFIG));
    EXPECT_HAS(rig_messages(&r), "the key does not belong to the certificate in the certificate");
    EXPECT_STR(shown(&r, "b.example"), "a.example");
    rig_fini(&r);
}

/* ---------------------------------------------------------------- asked from aside */

TEST(Change, TheControlThreadJudgesWithoutTouchingWhatWorkersCount)
{
    struct rig r;
    unsigned char *der;
    struct lg_tls_judgement j;
    REQUIRE(build_mutual(&r, true));
    struct lg_tls_ask ask = {
        .sni = "", .min_version = LG_TLS_12, .max_version = LG_TLS_13, .cert_cnt = 1};
    ask.certs[0].len = pki_der("good", &der);
    ask.certs[0].p = der;
    struct lg_tls_policy bare = *r.policy;
    bare.pins = NULL; /* each word of them is one worker's to write: a look here would be the end */
    bare.worker_cnt = 0;
    EXPECT_OK(lg_tls_foretell(&bare, &ask, &j));
    EXPECT_EQ(j.reason, LG_TLS_R_NONE);
    EXPECT(j.is_asked);
    rig_fini(&r);
}
