/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hs_wolf.c: one handshake through wolfSSL: making its object on the context that was chosen,
 * moving it on when records came, and turning its errors into an alert for the peer and a reason
 * for the operator. What comes before (the hello) and after (records) is elsewhere. */
#include "wolf_priv.h"

/* What wolfSSL's errors mean to us. Alerts are those sent when wolfSSL has sent none. */
static const struct {
    int err;
    uint8_t reason; /* enum lg_tls_reason */
    uint8_t alert;
} err_map[] = {
    {VERSION_ERROR, LG_TLS_R_VERSION, LG_ALERT_PROTOCOL_VERSION},
    {MATCH_SUITE_ERROR, LG_TLS_R_SUITE, LG_ALERT_HANDSHAKE_FAILURE},
    {UNSUPPORTED_SUITE, LG_TLS_R_SUITE, LG_ALERT_HANDSHAKE_FAILURE},
    {ECC_PEERKEY_ERROR, LG_TLS_R_PROTO, LG_ALERT_ILLEGAL_PARAMETER},
    {ECC_OUT_OF_RANGE_E, LG_TLS_R_PROTO, LG_ALERT_ILLEGAL_PARAMETER},
    {BAD_KEY_SHARE_DATA, LG_TLS_R_SUITE, LG_ALERT_HANDSHAKE_FAILURE},
    {UNKNOWN_SNI_HOST_NAME_E, LG_TLS_R_SNI, LG_ALERT_ILLEGAL_PARAMETER},
    {UNKNOWN_ALPN_PROTOCOL_NAME_E, LG_TLS_R_ALPN, LG_ALERT_NO_APPLICATION_PROTOCOL},
    {NO_PEER_CERT, LG_TLS_R_NO_CERT, LG_ALERT_CERTIFICATE_REQUIRED},
    {NO_PEER_VERIFY, LG_TLS_R_SIGNATURE, LG_ALERT_UNEXPECTED_MESSAGE},
    {VERIFY_CERT_ERROR, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE},
    {HANDSHAKE_SIZE_ERROR, LG_TLS_R_BAD_CERT, LG_ALERT_DECODE_ERROR},
    {MAX_CHAIN_ERROR, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE},
    {PEER_KEY_ERROR, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE},
    {RSA_KEY_SIZE_E, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE},
    {ECC_KEY_SIZE_E, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE},
    {SIG_VERIFY_E, LG_TLS_R_SIGNATURE, LG_ALERT_DECRYPT_ERROR},
    {VERIFY_SIGN_ERROR, LG_TLS_R_SIGNATURE, LG_ALERT_DECRYPT_ERROR},
    {BAD_BINDER, LG_TLS_R_PROTO, LG_ALERT_DECRYPT_ERROR},
    {VERIFY_FINISHED_ERROR, LG_TLS_R_PROTO, LG_ALERT_DECRYPT_ERROR},
    {VERIFY_MAC_ERROR, LG_TLS_R_PROTO, LG_ALERT_BAD_RECORD_MAC},
    {DECRYPT_ERROR, LG_TLS_R_PROTO, LG_ALERT_BAD_RECORD_MAC},
    {AES_GCM_AUTH_E, LG_TLS_R_PROTO, LG_ALERT_BAD_RECORD_MAC},
    {MAC_CMP_FAILED_E, LG_TLS_R_PROTO, LG_ALERT_BAD_RECORD_MAC},
    {LENGTH_ERROR, LG_TLS_R_PROTO, LG_ALERT_RECORD_OVERFLOW},
    {UNKNOWN_RECORD_TYPE, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {UNKNOWN_HANDSHAKE_TYPE, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {OUT_OF_ORDER_E, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {DUPLICATE_MSG_E, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {NO_CHANGE_CIPHER_E, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {SANITY_MSG_E, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {SIDE_ERROR, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE},
    {INVALID_PARAMETER, LG_TLS_R_PROTO, LG_ALERT_ILLEGAL_PARAMETER},
    {EXT_NOT_ALLOWED, LG_TLS_R_PROTO, LG_ALERT_ILLEGAL_PARAMETER},
    {MEMORY_E, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR},
    {MEMORY_ERROR, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR},
    {BAD_STATE_E, LG_TLS_R_INTERNAL, LG_ALERT_INTERNAL_ERROR},
    {RNG_FAILURE_E, LG_TLS_R_INTERNAL, LG_ALERT_INTERNAL_ERROR},
};

static void map_error(int err, enum lg_tls_reason *reason, uint8_t *alert)
{
    *reason = LG_TLS_R_PROTO;
    *alert = LG_ALERT_DECODE_ERROR;
    for (size_t i = 0; i < LG_ARRAY_CNT(err_map); i++) {
        if (err_map[i].err == err) {
            *reason = (enum lg_tls_reason)err_map[i].reason;
            *alert = err_map[i].alert;
            return;
        }
    }
    /* The decoder's errors: only certificates are ASN.1 here. */
    if (err <= ASN_PARSE_E && err >= ASN_ECC_KEY_E) {
        *reason = LG_TLS_R_BAD_CERT;
        *alert = LG_ALERT_BAD_CERTIFICATE;
    }
}

/* leave_hs: this connection no longer counts against max_handshakes. */
static void leave_hs(struct lg_tls *t)
{
    if (t->in_hs_cnt)
        t->core->handshakes--;
    t->in_hs_cnt = false;
}

lg_err_t lg_hs_fail(struct lg_tls *t, int err)
{
    WOLFSSL_ALERT_HISTORY h = {{-1, 0}, {-1, 0}};
    enum lg_tls_reason reason;
    uint8_t alert;
    bool was_open = t->step == LG_STEP_OPEN || t->step == LG_STEP_CLOSED;
    map_error(err, &reason, &alert);
    wolfSSL_get_alert_history(t->ssl, &h);
    if (h.last_rx.code >= 0 && h.last_rx.code != LG_ALERT_CLOSE_NOTIFY &&
        h.last_rx.level == LG_WOLF_ALERT_FATAL && !t->mute) {
        t->info.alert_received = (uint8_t)h.last_rx.code;
        reason = LG_TLS_R_PEER_ALERT;
    } else {
        if (t->saw_cv && !t->saw_ccs && reason == LG_TLS_R_PROTO)
            reason = LG_TLS_R_SIGNATURE;
        if (t->info.alert_sent == LG_ALERT_DECRYPT_ERROR && err != VERIFY_FINISHED_ERROR)
            reason = LG_TLS_R_SIGNATURE;
        if (t->want_alert != LG_TLS_NO_ALERT)
            alert = t->want_alert;
        if (!t->mute)
            (void)SendAlert(t->ssl, LG_WOLF_ALERT_FATAL, alert);
    }
    if (t->info.alert_sent == LG_ALERT_BAD_RECORD_MAC)
        lg_stat_inc(t->core->stats, LG_STAT_TLS_REC_BAD_MAC);
    t->step = LG_STEP_FAILED;
    t->mute = true;
    if (t->info.reason == LG_TLS_R_NONE)
        t->info.reason = reason;
    if (!was_open)
        lg_tls_count_failure(t, t->info.reason);
    leave_hs(t);
    return lg_tls_reason_err(t->info.reason);
}

int lg_hs_verify_cb(int ok, WOLFSSL_X509_STORE_CTX *store)
{
    struct lg_tls *t = store->userCtx;
    lg_span_t certs[MAX_CHAIN_DEPTH];
    uint8_t alert = LG_ALERT_BAD_CERTIFICATE;
    enum lg_tls_reason reason = LG_TLS_R_BAD_CERT;
    if (store->totalCerts == 0)
        return ok; /* none was sent: wolfSSL knows whether that may be */
    /* The contexts hold no CA, so "no signer" is what wolfSSL finds for every certificate: the
     * chain is judged by lg_auth_check, once, when wolfSSL comes to the leaf. Anything else that
     * it finds (syntax, key sizes, key usage) stands. It never reaches the point where it would add
     * an intermediate to the context. */
    bool no_signer = store->error == ASN_NO_SIGNER_E || store->error == ASN_SELF_SIGNED_E;
    if (no_signer && store->error_depth > 0)
        return 1;
    if (store->totalCerts > 0 && store->totalCerts <= MAX_CHAIN_DEPTH) {
        for (int i = 0; i < store->totalCerts; i++)
            certs[i] = lg_span(store->certs[i].buffer, store->certs[i].length);
        reason = lg_auth_check(t, certs, (uint32_t)store->totalCerts, &alert);
    }
    if (reason == LG_TLS_R_NONE && !no_signer) {
        t->verified = false;
        reason = LG_TLS_R_BAD_CERT;
        alert = LG_ALERT_BAD_CERTIFICATE;
    }
    if (reason == LG_TLS_R_NONE) {
        /* A certificate that was presented must be proven, on optional listeners too. */
        wolfSSL_set_verify(t->ssl, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           lg_hs_verify_cb);
        return 1;
    }
    t->verified = false;
    t->info.reason = reason;
    (void)SendAlert(t->ssl, LG_WOLF_ALERT_FATAL, alert);
    return 0;
}

static bool configure(struct lg_tls *t, const struct lg_hello *h, const char *alpn)
{
    WOLFSSL *ssl = t->ssl;
    wolfSSL_SetIOReadCtx(ssl, t);
    wolfSSL_SetIOWriteCtx(ssl, t);
    wolfSSL_SetCertCbCtx(ssl, t);
    lg_rec_watch(t);
    lg_ticket_configure(t);
    if (t->policy->prefer == LG_PREFER_CLIENT && wolfSSL_UseClientSuites(ssl) != 0)
        return false;
    /* wolfSSL refuses the session when it reads another name or protocol than we did. */
    if (h->sni_raw.len && wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, h->sni_raw.p,
                                         (word16)h->sni_raw.len) != WOLFSSL_SUCCESS)
        return false;
    if (*alpn) {
        char list[256];
        size_t len = strlen(alpn);
        if (len >= sizeof list)
            return false;
        memcpy(list, alpn, len + 1);
        if (wolfSSL_UseALPN(ssl, list, (unsigned)len, WOLFSSL_ALPN_FAILED_ON_MISMATCH) !=
            WOLFSSL_SUCCESS)
            return false;
    }
    return true;
}

lg_err_t lg_hs_start(struct lg_tls *t, const struct lg_hello *h, int cert_idx, const char *alpn)
{
    struct lg_tls_core *core = t->core;
    if (core->handshakes >= core->max_handshakes)
        return lg_tls_fail_plain(t, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    WOLFSSL_CTX *ctx = t->policy->certs[cert_idx].ctxs[core->worker_idx];
    t->ssl = wolfSSL_new(ctx);
    if (!t->ssl)
        return lg_tls_fail_plain(t, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    core->handshakes++;
    t->in_hs_cnt = true;
    t->step = LG_STEP_HANDSHAKE;
    t->info.alpn = alpn;
    t->wants_staple = h->wants_status && t->policy->certs[cert_idx].staple;
    if (!configure(t, h, alpn))
        return lg_hs_fail(t, MEMORY_E);
    if (!lg_ticket_is_alien(t, h))
        return lg_hs_step(t);
    wolfSSL_CTX_set_TicketEncCb(ctx, NULL); /* the context is this worker's alone */
    lg_err_t e = lg_hs_step(t);
    wolfSSL_CTX_set_TicketEncCb(ctx, lg_ticket_cb);
    return e;
}

static void fill_info(struct lg_tls *t)
{
    static const struct {
        const char *wolf, *name;
    } groups[] = {{"X25519", "x25519"}, {"SECP256R1", "secp256r1"}, {"SECP384R1", "secp384r1"}};
    WOLFSSL *ssl = t->ssl;
    const char *curve = wolfSSL_get_curve_name(ssl);
    t->info.version = (uint16_t)wolfSSL_version(ssl);
    t->info.suite = lg_suite_name((uint16_t)wolfSSL_get_current_cipher_suite(ssl));
    for (size_t i = 0; curve && i < LG_ARRAY_CNT(groups); i++)
        if (strcmp(curve, groups[i].wolf) == 0)
            t->info.group = groups[i].name;
    t->info.has_client_cert = t->verified;
}

static lg_err_t done(struct lg_tls *t)
{
    bool is_client = t->policy->client != NULL;
    t->info.resumed = !is_client && wolfSSL_session_reused(t->ssl);
    if (t->info.resumed && !lg_ticket_resume(t))
        return lg_hs_fail(t, NO_PEER_CERT);
    lg_ticket_drop(t);
    /* The last word is ours: no positive evidence, no connection. A session that we resume is of a
     * server that gave it (client.h). */
    if (t->policy->client_auth == LG_AUTH_REQUIRED && !t->verified &&
        !(is_client && lg_client_is_resumed(t)))
        return lg_hs_fail(t, NO_PEER_CERT);
    fill_info(t);
    if (is_client)
        lg_client_opened(t);
    if (!lg_is_ok(lg_rec_take_over(t)))
        return lg_hs_fail(t, BAD_STATE_E);
    lg_info_settle(t);
    t->step = LG_STEP_OPEN;
    leave_hs(t);
    if (is_client)
        return LG_OK;
    if (t->wait) {
        lg_stat_inc(t->core->stats, LG_STAT_TLS_OCSP_WAITED);
        t->step = LG_STEP_WAIT;
    } else {
        lg_hs_opened(t);
    }
    return LG_OK;
}

void lg_hs_opened(struct lg_tls *t)
{
    struct lg_stats *s = t->core->stats;
    lg_stat_inc(s, LG_STAT_TLS_HS_DONE);
    lg_stat_inc(s, t->info.version == LG_TLS_13 ? LG_STAT_TLS_HS_DONE_13 : LG_STAT_TLS_HS_DONE_12);
    if (t->info.resumed)
        lg_stat_inc(s, LG_STAT_TLS_HS_RESUMED);
    if (t->verified)
        lg_stat_inc(s, LG_STAT_TLS_HS_MUTUAL);
}

lg_err_t lg_hs_step(struct lg_tls *t)
{
    t->core->at_work = t;
    int ret = t->policy->client ? wolfSSL_connect(t->ssl) : wolfSSL_accept(t->ssl);
    t->core->at_work = NULL;
    t->core->staple = NULL;
    lg_kdf_forget(&t->core->kdf);
    if (ret == WOLFSSL_SUCCESS && t->info.reason == LG_TLS_R_NONE)
        return done(t);
    int err = wolfSSL_get_error(t->ssl, ret);
    if (t->info.reason == LG_TLS_R_NONE && err == WOLFSSL_ERROR_WANT_READ)
        return LG_OK;
    if (t->info.reason == LG_TLS_R_NONE && err == WOLFSSL_ERROR_WANT_WRITE)
        return LG_E(AGAIN);
    return lg_hs_fail(t, err);
}

void lg_hs_free(struct lg_tls *t)
{
    leave_hs(t);
    lg_ticket_drop(t);
    wolfSSL_free(t->ssl);
    t->ssl = NULL;
}
