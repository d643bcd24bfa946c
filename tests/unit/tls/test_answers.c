/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP about clients: the table of answers, what workers ask, and what a client sees while the
 * answer is not there, and when it is (R19). */
#include "answers.h"
#include "rig.h"

#include <stdlib.h>
#include <time.h>

static void key_of(uint32_t i, uint8_t key[LG_ANSWER_KEY_SZ])
{
    uint64_t a = i * 0x9e3779b97f4a7c15ull + 1, b = a * 0xbf58476d1ce4e5b9ull ^ i;
    memcpy(key, &a, 8);
    memcpy(key + 8, &b, 8);
}

static void put(uint32_t i, enum lg_answer a, int64_t until_s, int64_t newer_s, int64_t now_s)
{
    uint8_t key[LG_ANSWER_KEY_SZ];
    void *old;
    key_of(i, key);
    EXPECT_OK(lg_answers_put(key, a, until_s, newer_s, now_s, &old));
    free(old);
}

static enum lg_answer find(uint32_t i, int64_t now_s, bool *newer)
{
    uint8_t key[LG_ANSWER_KEY_SZ];
    key_of(i, key);
    return lg_answers_find(key, now_s, newer);
}

TEST(Answers, HoldUntilTheirTimeAndAskForNewerOnesBefore)
{
    bool newer;
    EXPECT_EQ(find(1, 0, &newer), LG_ANSWER_ABSENT);
    EXPECT(newer);
    put(1, LG_ANSWER_GOOD, 2000000100, 2000000075, 2000000000);
    EXPECT_EQ(find(1, 2000000000, &newer), LG_ANSWER_GOOD);
    EXPECT(!newer);
    EXPECT_EQ(find(1, 2000000075, &newer), LG_ANSWER_GOOD);
    EXPECT(newer);
    EXPECT_EQ(find(1, 2000000100, &newer), LG_ANSWER_ABSENT);
    put(1, LG_ANSWER_REVOKED, 2000000200, 2000000200, 2000000100);
    EXPECT_EQ(find(1, 2000000150, &newer), LG_ANSWER_REVOKED);
    EXPECT_EQ(find(2, 2000000150, &newer), LG_ANSWER_ABSENT);
    lg_answers_drop();
    EXPECT_EQ(lg_answers_cnt(), 0);
}

TEST(Answers, AreAllFoundWhileTheTableGrowsAndOldOnesGo)
{
    enum { CNT = 20000 };
    bool newer;
    for (uint32_t i = 0; i < CNT; i++)
        put(i, i % 3 ? LG_ANSWER_GOOD : LG_ANSWER_REVOKED, 1000 + i, 1000 + i, 0);
    EXPECT_EQ(lg_answers_cnt(), CNT);
    for (uint32_t i = 0; i < CNT; i++)
        EXPECT_EQ(find(i, 0, &newer), i % 3 ? LG_ANSWER_GOOD : LG_ANSWER_REVOKED);
    /* All have run out: what comes now does not make the table larger. */
    for (uint32_t i = CNT; i < 2 * CNT; i++)
        put(i, LG_ANSWER_NONE, 100000, 100000, 50000);
    for (uint32_t i = CNT; i < 2 * CNT; i++)
        EXPECT_EQ(find(i, 60000, &newer), LG_ANSWER_NONE);
    EXPECT(lg_answers_cnt() < 2 * CNT);
    lg_answers_drop();
}

TEST(Answers, AreAskedForThroughARingThatRefusesWhenFull)
{
    struct lg_asks *a = aligned_alloc(LG_CACHE_PAIR, sizeof *a);
    uint8_t key[LG_ANSWER_KEY_SZ] = {0}, big[LG_ASK_ISSUER_SZ + 1] = {0};
    lg_span_t url = LG_SPAN_STR("http://a/"), serial = LG_SPAN_STR("12"),
              issuer = LG_SPAN_STR("ca");
    REQUIRE(a);
    memset(a, 0, sizeof *a);
    for (int round = 0; round < 3; round++) {
        for (uint8_t i = 0; i < LG_ASK_CNT; i++) {
            key[0] = i;
            EXPECT(lg_asks_push(a, key, url, serial, issuer));
        }
        EXPECT(!lg_asks_push(a, key, url, serial, issuer));
        for (uint8_t i = 0; i < LG_ASK_CNT; i++) {
            const struct lg_ask *one = lg_asks_peek(a);
            REQUIRE(one);
            EXPECT_EQ(one->key[0], i);
            EXPECT_STR(one->url, "http://a/");
            EXPECT_EQ(one->serial_sz, 2);
            EXPECT_EQ(one->issuer_sz, 2);
            lg_asks_pop(a);
        }
        EXPECT(lg_asks_peek(a) == NULL);
    }
    EXPECT(!lg_asks_push(a, key, url, serial, lg_span(big, sizeof big)));
    EXPECT(!lg_asks_push(a, key, lg_span(big, LG_ASK_URL_SZ), serial, issuer));
    EXPECT(!lg_asks_push(a, key, url, lg_span(big, LG_SERIAL_MAX_SZ + 1), issuer));
    EXPECT(lg_asks_push(a, key, url, serial, lg_span(big, LG_ASK_ISSUER_SZ)));
    free(a);
}

/* ---------------------------------------------------------------- what a client sees */

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void asking(struct rig *r, enum lg_client_ocsp mode)
{
    rig_init(r, "ecdsa");
    rig_auth(r, LG_AUTH_REQUIRED, "root");
    r->listener.tls.client_ocsp = mode;
    r->listener.tls.client_ocsp_responder = "http://ocsp.example/";
    REQUIRE(rig_build(r));
}

/* answer says this about the client whose question waits. */
static void answer(struct rig *r, enum lg_answer a)
{
    struct lg_asks *asks = lg_tls_core_asks(r->core);
    const struct lg_ask *ask = lg_asks_peek(asks);
    int64_t now_s = (int64_t)time(NULL);
    void *old;
    REQUIRE(ask);
    EXPECT_STR(ask->url, "http://ocsp.example/");
    EXPECT_OK(lg_answers_put(ask->key, a, now_s + 1000, now_s + 900, now_s, &old));
    free(old);
    lg_asks_pop(asks);
}

/* go_on lets a waiting connection look again, at this time. */
static void go_on(struct rig *r, lg_ns_t now_ns)
{
    r->err = lg_tls_rx(r->t, &r->in, &r->plain, 1u << 20, &r->out, r->seg_sz, now_ns);
    rig_pump(r);
}

/* begin brings a client to where its answer is waited for; it has sent a request already. */
static void begin(struct rig *r, int version, const char *cert, const char *chain)
{
    rig_client(r, version, cert, chain);
    rig_connect(r);
    EXPECT(lg_tls_is_waiting(r->t));
    EXPECT_EQ(lg_tls_state(r->t), LG_TLS_HANDSHAKE);
    EXPECT_EQ(SSL_write(r->ssl, "request", 7), 7);
    rig_pump(r);
    EXPECT_EQ(r->plain.bytes, 0); /* nothing of it is read before the answer */
    EXPECT_EQ(r->core->handshakes, 0);
}

TEST(ClientOcsp, WaitsForTheAnswerAndAdmitsWhoIsGood)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        asking(&r, LG_CLIENT_OCSP_HARD);
        begin(&r, versions[v], "good2", "inter");
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_HS_DONE], 0);
        answer(&r, LG_ANSWER_GOOD);
        go_on(&r, LG_MS(2));
        EXPECT(rig_is_open(&r));
        EXPECT_EQ(r.plain.bytes, 7);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_HS_MUTUAL], 1);
        EXPECT(lg_tls_get_info(r.t)->has_client_cert);
        rig_keep(&r);
        rig_close(&r);
        /* The next one does not wait, and neither does who resumes. */
        rig_client(&r, versions[v], NULL, NULL);
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        EXPECT(lg_tls_get_info(r.t)->resumed);
        rig_close(&r);
        SSL_SESSION_free(r.offer);
        r.offer = NULL;
        rig_client(&r, versions[v], "good2", "inter");
        rig_connect(&r);
        EXPECT(rig_is_open(&r));
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_OCSP_WAITED], 1);
        rig_fini(&r);
        lg_answers_drop();
    }
}

TEST(ClientOcsp, R19_RefusesWhoIsRevokedAfterTheWaitAtOnceAndWhenResuming)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        asking(&r, LG_CLIENT_OCSP_SOFT);
        begin(&r, versions[v], "good", NULL);
        rig_keep(&r); /* a ticket came along */
        answer(&r, LG_ANSWER_REVOKED);
        go_on(&r, LG_MS(2));
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(r.alert, LG_ALERT_CERTIFICATE_REVOKED);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_REVOKED);
        EXPECT_HAS(lg_tls_get_info(r.t)->subject, "Good Client"); /* for the log */
        EXPECT_EQ(r.plain.bytes, 0);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_FAIL_REVOKED], 1);
        rig_close(&r);
        rig_client(&r, versions[v], "good", NULL); /* offers the ticket */
        rig_connect(&r);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(r.alert, LG_ALERT_CERTIFICATE_REVOKED);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_FAIL_REVOKED], 2);
        EXPECT_EQ(r.stats.v[LG_STAT_TLS_HS_DONE], 0);
        rig_fini(&r);
        lg_answers_drop();
    }
}

TEST(ClientOcsp, HardRefusesAndSoftAdmitsWhenNobodyAnswers)
{
    for (int v = 0; v < 2; v++)
        for (int kind = 0; kind < 4; kind++) {
            struct rig r;
            bool hard = kind & 1, times_out = kind & 2;
            asking(&r, hard ? LG_CLIENT_OCSP_HARD : LG_CLIENT_OCSP_SOFT);
            begin(&r, versions[v], "good", NULL);
            if (!times_out)
                answer(&r, LG_ANSWER_NONE);
            go_on(&r, times_out ? LG_OCSP_WAIT_NS : LG_MS(2));
            EXPECT_EQ(rig_is_open(&r), !hard);
            EXPECT_EQ(r.plain.bytes, hard ? 0 : 7);
            EXPECT_EQ(r.stats.v[LG_STAT_TLS_OCSP_NONE], 1);
            EXPECT_EQ(r.stats.v[LG_STAT_TLS_FAIL_OCSP], hard ? 1 : 0);
            if (hard) {
                EXPECT_EQ(r.alert, LG_ALERT_CERTIFICATE_UNKNOWN);
                EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_OCSP);
            }
            rig_fini(&r);
            lg_answers_drop();
        }
}

TEST(ClientOcsp, DoesNotWaitForWhatCannotBeAsked)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_OPTIONAL, "root");
    r.listener.tls.client_ocsp = LG_CLIENT_OCSP_HARD; /* and "good" names no responder */
    rig_all(&r, TLS1_3_VERSION, "good", NULL);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
    EXPECT_EQ(r.alert, LG_ALERT_CERTIFICATE_UNKNOWN);
    rig_close(&r);
    rig_client(&r, TLS1_3_VERSION, NULL, NULL); /* who shows none is not asked about */
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    rig_fini(&r);
}

TEST(ClientOcsp, AsksWithTheKeyOfWhoHasIssuedTheCertificate)
{
    struct rig r;
    unsigned char *der;
    asking(&r, LG_CLIENT_OCSP_HARD);
    begin(&r, TLS1_3_VERSION, "good2", "inter");
    const struct lg_ask *ask = lg_asks_peek(lg_tls_core_asks(r.core));
    size_t sz = pki_der("inter", &der);
    EXPECT(lg_span_eq(lg_span(ask->issuer, ask->issuer_sz), lg_span(der, sz)));
    rig_close(&r);
    begin(&r, TLS1_3_VERSION, "good", NULL);
    lg_asks_pop(lg_tls_core_asks(r.core));
    ask = lg_asks_peek(lg_tls_core_asks(r.core));
    sz = pki_der("root", &der);
    EXPECT(lg_span_eq(lg_span(ask->issuer, ask->issuer_sz), lg_span(der, sz)));
    rig_fini(&r); /* with one that waits */
    lg_answers_drop();
}

TEST(ClientOcsp, WhoFindsTheRingFullIsAskedAboutLaterNotRefused)
{
    struct rig r;
    uint8_t key[LG_ANSWER_KEY_SZ] = {0};
    asking(&r, LG_CLIENT_OCSP_HARD);
    struct lg_asks *asks = lg_tls_core_asks(r.core);
    for (uint32_t i = 0; i < LG_ASK_CNT; i++) /* of clients who came just before */
        EXPECT(lg_asks_push(asks, key, LG_SPAN_STR("u"), LG_SPAN_STR("s"), LG_SPAN_STR("i")));
    begin(&r, TLS1_3_VERSION, "good2", "inter");
    go_on(&r, LG_MS(2));
    EXPECT(lg_tls_is_waiting(r.t));
    for (uint32_t i = 0; i < LG_ASK_CNT; i++)
        lg_asks_pop(asks);
    go_on(&r, LG_MS(4));
    EXPECT(lg_tls_is_waiting(r.t));
    go_on(&r, LG_MS(6));
    answer(&r, LG_ANSWER_GOOD);
    EXPECT(lg_asks_peek(asks) == NULL); /* it asked once */
    go_on(&r, LG_MS(8));
    EXPECT(rig_is_open(&r));
    EXPECT_EQ(r.plain.bytes, 7);
    EXPECT_EQ(r.stats.v[LG_STAT_TLS_OCSP_NONE], 0);
    rig_fini(&r);
    lg_answers_drop();
}
