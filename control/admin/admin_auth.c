/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin_auth.c: see admin_auth.h. TLS of the management address is libmicrohttpd's by GnuTLS; it
 * asks for a client certificate, to judge it is left to us. */
#include "admin_auth.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (1 << 20) /* bytes */

static void complain(const struct lg_config *cfg, struct lg_diag *diag, const char *key,
                     const char *path, const char *what)
{
    char full[48];

    snprintf(full, sizeof full, "admin.%s", key);
    lg_diag_error(diag, cfg->file, cfg->admin.line, full, "%s: %s", path, what);
}

/* read_file gives the text of a file, or NULL with a message. */
static char *read_file(const struct lg_config *cfg, struct lg_diag *diag, const char *key,
                       const char *path)
{
    FILE *f = fopen(path, "re");
    struct stat st = {0};
    char *text = NULL;

    if (!f || fstat(fileno(f), &st) != 0) {
        complain(cfg, diag, key, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        complain(cfg, diag, key, path, "expected a file of at most 1 MiB");
    } else {
        size_t sz = (size_t)st.st_size;
        setbuf(f, NULL); /* no second copy of a key */
        text = calloc(1, sz + 1);
        if (!text || fread(text, 1, sz, f) != sz) {
            complain(cfg, diag, key, path, "cannot be read");
            free(text);
            text = NULL;
        }
    }
    if (f)
        fclose(f);
    return text;
}

/* ---------------------------------------------------------------- the token */

static bool load_token(const struct lg_config *cfg, struct lg_admin_auth *out, struct lg_diag *diag)
{
    const char *path = cfg->admin.token_file;
    char *text = read_file(cfg, diag, "token_file", path);

    if (!text)
        return false;
    char *word = text + strspn(text, " \t\r\n");
    size_t len = strcspn(word, " \t\r\n"), rest = strspn(word + len, " \t\r\n");
    bool is_good = len >= LG_ADMIN_TOKEN_MIN && len < LG_ADMIN_TOKEN_SZ && !word[len + rest];
    for (size_t i = 0; i < len; i++)
        is_good = is_good && word[i] > ' ' && word[i] < 0x7f;
    if (is_good)
        memcpy(out->token, word, len);
    else
        complain(cfg, diag, "token_file", path,
                 "expected one token of 16 to 255 printable characters; make one: openssl rand "
                 "-base64 32");
    explicit_bzero(text, strlen(text));
    free(text);
    return is_good;
}

/* has_token compares in constant time: the whole width, whatever was sent. */
static bool has_token(const struct lg_admin_auth *a, struct MHD_Connection *conn)
{
    const char *field =
        MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    char sent[LG_ADMIN_TOKEN_SZ] = {0};

    if (!field || strncasecmp(field, "Bearer ", 7) != 0)
        return false;
    const char *word = field + 7 + strspn(field + 7, " ");
    size_t len = strlen(word);
    if (len >= sizeof sent)
        return false;
    memcpy(sent, word, len);
    bool is_same = gnutls_memcmp(sent, a->token, sizeof sent) == 0;
    explicit_bzero(sent, sizeof sent);
    return is_same;
}

/* ---------------------------------------------------------------- TLS */

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

/* check_pem tries what libmicrohttpd will do with the texts, so that the message can be ours. */
static bool check_pem(const struct lg_config *cfg, const struct lg_admin_auth *a,
                      struct lg_diag *diag)
{
    gnutls_certificate_credentials_t cred;
    gnutls_datum_t cert = datum(a->cert), key = datum(a->key);

    if (gnutls_certificate_allocate_credentials(&cred) != 0) {
        complain(cfg, diag, "tls", cfg->admin.cert, "out of memory");
        return false;
    }
    int pair = gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM);
    if (pair < 0)
        complain(cfg, diag, "tls.cert", cfg->admin.cert, gnutls_strerror(pair));
    int cas = 1;
    if (a->ca) {
        gnutls_datum_t ca = datum(a->ca);
        cas = gnutls_certificate_set_x509_trust_mem(cred, &ca, GNUTLS_X509_FMT_PEM);
        if (cas <= 0)
            complain(cfg, diag, "tls.client_ca", cfg->admin.client_ca,
                     cas < 0 ? gnutls_strerror(cas) : "no certificate in it");
    }
    gnutls_certificate_free_credentials(cred);
    return pair >= 0 && cas > 0;
}

static bool load_tls(const struct lg_config *cfg, struct lg_admin_auth *out, struct lg_diag *diag)
{
    const struct lg_cfg_admin *a = &cfg->admin;

    out->cert = read_file(cfg, diag, "tls.cert", a->cert);
    out->key = read_file(cfg, diag, "tls.key", a->key);
    out->ca = a->client_ca ? read_file(cfg, diag, "tls.client_ca", a->client_ca) : NULL;
    return out->cert && out->key && (out->ca || !a->client_ca) && check_pem(cfg, out, diag);
}

/* check_peer: GnuTLS has checked that the client holds the certificate's key; here, that one of
 * our CAs has signed it, that it is valid today and for use by clients. */
static const char *check_peer(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0, cnt = 0;

    if (!info || !info->tls_session)
        return "no TLS";
    if (!gnutls_certificate_get_peers(info->tls_session, &cnt) || cnt == 0)
        return "no client certificate";
    if (gnutls_certificate_verify_peers(info->tls_session, &purpose, 1, &status) != 0)
        return "the client certificate cannot be verified";
    if (status & GNUTLS_CERT_EXPIRED)
        return "the client certificate has expired";
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return "the client certificate is from an unknown CA";
    return status ? "the client certificate is not acceptable" : NULL;
}

/* ---------------------------------------------------------------- all of it */

lg_err_t lg_admin_auth_load(const struct lg_config *cfg, struct lg_admin_auth *out,
                            struct lg_diag *diag)
{
    *out = (struct lg_admin_auth){0};
    bool has_token_ok = !cfg->admin.token_file || load_token(cfg, out, diag);
    bool has_tls_ok = !cfg->admin.cert || load_tls(cfg, out, diag);

    if (has_token_ok && has_tls_ok)
        return LG_OK;
    lg_admin_auth_fini(out);
    return LG_E(CONFIG);
}

void lg_admin_auth_fini(struct lg_admin_auth *a)
{
    if (a->key)
        explicit_bzero(a->key, strlen(a->key));
    free(a->cert);
    free(a->key);
    free(a->ca);
    explicit_bzero(a, sizeof *a);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool lg_admin_auth_same(const struct lg_admin_auth *a, const struct lg_admin_auth *b)
{
    return memcmp(a->token, b->token, sizeof a->token) == 0 && same_text(a->cert, b->cert) &&
           same_text(a->key, b->key) && same_text(a->ca, b->ca);
}

const char *lg_admin_auth_check(const struct lg_admin_auth *a, struct MHD_Connection *conn)
{
    const char *why = a->ca ? check_peer(conn) : NULL;

    if (!why && *a->token && !has_token(a, conn))
        why = "no token, or a wrong one";
    /* The check of the configuration sees to it that this cannot be. */
    return a->ca || *a->token ? why : "nothing is configured that would let anybody in";
}
