/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode: against OpenSSL's server and against ours, in memory. */
#include "client.h"
#include "rig.h"

#include <openssl/err.h>
#include <stdlib.h>

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

/* Our client and an OpenSSL server. */
struct duo {
    struct rig r; /* for its core, pool and messages; its server and client stay unused */
    struct lg_tls_client_cfg cfg;
    struct lg_tls_policy *policy;
    struct lg_tls_session session;
    struct lg_tls *t;
    struct lg_bufq in, plain, out;
    lg_err_t err;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *rb, *wb;
    int alert; /* last one the server received; -1: none */
};

static void on_info(const SSL *ssl, int where, int ret)
{
    struct duo *d = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        d->alert = ret & 0xff;
}

static int pick_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                     const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours, sizeof ours - 1,
                                 in, in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void duo_init(struct duo *d, const char *cert, const char *chain, int version)
{
    memset(d, 0, sizeof *d);
    rig_init(&d->r, "ecdsa");
    REQUIRE(rig_build(&d->r));
    d->cfg = (struct lg_tls_client_cfg){.owner = "pool web: tls.", .name = "a.example"};
    d->alert = -1;
    d->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(d->ctx, version);
    SSL_CTX_set_max_proto_version(d->ctx, version);
    SSL_CTX_use_certificate(d->ctx, pki_get(cert)->x509);
    SSL_CTX_use_PrivateKey(d->ctx, pki_get(cert)->key);
    if (chain)
        SSL_CTX_add1_chain_cert(d->ctx, pki_get(chain)->x509);
    SSL_CTX_set_mode(d->ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_info_callback(d->ctx, on_info);
    SSL_CTX_set_session_id_context(d->ctx, (const unsigned char *)"t", 1);
    SSL_CTX_set_alpn_select_cb(d->ctx, pick_alpn, NULL);
}

static void move(struct duo *d)
{
    struct lg_buf *b;
    uint8_t raw[4096];
    bool moved = true;
    while (moved) {
        moved = false;
        d->err = lg_tls_rx(d->t, &d->in, &d->plain, UINT32_MAX, &d->out, 1400, 0);
        while ((b = lg_bufq_pop(&d->out)) != NULL) {
            BIO_write(d->rb, b->data, (int)b->len);
            lg_buf_give(b);
            moved = true;
        }
        ERR_clear_error();
        if (SSL_in_init(d->ssl))
            SSL_do_handshake(d->ssl);
        else
            SSL_peek(d->ssl, raw, 1);
        int n;
        while ((n = BIO_read(d->wb, raw, sizeof raw)) > 0) {
            lg_bufq_write(&d->in, &d->r.heap.pool, raw, (uint32_t)n, 0);
            moved = true;
        }
    }
}

/* duo_connect opens a new connection of both and lets them talk. */
static void duo_connect(struct duo *d, const char *name)
{
    if (!d->policy && !lg_is_ok(lg_tls_client_policy_build(&d->cfg, 1, &d->policy, &d->r.diag))) {
        t_fail(__FILE__, __LINE__, "%s", rig_messages(&d->r));
        return;
    }
    d->ssl = SSL_new(d->ctx);
    SSL_set_app_data(d->ssl, d);
    d->rb = BIO_new(BIO_s_mem());
    d->wb = BIO_new(BIO_s_mem());
    SSL_set_bio(d->ssl, d->rb, d->wb);
    SSL_set_accept_state(d->ssl);
    d->t = lg_tls_client_open(d->r.core, d->policy, name, &d->session, 0);
    REQUIRE(d->t);
    move(d);
}

static void duo_close(struct duo *d)
{
    lg_tls_close(d->t);
    d->t = NULL;
    /* OpenSSL forgets a session that was not shut down. */
    if (d->ssl)
        SSL_set_shutdown(d->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(d->ssl);
    d->ssl = NULL;
    lg_bufq_drop_all(&d->in);
    lg_bufq_drop_all(&d->plain);
    lg_bufq_drop_all(&d->out);
}

static void duo_fini(struct duo *d)
{
    duo_close(d);
    lg_tls_session_free(&d->session);
    SSL_CTX_free(d->ctx);
    lg_tls_core_attach(d->r.core);
    rig_fini(&d->r);
    lg_tls_policy_free(d->policy);
}

static void expect_talk(struct duo *d)
{
    char buf[16];
    struct lg_bufq q = {0};
    EXPECT_EQ(lg_tls_state(d->t), LG_TLS_OPEN);
    T_STOP_IF_FAILED();
    lg_bufq_write(&q, &d->r.heap.pool, "ping", 4, 0);
    EXPECT_OK(lg_tls_tx(d->t, &q, UINT32_MAX, &d->out, 1400, 0));
    move(d);
    EXPECT_EQ(SSL_read(d->ssl, buf, sizeof buf), 4);
    EXPECT_EQ(SSL_write(d->ssl, "pong!", 5), 5);
    move(d);
    EXPECT_EQ(lg_bufq_read(&d->plain, buf, sizeof buf), 5);
    EXPECT_MEM(buf, "pong!", 5);
}

TEST(Client, ShakesHandsWithOpensslAndPassesData)
{
    for (size_t v = 0; v < 2; v++) {
        struct duo d;
        duo_init(&d, "ecdsa", NULL, versions[v]);
        T_STOP_IF_FAILED();
        duo_connect(&d, NULL);
        expect_talk(&d);
        if (!t_failed()) {
            const struct lg_tls_info *i = lg_tls_get_info(d.t);
            EXPECT_EQ(i->version, versions[v]);
            EXPECT_STR(i->group, "x25519");
            EXPECT(!i->resumed);
            EXPECT_STR(SSL_get_servername(d.ssl, TLSEXT_NAMETYPE_host_name), "a.example");
            lg_tls_shutdown(d.t, &d.out, 1400);
            move(&d);
            EXPECT_EQ(d.alert, 0);
            EXPECT_EQ(lg_stat_get(&d.r.stats, LG_STAT_TLS_CLI_DONE), 1);
            EXPECT_EQ(lg_stat_get(&d.r.stats, LG_STAT_TLS_HS_DONE), 0);
        }
        duo_fini(&d);
        T_STOP_IF_FAILED();
    }
}

TEST(Client, ShakesHandsWithOurServer)
{
    static const char *const certs[] = {"ecdsa", "rsa", "ed"};
    for (size_t k = 0; k < 3; k++) {
        struct rig r;
        struct lg_tls_client_cfg cfg = {.owner = "", .name = "a.example"};
        struct lg_tls_policy *policy = NULL;
        struct lg_bufq up = {0}, down = {0}, plain = {0};
        rig_init(&r, certs[k]);
        REQUIRE(rig_build(&r));
        EXPECT_OK(lg_tls_client_policy_build(&cfg, 1, &policy, &r.diag));
        T_STOP_IF_FAILED();
        struct lg_tls *s = lg_tls_open(r.core, r.policy, 0);
        struct lg_tls *c = lg_tls_client_open(r.core, policy, NULL, NULL, 0);
        for (int i = 0; i < 4; i++) {
            EXPECT_OK(lg_tls_rx(c, &down, &plain, UINT32_MAX, &up, 1400, 0));
            EXPECT_OK(lg_tls_rx(s, &up, &plain, UINT32_MAX, &down, 1400, 0));
        }
        EXPECT_EQ(lg_tls_state(s), LG_TLS_OPEN);
        EXPECT_EQ(lg_tls_state(c), LG_TLS_OPEN);
        EXPECT_STR(lg_tls_get_info(s)->sni, "a.example");
        EXPECT_STR(lg_tls_get_info(c)->suite, lg_tls_get_info(s)->suite);
        lg_tls_close(s);
        lg_tls_close(c);
        lg_bufq_drop_all(&up);
        lg_bufq_drop_all(&down);
        rig_fini(&r);
        lg_tls_policy_free(policy);
    }
}

/* ---------------------------------------------------------------- the server's identity, R14 */

struct refusal {
    const char *cert, *chain, *ca, *name;
    enum lg_tls_reason reason;
    int alert;
};

static void expect_refusal(const struct refusal *f, int version, const char *crl)
{
    struct duo d;
    duo_init(&d, f->cert, f->chain, version);
    T_STOP_IF_FAILED();
    d.cfg.ca = pki_bundle(f->ca);
    d.cfg.crls = &crl;
    d.cfg.crl_cnt = crl ? 1 : 0;
    duo_connect(&d, f->name);
    if (!t_failed()) {
        EXPECT_EQ(lg_tls_state(d.t), LG_TLS_FAILED);
        EXPECT_EQ(d.err.v, LG_E(TLS_AUTH).v);
        EXPECT_EQ(lg_tls_get_info(d.t)->reason, f->reason);
        EXPECT_EQ(d.alert, f->alert);
        EXPECT_EQ(lg_stat_get(&d.r.stats, LG_STAT_TLS_CLI_FAILED), 1);
        EXPECT_EQ(lg_stat_get(&d.r.stats, LG_STAT_TLS_HS_FAILED), 0);
    }
    duo_fini(&d);
}

TEST(Client, R14_RefusesServersItCannotVerify)
{
    static const struct refusal cases[] = {
        {"ecdsa", NULL, "root", "a.example", LG_TLS_R_UNKNOWN_CA, 48},
        {"lonely", NULL, "srvca", "a.example", LG_TLS_R_UNKNOWN_CA, 48},
        {"srvold", NULL, "srvca", "old.example", LG_TLS_R_EXPIRED, 45},
        {"ecdsa", NULL, "srvca", "b.example", LG_TLS_R_NAME, 42},
        {"ecdsa", NULL, "srvca", "example", LG_TLS_R_NAME, 42},
        {"wild", NULL, "srvca", "a.b.wild.example", LG_TLS_R_NAME, 42},
        {"b", NULL, "srvca", "ignored.example", LG_TLS_R_NAME, 42},
        {"ecdsa", NULL, "srvca", "10.0.0.1", LG_TLS_R_NAME, 42},
        {"addr", NULL, "srvca", "192.0.2.8", LG_TLS_R_NAME, 42},
        {"addr", NULL, "srvca", "2001:db8::8", LG_TLS_R_NAME, 42},
        {"addrcn", NULL, "srvca", "192.0.2.7", LG_TLS_R_NAME, 42}, /* not by an iPAddress */
        /* A CA for 10/8 only speaks of another address in words that its limits do not bind. */
        {"ncipcn", "ncip", "root", "192.0.2.1", LG_TLS_R_NAME, 42},
        {"ncipdns", "ncip", "root", "192.0.2.1", LG_TLS_R_NAME, 42},
        {"good", NULL, "root", "", LG_TLS_R_BAD_CERT, 43}, /* clientAuth only */
        {"chained", NULL, "srvca", "chained.example", LG_TLS_R_UNKNOWN_CA, 48},
    };
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
            expect_refusal(&cases[i], versions[v], NULL);
            if (t_failed()) {
                t_fail(__FILE__, __LINE__, "case %zu, version %x", i, (unsigned)versions[v]);
                return;
            }
        }
}

TEST(Client, R14_RefusesRevokedServers)
{
    static const struct refusal f = {"ecdsa", NULL, "srvca", "a.example", LG_TLS_R_REVOKED, 44};
    const char *crl = pki_crl("srvca", "ecdsa", 3600, NULL);
    expect_refusal(&f, TLS1_3_VERSION, crl);
    expect_refusal(&f, TLS1_2_VERSION, crl);
}

TEST(Client, R14_AdmitsServersItCanVerify)
{
    static const struct {
        const char *cert, *chain, *name;
    } good[] = {{"ecdsa", NULL, "www.a.example"},
                {"rsa", NULL, "a.example"},
                {"wild", NULL, "x.wild.example"},
                {"chained", "srvinter", "chained.example"},
                {"addr", NULL, "192.0.2.7"},
                {"addr", NULL, "2001:db8::7"},
                {"ecdsa", NULL, ""}}; /* no name: the chain alone counts */
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < LG_ARRAY_CNT(good); i++) {
            struct duo d;
            duo_init(&d, good[i].cert, good[i].chain, versions[v]);
            T_STOP_IF_FAILED();
            d.cfg.ca = pki_bundle("root,srvca");
            duo_connect(&d, good[i].name);
            expect_talk(&d);
            duo_fini(&d);
            T_STOP_IF_FAILED();
        }
}

/* A key that signs, but is not the certificate's. */
static EVP_PKEY *swapped_key(void)
{
    return pki_get("wild")->key;
}

TEST(Client, R14_HoldsAServerToTheProofOfItsKey)
{
    for (size_t v = 0; v < 2; v++) {
        struct duo d;
        duo_init(&d, "ecdsa", NULL, versions[v]);
        T_STOP_IF_FAILED();
        /* OpenSSL compares the two when it is given them; not when the key is changed inside. */
        EVP_PKEY *key = SSL_CTX_get0_privatekey(d.ctx);
        EC_KEY *ec = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(key));
        EC_KEY_set_private_key(ec, EC_KEY_get0_private_key(EVP_PKEY_get0_EC_KEY(swapped_key())));
        EVP_PKEY *liar = EVP_PKEY_new();
        EVP_PKEY_set1_EC_KEY(liar, ec);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(d.ctx, liar), 1);
        EC_KEY_free(ec);
        EVP_PKEY_free(liar);
        duo_connect(&d, NULL); /* nothing but the signature is checked */
        EXPECT_EQ(lg_tls_state(d.t), LG_TLS_FAILED);
        EXPECT_EQ(lg_tls_get_info(d.t)->reason, LG_TLS_R_SIGNATURE);
        duo_fini(&d);
        T_STOP_IF_FAILED();
    }
}

/* ---------------------------------------------------------------- what it asks, and shows */

TEST(Client, ShowsItsCertificateWhenAsked)
{
    for (size_t v = 0; v < 2; v++) {
        struct duo d;
        duo_init(&d, "ecdsa", NULL, versions[v]);
        T_STOP_IF_FAILED();
        SSL_CTX_set_verify(d.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(d.ctx), pki_get("root")->x509);
        d.cfg.cert = pki_cert_file("good");
        d.cfg.key = pki_key_file("good");
        duo_connect(&d, NULL);
        expect_talk(&d);
        if (!t_failed())
            EXPECT(SSL_get0_peer_certificate(d.ssl) != NULL);
        duo_fini(&d);
    }
}

TEST(Client, TellsTheServersAlert)
{
    struct duo d;
    duo_init(&d, "ecdsa", NULL, TLS1_2_VERSION);
    T_STOP_IF_FAILED();
    d.cfg.min_version = LG_TLS_13;
    duo_connect(&d, NULL);
    EXPECT_EQ(lg_tls_state(d.t), LG_TLS_FAILED);
    EXPECT_EQ(lg_tls_get_info(d.t)->reason, LG_TLS_R_PEER_ALERT);
    EXPECT_EQ(lg_tls_get_info(d.t)->alert_received, 70);
    EXPECT_EQ(d.err.v, LG_E(TLS_ALERT_RX).v);
    duo_fini(&d);
}

TEST(Client, OffersTheGroupsSuitesAndProtocolsAskedFor)
{
    static const char *const alpn[] = {"h3", "http/1.1"};
    for (size_t v = 0; v < 2; v++) {
        struct duo d;
        duo_init(&d, "ecdsa", NULL, versions[v]);
        T_STOP_IF_FAILED();
        d.cfg.groups[0] = lg_tls_group_of(LG_SPAN_STR("secp256r1"));
        d.cfg.group_cnt = 1;
        d.cfg.suites[0] = lg_tls_suite_of(LG_SPAN_STR("TLS_AES_128_GCM_SHA256"));
        d.cfg.suites[1] = lg_tls_suite_of(LG_SPAN_STR("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
        d.cfg.suite_cnt = 2;
        d.cfg.alpn = alpn;
        d.cfg.alpn_cnt = 2;
        duo_connect(&d, NULL);
        expect_talk(&d);
        if (!t_failed()) {
            const struct lg_tls_info *i = lg_tls_get_info(d.t);
            EXPECT_STR(i->group, "secp256r1");
            EXPECT_STR(i->alpn, "http/1.1");
            EXPECT_HAS(i->suite, "AES_128_GCM_SHA256");
        }
        duo_fini(&d);
    }
    EXPECT_EQ(lg_tls_suite_of(LG_SPAN_STR("TLS_NULL")), 0);
    EXPECT_EQ(lg_tls_group_of(LG_SPAN_STR("x448")), 0);
}

/* ---------------------------------------------------------------- resumption */

TEST(Client, ResumesByTicket)
{
    for (size_t v = 0; v < 2; v++) {
        struct duo d;
        duo_init(&d, "ecdsa", NULL, versions[v]);
        T_STOP_IF_FAILED();
        d.cfg.resumption = true;
        d.cfg.ca = pki_bundle("srvca");
        duo_connect(&d, NULL);
        expect_talk(&d);
        T_STOP_IF_FAILED();
        EXPECT(lg_tls_session_take(d.t, &d.session));
        EXPECT(!lg_tls_session_take(d.t, &d.session));
        /* One session, used again and again. */
        for (int again = 0; again < 3; again++) {
            duo_close(&d);
            duo_connect(&d, NULL);
            expect_talk(&d);
            T_STOP_IF_FAILED();
            EXPECT(lg_tls_get_info(d.t)->resumed);
            EXPECT_EQ(SSL_session_reused(d.ssl), 1);
        }
        EXPECT_EQ(lg_stat_get(&d.r.stats, LG_STAT_TLS_CLI_RESUMED), 3);
        /* Not for another name. */
        duo_close(&d);
        duo_connect(&d, "www.a.example");
        expect_talk(&d);
        T_STOP_IF_FAILED();
        EXPECT(!lg_tls_get_info(d.t)->resumed);
        duo_fini(&d);
    }
}

TEST(Client, ASessionOfAnotherPolicyIsNotUsed)
{
    struct duo d;
    duo_init(&d, "ecdsa", NULL, TLS1_3_VERSION);
    T_STOP_IF_FAILED();
    d.cfg.resumption = true; /* unchecked server */
    duo_connect(&d, NULL);
    expect_talk(&d);
    T_STOP_IF_FAILED();
    EXPECT(lg_tls_session_take(d.t, &d.session));
    duo_close(&d);
    struct lg_tls_policy *unchecked = d.policy;
    d.policy = NULL;
    d.cfg.ca = pki_bundle("root"); /* would refuse this server */
    duo_connect(&d, NULL);
    EXPECT_EQ(lg_tls_state(d.t), LG_TLS_FAILED);
    EXPECT_EQ(lg_tls_get_info(d.t)->reason, LG_TLS_R_UNKNOWN_CA);
    duo_fini(&d);
    lg_tls_policy_free(unchecked);
}

TEST(Client, GivesNoTicketWithoutResumption)
{
    struct duo d;
    duo_init(&d, "ecdsa", NULL, TLS1_3_VERSION);
    T_STOP_IF_FAILED();
    duo_connect(&d, NULL);
    expect_talk(&d);
    EXPECT(!lg_tls_session_take(d.t, &d.session));
    duo_fini(&d);
}

/* ---------------------------------------------------------------- building */

TEST(Client, APolicyThatCannotBeSaysWhy)
{
    struct rig r;
    struct lg_tls_policy *p = NULL;
    struct lg_tls_client_cfg cfg = {.owner = "pool web: tls.", .ca = "/nonexistent/ca.pem"};
    rig_init(&r, "ecdsa");
    EXPECT_ERR(lg_tls_client_policy_build(&cfg, 1, &p, &r.diag), LG_E(CONFIG));
    EXPECT_HAS(rig_messages(&r), "pool web: tls.ca: cannot open /nonexistent/ca.pem");
    cfg = (struct lg_tls_client_cfg){.owner = "--", .cert = pki_cert_file("good")};
    EXPECT_ERR(lg_tls_client_policy_build(&cfg, 1, &p, &r.diag), LG_E(RANGE));
    cfg.key = pki_key_file("foreign");
    EXPECT_ERR(lg_tls_client_policy_build(&cfg, 1, &p, &r.diag), LG_E(CONFIG));
    EXPECT_HAS(rig_messages(&r), "--key: ");
    EXPECT(p == NULL);
    rig_fini(&r);
}

TEST(Client, ShedsWhenHandshakeMemoryIsGone)
{
    struct duo d;
    struct lg_tls *more[8] = {0};
    duo_init(&d, "ecdsa", NULL, TLS1_3_VERSION);
    T_STOP_IF_FAILED();
    EXPECT_OK(lg_tls_client_policy_build(&d.cfg, 1, &d.policy, &d.r.diag));
    uint32_t got = 0;
    while (got < 8 && (more[got] = lg_tls_client_open(d.r.core, d.policy, NULL, NULL, 0)) != NULL)
        got++;
    EXPECT_EQ(got, 4); /* rig's max_handshakes */
    for (uint32_t i = 0; i < got; i++)
        lg_tls_close(more[i]);
    duo_fini(&d);
}
