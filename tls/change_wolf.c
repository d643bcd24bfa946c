/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* change_wolf.c: changed copies of policies; see change.h. */
#include "change.h"

#include "cert_store.h"
#include "pem.h"
#include "policy_priv.h"
#include "wolf_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <wolfssl/wolfcrypt/sha256.h>

/* ---------------------------------------------------------------- the same? */

static bool same_alpn(const struct lg_tls_policy *a, const struct lg_tls_policy *b)
{
    if (a->alpn_cnt != b->alpn_cnt)
        return false;
    for (uint32_t i = 0; i < a->alpn_cnt; i++)
        if (strcmp(a->alpn[i], b->alpn[i]) != 0)
            return false;
    return true;
}

static bool same_tickets(const struct lg_tls_policy *a, const struct lg_tls_policy *b)
{
    if (a->has_tickets != b->has_tickets || a->ticket_lifetime_s != b->ticket_lifetime_s ||
        a->ticket_ring != b->ticket_ring || !a->ticket_file != !b->ticket_file)
        return false;
    return !a->ticket_file || memcmp(a->ticket_file, b->ticket_file, sizeof *a->ticket_file) == 0;
}

/* same_parts compares what is in the stores: the same thing is there once. */
static bool same_parts(const struct lg_tls_policy *a, const struct lg_tls_policy *b)
{
    if (a->bundle != b->bundle || a->cert_cnt != b->cert_cnt || a->crl_cnt != b->crl_cnt ||
        (a->client && memcmp(a->client->made_of, b->client->made_of, LG_HASH_SZ) != 0))
        return false;
    for (uint32_t i = 0; i < a->cert_cnt; i++)
        if (a->certs[i].shared != b->certs[i].shared ||
            !lg_staple_slot_same(a->certs[i].staple, b->certs[i].staple))
            return false;
    for (uint32_t i = 0; i < a->crl_cnt; i++)
        if (a->crls[i] != b->crls[i])
            return false;
    return true;
}

bool lg_tls_policy_admits_alike(const struct lg_tls_policy *a, const struct lg_tls_policy *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0;
}

bool lg_tls_policy_same(const struct lg_tls_policy *a, const struct lg_tls_policy *b)
{
    return a->worker_cnt == b->worker_cnt && !a->client == !b->client &&
           a->min_version == b->min_version && a->max_version == b->max_version &&
           a->prefer == b->prefer && a->sni_strict == b->sni_strict &&
           a->client_auth == b->client_auth && a->crl_fail == b->crl_fail &&
           a->verify_depth == b->verify_depth && a->keeps_cert == b->keeps_cert &&
           a->keeps_chain == b->keeps_chain && a->closes_revoked == b->closes_revoked &&
           a->client_ocsp == b->client_ocsp && strcmp(a->ocsp_url, b->ocsp_url) == 0 &&
           memcmp(a->id, b->id, sizeof a->id) == 0 && same_alpn(a, b) && same_tickets(a, b) &&
           same_parts(a, b);
}

/* ---------------------------------------------------------------- copies */

/* copy_parts: `to` has the plain fields already, and none that it would own. */
static bool copy_parts(const struct lg_tls_policy *from, struct lg_tls_policy *to)
{
    /* One certificate more than there are: lg_tls_policy_put may need it. */
    to->certs = calloc(from->cert_cnt + 1, sizeof *to->certs);
    to->alpn = calloc(from->alpn_cnt ? from->alpn_cnt : 1, sizeof *to->alpn);
    if (!to->certs || !to->alpn)
        return false;
    for (; to->cert_cnt < from->cert_cnt; to->cert_cnt++) {
        to->certs[to->cert_cnt] = from->certs[to->cert_cnt];
        to->certs[to->cert_cnt].shared->stored.ref_cnt++;
        if (to->certs[to->cert_cnt].staple)
            to->certs[to->cert_cnt].staple->ref_cnt++;
    }
    for (; to->alpn_cnt < from->alpn_cnt; to->alpn_cnt++) {
        to->alpn[to->alpn_cnt] = strdup(from->alpn[to->alpn_cnt]);
        if (!to->alpn[to->alpn_cnt])
            return false;
    }
    if (from->ticket_file) {
        to->ticket_file = malloc(sizeof *to->ticket_file);
        if (!to->ticket_file)
            return false;
        *to->ticket_file = *from->ticket_file;
    }
    return lg_crls_copy(from, to) && lg_policy_names(to);
}

static struct lg_tls_policy *copy(const struct lg_tls_policy *from)
{
    struct lg_tls_policy *to = lg_policy_new(from->worker_cnt);
    if (!to)
        return NULL;
    struct lg_policy_pins *pins = to->pins;
    *to = *from;
    to->ref_cnt = 1;
    to->pins = pins;
    to->dying_next = NULL;
    to->certs = NULL;
    to->names = NULL;
    to->alpn = NULL;
    to->ticket_file = NULL;
    to->crls = NULL;
    to->ocsp_url = strdup(from->ocsp_url);
    to->crls_by_id = NULL;
    to->crl_files = NULL;
    to->cert_cnt = to->name_cnt = to->alpn_cnt = to->crl_cnt = to->crl_file_cnt = 0;
    to->revoked = lg_revoked_hold(from->revoked);
    if (to->bundle)
        to->bundle->stored.ref_cnt++;
    if (to->ocsp_url && copy_parts(from, to))
        return to;
    lg_tls_policy_free(to);
    return NULL;
}

/* ---------------------------------------------------------------- revoking */

const uint8_t *lg_revoked_digest(struct lg_revoked *s)
{
    wc_Sha256 h;
    bool ok = wc_InitSha256(&h) == 0;

    if (s->has_digest)
        return s->digest;
    for (uint32_t i = 0; ok && i < s->cnt; i++)
        ok = wc_Sha256Update(&h, (const byte *)&s->one[i], sizeof s->one[i]) == 0;
    s->has_digest = ok && wc_Sha256Final(&h, s->digest) == 0;
    wc_Sha256Free(&h);
    return s->has_digest ? s->digest : NULL;
}

/* set_id: what tickets are bound to follows the set, as it follows the lists. */
static bool set_id(struct lg_tls_policy *p)
{
    wc_Sha256 h;
    memcpy(p->id, p->base_id, sizeof p->id);
    if (!p->revoked || p->revoked->cnt == 0)
        return true;
    const uint8_t *digest = lg_revoked_digest(p->revoked);
    bool ok = digest && wc_InitSha256(&h) == 0;
    ok = ok && wc_Sha256Update(&h, p->base_id, sizeof p->base_id) == 0 &&
         wc_Sha256Update(&h, digest, LG_REVOKED_HASH_SZ) == 0 && wc_Sha256Final(&h, p->id) == 0;
    return ok;
}

lg_err_t lg_tls_policy_revoked(struct lg_tls_policy *p, struct lg_revoked *set,
                               struct lg_tls_policy **out)
{
    if (p->client_auth == LG_AUTH_NONE || p->client || p->revoked == set) {
        *out = lg_tls_policy_hold(p);
        return LG_OK;
    }
    struct lg_tls_policy *n = copy(p);
    LG_CHECK(n, LG_E(NOMEM));
    lg_revoked_give(n->revoked);
    n->revoked = lg_revoked_hold(set);
    if (!set_id(n)) {
        lg_tls_policy_free(n);
        return LG_E(NOMEM);
    }
    *out = n;
    return LG_OK;
}

lg_err_t lg_tls_revocation_of(lg_span_t pem, lg_span_t serial, struct lg_revocation *out)
{
    struct lg_revocation r = {0};
    struct lg_pem block;
    struct lg_x509 x;

    do
        LG_CHECK(lg_is_ok(lg_pem_next(&pem, &block)), LG_E(FORMAT));
    while (!lg_span_eq(block.label, LG_SPAN_STR("CERTIFICATE")));
    uint8_t *der = malloc(block.inner.len + 1);
    LG_CHECK(der, LG_E(NOMEM));
    lg_err_t e = lg_x509_parse(lg_span(der, lg_pem_decode(block.inner, der)), &x);
    if (lg_is_ok(e)) {
        lg_span_t name = serial.len ? x.subject : x.issuer;
        e = wc_Sha256Hash(name.p, (word32)name.len, r.issuer) == 0 ? LG_OK : LG_E(NOMEM);
    }
    if (lg_is_ok(e) && serial.len) {
        e = lg_revocation_serial(serial, &r);
    } else if (lg_is_ok(e)) {
        e = x.serial.len > 0 && x.serial.len <= sizeof r.serial ? LG_OK : LG_E(RANGE);
        r.serial_sz = (uint8_t)x.serial.len;
        if (lg_is_ok(e))
            memcpy(r.serial, x.serial.p, x.serial.len);
    }
    free(der);
    if (lg_is_ok(e))
        *out = r;
    return e;
}

/* ---------------------------------------------------------------- another certificate */

static bool has_name_of(const struct lg_tls_cert *a, const struct lg_tls_cert *b)
{
    for (uint32_t i = 0; i < a->name_cnt; i++)
        for (uint32_t j = 0; j < b->name_cnt; j++)
            if (strcmp(a->names[i], b->names[j]) == 0)
                return true;
    return false;
}

/* put_cert takes c over, also when it fails. */
static bool put_cert(struct lg_where *w, struct lg_tls_policy *p, const struct lg_tls_cert *c,
                     struct lg_tls_put *put)
{
    uint32_t i = 0;
    struct lg_staple_slot *old = NULL;
    while (i < p->cert_cnt && (p->certs[i].kind != c->kind || !has_name_of(&p->certs[i], c)))
        i++;
    *put = (struct lg_tls_put){
        .has_replaced = i < p->cert_cnt, .idx = i, .not_after_s = c->not_after_s};
    snprintf(put->name, sizeof put->name, "%s", c->name_cnt ? c->names[0] : "");
    if (put->has_replaced) {
        lg_cert_give(p->certs[i].shared);
        old = p->certs[i].staple;
    } else {
        p->cert_cnt++;
    }
    p->certs[i] = *c;
    bool ok = lg_staple_follow(w, old, c->shared, &p->certs[i].staple);
    lg_staple_slot_give(old);
    return ok;
}

/* own copies a text into what lg_file_fini wipes and frees. */
static bool own(lg_span_t text, struct lg_file *out)
{
    *out = (struct lg_file){.data = malloc(text.len + 1), .sz = text.len};
    if (!out->data)
        return false;
    memcpy(out->data, text.p, text.len);
    out->data[text.len] = 0;
    return true;
}

static bool put(struct lg_where *w, struct lg_tls_policy *n, const struct lg_pair_text *t,
                struct lg_tls_put *what)
{
    struct lg_tls_cert c;
    if (n->cert_cnt >= INT16_MAX || !lg_policy_cert(w, n, t, &c))
        return false;
    return put_cert(w, n, &c, what) && lg_policy_names(n);
}

lg_err_t lg_tls_policy_put(const struct lg_config *cfg, const struct lg_cfg_listener *l,
                           struct lg_tls_policy *p, lg_span_t cert, lg_span_t key,
                           struct lg_tls_policy **out, struct lg_tls_put *what,
                           struct lg_diag *diag)
{
    struct lg_where w = {.cfg = cfg, .listener = l, .diag = diag, .key = "cert"};
    struct lg_pair_text t = {.cert_name = "the certificate", .key_name = "the key"};
    uint32_t errors = diag->error_cnt;

    LG_CHECK(!p->client, LG_E(BUG));
    LG_TRY(lg_wolf_control_begin());
    struct lg_tls_core *core = lg_wolf_detach();
    struct lg_tls_policy *n = copy(p);
    bool ok = n && own(cert, &t.cert) && own(key, &t.key) && put(&w, n, &t, what);
    lg_pair_fini(&t);
    if (!ok && diag->error_cnt == errors)
        lg_where_error(&w, "out of memory");
    if (!ok)
        lg_tls_policy_free(n);
    lg_tls_core_attach(core);
    if (ok)
        *out = n;
    return ok ? LG_OK : LG_E(CONFIG);
}
