/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pp.h: the PROXY protocol: a header in front of a connection's bytes that says whose connection it
 * is, version 1 (text) and 2 (binary). Reading and writing it; whom to believe is the caller's.
 *
 * Source: haproxy's doc/proxy-protocol.txt, sections 2.1 and 2.2. Of the TLVs we read none and
 * write ALPN, AUTHORITY and SSL with VERSION, CN, CIPHER, GROUP, SIG_SCHEME and CLIENT_CERT (R43).
 * Pure; thread any. */
#ifndef LG_PP_H
#define LG_PP_H

#include "err.h"
#include "ip.h"
#include "span.h"

#define LG_PP_V1_MAX 107u /* bytes of a version 1 line, CR LF included */
#define LG_PP_V2_HDR_SZ 16u
#define LG_PP_IN_MAX (LG_PP_V2_HDR_SZ + 4096u) /* of a header that is accepted, TLVs included */
#define LG_PP_OUT_MAX 6144u                    /* of one that is written */

/* What a header said. */
struct lg_pp_addrs {
    bool is_local; /* the proxy speaks for itself (health check), or does not know: no addresses */
    struct lg_endpoint src, dst;
};

/* lg_pp_parse reads the header at the front of raw.
 *   raw      hostile bytes; from the connection's first one on
 *   Returns  LG_OK, *out and *used, the header's bytes; LG_E(AGAIN) it is not whole yet;
 * LG_E(FORMAT) it is none, or malformed; LG_E(RANGE) it is longer than LG_PP_IN_MAX Cost O(header)
 */
LG_MUST lg_err_t lg_pp_parse(lg_span_t raw, struct lg_pp_addrs *out, size_t *used);

/* What to say of a connection. Texts are never NULL; "" and empty spans are left out. */
struct lg_pp_say {
    struct lg_pp_addrs addrs;
    bool has_tls;
    bool has_cert; /* a client certificate was shown and verified */
    const char *alpn, *authority;
    const char *version, *cipher, *group, *sig_scheme; /* "TLSv1.3", "TLS_AES_128_GCM_SHA256" */
    const char *cn;                                    /* of the certificate's subject */
    lg_span_t client_cert;                             /* DER */
};

/* lg_pp_build_v1, lg_pp_build_v2 write a header.
 *   out      LG_PP_V1_MAX, LG_PP_OUT_MAX bytes
 *   Returns  its bytes; what of the TLVs does not fit is left out, never half written */
size_t lg_pp_build_v1(const struct lg_pp_say *say, uint8_t *out);
size_t lg_pp_build_v2(const struct lg_pp_say *say, uint8_t *out);

#endif
