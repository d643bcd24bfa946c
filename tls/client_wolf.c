/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (building the policy; connections allocate from the arena only) */
/* client_wolf.c: what a client's policy and connection have of their own: contexts, the server's
 * name, sessions. The handshake itself is hs_wolf.c's, the server's chain auth_wolf.c's. */
#include "client.h"
#include "cert_store.h"
#include "policy_priv.h"
#include "wolf_priv.h"

#include <stdlib.h>

/* IANA's numbers, and what wolfSSL calls them. In our order of preference, as for listeners. */
static const struct {
    uint16_t suite;
    const char *wolf;
} suite_names[LG_TLS_SUITE_MAX] = {
    {0x1302, "TLS13-AES256-GCM-SHA384"},     {0x1303, "TLS13-CHACHA20-POLY1305-SHA256"},
    {0x1301, "TLS13-AES128-GCM-SHA256"},     {0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {0xc030, "ECDHE-RSA-AES256-GCM-SHA384"}, {0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"}, {0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"},
};

static const struct {
    const char *name;
    uint16_t group;
} group_names[LG_TLS_GROUP_MAX] = {
    {"x25519", WOLFSSL_ECC_X25519},
    {"secp256r1", WOLFSSL_ECC_SECP256R1},
    {"secp384r1", WOLFSSL_ECC_SECP384R1},
};

uint16_t lg_tls_suite_of(lg_span_t name)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(suite_names); i++)
        if (lg_span_eq(name, lg_span_cstr(lg_suite_name(suite_names[i].suite))))
            return suite_names[i].suite;
    return 0;
}

uint16_t lg_tls_group_of(lg_span_t name)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(group_names); i++)
        if (lg_span_eq(name, lg_span_cstr(group_names[i].name)))
            return group_names[i].group;
    return 0;
}

/* ---------------------------------------------------------------- building */

static WOLFSSL_METHOD *method(const struct lg_tls_policy *p)
{
    if (p->max_version == LG_TLS_12)
        return wolfTLSv1_2_client_method();
    return p->min_version == LG_TLS_13 ? wolfTLSv1_3_client_method() : wolfTLS_client_method();
}

static bool suite_wanted(const struct lg_tls_client_cfg *cfg, uint32_t at, uint16_t suite)
{
    return cfg->suite_cnt == 0 || cfg->suites[at] == suite;
}

/* wolf_suites writes wolfSSL's list, in the order asked for. */
static bool wolf_suites(const struct lg_tls_client_cfg *cfg, char *out, size_t out_sz)
{
    size_t used = 0;
    uint32_t cnt = cfg->suite_cnt ? cfg->suite_cnt : (uint32_t)LG_TLS_SUITE_MAX;
    for (uint32_t i = 0; i < cnt && i < LG_TLS_SUITE_MAX; i++) {
        uint32_t k = cfg->suite_cnt ? 0 : i;
        while (k < LG_TLS_SUITE_MAX && !suite_wanted(cfg, i, suite_names[k].suite))
            k++;
        if (k == LG_TLS_SUITE_MAX)
            return false;
        size_t len = strlen(suite_names[k].wolf);
        if (used + len + 2 > out_sz)
            return false;
        if (used)
            out[used++] = ':';
        memcpy(out + used, suite_names[k].wolf, len + 1);
        used += len;
    }
    return true;
}

static bool ctx_protocol(WOLFSSL_CTX *ctx, const struct lg_tls_client_cfg *cfg,
                         const struct lg_tls_policy *p)
{
    int groups[LG_TLS_GROUP_MAX];
    char suites[LG_TLS_SUITE_MAX * 40];
    uint32_t cnt = cfg->group_cnt ? cfg->group_cnt : (uint32_t)LG_TLS_GROUP_MAX;
    int min = p->min_version == LG_TLS_13 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
    if (cnt > LG_TLS_GROUP_MAX || !wolf_suites(cfg, suites, sizeof suites) ||
        wolfSSL_CTX_SetMinVersion(ctx, min) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_cipher_list(ctx, suites) != WOLFSSL_SUCCESS)
        return false;
    for (uint32_t i = 0; i < cnt; i++) {
        groups[i] = cfg->group_cnt ? cfg->groups[i] : group_names[i].group;
        if (wolfSSL_CTX_UseSupportedCurve(ctx, (word16)groups[i]) != WOLFSSL_SUCCESS)
            return false;
    }
    if (p->max_version == LG_TLS_13 &&
        wolfSSL_CTX_set_groups(ctx, groups, (int)cnt) != WOLFSSL_SUCCESS)
        return false;
    wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
    if (cfg->resumption)
        return wolfSSL_CTX_UseSessionTicket(ctx) == WOLFSSL_SUCCESS;
    return true;
}

static WOLFSSL_CTX *ctx_new(const struct lg_tls_client_cfg *cfg, const struct lg_tls_policy *p,
                            const struct lg_keypair *k)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method(p));
    if (!ctx)
        return NULL;
    bool ok = ctx_protocol(ctx, cfg, p);
    if (ok && k->pem)
        ok = wolfSSL_CTX_use_certificate_chain_buffer(ctx, (const byte *)k->pem, (long)k->pem_sz) ==
                 WOLFSSL_SUCCESS &&
             wolfSSL_CTX_use_PrivateKey_buffer(ctx, k->key, (long)k->key_sz,
                                               WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
    if (!ok) {
        wolfSSL_CTX_free(ctx);
        return NULL;
    }
    wolfSSL_CTX_SetIORecv(ctx, lg_io_recv);
    wolfSSL_CTX_SetIOSend(ctx, lg_io_send);
    if (p->client->is_checking)
        wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER, lg_hs_verify_cb);
    else
        wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    return ctx;
}

/* alpn_build: the names for lg_tls_info, and the comma-separated list that wolfSSL wants. */
static bool alpn_build(const struct lg_tls_client_cfg *cfg, struct lg_tls_policy *p)
{
    size_t sz = 1;
    for (uint32_t i = 0; i < cfg->alpn_cnt; i++)
        sz += strlen(cfg->alpn[i]) + 1;
    p->alpn = calloc(cfg->alpn_cnt ? cfg->alpn_cnt : 1, sizeof *p->alpn);
    p->client->alpn_list = calloc(1, sz);
    if (!p->alpn || !p->client->alpn_list)
        return false;
    char *at = p->client->alpn_list;
    for (; p->alpn_cnt < cfg->alpn_cnt; p->alpn_cnt++) {
        size_t len = strlen(cfg->alpn[p->alpn_cnt]);
        p->alpn[p->alpn_cnt] = strdup(cfg->alpn[p->alpn_cnt]);
        if (!p->alpn[p->alpn_cnt])
            return false;
        if (p->alpn_cnt)
            *at++ = ',';
        memcpy(at, cfg->alpn[p->alpn_cnt], len);
        at += len;
    }
    return true;
}

static bool hash_bytes(wc_Sha256 *h, const void *p, size_t sz)
{
    return wc_Sha256Update(h, (const byte *)&sz, sizeof sz) == 0 &&
           (sz == 0 || wc_Sha256Update(h, p, (word32)sz) == 0);
}

/* made_of: what two policies must have in common to be the same to their connections, beside what
 * lg_tls_policy_same compares one by one. */
static bool made_of(const struct lg_tls_client_cfg *cfg, struct lg_tls_policy *p,
                    const struct lg_keypair *k)
{
    wc_Sha256 h;
    struct lg_tls_client *c = p->client;
    bool ok = wc_InitSha256(&h) == 0 && hash_bytes(&h, &c->is_checking, sizeof c->is_checking) &&
              hash_bytes(&h, &c->wants_tickets, sizeof c->wants_tickets) &&
              hash_bytes(&h, c->name, strlen(c->name)) &&
              hash_bytes(&h, c->alpn_list, strlen(c->alpn_list)) &&
              hash_bytes(&h, cfg->suites, cfg->suite_cnt * sizeof cfg->suites[0]) &&
              hash_bytes(&h, cfg->groups, cfg->group_cnt * sizeof cfg->groups[0]) &&
              hash_bytes(&h, k->pem, k->pem_sz) && hash_bytes(&h, k->key, k->key_sz) &&
              wc_Sha256Final(&h, c->made_of) == 0;
    wc_Sha256Free(&h);
    return ok;
}

static bool build(struct lg_where *w, const struct lg_tls_client_cfg *cfg, struct lg_tls_policy *p)
{
    struct lg_keypair k = {0};
    struct lg_pair_text text = {0};
    struct lg_cfg_cert pair = {.line = cfg->line,
                               .cert = (char *)(uintptr_t)cfg->cert,
                               .key = (char *)(uintptr_t)cfg->key,
                               .passphrase_file = (char *)(uintptr_t)cfg->passphrase_file};
    struct lg_tls_client *c = p->client = calloc(1, sizeof *c);
    if (!c)
        return false;
    c->nr = lg_store_nr();
    c->is_checking = cfg->ca != NULL;
    c->wants_tickets = cfg->resumption;
    c->name = strdup(cfg->name ? cfg->name : "");
    c->ctx_cnt = p->worker_cnt;
    c->ctxs = calloc(p->worker_cnt, sizeof *c->ctxs);
    bool ok = c->name && c->ctxs && alpn_build(cfg, p);
    ok = lg_trust_load(w, p) && ok;
    ok = (!cfg->cert || (lg_pair_read(w, &pair, &text) && lg_keypair_load(w, &text, &k))) && ok;
    for (uint32_t i = 0; ok && i < p->worker_cnt; i++)
        ok = (c->ctxs[i] = ctx_new(cfg, p, &k)) != NULL;
    ok = ok && made_of(cfg, p, &k);
    lg_pair_fini(&text);
    lg_keypair_fini(&k);
    return ok;
}

lg_err_t lg_tls_client_policy_build(const struct lg_tls_client_cfg *cfg, uint32_t worker_cnt,
                                    struct lg_tls_policy **out, struct lg_diag *diag)
{
    /* The loaders of files know listeners: what they read of one is filled in here. */
    struct lg_config file = {.file = (char *)(uintptr_t)cfg->file};
    struct lg_cfg_listener as_listener = {
        .tls = {.line = cfg->line,
                .client_auth = cfg->ca ? LG_AUTH_REQUIRED : LG_AUTH_NONE,
                .client_ca = (char *)(uintptr_t)cfg->ca,
                .crl_cnt = cfg->crl_cnt,
                .crls = (char **)(uintptr_t)cfg->crls}};
    struct lg_where w = {.cfg = &file,
                         .listener = &as_listener,
                         .owner = cfg->owner,
                         .diag = diag,
                         .line = cfg->line,
                         .key = "",
                         .ca_key = "ca"};
    LG_CHECK(worker_cnt > 0 && (!cfg->cert || cfg->key), LG_E(RANGE));
    LG_TRY(lg_wolf_control_begin());
    struct lg_tls_policy *p = lg_policy_new(worker_cnt);
    LG_CHECK(p, LG_E(NOMEM));
    struct lg_tls_core *core = lg_wolf_detach();
    uint32_t errors = diag->error_cnt;
    p->min_version = cfg->min_version ? cfg->min_version : LG_TLS_12;
    p->max_version = cfg->max_version ? cfg->max_version : LG_TLS_13;
    p->client_auth = as_listener.tls.client_auth;
    p->crl_fail = cfg->crl_fail;
    p->verify_depth = cfg->verify_depth ? cfg->verify_depth : 4;
    bool ok = build(&w, cfg, p);
    if (!ok) {
        if (diag->error_cnt == errors)
            lg_where_error(&w,
                           "no TLS context could be made for these versions, suites and groups");
        lg_tls_policy_free(p);
        p = NULL;
    }
    lg_tls_core_attach(core);
    *out = p;
    return ok ? LG_OK : LG_E(CONFIG);
}

void lg_client_fini(struct lg_tls_client *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; c->ctxs && i < c->ctx_cnt; i++)
        wolfSSL_CTX_free(c->ctxs[i]);
    free(c->ctxs);
    free(c->name);
    free(c->alpn_list);
    free(c);
}

/* ---------------------------------------------------------------- connections */

static int on_ticket(WOLFSSL *ssl, const unsigned char *ticket, int sz, void *ctx)
{
    struct lg_tls *t = ctx;
    (void)ssl;
    (void)ticket;
    t->has_ticket = sz > 0;
    return 0;
}

/* is_address: RFC 6066 section 3: literal IPv4 and IPv6 addresses are not permitted in SNI. */
static bool is_address(const char *name)
{
    lg_ip_t ip;
    return lg_is_ok(lg_ip_parse(lg_span_cstr(name), &ip));
}

static bool configure(struct lg_tls *t, const struct lg_tls_session *session)
{
    const struct lg_tls_client *c = t->policy->client;
    WOLFSSL *ssl = t->ssl;
    wolfSSL_SetIOReadCtx(ssl, t);
    wolfSSL_SetIOWriteCtx(ssl, t);
    wolfSSL_SetCertCbCtx(ssl, t);
    lg_rec_watch(t);
    if (*t->peer_name && !is_address(t->peer_name) &&
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, t->peer_name, (word16)strlen(t->peer_name)) !=
            WOLFSSL_SUCCESS)
        return false;
    if (*c->alpn_list && wolfSSL_UseALPN(ssl, c->alpn_list, (unsigned)strlen(c->alpn_list),
                                         WOLFSSL_ALPN_CONTINUE_ON_MISMATCH) != WOLFSSL_SUCCESS)
        return false;
    if (c->wants_tickets)
        wolfSSL_set_SessionTicket_cb(ssl, on_ticket, t);
    /* A session that wolfSSL does not take (too old) only means a full handshake. */
    if (session && session->s && session->policy_nr == t->policy->client->nr &&
        strcmp(session->name, t->peer_name) == 0)
        (void)wolfSSL_set_session(ssl, session->s);
    return true;
}

struct lg_tls *lg_tls_client_open(struct lg_tls_core *core, const struct lg_tls_policy *policy,
                                  const char *name, const struct lg_tls_session *session,
                                  lg_ns_t now_ns)
{
    (void)now_ns;
    if (core->handshakes >= core->max_handshakes)
        return NULL;
    struct lg_tls *t = lg_tls_new(core, policy);
    if (!t)
        return NULL;
    t->peer_name = name ? name : policy->client->name;
    t->ssl = wolfSSL_new(policy->client->ctxs[core->worker_idx]);
    if (!t->ssl || !configure(t, session)) {
        lg_tls_close(t);
        return NULL;
    }
    core->handshakes++;
    t->in_hs_cnt = true;
    t->step = LG_STEP_HANDSHAKE;
    lg_stat_inc(core->stats, LG_STAT_TLS_CLI_STARTED);
    return t;
}

bool lg_client_is_resumed(const struct lg_tls *t)
{
    return wolfSSL_session_reused((WOLFSSL *)t->ssl) == 1;
}

void lg_client_opened(struct lg_tls *t)
{
    char *proto = NULL;
    word16 len = 0;
    t->info.resumed = lg_client_is_resumed(t);
    t->info.has_client_cert = false;
    if (*t->policy->client->alpn_list &&
        wolfSSL_ALPN_GetProtocol(t->ssl, &proto, &len) == WOLFSSL_SUCCESS)
        for (uint32_t i = 0; i < t->policy->alpn_cnt; i++)
            if (lg_span_eq(lg_span_cstr(t->policy->alpn[i]), lg_span(proto, len)))
                t->info.alpn = t->policy->alpn[i];
    lg_stat_inc(t->core->stats, LG_STAT_TLS_CLI_DONE);
    if (t->info.resumed)
        lg_stat_inc(t->core->stats, LG_STAT_TLS_CLI_RESUMED);
}

bool lg_tls_session_take(struct lg_tls *t, struct lg_tls_session *out)
{
    bool is_open = t->step == LG_STEP_OPEN || t->step == LG_STEP_CLOSED;
    WOLFSSL_SESSION *s = is_open && t->has_ticket ? wolfSSL_get1_session(t->ssl) : NULL;
    if (!s)
        return false;
    t->has_ticket = false;
    lg_tls_session_free(out);
    *out =
        (struct lg_tls_session){.s = s, .policy_nr = t->policy->client->nr, .name = t->peer_name};
    return true;
}

void lg_tls_session_free(struct lg_tls_session *s)
{
    wolfSSL_SESSION_free(s->s);
    *s = (struct lg_tls_session){0};
}
