/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_body.h: finding the end of a head and moving body bytes, both over queues of bufs as they
 * arrive. It knows framing, not meaning. Thread: owner core. */
#ifndef LG_HTTP_BODY_H
#define LG_HTTP_BODY_H

#include "buf.h"
#include "http_chunk.h"

/* -- the end of a head -- */

struct lg_http_scan {
    uint32_t seen_sz;  /* bytes looked at */
    uint8_t match_cnt; /* bytes of CR LF CR LF matched at the end of them */
};
enum lg_http_scan_stop { LG_SCAN_MORE, LG_SCAN_FOUND, LG_SCAN_BAD };

/* lg_http_scan_head looks at the bytes of q it has not seen yet.
 *   Returns  FOUND: the head is the first s->seen_sz bytes, its empty line included; BAD: a LF
 *            without CR, or a NUL, which no head has; MORE. Once FOUND, always FOUND.
 *   Cost     O(bytes not seen before) + O(bufs of q) */
enum lg_http_scan_stop lg_http_scan_head(struct lg_http_scan *s, const struct lg_bufq *q);

/* -- queues -- */

/* lg_q_move moves the first n bytes, n in [0,src->bytes], from src to dst: whole bufs as they are,
 * the part of a buf by copying.
 *   Returns  bytes moved: fewer than n when the pool ran empty */
uint32_t lg_q_move(struct lg_bufq *dst, struct lg_bufq *src, uint32_t n, struct lg_bufpool *pool);
/* lg_q_compact copies q into few bufs when it holds many small ones, so that a peer that sends a
 * byte at a time cannot hold a buf with each. Does what the pool allows. */
void lg_q_compact(struct lg_bufq *q, struct lg_bufpool *pool);
/* lg_q_copy appends a copy of all of src to dst; false: the pool ran empty, dst is as before. */
bool lg_q_copy(struct lg_bufq *dst, const struct lg_bufq *src, struct lg_bufpool *pool);

/* -- a body -- */

enum lg_http_framing {
    LG_HTTP_NONE,    /* no body */
    LG_HTTP_LENGTH,  /* Content-Length */
    LG_HTTP_CHUNKED, /* Transfer-Encoding: chunked */
    LG_HTTP_CLOSE,   /* responses only: up to the end of the connection */
};

struct lg_http_body {
    uint8_t framing;           /* enum lg_http_framing */
    bool done;                 /* all of it has been moved */
    bool has_ended;            /* chunked: the end has been read */
    bool drops_chunks;         /* give the data without its framing (to an HTTP/1.0 client) */
    uint8_t emit_sz, emit_off; /* framing bytes that still have to go out: emit[off, sz) */
    char emit[24];
    uint64_t left; /* LENGTH: bytes to come */
    struct lg_chunk chunk;
};

/* lg_http_body_init: length only for LENGTH. A body without bytes is done at once. */
void lg_http_body_init(struct lg_http_body *b, enum lg_http_framing framing, uint64_t length);
/* lg_http_body_move moves what there is of the body from src to dst. Chunked bodies are framed
 * anew from the checked sizes: same chunks, no extensions, no trailers.
 *   max      bytes of data to move at most, about
 *   Returns  LG_OK; LG_E(AGAIN) the pool ran empty, nothing lost; LG_E(HTTP_BAD) malformed */
LG_MUST lg_err_t lg_http_body_move(struct lg_http_body *b, struct lg_bufq *src, struct lg_bufq *dst,
                                   uint32_t max, struct lg_bufpool *pool);

#endif
