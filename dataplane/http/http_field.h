/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_field.h: small readers that the HTTP head files share: characters, names, lists, the
 * request target and the host. Internal to this folder. Thread any, pure. */
#ifndef LG_HTTP_FIELD_H
#define LG_HTTP_FIELD_H

#include "http_head.h"

/* RFC 9110 section 5.6.2: tchar. */
extern const bool lg_http_tchar[256];
static inline bool lg_http_is_tchar(uint8_t b)
{
    return lg_http_tchar[b];
}
static inline bool lg_http_is_blank(uint8_t b)
{
    return b == ' ' || b == '\t';
}
/* lg_http_is_same compares without case (ASCII). */
bool lg_http_is_same(lg_span_t a, lg_span_t b);
/* lg_http_is_alike: two names that servers which make variables of them cannot tell apart. */
bool lg_http_is_alike(lg_span_t a, lg_span_t b);
/* lg_http_is_same_text: the same for two authorities. */
#define lg_http_is_same_text lg_http_is_same
/* lg_http_field_find names a field. One that differs from a known name only by another
 * sign for '-', as '_' or '.', gives LG_HF_IDENTITY: never passed on in requests, never believed.
 */
enum lg_http_field_id lg_http_field_find(lg_span_t name);
/* lg_http_list_next cuts the next element, blanks trimmed, off a comma-separated list; false: no
 * more. Elements may be empty. */
bool lg_http_list_next(lg_span_t *rest, lg_span_t *item);
/* lg_http_split_target sets h->path, and gives the authority of an absolute-form target (RFC 9112
 * section 3.2). Returns NULL or what is wrong. */
const char *lg_http_split_target(struct lg_http_head *h, lg_span_t *authority);
/* lg_http_split_host checks h->authority (a reg-name of letters, digits, '.', '-' and '_', or a
 * bracketed IPv6 address; an optional port) and sets h->host. */
bool lg_http_split_host(struct lg_http_head *h);

#endif
