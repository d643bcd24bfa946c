/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: lg_revoked_parse lg_revocation_line lg_revocation_serial lg_revoked_has
 * Input: a file of revoked certificates. What it lists must be found, and what is written of an
 * entry must be read as the same. */
#include "revoked.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lg_revoked *s;
    unsigned line;
    if (!lg_is_ok(lg_revoked_parse(lg_span(data, size), &s, &line)))
        return 0;
    for (uint32_t i = 0; i < s->cnt; i++) {
        const struct lg_revocation *r = &s->one[i];
        struct lg_revocation again;
        char text[LG_REVOKED_LINE_SZ];
        if (!lg_revoked_has(s, lg_issuer_id(r->issuer), lg_span(r->serial, r->serial_sz)) ||
            !lg_is_ok(lg_revocation_line(lg_span_cstr(lg_revocation_text(r, text)), &again)) ||
            memcmp(&again, r, sizeof again) != 0)
            abort();
    }
    lg_revoked_give(s);
    return 0;
}
