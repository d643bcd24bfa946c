/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loss repair with SACK, rule by rule: RACK-TLP (RFC 8985), PRR (6937), DSACK (2883), and undoing
 * what was no loss (3522, 3708, 5682). The path has a round trip of 10 ms unless said. */
#include "rig.h"

#define ACK LG_TCP_FL_ACK
#define FIN LG_TCP_FL_FIN
#define MSS 1460u
#define TS_MSS 1448u
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"
#define OPT_SACK_TS "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\x03\xe8\0\0\0\0"
#define RTT LG_MS(10)

static struct rig rig, *const r = &rig;

static void start(const void *opt, uint32_t opt_len)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
    rig_accept(r, opt, opt_len);
    /* A few exchanges teach the stack the round trip. */
    for (int i = 0; i < 12; i++) {
        rig_send(r, 100);
        rig_poll(r, 0);
        rig_run(r, RTT);
        r->ts_ecr = rig_last(r)->opts.ts_val;
        r->ack += 100;
        rig_in(r, ACK, NULL, 0);
    }
    rig_poll(r, 0);
    rig_clear(r);
}

/* answer sends an ACK of r->ack + acked with blocks, offsets from the old r->ack. */
static void answer(uint32_t acked, const struct lg_tcp_range *blocks, uint32_t cnt)
{
    uint8_t opt[LG_TCP_OPT_MAX];
    struct lg_tcp_range b[4];
    struct rig_seg s = {.seq = r->seq, .flags = ACK, .wnd = r->wnd, .opt = opt};

    if (r->ts) {
        lg_tcp_opt_build_ts(opt, r->ts_val, r->ts_ecr);
        s.opt_len = LG_TCP_OPT_TS_SZ;
    }
    for (uint32_t i = 0; i < cnt; i++)
        b[i] = (struct lg_tcp_range){r->ack + blocks[i].start, r->ack + blocks[i].end};
    if (cnt)
        s.opt_len += lg_tcp_opt_build_sack(opt + s.opt_len, b, cnt);
    r->ack += acked;
    s.ack = r->ack;
    rig_rx(r, &s);
    rig_poll(r, 0);
}

static void sack(uint32_t from, uint32_t to)
{
    answer(0, &(struct lg_tcp_range){from, to}, 1);
}

/* sent_at: how many segments of data were sent from offset off of base. */
static uint32_t sent_at(uint32_t base, uint32_t off)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->sent_cnt; i++)
        n += r->sent[i].len > 0 && r->sent[i].seq - base == off;
    return n;
}

/* begin sends n full segments in one turn and lets a round trip pass. */
static uint32_t begin(uint32_t n, uint32_t mss)
{
    uint32_t base = r->ack;

    r->c->cwnd = 20 * mss;
    rig_send(r, n * mss);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, n);
    r->ts_ecr = rig_last(r)->opts.ts_val;
    rig_clear(r);
    r->now_ns += RTT;
    return base;
}

TEST(TcpRack, Rfc8985_6_2_WaitsAQuarterRoundTripBeforeAHoleIsALoss)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(3, MSS);
    sack(MSS, 2 * MSS);
    EXPECT_EQ(r->sent_cnt, 0);
    rig_run(r, LG_MS(1));
    EXPECT_EQ(r->sent_cnt, 0);
    rig_run(r, LG_MS(4)); /* min_rtt / 4 is 2.5 ms */
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT_EQ(sent_at(base, 2 * MSS), 0); /* not sent before what has arrived */
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 0);
    rig_fini(r);
}

TEST(TcpRack, WaitsForReorderingNoLongerThanForTheTimeout)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(5, MSS);
    sack(4 * MSS, 5 * MSS);
    r->c->sndq.head->next->tx_us -= 5000000; /* this one was on its way for five seconds */
    sack(MSS, 2 * MSS);
    EXPECT(r->c->rack_rtt_us >= 5000000);
    rig_run(r, LG_SEC(1));
    EXPECT(sent_at(base, 0) >= 1);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_6_2_TakesThreeSackedSegmentsForALossAtOnce)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(6, MSS);
    sack(MSS, 3 * MSS);
    EXPECT_EQ(r->sent_cnt, 0);
    sack(MSS, 4 * MSS);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT_EQ(r->c->flags & LG_TCP_F_RECOVERY, LG_TCP_F_RECOVERY);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_6_2_FindsALostRepetitionWithoutATimeout)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(10, MSS);
    rig_send(r, 20 * MSS);
    sack(MSS, 5 * MSS); /* segment 0 is lost, sent again, and new data behind it */
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT(r->sent_cnt > 1);
    r->now_ns += RTT;
    sack(MSS, 11 * MSS); /* what was sent after the repetition arrives, the repetition does not */
    rig_run(r, LG_MS(5));
    EXPECT_EQ(sent_at(base, 0), 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_LOST_AGAIN), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 0);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_6_2_LearnsThatThePathReorders)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(10, MSS);
    sack(2 * MSS, 4 * MSS);
    EXPECT_EQ(r->sent_cnt, 0);
    sack(MSS, 4 * MSS); /* segment 1 was only late */
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_REORDERED), 1);
    sack(MSS, 8 * MSS); /* six above the hole: on this path no proof yet */
    EXPECT_EQ(r->sent_cnt, 0);
    answer(10 * MSS, NULL, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RETRANS), 0);
    EXPECT_EQ(r->c->snd_una - base, 10 * MSS);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_6_2_WidensTheWindowWhenThePeerReportsDuplicates)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(10, MSS);
    sack(MSS, 5 * MSS);
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT_EQ(r->c->reo_mult, 0);
    struct lg_tcp_range dup = {0, MSS};
    answer(10 * MSS, &dup, 1);
    EXPECT_EQ(r->c->reo_mult, 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_DSACK_RX), 1);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_6_3_ATimeoutTakesOnlyOldSegmentsForLost)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(4, MSS);
    r->now_ns -= RTT;
    rig_run(r, LG_MS(190)); /* the probe has gone out; the timeout is near */
    rig_clear(r);
    rig_send(r, 2 * MSS);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 2);
    rig_clear(r);
    while (rig_stat(r, LG_STAT_TCP_RTO) == 0)
        rig_run(r, LG_MS(1));
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT_EQ(r->c->cwnd, MSS);
    EXPECT(r->c->lost_sz >= 2 * MSS);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_7_2_ProbesTheTailAfterTwoRoundTrips)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(3, MSS);
    rig_run(r, LG_MS(8)); /* 18 ms since it was sent */
    EXPECT_EQ(r->sent_cnt, 0);
    rig_run(r, LG_MS(8));
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(sent_at(base, 2 * MSS), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_TLP), 1);
    rig_run(r, LG_MS(100)); /* one probe only */
    EXPECT_EQ(r->sent_cnt, 1);
    /* Its answer shows the hole, which is repaired at once. */
    sack(2 * MSS, 3 * MSS);
    rig_run(r, LG_MS(4));
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT_EQ(sent_at(base, MSS), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 0);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_7_2_WaitsForADelayedAckOfALoneSegment)
{
    start(OPT_SACK, 8);
    begin(1, MSS);
    rig_run(r, LG_MS(150));
    EXPECT_EQ(r->sent_cnt, 0);
    rig_run(r, LG_MS(100));
    EXPECT_EQ(r->sent_cnt, 1);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_7_3_ProbesWithNewDataWhenThereIsSome)
{
    start(OPT_SACK, 8);
    uint32_t base = r->ack;
    r->c->cwnd = 3 * MSS;
    rig_send(r, 6 * MSS);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 3);
    rig_clear(r);
    rig_run(r, LG_MS(30));
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(sent_at(base, 3 * MSS), 1);
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_7_4_ReducesOnceWhenTheProbeRepairedALoss)
{
    start(OPT_SACK, 8);
    begin(3, MSS);
    rig_run(r, LG_MS(30));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_TLP), 1);
    answer(3 * MSS, NULL, 0); /* no duplicate reported: one of the two was lost */
    EXPECT_EQ(r->c->ssthresh, UINT32_MAX);
    rig_send(r, MSS);
    rig_poll(r, RTT);
    answer(MSS, NULL, 0);
    EXPECT(r->c->ssthresh < 20 * MSS);
    EXPECT(!(r->c->flags & LG_TCP_F_RECOVERY));
    rig_fini(r);
}

TEST(TcpRack, Rfc8985_7_4_KeepsTheWindowWhenTheProbeWasNeedless)
{
    start(OPT_SACK, 8);
    begin(3, MSS);
    rig_run(r, LG_MS(30));
    struct lg_tcp_range dup = {2 * MSS, 3 * MSS};
    answer(3 * MSS, &dup, 1);
    rig_send(r, MSS);
    rig_poll(r, RTT);
    answer(MSS, NULL, 0);
    EXPECT_EQ(r->c->ssthresh, UINT32_MAX);
    rig_fini(r);
}

TEST(TcpRack, Rfc6937_SendsInProportionToWhatArrives)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(20, MSS);
    rig_send(r, 30 * MSS);
    for (uint32_t i = 2; i <= 20; i++) { /* each ACK says that one more has arrived */
        uint32_t before = r->sent_cnt;
        sack(MSS, i * MSS);
        EXPECT(r->sent_cnt - before <= 2);
    }
    EXPECT_EQ(sent_at(base, 0), 1);
    uint32_t out = r->sent_cnt * MSS, half = r->c->ssthresh;
    EXPECT(out >= half - 2 * MSS && out <= half + 2 * MSS);
    answer(r->c->recover - r->ack, NULL, 0);
    EXPECT(!(r->c->flags & LG_TCP_F_RECOVERY));
    EXPECT(r->c->cwnd >= half && r->c->cwnd < half + MSS);
    rig_fini(r);
}

/* The repair states of all connections are in use when this one begins its recovery, and one is
 * free again in the middle of it: what PRR began with is not known then. */
TEST(TcpRack, Rfc6937_RecoversWhenRepairStateComesLate)
{
    struct lg_pool *pool;
    void *held[128];
    uint32_t n = 0;

    start(OPT_SACK, 8);
    pool = &r->tcp->repairs;
    while (n < LG_ARRAY_CNT(held) && (held[n] = lg_pool_take(pool)) != NULL)
        n++;
    begin(6, MSS);
    while (rig_stat(r, LG_STAT_TCP_RTO) == 0)
        rig_run(r, LG_MS(1));
    rig_send(r, 30 * MSS);
    answer(MSS, NULL, 0); /* new data goes out before the other repetitions */
    answer(0, NULL, 0);
    r->c->cwnd = 30 * MSS;
    r->now_ns += RTT;
    answer(MSS, NULL, 0); /* the repetitions, and much new data behind them */
    r->now_ns += 2 * RTT;
    answer(4 * MSS, NULL, 0); /* all before the timeout is there; the first new data is lost */
    REQUIRE(r->c->flags & LG_TCP_F_RECOVERY);
    REQUIRE(r->c->rep == NULL && lg_tcp_pipe(r->c) > r->c->ssthresh);
    while (n > 0)
        lg_pool_give(pool, held[--n]);
    sack(4 * MSS, 5 * MSS);
    EXPECT(r->c->rep != NULL);
    EXPECT_EQ(r->c->cwnd, r->c->ssthresh);
    answer(r->c->snd_nxt - r->ack, NULL, 0);
    EXPECT(!(r->c->flags & LG_TCP_F_RECOVERY));
    rig_fini(r);
}

TEST(TcpRack, Rfc3042_SendsNewDataForTheFirstSackedSegments)
{
    start(OPT_SACK, 8);
    begin(20, MSS);
    rig_send(r, 10 * MSS);
    sack(MSS, 2 * MSS);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RETRANS), 0);
    rig_fini(r);
}

TEST(TcpRack, Rfc3522_UndoesARecoveryWhoseOriginalArrives)
{
    start(OPT_SACK_TS, 16);
    uint32_t base = begin(10, TS_MSS);
    sack(TS_MSS, 5 * TS_MSS);
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT(r->c->flags & LG_TCP_F_RECOVERY);
    answer(5 * TS_MSS, NULL, 0); /* the echo is the original's */
    EXPECT(!(r->c->flags & LG_TCP_F_RECOVERY));
    EXPECT_EQ(r->c->cwnd, 20 * TS_MSS);
    EXPECT_EQ(r->c->ssthresh, UINT32_MAX);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_UNDONE), 1);
    rig_fini(r);
}

TEST(TcpRack, Rfc3522_KeepsTheReductionWhenTheEchoIsTheRepetitions)
{
    start(OPT_SACK_TS, 16);
    begin(10, TS_MSS);
    sack(TS_MSS, 5 * TS_MSS);
    r->ts_ecr = rig_last(r)->opts.ts_val;
    r->now_ns += RTT;
    answer(10 * TS_MSS, NULL, 0);
    EXPECT(r->c->cwnd < 20 * TS_MSS);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_UNDONE), 0);
    rig_fini(r);
}

TEST(TcpRack, Rfc3708_UndoesWhenEveryRepetitionIsReportedTwice)
{
    start(OPT_SACK, 8);
    begin(10, MSS);
    rig_send(r, 10 * MSS);
    sack(MSS, 5 * MSS);
    EXPECT(r->c->flags & LG_TCP_F_RECOVERY);
    answer(5 * MSS, NULL, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_UNDONE), 0);
    struct lg_tcp_range dup = {(uint32_t)(-5 * (int)MSS), (uint32_t)(-4 * (int)MSS)};
    answer(MSS, &dup, 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_UNDONE), 1);
    EXPECT(r->c->cwnd >= 20 * MSS);
    rig_fini(r);
}

TEST(TcpRack, Rfc5682_UndoesATimeoutWhenAnOriginalArrives)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(6, MSS);
    while (rig_stat(r, LG_STAT_TCP_RTO) == 0)
        rig_run(r, LG_MS(1));
    EXPECT_EQ(sent_at(base, 0), 1);
    rig_send(r, 4 * MSS);
    rig_clear(r);
    answer(MSS, NULL, 0); /* ambiguous: new data goes out, not more repetitions */
    EXPECT(r->c->flags & LG_TCP_F_LOSS);
    EXPECT_EQ(sent_at(base, MSS), 0);
    EXPECT_EQ(sent_at(base, 6 * MSS), 1);
    answer(2 * MSS, NULL, 0); /* segments 1 and 2 were sent once: never lost */
    EXPECT(!(r->c->flags & LG_TCP_F_LOSS));
    EXPECT(r->c->cwnd >= 20 * MSS);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_UNDONE), 1);
    rig_fini(r);
}

TEST(TcpRack, Rfc2883_ReportsWhatCameTwiceFirst)
{
    start(OPT_SACK, 8);
    rig_in(r, ACK, "0123456789", 10);
    rig_poll(r, 0);
    rig_clear(r);
    rig_at(r, (uint32_t)-10, ACK, "0123456789", 10);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    REQUIRE_EQ(r->sent[0].opts.sack_cnt, 1);
    EXPECT_EQ(r->sent[0].opts.sack[0].start, r->seq - 10);
    EXPECT_EQ(r->sent[0].opts.sack[0].end, r->seq);
    rig_clear(r);
    rig_at(r, 100, ACK, "abc", 3); /* with an island behind it */
    rig_at(r, 100, ACK, "abc", 3);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    REQUIRE_EQ(r->sent[0].opts.sack_cnt, 2);
    EXPECT_EQ(r->sent[0].opts.sack[0].start, r->seq + 100);
    EXPECT_EQ(r->sent[0].opts.sack[1].end, r->seq + 103);
    rig_clear(r);
    rig_at(r, 200, ACK, "abc", 3); /* told once */
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].opts.sack[0].start, r->seq + 200);
    rig_fini(r);
}

TEST(TcpRack, CutsASegmentAnewWhenTheMssHasShrunk)
{
    start(OPT_SACK, 8);
    uint32_t base = begin(10, MSS);
    r->c->mss = r->c->mss_full = 700;
    sack(MSS, 5 * MSS);
    REQUIRE(r->sent_cnt >= 1);
    EXPECT_EQ(r->sent[0].len, 700);
    sack(MSS, 8 * MSS);
    EXPECT_EQ(sent_at(base, 700), 1);
    EXPECT_EQ(sent_at(base, 1400), 1);
    answer(10 * MSS, NULL, 0);
    EXPECT_EQ(r->c->snd_una, r->c->snd_nxt);
    rig_fini(r);
}

TEST(TcpRack, CutsASegmentAnewSoonAfterThePoolWasEmpty)
{
    struct lg_bufq hoard = {0};
    struct lg_buf *b;

    start(OPT_SACK, 8);
    uint32_t base = begin(10, MSS);
    r->c->mss = r->c->mss_full = 700;
    while ((b = lg_buf_take(&r->heap.pool)) != NULL)
        lg_bufq_push(&hoard, b);
    lg_buf_give(lg_bufq_pop(&hoard)); /* for the ACK to come in; of three pieces, two are made */
    sack(MSS, 5 * MSS);
    EXPECT_EQ(r->sent_cnt, 0);
    lg_bufq_drop_all(&hoard);
    rig_run(r, 2 * LG_TCP_NO_BUF_NS);
    EXPECT_EQ(sent_at(base, 0), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 0);
    rig_fini(r);
}

TEST(TcpRack, RepeatsAFinWithoutData)
{
    start(OPT_SACK, 8);
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT(r->sent[0].flags & FIN);
    rig_run(r, LG_SEC(1));
    EXPECT(r->sent_cnt >= 3); /* by a probe, by timeouts */
    for (uint32_t i = 0; i < r->sent_cnt; i++)
        EXPECT((r->sent[i].flags & FIN) && r->sent[i].seq == r->ack);
    rig_fini(r);
}
