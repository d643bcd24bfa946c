/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sticky.c: finding and writing cookies of stickiness. Making their tags is sticky_build.c. */
#include "sticky.h"

#include "http_field.h"
#include "http_key.h"

static int hex(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

/* read_tag: exactly 32 digits, lower case. */
static bool read_tag(lg_span_t text, uint8_t tag[LG_STICKY_TAG_SZ])
{
    if (text.len != 2 * LG_STICKY_TAG_SZ)
        return false;
    for (size_t i = 0; i < LG_STICKY_TAG_SZ; i++) {
        int hi = hex(text.p[2 * i]), lo = hex(text.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        tag[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static const struct lg_sticky_tag *find_tag(const struct lg_sticky *s, const uint8_t *tag)
{
    uint32_t lo = 0, hi = s->tag_cnt;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = memcmp(s->tags[mid].tag, tag, LG_STICKY_TAG_SZ);
        if (order == 0)
            return &s->tags[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* value_of gives the value when a pair "name=value" has the name. */
static bool value_of(lg_span_t pair, lg_span_t name, lg_span_t *value)
{
    if (pair.len <= name.len || pair.p[name.len] != '=' || memcmp(pair.p, name.p, name.len) != 0)
        return false;
    *value = lg_span(pair.p + name.len + 1, pair.len - name.len - 1);
    return true;
}

enum lg_sticky_outcome lg_sticky_find(const struct lg_sticky *s, const struct lg_http_head *h,
                                      uint32_t *idx)
{
    enum lg_sticky_outcome found = LG_STICKY_NONE;
    uint8_t tag[LG_STICKY_TAG_SZ];
    lg_span_t pair, value;

    for (uint32_t i = 0; i < h->field_cnt; i++) {
        lg_span_t rest = h->fields[i].value;
        if (!lg_http_is_same(h->fields[i].name, LG_SPAN_STR("cookie")))
            continue;
        while (lg_http_cookie_next(&rest, &pair, lg_span(NULL, 0))) {
            if (!value_of(pair, s->name, &value))
                continue;
            const struct lg_sticky_tag *t = read_tag(value, tag) ? find_tag(s, tag) : NULL;
            if (t) {
                *idx = t->backend_idx;
                return t->is_current ? LG_STICKY_CURRENT : LG_STICKY_OLD;
            }
            found = LG_STICKY_BAD;
        }
    }
    return found;
}

void lg_sticky_put(const struct lg_sticky *s, uint32_t backend_idx, bool is_tls,
                   struct lg_http_text *out)
{
    static const char *const same_site[] = {"; SameSite=Lax", "; SameSite=Strict",
                                            "; SameSite=None", ""};
    const struct lg_cfg_sticky *cfg = s->cfg;
    const uint8_t *tag = s->current[backend_idx];

    lg_http_put_str(out, cfg->cookie);
    lg_http_put_str(out, "=");
    for (size_t i = 0; i < LG_STICKY_TAG_SZ; i++) {
        lg_http_put(out, &"0123456789abcdef"[tag[i] >> 4], 1);
        lg_http_put(out, &"0123456789abcdef"[tag[i] & 15], 1);
    }
    lg_http_put_str(out, "; Path=");
    lg_http_put_str(out, cfg->path);
    if (cfg->domain[0]) {
        lg_http_put_str(out, "; Domain=");
        lg_http_put_str(out, cfg->domain);
    }
    if (cfg->max_age_ns) {
        lg_http_put_str(out, "; Max-Age=");
        lg_http_put_u64(out, cfg->max_age_ns / LG_SEC(1));
    }
    if (cfg->secure == LG_SECURE_ALWAYS || (cfg->secure == LG_SECURE_AUTO && is_tls))
        lg_http_put_str(out, "; Secure");
    lg_http_put_str(out, cfg->http_only ? "; HttpOnly" : "");
    lg_http_put_str(out, same_site[cfg->same_site]);
}
