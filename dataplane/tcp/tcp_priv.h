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
void lg_tcp_rx_syn_sent(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
void lg_tcp_rx_time_wait(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
/* lg_tcp_challenge schedules an ACK that answers a doubtful segment, rate limited. */
void lg_tcp_challenge(struct lg_tcp_conn *c);

/* ---- tcp_ack.c: the ACK field of a segment in a synchronised state */
/* lg_tcp_ack_in: false: the segment's text must not be looked at, or c is over. */
bool lg_tcp_ack_in(struct lg_tcp_conn *c, struct lg_tcp_seg *s);
/* lg_tcp_wnd_in takes over the window of an acceptable segment. */
void lg_tcp_wnd_in(struct lg_tcp_conn *c, const struct lg_tcp_seg *s);
/* lg_tcp_rtt_sample feeds RFC 6298 one round trip. */
void lg_tcp_rtt_sample(struct lg_tcp_conn *c, lg_ns_t rtt_ns);

/* ---- tcp_loss.c, tcp_sack.c: what is lost */
struct lg_tcp_ack_ctx {
    uint32_t acked;   /* bytes of sequence space newly acknowledged */
    uint32_t old_una; /* snd_una before */
    bool is_dup;      /* a duplicate ACK as RFC 5681 defines it */
    bool was_full;    /* the congestion window was in use */
};
void lg_tcp_loss_ack(struct lg_tcp_conn *c, const struct lg_tcp_ack_ctx *a);
void lg_tcp_loss_timeout(struct lg_tcp_conn *c);
/* lg_tcp_loss_resend: what is outstanding did not fit the path: all of it is sent again, cut anew.
 * No sign of congestion: cwnd stays. */
void lg_tcp_loss_resend(struct lg_tcp_conn *c);
/* lg_tcp_pipe estimates the bytes in the network (RFC 6675 section 4). */
uint32_t lg_tcp_pipe(const struct lg_tcp_conn *c);
/* lg_tcp_sack_in enters the SACK blocks of a segment; snd_una is already up to date. */
void lg_tcp_sack_in(struct lg_tcp_conn *c, const struct lg_tcp_opts *o);
/* lg_tcp_sack_trim forgets what lies before snd_una, which was old_una before this ACK. */
void lg_tcp_sack_trim(struct lg_tcp_conn *c, uint32_t old_una);
void lg_tcp_sack_drop(struct lg_tcp_conn *c);
/* lg_tcp_sack_bytes counts the SACKed bytes in [from,to). */
uint32_t lg_tcp_sack_bytes(const struct lg_tcp_conn *c, uint32_t from, uint32_t to);
/* lg_tcp_sack_skip moves *seq past a SACKed range that covers it and returns the start of the next
 * one, or snd_nxt: [*seq, returned) is not SACKed. */
uint32_t lg_tcp_sack_skip(const struct lg_tcp_conn *c, uint32_t *seq);
/* lg_tcp_sack_lost: every unSACKed byte before it is lost by RFC 6675's IsLost. */
uint32_t lg_tcp_sack_lost(const struct lg_tcp_conn *c, uint32_t thresh_sz, uint32_t thresh_cnt);

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

/* ---- tcp_tx.c */
/* lg_tcp_output sends what c may send now. */
void lg_tcp_output(struct lg_tcp_conn *c);
/* lg_tcp_send_rst resets c's peer. */
void lg_tcp_send_rst(struct lg_tcp_conn *c);
/* lg_tcp_reply_rst answers a segment for no connection, RFC 9293 section 3.10.7.1. */
void lg_tcp_reply_rst(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, const struct lg_tcp_seg *s);
/* lg_tcp_rcv_space: bytes that fit into the receive buffer beside what is unread. */
static inline uint32_t lg_tcp_rcv_space(const struct lg_tcp_conn *c)
{
    uint32_t sz = c->tcp->cfg.rcv_buf_sz;
    return c->rcvq.bytes < sz ? sz - c->rcvq.bytes : 0;
}

/* ---- tcp_timer.c */
void lg_tcp_on_timer(void *ctx, struct lg_timer *t, lg_ns_t now_ns);
/* lg_tcp_timer_touch: a deadline of c has been set to at_ns; earlier than armed: arm. */
static inline void lg_tcp_timer_touch(struct lg_tcp_conn *c, lg_ns_t at_ns)
{
    if (!lg_timer_is_started(&c->timer) || at_ns < c->timer.at_ns)
        lg_wheel_start(&c->tcp->wheel, &c->timer, at_ns);
}
/* lg_tcp_rto: the retransmission timeout with its back-off. */
lg_ns_t lg_tcp_rto(const struct lg_tcp_conn *c);
void lg_tcp_arm_rtx(struct lg_tcp_conn *c);
void lg_tcp_arm_keepalive(struct lg_tcp_conn *c);

/* lg_tcp_tally adds to a number that other threads may read (lg_tcp_get_counts). */
static inline void lg_tcp_tally(uint32_t *n, int32_t add)
{
    __atomic_store_n(n, *n + (uint32_t)add, __ATOMIC_RELAXED);
}

static inline void lg_tcp_count(const struct lg_tcp *tcp, enum lg_stat id)
{
    lg_stat_inc(tcp->stats, id);
}

#endif
