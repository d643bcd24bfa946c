/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_server_cert.c: R8, R9, R11, R12, R46: which certificate a client is shown. R13 is in
 * test_reload.c and test_start.c. */
#include "rig.h"

/* expect_subject: the leaf that a client with this name is shown. */
static void expect_subject(const char *port, const char *name, const char *subject)
{
    rig_client("NAME='%s' hello %s", name, port);
    if (!strstr(rig_out, subject))
        t_fail(__FILE__, __LINE__, "port %s, name %s: not %s in %.2000s", port, name, subject,
               rig_out);
}

E2E(ServerCert, R8_LeafAndIntermediateInOrderNoRoot)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "hello 8443 -showcerts");
    EXPECT_HAS(rig_out, " 0 s:O = Lockgate, CN = shop.example");
    EXPECT_HAS(rig_out, " 1 s:O = Lockgate, CN = Lockgate Test Server Intermediate");
    EXPECT(!strstr(rig_out, "\n 2 s:"));
}

E2E(ServerCert, R8_NameExactThenWildcardThenDefault)
{
    RIG(rig_standard);
    expect_subject("8464", "shop.example", " 0 s:O = Lockgate, CN = shop.example");
    expect_subject("8464", "other.example", " 0 s:O = Lockgate, CN = other.example");
    expect_subject("8464", "a.wild.example", " 0 s:O = Lockgate, CN = *.wild.example");
    expect_subject("8464", "nobody.example", " 0 s:O = Lockgate, CN = shop.example");
}

E2E(ServerCert, R12_WildcardIsOneLabelAndCaseDoesNotMatter)
{
    RIG(rig_standard);
    expect_subject("8464", "a.b.wild.example", " 0 s:O = Lockgate, CN = shop.example");
    expect_subject("8464", "wild.example", " 0 s:O = Lockgate, CN = shop.example");
    expect_subject("8464", "OTHER.Example", " 0 s:O = Lockgate, CN = other.example");
    expect_subject("8464", "A.WILD.example", " 0 s:O = Lockgate, CN = *.wild.example");
}

E2E(ServerCert, R12_WrongNameGetsTheDefaultAndTheClientRejectsIt)
{
    RIG(rig_standard);
    EXPECT(rig_client("curl -sS --noproxy '*' --cacert $PKI/server-root.pem --resolve "
                      "wrong.example:8443:$GATE4 https://wrong.example:8443/hello") != 0);
    EXPECT_HAS(rig_out, "no alternative certificate subject name matches");
    EXPECT_RUN(0, "curl -sS --noproxy '*' --cacert $PKI/server-root.pem https://$GATE4:8443/hello");
    EXPECT_HAS(rig_out, "hello from"); /* by IP SAN, without SNI */
    EXPECT_RUN(0, "curl -sS --noproxy '*' --cacert $PKI/server-root.pem https://$GATE6:8443/hello");
}

E2E(ServerCert, R8_StrictSniRefusesUnknownNames)
{
    RIG(rig_standard);
    int64_t refused = rig_stat("tls_fail_sni");
    EXPECT_RUN(0, "hello 8452");
    EXPECT_HAS(rig_out, "hello from");
    static const char *const versions[] = {"-tls1_3", "-tls1_2"};
    for (int i = 0; i < 2; i++) {
        EXPECT(rig_client("NAME=nobody.example hello 8452 %s", versions[i]) != 0);
        EXPECT_HAS(rig_out, "unrecognized name");
    }
    EXPECT_STAT("tls_fail_sni", refused + 2);
}

E2E(ServerCert, R8_EcdsaFirstAndRsaForWhoCannotVerifyIt)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "hello 8443 -tls1_3");
    EXPECT_HAS(rig_out, "Peer signature type: ECDSA");
    EXPECT_RUN(0, "hello 8443 -tls1_2");
    EXPECT_HAS(rig_out, "Peer signature type: ECDSA");
    EXPECT_RUN(0, "hello 8443 -tls1_3 -sigalgs RSA-PSS+SHA256:RSA+SHA256");
    EXPECT_HAS(rig_out, "Peer signature type: RSA-PSS");
    EXPECT_RUN(0, "hello 8443 -tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384");
    EXPECT_HAS(rig_out, "Cipher is ECDHE-RSA-AES256-GCM-SHA384");
    EXPECT_RUN(0, "hello 8463 -tls1_3");
    EXPECT_HAS(rig_out, "Peer signature type: RSA");
    int64_t refused = rig_stat("tls_fail_suite");
    EXPECT(rig_client("hello 8463 -tls1_3 -sigalgs ECDSA+SHA256") != 0);
    EXPECT_HAS(rig_out, "alert handshake failure"); /* a name, but no key this client can check */
    EXPECT_STAT("tls_fail_suite", refused + 1);
}

E2E(ServerCert, R11_ClientWithoutTheCaFailsAndItsAlertIsCounted)
{
    RIG(rig_standard);
    int64_t alerts = rig_stat("tls_fail_peer_alert"), backend = rig_stat("proxy_backend_ok");
    EXPECT_RUN(60, "curl -sS --noproxy '*' --cacert $PKI/other-root.pem --resolve "
                   "shop.example:8443:$GATE4 https://shop.example:8443/hello");
    EXPECT_HAS(rig_out, "unable to get");
    EXPECT_STAT("tls_fail_peer_alert", alerts + 1);
    EXPECT_LOGGED("unknown_ca");
    EXPECT_EQ(rig_stat("proxy_backend_ok"), backend);
}

E2E(ServerCert, R46_KeysOfEachKindServe)
{
    RIG(rig_standard);
    static const char *const names[] = {"rsa-only.example", "p384.example", "ed25519.example",
                                        "other.example"};
    for (int i = 0; i < 4; i++) {
        EXPECT_RUN(0, "NAME=%s hello 8464 -verify_return_error -verify_hostname %s", names[i],
                   names[i]);
        EXPECT_HAS(rig_out, "Verify return code: 0 (ok)");
        EXPECT_HAS(rig_out, "hello from");
    }
}
