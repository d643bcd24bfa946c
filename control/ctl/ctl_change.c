/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_change.c: commands with arguments: connections, backends, certificates, revocations. Each
 * says what to ask (ctl_prepare), and shows what came of it (ctl_show). */
#include "ctl_priv.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)

/* ---------------------------------------------------------------- paths */

/* append adds text to a path; false: it does not fit. */
static bool append(struct ctl_call *call, const char *text)
{
    size_t len = strlen(call->path), more = strlen(text);

    if (len + more >= sizeof call->path)
        return false;
    memcpy(call->path + len, text, more + 1);
    return true;
}

/* append_escaped adds text as one segment of a path, or as a value of the query. */
static bool append_escaped(struct ctl_call *call, const char *text)
{
    char *safe = curl_easy_escape(NULL, text, 0);
    bool fits = safe && append(call, safe);

    curl_free(safe);
    return fits;
}

static bool append_query(struct ctl_call *call, const char *name, const char *value)
{
    if (!value)
        return true;
    return append(call, strchr(call->path, '?') ? "&" : "?") && append(call, name) &&
           append(call, "=") && append_escaped(call, value);
}

int ctl_query(const struct ctl *c, const char *name, struct ctl_call *call)
{
    return append_query(call, name, c->args[0]) ? CTL_GOOD : ctl_usage("too long: ", c->args[0]);
}

/* set_backend makes the path of "POOL/BACKEND". */
static int set_backend(struct ctl_call *call, const char *arg)
{
    const char *slash = arg ? strchr(arg, '/') : NULL;
    char pool[256];

    if (!slash || slash == arg || !slash[1] || (size_t)(slash - arg) >= sizeof pool)
        return ctl_usage("expected POOL/BACKEND, found ", arg ? arg : "nothing");
    memcpy(pool, arg, (size_t)(slash - arg));
    pool[slash - arg] = '\0';
    call->path[0] = '\0';
    bool fits = append(call, "/v1/pools/") && append_escaped(call, pool) &&
                append(call, "/backends/") && append_escaped(call, slash + 1);
    return fits ? CTL_GOOD : ctl_usage("too long: ", arg);
}

/* ---------------------------------------------------------------- connections */

static int set_filter(const struct ctl *c, struct ctl_call *call)
{
    const struct ctl_opts *o = &c->opts;
    bool fits =
        append_query(call, "listener", o->listener) && append_query(call, "client", o->client) &&
        append_query(call, "backend", o->backend) && append_query(call, "serial", o->serial) &&
        append_query(call, "subject", o->subject);

    return fits ? CTL_GOOD : ctl_usage("too long: ", c->word);
}

int ctl_connections(const struct ctl *c, struct ctl_call *call)
{
    int rc = set_filter(c, call);

    if (rc == CTL_GOOD && !append_query(call, "limit", c->opts.limit))
        return ctl_usage("too long: ", c->opts.limit);
    return rc;
}

int ctl_kill(const struct ctl *c, struct ctl_call *call)
{
    const struct ctl_opts *o = &c->opts;
    const char *id = c->arg_cnt ? c->args[0] : NULL;
    bool has_filter = o->listener || o->client || o->backend || o->serial || o->subject;

    if (!id && !has_filter && !o->is_all)
        return ctl_usage("which connections? An ID, a filter, or --all", "");
    if (!append_query(call, "id", id) || (o->is_all && !append_query(call, "all", "1")))
        return ctl_usage("too long: ", c->word);
    return set_filter(c, call);
}

int ctl_show_connections(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {
        {"ID", "id"},         {"LISTENER", "listener"}, {"CLIENT", "client"}, {"STATE", "state"},
        {"AGE ms", "age_ms"}, {"BACKEND", "to"},        {"TLS", "version"},   {"SNI", "sni"},
        {"SERIAL", "serial"}, {"SUBJECT", "subject"}};
    json_t *rows = json_array();
    const json_t *one;
    size_t i;

    (void)c;
    json_array_foreach(json_object_get(answer, "connections"), i, one)
    {
        json_t *row = json_copy((json_t *)(uintptr_t)one);
        const char *pool = ctl_text(one, "pool");
        json_object_set_new(
            row, "to", json_sprintf("%s%s%s", pool, *pool ? "/" : "", ctl_text(one, "backend")));
        json_array_append_new(rows, row);
    }
    ctl_table(stdout, rows, cols, sizeof cols / sizeof cols[0]);
    json_decref(rows);
    if (*ctl_text(answer, "next"))
        fputs("... and more: raise --limit, or filter\n", stderr);
    return CTL_GOOD;
}

int ctl_show_ended(const struct ctl *c, const json_t *answer)
{
    (void)c;
    printf("%" PRIi64 " connections ended\n", ctl_number(answer, "ended"));
    return CTL_GOOD;
}

/* ---------------------------------------------------------------- backends */

static int set_drain(const struct ctl *c, struct ctl_call *call, bool drain)
{
    call->body = json_pack("{s:b}", "drain", drain);
    return set_backend(call, c->arg_cnt ? c->args[0] : NULL);
}

int ctl_drain(const struct ctl *c, struct ctl_call *call)
{
    return set_drain(c, call, true);
}

int ctl_undrain(const struct ctl *c, struct ctl_call *call)
{
    return set_drain(c, call, false);
}

/* number reads a whole one; false: usage said. */
static bool number(const char *text, json_int_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out >= 0)
        return true;
    (void)ctl_usage("expected a whole number, found ", text);
    return false;
}

int ctl_weight(const struct ctl *c, struct ctl_call *call)
{
    json_int_t weight;

    if (c->arg_cnt < 2)
        return ctl_usage("expected POOL/BACKEND and a weight", "");
    if (!number(c->args[1], &weight))
        return CTL_USAGE;
    call->body = json_pack("{s:I}", "weight", weight);
    return set_backend(call, c->args[0]);
}

int ctl_add(const struct ctl *c, struct ctl_call *call)
{
    const struct ctl_opts *o = &c->opts;
    json_int_t n;

    if (c->arg_cnt < 2)
        return ctl_usage("expected POOL/BACKEND and ADDRESS:PORT", "");
    call->body = json_pack("{s:s,s:b}", "address", c->args[1], "backup", o->is_backup);
    if (o->weight && !number(o->weight, &n))
        return CTL_USAGE;
    if (o->weight)
        json_object_set_new(call->body, "weight", json_integer(n));
    if (o->max_connections && !number(o->max_connections, &n))
        return CTL_USAGE;
    if (o->max_connections)
        json_object_set_new(call->body, "max_connections", json_integer(n));
    return set_backend(call, c->args[0]);
}

int ctl_remove(const struct ctl *c, struct ctl_call *call)
{
    return set_backend(call, c->arg_cnt ? c->args[0] : NULL);
}

int ctl_show_change(const struct ctl *c, const json_t *answer)
{
    const char *until = ctl_text(answer, "until"), *name = ctl_text(answer, "name");

    (void)c;
    printf("generation %" PRIi64 " active", ctl_number(answer, "generation"));
    if (json_object_get(answer, "replaced"))
        printf(", certificate of %s %s", *name ? name : "no name",
               json_is_true(json_object_get(answer, "replaced")) ? "replaced" : "added");
    printf("%s%s\n", *until ? ", " : "", until);
    return CTL_GOOD;
}

/* ---------------------------------------------------------------- certificates */

/* read_text gives a file as a JSON string; NULL: said why. Its bytes are wiped. */
static json_t *read_text(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(FILE_MAX) : NULL;
    size_t len = text ? fread(text, 1, FILE_MAX, f) : 0;
    json_t *v = len > 0 && len < FILE_MAX ? json_stringn(text, len) : NULL;

    if (!v)
        fprintf(stderr, "lockgatectl: %s: %s\n", path,
                !f         ? strerror(errno)
                : len == 0 ? "is empty"
                           : "is no text, or too long");
    if (text)
        explicit_bzero(text, len);
    free(text);
    if (f)
        fclose(f);
    return v;
}

/* put_text puts a file into the body; false: said why. */
static bool put_text(json_t *body, const char *name, const char *path)
{
    json_t *v = read_text(path);

    return v && json_object_set_new(body, name, v) == 0;
}

int ctl_certificate(const struct ctl *c, struct ctl_call *call)
{
    if (c->arg_cnt != 4 || strcmp(c->args[0], "put") != 0)
        return ctl_usage("expected put LISTENER CERT-FILE KEY-FILE", "");
    call->body = json_object();
    call->path[0] = '\0';
    if (!append(call, "/v1/listeners/") || !append_escaped(call, c->args[1]) ||
        !append(call, "/certificate"))
        return ctl_usage("too long: ", c->args[1]);
    bool has_both =
        put_text(call->body, "cert", c->args[2]) && put_text(call->body, "key", c->args[3]);
    return has_both ? CTL_GOOD : CTL_REFUSED;
}

int ctl_revoke(const struct ctl *c, struct ctl_call *call)
{
    const struct ctl_opts *o = &c->opts;
    const char *cert = c->arg_cnt ? c->args[0] : NULL;

    if (cert ? o->issuer || o->serial : !o->issuer || !o->serial)
        return ctl_usage("expected CERT-FILE, or --issuer CA-FILE and --serial HEX", "");
    call->body = json_object();
    if (o->serial)
        json_object_set_new(call->body, "serial", json_string(o->serial));
    return put_text(call->body, cert ? "cert" : "ca", cert ? cert : o->issuer) ? CTL_GOOD
                                                                               : CTL_REFUSED;
}

int ctl_show_revoked(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {{"SERIAL", "serial"},
                                          {"SHA-256 OF THE ISSUER'S NAME", "issuer_sha256"}};

    (void)c;
    ctl_table(stdout, json_object_get(answer, "revoked"), cols, 2);
    return CTL_GOOD;
}
