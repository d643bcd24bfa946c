/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.h: TLS 1.2 and 1.3, server side, over queues of buffers: bytes and a time in, bytes out. It
 * knows nothing of TCP, HTTP or DPDK.
 *
 * Three objects:
 *   lg_tls_policy  what one listener asks: certificates, versions, client CAs, CRLs. Built whole by
 *                  the control thread, immutable, holding one wolfSSL context set per worker, so
 *                  that workers share no written line. Part of a published snapshot.
 *   lg_tls_core    one worker's: random generator, handshake arena, connection pool, counters.
 *   lg_tls         one connection.
 *
 * A connection's states:
 *
 *   EXPECT_HELLO --ClientHello complete--> HANDSHAKE --Finished--> OPEN --close_notify--> ...
 *        |  we parse the hello ourselves,      |  wolfSSL over memory buffers
 *        |  choose the context by SNI and      |
 *        v  what the client can verify         v
 *      FAILED: the alert is in the output queue; reason and alert number are in lg_tls_info
 *
 * At OPEN the record engine takes the keys over and wolfSSL's object is freed (rec.h); for the
 * rare suite that the engine does not do, wolfSSL's record layer serves behind the same calls.
 *
 * Sources: RFC 8446, 5246, 5077, 6066, 7301, 7627, 5280. Requirements: R1-R9, R13, R15-R36, R37b,
 * R38-R40, R46. */
#ifndef LG_TLS_H
#define LG_TLS_H

#include "buf.h"
#include "config.h"
#include "err.h"
#include "ns.h"
#include "stat.h"

struct lg_tls;
struct lg_tls_core;
struct lg_tls_policy;

/* ---------------------------------------------------------------- policy: thread control */

/* lg_tls_global_init sets wolfSSL's process-wide hooks (allocator, generator). Once, at boot,
 * before any other call. */
LG_MUST lg_err_t lg_tls_global_init(void);

/* lg_tls_policy_build reads every file of one listener's tls section and compiles it.
 *   cfg         borrowed for the call; file of the config is named in messages
 *   worker_cnt  context sets to make
 *   Returns     LG_OK and *out, or LG_E(CONFIG) with messages that name file, key and the mend
 *               (R13: key mismatch, broken PEM, wrong chain order; R29: bad CRL signature) */
LG_MUST lg_err_t lg_tls_policy_build(const struct lg_config *cfg, const struct lg_cfg_listener *l,
                                     uint32_t worker_cnt, struct lg_tls_policy **out,
                                     struct lg_diag *diag);
/* lg_tls_policy_free gives up a reference: when no worker can take it up for a new connection any
 * more. See change.h for how long it stays. Thread control, quiesced. */
void lg_tls_policy_free(struct lg_tls_policy *p);

/* lg_tls_tickets_poll replaces the random keys of session tickets when they are due; call it now
 * and then, with any monotonic clock. Thread control. */
void lg_tls_tickets_poll(lg_ns_t now_ns);

/* What the revocation lists of all policies take together; each list is in memory once, whoever
 * uses it. */
struct lg_tls_crl_totals {
    uint32_t lists;
    uint64_t entries;
    uint64_t bytes;
};
void lg_tls_crl_totals(struct lg_tls_crl_totals *out);

/* The OCSP answers that are fetched for stapling. */
struct lg_tls_ocsp_totals {
    uint32_t fetched; /* certificates for which they are */
    uint32_t good;    /* that have one of now */
    uint32_t failing; /* whose last question failed */
};
void lg_tls_ocsp_totals(struct lg_tls_ocsp_totals *out);

/* ---------------------------------------------------------------- core: one a worker */

struct lg_tls_core_cfg {
    uint32_t worker_idx;
    uint32_t max_conns;        /* lg_tls objects */
    uint32_t max_handshakes;   /* in flight at once; each may use handshake_mem_sz of the arena */
    uint32_t handshake_mem_sz; /* 0: the measured default */
    bool keeps_chains;         /* and for those above them */
    bool keeps_certs;          /* plan for clients' certificates that are passed on */
    bool keeps_idents;         /* plan for who vouched for each client (close_revoked) */
    bool keeps_wolf;           /* plan for clients that want tickets: wolfSSL serves them on */
    uint8_t aead_arch;         /* enum lg_aead_arch; 0: the best the processor has */
};

/* lg_tls_core_footprint/init: 64-byte-aligned zeroed memory given at boot; pool and stats are
 * borrowed for life. Init seeds the worker's generator (the only system call). Thread boot. */
size_t lg_tls_core_footprint(const struct lg_tls_core_cfg *cfg);
LG_MUST lg_err_t lg_tls_core_init(void *mem, const struct lg_tls_core_cfg *cfg,
                                  struct lg_bufpool *pool, struct lg_stats *stats,
                                  struct lg_tls_core **out);
/* What this core wants to be asked of OCSP responders (answers.h). Control. */
struct lg_asks *lg_tls_core_asks(struct lg_tls_core *core);
/* lg_tls_core_attach binds the calling thread to this core: allocator and generator hooks that
 * wolfSSL calls without context find it through one thread-local. Thread owner core, first call. */
void lg_tls_core_attach(struct lg_tls_core *core);
void lg_tls_core_fini(struct lg_tls_core *core);
/* lg_tls objects out and arena bytes in use: exactly 0 when no connection is there. Thread any. */
uint32_t lg_tls_core_used(const struct lg_tls_core *core);
size_t lg_tls_core_arena_used(const struct lg_tls_core *core);
/* How many bytes the arena has. Thread any. */
size_t lg_tls_core_arena_total(const struct lg_tls_core *core);

/* ---------------------------------------------------------------- connection: owner core */

enum lg_tls_state { LG_TLS_HANDSHAKE, LG_TLS_OPEN, LG_TLS_CLOSED, LG_TLS_FAILED };

/* Why a handshake failed, for the operator; the peer gets only the alert. */
enum lg_tls_reason {
    LG_TLS_R_NONE,
    LG_TLS_R_NOT_TLS,    /* first bytes are no TLS record */
    LG_TLS_R_PLAIN_HTTP, /* ... but an HTTP request (the proxy may answer 400) */
    LG_TLS_R_PROTO,
    LG_TLS_R_VERSION,
    LG_TLS_R_SUITE,
    LG_TLS_R_SNI,
    LG_TLS_R_ALPN,
    LG_TLS_R_NO_CERT,
    LG_TLS_R_UNKNOWN_CA,
    LG_TLS_R_EXPIRED, /* or not yet valid */
    LG_TLS_R_REVOKED,
    LG_TLS_R_CRL_MISSING, /* no CRL for the issuer, under crl_fail: closed */
    LG_TLS_R_CRL_STALE,   /* there is one, past its nextUpdate */
    LG_TLS_R_OCSP,        /* no OCSP answer to be had, under client_ocsp: hard */
    LG_TLS_R_BAD_CERT,    /* malformed, wrong usage, weak key, chain too long */
    LG_TLS_R_SIGNATURE,   /* bad CertificateVerify */
    LG_TLS_R_NAME,        /* client side: the server's certificate is for another name */
    LG_TLS_R_PEER_ALERT,
    LG_TLS_R_FULL, /* no handshake memory left */
    LG_TLS_R_INTERNAL,
    LG_TLS_R_CNT
};

#define LG_TLS_NAME_SZ 256 /* any text of lg_tls_info with its NUL at most */

/* All texts are borrowed until close, and valid until the next call for this connection. */
struct lg_tls_info {
    const char *suite;      /* IANA name, static; "" when none */
    const char *group;      /* "x25519", ...; "" when unknown */
    const char *sig_scheme; /* IANA name of what we signed with, static; "" when we did not */
    const char *alpn;       /* chosen protocol; "" when none */
    const char *sni;        /* lower case, checked; "" when none */
    bool resumed;
    bool has_client_cert; /* presented and verified */
    uint16_t version;     /* 0x0303, 0x0304; 0 before ServerHello */
    enum lg_tls_reason reason;
    uint8_t alert_sent; /* 0 and LG_TLS_NO_ALERT below mean none */
    uint8_t alert_received;
    /* Of the client certificate, also of a refused one; escaped for logs and headers; "". */
    const char *subject, *issuer, *serial, *fingerprint;
    const char *cn; /* the subject's common name; "" where it has none, several, or an odd one */
};
#define LG_TLS_NO_ALERT 255

/* lg_tls_open begins a server connection; NULL: pool empty. policy is borrowed until close. */
struct lg_tls *lg_tls_open(struct lg_tls_core *core, const struct lg_tls_policy *policy,
                           lg_ns_t now_ns);
enum lg_tls_state lg_tls_state(const struct lg_tls *t);
/* lg_tls_is_answering: in the handshake, and the peer's first flight has been answered: what is
 * left of it costs little. */
bool lg_tls_is_answering(const struct lg_tls *t);
/* lg_tls_is_waiting: the handshake is done, and an OCSP answer about the client is waited for (3 s
 * at most): call lg_tls_rx again in a few milliseconds, also without input. It takes none till
 * then.
 */
bool lg_tls_is_waiting(const struct lg_tls *t);

/* lg_tls_rx feeds bytes received and gives plaintext.
 *   in        consumed as far as possible (always whole records; the rest stays for next time,
 *             bounded: the caller need never hold more than one record, 16 KiB + 5 + 2048)
 *   plain     plaintext is appended, cut into bufs of at most the pool's room
 *   max       stop once `plain` has grown by this many bytes (then more may be ready: call again
 *             even without new input; lg_tls_rx_pending says so)
 *   out       what TLS itself wants sent (handshake flights, alerts, tickets) is appended, cut
 *             to seg_sz bytes a buf
 *   Returns   LG_OK; LG_E(AGAIN) a buffer pool or budget ran out, nothing lost, call again;
 *             LG_E(TLS_*) failed: state is FAILED, the alert is in `out`: send it, then close.
 *   The state may change to OPEN (also while plaintext comes) or CLOSED (close_notify came:
 *   nothing more will be read; lg_tls_tx still works: TLS half-close, RFC 8446 section 6.1). */
LG_MUST lg_err_t lg_tls_rx(struct lg_tls *t, struct lg_bufq *in, struct lg_bufq *plain,
                           uint32_t max, struct lg_bufq *out, uint32_t seg_sz, lg_ns_t now_ns);
bool lg_tls_rx_pending(const struct lg_tls *t);
/* lg_tls_set_plain_seg: from now on lg_tls_rx cuts plaintext into bufs of at most sz bytes (0, and
 * the start: the pool's room). The proxy sets the backend's MSS, so that TCP sends them uncopied.
 */
void lg_tls_set_plain_seg(struct lg_tls *t, uint32_t sz);
/* lg_tls_tx encrypts: consumes `plain` (at most max bytes of it), appends records to `out` cut to
 * seg_sz bytes a buf. Only in OPEN and CLOSED.
 *   Returns   LG_OK; LG_E(AGAIN) no buffers: what is left stays in plain */
LG_MUST lg_err_t lg_tls_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max,
                           struct lg_bufq *out, uint32_t seg_sz, lg_ns_t now_ns);
/* Ciphertext bytes that n plaintext bytes become at most. */
uint32_t lg_tls_tx_overhead(uint32_t n);
/* lg_tls_shutdown appends close_notify, once. */
void lg_tls_shutdown(struct lg_tls *t, struct lg_bufq *out, uint32_t seg_sz);
/* lg_tls_info is borrowed until close. */
const struct lg_tls_info *lg_tls_get_info(const struct lg_tls *t);
/* lg_tls_client_cert: DER of the verified client's certificate, where the listener asks for it to
 * be passed on (client_cert_header) and it has at most LG_TLS_CLIENT_CERT_MAX bytes; empty
 * otherwise. Borrowed until close. */
#define LG_TLS_CLIENT_CERT_MAX 4096
lg_span_t lg_tls_client_cert(const struct lg_tls *t);
/* lg_tls_client_chain: DER of the intermediates between it and its CA, the length in 16 bits before
 * each, where client_cert_chain asks for them; empty also when it would be longer than
 * LG_TLS_CLIENT_CHAIN_MAX, and on a resumed session. */
#define LG_TLS_CLIENT_CHAIN_MAX 8192
lg_span_t lg_tls_client_chain(const struct lg_tls *t);
/* lg_tls_reason_stat: the counter a failure bumps; _text: words for the log ("no certificate"). */
const char *lg_tls_reason_text(enum lg_tls_reason r);
const char *lg_tls_alert_name(uint8_t alert);
/* lg_tls_close frees and wipes. Sends nothing. NULL allowed. */
void lg_tls_close(struct lg_tls *t);

#endif
