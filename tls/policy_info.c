/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* policy_info.c: see policy_info.h. */
#include "policy_info.h"
#include "cert_store.h"

#include <stdio.h>

static void hash_text(const uint8_t hash[LG_HASH_SZ], char out[65])
{
    for (size_t i = 0; i < LG_HASH_SZ; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static const char *key_name(const struct lg_cert_shared *c, char room[16])
{
    static const char *const names[LG_KEY_CNT] = {[LG_KEY_ECDSA_P256] = "ecdsa-p256",
                                                  [LG_KEY_ECDSA_P384] = "ecdsa-p384",
                                                  [LG_KEY_ED25519] = "ed25519"};
    if (c->cert.kind != LG_KEY_RSA)
        return names[c->cert.kind];
    snprintf(room, 16, "rsa-%u", c->facts.key_bits);
    return room;
}

uint32_t lg_tls_policy_cert_cnt(const struct lg_tls_policy *p)
{
    return p->cert_cnt;
}

void lg_tls_policy_cert(const struct lg_tls_policy *p, uint32_t idx, struct lg_tls_cert_info *out)
{
    const struct lg_tls_cert *cert = &p->certs[idx];
    const struct lg_cert_shared *c = cert->shared;

    *out = (struct lg_tls_cert_info){.subject = c->facts.subject,
                                     .issuer = c->facts.issuer,
                                     .serial = c->facts.serial,
                                     .not_before_s = c->facts.not_before_s,
                                     .not_after_s = cert->not_after_s,
                                     .chain_until_s = c->chain_until_s,
                                     .name_cnt = cert->name_cnt,
                                     .names = cert->names};
    out->key = key_name(c, out->key_text);
    hash_text(cert->id, out->fingerprint);
}

uint32_t lg_tls_policy_ca_cnt(const struct lg_tls_policy *p)
{
    return p->anchor_cnt;
}

void lg_tls_policy_ca(const struct lg_tls_policy *p, uint32_t idx, struct lg_tls_ca_info *out)
{
    const struct lg_tls_anchor *a = &p->anchors[idx];
    struct lg_tls_cert_text text = {0};

    *out = (struct lg_tls_ca_info){.not_before_s = a->x509.not_before_s,
                                   .not_after_s = a->x509.not_after_s};
    if (!lg_auth_text(lg_span(a->der, a->der_sz), &text))
        return; /* it was read once, so it can be again */
    memcpy(out->subject, text.subject, sizeof out->subject);
    memcpy(out->serial, text.serial, sizeof out->serial);
    memcpy(out->fingerprint, text.fingerprint, sizeof out->fingerprint);
}

uint32_t lg_tls_policy_crl_cnt(const struct lg_tls_policy *p)
{
    return p->crl_cnt;
}

void lg_tls_policy_crl(const struct lg_tls_policy *p, uint32_t idx, struct lg_tls_crl_info *out)
{
    const struct lg_crl_list *l = p->crls[idx];
    uint32_t ca = lg_policy_anchor(p, lg_span(l->issuer, l->issuer_sz));
    struct lg_tls_ca_info issuer = {0};

    if (ca < p->anchor_cnt)
        lg_tls_policy_ca(p, ca, &issuer);
    *out = (struct lg_tls_crl_info){.entries = l->table.cnt,
                                    .bytes = l->table.sz,
                                    .this_update_s = l->this_update_s,
                                    .next_update_s = l->next_update_s};
    memcpy(out->issuer, issuer.subject, sizeof out->issuer);
    hash_text(l->digest, out->digest);
}
