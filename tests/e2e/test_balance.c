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
