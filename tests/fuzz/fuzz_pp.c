/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: lg_pp_parse, lg_pp_build_v1, lg_pp_build_v2
 * Whatever is read stays within its bounds, is read the same however it is cut, and can be written
 * and read again. */
#include "pp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool c)
{
    if (!c)
        abort();
}

static void write_again(const struct lg_pp_addrs *a)
{
    uint8_t out[LG_PP_OUT_MAX];
    struct lg_pp_addrs back;
    struct lg_pp_say say = {.addrs = *a,
                            .alpn = "",
                            .authority = "",
                            .version = "",
                            .cipher = "",
                            .group = "",
                            .sig_scheme = "",
                            .cn = ""};
    size_t used, n = lg_pp_build_v2(&say, out);

    expect(lg_is_ok(lg_pp_parse(lg_span(out, n), &back, &used)) && used == n);
    expect(back.is_local == a->is_local);
    expect(a->is_local || (lg_ip_eq(&back.src.ip, &a->src.ip) && back.src.port == a->src.port));
    n = lg_pp_build_v1(&say, out);
    expect(n <= LG_PP_V1_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lg_pp_addrs a, part;
    size_t used = 0, part_used;
    lg_err_t e = lg_pp_parse(lg_span(data, size), &a, &used);

    if (!lg_is_ok(e))
        return 0;
    expect(used <= size && used <= LG_PP_IN_MAX);
    for (size_t n = 0; n < used; n++)
        expect(lg_err_is(lg_pp_parse(lg_span(data, n), &part, &part_used), LG_ERR_AGAIN));
    write_again(&a);
    return 0;
}
