/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receiving on an open connection: sequence checks, RFC 5961, PAWS, reassembly, ACKs, windows. */
#include "rig.h"

#define SYN LG_TCP_FL_SYN
#define ACK LG_TCP_FL_ACK
#define RST LG_TCP_FL_RST
#define FIN LG_TCP_FL_FIN
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"
#define OPT_TS "\x02\x04\x05\xb4\x01\x01\x08\x0a\x00\x00\x03\xe8\x00\x00\x00\x00"

static struct rig rig, *const r = &rig;
static uint8_t bytes[65536];

static void start(const void *opt, uint32_t opt_len)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = rig_pattern(i);
    rig_accept(r, opt, opt_len);
    r->c->quick_acks = 0;
}

/* end_opened expects the connection open and untouched. */
static void end_opened(void)
{
    EXPECT_EQ(r->c->state, LG_TCP_ESTABLISHED);
    rig_fini(r);
}

static void expect_taken(uint32_t n)
{
    struct lg_bufq q = {0};
    static uint8_t got[65536];

    EXPECT_EQ(lg_tcp_take(r->c, &q, UINT32_MAX), n);
    EXPECT_EQ(lg_bufq_read(&q, got, sizeof got), n);
    EXPECT_MEM(got, bytes, n);
}

TEST(TcpRx, ResetsOnlyAtTheExactSequenceNumber)
{
    start(NULL, 0);
    rig_at(r, 1, RST, NULL, 0);
    rig_at(r, 60000, RST, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_RST_CHALLENGED), 2);
    REQUIRE_EQ(r->sent_cnt, 1); /* one challenge ACK a turn */
    EXPECT_EQ(r->sent[0].flags, ACK);
    EXPECT_EQ(r->sent[0].ack, r->seq);
    rig_at(r, 70000, RST, NULL, 0); /* outside the window: silence */
    rig_at(r, (uint32_t)-1, RST, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SEQ), 2);
    EXPECT_EQ(rig_events(r), 0);
    rig_at(r, 0, RST, NULL, 0);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_RESET);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RESET_RX), 1);
    rig_fini(r);
}

TEST(TcpRx, ChallengesSynsInAnOpenConnection)
{
    start(NULL, 0);
    rig_at(r, 0, SYN, NULL, 0);
    rig_poll(r, 0);
    rig_at(r, 100, SYN | ACK, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SYN_CHALLENGED), 2);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, ACK);
    rig_at(r, 1000000, SYN, NULL, 0); /* outside the window too */
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 3);
    end_opened();
}

TEST(TcpRx, LimitsChallengeAcks)
{
    start(NULL, 0);
    for (int i = 0; i < 100; i++) {
        rig_at(r, 1, RST, NULL, 0);
        rig_poll(r, LG_MS(1));
    }
    EXPECT_EQ(r->sent_cnt, LG_TCP_CHALLENGE_MAX);
    rig_poll(r, LG_SEC(1));
    rig_at(r, 1, RST, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, LG_TCP_CHALLENGE_MAX + 1);
    end_opened();
}

TEST(TcpRx, ChallengesAcksOutsideTheRange)
{
    start(NULL, 0);
    r->ack += 1; /* acknowledges what was never sent */
    rig_at(r, 0, ACK, "abc", 3);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    r->ack -= 1 + 65536; /* older than the largest window we were ever given */
    rig_at(r, 0, ACK, "abc", 3);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_ACK), 2);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
    r->ack += 65536 - 100; /* old, but believable: the text counts */
    rig_at(r, 0, ACK, "abc", 3);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 3);
    end_opened();
}

TEST(TcpRx, DropsSegmentsWithoutAck)
{
    start(NULL, 0);
    rig_at(r, 0, 0, "abc", 3);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_STATE), 1);
    end_opened();
}

TEST(TcpRx, AnswersDataOutsideTheWindowWithAnAck)
{
    start(NULL, 0);
    rig_at(r, 70000, ACK, "abc", 3);
    rig_poll(r, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SEQ), 1);
    EXPECT_EQ(r->sent_cnt, 1);
    rig_in(r, ACK, "abc", 3);
    rig_at(r, (uint32_t)-3, ACK, "abc", 3); /* again: its ACK was lost */
    rig_poll(r, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_DUP), 1);
    EXPECT_EQ(r->sent_cnt, 2);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 3);
    end_opened();
}

TEST(TcpRx, CutsWhatWasReceivedBefore)
{
    start(NULL, 0);
    rig_in(r, ACK, bytes, 100);
    rig_at(r, (uint32_t)-50, ACK, bytes + 50, 100);
    expect_taken(150);
    end_opened();
}

TEST(TcpRx, PawsDropsOldTimestamps)
{
    start(OPT_TS, 16);
    T_STOP_IF_FAILED();
    REQUIRE(r->ts);
    r->ts_val = 2000;
    rig_in(r, ACK, "abc", 3);
    rig_poll(r, LG_MS(50)); /* the ACK goes out: 2000 is ts_recent now */
    r->ts_val = 2001;
    rig_in(r, ACK, "def", 3);
    rig_poll(r, LG_MS(50));
    rig_clear(r);
    r->ts_val = 1999;
    rig_at(r, 0, ACK, "old", 3);
    rig_poll(r, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SEQ), 1);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(rig_last(r)->opts.ts_ecr, 2001);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 6);
    rig_at(r, 0, RST, NULL, 0); /* PAWS does not protect against RST */
    EXPECT_EQ(r->c->state, LG_TCP_CLOSED);
    rig_fini(r);
}

TEST(TcpRx, PawsForgetsTheTimestampAfterTwentyFourDays)
{
    start(OPT_TS, 16);
    rig_poll(r, LG_SEC(25 * 86400));
    r->ts_val = 1;
    rig_in(r, ACK, "abc", 3);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 3);
    end_opened();
}

TEST(TcpRx, DropsSegmentsThatLackTheAgreedTimestamp)
{
    start(OPT_TS, 16);
    r->ts = false;
    rig_at(r, 0, ACK, "abc", 3);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SEQ), 1);
    end_opened();
}

TEST(TcpRx, EchoesTheTimestampOfTheSegmentThatAdvancesTheLeftEdge)
{
    start(OPT_TS, 16);
    r->ts_val = 3000;
    rig_in(r, ACK, "abc", 3); /* acknowledged later */
    r->ts_val = 3005;
    rig_in(r, ACK, "def", 3);
    rig_run(r, LG_MS(100));
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].opts.ts_ecr, 3000); /* RFC 7323 section 4.3: of the earliest */
    end_opened();
}

TEST(TcpRx, DelaysAcksAndAcknowledgesEverySecondFullSegment)
{
    start(OPT_SACK, 8);
    rig_in(r, ACK, bytes, 1460);
    rig_poll(r, 0);
    r->c->quick_acks = 0;
    rig_run(r, LG_MS(45));
    rig_clear(r);
    rig_in(r, ACK, bytes, 1460);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    rig_in(r, ACK, bytes, 1460);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    rig_in(r, ACK, bytes, 10);
    rig_run(r, LG_MS(39));
    EXPECT_EQ(r->sent_cnt, 1);
    rig_run(r, LG_MS(2));
    EXPECT_EQ(r->sent_cnt, 2);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    end_opened();
}

TEST(TcpRx, AcknowledgesOnceATurn)
{
    start(OPT_SACK, 8);
    for (int i = 0; i < 20; i++)
        rig_in(r, ACK, bytes, 1460);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    end_opened();
}

TEST(TcpRx, AcknowledgesAtOnceOnANewConnection)
{
    start(OPT_SACK, 8);
    r->c->quick_acks = LG_TCP_QUICK_ACKS;
    rig_in(r, ACK, "abc", 3);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 1);
    end_opened();
}

TEST(TcpRx, PiggybacksTheAckOnData)
{
    start(OPT_SACK, 8);
    rig_in(r, ACK, "abc", 3);
    rig_send(r, 10);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].ack, r->seq);
    EXPECT_EQ(r->sent[0].len, 10);
    r->ack += 10;
    rig_in(r, ACK, NULL, 0);
    rig_run(r, LG_MS(100));
    EXPECT_EQ(r->sent_cnt, 1);
    end_opened();
}

TEST(TcpRx, ReassemblesAnyOrderWithOverlaps)
{
    static const struct {
        uint32_t off, len;
    } seg[] = {{3000, 500},  {1000, 500}, {1400, 300},  {900, 200}, {2000, 10},
               {1990, 1200}, {3100, 100}, {1000, 3000}, {100, 100}, {3500, 600},
               {150, 900},   {4000, 200}, {0, 120}};
    uint32_t top = 0;

    start(OPT_SACK, 8);
    for (size_t i = 0; i < LG_ARRAY_CNT(seg); i++) {
        uint32_t len = LG_MIN(seg[i].len, 1460u);
        rig_at(r, seg[i].off, ACK, bytes + seg[i].off, len);
        top = LG_MAX(top, seg[i].off + len);
    }
    EXPECT_EQ(lg_tcp_rx_avail(r->c), top);
    EXPECT_EQ(r->c->ooo_cnt, 0);
    expect_taken(top);
    end_opened();
}

TEST(TcpRx, ReportsIslandsNewestFirst)
{
    start(OPT_SACK, 8);
    rig_at(r, 1000, ACK, bytes, 100);
    rig_at(r, 3000, ACK, bytes, 100);
    rig_at(r, 5000, ACK, bytes, 100);
    rig_at(r, 3100, ACK, bytes, 100); /* grows the middle one */
    rig_poll(r, 0);
    const struct rig_sent *s = rig_last(r);
    REQUIRE_EQ(s->opts.sack_cnt, 3);
    EXPECT_EQ(s->opts.sack[0].start, r->seq + 3000);
    EXPECT_EQ(s->opts.sack[0].end, r->seq + 3200);
    EXPECT_EQ(s->opts.sack[1].start, r->seq + 5000);
    EXPECT_EQ(s->opts.sack[2].start, r->seq + 1000);
    EXPECT_EQ(s->ack, r->seq);
    rig_at(r, 0, ACK, bytes, 1000);
    rig_poll(r, 0);
    s = rig_last(r);
    EXPECT_EQ(s->ack, r->seq + 1100);
    REQUIRE_EQ(s->opts.sack_cnt, 2);
    EXPECT_EQ(s->opts.sack[0].start, r->seq + 3000);
    end_opened();
}

TEST(TcpRx, SendsADuplicateAckForEachSegmentWithoutSack)
{
    start(NULL, 0);
    for (uint32_t i = 1; i <= 3; i++)
        rig_at(r, i * 500, ACK, bytes, 500);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 3);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(r->sent[i].ack, r->seq);
    end_opened();
}

TEST(TcpRx, TakesFinOutOfOrder)
{
    start(OPT_SACK, 8);
    rig_at(r, 100, ACK | FIN, bytes + 100, 100);
    EXPECT_EQ(rig_events(r), 0);
    rig_at(r, 150, ACK, bytes + 150, 500); /* text past the FIN is a lie */
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    rig_at(r, 0, ACK, bytes, 100);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_RX | LG_TCP_EV_RX_FIN);
    EXPECT(!lg_tcp_rx_done(r->c));
    expect_taken(200);
    EXPECT(lg_tcp_rx_done(r->c));
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq + 201);
    EXPECT_EQ(r->c->state, LG_TCP_CLOSE_WAIT);
    rig_fini(r);
}

TEST(TcpRx, BoundsIslandsOfTinySegments)
{
    start(OPT_SACK, 8);
    uint32_t before = r->heap.cnt_out;
    for (uint32_t off = 60001; off > 1; off -= 2) /* one byte in two, from behind: no merging */
        rig_at(r, off, ACK, bytes, 1);
    EXPECT(r->heap.cnt_out - before <= lg_tcp_rcv_bufs(r->c));
    EXPECT(rig_stat(r, LG_STAT_TCP_OOO_DROP) > 1000);
    end_opened();
}

TEST(TcpRx, GivesIslandsBackWhenThePoolIsEmpty)
{
    struct lg_bufq hoard = {0};
    struct lg_buf *b;

    start(OPT_SACK, 8);
    for (uint32_t i = 1; i <= 5; i++)
        rig_at(r, i * 2000, ACK, bytes, 1000);
    rig_run(r, LG_SEC(2));
    EXPECT_EQ(r->c->ooo_cnt, 5); /* there are bufs: patience */
    while ((b = lg_buf_take(&r->heap.pool)) != NULL)
        lg_bufq_push(&hoard, b);
    rig_run(r, LG_SEC(1));
    EXPECT_EQ(r->c->ooo_cnt, 0);
    lg_bufq_drop_all(&hoard);
    rig_at(r, 0, ACK, bytes, 1000);
    rig_run(r, LG_MS(50));
    EXPECT_EQ(rig_last(r)->opts.sack_cnt, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq + 1000);
    end_opened();
}

TEST(TcpRx, HoldsTinySegmentsInFewBufs)
{
    start(OPT_SACK, 8);
    uint32_t before = r->heap.cnt_out;
    for (uint32_t i = 0; i < 20000; i++) {
        rig_at(r, 0, ACK, bytes + i, 1);
        r->seq++;
    }
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 20000);
    EXPECT(r->heap.cnt_out - before <= 20000 / 1500 + 1);
    expect_taken(20000);
    end_opened();
}

TEST(TcpRx, ShutsTheWindowAndOpensItWhenTaken)
{
    uint32_t sent = 0;

    start(OPT_SACK, 8);
    while (sent < 65535) { /* no window scaling: the most a window can be */
        uint32_t n = LG_MIN(1460u, 65535 - sent);
        rig_in(r, ACK, bytes + sent, n);
        rig_poll(r, LG_MS(50));
        sent += n;
        EXPECT_EQ(rig_last(r)->ack, r->seq);
        EXPECT(rig_last(r)->wnd <= 65536 - sent);
    }
    EXPECT_EQ(rig_last(r)->wnd, 0);
    uint32_t have = lg_tcp_rx_avail(r->c);
    rig_at(r, 0, ACK, "x", 1); /* a window probe */
    rig_poll(r, 0);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), have);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    rig_clear(r);
    struct lg_bufq q = {0};
    EXPECT_EQ(lg_tcp_take(r->c, &q, 1), 1460); /* whole bufs */
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0); /* too little to talk about */
    lg_tcp_take(r->c, &q, 1460);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT(rig_last(r)->wnd >= 2900);
    lg_bufq_drop_all(&q);
    end_opened();
}

TEST(TcpRx, NeverMovesTheRightEdgeLeft)
{
    uint32_t edge = 0;

    start("\x02\x04\x05\xb4\x01\x03\x03\x02", 8); /* window scale: ours is 1 */
    for (int i = 0; i < 200; i++) {
        uint32_t n = 1 + (uint32_t)(i * 37) % 1400;
        rig_in(r, ACK, bytes, n);
        if (i % 3 == 0)
            rig_take(r);
        rig_poll(r, LG_MS(50));
        const struct rig_sent *s = rig_last(r);
        uint32_t now_edge = s->ack + (s->wnd << 1);
        if (i > 0)
            EXPECT(lg_seq_geq(now_edge + 1, edge)); /* but for the unit of the scale */
        edge = lg_seq_max(edge ? edge : now_edge, now_edge);
    }
    end_opened();
}

TEST(TcpRx, TellsNewsOnceATurn)
{
    struct lg_tcp_conn *c;
    uint32_t ev;

    start(OPT_SACK, 8);
    rig_in(r, ACK, "a", 1);
    rig_in(r, ACK, "b", 1);
    REQUIRE((c = lg_tcp_ready_pop(r->tcp, &ev)) == r->c);
    EXPECT_EQ(ev, LG_TCP_EV_RX);
    lg_tcp_abort(c); /* news while it is handled */
    EXPECT(lg_tcp_ready_pop(r->tcp, &ev) == NULL);
    EXPECT(lg_tcp_next(r->tcp) <= r->now_ns);
    rig_poll(r, 0);
    REQUIRE(lg_tcp_ready_pop(r->tcp, &ev) == c);
    EXPECT_EQ(ev, LG_TCP_EV_CLOSED);
    lg_tcp_release(c);
    rig_fini(r);
}
