/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* schema_man.c: lockgate.yaml(5) from the tables. What stands around the keys is here, too. */
#include "schema.h"

#include <inttypes.h>
#include <string.h>

/* print_text writes words of ours as roff: `this` is bold. */
static void print_text(FILE *out, const char *s)
{
    bool is_bold = false;

    for (; *s; s++) {
        if (*s == '`') {
            is_bold = !is_bold;
            fputs(is_bold ? "\\fB" : "\\fR", out);
        } else if (*s == '\\') {
            fputs("\\e", out);
        } else if (*s == '-') {
            fputs("\\-", out);
        } else if (*s == '"') {
            fputs("\\(dq", out);
        } else {
            fputc(*s, out);
        }
    }
    fputs(is_bold ? "\\fR" : "", out);
}

static void print_range(FILE *out, const struct lg_field *f)
{
    char lo[32], hi[32];

    if (f->kind == &lg_kind_uint || f->kind == &lg_kind_duration || f->kind == &lg_kind_size)
        fprintf(out, ", %s to %s", lg_schema_bound(f, f->min, lo), lg_schema_bound(f, f->max, hi));
}

static void print_type(FILE *out, const struct lg_field *f)
{
    bool is_list = f->shape == LG_LIST || f->shape == LG_LIST_INLINE;

    fputs(is_list ? "list of " : "", out);
    if (f->table) {
        fputs(is_list ? "mappings" : "mapping", out);
    } else if (f->words) {
        for (const struct lg_word *v = f->words; v->word; v++)
            fprintf(out, "%s\\fB%s\\fR", v == f->words ? "" : v[1].word ? ", " : " or ", v->word);
    } else {
        print_text(out, f->kind->name);
        print_range(out, f);
    }
    if (is_list)
        fprintf(out, ", %u to %u", f->list_min, f->list_max);
}

static void print_field(FILE *out, const struct lg_field *f)
{
    fprintf(out, ".TP\n.B ");
    print_text(out, f->key);
    fputs("\n(", out);
    print_type(out, f);
    if (f->is_required)
        fputs("; required", out);
    else if (f->def) {
        fputs("; default \\fB", out);
        print_text(out, f->def[0] ? f->def : "\"\"");
        fputs("\\fR", out);
    }
    fputs(")\n", out);
    print_text(out, f->doc);
    fputc('\n', out);
}

static void print_table(FILE *out, const struct lg_table *t, const char *path)
{
    for (uint32_t i = 0; i < t->field_cnt; i++)
        print_field(out, &t->fields[i]);
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        const struct lg_field *f = &t->fields[i];
        char below[LG_KEY_SZ];
        if (!f->table)
            continue;
        snprintf(below, sizeof below, "%s%s%s%s", path, path[0] ? "." : "", f->key,
                 f->shape == LG_ONE ? "" : "[]");
        fprintf(out, ".SS ");
        print_text(out, below);
        fputc('\n', out);
        print_table(out, f->table, below);
    }
}

void lg_schema_print_man(FILE *out)
{
    fputs(".\\\" SPDX-License-Identifier: GPL-2.0-or-later\n"
          ".\\\" Printed from config/tables.c by config/schema_md.\n"
          ".TH LOCKGATE.YAML 5 2026-11-26 \"Lockgate " LG_VERSION "\" \"Lockgate\"\n"
          ".SH NAME\nlockgate.yaml \\- configuration of the Lockgate load balancer\n"
          ".SH DESCRIPTION\n"
          "One YAML file says everything.\n"
          "Unknown keys, keys given twice, anchors and tags are errors.\n"
          "All mistakes are told at once, each with file, line, key and what was expected;\n"
          ".B lockgate \\-t\n"
          "checks a file and everything it names.\n"
          ".PP\n"
          "A duration is a number and its unit: 250ms, 10s, 5m, 1h (also us).\n"
          "A size is bytes, or a number and its unit: 16384, 256KiB, 512MiB, 1GiB.\n"
          "True or false may also be written yes or no, on or off.\n"
          "A file is relative to the folder of the configuration file.\n"
          "A name is 1 to 63 letters, digits, underscores, hyphens or dots.\n"
          "A list of single values with one item may be written as that item.\n"
          ".SH KEYS\n",
          out);
    print_table(out, &lg_schema_root, "");
    fputs(
        ".SH EXAMPLES\n"
        "The smallest site: TLS ended on one address, its content shared out between two servers.\n"
        ".PP\n.nf\n"
        "ports:\n"
        "  \\- {name: wan, device: \\(dqaf_xdp:eth1\\(dq, addresses: [203.0.113.10/24]}\n"
        "routes:\n"
        "  \\- {to: 0.0.0.0/0, via: 203.0.113.1}\n"
        "pools:\n"
        "  \\- name: web\n"
        "    backends:\n"
        "      \\- {name: a, address: \\(dq203.0.113.21:8080\\(dq}\n"
        "      \\- {name: b, address: \\(dq203.0.113.22:8080\\(dq}\n"
        "listeners:\n"
        "  \\- name: site\n"
        "    type: https\n"
        "    bind: \\(dq203.0.113.10:443\\(dq\n"
        "    tls: {certificates: [{cert: site.pem, key: site.key}]}\n"
        "    pool: web\n"
        ".fi\n"
        ".SH SEE ALSO\n"
        ".BR lockgate (8),\n.BR lockgatectl (1)\n",
        out);
}
