/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h: the client's side of TLS: what tls.h is for servers. Opening differs; everything after
 * it is the same: lg_tls_rx, lg_tls_tx, lg_tls_shutdown, lg_tls_close, states, lg_tls_info.
 *
 * How a connection goes:
 *      t = lg_tls_client_open(...)        when TCP is open
 *      lg_tls_rx(t, no input, ...)        puts the ClientHello into `out`
 *      lg_tls_rx, lg_tls_tx ...           until OPEN, and on
 *
 * The server is checked when the policy names CAs: chain, dates, extended key usage and the name
 * (R14: expired, revoked, untrusted, wrong name, each with its own lg_tls_reason). Without CAs its
 * certificate is only used to verify its signature: anybody can be that server.
 *
 * Resumption: a session taken from one connection shortens later ones, TLS 1.2 by ticket (RFC 5077)
 * and 1.3 by PSK with (EC)DHE (RFC 8446 section 2.2). It holds only under the policy and the name
 * it was made with. One session may serve several connections, also at the same time. Only wolfSSL
 * can make one of a ticket, and 1.3's come after the handshake: under a policy with `resumption`
 * records stay wolfSSL's, and the core is planned with keeps_wolf; otherwise they are the engine's.
 *
 * Not here: early data, external PSKs, post-handshake authentication, renegotiation.
 * Requirement: R14. */
#ifndef LG_CLIENT_H
#define LG_CLIENT_H

#include "tls.h"

#define LG_TLS_GROUP_MAX 3
#define LG_TLS_SUITE_MAX 9

struct WOLFSSL_SESSION;

/* What a client asks of servers. All strings are borrowed for the call. */
struct lg_tls_client_cfg {
    const char *owner; /* begins the key in messages: "pool web: tls." gives "pool web: tls.ca" */
    const char *file;  /* of the configuration, for messages; NULL: none */
    unsigned line;
    uint16_t min_version, max_version; /* enum lg_tls_version; 0: 1.2 and 1.3 */
    /* Named groups in order (RFC 8446 4.2.7); the first is the one key share sent. None: x25519,
     * secp256r1, secp384r1. */
    uint16_t groups[LG_TLS_GROUP_MAX];
    uint32_t group_cnt;
    uint16_t suites[LG_TLS_SUITE_MAX]; /* in order; none: every suite of ours, strongest first */
    uint32_t suite_cnt;
    const char *const *alpn; /* in order; none: no extension */
    uint32_t alpn_cnt;
    const char *name;        /* for SNI and the check, when lg_tls_client_open gives none */
    const char *ca;          /* PEM bundle; NULL: the server is not checked */
    const char *const *crls; /* as for listeners; only with ca */
    uint32_t crl_cnt;
    enum lg_crl_fail crl_fail;
    uint32_t verify_depth;       /* intermediates; 0: 4 */
    const char *cert, *key;      /* PEM, for servers that ask; NULL: none is sent */
    const char *passphrase_file; /* of key; NULL: not encrypted */
    bool resumption;             /* ask for tickets, and keep them for lg_tls_session_take */
};

/* lg_tls_client_policy_build compiles cfg; lg_tls_policy_free ends it. Thread control.
 *   worker_cnt  context sets to make
 *   Returns     LG_OK and *out, or LG_E(CONFIG) with messages that name file, key and the mend */
LG_MUST lg_err_t lg_tls_client_policy_build(const struct lg_tls_client_cfg *cfg,
                                            uint32_t worker_cnt, struct lg_tls_policy **out,
                                            struct lg_diag *diag);

/* One session to come back to. All zero: none. Owner core. */
struct lg_tls_session {
    struct WOLFSSL_SESSION *s; /* owns, in the core's arena */
    uint64_t policy_nr;        /* of the policy it was made under */
    const char *name;          /* borrows: the name it was made with */
};

/* lg_tls_client_open begins a client's connection.
 *   policy   of lg_tls_client_policy_build; borrowed until close
 *   name     the server's: SNI (not for an IP address) and what its certificate must be for;
 *            borrowed until close, and as long as a session taken from it is used; NULL: the
 *            policy's, "" none
 *   session  to resume, when it fits; borrowed for the call; NULL: none
 *   Returns  NULL: connection pool or handshake memory exhausted */
struct lg_tls *lg_tls_client_open(struct lg_tls_core *core, const struct lg_tls_policy *policy,
                                  const char *name, const struct lg_tls_session *session,
                                  lg_ns_t now_ns);

/* lg_tls_session_take moves the newest ticket of an open connection to *out, freeing what *out
 * held before. Under TLS 1.3 a server sends tickets after the handshake, when it likes.
 *   Returns  false: none has come (since the last take); *out untouched */
bool lg_tls_session_take(struct lg_tls *t, struct lg_tls_session *out);
/* lg_tls_session_free frees and zeroes; an empty one is allowed. */
void lg_tls_session_free(struct lg_tls_session *s);

/* Numbers of names: "TLS_AES_128_GCM_SHA256", "x25519"; 0: not one of ours. Thread any, pure. */
uint16_t lg_tls_suite_of(lg_span_t name);
uint16_t lg_tls_group_of(lg_span_t name);

#endif
