/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (rte_malloc at boot only) */
/* pktpool.c: packet buffers: mbufs whose private area is a struct lg_buf. */
#include "port_priv.h"

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

#include <stdio.h>

#define CACHE_CNT 256u

static struct lg_pktpool *pool_of(struct lg_bufpool *pool)
{
    return (struct lg_pktpool *)(void *)pool;
}

static bool is_owner(const struct lg_pktpool *p)
{
    return LG_LIKELY(rte_lcore_id() == p->lcore);
}

static void bump(uint64_t *count, uint64_t n)
{
    __atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
}

void lg_pktpool_enter(struct lg_pktpool *p, unsigned n)
{
    if (is_owner(p))
        bump(&p->taken, n);
    else
        atomic_fetch_add_explicit(&p->foreign_taken, n, memory_order_relaxed);
}

static struct lg_buf *take(struct lg_bufpool *pool)
{
    struct lg_pktpool *p = pool_of(pool);
    struct rte_mbuf *m = rte_pktmbuf_alloc(p->mp);

    if (LG_UNLIKELY(!m))
        return NULL;
    struct lg_buf *b = lg_buf_of(m);
    b->next = NULL;
    b->data = b->base + LG_BUF_HEADROOM;
    b->len = 0;
    b->flags = 0;
    b->port = 0;
    lg_pktpool_enter(p, 1);
    return b;
}

static void give(struct lg_bufpool *pool, struct lg_buf *b)
{
    struct lg_pktpool *p = pool_of(pool);

    if (is_owner(p))
        bump(&p->given, 1);
    else
        atomic_fetch_add_explicit(&p->foreign_given, 1, memory_order_relaxed);
    rte_pktmbuf_free_seg(lg_mbuf_of(b));
}

static bool is_shared(const struct lg_buf *b)
{
    return rte_mbuf_refcnt_read(lg_mbuf_of(b)) > 1;
}

/* What the devices' rings hold is not the stack's to take. */
static uint32_t free_cnt(const struct lg_bufpool *pool)
{
    const struct lg_pktpool *p = (const struct lg_pktpool *)(const void *)pool;
    uint32_t gone = lg_pktpool_held(p) + p->device_cnt;

    return p->mp->size > gone ? p->mp->size - gone : 0;
}

static const struct lg_bufpool_ops pool_ops = {take, give, is_shared, free_cnt};

/* Fields of a lg_buf that never change. */
static void init_buf(struct rte_mempool *mp, void *pool, void *obj, unsigned idx)
{
    struct rte_mbuf *m = obj;

    (void)mp;
    (void)idx;
    *lg_buf_of(m) = (struct lg_buf){.base = m->buf_addr, .cap = m->buf_len, .pool = pool};
}

uint32_t lg_pktpool_obj_sz(uint32_t room)
{
    return rte_mempool_calc_obj_size(
        (uint32_t)sizeof(struct rte_mbuf) + LG_PKT_PRIV_SZ + LG_BUF_HEADROOM + room, 0, NULL);
}

static void free_zone(struct rte_mempool_memhdr *hdr, void *zone)
{
    (void)hdr;
    rte_memzone_free(zone);
}

/* One piece of memory, objects side by side with no gap at page ends: AF_XDP registers the pool as
 * a whole and reckons with that. Where addresses are physical (some PCI setups), a buffer must not
 * cross a page, and the library's way is taken. */
static bool populate(struct rte_mempool *mp)
{
    char name[RTE_MEMZONE_NAMESIZE];
    const struct rte_memzone *zone;
    size_t chunk_sz, align;

    if (rte_eal_iova_mode() != RTE_IOVA_VA)
        return rte_mempool_populate_default(mp) >= 0;
    ssize_t sz = rte_mempool_op_calc_mem_size_default(mp, mp->size, 0, &chunk_sz, &align);
    if (sz < 0)
        return false;
    snprintf(name, sizeof name, "%s_mem", mp->name);
    zone =
        rte_memzone_reserve_aligned(name, (size_t)sz, mp->socket_id,
                                    RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY, (unsigned)align);
    if (!zone)
        return false;
    int n = rte_mempool_populate_iova(mp, zone->addr, (rte_iova_t)(uintptr_t)zone->addr, (size_t)sz,
                                      free_zone, (void *)(uintptr_t)zone);
    if (n <= 0)
        rte_memzone_free(zone);
    return n == (int)mp->size;
}

static struct rte_mempool *make_mempool(const char *name, uint32_t cnt, uint32_t room, int socket)
{
    unsigned flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
    unsigned elt_sz = (unsigned)sizeof(struct rte_mbuf) + LG_PKT_PRIV_SZ + LG_BUF_HEADROOM + room;
    struct rte_pktmbuf_pool_private priv = {
        .mbuf_data_room_size = (uint16_t)(LG_BUF_HEADROOM + room),
        .mbuf_priv_size = LG_PKT_PRIV_SZ,
    };
    struct rte_mempool *mp =
        rte_mempool_create_empty(name, cnt, elt_sz, CACHE_CNT, sizeof priv, socket, flags);

    if (!mp)
        return NULL;
    rte_pktmbuf_pool_init(mp, &priv);
    if (rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL) != 0 || !populate(mp)) {
        rte_mempool_free(mp);
        return NULL;
    }
    rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
    return mp;
}

/* Worker k runs on the k-th lcore behind the main one. */
static uint32_t lcore_of(uint32_t worker)
{
    uint32_t lcore = rte_get_next_lcore(-1, 1, 0);

    for (uint32_t i = 0; i < worker && lcore < RTE_MAX_LCORE; i++)
        lcore = rte_get_next_lcore(lcore, 1, 0);
    return lcore < RTE_MAX_LCORE ? lcore : LCORE_ID_ANY;
}

lg_err_t lg_pktpool_open(uint32_t worker, uint32_t cnt, uint32_t room, uint32_t device_cnt,
                         struct lg_pktpool **out)
{
    uint32_t lcore = lcore_of(worker);
    int socket = lcore == LCORE_ID_ANY ? SOCKET_ID_ANY : (int)rte_lcore_to_socket_id(lcore);
    char name[RTE_MEMPOOL_NAMESIZE];
    struct lg_pktpool *p;

    p = rte_zmalloc_socket("lg_pktpool", sizeof *p, LG_CACHE_PAIR, socket);
    LG_CHECK(p != NULL, LG_E(NOMEM));
    snprintf(name, sizeof name, "lg_pkt_%u", worker);
    p->mp = make_mempool(name, cnt, room, socket);
    if (!p->mp) {
        rte_free(p);
        return LG_E(NOMEM);
    }
    p->pool = (struct lg_bufpool){&pool_ops, room};
    p->lcore = lcore;
    p->device_cnt = device_cnt;
    rte_mempool_obj_iter(p->mp, init_buf, p);
    *out = p;
    return LG_OK;
}

void lg_pktpool_close(struct lg_pktpool *p)
{
    if (!p)
        return;
    rte_mempool_free(p->mp);
    rte_free(p);
}

bool lg_pktpool_is_one_piece(const struct lg_pktpool *p)
{
    return p->mp->nb_mem_chunks == 1 && (p->mp->flags & RTE_MEMPOOL_F_NO_IOVA_CONTIG);
}

struct lg_bufpool *lg_pktpool_as_bufpool(struct lg_pktpool *p)
{
    return &p->pool;
}

uint32_t lg_pktpool_total(const struct lg_pktpool *p)
{
    return p->mp->size;
}

uint32_t lg_pktpool_held(const struct lg_pktpool *p)
{
    /* What was given first, so that a buffer in between is counted rather than missed. */
    uint64_t given = __atomic_load_n(&p->given, __ATOMIC_RELAXED) +
                     atomic_load_explicit(&p->foreign_given, memory_order_relaxed);
    uint64_t taken = __atomic_load_n(&p->taken, __ATOMIC_RELAXED) +
                     atomic_load_explicit(&p->foreign_taken, memory_order_relaxed);

    return taken > given ? (uint32_t)(taken - given) : 0;
}
