/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handshake against what the network and a hostile client can do to it: every message cut at
 * every byte, by segments and by records, and thousands of random changes, with seeds that are
 * fixed. A TLS 1.3 client's encrypted flight is opened and sealed again on the way, so that what is
 * cut and changed there is the messages and not the ciphertext. */
#include "forge.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
enum { STEP = 7, CHANGES = 1200 };
#else
enum { STEP = 1, CHANGES = 10000 };
#endif

enum { FLIGHT_MAX = 16384, AES_KEY_SZ = 16, NONCE_SZ = 12, TAG_SZ = 16, HDR_SZ = 5 };

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

/* ---------------------------------------------------------------- between client and server */

/* The keys of a 1.3 client's handshake records: those it made, and those we make of them. */
struct between {
    bool has_keys;
    uint8_t key[AES_KEY_SZ], iv[NONCE_SZ];
    uint64_t in_seq, out_seq;
};

static struct between *watched; /* whom on_keylog tells */

static void on_keylog(const SSL *ssl, const char *line)
{
    static const char label[] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET ";
    uint8_t secret[32];
    (void)ssl;
    if (strncmp(line, label, sizeof label - 1) != 0)
        return;
    const char *hex = line + sizeof label - 1 + 64 + 1;
    for (size_t i = 0; i < sizeof secret; i++) {
        unsigned v;
        if (sscanf(hex + 2 * i, "%2x", &v) != 1)
            abort();
        secret[i] = (uint8_t)v;
    }
    watched->has_keys =
        lg_is_ok(lg_kdf_expand_label(secret, 32, "key", watched->key, AES_KEY_SZ)) &&
        lg_is_ok(lg_kdf_expand_label(secret, 32, "iv", watched->iv, NONCE_SZ));
}

static void nonce_of(const struct between *b, uint64_t seq, uint8_t out[NONCE_SZ])
{
    memcpy(out, b->iv, NONCE_SZ);
    for (int i = 0; i < 8; i++)
        out[NONCE_SZ - 1 - i] = (uint8_t)(out[NONCE_SZ - 1 - i] ^ seq >> 8 * i);
}

/* open_one decrypts a record's body; its plaintext with inner type, or 0. */
static size_t open_one(struct between *b, const uint8_t *rec, size_t body_sz, uint8_t *out)
{
    uint8_t nonce[NONCE_SZ];
    int n = 0, m = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    nonce_of(b, b->in_seq++, nonce);
    size_t sz = body_sz - TAG_SZ;
    bool ok = EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, b->key, nonce) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, rec, HDR_SZ) == 1 &&
              EVP_DecryptUpdate(c, out, &n, rec + HDR_SZ, (int)sz) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_SZ,
                                  (void *)(uintptr_t)(rec + HDR_SZ + sz)) == 1 &&
              EVP_DecryptFinal_ex(c, out + n, &m) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? sz : 0;
}

/* seal_one makes a record of these handshake bytes; its size. */
static size_t seal_one(struct between *b, const uint8_t *p, size_t n, uint8_t *out)
{
    uint8_t nonce[NONCE_SZ], type = LG_REC_HANDSHAKE;
    int k = 0, m = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    nonce_of(b, b->out_seq++, nonce);
    out[0] = LG_REC_DATA;
    out[1] = out[2] = 3;
    lg_put_be16(out + 3, (uint16_t)(n + 1 + TAG_SZ));
    uint8_t *at = out + HDR_SZ;
    EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, b->key, nonce);
    EVP_EncryptUpdate(c, NULL, &k, out, HDR_SZ);
    EVP_EncryptUpdate(c, at, &k, p, (int)n);
    EVP_EncryptUpdate(c, at + n, &k, &type, 1);
    EVP_EncryptFinal_ex(c, at + n + 1, &m);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_SZ, at + n + 1);
    EVP_CIPHER_CTX_free(c);
    return HDR_SZ + n + 1 + TAG_SZ;
}

/* messages takes the handshake bytes out of a flight's records, in clear (1.3: only under the
 * handshake keys; before there are some: in clear). Returns how many; *rest is where the flight
 * goes on with what is not to be touched (1.2: the ChangeCipherSpec). */
static size_t messages(struct between *b, const uint8_t *p, size_t n, uint8_t *out, size_t *rest)
{
    size_t sz = 0, off = 0;
    while (off + HDR_SZ <= n) {
        size_t body = lg_get_be16(p + off + 3);
        if (p[off] == LG_REC_CCS && !b->has_keys)
            break;
        if (p[off] == LG_REC_HANDSHAKE) {
            memcpy(out + sz, p + off + HDR_SZ, body);
            sz += body;
        } else if (p[off] == LG_REC_DATA && b->has_keys) {
            size_t k = open_one(b, p + off, body, out + sz);
            if (k == 0 || out[sz + k - 1] != LG_REC_HANDSHAKE)
                break; /* application data: not the handshake's */
            sz += k - 1;
        }
        off += HDR_SZ + body;
    }
    *rest = off;
    return sz;
}

/* record makes one record of handshake bytes, as the flight wants it. */
static size_t record(struct between *b, bool sealed, const uint8_t *p, size_t n, uint8_t *out)
{
    if (sealed)
        return seal_one(b, p, n, out);
    out[0] = LG_REC_HANDSHAKE;
    out[1] = 3;
    out[2] = 3;
    lg_put_be16(out + 3, (uint16_t)n);
    memcpy(out + HDR_SZ, p, n);
    return HDR_SZ + n;
}

/* ---------------------------------------------------------------- driving */

/* begin makes a client that will show a certificate. */
static void begin(struct rig *r, struct between *b, int version)
{
    *b = (struct between){0};
    watched = b;
    rig_client(r, version, "good", NULL);
    SSL_CTX_set_keylog_callback(r->ctx, on_keylog);
    SSL_set_ciphersuites(r->ssl, "TLS_AES_128_GCM_SHA256");
    SSL_set1_groups_list(r->ssl, "X25519:P-256");
    r->t = lg_tls_open(r->core, r->policy, 0);
    REQUIRE(r->t);
}

/* flight gives what the client has to send now; 0: nothing. */
static size_t flight(struct rig *r, uint8_t *out)
{
    if (SSL_in_init(r->ssl))
        SSL_do_handshake(r->ssl);
    else
        SSL_peek(r->ssl, &(char){0}, 1);
    int n = BIO_read(r->wb, out, FLIGHT_MAX);
    return n > 0 ? (size_t)n : 0;
}

static void setup(struct rig *r)
{
    rig_init(r, "ecdsa");
    rig_auth(r, LG_AUTH_REQUIRED, "root");
    r->listener.tls.tickets = false;
    REQUIRE(rig_build(r));
}

/* expect_open: it went as if nothing had been cut. */
static void expect_open(struct rig *r, const char *how, size_t at)
{
    rig_pump(r);
    if (!rig_is_open(r) || !lg_tls_get_info(r->t)->has_client_cert)
        t_fail(__FILE__, __LINE__, "cut by %s at byte %zu: %s, alert %d", how, at,
               lg_tls_reason_text(lg_tls_get_info(r->t)->reason),
               lg_tls_get_info(r->t)->alert_sent);
    rig_close(r);
    EXPECT_EQ(lg_tls_core_arena_used(r->core), 0);
}

/* by_segments cuts the client's stream at byte `at`; false: it is not so long. */
static bool by_segments(struct rig *r, int version, size_t at)
{
    static uint8_t p[FLIGHT_MAX];
    struct between b;
    size_t n, seen = 0;
    bool is_cut = false;
    begin(r, &b, version);
    while ((n = flight(r, p)) > 0) {
        size_t k = at > seen && at - seen < n ? at - seen : 0;
        is_cut |= k > 0;
        if (k)
            give(r, p, k, 0);
        give(r, p + k, n - k, 0);
        seen += n;
        forge_to_client(r);
    }
    expect_open(r, "segments", at);
    return is_cut || at > seen ? is_cut : true;
}

/* in_header: does byte `at` lie within the 4-byte header of one of these messages? wolfSSL 5.7.2
 * cannot read one that is cut there. (Ours reads the first hello, and can.) */
static bool in_header(const uint8_t *m, size_t sz, size_t at)
{
    for (size_t off = 0; off + 4 <= sz; off += 4 + (size_t)lg_get_be16(m + off + 2))
        if (at > off && at < off + 4)
            return true;
    return false;
}

/* by_records cuts the handshake bytes of flight nr at byte `at` into two records; false: they are
 * not so long. */
static bool by_records(struct rig *r, int version, int nr, size_t at)
{
    static uint8_t p[FLIGHT_MAX], m[FLIGHT_MAX], out[2 * FLIGHT_MAX];
    struct between b;
    size_t n, rest = 0;
    bool is_cut = false;
    begin(r, &b, version);
    for (int i = 0; (n = flight(r, p)) > 0; i++) {
        if (i != nr) {
            give(r, p, n, 0);
            forge_to_client(r);
            continue;
        }
        bool sealed = version == TLS1_3_VERSION && i > 0;
        size_t sz = messages(&b, p, n, m, &rest);
        is_cut = at < sz;
        while (i > 0 && in_header(m, sz, at))
            at++;
        size_t k = is_cut ? at : sz;
        size_t len = record(&b, sealed, m, k, out);
        if (is_cut)
            len += record(&b, sealed, m + k, sz - k, out + len);
        memcpy(out + len, p + rest, n - rest);
        give(r, out, len + n - rest, 0);
        forge_to_client(r);
    }
    expect_open(r, "records", at);
    return is_cut;
}

TEST(Proof, AHandshakeCutByASegmentAtAnyByteIsTheSame)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        size_t at = 1;
        setup(&r);
        while (by_segments(&r, versions[v], at) && !t_failed())
            at += STEP;
        EXPECT(at > 700);
        rig_fini(&r);
    }
}

TEST(Proof, AHandshakeCutIntoRecordsAtAnyByteIsTheSame)
{
    for (int v = 0; v < 2; v++)
        for (int nr = 0; nr < 2; nr++) {
            struct rig r;
            size_t at = 1;
            setup(&r);
            while (by_records(&r, versions[v], nr, at) && !t_failed())
                at += STEP;
            EXPECT(at > (nr ? 500 : 100));
            rig_fini(&r);
        }
}

/* ---------------------------------------------------------------- random changes */

static uint32_t below(uint32_t *seed, uint32_t n)
{
    return n ? forge_next(seed) % n : 0;
}

/* change does one thing to n bytes at p, which has room for more; the new count. */
static size_t change(uint32_t *seed, uint8_t *p, size_t n)
{
    static const uint8_t odd[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x30, 0x82};
    uint32_t at = below(seed, (uint32_t)n), len = 1 + below(seed, 40);
    len = LG_MIN(len, (uint32_t)n - at);
    switch (below(seed, 7)) {
    case 0: /* a bit */
        p[at] = (uint8_t)(p[at] ^ 1u << below(seed, 8));
        return n;
    case 1: /* a byte */
        p[at] = odd[below(seed, sizeof odd)];
        return n;
    case 2: /* some bytes go */
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    case 3: /* come twice */
        memmove(p + at + len, p + at, n - at);
        return n + len;
    case 4: /* noise comes in */
        memmove(p + at + len, p + at, n - at);
        for (uint32_t i = 0; i < len; i++)
            p[at + i] = (uint8_t)forge_next(seed);
        return n + len;
    case 5: /* the end is missing */
        return at ? at : 1;
    default: /* a length */
        if (at + 2 <= n)
            lg_put_be16(p + at, (uint16_t)(lg_get_be16(p + at) + below(seed, 5) - 2));
        return n;
    }
}

/* may_be_sent: what a client's fault may be answered with. internal_error is not among them. */
static bool may_be_sent(uint8_t alert)
{
    static const uint8_t fine[] = {
        LG_TLS_NO_ALERT,
        LG_ALERT_UNEXPECTED_MESSAGE,
        LG_ALERT_BAD_RECORD_MAC,
        LG_ALERT_RECORD_OVERFLOW,
        LG_ALERT_HANDSHAKE_FAILURE,
        LG_ALERT_BAD_CERTIFICATE,
        LG_ALERT_UNSUPPORTED_CERTIFICATE,
        LG_ALERT_CERTIFICATE_EXPIRED,
        LG_ALERT_CERTIFICATE_UNKNOWN,
        LG_ALERT_ILLEGAL_PARAMETER,
        LG_ALERT_UNKNOWN_CA,
        LG_ALERT_DECODE_ERROR,
        LG_ALERT_DECRYPT_ERROR,
        LG_ALERT_PROTOCOL_VERSION,
        LG_ALERT_UNRECOGNIZED_NAME,
        LG_ALERT_CERTIFICATE_REQUIRED,
        109, /* missing_extension */
        110, /* unsupported_extension */
    };
    return memchr(fine, alert, sizeof fine) != NULL;
}

/* one_change runs a handshake whose flight nr is changed; deep: its messages, not its records. */
static void one_change(struct rig *r, uint32_t seed, uint32_t opened[2])
{
    static uint8_t p[2 * FLIGHT_MAX], m[2 * FLIGHT_MAX], was[FLIGHT_MAX], out[4 * FLIGHT_MAX];
    struct between b;
    uint32_t s = seed * 2654435761u;
    int version = versions[below(&s, 2)], nr = (int)below(&s, 3) > 0;
    bool deep = below(&s, 2), is_changed = false;
    size_t n, rest = 0;
    begin(r, &b, version);
    for (int i = 0; (n = flight(r, p)) > 0 && i < 8; i++) {
        if (i == nr && deep) {
            size_t sz = messages(&b, p, n, m, &rest);
            if (sz > 0) {
                size_t was_sz = sz;
                memcpy(was, m, sz);
                sz = change(&s, m, sz);
                is_changed = sz != was_sz || memcmp(m, was, sz) != 0;
                size_t len = record(&b, version == TLS1_3_VERSION && i > 0, m, sz, out);
                memcpy(out + len, p + rest, n - rest);
                give(r, out, len + n - rest, 0);
            }
        } else {
            if (i == nr) {
                size_t was_sz = n;
                memcpy(was, p, n);
                n = change(&s, p, n);
                is_changed = n != was_sz || memcmp(p, was, n) != 0;
            }
            give(r, p, n, 0);
        }
        forge_to_client(r);
    }
    const struct lg_tls_info *info = lg_tls_get_info(r->t);
    bool is_open = lg_tls_state(r->t) == LG_TLS_OPEN;
    if (lg_tls_state(r->t) == LG_TLS_FAILED &&
        (!may_be_sent(info->alert_sent) || info->reason == LG_TLS_R_INTERNAL ||
         info->reason == LG_TLS_R_FULL || info->reason == LG_TLS_R_NONE))
        t_fail(__FILE__, __LINE__, "seed %u: alert %d, %s", seed, info->alert_sent,
               lg_tls_reason_text(info->reason));
    if (is_open && !info->has_client_cert)
        t_fail(__FILE__, __LINE__, "seed %u: open without a client certificate", seed);
    EXPECT_EQ(r->plain.bytes, 0);
    opened[deep] += is_open && is_changed;
    rig_close(r);
    if (lg_tls_core_arena_used(r->core) != 0 || r->heap.cnt_out != 0)
        t_fail(__FILE__, __LINE__, "seed %u: memory is left out", seed);
}

TEST(Proof, TenThousandChangesOfAHandshakeEndInTheRightAlertAndLeaveNothing)
{
    struct rig r;
    uint32_t opened[2] = {0, 0};
    setup(&r);
    for (uint32_t seed = 1; seed <= CHANGES && !t_failed(); seed++)
        one_change(&r, seed, opened);
    /* What the transcript covers cannot be changed; of the records a version byte may be, or what
     * stands behind the handshake. */
    EXPECT_EQ(opened[1], 0);
    EXPECT(opened[0] < CHANGES / 10);
    rig_fini(&r);
}
