/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_priv.h: what one HTTP exchange of a session keeps, and the worker's scratch for heads.
 *
 * A head (request or response) is gathered in the queue it arrived in, bounded by max_header_sz;
 * only when it is complete is it copied into the worker's one scratch, parsed, rewritten and gone
 * again within one step. So a client that sends its head slowly holds packet buffers in
 * proportion to the bytes it sent, and no head memory. */
#ifndef LG_HTTP_PRIV_H
#define LG_HTTP_PRIV_H

#include "buf.h"
#include "http_body.h"
#include "http_head.h"
#include "ns.h"

/* The largest max_header_sz the configuration allows; also the bound of response heads. */
#define LG_HTTP_HEAD_MAX (256u << 10)
/* What rewriting may add to a head. */
#define LG_HTTP_HEAD_GROWTH (64u << 10)

struct lg_http_scratch {
    struct lg_http_head head;
    char path[LG_HTTP_URI_MAX + 1];       /* of the request, in normal form */
    char target[2 * LG_HTTP_URI_MAX + 1]; /* what a rule makes of it */
    uint8_t in[LG_HTTP_HEAD_MAX];
    char out[LG_HTTP_HEAD_MAX + LG_HTTP_HEAD_GROWTH];
};

enum lg_http_phase {
    LG_HP_IDLE,     /* between requests: not a byte of the next one */
    LG_HP_HEAD,     /* reading a request head */
    LG_HP_CONNECT,  /* routed; the backend connection is opening */
    LG_HP_EXCHANGE, /* request and response flow */
};

struct lg_rule;

struct lg_http {
    uint8_t phase;              /* enum lg_http_phase */
    bool is_head;               /* method HEAD: the response has no body */
    bool is_idempotent;         /* may be sent twice (RFC 9110 section 9.2.2) */
    bool client_11;             /* HTTP/1.1, not 1.0 */
    bool client_keep;           /* the client may send another request after this one */
    bool keep_back;             /* the response leaves the backend connection usable */
    bool has_resp_head;         /* the final response's head is on its way to the client */
    bool has_resp_byte;         /* anything came from the backend for this request */
    bool body_sent;             /* request body bytes are on their way to the backend */
    bool wants_fresh;           /* do not use a kept connection (one has just failed) */
    bool is_waiting;            /* the response deadline is running */
    bool is_said;               /* why it fails is in the log already */
    bool had_blank;             /* one empty line before the request line has been skipped */
    bool has_sticky;            /* its cookie names a backend of the pool */
    bool is_sticky_old;         /* ... by a key that signs no more: it gets a new one */
    uint32_t sticky_idx;        /* that backend */
    lg_ns_t sent_ns;            /* when the backend had the request, as far as it was there */
    const struct lg_rule *rule; /* borrows: of the pinned snapshot; NULL: none took it yet */
    struct lg_http_scan scan;   /* of the head being gathered */
    struct lg_http_body req, resp;
    struct lg_bufq replay; /* the request head once more, while it may have to be sent again */
};

#endif
