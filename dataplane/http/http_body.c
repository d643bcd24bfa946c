/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_body.c: the end of a head, and bodies by their framing. */
#include "http_body.h"

#include <stdio.h>

enum lg_http_scan_stop lg_http_scan_head(struct lg_http_scan *s, const struct lg_bufq *q)
{
    static const uint8_t end[4] = {'\r', '\n', '\r', '\n'};
    uint32_t skip = s->seen_sz;

    if (s->match_cnt == 4)
        return LG_SCAN_FOUND;
    for (const struct lg_buf *b = q->head; b; b = b->next) {
        if (skip >= b->len) {
            skip -= b->len;
            continue;
        }
        for (uint32_t i = skip; i < b->len; i++) {
            uint8_t byte = b->data[i];
            s->seen_sz++;
            if (byte == end[s->match_cnt])
                s->match_cnt++;
            else if (byte == '\n' || byte == 0)
                return LG_SCAN_BAD;
            else
                s->match_cnt = byte == '\r';
            if (s->match_cnt == 4)
                return LG_SCAN_FOUND;
        }
        skip = 0;
    }
    return LG_SCAN_MORE;
}

uint32_t lg_q_move(struct lg_bufq *dst, struct lg_bufq *src, uint32_t n, struct lg_bufpool *pool)
{
    uint32_t moved = 0;
    while (src->head && src->head->len <= n - moved) {
        struct lg_buf *b = lg_bufq_pop(src);
        moved += b->len;
        lg_bufq_push(dst, b);
    }
    if (moved < n) {
        uint32_t part = lg_bufq_write(dst, pool, src->head->data, n - moved, 0);
        lg_bufq_trim(src, part);
        moved += part;
    }
    return moved;
}

void lg_q_compact(struct lg_bufq *q, struct lg_bufpool *pool)
{
    struct lg_bufq out = {0};
    if (q->cnt <= 16 + q->bytes / 1024)
        return;
    while (q->head) {
        uint32_t n = lg_bufq_write(&out, pool, q->head->data, q->head->len, 0);
        if (n < q->head->len) {
            lg_bufq_trim(q, n);
            break;
        }
        lg_buf_give(lg_bufq_pop(q));
    }
    lg_bufq_append(&out, q);
    *q = out;
}

bool lg_q_copy(struct lg_bufq *dst, const struct lg_bufq *src, struct lg_bufpool *pool)
{
    struct lg_bufq copy = {0};
    for (const struct lg_buf *b = src->head; b; b = b->next)
        if (lg_bufq_write(&copy, pool, b->data, b->len, 0) != b->len) {
            lg_bufq_drop_all(&copy);
            return false;
        }
    lg_bufq_append(dst, &copy);
    return true;
}

void lg_http_body_init(struct lg_http_body *b, enum lg_http_framing framing, uint64_t length)
{
    *b = (struct lg_http_body){.framing = (uint8_t)framing, .left = length};
    b->done = framing == LG_HTTP_NONE || (framing == LG_HTTP_LENGTH && length == 0);
}

static void emit(struct lg_http_body *b, const char *text, size_t len)
{
    if (b->drops_chunks)
        return;
    memcpy(b->emit, text, len);
    b->emit_sz = (uint8_t)len;
    b->emit_off = 0;
}

static lg_err_t emit_out(struct lg_http_body *b, struct lg_bufq *dst, struct lg_bufpool *pool)
{
    uint32_t n = (uint32_t)(b->emit_sz - b->emit_off);
    if (n)
        b->emit_off =
            (uint8_t)(b->emit_off + lg_bufq_write(dst, pool, b->emit + b->emit_off, n, 0));
    return b->emit_off == b->emit_sz ? LG_OK : LG_E(AGAIN);
}

/* chunk_frame reads framing bytes from the first buf of src. */
static lg_err_t chunk_frame(struct lg_http_body *b, struct lg_bufq *src)
{
    char line[20];
    size_t used;
    enum lg_chunk_stop stop = lg_chunk_read(&b->chunk, lg_buf_span(src->head), &used);

    lg_bufq_trim(src, (uint32_t)used);
    if (stop == LG_CHUNK_BAD)
        return LG_E(HTTP_BAD);
    if (stop == LG_CHUNK_SIZE) {
        int n = snprintf(line, sizeof line, "%llx\r\n", (unsigned long long)b->chunk.left);
        emit(b, line, (size_t)n);
    } else if (stop == LG_CHUNK_END) {
        emit(b, "0\r\n\r\n", 5);
        b->has_ended = true;
    }
    return LG_OK;
}

/* chunk_data moves data of the present chunk; its CR LF is put out once it is complete. */
static lg_err_t chunk_data(struct lg_http_body *b, struct lg_bufq *src, struct lg_bufq *dst,
                           uint32_t *max, struct lg_bufpool *pool)
{
    uint32_t want = (uint32_t)LG_MIN((uint64_t)LG_MIN(src->bytes, *max), b->chunk.left);
    uint32_t n = lg_q_move(dst, src, want, pool);
    lg_chunk_data(&b->chunk, n);
    *max -= n;
    if (!lg_chunk_is_data(&b->chunk))
        emit(b, "\r\n", 2);
    return n == want ? LG_OK : LG_E(AGAIN);
}

static lg_err_t move_chunked(struct lg_http_body *b, struct lg_bufq *src, struct lg_bufq *dst,
                             uint32_t max, struct lg_bufpool *pool)
{
    LG_TRY(emit_out(b, dst, pool));
    while (!b->has_ended && src->head && max) {
        if (src->head->len == 0) {
            lg_buf_give(lg_bufq_pop(src));
            continue;
        }
        if (lg_chunk_is_data(&b->chunk))
            LG_TRY(chunk_data(b, src, dst, &max, pool));
        else
            LG_TRY(chunk_frame(b, src));
        LG_TRY(emit_out(b, dst, pool));
    }
    b->done = b->has_ended; /* only now: the last framing bytes are out too */
    return LG_OK;
}

lg_err_t lg_http_body_move(struct lg_http_body *b, struct lg_bufq *src, struct lg_bufq *dst,
                           uint32_t max, struct lg_bufpool *pool)
{
    uint32_t want = LG_MIN(src->bytes, max);
    if (b->framing == LG_HTTP_CHUNKED)
        return move_chunked(b, src, dst, max, pool);
    if (b->done || want == 0)
        return LG_OK;
    if (b->framing == LG_HTTP_LENGTH)
        want = (uint32_t)LG_MIN((uint64_t)want, b->left);
    uint32_t n = lg_q_move(dst, src, want, pool);
    if (b->framing == LG_HTTP_LENGTH) {
        b->left -= n;
        b->done = b->left == 0;
    }
    return n == want ? LG_OK : LG_E(AGAIN);
}
