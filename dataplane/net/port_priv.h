/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_priv.h: the inside of ports and packet buffers, for port*.c, pktpool.c and tests. */
#ifndef LG_PORT_PRIV_H
#define LG_PORT_PRIV_H

#include "port.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdatomic.h>

#define LG_PKT_PRIV_SZ 64u /* of an mbuf's private area: a struct lg_buf in a cache line */
#define LG_PKT_ROOM 2048u  /* bytes behind the headroom, unless an MTU asks for more */

_Static_assert(sizeof(struct lg_buf) <= LG_PKT_PRIV_SZ, "a lg_buf fits the private area");
_Static_assert(LG_BUF_HEADROOM == RTE_PKTMBUF_HEADROOM, "one headroom for both");

static inline struct rte_mbuf *lg_mbuf_of(const struct lg_buf *b)
{
    return (struct rte_mbuf *)(uintptr_t)b - 1;
}

static inline struct lg_buf *lg_buf_of(const struct rte_mbuf *m)
{
    return (struct lg_buf *)(uintptr_t)(m + 1);
}

/* One worker's buffers. */
struct lg_pktpool {
    struct lg_bufpool pool; /* first: a lg_pktpool is a lg_bufpool */
    struct rte_mempool *mp; /* owns */
    uint32_t lcore;         /* of the owner; LCORE_ID_ANY: none */
    uint32_t device_cnt;    /* of the buffers, what the devices' rings keep */
    /* -- written by owner, read by control: buffers that entered and left the stack's hands -- */
    alignas(LG_CACHE_PAIR) uint64_t taken;
    uint64_t given;
    /* -- written by other workers that give back what was handed to them: relaxed, a count only */
    alignas(LG_CACHE_PAIR) _Atomic uint64_t foreign_taken;
    _Atomic uint64_t foreign_given;
};

/* lg_pktpool_open makes a pool of cnt buffers with `room` bytes behind the headroom; device_cnt of
 * them are for devices' rings. */
LG_MUST lg_err_t lg_pktpool_open(uint32_t worker, uint32_t cnt, uint32_t room, uint32_t device_cnt,
                                 struct lg_pktpool **out);
void lg_pktpool_close(struct lg_pktpool *pool); /* NULL allowed */
/* lg_pktpool_is_one_piece: are the buffers side by side in memory? AF_XDP wants that. */
bool lg_pktpool_is_one_piece(const struct lg_pktpool *pool);
/* lg_pktpool_enter: n buffers came from a device. */
void lg_pktpool_enter(struct lg_pktpool *pool, unsigned n);
/* lg_pktpool_obj_sz: bytes of memory one buffer takes. */
uint32_t lg_pktpool_obj_sz(uint32_t room);

enum lg_port_kind { LG_PORT_PCI, LG_PORT_AF_XDP, LG_PORT_TAP, LG_PORT_MEMIF, LG_PORT_VDEV };

/* Where one worker's frames of one port go: a queue of an ethdev. */
struct lg_port_queue {
    alignas(LG_CACHE_PAIR) uint16_t eth_id;
    uint16_t eth_queue;
    uint16_t tx_cnt;
    bool is_dirty;                         /* sent frames may wait in the device to be reclaimed */
    uint32_t empty_cnt;                    /* flushes since then that had nothing to send */
    struct rte_mbuf *tx[LG_PORT_TX_BURST]; /* a reference of ours on each */
};

struct lg_port {
    const struct lg_cfg_port *cfg; /* borrows: of the config */
    uint32_t idx;
    enum lg_port_kind kind;
    struct lg_port_info info;
    struct lg_port_queue *queues; /* owns; one a worker */
    uint32_t unit_cnt;            /* ethdevs: 1, or with AF_XDP one a worker */
    uint16_t unit[LG_MAX_WORKERS];
    bool is_unit_started[LG_MAX_WORKERS];
    bool is_promiscuous;
    struct lg_rss rss; /* how flows are spread, when the device says */
    int claim_fd;      /* owns; AF_XDP: says that the interface is ours; -1: none */
};

struct lg_ports {
    const struct lg_config *cfg; /* borrows: until close */
    uint32_t worker_cnt, port_cnt;
    struct lg_port port[LG_MAX_PORTS];
    struct lg_pktpool *pool[LG_MAX_WORKERS]; /* owns */
};

/* Everything opening a port needs, and where it complains. */
struct lg_port_open {
    struct lg_ports *ports;
    struct lg_port *port;
    struct lg_diag *diag;
};

/* lg_port_fail adds a message about the port's device. */
void lg_port_fail(const struct lg_port_open *o, const char *fmt, ...) LG_PRINTF(2, 3);

/* -- port_dev.c: from the config's `device` to ethdevs -- */

/* lg_port_kind_of reads the prefix; *rest is what follows it. false: no prefix of ours. */
bool lg_port_kind_of(const char *device, enum lg_port_kind *kind, const char **rest);
/* lg_port_make creates the ethdevs of a port: unit[] and unit_cnt. */
LG_MUST lg_err_t lg_port_make(const struct lg_port_open *o);
/* lg_port_unmake removes them; they are stopped. */
void lg_port_unmake(struct lg_port *port);

/* -- port_xdp.c: what AF_XDP needs of an interface, and why it refused -- */

/* lg_xdp_check: does the interface exist, is it up, has it as many queues as there are workers, and
 * does nobody else use it? Claims it until port->claim_fd is closed. */
LG_MUST lg_err_t lg_xdp_check(const struct lg_port_open *o, const char *iface);
/* lg_xdp_explain says why a queue could not be opened. */
void lg_xdp_explain(const struct lg_port_open *o, const char *iface, uint32_t queue);
/* lg_xdp_iface copies the interface name of "IFACE[,...]"; false: too long. */
bool lg_xdp_iface(const char *rest, char *out, size_t out_sz);
/* lg_xdp_has_rss: does the interface spread flows by itself, each always to one queue? */
bool lg_xdp_has_rss(const char *iface);
bool lg_xdp_is_veth(const char *iface);
bool lg_xdp_mac(const char *iface, uint8_t mac[6]);
/* lg_xdp_widen gives this process's AF_XDP sockets a send buffer of LG_XDP_SND_FRAMES. */
#define LG_XDP_SND_FRAMES 400u
#define LG_XDP_FRAME_SZ 2304u /* what the kernel charges for a frame of 1,514 bytes */
void lg_xdp_widen(void);

/* -- port_share.c: an interface shared with the kernel -- */

/* lg_xdp_share attaches the program that leaves the kernel what is not for the port's addresses.
 * Nobody uses the interface (lg_xdp_check). */
LG_MUST lg_err_t lg_xdp_share(const struct lg_port_open *o, const char *iface);
/* lg_xdp_detach_leftover takes off a program of a Lockgate that was killed. */
void lg_xdp_detach_leftover(const char *iface);

#endif
