/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revoked.h: certificates revoked by the operator, without waiting for a CA's list: issuer and
 * serial number, in a set that policies hold beside their revocation lists (R31).
 *
 * The issuer is told by the SHA-256 of its name (DER), of which 64 bits are compared: enough to
 * tell apart the issuers that a bundle trusts, and two that met would revoke, not admit.
 *
 * The file, one a line, `#` begins a comment; what lockgatectl appends has one with the time:
 *     SHA-256 of the issuer's name in hex, blank, serial number in hex
 *
 * A set is immutable; a change makes a new one. Thread control; lg_revoked_has: any. */
#ifndef LG_REVOKED_H
#define LG_REVOKED_H

#include "crl.h"
#include "err.h"

#define LG_REVOKED_MAX 65536u /* of a set */
#define LG_REVOKED_HASH_SZ 32 /* SHA-256 */
#define LG_REVOKED_LINE_SZ 160

struct lg_revocation {
    uint8_t issuer[LG_REVOKED_HASH_SZ]; /* SHA-256 of the DER of its name */
    uint8_t serial_sz;                  /* in [1, LG_SERIAL_MAX_SZ] */
    uint8_t serial[LG_SERIAL_MAX_SZ];   /* without leading zeroes */
};

struct lg_revoked {
    uint32_t ref_cnt;
    uint32_t cnt;
    bool has_digest;
    uint8_t digest[LG_REVOKED_HASH_SZ]; /* lg_revoked_digest's */
    struct lg_revocation one[];         /* sorted, none twice */
};

/* The 64 bits of an issuer that are compared. */
static inline uint64_t lg_issuer_id(const uint8_t hash[LG_REVOKED_HASH_SZ])
{
    uint64_t id;
    memcpy(&id, hash, sizeof id);
    return id;
}

/* lg_revocation_serial reads a serial number in hex: colons between bytes, "0x" and leading zeroes
 * allowed.
 *   Returns  LG_OK: serial and serial_sz are set; LG_E(FORMAT); LG_E(RANGE) too long. Thread any */
LG_MUST lg_err_t lg_revocation_serial(lg_span_t text, struct lg_revocation *out);
/* lg_revocation_line reads a line of the file, without its newline.
 *   Returns  LG_OK; LG_E(AGAIN): nothing on it; LG_E(FORMAT), LG_E(RANGE). Thread any, pure */
LG_MUST lg_err_t lg_revocation_line(lg_span_t line, struct lg_revocation *out);
/* lg_revocation_text writes a line without newline and comment; returns out. */
const char *lg_revocation_text(const struct lg_revocation *r, char out[LG_REVOKED_LINE_SZ]);

/* lg_revoked_parse makes a set of the file's text, with one reference.
 *   line     of the first mistake; 0: none
 *   Returns  LG_OK; LG_E(FORMAT), LG_E(RANGE): a line; LG_E(FULL); LG_E(NOMEM) */
LG_MUST lg_err_t lg_revoked_parse(lg_span_t text, struct lg_revoked **out, unsigned *line);
/* lg_revoked_with makes a set with one more entry; old: NULL is the empty set, and stays the
 * caller's. An entry that is there already makes no difference. Errors as above. */
LG_MUST lg_err_t lg_revoked_with(const struct lg_revoked *old, const struct lg_revocation *r,
                                 struct lg_revoked **out);
/* lg_revoked_hold, lg_revoked_give: a reference more and less. NULL allowed. */
struct lg_revoked *lg_revoked_hold(struct lg_revoked *s);
void lg_revoked_give(struct lg_revoked *s);
/* lg_revoked_same: do they revoke the same? */
bool lg_revoked_same(const struct lg_revoked *a, const struct lg_revoked *b);
/* lg_revoked_has: NULL is the empty set. serial: leading zeroes allowed. Cost O(log n) */
bool lg_revoked_has(const struct lg_revoked *s, uint64_t issuer_id, lg_span_t serial);

/* revoked_wolf.c: lg_revoked_digest: of all entries, the same for the same ones: it decides which
 * tickets open. NULL: no memory. */
const uint8_t *lg_revoked_digest(struct lg_revoked *s);

#endif
