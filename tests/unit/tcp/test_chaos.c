/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A peer and a path that do anything at all, by a seeded random sequence: ACKs of any part, SACK
 * and DSACK blocks that lie, windows that shut, packet-too-big, text in any order; meanwhile bufs
 * and repair states run out and come back. After each step the books of the send queue must balance
 * and whatever waits must have a timer. CHAOS_FROM and CHAOS_CNT choose other seeds, and more. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define ACK LG_TCP_FL_ACK
#define OPT_MSS "\x02\x04\x05\xb4"
#define OPT_SACK "\x02\x04\x05\xb4\x04\x02\x01\x01"
#define OPT_SACK_TS "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\x03\xe8\0\0\0\0"
#define STEPS 1000u

static struct rig rig, *const r = &rig;
static uint64_t state;
static struct {
    void *states[128];
    uint32_t cnt;
} held;

static uint32_t rnd(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % n;
}

/* What the flags of a sent buf say it is, once. */
static void check_buf(const struct lg_buf *b, uint32_t *sent, uint32_t *lost, uint32_t *sacked)
{
    bool is_sent = b->flags & LG_TCP_TX_SENT, is_lost = b->flags & LG_TCP_TX_LOST,
         is_sacked = b->flags & LG_TCP_TX_SACKED;

    EXPECT_EQ(is_sent + is_lost + is_sacked, 1);
    *sent += is_sent;
    *lost += is_lost ? b->len : 0;
    *sacked += is_sacked ? b->len : 0;
}

static void check_queue(const struct lg_tcp_conn *c)
{
    uint32_t bytes = 0, cnt = 0, sent = 0, lost = 0, sacked = 0, listed = 0, seq = c->snd_una;
    bool is_unsent = false, has_hint = !c->rep || !c->rep->hint;

    for (const struct lg_buf *b = c->sndq.head; b; b = b->next) {
        EXPECT(b->seq == seq && b->len > 0);
        is_unsent |= b == c->tx_next;
        if (b == c->tx_next)
            EXPECT_EQ(b->seq, c->snd_nxt);
        if (!is_unsent)
            check_buf(b, &sent, &lost, &sacked);
        has_hint |= c->rep && b == c->rep->hint;
        seq += b->len;
        bytes += b->len;
        cnt++;
    }
    EXPECT(has_hint);
    EXPECT_EQ(is_unsent, c->tx_next != NULL);
    EXPECT_EQ(bytes, c->sndq.bytes);
    EXPECT_EQ(cnt, c->sndq.cnt);
    EXPECT_EQ(lost, c->lost_sz);
    EXPECT_EQ(sacked, c->flags & LG_TCP_F_SACK ? c->sacked_sz : 0);
    if (bytes > 0)
        EXPECT_EQ(seq, c->snd_end);
    for (const struct lg_buf *b = c->sent.oldest; b; b = b->newer)
        listed++;
    EXPECT_EQ(listed, sent);
    for (const struct lg_buf *b = c->lost.oldest; b && b->newer; b = b->newer)
        EXPECT(lg_seq_lt(b->seq, b->newer->seq));
}

/* After a turn: whatever is on its way or waits has a timer. */
static void check_timers(const struct lg_tcp_conn *c)
{
    lg_ns_t at_ns = LG_MIN(LG_MIN(c->t_rtx, c->t_out), c->t_life);
    bool waits = c->snd_una != c->snd_nxt || c->tx_next;

    EXPECT(c->cwnd > 0 && c->mss > 0);
    if (at_ns != LG_NS_NEVER)
        EXPECT(lg_timer_is_started(&c->timer) && c->timer.at_ns <= at_ns);
    if (c->snd_una != c->snd_nxt)
        EXPECT(c->t_rtx != LG_NS_NEVER && c->t_rtx <= r->now_ns + LG_SEC(61));
    if (waits)
        EXPECT(c->out.next || at_ns != LG_NS_NEVER);
}

static uint32_t blocks(uint8_t *opt)
{
    const struct lg_tcp_conn *c = r->c;
    uint32_t n = rnd(4), flight = c->snd_nxt - c->snd_una;
    struct lg_tcp_range b[3];

    if (n == 0 || !(c->flags & LG_TCP_F_SACK))
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        b[i].start = c->snd_una + (rnd(2) ? rnd(flight + 1) : rnd(flight / c->mss + 1) * c->mss);
        b[i].end = b[i].start + (rnd(2) ? rnd(flight + 1) : (1 + rnd(3)) * c->mss);
        if (rnd(16) == 0)
            b[i].start -= 3000;
        if (rnd(2))
            b[i].end = lg_seq_min(b[i].end, c->snd_nxt);
    }
    return lg_tcp_opt_build_sack(opt, b, n);
}

static void step_ack(void)
{
    const struct lg_tcp_conn *c = r->c;
    uint8_t opt[LG_TCP_OPT_MAX];
    uint32_t flight = c->snd_nxt - c->snd_una, n = 0;
    static const uint16_t wnds[] = {65535, 65535, 65535, 20000, 3000, 700, 0};

    if (rnd(2))
        n = rnd(3) ? LG_MIN(rnd(5) * c->mss, flight) : rnd(flight + 1);
    r->wnd = rnd(4) ? r->wnd : wnds[rnd(LG_ARRAY_CNT(wnds))];
    r->ack = c->snd_una + n - (rnd(20) == 0 ? rnd(5000) : 0);
    struct rig_seg s = {.seq = r->seq, .ack = r->ack, .flags = ACK, .wnd = r->wnd, .opt = opt};
    if (r->ts) {
        r->ts_val += rnd(3);
        lg_tcp_opt_build_ts(opt, r->ts_val, r->tcp->now_ms + c->ts_off - rnd(300));
        s.opt_len = LG_TCP_OPT_TS_SZ;
    }
    s.opt_len += blocks(opt + s.opt_len);
    rig_rx(r, &s);
}

static void step_text(void)
{
    static uint8_t bytes[1400];
    uint32_t off = rnd(3) ? 0 : rnd(20000), len = 1 + rnd(sizeof bytes);

    r->ack = r->c->snd_una;
    r->ts_val += rnd(3);
    rig_at(r, off, ACK, bytes, len);
    r->seq = r->c->rcv_nxt;
}

static void step_scarcity(void)
{
    struct lg_pool *pool = &r->tcp->repairs;

    if (rnd(2))
        r->heap.cnt_max = r->heap.cnt_max == 4096 ? r->heap.cnt_out + 1 + rnd(4) : 4096;
    else if (held.cnt > 0)
        while (held.cnt > 0)
            lg_pool_give(pool, held.states[--held.cnt]);
    else
        while (held.cnt < LG_ARRAY_CNT(held.states) &&
               (held.states[held.cnt] = lg_pool_take(pool)) != NULL)
            held.cnt++;
}

static void step_send(void)
{
    struct lg_bufq q = {0};
    static const uint8_t zero[30000];
    uint32_t room = lg_tcp_send_room(r->c), piece = rnd(3) ? 0 : 400 + rnd(1600);

    (void)lg_bufq_write(&q, &r->heap.pool, zero, LG_MIN(room, 1 + rnd(sizeof zero)),
                        piece ? piece : lg_tcp_mss(r->c));
    lg_tcp_send(r->c, &q);
}

static void step(uint32_t i)
{
    static const lg_ns_t waits[] = {0, 0, LG_US(200), LG_MS(1), LG_MS(10), LG_MS(10), LG_MS(40)};
    struct lg_tcp_tuple t;

    lg_tcp_get_tuple(r->c, &t);
    r->heap.cnt_max = LG_MAX(r->heap.cnt_max, r->heap.cnt_out + 1); /* a segment can come in */
    switch (rnd(16)) {
    case 0:
        r->share_all = !r->share_all;
        break;
    case 1:
        step_scarcity();
        break;
    case 2:
        if (rnd(4) == 0)
            (void)lg_tcp_rx_too_big(r->tcp, &t, r->c->snd_una, 68 + rnd(1500), r->now_ns);
        break;
    case 3:
        step_text();
        break;
    case 4:
    case 5:
    case 6:
        step_send();
        break;
    case 7:
        if (i > STEPS * 7 / 8)
            lg_tcp_shutdown(r->c);
        break;
    default:
        step_ack();
    }
    if (rnd(50) == 0)
        rig_run(r, LG_MS(300)); /* a timeout */
    r->now_ns += rnd(300) ? waits[rnd(LG_ARRAY_CNT(waits))] : LG_SEC(1 + rnd(90));
}

static void run(uint64_t seed)
{
    struct lg_tcp_cfg cfg = rig_cfg();

    state = seed * 0x9e3779b97f4a7c15u | 1;
    cfg.data_retries = 15;
    if (rnd(2))
        cfg.cc = &lg_tcp_cc_reno;
    r->c = NULL;
    rig_init(r, &cfg);
    switch (rnd(3)) {
    case 0:
        rig_accept(r, OPT_MSS, 4);
        break;
    case 1:
        rig_accept(r, OPT_SACK, 8);
        break;
    default:
        rig_accept(r, OPT_SACK_TS, 16);
    }
    for (uint32_t i = 0; i < STEPS && !t_failed(); i++) {
        rig_clear(r);
        step(i);
        if (r->c->state < LG_TCP_ESTABLISHED || r->c->state == LG_TCP_TIME_WAIT)
            break;
        check_queue(r->c);
        rig_poll(r, 0);
        (void)rig_events(r);
        if (rnd(2))
            (void)rig_take(r);
        if (r->c->state < LG_TCP_ESTABLISHED || r->c->state == LG_TCP_TIME_WAIT)
            break;
        check_queue(r->c);
        check_timers(r->c);
    }
    if (t_failed())
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    while (held.cnt > 0)
        lg_pool_give(&r->tcp->repairs, held.states[--held.cnt]);
    rig_fini(r);
}

TEST(TcpChaos, KeepsItsBooksWhateverThePeerAndThePathDo)
{
    const char *from = getenv("CHAOS_FROM"), *cnt = getenv("CHAOS_CNT");
    uint64_t first = from ? strtoull(from, NULL, 0) : 1, n = cnt ? strtoull(cnt, NULL, 0) : 300;

    for (uint64_t seed = first; seed < first + n && !t_failed(); seed++)
        run(seed);
}
