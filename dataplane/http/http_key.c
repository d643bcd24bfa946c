/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_key.c: what of a request is hashed. */
#include "http_key.h"

#include "http_field.h"

static lg_span_t path_of(const struct lg_http_head *h)
{
    const uint8_t *query = h->path.len ? memchr(h->path.p, '?', h->path.len) : NULL;

    return query ? lg_span(h->path.p, (size_t)(query - h->path.p)) : h->path;
}

/* next_pair cuts "name=value" off a Cookie field. */
static bool next_pair(lg_span_t *rest, lg_span_t *name, lg_span_t *value)
{
    while (rest->len && (rest->p[0] == ' ' || rest->p[0] == ';'))
        *rest = lg_span(rest->p + 1, rest->len - 1);
    if (rest->len == 0)
        return false;
    const uint8_t *end = memchr(rest->p, ';', rest->len);
    size_t len = end ? (size_t)(end - rest->p) : rest->len;
    const uint8_t *eq = memchr(rest->p, '=', len);
    size_t name_len = eq ? (size_t)(eq - rest->p) : len;
    *name = lg_span(rest->p, name_len);
    *value = eq ? lg_span(eq + 1, len - name_len - 1) : lg_span(NULL, 0);
    *rest = lg_span(rest->p + len, rest->len - len);
    while (value->len && lg_http_is_blank(value->p[value->len - 1]))
        value->len--;
    return true;
}

bool lg_http_cookie_next(lg_span_t *rest, lg_span_t *pair, lg_span_t without)
{
    lg_span_t name, value;

    while (next_pair(rest, &name, &value))
        if (!lg_span_eq(name, without)) {
            *pair = value.p ? lg_span(name.p, (size_t)(value.p - name.p) + value.len) : name;
            return true;
        }
    return false;
}

bool lg_http_cookie(const struct lg_http_head *h, lg_span_t name, lg_span_t *value)
{
    for (uint32_t i = 0; i < h->field_cnt; i++) {
        lg_span_t rest = h->fields[i].value, found;
        if (!lg_http_is_same(h->fields[i].name, LG_SPAN_STR("cookie")))
            continue;
        while (next_pair(&rest, &found, value))
            if (lg_span_eq(found, name))
                return true;
    }
    return false;
}

static bool header_of(const struct lg_http_head *h, lg_span_t name, lg_span_t *value)
{
    if (lg_http_is_same(name, LG_SPAN_STR("host"))) {
        *value = lg_span(h->host, h->host_len); /* however it is written */
        return h->host_len > 0;
    }
    for (uint32_t i = 0; i < h->field_cnt; i++)
        if (lg_http_is_same(h->fields[i].name, name)) {
            *value = h->fields[i].value;
            return true;
        }
    return false;
}

bool lg_http_key(const struct lg_http_head *h, const struct lg_cfg_balance *by, lg_span_t *key)
{
    switch (by->how) {
    case LG_BALANCE_URI:
        *key = path_of(h);
        return true;
    case LG_BALANCE_HEADER:
        return header_of(h, lg_span_cstr(by->name), key);
    case LG_BALANCE_COOKIE:
        return lg_http_cookie(h, lg_span_cstr(by->name), key);
    case LG_BALANCE_ROUNDROBIN:
    case LG_BALANCE_LEASTCONN:
    case LG_BALANCE_EWMA:
    case LG_BALANCE_SOURCE:
        break;
    }
    return false;
}
