/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: lg_crl_parse lg_crl_table_build lg_crl_table_has lg_x509_exts_ok
 * Input: a revocation list in DER. What is listed must be found, and what a table says it holds
 * must be there. */
#include "crl.h"
#include "x509.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(lg_span_t revoked, const struct lg_crl_table *t)
{
    struct lg_cur c = lg_cur(revoked);
    struct lg_der d;
    uint32_t cnt = 0;
    while (lg_der_next(&c, &d)) {
        struct lg_cur entry = lg_cur(d.body);
        if (!lg_crl_table_has(t, lg_der_expect(&entry, LG_DER_INTEGER)))
            abort();
        cnt++;
    }
    if (cnt != t->cnt)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lg_crl_head h;
    struct lg_crl_table t;
    lg_span_t revoked = lg_span(data, size); /* entries alone, too */
    (void)lg_x509_exts_ok(revoked);
    if (lg_is_ok(lg_crl_parse(lg_span(data, size), &h)))
        revoked = h.revoked;
    if (!lg_is_ok(lg_crl_table_build(revoked, &t)))
        return 0;
    look_up(revoked, &t);
    (void)lg_crl_table_has(&t, lg_span(data, LG_MIN(size, (size_t)LG_SERIAL_MAX_SZ + 1)));
    lg_crl_table_fini(&t);
    return 0;
}
