/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explicit congestion notification, by the sections of RFC 3168. */
#include "rig.h"

#define SYN LG_TCP_FL_SYN
#define ACK LG_TCP_FL_ACK
#define FIN LG_TCP_FL_FIN
#define PSH LG_TCP_FL_PSH
#define ECE LG_TCP_FL_ECE
#define CWR LG_TCP_FL_CWR
#define OPT_MSS "\x02\x04\x05\xb4"
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"

static struct rig rig, *const r = &rig;

static void init(enum lg_tcp_ecn ecn)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    cfg.ecn = ecn;
    rig_init(r, &cfg);
}

/* syn sends one and gives the flags of the answer. */
static uint8_t syn(uint8_t flags, uint8_t ecn)
{
    struct rig_seg s = {.seq = r->seq,
                        .flags = SYN | flags,
                        .ecn = ecn,
                        .wnd = r->wnd,
                        .opt = OPT_SACK,
                        .opt_len = 8};
    rig_rx(r, &s);
    rig_poll(r, 0);
    return rig_last(r)->flags;
}

/* accept_ecn opens r->c with ECN agreed. */
static void accept_ecn(void)
{
    init(LG_TCP_ECN_PASSIVE);
    REQUIRE_EQ(syn(ECE | CWR, LG_ECN_NOT), SYN | ACK | ECE);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_NOT);
    r->ack = rig_last(r)->seq + 1;
    r->seq++;
    rig_in(r, ACK, NULL, 0);
    EXPECT(rig_events(r) & LG_TCP_EV_OPEN);
    REQUIRE(r->c != NULL);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN), 1);
    rig_poll(r, 0);
    rig_clear(r);
}

/* ack acknowledges n more bytes, with flags. */
static void ack(uint32_t n, uint8_t flags)
{
    r->ack += n;
    rig_in(r, ACK | flags, NULL, 0);
    rig_poll(r, 0);
}

/* data brings 100 bytes with a mark of the network or none. */
static void data(uint8_t ecn, uint8_t flags)
{
    static const uint8_t bytes[100];
    struct rig_seg s = {.seq = r->seq,
                        .ack = r->ack,
                        .flags = ACK | flags,
                        .ecn = ecn,
                        .wnd = r->wnd,
                        .data = bytes,
                        .len = sizeof bytes};
    rig_clear(r);
    rig_rx(r, &s);
    r->seq += s.len;
    rig_poll(r, 0);
    rig_take(r);
}

TEST(TcpEcn, Rfc3168_6_1_1_AnswersWhoAsksAndNobodyElse)
{
    static const struct {
        enum lg_tcp_ecn cfg;
        uint8_t flags, ecn, want;
    } cases[] = {
        {LG_TCP_ECN_PASSIVE, ECE | CWR, LG_ECN_NOT, ECE},
        {LG_TCP_ECN_ON, ECE | CWR, LG_ECN_NOT, ECE},
        {LG_TCP_ECN_OFF, ECE | CWR, LG_ECN_NOT, 0},
        {LG_TCP_ECN_PASSIVE, 0, LG_ECN_NOT, 0},
        {LG_TCP_ECN_PASSIVE, ECE, LG_ECN_NOT, 0},
        {LG_TCP_ECN_PASSIVE, CWR, LG_ECN_NOT, 0},
        /* somebody on the way writes into the field */
        {LG_TCP_ECN_PASSIVE, ECE | CWR, LG_ECN_ECT0, 0},
        {LG_TCP_ECN_PASSIVE, ECE | CWR, LG_ECN_CE, 0},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        init(cases[i].cfg);
        EXPECT_EQ(syn(cases[i].flags, cases[i].ecn), SYN | ACK | cases[i].want);
        rig_fini(r);
    }
}

/* connect_ecn sends our SYN, and the peer's SYN-ACK with flags. */
static void connect_ecn(enum lg_tcp_ecn ecn, uint8_t flags)
{
    struct lg_endpoint to = {.ip = {{0}}, .port = 8080};

    init(ecn);
    to.ip = r->peer;
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, r, r->now_ns, &r->c));
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 1);
    EXPECT_EQ(r->sent[0].flags, ecn == LG_TCP_ECN_ON ? SYN | ECE | CWR : SYN);
    EXPECT_EQ(r->sent[0].ecn, LG_ECN_NOT);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    r->ack = r->sent[0].seq + 1;
    rig_in(r, SYN | ACK | flags, NULL, 0);
    r->seq++;
    EXPECT(rig_events(r) & LG_TCP_EV_OPEN);
    rig_poll(r, 0);
    rig_clear(r);
}

TEST(TcpEcn, Rfc3168_6_1_1_AsksWhenConnectingAndTakesNoReflection)
{
    static const struct {
        enum lg_tcp_ecn cfg;
        uint8_t flags;
        uint32_t agreed;
    } cases[] = {
        {LG_TCP_ECN_ON, ECE, 1},       {LG_TCP_ECN_ON, 0, 0},
        {LG_TCP_ECN_ON, ECE | CWR, 0},                               /* our flags thrown back */
        {LG_TCP_ECN_ON, CWR, 0},       {LG_TCP_ECN_PASSIVE, ECE, 0}, /* not asked for */
        {LG_TCP_ECN_OFF, ECE, 0},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        connect_ecn(cases[i].cfg, cases[i].flags);
        EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN), cases[i].agreed);
        rig_send(r, 100);
        rig_poll(r, 0);
        EXPECT_EQ(rig_last(r)->ecn, cases[i].agreed ? LG_ECN_ECT0 : LG_ECN_NOT);
        rig_fini(r);
    }
}

TEST(TcpEcn, Rfc3168_6_1_1_1_AsksWithoutEcnWhenTheFirstSynVanishes)
{
    struct lg_endpoint to = {.ip = {{0}}, .port = 8080};

    init(LG_TCP_ECN_ON);
    to.ip = r->peer;
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, r, r->now_ns, &r->c));
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, SYN | ECE | CWR);
    rig_run(r, LG_SEC(2));
    EXPECT_EQ(r->sent_cnt, 2);
    EXPECT_EQ(rig_last(r)->flags, SYN);
    rig_fini(r);
}

TEST(TcpEcn, AgreesWhenBothOpenAtOnce)
{
    struct lg_endpoint to = {.ip = {{0}}, .port = 8080};

    init(LG_TCP_ECN_ON);
    to.ip = r->peer;
    EXPECT_OK(lg_tcp_connect(r->tcp, &r->us, &to, r, r->now_ns, &r->c));
    rig_poll(r, 0);
    r->our_port = r->sent[0].sport;
    r->peer_port = 8080;
    r->ack = 0;
    EXPECT_EQ(syn(ECE | CWR, LG_ECN_NOT), SYN | ACK | ECE);
    struct rig_seg sa = {.seq = r->seq,
                         .ack = r->sent[0].seq + 1,
                         .flags = SYN | ACK | ECE,
                         .wnd = r->wnd,
                         .opt = OPT_SACK,
                         .opt_len = 8};
    rig_rx(r, &sa);
    EXPECT(rig_events(r) & LG_TCP_EV_OPEN);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 0); /* the SYN-ACK's ECE is no mark */
    rig_fini(r);
}

TEST(TcpEcn, Rfc3168_6_1_2_ReducesOnceAWindowAndSaysSo)
{
    accept_ecn();
    rig_send(r, 30 * 1460);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 10);
    uint32_t cwnd = r->c->cwnd;
    rig_clear(r);
    ack(1460, ECE);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 1);
    EXPECT_EQ(r->c->cwnd, cwnd * 7 / 10);
    EXPECT_EQ(r->sent_cnt, 0); /* nothing is sent again, and nothing new until pipe < cwnd */
    ack(1460, ECE);
    ack(1460, ECE);
    ack(1460, ECE);
    EXPECT_EQ(r->c->cwnd, cwnd * 7 / 10); /* once; and it does not grow either */
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_RETRANS), 0);
    REQUIRE(r->sent_cnt >= 1);
    EXPECT_EQ(r->sent[0].flags & CWR, CWR); /* the first new segment, no other */
    for (uint32_t i = 1; i < r->sent_cnt; i++)
        EXPECT_EQ(r->sent[i].flags & CWR, 0);
    /* All of the old window, and the first of the new: marks count again. */
    ack(6 * 1460, ECE);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 1);
    ack(1460, ECE);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 2);
    rig_fini(r);
}

/* sack3 reports the three segments behind the first one that is missing. */
static void sack3(uint8_t flags)
{
    uint8_t opt[LG_TCP_OPT_MAX];
    struct lg_tcp_range b = {r->ack + 1460, r->ack + 4 * 1460};
    struct rig_seg s = {
        .seq = r->seq, .ack = r->ack, .flags = ACK | flags, .wnd = r->wnd, .opt = opt};
    s.opt_len = lg_tcp_opt_build_sack(opt, &b, 1);
    rig_rx(r, &s);
    rig_poll(r, LG_MS(1));
}

TEST(TcpEcn, Rfc3168_6_1_2_ALossAndAMarkOfOneWindowReduceOnce)
{
    accept_ecn();
    rig_send(r, 30 * 1460);
    rig_poll(r, 0);
    r->now_ns += LG_MS(50);
    uint32_t cwnd = r->c->cwnd;
    rig_clear(r);
    ack(1460, ECE);
    EXPECT_EQ(r->c->ssthresh, cwnd * 7 / 10);
    sack3(0); /* the mark first */
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_FAST_RETRANS), 1);
    EXPECT_EQ(r->c->ssthresh, cwnd * 7 / 10);
    rig_fini(r);

    accept_ecn();
    rig_send(r, 30 * 1460);
    rig_poll(r, 0);
    r->now_ns += LG_MS(50);
    rig_clear(r);
    sack3(ECE); /* the loss first: the flag does not reduce, but CWR answers it */
    ack(0, ECE);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_FAST_RETRANS), 1);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 0);
    EXPECT_EQ(r->c->ssthresh, cwnd * 7 / 10);
    bool told = false;
    ack(9 * 1460, 0);
    for (uint32_t i = 0; i < r->sent_cnt; i++)
        told |= (r->sent[i].flags & CWR) != 0;
    EXPECT(told);
    rig_fini(r);
}

TEST(TcpEcn, Rfc3168_6_1_3_EchoesAMarkUntilCwr)
{
    accept_ecn();
    data(LG_ECN_ECT0, 0);
    EXPECT_EQ(rig_last(r)->flags, ACK);
    data(LG_ECN_CE, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_CE), 1);
    EXPECT_EQ(rig_last(r)->flags, ACK | ECE);
    data(LG_ECN_ECT0, 0); /* the mark is past, the echo goes on */
    EXPECT_EQ(rig_last(r)->flags, ACK | ECE);
    rig_clear(r);
    rig_send(r, 100); /* on data, too */
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, ACK | PSH | ECE);
    ack(100, 0);
    data(LG_ECN_ECT0, CWR);
    EXPECT_EQ(rig_last(r)->flags, ACK);
    data(LG_ECN_CE, CWR); /* marked itself: it ends the old echo and begins a new one */
    EXPECT_EQ(rig_last(r)->flags, ACK | ECE);
    rig_fini(r);
}

TEST(TcpEcn, Rfc3168_6_1_5_IgnoresMarksOutsideTheWindow)
{
    accept_ecn();
    data(LG_ECN_ECT0, 0);
    struct rig_seg s = {.seq = r->seq - 100,
                        .ack = r->ack,
                        .flags = ACK,
                        .ecn = LG_ECN_CE,
                        .wnd = r->wnd,
                        .data = "old",
                        .len = 3};
    rig_clear(r);
    rig_rx(r, &s); /* received before */
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, ACK);
    s.seq = r->seq + (1u << 20);
    rig_rx(r, &s);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, ACK);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_CE), 0);
    s = (struct rig_seg){
        .seq = r->seq, .ack = r->ack, .flags = ACK, .ecn = LG_ECN_CE, .wnd = r->wnd};
    rig_rx(r, &s); /* no data */
    data(LG_ECN_ECT0, 0);
    EXPECT_EQ(rig_last(r)->flags, ACK);
    rig_fini(r);
}

TEST(TcpEcn, Rfc3168_6_1_4_MarksNewDataOnlyAsCapable)
{
    accept_ecn();
    data(LG_ECN_ECT0, 0);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_NOT); /* an ACK without data */
    rig_clear(r);
    rig_send(r, 2 * 1460);
    rig_poll(r, 0);
    REQUIRE_EQ(r->sent_cnt, 2);
    EXPECT_EQ(r->sent[0].ecn, LG_ECN_ECT0);
    EXPECT_EQ(r->sent[1].ecn, LG_ECN_ECT0);
    rig_run(r, LG_MS(1500)); /* a tail loss probe and timeouts */
    EXPECT(r->sent_cnt > 3);
    for (uint32_t i = 2; i < r->sent_cnt; i++)
        EXPECT_EQ(r->sent[i].ecn, LG_ECN_NOT);
    rig_clear(r);
    r->share_all = true; /* copied segments, too */
    ack(2 * 1460, 0);
    rig_send(r, 1460);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_ECT0);
    EXPECT_EQ(r->sent[0].flags & CWR, CWR); /* the timeout reduced cwnd */
    r->wnd = 0;                             /* a window probe and a FIN without data */
    ack(1460, 0);
    rig_send(r, 10);
    rig_run(r, LG_SEC(1));
    EXPECT_EQ(rig_last(r)->len, 0);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_NOT);
    r->wnd = 1000;
    rig_clear(r);
    ack(0, 0);
    ack(10, 0);
    lg_tcp_shutdown(r->c);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->flags, ACK | FIN);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_NOT);
    lg_tcp_abort(r->c);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_NOT);
    rig_fini(r);
}

TEST(TcpEcn, ForwardsNoMarkOfTheOtherSide)
{
    struct lg_bufq q = {0};

    accept_ecn();
    data(LG_ECN_ECT0, 0);
    struct rig_seg s = {.seq = r->seq,
                        .ack = r->ack,
                        .flags = ACK,
                        .ecn = LG_ECN_CE,
                        .wnd = r->wnd,
                        .data = "x",
                        .len = 1};
    rig_rx(r, &s);
    lg_tcp_take(r->c, &q, UINT32_MAX);
    lg_tcp_send(r->c, &q); /* the received buf itself */
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->len, 1);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_ECT0);
    rig_fini(r);
    init(LG_TCP_ECN_OFF);
    rig_accept(r, OPT_MSS, 4);
    s.seq = r->seq;
    s.ack = r->ack;
    rig_rx(r, &s);
    lg_tcp_take(r->c, &q, UINT32_MAX);
    lg_tcp_send(r->c, &q);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->len, 1);
    EXPECT_EQ(rig_last(r)->ecn, LG_ECN_NOT);
    rig_fini(r);
}

TEST(TcpEcn, WithoutItFlagsAndMarksMeanNothing)
{
    init(LG_TCP_ECN_PASSIVE);
    rig_accept(r, OPT_MSS, 4);
    rig_send(r, 30 * 1460);
    rig_poll(r, 0);
    ack(1460, ECE);
    data(LG_ECN_CE, CWR);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_REDUCED), 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN_CE), 0);
    for (uint32_t i = 0; i < r->sent_cnt; i++) {
        EXPECT_EQ(r->sent[i].ecn, LG_ECN_NOT);
        EXPECT_EQ(r->sent[i].flags & (ECE | CWR), 0);
    }
    rig_fini(r);
}

TEST(TcpEcn, SynCookiesKeepItWithTimestamps)
{
    static const char full[] =
        "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\x03\xe8\0\0\0\0\x01\x03\x03\x05";
    struct lg_tcp_cfg cfg = rig_cfg();

    for (unsigned asks = 0; asks < 2; asks++) {
        cfg.ecn = LG_TCP_ECN_PASSIVE;
        cfg.syn_backlog = 1;
        rig_init(r, &cfg);
        r->peer_port = 1;
        EXPECT_EQ(syn(0, 0), SYN | ACK); /* takes the place there is */
        r->peer_port = 2;
        struct rig_seg s = {.seq = r->seq,
                            .flags = (uint8_t)(SYN | (asks ? ECE | CWR : 0)),
                            .wnd = r->wnd,
                            .opt = full,
                            .opt_len = 20};
        rig_rx(r, &s);
        EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 1);
        EXPECT_EQ(rig_last(r)->flags, SYN | ACK | (asks ? ECE : 0));
        r->ack = rig_last(r)->seq + 1;
        r->seq++;
        r->ts = true;
        r->ts_ecr = rig_last(r)->opts.ts_val;
        rig_in(r, ACK, NULL, 0);
        EXPECT(rig_events(r) & LG_TCP_EV_OPEN);
        EXPECT_EQ(rig_stat(r, LG_STAT_TCP_ECN), asks);
        EXPECT_EQ(r->c->snd_wscale, 5);
        rig_fini(r);
    }
    cfg.ecn = LG_TCP_ECN_PASSIVE; /* without timestamps it cannot come back */
    rig_init(r, &cfg);
    r->peer_port = 1;
    EXPECT_EQ(syn(0, 0), SYN | ACK);
    r->peer_port = 2;
    EXPECT_EQ(syn(ECE | CWR, LG_ECN_NOT), SYN | ACK);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 1);
    rig_fini(r);
}
