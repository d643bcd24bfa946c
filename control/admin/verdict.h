/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.h: what would listener X say to this client? For `lockgatectl check`, of a running
 * lockgate (POST /v1/check) and of a configuration file. Thread control or boot. */
#ifndef LG_VERDICT_H
#define LG_VERDICT_H

#include "snapshot.h"

#include <jansson.h>

/* lg_verdict answers one question.
 *   ask      {"listener":NAME, "sni":NAME, "min_version":"1.2", "max_version":"1.3",
 *            "alpn":[NAME...], "certificate":PEM, "host":NAME, "path":PATH}; all but the first may
 * be left out why      on NULL: what is wrong with the question, static or of the answer's life; ""
 * no memory Returns  the answer (docs/api.md), the caller's, or NULL */
json_t *lg_verdict(const struct lg_snapshot *s, const json_t *ask, int64_t now_s, lg_ns_t now_ns,
                   char why[256]);

#endif
