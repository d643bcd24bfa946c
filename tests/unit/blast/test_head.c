/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP heads and the pattern. */
#include "head.h"
#include "pattern.h"
#include "t.h"

static struct lg_bufheap heap;
static uint8_t scratch[BL_HEAD_MAX];

/* take cuts text into bufs of `piece` bytes and reads the head. */
static uint32_t take(const char *text, uint32_t piece, struct bl_head *h)
{
    struct lg_bufq q = {0};
    lg_bufheap_init(&heap, 100000, 2048);
    for (size_t i = 0, len = strlen(text); i < len; i += piece) {
        struct lg_buf *b = lg_buf_take(&heap.pool);
        b->len = (uint32_t)LG_MIN(len - i, (size_t)piece);
        memcpy(b->data, text + i, b->len);
        lg_bufq_push(&q, b);
    }
    uint32_t n = bl_head_take(&q, scratch, h);
    static char first[256];
    size_t len = n && n != UINT32_MAX ? LG_MIN(h->first.len, sizeof first - 1) : 0;
    if (len)
        memcpy(first, h->first.p, len);
    h->first = lg_span(first, len);
    lg_bufq_drop_all(&q);
    EXPECT_EQ(heap.cnt_out, 0);
    return n;
}

TEST(Head, IsReadHoweverItIsCut)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-length:  1234\r\nX-Blast: 1\r\n"
                               "Connection: Keep-Alive, Close\r\n\r\nbody";
    static const uint32_t pieces[] = {1, 2, 3, 7, 17, 1000};
    for (size_t i = 0; i < LG_ARRAY_CNT(pieces); i++) {
        struct bl_head h;
        EXPECT_EQ(take(text, pieces[i], &h), sizeof text - 1 - 4);
        EXPECT_EQ(h.length, 1234);
        EXPECT(h.is_ours && h.will_close && !h.is_chunked);
        EXPECT(lg_span_eq(h.first, LG_SPAN_STR("HTTP/1.1 200 OK")));
    }
}

TEST(Head, WaitsForItsEnd)
{
    struct bl_head h;
    EXPECT_EQ(take("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r", 1000, &h), 0);
    EXPECT_EQ(take("", 1, &h), 0);
}

TEST(Head, RefusesWhatIsNone)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };
    struct bl_head h;
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++)
        EXPECT_EQ(take(bad[i], 1000, &h), UINT32_MAX);
    static char endless[BL_HEAD_MAX + 100];
    memset(endless, 'a', sizeof endless - 1);
    EXPECT_EQ(take(endless, 1000, &h), UINT32_MAX);
}

TEST(Head, SeesChunkedAndNoLength)
{
    struct bl_head h;
    EXPECT(take("HTTP/1.1 204 No\r\n\r\n", 1000, &h) > 0);
    EXPECT_EQ(h.length, UINT64_MAX);
    EXPECT(take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 1000, &h) > 0);
    EXPECT(h.is_chunked);
}

TEST(Pattern, IsItselfAtEveryOffsetAndNothingElse)
{
    bl_pattern_init();
    for (uint64_t off = 0; off < 3 * BL_PATTERN_PERIOD; off += 4099) {
        uint8_t b[40000];
        for (size_t i = 0; i < sizeof b; i++)
            b[i] = *bl_pattern_at(off + i);
        EXPECT(bl_pattern_is(b, sizeof b, off));
        EXPECT(!bl_pattern_is(b, sizeof b, off + 1));
        EXPECT(!bl_pattern_is(b, 64, off + 16384));
        b[sizeof b - 1] ^= 1;
        EXPECT(!bl_pattern_is(b, sizeof b, off));
    }
}
