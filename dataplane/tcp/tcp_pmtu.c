/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_pmtu.c: path MTU discovery: segments get smaller when a router says that they do not fit (RFC
 * 1191, 8201), or when full ones vanish again and again without a word (a black hole, RFC 4821
 * section 3), and larger again after a while. What a router said is remembered by destination, so
 * that the next connection there begins with it.
 *
 *                        too big, and the quoted segment is in flight
 *   mss == mss_full  ---------------------------------------------------->  mss < mss_full
 *          ^                     third and fifth timeout in a row                 |
 *          +----------------------------------------------------------------------+
 *                      ten minutes later (one message away from small again)
 *
 * Not here: searching for sizes between the two that a silent path takes; the MSS we offer (what
 * the peer sends is the peer's to find out). */
#include "tcp_priv.h"

/* RFC 1191 section 6.3: 10 minutes after a message, not before 5. In units of 2^36 ns (69 s). */
#define AGE 9u
#define STAMP_SHIFT 36
#define BASE_MTU                                                                                   \
    1280u /* what a silent path is tried with first: IPv6's least, and most tunnels'               \
           */
/* Below this nobody is believed: a forged message would make us send headers only. Linux draws the
 * line at the same place. IPv6 has its own line (RFC 8201 section 4). */
#define MIN_MTU4 552u
#define MIN_MTU6 1280u

static uint16_t stamp(const struct lg_tcp *tcp)
{
    return (uint16_t)(tcp->now_ns >> STAMP_SHIFT);
}

static struct lg_tcp_pmtu *slot(struct lg_tcp *tcp, const lg_ip_t *ip)
{
    return &tcp->pmtu[lg_siphash(&tcp->cfg.secret, ip, sizeof *ip) & (LG_TCP_PMTU_CNT - 1)];
}

static bool is_fresh(const struct lg_tcp *tcp, uint16_t at)
{
    return (uint16_t)(stamp(tcp) - at) < AGE;
}

/* The payload that fits a packet of mtu bytes to c's peer. */
static uint32_t mss_for(const struct lg_tcp_conn *c, uint32_t mtu)
{
    uint32_t hdr = lg_ip_is_v4(&c->tuple.remote_ip) ? 40 : 60;
    if (c->flags & LG_TCP_F_TS)
        hdr += LG_TCP_OPT_TS_SZ;
    return mtu - hdr;
}

/* shrink: false, c's segments are no larger than that already. */
static bool shrink(struct lg_tcp_conn *c, uint32_t mtu)
{
    uint32_t mss = mss_for(c, mtu);

    if (mss >= c->mss)
        return false;
    c->mss = (uint16_t)mss;
    c->pmtu_at = stamp(c->tcp);
    return true;
}

/* recall makes c's segments fit what is known of the path; false: nothing is, or they do. */
static bool recall(struct lg_tcp_conn *c)
{
    const struct lg_tcp_pmtu *e = slot(c->tcp, &c->tuple.remote_ip);

    if (e->mtu == 0 || !is_fresh(c->tcp, e->at) || !lg_ip_eq(&e->ip, &c->tuple.remote_ip) ||
        !shrink(c, e->mtu))
        return false;
    c->pmtu_at = e->at;
    return true;
}

void lg_tcp_pmtu_start(struct lg_tcp_conn *c)
{
    c->mss_full = c->mss;
    (void)recall(c);
}

void lg_tcp_pmtu_age(struct lg_tcp_conn *c)
{
    if (is_fresh(c->tcp, c->pmtu_at))
        return;
    c->mss = c->mss_full;
    if (!recall(c))
        lg_tcp_count(c->tcp, LG_STAT_TCP_PMTU_RAISED);
}

void lg_tcp_pmtu_timeout(struct lg_tcp_conn *c)
{
    bool is_smaller = false;

    if (c->snd_nxt - c->snd_una < c->mss || recall(c))
        return; /* what vanishes is small, or another connection has been told why */
    if (c->backoff == 2)
        is_smaller = shrink(c, BASE_MTU);
    else if (c->backoff == 4 && lg_ip_is_v4(&c->tuple.remote_ip))
        is_smaller = shrink(c, MIN_MTU4);
    if (is_smaller)
        lg_tcp_count(c->tcp, LG_STAT_TCP_PMTU_BLACK_HOLE);
}

bool lg_tcp_rx_too_big(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu,
                       lg_ns_t now_ns)
{
    lg_tcp_now(tcp, now_ns);
    struct lg_tcp_conn *c = lg_tcp_find(tcp, t);
    if (!c)
        return false;
    /*= https://www.rfc-editor.org/rfc/rfc5927#section-4.1
     *# TCP SHOULD check that the TCP sequence number contained in the payload of the ICMP error
     *# message is within the range SND.UNA =< SEG.SEQ < SND.NXT. */
    bool is_in_flight = lg_seq_geq(seq, c->snd_una) && lg_seq_lt(seq, c->snd_nxt);
    if (c->state < LG_TCP_ESTABLISHED || !is_in_flight) {
        lg_tcp_count(tcp, LG_STAT_TCP_ICMP_STALE);
        return true;
    }
    mtu = LG_MAX(mtu, lg_ip_is_v4(&t->remote_ip) ? MIN_MTU4 : MIN_MTU6);
    if (!shrink(c, mtu))
        return true;
    lg_tcp_count(tcp, LG_STAT_TCP_PMTU_SHRUNK);
    *slot(tcp, &t->remote_ip) =
        (struct lg_tcp_pmtu){.ip = t->remote_ip, .mtu = (uint16_t)mtu, .at = stamp(tcp)};
    lg_tcp_loss_resend(c);
    return true;
}
