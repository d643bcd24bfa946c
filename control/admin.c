/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin.c: the admin API's sockets and connections. What is said on them is admin_req.c's. */
#include "admin_priv.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "global.control_socket"
#define RUNS_MAX 64 /* of a daemon in one poll */

/* ---------------------------------------------------------------- connections */

static struct lg_admin_conn *free_slot(struct lg_admin *a)
{
    for (unsigned i = 0; i < LG_ARRAY_CNT(a->conns); i++)
        if (!a->conns[i].mhd)
            return &a->conns[i];
    return NULL;
}

/* There is a slot for every connection that libmicrohttpd lets in. */
static void on_connection(void *cls, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode what)
{
    struct lg_admin_end *end = cls;
    struct lg_admin_conn *c = what == MHD_CONNECTION_NOTIFY_STARTED ? free_slot(end->admin) : *slot;

    if (!c)
        return;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *c = (struct lg_admin_conn){.mhd = mhd, .since_ns = end->admin->now_ns};
        end->admin->client_cnt++;
    } else {
        *c = (struct lg_admin_conn){0};
        end->admin->client_cnt--;
    }
    *slot = c;
}

/* drop_late ends the sockets of the late; libmicrohttpd finds them closed in its next run. */
static void drop_late(struct lg_admin *a)
{
    for (unsigned i = 0; i < LG_ARRAY_CNT(a->conns); i++) {
        const struct lg_admin_conn *c = &a->conns[i];
        if (!c->mhd || lg_ns_since(a->now_ns, c->since_ns) < LG_ADMIN_SLOW_NS)
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR);
    }
}

/* run takes a daemon as far as it goes now: its epoll is edge-triggered, so what it has not
 * finished does not wake us again. */
static void run(struct lg_admin_end *end)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    for (int i = 0; i < RUNS_MAX; i++) {
        MHD_run(end->daemon);
        if (MHD_get_timeout(end->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
            return;
    }
}

unsigned lg_admin_poll(struct lg_admin *a, lg_ns_t now_ns)
{
    a->now_ns = now_ns;
    a->done_cnt = 0;
    if (a->client_cnt)
        drop_late(a);
    if (a->local.daemon)
        run(&a->local);
    return a->done_cnt;
}

unsigned lg_admin_client_cnt(const struct lg_admin *a)
{
    return a->client_cnt;
}

int lg_admin_fd(const struct lg_admin *a)
{
    return a->epoll_fd;
}

/* ---------------------------------------------------------------- open and close */

/* What libmicrohttpd has to say is about peers that broke off and the like. */
static void log_mhd(void *cls, const char *fmt, va_list ap)
{
    char text[256], safe[512];

    (void)cls;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    lg_log(LG_LOG_DEBUG, "admin: %s", lg_log_escape(lg_span_cstr(text), safe, sizeof safe));
}

/* start_end puts a daemon behind a listening socket, which is the daemon's from here on when this
 * succeeds. */
static bool start_end(struct lg_admin *a, struct lg_admin_end *end, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};

    end->admin = a;
    end->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, lg_admin_access, end,
        MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)LG_ADMIN_CLIENTS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LG_ADMIN_HEAD_SZ, MHD_OPTION_NOTIFY_CONNECTION, on_connection, end,
        MHD_OPTION_NOTIFY_COMPLETED, lg_admin_completed, end, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
    if (!end->daemon)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(end->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info && epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &ev) == 0;
}

static lg_err_t open_local(struct lg_admin *a, struct lg_diag *diag)
{
    int fd;

    LG_TRY(lg_admin_listen(a->path, &fd, diag));
    if (stat(a->path, &a->st) == 0 && start_end(a, &a->local, fd))
        return LG_OK;
    lg_diag_error(diag, NULL, 0, KEY, "%s: %s", a->path, strerror(errno));
    if (!a->local.daemon)
        close(fd);
    return LG_E(SYS);
}

lg_err_t lg_admin_open(const struct lg_admin_cfg *cfg, struct lg_admin **out, struct lg_diag *diag)
{
    struct lg_admin *a = calloc(1, sizeof *a);
    lg_err_t err = LG_OK;

    if (!a) {
        lg_diag_error(diag, NULL, 0, KEY, "out of memory");
        return LG_E(NOMEM);
    }
    *a = (struct lg_admin){.cfg = *cfg, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    a->path = *cfg->socket_path ? strdup(cfg->socket_path) : NULL;
    if (a->epoll_fd < 0 || (*cfg->socket_path && !a->path)) {
        lg_diag_error(diag, NULL, 0, KEY, "%s", strerror(errno));
        err = LG_E(SYS);
    } else if (a->path) {
        err = open_local(a, diag);
    }
    if (lg_is_ok(err))
        *out = a;
    else
        lg_admin_close(a);
    return err;
}

static void stop_end(struct lg_admin_end *end)
{
    if (end->daemon)
        MHD_stop_daemon(end->daemon); /* closes the listening socket too */
    end->daemon = NULL;
}

void lg_admin_close(struct lg_admin *a)
{
    struct stat now;

    if (!a)
        return;
    if (a->st.st_ino && stat(a->path, &now) == 0 && now.st_ino == a->st.st_ino &&
        now.st_dev == a->st.st_dev)
        unlink(a->path);
    stop_end(&a->local);
    if (a->epoll_fd >= 0)
        close(a->epoll_fd);
    free(a->path);
    free(a);
}
