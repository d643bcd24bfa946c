/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http_body.c: bodies by their framing, however the bytes are cut. */
#include "http_body.h"

#include "t.h"

static struct lg_bufheap heap;

static void put(struct lg_bufq *q, const char *text, size_t len, uint32_t room)
{
    while (len) {
        uint32_t n = (uint32_t)LG_MIN((size_t)room, len);
        struct lg_buf *b = lg_buf_take(&heap.pool);
        memcpy(b->data, text, n);
        b->len = n;
        lg_bufq_push(q, b);
        text += n;
        len -= n;
    }
}

static const char *text_of(struct lg_bufq *q)
{
    static char out[4096];
    out[lg_bufq_copy_out(q, 0, out, sizeof out - 1)] = '\0';
    return out;
}

/* run_cut moves `in`, cut into bufs of `cut` bytes, and expects out and what is left over. */
static void run_cut(enum lg_http_framing f, uint64_t len, bool drops, const char *in, uint32_t cut,
                    const char *out, const char *left)
{
    struct lg_http_body b;
    struct lg_bufq src = {0}, dst = {0};

    lg_http_body_init(&b, f, len);
    b.drops_chunks = drops;
    put(&src, in, strlen(in), cut);
    EXPECT_OK(lg_http_body_move(&b, &src, &dst, 1u << 20, &heap.pool));
    EXPECT(b.done);
    EXPECT_STR(text_of(&dst), out);
    EXPECT_STR(text_of(&src), left);
    lg_bufq_drop_all(&src);
    lg_bufq_drop_all(&dst);
    EXPECT_EQ(heap.cnt_out, 0);
}

static void run(enum lg_http_framing f, uint64_t len, bool drops, const char *in, const char *out,
                const char *left)
{
    lg_bufheap_init(&heap, 256, 64);
    for (uint32_t cut = 1; cut <= 40; cut++)
        run_cut(f, len, drops, in, cut, out, left);
}

TEST(HttpBody, StopsAtItsLength)
{
    run(LG_HTTP_LENGTH, 5, false, "helloGET /", "hello", "GET /");
    run(LG_HTTP_LENGTH, 0, false, "GET /", "", "GET /");
    run(LG_HTTP_NONE, 0, false, "GET /", "", "GET /");
}

TEST(HttpBody, FramesChunksAnew)
{
    run(LG_HTTP_CHUNKED, 0, false, "5\r\nhello\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n\r\nGET /",
        "5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n", "GET /");
}

TEST(HttpBody, DropsTrailers)
{
    run(LG_HTTP_CHUNKED, 0, false,
        "1\r\nx\r\n0\r\nX-SSL-Client-Verify: SUCCESS\r\nContent-Length: 5\r\n\r\nnext",
        "1\r\nx\r\n0\r\n\r\n", "next");
}

TEST(HttpBody, GivesDataAloneForHttp10)
{
    run(LG_HTTP_CHUNKED, 0, true, "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nnext", "hello!", "next");
}

static void refuse(const char *in)
{
    lg_bufheap_init(&heap, 256, 64);
    for (uint32_t cut = 1; cut < 20; cut++) {
        struct lg_http_body b;
        struct lg_bufq src = {0}, dst = {0};
        lg_http_body_init(&b, LG_HTTP_CHUNKED, 0);
        put(&src, in, strlen(in), cut);
        lg_err_t e = lg_http_body_move(&b, &src, &dst, 1u << 20, &heap.pool);
        if (!lg_err_is(e, LG_ERR_HTTP_BAD))
            t_fail(__FILE__, __LINE__, "not refused: %s", in);
        lg_bufq_drop_all(&src);
        lg_bufq_drop_all(&dst);
    }
}

TEST(HttpBody, RefusesBareLfInTheFraming)
{
    refuse("5\nhello\r\n0\r\n\r\n");
    refuse("5\r\nhello\n0\r\n\r\n");
    refuse("0\n\r\n");
    refuse("0\r\n\n");
    refuse("5;a\nhello\r\n");
}

TEST(HttpBody, RefusesSizesThatAreNone)
{
    refuse("\r\nhello");
    refuse("g\r\n");
    refuse("-5\r\nhello\r\n");
    refuse("+5\r\nhello\r\n");
    refuse("0x5\r\nhello\r\n");
    refuse(" 5\r\nhello\r\n");
    refuse("5 \r\nhello\r\n");
    refuse("5\r\r\nhello\r\n");
    refuse("fffffffffffffffff\r\n");
    refuse("0000000000000001\r\nx\r\n");
}

TEST(HttpBody, RefusesDataThatIsLongerThanItsSize)
{
    refuse("5\r\nhellohello\r\n0\r\n\r\n");
    refuse("5\r\nhello0\r\n\r\n");
    refuse("5\r\nhello\rX0\r\n\r\n");
}

TEST(HttpBody, RefusesControlBytesAndFoldingInTrailers)
{
    refuse("0\r\nA: \x01\r\n\r\n");
    refuse("0\r\n folded\r\n\r\n");
    refuse("0\r\n: x\r\n\r\n");
    refuse("0\r\nA: b\nC: d\r\n\r\n");
    refuse("5;\x01\r\nhello\r\n");
}

TEST(HttpBody, BoundsExtensionsAndTrailers)
{
    static char big[LG_CHUNK_EXTRA_MAX + 64];
    struct lg_chunk c = {0};
    size_t used, n = LG_CHUNK_EXTRA_MAX + 16;
    memset(big, 'x', n);
    memcpy(big, "5;", 2);
    EXPECT_EQ(lg_chunk_read(&c, lg_span(big, n), &used), LG_CHUNK_BAD);
    EXPECT(used <= LG_CHUNK_EXTRA_MAX + 3);
    c = (struct lg_chunk){0};
    memcpy(big, "0\r\n", 3);
    EXPECT_EQ(lg_chunk_read(&c, lg_span(big, n), &used), LG_CHUNK_BAD);
}

TEST(HttpBody, LosesNothingWhenThePoolRunsEmpty)
{
    static const char in[] = "5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\nrest";
    struct lg_http_body b;
    struct lg_bufq src = {0}, dst = {0};
    lg_err_t e = LG_E(AGAIN);

    lg_bufheap_init(&heap, 256, 4);
    lg_http_body_init(&b, LG_HTTP_CHUNKED, 0);
    put(&src, in, sizeof in - 1, 4);
    heap.cnt_max = heap.cnt_out;
    int tries = 0;
    while (lg_err_is(e, LG_ERR_AGAIN) && tries++ < 40) {
        EXPECT(!b.done);
        e = lg_http_body_move(&b, &src, &dst, 100, &heap.pool);
        heap.cnt_max++;
    }
    EXPECT_OK(e);
    EXPECT(tries > 1);
    EXPECT(b.done);
    EXPECT_STR(text_of(&dst), "5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n");
    EXPECT_STR(text_of(&src), "rest");
    lg_bufq_drop_all(&src);
    lg_bufq_drop_all(&dst);
    EXPECT_EQ(heap.cnt_out, 0);
}

TEST(HttpScan, FindsTheEndOfAHeadHoweverItIsCut)
{
    static const char in[] = "GET / HTTP/1.1\r\nA: \r\r\r\n\r\nbody";
    lg_bufheap_init(&heap, 256, 64);
    for (uint32_t cut = 1; cut < sizeof in; cut++) {
        struct lg_http_scan s = {0};
        struct lg_bufq q = {0};
        enum lg_http_scan_stop stop = LG_SCAN_MORE;
        for (size_t off = 0; off < sizeof in - 1; off += cut) {
            put(&q, in + off, LG_MIN((size_t)cut, sizeof in - 1 - off), cut);
            stop = lg_http_scan_head(&s, &q);
        }
        EXPECT_EQ(stop, LG_SCAN_FOUND);
        EXPECT_EQ(s.seen_sz, sizeof in - 1 - 4);
        lg_bufq_drop_all(&q);
    }
}

TEST(HttpScan, RefusesBareLfAndNul)
{
    static const char *const bad[] = {"GET / HTTP/1.1\n", "A\r\n\n", "\n"};
    lg_bufheap_init(&heap, 256, 64);
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        struct lg_http_scan s = {0};
        struct lg_bufq q = {0};
        put(&q, bad[i], strlen(bad[i]), 64);
        EXPECT_EQ(lg_http_scan_head(&s, &q), LG_SCAN_BAD);
        lg_bufq_drop_all(&q);
    }
    struct lg_http_scan s = {0};
    struct lg_bufq q = {0};
    put(&q, "GE\0T", 4, 64);
    EXPECT_EQ(lg_http_scan_head(&s, &q), LG_SCAN_BAD);
    lg_bufq_drop_all(&q);
}

TEST(HttpQueue, CompactsManySmallBufsAndKeepsTheBytes)
{
    struct lg_bufq q = {0};
    char in[200];
    lg_bufheap_init(&heap, 256, 64);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (char)('a' + i % 26);
    put(&q, in, sizeof in, 1);
    lg_q_compact(&q, &heap.pool);
    EXPECT(q.cnt <= 4);
    EXPECT_EQ(q.bytes, sizeof in);
    EXPECT_MEM(text_of(&q), in, sizeof in);
    lg_bufq_drop_all(&q);
    put(&q, in, sizeof in, 1);
    heap.cnt_max = heap.cnt_out + 1;
    lg_q_compact(&q, &heap.pool); /* short of bufs: less compact, no less complete */
    EXPECT_EQ(q.bytes, sizeof in);
    EXPECT_MEM(text_of(&q), in, sizeof in);
    lg_bufq_drop_all(&q);
    EXPECT_EQ(heap.cnt_out, 0);
}
