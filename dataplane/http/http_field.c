/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_field.c: characters, names, lists, the request target and the host. */
#include "http_field.h"

#include "ip.h"

const bool lg_http_tchar[256] = {
    ['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
    ['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
    ['^' ... '`'] = true, ['a' ... 'z'] = true,  ['|'] = true,         ['~'] = true,
};

static uint8_t lower(uint8_t b)
{
    return b >= 'A' && b <= 'Z' ? b | 0x20 : b;
}

bool lg_http_is_same(lg_span_t a, lg_span_t b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

static bool is_alnum(uint8_t b)
{
    return (b >= '0' && b <= '9') || (lower(b) >= 'a' && lower(b) <= 'z');
}

/* same_name compares a field's name with a known one of lower case; whatever is neither letter nor
 * digit counts as '-': '_' to all that make variables of headers, '.' to PHP, any to some. */
static bool same_name(lg_span_t name, const char *known, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t b = is_alnum(name.p[i]) ? lower(name.p[i]) : '-';
        if (b != (uint8_t)known[i])
            return false;
    }
    return true;
}

bool lg_http_is_alike(lg_span_t a, lg_span_t b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if ((is_alnum(a.p[i]) ? lower(a.p[i]) : '-') != (is_alnum(b.p[i]) ? lower(b.p[i]) : '-'))
            return false;
    return true;
}

enum lg_http_field_id lg_http_field_find(lg_span_t name)
{
    static const struct {
        const char *name;
        uint8_t len, id;
    } known[] = {
#define X(id, name, request, response) {name, sizeof(name) - 1, LG_HF_##id},
#include "http_fields.def"
#undef X
    };
    static const char identity[] = "x-ssl-client-";

    for (size_t i = 0; i < LG_ARRAY_CNT(known); i++)
        if (name.len == known[i].len && same_name(name, known[i].name, name.len))
            return lg_http_is_same(name, lg_span(known[i].name, known[i].len))
                       ? (enum lg_http_field_id)known[i].id
                       : LG_HF_IDENTITY;
    if (name.len >= sizeof identity - 1 && same_name(name, identity, sizeof identity - 1))
        return LG_HF_IDENTITY;
    return LG_HF_OTHER;
}

bool lg_http_list_next(lg_span_t *rest, lg_span_t *item)
{
    if (!rest->p)
        return false;
    const uint8_t *comma = rest->len ? memchr(rest->p, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->p) : rest->len;

    *item = lg_span(rest->p, len);
    *rest = comma ? lg_span(comma + 1, rest->len - len - 1) : (lg_span_t){0};
    while (item->len && lg_http_is_blank(item->p[0])) {
        item->p++;
        item->len--;
    }
    while (item->len && lg_http_is_blank(item->p[item->len - 1]))
        item->len--;
    return true;
}

static bool begins(lg_span_t s, const char *with)
{
    size_t len = strlen(with);
    return s.len >= len && lg_http_is_same(lg_span(s.p, len), lg_span_cstr(with));
}

const char *lg_http_split_target(struct lg_http_head *h, lg_span_t *authority)
{
    lg_span_t t = h->target;
    size_t scheme_len = begins(t, "https://") ? 8 : begins(t, "http://") ? 7 : 0;

    *authority = (lg_span_t){0};
    h->path = t;
    if (t.p[0] == '/')
        return NULL;
    if (lg_span_eq(t, LG_SPAN_STR("*")))
        return lg_span_eq(h->method, LG_SPAN_STR("OPTIONS")) ? NULL : "'*' is for OPTIONS only";
    if (scheme_len == 0)
        return "request target is no path";
    t = lg_span(t.p + scheme_len, t.len - scheme_len);
    size_t len = 0;
    while (len < t.len && t.p[len] != '/' && t.p[len] != '?')
        len++;
    if (len == 0)
        return "request target without a host";
    *authority = lg_span(t.p, len);
    h->path = lg_span(t.p + len, t.len - len);
    return NULL;
}

/* port_is_good: "" or ":" 1*5DIGIT. */
static bool port_is_good(lg_span_t s)
{
    uint32_t port = 0;
    if (s.len == 0)
        return true;
    if (s.p[0] != ':' || s.len < 2 || s.len > 6)
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(s.p[i] - '0');
    }
    return port <= 65535;
}

static bool host_byte(uint8_t b)
{
    return (b >= '0' && b <= '9') || (lower(b) >= 'a' && lower(b) <= 'z') || b == '.' || b == '-' ||
           b == '_';
}

bool lg_http_split_host(struct lg_http_head *h)
{
    lg_span_t a = h->authority;
    size_t len = 0;
    lg_ip_t ip;

    if (a.len == 0)
        return false;
    if (a.p[0] == '[') {
        while (len < a.len && a.p[len] != ']')
            len++;
        if (len == a.len || !lg_is_ok(lg_ip_parse(lg_span(a.p + 1, len - 1), &ip)) ||
            lg_ip_is_v4(&ip))
            return false;
        len++;
    } else {
        while (len < a.len && host_byte(a.p[len]))
            len++;
    }
    if (len == 0 || len >= sizeof h->host || !port_is_good(lg_span(a.p + len, a.len - len)))
        return false;
    for (size_t i = 0; i < len; i++)
        h->host[i] = (char)lower(a.p[i]);
    if (len > 1 && h->host[len - 1] == '.')
        len--;
    h->host[len] = '\0';
    h->host_len = len;
    return h->host[0] != '.';
}
