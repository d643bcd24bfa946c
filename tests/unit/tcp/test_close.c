/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Endings: half-close both ways, simultaneous close, TIME_WAIT, abort, release. */
#include "rig.h"

#define SYN LG_TCP_FL_SYN
#define ACK LG_TCP_FL_ACK
#define RST LG_TCP_FL_RST
#define FIN LG_TCP_FL_FIN
#define OPT_MSS "\x02\x04\x05\xb4"
#define OPT_TS "\x02\x04\x05\xb4\x01\x01\x08\x0a\x00\x00\x03\xe8\x00\x00\x00\x00"

static struct rig rig, *const r = &rig;

static void start(void)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    rig_init(r, &cfg);
    rig_accept(r, OPT_MSS, 4);
}

static struct lg_tcp_counts counts(void)
{
    struct lg_tcp_counts n;
    lg_tcp_get_counts(r->tcp, &n);
    return n;
}

/* close_active: we finish first; ends in TIME_WAIT. */
static void close_active(void)
{
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, FIN | ACK);
    r->ack++;
    rig_in(r, ACK | FIN, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(r->c->state, LG_TCP_TIME_WAIT);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
}

TEST(TcpClose, WeFinishFirstAndReadOn)
{
    start();
    rig_send(r, 100);
    lg_tcp_shutdown(r->c);
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1); /* the FIN rides on the last data */
    EXPECT_EQ(r->sent[0].flags, FIN | ACK | LG_TCP_FL_PSH);
    EXPECT_EQ(r->sent[0].len, 100);
    EXPECT_EQ(r->c->state, LG_TCP_FIN_WAIT_1);
    r->ack += 101;
    rig_in(r, ACK, NULL, 0);
    EXPECT_EQ(r->c->state, LG_TCP_FIN_WAIT_2);
    EXPECT_EQ(rig_events(r), 0);
    rig_poll(r, LG_SEC(600)); /* no limit while the user reads */
    rig_in(r, ACK, "more", 4);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_RX);
    EXPECT_EQ(rig_take(r), 4);
    EXPECT_EQ(lg_tcp_send_room(r->c), 0);
    rig_in(r, ACK | FIN, NULL, 0);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_RX_FIN | LG_TCP_EV_CLOSED);
    EXPECT_EQ(counts().time_wait, 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_CLOSED), 1);
    lg_tcp_release(r->c);
    rig_run(r, LG_SEC(61));
    EXPECT_EQ(counts().conns, 0);
    EXPECT_EQ(lg_tcp_next(r->tcp), LG_NS_NEVER);
    rig_fini(r);
}

TEST(TcpClose, PeerFinishesFirstAndWeSendOn)
{
    start();
    rig_in(r, ACK | FIN, "bye", 3);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_RX | LG_TCP_EV_RX_FIN);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    EXPECT_EQ(r->c->state, LG_TCP_CLOSE_WAIT);
    rig_clear(r);
    rig_send(r, 500);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].len, 500);
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, FIN | ACK);
    EXPECT_EQ(r->c->state, LG_TCP_LAST_ACK);
    r->ack += 501;
    rig_in(r, ACK, NULL, 0);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED);
    EXPECT_EQ(rig_take(r), 3); /* still there to be read */
    EXPECT(lg_tcp_rx_done(r->c));
    lg_tcp_release(r->c);
    EXPECT_EQ(counts().conns, 0);
    rig_fini(r);
}

TEST(TcpClose, BothFinishAtOnce)
{
    start();
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    rig_in(r, ACK | FIN, NULL, 0); /* does not acknowledge ours */
    rig_poll(r, 0);
    EXPECT_EQ(r->c->state, LG_TCP_CLOSING);
    r->ack++;
    rig_in(r, ACK, NULL, 0);
    EXPECT_EQ(r->c->state, LG_TCP_TIME_WAIT);
    EXPECT(rig_events(r) & LG_TCP_EV_CLOSED);
    rig_fini(r);
}

TEST(TcpClose, RepeatsItsFin)
{
    start();
    lg_tcp_shutdown(r->c);
    rig_run(r, LG_MS(250));
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, FIN | ACK);
    EXPECT_EQ(r->sent[1].seq, r->sent[0].seq);
    rig_fini(r);
}

TEST(TcpClose, HoldsTheFinBackWhileTheWindowIsShut)
{
    start();
    r->wnd = 0;
    rig_in(r, ACK, NULL, 0);
    rig_send(r, 10);
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    r->wnd = 1000;
    rig_in(r, ACK, NULL, 0);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, FIN | ACK | LG_TCP_FL_PSH);
    rig_fini(r);
}

TEST(TcpClose, TimeWaitAnswersARepeatedFinAndStartsAnew)
{
    start();
    close_active();
    lg_tcp_release(r->c);
    rig_clear(r);
    rig_run(r, LG_SEC(50));
    rig_at(r, (uint32_t)-1, ACK | FIN, NULL, 0);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].ack, r->seq);
    rig_run(r, LG_SEC(50));
    EXPECT_EQ(counts().time_wait, 1);
    rig_run(r, LG_SEC(11));
    EXPECT_EQ(counts().conns, 0);
    rig_fini(r);
}

TEST(TcpClose, TimeWaitIgnoresResets)
{
    start();
    close_active();
    rig_at(r, 0, RST, NULL, 0);
    EXPECT_EQ(r->c->state, LG_TCP_TIME_WAIT);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_STATE), 1);
    rig_fini(r);
}

TEST(TcpClose, TimeWaitGivesWayToANewerSyn)
{
    start();
    close_active();
    struct lg_tcp_conn *old = r->c;
    uint32_t old_nxt = old->snd_nxt;
    rig_clear(r);
    struct rig_seg syn = {.seq = r->seq - 5, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn); /* older: an ACK, no more */
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, ACK);
    syn.seq = r->seq + 5;
    rig_rx(r, &syn);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[1].flags, SYN | ACK);
    EXPECT(lg_seq_gt(r->sent[1].seq, old_nxt));
    EXPECT_EQ(old->state, LG_TCP_CLOSED); /* its user has been told CLOSED and still holds it */
    EXPECT_EQ(rig_events(r), LG_TCP_EV_RX_FIN | LG_TCP_EV_CLOSED);
    lg_tcp_release(old);
    EXPECT_EQ(counts().conns, 1);
    rig_fini(r);
}

TEST(TcpClose, TimeWaitGivesWayToALaterTimestamp)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    uint8_t opt[12];

    rig_init(r, &cfg);
    rig_accept(r, OPT_TS, 16);
    close_active();
    lg_tcp_release(r->c);
    rig_clear(r);
    struct rig_seg syn = {.seq = r->seq - 500, .flags = SYN, .opt = opt, .opt_len = 12};
    lg_tcp_opt_build_ts(opt, 999, 0);
    rig_rx(r, &syn);
    rig_poll(r, 0);
    EXPECT(!(rig_last(r)->flags & SYN));
    lg_tcp_opt_build_ts(opt, 1001, 0);
    rig_rx(r, &syn);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, SYN | ACK);
    rig_fini(r);
}

TEST(TcpClose, ConnectNeverReusesATupleInTimeWait)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    struct lg_endpoint to;
    struct lg_tcp_conn *c;

    cfg.port_hi = cfg.port_lo; /* one port */
    rig_init(r, &cfg);
    rig_connect(r, OPT_MSS, 4);
    close_active();
    lg_tcp_release(r->c);
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_ERR(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c), LG_E(NO_PORT));
    rig_run(r, LG_SEC(61));
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c));
    rig_fini(r);
}

TEST(TcpClose, ConnectReusesAPortInTimeWaitThatHadTimestamps)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    struct lg_endpoint to;
    struct lg_tcp_conn *c;

    cfg.port_hi = cfg.port_lo; /* one port */
    rig_init(r, &cfg);
    r->ts = true;
    rig_connect(r, OPT_TS, 16);
    close_active();
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    rig_run(r, LG_SEC(2));
    EXPECT_ERR(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c), LG_E(NO_PORT)); /* held */
    lg_tcp_release(r->c);
    uint32_t last_seq = r->ack, last_ts = rig_last(r)->opts.ts_val;
    rig_clear(r);
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c));
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, SYN);
    EXPECT(lg_seq_gt(r->sent[0].seq, last_seq)); /* beyond all it has used */
    EXPECT(lg_seq_gt(r->sent[0].opts.ts_val, last_ts));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_PORT_REUSED), 1);
    EXPECT_EQ(counts().time_wait, 0);
    rig_fini(r);
}

TEST(TcpClose, ConnectReusesNoPortWithinTheFirstSecond)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    struct lg_endpoint to;
    struct lg_tcp_conn *c;

    cfg.port_hi = cfg.port_lo;
    rig_init(r, &cfg);
    r->ts = true;
    rig_connect(r, OPT_TS, 16);
    close_active();
    lg_tcp_release(r->c);
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    rig_run(r, LG_MS(900));
    EXPECT_ERR(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c), LG_E(NO_PORT));
    rig_run(r, LG_MS(200));
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c));
    rig_fini(r);
}

TEST(TcpClose, TheOldestTimeWaitIsSacrificedWhenThePoolIsEmpty)
{
    struct lg_tcp_cfg cfg = rig_cfg();

    cfg.max_conns = 2;
    rig_init(r, &cfg);
    for (uint16_t i = 0; i < 2; i++) {
        r->peer_port = (uint16_t)(6000 + i);
        r->c = NULL;
        r->wnd = 65535;
        rig_accept(r, OPT_MSS, 4);
        close_active();
        if (i == 1) /* the older one is still held by its user: spared */
            lg_tcp_release(r->c);
        rig_poll(r, LG_SEC(1));
        rig_clear(r);
    }
    r->peer_port = 7000;
    struct rig_seg syn = {.seq = 1, .flags = SYN, .wnd = 1000};
    rig_rx(r, &syn);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, SYN | ACK);
    EXPECT_EQ(counts().time_wait, 1);
    r->peer_port = 7001;
    rig_clear(r);
    rig_rx(r, &syn);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_FULL), 1);
    rig_fini(r);
}

TEST(TcpClose, AbortResetsAtOnce)
{
    start();
    rig_in(r, ACK, "abc", 3);
    rig_events(r);
    rig_send(r, 5000);
    lg_tcp_abort(r->c);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, RST | ACK);
    EXPECT_EQ(r->sent[0].seq, r->ack);
    EXPECT_EQ(r->heap.cnt_out, 0);
    rig_poll(r, 0);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED);
    lg_tcp_abort(r->c);
    rig_send(r, 100); /* dropped */
    EXPECT_EQ(r->heap.cnt_out, 0);
    lg_tcp_release(r->c);
    EXPECT_EQ(counts().conns, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RESET_TX), 1);
    rig_fini(r);
}

TEST(TcpClose, ReleaseFinishesAlone)
{
    start();
    rig_send(r, 3000);
    lg_tcp_release(r->c);
    EXPECT_EQ(counts().user_held, 0);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 3);
    EXPECT(r->sent[2].flags & FIN);
    rig_in(r, ACK, "under way", 9); /* acknowledged and dropped */
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    r->ack += 3001;
    rig_in(r, ACK, NULL, 0);
    rig_in(r, ACK | FIN, NULL, 0);
    EXPECT_EQ(counts().time_wait, 1);
    struct lg_tcp_conn *c;
    uint32_t ev;
    c = lg_tcp_ready_pop(r->tcp, &ev);
    EXPECT(c == NULL);
    rig_run(r, LG_SEC(61));
    EXPECT_EQ(counts().conns, 0);
    rig_fini(r);
}

TEST(TcpClose, ReleasedConnectionsResetWhoeverTalksOn)
{
    start();
    lg_tcp_release(r->c);
    rig_poll(r, 0);
    r->ack++;
    rig_in(r, ACK, NULL, 0);
    rig_clear(r);
    rig_in(r, ACK, "hello?", 6);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT(r->sent[0].flags & RST);
    EXPECT_EQ(counts().conns, 0);
    rig_fini(r);
}

TEST(TcpClose, ReleasedConnectionsBoundWhatTheyDiscard)
{
    static const uint8_t bytes[1460];

    start();
    r->wnd = 0; /* it never lets us finish */
    rig_in(r, ACK, NULL, 0);
    rig_send(r, 100);
    lg_tcp_release(r->c);
    for (int i = 0; i < 60 && counts().conns > 0; i++) {
        rig_in(r, ACK, bytes, sizeof bytes);
        rig_poll(r, LG_MS(1));
    }
    EXPECT_EQ(counts().conns, 0);
    EXPECT(rig_last(r)->flags & RST);
    rig_fini(r);
}

TEST(TcpClose, ReleasedConnectionsEndWithoutProgress)
{
    start();
    lg_tcp_release(r->c);
    rig_poll(r, 0);
    r->ack++;
    rig_in(r, ACK, NULL, 0); /* FIN_WAIT_2, and then silence */
    rig_run(r, LG_SEC(59));
    EXPECT_EQ(counts().conns, 1);
    rig_run(r, LG_SEC(2));
    EXPECT_EQ(counts().conns, 0);
    EXPECT(rig_last(r)->flags & RST);
    rig_fini(r);
    start();
    r->wnd = 0; /* answers every probe, for ever, and takes nothing */
    rig_in(r, ACK, NULL, 0);
    rig_send(r, 100);
    lg_tcp_release(r->c);
    for (int i = 0; i < 70 && counts().conns > 0; i++) {
        rig_run(r, LG_SEC(1));
        if (counts().conns > 0)
            rig_in(r, ACK, NULL, 0);
    }
    EXPECT_EQ(counts().conns, 0);
    rig_fini(r);
}

TEST(TcpClose, PeersResetWhileReleasedIsTheEnd)
{
    start();
    lg_tcp_release(r->c);
    rig_poll(r, 0);
    rig_at(r, 0, RST, NULL, 0);
    EXPECT_EQ(counts().conns, 0);
    rig_fini(r);
}

TEST(TcpClose, FiniGivesBackWhateverIsLeft)
{
    start();
    rig_send(r, 9000);
    rig_poll(r, 0);
    rig_in(r, ACK, "abc", 3);
    rig_at(r, 100, ACK, "xyz", 3);
    struct lg_endpoint to = {.ip = r->peer, .port = 8080};
    struct lg_tcp_conn *c;
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, NULL, r->now_ns, &c));
    rig_fini(r);
}
