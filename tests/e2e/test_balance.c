/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_balance.c: sharing the work among nginx origins, and surviving them. */
#include "rig.h"

static const char body[] = "@balance.yaml";

E2E(Balance, WeightsAreKept)
{
    RIG(body);
    EXPECT_RUN(0, "get 460 '/hello?[1-40]' | sort | uniq -c");
    EXPECT_HAS(rig_out, "30 hello from 10.91.2.10");
    EXPECT_HAS(rig_out, "10 hello from 10.91.2.11");
}

E2E(Balance, KeysStayWithTheirBackend)
{
    RIG(body);
    /* By source address: one client, one backend. */
    EXPECT_RUN(0, "for i in 1 2 3 4; do get 8461 /hello; done | sort -u | wc -l");
    EXPECT_STR(rig_out, "1\n");
    /* By header: each value has its backend, and not all have the same. */
    EXPECT_RUN(0,
               "for u in a b c d e f g h; do for i in 1 2 3; do"
               " echo $u $(get 462 /hello -H \"X-User: $u\"); done; done | sort -u | tee $DIR/by |"
               " wc -l; cut -d ' ' -f 4 $DIR/by | sort -u | wc -l");
    EXPECT_STR(rig_out, "8\n2\n");
}

E2E(Balance, BackupsServeOnlyWhenNobodyElseDoes)
{
    RIG(body);
    EXPECT_RUN(0, "get 463 '/hello?[1-4]' | sort -u");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
}

E2E(Balance, TheQueueHoldsWhatALimitKeepsOut)
{
    RIG(body);
    int64_t queued = rig_stat("proxy_queued");
    EXPECT_RUN(0, "seq 4 | xargs -P 4 -I '{}' bash -c '. $SRC/verbs.sh; get 464 /slow?s=0.2'");
    EXPECT_STR(rig_out, "slow\nslow\nslow\nslow\n");
    EXPECT(rig_stat("proxy_queued") >= queued + 3);
    /* Two are allowed to wait, for one second. */
    EXPECT_RUN(0,
               "seq 2 | xargs -P 2 -I '{}' bash -c '. $SRC/verbs.sh; code 464 /slow?s=2' | sort");
    EXPECT_STR(rig_out, "200\n503\n");
}

E2E(Balance, ChecksTakeBackendsDownAndBringThemUp)
{
    EXPECT(rig_up());
    rig_tool("echo yes > $DIR/www/alive");
    RIG(body);
    /* b has no such page: it is down from the first check on, and the log says why. */
    EXPECT(rig_wait(5, "$LOCKGATECTL -s $DIR/gate.sock backends >$DIR/all &&"
                       " grep -q '^checked *a .* up ' $DIR/all &&"
                       " grep -q '^checked *b .* down ' $DIR/all"));
    EXPECT_RUN(0, "get 465 /hello"); /* it may have been dead before */
    rig_mark();
    EXPECT_RUN(0, "get 465 '/hello?[1-6]' | sort -u");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    rig_mark();
    rig_tool("rm $DIR/www/alive");
    EXPECT_LOGGED("pool checked backend a (10.91.2.10:80) is down: unexpected status (HTTP 404)");
    EXPECT_RUN(0, "code 465 /hello; code 465 /hello");
    EXPECT_STR(rig_out, "503\n503\n");
    EXPECT_LOGGED("pool checked: no backend is usable");
    EXPECT(rig_stat("proxy_no_backend") >= 2);
    rig_tool("echo yes > $DIR/www/alive");
    EXPECT_LOGGED("pool checked backend a (10.91.2.10:80) is up: ok (HTTP 200)");
    EXPECT_RUN(0, "get 465 /hello");
    EXPECT_LOGGED("pool checked: there are usable backends again");
}

E2E(Balance, ATcpCheckSparesClientsTheDeadBackend)
{
    RIG(body);
    EXPECT(rig_wait(5, "$LOCKGATECTL -s $DIR/gate.sock backends | grep '^watched *a .* down ' |"
                       " grep -q 'connection refused'"));
    int64_t failed = rig_stat("proxy_backend_fail");
    EXPECT_RUN(0, "for i in 1 2 3 4; do get 8466 /hello || exit 1; done | sort -u");
    EXPECT_STR(rig_out, "hello from 10.91.2.11\n");
    EXPECT_EQ(rig_stat("proxy_backend_fail"), failed);
}

E2E(Balance, LockgatectlShowsTheBackends)
{
    RIG(body);
    EXPECT_RUN(0, "get 460 '/hello?[1-8]' -o /dev/null");
    EXPECT_EQ(
        rig_tool(
            "$LOCKGATECTL -s $DIR/gate.sock backends --json | python3 -c '\n"
            "import json, sys\n"
            "pools = {p[\"name\"]: p for p in json.load(sys.stdin)[\"pools\"]}\n"
            "a, b = pools[\"weighted\"][\"backends\"]\n"
            "print(a[\"state\"], a[\"weight\"], a[\"check\"], b[\"weight\"])\n"
            "print(a[\"picked\"] == 3 * b[\"picked\"] > 0, a[\"connections\"])\n"
            "print(pools[\"user\"][\"balance\"], pools[\"backup\"][\"backends\"][1][\"backup\"])'"),
        0);
    EXPECT_STR(rig_out, "up 3 None 1\nTrue 0\nheader True\n");
}

E2E(Balance, SpeaksTlsToBackends)
{
    RIG(body);
    EXPECT_RUN(0, "get 467 '/hello?[1-3]' | sort -u; get 8467 /hello");
    EXPECT_STR(rig_out, "hello by TLSv1.3 for shop.example\nhello by TLSv1.3 for shop.example\n");
    EXPECT(rig_wait(5, "$LOCKGATECTL -s $DIR/gate.sock backends | grep '^inside *a .* up ' |"
                       " grep -q ' ok, '"));
}

E2E(Balance, R14_RefusesBackendsThatAreNotWhatTheyShallBe)
{
    RIG(body);
    static const struct {
        const char *port, *counter, *why;
    } bad[] = {
        {"468", "backend_tls_expired",
         "pool expired backend a: TLS handshake failed: certificate "
         "expired or not yet valid, alert sent certificate_expired"},
        {"469", "backend_tls_name", "certificate for another name"},
        {"470", "backend_tls_untrusted", "certificate from an unknown CA, alert sent unknown_ca"},
    };
    for (int i = 0; i < 3; i++) {
        int64_t n = rig_stat(bad[i].counter);
        rig_mark();
        EXPECT_RUN(0, "code %s /hello", bad[i].port);
        EXPECT_STR(rig_out, "502\n");
        EXPECT_LOGGED(bad[i].why);
        EXPECT(rig_stat(bad[i].counter) > n);
    }
}

E2E(Balance, R43_TellsBackendsByThePROXYProtocol)
{
    RIG(body);
    EXPECT_RUN(0, "get 8471 /hello; get 472 '/hello?[1-2]' | sort -u");
    EXPECT_STR(rig_out, "hello 10.91.1.1 at 8471\nhello 10.91.1.1 at 472\n");
    EXPECT(rig_wait(5, "$LOCKGATECTL -s $DIR/gate.sock backends | grep '^told2 *a .* up ' |"
                       " grep -q ' ok, '"));
}
