/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules.c: listeners in clear, and what https and http listeners do with requests besides
 * passing them on. */
#include "rig.h"

static const char body[] = "@rules.yaml";

/* USE starts lockgate with these rules, one of which names a file. */
#define USE                                                                                        \
    do {                                                                                           \
        if (!rig_up())                                                                             \
            return;                                                                                \
        rig_tool("echo '<p>down' >\"$DIR/www/down\"");                                             \
        RIG(body);                                                                                 \
    } while (0)

/* plain PORT PATH [curl's arguments]: get, without TLS. */
#define PLAIN                                                                                      \
    "plain() { local port=$1 path=$2; shift 2; curl -sS --max-time 20 --noproxy '*' --resolve "    \
    "shop.example:$port:$GATE4 \"$@\" \"http://shop.example:$port$path\"; }; "

E2E(Clear, HttpServesRequestsInClear)
{
    USE;
    EXPECT_RUN(0, PLAIN "plain 80 /hello");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_RUN(0, PLAIN "plain 80 /echo");
    EXPECT_HAS(rig_out, "X-Forwarded-For: 10.91.1.1\r\n");
    EXPECT_HAS(rig_out, "X-Forwarded-Proto: http\r\n");
    EXPECT_HAS(rig_out, "X-Forwarded-Port: 80\r\n");
    /* Many over one connection, and a large one. */
    EXPECT_RUN(0, PLAIN "plain 80 '/hello?[1-20]' -w '%%{num_connects}\\n' | sort | uniq -c");
    EXPECT_HAS(rig_out, "19 0\n");
    EXPECT_RUN(0, PLAIN "plain 80 /1m -o \"$DIR/down\" && cmp \"$DIR/down\" \"$DIR/www/1m\"");
    EXPECT_RUN(0, PLAIN "plain 80 /echo -T - <\"$DIR/www/1m\" >\"$DIR/down\" &&"
                        " grep \"^BODY 1048576 $(sum \"$DIR/www/1m\") \" \"$DIR/down\"");
    EXPECT(rig_settles());
}

E2E(Clear, TcpRelaysBytes)
{
    USE;
    EXPECT_RUN(0, PLAIN "plain 8080 /hello");
    EXPECT_HAS(rig_out, "hello from 10.91.2.1");
    /* By source: always the same backend. */
    EXPECT_RUN(0, PLAIN "for i in 1 2 3 4; do plain 8080 /hello; done | sort -u | wc -l");
    EXPECT_STR(rig_out, "1\n");
    EXPECT_RUN(0, PLAIN "plain 8080 /1m -o \"$DIR/down\" && cmp \"$DIR/down\" \"$DIR/www/1m\"");
    /* The server speaks first and ends its side first; what we send after that arrives. */
    EXPECT_RUN(0, "nc -N $GATE4 8081 </dev/null | wc -c");
    EXPECT_STR(rig_out, "1000000\n");
    /* Nobody there: the connection is not ended in order. */
    EXPECT_RUN(0, PLAIN "plain 8084 /hello; e=$?; test $e = 7 || test $e = 56"); /* reset */
    EXPECT(rig_settles());
}

E2E(Clear, PROXYHeadersGoInAndOut)
{
    USE;
    int64_t taken = rig_stat("proxy_hdr_taken"), bad = rig_stat("proxy_hdr_bad");
    /* curl says who it is; we believe it and tell nginx, who prints it. */
    EXPECT_RUN(0, PLAIN "plain 8082 /hello --haproxy-protocol -D -");
    EXPECT_HAS(rig_out, "200 OK");
    EXPECT_RUN(0, PLAIN "plain 8083 /echo --haproxy-protocol");
    EXPECT_HAS(rig_out, "X-Forwarded-For: 10.91.1.1\r\n");
    EXPECT_STAT("proxy_hdr_taken", taken + 2);
    EXPECT(rig_client(PLAIN "plain 8083 /echo") != 0);
    EXPECT_STAT("proxy_hdr_bad", bad + 1);
}

E2E(Rules, HttpIsSentToHttps)
{
    USE;
    EXPECT_RUN(0, PLAIN "plain 8085 '/echo?a=b' -D -");
    EXPECT_HAS(rig_out, "308 Permanent Redirect\r\n");
    EXPECT_HAS(rig_out, "Location: https://shop.example:480/echo?a=b\r\n");
    /* curl follows it, with method and body. */
    EXPECT_RUN(0, PLAIN "plain 8085 '/echo?a=b' -L --data-binary hello --cacert "
                        "$PKI/server-root.pem --resolve shop.example:480:$GATE4");
    EXPECT_HAS(rig_out, "POST /echo?a=b HTTP/1.1\r\n");
    EXPECT_HAS(rig_out, "BODY 5 ");
    EXPECT_RUN(0, PLAIN "plain 8085 /alive");
    EXPECT_STR(rig_out, "yes\n");
}

E2E(Rules, ExactThenRegexThenPrefix)
{
    USE;
    EXPECT_RUN(0, "get 480 /hello");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_RUN(0, "get 480 '/app?q=1'");
    EXPECT_HAS(rig_out, "GET /echo?q=1 HTTP/1.1\r\n");
    EXPECT_RUN(0, "get 480 /user/42/orders");
    EXPECT_HAS(rig_out, "GET /echo?id=42&what=orders HTTP/1.1\r\nHost: inner.example\r\n");
    EXPECT_HAS(rig_out, "X-User: 42\r\n");
    EXPECT_RUN(0, "get 480 '/old/x?y' -D - -o /dev/null");
    EXPECT_HAS(rig_out, "301 Moved Permanently\r\nLocation: /new/x?y\r\n");
    EXPECT_HAS(rig_out, "Strict-Transport-Security: max-age=31536000\r\n");
    EXPECT_RUN(0, "get 480 /down -D -");
    EXPECT_HAS(rig_out, "503 Service Unavailable\r\nContent-Type: text/html\r\n");
    EXPECT_HAS(rig_out, "<p>down\n");
    EXPECT_RUN(0, "code 480 / -H 'Host: elsewhere.example'");
    EXPECT_STR(rig_out, "421\n");
}

E2E(Rules, HeadersAreSetAndRemovedBothWays)
{
    USE;
    EXPECT_RUN(0, "get 480 /echo -H 'X-Real-IP: 6.6.6.6' -H 'X-Debug: 1' -H 'x_debug: 2' -D -");
    EXPECT_HAS(rig_out, "X-Real-IP: 10.91.1.1\r\n");
    EXPECT_HAS(rig_out, "X-Tls: TLSv1.3 shop.example \r\n");
    EXPECT(!strcasestr(rig_out, "debug"));
    EXPECT(!strstr(rig_out, "6.6.6.6"));
    EXPECT_RUN(0, "get 480 /echo $(as alice)");
    EXPECT_HAS(rig_out, "X-Tls: TLSv1.3 shop.example ");
    EXPECT_HAS(rig_out, "CN=");
    EXPECT_RUN(0, "get 480 /hello -D -"); /* nginx says who it is: not through us */
    EXPECT(!strcasestr(rig_out, "nginx"));
    EXPECT_HAS(rig_out, "Strict-Transport-Security: max-age=31536000\r\n");
}

E2E(Rules, ForwardedIsQuotedWhereItMustBe)
{
    USE;
    EXPECT_RUN(0, "get 480 /echo -H 'Forwarded: for=\"_x' -H 'X-Forwarded-For: 1.1.1.1'");
    EXPECT_HAS(rig_out, "X-Forwarded-For: 1.1.1.1, 10.91.1.1\r\n");
    EXPECT_HAS(rig_out, "\r\nForwarded: for=10.91.1.1;host=\"shop.example:480\";proto=https\r\n");
    EXPECT_RUN(0, "ADDR=$GATE6 get 480 /echo -H 'Forwarded: for=1.1.1.1'");
    EXPECT_HAS(rig_out, "\r\nForwarded: for=1.1.1.1, for=\"[fd91:1::1]\";");
}

E2E(Rules, AnExpressionCannotHoldUpAWorker)
{
    USE;
    int64_t limit = rig_stat("http_regex_limit");
    EXPECT_RUN(0, "code 480 /$(head -c 5000 /dev/zero | tr '\\0' a)!");
    EXPECT_STR(rig_out, "500\n");
    EXPECT_STAT("http_regex_limit", limit + 1);
    EXPECT_RUN(0, "code 480 /hello");
    EXPECT_STR(rig_out, "200\n");
}

E2E(Rules, MistakesAreToldWithLineAndKey)
{
    USE;
    rig_config("bad.yaml", NULL, NULL,
               "pools: [{name: w, backends: [{name: a, address: \"10.91.2.10:80\"}]}]\n"
               "listeners:\n  - name: x\n    type: http\n    $BIND:8099\n    routes:\n"
               "      - {regex: \"/(a\", pool: w}\n      - {path: /b, redirect: {to: \"b\"}}\n");
    EXPECT(rig_tool("$LOCKGATE -t -c \"$DIR/bad.yaml\"") == 1);
    EXPECT_HAS(rig_out,
               "listeners[0].routes[0].regex: missing closing parenthesis, at character 4");
    EXPECT_HAS(rig_out, "listeners[0].routes[1].redirect.to: expected http:// or https:// and a "
                        "host, $scheme://, or a path");
}

E2E(Sticky, AClientKeepsItsBackendAcrossAReload)
{
    USE;
    EXPECT_RUN(0, "get 481 /hello -D - | tee \"$DIR/first\"");
    EXPECT_HAS(rig_out, "Set-Cookie: SRV=");
    EXPECT_HAS(rig_out, "; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax\r\n");
    /* Each client with its jar stays; those without go round. */
    EXPECT_RUN(0, "for j in 1 2 3 4; do rm -f \"$DIR/jar$j\"; for i in 1 2 3 4; do"
                  " echo $j $(get 481 /hello -b \"$DIR/jar$j\" -c \"$DIR/jar$j\"); done; done |"
                  " sort | uniq -c | tee \"$DIR/by\" | wc -l;"
                  " awk '{ print $NF }' \"$DIR/by\" | sort | uniq -c");
    EXPECT_STR(rig_out, "4\n      2 10.91.2.10\n      2 10.91.2.11\n");
    EXPECT(rig_reload()); /* the key is the process's */
    int64_t kept = rig_stat("http_sticky"), set = rig_stat("http_sticky_set");
    EXPECT_RUN(0, "for j in 1 2 3 4; do for i in 1 2 3 4; do"
                  " echo $j $(get 481 /hello -b \"$DIR/jar$j\"); done; done | sort | uniq -c >"
                  "\"$DIR/again\"; cmp \"$DIR/by\" \"$DIR/again\"");
    EXPECT_STAT("http_sticky", kept + 16);
    EXPECT_STAT("http_sticky_set", set);
    int64_t bad = rig_stat("http_sticky_bad");
    EXPECT_RUN(0, "get 481 /hello -H 'Cookie: SRV=0123456789abcdef0123456789abcdef' -D -");
    EXPECT_HAS(rig_out, "Set-Cookie: SRV=");
    EXPECT_STAT("http_sticky_bad", bad + 1);
}
