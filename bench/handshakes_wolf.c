/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* handshakes_wolf.c: a client that does nothing but full TLS handshakes, as cheaply as it can: one
 * thread, kernel sockets, wolfSSL with assembly, no chain verification. It exists because common
 * clients (openssl s_time, wrk) spend more on a handshake than the server under test.
 *
 *   bench-handshakes [-c CONNECTIONS] [-d SECONDS] [-v 1.2|1.3] [-n SNI] [-N NAMES] [-r]
 *                    [-C CERT -K KEY] [-i] ADDRESS PORT
 *
 * Each connection: TCP connect, handshake, close_notify, then it waits for the server's FIN: only
 * then is the handshake counted, because only then has the server finished it too. The socket is
 * closed by RST after that and without a FIN of its own: no port is left in TIME_WAIT, which would
 * soon leave none to connect from.
 *   -N  names are n0.SNI, n1.SNI, ... below NAMES, another one for each connection
 *   -r  one full handshake gets a ticket, all others resume with it; those that the server did in
 *       full all the same are counted apart
 *   -C -K  a client certificate (with its chain) and its key, PEM
 *   -i  idle: opens CONNECTIONS, a few at a time, prints, and holds them until standard input ends
 * Prints one JSON object: handshakes, resumed, seconds, per_second, errors, and the CPU seconds the
 * client used; a client at more than 90 % of a CPU was itself the limit. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct slot {
    WOLFSSL *ssl;
    int fd;
    bool connected;
    bool closing;    /* the handshake is done; waiting for the server's end */
    uint32_t events; /* what epoll watches */
};

#define IDLE_AT_ONCE 32 /* handshakes in flight while idle connections are opened */

struct bench {
    /* -- what was asked -- */
    struct sockaddr_storage to;
    socklen_t to_len;
    const char *sni, *version, *cert, *key;
    double seconds;
    uint32_t name_cnt; /* 0: sni as it is */
    bool resume, idle;
    /* -- running -- */
    WOLFSSL_CTX *ctx;
    WOLFSSL_SESSION *ticket; /* what every connection resumes with; NULL: none */
    int ep;
    uint32_t slot_cnt;
    uint32_t opened_cnt; /* idle: slots used so far */
    struct slot *slots;
    uint32_t name_next;
    uint64_t done, resumed, errors;
    char first_error[96];
};

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void note_error(struct bench *b, const char *what, int code)
{
    if (b->errors++ == 0)
        snprintf(b->first_error, sizeof b->first_error, "%s %d", what, code);
}

static void watch(struct bench *b, struct slot *s, uint32_t events, int op)
{
    struct epoll_event ev = {.events = events, .data.u32 = (uint32_t)(s - b->slots)};
    if (op == EPOLL_CTL_MOD && s->events == events)
        return;
    s->events = events;
    epoll_ctl(b->ep, op, s->fd, &ev);
}

static bool slot_open(struct bench *b, struct slot *s)
{
    int one = 1;
    struct linger rst = {.l_onoff = 1, .l_linger = 0};

    s->connected = s->closing = false;
    s->ssl = NULL;
    s->fd = socket(b->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
    if (connect(s->fd, (struct sockaddr *)&b->to, b->to_len) != 0 && errno != EINPROGRESS) {
        note_error(b, "connect", errno);
        close(s->fd);
        return false;
    }
    watch(b, s, EPOLLOUT, EPOLL_CTL_ADD);
    return true;
}

static void slot_close(struct slot *s)
{
    wolfSSL_free(s->ssl);
    s->ssl = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* ask_name: the server name of the next connection. */
static bool ask_name(struct bench *b, WOLFSSL *ssl)
{
    char name[256];
    int len = b->name_cnt
                  ? snprintf(name, sizeof name, "n%u.%s", b->name_next++ % b->name_cnt, b->sni)
                  : snprintf(name, sizeof name, "%s", b->sni);

    return wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name, (unsigned short)len) == WOLFSSL_SUCCESS;
}

static bool begin_tls(struct bench *b, struct slot *s)
{
    int err = 0;
    socklen_t len = sizeof err;

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err) {
        note_error(b, "connect", err);
        return false;
    }
    s->connected = true;
    s->ssl = wolfSSL_new(b->ctx);
    if (!s->ssl || wolfSSL_set_fd(s->ssl, s->fd) != WOLFSSL_SUCCESS || !ask_name(b, s->ssl)) {
        note_error(b, "wolfSSL_new", 0);
        return false;
    }
    if (b->ticket && wolfSSL_set_session(s->ssl, b->ticket) != WOLFSSL_SUCCESS) {
        note_error(b, "the server gave no ticket", 0);
        return false;
    }
    return true;
}

/* drain reads until the server's end; false when it is there. */
static bool drain(struct bench *b, struct slot *s)
{
    char buf[512];
    ssize_t n;

    while ((n = recv(s->fd, buf, sizeof buf, 0)) > 0)
        continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return true;
    if (n == 0)
        b->done++;
    else
        note_error(b, "recv", errno);
    return false;
}

/* hold keeps an established connection as it is and lets the next one begin. The client's half is
 * not what is measured: it keeps only the socket. */
static bool hold(struct bench *b, struct slot *s)
{
    b->done++;
    epoll_ctl(b->ep, EPOLL_CTL_DEL, s->fd, NULL);
    wolfSSL_free(s->ssl);
    s->ssl = NULL;
    if (b->opened_cnt < b->slot_cnt)
        slot_open(b, &b->slots[b->opened_cnt++]);
    return true;
}

/* step moves one connection on; false when it is over, one way or the other. */
static bool step(struct bench *b, struct slot *s)
{
    if (s->closing)
        return drain(b, s);
    if (!s->connected && !begin_tls(b, s))
        return false;
    int rc = wolfSSL_connect(s->ssl);
    if (rc == WOLFSSL_SUCCESS) {
        b->resumed += wolfSSL_session_reused(s->ssl) != 0;
        if (b->idle)
            return hold(b, s);
        wolfSSL_shutdown(s->ssl);
        s->closing = true;
        watch(b, s, EPOLLIN, EPOLL_CTL_MOD);
        return drain(b, s);
    }
    int err = wolfSSL_get_error(s->ssl, rc);
    if (err == WOLFSSL_ERROR_WANT_READ || err == WOLFSSL_ERROR_WANT_WRITE) {
        watch(b, s, err == WOLFSSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
        return true;
    }
    note_error(b, "handshake", err);
    return false;
}

static bool run(struct bench *b)
{
    struct epoll_event evs[64];
    double end = now_s() + b->seconds;

    b->opened_cnt = b->idle && b->slot_cnt > IDLE_AT_ONCE ? IDLE_AT_ONCE : b->slot_cnt;
    for (uint32_t i = 0; i < b->opened_cnt; i++)
        if (!slot_open(b, &b->slots[i]))
            return false;
    while (now_s() < end && !(b->idle && b->done == b->slot_cnt)) {
        int n = epoll_wait(b->ep, evs, 64, 100);
        for (int i = 0; i < n; i++) {
            struct slot *s = &b->slots[evs[i].data.u32];
            if (step(b, s))
                continue;
            slot_close(s);
            if (b->idle || b->errors > 1000 || !slot_open(b, s))
                return false;
        }
    }
    return !b->idle || b->done == b->slot_cnt;
}

/* get_ticket: one handshake on a blocking socket, read on until the server's ticket is there. */
static bool get_ticket(struct bench *b)
{
    struct timeval patience = {.tv_sec = 1};
    struct slot s = {.fd = socket(b->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    char c;

    if (s.fd < 0 || connect(s.fd, (struct sockaddr *)&b->to, b->to_len) != 0 || !begin_tls(b, &s))
        return false;
    setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (wolfSSL_connect(s.ssl) != WOLFSSL_SUCCESS)
        return false;
    if (strcmp(b->version, "1.2") != 0)
        (void)wolfSSL_peek(s.ssl, &c, 1); /* the ticket is read; then the time is over */
    b->ticket = wolfSSL_get1_session(s.ssl);
    wolfSSL_shutdown(s.ssl);
    slot_close(&s);
    return b->ticket != NULL;
}

static WOLFSSL_CTX *new_ctx(const struct bench *b)
{
    bool v12 = strcmp(b->version, "1.2") == 0;
    int groups[] = {WOLFSSL_ECC_X25519};
    WOLFSSL_CTX *ctx =
        wolfSSL_CTX_new(v12 ? wolfTLSv1_2_client_method() : wolfTLSv1_3_client_method());

    if (!ctx)
        return NULL;
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
    if (!v12)
        wolfSSL_CTX_set_groups(ctx, groups, 1);
    wolfSSL_CTX_UseSupportedCurve(ctx, WOLFSSL_ECC_X25519);
    if (v12) /* there it also says which ECDSA certificates the client can verify */
        wolfSSL_CTX_UseSupportedCurve(ctx, WOLFSSL_ECC_SECP256R1);
    if (b->resume)
        wolfSSL_CTX_UseSessionTicket(ctx);
    if (b->cert &&
        (wolfSSL_CTX_use_certificate_chain_file(ctx, b->cert) != WOLFSSL_SUCCESS ||
         wolfSSL_CTX_use_PrivateKey_file(ctx, b->key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)) {
        wolfSSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool parse_to(struct bench *b, const char *ip, const char *port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&b->to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&b->to;
    uint16_t be_port = htons((uint16_t)strtoul(port, NULL, 10));

    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = be_port;
        b->to_len = sizeof *v4;
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = be_port;
    b->to_len = sizeof *v6;
    return inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool parse_args(struct bench *b, int argc, char **argv)
{
    int opt;

    while ((opt = getopt(argc, argv, "c:d:v:n:N:rC:K:i")) != -1) {
        switch (opt) {
        case 'c':
            b->slot_cnt = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'd':
            b->seconds = strtod(optarg, NULL);
            break;
        case 'v':
            b->version = optarg;
            break;
        case 'n':
            b->sni = optarg;
            break;
        case 'N':
            b->name_cnt = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            b->resume = true;
            break;
        case 'C':
            b->cert = optarg;
            break;
        case 'K':
            b->key = optarg;
            break;
        case 'i':
            b->idle = true;
            break;
        default:
            return false;
        }
    }
    return argc - optind == 2 && b->slot_cnt > 0 && !b->cert == !b->key &&
           parse_to(b, argv[optind], argv[optind + 1]);
}

static void print_result(const struct bench *b, double took, double cpu)
{
    printf("{\"handshakes\": %llu, \"resumed\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, "
           "\"errors\": %llu, \"first_error\": \"%s\", \"client_cpu\": %.3f}\n",
           (unsigned long long)b->done, (unsigned long long)b->resumed, took,
           (double)b->done / took, (unsigned long long)b->errors, b->first_error, cpu / took);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bench b = {.slot_cnt = 32, .sni = "shop.example", .version = "1.3", .seconds = 5};
    char c;

    if (!parse_args(&b, argc, argv)) {
        fprintf(stderr,
                "usage: %s [-c CONNECTIONS] [-d SECONDS] [-v 1.2|1.3] [-n SNI] [-N NAMES] [-r] "
                "[-C CERT -K KEY] [-i] ADDRESS PORT\n",
                argv[0]);
        return 2;
    }
    if (!lg_is_ok(lg_tls_global_init()) || !(b.ctx = new_ctx(&b)))
        return 3;
    b.ep = epoll_create1(EPOLL_CLOEXEC);
    b.slots = calloc(b.slot_cnt, sizeof *b.slots);
    if (b.ep < 0 || !b.slots)
        return 3;
    for (uint32_t i = 0; i < b.slot_cnt; i++)
        b.slots[i].fd = -1;
    if (b.resume && !get_ticket(&b))
        note_error(&b, "no ticket", 0);
    double begin = now_s(), cpu = cpu_s();
    bool ok = b.errors == 0 && run(&b);
    print_result(&b, now_s() - begin, cpu_s() - cpu);
    while (ok && b.idle && read(STDIN_FILENO, &c, 1) > 0)
        continue;
    for (uint32_t i = 0; i < b.slot_cnt; i++)
        slot_close(&b.slots[i]);
    wolfSSL_SESSION_free(b.ticket);
    wolfSSL_CTX_free(b.ctx);
    free(b.slots);
    return ok && b.errors == 0 ? 0 : 1;
}
