/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts: hello, arena, generator, DER, PEM. */
#include "pem.h"
#include "t.h"
#include "tls_priv.h"

#include <stdlib.h>

/* -- hello -- */

static lg_span_t body(uint8_t *b, const char *exts, size_t len)
{
    size_t n = 0;
    b[n++] = 3;
    b[n++] = 3;
    memset(b + n, 7, 32);
    n += 32;
    b[n++] = 0;
    memcpy(b + n, "\x00\x04\x13\x01\x13\x02\x01\x00", 8);
    n += 8;
    lg_put_be16(b + n, (uint16_t)len);
    memcpy(b + n + 2, exts, len);
    return lg_span(b, n + 2 + len);
}

static const struct {
    const char *exts;
    size_t len;
    enum lg_hello_err want;
} hellos[] = {
    {"", 0, LG_HELLO_OK},
    {"\x00\x00\x00\x08\x00\x06\x00\x00\x03"
     "a.b",
     12, LG_HELLO_OK},
    {"\x00\x00\x00\x00", 4, LG_HELLO_E_DECODE}, /* empty SNI */
    {"\x00\x00\x00\x08\x00\x06\x01\x00\x03"
     "a.b",
     12, LG_HELLO_E_DECODE}, /* name type 1 */
    {"\x00\x00\x00\x09\x00\x06\x00\x00\x03"
     "a.bx",
     13, LG_HELLO_E_DECODE}, /* trailing byte */
    {"\x00\x00\x00\x08\x00\x06\x00\x00\x03"
     "a b",
     12, LG_HELLO_OK},
    {"\x00\x00\x00\x0c\x00\x0a\x00\x00\x07"
     "1.2.3.4",
     16, LG_HELLO_OK},
    {"\x00\x0a\x00\x04\x00\x02\x00\x1d\x00\x0a\x00\x04\x00\x02\x00\x1d", 16, LG_HELLO_E_DUP},
    {"\x00\x0a\x00\x03\x00\x01\x00", 7, LG_HELLO_E_DECODE}, /* odd list */
    {"\x00\x0d\x00\x02\x00\x00", 6, LG_HELLO_E_DECODE},     /* empty list */
    {"\x00\x10\x00\x05\x00\x03\x02h2", 9, LG_HELLO_OK},
    {"\x00\x10\x00\x05\x00\x03\x03h2", 9, LG_HELLO_E_DECODE}, /* past the end */
    {"\x00\x10\x00\x03\x00\x01\x00", 7, LG_HELLO_E_DECODE},   /* empty protocol */
    {"\x00\x2b\x00\x03\x02\x03\x04", 7, LG_HELLO_OK},
    {"\x00\x33\x00\x0c\x00\x0a\x00\x1d\x00\x01x\x00\x1d\x00\x01y", 16, LG_HELLO_E_DUP},
    {"\x00\x33\x00\x02\x00\x00", 6, LG_HELLO_OK},
    {"\xff\xff\x00\x05x", 5, LG_HELLO_E_DECODE}, /* cut short */
};

TEST(Hello, TakesGoodExtensionsAndNamesWhatIsWrongWithBadOnes)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(hellos); i++) {
        uint8_t b[128];
        struct lg_hello h;
        enum lg_hello_err e = lg_hello_parse(body(b, hellos[i].exts, hellos[i].len), &h);
        if (e != hellos[i].want)
            t_fail(__FILE__, __LINE__, "row %zu: %d, expected %d", i, e, hellos[i].want);
    }
}

TEST(Hello, EveryPrefixOfAGoodOneIsRefused)
{
    uint8_t b[128];
    struct lg_hello h;
    lg_span_t s = body(b, hellos[1].exts, hellos[1].len);
    EXPECT_EQ(lg_hello_parse(s, &h), LG_HELLO_OK);
    EXPECT_STR(h.sni, "a.b");
    EXPECT(lg_hello_offers_version(&h, 0x0303));
    EXPECT(!lg_hello_offers_version(&h, 0x0304));
    for (size_t n = 0; n < s.len; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees a step past the end */
        memcpy(exact, b, n);
        if (n != 43) /* a hello without extensions is whole there */
            EXPECT(lg_hello_parse(lg_span(exact, n), &h) != LG_HELLO_OK);
        free(exact);
    }
}

static bool name_ok(const char *raw, const char *want)
{
    char out[LG_HELLO_NAME_SZ] = "";
    bool ok = lg_hello_name(lg_span_cstr(raw), out);
    return want ? ok && strcmp(out, want) == 0 : !ok;
}

TEST(Hello, NamesAreCheckedLoweredAndTrimmed)
{
    char label[300];
    EXPECT(name_ok("Example.COM", "example.com"));
    EXPECT(name_ok("example.com.", "example.com"));
    EXPECT(name_ok("xn--bcher-kva.example", "xn--bcher-kva.example"));
    EXPECT(name_ok("_a.b-c", "_a.b-c"));
    EXPECT(name_ok("localhost", "localhost"));
    EXPECT(name_ok("", NULL));
    EXPECT(name_ok(".", NULL));
    EXPECT(name_ok("a..b", NULL));
    EXPECT(name_ok(".a", NULL));
    EXPECT(name_ok("a..", NULL));
    EXPECT(name_ok("a/b", NULL));
    EXPECT(name_ok("*.a", NULL));
    EXPECT(name_ok("192.0.2.1", NULL));
    EXPECT(name_ok("::1", NULL));
    memset(label, 'a', 64);
    label[64] = 0;
    EXPECT(name_ok(label, NULL));
    for (int i = 0; i < 254; i++)
        label[i] = i % 2 ? '.' : 'a';
    label[253] = 'a';
    label[254] = 0;
    EXPECT(name_ok(label, NULL));
}

/* -- generator -- */

TEST(Rng, ChaCha20BlockIsThatOfRfc8439)
{
    /* RFC 8439 section 2.3.2 */
    static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a};
    static const uint8_t want[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t key[32], out[64];
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    lg_chacha20_block(key, 1, nonce, out);
    EXPECT_MEM(out, want, 64);
}

TEST(Rng, GivesTheKeystreamBehindTheNextKeyAndErasesWhatItGave)
{
    static const uint8_t zero[32];
    struct lg_rng r = {0};
    uint8_t key[32] = {1, 2, 3}, block[64], out[16];
    lg_rng_seed_with(&r, key);
    EXPECT(lg_rng_fill(&r, out, sizeof out));
    lg_chacha20_block(key, 0, zero, block);
    EXPECT_MEM(out, block + 32, 16);
    EXPECT_MEM(r.key, block, 32); /* the old key is gone */
    EXPECT_MEM(r.buf, zero, 32);
    EXPECT_MEM(r.buf + 32, zero, 16);
}

TEST(Rng, GivesTheSameBytesHoweverTheyAreAskedFor)
{
    static uint8_t a[5000], b[5000];
    struct lg_rng x = {0}, y = {0};
    uint8_t key[32] = {9};
    lg_rng_seed_with(&x, key);
    lg_rng_seed_with(&y, key);
    EXPECT(lg_rng_fill(&x, a, sizeof a));
    for (size_t off = 0, n = 1; off < sizeof b; off += n, n = n % 97 + 1)
        EXPECT(lg_rng_fill(&y, b + off, LG_MIN(n, sizeof b - off)));
    EXPECT_MEM(a, b, sizeof a);
}

TEST(Rng, UnseededItGivesNothing)
{
    struct lg_rng r = {0};
    uint8_t out[8] = {1, 1};
    EXPECT(!lg_rng_fill(&r, out, sizeof out));
    EXPECT_EQ(out[0], 0);
}

/* -- arena -- */

TEST(Arena, GivesDistinctAlignedMemoryAndTakesAllOfItBack)
{
    enum { SZ = 64 * LG_ARENA_PAGE_SZ, CNT = 400 };
    struct lg_arena a;
    void *mem = aligned_alloc(64, lg_arena_footprint(SZ));
    uint8_t *p[CNT];
    uint32_t sz[CNT], seed = 7;
    lg_arena_init(&a, mem, SZ);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CNT; i++) {
            seed = seed * 1103515245 + 12345;
            sz[i] = 1 + (seed >> 8) % (i % 40 ? 3000 : 17000);
            p[i] = lg_arena_take(&a, sz[i]);
            REQUIRE(p[i]);
            EXPECT_EQ((uintptr_t)p[i] % 16, 0);
            EXPECT(lg_arena_has(&a, p[i]) && lg_arena_obj_sz(&a, p[i]) >= sz[i]);
            memset(p[i], i & 0xff, sz[i]);
        }
        for (int i = 0; i < CNT; i++) {
            int j = (i * 7 + round) % CNT; /* 7 and CNT have no common factor */
            for (uint32_t k = 0; k < sz[j]; k++)
                REQUIRE(p[j][k] == (j & 0xff));
            lg_arena_give(&a, p[j]);
        }
        EXPECT_EQ(a.used, 0);
        EXPECT_EQ(a.pages_out, 0);
    }
    free(mem);
}

TEST(Arena, SaysNullWhenFullOrAskedForTooMuch)
{
    struct lg_arena a;
    void *mem = aligned_alloc(64, lg_arena_footprint(LG_ARENA_PAGE_SZ));
    lg_arena_init(&a, mem, LG_ARENA_PAGE_SZ);
    EXPECT(lg_arena_take(&a, lg_arena_max_obj + 1) == NULL);
    EXPECT_EQ(a.too_big_cnt, 1);
    void *p = lg_arena_take(&a, lg_arena_max_obj);
    EXPECT(p != NULL);
    EXPECT(lg_arena_take(&a, 1) == NULL);
    EXPECT_EQ(a.fail_cnt, 1);
    lg_arena_give(&a, p);
    EXPECT(lg_arena_take(&a, 1) != NULL);
    free(mem);
}

/* -- DER, PEM -- */

TEST(Der, RefusesIndefiniteLongAndOverlongLengths)
{
    static const char *const bad[] = {"\x30\x80\x00\x00", "\x30\x85\x00\x00\x00\x00\x01x",
                                      "\x30\x02x", "\x1f\x01x", "\x30\x84\xff\xff\xff\xff"};
    static const size_t len[] = {4, 8, 3, 3, 6};
    for (size_t i = 0; i < 5; i++) {
        struct lg_cur c = lg_cur(lg_span(bad[i], len[i]));
        struct lg_der d;
        EXPECT(!lg_der_next(&c, &d));
        EXPECT(c.failed);
    }
}

static int64_t time_of(uint8_t tag, const char *text)
{
    struct lg_der d = {.tag = tag, .body = lg_span_cstr(text)};
    int64_t s = -1;
    return lg_der_time(&d, &s) ? s : -1;
}

TEST(Der, ReadsTimes)
{
    EXPECT_EQ(time_of(LG_DER_UTC_TIME, "700101000000Z"), 0);
    EXPECT_EQ(time_of(LG_DER_UTC_TIME, "240229120000Z"), 1709208000);
    EXPECT_EQ(time_of(LG_DER_GENERALIZED_TIME, "20380119031408Z"), 2147483648);
    EXPECT_EQ(time_of(LG_DER_GENERALIZED_TIME, "21000301000000Z"), 4107542400);
    EXPECT_EQ(time_of(LG_DER_UTC_TIME, "241301000000Z"), -1);
    EXPECT_EQ(time_of(LG_DER_UTC_TIME, "2401010000Z"), -1);
    EXPECT_EQ(time_of(LG_DER_UTC_TIME, "2401010000x0Z"), -1);
    EXPECT_EQ(time_of(LG_DER_UTC_TIME, "240101000000+"), -1);
}

TEST(Pem, DecodesBase64AndRefusesOtherText)
{
    uint8_t out[64];
    EXPECT_EQ(lg_pem_decode(LG_SPAN_STR("\naGVs\nbG8=\n"), out), 5);
    EXPECT_MEM(out, "hello", 5);
    EXPECT_EQ(lg_pem_decode(LG_SPAN_STR("aGVs-bG8="), out), 0);
    EXPECT_EQ(lg_pem_decode(LG_SPAN_STR("aG=Vs"), out), 0);
    EXPECT_EQ(lg_pem_decode(LG_SPAN_STR("Proc-Type: 4,ENCRYPTED"), out), 0);
}
