/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* meter.c: making meters, and the words for what they count. */
#include "meter.h"

#include <stdlib.h>
#include <string.h>

static const char *const suites[LG_METER_SUITES] = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "other", /* last */
};
#define SUITES_13 3u /* the first ones */

static const char *const groups[LG_METER_GROUPS] = {"x25519", "secp256r1", "secp384r1",
                                                    "none" /* resumed by 1.2, or RSA transport */};

static const char *const reasons[LG_METER_REASONS] = {
    [LG_TLS_R_NONE] = "none",
    [LG_TLS_R_NOT_TLS] = "not_tls",
    [LG_TLS_R_PLAIN_HTTP] = "plain_http",
    [LG_TLS_R_PROTO] = "protocol",
    [LG_TLS_R_VERSION] = "version",
    [LG_TLS_R_SUITE] = "suite",
    [LG_TLS_R_SNI] = "server_name",
    [LG_TLS_R_ALPN] = "alpn",
    [LG_TLS_R_NO_CERT] = "no_certificate",
    [LG_TLS_R_UNKNOWN_CA] = "unknown_ca",
    [LG_TLS_R_EXPIRED] = "expired",
    [LG_TLS_R_REVOKED] = "revoked",
    [LG_TLS_R_CRL_MISSING] = "crl_missing",
    [LG_TLS_R_CRL_STALE] = "crl_stale",
    [LG_TLS_R_OCSP] = "ocsp_unknown",
    [LG_TLS_R_BAD_CERT] = "bad_certificate",
    [LG_TLS_R_SIGNATURE] = "signature",
    [LG_TLS_R_NAME] = "name",
    [LG_TLS_R_PEER_ALERT] = "client_alert",
    [LG_TLS_R_FULL] = "no_memory",
    [LG_TLS_R_INTERNAL] = "internal",
    [LG_METER_TIMEOUT] = "timeout",
    [LG_METER_GONE] = "client_gone",
    [LG_METER_PUT_OFF] = "put_off",
};

struct lg_meter *lg_meter_open(const char *name, uint32_t part_cnt)
{
    size_t sz = lg_align_up(sizeof(struct lg_meter) + part_cnt * sizeof(struct lg_meter_part),
                            LG_CACHE_PAIR);
    struct lg_meter *m = aligned_alloc(LG_CACHE_PAIR, sz);

    if (!m)
        return NULL;
    memset(m, 0, sz);
    m->name = strdup(name);
    m->ref_cnt = 1;
    m->part_cnt = part_cnt;
    if (m->name)
        return m;
    free(m);
    return NULL;
}

void lg_meter_give(struct lg_meter *m)
{
    if (!m || --m->ref_cnt > 0)
        return;
    free(m->name);
    free(m);
}

/* find gives the place of a word; of what is not there, the last. */
static uint32_t find(const char *const *words, uint32_t cnt, const char *word)
{
    uint32_t i = 0;

    while (i + 1 < cnt && strcmp(words[i], word) != 0)
        i++;
    return i;
}

void lg_meter_shaken(struct lg_meter_part *m, const struct lg_tls_info *info, lg_ns_t took_ns)
{
    uint32_t suite = find(suites, LG_METER_SUITES, info->suite);
    uint32_t group = find(groups, LG_METER_GROUPS, info->group);

    lg_meter_inc(&m->done[suite][group][info->resumed]);
    lg_hist_add(&m->handshake_ns, took_ns);
}

const char *lg_meter_suite(uint32_t idx)
{
    return suites[idx];
}

bool lg_meter_suite_is_13(uint32_t idx)
{
    return idx < SUITES_13;
}

const char *lg_meter_group(uint32_t idx)
{
    return groups[idx];
}

const char *lg_meter_reason(uint32_t idx)
{
    return reasons[idx];
}

bool lg_meter_is_refusal(uint32_t idx)
{
    return idx >= LG_TLS_R_NO_CERT && idx <= LG_TLS_R_SIGNATURE;
}
