/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record engine and what is not data: alerts, key updates, floods, limits, and records that no
 * client would send. */
#include "forge.h"

/* -- what is not data -- */

/* One record of these inner bytes (under 1.3 with type and padding) and the alert it gets. */
static const struct {
    int version;
    uint8_t outer;
    const char *bytes;
    uint32_t len;
    int alert; /* -1: none, the connection goes on */
} odd[] = {
    {TLS1_3_VERSION, 23, "", 0, LG_ALERT_BAD_RECORD_MAC}, /* no room for a type */
    {TLS1_3_VERSION, 23, "\0", 1, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_3_VERSION, 23, "\0\0\0\0\0\0\0\0", 8, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_3_VERSION, 23, "\x17", 1, -1},                              /* empty */
    {TLS1_3_VERSION, 23, "\x17\0\0\0", 4, -1},                        /* empty, padded */
    {TLS1_3_VERSION, 23, "\x01\x14", 2, LG_ALERT_UNEXPECTED_MESSAGE}, /* change_cipher_spec */
    {TLS1_3_VERSION, 23, "\x16", 1, LG_ALERT_UNEXPECTED_MESSAGE},     /* empty handshake */
    {TLS1_3_VERSION, 23, "\x15", 1, LG_ALERT_UNEXPECTED_MESSAGE},     /* empty alert */
    {TLS1_3_VERSION, 23, "\x01\x15", 2, LG_ALERT_DECODE_ERROR},
    {TLS1_3_VERSION, 23, "\x01\x00\x01\x00\x15", 5, LG_ALERT_DECODE_ERROR},
    {TLS1_3_VERSION, 23, "\x01\x5a\x15", 3, -1}, /* user_canceled */
    {TLS1_3_VERSION, 23, "x\x18", 2, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_3_VERSION, 23, "\x18\0\0\1\2\x16", 6, LG_ALERT_ILLEGAL_PARAMETER},
    {TLS1_3_VERSION, 23, "\x18\0\0\2\0\0\x16", 7, LG_ALERT_DECODE_ERROR},
    {TLS1_3_VERSION, 23, "\x18\0\0\1\0\x18\0\0\1\0\x16", 11, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_3_VERSION, 23, "\x01\0\0\2\3\3\x16", 7, LG_ALERT_UNEXPECTED_MESSAGE}, /* a hello */
    {TLS1_3_VERSION, 23, "\x04\0\0\2\3\3\x16", 7, LG_ALERT_UNEXPECTED_MESSAGE}, /* a ticket */
    {TLS1_3_VERSION, 22, "x\x17", 2, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_3_VERSION, 20, "\x01", 1, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_2_VERSION, 23, "", 0, -1},
    {TLS1_2_VERSION, 20, "\x01", 1, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_2_VERSION, 22, "", 0, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_2_VERSION, 22, "\x01\0\0\0", 4, LG_ALERT_UNEXPECTED_MESSAGE}, /* renegotiation */
    {TLS1_2_VERSION, 22, "\x00\0\0\0", 4, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_2_VERSION, 22, "\x14\0\0\0", 4, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_2_VERSION, 21, "", 0, LG_ALERT_UNEXPECTED_MESSAGE},
    {TLS1_2_VERSION, 21, "\x01", 1, LG_ALERT_DECODE_ERROR},
    {TLS1_2_VERSION, 21, "\x01\x5a", 2, -1},
    {TLS1_2_VERSION, 21, "\x03\x5a", 2, LG_ALERT_ILLEGAL_PARAMETER},
};

TEST(Engine, RecordsThatAreNoDataGetTheRightAnswer)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(odd); i++)
        for (size_t s = 0; s < LG_ARRAY_CNT(suites); s++) {
            struct rig r;
            struct forge f;
            uint8_t rec[100];
            if (suites[s].version != odd[i].version)
                continue;
            rig_init(&r, "ecdsa");
            rig_suite(&r, &suites[s]);
            T_STOP_IF_FAILED();
            forge_init(&f, &r);
            give(&r, rec, forge_inner(&f, rec, odd[i].outer, odd[i].bytes, odd[i].len), 0);
            if (odd[i].alert < 0) {
                EXPECT_OK(r.err);
                EXPECT_EQ(r.plain.bytes, 0);
                give(&r, rec, forge_record(&f, rec, LG_REC_DATA, "on", 2), 0);
                EXPECT_EQ(r.plain.bytes, 2);
                EXPECT_EQ(r.out.bytes, 0);
            } else {
                expect_refused(&r, odd[i].alert);
                EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_REC_REFUSED),
                          odd[i].alert != LG_ALERT_BAD_RECORD_MAC);
            }
            forge_fini(&f);
            rig_fini(&r);
            if (t_failed())
                t_fail(__FILE__, __LINE__, "row %zu", i);
            T_STOP_IF_FAILED();
        }
}

TEST(Engine, AFatalAlertEndsItAndIsNotAnswered)
{
    for (size_t s = 0; s < LG_ARRAY_CNT(suites); s++) {
        struct rig r;
        struct forge f;
        uint8_t rec[100];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[s]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        give(&r, rec, forge_record(&f, rec, LG_REC_ALERT, "\x02\x50", 2), 0);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_PEER_ALERT);
        EXPECT_EQ(lg_tls_get_info(r.t)->alert_received, LG_ALERT_INTERNAL_ERROR);
        EXPECT_EQ(r.out.bytes, 0);
        forge_fini(&f);
        rig_fini(&r);
    }
}

/* flood sends the same record until it is refused or `most` have gone. */
static uint32_t flood(struct rig *r, struct forge *f, uint8_t type, const void *p, uint32_t n,
                      uint32_t most)
{
    uint8_t rec[100];
    uint32_t cnt = 0;
    while (cnt < most && lg_tls_state(r->t) == LG_TLS_OPEN) {
        give(r, rec, forge_record(f, rec, type, p, n), 0);
        cnt++;
    }
    return cnt;
}

TEST(Engine, FloodsOfEmptyRecordsAndWarningsAreCutOff)
{
    for (size_t s = 0; s < LG_ARRAY_CNT(suites); s++)
        for (int kind = 0; kind < 2; kind++) {
            struct rig r;
            struct forge f;
            uint8_t rec[100], type = kind ? LG_REC_ALERT : LG_REC_DATA;
            uint32_t max = kind ? LG_REC_WARN_MAX : LG_REC_EMPTY_MAX;
            rig_init(&r, "ecdsa");
            rig_suite(&r, &suites[s]);
            T_STOP_IF_FAILED();
            forge_init(&f, &r);
            EXPECT_EQ(flood(&r, &f, type, "\x01\x5a", kind ? 2 : 0, max), max);
            EXPECT_EQ(lg_tls_state(r.t), LG_TLS_OPEN);
            give(&r, rec, forge_record(&f, rec, LG_REC_DATA, "x", 1), 0); /* they count anew */
            lg_bufq_drop_all(&r.plain);
            EXPECT_EQ(flood(&r, &f, type, "\x01\x5a", kind ? 2 : 0, 100), max + 1);
            expect_refused(&r, LG_ALERT_UNEXPECTED_MESSAGE);
            forge_fini(&f);
            rig_fini(&r);
        }
}

/* -- key updates -- */

/* forge_update sends a KeyUpdate of the client's and follows it. */
static void forge_update(struct rig *r, struct forge *f, uint8_t ask)
{
    const uint8_t msg[5] = {LG_HS_KEY_UPDATE, 0, 0, 1, ask};
    uint8_t rec[64];
    give(r, rec, forge_record(f, rec, LG_REC_HANDSHAKE, msg, sizeof msg), 0);
    EXPECT_OK(lg_keys_next(&f->keys, f->aead));
}

TEST(R39, KeyUpdatesOfTheClientAreFollowedAndLimited)
{
    for (size_t s = 0; s < 3; s++) {
        struct rig r;
        struct forge f;
        uint8_t rec[64];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[s]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        for (uint32_t i = 0; i < LG_REC_UPDATE_MAX; i++) {
            forge_update(&r, &f, 0);
            give(&r, rec, forge_record(&f, rec, LG_REC_DATA, "x", 1), 0);
            EXPECT_EQ(r.plain.bytes, i + 1);
        }
        EXPECT_EQ(r.out.bytes, 0);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_KEY_UPDATE_RX), LG_REC_UPDATE_MAX);
        lg_bufq_drop_all(&r.plain);
        forge_update(&r, &f, 0);
        expect_refused(&r, LG_ALERT_UNEXPECTED_MESSAGE);
        forge_fini(&f);
        rig_fini(&r);
    }
}

TEST(R39, ARequestIsAnsweredWithNewKeysOfOursAlsoWhenNoBufIsThere)
{
    struct rig r;
    struct forge f;
    char b[16];
    rig_init(&r, "ecdsa");
    rig_suite(&r, &suites[1]);
    T_STOP_IF_FAILED();
    forge_init(&f, &r);
    const uint8_t msg[5] = {LG_HS_KEY_UPDATE, 0, 0, 1, 1};
    uint8_t rec[64];
    uint32_t sz = forge_record(&f, rec, LG_REC_HANDSHAKE, msg, sizeof msg);
    lg_bufq_write(&r.in, &r.heap.pool, rec, sz, 0);
    lg_bufq_write(&r.plain, &r.heap.pool, "late", 4, 0);
    r.heap.cnt_max = 0;
    EXPECT_OK(lg_tls_rx(r.t, &r.in, &r.plain, 0x10000, &r.out, r.seg_sz, 0));
    EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_KEY_UPDATE_TX), 0);
    EXPECT_ERR(lg_tls_tx(r.t, &r.plain, 100, &r.out, r.seg_sz, 0), LG_E(AGAIN));
    r.heap.cnt_max = 4096;
    EXPECT_OK(lg_tls_tx(r.t, &r.plain, 100, &r.out, r.seg_sz, 0));
    EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_KEY_UPDATE_TX), 1);
    EXPECT_EQ(r.t->rec.tx.seq, 1); /* the data is the first record under the new keys */
    forge_to_client(&r);
    EXPECT_EQ(SSL_read(r.ssl, b, sizeof b), 4);
    forge_fini(&f);
    rig_fini(&r);
}

TEST(R39, NothingFollowsCloseNotifyNotEvenAnAnswerThatIsOwed)
{
    struct rig r;
    struct forge f;
    rig_init(&r, "ecdsa");
    rig_suite(&r, &suites[1]);
    T_STOP_IF_FAILED();
    forge_init(&f, &r);
    const uint8_t msg[5] = {LG_HS_KEY_UPDATE, 0, 0, 1, 1};
    uint8_t rec[64];
    uint32_t sz = forge_record(&f, rec, LG_REC_HANDSHAKE, msg, sizeof msg);
    lg_bufq_write(&r.in, &r.heap.pool, rec, sz, 0);
    r.heap.cnt_max = 0; /* no buf for the answer */
    EXPECT_OK(lg_tls_rx(r.t, &r.in, &r.plain, 0x10000, &r.out, r.seg_sz, 0));
    EXPECT_OK(lg_keys_next(&f.keys, f.aead));
    r.heap.cnt_max = 4096;
    lg_tls_shutdown(r.t, &r.out, r.seg_sz);
    EXPECT(r.out.bytes > 0);
    lg_bufq_drop_all(&r.out);
    forge_update(&r, &f, 0);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_OPEN);
    EXPECT_EQ(r.out.bytes, 0);
    forge_fini(&f);
    rig_fini(&r);
}

TEST(R39, AKeyUpdateMayBeCutButNothingMayComeBetween)
{
    for (int between = 0; between < 2; between++) {
        struct rig r;
        struct forge f;
        uint8_t rec[64];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[0]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        give(&r, rec, forge_record(&f, rec, LG_REC_HANDSHAKE, "\x18\0\0", 3), 0);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_OPEN);
        if (between) {
            give(&r, rec, forge_record(&f, rec, LG_REC_DATA, "", 0), 0);
            expect_refused(&r, LG_ALERT_UNEXPECTED_MESSAGE);
        } else {
            give(&r, rec, forge_record(&f, rec, LG_REC_HANDSHAKE, "\1\0", 2), 0);
            EXPECT_OK(lg_keys_next(&f.keys, f.aead));
            give(&r, rec, forge_record(&f, rec, LG_REC_DATA, "new", 3), 0);
            EXPECT_EQ(r.plain.bytes, 3);
        }
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

/* many sends cnt records of one byte and reads them with OpenSSL. */
static void many(struct rig *r, uint32_t cnt)
{
    uint8_t b[8];
    for (uint32_t i = 0; i < cnt; i++) {
        lg_bufq_write(&r->plain, &r->heap.pool, &(uint8_t){(uint8_t)i}, 1, 0);
        EXPECT_OK(lg_tls_tx(r->t, &r->plain, 1, &r->out, r->seg_sz, 0));
        forge_to_client(r);
        EXPECT_EQ(SSL_read(r->ssl, b, sizeof b), 1);
        EXPECT_EQ(b[0], (uint8_t)i);
        T_STOP_IF_FAILED();
    }
}

TEST(R41, KeysAreReplacedBeforeTheLimitAndTheClientFollows)
{
    static const struct lg_aead_limits low[LG_AEAD_CNT] = {{5, 40}, {5, 40}, {5, 40}};
    for (size_t s = 0; s < 3; s++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[s]);
        T_STOP_IF_FAILED();
        r.core->limits = low;
        many(&r, 23);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_KEY_UPDATE_TX), 4);
        EXPECT(rig_is_open(&r));
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

TEST(R41, Tls12EndsAtTheLimitBecauseItsKeysCannotBeReplaced)
{
    static const struct lg_aead_limits low[LG_AEAD_CNT] = {{5, 40}, {5, 40}, {5, 40}};
    for (size_t s = 3; s < 6; s++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[s]);
        T_STOP_IF_FAILED();
        r.core->limits = low;
        many(&r, 20);
        lg_bufq_write(&r.plain, &r.heap.pool, "x", 1, 0);
        EXPECT(!lg_is_ok(lg_tls_tx(r.t, &r.plain, 1, &r.out, r.seg_sz, 0)));
        lg_bufq_drop_all(&r.plain);
        expect_refused(&r, LG_ALERT_INTERNAL_ERROR);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

TEST(R41, SequenceNumbersHoldPast65536RecordsBothWays)
{
    for (size_t s = 0; s < LG_ARRAY_CNT(suites); s += 3) {
        struct rig r;
        struct forge f;
        uint8_t rec[64];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[s]);
        T_STOP_IF_FAILED();
        many(&r, 65540);
        forge_init(&f, &r);
        for (uint32_t i = 0; i < 65540 && !t_failed(); i++) {
            give(&r, rec, forge_record(&f, rec, LG_REC_DATA, "y", 1), 0);
            EXPECT_EQ(r.plain.bytes, 1);
            lg_bufq_drop_all(&r.plain);
        }
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}
