/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.c: the network, the origin, and running commands. Starting lockgate is rig_gate.c. */
#include "rig_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMAND_PATIENCE_MS 60000
#define SPAWN_MAX 64

char rig_out[256 * 1024];

static struct {
    enum { NOT_YET, UP, FAILED } state;
    pid_t owner; /* the process that made it, not a fork of it */
    char id[32]; /* of the namespaces */
    char dir[64];
    char command[4096]; /* the last */
    pid_t nginx, origin;
    pid_t wire[2]; /* front, back: 0 when the bridge is there */
    struct {
        pid_t pid;
        int n; /* of its output file */
    } spawned[SPAWN_MAX];
    int spawn_n;
} rig;

static const char *const ns_words[] = {"client", "gate", "origin", "wire"};

#if defined(__SANITIZE_ADDRESS__)
__attribute__((constructor)) static void be_quick(void)
{
    setenv("LOCKGATE_TEST_QUICK", "1", 0); /* before the harness reads it */
}
#endif

bool rig_is_quick(void)
{
    return getenv("LOCKGATE_TEST_QUICK") != NULL;
}

uint64_t rig_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void rig_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
}

const char *rig_dir(void)
{
    return rig.dir;
}

const char *rig_path(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", rig.dir, name);
    return path;
}

const char *rig_ns_name(enum rig_ns ns)
{
    static char names[4][64];

    snprintf(names[ns], sizeof names[ns], "lg-%s-%s", ns_words[ns], rig.id);
    return names[ns];
}

const char *rig_command(void)
{
    return rig.command;
}

size_t rig_read_file(const char *path, long from, char *out, size_t out_sz)
{
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (f && fseek(f, from, SEEK_SET) == 0)
        n = fread(out, 1, out_sz - 1, f);
    if (f)
        fclose(f);
    out[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (out[i] == '\0')
            out[i] = '?';
    return n;
}

/* ---------------------------------------------------------------- commands */

static void become(const char *ns, const char *out_file)
{
    char path[128];
    sigset_t none;

    setpgid(0, 0); /* so that a timeout ends whatever it has started too */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int out = open(out_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    if (!ns)
        return;
    snprintf(path, sizeof path, "/run/netns/%s", ns);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
        _exit(126);
}

pid_t rig_exec(const char *ns, const char *text, const char *out_file, bool verbs)
{
    char whole[5000];

    snprintf(whole, sizeof whole, "%s%s", verbs ? ". \"$SRC/verbs.sh\"; set -o pipefail; " : "",
             text);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become(ns, out_file);
    setenv("DIR", rig.dir, 1);
    setenv("SRC", E2E_SRC, 1);
    setenv("LOCKGATE", rig_program("lockgate"), 1);
    setenv("LOCKGATECTL", rig_program("lockgatectl"), 1);
    setenv("GATE4", RIG_GATE4, 1);
    setenv("GATE6", "[" RIG_GATE6 "]", 1);
    /* The sanitizers' settings are for our own programs. */
    unsetenv("GTEST_OUTPUT");
    execl("/bin/bash", "bash", "-c", whole, (char *)NULL);
    _exit(127);
}

int rig_reap(pid_t pid, unsigned timeout_ms)
{
    uint64_t end = rig_now_ms() + timeout_ms;
    int status;

    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (got < 0 || rig_now_ms() >= end)
            return -1;
        rig_nap();
    }
}

/* finish waits for a command of ours, ends it when it is late, and reads what it said. */
static int finish(pid_t pid, unsigned timeout_ms, const char *out_file)
{
    int status = pid < 0 ? 126 : rig_reap(pid, timeout_ms);

    if (status < 0) {
        kill(-pid, SIGKILL);
        rig_reap(pid, 5000);
        status = 124;
    }
    rig_read_file(out_file, 0, rig_out, sizeof rig_out);
    return status;
}

static int run_in(const char *ns, const char *fmt, va_list ap)
{
    const char *out = rig_path("command.out");

    vsnprintf(rig.command, sizeof rig.command, fmt, ap);
    return finish(rig_exec(ns, rig.command, out, true), COMMAND_PATIENCE_MS, out);
}

int rig_client(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int status = run_in(rig_ns_name(RIG_CLIENT), fmt, ap);
    va_end(ap);
    return status;
}

int rig_origin(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int status = run_in(rig_ns_name(RIG_ORIGIN), fmt, ap);
    va_end(ap);
    return status;
}

int rig_tool(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int status = run_in(NULL, fmt, ap);
    va_end(ap);
    return status;
}

static const char *spawn_file(int n)
{
    char name[32];

    snprintf(name, sizeof name, "spawn.%d", n);
    return rig_path(name);
}

static pid_t spawn(enum rig_ns ns, const char *fmt, va_list ap)
{
    char text[4096];

    vsnprintf(text, sizeof text, fmt, ap);
    for (int i = 0; i < SPAWN_MAX; i++) {
        if (rig.spawned[i].pid)
            continue;
        rig.spawned[i].n = rig.spawn_n++;
        pid_t pid = rig_exec(rig_ns_name(ns), text, spawn_file(rig.spawned[i].n), true);
        rig.spawned[i].pid = pid > 0 ? pid : 0;
        return pid;
    }
    return -1;
}

pid_t rig_spawn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    pid_t pid = spawn(RIG_CLIENT, fmt, ap);
    va_end(ap);
    return pid;
}

pid_t rig_spawn_gate(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    pid_t pid = spawn(RIG_GATE, fmt, ap);
    va_end(ap);
    return pid;
}

bool rig_gate_listens(unsigned port)
{
    char text[160];

    snprintf(text, sizeof text, "[ -n \"$(ip netns exec %s ss -Hltn 'sport = :%u')\" ]",
             rig_ns_name(RIG_GATE), port);
    return rig_wait(10, text);
}

int rig_join(pid_t pid, unsigned timeout_s)
{
    for (int i = 0; pid > 0 && i < SPAWN_MAX; i++) {
        if (rig.spawned[i].pid != pid)
            continue;
        rig.spawned[i].pid = 0;
        snprintf(rig.command, sizeof rig.command, "(spawned %d)", (int)pid);
        return finish(pid, timeout_s * 1000, spawn_file(rig.spawned[i].n));
    }
    return 126;
}

bool rig_alive(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

bool rig_wait(unsigned timeout_s, const char *condition)
{
    uint64_t end = rig_now_ms() + timeout_s * 1000ull;

    while (rig_tool("%s", condition) != 0) {
        if (rig_now_ms() >= end)
            return false;
        rig_nap();
    }
    return true;
}

/* ---------------------------------------------------------------- the network */

int rig_socket(enum rig_ns ns, int domain, int type, int protocol)
{
    char path[128];
    int fd = -1;

    snprintf(path, sizeof path, "/run/netns/%s", rig_ns_name(ns));
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (own >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
        fd = socket(domain, type | SOCK_CLOEXEC, protocol);
        int why = errno;
        if (setns(own, CLONE_NEWNET) != 0)
            abort(); /* nothing after this would be what it says */
        errno = why;
    }
    if (own >= 0)
        close(own);
    if (there >= 0)
        close(there);
    return fd;
}

static pid_t *wire_of(const char *side)
{
    return &rig.wire[strcmp(side, "front") == 0 ? 0 : 1];
}

bool rig_impair(const char *side, const char *how)
{
    char self[200], text[512];
    const char *out = rig_path(side);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    rig_mend(side);
    if (n <= 0)
        return false;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(
        text, sizeof text,
        "ip link set %s-1 nomaster && ip link set %s-2 nomaster && exec %s/e2e_wire %s-1 %s-2 %s",
        side, side, self, side, side, how);
    pid_t pid = rig_exec(rig_ns_name(RIG_WIRE), text, out, false);
    *wire_of(side) = pid;
    for (uint64_t end = rig_now_ms() + 5000; rig_now_ms() < end && rig_alive(pid); rig_nap()) {
        char said[256];
        rig_read_file(out, 0, said, sizeof said);
        if (strstr(said, "ready"))
            return true;
    }
    rig_read_file(out, 0, rig_out, sizeof rig_out);
    t_fail(__FILE__, __LINE__, "the wire on %s did not start: %s", side, rig_out);
    rig_mend(side);
    return false;
}

bool rig_mend(const char *side)
{
    pid_t *pid = wire_of(side);
    unsigned long lost = 0;

    if (*pid <= 0)
        return false;
    kill(*pid, SIGTERM);
    if (rig_reap(*pid, 5000) < 0)
        kill(-*pid, SIGKILL);
    *pid = 0;
    rig_read_file(rig_path(side), 0, rig_out, sizeof rig_out);
    const char *said = strstr(rig_out, "lost ");
    if (said)
        lost = strtoul(said + 5, NULL, 10);
    rig_tool("for p in 1 2; do ip -n %s link set %s-$p master br-%s; done", rig_ns_name(RIG_WIRE),
             side, side);
    return lost > 0;
}

static void take_down(void)
{
    if (rig.owner != getpid() || rig.state == NOT_YET)
        return;
    bool ended_well = rig_gate_end();
    for (int i = 0; i < SPAWN_MAX; i++)
        if (rig.spawned[i].pid > 0)
            kill(-rig.spawned[i].pid, SIGKILL);
    rig_tool(". \"$SRC/../../tools/netrig.sh\"; net_down %s", rig.id);
    if (rig.dir[0] && !getenv("E2E_KEEP"))
        rig_tool("rm -rf \"$DIR\"");
    rig.state = NOT_YET;
    if (!ended_well)
        _exit(1); /* what atexit has instead of a status */
}

/* on_signal: the user's Ctrl-C or meson's time limit. What runs in our namespaces dies with us
 * (PR_SET_PDEATHSIG); the names are taken away by a shell that outlives us. */
static void on_signal(int sig)
{
    char text[512];

    if (rig.owner == getpid() && fork() == 0) {
        setsid();
        snprintf(text, sizeof text, ". %s/../../tools/netrig.sh; net_down %s; rm -rf %s", E2E_SRC,
                 rig.id, rig.dir);
        execl("/bin/bash", "bash", "-c", text, (char *)NULL);
        _exit(127);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

/* What a run that was killed left behind is cleared away first. */
static const char up_script[] =
    ". \"$SRC/../../tools/netrig.sh\"\n"
    "for ns in /run/netns/lg-client-e2e*; do\n"
    "    old=${ns##*-e2e}\n"
    "    [ ! -e \"$ns\" ] || kill -0 \"$old\" 2>/dev/null || net_down \"e2e$old\"\n"
    "done\n"
    "for old in /tmp/lockgate-e2e.*/pid; do\n"
    "    [ ! -e \"$old\" ] || kill -0 \"$(cat \"$old\")\" 2>/dev/null || rm -rf \"${old%%/pid}\"\n"
    "done\n"
    "echo %d >\"$DIR/pid\"\n"
    "\"$SRC/../../tools/pki.sh\" \"$DIR/pki\" --tests && net_up %s wire && origin_files \"$DIR\" "
    "&&\n"
    "origin_conf \"$DIR\" 80 >\"$DIR/nginx.conf\"";

static bool up(void)
{
    char tmp[] = "/tmp/lockgate-e2e.XXXXXX";

    rig.owner = getpid();
    snprintf(rig.id, sizeof rig.id, "e2e%d", (int)getpid());
    if (!mkdtemp(tmp) || chmod(tmp, 0755) != 0)
        return false;
    snprintf(rig.dir, sizeof rig.dir, "%s", tmp);
    atexit(take_down);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    if (rig_tool(up_script, (int)rig.owner, rig.id) != 0)
        return false;
    rig.nginx = rig_exec(rig_ns_name(RIG_ORIGIN), "exec nginx -c \"$DIR/nginx.conf\"",
                         rig_path("nginx.out"), false);
    rig.origin = rig_exec(rig_ns_name(RIG_ORIGIN),
                          "exec python3 \"$SRC/origin.py\" 10.91.2.10 10.91.2.11 fd91:2::10",
                          rig_path("origin.out"), false);
    for (uint64_t end = rig_now_ms() + 20000; rig_now_ms() < end; rig_nap())
        if (rig_origin("curl -sf --max-time 2 http://10.91.2.10/hello && grep -q ready "
                       "\"$DIR/origin.out\"") == 0)
            return true;
    rig_tool("cat \"$DIR\"/nginx.out \"$DIR\"/nginx-error.log \"$DIR\"/origin.out");
    return false;
}

bool rig_up(void)
{
    if (rig.state == NOT_YET)
        rig.state = up() ? UP : FAILED;
    if (rig.state == FAILED)
        t_fail(__FILE__, __LINE__, "the test network could not be made: %.3000s", rig_out);
    return rig.state == UP;
}
