/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* http.c: what reading and writing the head of a request and of a response costs. The messages are
 * those of a browser and of a common server; the short ones are a load generator's. */
#include "http_head.h"
#include "ip.h"
#include "micro.h"

#include <string.h>

static const char browser[] =
    "GET /shop/articles/4711?sort=price&page=2 HTTP/1.1\r\n"
    "Host: shop.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://shop.example/shop/articles?sort=price&page=1\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n"
    "Connection: keep-alive\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "If-None-Match: \"6f1-5e8a3c\"\r\n"
    "\r\n";
static const char short_request[] = "GET /b/1024 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
static const char server[] = "HTTP/1.1 200 OK\r\n"
                             "Server: nginx/1.22.1\r\n"
                             "Date: Thu, 26 Nov 2026 07:00:00 GMT\r\n"
                             "Content-Type: text/html; charset=utf-8\r\n"
                             "Content-Length: 1024\r\n"
                             "Last-Modified: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
                             "Connection: keep-alive\r\n"
                             "ETag: \"6f1-5e8a3c\"\r\n"
                             "Cache-Control: max-age=600\r\n"
                             "Accept-Ranges: bytes\r\n"
                             "\r\n";

struct message {
    const char *text;
    size_t len;
    bool is_request;
    struct lg_http_head head;
};
static struct message from_browser = {
    .text = browser, .len = sizeof browser - 1, .is_request = true};
static struct message from_tool = {
    .text = short_request, .len = sizeof short_request - 1, .is_request = true};
static struct message from_server = {.text = server, .len = sizeof server - 1};

static void parse(struct message *m)
{
    lg_span_t raw = lg_span((const uint8_t *)m->text, m->len);
    micro_require(lg_is_ok(m->is_request ? lg_http_parse_request(raw, &m->head)
                                         : lg_http_parse_response(raw, &m->head)),
                  "http: head refused");
}

static uint64_t run_parse(void *ctx, uint64_t cnt)
{
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++)
        parse(ctx);
    return micro_tsc() - begin;
}

static uint64_t run_write(void *ctx, uint64_t cnt)
{
    static const struct lg_http_client client = {
        .ip = "192.0.2.1", .proto = "https", .default_host = "shop.example", .port = 443};
    static const struct lg_http_changes none;
    const struct message *m = ctx;
    char out[2048];

    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++) {
        struct lg_http_text t = {.p = out, .cap = sizeof out};
        if (m->is_request)
            lg_http_write_request(&m->head, &client, &none, &t);
        else
            lg_http_write_response(&m->head, LG_HTTP_LENGTH, LG_HC_NONE, &none, &t);
        micro_require(!t.over, "http: head does not fit");
    }
    return micro_tsc() - begin;
}

static uint64_t run_ip_text(void *ctx, uint64_t cnt)
{
    lg_ip_t ip = lg_ip_v4((uint8_t[]){192, 0, 2, 15});
    char text[LG_IP_STR_SZ];
    (void)ctx;

    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++) {
        ip.b[15] = (uint8_t)i;
        micro_require(lg_ip_text(&ip, text)[0] != 0, "http: no address");
    }
    return micro_tsc() - begin;
}

void micro_add_http(const struct micro_opts *o)
{
    (void)o;
    parse(&from_browser);
    parse(&from_tool);
    parse(&from_server);
    micro_add("http", "http-parse-browser", NULL, run_parse, &from_browser);
    micro_add("http", "http-parse-short", NULL, run_parse, &from_tool);
    micro_add("http", "http-parse-response", NULL, run_parse, &from_server);
    micro_add("http", "http-write-browser", NULL, run_write, &from_browser);
    micro_add("http", "http-write-short", NULL, run_write, &from_tool);
    micro_add("http", "http-write-response", NULL, run_write, &from_server);
    micro_add("http", "ip-text", NULL, run_ip_text, NULL);
}
