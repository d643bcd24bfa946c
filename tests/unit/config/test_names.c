/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backends by name: how they are written, and what becomes of them when addresses are known. */
#include "fixture.h"
#include "names.h"

#include <stdio.h>
#include <stdlib.h>

#define BACKEND "{name: b, address: \"10.1.0.11:80\"}"
#define EXPECTED                                                                                   \
    ", expected an address and port such as 192.0.2.1:80 or [2001:db8::1]:80, or a name and port " \
    "such as app.example.com:80"

TEST(Names, AreTakenInPlaceOfAnAddress)
{
    struct lg_config *cfg =
        fx_config(BACKEND, "{name: b, address: \"App-1.Example.com:8080\", resolve: first}", NULL);
    REQUIRE(cfg != NULL);
    const struct lg_cfg_backend *be = cfg->pools[0].backends;

    EXPECT(be[0].host == NULL);
    EXPECT_STR(be[1].host, "app-1.example.com");
    EXPECT_EQ(be[1].addr.port, 8080);
    EXPECT(be[1].resolve_first);
    EXPECT(!be[0].resolve_first);
    EXPECT(lg_config_has_names(cfg));
    lg_config_free(cfg);
}

TEST(Names, MistakesAreNotTakenForNames)
{
    static const struct fx_mistake mistakes[] = {
        {"10.1.0.11:80", "app.example.com",
         "lg.yaml:25: pools[0].backends[1].address: found \"app.example.com\"" EXPECTED
         "; add the port"},
        {"10.1.0.11:80", "app.example.com:0",
         "lg.yaml:25: pools[0].backends[1].address: found \"app.example.com:0\"" EXPECTED
         "; a port is 1 to 65535"},
        {"10.1.0.11:80", "app.example.com:65536",
         "lg.yaml:25: pools[0].backends[1].address: found \"app.example.com:65536\"" EXPECTED
         "; a port is 1 to 65535"},
        {"10.1.0.11:80", "10.1.0.256:80",
         "lg.yaml:25: pools[0].backends[1].address: found \"10.1.0.256:80\", expected an address "
         "and port such as 192.0.2.1:443 or [2001:db8::1]:443"},
        {"10.1.0.11:80", "app..example:80",
         "lg.yaml:25: pools[0].backends[1].address: found \"app..example:80\", expected an address "
         "and port such as 192.0.2.1:443 or [2001:db8::1]:443"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(Names, HaveSettingsWithDefaults)
{
    struct lg_config *cfg = fx_config("routes:\n  - to: 0.0.0.0/0",
                                      "dns: {nameservers: [192.0.2.53, \"[2001:db8::53]:5353\"], "
                                      "max_ttl: 1m, start: required, family: ipv6}\n"
                                      "routes:\n  - to: 0.0.0.0/0",
                                      NULL);
    char text[LG_ENDPOINT_STR_SZ];
    REQUIRE(cfg != NULL);

    EXPECT_EQ(cfg->dns.server_cnt, 2);
    EXPECT_STR(lg_endpoint_text(&cfg->dns.servers[0], text), "192.0.2.53:53");
    EXPECT_STR(lg_endpoint_text(&cfg->dns.servers[1], text), "[2001:db8::53]:5353");
    EXPECT_EQ(cfg->dns.max_ttl_ns, LG_SEC(60));
    EXPECT_EQ(cfg->dns.min_ttl_ns, LG_SEC(1));
    EXPECT_EQ(cfg->dns.retry_ns, LG_SEC(5));
    EXPECT_EQ(cfg->dns.stale_timeout_ns, 0);
    EXPECT(cfg->dns.is_required);
    EXPECT_EQ(cfg->dns.family, LG_DNS_IPV6);
    EXPECT_STR(cfg->dns.hosts_file, "/etc/hosts");
    lg_config_free(cfg);
}

TEST(Names, TtlBoundsAreInOrder)
{
    static const struct fx_mistake mistakes[] = {
        {"routes:\n  - to: 0.0.0.0/0",
         "dns: {min_ttl: 10s, max_ttl: 5s}\nroutes:\n  - to: 0.0.0.0/0",
         "lg.yaml:16: dns.min_ttl: above max_ttl"}};
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

/* Three addresses, of which one is ours and one leads nowhere when there is no default route. */
static lg_ip_t ips[4];
static uint32_t ip_cnt;

static void find(void *ctx, const char *host, struct lg_name_addrs *out)
{
    (void)ctx;
    *out = (struct lg_name_addrs){0};
    if (strcmp(host, "app.example") == 0)
        *out = (struct lg_name_addrs){.ips = ips, .cnt = ip_cnt, .first = ip_cnt - 1};
}

static void set_ips(const char *a, const char *b, const char *c)
{
    const char *texts[] = {a, b, c};

    ip_cnt = 0;
    for (int i = 0; i < 3 && texts[i]; i++)
        EXPECT_OK(lg_ip_parse(lg_span_cstr(texts[i]), &ips[ip_cnt++]));
}

/* expect_backends resolves and compares "name=address:port/weight" of all backends. */
static void expect_backends(struct lg_config *file, const char *want, uint32_t warn_cnt)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = NULL;
    char text[1024] = "", addr[LG_ENDPOINT_STR_SZ];

    REQUIRE(diag != NULL);
    EXPECT_OK(lg_config_resolve(file, find, NULL, &cfg, diag));
    for (uint32_t i = 0; cfg && i < cfg->pools[0].backend_cnt; i++) {
        const struct lg_cfg_backend *be = &cfg->pools[0].backends[i];
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s/%u%s", i ? " " : "",
                 be->name, lg_endpoint_text(&be->addr, addr), be->weight, be->drain ? "!" : "");
    }
    EXPECT_STR(text, want);
    EXPECT_EQ(diag->warn_cnt, warn_cnt);
    EXPECT_EQ(diag->error_cnt, 0);
    lg_config_free(cfg);
    free(diag);
}

TEST(Names, BecomeOneBackendForEachAddress)
{
    struct lg_config *cfg =
        fx_config(BACKEND, "{name: b, address: \"app.example:81\", weight: 3}", NULL);
    REQUIRE(cfg != NULL);

    set_ips("10.7.0.1", "10.7.0.2", "fd00:1::9");
    expect_backends(cfg,
                    "a=10.2.0.10:80/1 b@10.7.0.1=10.7.0.1:81/3 b@10.7.0.2=10.7.0.2:81/3 "
                    "b@fd00:1::9=[fd00:1::9]:81/3",
                    0);
    set_ips("10.1.0.2", "2001:db8::1", "10.7.0.2"); /* ours; no way there */
    expect_backends(cfg, "a=10.2.0.10:80/1 b@10.7.0.2=10.7.0.2:81/3", 2);
    set_ips(NULL, NULL, NULL);
    expect_backends(cfg, "a=10.2.0.10:80/1 b=[::]:81/0!", 0);
    lg_config_free(cfg);
}

TEST(Names, FirstIsOneOfThemUnderItsOwnName)
{
    struct lg_config *cfg =
        fx_config(BACKEND, "{name: b, address: \"app.example:81\", resolve: first}", NULL);
    REQUIRE(cfg != NULL);

    set_ips("10.7.0.1", "10.7.0.2", NULL);
    expect_backends(cfg, "a=10.2.0.10:80/1 b=10.7.0.2:81/1", 0);
    set_ips("10.7.0.1", "10.1.0.2", NULL); /* the one kept is not usable: another is */
    expect_backends(cfg, "a=10.2.0.10:80/1 b=10.7.0.1:81/1", 1);
    lg_config_free(cfg);
}

TEST(Names, WithoutAnyTheFileIsTheConfiguration)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = fx_config("idle: adaptive", "idle: poll", NULL), *same = NULL;
    REQUIRE(cfg != NULL && diag != NULL);

    EXPECT_OK(lg_config_resolve(cfg, find, NULL, &same, diag));
    EXPECT(same == cfg);
    lg_config_free(cfg);
    EXPECT_EQ(same->worker_cnt, 2); /* held */
    lg_config_free(same);
    free(diag);
}
