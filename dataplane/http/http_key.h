/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_key.h: the part of a request that a pool balances by. Pure; thread any. */
#ifndef LG_HTTP_KEY_H
#define LG_HTTP_KEY_H

#include "config.h"
#include "http_head.h"

/* lg_http_key finds the path without its query, the value of a header (the first of that name), or
 * of a cookie.
 *   h        a parsed request
 *   key      borrows from h
 *   Returns  false: there is none, or `by` asks for nothing of a request */
bool lg_http_key(const struct lg_http_head *h, const struct lg_cfg_balance *by, lg_span_t *key);

/* lg_http_cookie_next cuts the next "name=value" off a Cookie field, blanks trimmed, passing over
 * those of the name `without`; false: no more. */
bool lg_http_cookie_next(lg_span_t *rest, lg_span_t *pair, lg_span_t without);

/* lg_http_cookie finds the value of a request's cookie (RFC 6265 section 4.2.1). */
bool lg_http_cookie(const struct lg_http_head *h, lg_span_t name, lg_span_t *value);

#endif
