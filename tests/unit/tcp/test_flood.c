/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Under attack: SYN cookies, limits by source, quotas of what we answer. */
#include "rig.h"

#define SYN LG_TCP_FL_SYN
#define ACK LG_TCP_FL_ACK
#define RST LG_TCP_FL_RST
#define OPT_FULL                                                                                   \
    "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\x03\xe8\0\0\0\0\x01\x03\x03\x05" /* MSS SACK TS scale 5  \
                                                                            */
#define OPT_MSS "\x02\x04\x05\xb4"
#define EPOCH_NS (LG_SEC(69))

static struct rig rig, *const r = &rig;

static void start(uint32_t backlog, uint32_t conns, uint32_t cps)
{
    struct lg_tcp_cfg cfg = rig_cfg();
    cfg.syn_backlog = backlog;
    cfg.source_conns = conns;
    cfg.source_cps = cps;
    rig_init(r, &cfg);
}

/* syn sends one from a port and returns whether a SYN-ACK came, which is then the last sent. */
static bool syn(uint16_t port, const void *opt, uint32_t opt_len)
{
    struct rig_seg s = {.seq = r->seq, .flags = SYN, .wnd = 60000, .opt = opt, .opt_len = opt_len};

    r->peer_port = port;
    rig_clear(r);
    rig_rx(r, &s);
    rig_poll(r, 0);
    return rig_last(r)->flags == (SYN | ACK);
}

/* answer sends the ACK that completes the handshake of the last SYN-ACK. */
static void answer(void)
{
    const struct rig_sent a = *rig_last(r);
    uint8_t opt[LG_TCP_OPT_TS_SZ];
    struct rig_seg s = {.seq = r->seq + 1, .ack = a.seq + 1, .flags = ACK, .wnd = 1000};

    if (a.opts.has_ts) {
        lg_tcp_opt_build_ts(opt, 1001, a.opts.ts_val);
        s.opt = opt;
        s.opt_len = sizeof opt;
    }
    rig_clear(r);
    rig_rx(r, &s);
    rig_poll(r, 0);
}

static uint32_t conns(void)
{
    struct lg_tcp_counts n;
    lg_tcp_get_counts(r->tcp, &n);
    return n.conns;
}

/* fill takes up the backlog of two. */
static void fill(void)
{
    EXPECT(syn(2001, OPT_MSS, 4));
    EXPECT(syn(2002, OPT_MSS, 4));
    EXPECT_EQ(conns(), 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 0);
}

TEST(TcpCookie, RemembersNothingAndOpensWithEveryOption)
{
    start(2, 0, 0);
    fill();
    EXPECT(syn(3000, OPT_FULL, 20));
    EXPECT_EQ(conns(), 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 1);
    const struct rig_sent *sa = rig_last(r);
    EXPECT(sa->opts.has_ts && sa->opts.sack_ok && sa->opts.has_wscale);
    EXPECT_EQ(sa->opts.ts_ecr, 1000);
    EXPECT_EQ(sa->ack, r->seq + 1);
    uint32_t ts = sa->opts.ts_val, iss = sa->seq;
    answer();
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    REQUIRE(r->c != NULL);
    EXPECT_EQ(r->c->flags & (LG_TCP_F_TS | LG_TCP_F_SACK | LG_TCP_F_WSCALE),
              LG_TCP_F_TS | LG_TCP_F_SACK | LG_TCP_F_WSCALE);
    EXPECT_EQ(r->c->snd_wscale, 5);
    EXPECT_EQ(r->c->snd_wnd, 1000 << 5);
    EXPECT_EQ(lg_tcp_mss(r->c), 1448);
    rig_send(r, 1000);
    rig_poll(r, LG_MS(1));
    EXPECT_EQ(rig_last(r)->len, 1000);
    EXPECT_EQ(rig_last(r)->seq, iss + 1);
    EXPECT(lg_seq_geq(rig_last(r)->opts.ts_val, ts)); /* the clock does not go back */
    rig_fini(r);
}

TEST(TcpCookie, KeepsTheMssOfPeersWithoutTimestamps)
{
    start(2, 0, 0);
    fill();
    EXPECT(syn(3000, "\x02\x04\x02\x18\x01\x03\x03\x05", 8)); /* 536, and a scale that is lost */
    EXPECT(!rig_last(r)->opts.has_wscale);
    answer();
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    EXPECT_EQ(lg_tcp_mss(r->c), 536);
    EXPECT_EQ(r->c->snd_wscale, 0);
    EXPECT_EQ(r->c->flags & (LG_TCP_F_TS | LG_TCP_F_SACK | LG_TCP_F_WSCALE), 0);
    rig_fini(r);
}

TEST(TcpCookie, TakesTheDataOfTheFirstAck)
{
    start(2, 0, 0);
    fill();
    EXPECT(syn(3000, OPT_MSS, 4));
    struct rig_seg s = {.seq = r->seq + 1,
                        .ack = rig_last(r)->seq + 1,
                        .flags = ACK,
                        .wnd = 1000,
                        .data = "hello",
                        .len = 5};
    rig_rx(r, &s);
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN | LG_TCP_EV_RX);
    EXPECT_EQ(rig_take(r), 5);
    rig_fini(r);
}

TEST(TcpCookie, RefusesWhatItDidNotGiveOut)
{
    start(2, 0, 0);
    fill();
    EXPECT(syn(3000, OPT_MSS, 4));
    uint32_t cookie = rig_last(r)->seq;
    struct rig_seg good = {.seq = r->seq + 1, .ack = cookie + 1, .flags = ACK, .wnd = 1000};
    struct rig_seg bad = good;
    bad.ack = cookie + 2;
    rig_clear(r);
    rig_rx(r, &bad);
    bad = good;
    bad.seq++;
    rig_rx(r, &bad);
    r->peer_port = 3001;
    rig_rx(r, &good);
    r->peer_port = 3000;
    for (uint32_t bit = 0; bit < 32; bit++) {
        bad = good;
        bad.ack = (cookie ^ 1u << bit) + 1;
        rig_rx(r, &bad);
    }
    EXPECT_EQ(conns(), 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_BAD), 35);
    EXPECT_EQ(r->sent_cnt, 35);
    EXPECT_EQ(rig_last(r)->flags, RST);
    rig_rx(r, &good);
    EXPECT_EQ(conns(), 3);
    rig_fini(r);
}

TEST(TcpCookie, IsGoodForTwoEpochsAcrossTheChangeOfKeys)
{
    for (int wait = 0; wait < 3; wait++) {
        start(2, 0, 0);
        r->now_ns += LG_SEC(20000);
        fill();
        EXPECT(syn(3000, OPT_MSS, 4));
        struct rig_seg good = {
            .seq = r->seq + 1, .ack = rig_last(r)->seq + 1, .flags = ACK, .wnd = 1000};
        r->now_ns += (lg_ns_t)wait * EPOCH_NS;
        rig_rx(r, &good);
        EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_OK), wait < 2);
        rig_fini(r);
    }
}

TEST(TcpCookie, IsNotLookedForWhenNoneWasGivenOut)
{
    start(2, 0, 0);
    struct rig_seg s = {.seq = 5, .ack = 77, .flags = ACK, .wnd = 1000};
    rig_rx(r, &s);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_BAD), 0);
    EXPECT_EQ(rig_last(r)->flags, RST);
    EXPECT_EQ(conns(), 0);
    rig_fini(r);
}

TEST(TcpCookie, KeepsMemoryFlatAndHonestClientsConnectedInAFlood)
{
    start(8, 0, 0);
    rig_accept(r, OPT_MSS, 4);
    T_STOP_IF_FAILED();
    struct lg_tcp_conn *old = r->c;
    for (uint32_t i = 0; i < 100000; i++) {
        struct rig_seg s = {.seq = i * 7919, .flags = SYN, .wnd = 1000};
        r->peer_port = (uint16_t)(1024 + i % 60000);
        rig_rx(r, &s);
        if (i % 64 == 0) {
            rig_poll(r, LG_US(10));
            rig_clear(r);
        }
    }
    EXPECT_EQ(conns(), 9);
    EXPECT_EQ(r->heap.cnt_out, 0);
    r->c = NULL;
    EXPECT(syn(900, OPT_FULL, 20)); /* an honest one */
    answer();
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    r->c = old;
    rig_send(r, 100);
    rig_poll(r, 0);
    EXPECT_EQ(rig_last(r)->len, 100);
    rig_fini(r);
}

TEST(TcpSource, HoldsSoManyConnectionsAndNotMore)
{
    start(0, 2, 0);
    for (uint16_t port = 100; port < 102; port++) {
        EXPECT(syn(port, OPT_MSS, 4));
        answer();
        (void)rig_events(r);
    }
    EXPECT(!syn(102, OPT_MSS, 4));
    EXPECT_EQ(r->sent_cnt, 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SOURCE_CONNS), 1);
    r->peer.b[15]++; /* a neighbour of the same network */
    EXPECT(syn(102, OPT_MSS, 4));
    r->peer.b[15]--;
    lg_tcp_abort(r->c);
    EXPECT(syn(103, OPT_MSS, 4));
    answer();
    EXPECT(!syn(104, OPT_MSS, 4));
    r->peer.b[15]++;
    lg_tcp_fini(r->tcp);
    r->peer.b[15]--;
    rig_fini(r);
}

TEST(TcpSource, OpensSoManyASecondAfterABurst)
{
    start(0, 0, 3);
    uint16_t port = 100;
    for (int i = 0; i < 3; i++) {
        EXPECT(syn(port++, OPT_MSS, 4));
        answer();
    }
    EXPECT(!syn(port++, OPT_MSS, 4));
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SOURCE_RATE), 1);
    rig_poll(r, LG_MS(340));
    EXPECT(syn(port++, OPT_MSS, 4));
    answer();
    EXPECT(!syn(port++, OPT_MSS, 4));
    rig_fini(r);
}

TEST(TcpSource, HoldsForgedSynsAgainstNobody)
{
    start(4, 2, 2);
    for (uint16_t port = 100; port < 140; port++)
        EXPECT(syn(port, OPT_MSS, 4)); /* somebody else sends them in its name */
    EXPECT(syn(200, OPT_MSS, 4));
    answer();
    EXPECT_EQ(rig_events(r), LG_TCP_EV_OPEN);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SOURCE_CONNS), 0);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SOURCE_RATE), 0);
    rig_fini(r);
}

TEST(TcpSource, ResetsTheHandshakeThatIsOneTooMany)
{
    struct rig_sent a[3];
    start(0, 2, 0);
    for (uint16_t i = 0; i < 3; i++) { /* all at once: each alone would be welcome */
        EXPECT(syn((uint16_t)(100 + i), OPT_MSS, 4));
        a[i] = *rig_last(r);
    }
    for (uint16_t i = 0; i < 3; i++) {
        struct rig_seg s = {.seq = r->seq + 1, .ack = a[i].seq + 1, .flags = ACK, .wnd = 1000};
        r->peer_port = (uint16_t)(100 + i);
        rig_clear(r);
        rig_rx(r, &s);
        rig_poll(r, 0);
        EXPECT_EQ(r->sent_cnt > 0 && (rig_last(r)->flags & RST), i == 2);
    }
    EXPECT_EQ(conns(), 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SOURCE_CONNS), 1);
    rig_fini(r);
}

TEST(TcpSource, DoesNotLimitAProxyThatSpeaksForMany)
{
    start(0, 2, 2);
    r->door.is_trusted = true;
    for (uint16_t port = 100; port < 110; port++) {
        EXPECT(syn(port, OPT_MSS, 4));
        answer();
    }
    EXPECT_EQ(conns(), 10);
    rig_fini(r);
}

TEST(TcpDoor, AListenersHandshakesBeyondItsOwnLimitAreAnsweredByCookies)
{
    start(0, 0, 0); /* the worker has no limit */
    r->door = (struct lg_tcp_door){.slot = 7, .half_open_max = 2};
    fill();
    EXPECT(syn(3000, OPT_FULL, 20));
    EXPECT_EQ(conns(), 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 1);
    answer();
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_OK), 1);
    r->door.slot = 8; /* another listener has its own */
    EXPECT(syn(3001, OPT_MSS, 4));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 1);
    r->door.slot = 7;
    r->peer_port = 2001; /* one of the two gives up: there is a place again */
    struct rig_seg s = {.seq = r->seq + 1, .flags = RST};
    rig_rx(r, &s);
    EXPECT(syn(3002, OPT_MSS, 4));
    EXPECT_EQ(rig_stat(r, LG_STAT_TCP_COOKIE_SENT), 1);
    EXPECT_EQ(r->tcp->doors[7], 2);
    rig_run(r, LG_SEC(60)); /* nobody answers: all are forgotten */
    EXPECT_EQ(r->tcp->doors[7] + r->tcp->doors[8], 0);
    rig_fini(r);
}

TEST(TcpSource, CountsAnIpv6NetworkOf64BitsAsOne)
{
    start(0, 2, 0);
    EXPECT_OK(lg_ip_parse(LG_SPAN_STR("2001:db8::1"), &r->us));
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_OK(lg_ip_parse(LG_SPAN_STR("2001:db8:0:1::9"), &r->peer));
        r->peer.b[15] = (uint8_t)i;
        EXPECT_EQ(syn((uint16_t)(100 + i), OPT_MSS, 4), i < 2);
        answer();
    }
    r->peer.b[7] = 2;
    EXPECT(syn(100, OPT_MSS, 4));
    r->sent_cnt = 0;
    rig_fini(r);
}

TEST(TcpSource, ForgetsQuietSourcesForNewOnes)
{
    start(0, 0, 1);
    for (uint32_t i = 0; i < 500; i++) {
        r->peer.b[14] = (uint8_t)(i >> 8);
        r->peer.b[15] = (uint8_t)i;
        EXPECT(syn(100, OPT_MSS, 4));
        answer();
        (void)rig_events(r);
        struct rig_seg s = {.seq = r->seq + 1, .flags = RST};
        rig_rx(r, &s); /* gone again */
        lg_tcp_release(r->c);
        r->c = NULL;
        rig_poll(r, LG_MS(2));
    }
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_SOURCE_RATE), 0);
    rig_fini(r);
}

TEST(TcpQuota, Rfc5961_7_LimitsChallengesOfTheWholeStack)
{
    struct lg_tcp_quota q = {0};
    uint32_t n[2] = {0};
    start(0, 0, 0);
    for (unsigned sec = 0; sec < 2; sec++) {
        for (unsigned i = 0; i < 5000; i++)
            n[sec] += lg_tcp_quota_take(r->tcp, &q, LG_TCP_CHALLENGES_ALL);
        rig_poll(r, LG_SEC(1));
    }
    for (unsigned sec = 0; sec < 2; sec++)
        EXPECT(n[sec] >= LG_TCP_CHALLENGES_ALL / 2 && n[sec] <= LG_TCP_CHALLENGES_ALL * 3 / 2);
    EXPECT(n[0] != n[1]); /* nobody can count by it */
    rig_fini(r);
}

TEST(TcpQuota, SparesResetsWhenThereAreTooMany)
{
    start(0, 0, 0);
    for (uint32_t i = 0; i < 2 * LG_TCP_RESETS_ALL; i++) {
        struct rig_seg s = {.seq = i, .ack = 77, .flags = ACK, .wnd = 1000};
        rig_clear(r);
        rig_rx(r, &s);
    }
    EXPECT(rig_stat(r, LG_STAT_TCP_RST_SPARED) > LG_TCP_RESETS_ALL / 2);
    EXPECT_EQ(rig_stat(r, LG_STAT_DROP_TCP_NO_CONN), 2 * LG_TCP_RESETS_ALL);
    rig_fini(r);
}
