/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_forwarded.h: what backends hear of the client: X-Forwarded-For, -Proto and -Port, and
 * Forwarded (RFC 7239). Whom the listener believes is said in struct lg_http_client. Pure; thread
 * any. */
#ifndef LG_HTTP_FORWARDED_H
#define LG_HTTP_FORWARDED_H

#include "http_head.h"

/* lg_http_put_forwarded writes the fields that the listener wants written, and of those that came
 * what is to be kept. */
void lg_http_put_forwarded(const struct lg_http_head *h, const struct lg_http_client *c,
                           struct lg_http_text *t);

/* lg_http_is_forwarded: a whole Forwarded field, RFC 7239 section 4: elements, each of pairs, with
 * every quoted string closed. What is not could swallow the element we append. Cost O(value). */
bool lg_http_is_forwarded(lg_span_t value);

#endif
