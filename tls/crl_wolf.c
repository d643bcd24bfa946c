/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* crl_wolf.c: revocation lists from files into the store, each only when a CA of the listener's
 * bundle has signed it (R29). wolfSSL checks the signature; the million entries of a list it never
 * sees, because it would make an object of each. */
#include "cert_priv.h"
#include "pem.h"
#include "wolf_priv.h"

#include <stdlib.h>
#include <time.h>

#define CRL_FILE_MAX_SZ (512u << 20)
#define BIG_CNT 10000 /* entries of a list worth a line in the log */

/* find_signer: the CA of the bundle that signed the list; says what is wrong when there is none. */
static const struct lg_tls_anchor *find_signer(const struct lg_where *w, const char *path,
                                               const struct lg_crl_head *h,
                                               const struct lg_tls_policy *p)
{
    struct lg_signed s = {h->tbs, h->sig_alg, h->sig_params, h->sig, .needs_crl_sign = true};
    uint32_t first = lg_policy_anchor(p, h->issuer);
    if (first == p->anchor_cnt) {
        lg_where_error(w, "%s is not issued by a CA of client_ca; add the CA or drop the list",
                       path);
        return NULL;
    }
    if (!lg_signed_is_known(h->sig_alg)) {
        lg_where_error(w, "%s is signed with an algorithm that is not accepted (SHA-1?)", path);
        return NULL;
    }
    for (uint32_t i = first; i < p->anchor_cnt && lg_span_eq(p->anchors[i].x509.subject, h->issuer);
         i++)
        if (lg_signed_by(&s, lg_span(p->anchors[i].der, p->anchors[i].der_sz)))
            return &p->anchors[i];
    lg_where_error(w, "%s: the signature of the list is wrong; fetch it again", path);
    return NULL;
}

/* compile makes a list of a head whose signature is good. */
static bool compile(const struct lg_where *w, const char *path, lg_span_t der,
                    const struct lg_crl_head *h, const struct lg_tls_anchor *by,
                    struct lg_crl_file *f)
{
    struct lg_crl_list *l = lg_crl_store_grow(f);
    if (!l)
        return false;
    lg_err_t e = lg_crl_table_build(h->revoked, &l->table);
    if (!lg_is_ok(e)) {
        lg_where_error(w, "%s: %s", path,
                       lg_err_is(e, LG_ERR_RANGE)
                           ? "an entry speaks for another issuer; indirect lists are not supported"
                           : "an entry of the list is damaged");
        return false;
    }
    uint8_t hash[LG_HASH_SZ];
    l->issuer = malloc(h->issuer.len);
    if (!l->issuer || wc_Sha256Hash(der.p, (word32)der.len, l->digest) != 0 ||
        wc_Sha256Hash(h->issuer.p, (word32)h->issuer.len, hash) != 0)
        return false;
    l->issuer_id = lg_issuer_id(hash);
    memcpy(l->issuer, h->issuer.p, h->issuer.len);
    l->issuer_sz = h->issuer.len;
    l->this_update_s = h->this_update_s;
    l->next_update_s = h->next_update_s;
    memcpy(l->key_hash, by->key_hash, sizeof l->key_hash);
    return true;
}

static bool crl_add(const struct lg_where *w, const char *path, lg_span_t der,
                    const struct lg_tls_policy *p, struct lg_crl_file *f)
{
    struct lg_crl_head h;
    lg_err_t e = lg_crl_parse(der, &h);
    if (!lg_is_ok(e)) {
        lg_where_error(w, "%s %s", path,
                       lg_err_is(e, LG_ERR_RANGE)
                           ? "is a delta, indirect or partial revocation list, which is not "
                             "supported; name the CA's full list"
                           : "is damaged or not a revocation list");
        return false;
    }
    const struct lg_tls_anchor *by = find_signer(w, path, &h, p);
    return by && compile(w, path, der, &h, by, f);
}

static bool crl_add_pem(const struct lg_where *w, const char *path, lg_span_t text,
                        const struct lg_tls_policy *p, struct lg_crl_file *f)
{
    struct lg_pem pem;
    bool ok = true;
    while (ok && lg_is_ok(lg_pem_next(&text, &pem))) {
        if (!lg_span_eq(pem.label, LG_SPAN_STR("X509 CRL")))
            continue;
        uint8_t *der = malloc(pem.inner.len + 1);
        ok = der && crl_add(w, path, lg_span(der, lg_pem_decode(pem.inner, der)), p, f);
        free(der);
    }
    if (ok && f->list_cnt == 0) {
        lg_where_error(w, "%s holds no revocation list (PEM \"X509 CRL\" or DER)", path);
        ok = false;
    }
    return ok;
}

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void say_loaded(const struct lg_crl_file *f, uint64_t from_ms)
{
    uint64_t cnt = 0, sz = 0;
    for (uint32_t i = 0; i < f->list_cnt; i++) {
        cnt += f->lists[i].table.cnt;
        sz += f->lists[i].table.sz;
    }
    lg_log(cnt >= BIG_CNT ? LG_LOG_INFO : LG_LOG_DEBUG,
           "revocation list %s: %llu entries in %llu KiB, built in %llu ms", f->path,
           (unsigned long long)cnt, (unsigned long long)(sz / 1024),
           (unsigned long long)(now_ms() - from_ms));
}

/* load reads a file that the store does not have. */
static struct lg_crl_file *load(const struct lg_where *w, const char *path,
                                const struct lg_tls_policy *p)
{
    struct lg_file text;
    uint64_t from_ms = now_ms();
    if (!lg_file_read(w, path, CRL_FILE_MAX_SZ, &text))
        return NULL;
    struct lg_crl_file *f = lg_crl_store_new(path);
    lg_span_t all = lg_span(text.data, text.sz);
    bool ok = f && (text.data[0] == LG_DER_SEQUENCE ? crl_add(w, path, all, p, f)
                                                    : crl_add_pem(w, path, all, p, f));
    lg_file_fini(&text);
    if (!ok) {
        lg_crl_store_give(f);
        return NULL;
    }
    say_loaded(f, from_ms);
    return f;
}

/* vouched: the bundle has the CA that signed this list. It is asked of lists out of the store too,
 * which another listener's bundle has let in. */
static bool vouched(const struct lg_crl_list *l, const struct lg_tls_policy *p)
{
    lg_span_t issuer = lg_span(l->issuer, l->issuer_sz);
    for (uint32_t i = lg_policy_anchor(p, issuer);
         i < p->anchor_cnt && lg_span_eq(p->anchors[i].x509.subject, issuer); i++)
        if (memcmp(p->anchors[i].key_hash, l->key_hash, sizeof l->key_hash) == 0)
            return true;
    return false;
}

static bool add_lists(const struct lg_where *w, const struct lg_crl_file *f,
                      struct lg_tls_policy *p)
{
    const struct lg_crl_list **grown =
        realloc(p->crls, (p->crl_cnt + f->list_cnt + 1) * sizeof *grown);
    if (!grown)
        return false;
    p->crls = grown;
    for (uint32_t i = 0; i < f->list_cnt; i++) {
        const struct lg_crl_list *l = &f->lists[i];
        if (!vouched(l, p)) {
            lg_where_error(w, "%s is not issued by a CA of client_ca; add the CA or drop the list",
                           f->path);
            return false;
        }
        if (l->next_update_s < (int64_t)time(NULL))
            lg_where_warn(w,
                          "%s is past its nextUpdate; fetch a new one (crl_fail decides meanwhile)",
                          f->path);
        p->crls[p->crl_cnt++] = l;
    }
    return true;
}

static int list_cmp(const void *a, const void *b)
{
    const struct lg_crl_list *const *x = a, *const *y = b;
    return lg_span_cmp(lg_span((*x)->issuer, (*x)->issuer_sz),
                       lg_span((*y)->issuer, (*y)->issuer_sz));
}

static int ref_cmp(const void *a, const void *b)
{
    const struct lg_crl_ref *x = a, *y = b;
    return x->issuer_id < y->issuer_id ? -1 : x->issuer_id > y->issuer_id;
}

/* index_lists sorts them, once by issuer and once by its id. */
static bool index_lists(struct lg_tls_policy *p)
{
    p->crls_by_id = calloc(p->crl_cnt ? p->crl_cnt : 1, sizeof *p->crls_by_id);
    if (!p->crls_by_id)
        return false;
    qsort(p->crls, p->crl_cnt, sizeof(const struct lg_crl_list *), list_cmp);
    for (uint32_t i = 0; i < p->crl_cnt; i++)
        p->crls_by_id[i] = (struct lg_crl_ref){p->crls[i]->issuer_id, p->crls[i]};
    qsort(p->crls_by_id, p->crl_cnt, sizeof *p->crls_by_id, ref_cmp);
    return true;
}

bool lg_crls_load(const struct lg_where *w, struct lg_tls_policy *p)
{
    const struct lg_cfg_tls *t = &w->listener->tls;
    bool ok = true;
    if (t->crl_cnt == 0)
        return true;
    p->crl_files = calloc(t->crl_cnt, sizeof(struct lg_crl_file *));
    if (!p->crl_files)
        return false;
    for (uint32_t i = 0; i < t->crl_cnt; i++) {
        struct lg_crl_file *f = lg_crl_store_find(t->crls[i]);
        if (!f)
            f = load(w, t->crls[i], p);
        if (f)
            p->crl_files[p->crl_file_cnt++] = f;
        ok = f && add_lists(w, f, p) && ok;
    }
    return ok && index_lists(p);
}

bool lg_crls_copy(const struct lg_tls_policy *from, struct lg_tls_policy *p)
{
    p->crl_files = calloc(from->crl_file_cnt ? from->crl_file_cnt : 1, sizeof *p->crl_files);
    p->crls = calloc(from->crl_cnt ? from->crl_cnt : 1, sizeof *p->crls);
    if (!p->crl_files || !p->crls)
        return false;
    for (; p->crl_file_cnt < from->crl_file_cnt; p->crl_file_cnt++) {
        p->crl_files[p->crl_file_cnt] = from->crl_files[p->crl_file_cnt];
        lg_crl_store_hold(p->crl_files[p->crl_file_cnt]);
    }
    for (; p->crl_cnt < from->crl_cnt; p->crl_cnt++)
        p->crls[p->crl_cnt] = from->crls[p->crl_cnt];
    return index_lists(p);
}

void lg_crls_fini(struct lg_tls_policy *p)
{
    for (uint32_t i = 0; i < p->crl_file_cnt; i++)
        lg_crl_store_give(p->crl_files[i]);
    free(p->crl_files);
    free(p->crls);
    free(p->crls_by_id);
}
