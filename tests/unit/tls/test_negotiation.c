/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Versions, suites, groups, names and protocols: what is chosen, and what is told when nothing is.
 */
#include "rig.h"

static void expect_failed(struct rig *r, int alert, enum lg_tls_reason reason)
{
    EXPECT(r->t && lg_tls_state(r->t) == LG_TLS_FAILED);
    EXPECT_EQ(r->alert, alert);
    EXPECT_EQ(lg_tls_get_info(r->t)->reason, reason);
    EXPECT_EQ(lg_tls_get_info(r->t)->alert_sent, alert);
    EXPECT_EQ(lg_stat_get(&r->stats, LG_STAT_TLS_HS_FAILED), 1);
}

static bool build(struct rig *r)
{
    if (rig_build(r))
        return true;
    t_fail(__FILE__, __LINE__, "%s", rig_messages(r));
    return false;
}

static const struct {
    int client_min, client_max;
    uint16_t our_min, our_max;
    int want; /* version, or 0: protocol_version */
} version_rows[] = {
    {TLS1_3_VERSION, TLS1_3_VERSION, LG_TLS_12, LG_TLS_13, TLS1_3_VERSION},
    {TLS1_2_VERSION, TLS1_3_VERSION, LG_TLS_12, LG_TLS_13, TLS1_3_VERSION},
    {TLS1_2_VERSION, TLS1_2_VERSION, LG_TLS_12, LG_TLS_13, TLS1_2_VERSION},
    {TLS1_2_VERSION, TLS1_3_VERSION, LG_TLS_12, LG_TLS_12, TLS1_2_VERSION},
    {TLS1_2_VERSION, TLS1_3_VERSION, LG_TLS_13, LG_TLS_13, TLS1_3_VERSION},
    {TLS1_VERSION, TLS1_2_VERSION, LG_TLS_12, LG_TLS_12, TLS1_2_VERSION},
    {TLS1_2_VERSION, TLS1_2_VERSION, LG_TLS_13, LG_TLS_13, 0},
    {TLS1_3_VERSION, TLS1_3_VERSION, LG_TLS_12, LG_TLS_12, 0},
    {TLS1_VERSION, TLS1_VERSION, LG_TLS_12, LG_TLS_13, 0},
    {TLS1_1_VERSION, TLS1_1_VERSION, LG_TLS_12, LG_TLS_13, 0},
    {TLS1_1_VERSION, TLS1_1_VERSION, LG_TLS_12, LG_TLS_12, 0},
};

TEST(R03, HighestCommonVersionIsChosen)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(version_rows); i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.listener.tls.min_version = version_rows[i].our_min;
        r.listener.tls.max_version = version_rows[i].our_max;
        REQUIRE(build(&r));
        rig_client(&r, 0, NULL, NULL);
        SSL_set_min_proto_version(r.ssl, version_rows[i].client_min);
        SSL_set_max_proto_version(r.ssl, version_rows[i].client_max);
        SSL_set_cipher_list(r.ssl, "ALL:@SECLEVEL=0");
        rig_connect(&r);
        if (version_rows[i].want) {
            EXPECT(rig_is_open(&r));
            EXPECT_EQ(SSL_version(r.ssl), version_rows[i].want);
            EXPECT_EQ(lg_tls_get_info(r.t)->version, version_rows[i].want);
        } else {
            expect_failed(&r, LG_ALERT_PROTOCOL_VERSION, LG_TLS_R_VERSION);
        }
        rig_fini(&r);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "row %zu", i);
        T_STOP_IF_FAILED();
    }
}

TEST(R03, AFallbackThatWasNotNeededIsRefused)
{
    static const struct {
        uint16_t our_max;
        int client_max;
        bool refused;
    } rows[] = {
        {LG_TLS_13, TLS1_2_VERSION, true},
        {LG_TLS_13, TLS1_3_VERSION, false},
        {LG_TLS_12, TLS1_2_VERSION, false},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(rows); i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.listener.tls.max_version = rows[i].our_max;
        REQUIRE(build(&r));
        rig_client(&r, 0, NULL, NULL);
        SSL_set_max_proto_version(r.ssl, rows[i].client_max);
        SSL_set_mode(r.ssl, SSL_MODE_SEND_FALLBACK_SCSV);
        rig_connect(&r);
        if (rows[i].refused)
            expect_failed(&r, LG_ALERT_INAPPROPRIATE_FALLBACK, LG_TLS_R_VERSION);
        else
            EXPECT(rig_is_open(&r));
        rig_fini(&r);
    }
}

TEST(R03, AnsweringTls12PutsTheDowngradeSentinelIntoTheRandom)
{
    struct rig r;
    uint8_t rnd[32];
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_2_VERSION, NULL, NULL);
    EXPECT(rig_is_open(&r));
    SSL_get_server_random(r.ssl, rnd, sizeof rnd);
    EXPECT_MEM(rnd + 24, "DOWNGRD\x01", 8);
    rig_fini(&r);
}

static const struct {
    int version;
    const char *cert, *offer, *want;
} suite_rows[] = {
    {TLS1_3_VERSION, "ecdsa", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {TLS1_3_VERSION, "ecdsa", "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    {TLS1_3_VERSION, "rsa", "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
    {TLS1_3_VERSION, "rsa", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {TLS1_3_VERSION, "p384", "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
    {TLS1_3_VERSION, "ed", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {TLS1_3_VERSION, "chained", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {TLS1_2_VERSION, "ecdsa", "ECDHE-ECDSA-AES128-GCM-SHA256",
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    {TLS1_2_VERSION, "ecdsa", "ECDHE-ECDSA-AES256-GCM-SHA384",
     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    {TLS1_2_VERSION, "ecdsa", "ECDHE-ECDSA-CHACHA20-POLY1305",
     "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    {TLS1_2_VERSION, "p384", "ECDHE-ECDSA-AES256-GCM-SHA384",
     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    {TLS1_2_VERSION, "ed", "ECDHE-ECDSA-AES128-GCM-SHA256",
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    {TLS1_2_VERSION, "rsa", "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    {TLS1_2_VERSION, "rsa", "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
    {TLS1_2_VERSION, "rsa", "ECDHE-RSA-CHACHA20-POLY1305",
     "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
};

static void offer(struct rig *r, int version, const char *suites)
{
    if (version == TLS1_3_VERSION)
        SSL_set_ciphersuites(r->ssl, suites);
    else
        SSL_set_cipher_list(r->ssl, suites);
}

TEST(R04, EverySuiteWorksWithEveryKindOfCertificate)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suite_rows); i++) {
        struct rig r;
        rig_init(&r, suite_rows[i].cert);
        REQUIRE(build(&r));
        rig_client(&r, suite_rows[i].version, NULL, NULL);
        offer(&r, suite_rows[i].version, suite_rows[i].offer);
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        EXPECT_STR(lg_tls_get_info(r.t)->suite, suite_rows[i].want);
        rig_fini(&r);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "row %zu", i);
        T_STOP_IF_FAILED();
    }
}

static void expect_choice(enum lg_tls_prefer prefer, int version, const char *offered,
                          const char *want)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    r.listener.tls.prefer = prefer;
    REQUIRE(build(&r));
    rig_client(&r, version, NULL, NULL);
    offer(&r, version, offered);
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    EXPECT_STR(lg_tls_get_info(r.t)->suite, want);
    rig_fini(&r);
}

TEST(R04, TheServersOrderRulesWhateverTheClients)
{
    static const char *const orders[] = {
        "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
        "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
    };
    for (size_t i = 0; i < 3; i++)
        expect_choice(LG_PREFER_SERVER, TLS1_3_VERSION, orders[i], "TLS_AES_256_GCM_SHA384");
    expect_choice(LG_PREFER_SERVER, TLS1_2_VERSION,
                  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
                  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
}

TEST(R04, PreferClientGivesChaChaToWhoPutsItFirst)
{
    expect_choice(LG_PREFER_CLIENT, TLS1_3_VERSION,
                  "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
                  "TLS_CHACHA20_POLY1305_SHA256");
    expect_choice(LG_PREFER_CLIENT, TLS1_2_VERSION,
                  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384",
                  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    expect_choice(LG_PREFER_CLIENT, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
                  "TLS_AES_128_GCM_SHA256");
}

static void expect_no_suite(const char *cert, int version, const char *suites, const char *groups,
                            const char *sigalgs)
{
    struct rig r;
    rig_init(&r, cert);
    REQUIRE(build(&r));
    rig_client(&r, version, NULL, NULL);
    if (suites)
        offer(&r, version, suites);
    if (groups)
        SSL_set1_groups_list(r.ssl, groups);
    if (sigalgs)
        SSL_set1_sigalgs_list(r.ssl, sigalgs);
    rig_connect(&r);
    expect_failed(&r, LG_ALERT_HANDSHAKE_FAILURE, LG_TLS_R_SUITE);
    EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_FAIL_SUITE), 1);
    rig_fini(&r);
}

TEST(R04, NothingInCommonGetsHandshakeFailure)
{
    expect_no_suite("ecdsa", TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", NULL, NULL);
    expect_no_suite("ecdsa", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL, NULL);
    expect_no_suite("rsa", TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", NULL, NULL);
    expect_no_suite("ecdsa", TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256", NULL, NULL);
    expect_no_suite("ecdsa", TLS1_3_VERSION, NULL, "P-521", NULL);
    expect_no_suite("ecdsa", TLS1_3_VERSION, NULL, NULL, "RSA-PSS+SHA256");
    expect_no_suite("rsa", TLS1_3_VERSION, NULL, NULL, "ECDSA+SHA256");
}

TEST(R06, OnlyRsaKeyTransportGetsHandshakeFailure)
{
    expect_no_suite("rsa", TLS1_2_VERSION, "AES128-GCM-SHA256:AES256-SHA", NULL, NULL);
}

static void expect_group(int version, const char *groups, const char *want)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    REQUIRE(build(&r));
    rig_client(&r, version, NULL, NULL);
    SSL_set1_groups_list(r.ssl, groups);
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    EXPECT_STR(lg_tls_get_info(r.t)->group, want);
    rig_fini(&r);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "%s, version %x", groups, (unsigned)version);
}

TEST(Groups, AreX25519P256AndP384AlsoAfterARetry)
{
    expect_group(TLS1_3_VERSION, "P-256", "secp256r1");
    expect_group(TLS1_3_VERSION, "P-384", "secp384r1");
    expect_group(TLS1_3_VERSION, "X25519:P-256", "x25519");
    expect_group(TLS1_3_VERSION, "P-521:P-384", "secp384r1"); /* HelloRetryRequest */
    expect_group(TLS1_3_VERSION, "X448:X25519", "x25519");    /* HelloRetryRequest */
    expect_group(TLS1_2_VERSION, "P-256", "secp256r1");
    expect_group(TLS1_2_VERSION, "P-384:P-256", "secp256r1"); /* our order */
    expect_group(TLS1_2_VERSION, "P-521:P-256", "secp256r1");
}

/* -- names -- */

static void expect_cert(const char *certs, const char *sni, int version, const char *sigalgs,
                        const char *want)
{
    struct rig r;
    rig_init(&r, certs);
    REQUIRE(build(&r));
    rig_client(&r, version, NULL, NULL);
    if (sni)
        SSL_set_tlsext_host_name(r.ssl, sni);
    if (sigalgs)
        SSL_set1_sigalgs_list(r.ssl, sigalgs);
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    X509 *got = SSL_get0_peer_certificate(r.ssl);
    EXPECT(got && X509_cmp(got, pki_get(want)->x509) == 0);
    rig_fini(&r);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "name %s, wanted %s", sni ? sni : "none", want);
}

TEST(R08, TheNameChoosesTheCertificate)
{
    static const char all[] = "ecdsa,b,wild,cnonly,p384";
    expect_cert(all, NULL, TLS1_3_VERSION, NULL, "ecdsa");
    expect_cert(all, "b.example", TLS1_3_VERSION, NULL, "b");
    expect_cert(all, "www.a.example", TLS1_2_VERSION, NULL, "ecdsa");
    expect_cert(all, "x.wild.example", TLS1_3_VERSION, NULL, "wild");
    expect_cert(all, "x.y.wild.example", TLS1_3_VERSION, NULL, "ecdsa");
    expect_cert(all, "wild.example", TLS1_3_VERSION, NULL, "ecdsa");
    expect_cert(all, "p384.example", TLS1_2_VERSION, NULL, "p384");
    expect_cert(all, "nobody.example", TLS1_3_VERSION, NULL, "ecdsa");
}

TEST(R12, CaseAndATrailingDotMakeNoDifferenceAndCnCountsOnlyWithoutSan)
{
    static const char all[] = "ecdsa,b,wild,cnonly";
    expect_cert(all, "B.EXAMPLE", TLS1_3_VERSION, NULL, "b");
    expect_cert(all, "b.example.", TLS1_2_VERSION, NULL, "b");
    expect_cert(all, "upper.example", TLS1_3_VERSION, NULL, "wild");
    expect_cert(all, "cn.example", TLS1_3_VERSION, NULL, "cnonly");
    expect_cert(all, "ignored.example", TLS1_3_VERSION, NULL, "ecdsa");
}

TEST(R08, OfTwoCertificatesForANameTheClientGetsTheOneItCanVerify)
{
    expect_cert("rsa,ecdsa", "a.example", TLS1_3_VERSION, NULL, "ecdsa");
    expect_cert("rsa,ecdsa", NULL, TLS1_3_VERSION, NULL, "ecdsa");
    expect_cert("rsa,ecdsa", "a.example", TLS1_3_VERSION, "RSA-PSS+SHA256", "rsa");
    expect_cert("ecdsa,rsa", "a.example", TLS1_2_VERSION, "RSA-PSS+SHA256:RSA+SHA256", "rsa");
    expect_cert("ecdsa,rsa", "a.example", TLS1_2_VERSION, NULL, "ecdsa");
    expect_cert("ecdsa,rsa", "unknown.example", TLS1_3_VERSION, "RSA-PSS+SHA256", "rsa");
}

TEST(R12, AnAddressAsNameGetsTheDefaultCertificate)
{
    expect_cert("ecdsa,b", "192.0.2.1", TLS1_3_VERSION, NULL, "ecdsa");
    expect_cert("ecdsa,b", "2001:db8::1", TLS1_2_VERSION, NULL, "ecdsa");
}

TEST(R08, StrictAnswersUnknownNamesWithUnrecognizedName)
{
    for (int i = 0; i < 3; i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.listener.tls.sni_strict = true;
        REQUIRE(build(&r));
        rig_client(&r, i ? TLS1_2_VERSION : TLS1_3_VERSION, NULL, NULL);
        const char *name = i == 2 ? "192.0.2.1" : "nobody.example";
        SSL_set_tlsext_host_name(r.ssl, name);
        rig_connect(&r);
        expect_failed(&r, LG_ALERT_UNRECOGNIZED_NAME, LG_TLS_R_SNI);
        EXPECT_STR(lg_tls_get_info(r.t)->sni, i == 2 ? "" : name);
        rig_fini(&r);
    }
}

TEST(R08, TheChainIsSentInOrderWithoutTheRoot)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    r.certs[0].cert = (char *)pki_bundle("chained,srvinter,srvca");
    r.certs[0].key = (char *)pki_key_file("chained");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    EXPECT(rig_is_open(&r));
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(r.ssl);
    EXPECT_EQ(sk_X509_num(chain), 2);
    EXPECT(X509_cmp(sk_X509_value(chain, 0), pki_get("chained")->x509) == 0);
    EXPECT(X509_cmp(sk_X509_value(chain, 1), pki_get("srvinter")->x509) == 0);
    EXPECT_HAS(rig_messages(&r), "root");
    rig_fini(&r);
}

/* -- ALPN -- */

static void expect_alpn(enum lg_listener_type type, const char *wire, int len, const char *want)
{
    struct rig r;
    char *ours[] = {"two", "one"};
    const uint8_t *got;
    unsigned got_len;
    rig_init(&r, "ecdsa");
    r.listener.type = type;
    r.listener.tls.alpn = ours;
    r.listener.tls.alpn_cnt = type == LG_LISTENER_HTTPS ? 0 : 2;
    REQUIRE(build(&r));
    rig_client(&r, TLS1_3_VERSION, NULL, NULL);
    SSL_set_alpn_protos(r.ssl, (const uint8_t *)wire, (unsigned)len);
    rig_connect(&r);
    if (want) {
        EXPECT(rig_is_open(&r));
        EXPECT_STR(lg_tls_get_info(r.t)->alpn, want);
        SSL_get0_alpn_selected(r.ssl, &got, &got_len);
        EXPECT_EQ(got_len, strlen(want));
        EXPECT_MEM(got, want, strlen(want));
    } else {
        expect_failed(&r, LG_ALERT_NO_APPLICATION_PROTOCOL, LG_TLS_R_ALPN);
    }
    rig_fini(&r);
}

TEST(Alpn, IsChosenInOurOrderOrRefused)
{
    expect_alpn(LG_LISTENER_HTTPS, "\x02h2\x08http/1.1", 12, "http/1.1");
    expect_alpn(LG_LISTENER_HTTPS, "\x02h2", 3, NULL);
    expect_alpn(LG_LISTENER_HTTPS, "", 0, "");
    expect_alpn(LG_LISTENER_TCP_SSL, "\x03one\x03two", 8, "two");
    expect_alpn(LG_LISTENER_TCP_SSL, "\x05three\x03one", 10, "one");
    expect_alpn(LG_LISTENER_TCP_SSL, "\x02h2", 3, NULL);
}

TEST(R07, RandomsDifferPerConnection)
{
    struct rig r;
    uint8_t a[32], b[32];
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    SSL_get_server_random(r.ssl, a, 32);
    rig_close(&r);
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    SSL_get_server_random(r.ssl, b, 32);
    EXPECT(memcmp(a, b, 32) != 0);
    rig_fini(&r);
}
