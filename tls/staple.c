/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (but for lg_staple_get, which only reads) */
/* staple.c: slots of stapled answers, who holds them, and when to ask again. */
#include "staple.h"

#include "tls.h"

#include <stdlib.h>
#include <time.h>

/* Of the process, touched by the control thread only: slots that answers are fetched for. */
static struct lg_staple_slot *all;

const struct lg_staple *lg_staple_get(const struct lg_staple_slot *s, int64_t now_s)
{
    const struct lg_staple *one = atomic_load_explicit(&s->current, memory_order_acquire);
    return one && now_s < one->next_update_s ? one : NULL;
}

static void destroy(struct lg_staple_slot *s)
{
    free((void *)(uintptr_t)atomic_load_explicit(&s->current, memory_order_relaxed));
    free(s->issuer);
    free(s->what);
    free(s->url);
    free(s);
}

struct lg_staple_slot *lg_staple_slot_new(const char *what, const uint8_t leaf_hash[LG_HASH_SZ],
                                          const struct lg_ocsp_id *id, lg_span_t issuer,
                                          const char *url)
{
    struct lg_staple_slot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->what = strdup(what);
    s->issuer = malloc(issuer.len);
    s->url = url ? strdup(url) : NULL;
    s->ref_cnt = 1;
    if (!s->what || !s->issuer || (url && !s->url)) {
        destroy(s);
        return NULL;
    }
    memcpy(s->issuer, issuer.p, issuer.len);
    s->issuer_sz = issuer.len;
    memcpy(s->leaf_hash, leaf_hash, sizeof s->leaf_hash);
    s->id = *id;
    return s;
}

struct lg_staple_slot *lg_staple_slot_use(const char *what, const uint8_t leaf_hash[LG_HASH_SZ],
                                          const struct lg_ocsp_id *id, lg_span_t issuer,
                                          const char *url)
{
    for (struct lg_staple_slot *s = all; s; s = s->next)
        if (memcmp(s->leaf_hash, leaf_hash, sizeof s->leaf_hash) == 0 && strcmp(s->url, url) == 0 &&
            lg_span_eq(lg_span(s->issuer, s->issuer_sz), issuer)) {
            s->ref_cnt++;
            return s;
        }
    struct lg_staple_slot *s = lg_staple_slot_new(what, leaf_hash, id, issuer, url);
    if (s) {
        s->next = all;
        all = s;
    }
    return s;
}

void lg_staple_slot_give(struct lg_staple_slot *s)
{
    if (!s || --s->ref_cnt > 0)
        return;
    for (struct lg_staple_slot **at = &all; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    destroy(s);
}

bool lg_staple_slot_same(const struct lg_staple_slot *a, const struct lg_staple_slot *b)
{
    if (a == b || !a || !b || a->url || b->url)
        return a == b;
    const struct lg_staple *x = atomic_load_explicit(&a->current, memory_order_relaxed);
    const struct lg_staple *y = atomic_load_explicit(&b->current, memory_order_relaxed);
    return x == y || (x && y && lg_span_eq(lg_span(x->der, x->sz), lg_span(y->der, y->sz)));
}

lg_err_t lg_staple_put(struct lg_staple_slot *s, lg_span_t der, int64_t now_s,
                       const struct lg_staple **replaced, const char **why)
{
    struct lg_ocsp_single a;
    *replaced = NULL;
    LG_TRY(lg_ocsp_judge(der, &s->id, lg_span(s->issuer, s->issuer_sz), now_s, &a, why));
    *why = a.status == LG_OCSP_REVOKED ? "it says that the certificate is revoked"
                                       : "it says that the certificate is not known";
    LG_CHECK(a.status == LG_OCSP_GOOD, LG_E(AGAIN));
    *why = "it has no nextUpdate, so that nobody could say when it ends";
    LG_CHECK(a.next_update_s != INT64_MAX, LG_E(AGAIN));
    *why = "it is larger than 8000 bytes";
    LG_CHECK(der.len <= LG_STAPLE_MAX_SZ, LG_E(RANGE));
    struct lg_staple *one = malloc(sizeof *one + der.len);
    *why = "out of memory";
    LG_CHECK(one, LG_E(NOMEM));
    one->next_update_s = a.next_update_s;
    one->sz = (uint32_t)der.len;
    memcpy(one->der, der.p, der.len);
    *replaced = atomic_exchange_explicit(&s->current, one, memory_order_acq_rel);
    *why = "";
    return LG_OK;
}

struct lg_staple_slot *lg_staple_due(lg_ns_t now_ns)
{
    for (struct lg_staple_slot *s = all; s; s = s->next)
        if (!s->is_asked && now_ns >= s->due_ns) {
            s->is_asked = true;
            return s;
        }
    return NULL;
}

void lg_staple_settle(struct lg_staple_slot *s, bool is_good, lg_ns_t now_ns, int64_t now_s)
{
    const struct lg_staple *one = lg_staple_get(s, now_s);
    lg_ns_t wait_ns;
    /* Half of what is left; no answer lasts long enough to overflow. */
    lg_ns_t half_ns =
        one ? LG_SEC(1) / 2 * (uint64_t)LG_MIN(one->next_update_s - now_s, (int64_t)86400) : 0;
    s->is_asked = false;
    if (is_good) {
        s->fail_cnt = 0;
        wait_ns = LG_MIN(LG_MAX(half_ns, LG_STAPLE_EVERY_MIN_NS), LG_STAPLE_EVERY_MAX_NS);
    } else {
        uint32_t twice = LG_MIN(s->fail_cnt, 11u);
        s->fail_cnt = LG_MIN(s->fail_cnt + 1, 100u);
        wait_ns = LG_MIN(LG_STAPLE_RETRY_NS << twice, LG_STAPLE_RETRY_MAX_NS);
        if (one)
            wait_ns = LG_MIN(wait_ns, LG_MAX(half_ns, LG_STAPLE_EVERY_MIN_NS));
    }
    s->due_ns = lg_ns_add(now_ns, wait_ns);
}

void lg_tls_ocsp_totals(struct lg_tls_ocsp_totals *out)
{
    int64_t now_s = (int64_t)time(NULL);
    *out = (struct lg_tls_ocsp_totals){0};
    for (const struct lg_staple_slot *s = all; s; s = s->next) {
        out->fetched++;
        out->good += lg_staple_get(s, now_s) != NULL;
        out->failing += s->fail_cnt > 0;
    }
}
