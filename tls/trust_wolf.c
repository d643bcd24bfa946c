/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* trust_wolf.c: the CAs that may vouch for clients, from a file into a table that every worker
 * reads. Their revocation lists are crl_wolf.c's. */
#include "cert_priv.h"
#include "pem.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>

static int anchor_cmp(const void *a, const void *b)
{
    const struct lg_tls_anchor *x = a, *y = b;
    return lg_span_cmp(x->x509.subject, y->x509.subject);
}

static bool anchor_judge(const struct lg_where *w, const char *path, uint32_t nr,
                         struct lg_tls_anchor *a)
{
    DecodedCert d;
    int64_t now_s = (int64_t)time(NULL);
    InitDecodedCert(&d, a->der, (word32)a->der_sz, NULL);
    bool ok = ParseCert(&d, CA_TYPE, NO_VERIFY, NULL) == 0;
    bool is_ca = ok && d.isCA;
    FreeDecodedCert(&d);
    ok = ok && lg_is_ok(lg_x509_parse(lg_span(a->der, a->der_sz), &a->x509)) &&
         wc_Sha256Hash(a->x509.spki.p, (word32)a->x509.spki.len, a->key_hash) == 0;
    a->limits_names = ok && lg_x509_limited_forms(a->x509.exts) != 0;
    if (!ok)
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
    if (!lg_file_read(w, path, LG_FILE_MAX_SZ, &f))
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

bool lg_trust_load(struct lg_where *w, struct lg_tls_policy *p)
{
    const struct lg_cfg_tls *t = &w->listener->tls;
    if (t->client_auth == LG_AUTH_NONE)
        return true;
    w->line = t->line;
    if (!t->client_ca || !load_bundle(w, t->client_ca, p))
        return false;
    w->key = "crl";
    return lg_crls_load(w, p);
}

void lg_trust_fini(struct lg_tls_policy *p)
{
    for (uint32_t i = 0; i < p->anchor_cnt; i++)
        free(p->anchors[i].der);
    free(p->anchors);
    lg_crls_fini(p);
}
