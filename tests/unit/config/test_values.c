/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_values.c: what a good text becomes, key by key, and what is filled in. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char minimal[] =
    "ports: [{name: p, device: \"tap:t\", addresses: 10.0.0.2/24}]\n"
    "pools: [{name: w, backends: [{name: a, address: \"10.0.0.9:80\"}]}]\n"
    "listeners: [{name: l, type: https, bind: \"10.0.0.2:443\", pool: w,\n"
    "             tls: {certificates: [{cert: c, key: k}]}}]\n";

static struct lg_config *minimal_config(void)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = NULL;

    EXPECT_OK(fx_parse(minimal, &cfg, diag));
    EXPECT_EQ(diag->kept_cnt, 0);
    free(diag);
    return cfg;
}

TEST(ConfigValues, FillsGlobalDefaults)
{
    struct lg_config *cfg = minimal_config();

    REQUIRE(cfg != NULL);
    EXPECT_STR(cfg->file, "lg.yaml");
    EXPECT_EQ(cfg->worker_cnt, 1);
    EXPECT_EQ(cfg->worker_cpus[0], 1);
    EXPECT_EQ(cfg->control_cpu, -1);
    EXPECT_EQ(cfg->idle, LG_IDLE_ADAPTIVE);
    EXPECT_EQ(cfg->cc, LG_CC_CUBIC);
    EXPECT_EQ(cfg->ecn, LG_CFG_ECN_PASSIVE);
    EXPECT(cfg->pacing);
    EXPECT_EQ(cfg->user_timeout_ns, 0);
    EXPECT_EQ(cfg->syn_backlog, 1024);
    EXPECT_EQ(cfg->source_conns, 0);
    EXPECT_EQ(cfg->source_cps, 0);
    EXPECT_EQ(cfg->memory_mb, 512);
    EXPECT(cfg->hugepages);
    EXPECT_EQ(cfg->max_connections, 20000);
    EXPECT_EQ(cfg->packet_buffers, 0);
    EXPECT_EQ(cfg->snd_buf_sz, 4 << 20);
    EXPECT_EQ(cfg->rcv_buf_sz, 4 << 20);
    EXPECT_STR(cfg->eal_extra, "");
    EXPECT_STR(cfg->control_socket, "/run/lockgate.sock");
    EXPECT_STR(cfg->log_level, "info");
    EXPECT_EQ(cfg->drain_timeout_ns, LG_SEC(30));
    EXPECT_EQ(cfg->port_lo, 32768);
    EXPECT_EQ(cfg->port_hi, 60999);
    EXPECT_STR(cfg->file_prefix, "lockgate");
    EXPECT_EQ(cfg->route_cnt, 0);
    lg_config_free(cfg);
}

TEST(ConfigValues, FillsPortPoolAndListenerDefaults)
{
    struct lg_config *cfg = minimal_config();

    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->ports[0].mtu, 1500);
    EXPECT(!cfg->ports[0].trust_rx_csum);
    EXPECT(cfg->ports[0].dad);
    EXPECT(!cfg->ports[0].router_advertisements);
    EXPECT(!cfg->ports[0].has_mac);
    EXPECT_EQ(cfg->pools[0].balance.how, LG_BALANCE_ROUNDROBIN);
    EXPECT_STR(cfg->pools[0].balance.name, "");
    EXPECT_EQ(cfg->pools[0].slow_start_ns, 0);
    EXPECT_EQ(cfg->pools[0].queue_max, 1024);
    EXPECT_EQ(cfg->pools[0].queue_timeout_ns, LG_SEC(5));
    EXPECT_EQ(cfg->pools[0].backends[0].weight, 1);
    EXPECT_EQ(cfg->pools[0].backends[0].max_connections, 0);
    EXPECT(!cfg->pools[0].backends[0].backup);
    EXPECT(!cfg->pools[0].backends[0].drain);
    EXPECT_EQ(cfg->pools[0].connect_timeout_ns, LG_SEC(5));
    EXPECT_EQ(cfg->pools[0].response_timeout_ns, LG_SEC(60));
    EXPECT_EQ(cfg->pools[0].keepalive_max, 64);
    EXPECT_EQ(cfg->pools[0].keepalive_idle_ns, LG_SEC(30));
    const struct lg_cfg_listener *l = &cfg->listeners[0];
    EXPECT_EQ(l->handshake_timeout_ns, LG_SEC(10));
    EXPECT_EQ(l->header_timeout_ns, LG_SEC(10));
    EXPECT_EQ(l->keepalive_timeout_ns, LG_SEC(60));
    EXPECT_EQ(l->idle_timeout_ns, LG_SEC(300));
    EXPECT_EQ(l->max_header_sz, 16384);
    EXPECT_EQ(l->tls.min_version, LG_TLS_12);
    EXPECT_EQ(l->tls.max_version, LG_TLS_13);
    EXPECT_EQ(l->tls.prefer, LG_PREFER_SERVER);
    EXPECT(!l->tls.sni_strict);
    EXPECT_EQ(l->tls.client_auth, LG_AUTH_NONE);
    EXPECT(l->tls.client_ca == NULL);
    EXPECT_EQ(l->tls.crl_cnt, 0);
    EXPECT_EQ(l->tls.verify_depth, 4);
    EXPECT(l->tls.certs[0].passphrase_file == NULL);
    lg_config_free(cfg);
}

TEST(ConfigValues, ReadsPortsRoutesAndPools)
{
    struct lg_config *cfg = fx_config("global:", "global:", NULL);
    char text[LG_ENDPOINT_STR_SZ];

    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->worker_cnt, 2);
    EXPECT_EQ(cfg->worker_cpus[1], 2);
    EXPECT_EQ(cfg->control_cpu, 0);
    const struct lg_cfg_port *port = &cfg->ports[0];
    EXPECT_EQ(port->line, 11);
    EXPECT_STR(port->name, "front");
    EXPECT_STR(port->device, "af_xdp:lg-front");
    EXPECT(port->has_mac);
    EXPECT_MEM(port->mac, "\x02\0\0\0\0\x01", 6);
    EXPECT_EQ(port->address_cnt, 2);
    EXPECT_STR(lg_ip_text(&port->addresses[1].ip, text), "fd00:1::2");
    EXPECT_EQ(port->addresses[1].len, 64);
    EXPECT_EQ(cfg->routes[0].line, 17);
    EXPECT_EQ(cfg->routes[0].to.len, 0);
    EXPECT_STR(lg_ip_text(&cfg->routes[0].via, text), "10.1.0.1");
    EXPECT_EQ(cfg->routes[0].port_idx, 0);
    EXPECT_EQ(cfg->pools[0].backend_cnt, 2);
    EXPECT_EQ(cfg->pools[0].backends[1].line, 25);
    EXPECT_STR(cfg->pools[0].backends[1].name, "b");
    EXPECT_STR(lg_endpoint_text(&cfg->pools[0].backends[1].addr, text), "10.1.0.11:80");
    lg_config_free(cfg);
}

TEST(ConfigValues, ReadsHowAPoolBalances)
{
    static const struct {
        const char *text;
        enum lg_balance how;
        const char *name;
    } ways[] = {{"leastconn", LG_BALANCE_LEASTCONN, ""},
                {"ewma", LG_BALANCE_EWMA, ""},
                {"source", LG_BALANCE_SOURCE, ""},
                {"uri", LG_BALANCE_URI, ""},
                {"header:X-User", LG_BALANCE_HEADER, "x-user"},
                {"cookie:SID", LG_BALANCE_COOKIE, "SID"}};
    for (size_t i = 0; i < LG_ARRAY_CNT(ways); i++) {
        char text[600];
        snprintf(text, sizeof text,
                 "ports: [{name: p, device: \"tap:t\", addresses: 10.0.0.2/24}]\n"
                 "pools: [{name: w, balance: \"%s\", slow_start: 10s, queue: {max: 0},\n"
                 "  backends: [{name: a, address: \"10.0.0.9:80\", weight: 256, backup: true,\n"
                 "              max_connections: 7, drain: yes}]}]\n"
                 "listeners: [{name: l, type: https, bind: \"10.0.0.2:443\", pool: w,\n"
                 "             tls: {certificates: [{cert: c, key: k}]}}]\n",
                 ways[i].text);
        struct lg_config *cfg = NULL;
        struct lg_diag *diag = calloc(1, sizeof *diag);
        EXPECT_OK(fx_parse(text, &cfg, diag));
        free(diag);
        REQUIRE(cfg != NULL);
        EXPECT_EQ(cfg->pools[0].balance.how, ways[i].how);
        EXPECT_STR(cfg->pools[0].balance.name, ways[i].name);
        EXPECT_EQ(cfg->pools[0].slow_start_ns, LG_SEC(10));
        EXPECT_EQ(cfg->pools[0].queue_max, 0);
        EXPECT_EQ(cfg->pools[0].backends[0].weight, 256);
        EXPECT_EQ(cfg->pools[0].backends[0].max_connections, 7);
        EXPECT(cfg->pools[0].backends[0].backup);
        EXPECT(cfg->pools[0].backends[0].drain);
        lg_config_free(cfg);
    }
}

TEST(ConfigValues, ReadsListeners)
{
    struct lg_config *cfg = fx_config("global:", "global:", NULL);
    char text[LG_ENDPOINT_STR_SZ];

    REQUIRE(cfg != NULL);
    const struct lg_cfg_listener *shop = &cfg->listeners[0], *raw = &cfg->listeners[1];
    EXPECT_EQ(shop->line, 27);
    EXPECT_EQ(shop->type, LG_LISTENER_HTTPS);
    EXPECT_EQ(shop->bind_cnt, 2);
    EXPECT_STR(lg_endpoint_text(&shop->binds[1], text), "[fd00:1::2]:443");
    EXPECT_EQ(shop->tls.line, 30);
    EXPECT_EQ(shop->tls.certs[0].line, 33);
    EXPECT_EQ(shop->tls.client_auth, LG_AUTH_REQUIRED);
    EXPECT_EQ(shop->tls.crl_fail, LG_CRL_FAIL_CLOSED);
    EXPECT_EQ(shop->tls.crl_cnt, 1);
    EXPECT_EQ(shop->route_cnt, 2);
    EXPECT_STR(shop->routes[0].host, "shop.example");
    EXPECT_STR(shop->routes[0].path, "/api");
    EXPECT_STR(shop->routes[1].host, "*");
    EXPECT_STR(shop->routes[1].path, "/");
    EXPECT_EQ(shop->routes[1].line, 39);
    EXPECT_EQ(shop->tls.alpn_cnt, 1);
    EXPECT_STR(shop->tls.alpn[0], "http/1.1");
    EXPECT_EQ(raw->type, LG_LISTENER_TCP_SSL);
    EXPECT_EQ(raw->bind_cnt, 1);
    EXPECT_STR(raw->tls.alpn[0], "h2x");
    EXPECT_EQ(raw->route_cnt, 0);
    lg_config_free(cfg);
}

TEST(ConfigValues, TakesTheOtherSpellingsOfBooleans)
{
    static const struct {
        const char *word;
        bool value;
    } cases[] = {{"true", true},   {"yes", true}, {"On", true},
                 {"false", false}, {"NO", false}, {"off", false}};

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        char to[64];
        snprintf(to, sizeof to, "hugepages: %s", cases[i].word);
        struct lg_config *cfg = fx_config("idle: adaptive", to, NULL);
        REQUIRE(cfg != NULL);
        EXPECT_EQ(cfg->hugepages, cases[i].value);
        lg_config_free(cfg);
    }
}

TEST(ConfigValues, ReadsDurationsInEveryUnit)
{
    static const struct {
        const char *word;
        lg_ns_t ns;
    } cases[] = {{"1000us", LG_MS(1)},
                 {"250ms", LG_MS(250)},
                 {"10s", LG_SEC(10)},
                 {"5m", LG_SEC(300)},
                 {"1h", LG_SEC(3600)}};

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        char to[64];
        snprintf(to, sizeof to, "connect_timeout: %s", cases[i].word);
        struct lg_config *cfg = fx_config("connect_timeout: 5s", to, NULL);
        REQUIRE(cfg != NULL);
        EXPECT_EQ(cfg->pools[0].connect_timeout_ns, cases[i].ns);
        lg_config_free(cfg);
    }
}

TEST(ConfigValues, ReadsSizesWithAndWithoutUnit)
{
    static const struct {
        const char *word;
        uint32_t sz;
    } cases[] = {{"8192", 8192}, {"256KiB", 256 << 10}, {"16MiB", 16 << 20}};

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        char to[64];
        snprintf(to, sizeof to, "send_buffer: %s", cases[i].word);
        struct lg_config *cfg = fx_config("send_buffer: 256KiB", to, NULL);
        REQUIRE(cfg != NULL);
        EXPECT_EQ(cfg->snd_buf_sz, cases[i].sz);
        lg_config_free(cfg);
    }
    struct lg_config *cfg = fx_config("memory: 512MiB", "memory: 2GiB", NULL);
    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->memory_mb, 2048);
    lg_config_free(cfg);
}

static void expect_workers(uint32_t cpu_cnt, const char *workers, uint16_t first, uint32_t cnt)
{
    const struct lg_env env = {.cpu_cnt = cpu_cnt};
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = NULL;
    char *text = fx_edit("workers: [1, 2]", workers);

    EXPECT_OK(lg_config_parse_on(&env, lg_span_cstr(text), "lg.yaml", &cfg, diag));
    if (cfg) {
        EXPECT_EQ(cfg->worker_cnt, cnt);
        for (uint32_t i = 0; i < cnt && i < cfg->worker_cnt; i++)
            EXPECT_EQ(cfg->worker_cpus[i], first + i);
    }
    lg_config_free(cfg);
    free(text);
    free(diag);
}

TEST(ConfigValues, PlacesACountOfWorkersAwayFromCpu0WhenItCan)
{
    expect_workers(4, "workers: 3", 1, 3);
    expect_workers(4, "workers: 4", 0, 4);
    expect_workers(1, "workers: 1", 0, 1);
    expect_workers(0, "workers: 2", 1, 2);
    expect_workers(64, "workers: 63", 1, 63);
}

TEST(ConfigValues, PutsARouteOnThePortWithTheLongestPrefix)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg =
        fx_config("routes:\n",
                  "  - {name: back, device: \"tap:b\", addresses: [10.1.0.3/28]}\nroutes:\n", diag);

    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->routes[0].port_idx, 1);
    EXPECT_EQ(diag->warn_cnt, 1);
    EXPECT_STR(diag->msg[0].text,
               "lg.yaml:16: ports[1].addresses: 10.1.0.0/24 is the network of port \"front\" too; "
               "packets to it leave by the longest prefix, then by the first port");
    lg_config_free(cfg);
    free(diag);
}

static void expect_warning(const char *from, const char *to, const char *want)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = fx_config(from, to, diag);

    EXPECT_EQ(diag->warn_cnt, 1);
    EXPECT(!diag->msg[0].is_error);
    EXPECT_STR(diag->msg[0].text, want);
    lg_config_free(cfg);
    free(diag);
}

TEST(ConfigValues, WarnsOfWhatHasNoEffect)
{
    expect_warning("idle: 300s", "header: 3s",
                   "lg.yaml:48: listeners[1].timeouts.header: has no effect: a tcp_ssl listener "
                   "reads no requests");
    expect_warning("pools:\n",
                   "pools:\n  - {name: old, backends: [{name: a, address: \"10.1.0.9:1\"}]}\n",
                   "lg.yaml:20: pools[0]: no listener uses pool \"old\"");
    expect_warning("control_cpu: 0", "control_cpu: 2",
                   "lg.yaml:3: global.control_cpu: CPU 2 runs a worker too, and another CPU is "
                   "free");
}
