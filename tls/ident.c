/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident.c: what a connection remembers of the chain that its client showed, and the question
 * whether that chain would still be taken, asked again while it is open (R31, R32). Signatures and
 * dates are not asked again: a certificate that expires ends nobody's connection. */
#include "cert_store.h"
#include "change.h"

bool lg_ident_keep(struct lg_tls *t, lg_span_t bytes)
{
    lg_ident_drop(t);
    if (!t->policy->closes_revoked || bytes.len == 0 || bytes.len > LG_IDENT_MAX)
        return true;
    t->ident = lg_arena_take(&t->core->arena, sizeof *t->ident + bytes.len);
    if (!t->ident)
        return false;
    t->ident->sz = (uint16_t)bytes.len;
    memcpy(t->ident->bytes, bytes.p, bytes.len);
    return true;
}

void lg_ident_drop(struct lg_tls *t)
{
    if (t->ident)
        lg_arena_give(&t->core->arena, t->ident);
    t->ident = NULL;
}

/* is_listed: a list speaks of those that its own key's CA has issued: another may have the name. */
static bool is_listed(const struct lg_tls_policy *p, uint64_t issuer_id, const uint8_t key[8],
                      lg_span_t serial)
{
    uint32_t lo = 0, hi = p->crl_cnt;

    if (lg_revoked_has(p->revoked, issuer_id, serial))
        return true;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (p->crls_by_id[mid].issuer_id < issuer_id)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < p->crl_cnt && p->crls_by_id[lo].issuer_id == issuer_id; lo++)
        if (memcmp(p->crls_by_id[lo].list->key_hash, key, 8) == 0 &&
            lg_crl_table_has(&p->crls_by_id[lo].list->table, serial))
            return true;
    return false;
}

static bool has_anchor(const struct lg_tls_policy *p, const uint8_t key[8])
{
    const struct lg_tls_bundle *b = p->bundle;
    uint32_t lo = 0, hi = b ? b->anchor_cnt : 0;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = memcmp(b->keys[mid], key, sizeof b->keys[mid]);
        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

enum lg_tls_reason lg_ident_judge(lg_span_t bytes, const struct lg_tls_policy *p)
{
    struct lg_cur c = lg_cur(bytes);
    lg_span_t anchor = lg_cur_bytes(&c, 8);

    if (c.failed)
        return LG_TLS_R_NONE;
    while (lg_cur_left(&c) > 0) {
        lg_span_t issuer = lg_cur_bytes(&c, 8), key = lg_cur_bytes(&c, 8);
        lg_span_t serial = lg_cur_vec8(&c);
        uint64_t id;
        if (c.failed)
            break;
        memcpy(&id, issuer.p, sizeof id);
        if (is_listed(p, id, key.p, serial))
            return LG_TLS_R_REVOKED;
    }
    return has_anchor(p, anchor.p) ? LG_TLS_R_NONE : LG_TLS_R_UNKNOWN_CA;
}

enum lg_tls_reason lg_tls_judge(const struct lg_tls *t, const struct lg_tls_policy *p)
{
    if (!t->ident || !p->closes_revoked)
        return LG_TLS_R_NONE;
    return lg_ident_judge(lg_span(t->ident->bytes, t->ident->sz), p);
}

void lg_tls_refuse(struct lg_tls *t, enum lg_tls_reason reason, struct lg_bufq *out,
                   uint32_t seg_sz)
{
    if ((t->step != LG_STEP_OPEN && t->step != LG_STEP_CLOSED) || t->mute)
        return;
    t->out = out;
    t->seg_sz = seg_sz;
    t->info.reason = reason;
    lg_rec_refuse(t,
                  reason == LG_TLS_R_REVOKED ? LG_ALERT_CERTIFICATE_REVOKED : LG_ALERT_UNKNOWN_CA);
    t->out = NULL;
}
