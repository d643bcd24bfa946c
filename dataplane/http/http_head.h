/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_head.h: reading and writing the head of an HTTP/1.x message.
 *
 * Reading: two readers must agree. Our own pass over the raw bytes refuses everything on which
 * servers are known to disagree; then llhttp, strict, splits the head into fields. A head that
 * either refuses is refused (RFC 9112 section 11.2, request smuggling).
 *
 * Refused in any message: bare LF or CR, NUL and other control bytes (HTAB in values excepted),
 * folded lines, blanks around field names or none at all, names that are no tokens, more than
 * LG_HTTP_FIELDS_MAX fields, Content-Length together with Transfer-Encoding, a Content-Length that
 * is repeated, a list, signed or over 2^63, a Transfer-Encoding other than exactly "chunked".
 * In requests also: a target over LG_HTTP_URI_MAX or with bytes outside visible ASCII, '#', or
 * '\\'; no Host or several; a Host that is no host; CONNECT and TRACE; expectations other than
 * 100-continue.
 *
 * Writing: fields are passed on as they came, but for those of http_fields.def and those that
 * Connection names. Pure functions; the caller owns all memory. Thread any. */
#ifndef LG_HTTP_HEAD_H
#define LG_HTTP_HEAD_H

#include "err.h"
#include "http_body.h"
#include "span.h"

#define LG_HTTP_FIELDS_MAX 128u
#define LG_HTTP_URI_MAX 8192u
#define LG_HTTP_HOST_SZ 256u
#define LG_HTTP_NOMINATED_MAX 16u /* names in Connection */

enum lg_http_field_id {
    LG_HF_OTHER,
#define X(id, name, request, response) LG_HF_##id,
#include "http_fields.def"
#undef X
    LG_HF_IDENTITY, /* X-SSL-Client-*: only we may say it (R42) */
    LG_HF_CNT
};

struct lg_http_field {
    lg_span_t name, value; /* value without the blanks around it */
    uint8_t id;            /* enum lg_http_field_id */
    bool is_nominated;     /* Connection names it: hop-by-hop */
};

struct lg_http_head {
    lg_span_t method, target; /* request line */
    lg_span_t path;           /* of the target: begins with '/' ("*": asterisk form), with query */
    lg_span_t authority; /* of the Host field or the absolute target, as written; may be empty */
    char host[LG_HTTP_HOST_SZ]; /* of the authority: lower case, no port, no trailing dot; NUL */
    size_t host_len;
    uint16_t status; /* status line */
    lg_span_t reason;
    uint8_t minor;   /* HTTP/1.minor */
    uint8_t framing; /* enum lg_http_framing; responses: see lg_http_response_framing */
    bool has_length; /* a Content-Length was there */
    bool has_chunked;
    bool keep_alive; /* the sender will use the connection again */
    bool is_head, is_idempotent;
    bool expects_continue;
    uint64_t length;
    uint32_t field_cnt;
    struct lg_http_field fields[LG_HTTP_FIELDS_MAX];
    /* On refusal: */
    uint16_t refuse_status; /* what to answer: 400, 414, 417, 431, 501, 505 */
    const char *refuse_why; /* words for the log, static */
};

/* lg_http_parse_request reads one complete request head.
 *   raw      borrowed while h is used; from the request line to the empty line, both included
 *   Returns  LG_OK; LG_E(HTTP_BAD) or LG_E(HTTP_TOO_LARGE) with refuse_* set, the rest undefined */
LG_MUST lg_err_t lg_http_parse_request(lg_span_t raw, struct lg_http_head *h);
/* lg_http_parse_response reads one complete response head; refuse_status means nothing. */
LG_MUST lg_err_t lg_http_parse_response(lg_span_t raw, struct lg_http_head *h);
/* lg_http_response_framing: RFC 9112 section 6.3 for a parsed response to HEAD or not. */
enum lg_http_framing lg_http_response_framing(const struct lg_http_head *h, bool to_head);

/* What the proxy says about the client. Strings are never NULL. */
struct lg_http_client {
    const char *ip;                                 /* "192.0.2.1", "2001:db8::1" */
    const char *default_host;                       /* for requests without Host (HTTP/1.0) */
    const char *proto;                              /* what the client speaks: "https", "http" */
    uint16_t port;                                  /* the listener's */
    uint16_t client_port;                           /* the client's own */
    const char *listener;                           /* its name */
    const char *sni, *tls_version, *cipher, *group; /* "" in clear */
    bool resumed;
    uint8_t fwd_headers; /* enum lg_fwd_headers: what is said of it */
    const char *via;     /* our name in Via; NULL: none is added */
    bool fwd_keeps;      /* X-Forwarded-For and Forwarded that came stay, ours is appended */
    bool fwd_trusts;     /* a proxy that is believed: X-Forwarded-Proto and -Port stay, too */
    bool is_mutual;      /* the listener asks for certificates: say the outcome */
    bool has_cert;
    const char *subject, *issuer, *serial, *fingerprint; /* escaped */
    lg_span_t chain; /* DER of those above it, a 16-bit length before each; or empty */
    lg_span_t cert;  /* DER; empty: not to be passed on */
};

/* Text being written; over: it did not fit, and p holds a part. */
struct lg_http_text {
    char *p;
    size_t len, cap;
    bool over;
};
/* In the header, so that pieces of known length cost a few stores. */
static inline void lg_http_put(struct lg_http_text *t, const char *s, size_t len)
{
    if (LG_UNLIKELY(t->over || len > t->cap - t->len)) {
        t->over = true;
        return;
    }
    if (len)
        memcpy(t->p + t->len, s, len);
    t->len += len;
}
static inline void lg_http_put_str(struct lg_http_text *t, const char *s)
{
    lg_http_put(t, s, strlen(s));
}
static inline void lg_http_put_span(struct lg_http_text *t, lg_span_t s)
{
    lg_http_put(t, (const char *)s.p, s.len);
}
void lg_http_put_u64(struct lg_http_text *t, uint64_t v);

struct lg_edits;
struct lg_vars;

/* What is changed about a head on its way, beside what is always. All zero: nothing. */
struct lg_http_changes {
    const struct lg_edits *edits; /* with vars: fields; NULL: none */
    const struct lg_vars *vars;
    lg_span_t target;      /* requests: the target, origin form; empty: as it came */
    lg_span_t take_cookie; /* requests: leave out the cookie of this name; empty: none */
    lg_span_t set_cookie;  /* responses: one more Set-Cookie; empty: none */
};

/* lg_http_write_request writes h as the backend shall see it: origin form, HTTP/1.1, Connection
 * managed by us, identity of ours only. */
void lg_http_write_request(const struct lg_http_head *h, const struct lg_http_client *c,
                           const struct lg_http_changes *ch, struct lg_http_text *out);

/* How a response ends for the client. */
enum lg_http_conn {
    LG_HC_NONE, /* say nothing: HTTP/1.1 persists */
    LG_HC_KEEP, /* tell an HTTP/1.0 client that it persists */
    LG_HC_CLOSE,
};
/* lg_http_write_response writes h as the client shall see it.
 *   framing  of the body that will follow; CHUNKED is announced, CLOSE needs LG_HC_CLOSE */
void lg_http_write_response(const struct lg_http_head *h, enum lg_http_framing framing,
                            enum lg_http_conn conn, const struct lg_http_changes *ch,
                            struct lg_http_text *out);

/* lg_http_is_token: RFC 9110 section 5.6.2, not empty. */
bool lg_http_is_token(lg_span_t s);

#endif
