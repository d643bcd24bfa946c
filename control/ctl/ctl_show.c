/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_show.c: answers of the admin API as people read them. */
#include "ctl_priv.h"

#include <stdio.h>
#include <string.h>

const char *ctl_text(const json_t *obj, const char *name)
{
    const char *s = json_string_value(json_object_get(obj, name));
    return s ? s : "";
}

int64_t ctl_number(const json_t *obj, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(obj, name));
}

/* ---------------------------------------------------------------- tables */

/* cell writes a member as text; returns whether it is a number. A list is its items, one after
 * another. */
static bool cell(const json_t *v, char *out, size_t out_sz)
{
    size_t len = 0;

    out[0] = '\0';
    if (json_is_integer(v))
        snprintf(out, out_sz, "%" PRIi64, (int64_t)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(out, out_sz, "%.1f", json_real_value(v));
    else if (json_is_boolean(v))
        snprintf(out, out_sz, "%s", json_is_true(v) ? "yes" : "no");
    else if (json_is_string(v))
        snprintf(out, out_sz, "%s", json_string_value(v));
    else if (json_array_size(v) == 0)
        snprintf(out, out_sz, "-");
    for (size_t i = 0; i < json_array_size(v) && len + 8 < out_sz; i++) {
        char item[128];
        cell(json_array_get(v, i), item, sizeof item);
        len += (size_t)snprintf(out + len, out_sz - len, "%s%s", i ? " " : "", item);
    }
    return json_is_number(v);
}

static void put(FILE *f, const char *text, unsigned width, bool is_right, bool is_last)
{
    if (is_right)
        fprintf(f, "%*s", (int)width, text);
    else
        fprintf(f, "%-*s", is_last ? 0 : (int)width, text);
    fputs(is_last ? "\n" : "  ", f);
}

void ctl_table(FILE *f, const json_t *rows, const struct ctl_col *cols, unsigned col_cnt)
{
    unsigned width[CTL_COLS];
    bool is_right[CTL_COLS] = {false};
    char text[512];
    const json_t *row;
    size_t k;

    for (unsigned i = 0; i < col_cnt; i++) {
        width[i] = (unsigned)strlen(cols[i].title);
        json_array_foreach(rows, k, row)
        {
            bool is_number = cell(json_object_get(row, cols[i].member), text, sizeof text);
            is_right[i] = is_right[i] || is_number;
            width[i] = strlen(text) > width[i] ? (unsigned)strlen(text) : width[i];
        }
    }
    for (unsigned i = 0; i < col_cnt; i++)
        put(f, cols[i].title, width[i], is_right[i], i + 1 == col_cnt);
    json_array_foreach(rows, k, row) for (unsigned i = 0; i < col_cnt; i++)
    {
        cell(json_object_get(row, cols[i].member), text, sizeof text);
        put(f, text, width[i], is_right[i], i + 1 == col_cnt);
    }
}

/* ---------------------------------------------------------------- what each command shows */

int ctl_show_status(const struct ctl *c, const json_t *answer)
{
    int64_t up_s = ctl_number(answer, "uptime_s");

    (void)c;
    printf("lockgate %s, pid %" PRIi64 ", %s, up %" PRIi64 "d %02" PRIi64 ":%02" PRIi64
           ":%02" PRIi64 "\n",
           ctl_text(answer, "version"), ctl_number(answer, "pid"), ctl_text(answer, "state"),
           up_s / 86400, up_s / 3600 % 24, up_s / 60 % 60, up_s % 60);
    printf("config       %s\n", ctl_text(answer, "config"));
    printf("generation   %" PRIi64 ", %" PRIi64 " older still held\n",
           ctl_number(answer, "generation"), ctl_number(answer, "retired"));
    printf("workers      %" PRIi64 "\nlisteners    %" PRIi64 "\npools        %" PRIi64 "\n",
           ctl_number(answer, "workers"), ctl_number(answer, "listeners"),
           ctl_number(answer, "pools"));
    printf("connections  %" PRIi64 " of clients, %" PRIi64 " to backends (%" PRIi64 " idle)\n",
           ctl_number(answer, "proxy_sessions"), ctl_number(answer, "proxy_backend_conns"),
           ctl_number(answer, "proxy_backend_idle"));
    return CTL_GOOD;
}

int ctl_show_stats(const struct ctl *c, const json_t *answer)
{
    const json_t *totals = json_object_get(answer, "totals");
    int rc = CTL_GOOD;

    if (c->arg_cnt == 0)
        return ctl_show_json(c, answer);
    for (int i = 0; i < c->arg_cnt; i++) {
        const json_t *v = json_object_get(totals, c->args[i]);
        if (!v)
            v = json_object_get(answer, c->args[i]);
        if (json_is_integer(v)) {
            printf("%" PRIi64 "\n", (int64_t)json_integer_value(v));
        } else if (json_is_boolean(v)) {
            printf("%d\n", json_is_true(v));
        } else {
            fprintf(stderr, "lockgatectl: no such number: %s\n", c->args[i]);
            rc = CTL_REFUSED;
        }
    }
    return rc;
}

int ctl_show_version(const struct ctl *c, const json_t *answer)
{
    (void)c;
    printf("lockgate %s\nwolfSSL %s\n%s\n", ctl_text(answer, "version"),
           ctl_text(answer, "wolfssl"), ctl_text(answer, "dpdk"));
    return CTL_GOOD;
}

/* make_row: a backend with its pool's name and the last check in words: "ok, 3 ms ago, took 412
 * us"; "-" where no check is made. */
static json_t *make_row(const json_t *pool, const json_t *backend)
{
    const json_t *check = json_object_get(backend, "check");
    json_t *row = json_copy((json_t *)(uintptr_t)backend);
    char text[96] = "-";

    if (json_is_integer(json_object_get(check, "ago_ms")))
        snprintf(text, sizeof text, "%s, %" PRIi64 " ms ago, took %" PRIi64 " us",
                 ctl_text(check, "result"), ctl_number(check, "ago_ms"),
                 ctl_number(check, "took_us"));
    else if (json_is_object(check))
        snprintf(text, sizeof text, "%s", ctl_text(check, "result"));
    json_object_set_new(row, "pool", json_string(ctl_text(pool, "name")));
    json_object_set_new(row, "last_check", json_string(text));
    return row;
}

int ctl_show_backends(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {
        {"POOL", "pool"},     {"BACKEND", "name"},  {"ADDRESS", "address"},
        {"STATE", "state"},   {"WEIGHT", "weight"}, {"CONNS", "connections"},
        {"PICKED", "picked"}, {"FAILED", "failed"}, {"LAST CHECK", "last_check"}};
    json_t *rows = json_array();
    const json_t *pool, *be;
    size_t i, k;

    (void)c;
    json_array_foreach(json_object_get(answer, "pools"), i, pool)
        json_array_foreach(json_object_get(pool, "backends"), k, be)
            json_array_append_new(rows, make_row(pool, be));
    ctl_table(stdout, rows, cols, sizeof cols / sizeof cols[0]);
    json_decref(rows);
    return CTL_GOOD;
}

int ctl_show_generation(const struct ctl *c, const json_t *answer)
{
    (void)c;
    printf("generation %" PRIi64 " active\n", ctl_number(answer, "generation"));
    return CTL_GOOD;
}

int ctl_show_json(const struct ctl *c, const json_t *answer)
{
    (void)c;
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
    return CTL_GOOD;
}
