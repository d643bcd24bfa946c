/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_cookie.c: SYN cookies: while too many handshakes are under way, a SYN is answered without
 * being remembered. All that is needed later goes out in the SYN-ACK and comes back in the ACK:
 *
 *   sequence number   | epoch 5 bits | mss 3 bits | hash 24 bits |
 *   timestamp         | our clock, 26 bits        | options 6 bits: SACK 1, ECN 1, window scale 4 |
 *
 * The hash is SipHash over the four-tuple, the peer's sequence number, epoch and mss, under a key
 * that lives two epochs of 64 s; each key is derived from the last, which is then forgotten. A
 * guess is right once in 2^20 (two epochs, eight mss values, 24 bits); what it wins is a connection
 * without a handshake, as with every such scheme. Without timestamps only the mss survives.
 *
 * Cookies are looked for in ACKs only in the two epochs after one was given out: at other times a
 * forged ACK costs a table lookup and a RST. */
#include "tcp_priv.h"

#include <string.h>

#define EPOCH_SHIFT 36 /* 2^36 ns: 68.7 s */
#define TS_BITS 6u
#define TS_MASK ((1u << TS_BITS) - 1)
#define TS_SACK 0x20u
#define TS_ECN 0x10u
#define TS_NO_WSCALE 0x0fu

/* What peers offer; the largest not above the offer counts. */
static const uint16_t mss_of[8] = {64, 536, 1024, 1220, 1360, 1440, 1460, 8960};

/* turn_keys moves on to the epoch of now. */
static void turn_keys(struct lg_tcp *tcp)
{
    uint64_t epoch = tcp->now_ns >> EPOCH_SHIFT, behind = epoch - tcp->cookie.epoch;

    tcp->cookie.epoch = epoch;
    for (behind = LG_MIN(behind, 2u); behind > 0; behind--) {
        struct lg_sipkey *key = tcp->cookie.key;
        uint64_t in[2] = {epoch - behind + 1, 0};
        struct lg_sipkey next;
        next.k[0] = lg_siphash(&key[0], in, sizeof in);
        in[1] = 1;
        next.k[1] = lg_siphash(&key[0], in, sizeof in);
        key[1] = key[0];
        key[0] = next;
    }
}

void lg_tcp_cookie_init(struct lg_tcp *tcp)
{
    static const char label[] = "syn cookies";

    tcp->cookie.key[0].k[0] = lg_siphash(&tcp->cfg.secret, label, sizeof label);
    tcp->cookie.key[0].k[1] = lg_siphash(&tcp->cfg.secret, label, sizeof label - 1);
    tcp->cookie.key[1] = tcp->cookie.key[0];
    tcp->cookie.epoch = tcp->now_ns >> EPOCH_SHIFT;
    tcp->cookie.last = UINT64_MAX;
}

static uint32_t make(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t irs,
                     uint32_t age, uint32_t mss_idx)
{
    uint64_t epoch = tcp->cookie.epoch - age;
    struct {
        struct lg_tcp_tuple t;
        uint32_t irs, mss_idx;
        uint32_t epoch;
    } in;

    memset(&in, 0, sizeof in);
    in.t = *t;
    in.irs = irs;
    in.mss_idx = mss_idx;
    in.epoch = (uint32_t)epoch;
    uint32_t hash = (uint32_t)lg_siphash(&tcp->cookie.key[age], &in, sizeof in) & 0xffffff;
    return (uint32_t)(epoch & 31) << 27 | mss_idx << 24 | hash;
}

bool lg_tcp_cookie_is_due(const struct lg_tcp *tcp)
{
    return tcp->cfg.syn_backlog != 0 && tcp->cnt_state[LG_TCP_SYN_RCVD] >= tcp->cfg.syn_backlog;
}

void lg_tcp_cookie_answer(struct lg_tcp *tcp, const struct lg_tcp_tuple *t,
                          const struct lg_tcp_seg *s)
{
    const struct lg_tcp_opts *o = &s->opts;
    uint32_t mss = o->has_mss ? o->mss : lg_ip_is_v4(&t->remote_ip) ? 536 : 1220, idx = 0, ts_off;

    turn_keys(tcp);
    tcp->cookie.last = tcp->cookie.epoch;
    while (idx + 1 < LG_ARRAY_CNT(mss_of) && mss_of[idx + 1] <= mss)
        idx++;
    (void)lg_tcp_isn(tcp, t, &ts_off);
    uint32_t now = tcp->now_ms + ts_off;
    bool ecn = o->has_ts && lg_tcp_ecn_is_asked(tcp, s);
    uint32_t bits = (o->sack_ok ? TS_SACK : 0) | (ecn ? TS_ECN : 0) |
                    (o->has_wscale ? o->wscale : TS_NO_WSCALE);
    struct lg_tcp_opts answer = {
        .mss = lg_tcp_own_mss(tcp, &t->remote_ip),
        .has_ts = o->has_ts,
        .has_wscale = o->has_ts && o->has_wscale,
        .sack_ok = o->has_ts && o->sack_ok,
        .wscale = tcp->rcv_wscale,
        .ts_val = (now & ~TS_MASK) | bits,
        .ts_ecr = o->ts_val,
    };
    if (answer.ts_val > now) /* never ahead of our clock: the connection's own must not go back */
        answer.ts_val -= TS_MASK + 1;
    struct lg_tcp_seg syn_ack = {
        .seq = make(tcp, t, s->seq, 0, idx),
        .ack = s->seq + 1,
        .flags = (uint8_t)(LG_TCP_FL_SYN | LG_TCP_FL_ACK | (ecn ? LG_TCP_FL_ECE : 0)),
        .opts = answer};
    if (lg_tcp_send_syn_ack(tcp, t, &syn_ack))
        lg_tcp_count(tcp, LG_STAT_TCP_COOKIE_SENT);
}

bool lg_tcp_cookie_check(struct lg_tcp *tcp, const struct lg_tcp_tuple *t,
                         const struct lg_tcp_seg *s, struct lg_tcp_seg *syn)
{
    uint32_t cookie = s->ack - 1, idx = cookie >> 24 & 7;

    if (tcp->cookie.last == UINT64_MAX)
        return false;
    turn_keys(tcp);
    if (tcp->cookie.epoch - tcp->cookie.last > 1) {
        tcp->cookie.last = UINT64_MAX;
        return false;
    }
    uint32_t age = (uint32_t)(tcp->cookie.epoch - (cookie >> 27)) & 31;
    if (age > 1 || make(tcp, t, s->seq - 1, age, idx) != cookie) {
        lg_tcp_count(tcp, LG_STAT_TCP_COOKIE_BAD);
        return false;
    }
    syn->flags = LG_TCP_FL_SYN;
    syn->opts = (struct lg_tcp_opts){.has_mss = true, .mss = mss_of[idx]};
    if (s->opts.has_ts) {
        struct lg_tcp_opts *o = &syn->opts;
        uint32_t bits = s->opts.ts_ecr & TS_MASK;
        o->has_ts = true;
        o->ts_val = s->opts.ts_val;
        o->sack_ok = bits & TS_SACK;
        o->has_wscale = (bits & TS_NO_WSCALE) != TS_NO_WSCALE;
        o->wscale = o->has_wscale ? (uint8_t)(bits & TS_NO_WSCALE) : 0;
        if (bits & TS_ECN)
            syn->flags |= LG_TCP_FL_ECE | LG_TCP_FL_CWR;
    }
    return true;
}
