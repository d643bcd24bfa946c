/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_http.c: any bytes as a request head, a response head, a chunked body or a path. What is
 * accepted is written for the next hop and must be accepted again, with the same framing: a peer
 * that reads our words must see the message we saw.
 * Target Functions: lg_http_parse_request, lg_http_parse_response, lg_http_write_request,
 * lg_http_write_response, lg_http_body_move, lg_http_path_normal */
#include "http_head.h"
#include "http_route.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lg_http_head first, second;
static char text[(1u << 20) + 8192];
static const struct lg_http_changes none;

static void request(lg_span_t raw)
{
    static const struct lg_http_client client = {.ip = "192.0.2.1",
                                                 .proto = "https",
                                                 .default_host = "fallback",
                                                 .port = 443,
                                                 .is_mutual = true,
                                                 .has_cert = true,
                                                 .subject = "s",
                                                 .issuer = "i",
                                                 .serial = "1",
                                                 .fingerprint = "f"};
    struct lg_http_text out = {.p = text, .cap = sizeof text};

    if (!lg_is_ok(lg_http_parse_request(raw, &first))) {
        if (first.refuse_status < 400 || !first.refuse_why)
            abort();
        return;
    }
    lg_http_write_request(&first, &client, &none, &out);
    /* Our own fields may be the ones too many; that is no disagreement. */
    if (out.over || first.field_cnt + 12 > LG_HTTP_FIELDS_MAX ||
        first.target.len + 1 > LG_HTTP_URI_MAX)
        return;
    if (!lg_is_ok(lg_http_parse_request(lg_span(text, out.len), &second)))
        abort();
    if (second.framing != first.framing || second.length != first.length ||
        !lg_span_eq(second.method, first.method))
        abort();
    if (first.host_len &&
        (first.host_len != second.host_len || memcmp(first.host, second.host, first.host_len)))
        abort();
}

static void response(lg_span_t raw)
{
    struct lg_http_text out = {.p = text, .cap = sizeof text};

    if (!lg_is_ok(lg_http_parse_response(raw, &first)))
        return;
    enum lg_http_framing framing = lg_http_response_framing(&first, false);
    lg_http_write_response(&first, framing, framing == LG_HTTP_CLOSE ? LG_HC_CLOSE : LG_HC_NONE,
                           &none, &out);
    if (out.over || first.field_cnt + 3 > LG_HTTP_FIELDS_MAX)
        return;
    if (!lg_is_ok(lg_http_parse_response(lg_span(text, out.len), &second)) ||
        second.status != first.status || lg_http_response_framing(&second, false) != framing ||
        (framing == LG_HTTP_LENGTH && second.length != first.length))
        abort();
}

static void to_queue(struct lg_bufq *q, struct lg_bufpool *pool, lg_span_t in)
{
    /* The first byte says how the rest is cut. */
    uint32_t cut = in.len ? in.p[0] % 32 + 1u : 1;
    for (size_t off = 1; off < in.len; off += cut) {
        struct lg_buf *b = lg_buf_take(pool);
        if (!b)
            return;
        b->len = (uint32_t)LG_MIN((size_t)cut, in.len - off);
        memcpy(b->data, in.p + off, b->len);
        lg_bufq_push(q, b);
    }
}

/* body: what comes out must be a chunked body that comes out of itself unchanged. */
static void body(lg_span_t in)
{
    static char once[65536], twice[65536];
    struct lg_bufheap heap;
    struct lg_bufq src = {0}, mid = {0}, out = {0};
    struct lg_http_body b;

    lg_bufheap_init(&heap, 65536, 64);
    to_queue(&src, &heap.pool, in);
    lg_http_body_init(&b, LG_HTTP_CHUNKED, 0);
    lg_err_t e = lg_http_body_move(&b, &src, &mid, UINT32_MAX, &heap.pool);
    if (lg_is_ok(e) && b.done && mid.bytes <= sizeof once) {
        uint32_t n = lg_bufq_copy_out(&mid, 0, once, sizeof once);
        lg_http_body_init(&b, LG_HTTP_CHUNKED, 0);
        e = lg_http_body_move(&b, &mid, &out, UINT32_MAX, &heap.pool);
        if (!lg_is_ok(e) || !b.done || mid.bytes || out.bytes != n ||
            lg_bufq_copy_out(&out, 0, twice, sizeof twice) != n || memcmp(once, twice, n) != 0)
            abort();
    }
    lg_bufq_drop_all(&src);
    lg_bufq_drop_all(&mid);
    lg_bufq_drop_all(&out);
    if (heap.cnt_out != 0)
        abort();
}

/* path: a normal form is its own normal form, and has no way up. */
static void path(lg_span_t in)
{
    static char a[8193], b[8194];
    size_t len, again;

    if (in.len > 8191 || !lg_is_ok(lg_http_path_normal(in, a, &len)))
        return;
    if (len == 0 || len > in.len + 1 || a[0] != '/' || memmem(a, len, "/../", 4) ||
        memmem(a, len, "//", 2))
        abort();
    if (!lg_is_ok(lg_http_path_normal(lg_span(a, len), b, &again)) || again != len ||
        memcmp(a, b, len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > (1u << 16))
        return 0;
    lg_span_t rest = lg_span(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        request(rest);
        break;
    case 1:
        response(rest);
        break;
    case 2:
        body(rest);
        break;
    default:
        path(rest);
        break;
    }
    return 0;
}
