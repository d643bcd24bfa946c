/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_format.c: reading a log format. */
#include "log_format.h"

#include <ctype.h>
#include <string.h>

enum { R = 1u << LG_LOG_REQUEST, C = 1u << LG_LOG_CONNECTION, H = 1u << LG_LOG_HANDSHAKE };

static const struct {
    const char *name;
    uint32_t events;
    const char *text;
} fields[LG_LF_CNT] = {
#define X(id, name, events, text) [LG_LF_##id] = {name, events, text},
#include "log_fields.def"
#undef X
};

const char *lg_log_field_name(enum lg_log_field f)
{
    return fields[f].name;
}

uint32_t lg_log_field_events(enum lg_log_field f)
{
    return fields[f].events;
}

const char *lg_log_field_text(enum lg_log_field f)
{
    return fields[f].text;
}

bool lg_log_header_is_secret(const char *name)
{
    static const char *const secret[] = {"authorization", "proxy-authorization", "cookie",
                                         "set-cookie",    "x-api-key",           "x-auth-token"};

    for (size_t i = 0; i < LG_ARRAY_CNT(secret); i++)
        if (strcmp(secret[i], name) == 0)
            return true;
    return false;
}

/* ---------------------------------------------------------------- named ones */

static const char handshake_text[] =
    "${time} ${client} ${listener} handshake failed: ${reason}, alert ${alert} from ${alert_from}, "
    "sni \"${sni}\" subject \"${client_subject}\" issuer \"${client_issuer}\" serial "
    "${client_serial}";

static const struct {
    const char *name;
    const char *text[LG_LOG_EVENT_CNT];
} named[] = {
    {"haproxy",
     {"${client_ip}:${client_port} [${begin_haproxy}] ${frontend} ${pool}/${backend} "
      "${request_ms}/${queue_ms}/${connect_ms}/${response_ms}/${total_ms} ${status} ${bytes_out} - "
      "- ${state}-- 0/0/0/0/${retries} 0/0 \"${method} ${uri} ${protocol}\"",
      "${client_ip}:${client_port} [${begin_haproxy}] ${frontend} ${pool}/${backend} "
      "${queue_ms}/${connect_ms}/${total_ms} ${bytes_out} ${state} 0/0/0/0/${retries} 0/0",
      "${client_ip}:${client_port} [${begin_haproxy}] ${listener}: SSL handshake failure "
      "(${reason})"}},
    {"combined",
     {"${client_ip} - - [${time_clf}] \"${method} ${uri} ${protocol}\" ${status} ${bytes_out} "
      "\"${header:referer}\" \"${header:user-agent}\"",
      "${client_ip} - - [${time_clf}] \"-\" - ${bytes_out} \"-\" \"-\"", handshake_text}},
};

const char *lg_log_format_named(const char *name, enum lg_log_event event)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(named); i++)
        if (strcmp(named[i].name, name) == 0)
            return named[i].text[event];
    return NULL;
}

const char *lg_log_format_handshake(void)
{
    return handshake_text;
}

/* ---------------------------------------------------------------- one's own */

static const lg_span_t none;

static bool is_token(lg_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum(s.p[i]) && !(s.p[i] && strchr("!#$%&'*+-.^_`|~", s.p[i])))
            return false;
    return s.len >= 1 && s.len < LG_LOG_HEADER_NAME_SZ;
}

static lg_err_t mistake(struct lg_log_mistake *bad, size_t at, const char *what, lg_span_t name)
{
    *bad = (struct lg_log_mistake){at, what, name};
    return LG_E(FORMAT);
}

/* name_of reads what stands between the braces. */
static lg_err_t name_of(lg_span_t name, size_t at, struct lg_log_part *out,
                        struct lg_log_mistake *bad)
{
    static const char header[] = "header:";
    const size_t header_len = sizeof header - 1;

    for (size_t i = 0; i < LG_LF_CNT; i++) {
        if (!lg_span_eq(name, lg_span_cstr(fields[i].name)))
            continue;
        *out = (struct lg_log_part){.field = (uint8_t)i};
        return LG_OK;
    }
    if (name.len < header_len || memcmp(name.p, header, header_len) != 0)
        return mistake(bad, at, "no such field", name);
    lg_span_t token = lg_span(name.p + header_len, name.len - header_len);
    if (!is_token(token))
        return mistake(bad, at, "not a name of a header", token);
    *out = (struct lg_log_part){.field = LG_LF_HEADER, .text = token};
    return LG_OK;
}

/* next cuts one part off at *at. */
static lg_err_t next(lg_span_t f, size_t *at, struct lg_log_part *out, struct lg_log_mistake *bad)
{
    size_t from = *at;

    if (f.p[from] != '$') {
        const uint8_t *dollar = memchr(f.p + from, '$', f.len - from);
        *at = dollar ? (size_t)(dollar - f.p) : f.len;
        *out =
            (struct lg_log_part){.field = LG_LF_LITERAL, .text = lg_span(f.p + from, *at - from)};
        return LG_OK;
    }
    if (from + 1 < f.len && f.p[from + 1] == '$') {
        *at = from + 2;
        *out = (struct lg_log_part){.field = LG_LF_LITERAL, .text = lg_span(f.p + from, 1)};
        return LG_OK;
    }
    if (from + 1 == f.len || f.p[from + 1] != '{')
        return mistake(bad, from, "a '$' that begins no ${name}; write $$ for one", none);
    const uint8_t *end = memchr(f.p + from, '}', f.len - from);
    if (!end)
        return mistake(bad, from, "\"${\" without its \"}\"", none);
    *at = (size_t)(end - f.p) + 1;
    return name_of(lg_span(f.p + from + 2, (size_t)(end - f.p) - from - 2), from, out, bad);
}

lg_err_t lg_log_format_parse(lg_span_t f, struct lg_log_part *parts, uint32_t *cnt,
                             struct lg_log_mistake *bad)
{
    size_t at = 0;
    uint32_t n = 0;

    if (f.len == 0 || f.len > LG_LOG_FORMAT_MAX)
        return mistake(bad, 0, f.len ? "longer than 2048 bytes" : "empty", none);
    for (size_t i = 0; i < f.len; i++)
        if (iscntrl(f.p[i]))
            return mistake(bad, i, "a control character; a record is one line", none);
    while (at < f.len) {
        if (n == LG_LOG_PARTS_MAX)
            return mistake(bad, at, "more than 128 parts", none);
        LG_TRY(next(f, &at, &parts[n++], bad));
    }
    *cnt = n;
    return LG_OK;
}
