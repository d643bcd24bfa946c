/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* rules.c: compiling a listener's rules. */
#include "rules.h"

#include "cfg_arena.h"
#include "http_field.h"

#include <errno.h>
#include <stdio.h>

#define KEY_SZ 120u

/* Where messages point to. */
struct builder {
    const struct lg_config *cfg;
    const struct lg_cfg_listener *l;
    struct lg_rules *rules;
    struct lg_diag *diag;
    uint32_t listener_idx;
    lg_err_t err; /* of the first mistake; the rest is compiled for its messages */
    struct lg_edits *request, *response; /* the listener's own, for routes that add nothing */
};

static void wrong(struct builder *b, unsigned line, const char *key, const char *why)
{
    lg_diag_error(b->diag, b->cfg->file, line, key, "%s", why);
    b->err = LG_E(CONFIG);
}

static void *alloc(struct builder *b, size_t cnt, size_t sz)
{
    void *p = lg_arena_alloc(b->rules->arena, cnt, sz);

    if (!p)
        b->err = LG_E(NOMEM);
    return p;
}

static const struct lg_tmpl *compile(struct builder *b, const char *text, enum lg_tmpl_use use,
                                     uint32_t group_cnt, unsigned line, const char *key)
{
    const struct lg_tmpl *t = NULL;
    char why[LG_TMPL_WHY_SZ];
    lg_err_t e = lg_tmpl_compile(text, use, group_cnt, b->rules->arena, &t, why);

    if (lg_err_is(e, LG_ERR_CONFIG))
        wrong(b, line, key, why);
    else if (!lg_is_ok(e))
        b->err = e;
    return t;
}

/* ---------------------------------------------------------------- header fields */

/* One list of changes: the listener's and then the route's. */
struct changes {
    const struct lg_cfg_header *head[2];
    uint32_t cnt[2];
    const char *key[2]; /* of each list */
    enum lg_tmpl_use use;
    uint32_t group_cnt;
};

static const struct lg_cfg_header *change(const struct changes *c, uint32_t i)
{
    return i < c->cnt[0] ? &c->head[0][i] : &c->head[1][i - c->cnt[0]];
}

static lg_span_t name_of(const struct lg_cfg_header *h)
{
    return lg_span_cstr(h->set ? h->set : h->add ? h->add : h->remove);
}

/* is_undone: a later change sets or removes the same name. */
static bool is_undone(const struct changes *c, uint32_t i)
{
    for (uint32_t k = i + 1; k < c->cnt[0] + c->cnt[1]; k++)
        if (!change(c, k)->add && lg_http_is_alike(name_of(change(c, k)), name_of(change(c, i))))
            return true;
    return false;
}

static void build_edit(struct builder *b, const struct changes *c, uint32_t i,
                       struct lg_edits *edits, struct lg_edit *list)
{
    const struct lg_cfg_header *h = change(c, i);
    uint32_t which = i < c->cnt[0] ? 0 : 1;
    bool is_host = c->use == LG_TMPL_REQUEST && lg_http_is_same(name_of(h), LG_SPAN_STR("host"));
    const struct lg_tmpl *value = NULL;
    char key[KEY_SZ];

    snprintf(key, sizeof key, "%s[%u].value", c->key[which], which ? i - c->cnt[0] : i);
    if (h->value)
        value = compile(b, h->value, is_host ? LG_TMPL_HOST : c->use, c->group_cnt, h->line, key);
    if (is_undone(c, i))
        return;
    if (is_host)
        edits->host = value;
    else
        list[edits->cnt++] = (struct lg_edit){name_of(h), value, h->set || h->remove};
}

static struct lg_edits *build_edits(struct builder *b, const struct changes *c)
{
    struct lg_edits *edits = alloc(b, 1, sizeof *edits);
    struct lg_edit *list = alloc(b, c->cnt[0] + c->cnt[1], sizeof *list);

    if (!edits || !list)
        return NULL;
    for (uint32_t i = 0; i < c->cnt[0] + c->cnt[1]; i++)
        build_edit(b, c, i, edits, list);
    edits->list = list;
    return edits;
}

static void build_own_edits(struct builder *b)
{
    const struct lg_cfg_listener *l = b->l;
    char key[2][KEY_SZ];
    struct changes c = {.head = {l->request_headers},
                        .cnt = {l->request_header_cnt},
                        .key = {key[0]},
                        .use = LG_TMPL_REQUEST};

    snprintf(key[0], KEY_SZ, "listeners[%u].request_headers", b->listener_idx);
    b->request = build_edits(b, &c);
    snprintf(key[0], KEY_SZ, "listeners[%u].response_headers", b->listener_idx);
    c.head[0] = l->response_headers;
    c.cnt[0] = l->response_header_cnt;
    c.use = LG_TMPL_RESPONSE;
    b->response = build_edits(b, &c);
}

static void build_route_edits(struct builder *b, struct lg_rule *r, const char *path)
{
    const struct lg_cfg_http_route *cfg = r->cfg;
    const struct lg_cfg_listener *l = b->l;
    char own[KEY_SZ], key[KEY_SZ];
    struct changes c = {.head = {l->request_headers, cfg->request_headers},
                        .cnt = {l->request_header_cnt, cfg->request_header_cnt},
                        .key = {own, key},
                        .use = LG_TMPL_REQUEST,
                        .group_cnt = r->regex ? lg_regex_groups(r->regex) : 0};

    snprintf(own, sizeof own, "listeners[%u].request_headers", b->listener_idx);
    snprintf(key, sizeof key, "%s.request_headers", path);
    r->request = c.cnt[1] ? build_edits(b, &c) : b->request;
    snprintf(own, sizeof own, "listeners[%u].response_headers", b->listener_idx);
    snprintf(key, sizeof key, "%s.response_headers", path);
    c.head[0] = l->response_headers;
    c.head[1] = cfg->response_headers;
    c.cnt[0] = l->response_header_cnt;
    c.cnt[1] = cfg->response_header_cnt;
    c.use = LG_TMPL_RESPONSE;
    r->response = c.cnt[1] ? build_edits(b, &c) : b->response;
}

/* ---------------------------------------------------------------- routes */

static void read_body(struct builder *b, struct lg_rule *r, const char *path)
{
    const char *file = r->cfg->respond.file;
    char key[KEY_SZ], why[LG_DIAG_TEXT_SZ / 2];
    uint8_t text[LG_BODY_MAX + 1];
    FILE *f = fopen(file, "rbe");
    size_t len = f ? fread(text, 1, sizeof text, f) : 0;

    snprintf(key, sizeof key, "%s.respond.file", path);
    if (!f || ferror(f)) {
        snprintf(why, sizeof why, "cannot read %.150s: %s", file, strerror(errno));
        wrong(b, r->cfg->respond.line, key, why);
    } else if (len > LG_BODY_MAX) {
        snprintf(why, sizeof why, "%.150s is longer than %u bytes", file, LG_BODY_MAX);
        wrong(b, r->cfg->respond.line, key, why);
    }
    if (f)
        fclose(f);
    uint8_t *body = alloc(b, len, 1);
    if (!body)
        return;
    memcpy(body, text, len);
    r->body = lg_span(body, len);
}

static void build_regex(struct builder *b, struct lg_rule *r, uint32_t idx, const char *path)
{
    char key[KEY_SZ], why[LG_REGEX_WHY_SZ];
    lg_err_t e = lg_regex_compile(r->cfg->regex, &r->regex, why);

    snprintf(key, sizeof key, "%s.regex", path);
    if (lg_err_is(e, LG_ERR_CONFIG))
        wrong(b, r->cfg->line, key, why);
    else if (!lg_is_ok(e))
        b->err = e;
    else
        b->rules->regex_idx[b->rules->regex_cnt++] = idx;
}

static void build_route(struct builder *b, uint32_t idx)
{
    const struct lg_cfg_http_route *cfg = &b->l->routes[idx];
    struct lg_rule *r = &b->rules->list[idx];
    char path[KEY_SZ - 40], key[KEY_SZ];

    snprintf(path, sizeof path, "listeners[%u].routes[%u]", b->listener_idx, idx);
    r->cfg = cfg;
    if (cfg->match == LG_PATH_REGEX)
        build_regex(b, r, idx, path);
    else
        r->path_len = strlen(cfg->match == LG_PATH_EXACT ? cfg->exact : cfg->path);
    uint32_t group_cnt = r->regex ? lg_regex_groups(r->regex) : 0;
    if (cfg->redirect.line) {
        snprintf(key, sizeof key, "%s.redirect.to", path);
        r->redirect =
            compile(b, cfg->redirect.to, LG_TMPL_REDIRECT, group_cnt, cfg->redirect.line, key);
    }
    if (cfg->rewrite) {
        snprintf(key, sizeof key, "%s.rewrite", path);
        r->rewrite = compile(b, cfg->rewrite, LG_TMPL_REWRITE, group_cnt, cfg->line, key);
    }
    if (cfg->respond.line && cfg->respond.file)
        read_body(b, r, path);
    else if (cfg->respond.line)
        r->body = lg_span_cstr(cfg->respond.body);
    build_route_edits(b, r, path);
}

lg_err_t lg_rules_build(const struct lg_config *cfg, const struct lg_cfg_listener *l,
                        struct lg_rules **out, struct lg_diag *diag)
{
    struct lg_arena *arena = lg_arena_open();
    struct lg_rules *rules = arena ? lg_arena_alloc(arena, 1, sizeof *rules) : NULL;

    if (!rules) {
        lg_arena_close(arena);
        return LG_E(NOMEM);
    }
    rules->arena = arena;
    struct builder b = {.cfg = cfg,
                        .l = l,
                        .rules = rules,
                        .diag = diag,
                        .listener_idx = (uint32_t)(l - cfg->listeners),
                        .err = LG_OK};
    rules->list = alloc(&b, l->route_cnt, sizeof *rules->list);
    rules->regex_idx = alloc(&b, l->route_cnt, sizeof *rules->regex_idx);
    build_own_edits(&b);
    for (uint32_t i = 0; i < l->route_cnt && !lg_err_is(b.err, LG_ERR_NOMEM); i++) {
        rules->cnt = i + 1;
        build_route(&b, i);
    }
    if (lg_is_ok(b.err))
        *out = rules;
    else
        lg_rules_free(rules);
    return b.err;
}

void lg_rules_free(struct lg_rules *rules)
{
    if (!rules)
        return;
    for (uint32_t i = 0; i < rules->cnt; i++)
        lg_regex_free(rules->list[i].regex);
    lg_arena_close(rules->arena);
}
