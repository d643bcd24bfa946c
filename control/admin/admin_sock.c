/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin_sock.c: making the control socket, and telling a stale one from one in use.
 *
 * Two processes that start at once would both find the stale socket and each remove what the other
 * has just made. So the look and the making happen under a lock on the folder, which leaves no
 * file behind. */
#include "admin_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY "global.control_socket"

static lg_err_t fail(struct lg_diag *diag, const char *path)
{
    lg_diag_error(diag, NULL, 0, KEY, "%s: %s", path, strerror(errno));
    return LG_E(SYS);
}

/* remove_stale makes room at the path, or says why there is none. */
static lg_err_t remove_stale(const struct sockaddr_un *addr, struct lg_diag *diag)
{
    const char *path = addr->sun_path;
    struct ucred cred = {0};
    socklen_t cred_sz = sizeof cred;
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? LG_OK : fail(diag, path);
    if (!S_ISSOCK(st.st_mode)) {
        lg_diag_error(diag, NULL, 0, KEY, "%s exists and is not a socket; move it away", path);
        return LG_E(SYS);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(diag, path);
    int why = connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 ? 0 : errno;
    if (why == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_sz);
    close(fd);
    if (why == 0 || why == EAGAIN) { /* EAGAIN: somebody listens, and its queue is full */
        lg_diag_error(diag, NULL, 0, KEY,
                      "another Lockgate is running with %s (pid %d); stop it, or give this one a "
                      "socket of its own",
                      path, cred.pid);
        return LG_E(SYS);
    }
    errno = why;
    if (why != ECONNREFUSED)
        return fail(diag, path);
    return unlink(path) == 0 || errno == ENOENT ? LG_OK : fail(diag, path);
}

static lg_err_t make(const struct sockaddr_un *addr, int *fd, struct lg_diag *diag)
{
    LG_TRY(remove_stale(addr, diag));
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0)
        return fail(diag, addr->sun_path);
    /* bind gives the file its mode, so there is no moment in which others may connect. */
    mode_t mask = umask(0177);
    int rc = bind(sock, (const struct sockaddr *)addr, sizeof *addr);
    umask(mask);
    if (rc != 0 || listen(sock, 16) != 0) {
        lg_err_t err = fail(diag, addr->sun_path);
        close(sock);
        if (rc == 0)
            unlink(addr->sun_path);
        return err;
    }
    *fd = sock;
    return LG_OK;
}

lg_err_t lg_admin_listen(const char *path, int *fd, struct lg_diag *diag)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char copy[sizeof addr.sun_path];

    if (!*path || strlen(path) >= sizeof addr.sun_path) {
        lg_diag_error(diag, NULL, 0, KEY, "%s: a path of 1 to %zu bytes was expected", path,
                      sizeof addr.sun_path - 1);
        return LG_E(SYS);
    }
    strcpy(addr.sun_path, path);
    strcpy(copy, path);
    const char *dir_path = dirname(copy);
    int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        lg_diag_error(diag, NULL, 0, KEY, "%s: its folder: %s; mend: mkdir -p %s", path,
                      strerror(errno), dir_path);
        return LG_E(SYS);
    }
    lg_err_t err = flock(dir, LOCK_EX) == 0 ? make(&addr, fd, diag) : fail(diag, path);
    close(dir);
    return err;
}

lg_err_t lg_admin_listen_at(const struct lg_config *cfg, int *fd, struct lg_diag *diag)
{
    const struct lg_endpoint *at = &cfg->admin.addr;
    bool is_v4 = lg_ip_is_v4(&at->ip);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    char text[LG_ENDPOINT_STR_SZ];
    int on = 1;

    memcpy(&v4.sin_addr, at->ip.b + 12, sizeof v4.sin_addr);
    memcpy(&v6.sin6_addr, at->ip.b, sizeof v6.sin6_addr);
    int sock = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_up = sock >= 0 && setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (is_up && !is_v4)
        is_up = setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    if (is_up && is_v4)
        is_up = bind(sock, (struct sockaddr *)&v4, sizeof v4) == 0;
    else if (is_up)
        is_up = bind(sock, (struct sockaddr *)&v6, sizeof v6) == 0;
    if (is_up && listen(sock, 16) == 0) {
        *fd = sock;
        return LG_OK;
    }
    lg_diag_error(diag, cfg->file, cfg->admin.line, "admin.address", "%s: %s",
                  lg_endpoint_text(at, text), strerror(errno));
    if (sock >= 0)
        close(sock);
    return LG_E(SYS);
}
