/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening: passive and active handshakes, options agreed, SYNs lost, refused and flooded. */
#include "rig.h"

#define SYN LG_TCP_FL_SYN
#define ACK LG_TCP_FL_ACK
#define RST LG_TCP_FL_RST
#define FIN LG_TCP_FL_FIN
/* MSS 1400, SACK permitted, timestamps, window scale 3 */
#define OPT_ALL "\x02\x04\x05\x78\x04\x02\x08\x0a\x00\x00\x03\xe8\x00\x00\x00\x00\x01\x03\x03\x03"
#define OPT_ALL_SZ 20

static struct rig rig, *const r = &rig;

static void start(void)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
}

TEST(TcpOpen, DropsTruncatedAndLyingHeaders)
{
    start();
    for (uint32_t len = 0; len < 20; len++) {
        struct lg_buf *b = lg_buf_take(&r->heap.pool);
        memset(b->data, 0x55, 64);
        b->len = len;
        lg_tcp_rx(r->tcp, b, &r->peer, &r->us, r->now_ns);
    }
    for (uint8_t off = 0; off < 16; off++) { /* data offset below 5 or past the end of 24 bytes */
        struct lg_buf *b = lg_buf_take(&r->heap.pool);
        memset(b->data, 0x01, 24);
        b->data[12] = (uint8_t)(off << 4);
        b->data[13] = RST;
        b->len = 24;
        lg_tcp_rx(r->tcp, b, &r->peer, &r->us, r->now_ns);
    }
    struct rig_seg bad_opt = {.flags = SYN, .opt = "\x02\x00\x00\x00", .opt_len = 4};
    rig_rx(r, &bad_opt);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_HDR), 20 + 14 + 1);
    rig_fini(r);
}

TEST(TcpOpen, DropsPortZero)
{
    start();
    r->peer_port = 0;
    struct rig_seg syn = {.flags = SYN};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_HDR), 1);
    rig_fini(r);
}

TEST(TcpOpen, AgreesOnOptionsThePeerOffers)
{
    start();
    struct rig_seg syn = {
        .seq = 5, .flags = SYN, .wnd = 1000, .opt = OPT_ALL, .opt_len = OPT_ALL_SZ};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    const struct rig_sent *s = &r->sent[0];
    EXPECT_EQ(s->flags, SYN | ACK);
    EXPECT_EQ(s->ack, 6);
    EXPECT_EQ(s->opts.mss, 1460);
    EXPECT(s->opts.has_ts && s->opts.has_wscale && s->opts.sack_ok);
    EXPECT_EQ(s->opts.ts_ecr, 1000);
    EXPECT_EQ(s->opts.wscale, 1); /* 65536 bytes do not fit into 16 bits */
    EXPECT_EQ(s->wnd, 65535);
    rig_fini(r);
}

TEST(TcpOpen, OffersNothingThatThePeerDidNotOffer)
{
    start();
    struct rig_seg syn = {.seq = 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT(r->sent[0].opts.has_mss);
    EXPECT(!r->sent[0].opts.has_ts && !r->sent[0].opts.has_wscale && !r->sent[0].opts.sack_ok);
    rig_fini(r);
}

TEST(TcpOpen, DerivesMssFromPeerMtuAndTimestamps)
{
    start();
    rig_accept(r, OPT_ALL, OPT_ALL_SZ);
    T_STOP_IF_FAILED();
    EXPECT_EQ(lg_tcp_mss(r->c), 1400 - 12);
    EXPECT(lg_tcp_is_passive(r->c));
    rig_fini(r);
    start();
    rig_accept(r, NULL, 0); /* no option: 536 */
    EXPECT_EQ(lg_tcp_mss(r->c), 536);
    rig_fini(r);
    start();
    rig_accept(r, "\x02\x04\xff\xff", 4);
    EXPECT_EQ(lg_tcp_mss(r->c), 1460);
    rig_fini(r);
    start();
    rig_accept(r, "\x02\x04\x00\x00", 4); /* a lie: 0 */
    EXPECT_EQ(lg_tcp_mss(r->c), LG_TCP_MIN_MSS);
    rig_fini(r);
}

TEST(TcpOpen, UsesSixtyBytesOfHeadersForIpv6)
{
    start();
    EXPECT_OK(lg_ip_parse(LG_SPAN_STR("2001:db8::1"), &r->us));
    EXPECT_OK(lg_ip_parse(LG_SPAN_STR("2001:db8::2"), &r->peer));
    rig_connect(r, "\x02\x04\xff\xff", 4);
    EXPECT_EQ(lg_tcp_mss(r->c), 1440);
    EXPECT(!lg_tcp_is_passive(r->c));
    EXPECT(lg_tcp_user(r->c) == r);
    rig_fini(r);
}

TEST(TcpOpen, ScalesThePeersWindow)
{
    start();
    r->wnd = 8; /* 8 on the SYN, 8 << 3 afterwards */
    rig_accept(r, OPT_ALL, OPT_ALL_SZ);
    T_STOP_IF_FAILED();
    EXPECT_EQ(r->c->snd_wnd, 64);
    rig_fini(r);
}

TEST(TcpOpen, RepeatsSynAckThenForgets)
{
    start();
    struct rig_seg syn = {.seq = 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_run(r, LG_SEC(60));
    EXPECT_EQ(r->sent_cnt, 4); /* 1 and 3 retries */
    for (uint32_t i = 1; i < r->sent_cnt; i++)
        EXPECT_EQ(r->sent[i].seq, r->sent[0].seq);
    struct lg_tcp_counts n;
    lg_tcp_get_counts(r->tcp, &n);
    EXPECT_EQ(n.conns, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_TIMEOUT), 1);
    EXPECT_EQ(rig_events(r), 0);
    rig_fini(r);
}

TEST(TcpOpen, AnswersTheSameSynAgainAtOnce)
{
    start();
    struct rig_seg syn = {.seq = 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    rig_rx(r, &syn);
    rig_poll(r, LG_MS(10));
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, SYN | ACK);
    EXPECT_EQ(r->sent[1].seq, r->sent[0].seq);
    rig_fini(r);
}

TEST(TcpOpen, ResetsAnAckThatDoesNotCompleteTheHandshake)
{
    start();
    struct rig_seg syn = {.seq = 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    struct rig_seg bad = {.seq = 6, .ack = r->sent[0].seq + 2, .flags = ACK, .wnd = 1000};
    rig_rx(r, &bad);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, RST);
    EXPECT_EQ(r->sent[1].seq, bad.ack);
    struct lg_tcp_counts n;
    lg_tcp_get_counts(r->tcp, &n);
    EXPECT_EQ(n.embryonic, 1);
    rig_fini(r);
}

TEST(TcpOpen, ForgetsAnEmbryonicConnectionOnReset)
{
    start();
    struct rig_seg syn = {.seq = 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    struct rig_seg rst = {.seq = 6, .flags = RST};
    rig_rx(r, &rst);
    struct lg_tcp_counts n;
    lg_tcp_get_counts(r->tcp, &n);
    EXPECT_EQ(n.conns, 0);
    EXPECT_EQ(rig_events(r), 0);
    rig_fini(r);
}

TEST(TcpOpen, TakesDataOnTheCompletingAck)
{
    start();
    struct rig_seg syn = {.seq = 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    struct rig_seg ack = {
        .seq = 6, .ack = r->sent[0].seq + 1, .flags = ACK, .wnd = 1000, .data = "hello", .len = 5};
    rig_rx(r, &ack);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN | LG_TCP_EV_RX);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 5);
    rig_fini(r);
}

TEST(TcpOpen, ResetsWhatBelongsToNoConnection)
{
    start();
    struct rig_seg ack = {.seq = 50, .ack = 77, .flags = ACK, .data = "x", .len = 1};
    rig_rx(r, &ack);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, RST);
    EXPECT_EQ(r->sent[0].seq, 77);
    struct rig_seg fin = {.seq = 50, .flags = FIN, .data = "xyz", .len = 3};
    rig_rx(r, &fin);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, RST | ACK);
    EXPECT_EQ(r->sent[1].seq, 0);
    EXPECT_EQ(r->sent[1].ack, 54);
    r->our_port = 444; /* nobody listens */
    struct rig_seg syn = {.seq = 9, .flags = SYN};
    rig_rx(r, &syn);
    REQUIRE_EQ(r->sent_cnt, 3);
    EXPECT_EQ(r->sent[2].ack, 10);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_NO_CONN), 3);
    rig_fini(r);
}

TEST(TcpOpen, NeverAnswersResets)
{
    start();
    struct rig_seg rst = {.seq = 50, .ack = 77, .flags = RST | ACK};
    rig_rx(r, &rst);
    rst.flags = RST | SYN;
    rig_rx(r, &rst);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_STATE), 2);
    rig_fini(r);
}

TEST(TcpOpen, IgnoresSynFinAndMulticastPeers)
{
    start();
    struct rig_seg sf = {.seq = 50, .flags = SYN | FIN};
    rig_rx(r, &sf);
    EXPECT_OK(lg_ip_parse(LG_SPAN_STR("224.0.0.5"), &r->peer));
    struct rig_seg syn = {.seq = 50, .flags = SYN};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    rig_fini(r);
}

TEST(TcpOpen, ConnectTellsWhenRefused)
{
    struct lg_endpoint to;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    struct rig_seg rst = {.flags = RST | ACK, .ack = r->sent[0].seq};
    rig_rx(r, &rst); /* does not acknowledge our SYN: blind */
    EXPECT_EQ(rig_events(r), 0);
    rst.flags = RST; /* no ACK at all */
    rig_rx(r, &rst);
    EXPECT_EQ(rig_events(r), 0);
    rst.flags = RST | ACK;
    rst.ack++;
    rig_rx(r, &rst);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_RESET);
    lg_tcp_release(r->c);
    rig_fini(r);
}

TEST(TcpOpen, ConnectRepeatsSynThenGivesUp)
{
    struct lg_endpoint to;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    lg_ns_t from_ns = r->now_ns;
    rig_run(r, LG_SEC(14));
    EXPECT_EQ(rig_events(r), 0);
    rig_run(r, LG_SEC(2)); /* 1 + 2 + 4 + 8 seconds */
    EXPECT_EQ(r->sent_cnt, 4);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    EXPECT(r->now_ns - from_ns >= LG_SEC(15));
    lg_tcp_release(r->c);
    rig_fini(r);
}

TEST(TcpOpen, ResetsASynAckThatAcknowledgesAnother)
{
    struct lg_endpoint to;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    rig_poll(r, 0);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    struct rig_seg sa = {.seq = 1, .ack = r->sent[0].seq + 5, .flags = SYN | ACK};
    rig_rx(r, &sa);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, RST);
    EXPECT_EQ(r->sent[1].seq, sa.ack);
    EXPECT_EQ(rig_events(r), 0);
    rig_fini(r);
}

TEST(TcpOpen, OpensSimultaneously)
{
    struct lg_endpoint to;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    rig_poll(r, 0);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    struct rig_seg syn = {.seq = 700, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, SYN | ACK);
    EXPECT_EQ(r->sent[1].seq, r->sent[0].seq);
    struct rig_seg sa = {.seq = 700, .ack = r->sent[0].seq + 1, .flags = SYN | ACK, .wnd = 1000};
    rig_rx(r, &sa);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    rig_fini(r);
}

TEST(TcpOpen, ReleaseBeforeOpenForgetsTheConnection)
{
    struct lg_endpoint to;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    rig_poll(r, 0);
    lg_tcp_release(r->c);
    r->c = NULL;
    struct lg_tcp_counts n;
    lg_tcp_get_counts(r->tcp, &n);
    EXPECT_EQ(n.conns, 0);
    EXPECT_EQ(n.user_held, 0);
    rig_run(r, LG_SEC(5));
    EXPECT_EQ(r->sent_cnt, 1);
    EXPECT_EQ(lg_tcp_next(r->tcp), LG_NS_NEVER);
    rig_fini(r);
}

TEST(TcpOpen, ConnectUsesEveryPortThenSaysNoPort)
{
    struct lg_tcp_conn *c[8];
    struct lg_endpoint to;
    uint32_t seen = 0;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    for (int i = 0; i < 8; i++)
        EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c[i]));
    for (int i = 0; i < 8; i++) {
        struct lg_tcp_tuple t;
        lg_tcp_get_tuple(c[i], &t);
        REQUIRE(t.local_port >= 40000 && t.local_port <= 40007);
        seen |= 1u << (t.local_port - 40000);
    }
    EXPECT_EQ(seen, 0xff);
    EXPECT_ERR(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c), LG_E(NO_PORT));
    to.port = 8081; /* another remote: the same ports are free */
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    lg_tcp_release(c[3]);
    to.port = 8080;
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c[3]));
    rig_fini(r);
}

TEST(TcpOpen, ShedsSynsWhenThePoolIsEmpty)
{
    start();
    for (uint16_t i = 0; i < 20; i++) {
        struct rig_seg syn = {.seq = i, .flags = SYN, .wnd = 1000};
        r->peer_port = (uint16_t)(1000 + i);
        rig_rx(r, &syn);
    }
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 16);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_FULL), 4);
    struct lg_endpoint to = {.ip = r->peer, .port = 8080};
    EXPECT_ERR(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c), LG_E(FULL));
    rig_fini(r);
}

TEST(TcpOpen, ChoosesSequenceNumbersThatDifferByTupleAndGrowWithTime)
{
    uint32_t ts_off;
    struct lg_tcp_tuple a = {.local_port = 1, .remote_port = 2},
                        b = {.local_port = 1, .remote_port = 3};
    start();
    uint32_t a0 = lg_tcp_isn(r->tcp, &a, &ts_off), b0 = lg_tcp_isn(r->tcp, &b, &ts_off);
    EXPECT(a0 != b0);
    rig_poll(r, LG_MS(1));
    uint32_t a1 = lg_tcp_isn(r->tcp, &a, &ts_off);
    EXPECT_EQ((a1 - a0) / 4, 61); /* 1 ms in steps of 4.096 us: 244 */
    rig_fini(r);
}

TEST(TcpOpen, UnreachableEndsOnlyWhatIsNotOpenAndInSequence)
{
    struct lg_endpoint to;
    struct lg_tcp_tuple t;

    start();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &r->c));
    rig_poll(r, 0);
    lg_tcp_get_tuple(r->c, &t);
    lg_tcp_rx_unreachable(r->tcp, &t, r->sent[0].seq - 1, r->now_ns);
    lg_tcp_rx_unreachable(r->tcp, &t, r->sent[0].seq + 1, r->now_ns);
    EXPECT_EQ(rig_events(r), 0);
    lg_tcp_rx_unreachable(r->tcp, &t, r->sent[0].seq, r->now_ns);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_RESET);
    rig_fini(r);
    start();
    rig_accept(r, NULL, 0);
    T_STOP_IF_FAILED();
    rig_send(r, 100);
    rig_poll(r, 0);
    lg_tcp_get_tuple(r->c, &t);
    lg_tcp_rx_unreachable(r->tcp, &t, r->ack, r->now_ns);
    EXPECT_EQ(rig_events(r), 0);
    rig_fini(r);
}
