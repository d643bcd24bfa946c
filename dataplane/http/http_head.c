/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_head.c: reading a head: the raw bytes, llhttp, then what the fields mean together. */
#include "http_head.h"

#include "http_field.h"

#include <llhttp.h>

static lg_err_t refuse(struct lg_http_head *h, uint16_t status, const char *why)
{
    h->refuse_status = status;
    h->refuse_why = why;
    return status == 414 || status == 431 ? LG_E(HTTP_TOO_LARGE) : LG_E(HTTP_BAD);
}

bool lg_http_is_token(lg_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!lg_http_is_tchar(s.p[i]))
            return false;
    return s.len > 0;
}

/* -- the raw bytes -- */

/* has_control: without leaving early, so that the compiler can look at many bytes at once. */
static bool has_control(const uint8_t *p, size_t len)
{
    uint8_t bad = 0;
    for (size_t i = 0; i < len; i++)
        bad |= (uint8_t)((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f);
    return bad;
}

/* raw_line checks one header line (without CR LF): a token, a colon, a value. */
static const char *raw_line(const uint8_t *p, size_t len)
{
    size_t i = 0;
    if (p[0] == ' ' || p[0] == '\t')
        return "folded header line";
    while (i < len && lg_http_is_tchar(p[i]))
        i++;
    if (i == 0 || i == len || p[i] != ':')
        return "malformed header name";
    i++;
    return has_control(p + i, len - i) ? "control byte in a header" : NULL;
}

/* raw_head walks the lines of a head; line 0 is the start line.
 *   Returns  NULL, or what is wrong; *line_cnt header lines, *start the start line */
static const char *raw_head(lg_span_t raw, lg_span_t *start, uint32_t *line_cnt)
{
    const uint8_t *p = raw.p, *end = raw.p + raw.len;

    *line_cnt = 0;
    for (bool is_start = true; p < end; is_start = false) {
        const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
        if (!lf || lf == p || lf[-1] != '\r')
            return "line not ended by CR LF";
        size_t len = (size_t)(lf - p) - 1;
        if (is_start) {
            if (memchr(p, '\r', len) || memchr(p, 0, len))
                return "control byte in the head";
            *start = lg_span(p, len);
        } else if (len == 0) {
            return lf + 1 == end ? NULL : "bytes after the head";
        } else {
            const char *why = raw_line(p, len);
            if (why)
                return why;
            ++*line_cnt;
        }
        p = lf + 1;
    }
    return "head without end";
}

/* -- llhttp: the second reader -- */

struct reader {
    llhttp_t parser; /* first: callbacks get a pointer to it */
    struct lg_http_head *h;
    bool is_full;
    bool is_complete;
};

static void grow(lg_span_t *s, const char *at, size_t len)
{
    if (!s->p)
        s->p = (const uint8_t *)at;
    s->len += len;
}

static int on_field(llhttp_t *l, const char *at, size_t len)
{
    struct reader *r = (struct reader *)l;
    if (r->h->field_cnt == LG_HTTP_FIELDS_MAX) {
        r->is_full = true;
        return -1;
    }
    grow(&r->h->fields[r->h->field_cnt].name, at, len);
    return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t len)
{
    struct reader *r = (struct reader *)l;
    grow(&r->h->fields[r->h->field_cnt].value, at, len);
    return 0;
}

static int on_value_complete(llhttp_t *l)
{
    struct reader *r = (struct reader *)l;
    lg_span_t *v = &r->h->fields[r->h->field_cnt].value;
    while (v->len && lg_http_is_blank(v->p[0])) {
        v->p++;
        v->len--;
    }
    while (v->len && lg_http_is_blank(v->p[v->len - 1]))
        v->len--;
    if (++r->h->field_cnt < LG_HTTP_FIELDS_MAX)
        r->h->fields[r->h->field_cnt] = (struct lg_http_field){0};
    return 0;
}

static int on_headers_complete(llhttp_t *l)
{
    ((struct reader *)l)->is_complete = true;
    return 1; /* the body, if any, is not for llhttp */
}

static lg_err_t read_fields(lg_span_t raw, llhttp_type_t type, uint32_t line_cnt,
                            struct lg_http_head *h)
{
    static const llhttp_settings_t settings = {
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_headers_complete,
    };
    struct reader r = {.h = h};

    h->field_cnt = 0;
    h->fields[0] = (struct lg_http_field){0};
    llhttp_init(&r.parser, type, &settings);
    llhttp_errno_t e = llhttp_execute(&r.parser, (const char *)raw.p, raw.len);
    if (r.is_full)
        return refuse(h, 431, "too many header fields");
    if (e == HPE_INVALID_METHOD)
        return refuse(h, 501, "unknown method");
    if ((e != HPE_OK && e != HPE_PAUSED_UPGRADE) || !r.is_complete)
        return refuse(h, 400, "malformed head");
    if (h->field_cnt != line_cnt)
        return refuse(h, 400, "ambiguous head");
    return LG_OK;
}

/* -- what the fields mean together -- */

/* parse_length reads 1*DIGIT, at most 2^63 - 1: a list, a sign or a blank is not a length. */
static bool parse_length(lg_span_t v, uint64_t *out)
{
    uint64_t n = 0;
    if (v.len == 0 || v.len > 19)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    *out = n;
    return n <= INT64_MAX;
}

/* nominate marks the fields that one name in Connection makes hop-by-hop. Names that carry the
 * framing or the routing of the message must not be taken out this way. */
static bool nominate(struct lg_http_head *h, lg_span_t name)
{
    switch (lg_http_field_find(name)) {
    case LG_HF_HOST:
    case LG_HF_CONTENT_LENGTH:
    case LG_HF_TRANSFER_ENCODING:
        return false;
    default:
        break;
    }
    for (uint32_t i = 0; i < h->field_cnt; i++)
        if (lg_http_is_same(h->fields[i].name, name))
            h->fields[i].is_nominated = true;
    return true;
}

struct connection {
    bool close, keep_alive;
    uint32_t name_cnt;
};

static lg_err_t read_connection(struct lg_http_head *h, lg_span_t value, struct connection *c)
{
    lg_span_t item;
    while (lg_http_list_next(&value, &item)) {
        if (item.len == 0)
            continue;
        if (!lg_http_is_token(item) || ++c->name_cnt > LG_HTTP_NOMINATED_MAX)
            return refuse(h, 400, "malformed Connection header");
        if (lg_http_is_same(item, LG_SPAN_STR("close")))
            c->close = true;
        else if (lg_http_is_same(item, LG_SPAN_STR("keep-alive")))
            c->keep_alive = true;
        else if (!nominate(h, item))
            return refuse(h, 400, "Connection names a header that is not hop-by-hop");
    }
    return LG_OK;
}

/* read_framing: *= https://www.rfc-editor.org/rfc/rfc9112#section-6.1
 * *# A server MAY reject a request that contains both Content-Length and Transfer-Encoding [...]
 * We always do, and in responses too. */
static lg_err_t read_framing(struct lg_http_head *h)
{
    struct connection c = {0};
    uint32_t te_cnt = 0;

    h->has_length = h->has_chunked = false;
    h->length = 0;
    for (uint32_t i = 0; i < h->field_cnt; i++) {
        struct lg_http_field *f = &h->fields[i];
        f->id = (uint8_t)lg_http_field_find(f->name);
        if (f->id == LG_HF_CONTENT_LENGTH) {
            if (h->has_length || !parse_length(f->value, &h->length))
                return refuse(h, 400, "bad or repeated Content-Length");
            h->has_length = true;
        } else if (f->id == LG_HF_TRANSFER_ENCODING) {
            if (te_cnt++)
                return refuse(h, 400, "repeated Transfer-Encoding");
            if (!lg_http_is_same(f->value, LG_SPAN_STR("chunked")))
                return refuse(h, 501, "Transfer-Encoding other than chunked");
            h->has_chunked = true;
        } else if (f->id == LG_HF_CONNECTION) {
            LG_TRY(read_connection(h, f->value, &c));
        }
    }
    if (h->has_length && h->has_chunked)
        return refuse(h, 400, "both Content-Length and Transfer-Encoding");
    if (h->has_chunked && h->minor == 0)
        return refuse(h, 400, "Transfer-Encoding in HTTP/1.0");
    h->keep_alive = !c.close && (h->minor >= 1 || c.keep_alive);
    return LG_OK;
}

static lg_err_t read_version(struct lg_http_head *h, lg_span_t v)
{
    if (lg_span_eq(v, LG_SPAN_STR("HTTP/1.1")))
        h->minor = 1;
    else if (lg_span_eq(v, LG_SPAN_STR("HTTP/1.0")))
        h->minor = 0;
    else if (v.len == 8 && memcmp(v.p, "HTTP/", 5) == 0)
        return refuse(h, 505, "HTTP version not supported");
    else
        return refuse(h, 400, "malformed start line");
    return LG_OK;
}

/* As has_control, for a target. */
static bool has_no_uri_byte(lg_span_t t)
{
    uint8_t bad = 0;
    for (size_t i = 0; i < t.len; i++)
        bad |= (uint8_t)(t.p[i] <= 0x20 || t.p[i] >= 0x7f || t.p[i] == '#' || t.p[i] == '\\');
    return bad;
}

/* read_request_line splits at exactly two single spaces. */
static lg_err_t read_request_line(struct lg_http_head *h, lg_span_t line)
{
    static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    const uint8_t *sp = memchr(line.p, ' ', line.len), *end = line.p + line.len;
    const uint8_t *sp2 = sp ? memchr(sp + 1, ' ', (size_t)(end - sp - 1)) : NULL;

    if (!sp2)
        return refuse(h, line.len > LG_HTTP_URI_MAX ? 414 : 400, "malformed request line");
    h->method = lg_span(line.p, (size_t)(sp - line.p));
    h->target = lg_span(sp + 1, (size_t)(sp2 - sp) - 1);
    if (!lg_http_is_token(h->method) || h->target.len == 0)
        return refuse(h, 400, "malformed request line");
    if (h->target.len > LG_HTTP_URI_MAX)
        return refuse(h, 414, "request target too long");
    LG_TRY(read_version(h, lg_span(sp2 + 1, (size_t)(end - sp2) - 1)));
    if (has_no_uri_byte(h->target))
        return refuse(h, 400, "byte in the request target that no URI has");
    if (lg_span_eq(h->method, LG_SPAN_STR("CONNECT")) ||
        lg_span_eq(h->method, LG_SPAN_STR("TRACE")))
        return refuse(h, 501, "method not supported");
    h->is_head = lg_span_eq(h->method, LG_SPAN_STR("HEAD"));
    h->is_idempotent = false;
    for (size_t i = 0; i < LG_ARRAY_CNT(idempotent); i++)
        h->is_idempotent |= lg_span_eq(h->method, lg_span_cstr(idempotent[i]));
    return LG_OK;
}

/* read_host finds the one authority of a request and checks that all places agree on it. */
static lg_err_t read_host(struct lg_http_head *h)
{
    lg_span_t host = {0}, from_target = {0};
    uint32_t host_cnt = 0;

    for (uint32_t i = 0; i < h->field_cnt; i++) {
        if (h->fields[i].id == LG_HF_HOST) {
            host = h->fields[i].value;
            host_cnt++;
        }
        if (h->fields[i].id == LG_HF_EXPECT) {
            if (!lg_http_is_same(h->fields[i].value, LG_SPAN_STR("100-continue")))
                return refuse(h, 417, "expectation other than 100-continue");
            h->expects_continue = true;
        }
    }
    if (host_cnt > 1)
        return refuse(h, 400, "several Host headers");
    if (host_cnt == 0 && h->minor >= 1)
        return refuse(h, 400, "no Host header");
    const char *why = lg_http_split_target(h, &from_target);
    if (why)
        return refuse(h, 400, why);
    if (from_target.len && host_cnt && !lg_http_is_same_text(from_target, host))
        return refuse(h, 400, "Host differs from the request target");
    h->authority = from_target.len ? from_target : host;
    if (h->authority.len == 0 && h->minor == 0 && host_cnt == 0) {
        h->host[0] = '\0';
        h->host_len = 0;
        return LG_OK;
    }
    return lg_http_split_host(h) ? LG_OK : refuse(h, 400, "Host is not a host");
}

lg_err_t lg_http_parse_request(lg_span_t raw, struct lg_http_head *h)
{
    lg_span_t start = {0};
    uint32_t line_cnt;
    const char *why = raw_head(raw, &start, &line_cnt);

    if (why)
        return refuse(h, 400, why);
    h->expects_continue = false;
    LG_TRY(read_request_line(h, start));
    LG_TRY(read_fields(raw, HTTP_REQUEST, line_cnt, h));
    LG_TRY(read_framing(h));
    h->framing = h->has_chunked ? LG_HTTP_CHUNKED : h->has_length ? LG_HTTP_LENGTH : LG_HTTP_NONE;
    return read_host(h);
}

/* read_status_line: "HTTP/1.1 200 OK", the reason may be empty (also without its space). */
static lg_err_t read_status_line(struct lg_http_head *h, lg_span_t line)
{
    if (line.len < 12 || line.p[8] != ' ' || (line.len > 12 && line.p[12] != ' '))
        return refuse(h, 502, "malformed status line");
    LG_TRY(read_version(h, lg_span(line.p, 8)));
    h->status = 0;
    for (int i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return refuse(h, 502, "malformed status line");
        h->status = (uint16_t)(h->status * 10 + (line.p[i] - '0'));
    }
    h->reason = line.len > 13 ? lg_span(line.p + 13, line.len - 13) : (lg_span_t){0};
    if (has_control(h->reason.p, h->reason.len))
        return refuse(h, 502, "control byte in the status line");
    return h->status >= 100 && h->status <= 599 ? LG_OK : refuse(h, 502, "status out of range");
}

lg_err_t lg_http_parse_response(lg_span_t raw, struct lg_http_head *h)
{
    lg_span_t start = {0};
    uint32_t line_cnt;
    const char *why = raw_head(raw, &start, &line_cnt);

    if (why)
        return refuse(h, 502, why);
    LG_TRY(read_status_line(h, start));
    LG_TRY(read_fields(raw, HTTP_RESPONSE, line_cnt, h));
    LG_TRY(read_framing(h));
    h->framing = (uint8_t)lg_http_response_framing(h, false);
    return LG_OK;
}

enum lg_http_framing lg_http_response_framing(const struct lg_http_head *h, bool to_head)
{
    if (to_head || h->status < 200 || h->status == 204 || h->status == 304)
        return LG_HTTP_NONE;
    if (h->has_chunked)
        return LG_HTTP_CHUNKED;
    if (h->has_length)
        return LG_HTTP_LENGTH;
    return LG_HTTP_CLOSE;
}
