/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* schema.c: the generic walker. It knows no key by name. */
#include "schema.h"

#include "log.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define WORD_MAX 40u /* longer words are no typing mistake of ours */

/* ---------------------------------------------------------------- messages */

const char *lg_path_text(const struct lg_path *path, char buf[LG_KEY_SZ])
{
    const struct lg_path *up[2 * LG_YAML_DEPTH];
    size_t cnt = 0, at = 0;

    for (; path && cnt < LG_ARRAY_CNT(up); path = path->up)
        up[cnt++] = path;
    buf[0] = '\0';
    while (cnt > 0 && at < LG_KEY_SZ) {
        const struct lg_path *p = up[--cnt];
        int n = p->key ? snprintf(buf + at, LG_KEY_SZ - at, "%s%.64s", at ? "." : "", p->key)
                       : snprintf(buf + at, LG_KEY_SZ - at, "[%u]", p->idx);
        at += (size_t)LG_MAX(n, 0);
    }
    return buf;
}

void lg_walk_error(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                   const char *fmt, ...)
{
    char key[LG_KEY_SZ], text[LG_DIAG_TEXT_SZ];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lg_path_text(path, key);
    lg_diag_error(w->diag, w->file, n ? n->line : 0, key[0] ? key : NULL, "%s", text);
    if (n)
        n->is_bad = true;
}

const char *lg_found(const struct lg_node *n, char buf[LG_FOUND_SZ])
{
    char text[LG_FOUND_SZ - 8];

    if (n->kind == LG_NODE_LIST)
        return "a list";
    if (n->kind == LG_NODE_MAP)
        return "a mapping";
    if (n->is_null)
        return "nothing";
    lg_log_escape(lg_span(n->text, n->len), text, sizeof text);
    bool is_cut = strlen(text) + 5 > sizeof text; /* an escape takes up to four */
    snprintf(buf, LG_FOUND_SZ, "\"%s%s\"", text, is_cut ? "..." : "");
    return buf;
}

bool lg_need_scalar(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                    const char *expected)
{
    char found[LG_FOUND_SZ];

    if (n->kind == LG_NODE_SCALAR && !n->is_null)
        return true;
    lg_walk_error(w, path, n, "found %s, expected %s", lg_found(n, found), expected);
    return false;
}

char *lg_keep(struct lg_walk *w, const char *s, size_t len)
{
    char *p = lg_arena_str(w->arena, s, len);
    if (!p) {
        lg_diag_error(w->diag, w->file, 0, NULL, "out of memory");
        w->is_oom = true;
    }
    return p;
}

/* ---------------------------------------------------------------- did you mean */

static int fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

/* distance: edits (insert, remove, change, swap of neighbours) from a to b, both at most WORD_MAX
 * bytes. Three rows of the usual table are enough. */
static uint32_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    uint32_t rows[3][WORD_MAX + 1];

    for (uint32_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a_len; i++) {
        uint32_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        now[0] = i;
        for (uint32_t j = 1; j <= b_len; j++) {
            uint32_t same = fold(a[i - 1]) == fold(b[j - 1]) ? 0u : 1u;
            uint32_t best = LG_MIN(LG_MIN(up[j], now[j - 1]) + 1, up[j - 1] + same);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                best = LG_MIN(best, up2[j - 2] + 1);
            now[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *lg_nearest(const char *word, const char *const *candidates, uint32_t cnt)
{
    const char *best = NULL;
    size_t len = strnlen(word, WORD_MAX + 1);
    uint32_t best_dist = UINT32_MAX;

    if (len > WORD_MAX)
        return NULL;
    for (uint32_t i = 0; i < cnt; i++) {
        size_t c_len = strlen(candidates[i]);
        if (isdigit((unsigned char)candidates[i][0])) /* versions are not misspelt */
            continue;
        uint32_t dist = c_len <= WORD_MAX ? distance(word, len, candidates[i], c_len) : UINT32_MAX;
        if (dist <= LG_MAX(c_len, len) / 3 && dist < best_dist) {
            best = candidates[i];
            best_dist = dist;
        }
    }
    return best;
}

/* ---------------------------------------------------------------- one mapping */

static const struct lg_field *find_field(const struct lg_table *t, const char *key)
{
    for (uint32_t i = 0; i < t->field_cnt; i++)
        if (strcmp(t->fields[i].key, key) == 0)
            return &t->fields[i];
    return NULL;
}

/* find_home: the key is known, but in a mapping below this one. */
static const struct lg_field *find_home(const struct lg_table *t, const char *key)
{
    for (uint32_t i = 0; i < t->field_cnt; i++)
        if (t->fields[i].table && find_field(t->fields[i].table, key))
            return &t->fields[i];
    return NULL;
}

/* join_keys names all keys, or as many as there is room for, and says how many it leaves out. */
static void join_keys(const struct lg_table *t, char *buf, size_t buf_sz)
{
    const size_t more_sz = sizeof " or 64 more";
    size_t at = 0;

    buf[0] = '\0';
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        size_t len = strlen(t->fields[i].key) + 2;
        if (at + len + more_sz > buf_sz) {
            snprintf(buf + at, buf_sz - at, " or %u more", t->field_cnt - i);
            return;
        }
        snprintf(buf + at, buf_sz - at, "%s%s", i ? ", " : "", t->fields[i].key);
        at = strlen(buf);
    }
}

/* report_unknown returns the bit of the field that was probably meant, 0 when none was. */
static uint64_t report_unknown(struct lg_walk *w, const struct lg_table *t,
                               const struct lg_path *path, struct lg_node *n)
{
    const char *keys[LG_MAX_FIELDS];
    char known[640], key[80];

    if (w->diag->kept_cnt == LG_DIAG_MAX) { /* counted, not read: spare the search */
        lg_walk_error(w, path, n, "unknown key");
        return 0;
    }
    for (uint32_t i = 0; i < t->field_cnt; i++)
        keys[i] = t->fields[i].key;
    const char *near = lg_nearest(n->key, keys, t->field_cnt);
    const struct lg_field *home = find_home(t, n->key);
    lg_log_escape(lg_span_cstr(n->key), key, sizeof key);
    join_keys(t, known, sizeof known);
    if (home)
        lg_walk_error(w, path, n, "unknown key \"%s\"; it belongs under \"%s:\"", key, home->key);
    else if (near)
        lg_walk_error(w, path, n, "unknown key \"%s\"; did you mean \"%s\"?", key, near);
    else
        lg_walk_error(w, path, n, "unknown key \"%s\"; expected one of %s", key, known);
    for (uint32_t i = 0; near && !home && i < t->field_cnt; i++)
        if (keys[i] == near)
            return 1ull << i;
    return 0;
}

static bool is_map_or_nothing(const struct lg_node *n)
{
    return n->kind == LG_NODE_MAP || n->is_null;
}

/* read_default reads what the table says as if it stood in the file. A default that cannot be
 * read is a mistake in tables.c; the message and the tests of the defaults show it. */
static void read_default(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                         uint8_t *base)
{
    struct lg_node n = {.kind = LG_NODE_SCALAR, .text = f->def, .len = f->def ? strlen(f->def) : 0};

    if (f->table && f->shape == LG_ONE)
        lg_walk_map(w, f->table, path, NULL, base + f->off);
    else if (f->def)
        (void)f->kind->read(w, f, path, &n, base + f->off);
}

static void put_cnt(const struct lg_field *f, uint8_t *base, uint32_t cnt)
{
    memcpy(base + f->cnt_off, &cnt, sizeof cnt);
}

static void read_items(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                       struct lg_node *first, uint8_t *items)
{
    size_t item_sz = f->table ? f->table->item_sz : f->kind->item_sz;
    struct lg_path at = {path, NULL, 0};

    for (struct lg_node *n = first; n; n = n->next, at.idx++) {
        void *dst = items + at.idx * item_sz;
        if (f->table)
            lg_walk_map(w, f->table, &at, n, dst);
        else
            (void)f->kind->read(w, f, &at, n, dst);
    }
}

static void read_list(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, uint8_t *base)
{
    char found[LG_FOUND_SZ];
    struct lg_node *first = n->first;
    uint32_t cnt = n->child_cnt;
    uint8_t *items = base + f->off;
    struct lg_node one;

    if (n->kind == LG_NODE_SCALAR && !n->is_null && !f->table) { /* one value is a list of one */
        one = *n;
        one.next = NULL;
        first = &one;
        cnt = 1;
    } else if (n->kind != LG_NODE_LIST && !n->is_null) {
        lg_walk_error(w, path, n, "found %s, expected a list; begin each item with \"- \"",
                      lg_found(n, found));
        return;
    }
    if (cnt < f->list_min || cnt > f->list_max) {
        lg_walk_error(w, path, n, "found %u items, expected %u to %u", cnt, f->list_min,
                      f->list_max);
        return;
    }
    if (f->shape == LG_LIST) {
        items = lg_arena_alloc(w->arena, cnt, f->table ? f->table->item_sz : f->kind->item_sz);
        if (!items) {
            lg_walk_error(w, path, n, "out of memory");
            w->is_oom = true;
            return;
        }
        memcpy(base + f->off, &items, sizeof items);
    }
    put_cnt(f, base, cnt);
    read_items(w, f, path, first, items);
    n->is_bad = n->is_bad || (first == &one && one.is_bad);
}

static void read_field(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                       struct lg_node *n, uint8_t *base)
{
    if (f->shape == LG_WHOLE)
        (void)f->kind->read(w, f, path, n, base + f->off);
    else if (f->shape != LG_ONE)
        read_list(w, f, path, n, base);
    else if (f->table)
        lg_walk_map(w, f->table, path, n, base + f->off);
    else
        (void)f->kind->read(w, f, path, n, base + f->off);
}

/* report_missing: `skip` has the bits of the fields that are there, or stand there misspelt. */
static void report_missing(struct lg_walk *w, const struct lg_table *t, const struct lg_path *path,
                           struct lg_node *node, uint64_t skip)
{
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        const struct lg_field *f = &t->fields[i];
        if (f->is_required && !(skip & 1ull << i))
            lg_walk_error(w, path, node, "\"%s\" is missing: %s", f->key, f->doc);
    }
}

static void read_defaults(struct lg_walk *w, const struct lg_table *t, const struct lg_path *path,
                          uint64_t seen, uint8_t *base)
{
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        struct lg_path at = {path, t->fields[i].key, 0};
        if (!t->fields[i].is_required && !(seen & 1ull << i))
            read_default(w, &t->fields[i], &at, base);
    }
}

void lg_walk_map(struct lg_walk *w, const struct lg_table *t, const struct lg_path *path,
                 struct lg_node *node, void *base)
{
    char found[LG_FOUND_SZ], keys[640];
    unsigned lines[LG_MAX_FIELDS];
    uint64_t seen = 0, meant = 0;

    if (node && !is_map_or_nothing(node)) {
        join_keys(t, keys, sizeof keys);
        lg_walk_error(w, path, node, "found %s, expected a mapping with the keys %s",
                      lg_found(node, found), keys);
        return;
    }
    if (node && t->line_off != LG_NO_OFF)
        memcpy((uint8_t *)base + t->line_off, &node->line, sizeof node->line);
    for (struct lg_node *n = node ? node->first : NULL; n; n = n->next) {
        const struct lg_field *f = find_field(t, n->key);
        struct lg_path at = {path, n->key, 0};
        if (!f) {
            meant |= report_unknown(w, t, path, n);
            continue;
        }
        uint32_t i = (uint32_t)(f - t->fields);
        if (seen & 1ull << i) {
            lg_walk_error(w, &at, n, "given twice; first on line %u", lines[i]);
            continue;
        }
        seen |= 1ull << i;
        lines[i] = n->line;
        read_field(w, f, &at, n, base);
    }
    report_missing(w, t, path, node, seen | meant);
    read_defaults(w, t, path, seen, base);
}
