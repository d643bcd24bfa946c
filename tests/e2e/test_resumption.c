/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_resumption.c: R31 to R37b: coming back with a ticket, by openssl and gnutls-cli. */
#include "rig.h"

#include <stdio.h>

#define WEB                                                                                        \
    "pools:\n"                                                                                     \
    "  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"                         \
    "listeners:\n"
#define ONE_WAY "  - {name: one, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS}}\n"
#define SITE(tls)                                                                                  \
    "  - {name: two, type: https, $BIND:8444, tls: {$CERTS, " tls "},"                             \
    " routes: [{host: \"*\", path: /, pool: web}]}\n"
#define OFF "  - {name: off, type: tcp_ssl, $BIND:8445, pool: web, tls: {$CERTS, tickets: false}}\n"
#define CA "client_auth: required, client_ca: $PKI/client-ca.pem"
#define CRLS(inter) CA ", crl: [$PKI/client-root.crl, $PKI/" inter "]"

static const char echo[] =
    "pools:\n"
    "  - {name: odd, backends: [{name: a, address: \"10.91.2.10:8001\"}]}\n"
    "listeners:\n"
    "  - {name: echo, type: https, $BIND:8446, tls: {$CERTS, " CA ", client_cert_header: true},"
    " routes: [{host: \"*\", path: /, pool: odd}]}\n";
static const char first[] = WEB ONE_WAY SITE(CRLS("client-inter.crl")) OFF;

static const char *const versions[] = {"-tls1_3", "-tls1_2"};
static const char alice[] = "-cert $PKI/alice.crt -key $PKI/alice.key -cert_chain $PKI/alice.pem";

/* full makes a session and keeps it; back comes with it and says what openssl thinks it is. */
static void full(const char *port, const char *version, const char *who)
{
    EXPECT_RUN(0, "hello %s %s %s -sess_out $DIR/session", port, version, who);
    EXPECT_HAS(rig_out, "hello from");
    EXPECT_HAS(rig_out, "New, TLS");
}

static bool back(const char *port, const char *version, const char *who)
{
    int64_t before = rig_stat("tls_hs_resumed");
    rig_client("hello %s %s %s -sess_in $DIR/session", port, version, who);
    bool is = strstr(rig_out, "Reused, TLS") != NULL;
    EXPECT_STAT("tls_hs_resumed", before + is);
    return is;
}

E2E(Resumption, R33_ATicketServesItsOwnListenerOnly)
{
    RIG(first);
    for (int v = 0; v < 2; v++) {
        full("8443", versions[v], "");
        EXPECT(back("8443", versions[v], ""));
        EXPECT_HAS(rig_out, "hello from");
        EXPECT(!back("8444", versions[v], "")); /* and without a certificate there is no way in */
        EXPECT(!strstr(rig_out, "hello from"));
        EXPECT(!back("8444", versions[v], alice));
        EXPECT_HAS(rig_out, "hello from");
    }
}

E2E(Resumption, R34_TheIdentityComesBackWithTheTicket)
{
    RIG(first);
    for (int v = 0; v < 2; v++) {
        int64_t mutual = rig_stat("tls_hs_mutual");
        full("8444", versions[v], alice);
        EXPECT(back("8444", versions[v], "")); /* the certificate is not asked for again */
        EXPECT_HAS(rig_out, "hello from");
        EXPECT_STAT("tls_hs_mutual", mutual + 2);
    }
}

/* told: what the backend hears of the client, by the origin that sends requests back. */
static void told(const char *version, const char *more)
{
    rig_client("printf 'GET /echo HTTP/1.0\\r\\nHost: a\\r\\n\\r\\n' | s_client 8446 %s %s "
               "| grep -i -e '^Client-Cert:' -e '^X-SSL-Client-' -e ^Reused",
               version, more);
}

E2E(Resumption, R43_TheBackendHearsTheSameOfAResumedClient)
{
    RIG(echo);
    for (int v = 0; v < 2; v++) {
        char before[8192];
        told(versions[v], "-cert $PKI/alice.crt -key $PKI/alice.key -cert_chain $PKI/alice.pem "
                          "-sess_out $DIR/session");
        snprintf(before, sizeof before, "%.8000s", rig_out);
        EXPECT_HAS(before, "Client-Cert: :MII");
        EXPECT_HAS(before, "alice");
        EXPECT(!strstr(before, "Reused"));
        told(versions[v], "-sess_in $DIR/session");
        EXPECT_HAS(rig_out, "Reused");
        EXPECT_HAS(rig_out, before);
    }
}

E2E(Resumption, R34_GnutlsResumesToo)
{
    RIG(first);
    static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
                                             "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    for (int v = 0; v < 2; v++) {
        int64_t resumed = rig_stat("tls_hs_resumed"), mutual = rig_stat("tls_hs_mutual");
        EXPECT_RUN(0, "gnutls 8443 --resume --waitresumption --priority=%s", priorities[v]);
        EXPECT_HAS(rig_out, "This is a resumed session");
        EXPECT_STAT("tls_hs_resumed", resumed + 1);
        EXPECT_RUN(0,
                   "gnutls 8444 --resume --waitresumption --priority=%s "
                   "--x509certfile=$PKI/alice.pem --x509keyfile=$PKI/alice.key",
                   priorities[v]);
        EXPECT_HAS(rig_out, "This is a resumed session");
        EXPECT_STAT("tls_hs_mutual", mutual + 2);
    }
}

E2E(Resumption, R31_RevokedWhileAwayIsRefusedInTheNextHandshakeOfEitherKind)
{
    for (int v = 0; v < 2; v++) {
        rig_stop(20);
        RIG(first);
        full("8444", versions[v], alice);
        rig_rewrite(WEB ONE_WAY SITE(CRLS("client-inter-2.crl")) OFF);
        EXPECT(rig_reload());
        int64_t revoked = rig_stat("tls_fail_revoked");
        EXPECT(!back("8444", versions[v], alice));
        EXPECT_HAS(rig_out, "certificate revoked");
        EXPECT(rig_client("hello 8444 %s %s", versions[v], alice) != 0);
        EXPECT_STAT("tls_fail_revoked", revoked + 2);
    }
}

E2E(Resumption, R32_AfterItsCaIsTakenOutAClientIsRefused)
{
    for (int v = 0; v < 2; v++) {
        rig_stop(20);
        RIG(first);
        full("8444", versions[v], alice);
        rig_rewrite(WEB ONE_WAY SITE("client_auth: required, client_ca: $PKI/partner-root.pem")
                        OFF);
        EXPECT(rig_reload());
        int64_t unknown = rig_stat("tls_fail_unknown_ca");
        EXPECT(!back("8444", versions[v], alice));
        EXPECT_HAS(rig_out, "unknown ca");
        EXPECT(rig_client("hello 8444 %s %s", versions[v], alice) != 0);
        EXPECT_STAT("tls_fail_unknown_ca", unknown + 2);
    }
}

E2E(Resumption, R37b_TicketsOutliveAReloadThatChangesNothingOfTheirs)
{
    for (int v = 0; v < 2; v++) {
        rig_stop(20);
        RIG(first);
        full("8444", versions[v], alice);
        rig_rewrite(WEB SITE(CRLS("client-inter.crl")) OFF);
        EXPECT(rig_reload());
        EXPECT(back("8444", versions[v], ""));
    }
}

E2E(Resumption, R37b_AKeyFileMakesTicketsOutliveTheProcess)
{
    EXPECT_RUN(0, "for i in 1 2 3; do openssl rand -base64 48; done >$DIR/ticket.keys");
    char global[256];
    snprintf(global, sizeof global, "  ticket_keys: %s\n", rig_path("ticket.keys"));
    for (int v = 0; v < 2; v++) {
        rig_stop(20);
        if (!rig_use_as(NULL, global, first))
            return;
        full("8444", versions[v], alice);
        rig_stop(20);
        if (!rig_use_as(NULL, global, first))
            return;
        EXPECT(back("8444", versions[v], "")); /* as another machine would */
    }
    /* The next key is appended, the file read again: the last one sealed still opens. */
    EXPECT_RUN(0, "openssl rand -base64 48 >>$DIR/ticket.keys");
    EXPECT(rig_reload());
    EXPECT(back("8444", versions[1], ""));
    EXPECT_RUN(0, "echo rubbish >>$DIR/ticket.keys");
    EXPECT(!rig_reload());
    EXPECT_HAS(rig_out, "line 5");
    EXPECT(back("8444", versions[1], ""));
    rig_stop(20);
}

E2E(Resumption, NoneWhereTicketsAreOff)
{
    RIG(first);
    for (int v = 0; v < 2; v++) {
        full("8445", versions[v], "");
        EXPECT(!back("8445", versions[v], ""));
        EXPECT_HAS(rig_out, "hello from");
    }
}

static const char chained[] =
    "pools:\n  - {name: odd, backends: [{name: a, address: \"10.91.2.10:8001\"}]}\n"
    "listeners:\n"
    "  - {name: chained, type: https, $BIND:8447, pool: odd,\n"
    "     tls: {$CERTS, client_auth: required, client_ca: $PKI/client-root.pem,\n"
    "           client_cert_header: true, client_cert_chain: true}}\n";

E2E(Identity, R43_TheBackendGetsTheChain)
{
    RIG(chained);
    EXPECT_RUN(0, "get 8447 /echo $(as alice) -H 'Client-Cert-Chain: :AAAA:' > $DIR/chain.out; "
                  "want=$(openssl x509 -in $PKI/client-inter.pem -outform der | base64 -w0); "
                  "grep -qiF \"Client-Cert-Chain: :$want:\" $DIR/chain.out && "
                  "! grep -q AAAA: $DIR/chain.out && cat $DIR/chain.out");
    EXPECT_HAS(rig_out, "X-SSL-Client-Subject: CN=alice,O=Lockgate\r\n");
    EXPECT_HAS(rig_out, "X-SSL-Client-Issuer: CN=Lockgate Test Client Intermediate,O=Lockgate\r\n");
}
