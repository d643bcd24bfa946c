/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_blast.c: lockgate-blast against lockgate, on links of its own beside those of the others:
 * the exit status and the report are what a bench relies on. */
#include "rig_priv.h"

#include <signal.h>
#include <stdlib.h>

#define FRONT "10.91.1.50"
#define BACK "10.91.2.50"

static const char body[] =
    "pools:\n"
    "  - {name: blast, backends: [{name: a, address: \"" BACK ":80\"}]}\n"
    "  - {name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"
    "listeners:\n"
    "  - {name: site, type: https, $BIND:9443, tls: {$CERTS}, routes: [{host: \"*\", pool: "
    "blast}]}\n"
    "  - {name: raw, type: tcp_ssl, $BIND:9444, pool: blast, tls: {$CERTS}}\n"
    "  - {name: mutual, type: https, $BIND:9445, tls: {$CERTS, $MUTUAL},"
    " routes: [{host: \"*\", pool: web}]}\n"
    "  - {name: nginx, type: https, $BIND:9446, tls: {$CERTS}, routes: [{host: \"*\", pool: "
    "web}]}\n";

/* plug adds blast's two links to the bridges of the wire; once, they go with the namespaces. */
static bool plug(void)
{
    static bool done;
    static const char *const sides[] = {"front", "back"};
    for (int i = 0; i < 2 && !done; i++) {
        int ret =
            rig_tool("set -e; ip -n %s link add blast-%s type veth peer "
                     "name b-%s netns %s; ip -n %s link set b-%s master br-%s up; "
                     "ip -n %s link set blast-%s up",
                     rig_ns_name(RIG_CLIENT), sides[i], sides[i], rig_ns_name(RIG_WIRE),
                     rig_ns_name(RIG_WIRE), sides[i], sides[i], rig_ns_name(RIG_CLIENT), sides[i]);
        if (ret != 0) {
            t_fail(__FILE__, __LINE__, "no link: %s", rig_out);
            return false;
        }
    }
    done = true;
    return true;
}

/* blast runs it with the usual options; the exit status. The report is in blast.json. With
 * sanitizers, beside other tests, a first handshake may take a second. */
static int blast(const char *what)
{
    const char *dir = getenv("LOCKGATE_BIN_DIR");
    return rig_client("%s/bench/blast/lockgate-blast %s --device af_xdp:blast-front "
                      "--address " FRONT "/24 --origin af_xdp:blast-back," BACK "/24:80 "
                      "--no-huge --memory 192MiB --connections 4 --idle adaptive --warmup 100ms "
                      "--duration %s --json %s --cpu 0",
                      dir ? dir : E2E_BUILD, what, rig_is_quick() ? "5s" : "1s",
                      rig_path("blast.json"));
}

/* expect_json: a jq condition holds on the report. */
static void expect_json(const char *condition)
{
    if (rig_tool("jq -e '%s' %s", condition, rig_path("blast.json")) == 0)
        return;
    rig_tool("cat %s", rig_path("blast.json"));
    t_fail(__FILE__, __LINE__, "not so: %s in\n%.3000s", condition, rig_out);
}

static void expect_good(const char *what)
{
    int status = blast(what);
    if (status != 0)
        t_fail(__FILE__, __LINE__, "%s: status %d\n%.3000s", what, status, rig_out);
    T_STOP_IF_FAILED();
    EXPECT_HAS(rig_out, "operations in");
    expect_json(".ops > 0 and .error_cnt == 0 and .errors == {} and .ops_per_s > 0");
    expect_json(".latency_us.p50 > 0 and .latency_us.p50 <= .latency_us.max");
    expect_json(
        ".gen_busy > 0 and .gen_busy <= 1 and (.limited_by | IN(\"server\", \"generator\"))");
}

E2E(Blast, ShakesHandsAsFastAsItCan)
{
    RIG(body);
    if (!plug())
        return;
    expect_good("handshake --target " RIG_GATE4 ":9443 --tls 1.3 --curves secp256r1");
    expect_json(".tls.version == \"1.3\" and .tls.group == \"secp256r1\" and .tls.full > 0");
    EXPECT(rig_stat("tls_hs_done_13") > 0);
}

E2E(Blast, ChecksAnswersOfItsOwnOrigin)
{
    RIG(body);
    if (!plug())
        return;
    expect_good("request --target " RIG_GATE4 ":9443 --size 3000");
    /* Of an answer that was on its way when measuring began, the rest is counted. */
    expect_json(
        ".origin.requests >= .ops and .bytes_in >= (.ops - .connections) * 3000 and .open == 4");
    expect_good("upload --target " RIG_GATE4 ":9444 --size 100KiB --tls 1.2");
    expect_json(".origin.bytes_in >= .ops * 102400 and .origin.bad_uploads == 0");
}

E2E(Blast, CountsWhatGoesWrongByKind)
{
    RIG(body);
    if (!plug())
        return;
    EXPECT_EQ(blast("handshake --target " RIG_GATE4 ":9445 --tls 1.3"), 1);
    expect_json(".ops == 0 and .errors.tls_alert_certificate_required > 0");
    /* nginx is not blast's origin: its 404 is no answer. */
    EXPECT_EQ(blast("request --target " RIG_GATE4 ":9446"), 1);
    expect_json(".ops == 0 and .errors.http_404 > 0");
    /* A port nobody listens at. */
    EXPECT_EQ(blast("request --target " RIG_GATE4 ":9999"), 1);
    expect_json(".ops == 0 and .errors.refused > 0");
}

/* speed downloads a file; bytes a second, 0 and a failure when it did not come whole. */
static double speed(const char *file)
{
    EXPECT_RUN(0, "get 9446 /%s -o $DIR/down -w '%%{speed_download}' && cmp $DIR/down $DIR/www/%s",
               file, file);
    return strtod(rig_out, NULL);
}

E2E(Flood, OfSynsHarmsNeitherOldNorNewConnectionsNorMemory)
{
    const char *dir = getenv("LOCKGATE_BIN_DIR"), *file = rig_is_quick() ? "1m" : "100m";

    if (!rig_use_as(NULL, "  syn_backlog: 64\n", body) || !plug())
        return;
    double alone = speed(file);
    pid_t flood =
        rig_spawn("exec %s/bench/blast/lockgate-blast syn-flood --device af_xdp:blast-front "
                  "--address " FRONT "/24 --source 10.91.1.64/26 --target " RIG_GATE4 ":9446 "
                  "--no-huge --memory 192MiB --rate 20000 --duration 50s --idle adaptive --cpu 0",
                  dir ? dir : E2E_BUILD);
    EXPECT(
        rig_wait(20, "[ \"$($LOCKGATECTL -s $DIR/gate.sock stats tcp_cookie_sent)\" -gt 1000 ]"));
    double flooded = speed(file);
    EXPECT_RUN(0, "for i in $(seq 10); do get 9446 /hello || exit 1; done"); /* honest ones */
    printf("SYN flood, %lld cookies: %.1f MB/s, alone %.1f\n",
           (long long)rig_stat("tcp_cookie_sent"), flooded / 1e6, alone / 1e6);
    EXPECT(rig_alive(flood));
    EXPECT_EQ(rig_stat("drop_no_buf"), 0);
    EXPECT_EQ(rig_stat("drop_tcp_full"), 0);
    kill(flood, SIGTERM);
    (void)rig_join(flood, 10);
    EXPECT(rig_settles());
}
