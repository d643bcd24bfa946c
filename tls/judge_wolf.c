/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* judge_wolf.c: see judge.h. A hello is made of what the client says and goes through
 * lg_policy_choose; its chain through lg_auth_check, on a core of its own. */
#include "judge.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>

#define BUFS 16

/* ---------------------------------------------------------------- the hello */

/* What a client of today offers; in network order. */
static const uint8_t all_suites[] = {0x13, 0x02, 0x13, 0x03, 0x13, 0x01, 0xc0, 0x2c, 0xc0,
                                     0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x2b, 0xc0, 0x2f};
static const uint8_t all_groups[] = {0, 29, 0, 23, 0, 24};
static const uint8_t all_schemes[] = {4, 3, 5, 3, 8, 7, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1};

/* put_alpn writes the names as they stand in the extension; returns bytes. */
static size_t put_alpn(const struct lg_tls_ask *ask, uint8_t *out, size_t room)
{
    size_t n = 0;
    for (uint32_t i = 0; i < ask->alpn_cnt; i++) {
        size_t len = strlen(ask->alpn[i]);
        if (len == 0 || len > 255 || n + 1 + len > room)
            continue;
        out[n++] = (uint8_t)len;
        memcpy(out + n, ask->alpn[i], len);
        n += len;
    }
    return n;
}

struct hello_room {
    uint8_t versions[4], alpn[1024];
};

static bool make_hello(const struct lg_tls_ask *ask, struct hello_room *room, struct lg_hello *h)
{
    size_t n = 0;
    *h = (struct lg_hello){.legacy_version = LG_TLS_12,
                           .suites = lg_span(all_suites, sizeof all_suites),
                           .groups = lg_span(all_groups, sizeof all_groups),
                           .sig_algs = lg_span(all_schemes, sizeof all_schemes),
                           .has_versions = true,
                           .has_groups = true,
                           .has_sig_algs = true,
                           .has_ems = true,
                           .has_alpn = ask->alpn_cnt > 0};
    for (uint16_t v = ask->max_version; v >= ask->min_version && n < sizeof room->versions; v--) {
        room->versions[n++] = (uint8_t)(v >> 8);
        room->versions[n++] = (uint8_t)v;
    }
    h->versions = lg_span(room->versions, n);
    h->alpn = lg_span(room->alpn, put_alpn(ask, room->alpn, sizeof room->alpn));
    if (!*ask->sni)
        return true;
    h->sni_raw = lg_span_cstr(ask->sni);
    return lg_hello_name(h->sni_raw, h->sni);
}

/* ---------------------------------------------------------------- the client's chain */

/* A core for one judgement. */
struct bench {
    struct lg_bufheap heap;
    struct lg_stats stats;
    struct lg_tls_policy policy; /* a copy that asks nobody and seals no tickets */
    struct lg_policy_pins pins;  /* its own: those of the original are the workers' to write */
    struct lg_tls_core *core;
    void *mem; /* owns */
};

static bool bench_open(struct bench *b, const struct lg_tls_policy *p)
{
    struct lg_tls_core_cfg cfg = {.max_conns = 1, .max_handshakes = 1};
    size_t sz = lg_align_up(lg_tls_core_footprint(&cfg), LG_CACHE_PAIR);
    b->policy = *p;
    b->policy.client_ocsp = LG_CLIENT_OCSP_OFF;
    b->policy.has_tickets = false;
    b->policy.pins = &b->pins;
    b->policy.worker_cnt = 1;
    b->mem = aligned_alloc(LG_CACHE_PAIR, sz);
    if (!b->mem)
        return false;
    memset(b->mem, 0, sz);
    lg_bufheap_init(&b->heap, BUFS, 2048);
    if (lg_is_ok(lg_tls_core_init(b->mem, &cfg, &b->heap.pool, &b->stats, &b->core)))
        return true;
    free(b->mem);
    return false;
}

static void bench_close(struct bench *b)
{
    lg_tls_core_fini(b->core);
    free(b->mem);
}

static lg_err_t judge_chain(const struct lg_tls_policy *p, const struct lg_tls_ask *ask,
                            struct lg_tls_judgement *out)
{
    struct bench *b = aligned_alloc(LG_CACHE_PAIR, lg_align_up(sizeof *b, LG_CACHE_PAIR));
    if (!b)
        return LG_E(NOMEM);
    memset(b, 0, sizeof *b);
    if (!bench_open(b, p)) {
        free(b);
        return LG_E(NOMEM);
    }
    struct lg_tls *t = lg_tls_new(b->core, &b->policy); /* the pool has one */
    out->reason = lg_auth_check(t, ask->certs, ask->cert_cnt, &out->alert);
    if (out->reason == LG_TLS_R_NONE)
        out->alert = LG_TLS_NO_ALERT;
    lg_tls_close(t);
    bench_close(b);
    free(b);
    return LG_OK;
}

/* ask_lists: what the lists say of one certificate, for the explanation; the verdict is
 * lg_auth_check's. */
static void ask_lists(const struct lg_tls_policy *p, const struct lg_x509 *x,
                      struct lg_tls_judged_cert *out)
{
    int64_t now_s = (int64_t)time(NULL), next_s = INT64_MIN;
    out->next_update_s = INT64_MAX;
    out->revoked = p->crl_cnt ? LG_JUDGE_MISSING : LG_JUDGE_NO_LISTS;
    for (uint32_t i = lg_policy_crl(p, x->issuer);
         i < p->crl_cnt &&
         lg_span_eq(lg_span(p->crls[i]->issuer, p->crls[i]->issuer_sz), x->issuer);
         i++) {
        next_s = LG_MAX(next_s, p->crls[i]->next_update_s);
        out->next_update_s = next_s;
        if (lg_crl_table_has(&p->crls[i]->table, x->serial)) {
            out->revoked = LG_JUDGE_REVOKED;
            return;
        }
        out->revoked = now_s <= next_s ? LG_JUDGE_GOOD : LG_JUDGE_STALE;
    }
}

static void describe(const struct lg_tls_policy *p, lg_span_t der, struct lg_tls_judged_cert *out)
{
    struct lg_tls_cert_text text = {0};
    struct lg_x509 x;
    *out = (struct lg_tls_judged_cert){.next_update_s = INT64_MAX};
    if (!lg_auth_text(der, &text) || !lg_is_ok(lg_x509_parse(der, &x)))
        return;
    memcpy(out->subject, text.subject, sizeof out->subject);
    memcpy(out->issuer, text.issuer, sizeof out->issuer);
    memcpy(out->serial, text.serial, sizeof out->serial);
    memcpy(out->fingerprint, text.fingerprint, sizeof out->fingerprint);
    out->not_before_s = x.not_before_s;
    out->not_after_s = x.not_after_s;
    out->is_issuer_known = lg_policy_anchor(p, x.issuer) < p->anchor_cnt;
    ask_lists(p, &x, out);
}

/* ---------------------------------------------------------------- both */

static lg_err_t judge_client(const struct lg_tls_policy *p, const struct lg_tls_ask *ask,
                             struct lg_tls_judgement *out)
{
    out->is_asked = p->client_auth != LG_AUTH_NONE;
    if (!out->is_asked)
        return LG_OK;
    if (ask->cert_cnt > 0) {
        out->cert_cnt = ask->cert_cnt;
        for (uint32_t i = 0; i < ask->cert_cnt; i++)
            describe(p, ask->certs[i], &out->certs[i]);
        return judge_chain(p, ask, out);
    }
    if (p->client_auth == LG_AUTH_REQUIRED) {
        out->reason = LG_TLS_R_NO_CERT; /* R15; wolfSSL sees to it in a handshake */
        out->alert =
            out->version == LG_TLS_13 ? LG_ALERT_CERTIFICATE_REQUIRED : LG_ALERT_HANDSHAKE_FAILURE;
    }
    return LG_OK;
}

lg_err_t lg_tls_foretell(const struct lg_tls_policy *p, const struct lg_tls_ask *ask,
                         struct lg_tls_judgement *out)
{
    struct hello_room room;
    struct lg_tls_choice choice;
    struct lg_hello h;
    *out = (struct lg_tls_judgement){.alert = LG_TLS_NO_ALERT, .cert_idx = -1, .alpn = ""};
    LG_TRY(lg_wolf_control_begin());
    if (!make_hello(ask, &room, &h))
        return LG_E(FORMAT);
    lg_policy_choose(p, &h, &choice);
    out->version = choice.version;
    out->reason = choice.reason;
    out->alert = choice.reason == LG_TLS_R_NONE ? LG_TLS_NO_ALERT : choice.alert;
    out->cert_idx = choice.cert_idx;
    out->is_by_name = choice.name && choice.name != &p->fallback;
    if (choice.reason != LG_TLS_R_NONE)
        return LG_OK;
    out->alpn = choice.alpn;
    return judge_client(p, ask, out);
}
