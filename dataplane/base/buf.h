/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf.h: the packet buffer every layer passes along, and queues of them.
 *
 * One lg_buf is one contiguous piece of memory that can hold one frame. Under DPDK it lives in
 * the private area of an rte_mbuf and describes that mbuf's storage (net/port.c keeps the two in
 * step); in tests it comes from lg_bufheap. Nobody above net/ knows the difference.
 *
 *      base                 data            data+len            base+cap
 *       |---- headroom ------|==== bytes =====|---- tailroom ------|
 *
 * Ownership moves with the pointer: a function that takes a buf gives it on, queues it, or gives
 * it back with lg_buf_give. A buffer handed to a driver is shared until the driver lets go of
 * it: lg_buf_is_shared says so, and then its bytes and headroom must not be written.
 *
 * Thread: a pool and its buffers belong to one worker (the pool's owner core). */
#ifndef LG_BUF_H
#define LG_BUF_H

#include "base.h"
#include "span.h"

/* Headroom a sender leaves in front of payload: Ethernet 14 + VLAN 4 + IPv6 40 + TCP 60 = 118. */
#define LG_BUF_HEADROOM 128

enum {
    LG_BUF_CSUM_GOOD = 1u << 0, /* rx: the device vouches for IP and TCP checksums */
    LG_BUF_FOR_ALL = 1u << 1,   /* hand-over: a message for all workers; another has answered it */
    LG_BUF_ECN = 3u << 2,       /* the IP header's ECN field (enum lg_ecn): rx: as it came; tx of a
                                   TCP segment: as it shall go out */
    LG_BUF_OWNER = 0xff00u,     /* scratch of the owning layer, as seq and the links below */
};

/* RFC 3168 section 5: what the network may do with a packet, or has done. */
enum lg_ecn { LG_ECN_NOT = 0, LG_ECN_ECT1 = 1, LG_ECN_ECT0 = 2, LG_ECN_CE = 3 };

struct lg_bufpool;

struct lg_buf {
    struct lg_buf *next; /* link in whatever queue owns the buf; NULL outside one */
    uint8_t *data;       /* first byte */
    uint8_t *base;
    struct lg_bufpool *pool;
    struct lg_buf *newer, *older; /* scratch of the owning layer: TCP's order of sending */
    uint32_t len;                 /* bytes */
    uint32_t seq; /* scratch of the owning layer: TCP keeps the first byte's sequence number */
    union {
        uint16_t port;  /* rx: index of the port it came in by */
        uint32_t tx_us; /* scratch of the owning layer: when TCP last sent it */
    };
    uint16_t cap;   /* bytes of storage from base */
    uint16_t flags; /* LG_BUF_* */
};
_Static_assert(sizeof(struct lg_buf) == LG_CACHE_LINE, "a buf's description is one line");

struct lg_bufpool_ops {
    struct lg_buf *(*take)(struct lg_bufpool *pool);
    void (*give)(struct lg_bufpool *pool, struct lg_buf *b);
    bool (*is_shared)(const struct lg_buf *b);
    uint32_t (*free_cnt)(const struct lg_bufpool *pool);
};

struct lg_bufpool {
    const struct lg_bufpool_ops *ops;
    uint32_t room; /* bytes of payload a fresh buf holds behind LG_BUF_HEADROOM */
};

/* lg_buf_take gives an empty buf with LG_BUF_HEADROOM of headroom, or NULL: the pool is empty. */
static inline struct lg_buf *lg_buf_take(struct lg_bufpool *pool)
{
    return pool->ops->take(pool);
}

/* lg_buf_give returns a buf to its pool; NULL is allowed. */
static inline void lg_buf_give(struct lg_buf *b)
{
    if (b)
        b->pool->ops->give(b->pool, b);
}

/* lg_bufpool_free: bufs left to be taken, as good as the owner knows: an estimate to share by, not
 * a promise. */
static inline uint32_t lg_bufpool_free(const struct lg_bufpool *pool)
{
    return pool->ops->free_cnt(pool);
}

/* lg_buf_is_shared: somebody else (a driver's transmit ring) still reads this storage. */
static inline bool lg_buf_is_shared(const struct lg_buf *b)
{
    return b->pool->ops->is_shared(b);
}

static inline enum lg_ecn lg_buf_ecn(const struct lg_buf *b)
{
    return (enum lg_ecn)(b->flags >> 2 & 3);
}

static inline void lg_buf_set_ecn(struct lg_buf *b, enum lg_ecn ecn)
{
    b->flags = (uint16_t)((b->flags & ~LG_BUF_ECN) | (uint32_t)ecn << 2);
}

static inline uint32_t lg_buf_headroom(const struct lg_buf *b)
{
    return (uint32_t)(b->data - b->base);
}

static inline uint32_t lg_buf_tailroom(const struct lg_buf *b)
{
    return b->cap - lg_buf_headroom(b) - b->len;
}

static inline lg_span_t lg_buf_span(const struct lg_buf *b)
{
    return (lg_span_t){b->data, b->len};
}

/* A FIFO of bufs with its byte count. All zero is an empty queue. */
struct lg_bufq {
    struct lg_buf *head, *tail;
    uint32_t cnt;
    uint32_t bytes; /* sum of len */
};

static inline void lg_bufq_push(struct lg_bufq *q, struct lg_buf *b)
{
    b->next = NULL;
    if (q->tail)
        q->tail->next = b;
    else
        q->head = b;
    q->tail = b;
    q->cnt++;
    q->bytes += b->len;
}

static inline struct lg_buf *lg_bufq_pop(struct lg_bufq *q)
{
    struct lg_buf *b = q->head;
    if (!b)
        return NULL;
    q->head = b->next;
    if (!q->head)
        q->tail = NULL;
    b->next = NULL;
    q->cnt--;
    q->bytes -= b->len;
    return b;
}

/* lg_bufq_append moves all of src to the end of dst. */
void lg_bufq_append(struct lg_bufq *dst, struct lg_bufq *src);
/* lg_bufq_drop_all gives every buf back. */
void lg_bufq_drop_all(struct lg_bufq *q);
/* lg_bufq_trim drops the first n bytes, n in [0,q->bytes], giving back bufs used up. */
void lg_bufq_trim(struct lg_bufq *q, uint32_t n);
/* lg_bufq_copy_out copies up to n bytes from offset off without consuming; returns the count. */
uint32_t lg_bufq_copy_out(const struct lg_bufq *q, uint32_t off, void *dst, uint32_t n);
/* lg_bufq_read copies up to n bytes and consumes them; returns the count. */
uint32_t lg_bufq_read(struct lg_bufq *q, void *dst, uint32_t n);
/* lg_bufq_write appends n bytes, filling the tail's tailroom (unless shared) up to `room` bytes a
 * buf and then fresh bufs; room 0 means the pool's room.
 *   Returns  bytes written: fewer than n when the pool ran empty */
uint32_t lg_bufq_write(struct lg_bufq *q, struct lg_bufpool *pool, const void *src, uint32_t n,
                       uint32_t room);

/* A pool over malloc, for tests, fuzzers and the control thread. */
struct lg_bufheap {
    struct lg_bufpool pool; /* first: an lg_bufheap is an lg_bufpool */
    uint32_t cnt_max;       /* bufs it hands out at most */
    uint32_t cnt_out;       /* bufs out now: 0 at the end of every test */
    uint16_t buf_cap;
};
/* room: at most 65535 - LG_BUF_HEADROOM */
void lg_bufheap_init(struct lg_bufheap *h, uint32_t cnt_max, uint32_t room);

#endif
