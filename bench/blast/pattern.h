/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pattern.h: the bytes that origins answer with and clients upload: a fixed pseudo-random sequence
 * with a long odd period. Each transfer begins at its own offset, so that bytes which went to the
 * wrong connection, or to the wrong place, do not pass for the right ones. */
#ifndef BL_PATTERN_H
#define BL_PATTERN_H

#include "buf.h"

#define BL_PATTERN_PERIOD 65521u /* a prime: no power of two falls in step with it */
#define BL_PATTERN_PIECE 16384u  /* bytes that bl_pattern_at promises in one piece */

/* bl_pattern_init fills the table. Thread boot, once. */
void bl_pattern_init(void);
/* bl_pattern_at gives the sequence from offset off, at least BL_PATTERN_PIECE bytes. Thread any. */
const uint8_t *bl_pattern_at(uint64_t off);
/* bl_pattern_is: is p the n bytes from offset off? */
bool bl_pattern_is(const uint8_t *p, size_t n, uint64_t off);

#endif
