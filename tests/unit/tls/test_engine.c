/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record engine on real connections: against OpenSSL's client, against wolfSSL's own records
 * under the same keys, and against records that no client would send. */
#include "forge.h"

#include <stdlib.h>

TEST(TakeOver, FreesWolfsslOnceTheHandshakeIsDone)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        EXPECT(r.t->ssl == NULL);
        EXPECT_EQ(lg_tls_core_arena_used(r.core), 0);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_TAKEN_OVER), 1);
        EXPECT_EQ(r.t->rec.rx.seq, suites[i].version == TLS1_2_VERSION);
        EXPECT_EQ(r.t->rec.tx.seq, 1); /* 1.2: Finished; 1.3: the session ticket */
        rig_close(&r);
        EXPECT_EQ(lg_aead_slots_used(r.core->aead), 0);
        rig_fini(&r);
    }
}

TEST(TakeOver, KeysAreThoseOfTheSecrets)
{
    for (size_t i = 0; i < 3; i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        const struct lg_keys *sides[] = {&r.t->rec.rx, &r.t->rec.tx};
        for (int s = 0; s < 2; s++) {
            const struct lg_keys *k = sides[s];
            uint32_t sz = lg_aead_key_sz((enum lg_aead_alg)k->aead.alg);
            uint8_t key[32], iv[12];
            EXPECT_OK(lg_kdf_expand_label(k->secret, k->secret_sz, "key", key, sz));
            EXPECT_OK(lg_kdf_expand_label(k->secret, k->secret_sz, "iv", iv, sizeof iv));
            EXPECT_MEM(k->aead.raw, key, sz);
            EXPECT_MEM(k->iv, iv, sizeof iv);
        }
        rig_fini(&r);
    }
}

/* The explicit nonce of a 1.2 record goes on from the one of the server's Finished, which is the
 * last handshake record on the wire. */
TEST(R41, ExplicitNoncesGoOnFromTheFinished)
{
    struct rig r;
    uint8_t wire[8192], b[8192];
    uint64_t last = 0;
    rig_init(&r, "ecdsa");
    r.seg_sz = 7; /* and the nonce is found however the output is cut */
    REQUIRE(rig_build(&r));
    rig_client(&r, TLS1_2_VERSION, NULL, NULL);
    r.t = lg_tls_open(r.core, r.policy, 0);
    for (int step = 0; step < 4; step++) {
        SSL_do_handshake(r.ssl);
        int n = BIO_read(r.wb, b, sizeof b);
        if (n > 0)
            give(&r, b, (size_t)n, 0);
        uint32_t sz = lg_bufq_copy_out(&r.out, 0, wire, sizeof wire);
        for (uint32_t off = 0; off + 13 <= sz; off += 5u + lg_get_be16(wire + off + 3))
            if (wire[off] == LG_REC_HANDSHAKE)
                memcpy(&last, wire + off + 5, 8);
        forge_to_client(&r);
    }
    REQUIRE(rig_is_open(&r));
    r.seg_sz = 1400;
    for (uint64_t i = 1; i < 4; i++) {
        uint64_t got;
        lg_bufq_write(&r.plain, &r.heap.pool, "data", 4, 0);
        EXPECT_OK(lg_tls_tx(r.t, &r.plain, 100, &r.out, r.seg_sz, 0));
        lg_bufq_copy_out(&r.out, 5, &got, sizeof got);
        EXPECT_EQ(__builtin_bswap64(got), __builtin_bswap64(last) + i);
        forge_to_client(&r);
        EXPECT_EQ(SSL_read(r.ssl, b, sizeof b), 4);
    }
    rig_fini(&r);
}

/* one_size sends n bytes to the server in bufs of `cut` bytes, and the same bytes back. */
static void one_size(struct rig *r, struct forge *f, uint32_t n, uint32_t cut, uint8_t pad)
{
    static uint8_t data[17000], rec[20000], got[17000];
    forge_fill(data, n, n);
    uint32_t sz;
    if (f->keys.form == LG_FORM_13 && n + pad <= LG_REC_PLAIN_MAX) {
        data[n] = LG_REC_DATA;
        memset(data + n + 1, 0, pad);
        sz = forge_inner(f, rec, LG_REC_DATA, data, n + 1 + pad);
    } else {
        sz = forge_record(f, rec, LG_REC_DATA, data, n);
    }
    give(r, rec, sz, cut);
    EXPECT_OK(r->err);
    EXPECT_EQ(r->in.bytes, 0);
    EXPECT_EQ(r->plain.bytes, n);
    lg_bufq_copy_out(&r->plain, 0, got, n);
    EXPECT_MEM(got, data, n);
    EXPECT_OK(lg_tls_tx(r->t, &r->plain, UINT32_MAX, &r->out, r->seg_sz, 0));
    forge_to_client(r);
    uint32_t back = 0;
    int k;
    while (back < n && (k = SSL_read(r->ssl, got + back, (int)(sizeof got - back))) > 0)
        back += (uint32_t)k;
    EXPECT_EQ(back, n);
    EXPECT_MEM(got, data, n);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "%u bytes in bufs of %u, padding %u", n, cut, pad);
}

#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 61 };
#else
enum { EVERY = 1 };
#endif

TEST(R38, RecordsOfEverySizeAreExactInEverySuiteHoweverTheyAreCut)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        struct forge f;
        uint32_t seed = 3;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        /* Every size once a version; the other suites differ in the cipher only. */
        uint32_t step = i == 0 || i == 3 ? EVERY : 61;
        for (uint32_t n = 0; n <= LG_REC_PLAIN_MAX && !t_failed(); n += n < 80 ? 1 : step)
            one_size(&r, &f, n, 200 + forge_next(&seed) % 1300,
                     (uint8_t)(forge_next(&seed) & 0x3f));
        for (uint32_t n = LG_REC_PLAIN_MAX - 3; n <= LG_REC_PLAIN_MAX && !t_failed(); n++)
            one_size(&r, &f, n, 1448, 0);
        for (uint32_t cut = 1; cut < 40 && !t_failed(); cut++)
            one_size(&r, &f, 100, cut, (uint8_t)cut);
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

TEST(R38, ManyRecordsInOneBufAndOneRecordOverItsEndComeOutInOrder)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        struct forge f;
        static uint8_t wire[120000], want[120000], got[120000];
        uint32_t sz = 0, bytes = 0, seed = 11 + (uint32_t)i;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        forge_fill(want, sizeof want, seed);
        for (uint32_t k = 0; k < 60; k++) {
            uint32_t n = forge_next(&seed) % (k % 3 ? 90 : 4000);
            sz += forge_record(&f, wire + sz, LG_REC_DATA, want + bytes, n);
            bytes += n;
        }
        for (uint32_t off = 0; off < sz;) { /* now cut without regard for the records */
            uint32_t n = 1 + forge_next(&seed) % 5000;
            n = LG_MIN(n, sz - off);
            lg_tls_set_plain_seg(r.t, forge_next(&seed) & 1 ? 0 : 536);
            give(&r, wire + off, n, 1 + forge_next(&seed) % 1900);
            EXPECT_OK(r.err);
            off += n;
        }
        EXPECT_EQ(r.plain.bytes, bytes);
        lg_bufq_copy_out(&r.plain, 0, got, bytes);
        EXPECT_MEM(got, want, bytes);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_REC_RX), 60);
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

TEST(R38, OneByteTooManyIsRefused)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        struct forge f;
        static uint8_t data[17000], rec[20000];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        give(&r, rec, forge_record(&f, rec, LG_REC_DATA, data, LG_REC_PLAIN_MAX + 1), 1448);
        expect_refused(&r, LG_ALERT_RECORD_OVERFLOW);
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

TEST(R38, AFlippedBitAnywhereGetsBadRecordMacAndNotAByteThrough)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        struct forge f;
        uint8_t rec[400], bad[400];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        uint32_t sz = forge_record(&f, rec, LG_REC_DATA, bad, 200);
        const struct lg_tls before = *r.t;
        for (uint32_t bit = 5 * 8; bit < sz * 8; bit++) {
            memcpy(bad, rec, sz);
            bad[bit / 8] = (uint8_t)(bad[bit / 8] ^ 1 << bit % 8);
            give(&r, bad, sz, bit & 8 ? 60 : 0);
            EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
            EXPECT_EQ(lg_tls_get_info(r.t)->alert_sent, LG_ALERT_BAD_RECORD_MAC);
            EXPECT_EQ(r.plain.bytes, 0);
            EXPECT_EQ(r.in.bytes, 0);
            lg_bufq_drop_all(&r.out);
            EXPECT_EQ(r.heap.cnt_out, 0);
            *r.t = before; /* as if it had not come */
            if (t_failed())
                break;
        }
        give(&r, rec, sz, 0);
        EXPECT_EQ(r.plain.bytes, 200);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_REC_BAD_MAC), (sz - 5) * 8);
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

static void keep_buf(struct lg_bufpool *pool, struct lg_buf *b)
{
    (void)pool;
    (void)b;
}

TEST(R38, WhatAWrongTagDecryptedIsWiped)
{
    struct rig r;
    struct forge f;
    static uint8_t rec[3000], data[2000];
    rig_init(&r, "ecdsa");
    rig_suite(&r, &suites[0]);
    T_STOP_IF_FAILED();
    forge_init(&f, &r);
    memset(data, 'S', sizeof data);
    uint32_t sz = forge_record(&f, rec, LG_REC_DATA, data, sizeof data);
    rec[sz - 1] ^= 1;
    /* A pool of exactly the bufs that hold it, whose memory can be looked at afterwards. */
    struct lg_buf *held[2];
    uint32_t half = sz / 2;
    for (int i = 0; i < 2; i++) {
        held[i] = lg_buf_take(&r.heap.pool);
        held[i]->len = i ? sz - half : half;
        memcpy(held[i]->data, rec + (i ? half : 0), held[i]->len);
        lg_bufq_push(&r.in, held[i]);
    }
    uint8_t *base[2] = {held[0]->base, held[1]->base};
    static struct lg_bufpool_ops keep; /* bufs given back stay where they are */
    keep = *r.heap.pool.ops;
    keep.give = keep_buf;
    const struct lg_bufpool_ops *ops = r.heap.pool.ops;
    r.heap.pool.ops = &keep;
    r.err = lg_tls_rx(r.t, &r.in, &r.plain, 1u << 20, &r.out, r.seg_sz, 0);
    r.heap.pool.ops = ops;
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
    for (int i = 0; i < 2; i++) {
        EXPECT(memmem(base[i], r.heap.buf_cap, "SSSS", 4) == NULL);
        lg_buf_give(held[i]);
    }
    forge_fini(&f);
    rig_fini(&r);
}

TEST(Engine, ARecordAloneInItsBufIsNotCopied)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        struct forge f;
        uint8_t rec[400];
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        uint32_t sz = forge_record(&f, rec, LG_REC_DATA, "in place", 8);
        struct lg_buf *b = lg_buf_take(&r.heap.pool);
        memcpy(b->data, rec, sz);
        b->len = sz;
        lg_bufq_push(&r.in, b);
        r.heap.cnt_max = r.heap.cnt_out; /* and it needs no buf */
        EXPECT_OK(lg_tls_rx(r.t, &r.in, &r.plain, 100, &r.out, r.seg_sz, 0));
        EXPECT(r.plain.head == b);
        EXPECT_EQ(b->len, 8);
        EXPECT_MEM(b->data, "in place", 8);
        EXPECT(lg_buf_headroom(b) >= LG_BUF_HEADROOM); /* TCP can send it as it is */
        r.heap.cnt_max = 4096;
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

static bool always_shared(const struct lg_buf *b)
{
    (void)b;
    return true;
}

TEST(Engine, BufsThatSomebodyElseReadsAreLeftAsTheyAre)
{
    struct rig r;
    struct forge f;
    uint8_t rec[400];
    rig_init(&r, "ecdsa");
    rig_suite(&r, &suites[0]);
    T_STOP_IF_FAILED();
    forge_init(&f, &r);
    uint32_t sz = forge_record(&f, rec, LG_REC_DATA, "shared", 6);
    struct lg_bufpool_ops ops = *r.heap.pool.ops;
    const struct lg_bufpool_ops *own = r.heap.pool.ops;
    ops.is_shared = always_shared;
    r.heap.pool.ops = &ops;
    give(&r, rec, sz, 0);
    EXPECT_EQ(r.plain.bytes, 6);
    EXPECT_MEM(r.plain.head->data, "shared", 6);
    /* Sending from such bufs: the byte behind the content is not ours to use. */
    EXPECT_OK(lg_tls_tx(r.t, &r.plain, 100, &r.out, r.seg_sz, 0));
    r.heap.pool.ops = own;
    forge_to_client(&r);
    EXPECT_EQ(SSL_read(r.ssl, rec, sizeof rec), 6);
    EXPECT_MEM(rec, "shared", 6);
    forge_fini(&f);
    rig_fini(&r);
}

TEST(Engine, ARecordInTinySegmentsDoesNotPinABufForEach)
{
    struct rig r;
    struct forge f;
    static uint8_t data[16384], rec[20000], got[16384];
    uint32_t most = 0;
    rig_init(&r, "ecdsa");
    rig_suite(&r, &suites[0]);
    T_STOP_IF_FAILED();
    forge_init(&f, &r);
    forge_fill(data, sizeof data, 1);
    uint32_t sz = forge_record(&f, rec, LG_REC_DATA, data, sizeof data);
    for (uint32_t off = 0; off < sz; off++) {
        give(&r, rec + off, 1, 0);
        most = LG_MAX(most, r.in.cnt);
    }
    EXPECT(most <= LG_REC_THIN_BUFS + 10);
    EXPECT_EQ(r.plain.bytes, sizeof data);
    lg_bufq_copy_out(&r.plain, 0, got, sizeof got);
    EXPECT_MEM(got, data, sizeof data);
    /* All at once, more bufs than a record may lie in: put together, too. */
    lg_bufq_drop_all(&r.plain);
    sz = forge_record(&f, rec, LG_REC_DATA, data, sizeof data);
    give(&r, rec, sz, 16);
    EXPECT_EQ(r.plain.bytes, sizeof data);
    forge_fini(&f);
    rig_fini(&r);
}

TEST(Engine, WithoutABufARecordWaitsAndNothingIsLost)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++) {
        struct rig r;
        struct forge f;
        static uint8_t wire[12000], want[8000], got[8000];
        uint32_t sz = 0, again = 0;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        forge_init(&f, &r);
        forge_fill(want, sizeof want, 9);
        for (uint32_t off = 0; off < sizeof want; off += 500)
            sz += forge_record(&f, wire + sz, LG_REC_DATA, want + off, 500);
        lg_bufq_write(&r.in, &r.heap.pool, wire, sz, 1448);
        while (r.in.bytes > 0 && !t_failed()) {
            r.heap.cnt_max = r.heap.cnt_out + again % 2;
            lg_err_t e = lg_tls_rx(r.t, &r.in, &r.plain, 700, &r.out, r.seg_sz, 0);
            EXPECT(lg_is_ok(e) || lg_err_is(e, LG_ERR_AGAIN));
            again += lg_err_is(e, LG_ERR_AGAIN);
        }
        r.heap.cnt_max = 4096;
        while (lg_tls_rx_pending(r.t))
            EXPECT_OK(lg_tls_rx(r.t, &r.in, &r.plain, 700, &r.out, r.seg_sz, 0));
        EXPECT(again > 0);
        EXPECT_EQ(r.plain.bytes, sizeof want);
        lg_bufq_copy_out(&r.plain, 0, got, sizeof got);
        EXPECT_MEM(got, want, sizeof want);
        forge_fini(&f);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

/* send puts n bytes through lg_tls_tx at a time and gives the size of the first record's body. */
static uint32_t send_at(struct rig *r, uint32_t n, lg_ns_t now_ns)
{
    static uint8_t data[100000];
    uint8_t hdr[5];
    lg_bufq_write(&r->plain, &r->heap.pool, data, n, 0);
    EXPECT_OK(lg_tls_tx(r->t, &r->plain, n, &r->out, r->seg_sz, now_ns));
    lg_bufq_copy_out(&r->out, 0, hdr, sizeof hdr);
    for (const struct lg_buf *b = r->out.head; b && b->next; b = b->next)
        EXPECT_EQ(b->len, r->seg_sz); /* no segment but the last is short */
    lg_bufq_drop_all(&r->out);
    return lg_get_be16(hdr + 3);
}

TEST(Engine, RecordsAreSmallAtFirstAndAfterAPauseAndLargeInBulk)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i += 3) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_suite(&r, &suites[i]);
        T_STOP_IF_FAILED();
        lg_ns_t now = LG_SEC(100);
        EXPECT_EQ(send_at(&r, 60000, now) + 5, r.seg_sz);
        EXPECT_EQ(send_at(&r, 20000, now) + 5, r.seg_sz);
        EXPECT(send_at(&r, 60000, now + LG_SEC(1) - 1) > 16384);
        EXPECT(send_at(&r, 60000, now + LG_SEC(1)) > 16384);
        EXPECT_EQ(send_at(&r, 60000, now + LG_SEC(2)) + 5, r.seg_sz);
        rig_fini(&r);
    }
}

TEST(Engine, SegmentsOfAnySizeAreFilledAndRead)
{
    static const uint32_t segs[] = {0, 10, 64, 88, 536, 1220, 1448, 2000, 8960};
    for (size_t i = 0; i < LG_ARRAY_CNT(suites); i++)
        for (size_t s = 0; s < LG_ARRAY_CNT(segs); s++) {
            struct rig r;
            static uint8_t data[150000], got[150000];
            uint32_t back = 0, seed = 5;
            rig_init(&r, "ecdsa");
            rig_suite(&r, &suites[i]);
            T_STOP_IF_FAILED();
            forge_fill(data, sizeof data, 4);
            for (uint32_t off = 0; off < sizeof data;) { /* bufs of every length */
                uint32_t n = 1 + forge_next(&seed) % (forge_next(&seed) & 1 ? 40 : 2000);
                n = LG_MIN(n, (uint32_t)sizeof data - off);
                struct lg_buf *b = lg_buf_take(&r.heap.pool);
                memcpy(b->data, data + off, n);
                b->len = n;
                lg_bufq_push(&r.plain, b);
                off += n;
            }
            while (r.plain.bytes > 0) {
                EXPECT_OK(
                    lg_tls_tx(r.t, &r.plain, 1 + forge_next(&seed) % 50000, &r.out, segs[s], 0));
                forge_to_client(&r);
                int n;
                while ((n = SSL_read(r.ssl, got + back, (int)(sizeof got - back))) > 0)
                    back += (uint32_t)n;
                T_STOP_IF_FAILED();
            }
            EXPECT_EQ(back, sizeof data);
            EXPECT_MEM(got, data, sizeof data);
            rig_fini(&r);
            T_STOP_IF_FAILED();
        }
}

/* -- against wolfSSL's own records -- */

/* twin gives a second connection object with the same keys, served by the engine, while wolfSSL
 * serves r.t. It belongs to no pool: twin_fini ends it. */
static void twin_open(struct rig *r, const struct suite *s, struct lg_tls *twin)
{
    rig_init(r, "ecdsa");
    REQUIRE(rig_build(r));
    r->core->keep_wolf = true;
    rig_suite(r, s);
    T_STOP_IF_FAILED();
    REQUIRE(r->t->ssl);
    EXPECT_OK(lg_rec_take_keys(r->t));
    *twin = *r->t;
    twin->ssl = NULL;
}

/* both feeds the same bytes to the two and compares what comes of it. */
static void both(struct rig *r, struct lg_tls *twin, const uint8_t *p, uint32_t n, uint32_t cut)
{
    struct lg_bufq in = {0}, plain = {0}, out = {0};
    uint8_t a[4000], b[4000];
    for (uint32_t off = 0; off < n; off += cut)
        lg_bufq_write(&in, &r->heap.pool, p + off, LG_MIN(cut, n - off), off % 7 ? cut : 0);
    lg_err_t e = lg_tls_rx(twin, &in, &plain, 1u << 20, &out, r->seg_sz, 0);
    give(r, p, n, LG_MIN(cut, 2000u));
    EXPECT_EQ(lg_is_ok(e), lg_is_ok(r->err));
    EXPECT_EQ(lg_tls_state(twin), lg_tls_state(r->t));
    EXPECT_EQ(twin->info.alert_sent, r->t->info.alert_sent);
    EXPECT_EQ(plain.bytes, r->plain.bytes);
    /* Their alerts are the same record, but for the explicit nonces of 1.2. */
    EXPECT_EQ(out.bytes, r->out.bytes);
    uint32_t k = lg_bufq_copy_out(&out, 0, a, sizeof a);
    lg_bufq_copy_out(&r->out, 0, b, sizeof b);
    if (out.bytes == r->out.bytes)
        EXPECT_MEM(a, b, k);
    while (plain.bytes > 0 && plain.bytes == r->plain.bytes && !t_failed()) {
        k = lg_bufq_read(&plain, a, sizeof a);
        lg_bufq_read(&r->plain, b, sizeof b);
        EXPECT_MEM(a, b, k);
    }
    lg_bufq_drop_all(&in);
    lg_bufq_drop_all(&plain);
    lg_bufq_drop_all(&out);
    lg_bufq_drop_all(&r->plain);
    lg_bufq_drop_all(&r->out);
}

TEST(Twin, DecryptsWhatWolfsslDecryptsAndRefusesWhatItRefuses)
{
    for (size_t s = 0; s < LG_ARRAY_CNT(suites); s++) {
        uint32_t seed = 77 + (uint32_t)s;
        for (int round = 0; round < 12; round++) {
            struct rig r;
            struct lg_tls twin;
            static uint8_t data[16384], rec[20000];
            twin_open(&r, &suites[s], &twin);
            T_STOP_IF_FAILED();
            for (int i = 0; i < 20 && !t_failed(); i++) {
                uint32_t n = forge_next(&seed) % (i & 1 ? 200 : 16384) + 1;
                SSL_write(r.ssl, data, (int)n);
                int k = BIO_read(r.wb, rec, sizeof rec);
                if (i == 19) { /* the last one is spoilt behind its length */
                    uint32_t at = 5 + forge_next(&seed) % (uint32_t)(k - 5);
                    rec[at] = (uint8_t)(rec[at] ^ 1 << forge_next(&seed) % 8);
                }
                uint32_t cut = 1 + forge_next(&seed) % 1900;
                both(&r, &twin, rec, (uint32_t)k, LG_MAX(cut, (uint32_t)k / 60));
            }
            EXPECT_EQ(lg_tls_state(&twin), LG_TLS_FAILED);
            EXPECT_EQ(twin.info.alert_sent, LG_ALERT_BAD_RECORD_MAC);
            lg_rec_fini(&twin);
            rig_fini(&r);
            T_STOP_IF_FAILED();
        }
    }
}

TEST(Twin, EncryptsTheSameBytesAsWolfssl)
{
    for (size_t s = 0; s < LG_ARRAY_CNT(suites); s++) {
        struct rig r;
        struct lg_tls twin;
        static uint8_t data[16384], a[20000], b[20000];
        uint32_t seed = 99;
        twin_open(&r, &suites[s], &twin);
        T_STOP_IF_FAILED();
        twin.rec.tx_run_sz = LG_REC_BULK_BYTES; /* as large records as wolfSSL's */
        forge_fill(data, sizeof data, 5);
        for (int i = 0; i < 60 && !t_failed(); i++) {
            struct lg_bufq p = {0}, q = {0}, out = {0};
            uint32_t n = 1 + forge_next(&seed) % 16384;
            lg_bufq_write(&p, &r.heap.pool, data, n, 1 + forge_next(&seed) % 1500 + n / 40);
            lg_bufq_write(&q, &r.heap.pool, data, n, 0);
            EXPECT_OK(lg_tls_tx(&twin, &p, n, &out, 1448, 0));
            EXPECT_OK(lg_tls_tx(r.t, &q, n, &r.out, 1448, 0));
            EXPECT_EQ(out.bytes, r.out.bytes);
            uint32_t k = lg_bufq_read(&out, a, sizeof a);
            EXPECT_EQ(lg_bufq_read(&r.out, b, sizeof b), k);
            EXPECT_MEM(a, b, k);
        }
        lg_rec_fini(&twin);
        rig_fini(&r);
        T_STOP_IF_FAILED();
    }
}

/* -- every instruction set -- */

TEST(Engine, ServesWithEveryInstructionSet)
{
    static const uint8_t archs[] = {LG_AEAD_SSE, LG_AEAD_AVX2, LG_AEAD_AVX512};
    for (size_t a = 0; a < LG_ARRAY_CNT(archs); a++)
        for (size_t s = 0; s < LG_ARRAY_CNT(suites); s++) {
            struct rig r;
            struct forge f;
            void *mem = NULL;
            rig_init(&r, "ecdsa");
            REQUIRE(rig_build(&r));
            size_t sz = lg_align_up(lg_aead_footprint(4), 64);
            mem = aligned_alloc(64, sz);
            memset(mem, 0, sz);
            struct lg_aead *own = r.core->aead;
            if (lg_is_ok(lg_aead_init(mem, 4, (enum lg_aead_arch)archs[a], &r.core->aead))) {
                rig_suite(&r, &suites[s]);
                T_STOP_IF_FAILED();
                forge_init(&f, &r);
                one_size(&r, &f, 1, 1448, 3);
                one_size(&r, &f, 16384, 1448, 0);
                forge_fini(&f);
            }
            rig_close(&r);
            r.core->aead = own;
            rig_fini(&r);
            free(mem);
            T_STOP_IF_FAILED();
        }
}
