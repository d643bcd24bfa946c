/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin.c: the admin API's sockets and connections. What is said on them is admin_req.c's. */
#include "admin_priv.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "global.control_socket"
#define RUNS_MAX 64 /* of a daemon in one poll */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

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
        end->client_cnt++;
    } else {
        *c = (struct lg_admin_conn){0};
        end->client_cnt--;
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

static void stop_end(struct lg_admin_end *end)
{
    if (end->daemon)
        MHD_stop_daemon(end->daemon); /* closes its listening socket, if it still has it */
    lg_admin_auth_fini(&end->auth);
    *end = (struct lg_admin_end){0};
}

unsigned lg_admin_poll(struct lg_admin *a, lg_ns_t now_ns)
{
    a->now_ns = now_ns;
    a->done_cnt = 0;
    if (lg_admin_client_cnt(a))
        drop_late(a);
    for (unsigned i = 0; i < LG_ADMIN_ENDS; i++) {
        struct lg_admin_end *end = &a->ends[i];
        if (end->daemon)
            run(end);
        if (end->is_retiring && end->client_cnt == 0)
            stop_end(end);
    }
    return a->done_cnt;
}

unsigned lg_admin_client_cnt(const struct lg_admin *a)
{
    unsigned cnt = 0;

    for (unsigned i = 0; i < LG_ADMIN_ENDS; i++)
        cnt += a->ends[i].client_cnt;
    return cnt;
}

uint64_t lg_admin_refused_cnt(const struct lg_admin *a)
{
    return a->refused_cnt;
}

int lg_admin_fd(const struct lg_admin *a)
{
    return a->epoll_fd;
}

/* ---------------------------------------------------------------- ends */

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
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, end->auth.cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, end->auth.key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {end->auth.ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, end->auth.ca},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct epoll_event ev = {.events = EPOLLIN};
    unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | (end->auth.cert ? MHD_USE_TLS : 0);

    end->admin = a;
    end->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, lg_admin_access, end, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LG_ADMIN_CLIENTS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, end->is_local ? 0u : (unsigned)LG_ADMIN_PER_SOURCE,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LG_ADMIN_HEAD_SZ, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, end, MHD_OPTION_NOTIFY_COMPLETED, lg_admin_completed, end,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, end->auth.cert ? tls : none,
        MHD_OPTION_END);
    if (!end->daemon)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(end->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info && epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &ev) == 0;
}

static lg_err_t open_local(struct lg_admin *a, struct lg_diag *diag)
{
    struct lg_admin_end *end = &a->ends[0];
    int fd;

    LG_TRY(lg_admin_listen(a->path, &fd, diag));
    end->is_local = true;
    if (stat(a->path, &a->st) == 0 && start_end(a, end, fd))
        return LG_OK;
    lg_diag_error(diag, NULL, 0, KEY, "%s: %s", a->path, strerror(errno));
    if (!end->daemon)
        close(fd);
    return LG_E(SYS);
}

/* ---------------------------------------------------------------- the management address */

static bool is_same_address(const struct lg_admin_end *end, const struct lg_endpoint *addr)
{
    return end && lg_ip_eq(&end->addr.ip, &addr->ip) && end->addr.port == addr->port;
}

/* listen_net gives a socket on the address: another handle of the old end's where it did not move,
 * so that no connection is refused in between. */
static lg_err_t listen_net(const struct lg_admin *a, const struct lg_config *cfg, int *fd,
                           struct lg_diag *diag)
{
    if (!is_same_address(a->net, &cfg->admin.addr))
        return lg_admin_listen_at(cfg, fd, diag);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(a->net->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    *fd = info ? fcntl(info->listen_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (*fd >= 0)
        return LG_OK;
    lg_diag_error(diag, cfg->file, cfg->admin.line, "admin.address", "%s", strerror(errno));
    return LG_E(SYS);
}

/* retire_net: not stopped here, for the request that asks for it may be one of its own. */
static void retire_net(struct lg_admin *a)
{
    if (!a->net)
        return;
    int fd = MHD_quiesce_daemon(a->net->daemon);
    if (fd >= 0)
        close(fd);
    a->net->is_retiring = true;
    a->net = NULL;
}

/* open_net makes a new end of the address with auth, which it takes when it succeeds. */
static lg_err_t open_net(struct lg_admin *a, const struct lg_config *cfg,
                         struct lg_admin_auth *auth, struct lg_diag *diag)
{
    struct lg_admin_end *end = NULL;
    int fd;

    for (unsigned i = 1; i < LG_ADMIN_ENDS && !end; i++)
        end = a->ends[i].daemon ? NULL : &a->ends[i];
    if (!end) {
        lg_diag_error(diag, cfg->file, cfg->admin.line, "admin",
                      "changed too often while requests are under way; try again in a minute");
        return LG_E(AGAIN);
    }
    LG_TRY(listen_net(a, cfg, &fd, diag));
    *end = (struct lg_admin_end){.addr = cfg->admin.addr, .auth = *auth};
    if (start_end(a, end, fd)) {
        retire_net(a);
        a->net = end;
        return LG_OK;
    }
    lg_diag_error(diag, cfg->file, cfg->admin.line, "admin", "libmicrohttpd did not start");
    if (!end->daemon)
        close(fd);
    else
        MHD_stop_daemon(end->daemon);
    *end = (struct lg_admin_end){0}; /* auth stays the caller's */
    return LG_E(SYS);
}

lg_err_t lg_admin_renew(struct lg_admin *a, const struct lg_config *cfg, struct lg_diag *diag)
{
    struct lg_admin_auth auth;
    lg_err_t err = LG_OK;

    if (!cfg->admin.on) {
        retire_net(a);
        return LG_OK;
    }
    LG_TRY(lg_admin_auth_load(cfg, &auth, diag));
    bool is_same =
        is_same_address(a->net, &cfg->admin.addr) && lg_admin_auth_same(&a->net->auth, &auth);
    if (!is_same)
        err = open_net(a, cfg, &auth, diag);
    if (is_same || !lg_is_ok(err))
        lg_admin_auth_fini(&auth);
    else
        explicit_bzero(&auth, sizeof auth);
    return err;
}

lg_err_t lg_admin_check(const struct lg_config *cfg, struct lg_diag *diag)
{
    struct lg_admin_auth auth;
    struct stat st;

    if (!cfg->admin.on)
        return LG_OK;
    LG_TRY(lg_admin_auth_load(cfg, &auth, diag));
    lg_admin_auth_fini(&auth);
    const char *token = cfg->admin.token_file;
    if (token && stat(token, &st) == 0 && (st.st_mode & 077))
        lg_diag_warn(diag, cfg->file, cfg->admin.line, "admin.token_file",
                     "%s: others may read it; mend: chmod 600 %s", token, token);
    return LG_OK;
}

/* ---------------------------------------------------------------- open and close */

static lg_err_t open_all(struct lg_admin *a, const struct lg_config *net, struct lg_diag *diag)
{
    if (a->epoll_fd < 0 || (*a->cfg.socket_path && !a->path)) {
        lg_diag_error(diag, NULL, 0, KEY, "%s", strerror(errno));
        return LG_E(SYS);
    }
    if (a->path)
        LG_TRY(open_local(a, diag));
    return net ? lg_admin_renew(a, net, diag) : LG_OK;
}

lg_err_t lg_admin_open(const struct lg_admin_cfg *cfg, struct lg_admin **out, struct lg_diag *diag)
{
    struct lg_admin *a = calloc(1, sizeof *a);

    if (!a) {
        lg_diag_error(diag, NULL, 0, KEY, "out of memory");
        return LG_E(NOMEM);
    }
    *a = (struct lg_admin){.cfg = *cfg, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    a->path = *cfg->socket_path ? strdup(cfg->socket_path) : NULL;
    lg_err_t err = open_all(a, cfg->net, diag);
    a->cfg.socket_path = a->path ? a->path : "";
    a->cfg.net = NULL; /* both were borrowed for the call */
    if (lg_is_ok(err))
        *out = a;
    else
        lg_admin_close(a);
    return err;
}

void lg_admin_close(struct lg_admin *a)
{
    struct stat now;

    if (!a)
        return;
    if (a->st.st_ino && stat(a->path, &now) == 0 && now.st_ino == a->st.st_ino &&
        now.st_dev == a->st.st_dev)
        unlink(a->path);
    for (unsigned i = 0; i < LG_ADMIN_ENDS; i++)
        stop_end(&a->ends[i]);
    if (a->epoll_fd >= 0)
        close(a->epoll_fd);
    free(a->path);
    free(a);
}
