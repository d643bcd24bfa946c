/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: lg_hello_first lg_hello_add lg_hello_parse lg_hello_name lg_hello_alpn_has
 * lg_hello_offers_version lg_der_next lg_x509_parse
 * Input: a byte stream, as a client would send it; what follows a whole hello is read as DER. */
#include "hello.h"
#include "x509.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct lg_hello *h)
{
    if (strlen(h->sni) >= LG_HELLO_NAME_SZ || h->suites.len % 2 || h->groups.len % 2)
        abort();
    (void)lg_hello_offers_version(h, 0x0304);
    (void)lg_hello_alpn_has(h, LG_SPAN_STR("http/1.1"));
    (void)lg_hello_has_u16(h->sig_algs, 0x0403);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t flat[LG_HELLO_RAW_MAX_SZ];
    struct lg_hello_asm a = {0};
    struct lg_hello h;
    struct lg_x509 x;
    size_t off = 0, have = 0;
    if (lg_hello_parse(lg_span(data, size), &h) == LG_HELLO_OK)
        use(&h);
    (void)!lg_is_ok(lg_x509_parse(lg_span(data, size), &x));
    while (lg_hello_first(lg_span(data + off, size - off)) == LG_FIRST_TLS) {
        uint32_t len = lg_get_be16(data + off + 3);
        if (size - off < LG_REC_HDR_SZ + (size_t)len)
            return 0;
        enum lg_hello_step s = lg_hello_add(&a, lg_span(data + off + LG_REC_HDR_SZ, len), len);
        if (s != LG_HELLO_MORE && s != LG_HELLO_WHOLE)
            return 0;
        memcpy(flat + have, data + off + LG_REC_HDR_SZ, len);
        have += len;
        off += LG_REC_HDR_SZ + len;
        if (s == LG_HELLO_WHOLE) {
            if (have != a.need_sz)
                abort();
            if (lg_hello_parse(lg_span(flat + 4, have - 4), &h) == LG_HELLO_OK)
                use(&h);
            return 0;
        }
    }
    return 0;
}
