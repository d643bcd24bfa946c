/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scenario.c: a scenario file: YAML, read by config/'s parser, its keys those of the option table.
 * The command line has been applied to `out` already and wins over the top of the file. */
#include "opts_priv.h"
#include "parse.h"

#include <stdio.h>
#include <string.h>

static lg_err_t set(const struct bl_opt *o, const struct lg_node *n, const char *file, void *base,
                    struct lg_diag *diag)
{
    char why[256];
    if (n->kind != LG_NODE_SCALAR || n->is_null) {
        lg_diag_error(diag, file, n->line, n->key, "expected one value");
        return LG_E(CONFIG);
    }
    if (lg_is_ok(bl_opt_set(o, n->text, base, why, sizeof why)))
        return LG_OK;
    lg_diag_error(diag, file, n->line, n->key, "\"%.100s\" is not %s", n->text, why);
    return LG_E(CONFIG);
}

/* find_key: an option that may stand there; NULL after a message. */
static const struct bl_opt *find_key(const struct lg_node *n, const char *file, bool in_group,
                                     struct lg_diag *diag)
{
    uint32_t k = bl_opt_find(lg_span_cstr(n->key));
    if (k < bl_opt_cnt && !bl_opt_table[k].is_cli_only && (bl_opt_table[k].is_group || !in_group))
        return &bl_opt_table[k];
    lg_diag_error(diag, file, n->line, n->key,
                  k < bl_opt_cnt ? "cannot stand here: it is of the whole run"
                                 : "there is no such key; lockgate-blast --help lists them");
    return NULL;
}

static void top(const struct lg_node *root, const char *file, uint64_t given, struct bl_opts *out,
                struct lg_diag *diag)
{
    for (const struct lg_node *n = root->first; n; n = n->next) {
        if (strcmp(n->key, "groups") == 0)
            continue;
        const struct bl_opt *o = find_key(n, file, false, diag);
        struct bl_opts ignored;
        if (!o)
            continue;
        bool wins = !(given >> (o - bl_opt_table) & 1);
        struct bl_opts *to = wins ? out : &ignored; /* read all the same: mistakes are told */
        (void)set(o, n, file, o->is_group ? (void *)&to->base : (void *)to, diag);
    }
}

static bool kind_of(const char *text, uint32_t *out)
{
    for (uint32_t k = 0; k < BL_ORIGIN; k++)
        if (strcmp(bl_kind_name(k), text) == 0) {
            *out = k;
            return true;
        }
    return false;
}

static void group(const struct lg_node *map, const char *file, struct bl_opts *out,
                  struct lg_diag *diag)
{
    struct bl_group_opts *g = &out->groups[out->group_cnt++];
    *g = out->base;
    if (map->kind != LG_NODE_MAP) {
        lg_diag_error(diag, file, map->line, "groups", "each group is a mapping");
        return;
    }
    for (const struct lg_node *n = map->first; n; n = n->next) {
        bool is_text = n->kind == LG_NODE_SCALAR && !n->is_null;
        if (strcmp(n->key, "name") == 0) {
            if (!is_text || n->len == 0 || n->len >= sizeof g->name)
                lg_diag_error(diag, file, n->line, "name", "expected a text of 1 to %zu bytes",
                              sizeof g->name - 1);
            else
                memcpy(g->name, n->text, n->len + 1);
        } else if (strcmp(n->key, "scenario") == 0) {
            if (!is_text || !kind_of(n->text, &g->kind))
                lg_diag_error(diag, file, n->line, "scenario",
                              "expected handshake, resume, request, download, upload, idle, slow, "
                              "syn-flood or packets");
        } else {
            const struct bl_opt *o = find_key(n, file, true, diag);
            if (o)
                (void)set(o, n, file, g, diag);
        }
    }
    if (g->kind == BL_KIND_CNT)
        lg_diag_error(diag, file, map->line, "groups", "a group needs a scenario");
    else if (!*g->name)
        strcpy(g->name, bl_kind_name(g->kind));
}

lg_err_t bl_scenario_parse(lg_span_t text, const char *name, const uint64_t *given,
                           struct bl_opts *out, struct lg_diag *diag)
{
    struct lg_arena *arena = lg_arena_open();
    LG_CHECK(arena, LG_E(NOMEM));
    struct lg_node *root = lg_yaml_parse(text, name, arena, diag);
    const struct lg_node *groups = root ? lg_node_find(root, "groups") : NULL;
    if (root && root->kind != LG_NODE_MAP)
        lg_diag_error(diag, name, root->line, NULL, "expected a mapping");
    else if (root)
        top(root, name, *given, out, diag);
    if (root && (!groups || groups->kind != LG_NODE_LIST || groups->child_cnt == 0 ||
                 groups->child_cnt > BL_MAX_GROUPS))
        lg_diag_error(diag, name, groups ? groups->line : 0, "groups", "expected a list of 1 to %d",
                      BL_MAX_GROUPS);
    else
        for (const struct lg_node *n = groups ? groups->first : NULL; n; n = n->next)
            group(n, name, out, diag);
    lg_arena_close(arena);
    return diag->error_cnt ? LG_E(CONFIG) : LG_OK;
}
