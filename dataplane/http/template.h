/* SPDX-License-Identifier: GPL-2.0-or-later */
/* template.h: texts with variables: "https://$host$request_uri". Compiled by the control thread,
 * filled in by workers, straight into a bounded text.
 *
 * "$name", "${name}", "$1" to "$9" for the groups of the route's expression, "$$" for a dollar
 * sign;
 * "$http_NAME" and "$cookie_NAME" for a request's field and cookie (NAME with '_' for '-').
 * The list is template_vars.def.
 *
 * No value can end a header line: what comes from requests has no control bytes (http_head.h), and
 * what comes from certificates has them replaced here. Inside a URI, whatever may not stand there
 * is percent-encoded. The host of a redirect cannot be chosen by a path: what could continue it is
 * refused when the template is compiled.
 * Thread: compile control or boot; put any, pure. */
#ifndef LG_TEMPLATE_H
#define LG_TEMPLATE_H

#include "http_head.h"

#define LG_TMPL_PIECES_MAX 64u
#define LG_TMPL_GROUPS 10u /* $1 to $9, and the whole match */
#define LG_TMPL_WHY_SZ 200u

enum lg_tmpl_var {
    LG_TV_TEXT, /* no variable: as written */
    LG_TV_GROUP,
    LG_TV_FIELD,
    LG_TV_COOKIE,
#define X(id, name, needs, form) LG_TV_##id,
#include "template_vars.def"
#undef X
};

struct lg_arena;

struct lg_tmpl_piece {
    uint8_t var;    /* enum lg_tmpl_var */
    uint8_t group;  /* GROUP: in [1,9] */
    lg_span_t text; /* borrows: of the arena. TEXT; FIELD, COOKIE: the name */
};

struct lg_tmpl {
    uint32_t cnt;
    const struct lg_tmpl_piece *pieces; /* borrows: of the arena */
    bool has_query;                     /* a '?' is written in it */
};

/* What a template is for: what it may hold. */
enum lg_tmpl_use {
    LG_TMPL_REDIRECT, /* a Location: absolute, or a path */
    LG_TMPL_REWRITE,  /* a path, with or without query */
    LG_TMPL_HOST,     /* a Host */
    LG_TMPL_REQUEST,  /* the value of a field in a request */
    LG_TMPL_RESPONSE, /* the same in a response, when the request is gone */
};

/* lg_tmpl_compile reads a template.
 *   group_cnt  groups that the route's expression has
 *   out        in the arena
 *   why        on failure: what is wrong and how to mend it
 *   Returns    LG_OK, LG_E(CONFIG) or LG_E(NOMEM) */
LG_MUST lg_err_t lg_tmpl_compile(const char *text, enum lg_tmpl_use use, uint32_t group_cnt,
                                 struct lg_arena *arena, const struct lg_tmpl **out,
                                 char why[LG_TMPL_WHY_SZ]);

/* What variables are filled from. */
struct lg_vars {
    const struct lg_http_client *client;
    const struct lg_http_head *head; /* the request; NULL: it is gone, and has no variables */
    lg_span_t uri, rest;
    lg_span_t groups[LG_TMPL_GROUPS];
};

/* lg_tmpl_put appends the text; `over` of out when it does not fit. */
void lg_tmpl_put(const struct lg_tmpl *t, const struct lg_vars *v, struct lg_http_text *out);
/* lg_tmpl_put_uri does so inside a URI. */
void lg_tmpl_put_uri(const struct lg_tmpl *t, const struct lg_vars *v, struct lg_http_text *out);

#endif
