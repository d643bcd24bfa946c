/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* schema_print.c: schema.md from the tables, so that the reference cannot lag behind. */
#include "schema.h"

#include <inttypes.h>
#include <string.h>

const char *lg_schema_bound(const struct lg_field *f, uint64_t v, char buf[32])
{
    static const struct {
        const char *word;
        uint64_t value;
    } times[] = {{"h", LG_SEC(3600)}, {"s", LG_SEC(1)}, {"ms", LG_MS(1)}, {"us", LG_US(1)}},
      sizes[] = {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}}, plain[] = {{"", 1}};
    bool is_time = f->kind == &lg_kind_duration, is_size = f->kind == &lg_kind_size;
    size_t cnt = is_time ? LG_ARRAY_CNT(times) : is_size ? LG_ARRAY_CNT(sizes) : 1;
    const char *unit = "";
    uint64_t value = 1;

    for (size_t i = 0; i < cnt && v; i++) {
        value = is_time ? times[i].value : is_size ? sizes[i].value : plain[i].value;
        unit = is_time ? times[i].word : is_size ? sizes[i].word : plain[i].word;
        if (v % value == 0)
            break;
    }
    snprintf(buf, 32, "%" PRIu64 "%s", v / value, unit);
    return buf;
}

static void print_range(FILE *out, const struct lg_field *f)
{
    char lo[32], hi[32];

    if (f->kind == &lg_kind_duration || f->kind == &lg_kind_size || f->kind == &lg_kind_uint)
        fprintf(out, ", %s to %s", lg_schema_bound(f, f->min, lo), lg_schema_bound(f, f->max, hi));
}

static void print_type(FILE *out, const struct lg_field *f)
{
    bool is_list = f->shape == LG_LIST || f->shape == LG_LIST_INLINE;

    if (is_list)
        fprintf(out, "list of ");
    if (f->table) {
        fprintf(out, "mapping%s", is_list ? "s" : "");
    } else if (f->words) {
        for (const struct lg_word *v = f->words; v->word; v++)
            fprintf(out, "%s`%s`", v == f->words ? "" : ", ", v->word);
    } else {
        fprintf(out, "%s", f->kind->name);
        print_range(out, f);
    }
    if (is_list)
        fprintf(out, ", %u to %u", f->list_min, f->list_max);
}

static void print_table(FILE *out, const struct lg_table *t, const char *path)
{
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        const struct lg_field *f = &t->fields[i];
        fprintf(out, "| `%s` | ", f->key);
        print_type(out, f);
        if (f->is_required)
            fprintf(out, " | required");
        else if (f->def)
            fprintf(out, " | `%s`", f->def[0] ? f->def : "\"\"");
        else
            fprintf(out, " | ");
        fprintf(out, " | %s |\n", f->doc);
    }
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        const struct lg_field *f = &t->fields[i];
        char below[LG_KEY_SZ];
        if (!f->table)
            continue;
        snprintf(below, sizeof below, "%s%s%s%s", path, path[0] ? "." : "", f->key,
                 f->shape == LG_ONE ? "" : "[]");
        fprintf(out, "\n## %s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", below);
        print_table(out, f->table, below);
    }
}

void lg_schema_print(FILE *out)
{
    fprintf(out,
            "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
            "<!-- Printed from config/tables.c: ninja -C BUILD config/schema_md &&\n"
            "     BUILD/config/schema_md > config/schema.md -->\n"
            "# Configuration reference\n\n"
            "One YAML file. Unknown keys, keys given twice, anchors and tags are errors.\n\n"
            "- A *duration* is a number and its unit: `250ms`, `10s`, `5m`, `1h` (also `us`).\n"
            "- A *size* is bytes, or a number and its unit: `16384`, `256KiB`, `512MiB`, `1GiB`.\n"
            "- *true or false* may also be written yes/no, on/off.\n"
            "- A *file* is relative to the folder of the configuration file.\n"
            "- A *name* is 1 to 63 letters, digits, `_`, `-` or `.`.\n"
            "- A list of single values with one item may be written as that item.\n\n"
            "| key | type | default | meaning |\n|---|---|---|---|\n");
    print_table(out, &lg_schema_root, "");
}
