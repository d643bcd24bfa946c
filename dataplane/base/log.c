/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (writing to standard error; workers only fill their ring) */
/* log.c: log lines: written by the control thread, put into rings by workers. */
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint32_t threshold = LG_LOG_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void lg_log_set_level(enum lg_log_level level)
{
    atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

enum lg_log_level lg_log_level(void)
{
    return atomic_load_explicit(&threshold, memory_order_relaxed);
}

/* A pipe that nobody reads (a hung supervisor) must hold up neither a start nor a reload. */
#define PATIENCE_MS 100

static _Atomic uint32_t lost_cnt; /* lines since standard error took no more */

/* is_writable: a line can be written without waiting; waits a moment the first time it cannot. */
static bool is_writable(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool is_stuck = atomic_load_explicit(&lost_cnt, memory_order_relaxed) > 0;

    return poll(&p, 1, is_stuck ? 0 : PATIENCE_MS) != 0; /* on an error write() knows more */
}

/* emit writes one line with a single write, so that lines of several processes do not mix. */
static void emit(enum lg_log_level level, const char *who, const char *text)
{
    char line[LG_LOG_LINE_SZ + 96], when[40] = "";
    struct timespec ts;
    struct tm tm;

    if (!getenv("JOURNAL_STREAM")) {
        clock_gettime(CLOCK_REALTIME, &ts);
        gmtime_r(&ts.tv_sec, &tm);
        size_t n = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(when + n, sizeof when - n, ".%03ldZ ", ts.tv_nsec / 1000000);
    }
    int len = snprintf(line, sizeof line, "%s%s: %s%s\n", when, level_names[level], who, text);
    if (len >= (int)sizeof line) {
        len = (int)sizeof line;
        line[len - 1] = '\n';
    }
    if (!is_writable()) {
        atomic_fetch_add_explicit(&lost_cnt, 1, memory_order_relaxed);
        return;
    }
    uint32_t lost = atomic_exchange_explicit(&lost_cnt, 0, memory_order_relaxed);
    if (lost)
        dprintf(STDERR_FILENO, "%swarn: %u lines before this one were lost: nobody read them\n",
                when, lost);
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return; /* nowhere left to say so */
}

void lg_log(enum lg_log_level level, const char *fmt, ...)
{
    char text[LG_LOG_LINE_SZ];
    va_list ap;

    if (level > lg_log_level())
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    emit(level, "", text);
}

void lg_logring_init(struct lg_logring *r, enum lg_log_level level)
{
    atomic_init(&r->tail, 0);
    atomic_init(&r->head, 0);
    atomic_init(&r->level, level);
}

void lg_logring_put(struct lg_logring *r, struct lg_stats *stats, enum lg_log_level level,
                    const char *fmt, ...)
{
    va_list ap;

    if (level > atomic_load_explicit(&r->level, memory_order_relaxed))
        return;
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&r->head, memory_order_acquire) >= LG_LOGRING_CNT) {
        lg_stat_inc(stats, LG_STAT_LOG_DROPPED);
        return;
    }
    struct lg_log_line *line = &r->lines[tail % LG_LOGRING_CNT];
    va_start(ap, fmt);
    int n = vsnprintf(line->text, sizeof line->text, fmt, ap);
    va_end(ap);
    line->level = level;
    line->len = n < 0 ? 0 : LG_MIN((uint32_t)n, LG_LOG_LINE_SZ - 1u);
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

unsigned lg_logring_drain(struct lg_logring *r, unsigned worker)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    unsigned cnt = 0;
    char who[24];

    snprintf(who, sizeof who, "worker %u: ", worker);
    for (; head != tail; head++, cnt++) {
        const struct lg_log_line *line = &r->lines[head % LG_LOGRING_CNT];
        emit((enum lg_log_level)line->level, who, line->text);
        atomic_store_explicit(&r->head, head + 1, memory_order_release);
    }
    return cnt;
}

const char *lg_log_escape(lg_span_t in, char *out, size_t out_sz)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.p[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
        if (n + (plain ? 1 : 4) >= out_sz)
            break;
        if (plain) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    out[n] = '\0';
    return out;
}
