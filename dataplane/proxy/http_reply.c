/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_reply.c: the responses the proxy makes itself. */
#include "http_reply.h"

const char *lg_http_reason(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *reason;
    } known[] = {
        {400, "Bad Request"},
        {404, "Not Found"},
        {408, "Request Timeout"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(known); i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Error";
}

void lg_http_write_reply(uint16_t status, bool is_head, enum lg_http_conn conn,
                         struct lg_http_text *t)
{
    const char *reason = lg_http_reason(status);

    lg_http_put_str(t, "HTTP/1.1 ");
    lg_http_put_u64(t, status);
    lg_http_put_str(t, " ");
    lg_http_put_str(t, reason);
    lg_http_put_str(t, "\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
                       "Content-Length: ");
    lg_http_put_u64(t, 3 + 1 + strlen(reason) + 1); /* "404 Not Found\n" */
    if (conn != LG_HC_NONE)
        lg_http_put_str(t, conn == LG_HC_CLOSE ? "\r\nConnection: close"
                                               : "\r\nConnection: keep-alive");
    lg_http_put_str(t, "\r\n\r\n");
    if (is_head)
        return;
    lg_http_put_u64(t, status);
    lg_http_put_str(t, " ");
    lg_http_put_str(t, reason);
    lg_http_put_str(t, "\n");
}
