/* SPDX-License-Identifier: GPL-2.0-or-later */
/* siphash.h: SipHash-2-4, a keyed hash for what peers must not predict: TCP initial sequence
 * numbers (RFC 6528) and hash-table seeds.
 * After Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). Thread any, pure. */
#ifndef LG_SIPHASH_H
#define LG_SIPHASH_H

#include "base.h"

struct lg_sipkey {
    uint64_t k[2];
};

uint64_t lg_siphash(const struct lg_sipkey *key, const void *data, size_t len);

#endif
