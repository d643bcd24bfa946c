/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_priv.h: what the files of lockgatectl share: lockgatectl.c (words and options), ctl_http.c
 * (asking), ctl_show.c (tables for people). Not part of the server. */
#ifndef LG_CTL_PRIV_H
#define LG_CTL_PRIV_H

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>

#define CTL_DEFAULT_SOCKET "/run/lockgate.sock"

enum { CTL_GOOD = 0, CTL_REFUSED = 1, CTL_USAGE = 2 };

struct ctl {
    const char *target;     /* path of the unix socket, or http(s)://HOST:PORT */
    const char *token_file; /* NULL: none; these four are for addresses only */
    const char *ca, *cert, *key;
    bool is_json;
    const char *word;  /* the command */
    char *const *args; /* what follows it */
    int arg_cnt;
};

/* ctl_fetch makes one request.
 *   body     JSON, borrowed; NULL: none
 *   status   HTTP's, written when there is an answer
 *   Returns  the answer, the caller's; NULL: there is none, and standard error says why */
char *ctl_fetch(const struct ctl *c, const char *method, const char *path, const json_t *body,
                long *status);
/* ctl_ask is the same for an answer in JSON, which the caller drops. It prints "messages" to
 * standard error. */
json_t *ctl_ask(const struct ctl *c, const char *method, const char *path, const json_t *body);

#define CTL_COLS 16 /* of one table */

/* One column of a table: a member of each row, numbers to the right. */
struct ctl_col {
    const char *title, *member;
};

/* ctl_table prints an array of objects as a table, as wide as what is in it; at most CTL_COLS
 * columns. */
void ctl_table(const json_t *rows, const struct ctl_col *cols, unsigned col_cnt);
/* ctl_text, ctl_number: a member, "" or 0 when it is not there. */
const char *ctl_text(const json_t *obj, const char *name);
int64_t ctl_number(const json_t *obj, const char *name);

/* How each command shows its answer to people. Returns the exit status. */
typedef int ctl_show(const struct ctl *c, const json_t *answer);
ctl_show ctl_show_json, ctl_show_status, ctl_show_stats, ctl_show_version, ctl_show_backends,
    ctl_show_generation;
/* ctl_tables.c */
ctl_show ctl_show_listeners, ctl_show_certificates, ctl_show_client_cas, ctl_show_workers,
    ctl_show_ports, ctl_show_snapshots;

#endif
