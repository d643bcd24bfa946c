/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_start.c: starts that must not succeed: the exit status and the words that tell why. */
#include "rig_priv.h"

#include <signal.h>

#define ONE_POOL "pools: [{name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}]\n"
#define ONE_LISTENER                                                                               \
    "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS}}\n"
#define GOOD ONE_POOL ONE_LISTENER

enum { CONFIG = 1, USAGE = 2, START = 3 };

/* expect_no_start runs lockgate with a file; -t must say the same where the file is to blame. */
static void expect_no_start(int want, const char *workers, const char *global, const char *body,
                            const char *const *words)
{
    if (!rig_up())
        return;
    rig_stop(20);
    const char *file = rig_config("bad.yaml", workers, global, body);
    int status = rig_tool("ip netns exec %s \"$LOCKGATE\" -c %s", rig_ns_name(RIG_GATE), file);
    if (status != want)
        t_fail(__FILE__, __LINE__, "status %d, expected %d: %.3000s", status, want, rig_out);
    for (; *words; words++)
        EXPECT_HAS(rig_out, *words);
    if (want == CONFIG)
        EXPECT_EQ(rig_tool("\"$LOCKGATE\" -t -c %s", file), CONFIG);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

E2E(Start, UnknownKeyIsNamedWithItsLine)
{
    expect_no_start(CONFIG, NULL, "  colour: blue\n", GOOD, WORDS("bad.yaml:", "colour"));
    expect_no_start(CONFIG, NULL, NULL,
                    ONE_POOL
                    "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: "
                    "{$CERTS, client_ath: none}}\n",
                    WORDS("bad.yaml:", "client_ath"));
}

E2E(Start, WrongValuesAreNamed)
{
    expect_no_start(CONFIG, NULL, NULL,
                    ONE_POOL "listeners:\n  - {name: raw, type: udp, $BIND:8443, pool: web, tls: "
                             "{$CERTS}}\n",
                    WORDS("bad.yaml:", "type", "tcp_ssl"));
    expect_no_start(CONFIG, NULL, NULL,
                    ONE_POOL
                    "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: wbe, tls: "
                    "{$CERTS}}\n",
                    WORDS("bad.yaml:", "wbe"));
    expect_no_start(CONFIG, NULL, NULL,
                    ONE_POOL
                    "listeners:\n  - {name: raw, type: tcp_ssl, bind: [\"10.99.1.2:443\"], "
                    "pool: web, tls: {$CERTS}}\n",
                    WORDS("bad.yaml:", "10.99.1.2"));
}

E2E(Start, MissingConfigFileIsNamed)
{
    if (!rig_up())
        return;
    EXPECT_EQ(rig_tool("\"$LOCKGATE\" -c /nowhere/lockgate.yaml"), CONFIG);
    EXPECT_HAS(rig_out, "/nowhere/lockgate.yaml");
    EXPECT(strcasestr(rig_out, "no such file") != NULL);
}

E2E(Start, MissingAndUnreadableFilesAreNamed)
{
    static const char missing[] =
        ONE_POOL "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: "
                 "{certificates: [{cert: $PKI/server-ecdsa.pem, key: $PKI/gone.key}]}}\n";
    static const char folder[] =
        ONE_POOL "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: "
                 "{certificates: [{cert: $PKI/server-ecdsa.pem, key: $PKI}]}}\n";
    static const char no_key[] =
        ONE_POOL "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: "
                 "{certificates: [{cert: $PKI/server-ecdsa.pem, key: $PKI/server-ecdsa.crt}]}}\n";
    expect_no_start(CONFIG, NULL, NULL, missing, WORDS("gone.key", "no such file"));
    /* Root may read everything; a folder is what even root cannot read as a file. */
    expect_no_start(CONFIG, NULL, NULL, folder, WORDS("pki"));
    expect_no_start(CONFIG, NULL, NULL, no_key, WORDS("server-ecdsa.crt"));
}

E2E(Start, R13_MismatchBrokenPemAndDisorderAreNamed)
{
    static const char *const pairs[][2] = {{"server-ecdsa.pem", "other.key"},
                                           {"server-broken.pem", "server-ecdsa.key"},
                                           {"server-disorder.pem", "server-ecdsa.key"}};
    for (int i = 0; i < 3; i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 ONE_POOL "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: "
                          "{certificates: [{cert: $PKI/%s, key: $PKI/%s}]}}\n",
                 pairs[i][0], pairs[i][1]);
        expect_no_start(CONFIG, NULL, NULL, body, WORDS(pairs[i][i == 0]));
    }
}

E2E(Start, R9_ExpiredServerCertificateWarns)
{
    static const char old[] = ONE_POOL
        "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: "
        "{certificates: [{cert: $PKI/server-expired.pem, key: $PKI/server-expired.key}]}}\n";
    if (!rig_up())
        return;
    rig_stop(20);
    EXPECT_EQ(rig_tool("\"$LOCKGATE\" -t -c %s", rig_config("bad.yaml", NULL, NULL, old)), 0);
    EXPECT_HAS(rig_out, "server-expired.pem");
    EXPECT_HAS(rig_out, "expired");
}

E2E(Start, TooFewHugepagesAreCounted)
{
    expect_no_start(START, NULL, "  memory: 900GiB\n  hugepages: true\n", GOOD,
                    WORDS("memory", "hugepages"));
}

E2E(Start, InterfaceThatDoesNotExistIsNamed)
{
    if (!rig_up())
        return;
    rig_stop(20);
    rig_config("bad.yaml", NULL, NULL, GOOD);
    rig_tool("sed -i s/lg-back/lg-bakc/ $DIR/bad.yaml; ip netns exec %s \"$LOCKGATE\" -c "
             "$DIR/bad.yaml",
             rig_ns_name(RIG_GATE));
    EXPECT_HAS(rig_out, "lg-bakc");
    EXPECT_EQ(rig_tool("ip netns exec %s \"$LOCKGATE\" -c $DIR/bad.yaml >/dev/null 2>&1",
                       rig_ns_name(RIG_GATE)),
              START);
}

E2E(Start, CpuThatDoesNotExistIsNamed)
{
    expect_no_start(CONFIG, "[900]", NULL, GOOD, WORDS("workers", "CPU 900"));
}

E2E(Start, PortTakenByAnotherLockgateIsSaid)
{
    RIG(GOOD);
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)rig_gate_pid());
    rig_config("bad.yaml", NULL, NULL, GOOD);
    /* Another control socket and prefix, as a second service would have. */
    EXPECT_EQ(rig_tool("sed -i 's/gate.sock/gate2.sock/; s/file_prefix: lg/file_prefix: lh/' "
                       "$DIR/bad.yaml; ip netns exec %s \"$LOCKGATE\" -c $DIR/bad.yaml",
                       rig_ns_name(RIG_GATE)),
              START);
    EXPECT_HAS(rig_out, "lg-front");
    EXPECT_HAS(rig_out, pid);
    EXPECT_RUN(0, "get 8443 /hello"); /* the first is not disturbed */
}

E2E(Start, ControlSocketInUseIsSaid)
{
    RIG(GOOD);
    rig_config("bad.yaml", NULL, NULL, GOOD);
    EXPECT_EQ(rig_tool("sed -i 's/lg-front/lo/; s/file_prefix: lg/file_prefix: lh/' $DIR/bad.yaml;"
                       " ip netns exec %s \"$LOCKGATE\" -c $DIR/bad.yaml",
                       rig_ns_name(RIG_ORIGIN)),
              START);
    EXPECT_RUN(0, "get 8443 /hello");
    EXPECT(rig_stat("generation") > 0); /* still answers at its socket */
}

E2E(Start, UnknownOptionIsUsage)
{
    if (!rig_up())
        return;
    EXPECT_EQ(rig_tool("\"$LOCKGATE\" --surprise"), USAGE);
    EXPECT_HAS(rig_out, "surprise");
}

E2E(Start, CheckOfAGoodFileStartsNothing)
{
    RIG(rig_standard);
    EXPECT_EQ(rig_tool("\"$LOCKGATE\" -t -c $DIR/gate.yaml"), 0);
    EXPECT_RUN(0, "get 8443 /hello");
}

E2E(Start, KilledLockgateLeavesNothingThatHindersTheNext)
{
    RIG(GOOD);
    kill(rig_gate_pid(), SIGKILL);
    rig_stop(5);
    RIG(GOOD);
    EXPECT_RUN(0, "get 8443 /hello");
}
