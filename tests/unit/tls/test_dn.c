/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names as text: compared with OpenSSL's RFC 2253 printing where that says the same, and by hand.
 */
#include "dn.h"
#include "rig.h"

#include <stdlib.h>

static X509_NAME *name_of(const char *const *pairs)
{
    X509_NAME *n = X509_NAME_new();
    for (; *pairs; pairs += 2)
        if (!X509_NAME_add_entry_by_txt(n, pairs[0], MBSTRING_UTF8, (const unsigned char *)pairs[1],
                                        -1, -1, 0))
            abort();
    return n;
}

/* text_of writes an OpenSSL name by our means; by theirs into openssl_text. */
static char openssl_text[1024];
static const char *text_of(X509_NAME *n, size_t sz)
{
    static char out[1024];
    unsigned char *der = NULL;
    int der_sz = i2d_X509_NAME(n, &der);
    BIO *b = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(b, n, 0, XN_FLAG_RFC2253);
    int len = BIO_read(b, openssl_text, sizeof openssl_text - 1);
    openssl_text[len > 0 ? len : 0] = 0;
    BIO_free(b);
    lg_dn_text(lg_span(der, (size_t)der_sz), out, sz);
    OPENSSL_free(der);
    X509_NAME_free(n);
    return out;
}

TEST(Dn, R43_SaysWhatOpensslSays)
{
    static const char *const names[][14] = {
        {"C", "DE", "ST", "Hessen", "L", "Frankfurt", "O", "Example", "OU", "Sales", "CN", "alice"},
        {"DC", "example", "DC", "com", "UID", "u1"},
        {"O", "A, Inc.", "CN", " lead and trail "},
        {"CN", "#hash \"quote\" + plus ; semi < > back\\slash = equals"},
        {"CN", "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"CN", "tab\tline\nbell\x07"},
        {"O", "x", "emailAddress", "a@b.example"},
        {"CN", " "},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(names); i++) {
        const char *got = text_of(name_of(names[i]), 1024);
        EXPECT_STR(got, openssl_text);
    }
    static const char *const none[] = {NULL};
    EXPECT_STR(text_of(name_of(none), 1024), "");
}

TEST(Dn, WritesTypesWithoutANameInHex)
{
    X509_NAME *n = X509_NAME_new();
    X509_NAME_add_entry_by_txt(n, "1.2.840.99.1", MBSTRING_UTF8, (const unsigned char *)"ab", -1,
                               -1, 0);
    X509_NAME_add_entry_by_txt(n, "CN", V_ASN1_BIT_STRING, (const unsigned char *)"xy", 2, -1, 0);
    /* A BIT STRING is no text: type 3, of 3 bytes, no unused bits. */
    EXPECT_STR(text_of(n, 1024), "CN=#0303007879,1.2.840.99.1=#0C026162");
}

TEST(Dn, JoinsThePartsOfOneLevelByPlus)
{
    X509_NAME *n = X509_NAME_new();
    X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"x", -1, -1, 0);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)"a", -1, -1, 0);
    X509_NAME_add_entry_by_txt(n, "UID", MBSTRING_UTF8, (const unsigned char *)"b", -1, -1, -1);
    EXPECT_STR(text_of(n, 1024), "CN=a+UID=b,O=x"); /* their order says nothing */
}

TEST(Dn, LeavesOutWholePartsAndSaysSo)
{
    static const char *const pairs[] = {"O", "Example", "OU", "Sales", "CN", "alice", NULL};
    /* CN=alice,OU=Sales,O=Example is 27 bytes. */
    EXPECT_STR(text_of(name_of(pairs), 28), "CN=alice,OU=Sales,O=Example");
    EXPECT_STR(text_of(name_of(pairs), 27), "CN=alice,OU=Sales,...");
    EXPECT_STR(text_of(name_of(pairs), 22), "CN=alice,OU=Sales,...");
    EXPECT_STR(text_of(name_of(pairs), 21), "CN=alice,...");
    EXPECT_STR(text_of(name_of(pairs), 13), "CN=alice,...");
    EXPECT_STR(text_of(name_of(pairs), 12), "...");
    /* A name that is written like that is escaped: it cannot be taken for a cut one. */
    static const char *const sly[] = {"CN", "alice,...", NULL};
    EXPECT_STR(text_of(name_of(sly), 64), "CN=alice\\,...");
}

TEST(Dn, TakesBytesThatAreHostile)
{
    char out[64];
    /* A NUL in the middle, bytes that are no UTF-8; a wide string of half a character. */
    const uint8_t nul[] = {0x30, 14, 0x31, 12, 0x30, 10, 6, 3, 0x55, 4, 3, 0x0c, 3, 'a', 0, 0xff};
    uint8_t whole[sizeof nul];
    memcpy(whole, nul, sizeof nul);
    lg_dn_text(lg_span(whole, sizeof whole), out, sizeof out);
    EXPECT_STR(out, "CN=a\\00\\FF");
    const uint8_t half[] = {0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x1e, 1, 'a'};
    lg_dn_text(lg_span(half, sizeof half), out, sizeof out);
    EXPECT_STR(out, "CN=#1E0161");
    for (size_t cut = 0; cut < sizeof nul; cut++) {
        lg_dn_text(lg_span(whole, cut), out, sizeof out);
        EXPECT_STR(out, "");
    }
    for (size_t i = 0; i < sizeof whole; i++)
        for (int v = 0; v < 256; v++) {
            memcpy(whole, nul, sizeof nul);
            whole[i] = (uint8_t)v;
            lg_dn_text(lg_span(whole, sizeof whole), out, sizeof out);
            for (const char *c = out; *c; c++)
                EXPECT(*c >= 0x20 && *c < 0x7f);
        }
}
