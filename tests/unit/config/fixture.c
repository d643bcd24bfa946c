/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.c: see fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

const char fx_good[] = "global:\n"
                       "  workers: [1, 2]\n"
                       "  control_cpu: 0\n"
                       "  idle: adaptive\n"
                       "  memory: 512MiB\n"
                       "  max_connections: 20000\n"
                       "  send_buffer: 256KiB\n"
                       "  source_ports: 32768-60999\n"
                       "  drain_timeout: 30s\n"
                       "ports:\n"
                       "  - name: front\n"
                       "    device: \"af_xdp:lg-front\"\n"
                       "    mtu: 1500\n"
                       "    mac: \"02:00:00:00:00:01\"\n"
                       "    addresses: [10.1.0.2/24, \"fd00:1::2/64\"]\n"
                       "routes:\n"
                       "  - to: 0.0.0.0/0\n"
                       "    via: 10.1.0.1\n"
                       "pools:\n"
                       "  - name: web\n"
                       "    connect_timeout: 5s\n"
                       "    keepalive: {max: 64, idle: 30s}\n"
                       "    backends:\n"
                       "      - {name: a, address: \"10.2.0.10:80\"}\n"
                       "      - {name: b, address: \"10.1.0.11:80\"}\n"
                       "listeners:\n"
                       "  - name: shop\n"
                       "    type: https\n"
                       "    bind: [\"10.1.0.2:443\", \"[fd00:1::2]:443\"]\n"
                       "    tls:\n"
                       "      min_version: \"1.2\"\n"
                       "      certificates:\n"
                       "        - {cert: shop.pem, key: shop.key}\n"
                       "      client_auth: required\n"
                       "      client_ca: clients.pem\n"
                       "      crl: [clients.crl]\n"
                       "    routes:\n"
                       "      - {host: \"Shop.Example\", path: /api, pool: web}\n"
                       "    pool: web\n"
                       "    max_header: 16KiB\n"
                       "  - name: raw\n"
                       "    type: tcp_ssl\n"
                       "    bind: \"10.1.0.2:8443\"\n"
                       "    tls:\n"
                       "      certificates: [{cert: raw.pem, key: raw.key}]\n"
                       "      alpn: [h2x]\n"
                       "    pool: web\n"
                       "    timeouts: {handshake: 10s, idle: 300s}\n";

lg_err_t fx_parse(const char *text, struct lg_config **out, struct lg_diag *diag)
{
    const struct lg_env env = {.cpu_cnt = 4, .checks_files = false};
    return lg_config_parse_on(&env, lg_span_cstr(text), "lg.yaml", out, diag);
}

char *fx_edit(const char *from, const char *to)
{
    const char *at = strstr(fx_good, from);
    char *text = NULL;

    if (!at)
        t_fail(__FILE__, __LINE__, "not in fx_good: %s", from);
    else if (asprintf(&text, "%.*s%s%s", (int)(at - fx_good), fx_good, to, at + strlen(from)) < 0)
        text = NULL;
    return text;
}

struct lg_config *fx_config(const char *from, const char *to, struct lg_diag *diag)
{
    struct lg_diag *own = diag ? NULL : calloc(1, sizeof *own);
    struct lg_diag *d = diag ? diag : own;
    struct lg_config *cfg = NULL;
    char *text = fx_edit(from, to);

    if (text && d && !lg_is_ok(fx_parse(text, &cfg, d)))
        t_fail(__FILE__, __LINE__, "refused: %s", d->msg[0].text);
    free(text);
    free(own);
    return cfg;
}

static void expect_mistake(const struct fx_mistake *m, struct lg_diag *diag)
{
    struct lg_config *cfg = NULL;
    char *text = fx_edit(m->from, m->to);

    if (!text)
        return;
    memset(diag, 0, sizeof *diag);
    EXPECT_ERR(fx_parse(text, &cfg, diag), LG_E(CONFIG));
    EXPECT(cfg == NULL);
    EXPECT_EQ(diag->error_cnt, 1);
    EXPECT_STR(diag->msg[0].text, m->message);
    for (uint32_t i = 1; i < diag->kept_cnt; i++)
        t_fail(__FILE__, __LINE__, "one more: %s", diag->msg[i].text);
    lg_config_free(cfg);
    free(text);
}

void fx_expect_mistakes(const struct fx_mistake *m, size_t cnt)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);

    REQUIRE(diag != NULL);
    for (size_t i = 0; i < cnt; i++)
        expect_mistake(&m[i], diag);
    free(diag);
}
