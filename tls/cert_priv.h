/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cert_priv.h: what the loaders of files (cert_wolf.c, trust_wolf.c) give to the builder of
 * policies (ctx_wolf.c). Thread control. */
#ifndef LG_CERT_PRIV_H
#define LG_CERT_PRIV_H

#include "tls_priv.h"

#define LG_CHAIN_MAX 10 /* certificates of a server's chain */

/* Where messages go. */
struct lg_where {
    const struct lg_config *cfg;
    const struct lg_cfg_listener *listener;
    struct lg_diag *diag;
    unsigned line;
    const char *key;    /* "cert", "client_ca", ... */
    const char *owner;  /* begins the key of a client's policy; NULL: the listener's name does */
    const char *ca_key; /* what the CA bundle's key is called; NULL: "client_ca" */
};

void lg_where_error(const struct lg_where *w, const char *fmt, ...) LG_PRINTF(2, 3);
void lg_where_warn(const struct lg_where *w, const char *fmt, ...) LG_PRINTF(2, 3);

struct lg_file {
    uint8_t *data; /* owns; one NUL follows */
    size_t sz;
};
#define LG_FILE_MAX_SZ (64u << 20)
/* lg_file_read reads a file of at most max_sz bytes; says what is wrong otherwise. */
LG_MUST bool lg_file_read(const struct lg_where *w, const char *path, uint32_t max_sz,
                          struct lg_file *out);
/* lg_file_fini wipes and frees. */
void lg_file_fini(struct lg_file *f);

/* A server's chain and key as text, and what they are called in messages. */
struct lg_pair_text {
    const char *cert_name, *key_name, *pass_name; /* borrows; pass_name NULL: no passphrase */
    struct lg_file cert, key, pass;               /* owns */
};
/* lg_pair_read reads the files of one. lg_pair_fini wipes and frees. */
LG_MUST bool lg_pair_read(struct lg_where *w, const struct lg_cfg_cert *c,
                          struct lg_pair_text *out);
void lg_pair_fini(struct lg_pair_text *t);

/* A server's chain and key, ready to be put into contexts. */
struct lg_keypair {
    enum lg_key_kind kind;
    int64_t not_after_s;
    int64_t chain_until_s; /* the earliest end of leaf and intermediates */
    uint8_t leaf_hash[LG_HASH_SZ];
    uint8_t *leaf; /* owns: DER */
    size_t leaf_sz;
    uint8_t *issuer; /* owns: DER of the leaf's issuer, a root too; NULL: not in the file */
    size_t issuer_sz;
    char *pem; /* owns: leaf and intermediates */
    size_t pem_sz;
    uint8_t *key; /* owns: DER, plain; wiped in fini */
    size_t key_sz, key_room;
    uint32_t name_cnt;
    char **names;               /* owns; moved into the lg_tls_cert */
    struct lg_cert_facts facts; /* moved into the store */
};
LG_MUST bool lg_keypair_load(struct lg_where *w, const struct lg_pair_text *t,
                             struct lg_keypair *out);
void lg_keypair_fini(struct lg_keypair *k);
void lg_cert_facts_fini(struct lg_cert_facts *f);

/* lg_staple_load reads or finds what is to be stapled to a certificate; *out NULL: nothing.
 * lg_staple_follow: to one that takes the place of a certificate with the slot old (NULL: none),
 * where answers are fetched for that. */
LG_MUST bool lg_staple_load(struct lg_where *w, const struct lg_cfg_cert *c,
                            const struct lg_cert_shared *k, struct lg_staple_slot **out);
LG_MUST bool lg_staple_follow(struct lg_where *w, const struct lg_staple_slot *old,
                              const struct lg_cert_shared *k, struct lg_staple_slot **out);

/* lg_ticket_load reads a file of ticket keys; the set is the caller's, to wipe and free. */
LG_MUST bool lg_ticket_load(struct lg_where *w, const char *path, struct lg_ticket_set **out);
/* lg_crls_load reads the listener's revocation lists, or finds them in the store. */
LG_MUST bool lg_crls_load(const struct lg_where *w, struct lg_tls_policy *p);
/* lg_crls_copy gives p, which has none, the lists of another policy; false: no memory. */
LG_MUST bool lg_crls_copy(const struct lg_tls_policy *from, struct lg_tls_policy *p);
void lg_crls_fini(struct lg_tls_policy *p);
/* lg_trust_load reads the client CA bundle and the CRLs into the policy. */
LG_MUST bool lg_trust_load(struct lg_where *w, struct lg_tls_policy *p);
void lg_trust_fini(struct lg_tls_policy *p);

#endif
