/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_msg.h: what http.c (requests) and http_resp.c (responses) call of each other. */
#ifndef LG_HTTP_MSG_H
#define LG_HTTP_MSG_H

#include "http_reply.h"
#include "proxy_priv.h"
#include "rules.h"
#include "sticky.h"

/* Who the client is, in words. */
struct lg_http_who {
    struct lg_http_client client; /* borrows the texts below */
    char ip[LG_IP_STR_SZ], host[LG_ENDPOINT_STR_SZ];
};
void lg_http_who(const struct lg_session *s, struct lg_http_who *who);

/* lg_http_answer answers in the name of a rule, which may change the header; the backend is not
 * asked. body  borrowed for the call */
void lg_http_answer(struct lg_session *s, const struct lg_http_answer *a, lg_span_t body,
                    const struct lg_http_changes *ch);

/* lg_http_response moves the response on: its head, its body, its end. True: something moved. */
bool lg_http_response(struct lg_session *s);
/* lg_http_exchange_over: the response has been passed on whole: next request, or the end. */
void lg_http_exchange_over(struct lg_session *s);
/* lg_http_resend sends the request head once more over a fresh connection: to any backend when a
 * kept connection was dead, to another one when the backend has failed. */
enum lg_resend { LG_RESEND_FRESH, LG_RESEND_ELSEWHERE };
void lg_http_resend(struct lg_session *s, enum lg_resend where);
/* lg_http_fail gives up the exchange: a reply of our own, or a cut when the response has begun. The
 * backend is let go. The client connection goes on when the whole request has been read. */
void lg_http_fail(struct lg_session *s, uint16_t status);
/* lg_http_refuse does the same for what the client must not send; the connection ends. */
void lg_http_refuse(struct lg_session *s, uint16_t status, const char *why);

#endif
