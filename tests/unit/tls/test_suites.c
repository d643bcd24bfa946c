/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hello with more cipher suites than any client has: scanners send all that were ever registered
 * (sslscan 344). OpenSSL offers only suites it knows, so they are put into its hello on the way;
 * its transcript is then not ours, and its Finished is made here. */
#include "forge.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>

enum { FLIGHT_MAX = 16384, HDR_SZ = 5, MSG_HDR_SZ = 4, WOLF_SUITES_MAX = 512 };

struct bytes {
    uint8_t p[FLIGHT_MAX];
    size_t n;
};

static void add(struct bytes *b, const void *p, size_t n)
{
    if (n > sizeof b->p - b->n)
        abort();
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

/* stuffed: the client's hello with suites put before its own, cnt in all. The record's length and
 * those inside grow with them. */
static void stuffed(struct rig *r, size_t cnt, struct bytes *out)
{
    uint8_t b[2048];
    SSL_do_handshake(r->ssl);
    int got = BIO_read(r->wb, b, sizeof b);
    size_t at = HDR_SZ + MSG_HDR_SZ + 2 + 32;
    at += 1u + b[at]; /* the session's id */
    size_t own = lg_get_be16(b + at), more = 2 * cnt - own;
    out->n = 0;
    add(out, b, at + 2);
    for (size_t i = 0; i < more / 2; i++) /* 0x4000 and on: none is registered */
        add(out, (uint8_t[2]){(uint8_t)(0x40 + i / 256), (uint8_t)i}, 2);
    add(out, b + at + 2, (size_t)got - at - 2);
    lg_put_be16(out->p + at, (uint16_t)(2 * cnt));
    lg_put_be16(out->p + 3, (uint16_t)(out->n - HDR_SZ));
    lg_put_be16(out->p + HDR_SZ + 2, (uint16_t)(out->n - HDR_SZ - MSG_HDR_SZ));
}

/* open_with: a rig whose server has read a hello with so many suites. */
static void open_with(struct rig *r, int version, size_t cnt, struct bytes *hello)
{
    rig_init(r, "ecdsa");
    REQUIRE(rig_build(r));
    rig_client(r, version, NULL, NULL);
    SSL_set_cipher_list(r->ssl, "ECDHE-ECDSA-AES128-GCM-SHA256");
    /* With it, the secrets too would be of a transcript that is not ours. */
    SSL_set_options(r->ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    stuffed(r, cnt, hello);
    r->t = lg_tls_open(r->core, r->policy, 0);
    REQUIRE(r->t);
    give(r, hello->p, hello->n, 0);
}

static void taken_out(struct rig *r, struct bytes *out)
{
    struct lg_buf *b;
    out->n = 0;
    while ((b = lg_bufq_pop(&r->out)) != NULL) {
        add(out, b->data, b->len);
        lg_buf_give(b);
    }
}

/* add_messages: the handshake messages in these records; to the first of another kind. Returns
 * where that is. */
static size_t add_messages(struct bytes *to, const struct bytes *records)
{
    size_t at = 0;
    while (at + HDR_SZ <= records->n && records->p[at] == LG_REC_HANDSHAKE) {
        size_t sz = lg_get_be16(records->p + at + 3);
        add(to, records->p + at + HDR_SZ, sz);
        at += HDR_SZ + sz;
    }
    return at;
}

/* prf: RFC 5246 5, with SHA-256. */
static bool prf(const uint8_t master[48], const char *label, const uint8_t *seed, size_t seed_sz,
                uint8_t *out, size_t out_sz)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string("digest", (void *)(uintptr_t) "SHA256", 6),
        OSSL_PARAM_octet_string("secret", (void *)(uintptr_t)master, 48),
        OSSL_PARAM_octet_string("seed", (void *)(uintptr_t)label, strlen(label)),
        OSSL_PARAM_octet_string("seed", (void *)(uintptr_t)seed, seed_sz),
        OSSL_PARAM_END,
    };
    bool ok = c && EVP_KDF_derive(c, out, out_sz, params) == 1;
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return ok;
}

/* finished: the client's Finished record over this transcript. */
static void finished(struct rig *r, const struct bytes *transcript, struct bytes *out)
{
    enum { EXPLICIT_SZ = 8, VERIFY_SZ = 12, TAG_SZ = 16, PLAIN_SZ = MSG_HDR_SZ + VERIFY_SZ };
    uint8_t master[48], randoms[64], keys[2 * 16 + 2 * 4], hash[32], nonce[12] = {0};
    uint8_t plain[PLAIN_SZ] = {20, 0, 0, VERIFY_SZ};
    static const uint8_t aad[] = {0, 0, 0, 0, 0, 0, 0, 0, LG_REC_HANDSHAKE, 3, 3, 0, PLAIN_SZ};
    uint8_t rec[HDR_SZ + EXPLICIT_SZ + PLAIN_SZ + TAG_SZ] = {LG_REC_HANDSHAKE, 3, 3, 0,
                                                             sizeof rec - HDR_SZ};
    uint8_t *sealed = rec + HDR_SZ + EXPLICIT_SZ;
    EXPECT_EQ(SSL_SESSION_get_master_key(SSL_get_session(r->ssl), master, sizeof master), 48);
    SSL_get_server_random(r->ssl, randoms, 32);
    SSL_get_client_random(r->ssl, randoms + 32, 32);
    EXPECT(prf(master, "key expansion", randoms, sizeof randoms, keys, sizeof keys));
    EXPECT(EVP_Digest(transcript->p, transcript->n, hash, NULL, EVP_sha256(), NULL) == 1);
    EXPECT(prf(master, "client finished", hash, sizeof hash, plain + MSG_HDR_SZ, VERIFY_SZ));
    memcpy(nonce, keys + 32, 4);
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    EXPECT(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys, nonce) == 1 &&
           EVP_EncryptUpdate(c, NULL, &n, aad, sizeof aad) == 1 &&
           EVP_EncryptUpdate(c, sealed, &n, plain, PLAIN_SZ) == 1 &&
           EVP_EncryptFinal_ex(c, sealed + n, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_SZ, sealed + PLAIN_SZ) == 1);
    EVP_CIPHER_CTX_free(c);
    add(out, rec, sizeof rec);
}

static void expect_open(size_t cnt)
{
    struct rig r;
    static struct bytes hello, flight, transcript, answer;
    open_with(&r, TLS1_2_VERSION, cnt, &hello);
    T_STOP_IF_FAILED();
    taken_out(&r, &flight);
    transcript.n = 0;
    add_messages(&transcript, &hello);
    EXPECT_EQ(add_messages(&transcript, &flight), flight.n);
    BIO_write(r.rb, flight.p, (int)flight.n);
    SSL_do_handshake(r.ssl);
    int got = BIO_read(r.wb, answer.p, sizeof answer.p);
    answer.n = got > 0 ? (size_t)got : 0;
    size_t at = add_messages(&transcript, &answer); /* its ClientKeyExchange */
    REQUIRE(at > 0 && answer.n > at + HDR_SZ + 1);
    answer.n = at + HDR_SZ + 1; /* and ChangeCipherSpec */
    finished(&r, &transcript, &answer);
    give(&r, answer.p, answer.n, 0);
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_OPEN);
    EXPECT_STR(lg_tls_get_info(r.t)->suite, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    rig_fini(&r);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "with %zu suites", cnt);
}

TEST(Suites, OursBehindHundredsOfOthersIsChosen)
{
    expect_open(2);
    expect_open(345);
    expect_open(WOLF_SUITES_MAX);
}

TEST(Suites, OursBehindHundredsOfOthersIsChosenByTls13)
{
    struct rig r;
    static struct bytes hello, flight;
    open_with(&r, TLS1_3_VERSION, WOLF_SUITES_MAX, &hello);
    T_STOP_IF_FAILED();
    EXPECT_EQ(lg_tls_state(r.t), LG_TLS_HANDSHAKE);
    taken_out(&r, &flight);
    REQUIRE(flight.n > HDR_SZ);
    EXPECT_EQ(flight.p[0], LG_REC_HANDSHAKE);
    EXPECT_EQ(flight.p[HDR_SZ], 2); /* ServerHello */
    rig_fini(&r);
}

TEST(Suites, MoreThanTheBoundGetDecodeError)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < LG_ARRAY_CNT(versions); i++) {
        struct rig r;
        static struct bytes hello;
        open_with(&r, versions[i], WOLF_SUITES_MAX + 1, &hello);
        T_STOP_IF_FAILED();
        EXPECT_EQ(lg_tls_state(r.t), LG_TLS_FAILED);
        EXPECT_EQ(lg_tls_get_info(r.t)->alert_sent, LG_ALERT_DECODE_ERROR);
        rig_fini(&r);
    }
}
