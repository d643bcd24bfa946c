/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_rx_syn.c: segments outside the synchronised states: for no connection (LISTEN and CLOSED of
 * RFC 9293 section 3.10.7), in SYN_SENT, and in TIME_WAIT. */
#include "tcp_priv.h"

/* take_opts agrees on what both ends offer. s carries a SYN. */
static void take_opts(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    const struct lg_tcp_opts *o = &s->opts;

    if (o->has_ts) {
        c->flags |= LG_TCP_F_TS;
        c->ts_recent = o->ts_val;
    }
    if (o->sack_ok)
        c->flags |= LG_TCP_F_SACK;
    if (o->has_wscale) {
        c->flags |= LG_TCP_F_WSCALE;
        c->snd_wscale = o->wscale & 15u;
        c->rcv_wscale = c->tcp->rcv_wscale & 15u;
    } else {
        c->rcv_wscale = 0;
    }
    c->rcv_nxt = c->rcv_acked = s->seq + 1;
    c->rcv_adv = c->rcv_nxt + LG_MIN(c->tcp->cfg.rcv_buf_sz, (uint32_t)UINT16_MAX);
    c->snd_wnd = c->max_wnd = s->wnd; /* the window of a SYN is never scaled */
    c->snd_wl1 = s->seq;
    lg_tcp_set_mss(c, o);
}

struct lg_tcp_door lg_tcp_door_of(const struct lg_tcp *tcp, const struct lg_tcp_tuple *t)
{
    struct lg_tcp_door door = {0};

    if (tcp->ops->door)
        tcp->ops->door(tcp->ops_ctx, t, &door);
    return door;
}

/* open_passive answers a SYN. min_iss: NULL, or the number its ISN must pass (RFC 1122 section
 * 4.2.2.13: a tuple reused out of TIME_WAIT). */
static void open_passive(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, struct lg_tcp_seg *s,
                         const uint32_t *min_iss)
{
    struct lg_tcp_door door = lg_tcp_door_of(tcp, t);

    if (!door.is_trusted && !lg_tcp_source_may_come(tcp, &t->remote_ip))
        return;
    bool is_full = door.half_open_max != 0 && tcp->doors[door.slot] >= door.half_open_max;
    if (LG_UNLIKELY(is_full || lg_tcp_cookie_is_due(tcp))) {
        lg_tcp_cookie_answer(tcp, t, s);
        return;
    }
    struct lg_tcp_conn *c = lg_tcp_conn_open(tcp, t);
    if (!c) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_FULL);
        return;
    }
    c->flags |= LG_TCP_F_PASSIVE | LG_TCP_F_SYN_DUE;
    c->snd_una = lg_tcp_isn(tcp, t, &c->ts_off);
    if (min_iss && lg_seq_leq(c->snd_una, *min_iss))
        c->snd_una = *min_iss + (1u << 17);
    c->snd_nxt = c->snd_end = c->snd_una + 1;
    take_opts(c, s);
    if (lg_tcp_ecn_is_asked(tcp, s))
        c->flags |= LG_TCP_F_ECN;
    lg_tcp_set_state(c, LG_TCP_SYN_RCVD);
    c->flags |= LG_TCP_F_AT_DOOR;
    c->door = door.slot;
    tcp->doors[door.slot]++;
    lg_tcp_due(c);
}

/* open_by_cookie makes the connection whose SYN was answered by a cookie, as if it had waited in
 * SYN_RCVD, and gives it the ACK. false: s is no such ACK. */
static bool open_by_cookie(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, struct lg_tcp_seg *s)
{
    struct lg_tcp_seg syn = {.seq = s->seq - 1, .wnd = s->wnd};

    if (!lg_tcp_cookie_check(tcp, t, s, &syn))
        return false;
    struct lg_tcp_conn *c = lg_tcp_conn_open(tcp, t);
    if (!c) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_FULL);
        return true;
    }
    c->flags |= LG_TCP_F_PASSIVE;
    (void)lg_tcp_isn(tcp, t, &c->ts_off);
    c->snd_una = s->ack - 1;
    c->snd_nxt = c->snd_end = s->ack;
    take_opts(c, &syn);
    if (lg_tcp_ecn_is_asked(tcp, &syn))
        c->flags |= LG_TCP_F_ECN;
    lg_tcp_set_state(c, LG_TCP_SYN_RCVD);
    lg_tcp_count(tcp, LG_STAT_TCP_COOKIE_OK);
    lg_tcp_rx_conn(c, s);
    return true;
}

/* can_be_peer: multicast and unspecified addresses open no connections. */
static bool can_be_peer(const lg_ip_t *ip)
{
    return !lg_ip_is_multicast(ip) && !lg_ip_is_any(ip);
}

static void listen_with(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, struct lg_tcp_seg *s,
                        const uint32_t *min_iss)
{
    if (s->flags & LG_TCP_FL_RST) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_STATE);
        return;
    }
    if (!can_be_peer(&t->remote_ip)) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_HDR);
        return;
    }
    bool is_syn = (s->flags & (LG_TCP_FL_SYN | LG_TCP_FL_ACK)) == LG_TCP_FL_SYN;
    if (is_syn && tcp->ops->is_listening(tcp->ops_ctx, &t->local_ip, t->local_port)) {
        if (s->flags & LG_TCP_FL_FIN)
            lg_tcp_count(tcp, LG_STAT_DROP_TCP_HDR);
        else
            open_passive(tcp, t, s, min_iss);
        return;
    }
    bool is_ack = (s->flags & (LG_TCP_FL_SYN | LG_TCP_FL_ACK)) == LG_TCP_FL_ACK;
    if (is_ack && !min_iss && tcp->ops->is_listening(tcp->ops_ctx, &t->local_ip, t->local_port) &&
        open_by_cookie(tcp, t, s))
        return;
    lg_tcp_count(tcp, LG_STAT_DROP_TCP_NO_CONN);
    lg_tcp_reply_rst(tcp, t, s);
}

void lg_tcp_rx_listen(struct lg_tcp *tcp, const struct lg_tcp_tuple *t, struct lg_tcp_seg *s)
{
    listen_with(tcp, t, s, NULL);
}

/* syn_acked: SYN-ACK in SYN_SENT, its ACK acceptable. */
static void syn_acked(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    struct lg_tcp *tcp = c->tcp;

    take_opts(c, s);
    if (lg_tcp_ecn_is_granted(tcp, s))
        c->flags |= LG_TCP_F_ECN;
    c->snd_una = s->ack;
    c->snd_wl2 = s->ack;
    c->rx_at_ns = tcp->now_ns;
    c->flags |= LG_TCP_F_ACK_NOW;
    lg_tcp_established(c);
    /* Text on a SYN-ACK is not kept: the peer sends it again. */
}

void lg_tcp_rx_syn_sent(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    bool has_ack = s->flags & LG_TCP_FL_ACK;

    if (has_ack && (lg_seq_leq(s->ack, c->snd_una) || lg_seq_gt(s->ack, c->snd_nxt))) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_ACK);
        if (!(s->flags & LG_TCP_FL_RST))
            lg_tcp_reply_rst(c->tcp, &c->tuple, s);
        return;
    }
    if (s->flags & LG_TCP_FL_RST) {
        if (!has_ack) {
            lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_STATE);
            return;
        }
        lg_tcp_count(c->tcp, LG_STAT_TCP_RESET_RX);
        lg_tcp_conn_close(c, LG_TCP_EV_RESET);
        return;
    }
    if (!(s->flags & LG_TCP_FL_SYN)) {
        lg_tcp_count(c->tcp, LG_STAT_DROP_TCP_STATE);
        return;
    }
    if (has_ack) {
        syn_acked(c, s);
        return;
    }
    /* Simultaneous open (RFC 9293 section 3.5, figure 7): our SYN-ACK answers theirs. */
    take_opts(c, s);
    if (c->tcp->cfg.ecn == LG_TCP_ECN_ON && lg_tcp_ecn_is_asked(c->tcp, s)) /* ours asked, too */
        c->flags |= LG_TCP_F_ECN;
    lg_tcp_set_state(c, LG_TCP_SYN_RCVD);
    c->flags |= LG_TCP_F_SYN_DUE;
    lg_tcp_due(c);
}

void lg_tcp_rx_time_wait(struct lg_tcp_conn *c, struct lg_tcp_seg *s)
{
    struct lg_tcp *tcp = c->tcp;

    /*= https://www.rfc-editor.org/rfc/rfc1337#section-3
     *# Ignore RST segments in TIME-WAIT state. */
    if (s->flags & LG_TCP_FL_RST) {
        lg_tcp_count(tcp, LG_STAT_DROP_TCP_STATE);
        return;
    }
    bool is_syn = (s->flags & (LG_TCP_FL_SYN | LG_TCP_FL_ACK)) == LG_TCP_FL_SYN;
    bool is_newer = lg_seq_gt(s->seq, c->rcv_nxt);
    /* RFC 6191 section 2: with timestamps on both, a later one decides. */
    if ((c->flags & LG_TCP_F_TS) && s->opts.has_ts && s->opts.ts_val != c->ts_recent)
        is_newer = lg_seq_gt(s->opts.ts_val, c->ts_recent);
    if (is_syn && is_newer &&
        tcp->ops->is_listening(tcp->ops_ctx, &c->tuple.local_ip, c->tuple.local_port)) {
        struct lg_tcp_tuple t = c->tuple;
        uint32_t min_iss = c->snd_nxt;
        lg_tcp_conn_close(c, 0);
        listen_with(tcp, &t, s, &min_iss);
        return;
    }
    /*= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
     *# TIME-WAIT STATE: The only thing that can arrive in this state is a retransmission of the
     *# remote FIN. Acknowledge it, and restart the 2 MSL timeout. */
    if (s->flags & LG_TCP_FL_FIN) {
        c->t_life = lg_ns_add(tcp->now_ns, tcp->cfg.time_wait_ns);
        lg_tcp_list_remove(&c->tw);
        lg_tcp_list_push(&tcp->time_wait, &c->tw);
    }
    lg_tcp_count(tcp, s->len > 0 ? LG_STAT_TCP_DUP : LG_STAT_DROP_TCP_SEQ);
    if (s->flags & LG_TCP_FL_FIN) {
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
    } else if (s->seq != c->rcv_nxt || s->len > 0 || (s->flags & LG_TCP_FL_SYN)) {
        lg_tcp_challenge(c);
    }
}
