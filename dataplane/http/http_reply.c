/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_reply.c: the responses the proxy makes itself. */
#include "http_reply.h"

#include "http_edit.h"

const char *lg_http_reason(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *reason;
    } known[] = {
        {200, "OK"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {410, "Gone"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(known); i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Status";
}

static void put_conn(enum lg_http_conn conn, struct lg_http_text *t)
{
    if (conn != LG_HC_NONE)
        lg_http_put_str(t, conn == LG_HC_CLOSE ? "Connection: close\r\n"
                                               : "Connection: keep-alive\r\n");
}

static void put_status(uint16_t status, struct lg_http_text *t)
{
    lg_http_put_str(t, "HTTP/1.1 ");
    lg_http_put_u64(t, status);
    lg_http_put_str(t, " ");
    lg_http_put_str(t, lg_http_reason(status));
    lg_http_put_str(t, "\r\n");
}

void lg_http_write_answer(const struct lg_http_answer *a, enum lg_http_conn conn,
                          const struct lg_http_changes *ch, struct lg_http_text *t)
{
    put_status(a->status, t);
    if (a->location.len) {
        lg_http_put_str(t, "Location: ");
        lg_http_put_span(t, a->location);
        lg_http_put_str(t, "\r\n");
    }
    if (a->body_sz) {
        lg_http_put_str(t, "Content-Type: ");
        lg_http_put_str(t, a->type);
        lg_http_put_str(t, "\r\n");
    }
    if (a->status != 204) {
        lg_http_put_str(t, "Content-Length: ");
        lg_http_put_u64(t, a->body_sz);
        lg_http_put_str(t, "\r\n");
    }
    put_conn(conn, t);
    if (ch->edits)
        lg_edits_put(ch->edits, ch->vars, t);
    lg_http_put_str(t, "\r\n");
}

void lg_http_write_reply(uint16_t status, bool is_head, enum lg_http_conn conn,
                         struct lg_http_text *t)
{
    const char *reason = lg_http_reason(status);

    put_status(status, t);
    lg_http_put_str(t, "Content-Type: text/plain\r\nCache-Control: no-store\r\n"
                       "Content-Length: ");
    lg_http_put_u64(t, 3 + 1 + strlen(reason) + 1); /* "404 Not Found\n" */
    lg_http_put_str(t, "\r\n");
    put_conn(conn, t);
    lg_http_put_str(t, "\r\n");
    if (is_head)
        return;
    lg_http_put_u64(t, status);
    lg_http_put_str(t, " ");
    lg_http_put_str(t, reason);
    lg_http_put_str(t, "\n");
}
