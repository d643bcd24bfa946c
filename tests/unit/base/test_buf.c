/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues of packet buffers: bytes are kept exactly, buffers go back where they came from. */
#include "buf.h"
#include "t.h"

TEST(Buf, WritesTrimsAndReadsExactly)
{
    struct lg_bufheap h;
    struct lg_bufq q = {0};
    uint8_t in[5000], out[5000];

    lg_bufheap_init(&h, 100, 1000);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7);
    EXPECT_EQ(lg_bufq_write(&q, &h.pool, in, 5000, 0), 5000);
    EXPECT_EQ(q.cnt, 5);
    EXPECT_EQ(q.bytes, 5000);
    lg_bufq_trim(&q, 1500);
    EXPECT_EQ(q.bytes, 3500);
    EXPECT_EQ(h.cnt_out, 4);
    EXPECT_EQ(lg_bufq_copy_out(&q, 600, out, 1000), 1000);
    EXPECT_MEM(out, in + 2100, 1000);
    EXPECT_EQ(lg_bufq_read(&q, out, 5000), 3500);
    EXPECT_MEM(out, in + 1500, 3500);
    EXPECT_EQ(h.cnt_out, 0);
    EXPECT(q.head == NULL && q.tail == NULL);
}

TEST(Buf, FillsTheTailBeforeItTakesAnother)
{
    struct lg_bufheap h;
    struct lg_bufq q = {0};
    lg_bufheap_init(&h, 100, 1000);
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(lg_bufq_write(&q, &h.pool, "abcdefghij", 10, 500), 10);
    EXPECT_EQ(q.cnt, 2);
    lg_bufq_drop_all(&q);
    EXPECT_EQ(h.cnt_out, 0);
}

TEST(Buf, ReportsAShortWriteWhenThePoolIsEmpty)
{
    struct lg_bufheap h;
    struct lg_bufq q = {0};
    uint8_t in[300] = {0};
    lg_bufheap_init(&h, 2, 100);
    EXPECT_EQ(lg_bufq_write(&q, &h.pool, in, 300, 0), 200);
    lg_bufq_drop_all(&q);
}

TEST(Buf, AppendsQueuesInOrder)
{
    struct lg_bufheap h;
    struct lg_bufq a = {0}, b = {0};
    char out[8] = "";
    lg_bufheap_init(&h, 10, 100);
    lg_bufq_append(&a, &b);
    EXPECT_EQ(lg_bufq_write(&b, &h.pool, "xyz", 3, 0), 3);
    lg_bufq_append(&a, &b);
    EXPECT_EQ(lg_bufq_write(&b, &h.pool, "uvw", 3, 0), 3);
    lg_bufq_append(&a, &b);
    EXPECT(b.head == NULL && b.bytes == 0);
    EXPECT_EQ(lg_bufq_read(&a, out, 8), 6);
    EXPECT_MEM(out, "xyzuvw", 6);
}
