/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin.h: the HTTP admin API: sockets, requests, routes, answers. libmicrohttpd speaks HTTP, with
 * no thread of its own: all of it runs when lg_admin_poll is called. What a route does is its
 * handler's matter (routes.c); docs/api.md is the list.
 *
 *   GET /v1/status       one line of a table names method, path pattern, handler, bound of the body
 *   {"ok":true,...}      every answer of /v1 is one JSON object with "ok"; "error" says why not
 *
 * In a pattern `{}` stands for one segment that is not empty. A path that matches with another
 * method gets 405, no match 404, a body above the route's bound 413.
 *
 * Bounds: LG_ADMIN_HEAD_SZ bytes for request line and header fields, LG_ADMIN_CLIENTS connections
 * a socket, LG_ADMIN_SLOW_NS from a connection's begin, or the end of its last request, to the end
 * of the next answer. Whoever passes the last is dropped. Nothing here blocks, but handlers may.
 * Thread control. */
#ifndef LG_ADMIN_H
#define LG_ADMIN_H

#include "config.h"
#include "diag.h"
#include "err.h"
#include "ns.h"
#include "span.h"

#include <jansson.h>

#define LG_ADMIN_HEAD_SZ 16384
#define LG_ADMIN_PATH_SZ 512
#define LG_ADMIN_CLIENTS 64
#define LG_ADMIN_PER_SOURCE 16 /* connections of one address to the management address */
#define LG_ADMIN_SLOW_NS LG_SEC(60)
#define LG_ADMIN_ARGS 4 /* {} in a pattern */

struct lg_admin;
struct MHD_Connection;

struct lg_admin_req {
    const char *method, *path;
    const char *arg[LG_ADMIN_ARGS]; /* what stood for each {}, percent-decoded; NULL beyond */
    lg_span_t body;                 /* at most the route's body_max bytes */
    struct MHD_Connection *conn;    /* for lg_admin_query */
};

/* The answer: written by one of the lg_admin_send calls. A handler that calls none answers 500. */
struct lg_admin_resp {
    unsigned status;
    const char *type; /* of the content; static */
    char *text;       /* owns: malloc; NULL: none */
};

/* Carries out one request.
 *   ctx      of lg_admin_cfg
 *   req      borrowed for the call */
typedef void lg_admin_handler(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out);

struct lg_route {
    const char *method; /* "GET" answers HEAD too */
    const char *path;   /* "/v1/pools/{}/backends/{}" */
    lg_admin_handler *handler;
    size_t body_max; /* bytes; 0: no body is taken */
};

struct lg_admin_cfg {
    const char *socket_path;       /* "": no unix socket */
    const struct lg_config *net;   /* borrows for the call: its `admin`; NULL: no address */
    const struct lg_route *routes; /* borrows: until close */
    uint32_t route_cnt;
    void *ctx; /* borrows: until close; the handlers' */
};

/* lg_admin_open makes the sockets. A unix socket left by a process that is gone is replaced; one
 * that answers, or a file that is no socket, is not.
 *   Returns  LG_OK; LG_E(SYS) with a message that names path and reason; LG_E(NOMEM) */
LG_MUST lg_err_t lg_admin_open(const struct lg_admin_cfg *cfg, struct lg_admin **out,
                               struct lg_diag *diag);
/* lg_admin_renew puts `admin` of a configuration in force, and what its files hold now: an address
 * that came, moved or went, another token, another certificate. Requests under way are answered.
 *   Returns  LG_OK; else nothing has changed: LG_E(CONFIG) a file is not usable, LG_E(SYS) the
 *            address is not to be had */
LG_MUST lg_err_t lg_admin_renew(struct lg_admin *a, const struct lg_config *cfg,
                                struct lg_diag *diag);
/* lg_admin_close drops the clients and removes the unix socket, if the path still is ours. NULL
 * allowed. Not from a handler. */
void lg_admin_close(struct lg_admin *a);

/* lg_admin_fd is readable when lg_admin_poll has something to do. */
int lg_admin_fd(const struct lg_admin *a);
/* lg_admin_poll serves whoever is ready and drops whoever is late; also to be called now and then
 * when nothing is ready. Returns requests carried out. */
unsigned lg_admin_poll(struct lg_admin *a, lg_ns_t now_ns);
/* How many clients are connected; how many requests were refused for want of a token or client
 * certificate. */
unsigned lg_admin_client_cnt(const struct lg_admin *a);
uint64_t lg_admin_refused_cnt(const struct lg_admin *a);
/* lg_admin_check reads what `admin` names and opens nothing. */
LG_MUST lg_err_t lg_admin_check(const struct lg_config *cfg, struct lg_diag *diag);

/* ---- for handlers ---- */

/* lg_admin_query is the value of ?name=, "" when it has none, NULL when it is not there. */
const char *lg_admin_query(const struct lg_admin_req *req, const char *name);
/* lg_admin_body reads the body as a JSON object. NULL: it has answered 400 with the reason. The
 * caller drops the object. */
json_t *lg_admin_body(const struct lg_admin_req *req, struct lg_admin_resp *out);

/* lg_admin_send takes a text from malloc as the answer; NULL: out of memory, 500. */
void lg_admin_send(struct lg_admin_resp *out, unsigned status, const char *type, char *text);
/* lg_admin_send_json takes an object; NULL: out of memory, 500. */
void lg_admin_send_json(struct lg_admin_resp *out, unsigned status, json_t *obj);
/* lg_admin_send_error answers {"ok":false,"error":"..."}. */
void lg_admin_send_error(struct lg_admin_resp *out, unsigned status, const char *fmt, ...)
    LG_PRINTF(3, 4);

#define LG_ADMIN_JSON "application/json"

/* lg_route_match compares one pattern with a path, which it cuts into segments in place when they
 * match.
 *   arg      LG_ADMIN_ARGS of them, written whole on a match; borrows path */
bool lg_route_match(const char *pattern, char *path, const char **arg);

#endif
