/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls_names.c: numbers of TLS as words, and reasons as counters. Pure tables. */
#include "tls_priv.h"

/* In the order in which we choose (R4, strongest first): 256-bit keys before 128, and the one with
 * hardware help before the one without. */
const uint16_t lg_suites_13[3] = {0x1302, 0x1303, 0x1301};
const uint16_t lg_suites_12[LG_SUITES_12_CNT] = {0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc02b, 0xc02f};

const char *lg_suite_name(uint16_t suite)
{
    switch (suite) {
    case 0x1301:
        return "TLS_AES_128_GCM_SHA256";
    case 0x1302:
        return "TLS_AES_256_GCM_SHA384";
    case 0x1303:
        return "TLS_CHACHA20_POLY1305_SHA256";
    case 0xc02b:
        return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    case 0xc02c:
        return "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    case 0xc02f:
        return "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    case 0xc030:
        return "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    case 0xcca8:
        return "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
    case 0xcca9:
        return "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    default:
        return "";
    }
}

bool lg_suite_is_ecdsa(uint16_t suite)
{
    return suite == 0xc02b || suite == 0xc02c || suite == 0xcca9;
}

const char *lg_tls_reason_text(enum lg_tls_reason r)
{
    static const char *const text[LG_TLS_R_CNT] = {
        [LG_TLS_R_NONE] = "none",
        [LG_TLS_R_NOT_TLS] = "not TLS",
        [LG_TLS_R_PLAIN_HTTP] = "plain HTTP",
        [LG_TLS_R_PROTO] = "protocol violation",
        [LG_TLS_R_VERSION] = "no common version",
        [LG_TLS_R_SUITE] = "no common suite, group or signature scheme",
        [LG_TLS_R_SNI] = "unknown server name",
        [LG_TLS_R_ALPN] = "no common application protocol",
        [LG_TLS_R_NO_CERT] = "no client certificate",
        [LG_TLS_R_UNKNOWN_CA] = "client certificate from an unknown CA",
        [LG_TLS_R_EXPIRED] = "client certificate expired or not yet valid",
        [LG_TLS_R_REVOKED] = "client certificate revoked",
        [LG_TLS_R_CRL_MISSING] = "no revocation list of the client certificate's issuer",
        [LG_TLS_R_CRL_STALE] = "revocation list of the client certificate's issuer out of date",
        [LG_TLS_R_OCSP] = "no OCSP answer about the client certificate",
        [LG_TLS_R_BAD_CERT] = "client certificate malformed or not acceptable",
        [LG_TLS_R_SIGNATURE] = "bad signature by the client",
        [LG_TLS_R_NAME] = "server certificate for another name",
        [LG_TLS_R_PEER_ALERT] = "alert from the client",
        [LG_TLS_R_FULL] = "handshake memory exhausted",
        [LG_TLS_R_INTERNAL] = "internal error",
    };
    return (unsigned)r < LG_TLS_R_CNT ? text[r] : "unknown";
}

enum lg_stat lg_reason_stat(enum lg_tls_reason r)
{
    static const enum lg_stat stat[LG_TLS_R_CNT] = {
        [LG_TLS_R_NONE] = LG_STAT_TLS_FAIL_PROTO,
        [LG_TLS_R_NOT_TLS] = LG_STAT_TLS_FAIL_PROTO,
        [LG_TLS_R_PLAIN_HTTP] = LG_STAT_TLS_FAIL_PROTO,
        [LG_TLS_R_PROTO] = LG_STAT_TLS_FAIL_PROTO,
        [LG_TLS_R_VERSION] = LG_STAT_TLS_FAIL_VERSION,
        [LG_TLS_R_SUITE] = LG_STAT_TLS_FAIL_SUITE,
        [LG_TLS_R_SNI] = LG_STAT_TLS_FAIL_SNI,
        [LG_TLS_R_ALPN] = LG_STAT_TLS_FAIL_ALPN,
        [LG_TLS_R_NO_CERT] = LG_STAT_TLS_FAIL_NO_CERT,
        [LG_TLS_R_UNKNOWN_CA] = LG_STAT_TLS_FAIL_UNKNOWN_CA,
        [LG_TLS_R_EXPIRED] = LG_STAT_TLS_FAIL_EXPIRED,
        [LG_TLS_R_REVOKED] = LG_STAT_TLS_FAIL_REVOKED,
        [LG_TLS_R_CRL_MISSING] = LG_STAT_TLS_FAIL_CRL,
        [LG_TLS_R_CRL_STALE] = LG_STAT_TLS_FAIL_CRL,
        [LG_TLS_R_OCSP] = LG_STAT_TLS_FAIL_OCSP,
        [LG_TLS_R_BAD_CERT] = LG_STAT_TLS_FAIL_BAD_CERT,
        [LG_TLS_R_SIGNATURE] = LG_STAT_TLS_FAIL_SIGNATURE,
        [LG_TLS_R_NAME] = LG_STAT_TLS_FAIL_BAD_CERT, /* of servers: never counted here */
        [LG_TLS_R_PEER_ALERT] = LG_STAT_TLS_FAIL_PEER_ALERT,
        [LG_TLS_R_FULL] = LG_STAT_TLS_FAIL_FULL,
        [LG_TLS_R_INTERNAL] = LG_STAT_TLS_FAIL_PROTO,
    };
    return (unsigned)r < LG_TLS_R_CNT ? stat[r] : LG_STAT_TLS_FAIL_PROTO;
}

lg_err_t lg_tls_reason_err(enum lg_tls_reason reason)
{
    switch (reason) {
    case LG_TLS_R_PEER_ALERT:
        return LG_E(TLS_ALERT_RX);
    case LG_TLS_R_NO_CERT:
    case LG_TLS_R_UNKNOWN_CA:
    case LG_TLS_R_EXPIRED:
    case LG_TLS_R_REVOKED:
    case LG_TLS_R_CRL_MISSING:
    case LG_TLS_R_CRL_STALE:
    case LG_TLS_R_OCSP:
    case LG_TLS_R_BAD_CERT:
    case LG_TLS_R_SIGNATURE:
    case LG_TLS_R_NAME:
        return LG_E(TLS_AUTH);
    case LG_TLS_R_FULL:
        return LG_E(FULL);
    case LG_TLS_R_INTERNAL:
        return LG_E(BUG);
    default:
        return LG_E(TLS_PROTO);
    }
}

const char *lg_tls_alert_name(uint8_t alert)
{
    static const struct {
        uint8_t alert;
        const char *name;
    } names[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {21, "decryption_failed"},
        {22, "record_overflow"},
        {30, "decompression_failure"},
        {40, "handshake_failure"},
        {41, "no_certificate"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
        {LG_TLS_NO_ALERT, "none"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(names); i++)
        if (names[i].alert == alert)
            return names[i].name;
    return "unknown";
}
