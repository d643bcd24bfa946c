/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_workers.c: two workers, two queues: what arrives at the wrong one is handed over. */
#include "rig_priv.h"

#include <unistd.h>

/* set_queues gives each device of lockgate's, and its peer, n queues. The kernel lets go of an
 * ended process's AF_XDP sockets a little later, and refuses until then. */
static bool set_queues(int n)
{
    char text[1024];

    rig_stop(20);
    /* ethtool -l prints what can be before what is: with two queues, four lines say 2. */
    snprintf(text, sizeof text,
             "for d in front back; do"
             " ip netns exec %s ethtool -L $d-2 tx %d rx %d;"
             " ip netns exec %s ethtool -L lg-$d tx %d rx %d;"
             " test $(ip netns exec %s ethtool -l lg-$d | grep -Ec '^[RT]X:.*[^0-9]%d$') -ge %d"
             " || exit 1; done 2>/dev/null",
             rig_ns_name(RIG_WIRE), n, n, rig_ns_name(RIG_GATE), n, n, rig_ns_name(RIG_GATE), n,
             2 * n);
    return rig_wait(15, text);
}

static void serve_everything(void)
{
    int64_t done = rig_stat("tls_hs_done");
    EXPECT_RUN(0, "for i in $(seq 50); do get 8443 /hello || exit 1; done | sort -u");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_RUN(0, "for i in $(seq 20); do get 443 /1k -o /dev/null || exit 1; done");
    EXPECT_RUN(0, "for i in $(seq 5); do get 8444 /hello $(as alice) || exit 1; done");
    EXPECT_RUN(0, "get 8443 /100m -o $DIR/down && cmp $DIR/down $DIR/www/100m");
    EXPECT_RUN(0, "get 8443 /up/w -T $DIR/www/100m && cmp $DIR/www/up/w $DIR/www/100m");
    EXPECT_RUN(0, "ADDR=$GATE6 get 443 /1m -o $DIR/down && cmp $DIR/down $DIR/www/1m");
    EXPECT_STAT("tls_hs_done", done + 78);
    EXPECT(rig_settles());
}

E2E(Workers, TwoWorkersHandOverWhatIsNotTheirs)
{
    if (!rig_up())
        return;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        T_SKIP("needs two CPUs");
    REQUIRE(set_queues(2));
    if (rig_use_as("[0, 1]", "", rig_standard)) {
        serve_everything();
        /* One of two frames of a flow's two sides is at the wrong worker, as dice fall. */
        EXPECT(rig_stat("handover_in") > 0);
        EXPECT_EQ(rig_stat("drop_handover"), 0);
        EXPECT_RUN(0, "py randoms 8443 200 1.3"); /* R7: per worker too */
        EXPECT_HAS(rig_out, "randoms 200 different 200");
        EXPECT_EQ(rig_tool("\"$LOCKGATECTL\" -s $DIR/gate.sock stats | jq -e "
                           "'[.workers[].tls_hs_done] | length == 2 and all(. > 0)'"),
                  0);
    }
    EXPECT(set_queues(1));
}
