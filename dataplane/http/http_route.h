/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_route.h: which rule takes a request. Thread: the owner of the expressions' core.
 *
 * Order: routes of the exact host, then of the wildcard ("*.x" stands for exactly one label, as in
 * certificates), then of "*". Among those of one kind, as nginx has it: the exact path, else the
 * first expression in the order of the configuration that is found in the path, else the longest
 * path that it begins with. A host whose own routes do not match the path falls through to the next
 * kind.
 *
 * Paths are matched on a normal form, so that no spelling of a path escapes its route: percent
 * codes of unreserved characters are decoded (RFC 3986 section 6.2.2.2), dot segments removed,
 * runs of '/' merged. %2F stays what it is. What is forwarded is the target as it came, unless it
 * is rewritten. Refused (400): "%00", a broken percent code, and ".." above the root. */
#ifndef LG_HTTP_ROUTE_H
#define LG_HTTP_ROUTE_H

#include "rules.h"

/* lg_http_path_normal writes the normal form of a path (query allowed, left out) into out.
 *   out      at least path.len + 1 bytes
 *   Returns  LG_OK and *len, no NUL; LG_E(HTTP_BAD) */
LG_MUST lg_err_t lg_http_path_normal(lg_span_t path, char *out, size_t *len);

enum lg_route_outcome {
    LG_ROUTE_FOUND,
    LG_ROUTE_NONE,
    LG_ROUTE_LIMIT, /* an expression took more work than it may: which route it is, is not known */
};

struct lg_route_hit {
    const struct lg_rule *rule;        /* borrows: of the rules */
    lg_span_t rest;                    /* PREFIX: what follows, from its '/' on; else empty */
    lg_span_t groups[LG_REGEX_GROUPS]; /* REGEX; else empty */
};

/* lg_http_route_find finds the rule for a host (lower case, no port; may be empty) and a path in
 * normal form; rest and groups borrow from it. Cost O(rules), and a bounded match of each
 * expression. */
enum lg_route_outcome lg_http_route_find(const struct lg_rules *rules, struct lg_regex_core *core,
                                         lg_span_t host, lg_span_t path, struct lg_route_hit *hit);

/* lg_http_rewrite writes the target that a rule makes of a request's: the template filled in, with
 * one
 * '/' in front, and the query unless the template has one.
 *   out      at most LG_HTTP_URI_MAX bytes are written
 *   Returns  0, or the status to answer: 414 too long; 400 it would have a dot segment, which might
 *            lead out of where the template points */
uint16_t lg_http_rewrite(const struct lg_tmpl *t, const struct lg_vars *v,
                         struct lg_http_text *out);

#endif
