/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_check.c: keys that are right alone and wrong together. */
#include "fixture.h"

TEST(ConfigCheck, JudgesCpusAndLimits)
{
    static const struct fx_mistake mistakes[] = {
        {"workers: [1, 2]", "workers: [1, 9]",
         "lg.yaml:2: global.workers[1]: CPU 9 does not exist; this machine has CPUs 0-3"},
        {"workers: [1, 2]", "workers: [1, 1]",
         "lg.yaml:2: global.workers[1]: CPU 1 is listed twice; a worker needs its own"},
        {"workers: [1, 2]", "workers: 5",
         "lg.yaml:2: global.workers: 5 workers need 5 CPUs; this machine has 4, and each worker "
         "needs its own"},
        {"control_cpu: 0", "control_cpu: 4",
         "lg.yaml:3: global.control_cpu: CPU 4 does not exist; this machine has CPUs 0-3"},
        {"source_ports: 32768-60999", "source_ports: 40000-40000",
         "lg.yaml:8: global.source_ports: fewer ports than the 2 workers; widen the range, each "
         "worker gets its part"},
        {"max_connections: 20000", "packet_buffers: 100",
         "lg.yaml:6: global.packet_buffers: found \"100\", expected 0 (derived from "
         "max_connections) or at least 1024"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesNamesGivenTwice)
{
    static const struct fx_mistake mistakes[] = {
        {"  - name: raw", "  - name: shop",
         "lg.yaml:41: listeners[1].name: \"shop\" is already the name of listeners[0]; names are "
         "unique"},
        {"{name: b, address", "{name: a, address",
         "lg.yaml:25: pools[0].backends[1].name: \"a\" is already the name of "
         "pools[0].backends[0]; names are unique"},
        {"pools:\n", "pools:\n  - {name: web, backends: [{name: a, address: \"10.1.0.9:1\"}]}\n",
         "lg.yaml:21: pools[1].name: \"web\" is already the name of pools[0]; names are unique"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesToShareWhatCannotBeShared)
{
    static const struct fx_mistake mistakes[] = {
        {"    mtu: 1500\n", "    mtu: 1500\n    share: true\n",
         "lg.yaml:11: ports[0].share: a shared interface keeps its own mac: leave out "
         "ports[0].mac"},
        {"    mac: \"02:00:00:00:00:01\"\n", "    share: true\n    router_advertisements: true\n",
         "lg.yaml:11: ports[0].share: router advertisements of a shared interface go to the "
         "kernel: "
         "give routes"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
    struct lg_config *cfg =
        fx_config("    mac: \"02:00:00:00:00:01\"\n", "    share: true\n", NULL);
    REQUIRE(cfg != NULL);
    EXPECT(cfg->ports[0].share);
    lg_config_free(cfg);
}

TEST(ConfigCheck, RefusesToBalanceByWhatIsNotThere)
{
    static const struct fx_mistake mistakes[] = {
        {"    connect_timeout: 5s", "    balance: fastest",
         "lg.yaml:21: pools[0].balance: found \"fastest\", expected one of roundrobin, leastconn, "
         "ewma, source, uri, header:NAME, cookie:NAME"},
        {"    connect_timeout: 5s", "    balance: \"header:a b\"",
         "lg.yaml:21: pools[0].balance: found \"header:a b\", expected one of roundrobin, "
         "leastconn, ewma, source, uri, header:NAME, cookie:NAME; NAME is 1 to 63 letters, digits "
         "or '-' and the like"},
        {"    connect_timeout: 5s", "    balance: uri",
         "lg.yaml:47: listeners[1].pool: pool \"web\" balances by what is in requests, and a "
         "tcp_ssl listener reads none; use balance: source, or type https"},
        {"{name: b, address", "{name: b, weight: 257, address",
         "lg.yaml:25: pools[0].backends[1].weight: found \"257\", expected a whole number from 0 "
         "to 256"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesPoolsThatCannotCheckTheirBackends)
{
    static const struct fx_mistake mistakes[] = {
        {"    connect_timeout: 5s", "    tls: {name: b.example}",
         "lg.yaml:21: pools[0].tls: \"ca\" is missing: the PEM file of the CAs that sign the "
         "backends' certificates; or write verify: none, and trust anybody"},
        {"    connect_timeout: 5s", "    tls: {ca: ca.pem}",
         "lg.yaml:21: pools[0].tls: \"name\" is missing: the name that the backends' certificates "
         "must carry"},
        {"    connect_timeout: 5s", "    tls: {verify: none, crl: [a.crl]}",
         "lg.yaml:21: pools[0].tls.crl: has no effect with verify: none; remove one of the two"},
        {"    connect_timeout: 5s", "    tls: {verify: none, cert: c.pem}",
         "lg.yaml:21: pools[0].tls.cert: cert and key go together; one of them is missing"},
        {"    connect_timeout: 5s", "    health: {type: tls}",
         "lg.yaml:21: pools[0].health.type: tls checks the handshake of the pool's tls, and it has "
         "none"},
        {"    connect_timeout: 5s", "    health: {type: http, expect: [200, 600]}",
         "lg.yaml:21: pools[0].health.expect[1]: found \"600\", expected a status code or a range "
         "of them, such as 200 or 200-299"},
        {"    connect_timeout: 5s", "    health: {type: http, path: healthz}",
         "lg.yaml:21: pools[0].health.path: found \"healthz\", expected a path such as /healthz or "
         "/status?full=1; it begins with '/' and has no blanks"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesAddressesThatCannotBeOurs)
{
    static const struct fx_mistake mistakes[] = {
        {"addresses: [10.1.0.2/24, ", "addresses: [10.1.0.2/24, 10.1.0.2/24, ",
         "lg.yaml:15: ports[0].addresses[1]: 10.1.0.2 is already an address of ports[0]; an "
         "address belongs to one port, once"},
        {"addresses: [10.1.0.2/24, ", "addresses: [10.1.0.2/24, 10.3.0.0/24, ",
         "lg.yaml:15: ports[0].addresses[1]: 10.3.0.0/24: the network's own address; expected one "
         "machine's"},
        {"addresses: [10.1.0.2/24, ", "addresses: [10.1.0.2/24, 10.3.0.255/24, ",
         "lg.yaml:15: ports[0].addresses[1]: 10.3.0.255/24: the network's broadcast address; "
         "expected one machine's"},
        {"addresses: [10.1.0.2/24, ", "addresses: [10.1.0.2/24, 10.3.0.1/0, ",
         "lg.yaml:15: ports[0].addresses[1]: 10.3.0.1/0: a prefix of length 0 would put the whole "
         "internet on this port's link; give the network's real length"},
        {"addresses: [10.1.0.2/24, ", "addresses: [10.1.0.2/24, 224.0.0.5/24, ",
         "lg.yaml:15: ports[0].addresses[1]: 224.0.0.5/24: not the address of one machine"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesRoutesThatLeadNowhere)
{
    static const struct fx_mistake mistakes[] = {
        {"to: 0.0.0.0/0", "to: 10.9.3.0/16",
         "lg.yaml:17: routes[0].to: 10.9.3.0/16 has bits set after its prefix; did you mean "
         "10.9.0.0/16?"},
        {"    via: 10.1.0.1\n", "    via: 10.1.0.1\n  - {to: 0.0.0.0/0, via: 10.1.0.9}\n",
         "lg.yaml:19: routes[1].to: 0.0.0.0/0 is already the destination of routes[0]"},
        {"to: 0.0.0.0/0", "to: \"::/0\"",
         "lg.yaml:18: routes[0].via: 10.1.0.1 is not of the same family as the destination"},
        {"via: 10.1.0.1", "via: 10.1.0.2",
         "lg.yaml:18: routes[0].via: 10.1.0.2 is our own address on port \"front\"; expected the "
         "router's"},
        {"via: 10.1.0.1", "via: 10.7.0.1",
         "lg.yaml:18: routes[0].via: 10.7.0.1 is not on the network of any port; give a port an "
         "address of that network, or a router that is on one"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesBackendsOutOfReach)
{
    static const struct fx_mistake mistakes[] = {
        {"to: 0.0.0.0/0", "to: 10.9.0.0/16",
         "lg.yaml:24: pools[0].backends[0].address: 10.2.0.10 is not on the network of any port, "
         "and no route leads there; add a route, for example {to: 10.2.0.10/32, via: ROUTER} under "
         "routes:"},
        {"10.1.0.11:80", "10.1.0.2:80",
         "lg.yaml:25: pools[0].backends[1].address: 10.1.0.2 is our own address on port \"front\"; "
         "expected a backend server's"},
        {"10.1.0.11:80", "0.0.0.0:80",
         "lg.yaml:25: pools[0].backends[1].address: 0.0.0.0 is not the address of one machine"},
        {"\"10.1.0.11:80\"", "\"[fd00:2::1]:80\"",
         "lg.yaml:25: pools[0].backends[1].address: fd00:2::1 is not on the network of any port, "
         "and no route leads there; add a route, for example {to: fd00:2::1/128, via: ROUTER} "
         "under routes:"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, RefusesBindsThatAreNotOurs)
{
    static const struct fx_mistake mistakes[] = {
        {"bind: \"10.1.0.2:8443\"", "bind: \"10.1.0.9:8443\"",
         "lg.yaml:43: listeners[1].bind[0]: 10.1.0.9 is not an address of any port; bind to one of "
         "10.1.0.2, fd00:1::2, or add it to a port's addresses"},
        {"bind: \"10.1.0.2:8443\"", "bind: \"0.0.0.0:8443\"",
         "lg.yaml:43: listeners[1].bind[0]: 0.0.0.0 is not an address of any port; bind to one of "
         "10.1.0.2, fd00:1::2, or add it to a port's addresses"},
        {"bind: \"10.1.0.2:8443\"", "bind: \"10.1.0.2:443\"",
         "lg.yaml:43: listeners[1].bind[0]: 10.1.0.2:443 is already bound by listener \"shop\" "
         "(line 27)"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, JudgesPoolsAndRoutesByListenerType)
{
    static const struct fx_mistake mistakes[] = {
        {"pool: web}", "pool: wbe}",
         "lg.yaml:38: listeners[0].routes[0].pool: there is no pool \"wbe\"; did you mean "
         "\"web\"?"},
        {"pool: web}", "pool: elsewhere}",
         "lg.yaml:38: listeners[0].routes[0].pool: there is no pool \"elsewhere\"; define it under "
         "pools:"},
        {"    pool: web\n    timeouts", "    timeouts",
         "lg.yaml:41: listeners[1]: \"pool\" is missing: a tcp_ssl listener needs the pool its "
         "bytes go to"},
        {"    pool: web\n    timeouts", "    pool: web\n    routes: [{pool: web}]\n    timeouts",
         "lg.yaml:48: listeners[1].routes: a tcp_ssl listener reads no requests; use pool, or type "
         "https"},
        {"    routes:\n      - {host: \"Shop.Example\", path: /api, pool: web}\n    pool: web\n",
         "",
         "lg.yaml:27: listeners[0]: an https listener needs routes, or a pool for every request"},
        {"{host: \"Shop.Example\", path: /api, pool: web}", "{host: \"*\", path: /, pool: web}",
         "lg.yaml:39: listeners[0].pool: routes[0] takes every request that no other route matches "
         "already; remove one of the two"},
        {"{host: \"Shop.Example\", path: /api, pool: web}",
         "{host: a.b, path: /, pool: web}\n      - {host: A.B, path: /, pool: web}",
         "lg.yaml:39: listeners[0].routes[1]: host a.b with path / is already routes[0]; a pair "
         "leads to one pool"},
        {"      min_version: \"1.2\"\n", "      alpn: [h2]\n",
         "lg.yaml:31: listeners[0].tls.alpn: an https listener says http/1.1 by itself; remove it, "
         "or use type tcp_ssl"},
        {"alpn: [h2x]", "alpn: [h2x, h2x]", "lg.yaml:46: listeners[1].tls.alpn[1]: listed twice"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, WantsATlsSectionWhereTlsIsSpokenAndNowhereElse)
{
    static const struct fx_mistake mistakes[] = {
        {"    type: tcp_ssl\n", "    type: tcp\n",
         "lg.yaml:44: listeners[1].tls: a listener of type tcp speaks in clear; remove this "
         "section, "
         "or use type tcp_ssl"},
        {"    type: https\n", "    type: http\n",
         "lg.yaml:30: listeners[0].tls: a listener of type http speaks in clear; remove this "
         "section, or use type https"},
        {"    tls:\n      certificates: [{cert: raw.pem, key: raw.key}]\n      alpn: [h2x]\n", "",
         "lg.yaml:41: listeners[1]: \"tls\" is missing: certificates and what is asked of clients"},
        {"      certificates: [{cert: raw.pem, key: raw.key}]\n", "",
         "lg.yaml:44: listeners[1].tls: \"certificates\" is missing: certificates to show; the "
         "first "
         "is the default"},
        {"    type: tcp_ssl\n    bind: \"10.1.0.2:8443\"\n    tls:\n      certificates: [{cert: "
         "raw.pem, key: raw.key}]\n      alpn: [h2x]\n    pool: web\n",
         "    type: tcp\n    bind: \"10.1.0.2:8443\"\n",
         "lg.yaml:41: listeners[1]: \"pool\" is missing: a tcp listener needs the pool its bytes "
         "go "
         "to"},
        {"    type: tcp_ssl\n    bind: \"10.1.0.2:8443\"\n    tls:\n      certificates: [{cert: "
         "raw.pem, key: raw.key}]\n      alpn: [h2x]\n    pool: web\n",
         "    type: http\n    bind: \"10.1.0.2:8443\"\n",
         "lg.yaml:41: listeners[1]: an http listener needs routes, or a pool for every request"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
    struct lg_config *cfg =
        fx_config("    type: tcp_ssl\n    bind: \"10.1.0.2:8443\"\n    tls:\n      certificates: "
                  "[{cert: raw.pem, key: raw.key}]\n      alpn: [h2x]\n",
                  "    type: http\n    bind: \"10.1.0.2:80\"\n", NULL);
    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->listeners[1].type, LG_LISTENER_HTTP);
    EXPECT_EQ(cfg->listeners[1].tls.alpn_cnt, 0);
    EXPECT_EQ(cfg->listeners[1].route_cnt, 1); /* the pool, for every request */
    lg_config_free(cfg);
}

TEST(ConfigCheck, RefusesStaplingFromTwoPlacesOrNone)
{
#define KEY "lg.yaml:33: listeners[0].tls.certificates[0]."
    static const struct fx_mistake mistakes[] = {
        {"key: shop.key}", "key: shop.key, ocsp: a, ocsp_fetch: true}",
         KEY "ocsp: is a file, and ocsp_fetch asks the responder: remove one of the two"},
        {"key: shop.key}", "key: shop.key, ocsp: a, ocsp_responder: \"http://a/\"}",
         KEY "ocsp_responder: has no effect without ocsp_fetch: true"},
        {"key: shop.key}", "key: shop.key, ocsp_issuer: a}",
         KEY "ocsp_issuer: has no effect without ocsp or ocsp_fetch"},
        {"key: shop.key}", "key: shop.key, ocsp_fetch: true, ocsp_responder: \"file:///a\"}",
         KEY
         "ocsp_responder: found \"file:///a\", expected an http:// or https:// address; without "
         "blanks"},
    };
#undef KEY
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
    struct lg_config *cfg =
        fx_config("key: shop.key}",
                  "key: shop.key, ocsp_fetch: true, ocsp_responder: \"http://a:8/b\"}", NULL);
    REQUIRE(cfg != NULL);
    EXPECT(cfg->listeners[0].tls.certs[0].ocsp_fetch);
    EXPECT_STR(cfg->listeners[0].tls.certs[0].ocsp_responder, "http://a:8/b");
    lg_config_free(cfg);
}

TEST(ConfigCheck, JudgesStickiness)
{
    static const struct fx_mistake mistakes[] = {
        {"    connect_timeout: 5s", "    sticky: {max_age: 1h}",
         "lg.yaml:21: pools[0].sticky: \"cookie\" is missing: the cookie's name"},
        {"    connect_timeout: 5s", "    sticky: {cookie: \"a b\"}",
         "lg.yaml:21: pools[0].sticky.cookie: found \"a b\", expected the name of a header field, "
         "such as X-Real-IP"},
        {"    connect_timeout: 5s", "    sticky: {cookie: a}",
         "lg.yaml:47: listeners[1].pool: pool \"web\" is sticky by a cookie, and a tcp_ssl "
         "listener "
         "reads none; use balance: source, or type https"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

#define ROUTE "{host: \"Shop.Example\", path: /api, pool: web}"

TEST(ConfigCheck, JudgesRulesOfRequests)
{
    static const struct fx_mistake mistakes[] = {
        {ROUTE, "{path: /a}",
         "lg.yaml:38: listeners[0].routes[0]: expected one of pool, redirect and respond: who "
         "answers the request"},
        {ROUTE, "{path: /a, pool: web, redirect: {to: /b}}",
         "lg.yaml:38: listeners[0].routes[0]: expected one of pool, redirect and respond: who "
         "answers the request"},
        {ROUTE, "{path: /a, exact: /a, pool: web}",
         "lg.yaml:38: listeners[0].routes[0]: expected one of path, exact and regex, not several"},
        {ROUTE, "{exact: a, pool: web}",
         "lg.yaml:38: listeners[0].routes[0].exact: found \"a\", expected a path such as / or "
         "/api; it begins with '/'"},
        {ROUTE, "{path: /a, redirect: {status: 301}}",
         "lg.yaml:38: listeners[0].routes[0].redirect: \"to\" is missing: the Location"},
        {ROUTE, "{path: /a, redirect: {to: /b, status: 304}}",
         "lg.yaml:38: listeners[0].routes[0].redirect.status: found \"304\", expected one of 301, "
         "302, 303, 307, 308"},
        {ROUTE, "{path: /a, redirect: {to: /b}, rewrite: /c}",
         "lg.yaml:38: listeners[0].routes[0].rewrite: has no effect without a pool; remove it"},
        {ROUTE, "{path: /a, respond: {body: a, file: b}}",
         "lg.yaml:38: listeners[0].routes[0].respond: body and file exclude each other"},
        {ROUTE, "{path: /a, respond: {status: 304}}",
         "lg.yaml:38: listeners[0].routes[0].respond: 304 is an answer to what only the backend "
         "knows"},
        {ROUTE, "{path: /a, respond: {status: 204, body: a}}",
         "lg.yaml:38: listeners[0].routes[0].respond: a response 204 has no body"},
        {ROUTE, "{path: /a, respond: {type: \"a\\r\\nb\"}}",
         "lg.yaml:38: listeners[0].routes[0].respond.type: found \"a\\x0d\\x0ab\", expected a text "
         "without line breaks and control characters"},
        {ROUTE, "{exact: /a, pool: web}\n      - {exact: /a, respond: {}}",
         "lg.yaml:39: listeners[0].routes[1]: host * with path /a is already routes[0]; a pair "
         "leads to one pool"},
        {"    max_header: 16KiB", "    forwarded: {incoming: replace, trust: [10.0.0.0/8]}",
         "lg.yaml:40: listeners[0].forwarded: trust has no effect with incoming: replace, which "
         "keeps nothing"},
        {"    timeouts: {handshake: 10s, idle: 300s}", "    forwarded: {headers: both}",
         "lg.yaml:48: listeners[1].forwarded: a tcp_ssl listener reads no requests; use pool, or "
         "type https"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigCheck, KeepsRulesAwayFromFieldsThatAreNotTheirs)
{
    static const struct fx_mistake mistakes[] = {
        {"    max_header: 16KiB", "    request_headers: [{set: Content_Length, value: a}]",
         "lg.yaml:40: listeners[0].request_headers[0].set: Content_Length is not to be changed: it "
         "belongs to one connection or frames the message; Lockgate writes it by itself"},
        {"    max_header: 16KiB", "    response_headers: [{remove: Connection}]",
         "lg.yaml:40: listeners[0].response_headers[0].remove: Connection is not to be changed: it "
         "belongs to one connection or frames the message; Lockgate writes it by itself"},
        {"    max_header: 16KiB", "    request_headers: [{add: X-SSL-Client-Verify, value: a}]",
         "lg.yaml:40: listeners[0].request_headers[0].add: X-SSL-Client-Verify is not to be "
         "changed: it says who the client is by its certificate, and only Lockgate may say it"},
        {"    max_header: 16KiB", "    request_headers: [{set: X-Forwarded-For, value: a}]",
         "lg.yaml:40: listeners[0].request_headers[0].set: X-Forwarded-For is not to be changed: "
         "it "
         "is written as the listener's forwarded: says"},
        {"    max_header: 16KiB", "    request_headers: [{remove: Host}]",
         "lg.yaml:40: listeners[0].request_headers[0].remove: Host is not to be changed: a request "
         "has exactly one; it can be set"},
        {"    max_header: 16KiB", "    request_headers: [{set: A, add: B, value: c}]",
         "lg.yaml:40: listeners[0].request_headers[0]: expected one of set, add and remove"},
        {"    max_header: 16KiB", "    request_headers: [{set: A}]",
         "lg.yaml:40: listeners[0].request_headers[0]: \"value\" is missing: what A sets"},
        {"    max_header: 16KiB", "    request_headers: [{remove: A, value: b}]",
         "lg.yaml:40: listeners[0].request_headers[0]: remove has no value"},
        {"    max_header: 16KiB", "    request_headers: [{set: \"A:\", value: b}]",
         "lg.yaml:40: listeners[0].request_headers[0].set: found \"A:\", expected the name of a "
         "header field, such as X-Real-IP"},
        {ROUTE, "{pool: web, path: /x, response_headers: [{set: Trailer, value: b}]}",
         "lg.yaml:38: listeners[0].routes[0].response_headers[0].set: Trailer is not to be "
         "changed: "
         "it belongs to one connection or frames the message; Lockgate writes it by itself"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
    struct lg_config *cfg =
        fx_config(ROUTE,
                  "{regex: \"^/a\", redirect: {to: \"https://b/\"}, response_headers: [{set: A, "
                  "value: b}]}",
                  NULL);
    REQUIRE(cfg != NULL);
    const struct lg_cfg_http_route *r = cfg->listeners[0].routes;
    EXPECT_EQ(r->match, LG_PATH_REGEX);
    EXPECT_EQ(r->pool_idx, LG_NO_POOL);
    EXPECT_EQ(r->redirect.status, 302);
    EXPECT_EQ(r->respond.line, 0);
    EXPECT_STR(r->response_headers[0].set, "A");
    EXPECT_EQ(cfg->listeners[0].forwarded.headers, LG_FWD_X);
    lg_config_free(cfg);
}

TEST(ConfigCheck, RefusesTlsKeysThatContradict)
{
    static const struct fx_mistake mistakes[] = {
        {"min_version: \"1.2\"", "min_version: \"1.3\"\n      max_version: \"1.2\"",
         "lg.yaml:31: listeners[0].tls.min_version: 1.3 is above max_version 1.2; no client could "
         "connect"},
        {"      client_auth: required\n      client_ca: clients.pem\n      crl: [clients.crl]\n",
         "      client_ca: clients.pem\n",
         "lg.yaml:34: listeners[0].tls.client_ca: has no effect while client_auth is none, and no "
         "client is checked; add client_auth: required (or optional), or remove this key"},
        {"      client_auth: required\n      client_ca: clients.pem\n      crl: [clients.crl]\n",
         "      crl: clients.crl\n",
         "lg.yaml:34: listeners[0].tls.crl: has no effect while client_auth is none, and no client "
         "is checked; add client_auth: required (or optional), or remove this key"},
        {"      client_ca: clients.pem\n", "",
         "lg.yaml:34: listeners[0].tls.client_auth: \"required\" needs client_ca: the PEM file of "
         "the CAs that sign your clients' certificates"},
        {"      crl: [clients.crl]\n", "      crl_fail: open\n",
         "lg.yaml:36: listeners[0].tls.crl_fail: has no effect without crl; list the revocation "
         "lists, or remove this key"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}
