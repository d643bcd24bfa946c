/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The admin API over its unix socket: routes, answers, bounds, and stale sockets. */
#include "admin.h"
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
    char body[64], query[32], arg[2][32];
    size_t answer_sz;
} fake;

static void get_thing(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    const char *q = lg_admin_query(req, "q");
    char *text = malloc(fake.answer_sz + 16);

    (void)ctx;
    fake.called_cnt++;
    snprintf(fake.query, sizeof fake.query, "%s", q ? q : "(none)");
    for (int i = 0; i < 2; i++)
        snprintf(fake.arg[i], sizeof fake.arg[i], "%s", req->arg[i] ? req->arg[i] : "");
    strcpy(text, "{\"ok\":true}");
    if (fake.answer_sz > strlen(text)) {
        memset(text + strlen(text), ' ', fake.answer_sz - strlen(text));
        text[fake.answer_sz] = '\0';
    }
    lg_admin_send(out, 200, LG_ADMIN_JSON, text);
}

static void post_thing(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    json_t *body = lg_admin_body(req, out);

    (void)ctx;
    fake.called_cnt++;
    snprintf(fake.body, sizeof fake.body, "%.*s", (int)req->body.len, (const char *)req->body.p);
    if (body)
        lg_admin_send_json(out, 200, json_pack("{s:b}", "ok", 1));
    json_decref(body);
}

static void answer_nothing(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    (void)ctx;
    (void)req;
    (void)out;
}

static const struct lg_route routes[] = {
    {"GET", "/v1/thing", get_thing, 0},
    {"POST", "/v1/thing", post_thing, 40},
    {"DELETE", "/v1/pools/{}/backends/{}", get_thing, 0},
    {"GET", "/v1/nothing", answer_nothing, 0},
};

static lg_err_t open_at(const char *path, struct lg_admin **out, struct lg_diag *diag)
{
    struct lg_admin_cfg cfg = {
        .socket_path = path, .routes = routes, .route_cnt = LG_ARRAY_CNT(routes)};

    memset(&fake, 0, sizeof fake);
    return lg_admin_open(&cfg, out, diag);
}

static struct lg_admin *open_admin(const struct t_dir *d)
{
    struct lg_admin *a = NULL;
    struct lg_diag diag = {0};

    EXPECT_OK(open_at(t_path(d, "ctl"), &a, &diag));
    return a;
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
static void poll_all(struct lg_admin *a, lg_ns_t now_ns)
{
    struct pollfd p = {.fd = lg_admin_fd(a), .events = POLLIN};

    lg_admin_poll(a, now_ns);
    for (int i = 0; i < 200 && poll(&p, 1, 0) > 0; i++)
        lg_admin_poll(a, now_ns);
}

/* say sends a text and gives what comes back now. */
static const char *say(struct lg_admin *a, int fd, const char *text)
{
    static char answer[8192];

    if (*text && send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        t_fail(__FILE__, __LINE__, "send: %s", strerror(errno));
    poll_all(a, LG_SEC(1));
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    answer[n > 0 ? n : 0] = '\0';
    return answer;
}

/* once is say on a connection of its own. */
static const char *once(const struct t_dir *d, struct lg_admin *a, const char *text)
{
    int fd = dial(d);
    const char *answer = say(a, fd, text);

    close(fd);
    poll_all(a, LG_SEC(1));
    return answer;
}

static bool is_gone(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

#define HOST "Host: lockgate\r\n"
#define GET "GET /v1/thing HTTP/1.1\r\n" HOST "\r\n"

TEST(AdminRoute, TakesOneSegmentForEachBrace)
{
    const char *arg[LG_ADMIN_ARGS];
    char path[64] = "/v1/pools/web/backends/w-1.x";

    EXPECT(lg_route_match("/v1/pools/{}/backends/{}", path, arg));
    EXPECT_STR(arg[0], "web");
    EXPECT_STR(arg[1], "w-1.x");
    EXPECT(!arg[2]);
    strcpy(path, "/v1/pools/web/backends/");
    EXPECT(!lg_route_match("/v1/pools/{}/backends/{}", path, arg));
    EXPECT_STR(path, "/v1/pools/web/backends/"); /* not cut */
    strcpy(path, "/v1/pools//backends/a");
    EXPECT(!lg_route_match("/v1/pools/{}/backends/{}", path, arg));
    strcpy(path, "/v1/pools/web/backends/a/b");
    EXPECT(!lg_route_match("/v1/pools/{}/backends/{}", path, arg));
    strcpy(path, "/v1/pool");
    EXPECT(!lg_route_match("/v1/pools/{}", path, arg));
    EXPECT(!lg_route_match("/v1/poo", path, arg));
    EXPECT(lg_route_match("/v1/pool", path, arg));
}

TEST(Admin, AnswersOneRequestAfterAnother)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    int fd = dial(&d);

    EXPECT_HAS(say(a, fd, GET), "HTTP/1.1 200 OK\r\n");
    EXPECT_HAS(say(a, fd, GET), "\r\n\r\n{\"ok\":true}\n");
    EXPECT_STR(say(a, fd, "GET /v1/thing?q=a%20b HT"), "");
    EXPECT_HAS(say(a, fd, "TP/1.1\r\n" HOST "\r\n"), "Content-Type: application/json");
    EXPECT_STR(fake.query, "a b");
    EXPECT_HAS(say(a, fd, "HEAD /v1/thing HTTP/1.1\r\n" HOST "\r\n"), "200 OK");
    EXPECT_HAS(say(a, fd, "DELETE /v1/pools/we%62/backends/x HTTP/1.1\r\n" HOST "\r\n"), "200 OK");
    EXPECT_STR(fake.arg[0], "web");
    EXPECT_STR(fake.arg[1], "x");
    EXPECT_EQ(fake.called_cnt, 5);
    close(fd);
    poll_all(a, LG_SEC(1));
    EXPECT_EQ(lg_admin_client_cnt(a), 0);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, TakesABodyUpToItsBound)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();

    EXPECT_HAS(once(&d, a, "POST /v1/thing HTTP/1.1\r\n" HOST "Content-Length: 7\r\n\r\n{\"a\":1}"),
               "200 OK");
    EXPECT_STR(fake.body, "{\"a\":1}");
    EXPECT_HAS(once(&d, a, "POST /v1/thing HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n[1]"),
               "not a JSON object");
    EXPECT_HAS(once(&d, a, "POST /v1/thing HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n{a}"),
               "400 Bad Request");
    EXPECT_HAS(once(&d, a,
                    "POST /v1/thing HTTP/1.1\r\n" HOST
                    "Content-Length: 14\r\n\r\n{\"a\":1,\"a\":2}\n"),
               "duplicate object key");
    EXPECT_EQ(fake.called_cnt, 4);
    EXPECT_HAS(once(&d, a, "POST /v1/thing HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n"),
               "413 ");
    EXPECT_HAS(once(&d, a,
                    "POST /v1/thing HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                    "14\r\n{\"aaaaaaaaaaaaaaaa\":\r\n16\r\n111111111111111111111}\r\n0\r\n\r\n"),
               "413 ");
    EXPECT_EQ(fake.called_cnt, 4); /* what is refused reaches no handler */
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, RefusesWhatIsNotThereInJson)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    char line[LG_ADMIN_PATH_SZ + 64];

    EXPECT_HAS(once(&d, a, "GET /v1/nowhere%22%01%ff HTTP/1.1\r\n" HOST "\r\n"), "404 Not Found");
    EXPECT_HAS(once(&d, a, "GET /v1/nowhere%22%01%ff HTTP/1.1\r\n" HOST "\r\n"),
               "{\"ok\":false,\"error\":\"there is no /v1/nowhere\\\\x22\\\\x01\\\\xff\"}\n");
    EXPECT_HAS(once(&d, a, "PUT /v1/thing HTTP/1.1\r\n" HOST "\r\n"), "405 ");
    EXPECT_HAS(once(&d, a, "PUT /v1/thing HTTP/1.1\r\n" HOST "\r\n"), "Allow: GET, POST\r\n");
    EXPECT_HAS(once(&d, a, "GET /v1/nothing HTTP/1.1\r\n" HOST "\r\n"), "500 ");
    EXPECT_HAS(once(&d, a,
                    "POST /v1/thing HTTP/1.1\r\n" HOST
                    "Origin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}"),
               "403 ");
    snprintf(line, sizeof line, "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", LG_ADMIN_PATH_SZ, 0);
    EXPECT_HAS(once(&d, a, line), "414 ");
    EXPECT_HAS(once(&d, a, "stats\n"), ""); /* what was spoken here before */
    EXPECT_EQ(fake.called_cnt, 0);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, RefusesAHeaderSectionWithoutEnd)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    static char line[LG_ADMIN_HEAD_SZ + 1024];
    int fd = dial(&d);

    memset(line, 'x', sizeof line - 1);
    memcpy(line, "GET /v1/thing HTTP/1.1\r\nX: ", 27);
    EXPECT_HAS(say(a, fd, line), " 431 ");
    EXPECT_EQ(lg_admin_client_cnt(a), 0);
    EXPECT_EQ(fake.called_cnt, 0);
    close(fd);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, DropsASlowReaderAndServesTheOthers)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    int slow = dial(&d), quick = dial(&d);

    fake.answer_sz = 8u << 20; /* more than a socket buffer takes */
    EXPECT_EQ(send(slow, GET GET, 2 * strlen(GET), 0), (ssize_t)(2 * strlen(GET)));
    poll_all(a, LG_SEC(1));
    EXPECT_EQ(fake.called_cnt, 1); /* the second is not begun while the first waits */
    fake.answer_sz = 0;
    poll_all(a, LG_SEC(2));
    EXPECT_EQ(send(quick, GET, strlen(GET), 0), (ssize_t)strlen(GET));
    poll_all(a, LG_SEC(3)); /* its time begins anew here */
    lg_admin_poll(a, LG_SEC(1) + LG_ADMIN_SLOW_NS - 1);
    EXPECT_EQ(lg_admin_client_cnt(a), 2);
    poll_all(a, LG_SEC(1) + LG_ADMIN_SLOW_NS);
    EXPECT_EQ(lg_admin_client_cnt(a), 1);
    close(slow);
    close(quick);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, SendsALargeAnswerWhole)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    int fd = dial(&d);
    size_t got = 0;
    char piece[65536], last = 0;

    fake.answer_sz = 3u << 20;
    EXPECT_EQ(send(fd, GET, strlen(GET), 0), (ssize_t)strlen(GET));
    for (int i = 0; i < 10000 && last != '\n'; i++) {
        poll_all(a, LG_SEC(1));
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n > 0) {
            got += (size_t)n;
            last = piece[n - 1];
        }
    }
    EXPECT(got > (3u << 20) && got < (3u << 20) + 1024);
    close(fd);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, BoundsItsClientsAndForgetsTheIdle)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    int fd[LG_ADMIN_CLIENTS + 1];

    for (int i = 0; i <= LG_ADMIN_CLIENTS; i++) {
        fd[i] = dial(&d);
        poll_all(a, LG_SEC(1));
    }
    EXPECT_EQ(lg_admin_client_cnt(a), LG_ADMIN_CLIENTS);
    EXPECT_HAS(say(a, fd[0], GET), "200 OK");
    EXPECT_STR(say(a, fd[LG_ADMIN_CLIENTS], GET), ""); /* it waits ... */
    lg_admin_poll(a, LG_SEC(1) + LG_ADMIN_SLOW_NS);
    poll_all(a, LG_SEC(1) + LG_ADMIN_SLOW_NS);
    EXPECT(is_gone(fd[1]));
    EXPECT_HAS(say(a, fd[LG_ADMIN_CLIENTS], ""), "200 OK"); /* ... until there is room */
    EXPECT_EQ(lg_admin_client_cnt(a), 1);
    for (int i = 0; i <= LG_ADMIN_CLIENTS; i++)
        close(fd[i]);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, KeepsOthersOutAndCleansUp)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    struct stat st;

    EXPECT_EQ(stat(t_path(&d, "ctl"), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600);
    lg_admin_close(a);
    EXPECT(stat(t_path(&d, "ctl"), &st) != 0);
    t_dir_remove(&d);
}

TEST(Admin, ReplacesAStaleSocket)
{
    struct t_dir d = t_dir_make();
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(addr.sun_path, t_path(&d, "ctl"));
    EXPECT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd); /* the file stays, as after a crash */
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    fd = dial(&d);
    EXPECT_HAS(say(a, fd, GET), "200 OK");
    close(fd);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, LeavesALiveSocketAlone)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d), *second = NULL;
    T_STOP_IF_FAILED();
    struct lg_diag diag = {0};
    char pid[32];

    EXPECT_ERR(open_at(t_path(&d, "ctl"), &second, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "global.control_socket: another Lockgate is running with");
    snprintf(pid, sizeof pid, "(pid %d)", getpid());
    EXPECT_HAS(diag.msg[0].text, pid);
    poll_all(a, LG_SEC(1));
    int fd = dial(&d);
    EXPECT_HAS(say(a, fd, GET), "200 OK");
    close(fd);
    lg_admin_close(a);
    t_dir_remove(&d);
}

TEST(Admin, LeavesAFileThatIsNoSocketAlone)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = NULL;
    struct lg_diag diag = {0};
    struct stat st;

    t_write(&d, "ctl", "precious");
    EXPECT_ERR(open_at(t_path(&d, "ctl"), &a, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "exists and is not a socket");
    EXPECT_EQ(stat(t_path(&d, "ctl"), &st), 0);
    EXPECT_EQ(st.st_size, 8);
    t_dir_remove(&d);
}

TEST(Admin, DoesNotRemoveASocketThatIsNoLongerItsOwn)
{
    struct t_dir d = t_dir_make();
    struct lg_admin *a = open_admin(&d);
    T_STOP_IF_FAILED();
    struct stat st;

    /* Made before the other is gone, so that it cannot be given the same inode number. */
    t_write(&d, "other", "");
    EXPECT_EQ(rename(t_path(&d, "other"), t_path(&d, "ctl")), 0);
    lg_admin_close(a);
    EXPECT_EQ(stat(t_path(&d, "ctl"), &st), 0);
    t_dir_remove(&d);
}

TEST(Admin, NamesWhatIsWrongWithThePath)
{
    struct lg_admin *a = NULL;
    struct lg_diag diag = {0};
    char path[200];

    EXPECT_ERR(open_at("/nonexistent/dir/ctl", &a, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "mkdir -p /nonexistent/dir");
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    EXPECT_ERR(open_at(path, &a, &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[1].text, "1 to 107 bytes");
}
