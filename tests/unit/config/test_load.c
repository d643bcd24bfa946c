/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_load.c: files, the examples, what a reload cannot change, and the printed reference. */
#include "fixture.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own for a test, removed with what is in it. */
struct folder {
    char path[64];
    struct lg_diag diag;
};

static bool write_file(const struct folder *f, const char *name, const char *text)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *out = fopen(path, "w");
    if (!out)
        return false;
    bool ok = fputs(text, out) >= 0;
    return fclose(out) == 0 && ok;
}

static struct folder *open_folder(void)
{
    static const char *const files[] = {"shop.pem",    "shop.key", "rsa.pem",
                                        "rsa.key",     "rsa.pass", "clients.pem",
                                        "clients.crl", "raw.pem",  "raw.key"};
    struct folder *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    strcpy(f->path, "/tmp/lg-config-XXXXXX");
    bool ok = mkdtemp(f->path) != NULL;
    for (size_t i = 0; ok && i < LG_ARRAY_CNT(files); i++)
        ok = write_file(f, files[i], "x\n");
    if (!ok)
        t_fail(__FILE__, __LINE__, "%s: %s", f->path, strerror(errno));
    return f;
}

static void close_folder(struct folder *f)
{
    static const char *const more[] = {"shop.pem", "shop.key",    "rsa.pem",     "rsa.key",
                                       "rsa.pass", "clients.pem", "clients.crl", "raw.pem",
                                       "raw.key",  "lg.yaml"};
    char path[PATH_MAX];

    for (size_t i = 0; i < LG_ARRAY_CNT(more); i++) {
        snprintf(path, sizeof path, "%s/%s", f->path, more[i]);
        unlink(path);
    }
    EXPECT_EQ(rmdir(f->path), 0);
    free(f);
}

/* load reads what was written as lg.yaml. */
static lg_err_t load(struct folder *f, const char *text, struct lg_config **cfg)
{
    char path[PATH_MAX];

    if (text)
        EXPECT(write_file(f, "lg.yaml", text));
    snprintf(path, sizeof path, "%s/lg.yaml", f->path);
    memset(&f->diag, 0, sizeof f->diag);
    return lg_config_load(path, cfg, &f->diag);
}

static char *read_text(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = in ? calloc(1, 1u << 16) : NULL;

    if (text && fread(text, 1, (1u << 16) - 1, in) == 0)
        t_fail(__FILE__, __LINE__, "empty: %s", path);
    if (in)
        fclose(in);
    else
        t_fail(__FILE__, __LINE__, "cannot read %s", path);
    return text;
}

TEST(ConfigLoad, MakesFileNamesAbsolute)
{
    struct folder *f = open_folder();
    struct lg_config *cfg = NULL;
    char want[PATH_MAX];
    REQUIRE(f != NULL);
    char *text = fx_edit("workers: [1, 2]", "workers: 1");

    EXPECT_OK(load(f, text, &cfg));
    if (cfg) {
        snprintf(want, sizeof want, "%s/shop.pem", f->path);
        EXPECT_STR(cfg->listeners[0].tls.certs[0].cert, want);
        snprintf(want, sizeof want, "%s/clients.crl", f->path);
        EXPECT_STR(cfg->listeners[0].tls.crls[0], want);
    }
    lg_config_free(cfg);
    free(text);
    close_folder(f);
}

TEST(ConfigLoad, TakesRelativeNamesFromTheConfigsOwnFolder)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    const struct lg_env env = {.cpu_cnt = 4};
    struct lg_config *cfg = NULL;
    char cwd[PATH_MAX], want[PATH_MAX + 64];

    REQUIRE(getcwd(cwd, sizeof cwd) != NULL);
    EXPECT_OK(lg_config_parse_on(&env, lg_span_cstr(fx_good), "conf/lg.yaml", &cfg, diag));
    REQUIRE(cfg != NULL);
    snprintf(want, sizeof want, "%s/conf/shop.pem", strcmp(cwd, "/") == 0 ? "" : cwd);
    EXPECT_STR(cfg->listeners[0].tls.certs[0].cert, want);
    lg_config_free(cfg);
    cfg = NULL;
    EXPECT_OK(lg_config_parse_on(&env, lg_span_cstr(fx_good), "/lg.yaml", &cfg, diag));
    REQUIRE(cfg != NULL);
    EXPECT_STR(cfg->listeners[0].tls.certs[0].cert, "/shop.pem");
    lg_config_free(cfg);
    free(diag);
}

/* expect_file_error names another file in a good folder and expects one message about it. */
static void expect_file_error(const char *cert, const char *problem)
{
    const struct lg_env env = {.cpu_cnt = 4, .checks_files = true};
    struct folder *f = open_folder();
    struct lg_config *cfg = NULL;
    char to[128], name[128], want[LG_DIAG_TEXT_SZ];

    if (!f)
        return;
    snprintf(to, sizeof to, "cert: %s", cert);
    snprintf(name, sizeof name, "%s/lg.yaml", f->path);
    snprintf(want, sizeof want,
             "%s:45: listeners[1].tls.certificates[0].cert: cannot read %s/%s: %s", name, f->path,
             cert, problem);
    char *text = fx_edit("cert: raw.pem", to);
    EXPECT_ERR(lg_config_parse_on(&env, lg_span_cstr(text), name, &cfg, &f->diag), LG_E(CONFIG));
    EXPECT_EQ(f->diag.kept_cnt, 1);
    EXPECT_STR(f->diag.msg[0].text, want);
    lg_config_free(cfg);
    free(text);
    close_folder(f);
}

TEST(ConfigLoad, NamesFilesThatCannotBeRead)
{
    expect_file_error("none.pem", "no such file");
    expect_file_error("./.", "it is a folder");
    expect_file_error("raw.key/x", "a part of the path is not a folder");
    expect_file_error("../../dev/null", "not a regular file");
}

TEST_NEEDS(ConfigLoad, SaysPermissionDenied, T_ROOT)
{
    struct folder *f = open_folder();
    struct lg_config *cfg = NULL;
    char path[128], want[LG_DIAG_TEXT_SZ];
    REQUIRE(f != NULL);
    char *text = fx_edit("workers: [1, 2]", "workers: 1");

    EXPECT(text && write_file(f, "lg.yaml", text));
    snprintf(path, sizeof path, "%s/raw.key", f->path);
    EXPECT_EQ(chmod(path, 0600), 0);
    EXPECT_EQ(chmod(f->path, 0755), 0);
    EXPECT_EQ(seteuid(65534), 0); /* nobody: root may read everything */
    EXPECT_ERR(load(f, NULL, &cfg), LG_E(CONFIG));
    EXPECT_EQ(seteuid(0), 0);
    snprintf(want, sizeof want,
             "%s/lg.yaml:45: listeners[1].tls.certificates[0].key: cannot read %s: permission "
             "denied",
             f->path, path);
    EXPECT_STR(f->diag.msg[0].text, want);
    EXPECT_EQ(f->diag.error_cnt, 1);
    free(text);
    close_folder(f);
}

TEST(ConfigLoad, SaysWhyTheConfigItselfCannotBeRead)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = NULL;

    EXPECT_ERR(lg_config_load("/no/such/lg.yaml", &cfg, diag), LG_E(CONFIG));
    EXPECT_STR(diag->msg[0].text,
               "/no/such/lg.yaml: cannot read the configuration: No such file or directory");
    EXPECT_ERR(lg_config_load("/", &cfg, diag), LG_E(CONFIG));
    EXPECT_STR(diag->msg[1].text, "/: cannot read the configuration: Is a directory");
    EXPECT_ERR(lg_config_load("/dev/null", &cfg, diag), LG_E(CONFIG));
    EXPECT_STR(diag->msg[2].text, "/dev/null: the file is empty");
    EXPECT_ERR(lg_config_load("/dev/zero", &cfg, diag), LG_E(CONFIG));
    EXPECT_STR(diag->msg[3].text, "/dev/zero: the file is larger than 16 MiB");
    EXPECT(cfg == NULL);
    free(diag);
}

TEST(ConfigLoad, ReportsAllMistakesInOneGo)
{
    static const char text[] = "global: {workers: [9], idlee: poll, memory: 1}\n"
                               "ports: [{name: p, device: eth0, addresses: [10.0.0.2/24]}]\n"
                               "pools: [{name: w, backends: [{name: a, address: \"10.0.0.9\"}]}]\n"
                               "listeners:\n"
                               "  - {name: l, type: tcp_ssl, bind: [\"10.0.0.2:443\"], pool: x,\n"
                               "     tls: {certificates: [{cert: c}], client_auth: must}}\n";
    static const char *const want[] = {
        "lg.yaml:1: global: unknown key \"idlee\"; did you mean \"idle\"?",
        "lg.yaml:1: global.memory: found \"1\", ",
        "lg.yaml:2: ports[0].device: found \"eth0\", ",
        "lg.yaml:3: pools[0].backends[0].address: found \"10.0.0.9\", ",
        "lg.yaml:6: listeners[0].tls.certificates[0]: \"key\" is missing: ",
        "lg.yaml:6: listeners[0].tls.client_auth: found \"must\", ",
        "lg.yaml:1: global.workers[0]: CPU 9 does not exist; this machine has CPUs 0-3",
        "lg.yaml:5: listeners[0].pool: there is no pool \"x\"; define it under pools:",
    };
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = NULL;

    EXPECT_ERR(fx_parse(text, &cfg, diag), LG_E(CONFIG));
    EXPECT_EQ(diag->error_cnt, LG_ARRAY_CNT(want));
    for (uint32_t i = 0; i < diag->kept_cnt && i < LG_ARRAY_CNT(want); i++)
        EXPECT_HAS(diag->msg[i].text, want[i]);
    free(diag);
}

TEST(ConfigLoad, KeepsWarningsOfABadAndAGoodFile)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    struct lg_config *cfg = NULL;

    EXPECT_ERR(fx_parse("a: 1\n", &cfg, diag), LG_E(CONFIG));
    uint32_t errors = diag->error_cnt;
    EXPECT_EQ(errors, 4);                     /* the key, and the three that are missing */
    EXPECT_OK(fx_parse(fx_good, &cfg, diag)); /* earlier errors are not this file's */
    EXPECT_EQ(diag->error_cnt, errors);
    lg_config_free(cfg);
    free(diag);
}

TEST(ConfigLoad, SaysWhatAReloadCannotChange)
{
    static const struct {
        const char *from, *to, *key;
    } cases[] = {
        {"global:", "global:", NULL},
        {"workers: [1, 2]", "workers: [1, 3]", "global.workers"},
        {"workers: [1, 2]", "workers: [1]", "global.workers"},
        {"control_cpu: 0", "control_cpu: 3", "global.control_cpu"},
        {"idle: adaptive", "idle: poll", "global.idle"},
        {"memory: 512MiB", "memory: 513MiB", "global.memory"},
        {"idle: adaptive", "hugepages: false", "global.hugepages"},
        {"max_connections: 20000", "max_connections: 1", "global.max_connections"},
        {"idle: adaptive", "max_backend_connections: 5", "global.max_backend_connections"},
        {"idle: adaptive", "packet_buffers: 4096", "global.packet_buffers"},
        {"send_buffer: 256KiB", "send_buffer: 128KiB", "global.send_buffer"},
        {"idle: adaptive", "receive_buffer: 128KiB", "global.receive_buffer"},
        {"idle: adaptive", "congestion_control: newreno", "global.congestion_control"},
        {"idle: adaptive", "ecn: \"off\"", "global.ecn"},
        {"idle: adaptive", "pacing: false", "global.pacing"},
        {"idle: adaptive", "user_timeout: 30s", "global.user_timeout"},
        {"idle: adaptive", "syn_backlog: 7", "global.syn_backlog"},
        {"idle: adaptive", "connections_per_source: 7", "global.connections_per_source"},
        {"idle: adaptive", "connection_rate_per_source: 7", "global.connection_rate_per_source"},
        {"source_ports: 32768-60999", "source_ports: 32768-60998", "global.source_ports"},
        {"idle: adaptive", "eal_extra: \"--no-telemetry\"", "global.eal_extra"},
        {"idle: adaptive", "file_prefix: other", "global.file_prefix"},
        {"mtu: 1500", "mtu: 9000", "ports"},
        {"10.1.0.2/24, ", "10.1.0.2/25, ", "ports"},
        {"mac: \"02:00:00:00:00:01\"", "trust_rx_checksum: true", "ports"},
        {"routes:\n", "  - {name: b, device: \"tap:b\", addresses: [10.8.0.2/24]}\nroutes:\n",
         "ports"},
        {"via: 10.1.0.1", "via: 10.1.0.7", "routes"},
        {"routes:\n", "routes:\n  - {to: 10.9.0.0/16, via: 10.1.0.1}\n", "routes"},
        {"drain_timeout: 30s", "drain_timeout: 1s", NULL},
        {"drain_timeout: 30s", "log_level: debug", NULL},
        {"client_auth: required", "client_auth: optional", NULL},
        {"10.1.0.11:80", "10.1.0.12:80", NULL},
    };
    struct lg_config *running = fx_config("global:", "global:", NULL);

    REQUIRE(running != NULL);
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct lg_config *next = fx_config(cases[i].from, cases[i].to, NULL);
        const char *key = next ? lg_config_restart_needed(running, next) : "refused";
        EXPECT_STR(key ? key : "", cases[i].key ? cases[i].key : "");
        lg_config_free(next);
    }
    lg_config_free(running);
}

TEST(ConfigLoad, KeepsTheReferenceInStepWithTheTables)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);

    REQUIRE(out != NULL);
    lg_schema_print(out);
    fclose(out);
    char *kept = read_text(CONFIG_DIR "/schema.md");
    EXPECT(kept && strlen(kept) == len && memcmp(kept, printed, len) == 0); /* run schema_md */
    free(kept);
    free(printed);
}

TEST(ConfigLoad, FreesNothing)
{
    lg_config_free(NULL);
}
