/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timer wheel against a plain list of deadlines. */
#include "t.h"
#include "wheel.h"

#include <stdlib.h>

#define TICK_NS (1ull << LG_WHEEL_LOG2_TICK_NS)

struct obj {
    struct lg_timer t;
    lg_ns_t want_ns;
    lg_ns_t fired_ns;
    unsigned fired_cnt;
    lg_ns_t rearm_ns; /* not 0: the callback arms it again for this time */
};

static struct lg_wheel *rig_wheel;

static void on_fire(void *ctx, struct lg_timer *t, lg_ns_t now_ns)
{
    struct obj *o = LG_CONTAINER(t, struct obj, t);
    (void)ctx;
    o->fired_ns = now_ns;
    o->fired_cnt++;
    if (o->rearm_ns) {
        lg_ns_t at_ns = o->rearm_ns;
        o->rearm_ns = 0;
        lg_wheel_start(rig_wheel, t, at_ns);
    }
}

TEST(Wheel, FiresNeverEarlyAndAtMostTwoTicksLate)
{
    enum { CNT = 2000 };
    static struct obj o[CNT];
    static struct lg_wheel w;
    lg_ns_t now_ns = LG_SEC(1000);

    srandom(7);
    rig_wheel = &w;
    lg_wheel_init(&w, now_ns);
    memset(o, 0, sizeof o);
    for (int i = 0; i < CNT; i++) {
        unsigned span_ms = i % 4 == 0 ? 10 : i % 4 == 1 ? 1000 : i % 4 == 2 ? 60000 : 4000000;
        o[i].want_ns = now_ns + LG_MS((uint64_t)random() % span_ms) + (uint64_t)random() % 1000000;
        lg_wheel_start(&w, &o[i].t, o[i].want_ns);
    }
    EXPECT_EQ(w.cnt, CNT);
    while (w.cnt > 0) {
        lg_ns_t next_ns = lg_wheel_next(&w);
        REQUIRE(next_ns != LG_NS_NEVER);
        now_ns = LG_MAX(now_ns + 1, next_ns);
        lg_wheel_poll(&w, now_ns, UINT32_MAX, on_fire, NULL);
    }
    for (int i = 0; i < CNT; i++) {
        REQUIRE_EQ(o[i].fired_cnt, 1);
        EXPECT(o[i].fired_ns >= o[i].want_ns);
        EXPECT(o[i].fired_ns <= o[i].want_ns + 2 * TICK_NS);
    }
    EXPECT(lg_wheel_next(&w) == LG_NS_NEVER);
}

TEST(Wheel, FiresAllDueAfterALongPause)
{
    static struct obj o[300];
    static struct lg_wheel w;
    rig_wheel = &w;
    lg_wheel_init(&w, 0);
    memset(o, 0, sizeof o);
    for (int i = 0; i < 300; i++)
        lg_wheel_start(&w, &o[i].t, LG_SEC(i * 10));
    EXPECT_EQ(lg_wheel_poll(&w, LG_SEC(1500) + TICK_NS, UINT32_MAX, on_fire, NULL), 151);
    EXPECT_EQ(lg_wheel_poll(&w, LG_SEC(30000), UINT32_MAX, on_fire, NULL), 149);
}

TEST(Wheel, StopsAndMovesATimer)
{
    static struct obj o[2];
    static struct lg_wheel w;
    rig_wheel = &w;
    lg_wheel_init(&w, LG_SEC(5));
    memset(o, 0, sizeof o);
    lg_wheel_start(&w, &o[0].t, LG_SEC(6));
    lg_wheel_start(&w, &o[1].t, LG_SEC(6));
    lg_wheel_stop(&w, &o[0].t);
    lg_wheel_stop(&w, &o[0].t);
    lg_wheel_start(&w, &o[1].t, LG_SEC(9));
    EXPECT_EQ(w.cnt, 1);
    lg_wheel_poll(&w, LG_SEC(8), UINT32_MAX, on_fire, NULL);
    EXPECT_EQ(o[1].fired_cnt, 0);
    lg_wheel_poll(&w, LG_SEC(10), UINT32_MAX, on_fire, NULL);
    EXPECT_EQ(o[1].fired_cnt, 1);
    EXPECT_EQ(o[0].fired_cnt, 0);
}

TEST(Wheel, RearmsFromTheCallbackWithoutSpinning)
{
    static struct obj o;
    static struct lg_wheel w;
    rig_wheel = &w;
    lg_wheel_init(&w, LG_SEC(5));
    memset(&o, 0, sizeof o);
    o.rearm_ns = 1; /* in the past: due again at once */
    lg_wheel_start(&w, &o.t, LG_SEC(6));
    lg_wheel_poll(&w, LG_SEC(7), UINT32_MAX, on_fire, NULL);
    EXPECT_EQ(o.fired_cnt, 1);
    lg_wheel_poll(&w, LG_SEC(7), UINT32_MAX, on_fire, NULL);
    EXPECT_EQ(o.fired_cnt, 2);
}

TEST(Wheel, KeepsTheRestWhenTheBudgetEnds)
{
    static struct obj o[10];
    static struct lg_wheel w;
    rig_wheel = &w;
    lg_wheel_init(&w, 0);
    memset(o, 0, sizeof o);
    for (int i = 0; i < 10; i++)
        lg_wheel_start(&w, &o[i].t, LG_MS(5));
    EXPECT_EQ(lg_wheel_poll(&w, LG_SEC(1), 4, on_fire, NULL), 4);
    EXPECT_EQ(lg_wheel_poll(&w, LG_SEC(1), 40, on_fire, NULL), 6);
}

TEST(Wheel, HoldsADeadlineBeyondItsHorizon)
{
    static struct obj o;
    static struct lg_wheel w;
    lg_ns_t at_ns = LG_SEC(86400ull * 30), now_ns = 0;
    rig_wheel = &w;
    lg_wheel_init(&w, 0);
    memset(&o, 0, sizeof o);
    lg_wheel_start(&w, &o.t, at_ns);
    for (int turns = 0; w.cnt && turns < 100; turns++) {
        now_ns = LG_MAX(now_ns + 1, lg_wheel_next(&w));
        lg_wheel_poll(&w, now_ns, UINT32_MAX, on_fire, NULL);
    }
    EXPECT_EQ(o.fired_cnt, 1);
    EXPECT(o.fired_ns >= at_ns && o.fired_ns <= at_ns + 2 * TICK_NS);
}
