/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: bl_head_take bl_uint
 * Input: the length of the pieces it comes in, then an HTTP head as a server would send it. */
#include "head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t scratch[BL_HEAD_MAX];
    struct lg_bufheap heap;
    struct lg_bufq q = {0};
    struct bl_head h;
    if (size < 1)
        return 0;
    size_t piece = data[0] ? data[0] : 2000;
    lg_bufheap_init(&heap, 1u << 20, 2048);
    for (size_t i = 1; i < size; i += piece) {
        struct lg_buf *b = lg_buf_take(&heap.pool);
        b->len = (uint32_t)LG_MIN(size - i, piece);
        memcpy(b->data, data + i, b->len);
        lg_bufq_push(&q, b);
    }
    uint32_t n = bl_head_take(&q, scratch, &h);
    if (n != UINT32_MAX && (n > q.bytes || n > BL_HEAD_MAX))
        abort();
    if (n && n != UINT32_MAX && h.first.len >= n)
        abort();
    lg_bufq_drop_all(&q);
    if (heap.cnt_out)
        abort();
    return 0;
}
