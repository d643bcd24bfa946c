/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change.h: changing what listeners ask while the process runs, without reading their files again:
 * a policy is immutable once published, so each change makes a copy, which shares all that stays
 * the same. And asking open connections again what a newer policy thinks of them.
 *
 * Thread control, but lg_tls_judge and lg_tls_refuse: owner core. */
#ifndef LG_CHANGE_H
#define LG_CHANGE_H

#include "revoked.h"
#include "tls.h"

/* lg_tls_policy_hold takes one more reference; lg_tls_policy_free gives one up. After the last, a
 * policy stays until its last connection is closed; lg_tls_policies_poll frees those that wait for
 * nobody any more, and returns how many still wait. */
struct lg_tls_policy *lg_tls_policy_hold(struct lg_tls_policy *p);
uint32_t lg_tls_policies_poll(void);
/* lg_tls_policy_admits_alike: is the same client admitted by both, and a ticket of the one good for
 * the other? Server certificates and versions apart. */
bool lg_tls_policy_admits_alike(const struct lg_tls_policy *a, const struct lg_tls_policy *b);
/* lg_tls_policy_same: do the two treat every connection alike? Then one of them will do. Cost
 * O(certificates and lists) */
bool lg_tls_policy_same(const struct lg_tls_policy *a, const struct lg_tls_policy *b);

/* lg_tls_policy_revoked makes a copy of a listener's policy that refuses what is in the set; NULL
 * is the empty set. One that asks for no client certificate, or has this set, gives itself, with
 * one more reference.
 *   Returns  LG_OK or LG_E(NOMEM) */
LG_MUST lg_err_t lg_tls_policy_revoked(struct lg_tls_policy *p, struct lg_revoked *set,
                                       struct lg_tls_policy **out);

/* What lg_tls_policy_put did. */
struct lg_tls_put {
    bool has_replaced;         /* else the certificate was added behind the others */
    uint32_t idx;              /* of the certificate, among those of the listener */
    char name[LG_TLS_NAME_SZ]; /* its first name; "" when it has none */
    int64_t not_after_s;
};
/* lg_tls_policy_put makes a copy with another server certificate: in the place of the first one
 * that has the same kind of key and a name in common with it, or else behind all others.
 *   cert, key  PEM; borrowed, and kept nowhere: the caller wipes them. No message shows them
 *   cfg, l     for messages, and l for nothing else
 *   Returns    LG_OK; LG_E(CONFIG) with messages: they do not fit, the chain is broken, ... */
LG_MUST lg_err_t lg_tls_policy_put(const struct lg_config *cfg, const struct lg_cfg_listener *l,
                                   struct lg_tls_policy *p, lg_span_t cert, lg_span_t key,
                                   struct lg_tls_policy **out, struct lg_tls_put *put,
                                   struct lg_diag *diag);

/* lg_tls_revocation_of reads which certificate is meant: the first of a PEM text. With serial "" it
 * is the one to revoke; else it is the CA that has issued it.
 *   Returns  LG_OK; LG_E(FORMAT): no certificate, or no serial number; LG_E(RANGE) */
LG_MUST lg_err_t lg_tls_revocation_of(lg_span_t pem, lg_span_t serial, struct lg_revocation *out);

/* lg_tls_judge: would policy p take this open connection's client certificate? Only of those that
 * began under a policy with close_revoked, and when p has it too.
 *   Returns  LG_TLS_R_NONE: yes; LG_TLS_R_REVOKED; LG_TLS_R_UNKNOWN_CA
 *   Cost     O(certificates of the chain * log of the lists) */
enum lg_tls_reason lg_tls_judge(const struct lg_tls *t, const struct lg_tls_policy *p);
/* lg_tls_refuse ends an open connection with the fatal alert for the reason; what is appended to
 * `out` is the last of it. Also without a buffer for the alert it is over. */
void lg_tls_refuse(struct lg_tls *t, enum lg_tls_reason reason, struct lg_bufq *out,
                   uint32_t seg_sz);

#endif
