/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_admin.c: watching a running lockgate: the admin API by curl and jq, lockgatectl's tables,
 * and what Prometheus gets, by promtool. */
#include "rig.h"
#include "rig_priv.h"

#include <stdio.h>

#define TOKEN "e2e-token-0123456789"
/* Begins with a key of its own: rig_config writes it between global and ports. */
#define ADMIN                                                                                      \
    "admin: {address: \"127.0.0.1:9443\", token_file: $DIR/admin.token,"                           \
    " tls: {cert: $PKI/server-ecdsa.pem, key: $PKI/server-ecdsa.key}}\n"

/* api PATH JQ: the filter's output for what the unix socket answers; jq -e fails on false. */
static int api(const char *path, const char *filter)
{
    return rig_tool("curl -sS --fail-with-body --unix-socket $DIR/gate.sock 'http://gate%s' | "
                    "jq -er '%s'",
                    path, filter);
}

#define EXPECT_API(path, filter)                                                                   \
    do {                                                                                           \
        if (api((path), (filter)) != 0)                                                            \
            t_fail(__FILE__, __LINE__, "%s does not hold for %s: %.1500s", (filter), (path),       \
                   rig_out);                                                                       \
    } while (0)

static int ctl(const char *args)
{
    return rig_tool("$LOCKGATECTL -s $DIR/gate.sock %s", args);
}

/* begin: a lockgate of these tests' own, and some traffic through it, good and bad, once. */
static bool begin(void)
{
    static pid_t known;

    if (!rig_up() ||
        rig_tool("umask 077; [ -e $DIR/admin.token ] || echo " TOKEN " > $DIR/admin.token") != 0)
        return false;
    if (!known || rig_gate_pid() != known)
        rig_stop(20); /* whose counters are not 0 */
    if (!rig_use_as(NULL, ADMIN, rig_standard))
        return false;
    if (rig_gate_pid() == known)
        return true;
    known = rig_gate_pid();
    EXPECT_RUN(0, "get 443 /hello");
    EXPECT_RUN(0, "get 443 /hello --tlsv1.2 --tls-max 1.2");
    rig_client("hello 8444"); /* comes without a certificate */
    rig_client("hello 8444 $(as bob)");
    EXPECT_RUN(0, "hello 8444 $(as alice)");
    return true;
}

E2E(Admin, TellsWhatThereIs)
{
    if (!begin())
        return;
    EXPECT_API("/v1/status",
               ".ok and .state == \"running\" and .generation == 1 and .workers == 1");
    EXPECT_API("/v1/listeners",
               ".listeners[] | select(.name == \"raw-mutual\") | .mode == \"mutual\" and "
               ".type == \"tcp_ssl\" and .handshakes == 1 and .handshake_failures == 2 and "
               "(.certificates | length) == 2");
    EXPECT_API("/v1/certificates?listener=raw",
               ".certificates | length == 2 and (.[0].names | index(\"shop.example\")) != null and "
               ".[0].key == \"ecdsa-p256\" and .[1].key == \"rsa-2048\" and .[0].days_left > 0");
    rig_tool(
        "openssl x509 -in $DIR/pki/server-ecdsa.pem -noout -serial | cut -d= -f2 | tr A-F a-f");
    char filter[256];
    snprintf(filter, sizeof filter, ".certificates[0].serial == \"%.*s\"",
             (int)strcspn(rig_out, "\n"), rig_out);
    EXPECT_API("/v1/certificates?listener=raw", filter);
    EXPECT_API("/v1/client-cas?listener=raw-mutual",
               ".listeners[0] | (.cas | length) >= 1 and (.crls | length) == 2 and "
               "([.crls[].entries] | add) > 0 and (.crls[0].stale | not) and (.crls[0].issuer | "
               "length) > 0");
    EXPECT_API("/v1/client-cas?listener=stale", "[.listeners[0].crls[] | .stale] | any");
    EXPECT_API("/v1/workers", ".workers | length == 1 and .[0].busy >= 0 and "
                              ".[0].pools.packet_buffers.total > 0 and .[0].turn_max_ns > 0");
    EXPECT_API("/v1/ports", ".ports | length == 2 and .[0].up and .[0].rx_packets > 0");
    EXPECT_API("/v1/snapshots", ".snapshots[0] | .generation == 1 and .state == \"current\" and "
                                ".held_by[0].in_use");
    EXPECT(api("/v1/certificates?listener=nobody", ".") != 0);
    EXPECT_HAS(rig_out, "there is no listener nobody");
}

E2E(Admin, ShowsTablesToPeople)
{
    if (!begin())
        return;
    static const struct {
        const char *args, *has;
    } tables[] = {{"status", "generation   1, 0 older still held"},
                  {"listeners", "raw-mutual"},
                  {"certificates raw", "ecdsa-p256"},
                  {"client-cas raw-mutual", "REVOCATION LIST OF"},
                  {"workers", "BUFFERS (peak)"},
                  {"ports", "af_xdp:lg-front"},
                  {"snapshots", "worker 0: 0 connections (in use)"},
                  {"backends", "10.91.2.10:80"},
                  {"metrics", "# TYPE lockgate_build_info gauge"}};

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        EXPECT_EQ(ctl(tables[i].args), 0);
        EXPECT_HAS(rig_out, tables[i].has);
    }
    EXPECT_EQ(rig_tool("$LOCKGATECTL -s $DIR/gate.sock workers --json | jq -e .ok"), 0);
}

/* On a terminal it runs until told to stop; elsewhere it prints one page. */
E2E(Admin, TopShowsRates)
{
    if (!begin())
        return;
    EXPECT_EQ(ctl("top 0.2"), 0);
    EXPECT_HAS(rig_out, "requests/s");
    EXPECT_HAS(rig_out, "WORKER  CPU  BUSY %");
    EXPECT_HAS(rig_out, "raw-mutual");
    EXPECT(!strstr(rig_out, "\033"));
    EXPECT_EQ(
        rig_tool("printf q | script -qec \"$LOCKGATECTL -s $DIR/gate.sock top 0.2\" /dev/null"), 0);
    EXPECT_HAS(rig_out, "\033[?1049h"); /* the other screen, ... */
    EXPECT_HAS(rig_out, "WORKER");
    EXPECT_HAS(rig_out, "\033[?1049l"); /* ... left again */
    EXPECT_EQ(ctl("top 0"), 2);
}

/* value_of: a sample of /metrics, to be found by its whole name and labels. */
static double value_of(const char *sample)
{
    double v = -1;
    char *at;

    rig_tool("$LOCKGATECTL -s $DIR/gate.sock metrics | grep -v ^# | grep -F '%s '", sample);
    at = strstr(rig_out, sample);
    if (!at || sscanf(at + strlen(sample), " %lf", &v) != 1)
        t_fail(__FILE__, __LINE__, "no sample %s", sample);
    return v;
}

E2E(Admin, PrometheusHasNothingToComplainOf)
{
    if (!begin())
        return;
    EXPECT_EQ(rig_tool("$LOCKGATECTL -s $DIR/gate.sock metrics | promtool check metrics"), 0);
    EXPECT_STR(rig_out, "");
    EXPECT_EQ(value_of("lockgate_listener_handshakes_total{listener=\"site\",version=\"1.3\","
                       "suite=\"TLS_AES_256_GCM_SHA384\",group=\"x25519\",resumed=\"false\"}"),
              1);
    EXPECT_EQ(value_of("lockgate_listener_handshake_failures_total{listener=\"raw-mutual\","
                       "reason=\"no_certificate\"}"),
              1);
    EXPECT_EQ(value_of("lockgate_listener_client_refusals_total{listener=\"raw-mutual\","
                       "reason=\"revoked\"}"),
              1);
    EXPECT_EQ(value_of("lockgate_listener_responses_total{listener=\"site\",class=\"2xx\"}"), 2);
    EXPECT_EQ(value_of("lockgate_listener_request_seconds_count{listener=\"site\"}"), 2);
    EXPECT_EQ(
        value_of("lockgate_listener_handshake_seconds_bucket{listener=\"raw-mutual\",le=\"+Inf\"}"),
        1);
    EXPECT_EQ(value_of("lockgate_backend_up{pool=\"web\",backend=\"a\"}"), 1);
    EXPECT(value_of("lockgate_backend_connect_seconds_count{pool=\"web\",backend=\"a\"}") >= 2);
    EXPECT(value_of("lockgate_tcp_rtt_seconds_count") >= 1);
    EXPECT(value_of("lockgate_worker_busy_seconds_total{worker=\"0\"}") > 0);
    EXPECT_EQ(value_of("lockgate_config_generation"), 1);
    EXPECT_EQ(rig_tool("curl -sS --unix-socket $DIR/gate.sock http://gate/metrics -o /dev/null "
                       "-w '%%{content_type}'"),
              0);
    EXPECT_STR(rig_out, "text/plain; version=0.0.4; charset=utf-8");
}

/* Every metric that the example alerts and the dashboard ask for is one that there is. */
E2E(Admin, ExamplesAskForWhatThereIs)
{
    if (!begin())
        return;
    EXPECT_EQ(rig_tool("promtool check rules $SRC/../../docs/prometheus/alerts.yaml"), 0);
    EXPECT_EQ(rig_tool("jq -e . $SRC/../../docs/prometheus/dashboard.json >/dev/null"), 0);
    EXPECT_EQ(
        rig_tool(
            "$LOCKGATECTL -s $DIR/gate.sock metrics | grep '^# TYPE' | cut -d' ' -f3 >$DIR/names; "
            "cat $SRC/../../docs/prometheus/alerts.yaml $SRC/../../docs/prometheus/dashboard.json "
            "| "
            "grep -o 'lockgate_[a-z0-9_]*' | sed -E 's/_(bucket|count|sum)$//' | sort -u | "
            "grep -vxFf $DIR/names; true"),
        0);
    EXPECT_STR(rig_out, "");
}

/* judged: by the running lockgate and by its file; both must say the same. */
static void expect_judged(const char *args, int status, const char *has)
{
    static char first[4096];

    EXPECT_EQ(rig_tool("$LOCKGATECTL -s $DIR/gate.sock check %s", args), status);
    EXPECT_HAS(rig_out, has);
    snprintf(first, sizeof first, "%.4000s", rig_out);
    EXPECT_EQ(rig_tool("$LOCKGATECTL -c $DIR/gate.yaml check %s 2>/dev/null", args), status);
    EXPECT_STR(rig_out, first);
}

E2E(Admin, ForetellsWhatAListenerSays)
{
    static const struct {
        const char *args, *real; /* what hello is to be given for the same */
        int status;
        const char *has, *alert; /* alert: as OpenSSL writes it */
    } cases[] = {
        {"raw-mutual --client $PKI/alice.pem", "8444 $(as alice)", 0, "accepted\n", NULL},
        {"raw-mutual", "8444", 3,
         "refused: no client certificate\nalert         certificate_required",
         "certificate required"},
        {"raw-mutual --tls 1.2", "8444 -tls1_2", 3, "alert         handshake_failure",
         "handshake failure"},
        {"raw-mutual --client $PKI/bob.pem", "8444 $(as bob)", 3,
         "refused: client certificate revoked\nalert         certificate_revoked",
         "certificate revoked"},
        {"raw-mutual --client $PKI/carol.pem", "8444 $(as carol)", 3,
         "alert         certificate_expired", "certificate expired"},
        {"raw-mutual --client $PKI/mallory.pem", "8444 $(as mallory)", 3,
         "alert         unknown_ca", "unknown ca"},
        {"raw-mutual --client $PKI/wrong-use.pem", "8444 $(as wrong-use)", 3,
         "alert         unsupported_certificate", "unsupported certificate"},
        {"stale --client $PKI/alice.pem", "8458 $(as alice)", 3, "revocation  list_stale",
         "certificate unknown"},
        {"raw-optional", "8445", 0, "client cert.  optional", NULL},
        {"only13 --tls 1.2", "8451 -tls1_2", 3, "alert         protocol_version",
         "protocol version"},
        {"strict --sni nobody.example", "8452 -servername nobody.example", 3,
         "alert         unrecognized_name", "unrecognized name"},
        {"alpn --alpn baz,bar", "8454 -alpn baz,bar", 0, "TLS           1.3, ALPN bar", NULL},
        {"alpn --alpn baz", "8454 -alpn baz", 3, "alert         no_application_protocol",
         "no application protocol"},
    };

    if (!begin())
        return;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_judged(cases[i].args, cases[i].status, cases[i].has);
        bool is_in = rig_client("hello %s", cases[i].real) == 0 && strstr(rig_out, "hello from");
        if (is_in != (cases[i].status == 0) || (cases[i].alert && !strstr(rig_out, cases[i].alert)))
            t_fail(__FILE__, __LINE__, "not so at %s: %.1500s", cases[i].real, rig_out);
    }
    expect_judged("site --sni shop.example --path /", 0, "shown         ");
    expect_judged("site --sni shop.example --path /", 0, "pool          ");
    EXPECT_EQ(ctl("check nobody"), 1);
    EXPECT_HAS(rig_out, "there is no listener nobody");
    EXPECT_EQ(ctl("check raw --sni 'not a name'"), 1);
    EXPECT_EQ(ctl("check raw --client $DIR/gate.yaml"), 1);
    EXPECT_HAS(rig_out, "there is no PEM certificate in it");
}

E2E(Admin, AsksWhoComesFromElsewhere)
{
    if (!begin())
        return;
    const char *ns = rig_ns_name(RIG_GATE);
    static const char get[] =
        "ip netns exec %s curl -sS --noproxy '*' --cacert $DIR/pki/server-root.pem "
        "--connect-to shop.example:9443:127.0.0.1:9443 %s "
        "https://shop.example:9443%s";

    EXPECT_EQ(rig_tool(get, ns, "-o /dev/null -w '%{http_code}'", "/v1/status"), 0);
    EXPECT_STR(rig_out, "401");
    EXPECT_EQ(rig_tool(get, ns, "-H 'Authorization: Bearer " TOKEN "'", "/v1/status"), 0);
    EXPECT_HAS(rig_out, "\"state\":\"running\"");
    EXPECT_EQ(rig_tool(get, ns, "-H 'Authorization: Bearer " TOKEN "'", "/metrics"), 0);
    EXPECT_HAS(rig_out, "lockgate_admin_refused_total 1\n");
    EXPECT_LOGGED("admin: 127.0.0.1 was refused: no token, or a wrong one");
    /* A reload by that address, which renews it while it answers. */
    EXPECT_EQ(rig_tool("echo another-" TOKEN " >$DIR/admin.token"), 0);
    EXPECT_EQ(rig_tool(get, ns, "-X POST -H 'Authorization: Bearer " TOKEN "'", "/v1/reload"), 0);
    EXPECT_HAS(rig_out, "\"generation\":2");
    EXPECT_LOGGED("admin: POST /v1/reload by 127.0.0.1: 200");
    EXPECT_EQ(rig_tool(get, ns,
                       "-o /dev/null -w '%{http_code}' -H 'Authorization: Bearer " TOKEN "'",
                       "/v1/status"),
              0);
    EXPECT_STR(rig_out, "401");
    EXPECT_EQ(rig_tool("ip netns exec %s $LOCKGATECTL -s https://127.0.0.1:9443 --token-file "
                       "$DIR/admin.token --ca $DIR/pki/server-root.pem status",
                       ns),
              1); /* the certificate is for shop.example */
    EXPECT_HAS(rig_out, "lockgatectl: https://127.0.0.1:9443: SSL peer certificate");
}
