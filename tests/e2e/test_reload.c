/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_reload.c: R13, R29, R45: what a reload changes, what it leaves alone, and the end. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>

#define POOLS                                                                                      \
    "pools:\n"                                                                                     \
    "  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"                         \
    "  - {name: echo, backends: [{name: a, address: \"10.91.2.10:8002\"}]}\n"                      \
    "listeners:\n"
#define RAW "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS}}\n"
#define RAW_NEXT                                                                                   \
    "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web,"                                        \
    " tls: {certificates: [{cert: $PKI/server-next.pem, key: $PKI/server-next.key}]}}\n"
#define RAW_MUTUAL "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS, $MUTUAL}}\n"
#define ECHO "  - {name: t-echo, type: tcp_ssl, $BIND:9002, pool: echo, tls: {$CERTS}}\n"
#define EXTRA "  - {name: extra, type: tcp_ssl, $BIND:8480, pool: web, tls: {$CERTS}}\n"
#define SITE                                                                                       \
    "  - {name: site, type: https, $BIND:443, tls: {$CERTS},"                                      \
    " routes: [{host: \"*\", path: /, pool: web}]}\n"

static const char first[] = POOLS RAW ECHO SITE;

/* serial_at reads the serial number of the certificate that a port shows. */
static const char *serial_at(const char *port)
{
    static char text[128];

    rig_client("hello %s | openssl x509 -noout -serial", port);
    snprintf(text, sizeof text, "%.100s", rig_out);
    return text;
}

/* begin starts from a known configuration, whatever the test before has loaded. */
static bool begin(void)
{
    rig_stop(20);
    return rig_use(first);
}

E2E(Reload, SwapsCertificatesForNewConnectionsAndKeepsTheOld)
{
    if (!begin())
        return;
    char before[128];
    snprintf(before, sizeof before, "%s", serial_at("8443"));
    pid_t held = rig_spawn("rm -f $DIR/go; py hold 9002 20 $DIR/go");
    REQUIRE(rig_becomes("proxy_sessions", 20));
    int64_t generation = rig_stat("generation");
    rig_rewrite(POOLS RAW_NEXT ECHO SITE);
    EXPECT(rig_reload());
    EXPECT_STAT("generation", generation + 1);
    EXPECT(strcmp(before, serial_at("8443")) != 0);
    EXPECT_STR(serial_at("443"), before); /* left as it was */
    EXPECT_RUN(0, "touch $DIR/go");
    EXPECT_EQ(rig_join(held, 20), 0);
    EXPECT_HAS(rig_out, "released 20");
    EXPECT(rig_settles());
    EXPECT_STAT("retired", 0); /* the last out freed the old one */
}

E2E(Reload, SighupDoesTheSame)
{
    if (!begin())
        return;
    int64_t generation = rig_stat("generation");
    rig_rewrite(POOLS RAW ECHO SITE EXTRA);
    EXPECT_RUN(7, "curl -sS --max-time 5 https://$GATE4:8480/");
    kill(rig_gate_pid(), SIGHUP);
    EXPECT_STAT("generation", generation + 1);
    EXPECT_RUN(0, "get 8480 /hello");
}

E2E(Reload, ListenersComeAndGo)
{
    if (!begin())
        return;
    rig_rewrite(POOLS RAW ECHO SITE EXTRA);
    EXPECT(rig_reload());
    EXPECT_RUN(0, "get 8480 /hello");
    pid_t held = rig_spawn("rm -f $DIR/go; py hold 9002 3 $DIR/go");
    REQUIRE(rig_becomes("proxy_sessions", 3));
    rig_rewrite(POOLS RAW SITE);
    EXPECT(rig_reload());
    EXPECT_RUN(7, "curl -sS --max-time 5 https://$GATE4:8480/");
    EXPECT_RUN(7, "curl -sS --max-time 5 https://$GATE4:9002/");
    EXPECT_RUN(0, "get 8443 /hello");
    /* Whoever is connected to a listener that was taken out stays. */
    EXPECT_RUN(0, "touch $DIR/go");
    EXPECT_EQ(rig_join(held, 20), 0);
    EXPECT_HAS(rig_out, "released 3");
}

E2E(Reload, R1_ModeChangesForNewHandshakesOnly)
{
    if (!begin())
        return;
    pid_t held = rig_spawn("rm -f $DIR/go; py hold 9002 2 $DIR/go");
    REQUIRE(rig_becomes("proxy_sessions", 2));
    EXPECT_RUN(0, "get 8443 /hello");
    rig_rewrite(POOLS RAW_MUTUAL ECHO SITE);
    EXPECT(rig_reload());
    EXPECT(rig_client("get 8443 /hello") != 0);
    EXPECT_HAS(rig_out, "certificate required");
    EXPECT_RUN(0, "get 8443 /hello $(as alice)");
    rig_rewrite(first);
    EXPECT(rig_reload());
    EXPECT_RUN(0, "get 8443 /hello");
    EXPECT_RUN(0, "touch $DIR/go");
    EXPECT_EQ(rig_join(held, 20), 0);
}

E2E(Reload, R19_NewCrlRefusesWhoWasGood)
{
    rig_stop(20);
    RIG(POOLS RAW_MUTUAL ECHO);
    EXPECT_RUN(0, "get 8443 /hello $(as alice)");
    rig_rewrite(POOLS
                "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS, client_auth: "
                "required, client_ca: $PKI/client-ca.pem, crl: [$PKI/client-root.crl, "
                "$PKI/client-inter-2.crl]}}\n" ECHO);
    EXPECT(rig_reload());
    EXPECT(rig_client("get 8443 /hello $(as alice)") != 0);
    EXPECT_HAS(rig_out, "alert certificate revoked");
}

/* expect_unchanged: this configuration is refused, with words that name the place, and the one in
 * force goes on. */
static void expect_unchanged(const char *body, const char *word, const char *word2)
{
    int64_t generation = rig_stat("generation");

    rig_rewrite(body);
    if (rig_reload())
        t_fail(__FILE__, __LINE__, "was taken: %.400s", body);
    if (!strstr(rig_out, word) || !strstr(rig_out, word2))
        t_fail(__FILE__, __LINE__, "the message lacks %s or %s: %.1500s", word, word2, rig_out);
    EXPECT_EQ(rig_stat("generation"), generation);
    EXPECT_RUN(0, "get 8443 /hello");
}

#define WITH(cert, key)                                                                            \
    POOLS "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web,"                                  \
          " tls: {certificates: [{cert: $PKI/" cert ", key: $PKI/" key "}]}}\n"
#define WITH_CRL(crl)                                                                              \
    POOLS "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS, client_auth: "      \
          "required, client_ca: $PKI/client-ca.pem, crl: [$PKI/client-root.crl, $PKI/" crl "]}}\n"

E2E(Reload, R13_R45_BadCertificatesChangeNothing)
{
    if (!begin())
        return;
    expect_unchanged(WITH("server-ecdsa.pem", "other.key"), "other.key", "");
    expect_unchanged(WITH("server-broken.pem", "server-ecdsa.key"), "server-broken.pem", "");
    expect_unchanged(WITH("server-disorder.pem", "server-ecdsa.key"), "server-disorder.pem", "");
    expect_unchanged(WITH("nowhere.pem", "server-ecdsa.key"), "nowhere.pem", "no such file");
    expect_unchanged(WITH("other.pem", "other-enc.key"), "other-enc.key", "");
    expect_unchanged(WITH_CRL("nowhere.crl"), "nowhere.crl", "no such file");
}

E2E(Reload, R29_CrlWithABadSignatureIsRefused)
{
    if (!begin())
        return;
    expect_unchanged(WITH_CRL("client-inter-forged.crl"), "client-inter-forged.crl", "");
}

E2E(Reload, R45_BrokenFileChangesNothing)
{
    if (!begin())
        return;
    expect_unchanged("pools: [\n", "gate.yaml", "");
    expect_unchanged(POOLS RAW
                     "  - {name: raw2, type: tcp_ssl, $BIND:8481, pool: web, surprise: 1, tls: "
                     "{$CERTS}}\n",
                     "surprise", "gate.yaml:");
    expect_unchanged(POOLS RAW "  - {name: raw, type: tcp_ssl, $BIND:8481, pool: web, tls: "
                               "{$CERTS}}\n",
                     "raw", "gate.yaml:");
    rig_rewrite(first);
    EXPECT(rig_reload());
    EXPECT_RUN(0, "get 8443 /hello");
}

E2E(Reload, NoRequestFailsWhileEverythingIsSwapped)
{
    if (!begin())
        return;
    static const char *const bodies[] = {POOLS RAW_NEXT ECHO SITE, POOLS RAW ECHO SITE EXTRA,
                                         POOLS RAW SITE, "pools: [\n", first};
    EXPECT_RUN(0, "rm -f $DIR/stop");
    pid_t load[3] = {rig_spawn("PATIENCE=55 py requests-until 8443 $DIR/stop"),
                     rig_spawn("PATIENCE=55 py requests-until 443 $DIR/stop"),
                     rig_spawn("PATIENCE=55 py requests-until 443 $DIR/stop")};
    int64_t done = rig_stat("tls_hs_done");
    for (int i = 0; i < 200 && rig_stat("tls_hs_done") < done + 20; i++)
        ;
    int rounds = rig_is_quick() ? 10 : 60, taken = 0;
    for (int i = 0; i < rounds; i++) {
        rig_rewrite(bodies[i % 5]);
        taken += rig_reload();
    }
    EXPECT_EQ(taken, rounds - rounds / 5);
    EXPECT_RUN(0, "touch $DIR/stop");
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(rig_join(load[i], 30), 0);
        EXPECT_HAS(rig_out, " failed 0");
        EXPECT(!strstr(rig_out, "done 0 "));
    }
    EXPECT(rig_settles());
    EXPECT_STAT("retired", 0);
}

E2E(Reload, WhatNeedsARestartIsSaid)
{
    if (!begin())
        return;
    rig_config("gate.yaml", NULL, "  max_connections: 999\n", first);
    rig_reload();
    EXPECT_HAS(rig_out, "max_connections");
    EXPECT_RUN(0, "get 8443 /hello");
}

E2E(Shutdown, SigtermDrainsAndExitsZero)
{
    if (!begin())
        return;
    pid_t busy = rig_spawn("get 8443 /1m --limit-rate 600000 -o \"$DIR/down\" && cmp \"$DIR/down\" "
                           "\"$DIR/www/1m\"");
    REQUIRE(rig_becomes("proxy_sessions", 1));
    pid_t gate = rig_gate_pid();
    rig_mark();
    kill(gate, SIGTERM);
    EXPECT_STAT("draining", 1);
    EXPECT_RUN(7, "curl -sS --max-time 5 https://$GATE4:443/"); /* nobody new */
    EXPECT_EQ(rig_join(busy, 20), 0);                           /* but whoever is there is served */
    EXPECT_EQ(rig_stop(10), 0);
}

E2E(Shutdown, DrainTimeoutEndsWhoDoesNotFinish)
{
    if (!rig_use_as(NULL, "  drain_timeout: 1s\n", first))
        return;
    pid_t busy = rig_spawn("get 8443 /100m --limit-rate 100000 -o /dev/null");
    REQUIRE(rig_becomes("proxy_sessions", 1));
    EXPECT_EQ(rig_stop(10), 0);
    EXPECT(rig_join(busy, 20) != 0);
}
