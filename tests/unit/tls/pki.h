/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pki.h: certificates, keys and revocation lists made at test time with libcrypto. Everything lives
 * in one temporary directory, made once a run and removed at its end. */
#ifndef LG_TEST_PKI_H
#define LG_TEST_PKI_H

#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: the one way to make a key that lies */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

enum pki_key { PKI_P256, PKI_P384, PKI_K1, PKI_ED25519, PKI_RSA2048, PKI_RSA1024 };

struct pki_spec {
    const char *cn;
    const char *san; /* "DNS:a,DNS:b"; NULL: none */
    enum pki_key key;
    const char *issuer; /* name of another; NULL: self-signed */
    const char *ca;     /* basicConstraints value, "CA:TRUE,pathlen:0"; NULL: none */
    const char *ku;     /* keyUsage; NULL: none */
    const char *eku;    /* extendedKeyUsage; NULL: none */
    const char *nc;     /* nameConstraints; NULL: none */
    const char *aia;    /* authorityInfoAccess; NULL: none */
    bool must_staple;   /* RFC 7633 */
    int from_s, to_s;   /* validity, seconds from now; both 0: an hour ago to a day ahead */
    bool sha1;          /* signed with SHA-1 */
    bool md5;           /* with MD5 */
    bool zoned;         /* its dates say +0100 */
    bool twice;         /* extendedKeyUsage comes twice */
    bool v1;            /* version 1: without extensions */
    bool year9999;      /* no well-defined end (RFC 5280 4.1.2.5) */
    bool long_san;      /* names that fill more than 2 KiB */
};

struct pki_cert {
    X509 *x509;
    EVP_PKEY *key;
};

/* pki_cert makes the certificate `name` by its spec at the first call; later calls find it. */
const struct pki_cert *pki_get(const char *name);
/* Paths; valid for the run. Files: NAME.pem, NAME.key. */
const char *pki_cert_file(const char *name);
const char *pki_key_file(const char *name);
/* pki_bundle writes the certificates of a comma-separated list, in that order, into one file. */
const char *pki_bundle(const char *names);
/* pki_crl writes a list issued by `issuer` that revokes the comma-separated names.
 *   next_s   nextUpdate, seconds from now
 *   forger   sign with this one's key instead of the issuer's; NULL: the issuer's */
const char *pki_crl(const char *issuer, const char *revoked, int next_s, const char *forger);
/* How a test's OCSP answer is made. */
struct pki_ocsp {
    const char *cert, *issuer; /* whom it is about */
    int status;                /* V_OCSP_CERTSTATUS_GOOD, ... */
    int this_s, next_s;        /* seconds from now; next_s 0: none */
    const char *signer;        /* NULL: the issuer */
    bool no_certs;             /* the signer's certificate is left out */
    bool by_key;               /* the signer is named by its key */
    bool sha256;               /* the certificate is named by SHA-256 */
    const char *other;         /* an answer about this one comes first; NULL: none */
};
/* pki_ocsp makes the answer's DER; bytes of it, which stay valid until the next call. */
size_t pki_ocsp(const struct pki_ocsp *o, unsigned char **der);
/* pki_der: a certificate's DER, likewise. */
size_t pki_der(const char *name, unsigned char **der);
/* pki_file writes text into a new file. */
const char *pki_file(const char *name, const void *data, size_t sz);
const char *pki_dir(void);

#endif
