/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_reply.h: the responses the proxy makes itself. Pure; thread any. */
#ifndef LG_HTTP_REPLY_H
#define LG_HTTP_REPLY_H

#include "http_head.h"

#define LG_HTTP_REPLY_SZ 512u

/* lg_http_reason: the reason phrase of a status; "Status" for one that has none here. */
const char *lg_http_reason(uint16_t status);
/* A response that a rule makes. */
struct lg_http_answer {
    uint16_t status;
    const char *type; /* Content-Type; of a body that is there */
    size_t body_sz;
    lg_span_t location; /* empty: none */
};
/* lg_http_write_answer writes its head. */
void lg_http_write_answer(const struct lg_http_answer *a, enum lg_http_conn conn,
                          const struct lg_http_changes *ch, struct lg_http_text *out);

/* lg_http_write_reply writes a whole short response: plain text with its length.
 *   is_head  the request was HEAD: the length is told, the text left out */
void lg_http_write_reply(uint16_t status, bool is_head, enum lg_http_conn conn,
                         struct lg_http_text *out);

#endif
