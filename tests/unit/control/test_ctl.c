/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: its words, its bounds, and stale sockets. */
#include "ctl.h"
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    unsigned called_cnt;
    enum lg_ctl_verb verb;
    size_t answer_sz;
} fake;

static char *handle(void *ctx, enum lg_ctl_verb verb)
{
    (void)ctx;
    fake.called_cnt++;
    fake.verb = verb;
    char *text = malloc(fake.answer_sz + 16);
    int n = sprintf(text, "{\"ok\":%d}", (int)verb);
    if (fake.answer_sz > (size_t)n) {
        memset(text + n, ' ', fake.answer_sz - (size_t)n);
        text[fake.answer_sz] = '\0';
    }
    return text;
}

static struct lg_ctl *open_ctl(const struct t_dir *d)
{
    struct lg_ctl *ctl = NULL;
    struct lg_diag diag = {0};

    memset(&fake, 0, sizeof fake);
    EXPECT_OK(lg_ctl_open(t_path(d, "ctl"), handle, NULL, &ctl, &diag));
    return ctl;
}

static int dial(const struct t_dir *d)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(addr.sun_path, t_path(d, "ctl"));
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        t_fail(__FILE__, __LINE__, "connect: %s", strerror(errno));
    return fd;
}

/* poll_all serves until nothing is ready. */
static void poll_all(struct lg_ctl *ctl, lg_ns_t now_ns)
{
    struct pollfd p = {.fd = lg_ctl_fd(ctl), .events = POLLIN};

    for (int i = 0; i < 200 && poll(&p, 1, 0) > 0; i++)
        lg_ctl_poll(ctl, now_ns);
}

/* say sends a text and gives what comes back now. */
static const char *say(struct lg_ctl *ctl, int fd, const char *text)
{
    static char answer[4096];

    if (*text && send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        t_fail(__FILE__, __LINE__, "send: %s", strerror(errno));
    poll_all(ctl, LG_SEC(1));
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    answer[n > 0 ? n : 0] = '\0';
    return answer;
}

static bool is_gone(int fd)
{
    char c;
    return recv(fd, &c, 1, 0) == 0;
}

TEST(CtlParse, KnowsItsWordsAndNothingElse)
{
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("stats")), LG_CTL_STATS);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR(" \treload \r")), LG_CTL_RELOAD);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("version")), LG_CTL_VERSION);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("")), LG_CTL_UNKNOWN);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("   ")), LG_CTL_UNKNOWN);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("stat")), LG_CTL_UNKNOWN);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("stats now")), LG_CTL_UNKNOWN);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("STATS")), LG_CTL_UNKNOWN);
    EXPECT_EQ(lg_ctl_parse(LG_SPAN_STR("stats\0")), LG_CTL_UNKNOWN);
}

TEST(Ctl, AnswersOneCommandAfterAnother)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    int fd = dial(&d);

    EXPECT_STR(say(ctl, fd, "stats\n"), "{\"ok\":0}\n");
    EXPECT_STR(say(ctl, fd, "vers"), "");
    EXPECT_STR(say(ctl, fd, "ion\r\n"), "{\"ok\":2}\n");
    EXPECT_STR(say(ctl, fd, "reload\nstats\n"), "{\"ok\":1}\n{\"ok\":0}\n");
    EXPECT_EQ(fake.called_cnt, 4);
    close(fd);
    poll_all(ctl, LG_SEC(1));
    EXPECT_EQ(lg_ctl_client_cnt(ctl), 0);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, AnswersAClientThatHasShutItsSide)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    int fd = dial(&d);

    EXPECT_EQ(send(fd, "stats\n", 6, 0), 6);
    shutdown(fd, SHUT_WR);
    EXPECT_STR(say(ctl, fd, ""), "{\"ok\":0}\n");
    EXPECT(is_gone(fd));
    close(fd);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, RefusesAnUnknownCommandInWordsThatAreJson)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    int fd = dial(&d);

    EXPECT_STR(say(ctl, fd, "stop \"\x01\n"),
               "{\"ok\":false,\"error\":\"unknown command 'stop \\\\x22\\\\x01'; stats, reload, "
               "version or backends\"}\n");
    EXPECT_EQ(fake.called_cnt, 0);
    EXPECT_STR(say(ctl, fd, "stats\n"), "{\"ok\":0}\n"); /* and goes on */
    close(fd);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, DropsAClientWhoseLineDoesNotEnd)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    char line[LG_CTL_LINE_SZ + 1];
    int fd = dial(&d);

    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    EXPECT_HAS(say(ctl, fd, line), "\"ok\":false");
    EXPECT(is_gone(fd));
    EXPECT_EQ(lg_ctl_client_cnt(ctl), 0);
    close(fd);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, DropsASlowReaderAndServesTheOthers)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    int slow = dial(&d), quick = dial(&d);

    fake.answer_sz = 8u << 20; /* more than a socket buffer takes */
    EXPECT_EQ(send(slow, "stats\nstats\n", 12, 0), 12);
    poll_all(ctl, LG_SEC(1));
    EXPECT_EQ(fake.called_cnt, 1); /* the second is not begun while the first waits */
    fake.answer_sz = 0;
    EXPECT_STR(say(ctl, quick, "stats\n"), "{\"ok\":0}\n");
    lg_ctl_poll(ctl, LG_SEC(1) + LG_CTL_SLOW_NS - 1);
    EXPECT_EQ(lg_ctl_client_cnt(ctl), 2);
    lg_ctl_poll(ctl, LG_SEC(1) + LG_CTL_SLOW_NS);
    EXPECT_EQ(lg_ctl_client_cnt(ctl), 1);
    close(slow);
    close(quick);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, SendsALargeAnswerWhole)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    int fd = dial(&d);
    size_t got = 0;
    char piece[65536], last = 0;

    fake.answer_sz = 3u << 20;
    EXPECT_EQ(send(fd, "stats\n", 6, 0), 6);
    for (int i = 0; i < 10000 && last != '\n'; i++) {
        poll_all(ctl, LG_SEC(1));
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n > 0) {
            got += (size_t)n;
            last = piece[n - 1];
        }
    }
    EXPECT_EQ(got, (3u << 20) + 1);
    close(fd);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, BoundsItsClientsAndForgetsTheIdle)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    int fd[LG_CTL_CLIENTS + 1];

    for (int i = 0; i <= LG_CTL_CLIENTS; i++) {
        fd[i] = dial(&d);
        poll_all(ctl, LG_SEC(1));
    }
    EXPECT_EQ(lg_ctl_client_cnt(ctl), LG_CTL_CLIENTS);
    EXPECT(is_gone(fd[LG_CTL_CLIENTS]));
    EXPECT_STR(say(ctl, fd[0], "stats\n"), "{\"ok\":0}\n");
    lg_ctl_poll(ctl, LG_SEC(1) + LG_CTL_IDLE_NS);
    EXPECT_EQ(lg_ctl_client_cnt(ctl), 0);
    for (int i = 0; i <= LG_CTL_CLIENTS; i++)
        close(fd[i]);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, KeepsOthersOutAndCleansUp)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    struct stat st;

    EXPECT_EQ(stat(t_path(&d, "ctl"), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600);
    lg_ctl_close(ctl);
    EXPECT(stat(t_path(&d, "ctl"), &st) != 0);
    t_dir_remove(&d);
}

TEST(Ctl, ReplacesAStaleSocket)
{
    struct t_dir d = t_dir_make();
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(addr.sun_path, t_path(&d, "ctl"));
    EXPECT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd); /* the file stays, as after a crash */
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    fd = dial(&d);
    EXPECT_STR(say(ctl, fd, "stats\n"), "{\"ok\":0}\n");
    close(fd);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, LeavesALiveSocketAlone)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d), *second = NULL;
    T_STOP_IF_FAILED();
    struct lg_diag diag = {0};
    char pid[32];

    EXPECT_ERR(lg_ctl_open(t_path(&d, "ctl"), handle, NULL, &second, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "global.control_socket: another Lockgate is running with");
    snprintf(pid, sizeof pid, "(pid %d)", getpid());
    EXPECT_HAS(diag.msg[0].text, pid);
    poll_all(ctl, LG_SEC(1));
    int fd = dial(&d);
    EXPECT_STR(say(ctl, fd, "stats\n"), "{\"ok\":0}\n");
    close(fd);
    lg_ctl_close(ctl);
    t_dir_remove(&d);
}

TEST(Ctl, LeavesAFileThatIsNoSocketAlone)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = NULL;
    struct lg_diag diag = {0};
    struct stat st;

    t_write(&d, "ctl", "precious");
    EXPECT_ERR(lg_ctl_open(t_path(&d, "ctl"), handle, NULL, &ctl, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "exists and is not a socket");
    EXPECT_EQ(stat(t_path(&d, "ctl"), &st), 0);
    EXPECT_EQ(st.st_size, 8);
    t_dir_remove(&d);
}

TEST(Ctl, DoesNotRemoveASocketThatIsNoLongerItsOwn)
{
    struct t_dir d = t_dir_make();
    struct lg_ctl *ctl = open_ctl(&d);
    T_STOP_IF_FAILED();
    struct stat st;

    /* Made before the other is gone, so that it cannot be given the same inode number. */
    t_write(&d, "other", "");
    EXPECT_EQ(rename(t_path(&d, "other"), t_path(&d, "ctl")), 0);
    lg_ctl_close(ctl);
    EXPECT_EQ(stat(t_path(&d, "ctl"), &st), 0);
    t_dir_remove(&d);
}

TEST(Ctl, NamesWhatIsWrongWithThePath)
{
    struct lg_ctl *ctl = NULL;
    struct lg_diag diag = {0};
    char path[200];

    EXPECT_ERR(lg_ctl_open("/nonexistent/dir/ctl", handle, NULL, &ctl, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "mkdir -p /nonexistent/dir");
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    EXPECT_ERR(lg_ctl_open(path, handle, NULL, &ctl, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[1].text, "1 to 107 bytes");
}
