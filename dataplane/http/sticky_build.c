/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* sticky_build.c: keys of stickiness, and the tags that they make. */
#include "sticky.h"

#include "pem.h"
#include "rng.h"
#include "siphash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX 4096u

struct keys {
    uint32_t cnt, current;
    uint8_t key[LG_STICKY_KEYS_MAX][LG_STICKY_KEY_SZ];
};

/* ---------------------------------------------------------------- keys */

/* take_line reads one line of a key file; false: it is no key, or one too many. */
static bool take_line(lg_span_t line, struct keys *keys)
{
    uint8_t key[LG_STICKY_KEY_SZ * 2];

    while (line.len && (line.p[line.len - 1] == '\r' || line.p[line.len - 1] == ' '))
        line.len--;
    if (line.len == 0 || line.p[0] == '#')
        return true;
    bool is_good = keys->cnt < LG_STICKY_KEYS_MAX && line.len == 44 &&
                   lg_pem_decode(line, key) == LG_STICKY_KEY_SZ;
    if (is_good)
        memcpy(keys->key[keys->cnt++], key, LG_STICKY_KEY_SZ);
    lg_wipe(key, sizeof key);
    return is_good;
}

static bool parse_keys(lg_span_t text, struct keys *keys)
{
    while (text.len) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        size_t len = end ? (size_t)(end - text.p) : text.len;
        if (!take_line(lg_span(text.p, len), keys))
            return false;
        len += end != NULL;
        text = lg_span(text.p + len, text.len - len);
    }
    keys->current = keys->cnt > 1 ? keys->cnt - 2 : 0;
    return keys->cnt > 0;
}

static lg_err_t read_keys(const struct lg_config *cfg, const struct lg_cfg_pool *pool,
                          struct keys *keys, struct lg_diag *diag)
{
    const char *path = pool->sticky.key_file;
    uint8_t text[FILE_MAX + 1];
    char key[64];
    FILE *f = fopen(path, "rbe");
    int saved = errno;

    if (f)
        setvbuf(f, NULL, _IONBF, 0); /* no copy of it elsewhere */
    size_t len = f ? fread(text, 1, sizeof text, f) : 0;
    bool is_good = f && len <= FILE_MAX && parse_keys(lg_span(text, len), keys);
    if (f)
        fclose(f);
    lg_wipe(text, sizeof text);
    snprintf(key, sizeof key, "pools[%u].sticky.key_file", (unsigned)(pool - cfg->pools));
    if (!f)
        lg_diag_error(diag, cfg->file, pool->sticky.line, key, "cannot read %s: %s", path,
                      strerror(saved));
    else if (!is_good)
        lg_diag_error(
            diag, cfg->file, pool->sticky.line, key,
            "%s: expected 1 to %u lines of 32 random bytes in base64: openssl rand -base64 "
            "32 >> %s",
            path, LG_STICKY_KEYS_MAX, path);
    return is_good ? LG_OK : LG_E(CONFIG);
}

/* ---------------------------------------------------------------- tags */

/* make_tag: whatever a machine calls a backend, its address is the same on all. */
static void make_tag(const uint8_t *key, const struct lg_cfg_pool *pool, uint32_t idx,
                     uint8_t tag[LG_STICKY_TAG_SZ])
{
    const struct lg_endpoint *addr = &pool->backends[idx].addr;
    uint8_t id[64 + 1 + 16 + 2] = {0}; /* a name has at most 63 bytes */
    struct lg_sipkey half;
    uint64_t hash;

    memcpy(id, pool->name, LG_MIN(strlen(pool->name), (size_t)64));
    memcpy(id + 65, addr->ip.b, 16);
    id[81] = (uint8_t)(addr->port >> 8);
    id[82] = (uint8_t)addr->port;
    for (size_t i = 0; i < 2; i++) {
        memcpy(&half, key + i * sizeof half, sizeof half);
        hash = lg_siphash(&half, id, sizeof id);
        memcpy(tag + i * sizeof hash, &hash, sizeof hash);
    }
    lg_wipe(&half, sizeof half);
}

static int by_tag(const void *a, const void *b)
{
    const struct lg_sticky_tag *x = a, *y = b;
    return memcmp(x->tag, y->tag, LG_STICKY_TAG_SZ);
}

static lg_err_t make_tags(struct lg_sticky *s, const struct lg_cfg_pool *pool,
                          const struct keys *keys)
{
    uint32_t cnt = pool->backend_cnt, n = 0;

    s->tags = calloc((size_t)cnt * keys->cnt, sizeof *s->tags);
    s->current = calloc(cnt, sizeof *s->current);
    LG_CHECK(s->tags && s->current, LG_E(NOMEM));
    for (uint32_t k = 0; k < keys->cnt; k++)
        for (uint32_t i = 0; i < cnt; i++) {
            struct lg_sticky_tag *t = &s->tags[n++];
            make_tag(keys->key[k], pool, i, t->tag);
            t->backend_idx = i;
            t->is_current = k == keys->current;
            if (t->is_current)
                memcpy(s->current[i], t->tag, LG_STICKY_TAG_SZ);
        }
    s->tag_cnt = n;
    qsort(s->tags, n, sizeof *s->tags, by_tag);
    return LG_OK;
}

lg_err_t lg_sticky_build(const struct lg_config *cfg, const struct lg_cfg_pool *pool,
                         const uint8_t *own_key, struct lg_sticky **out, struct lg_diag *diag)
{
    struct lg_sticky *s = calloc(1, sizeof *s);
    struct keys keys = {.cnt = 1};
    lg_err_t e = LG_OK;

    LG_CHECK(s, LG_E(NOMEM));
    s->cfg = &pool->sticky;
    s->name = lg_span_cstr(pool->sticky.cookie);
    memcpy(keys.key[0], own_key, LG_STICKY_KEY_SZ);
    if (pool->sticky.key_file) {
        keys.cnt = 0;
        e = read_keys(cfg, pool, &keys, diag);
    }
    if (lg_is_ok(e))
        e = make_tags(s, pool, &keys);
    lg_wipe(&keys, sizeof keys);
    if (lg_is_ok(e))
        *out = s;
    else
        lg_sticky_free(s);
    return e;
}

void lg_sticky_free(struct lg_sticky *s)
{
    if (!s)
        return;
    free(s->tags);
    free(s->current);
    free(s);
}
