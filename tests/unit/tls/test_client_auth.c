/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients with good, bad and no certificates: what each is told, and that nothing passes. */
#include "rig.h"

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

struct want {
    const char *cert, *chain; /* of the client */
    int alert;
    enum lg_tls_reason reason;
    enum lg_stat stat;
};

static void setup(struct rig *r, enum lg_client_auth auth)
{
    rig_init(r, "ecdsa");
    rig_auth(r, auth, "root");
}

static void expect_refused(struct rig *r, int version, const struct want *w)
{
    rig_all(r, version, w->cert, w->chain);
    T_STOP_IF_FAILED();
    const struct lg_tls_info *i = lg_tls_get_info(r->t);
    EXPECT_EQ(lg_tls_state(r->t), LG_TLS_FAILED);
    EXPECT_EQ(r->err.v, LG_E(TLS_AUTH).v);
    EXPECT_EQ(r->alert, w->alert);
    EXPECT_EQ(i->alert_sent, w->alert);
    EXPECT_EQ(i->reason, w->reason);
    EXPECT(!i->has_client_cert);
    EXPECT_EQ(r->plain.bytes, 0);
    EXPECT_EQ(lg_stat_get(&r->stats, w->stat), 1);
    EXPECT_EQ(lg_stat_get(&r->stats, LG_STAT_TLS_HS_FAILED), 1);
    EXPECT_EQ(lg_stat_get(&r->stats, LG_STAT_TLS_HS_DONE), 0);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "client %s, chain %s, version %x: told %s", w->cert, w->chain,
               (unsigned)version, lg_tls_alert_name((uint8_t)r->alert));
}

/* expect_all_refused tries one client in required and optional mode, 1.3 and 1.2. */
static void expect_all_refused(const struct want *w, const char *bundle)
{
    static const enum lg_client_auth auths[] = {LG_AUTH_REQUIRED, LG_AUTH_OPTIONAL};
    for (size_t a = 0; a < 2; a++)
        for (size_t v = 0; v < 2; v++) {
            struct rig r;
            setup(&r, auths[a]);
            if (bundle)
                rig_auth(&r, auths[a], bundle);
            expect_refused(&r, versions[v], w);
            rig_fini(&r);
            T_STOP_IF_FAILED();
        }
}

static void expect_admitted(enum lg_client_auth auth, int version, const char *bundle,
                            const char *cert, const char *chain)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_auth(&r, auth, bundle);
    rig_all(&r, version, cert, chain);
    EXPECT(rig_is_open(&r));
    if (rig_is_open(&r)) {
        EXPECT_EQ(lg_tls_get_info(r.t)->has_client_cert, cert != NULL);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_HS_MUTUAL), cert != NULL);
        EXPECT(r.saw_cert_request > 0);
    } else if (r.t) {
        t_fail(__FILE__, __LINE__, "client %s refused: %s", cert ? cert : "none",
               lg_tls_reason_text(lg_tls_get_info(r.t)->reason));
    }
    rig_fini(&r);
}

TEST(R02, OneWayAsksForNoCertificate)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_all(&r, versions[v], "good", NULL);
        EXPECT(rig_is_open(&r));
        EXPECT_EQ(r.saw_cert_request, 0);
        EXPECT(!lg_tls_get_info(r.t)->has_client_cert);
        rig_fini(&r);
    }
}

TEST(R15, NoCertificateGetsCertificateRequiredIn13AndHandshakeFailureIn12)
{
    static const struct want w13 = {NULL, NULL, LG_ALERT_CERTIFICATE_REQUIRED, LG_TLS_R_NO_CERT,
                                    LG_STAT_TLS_FAIL_NO_CERT};
    static const struct want w12 = {NULL, NULL, LG_ALERT_HANDSHAKE_FAILURE, LG_TLS_R_NO_CERT,
                                    LG_STAT_TLS_FAIL_NO_CERT};
    struct rig r;
    setup(&r, LG_AUTH_REQUIRED);
    expect_refused(&r, TLS1_3_VERSION, &w13);
    rig_fini(&r);
    setup(&r, LG_AUTH_REQUIRED);
    expect_refused(&r, TLS1_2_VERSION, &w12);
    rig_fini(&r);
}

TEST(R15, NoCertificateIsAdmittedWhereOptional)
{
    for (size_t v = 0; v < 2; v++)
        expect_admitted(LG_AUTH_OPTIONAL, versions[v], "root", NULL, NULL);
}

TEST(R16, GoodCertificateWithItsIntermediateIsAdmitted)
{
    for (size_t v = 0; v < 2; v++) {
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "good", NULL);
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "goodrsa", NULL);
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "good2", "inter");
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "good2", "inter,root");
        expect_admitted(LG_AUTH_OPTIONAL, versions[v], "root", "good2", "inter");
    }
}

TEST(R17, IntermediateOnlyInTheBundleIsEnough)
{
    for (size_t v = 0; v < 2; v++) {
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root,inter", "good2", NULL);
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "inter,root", "good2", "inter");
        expect_admitted(LG_AUTH_OPTIONAL, versions[v], "inter", "good2", NULL);
    }
}

TEST(R18, ExpiredAndNotYetValidGetCertificateExpired)
{
    struct want w = {"expired", NULL, LG_ALERT_CERTIFICATE_EXPIRED, LG_TLS_R_EXPIRED,
                     LG_STAT_TLS_FAIL_EXPIRED};
    expect_all_refused(&w, NULL);
    w.cert = "future";
    expect_all_refused(&w, NULL);
}

static void expect_with_crl(const char *cert, const char *chain, const char *crl1, const char *crl2,
                            enum lg_crl_fail fail, const struct want *w)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        setup(&r, LG_AUTH_REQUIRED);
        r.listener.tls.crl_fail = fail;
        rig_crl(&r, crl1);
        if (crl2)
            rig_auth(&r, LG_AUTH_REQUIRED, "root,inter");
        if (crl2)
            rig_crl(&r, crl2);
        if (w) {
            struct want each = *w;
            each.cert = cert;
            each.chain = chain;
            expect_refused(&r, versions[v], &each);
        } else {
            rig_all(&r, versions[v], cert, chain);
            EXPECT(rig_is_open(&r));
            EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_CRL_OPEN), fail == LG_CRL_FAIL_OPEN);
        }
        rig_fini(&r);
    }
}

static const struct want revoked = {NULL, NULL, LG_ALERT_CERTIFICATE_REVOKED, LG_TLS_R_REVOKED,
                                    LG_STAT_TLS_FAIL_REVOKED};
static const struct want unknown_status = {NULL, NULL, LG_ALERT_CERTIFICATE_UNKNOWN,
                                           LG_TLS_R_CRL_MISSING, LG_STAT_TLS_FAIL_CRL};

TEST(R19, RevokedGetsCertificateRevoked)
{
    expect_with_crl("revoked", NULL, pki_crl("root", "revoked", 3600, NULL), NULL,
                    LG_CRL_FAIL_CLOSED, &revoked);
    expect_with_crl("revoked", NULL, pki_crl("root", "revoked,serveronly", 3600, NULL), NULL,
                    LG_CRL_FAIL_OPEN, &revoked);
    expect_with_crl("revoked2", "inter", pki_crl("root", "", 3600, NULL),
                    pki_crl("inter", "revoked2", 3600, NULL), LG_CRL_FAIL_CLOSED, &revoked);
}

TEST(R19, OthersOfTheSameIssuerAreAdmitted)
{
    expect_with_crl("good", NULL, pki_crl("root", "revoked", 3600, NULL), NULL, LG_CRL_FAIL_CLOSED,
                    NULL);
}

TEST(R28, MissingListIsRefusedWhenClosedAndCountedWhenOpen)
{
    /* The list speaks for root; good2's issuer has none. */
    const char *crl = pki_crl("root", "revoked", 3600, NULL);
    expect_with_crl("good2", "inter", crl, NULL, LG_CRL_FAIL_CLOSED, &unknown_status);
    expect_with_crl("good2", "inter", crl, NULL, LG_CRL_FAIL_OPEN, NULL);
}

TEST(R28, StaleListIsRefusedWhenClosedAndStillRevokesWhenOpen)
{
    const char *crl = pki_crl("root", "revoked", -10, NULL);
    static const struct want stale = {NULL, NULL, LG_ALERT_CERTIFICATE_UNKNOWN, LG_TLS_R_CRL_STALE,
                                      LG_STAT_TLS_FAIL_CRL};
    expect_with_crl("good", NULL, crl, NULL, LG_CRL_FAIL_CLOSED, &stale);
    expect_with_crl("good", NULL, crl, NULL, LG_CRL_FAIL_OPEN, NULL);
    expect_with_crl("revoked", NULL, crl, NULL, LG_CRL_FAIL_OPEN, &revoked);
}

static const char *const strangers[] = {"foreign", "bysrv", "lonely", "good2"};

TEST(R20, SignedByNoCaOfTheBundleGetsUnknownCa)
{
    for (size_t i = 0; i < 4; i++) {
        struct want w = {strangers[i], NULL, LG_ALERT_UNKNOWN_CA, LG_TLS_R_UNKNOWN_CA,
                         LG_STAT_TLS_FAIL_UNKNOWN_CA};
        expect_all_refused(&w, NULL);
    }
}

TEST(R20, SendingTheForeignRootAlongChangesNothing)
{
    static const struct want w = {"foreign", "other", LG_ALERT_UNKNOWN_CA, LG_TLS_R_UNKNOWN_CA,
                                  LG_STAT_TLS_FAIL_UNKNOWN_CA};
    expect_all_refused(&w, NULL);
}

TEST(R21, GoodForAnotherListenersCaGetsUnknownCa)
{
    static const struct want w = {"good", NULL, LG_ALERT_UNKNOWN_CA, LG_TLS_R_UNKNOWN_CA,
                                  LG_STAT_TLS_FAIL_UNKNOWN_CA};
    expect_all_refused(&w, "other,srvca");
}

TEST(R21, AnIntermediateOneClientSentHelpsNoOther)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root");
    rig_all(&r, TLS1_3_VERSION, "good2", "inter");
    EXPECT(rig_is_open(&r));
    rig_close(&r);
    rig_all(&r, TLS1_3_VERSION, "good2", NULL);
    EXPECT_EQ(r.alert, LG_ALERT_UNKNOWN_CA);
    rig_fini(&r);
}

struct bad {
    const char *cert, *chain;
    int alert;
};

TEST(R23, WrongUsageAndWrongChainsAreRefused)
{
    static const struct bad bad[] = {
        {"serveronly", NULL, LG_ALERT_UNSUPPORTED_CERTIFICATE},
        {"nosign", NULL, LG_ALERT_UNSUPPORTED_CERTIFICATE},
        {"bynotca", "notca", LG_ALERT_BAD_CERTIFICATE},
        {"byplen1", "plen1,plen0", LG_ALERT_BAD_CERTIFICATE},
        {"ncbad", "nc", LG_ALERT_BAD_CERTIFICATE},
        {"ncdeepbad", "ncsub,nc", LG_ALERT_BAD_CERTIFICATE},
        {"ncexbad", "ncexsub,ncex", LG_ALERT_BAD_CERTIFICATE},
        {"ncipbad", "ncip", LG_ALERT_BAD_CERTIFICATE},
        {"twice", NULL, LG_ALERT_BAD_CERTIFICATE},
        {"v1", NULL, LG_ALERT_BAD_CERTIFICATE},
        {"byv1ca", "v1ca", LG_ALERT_BAD_CERTIFICATE},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        struct want w = {bad[i].cert, bad[i].chain, bad[i].alert, LG_TLS_R_BAD_CERT,
                         LG_STAT_TLS_FAIL_BAD_CERT};
        expect_all_refused(&w, NULL);
    }
}

TEST(R23, NameConstraintsThatAreKeptAreNoObstacle)
{
    for (size_t v = 0; v < 2; v++) {
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "ncgood", "nc");
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "ncdeepgood", "ncsub,nc");
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "ncexgood", "ncexsub,ncex");
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "ncipnone", "ncip");
    }
}

TEST(R23, NameConstraintsOfTheBundlesCaHoldBelowItsIntermediates)
{
    static const struct want w = {"ncdeepbad", "ncsub", LG_ALERT_BAD_CERTIFICATE, LG_TLS_R_BAD_CERT,
                                  LG_STAT_TLS_FAIL_BAD_CERT};
    expect_all_refused(&w, "nc");
    expect_admitted(LG_AUTH_REQUIRED, TLS1_3_VERSION, "nc", "ncdeepgood", "ncsub");
}

TEST(R19, AListSpeaksOfWhatItsOwnCaHasIssuedOnly)
{
    /* Two CAs of one name: the list of one must not condemn what the other has issued... */
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root,root2");
    r.listener.tls.crl_fail = LG_CRL_FAIL_OPEN;
    rig_crl(&r, pki_crl("root", "twin", 3600, NULL));
    rig_all(&r, TLS1_3_VERSION, "twin", NULL);
    EXPECT(rig_is_open(&r));
    rig_fini(&r);
    /* ... nor acquit it: there is none that speaks of it. */
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root,root2");
    rig_crl(&r, pki_crl("root", "revoked", 3600, NULL));
    rig_all(&r, TLS1_3_VERSION, "twin", NULL);
    EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_CRL_MISSING);
    rig_fini(&r);
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root,root2");
    rig_crl(&r, pki_crl("root", "revoked", 3600, NULL));
    rig_crl(&r, pki_crl("root2", "twin", 3600, NULL));
    rig_all(&r, TLS1_3_VERSION, "twin", NULL);
    EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_REVOKED);
    rig_close(&r);
    rig_client(&r, TLS1_3_VERSION, "good", NULL);
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    rig_fini(&r);
}

TEST(R18, DatesInAnotherTimeZoneAreNoDates)
{
    /* RFC 5280 4.1.2.5: GMT, with seconds. */
    expect_all_refused(&(struct want){"zoned", NULL, LG_ALERT_BAD_CERTIFICATE, LG_TLS_R_BAD_CERT,
                                      LG_STAT_TLS_FAIL_BAD_CERT},
                       NULL);
}

TEST(R18, AnEndInTheYear9999IsTaken)
{
    for (size_t v = 0; v < 2; v++)
        expect_admitted(LG_AUTH_REQUIRED, versions[v], "root", "farfuture", NULL);
}

TEST(R23, VerifyDepthCountsIntermediates)
{
    for (uint32_t depth = 1; depth <= 2; depth++) {
        struct rig r;
        setup(&r, LG_AUTH_REQUIRED);
        r.listener.tls.verify_depth = depth;
        rig_all(&r, TLS1_3_VERSION, "bydeep2", "deep2,deep1");
        EXPECT_EQ(rig_is_open(&r), depth == 2);
        if (depth == 1)
            EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_BAD_CERT);
        rig_fini(&r);
    }
}

TEST(R24, Sha1SignaturesAndShortKeysAreRefused)
{
    static const struct want sha1 = {"sha1", NULL, LG_ALERT_BAD_CERTIFICATE, LG_TLS_R_BAD_CERT,
                                     LG_STAT_TLS_FAIL_BAD_CERT};
    static const struct want weak = {"weak", NULL, LG_ALERT_BAD_CERTIFICATE, LG_TLS_R_BAD_CERT,
                                     LG_STAT_TLS_FAIL_BAD_CERT};
    expect_all_refused(&sha1, NULL);
    expect_all_refused(&weak, NULL);
}

TEST(R24, ACurveThatIsNotSupportedIsRefused)
{
    static const int both[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        setup(&r, LG_AUTH_REQUIRED);
        rig_all(&r, both[v], "k1", NULL);
        EXPECT(!rig_is_open(&r));
        EXPECT(r.alert == LG_ALERT_BAD_CERTIFICATE || r.alert == LG_ALERT_HANDSHAKE_FAILURE ||
               r.alert == LG_ALERT_CERTIFICATE_REQUIRED);
        rig_fini(&r);
    }
}

TEST(R24, Md5SignaturesAreRefused)
{
    expect_all_refused(&(struct want){"md5", NULL, LG_ALERT_BAD_CERTIFICATE, LG_TLS_R_BAD_CERT,
                                      LG_STAT_TLS_FAIL_BAD_CERT},
                       "rsaroot");
}

/* chain_of gives certificate nr of what is passed on; empty: there are not so many. */
static lg_span_t chain_of(const struct lg_tls *t, int nr)
{
    struct lg_cur c = lg_cur(lg_tls_client_chain(t));
    lg_span_t one = lg_cur_vec16(&c);
    while (nr-- > 0)
        one = lg_cur_vec16(&c);
    return one;
}

TEST(R43, TheChainIsKeptInItsOrderWithoutTheCa)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        unsigned char *der;
        rig_init(&r, "ecdsa");
        rig_auth(&r, LG_AUTH_REQUIRED, "root");
        r.listener.type = LG_LISTENER_HTTPS;
        r.listener.tls.client_cert_header = r.listener.tls.client_cert_chain = true;
        /* Sent in disorder, and with what does not belong to it. */
        rig_all(&r, versions[v], "bydeep2", "other,deep1,deep2");
        EXPECT(rig_is_open(&r));
        size_t sz = pki_der("deep2", &der);
        EXPECT(lg_span_eq(chain_of(r.t, 0), lg_span(der, sz)));
        sz = pki_der("deep1", &der);
        EXPECT(lg_span_eq(chain_of(r.t, 1), lg_span(der, sz)));
        EXPECT_EQ(chain_of(r.t, 2).len, 0);
        rig_keep(&r);
        rig_close(&r);
        rig_client(&r, versions[v], "good", NULL); /* offers what it has kept, if anything */
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        EXPECT(!lg_tls_get_info(r.t)->resumed); /* a ticket could not carry the chain */
        EXPECT_EQ(lg_tls_client_chain(r.t).len, 0);
        EXPECT(lg_tls_client_cert(r.t).len > 0);
        rig_fini(&r);
    }
}

TEST(R43, TellsTheSchemeItHasSignedWith)
{
    static const struct {
        const char *cert, *sigalgs, *scheme;
        int version;
    } cases[] = {
        {"ecdsa", "ECDSA+SHA256", "ecdsa_secp256r1_sha256", TLS1_3_VERSION},
        {"p384", "ECDSA+SHA384:ECDSA+SHA256", "ecdsa_secp384r1_sha384", TLS1_3_VERSION},
        {"ed", "ed25519:ECDSA+SHA256", "ed25519", TLS1_3_VERSION},
        {"rsa", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha256", TLS1_3_VERSION},
        {"rsa", "rsa_pss_rsae_sha512:RSA+SHA256", "rsa_pss_rsae_sha512", TLS1_3_VERSION},
        {"ecdsa", "ECDSA+SHA256", "ecdsa_secp256r1_sha256", TLS1_2_VERSION},
        {"ecdsa", "ECDSA+SHA384", "ecdsa_secp384r1_sha384", TLS1_2_VERSION},
        {"rsa", "RSA+SHA384", "rsa_pkcs1_sha384", TLS1_2_VERSION},
        {"rsa", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha384", TLS1_2_VERSION},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct rig r;
        rig_init(&r, cases[i].cert);
        REQUIRE(rig_build(&r));
        rig_client(&r, cases[i].version, NULL, NULL);
        SSL_set1_sigalgs_list(r.ssl, cases[i].sigalgs);
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        EXPECT_STR(lg_tls_get_info(r.t)->sig_scheme, cases[i].scheme);
        rig_keep(&r);
        rig_close(&r);
        rig_client(&r, cases[i].version, NULL, NULL);
        rig_connect(&r);
        EXPECT(lg_tls_get_info(r.t)->resumed);
        EXPECT_STR(lg_tls_get_info(r.t)->sig_scheme, ""); /* nothing was signed */
        rig_fini(&r);
    }
}

TEST(Identity, ACommonNameIsWholeOrNone)
{
    static const struct {
        const char *der, *cn;
        uint8_t sz;
    } names[] = {
        {"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
         "a",
         "a", 14},
        /* an organization that reads like a common name; two; none; one in 16-bit characters */
        {"\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x0a\x0c\x07"
         "x/CN=ad",
         "", 20},
        {"\x30\x18\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
         "a"
         "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
         "b",
         "", 26},
        {"\x30\x00", "", 2},
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x1e\x02\x00"
         "a",
         "", 15},
        {"\x30\x0d\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
         "a\x31",
         "", 15},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(names); i++) {
        lg_span_t cn = lg_x509_common_name(lg_span(names[i].der, names[i].sz));
        EXPECT_EQ(cn.len, strlen(names[i].cn));
        EXPECT_MEM(cn.p, names[i].cn, cn.len);
    }
}

TEST(Identity, ACommonNameIsNotCutAtWhatReadsLikeTheNextAttribute)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_auth(&r, LG_AUTH_REQUIRED, "root");
        rig_all(&r, v ? TLS1_2_VERSION : TLS1_3_VERSION, "slash", NULL);
        EXPECT(rig_is_open(&r));
        EXPECT_STR(lg_tls_get_info(r.t)->cn, "admin/CN=x");
        rig_fini(&r);
    }
}

TEST(Identity, IsFilledAndEscapedForGoodAndRefusedClients)
{
    struct rig r;
    setup(&r, LG_AUTH_REQUIRED);
    rig_all(&r, TLS1_3_VERSION, "odd", NULL);
    EXPECT(rig_is_open(&r));
    const struct lg_tls_info *i = lg_tls_get_info(r.t);
    EXPECT_HAS(i->subject, "CN=Odd \\\"Name\\\" \\01 here,O=Lockgate");
    EXPECT_HAS(i->issuer, "Test Root");
    EXPECT_EQ(strlen(i->fingerprint), 64);
    EXPECT(i->serial[0] != 0);
    rig_close(&r);
    rig_all(&r, TLS1_3_VERSION, "foreign", NULL);
    EXPECT_HAS(lg_tls_get_info(r.t)->subject, "Foreign");
    EXPECT_HAS(lg_tls_get_info(r.t)->issuer, "Other Root");
    rig_fini(&r);
}

/* -- a signature that is not the key's, a certificate with one bit flipped -- */

static X509 *flipped(const char *name)
{
    uint8_t *der = NULL;
    int len = i2d_X509(pki_get(name)->x509, &der);
    der[len - 5] ^= 1; /* inside the signature */
    const uint8_t *p = der;
    X509 *x = d2i_X509(NULL, &p, len);
    OPENSSL_free(der);
    return x;
}

TEST(R26, OneFlippedBitInTheSignatureIsRefused)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        setup(&r, LG_AUTH_REQUIRED);
        REQUIRE(rig_build(&r));
        rig_client(&r, versions[v], NULL, NULL);
        X509 *x = flipped("good");
        SSL_use_certificate(r.ssl, x);
        SSL_use_PrivateKey(r.ssl, pki_get("good")->key);
        rig_connect(&r);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_BAD_CERT);
        EXPECT_EQ(r.alert, LG_ALERT_BAD_CERTIFICATE);
        X509_free(x);
        rig_fini(&r);
    }
}

/* An EC key whose public half is the certificate's and whose private half is another's: OpenSSL
 * thinks that they belong together and signs with the wrong one. */
static EVP_PKEY *impostor(const char *victim)
{
    EVP_PKEY *other = EVP_EC_gen("P-256");
    EC_KEY *k = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(other));
    EC_KEY_set_public_key(k, EC_KEY_get0_public_key(EVP_PKEY_get0_EC_KEY(pki_get(victim)->key)));
    EVP_PKEY *out = EVP_PKEY_new();
    EVP_PKEY_assign_EC_KEY(out, k);
    EVP_PKEY_free(other);
    return out;
}

TEST(R22, WithoutItsPrivateKeyAGoodCertificateGetsDecryptError)
{
    static const enum lg_client_auth auths[] = {LG_AUTH_REQUIRED, LG_AUTH_OPTIONAL};
    for (size_t a = 0; a < 2; a++)
        for (size_t v = 0; v < 2; v++) {
            struct rig r;
            setup(&r, auths[a]);
            REQUIRE(rig_build(&r));
            rig_client(&r, versions[v], NULL, NULL);
            EVP_PKEY *k = impostor("good");
            SSL_use_certificate(r.ssl, pki_get("good")->x509);
            SSL_use_PrivateKey(r.ssl, k);
            rig_connect(&r);
            EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
            EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_SIGNATURE);
            EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_FAIL_SIGNATURE), 1);
            EXPECT_EQ(r.alert, LG_ALERT_DECRYPT_ERROR);
            EVP_PKEY_free(k);
            rig_fini(&r);
        }
}

TEST(R25, AChainOfOneHundredIsRefused)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        setup(&r, LG_AUTH_REQUIRED);
        REQUIRE(rig_build(&r));
        rig_client(&r, versions[v], "good", NULL);
        for (int i = 0; i < 99; i++)
            SSL_add1_chain_cert(r.ssl, pki_get("inter")->x509);
        rig_connect(&r);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT(r.alert == LG_ALERT_BAD_CERTIFICATE || r.alert == LG_ALERT_DECODE_ERROR);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_BAD_CERT);
        rig_fini(&r);
    }
}
