/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_top.c: lockgatectl top: a live page, by plain terminal codes. Rates are differences of two
 * looks. Where standard output is no terminal: one page after one interval. */
#include "ctl_priv.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* One look. */
struct look {
    double at_s;
    json_t *status, *stats, *workers, *listeners, *backends; /* own; NULL: not had */
};

static struct {
    struct termios before;
    bool is_raw, is_open;
    volatile sig_atomic_t is_over;
} term;

/* ---------------------------------------------------------------- looks */

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void look_drop(struct look *l)
{
    json_t *all[] = {l->status, l->stats, l->workers, l->listeners, l->backends};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        json_decref(all[i]);
    *l = (struct look){0};
}

/* look_take returns whether all of it was answered. */
static bool look_take(const struct ctl *c, struct look *out)
{
    *out = (struct look){.at_s = now_s()};
    out->status = ctl_ask(c, "GET", "/v1/status", NULL);
    if (!out->status)
        return false;
    out->stats = ctl_ask(c, "GET", "/v1/stats", NULL);
    out->workers = ctl_ask(c, "GET", "/v1/workers", NULL);
    out->listeners = ctl_ask(c, "GET", "/v1/listeners", NULL);
    out->backends = ctl_ask(c, "GET", "/v1/backends", NULL);
    return out->stats && out->workers && out->listeners && out->backends;
}

/* rate: of a member that only grows; 0 where it began anew. */
static double rate(const json_t *now, const json_t *then, const char *name, double took_s)
{
    double diff = (double)(ctl_number(now, name) - ctl_number(then, name));

    return diff > 0 && took_s > 0 ? diff / took_s : 0;
}

static const json_t *find(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (strcmp(ctl_text(one, "name"), name) == 0)
            return one;
    }
    return NULL;
}

/* ---------------------------------------------------------------- the page */

static void put_head(FILE *f, const struct look *now, const struct look *then)
{
    const json_t *a = json_object_get(now->stats, "totals"),
                 *b = json_object_get(then->stats, "totals");
    double took_s = now->at_s - then->at_s;
    int64_t up_s = ctl_number(now->status, "uptime_s");

    fprintf(f,
            "lockgate %s  up %" PRIi64 "d %02" PRIi64 ":%02" PRIi64 "  %s  generation %" PRIi64
            " (%" PRIi64 " older held)\n",
            ctl_text(now->status, "version"), up_s / 86400, up_s / 3600 % 24, up_s / 60 % 60,
            ctl_text(now->status, "state"), ctl_number(now->status, "generation"),
            ctl_number(now->status, "retired"));
    fprintf(f,
            "clients %" PRIi64 "  to backends %" PRIi64 "  requests/s %.0f  handshakes/s %.0f "
            "(resumed %.0f, failed %.0f)  5xx/s %.1f\n",
            ctl_number(now->status, "proxy_sessions"),
            ctl_number(now->status, "proxy_backend_conns"), rate(a, b, "http_requests", took_s),
            rate(a, b, "tls_hs_done", took_s), rate(a, b, "tls_hs_resumed", took_s),
            rate(a, b, "tls_hs_failed", took_s), rate(a, b, "http_5xx", took_s));
    fprintf(f, "in %.2f MB/s %.0f pkt/s  out %.2f MB/s %.0f pkt/s  retransmitted/s %.0f\n\n",
            rate(a, b, "rx_bytes", took_s) / 1e6, rate(a, b, "rx_pkts", took_s),
            rate(a, b, "tx_bytes", took_s) / 1e6, rate(a, b, "tx_pkts", took_s),
            rate(a, b, "tcp_retrans", took_s));
}

static void put_workers(FILE *f, const struct look *now)
{
    static const struct ctl_col cols[] = {{"WORKER", "worker"},      {"CPU", "cpu"},
                                          {"BUSY %", "busy"},        {"TURN p99 us", "p99"},
                                          {"max us", "max"},         {"BUFFERS %", "buffers"},
                                          {"SESSIONS %", "sessions"}};
    json_t *rows = json_array();
    const json_t *w;
    size_t i;

    json_array_foreach(json_object_get(now->workers, "workers"), i, w)
    {
        const json_t *pools = json_object_get(w, "pools");
        const json_t *bufs = json_object_get(pools, "packet_buffers"),
                     *sessions = json_object_get(pools, "sessions");
        double buf_cnt = (double)ctl_number(bufs, "total"),
               session_cnt = (double)ctl_number(sessions, "total");
        json_array_append_new(
            rows,
            json_pack(
                "{s:I,s:I,s:f,s:f,s:f,s:f,s:f}", "worker", (json_int_t)ctl_number(w, "worker"),
                "cpu", (json_int_t)ctl_number(w, "cpu"), "busy",
                100 * json_real_value(json_object_get(w, "busy")), "p99",
                (double)ctl_number(w, "turn_p99_ns") / 1000, "max",
                (double)ctl_number(w, "turn_max_ns") / 1000, "buffers",
                buf_cnt > 0 ? 100 * (double)ctl_number(bufs, "used") / buf_cnt : 0, "sessions",
                session_cnt > 0 ? 100 * (double)ctl_number(sessions, "used") / session_cnt : 0));
    }
    ctl_table(f, rows, cols, sizeof cols / sizeof cols[0]);
    fputc('\n', f);
    json_decref(rows);
}

static void put_listeners(FILE *f, const struct look *now, const struct look *then)
{
    static const struct ctl_col cols[] = {{"LISTENER", "name"},     {"MODE", "mode"},
                                          {"CONNS", "connections"}, {"HANDSHAKES/s", "hs"},
                                          {"FAILED/s", "failed"},   {"REQUESTS/s", "requests"},
                                          {"p99 us", "p99"}};
    const json_t *list = json_object_get(then->listeners, "listeners"), *l;
    double took_s = now->at_s - then->at_s;
    json_t *rows = json_array();
    size_t i;

    json_array_foreach(json_object_get(now->listeners, "listeners"), i, l)
    {
        const json_t *old = find(list, ctl_text(l, "name"));
        json_array_append_new(rows,
                              json_pack("{s:s,s:s,s:I,s:f,s:f,s:f,s:I}", "name",
                                        ctl_text(l, "name"), "mode", ctl_text(l, "mode"),
                                        "connections", (json_int_t)ctl_number(l, "connections"),
                                        "hs", rate(l, old, "handshakes", took_s), "failed",
                                        rate(l, old, "handshake_failures", took_s), "requests",
                                        rate(l, old, "requests", took_s), "p99",
                                        (json_int_t)ctl_number(l, "request_p99_us")));
    }
    ctl_table(f, rows, cols, sizeof cols / sizeof cols[0]);
    fputc('\n', f);
    json_decref(rows);
}

static void put_backends(FILE *f, const struct look *now, const struct look *then)
{
    static const struct ctl_col cols[] = {{"POOL", "pool"},          {"BACKEND", "name"},
                                          {"STATE", "state"},        {"CONNS", "connections"},
                                          {"PICKED/s", "picked"},    {"FAILED/s", "failed"},
                                          {"RESPONSE p99 us", "p99"}};
    const json_t *pools = json_object_get(then->backends, "pools"), *pool, *be;
    double took_s = now->at_s - then->at_s;
    json_t *rows = json_array();
    size_t i, k;

    json_array_foreach(json_object_get(now->backends, "pools"), i, pool)
    {
        const json_t *before = json_object_get(find(pools, ctl_text(pool, "name")), "backends");
        json_array_foreach(json_object_get(pool, "backends"), k, be)
        {
            const json_t *old = find(before, ctl_text(be, "name"));
            json_array_append_new(
                rows, json_pack("{s:s,s:s,s:s,s:I,s:f,s:f,s:I}", "pool", ctl_text(pool, "name"),
                                "name", ctl_text(be, "name"), "state", ctl_text(be, "state"),
                                "connections", (json_int_t)ctl_number(be, "connections"), "picked",
                                rate(be, old, "picked", took_s), "failed",
                                rate(be, old, "failed", took_s), "p99",
                                (json_int_t)ctl_number(json_object_get(be, "response_us"), "p99")));
        }
    }
    ctl_table(f, rows, cols, sizeof cols / sizeof cols[0]);
    json_decref(rows);
}

/* make_page gives the whole page, from malloc; NULL: no memory. */
static char *make_page(const struct look *now, const struct look *then)
{
    char *text = NULL;
    size_t sz = 0;
    FILE *f = open_memstream(&text, &sz);

    if (!f)
        return NULL;
    put_head(f, now, then);
    put_workers(f, now);
    put_listeners(f, now, then);
    put_backends(f, now, then);
    fclose(f);
    return text;
}

/* ---------------------------------------------------------------- the terminal */

static void on_signal(int sig)
{
    (void)sig;
    term.is_over = 1;
}

static void begin_screen(void)
{
    struct sigaction act = {.sa_handler = on_signal};

    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &term.before) == 0) {
        struct termios raw = term.before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        term.is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    term.is_open = true;
    fputs("\033[?1049h\033[?25l", stdout); /* the other screen, no cursor */
}

static void end_screen(void)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (term.is_raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
}

/* show_page writes what fits the window, line by line. */
static void show_page(const char *text)
{
    struct winsize win = {0};

    /* A terminal that does not know its size says 0 and 0. */
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &win) != 0 || win.ws_row == 0 || win.ws_col == 0)
        win = (struct winsize){.ws_row = 24, .ws_col = 80};
    fputs("\033[H", stdout);
    for (int row = 1; row < win.ws_row && *text; row++) {
        int len = (int)strcspn(text, "\n");
        printf("%.*s\033[K\n", len < win.ws_col ? len : win.ws_col, text);
        text += len + (text[len] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

/* wait_key waits for the interval; true: somebody wants to leave. */
static bool wait_key(double seconds)
{
    struct pollfd p = {.fd = term.is_raw ? STDIN_FILENO : -1, .events = POLLIN};
    double end_s = now_s() + seconds;
    char key = 0;

    while (!term.is_over && now_s() < end_s) {
        int left_ms = (int)((end_s - now_s()) * 1000) + 1;
        if (poll(&p, 1, left_ms) <= 0)
            continue;
        if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
            return true;
    }
    return term.is_over;
}

/* show makes a page of two looks and puts it where it belongs. */
static void show(const struct look *now, const struct look *then)
{
    char *page = make_page(now, then);

    if (page && term.is_open)
        show_page(page);
    else if (page)
        fputs(page, stdout);
    free(page);
}

/* watch goes on until somebody ends it; false: there was no answer. */
static bool watch(const struct ctl *c, double every_s, struct look *then)
{
    struct look now;

    begin_screen();
    show(then, then); /* at once; without rates yet */
    while (!wait_key(every_s)) {
        if (!look_take(c, &now)) {
            look_drop(&now);
            return false;
        }
        show(&now, then);
        look_drop(then);
        *then = now;
    }
    return true;
}

/* page_once: for a pipe or a file. */
static bool page_once(const struct ctl *c, double every_s, const struct look *then)
{
    struct look now;

    wait_key(every_s);
    bool is_good = look_take(c, &now);
    if (is_good)
        show(&now, then);
    look_drop(&now);
    return is_good;
}

int ctl_top(const struct ctl *c)
{
    double every_s = c->arg_cnt ? atof(c->args[0]) : 2;
    struct look first;

    if (every_s < 0.1 || every_s > 3600) {
        fprintf(stderr, "lockgatectl: top: expected 0.1 to 3600 seconds\n");
        return CTL_USAGE;
    }
    bool is_good = look_take(c, &first);
    if (is_good && isatty(STDOUT_FILENO))
        is_good = watch(c, every_s, &first);
    else if (is_good)
        is_good = page_once(c, every_s, &first);
    if (term.is_open)
        end_screen();
    if (!is_good && term.is_open)
        fprintf(stderr, "lockgatectl: %s answers no longer\n", c->target);
    look_drop(&first);
    return is_good && fflush(stdout) == 0 ? CTL_GOOD : CTL_REFUSED;
}
