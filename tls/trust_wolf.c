/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* trust_wolf.c: the CAs that may vouch for clients, and their revocation lists, from files into
 * tables that every worker reads. A list counts only when a CA of the bundle signed it (R29). */
#include "cert_priv.h"
#include "pem.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>

static int span_cmp(lg_span_t a, lg_span_t b)
{
    int c = memcmp(a.p, b.p, LG_MIN(a.len, b.len));
    return c ? c : a.len < b.len ? -1 : a.len > b.len;
}

static int anchor_cmp(const void *a, const void *b)
{
    const struct lg_tls_anchor *x = a, *y = b;
    return span_cmp(x->x509.subject, y->x509.subject);
}

static int crl_cmp(const void *a, const void *b)
{
    const struct lg_crl *x = a, *y = b;
    return span_cmp(lg_span(x->issuer, x->issuer_sz), lg_span(y->issuer, y->issuer_sz));
}

static bool anchor_judge(const struct lg_where *w, const char *path, uint32_t nr,
                         struct lg_tls_anchor *a)
{
    DecodedCert d;
    int64_t now_s = (int64_t)time(NULL);
    InitDecodedCert(&d, a->der, (word32)a->der_sz, NULL);
    bool ok = ParseCert(&d, CA_TYPE, NO_VERIFY, NULL) == 0;
    bool is_ca = ok && d.isCA;
    a->limits_names = ok && (d.permittedNames || d.excludedNames);
    FreeDecodedCert(&d);
    if (!ok || !lg_is_ok(lg_x509_parse(lg_span(a->der, a->der_sz), &a->x509)))
        lg_where_error(w, "%s: certificate %u is damaged or of an unsupported kind", path, nr);
    else if (!is_ca)
        lg_where_error(w, "%s: certificate %u is not a CA (no CA:TRUE); take it out", path, nr);
    else if (now_s > a->x509.not_after_s)
        lg_where_warn(w, "%s: CA certificate %u has expired; its clients are refused", path, nr);
    return ok && is_ca;
}

static bool bundle_add(const struct lg_where *w, const char *path, const struct lg_pem *pem,
                       struct lg_tls_policy *p)
{
    struct lg_tls_anchor *grown = realloc(p->anchors, (p->anchor_cnt + 1) * sizeof *grown);
    if (!grown)
        return false;
    p->anchors = grown;
    struct lg_tls_anchor *a = &grown[p->anchor_cnt];
    *a = (struct lg_tls_anchor){.der = malloc(pem->inner.len + 1)};
    if (!a->der)
        return false;
    p->anchor_cnt++;
    a->der_sz = lg_pem_decode(pem->inner, a->der);
    if (a->der_sz == 0) {
        lg_where_error(w, "%s: certificate %u is not valid base64", path, p->anchor_cnt);
        return false;
    }
    return anchor_judge(w, path, p->anchor_cnt, a);
}

static bool load_bundle(struct lg_where *w, const char *path, struct lg_tls_policy *p)
{
    struct lg_file f;
    struct lg_pem pem;
    lg_err_t e;
    bool ok = true;
    w->key = w->ca_key ? w->ca_key : "client_ca";
    if (!lg_file_read(w, path, &f))
        return false;
    lg_span_t text = lg_span(f.data, f.sz);
    while (lg_is_ok(e = lg_pem_next(&text, &pem)))
        if (lg_span_eq(pem.label, LG_SPAN_STR("CERTIFICATE")))
            ok = bundle_add(w, path, &pem, p) && ok;
    if (lg_err_is(e, LG_ERR_FORMAT)) {
        lg_where_error(w, "%s: a -----BEGIN line has no -----END line; the file is cut short",
                       path);
        ok = false;
    } else if (p->anchor_cnt == 0) {
        lg_where_error(w, "%s holds no PEM certificate: name a bundle of CA certificates", path);
        ok = false;
    }
    lg_file_fini(&f);
    if (ok)
        qsort(p->anchors, p->anchor_cnt, sizeof *p->anchors, anchor_cmp);
    return ok;
}

/* all_signers: a certificate manager with the whole bundle, to check lists against. */
static WOLFSSL_CERT_MANAGER *all_signers(const struct lg_tls_policy *p)
{
    WOLFSSL_CERT_MANAGER *cm = wolfSSL_CertManagerNew();
    for (uint32_t i = 0; cm && i < p->anchor_cnt; i++) {
        DerBuffer *d = NULL;
        if (wc_AllocDer(&d, (word32)p->anchors[i].der_sz, CA_TYPE, NULL) != 0)
            continue;
        memcpy(d->buffer, p->anchors[i].der, p->anchors[i].der_sz);
        (void)AddCA(cm, &d, LG_WOLF_USER_CA, NO_VERIFY); /* a CA twice: the first counts */
    }
    return cm;
}

static bool crl_add(const struct lg_where *w, const char *path, lg_span_t der,
                    WOLFSSL_CERT_MANAGER *cm, struct lg_tls_policy *p)
{
    DecodedCRL d;
    struct lg_crl *grown = realloc(p->crls, (p->crl_cnt + 1) * sizeof *grown);
    if (!grown)
        return false;
    p->crls = grown;
    InitDecodedCRL(&d, NULL);
    int ret = ParseCRL(NULL, &d, der.p, (word32)der.len, NO_VERIFY, cm);
    FreeDecodedCRL(&d);
    lg_err_t e = lg_crl_parse(der, &grown[p->crl_cnt]);
    if (lg_is_ok(e) && ret != 0)
        lg_crl_fini(&grown[p->crl_cnt]);
    if (lg_err_is(e, LG_ERR_RANGE))
        lg_where_error(w,
                       "%s: delta, indirect and partial revocation lists are not supported; name "
                       "the CA's full list",
                       path);
    else if (!lg_is_ok(e))
        lg_where_error(w, "%s is damaged or not a revocation list", path);
    else if (ret == ASN_CRL_NO_SIGNER_E)
        lg_where_error(w, "%s is not issued by a CA of client_ca; add the CA or drop the list",
                       path);
    else if (ret != 0)
        lg_where_error(w, "%s: the signature of the list is wrong; fetch it again", path);
    if (!lg_is_ok(e) || ret != 0)
        return false;
    if (grown[p->crl_cnt].next_update_s < (int64_t)time(NULL))
        lg_where_warn(w, "%s is past its nextUpdate; fetch a new one (crl_fail decides meanwhile)",
                      path);
    p->crl_cnt++;
    return true;
}

static bool load_crl(const struct lg_where *w, const char *path, WOLFSSL_CERT_MANAGER *cm,
                     struct lg_tls_policy *p)
{
    struct lg_file f;
    struct lg_pem pem;
    bool ok = true, any = false;
    if (!lg_file_read(w, path, &f))
        return false;
    if (f.data[0] == LG_DER_SEQUENCE) {
        ok = crl_add(w, path, lg_span(f.data, f.sz), cm, p);
        lg_file_fini(&f);
        return ok;
    }
    lg_span_t text = lg_span(f.data, f.sz);
    while (ok && lg_is_ok(lg_pem_next(&text, &pem))) {
        if (!lg_span_eq(pem.label, LG_SPAN_STR("X509 CRL")))
            continue;
        any = true;
        uint8_t *der = malloc(pem.inner.len + 1);
        ok = der && crl_add(w, path, lg_span(der, lg_pem_decode(pem.inner, der)), cm, p);
        free(der);
    }
    if (!any) {
        lg_where_error(w, "%s holds no revocation list (PEM \"X509 CRL\" or DER)", path);
        ok = false;
    }
    lg_file_fini(&f);
    return ok;
}

bool lg_trust_load(struct lg_where *w, struct lg_tls_policy *p)
{
    const struct lg_cfg_tls *t = &w->listener->tls;
    bool ok = true;
    if (t->client_auth == LG_AUTH_NONE)
        return true;
    w->line = t->line;
    if (!t->client_ca || !load_bundle(w, t->client_ca, p))
        return false;
    w->key = "crl";
    WOLFSSL_CERT_MANAGER *cm = all_signers(p);
    for (uint32_t i = 0; i < t->crl_cnt; i++)
        ok = cm && load_crl(w, t->crls[i], cm, p) && ok;
    wolfSSL_CertManagerFree(cm);
    if (ok && p->crl_cnt)
        qsort(p->crls, p->crl_cnt, sizeof *p->crls, crl_cmp);
    return ok;
}

void lg_trust_fini(struct lg_tls_policy *p)
{
    for (uint32_t i = 0; i < p->anchor_cnt; i++)
        free(p->anchors[i].der);
    for (uint32_t i = 0; i < p->crl_cnt; i++)
        lg_crl_fini(&p->crls[i]);
    free(p->anchors);
    free(p->crls);
}
