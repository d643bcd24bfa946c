/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes.c: what the admin API can be asked: a short handler for each line of routes.def. A new one
 * is a line there, a function here, a section of docs/api.md, and, where people use it, a command
 * of lockgatectl. Handlers run on the control thread, between two turns of its loop. */
#include "routes_priv.h"

#include "boot.h"
#include "report.h"
#include "verdict.h"

#include <string.h>
#include <time.h>

static void get_status(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send(out, 200, LG_ADMIN_JSON, lg_report_status(&report));
}

static void get_stats(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send(out, 200, LG_ADMIN_JSON, lg_report_stats(&report));
}

static void get_version(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    (void)ctx;
    (void)req;
    lg_admin_send(out, 200, LG_ADMIN_JSON, lg_report_version(lg_boot_dpdk_version()));
}

static void get_backends(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;

    (void)req;
    lg_admin_send(out, 200, LG_ADMIN_JSON, lg_report_backends(s->reload.current, lg_boot_now()));
}

/* ---------------------------------------------------------------- what there is, in full */

static void get_listeners(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send_json(out, 200, lg_report_listeners(&report));
}

/* wants_known_listener: ?listener= names one there is, or is left out; else it has answered 404. */
static bool wants_known_listener(const struct lg_snapshot *s, const struct lg_admin_req *req,
                                 struct lg_admin_resp *out, const char **name)
{
    *name = lg_admin_query(req, "listener");
    for (uint32_t i = 0; *name && i < s->listener_cnt; i++)
        if (strcmp(s->listeners[i].cfg->name, *name) == 0)
            return true;
    if (*name)
        lg_admin_send_error(out, 404, "there is no listener %s", *name);
    return !*name;
}

static void get_certificates(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;
    const char *name;

    lg_server_report(ctx, &report);
    if (wants_known_listener(report.snapshot, req, out, &name))
        lg_admin_send_json(out, 200, lg_report_certificates(&report, name));
}

static void get_client_cas(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;
    const char *name;

    lg_server_report(ctx, &report);
    if (wants_known_listener(report.snapshot, req, out, &name))
        lg_admin_send_json(out, 200, lg_report_client_cas(&report, name));
}

static void get_workers(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send_json(out, 200, lg_report_workers(&report));
}

static void get_ports(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send_json(out, 200, lg_report_ports(&report));
}

static void get_snapshots(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send_json(out, 200, lg_report_snapshots(&report));
}

static void get_metrics(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_report report;

    (void)req;
    lg_server_report(ctx, &report);
    lg_admin_send(out, 200, "text/plain; version=0.0.4; charset=utf-8", lg_report_metrics(&report));
}

/* A question in a body: it changes nothing. */
static void post_check(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    json_t *ask = lg_admin_body(req, out), *answer;
    char why[256];

    if (!ask)
        return;
    answer = lg_verdict(s->reload.current, ask, (int64_t)time(NULL), lg_boot_now(), why);
    if (answer || !*why)
        lg_admin_send_json(out, 200, answer);
    else
        lg_admin_send_error(out, 400, "%s", why);
    json_decref(ask);
}

/* ---------------------------------------------------------------- changes */

/* 409: what is in force stays, and "messages" say why. */
static void post_reload(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct lg_diag diag;

    (void)req;
    lg_err_t err = lg_server_reload(s, &diag);
    lg_admin_send(out, lg_is_ok(err) ? 200 : 409, LG_ADMIN_JSON,
                  lg_report_reload(err, s->reload.current->generation, &diag));
}

static const struct lg_route routes[] = {
#define X(method, path, handler, body_max) {#method, path, handler, body_max},
#include "routes.def"
#undef X
};

lg_err_t lg_server_open_admin(struct lg_server *s, struct lg_diag *diag)
{
    const struct lg_config *cfg = s->reload.boot_cfg;
    struct lg_admin_cfg admin = {.socket_path = cfg->control_socket,
                                 .net = cfg,
                                 .routes = routes,
                                 .route_cnt = LG_ARRAY_CNT(routes),
                                 .ctx = s};

    return lg_admin_open(&admin, &s->admin, diag);
}
