/* SPDX-License-Identifier: GPL-2.0-or-later */
/* head.h: HTTP/1.1 heads as far as a bench needs them, for both of its ends: the first line,
 * Content-Length, Connection, chunked or not, and our own mark. Thread any, pure. */
#ifndef BL_HEAD_H
#define BL_HEAD_H

#include "buf.h"

#define BL_HEAD_MAX 8192u /* bytes of a head */

struct bl_head {
    lg_span_t first;                      /* the first line */
    uint64_t length;                      /* Content-Length; UINT64_MAX: none */
    bool is_chunked, will_close, is_ours; /* ours: X-Blast is there */
};
/* bl_head_take finds a whole head at the front of q and reads it; text holds it until the call's
 * next use (in q's first buf or in scratch); nothing is consumed.
 *   Returns  bytes of the head; 0: not whole yet; UINT32_MAX: no head, or too long a one */
uint32_t bl_head_take(const struct lg_bufq *q, uint8_t *scratch, struct bl_head *out);
/* bl_uint reads digits at the front of *s and moves past them; false: none, or too many. */
bool bl_uint(lg_span_t *s, uint64_t *out);

#endif
