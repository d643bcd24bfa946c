/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Path MTU: messages of routers, true and forged, silent paths, and the way back up. */
#include "rig.h"

#define ACK LG_TCP_FL_ACK
#define OPT_MSS "\x02\x04\x05\xb4"
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"
#define OPT_MSS6 "\x02\x04\x05\xa0"

static struct rig rig, *const r = &rig;

static void start(const void *opt, uint32_t opt_len)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
    rig_accept(r, opt, opt_len);
}

static bool too_big(uint32_t seq, uint32_t mtu)
{
    struct lg_tcp_tuple t;
    lg_tcp_get_tuple(r->c, &t);
    return lg_tcp_rx_too_big(r->tcp, &t, seq, mtu, r->now_ns);
}

/* expect_stream: what has been sent since rig_clear covers [base, base + n) in segments of at most
 * mss bytes, with the right content. */
static void expect_stream(uint32_t base, uint32_t n, uint32_t mss)
{
    uint8_t seen[16384] = {0};

    REQUIRE(n <= sizeof seen);
    for (uint32_t i = 0; i < r->sent_cnt; i++) {
        const struct rig_sent *s = &r->sent[i];
        EXPECT(s->len <= mss);
        for (uint32_t k = 0; k < s->len; k++) {
            uint32_t off = s->seq - base + k;
            REQUIRE(off < n);
            EXPECT_EQ(s->data[k], rig_pattern(off));
            seen[off] = 1;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        REQUIRE(seen[i]);
}

/* clear_path: acknowledges all there is. */
static void drain(void)
{
    for (int i = 0; i < 64 && lg_tcp_unacked(r->c) > 0; i++) {
        r->ack = r->c->snd_nxt;
        rig_in(r, ACK, NULL, 0);
        rig_poll(r, LG_MS(1));
    }
    EXPECT_EQ(lg_tcp_unacked(r->c), 0);
    rig_clear(r);
}

TEST(TcpPmtu, SendsWhatDidNotFitAgainInSmallerSegments)
{
    start(OPT_SACK, 8);
    uint32_t base = r->ack, cwnd = r->c->cwnd;
    rig_send(r, 8760);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 6);
    EXPECT_EQ(lg_tcp_mss(r->c), 1460);
    rig_clear(r);
    EXPECT(too_big(base, 1400));
    EXPECT_EQ(lg_tcp_mss(r->c), 1360);
    rig_poll(r, 0);
    expect_stream(base, 8760, 1360);
    EXPECT_EQ(r->c->cwnd, cwnd); /* no congestion */
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_PMTU_SHRUNK), 1);
    drain();
    rig_send(r, 2720);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 2);
    drain();
    rig_fini(r);
}

TEST(TcpPmtu, KeepsWhatThePeerHasSacked)
{
    start(OPT_SACK, 8);
    uint32_t base = r->ack;
    uint8_t opt[LG_TCP_OPT_MAX];
    struct lg_tcp_range b = {base + 2920, base + 4380};
    rig_send(r, 4380);
    rig_poll(r, 0);
    struct rig_seg s = {.seq = r->seq, .ack = r->ack, .flags = ACK, .wnd = r->wnd, .opt = opt};
    s.opt_len = lg_tcp_opt_build_sack(opt, &b, 1);
    rig_rx(r, &s);
    rig_clear(r);
    EXPECT(too_big(base + 1460, 1000));
    rig_poll(r, 0);
    expect_stream(base, 2920, 960);
    drain();
    rig_fini(r);
}

TEST(TcpPmtu, IgnoresMessagesThatQuoteNothingInFlight)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    EXPECT(too_big(base, 1000)); /* nothing is out */
    rig_send(r, 1460);
    rig_poll(r, 0);
    EXPECT(too_big(base - 1, 1000));
    EXPECT(too_big(base + 1460, 1000));
    EXPECT(too_big(base + 0x80000000u, 1000));
    EXPECT_EQ(lg_tcp_mss(r->c), 1460);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ICMP_STALE), 4);
    EXPECT(too_big(base, 1500)); /* it would have fitted */
    EXPECT(too_big(base, 65535));
    EXPECT_EQ(lg_tcp_mss(r->c), 1460);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_PMTU_SHRUNK), 0);
    struct lg_tcp_tuple t;
    lg_tcp_get_tuple(r->c, &t);
    t.remote_port++;
    EXPECT(!lg_tcp_rx_too_big(r->tcp, &t, base, 1000, r->now_ns)); /* not ours */
    drain();
    rig_fini(r);
}

TEST(TcpPmtu, IsNotTalkedBelowTheLeastSizes)
{
    start(OPT_MSS, 4);
    rig_send(r, 1460);
    rig_poll(r, 0);
    EXPECT(too_big(r->ack, 68));
    EXPECT_EQ(lg_tcp_mss(r->c), 512); /* 552 bytes of packet */
    drain();
    rig_fini(r);
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
    EXPECT_OK(lg_ip_parse(lg_span_cstr("2001:db8::1"), &r->us));
    EXPECT_OK(lg_ip_parse(lg_span_cstr("2001:db8::2"), &r->peer));
    rig_accept(r, OPT_MSS6, 4);
    rig_send(r, 1440);
    rig_poll(r, 0);
    EXPECT(too_big(r->ack, 1000));
    EXPECT_EQ(lg_tcp_mss(r->c), 1220); /* 1280 */
    drain();
    rig_fini(r);
}

TEST(TcpPmtu, TellsLaterConnectionsToThatAddress)
{
    struct lg_tcp_conn *first;

    start(OPT_MSS, 4);
    first = r->c;
    rig_send(r, 1460);
    rig_poll(r, 0);
    EXPECT(too_big(r->ack, 1400));
    drain();
    lg_tcp_abort(first);
    lg_tcp_release(first);
    r->peer_port++;
    rig_clear(r);
    rig_accept(r, OPT_MSS, 4);
    EXPECT_EQ(lg_tcp_mss(r->c), 1360);
    rig_fini(r);
}

TEST(TcpPmtu, TriesFullSegmentsAgainAfterTenMinutes)
{
    start(OPT_MSS, 4);
    rig_send(r, 1460);
    rig_poll(r, 0);
    EXPECT(too_big(r->ack, 1400));
    drain();
    rig_run(r, LG_SEC(300));
    rig_send(r, 1360);
    rig_poll(r, 0);
    EXPECT_EQ(lg_tcp_mss(r->c), 1360);
    drain();
    rig_run(r, LG_SEC(400));
    rig_send(r, 1000);
    rig_poll(r, 0);
    EXPECT_EQ(lg_tcp_mss(r->c), 1460);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_PMTU_RAISED), 1);
    drain();
    rig_fini(r);
}

TEST(TcpPmtu, FindsABlackHoleByItsTimeouts)
{
    start(OPT_MSS, 4);
    uint32_t base = r->ack;
    rig_send(r, 2920);
    rig_poll(r, 0);
    for (int i = 0; i < 200 && lg_tcp_mss(r->c) == 1460; i++)
        rig_run(r, LG_MS(100));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 3);
    EXPECT_EQ(lg_tcp_mss(r->c), 1240);
    rig_clear(r);
    for (int i = 0; i < 600 && lg_tcp_mss(r->c) == 1240; i++)
        rig_run(r, LG_MS(100));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), 5);
    EXPECT_EQ(lg_tcp_mss(r->c), 512);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_PMTU_BLACK_HOLE), 2);
    rig_clear(r);
    rig_run(r, LG_MS(10));
    for (int i = 0; i < 64 && lg_tcp_unacked(r->c) > 0; i++) { /* small ones get through */
        if (r->sent_cnt > 0)
            r->ack = lg_seq_max(r->ack, rig_last(r)->seq + rig_last(r)->len);
        rig_in(r, ACK, NULL, 0);
        rig_run(r, LG_MS(10));
    }
    EXPECT_EQ(r->ack - base, 2920);
    rig_fini(r);
}

TEST(TcpPmtu, DoesNotBlameThePathWhenSmallSegmentsVanish)
{
    start(OPT_MSS, 4);
    rig_send(r, 300);
    rig_poll(r, 0);
    for (int i = 0; i < 600 && rig_stat(r, LG_STAT_TCP_RTO) < 6; i++)
        rig_run(r, LG_MS(100));
    EXPECT_EQ(lg_tcp_mss(r->c), 1460);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_PMTU_BLACK_HOLE), 0);
    drain();
    rig_fini(r);
}
