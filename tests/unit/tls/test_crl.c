/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Revocation lists: what is read, what is refused, that each is there once, and a big one. */
#include "crl_store.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* entry appends one revoked certificate with a serial number of len bytes. */
static size_t entry(uint8_t *p, const uint8_t *serial, uint8_t len)
{
    static const uint8_t when[] = {0x17, 13,  '2', '0', '0', '1', '0', '1',
                                   '0',  '0', '0', '0', '0', '0', 'Z'};
    p[0] = LG_DER_SEQUENCE;
    p[1] = (uint8_t)(2 + len + sizeof when);
    p[2] = LG_DER_INTEGER;
    p[3] = len;
    memcpy(p + 4, serial, len);
    memcpy(p + 4 + len, when, sizeof when);
    return 4u + len + sizeof when;
}

static void serial_of(uint32_t i, uint8_t out[16])
{
    uint64_t a = i * 0x9e3779b97f4a7c15ull + 1, b = a * 0xbf58476d1ce4e5b9ull ^ i;
    memcpy(out, &a, 8);
    memcpy(out + 8, &b, 8);
    out[0] = (uint8_t)(out[0] & 0x7f) | 1;
}

TEST(Crl, FindsSerialsOfEachLengthAndNoOthers)
{
    uint8_t der[2048], serial[LG_SERIAL_MAX_SZ];
    struct lg_crl_table t;
    size_t sz = 0;
    for (uint8_t len = 1; len <= LG_SERIAL_MAX_SZ; len++) {
        memset(serial, 0x40 + len, sizeof serial);
        sz += entry(der + sz, serial, len);
    }
    REQUIRE(lg_is_ok(lg_crl_table_build(lg_span(der, sz), &t)));
    EXPECT_EQ(t.cnt, LG_SERIAL_MAX_SZ);
    for (uint8_t len = 1; len <= LG_SERIAL_MAX_SZ; len++) {
        uint8_t key[LG_SERIAL_MAX_SZ + 1] = {0};
        memset(key + 1, 0x40 + len, len);
        EXPECT(lg_crl_table_has(&t, lg_span(key, len + 1u))); /* with a leading zero */
        key[len]++;
        EXPECT(!lg_crl_table_has(&t, lg_span(key + 1, len)));
    }
    EXPECT(!lg_crl_table_has(&t, lg_span(serial, 0)));
    lg_crl_table_fini(&t);
}

TEST(Crl, TakesASerialLongerThanAnyForRevoked)
{
    struct lg_crl_table t;
    uint8_t key[LG_SERIAL_MAX_SZ + 1];
    memset(key, 1, sizeof key);
    REQUIRE(lg_is_ok(lg_crl_table_build(lg_span(key, 0), &t)));
    EXPECT(lg_crl_table_has(&t, lg_span(key, sizeof key)));
    EXPECT(!lg_crl_table_has(&t, lg_span(key, sizeof key - 1)));
    lg_crl_table_fini(&t);
}

TEST(Crl, RefusesEntriesThatAreNotWellFormed)
{
    uint8_t der[64], serial[4] = {1, 2, 3, 4};
    struct lg_crl_table t;
    size_t sz = entry(der, serial, 4);
    for (size_t cut = 1; cut < sz; cut++)
        EXPECT_ERR(lg_crl_table_build(lg_span(der, cut), &t), LG_E(FORMAT));
    der[3] = 0; /* a serial number without a byte */
    EXPECT_ERR(lg_crl_table_build(lg_span(der, sz), &t), LG_E(FORMAT));
}

/* R30: a million entries: what they cost in memory, and that each is found. */
TEST(R30, AMillionEntriesTakeSixteenBytesEachAndAreFound)
{
    const uint32_t cnt = getenv("LOCKGATE_TEST_QUICK") ? 100000 : 1000000;
    uint8_t *der = malloc((size_t)cnt * 40), serial[16];
    struct lg_crl_table t;
    size_t sz = 0;
    REQUIRE(der);
    for (uint32_t i = 0; i < cnt; i++) {
        serial_of(i, serial);
        sz += entry(der + sz, serial, sizeof serial);
    }
    clock_t from = clock();
    lg_err_t e = lg_crl_table_build(lg_span(der, sz), &t);
    double build_ms = 1e3 * (double)(clock() - from) / CLOCKS_PER_SEC;
    free(der);
    REQUIRE(lg_is_ok(e));
    EXPECT_EQ(t.cnt, cnt);
    EXPECT_EQ(t.sz, (size_t)cnt * 16);
    uint32_t found = 0, wrong = 0;
    from = clock();
    for (uint32_t i = 0; i < 2 * cnt; i++) {
        serial_of(i, serial);
        bool has = lg_crl_table_has(&t, lg_span(serial, sizeof serial));
        found += has;
        wrong += has != (i < cnt);
    }
    double look_us = 1e6 * (double)(clock() - from) / CLOCKS_PER_SEC / (2.0 * cnt);
    EXPECT_EQ(found, cnt);
    EXPECT_EQ(wrong, 0);
    printf("%u entries: built in %.0f ms, %.2f us a lookup\n", cnt, build_ms, look_us);
    lg_crl_table_fini(&t);
}

TEST(R30, OneFileIsInMemoryOnceForAllListenersAndGenerations)
{
    struct rig a, b;
    struct lg_tls_crl_totals none, one, two, end;
    const char *crl = pki_crl("root", "revoked", 3600, NULL);
    lg_tls_crl_totals(&none);
    rig_init(&a, "ecdsa");
    rig_auth(&a, LG_AUTH_REQUIRED, "root");
    rig_crl(&a, crl);
    REQUIRE(rig_build(&a));
    lg_tls_crl_totals(&one);
    EXPECT_EQ(one.lists, none.lists + 1);
    EXPECT_EQ(one.entries, none.entries + 1);
    EXPECT(one.bytes > none.bytes);
    rig_init(&b, "ecdsa");
    rig_auth(&b, LG_AUTH_OPTIONAL, "root,inter");
    rig_crl(&b, crl);
    REQUIRE(rig_build(&b));
    lg_tls_crl_totals(&two);
    EXPECT_EQ(two.lists, one.lists);
    EXPECT_EQ(two.bytes, one.bytes);
    rig_fini(&a);
    lg_tls_crl_totals(&two);
    EXPECT_EQ(two.lists, one.lists); /* the other still holds it */
    rig_fini(&b);
    lg_tls_crl_totals(&end);
    EXPECT_EQ(end.lists, none.lists);
}

TEST(R29, AListInTheStoreIsNoUseToABundleWithoutItsCa)
{
    struct rig a, b;
    const char *crl = pki_crl("root", "revoked", 3600, NULL);
    rig_init(&a, "ecdsa");
    rig_auth(&a, LG_AUTH_REQUIRED, "root");
    rig_crl(&a, crl);
    REQUIRE(rig_build(&a));
    rig_init(&b, "ecdsa");
    rig_auth(&b, LG_AUTH_REQUIRED, "other");
    rig_crl(&b, crl);
    EXPECT(!rig_build(&b));
    EXPECT_HAS(rig_messages(&b), "not issued by a CA of client_ca");
    rig_fini(&b);
    rig_fini(&a);
}

TEST(R31, AFileThatWasReplacedIsReadAgain)
{
    struct rig a, b;
    struct lg_tls_crl_totals one, two;
    char path[256];
    snprintf(path, sizeof path, "%s", pki_crl("root", "revoked", 3600, NULL));
    rig_init(&a, "ecdsa");
    rig_auth(&a, LG_AUTH_REQUIRED, "root");
    rig_crl(&a, path);
    REQUIRE(rig_build(&a));
    lg_tls_crl_totals(&one);
    rename(pki_crl("root", "revoked,good", 3600, NULL), path);
    rig_init(&b, "ecdsa");
    rig_auth(&b, LG_AUTH_REQUIRED, "root");
    rig_crl(&b, path);
    rig_all(&b, TLS1_3_VERSION, "good", NULL);
    EXPECT_EQ(b.alert, LG_ALERT_CERTIFICATE_REVOKED);
    lg_tls_crl_totals(&two);
    EXPECT_EQ(two.lists, one.lists + 1);
    rig_fini(&b);
    rig_all(&a, TLS1_3_VERSION, "good", NULL); /* its generation knows the old list */
    EXPECT(rig_is_open(&a));
    rig_fini(&a);
}
