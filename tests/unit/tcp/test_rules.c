/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of RFC 9293 section 3.10.7 and its neighbours that must hold in every state, each state
 * in turn. Rules that belong to one state only are in test_open.c, test_rx.c and test_close.c;
 * docs/rfc.md lists all. */
#include "rig.h"

#define SYN LG_TCP_FL_SYN
#define ACK LG_TCP_FL_ACK
#define RST LG_TCP_FL_RST
#define FIN LG_TCP_FL_FIN
#define URG 0x20
#define OPT_MSS "\x02\x04\x05\xb4"

static struct rig rig, *const r = &rig;

static const enum lg_tcp_state synchronised[] = {
    LG_TCP_ESTABLISHED, LG_TCP_FIN_WAIT_1, LG_TCP_FIN_WAIT_2, LG_TCP_CLOSE_WAIT,
    LG_TCP_CLOSING,     LG_TCP_LAST_ACK,   LG_TCP_TIME_WAIT};
#define STATES LG_ARRAY_CNT(synchronised)

static void fin_of_ours(void)
{
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
}

/* enter brings a fresh connection into a state; nothing is left to be told or sent. */
static void enter(enum lg_tcp_state state)
{
    struct lg_tcp_cfg cfg = rig_cfg();

    rig_init(r, &cfg);
    rig_accept(r, OPT_MSS, 4);
    if (state == LG_TCP_CLOSE_WAIT || state == LG_TCP_LAST_ACK)
        rig_in(r, ACK | FIN, NULL, 0);
    if (state != LG_TCP_ESTABLISHED && state != LG_TCP_CLOSE_WAIT)
        fin_of_ours();
    if (state == LG_TCP_CLOSING || state == LG_TCP_TIME_WAIT)
        rig_in(r, ACK | FIN, NULL, 0); /* does not acknowledge ours */
    if (state == LG_TCP_FIN_WAIT_2 || state == LG_TCP_TIME_WAIT) {
        r->ack++;
        rig_in(r, ACK, NULL, 0);
    }
    rig_poll(r, 0);
    (void)rig_events(r);
    rig_poll(r, 0);
    rig_clear(r);
    EXPECT_EQ(r->c->state, state);
}

/* expect_ack: exactly one segment went out, an ACK of what is expected next. */
static void expect_ack(void)
{
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, ACK);
    EXPECT_EQ(r->sent[0].ack, r->seq);
    EXPECT_EQ(r->sent[0].seq, r->c->snd_nxt);
}

TEST(TcpRules, Rfc9293_3_10_7_4_First_SegmentsOutsideTheWindowAreAnsweredByAnAck)
{
    for (unsigned i = 0; i < STATES; i++) {
        enter(synchronised[i]);
        rig_at(r, 200000, ACK, "abc", 3);
        expect_ack();
        EXPECT_EQ(r->c->state, synchronised[i]);
        EXPECT_EQ(rig_events(r), 0);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc9293_3_10_7_4_First_RstsOutsideTheWindowAreIgnored)
{
    for (unsigned i = 0; i < STATES; i++) {
        enter(synchronised[i]);
        rig_at(r, 200000, RST, NULL, 0);
        rig_at(r, (uint32_t)-1, RST | ACK, NULL, 0);
        rig_poll(r, 0);
        EXPECT_EQ(r->sent_cnt, 0);
        EXPECT_EQ(r->c->state, synchronised[i]);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc9293_3_10_7_4_Second_AnExactRstEndsTheConnection)
{
    for (unsigned i = 0; i < STATES; i++) {
        enter(synchronised[i]);
        rig_in(r, RST, NULL, 0);
        uint32_t ev = rig_events(r);
        if (synchronised[i] == LG_TCP_TIME_WAIT) /* RFC 1337 */
            EXPECT_EQ(r->c->state, LG_TCP_TIME_WAIT);
        else if (synchronised[i] == LG_TCP_CLOSING || synchronised[i] == LG_TCP_LAST_ACK)
            EXPECT_EQ(ev, LG_TCP_EV_CLOSED); /* "enter the CLOSED state", and no signal */
        else
            EXPECT_EQ(ev, LG_TCP_EV_CLOSED | LG_TCP_EV_RESET);
        rig_poll(r, 0);
        EXPECT_EQ(r->sent_cnt, 0);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc5961_3_2_AnRstElsewhereInTheWindowIsChallenged)
{
    for (unsigned i = 0; i + 1 < STATES; i++) {
        if (synchronised[i] != LG_TCP_ESTABLISHED && synchronised[i] != LG_TCP_FIN_WAIT_1 &&
            synchronised[i] != LG_TCP_FIN_WAIT_2)
            continue; /* after the peer's FIN the window has one place only */
        enter(synchronised[i]);
        rig_at(r, 1, RST, NULL, 0);
        expect_ack();
        EXPECT_EQ(r->c->state, synchronised[i]);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc5961_4_2_ASynIsChallengedInEveryState)
{
    for (unsigned i = 0; i + 1 < STATES; i++) {
        enter(synchronised[i]);
        rig_at(r, 0, SYN, NULL, 0);
        expect_ack();
        rig_clear(r);
        rig_at(r, 0, SYN | ACK, NULL, 0);
        expect_ack();
        EXPECT_EQ(r->c->state, synchronised[i]);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc5961_5_2_AnAckOfWhatWasNotSentIsChallengedAndItsTextDropped)
{
    for (unsigned i = 0; i + 1 < STATES; i++) {
        enter(synchronised[i]);
        r->ack += 10000;
        rig_at(r, 0, ACK, "abc", 3);
        r->ack -= 10000;
        expect_ack();
        EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc9293_3_10_7_4_Fifth_WithoutAnAckNothingCounts)
{
    for (unsigned i = 0; i + 1 < STATES; i++) {
        enter(synchronised[i]);
        rig_at(r, 0, 0, "abc", 3);
        rig_at(r, 0, FIN, NULL, 0);
        rig_poll(r, 0);
        EXPECT_EQ(r->sent_cnt, 0);
        EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
        EXPECT_EQ(r->c->state, synchronised[i]);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc9293_3_10_7_4_Eighth_ARepeatedFinIsAcknowledgedAgain)
{
    static const enum lg_tcp_state after[] = {LG_TCP_CLOSE_WAIT, LG_TCP_CLOSING, LG_TCP_LAST_ACK,
                                              LG_TCP_TIME_WAIT};
    for (unsigned i = 0; i < LG_ARRAY_CNT(after); i++) {
        enter(after[i]);
        rig_at(r, (uint32_t)-1, ACK | FIN, NULL, 0);
        expect_ack();
        EXPECT_EQ(r->c->state, after[i]);
        rig_fini(r);
    }
}

TEST(TcpRules, Rfc9293_3_10_7_4_Seventh_TextAfterTheFinIsIgnored)
{
    enter(LG_TCP_CLOSE_WAIT);
    rig_at(r, 0, ACK, "after", 5);
    rig_poll(r, 0);
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
    EXPECT_EQ(r->c->state, LG_TCP_CLOSE_WAIT);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_8_5_UrgentDataIsTakenInLine)
{
    enter(LG_TCP_ESTABLISHED);
    rig_in(r, ACK | URG, "urgent", 6);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_RX);
    EXPECT_EQ(rig_take(r), 6);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, r->seq);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_8_6_1_AZeroWindowProbeIsAnsweredAndNotTaken)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    static uint8_t full[1400];

    cfg.rcv_buf_sz = 4 * sizeof full;
    rig_init(r, &cfg);
    rig_accept(r, OPT_MSS, 4);
    for (int i = 0; i < 4; i++)
        rig_in(r, ACK, full, sizeof full);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->wnd, 0);
    (void)rig_events(r);
    rig_clear(r);
    rig_at(r, 0, ACK, "x", 1); /* one byte beyond, as Linux does not, but BSD does */
    expect_ack();
    EXPECT_EQ(rig_last(r)->wnd, 0);
    rig_clear(r);
    rig_at(r, (uint32_t)-1, ACK, NULL, 0); /* and as Linux does */
    expect_ack();
    /* RSTs and ACKs count all the same. */
    rig_send(r, 100);
    rig_poll(r, 0);
    r->ack += 100;
    rig_in(r, ACK, NULL, 0);
    EXPECT_EQ(lg_tcp_unacked(r->c), 0);
    rig_in(r, RST, NULL, 0);
    EXPECT(rig_events(r) & LG_TCP_EV_RESET);
    rig_fini(r);
}

TEST(TcpRules, Rfc1122_4_2_3_6_AKeepaliveProbeIsAnswered)
{
    enter(LG_TCP_ESTABLISHED);
    rig_in(r, ACK, "abc", 3);
    rig_take(r);
    rig_poll(r, 0);
    rig_clear(r);
    rig_at(r, (uint32_t)-1, ACK, "c", 1); /* with a byte of garbage */
    expect_ack();
    rig_clear(r);
    rig_at(r, (uint32_t)-1, ACK, NULL, 0);
    expect_ack();
    EXPECT_EQ(lg_tcp_rx_avail(r->c), 0);
    rig_fini(r);
}

/* ---------------------------------------------------------------- before it is open */

static void connecting(void)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    struct lg_endpoint to;

    rig_init(r, &cfg);
    to = (struct lg_endpoint){.ip = r->peer, .port = 8080};
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, r, r->now_ns, &r->c));
    rig_poll(r, 0);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    r->ack = r->sent[0].seq + 1;
    rig_clear(r);
}

TEST(TcpRules, Rfc9293_3_10_7_3_InSynSentAnRstCountsOnlyWithAGoodAck)
{
    connecting();
    struct rig_seg s = {.seq = 0, .flags = RST};
    rig_rx(r, &s);
    s = (struct rig_seg){.seq = 0, .ack = r->ack + 5, .flags = RST | ACK};
    rig_rx(r, &s);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(r->c->state, LG_TCP_SYN_SENT);
    s.ack = r->ack;
    rig_rx(r, &s);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_RESET);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_10_7_3_InSynSentWithoutSynNothingHappens)
{
    connecting();
    struct rig_seg s = {.seq = 5, .ack = r->ack, .flags = ACK, .wnd = 1000, .data = "x", .len = 1};
    rig_rx(r, &s);
    s.flags = FIN;
    rig_rx(r, &s);
    rig_poll(r, 0);
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(r->c->state, LG_TCP_SYN_SENT);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_5_SimultaneousOpenSurvivesALostSynAck)
{
    connecting();
    struct rig_seg s = {.seq = 700, .flags = SYN, .wnd = 1000, .opt = OPT_MSS, .opt_len = 4};
    rig_rx(r, &s);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, SYN | ACK);
    rig_clear(r);
    rig_run(r, LG_SEC(3)); /* theirs does not come: ours goes out again */
    EXPECT(r->sent_cnt >= 1);
    EXPECT_EQ(rig_last(r)->flags, SYN | ACK);
    EXPECT_EQ(rig_last(r)->seq, r->ack - 1);
    s = (struct rig_seg){.seq = 701, .ack = r->ack, .flags = ACK, .wnd = 1000};
    rig_rx(r, &s); /* an ACK of it completes the handshake as well */
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    EXPECT_EQ(r->c->state, LG_TCP_ESTABLISHED);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_10_7_4_InSynRcvdAnRstReturnsToListenOrTellsOfRefusal)
{
    struct lg_tcp_cfg cfg = rig_cfg();

    rig_init(r, &cfg);
    struct rig_seg s = {.seq = 700, .flags = SYN, .wnd = 1000};
    rig_rx(r, &s);
    s = (struct rig_seg){.seq = 701, .flags = RST};
    rig_rx(r, &s);
    EXPECT_EQ(rig_events(r), 0); /* passive: nobody had heard of it */
    EXPECT_EQ(lg_pool_used(&r->tcp->conns), 0);
    rig_fini(r);
    connecting();
    s = (struct rig_seg){.seq = 700, .flags = SYN, .wnd = 1000};
    rig_rx(r, &s);
    s = (struct rig_seg){.seq = 701, .flags = RST};
    rig_rx(r, &s);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_RESET);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_8_3_GivesUpAfterSoManyRepetitions)
{
    enter(LG_TCP_ESTABLISHED);
    rig_send(r, 100);
    rig_run(r, LG_SEC(300));
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RTO), r->cfg.data_retries);
    rig_fini(r);
}

TEST(TcpRules, Rfc9293_3_4_SequenceNumbersWrapInEveryField)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    static uint8_t some[1000];

    rig_init(r, &cfg);
    r->seq = 0xfffffff0u;
    rig_accept(r, OPT_MSS, 4);
    rig_in(r, ACK, some, sizeof some);
    EXPECT_EQ(rig_take(r), sizeof some);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ack, 985);
    rig_in(r, ACK | FIN, NULL, 0);
    EXPECT(rig_events(r) & LG_TCP_EV_RX_FIN);
    rig_fini(r);
}

/* with_timeout opens a connection whose user waits 10 s for an ACK, no longer. */
static void with_timeout(uint32_t data_retries)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    cfg.user_timeout_ns = LG_SEC(10);
    cfg.data_retries = data_retries;
    rig_init(r, &cfg);
    rig_accept(r, OPT_MSS, 4);
}

TEST(TcpRules, Rfc5482_AUserTimeoutEndsAConnectionThatIsNotAcknowledged)
{
    with_timeout(15);
    rig_send(r, 100);
    rig_run(r, LG_MS(9900));
    EXPECT_EQ(rig_events(r), 0);
    rig_run(r, LG_MS(300));
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    lg_tcp_release(r->c);
    rig_fini(r);
    with_timeout(3); /* R2 is earlier */
    rig_send(r, 100);
    rig_run(r, LG_SEC(4));
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    lg_tcp_release(r->c);
    rig_fini(r);
}

TEST(TcpRules, Rfc5482_AUserTimeoutBeginsAnewWithEachAck)
{
    with_timeout(15);
    rig_send(r, 20 * 1460);
    for (int i = 0; i < 4; i++) {
        rig_run(r, LG_SEC(8));
        EXPECT_EQ(rig_events(r), 0);
        r->ack += 1460;
        rig_in(r, ACK, NULL, 0);
    }
    rig_run(r, LG_SEC(11));
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    lg_tcp_release(r->c);
    rig_fini(r);
}

TEST(TcpRules, Rfc5482_AUserTimeoutLeavesAloneWhoAnswersWindowProbes)
{
    with_timeout(15);
    r->wnd = 0;
    rig_in(r, ACK, NULL, 0);
    rig_send(r, 100);
    for (int i = 0; i < 60; i++) {
        rig_run(r, LG_SEC(1));
        rig_in(r, ACK, NULL, 0);
    }
    EXPECT_EQ(rig_events(r), 0);
    rig_run(r, LG_SEC(60)); /* now nobody answers any more */
    EXPECT_EQ(rig_events(r), LG_TCP_EV_CLOSED | LG_TCP_EV_TIMEOUT);
    lg_tcp_release(r->c);
    rig_fini(r);
}
