/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_back_tls.c: TLS to the backends: OpenSSL servers behind the proxy, each check of R14, bytes
 * and ends both ways, kept connections, health checks. */
#include "rig.h"

#include "client.h"
#include "pki.h"

static struct rig r;

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* begin: a rig whose first pool speaks TLS to a server with that certificate. */
static void begin_as(enum lg_listener_type type, const struct lg_tls_client_cfg *cfg,
                     const char *cert)
{
    rig_init(&r, type);
    r.back_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(r.back_ctx, pki_get(cert)->x509);
    SSL_CTX_use_PrivateKey(r.back_ctx, pki_get(cert)->key);
    SSL_CTX_set_mode(r.back_ctx, SSL_MODE_NO_AUTO_CHAIN);
    EXPECT_OK(lg_tls_client_policy_build(cfg, 1, &r.back_policy, &r.diag));
    r.pools[0].tls.on = true;
    rig_build(&r);
}

static void begin(enum lg_listener_type type)
{
    struct lg_tls_client_cfg cfg = {
        .owner = "pool main: tls.", .name = "a.example", .ca = pki_bundle("srvca")};
    begin_as(type, &cfg, "ecdsa");
}

TEST(BackTls, CarriesBytesBothWaysAndEndsBothWays)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "hello");
    REQUIRE_EQ(r.back_cnt, 1);
    EXPECT_STR(r.back[0].text, "hello");
    EXPECT_STR(SSL_get_servername(r.back[0].ssl, TLSEXT_NAMETYPE_host_name), "a.example");
    rig_back_say(&r, &r.back[0], "and hello to you");
    EXPECT_STR(c->text, "and hello to you");
    rig_client_notify(c);
    EXPECT(r.back[0].notified);
    EXPECT(r.back[0].fin);
    rig_back_say(&r, &r.back[0], "bye");
    rig_back_notify(&r, &r.back[0]);
    EXPECT_STR(c->text, "and hello to youbye");
    EXPECT(c->close_notify);
    EXPECT_EQ(rig_stat(&r, LG_STAT_BACKEND_TLS_OK), 1);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_CLOSED), 1);
    rig_fini(&r);
}

TEST(BackTls, ABackendThatCutsItsStreamIsSeenToBeCut)
{
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c = rig_client_tls(&r);
    rig_back_say(&r, &r.back[0], "half of");
    rig_back_fin(&r, &r.back[0]); /* no close_notify */
    EXPECT_STR(c->text, "half of");
    EXPECT(c->fin);
    EXPECT(!c->close_notify);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_TRUNCATED), 1);
    rig_fini(&r);
}

TEST(BackTls, CarriesMuchMoreThanAQueueHolds)
{
    static char chunk[16000];
    begin(LG_LISTENER_TCP_SSL);
    struct rig_client *c = rig_client_tls(&r);
    memset(chunk, 'x', sizeof chunk);
    for (int i = 0; i < 50; i++) {
        rig_write(c, chunk, sizeof chunk);
        EXPECT(rig_back_write(&r, &r.back[0], chunk, sizeof chunk));
        rig_settle(&r);
    }
    EXPECT_EQ(c->total, 50 * sizeof chunk);
    EXPECT(r.back[0].total > 50 * sizeof chunk); /* and what TLS adds */
    rig_fini(&r);
}

TEST(BackTls, RequestsReuseAConnectionAfterItsTickets)
{
    begin(LG_LISTENER_HTTPS);
    struct rig_client *c = rig_client_tls(&r);
    for (int i = 0; i < 2; i++) { /* one each: then both are kept */
        rig_say(c, GET);
        REQUIRE_EQ(r.back_cnt, (uint32_t)i + 1);
        EXPECT_HAS(r.back[i].text, "GET / HTTP/1.1\r\n");
        rig_back_say(&r, &r.back[i], OK_HI);
    }
    for (int i = 0; i < 4; i++) {
        rig_forget(c);
        rig_say(c, GET);
        rig_back_say(&r, &r.back[i % 2], OK_HI);
        EXPECT_HAS(c->text, "\r\n\r\nhi");
    }
    EXPECT_EQ(r.back_cnt, 2);
    EXPECT_EQ(rig_stat(&r, LG_STAT_PROXY_BACKEND_REUSED), 4);
    EXPECT_EQ(rig_stat(&r, LG_STAT_BACKEND_TLS_OK), 2);
    rig_run(&r, LG_SEC(31));
    EXPECT(r.back[0].notified && r.back[0].fin); /* kept long enough */
    rig_fini(&r);
}

TEST(BackTls, AResponseUpToTheEndNeedsACloseNotify)
{
    for (int cut = 0; cut < 2; cut++) {
        begin(LG_LISTENER_HTTPS);
        struct rig_client *c = rig_client_tls(&r);
        rig_say(c, GET);
        rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\n\r\nall there is");
        if (!cut)
            rig_back_notify(&r, &r.back[0]);
        rig_back_fin(&r, &r.back[0]);
        EXPECT_HAS(c->text, "all there is");
        EXPECT(c->fin);
        EXPECT_EQ(c->close_notify, !cut);
        rig_fini(&r);
    }
}

TEST(BackTls, R14_RefusesABackendThatIsNotWhatItShallBe)
{
    static const struct {
        const char *cert, *name, *ca, *why;
        enum lg_stat stat;
        bool is_revoked;
    } bad[] = {
        {"srvold", "old.example", "srvca", "certificate expired or not yet valid",
         LG_STAT_BACKEND_TLS_EXPIRED, false},
        {"ecdsa", "a.example", "srvca", "certificate revoked", LG_STAT_BACKEND_TLS_REVOKED, true},
        {"ecdsa", "a.example", "other", "certificate from an unknown CA",
         LG_STAT_BACKEND_TLS_UNTRUSTED, false},
        {"ecdsa", "b.example", "srvca", "certificate for another name", LG_STAT_BACKEND_TLS_NAME,
         false},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        const char *crl = bad[i].is_revoked ? pki_crl("srvca", bad[i].cert, 3600, NULL) : NULL;
        struct lg_tls_client_cfg cfg = {.owner = "pool main: tls.",
                                        .name = bad[i].name,
                                        .ca = pki_bundle(bad[i].ca),
                                        .crls = &crl,
                                        .crl_cnt = crl != NULL};
        begin_as(LG_LISTENER_HTTPS, &cfg, bad[i].cert);
        struct rig_client *c = rig_client_tls(&r);
        rig_say(c, GET);
        EXPECT_HAS(c->text, "HTTP/1.1 502 ");
        EXPECT_EQ(r.back_cnt, 2);    /* the other one is no better */
        EXPECT_EQ(r.back[0].len, 0); /* and sees nothing of the request */
        EXPECT_EQ(rig_stat(&r, LG_STAT_BACKEND_TLS_FAILED), 2);
        EXPECT_EQ(rig_stat(&r, bad[i].stat), 2);
        bool is_said = false;
        for (uint32_t k = 0; k < r.log->tail; k++)
            is_said |=
                strstr(r.log->lines[k].text, "pool main backend one: TLS handshake failed") &&
                strstr(r.log->lines[k].text, bad[i].why);
        if (!is_said)
            t_fail(__FILE__, __LINE__, "not said: %s; last: %s", bad[i].why, rig_log(&r));
        rig_fini(&r);
    }
}

TEST(BackTls, WithoutVerifyAnybodyIsGoodEnough)
{
    struct lg_tls_client_cfg cfg = {.owner = "pool main: tls.", .name = "what.ever"};
    begin_as(LG_LISTENER_TCP_SSL, &cfg, "srvold");
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "x");
    EXPECT_STR(r.back[0].text, "x");
    rig_fini(&r);
}

TEST(BackTls, ShowsItsCertificateToWhoAsks)
{
    struct lg_tls_client_cfg cfg = {.owner = "pool main: tls.",
                                    .name = "a.example",
                                    .ca = pki_bundle("srvca"),
                                    .cert = pki_cert_file("good"),
                                    .key = pki_key_file("good")};
    begin_as(LG_LISTENER_TCP_SSL, &cfg, "ecdsa");
    SSL_CTX_set_verify(r.back_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_load_verify_locations(r.back_ctx, pki_bundle("root"), NULL);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "x");
    EXPECT_STR(r.back[0].text, "x");
    EXPECT(SSL_get0_peer_certificate(r.back[0].ssl) != NULL);
    rig_fini(&r);
}

TEST(BackTls, HealthChecksShakeHandsAndAskInside)
{
    static const enum lg_health_type types[] = {LG_HEALTH_TLS, LG_HEALTH_HTTP};
    for (size_t i = 0; i < LG_ARRAY_CNT(types); i++) {
        struct lg_tls_client_cfg cfg = {
            .owner = "pool main: tls.", .name = "a.example", .ca = pki_bundle("srvca")};
        rig_init(&r, LG_LISTENER_HTTPS);
        r.pools[0].health.type = types[i];
        r.pools[0].backend_cnt = 1;
        r.back_ctx = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(r.back_ctx, pki_get("ecdsa")->x509);
        SSL_CTX_use_PrivateKey(r.back_ctx, pki_get("ecdsa")->key);
        EXPECT_OK(lg_tls_client_policy_build(&cfg, 1, &r.back_policy, &r.diag));
        rig_build(&r);
        rig_run(&r, LG_MS(600));
        REQUIRE_EQ(r.back_cnt, 1);
        if (types[i] == LG_HEALTH_HTTP) {
            EXPECT_HAS(r.back[0].text, "GET / HTTP/1.1\r\n");
            rig_back_say(&r, &r.back[0], "HTTP/1.1 200 OK\r\n\r\n");
        }
        EXPECT_EQ(r.snap.pools[0].bal.checks[0]->result, LG_CHECK_R_OK);
        EXPECT(r.back[0].notified);
        rig_fini(&r);
    }
}

TEST(BackTls, AHealthCheckSaysWhyTlsFailed)
{
    struct lg_tls_client_cfg cfg = {
        .owner = "pool main: tls.", .name = "b.example", .ca = pki_bundle("srvca")};
    rig_init(&r, LG_LISTENER_HTTPS);
    r.pools[0].health.type = LG_HEALTH_TLS;
    r.pools[0].backend_cnt = 1;
    r.back_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(r.back_ctx, pki_get("ecdsa")->x509);
    SSL_CTX_use_PrivateKey(r.back_ctx, pki_get("ecdsa")->key);
    EXPECT_OK(lg_tls_client_policy_build(&cfg, 1, &r.back_policy, &r.diag));
    rig_build(&r);
    rig_run(&r, LG_MS(600));
    EXPECT_EQ(r.snap.pools[0].bal.checks[0]->state, LG_CHECK_DOWN);
    EXPECT_HAS(rig_log(&r), "is down: TLS failed: server certificate for another name");
    rig_fini(&r);
}
