/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask_wolf.c: what OCSP says about a client's certificate, and waiting for it (client_ocsp). Only
 * the client's own certificate is asked about; those above it are held against revocation lists.
 *
 *   good, of now    admitted; near its end a newer answer is asked for meanwhile
 *   revoked         refused
 *   not known yet   the control thread is asked; the handshake is completed, its keys are taken
 * over and wolfSSL's object is freed, but nothing of the client is read until the answer is there,
 * at most LG_OCSP_WAIT_NS not to be had   hard: refused; soft: admitted, and counted
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

static bool begin_waiting(struct lg_tls *t, const uint8_t key[LG_ANSWER_KEY_SZ])
{
    lg_ask_drop(t);
    t->wait = lg_arena_take(&t->core->arena, sizeof *t->wait);
    if (!t->wait)
        return false;
    memcpy(t->wait->key, key, sizeof t->wait->key);
    t->wait->since_ns = t->now_ns;
    return true;
}

void lg_ask_drop(struct lg_tls *t)
{
    if (t->wait)
        lg_arena_give(&t->core->arena, t->wait);
    t->wait = NULL;
}

enum lg_tls_reason lg_ask_about(struct lg_tls *t, lg_span_t cert, lg_span_t issuer, uint8_t *alert)
{
    uint8_t key[LG_ANSWER_KEY_SZ];
    struct lg_x509 x;
    bool wants_newer, is_asked = false;
    lg_span_t url = lg_span_cstr(t->policy->ocsp_url);
    if (!lg_is_ok(lg_x509_parse(cert, &x)) || !lg_answer_key(cert, key))
        return LG_TLS_R_INTERNAL;
    enum lg_answer a = lg_answers_find(key, (int64_t)time(NULL), &wants_newer);
    if (url.len == 0)
        url = lg_x509_ocsp_url(x.exts);
    if (wants_newer && url.len > 0)
        is_asked = lg_asks_push(&t->core->asks, key, url, x.serial, issuer);
    switch (a) {
    case LG_ANSWER_GOOD:
        return LG_TLS_R_NONE;
    case LG_ANSWER_REVOKED:
        return revoked(alert);
    case LG_ANSWER_ABSENT:
        if (!is_asked)
            break;
        if (begin_waiting(t, key))
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
        if (lg_ns_since(t->now_ns, t->wait->since_ns) < LG_OCSP_WAIT_NS)
            return LG_WAIT_ON;
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
