/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_route.h: which pool a request goes to. Pure; thread any.
 *
 * Order: routes of the exact host, then of the wildcard ("*.x" stands for exactly one label, as in
 * certificates), then of "*"; within each the longest path that matches. A host whose own routes
 * do not match the path falls through to the next kind.
 *
 * Paths are matched on a normal form, so that no spelling of a path escapes its route: percent
 * codes of unreserved characters are decoded (RFC 3986 section 6.2.2.2), dot segments removed,
 * runs of '/' merged. %2F stays what it is. What is forwarded is the target as it came. Refused
 * (400): "%00", a broken percent code, and ".." above the root. */
#ifndef LG_HTTP_ROUTE_H
#define LG_HTTP_ROUTE_H

#include "config.h"
#include "err.h"
#include "span.h"

#define LG_ROUTE_NONE UINT32_MAX

/* lg_http_path_normal writes the normal form of a path (query allowed, left out) into out.
 *   out      at least path.len + 1 bytes
 *   Returns  LG_OK and *len, no NUL; LG_E(HTTP_BAD) */
LG_MUST lg_err_t lg_http_path_normal(lg_span_t path, char *out, size_t *len);
/* lg_http_route_find gives the index of the route for a host (lower case, no port; may be empty)
 * and a path in normal form, or LG_ROUTE_NONE. Cost O(route_cnt). */
uint32_t lg_http_route_find(const struct lg_cfg_listener *l, lg_span_t host, lg_span_t path);

#endif
