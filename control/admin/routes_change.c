/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes_change.c: what the admin API changes while the process runs: backends, a certificate, who
 * is revoked. What a change is and how it comes into force: reload.h. */
#include "routes_priv.h"

#include "boot.h"

#include <string.h>

#define UNTIL_RELOAD "until the next reload: the file wins"

/* messages gives what a diag says, as an array. */
static json_t *messages(const struct lg_diag *diag)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < diag->kept_cnt; i++)
        json_array_append_new(
            list,
            json_sprintf("%s: %s", diag->msg[i].is_error ? "error" : "warning", diag->msg[i].text));
    return list;
}

/* answer says what came of a change; obj: more members, taken, or NULL. */
static void answer(struct lg_server *s, lg_err_t err, const struct lg_diag *diag, json_t *obj,
                   struct lg_admin_resp *out)
{
    obj = obj ? obj : json_object();
    json_object_set_new(obj, "ok", json_boolean(lg_is_ok(err)));
    if (!lg_is_ok(err))
        json_object_set_new(obj, "error", json_string("refused: nothing has changed"));
    json_object_set_new(obj, "generation", json_integer((json_int_t)s->reload.current->generation));
    json_object_set_new(obj, "messages", messages(diag));
    lg_admin_send_json(out, lg_is_ok(err) ? 200 : 409, obj);
}

/* ---------------------------------------------------------------- backends */

static bool has_backend(const struct lg_server *s, const char *pool, const char *backend)
{
    const struct lg_config *cfg = s->reload.current->cfg;

    for (uint32_t i = 0; i < cfg->pool_cnt; i++)
        for (uint32_t k = 0; k < cfg->pools[i].backend_cnt; k++)
            if (strcmp(cfg->pools[i].name, pool) == 0 &&
                strcmp(cfg->pools[i].backends[k].name, backend) == 0)
                return true;
    return false;
}

/* What a body may say of a backend; has_*: it does. */
struct asked_backend {
    bool has_address, has_weight, has_max, has_backup, has_drain;
    struct lg_cfg_backend be;
};

static bool read_number(json_t *v, json_int_t max, uint32_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return false;
    *out = (uint32_t)json_integer_value(v);
    return true;
}

static bool read_bool(json_t *v, bool *out)
{
    *out = json_is_true(v);
    return json_is_boolean(v);
}

/* read_member reads one; false: it is not what it should be. */
static bool read_member(const char *key, json_t *v, struct asked_backend *a)
{
    if (strcmp(key, "address") == 0)
        return (a->has_address = true) && json_is_string(v) &&
               lg_is_ok(lg_endpoint_parse(lg_span_cstr(json_string_value(v)), &a->be.addr));
    if (strcmp(key, "weight") == 0)
        return (a->has_weight = true) && read_number(v, LG_WEIGHT_MAX, &a->be.weight);
    if (strcmp(key, "max_connections") == 0)
        return (a->has_max = true) && read_number(v, UINT32_MAX, &a->be.max_connections);
    if (strcmp(key, "backup") == 0)
        return (a->has_backup = true) && read_bool(v, &a->be.backup);
    if (strcmp(key, "drain") == 0)
        return (a->has_drain = true) && read_bool(v, &a->be.drain);
    return false;
}

/* read_backend reads the body; false: it has answered. */
static bool read_backend(const struct lg_admin_req *req, struct asked_backend *a,
                         struct lg_admin_resp *out)
{
    json_t *obj = lg_admin_body(req, out), *v;
    const char *key;
    bool is_good = obj != NULL;

    *a = (struct asked_backend){.be = {.weight = 1}};
    json_object_foreach(obj, key, v)
    {
        if (read_member(key, v, a))
            continue;
        lg_admin_send_error(out, 400,
                            "\"%s\" is unknown or not what it should be; a backend has address, "
                            "weight (0 to %u), max_connections, backup and drain",
                            key, LG_WEIGHT_MAX);
        is_good = false;
        break;
    }
    json_decref(obj);
    return is_good;
}

/* change carries one change out. */
static lg_err_t change(struct lg_server *s, enum lg_change_what what,
                       const struct lg_admin_req *req, const struct lg_cfg_backend *be,
                       struct lg_diag *diag)
{
    lg_err_t err = lg_server_may_change(s, diag);

    if (lg_is_ok(err))
        err =
            lg_reload_backend(&s->reload, what, req->arg[0], req->arg[1], be, lg_boot_now(), diag);
    return lg_server_changed(s, err, diag);
}

static json_t *until_reload(void)
{
    return json_pack("{s:s}", "until", UNTIL_RELOAD);
}

void lg_route_put_backend(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct asked_backend a;
    struct lg_diag diag = {0};

    if (!read_backend(req, &a, out))
        return;
    if (!a.has_address) {
        lg_admin_send_error(out, 400, "\"address\" is missing: ADDRESS:PORT");
        return;
    }
    lg_err_t err = change(s, LG_CHANGE_ADD, req, &a.be, &diag);
    answer(s, err, &diag, until_reload(), out);
}

void lg_route_patch_backend(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct asked_backend a;
    struct lg_diag diag = {0};
    lg_err_t err = LG_OK;

    if (!read_backend(req, &a, out))
        return;
    if (a.has_address || a.has_max || a.has_backup || (!a.has_weight && !a.has_drain)) {
        lg_admin_send_error(out, 400, "only weight and drain can be changed; one of them, or both");
        return;
    }
    if (!has_backend(s, req->arg[0], req->arg[1])) {
        lg_admin_send_error(out, 404, "there is no backend %s/%s", req->arg[0], req->arg[1]);
        return;
    }
    if (a.has_weight)
        err = change(s, LG_CHANGE_WEIGHT, req, &a.be, &diag);
    if (a.has_drain && lg_is_ok(err))
        err = change(s, LG_CHANGE_DRAIN, req, &a.be, &diag);
    answer(s, err, &diag, until_reload(), out);
}

void lg_route_delete_backend(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct lg_diag diag = {0};

    if (!has_backend(s, req->arg[0], req->arg[1])) {
        lg_admin_send_error(out, 404, "there is no backend %s/%s", req->arg[0], req->arg[1]);
        return;
    }
    lg_err_t err = change(s, LG_CHANGE_REMOVE, req, &(struct lg_cfg_backend){0}, &diag);
    answer(s, err, &diag, until_reload(), out);
}

/* ---------------------------------------------------------------- a certificate */

/* text_of gives a member that is a string; an empty span when it is not there. */
static lg_span_t text_of(json_t *obj, const char *name)
{
    json_t *v = json_object_get(obj, name);

    return json_is_string(v) ? lg_span(json_string_value(v), json_string_length(v))
                             : lg_span(NULL, 0);
}

static bool has_listener(const struct lg_server *s, const char *name)
{
    const struct lg_snapshot *now = s->reload.current;

    for (uint32_t i = 0; i < now->listener_cnt; i++)
        if (strcmp(now->listeners[i].cfg->name, name) == 0)
            return true;
    return false;
}

static void put_certificate(struct lg_server *s, const char *listener, lg_span_t cert,
                            lg_span_t key, struct lg_admin_resp *out)
{
    struct lg_diag diag = {0};
    struct lg_tls_put what = {0};
    lg_err_t err = lg_server_may_change(s, &diag);

    if (lg_is_ok(err))
        err = lg_reload_put(&s->reload, listener, cert, key, lg_boot_now(), &what, &diag);
    err = lg_server_changed(s, err, &diag);
    json_t *obj = until_reload();
    if (lg_is_ok(err)) {
        json_object_set_new(obj, "replaced", json_boolean(what.has_replaced));
        json_object_set_new(obj, "name", json_string(what.name));
        json_object_set_new(obj, "not_after_s", json_integer(what.not_after_s));
    }
    answer(s, err, &diag, obj, out);
}

void lg_route_put_certificate(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    json_t *obj = lg_admin_body(req, out);

    if (!obj)
        return;
    lg_span_t cert = text_of(obj, "cert"), key = text_of(obj, "key");
    if (!cert.len || !key.len)
        lg_admin_send_error(out, 400, "\"cert\" and \"key\" are PEM texts; one is missing");
    else if (!has_listener(s, req->arg[0]))
        lg_admin_send_error(out, 404, "there is no listener %s", req->arg[0]);
    else
        put_certificate(s, req->arg[0], cert, key, out);
    if (key.len) /* jansson only frees it */
        explicit_bzero((void *)(uintptr_t)key.p, key.len);
    json_decref(obj);
}

/* ---------------------------------------------------------------- revoked */

void lg_route_get_revoked(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    const struct lg_revoked *set = s->reload.revoked;
    const char *path = s->reload.file_cfg->revoked_file;
    json_t *list = json_array();

    (void)req;
    for (uint32_t i = 0; set && i < set->cnt; i++) {
        char text[LG_REVOKED_LINE_SZ];
        lg_revocation_text(&set->one[i], text);
        char *blank = strchr(text, ' ');
        *blank = '\0';
        json_array_append_new(list,
                              json_pack("{s:s,s:s}", "issuer_sha256", text, "serial", blank + 1));
    }
    lg_admin_send_json(out, 200,
                       json_pack("{s:b,s:s?,s:o}", "ok", 1, "file", path, "revoked", list));
}

/* read_revocation reads which certificate is meant; false: it has answered. */
static bool read_revocation(json_t *obj, struct lg_revocation *one, struct lg_admin_resp *out)
{
    lg_span_t cert = text_of(obj, "cert"), ca = text_of(obj, "ca"), serial = text_of(obj, "serial");

    if (cert.len ? ca.len || serial.len : !ca.len || !serial.len) {
        lg_admin_send_error(out, 400,
                            "either \"cert\", the certificate to revoke, or \"ca\", the one that "
                            "issued it, with \"serial\"; PEM texts, and hex");
        return false;
    }
    lg_err_t err = lg_tls_revocation_of(cert.len ? cert : ca, serial, one);
    if (lg_is_ok(err))
        return true;
    lg_admin_send_error(out, 400, "no certificate in PEM, or no serial number: %s",
                        lg_err_text(err));
    return false;
}

void lg_route_post_revoked(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct lg_diag diag = {0};
    struct lg_revocation one;
    char text[LG_REVOKED_LINE_SZ];
    json_t *obj = lg_admin_body(req, out);
    bool is_read = obj && read_revocation(obj, &one, out);

    json_decref(obj);
    if (!is_read)
        return;
    lg_err_t err = lg_server_may_change(s, &diag);
    if (lg_is_ok(err))
        err = lg_reload_revoke(&s->reload, &one, lg_boot_now(), &diag);
    err = lg_server_changed(s, err, &diag);
    lg_revocation_text(&one, text);
    answer(s, err, &diag,
           json_pack("{s:s,s:s?,s:s}", "revoked", text, "file", s->reload.file_cfg->revoked_file,
                     "until",
                     s->reload.file_cfg->revoked_file ? "it is taken out of the file"
                                                      : "the process ends"),
           out);
}
