/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_rules.c: any text as a template, and any request to fill it from. No value may end a header
 * line or leave the alphabet of URIs, a redirect may not leave its host, and what we append to
 * Forwarded must be read as ours.
 * Target Functions: lg_tmpl_compile, lg_tmpl_put, lg_http_rewrite, lg_http_route_find,
 * lg_regex_match, lg_http_put_forwarded, lg_http_is_forwarded, lg_http_cookie_next,
 * lg_sticky_find */
#include "cfg_arena.h"
#include "http_forwarded.h"
#include "http_key.h"
#include "http_route.h"
#include "sticky.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lg_http_head head;
static char path[LG_HTTP_URI_MAX + 1], text[1u << 20];
static const struct lg_http_client client = {.ip = "2001:db8::1",
                                             .proto = "https",
                                             .default_host = "fallback",
                                             .listener = "web",
                                             .sni = "",
                                             .tls_version = "",
                                             .cipher = "",
                                             .group = "",
                                             .has_cert = true,
                                             .subject = "CN=\r\n\x7f",
                                             .issuer = "i",
                                             .serial = "1",
                                             .fingerprint = "f",
                                             .fwd_headers = LG_FWD_BOTH,
                                             .fwd_keeps = true};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void expect_clean(const struct lg_http_text *out, uint8_t least)
{
    for (size_t i = 0; i < out->len; i++) {
        uint8_t b = (uint8_t)out->p[i];
        expect((b >= least || b == '\t') && b != 0x7f && (least == ' ' || b < 0x80));
    }
}

static void fill(const char *tmpl, struct lg_vars *v)
{
    static const enum lg_tmpl_use uses[] = {LG_TMPL_REDIRECT, LG_TMPL_REWRITE, LG_TMPL_HOST,
                                            LG_TMPL_REQUEST, LG_TMPL_RESPONSE};
    char why[LG_TMPL_WHY_SZ];

    for (size_t i = 0; i < LG_ARRAY_CNT(uses); i++) {
        struct lg_arena *arena = lg_arena_open();
        struct lg_http_text out = {.p = text, .cap = sizeof text};
        const struct lg_tmpl *t;
        if (!lg_is_ok(lg_tmpl_compile(tmpl, uses[i], 9, arena, &t, why))) {
            expect(why[0]);
        } else if (uses[i] == LG_TMPL_REWRITE) {
            uint16_t status = lg_http_rewrite(t, v, &out);
            expect(status || (out.p[0] == '/' && !(out.len > 1 && out.p[1] == '/')));
            expect_clean(&out, '!');
        } else if (uses[i] == LG_TMPL_REDIRECT) {
            lg_tmpl_put_uri(t, v, &out);
            expect_clean(&out, '!');
        } else {
            lg_tmpl_put(t, v, &out);
            expect_clean(&out, ' ');
        }
        lg_arena_close(arena);
    }
}

/* one rule whose expression comes from the input, too. */
static void match(const char *pattern, struct lg_vars *v)
{
    static uint8_t mem[1u << 20] __attribute__((aligned(64)));
    static struct lg_regex_core *core;
    struct lg_regex *re;
    char why[LG_REGEX_WHY_SZ];

    if (!core)
        core = lg_regex_core_init(mem);
    if (!lg_is_ok(lg_regex_compile(pattern, &re, why)))
        return;
    if (lg_regex_match(core, re, v->uri, v->groups) == LG_REGEX_HIT)
        for (uint32_t i = 0; i < LG_REGEX_GROUPS; i++)
            expect(!v->groups[i].p ||
                   (v->groups[i].p >= v->uri.p && v->groups[i].len <= v->uri.len));
    lg_regex_free(re);
}

static void forwarded(void)
{
    struct lg_http_text out = {.p = text, .cap = sizeof text};

    lg_http_put_forwarded(&head, &client, &out);
    if (out.over)
        return;
    char *f = memmem(text, out.len, "\r\nForwarded: ", 13);
    expect(f && lg_http_is_forwarded(lg_span(f + 13, out.len - 2 - (size_t)(f + 13 - text))));
}

static void cookies(lg_span_t without)
{
    const struct lg_http_changes ch = {.take_cookie = without};
    struct lg_http_text out = {.p = text, .cap = sizeof text};
    lg_span_t rest, pair, name;

    if (!lg_http_is_token(without))
        return;
    lg_http_write_request(&head, &client, &ch, &out);
    for (uint32_t i = 0; i < head.field_cnt; i++) {
        rest = head.fields[i].value;
        while (lg_http_cookie_next(&rest, &pair, without)) {
            const uint8_t *eq = memchr(pair.p, '=', pair.len);
            name = eq ? lg_span(pair.p, (size_t)(eq - pair.p)) : pair;
            expect(!lg_span_eq(name, without));
        }
    }
}

/* sticky: only the one tag that there is, is found. */
static void sticky(void)
{
    static struct lg_sticky_tag tag = {.tag = {0x30, 0x31}, .backend_idx = 7, .is_current = true};
    static const char digits[] = "30310000000000000000000000000000"; /* that tag */
    struct lg_sticky s = {.name = LG_SPAN_STR("s"), .tag_cnt = 1, .tags = &tag};
    uint32_t idx = 0;
    bool is_there = false;

    for (uint32_t i = 0; i < head.field_cnt; i++)
        is_there |= memmem(head.fields[i].value.p, head.fields[i].value.len, digits, 32) != NULL;
    enum lg_sticky_outcome o = lg_sticky_find(&s, &head, &idx);
    expect(o != LG_STICKY_OLD && (o != LG_STICKY_CURRENT || (is_there && idx == 7)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    struct lg_vars v = {.client = &client, .head = &head};
    size_t len;

    if (!nul || size > 1u << 16)
        return 0;
    lg_span_t raw = lg_span(nul + 1, size - (size_t)(nul + 1 - data));
    if (!lg_is_ok(lg_http_parse_request(raw, &head)) ||
        !lg_is_ok(lg_http_path_normal(head.path, path, &len)))
        return 0;
    v.uri = v.rest = lg_span(path, len);
    match((const char *)data, &v);
    fill((const char *)data, &v);
    forwarded();
    sticky();
    cookies(lg_span(data, LG_MIN((size_t)(nul - data), (size_t)4)));
    return 0;
}
