/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stapling (R10): what an OpenSSL client is handed, in 1.2 and 1.3, and what it never is; when
 * answers are asked for. */
#include "change.h"
#include "rig.h"

#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static const char *answer_file(const char *name, const struct pki_ocsp *o)
{
    unsigned char *der;
    size_t sz = pki_ocsp(o, &der);
    return pki_file(name, der, sz);
}

static struct pki_ocsp good(const char *cert)
{
    return (struct pki_ocsp){.cert = cert,
                             .issuer = "srvca",
                             .status = V_OCSP_CERTSTATUS_GOOD,
                             .this_s = -60,
                             .next_s = 3600};
}

static void staple_file(struct rig *r, int cert, const struct pki_ocsp *o)
{
    r->certs[cert].ocsp = (char *)answer_file(o->cert, o);
    r->certs[cert].ocsp_issuer = (char *)pki_cert_file("srvca");
}

/* connect_asking connects a client that asks for a staple. */
static void connect_asking(struct rig *r, int version)
{
    rig_client(r, version, NULL, NULL);
    SSL_set_tlsext_status_type(r->ssl, TLSEXT_STATUSTYPE_ocsp);
    rig_connect(r);
    EXPECT(rig_is_open(r));
}

/* stapled gives what the client was handed; 0: nothing. */
static long stapled(struct rig *r, const unsigned char **der)
{
    long sz = SSL_get_tlsext_status_ocsp_resp(r->ssl, der);
    return sz > 0 ? sz : 0;
}

/* expect_verified: a client that checks finds the staple good. */
static void expect_verified(struct rig *r, const char *cert)
{
    const unsigned char *der;
    long sz = stapled(r, &der);
    int status = -1, reason;
    OCSP_RESPONSE *resp = sz ? d2i_OCSP_RESPONSE(NULL, &der, sz) : NULL;
    REQUIRE(resp);
    OCSP_BASICRESP *b = OCSP_response_get1_basic(resp);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_add_cert(store, pki_get("srvca")->x509);
    EXPECT_EQ(OCSP_basic_verify(b, NULL, store, 0), 1);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), pki_get(cert)->x509, pki_get("srvca")->x509);
    EXPECT_EQ(OCSP_resp_find_status(b, id, &status, &reason, NULL, NULL, NULL), 1);
    EXPECT_EQ(status, V_OCSP_CERTSTATUS_GOOD);
    OCSP_CERTID_free(id);
    X509_STORE_free(store);
    OCSP_BASICRESP_free(b);
    OCSP_RESPONSE_free(resp);
}

TEST(Staple, R10_HandsAGoodAnswerToWhoAsks)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        struct pki_ocsp o = good("stapled"), o2 = good("stapledrsa");
        o2.signer = "ocspok"; /* its certificate comes along: a larger answer */
        rig_init(&r, "stapled,stapledrsa");
        staple_file(&r, 0, &o);
        staple_file(&r, 1, &o2);
        REQUIRE(rig_build(&r));
        connect_asking(&r, versions[v]);
        expect_verified(&r, "stapled");
        rig_close(&r);
        rig_client(&r, versions[v], NULL, NULL);
        SSL_set_tlsext_status_type(r.ssl, TLSEXT_STATUSTYPE_ocsp);
        SSL_set1_sigalgs_list(r.ssl, "RSA-PSS+SHA256:RSA+SHA256");
        SSL_set_cipher_list(r.ssl, "ECDHE-RSA-AES128-GCM-SHA256");
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        expect_verified(&r, "stapledrsa");
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_STAPLED], 2);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_STAPLE_MISSING], 0);
        rig_fini(&r);
    }
}

TEST(Staple, ComesWithAHelloRetryAndInSmallPieces)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        struct pki_ocsp o = good("stapled");
        rig_init(&r, "stapled");
        staple_file(&r, 0, &o);
        r.seg_sz = 64;
        r.chunk_sz = 1;
        REQUIRE(rig_build(&r));
        rig_client(&r, versions[v], NULL, NULL);
        SSL_set_tlsext_status_type(r.ssl, TLSEXT_STATUSTYPE_ocsp);
        SSL_set1_groups_list(r.ssl, "P-521:P-256"); /* the share is for one we do not do */
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        expect_verified(&r, "stapled");
        rig_fini(&r);
    }
}

TEST(Staple, SendsNoneToWhoDoesNotAskAndNoneOnResumption)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        const unsigned char *der;
        struct pki_ocsp o = good("stapled");
        rig_init(&r, "stapled");
        staple_file(&r, 0, &o);
        rig_all(&r, versions[v], NULL, NULL);
        EXPECT(rig_is_open(&r));
        EXPECT_EQ(stapled(&r, &der), 0);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_STAPLED], 0);
        rig_keep(&r);
        rig_close(&r);
        connect_asking(&r, versions[v]);
        EXPECT(lg_tls_get_info(r.t)->resumed);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_STAPLED], 0);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_STAPLE_MISSING], 0);
        rig_fini(&r);
    }
}

/* expect_none: such an answer is not stapled; building says why, and serves on. */
static void expect_none(const struct pki_ocsp *o, const char *message)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        const unsigned char *der;
        rig_init(&r, "stapled");
        staple_file(&r, 0, o);
        REQUIRE(rig_build(&r));
        EXPECT_HAS(rig_messages(&r), message);
        connect_asking(&r, versions[v]);
        EXPECT_EQ(stapled(&r, &der), 0);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_STAPLE_MISSING], 1);
        rig_fini(&r);
    }
}

TEST(Staple, R10_NeverStaplesRevokedOrStale)
{
    struct pki_ocsp o = good("stapled");
    o.status = V_OCSP_CERTSTATUS_REVOKED;
    expect_none(&o, "it says that the certificate is revoked");
    o.status = V_OCSP_CERTSTATUS_UNKNOWN;
    expect_none(&o, "it says that the certificate is not known");
    o = good("stapled");
    o.this_s = -7200;
    o.next_s = -5;
    expect_none(&o, "it is past its nextUpdate");
    o = good("stapled");
    o.next_s = 0;
    expect_none(&o, "it has no nextUpdate");
}

TEST(Staple, R10_StopsWhenItsTimeHasPassed)
{
    struct rig r;
    struct pki_ocsp o = good("stapled");
    int64_t now_s = (int64_t)time(NULL);
    rig_init(&r, "stapled");
    staple_file(&r, 0, &o);
    REQUIRE(rig_build(&r));
    const struct lg_staple_slot *s = r.policy->certs[0].staple;
    EXPECT(lg_staple_get(s, now_s) != NULL);
    EXPECT(lg_staple_get(s, now_s + 3595) != NULL);
    EXPECT(lg_staple_get(s, now_s + 3605) == NULL);
    rig_fini(&r);
}

TEST(Staple, FilesThatAreNoAnswerStopTheInstall)
{
    struct rig r;
    struct pki_ocsp o = good("stapled");
    o.signer = "ocspalien";
    rig_init(&r, "stapled");
    staple_file(&r, 0, &o);
    EXPECT(!rig_build(&r));
    EXPECT_HAS(rig_messages(&r), "it is not signed by the issuer");
    rig_fini(&r);
    rig_init(&r, "stapled");
    r.certs[0].ocsp = (char *)pki_file("junk.ocsp", "junk", 4);
    r.certs[0].ocsp_issuer = (char *)pki_cert_file("srvca");
    EXPECT(!rig_build(&r));
    EXPECT_HAS(rig_messages(&r), "it is no OCSP response");
    rig_fini(&r);
    rig_init(&r, "stapled");
    o = good("stapled");
    r.certs[0].ocsp = (char *)answer_file("alone", &o);
    EXPECT(!rig_build(&r));
    EXPECT_HAS(rig_messages(&r), "name that in ocsp_issuer");
    rig_fini(&r);
}

TEST(Staple, WarnsOfACertificateThatMustBeStapled)
{
    struct rig r;
    rig_init(&r, "must");
    REQUIRE(rig_build(&r));
    EXPECT_HAS(rig_messages(&r), "must be stapled (RFC 7633) and is not");
    rig_fini(&r);
    struct pki_ocsp o = good("must");
    rig_init(&r, "must");
    staple_file(&r, 0, &o);
    REQUIRE(rig_build(&r));
    EXPECT_EQ(r.diag.warn_cnt, 0);
    rig_fini(&r);
}

/* fetching: a rig whose certificate's answer is to be fetched. */
static void fetching(struct rig *r, const char *url)
{
    rig_init(r, "stapled");
    r->certs[0].ocsp_fetch = true;
    r->certs[0].ocsp_responder = (char *)url;
    r->certs[0].ocsp_issuer = (char *)pki_cert_file("srvca");
    REQUIRE(rig_build(r));
}

TEST(Staple, IsAskedForAtTheAddressInTheCertificate)
{
    struct rig r;
    fetching(&r, NULL);
    struct lg_staple_slot *s = lg_staple_due(0);
    REQUIRE(s);
    EXPECT_STR(s->url, "http://ocsp.example/q");
    EXPECT(lg_staple_due(0) == NULL); /* it is being asked for */
    rig_fini(&r);
    EXPECT(lg_staple_due(LG_SEC(1000000)) == NULL); /* gone with its policy */
    rig_init(&r, "ecdsa");
    r.certs[0].ocsp_fetch = true;
    r.certs[0].ocsp_issuer = (char *)pki_cert_file("srvca");
    EXPECT(!rig_build(&r));
    EXPECT_HAS(rig_messages(&r), "names no OCSP responder");
    rig_fini(&r);
}

TEST(Staple, OutlivesAReloadAndIsServedByBothPolicies)
{
    struct rig a, b;
    struct pki_ocsp o = good("stapled");
    const struct lg_staple *old;
    const char *why;
    unsigned char *der;
    fetching(&a, "http://r.example/");
    struct lg_staple_slot *s = lg_staple_due(0);
    REQUIRE(s);
    size_t sz = pki_ocsp(&o, &der);
    REQUIRE(lg_is_ok(lg_staple_put(s, lg_span(der, sz), (int64_t)time(NULL), &old, &why)));
    EXPECT(old == NULL);
    fetching(&b, "http://r.example/");
    EXPECT(b.policy->certs[0].staple == s);
    connect_asking(&b, TLS1_3_VERSION);
    expect_verified(&b, "stapled");
    rig_fini(&b);
    lg_tls_core_attach(a.core);
    connect_asking(&a, TLS1_3_VERSION);
    expect_verified(&a, "stapled");
    /* A newer one takes its place; the old one is handed back, to be freed when nobody reads. */
    o.next_s = 7200;
    sz = pki_ocsp(&o, &der);
    REQUIRE(lg_is_ok(lg_staple_put(s, lg_span(der, sz), (int64_t)time(NULL), &old, &why)));
    EXPECT(old != NULL);
    free((void *)(uintptr_t)old);
    /* One that says revoked does not, and what was good stays until its end. */
    o.status = V_OCSP_CERTSTATUS_REVOKED;
    sz = pki_ocsp(&o, &der);
    EXPECT_ERR(lg_staple_put(s, lg_span(der, sz), (int64_t)time(NULL), &old, &why), LG_E(AGAIN));
    rig_fini(&a);
}

static lg_span_t text_of(const char *path)
{
    static char text[2][8192];
    static unsigned next;
    char *at = text[next++ % 2];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(at, 1, sizeof text[0], f) : 0;
    if (f)
        fclose(f);
    return lg_span(at, n);
}

TEST(Staple, IsFetchedForACertificateThatTakesItsPlace)
{
    struct rig r;
    struct lg_tls_put what;
    struct lg_tls_policy *next;
    fetching(&r, "http://r.example/");
    lg_span_t cert = text_of(pki_cert_file("stapled")), key = text_of(pki_key_file("stapled"));
    REQUIRE(lg_is_ok(
        lg_tls_policy_put(&r.cfg, &r.listener, r.policy, cert, key, &next, &what, &r.diag)));
    EXPECT(what.has_replaced);
    REQUIRE(next->certs[0].staple);
    EXPECT(next->certs[0].staple == r.policy->certs[0].staple); /* it is the same one */
    lg_tls_policy_free(r.policy);
    r.policy = next;
    EXPECT_STR(lg_staple_due(0)->url, "http://r.example/");
    rig_fini(&r);
}

TEST(Staple, AnotherAnswerInItsFileMakesAnotherPolicy)
{
    struct rig a, b;
    struct pki_ocsp o = good("stapled");
    rig_init(&a, "stapled");
    staple_file(&a, 0, &o);
    REQUIRE(rig_build(&a));
    rig_init(&b, "stapled");
    b.certs[0] = a.certs[0];
    REQUIRE(rig_build(&b));
    EXPECT(lg_tls_policy_same(a.policy, b.policy));
    rig_fini(&b);
    o.next_s = 7200;
    rig_init(&b, "stapled");
    staple_file(&b, 0, &o);
    REQUIRE(rig_build(&b));
    EXPECT(!lg_tls_policy_same(a.policy, b.policy));
    rig_fini(&b);
    lg_tls_core_attach(a.core);
    rig_fini(&a);
}

TEST(Staple, IsAskedForBeforeItEndsAndLaterEachTimeItFails)
{
    struct rig r;
    struct pki_ocsp o = good("stapled");
    const struct lg_staple *old;
    const char *why;
    unsigned char *der;
    int64_t now_s = (int64_t)time(NULL);
    lg_ns_t t = LG_SEC(100), wait = LG_STAPLE_RETRY_NS;
    fetching(&r, "http://r.example/");
    for (int i = 0; i < 20; i++) {
        struct lg_staple_slot *s = lg_staple_due(t);
        REQUIRE(s);
        lg_staple_settle(s, false, t, now_s);
        EXPECT(lg_staple_due(t + wait - 1) == NULL);
        t += wait;
        wait = LG_MIN(2 * wait, LG_STAPLE_RETRY_MAX_NS);
    }
    struct lg_staple_slot *s = lg_staple_due(t);
    REQUIRE(s);
    size_t sz = pki_ocsp(&o, &der);
    REQUIRE(lg_is_ok(lg_staple_put(s, lg_span(der, sz), now_s, &old, &why)));
    lg_staple_settle(s, true, t, now_s); /* an hour is left: again after half of it */
    EXPECT(s->due_ns >= t + LG_SEC(1795) && s->due_ns <= t + LG_SEC(1805));
    t = s->due_ns;
    REQUIRE(lg_staple_due(t) == s);
    lg_staple_settle(s, false, t, now_s + 1800);
    EXPECT_EQ(s->due_ns, t + LG_STAPLE_RETRY_NS);
    /* Near the end no failure waits past it. */
    s->fail_cnt = 20;
    lg_staple_settle(s, false, t, now_s + 3580);
    EXPECT(s->due_ns <= t + LG_SEC(11));
    rig_fini(&r);
}
