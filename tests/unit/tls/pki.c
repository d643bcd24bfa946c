/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pki.h"

#include "t.h"
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CA_KU "critical,keyCertSign,cRLSign"
#define EE_KU "critical,digitalSignature"

static const struct {
    const char *name;
    struct pki_spec spec;
} specs[] = {
    {"root", {.cn = "Test Root", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"root2", {.cn = "Test Root", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"twin", {.cn = "Twin", .issuer = "root2", .ku = EE_KU, .eku = "clientAuth"}},
    {"inter", {.cn = "Test Intermediate", .issuer = "root", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"other", {.cn = "Other Root", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"srvca", {.cn = "Server CA", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"ecdsa", {.cn = "a.example", .san = "DNS:a.example,DNS:www.a.example", .issuer = "srvca"}},
    {"rsa", {.cn = "a.example", .san = "DNS:a.example", .key = PKI_RSA2048, .issuer = "srvca"}},
    {"p384", {.cn = "p384.example", .san = "DNS:p384.example", .key = PKI_P384, .issuer = "srvca"}},
    {"ed", {.cn = "ed.example", .san = "DNS:ed.example", .key = PKI_ED25519, .issuer = "srvca"}},
    {"wild", {.cn = "w", .san = "DNS:*.wild.example,DNS:Upper.Example", .issuer = "srvca"}},
    {"cnonly", {.cn = "cn.example", .issuer = "srvca"}},
    {"b", {.cn = "ignored.example", .san = "DNS:b.example", .issuer = "srvca"}},
    {"srvold",
     {.cn = "old.example",
      .san = "DNS:old.example",
      .issuer = "srvca",
      .from_s = -7200,
      .to_s = -3600}},
    {"srvinter",
     {.cn = "Server Intermediate", .issuer = "srvca", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"chained", {.cn = "chained.example", .san = "DNS:chained.example", .issuer = "srvinter"}},
    {"stapled",
     {.cn = "stapled.example",
      .san = "DNS:stapled.example",
      .issuer = "srvca",
      .aia = "caIssuers;URI:http://no.example/ca,OCSP;URI:http://ocsp.example/q"}},
    {"stapledrsa",
     {.cn = "stapled.example",
      .san = "DNS:stapled.example",
      .issuer = "srvca",
      .key = PKI_RSA2048}},
    {"must", {.cn = "m", .san = "DNS:must.example", .issuer = "srvca", .must_staple = true}},
    {"ocspok", {.cn = "OCSP Responder", .issuer = "srvca", .eku = "OCSPSigning"}},
    {"ocspno", {.cn = "No Responder", .issuer = "srvca", .eku = "serverAuth"}},
    {"ocspalien", {.cn = "Alien Responder", .issuer = "other", .eku = "OCSPSigning"}},
    {"ocspold",
     {.cn = "Old Responder",
      .issuer = "srvca",
      .eku = "OCSPSigning",
      .from_s = -7200,
      .to_s = -3600}},
    {"good", {.cn = "Good Client", .issuer = "root", .ku = EE_KU, .eku = "clientAuth"}},
    {"goodrsa", {.cn = "Good RSA Client", .issuer = "root", .key = PKI_RSA2048}},
    {"good2", {.cn = "Deep Client", .issuer = "inter", .ku = EE_KU, .eku = "clientAuth"}},
    {"expired", {.cn = "Expired", .issuer = "root", .from_s = -7200, .to_s = -3600}},
    {"future", {.cn = "Future", .issuer = "root", .from_s = 3600, .to_s = 7200}},
    {"revoked", {.cn = "Revoked", .issuer = "root"}},
    {"revoked2", {.cn = "Revoked Deep", .issuer = "inter"}},
    {"foreign", {.cn = "Foreign", .issuer = "other"}},
    {"bysrv", {.cn = "By Server CA", .issuer = "srvca"}},
    {"lonely", {.cn = "Self"}},
    {"serveronly", {.cn = "Server Only", .issuer = "root", .eku = "serverAuth"}},
    {"nosign", {.cn = "No Signature", .issuer = "root", .ku = "critical,keyEncipherment"}},
    {"notca", {.cn = "Not A CA", .issuer = "root", .ca = "critical,CA:FALSE", .ku = CA_KU}},
    {"bynotca", {.cn = "By Not CA", .issuer = "notca"}},
    {"plen0",
     {.cn = "Path Zero", .issuer = "root", .ca = "critical,CA:TRUE,pathlen:0", .ku = CA_KU}},
    {"plen1", {.cn = "Below Zero", .issuer = "plen0", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"byplen1", {.cn = "Too Long", .issuer = "plen1"}},
    {"deep1", {.cn = "Deep 1", .issuer = "root", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"deep2", {.cn = "Deep 2", .issuer = "deep1", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"bydeep2", {.cn = "Depth Two", .issuer = "deep2"}},
    {"nc",
     {.cn = "Names",
      .issuer = "root",
      .ca = "critical,CA:TRUE",
      .ku = CA_KU,
      .nc = "critical,permitted;DNS:.ok.example"}},
    {"ncsub",
     {.cn = "Names Below",
      .issuer = "nc",
      .san = "DNS:ca.ok.example",
      .ca = "critical,CA:TRUE",
      .ku = CA_KU}},
    {"ncdeepgood", {.cn = "Deep Kept", .san = "DNS:x.ok.example", .issuer = "ncsub"}},
    {"ncdeepbad", {.cn = "Deep Broken", .san = "DNS:x.bad.example", .issuer = "ncsub"}},
    {"ncex",
     {.cn = "Excluding",
      .issuer = "root",
      .ca = "critical,CA:TRUE",
      .ku = CA_KU,
      .nc = "critical,excluded;email:.bad.example"}},
    {"ncexsub", {.cn = "Below Excluding", .issuer = "ncex", .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"ncexgood", {.cn = "Mail Kept", .san = "email:a@mail.ok.example", .issuer = "ncexsub"}},
    {"ncexbad", {.cn = "Mail Broken", .san = "email:a@mail.bad.example", .issuer = "ncexsub"}},
    {"ncip",
     {.cn = "Addresses",
      .issuer = "root",
      .ca = "critical,CA:TRUE",
      .ku = CA_KU,
      .nc = "critical,permitted;IP:10.0.0.0/255.0.0.0"}},
    {"ncipbad", {.cn = "Address Broken", .san = "IP:192.0.2.1", .issuer = "ncip"}},
    {"ncipcn", {.cn = "192.0.2.1", .issuer = "ncip"}},
    {"ncipdns", {.cn = "x", .san = "DNS:192.0.2.1", .issuer = "ncip"}},
    {"addr", {.cn = "x", .san = "IP:192.0.2.7,IP:2001:db8::7", .issuer = "srvca"}},
    {"addrcn", {.cn = "192.0.2.7", .issuer = "srvca"}},
    {"ncipnone", {.cn = "No Address", .san = "DNS:a.example", .issuer = "ncip"}},
    {"twice", {.cn = "Extension Twice", .issuer = "root", .eku = "clientAuth", .twice = true}},
    {"v1", {.cn = "Version One", .issuer = "root", .v1 = true}},
    {"v1ca", {.cn = "Version One CA", .issuer = "root", .v1 = true}},
    {"byv1ca", {.cn = "By Version One", .issuer = "v1ca"}},
    {"k1", {.cn = "secp256k1", .issuer = "root", .key = PKI_K1}},
    {"farfuture", {.cn = "Far Future", .issuer = "root", .year9999 = true}},
    {"ncgood", {.cn = "Names Kept", .san = "DNS:x.ok.example", .issuer = "nc"}},
    {"ncbad", {.cn = "Names Broken", .san = "DNS:x.bad.example", .issuer = "nc"}},
    {"sha1", {.cn = "Sha One", .issuer = "root", .sha1 = true}},
    {"rsaroot", {.cn = "RSA Root", .key = PKI_RSA2048, .ca = "critical,CA:TRUE", .ku = CA_KU}},
    {"md5", {.cn = "Md Five", .issuer = "rsaroot", .md5 = true}},
    {"zoned", {.cn = "Zoned", .issuer = "root", .zoned = true}},
    {"weak", {.cn = "Weak", .issuer = "root", .key = PKI_RSA1024}},
    {"brief", {.cn = "Brief", .issuer = "root", .from_s = -60, .to_s = 2}},
    {"brief2", {.cn = "Brief Too", .issuer = "root", .from_s = -60, .to_s = 2}},
    {"huge", {.cn = "Huge", .issuer = "root", .long_san = true}},
    {"slash", {.cn = "admin/CN=x", .issuer = "root"}},
    {"odd", {.cn = "Odd \"Name\" \x01 here", .issuer = "root"}},
};

#define CNT (sizeof specs / sizeof specs[0])
static struct pki_cert made[CNT];
static char dir[64];
static char *paths[4096]; /* owns: valid for the run */
static size_t path_cnt;

static void remove_dir(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
    while (path_cnt > 0)
        free(paths[--path_cnt]);
}

const char *pki_dir(void)
{
    if (!dir[0]) {
        strcpy(dir, "/tmp/lg_tls_XXXXXX");
        if (!mkdtemp(dir))
            abort();
        atexit(remove_dir);
    }
    return dir;
}

static EVP_PKEY *new_key(enum pki_key k)
{
    switch (k) {
    case PKI_P256:
        return EVP_EC_gen("P-256");
    case PKI_P384:
        return EVP_EC_gen("P-384");
    case PKI_K1:
        return EVP_EC_gen("secp256k1");
    case PKI_RSA2048:
        return EVP_RSA_gen(2048);
    case PKI_RSA1024:
        return EVP_RSA_gen(1024);
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
}

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    if (!value)
        return;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!e)
        abort();
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static const EVP_MD *digest_for(EVP_PKEY *key, bool sha1)
{
    if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
        return NULL;
    return sha1 ? EVP_sha1() : EVP_sha256();
}

static const char *long_san(void)
{
    static char text[4096];
    size_t n = 0;
    for (int k = 0; k < 64; k++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%sDNS:host-number-%03d.of-many.example",
                              k ? "," : "", k);
    return text;
}

static void make(size_t i)
{
    const struct pki_spec *s = &specs[i].spec;
    X509 *x = X509_new();
    EVP_PKEY *key = new_key(s->key);
    const struct pki_cert *by = s->issuer ? pki_get(s->issuer) : NULL;
    X509 *issuer = by ? by->x509 : x;
    X509_set_version(x, s->v1 ? 0 : 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1000 + (long)i);
    int to = s->from_s == 0 && s->to_s == 0 ? 86400 : s->to_s;
    X509_gmtime_adj(X509_getm_notBefore(x), s->from_s ? s->from_s : -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), to);
    X509_NAME *n = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const unsigned char *)"Lockgate", -1, -1, 0);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)s->cn, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    X509_set_pubkey(x, key);
    if (!s->v1)
        add_ext(x, issuer, NID_subject_key_identifier, "hash");
    if (by && !s->v1 && X509_get_ext_by_NID(issuer, NID_subject_key_identifier, -1) >= 0)
        add_ext(x, issuer, NID_authority_key_identifier, "keyid");
    add_ext(x, issuer, NID_basic_constraints, s->ca);
    add_ext(x, issuer, NID_key_usage, s->ku);
    add_ext(x, issuer, NID_ext_key_usage, s->eku);
    add_ext(x, issuer, NID_subject_alt_name, s->long_san ? long_san() : s->san);
    add_ext(x, issuer, NID_name_constraints, s->nc);
    add_ext(x, issuer, NID_info_access, s->aia);
    add_ext(x, issuer, NID_tlsfeature, s->must_staple ? "status_request" : NULL);
    if (s->twice)
        add_ext(x, issuer, NID_ext_key_usage, s->eku);
    if (s->year9999)
        ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z");
    if (s->zoned) { /* libcrypto would not write it itself */
        ASN1_STRING_set(X509_getm_notBefore(x), "200101000000+0100", -1);
        ASN1_STRING_set(X509_getm_notAfter(x), "490101000000+0100", -1);
    }
    EVP_PKEY *signer = by ? by->key : key;
    if (!X509_sign(x, signer, s->md5 ? EVP_md5() : digest_for(signer, s->sha1)))
        abort();
    made[i] = (struct pki_cert){x, key};
}

const struct pki_cert *pki_get(const char *name)
{
    for (size_t i = 0; i < CNT; i++) {
        if (strcmp(specs[i].name, name) != 0)
            continue;
        if (!made[i].x509)
            make(i);
        return &made[i];
    }
    fprintf(stderr, "no such test certificate: %s\n", name);
    abort();
}

static char *path_of(const char *name, const char *ext)
{
    char *p;
    if (asprintf(&p, "%s/%s%s", pki_dir(), name, ext) < 0)
        abort();
    for (size_t i = 0; i < path_cnt; i++)
        if (strcmp(paths[i], p) == 0) {
            free(p);
            return paths[i];
        }
    if (path_cnt == sizeof paths / sizeof paths[0])
        abort();
    return paths[path_cnt++] = p;
}

static FILE *create(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        abort();
    return f;
}

const char *pki_cert_file(const char *name)
{
    return pki_bundle(name);
}

const char *pki_key_file(const char *name)
{
    char *path = path_of(name, ".key");
    FILE *f = create(path);
    PEM_write_PrivateKey(f, pki_get(name)->key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    return path;
}

const char *pki_bundle(const char *names)
{
    char *path = path_of(names, ".pem"), *list = strdup(names), *save = NULL;
    FILE *f = create(path);
    for (char *n = strtok_r(list, ",", &save); n; n = strtok_r(NULL, ",", &save))
        PEM_write_X509(f, pki_get(n)->x509);
    fclose(f);
    free(list);
    return path;
}

const char *pki_crl(const char *issuer, const char *revoked, int next_s, const char *forger)
{
    static int nr;
    char name[64], *list = strdup(revoked), *save = NULL;
    const struct pki_cert *by = pki_get(issuer);
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *at = ASN1_TIME_new();
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->x509));
    X509_CRL_set1_lastUpdate(crl, X509_gmtime_adj(at, next_s < 0 ? next_s - 60 : -60));
    X509_CRL_set1_nextUpdate(crl, X509_gmtime_adj(at, next_s));
    for (char *n = strtok_r(list, ",", &save); n; n = strtok_r(NULL, ",", &save)) {
        X509_REVOKED *r = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(pki_get(n)->x509));
        X509_REVOKED_set_revocationDate(r, X509_gmtime_adj(at, -30));
        X509_CRL_add0_revoked(crl, r);
    }
    X509_CRL_sort(crl);
    X509_CRL_sign(crl, pki_get(forger ? forger : issuer)->key, EVP_sha256());
    snprintf(name, sizeof name, "crl%d", nr++);
    char *path = path_of(name, ".pem");
    FILE *f = create(path);
    PEM_write_X509_CRL(f, crl);
    fclose(f);
    ASN1_TIME_free(at);
    X509_CRL_free(crl);
    free(list);
    return path;
}

const char *pki_file(const char *name, const void *data, size_t sz)
{
    char *path = path_of(name, "");
    FILE *f = create(path);
    fwrite(data, 1, sz, f);
    fclose(f);
    return path;
}

static unsigned char *last_der;

static void drop_der(void)
{
    OPENSSL_free(last_der);
}

/* keep_der holds on to what libcrypto has encoded. */
static void keep_der(unsigned char *der)
{
    static bool registered;
    if (!registered)
        atexit(drop_der);
    registered = true;
    OPENSSL_free(last_der);
    last_der = der;
}

static void add_single(OCSP_BASICRESP *b, const struct pki_ocsp *o, const char *cert)
{
    OCSP_CERTID *id = OCSP_cert_to_id(o->sha256 ? EVP_sha256() : EVP_sha1(), pki_get(cert)->x509,
                                      pki_get(o->issuer)->x509);
    ASN1_TIME *from = X509_gmtime_adj(NULL, o->this_s), *to = X509_gmtime_adj(NULL, o->next_s);
    ASN1_TIME *when = X509_gmtime_adj(NULL, -3600);
    bool revoked = o->status == V_OCSP_CERTSTATUS_REVOKED;
    OCSP_basic_add1_status(b, id, o->status, revoked ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
                           revoked ? when : NULL, from, o->next_s ? to : NULL);
    ASN1_TIME_free(when);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    OCSP_CERTID_free(id);
}

size_t pki_ocsp(const struct pki_ocsp *o, unsigned char **der)
{
    const struct pki_cert *by = pki_get(o->signer ? o->signer : o->issuer);
    OCSP_BASICRESP *b = OCSP_BASICRESP_new();
    if (o->other)
        add_single(b, o, o->other);
    add_single(b, o, o->cert);
    unsigned long flags = (o->no_certs ? OCSP_NOCERTS : 0ul) | (o->by_key ? OCSP_RESPID_KEY : 0ul);
    if (!OCSP_basic_sign(b, by->x509, by->key, EVP_sha256(), NULL, flags))
        abort();
    OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, b);
    *der = NULL;
    int sz = i2d_OCSP_RESPONSE(r, der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(b);
    keep_der(*der);
    return (size_t)sz;
}

size_t pki_der(const char *name, unsigned char **der)
{
    *der = NULL;
    int sz = i2d_X509(pki_get(name)->x509, der);
    keep_der(*der);
    return (size_t)sz;
}
