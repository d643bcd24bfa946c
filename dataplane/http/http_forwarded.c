/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_forwarded.c: telling backends who the client is. */
#include "http_forwarded.h"

#include "config.h"
#include "http_field.h"

/* ---------------------------------------------------------------- reading Forwarded */

static void skip_blanks(lg_span_t *s)
{
    while (s->len && lg_http_is_blank(s->p[0]))
        *s = lg_span(s->p + 1, s->len - 1);
}

static bool skip_token(lg_span_t *s)
{
    size_t n = 0;

    while (n < s->len && lg_http_is_tchar(s->p[n]))
        n++;
    *s = lg_span(s->p + n, s->len - n);
    return n > 0;
}

static bool skip_quoted(lg_span_t *s)
{
    size_t i = 1;

    while (i < s->len && s->p[i] != '"')
        i += s->p[i] == '\\' ? 2 : 1;
    if (i >= s->len)
        return false;
    *s = lg_span(s->p + i + 1, s->len - i - 1);
    return true;
}

/* skip_pair: token "=" value, value a token or a quoted string. */
static bool skip_pair(lg_span_t *s)
{
    if (!skip_token(s) || s->len < 2 || s->p[0] != '=')
        return false;
    *s = lg_span(s->p + 1, s->len - 1);
    return s->p[0] == '"' ? skip_quoted(s) : skip_token(s);
}

bool lg_http_is_forwarded(lg_span_t s)
{
    skip_blanks(&s);
    while (s.len) {
        if (!skip_pair(&s))
            return false;
        skip_blanks(&s);
        if (s.len == 0)
            return true;
        if (s.p[0] != ',' && s.p[0] != ';')
            return false;
        s = lg_span(s.p + 1, s.len - 1);
        skip_blanks(&s);
    }
    return false; /* nothing, or nothing behind the last separator */
}

/* ---------------------------------------------------------------- writing */

/* find gives the value of the only field of a kind; empty when there is none, or several. */
static lg_span_t only(const struct lg_http_head *h, enum lg_http_field_id id)
{
    lg_span_t found = {0};
    uint32_t cnt = 0;

    for (uint32_t i = 0; i < h->field_cnt; i++)
        if (h->fields[i].id == id && !h->fields[i].is_nominated) {
            found = h->fields[i].value;
            cnt++;
        }
    return cnt == 1 ? found : (lg_span_t){0};
}

/* put_kept writes what came, in its order, each followed by ", ". */
static void put_kept(const struct lg_http_head *h, enum lg_http_field_id id, struct lg_http_text *t)
{
    for (uint32_t i = 0; i < h->field_cnt; i++) {
        const struct lg_http_field *f = &h->fields[i];
        if (f->id != id || !f->value.len)
            continue;
        if (id == LG_HF_FORWARDED && !lg_http_is_forwarded(f->value))
            continue;
        lg_http_put_span(t, f->value);
        lg_http_put_str(t, ", ");
    }
}

static void put_proto(const struct lg_http_head *h, const struct lg_http_client *c,
                      struct lg_http_text *t)
{
    lg_span_t came = c->fwd_trusts ? only(h, LG_HF_X_FORWARDED_PROTO) : (lg_span_t){0};

    lg_http_put_str(t, "X-Forwarded-Proto: ");
    if (lg_http_is_same(came, LG_SPAN_STR("https")) || lg_http_is_same(came, LG_SPAN_STR("http")))
        lg_http_put_span(t, came);
    else
        lg_http_put_str(t, c->proto);
    lg_http_put_str(t, "\r\n");
}

static bool is_port(lg_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len >= 1 && s.len <= 5;
}

static void put_port(const struct lg_http_head *h, const struct lg_http_client *c,
                     struct lg_http_text *t)
{
    lg_span_t came = c->fwd_trusts ? only(h, LG_HF_X_FORWARDED_PORT) : (lg_span_t){0};

    lg_http_put_str(t, "X-Forwarded-Port: ");
    if (is_port(came))
        lg_http_put_span(t, came);
    else
        lg_http_put_u64(t, c->port);
    lg_http_put_str(t, "\r\n");
}

/* put_value writes a pair's value: a token where it is one, else a quoted string. Neither an
 * address nor a checked Host has a quote or backslash in it. */
static void put_value(struct lg_http_text *t, lg_span_t s)
{
    bool is_token = lg_http_is_token(s);

    lg_http_put_str(t, is_token ? "" : "\"");
    lg_http_put_span(t, s);
    lg_http_put_str(t, is_token ? "" : "\"");
}

/* put_standard: *= https://www.rfc-editor.org/rfc/rfc7239#section-6
 * *# Note that an IPv6 address is always enclosed in square brackets.
 * *= https://www.rfc-editor.org/rfc/rfc7239#section-4
 * *# Note that as ":" and "[]" are not valid characters in "token", IPv6 addresses are written as
 * *# "quoted-string". */
static void put_standard(const struct lg_http_head *h, const struct lg_http_client *c,
                         struct lg_http_text *t)
{
    bool is_v6 = strchr(c->ip, ':') != NULL;

    lg_http_put_str(t, "Forwarded: ");
    if (c->fwd_keeps)
        put_kept(h, LG_HF_FORWARDED, t);
    lg_http_put_str(t, is_v6 ? "for=\"[" : "for=");
    lg_http_put_str(t, c->ip);
    lg_http_put_str(t, is_v6 ? "]\"" : "");
    if (h->authority.len) {
        lg_http_put_str(t, ";host=");
        put_value(t, h->authority);
    }
    lg_http_put_str(t, ";proto=");
    lg_http_put_str(t, c->proto);
    lg_http_put_str(t, "\r\n");
}

/* put_came passes on what is trusted, of the fields that we do not write ourselves. */
static void put_came(const struct lg_http_head *h, bool is_standard, struct lg_http_text *t)
{
    for (uint32_t i = 0; i < h->field_cnt; i++) {
        const struct lg_http_field *f = &h->fields[i];
        bool is_x = f->id == LG_HF_X_FORWARDED_FOR || f->id == LG_HF_X_FORWARDED_PROTO ||
                    f->id == LG_HF_X_FORWARDED_PORT;
        if (f->is_nominated || (is_standard ? f->id != LG_HF_FORWARDED : !is_x))
            continue;
        lg_http_put_span(t, f->name);
        lg_http_put_str(t, ": ");
        lg_http_put_span(t, f->value);
        lg_http_put_str(t, "\r\n");
    }
}

void lg_http_put_forwarded(const struct lg_http_head *h, const struct lg_http_client *c,
                           struct lg_http_text *t)
{
    bool says_x = c->fwd_headers == LG_FWD_X || c->fwd_headers == LG_FWD_BOTH;
    bool says_standard = c->fwd_headers == LG_FWD_STANDARD || c->fwd_headers == LG_FWD_BOTH;

    if (says_x) {
        lg_http_put_str(t, "X-Forwarded-For: ");
        if (c->fwd_keeps)
            put_kept(h, LG_HF_X_FORWARDED_FOR, t);
        lg_http_put_str(t, c->ip);
        lg_http_put_str(t, "\r\n");
        put_proto(h, c, t);
        put_port(h, c, t);
    } else if (c->fwd_trusts) {
        put_came(h, false, t);
    }
    if (says_standard)
        put_standard(h, c, t);
    else if (c->fwd_trusts)
        put_came(h, true, t);
}
