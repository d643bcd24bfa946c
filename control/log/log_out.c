/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_out.c: writing lines where they go. */
#include "log_out.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HELD_SZ                                                                                    \
    (128u << 10)       /* bytes held back for one write; more than two of the longest lines        \
                        */
#define PIECE_SZ 4096u /* PIPE_BUF: what a pipe with room takes whole */
#define SYSLOG_INFO 6  /* severity */
#define SYSLOG_HEAD_SZ 128

enum way { WAY_FILE, WAY_PIPE, WAY_SOCKET, WAY_SYSLOG };

struct lg_log_out {
    enum way way;
    enum lg_log_to to;
    uint32_t facility;
    enum lg_syslog_format syslog_format;
    int fd; /* owns; -1: none now */
    bool is_failing;
    bool is_torn;    /* the line at the front of `held` has been written in part */
    uint64_t failed; /* lines lost since it began to fail */
    time_t tried_s;  /* syslog: when the socket was last connected */
    struct lg_log_out_counts counts;
    size_t len;
    char path[PATH_MAX], host[HOST_NAME_MAX + 1];
    char held[HELD_SZ];
};

/* ---------------------------------------------------------------- opening */

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

static int open_syslog(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(to.sun_path, path, LG_MIN(strlen(path), sizeof to.sun_path - 1));
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

/* way_of: how a descriptor may be written to without waiting. */
static enum way way_of(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
        return WAY_FILE;
    return S_ISSOCK(st.st_mode) ? WAY_SOCKET : WAY_PIPE;
}

static int open_it(struct lg_log_out *o)
{
    int fd = o->to == LG_LOG_TO_SYSLOG   ? open_syslog(o->path)
             : o->to == LG_LOG_TO_STDERR ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
                                         : open_file(o->path);
    if (fd >= 0)
        o->way = o->to == LG_LOG_TO_SYSLOG ? WAY_SYSLOG : way_of(fd);
    return fd;
}

lg_err_t lg_log_out_open(const struct lg_cfg_log *cfg, const char *file, struct lg_log_out **out,
                         struct lg_diag *diag)
{
    struct lg_log_out *o = calloc(1, sizeof *o);

    if (!o) {
        lg_diag_error(diag, file, cfg->line, "log", "out of memory");
        return LG_E(NOMEM);
    }
    o->to = cfg->to;
    o->facility = cfg->facility;
    o->syslog_format = cfg->syslog_format;
    snprintf(o->path, sizeof o->path, "%s", cfg->path);
    if (gethostname(o->host, sizeof o->host) != 0)
        snprintf(o->host, sizeof o->host, "-");
    o->fd = open_it(o);
    if (o->fd >= 0) {
        *out = o;
        return LG_OK;
    }
    lg_diag_error(diag, file, cfg->line, "log.to", "cannot open %.200s: %s",
                  *o->path ? o->path : "stderr", strerror(errno));
    free(o);
    return LG_E(SYS);
}

bool lg_log_out_is(const struct lg_log_out *o, const struct lg_cfg_log *cfg)
{
    return o->to == cfg->to && strcmp(o->path, cfg->path) == 0 && o->facility == cfg->facility &&
           o->syslog_format == cfg->syslog_format;
}

struct lg_log_out_counts lg_log_out_counts(const struct lg_log_out *o)
{
    return o->counts;
}

/* ---------------------------------------------------------------- what is lost */

static void lose(struct lg_log_out *o, uint64_t lines, const char *why)
{
    o->counts.lost += lines;
    o->failed += lines;
    if (o->is_failing || lines == 0)
        return;
    o->is_failing = true;
    lg_log(LG_LOG_ERROR, "access log %s: %s; lines are lost (log_lost counts them)",
           *o->path ? o->path : "stderr", why);
}

/* works: something has been written again. */
static void works(struct lg_log_out *o)
{
    if (!o->is_failing)
        return;
    lg_log(LG_LOG_WARN, "access log %s: written again; %" PRIu64 " lines were lost",
           *o->path ? o->path : "stderr", o->failed);
    o->is_failing = false;
    o->failed = 0;
}

/* drop_held gives up what is held, but for the rest of a line of which a part has been written: it
 * would run into the next one. */
static void drop_held(struct lg_log_out *o, const char *why)
{
    const char *end = o->is_torn ? memchr(o->held, '\n', o->len) : NULL;
    size_t keep = end ? (size_t)(end - o->held) + 1 : 0;
    uint64_t lines = 0;

    for (size_t i = keep; i < o->len; i++)
        lines += o->held[i] == '\n';
    o->len = keep;
    lose(o, lines, why);
}

/* ---------------------------------------------------------------- streams */

/* piece: how much to write at once: to a pipe whole lines, where they fit. */
static size_t piece(const struct lg_log_out *o)
{
    if (o->way == WAY_FILE || o->len <= PIECE_SZ)
        return o->len;
    const char *end = memrchr(o->held, '\n', PIECE_SZ);
    return end ? (size_t)(end - o->held) + 1 : PIECE_SZ;
}

static ssize_t write_piece(const struct lg_log_out *o, size_t len)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};

    if (o->way == WAY_SOCKET)
        return send(o->fd, o->held, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (o->way == WAY_PIPE && (poll(&p, 1, 0) != 1 || !(p.revents & (POLLOUT | POLLERR)))) {
        errno = EAGAIN;
        return -1;
    }
    return write(o->fd, o->held, len);
}

static void wrote(struct lg_log_out *o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        o->counts.written += o->held[i] == '\n';
    o->is_torn = o->held[n - 1] != '\n';
    memmove(o->held, o->held + n, o->len - n);
    o->len -= n;
}

/* forget_torn: somebody has emptied the file meanwhile, and the beginning of the line that was
 * being written is gone: its rest shall not be the first thing in there. */
static void forget_torn(struct lg_log_out *o)
{
    struct stat st;

    if (o->way != WAY_FILE || fstat(o->fd, &st) != 0 || st.st_size != 0)
        return;
    const char *end = memchr(o->held, '\n', o->len);
    size_t len = end ? (size_t)(end - o->held) + 1 : o->len;
    memmove(o->held, o->held + len, o->len - len);
    o->len -= len;
    o->is_torn = false;
    lose(o, 1, "a line was cut");
}

void lg_log_out_flush(struct lg_log_out *o)
{
    bool has_any = o->len > 0;

    if (o->is_failing && o->is_torn)
        forget_torn(o);

    while (o->len) {
        ssize_t n = write_piece(o, piece(o));
        if (n > 0) {
            wrote(o, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return; /* held back until it is read, or until there is no room to hold it */
        drop_held(o, n < 0 ? strerror(errno) : "nothing is taken");
        return;
    }
    if (has_any)
        works(o);
}

/* ---------------------------------------------------------------- syslog */

static size_t syslog_head(const struct lg_log_out *o, char *buf, size_t sz)
{
    int pri = (int)(o->facility << 3 | SYSLOG_INFO);
    char when[48];
    struct timespec ts;
    struct tm tm;
    int len;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (o->syslog_format == LG_SYSLOG_RFC5424) {
        gmtime_r(&ts.tv_sec, &tm);
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
        len = snprintf(buf, sz, "<%d>1 %s.%06ldZ %s lockgate %d access - ", pri, when,
                       ts.tv_nsec / 1000, o->host, (int)getpid());
    } else {
        localtime_r(&ts.tv_sec, &tm);
        strftime(when, sizeof when, "%b %e %H:%M:%S", &tm);
        len = snprintf(buf, sz, "<%d>%s lockgate[%d]: ", pri, when, (int)getpid());
    }
    return LG_MIN((size_t)LG_MAX(len, 0), sz - 1);
}

/* reconnect: syslog's daemon may have been started anew; at most once a second. */
static void reconnect(struct lg_log_out *o)
{
    time_t now_s = time(NULL);

    if (o->tried_s == now_s)
        return;
    o->tried_s = now_s;
    if (o->fd >= 0)
        close(o->fd);
    o->fd = open_syslog(o->path);
}

static bool send_message(const struct lg_log_out *o, const char *line, size_t len)
{
    char head[SYSLOG_HEAD_SZ + HOST_NAME_MAX];
    struct iovec iov[2] = {{head, syslog_head(o, head, sizeof head)},
                           {(void *)(uintptr_t)line, len}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

    return o->fd >= 0 && sendmsg(o->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void put_syslog(struct lg_log_out *o, const char *line, size_t len)
{
    if (send_message(o, line, len)) {
        o->counts.written++;
        works(o);
        return;
    }
    int saved = errno;
    if (saved != EAGAIN && saved != ENOBUFS) {
        reconnect(o);
        if (send_message(o, line, len)) {
            o->counts.written++;
            works(o);
            return;
        }
    }
    lose(o, 1, strerror(saved));
}

/* ---------------------------------------------------------------- lines */

void lg_log_out_put(struct lg_log_out *o, const char *line, size_t len)
{
    if (o->way == WAY_SYSLOG) {
        put_syslog(o, line, len - 1);
        return;
    }
    if (len > HELD_SZ - o->len)
        lg_log_out_flush(o);
    if (len > HELD_SZ - o->len) {
        lose(o, 1, "it is read too slowly");
        return;
    }
    memcpy(o->held + o->len, line, len);
    o->len += len;
}

bool lg_log_out_reopen(struct lg_log_out *o)
{
    if (o->to != LG_LOG_TO_FILE)
        return true;
    lg_log_out_flush(o);
    int fd = open_it(o);
    if (fd < 0) {
        lg_log(LG_LOG_ERROR,
               "access log %s: cannot be opened again: %s; the old file is written on", o->path,
               strerror(errno));
        return false;
    }
    close(o->fd);
    o->fd = fd;
    if (o->is_torn) /* its rest belongs to the old file */
        drop_held(o, "a line was cut");
    o->is_torn = false;
    return true;
}

struct lg_log_out_counts lg_log_out_close(struct lg_log_out *o)
{
    lg_log_out_flush(o);
    drop_held(o, "it is read too slowly");
    struct lg_log_out_counts counts = o->counts;
    if (o->fd >= 0)
        close(o->fd);
    free(o);
    return counts;
}
