/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* staple_load.c: what a certificate's configuration says about stapling, into its slot. */
#include "cert_priv.h"
#include "cert_store.h"
#include "pem.h"

#include <stdlib.h>
#include <time.h>

/* read_issuer reads the first certificate of a PEM file; the caller frees. */
static bool read_issuer(struct lg_where *w, const char *path, uint8_t **der, size_t *sz)
{
    struct lg_file f;
    struct lg_pem pem;
    struct lg_x509 x;
    w->key = "ocsp_issuer";
    if (!lg_file_read(w, path, LG_FILE_MAX_SZ, &f))
        return false;
    lg_span_t text = lg_span(f.data, f.sz);
    while (!*der && lg_is_ok(lg_pem_next(&text, &pem)))
        if (lg_span_eq(pem.label, LG_SPAN_STR("CERTIFICATE")) &&
            (*der = malloc(pem.inner.len + 1)) != NULL)
            *sz = lg_pem_decode(pem.inner, *der);
    lg_file_fini(&f);
    if (*der && *sz && lg_is_ok(lg_x509_parse(lg_span(*der, *sz), &x)))
        return true;
    lg_where_error(w, "%s holds no usable PEM certificate", path);
    return false;
}

static bool from_file(struct lg_where *w, const struct lg_cfg_cert *c, struct lg_staple_slot *s)
{
    struct lg_file f;
    const struct lg_staple *none;
    const char *why;
    w->key = "ocsp";
    if (!lg_file_read(w, c->ocsp, 1u << 20, &f))
        return false;
    lg_err_t e = lg_staple_put(s, lg_span(f.data, f.sz), (int64_t)time(NULL), &none, &why);
    lg_file_fini(&f);
    /* One that has only grown old must not stop a reload that mends something else. */
    if (lg_err_is(e, LG_ERR_AGAIN))
        lg_where_warn(w, "%s is not stapled: %s; fetch a new one and reload", c->ocsp, why);
    else if (!lg_is_ok(e))
        lg_where_error(w, "%s: %s", c->ocsp, why);
    return lg_is_ok(e) || lg_err_is(e, LG_ERR_AGAIN);
}

/* choose_url: the address as text, to be freed; NULL after saying why. */
static char *choose_url(struct lg_where *w, const struct lg_cfg_cert *c, const struct lg_x509 *leaf)
{
    lg_span_t named = lg_x509_ocsp_url(leaf->exts);
    char *url = c->ocsp_responder ? strdup(c->ocsp_responder)
                : named.len       ? strndup((const char *)named.p, named.len)
                                  : NULL;
    w->key = "ocsp_fetch";
    if (!url)
        lg_where_error(w,
                       "%s names no OCSP responder; name one in ocsp_responder, or remove this key",
                       c->cert);
    return url;
}

static struct lg_staple_slot *make_slot(struct lg_where *w, const struct lg_cfg_cert *c,
                                        const struct lg_cert_shared *k, lg_span_t issuer)
{
    struct lg_ocsp_id id;
    struct lg_x509 leaf;
    struct lg_staple_slot *s = NULL;
    if (!lg_is_ok(lg_x509_parse(lg_span(k->leaf, k->leaf_sz), &leaf)) ||
        !lg_is_ok(lg_ocsp_id_make(lg_span(k->leaf, k->leaf_sz), issuer, &id))) {
        lg_where_error(w, "%s cannot be asked about: its number or its issuer's key is odd",
                       c->cert);
        return NULL;
    }
    if (c->ocsp) {
        s = lg_staple_slot_new(c->cert, k->cert.id, &id, issuer, NULL);
        if (s && !from_file(w, c, s)) {
            lg_staple_slot_give(s);
            s = NULL;
        }
    } else {
        char *url = choose_url(w, c, &leaf);
        if (url)
            s = lg_staple_slot_use(c->cert, k->cert.id, &id, issuer, url);
        if (s)
            s->is_told = c->ocsp_responder != NULL;
        free(url);
    }
    return s;
}

/* warn_must: RFC 7633 says that a client that understands it refuses the certificate alone. */
static void warn_must(struct lg_where *w, const struct lg_cfg_cert *c,
                      const struct lg_cert_shared *k)
{
    struct lg_x509 leaf;
    w->key = "cert";
    if (lg_is_ok(lg_x509_parse(lg_span(k->leaf, k->leaf_sz), &leaf)) &&
        lg_x509_must_staple(leaf.exts))
        lg_where_warn(w,
                      "%s must be stapled (RFC 7633) and is not: clients will refuse it; add ocsp "
                      "or ocsp_fetch",
                      c->cert);
}

bool lg_staple_load(struct lg_where *w, const struct lg_cfg_cert *c, const struct lg_cert_shared *k,
                    struct lg_staple_slot **out)
{
    uint8_t *der = NULL;
    size_t der_sz = 0;
    lg_span_t issuer = lg_span(k->issuer, k->issuer_sz);
    *out = NULL;
    if (!c->ocsp && !c->ocsp_fetch) {
        warn_must(w, c, k);
        return true;
    }
    if (c->ocsp_issuer) {
        if (read_issuer(w, c->ocsp_issuer, &der, &der_sz))
            issuer = lg_span(der, der_sz);
        else
            issuer.len = 0;
    } else if (issuer.len == 0) {
        w->key = c->ocsp ? "ocsp" : "ocsp_fetch";
        lg_where_error(w,
                       "%s holds the leaf alone, and who issued it must be known: append its "
                       "issuer's certificate, or name that in ocsp_issuer",
                       c->cert);
    }
    if (issuer.len)
        *out = make_slot(w, c, k, issuer);
    free(der);
    return *out != NULL;
}

bool lg_staple_follow(struct lg_where *w, const struct lg_staple_slot *old,
                      const struct lg_cert_shared *k, struct lg_staple_slot **out)
{
    struct lg_cfg_cert c = {.cert = "the certificate", .ocsp_fetch = old && old->url};
    if (!c.ocsp_fetch)
        return lg_staple_load(w, &c, k, out);
    c.ocsp_responder = old->is_told ? old->url : NULL;
    *out = make_slot(w, &c, k,
                     k->issuer ? lg_span(k->issuer, k->issuer_sz)
                               : lg_span(old->issuer, old->issuer_sz));
    return *out != NULL;
}
