/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pacing: what of a window goes out when. */
#include "rig.h"

#define ACK LG_TCP_FL_ACK
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"
#define MSS 1460u

static struct rig rig, *const r = &rig;

/* start opens a connection with a round trip, paced or not. */
static void start(bool pacing, lg_ns_t rtt_ns)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    struct rig_seg syn = {
        .seq = 100000, .flags = LG_TCP_FL_SYN, .wnd = 65535, .opt = OPT_SACK, .opt_len = 8};

    cfg.pacing = pacing;
    cfg.snd_buf_sz = 1u << 20;
    rig_init(r, &cfg);
    rig_rx(r, &syn);
    rig_poll(r, 0);
    r->ack = rig_last(r)->seq + 1;
    r->seq++;
    r->now_ns += rtt_ns;
    rig_in(r, ACK, NULL, 0);
    EXPECT(rig_events(r) & LG_TCP_EV_OPEN);
    REQUIRE(r->c != NULL);
    rig_poll(r, 0);
    rig_clear(r);
}

/* out: segments sent in the next ns. */
static uint32_t out(lg_ns_t ns)
{
    rig_clear(r);
    rig_run(r, ns);
    return r->sent_cnt;
}

TEST(TcpPace, SpreadsAWindowOverTheRoundTrip)
{
    start(true, LG_MS(40));
    r->c->ssthresh = r->c->cwnd = 40 * MSS; /* 40 segments in 40 ms / 1.2 */
    rig_send(r, 100 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 4);
    uint32_t n = 4 + out(LG_MS(10));
    EXPECT(n >= 12 && n <= 18);
    n += out(LG_MS(10));
    EXPECT(n >= 24 && n <= 30);
    n += out(LG_MS(18));
    EXPECT_EQ(n, 40);
    rig_fini(r);
}

TEST(TcpPace, SlowStartGoesTwiceAsFast)
{
    start(true, LG_MS(40));
    EXPECT_EQ(r->c->cwnd, 10 * MSS);
    rig_send(r, 100 * MSS);
    rig_poll(r, 0);
    uint32_t n = r->sent_cnt + out(LG_MS(21));
    EXPECT_EQ(n, 10);                   /* all of the window in half a round trip */
    for (uint32_t i = 0; i < 10; i++) { /* what is held back by pace counts as held by cwnd */
        r->ack += MSS;
        rig_in(r, ACK, NULL, 0);
        rig_run(r, LG_MS(2));
    }
    EXPECT_EQ(r->c->cwnd, 20 * MSS);
    rig_fini(r);
}

TEST(TcpPace, LeavesShortRoundTripsAndTheUnwillingAlone)
{
    start(true, LG_US(900));
    r->c->ssthresh = r->c->cwnd = 40 * MSS;
    rig_send(r, 100 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 40);
    rig_fini(r);
    start(false, LG_MS(40));
    r->c->ssthresh = r->c->cwnd = 40 * MSS;
    rig_send(r, 100 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 40);
    rig_fini(r);
}

TEST(TcpPace, GoesOnThoughAnAckIsSentMeanwhile)
{
    start(true, LG_MS(40));
    r->c->quick_acks = 0;
    rig_send(r, 8 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 4);
    rig_in(r, ACK, "x", 1);               /* its ACK is delayed: by the same timer */
    rig_at(r, 0xffff0000, ACK, "old", 3); /* and this one is answered at once */
    rig_poll(r, 0);
    EXPECT_EQ(out(LG_MS(20)), 4);
    rig_take(r);
    rig_fini(r);
}

TEST(TcpPace, ForgetsThePastAfterALongIdleTime)
{
    start(true, LG_MS(40));
    rig_send(r, 2 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 2);
    r->ack += 2 * MSS;
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, 0);
    for (unsigned i = 0; i < 5; i++) { /* around the clock of 32 bits, and half around */
        r->now_ns += LG_SEC(1074);
        rig_clear(r);
        rig_send(r, 100);
        rig_poll(r, 0);
        EXPECT_EQ(r->sent_cnt, 1);
        r->ack += 100;
        rig_in(r, ACK, NULL, 0);
        rig_poll(r, 0);
    }
    rig_fini(r);
}

/* A turn's timers stay few at a high rate: bursts grow with it. */
TEST(TcpPace, NeedsNoMoreThanATimerAMillisecond)
{
    start(true, LG_MS(20));
    r->c->ssthresh = r->c->cwnd = 400 * MSS;
    r->c->snd_wnd = 1u << 20;
    rig_send(r, 420 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 24); /* 400 * 1.2 / 20 */
    EXPECT_EQ(out(LG_US(800)), 0);
    EXPECT_EQ(out(LG_US(400)), 24);
    rig_fini(r);
}
