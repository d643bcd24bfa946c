/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

void rig_once(void)
{
    static bool done;
    if (!done && !lg_is_ok(lg_tls_global_init()))
        abort();
    done = true;
}

void rig_init(struct rig *r, const char *certs)
{
    char *list = strdup(certs), *save = NULL;
    memset(r, 0, sizeof *r);
    rig_once();
    r->cfg.file = "test.yaml";
    r->seg_sz = 1400;
    r->max_handshakes = r->max_conns = 4;
    r->alert = -1;
    struct lg_cfg_listener *l = &r->listener;
    l->name = "web";
    l->type = LG_LISTENER_TCP_SSL;
    l->tls.min_version = LG_TLS_12;
    l->tls.max_version = LG_TLS_13;
    l->tls.verify_depth = 4;
    l->tls.tickets = true;
    l->tls.ticket_lifetime_ns = LG_SEC(3600);
    l->tls.certs = r->certs;
    for (char *n = strtok_r(list, ",", &save); n; n = strtok_r(NULL, ",", &save)) {
        struct lg_cfg_cert *c = &r->certs[l->tls.cert_cnt++];
        bool chained = strcmp(n, "chained") == 0;
        c->cert = (char *)pki_bundle(chained ? "chained,srvinter" : n);
        c->key = (char *)pki_key_file(n);
        c->line = 7;
    }
    free(list);
    lg_bufheap_init(&r->heap, 4096, 2048);
}

void rig_auth(struct rig *r, enum lg_client_auth auth, const char *bundle)
{
    r->listener.tls.client_auth = auth;
    r->listener.tls.client_ca = (char *)pki_bundle(bundle);
}

void rig_crl(struct rig *r, const char *path)
{
    struct lg_cfg_tls *t = &r->listener.tls;
    t->crls = realloc(t->crls, (t->crl_cnt + 1) * sizeof *t->crls);
    t->crls[t->crl_cnt++] = (char *)path;
}

bool rig_build(struct rig *r)
{
    struct lg_tls_core_cfg c = {.max_conns = r->max_conns,
                                .max_handshakes = r->max_handshakes,
                                .keeps_wolf = r->keeps_wolf};
    if (!lg_is_ok(lg_tls_policy_build(&r->cfg, &r->listener, 1, &r->policy, &r->diag)))
        return false;
    size_t sz = lg_tls_core_footprint(&c);
    sz = (sz + 63) & ~(size_t)63;
    r->core_mem = aligned_alloc(64, sz);
    memset(r->core_mem, 0, sz);
    if (!lg_is_ok(lg_tls_core_init(r->core_mem, &c, &r->heap.pool, &r->stats, &r->core)))
        abort();
    lg_tls_core_attach(r->core);
    return true;
}

static void on_info(const SSL *ssl, int where, int ret)
{
    struct rig *r = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT)
        return;
    if ((ret & 0xff) == 0)
        r->close_notify++;
    else
        r->alert = ret & 0xff;
}

static int on_cert_wanted(SSL *ssl, void *arg)
{
    (void)ssl;
    ((struct rig *)arg)->saw_cert_request++;
    return 1;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct rig *r = SSL_get_app_data(ssl);
    SSL_SESSION_free(r->came);
    r->came = session;
    return 1; /* taken */
}

void rig_client(struct rig *r, int version, const char *cert, const char *chain)
{
    r->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(r->ctx, 0);
    SSL_CTX_set_info_callback(r->ctx, on_info);
    SSL_CTX_set_cert_cb(r->ctx, on_cert_wanted, r);
    SSL_CTX_set_session_cache_mode(r->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(r->ctx, on_session);
    if (version) {
        SSL_CTX_set_min_proto_version(r->ctx, version);
        SSL_CTX_set_max_proto_version(r->ctx, version);
    }
    if (cert) {
        SSL_CTX_use_certificate(r->ctx, pki_get(cert)->x509);
        SSL_CTX_use_PrivateKey(r->ctx, pki_get(cert)->key);
        SSL_CTX_set_mode(r->ctx, SSL_MODE_NO_AUTO_CHAIN);
    }
    char *list = strdup(chain ? chain : ""), *save = NULL;
    for (char *n = strtok_r(list, ",", &save); n; n = strtok_r(NULL, ",", &save))
        SSL_CTX_add1_chain_cert(r->ctx, pki_get(n)->x509);
    free(list);
    r->ssl = SSL_new(r->ctx);
    SSL_set_app_data(r->ssl, r);
    r->rb = BIO_new(BIO_s_mem());
    r->wb = BIO_new(BIO_s_mem());
    SSL_set_bio(r->ssl, r->rb, r->wb);
    if (r->offer)
        SSL_set_session(r->ssl, r->offer);
    SSL_set_connect_state(r->ssl);
}

void rig_keep(struct rig *r)
{
    SSL_SESSION_free(r->offer);
    /* OpenSSL does not announce a 1.2 session whose ticket was renewed. */
    r->offer = r->came ? r->came : SSL_get1_session(r->ssl);
    r->came = NULL;
}

static bool to_server(struct rig *r)
{
    uint8_t b[16384];
    uint32_t want = r->chunk_sz ? r->chunk_sz : sizeof b;
    int n = BIO_read(r->wb, b, (int)LG_MIN(want, (uint32_t)sizeof b));
    if (n > 0)
        lg_bufq_write(&r->in, &r->heap.pool, b, (uint32_t)n, 0);
    uint32_t before = r->in.bytes + r->plain.bytes + r->out.bytes;
    r->err = lg_tls_rx(r->t, &r->in, &r->plain, 1u << 20, &r->out, r->seg_sz, 0);
    return n > 0 || r->in.bytes + r->plain.bytes + r->out.bytes != before;
}

static bool to_client(struct rig *r)
{
    struct lg_buf *b;
    bool moved = false;
    while ((b = lg_bufq_pop(&r->out)) != NULL) {
        if (b->len > r->seg_sz)
            t_fail(__FILE__, __LINE__, "a buf of %u bytes, above the segment size", b->len);
        BIO_write(r->rb, b->data, (int)b->len);
        lg_buf_give(b);
        moved = true;
    }
    return moved;
}

void rig_pump(struct rig *r)
{
    bool moved = true;
    while (moved) {
        ERR_clear_error();
        if (SSL_in_init(r->ssl))
            SSL_do_handshake(r->ssl);
        else
            SSL_peek(r->ssl, &(char){0}, 1); /* reads alerts and key updates */
        moved = BIO_ctrl_pending(r->wb) > 0;
        moved |= to_server(r);
        moved |= to_client(r);
    }
}

void rig_connect(struct rig *r)
{
    r->t = lg_tls_open(r->core, r->policy, 0);
    REQUIRE(r->t);
    rig_pump(r);
}

void rig_all(struct rig *r, int version, const char *cert, const char *chain)
{
    if (!r->policy && !rig_build(r)) {
        t_fail(__FILE__, __LINE__, "%s", rig_messages(r));
        return;
    }
    rig_client(r, version, cert, chain);
    rig_connect(r);
}

bool rig_is_open(const struct rig *r)
{
    return r->t && lg_tls_state(r->t) == LG_TLS_OPEN && !SSL_in_init(r->ssl);
}

void rig_close(struct rig *r)
{
    lg_tls_close(r->t);
    if (r->ssl) /* else OpenSSL takes the session for a broken one and does not offer it again */
        SSL_set_shutdown(r->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    r->t = NULL;
    r->ssl = NULL;
    r->ctx = NULL;
    r->alert = -1;
    r->close_notify = r->saw_cert_request = 0;
    lg_bufq_drop_all(&r->in);
    lg_bufq_drop_all(&r->plain);
    lg_bufq_drop_all(&r->out);
    SSL_SESSION_free(r->came);
    r->came = NULL;
}

void rig_fini(struct rig *r)
{
    rig_close(r);
    if (r->core) {
        EXPECT_EQ(lg_tls_core_used(r->core), 0);
        EXPECT_EQ(lg_tls_core_arena_used(r->core), 0);
        EXPECT_EQ(r->core->handshakes, 0);
        lg_tls_core_fini(r->core);
    }
    EXPECT_EQ(r->heap.cnt_out, 0);
    free(r->core_mem);
    lg_tls_policy_free(r->policy);
    free(r->listener.tls.crls);
    SSL_SESSION_free(r->offer);
    r->offer = NULL;
    r->core = NULL;
    r->policy = NULL;
}

const char *rig_messages(const struct rig *r)
{
    static char text[8192];
    size_t n = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < r->diag.kept_cnt; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", r->diag.msg[i].text);
    return text;
}
