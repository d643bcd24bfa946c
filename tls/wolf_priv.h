/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wolf_priv.h: wolfSSL's headers in the one right order, and those few of its functions that it
 * exports to nobody but that a static library holds: no public call sends an alert of our choice,
 * or puts a CA that we have already judged into a certificate manager. Their shapes are those of
 * 5.7.2; a change of version must compare them with wolfSSL's wolfssl/internal.h. */
#ifndef LG_WOLF_PRIV_H
#define LG_WOLF_PRIV_H

#include "tls_priv.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/error-ssl.h>

#if LIBWOLFSSL_VERSION_HEX != 0x05007002
#error "wolfSSL is not 5.7.2: compare the declarations below with its internal.h, and ticket.h"
#endif
#if WOLFSSL_TICKET_EXTRA_PADDING_SZ != 2048
#error "wolfSSL was not built with tools/wolfssl.flags: ./dev setup"
#endif

/* SendAlert builds and sends one alert under the current write keys.
 * AddCA takes *der and adds it to cm as a signer.
 * CheckHostName: 0 when a certificate is for that name.
 * HashRaw adds bytes to the transcript. */
int SendAlert(WOLFSSL *ssl, int severity, int type);
int AddCA(WOLFSSL_CERT_MANAGER *cm, DerBuffer **der, int type, int verify);
int HashRaw(WOLFSSL *ssl, const byte *p, int sz);
int CheckHostName(DecodedCert *d, const char *name, size_t name_sz);

enum { LG_WOLF_ALERT_WARNING = 1, LG_WOLF_ALERT_FATAL = 2 };
enum { LG_WOLF_USER_CA = WOLFSSL_USER_CA, LG_WOLF_CHAIN_CA = WOLFSSL_CHAIN_CA };

/* io_wolf.c */
int lg_io_recv(WOLFSSL *ssl, char *buf, int sz, void *ctx);
int lg_io_send(WOLFSSL *ssl, char *buf, int sz, void *ctx);
/* hs_wolf.c */
int lg_hs_verify_cb(int ok, WOLFSSL_X509_STORE_CTX *store);
/* x25519_wolf.c: the public key of a clamped private one, both little endian. Thread any, pure. */
void lg_x25519_public(uint8_t pub[32], const uint8_t priv[32]);
/* lg_x25519_make_key does what wc_curve25519_make_key promises. */
struct curve25519_key;
int lg_x25519_make_key(WC_RNG *rng, int keysize, struct curve25519_key *key);
/* ticket_wolf.c: wolfSSL's SessionTicketEncCb. */
int lg_ticket_cb(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac, int enc,
                 unsigned char *buf, int sz, int *out_sz, void *ctx);
/* signed_wolf.c: what somebody has signed. */
struct lg_signed {
    lg_span_t tbs, alg, params, sig;
    bool needs_crl_sign; /* the key's owner must be allowed to sign lists */
};
/* lg_signed_by: by the key of this certificate (DER)? Thread control. */
bool lg_signed_by(const struct lg_signed *s, lg_span_t cert);
/* lg_signed_is_known: a signature algorithm that we accept (SHA-1 is none). */
bool lg_signed_is_known(lg_span_t alg);
/* auth_wolf.c: lg_wolf_add_signer adds a CA's certificate to cm; 0, or wolfSSL's error.
 * lg_auth_is_strong: neither its signature nor its key is one that we refuse. */
int lg_wolf_add_signer(WOLFSSL_CERT_MANAGER *cm, lg_span_t der, int type);
bool lg_auth_is_strong(const DecodedCert *d);
/* wolf_hooks.c: lg_wolf_control_begin sees to it that a thread without a core has a generator. */
lg_err_t lg_wolf_control_begin(void);
/* lg_wolf_detach takes the core off the calling thread and returns it, for what must come from the
 * heap: give it back with lg_tls_core_attach. */
struct lg_tls_core *lg_wolf_detach(void);
/* lg_wolf_core: the calling thread's core; NULL: none. */
struct lg_tls_core *lg_wolf_core(void);

#endif
