/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* check_log.c: the access log as a whole, and which headers have to be captured for it. */
#include "check.h"

#include <ctype.h>
#include <string.h>

/* capture puts a header that a format names into the list; false after an error. */
static bool capture(struct lg_check *c, struct lg_node *n, const char *key, lg_span_t name,
                    uint8_t *idx)
{
    struct lg_cfg_log *log = &c->cfg->log;
    char own[LG_LOG_HEADER_NAME_SZ];

    for (size_t i = 0; i < name.len; i++)
        own[i] = (char)tolower(name.p[i]);
    own[name.len] = '\0';
    if (lg_log_header_is_secret(own)) {
        lg_check_error(c, n, key,
                       "names the header %s; what proves who somebody is stays out of logs", own);
        return false;
    }
    for (*idx = 0; *idx < log->header_cnt; ++*idx)
        if (strcmp(log->headers[*idx], own) == 0)
            return true;
    if (log->header_cnt == LG_LOG_HEADERS_MAX) {
        lg_check_error(c, n, key, "more than %u headers, with those of log.headers",
                       LG_LOG_HEADERS_MAX);
        return false;
    }
    if (!lg_keep_at(c->w, own, name.len, &log->headers[log->header_cnt]))
        return false;
    log->header_cnt++;
    return true;
}

static void check_format(struct lg_check *c, struct lg_node *n, const char *key,
                         struct lg_cfg_log_format *f)
{
    for (int e = 0; e < LG_LOG_EVENT_CNT && lg_is_good(n); e++)
        for (uint32_t i = 0; i < f->text[e].cnt; i++) {
            struct lg_log_part *p = &f->text[e].parts[i];
            if (p->field == LG_LF_HEADER && !capture(c, n, key, p->text, &p->header))
                return;
        }
}

/* own_headers makes room for the headers that formats name, and drops those listed twice. */
static bool own_headers(struct lg_check *c, struct lg_node *log_node)
{
    struct lg_cfg_log *log = &c->cfg->log;
    struct lg_node *list = lg_node_find(log_node, "headers");
    char **all = lg_arena_alloc(c->w->arena, LG_LOG_HEADERS_MAX, sizeof *all);

    if (!all) {
        lg_check_error(c, log_node, "log", "out of memory");
        return false;
    }
    if (log->header_cnt)
        memcpy(all, log->headers, log->header_cnt * sizeof *all);
    log->headers = all;
    if (!lg_node_is_clean(list))
        return false;
    for (uint32_t i = 0; i < log->header_cnt; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(all[i], all[k]) == 0) {
                lg_check_error(c, list, "log.headers", "\"%s\" is listed twice", all[i]);
                return false;
            }
    return true;
}

static void check_to(struct lg_check *c, struct lg_node *n)
{
    static const char *const syslog_only[] = {"facility", "syslog_format"};
    struct lg_cfg_log *log = &c->cfg->log;
    char key[LG_KEY_SZ];

    if (!lg_node_find(n, "to"))
        lg_check_error(c, n, "log",
                       "\"to\" is missing: where the log goes, a file name, stderr, syslog or "
                       "syslog:SOCKET");
    for (size_t i = 0; i < LG_ARRAY_CNT(syslog_only); i++) {
        struct lg_node *only = lg_node_find(n, syslog_only[i]);
        if (lg_is_good(only) && log->to != LG_LOG_TO_SYSLOG && log->to != LG_LOG_TO_OFF)
            lg_check_warn(c, only, lg_key(key, "log.%s", syslog_only[i]),
                          "has no effect: the log does not go to syslog");
    }
    struct lg_node *error = lg_node_find(n, "error_format");
    if (lg_is_good(error) && log->format.how == LG_LOG_JSON)
        lg_check_warn(c, error, "log.error_format",
                      "has no effect on JSON, only on a listener's own log_format");
}

void lg_check_log(struct lg_check *c)
{
    struct lg_cfg_log *log = &c->cfg->log;
    struct lg_node *n = lg_node_find(c->root, "log");
    struct lg_node *listeners = lg_node_find(c->root, "listeners");
    char key[LG_KEY_SZ];
    uint32_t i = 0;

    if (!lg_node_is_clean(n) || !own_headers(c, n))
        return;
    if (n)
        check_to(c, n);
    check_format(c, lg_node_find(n, "format"), "log.format", &log->format);
    check_format(c, lg_node_find(n, "error_format"), "log.error_format", &log->error);
    for (struct lg_node *l = lg_items(listeners); l && i < c->cfg->listener_cnt;
         l = lg_next(listeners, l), i++) {
        struct lg_node *own = lg_node_find(l, "log_format");
        lg_key(key, "listeners[%u].log_format", i);
        if (lg_is_good(own) && !n)
            lg_check_warn(c, own, key, "has no effect: there is no log section");
        check_format(c, own, key, &c->cfg->listeners[i].log_format);
    }
}
