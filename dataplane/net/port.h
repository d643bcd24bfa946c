/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h: the network devices and their packet buffers; the only user of rte_ethdev. A port is
 * one entry of the config's ports[]: made from its `device`, with one receive and one transmit
 * queue a worker: worker k uses queue k and buffers of pool k.
 *
 * `device` may carry arguments for DPDK's driver behind a comma ("af_xdp:eth1,busy_budget=0",
 * "memif:/run/m.sock,role=client,id=3"), but for pci:.
 *
 * A packet buffer is an rte_mbuf whose private area is a struct lg_buf. The lg_buf is the truth
 * while the stack holds it; lg_port_rx and lg_port_tx carry data, length and flags across.
 *
 * Sending borrows: lg_port_tx takes a reference of its own on the mbuf, so that the caller may
 * give its buf back or keep it for a retransmission (lg_buf_is_shared says whether the device
 * still reads it). Frames wait, up to LG_PORT_TX_BURST a queue, until lg_port_flush.
 *
 * Thread boot or control for open, close, info and counts; the others: the owner core of that
 * queue. Giving a buf back is allowed on any worker (hand-over). */
#ifndef LG_PORT_H
#define LG_PORT_H

#include "buf.h"
#include "config.h"
#include "pkt.h"
#include "rss.h"
#include "stat.h"

#define LG_PORT_TX_BURST 64 /* frames that wait for lg_port_flush at most */

struct lg_ports;
struct lg_pktpool;

struct lg_port_info {
    const char *name; /* borrows: of the config */
    uint8_t mac[6];
    uint16_t queue_cnt;       /* receive and transmit queues: the number of workers */
    uint16_t mtu;             /* bytes of IP packet */
    int socket_id;            /* NUMA node; -1: any */
    bool has_rss;             /* the device spreads flows over the queues, by a symmetric key */
    const struct lg_rss *rss; /* how; NULL: it does not say. Borrows: until close */
    bool tx_csum;             /* it computes TCP checksums */
    bool rx_csum;             /* it verifies IP and TCP checksums (LG_BUF_CSUM_GOOD) */
    uint16_t eth_port_id;     /* DPDK's number */
    const char *driver;       /* borrows: of DPDK; "net_af_xdp" */
};

/* lg_ports_open makes the buffer pools, creates and starts every port. EAL must be up.
 *   cfg        borrowed until close
 *   worker_sz  bytes that each worker will take of cfg's memory besides: buffers leave that free
 *   Returns  LG_OK and *out; LG_E(CONFIG) when the operator can mend it, LG_E(SYS|NOMEM) else,
 *            with messages in diag and nothing left open */
LG_MUST lg_err_t lg_ports_open(const struct lg_config *cfg, uint32_t worker_cnt, size_t worker_sz,
                               struct lg_ports **out, struct lg_diag *diag);
/* lg_ports_close stops and closes every port (which detaches XDP programs and removes virtual
 * devices) and frees the pools. No buf may be used afterwards. NULL allowed. DPDK 22.11's AF_XDP
 * driver keeps its sockets until the process ends, so such an interface cannot be opened a second
 * time by the same process. */
void lg_ports_close(struct lg_ports *ports);

void lg_port_get_info(const struct lg_ports *ports, uint32_t port_idx, struct lg_port_info *out);

/* What the device itself has counted since it was opened; a driver that does not count one of them
 * leaves it 0. */
struct lg_port_counts {
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
    uint64_t rx_missed; /* came while the ring was full: the worker was late */
    uint64_t rx_no_buf; /* the worker had no packet buffer for them */
    uint64_t rx_errors, tx_errors;
    bool is_up;          /* the link */
    uint32_t speed_mbps; /* 0: not known */
};
/* lg_port_get_counts asks the device. Thread control. */
void lg_port_get_counts(const struct lg_ports *ports, uint32_t port_idx,
                        struct lg_port_counts *out);

/* lg_port_rx takes what queue `queue` has, up to n frames; n in [1, 64].
 *   bufs     written; each is owned by the caller, data at the Ethernet header, port set,
 *            LG_BUF_CSUM_GOOD set when the device vouches
 *   stats    RX_PKTS, RX_BYTES; DROP_ETH for frames that do not fit one buffer
 *   Returns  frames given, in [0, n] */
unsigned lg_port_rx(struct lg_ports *ports, uint32_t port_idx, uint32_t queue, struct lg_buf **bufs,
                    unsigned n, struct lg_stats *stats);
/* lg_port_tx queues one frame: lg_net_ops.tx.
 *   b        borrowed, from a pktpool (any worker's); data at the Ethernet header, len whole
 *   meta     NULL: nothing is left to the device */
void lg_port_tx(struct lg_ports *ports, uint32_t port_idx, uint32_t queue, struct lg_buf *b,
                const struct lg_tx_meta *meta, struct lg_stats *stats);
/* lg_port_flush sends what waits. Frames the device does not take after a bounded number of tries
 * are dropped and counted (DROP_TX_RING). Call it once a turn also when nothing was queued: some
 * devices reclaim sent frames only then. */
void lg_port_flush(struct lg_ports *ports, uint32_t port_idx, uint32_t queue,
                   struct lg_stats *stats);

/* The packet buffers of worker k. */
struct lg_pktpool *lg_ports_pool(struct lg_ports *ports, uint32_t worker);
struct lg_bufpool *lg_pktpool_as_bufpool(struct lg_pktpool *pool);
/* lg_pktpool_total: buffers the pool has. lg_pktpool_held: those the stack holds now: taken or
 * received and not given back; what only devices hold is not counted. Thread any (a snapshot). */
uint32_t lg_pktpool_total(const struct lg_pktpool *pool);
uint32_t lg_pktpool_held(const struct lg_pktpool *pool);

#endif
