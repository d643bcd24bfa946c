/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_negotiation.c: R3 to R7, R39, R40: versions, suites, groups, randoms. */
#include "rig.h"

#include <stdio.h>

/* The clients of R3, with the versions they offer. */
static const struct offer {
    const char *name, *args;
    int lo, hi; /* 10 … 13 */
} offers[] = {
    {"only 1.0", "-tls1 -cipher DEFAULT:@SECLEVEL=0", 10, 10},
    {"only 1.1", "-tls1_1 -cipher DEFAULT:@SECLEVEL=0", 11, 11},
    {"only 1.2", "-tls1_2", 12, 12},
    {"only 1.3", "-tls1_3", 13, 13},
    {"1.2 and 1.3", "", 12, 13},
};

static void expect_version(const char *port, int lo, int hi)
{
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        const struct offer *o = &offers[i];
        int best = o->hi < hi ? o->hi : hi;
        int64_t refused = rig_stat("tls_fail_version");
        int status = rig_client("hello %s %s", port, o->args);
        if (best < lo || best < o->lo) {
            if (status == 0)
                t_fail(__FILE__, __LINE__, "port %s served a client with %s", port, o->name);
            EXPECT_HAS(rig_out, "alert protocol version");
            EXPECT_STAT("tls_fail_version", refused + 1);
            continue;
        }
        EXPECT_HAS(rig_out, "hello from");
        EXPECT_HAS(rig_out, best == 13 ? "New, TLSv1.3" : "New, TLSv1.2");
    }
}

E2E(Negotiation, R3_BothVersionsAllowed)
{
    RIG(rig_standard);
    expect_version("8443", 12, 13);
}

E2E(Negotiation, R3_OnlyTls12Allowed)
{
    RIG(rig_standard);
    expect_version("8450", 12, 12);
}

E2E(Negotiation, R3_OnlyTls13Allowed)
{
    RIG(rig_standard);
    expect_version("8451", 13, 13);
}

E2E(Negotiation, R3_CountsEachVersion)
{
    RIG(rig_standard);
    int64_t v12 = rig_stat("tls_hs_done_12"), v13 = rig_stat("tls_hs_done_13");
    EXPECT_RUN(0, "get 8443 /hello --tls-max 1.2");
    EXPECT_RUN(0, "get 8443 /hello --tlsv1.3");
    EXPECT_RUN(0, "gnutls 8443 --priority NORMAL:-VERS-ALL:+VERS-TLS1.2");
    EXPECT_HAS(rig_out, "TLS1.2");
    EXPECT_STAT("tls_hs_done_12", v12 + 2);
    EXPECT_STAT("tls_hs_done_13", v13 + 1);
}

E2E(Negotiation, R3_DowngradeSentinelStandsInRandomsOf12)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "py randoms 8443 10 1.2");
    EXPECT_HAS(rig_out, "sentinel 10");
    EXPECT_RUN(0, "py randoms 8443 10 1.3");
    EXPECT_HAS(rig_out, "sentinel 0");
}

/* expect_same_suite: whatever the order in which a client offers, the same suite is chosen. */
static void expect_same_suite(const char *port, const char *option, const char *const *orders,
                              const char *want, const char *more)
{
    for (; *orders; orders++) {
        EXPECT_RUN(0, "hello %s %s %s %s", port, option, *orders, more);
        EXPECT_HAS(rig_out, want);
        EXPECT_HAS(rig_out, "hello from");
    }
}

static const char *const orders13[] = {
    "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", NULL};
static const char *const orders12[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
    NULL};

E2E(Negotiation, R4_ServersOrderRules)
{
    RIG(rig_standard);
    expect_same_suite("8443", "-tls1_3 -ciphersuites", orders13, "Cipher is TLS_AES_256_GCM_SHA384",
                      "");
    expect_same_suite("8443", "-tls1_2 -cipher", orders12,
                      "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384", "");
}

E2E(Negotiation, R4_PreferClientGivesChaChaToWhoPutsItFirst)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "hello 8453 -tls1_3 -ciphersuites %s", orders13[2]);
    EXPECT_HAS(rig_out, "Cipher is TLS_CHACHA20_POLY1305_SHA256");
    EXPECT_RUN(0, "hello 8453 -tls1_3 -ciphersuites %s", orders13[1]);
    EXPECT_HAS(rig_out, "Cipher is TLS_AES_128_GCM_SHA256");
    EXPECT_RUN(0, "hello 8453 -tls1_2 -cipher %s", orders12[1]);
    EXPECT_HAS(rig_out, "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305");
}

E2E(Negotiation, R4_NoCommonSuiteIsHandshakeFailure)
{
    RIG(rig_standard);
    int64_t refused = rig_stat("tls_fail_suite");
    EXPECT(rig_client("hello 8443 -tls1_2 -cipher NULL-SHA256:@SECLEVEL=0") != 0);
    EXPECT_HAS(rig_out, "alert handshake failure");
    EXPECT(rig_client("hello 8443 -tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256") != 0);
    EXPECT_HAS(rig_out, "alert handshake failure");
    EXPECT_STAT("tls_fail_suite", refused + 2);
}

E2E(Negotiation, R5_TheSameSelectionInBothModes)
{
    RIG(rig_standard);
    const char *alice = "-cert $PKI/alice.pem -key $PKI/alice.key";
    expect_same_suite("8444", "-tls1_3 -ciphersuites", orders13, "Cipher is TLS_AES_256_GCM_SHA384",
                      alice);
    expect_same_suite("8444", "-tls1_2 -cipher", orders12,
                      "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384", alice);
}

E2E(Negotiation, R6_RsaKeyTransportIsRefused)
{
    RIG(rig_standard);
    int64_t refused = rig_stat("tls_fail_suite");
    static const char *const ports[] = {"8443", "8463"}; /* ECDSA and RSA; RSA only */
    for (int i = 0; i < 2; i++) {
        EXPECT(rig_client("hello %s -tls1_2 -cipher AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA",
                          ports[i]) != 0);
        EXPECT_HAS(rig_out, "alert handshake failure");
    }
    EXPECT_STAT("tls_fail_suite", refused + 2);
}

E2E(Negotiation, R7_ServerRandomsDiffer)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "py randoms 8443 300 1.3");
    EXPECT_HAS(rig_out, "randoms 300 different 300");
    EXPECT_RUN(0, "py randoms 8443 300 1.2");
    EXPECT_HAS(rig_out, "randoms 300 different 300");
}

E2E(Negotiation, GroupsOfferedByClientsWork)
{
    RIG(rig_standard);
    static const char *const groups[] = {"X25519", "P-256", "P-384", "P-384:X25519"};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        /* The last needs no HelloRetryRequest, the ones before offer a single share. */
        EXPECT_RUN(0, "hello 8443 -tls1_3 -groups %s", groups[i]);
        EXPECT_HAS(rig_out, "hello from");
        EXPECT_RUN(0, "hello 8443 -tls1_2 -groups %s", groups[i]);
        EXPECT_HAS(rig_out, "hello from");
    }
    int64_t refused = rig_stat("tls_fail_suite");
    EXPECT(rig_client("hello 8443 -tls1_3 -groups X448") != 0);
    EXPECT_HAS(rig_out, "alert handshake failure");
    EXPECT_STAT("tls_fail_suite", refused + 1);
}

E2E(Negotiation, HelloRetryRequestFindsTheCommonGroup)
{
    RIG(rig_standard);
    /* The client's share is for its first group, which we do not speak. */
    EXPECT_RUN(0, "hello 8443 -tls1_3 -groups X448:X25519 -msg");
    EXPECT_HAS(rig_out, "hello from");
    EXPECT_HAS(rig_out, "Server Temp Key: X25519");
}

E2E(Negotiation, AlpnIsChosenOrRefused)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "hello 8454 -alpn bar,foo");
    EXPECT_HAS(rig_out, "ALPN protocol: foo"); /* our order */
    EXPECT_RUN(0, "hello 8454 -alpn zip,bar");
    EXPECT_HAS(rig_out, "ALPN protocol: bar");
    EXPECT_RUN(0, "hello 8454");
    EXPECT_HAS(rig_out, "No ALPN negotiated");
    int64_t refused = rig_stat("tls_fail_alpn");
    EXPECT(rig_client("hello 8454 -alpn zip,zap") != 0);
    EXPECT_HAS(rig_out, "alert no application protocol");
    EXPECT_STAT("tls_fail_alpn", refused + 1);
    EXPECT_RUN(0, "get 443 /hello -v --http2"); /* offers h2 and http/1.1 */
    EXPECT_HAS(rig_out, "ALPN: server accepted http/1.1");
}

E2E(Negotiation, R39_KeyUpdateIsHonoured)
{
    RIG(rig_standard);
    /* s_client's K: update and ask for one; k: update. A line of its own after each goes through.
     */
    EXPECT_RUN(0, "(echo one; sleep 0.3; echo K; sleep 0.3; echo two; sleep 0.3; echo k; sleep 0.3;"
                  " echo three; sleep 0.5; echo Q) |"
                  " timeout 20 openssl s_client -connect $GATE4:9002 -servername shop.example"
                  " -CAfile $PKI/server-root.pem -tls1_3 -msg 2>&1");
    EXPECT_HAS(rig_out, "KEYUPDATE");
    EXPECT_HAS(rig_out, "<<< TLS 1.3, Handshake [length 0005], KeyUpdate"); /* the one asked for */
    EXPECT_HAS(rig_out, "\none\n");
    EXPECT_HAS(rig_out, "\ntwo\n");
    EXPECT_HAS(rig_out, "\nthree\n");
}

E2E(Negotiation, R40_RenegotiationIsRefused)
{
    RIG(rig_standard);
    int64_t done = rig_stat("tls_hs_done");
    rig_client("(echo one; sleep 0.3; echo R; sleep 1; echo two; sleep 0.5; echo Q) |"
               " timeout 20 openssl s_client -connect $GATE4:9002 -servername shop.example"
               " -CAfile $PKI/server-root.pem -tls1_2 -msg 2>&1 | grep -v '^    '");
    EXPECT_HAS(rig_out, "\none\n");
    EXPECT_HAS(rig_out, "RENEGOTIATING");
    /* RFC 5246 7.2.2 leaves it to us whether we say no or end it. */
    EXPECT(strstr(rig_out, "fatal unexpected_message") || strstr(rig_out, "no_renegotiation"));
    EXPECT(!strstr(rig_out, "\ntwo\n") || strstr(rig_out, "no_renegotiation"));
    EXPECT_STAT("tls_hs_done", done + 1);
    EXPECT(rig_settles());
}
