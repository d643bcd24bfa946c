/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_log.c: the access log as its readers find it: lines of clients that are not ours, logrotate,
 * a full disk. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SITE                                                                                       \
    "pools:\n"                                                                                     \
    "  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"                         \
    "  - {name: dead, connect_timeout: 2s, backends: [{name: a, address: \"10.91.2.10:8009\"}]}\n" \
    "  - {name: odd, response_timeout: 1s, backends: [{name: a, address: \"10.91.2.10:8001\"}]}\n" \
    "listeners:\n"                                                                                 \
    "  - {name: raw-mutual, type: tcp_ssl, $BIND:8444, pool: web, tls: {$CERTS, $MUTUAL}}\n"       \
    "  - {name: raw-dead, type: tcp_ssl, $BIND:8445, pool: dead, tls: {$CERTS}}\n"                 \
    "  - {name: site, type: https, $BIND:443, tls: {$CERTS}, routes: [\n"                          \
    "     {host: shop.example, path: /, pool: web},\n"                                             \
    "     {host: shop.example, path: /dead, pool: dead}]}\n"                                       \
    "  - {name: text, type: https, $BIND:445, tls: {$CERTS}, pool: web,\n"                         \
    "     log_format: 'm=${method} u=${uri} s=${status} t=${state} a=\"${header:user-agent}\"'}\n" \
    "  - {name: quiet, type: https, $BIND:446, tls: {$CERTS}, pool: web, log: none}\n"             \
    "  - {name: errors, type: https, $BIND:447, log: errors, tls: {$CERTS}, routes: [\n"           \
    "     {path: /, pool: web}, {path: /dead, pool: dead}]}\n"                                     \
    "  - {name: odd, type: https, $BIND:448, tls: {$CERTS}, pool: odd}\n"

static const char json_site[] =
    "log: {to: $DIR/access.json, headers: [user-agent, referer]}\n" SITE;

/* LINE: so many lines of the log match; see log_check.py. */
#define LINE(count, ...)                                                                           \
    do {                                                                                           \
        if (rig_tool("python3 $SRC/log_check.py $DIR/access.json " #count " " __VA_ARGS__) != 0)   \
            t_fail(__FILE__, __LINE__, "%s\n%.3000s", rig_command(), rig_out);                     \
    } while (0)

/* begin: the log is empty, as after logrotate's copytruncate. */
static bool begin(void)
{
    return rig_use(json_site) && rig_settles() && rig_tool(": > $DIR/access.json") == 0;
}

E2E(Log, TellsOfEachRequest)
{
    if (!begin())
        return;
    EXPECT_RUN(0, "get 443 '/hello?token=secret' -A 'Me 1.0' -e http://from.example/ --tlsv1.3");
    EXPECT_RUN(0, "code 443 /missing");
    LINE(1, "event=request path=/hello status=200 state=-- method=GET host=shop.example "
            "listener=site pool=web backend=a backend_address=10.91.2.10:80 retries=0 "
            "tls_version=TLSv1.3 tls_suite~^TLS_AES_256 tls_group~25519 sni=shop.example "
            "resumed=false protocol=HTTP/1.1 'headers/user-agent=Me 1.0' "
            "headers/referer=http://from.example/ query=null verify=null reason=null "
            "'handshake_us>0' 'total_us>0' 'bytes_in>50' 'bytes_out>50' local=10.91.1.2:443 "
            "'client~^10[.]91[.]1[.]1' 'time~^20..-..-..T..:..:..[.]......Z$'");
    LINE(1, "event=request path=/missing status=404 state=-- backend=a headers/referer=null");
    LINE(2, "event~."); /* and of nothing else */
}

E2E(Log, TellsWhoEndedARequestAndInWhichPhase)
{
    if (!begin())
        return;
    EXPECT_RUN(0, "code 443 /dead/1");
    LINE(1,
         "path=/dead/1 status=502 state=SC pool=dead backend=a connect_us=null response_us=null");
    /* A body that is cut off. */
    rig_client(
        "printf 'POST /never HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 100\\r\\n\\r\\nabc' | "
        "timeout 20 openssl s_client -connect $GATE4:448 -quiet -no_ign_eof");
    LINE(1, "path=/never method=POST state=CH status=null");
    EXPECT_RUN(0, "code 448 /never");
    LINE(1, "path=/never method=GET state=sH status=504");
    EXPECT_RUN(0, "printf 'GET / HTTP/1.1\\r\\nHost: a b\\r\\n\\r\\n' | s_client 443 -quiet");
    LINE(1, "status=400 state=PR path=null 'reason~Host' pool=null");
}

E2E(Log, TellsOfEachConnectionWithItsClient)
{
    if (!begin())
        return;
    EXPECT_RUN(0, "hello 8444 -tls1_2 $(as alice | sed 's/--/-/g')");
    LINE(1, "event=connection listener=raw-mutual pool=web backend=a state=-- tls_version=TLSv1.2 "
            "verify=SUCCESS client_subject~alice client_issuer~. client_serial~^[0-9a-f]+$ "
            "'bytes_in>40' 'bytes_out>100' 'connect_us>0' 'response_us>0' status=null");
    EXPECT(rig_client("hello 8445") == 0 || true);
    LINE(1, "event=connection listener=raw-dead state=SC backend=a bytes_out=0");
    LINE(2, "event~.");
}

E2E(Log, R19_RefusedClientsHaveOneLineWithTheReason)
{
    if (!begin())
        return;
    rig_client("hello 8444 -tls1_3 $(as bob | sed 's/--/-/g')");
    rig_tool(
        "openssl x509 -in $PKI/bob.pem -noout -serial | cut -d = -f 2 | tr A-F a-f | tr -d '\\n'");
    char serial[64];
    snprintf(serial, sizeof serial, "%.60s", rig_out);
    if (rig_tool("python3 $SRC/log_check.py $DIR/access.json 1 event=handshake listener=raw-mutual "
                 "state=PT 'reason=client certificate revoked' alert=certificate_revoked "
                 "alert_from=server verify=FAILED client_subject~bob client_issuer~. "
                 "client_serial=%s sni=shop.example 'handshake_us>0'",
                 serial) != 0)
        t_fail(__FILE__, __LINE__, "%s\n%.3000s", rig_command(), rig_out);
    rig_client("hello 8444 -tls1_2 $(as mallory | sed 's/--/-/g')");
    LINE(1, "event=handshake client_subject~mallory 'reason~unknown CA' alert=unknown_ca");
    rig_client("hello 8444");
    LINE(1,
         "event=handshake 'reason=no client certificate' alert=certificate_required verify=NONE");
    LINE(3, "event~.");
}

E2E(Log, R11_AClientThatDoesNotTrustUsIsNamedWithItsAlert)
{
    if (!begin())
        return;
    EXPECT(rig_client("curl -sS --cacert $PKI/client-root.pem --resolve shop.example:443:$GATE4 "
                      "https://shop.example/") != 0);
    LINE(1, "event=handshake alert=unknown_ca alert_from=client state=CT");
    /* Who connects and says nothing is not worth a line. */
    EXPECT_RUN(0, "exec 3<>/dev/tcp/$GATE4/443 && exec 3>&-");
    EXPECT_RUN(0, "code 443 /hello");
    LINE(1, "path=/hello");
    LINE(1, "event=handshake");
}

E2E(Log, WritesAFormatOfOnesOwnAndNobodyElsesLines)
{
    if (!begin())
        return;
    EXPECT_RUN(0, "code 445 '/a\"b' -g -A $'x\"y\\\\z\\xff'");
    if (!rig_wait(5, "grep -qxF 'm=GET u=/a\\x22b s=404 t=-- a=\"x\\x22y\\x5cz\\xff\"' "
                     "$DIR/access.json"))
        t_fail(__FILE__, __LINE__, "not there: %d %.2000s", rig_tool("cat $DIR/access.json"),
               rig_out);
    EXPECT_EQ(rig_tool(": > $DIR/access.json"), 0);
    EXPECT_RUN(0, "code 443 '/a\"b' -g -A $'x\"y\\\\z\\xff'");
    LINE(1, "'path=/a\"b' $'headers/user-agent=x\"y\\\\z\\u00ff'");
}

E2E(Log, IsSilentWhereToldToBe)
{
    if (!begin())
        return;
    EXPECT_RUN(0, "code 446 /hello && code 447 /hello && code 447 /dead/2");
    LINE(1, "listener=errors path=/dead/2 status=502");
    LINE(1, "event~.");
}

E2E(Log, OpensTheFileAgainOnSigusr1)
{
    if (!begin())
        return;
    EXPECT_RUN(0, "code 443 /one");
    LINE(1, "path=/one");
    EXPECT_EQ(rig_tool("mv $DIR/access.json $DIR/access.old"), 0);
    EXPECT_RUN(0, "code 443 /two"); /* still in the old one */
    EXPECT_EQ(rig_tool("python3 $SRC/log_check.py $DIR/access.old 1 path=/two"), 0);
    rig_mark();
    kill(rig_gate_pid(), SIGUSR1);
    EXPECT_LOGGED("the access log has been opened again");
    EXPECT_RUN(0, "code 443 /three");
    LINE(1, "path=/three");
    LINE(1, "event~.");
    EXPECT_EQ(rig_tool("python3 $SRC/log_check.py $DIR/access.old 0 path=/three"), 0);
}

E2E(Log, AReloadChangesWhereItGoesAndARefusedOneNothing)
{
    if (!begin())
        return;
    rig_rewrite("log: {to: $DIR/no/such/folder/x}\n" SITE);
    EXPECT(!rig_reload());
    EXPECT_HAS(rig_out, "no such folder");
    EXPECT_RUN(0, "code 443 /before");
    LINE(1, "path=/before");
    rig_rewrite("log: {to: $DIR/other.json, query: true}\n" SITE);
    EXPECT(rig_reload());
    EXPECT_RUN(0, "code 443 '/after?a=b'");
    EXPECT_EQ(rig_tool("python3 $SRC/log_check.py $DIR/other.json 1 path=/after query=a=b"), 0);
    LINE(0, "path=/after");
    rig_rewrite(SITE);
    EXPECT(rig_reload());
    EXPECT_RUN(0, "code 443 /none");
    EXPECT_EQ(rig_tool("python3 $SRC/log_check.py $DIR/other.json 0 path=/none"), 0);
    rig_rewrite(json_site);
    EXPECT(rig_reload());
}

E2E(Log, AFullDiskStopsNoTrafficAndIsCountedAndToldOnce)
{
    static const char site[] = "log: {to: $DIR/full/access.json, headers: [user-agent]}\n" SITE;

    if (!rig_up() ||
        rig_tool("mkdir -p $DIR/full && mount -t tmpfs -o size=16k lgfull $DIR/full") != 0) {
        t_fail(__FILE__, __LINE__, "no tmpfs: %s", rig_out);
        return;
    }
    if (rig_use(site)) {
        EXPECT_RUN(0,
                   "for i in $(seq 40); do echo \"url = https://shop.example/n$i\"; echo 'output "
                   "= /dev/null'; done >$DIR/urls; curl -sS --cacert $PKI/server-root.pem "
                   "--resolve shop.example:443:$GATE4 -A $(printf 'x%%.0s' $(seq 250)) -K "
                   "$DIR/urls -w '%%{http_code}\\n' | sort | uniq -c");
        EXPECT_HAS(rig_out, "40 404");
        EXPECT(rig_becomes("log_records", 40));
        EXPECT(rig_stat("log_lost") > 0);
        EXPECT_EQ(rig_stat("log_dropped"), 0);
        EXPECT_LOGGED("No space left on device; lines are lost");
        EXPECT_EQ(rig_tool("test $(grep -c 'lines are lost' "
                           "$(ls -t $DIR/gate.log.*[0-9] | head -n 1)) = 1"),
                  0);
        EXPECT_EQ(rig_tool(": > $DIR/full/access.json"), 0); /* somebody has made room */
        EXPECT_RUN(0, "code 443 /again");
        EXPECT_LOGGED("written again;");
        EXPECT(rig_wait(5, "grep -q '\"path\":\"/again\"' $DIR/full/access.json"));
        EXPECT_EQ(rig_stat("log_lost") + rig_stat("log_written"), 41);
        EXPECT_EQ(rig_tool("python3 $SRC/log_check.py $DIR/full/access.json 1 path=/again"), 0);
        EXPECT_EQ(rig_stop(20), 0);
    }
    EXPECT_EQ(rig_tool("umount $DIR/full"), 0);
}
