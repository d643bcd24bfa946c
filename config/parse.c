/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* parse.c: libyaml's events to a tree of nodes. libyaml's own messages are written for people who
 * know its grammar; explain() adds what usually caused them. */
#include "parse.h"

#include <string.h>
#include <yaml.h>

struct frame {
    struct lg_node *node; /* borrows: a list or map that is still open */
    const char *key;      /* in a map: the key whose value comes next; NULL: a key comes next */
    unsigned key_line;
};

struct builder {
    const char *file;
    lg_span_t text;
    struct lg_arena *arena;
    struct lg_diag *diag;
    struct lg_node *root; /* the first document's; NULL before it begins */
    uint32_t node_cnt;
    unsigned depth; /* frames in use, in [0, LG_YAML_DEPTH] */
    struct frame frames[LG_YAML_DEPTH];
};

static unsigned line_of(yaml_mark_t m)
{
    return (unsigned)LG_MIN(m.line, (size_t)UINT32_MAX - 1) + 1;
}

/* indent_has_tab: the blanks before the first word of a line hold a tab. */
static bool indent_has_tab(lg_span_t text, unsigned line)
{
    size_t i = 0;

    for (unsigned at = 1; at < line && i < text.len; i++)
        at += text.p[i] == '\n';
    for (; i < text.len && (text.p[i] == ' ' || text.p[i] == '\t'); i++)
        if (text.p[i] == '\t')
            return true;
    return false;
}

static const char *explain(const struct builder *b, const char *problem, unsigned line)
{
    static const struct {
        const char *problem, *hint;
    } hints[] = {
        {"mapping values are not allowed", "; a value that holds \": \" needs quotes, and keys of "
                                           "one mapping begin in the same column"},
        {"did not find expected key", "; keys of one mapping begin in the same column, and a quote "
                                      "above may lack its end"},
        {"did not find expected '-' indicator", "; items of one list begin in the same column"},
        {"could not find expected ':'", "; write \"key: value\", with a space after the colon"},
        {"found unexpected end of stream", "; a quote or bracket was opened and never closed"},
        {"did not find expected ',' or", "; separate items with commas and close the bracket"},
        {"found character that cannot start", "; put a value that begins with @, ` or % in quotes"},
        {"block sequence entries are not", "; put \"- \" on a line of its own below its key"},
    };

    if (indent_has_tab(b->text, line))
        return "; a tab cannot indent: use spaces";
    for (size_t i = 0; i < LG_ARRAY_CNT(hints); i++)
        if (strncmp(problem, hints[i].problem, strlen(hints[i].problem)) == 0)
            return hints[i].hint;
    return "";
}

static void report_syntax(struct builder *b, const yaml_parser_t *p)
{
    const char *problem = p->problem ? p->problem : "unreadable";

    if (p->error == YAML_MEMORY_ERROR) {
        lg_diag_error(b->diag, b->file, 0, NULL, "out of memory");
        return;
    }
    if (p->error == YAML_READER_ERROR) { /* has no mark, only an offset in bytes */
        unsigned line = 1;
        for (size_t i = 0; i < b->text.len && i < p->problem_offset; i++)
            line += b->text.p[i] == '\n';
        lg_diag_error(b->diag, b->file, line, NULL,
                      "not a text file: %s (byte %zu); save it as UTF-8 without control characters",
                      problem, p->problem_offset);
        return;
    }
    unsigned line = line_of(p->problem_mark), began = line_of(p->context_mark);
    const char *hint = explain(b, problem, line);
    if (p->context && began != line)
        lg_diag_error(b->diag, b->file, line, NULL, "not valid YAML: %s %s begun on line %u%s",
                      problem, p->context, began, hint);
    else
        lg_diag_error(b->diag, b->file, line, NULL, "not valid YAML: %s%s", problem, hint);
}

static struct lg_node *new_node(struct builder *b, enum lg_node_kind kind, unsigned line)
{
    struct lg_node *n;

    if (b->node_cnt++ == LG_YAML_MAX_NODES) {
        lg_diag_error(b->diag, b->file, line, NULL, "the file holds more than %u values",
                      LG_YAML_MAX_NODES);
        return NULL;
    }
    n = lg_arena_alloc(b->arena, 1, sizeof *n);
    if (!n) {
        lg_diag_error(b->diag, b->file, line, NULL, "out of memory");
        return NULL;
    }
    n->kind = kind;
    n->line = line;
    return n;
}

/* add hangs a value where it belongs: under the open list, under the open map's pending key, or
 * as the root. */
static void add(struct builder *b, struct lg_node *n)
{
    struct frame *f = b->depth ? &b->frames[b->depth - 1] : NULL;

    if (!f) {
        b->root = n;
        return;
    }
    if (f->key) /* a value may begin lines below its key */
        n->line = f->key_line;
    n->key = f->key;
    f->key = NULL;
    if (f->node->last)
        f->node->last->next = n;
    else
        f->node->first = n;
    f->node->last = n;
    f->node->child_cnt++;
}

static bool wants_key(const struct builder *b)
{
    const struct frame *f = b->depth ? &b->frames[b->depth - 1] : NULL;
    return f && f->node->kind == LG_NODE_MAP && !f->key;
}

static bool on_scalar(struct builder *b, const yaml_event_t *ev, unsigned line)
{
    const char *v = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (memchr(v, 0, len)) {
        lg_diag_error(b->diag, b->file, line, NULL, "a value holds a NUL byte");
        return false;
    }
    char *text = lg_arena_str(b->arena, v, len);
    if (!text) {
        lg_diag_error(b->diag, b->file, line, NULL, "out of memory");
        return false;
    }
    if (wants_key(b)) {
        b->frames[b->depth - 1].key = text;
        b->frames[b->depth - 1].key_line = line;
        return true;
    }
    struct lg_node *n = new_node(b, LG_NODE_SCALAR, line);
    if (!n)
        return false;
    n->text = text;
    n->len = len;
    n->is_null = plain && (len == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
    add(b, n);
    return true;
}

static bool on_open(struct builder *b, enum lg_node_kind kind, unsigned line)
{
    if (wants_key(b)) {
        lg_diag_error(b->diag, b->file, line, NULL,
                      "a key must be a single word, not a list or mapping");
        return false;
    }
    if (b->depth == LG_YAML_DEPTH) {
        lg_diag_error(b->diag, b->file, line, NULL, "nested more than %d levels deep",
                      LG_YAML_DEPTH);
        return false;
    }
    struct lg_node *n = new_node(b, kind, line);
    if (!n)
        return false;
    add(b, n);
    b->frames[b->depth++] = (struct frame){n, NULL, 0};
    return true;
}

/* is_plain_node refuses what makes one value stand for many, or for another type. */
static bool is_plain_node(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag,
                          unsigned line)
{
    if (!anchor && !tag)
        return true;
    lg_diag_error(b->diag, b->file, line, NULL,
                  anchor ? "anchors (&name) and aliases (*name) are not supported; write the value "
                           "out where it is used"
                         : "tags (!name) are not supported; remove it");
    return false;
}

/* on_event returns false when reading must stop: an error was reported. */
static bool on_event(struct builder *b, const yaml_event_t *ev)
{
    unsigned line = line_of(ev->start_mark);

    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (!b->root)
            return true;
        lg_diag_error(b->diag, b->file, line, NULL,
                      "a second document begins here; a file holds one configuration, remove "
                      "the \"---\"");
        return false;
    case YAML_ALIAS_EVENT:
        return is_plain_node(b, ev->data.alias.anchor, NULL, line);
    case YAML_SCALAR_EVENT:
        return is_plain_node(b, ev->data.scalar.anchor, ev->data.scalar.tag, line) &&
               on_scalar(b, ev, line);
    case YAML_SEQUENCE_START_EVENT:
        return is_plain_node(b, ev->data.sequence_start.anchor, ev->data.sequence_start.tag,
                             line) &&
               on_open(b, LG_NODE_LIST, line);
    case YAML_MAPPING_START_EVENT:
        return is_plain_node(b, ev->data.mapping_start.anchor, ev->data.mapping_start.tag, line) &&
               on_open(b, LG_NODE_MAP, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}

static bool run(struct builder *b, yaml_parser_t *p)
{
    for (bool done = false, ok = true; !done;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(p, &ev)) {
            report_syntax(b, p);
            return false;
        }
        done = ev.type == YAML_STREAM_END_EVENT;
        ok = on_event(b, &ev);
        yaml_event_delete(&ev);
        if (!ok)
            return false;
    }
    if (b->root && !b->root->is_null)
        return true;
    lg_diag_error(b->diag, b->file, 0, NULL, "the file is empty");
    return false;
}

struct lg_node *lg_yaml_parse(lg_span_t text, const char *file, struct lg_arena *arena,
                              struct lg_diag *diag)
{
    struct builder b = {.file = file, .text = text, .arena = arena, .diag = diag};
    yaml_parser_t p;

    if (text.len > LG_YAML_MAX_SZ) {
        lg_diag_error(diag, file, 0, NULL, "the file is larger than %u MiB", LG_YAML_MAX_SZ >> 20);
        return NULL;
    }
    if (!yaml_parser_initialize(&p)) {
        lg_diag_error(diag, file, 0, NULL, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&p, text.len ? text.p : (const uint8_t *)"", text.len);
    bool ok = run(&b, &p);
    yaml_parser_delete(&p);
    return ok ? b.root : NULL;
}

struct lg_node *lg_node_find(const struct lg_node *map, const char *key)
{
    if (!map || map->kind != LG_NODE_MAP)
        return NULL;
    for (struct lg_node *n = map->first; n; n = n->next)
        if (strcmp(n->key, key) == 0)
            return n;
    return NULL;
}

bool lg_node_is_clean(const struct lg_node *node)
{
    if (!node)
        return true;
    if (node->is_bad)
        return false;
    for (const struct lg_node *n = node->first; n; n = n->next)
        if (!lg_node_is_clean(n))
            return false;
    return true;
}
