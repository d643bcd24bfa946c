/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port locks and service-manager notifications. */
#include "fixture.h"
#include "lock.h"
#include "notify.h"
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST(Lock, HasOneHolderAndNamesIt)
{
    char name[64];
    int fd, other = -1, holder;

    snprintf(name, sizeof name, "test:%d", getpid());
    EXPECT_OK(lg_lock_take(name, &fd, &holder));
    T_STOP_IF_FAILED();
    EXPECT_ERR(lg_lock_take(name, &other, &holder), LG_E(FULL));
    EXPECT_EQ(holder, getpid());
    EXPECT_EQ(other, -1);
    close(fd);
    EXPECT_OK(lg_lock_take(name, &fd, &holder)); /* given back with the descriptor */
    close(fd);
}

TEST(Lock, TellsLongNamesApart)
{
    char a[400], b[400];
    int fd_a, fd_b, holder;

    memset(a, 'd', sizeof a - 1);
    a[sizeof a - 1] = '\0';
    snprintf(a, 24, "test:%d:", getpid());
    a[strlen(a)] = 'd';
    memcpy(b, a, sizeof b);
    b[sizeof b - 2] = 'e';
    EXPECT_OK(lg_lock_take(a, &fd_a, &holder));
    EXPECT_OK(lg_lock_take(b, &fd_b, &holder));
    T_STOP_IF_FAILED();
    close(fd_a);
    close(fd_b);
}

TEST(Notify, SaysNothingWhenNobodyAsked)
{
    unsetenv("NOTIFY_SOCKET");
    EXPECT(!lg_notify(LG_NOTIFY_READY, ""));
    setenv("NOTIFY_SOCKET", "relative", 1);
    EXPECT(!lg_notify(LG_NOTIFY_READY, ""));
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    EXPECT(!lg_notify(LG_NOTIFY_READY, ""));
    unsetenv("NOTIFY_SOCKET");
}

static int notify_socket(const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(name);

    memcpy(addr.sun_path, name, len);
    if (name[0] == '@')
        addr.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&addr,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
        t_fail(__FILE__, __LINE__, "bind %s", name);
    return fd;
}

static void expect_notified(const char *name)
{
    char text[256] = "";
    int fd = notify_socket(name);

    setenv("NOTIFY_SOCKET", name, 1);
    EXPECT(lg_notify(LG_NOTIFY_RELOADING, "generation 3"));
    EXPECT(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    EXPECT(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27) == 0);
    EXPECT_HAS(text, "\nSTATUS=generation 3\n");
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

TEST(Notify, SpeaksToAPathAndToAnAbstractName)
{
    struct t_dir d = t_dir_make();
    char name[64];

    expect_notified(t_path(&d, "notify"));
    snprintf(name, sizeof name, "@lg-test-notify-%d", getpid());
    expect_notified(name);
    t_dir_remove(&d);
}

/* Workers that answer when they are told to. */
struct pulse {
    uint64_t asked;
    bool answers;
};

static uint64_t ask(void *ctx)
{
    struct pulse *p = ctx;
    return ++p->asked;
}

static bool is_answered(void *ctx, uint64_t token)
{
    const struct pulse *p = ctx;
    return p->answers && token == p->asked;
}

static const struct lg_watchdog_ops pulse_ops = {ask, is_answered};

TEST(Watchdog, IsFedOnlyWhileAllWorkersAnswer)
{
    struct t_dir d = t_dir_make();
    struct pulse p = {.answers = true};
    struct lg_watchdog w;
    char text[64] = "";
    int fd = notify_socket(t_path(&d, "notify"));

    setenv("NOTIFY_SOCKET", t_path(&d, "notify"), 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    lg_watchdog_init(&w, LG_SEC(1));
    EXPECT(!lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(1))); /* only asks */
    EXPECT(!lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(2) - 1));
    EXPECT(lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(2)));
    EXPECT(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    EXPECT_STR(text, "WATCHDOG=1\n");
    p.answers = false;
    EXPECT(!lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(3)));
    EXPECT(!lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(4)));
    EXPECT_EQ(p.asked, 2); /* the question that nobody answered stays */
    EXPECT(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) < 0);
    p.answers = true;
    EXPECT(lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(5)));
    unsetenv("WATCHDOG_USEC");
    unsetenv("NOTIFY_SOCKET");
    close(fd);
    t_dir_remove(&d);
}

TEST(Watchdog, OfAnotherProcessIsNotOurs)
{
    struct pulse p = {.answers = true};
    struct lg_watchdog w;

    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    lg_watchdog_init(&w, 0);
    EXPECT(!lg_watchdog_poll(&w, &pulse_ops, &p, LG_SEC(9)));
    EXPECT_EQ(p.asked, 0);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}
