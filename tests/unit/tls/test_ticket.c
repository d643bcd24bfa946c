/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Session tickets: whom they let back in, under what, for how long, and what becomes of bad ones.
 */
#include "rig.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

/* connect opens one connection, offering r->offer; the client shows cert when asked. */
static void connect_as(struct rig *r, int version, const char *cert)
{
    if (r->ssl)
        rig_close(r);
    rig_all(r, version, cert, NULL);
}

static bool resumed(const struct rig *r)
{
    bool is = r->t && lg_tls_get_info(r->t)->resumed;
    if (rig_is_open(r) && is != (SSL_session_reused(r->ssl) == 1))
        t_fail(__FILE__, __LINE__, "server and client disagree on whether it was resumed");
    return is;
}

/* ---------------------------------------------------------------- R33: bound to the policy */

struct variant {
    const char *name, *certs, *bundle;
    enum lg_client_auth auth;
    enum lg_crl_fail fail;
    uint32_t depth;
    const char *crl_revokes; /* NULL: no list */
    const char *sni;
};

static const struct variant variants[] = {
    {"web", "ecdsa", NULL, LG_AUTH_NONE, 0, 4, NULL, "a.example"},
    {"web2", "ecdsa", NULL, LG_AUTH_NONE, 0, 4, NULL, "a.example"},
    {"web", "ecdsa", NULL, LG_AUTH_NONE, 0, 4, NULL, "www.a.example"},
    {"web", "ecdsa", NULL, LG_AUTH_NONE, 0, 4, NULL, NULL},
    {"web", "p384", NULL, LG_AUTH_NONE, 0, 4, NULL, "a.example"},
    {"web", "ecdsa", "root", LG_AUTH_OPTIONAL, 0, 4, NULL, "a.example"},
    {"web", "ecdsa", "root", LG_AUTH_REQUIRED, 0, 4, NULL, "a.example"},
    {"web", "ecdsa", "root,inter", LG_AUTH_REQUIRED, 0, 4, NULL, "a.example"},
    {"web", "ecdsa", "root", LG_AUTH_REQUIRED, 0, 3, NULL, "a.example"},
    {"web", "ecdsa", "root", LG_AUTH_REQUIRED, LG_CRL_FAIL_CLOSED, 4, "revoked", "a.example"},
    {"web", "ecdsa", "root", LG_AUTH_REQUIRED, LG_CRL_FAIL_OPEN, 4, "revoked", "a.example"},
    {"web", "ecdsa", "root", LG_AUTH_REQUIRED, LG_CRL_FAIL_CLOSED, 4, "expired", "a.example"},
};
#define VARIANT_CNT LG_ARRAY_CNT(variants)

static void setup(struct rig *r, const struct variant *v)
{
    rig_init(r, v->certs);
    r->listener.name = (char *)v->name;
    r->listener.tls.verify_depth = v->depth;
    if (v->bundle)
        rig_auth(r, v->auth, v->bundle);
    r->listener.tls.crl_fail = v->fail;
    if (v->crl_revokes)
        rig_crl(r, pki_crl("root", v->crl_revokes, 3600, NULL));
    if (!rig_build(r))
        t_fail(__FILE__, __LINE__, "%s", rig_messages(r));
}

static void open_under(struct rig *r, const struct variant *v, int version, SSL_SESSION *offer)
{
    r->offer = offer;
    if (offer)
        SSL_SESSION_up_ref(offer);
    lg_tls_core_attach(r->core);
    rig_client(r, version, "good", NULL);
    if (v->sni)
        SSL_set_tlsext_host_name(r->ssl, v->sni);
    rig_connect(r);
    EXPECT(rig_is_open(r));
}

static void all_pairs(int version)
{
    static struct rig r[VARIANT_CNT];
    for (size_t i = 0; i < VARIANT_CNT; i++)
        setup(&r[i], &variants[i]);
    T_STOP_IF_FAILED();
    for (size_t i = 0; i < VARIANT_CNT; i++) {
        open_under(&r[i], &variants[i], version, NULL);
        SSL_SESSION *s = r[i].came;
        r[i].came = NULL;
        rig_close(&r[i]);
        REQUIRE(s);
        for (size_t j = 0; j < VARIANT_CNT; j++) {
            open_under(&r[j], &variants[j], version, s);
            if (resumed(&r[j]) != (i == j))
                t_fail(__FILE__, __LINE__, "version %x: a ticket of policy %zu %s under policy %zu",
                       (unsigned)version, i, i == j ? "did not resume" : "resumed", j);
            EXPECT_EQ(lg_tls_get_info(r[j].t)->has_client_cert, variants[j].auth != LG_AUTH_NONE);
            rig_close(&r[j]);
            SSL_SESSION_free(r[j].offer);
            r[j].offer = NULL;
        }
        SSL_SESSION_free(s);
    }
    for (size_t i = 0; i < VARIANT_CNT; i++) {
        lg_tls_core_attach(r[i].core);
        rig_fini(&r[i]);
    }
}

TEST(R33, ATicketResumesUnderItsOwnPolicyOnlyAllPairs13)
{
    all_pairs(TLS1_3_VERSION);
}

TEST(R33, ATicketResumesUnderItsOwnPolicyOnlyAllPairs12)
{
    all_pairs(TLS1_2_VERSION);
}

TEST(R33, VersionsDoNotTakeEachOthersTickets)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        connect_as(&r, versions[v], NULL);
        rig_keep(&r);
        connect_as(&r, versions[1 - v], NULL);
        EXPECT(rig_is_open(&r));
        EXPECT(!resumed(&r));
        rig_fini(&r);
    }
}

/* ---------------------------------------------------------------- R34: the identity */

TEST(R34, AResumedConnectionCarriesTheSameIdentity)
{
    static const char *const who[] = {"good", "goodrsa", "odd"};
    for (size_t v = 0; v < 2; v++)
        for (size_t w = 0; w < 3; w++) {
            struct rig r;
            rig_init(&r, "ecdsa");
            rig_auth(&r, LG_AUTH_REQUIRED, "root");
            connect_as(&r, versions[v], who[w]);
            REQUIRE(rig_is_open(&r));
            struct lg_tls_info before = *lg_tls_get_info(r.t);
            struct lg_tls_cert_text was = {0}; /* the connection's own go with it */
            snprintf(was.subject, sizeof was.subject, "%s", before.subject);
            snprintf(was.issuer, sizeof was.issuer, "%s", before.issuer);
            snprintf(was.serial, sizeof was.serial, "%s", before.serial);
            snprintf(was.fingerprint, sizeof was.fingerprint, "%s", before.fingerprint);
            rig_keep(&r);
            for (int again = 0; again < 3; again++) { /* each with the last one's ticket, 1.3 */
                connect_as(&r, versions[v], NULL);
                EXPECT(rig_is_open(&r));
                EXPECT(resumed(&r));
                EXPECT_EQ(r.saw_cert_request, 0);
                const struct lg_tls_info *i = lg_tls_get_info(r.t);
                EXPECT(i->has_client_cert);
                EXPECT_STR(i->subject, was.subject);
                EXPECT_STR(i->issuer, was.issuer);
                EXPECT_STR(i->serial, was.serial);
                EXPECT_STR(i->fingerprint, was.fingerprint);
                EXPECT_STR(i->suite, before.suite);
                EXPECT_EQ(i->version, before.version);
                rig_keep(&r);
            }
            EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_HS_RESUMED), 3);
            EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_HS_MUTUAL), 4);
            rig_fini(&r);
            T_STOP_IF_FAILED();
        }
}

TEST(R34, WhereOptionalNoIdentityStaysNone)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_auth(&r, LG_AUTH_OPTIONAL, "root");
        connect_as(&r, versions[v], NULL);
        rig_keep(&r);
        connect_as(&r, versions[v], "good");
        EXPECT(resumed(&r));
        EXPECT(!lg_tls_get_info(r.t)->has_client_cert);
        EXPECT_STR(lg_tls_get_info(r.t)->subject, "");
        rig_fini(&r);
    }
}

TEST(R34, ACertificateTooLongForATicketGetsNone)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_auth(&r, LG_AUTH_REQUIRED, "root");
        connect_as(&r, versions[v], "huge");
        if (!rig_is_open(&r))
            t_fail(__FILE__, __LINE__, "%s", lg_tls_reason_text(lg_tls_get_info(r.t)->reason));
        EXPECT(lg_tls_get_info(r.t)->has_client_cert);
        rig_keep(&r); /* 1.3: none; 1.2: one that opens nothing, since ServerHello promised one */
        connect_as(&r, versions[v], "huge");
        EXPECT(rig_is_open(&r));
        EXPECT(!resumed(&r));
        rig_fini(&r);
    }
}

/* ---------------------------------------------------------------- R35, lifetimes, keys */

static void wait_past(time_t s)
{
    while (time(NULL) <= s)
        usleep(10000);
}

TEST(R35, NoResumptionPastTheCertificatesEndNorPastTheLifetime)
{
    struct rig brief[2], aged[2];
    for (size_t v = 0; v < 2; v++) {
        rig_init(&brief[v], "ecdsa");
        rig_auth(&brief[v], LG_AUTH_REQUIRED, "root");
        connect_as(&brief[v], versions[v], v ? "brief2" : "brief");
        EXPECT(rig_is_open(&brief[v]));
        rig_keep(&brief[v]);
        rig_init(&aged[v], "ecdsa");
        aged[v].listener.tls.ticket_lifetime_ns = LG_SEC(1);
        connect_as(&aged[v], versions[v], NULL);
        rig_keep(&aged[v]);
    }
    wait_past(time(NULL) + 3);
    for (size_t v = 0; v < 2; v++) {
        lg_tls_core_attach(brief[v].core);
        connect_as(&brief[v], versions[v], v ? "brief2" : "brief");
        EXPECT(!resumed(&brief[v]));
        EXPECT_EQ(brief[v].alert, LG_ALERT_CERTIFICATE_EXPIRED);
        rig_fini(&brief[v]);
        lg_tls_core_attach(aged[v].core);
        connect_as(&aged[v], versions[v], NULL);
        EXPECT(rig_is_open(&aged[v]));
        EXPECT(!resumed(&aged[v]));
        rig_fini(&aged[v]);
    }
}

/* ticket_of copies the ticket that would be offered. */
static size_t ticket_of(const struct rig *r, uint8_t *out, size_t max)
{
    const unsigned char *p;
    size_t sz;
    SSL_SESSION_get0_ticket(r->offer, &p, &sz);
    memcpy(out, p, LG_MIN(sz, max));
    return sz;
}

TEST(R37b, KeysRotateWithoutLosingValidTickets)
{
    static lg_ns_t now_ns = LG_SEC(1000000); /* the keys are the process's: time goes on */
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        uint8_t a[16], b[16];
        rig_init(&r, "ecdsa");
        connect_as(&r, versions[v], NULL);
        rig_keep(&r);
        ticket_of(&r, a, sizeof a);
        lg_tls_tickets_poll(now_ns);
        now_ns += LG_SEC(86401);
        lg_tls_tickets_poll(now_ns); /* what sealed is the one before, now */
        connect_as(&r, versions[v], NULL);
        EXPECT(resumed(&r));
        SSL_SESSION *old = r.offer;
        SSL_SESSION_up_ref(old);
        rig_keep(&r);
        ticket_of(&r, b, sizeof b);
        EXPECT(memcmp(a, b, sizeof a) != 0); /* the client got one of the new key */
        now_ns += LG_SEC(86401);
        lg_tls_tickets_poll(now_ns);
        connect_as(&r, versions[v], NULL);
        EXPECT(resumed(&r));
        SSL_SESSION_free(r.offer);
        r.offer = old;
        connect_as(&r, versions[v], NULL); /* two keys ago */
        EXPECT(rig_is_open(&r));
        EXPECT(!resumed(&r));
        rig_fini(&r);
    }
}

TEST(R37b, MachinesWithOneKeyFileTakeEachOthersTickets)
{
    static const char first[] =
        "# keys\n"
        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\n"
        "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC\n"
        "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND\n";
    static const char next[] =
        "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC\n"
        "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND\r\n"
        "RERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERE";
    for (size_t v = 0; v < 2; v++) {
        struct rig a, b;
        rig_init(&a, "ecdsa");
        a.cfg.ticket_keys = (char *)pki_file("first.keys", first, sizeof first - 1);
        connect_as(&a, versions[v], NULL);
        rig_keep(&a);
        rig_init(&b, "ecdsa");
        b.cfg.ticket_keys = (char *)pki_file("next.keys", next, sizeof next - 1);
        b.offer = a.offer;
        a.offer = NULL;
        connect_as(&b, versions[v], NULL);
        EXPECT(rig_is_open(&b));
        EXPECT(resumed(&b));
        rig_keep(&b);
        SSL_SESSION *s = b.offer;
        b.offer = NULL;
        rig_fini(&b);
        lg_tls_core_attach(a.core);
        a.offer = s; /* sealed by the other's newer key, which this one has as its next */
        connect_as(&a, versions[v], NULL);
        EXPECT(resumed(&a));
        rig_fini(&a);
    }
}

TEST(R37b, AKeyFileThatIsWrongIsRefusedByLine)
{
    static const struct {
        const char *text, *want;
    } bad[] = {
        {"# nothing\n\n", "holds no ticket key"},
        {"QUFB\n", "line 1"},
        {"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\nnot base64!\n",
         "line 2"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.cfg.ticket_keys = (char *)pki_file("bad.keys", bad[i].text, strlen(bad[i].text));
        EXPECT(!rig_build(&r));
        EXPECT_HAS(rig_messages(&r), bad[i].want);
        EXPECT_HAS(rig_messages(&r), "bad.keys");
        rig_fini(&r);
    }
}

/* ---------------------------------------------------------------- bad tickets, other hellos */

TEST(Ticket, OneFlippedBitAnywhereMeansAFullHandshake)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        rig_auth(&r, LG_AUTH_REQUIRED, "root");
        connect_as(&r, versions[v], "good");
        rig_keep(&r);
        const unsigned char *p;
        size_t sz;
        SSL_SESSION_get0_ticket(r.offer, &p, &sz);
        uint8_t *bytes = (uint8_t *)(uintptr_t)p;
        for (size_t at = 0; at < sz; at += at < 40 || at + 40 > sz ? 1 : 37) {
            bytes[at] ^= 1;
            connect_as(&r, versions[v], "good");
            bytes[at] ^= 1;
            EXPECT(rig_is_open(&r));
            EXPECT(!resumed(&r));
            EXPECT(lg_tls_get_info(r.t)->has_client_cert);
            T_STOP_IF_FAILED();
        }
        connect_as(&r, versions[v], "good");
        EXPECT(resumed(&r));
        rig_fini(&r);
    }
}

TEST(Ticket, AnInnerLengthThatLiesIsNotBelieved)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        connect_as(&r, versions[v], NULL);
        rig_keep(&r);
        const unsigned char *p;
        size_t sz;
        SSL_SESSION_get0_ticket(r.offer, &p, &sz);
        uint8_t *len = (uint8_t *)(uintptr_t)p + LG_TICKET_HEAD_SZ - 2;
        static const uint16_t lies[] = {0, 1, 76, 2000, 2124, 2125, 65535};
        for (size_t i = 0; i < LG_ARRAY_CNT(lies); i++) {
            lg_put_be16(len, lies[i]);
            connect_as(&r, versions[v], NULL);
            EXPECT(rig_is_open(&r));
            EXPECT(!resumed(&r));
        }
        rig_fini(&r);
    }
}

TEST(Ticket, TicketsOfOthersOfAnyLengthAreNoFault12)
{
    static uint8_t alien[8192];
    static const size_t sizes[] = {1, 16, 66, 141, 142, 192, 1024, 2190, 2191, 3000, 8000};
    struct rig r;
    rig_init(&r, "ecdsa");
    REQUIRE(rig_build(&r));
    memset(alien, 0x5a, sizeof alien);
    for (size_t i = 0; i < LG_ARRAY_CNT(sizes); i++) {
        rig_client(&r, TLS1_2_VERSION, NULL, NULL);
        SSL_set_session_ticket_ext(r.ssl, alien, (int)sizes[i]);
        rig_connect(&r);
        if (!rig_is_open(&r))
            t_fail(__FILE__, __LINE__, "a ticket of %zu bytes ended the handshake", sizes[i]);
        EXPECT(!resumed(&r));
        rig_close(&r);
    }
    connect_as(&r, TLS1_2_VERSION, NULL); /* and the context gives tickets as before */
    rig_keep(&r);
    connect_as(&r, TLS1_2_VERSION, NULL);
    EXPECT(resumed(&r));
    rig_fini(&r);
}

/* with_groups resumes with these groups, the first being the key share that is sent. */
static void with_groups(struct rig *r, const char *groups)
{
    rig_close(r);
    rig_client(r, TLS1_3_VERSION, NULL, NULL);
    SSL_set1_groups_list(r->ssl, groups);
    rig_connect(r);
    EXPECT(rig_is_open(r));
    if (!resumed(r))
        t_fail(__FILE__, __LINE__, "not resumed in %s", groups);
    rig_keep(r);
}

TEST(Ticket, ResumesAlsoInAnotherGroupAndAfterAHelloRetryRequest)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    connect_as(&r, TLS1_3_VERSION, NULL);
    rig_keep(&r);
    with_groups(&r, "P-256");
    EXPECT_STR(lg_tls_get_info(r.t)->group, "secp256r1");
    with_groups(&r, "P-521:X25519"); /* we do not do P-521: HelloRetryRequest */
    EXPECT_STR(lg_tls_get_info(r.t)->group, "x25519");
    with_groups(&r, "P-384");
    rig_fini(&r);
}

/* label384 is HKDF-Expand-Label under SHA-384 with 48 bytes out. */
static void label384(const uint8_t secret[48], const char *label, lg_span_t context,
                     uint8_t out[48])
{
    uint8_t info[128];
    size_t len = strlen(label), n = 3;
    info[0] = 0;
    info[1] = 48;
    info[2] = (uint8_t)(6 + len);
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, len);
    n += 6 + len;
    info[n++] = (uint8_t)context.len;
    memcpy(info + n, context.p, context.len);
    n += context.len;
    info[n++] = 1;
    HMAC(EVP_sha384(), secret, 48, info, n, out, NULL);
}

/* bind_psk writes the binder of a hello's one ticket; the hello ends with it. RFC 8446 4.2.11.2 */
static void bind_psk(const SSL_SESSION *s, uint8_t *hello, size_t sz)
{
    static const uint8_t zeros[48];
    uint8_t psk[48], key[48], hash[48];
    REQUIRE(SSL_SESSION_get_master_key(s, psk, sizeof psk) == sizeof psk);
    HMAC(EVP_sha384(), zeros, sizeof zeros, psk, sizeof psk, key, NULL);
    EVP_Digest("", 0, hash, NULL, EVP_sha384(), NULL);
    label384(key, "res binder", lg_span(hash, sizeof hash), key);
    label384(key, "finished", lg_span(hash, 0), key);
    EVP_Digest(hello, sz - 48 - 3, hash, NULL, EVP_sha384(), NULL);
    HMAC(EVP_sha384(), key, sizeof key, hash, sizeof hash, hello + sz - 48, NULL);
}

/* exts_of gives the offset of a hello's first extension. */
static size_t exts_of(const uint8_t *hello)
{
    size_t at = 4 + 2 + 32;
    at += 1u + hello[at];
    at += 2u + lg_get_be16(hello + at);
    return at + 1u + hello[at] + 2;
}

/* A hello that also offers psk_ke, with the key share hidden: only psk_ke is left to resume by. */
TEST(Ticket, NothingIsResumedWithoutAFreshKeyExchange)
{
    for (int hide = 0; hide < 2; hide++) {
        struct rig r;
        uint8_t rec[4096];
        rig_init(&r, "ecdsa");
        connect_as(&r, TLS1_3_VERSION, NULL);
        rig_keep(&r);
        rig_close(&r);
        rig_client(&r, TLS1_3_VERSION, NULL, NULL);
        SSL_set_options(r.ssl, SSL_OP_ALLOW_NO_DHE_KEX);
        SSL_do_handshake(r.ssl);
        int sz = BIO_read(r.wb, rec, sizeof rec);
        REQUIRE(sz > 100);
        uint8_t *hello = rec + 5;
        for (size_t at = exts_of(hello); hide && at + 4 < (size_t)sz - 5;
             at += 4u + lg_get_be16(hello + at + 2))
            if (lg_get_be16(hello + at) == 51)
                lg_put_be16(hello + at, 0xfe51);
        bind_psk(r.offer, hello, (size_t)sz - 5);
        r.t = lg_tls_open(r.core, r.policy, 0);
        lg_bufq_write(&r.in, &r.heap.pool, rec, (uint32_t)sz, 0);
        r.err = lg_tls_rx(r.t, &r.in, &r.plain, 1u << 20, &r.out, r.seg_sz, 0);
        EXPECT_EQ(lg_tls_state(r.t), hide ? LG_TLS_FAILED : LG_TLS_HANDSHAKE);
        rig_pump(&r);
        EXPECT(hide ? !rig_is_open(&r) : resumed(&r)); /* the binder of ours is right */
        rig_fini(&r);
    }
}

/* crowd puts cnt spoilt copies before the one ticket of a hello, and gives it as a record: what is
 * in front of pre_shared_key, the last extension, stays. Returns its size. */
static size_t crowd(const uint8_t *hello, uint32_t cnt, uint8_t *rec)
{
    size_t exts = exts_of(hello), at = exts;
    while (lg_get_be16(hello + at) != 41)
        at += 4u + lg_get_be16(hello + at + 2);
    const uint8_t *id = hello + at + 6; /* length, ticket, age */
    size_t id_sz = 2u + lg_get_be16(id) + 4, ids = (cnt + 1) * id_sz, binders = (cnt + 1) * 49;
    uint8_t *out = rec + 5, *p = out + at;
    memcpy(out, hello, at + 6);
    lg_put_be16(p + 2, (uint16_t)(2 + ids + 2 + binders));
    lg_put_be16(p + 4, (uint16_t)ids);
    p += 6;
    for (uint32_t i = 0; i <= cnt; i++, p += id_sz) {
        memcpy(p, id, id_sz);
        p[2 + LG_TICKET_HEAD_SZ] ^= (uint8_t)(cnt - i);
    }
    lg_put_be16(p, (uint16_t)binders);
    p += 2;
    for (uint32_t i = 0; i <= cnt; i++, p += 49)
        memset(p, 48, 49);
    size_t all = (size_t)(p - out);
    lg_put_be16(out + exts - 2, (uint16_t)(all - exts));
    lg_put_be16(out + 2, (uint16_t)(all - 4));
    memcpy(rec, "\x16\x03\x01", 3);
    lg_put_be16(rec + 3, (uint16_t)all);
    return all + 5;
}

TEST(Ticket, AHelloDoesNotMakeUsTryEveryTicketItCanHold)
{
    for (uint32_t cnt = LG_TICKET_TRY_MAX - 1; cnt < 32; cnt += 7) {
        struct rig r;
        uint8_t hello[4096], rec[16384];
        rig_init(&r, "ecdsa");
        connect_as(&r, TLS1_3_VERSION, NULL);
        rig_keep(&r);
        rig_close(&r);
        rig_client(&r, TLS1_3_VERSION, NULL, NULL);
        SSL_do_handshake(r.ssl);
        int sz = BIO_read(r.wb, hello, sizeof hello);
        REQUIRE(sz > 100);
        size_t n = crowd(hello + 5, cnt, rec);
        r.t = lg_tls_open(r.core, r.policy, 0);
        lg_bufq_write(&r.in, &r.heap.pool, rec, (uint32_t)n, 0);
        r.err = lg_tls_rx(r.t, &r.in, &r.plain, 1u << 20, &r.out, r.seg_sz, 0);
        /* The good one has no good binder: that is noticed where it is opened, not where it is not.
         */
        bool is_tried = cnt < LG_TICKET_TRY_MAX;
        EXPECT_EQ(lg_tls_state(r.t), is_tried ? LG_TLS_FAILED : LG_TLS_HANDSHAKE);
        EXPECT_EQ(lg_tls_get_info(r.t)->alert_sent == LG_TLS_NO_ALERT, !is_tried);
        rig_fini(&r);
    }
}

TEST(Ticket, NoneIsGivenWhereTicketsAreOff)
{
    for (size_t v = 0; v < 2; v++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.listener.tls.tickets = false;
        connect_as(&r, versions[v], NULL);
        EXPECT(rig_is_open(&r));
        EXPECT(!r.came || !SSL_SESSION_has_ticket(r.came));
        rig_fini(&r);
    }
}

TEST(Ticket, WithoutExtendedMasterSecretNoneIsGivenNorTaken12)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    connect_as(&r, TLS1_2_VERSION, NULL);
    rig_keep(&r);
    rig_close(&r);
    rig_client(&r, TLS1_2_VERSION, NULL, NULL);
    SSL_set_options(r.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    EXPECT(!resumed(&r));
    EXPECT(!r.came || !SSL_SESSION_has_ticket(r.came));
    rig_fini(&r);
}

TEST(R36, EarlyDataIsNotTakenAndNotOffered)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root");
    connect_as(&r, TLS1_3_VERSION, "good");
    rig_keep(&r);
    EXPECT_EQ(SSL_SESSION_get_max_early_data(r.offer), 0);
    rig_fini(&r);
}
