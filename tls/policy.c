/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.c: choosing a certificate by name and by what the client can verify, and finding CAs and
 * lists in a built policy. Pure lookups in immutable tables; building them is ctx_wolf.c's. */
#include "tls_priv.h"

enum { FALLBACK_SCSV = 0x5600 }; /* RFC 7507 */

static const struct lg_tls_name *find_name(const struct lg_tls_policy *p, const char *name)
{
    uint32_t lo = 0, hi = p->name_cnt;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = strcmp(p->names[mid].name, name);
        if (c == 0)
            return &p->names[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const struct lg_tls_name *lg_policy_find(const struct lg_tls_policy *p, const char *sni)
{
    const struct lg_tls_name *n = NULL;
    if (*sni == 0)
        return &p->fallback;
    n = find_name(p, sni);
    const char *dot = strchr(sni, '.');
    if (!n && dot) {
        char wild[LG_TLS_NAME_SZ + 1] = "*";
        size_t len = strlen(dot);
        if (len + 2 <= sizeof wild) {
            memcpy(wild + 1, dot, len + 1);
            n = find_name(p, wild);
        }
    }
    return n || p->sni_strict ? n : &p->fallback;
}

/* Signature schemes by which a client can say that it verifies such a key. RFC 8446 4.2.3 */
static bool can_verify(const struct lg_hello *h, enum lg_key_kind kind, uint16_t version)
{
    /* RFC 5246 7.4.1.4.1: without the extension a 1.2 client means SHA-1, which we do not sign. But
     * no client of today leaves it out and wolfSSL decides then. */
    if (!h->has_sig_algs)
        return version == LG_TLS_12 && kind != LG_KEY_ED25519;
    lg_span_t s = h->sig_algs;
    bool v13 = version == LG_TLS_13;
    switch (kind) {
    case LG_KEY_ECDSA_P256:
        return lg_hello_has_u16(s, 0x0403) || (!v13 && lg_hello_has_u16(s, 0x0503));
    case LG_KEY_ECDSA_P384:
        return lg_hello_has_u16(s, 0x0503) || (!v13 && lg_hello_has_u16(s, 0x0403));
    case LG_KEY_ED25519:
        return lg_hello_has_u16(s, 0x0807);
    case LG_KEY_RSA:
        if (lg_hello_has_u16(s, 0x0804) || lg_hello_has_u16(s, 0x0805) ||
            lg_hello_has_u16(s, 0x0806))
            return true;
        return !v13 && (lg_hello_has_u16(s, 0x0401) || lg_hello_has_u16(s, 0x0501) ||
                        lg_hello_has_u16(s, 0x0601));
    default:
        return false;
    }
}

static bool has_suite(const struct lg_hello *h, enum lg_key_kind kind, uint16_t version)
{
    if (version == LG_TLS_13) {
        for (size_t i = 0; i < LG_ARRAY_CNT(lg_suites_13); i++)
            if (lg_hello_has_u16(h->suites, lg_suites_13[i]))
                return true;
        return false;
    }
    for (size_t i = 0; i < LG_SUITES_12_CNT; i++)
        if (lg_suite_is_ecdsa(lg_suites_12[i]) == (kind != LG_KEY_RSA) &&
            lg_hello_has_u16(h->suites, lg_suites_12[i]))
            return true;
    return false;
}

/* TLS 1.2: the certificate's curve must be among the client's groups (RFC 8422 5.1.1). */
static bool has_curve(const struct lg_hello *h, enum lg_key_kind kind, uint16_t version)
{
    if (version == LG_TLS_13 || !h->has_groups)
        return true;
    if (kind == LG_KEY_ECDSA_P256)
        return lg_hello_has_u16(h->groups, 23);
    if (kind == LG_KEY_ECDSA_P384)
        return lg_hello_has_u16(h->groups, 24);
    return true;
}

int lg_policy_pick(const struct lg_tls_policy *p, const struct lg_tls_name *n,
                   const struct lg_hello *h, uint16_t version)
{
    (void)p;
    /* x25519, secp256r1, secp384r1: what we can agree keys in. */
    if (h->has_groups && !lg_hello_has_u16(h->groups, 29) && !lg_hello_has_u16(h->groups, 23) &&
        !lg_hello_has_u16(h->groups, 24))
        return -1;
    for (int k = 0; k < LG_KEY_CNT; k++)
        if (n->cert_idx[k] >= 0 && has_suite(h, (enum lg_key_kind)k, version) &&
            can_verify(h, (enum lg_key_kind)k, version) &&
            has_curve(h, (enum lg_key_kind)k, version))
            return n->cert_idx[k];
    return -1;
}

/* choose_alpn: "" when the client offers none or the listener lists none; NULL: no overlap. */
static const char *choose_alpn(const struct lg_tls_policy *p, const struct lg_hello *h)
{
    if (!h->has_alpn || p->alpn_cnt == 0)
        return "";
    for (uint32_t i = 0; i < p->alpn_cnt; i++)
        if (lg_hello_alpn_has(h, lg_span_cstr(p->alpn[i])))
            return p->alpn[i];
    return NULL;
}

static uint16_t choose_version(const struct lg_tls_policy *p, const struct lg_hello *h)
{
    for (uint16_t v = p->max_version; v >= p->min_version; v--)
        if (lg_hello_offers_version(h, v))
            return v;
    return 0;
}

static void refuse(struct lg_tls_choice *c, enum lg_tls_reason reason, uint8_t alert)
{
    c->reason = reason;
    c->alert = alert;
}

void lg_policy_choose(const struct lg_tls_policy *p, const struct lg_hello *h,
                      struct lg_tls_choice *out)
{
    *out = (struct lg_tls_choice){.cert_idx = -1, .version = choose_version(p, h)};
    if (!out->version) {
        refuse(out, LG_TLS_R_VERSION, LG_ALERT_PROTOCOL_VERSION);
        return;
    }
    /*= https://www.rfc-editor.org/rfc/rfc7507#section-3
     *# If TLS_FALLBACK_SCSV appears in ClientHello.cipher_suites and the highest protocol version
     *# supported by the server is higher than the version indicated in ClientHello.client_version,
     *# the server MUST respond with a fatal inappropriate_fallback alert */
    if (out->version < p->max_version && lg_hello_has_u16(h->suites, FALLBACK_SCSV)) {
        refuse(out, LG_TLS_R_VERSION, LG_ALERT_INAPPROPRIATE_FALLBACK);
        return;
    }
    out->name = lg_policy_find(p, h->sni);
    if (!out->name || (h->has_odd_name && p->sni_strict)) {
        refuse(out, LG_TLS_R_SNI, LG_ALERT_UNRECOGNIZED_NAME);
        return;
    }
    out->cert_idx = lg_policy_pick(p, out->name, h, out->version);
    out->alpn = choose_alpn(p, h);
    if (out->cert_idx < 0)
        refuse(out, LG_TLS_R_SUITE, LG_ALERT_HANDSHAKE_FAILURE);
    else if (!out->alpn)
        refuse(out, LG_TLS_R_ALPN, LG_ALERT_NO_APPLICATION_PROTOCOL);
}

int lg_span_cmp(lg_span_t a, lg_span_t b)
{
    int c = memcmp(a.p, b.p, LG_MIN(a.len, b.len));
    return c ? c : a.len < b.len ? -1 : a.len > b.len;
}

uint32_t lg_policy_anchor(const struct lg_tls_policy *p, lg_span_t subject)
{
    uint32_t lo = 0, hi = p->anchor_cnt;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (lg_span_cmp(p->anchors[mid].x509.subject, subject) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool found = lo < p->anchor_cnt && lg_span_eq(p->anchors[lo].x509.subject, subject);
    return found ? lo : p->anchor_cnt;
}

static lg_span_t list_issuer(const struct lg_crl_list *l)
{
    return lg_span(l->issuer, l->issuer_sz);
}

uint32_t lg_policy_crl(const struct lg_tls_policy *p, lg_span_t issuer)
{
    uint32_t lo = 0, hi = p->crl_cnt;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (lg_span_cmp(list_issuer(p->crls[mid]), issuer) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->crl_cnt && lg_span_eq(list_issuer(p->crls[lo]), issuer) ? lo : p->crl_cnt;
}
