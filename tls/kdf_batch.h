/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdf_batch.h: the key schedule of TLS 1.3 under SHA-384, several derivations at once.
 *
 * A full handshake asks for sixteen of them one after another, four compressions each, a fifth of
 * its cycles. Most follow from one another: who asks for "c hs traffic" will ask for "s hs
 * traffic", for both directions' keys, and for the master secret. So the first question computes
 * them all, side by side in vector lanes (sha512_lanes.h), and the answers are kept until they are
 * asked for. An answer is found by everything that went into it (secret, label, context, length):
 * whoever asks in another order, or never, changes the cost and nothing else.
 *
 * Owner: one a core; wiped by lg_kdf_forget at the end of each step of a handshake.
 * Thread: owner core; a CPU for which lg_cpu_has_ifma() says true.
 * RFC 8446 7.1, 7.3, 4.4.4; 5869; 2104 */
#ifndef LG_KDF_BATCH_H
#define LG_KDF_BATCH_H

#include "base.h"
#include "span.h"

#define LG_KDF_SZ 48 /* SHA-384 */
#define LG_KDF_ANSWERS 10

struct lg_kdf_answer {
    const char *label; /* NULL: HKDF-Extract of zeros under this salt */
    uint8_t secret[LG_KDF_SZ], context[LG_KDF_SZ], out[LG_KDF_SZ];
    uint8_t context_sz, out_sz;
};

struct lg_kdf {
    uint32_t cnt;
    struct lg_kdf_answer answers[LG_KDF_ANSWERS];
};

/* lg_kdf_expand: HKDF-Expand-Label under SHA-384, if it is one that goes with others.
 *   label    without "tls13 "
 *   context  of 0 or 48 bytes
 *   Returns  true and out written; false: ask somebody else
 *   Cost     six compressions of lanes, or a look into the table */
bool lg_kdf_expand(struct lg_kdf *k, const uint8_t secret[LG_KDF_SZ], lg_span_t label,
                   lg_span_t context, uint8_t *out, size_t out_sz);

/* lg_kdf_extract_zeros: HKDF-Extract of 48 zeros; salt NULL: zeros too (the early secret without a
 * pre-shared key). Returns likewise. */
bool lg_kdf_extract_zeros(struct lg_kdf *k, const uint8_t *salt, uint8_t out[LG_KDF_SZ]);

/* lg_kdf_forget wipes the answers. */
void lg_kdf_forget(struct lg_kdf *k);

#endif
