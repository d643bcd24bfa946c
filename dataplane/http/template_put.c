/* SPDX-License-Identifier: GPL-2.0-or-later */
/* template_put.c: filling templates in. */
#include "http_field.h"
#include "http_key.h"
#include "template.h"

/* put_clean: bytes that could end a line, or confuse who reads it, become '?'. */
static void put_clean(struct lg_http_text *t, lg_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        lg_http_put(
            t, (s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f ? "?" : (const char *)&s.p[i],
            1);
}

/* put_encoded: *= https://www.rfc-editor.org/rfc/rfc3986#section-2.1
 * *# A percent-encoding mechanism is used to represent a data octet in a component when that
 * octet's
 * *# corresponding character is outside the allowed set */
static void put_encoded(struct lg_http_text *t, lg_span_t s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = s.p[i];
        bool is_plain = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') ||
                        (b >= 'A' && b <= 'Z') || b == '-' || b == '.' || b == '_' || b == '~';
        char code[3] = {'%', hex[b >> 4], hex[b & 15]};
        if (is_plain)
            lg_http_put(t, (const char *)&s.p[i], 1);
        else
            lg_http_put(t, code, sizeof code);
    }
}

static lg_span_t query_of(const struct lg_http_head *h)
{
    const uint8_t *q = h->path.len ? memchr(h->path.p, '?', h->path.len) : NULL;

    return q ? lg_span(q + 1, h->path.len - (size_t)(q + 1 - h->path.p)) : (lg_span_t){0};
}

/* put_request_uri: always with its '/', whatever form the target has. */
static void put_request_uri(struct lg_http_text *t, const struct lg_http_head *h)
{
    if (h->path.len == 0 || h->path.p[0] != '/')
        lg_http_put_str(t, "/");
    if (h->path.len && h->path.p[0] != '*')
        lg_http_put_span(t, h->path);
}

/* field_of: not what says who the client is: only we may say that (R42). */
static lg_span_t field_of(const struct lg_http_head *h, lg_span_t name)
{
    for (uint32_t i = 0; h && i < h->field_cnt; i++) {
        const struct lg_http_field *f = &h->fields[i];
        bool is_identity = f->id == LG_HF_IDENTITY || f->id == LG_HF_CLIENT_CERT ||
                           f->id == LG_HF_CLIENT_CERT_CHAIN;
        if (!is_identity && lg_http_is_same(f->name, name))
            return f->value;
    }
    return (lg_span_t){0};
}

static lg_span_t cookie_of(const struct lg_http_head *h, lg_span_t name)
{
    lg_span_t value = {0};

    return h && lg_http_cookie(h, name, &value) ? value : (lg_span_t){0};
}

/* The values that may hold anything go through `put`. */
typedef void (*put_fn)(struct lg_http_text *t, lg_span_t s);

/* put_conn puts what is known of the connection; false: it is no such variable. */
static bool put_conn(enum lg_tmpl_var var, const struct lg_http_client *c, struct lg_http_text *t,
                     put_fn put)
{
    const char *text;

    switch (var) {
    case LG_TV_SCHEME:
        text = c->proto;
        break;
    case LG_TV_SERVER_PORT:
        lg_http_put_u64(t, c->port);
        return true;
    case LG_TV_REMOTE_ADDR:
        text = c->ip;
        break;
    case LG_TV_REMOTE_PORT:
        lg_http_put_u64(t, c->client_port);
        return true;
    case LG_TV_LISTENER:
        text = c->listener;
        break;
    case LG_TV_SSL_PROTOCOL:
        text = c->tls_version;
        break;
    case LG_TV_SSL_CIPHER:
        text = c->cipher;
        break;
    case LG_TV_SSL_CURVE:
        text = c->group;
        break;
    case LG_TV_SSL_SERVER_NAME:
        text = c->sni;
        break;
    case LG_TV_SSL_SESSION_REUSED:
        text = c->resumed ? "r" : ".";
        break;
    case LG_TV_SSL_CLIENT_VERIFY:
        text = c->has_cert ? "SUCCESS" : "NONE";
        break;
    case LG_TV_SSL_CLIENT_SERIAL:
        text = c->has_cert ? c->serial : "";
        break;
    case LG_TV_SSL_CLIENT_FINGERPRINT:
        text = c->has_cert ? c->fingerprint : "";
        break;
    case LG_TV_SSL_CLIENT_S_DN:
        put(t, lg_span_cstr(c->has_cert ? c->subject : ""));
        return true;
    case LG_TV_SSL_CLIENT_I_DN:
        put(t, lg_span_cstr(c->has_cert ? c->issuer : ""));
        return true;
    default:
        return false;
    }
    lg_http_put_str(t, text);
    return true;
}

static void put_request(enum lg_tmpl_var var, const struct lg_vars *v, struct lg_http_text *t)
{
    const struct lg_http_head *h = v->head;

    if (!h) /* the compiler of templates has seen to it that nobody asks */
        return;
    switch (var) {
    case LG_TV_HOST:
        if (h->host_len)
            lg_http_put(t, h->host, h->host_len);
        else
            lg_http_put_str(t, v->client->default_host);
        break;
    case LG_TV_REQUEST_METHOD:
        lg_http_put_span(t, h->method);
        break;
    case LG_TV_REQUEST_URI:
        put_request_uri(t, h);
        break;
    case LG_TV_URI:
        lg_http_put_span(t, v->uri);
        break;
    case LG_TV_REST:
        lg_http_put_span(t, v->rest);
        break;
    case LG_TV_ARGS:
        lg_http_put_span(t, query_of(h));
        break;
    case LG_TV_IS_ARGS:
        lg_http_put_str(t, query_of(h).p ? "?" : "");
        break;
    default:
        break;
    }
}

static void put_all(const struct lg_tmpl *tmpl, const struct lg_vars *v, struct lg_http_text *t,
                    put_fn put)
{
    for (uint32_t i = 0; i < tmpl->cnt; i++) {
        const struct lg_tmpl_piece *p = &tmpl->pieces[i];
        switch (p->var) {
        case LG_TV_TEXT:
            lg_http_put_span(t, p->text);
            break;
        case LG_TV_GROUP:
            lg_http_put_span(t, v->groups[p->group]);
            break;
        case LG_TV_FIELD:
            put(t, field_of(v->head, p->text));
            break;
        case LG_TV_COOKIE:
            put(t, cookie_of(v->head, p->text));
            break;
        default:
            if (!put_conn((enum lg_tmpl_var)p->var, v->client, t, put))
                put_request((enum lg_tmpl_var)p->var, v, t);
            break;
        }
    }
}

void lg_tmpl_put(const struct lg_tmpl *t, const struct lg_vars *v, struct lg_http_text *out)
{
    put_all(t, v, out, put_clean);
}

void lg_tmpl_put_uri(const struct lg_tmpl *t, const struct lg_vars *v, struct lg_http_text *out)
{
    put_all(t, v, out, put_encoded);
}
