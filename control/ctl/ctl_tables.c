/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_tables.c: listeners, certificates, workers, ports and snapshots as people read them. Each
 * makes rows of an answer and has them printed (ctl_table). */
#include "ctl_priv.h"

#include <stdio.h>
#include <string.h>

#define COLS(c) (c), (unsigned)(sizeof(c) / sizeof((c)[0]))

static json_t *copy_of(const json_t *obj)
{
    return json_copy((json_t *)(uintptr_t)obj);
}

int ctl_show_listeners(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {
        {"LISTENER", "name"},     {"TYPE", "type"},
        {"MODE", "mode"},         {"BIND", "bind"},
        {"CONNS", "connections"}, {"HANDSHAKES", "handshakes"},
        {"RESUMED", "resumed"},   {"FAILED", "handshake_failures"},
        {"REQUESTS", "requests"}, {"CERTIFICATES", "certificates"}};

    (void)c;
    ctl_table(stdout, json_object_get(answer, "listeners"), COLS(cols));
    return CTL_GOOD;
}

int ctl_show_certificates(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {
        {"LISTENER", "listener"}, {"NAMES", "names"},     {"KEY", "key"},  {"SERIAL", "serial"},
        {"DAYS", "days_left"},    {"UNTIL", "not_after"}, {"FILE", "file"}};

    (void)c;
    ctl_table(stdout, json_object_get(answer, "certificates"), COLS(cols));
    return CTL_GOOD;
}

/* rows_of gathers a list of every listener into one, each row with its listener's name. */
static json_t *rows_of(const json_t *listeners, const char *list)
{
    json_t *rows = json_array();
    const json_t *l, *one;
    size_t i, k;

    json_array_foreach(listeners, i, l) json_array_foreach(json_object_get(l, list), k, one)
    {
        json_t *row = copy_of(one);
        json_object_set_new(row, "listener", json_string(ctl_text(l, "listener")));
        json_object_set_new(row, "crl_fail", json_string(ctl_text(l, "crl_fail")));
        json_array_append_new(rows, row);
    }
    return rows;
}

int ctl_show_client_cas(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col ca_cols[] = {{"LISTENER", "listener"},
                                             {"CLIENT CA", "subject"},
                                             {"DAYS", "days_left"},
                                             {"UNTIL", "not_after"}};
    static const struct ctl_col crl_cols[] = {
        {"LISTENER", "listener"},       {"REVOCATION LIST OF", "issuer"}, {"ENTRIES", "entries"},
        {"THIS UPDATE", "this_update"}, {"NEXT UPDATE", "next_update"},   {"STALE", "stale"},
        {"WHEN STALE", "crl_fail"}};
    const json_t *listeners = json_object_get(answer, "listeners");
    json_t *cas = rows_of(listeners, "cas"), *crls = rows_of(listeners, "crls");

    (void)c;
    ctl_table(stdout, cas, COLS(ca_cols));
    if (json_array_size(crls)) {
        putchar('\n');
        ctl_table(stdout, crls, COLS(crl_cols));
    }
    json_decref(cas);
    json_decref(crls);
    return CTL_GOOD;
}

/* ---------------------------------------------------------------- workers */

static void set_text(json_t *row, const char *name, const char *text)
{
    json_object_set_new(row, name, json_string(text));
}

/* set_pool: "12 (40) of 5000": now, at most, room. */
static void set_pool(json_t *row, const json_t *pools, const char *name)
{
    const json_t *p = json_object_get(pools, name);
    char text[96];

    snprintf(text, sizeof text, "%" PRIi64 " (%" PRIi64 ") of %" PRIi64, ctl_number(p, "used"),
             ctl_number(p, "peak"), ctl_number(p, "total"));
    set_text(row, name, text);
}

static void set_us(json_t *row, const char *to, const char *from)
{
    json_object_set_new(row, to, json_real((double)ctl_number(row, from) / 1000));
}

static json_t *worker_row(const json_t *worker)
{
    const json_t *pools = json_object_get(worker, "pools");
    json_t *row = copy_of(worker);

    json_object_set_new(row, "busy_percent",
                        json_real(100 * json_real_value(json_object_get(worker, "busy"))));
    set_us(row, "p50", "turn_p50_ns");
    set_us(row, "p99", "turn_p99_ns");
    set_us(row, "max", "turn_max_ns");
    set_pool(row, pools, "packet_buffers");
    set_pool(row, pools, "connections");
    set_pool(row, pools, "sessions");
    set_pool(row, pools, "tls_connections");
    return row;
}

static json_t *stage_row(const json_t *worker)
{
    json_t *row = json_object();
    const char *name;
    json_t *share;

    json_object_set_new(row, "worker", json_integer(ctl_number(worker, "worker")));
    json_object_foreach(json_object_get(worker, "stages"), name, share)
        json_object_set_new(row, name, json_real(100 * json_real_value(share)));
    return row;
}

int ctl_show_workers(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {{"WORKER", "worker"},
                                          {"CPU", "cpu"},
                                          {"GEN", "generation"},
                                          {"BUSY %", "busy_percent"},
                                          {"TURN p50 us", "p50"},
                                          {"p99 us", "p99"},
                                          {"max us", "max"},
                                          {"BUFFERS (peak)", "packet_buffers"},
                                          {"TCP (peak)", "connections"},
                                          {"SESSIONS (peak)", "sessions"},
                                          {"TLS (peak)", "tls_connections"}};
    static const struct ctl_col stage_cols[] = {{"% OF BUSY TURNS, WORKER", "worker"},
                                                {"orders", "orders"},
                                                {"rx", "rx"},
                                                {"handover", "handover"},
                                                {"events", "events"},
                                                {"proxy", "proxy"},
                                                {"tcp", "tcp"},
                                                {"net", "net"},
                                                {"tx", "tx"},
                                                {"handshakes", "handshakes"}};
    json_t *rows = json_array(), *stages = json_array();
    const json_t *w;
    size_t i;

    (void)c;
    json_array_foreach(json_object_get(answer, "workers"), i, w)
    {
        json_array_append_new(rows, worker_row(w));
        json_array_append_new(stages, stage_row(w));
    }
    ctl_table(stdout, rows, COLS(cols));
    putchar('\n');
    ctl_table(stdout, stages, COLS(stage_cols));
    json_decref(rows);
    json_decref(stages);
    return CTL_GOOD;
}

/* ---------------------------------------------------------------- ports, snapshots */

int ctl_show_ports(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {{"PORT", "name"},
                                          {"DEVICE", "device"},
                                          {"UP", "up"},
                                          {"MTU", "mtu"},
                                          {"RX PACKETS", "rx_packets"},
                                          {"TX PACKETS", "tx_packets"},
                                          {"MISSED", "rx_missed"},
                                          {"NO BUFFER", "rx_no_buffer"},
                                          {"RX ERRORS", "rx_errors"},
                                          {"TX ERRORS", "tx_errors"},
                                          {"ADDRESSES", "addresses"}};
    const char *reason;
    json_t *cnt;

    (void)c;
    ctl_table(stdout, json_object_get(answer, "ports"), COLS(cols));
    json_object_foreach(json_object_get(answer, "drops"), reason, cnt)
        printf("dropped: %s %" PRIi64 "\n", reason, (int64_t)json_integer_value(cnt));
    return CTL_GOOD;
}

static json_t *snapshot_row(const json_t *snapshot)
{
    json_t *row = copy_of(snapshot);
    const json_t *holder;
    char text[512] = "-";
    size_t i, len = 0;

    json_array_foreach(json_object_get(snapshot, "held_by"), i, holder)
    {
        if (len + 64 > sizeof text)
            break;
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "%sworker %" PRIi64 ": %" PRIi64 " connections%s", i ? ", " : "",
                                ctl_number(holder, "worker"), ctl_number(holder, "connections"),
                                json_is_true(json_object_get(holder, "in_use")) ? " (in use)" : "");
    }
    set_text(row, "holders", text);
    if (json_is_integer(json_object_get(snapshot, "retired_ms")))
        json_object_set_new(row, "retired_s",
                            json_real((double)ctl_number(snapshot, "retired_ms") / 1000));
    return row;
}

int ctl_show_snapshots(const struct ctl *c, const json_t *answer)
{
    static const struct ctl_col cols[] = {{"GENERATION", "generation"},
                                          {"STATE", "state"},
                                          {"RETIRED s AGO", "retired_s"},
                                          {"HELD BY", "holders"}};
    json_t *rows = json_array();
    const json_t *s;
    size_t i;

    (void)c;
    json_array_foreach(json_object_get(answer, "snapshots"), i, s)
        json_array_append_new(rows, snapshot_row(s));
    ctl_table(stdout, rows, COLS(cols));
    json_decref(rows);
    return CTL_GOOD;
}
