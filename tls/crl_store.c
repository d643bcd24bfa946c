/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* crl_store.c: which revocation lists are loaded, and who holds them. */
#include "crl_store.h"

#include "tls.h"

#include <stdlib.h>

/* Of the process, touched by the control thread only: policies come and go, lists stay. */
static struct lg_crl_file *all;

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

struct lg_crl_file *lg_crl_store_find(const char *path)
{
    struct stat now;
    if (stat(path, &now) != 0)
        return NULL;
    for (struct lg_crl_file *f = all; f; f = f->next)
        if (strcmp(f->path, path) == 0 && same_file(&f->id, &now)) {
            f->ref_cnt++;
            return f;
        }
    return NULL;
}

struct lg_crl_file *lg_crl_store_new(const char *path)
{
    struct lg_crl_file *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->path = strdup(path);
    /* Taken before the file is read: who replaces it meanwhile is noticed the next time. */
    if (!f->path || stat(path, &f->id) != 0) {
        free(f->path);
        free(f);
        return NULL;
    }
    f->ref_cnt = 1;
    f->next = all;
    all = f;
    return f;
}

struct lg_crl_list *lg_crl_store_grow(struct lg_crl_file *f)
{
    struct lg_crl_list *grown = realloc(f->lists, (f->list_cnt + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    f->lists = grown;
    grown[f->list_cnt] = (struct lg_crl_list){0};
    return &grown[f->list_cnt++];
}

void lg_crl_store_hold(struct lg_crl_file *f)
{
    f->ref_cnt++;
}

void lg_crl_store_give(struct lg_crl_file *f)
{
    if (!f || --f->ref_cnt > 0)
        return;
    struct lg_crl_file **at = &all;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    for (uint32_t i = 0; i < f->list_cnt; i++) {
        lg_crl_table_fini(&f->lists[i].table);
        free(f->lists[i].issuer);
    }
    free(f->lists);
    free(f->path);
    free(f);
}

void lg_tls_crl_totals(struct lg_tls_crl_totals *out)
{
    *out = (struct lg_tls_crl_totals){0};
    for (const struct lg_crl_file *f = all; f; f = f->next)
        for (uint32_t i = 0; i < f->list_cnt; i++) {
            out->lists++;
            out->entries += f->lists[i].table.cnt;
            out->bytes += f->lists[i].table.sz + f->lists[i].issuer_sz + sizeof f->lists[i];
        }
}
