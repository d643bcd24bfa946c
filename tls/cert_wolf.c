/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* cert_wolf.c: a server certificate with its chain and key, from PEM files, and every way in which
 * such files are wrong, said with the file's name and how to mend it (R13, R46). */
#include "cert_priv.h"
#include "pem.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>
#include <wolfssl/wolfcrypt/rsa.h>

struct chain {
    const char *path;
    uint32_t cnt;
    struct lg_pem pem[LG_CHAIN_MAX];
    uint8_t *der[LG_CHAIN_MAX]; /* owns */
    size_t der_sz[LG_CHAIN_MAX];
    struct lg_x509 x[LG_CHAIN_MAX];
    int64_t until_s; /* the earliest end of them */
};

static bool span_is(lg_span_t s, const char *text)
{
    return lg_span_eq(s, lg_span_cstr(text));
}

static bool is_cert_label(lg_span_t s)
{
    return span_is(s, "CERTIFICATE") || span_is(s, "X509 CERTIFICATE") ||
           span_is(s, "TRUSTED CERTIFICATE");
}

static void chain_fini(struct chain *c)
{
    for (uint32_t i = 0; i < c->cnt; i++)
        free(c->der[i]);
}

static bool chain_add(const struct lg_where *w, struct chain *c, const struct lg_pem *pem)
{
    if (c->cnt == LG_CHAIN_MAX) {
        lg_where_error(w, "%s holds more than %d certificates: keep the leaf and its intermediates",
                       c->path, LG_CHAIN_MAX);
        return false;
    }
    uint8_t *der = malloc(pem->inner.len + 1);
    size_t sz = der ? lg_pem_decode(pem->inner, der) : 0;
    uint32_t i = c->cnt++;
    c->pem[i] = *pem;
    c->der[i] = der;
    c->der_sz[i] = sz;
    if (sz == 0 || !lg_is_ok(lg_x509_parse(lg_span(der, sz), &c->x[i]))) {
        lg_where_error(w, "%s: certificate %u is damaged; export it again", c->path, i + 1);
        return false;
    }
    return true;
}

static bool chain_read(const struct lg_where *w, lg_span_t text, struct chain *c)
{
    struct lg_pem pem;
    lg_err_t e;
    while (lg_is_ok(e = lg_pem_next(&text, &pem)))
        if (is_cert_label(pem.label) && !chain_add(w, c, &pem))
            return false;
    if (lg_err_is(e, LG_ERR_FORMAT)) {
        lg_where_error(w, "%s: a -----BEGIN line has no -----END line; the file is cut short",
                       c->path);
        return false;
    }
    if (c->cnt == 0) {
        lg_where_error(w,
                       "%s holds no PEM certificate; if it is DER, convert it: "
                       "openssl x509 -inform der -in %s -out cert.pem",
                       c->path, c->path);
        return false;
    }
    return true;
}

/* signed_by: does issuer's key verify cert's signature? Dates are not looked at. */
static bool signed_by(const struct chain *c, uint32_t cert, uint32_t issuer)
{
    WOLFSSL_CERT_MANAGER *cm = wolfSSL_CertManagerNew();
    DerBuffer *d = NULL;
    DecodedCert dec;
    bool ok = cm && wc_AllocDer(&d, (word32)c->der_sz[issuer], CA_TYPE, NULL) == 0;
    if (ok) {
        memcpy(d->buffer, c->der[issuer], c->der_sz[issuer]);
        ok = AddCA(cm, &d, LG_WOLF_USER_CA, NO_VERIFY) == WOLFSSL_SUCCESS;
    }
    if (ok) {
        InitDecodedCert(&dec, c->der[cert], (word32)c->der_sz[cert], NULL);
        ok = ParseCert(&dec, CERT_TYPE, VERIFY_SKIP_DATE, cm) == 0;
        FreeDecodedCert(&dec);
    }
    wolfSSL_CertManagerFree(cm);
    return ok;
}

/* chain_check: each certificate is issued by the next; a root at the end is left out (R8). */
static bool chain_check(const struct lg_where *w, struct chain *c)
{
    for (uint32_t i = 0; i + 1 < c->cnt; i++) {
        if (!lg_span_eq(c->x[i].issuer, c->x[i + 1].subject) || !signed_by(c, i, i + 1)) {
            lg_where_error(w,
                           "%s: certificate %u is not issued by certificate %u; put the leaf "
                           "first, then each issuer in turn",
                           c->path, i + 1, i + 2);
            return false;
        }
    }
    uint32_t last = c->cnt - 1;
    if (last > 0 && lg_span_eq(c->x[last].issuer, c->x[last].subject)) {
        lg_where_warn(w, "%s: certificate %u is a root; clients have their own, it is not sent",
                      c->path, c->cnt);
        free(c->der[last]);
        c->cnt--;
    }
    int64_t now_s = (int64_t)time(NULL);
    for (uint32_t i = 0; i < c->cnt; i++) {
        c->until_s = LG_MIN(c->until_s, c->x[i].not_after_s);
        if (now_s > c->x[i].not_after_s)
            lg_where_warn(w, "%s: certificate %u has expired; clients will refuse it: renew it",
                          c->path, i + 1);
        else if (now_s < c->x[i].not_before_s)
            lg_where_warn(w, "%s: certificate %u is not valid yet; clients will refuse it", c->path,
                          i + 1);
    }
    return true;
}

static bool name_add(struct lg_keypair *k, const char *raw, size_t len)
{
    char name[LG_HELLO_NAME_SZ];
    bool wild = len > 2 && raw[0] == '*' && raw[1] == '.';
    lg_span_t rest = lg_span(raw + (wild ? 2 : 0), len - (wild ? 2 : 0));
    if (!lg_hello_name(rest, name))
        return true; /* an address, an e-mail: no name that SNI can carry */
    char *copy = malloc(strlen(name) + 3);
    char **names = realloc(k->names, (k->name_cnt + 1) * sizeof *names);
    if (names)
        k->names = names;
    if (!copy || !names) {
        free(copy);
        return false;
    }
    memcpy(copy, "*.", 2);
    memcpy(copy + (wild ? 2 : 0), name, strlen(name) + 1);
    k->names[k->name_cnt++] = copy;
    return true;
}

void lg_cert_facts_fini(struct lg_cert_facts *f)
{
    free(f->subject);
    free(f->issuer);
    free(f->serial);
    *f = (struct lg_cert_facts){0};
}

static uint32_t rsa_bits(const DecodedCert *d)
{
    word32 idx = 0, n_sz = 0, e_sz = 0;
    const byte *n, *e;
    if (wc_RsaPublicKeyDecode_ex(d->publicKey, &idx, d->pubKeySize, &n, &n_sz, &e, &e_sz) != 0)
        return 0;
    return 8 * (n_sz - (n_sz > 0 && *n == 0));
}

/* words_of notes what the admin API tells of the leaf. */
static bool words_of(const struct chain *c, const DecodedCert *d, struct lg_cert_facts *out)
{
    struct lg_tls_cert_text text = {0};
    if (!lg_auth_text(lg_span(c->der[0], c->der_sz[0]), &text))
        return false;
    *out = (struct lg_cert_facts){.subject = strdup(text.subject),
                                  .issuer = strdup(text.issuer),
                                  .serial = strdup(text.serial),
                                  .not_before_s = c->x[0].not_before_s};
    if (d->keyOID == RSAk || d->keyOID == RSAPSSk)
        out->key_bits = rsa_bits(d);
    return out->subject && out->issuer && out->serial;
}

static bool leaf_facts(const struct lg_where *w, const struct chain *c, struct lg_keypair *k)
{
    DecodedCert d;
    bool ok = true, has_san = false, known = true;
    InitDecodedCert(&d, c->der[0], (word32)c->der_sz[0], NULL);
    if (ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) != 0) {
        FreeDecodedCert(&d);
        lg_where_error(w, "%s: the leaf certificate cannot be read; export it again", c->path);
        return false;
    }
    for (const DNS_entry *n = d.altNames; n; n = n->next) {
        has_san = true;
        if (n->type == ASN_DNS_TYPE)
            ok = ok && name_add(k, n->name, (size_t)n->len);
    }
    /* RFC 6125 6.4.4: the common name counts only where there is no subjectAltName. */
    if (!has_san && d.subjectCN)
        ok = ok && name_add(k, d.subjectCN, (size_t)d.subjectCNLen);
    if (d.keyOID == RSAk || d.keyOID == RSAPSSk)
        k->kind = LG_KEY_RSA;
    else if (d.keyOID == ECDSAk && d.pkCurveOID == ECC_SECP256R1_OID)
        k->kind = LG_KEY_ECDSA_P256;
    else if (d.keyOID == ECDSAk && d.pkCurveOID == ECC_SECP384R1_OID)
        k->kind = LG_KEY_ECDSA_P384;
    else if (d.keyOID == ED25519k)
        k->kind = LG_KEY_ED25519;
    else
        known = false;
    ok = ok && words_of(c, &d, &k->facts);
    FreeDecodedCert(&d);
    if (!known)
        lg_where_error(w, "%s: key type not supported; use RSA, ECDSA P-256 or P-384, or Ed25519",
                       c->path);
    k->not_after_s = c->x[0].not_after_s;
    k->chain_until_s = c->until_s;
    ok = ok && wc_Sha256Hash(c->der[0], (word32)c->der_sz[0], k->leaf_hash) == 0;
    return ok && known;
}

static bool keep_pem(const struct chain *c, struct lg_keypair *k)
{
    size_t sz = 0;
    for (uint32_t i = 0; i < c->cnt; i++)
        sz += c->pem[i].whole.len + 1;
    k->pem = malloc(sz + 1);
    if (!k->pem)
        return false;
    for (uint32_t i = 0; i < c->cnt; i++) {
        memcpy(k->pem + k->pem_sz, c->pem[i].whole.p, c->pem[i].whole.len);
        k->pem_sz += c->pem[i].whole.len;
        k->pem[k->pem_sz++] = '\n';
    }
    k->pem[k->pem_sz] = 0;
    return true;
}

/* keep_der: what stapling must know. A root at the end is let go of by chain_check. */
static bool keep_der(const struct chain *c, struct lg_keypair *k)
{
    k->leaf = malloc(c->der_sz[0]);
    k->issuer = c->cnt > 1 ? malloc(c->der_sz[1]) : NULL;
    if (!k->leaf || (c->cnt > 1 && !k->issuer))
        return false;
    memcpy(k->leaf, c->der[0], k->leaf_sz = c->der_sz[0]);
    if (k->issuer)
        memcpy(k->issuer, c->der[1], k->issuer_sz = c->der_sz[1]);
    return true;
}

static bool load_chain(const struct lg_where *w, const struct lg_pair_text *t, struct lg_keypair *k)
{
    struct chain c = {.path = t->cert_name, .until_s = INT64_MAX};
    bool ok = chain_read(w, lg_span(t->cert.data, t->cert.sz), &c) && keep_der(&c, k) &&
              chain_check(w, &c) && leaf_facts(w, &c, k) && keep_pem(&c, k);
    chain_fini(&c);
    return ok;
}

/* decrypt turns an encrypted PKCS#8 key into a plain one, in place. */
static bool decrypt(struct lg_where *w, const struct lg_pair_text *t, struct lg_keypair *k)
{
    if (!t->pass_name) {
        lg_where_error(w, "%s is encrypted; name the file with its passphrase in passphrase_file",
                       t->key_name);
        return false;
    }
    w->key = "passphrase_file";
    size_t len = strcspn((const char *)t->pass.data, "\r\n");
    int ret = wc_DecryptPKCS8Key(k->key, (word32)k->key_sz, (const char *)t->pass.data, (int)len);
    if (ret <= 0) {
        lg_where_error(w, "the passphrase in %s does not open %s", t->pass_name, t->key_name);
        return false;
    }
    k->key_sz = (size_t)ret;
    return true;
}

static bool load_key(struct lg_where *w, const struct lg_pair_text *t, struct lg_keypair *k)
{
    static const char *const labels[] = {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
                                         "ENCRYPTED PRIVATE KEY"};
    struct lg_pem pem;
    bool found = false, encrypted = false;
    w->key = "key";
    lg_span_t text = lg_span(t->key.data, t->key.sz);
    while (!found && lg_is_ok(lg_pem_next(&text, &pem)))
        for (size_t i = 0; i < LG_ARRAY_CNT(labels) && !found; i++) {
            found = span_is(pem.label, labels[i]);
            encrypted = found && i == 3;
        }
    if (!found) {
        lg_where_error(w, "%s holds no PEM private key", t->key_name);
        return false;
    }
    if ((k->key = malloc(pem.inner.len + 1)) != NULL)
        k->key_sz = lg_pem_decode(pem.inner, k->key);
    k->key_room = pem.inner.len + 1;
    if (k->key_sz == 0) {
        lg_where_error(w,
                       "%s: the key is damaged or in the old encrypted form; if it is encrypted, "
                       "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in %s -out key.pem",
                       t->key_name, t->key_name);
        return false;
    }
    return !encrypted || decrypt(w, t, k);
}

/* fits tries the pair in a context of its own, where wolfSSL compares the keys. */
static bool fits(struct lg_where *w, const struct lg_pair_text *t, const struct lg_keypair *k)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLS_server_method());
    bool ok = false;
    if (!ctx)
        return false;
    w->key = "cert";
    if (wolfSSL_CTX_use_certificate_chain_buffer(ctx, (const byte *)k->pem, (long)k->pem_sz) !=
        WOLFSSL_SUCCESS) {
        lg_where_error(w, "%s: the certificate is not usable (an RSA key needs 2048 bits or more)",
                       t->cert_name);
    } else if (wolfSSL_CTX_use_PrivateKey_buffer(ctx, k->key, (long)k->key_sz,
                                                 WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS) {
        w->key = "key";
        lg_where_error(w, "%s is not a usable private key for %s", t->key_name, t->cert_name);
    } else if (wolfSSL_CTX_check_private_key(ctx) != WOLFSSL_SUCCESS) {
        w->key = "key";
        lg_where_error(w, "%s does not belong to the certificate in %s", t->key_name, t->cert_name);
    } else {
        ok = true;
    }
    wolfSSL_CTX_free(ctx);
    return ok;
}

bool lg_pair_read(struct lg_where *w, const struct lg_cfg_cert *c, struct lg_pair_text *out)
{
    struct lg_pair_text t = {
        .cert_name = c->cert, .key_name = c->key, .pass_name = c->passphrase_file};
    w->line = c->line;
    w->key = "cert";
    bool ok = lg_file_read(w, c->cert, LG_FILE_MAX_SZ, &t.cert);
    w->key = "key";
    ok = ok && lg_file_read(w, c->key, LG_FILE_MAX_SZ, &t.key);
    w->key = "passphrase_file";
    ok = ok && (!t.pass_name || lg_file_read(w, t.pass_name, LG_FILE_MAX_SZ, &t.pass));
    if (ok)
        *out = t;
    else
        lg_pair_fini(&t);
    return ok;
}

void lg_pair_fini(struct lg_pair_text *t)
{
    lg_file_fini(&t->cert);
    lg_file_fini(&t->key);
    lg_file_fini(&t->pass);
}

bool lg_keypair_load(struct lg_where *w, const struct lg_pair_text *t, struct lg_keypair *out)
{
    struct lg_keypair k = {0};
    w->key = "cert";
    if (load_chain(w, t, &k) && load_key(w, t, &k) && fits(w, t, &k)) {
        *out = k;
        return true;
    }
    lg_keypair_fini(&k);
    return false;
}

void lg_keypair_fini(struct lg_keypair *k)
{
    if (k->key)
        lg_wipe(k->key, k->key_room); /* decrypting leaves more behind than the key's own bytes */
    free(k->key);
    free(k->pem);
    free(k->leaf);
    free(k->issuer);
    for (uint32_t i = 0; i < k->name_cnt; i++)
        free(k->names[i]);
    free(k->names);
    lg_cert_facts_fini(&k->facts);
    *k = (struct lg_keypair){0};
}
