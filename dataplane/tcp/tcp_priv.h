/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_priv.h: what the files of tcp/ call of each other. Thread owner core, all of it.
 *
 * Functions that may end a connection return bool: false means the connection is over (and, when
 * no user holds it, its memory is back in the pool), so the caller must not touch it again. */
#ifndef LG_TCP_PRIV_H
#define LG_TCP_PRIV_H

#include "tcp_types.h"

/* ---- lists */
static inline void lg_tcp_list_init(struct lg_tcp_link *l)
{
    l->next = l->prev = l;
}
static inline bool lg_tcp_list_is_empty(const struct lg_tcp_link *l)
{
    return l->next == l;
}
static inline void lg_tcp_list_push(struct lg_tcp_link *l, struct lg_tcp_link *n)
{
    n->next = l;
    n->prev = l->prev;
    l->prev->next = n;
    l->prev = n;
}
static inline void lg_tcp_list_remove(struct lg_tcp_link *n)
{
    if (!n->next)
        return;
    n->next->prev = n->prev;
    n->prev->next = n->next;
    n->next = n->prev = NULL;
}
/* lg_tcp_list_move puts all of src at the end of dst. */
void lg_tcp_list_move(struct lg_tcp_link *dst, struct lg_tcp_link *src);

/* ---- tcp_conn.c: life of a connection */
/* lg_tcp_now takes over the time of this call. */
void lg_tcp_now(struct lg_tcp *tcp, lg_ns_t now_ns);
struct lg_tcp_conn *lg_tcp_find(struct lg_tcp *tcp, const struct lg_tcp_tuple *t);
/* lg_tcp_conn_open takes a connection from the pool (sacrificing the oldest TIME_WAIT nobody holds
 * when it is empty), enters it into the flow table, state CLOSED. NULL: nothing left. */
struct lg_tcp_conn *lg_tcp_conn_open(struct lg_tcp *tcp, const struct lg_tcp_tuple *t);
/* lg_tcp_conn_close ends it: events gets CLOSED and ev; freed at once when no user holds it. */
void lg_tcp_conn_close(struct lg_tcp_conn *c, uint32_t ev);
void lg_tcp_conn_free(struct lg_tcp_conn *c);
void lg_tcp_set_state(struct lg_tcp_conn *c, enum lg_tcp_state state);
/* lg_tcp_enter_time_wait: both directions are done. */
void lg_tcp_enter_time_wait(struct lg_tcp_conn *c);
/* lg_tcp_established: the handshake is complete. */
void lg_tcp_established(struct lg_tcp_conn *c);
/* lg_tcp_news tells the user, this turn or, when he has been told already, the next. */
void lg_tcp_news(struct lg_tcp_conn *c, uint32_t ev);
/* lg_tcp_due puts c on the list of those that lg_tcp_poll gives a chance to send. */
void lg_tcp_due(struct lg_tcp_conn *c);
/* lg_tcp_set_mss derives mss from our mtu, the peer's offer and the options in use. */
void lg_tcp_set_mss(struct lg_tcp_conn *c, const struct lg_tcp_opts *o);
/* lg_tcp_isn: RFC 6528; also gives the connection its timestamp offset. */
uint32_t lg_tcp_isn(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t, uint32_t *ts_off);
uint16_t lg_tcp_own_mss(const struct lg_tcp *tcp, const lg_ip_t *remote_ip);

/* ---- tcp_rx*.c */
/* lg_tcp_rx_listen handles a segment for no connection. */
void lg_tcp_rx_listen(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, struct lg_tcp_seg *s);
/* lg_tcp_door_of: what the listener that t comes to says of it. */
struct lg_tcp_door lg_tcp_door_of(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t);
void lg_tcp_rx_syn_sent(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
void lg_tcp_rx_time_wait(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
/* lg_tcp_rx_conn handles a segment for a connection. */
void lg_tcp_rx_conn(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
/* lg_tcp_quota_take: false: enough for this second. */
bool lg_tcp_quota_take(struct lg_tcp *tcp, struct lg_tcp_quota *q, uint32_t a_second);
/* lg_tcp_challenge schedules an ACK that answers a doubtful segment, rate limited. */
void lg_tcp_challenge(struct lg_tcp_conn *c);

/* ---- tcp_ack.c: the ACK field of a segment in a synchronised state */
/* lg_tcp_ack_in: false: the segment's text must not be looked at, or c is over. */
bool lg_tcp_ack_in(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
/* lg_tcp_wnd_in takes over the window of an acceptable segment. */
void lg_tcp_wnd_in(struct lg_tcp_conn *c, const struct lg_tcp_seg *s);
/* lg_tcp_rtt_sample feeds RFC 6298 one round trip. */
void lg_tcp_rtt_sample(struct lg_tcp_conn *c, uint32_t rtt_us);

/* What one ACK has told: state of one event, on the stack. */
struct lg_tcp_ack_ctx {
    uint32_t acked;        /* bytes of sequence space newly acknowledged */
    uint32_t delivered;    /* bytes newly known to have arrived, acknowledged or SACKed */
    uint32_t lost;         /* bytes newly taken for lost */
    uint32_t rtt_us;       /* of the latest segment that was sent only once; UINT32_MAX: none */
    uint32_t again_rtt_us; /* of a repetition, by its timestamp; UINT32_MAX: none */
    uint32_t ts_ecr;       /* the echoed timestamp, if has_ecr */
    uint32_t dup_start, dup_segs; /* what the peer got twice, if dsack */
    bool is_dup;                  /* a duplicate ACK as RFC 5681 defines it */
    bool is_repeat;               /* the same, but for SACK news */
    bool was_full;                /* the congestion window was in use */
    bool has_ecr, dsack;
    bool ece;      /* the peer says that the network has marked what we sent */
    bool orig;     /* something sent only once has arrived */
    bool again;    /* something sent more than once has arrived */
    bool is_slow;  /* and so soon after the repetition that it was the original */
    bool was_lost; /* something taken for lost, and not sent again yet, has arrived */
};

/* ---- tcp_seg.c: the send queue as segments */
/* lg_tcp_seg_shape makes b, the first buf that is not sent yet or one that is lost, a segment of at
 * most limit bytes, limit in [1,pool room]; false: no buf. */
bool lg_tcp_seg_shape(struct lg_tcp_conn *c, struct lg_buf *b, uint32_t limit);
/* lg_tcp_seg_sent: b has just been sent, for the first time or again. */
void lg_tcp_seg_sent(struct lg_tcp_conn *c, struct lg_buf *b);
void lg_tcp_seg_lost(struct lg_tcp_conn *c, struct lg_buf *b);
/* lg_tcp_seg_not_lost takes all that is on `lost` for in flight after all. */
void lg_tcp_seg_not_lost(struct lg_tcp_conn *c);
void lg_tcp_seg_sacked(struct lg_tcp_conn *c, struct lg_buf *b, struct lg_tcp_ack_ctx *a);
/* lg_tcp_seg_unsack takes every SACKed segment for in flight. */
void lg_tcp_seg_unsack(struct lg_tcp_conn *c);
/* lg_tcp_seg_acked gives back the bufs before snd_una. */
void lg_tcp_seg_acked(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a);
void lg_tcp_seg_drop_all(struct lg_tcp_conn *c);

/* ---- tcp_rack.c: what is lost, and when to ask (RFC 8985) */
/* lg_tcp_rack_begin: nothing is in flight; forget times so old that they could be taken for new. */
void lg_tcp_rack_begin(struct lg_tcp_conn *c);
void lg_tcp_rack_delivered(struct lg_tcp_conn *c, const struct lg_buf *b, struct lg_tcp_ack_ctx *a);
/* lg_tcp_rack_detect moves what is lost to `lost`.
 *   Returns  microseconds until it should look again; 0: nothing to wait for */
uint32_t lg_tcp_rack_detect(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a);
void lg_tcp_rack_timeout(struct lg_tcp_conn *c);
void lg_tcp_rack_dsack(struct lg_tcp_conn *c);
void lg_tcp_rack_recovered(struct lg_tcp_conn *c);
void lg_tcp_arm_after_send(struct lg_tcp_conn *c);
void lg_tcp_arm_after_ack(struct lg_tcp_conn *c, bool advanced, uint32_t reo_wait_us);
/* lg_tcp_tlp_send sends the probe that is due; false: it could not. */
bool lg_tcp_tlp_send(struct lg_tcp_conn *c);
/* lg_tcp_tlp_ack: true: the probe has repaired a loss that nobody would have noticed. */
bool lg_tcp_tlp_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a);

/* ---- tcp_loss.c, tcp_sack.c: what is done about it */
void lg_tcp_loss_ack(struct lg_tcp_conn *c, struct lg_tcp_ack_ctx *a);
void lg_tcp_loss_timeout(struct lg_tcp_conn *c);
/* lg_tcp_loss_resend: what is outstanding did not fit the path: all of it is sent again, cut anew.
 * No sign of congestion: cwnd stays. */
void lg_tcp_loss_resend(struct lg_tcp_conn *c);
/* lg_tcp_loss_reo_timer: a reordering window has ended. */
void lg_tcp_loss_reo_timer(struct lg_tcp_conn *c);
/* lg_tcp_loss_sent_again: len lost bytes, one segment, have been sent again. */
void lg_tcp_loss_sent_again(struct lg_tcp_conn *c, uint32_t len);
/* lg_tcp_pipe estimates the bytes in the network. */
uint32_t lg_tcp_pipe(const struct lg_tcp_conn *c);
/* lg_tcp_repair_get: NULL: the pool is empty. */
struct lg_tcp_repair *lg_tcp_repair_get(struct lg_tcp_conn *c);
void lg_tcp_repair_drop(struct lg_tcp_conn *c);
/* lg_tcp_sack_in enters the SACK blocks of a segment; snd_una is already up to date. */
void lg_tcp_sack_in(struct lg_tcp_conn *c, const struct lg_tcp_opts *o, struct lg_tcp_ack_ctx *a);
/* lg_tcp_sack_trim forgets ranges before snd_una; c->rep is not NULL. */
void lg_tcp_sack_trim(struct lg_tcp_conn *c);
/* lg_tcp_sack_forget forgets all ranges, and takes what they covered for in flight. */
void lg_tcp_sack_forget(struct lg_tcp_conn *c);

/* ---- tcp_cookie.c: SYN cookies */
void lg_tcp_cookie_init(struct lg_tcp *tcp);
/* lg_tcp_cookie_is_due: answer SYNs by cookies now? */
bool lg_tcp_cookie_is_due(const struct lg_tcp *tcp);
void lg_tcp_cookie_answer(struct lg_tcp *tcp, const struct lg_tcp_tuple *t,
                          const struct lg_tcp_seg *s);
/* lg_tcp_cookie_check: s acknowledges a cookie of ours; syn's flags and opts get what the SYN had
 * offered. */
bool lg_tcp_cookie_check(struct lg_tcp *tcp, const struct lg_tcp_tuple *t,
                         const struct lg_tcp_seg *s, struct lg_tcp_seg *syn);

/* ---- tcp_ecn.c: explicit congestion notification (RFC 3168) */
/* lg_tcp_ecn_is_asked: this SYN offers ECN, and we take it. */
bool lg_tcp_ecn_is_asked(const struct lg_tcp *tcp, const struct lg_tcp_seg *s);
/* lg_tcp_ecn_is_granted: this SYN-ACK takes ECN, which we have offered. */
bool lg_tcp_ecn_is_granted(const struct lg_tcp *tcp, const struct lg_tcp_seg *s);
/* lg_tcp_ecn_syn_flags: what c's next SYN or SYN-ACK says of ECN. */
uint8_t lg_tcp_ecn_syn_flags(const struct lg_tcp_conn *c);
/* lg_tcp_ecn_text: text of the peer within our window, on a connection with ECN. */
void lg_tcp_ecn_text(struct lg_tcp_conn *c, const struct lg_tcp_seg *s);
/* lg_tcp_ecn_reduced: cwnd has just been reduced, for whatever reason: the peer shall know, and
 * marks of what is already on its way do not reduce it once more. */
void lg_tcp_ecn_reduced(struct lg_tcp_conn *c);
/* lg_tcp_ecn_is_fresh: what is not acknowledged yet was sent before cwnd was reduced last. */
static inline bool lg_tcp_ecn_is_fresh(const struct lg_tcp_conn *c)
{
    return (c->flags & LG_TCP_F_ECN_CUT) && lg_seq_lt(c->snd_una, c->ecn_end);
}

/* ---- tcp_source.c: limits by source */
size_t lg_tcp_source_footprint(const struct lg_tcp_cfg *cfg);
void lg_tcp_source_init(struct lg_tcp *tcp, void *mem);
/* lg_tcp_source_may_come: a SYN of it may be answered, by what its completed handshakes have left.
 * Changes nothing (a SYN may be forged), but counts when not. */
bool lg_tcp_source_may_come(struct lg_tcp *tcp, const lg_ip_t *ip);
/* lg_tcp_source_comes: c's handshake is complete: it counts; false: one too many. */
bool lg_tcp_source_comes(struct lg_tcp_conn *c);
void lg_tcp_source_closed(struct lg_tcp_conn *c);

/* ---- tcp_pmtu.c: path MTU */
/* lg_tcp_pmtu_start: mss has just been agreed; make it smaller if the path is known to be. */
void lg_tcp_pmtu_start(struct lg_tcp_conn *c);
/* lg_tcp_pmtu_age: mss < mss_full; try larger when that has lasted long enough. */
void lg_tcp_pmtu_age(struct lg_tcp_conn *c);
/* lg_tcp_pmtu_timeout: a retransmission timeout; backoff counts those before it. */
void lg_tcp_pmtu_timeout(struct lg_tcp_conn *c);

/* ---- tcp_ooo.c: text of a segment */
/* lg_tcp_text_in queues the text of s (already cut to the window) and a FIN behind it.
 *   Returns  false: c is over */
bool lg_tcp_text_in(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
void lg_tcp_ooo_drop(struct lg_tcp_conn *c);
/* lg_tcp_note_dup: [start,end) came once more; the next ACK says so. */
void lg_tcp_note_dup(struct lg_tcp_conn *c, uint32_t start, uint32_t end);

/* ---- tcp_tx.c */
/* lg_tcp_output sends what c may send now. */
void lg_tcp_output(struct lg_tcp_conn *c);
/* lg_tcp_send_probe_new sends one segment of new data whatever cwnd says; false: it could not. */
bool lg_tcp_send_probe_new(struct lg_tcp_conn *c);
/* lg_tcp_send_again sends b again, NULL: the FIN; false: no buf, or nothing to send. */
bool lg_tcp_send_again(struct lg_tcp_conn *c, struct lg_buf *b);
/* lg_tcp_send_syn_ack answers a SYN for which there is no connection; s: seq, ack, flags and opts
 * of the answer; false: no buf. */
bool lg_tcp_send_syn_ack(struct lg_tcp *tcp, const struct lg_tcp_tuple *t,
                         const struct lg_tcp_seg *s);
/* lg_tcp_send_rst resets c's peer. */
void lg_tcp_send_rst(struct lg_tcp_conn *c);
/* lg_tcp_reply_rst answers a segment for no connection, RFC 9293 section 3.10.7.1. */
void lg_tcp_reply_rst(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, const struct lg_tcp_seg *s);
/* lg_tcp_fair_bufs: how many bufs a connection may hold each way. A part of what is free now, so
 * that those who do not read cannot take the pool from those who do, however many they are: with n
 * of them the pool keeps 1/(n + 16) of itself free, and each gets as much. After Choudhury and
 * Hahne, "Dynamic Queue Length Thresholds" (1998). */
static inline uint32_t lg_tcp_fair_bufs(const struct lg_tcp *tcp)
{
    return LG_MAX(lg_bufpool_free(tcp->pool) / LG_TCP_POOL_SHARE, LG_TCP_POOL_LEAST);
}
/* lg_tcp_bufs_for: how many bufs sz bytes may be spread over. */
static inline uint32_t lg_tcp_bufs_for(uint32_t sz)
{
    return sz / 1024 + 32;
}
/* lg_tcp_rcv_limit: bytes that may be received and unread: as far as it has grown (tcp_wnd.c). */
static inline uint32_t lg_tcp_rcv_limit(const struct lg_tcp_conn *c)
{
    return LG_MIN(LG_TCP_BUF_FIRST << c->rcv_grown, c->tcp->cfg.rcv_buf_sz);
}
static inline uint32_t lg_tcp_rcv_bufs(const struct lg_tcp_conn *c)
{
    return lg_tcp_bufs_for(lg_tcp_rcv_limit(c));
}
/* lg_tcp_snd_limit: bytes that may be queued and unacknowledged: one window on its way, and one
 * that waits until it is acknowledged. */
static inline uint32_t lg_tcp_snd_limit(const struct lg_tcp_conn *c)
{
    return LG_MIN(LG_MAX(2 * c->cwnd, LG_TCP_BUF_FIRST), c->tcp->cfg.snd_buf_sz);
}
static inline bool lg_tcp_snd_is_half_free(const struct lg_tcp_conn *c)
{
    uint32_t limit = lg_tcp_snd_limit(c);
    return c->sndq.bytes <= limit / 2 && c->sndq.cnt <= lg_tcp_bufs_for(limit) / 2;
}
/* lg_tcp_rcv_space: bytes that fit into the receive buffer beside what is unread. */
static inline uint32_t lg_tcp_rcv_space(const struct lg_tcp_conn *c)
{
    uint64_t fair_sz = (uint64_t)lg_tcp_fair_bufs(c->tcp) * LG_MAX(c->rcv_mss, (uint16_t)536);
    uint32_t sz = (uint32_t)LG_MIN(fair_sz, (uint64_t)lg_tcp_rcv_limit(c));
    return c->rcvq.bytes < sz ? sz - c->rcvq.bytes : 0;
}

/* ---- tcp_wnd.c: growth of the receive window */
/* lg_tcp_wnd_look: rcv_nxt has passed wnd_end. */
void lg_tcp_wnd_look(struct lg_tcp_conn *c);

/* ---- tcp_pace.c: sending spread over the round trip */
/* lg_tcp_pace_segs: segments that may go out now, in [0, LG_TCP_BURST_SEGS]. */
uint32_t lg_tcp_pace_segs(const struct lg_tcp_conn *c);
/* lg_tcp_pace_sent: bytes have gone out. */
void lg_tcp_pace_sent(struct lg_tcp_conn *c, uint32_t bytes);
/* lg_tcp_pace_arm: pacing holds data back: come again when it may go. */
void lg_tcp_pace_arm(struct lg_tcp_conn *c);

/* ---- tcp_timer.c */
void lg_tcp_on_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns);
/* lg_tcp_timer_touch: a deadline of c has been set to at_ns; earlier than armed: arm. */
static inline void lg_tcp_timer_touch(struct lg_tcp_conn *c, lg_ns_t at_ns)
{
    if (!lg_timer_is_started(&c->timer) || at_ns < c->timer.at_ns)
        lg_wheel_start(&c->tcp->wheel, &c->timer, at_ns);
}
/* lg_tcp_rto_us: the retransmission timeout before back-off, lg_tcp_rto: with it. */
uint32_t lg_tcp_rto_us(const struct lg_tcp_conn *c);
lg_ns_t lg_tcp_rto(const struct lg_tcp_conn *c);
void lg_tcp_arm_rtx(struct lg_tcp_conn *c);
/* lg_tcp_arm_rtx_in arms t_rtx; the caller says what for in c->flags or c->loss, cleared here. */
void lg_tcp_arm_rtx_in(struct lg_tcp_conn *c, lg_ns_t in_ns);
void lg_tcp_arm_keepalive(struct lg_tcp_conn *c);

/* lg_tcp_tally adds to a number that other threads may read (lg_tcp_get_counts). */
static inline void lg_tcp_tally(uint32_t *n, int32_t add)
{
    __atomic_store_n(n, *n + (uint32_t)add, __ATOMIC_RELAXED);
}

/* lg_tcp_now_s: about seconds (of 1.024 s), modulo 2^16. */
static inline uint16_t lg_tcp_now_s(const struct lg_tcp *tcp)
{
    return (uint16_t)(tcp->now_ms >> 10);
}

static inline void lg_tcp_count(const struct lg_tcp *tcp, enum lg_stat id)
{
    lg_stat_inc(tcp->stats, id);
}

#endif
