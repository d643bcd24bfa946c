/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aead.h: the three AEADs of the record engine over scattered bytes. rec_mb.c does them with Intel
 * ipsec-mb and is the only file that knows that library.
 *
 * A connection keeps raw keys. AES-GCM wants them expanded, a kilobyte each, so an engine keeps a
 * fixed number of expanded ones and makes room by a clock: one that was used since the hand last
 * passed stays. To expand costs about as much as to encrypt a packet.
 *
 * It compares no tags and knows no nonces: those are keys.c's and rec_rx.c's.
 * Thread owner core, all of it: one engine a worker. RFC 5116, 8439; NIST SP 800-38D */
#ifndef LG_AEAD_H
#define LG_AEAD_H

#include "base.h"
#include "err.h"

#define LG_AEAD_TAG_SZ 16
#define LG_AEAD_KEY_MAX 32
#define LG_AEAD_NONCE_SZ 12
#define LG_AEAD_AAD_MAX 13
#define LG_AEAD_MAX_SZ (16384 + 2048) /* bytes of one message */

enum lg_aead_alg {
    LG_AEAD_AES_128_GCM,
    LG_AEAD_AES_256_GCM,
    LG_AEAD_CHACHA20_POLY1305,
    LG_AEAD_CNT,
};

/* What the library may use of the processor. Anything but AUTO is for tests. */
enum lg_aead_arch {
    LG_AEAD_AUTO,
    LG_AEAD_SSE,
    LG_AEAD_AVX2,
    LG_AEAD_AVX512,
};

struct lg_aead; /* one worker's */

/* A raw key and where its expanded form was last. It must not move while an engine may know it:
 * lg_aead_forget first. */
struct lg_aead_key {
    uint8_t raw[LG_AEAD_KEY_MAX];
    uint32_t slot; /* a guess: right when that slot says so */
    uint8_t alg;   /* enum lg_aead_alg */
};

/* len bytes from src to dst; the two are the same or do not overlap. */
struct lg_aead_piece {
    const uint8_t *src;
    uint8_t *dst;
    uint32_t len;
};

/* One message: its pieces in order, what is authenticated besides, its nonce. */
struct lg_aead_msg {
    const struct lg_aead_piece *piece;
    uint32_t piece_cnt; /* may be 0: an empty message; LG_AEAD_MAX_SZ bytes in all at most */
    uint32_t aad_sz;    /* at most LG_AEAD_AAD_MAX */
    uint8_t aad[16];
    uint8_t nonce[LG_AEAD_NONCE_SZ];
};

/* lg_aead_footprint/init: 64-byte-aligned zeroed memory for an engine with slot_cnt expanded keys.
 *   Returns  LG_OK; LG_E(SYS): the processor lacks what arch asks, or the library's self-test
 *            failed */
size_t lg_aead_footprint(uint32_t slot_cnt);
LG_MUST lg_err_t lg_aead_init(void *mem, uint32_t slot_cnt, enum lg_aead_arch arch,
                              struct lg_aead **out);
/* lg_aead_fini wipes every expanded key. */
void lg_aead_fini(struct lg_aead *a);

/* lg_aead_seal encrypts and writes the tag; lg_aead_open decrypts and writes the tag that the bytes
 * should have had: the plaintext counts only after the caller has compared it (lg_tag_eq). */
void lg_aead_seal(struct lg_aead *a, struct lg_aead_key *k, const struct lg_aead_msg *m,
                  uint8_t tag[LG_AEAD_TAG_SZ]);
void lg_aead_open(struct lg_aead *a, struct lg_aead_key *k, const struct lg_aead_msg *m,
                  uint8_t tag[LG_AEAD_TAG_SZ]);
/* lg_aead_forget wipes the expanded form of k, if there is one. */
void lg_aead_forget(struct lg_aead *a, struct lg_aead_key *k);
/* Keys expanded so far, and those out now. */
uint64_t lg_aead_expanded(const struct lg_aead *a);
uint32_t lg_aead_slots_used(const struct lg_aead *a);

static inline uint32_t lg_aead_key_sz(enum lg_aead_alg alg)
{
    return alg == LG_AEAD_AES_128_GCM ? 16 : 32;
}

/* lg_tag_eq compares in constant time. */
static inline bool lg_tag_eq(const uint8_t *a, const uint8_t *b)
{
    uint64_t x[2], y[2];
    __builtin_memcpy(x, a, sizeof x);
    __builtin_memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

#endif
