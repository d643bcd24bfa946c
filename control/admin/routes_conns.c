/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes_conns.c: connections in the admin API: which are there, and an end to some of them. The
 * workers are asked (proxy/query.h), and this thread waits for them, for a while. */
#include "routes_priv.h"

#include "boot.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 10000
#define PATIENCE_MS 5000

/* ---------------------------------------------------------------- the question */

/* copy_name: false: too long, and answered. */
static bool copy_name(const char *what, const char *from, char *to, size_t to_sz,
                      struct lg_admin_resp *out)
{
    if (!from)
        return true;
    if (strlen(from) < to_sz) {
        strcpy(to, from);
        return true;
    }
    lg_admin_send_error(out, 400, "%s has more than %zu bytes", what, to_sz - 1);
    return false;
}

static bool read_client(const char *text, struct lg_query *ask, struct lg_admin_resp *out)
{
    lg_ip_t ip;

    if (!text)
        return true;
    ask->has_client = true;
    if (lg_is_ok(lg_prefix_parse(lg_span_cstr(text), &ask->client)))
        return true;
    if (lg_is_ok(lg_ip_parse(lg_span_cstr(text), &ip))) {
        ask->client = (struct lg_prefix){.ip = ip, .len = lg_ip_is_v4(&ip) ? 32 : 128};
        return true;
    }
    lg_admin_send_error(out, 400, "client is an address or a prefix, 192.0.2.0/24");
    return false;
}

/* read_serial brings it into the form that connections have it in. */
static bool read_serial(const char *text, struct lg_query *ask, struct lg_admin_resp *out)
{
    struct lg_revocation r = {0};
    char line[LG_REVOKED_LINE_SZ];

    if (!text)
        return true;
    if (lg_is_ok(lg_revocation_serial(lg_span_cstr(text), &r))) {
        lg_revocation_text(&r, line);
        snprintf(ask->serial, sizeof ask->serial, "%s", strchr(line, ' ') + 1);
        return true;
    }
    lg_admin_send_error(out, 400, "serial is a number in hex");
    return false;
}

/* read_id reads "WORKER-NUMBER". */
static bool read_id(const char *text, uint32_t *worker, uint64_t *number)
{
    char *end;
    unsigned long w = strtoul(text, &end, 10);

    if (end == text || *end != '-' || w >= LG_MAX_WORKERS)
        return false;
    text = end + 1;
    *worker = (uint32_t)w;
    *number = strtoull(text, &end, 10);
    return end != text && *end == '\0' && *number > 0;
}

static bool read_backend(const char *text, struct lg_query *ask, struct lg_admin_resp *out)
{
    const char *slash = text ? strchr(text, '/') : NULL;

    if (slash && (size_t)(slash - text) < sizeof ask->pool) {
        memcpy(ask->pool, text, (size_t)(slash - text));
        text = slash + 1;
    }
    return copy_name("backend", text, ask->backend, sizeof ask->backend, out);
}

/* read_filter reads which connections are meant; false: it has answered.
 *   has_any  there is a filter */
static bool read_filter(const struct lg_admin_req *req, struct lg_query *ask, bool *has_any,
                        struct lg_admin_resp *out)
{
    const char *id = lg_admin_query(req, "id"), *listener = lg_admin_query(req, "listener"),
               *client = lg_admin_query(req, "client"), *backend = lg_admin_query(req, "backend"),
               *serial = lg_admin_query(req, "serial"), *subject = lg_admin_query(req, "subject");

    *has_any = id || listener || client || backend || serial || subject;
    if (id && !read_id(id, &ask->worker, &ask->id)) {
        lg_admin_send_error(out, 400, "id is as connections shows it, 0-17");
        return false;
    }
    return copy_name("listener", listener, ask->listener, sizeof ask->listener, out) &&
           copy_name("subject", subject, ask->subject, sizeof ask->subject, out) &&
           read_client(client, ask, out) && read_backend(backend, ask, out) &&
           read_serial(serial, ask, out);
}

/* ---------------------------------------------------------------- asking */

/* ask_workers waits for their answers; false: it has answered 503. Workers look at a few sessions a
 * turn: a million take a second or so. What they log meanwhile is written. */
static bool ask_workers(struct lg_server *s, const struct lg_query *ask, struct lg_admin_resp *out)
{
    lg_ns_t until_ns = lg_ns_add(lg_boot_now(), LG_MS(PATIENCE_MS));
    bool is_asked = lg_is_ok(lg_cores_query(&s->cores, ask));

    while (is_asked && !lg_cores_has_answered(&s->cores)) {
        if (lg_boot_now() > until_ns)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        (void)lg_server_drain_logs(s);
    }
    if (is_asked && lg_cores_has_answered(&s->cores))
        return true;
    lg_admin_send_error(out, 503, "the workers are still at it: ask again");
    return false;
}

/* ---------------------------------------------------------------- list */

static json_t *row_of(uint32_t worker, const struct lg_query_row *r)
{
    static const char *const types[] = {"tcp_ssl", "https", "tcp", "http"};
    char client[LG_ENDPOINT_STR_SZ], local[LG_ENDPOINT_STR_SZ], id[32];
    json_t *o = json_object();

    snprintf(id, sizeof id, "%u-%" PRIu64, worker, r->id);
    json_object_set_new(o, "id", json_string(id));
    json_object_set_new(o, "listener", json_string(r->listener));
    json_object_set_new(o, "type", json_string(types[r->type]));
    json_object_set_new(o, "client", json_string(lg_endpoint_text(&r->client, client)));
    json_object_set_new(o, "local", json_string(lg_endpoint_text(&r->local, local)));
    json_object_set_new(o, "state", json_string(r->state));
    json_object_set_new(o, "age_ms", json_integer((json_int_t)(r->age_ns / LG_MS(1))));
    json_object_set_new(o, "generation", json_integer((json_int_t)r->generation));
    json_object_set_new(o, "pool", json_string(r->pool));
    json_object_set_new(o, "backend", json_string(r->backend));
    json_object_set_new(o, "version",
                        json_string(r->version == LG_TLS_13   ? "TLSv1.3"
                                    : r->version == LG_TLS_12 ? "TLSv1.2"
                                                              : ""));
    json_object_set_new(o, "suite", json_string(r->suite));
    json_object_set_new(o, "sni", json_string(r->sni));
    json_object_set_new(o, "resumed", json_boolean(r->is_resumed));
    json_object_set_new(o, "subject", json_string(r->subject));
    json_object_set_new(o, "serial", json_string(r->serial));
    return o;
}

/* list_worker appends a worker's rows, up to `limit` in the list; *below: where to go on, 0: there
 * are no more. False: it has answered. */
static bool list_worker(struct lg_server *s, struct lg_query *ask, uint32_t limit, json_t *list,
                        struct lg_admin_resp *out)
{
    for (;;) {
        ask->max = LG_MIN(limit - (uint32_t)json_array_size(list), LG_QUERY_ROWS);
        if (ask->max == 0)
            return true;
        if (!ask_workers(s, ask, out))
            return false;
        const struct lg_query_answer *a = lg_core_answer(s->cores.core[ask->worker]);
        for (uint32_t i = 0; i < a->row_cnt; i++)
            json_array_append_new(list, row_of(ask->worker, &a->row[i]));
        if (!a->has_more) {
            ask->below = 0;
            return true;
        }
        ask->below = a->row[a->row_cnt - 1].id;
    }
}

static uint32_t read_limit(const struct lg_admin_req *req)
{
    const char *text = lg_admin_query(req, "limit");
    unsigned long n = text ? strtoul(text, NULL, 10) : LIMIT_DEFAULT;

    return (uint32_t)LG_MIN(LG_MAX(n, 1ul), (unsigned long)LIMIT_MAX);
}

void lg_route_get_connections(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct lg_query ask = {.what = LG_QUERY_LIST, .worker = LG_QUERY_ALL, .below = UINT64_MAX};
    const char *cursor = lg_admin_query(req, "cursor");
    uint32_t limit = read_limit(req), worker = 0;
    char next[32] = "";
    bool has_any;

    if (!read_filter(req, &ask, &has_any, out))
        return;
    if (cursor && !read_id(cursor, &worker, &ask.below)) {
        lg_admin_send_error(out, 400, "cursor is \"next\" of the answer before");
        return;
    }
    uint32_t last = ask.worker == LG_QUERY_ALL ? s->cores.cnt : ask.worker + 1;
    worker = ask.worker == LG_QUERY_ALL ? worker : ask.worker;
    json_t *list = json_array();
    for (; worker < LG_MIN(last, s->cores.cnt) && !*next; worker++) {
        ask.worker = worker;
        if (!list_worker(s, &ask, limit, list, out)) {
            json_decref(list);
            return;
        }
        if (ask.below && json_array_size(list) == limit)
            snprintf(next, sizeof next, "%u-%" PRIu64, worker, ask.below);
        ask.below = UINT64_MAX;
    }
    lg_admin_send_json(out, 200,
                       json_pack("{s:b,s:o,s:s}", "ok", 1, "connections", list, "next", next));
}

/* ---------------------------------------------------------------- kill */

void lg_route_delete_connections(void *ctx, const struct lg_admin_req *req,
                                 struct lg_admin_resp *out)
{
    struct lg_server *s = ctx;
    struct lg_query ask = {.what = LG_QUERY_KILL, .worker = LG_QUERY_ALL};
    uint64_t ended = 0, seen = 0;
    bool has_any;

    if (!read_filter(req, &ask, &has_any, out))
        return;
    if (!has_any && !lg_admin_query(req, "all")) {
        lg_admin_send_error(out, 400, "which? With \"all\" every connection is ended");
        return;
    }
    if (!ask_workers(s, &ask, out))
        return;
    for (uint32_t k = 0; k < s->cores.cnt; k++) {
        const struct lg_query_answer *a = lg_core_answer(s->cores.core[k]);
        ended += a->matched;
        seen += a->seen;
    }
    lg_log(LG_LOG_INFO, "%" PRIu64 " of %" PRIu64 " connections ended by the admin API", ended,
           seen);
    lg_admin_send_json(
        out, 200,
        json_pack("{s:b,s:I,s:I}", "ok", 1, "ended", (json_int_t)ended, "seen", (json_int_t)seen));
}
