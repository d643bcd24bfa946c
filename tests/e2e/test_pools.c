/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pools.c: whatever connections do, every pool is afterwards as it was. */
#include "rig.h"

#include <stdio.h>

/* The pools, as lockgatectl stats tells them. */
static const char *const gauges[] = {
    "tcp_conns",           "tcp_established", "tcp_embryonic",  "tcp_user_held", "proxy_sessions",
    "proxy_backend_conns", "tls_used",        "tls_arena_used", "bufs_used",
};
#define GAUGES (sizeof gauges / sizeof gauges[0])

struct levels {
    int64_t v[GAUGES];
};

/* idle waits until every session is over and the kept backend connections are too. What still is in
 * TIME_WAIT, which is a time and not an event, is taken off. */
static bool idle(struct levels *out)
{
    bool good = rig_settles() && rig_becomes("proxy_backend_idle", 0);

    for (size_t i = 0; i < GAUGES; i++)
        out->v[i] = rig_stat(gauges[i]);
    out->v[0] -= rig_stat("tcp_time_wait");
    return good;
}

static void expect_same(const struct levels *a, const struct levels *b)
{
    for (size_t i = 0; i < GAUGES; i++)
        if (a->v[i] != b->v[i])
            t_fail(__FILE__, __LINE__, "%s was %lld and is %lld", gauges[i], (long long)a->v[i],
                   (long long)b->v[i]);
}

static const char body[] =
    "pools:\n"
    "  - {name: web, keepalive: {max: 64, idle: 1s}, backends: [{name: a, address: "
    "\"10.91.2.10:80\"}]}\n"
    "  - {name: dead, backends: [{name: a, address: \"10.91.2.10:8009\"}]}\n"
    "listeners:\n"
    "  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS}}\n"
    "  - {name: mutual, type: tcp_ssl, $BIND:8444, pool: web, tls: {$CERTS, $MUTUAL}}\n"
    "  - {name: dead, type: tcp_ssl, $BIND:9009, pool: dead, tls: {$CERTS}}\n"
    "  - {name: site, type: https, $BIND:443, tls: {$CERTS},\n"
    "     routes: [{host: \"*\", path: /, pool: web}]}\n";

E2E(Pools, TenThousandConnectionsLeaveEveryPoolAsItWas)
{
    RIG(body);
    struct levels before, after;
    int64_t done = rig_stat("tls_hs_done"), refused = rig_stat("tls_fail_revoked");
    int n = rig_is_quick() ? 250 : 2500;              /* of each of four ways: 10,000 */
    EXPECT_RUN(0, "get 8443 /hello; get 443 /hello"); /* caches are warm from here on */
    EXPECT(idle(&before));
    pid_t pids[4] = {
        rig_spawn("get 8443 '/hello?[1-%d]' -o /dev/null -H 'Connection: close' --no-sessionid", n),
        rig_spawn("get 443 '/hello?[1-%d]' -o /dev/null -H 'Connection: close' --no-sessionid", n),
        rig_spawn("get 8444 '/1k?[1-%d]' -o /dev/null -H 'Connection: close' $(as alice)", n),
        rig_spawn("get 8444 '/1k?[1-%d]' -o /dev/null $(as bob); true", n), /* refused */
    };
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rig_join(pids[i], 120), 0);
    EXPECT_STAT("tls_hs_done", done + 2 + 3 * n);
    EXPECT_STAT("tls_fail_revoked", refused + n);
    EXPECT(idle(&after));
    expect_same(&before, &after);
    /* And TIME_WAIT ends by itself: 2 MSL are 60 s. Nothing at all is left then. */
    for (int i = 0; !rig_is_quick() && i < 16 && rig_stat("tcp_conns") != 0; i++)
        rig_becomes("tcp_conns", 0);
    EXPECT(rig_is_quick() || rig_stat("tcp_conns") == 0);
}

E2E(Pools, BrokenConnectionsLeaveEveryPoolAsItWas)
{
    RIG(body);
    struct levels before, after;
    EXPECT(idle(&before));
    for (int i = 0; i < 5; i++) {
        rig_client("get 8443 /100m --max-time 0.2 -o /dev/null; get 443 /100m --max-time 0.2 -o "
                   "/dev/null; get 443 /up/x -T $DIR/www/100m --max-time 0.2 -o /dev/null;"
                   " get 9009 /; py truncated-hello 443; py truncated-record 8443; py bad-mac 443;"
                   " py garbage 8443 %d 900; py request 443 '' - 'GET / HTTP/1.1\\r\\n\\r\\n'",
                   i);
    }
    EXPECT(idle(&after));
    expect_same(&before, &after);
}

E2E(Pools, FullPoolShedsTheNewestAndKeepsTheEstablished)
{
    if (!rig_use_as(NULL, "  max_connections: 64\n", "@small.yaml"))
        return;
    /* More held connections than there is room for: some are refused, none of the first harmed. */
    int64_t full = rig_stat("proxy_full") + rig_stat("drop_tcp_full") + rig_stat("tls_fail_full");
    pid_t first = rig_spawn("rm -f $DIR/go; py hold 9002 30 $DIR/go");
    REQUIRE(rig_becomes("proxy_sessions", 30));
    EXPECT_RUN(0, "py press 9002 100");
    EXPECT(!strstr(rig_out, "refused 0"));
    int64_t now = rig_stat("proxy_full") + rig_stat("drop_tcp_full") + rig_stat("tls_fail_full");
    EXPECT(now > full);
    EXPECT_RUN(0, "touch $DIR/go");
    EXPECT_EQ(rig_join(first, 20), 0);
    EXPECT_HAS(rig_out, "released 30");
    EXPECT(rig_settles());
    EXPECT_RUN(0, "py half-close 9002 1000"); /* and there is room again */
}
