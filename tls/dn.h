/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dn.h: names of certificates as text, for logs, headers and rules: RFC 4514, in printable ASCII.
 * What a CA has signed is still hostile here: control bytes, quotes and what is not ASCII come out
 * as \XX, and no text is longer than its room. Pure; thread any. */
#ifndef LG_DN_H
#define LG_DN_H

#include "base.h"
#include "span.h"

/* lg_dn_text writes a name: "CN=alice,OU=Sales,O=Example". The most specific part comes first
 * (RFC 4514 2.1).
 *   name  DER of the name
 *   sz    of out, with the NUL; at least 8
 *   What does not fit is left out by whole parts, and ",..." says so, which no whole name ends
 * with; so nobody's name is a piece of another one's. A malformed name gives "". Cost  O(bytes);
 * names of more than 32 parts count as not fitting RFC   4514; strings: 2.4, types without a short
 * name: #hex */
void lg_dn_text(lg_span_t name, char *out, size_t sz);

#endif
