/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig_gate.c: starting, asking, reloading and ending the lockgate under test. */
#include "rig_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define START_PATIENCE_MS 30000

const char rig_standard[] = "@standard.yaml";

static struct {
    pid_t pid;        /* 0: none runs */
    char body[16384]; /* what it was started with, and workers and global lines */
    char config[256]; /* its file */
    char workers[64], global[512];
    long mark; /* offset in the log */
    int runs;
} gate;

static char log_text[256 * 1024];

pid_t rig_gate_pid(void)
{
    return gate.pid;
}

const char *rig_program(const char *name)
{
    static char paths[2][256];
    char *path = paths[strcmp(name, "lockgate") == 0 ? 0 : 1];
    const char *dir = getenv("LOCKGATE_BIN_DIR");

    snprintf(path, sizeof paths[0], "%s/control/%s", dir ? dir : E2E_BUILD, name);
    return path;
}

/* ---------------------------------------------------------------- config files */

static int free_huge_mib(void)
{
    char text[32];

    rig_read_file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 0, text, sizeof text);
    return atoi(text) * 2;
}

static const struct {
    const char *word, *text;
} words[] = {
    {"$CERTS", "certificates: [{cert: $PKI/server-ecdsa.pem, key: $PKI/server-ecdsa.key},"
               " {cert: $PKI/server-rsa.pem, key: $PKI/server-rsa.key}]"},
    {"$CRLS", "crl: [$PKI/client-root.crl, $PKI/client-inter.crl]"},
    {"$MUTUAL", "client_auth: required, client_ca: $PKI/client-ca.pem, $CRLS"},
    {"$PKI", "$DIR/pki"},
};

/* put_expanded writes text with the words of standard.yaml replaced. */
static void put_expanded(FILE *f, const char *text)
{
    while (*text) {
        char *end;
        size_t i = 0;
        if (*text != '$') {
            fputc(*text++, f);
        } else if (strncmp(text, "$BIND:", 6) == 0) {
            long port = strtol(text + 6, &end, 10);
            fprintf(f, "bind: [\"" RIG_GATE4 ":%ld\", \"[" RIG_GATE6 "]:%ld\"]", port, port);
            text = end;
        } else if (strncmp(text, "$DIR", 4) == 0) {
            fputs(rig_dir(), f);
            text += 4;
        } else {
            while (i < sizeof words / sizeof words[0] &&
                   strncmp(text, words[i].word, strlen(words[i].word)) != 0)
                i++;
            if (i < sizeof words / sizeof words[0]) {
                put_expanded(f, words[i].text);
                text += strlen(words[i].word);
            } else {
                fputc(*text++, f);
            }
        }
    }
}

/* put_body writes a body; "@NAME" stands for a file beside this one. */
static void put_body(FILE *f, const char *body)
{
    static char text[32768];
    char path[512];

    if (*body != '@') {
        put_expanded(f, body);
        return;
    }
    snprintf(path, sizeof path, "%s/%s", E2E_SRC, body + 1);
    rig_read_file(path, 0, text, sizeof text);
    put_expanded(f, text);
}

static const char ports[] = "ports:\n"
                            "  - {name: front, device: \"af_xdp:lg-front\", mtu: 1500,"
                            " addresses: [" RIG_GATE4 "/24, \"" RIG_GATE6 "/64\"]}\n"
                            "  - {name: back, device: \"af_xdp:lg-back\", mtu: 1500,"
                            " addresses: [10.91.2.2/24, \"fd91:2::2/64\"]}\n";

const char *rig_config(const char *name, const char *workers, const char *global, const char *body)
{
    const char *path = rig_path(name);
    char own_workers[32];
    FILE *f = fopen(path, "we");

    if (!f)
        return path;
    snprintf(own_workers, sizeof own_workers, "[%ld]", sysconf(_SC_NPROCESSORS_ONLN) - 1);
    fprintf(f, "global:\n  workers: %s\n", workers && *workers ? workers : own_workers);
    /* YAML knows no second word on a key: what a test sets itself is left out. */
    if (!global || !strstr(global, "memory:"))
        fprintf(f, "  memory: 256MiB\n");
    if (!global || !strstr(global, "hugepages:"))
        fprintf(f, "  hugepages: %s\n", free_huge_mib() >= 256 ? "true" : "false");
    if (!global || !strstr(global, "max_connections:"))
        fprintf(f, "  max_connections: 2000\n");
    if (!global || !strstr(global, "drain_timeout:"))
        fprintf(f, "  drain_timeout: 5s\n");
    fprintf(f, "  control_socket: %s/gate.sock\n  log_level: info\n  file_prefix: lge2e%d\n",
            rig_dir(), (int)getpid());
    if (global)
        put_expanded(f, global);
    fputs(ports, f);
    put_body(f, body);
    fclose(f);
    return path;
}

/* ---------------------------------------------------------------- its life */

pid_t rig_start(const char *config_file)
{
    char text[1024], log[64];

    snprintf(log, sizeof log, "gate.log.%d", ++gate.runs);
    snprintf(text, sizeof text, "exec ip netns exec %s %s -c %s", rig_ns_name(RIG_GATE),
             rig_program("lockgate"), config_file);
    gate.mark = 0;
    return rig_exec(NULL, text, rig_path(log), false);
}

static const char *log_path(void)
{
    char log[64];

    snprintf(log, sizeof log, "gate.log.%d", gate.runs);
    return rig_path(log);
}

static bool is_same(const char *workers, const char *global, const char *body)
{
    return gate.pid && strcmp(gate.body, body) == 0 && strcmp(gate.workers, workers) == 0 &&
           strcmp(gate.global, global) == 0;
}

static void remember(const char *workers, const char *global, const char *body)
{
    snprintf(gate.body, sizeof gate.body, "%s", body);
    snprintf(gate.workers, sizeof gate.workers, "%s", workers);
    snprintf(gate.global, sizeof gate.global, "%s", global);
}

/* start_and_wait: false when it ended instead, or never answered. */
static bool start_and_wait(const char *workers, const char *global, const char *body)
{
    snprintf(gate.config, sizeof gate.config, "%s", rig_config("gate.yaml", workers, global, body));
    gate.pid = rig_start(gate.config);
    remember(workers, global, body);
    for (uint64_t end = rig_now_ms() + START_PATIENCE_MS; rig_now_ms() < end; rig_nap()) {
        if (!rig_alive(gate.pid))
            break;
        if (rig_stat("tls_hs_done") >= 0 &&
            rig_client("ping -c 1 -W 1 " RIG_GATE4 " && ping -c 1 -W 1 " RIG_GATE6) == 0)
            return true;
    }
    return false;
}

bool rig_use_as(const char *workers, const char *global, const char *body)
{
    if (!rig_up())
        return false;
    workers = workers ? workers : "";
    global = global ? global : "";
    rig_mark();
    if (is_same(workers, global, body) && rig_alive(gate.pid))
        return true;
    if (gate.pid) {
        bool was_alive = rig_alive(gate.pid);
        int status = rig_stop(20);
        if (status != 0)
            t_fail(__FILE__, __LINE__, "the lockgate before this %s with status %d:\n%.3000s",
                   was_alive ? "stopped" : "had ended by itself", status, rig_log());
    }
    if (start_and_wait(workers, global, body)) {
        rig_mark();
        return true;
    }
    gate.mark = 0;
    t_fail(__FILE__, __LINE__, "lockgate did not start:\n%.3500s\n%.500s", rig_log(), rig_out);
    rig_stop(2);
    return false;
}

bool rig_use(const char *body)
{
    return rig_use_as(NULL, NULL, body);
}

int rig_stop(unsigned timeout_s)
{
    if (!gate.pid)
        return -1;
    kill(gate.pid, SIGTERM);
    int status = rig_reap(gate.pid, timeout_s * 1000);
    if (status < 0) {
        kill(gate.pid, SIGKILL);
        rig_reap(gate.pid, 5000);
    }
    gate.pid = 0;
    return status;
}

bool rig_gate_end(void)
{
    if (!gate.pid || rig_stop(10) == 0)
        return true;
    /* After the last test nobody asks any more, so it is said here. */
    fprintf(stderr, "lockgate did not end in order:\n%s\n", rig_log());
    return false;
}

void rig_rewrite(const char *body)
{
    rig_config("gate.yaml", gate.workers, gate.global, body);
    snprintf(gate.body, sizeof gate.body, "%s", body);
}

bool rig_reload(void)
{
    return rig_tool("%s -s %s/gate.sock reload", rig_program("lockgatectl"), rig_dir()) == 0;
}

/* ---------------------------------------------------------------- what it says */

int64_t rig_stat(const char *name)
{
    char text[1024], out[64];
    const char *file = rig_path("stat.out");

    snprintf(text, sizeof text, "exec %s -s %s/gate.sock stats %s", rig_program("lockgatectl"),
             rig_dir(), name);
    pid_t pid = rig_exec(NULL, text, file, false);
    if (pid < 0 || rig_reap(pid, 10000) != 0)
        return -1;
    rig_read_file(file, 0, out, sizeof out);
    return strtoll(out, NULL, 10);
}

bool rig_becomes(const char *name, int64_t want)
{
    uint64_t end = rig_now_ms() + 5000;

    while (rig_stat(name) != want) {
        if (rig_now_ms() >= end)
            return false;
        rig_nap();
    }
    return true;
}

bool rig_settles(void)
{
    return rig_becomes("proxy_sessions", 0) && rig_becomes("tls_used", 0);
}

void rig_mark(void)
{
    FILE *f = fopen(log_path(), "re");

    gate.mark = 0;
    if (!f)
        return;
    if (fseek(f, 0, SEEK_END) == 0)
        gate.mark = ftell(f);
    fclose(f);
}

const char *rig_log(void)
{
    rig_read_file(log_path(), gate.mark, log_text, sizeof log_text);
    return log_text;
}

bool rig_logged(const char *text)
{
    for (uint64_t end = rig_now_ms() + 3000; !strstr(rig_log(), text); rig_nap())
        if (rig_now_ms() >= end)
            return false;
    return true;
}
