/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* ctx_wolf.c: building a policy: the files of one listener's tls section into tables and, for each
 * worker, a wolfSSL context per certificate. Everything is made on the control thread's heap and
 * freed there; a worker only makes sessions on its own contexts.
 *
 * The contexts hold no client CA: lg_auth_check judges chains (auth_wolf.c). Session cache and
 * early data are off; tickets are ours (ticket.h). */
#include "cert_priv.h"
#include "cert_store.h"
#include "policy_priv.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>

/* R4: the server's order, strongest first (tls_names.c says the same in numbers). */
static const char suites[] = "TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:"
                             "TLS13-AES128-GCM-SHA256:"
                             "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                             "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";

static WOLFSSL_METHOD *method(const struct lg_tls_policy *p)
{
    if (p->max_version == LG_TLS_12)
        return wolfTLSv1_2_server_method();
    return p->min_version == LG_TLS_13 ? wolfTLSv1_3_server_method() : wolfTLS_server_method();
}

static bool ctx_protocol(WOLFSSL_CTX *ctx, const struct lg_tls_policy *p)
{
    static int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
    int min = p->min_version == LG_TLS_13 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
    if (wolfSSL_CTX_SetMinVersion(ctx, min) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_cipher_list(ctx, suites) != WOLFSSL_SUCCESS)
        return false;
    for (size_t i = 0; i < LG_ARRAY_CNT(groups); i++)
        if (wolfSSL_CTX_UseSupportedCurve(ctx, (word16)groups[i]) != WOLFSSL_SUCCESS)
            return false;
    if (p->max_version == LG_TLS_13 &&
        wolfSSL_CTX_set_groups(ctx, groups, LG_ARRAY_CNT(groups)) != WOLFSSL_SUCCESS)
        return false;
    wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
    return true;
}

static bool ctx_tickets(WOLFSSL_CTX *ctx, const struct lg_tls_policy *p)
{
    if (!p->has_tickets) {
        wolfSSL_CTX_NoTicketTLSv12(ctx);
        wolfSSL_CTX_no_ticket_TLSv13(ctx);
        return true;
    }
    /* A hello with psk_ke and no key share would be resumed without (EC)DHE, also a second hello,
     * which lg_ticket_look does not see. */
    if (p->max_version == LG_TLS_13 && wolfSSL_CTX_only_dhe_psk(ctx) != 0)
        return false;
    /* How old a session may be is ours to judge (ticket_wolf.c): wolfSSL's own bound lies above. */
    return wolfSSL_CTX_set_TicketEncCb(ctx, lg_ticket_cb) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_TicketHint(ctx, (int)p->ticket_lifetime_s) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_timeout(ctx, p->ticket_lifetime_s + LG_TICKET_SKEW_S) == WOLFSSL_SUCCESS;
}

static void ctx_auth(WOLFSSL_CTX *ctx, const struct lg_tls_policy *p)
{
    int mode = WOLFSSL_VERIFY_NONE;
    if (p->client_auth != LG_AUTH_NONE)
        mode = WOLFSSL_VERIFY_PEER;
    if (p->client_auth == LG_AUTH_REQUIRED) {
        mode |= WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        wolfSSL_CTX_mutual_auth(ctx, 1);
    }
    wolfSSL_CTX_set_verify(ctx, mode, mode == WOLFSSL_VERIFY_NONE ? NULL : lg_hs_verify_cb);
}

static WOLFSSL_CTX *ctx_new(const struct lg_tls_policy *p, const struct lg_keypair *k)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method(p));
    if (!ctx)
        return NULL;
    if (!ctx_protocol(ctx, p) || !ctx_tickets(ctx, p) ||
        wolfSSL_CTX_use_certificate_chain_buffer(ctx, (const byte *)k->pem, (long)k->pem_sz) !=
            WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_buffer(ctx, k->key, (long)k->key_sz, WOLFSSL_FILETYPE_ASN1) !=
            WOLFSSL_SUCCESS) {
        wolfSSL_CTX_free(ctx);
        return NULL;
    }
    wolfSSL_CTX_SetIORecv(ctx, lg_io_recv);
    wolfSSL_CTX_SetIOSend(ctx, lg_io_send);
    ctx_auth(ctx, p);
    return ctx;
}

/* store_key: of a pair of files, and of all that ctx_new reads of the policy. */
static bool store_key(const struct lg_tls_policy *p, const struct lg_pair_text *t,
                      uint8_t out[LG_HASH_SZ])
{
    const struct lg_file *files[] = {&t->cert, &t->key, &t->pass};
    uint32_t facts[] = {p->worker_cnt,  p->min_version,       p->max_version,
                        p->has_tickets, p->ticket_lifetime_s, p->client_auth};
    wc_Sha256 h;
    bool ok = wc_InitSha256(&h) == 0 &&
              wc_Sha256Update(&h, (const byte *)facts, (word32)sizeof facts) == 0;
    for (size_t i = 0; ok && i < LG_ARRAY_CNT(files); i++)
        ok = wc_Sha256Update(&h, (const byte *)&files[i]->sz, sizeof files[i]->sz) == 0 &&
             (files[i]->sz == 0 || wc_Sha256Update(&h, files[i]->data, (word32)files[i]->sz) == 0);
    ok = ok && wc_Sha256Final(&h, out) == 0;
    wc_Sha256Free(&h);
    lg_wipe(&h, sizeof h);
    return ok;
}

static void cert_free(struct lg_cert_shared *c)
{
    for (uint32_t i = 0; c->cert.ctxs && i < c->worker_cnt; i++)
        wolfSSL_CTX_free(c->cert.ctxs[i]);
    for (uint32_t i = 0; i < c->cert.name_cnt; i++)
        free(c->cert.names[i]);
    free(c->cert.names);
    free(c->cert.ctxs);
    free(c->leaf);
    free(c->issuer);
    lg_cert_facts_fini(&c->facts);
    free(c);
}

void lg_cert_give(struct lg_cert_shared *c)
{
    if (c && lg_store_drop(&lg_certs, &c->stored))
        cert_free(c);
}

/* cert_make builds what the store does not have. */
static struct lg_cert_shared *cert_make(struct lg_where *w, const struct lg_tls_policy *p,
                                        const struct lg_pair_text *t)
{
    struct lg_keypair k;
    struct lg_cert_shared *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (!lg_keypair_load(w, t, &k)) {
        free(c);
        return NULL;
    }
    c->worker_cnt = p->worker_cnt;
    c->chain_until_s = k.chain_until_s;
    c->facts = k.facts;
    k.facts = (struct lg_cert_facts){0};
    c->cert = (struct lg_tls_cert){.shared = c,
                                   .kind = k.kind,
                                   .not_after_s = k.not_after_s,
                                   .name_cnt = k.name_cnt,
                                   .names = k.names,
                                   .ctxs = calloc(p->worker_cnt, sizeof *c->cert.ctxs)};
    memcpy(c->cert.id, k.leaf_hash, sizeof c->cert.id);
    c->leaf = k.leaf;
    c->leaf_sz = k.leaf_sz;
    c->issuer = k.issuer;
    c->issuer_sz = k.issuer_sz;
    k.leaf = k.issuer = NULL;
    k.names = NULL;
    k.name_cnt = 0;
    bool ok = c->cert.ctxs != NULL;
    for (uint32_t i = 0; ok && i < p->worker_cnt; i++)
        ok = (c->cert.ctxs[i] = ctx_new(p, &k)) != NULL;
    lg_keypair_fini(&k);
    if (ok)
        return c;
    lg_where_error(w, "no TLS context could be made for %s", t->cert_name);
    cert_free(c);
    return NULL;
}

bool lg_policy_cert(struct lg_where *w, const struct lg_tls_policy *p, const struct lg_pair_text *t,
                    struct lg_tls_cert *out)
{
    uint8_t key[LG_HASH_SZ];
    w->key = "cert";
    if (!store_key(p, t, key))
        return false;
    struct lg_cert_shared *c = (struct lg_cert_shared *)lg_store_find(&lg_certs, key);
    if (c && (int64_t)time(NULL) > c->chain_until_s)
        lg_where_warn(w, "%s: a certificate has expired; clients will refuse it: renew it",
                      t->cert_name);
    if (!c) {
        c = cert_make(w, p, t);
        if (!c)
            return false;
        memcpy(c->stored.key, key, sizeof key);
        lg_store_add(&lg_certs, &c->stored);
    }
    *out = c->cert;
    return true;
}

static bool cert_build(struct lg_where *w, struct lg_tls_policy *p, const struct lg_cfg_cert *c)
{
    struct lg_pair_text t;
    if (!lg_pair_read(w, c, &t))
        return false;
    struct lg_tls_cert *cert = &p->certs[p->cert_cnt];
    bool ok = lg_policy_cert(w, p, &t, cert);
    p->cert_cnt += ok;
    lg_pair_fini(&t);
    return ok && lg_staple_load(w, c, cert->shared, &cert->staple);
}

static int name_cmp(const void *a, const void *b)
{
    const struct lg_tls_name *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void name_init(struct lg_tls_name *n, const char *name)
{
    n->name = name;
    for (int k = 0; k < LG_KEY_CNT; k++)
        n->cert_idx[k] = -1;
}

/* merge gives dst the certificates of src for the kinds it has none for. */
static void merge(struct lg_tls_name *dst, const struct lg_tls_name *src)
{
    for (int k = 0; k < LG_KEY_CNT; k++)
        if (dst->cert_idx[k] < 0)
            dst->cert_idx[k] = src->cert_idx[k];
}

/* lg_policy_names: every name of every certificate once, sorted. Where two certificates of one kind
 * have a name in common, the first in the configuration serves it. */
bool lg_policy_names(struct lg_tls_policy *p)
{
    uint32_t cnt = 0, out = 0;
    free(p->names);
    p->name_cnt = 0;
    for (uint32_t i = 0; i < p->cert_cnt; i++)
        cnt += p->certs[i].name_cnt;
    p->names = calloc(cnt ? cnt : 1, sizeof *p->names);
    if (!p->names)
        return false;
    for (uint32_t i = 0; i < p->cert_cnt; i++)
        for (uint32_t j = 0; j < p->certs[i].name_cnt; j++) {
            name_init(&p->names[out], p->certs[i].names[j]);
            p->names[out++].cert_idx[p->certs[i].kind] = (int16_t)i;
        }
    qsort(p->names, out, sizeof *p->names, name_cmp);
    for (uint32_t i = 0; i < out; i++) {
        struct lg_tls_name *last = p->name_cnt ? &p->names[p->name_cnt - 1] : NULL;
        if (last && strcmp(last->name, p->names[i].name) == 0)
            merge(last, &p->names[i]);
        else
            p->names[p->name_cnt++] = p->names[i];
    }
    name_init(&p->fallback, "");
    p->fallback.cert_idx[p->certs[0].kind] = 0;
    for (uint32_t j = 0; j < p->certs[0].name_cnt; j++)
        for (uint32_t i = 0; i < p->name_cnt; i++)
            if (strcmp(p->names[i].name, p->certs[0].names[j]) == 0)
                merge(&p->fallback, &p->names[i]);
    return true;
}

static bool alpn_build(const struct lg_cfg_listener *l, struct lg_tls_policy *p)
{
    static char *const http[] = {"http/1.1", "http/1.0"}; /* what the proxy serves */
    bool https = l->type == LG_LISTENER_HTTPS;
    uint32_t cnt = https ? (uint32_t)LG_ARRAY_CNT(http) : l->tls.alpn_cnt;
    p->alpn = calloc(cnt ? cnt : 1, sizeof *p->alpn);
    if (!p->alpn)
        return false;
    for (; p->alpn_cnt < cnt; p->alpn_cnt++) {
        p->alpn[p->alpn_cnt] = strdup(https ? http[p->alpn_cnt] : l->tls.alpn[p->alpn_cnt]);
        if (!p->alpn[p->alpn_cnt])
            return false;
    }
    return true;
}

static bool tickets_build(struct lg_where *w, struct lg_tls_policy *p)
{
    const struct lg_cfg_tls *t = &w->listener->tls;
    if (!t->tickets)
        return true;
    p->ticket_lifetime_s = (uint32_t)(t->ticket_lifetime_ns / LG_SEC(1));
    if (w->cfg->ticket_keys) {
        if (!lg_ticket_load(w, w->cfg->ticket_keys, &p->ticket_file))
            return false;
    } else if (!(p->ticket_ring = lg_ticket_ring_use(p->ticket_lifetime_s))) {
        return false;
    }
    p->has_tickets = true;
    return true;
}

static bool hash_str(wc_Sha256 *h, const char *s)
{
    return wc_Sha256Update(h, (const byte *)s, (word32)strlen(s) + 1) == 0;
}

/* id_build: the same on every machine with the same files; what keeps a ticket of one listener from
 * opening another (R33). */
static bool id_build(const struct lg_cfg_listener *l, struct lg_tls_policy *p)
{
    wc_Sha256 h;
    byte facts[] = {1,
                    (byte)l->type,
                    (byte)p->client_auth,
                    (byte)p->crl_fail,
                    (byte)p->verify_depth,
                    p->closes_revoked,
                    (byte)p->client_ocsp,
                    p->keeps_chain};
    bool ok = wc_InitSha256(&h) == 0 && hash_str(&h, "lockgate policy") && hash_str(&h, l->name) &&
              wc_Sha256Update(&h, facts, sizeof facts) == 0;
    for (uint32_t i = 0; ok && i < p->anchor_cnt; i++)
        ok = wc_Sha256Update(&h, p->anchors[i].der, (word32)p->anchors[i].der_sz) == 0;
    for (uint32_t i = 0; ok && i < p->crl_cnt; i++)
        ok = wc_Sha256Update(&h, p->crls[i]->digest, LG_HASH_SZ) == 0;
    ok = ok && wc_Sha256Final(&h, p->base_id) == 0;
    wc_Sha256Free(&h);
    memcpy(p->id, p->base_id, sizeof p->id);
    return ok;
}

static bool build(struct lg_where *w, struct lg_tls_policy *p)
{
    const struct lg_cfg_tls *t = &w->listener->tls;
    bool ok = true;
    p->certs = calloc(t->cert_cnt, sizeof *p->certs);
    if (!p->certs || t->cert_cnt > INT16_MAX)
        return false;
    /* All files are looked at, so that one go finds all that is wrong. */
    ok = tickets_build(w, p);
    for (uint32_t i = 0; i < t->cert_cnt; i++)
        ok = cert_build(w, p, &t->certs[i]) && ok;
    ok = lg_trust_load(w, p) && ok;
    return ok && id_build(w->listener, p) && lg_policy_names(p) && alpn_build(w->listener, p);
}

lg_err_t lg_tls_policy_build(const struct lg_config *cfg, const struct lg_cfg_listener *l,
                             uint32_t worker_cnt, struct lg_tls_policy **out, struct lg_diag *diag)
{
    struct lg_where w = {.cfg = cfg, .listener = l, .diag = diag, .line = l->tls.line, .key = ""};
    LG_CHECK(l->tls.cert_cnt > 0 && worker_cnt > 0, LG_E(RANGE));
    LG_TRY(lg_wolf_control_begin());
    struct lg_tls_policy *p = lg_policy_new(worker_cnt);
    LG_CHECK(p, LG_E(NOMEM));
    struct lg_tls_core *core = lg_wolf_detach();
    p->min_version = l->tls.min_version;
    p->max_version = l->tls.max_version;
    p->prefer = l->tls.prefer;
    p->sni_strict = l->tls.sni_strict;
    p->client_auth = l->tls.client_auth;
    p->crl_fail = l->tls.crl_fail;
    p->verify_depth = l->tls.verify_depth;
    p->client_ocsp = l->tls.client_ocsp;
    p->ocsp_url = strdup(l->tls.client_ocsp_responder ? l->tls.client_ocsp_responder : "");
    p->closes_revoked = l->tls.close_revoked;
    p->keeps_cert = l->type == LG_LISTENER_HTTPS && l->tls.client_cert_header;
    p->keeps_chain = p->keeps_cert && l->tls.client_cert_chain;
    uint32_t errors = diag->error_cnt;
    bool ok = p->ocsp_url && build(&w, p);
    if (!ok) {
        if (diag->error_cnt == errors)
            lg_where_error(&w, "out of memory");
        lg_tls_policy_free(p);
        p = NULL;
    }
    lg_tls_core_attach(core);
    *out = p;
    return ok ? LG_OK : LG_E(CONFIG);
}

void lg_policy_fini(struct lg_tls_policy *p)
{
    struct lg_tls_core *core = lg_wolf_detach();
    for (uint32_t i = 0; i < p->cert_cnt; i++) {
        lg_cert_give(p->certs[i].shared);
        lg_staple_slot_give(p->certs[i].staple);
    }
    for (uint32_t i = 0; i < p->alpn_cnt; i++)
        free(p->alpn[i]);
    lg_client_fini(p->client);
    lg_trust_fini(p);
    if (p->ticket_file)
        lg_wipe(p->ticket_file, sizeof *p->ticket_file);
    free(p->ticket_file);
    free(p->certs);
    free(p->names);
    free(p->alpn);
    free(p->ocsp_url);
    lg_tls_core_attach(core);
}
