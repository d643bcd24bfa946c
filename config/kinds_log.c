/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* kinds_log.c: the kinds of values that `log` has: where it goes, formats, headers. */
#include "schema.h"

#include "log_format.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---------------------------------------------------------------- where */

static const char to_expected[] = "a file name, stderr, syslog or syslog:SOCKET";

/* folder_problem says why no file can be made beside full; NULL when one can. */
static const char *folder_problem(const char *full)
{
    char dir[PATH_MAX];
    struct stat st;
    size_t len = (size_t)(strrchr(full, '/') - full);

    memcpy(dir, full, len);
    memcpy(dir + len, len ? "" : "/", len ? 1 : 2);
    if (stat(full, &st) == 0 && S_ISDIR(st.st_mode))
        return "it is a folder";
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return "no such folder";
    return eaccess(dir, W_OK | X_OK) == 0 || eaccess(full, W_OK) == 0 ? NULL : "permission denied";
}

/* keep_to writes `to`, at dst, and `path` of the struct that it is in. */
static bool keep_to(struct lg_walk *w, enum lg_log_to to, const char *path, void *dst)
{
    struct lg_cfg_log *log =
        (struct lg_cfg_log *)(void *)((uint8_t *)dst - offsetof(struct lg_cfg_log, to));

    log->to = to;
    return lg_keep_at(w, path, strlen(path), &log->path);
}

static bool read_path(struct lg_walk *w, const struct lg_path *path, struct lg_node *n, void *dst)
{
    char full[PATH_MAX];
    int len = n->text[0] == '/' ? snprintf(full, sizeof full, "%s", n->text)
                                : snprintf(full, sizeof full, "%s/%s", w->dir, n->text);

    if (len < 0 || (size_t)len >= sizeof full) {
        lg_walk_error(w, path, n, "the path is too long");
        return false;
    }
    const char *problem = w->env->checks_files ? folder_problem(full) : NULL;
    if (problem) {
        lg_walk_error(w, path, n, "cannot write %.200s: %s", full, problem);
        return false;
    }
    return keep_to(w, LG_LOG_TO_FILE, full, dst);
}

static bool read_log_to(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                        struct lg_node *n, void *dst)
{
    static const char syslog[] = "syslog:";
    const char *socket = n->text ? n->text + sizeof syslog - 1 : NULL;

    (void)f;
    if (!lg_need_scalar(w, path, n, to_expected))
        return false;
    for (size_t i = 0; i < n->len; i++)
        if (iscntrl((unsigned char)n->text[i]))
            return lg_wrong(w, path, n, to_expected, "; without control characters");
    if (n->len == 0)
        return lg_wrong(w, path, n, to_expected, "");
    if (strcmp(n->text, "stderr") == 0)
        return keep_to(w, LG_LOG_TO_STDERR, "", dst);
    if (strcmp(n->text, "syslog") == 0)
        return keep_to(w, LG_LOG_TO_SYSLOG, "/dev/log", dst);
    if (strncmp(n->text, syslog, sizeof syslog - 1) != 0)
        return read_path(w, path, n, dst);
    if (socket[0] != '/' || strlen(socket) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return lg_wrong(w, path, n, to_expected, "; SOCKET is an absolute path");
    return keep_to(w, LG_LOG_TO_SYSLOG, socket, dst);
}
const struct lg_kind lg_kind_log_to = {"file, `stderr`, `syslog` or `syslog:`SOCKET", 0,
                                       read_log_to, "\"type\": \"string\""};

/* ---------------------------------------------------------------- formats */

static void wrong_format(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                         const struct lg_log_mistake *bad)
{
    const char *names[LG_LF_CNT];
    char name[40] = "", about[64] = "";

    for (uint32_t i = 0; i < LG_LF_CNT; i++)
        names[i] = lg_log_field_name((enum lg_log_field)i);
    snprintf(name, sizeof name, "%.*s", (int)LG_MIN(bad->name.len, sizeof name - 1),
             bad->name.len ? (const char *)bad->name.p : "");
    const char *near = bad->name.len ? lg_nearest(name, names, LG_LF_CNT) : NULL;
    struct lg_node quoted = {.kind = LG_NODE_SCALAR, .text = name, .len = strlen(name)};
    char found[LG_FOUND_SZ];
    if (bad->name.len)
        snprintf(about, sizeof about, " %.60s", lg_found(&quoted, found));
    if (near)
        lg_walk_error(w, path, n, "at character %zu: %s%s; did you mean ${%s}?", bad->at + 1,
                      bad->what, about, near);
    else
        lg_walk_error(w, path, n, "at character %zu: %s%s", bad->at + 1, bad->what, about);
}

/* read_text compiles one text; the parts' texts lie in the arena. */
static bool read_text(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                      const char *text, struct lg_log_text *out)
{
    struct lg_log_part parts[LG_LOG_PARTS_MAX];
    struct lg_log_mistake bad;
    char *own;

    if (!lg_keep_at(w, text, strlen(text), &own))
        return false;
    if (!lg_is_ok(lg_log_format_parse(lg_span_cstr(own), parts, &out->cnt, &bad))) {
        wrong_format(w, path, n, &bad);
        return false;
    }
    out->parts = lg_arena_alloc(w->arena, out->cnt, sizeof *parts);
    if (!out->parts) {
        lg_walk_error(w, path, n, "out of memory");
        w->is_oom = true;
        return false;
    }
    memcpy(out->parts, parts, out->cnt * sizeof *parts);
    return true;
}

static bool read_log_format(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                            struct lg_node *n, void *dst)
{
    static const char expected[] = "one of json, haproxy, combined, or a text with ${name}s";
    struct lg_cfg_log_format out = {.how = LG_LOG_TEXT};

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_json = strcmp(n->text, "json") == 0;
    bool is_named = lg_log_format_named(n->text, LG_LOG_REQUEST) != NULL;
    if (!is_json && !is_named && !strchr(n->text, '$'))
        return lg_wrong(w, path, n, expected, "");
    if (is_json)
        out.how = LG_LOG_JSON;
    for (int e = 0; e < LG_LOG_EVENT_CNT && !is_json; e++) {
        const char *text = is_named ? lg_log_format_named(n->text, (enum lg_log_event)e)
                           : e == LG_LOG_HANDSHAKE ? lg_log_format_handshake()
                                                   : n->text;
        if (!read_text(w, path, n, text, &out.text[e]))
            return false;
    }
    memcpy(dst, &out, sizeof out);
    return true;
}
const struct lg_kind lg_kind_log_format = {"`json`, `haproxy`, `combined` or a text with `${name}`",
                                           0, read_log_format, "\"type\": \"string\""};

static bool read_log_error_format(struct lg_walk *w, const struct lg_field *f,
                                  const struct lg_path *path, struct lg_node *n, void *dst)
{
    struct lg_cfg_log_format out = {.how = LG_LOG_TEXT};

    (void)f;
    if (!lg_need_scalar(w, path, n, "a text with ${name}s") ||
        !read_text(w, path, n, n->text, &out.text[LG_LOG_HANDSHAKE]))
        return false;
    memcpy(dst, &out, sizeof out);
    return true;
}
const struct lg_kind lg_kind_log_error_format = {"text with `${name}`", 0, read_log_error_format,
                                                 "\"type\": \"string\""};

/* ---------------------------------------------------------------- headers */

static bool read_header(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                        struct lg_node *n, void *dst)
{
    static const char expected[] = "a name of a header, such as user-agent";
    char own[LG_LOG_HEADER_NAME_SZ];

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_good = n->len >= 1 && n->len < sizeof own;
    for (size_t i = 0; is_good && i < n->len; i++) {
        is_good = isalnum((unsigned char)n->text[i]) || strchr("!#$%&'*+-.^_`|~", n->text[i]);
        own[i] = (char)tolower((unsigned char)n->text[i]);
    }
    if (!is_good)
        return lg_wrong(w, path, n, expected, "");
    own[n->len] = '\0';
    if (lg_log_header_is_secret(own))
        return lg_wrong(w, path, n, expected, "; what proves who somebody is stays out of logs");
    return lg_keep_at(w, own, n->len, dst);
}
const struct lg_kind lg_kind_header = {"name of a header", sizeof(char *), read_header,
                                       "\"type\": \"string\""};
