/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.h: the traffic keys of one direction of one connection: what a record's nonce and
 * additional data are, when the keys must be replaced, and what replaces them.
 *
 * Thread owner core. RFC 8446 5.2, 5.3, 5.5, 7.2, 7.3; 5246 6.2.3.3; 5288 3; 7905 2 */
#ifndef LG_KEYS_H
#define LG_KEYS_H

#include "aead.h"

#define LG_SECRET_MAX 48 /* SHA-384's size */

/* How records of a version and algorithm look. */
enum lg_rec_form {
    LG_FORM_13,        /* nonce: IV xor sequence; content type inside */
    LG_FORM_12_GCM,    /* nonce: 4-byte salt and 8 explicit bytes */
    LG_FORM_12_CHACHA, /* nonce: IV xor sequence, none explicit */
};

struct lg_keys {
    struct lg_aead_key aead;
    uint8_t iv[LG_AEAD_NONCE_SZ]; /* of 1.2 GCM only the first 4 bytes: the salt */
    uint8_t form;                 /* enum lg_rec_form */
    uint8_t secret_sz;            /* 32 or 48 under 1.3, else 0 */
    uint64_t seq;                 /* of the next record */
    union {
        uint8_t secret[LG_SECRET_MAX]; /* 1.3: this generation's traffic secret */
        struct {
            uint64_t explicit0; /* 1.2 GCM, sending: the explicit nonce of sequence number 0 */
            uint64_t blocks;    /* 1.2: cipher blocks under these keys so far */
        } v12;
    };
};

/* What one algorithm allows under one key. */
struct lg_aead_limits {
    uint64_t records; /* 1.3: replace the keys at this many */
    uint64_t blocks;  /* 1.2, where keys cannot be replaced: end the connection at this many */
};
/* By enum lg_aead_alg. A test may hand a core lower ones (tls_priv.h). */
extern const struct lg_aead_limits lg_aead_limits[LG_AEAD_CNT];

/* lg_keys_nonce_explicit: bytes of a record that carry the nonce. */
static inline uint32_t lg_keys_explicit_sz(const struct lg_keys *k)
{
    return k->form == LG_FORM_12_GCM ? 8 : 0;
}

/* lg_keys_begin fills in nonce and additional data of the next record.
 *   hdr           the record's 5 header bytes
 *   explicit_in   1.2 GCM: the record's 8 explicit bytes; else ignored
 *   content_sz    bytes of the content (without nonce and tag) */
void lg_keys_begin(const struct lg_keys *k, const uint8_t hdr[5], const uint8_t *explicit_in,
                   uint32_t content_sz, struct lg_aead_msg *m);
/* lg_keys_explicit writes the 8 explicit bytes of the next record to send. 1.2 GCM. */
void lg_keys_explicit(const struct lg_keys *k, uint8_t out[8]);
/* lg_keys_used counts a record of content_sz bytes. */
void lg_keys_used(struct lg_keys *k, uint32_t content_sz);

enum lg_keys_state { LG_KEYS_FRESH, LG_KEYS_UPDATE_DUE, LG_KEYS_WORN };
/* lg_keys_state: may the next record be sent?
 *   Returns  FRESH: yes; UPDATE_DUE: after a key update (1.3); WORN: never again */
enum lg_keys_state lg_keys_state(const struct lg_keys *k, const struct lg_aead_limits *limits);

/* lg_keys_next makes the next generation (1.3): secret, key, IV; the sequence starts at 0.
 *   Returns  LG_OK; LG_E(BUG): the keys are as they were */
LG_MUST lg_err_t lg_keys_next(struct lg_keys *k, struct lg_aead *a);
/* lg_keys_wipe forgets the expanded key and zeroes all. */
void lg_keys_wipe(struct lg_keys *k, struct lg_aead *a);

/* kdf_wolf.c: HKDF-Expand-Label with an empty context, by SHA-256 or SHA-384 after secret_sz.
 *   Returns  LG_OK, or LG_E(BUG) */
LG_MUST lg_err_t lg_kdf_expand_label(const uint8_t *secret, uint32_t secret_sz, const char *label,
                                     uint8_t *out, uint32_t out_sz);

#endif
