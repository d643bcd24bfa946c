/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_schema.c: one mistake in one key gives one message, word for word. */
#include "fixture.h"

#include <stdlib.h>

TEST(ConfigSchema, NamesUnknownAndRepeatedKeys)
{
    static const struct fx_mistake mistakes[] = {
        {"max_connections: 20000", "max_conections: 20000",
         "lg.yaml:6: global: unknown key \"max_conections\"; did you mean \"max_connections\"?"},
        {"max_connections: 20000", "max-connections: 20000",
         "lg.yaml:6: global: unknown key \"max-connections\"; did you mean \"max_connections\"?"},
        {"{max: 64, idle: 30s}", "{zebra: 1}",
         "lg.yaml:22: pools[0].keepalive: unknown key \"zebra\"; expected one of max, idle"},
        {"  idle: adaptive", "  idle: adaptive\n  idle: poll",
         "lg.yaml:5: global.idle: given twice; first on line 4"},
        {"listeners:\n", "listener:\n",
         "lg.yaml:26: unknown key \"listener\"; did you mean \"listeners\"?"},
        {"    pool: web\n    max_header", "    pool: web\n    client_auth: none\n    max_header",
         "lg.yaml:40: listeners[0]: unknown key \"client_auth\"; it belongs under \"tls:\""},
        {"connect_timeout: 5s", "max: 5",
         "lg.yaml:21: pools[0]: unknown key \"max\"; it belongs under \"retries:\""},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, NamesWholeKeysOnly)
{
    struct lg_diag diag = {0};
    struct lg_config *cfg;
    char *text = fx_edit("idle: adaptive", "zebra: 1");

    EXPECT_ERR(fx_parse(text, &cfg, &diag), LG_E(CONFIG));
    free(text);
    EXPECT_HAS(diag.msg[0].text, "expected one of workers, control_cpu, idle, ");
    /* All of them, or as many as there is room for and how many more there are. */
    const char *end = strrchr(diag.msg[0].text, ' ');
    REQUIRE(end != NULL);
    EXPECT(strcmp(end, " file_prefix") == 0 || strcmp(end, " more") == 0);
}

TEST(ConfigSchema, RefusesValuesOfTheWrongShape)
{
    static const struct fx_mistake mistakes[] = {
        {"    mtu: 1500", "    mtu: [1500]",
         "lg.yaml:13: ports[0].mtu: found a list, expected a whole number from 1280 to 9000"},
        {"    mtu: 1500", "    mtu:",
         "lg.yaml:13: ports[0].mtu: found nothing, expected a whole number from 1280 to 9000"},
        {"{name: b, address: \"10.1.0.11:80\"}", "justtext",
         "lg.yaml:25: pools[0].backends[1]: found \"justtext\", expected a mapping with the keys "
         "name, address, resolve, weight, max_connections, backup, drain"},
        {"    keepalive: {max: 64, idle: 30s}", "    keepalive: 64",
         "lg.yaml:22: pools[0].keepalive: found \"64\", expected a mapping with the keys max, "
         "idle"},
        {"      - {name: a, address: \"10.2.0.10:80\"}\n      - {name: b, address: "
         "\"10.1.0.11:80\"}",
         "      name: a",
         "lg.yaml:23: pools[0].backends: found a mapping, expected a list; begin each item with "
         "\"- \""},
        {"    routes:\n      - {host: \"Shop.Example\", path: /api, pool: web}", "    routes: web",
         "lg.yaml:37: listeners[0].routes: found \"web\", expected a list; begin each item with "
         "\"- \""},
        {"crl: [clients.crl]", "crl: {a: b}",
         "lg.yaml:36: listeners[0].tls.crl: found a mapping, expected a list; begin each item with "
         "\"- \""},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, NamesMissingKeys)
{
    static const struct fx_mistake mistakes[] = {
        {"    device: \"af_xdp:lg-front\"\n", "",
         "lg.yaml:11: ports[0]: \"device\" is missing: the network device: pci:ADDRESS, "
         "af_xdp:INTERFACE, tap:NAME, memif:SOCKET or vdev:STRING"},
        {"    type: tcp_ssl\n", "",
         "lg.yaml:41: listeners[1]: \"type\" is missing: tcp_ssl relays the bytes inside TLS, "
         "https routes requests; tcp and http do the same in clear"},
        {"{cert: raw.pem, key: raw.key}", "{cert: raw.pem}",
         "lg.yaml:45: listeners[1].tls.certificates[0]: \"key\" is missing: PEM file: its private "
         "key"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesBadTexts)
{
    static const struct fx_mistake mistakes[] = {
        {"- name: front", "- name: \"front door\"",
         "lg.yaml:11: ports[0].name: found \"front door\", expected a name of 1 to 63 letters, "
         "digits, '_', '-' or '.'"},
        {"client_ca: clients.pem", "client_ca: \"\"",
         "lg.yaml:35: listeners[0].tls.client_ca: found \"\", expected a file name"},
        {"client_ca: clients.pem", "client_ca: \"a\\e[2J\"",
         "lg.yaml:35: listeners[0].tls.client_ca: found \"a\\x1b[2J\", expected a file name "
         "without control characters"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesWordsOutsideTheList)
{
    static const struct fx_mistake mistakes[] = {
        {"client_auth: required", "client_auth: requiredd",
         "lg.yaml:34: listeners[0].tls.client_auth: found \"requiredd\", expected one of none, "
         "optional, required; did you mean \"required\"?"},
        {"type: tcp_ssl", "type: tcp-ssl",
         "lg.yaml:42: listeners[1].type: found \"tcp-ssl\", expected one of tcp_ssl, https, tcp, "
         "http; did "
         "you mean \"tcp_ssl\"?"},
        {"idle: adaptive", "idle: sometimes",
         "lg.yaml:4: global.idle: found \"sometimes\", expected one of adaptive, poll"},
        {"min_version: \"1.2\"", "min_version: \"1.1\"",
         "lg.yaml:31: listeners[0].tls.min_version: found \"1.1\", expected one of 1.2, 1.3"},
        {"    mtu: 1500", "    trust_rx_checksum: maybe",
         "lg.yaml:13: ports[0].trust_rx_checksum: found \"maybe\", expected true or false"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesNumbersOutOfRange)
{
    static const struct fx_mistake mistakes[] = {
        {"mtu: 1500", "mtu: 900",
         "lg.yaml:13: ports[0].mtu: found \"900\", expected a whole number from 1280 to 9000"},
        {"mtu: 1500", "mtu: -1",
         "lg.yaml:13: ports[0].mtu: found \"-1\", expected a whole number from 1280 to 9000"},
        {"mtu: 1500", "mtu: 15e2",
         "lg.yaml:13: ports[0].mtu: found \"15e2\", expected a whole number from 1280 to 9000"},
        {"max_connections: 20000", "max_connections: 99999999999999999999999",
         "lg.yaml:6: global.max_connections: found \"99999999999999999999999\", expected a whole "
         "number from 1 to 4194304"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesDurationsWithoutUnitOrRange)
{
    static const struct fx_mistake mistakes[] = {
        {"connect_timeout: 5s", "connect_timeout: 5",
         "lg.yaml:21: pools[0].connect_timeout: found \"5\", expected a duration from 1ms to 1h "
         "(units: us, ms, s, m, h); give it a unit, for example 5s"},
        {"connect_timeout: 5s", "connect_timeout: 5 s",
         "lg.yaml:21: pools[0].connect_timeout: found \"5 s\", expected a duration from 1ms to 1h "
         "(units: us, ms, s, m, h)"},
        {"connect_timeout: 5s", "connect_timeout: 5d",
         "lg.yaml:21: pools[0].connect_timeout: found \"5d\", expected a duration from 1ms to 1h "
         "(units: us, ms, s, m, h)"},
        {"connect_timeout: 5s", "connect_timeout: 0s",
         "lg.yaml:21: pools[0].connect_timeout: found \"0s\", expected a duration from 1ms to 1h "
         "(units: us, ms, s, m, h)"},
        {"connect_timeout: 5s", "connect_timeout: 99999999999h",
         "lg.yaml:21: pools[0].connect_timeout: found \"99999999999h\", expected a duration from "
         "1ms to 1h (units: us, ms, s, m, h)"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesSizesWithoutSense)
{
    static const struct fx_mistake mistakes[] = {
        {"memory: 512MiB", "memory: 512",
         "lg.yaml:5: global.memory: found \"512\", expected a size from 64MiB to 1024GiB (units: "
         "KiB, MiB, GiB); a number alone is bytes, did you mean 512MiB?"},
        {"memory: 512MiB", "memory: 512MB",
         "lg.yaml:5: global.memory: found \"512MB\", expected a size from 64MiB to 1024GiB (units: "
         "KiB, MiB, GiB); did you mean 512MiB?"},
        {"memory: 512MiB", "memory: 70000000",
         "lg.yaml:5: global.memory: found \"70000000\", expected a multiple of 1MiB"},
        {"send_buffer: 256KiB", "send_buffer: 256",
         "lg.yaml:7: global.send_buffer: found \"256\", expected a size from 4KiB to 64MiB (units: "
         "KiB, MiB, GiB); a number alone is bytes, did you mean 256KiB?"},
        {"send_buffer: 256KiB", "send_buffer: 65MiB",
         "lg.yaml:7: global.send_buffer: found \"65MiB\", expected a size from 4KiB to 64MiB "
         "(units: KiB, MiB, GiB)"},
        {"send_buffer: 256KiB", "send_buffer: big",
         "lg.yaml:7: global.send_buffer: found \"big\", expected a size from 4KiB to 64MiB (units: "
         "KiB, MiB, GiB)"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesBadGlobalValues)
{
    static const struct fx_mistake mistakes[] = {
        {"workers: [1, 2]", "workers: 0",
         "lg.yaml:2: global.workers: found \"0\", expected a list of CPU numbers such as [1, 2], "
         "or a count from 1 to 64"},
        {"workers: [1, 2]", "workers: many",
         "lg.yaml:2: global.workers: found \"many\", expected a list of CPU numbers such as [1, "
         "2], or a count from 1 to 64"},
        {"workers: [1, 2]", "workers: []",
         "lg.yaml:2: global.workers: found a list, expected a list of CPU numbers such as [1, 2], "
         "or a count from 1 to 64"},
        {"workers: [1, 2]", "workers: [1, x]",
         "lg.yaml:2: global.workers[1]: found \"x\", expected the number of a CPU"},
        {"control_cpu: 0", "control_cpu: first",
         "lg.yaml:3: global.control_cpu: found \"first\", expected the number of a CPU, or any"},
        {"source_ports: 32768-60999", "source_ports: 80-90",
         "lg.yaml:8: global.source_ports: found \"80-90\", expected a port range within "
         "1024-65535, such as 32768-60999"},
        {"source_ports: 32768-60999", "source_ports: 60999-32768",
         "lg.yaml:8: global.source_ports: found \"60999-32768\", expected a port range within "
         "1024-65535, such as 32768-60999; the lower port comes first"},
        {"source_ports: 32768-60999", "source_ports: 70000",
         "lg.yaml:8: global.source_ports: found \"70000\", expected a port range within "
         "1024-65535, such as 32768-60999"},
        {"drain_timeout: 30s", "control_socket: lockgate.sock",
         "lg.yaml:9: global.control_socket: found \"lockgate.sock\", expected an absolute path of "
         "at most 107 bytes, or \"\" for none"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesBadAddresses)
{
    static const struct fx_mistake mistakes[] = {
        {"10.1.0.2/24, ", "10.1.0.2, ",
         "lg.yaml:15: ports[0].addresses[0]: found \"10.1.0.2\", expected an address with its "
         "prefix, such as 192.0.2.1/24; add the prefix length after a '/'"},
        {"10.1.0.2/24, ", "10.1.0.2/33, ",
         "lg.yaml:15: ports[0].addresses[0]: found \"10.1.0.2/33\", expected an address with its "
         "prefix, such as 192.0.2.1/24"},
        {"10.1.0.2/24, ", "ten/24, ",
         "lg.yaml:15: ports[0].addresses[0]: found \"ten/24\", expected an address with its "
         "prefix, such as 192.0.2.1/24"},
        {"via: 10.1.0.1", "via: 0.0.0.0",
         "lg.yaml:18: routes[0].via: found \"0.0.0.0\", expected the address of one machine"},
        {"via: 10.1.0.1", "via: router",
         "lg.yaml:18: routes[0].via: found \"router\", expected an IP address such as 192.0.2.1 or "
         "2001:db8::1"},
        {"bind: \"10.1.0.2:8443\"", "bind: 10.1.0.2",
         "lg.yaml:43: listeners[1].bind[0]: found \"10.1.0.2\", expected an address and port such "
         "as 192.0.2.1:443 or [2001:db8::1]:443; add the port"},
        {"bind: \"10.1.0.2:8443\"", "bind: \"*:8443\"",
         "lg.yaml:43: listeners[1].bind[0]: found \"*:8443\", expected an address and port such as "
         "192.0.2.1:443 or [2001:db8::1]:443"},
        {"bind: \"10.1.0.2:8443\"", "bind: \"fd00:1::2:8443\"",
         "lg.yaml:43: listeners[1].bind[0]: found \"fd00:1::2:8443\", expected an address and port "
         "such as 192.0.2.1:443 or [2001:db8::1]:443; put the IPv6 address in brackets and the "
         "port after them"},
        {"mac: \"02:00:00:00:00:01\"", "mac: 02-00-00-00-00-01",
         "lg.yaml:14: ports[0].mac: found \"02-00-00-00-00-01\", expected an Ethernet address such "
         "as \"02:00:00:00:00:01\"; six pairs of hex digits, in quotes"},
        {"mac: \"02:00:00:00:00:01\"", "mac: \"03:00:00:00:00:01\"",
         "lg.yaml:14: ports[0].mac: found \"03:00:00:00:00:01\", expected the address of one "
         "machine; the first byte must be even"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesBadDevices)
{
    static const struct fx_mistake mistakes[] = {
        {"device: \"af_xdp:lg-front\"", "device: eth0",
         "lg.yaml:12: ports[0].device: found \"eth0\", expected a device that begins with pci:, "
         "af_xdp:, tap:, memif: or vdev:; for a kernel interface write af_xdp:NAME"},
        {"device: \"af_xdp:lg-front\"", "device: \"xdp:eth0\"",
         "lg.yaml:12: ports[0].device: found \"xdp:eth0\", expected a device that begins with "
         "pci:, af_xdp:, tap:, memif: or vdev:"},
        {"device: \"af_xdp:lg-front\"", "device: \"tap:\"",
         "lg.yaml:12: ports[0].device: found \"tap:\", expected a device without blanks after the "
         "first colon"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, RefusesBadHostsAndPaths)
{
    static const struct fx_mistake mistakes[] = {
        {"alpn: [h2x]", "alpn: [\"\"]",
         "lg.yaml:46: listeners[1].tls.alpn[0]: found \"\", expected a protocol name of 1 to 255 "
         "bytes (RFC 7301)"},
        {"host: \"Shop.Example\"", "host: \"shop.example:443\"",
         "lg.yaml:38: listeners[0].routes[0].host: found \"shop.example:443\", expected a host "
         "such as example.com, \"*.example.com\" or \"*\"; leave out the port"},
        {"host: \"Shop.Example\"", "host: \"shop..example\"",
         "lg.yaml:38: listeners[0].routes[0].host: found \"shop..example\", expected a host such "
         "as example.com, \"*.example.com\" or \"*\""},
        {"host: \"Shop.Example\"", "host: \"shop.example.\"",
         "lg.yaml:38: listeners[0].routes[0].host: found \"shop.example.\", expected a host such "
         "as example.com, \"*.example.com\" or \"*\"; leave out the dot at the end"},
        {"host: \"Shop.Example\"", "host: \"a.*.example\"",
         "lg.yaml:38: listeners[0].routes[0].host: found \"a.*.example\", expected a host such as "
         "example.com, \"*.example.com\" or \"*\""},
        {"path: /api", "path: api",
         "lg.yaml:38: listeners[0].routes[0].path: found \"api\", expected a path such as / or "
         "/api; it begins with '/'"},
        {"path: /api", "path: /api?x",
         "lg.yaml:38: listeners[0].routes[0].path: found \"/api?x\", expected a path such as / or "
         "/api; without query and blanks; for patterns there is regex"},
        {"path: /api", "path: /a/../b",
         "lg.yaml:38: listeners[0].routes[0].path: found \"/a/../b\", expected a path such as / or "
         "/api; without . and .. segments"},
        {"path: /api", "path: /a//b",
         "lg.yaml:38: listeners[0].routes[0].path: found \"/a//b\", expected a path such as / or "
         "/api; without empty segments"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigSchema, LetsNobodyAdministerUnseen)
{
#define ADMIN(text) "ports:\n  - name: front", "admin: {" text "}\nports:\n  - name: front"
    static const char nobody[] =
        "lg.yaml:10: admin: whoever reaches that address could steer this Lockgate, from this "
        "machine too; give token_file, or tls with client_ca";
    static const struct fx_mistake mistakes[] = {
        {ADMIN("address: \"127.0.0.1:9443\""), nobody},
        {ADMIN("address: \"127.0.0.1:9443\", tls: {cert: a, key: b}"), nobody},
        {ADMIN("token_file: t"),
         "lg.yaml:10: admin: \"address\" is missing: where to serve the admin API"},
        {ADMIN("address: \"10.1.0.2:9443\", token_file: t, tls: {cert: a, key: b}"),
         "lg.yaml:10: admin.address: 10.1.0.2 is Lockgate's own address on port \"front\"; "
         "expected "
         "one of the kernel's"},
        {ADMIN("address: \"127.0.0.1:9443\", tls: {client_ca: c, cert: a}"),
         "lg.yaml:10: admin.tls: \"key\" is missing: a PEM file for the server's private key"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
    struct lg_diag diag = {0};
    struct lg_config *cfg = fx_config(ADMIN("address: \"[::1]:9443\", token_file: /etc/t"), &diag);
    T_STOP_IF_FAILED();
    EXPECT(cfg->admin.on && !cfg->admin.cert);
    EXPECT_STR(cfg->admin.token_file, "/etc/t");
    EXPECT_EQ(diag.warn_cnt, 0);
    lg_config_free(cfg);
    cfg = fx_config(ADMIN("address: \"192.0.2.9:9443\", token_file: t"), &diag);
    T_STOP_IF_FAILED();
    EXPECT_HAS(diag.msg[0].text, "admin: without tls the token crosses the network in clear");
    lg_config_free(cfg);
}
