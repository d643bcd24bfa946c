/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c: a sender of systemd notifications. */
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *const words[] = {"READY=1", "RELOADING=1", "STOPPING=1"};

static bool send_text(const char *text, int len)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return false;
    size_t path_sz = strlen(path);
    memcpy(to.sun_path, path, path_sz);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name has no NUL at its end: its length counts */
    socklen_t to_sz = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_sz);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool sent = sendto(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
                       to_sz) == len;
    close(fd);
    return sent;
}

bool lg_notify(enum lg_notify state, const char *status)
{
    struct timespec ts;
    char text[256];

    /* Type=notify-reload wants the time with RELOADING; it does no harm with the others. */
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int len = snprintf(
        text, sizeof text, "%s\nMONOTONIC_USEC=%llu\nSTATUS=%.150s\n", words[state],
        (unsigned long long)ts.tv_sec * 1000000u + (unsigned long long)ts.tv_nsec / 1000u, status);
    return send_text(text, len);
}

bool lg_notify_watchdog(void)
{
    static const char text[] = "WATCHDOG=1\n";

    return send_text(text, (int)sizeof text - 1);
}
