/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_staple.c: R10: OCSP answers stapled to the server's certificate, from a file and fetched
 * from `openssl ocsp`; seen by OpenSSL and by GnuTLS, which refuses a certificate that must be
 * stapled and is not (RFC 7633). */
#include "rig.h"

#include <signal.h>

static const char from_file[] =
    "pools:\n  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"
    "listeners:\n"
    "  - {name: filed, type: tcp_ssl, $BIND:8470, pool: web,\n"
    "     tls: {certificates: [{cert: $PKI/must.pem, key: $PKI/must.key, ocsp: $PKI/good.ocsp}]}}\n"
    "  - {name: revoked, type: tcp_ssl, $BIND:8471, pool: web,\n"
    "     tls: {certificates: [{cert: $PKI/must-not.pem, key: $PKI/must-not.key,\n"
    "           ocsp: $PKI/revoked.ocsp}]}}\n";

static const char fetched[] =
    "pools:\n  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"
    "listeners:\n"
    "  - {name: fetched, type: tcp_ssl, $BIND:8472, pool: web,\n"
    "     tls: {certificates: [{cert: $PKI/must.pem, key: $PKI/must.key, ocsp_fetch: true}]}}\n";

static const char *const versions[] = {"-tls1_2", "-tls1_3"};

/* expect_staple: both OpenSSL and GnuTLS are handed a good answer and go on. */
static void expect_staple(const char *port)
{
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "NAME=must.example hello %s %s -status", port, versions[i]);
        EXPECT_HAS(rig_out, "OCSP Response Status: successful");
        EXPECT_HAS(rig_out, "Cert Status: good");
        EXPECT_HAS(rig_out, "hello from");
    }
    static const char *const gnutls[] = {"-VERS-ALL:+VERS-TLS1.2", "-VERS-ALL:+VERS-TLS1.3"};
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0,
                   "gnutls %s --sni-hostname=must.example --verify-hostname=must.example "
                   "--priority=NORMAL:%s",
                   port, gnutls[i]);
        EXPECT_HAS(rig_out, "The certificate is trusted");
        EXPECT_HAS(rig_out, "hello from");
    }
}

/* expect_no_staple: OpenSSL goes on without, GnuTLS does not. */
static void expect_no_staple(const char *port, const char *name)
{
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "NAME=%s hello %s %s -status", name, port, versions[i]);
        EXPECT_HAS(rig_out, "OCSP response: no response sent");
        EXPECT_HAS(rig_out, "hello from");
    }
    EXPECT(rig_client("gnutls %s --sni-hostname=%s --verify-hostname=%s", port, name, name) != 0);
    EXPECT_HAS(rig_out, "requires the server to include an OCSP status in its response");
}

E2E(Staple, R10_FromAFile)
{
    RIG(from_file);
    int64_t sent = rig_stat("tls_stapled");
    expect_staple("8470");
    EXPECT_STAT("tls_stapled", sent + 4);
    EXPECT_RUN(0, "NAME=must.example hello 8470");
    EXPECT_STAT("tls_stapled", sent + 4); /* who does not ask gets none */
}

E2E(Staple, R10_WhatSaysRevokedIsNotSent)
{
    RIG(from_file);
    int64_t missing = rig_stat("tls_staple_missing");
    expect_no_staple("8471", "must-not.example");
    EXPECT(rig_stat("tls_staple_missing") >= missing + 2);
}

E2E(Staple, R10_FetchedFromTheRespondersAddressInTheCertificate)
{
    rig_mark();
    RIG(fetched);
    EXPECT_LOGGED("no answer from http://127.0.0.1:2560/ to staple");
    expect_no_staple("8472", "must.example");
    EXPECT_EQ(rig_stat("ocsp_good"), 0);
    pid_t responder = rig_spawn_gate(
        "exec openssl ocsp -port 2560 -index $PKI/ca/server-inter/index -CA $PKI/server-inter.pem "
        "-rsigner $PKI/ocsp-server.crt -rkey $PKI/ocsp-server.key -nmin 10");
    /* It is asked again by itself, at most 16 s after the last time. */
    EXPECT(rig_wait(30, "[ \"$($LOCKGATECTL -s $DIR/gate.sock stats ocsp_good)\" = 1 ]"));
    expect_staple("8472");
    EXPECT_EQ(rig_stat("ocsp_failing"), 0);
    kill(responder, SIGKILL);
    (void)rig_join(responder, 5);
    EXPECT(rig_reload()); /* what was fetched outlives a reload, and the responder */
    expect_staple("8472");
}

static const char asked[] =
    "pools:\n  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"
    "listeners:\n"
    "  - {name: hard, type: tcp_ssl, $BIND:8473, pool: web,\n"
    "     tls: {$CERTS, client_auth: required, client_ca: $PKI/client-ca.pem, client_ocsp: hard,\n"
    "           client_ocsp_responder: \"http://127.0.0.1:2561/\"}}\n"
    "  - {name: soft, type: https, $BIND:8474, pool: web,\n"
    "     tls: {$CERTS, client_auth: required, client_ca: $PKI/client-ca.pem, client_ocsp: soft,\n"
    "           client_ocsp_responder: \"http://127.0.0.1:2561/\"}}\n";

E2E(ClientOcsp, R19_TheRespondersWordDecides)
{
    rig_mark();
    RIG(asked);
    /* Nobody answers: hard refuses, soft admits. */
    EXPECT(rig_client("hello 8473 -tls1_3 $(as rsa-client)") != 0);
    EXPECT_HAS(rig_out, "certificate unknown");
    EXPECT_LOGGED("no OCSP answer about the client certificate");
    EXPECT_RUN(0, "get 8474 /hello $(as rsa-client)");
    EXPECT_HAS(rig_out, "hello from");
    pid_t responder = rig_spawn_gate(
        "exec openssl ocsp -port 2561 -index $PKI/ca/client-inter/index -CA $PKI/client-inter.pem "
        "-rsigner $PKI/client-inter.pem -rkey $PKI/ca/client-inter/key.pem -nmin 10");
    EXPECT(rig_gate_listens(2561));
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "hello 8473 %s $(as alice)", versions[i]); /* the first one waits */
        EXPECT_HAS(rig_out, "hello from");
        EXPECT(rig_client("hello 8473 %s $(as bob)", versions[i]) != 0);
        EXPECT_HAS(rig_out, "alert certificate revoked");
        EXPECT(rig_client("get 8474 /hello $(as bob)") != 0);
        EXPECT_HAS(rig_out, "certificate revoked");
    }
    EXPECT_RUN(0, "gnutls 8473 --x509certfile=$PKI/alice.pem --x509keyfile=$PKI/alice.key");
    EXPECT_HAS(rig_out, "hello from");
    kill(responder, SIGKILL);
    (void)rig_join(responder, 5);
    EXPECT_RUN(0, "hello 8473 $(as alice)"); /* what was said holds */
    EXPECT_HAS(rig_out, "hello from");
}
