/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.c: the control socket's clients. Making the socket itself is ctl_sock.c. */
#include "ctl.h"
#include "ctl_priv.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const verb_names[] = {"stats", "reload", "version", "backends"};

struct client {
    int fd;          /* -1: the slot is free */
    uint32_t in_len; /* bytes in `in` */
    char in[LG_CTL_LINE_SZ];
    char *out; /* owns; the answer being sent, NULL: none */
    size_t out_len, out_off;
    bool is_ending;   /* the peer has sent its last, or broke a bound: close after the answer */
    lg_ns_t since_ns; /* of its last byte in either direction */
};

struct lg_ctl {
    int epoll_fd, listen_fd;
    lg_ctl_handler *handler;
    void *ctx;
    char *path;     /* owns */
    struct stat st; /* of the path when it was ours */
    unsigned client_cnt;
    struct client clients[LG_CTL_CLIENTS];
};

enum lg_ctl_verb lg_ctl_parse(lg_span_t line)
{
    while (line.len && (line.p[0] == ' ' || line.p[0] == '\t'))
        line = lg_span(line.p + 1, line.len - 1);
    while (line.len && strchr(" \t\r", line.p[line.len - 1]) && line.p[line.len - 1])
        line.len--;
    for (int v = 0; v < LG_CTL_UNKNOWN; v++)
        if (lg_span_eq(line, lg_span_cstr(verb_names[v])))
            return (enum lg_ctl_verb)v;
    return LG_CTL_UNKNOWN;
}

static void drop(struct lg_ctl *ctl, struct client *c)
{
    close(c->fd); /* takes it out of the epoll set as well */
    free(c->out);
    *c = (struct client){.fd = -1};
    ctl->client_cnt--;
}

/* ---------------------------------------------------------------- one client */

static char *refuse(lg_span_t line)
{
    char word[LG_CTL_LINE_SZ], safe[LG_CTL_LINE_SZ * 2], *out = NULL;

    /* Escaped twice over: lg_log_escape leaves \xNN, and in JSON that backslash is \\. */
    lg_log_escape(lg_span(line.p, LG_MIN(line.len, (size_t)40)), word, sizeof word);
    size_t n = 0;
    for (const char *p = word; *p; p++) {
        if (*p == '\\')
            safe[n++] = '\\';
        safe[n++] = *p;
    }
    safe[n] = '\0';
    if (asprintf(
            &out,
            "{\"ok\":false,\"error\":\"unknown command '%s'; stats, reload, version or backends\"}",
            safe) < 0)
        return NULL;
    return out;
}

/* answer takes the text and makes it the client's answer; false: there is none. */
static bool answer(struct client *c, char *text)
{
    size_t len = text ? strlen(text) : 0;
    char *out = text ? realloc(text, len + 1) : NULL;

    if (!out) {
        free(text);
        return false;
    }
    out[len] = '\n'; /* in the place of the NUL: length counts from here on */
    c->out = out;
    c->out_len = len + 1;
    c->out_off = 0;
    return true;
}

/* send_some returns false when the client is gone. */
static bool send_some(struct client *c, lg_ns_t now_ns)
{
    while (c->out) {
        ssize_t n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->since_ns = now_ns;
        c->out_off += (size_t)n;
        if (c->out_off == c->out_len) {
            free(c->out);
            c->out = NULL;
        }
    }
    return true;
}

/* run_line carries out the first whole line in the buffer.
 *   Returns 1 done, 0 there is none, -1 drop the client */
static int run_line(struct lg_ctl *ctl, struct client *c)
{
    char *nl = memchr(c->in, '\n', c->in_len);
    bool is_too_long = !nl && c->in_len == sizeof c->in;

    if (!nl && !is_too_long)
        return 0;
    lg_span_t line = lg_span(c->in, nl ? (size_t)(nl - c->in) : c->in_len);
    enum lg_ctl_verb verb = is_too_long ? LG_CTL_UNKNOWN : lg_ctl_parse(line);
    char *text = verb == LG_CTL_UNKNOWN ? refuse(line) : ctl->handler(ctl->ctx, verb);
    c->is_ending = c->is_ending || is_too_long;
    uint32_t used = (uint32_t)line.len + (nl ? 1 : 0);
    c->in_len -= used;
    memmove(c->in, c->in + used, c->in_len);
    return answer(c, text) ? 1 : -1;
}

/* read_some returns false when the client is gone. */
static bool read_some(struct client *c, lg_ns_t now_ns)
{
    if (c->is_ending || c->in_len == sizeof c->in)
        return true;
    ssize_t n = read(c->fd, c->in + c->in_len, sizeof c->in - c->in_len);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        c->is_ending = true; /* it may have shut only its sending side, as `nc -N` does */
    else
        c->since_ns = now_ns;
    c->in_len += (uint32_t)n;
    return true;
}

/* serve takes one client as far as it goes now. Returns commands carried out. */
static unsigned serve(struct lg_ctl *ctl, struct client *c, lg_ns_t now_ns)
{
    unsigned done = 0;
    int ran = 0;
    bool alive = send_some(c, now_ns);

    if (alive && !c->out)
        alive = read_some(c, now_ns);
    while (alive && !c->out && (ran = run_line(ctl, c)) > 0) {
        done++;
        alive = send_some(c, now_ns);
    }
    if (!alive || ran < 0 || (c->is_ending && !c->out)) {
        drop(ctl, c);
        return done;
    }
    /* While an answer waits, only room to send wakes us; a client that ends is not read again. */
    struct epoll_event ev = {.events = c->out ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    epoll_ctl(ctl->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
    return done;
}

/* ---------------------------------------------------------------- all clients */

static void accept_all(struct lg_ctl *ctl, lg_ns_t now_ns)
{
    for (;;) {
        int fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct client *c = NULL;
        for (unsigned i = 0; !c && i < LG_CTL_CLIENTS; i++)
            if (ctl->clients[i].fd < 0)
                c = &ctl->clients[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if (!c || epoll_ctl(ctl->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
            close(fd);
            continue;
        }
        *c = (struct client){.fd = fd, .since_ns = now_ns};
        ctl->client_cnt++;
    }
}

static void drop_late(struct lg_ctl *ctl, lg_ns_t now_ns)
{
    for (unsigned i = 0; i < LG_CTL_CLIENTS; i++) {
        struct client *c = &ctl->clients[i];
        if (c->fd >= 0 &&
            lg_ns_since(now_ns, c->since_ns) >= (c->out ? LG_CTL_SLOW_NS : LG_CTL_IDLE_NS))
            drop(ctl, c);
    }
}

unsigned lg_ctl_poll(struct lg_ctl *ctl, lg_ns_t now_ns)
{
    struct epoll_event ev[LG_CTL_CLIENTS + 1];
    unsigned done = 0;
    bool has_new = false;
    int cnt = epoll_wait(ctl->epoll_fd, ev, LG_ARRAY_CNT(ev), 0);

    for (int i = 0; i < cnt; i++) {
        if (ev[i].data.ptr)
            done += serve(ctl, ev[i].data.ptr, now_ns);
        else
            has_new = true;
    }
    drop_late(ctl, now_ns);
    if (has_new) /* last, so that no event above speaks of a slot that changed hands */
        accept_all(ctl, now_ns);
    return done;
}

unsigned lg_ctl_client_cnt(const struct lg_ctl *ctl)
{
    return ctl->client_cnt;
}

int lg_ctl_fd(const struct lg_ctl *ctl)
{
    return ctl->epoll_fd;
}

/* ---------------------------------------------------------------- open and close */

static lg_err_t set_up(struct lg_ctl *ctl, const char *path, struct lg_diag *diag)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};

    LG_TRY(lg_ctl_listen(path, &ctl->listen_fd, diag));
    ctl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (ctl->epoll_fd < 0 || stat(path, &ctl->st) != 0 ||
        epoll_ctl(ctl->epoll_fd, EPOLL_CTL_ADD, ctl->listen_fd, &ev) != 0) {
        lg_diag_error(diag, NULL, 0, "global.control_socket", "%s: %s", path, strerror(errno));
        return LG_E(SYS);
    }
    return LG_OK;
}

lg_err_t lg_ctl_open(const char *path, lg_ctl_handler *handler, void *ctx, struct lg_ctl **out,
                     struct lg_diag *diag)
{
    struct lg_ctl *ctl = calloc(1, sizeof *ctl);
    char *own_path = strdup(path);
    lg_err_t err = LG_E(NOMEM);

    if (ctl && own_path) {
        *ctl = (struct lg_ctl){
            .epoll_fd = -1, .listen_fd = -1, .handler = handler, .ctx = ctx, .path = own_path};
        for (unsigned i = 0; i < LG_CTL_CLIENTS; i++)
            ctl->clients[i].fd = -1;
        err = set_up(ctl, path, diag);
        if (lg_is_ok(err)) {
            *out = ctl;
            return LG_OK;
        }
        lg_ctl_close(ctl);
        return err;
    }
    free(ctl);
    free(own_path);
    lg_diag_error(diag, NULL, 0, "global.control_socket", "out of memory");
    return err;
}

void lg_ctl_close(struct lg_ctl *ctl)
{
    struct stat now;

    if (!ctl)
        return;
    for (unsigned i = 0; i < LG_CTL_CLIENTS; i++)
        if (ctl->clients[i].fd >= 0)
            drop(ctl, &ctl->clients[i]);
    if (ctl->st.st_ino && stat(ctl->path, &now) == 0 && now.st_ino == ctl->st.st_ino &&
        now.st_dev == ctl->st.st_dev)
        unlink(ctl->path);
    if (ctl->listen_fd >= 0)
        close(ctl->listen_fd);
    if (ctl->epoll_fd >= 0)
        close(ctl->epoll_fd);
    free(ctl->path);
    free(ctl);
}
