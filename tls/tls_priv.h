/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls_priv.h: the insides of policies, cores and connections, for this folder and its tests. It
 * names wolfSSL's objects only as incomplete types. */
#ifndef LG_TLS_PRIV_H
#define LG_TLS_PRIV_H

#include "answers.h"
#include "arena.h"
#include "crl_store.h"
#include "hello.h"
#include "kdf_batch.h"
#include "log.h"
#include "pool.h"
#include "rec.h"
#include "revoked.h"
#include "rng.h"
#include "staple.h"
#include "ticket.h"
#include "tls.h"
#include "x509.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

enum {
    LG_ALERT_CLOSE_NOTIFY = 0,
    LG_ALERT_UNEXPECTED_MESSAGE = 10,
    LG_ALERT_BAD_RECORD_MAC = 20,
    LG_ALERT_RECORD_OVERFLOW = 22,
    LG_ALERT_HANDSHAKE_FAILURE = 40,
    LG_ALERT_BAD_CERTIFICATE = 42,
    LG_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    LG_ALERT_CERTIFICATE_REVOKED = 44,
    LG_ALERT_CERTIFICATE_EXPIRED = 45,
    LG_ALERT_CERTIFICATE_UNKNOWN = 46,
    LG_ALERT_ILLEGAL_PARAMETER = 47,
    LG_ALERT_UNKNOWN_CA = 48,
    LG_ALERT_DECODE_ERROR = 50,
    LG_ALERT_DECRYPT_ERROR = 51,
    LG_ALERT_PROTOCOL_VERSION = 70,
    LG_ALERT_INTERNAL_ERROR = 80,
    LG_ALERT_INAPPROPRIATE_FALLBACK = 86,
    LG_ALERT_USER_CANCELED = 90,
    LG_ALERT_NO_RENEGOTIATION = 100,
    LG_ALERT_UNRECOGNIZED_NAME = 112,
    LG_ALERT_CERTIFICATE_REQUIRED = 116,
    LG_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

enum { LG_ALERT_LEVEL_WARNING = 1, LG_ALERT_LEVEL_FATAL = 2 };

/* ---------------------------------------------------------------- policy */

/* In the order of preference among the certificates of one name. */
enum lg_key_kind { LG_KEY_ECDSA_P256, LG_KEY_ECDSA_P384, LG_KEY_ED25519, LG_KEY_RSA, LG_KEY_CNT };

struct lg_cert_shared;

/* What operators want to know of a certificate besides. */
struct lg_cert_facts {
    char *subject, *issuer, *serial; /* own */
    int64_t not_before_s;
    uint32_t key_bits; /* RSA */
};

/* One certificate with its key, as a policy has it. */
struct lg_tls_cert {
    struct lg_cert_shared *shared; /* owns a reference; it owns what the pointers below lead to */
    enum lg_key_kind kind;
    uint8_t id[LG_HASH_SZ]; /* of the leaf */
    int64_t not_after_s;
    struct lg_staple_slot *staple; /* owns a reference; NULL: it has none */
    uint32_t name_cnt;
    char **names;              /* lower case, "*." first for a wildcard */
    struct WOLFSSL_CTX **ctxs; /* one a worker; each is touched by its worker only */
};

/* One name of the listener and the certificates that serve it, by kind of key. */
struct lg_tls_name {
    const char *name;             /* borrows from a certificate */
    int16_t cert_idx[LG_KEY_CNT]; /* -1: none */
};

/* A CA of the client bundle. */
struct lg_tls_anchor {
    uint8_t *der; /* owns */
    size_t der_sz;
    struct lg_x509 x509;          /* spans into der */
    uint32_t nr;                  /* in the file, from 1 */
    bool limits_names;            /* carries name constraints */
    uint8_t key_hash[LG_HASH_SZ]; /* of its public key */
};

/* A revocation list, found by the 64 bits of its issuer (lg_issuer_id). */
struct lg_crl_ref {
    uint64_t issuer_id;
    const struct lg_crl_list *list;
};

/* What only a client's policy has. */
struct lg_tls_client {
    uint64_t nr;        /* of this policy alone, for the life of the process */
    bool is_checking;   /* the server must prove who it is */
    bool wants_tickets; /* keep them for lg_tls_session_take */
    char *name;         /* owns: the server's, "" none */
    char *alpn_list;    /* owns: comma-separated, "" none */
    uint32_t ctx_cnt;
    struct WOLFSSL_CTX **ctxs;   /* owns: one a worker */
    uint8_t made_of[LG_HASH_SZ]; /* of settings and key pair; CAs and lists apart */
};

struct lg_tls_bundle;

/* Connections of one worker that have a policy. The owner stores with release, the control thread
 * loads with acquire (policy_life.c). */
struct lg_policy_pins {
    alignas(LG_CACHE_PAIR) _Atomic uint64_t cnt;
};

struct lg_tls_policy {
    uint32_t ref_cnt; /* snapshots that hold it; control only, as is dying_next */
    struct lg_tls_policy *dying_next;
    uint32_t worker_cnt;
    struct lg_policy_pins *pins;  /* owns: worker_cnt */
    struct lg_tls_client *client; /* owns; NULL: a listener's policy */
    uint16_t min_version, max_version;
    enum lg_tls_prefer prefer;
    bool sni_strict;
    enum lg_client_auth client_auth;
    enum lg_crl_fail crl_fail;
    enum lg_client_ocsp client_ocsp;
    char *ocsp_url; /* owns: whom to ask about clients; "" whom their certificates name */
    uint32_t verify_depth;
    bool keeps_cert;  /* the client's, for its connection's life */
    bool keeps_chain; /* and those that stand between it and its CA */
    bool closes_revoked;
    bool has_tickets;
    uint32_t ticket_lifetime_s;
    const struct lg_ticket_ring *ticket_ring; /* random keys; NULL: those of the file */
    struct lg_ticket_set *ticket_file;        /* owns; wiped when freed */
    uint8_t id[LG_HASH_SZ];      /* of all that decides whom this policy admits (R33) */
    uint8_t base_id[LG_HASH_SZ]; /* the same without `revoked` */
    uint32_t cert_cnt;
    struct lg_tls_cert *certs; /* owns; [0] is the default */
    uint32_t name_cnt;
    struct lg_tls_name *names;   /* owns: sorted by name */
    struct lg_tls_name fallback; /* the default certificate and its siblings */
    uint32_t alpn_cnt;
    char **alpn;                  /* owns: in our order of preference */
    struct lg_tls_bundle *bundle; /* owns a reference; NULL: none */
    uint32_t anchor_cnt;
    const struct lg_tls_anchor *anchors; /* borrows: of the bundle, sorted by subject */
    uint32_t crl_cnt;
    const struct lg_crl_list *
        *crls;                     /* owns the array, sorted by issuer; the lists are the files' */
    struct lg_crl_ref *crls_by_id; /* owns: crl_cnt, sorted by issuer_id */
    struct lg_revoked *revoked;    /* owns a reference; NULL: none */
    uint32_t crl_file_cnt;
    struct lg_crl_file **crl_files; /* owns a reference to each */
};

static inline void lg_policy_pin(const struct lg_tls_policy *p, uint32_t worker)
{
    _Atomic uint64_t *n = &p->pins[worker].cnt;
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                          memory_order_release);
}

static inline void lg_policy_unpin(const struct lg_tls_policy *p, uint32_t worker)
{
    _Atomic uint64_t *n = &p->pins[worker].cnt;
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) - 1,
                          memory_order_release);
}

/* lg_policy_find gives the certificates for a checked host name ("" for none), or NULL under sni
 * strict. Exact first, then the wildcard one label up. Thread any, pure. */
const struct lg_tls_name *lg_policy_find(const struct lg_tls_policy *p, const char *sni);
/* lg_policy_pick chooses among them what this client can verify under the version; -1: none. */
int lg_policy_pick(const struct lg_tls_policy *p, const struct lg_tls_name *n,
                   const struct lg_hello *h, uint16_t version);
/* What follows from a hello alone. */
struct lg_tls_choice {
    uint16_t version;               /* 0: none in common */
    const struct lg_tls_name *name; /* NULL: nobody has it; borrows from the policy */
    int cert_idx;                   /* -1: none that this client can verify */
    const char *alpn;               /* "" none; NULL: no overlap */
    enum lg_tls_reason reason;      /* LG_TLS_R_NONE: the handshake may begin */
    uint8_t alert;                  /* of the reason */
};
/* lg_policy_choose makes every choice that needs nothing but the hello. Thread any, pure. */
void lg_policy_choose(const struct lg_tls_policy *p, const struct lg_hello *h,
                      struct lg_tls_choice *out);
/* lg_policy_anchor: index of the first anchor with this subject; anchor_cnt when there is none. */
uint32_t lg_policy_anchor(const struct lg_tls_policy *p, lg_span_t subject);
uint32_t lg_policy_crl(const struct lg_tls_policy *p, lg_span_t issuer);
/* lg_span_cmp orders like memcmp, the shorter first. */
int lg_span_cmp(lg_span_t a, lg_span_t b);

/* ---------------------------------------------------------------- core */

/* Measured (tests/unit/tls/test_mem.c holds them to it): arena bytes of one connection while it
 * shakes hands and once it is open, and what a core needs besides: size classes' open pages. */
#define LG_TLS_HANDSHAKE_MEM_SZ 40960
#define LG_TLS_OPEN_MEM_SZ 208        /* texts of lg_tls_info; without client certificate its SNI */
#define LG_TLS_KEPT_CHAIN_MEM_SZ 2048 /* and those above it, where they are kept: one or two */
#define LG_TLS_KEPT_MEM_SZ 1280       /* a client's certificate, where it is kept; RSA-2048's */
#define LG_TLS_KEPT_IDENT_MEM_SZ                                                                   \
    112                              /* struct lg_ident of leaf and intermediate, 20-byte serials  \
                                      */
#define LG_TLS_OPEN_WOLF_MEM_SZ 6144 /* with wolfSSL's object */
#define LG_TLS_CORE_MEM_SZ (32 * LG_ARENA_PAGE_SZ)

/* Expanded AES-GCM keys kept (aead.h), 1 KiB each: two for every connection that is busy at a time.
 */
#define LG_TLS_AEAD_SLOTS 512u

#define LG_TLS_SCRATCH_SZ (LG_REC_CIPHER_MAX + LG_REC_HDR_SZ)

struct lg_tls_core {
    struct lg_bufpool *pool; /* borrows: for life */
    struct lg_stats *stats;  /* borrows: for life */
    uint32_t worker_idx;
    uint32_t max_handshakes;
    uint32_t handshakes; /* wolfSSL objects that have not finished their handshake */
    struct lg_pool conns;
    struct lg_arena arena;
    struct lg_rng rng;
    struct lg_aead *aead;                /* in this core's memory */
    const struct lg_aead_limits *limits; /* lg_aead_limits, or a test's */
    bool keep_wolf;                      /* tests: wolfSSL's records, not the engine's */
    uint64_t tickets_version;            /* of the copy; 0: none yet */
    struct lg_ticket_set tickets;
    struct lg_asks asks;                /* to the control thread */
    struct lg_tls *at_work;             /* borrows: during lg_hs_step; NULL otherwise */
    const struct lg_staple *staple;     /* borrows: likewise; what it has promised to send */
    struct lg_kdf kdf;                  /* of the handshake at work */
    uint8_t scratch[LG_TLS_SCRATCH_SZ]; /* a hello put together; a record being gathered */
};

/* ---------------------------------------------------------------- connection */

enum lg_tls_step {
    LG_STEP_HELLO,     /* EXPECT_HELLO: no wolfSSL object yet */
    LG_STEP_HANDSHAKE, /* wolfSSL at work */
    LG_STEP_WAIT,      /* done, but for the answer about the client's certificate */
    LG_STEP_OPEN,
    LG_STEP_CLOSED, /* the peer's close_notify came */
    LG_STEP_FAILED,
};

/* A certificate's texts while the handshake is on. */
struct lg_tls_cert_text {
    char subject[LG_TLS_NAME_SZ], issuer[LG_TLS_NAME_SZ];
    char serial[2 * LG_SERIAL_MAX_SZ + 1], fingerprint[65];
    char cn[LG_TLS_NAME_SZ];
};

/* Who vouched for a client, and the certificates that did, kept small while its connection lives,
 * for policies that may change their mind (closes_revoked):
 *   key[8] of the bundle's CA, then for each certificate, leaf first:
 *   its issuer's name[8] (lg_issuer_id) and key[8], len[1] serial */
struct lg_ident {
    uint16_t sz;
    uint8_t bytes[];
};
#define LG_IDENT_MAX (8 + 10 * (16 + 1 + LG_SERIAL_MAX_SZ))

/* ident.c: lg_ident_keep copies the bytes of one; false: no memory. lg_ident_judge: are they still
 * good under a policy? REVOKED, UNKNOWN_CA or NONE; empty is always good. Cost O(certificates *
 * log)
 */
LG_MUST bool lg_ident_keep(struct lg_tls *t, lg_span_t bytes);
void lg_ident_drop(struct lg_tls *t);
enum lg_tls_reason lg_ident_judge(lg_span_t bytes, const struct lg_tls_policy *p);

/* A client's certificate that is passed on to backends. */
struct lg_kept_cert {
    uint32_t sz, chain_sz;
    uint8_t der[]; /* the certificate, and behind it those of its chain, each behind its 16-bit
                      length */
};

/* A connection that waits for an OCSP answer. */
struct lg_waiting {
    uint8_t key[LG_ANSWER_KEY_SZ];
    lg_ns_t since_ns;
    /* The question, while there is no room for it in the ring; 0: it has been asked. */
    uint16_t url_sz, serial_sz, issuer_sz;
    uint8_t text[]; /* the three, one behind the other */
};

struct lg_tls {
    struct lg_tls_core *core;
    const struct lg_tls_policy *policy; /* borrows: until close */
    struct WOLFSSL *ssl; /* owns; NULL before the hello is whole and when the engine serves */
    uint8_t step;        /* enum lg_tls_step */
    bool mute;           /* a fatal alert is out: nothing may follow it */
    bool shut;           /* close_notify is out */
    bool verified;  /* the client's chain was found good; wolfSSL saw to its CertificateVerify */
    bool in_hs_cnt; /* counted in core->handshakes */
    bool saw_ccs;   /* 1.2: the client's later records are encrypted */
    bool saw_encrypted;              /* of the client, in the handshake: a record under its keys */
    bool saw_cke, saw_cv;            /* 1.2: ClientKeyExchange, CertificateVerify came */
    uint8_t msg_hdr[4], msg_hdr_cnt; /* 1.2: header of a handshake message as far as it came */
    uint8_t want_alert;    /* what we want sent instead of wolfSSL's choice; NO_ALERT: its own */
    bool has_ticket;       /* client: one came that nobody has taken */
    uint32_t msg_left;     /* 1.2: bytes of that message still to come */
    uint32_t rec_left;     /* bytes of the record wolfSSL is reading */
    uint32_t plain_seg_sz; /* bytes a buf of plaintext at most; 0: the pool's room */
    uint32_t tx_again_sz;  /* a write wolfSSL could not finish: repeat it with this size */
    struct lg_hello_asm hello;
    int16_t cert_idx;    /* of the certificate that was chosen */
    uint16_t staple_sz;  /* 1.3: of the answer in our Certificate; 0: none */
    bool wants_staple;   /* its client asked for an OCSP answer, and its certificate has some */
    bool has_status;     /* 1.2: ServerHello said that one follows */
    bool has_ems;        /* the hello offers extended_master_secret */
    bool has_dud;        /* its ticket must open nothing */
    struct lg_bufq held; /* the hello as one record, until wolfSSL has read it */
    struct lg_kept_cert *kept; /* owns, in the arena; NULL: none */
    struct lg_ident *ident;    /* owns, in the arena; NULL: none is kept */
    struct lg_waiting *wait;   /* owns, in the arena; NULL: there is nothing to wait for */
    struct lg_ticket *ticket;  /* owns, in the arena; until the handshake is over */
    const char *peer_name;     /* client: borrows: the server's name, "" none */
    /* -- only during a call -- */
    struct lg_bufq *in, *out;
    uint32_t seg_sz;
    lg_ns_t now_ns;
    struct lg_rec rec;
    struct lg_tls_info info; /* owns the text of sni, in the arena, where it is not "" */
    void *cert_text; /* owns, in the arena: lg_tls_cert_text, or the tight form of an open one */
};

/* info.c: lg_info_init makes all texts "". lg_info_set_sni copies a checked name; false: no memory.
 * lg_info_cert gives empty room for a certificate's texts, where t->info shows them; NULL: no
 * memory. lg_info_settle, at OPEN: what is not needed any more is freed. */
void lg_info_init(struct lg_tls_info *i);
LG_MUST bool lg_info_set_sni(struct lg_tls *t, const char *sni);
struct lg_tls_cert_text *lg_info_cert(struct lg_tls *t);
void lg_info_settle(struct lg_tls *t);
void lg_info_fini(struct lg_tls *t);

/* lg_tls_new takes a connection from the pool, its fields as before the first byte; NULL: empty. */
struct lg_tls *lg_tls_new(struct lg_tls_core *core, const struct lg_tls_policy *policy);
/* lg_tls_fail_plain: refuse before wolfSSL exists: a plaintext alert, reason, counter. */
lg_err_t lg_tls_fail_plain(struct lg_tls *t, enum lg_tls_reason reason, uint8_t alert);
/* lg_tls_count_failure sets the reason once and bumps its counter. */
void lg_tls_count_failure(struct lg_tls *t, enum lg_tls_reason reason);
lg_err_t lg_tls_reason_err(enum lg_tls_reason reason);

/* hs_wolf.c: lg_hs_start makes the wolfSSL object for a parsed hello; lg_hs_step moves it on. */
lg_err_t lg_hs_start(struct lg_tls *t, const struct lg_hello *h, int cert_idx, const char *alpn);
lg_err_t lg_hs_step(struct lg_tls *t);
/* lg_hs_fail turns a wolfSSL error into reason, alert and FAILED. */
lg_err_t lg_hs_fail(struct lg_tls *t, int wolf_err);
/* lg_hs_free ends the wolfSSL object, if there is one. */
void lg_hs_free(struct lg_tls *t);

/* client_wolf.c: what a client adds: lg_client_opened when the handshake is done. */
void lg_client_opened(struct lg_tls *t);
bool lg_client_is_resumed(const struct lg_tls *t);
void lg_client_fini(struct lg_tls_client *c);

/* rec.c: records of an open connection, the engine's or wolfSSL's (rec.h). */
lg_err_t lg_rec_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max);
lg_err_t lg_rec_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max);
bool lg_rec_pending(const struct lg_tls *t);
void lg_rec_shutdown(struct lg_tls *t);
/* lg_rec_refuse ends an open connection with a fatal alert of ours, if there is a buf for it. */
void lg_rec_refuse(struct lg_tls *t, uint8_t alert);
void lg_rec_fini(struct lg_tls *t);

/* take_wolf.c. lg_rec_watch, before the handshake: its secrets will be noted. */
void lg_rec_watch(struct lg_tls *t);
/* lg_rec_take_over moves keys and sequence numbers to the engine and frees wolfSSL's object (t->ssl
 * is NULL then): when its accept or connect has succeeded, before anything is read or written.
 * Server or client. wolfSSL's is kept, and serves on, for a suite that the engine does not do, and
 * for a client that wants tickets.
 *   Returns  LG_OK; LG_E(BUG): wolfSSL did not give what it must: fail the connection */
LG_MUST lg_err_t lg_rec_take_over(struct lg_tls *t);
/* lg_rec_take_keys is its first half: wolfSSL's object stays, and must not be used.
 *   Returns  as above; LG_E(RANGE): a suite that the engine does not do */
LG_MUST lg_err_t lg_rec_take_keys(struct lg_tls *t);
/* lg_sent_note reads on in what wolfSSL sends. */
void lg_sent_note(struct lg_sent *s, const uint8_t *p, uint32_t n);

/* io_wolf.c: is a whole record (or one whose length is a lie) at the head of what wolfSSL will
 * read? */
bool lg_io_ready(const struct lg_tls *t);

/* auth_wolf.c: lg_auth_text gives a certificate's words; false: it cannot be read. */
LG_MUST bool lg_auth_text(lg_span_t der, struct lg_tls_cert_text *out);
/* auth_wolf.c: lg_auth_describe fills t->info's words about a certificate; false: it cannot, no
 * memory. */
LG_MUST bool lg_auth_describe(struct lg_tls *t, lg_span_t der);
/* auth_wolf.c: lg_auth_keep keeps a verified client's certificate where the policy wants it; false:
 * no memory. */
bool lg_auth_keep(struct lg_tls *t, lg_span_t der, const lg_span_t *chain, uint32_t chain_cnt);
void lg_auth_drop_kept(struct lg_tls *t);
/* auth_wolf.c: judges a client's chain, leaf first, and fills t->info; t->verified on success. */
enum lg_tls_reason lg_auth_check(struct lg_tls *t, const lg_span_t *certs, uint32_t cnt,
                                 uint8_t *alert);

/* ask_wolf.c. lg_answer_key: of a certificate; false: malformed.
 * lg_ask_about judges a client's certificate whose chain is good, issuer being who has signed it;
 * t->wait is set where the answer must be waited for.
 * lg_ask_again, of one that waits: is it over, and how? lg_ask_drop: it waits no more.
 * lg_ask_is_good: there is an answer of now, and it is good. */
#define LG_OCSP_WAIT_NS LG_SEC(3)
enum lg_wait { LG_WAIT_ON, LG_WAIT_OVER };
bool lg_answer_key(lg_span_t cert, uint8_t key[LG_ANSWER_KEY_SZ]);
enum lg_tls_reason lg_ask_about(struct lg_tls *t, lg_span_t cert, lg_span_t issuer, uint8_t *alert);
enum lg_wait lg_ask_again(struct lg_tls *t, enum lg_tls_reason *reason, uint8_t *alert);
bool lg_ask_is_good(lg_span_t cert);
void lg_ask_drop(struct lg_tls *t);
/* hs_wolf.c: lg_hs_opened counts a server's handshake that is done. */
void lg_hs_opened(struct lg_tls *t);

/* tls_names.c */
const char *lg_suite_name(uint16_t suite);
extern const uint16_t lg_suites_13[3];
#define LG_SUITES_12_CNT 6
extern const uint16_t lg_suites_12[LG_SUITES_12_CNT];
bool lg_suite_is_ecdsa(uint16_t suite);
enum lg_stat lg_reason_stat(enum lg_tls_reason r);

#endif
