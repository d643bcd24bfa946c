/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_names.c: backends by name: a name server of ours in lockgate's namespace, nginx behind. */
#include "rig_priv.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define DNS(more)                                                                                  \
    "dns: {nameservers: [\"127.0.0.1:5300\"], hosts_file: \"\", timeout: 100ms, tries: 1,"         \
    " min_ttl: 100ms, retry: 100ms, start_timeout: 1s" more "}\n"
#define LISTENER "listeners:\n  - {name: site, type: https, $BIND:443, pool: web, tls: {$CERTS}}\n"
#define WEB(backend)                                                                               \
    "pools:\n  - {name: web, keepalive: {max: 0}, backends: [" backend "]}\n" LISTENER
#define APP "{name: app, address: \"app.test:80\"}"

static pid_t server;

/* set_zone puts this text in force: by a rename, so that no query sees half of it. */
static void set_zone(const char *text)
{
    EXPECT_EQ(rig_tool("printf '%s' >$DIR/zone.new && mv $DIR/zone.new $DIR/zone", text), 0);
}

static bool begin_server(const char *text)
{
    const char *out = rig_path("names.out");

    if (!rig_up())
        return false;
    set_zone(text);
    unlink(out);
    server = rig_exec(rig_ns_name(RIG_GATE), "exec python3 $SRC/names.py 127.0.0.1 5300 $DIR/zone",
                      out, false);
    return rig_wait(10, "grep -q ready $DIR/names.out");
}

static void end_server(void)
{
    kill(server, SIGKILL);
    rig_reap(server, 5000);
}

/* answered_by: requests go there within five seconds, and none of them fails. */
static bool answered_by(const char *ip)
{
    char want[64];

    snprintf(want, sizeof want, "hello from %s\n", ip);
    for (uint64_t end = rig_now_ms() + 5000; rig_now_ms() < end; rig_nap()) {
        int status = rig_client("get 443 /hello -f");
        if (status != 0) {
            t_fail(__FILE__, __LINE__, "a request failed: %d %.500s", status, rig_out);
            return false;
        }
        if (strcmp(rig_out, want) == 0)
            return true;
    }
    return false;
}

/* backends: what lockgatectl says of them, by a jq program. */
static const char *backends(const char *program)
{
    rig_tool("$LOCKGATECTL -s $DIR/gate.sock --json backends | jq -rc '.pools[] | select(.name == "
             "\"web\").backends%s'",
             program);
    return rig_out;
}

E2E(Names, FollowTheirAnswersWithoutAFailedRequest)
{
    if (!begin_server("app.test 0 10.91.2.10\n"))
        return;
    rig_stop(20);
    RIG(DNS("") WEB(APP));
    EXPECT(answered_by("10.91.2.10"));
    int64_t generation = rig_stat("generation");
    set_zone("app.test 0 10.91.2.11\n");
    EXPECT(answered_by("10.91.2.11"));
    EXPECT_STAT("generation", generation + 1);
    EXPECT_LOGGED("dns: app.test is 10.91.2.11 (1)");
    /* Both, and the one that was there is remembered: how often it was chosen is not forgotten. */
    int64_t picked = atol(backends("[0].picked"));
    EXPECT(picked > 0);
    set_zone("app.test 0 10.91.2.10 10.91.2.11\n");
    EXPECT(answered_by("10.91.2.10"));
    EXPECT_STAT("generation", generation + 2);
    EXPECT_STR(backends(" | map(.name)"), "[\"app@10.91.2.10\",\"app@10.91.2.11\"]\n");
    EXPECT(atol(backends("[1].picked")) >= picked);
    /* Another order is no change, however often it is asked. */
    int64_t asked = rig_stat("dns_queries");
    set_zone("app.test 0 10.91.2.11 10.91.2.10\n");
    for (uint64_t end = rig_now_ms() + 5000; rig_stat("dns_queries") < asked + 3;)
        REQUIRE(rig_now_ms() < end);
    EXPECT_STAT("generation", generation + 2);
    end_server();
}

E2E(Names, AreKeptWhenNobodyAnswersAnyMore)
{
    if (!begin_server("app.test 0 10.91.2.10 fd91:2::10\n"))
        return;
    rig_stop(20);
    RIG(DNS("") WEB(APP));
    EXPECT_STR(backends(" | map(.name)"), "[\"app@10.91.2.10\",\"app@fd91:2::10\"]\n");
    set_zone("app.test servfail\n");
    EXPECT_STAT("dns_stale", 1);
    EXPECT_RUN(0, "get 443 /hello -f");
    set_zone("app.test silent\n");
    int64_t lost = rig_stat("dns_fail_timeout");
    for (uint64_t end = rig_now_ms() + 5000; rig_stat("dns_fail_timeout") < lost + 2;)
        REQUIRE(rig_now_ms() < end);
    EXPECT_RUN(0, "get 443 /hello -f");
    end_server();
    EXPECT_RUN(0, "get 443 /hello -f");
    EXPECT_STAT("dns_unresolved", 0);
    EXPECT_STAT("generation", 1);
}

E2E(Names, StartWithoutAnAnswerAndServeWhenThereIsOne)
{
    if (!begin_server("other.test 0 10.91.2.10\n"))
        return;
    rig_stop(20);
    RIG(DNS("") WEB(APP));
    EXPECT_STAT("dns_unresolved", 1);
    EXPECT_RUN(0, "code 443 /hello");
    EXPECT_STR(rig_out, "503\n");
    set_zone("app.test 0 10.91.2.11\n");
    EXPECT_STAT("dns_unresolved", 0);
    EXPECT(answered_by("10.91.2.11"));
    /* A reload keeps what is known, and takes names that are new to it. */
    set_zone("app.test 0 10.91.2.11\nnext.test 0 10.91.2.10\n");
    rig_rewrite(DNS("") WEB("{name: next, address: \"next.test:80\", resolve: first}"));
    EXPECT(rig_reload());
    EXPECT(answered_by("10.91.2.10"));
    EXPECT_STR(backends(" | map(.name)"), "[\"next\"]\n");
    end_server();
}

E2E(Names, RequiredButWithoutAnAnswerPreventStartAndReload)
{
    if (!begin_server("app.test 0 10.91.2.10\n"))
        return;
    rig_stop(20);
    RIG(DNS(", start: required") WEB(APP));
    rig_rewrite(DNS(", start: required") WEB("{name: gone, address: \"gone.test:80\"}"));
    EXPECT(!rig_reload());
    EXPECT_HAS(rig_out, "gone.test");
    EXPECT(answered_by("10.91.2.10"));
    rig_stop(20);
    set_zone("app.test nx\n");
    const char *file = rig_config("bad.yaml", NULL, NULL, DNS(", start: required") WEB(APP));
    EXPECT_EQ(rig_tool("ip netns exec %s \"$LOCKGATE\" -c %s", rig_ns_name(RIG_GATE), file), 1);
    EXPECT_HAS(rig_out, "app.test has no address");
    end_server();
}

E2E(Names, OfTheHostsFileNeedNoServer)
{
    if (!rig_up())
        return;
    rig_stop(20);
    EXPECT_EQ(rig_tool("echo 10.91.2.11 app.test >$DIR/hosts"), 0);
    RIG("dns: {nameservers: [\"127.0.0.1:5301\"], hosts_file: $DIR/hosts, timeout: 100ms, tries: "
        "1}\n" WEB(APP));
    EXPECT(answered_by("10.91.2.11"));
}
