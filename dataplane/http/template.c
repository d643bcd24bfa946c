/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* template.c: reading templates. Filling them in is template_put.c. */
#include "template.h"

#include "cfg_arena.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum needs { CONN, REQUEST };
enum form { HOST, PATH, PART, TEXT };

static const struct {
    const char *name;
    uint8_t needs, form;
} vars[] = {
    [LG_TV_TEXT] = {"", CONN, TEXT},
    [LG_TV_GROUP] = {"", REQUEST, PART},
    [LG_TV_FIELD] = {"", REQUEST, TEXT},
    [LG_TV_COOKIE] = {"", REQUEST, TEXT},
#define X(id, name, needs, form) [LG_TV_##id] = {name, needs, form},
#include "template_vars.def"
#undef X
};

struct reader {
    const char *at;
    enum lg_tmpl_use use;
    uint32_t group_cnt, cnt;
    struct lg_tmpl_piece pieces[LG_TMPL_PIECES_MAX];
    char *why;
};

static lg_err_t wrong(struct reader *r, const char *fmt, ...) LG_PRINTF(2, 3);
static lg_err_t wrong(struct reader *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, LG_TMPL_WHY_SZ, fmt, ap);
    va_end(ap);
    return LG_E(CONFIG);
}

static bool is_uri(enum lg_tmpl_use use)
{
    return use == LG_TMPL_REDIRECT || use == LG_TMPL_REWRITE;
}

/* ---------------------------------------------------------------- pieces */

static bool may_stand(enum lg_tmpl_use use, unsigned char b)
{
    if (use == LG_TMPL_HOST)
        return isalnum(b) || strchr(".-_:[]", b);
    if (is_uri(use))
        return b > ' ' && b <= '~' && !strchr("\"<>\\^`{|}", b) &&
               !(b == '#' && use == LG_TMPL_REWRITE);
    return b >= ' ' && b != 0x7f;
}

static lg_err_t push(struct reader *r, struct lg_tmpl_piece p)
{
    if (r->cnt == LG_TMPL_PIECES_MAX)
        return wrong(r, "too many variables; at most %u parts", LG_TMPL_PIECES_MAX);
    r->pieces[r->cnt++] = p;
    return LG_OK;
}

static lg_err_t read_text(struct reader *r)
{
    const char *from = r->at;

    if (r->at[0] == '$') /* "$$" */
        from = ++r->at, r->at++;
    while (*r->at && *r->at != '$')
        r->at++;
    for (const char *p = from; p < r->at; p++)
        if (!may_stand(r->use, (unsigned char)*p))
            return wrong(r, "'%c' cannot stand in it; write it percent-encoded, if at all", *p);
    return push(r, (struct lg_tmpl_piece){.var = LG_TV_TEXT,
                                          .text = lg_span(from, (size_t)(r->at - from))});
}

static lg_err_t find_var(struct reader *r, lg_span_t name, struct lg_tmpl_piece *p)
{
    const struct {
        const char *prefix;
        uint8_t len, var;
    } open[] = {{"http_", 5, LG_TV_FIELD}, {"cookie_", 7, LG_TV_COOKIE}};

    if (name.len == 1 && name.p[0] >= '1' && name.p[0] <= '9') {
        p->var = LG_TV_GROUP;
        p->group = (uint8_t)(name.p[0] - '0');
        if (p->group > r->group_cnt)
            return wrong(r, "$%u: the route's regex has %u groups", p->group, r->group_cnt);
        return LG_OK;
    }
    for (size_t i = LG_TV_COOKIE + 1; i < LG_ARRAY_CNT(vars); i++)
        if (lg_span_eq(name, lg_span_cstr(vars[i].name))) {
            p->var = (uint8_t)i;
            return LG_OK;
        }
    for (size_t i = 0; i < LG_ARRAY_CNT(open); i++)
        if (name.len > open[i].len && memcmp(name.p, open[i].prefix, open[i].len) == 0) {
            p->var = open[i].var;
            p->text = lg_span(name.p + open[i].len, name.len - open[i].len);
            return LG_OK;
        }
    return wrong(r, "there is no variable $%.*s; a dollar sign itself is $$", (int)name.len,
                 (const char *)name.p);
}

static lg_err_t read_var(struct reader *r)
{
    struct lg_tmpl_piece p = {0};
    const char *from = r->at + 1;
    bool is_braced = *from == '{';
    size_t len = 0;

    from += is_braced;
    while (isalnum((unsigned char)from[len]) || from[len] == '_')
        if (len++ == 0 && isdigit((unsigned char)from[0])) /* $1 is one digit */
            break;
    r->at = from + len;
    if (len == 0 || len > 80 || (is_braced && *r->at != '}'))
        return wrong(r, "a '$' that begins no variable; a dollar sign itself is $$");
    r->at += is_braced;
    LG_TRY(find_var(r, lg_span(from, len), &p));
    if (r->use == LG_TMPL_RESPONSE && vars[p.var].needs == REQUEST)
        return wrong(r, "$%.*s is of the request, which is gone when a response comes", (int)len,
                     from);
    if (r->use == LG_TMPL_HOST && vars[p.var].form != HOST)
        return wrong(r, "$%.*s may be no host", (int)len, from);
    return push(r, p);
}

/* ---------------------------------------------------------------- where a redirect leads */

/* check_host: the host of an absolute target ends in the template, before anything that a path or
 * query decides: "https://a.example$1" could lead to "a.example.evil.example".
 *   i, off  piece and byte behind the "//" */
static lg_err_t check_host(struct reader *r, uint32_t i, size_t off)
{
    bool has_any = false;

    for (; i < r->cnt; i++, off = 0) {
        const struct lg_tmpl_piece *p = &r->pieces[i];
        if (p->var != LG_TV_TEXT) {
            if (vars[p->var].form == PATH && has_any)
                return LG_OK;
            if (vars[p->var].form != HOST)
                return wrong(r,
                             "write a '/' between the host and what follows: a client could go on "
                             "with the host's name there");
            has_any = true;
            continue;
        }
        for (; off < p->text.len; off++) {
            if (strchr("/?#", p->text.p[off]))
                return has_any ? LG_OK : wrong(r, "there is no host behind the \"//\"");
            has_any = true;
        }
    }
    return has_any ? LG_OK : wrong(r, "there is no host behind the \"//\"");
}

static bool begins(lg_span_t s, const char *with)
{
    size_t len = strlen(with);
    return s.len >= len && memcmp(s.p, with, len) == 0;
}

static lg_err_t check_target(struct reader *r)
{
    static const char expected[] = "expected http:// or https:// and a host, $scheme://, or a path";
    lg_span_t text = r->pieces[0].text;

    switch (r->pieces[0].var) {
    case LG_TV_TEXT:
        if (begins(text, "https://"))
            return check_host(r, 0, 8);
        if (begins(text, "http://"))
            return check_host(r, 0, 7);
        return begins(text, "/") && !begins(text, "//") ? LG_OK : wrong(r, expected);
    case LG_TV_SCHEME:
        if (r->cnt > 1 && r->pieces[1].var == LG_TV_TEXT && begins(r->pieces[1].text, "://"))
            return check_host(r, 1, 3);
        return wrong(r, expected);
    default:
        return vars[r->pieces[0].var].form == PATH ? LG_OK : wrong(r, expected);
    }
}

/* ---------------------------------------------------------------- the whole */

static lg_err_t keep(struct reader *r, struct lg_arena *arena, const struct lg_tmpl **out)
{
    struct lg_tmpl *t = lg_arena_alloc(arena, 1, sizeof *t);
    struct lg_tmpl_piece *pieces = lg_arena_alloc(arena, r->cnt, sizeof *pieces);

    LG_CHECK(t && pieces, LG_E(NOMEM));
    *t = (struct lg_tmpl){.cnt = r->cnt, .pieces = pieces};
    for (uint32_t i = 0; i < r->cnt; i++) {
        pieces[i] = r->pieces[i];
        char *own = lg_arena_str(arena, (const char *)pieces[i].text.p, pieces[i].text.len);
        LG_CHECK(own, LG_E(NOMEM));
        if (pieces[i].var == LG_TV_TEXT)
            t->has_query |= memchr(own, '?', pieces[i].text.len) != NULL;
        for (size_t k = 0; pieces[i].var == LG_TV_FIELD && k < pieces[i].text.len; k++)
            own[k] = own[k] == '_' ? '-' : own[k];
        pieces[i].text.p = (const uint8_t *)own;
    }
    *out = t;
    return LG_OK;
}

lg_err_t lg_tmpl_compile(const char *text, enum lg_tmpl_use use, uint32_t group_cnt,
                         struct lg_arena *arena, const struct lg_tmpl **out,
                         char why[LG_TMPL_WHY_SZ])
{
    struct reader r = {.at = text, .use = use, .group_cnt = group_cnt, .why = why};

    why[0] = '\0';
    while (*r.at)
        LG_TRY(r.at[0] == '$' && r.at[1] != '$' ? read_var(&r) : read_text(&r));
    if (r.cnt == 0)
        return wrong(&r, "it is empty");
    if (use == LG_TMPL_REDIRECT)
        LG_TRY(check_target(&r));
    return keep(&r, arena, out);
}
