/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending: cutting segments, windows, probes, congestion, retransmission, SACK, send room. */
#include "rig.h"

#define ACK LG_TCP_FL_ACK
#define PSH LG_TCP_FL_PSH
#define OPT_MSS "\x02\x04\x05\xb4"
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"

static struct rig rig, *const r = &rig;

static void start(const void *opt, uint32_t opt_len)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
    rig_accept(r, opt, opt_len);
}

/* ack acknowledges n more bytes. */
static void ack(uint32_t n)
{
    r->ack += n;
    rig_in(r, ACK, NULL, 0);
}

/* sack sends a duplicate ACK with one block, offsets from r->ack. */
static void sack(uint32_t from, uint32_t to)
{
    uint8_t opt[LG_TCP_OPT_MAX];
    struct lg_tcp_range b = {r->ack + from, r->ack + to};
    struct rig_seg s = {.seq = r->seq, .ack = r->ack, .flags = ACK, .wnd = r->wnd, .opt = opt};
    s.opt_len = lg_tcp_opt_build_sack(opt, &b, 1);
    rig_rx(r, &s);
}

/* expect_sent checks segment i: n bytes of the pattern at offset off. */
static void expect_sent(uint32_t i, uint32_t base, uint32_t off, uint32_t n)
{
    uint8_t want[2048];
    REQUIRE(i < r->sent_cnt);
    const struct rig_sent *s = &r->sent[i];
    EXPECT_EQ(s->seq - base, off);
    REQUIRE_EQ(s->len, n);
    for (uint32_t k = 0; k < n; k++)
        want[k] = rig_pattern(off + k);
    EXPECT_MEM(s->data, want, n);
}

TEST(TcpTx, SendsNothingBeforePollAndPushesAtTheEnd)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    rig_send(r, 3000);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT(lg_tcp_next(r->tcp) <= r->now_ns);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 3);
    expect_sent(0, base, 0, 1460);
    expect_sent(1, base, 1460, 1460);
    expect_sent(2, base, 2920, 80);
    EXPECT_EQ(r->sent[0].flags, ACK);
    EXPECT_EQ(r->sent[2].flags, ACK | PSH);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COPIED), 0);
    EXPECT_EQ(lg_tcp_unacked(r->c), 3000);
    ack(3000);
    EXPECT_EQ(lg_tcp_unacked(r->c), 0);
    rig_fini(r);
}

TEST(TcpTx, ReleasesPartOfABufAndResendsTheRest)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    rig_send(r, 1460);
    rig_poll(r, 0);
    ack(1000);
    EXPECT_EQ(lg_tcp_unacked(r->c), 460);
    rig_clear(r);
    rig_run(r, LG_MS(400));
    REQUIRE(r->sent_cnt >= 1);
    expect_sent(0, base, 1000, 460);
    rig_fini(r);
}

TEST(TcpTx, MergesTinyWrites)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack, before = r->heap.cnt_out;
    for (uint32_t i = 0; i < 1000; i++) {
        struct lg_bufq q = {0};
        uint8_t byte = rig_pattern(i);
        lg_bufq_write(&q, &r->heap.pool, &byte, 1, 0);
        lg_tcp_send(r->c, &q);
    }
    EXPECT_EQ(r->heap.cnt_out - before, 1);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    expect_sent(0, base, 0, 1000);
    rig_fini(r);
}

TEST(TcpTx, CoalescesSmallBufsIntoOneSegment)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    struct lg_bufq q = {0};
    uint8_t all[1500];
    for (uint32_t i = 0; i < sizeof all; i++)
        all[i] = rig_pattern(i);
    for (uint32_t off = 0; off < 1500; off += 300) {
        struct lg_bufq one = {0};
        lg_bufq_write(&one, &r->heap.pool, all + off, 300, 300);
        lg_bufq_append(&q, &one);
    }
    lg_tcp_send(r->c, &q);
    EXPECT_EQ(q.cnt, 0);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    expect_sent(0, base, 0, 1200);
    expect_sent(1, base, 1200, 300);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COPIED), 1);
    rig_fini(r);
}

TEST(TcpTx, CutsBufsLargerThanASegment)
{
    start(NULL, 0); /* mss 536 */
    uint32_t base = r->ack;
    struct lg_bufq q = {0};
    uint8_t all[2000];
    for (uint32_t i = 0; i < sizeof all; i++)
        all[i] = rig_pattern(i);
    lg_bufq_write(&q, &r->heap.pool, all, sizeof all, 0);
    REQUIRE_EQ(q.cnt, 1);
    lg_tcp_send(r->c, &q);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 4);
    expect_sent(0, base, 0, 536);
    expect_sent(3, base, 1608, 392);
    rig_fini(r);
}

TEST(TcpTx, CutsWhatASmallWindowTakesIntoTwoBufsNotMany)
{
    struct lg_tcp_cfg cfg = rig_cfg();

    rig_init(r, &cfg);
    r->wnd = 1; /* from the SYN on: no silly window by what the peer has ever offered */
    rig_accept(r, OPT_MSS, 4);
    uint32_t base = r->ack;
    rig_send(r, 1460);
    EXPECT_EQ(r->heap.cnt_out, 1);
    rig_poll(r, 0);
    expect_sent(0, base, 0, 1);
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->heap.cnt_out, 2);
    r->wnd = 65535;
    ack(1);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    expect_sent(1, base, 1, 1459);
    rig_fini(r);
}

TEST(TcpTx, HoldsSoManyBufsForAPeerOfTinySegmentsAndNotMore)
{
    static const uint8_t bytes[60000];
    struct lg_bufq q = {0};
    uint32_t most = 0;

    start("\x02\x04\x00\x40", 4);
    r->c->cwnd = 65536;
    EXPECT_EQ(lg_bufq_write(&q, &r->heap.pool, bytes, sizeof bytes, 1460), sizeof bytes);
    lg_tcp_send(r->c, &q);
    for (uint32_t i = 0; i < 1000 && lg_tcp_unacked(r->c) > 0; i++) {
        rig_clear(r);
        rig_poll(r, LG_MS(1));
        rig_poll(r, LG_MS(1));
        most = LG_MAX(most, r->heap.cnt_out);
        ack(r->c->snd_nxt - r->c->snd_una);
    }
    EXPECT_EQ(lg_tcp_unacked(r->c), 0);
    EXPECT(most <= lg_tcp_bufs_for(lg_tcp_snd_limit(r->c)) + 1460 / 64 + 1);
    rig_fini(r);
}

/* Slow readers: nothing of what is sent is acknowledged. */
TEST(TcpTx, LeavesTheOthersTheirPartOfAPoolThatRunsLow)
{
    start(OPT_MSS, 4);
    EXPECT_EQ(lg_tcp_send_room(r->c), 65536);
    r->heap.cnt_max = r->heap.cnt_out + 320;
    EXPECT_EQ(lg_tcp_send_room(r->c), 20 * 1460);
    rig_send(r, 10 * 1460);
    r->heap.cnt_max = r->heap.cnt_out + 160; /* others have taken them */
    EXPECT_EQ(lg_tcp_send_room(r->c), 0);
    rig_poll(r, 0);
    ack(7 * 1460);
    EXPECT(rig_events(r) & LG_TCP_EV_TX);
    r->heap.cnt_max = r->heap.cnt_out + 16; /* nearly all of them: a few are allowed always */
    EXPECT_EQ(lg_tcp_send_room(r->c), 1460);
    r->heap.cnt_max = 4096;
    rig_fini(r);
}

TEST(TcpTx, OpensAWindowOfItsPartOfAPoolThatRunsLow)
{
    static const uint8_t full[1460];
    start(OPT_MSS, 4);
    r->heap.cnt_max = r->heap.cnt_out + 160;
    for (uint32_t i = 0; i < 44; i++) { /* nearly all of the window that was offered */
        rig_in(r, ACK, full, sizeof full);
        rig_take(r);
    }
    rig_poll(r, LG_MS(50));
    EXPECT(rig_last(r)->wnd <= 10 * 1460);
    EXPECT(rig_last(r)->wnd >= 8 * 1460);
    r->heap.cnt_max = 4096;
    rig_in(r, ACK, full, sizeof full);
    rig_take(r);
    rig_poll(r, LG_MS(50));
    EXPECT(rig_last(r)->wnd > 60000);
    rig_fini(r);
}

TEST(TcpTx, CopiesWithoutHeadroomAndWhenShared)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    struct lg_bufq q = {0};
    struct lg_buf *b = lg_buf_take(&r->heap.pool);
    b->data -= 100;
    for (b->len = 0; b->len < 500; b->len++)
        b->data[b->len] = rig_pattern(b->len);
    lg_bufq_push(&q, b);
    lg_tcp_send(r->c, &q);
    rig_poll(r, 0);
    expect_sent(0, base, 0, 500);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COPIED), 1);
    r->share_all = true;
    ack(500);
    rig_clear(r);
    uint32_t base2 = r->ack;
    rig_send(r, 700);
    rig_poll(r, 0);
    expect_sent(0, base2, 0, 700);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COPIED), 2);
    rig_fini(r);
}

TEST(TcpTx, StaysWithinTheInitialWindowThenGrows)
{
    start(OPT_MSS, 4);
    rig_send(r, 60000);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 10);
    rig_clear(r);
    ack(2 * 1460);
    rig_poll(r, LG_MS(1));
    EXPECT_EQ(r->sent_cnt, 4); /* slow start: two gone, two more allowed */
    rig_fini(r);
}

TEST(TcpTx, StaysWithinThePeersWindow)
{
    start(OPT_MSS, 4);
    r->wnd = 3000;
    rig_in(r, ACK, NULL, 0);
    rig_send(r, 10000);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 2); /* 80 bytes more would be silly */
    ack(2920);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 4);
    rig_fini(r);
}

TEST(TcpTx, ProbesAZeroWindowForAsLongAsThePeerAnswers)
{
    start(OPT_MSS, 4);
    r->wnd = 0;
    rig_in(r, ACK, NULL, 0);
    uint32_t base = r->ack;
    rig_send(r, 5000);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    for (int i = 0; i < 30; i++) { /* far more probes than data_retries */
        rig_clear(r);
        for (int k = 0; k < 700 && r->sent_cnt == 0; k++)
            rig_run(r, LG_MS(100));
        REQUIRE_EQ(r->sent_cnt, 1);
        EXPECT_EQ(r->sent[0].len, 0);
        EXPECT_EQ(r->sent[0].seq, base - 1);
        rig_in(r, ACK, NULL, 0);
    }
    rig_clear(r);
    r->wnd = 65535;
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 4);
    expect_sent(0, base, 0, 1460);
    EXPECT_EQ(rig_events(r), 0);
    rig_fini(r);
}

TEST(TcpTx, GivesUpAZeroWindowThatNobodyAnswersFor)
{
    start(OPT_MSS, 4);
    r->wnd = 0;
    rig_in(r, ACK, NULL, 0);
    rig_send(r, 5000);
    rig_run(r, LG_SEC(300));
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    rig_fini(r);
}

TEST(TcpTx, KeepsAPeerThatShutsItsWindowOverDataOnItsWayAndAnswers)
{
    start(OPT_MSS, 4);
    rig_send(r, 3000);
    rig_poll(r, 0);
    r->wnd = 0;                    /* and has dropped what was on its way */
    for (int i = 0; i < 20; i++) { /* far more timeouts than data_retries */
        rig_in(r, ACK, NULL, 0);
        rig_clear(r);
        for (int k = 0; k < 700 && r->sent_cnt == 0; k++)
            rig_run(r, LG_MS(100));
        REQUIRE(r->sent_cnt > 0);
    }
    EXPECT_EQ(r->c->state, LG_TCP_ESTABLISHED);
    r->wnd = 65535;
    ack(3000);
    EXPECT_EQ(r->c->snd_una, r->c->snd_nxt);
    rig_fini(r);
}

TEST(TcpTx, SendsASillySegmentOnlyAfterTheTimer)
{
    start(OPT_MSS, 4);
    r->wnd = 100;
    rig_in(r, ACK, NULL, 0);
    uint32_t base = r->ack;
    rig_send(r, 5000);
    rig_run(r, LG_MS(50));
    EXPECT_EQ(r->sent_cnt, 0);
    rig_run(r, LG_SEC(2));
    REQUIRE(r->sent_cnt >= 1);
    expect_sent(0, base, 0, 100);
    rig_fini(r);
}

TEST(TcpTx, RetransmitsWithBackOffAndGivesUp)
{
    lg_ns_t at_ns[8];
    uint32_t n = 0;

    start(OPT_MSS, 4);
    rig_send(r, 1000);
    lg_ns_t limit_ns = r->now_ns + LG_SEC(100);
    uint32_t seen = 0;
    while (r->now_ns < limit_ns && r->c->state != LG_TCP_CLOSED) {
        rig_run(r, LG_MS(1));
        for (; seen < r->sent_cnt && n < 8; seen++)
            if (r->sent[seen].len > 0)
                at_ns[n++] = r->now_ns;
    }
    REQUIRE_EQ(n, 6); /* once and data_retries */
    for (uint32_t i = 2; i < n; i++) {
        lg_ns_t last_ns = at_ns[i - 1] - at_ns[i - 2], this_ns = at_ns[i] - at_ns[i - 1];
        EXPECT(this_ns > 2 * last_ns - LG_MS(5) && this_ns < 2 * last_ns + LG_MS(5));
    }
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 5);
    EXPECT(rig_last(r)->flags & LG_TCP_FL_RST);
    rig_fini(r);
}

TEST(TcpTx, KeepsTheTimeoutAboveItsFloorAndFollowsTheRoundTrip)
{
    start(OPT_MSS, 4);
    EXPECT_EQ(lg_tcp_rto_us(r->c), 200000); /* the handshake took no time */
    for (int i = 0; i < 40; i++) {
        rig_send(r, 100);
        rig_poll(r, 0);
        rig_run(r, LG_MS(150));
        ack(100);
    }
    EXPECT(r->c->srtt_us > 140000 && r->c->srtt_us < 160000);
    EXPECT(lg_tcp_rto_us(r->c) >= 200000);
    rig_fini(r);
}

TEST(TcpTx, TakesNoRoundTripFromASegmentSentTwice)
{
    start(OPT_MSS, 4);
    uint32_t srtt_us = r->c->srtt_us;
    rig_send(r, 100);
    rig_run(r, LG_MS(500)); /* timed out and sent again */
    EXPECT(rig_stat(r, LG_STAT_TCP_RTO) >= 1);
    ack(100);
    EXPECT_EQ(r->c->srtt_us, srtt_us);
    rig_fini(r);
}

TEST(TcpTx, RepairsByThreeDuplicateAcksWithoutSack)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    rig_send(r, 14600);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 10);
    rig_clear(r);
    rig_in(r, ACK, NULL, 0);
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, LG_MS(1));
    EXPECT_EQ(r->sent_cnt, 0);
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, LG_MS(1));
    REQUIRE_EQ(r->sent_cnt, 1);
    expect_sent(0, base, 0, 1460);
    EXPECT_EQ(r->c->ssthresh, 10220);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_FAST_RETRANS), 1);
    rig_clear(r);
    ack(4 * 1460); /* partial: the fifth was lost too (RFC 6582) */
    rig_poll(r, LG_MS(1));
    REQUIRE(r->sent_cnt >= 1);
    expect_sent(0, base, 4 * 1460, 1460);
    ack(6 * 1460);
    EXPECT(!(r->c->flags & LG_TCP_F_RECOVERY));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 0);
    rig_fini(r);
}

TEST(TcpTx, RepairsByDuplicateAcksAlsoAfterTwoGigabytesWithoutALoss)
{
    start(OPT_MSS, 4);
    r->c->recover = r->c->snd_una - 0x7fffc000u; /* as if all that had gone by */
    for (int i = 0; i < 2; i++) {
        rig_send(r, 14600);
        rig_poll(r, 0);
        ack(14600);
    }
    rig_send(r, 14600);
    rig_poll(r, 0);
    for (int i = 0; i < 3; i++)
        rig_in(r, ACK, NULL, 0);
    rig_poll(r, LG_MS(1));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_FAST_RETRANS), 1);
    EXPECT_EQ(rig_last(r)->seq, r->ack);
    rig_fini(r);
}

TEST(TcpTx, SendsNewDataOnTheFirstDuplicateAcks)
{
    start(OPT_MSS, 4);
    rig_send(r, 30000);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 10);
    rig_clear(r);
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 1); /* RFC 3042, limited transmit */
    rig_fini(r);
}

TEST(TcpTx, FillsExactlyTheHolesThatSackNames)
{
    start(OPT_SACK, 8);
    uint32_t base = r->ack;
    rig_send(r, 14600);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 10);
    rig_clear(r);
    sack(1460, 2 * 1460);     /* 0 lost */
    sack(3 * 1460, 8 * 1460); /* 2 lost */
    rig_poll(r, LG_MS(1));
    REQUIRE_EQ(r->sent_cnt, 2);
    expect_sent(0, base, 0, 1460);
    expect_sent(1, base, 2 * 1460, 1460);
    rig_clear(r);
    sack(3 * 1460, 10 * 1460);
    rig_poll(r, LG_MS(1));
    EXPECT_EQ(r->sent_cnt, 0); /* each hole once */
    ack(14600);
    EXPECT(r->c->rep == NULL);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RETRANS), 2);
    rig_fini(r);
}

TEST(TcpTx, IgnoresSackBlocksThatLie)
{
    start(OPT_SACK, 8);
    rig_send(r, 14600);
    rig_poll(r, 0);
    rig_clear(r);
    sack(14600, 20000);          /* never sent */
    sack(5000, 4000);            /* backwards */
    sack((uint32_t)-3000, 5000); /* before snd_una */
    sack(0, 1460);               /* what the ACK itself denies */
    sack(1000, 0x80000000u);
    EXPECT(r->c->rep == NULL);
    rig_poll(r, 0);
    rig_fini(r);
}

TEST(TcpTx, ForgetsTheScoreboardWhenThePeerTakesBackWhatItSacked)
{
    start(OPT_SACK, 8);
    rig_send(r, 14600);
    rig_poll(r, 0);
    rig_clear(r);
    sack(1460, 8 * 1460);
    rig_poll(r, LG_MS(1));
    EXPECT_EQ(r->sent_cnt, 1);
    ack(3 * 1460); /* in the middle of what it claimed to have */
    EXPECT_EQ(r->c->sacked_sz, 0);
    EXPECT(!r->c->rep || r->c->rep->cnt == 0);
    rig_clear(r);
    rig_run(r, LG_MS(500));
    REQUIRE(r->sent_cnt > 0);
    EXPECT_EQ(r->sent[0].seq, r->ack);
    rig_fini(r);
}

TEST(TcpTx, BoundsTheScoreboard)
{
    start(OPT_MSS "\x04\x02\x01\x01", 8);
    rig_send(r, 14600);
    rig_poll(r, 0);
    for (uint32_t off = 14598; off > 2; off -= 2)
        sack(off, off + 1);
    REQUIRE(r->c->rep != NULL);
    EXPECT_EQ(r->c->rep->cnt, LG_TCP_SACK_RANGES);
    EXPECT_EQ(r->c->rep->bytes, LG_TCP_SACK_RANGES);
    for (uint32_t off = 14597; off > 3; off -= 2)
        sack(off, off + 1);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < r->c->rep->cnt; i++)
        sum += r->c->rep->r[i].end - r->c->rep->r[i].start;
    EXPECT_EQ(r->c->rep->bytes, sum);
    ack(14600);
    rig_fini(r);
}

TEST(TcpTx, StartsOverAfterATimeoutButSkipsWhatWasSacked)
{
    start(OPT_SACK, 8);
    uint32_t base = r->ack;
    rig_send(r, 4 * 1460);
    rig_poll(r, 0);
    rig_clear(r);
    sack(1460, 2 * 1460);
    rig_run(r, LG_MS(250));
    REQUIRE_EQ(r->sent_cnt, 2); /* once by RACK; then by the timeout, a window of one segment */
    expect_sent(0, base, 0, 1460);
    expect_sent(1, base, 0, 1460);
    EXPECT_EQ(r->c->cwnd, 1460);
    rig_clear(r);
    ack(2 * 1460);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    expect_sent(0, base, 2 * 1460, 1460);
    expect_sent(1, base, 3 * 1460, 1460);
    rig_fini(r);
}

TEST(TcpTx, TellsOfRoomOnlyWhenHalfTheBufferIsFree)
{
    start(OPT_MSS, 4);
    EXPECT_EQ(lg_tcp_send_room(r->c), 65536);
    rig_send(r, 65536);
    EXPECT_EQ(lg_tcp_send_room(r->c), 0);
    uint32_t acked = 0;
    while (acked < 65536) {
        rig_poll(r, LG_MS(1));
        uint32_t n = r->c->snd_nxt - r->c->snd_una;
        ack(n);
        acked += n;
        uint32_t ev = rig_events(r);
        if (acked - n < 32768 && acked >= 32768)
            EXPECT_EQ(ev, LG_TCP_EV_TX);
        else
            EXPECT_EQ(ev, 0);
    }
    rig_fini(r);
}

TEST(TcpTx, RefusesTooManyBufs)
{
    start(OPT_MSS, 4);
    r->wnd = 0;
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, 0);
    uint32_t n = 0;
    while (lg_tcp_send_room(r->c) > 0 && n < 1000) {
        struct lg_bufq q = {0};
        uint8_t some[300] = {0};
        lg_bufq_write(&q, &r->heap.pool, some, sizeof some, 0);
        lg_tcp_send(r->c, &q);
        n++;
    }
    EXPECT_EQ(n, lg_tcp_bufs_for(lg_tcp_snd_limit(r->c)));
    rig_fini(r);
}

TEST(TcpTx, TriesAgainWhenThePoolWasEmpty)
{
    struct lg_bufq hoard = {0};

    start(OPT_MSS, 4);
    rig_in(r, ACK, "abc", 3);
    rig_take(r);
    struct lg_buf *b;
    while ((b = lg_buf_take(&r->heap.pool)) != NULL)
        lg_bufq_push(&hoard, b);
    rig_run(r, LG_MS(100));
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT(rig_stat(r, LG_STAT_DROP_NO_BUF) > 0);
    lg_bufq_drop_all(&hoard);
    rig_run(r, LG_MS(10));
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].ack, r->seq);
    rig_fini(r);
}

TEST(TcpTx, SleepsUntilTheRightMoment)
{
    start(OPT_MSS, 4);
    rig_run(r, LG_SEC(2));                       /* the timer of the SYN-ACK fires in vain */
    EXPECT_EQ(lg_tcp_next(r->tcp), LG_NS_NEVER); /* no keepalive: nothing to do, ever */
    rig_send(r, 100);
    rig_poll(r, 0);
    lg_ns_t next_ns = lg_tcp_next(r->tcp);
    EXPECT(next_ns > r->now_ns && next_ns <= r->now_ns + LG_MS(201));
    EXPECT_EQ(lg_tcp_poll(r->tcp, r->now_ns), 0);
    ack(100);
    rig_run(r, LG_SEC(1));
    EXPECT_EQ(lg_tcp_next(r->tcp), LG_NS_NEVER);
    rig_fini(r);
}

TEST(TcpTx, KeepsAliveThenGivesUp)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    cfg.keepalive_idle_ns = LG_SEC(10);
    cfg.keepalive_intvl_ns = LG_SEC(1);
    cfg.keepalive_cnt = 3;
    rig_init(r, &cfg);
    rig_accept(r, OPT_MSS, 4);
    T_STOP_IF_FAILED();
    rig_run(r, LG_SEC(9));
    EXPECT_EQ(r->sent_cnt, 0);
    rig_run(r, LG_SEC(2) - LG_MS(500));
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].seq, r->ack - 1);
    EXPECT_EQ(r->sent[0].len, 0);
    rig_in(r, ACK, NULL, 0); /* alive: all over again */
    rig_run(r, LG_SEC(9));
    EXPECT_EQ(r->sent_cnt, 1);
    rig_run(r, LG_SEC(6));
    EXPECT_EQ(r->sent_cnt, 1 + 3 + 1);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    rig_fini(r);
}
