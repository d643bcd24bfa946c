/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_line.c: records to lines. */
#include "log_line.h"

#include "tls.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* A line being written; full: what does not fit is left out. */
struct line {
    char *p;
    size_t len, cap;
    bool is_json;
};

struct what {
    const struct lg_access_rec *rec;
    uint32_t worker;
    uint64_t end_us, begin_us; /* of the wall clock */
};

static void put(struct line *l, const char *s, size_t len)
{
    size_t fit = LG_MIN(len, l->cap - l->len);

    memcpy(l->p + l->len, s, fit);
    l->len += fit;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_u64(struct line *l, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;

    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    put(l, digits + i, sizeof digits - i);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* put_escaped never leaves half an escape. */
static void put_escaped(struct line *l, lg_span_t s)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0, run; i < s.len; i++) {
        for (run = i; run < s.len && is_plain(s.p[run]); run++)
            ;
        put(l, (const char *)s.p + i, run - i);
        i = run;
        if (i == s.len)
            return;
        uint8_t c = s.p[i];
        const char json[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        const char text[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
        if (l->cap - l->len < sizeof json)
            return;
        if (l->is_json)
            put(l, json, sizeof json);
        else
            put(l, text, sizeof text);
    }
}

/* Values: in JSON with quotes where they are texts, in a format without; what there is not is null,
 * or "-". */

static void put_none(struct line *l)
{
    put_str(l, l->is_json ? "null" : "-");
}

static void put_text(struct line *l, lg_span_t s)
{
    if (s.len == 0) {
        put_none(l);
        return;
    }
    if (l->is_json)
        put(l, "\"", 1);
    put_escaped(l, s);
    if (l->is_json)
        put(l, "\"", 1);
}

static void put_word(struct line *l, const char *s)
{
    put_text(l, lg_span_cstr(s));
}

static void put_bool(struct line *l, bool v)
{
    put_str(l, v ? "true" : "false");
}

/* -- times -- */

static void put_time(struct line *l, uint64_t us, const char *format)
{
    time_t s = (time_t)(us / 1000000);
    char text[64];
    struct tm tm;

    gmtime_r(&s, &tm);
    size_t n = strftime(text, sizeof text, format, &tm);
    put_text(l, lg_span(text, n));
}

static void put_rfc3339(struct line *l, uint64_t us)
{
    char format[48];

    snprintf(format, sizeof format, "%%Y-%%m-%%dT%%H:%%M:%%S.%06uZ", (unsigned)(us % 1000000));
    put_time(l, us, format);
}

static void put_haproxy_time(struct line *l, uint64_t us)
{
    char format[48];

    snprintf(format, sizeof format, "%%d/%%b/%%Y:%%H:%%M:%%S.%03u", (unsigned)(us / 1000 % 1000));
    put_time(l, us, format);
}

static void put_unix(struct line *l, uint64_t us)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
    put_str(l, text);
}

/* put_duration: null in JSON, -1 elsewhere (as in HAProxy) when it did not come to that. */
static void put_duration(struct line *l, lg_ns_t ns, lg_ns_t unit_ns)
{
    if (ns == LG_NS_NEVER)
        put_str(l, l->is_json ? "null" : "-1");
    else
        put_u64(l, ns / unit_ns);
}

/* -- what the snapshot knows -- */

static const struct lg_cfg_listener *listener_of(const struct lg_access_rec *rec)
{
    return rec->snap->listeners[rec->listener_idx].cfg;
}

static const struct lg_cfg_pool *pool_of(const struct lg_access_rec *rec)
{
    return rec->pool_idx < rec->snap->cfg->pool_cnt ? &rec->snap->cfg->pools[rec->pool_idx] : NULL;
}

static const struct lg_cfg_backend *backend_of(const struct lg_access_rec *rec)
{
    const struct lg_cfg_pool *p = pool_of(rec);

    return p && rec->backend_idx < p->backend_cnt ? &p->backends[rec->backend_idx] : NULL;
}

static void put_endpoint(struct line *l, const struct lg_endpoint *e)
{
    char text[LG_ENDPOINT_STR_SZ];

    put_word(l, lg_endpoint_text(e, text));
}

static void put_ip(struct line *l, const lg_ip_t *ip)
{
    char text[LG_IP_STR_SZ];

    put_word(l, lg_ip_text(ip, text));
}

static const char *verify_of(const struct lg_access_rec *rec)
{
    if (rec->has_cert)
        return "SUCCESS";
    return rec->is_refused ? "FAILED" : rec->is_mutual ? "NONE" : "";
}

static void put_uri(struct line *l, const struct lg_access_rec *rec)
{
    lg_span_t path = lg_access_text(rec, LG_AT_PATH), query = lg_access_text(rec, LG_AT_QUERY);
    char uri[LG_ACCESS_PATH_MAX + 1 + LG_ACCESS_QUERY_MAX];
    size_t len = LG_MIN(path.len, LG_ACCESS_PATH_MAX);

    if (len)
        memcpy(uri, path.p, len);
    if (query.len) {
        uri[len++] = '?';
        memcpy(uri + len, query.p, LG_MIN(query.len, LG_ACCESS_QUERY_MAX));
        len += LG_MIN(query.len, LG_ACCESS_QUERY_MAX);
    }
    put_text(l, lg_span(uri, len));
}

/* -- fields: in groups, so that each function can be read -- */

static void put_when(struct line *l, const struct what *w, enum lg_log_field f)
{
    switch (f) {
    case LG_LF_TIME:
        put_rfc3339(l, w->end_us);
        break;
    case LG_LF_TIME_CLF:
        put_time(l, w->end_us, "%d/%b/%Y:%H:%M:%S +0000");
        break;
    case LG_LF_TIME_UNIX:
        put_unix(l, w->end_us);
        break;
    default:
        put_haproxy_time(l, w->begin_us);
    }
}

static void put_where(struct line *l, const struct what *w, enum lg_log_field f)
{
    static const char *const events[] = {"request", "connection", "handshake"};
    const struct lg_access_rec *rec = w->rec;

    switch (f) {
    case LG_LF_EVENT:
        put_word(l, events[rec->event]);
        break;
    case LG_LF_WORKER:
        put_u64(l, w->worker);
        break;
    case LG_LF_CONNECTION:
        put_u64(l, rec->connection);
        break;
    case LG_LF_GENERATION:
        put_u64(l, rec->snap->generation);
        break;
    case LG_LF_CLIENT:
        put_endpoint(l, &rec->client);
        break;
    case LG_LF_CLIENT_IP:
        put_ip(l, &rec->client.ip);
        break;
    case LG_LF_CLIENT_PORT:
        put_u64(l, rec->client.port);
        break;
    case LG_LF_PEER:
        put_endpoint(l, &rec->peer);
        break;
    case LG_LF_LOCAL:
        put_endpoint(l, &rec->local);
        break;
    case LG_LF_LOCAL_IP:
        put_ip(l, &rec->local.ip);
        break;
    case LG_LF_LOCAL_PORT:
        put_u64(l, rec->local.port);
        break;
    default:
        put_word(l, listener_of(rec)->name);
    }
}

static void put_backend(struct line *l, const struct what *w, enum lg_log_field f)
{
    const struct lg_cfg_pool *pool = pool_of(w->rec);
    const struct lg_cfg_backend *be = backend_of(w->rec);

    switch (f) {
    case LG_LF_FRONTEND:
        put_word(l, listener_of(w->rec)->name);
        put(l, "~", lg_listener_has_tls(listener_of(w->rec)->type));
        break;
    case LG_LF_POOL:
        put_word(l, pool ? pool->name : "");
        break;
    case LG_LF_BACKEND:
        put_word(l, be ? be->name : "");
        break;
    case LG_LF_BACKEND_ADDRESS:
        if (be)
            put_endpoint(l, &be->addr);
        else
            put_none(l);
        break;
    case LG_LF_RETRIES:
        put_u64(l, w->rec->retries);
        break;
    default:
        put_bool(l, w->rec->is_reused);
    }
}

static void put_tls(struct line *l, const struct what *w, enum lg_log_field f)
{
    const struct lg_access_rec *rec = w->rec;
    bool has_alert = rec->alert != 0 && rec->alert != LG_TLS_NO_ALERT;

    switch (f) {
    case LG_LF_TLS_VERSION:
        put_word(l, rec->tls_version == LG_TLS_13   ? "TLSv1.3"
                    : rec->tls_version == LG_TLS_12 ? "TLSv1.2"
                                                    : "");
        break;
    case LG_LF_TLS_SUITE:
        put_word(l, rec->suite);
        break;
    case LG_LF_TLS_GROUP:
        put_word(l, rec->group);
        break;
    case LG_LF_RESUMED:
        put_bool(l, rec->is_resumed);
        break;
    case LG_LF_VERIFY:
        put_word(l, verify_of(rec));
        break;
    case LG_LF_REASON:
        put_word(l, rec->reason);
        break;
    case LG_LF_ALERT:
        put_word(l, has_alert ? lg_tls_alert_name(rec->alert) : "");
        break;
    default:
        put_word(l, !has_alert ? "" : rec->is_alert_rx ? "client" : "server");
    }
}

static void put_how(struct line *l, const struct what *w, enum lg_log_field f)
{
    const struct lg_access_rec *rec = w->rec;
    const char state[2] = {(char)rec->who, (char)rec->phase};

    switch (f) {
    case LG_LF_URI:
        put_uri(l, rec);
        break;
    case LG_LF_PROTOCOL:
        put_word(l, rec->event != LG_LOG_REQUEST ? "" : rec->is_http10 ? "HTTP/1.0" : "HTTP/1.1");
        break;
    case LG_LF_STATUS:
        if (rec->status)
            put_u64(l, rec->status);
        else
            put_none(l);
        break;
    case LG_LF_STATE:
        put_text(l, lg_span(state, sizeof state));
        break;
    case LG_LF_BYTES_IN:
        put_u64(l, rec->bytes_in);
        break;
    case LG_LF_BYTES_OUT:
        put_u64(l, rec->bytes_out);
        break;
    default:
        put_bool(l, rec->is_cut);
    }
}

enum group { WHEN, WHERE, BACKEND, TLS, HOW, TEXT, US, MS };

/* Which group a field is of, and of the texts and times, which one it is. */
static const struct {
    uint8_t group, idx;
} groups[LG_LF_CNT] = {
    [LG_LF_TIME] = {WHEN, 0},
    [LG_LF_TIME_CLF] = {WHEN, 0},
    [LG_LF_TIME_UNIX] = {WHEN, 0},
    [LG_LF_BEGIN_HAPROXY] = {WHEN, 0},
    [LG_LF_EVENT] = {WHERE, 0},
    [LG_LF_WORKER] = {WHERE, 0},
    [LG_LF_CONNECTION] = {WHERE, 0},
    [LG_LF_GENERATION] = {WHERE, 0},
    [LG_LF_CLIENT] = {WHERE, 0},
    [LG_LF_CLIENT_IP] = {WHERE, 0},
    [LG_LF_CLIENT_PORT] = {WHERE, 0},
    [LG_LF_PEER] = {WHERE, 0},
    [LG_LF_LOCAL] = {WHERE, 0},
    [LG_LF_LOCAL_IP] = {WHERE, 0},
    [LG_LF_LOCAL_PORT] = {WHERE, 0},
    [LG_LF_LISTENER] = {WHERE, 0},
    [LG_LF_FRONTEND] = {BACKEND, 0},
    [LG_LF_POOL] = {BACKEND, 0},
    [LG_LF_BACKEND] = {BACKEND, 0},
    [LG_LF_BACKEND_ADDRESS] = {BACKEND, 0},
    [LG_LF_RETRIES] = {BACKEND, 0},
    [LG_LF_REUSED] = {BACKEND, 0},
    [LG_LF_TLS_VERSION] = {TLS, 0},
    [LG_LF_TLS_SUITE] = {TLS, 0},
    [LG_LF_TLS_GROUP] = {TLS, 0},
    [LG_LF_SNI] = {TEXT, LG_AT_SNI},
    [LG_LF_ALPN] = {TEXT, LG_AT_ALPN},
    [LG_LF_RESUMED] = {TLS, 0},
    [LG_LF_VERIFY] = {TLS, 0},
    [LG_LF_SUBJECT] = {TEXT, LG_AT_SUBJECT},
    [LG_LF_ISSUER] = {TEXT, LG_AT_ISSUER},
    [LG_LF_SERIAL] = {TEXT, LG_AT_SERIAL},
    [LG_LF_FINGERPRINT] = {TEXT, LG_AT_FINGERPRINT},
    [LG_LF_REASON] = {TLS, 0},
    [LG_LF_ALERT] = {TLS, 0},
    [LG_LF_ALERT_FROM] = {TLS, 0},
    [LG_LF_METHOD] = {TEXT, LG_AT_METHOD},
    [LG_LF_HOST] = {TEXT, LG_AT_HOST},
    [LG_LF_PATH] = {TEXT, LG_AT_PATH},
    [LG_LF_QUERY] = {TEXT, LG_AT_QUERY},
    [LG_LF_URI] = {HOW, 0},
    [LG_LF_PROTOCOL] = {HOW, 0},
    [LG_LF_STATUS] = {HOW, 0},
    [LG_LF_STATE] = {HOW, 0},
    [LG_LF_BYTES_IN] = {HOW, 0},
    [LG_LF_BYTES_OUT] = {HOW, 0},
    [LG_LF_CUT] = {HOW, 0},
    [LG_LF_HANDSHAKE_US] = {US, LG_AX_HANDSHAKE},
    [LG_LF_IDLE_US] = {US, LG_AX_IDLE},
    [LG_LF_REQUEST_US] = {US, LG_AX_REQUEST},
    [LG_LF_QUEUE_US] = {US, LG_AX_QUEUE},
    [LG_LF_CONNECT_US] = {US, LG_AX_CONNECT},
    [LG_LF_RESPONSE_US] = {US, LG_AX_RESPONSE},
    [LG_LF_TOTAL_US] = {US, LG_AX_TOTAL},
    [LG_LF_HANDSHAKE_MS] = {MS, LG_AX_HANDSHAKE},
    [LG_LF_IDLE_MS] = {MS, LG_AX_IDLE},
    [LG_LF_REQUEST_MS] = {MS, LG_AX_REQUEST},
    [LG_LF_QUEUE_MS] = {MS, LG_AX_QUEUE},
    [LG_LF_CONNECT_MS] = {MS, LG_AX_CONNECT},
    [LG_LF_RESPONSE_MS] = {MS, LG_AX_RESPONSE},
    [LG_LF_TOTAL_MS] = {MS, LG_AX_TOTAL},
};

static void put_field(struct line *l, const struct what *w, enum lg_log_field f)
{
    switch ((enum group)groups[f].group) {
    case WHEN:
        put_when(l, w, f);
        break;
    case WHERE:
        put_where(l, w, f);
        break;
    case BACKEND:
        put_backend(l, w, f);
        break;
    case TLS:
        put_tls(l, w, f);
        break;
    case HOW:
        put_how(l, w, f);
        break;
    case TEXT:
        put_text(l, lg_access_text(w->rec, (enum lg_access_text)groups[f].idx));
        break;
    case US:
        put_duration(l, w->rec->time_ns[groups[f].idx], LG_US(1));
        break;
    case MS:
        put_duration(l, w->rec->time_ns[groups[f].idx], LG_MS(1));
        break;
    }
}

static lg_span_t header_of(const struct what *w, uint32_t i)
{
    return lg_access_text(w->rec, (enum lg_access_text)(LG_AT_HEADER + i));
}

static void put_key(struct line *l, const char *name)
{
    if (l->p[l->len - 1] != '{')
        put(l, ",", 1);
    put(l, "\"", 1);
    put_escaped(l, lg_span_cstr(name));
    put(l, "\":", 2);
}

static void put_json(struct line *l, const struct what *w)
{
    const struct lg_cfg_log *cfg = &w->rec->snap->cfg->log;

    put(l, "{", 1);
    for (uint32_t f = 0; f < LG_LF_CNT; f++) {
        if (!(lg_log_field_events((enum lg_log_field)f) & 1u << w->rec->event))
            continue;
        put_key(l, lg_log_field_name((enum lg_log_field)f));
        put_field(l, w, (enum lg_log_field)f);
    }
    if (w->rec->event == LG_LOG_REQUEST && cfg->header_cnt) {
        put_key(l, "headers");
        put(l, "{", 1);
        for (uint32_t i = 0; i < cfg->header_cnt; i++) {
            put_key(l, cfg->headers[i]);
            put_text(l, header_of(w, i));
        }
        put(l, "}", 1);
    }
    put(l, "}", 1);
}

static void put_parts(struct line *l, const struct what *w, const struct lg_log_text *text)
{
    for (uint32_t i = 0; i < text->cnt; i++) {
        const struct lg_log_part *p = &text->parts[i];
        if (p->field == LG_LF_LITERAL)
            put(l, (const char *)p->text.p, p->text.len);
        else if (p->field == LG_LF_HEADER)
            put_text(l, header_of(w, p->header));
        else
            put_field(l, w, (enum lg_log_field)p->field);
    }
}

/* format_of: the listener's own, else the log's; a failed handshake's may be given apart. */
static const struct lg_cfg_log_format *format_of(const struct lg_access_rec *rec)
{
    const struct lg_cfg_log *cfg = &rec->snap->cfg->log;
    const struct lg_cfg_log_format *own = &listener_of(rec)->log_format;
    const struct lg_cfg_log_format *f = own->how == LG_LOG_INHERIT ? &cfg->format : own;

    if (f->how == LG_LOG_TEXT && rec->event == LG_LOG_HANDSHAKE && cfg->error.how == LG_LOG_TEXT)
        return &cfg->error;
    return f;
}

size_t lg_log_line(const struct lg_access_rec *rec, uint32_t worker,
                   const struct lg_log_clock *clock, char *out)
{
    const struct lg_cfg_log_format *f = format_of(rec);
    struct line l = {.p = out, .cap = LG_LOG_LINE_MAX - 1, .is_json = f->how != LG_LOG_TEXT};
    struct what w = {.rec = rec, .worker = worker};

    w.end_us = clock->wall_us - lg_ns_since(clock->mono_ns, rec->at_ns) / LG_US(1);
    w.begin_us = w.end_us - rec->time_ns[LG_AX_TOTAL] / LG_US(1);
    if (l.is_json)
        put_json(&l, &w);
    else
        put_parts(&l, &w, &f->text[rec->event]);
    out[l.len++] = '\n';
    return l.len;
}
