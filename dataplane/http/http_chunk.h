/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_chunk.h: reading the chunked transfer coding (RFC 9112 section 7.1) strictly, one byte at a
 * time, whatever way the bytes were cut. Chunk data itself is not looked at: its length is given
 * to the caller, who moves it.
 *
 * Refused: bare LF or CR, blanks around the size, no digit or more than 15 of them, control bytes
 * in extensions or trailers, a trailer line that begins with a blank, more than
 * LG_CHUNK_EXTRA_MAX bytes of extensions and trailers in one body. Extensions and trailers are
 * read and dropped: a trailer must not become a header of our own making at a peer that merges
 * them. */
#ifndef LG_HTTP_CHUNK_H
#define LG_HTTP_CHUNK_H

#include "err.h"
#include "span.h"

#define LG_CHUNK_EXTRA_MAX 8192u
#define LG_CHUNK_DIGITS_MAX 15u

struct lg_chunk {
    uint8_t state; /* enum in http_chunk.c; 0 expects the first size */
    uint8_t digit_cnt;
    uint32_t extra_sz; /* bytes of extensions and trailers so far */
    uint64_t left;     /* bytes of chunk data to come, while in data */
};

/* What stopped lg_chunk_read. */
enum lg_chunk_stop {
    LG_CHUNK_MORE, /* all of `in` is read, nothing to report */
    LG_CHUNK_SIZE, /* a size line is complete: c->left > 0 bytes of data follow */
    LG_CHUNK_END,  /* the last chunk and its trailers are read: the body is over */
    LG_CHUNK_BAD,
};

/* lg_chunk_read reads framing bytes up to the next event.
 *   in       borrowed, hostile
 *   used     bytes read, in [0,in.len]
 *   Returns  see enum lg_chunk_stop. After SIZE the caller consumes c->left bytes of data through
 *            lg_chunk_data before it calls again.
 *   Thread any, pure. Cost O(used). */
enum lg_chunk_stop lg_chunk_read(struct lg_chunk *c, lg_span_t in, size_t *used);
/* lg_chunk_is_data: data bytes come next, c->left of them. */
bool lg_chunk_is_data(const struct lg_chunk *c);
/* lg_chunk_data tells that n bytes of data have been moved, n in [0,c->left]. */
void lg_chunk_data(struct lg_chunk *c, uint64_t n);

#endif
