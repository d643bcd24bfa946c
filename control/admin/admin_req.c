/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin_req.c: one request of the admin API: its route, its body, its answer.
 *
 * libmicrohttpd calls lg_admin_access once when the header section is there, once for each piece of
 * a body, and once at the end. What can be refused is refused at the first call, before a body has
 * been read. */
#include "admin_priv.h"

#include "log.h"

#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct request {
    const struct lg_route *route;
    struct lg_admin_req req;
    char path[LG_ADMIN_PATH_SZ]; /* cut into segments; req.arg points into it */
    char *body;                  /* owns; route->body_max bytes of room */
    size_t body_sz;
    bool is_too_large;
};

/* ---------------------------------------------------------------- routes */

bool lg_route_match(const char *pattern, char *path, const char **arg)
{
    char *begin[LG_ADMIN_ARGS], *end[LG_ADMIN_ARGS], *p = path;
    unsigned cnt = 0;

    while (*pattern) {
        if (strncmp(pattern, "{}", 2) != 0) {
            if (*pattern++ != *p++)
                return false;
            continue;
        }
        size_t len = strcspn(p, "/");
        if (len == 0 || cnt == LG_ADMIN_ARGS)
            return false;
        begin[cnt] = p;
        end[cnt++] = p += len;
        pattern += 2;
    }
    if (*p)
        return false;
    for (unsigned i = 0; i < LG_ADMIN_ARGS; i++) {
        arg[i] = i < cnt ? begin[i] : NULL;
        if (i < cnt)
            *end[i] = '\0';
    }
    return true;
}

static bool is_method(const struct lg_route *r, const char *method)
{
    return strcmp(r->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* find_route writes the route, or the methods that the path has (empty: there is no such path). */
static const struct lg_route *find_route(const struct lg_admin_cfg *cfg, struct request *r,
                                         const char *method, char *allowed, size_t allowed_sz)
{
    char path[LG_ADMIN_PATH_SZ];
    size_t len = 0;

    allowed[0] = '\0';
    for (uint32_t i = 0; i < cfg->route_cnt; i++) {
        const struct lg_route *one = &cfg->routes[i];
        const char *arg[LG_ADMIN_ARGS];
        memcpy(path, r->path, sizeof path);
        if (!lg_route_match(one->path, path, arg))
            continue;
        if (is_method(one, method)) {
            (void)lg_route_match(one->path, r->path, r->req.arg);
            return one;
        }
        int n = snprintf(allowed + len, allowed_sz - len, "%s%s", len ? ", " : "", one->method);
        if (n > 0 && (size_t)n < allowed_sz - len)
            len += (size_t)n;
    }
    return NULL;
}

/* ---------------------------------------------------------------- answers */

void lg_admin_send(struct lg_admin_resp *out, unsigned status, const char *type, char *text)
{
    free(out->text);
    *out = (struct lg_admin_resp){.status = text ? status : 500, .type = type, .text = text};
}

void lg_admin_send_json(struct lg_admin_resp *out, unsigned status, json_t *obj)
{
    char *text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;

    json_decref(obj);
    lg_admin_send(out, status, LG_ADMIN_JSON, text);
}

void lg_admin_send_error(struct lg_admin_resp *out, unsigned status, const char *fmt, ...)
{
    char text[LG_DIAG_TEXT_SZ], safe[4 * LG_DIAG_TEXT_SZ];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *obj = json_pack("{s:b,s:s}", "ok", 0, "error", text);
    if (!obj) /* not UTF-8 */
        obj = json_pack("{s:b,s:s}", "ok", 0, "error",
                        lg_log_escape(lg_span_cstr(text), safe, sizeof safe));
    lg_admin_send_json(out, status, obj);
}

static bool add_headers(struct MHD_Response *r, const struct lg_admin_end *end,
                        const struct lg_admin_resp *resp, const char *allowed)
{
    return (!end->is_retiring ||
            MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES) &&
           (resp->status != 401 ||
            MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer") == MHD_YES) &&
           MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, resp->type) == MHD_YES &&
           MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
           (!*allowed || MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allowed) == MHD_YES);
}

/* answer gives the text away. MHD_NO: libmicrohttpd ends the connection. */
static enum MHD_Result answer(const struct lg_admin_end *end, struct MHD_Connection *conn,
                              struct lg_admin_resp *resp, const char *allowed)
{
    static char no_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}\n";
    struct MHD_Response *r;

    if (resp->text) {
        size_t len = strlen(resp->text);
        char *line = realloc(resp->text, len + 2); /* a newline, for whoever reads it with curl */
        if (line)
            memcpy(line + len, "\n", 2);
        resp->text = line ? line : resp->text;
        r = MHD_create_response_from_buffer(strlen(resp->text), resp->text, MHD_RESPMEM_MUST_FREE);
    } else {
        resp->status = 500;
        resp->type = LG_ADMIN_JSON;
        r = MHD_create_response_from_buffer(sizeof no_memory - 1, no_memory,
                                            MHD_RESPMEM_PERSISTENT);
    }
    if (!r) {
        free(resp->text);
        return MHD_NO;
    }
    enum MHD_Result ok = MHD_NO;
    if (add_headers(r, end, resp, allowed))
        ok = MHD_queue_response(conn, resp->status, r);
    MHD_destroy_response(r);
    return ok;
}

/* ---------------------------------------------------------------- for handlers */

const char *lg_admin_query(const struct lg_admin_req *req, const char *name)
{
    const char *value;
    size_t value_sz;

    if (MHD_lookup_connection_value_n(req->conn, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
                                      &value_sz) != MHD_YES)
        return NULL;
    return value ? value : "";
}

json_t *lg_admin_body(const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    json_error_t why;
    json_t *obj =
        json_loadb((const char *)req->body.p, req->body.len, JSON_REJECT_DUPLICATES, &why);

    if (json_is_object(obj))
        return obj;
    lg_admin_send_error(out, 400, "the body is not a JSON object%s%s", obj ? "" : ": ",
                        obj ? "" : why.text);
    json_decref(obj);
    return NULL;
}

/* ---------------------------------------------------------------- a request */

#define WHO_SZ 64

/* name_local: who is at the other end of the unix socket; name_net: of an address. */
static void name_local(struct MHD_Connection *conn, char *who)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred cred = {0};
    socklen_t cred_sz = sizeof cred;

    if (info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_sz) == 0)
        snprintf(who, WHO_SZ, "uid %u, pid %d", cred.uid, cred.pid);
}

static void name_net(struct MHD_Connection *conn, char *who)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *sa = info ? info->client_addr : NULL;
    socklen_t sa_sz =
        sa && sa->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

    if (sa)
        getnameinfo(sa, sa_sz, who, WHO_SZ, NULL, 0, NI_NUMERICHOST);
}

static const char *name_peer(const struct lg_admin_end *end, struct MHD_Connection *conn,
                             char who[WHO_SZ])
{
    strcpy(who, "?");
    if (end->is_local)
        name_local(conn, who);
    else
        name_net(conn, who);
    return who;
}

/* log_change tells who has changed something: a line for every request that is not a GET. */
static void log_change(const struct lg_admin_end *end, const struct lg_admin_req *req,
                       unsigned status)
{
    char who[WHO_SZ], safe[2 * LG_ADMIN_PATH_SZ];

    lg_log(LG_LOG_INFO, "admin: %s %s by %s: %u", req->method,
           lg_log_escape(lg_span_cstr(req->path), safe, sizeof safe),
           name_peer(end, req->conn, who), status);
}

/* log_refusal: strangers must not fill the log. */
static void log_refusal(const struct lg_admin_end *end, struct MHD_Connection *conn,
                        const char *why)
{
    struct lg_admin *a = end->admin;
    char who[WHO_SZ];

    a->refused_cnt++;
    if (a->refused_cnt > 1 && lg_ns_since(a->now_ns, a->refused_ns) < LG_SEC(1))
        return;
    a->refused_ns = a->now_ns;
    lg_log(LG_LOG_WARN, "admin: %s was refused: %s (%" PRIu64 " refusals so far)",
           name_peer(end, conn, who), why, a->refused_cnt);
}

static enum MHD_Result carry_out(const struct lg_admin_end *end, struct request *r)
{
    struct lg_admin *a = end->admin;
    struct lg_admin_resp resp = {0};
    bool is_change = strcmp(r->route->method, "GET") != 0;

    if (r->is_too_large) {
        lg_admin_send_error(&resp, 413, "the body has more than %zu bytes", r->route->body_max);
    } else {
        r->req.body = lg_span(r->body, r->body_sz);
        r->route->handler(a->cfg.ctx, &r->req, &resp);
    }
    a->done_cnt++;
    if (is_change)
        log_change(end, &r->req, resp.text ? resp.status : 500);
    return answer(end, r->req.conn, &resp, "");
}

/* refuse finds why a request is not even begun; 0: nothing is wrong. */
static unsigned refuse(const struct lg_admin_end *end, struct request *r, char *allowed,
                       size_t allowed_sz, struct lg_admin_resp *resp)
{
    const char *len = MHD_lookup_connection_value(r->req.conn, MHD_HEADER_KIND, "Content-Length");
    const char *why = end->is_local ? NULL : lg_admin_auth_check(&end->auth, r->req.conn);

    if (why) { /* and what there is, is not told either */
        log_refusal(end, r->req.conn, why);
        lg_admin_send_error(resp, 401, "%s", why);
        return resp->status;
    }
    r->route = find_route(&end->admin->cfg, r, r->req.method, allowed, allowed_sz);
    if (!r->route && *allowed)
        lg_admin_send_error(resp, 405, "%s has only %s", r->req.path, allowed);
    else if (!r->route)
        lg_admin_send_error(resp, 404, "there is no %s", r->req.path);
    else if (len && strtoull(len, NULL, 10) > r->route->body_max)
        lg_admin_send_error(resp, 413, "the body has more than %zu bytes", r->route->body_max);
    /* A page in some browser that can reach us has nothing to change here. */
    else if (strcmp(r->route->method, "GET") != 0 &&
             MHD_lookup_connection_value(r->req.conn, MHD_HEADER_KIND, "Origin"))
        lg_admin_send_error(resp, 403, "requests from web pages are not taken");
    return resp->status;
}

static enum MHD_Result begin(struct lg_admin_end *end, struct MHD_Connection *conn, const char *url,
                             const char *method, void **out)
{
    struct lg_admin_resp resp = {0};
    struct request *r = calloc(1, sizeof *r);
    char allowed[64] = "";

    if (!r)
        return MHD_NO;
    *out = r;
    r->req = (struct lg_admin_req){.method = method, .path = url, .conn = conn};
    if (strlen(url) >= sizeof r->path) {
        lg_admin_send_error(&resp, 414, "the path has more than %zu bytes", sizeof r->path - 1);
        return answer(end, conn, &resp, "");
    }
    strcpy(r->path, url);
    if (refuse(end, r, allowed, sizeof allowed, &resp))
        return answer(end, conn, &resp, allowed);
    r->body = r->route->body_max ? malloc(r->route->body_max) : NULL;
    return r->body || !r->route->body_max ? MHD_YES : MHD_NO;
}

enum MHD_Result lg_admin_access(void *cls, struct MHD_Connection *conn, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_sz, void **req)
{
    struct lg_admin_end *end = cls;
    struct request *r = *req;

    (void)version;
    if (!r)
        return begin(end, conn, url, method, req);
    if (*data_sz == 0)
        return carry_out(end, r);
    r->is_too_large = r->is_too_large || *data_sz > r->route->body_max - r->body_sz;
    if (!r->is_too_large) {
        memcpy(r->body + r->body_sz, data, *data_sz);
        r->body_sz += *data_sz;
    }
    explicit_bzero((void *)(uintptr_t)data, *data_sz); /* libmicrohttpd is done with it, too */
    *data_sz = 0;                                      /* all of it is taken */
    return MHD_YES;
}

void lg_admin_completed(void *cls, struct MHD_Connection *conn, void **req,
                        enum MHD_RequestTerminationCode how)
{
    struct lg_admin_end *end = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct lg_admin_conn *c = info ? info->socket_context : NULL;
    struct request *r = *req;

    (void)how;
    if (c)
        c->since_ns = end->admin->now_ns;
    if (r && r->body) {
        explicit_bzero(r->body, r->body_sz); /* it may have been a key */
        free(r->body);
    }
    free(r);
    *req = NULL;
}
