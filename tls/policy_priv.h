/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_priv.h: what ctx_wolf.c, which builds policies from files, and change_wolf.c, which makes
 * changed copies of them, share. Thread control. */
#ifndef LG_POLICY_PRIV_H
#define LG_POLICY_PRIV_H

#include "cert_priv.h"

/* lg_policy_cert gives a certificate for this policy's contexts, out of the store where it has it.
 *   out      on true: with a reference; false: said why */
LG_MUST bool lg_policy_cert(struct lg_where *w, const struct lg_tls_policy *p,
                            const struct lg_pair_text *t, struct lg_tls_cert *out);
/* policy_life.c: lg_policy_new gives an empty policy with one reference; NULL: no memory. */
struct lg_tls_policy *lg_policy_new(uint32_t worker_cnt);
/* ctx_wolf.c: lg_policy_fini frees all that a policy owns, but not itself and its pins. */
void lg_policy_fini(struct lg_tls_policy *p);
/* lg_policy_names builds the table of names anew from the certificates; false: no memory. */
LG_MUST bool lg_policy_names(struct lg_tls_policy *p);

#endif
