/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_chunk.c: the chunked transfer coding, strictly. */
#include "http_chunk.h"

enum {
    EXPECT_SIZE,
    EXPECT_SIZE_OR_END, /* a digit, ';' or CR */
    EXPECT_EXT,
    EXPECT_SIZE_LF,
    EXPECT_DATA,
    EXPECT_DATA_CR,
    EXPECT_DATA_LF,
    EXPECT_TRAILER, /* first byte of a trailer line, or CR of the end */
    EXPECT_TRAILER_REST,
    EXPECT_TRAILER_LF,
    EXPECT_END_LF,
    ENDED,
};

static int hex_digit(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    if ((b | 0x20) >= 'a' && (b | 0x20) <= 'f')
        return (b | 0x20) - 'a' + 10;
    return -1;
}

static bool is_text(uint8_t b)
{
    return b == '\t' || (b >= 0x20 && b != 0x7f);
}

static enum lg_chunk_stop go(struct lg_chunk *c, uint8_t state)
{
    c->state = state;
    return LG_CHUNK_MORE;
}

static enum lg_chunk_stop expect(struct lg_chunk *c, bool is_it, uint8_t state)
{
    return is_it ? go(c, state) : LG_CHUNK_BAD;
}

static enum lg_chunk_stop read_size(struct lg_chunk *c, uint8_t b)
{
    int digit = hex_digit(b);
    if (digit >= 0) {
        if (c->digit_cnt == LG_CHUNK_DIGITS_MAX)
            return LG_CHUNK_BAD;
        c->digit_cnt++;
        c->left = c->left << 4 | (unsigned)digit;
        return go(c, EXPECT_SIZE_OR_END);
    }
    if (c->state == EXPECT_SIZE)
        return LG_CHUNK_BAD;
    return b == ';' ? go(c, EXPECT_EXT) : expect(c, b == '\r', EXPECT_SIZE_LF);
}

static enum lg_chunk_stop size_done(struct lg_chunk *c)
{
    c->digit_cnt = 0;
    if (c->left == 0)
        return go(c, EXPECT_TRAILER);
    c->state = EXPECT_DATA;
    return LG_CHUNK_SIZE;
}

/* extra reads a byte of an extension or a trailer, which are bounded together. */
static enum lg_chunk_stop extra(struct lg_chunk *c, uint8_t b, uint8_t state, uint8_t lf_state)
{
    if (b == '\r')
        return go(c, lf_state);
    if (!is_text(b) || ++c->extra_sz > LG_CHUNK_EXTRA_MAX)
        return LG_CHUNK_BAD;
    return go(c, state);
}

static enum lg_chunk_stop read_one(struct lg_chunk *c, uint8_t b)
{
    switch (c->state) {
    case EXPECT_SIZE:
    case EXPECT_SIZE_OR_END:
        return read_size(c, b);
    case EXPECT_EXT:
        return extra(c, b, EXPECT_EXT, EXPECT_SIZE_LF);
    case EXPECT_SIZE_LF:
        return b == '\n' ? size_done(c) : LG_CHUNK_BAD;
    case EXPECT_DATA_CR:
        return expect(c, b == '\r', EXPECT_DATA_LF);
    case EXPECT_DATA_LF:
        return expect(c, b == '\n', EXPECT_SIZE);
    case EXPECT_TRAILER:
        if (b == '\r')
            return go(c, EXPECT_END_LF);
        if (b == ' ' || b == '\t' || b == ':')
            return LG_CHUNK_BAD;
        return extra(c, b, EXPECT_TRAILER_REST, EXPECT_END_LF);
    case EXPECT_TRAILER_REST:
        return extra(c, b, EXPECT_TRAILER_REST, EXPECT_TRAILER_LF);
    case EXPECT_TRAILER_LF:
        return expect(c, b == '\n', EXPECT_TRAILER);
    case EXPECT_END_LF:
        c->state = ENDED;
        return b == '\n' ? LG_CHUNK_END : LG_CHUNK_BAD;
    default:
        return LG_CHUNK_BAD;
    }
}

enum lg_chunk_stop lg_chunk_read(struct lg_chunk *c, lg_span_t in, size_t *used)
{
    enum lg_chunk_stop stop = LG_CHUNK_MORE;
    size_t n = 0;
    if (c->state == EXPECT_DATA)
        stop = LG_CHUNK_SIZE;
    while (n < in.len && stop == LG_CHUNK_MORE)
        stop = read_one(c, in.p[n++]);
    *used = n;
    return stop;
}

bool lg_chunk_is_data(const struct lg_chunk *c)
{
    return c->state == EXPECT_DATA;
}

void lg_chunk_data(struct lg_chunk *c, uint64_t n)
{
    c->left -= n;
    if (c->left == 0)
        c->state = EXPECT_DATA_CR;
}
