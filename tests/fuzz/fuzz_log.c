/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_log.c: any bytes as a format of the access log, and any bytes as what clients sent, written
 * by it and as JSON. Target Functions: lg_log_format_parse, lg_access_text_put, lg_log_line */
#include "log_line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *headers[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

/* check_line: one line, and of what clients sent nothing but printable ASCII. */
static void check_line(const struct lg_access_rec *rec, bool is_ascii)
{
    static const struct lg_log_clock clock = {1790000000000000u, LG_SEC(500)};
    static char out[LG_LOG_LINE_MAX];
    size_t len = lg_log_line(rec, 0, &clock, out);

    if (len == 0 || len > sizeof out || out[len - 1] != '\n' || memchr(out, '\n', len - 1))
        abort();
    for (size_t i = 0; is_ascii && i < len - 1; i++)
        if (out[i] < 0x20 || out[i] > 0x7e)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lg_log_part parts[LG_LOG_PARTS_MAX];
    static _Alignas(64) uint8_t room[LG_ACCESS_REC_SZ];
    struct lg_cfg_listener lc = {.name = "l"};
    struct lg_listener l = {.cfg = &lc};
    struct lg_config cfg = {.log = {.headers = headers, .header_cnt = 8}};
    struct lg_snapshot snap = {.cfg = &cfg, .listeners = &l, .listener_cnt = 1};
    struct lg_access_rec *rec = (struct lg_access_rec *)(void *)room;
    struct lg_log_mistake bad;
    uint32_t cnt;

    if (size < 2)
        return 0;
    size_t cut = LG_MIN((size_t)(data[0] << 3), size - 2);
    lg_span_t format = lg_span(data + 2, cut), rest = lg_span(data + 2 + cut, size - 2 - cut);
    *rec = (struct lg_access_rec){.snap = &snap,
                                  .suite = "s",
                                  .group = "g",
                                  .reason = "r",
                                  .event = data[1] % LG_LOG_EVENT_CNT,
                                  .pool_idx = UINT32_MAX,
                                  .who = '-',
                                  .phase = '-'};
    for (int i = 0; i < LG_AT_CNT; i++) {
        size_t len = LG_MIN(rest.len, rest.len ? (size_t)rest.p[0] * 2 : 0);
        lg_access_text_put(rec, (enum lg_access_text)i, rest.p, len);
        rest = lg_span(rest.p + len, rest.len - len);
    }
    check_line(rec, true);
    if (!lg_is_ok(lg_log_format_parse(format, parts, &cnt, &bad))) {
        if (bad.at > format.len || !bad.what)
            abort();
        return 0;
    }
    if (cnt == 0 || cnt > LG_LOG_PARTS_MAX)
        abort();
    lc.log_format.how = LG_LOG_TEXT;
    for (int e = 0; e < LG_LOG_EVENT_CNT; e++)
        lc.log_format.text[e] = (struct lg_log_text){cnt, parts};
    check_line(rec, false);
    return 0;
}
