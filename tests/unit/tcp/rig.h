/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h: one stack on a bench: a clock that is turned by hand, segments crafted by hand, and what
 * the stack sends kept in a list. Not thread-safe; one rig at a time per variable. */
#ifndef RIG_H
#define RIG_H

#include "t.h"
#include "tcp.h"
#include "tcp_priv.h"

#define RIG_SENT_MAX 512
#define RIG_PORT 443u /* the stack listens here */
#define RIG_PEER_PORT 5000u

/* One segment the stack has sent, taken apart. */
struct rig_sent {
    uint16_t sport, dport;
    uint32_t seq, ack, wnd; /* wnd as on the wire */
    uint8_t flags;
    uint8_t ecn; /* of the IP header */
    struct lg_tcp_opts opts;
    uint32_t len;
    uint8_t data[2048];
};

struct rig {
    struct lg_tcp *tcp;
    void *mem;
    struct lg_tcp_cfg cfg;
    struct lg_bufheap heap;
    struct lg_stats stats;
    lg_ns_t now_ns;
    lg_ip_t us, peer;
    bool share_all;          /* every buf counts as still held by a driver */
    struct lg_tcp_door door; /* what the listener says of whoever comes */
    uint32_t sent_cnt;       /* in sent[]; rig_clear forgets */
    struct rig_sent sent[RIG_SENT_MAX];
    /* -- the peer's view of the connection opened by rig_accept and rig_connect -- */
    struct lg_tcp_conn *c;
    uint16_t our_port, peer_port;
    uint32_t seq; /* the peer's next */
    uint32_t ack; /* what the peer acknowledges: our next */
    uint16_t wnd; /* the peer's window field */
    bool ts;      /* timestamps on crafted segments */
    uint32_t ts_val, ts_ecr;
};

/* A segment to be crafted. */
struct rig_seg {
    uint32_t seq, ack;
    uint8_t flags;
    uint8_t ecn;
    uint16_t wnd;
    const void *opt; /* opt_len bytes, a multiple of 4 */
    uint32_t opt_len;
    const void *data;
    uint32_t len;
};

struct lg_tcp_cfg rig_cfg(void);
void rig_init(struct rig *r, const struct lg_tcp_cfg *cfg);
/* rig_fini ends the stack and expects every buf back. */
void rig_fini(struct rig *r);
void rig_clear(struct rig *r);
/* rig_poll lets ns pass, then runs a turn. */
void rig_poll(struct rig *r, lg_ns_t ns);
/* rig_run lets ns pass in the steps the stack asks for. */
void rig_run(struct rig *r, lg_ns_t ns);
void rig_rx(struct rig *r, const struct rig_seg *s);
/* rig_in: from the rig's peer, at its seq and ack, which advance. */
void rig_in(struct rig *r, uint8_t flags, const void *data, uint32_t len);
/* rig_at: as rig_in, but at seq + off, nothing advances. */
void rig_at(struct rig *r, uint32_t off, uint8_t flags, const void *data, uint32_t len);
/* rig_accept, rig_connect: open r->c with the given SYN options of the peer (may be empty). The
 * rig must be fresh. Both leave sent[] empty. */
void rig_accept(struct rig *r, const void *opt, uint32_t opt_len);
void rig_connect(struct rig *r, const void *opt, uint32_t opt_len);
/* rig_events pops the ready list; returns r->c's (0: none). */
uint32_t rig_events(struct rig *r);
/* rig_send queues n patterned bytes, cut at the connection's mss. */
void rig_send(struct rig *r, uint32_t n);
/* rig_take takes and drops what is there; returns bytes. */
uint32_t rig_take(struct rig *r);
/* rig_last: the last segment sent; a zero one when there is none. */
const struct rig_sent *rig_last(const struct rig *r);
uint64_t rig_stat(const struct rig *r, enum lg_stat id);
uint8_t rig_pattern(uint32_t off);

#endif
