/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http.c: the https listener: HTTP/1.1 as clients and origins really speak it, and as they
 * should not. R42. */
#include "rig.h"

#include <stdio.h>

/* The names of headers may come in any case. */
#define EXPECT_HEADER(text)                                                                        \
    ((void)(strcasestr(rig_out, (text)) ? 0 : (t_has_str(__FILE__, __LINE__, rig_out, (text)), 0)))
#define EXPECT_NO_HEADER(text) EXPECT(!strcasestr(rig_out, (text)))

E2E(Http, KeepsTheClientsConnection)
{
    RIG(rig_standard);
    int64_t done = rig_stat("tls_hs_done"), requests = rig_stat("http_requests");
    EXPECT_RUN(0, "get 443 '/hello?[1-20]'");
    EXPECT_STAT("tls_hs_done", done + 1);
    EXPECT_STAT("http_requests", requests + 20);
}

E2E(Http, KeepsTheOriginsConnection)
{
    RIG(rig_standard);
    int64_t reused = rig_stat("proxy_backend_reused"), made = rig_stat("proxy_backend_ok");
    EXPECT_RUN(0, "for i in $(seq 10); do get 443 /hello || exit 1; done");
    /* Ten clients, one connection behind (or the one that was kept from before). */
    EXPECT(rig_stat("proxy_backend_reused") >= reused + 9);
    EXPECT(rig_stat("proxy_backend_ok") <= made + 1);
}

E2E(Http, AnswersPipelinedRequestsInOrder)
{
    RIG(rig_standard);
    EXPECT_RUN(0,
               "py request 446 '' - 'GET /status?is=201+one HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
               "GET /slow?s=0.3 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
               "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\nhello"
               "GET /status?is=202+four HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'");
    const char *one = strstr(rig_out, "201 one"), *two = strstr(rig_out, "\nslow\n"),
               *three = strstr(rig_out, "BODY 5 "), *four = strstr(rig_out, "202 four");
    EXPECT(one && two && three && four && one < two && two < three && three < four);
    EXPECT_HAS(rig_out, "ended close_notify");
}

E2E(Http, PassesChunkedBodiesBothWays)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "get 446 '/chunked?n=300000' -D \"$DIR/head\" -o \"$DIR/down\" &&"
                  " grep -qi \"x-md5: $(sum \"$DIR/down\")\" \"$DIR/head\" &&"
                  " test $(stat -c %%s \"$DIR/down\") = 300000");
    EXPECT_RUN(0, "get 446 /echo -T - <\"$DIR/www/1m\" >\"$DIR/down\" &&"
                  " grep \"^BODY 1048576 $(sum \"$DIR/www/1m\") \" \"$DIR/down\"");
    EXPECT_RUN(0, "get 446 /echo --data-binary @\"$DIR/www/1m\" >\"$DIR/down\" &&"
                  " grep \"^BODY 1048576 $(sum \"$DIR/www/1m\") length\" \"$DIR/down\"");
    EXPECT_RUN(0, "get 446 /echo --data-binary @\"$DIR/www/1m\" -H 'Expect: 100-continue'"
                  " >\"$DIR/down\" && grep \"^BODY 1048576 \" \"$DIR/down\"");
}

E2E(Http, AnswersWithoutBodiesAndUntilClose)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "get 446 /any --head"); /* a length, and nothing after it */
    EXPECT_HAS(rig_out, "12345");
    EXPECT_RUN(0, "code 446 /none");
    EXPECT_STR(rig_out, "204\n");
    EXPECT_RUN(0, "code 446 /unmodified");
    EXPECT_STR(rig_out, "304\n");
    EXPECT_RUN(0, "get 446 /until-close -o \"$DIR/down\" && stat -c %%s \"$DIR/down\"");
    EXPECT_STR(rig_out, "50000\n");
    EXPECT_RUN(0, "get 446 /old");
    EXPECT_STR(rig_out, "old\n");
    EXPECT_RUN(0, "get 446 /drip");
    EXPECT_STR(rig_out, "drop by drop\n");
    EXPECT_RUN(0, "get 446 /hints");
    EXPECT_STR(rig_out, "after hints\n");
    EXPECT_RUN(0, "get 446 /any --head '/none' --next --cacert $PKI/server-root.pem -sS --resolve "
                  "shop.example:446:$GATE4 https://shop.example:446/drip");
}

E2E(Http, OldClientsAreServed)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "get 443 /hello --http1.0");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_RUN(0, "get 446 '/chunked?n=70000' --http1.0 -o \"$DIR/down\" -D \"$DIR/head\" &&"
                  " ! grep -qi chunked \"$DIR/head\" && stat -c %%s \"$DIR/down\"");
    EXPECT_STR(rig_out, "70000\n"); /* a 1.0 client knows no chunks */
    EXPECT_RUN(0, "py request 443 '' - 'GET /hello HTTP/1.0\\r\\n\\r\\n'");
    EXPECT_HAS(rig_out, "ended close_notify"); /* and its connection ends after the answer */
}

E2E(Http, TellsTheOriginWhoAsked)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "get 446 /echo -H 'Host: Shop.Example' -A tester");
    EXPECT_HEADER("X-Forwarded-For: 10.91.1.1\r\n");
    EXPECT_HEADER("X-Forwarded-Proto: https\r\n");
    EXPECT_HEADER("User-Agent: tester\r\n");
    EXPECT_RUN(0, "ADDR=$GATE6 get 446 /echo");
    EXPECT_HEADER("X-Forwarded-For: fd91:1::1\r\n");
}

E2E(Http, DropsHopByHopHeaders)
{
    RIG(rig_standard);
    EXPECT_RUN(0,
               "get 446 /echo -H 'Connection: X-Private, close' -H 'X-Private: a' -H 'X-Public: b'"
               " -H 'Keep-Alive: 5' -H 'TE: trailers' -H 'Proxy-Authorization: c'"
               " -H 'Upgrade: h2c'");
    EXPECT_NO_HEADER("X-Private");
    EXPECT_NO_HEADER("Keep-Alive");
    EXPECT_NO_HEADER("Proxy-Authorization");
    EXPECT_NO_HEADER("Upgrade");
    EXPECT_HEADER("X-Public: b\r\n");
    EXPECT_RUN(0, "get 446 /hop -i");
    EXPECT_NO_HEADER("secret");
    EXPECT_NO_HEADER("Keep-Alive");
    EXPECT_HEADER("X-Kept: yes");
}

E2E(Http, R42_ClientsIdentityHeadersAreStripped)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "get 446 /echo -H 'Client-Cert: :AAAA:' -H 'Client-Cert-Chain: :AAAA:'"
                  " -H 'X-SSL-Client-Verify: SUCCESS' -H 'x-ssl-client-subject: CN=root'"
                  " -H 'X-Ssl-Client-Anything: 1' -H 'X-Forwarded-Proto: http'"
                  " -H 'X-Public: kept'");
    EXPECT_NO_HEADER("client-cert");
    EXPECT_NO_HEADER("x-ssl-client");
    EXPECT_NO_HEADER("X-Forwarded-Proto: http\r\n");
    EXPECT_HEADER("X-Public: kept");
}

E2E(Http, RoutesByHostAndPath)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "get 443 /hello");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
    EXPECT_RUN(0, "get 443 /odd -o /dev/null -D -"); /* the odd origin's 404, not nginx's */
    EXPECT(!strstr(rig_out, "nginx"));
    EXPECT_RUN(0, "get 443 /oddity -o /dev/null -D -"); /* not on a segment boundary */
    EXPECT_HAS(rig_out, "nginx");
    EXPECT_RUN(0, "for i in 1 2 3 4; do get 443 /hello -H 'Host: x.wild.example'; done");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
    EXPECT_HAS(rig_out, "hello from 10.91.2.11");
    EXPECT_RUN(0, "code 443 /hello -H 'Host: nobody.example'");
    EXPECT_STR(rig_out, "404\n"); /* no route */
    EXPECT_RUN(0, "get 443 /hello -H 'Host: SHOP.example:443'");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
}

E2E(Http, TakesBackendsInTurn)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "for i in $(seq 20); do get 445 /hello; done | sort | uniq -c");
    EXPECT_HAS(rig_out, "10 hello from 10.91.2.10");
    EXPECT_HAS(rig_out, "10 hello from 10.91.2.11");
}

E2E(Http, RefusedBackendIs502)
{
    RIG(rig_standard);
    int64_t n = rig_stat("http_502"), failed = rig_stat("proxy_backend_fail");
    EXPECT_RUN(0, "code 447 /hello");
    EXPECT_STR(rig_out, "502\n");
    EXPECT_STAT("http_502", n + 1);
    EXPECT(rig_stat("proxy_backend_fail") > failed);
}

E2E(Http, RefusedBackendIsTriedElsewhere)
{
    RIG(rig_standard);
    int64_t retried = rig_stat("proxy_retried");
    EXPECT_RUN(0, "for i in $(seq 6); do get 448 /hello -H 'Connection: close' || exit 1; done");
    EXPECT(!strstr(rig_out, "10.91.2.10"));
    EXPECT(rig_stat("proxy_retried") > retried);
    retried = rig_stat("proxy_retried");
    EXPECT_RUN(0, "for i in 1 2; do get 9010 /hello || exit 1; done"); /* tcp_ssl too */
    EXPECT(rig_stat("proxy_retried") > retried);
}

E2E(Http, BrokenOriginsAre502)
{
    RIG(rig_standard);
    static const struct {
        const char *port, *path;
    } broken[] = {{"449", "/"}, {"450", "/"}, {"451", "/"}, {"446", "/two-lengths"}};
    int64_t n = rig_stat("http_5xx");
    for (int i = 0; i < 4; i++) {
        EXPECT_RUN(0, "code %s %s", broken[i].port, broken[i].path);
        if (strcmp(rig_out, "502\n") != 0 && strcmp(rig_out, "504\n") != 0)
            t_fail(__FILE__, __LINE__, "port %s%s: %s", broken[i].port, broken[i].path, rig_out);
    }
    EXPECT_STAT("http_5xx", n + 4);
}

E2E(Http, CutAnswersAreSeenToBeCut)
{
    RIG(rig_standard);
    EXPECT(rig_client("get 446 /cut") != 0);
    EXPECT(rig_client("get 446 /cut-chunked") != 0);
    EXPECT_RUN(0, "get 446 /drip"); /* and the next client is not harmed */
}

E2E(Http, SlowOriginIs504)
{
    RIG(rig_standard);
    int64_t n = rig_stat("http_504");
    EXPECT_RUN(0, "get 446 '/slow?s=1'");
    EXPECT_STR(rig_out, "slow\n");
    EXPECT_RUN(0, "get 446 /never -o /dev/null -w '%%{http_code} %%{time_total}\\n'");
    double took = 0;
    EXPECT(sscanf(rig_out, "504 %lf", &took) == 1 && took > 2.5 && took < 6);
    EXPECT_STAT("http_504", n + 1);
}

E2E(Http, SlowHeaderIs408)
{
    RIG(rig_standard);
    int64_t n = rig_stat("http_408");
    EXPECT_RUN(0, "py slow-request 452 'GET / HTTP/1.1\\r\\nHost: a\\r\\nX-Slow: ' 0.2 40");
    EXPECT_HAS(rig_out, "answer HTTP/1.1 408");
    EXPECT_STAT("http_408", n + 1);
    /* One that says nothing, and one that keeps an idle connection, are just closed. */
    EXPECT_RUN(0, "py slow-request 452 '' 5 1");
    EXPECT(!strstr(rig_out, "200"));
    EXPECT(rig_settles());
}

E2E(Http, EarlyAnswerIsPassedOn)
{
    RIG(rig_standard);
    rig_client("code 446 /early --data-binary @\"$DIR/www/1m\" -H 'Expect:'");
    EXPECT_HAS(rig_out, "413");
    EXPECT(rig_settles());
}

/* What might be read in two ways by two programs is refused, and nothing of it reaches an origin.
 */
static const struct {
    const char *name, *request;
} smuggles[] = {
    {"length and chunked", "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: "
                           "4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
                           "0\\r\\n\\r\\nGET /hello HTTP/1.1\\r\\n\\r\\n"},
    {"two lengths", "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 4\\r\\nContent-Length: "
                    "5\\r\\n\\r\\nabcde"},
    {"lengths in a list",
     "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 4, 5\\r\\n\\r\\nabcde"},
    {"length with a sign",
     "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: +4\\r\\n\\r\\nabcd"},
    {"length too large",
     "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 99999999999999999999\\r\\n\\r\\nabcd"},
    {"length in hex", "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0x4\\r\\n\\r\\nabcd"},
    {"chunked twice", "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked, "
                      "chunked\\r\\n\\r\\n0\\r\\n\\r\\n"},
    {"chunked not last", "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked, "
                         "gzip\\r\\n\\r\\n0\\r\\n\\r\\n"},
    {"unknown coding",
     "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: xchunked\\r\\n\\r\\n0\\r\\n\\r\\n"},
    {"blank before colon",
     "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding : chunked\\r\\n\\r\\n0\\r\\n\\r\\n"},
    {"folded line", "GET /echo HTTP/1.1\\r\\nHost: a\\r\\nX-A: b\\r\\n c\\r\\n\\r\\n"},
    {"bare line feeds", "GET /echo HTTP/1.1\\nHost: a\\n\\n"},
    {"bare carriage return", "GET /echo HTTP/1.1\\r\\nHost: a\\r\\nX-A: b\\rc\\r\\n\\r\\n"},
    {"NUL in a value", "GET /echo HTTP/1.1\\r\\nHost: a\\r\\nX-A: b\\x00c\\r\\n\\r\\n"},
    {"blank in a name", "GET /echo HTTP/1.1\\r\\nHost: a\\r\\nX A: b\\r\\n\\r\\n"},
    {"no name", "GET /echo HTTP/1.1\\r\\nHost: a\\r\\n: b\\r\\n\\r\\n"},
    {"no host", "GET /echo HTTP/1.1\\r\\n\\r\\n"},
    {"two hosts", "GET /echo HTTP/1.1\\r\\nHost: a\\r\\nHost: b\\r\\n\\r\\n"},
    {"host with a path", "GET /echo HTTP/1.1\\r\\nHost: a/b\\r\\n\\r\\n"},
    {"bad chunk size", "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: "
                       "chunked\\r\\n\\r\\nxyz\\r\\nabc\\r\\n"},
    {"chunk size too large",
     "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
     "fffffffffffffffff\\r\\nabc\\r\\n"},
    {"control in the target", "GET /ec\\x01ho HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"},
    {"unknown version", "GET /echo HTTP/3.7\\r\\nHost: a\\r\\n\\r\\n"},
    {"no version", "GET /echo\\r\\n\\r\\n"},
    {"HTTP/2 preface", "PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"},
};

E2E(Http, RefusesWhatCanBeReadInTwoWays)
{
    RIG(rig_standard);
    for (size_t i = 0; i < sizeof smuggles / sizeof smuggles[0]; i++) {
        int64_t bad = rig_stat("http_bad");
        EXPECT_RUN(0, "py request 446 '' - '%s'", smuggles[i].request);
        const char *answer = strstr(rig_out, "HTTP/1.1 ");
        bool refused = answer && (strncmp(answer, "HTTP/1.1 400", 12) == 0 ||
                                  strncmp(answer, "HTTP/1.1 501", 12) == 0 ||
                                  strncmp(answer, "HTTP/1.1 505", 12) == 0);
        if (!refused || strstr(rig_out, "BODY ") || strstr(rig_out, "ended timeout") ||
            (answer && strstr(answer + 9, "HTTP/1.1 ")))
            t_fail(__FILE__, __LINE__, "%s: %.1500s", smuggles[i].name, rig_out);
        if (!rig_becomes("http_bad", bad + 1))
            t_fail(__FILE__, __LINE__, "%s: not counted once", smuggles[i].name);
    }
    EXPECT(rig_settles());
}

E2E(Http, HeaderTooLargeIsRefused)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "code 446 /echo -H \"X-Large: $(head -c 20000 /dev/zero | tr '\\0' a)\"");
    EXPECT_STR(rig_out, "431\n");
    EXPECT_RUN(0, "code 446 /echo -H \"X-Large: $(head -c 12000 /dev/zero | tr '\\0' a)\"");
    EXPECT_STR(rig_out, "200\n");
}
