/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_check.c: lockgatectl check: what would a listener say to this client? Asked of the running
 * lockgate, or of a configuration file. */
#include "ctl_priv.h"

#include "diag.h"
#include "snapshot_build.h"
#include "tls.h"
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEM_MAX (1u << 20)

/* ---------------------------------------------------------------- the question */

/* read_pem gives the text of a file, or NULL with a message. */
static json_t *read_pem(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = f ? calloc(1, PEM_MAX + 1) : NULL;
    json_t *value = NULL;

    if (text && fread(text, 1, PEM_MAX + 1, f) <= PEM_MAX)
        value = json_string(text);
    if (!value)
        fprintf(stderr, "lockgatectl: %s: %s\n", path, f ? "not a PEM file" : strerror(errno));
    if (f)
        fclose(f);
    free(text);
    return value;
}

/* split makes a list of what stands between commas. */
static json_t *split(const char *text)
{
    json_t *list = json_array();

    while (*text) {
        size_t len = strcspn(text, ",");
        if (len)
            json_array_append_new(list, json_stringn(text, len));
        text += len + (text[len] == ',');
    }
    return list;
}

static void set(json_t *ask, const char *name, const char *value)
{
    if (value)
        json_object_set_new(ask, name, json_string(value));
}

/* set_version: "1.3", or "1.2-1.3". */
static void set_version(json_t *ask, const char *text)
{
    const char *dash = text ? strchr(text, '-') : NULL;

    if (!text)
        return;
    json_object_set_new(ask, "min_version",
                        json_stringn(text, dash ? (size_t)(dash - text) : strlen(text)));
    json_object_set_new(ask, "max_version", json_string(dash ? dash + 1 : text));
}

static json_t *make_question(const struct ctl *c)
{
    json_t *ask = json_object(), *pem = NULL;

    set(ask, "listener", c->args[0]);
    set(ask, "sni", c->check.sni);
    set(ask, "host", c->check.host);
    set(ask, "path", c->check.path);
    set_version(ask, c->check.tls);
    if (c->check.alpn)
        json_object_set_new(ask, "alpn", split(c->check.alpn));
    if (!c->opts.client)
        return ask;
    pem = read_pem(c->opts.client);
    if (pem) {
        json_object_set_new(ask, "certificate", pem);
        return ask;
    }
    json_decref(ask);
    return NULL;
}

/* ---------------------------------------------------------------- offline */

static void print_diag(const struct lg_diag *diag)
{
    for (uint32_t i = 0; i < diag->kept_cnt; i++)
        fprintf(stderr, "%s: %s\n", diag->msg[i].is_error ? "error" : "warning", diag->msg[i].text);
}

/* judge_file loads the file and all it names, and asks that. */
static json_t *judge_file(const char *file, const json_t *ask)
{
    struct lg_diag diag = {0};
    struct lg_config *cfg = NULL;
    struct lg_snapshot *s = NULL;
    char why[256] = "";
    json_t *answer = NULL;

    if (!lg_is_ok(lg_tls_global_init())) {
        fputs("lockgatectl: wolfSSL did not start\n", stderr);
        return NULL;
    }
    if (lg_is_ok(lg_config_load(file, &cfg, &diag)) &&
        lg_is_ok(lg_snapshot_build(cfg, 1, 1, NULL, &s, &diag)))
        answer = lg_verdict(s, ask, (int64_t)time(NULL), 0, why);
    print_diag(&diag);
    lg_snapshot_free(s);
    return answer || !*why ? answer : json_pack("{s:b,s:s}", "ok", 0, "error", why);
}

/* ---------------------------------------------------------------- the answer */

static void show_cert(const char *title, const json_t *c)
{
    printf("%s%s, serial %s, %" PRIi64 " days left\n", title, ctl_text(c, "subject"),
           ctl_text(c, "serial"), ctl_number(c, "days_left"));
}

static void show_chain(const json_t *answer)
{
    const json_t *chain = json_object_get(answer, "client_chain"), *c;
    size_t i;

    json_array_foreach(chain, i, c)
    {
        show_cert(i == 0 ? "client        " : "  sent with it ", c);
        printf("  issued by   %s%s\n", ctl_text(c, "issuer"),
               json_is_true(json_object_get(c, "issuer_is_client_ca")) ? " (a client CA)" : "");
        printf("  revocation  %s", ctl_text(c, "revocation"));
        if (json_is_string(json_object_get(c, "list_next_update")))
            printf(", by a list good until %s", ctl_text(c, "list_next_update"));
        putchar('\n');
    }
}

static void show_route(const json_t *route)
{
    const json_t *backends = json_object_get(route, "backends"), *be;
    size_t i;

    if (json_is_string(json_object_get(route, "path")))
        printf("route         host %s, %s %s (line %" PRIi64 ")\n", ctl_text(route, "host"),
               ctl_text(route, "match"), ctl_text(route, "path"), ctl_number(route, "line"));
    if (json_is_string(json_object_get(route, "redirect")))
        printf("redirected    %" PRIi64 " to %s\n", ctl_number(route, "status"),
               ctl_text(route, "redirect"));
    else if (json_is_integer(json_object_get(route, "status")))
        printf("answered      %" PRIi64 "\n", ctl_number(route, "status"));
    if (!backends)
        return;
    printf("pool          %s:", ctl_text(route, "pool"));
    json_array_foreach(backends, i, be)
        printf(" %s (%s)", ctl_text(be, "name"), ctl_text(be, "state"));
    putchar('\n');
}

static void show(const json_t *answer)
{
    const json_t *shown = json_object_get(answer, "certificate");
    bool is_good = strcmp(ctl_text(answer, "verdict"), "accepted") == 0;

    printf("%s%s%s\n", ctl_text(answer, "verdict"), is_good ? "" : ": ", ctl_text(answer, "why"));
    if (*ctl_text(answer, "alert"))
        printf("alert         %s\n", ctl_text(answer, "alert"));
    if (*ctl_text(answer, "version"))
        printf("TLS           %s%s%s\n", ctl_text(answer, "version"),
               *ctl_text(answer, "alpn") ? ", ALPN " : "", ctl_text(answer, "alpn"));
    if (json_is_object(shown)) {
        show_cert("shown         ", shown);
        if (!json_is_true(json_object_get(shown, "by_name")))
            printf("              the default one: %s\n", *ctl_text(answer, "sni")
                                                              ? "no certificate is for that name"
                                                              : "it asks for no name");
    }
    if (*ctl_text(answer, "client_auth"))
        printf("client cert.  %s\n", ctl_text(answer, "client_auth"));
    show_chain(answer);
    if (json_is_object(json_object_get(answer, "route")))
        show_route(json_object_get(answer, "route"));
}

int ctl_check(const struct ctl *c)
{
    json_t *ask = make_question(c);
    json_t *answer = NULL;

    if (ask)
        answer = c->check.config ? judge_file(c->check.config, ask)
                                 : ctl_ask(c, "POST", "/v1/check", ask);
    json_decref(ask);
    if (!answer)
        return CTL_REFUSED;
    int rc = CTL_REFUSED;
    if (!json_is_true(json_object_get(answer, "ok")))
        fprintf(stderr, "lockgatectl: check: %s\n", ctl_text(answer, "error"));
    else
        rc = strcmp(ctl_text(answer, "verdict"), "accepted") == 0 ? CTL_GOOD : CTL_NOT_LET_IN;
    if (c->is_json)
        ctl_show_json(c, answer);
    else if (rc != CTL_REFUSED)
        show(answer);
    json_decref(answer);
    return fflush(stdout) == 0 ? rc : CTL_REFUSED;
}
