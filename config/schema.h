/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.h: the walker that fills structs from a parse tree, driven by tables (tables.c): one
 * table a mapping, one row a key. A row says where the value goes, how it is read (kinds.c), what
 * is allowed and what it is when not given, so that messages, defaults and schema.md come from one
 * place. What takes two keys to judge is check.c's.
 *
 * A node with an error is marked is_bad and its target keeps zeroes: later checks skip it.
 * Thread control or boot. */
#ifndef LG_SCHEMA_H
#define LG_SCHEMA_H

#include "config_priv.h"
#include "parse.h"

#include <stdio.h>

#define LG_KEY_SZ 160  /* bytes of a key path in a message; longer ones are cut */
#define LG_FOUND_SZ 72 /* bytes of a quoted value in a message */
#define LG_NO_OFF UINT32_MAX
#define LG_MAX_FIELDS 64

/* Where a node stands: "listeners[1].tls.client_auth" is three keys and an index, innermost first.
 * Lives on the stack of the walker. */
struct lg_path {
    const struct lg_path *up; /* NULL: top */
    const char *key;          /* NULL: the index below counts */
    uint32_t idx;
};

struct lg_walk {
    const char *file;         /* for messages */
    const char *dir;          /* absolute; relative file names begin here */
    const struct lg_env *env; /* the machine */
    struct lg_arena *arena;   /* owns what the config keeps */
    struct lg_diag *diag;
    bool is_oom; /* memory ran out: strings may be missing anywhere, checks are pointless */
};

/* A word of the file and the number it stands for. Ends with word NULL. */
struct lg_word {
    const char *word;
    uint32_t value;
};

struct lg_field;

/* How one scalar is read. read returns false after lg_walk_error. `def` reads go through the same
 * function, with a node that stands on line 0. */
struct lg_kind {
    const char *name; /* in schema.md */
    size_t item_sz;   /* bytes of one item in a list; 0: lists of it are not possible */
    bool (*read)(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                 struct lg_node *n, void *dst);
    /* Members of the JSON Schema of one value, without what the field adds (bounds, words). NULL:
     * any scalar, or for LG_WHOLE anything. */
    const char *json;
};

enum lg_shape {
    LG_ONE,         /* a scalar, or a mapping when `table` is set */
    LG_LIST,        /* dst is a pointer to items in the arena */
    LG_LIST_INLINE, /* dst is an array of `list_max` items */
    LG_WHOLE,       /* the kind's read takes the node whatever it is */
};

struct lg_field {
    const char *key;
    const struct lg_kind *kind;   /* of the scalar or of each item; NULL when `table` is set */
    const struct lg_table *table; /* the value, or each item, is a mapping */
    enum lg_shape shape;
    bool is_required;
    uint8_t width;    /* bytes of an integer target: 1, 2, 4 or 8 */
    uint32_t off;     /* of the target in the enclosing struct */
    uint32_t cnt_off; /* lists: of the uint32_t that counts the items */
    uint32_t list_min, list_max;
    uint64_t min, max;           /* numbers, sizes (bytes), durations (ns), string lengths */
    uint64_t scale;              /* sizes: bytes per unit of the target; 0: 1 */
    const struct lg_word *words; /* enums */
    const char *def;             /* as one would write it; NULL: zeroes */
    const char *doc;             /* one line for schema.md */
};

struct lg_table {
    const struct lg_field *fields;
    uint32_t field_cnt; /* <= LG_MAX_FIELDS */
    size_t item_sz;     /* bytes of the struct */
    uint32_t line_off;  /* of the unsigned that keeps the line; LG_NO_OFF: none */
    const char *doc;    /* for schema.md */
};

extern const struct lg_table lg_schema_root; /* fills struct lg_config */

/* lg_walk_map fills `base`, a zeroed struct of the table's type, from a mapping. Reports every
 * error below the node, not only the first. `node` NULL: nothing was given, all is default. */
void lg_walk_map(struct lg_walk *w, const struct lg_table *t, const struct lg_path *path,
                 struct lg_node *node, void *base);

/* lg_walk_error reports "file:line: key: ..." and marks the node. */
void lg_walk_error(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                   const char *fmt, ...) LG_PRINTF(4, 5);
/* lg_found names what stands at a node: "\"text\"" (escaped, cut), "a list", "a mapping",
 * "nothing". */
const char *lg_found(const struct lg_node *n, char buf[LG_FOUND_SZ]);
const char *lg_path_text(const struct lg_path *path, char buf[LG_KEY_SZ]);
/* lg_nearest gives the candidate closest to word, NULL when none is close enough to be a typing
 * mistake. Case and '-' against '_' cost nothing. */
const char *lg_nearest(const char *word, const char *const *candidates, uint32_t cnt);
/* lg_need_scalar is true for a scalar that is not nothing; reports otherwise. */
bool lg_need_scalar(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                    const char *expected);
/* lg_wrong reports "found X, expected Y", with an optional hint that begins with "; "; false. */
bool lg_wrong(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
              const char *expected, const char *hint);
/* lg_keep_at keeps a string and writes its address to dst; false when memory is out. */
bool lg_keep_at(struct lg_walk *w, const char *s, size_t len, void *dst);
/* lg_keep copies a string into the config; NULL after reporting that memory is out. */
char *lg_keep(struct lg_walk *w, const char *s, size_t len);

/* The kinds of kinds.c. */
extern const struct lg_kind lg_kind_str, lg_kind_name, lg_kind_ref, lg_kind_bool, lg_kind_uint,
    lg_kind_duration, lg_kind_size, lg_kind_word, lg_kind_word_str, lg_kind_file, lg_kind_new_file,
    lg_kind_ip, lg_kind_prefix, lg_kind_endpoint;
/* Those of one key only, kinds_net.c. */
extern const struct lg_kind lg_kind_workers, lg_kind_cpu, lg_kind_port_range, lg_kind_device,
    lg_kind_mac, lg_kind_socket, lg_kind_alpn, lg_kind_host, lg_kind_path, lg_kind_url;
/* And kinds_pool.c. */
extern const struct lg_kind lg_kind_balance, lg_kind_codes, lg_kind_token, lg_kind_target,
    lg_kind_authority;
/* And kinds_dns.c. */
extern const struct lg_kind lg_kind_backend, lg_kind_nameserver;

/* And kinds_http.c. */
extern const struct lg_kind lg_kind_field_name, lg_kind_template;
/* And kinds_log.c. */
extern const struct lg_kind lg_kind_log_to, lg_kind_log_format, lg_kind_log_error_format,
    lg_kind_header;

/* lg_schema_print writes schema.md; lg_schema_print_json a JSON Schema (draft 2020-12) of the file;
 * lg_schema_print_man the part of lockgate.yaml(5) that lists the keys. The schema knows types,
 * bounds and words; what takes two keys to judge, and what files are there, only the program itself
 * knows. */
void lg_schema_print(FILE *out);
void lg_schema_print_json(FILE *out);
void lg_schema_print_man(FILE *out);
/* lg_schema_bound writes one bound of a number, size or duration as in the file: "64MiB". */
const char *lg_schema_bound(const struct lg_field *f, uint64_t v, char buf[32]);

#endif
