/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_privileges.c: lockgate gives up its rights after start and goes on: ports, reload, signals,
 * the control socket, the end. */
#include "rig_priv.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOLS "pools: [{name: web, backends: [{name: a, address: \"10.91.2.10:80\"}]}]\n"
#define RAW                                                                                        \
    POOLS "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web, tls: {$CERTS}}\n"
#define RAW_NEXT                                                                                   \
    POOLS "listeners:\n  - {name: raw, type: tcp_ssl, $BIND:8443, pool: web,"                      \
          " tls: {certificates: [{cert: $PKI/server-next.pem, key: $PKI/server-next.key}]}}\n"
#define NOBODY "  user: nobody\n"

/* of_threads runs an awk program over the status of every thread of lockgate; its exit status. */
static int of_threads(pid_t pid, const char *program)
{
    return rig_tool("awk '%s' /proc/%d/task/*/status", program, (int)pid);
}

static void expect_nobody(pid_t pid)
{
    EXPECT_EQ(of_threads(pid, "/^[UG]id:/ {for (i = 2; i <= 5; i++) if ($i < 65534) exit 1}"), 0);
    EXPECT_EQ(of_threads(pid, "/^NoNewPrivs:/ && $2 != 1 {exit 1}"), 0);
    EXPECT_EQ(of_threads(pid, "/^CapEff:/ && $2 !~ /^0+$/ {exit 1}"), 0);
    /* The first is the control thread; no other can get any capability. */
    EXPECT_EQ(of_threads(pid, "/^Tgid:/ {t = $2} /^Pid:/ {p = $2}"
                              " /^CapPrm:/ && p != t && $2 !~ /^0+$/ {exit 1}"),
              0);
}

E2E(Privileges, BecomesItsUserAndStillReadsKeysOfRoot)
{
    rig_stop(20);
    if (!rig_use_as(NULL, NOBODY, RAW))
        return;
    pid_t pid = rig_gate_pid();
    expect_nobody(pid);
    EXPECT_RUN(0, "get 8443 /hello");
    /* 2: DAC_READ_SEARCH, 12: NET_ADMIN for af_xdp:, 14: IPC_LOCK where memlock is limited. */
    EXPECT_EQ(rig_tool("caps=$((0x$(awk '/^CapPrm/ {print $2}' /proc/%d/status)));"
                       " [ $((caps & ~(1 << 2 | 1 << 12 | 1 << 14))) = 0 ] &&"
                       " [ $((caps & 1 << 2)) != 0 ]",
                       (int)pid),
              0);
    EXPECT_EQ(rig_tool("[ $(stat -c %%a$(stat -c %%u $DIR/pki/server-next.key) "
                       "$DIR/pki/server-next.key) = 6000 ]"),
              0);
    int64_t generation = rig_stat("generation");
    rig_rewrite(RAW_NEXT);
    EXPECT(rig_reload());
    EXPECT_STAT("generation", generation + 1);
    EXPECT_RUN(0, "get 8443 /hello");
    kill(pid, SIGHUP);
    EXPECT_STAT("generation", generation + 2);
    kill(pid, SIGUSR1);
    EXPECT_RUN(0, "get 8443 /1m -o /dev/null");
    expect_nobody(pid); /* what was in force while files were read is no more */
    EXPECT_EQ(rig_stop(10), 0);
    EXPECT_EQ(rig_tool("ip -n %s -d link show lg-front | grep -q xdp", rig_ns_name(RIG_GATE)), 1);
}

/* What is changed by hand needs no file of root's; a reload reads them, with rights it then has. */
E2E(Privileges, ChangesByHandDoNotNeedTheTokenOfRoot)
{
    static const char admin[] =
        NOBODY "admin: {address: \"127.0.0.1:9443\", token_file: $DIR/root.token,"
               " tls: {cert: $PKI/server-next.pem, key: $PKI/server-next.key}}\n";
    rig_stop(20);
    if (!rig_up() || rig_tool("umask 077; echo token-of-root-only >$DIR/root.token") != 0 ||
        !rig_use_as(NULL, admin, RAW))
        return;
    expect_nobody(rig_gate_pid());
    EXPECT_EQ(rig_ctl("weight web/a 7"), 0);
    EXPECT_EQ(rig_ctl("revoke $DIR/pki/alice.crt"), 0);
    EXPECT(rig_reload());
    EXPECT_EQ(rig_tool("rm $DIR/root.token"), 0);
    EXPECT_EQ(rig_ctl("weight web/a 8"), 0);
    EXPECT(!rig_reload());
    EXPECT_HAS(rig_out, "admin.token_file");
    EXPECT_RUN(0, "get 8443 /hello");
}

E2E(Privileges, WithoutFileAccessAReloadOfARootsKeyIsRefused)
{
    rig_stop(20);
    if (!rig_use_as(NULL, NOBODY "  keep_file_access: false\n", RAW))
        return;
    EXPECT_EQ(
        rig_tool("awk '/^CapPrm/ {exit substr($2, length($2)) ~ /[4567c-f]/}' /proc/%d/status",
                 (int)rig_gate_pid()),
        0);
    int64_t generation = rig_stat("generation");
    rig_rewrite(RAW_NEXT);
    EXPECT(!rig_reload());
    EXPECT_HAS(rig_out, "server-next");
    EXPECT_HAS(rig_out, "permission denied");
    EXPECT_EQ(rig_stat("generation"), generation);
    EXPECT_RUN(0, "get 8443 /hello");
}

E2E(Privileges, KeysAreNeitherDumpedNorReadNorSwapped)
{
    rig_stop(20);
    if (!rig_use_as(NULL, NOBODY, RAW))
        return;
    int pid = (int)rig_gate_pid();
    EXPECT_EQ(rig_tool("grep -Eq '^Max core file size +0 +0 ' /proc/%d/limits", pid), 0);
    /* The same user reads what of its own processes can be read, but not ours. */
    EXPECT_EQ(rig_tool("setpriv --reuid nobody --regid nogroup --clear-groups"
                       " sh -c 'cat /proc/self/maps >/dev/null && ! cat /proc/%d/maps >/dev/null'",
                       pid),
              0);
    /* A sanitizer takes no part in locking. */
    if (!rig_is_quick() && !strstr(rig_log(), "may be swapped"))
        EXPECT_EQ(rig_tool("[ $(awk '/^VmLck/ {print $2}' /proc/%d/status) -gt 1000 ]", pid), 0);
}

E2E(Privileges, UserThatIsNotKnownIsNamed)
{
    if (!rig_up())
        return;
    rig_stop(20);
    EXPECT_EQ(rig_tool("\"$LOCKGATE\" -t -c %s",
                       rig_config("bad.yaml", NULL, "  user: nosuchuser\n", RAW)),
              1);
    EXPECT_HAS(rig_out, "global.user");
    EXPECT_HAS(rig_out, "useradd");
}

/* begin_on starts lockgate as nobody on two other devices; its pid, or -1 with a failure. */
static pid_t begin_on(const char *front, const char *back)
{
    if (!rig_up())
        return -1;
    rig_stop(20);
    const char *file = rig_config("gate.yaml", NULL, NOBODY, RAW);
    if (rig_tool("sed -i 's|af_xdp:lg-front|%s|; s|af_xdp:lg-back|%s|' %s", front, back, file) != 0)
        return -1;
    pid_t pid = rig_start(file);
    for (uint64_t end = rig_now_ms() + 20000; rig_now_ms() < end && rig_alive(pid); rig_nap())
        if (rig_stat("tls_hs_done") >= 0)
            return pid;
    t_fail(__FILE__, __LINE__, "lockgate did not start: %.3000s", rig_log());
    return -1;
}

static void end(pid_t pid)
{
    EXPECT(rig_reload());
    expect_nobody(pid);
    kill(pid, SIGTERM);
    EXPECT_EQ(rig_reap(pid, 20000), 0);
}

E2E(Privileges, TapPortsGoOn)
{
    pid_t pid = begin_on("tap:lgt-front", "tap:lgt-back");
    if (pid < 0)
        return;
    EXPECT_EQ(rig_tool("ip -n %s addr add 10.91.1.1/24 dev lgt-front &&"
                       " ip -n %s addr add 10.91.2.10/24 dev lgt-back &&"
                       " ip -n %s link set lgt-front up && ip -n %s link set lgt-back up",
                       rig_ns_name(RIG_GATE), rig_ns_name(RIG_GATE), rig_ns_name(RIG_GATE),
                       rig_ns_name(RIG_GATE)),
              0);
    if (rig_tool("ip netns exec %s bash -c '. $SRC/verbs.sh; . $SRC/../../tools/netrig.sh;"
                 " python3 -m http.server -b 10.91.2.10 -d $DIR/www 80 & server=$!;"
                 " wait_until 10 get 8443 /1m -f -o $DIR/down; kill $server;"
                 " cmp $DIR/down $DIR/www/1m'",
                 rig_ns_name(RIG_GATE)) != 0)
        t_fail(__FILE__, __LINE__, "not served: %.2000s\n%.2000s", rig_out, rig_log());
    end(pid);
    EXPECT(rig_tool("ip -n %s link show lgt-front", rig_ns_name(RIG_GATE)) != 0);
}

E2E(Privileges, MemifPortsGoOn)
{
    const char *dir = getenv("LOCKGATE_BIN_DIR");
    char front[128], back[128];

    if (!rig_up())
        return;
    snprintf(front, sizeof front, "memif:%s/front.sock,role=server", rig_dir());
    snprintf(back, sizeof back, "memif:%s/back.sock,role=server", rig_dir());
    pid_t pid = begin_on(front, back);
    if (pid < 0)
        return;
    int status = rig_tool("%s/bench/blast/lockgate-blast request --target " RIG_GATE4
                          ":8443 --size 3000 --device memif:%s/front.sock --address 10.91.1.1/24 "
                          "--origin memif:%s/back.sock,10.91.2.10/24:80 --no-huge --memory 192MiB "
                          "--connections 4 --idle adaptive --warmup 100ms --duration 500ms --cpu 0",
                          dir ? dir : E2E_BUILD, rig_dir(), rig_dir());
    if (status != 0)
        t_fail(__FILE__, __LINE__, "blast: status %d\n%.3000s", status, rig_out);
    end(pid);
}

/* The systemd unit's capabilities, and no more, are enough to start, reload and end. */
E2E(Privileges, CapabilitiesOfTheUnitAreEnough)
{
    char text[1024];

    if (!rig_up())
        return;
    rig_stop(20);
    const char *file = rig_config("gate.yaml", NULL, NOBODY, RAW);
    snprintf(
        text, sizeof text,
        "caps=$(sed -n 's/^CapabilityBoundingSet=CAP_//p' $SRC/../../dist/lockgate.service.in |"
        " tr A-Z a-z | sed 's/ cap_/,+/g'); [ -n \"$caps\" ] &&"
        " exec ip netns exec %s setpriv --bounding-set \"-all,+$caps\" %s -c %s",
        rig_ns_name(RIG_GATE), rig_program("lockgate"), file);
    pid_t pid = rig_exec(NULL, text, rig_path("bounded.log"), false);
    bool is_up = false;
    for (uint64_t end = rig_now_ms() + 20000; !is_up && rig_now_ms() < end && rig_alive(pid);
         rig_nap())
        is_up = rig_stat("tls_hs_done") >= 0;
    if (!is_up) {
        rig_tool("cat $DIR/bounded.log");
        t_fail(__FILE__, __LINE__, "it did not start: %.3000s", rig_out);
        return;
    }
    EXPECT_EQ(rig_tool("grep -E '^CapBnd:\\s+0*1*ffffffff' /proc/%d/status", (int)pid), 1);
    EXPECT_RUN(0, "get 8443 /hello");
    end(pid);
    EXPECT_EQ(rig_tool("ip -n %s -d link show lg-front | grep -q xdp", rig_ns_name(RIG_GATE)), 1);
    EXPECT_EQ(rig_tool("grep ' error: ' $DIR/bounded.log"), 1);
}

/* -- the watchdog -- */

static int notify_socket(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", rig_path("notify"));
    unlink(addr.sun_path);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || chmod(addr.sun_path, 0777) != 0)
        t_fail(__FILE__, __LINE__, "no socket %s", addr.sun_path);
    return fd;
}

/* count_fed reads what was said until now; how often WATCHDOG=1. */
static int count_fed(int fd)
{
    char text[512];
    int cnt = 0;

    for (ssize_t n; (n = recv(fd, text, sizeof text - 1, 0)) > 0;) {
        text[n] = '\0';
        cnt += strcmp(text, "WATCHDOG=1\n") == 0;
    }
    return cnt;
}

static bool becomes_fed(int fd)
{
    for (uint64_t end = rig_now_ms() + 10000; rig_now_ms() < end; rig_nap())
        if (count_fed(fd) > 0)
            return true;
    return false;
}

E2E(Watchdog, IsNotFedWhileAWorkerHangs)
{
    if (!rig_up())
        return;
    rig_stop(20);
    int fd = notify_socket();
    setenv("NOTIFY_SOCKET", rig_path("notify"), 1);
    setenv("WATCHDOG_USEC", "300000", 1);
    bool is_up = rig_use_as(NULL, NOBODY, RAW);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    if (is_up) {
        EXPECT(becomes_fed(fd));
        rig_tool("grep -l 'worker-[0-9]' /proc/%d/task/*/comm", (int)rig_gate_pid());
        const char *task = strstr(rig_out, "/task/");
        pid_t worker = task ? atoi(task + 6) : 0;
        REQUIRE(worker > 0);
        /* Only that thread stops. */
        REQUIRE(ptrace(PTRACE_SEIZE, worker, 0, 0) == 0);
        REQUIRE(ptrace(PTRACE_INTERRUPT, worker, 0, 0) == 0);
        EXPECT_EQ(waitpid(worker, NULL, __WALL), worker);
        EXPECT_LOGGED("a worker makes no progress");
        count_fed(fd);
        int64_t generation = rig_stat("generation"); /* the control thread does go on */
        EXPECT_EQ(generation, 1);
        EXPECT_EQ(count_fed(fd), 0);
        EXPECT_EQ(ptrace(PTRACE_DETACH, worker, 0, 0), 0);
        EXPECT(becomes_fed(fd));
        EXPECT_RUN(0, "get 8443 /hello");
    }
    close(fd);
}
