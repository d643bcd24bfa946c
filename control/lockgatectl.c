/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lockgatectl.c: asks a running Lockgate through its control socket, and prints the answer. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/lockgate.sock"
#define ANSWER_MAX (16u << 20) /* bytes; no honest answer comes near */

enum { EXIT_GOOD = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char help_text[] =
    "NAME\n"
    "  lockgatectl - asks and steers a running lockgate\n"
    "\n"
    "SYNOPSIS\n"
    "  lockgatectl [-s SOCKET] stats [NAME...]\n"
    "  lockgatectl [-s SOCKET] reload\n"
    "  lockgatectl [-s SOCKET] version\n"
    "  lockgatectl [-s SOCKET] backends [--json]\n"
    "\n"
    "COMMANDS\n"
    "  stats           everything, as JSON: totals, and each worker's counters\n"
    "  stats NAME...   only these, one value a line: the sum over the workers (tls_hs_done,\n"
    "                  tcp_conns, bufs_used) or a value of the process (generation, retired)\n"
    "  reload          read the configuration again; waits until it is in force or refused\n"
    "  version         versions of Lockgate, wolfSSL and DPDK\n"
    "  backends        every pool's backends: state, weight, connections in use, times chosen,\n"
    "                  failures, and the last health check; --json for programs\n"
    "\n"
    "OPTIONS\n"
    "  -s, --socket SOCKET   global.control_socket of the one to ask (default " DEFAULT_SOCKET ")\n"
    "  -h, --help            this text\n"
    "\n"
    "EXIT STATUS\n"
    "  0  done\n"
    "  1  refused, unknown NAME, or nobody answers; standard error says why\n"
    "  2  usage\n";

/* connect_to returns a socket, or -1 with a message printed. */
static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 120}; /* a reload may have large CRLs to read */

    if (!*path || strlen(path) >= sizeof addr.sun_path) {
        fprintf(stderr, "lockgatectl: %s: not the path of a socket\n", path);
        return -1;
    }
    strcpy(addr.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        fprintf(stderr, "lockgatectl: %s: %s%s\n", path, strerror(errno),
                errno == ENOENT || errno == ECONNREFUSED ? "; is lockgate running?" : "");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

/* read_line reads until newline; NULL (and a message) when there is no whole line. */
static char *read_line(int fd)
{
    size_t len = 0, room = 65536;
    char *text = malloc(room), *bigger;

    while (text && room <= ANSWER_MAX) {
        ssize_t n = read(fd, text + len, room - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fprintf(stderr, "lockgatectl: no answer: %s\n",
                    n < 0 ? strerror(errno) : "the connection was closed");
            break;
        }
        len += (size_t)n;
        if (text[len - 1] == '\n') {
            text[len - 1] = '\0';
            return text;
        }
        if (len + 1 < room)
            continue;
        room *= 2;
        bigger = realloc(text, room);
        if (!bigger)
            break;
        text = bigger;
    }
    free(text);
    return NULL;
}

/* ask sends one command and returns the answer, or NULL with a message printed. */
static json_t *ask(const char *path, const char *command)
{
    char line[64];
    json_error_t why;
    int fd = connect_to(path);

    if (fd < 0)
        return NULL;
    int len = snprintf(line, sizeof line, "%s\n", command);
    if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len) {
        fprintf(stderr, "lockgatectl: %s: %s\n", path, strerror(errno));
        close(fd);
        return NULL;
    }
    char *text = read_line(fd);
    close(fd);
    if (!text)
        return NULL;
    json_t *answer = json_loads(text, 0, &why);
    free(text);
    if (!answer)
        fprintf(stderr, "lockgatectl: the answer is not JSON: %s\n", why.text);
    return answer;
}

static const char *text_of(const json_t *obj, const char *name)
{
    const char *s = json_string_value(json_object_get(obj, name));
    return s ? s : "";
}

static int print_json(const json_t *answer)
{
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
    return EXIT_GOOD;
}

static int print_stats(const json_t *answer, char *const *names, int cnt)
{
    const json_t *totals = json_object_get(answer, "totals");
    int rc = EXIT_GOOD;

    if (cnt == 0)
        return print_json(answer);
    for (int i = 0; i < cnt; i++) {
        const json_t *v = json_object_get(totals, names[i]);
        if (!v)
            v = json_object_get(answer, names[i]);
        if (json_is_integer(v)) {
            printf("%" PRIi64 "\n", (int64_t)json_integer_value(v));
        } else if (json_is_boolean(v)) {
            printf("%d\n", json_is_true(v));
        } else {
            fprintf(stderr, "lockgatectl: no such number: %s\n", names[i]);
            rc = EXIT_REFUSED;
        }
    }
    return rc;
}

static int64_t number_of(const json_t *obj, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(obj, name));
}

/* print_check: "ok, 3 ms ago, took 412 us"; nothing where no check is made. */
static void print_check(const json_t *check)
{
    const json_t *ago = json_object_get(check, "ago_ms");

    if (!json_is_object(check)) {
        puts("-");
        return;
    }
    printf("%s", text_of(check, "result"));
    if (json_is_integer(ago))
        printf(", %" PRIi64 " ms ago, took %" PRIi64 " us", (int64_t)json_integer_value(ago),
               number_of(check, "took_us"));
    putchar('\n');
}

static int print_backends(const json_t *answer)
{
    const json_t *pools = json_object_get(answer, "pools"), *pool, *be;
    size_t i, k;

    printf("%-16s %-16s %-24s %-8s %6s %6s %10s %8s  %s\n", "POOL", "BACKEND", "ADDRESS", "STATE",
           "WEIGHT", "CONNS", "PICKED", "FAILED", "LAST CHECK");
    json_array_foreach(pools, i, pool) json_array_foreach(json_object_get(pool, "backends"), k, be)
    {
        printf("%-16s %-16s %-24s %-8s %6" PRIi64 " %6" PRIi64 " %10" PRIi64 " %8" PRIi64 "  ",
               text_of(pool, "name"), text_of(be, "name"), text_of(be, "address"),
               text_of(be, "state"), number_of(be, "weight"), number_of(be, "connections"),
               number_of(be, "picked"), number_of(be, "failed"));
        print_check(json_object_get(be, "check"));
    }
    return EXIT_GOOD;
}

static int print_version(const json_t *answer)
{
    printf("lockgate %s\nwolfSSL %s\n%s\n", text_of(answer, "version"), text_of(answer, "wolfssl"),
           text_of(answer, "dpdk"));
    return EXIT_GOOD;
}

/* print_messages: what the reload had to say, warnings of a good one too. */
static void print_messages(const json_t *answer)
{
    const json_t *messages = json_object_get(answer, "messages");

    for (size_t i = 0; i < json_array_size(messages); i++)
        fprintf(stderr, "%s\n", json_string_value(json_array_get(messages, i)));
}

static int run(const char *socket_path, char *const *argv, int argc)
{
    json_t *answer = ask(socket_path, argv[0]);
    int rc = EXIT_REFUSED;

    if (!answer)
        return EXIT_REFUSED;
    print_messages(answer);
    if (!json_is_true(json_object_get(answer, "ok")))
        fprintf(stderr, "lockgatectl: %s: %s\n", argv[0], text_of(answer, "error"));
    else if (strcmp(argv[0], "stats") == 0)
        rc = print_stats(answer, argv + 1, argc - 1);
    else if (strcmp(argv[0], "version") == 0)
        rc = print_version(answer);
    else if (strcmp(argv[0], "backends") == 0)
        rc = argc > 1 ? print_json(answer) : print_backends(answer);
    else
        rc = printf("generation %" PRIi64 " active\n",
                    (int64_t)json_integer_value(json_object_get(answer, "generation"))) < 0;
    json_decref(answer);
    return fflush(stdout) == 0 ? rc : EXIT_REFUSED;
}

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "lockgatectl: %s%s\ntry: lockgatectl --help\n", what, arg);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = DEFAULT_SOCKET;

    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "+s:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(help_text, stdout) < 0;
        if (c != 's')
            return usage("unknown option or missing value: ", argv[optind - 1]);
        path = optarg;
    }
    if (optind == argc)
        return usage("which command? stats, reload, version or backends", "");
    const char *command = argv[optind];
    bool is_stats = strcmp(command, "stats") == 0;
    bool is_backends = strcmp(command, "backends") == 0;
    if (!is_stats && !is_backends && strcmp(command, "reload") != 0 &&
        strcmp(command, "version") != 0)
        return usage("unknown command: ", command);
    bool has_json = is_backends && optind + 2 == argc && strcmp(argv[optind + 1], "--json") == 0;
    if (!is_stats && !has_json && optind + 1 < argc)
        return usage("unexpected argument: ", argv[optind + 1]);
    return run(path, argv + optind, argc - optind);
}
