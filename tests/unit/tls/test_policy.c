/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are right, and files that are wrong: what the operator is told. */
#include "rig.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

/* expect_refused builds a rig whose files the test has spoilt. */
static void expect_refused(struct rig *r, const char *file, const char *says)
{
    EXPECT(!rig_build(r));
    EXPECT(r->policy == NULL);
    EXPECT(r->diag.error_cnt > 0);
    EXPECT_HAS(rig_messages(r), file);
    EXPECT_HAS(rig_messages(r), says);
    EXPECT_HAS(rig_messages(r), "test.yaml:");
    rig_fini(r);
}

TEST(R13, AMissingFileIsNamed)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    r.certs[0].cert = "/nowhere/cert.pem";
    expect_refused(&r, "/nowhere/cert.pem", "No such file");
    rig_init(&r, "ecdsa");
    r.certs[0].key = "/nowhere/key.pem";
    expect_refused(&r, "/nowhere/key.pem", "No such file");
}

TEST(R13, AKeyOfAnotherCertificateIsNamed)
{
    static const char *const others[] = {"b", "rsa", "p384", "ed"};
    for (size_t i = 0; i < 4; i++) {
        struct rig r;
        rig_init(&r, "ecdsa");
        r.certs[0].key = (char *)pki_key_file(others[i]);
        expect_refused(&r, r.certs[0].key, "");
    }
}

TEST(R13, BrokenPemIsNamed)
{
    static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    static const char junk[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    struct rig r;
    rig_init(&r, "ecdsa");
    r.certs[0].cert = (char *)pki_file("cut.pem", cut, sizeof cut - 1);
    expect_refused(&r, "cut.pem", "cut short");
    rig_init(&r, "ecdsa");
    r.certs[0].cert = (char *)pki_file("junk.pem", junk, sizeof junk - 1);
    expect_refused(&r, "junk.pem", "damaged");
    rig_init(&r, "ecdsa");
    r.certs[0].cert = (char *)pki_file("text.pem", "hello", 5);
    expect_refused(&r, "text.pem", "openssl x509");
    rig_init(&r, "ecdsa");
    r.certs[0].cert = (char *)pki_file("empty.pem", "", 0);
    expect_refused(&r, "empty.pem", "empty");
    rig_init(&r, "ecdsa");
    r.certs[0].key = r.certs[0].cert;
    expect_refused(&r, r.certs[0].key, "no PEM private key");
    rig_init(&r, "ecdsa");
    r.certs[0].cert = "/tmp";
    expect_refused(&r, "/tmp", "regular file");
}

TEST(R13, AChainInTheWrongOrderIsNamed)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    r.certs[0].cert = (char *)pki_bundle("chained,srvca,srvinter");
    r.certs[0].key = (char *)pki_key_file("chained");
    expect_refused(&r, "chained,srvca,srvinter.pem", "not issued by");
}

TEST(R13, AllThatIsWrongIsSaidInOneGo)
{
    struct rig r;
    rig_init(&r, "ecdsa,b");
    r.certs[0].cert = "/nowhere/1";
    r.certs[1].cert = "/nowhere/2";
    rig_auth(&r, LG_AUTH_REQUIRED, "root");
    r.listener.tls.client_ca = "/nowhere/3";
    EXPECT(!rig_build(&r));
    EXPECT_EQ(r.diag.error_cnt, 3);
    rig_fini(&r);
}

TEST(R09, AnExpiredCertificateLoadsWithAWarning)
{
    struct rig r;
    rig_init(&r, "srvold");
    REQUIRE(rig_build(&r));
    EXPECT_EQ(r.diag.warn_cnt, 1);
    EXPECT_HAS(rig_messages(&r), "expired");
    rig_fini(&r);
}

static const char *encrypted(const char *name, const EVP_CIPHER *c, bool pkcs8)
{
    char file[64], path[256];
    snprintf(file, sizeof file, "%s.%s.enc", name, pkcs8 ? "p8" : "old");
    snprintf(path, sizeof path, "%s", pki_file(file, "", 0));
    FILE *f = fopen(path, "w");
    if (pkcs8)
        PEM_write_PKCS8PrivateKey(f, pki_get(name)->key, c, "open sesame", 11, NULL, NULL);
    else
        PEM_write_PrivateKey_ex(f, pki_get(name)->key, c, (const unsigned char *)"open sesame", 11,
                                NULL, NULL, NULL, NULL);
    fclose(f);
    return strdup(path);
}

TEST(R46, EncryptedKeysOpenWithTheirPassphrase)
{
    static const char *const names[] = {"ecdsa", "rsa", "p384", "ed"};
    for (size_t i = 0; i < 4; i++) {
        struct rig r;
        rig_init(&r, names[i]);
        r.certs[0].key = (char *)encrypted(names[i], EVP_aes_256_cbc(), true);
        r.certs[0].passphrase_file = (char *)pki_file("pass", "open sesame\n", 12);
        rig_all(&r, TLS1_3_VERSION, NULL, NULL);
        EXPECT(rig_is_open(&r));
        free(r.certs[0].key);
        rig_fini(&r);
    }
}

TEST(R46, AnEncryptedKeyWithoutOrWithTheWrongPassphraseIsRefused)
{
    struct rig r;
    char *key = (char *)encrypted("ecdsa", EVP_aes_256_cbc(), true);
    rig_init(&r, "ecdsa");
    r.certs[0].key = key;
    expect_refused(&r, key, "passphrase_file");
    rig_init(&r, "ecdsa");
    r.certs[0].key = key;
    r.certs[0].passphrase_file = (char *)pki_file("wrong", "sesame\n", 7);
    expect_refused(&r, "wrong", "does not open");
    free(key);
}

TEST(R46, PlainTraditionalKeysLoad)
{
    struct rig r;
    char path[256];
    rig_init(&r, "rsa");
    snprintf(path, sizeof path, "%s", pki_file("trad.key", "", 0));
    FILE *f = fopen(path, "w");
    BIO *out = BIO_new_fp(f, BIO_CLOSE);
    PEM_write_bio_PrivateKey_traditional(out, pki_get("rsa")->key, NULL, NULL, 0, NULL, NULL);
    BIO_free(out);
    r.certs[0].key = path;
    rig_all(&r, TLS1_2_VERSION, NULL, NULL);
    EXPECT(rig_is_open(&r));
    rig_fini(&r);
}

static void mutual(struct rig *r)
{
    rig_init(r, "ecdsa");
    rig_auth(r, LG_AUTH_REQUIRED, "root");
}

TEST(R29, AListWithABadSignatureIsRefused)
{
    struct rig r;
    mutual(&r);
    rig_crl(&r, pki_crl("root", "revoked", 3600, "other"));
    expect_refused(&r, "crl", "signature");
}

TEST(R29, AListOfAStrangerIsRefused)
{
    struct rig r;
    mutual(&r);
    rig_crl(&r, pki_crl("other", "foreign", 3600, NULL));
    expect_refused(&r, "crl", "not issued by a CA of client_ca");
}

TEST(R29, ARubbishListIsRefused)
{
    struct rig r;
    mutual(&r);
    rig_crl(&r, pki_file("rubbish.crl", "0\x03xyz", 5));
    expect_refused(&r, "rubbish.crl", "damaged");
    mutual(&r);
    rig_crl(&r, pki_cert_file("root"));
    expect_refused(&r, "root.pem", "no revocation list");
}

TEST(R28, AStaleListLoadsWithAWarning)
{
    struct rig r;
    mutual(&r);
    rig_crl(&r, pki_crl("root", "revoked", -10, NULL));
    REQUIRE(rig_build(&r));
    EXPECT_HAS(rig_messages(&r), "nextUpdate");
    rig_fini(&r);
}

TEST(Bundle, RefusesWhatIsNoCa)
{
    struct rig r;
    mutual(&r);
    r.listener.tls.client_ca = (char *)pki_bundle("root,good");
    expect_refused(&r, "root,good.pem", "not a CA");
    mutual(&r);
    r.listener.tls.client_ca = (char *)pki_file("nothing.pem", "x", 1);
    expect_refused(&r, "nothing.pem", "no PEM certificate");
}

TEST(R27, ABundleOfManyCasWorksInBothVersions)
{
    for (int v = 0; v < 2; v++) {
        struct rig r;
        char path[256];
        mutual(&r);
        snprintf(path, sizeof path, "%s", pki_file("many.pem", "", 0));
        FILE *f = fopen(path, "w");
        for (int i = 0; i < 1200; i++)
            PEM_write_X509(f, pki_get(i % 2 ? "other" : "srvca")->x509);
        PEM_write_X509(f, pki_get("root")->x509);
        fclose(f);
        r.listener.tls.client_ca = path;
        rig_all(&r, v ? TLS1_2_VERSION : TLS1_3_VERSION, "good", NULL);
        EXPECT(rig_is_open(&r));
        rig_fini(&r);
    }
}
