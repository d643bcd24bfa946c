/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cert_store.h: what policies have in common, each once in the process: a server certificate with
 * the contexts made of it, and a bundle of CAs. They are told by the hash of the files' content, so
 * that a reload parses and checks only what has changed, whatever listeners and generations name
 * it. What a worker sees of one never changes; who holds it is counted.
 *
 * Not here: revocation lists (crl_store.h), which are told by the file's state, because they can be
 * very large. Thread control; policies are read by any. */
#ifndef LG_CERT_STORE_H
#define LG_CERT_STORE_H

#include "tls_priv.h"

#define LG_STORE_BUCKETS 4096u

/* What both have: first in each. */
struct lg_stored {
    struct lg_stored *next;  /* its bucket */
    uint32_t ref_cnt;        /* policies that hold it */
    uint8_t key[LG_HASH_SZ]; /* of the content, and of what else went into it */
};

struct lg_store {
    struct lg_stored *bucket[LG_STORE_BUCKETS];
    uint32_t cnt;
};

/* One certificate: lg_tls_cert of a policy borrows all it points at from here. */
struct lg_cert_shared {
    struct lg_stored stored;
    struct lg_tls_cert cert;
    uint32_t worker_cnt;   /* contexts of cert.ctxs */
    int64_t chain_until_s; /* the earliest end of leaf and intermediates */
    uint8_t *leaf;         /* owns: DER */
    size_t leaf_sz;
    uint8_t *issuer; /* owns: DER of the leaf's issuer, a root too; NULL: not in the file */
    size_t issuer_sz;
    struct lg_cert_facts facts;
};

/* One file of CAs. */
struct lg_tls_bundle {
    struct lg_stored stored;
    uint32_t anchor_cnt;
    struct lg_tls_anchor *anchors; /* owns: sorted by subject */
    uint8_t (*keys)[8];            /* owns: the first bytes of their key_hash, sorted */
};

extern struct lg_store lg_certs, lg_bundles;

/* lg_store_find gives what has this key, with one more reference; NULL: nothing. */
struct lg_stored *lg_store_find(struct lg_store *st, const uint8_t key[LG_HASH_SZ]);
/* lg_store_add puts in what has a key; it has one reference then. */
void lg_store_add(struct lg_store *st, struct lg_stored *s);
/* lg_store_drop gives up a reference; true: it was the last, and s is out: free it. */
bool lg_store_drop(struct lg_store *st, struct lg_stored *s);

/* lg_store_nr: another number each time, for what must not be taken for another later. Control. */
uint64_t lg_store_nr(void);

/* ctx_wolf.c, trust_wolf.c: give up a reference. NULL allowed. */
void lg_cert_give(struct lg_cert_shared *c);
void lg_bundle_give(struct lg_tls_bundle *b);

#endif
