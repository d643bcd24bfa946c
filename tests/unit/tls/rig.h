/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h: one server connection of ours and one OpenSSL client, joined in memory. */
#ifndef LG_TEST_RIG_H
#define LG_TEST_RIG_H

#include "pki.h"
#include "t.h"
#include "tls_priv.h"
#include <openssl/ssl.h>

struct rig {
    /* -- set by the test before rig_open -- */
    struct lg_cfg_listener listener;
    struct lg_cfg_cert certs[8];
    uint32_t seg_sz;                    /* bytes a buf of output; default 1400 */
    uint32_t chunk_sz;                  /* bytes of the client's handed over at a time; 0: all */
    uint32_t max_handshakes, max_conns; /* default 4 */
    bool keeps_wolf;                    /* plan for open connections of wolfSSL's */
    /* -- the server -- */
    struct lg_config cfg;
    struct lg_diag diag;
    struct lg_tls_policy *policy;
    struct lg_bufheap heap;
    struct lg_stats stats;
    void *core_mem;
    struct lg_tls_core *core;
    struct lg_tls *t;
    struct lg_bufq in, plain, out;
    lg_err_t err; /* of the last lg_tls_rx */
    /* -- the client -- */
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *rb, *wb;
    int alert; /* last fatal alert the client received; -1: none */
    int close_notify;
    int saw_cert_request;
    SSL_SESSION *came;  /* owns: the newest session of this connection */
    SSL_SESSION *offer; /* owns: rig_client offers it; rig_keep fills it */
};

/* rig_once: the library's set-up, for tests without a rig. */
void rig_once(void);
/* rig_init: a listener with the given certificates (comma-separated names), one-way, TLS 1.2-1.3.
 */
void rig_init(struct rig *r, const char *certs);
/* rig_auth: mutual mode with the bundle of these names. */
void rig_auth(struct rig *r, enum lg_client_auth auth, const char *bundle);
void rig_crl(struct rig *r, const char *path);
/* rig_build makes the policy and core; false: r->diag says why. */
bool rig_build(struct rig *r);
/* rig_client makes the client. version 0: any. cert: its certificate or NULL; chain: names sent
 * with it, comma-separated, or NULL. */
void rig_client(struct rig *r, int version, const char *cert, const char *chain);
/* rig_keep takes the client's session, with the newest ticket that came, for the next rig_client.
 */
void rig_keep(struct rig *r);
/* rig_pump moves bytes both ways until nothing moves. */
void rig_pump(struct rig *r);
/* rig_connect: build (if not built), open and pump. */
void rig_connect(struct rig *r);
bool rig_is_open(const struct rig *r);
/* rig_close ends both sides' connection; the policy and core stay. */
void rig_close(struct rig *r);
/* rig_fini frees all and checks that pools and arena are as they were. */
void rig_fini(struct rig *r);
/* rig_all builds, connects with this client and pumps. */
void rig_all(struct rig *r, int version, const char *cert, const char *chain);
/* Text of all messages. */
const char *rig_messages(const struct rig *r);

#endif
