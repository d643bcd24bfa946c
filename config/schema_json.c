/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* schema_json.c: a JSON Schema from the tables, for editors and pipelines. It refuses nothing that
 * the program takes in the usual spelling of YAML. */
#include "schema.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static void indent(FILE *out, unsigned depth)
{
    fprintf(out, "\n%*s", (int)(2 * depth), "");
}

static void print_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

/* print_words: a word that looks like a number or a truth value is one to YAML without quotes. */
static void print_words(FILE *out, const struct lg_word *words)
{
    fprintf(out, "\"enum\": [");
    for (const struct lg_word *v = words; v->word; v++) {
        fprintf(out, "%s\"%s\"", v == words ? "" : ", ", v->word);
        if (isdigit((unsigned char)v->word[0]) && strspn(v->word, "0123456789.") == strlen(v->word))
            fprintf(out, ", %s", v->word);
    }
    fprintf(out, "]");
}

/* print_scalar: the members of one value's schema. */
static void print_scalar(FILE *out, const struct lg_field *f)
{
    static const char any[] = "\"type\": [\"string\", \"number\", \"boolean\"]";

    if (f->words) {
        print_words(out, f->words);
        return;
    }
    if (f->kind->json)
        fputs(f->kind->json, out);
    else if (f->shape != LG_WHOLE)
        fputs(any, out);
    if (f->kind == &lg_kind_uint || f->kind == &lg_kind_size)
        fprintf(out, ", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64, f->min, f->max);
    if (f->kind == &lg_kind_str)
        fprintf(out, ", \"minLength\": %" PRIu64 ", \"maxLength\": %" PRIu64, f->min, f->max);
}

static void print_table(FILE *out, const struct lg_table *t, unsigned depth);

static void print_list(FILE *out, const struct lg_field *f, unsigned depth)
{
    char bounds[64];

    snprintf(bounds, sizeof bounds, ", \"minItems\": %u, \"maxItems\": %u", f->list_min,
             f->list_max);
    if (f->table) {
        fprintf(out, "\"type\": %s%s, \"items\": {",
                f->list_min ? "\"array\"" : "[\"array\", \"null\"]", bounds);
        print_table(out, f->table, depth + 1);
        fprintf(out, "}");
        return;
    }
    fprintf(out, "\"anyOf\": [{"); /* one value is a list of one */
    print_scalar(out, f);
    fprintf(out, "}, {\"type\": %s%s, \"items\": {",
            f->list_min ? "\"array\"" : "[\"array\", \"null\"]", bounds);
    print_scalar(out, f);
    fprintf(out, "}}]");
}

static void print_field(FILE *out, const struct lg_field *f, unsigned depth)
{
    indent(out, depth);
    fprintf(out, "\"%s\": {\"description\": ", f->key);
    print_string(out, f->doc);
    if (f->def && f->shape == LG_ONE && !f->table) {
        fprintf(out, ", \"default\": ");
        bool is_bare = f->kind == &lg_kind_bool || f->kind == &lg_kind_uint;
        if (is_bare)
            fputs(f->def, out);
        else
            print_string(out, f->def);
    }
    bool is_list = f->shape == LG_LIST || f->shape == LG_LIST_INLINE;
    bool has_more = is_list || f->table || f->words || f->kind->json || f->shape != LG_WHOLE;
    fprintf(out, "%s", has_more ? ", " : "");
    if (is_list)
        print_list(out, f, depth);
    else if (f->table)
        print_table(out, f->table, depth);
    else
        print_scalar(out, f);
    fprintf(out, "}");
}

/* print_table: the members of a mapping's schema. */
static void print_table(FILE *out, const struct lg_table *t, unsigned depth)
{
    bool needs_any = false;

    for (uint32_t i = 0; i < t->field_cnt; i++)
        needs_any |= t->fields[i].is_required;
    fprintf(out, "\"type\": %s, \"additionalProperties\": false",
            needs_any ? "\"object\"" : "[\"object\", \"null\"]");
    for (uint32_t i = 0, n = 0; needs_any && i < t->field_cnt; i++)
        if (t->fields[i].is_required)
            fprintf(out, "%s\"%s\"", n++ ? ", " : ", \"required\": [", t->fields[i].key);
    fprintf(out, "%s, \"properties\": {", needs_any ? "]" : "");
    for (uint32_t i = 0; i < t->field_cnt; i++) {
        fprintf(out, "%s", i ? "," : "");
        print_field(out, &t->fields[i], depth + 1);
    }
    fprintf(out, "}");
}

void lg_schema_print_json(FILE *out)
{
    fprintf(out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                 "  \"title\": \"Lockgate's configuration\",\n  ");
    print_table(out, &lg_schema_root, 1);
    fprintf(out, "\n}\n");
}
