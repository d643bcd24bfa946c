/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules.c: listeners in clear, and what https and http listeners do with requests besides
 * passing them on. */
#include "rig.h"

static const char body[] = "@rules.yaml";

/* plain PORT PATH [curl's arguments]: get, without TLS. */
#define PLAIN                                                                                      \
    "plain() { local port=$1 path=$2; shift 2; curl -sS --max-time 20 --noproxy '*' --resolve "    \
    "shop.example:$port:$GATE4 \"$@\" \"http://shop.example:$port$path\"; }; "

E2E(Clear, HttpServesRequestsInClear)
{
    RIG(body);
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
    RIG(body);
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
    RIG(body);
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
