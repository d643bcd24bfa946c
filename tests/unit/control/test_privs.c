/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users, what is kept for which port, and memory that may not be locked. What the process does with
 * it: tests/e2e/test_privileges.c. */
#include "fixture.h"
#include "privs.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lg_config make_cfg(const char *user, const char *group)
{
    return (struct lg_config){
        .file = (char *)"lg.yaml", .user = (char *)user, .group = (char *)group};
}

TEST(Privs, FindsUsersByNameAndNumber)
{
    struct lg_diag diag = {0};
    struct lg_privs p;
    struct lg_config cfg = make_cfg("", "");

    EXPECT_OK(lg_privs_find(&cfg, &p, &diag));
    EXPECT(!p.has_user);
    cfg = make_cfg("nobody", "");
    EXPECT_OK(lg_privs_find(&cfg, &p, &diag));
    EXPECT(p.has_user);
    EXPECT_EQ(p.uid, 65534);
    EXPECT_EQ(p.gid, 65534);
    cfg = make_cfg("nobody", "daemon");
    EXPECT_OK(lg_privs_find(&cfg, &p, &diag));
    EXPECT_EQ(p.gid, 1);
    cfg = make_cfg("64000", "64001");
    EXPECT_OK(lg_privs_find(&cfg, &p, &diag));
    EXPECT_EQ(p.uid, 64000);
    EXPECT_EQ(p.gid, 64001);
    EXPECT_EQ(diag.error_cnt, 0);
}

static void expect_unknown(const char *user, const char *group, const char *key, const char *word)
{
    struct lg_diag diag = {0};
    struct lg_privs p;
    struct lg_config cfg = make_cfg(user, group);

    EXPECT_ERR(lg_privs_find(&cfg, &p, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, key);
    EXPECT_HAS(diag.msg[0].text, word);
}

TEST(Privs, NamesWhatIsNotKnown)
{
    expect_unknown("nosuchuser", "", "global.user", "useradd");
    expect_unknown("nobody", "nosuchgroup", "global.group", "groupadd");
    expect_unknown("64000", "", "global.group", "must be given");
    expect_unknown("4294967295", "0", "global.user", "4294967295"); /* "no change" to the kernel */
    expect_unknown("-1", "0", "global.user", "-1");
}

TEST(Privs, KeepsWhatThePortsNeed)
{
    struct lg_config cfg = make_cfg("nobody", "");
    struct lg_cfg_port ports[2] = {{.device = (char *)"pci:0000:01:00.0"},
                                   {.device = (char *)"memif:/run/m.sock"}};
    const uint64_t lock = 1u << CAP_IPC_LOCK, read = 1u << CAP_DAC_READ_SEARCH,
                   admin = 1u << CAP_NET_ADMIN;

    cfg.ports = ports;
    cfg.port_cnt = 2;
    EXPECT_EQ(lg_privs_needed(&cfg) & ~lock, 0);
    cfg.keep_file_access = true;
    EXPECT_EQ(lg_privs_needed(&cfg) & ~lock, read);
    ports[1].device = (char *)"tap:lg0";
    EXPECT_EQ(lg_privs_needed(&cfg) & ~lock, read | admin);
    ports[1].device = (char *)"af_xdp:eth0";
    cfg.keep_file_access = false;
    EXPECT_EQ(lg_privs_needed(&cfg) & ~lock, admin);
}

/* in_child runs a check in a process of its own, whose rights and limits it may spoil. */
static int in_child(int (*check)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(check());
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int lock_without_right(void)
{
    const struct rlimit little = {65536, 65536};
    struct lg_diag diag = {0};

    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || !lg_privs_drop_thread())
        return 1;
    if (lg_privs_lock_memory(&diag))
        return 2;
    if (diag.error_cnt != 0 || diag.warn_cnt != 1)
        return 3;
    return strstr(diag.msg[0].text, "swapped") && strstr(diag.msg[0].text, "LimitMEMLOCK") ? 0 : 4;
}

TEST(Privs, SaysWhyMemoryIsNotLocked)
{
#ifdef __SANITIZE_ADDRESS__
    const int want = 2; /* it makes mlockall a word without meaning */
#else
    const int want = 0;
#endif
    EXPECT_EQ(in_child(lock_without_right), want);
}

static int drop_and_look(void)
{
    struct lg_privs p = {.has_user = true, .uid = 65534, .gid = 65534};
    struct lg_config cfg = make_cfg("nobody", "");
    struct lg_diag diag = {0};

    cfg.keep_file_access = true;
    if (!lg_is_ok(lg_privs_drop(&cfg, &p, &diag)))
        return 1;
    if (geteuid() != 65534 || getgroups(0, NULL) != 0 || setuid(0) == 0)
        return 2;
    if (access("/root", F_OK) != 0 || open("/etc/shadow", O_RDONLY) >= 0)
        return 3;
    lg_privs_raise();
    if (open("/etc/shadow", O_RDONLY) < 0)
        return 4;
    lg_privs_lower();
    return open("/etc/shadow", O_RDONLY) >= 0 ? 5 : 0;
}

TEST_NEEDS(Privs, ReadsRootsFilesOnlyWhileRaised, T_ROOT)
{
    EXPECT_EQ(in_child(drop_and_look), 0);
}
