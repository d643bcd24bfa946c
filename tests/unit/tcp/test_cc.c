/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Congestion control, rule by rule: CUBIC (RFC 9438), HyStart++ (9406), NewReno (5681), restart
 * after idleness. The algorithms are driven directly, on a connection of the rig. */
#include "rig.h"

#define ACK LG_TCP_FL_ACK
#define OPT_MSS "\x02\x04\x05\xb4"
#define MSS 1460u

static struct rig rig, *const r = &rig;

static void start(const struct lg_tcp_cc *cc)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    cfg.cc = cc;
    rig_init(r, &cfg);
    rig_accept(r, OPT_MSS, 4);
    r->c->srtt_us = 100000;
}

/* round_trip lets a window be acknowledged, one ACK for two segments; sequence numbers only,
 * nothing is queued. */
static void round_trip(lg_ns_t rtt_ns, uint32_t rtt_us)
{
    struct lg_tcp_conn *c = r->c;
    uint32_t acks = c->cwnd / (2 * MSS);

    c->snd_nxt = c->snd_una + acks * 2 * MSS;
    for (uint32_t i = 0; i < acks; i++) {
        r->now_ns += rtt_ns / acks;
        lg_tcp_now(r->tcp, r->now_ns);
        c->snd_una += 2 * MSS;
        if (c->cwnd > c->snd_nxt - c->snd_una) /* what was allowed has been sent */
            c->snd_nxt = c->snd_una + c->cwnd;
        c->tcp->cfg.cc->acked(c, 2 * MSS, rtt_us);
    }
    c->snd_nxt = c->snd_una;
}

static void end(void)
{
    r->c->snd_una = r->c->snd_nxt = r->c->snd_end = r->ack;
    rig_fini(r);
}

TEST(TcpCubic, Rfc9438_4_6_ReducesToSevenTenths)
{
    start(NULL);
    r->c->cwnd = 100 * MSS;
    r->c->tcp->cfg.cc->lost(r->c, 100 * MSS);
    EXPECT_EQ(r->c->ssthresh, 70 * MSS);
    EXPECT_EQ(r->c->ccs.w_max, 100 * MSS);
    end();
}

TEST(TcpCubic, Rfc9438_4_7_ConvergesFastWhenItLosesBelowItsLastMaximum)
{
    start(NULL);
    r->c->cwnd = 100 * MSS;
    r->c->tcp->cfg.cc->lost(r->c, 100 * MSS);
    r->c->cwnd = 80 * MSS;
    r->c->tcp->cfg.cc->lost(r->c, 80 * MSS);
    EXPECT_EQ(r->c->ccs.w_max, 68 * MSS);
    EXPECT_EQ(r->c->ssthresh, 56 * MSS);
    end();
}

TEST(TcpCubic, Rfc9438_4_2_ReturnsToItsMaximumAfterKSecondsAndGoesOnBeyond)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 1000 * MSS;
    c->tcp->cfg.cc->lost(c, c->cwnd);
    c->cwnd = c->ssthresh;
    /* K = cbrt(1000 * 0.3 / 0.4) = 9.086 s */
    uint32_t at[16] = {0};
    for (int i = 0; i < 150; i++) {
        round_trip(LG_MS(100), 100000);
        if (i % 10 == 9)
            at[i / 10] = c->cwnd / MSS;
    }
    EXPECT_EQ(c->ccs.k_ms, 9085);
    EXPECT(at[8] >= 990 && at[8] <= 1005); /* 9 s */
    EXPECT(at[1] - at[0] > at[4] - at[3]); /* concave: ever slower */
    EXPECT(at[4] - at[3] > at[8] - at[7]);
    EXPECT(at[14] - at[13] > at[10] - at[9]); /* convex: ever faster */
    EXPECT(at[14] >= 1060 && at[14] <= 1100); /* 1000 + 0.4 * 5.9^3 = 1083 */
    end();
}

TEST(TcpCubic, Rfc9438_4_3_GrowsLikeRenoWhereRenoIsFaster)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->srtt_us = 1000;
    c->cwnd = 20 * MSS;
    c->tcp->cfg.cc->lost(c, c->cwnd);
    c->cwnd = c->ssthresh; /* 14 */
    for (int i = 0; i < 100; i++)
        round_trip(LG_MS(1), 1000); /* the curve moves by nothing in 0.1 s */
    /* 0.53 segments a round up to w_max, one beyond it: 12 rounds and 88 */
    EXPECT(c->cwnd > 80 * MSS && c->cwnd < 120 * MSS);
    end();
}

TEST(TcpCubic, Rfc9438_5_8_DoesNotGrowByTimeInWhichItWasNotUsed)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 1000 * MSS;
    c->tcp->cfg.cc->lost(c, c->cwnd);
    c->cwnd = c->ssthresh;
    round_trip(LG_MS(100), 100000);
    uint32_t before = c->cwnd;
    r->now_ns += LG_SEC(20); /* the application had nothing to send */
    round_trip(LG_MS(100), 100000);
    EXPECT(c->cwnd - before < 40 * MSS);
    end();
}

TEST(TcpCubic, GrowsByAnAckForManyMebibytes)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = c->ssthresh = 16u << 20;
    c->ccs.w_max = 1u << 29;
    c->tcp->cfg.cc->acked(c, MSS, 100000);
    c->ccs.epoch_ms -= 200000; /* past K: the curve wants half as much again */
    c->tcp->cfg.cc->acked(c, 16u << 20, 100000);
    EXPECT(c->cwnd > 23u << 20 && c->cwnd <= (24u << 20) + MSS);
    end();
}

TEST(TcpCubic, ForgetsAReductionThatIsUndone)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 100 * MSS;
    c->tcp->cfg.cc->lost(c, c->cwnd);
    c->cwnd = 80 * MSS;
    c->tcp->cfg.cc->lost(c, c->cwnd);
    c->tcp->cfg.cc->undone(c);
    EXPECT_EQ(c->ccs.w_max, 100 * MSS);
    end();
}

TEST(TcpHystart, Rfc9406_LeavesSlowStartWhenRoundTripsGrow)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    uint32_t w[12];
    c->cwnd = 32 * MSS;
    round_trip(LG_MS(40), 40000);
    round_trip(LG_MS(40), 40000);
    EXPECT_EQ(c->cwnd, 128 * MSS);
    for (int i = 0; i < 8; i++) { /* 6 ms more: above 40 / 8 */
        round_trip(LG_MS(46), 46000);
        w[i] = c->cwnd;
    }
    EXPECT(w[1] < w[0] + w[0] / 3); /* a quarter of slow start's speed */
    EXPECT(c->ssthresh <= c->cwnd && c->ssthresh != UINT32_MAX);
    EXPECT(w[7] - w[6] < w[6] / 20); /* congestion avoidance */
    end();
}

TEST(TcpHystart, Rfc9406_GoesOnWhenItWasNoise)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 32 * MSS;
    round_trip(LG_MS(40), 40000);
    round_trip(LG_MS(46), 46000);
    EXPECT(c->ccs.css_rounds > 0);
    round_trip(LG_MS(40), 40000);
    round_trip(LG_MS(40), 40000);
    EXPECT_EQ(c->ccs.css_rounds, 0);
    EXPECT_EQ(c->ssthresh, UINT32_MAX);
    end();
}

TEST(TcpHystart, Rfc9406_IgnoresGrowthBelowFourMilliseconds)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 32 * MSS;
    round_trip(LG_MS(1), 1000);
    round_trip(LG_MS(1), 4000); /* four times as long, in a network of microseconds */
    round_trip(LG_MS(1), 4500);
    EXPECT_EQ(c->ccs.css_rounds, 0);
    end();
}

TEST(TcpReno, Rfc5681_HalvesAndGrowsByASegmentARoundTrip)
{
    start(&lg_tcp_cc_reno);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 100 * MSS;
    c->tcp->cfg.cc->lost(c, c->cwnd);
    EXPECT_EQ(c->ssthresh, 50 * MSS);
    c->cwnd = c->ssthresh;
    for (int i = 0; i < 10; i++)
        round_trip(LG_MS(10), 10000);
    EXPECT(c->cwnd >= 59 * MSS && c->cwnd <= 60 * MSS);
    end();
}

TEST(TcpCc, Rfc6928_BeginsWithTenSegmentsAndWithOneAfterALostSyn)
{
    static const struct lg_tcp_cc *const all[] = {&lg_tcp_cc_cubic, &lg_tcp_cc_reno};
    for (unsigned i = 0; i < 2; i++) {
        struct lg_tcp_cfg cfg = rig_cfg();
        cfg.cc = all[i];
        rig_init(r, &cfg);
        rig_accept(r, OPT_MSS, 4);
        EXPECT_EQ(r->c->cwnd, 10 * MSS);
        r->c->flags |= LG_TCP_F_SYN_AGAIN;
        r->c->tcp->cfg.cc->opened(r->c);
        EXPECT_EQ(r->c->cwnd, MSS);
        rig_fini(r);
    }
}

TEST(TcpCc, Rfc5681_4_1_HalvesAnIdleWindowForEachTimeout)
{
    start(NULL);
    struct lg_tcp_conn *c = r->c;
    c->cwnd = 40 * MSS;
    c->tx_at_ns = r->now_ns;
    r->now_ns += LG_MS(250);
    rig_send(r, 100);
    rig_poll(r, 0);
    EXPECT_EQ(c->cwnd, 20 * MSS);
    EXPECT_EQ(c->ssthresh, UINT32_MAX);
    r->ack += 100;
    rig_in(r, ACK, NULL, 0);
    r->now_ns += LG_SEC(100);
    rig_send(r, 100);
    rig_poll(r, 0);
    EXPECT_EQ(c->cwnd, 10 * MSS);
    r->ack += 100;
    rig_in(r, ACK, NULL, 0);
    end();
}

TEST(TcpCc, GrowsOnlyWhileTheWindowIsWhatHoldsDataBack)
{
    start(NULL);
    for (int i = 0; i < 50; i++) {
        rig_send(r, 2 * MSS);
        rig_poll(r, LG_MS(1));
        r->ack += 2 * MSS;
        rig_in(r, ACK, NULL, 0);
    }
    EXPECT_EQ(r->c->cwnd, 10 * MSS);
    end();
}
