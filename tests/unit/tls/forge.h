/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forge.h: records that no client would send, under the client's keys of a rig's connection, and a
 * second reader and writer of the same connection. */
#ifndef LG_TEST_FORGE_H
#define LG_TEST_FORGE_H

#include "rig.h"

struct forge {
    struct lg_keys keys; /* the client's sending keys, kept in step by forge_record */
    void *mem;
    struct lg_aead *aead;
};

/* A version and suite, as rig_suite makes the client offer it. */
struct suite {
    int version;
    const char *name; /* OpenSSL's */
};
extern const struct suite suites[6]; /* all of the engine's: three of 1.3, three of 1.2 */

/* rig_suite builds and connects with only this suite. */
void rig_suite(struct rig *r, const struct suite *s);
/* forge_init copies the keys of an open connection of the engine's. */
void forge_init(struct forge *f, const struct rig *r);
void forge_fini(struct forge *f);
/* forge_inner makes one record of exactly these bytes: under 1.3 they end with the inner type and
 * padding; type is the outer one. Returns its size. */
uint32_t forge_inner(struct forge *f, uint8_t *out, uint8_t type, const void *p, uint32_t n);
/* forge_record makes one record of content and type, as a client would. */
uint32_t forge_record(struct forge *f, uint8_t *out, uint8_t type, const void *p, uint32_t n);
/* give hands bytes to the server, in bufs of at most cut bytes (0: as they fit). */
void give(struct rig *r, const void *p, size_t n, uint32_t cut);
/* forge_to_client moves what the server has put out. */
void forge_to_client(struct rig *r);
/* Pseudo-random numbers below 2^24, and a pattern of bytes. */
uint32_t forge_next(uint32_t *seed);
void forge_fill(uint8_t *p, uint32_t n, uint32_t seed);
/* expect_refused: the connection failed with this alert, and the client understood it; nothing of
 * plaintext came out. */
void expect_refused(struct rig *r, int alert);

#endif
