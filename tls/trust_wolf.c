/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* trust_wolf.c: the CAs that may vouch for clients, from a file into a table that every worker
 * reads. Their revocation lists are crl_wolf.c's. */
#include "cert_priv.h"
#include "cert_store.h"
#include "pem.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>

static int anchor_cmp(const void *a, const void *b)
{
    const struct lg_tls_anchor *x = a, *y = b;
    return lg_span_cmp(x->x509.subject, y->x509.subject);
}

static int key_cmp(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

static bool anchor_judge(const struct lg_where *w, const char *path, struct lg_tls_anchor *a)
{
    DecodedCert d;
    uint32_t nr = a->nr;
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
    return ok && is_ca;
}

static bool bundle_add(const struct lg_where *w, const char *path, const struct lg_pem *pem,
                       struct lg_tls_bundle *b)
{
    struct lg_tls_anchor *grown = realloc(b->anchors, (b->anchor_cnt + 1) * sizeof *grown);
    if (!grown)
        return false;
    b->anchors = grown;
    struct lg_tls_anchor *a = &grown[b->anchor_cnt];
    *a = (struct lg_tls_anchor){.der = malloc(pem->inner.len + 1), .nr = b->anchor_cnt + 1};
    if (!a->der)
        return false;
    b->anchor_cnt++;
    a->der_sz = lg_pem_decode(pem->inner, a->der);
    if (a->der_sz == 0) {
        lg_where_error(w, "%s: certificate %u is not valid base64", path, a->nr);
        return false;
    }
    return anchor_judge(w, path, a);
}

static bool bundle_read(const struct lg_where *w, const char *path, lg_span_t text,
                        struct lg_tls_bundle *b)
{
    struct lg_pem pem;
    lg_err_t e;
    bool ok = true;
    while (lg_is_ok(e = lg_pem_next(&text, &pem)))
        if (lg_span_eq(pem.label, LG_SPAN_STR("CERTIFICATE")))
            ok = bundle_add(w, path, &pem, b) && ok;
    if (lg_err_is(e, LG_ERR_FORMAT)) {
        lg_where_error(w, "%s: a -----BEGIN line has no -----END line; the file is cut short",
                       path);
        return false;
    }
    if (b->anchor_cnt == 0) {
        lg_where_error(w, "%s holds no PEM certificate: name a bundle of CA certificates", path);
        return false;
    }
    b->keys = calloc(b->anchor_cnt, sizeof b->keys[0]);
    if (!ok || !b->keys)
        return false;
    qsort(b->anchors, b->anchor_cnt, sizeof *b->anchors, anchor_cmp);
    for (uint32_t i = 0; i < b->anchor_cnt; i++)
        memcpy(b->keys[i], b->anchors[i].key_hash, sizeof b->keys[i]);
    qsort(b->keys, b->anchor_cnt, sizeof b->keys[0], key_cmp);
    return true;
}

static void bundle_free(struct lg_tls_bundle *b)
{
    for (uint32_t i = 0; i < b->anchor_cnt; i++)
        free(b->anchors[i].der);
    free(b->anchors);
    free(b->keys);
    free(b);
}

void lg_bundle_give(struct lg_tls_bundle *b)
{
    if (b && lg_store_drop(&lg_bundles, &b->stored))
        bundle_free(b);
}

/* bundle_get finds the bundle of this text, or makes it. */
static struct lg_tls_bundle *bundle_get(const struct lg_where *w, const char *path,
                                        const struct lg_file *f)
{
    uint8_t key[LG_HASH_SZ];
    if (wc_Sha256Hash(f->data, (word32)f->sz, key) != 0)
        return NULL;
    struct lg_tls_bundle *b = (struct lg_tls_bundle *)lg_store_find(&lg_bundles, key);
    if (b)
        return b;
    b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    memcpy(b->stored.key, key, sizeof key);
    if (!bundle_read(w, path, lg_span(f->data, f->sz), b)) {
        bundle_free(b);
        return NULL;
    }
    lg_store_add(&lg_bundles, &b->stored);
    return b;
}

static bool load_bundle(struct lg_where *w, const char *path, struct lg_tls_policy *p)
{
    struct lg_file f;
    int64_t now_s = (int64_t)time(NULL);
    w->key = w->ca_key ? w->ca_key : "client_ca";
    if (!lg_file_read(w, path, LG_FILE_MAX_SZ, &f))
        return false;
    p->bundle = bundle_get(w, path, &f);
    lg_file_fini(&f);
    if (!p->bundle)
        return false;
    p->anchors = p->bundle->anchors;
    p->anchor_cnt = p->bundle->anchor_cnt;
    for (uint32_t i = 0; i < p->anchor_cnt; i++)
        if (now_s > p->anchors[i].x509.not_after_s)
            lg_where_warn(w, "%s: CA certificate %u has expired; its clients are refused", path,
                          p->anchors[i].nr);
    return true;
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
    lg_bundle_give(p->bundle);
    lg_revoked_give(p->revoked);
    lg_crls_fini(p);
}
