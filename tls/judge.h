/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.h: what would a policy say to a client? The choices and the judgement of a handshake, by
 * the functions that make them in one, without a connection: for `lockgatectl check`.
 *
 * It cannot tell whether the client holds its certificate's key, and asks no OCSP responder about
 * it. Thread control. */
#ifndef LG_JUDGE_H
#define LG_JUDGE_H

#include "tls.h"

#define LG_JUDGE_CERTS 10 /* of a client's chain */

/* What the client says. It knows every suite, group and signature scheme that we do. */
struct lg_tls_ask {
    const char *sni;                   /* "" none */
    uint16_t min_version, max_version; /* enum lg_tls_version, those it offers */
    uint32_t alpn_cnt;                 /* 0: none is offered */
    const char *const *alpn;
    uint32_t cert_cnt;               /* in [0, LG_JUDGE_CERTS]; 0: it has no certificate */
    lg_span_t certs[LG_JUDGE_CERTS]; /* DER, leaf first */
};

enum lg_judge_revoked {
    LG_JUDGE_NO_LISTS, /* the policy has none at all */
    LG_JUDGE_GOOD,
    LG_JUDGE_REVOKED,
    LG_JUDGE_STALE,   /* not on the list, which is past its nextUpdate */
    LG_JUDGE_MISSING, /* no list of its issuer */
};

/* One certificate of the client's chain. */
struct lg_tls_judged_cert {
    char subject[LG_TLS_NAME_SZ], issuer[LG_TLS_NAME_SZ], serial[64], fingerprint[65];
    int64_t not_before_s, not_after_s;
    enum lg_judge_revoked revoked;
    int64_t next_update_s; /* of the list that was asked; INT64_MAX: none */
    bool is_issuer_known;  /* its issuer is one of the policy's CAs */
};

struct lg_tls_judgement {
    enum lg_tls_reason reason; /* LG_TLS_R_NONE: admitted */
    uint8_t alert;             /* that the client gets; LG_TLS_NO_ALERT: none */
    uint16_t version;          /* 0: none in common */
    int cert_idx;              /* of the certificate that is shown; -1: it does not come to that */
    bool is_by_name;           /* it is for the name the client asks for; else it is the default */
    const char *alpn;          /* chosen; "" none; borrows from the policy */
    bool is_asked;             /* for a client certificate */
    uint32_t cert_cnt;         /* of certs */
    struct lg_tls_judged_cert certs[LG_JUDGE_CERTS];
};

/* lg_tls_foretell gives the judgement of p.
 *   Returns  LG_OK; LG_E(NOMEM); LG_E(FORMAT) sni is no host name */
LG_MUST lg_err_t lg_tls_foretell(const struct lg_tls_policy *p, const struct lg_tls_ask *ask,
                                 struct lg_tls_judgement *out);

#endif
