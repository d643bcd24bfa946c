/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes.c: what the admin API can be asked: a short handler for each line of routes.def. A new one
 * is a line there, a function here, a section of docs/api.md, and, where people use it, a command
 * of lockgatectl. Handlers run on the control thread, between two turns of its loop. */
#include "server_priv.h"

#include "boot.h"
#include "report.h"

static void get_status(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct lg_report report;

    (void)req;
    lg_server_report(s, &report);
    lg_admin_send(out, 200, LG_ADMIN_JSON, lg_report_status(&report, s->reload.current));
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
