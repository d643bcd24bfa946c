/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lock.c: locks as abstract sockets. */
#include "lock.h"
#include "siphash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* name_of makes the address: readable in `ss -x` as far as it fits, unique by its hash. */
static socklen_t name_of(const char *what, struct sockaddr_un *addr)
{
    static const struct lg_sipkey key = {{0, 0}}; /* names, not secrets */
    uint64_t hash = lg_siphash(&key, what, strlen(what));

    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(addr->sun_path + 1, sizeof addr->sun_path - 1, "lockgate:%016llx:%.60s",
                       (unsigned long long)hash, what);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static int find_holder(const struct sockaddr_un *addr, socklen_t addr_sz)
{
    struct ucred cred = {0};
    socklen_t cred_sz = sizeof cred;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return 0;
    if (connect(fd, (const struct sockaddr *)addr, addr_sz) == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_sz);
    close(fd);
    return cred.pid;
}

lg_err_t lg_lock_take(const char *what, int *fd, int *holder)
{
    struct sockaddr_un addr;
    socklen_t addr_sz = name_of(what, &addr);

    *holder = 0;
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    LG_CHECK(sock >= 0, LG_E(SYS));
    /* The listener only lends its credentials to whoever asks; it never accepts. */
    if (bind(sock, (struct sockaddr *)&addr, addr_sz) == 0 && listen(sock, 128) == 0) {
        *fd = sock;
        return LG_OK;
    }
    int why = errno;
    close(sock);
    if (why == EADDRINUSE) {
        *holder = find_holder(&addr, addr_sz);
        return LG_E(FULL);
    }
    errno = why;
    return LG_E(SYS);
}
