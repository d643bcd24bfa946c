/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_client_cert.c: R15 to R28: who is admitted, and what the others are told. */
#include "rig.h"

#include <stdio.h>

struct case_ {
    const char *who;   /* of pki.sh; NULL: presents nothing */
    const char *alert; /* as OpenSSL writes it; NULL: any of the refusals */
    const char *stat;  /* counter that rises; NULL: any, tls_hs_failed anyway */
    const char *word;  /* in the log line, with the subject; NULL: not looked at */
};

static const char *const versions[] = {"-tls1_3", "-tls1_2"};

static const char *cert_args(const char *who)
{
    static char text[256];

    if (!who)
        return "";
    snprintf(text, sizeof text, "-cert $PKI/%s.crt -key $PKI/%s.key -cert_chain $PKI/%s.pem", who,
             who, who);
    return text;
}

/* serial_of reads a certificate's serial number as openssl prints it. */
static const char *serial_of(const char *who)
{
    static char text[128];

    rig_tool("openssl x509 -in $PKI/%s.pem -noout -serial | cut -d = -f 2 | tr A-F a-f", who);
    snprintf(text, sizeof text, "%.100s", rig_out);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* expect_refused: in one version on one port; the backend sees nothing. */
static void expect_refused(const char *port, const char *version, const struct case_ *c)
{
    char serial[128] = "";
    const char *who = c->who ? c->who : "nobody";

    if (c->word && c->who)
        snprintf(serial, sizeof serial, "%s", serial_of(c->who));
    int64_t failed = rig_stat("tls_hs_failed"), backend = rig_stat("tcp_connected");
    int64_t reason = c->stat ? rig_stat(c->stat) : 0;
    rig_mark();
    if (rig_client("hello %s %s %s", port, version, cert_args(c->who)) == 0 &&
        strstr(rig_out, "hello from"))
        t_fail(__FILE__, __LINE__, "%s was admitted at %s %s", who, port, version);
    if (!strstr(rig_out, "SSL alert number") || (c->alert && !strstr(rig_out, c->alert)))
        t_fail(__FILE__, __LINE__, "%s at %s %s saw no alert '%s': %.2500s", who, port, version,
               c->alert ? c->alert : "", rig_out);
    EXPECT_STAT("tls_hs_failed", failed + 1);
    if (c->stat)
        EXPECT_STAT(c->stat, reason + 1);
    if (c->word && c->who) {
        EXPECT_LOGGED(c->word);
        EXPECT_LOGGED(serial);
    }
    EXPECT_EQ(rig_stat("tcp_connected"), backend);
}

static void expect_refused_everywhere(const struct case_ *c)
{
    static const char *const ports[] = {"8444", "444", "8445"}; /* the last: optional */
    for (int p = 0; p < 3; p++)
        for (int v = 0; v < 2; v++)
            expect_refused(ports[p], versions[v], c);
}

static void expect_admitted(const char *port, const char *version, const char *who)
{
    int64_t mutual = rig_stat("tls_hs_mutual");

    EXPECT_RUN(0, "hello %s %s %s", port, version, cert_args(who));
    if (!strstr(rig_out, "hello from"))
        t_fail(__FILE__, __LINE__, "%s was not admitted at %s %s: %.2500s", who ? who : "nobody",
               port, version, rig_out);
    EXPECT_STAT("tls_hs_mutual", mutual + (who ? 1 : 0));
}

E2E(ClientCert, R15_NothingPresentedIsRefusedWhereRequired)
{
    RIG(rig_standard);
    static const struct case_ new = {NULL, "certificate required", "tls_fail_no_cert", NULL};
    static const struct case_ old = {NULL, "handshake failure", "tls_fail_no_cert", NULL};
    expect_refused("8444", "-tls1_3", &new);
    expect_refused("444", "-tls1_3", &new);
    expect_refused("8444", "-tls1_2", &old);
    expect_refused("444", "-tls1_2", &old);
}

E2E(ClientCert, R15_NothingPresentedIsAdmittedWhereOptional)
{
    RIG(rig_standard);
    for (int v = 0; v < 2; v++)
        expect_admitted("8445", versions[v], NULL);
}

E2E(ClientCert, R16_GoodCertificateWithItsIntermediateIsAdmitted)
{
    RIG(rig_standard);
    static const char *const ports[] = {"8444", "444", "8445", "8461"};
    static const char *const who[] = {"alice", "rsa-client"};
    for (int p = 0; p < 4; p++)
        for (int v = 0; v < 2; v++)
            for (int w = 0; w < 2; w++)
                expect_admitted(ports[p], versions[v], who[w]);
}

E2E(ClientCert, R17_IntermediateMayBeInTheBundleOnly)
{
    RIG(rig_standard);
    for (int v = 0; v < 2; v++) {
        EXPECT_RUN(0, "hello 8444 %s -cert $PKI/alice.crt -key $PKI/alice.key", versions[v]);
        EXPECT_HAS(rig_out, "hello from");
        /* The bundle of 8461 is the root alone: there it must come with the client. */
        EXPECT(rig_client("hello 8461 %s -cert $PKI/alice.crt -key $PKI/alice.key", versions[v]) !=
               0);
        EXPECT_HAS(rig_out, "unknown ca");
    }
}

E2E(ClientCert, R18_ExpiredOrNotYetValidIsRefused)
{
    RIG(rig_standard);
    static const struct case_ past = {"carol", "certificate expired", "tls_fail_expired", "carol"};
    static const struct case_ future = {"dave", "SSL alert number 4", "tls_fail_expired", "dave"};
    expect_refused_everywhere(&past);
    expect_refused_everywhere(&future); /* certificate_expired (45) or bad_certificate (42) */
}

E2E(ClientCert, R19_RevokedIsRefused)
{
    RIG(rig_standard);
    static const struct case_ bob = {"bob", "certificate revoked", "tls_fail_revoked", "bob"};
    expect_refused_everywhere(&bob);
}

E2E(ClientCert, R20_UnknownCaIsRefused)
{
    RIG(rig_standard);
    static const struct case_ cases[] = {
        {"mallory", "unknown ca", "tls_fail_unknown_ca", "mallory"},
        {"insider", "unknown ca", "tls_fail_unknown_ca", "insider"}, /* the server's own CA */
    };
    for (int i = 0; i < 2; i++)
        expect_refused_everywhere(&cases[i]);
    static const struct case_ selfmade = {NULL, "unknown ca", "tls_fail_unknown_ca", NULL};
    int64_t backend = rig_stat("tcp_connected"), reason = rig_stat(selfmade.stat);
    for (int v = 0; v < 2; v++) {
        EXPECT(rig_client("hello 8444 %s -cert $PKI/selfmade.pem -key $PKI/selfmade.key",
                          versions[v]) != 0);
        EXPECT_HAS(rig_out, selfmade.alert);
    }
    EXPECT_STAT(selfmade.stat, reason + 2);
    EXPECT_EQ(rig_stat("tcp_connected"), backend);
}

E2E(ClientCert, R21_GoodForAnotherListenerOnlyIsRefused)
{
    RIG(rig_standard);
    static const struct case_ partner = {"partner", "unknown ca", "tls_fail_unknown_ca", "partner"};
    static const struct case_ alice = {"alice", "unknown ca", "tls_fail_unknown_ca", "alice"};
    for (int v = 0; v < 2; v++) {
        expect_admitted("8460", versions[v], "partner");
        expect_refused("8444", versions[v], &partner);
        expect_refused("8460", versions[v], &alice);
    }
}

E2E(ClientCert, R22_CertificateWithoutItsKeyIsRefused)
{
    RIG(rig_standard);
    int64_t reason = rig_stat("tls_fail_signature"), backend = rig_stat("tcp_connected");
    static const char *const ports[] = {"8444", "444", "8445"};
    for (int p = 0; p < 3; p++)
        for (int v = 0; v < 2; v++) {
            EXPECT(rig_client("hello %s %s -cert $PKI/alice.pem -key $PKI/thief.key", ports[p],
                              versions[v]) != 0);
            EXPECT_HAS(rig_out, "alert decrypt error");
        }
    EXPECT_RUN(0, "py bad-verify 8444");
    EXPECT_HAS(rig_out, "alert decrypt_error");
    EXPECT_STAT("tls_fail_signature", reason + 7);
    EXPECT_EQ(rig_stat("tcp_connected"), backend);
}

E2E(ClientCert, R23_WrongUseAndBrokenChainsAreRefused)
{
    RIG(rig_standard);
    static const struct case_ cases[] = {
        {"wrong-use", NULL, NULL, "wrong-use"}, /* serverAuth only */
        {"no-sign", NULL, NULL, "no-sign"},     /* no digitalSignature */
    };
    for (int i = 0; i < 2; i++)
        expect_refused_everywhere(&cases[i]);
    static const struct case_ orphan = {"orphan", NULL, NULL, "orphan"}; /* below no CA */
    static const struct case_ deep = {"deep", NULL, NULL, "deep"};
    for (int v = 0; v < 2; v++) {
        expect_refused("8461", versions[v], &orphan);
        expect_admitted("8461", versions[v], "deep"); /* three intermediates */
        expect_refused("8462", versions[v], &deep);   /* verify_depth: 2 */
    }
}

E2E(ClientCert, R24_WeakKeysAndHashesAreRefused)
{
    RIG(rig_standard);
    int64_t failed = rig_stat("tls_hs_failed");
    static const char *const who[] = {"weak", "sha1"};
    for (int w = 0; w < 2; w++)
        for (int v = 0; v < 2; v++) {
            EXPECT(rig_client("hello 8444 %s -cipher DEFAULT:@SECLEVEL=0 %s", versions[v],
                              cert_args(who[w])) != 0);
            EXPECT_HAS(rig_out, "SSL alert number");
            EXPECT(!strstr(rig_out, "hello from"));
        }
    EXPECT_STAT("tls_hs_failed", failed + 4);
}

E2E(ClientCert, R25_GarbageCertificatesAreRefused)
{
    RIG(rig_standard);
    int64_t failed = rig_stat("tls_hs_failed");
    static const char *const verbs[] = {"garbage-cert", "lying-cert-length"};
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "py %s 8444", verbs[i]);
        EXPECT(strstr(rig_out, "alert decode_error") || strstr(rig_out, "alert bad_certificate"));
    }
    for (int v = 0; v < 2; v++) {
        EXPECT(rig_client("py request 8444 %s hundred", v ? "1.2" : "1.3") == 0);
        EXPECT_HAS(rig_out, "alert ");
        EXPECT(!strstr(rig_out, "hello from"));
    }
    EXPECT_STAT("tls_hs_failed", failed + 4);
    EXPECT(rig_settles());
    EXPECT_EQ(rig_stat("tls_arena_used"), 0);
}

E2E(ClientCert, R26_OneFlippedBitInTheSignatureIsRefused)
{
    RIG(rig_standard);
    static const struct case_ flipped = {"flipped", NULL, NULL, "alice"};
    expect_refused_everywhere(&flipped);
}

E2E(ClientCert, R28_MissingCrlFailsClosedOrOpen)
{
    RIG(rig_standard);
    static const struct case_ alice = {"alice", NULL, "tls_fail_crl", "alice"};
    for (int v = 0; v < 2; v++) {
        expect_refused("8456", versions[v], &alice);
        expect_admitted("8457", versions[v], "alice");
    }
}

E2E(ClientCert, R28_StaleCrlFailsClosedOrOpen)
{
    RIG(rig_standard);
    static const struct case_ alice = {"alice", NULL, "tls_fail_crl", "alice"};
    for (int v = 0; v < 2; v++) {
        expect_refused("8458", versions[v], &alice);
        expect_admitted("8459", versions[v], "alice");
    }
}
