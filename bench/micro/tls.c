/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* tls.c: whole handshakes and records through lg_tls, client and server joined in memory. Only what
 * the server does is timed. */
#include "client.h"
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEG 1448u
#define CONNS 8u

struct site {
    const char *name, *cert; /* NAME.pem and NAME.key of the PKI folder */
    bool mutual, resume;
    struct lg_tls_policy *server, *client;
    struct lg_tls_session session;
};

struct pair {
    struct lg_tls *server, *client;
    struct lg_bufq to_server, to_client, plain;
    uint64_t server_cycles;
};

static struct lg_tls_core *core;
static struct lg_bufpool *pool;
static struct lg_stats stats;
static const char *pki;

static char *file_of(const char *name, const char *ext)
{
    char *path = NULL;
    micro_require(asprintf(&path, "%s/%s%s", pki, name, ext) > 0, "out of memory");
    return path;
}

static void require_built(lg_err_t e, const struct lg_diag *diag)
{
    if (!lg_is_ok(e) && diag->kept_cnt > 0)
        fprintf(stderr, "%s\n", diag->msg[0].text);
    micro_require(lg_is_ok(e), "tls: the policy could not be built");
}

static void build(struct site *s)
{
    static struct lg_diag diag;
    struct lg_cfg_cert cert = {.cert = file_of(s->cert, ".pem"), .key = file_of(s->cert, ".key")};
    struct lg_config cfg = {.file = (char *)"micro"};
    struct lg_cfg_listener l = {.name = (char *)s->name, .type = LG_LISTENER_TCP_SSL};
    struct lg_tls_client_cfg c = {.owner = "micro: ",
                                  .min_version = LG_TLS_13,
                                  .max_version = LG_TLS_13,
                                  .name = "shop.example",
                                  .resumption = s->resume};

    l.tls = (struct lg_cfg_tls){.min_version = LG_TLS_13,
                                .max_version = LG_TLS_13,
                                .cert_cnt = 1,
                                .certs = &cert,
                                .verify_depth = 4};
    if (s->mutual) {
        l.tls.client_auth = LG_AUTH_REQUIRED;
        l.tls.client_ca = file_of("client-ca", ".pem");
        c.cert = file_of("alice", ".pem");
        c.key = file_of("alice", ".key");
    }
    require_built(lg_tls_policy_build(&cfg, &l, 1, &s->server, &diag), &diag);
    require_built(lg_tls_client_policy_build(&c, 1, &s->client, &diag), &diag);
}

static void pump(struct pair *p)
{
    for (int i = 0; i < 8; i++) {
        lg_err_t c = lg_tls_rx(p->client, &p->to_client, &p->plain, UINT32_MAX, &p->to_server, SEG,
                               LG_SEC(1));
        if (p->to_server.bytes == 0 && i > 0)
            break;
        uint64_t begin = micro_tsc();
        lg_err_t s = lg_tls_rx(p->server, &p->to_server, &p->plain, UINT32_MAX, &p->to_client, SEG,
                               LG_SEC(1));
        p->server_cycles += micro_tsc() - begin;
        micro_require(lg_is_ok(c) && lg_is_ok(s), "tls: handshake failed");
    }
    micro_require(lg_tls_state(p->server) == LG_TLS_OPEN && lg_tls_state(p->client) == LG_TLS_OPEN,
                  "tls: not open");
}

static void open_pair(struct site *s, struct pair *p)
{
    memset(p, 0, sizeof *p);
    p->client = lg_tls_client_open(core, s->client, "shop.example", s->resume ? &s->session : NULL,
                                   LG_SEC(1));
    uint64_t begin = micro_tsc();
    p->server = lg_tls_open(core, s->server, LG_SEC(1));
    p->server_cycles += micro_tsc() - begin;
    micro_require(p->client && p->server, "tls: no connection");
    pump(p);
}

static void close_pair(struct pair *p)
{
    uint64_t begin = micro_tsc();
    lg_tls_close(p->server);
    p->server_cycles += micro_tsc() - begin;
    lg_tls_close(p->client);
    lg_bufq_drop_all(&p->to_server);
    lg_bufq_drop_all(&p->to_client);
    lg_bufq_drop_all(&p->plain);
}

static uint64_t run_handshake(void *ctx, uint64_t cnt)
{
    struct site *s = ctx;
    uint64_t cycles = 0;
    struct pair p;

    if (!s->server)
        build(s);
    for (uint64_t i = 0; i < cnt; i++) {
        open_pair(s, &p);
        micro_require(!s->resume || !s->session.s || lg_tls_get_info(p.server)->resumed,
                      "tls: not resumed");
        if (s->resume && !s->session.s)
            micro_require(lg_tls_session_take(p.client, &s->session), "tls: no ticket");
        close_pair(&p);
        cycles += p.server_cycles;
    }
    return cycles;
}

/* ------------------------------------------------------------- records */

struct rec {
    uint32_t sz;
    bool open; /* the client seals, the server opens; else the other way round */
    char name[24], bound[24];
};

static struct pair records; /* one connection for all of them */

static void fill(struct lg_bufq *q, uint32_t sz)
{
    static uint8_t text[16384];
    micro_require(lg_bufq_write(q, pool, text, sz, SEG) == sz, "tls: no buffers");
}

static uint64_t run_record(void *ctx, uint64_t cnt)
{
    const struct rec *r = ctx;
    struct lg_tls *from = r->open ? records.client : records.server;
    struct lg_tls *to = r->open ? records.server : records.client;
    uint64_t cycles[2] = {0};

    for (uint64_t i = 0; i < cnt; i++) {
        struct lg_bufq plain = {0}, wire = {0}, got = {0}, back = {0};
        fill(&plain, r->sz);
        uint64_t begin = micro_tsc();
        lg_err_t sealed = lg_tls_tx(from, &plain, UINT32_MAX, &wire, SEG, LG_SEC(1));
        cycles[0] += micro_tsc() - begin;
        begin = micro_tsc();
        lg_err_t opened = lg_tls_rx(to, &wire, &got, UINT32_MAX, &back, SEG, LG_SEC(1));
        cycles[1] += micro_tsc() - begin;
        micro_require(lg_is_ok(sealed) && lg_is_ok(opened) && got.bytes == r->sz,
                      "tls: a record was lost");
        lg_bufq_drop_all(&got);
        lg_bufq_drop_all(&back);
    }
    return cycles[r->open];
}

static void add_records(struct site *s)
{
    static const uint32_t sizes[] = {64, 1024, 16384};
    static struct rec recs[2][LG_ARRAY_CNT(sizes)];

    build(s);
    open_pair(s, &records);
    for (unsigned open = 0; open < 2; open++) {
        for (unsigned i = 0; i < LG_ARRAY_CNT(sizes); i++) {
            struct rec *r = &recs[open][i];
            r->sz = sizes[i];
            r->open = open;
            const char *verb = open ? "open" : "seal";
            snprintf(r->name, sizeof r->name, "record-%s-%u", verb, r->sz);
            snprintf(r->bound, sizeof r->bound, "gcm256-%s-%u", verb, r->sz);
            micro_add("record", r->name, r->bound, run_record, r);
        }
    }
}

void micro_add_tls(const struct micro_opts *o)
{
    static struct site ecdsa = {.name = "ecdsa", .cert = "server-ecdsa"};
    static struct site rsa = {.name = "rsa", .cert = "server-rsa"};
    static struct site mutual = {.name = "mutual", .cert = "server-ecdsa", .mutual = true};
    const struct lg_tls_core_cfg cfg = {
        .max_conns = CONNS, .max_handshakes = CONNS, .keeps_wolf = true};
    const char *g = "handshake";

    if (!o->pki)
        return;
    pki = o->pki;
    pool = micro_pool(1024);
    micro_require(lg_is_ok(lg_tls_core_init(micro_alloc(lg_tls_core_footprint(&cfg)), &cfg, pool,
                                            &stats, &core)),
                  "tls: core");
    lg_tls_core_attach(core);
    micro_add(g, "handshake-ecdsa", "x25519-keygen+x25519-agree+p256-sign", run_handshake, &ecdsa);
    micro_add(g, "handshake-rsa", "x25519-keygen+x25519-agree+rsa2048-sign", run_handshake, &rsa);
    micro_add(g, "handshake-mutual",
              "x25519-keygen+x25519-agree+p256-sign+p256-verify+p256-verify+p256-verify",
              run_handshake, &mutual);
    add_records(&ecdsa);
}
