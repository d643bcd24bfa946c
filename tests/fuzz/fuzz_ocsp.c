/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: lg_ocsp_parse lg_ocsp_find lg_ocsp_request lg_x509_ocsp_url lg_x509_must_staple
 * Input: an OCSP answer in DER; also taken for a certificate's extensions. What is found borrows
 * from the input, and the number that an answer names can be asked for. */
#include "ocsp.h"
#include "x509.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(lg_span_t in, lg_span_t s)
{
    if (s.len && (s.p < in.p || s.p + s.len > in.p + in.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lg_span_t in = lg_span(data, size);
    struct lg_ocsp_head h;
    struct lg_ocsp_single s;
    struct lg_ocsp_id id = {.serial_sz = 1};
    uint8_t question[LG_OCSP_REQ_MAX_SZ];
    inside(in, lg_x509_ocsp_url(in));
    (void)lg_x509_must_staple(in);
    inside(in, lg_x509_key_bits(in));
    if (!lg_is_ok(lg_ocsp_parse(in, &h)))
        return 0;
    inside(in, h.tbs);
    inside(in, h.by_name);
    inside(in, h.by_key);
    inside(in, h.responses);
    inside(in, h.sig);
    inside(in, h.certs);
    /* Ask for what the first single answer is about, so that more than a comparison is reached. */
    struct lg_cur list = lg_cur(h.responses), one = lg_cur(lg_der_expect(&list, LG_DER_SEQUENCE));
    struct lg_cur c = lg_cur(lg_der_expect(&one, LG_DER_SEQUENCE));
    lg_der_expect(&c, LG_DER_SEQUENCE);
    lg_span_t name = lg_der_expect(&c, LG_DER_OCTET_STRING);
    lg_span_t key = lg_der_expect(&c, LG_DER_OCTET_STRING);
    lg_span_t serial = lg_der_uint(lg_der_expect(&c, LG_DER_INTEGER));
    if (!c.failed && name.len == 20 && key.len == 20 && serial.len <= sizeof id.serial &&
        serial.len > 0) {
        memcpy(id.name_sha1, name.p, 20);
        memcpy(id.key_sha1, key.p, 20);
        memcpy(id.serial, serial.p, serial.len);
        id.serial_sz = (uint32_t)serial.len;
    }
    (void)lg_ocsp_find(&h, &id, &s);
    if (lg_ocsp_request(&id, question) > sizeof question)
        abort();
    return 0;
}
