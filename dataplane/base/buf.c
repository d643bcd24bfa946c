/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (the heap-backed pool below serves tests and the control thread only) */
/* buf.c: queues of packet buffers, and the heap-backed pool that tests use. */
#include "buf.h"

#include <stdlib.h>

void lg_bufq_append(struct lg_bufq *dst, struct lg_bufq *src)
{
    if (!src->head)
        return;
    if (dst->tail)
        dst->tail->next = src->head;
    else
        dst->head = src->head;
    dst->tail = src->tail;
    dst->cnt += src->cnt;
    dst->bytes += src->bytes;
    *src = (struct lg_bufq){0};
}

void lg_bufq_drop_all(struct lg_bufq *q)
{
    struct lg_buf *b;
    while ((b = lg_bufq_pop(q)) != NULL)
        lg_buf_give(b);
}

void lg_bufq_trim(struct lg_bufq *q, uint32_t n)
{
    while (n > 0 && q->head) {
        struct lg_buf *b = q->head;
        if (b->len > n) {
            b->data += n;
            b->len -= n;
            q->bytes -= n;
            return;
        }
        n -= b->len;
        lg_buf_give(lg_bufq_pop(q));
    }
}

uint32_t lg_bufq_copy_out(const struct lg_bufq *q, uint32_t off, void *dst, uint32_t n)
{
    uint32_t done = 0;
    for (const struct lg_buf *b = q->head; b && done < n; b = b->next) {
        if (off >= b->len) {
            off -= b->len;
            continue;
        }
        uint32_t part = LG_MIN(b->len - off, n - done);
        memcpy((uint8_t *)dst + done, b->data + off, part);
        done += part;
        off = 0;
    }
    return done;
}

uint32_t lg_bufq_read(struct lg_bufq *q, void *dst, uint32_t n)
{
    uint32_t done = lg_bufq_copy_out(q, 0, dst, n);
    lg_bufq_trim(q, done);
    return done;
}

uint32_t lg_bufq_write(struct lg_bufq *q, struct lg_bufpool *pool, const void *src, uint32_t n,
                       uint32_t room)
{
    uint32_t done = 0;
    if (room == 0 || room > pool->room)
        room = pool->room;
    while (done < n) {
        struct lg_buf *b = q->tail;
        uint32_t space = 0;
        if (b && b->len < room && !lg_buf_is_shared(b))
            space = LG_MIN(lg_buf_tailroom(b), room - b->len);
        if (space == 0) {
            b = lg_buf_take(pool);
            if (!b)
                break;
            lg_bufq_push(q, b);
            space = LG_MIN(lg_buf_tailroom(b), room);
        }
        uint32_t part = LG_MIN(space, n - done);
        memcpy(b->data + b->len, (const uint8_t *)src + done, part);
        b->len += part;
        q->bytes += part;
        done += part;
    }
    return done;
}

static struct lg_buf *heap_take(struct lg_bufpool *pool)
{
    struct lg_bufheap *h = (struct lg_bufheap *)pool;
    if (h->cnt_out >= h->cnt_max)
        return NULL;
    struct lg_buf *b = malloc(sizeof *b + h->buf_cap);
    if (!b)
        return NULL;
    *b = (struct lg_buf){.base = (uint8_t *)(b + 1), .cap = h->buf_cap, .pool = pool};
    b->data = b->base + LG_BUF_HEADROOM;
    h->cnt_out++;
    return b;
}

static void heap_give(struct lg_bufpool *pool, struct lg_buf *b)
{
    ((struct lg_bufheap *)pool)->cnt_out--;
    free(b);
}

static bool heap_is_shared(const struct lg_buf *b)
{
    (void)b;
    return false;
}

static uint32_t heap_free_cnt(const struct lg_bufpool *pool)
{
    const struct lg_bufheap *h = (const struct lg_bufheap *)pool;
    return h->cnt_max - LG_MIN(h->cnt_out, h->cnt_max);
}

void lg_bufheap_init(struct lg_bufheap *h, uint32_t cnt_max, uint32_t room)
{
    static const struct lg_bufpool_ops ops = {heap_take, heap_give, heap_is_shared, heap_free_cnt};
    *h = (struct lg_bufheap){
        .pool = {&ops, room}, .cnt_max = cnt_max, .buf_cap = (uint16_t)(room + LG_BUF_HEADROOM)};
}
