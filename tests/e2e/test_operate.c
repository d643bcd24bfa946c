/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_operate.c: what is changed while it runs, by lockgatectl, and what becomes of the
 * connections that are there: R31, R32, R44, R45. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define POOLS                                                                                      \
    "pools:\n"                                                                                     \
    "  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"                         \
    "  - {name: two, backends: [{name: a, address: \"10.91.2.10:80\"},"                            \
    " {name: b, address: \"10.91.2.11:80\"}]}\n"                                                   \
    "  - {name: hold, backends: [{name: a, address: \"10.91.2.10:8006\"}]}\n"                      \
    "listeners:\n"
#define RAW "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: two, tls: {$CERTS}}\n"
#define RAW_NEXT                                                                                   \
    "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: two,"                                        \
    " tls: {certificates: [{cert: $PKI/server-next.pem, key: $PKI/server-next.key}]}}\n"
#define HELD "  - {name: held, type: tcp_ssl, $BIND:8500, pool: hold, tls: {$CERTS}}\n"
#define HELD_AT(port) "  - {name: held, type: tcp_ssl, $BIND:" port ", pool: hold, tls: {$CERTS}}\n"
#define SITE                                                                                       \
    "  - {name: site, type: https, $BIND:443, tls: {$CERTS},"                                      \
    " routes: [{host: \"*\", path: /, pool: web}]}\n"
#define MUTUAL(ca, crl)                                                                            \
    "  - {name: mutual, type: tcp_ssl, $BIND:8444, pool: hold, tls: {$CERTS, client_auth: "        \
    "required, client_ca: $PKI/" ca ", " crl ", close_revoked: true}}\n"
#define CRLS "crl: [$PKI/client-root.crl, $PKI/client-inter.crl]"

/* begin starts anew: what a test before has changed is gone. */
static bool begin(const char *global, const char *body)
{
    rig_stop(20);
    return rig_use_as(NULL, global, body);
}

/* sessions waits until so many are open. */
static bool sessions(int64_t cnt)
{
    return rig_becomes("proxy_sessions", cnt);
}

/* ended tells how a watcher's connection was ended; it waits for that. */
static const char *ended(pid_t pid)
{
    static char how[64];
    char *at;

    rig_join(pid, 20);
    at = strstr(rig_out, "ended ");
    snprintf(how, sizeof how, "%.60s", at ? at + 6 : rig_out);
    how[strcspn(how, "\n")] = '\0';
    return how;
}

/* ---------------------------------------------------------------- R31, R32 */

E2E(Operate, R31_RevokeEndsLiveConnectionsWithTheAlert)
{
    if (!begin("  revoked_file: revoked.txt\n", POOLS MUTUAL("client-ca.pem", CRLS)))
        return;
    rig_tool("rm -f \"$DIR/revoked.txt\"");
    pid_t alice13 = rig_spawn("py watch 8444 alice 1.3");
    pid_t alice12 = rig_spawn("py watch 8444 alice 1.2");
    pid_t other = rig_spawn("py watch 8444 rsa-client");
    REQUIRE(sessions(3));
    rig_mark();
    EXPECT_EQ(rig_ctl("revoke $DIR/pki/alice.crt"), 0);
    EXPECT_HAS(rig_out, "generation 2 active, it is taken out of the file");
    EXPECT_STR(ended(alice13), "certificate_revoked");
    EXPECT_STR(ended(alice12), "certificate_revoked");
    EXPECT_LOGGED("connection closed: client certificate revoked, subject=\"");
    EXPECT_STAT("proxy_revoked", 2);
    EXPECT(sessions(1)); /* nobody else */
    /* Nor does she come back; the file remembers. */
    EXPECT(rig_client("hello 8444 $(as alice)") != 0 || strstr(rig_out, "alert"));
    EXPECT_HAS(rig_out, "certificate revoked");
    EXPECT(rig_reload());
    EXPECT(rig_client("hello 8444 $(as alice)") != 0 || strstr(rig_out, "alert"));
    EXPECT_HAS(rig_out, "certificate revoked");
    EXPECT_EQ(rig_ctl("revoked"), 0);
    EXPECT_HAS(rig_out, "SERIAL");
    EXPECT_EQ(rig_ctl("kill --all"), 0);
    EXPECT_STR(ended(other), "eof");
    rig_tool("rm -f \"$DIR/revoked.txt\"");
}

E2E(Operate, R31_RevokedByCaAndSerialAndNotResumed)
{
    if (!begin("", POOLS "  - {name: mutual, type: tcp_ssl, $BIND:8444, pool: web, tls: {$CERTS, "
                         "$MUTUAL}}\n"))
        return;
    EXPECT_RUN(0, "hello 8444 $(as alice) -tls1_3 -sess_out $DIR/alice.sess");
    EXPECT_HAS(rig_out, "hello from");
    EXPECT_RUN(0, "hello 8444 $(as alice) -tls1_3 -sess_in $DIR/alice.sess");
    EXPECT_HAS(rig_out, "Reused, TLSv1.3");
    EXPECT_EQ(rig_ctl("revoke --issuer $DIR/pki/client-inter.pem --serial "
                      "$(openssl x509 -in $DIR/pki/alice.crt -noout -serial | cut -d= -f2)"),
              0);
    EXPECT_HAS(rig_out, "the process ends");
    rig_client("hello 8444 $(as alice) -tls1_3 -sess_in $DIR/alice.sess");
    EXPECT_HAS(rig_out, "certificate revoked");
    EXPECT(!strstr(rig_out, "hello from"));
    EXPECT_RUN(0, "get 8444 /hello $(as rsa-client)");
    EXPECT_EQ(rig_ctl("revoke $DIR/pki/alice.key"), 1);
    EXPECT_HAS(rig_out, "no certificate in PEM");
}

E2E(Operate, R31_ANewListEndsWhoItNames)
{
    if (!begin("", POOLS MUTUAL("client-ca.pem", CRLS)))
        return;
    pid_t alice = rig_spawn("py watch 8444 alice");
    pid_t other = rig_spawn("py watch 8444 rsa-client");
    REQUIRE(sessions(2));
    rig_rewrite(
        POOLS MUTUAL("client-ca.pem", "crl: [$PKI/client-root.crl, $PKI/client-inter-2.crl]"));
    EXPECT(rig_reload());
    EXPECT_STR(ended(alice), "certificate_revoked");
    EXPECT(sessions(1));
    /* R32: the CA is taken out. */
    rig_rewrite(POOLS MUTUAL("partner-root.pem", "verify_depth: 4"));
    EXPECT(rig_reload());
    EXPECT_STR(ended(other), "unknown_ca");
}

/* ---------------------------------------------------------------- connections */

E2E(Operate, ConnectionsAreListedFilteredAndKilled)
{
    if (!begin("", POOLS HELD MUTUAL("client-ca.pem", CRLS) SITE))
        return;
    pid_t alice = rig_spawn("py watch 8444 alice");
    pid_t plain[2] = {rig_spawn("py watch 8500"), rig_spawn("py watch 8500")};
    REQUIRE(sessions(3));
    EXPECT_EQ(rig_ctl("connections"), 0);
    EXPECT_HAS(rig_out, "hold/a");
    EXPECT_HAS(rig_out, "TLSv1.3");
    EXPECT_HAS(rig_out, "alice");
    EXPECT_EQ(rig_ctl("connections --listener held --limit 1"), 0);
    EXPECT_HAS(rig_out, "and more");
    EXPECT_EQ(rig_ctl("--json connections --listener held | grep -c '\"client\"' | grep -x 2"), 0);
    EXPECT_EQ(rig_ctl("--json connections --client 192.0.2.0/24 | grep -c '\"client\"'"), 1);
    EXPECT_EQ(rig_ctl("connections --client nonsense"), 1);
    EXPECT_HAS(rig_out, "an address or a prefix");
    EXPECT_EQ(rig_ctl("kill"), 2); /* all of them only when told so */
    EXPECT_EQ(rig_ctl("kill --serial 00:$(openssl x509 -in $DIR/pki/alice.crt -noout -serial | "
                      "cut -d= -f2)"),
              0);
    EXPECT_HAS(rig_out, "1 connections ended");
    EXPECT_STR(ended(alice), "eof"); /* no close_notify: what was going on is cut */
    EXPECT_EQ(rig_ctl("kill --backend hold/a"), 0);
    EXPECT_HAS(rig_out, "2 connections ended");
    EXPECT_STR(ended(plain[0]), "eof");
    EXPECT_STR(ended(plain[1]), "eof");
    /* A persistent https client between two requests loses nothing, and is told so. */
    pid_t idle = rig_spawn("py watch-http 443");
    REQUIRE(sessions(1));
    EXPECT(rig_wait(5, "\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" connections | grep -q ' idle '"));
    EXPECT_EQ(rig_ctl("kill $(\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" connections | tail -1 | cut "
                      "-d' ' -f1)"),
              0);
    EXPECT_HAS(rig_out, "1 connections ended");
    EXPECT_STR(ended(idle), "close_notify");
    EXPECT(rig_settles());
}

/* ---------------------------------------------------------------- backends */

/* picked reads how often a backend of pool two was chosen. */
static int picked(const char *name)
{
    rig_ctl("--json backends | python3 -c 'import json,sys; print([b[\"picked\"] for p in "
            "json.load(sys.stdin)[\"pools\"] if p[\"name\"] == \"two\" for b in p[\"backends\"] if "
            "b[\"name\"] == \"%s\"][0])'",
            name);
    return atoi(rig_out);
}

E2E(Operate, DrainKeepsWhatIsThereAndGivesNoNew)
{
    if (!begin("  drain_timeout: 1s\n", POOLS RAW))
        return;
    pid_t watch[2] = {rig_spawn("py watch 8443"), rig_spawn("py watch 8443")};
    REQUIRE(sessions(2)); /* one at each */
    EXPECT(rig_wait(5, "\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" connections --backend two/b | grep "
                       "-q relay"));
    EXPECT_EQ(rig_ctl("drain two/b"), 0);
    EXPECT_HAS(rig_out, "the file wins");
    EXPECT_EQ(rig_ctl("backends | grep -q 'two .*b .*drain'"), 0);
    int before = picked("b");
    for (int i = 0; i < 4; i++)
        EXPECT_RUN(0, "get 8443 /hello");
    EXPECT_EQ(picked("b"), before);
    /* Past drain_timeout: they are under the new generation, and nobody ends them. */
    EXPECT_STAT("retired", 0);
    EXPECT_EQ(rig_ctl("--json connections --backend two/b | grep '\"generation\": 2'"), 0);
    EXPECT_EQ(rig_ctl("undrain two/b"), 0);
    EXPECT_EQ(rig_ctl("weight two/a 0"), 0);
    before = picked("b");
    for (int i = 0; i < 3; i++)
        EXPECT_RUN(0, "get 8443 /hello");
    EXPECT_EQ(picked("b"), before + 3);
    /* One that is taken out: its connections have until drain_timeout. */
    EXPECT_EQ(rig_ctl("weight two/a 1"), 0);
    EXPECT_EQ(rig_ctl("remove two/b"), 0);
    EXPECT_STAT("proxy_outlived", 1);
    EXPECT(sessions(1));
    EXPECT_STAT("retired", 0);
    EXPECT_EQ(rig_ctl("add two/c 10.91.2.11:80 --weight 3"), 0);
    EXPECT_EQ(rig_ctl("backends | grep -q 'two .*c .*10.91.2.11:80 .*up .*3'"), 0);
    EXPECT_EQ(rig_ctl("add two/d 8.8.8.8:80"), 1);
    EXPECT_HAS(rig_out, "no route leads there");
    EXPECT_EQ(rig_ctl("drain two/nobody"), 1);
    EXPECT_HAS(rig_out, "there is no backend two/nobody");
    EXPECT(rig_reload()); /* the file wins */
    EXPECT_HAS(rig_out, "changes of 3 backends by lockgatectl are forgotten");
    EXPECT_EQ(rig_ctl("backends | grep -q 'two .*c '"), 1);
    EXPECT_EQ(rig_ctl("kill --all"), 0);
    rig_join(watch[0], 20);
    rig_join(watch[1], 20);
}

/* ---------------------------------------------------------------- certificates */

E2E(Operate, ACertificateThatIsPutIsShownToTheNextClient)
{
    if (!begin("  drain_timeout: 1s\n", POOLS RAW HELD))
        return;
    pid_t held = rig_spawn("py watch 8500");
    pid_t here = rig_spawn("py watch 8443");
    REQUIRE(sessions(2));
    const char *serial = "hello 8443 | openssl x509 -noout -serial | diff - <(openssl x509 -in "
                         "$PKI/server-next.crt -noout -serial)";
    EXPECT(rig_client("%s", serial) != 0);
    rig_mark();
    EXPECT_EQ(rig_ctl("certificate put raw $DIR/pki/server-next.pem $DIR/pki/server-next.key"), 0);
    EXPECT_HAS(rig_out, "certificate of ");
    EXPECT_HAS(rig_out, "replaced");
    EXPECT_RUN(0, "%s", serial);
    EXPECT(!strstr(rig_log(), "PRIVATE KEY"));
    EXPECT(sessions(2)); /* nobody was dropped ... */
    EXPECT_STAT("retired", 0);
    EXPECT_EQ(rig_ctl("certificate put raw $DIR/pki/server-next.pem $DIR/pki/other.key"), 1);
    EXPECT_HAS(rig_out, "does not belong to");
    EXPECT_EQ(rig_ctl("certificate put nowhere $DIR/pki/server-next.pem $DIR/pki/other.key"), 1);
    EXPECT_HAS(rig_out, "there is no listener nowhere");
    EXPECT_RUN(0, "%s", serial);
    EXPECT(rig_reload()); /* the file wins */
    EXPECT_HAS(rig_out, "1 certificates put by lockgatectl are forgotten");
    EXPECT(rig_client("%s", serial) != 0);
    EXPECT(sessions(2)); /* ... not by this either */
    EXPECT_EQ(rig_ctl("kill --all"), 0);
    rig_join(held, 20);
    rig_join(here, 20);
}

/* ---------------------------------------------------------------- generations */

E2E(Operate, AnOldGenerationIsClosedAtTheBound)
{
    if (!begin("  drain_timeout: 1s\n", POOLS RAW HELD SITE))
        return;
    pid_t gone = rig_spawn("py watch 8500"), stays = rig_spawn("py watch 8443");
    pid_t idle = rig_spawn("py watch-http 443");
    REQUIRE(sessions(3));
    EXPECT(rig_wait(5, "\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" connections | grep -q ' idle '"));
    rig_mark();
    rig_rewrite(POOLS RAW_NEXT SITE);
    EXPECT(rig_reload());
    EXPECT_STR(ended(gone), "eof");          /* its listener is gone */
    EXPECT_STR(ended(idle), "close_notify"); /* between two requests */
    EXPECT_LOGGED("generation 1 was still held by 2 connections after drain_timeout");
    EXPECT_STAT("retired", 0);
    EXPECT(sessions(1)); /* another certificate is no reason to end a connection */
    EXPECT_STAT("proxy_outlived", 2);
    EXPECT_EQ(rig_ctl("kill --all"), 0);
    EXPECT_STR(ended(stays), "eof");
}

E2E(Operate, AListenerMovesAndItsConnectionsStay)
{
    if (!begin("  drain_timeout: 1s\n", POOLS HELD_AT("8500") SITE))
        return;
    pid_t held = rig_spawn("py watch 8500");
    pid_t load = rig_spawn("rm -f $DIR/stop; PATIENCE=55 py requests-until 443 $DIR/stop");
    REQUIRE(rig_wait(5, "\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" connections --listener held | grep "
                        "-q relay"));
    rig_rewrite(POOLS HELD_AT("8501") SITE);
    EXPECT(rig_reload());
    EXPECT_RUN(7, "curl -sS --max-time 5 https://$GATE4:8500/");
    pid_t moved = rig_spawn("py watch 8501");
    EXPECT(rig_wait(5, "\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" connections --listener held | grep "
                       "-c relay | grep -qx 2"));
    EXPECT_RUN(0, "touch $DIR/stop");
    EXPECT_EQ(rig_join(load, 30), 0);
    EXPECT_HAS(rig_out, " failed 0");
    EXPECT_STAT("retired", 0);
    EXPECT_EQ(rig_ctl("kill --listener held"), 0);
    EXPECT_HAS(rig_out, "2 connections ended");
    EXPECT_STR(ended(held), "eof");
    EXPECT_STR(ended(moved), "eof");
}

E2E(Operate, R44_R45_InstallsUnderLoadFailNoHandshakeAndAdmitNobody)
{
    if (!begin("", POOLS RAW SITE "  - {name: mutual, type: tcp_ssl, $BIND:8444, pool: web, tls: "
                                  "{$CERTS, $MUTUAL}}\n"))
        return;
    EXPECT_RUN(0, "rm -f $DIR/stop");
    pid_t load[3] = {rig_spawn("PATIENCE=55 py requests-until 443 $DIR/stop"),
                     rig_spawn("PATIENCE=55 py requests-until 8444 $DIR/stop alice"),
                     rig_spawn("PATIENCE=55 py requests-until 8444 $DIR/stop bob")};
    int64_t generation = rig_stat("generation"), rounds = rig_is_quick() ? 20 : 100;
    /* Each is a generation: a weight, and every tenth time the file. */
    EXPECT_EQ(rig_tool("for i in $(seq %d); do curl -sSf --unix-socket $DIR/gate.sock -X PATCH -d "
                       "\"{\\\"weight\\\": $((i %% 9 + 1))}\" "
                       "http://lockgate/v1/pools/two/backends/a >/dev/null || exit 1; [ $((i %% "
                       "10)) != 0 ] || \"$LOCKGATECTL\" -s $DIR/gate.sock reload || exit 1; done",
                       (int)rounds),
              0);
    EXPECT_EQ(rig_stat("generation"), generation + rounds + rounds / 10);
    EXPECT_RUN(0, "touch $DIR/stop");
    EXPECT_EQ(rig_join(load[0], 30), 0);
    EXPECT_HAS(rig_out, " failed 0");
    EXPECT_EQ(rig_join(load[1], 30), 0);
    EXPECT_HAS(rig_out, " failed 0");
    EXPECT_EQ(rig_join(load[2], 30), 0);
    EXPECT_HAS(rig_out, "done 0 "); /* bob is revoked, under every one of them */
    EXPECT(rig_settles());
    EXPECT_STAT("retired", 0);
}
