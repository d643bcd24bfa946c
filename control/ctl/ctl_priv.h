/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_priv.h: what the files of lockgatectl share: lockgatectl.c (words and options), ctl_http.c
 * (asking), ctl_show.c (tables for people). Not part of the server. */
#ifndef LG_CTL_PRIV_H
#define LG_CTL_PRIV_H

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define CTL_DEFAULT_SOCKET "/run/lockgate.sock"

enum { CTL_GOOD = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_NOT_LET_IN = 3 };

/* Of `check`; NULL: not given. */
struct ctl_check_opts {
    const char *config; /* file; NULL: the running one is asked */
    const char *sni, *tls, *alpn, *host, *path;
};

/* What can be said about what a command means; NULL: it has not been. */
struct ctl_opts {
    const char *listener, *client, *backend, *serial, *subject, *issuer, *limit;
    const char *weight, *max_connections;
    bool is_all, is_backup;
};

struct ctl {
    struct ctl_opts opts;
    const char *target;     /* path of the unix socket, or http(s)://HOST:PORT */
    const char *token_file; /* NULL: none; these four are for addresses only */
    const char *ca, *cert, *key;
    bool is_json;
    const char *word;  /* the command */
    char *const *args; /* what follows it */
    int arg_cnt;
    struct ctl_check_opts check;
};

/* Commands that do more than show one answer. Each returns the exit status. */
int ctl_check(const struct ctl *c);
int ctl_top(const struct ctl *c);

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

/* ctl_table writes an array of objects as a table, as wide as what is in it; at most CTL_COLS
 * columns. */
void ctl_table(FILE *f, const json_t *rows, const struct ctl_col *cols, unsigned col_cnt);
/* ctl_text, ctl_number: a member, "" or 0 when it is not there. */
const char *ctl_text(const json_t *obj, const char *name);
int64_t ctl_number(const json_t *obj, const char *name);

/* What a command asks, when that hangs on its arguments. */
struct ctl_call {
    const char *method;
    char path[2048];
    json_t *body; /* owns; NULL: none */
};

/* ctl_prepare fills in path and body from c's arguments and options.
 *   Returns  CTL_GOOD, or CTL_USAGE or CTL_REFUSED after it has said why */
typedef int ctl_prepare(const struct ctl *c, struct ctl_call *call);
ctl_prepare ctl_connections, ctl_kill, ctl_drain, ctl_undrain, ctl_weight, ctl_add, ctl_remove,
    ctl_certificate, ctl_revoke;
/* ctl_query appends the first argument as the value of a parameter. */
int ctl_query(const struct ctl *c, const char *name, struct ctl_call *call);
/* ctl_usage says what is wrong with a command line; returns CTL_USAGE. */
int ctl_usage(const char *what, const char *arg);

/* How each command shows its answer to people. Returns the exit status. */
typedef int ctl_show(const struct ctl *c, const json_t *answer);
ctl_show ctl_show_json, ctl_show_status, ctl_show_stats, ctl_show_version, ctl_show_backends,
    ctl_show_generation, ctl_show_connections, ctl_show_ended, ctl_show_change, ctl_show_revoked;
/* ctl_tables.c */
ctl_show ctl_show_listeners, ctl_show_certificates, ctl_show_client_cas, ctl_show_workers,
    ctl_show_ports, ctl_show_snapshots;

#endif
