/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blast.h: the generator at work: one worker that owns ports, IP, TCP, TLS, its groups of clients
 * and, when asked for, an origin. The main thread sets it up, waits, and reports.
 *
 * Life of a client connection:
 *
 *   FREE --connect--> CONNECTING --open--> SHAKING --Finished--> READY <--> BUSY   (HTTP kinds)
 *    ^                    |                   |                  HELD              (idle)
 *    |                    v                   v                  SLOW              (slow)
 *    +---- COOLING <---- any failure          +---> CLOSING -----> FREE            (handshakes)
 *
 * FREE connections stand on their group's `idle` queue, READY ones on `ready`; every other state
 * has a timer.
 *
 * Thread: the worker, all functions, unless said. */
#ifndef BL_BLAST_H
#define BL_BLAST_H

#include "buf.h"
#include "client.h"
#include "clock.h"
#include "head.h"
#include "hist.h"
#include "net.h"
#include "opts.h"
#include "port.h"
#include "tcp.h"
#include "wheel.h"

#include <stdatomic.h>

enum bl_error {
#define X(name, text) BL_E_##name,
#include "errors.def"
#undef X
    BL_E_CNT
};
#define BL_E_NONE BL_E_CNT

/* What was measured of one group. */
struct bl_result {
    uint64_t ops;
    uint64_t bytes_in, bytes_out; /* payload */
    uint64_t errors[BL_E_CNT];
    uint64_t alerts[256];   /* received, by number */
    uint64_t statuses[600]; /* HTTP, other than 200 */
    uint64_t full, resumed; /* TLS handshakes */
    uint64_t shed;          /* slow: connections the server ended */
    struct bl_hist latency;
};

enum bl_state {
    BL_FREE,
    BL_CONNECTING,
    BL_SHAKING,
    BL_READY,
    BL_BUSY,
    BL_HELD,
    BL_SLOW_BYTES,
    BL_CLOSING,
    BL_COOLING, /* after a failure: a moment's rest */
};

struct bl_group;
struct bl_queue;

struct bl_conn {
    struct bl_group *g;
    struct lg_tcp_conn *tcp; /* owns; NULL in FREE and COOLING */
    struct lg_tls *tls;      /* owns; NULL: none, or TLS off */
    struct bl_conn *next, *prev;
    struct bl_queue *queue; /* it stands on this one of its group's, or w->late; NULL: none */
    struct lg_timer timer;
    lg_ns_t due_ns;      /* when the operation was to begin */
    lg_ns_t deadline_ns; /* of what is going on; the timer may stand earlier */
    struct lg_bufq in;   /* owns: received, not yet taken by TLS */
    struct lg_bufq held; /* owns: plain text of a head that is not whole yet */
    struct lg_tls_session session;
    uint64_t send_left, body_left; /* of the upload; of the answer */
    uint64_t send_off, body_off;   /* into the pattern */
    uint64_t requests;             /* made on this connection */
    uint32_t slow_off;             /* slow: bytes sent */
    uint32_t late_events;          /* on w->late: what is to be told */
    uint16_t status;               /* of the answer */
    uint8_t state;                 /* enum bl_state */
    bool in_body, is_checked, will_close;
    bool is_counted; /* handshake kinds: the operation began in earnest (not a warm-up ticket) */
    bool was_resumed;
};

/* First in, first out, so that connections take turns. */
struct bl_queue {
    struct bl_conn *head, *tail;
    uint32_t cnt;
};

struct bl_worker;

struct bl_group {
    const struct bl_group_opts *o; /* borrows: of the opts */
    struct bl_worker *w;
    struct lg_tls_policy *policy; /* owns; NULL: TLS off */
    struct bl_conn *conns;        /* owns */
    uint32_t conn_cnt;
    uint32_t end_idx; /* connections before it have been ended */
    bool is_waiting;  /* for the idle groups' ramps */
    struct bl_queue idle, ready;
    uint32_t opening_cnt;           /* CONNECTING or SHAKING */
    uint32_t open_cnt, open_at_end; /* shaken hands and kept; when the run ended */
    lg_ns_t start_ns, stop_ns;      /* absolute */
    lg_ns_t next_op_ns;             /* open loop: when the next operation is due */
    lg_ns_t next_open_ns;           /* ramp: when the next connection may be opened */
    lg_ns_t ramp_end_ns;            /* idle: when the last one was open; 0: not yet */
    uint64_t sent;                  /* raw kinds: frames; also a seed */
    uint64_t source_next;
    uint64_t random;    /* raw kinds: state of a generator that need not be good */
    char request[1024]; /* of HTTP kinds, with room for the offset */
    uint32_t request_sz, offset_at;
    uint8_t hello[1024]; /* slow: a ClientHello to dribble */
    uint32_t hello_sz;
    struct bl_result r;
    struct lg_tls_info info; /* of one of its handshakes, for the report */
};

struct bl_origin;

enum bl_phase { BL_RESOLVING, BL_RUNNING, BL_ENDING, BL_OVER };

struct bl_worker {
    /* -- set at boot -- */
    const struct bl_opts *o;
    struct lg_ports *ports;
    uint32_t port_cnt;
    uint32_t client_port; /* index; UINT32_MAX: none */
    struct lg_pktpool *pktpool;
    struct lg_bufpool *pool;
    struct lg_net *net;
    struct lg_tcp *tcp;
    struct lg_tls_core *tls;
    struct bl_origin *origin; /* NULL: none */
    struct lg_endpoint origin_at;
    struct lg_clock clock;
    uint8_t mac[6];
    /* -- hot -- */
    lg_ns_t now_ns;
    enum bl_phase phase;
    bool is_measuring;
    lg_ns_t begin_ns, from_ns, to_ns; /* the run; the measured part of it */
    struct lg_wheel wheel;
    uint64_t idle_since_ns;
    struct bl_queue late;         /* handshakes with news: last in a turn, and few of them */
    uint64_t busy_tsc, total_tsc; /* in the measured part */
    lg_ns_t measured_ns;
    lg_ns_t cpu_ns; /* CPU time the worker had in it */
    uint32_t group_cnt;
    struct bl_group groups[BL_MAX_GROUPS];
    struct lg_stats stats;
    void *mem; /* owns */
    /* -- between the threads -- */
    _Atomic bool stop;           /* main sets: end early */
    _Atomic bool has_conflict;   /* worker sets: an address of ours is somebody else's, too */
    _Atomic bool is_unreachable; /* worker sets: nobody answered for the next hop */
    bool is_interrupted;
    bool is_raw_only;             /* what comes back is counted and thrown away */
    uint64_t rx_pkts, tx_pkts;    /* in the measured part */
    uint8_t scratch[BL_HEAD_MAX]; /* a head put together */
};

/* -- sched.c: when what begins -- */
void bl_groups_start(struct bl_worker *w);
/* bl_groups_poll begins what is due; returns work done. */
unsigned bl_groups_poll(struct bl_worker *w);
/* bl_groups_end closes what is left, a bounded step; true: all is closed. */
bool bl_groups_end(struct bl_worker *w);
/* bl_unfinished: operations due and not begun. Thread any, after the end. */
uint64_t bl_unfinished(const struct bl_group *g);
void bl_queue_push(struct bl_queue *q, struct bl_conn *c);
void bl_queue_remove(struct bl_conn *c); /* from whichever it is on */

/* -- conn.c: one connection -- */
/* bl_conn_connect begins one from FREE; the operation counts from due_ns. */
void bl_conn_connect(struct bl_conn *c, lg_ns_t due_ns);
void bl_conn_event(struct bl_conn *c, uint32_t events);
void bl_conn_fire(void *worker, struct lg_timer *t, lg_ns_t now_ns); /* lg_timer_fn */
/* bl_conn_fail counts an error (BL_E_NONE: already counted) and frees the connection. */
void bl_conn_fail(struct bl_conn *c, enum bl_error e);
/* bl_conn_drop ends it by RST: FREE. */
void bl_conn_drop(struct bl_conn *c);
/* bl_conn_op_done counts one operation, with its latency. */
void bl_conn_op_done(struct bl_conn *c);
/* bl_conn_send encrypts (with TLS on) and queues all of plain. */
void bl_conn_send(struct bl_conn *c, struct lg_bufq *plain);
void bl_conn_arm(struct bl_conn *c, lg_ns_t deadline_ns);

/* -- http.c: requests and answers -- */
void bl_http_init(struct bl_group *g);
/* bl_http_begin sends the next request of a READY connection. */
void bl_http_begin(struct bl_conn *c, lg_ns_t due_ns);
/* bl_http_rx takes plain text; it may end the connection. */
void bl_http_rx(struct bl_conn *c, struct lg_bufq *plain);
/* bl_http_more sends more of an upload, as far as TCP has room. */
void bl_http_more(struct bl_conn *c);

/* -- slow.c -- */
lg_err_t bl_slow_init(struct bl_group *g);
/* bl_slow_byte sends the next one. */
void bl_slow_byte(struct bl_conn *c);

/* -- raw.c: frames without connections -- */
/* bl_raw_poll sends what is due (or all the device takes); returns frames. */
unsigned bl_raw_poll(struct bl_group *g);

/* -- origin.c -- */
size_t bl_origin_footprint(uint32_t conn_cnt);
struct bl_origin *bl_origin_init(void *mem, uint32_t conn_cnt, struct bl_worker *w);
void bl_origin_event(struct bl_origin *o, struct lg_tcp_conn *c, uint32_t events);
struct bl_origin_counts {
    uint64_t requests, bytes_in, bytes_out, bad_requests, bad_uploads;
};
const struct bl_origin_counts *bl_origin_counts(const struct bl_origin *o);

/* -- setup.c: thread boot -- */
LG_MUST lg_err_t bl_setup(struct bl_worker *w, const struct bl_opts *o, struct lg_diag *diag);
void bl_teardown(struct bl_worker *w);

/* -- loop.c -- */
int bl_loop(void *worker);

/* -- report.c: thread main, after the end -- */
void bl_report_text(const struct bl_worker *w, FILE *out);
LG_MUST bool bl_report_json(const struct bl_worker *w, const char *path);
LG_MUST bool bl_report_hgrm(const struct bl_worker *w, const char *path);
uint64_t bl_error_cnt(const struct bl_worker *w);
uint64_t bl_op_cnt(const struct bl_worker *w);

/* -- cheap_wolf.c: what --reuse-key-share and --skip-signature do to wolfSSL -- */
void bl_cheap_set(bool reuse_key_share, bool skip_signature);
/* bl_cheap_tick: a second has passed: the next share is a new one. */
void bl_cheap_tick(void);

#endif
