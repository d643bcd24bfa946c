/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h: a proxy between two worlds, all in memory and on a clock turned by hand: OpenSSL clients
 * over a TCP stack of ours, the proxy under test over its own stack and TLS core, and scripted
 * backends over a third stack. Segments pass between the stacks at once and in order. */
#ifndef LG_PROXY_RIG_H
#define LG_PROXY_RIG_H

#include "proxy_priv.h"
#include "rules.h"
#include "t.h"
#include <openssl/ssl.h>

#define RIG_CLIENTS 8
#define RIG_BACKS 64
#define RIG_BACKENDS 3 /* of pool 0: ports 8000..8002; pool 1 has the last one alone */
#define RIG_PORT 443

enum { RIG_CLI, RIG_LG, RIG_BE, RIG_STACKS };

struct rig_client {
    struct rig *r;
    struct lg_tcp_conn *c;
    SSL *ssl;
    BIO *rb, *wb;
    bool is_open, fin, reset, stopped; /* stopped: does not read */
    bool close_notify;
    bool is_hasty; /* the moment its TLS fails, it resets the connection, right behind its alert */
    int alert;     /* last fatal alert received; -1: none */
    size_t len;    /* of text */
    size_t total;  /* bytes received, also those not kept */
    char text[1 << 16]; /* plaintext received, NUL after it */
    char raw[1024];     /* when there is no TLS: bytes received */
    size_t raw_len;
};

struct rig_back {
    struct lg_tcp_conn *c; /* NULL: released */
    SSL *ssl;              /* NULL: in clear */
    BIO *rb, *wb;
    uint16_t port;
    bool fin, reset, stopped, notified;
    size_t len, total;
    char text[1 << 16];
};

struct rig {
    /* -- may be changed between rig_init and rig_build -- */
    struct lg_config cfg;
    struct lg_cfg_listener listener;
    struct lg_cfg_http_route routes[8];
    struct lg_cfg_pool pools[2];
    struct lg_cfg_backend backends[RIG_BACKENDS];
    uint32_t worker_bufs, max_sessions, max_backs;
    uint32_t worker_conns; /* of the proxy's TCP */
    bool has_one_port; /* to connect from, of each source address; what the second one sends gets
                          nowhere in this rig */
    uint64_t handshake_budget; /* cycles; each look at the clock takes 7 */
    uint32_t buf_sz;           /* send and receive buffers of all stacks */
    /* -- */
    struct lg_cfg_cert cert;
    struct lg_diag diag;
    lg_ns_t now_ns;
    struct lg_bufheap heap[RIG_STACKS];
    struct lg_stats stats[RIG_STACKS];
    struct lg_tcp *tcp[RIG_STACKS];
    void *tcp_mem[RIG_STACKS], *tls_mem, *proxy_mem;
    struct rig_link {
        struct rig *r;
        int from;
        struct lg_bufq q[RIG_STACKS]; /* segments on their way to each stack */
    } link[RIG_STACKS];
    struct lg_tls_policy *policy;
    struct lg_rules *rules;
    struct lg_tls_policy *back_policy; /* set by the test, of pool 0; freed by rig_fini */
    struct lg_tls_core *tls;
    struct lg_listener lst;
    struct lg_snapshot snap;
    struct lg_snapshot_worker worker;
    struct lg_bind_slot binds[4];
    struct lg_proxy *proxy;
    struct lg_logring *log;
    bool refuses[RIG_BACKENDS]; /* that backend answers SYNs with RST */
    bool mute[RIG_BACKENDS];    /* that backend's segments are lost */
    SSL_CTX *ctx;
    SSL_CTX *back_ctx; /* set by the test: backends speak TLS; freed by rig_fini */
    uint32_t client_cnt, back_cnt;
    struct rig_client client[RIG_CLIENTS];
    struct rig_back back[RIG_BACKS];
    uint64_t cycles;
};

void rig_init(struct rig *r, enum lg_listener_type type);
void rig_build(struct rig *r);
/* rig_fini ends everything and checks that every pool is as it was. */
void rig_fini(struct rig *r);
/* rig_run turns the loop until nothing moves, again after every step of the clock, for ns. */
void rig_run(struct rig *r, lg_ns_t ns);
/* rig_settle: rig_run for 5 ms. */
void rig_settle(struct rig *r);

/* rig_client opens a connection and, with TLS, completes the handshake. */
struct rig_client *rig_client_tcp(struct rig *r);
struct rig_client *rig_client_tls(struct rig *r);
/* rig_client_hasty trusts nobody: it says unknown_ca and resets in one burst. */
struct rig_client *rig_client_hasty(struct rig *r);
/* rig_storm opens cnt connections whose hellos arrive together, and settles. */
void rig_storm(struct rig *r, uint32_t cnt);
void rig_write(struct rig_client *c, const void *data, size_t len);
void rig_say(struct rig_client *c, const char *text);        /* write, then settle */
void rig_client_raw(struct rig_client *c, const char *text); /* past TLS */
void rig_client_notify(struct rig_client *c);                /* close_notify, no FIN */
void rig_client_fin(struct rig_client *c);
void rig_client_reset(struct rig_client *c);
void rig_forget(struct rig_client *c); /* empties text */

/* rig_back_write: false when the backend's own TCP has no room for all of it. */
bool rig_back_write(struct rig *r, struct rig_back *b, const void *data, size_t len);
void rig_back_say(struct rig *r, struct rig_back *b, const char *text);
/* rig_back_notify says close_notify, no FIN. */
void rig_back_notify(struct rig *r, struct rig_back *b);
void rig_back_fin(struct rig *r, struct rig_back *b);
void rig_back_reset(struct rig *r, struct rig_back *b);
/* client_kick, back_kick: read now, after having stopped. */
void client_kick(struct rig_client *c);
void back_kick(struct rig_back *b);
/* rig_drop_all lets clients and backends go; their slots are used again. */
void rig_drop_all(struct rig *r);
uint64_t rig_stat(const struct rig *r, enum lg_stat id);
/* The last line of the worker's log; "" when there is none. */
const char *rig_log(const struct rig *r);

#endif
