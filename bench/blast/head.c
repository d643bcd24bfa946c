/* SPDX-License-Identifier: GPL-2.0-or-later */
/* head.c: see head.h. What is not read is passed over; what cannot be a head is refused. */
#include "head.h"

#include <string.h>
#include <strings.h>

bool bl_uint(lg_span_t *s, uint64_t *out)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < s->len && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        if (i == 15)
            return false;
        n = n * 10 + (s->p[i] - '0');
    }
    *s = lg_span(s->p + i, s->len - i);
    *out = n;
    return i > 0;
}

static bool name_is(lg_span_t name, const char *want)
{
    return name.len == strlen(want) && strncasecmp((const char *)name.p, want, name.len) == 0;
}

static bool has_word(lg_span_t value, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= value.len; i++)
        if (strncasecmp((const char *)value.p + i, word, len) == 0)
            return true;
    return false;
}

static bool field(lg_span_t line, struct bl_head *out)
{
    const uint8_t *colon = memchr(line.p, ':', line.len);
    if (!colon)
        return false;
    lg_span_t name = lg_span(line.p, (size_t)(colon - line.p));
    lg_span_t value = lg_span(colon + 1, line.len - name.len - 1);
    while (value.len && (value.p[0] == ' ' || value.p[0] == '\t'))
        value = lg_span(value.p + 1, value.len - 1);
    if (name_is(name, "content-length"))
        return bl_uint(&value, &out->length);
    if (name_is(name, "transfer-encoding"))
        out->is_chunked = true;
    else if (name_is(name, "connection"))
        out->will_close = has_word(value, "close");
    else if (name_is(name, "x-blast"))
        out->is_ours = true;
    return true;
}

static bool parse(const uint8_t *p, size_t len, struct bl_head *out)
{
    bool is_first = true;
    *out = (struct bl_head){.length = UINT64_MAX};
    while (len > 2) { /* the empty line is left */
        const uint8_t *nl = memchr(p, '\n', len);
        if (!nl || nl == p || nl[-1] != '\r')
            return false;
        lg_span_t line = lg_span(p, (size_t)(nl - p) - 1);
        if (is_first)
            out->first = line;
        else if (!field(line, out))
            return false;
        is_first = false;
        len -= (size_t)(nl - p) + 1;
        p = nl + 1;
    }
    return !is_first;
}

uint32_t bl_head_take(const struct lg_bufq *q, uint8_t *scratch, struct bl_head *out)
{
    if (!q->head)
        return 0;
    const uint8_t *p = q->head->data;
    size_t len = LG_MIN(q->head->len, BL_HEAD_MAX);
    const uint8_t *end = memmem(p, len, "\r\n\r\n", 4);
    if (!end && q->cnt > 1) {
        p = scratch;
        len = lg_bufq_copy_out(q, 0, scratch, BL_HEAD_MAX);
        end = memmem(p, len, "\r\n\r\n", 4);
    }
    if (!end)
        return len == BL_HEAD_MAX ? UINT32_MAX : 0;
    len = (size_t)(end - p) + 4;
    return parse(p, len, out) ? (uint32_t)len : UINT32_MAX;
}
