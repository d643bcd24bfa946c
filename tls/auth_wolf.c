/* SPDX-License-Identifier: GPL-2.0-or-later */
/* auth_wolf.c: is this client's chain good? RFC 5280 section 6 in four steps:
 *
 *   1. The leaf itself: version 3, digitalSignature, clientAuth, a signature that is not SHA-1.
 *   2. A path by names: from the leaf over the certificates that were sent, to the first one whose
 *      issuer is in the listener's bundle. At most verify_depth intermediates.
 *   3. wolfSSL verifies along that path, from the bundle's CA down: signatures, dates, CA:TRUE,
 *      path lengths, name constraints. It does so in a certificate manager made for this one check
 *      and thrown away: nothing a client sends is ever added to what later clients are judged by.
 *   4. Revocation, by the listener's own lists: every certificate of the path but the bundle's CA.
 *
 * Not here: that the client holds the key (wolfSSL checks CertificateVerify), OCSP.
 * Name constraints: wolfSSL looks at those of a certificate's own issuer only, and knows e-mail,
 * DNS and directory names. verify_names has it look at every CA further up too, and refuses what it
 * cannot judge: a name of another form under a CA that limits that form.
 *
 * Cost: one parse and one signature check a certificate of the path. Memory: the worker's arena. */
#include "dn.h"
#include "wolf_priv.h"

#include <time.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>

#define PATH_MAX_CNT (1 + 9) /* leaf and as many intermediates as verify_depth may allow */

struct path {
    const struct lg_tls_policy *policy;
    int64_t now_s;
    int64_t
        until_s;  /* how long the answer holds by itself: the earliest end of what it stands on */
    uint32_t cnt; /* certificates, leaf first, without the anchor */
    lg_span_t der[PATH_MAX_CNT];
    struct lg_x509 x[PATH_MAX_CNT];
    uint32_t anchor_idx;              /* first anchor with the last one's issuer name */
    uint8_t anchor_key[8];            /* of the one that has signed: the first bytes of key_hash */
    uint64_t issuer_id[PATH_MAX_CNT]; /* where somebody asks for them: knows_issuers */
    bool knows_issuers;
    uint8_t alert;
};

static enum lg_tls_reason no(struct path *p, enum lg_tls_reason reason, uint8_t alert)
{
    p->alert = alert;
    return reason;
}

static void hex(lg_span_t in, char *out, size_t out_sz)
{
    static const char digit[] = "0123456789abcdef";
    size_t n = LG_MIN(in.len, (out_sz - 1) / 2);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[in.p[i] >> 4];
        out[2 * i + 1] = digit[in.p[i] & 15];
    }
    out[2 * n] = 0;
}

/* describe fills the log's fields, of a refused certificate too. */
static void describe(struct lg_tls_cert_text *info, lg_span_t der)
{
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    struct lg_x509 x;
    if (lg_is_ok(lg_x509_parse(der, &x))) {
        lg_dn_text(x.subject, info->subject, sizeof info->subject);
        lg_dn_text(x.issuer, info->issuer, sizeof info->issuer);
        lg_span_t cn = lg_x509_common_name(x.subject);
        hex(x.serial, info->serial, sizeof info->serial);
        lg_log_escape(cn, info->cn, sizeof info->cn);
        if (cn.len >= sizeof info->cn || strlen(info->cn) == sizeof info->cn - 1)
            info->cn[0] = 0; /* part of a name is another one's name */
    }
    if (wc_Sha256Hash(der.p, (word32)der.len, hash) == 0)
        hex(lg_span(hash, sizeof hash), info->fingerprint, sizeof info->fingerprint);
}

bool lg_auth_text(lg_span_t der, struct lg_tls_cert_text *out)
{
    DecodedCert d;
    InitDecodedCert(&d, der.p, (word32)der.len, NULL);
    bool ok = ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) == 0;
    if (ok)
        describe(out, der);
    FreeDecodedCert(&d);
    return ok;
}

bool lg_auth_describe(struct lg_tls *t, lg_span_t der)
{
    struct lg_tls_cert_text *text = lg_info_cert(t);
    return text && lg_auth_text(der, text);
}

void lg_auth_drop_kept(struct lg_tls *t)
{
    if (t->kept)
        lg_arena_give(&t->core->arena, t->kept);
    t->kept = NULL;
}

bool lg_auth_keep(struct lg_tls *t, lg_span_t der, const lg_span_t *chain, uint32_t chain_cnt)
{
    size_t chain_sz = 0;
    lg_auth_drop_kept(t);
    if (!t->policy->keeps_cert || der.len > LG_TLS_CLIENT_CERT_MAX)
        return true;
    for (uint32_t i = 0; i < chain_cnt && t->policy->keeps_chain; i++)
        chain_sz += 2 + chain[i].len;
    if (chain_sz > LG_TLS_CLIENT_CHAIN_MAX)
        chain_sz = 0; /* whole or not at all */
    t->kept = lg_arena_take(&t->core->arena, sizeof *t->kept + der.len + chain_sz);
    if (!t->kept)
        return false;
    t->kept->sz = (uint32_t)der.len;
    t->kept->chain_sz = (uint32_t)chain_sz;
    memcpy(t->kept->der, der.p, der.len);
    uint8_t *at = t->kept->der + der.len;
    for (uint32_t i = 0; i < chain_cnt && chain_sz > 0; at += chain[i++].len) {
        lg_put_be16(at, (uint16_t)chain[i].len);
        at += 2;
        memcpy(at, chain[i].p, chain[i].len);
    }
    return true;
}

lg_span_t lg_tls_client_chain(const struct lg_tls *t)
{
    bool has = t->kept && t->info.has_client_cert;
    return has ? lg_span(t->kept->der + t->kept->sz, t->kept->chain_sz) : lg_span(NULL, 0);
}

lg_span_t lg_tls_client_cert(const struct lg_tls *t)
{
    bool has = t->kept && t->info.has_client_cert;
    return has ? lg_span(t->kept->der, t->kept->sz) : lg_span(NULL, 0);
}

static bool weak_signature(word32 oid)
{
    switch (oid) {
    case CTC_SHA256wRSA:
    case CTC_SHA384wRSA:
    case CTC_SHA512wRSA:
    case CTC_RSASSAPSS:
    case CTC_SHA256wECDSA:
    case CTC_SHA384wECDSA:
    case CTC_SHA512wECDSA:
    case CTC_ED25519:
        return false;
    default:
        return true;
    }
}

/* key_ok: RSA of 2048 bits or more, P-256, P-384, P-521, Ed25519. */
static bool key_ok(const DecodedCert *d)
{
    if (d->keyOID == RSAk || d->keyOID == RSAPSSk) {
        word32 idx = 0, n_sz = 0, e_sz = 0;
        const byte *n, *e;
        if (wc_RsaPublicKeyDecode_ex(d->publicKey, &idx, d->pubKeySize, &n, &n_sz, &e, &e_sz) != 0)
            return false;
        while (n_sz > 0 && *n == 0) {
            n++;
            n_sz--;
        }
        return n_sz >= 2048 / 8 && (n_sz > 2048 / 8 || (n[0] & 0x80));
    }
    if (d->keyOID == ECDSAk)
        return d->pkCurveOID == ECC_SECP256R1_OID || d->pkCurveOID == ECC_SECP384R1_OID ||
               d->pkCurveOID == ECC_SECP521R1_OID;
    return d->keyOID == ED25519k;
}

bool lg_auth_is_strong(const DecodedCert *d)
{
    return !weak_signature(d->signatureOID) && key_ok(d);
}

/* wanted_use: what the peer's certificate must be good for. */
static byte wanted_use(const struct path *p)
{
    return p->policy->client ? EXTKEYUSE_SERVER_AUTH : EXTKEYUSE_CLIENT_AUTH;
}

static enum lg_tls_reason judge_leaf(struct path *p, const DecodedCert *d)
{
    if (d->version != 2 && d->version != WOLFSSL_X509_V3)
        return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
    if (d->extKeyUsageSet && !(d->extKeyUsage & KEYUSE_DIGITAL_SIG))
        return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_UNSUPPORTED_CERTIFICATE);
    if (d->extExtKeyUsageSet && !(d->extExtKeyUsage & (wanted_use(p) | EXTKEYUSE_ANY)))
        return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_UNSUPPORTED_CERTIFICATE);
    return LG_TLS_R_NONE;
}

static enum lg_tls_reason judge_ca(struct path *p, const DecodedCert *d)
{
    if (!d->isCA || (d->extKeyUsageSet && !(d->extKeyUsage & KEYUSE_KEY_CERT_SIGN)))
        return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
    if (d->extExtKeyUsageSet && !(d->extExtKeyUsage & (wanted_use(p) | EXTKEYUSE_ANY)))
        return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_UNSUPPORTED_CERTIFICATE);
    return LG_TLS_R_NONE;
}

/* build finds the path. certs[0] is the leaf; the others may come in any order. */
static enum lg_tls_reason build(struct path *p, const lg_span_t *certs, uint32_t cnt)
{
    struct lg_x509 sent[MAX_CHAIN_DEPTH];
    bool used[MAX_CHAIN_DEPTH] = {true};
    for (uint32_t i = 0; i < cnt; i++)
        if (!lg_is_ok(lg_x509_parse(certs[i], &sent[i])) || !lg_x509_exts_ok(sent[i].exts))
            return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
    uint32_t cur = 0;
    for (;;) {
        p->der[p->cnt] = certs[cur];
        p->x[p->cnt++] = sent[cur];
        p->anchor_idx = lg_policy_anchor(p->policy, sent[cur].issuer);
        if (p->anchor_idx < p->policy->anchor_cnt)
            return LG_TLS_R_NONE;
        uint32_t next = 0;
        while (next < cnt && (used[next] || !lg_span_eq(sent[next].subject, sent[cur].issuer)))
            next++;
        if (next == cnt)
            return no(p, LG_TLS_R_UNKNOWN_CA, LG_ALERT_UNKNOWN_CA);
        /* p->cnt counts the leaf and the intermediates so far; one more would be too deep. */
        if (p->cnt > p->policy->verify_depth || p->cnt == PATH_MAX_CNT)
            return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
        used[next] = true;
        cur = next;
    }
}

static enum lg_tls_reason map_verify(struct path *p, int ret)
{
    switch (ret) {
    case 0:
        return LG_TLS_R_NONE;
    case ASN_BEFORE_DATE_E:
    case ASN_AFTER_DATE_E:
        return no(p, LG_TLS_R_EXPIRED, LG_ALERT_CERTIFICATE_EXPIRED);
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
        return no(p, LG_TLS_R_UNKNOWN_CA, LG_ALERT_UNKNOWN_CA);
    case MEMORY_E:
        return no(p, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    default:
        return no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
    }
}

int lg_wolf_add_signer(WOLFSSL_CERT_MANAGER *cm, lg_span_t der, int type)
{
    DerBuffer *d = NULL;
    int ret = wc_AllocDer(&d, (word32)der.len, CA_TYPE, NULL);
    if (ret != 0)
        return ret;
    memcpy(d->buffer, der.p, der.len);
    ret = AddCA(cm, &d, type, NO_VERIFY); /* takes d */
    return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

/* Forms of names whose constraints wolfSSL enforces: rfc822Name, dNSName, directoryName. */
#define ENFORCED_FORMS (1u << 1 | 1u << 2 | 1u << 4)

/* names_within: do the names of d, which der is, keep to what the CA `upper` allows? wolfSSL is
 * lent that CA's constraints in the place of the issuer's. */
static bool names_within(const struct lg_x509 *x, lg_span_t der, const DecodedCert *d,
                         lg_span_t upper, WOLFSSL_CERT_MANAGER *cm)
{
    DecodedCert u, again;
    struct lg_x509 ux;
    if (!lg_is_ok(lg_x509_parse(upper, &ux)) ||
        (lg_x509_limited_forms(ux.exts) & lg_x509_name_forms(x->exts) & ~ENFORCED_FORMS))
        return false;
    InitDecodedCert(&u, upper.p, (word32)upper.len, NULL);
    bool ok = ParseCert(&u, CA_TYPE, NO_VERIFY, NULL) == 0;
    if (ok && (u.permittedNames || u.excludedNames)) {
        Signer *ca = d->ca;
        Base_entry *permitted = ca->permittedNames, *excluded = ca->excludedNames;
        ca->permittedNames = u.permittedNames;
        ca->excludedNames = u.excludedNames;
        InitDecodedCert(&again, der.p, (word32)der.len, NULL);
        ok = ParseCert(&again, CERT_TYPE, VERIFY_NAME, cm) == 0;
        FreeDecodedCert(&again);
        ca->permittedNames = permitted;
        ca->excludedNames = excluded;
    }
    FreeDecodedCert(&u);
    return ok;
}

/* verify_names: certificate idx against every CA above it that limits names. */
static bool verify_names(const struct path *p, const DecodedCert *d, uint32_t idx,
                         WOLFSSL_CERT_MANAGER *cm)
{
    const struct lg_tls_policy *pol = p->policy;
    const struct lg_x509 *x = &p->x[idx];
    for (uint32_t i = idx + 1; i < p->cnt; i++)
        if (lg_x509_limited_forms(p->x[i].exts) && !names_within(x, p->der[idx], d, p->der[i], cm))
            return false;
    for (uint32_t i = p->anchor_idx;
         i < pol->anchor_cnt && lg_span_eq(pol->anchors[i].x509.subject, p->x[p->cnt - 1].issuer);
         i++) {
        const struct lg_tls_anchor *a = &pol->anchors[i];
        if (a->limits_names && !names_within(x, p->der[idx], d, lg_span(a->der, a->der_sz), cm))
            return false;
    }
    return true;
}

/* note_anchor: which CA of the bundle has signed d, the last one of the path: of several with one
 * name, the one whose key wolfSSL used. */
static void note_anchor(struct path *p, const DecodedCert *d)
{
    const struct lg_tls_policy *pol = p->policy;
    const Signer *ca = d->ca;
    for (uint32_t i = p->anchor_idx;
         i < pol->anchor_cnt && lg_span_eq(pol->anchors[i].x509.subject, p->x[p->cnt - 1].issuer);
         i++) {
        const struct lg_tls_anchor *a = &pol->anchors[i];
        lg_span_t spki = a->x509.spki;
        bool is_it = ca && ca->pubKeySize > 0 && ca->pubKeySize <= spki.len &&
                     memcmp(spki.p + spki.len - ca->pubKeySize, ca->publicKey, ca->pubKeySize) == 0;
        if (i == p->anchor_idx || is_it)
            memcpy(p->anchor_key, a->key_hash, sizeof p->anchor_key);
        if (is_it)
            return;
    }
}

/* verify_one checks certificate idx of the path against cm, which holds what is above it. */
static enum lg_tls_reason verify_one(struct path *p, WOLFSSL_CERT_MANAGER *cm, uint32_t idx)
{
    DecodedCert d;
    enum lg_tls_reason r;
    InitDecodedCert(&d, p->der[idx].p, (word32)p->der[idx].len, NULL);
    int ret = ParseCert(&d, idx ? CHAIN_CERT_TYPE : CERT_TYPE, VERIFY, cm);
    r = map_verify(p, ret);
    /* wolfSSL looks at the dates only after the signature; a broken one comes first (R26). */
    if (r == LG_TLS_R_NONE)
        r = idx ? judge_ca(p, &d) : judge_leaf(p, &d);
    if (r == LG_TLS_R_NONE && !lg_auth_is_strong(&d))
        r = no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
    if (r == LG_TLS_R_NONE && !verify_names(p, &d, idx, cm))
        r = no(p, LG_TLS_R_BAD_CERT, LG_ALERT_BAD_CERTIFICATE);
    if (r == LG_TLS_R_NONE && idx == p->cnt - 1)
        note_anchor(p, &d);
    FreeDecodedCert(&d);
    if (r != LG_TLS_R_NONE || idx == 0)
        return r;
    return map_verify(p, lg_wolf_add_signer(cm, p->der[idx], LG_WOLF_CHAIN_CA));
}

static enum lg_tls_reason add_anchors(struct path *p, WOLFSSL_CERT_MANAGER *cm)
{
    lg_span_t name = p->x[p->cnt - 1].issuer;
    const struct lg_tls_policy *pol = p->policy;
    enum lg_tls_reason expired = LG_TLS_R_NONE;
    bool added = false;
    for (uint32_t i = p->anchor_idx;
         i < pol->anchor_cnt && lg_span_eq(pol->anchors[i].x509.subject, name); i++) {
        const struct lg_tls_anchor *a = &pol->anchors[i];
        if (p->now_s < a->x509.not_before_s || p->now_s > a->x509.not_after_s) {
            expired = no(p, LG_TLS_R_EXPIRED, LG_ALERT_CERTIFICATE_EXPIRED);
            continue;
        }
        int ret = lg_wolf_add_signer(cm, lg_span(a->der, a->der_sz), LG_WOLF_USER_CA);
        if (ret != 0)
            return map_verify(p, ret);
        p->until_s = LG_MIN(p->until_s, a->x509.not_after_s);
        added = true;
    }
    return added ? LG_TLS_R_NONE : expired;
}

static enum lg_tls_reason verify_path(struct path *p)
{
    WOLFSSL_CERT_MANAGER *cm = wolfSSL_CertManagerNew_ex(NULL);
    if (!cm)
        return no(p, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    enum lg_tls_reason r = add_anchors(p, cm);
    for (uint32_t i = p->cnt; i > 0 && r == LG_TLS_R_NONE; i--)
        r = verify_one(p, cm, i - 1);
    wolfSSL_CertManagerFree(cm);
    return r;
}

enum status { STATUS_GOOD, STATUS_REVOKED, STATUS_STALE, STATUS_MISSING };

/* issuer_key gives the beginning of the hash of the key that has signed certificate idx. */
static bool issuer_key(const struct path *p, uint32_t idx, uint8_t out[8])
{
    uint8_t hash[LG_HASH_SZ];
    if (idx + 1 == p->cnt) {
        memcpy(out, p->anchor_key, 8);
        return true;
    }
    lg_span_t spki = p->x[idx + 1].spki;
    if (wc_Sha256Hash(spki.p, (word32)spki.len, hash) != 0)
        return false;
    memcpy(out, hash, 8);
    return true;
}

/* keep_ident remembers the path for later questions; false: no memory. */
static bool keep_ident(struct lg_tls *t, const struct path *p)
{
    uint8_t bytes[LG_IDENT_MAX], *at = bytes;
    memcpy(at, p->anchor_key, sizeof p->anchor_key);
    at += sizeof p->anchor_key;
    for (uint32_t i = 0; i < p->cnt; i++) {
        lg_span_t serial = p->x[i].serial;
        if (serial.len > LG_SERIAL_MAX_SZ)
            serial.len = LG_SERIAL_MAX_SZ;
        memcpy(at, &p->issuer_id[i], sizeof p->issuer_id[i]);
        at += sizeof p->issuer_id[i];
        if (!issuer_key(p, i, at))
            return false;
        at += 8;
        *at++ = (uint8_t)serial.len;
        memcpy(at, serial.p, serial.len);
        at += serial.len;
    }
    return lg_ident_keep(t, lg_span(bytes, (size_t)(at - bytes)));
}

/* ask_crls: what the lists say of certificate idx. Only lists that its issuer's own key has signed
 * speak of it: another CA may have the same name. *until_s is lowered to when a good answer becomes
 * stale. */
static enum status ask_crls(const struct path *p, uint32_t idx, int64_t *until_s)
{
    const struct lg_tls_policy *pol = p->policy;
    const struct lg_x509 *x = &p->x[idx];
    enum status answer = STATUS_MISSING;
    int64_t next_s = INT64_MIN;
    uint8_t key[8];
    if (!issuer_key(p, idx, key))
        return STATUS_MISSING;
    for (uint32_t i = lg_policy_crl(pol, x->issuer);
         i < pol->crl_cnt &&
         lg_span_eq(lg_span(pol->crls[i]->issuer, pol->crls[i]->issuer_sz), x->issuer);
         i++) {
        if (memcmp(pol->crls[i]->key_hash, key, sizeof key) != 0)
            continue;
        if (lg_crl_table_has(&pol->crls[i]->table, x->serial))
            return STATUS_REVOKED; /* also by a list past its date */
        next_s = LG_MAX(next_s, pol->crls[i]->next_update_s);
        answer = p->now_s <= next_s ? STATUS_GOOD : STATUS_STALE;
    }
    if (answer == STATUS_GOOD)
        *until_s = LG_MIN(*until_s, next_s);
    return answer;
}

/* check_revoked: what the operator has revoked by himself. */
static enum lg_tls_reason check_revoked(struct path *p)
{
    const struct lg_tls_policy *pol = p->policy;
    uint8_t hash[LG_HASH_SZ];
    if (!pol->revoked && !pol->closes_revoked)
        return LG_TLS_R_NONE;
    for (uint32_t i = 0; i < p->cnt; i++) {
        if (wc_Sha256Hash(p->x[i].issuer.p, (word32)p->x[i].issuer.len, hash) != 0)
            return no(p, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
        p->issuer_id[i] = lg_issuer_id(hash);
        if (lg_revoked_has(pol->revoked, p->issuer_id[i], p->x[i].serial))
            return no(p, LG_TLS_R_REVOKED, LG_ALERT_CERTIFICATE_REVOKED);
    }
    p->knows_issuers = true;
    return LG_TLS_R_NONE;
}

/* anchor_of gives the CA that has signed the last one of the path. */
static lg_span_t anchor_of(const struct path *p)
{
    const struct lg_tls_policy *pol = p->policy;
    uint32_t i = p->anchor_idx;
    while (i + 1 < pol->anchor_cnt &&
           memcmp(pol->anchors[i].key_hash, p->anchor_key, sizeof p->anchor_key) != 0)
        i++;
    return lg_span(pol->anchors[i].der, pol->anchors[i].der_sz);
}

static enum lg_tls_reason check_crls(struct path *p, struct lg_stats *stats)
{
    bool missing = false, stale = false;
    int64_t until_s = p->until_s;
    if (p->policy->crl_cnt == 0)
        return LG_TLS_R_NONE;
    for (uint32_t i = 0; i < p->cnt; i++) {
        enum status a = ask_crls(p, i, &until_s);
        if (a == STATUS_REVOKED)
            return no(p, LG_TLS_R_REVOKED, LG_ALERT_CERTIFICATE_REVOKED);
        missing |= a == STATUS_MISSING;
        stale |= a == STATUS_STALE;
    }
    if (p->policy->crl_fail == LG_CRL_FAIL_CLOSED)
        p->until_s = until_s;
    if (!missing && !stale)
        return LG_TLS_R_NONE;
    lg_stat_inc(stats, missing ? LG_STAT_TLS_CRL_MISSING : LG_STAT_TLS_CRL_STALE);
    if (p->policy->crl_fail == LG_CRL_FAIL_CLOSED)
        return no(p, missing ? LG_TLS_R_CRL_MISSING : LG_TLS_R_CRL_STALE,
                  LG_ALERT_CERTIFICATE_UNKNOWN);
    lg_stat_inc(stats, LG_STAT_TLS_CRL_OPEN);
    return LG_TLS_R_NONE;
}

/* has_address: is the certificate for this address? Only an iPAddress says so. wolfSSL would take a
 * common name or a dNSName that reads like one, which a CA's limits to addresses do not bind. */
static bool has_address(const DecodedCert *d, const lg_ip_t *ip)
{
    for (const DNS_entry *n = d->altNames; n; n = n->next) {
        const uint8_t *b = (const uint8_t *)n->name;
        if (n->type != ASN_IP_TYPE || (n->len != 4 && n->len != 16))
            continue;
        lg_ip_t own = n->len == 4 ? lg_ip_v4(b) : lg_ip_v6(b);
        if (lg_ip_eq(&own, ip))
            return true;
    }
    return false;
}

/* check_name: a server's certificate must be for the name it was asked by (RFC 6125): by its
 * subjectAltNames where it has some. */
static enum lg_tls_reason check_name(struct path *p, DecodedCert *d, const char *name)
{
    lg_ip_t ip;
    bool ok = lg_is_ok(lg_ip_parse(lg_span_cstr(name), &ip))
                  ? has_address(d, &ip)
                  : CheckHostName(d, name, strlen(name)) == 0;
    return ok ? LG_TLS_R_NONE : no(p, LG_TLS_R_NAME, LG_ALERT_BAD_CERTIFICATE);
}

enum lg_tls_reason lg_auth_check(struct lg_tls *t, const lg_span_t *certs, uint32_t cnt,
                                 uint8_t *alert)
{
    struct path p = {.policy = t->policy,
                     .now_s = (int64_t)time(NULL), /* vDSO: no system call */
                     .until_s = INT64_MAX,
                     .alert = LG_ALERT_BAD_CERTIFICATE};
    DecodedCert d;
    enum lg_tls_reason r = LG_TLS_R_BAD_CERT;
    t->verified = false;
    if (cnt == 0 || cnt > MAX_CHAIN_DEPTH)
        return r;
    InitDecodedCert(&d, certs[0].p, (word32)certs[0].len, NULL);
    if (ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) == 0) {
        struct lg_tls_cert_text *text = lg_info_cert(t);
        if (text)
            describe(text, certs[0]);
        r = text ? build(&p, certs, cnt) : no(&p, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
        if (r == LG_TLS_R_NONE && t->policy->client && *t->peer_name)
            r = check_name(&p, &d, t->peer_name);
    }
    FreeDecodedCert(&d);
    if (r == LG_TLS_R_NONE)
        r = verify_path(&p);
    if (r == LG_TLS_R_NONE)
        r = check_revoked(&p);
    if (r == LG_TLS_R_NONE)
        r = check_crls(&p, t->core->stats);
    if (r == LG_TLS_R_NONE && t->policy->client_ocsp != LG_CLIENT_OCSP_OFF)
        r = lg_ask_about(t, certs[0], p.cnt > 1 ? p.der[1] : anchor_of(&p), &p.alert);
    for (uint32_t i = 0; i < p.cnt; i++)
        p.until_s = LG_MIN(p.until_s, p.x[i].not_after_s);
    if (r == LG_TLS_R_NONE && (!lg_auth_keep(t, certs[0], p.der + 1, p.cnt - 1) ||
                               (p.knows_issuers && !keep_ident(t, &p))))
        r = no(&p, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    t->verified = r == LG_TLS_R_NONE;
    if (t->verified)
        lg_ticket_hold(t, certs[0], p.until_s);
    *alert = p.alert;
    return r;
}
