/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_write.c: writing a head for the next hop. */
#include "http_edit.h"
#include "http_field.h"
#include "http_forwarded.h"
#include "http_key.h"

void lg_http_put_u64(struct lg_http_text *t, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    lg_http_put(t, digits + i, sizeof digits - i);
}

static void put_field(struct lg_http_text *t, const char *name, const char *value)
{
    lg_http_put_str(t, name);
    lg_http_put_str(t, ": ");
    lg_http_put_str(t, value);
    lg_http_put_str(t, "\r\n");
}

static void pass_field(struct lg_http_text *t, const struct lg_http_field *f)
{
    lg_http_put_span(t, f->name);
    lg_http_put_str(t, ": ");
    lg_http_put_span(t, f->value);
    lg_http_put_str(t, "\r\n");
}

static void put_length(struct lg_http_text *t, uint64_t length)
{
    lg_http_put_str(t, "Content-Length: ");
    lg_http_put_u64(t, length);
    lg_http_put_str(t, "\r\n");
}

enum action { KEEP, DROP };

static enum action request_action(uint8_t id)
{
    static const uint8_t action[LG_HF_CNT] = {
#define X(id, name, request, response) [LG_HF_##id] = request,
#include "http_fields.def"
#undef X
        [LG_HF_IDENTITY] = DROP,
    };
    return action[id];
}

static enum action response_action(uint8_t id)
{
    static const uint8_t action[LG_HF_CNT] = {
#define X(id, name, request, response) [LG_HF_##id] = response,
#include "http_fields.def"
#undef X
    };
    return action[id];
}

/* put_printable guards the one place where text from a certificate becomes a header (R43). */
static void put_printable(struct lg_http_text *t, const char *name, const char *value)
{
    lg_http_put_str(t, name);
    lg_http_put_str(t, ": ");
    for (; *value; value++)
        lg_http_put(t, *value >= 0x20 && *value < 0x7f ? value : "?", 1);
    lg_http_put_str(t, "\r\n");
}

/* put_bytes writes a Byte Sequence of RFC 8941 3.3.5: base64 between colons. */
static void put_bytes(struct lg_http_text *t, lg_span_t der)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    lg_http_put_str(t, ":");
    for (size_t i = 0; i < der.len; i += 3) {
        size_t left = der.len - i;
        uint32_t v = (uint32_t)der.p[i] << 16 | (left > 1 ? (uint32_t)der.p[i + 1] << 8 : 0) |
                     (left > 2 ? der.p[i + 2] : 0);
        char four[4] = {digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=',
                        left > 2 ? digit[v & 63] : '='};
        lg_http_put(t, four, sizeof four);
    }
    lg_http_put_str(t, ":");
}

/*= https://www.rfc-editor.org/rfc/rfc9440#section-2.2
 *# The Client-Cert header field [...] is an Item Structured Header */
static void put_cert(struct lg_http_text *t, lg_span_t der)
{
    lg_http_put_str(t, "Client-Cert: ");
    put_bytes(t, der);
    lg_http_put_str(t, "\r\n");
}

/*= https://www.rfc-editor.org/rfc/rfc9440#section-2.3
 *# The Client-Cert-Chain header field is a List Structured Header */
static void put_chain(struct lg_http_text *t, lg_span_t chain)
{
    struct lg_cur c = lg_cur(chain);
    bool is_first = true;
    while (lg_cur_left(&c) > 0) {
        lg_http_put_str(t, is_first ? "Client-Cert-Chain: " : ", ");
        put_bytes(t, lg_cur_vec16(&c));
        is_first = false;
    }
    if (!is_first)
        lg_http_put_str(t, "\r\n");
}

static void put_identity(const struct lg_http_client *c, struct lg_http_text *t)
{
    if (!c->is_mutual)
        return;
    put_field(t, "X-SSL-Client-Verify", c->has_cert ? "SUCCESS" : "NONE");
    if (!c->has_cert)
        return;
    put_printable(t, "X-SSL-Client-Subject", c->subject);
    put_printable(t, "X-SSL-Client-Issuer", c->issuer);
    put_printable(t, "X-SSL-Client-Serial", c->serial);
    put_printable(t, "X-SSL-Client-Fingerprint", c->fingerprint);
    if (c->cert.len)
        put_cert(t, c->cert);
    if (c->chain.len)
        put_chain(t, c->chain);
}

static void put_target(const struct lg_http_head *h, lg_span_t target, struct lg_http_text *t)
{
    if (target.len) {
        lg_http_put_span(t, target);
        return;
    }
    if (h->path.len == 0 || h->path.p[0] == '?') /* absolute form without a path */
        lg_http_put_str(t, "/");
    lg_http_put_span(t, h->path);
}

static void put_host(const struct lg_http_head *h, const struct lg_http_client *c,
                     const struct lg_http_changes *ch, struct lg_http_text *t)
{
    lg_http_put_str(t, "Host: ");
    if (ch->edits && ch->edits->host)
        lg_tmpl_put(ch->edits->host, ch->vars, t);
    else if (h->authority.len)
        lg_http_put_span(t, h->authority);
    else
        lg_http_put_str(t, c->default_host);
    lg_http_put_str(t, "\r\n");
}

/* put_cookies passes a Cookie field on without the cookies of one name. */
static void put_cookies(const struct lg_http_field *f, lg_span_t without, struct lg_http_text *t)
{
    size_t before = t->len;
    lg_span_t rest = f->value, pair;
    bool has_any = false;

    lg_http_put_span(t, f->name);
    lg_http_put_str(t, ": ");
    while (lg_http_cookie_next(&rest, &pair, without)) {
        lg_http_put_str(t, has_any ? "; " : "");
        lg_http_put_span(t, pair);
        has_any = true;
    }
    if (has_any)
        lg_http_put_str(t, "\r\n");
    else
        t->len = before;
}

/* put_came passes on what came. */
static void put_came(const struct lg_http_head *h, const struct lg_http_changes *ch,
                     struct lg_http_text *t)
{
    for (uint32_t i = 0; i < h->field_cnt; i++) {
        const struct lg_http_field *f = &h->fields[i];
        /* RFC 9110 section 10.1.1: an expectation in an HTTP/1.0 request is ignored. */
        if (f->is_nominated || request_action(f->id) == DROP ||
            (f->id == LG_HF_EXPECT && h->minor == 0) ||
            (ch->edits && lg_edits_drops(ch->edits, f->name)))
            continue;
        if (ch->take_cookie.len && lg_http_is_same(f->name, LG_SPAN_STR("cookie")))
            put_cookies(f, ch->take_cookie, t);
        else
            pass_field(t, f);
    }
}

/* put_via: what came in Via has been passed on, in its order; ours is the last hop.
 *= https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3
 *# A proxy MUST send an appropriate Via header field, as described below, in each message that it
 *# forwards. An HTTP-to-HTTP gateway MUST send an appropriate Via header field in each inbound
 *# request message
 *= type=exception
 *= reason=only where it is asked for, as in HAProxy and nginx (docs/decisions/0061) */
static void put_via(const struct lg_http_head *h, const char *name, struct lg_http_text *t)
{
    lg_http_put_str(t, h->minor >= 1 ? "Via: 1.1 " : "Via: 1.0 ");
    lg_http_put_str(t, name);
    lg_http_put_str(t, "\r\n");
}

void lg_http_write_request(const struct lg_http_head *h, const struct lg_http_client *c,
                           const struct lg_http_changes *ch, struct lg_http_text *t)
{
    lg_http_put_span(t, h->method);
    lg_http_put_str(t, " ");
    put_target(h, ch->target, t);
    lg_http_put_str(t, " HTTP/1.1\r\n");
    put_host(h, c, ch, t);
    put_came(h, ch, t);
    if (h->framing == LG_HTTP_LENGTH)
        put_length(t, h->length);
    else if (h->framing == LG_HTTP_CHUNKED)
        put_field(t, "Transfer-Encoding", "chunked");
    lg_http_put_forwarded(h, c, t);
    if (c->via)
        put_via(h, c->via, t);
    put_identity(c, t);
    if (ch->edits)
        lg_edits_put(ch->edits, ch->vars, t);
    lg_http_put_str(t, "\r\n");
}

void lg_http_write_response(const struct lg_http_head *h, enum lg_http_framing framing,
                            enum lg_http_conn conn, const struct lg_http_changes *ch,
                            struct lg_http_text *t)
{
    bool may_have_length = h->status >= 200 && h->status != 204 && framing != LG_HTTP_CHUNKED &&
                           framing != LG_HTTP_CLOSE;

    lg_http_put_str(t, "HTTP/1.1 ");
    lg_http_put_u64(t, h->status);
    lg_http_put_str(t, " ");
    lg_http_put_span(t, h->reason);
    lg_http_put_str(t, "\r\n");
    for (uint32_t i = 0; i < h->field_cnt; i++) {
        const struct lg_http_field *f = &h->fields[i];
        if (!f->is_nominated && response_action(f->id) == KEEP &&
            !(ch->edits && lg_edits_drops(ch->edits, f->name)))
            pass_field(t, f);
    }
    if (h->has_length && may_have_length)
        put_length(t, h->length);
    if (framing == LG_HTTP_CHUNKED)
        put_field(t, "Transfer-Encoding", "chunked");
    if (conn == LG_HC_CLOSE)
        put_field(t, "Connection", "close");
    else if (conn == LG_HC_KEEP)
        put_field(t, "Connection", "keep-alive");
    if (ch->edits)
        lg_edits_put(ch->edits, ch->vars, t);
    if (ch->set_cookie.len) {
        lg_http_put_str(t, "Set-Cookie: ");
        lg_http_put_span(t, ch->set_cookie);
        lg_http_put_str(t, "\r\n");
    }
    lg_http_put_str(t, "\r\n");
}
