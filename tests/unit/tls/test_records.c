/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens on an open connection, and what garbage does. */
#include "rig.h"

#include <stdlib.h>

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

static void give(struct rig *r, const void *p, size_t n)
{
    lg_bufq_write(&r->in, &r->heap.pool, p, (uint32_t)n, 0);
    r->err = lg_tls_rx(r->t, &r->in, &r->plain, 1u << 20, &r->out, r->seg_sz, 0);
}

static bool open_server(struct rig *r)
{
    rig_init(r, "ecdsa");
    if (!rig_build(r))
        return false;
    r->t = lg_tls_open(r->core, r->policy, 0);
    return r->t != NULL;
}

static void expect_alert_out(struct rig *r, int alert)
{
    uint8_t b[16];
    uint32_t n = lg_bufq_read(&r->out, b, sizeof b);
    if (alert < 0) {
        EXPECT_EQ(n, 0);
        return;
    }
    EXPECT_EQ(n, 7);
    EXPECT_EQ(b[0], 21);
    EXPECT_EQ(b[5], 2);
    EXPECT_EQ(b[6], alert);
}

static const struct {
    const char *bytes;
    size_t len;
    int alert; /* -1: none */
    enum lg_tls_reason reason;
} garbage[] = {
    {"GET / HTTP/1.1\r\n", 16, -1, LG_TLS_R_PLAIN_HTTP},
    {"POST", 4, -1, LG_TLS_R_PLAIN_HTTP},
    {"SSH-2.0-x", 9, LG_ALERT_UNEXPECTED_MESSAGE, LG_TLS_R_NOT_TLS},
    {"\x00\x01\x02\x03", 4, LG_ALERT_UNEXPECTED_MESSAGE, LG_TLS_R_NOT_TLS},
    {"\x16\x02\x00\x00\x05", 5, LG_ALERT_UNEXPECTED_MESSAGE, LG_TLS_R_NOT_TLS},
    {"\x16\x03\x01\x00\x00", 5, LG_ALERT_DECODE_ERROR, LG_TLS_R_PROTO},
    {"\x16\x03\x01\xff\xff", 5, LG_ALERT_RECORD_OVERFLOW, LG_TLS_R_PROTO},
    {"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", 10, LG_ALERT_UNEXPECTED_MESSAGE, LG_TLS_R_PROTO},
    {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, LG_ALERT_DECODE_ERROR, LG_TLS_R_PROTO},
    {"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00", 10, LG_ALERT_DECODE_ERROR, LG_TLS_R_PROTO},
    {"\x15\x03\x01\x00\x02\x02\x28", 7, -1, LG_TLS_R_PEER_ALERT},
    {"\x17\x03\x03\x00\x01\x00", 6, LG_ALERT_UNEXPECTED_MESSAGE, LG_TLS_R_NOT_TLS},
};

TEST(Garbage, GetsTheRightAlertAndReason)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(garbage); i++) {
        struct rig r;
        REQUIRE(open_server(&r));
        give(&r, garbage[i].bytes, garbage[i].len);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(lg_tls_get_info(r.t)->reason, garbage[i].reason);
        expect_alert_out(&r, garbage[i].alert);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_HS_FAILED), 1);
        rig_fini(&r);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "row %zu", i);
        T_STOP_IF_FAILED();
    }
}

TEST(Garbage, OneByteAtATimeIsJudgedAsSoonAsItCanBe)
{
    struct rig r;
    REQUIRE(open_server(&r));
    give(&r, "G", 1);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_HANDSHAKE);
    give(&r, "ET", 2);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_HANDSHAKE);
    give(&r, " ", 1);
    EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_PLAIN_HTTP);
    rig_fini(&r);
}

TEST(Garbage, RandomBytesBehindARecordHeaderNeverOpenAnything)
{
    uint32_t seed = 1;
    for (int round = 0; round < 300; round++) {
        struct rig r;
        uint8_t b[600] = {22, 3, 1, 2, 0x53, 1, 0, 2, 0x4f, 3, 3};
        REQUIRE(open_server(&r));
        for (size_t i = 11; i < sizeof b; i++)
            b[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
        give(&r, b, sizeof b);
        EXPECT(lg_tls_state(r.t) != LG_TLS_OPEN);
        rig_fini(&r);
    }
}

/* One byte of the client's n-th flight is changed; the record's own header is left alone. */
static void spoil(int version, int flight, uint32_t at)
{
    struct rig r;
    uint8_t b[8192];
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root");
    REQUIRE(rig_build(&r));
    rig_client(&r, version, "good2", "inter");
    r.t = lg_tls_open(r.core, r.policy, 0);
    for (int i = 0; i <= flight; i++) {
        SSL_do_handshake(r.ssl);
        int n = BIO_read(r.wb, b, sizeof b);
        uint32_t off = 5 + at % (uint32_t)(n - 5);
        bool ccs = b[0] == 20 && off < 6;
        if (i == flight && !ccs)
            b[off] = (uint8_t)(b[off] ^ 1 << at % 8);
        give(&r, b, (size_t)n);
        struct lg_buf *buf;
        while ((buf = lg_bufq_pop(&r.out)) != NULL) {
            BIO_write(r.rb, buf->data, (int)buf->len);
            lg_buf_give(buf);
        }
    }
    /* (In the second flight a later record header's version may differ and be ignored.) */
    if (flight == 0)
        EXPECT(lg_tls_state(r.t) != LG_TLS_OPEN);
    EXPECT_EQ(r.plain.bytes, 0);
    rig_fini(&r);
}

TEST(Garbage, AChangedByteAnywhereInAHandshakeIsSurvivedWithNothingLeftBehind)
{
    for (size_t v = 0; v < 2; v++)
        for (uint32_t at = 0; at < 1500; at += 7) {
            spoil(versions[v], 0, at);
            spoil(versions[v], 1, at);
            T_STOP_IF_FAILED();
        }
}

TEST(Hello, InOneBytePiecesStillConnects)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.chunk_sz = 1;
        rig_all(&r, versions[v], NULL, NULL);
        EXPECT(rig_is_open(&r));
        rig_fini(&r);
    }
}

/* The client's hello cut into records of n bytes of payload. */
static size_t recut(const uint8_t *rec, size_t len, size_t n, uint8_t *out)
{
    size_t o = 0;
    for (size_t off = 5; off < len; off += n) {
        size_t part = LG_MIN(n, len - off);
        memcpy(out + o, rec, 3);
        out[o + 3] = 0;
        out[o + 4] = (uint8_t)part;
        memcpy(out + o + 5, rec + off, part);
        o += 5 + part;
    }
    return o;
}

TEST(Hello, InManyRecordsStillConnects)
{
    static const size_t cuts[] = {1, 3, 100};
    for (size_t c = 0; c < 3; c++) {
        struct rig r;
        uint8_t hello[1024], cut[8192];
        rig_init(&r, "ecdsa");
        REQUIRE(rig_build(&r));
        rig_client(&r, TLS1_3_VERSION, NULL, NULL);
        r.t = lg_tls_open(r.core, r.policy, 0);
        SSL_do_handshake(r.ssl);
        int n = BIO_read(r.wb, hello, sizeof hello);
        give(&r, cut, recut(hello, (size_t)n, cuts[c], cut));
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_HANDSHAKE);
        EXPECT(r.out.bytes > 7);
        rig_pump(&r);
        EXPECT(rig_is_open(&r));
        rig_fini(&r);
    }
}

TEST(R38, BytesAreExactBothWaysWithRandomSplits)
{
    enum { N = 300000 };
    uint8_t *data = malloc(N), *got = malloc(N);
    for (int i = 0; i < N; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        uint32_t seed = 42;
        rig_init(&r, "ecdsa");
        rig_all(&r, versions[v], NULL, NULL);
        EXPECT(rig_is_open(&r));
        int sent = 0, back = 0;
        while (sent < N || back < N) {
            seed = seed * 1103515245 + 12345;
            int part = 1 + (int)((seed >> 8) % 20000);
            r.chunk_sz = 1 + (seed >> 16) % 3000;
            if (sent < N && part > N - sent)
                part = N - sent;
            if (sent < N)
                sent += SSL_write(r.ssl, data + sent, part);
            rig_pump(&r);
            EXPECT_OK(lg_tls_tx(r.t, &r.plain, 1 + (seed >> 4) % 40000, &r.out, r.seg_sz, 0));
            rig_pump(&r);
            int n;
            while ((n = SSL_read(r.ssl, got + back, N - back)) > 0)
                back += n;
            if (t_failed())
                break;
        }
        EXPECT_EQ(back, N);
        EXPECT_MEM(got, data, N);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_BYTES_IN), N);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_BYTES_OUT), N);
        rig_fini(&r);
    }
    free(data);
    free(got);
}

TEST(R38, AFlippedBitGetsBadRecordMacAndNotAByteThrough)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        uint8_t rec[256];
        rig_init(&r, "ecdsa");
        rig_all(&r, versions[v], NULL, NULL);
        EXPECT(rig_is_open(&r));
        SSL_write(r.ssl, "secret", 6);
        int n = BIO_read(r.wb, rec, sizeof rec);
        rec[n - 1] ^= 0x10;
        give(&r, rec, (size_t)n);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(r.plain.bytes, 0);
        EXPECT_EQ(lg_tls_get_info(r.t)->alert_sent, LG_ALERT_BAD_RECORD_MAC);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_REC_BAD_MAC), 1);
        rig_pump(&r);
        EXPECT_EQ(r.alert, LG_ALERT_BAD_RECORD_MAC);
        rig_fini(&r);
    }
}

TEST(R38, AnOversizedRecordIsRefused)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    give(&r, "\x17\x03\x03\xff\xff", 5);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
    rig_pump(&r);
    EXPECT_EQ(r.alert, LG_ALERT_RECORD_OVERFLOW);
    rig_fini(&r);
}

TEST(R38, AHalfRecordYieldsNothingAndIsLeftToTheCaller)
{
    struct rig r;
    uint8_t rec[256];
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    SSL_write(r.ssl, "secret", 6);
    int n = BIO_read(r.wb, rec, sizeof rec);
    give(&r, rec, (size_t)n - 1);
    EXPECT_EQ(r.in.bytes, n - 1);
    EXPECT_EQ(r.plain.bytes, 0);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_OPEN); /* a FIN now would be a truncation */
    give(&r, rec + n - 1, 1);
    EXPECT_EQ(r.plain.bytes, 6);
    rig_fini(&r);
}

TEST(R38, CloseNotifyOfTheClientClosesOneWayOnly)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        char b[8];
        rig_init(&r, "ecdsa");
        rig_all(&r, versions[v], NULL, NULL);
        SSL_write(r.ssl, "last", 4);
        SSL_shutdown(r.ssl);
        int n = 0;
        while (n == 0 && BIO_ctrl_pending(r.wb)) {
            uint8_t rec[256];
            n = BIO_read(r.wb, rec, sizeof rec);
            give(&r, rec, (size_t)n);
        }
        EXPECT_EQ(r.plain.bytes, 4);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_CLOSED);
        EXPECT_OK(lg_tls_tx(r.t, &r.plain, 100, &r.out, r.seg_sz, 0));
        lg_tls_shutdown(r.t, &r.out, r.seg_sz);
        lg_tls_shutdown(r.t, &r.out, r.seg_sz);
        struct lg_buf *buf;
        while ((buf = lg_bufq_pop(&r.out)) != NULL) {
            BIO_write(r.rb, buf->data, (int)buf->len);
            lg_buf_give(buf);
        }
        EXPECT_EQ(SSL_read(r.ssl, b, sizeof b), 4);
        EXPECT(SSL_read(r.ssl, b, sizeof b) <= 0);
        EXPECT_EQ(r.close_notify, 1);
        EXPECT_EQ(r.alert, -1);
        rig_fini(&r);
    }
}

TEST(R38, AfterOurCloseNotifyTheClientsBytesStillCome)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_all(&r, versions[v], NULL, NULL);
        lg_tls_shutdown(r.t, &r.out, r.seg_sz);
        SSL_write(r.ssl, "more", 4);
        uint8_t rec[256];
        int n = BIO_read(r.wb, rec, sizeof rec);
        give(&r, rec, (size_t)n);
        EXPECT_EQ(r.plain.bytes, 4);
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_OPEN);
        rig_fini(&r);
    }
}

TEST(R39, KeyUpdatesAreHonouredBothWays)
{
    struct rig r;
    char b[16];
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(SSL_key_update(r.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        EXPECT_EQ(SSL_write(r.ssl, "ping", 4), 4);
        rig_pump(&r);
        EXPECT_EQ(r.plain.bytes, 4);
        EXPECT_OK(lg_tls_tx(r.t, &r.plain, 100, &r.out, r.seg_sz, 0));
        rig_pump(&r);
        EXPECT_EQ(SSL_read(r.ssl, b, sizeof b), 4);
    }
    EXPECT(rig_is_open(&r));
    rig_fini(&r);
}

TEST(R40, RenegotiationIsRefused)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    REQUIRE(rig_build(&r));
    rig_client(&r, TLS1_2_VERSION, NULL, NULL);
    SSL_set_options(r.ssl, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    EXPECT_EQ(SSL_renegotiate(r.ssl), 1);
    rig_pump(&r);
    EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_HS_DONE), 1);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
    EXPECT(r.alert >= 0);
    rig_fini(&r);
}

TEST(Pressure, AnEmptyBufferPoolLosesNothing)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        static uint8_t data[40000], got[40000];
        rig_init(&r, "ecdsa");
        rig_all(&r, versions[v], NULL, NULL);
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)(i * 13 + (i >> 7));
        lg_bufq_write(&r.plain, &r.heap.pool, data, sizeof data, 0);
        uint32_t max = r.heap.cnt_max;
        int back = 0, again = 0;
        while (r.plain.bytes > 0 || r.out.bytes > 0) {
            r.heap.cnt_max = r.heap.cnt_out + 5; /* less than one record needs */
            lg_err_t e = lg_tls_tx(r.t, &r.plain, UINT32_MAX, &r.out, r.seg_sz, 0);
            again += lg_err_is(e, LG_ERR_AGAIN);
            EXPECT(lg_is_ok(e) || lg_err_is(e, LG_ERR_AGAIN));
            struct lg_buf *b;
            while ((b = lg_bufq_pop(&r.out)) != NULL) {
                BIO_write(r.rb, b->data, (int)b->len);
                lg_buf_give(b);
            }
            int n;
            while ((n = SSL_read(r.ssl, got + back, (int)sizeof got - back)) > 0)
                back += n;
            T_STOP_IF_FAILED();
        }
        r.heap.cnt_max = max;
        EXPECT(again > 0);
        EXPECT_EQ(back, sizeof data);
        EXPECT_MEM(got, data, sizeof data);
        rig_fini(&r);
    }
}

TEST(Pressure, ReadingStopsAtMaxAndSaysThatMoreIsPending)
{
    struct rig r;
    static char data[10000];
    uint8_t rec[12000];
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    SSL_write(r.ssl, data, sizeof data);
    int n = BIO_read(r.wb, rec, sizeof rec);
    lg_bufq_write(&r.in, &r.heap.pool, rec, (uint32_t)n, 0);
    EXPECT_OK(lg_tls_rx(r.t, &r.in, &r.plain, 4000, &r.out, r.seg_sz, 0));
    EXPECT_EQ(r.plain.bytes, 4000);
    EXPECT(lg_tls_rx_pending(r.t));
    EXPECT_OK(lg_tls_rx(r.t, &r.in, &r.plain, 100000, &r.out, r.seg_sz, 0));
    EXPECT_EQ(r.plain.bytes, sizeof data);
    EXPECT(!lg_tls_rx_pending(r.t));
    rig_fini(&r);
}

TEST(Pressure, MoreHandshakesThanPlannedAreShedAndCounted)
{
    struct rig r;
    struct lg_bufq in = {0}, plain = {0}, out = {0};
    uint8_t hello[1024];
    rig_init(&r, "ecdsa");
    r.max_handshakes = 1;
    REQUIRE(rig_build(&r));
    rig_client(&r, TLS1_3_VERSION, NULL, NULL);
    r.t = lg_tls_open(r.core, r.policy, 0);
    SSL_do_handshake(r.ssl);
    int n = BIO_read(r.wb, hello, sizeof hello);
    give(&r, hello, (size_t)n);
    EXPECT_EQ(r.core->handshakes, 1);
    struct lg_tls *second = lg_tls_open(r.core, r.policy, 0);
    lg_bufq_write(&in, &r.heap.pool, hello, (uint32_t)n, 0);
    EXPECT_ERR(lg_tls_rx(second, &in, &plain, 1, &out, 100, 0), LG_E(FULL));
    EXPECT_EQ(lg_tls_get_info(second)->reason, LG_TLS_R_FULL);
    EXPECT_EQ(lg_tls_get_info(second)->alert_sent, LG_ALERT_INTERNAL_ERROR);
    EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_FAIL_FULL), 1);
    lg_tls_close(second);
    lg_bufq_drop_all(&out);
    rig_pump(&r);
    EXPECT(rig_is_open(&r)); /* the one that was there is served */
    rig_fini(&r);
}

TEST(Pressure, AFullArenaShedsTheHandshakeAndLeavesNothingBehind)
{
    /* Let the arena end at every point of a handshake in turn. */
    uint32_t opened = 0;
    for (uint32_t pages = 1; pages <= 40; pages++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_auth(&r, LG_AUTH_REQUIRED, "root");
        REQUIRE(rig_build(&r));
        uint8_t *mem = aligned_alloc(64, lg_arena_footprint((size_t)pages * LG_ARENA_PAGE_SZ));
        lg_arena_init(&r.core->arena, mem, (size_t)pages * LG_ARENA_PAGE_SZ);
        rig_client(&r, TLS1_3_VERSION, "good2", "inter");
        rig_connect(&r);
        opened += rig_is_open(&r);
        if (!rig_is_open(&r)) {
            EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
            EXPECT_EQ(lg_tls_get_info(r.t)->reason, LG_TLS_R_FULL);
        }
        rig_fini(&r);
        free(mem);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "%u pages", pages);
        T_STOP_IF_FAILED();
    }
    EXPECT(opened > 0 && opened < 40);
}
