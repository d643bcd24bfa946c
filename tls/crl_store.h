/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl_store.h: the revocation lists that are loaded, each once in the process: listeners that name
 * the same file share its lists, and so do the old and the new generation of a reload when the file
 * has not changed. What a worker sees of a list never changes; who holds it is counted.
 *
 * Thread control, but for reading a list of a policy: any. */
#ifndef LG_CRL_STORE_H
#define LG_CRL_STORE_H

#include "crl.h"

#include <sys/stat.h>

#define LG_HASH_SZ 32 /* SHA-256 */

struct lg_crl_list {
    uint8_t *issuer; /* owns: DER of the name */
    size_t issuer_sz;
    uint64_t issuer_id; /* lg_issuer_id of its hash */
    int64_t this_update_s;
    int64_t next_update_s;        /* INT64_MAX: none */
    uint8_t key_hash[LG_HASH_SZ]; /* of the public key of the CA that signed it */
    uint8_t digest[LG_HASH_SZ];   /* of the whole list */
    struct lg_crl_table table;
};

/* One file; a PEM file may hold several lists. */
struct lg_crl_file {
    char *path;       /* owns */
    struct stat id;   /* of the file when it was read */
    uint32_t ref_cnt; /* policies that hold it */
    uint32_t list_cnt;
    struct lg_crl_list *lists; /* owns */
    struct lg_crl_file *next;
};

/* lg_crl_store_find gives the file's lists if they are loaded and the file has not changed since,
 * with one more reference; or NULL. */
struct lg_crl_file *lg_crl_store_find(const char *path);
/* lg_crl_store_new begins an empty file, with one reference; NULL: no memory, or no such file. */
struct lg_crl_file *lg_crl_store_new(const char *path);
/* lg_crl_store_hold takes one more reference. */
void lg_crl_store_hold(struct lg_crl_file *f);
/* lg_crl_store_grow adds an empty list; NULL: no memory. */
struct lg_crl_list *lg_crl_store_grow(struct lg_crl_file *f);
/* lg_crl_store_give drops a reference; the last one frees. NULL allowed. */
void lg_crl_store_give(struct lg_crl_file *f);

#endif
