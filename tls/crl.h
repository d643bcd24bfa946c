/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl.h: certificate revocation lists, from DER to a table made for one question: is this serial
 * number on it? It verifies no signature (trust_wolf.c does) and keeps no file (crl_store.c does).
 *
 * A table holds nothing but the serial numbers: those of one length stand together, sorted, without
 * padding. A million numbers of 16 bytes take 16 MB, and a lookup is one binary search: twenty
 * steps. It is built once by the control thread and read by every worker.
 *
 * Not supported, and refused: delta lists, indirect lists, lists of a part of an issuer's
 * certificates (all of them say so by a critical extension).
 * RFC 5280 5 */
#ifndef LG_CRL_H
#define LG_CRL_H

#include "base.h"
#include "err.h"
#include "span.h"

#define LG_SERIAL_MAX_SZ 32 /* RFC 5280 allows 20; some authorities exceed it */

/* What stands around the entries. Spans borrow from the DER. */
struct lg_crl_head {
    lg_span_t tbs;    /* what is signed, with tag and length */
    lg_span_t issuer; /* DER of the name */
    int64_t this_update_s;
    int64_t next_update_s; /* INT64_MAX: none */
    lg_span_t revoked;     /* the entries, one after another */
    lg_span_t sig_alg;     /* OID */
    lg_span_t sig_params;  /* DER of the algorithm's parameters; empty: none */
    lg_span_t sig;         /* without the count of unused bits */
};

struct lg_crl_table {
    uint32_t cnt;                           /* serial numbers, also one that is listed twice */
    size_t sz;                              /* bytes of keys */
    uint8_t *keys;                          /* owns */
    size_t off[LG_SERIAL_MAX_SZ + 1];       /* where the numbers of this length begin */
    uint32_t len_cnt[LG_SERIAL_MAX_SZ + 1]; /* and how many they are */
};

/* lg_crl_parse reads what stands around the entries.
 *   out      written on LG_OK; borrows from der
 *   Returns  LG_E(FORMAT) malformed; LG_E(RANGE) a critical extension that we do not know
 *   Thread   any, pure. Cost O(1) in the number of entries */
LG_MUST lg_err_t lg_crl_parse(lg_span_t der, struct lg_crl_head *out);

/* lg_crl_table_build compiles the entries.
 *   revoked  of a parsed head
 *   out      written on LG_OK; lg_crl_table_fini frees it
 *   Returns  LG_E(FORMAT), LG_E(RANGE) as above, of an entry; LG_E(NOMEM)
 *   Thread   control. Cost O(n log n), memory that of the table twice while it is sorted */
LG_MUST lg_err_t lg_crl_table_build(lg_span_t revoked, struct lg_crl_table *out);
void lg_crl_table_fini(struct lg_crl_table *t);
/* lg_crl_table_has: is this serial number listed? One longer than any can be counts as listed.
 *   serial   bytes of the INTEGER, leading zeroes allowed
 *   Thread   any, pure. Cost O(log n) */
bool lg_crl_table_has(const struct lg_crl_table *t, lg_span_t serial);

#endif
