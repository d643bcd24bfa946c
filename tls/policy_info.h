/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_info.h: what a policy holds, in words and numbers for operators: certificates, CAs,
 * revocation lists. Everything is borrowed from the policy, or written into the caller's room.
 * Thread control. */
#ifndef LG_POLICY_INFO_H
#define LG_POLICY_INFO_H

#include "tls.h"

struct lg_tls_cert_info {
    const char *subject, *issuer, *serial; /* escaped; serial in hexadecimal */
    const char *key;                       /* "rsa-2048", "ecdsa-p256", "ed25519" */
    char key_text[16];                     /* room for the one above */
    char fingerprint[65];                  /* SHA-256 of the certificate */
    int64_t not_before_s, not_after_s;
    int64_t chain_until_s; /* the earliest end of it and its intermediates */
    uint32_t name_cnt;
    char *const *names; /* lower case */
};

uint32_t lg_tls_policy_cert_cnt(const struct lg_tls_policy *p);
/* lg_tls_policy_cert: in the order of the configuration; idx in [0, cert_cnt). */
void lg_tls_policy_cert(const struct lg_tls_policy *p, uint32_t idx, struct lg_tls_cert_info *out);

struct lg_tls_ca_info {
    char subject[LG_TLS_NAME_SZ];
    char serial[64];
    char fingerprint[65];
    int64_t not_before_s, not_after_s;
};

uint32_t lg_tls_policy_ca_cnt(const struct lg_tls_policy *p);
void lg_tls_policy_ca(const struct lg_tls_policy *p, uint32_t idx, struct lg_tls_ca_info *out);

struct lg_tls_crl_info {
    char issuer[LG_TLS_NAME_SZ]; /* "" when no CA of the policy has that name */
    uint32_t entries;
    uint64_t bytes;
    int64_t this_update_s, next_update_s; /* INT64_MAX: none */
    char digest[65];                      /* SHA-256 of the list */
};

uint32_t lg_tls_policy_crl_cnt(const struct lg_tls_policy *p);
void lg_tls_policy_crl(const struct lg_tls_policy *p, uint32_t idx, struct lg_tls_crl_info *out);

#endif
