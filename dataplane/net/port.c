/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.c: frames in and out of devices. Opening them is port_open.c. */
#include "port_priv.h"

#define TX_TRIES 4u
/* A device that was busy and then has nothing to send is asked this many empty flushes later to
 * let go of what it has sent: often enough for the buffers, too seldom to cost an idle loop. */
#define RECLAIM_AFTER 64u
#define ETH_TYPE_OFF 12u
#define ETH_TYPE_IP6 0x86dd

static struct lg_port_queue *queue_at(struct lg_ports *ports, uint32_t port_idx, uint32_t queue)
{
    return &ports->port[port_idx].queues[queue];
}

/* Does the device vouch for all checksums TCP needs? IPv6 has none of its own. */
static bool is_csum_good(const struct rte_mbuf *m)
{
    if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        return false;
    if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
        return true;
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    return m->data_len >= 14 && lg_get_be16(p + ETH_TYPE_OFF) == ETH_TYPE_IP6;
}

/* A frame in several pieces becomes one, when one buffer can hold it. */
static bool make_one(struct rte_mbuf *m, struct lg_stats *stats)
{
    if (LG_LIKELY(m->nb_segs == 1) || rte_pktmbuf_linearize(m) == 0)
        return true;
    lg_stat_inc(stats, LG_STAT_DROP_ETH);
    rte_pktmbuf_free(m);
    return false;
}

unsigned lg_port_rx(struct lg_ports *ports, uint32_t port_idx, uint32_t queue, struct lg_buf **bufs,
                    unsigned n, struct lg_stats *stats)
{
    struct lg_port_queue *q = queue_at(ports, port_idx, queue);
    bool has_csum = ports->port[port_idx].info.rx_csum;
    struct rte_mbuf *m[LG_PORT_TX_BURST];
    unsigned kept = 0;
    uint64_t bytes = 0;

    n = rte_eth_rx_burst(q->eth_id, q->eth_queue, m,
                         (uint16_t)LG_MIN(n, (unsigned)LG_PORT_TX_BURST));
    for (unsigned i = 0; i < n; i++) {
        if (i + 4 < n)
            __builtin_prefetch(lg_buf_of(m[i + 4]), 1);
        bytes += m[i]->pkt_len;
        if (!make_one(m[i], stats))
            continue;
        struct lg_buf *b = lg_buf_of(m[i]);
        b->next = NULL;
        b->data = rte_pktmbuf_mtod(m[i], uint8_t *);
        b->len = m[i]->data_len;
        b->flags = has_csum && is_csum_good(m[i]) ? LG_BUF_CSUM_GOOD : 0;
        b->port = (uint16_t)port_idx;
        lg_pktpool_enter((struct lg_pktpool *)(void *)b->pool, 1);
        bufs[kept++] = b;
    }
    if (n > 0) {
        lg_stat_add(stats, LG_STAT_RX_PKTS, n);
        lg_stat_add(stats, LG_STAT_RX_BYTES, bytes);
    }
    return kept;
}

static void send_all(struct lg_port_queue *q, struct lg_stats *stats)
{
    uint64_t bytes = 0;
    uint16_t sent = 0;

    for (uint16_t i = 0; i < q->tx_cnt; i++)
        bytes += q->tx[i]->pkt_len;
    for (unsigned try = 0; try < TX_TRIES && sent < q->tx_cnt; try++)
        sent = (uint16_t)(sent + rte_eth_tx_burst(q->eth_id, q->eth_queue, q->tx + sent,
                                                  (uint16_t)(q->tx_cnt - sent)));
    for (uint16_t i = sent; i < q->tx_cnt; i++) {
        bytes -= q->tx[i]->pkt_len;
        lg_stat_inc(stats, LG_STAT_DROP_TX_RING);
        rte_pktmbuf_free(q->tx[i]);
    }
    lg_stat_add(stats, LG_STAT_TX_PKTS, sent);
    lg_stat_add(stats, LG_STAT_TX_BYTES, bytes);
    q->tx_cnt = 0;
    q->is_dirty = true;
    q->empty_cnt = 0;
}

void lg_port_tx(struct lg_ports *ports, uint32_t port_idx, uint32_t queue, struct lg_buf *b,
                const struct lg_tx_meta *meta, struct lg_stats *stats)
{
    struct lg_port_queue *q = queue_at(ports, port_idx, queue);
    struct rte_mbuf *m = lg_mbuf_of(b);

    m->data_off = (uint16_t)(b->data - b->base);
    m->data_len = (uint16_t)b->len;
    m->pkt_len = b->len;
    m->nb_segs = 1;
    m->next = NULL;
    m->ol_flags = 0;
    if (meta && meta->tcp_csum) {
        m->ol_flags =
            RTE_MBUF_F_TX_TCP_CKSUM | (meta->is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
        m->tx_offload = rte_mbuf_tx_offload(meta->l2_len, meta->l3_len, 0, 0, 0, 0, 0);
    }
    rte_mbuf_refcnt_update(m, 1);
    q->tx[q->tx_cnt++] = m;
    if (q->tx_cnt == LG_PORT_TX_BURST)
        send_all(q, stats);
}

void lg_port_flush(struct lg_ports *ports, uint32_t port_idx, uint32_t queue,
                   struct lg_stats *stats)
{
    struct lg_port_queue *q = queue_at(ports, port_idx, queue);

    if (q->tx_cnt > 0) {
        send_all(q, stats);
        return;
    }
    if (LG_LIKELY(!q->is_dirty) || ++q->empty_cnt < RECLAIM_AFTER)
        return;
    rte_eth_tx_burst(q->eth_id, q->eth_queue, q->tx, 0);
    q->is_dirty = false;
}

void lg_port_get_info(const struct lg_ports *ports, uint32_t port_idx, struct lg_port_info *out)
{
    *out = ports->port[port_idx].info;
}

struct lg_pktpool *lg_ports_pool(struct lg_ports *ports, uint32_t worker)
{
    return ports->pool[worker];
}

static void add_counts(uint16_t eth_id, struct lg_port_counts *out)
{
    struct rte_eth_stats st;
    struct rte_eth_link link;

    if (rte_eth_stats_get(eth_id, &st) == 0) {
        out->rx_packets += st.ipackets;
        out->tx_packets += st.opackets;
        out->rx_bytes += st.ibytes;
        out->tx_bytes += st.obytes;
        out->rx_missed += st.imissed;
        out->rx_no_buf += st.rx_nombuf;
        out->rx_errors += st.ierrors;
        out->tx_errors += st.oerrors;
    }
    if (rte_eth_link_get_nowait(eth_id, &link) != 0)
        return;
    out->is_up |= link.link_status == RTE_ETH_LINK_UP;
    if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
        out->speed_mbps = link.link_speed;
}

void lg_port_get_counts(const struct lg_ports *ports, uint32_t port_idx, struct lg_port_counts *out)
{
    const struct lg_port *p = &ports->port[port_idx];

    *out = (struct lg_port_counts){0};
    for (uint32_t i = 0; i < p->unit_cnt; i++)
        add_counts(p->unit[i], out);
}
