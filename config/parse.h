/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h: a YAML text as a tree of nodes, each with the line it stands on. It knows YAML, not
 * what any key means (schema.h). Anchors, aliases, tags, several documents, keys that are not
 * plain words and nesting over LG_YAML_DEPTH are refused here, so no later stage meets them.
 * Thread control or boot. */
#ifndef LG_PARSE_H
#define LG_PARSE_H

#include "cfg_arena.h"
#include "diag.h"
#include "span.h"

#define LG_YAML_DEPTH 16
#define LG_YAML_MAX_SZ (16u << 20)   /* bytes of a file */
#define LG_YAML_MAX_NODES (1u << 20) /* bounds memory: a file of the size above can hold more */

enum lg_node_kind { LG_NODE_SCALAR, LG_NODE_LIST, LG_NODE_MAP };

struct lg_node {
    enum lg_node_kind kind;
    unsigned line;    /* 1..; of the key when there is one */
    bool is_null;     /* scalar: nothing, ~ or null, not in quotes */
    bool is_bad;      /* an error was reported here: later checks leave it alone */
    const char *key;  /* in a map: its key; NULL elsewhere */
    const char *text; /* scalar: NUL-terminated, holds no other NUL; NULL otherwise */
    size_t len;
    uint32_t child_cnt;
    struct lg_node *first, *last; /* children of a list or map, in the file's order */
    struct lg_node *next;         /* next sibling */
};

/* lg_yaml_parse reads one document.
 *   arena    owns the tree
 *   Returns  the root, or NULL with one error in diag (YAML says no more after the first) */
struct lg_node *lg_yaml_parse(lg_span_t text, const char *file, struct lg_arena *arena,
                              struct lg_diag *diag);
/* lg_node_find gives the child of a map by key; NULL when node is NULL, no map, or has none. */
struct lg_node *lg_node_find(const struct lg_node *map, const char *key);
/* lg_node_is_clean: no error was reported in this subtree. NULL is clean. */
bool lg_node_is_clean(const struct lg_node *node);

#endif
