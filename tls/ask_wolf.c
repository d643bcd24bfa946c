/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask_wolf.c: what OCSP says about a client's certificate, and waiting for it (client_ocsp). Only
 * the client's own certificate is asked about; those above it are held against revocation lists.
 *
 * - good, of now: admitted; near its end a newer answer is asked for meanwhile
 * - revoked: refused
 * - not known yet: the control thread is asked, or a little later when its ring is full. The
 *   handshake is completed, its keys are taken over and wolfSSL's object is freed, but nothing of
 *   the client is read until the answer is there, at most LG_OCSP_WAIT_NS
 * - not to be had: hard refuses; soft admits, and counts it
 *
 * See answers.h for the table, docs/decisions/0070 for why it waits there. */
#include "wolf_priv.h"

#include <time.h>
#include <wolfssl/wolfcrypt/sha256.h>

bool lg_answer_key(lg_span_t cert, uint8_t key[LG_ANSWER_KEY_SZ])
{
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    struct lg_cur top = lg_cur(cert), c = lg_cur(lg_der_expect(&top, LG_DER_SEQUENCE));
    struct lg_der tbs;
    if (!lg_der_next(&c, &tbs) || wc_Sha256Hash(tbs.whole.p, (word32)tbs.whole.len, hash) != 0)
        return false;
    memcpy(key, hash, LG_ANSWER_KEY_SZ);
    return true;
}

/* without: there is no answer to be had. */
static enum lg_tls_reason without(struct lg_tls *t, uint8_t *alert)
{
    lg_stat_inc(t->core->stats, LG_STAT_TLS_OCSP_NONE);
    if (t->policy->client_ocsp == LG_CLIENT_OCSP_SOFT)
        return LG_TLS_R_NONE;
    *alert = LG_ALERT_CERTIFICATE_UNKNOWN;
    return LG_TLS_R_OCSP;
}

static enum lg_tls_reason revoked(uint8_t *alert)
{
    *alert = LG_ALERT_CERTIFICATE_REVOKED;
    return LG_TLS_R_REVOKED;
}

/* What is asked for an answer. */
struct ask {
    uint8_t key[LG_ANSWER_KEY_SZ];
    lg_span_t url, serial, issuer;
};

static bool push(struct lg_tls *t, const struct ask *a)
{
    return lg_asks_push(&t->core->asks, a->key, a->url, a->serial, a->issuer);
}

/* begin_waiting: the question is kept when it could not be asked yet. */
static bool begin_waiting(struct lg_tls *t, const struct ask *a, bool is_asked)
{
    size_t sz = is_asked ? 0 : a->url.len + a->serial.len + a->issuer.len;
    lg_ask_drop(t);
    struct lg_waiting *w = lg_arena_take(&t->core->arena, sizeof *w + sz);
    if (!w)
        return false;
    *w = (struct lg_waiting){.since_ns = t->now_ns};
    memcpy(w->key, a->key, sizeof w->key);
    if (!is_asked) {
        w->url_sz = (uint16_t)a->url.len;
        w->serial_sz = (uint16_t)a->serial.len;
        w->issuer_sz = (uint16_t)a->issuer.len;
        memcpy(w->text, a->url.p, a->url.len);
        memcpy(w->text + a->url.len, a->serial.p, a->serial.len);
        memcpy(w->text + a->url.len + a->serial.len, a->issuer.p, a->issuer.len);
    }
    t->wait = w;
    return true;
}

/* ask_late asks what there was no room to ask before. */
static void ask_late(struct lg_tls *t)
{
    struct lg_waiting *w = t->wait;
    const uint8_t *serial = w->text + w->url_sz;
    struct ask a = {.url = lg_span(w->text, w->url_sz),
                    .serial = lg_span(serial, w->serial_sz),
                    .issuer = lg_span(serial + w->serial_sz, w->issuer_sz)};
    if (w->url_sz == 0)
        return;
    memcpy(a.key, w->key, sizeof a.key);
    if (push(t, &a))
        w->url_sz = 0;
}

void lg_ask_drop(struct lg_tls *t)
{
    if (t->wait)
        lg_arena_give(&t->core->arena, t->wait);
    t->wait = NULL;
}

enum lg_tls_reason lg_ask_about(struct lg_tls *t, lg_span_t cert, lg_span_t issuer, uint8_t *alert)
{
    struct ask ask = {.url = lg_span_cstr(t->policy->ocsp_url), .issuer = issuer};
    struct lg_x509 x;
    bool wants_newer, is_asked = false;
    if (!lg_is_ok(lg_x509_parse(cert, &x)) || !lg_answer_key(cert, ask.key))
        return LG_TLS_R_INTERNAL;
    enum lg_answer a = lg_answers_find(ask.key, (int64_t)time(NULL), &wants_newer);
    if (ask.url.len == 0)
        ask.url = lg_x509_ocsp_url(x.exts);
    ask.serial = x.serial;
    if (wants_newer && ask.url.len > 0)
        is_asked = push(t, &ask);
    switch (a) {
    case LG_ANSWER_GOOD:
        return LG_TLS_R_NONE;
    case LG_ANSWER_REVOKED:
        return revoked(alert);
    case LG_ANSWER_ABSENT:
        if (ask.url.len == 0 || !lg_asks_fits(ask.url, ask.serial, ask.issuer))
            break;
        if (begin_waiting(t, &ask, is_asked))
            return LG_TLS_R_NONE;
        *alert = LG_ALERT_INTERNAL_ERROR;
        return LG_TLS_R_FULL;
    case LG_ANSWER_NONE:
        break;
    }
    return without(t, alert);
}

bool lg_ask_is_good(lg_span_t cert)
{
    uint8_t key[LG_ANSWER_KEY_SZ];
    bool wants_newer;
    return lg_answer_key(cert, key) &&
           lg_answers_find(key, (int64_t)time(NULL), &wants_newer) == LG_ANSWER_GOOD;
}

enum lg_wait lg_ask_again(struct lg_tls *t, enum lg_tls_reason *reason, uint8_t *alert)
{
    bool wants_newer;
    *reason = LG_TLS_R_NONE;
    switch (lg_answers_find(t->wait->key, (int64_t)time(NULL), &wants_newer)) {
    case LG_ANSWER_ABSENT:
        if (lg_ns_since(t->now_ns, t->wait->since_ns) < LG_OCSP_WAIT_NS) {
            ask_late(t);
            return LG_WAIT_ON;
        }
        *reason = without(t, alert);
        break;
    case LG_ANSWER_NONE:
        *reason = without(t, alert);
        break;
    case LG_ANSWER_REVOKED:
        *reason = revoked(alert);
        break;
    case LG_ANSWER_GOOD:
        break;
    }
    lg_ask_drop(t);
    return LG_WAIT_OVER;
}
