/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (runs at boot only) */
/* port_open.c: buffer pools, queues, offloads: everything between a device and its first frame. */
#include "port_priv.h"

#include <rte_errno.h>
#include <rte_malloc.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RX_DESC 2048u
#define TX_DESC 2048u
#define XDP_HEADROOM 256u   /* XDP_PACKET_HEADROOM: the kernel leaves it in front of each frame */
#define XDP_CHUNK_MAX 4096u /* a page: the largest piece of memory AF_XDP takes as one */
#define RSS_KEY_MAX 64u
#define STACK_BUFS_MIN 8192u
#define STACK_BUFS_MAX (512u << 10)
#define OTHER_LEAST (16u << 20) /* bytes of the memory for the devices' own, and for what pages */
#define OTHER_PART 32u          /* and heap leave unused; and a part of the whole */

void lg_port_fail(const struct lg_port_open *o, const char *fmt, ...)
{
    char text[LG_DIAG_TEXT_SZ], key[48];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(key, sizeof key, "ports[%u].device", o->port->idx);
    lg_diag_error(o->diag, o->ports->cfg->file, o->port->cfg->line, key, "%s", text);
}

/* ------------------------------------------------------------- buffers */

/* Bytes behind the headroom, so that the largest frame of every port fits. */
static uint32_t room_for(const struct lg_config *cfg)
{
    uint32_t room = LG_PKT_ROOM;

    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        room = LG_MAX(room, cfg->ports[i].mtu + RTE_ETHER_HDR_LEN + 8u + XDP_HEADROOM);
    return (room + 63u) & ~63u;
}

/* buf_sz: with its place in the pool's ring, which is a power of two. */
static uint32_t buf_sz(uint32_t room)
{
    return lg_pktpool_obj_sz(room) + 2u * (uint32_t)sizeof(void *);
}

/* What a worker's queues can hold at once, and for the stack what a busy part of the connections
 * may queue, as far as the memory goes when connections have theirs: an idle one holds no buffer.
 */
static uint32_t bufs_for(const struct lg_config *cfg, uint32_t worker_cnt, size_t worker_sz,
                         uint32_t room)
{
    uint32_t devices = cfg->port_cnt * (RX_DESC + TX_DESC);
    uint32_t stack = LG_MIN(LG_MAX(STACK_BUFS_MIN, 2u * cfg->max_connections), STACK_BUFS_MAX);
    uint32_t want = devices + stack;
    uint64_t all = (uint64_t)cfg->memory_mb << 20, gone = worker_sz * worker_cnt + OTHER_LEAST;
    gone += all / OTHER_PART;
    uint64_t fits = all > gone ? (all - gone) / worker_cnt / buf_sz(room) : 0;

    if (cfg->packet_buffers > 0)
        return cfg->packet_buffers / worker_cnt;
    if (want <= fits)
        return want;
    return (uint32_t)LG_MAX(fits, (uint64_t)devices + STACK_BUFS_MIN / 4);
}

static lg_err_t open_pools(struct lg_ports *ps, size_t worker_sz, struct lg_diag *diag)
{
    const struct lg_config *cfg = ps->cfg;
    uint32_t room = room_for(cfg), cnt = bufs_for(cfg, ps->worker_cnt, worker_sz, room);
    uint32_t need = cfg->port_cnt * RX_DESC + 1024;

    if (cnt < need) {
        lg_diag_error(diag, cfg->file, 0, "global.packet_buffers",
                      "%u for each of %u workers are too few: %u ports alone keep %u; give %u or "
                      "leave it out",
                      cnt, ps->worker_cnt, cfg->port_cnt, cfg->port_cnt * RX_DESC,
                      2 * need * ps->worker_cnt);
        return LG_E(CONFIG);
    }
    for (uint32_t k = 0; k < ps->worker_cnt; k++) {
        if (lg_is_ok(lg_pktpool_open(k, cnt, room, cfg->port_cnt * RX_DESC, &ps->pool[k])))
            continue;
        lg_diag_error(diag, cfg->file, 0, "global.memory",
                      "no memory for the %u packet buffers of worker %u (%u MiB of %u in all); "
                      "raise memory or lower packet_buffers or max_connections",
                      cnt, k, (uint32_t)((uint64_t)cnt * lg_pktpool_obj_sz(room) >> 20),
                      cfg->memory_mb);
        return LG_E(NOMEM);
    }
    return LG_OK;
}

/* ------------------------------------------------------------- one ethdev */

/* AF_XDP takes the pool's memory as it is: in one piece, a buffer no larger than a page. */
static lg_err_t check_xdp_pool(const struct lg_port_open *o, uint32_t worker)
{
    const struct lg_pktpool *pool = o->ports->pool[worker];

    if (lg_pktpool_obj_sz(pool->pool.room) > XDP_CHUNK_MAX) {
        uint32_t rest = XDP_CHUNK_MAX - (lg_pktpool_obj_sz(0) + XDP_HEADROOM + 64u + 32u);
        lg_port_fail(o, "AF_XDP frames must fit a page: no port's mtu may exceed %u then", rest);
        return LG_E(CONFIG);
    }
    if (!lg_pktpool_is_one_piece(pool)) {
        lg_port_fail(o, "AF_XDP needs packet buffers in virtual address order: add "
                        "--iova-mode=va to global.eal_extra");
        return LG_E(CONFIG);
    }
    return LG_OK;
}

static void choose_offloads(const struct lg_port *port, const struct rte_eth_dev_info *dev,
                            struct rte_eth_conf *conf)
{
    uint64_t rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;

    /* A tap computes in software what it offers; ours is faster. */
    if (port->kind == LG_PORT_TAP)
        return;
    if ((dev->rx_offload_capa & rx) == rx)
        conf->rxmode.offloads |= rx;
    if (dev->tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
        conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
}

/* A key that gives both directions of a flow one hash: every 16 bits of it the same. */
static void fill_rss_key(uint8_t *key, uint32_t key_sz)
{
    for (uint32_t i = 0; i < key_sz; i++)
        key[i] = i % 2 ? 0x5a : 0x6d;
}

static void choose_rss(const struct lg_port *port, const struct rte_eth_dev_info *dev,
                       uint16_t queue_cnt, uint8_t key[RSS_KEY_MAX], struct rte_eth_conf *conf)
{
    uint64_t want = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP;
    uint8_t key_sz = dev->hash_key_size ? dev->hash_key_size : 40;

    if (queue_cnt < 2 || port->kind == LG_PORT_TAP || key_sz > RSS_KEY_MAX ||
        !(dev->flow_type_rss_offloads & (RTE_ETH_RSS_NONFRAG_IPV4_TCP)))
        return;
    fill_rss_key(key, key_sz);
    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
        .rss_key = key, .rss_key_len = key_sz, .rss_hf = want & dev->flow_type_rss_offloads};
}

static lg_err_t fail_dpdk(const struct lg_port_open *o, const char *what, int err)
{
    lg_port_fail(o, "%s fails: %s; DPDK's own message is in the log", what,
                 strerror(err < 0 ? -err : err));
    return LG_E(SYS);
}

static lg_err_t open_queues(const struct lg_port_open *o, uint16_t id, uint32_t first_worker,
                            uint16_t queue_cnt)
{
    uint16_t rx_desc = RX_DESC, tx_desc = TX_DESC;
    int err = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_desc, &tx_desc);

    if (err != 0)
        return fail_dpdk(o, "asking for queue sizes", err);
    for (uint16_t q = 0; q < queue_cnt; q++) {
        struct lg_pktpool *pool = o->ports->pool[first_worker + q];
        if (o->port->kind == LG_PORT_AF_XDP)
            LG_TRY(check_xdp_pool(o, first_worker + q));
        err = rte_eth_rx_queue_setup(id, q, rx_desc, SOCKET_ID_ANY, NULL, pool->mp);
        if (err != 0 && o->port->kind == LG_PORT_AF_XDP) {
            char iface[64] = "";
            (void)lg_xdp_iface(strchr(o->port->cfg->device, ':') + 1, iface, sizeof iface);
            lg_xdp_explain(o, iface, first_worker + q);
            return LG_E(CONFIG);
        }
        if (err != 0)
            return fail_dpdk(o, "opening a receive queue", err);
        err = rte_eth_tx_queue_setup(id, q, tx_desc, SOCKET_ID_ANY, NULL);
        if (err != 0)
            return fail_dpdk(o, "opening a transmit queue", err);
    }
    return LG_OK;
}

static lg_err_t configure(const struct lg_port_open *o, uint16_t id, uint16_t queue_cnt)
{
    struct rte_eth_conf conf = {0};
    struct rte_eth_dev_info dev;
    uint8_t key[RSS_KEY_MAX];
    struct lg_port *port = o->port;
    int err = rte_eth_dev_info_get(id, &dev);

    if (err != 0)
        return fail_dpdk(o, "asking the device", err);
    if (dev.max_rx_queues < queue_cnt || dev.max_tx_queues < queue_cnt) {
        lg_port_fail(o,
                     "the device has %u receive and %u transmit queues, fewer than the %u workers; "
                     "lower global.workers or give the device more",
                     dev.max_rx_queues, dev.max_tx_queues, queue_cnt);
        return LG_E(CONFIG);
    }
    if (dev.max_mtu > 0 && port->cfg->mtu > dev.max_mtu) {
        lg_port_fail(o, "the device takes an mtu of at most %u", dev.max_mtu);
        return LG_E(CONFIG);
    }
    conf.rxmode.mtu = port->cfg->mtu;
    choose_offloads(port, &dev, &conf);
    choose_rss(port, &dev, queue_cnt, key, &conf);
    err = rte_eth_dev_configure(id, queue_cnt, queue_cnt, &conf);
    if (err != 0)
        return fail_dpdk(o, "configuring the device", err);
    port->info.rx_csum = (conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
    port->info.tx_csum = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
    port->info.has_rss = conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS;
    port->info.driver = dev.driver_name;
    return LG_OK;
}

/* Is our key in use in the started device? Some take it only now. key: as the device says. */
static bool has_own_key(uint16_t id, const struct rte_eth_dev_info *dev, uint8_t key[RSS_KEY_MAX],
                        uint64_t *hashed)
{
    uint8_t key_sz = dev->hash_key_size ? dev->hash_key_size : 40;
    struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = key_sz};

    if (key_sz > RSS_KEY_MAX || rte_eth_dev_rss_hash_conf_get(id, &conf) != 0)
        return false;
    *hashed = conf.rss_hf;
    if (lg_rss_is_periodic(key, key_sz))
        return true;
    fill_rss_key(key, key_sz);
    if (rte_eth_dev_rss_hash_update(id, &conf) != 0)
        return false;
    memset(key, 0, key_sz);
    return rte_eth_dev_rss_hash_conf_get(id, &conf) == 0 && lg_rss_is_periodic(key, key_sz);
}

/* The device's table of queues, filled anew where it lets us. false: it does not say. */
static bool learn_reta(struct lg_rss *rss, uint16_t id, uint16_t size, uint16_t queue_cnt)
{
    struct rte_eth_rss_reta_entry64 reta[LG_RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
    uint64_t seen = 0;

    if (size == 0 || size > LG_RSS_RETA_MAX || (size & (size - 1)) != 0)
        return false;
    for (uint32_t i = 0; i < size; i++) {
        reta[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
        reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
            (uint16_t)(i % queue_cnt);
    }
    (void)rte_eth_dev_rss_reta_update(id, reta, size); /* else the device's own counts */
    if (rte_eth_dev_rss_reta_query(id, reta, size) != 0)
        return false;
    rss->reta_mask = size - 1u;
    for (uint32_t i = 0; i < size; i++) {
        uint16_t queue = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
        if (queue >= queue_cnt)
            return false;
        rss->reta[i] = (uint8_t)queue;
        seen |= (uint64_t)1 << queue;
    }
    return seen == UINT64_MAX >> (64 - queue_cnt); /* a worker without a hash could not connect */
}

/* Where the device uses our key and tells its table, the queue of a flow can be foretold. */
static void learn_rss(struct lg_port *port, uint16_t id, uint16_t queue_cnt)
{
    uint8_t key[RSS_KEY_MAX] = {0};
    struct rte_eth_dev_info dev;
    uint64_t hashed;

    if (!port->info.has_rss || rte_eth_dev_info_get(id, &dev) != 0 ||
        !has_own_key(id, &dev, key, &hashed) ||
        !learn_reta(&port->rss, id, dev.reta_size, queue_cnt))
        return;
    lg_rss_init(&port->rss, key);
    port->rss.has_ip4 = (hashed & RTE_ETH_RSS_NONFRAG_IPV4_TCP) != 0;
    port->rss.has_ip6 = (hashed & RTE_ETH_RSS_NONFRAG_IPV6_TCP) != 0;
    port->info.rss = &port->rss;
}

/* ------------------------------------------------------------- one port */

static void set_mtu(const struct lg_port_open *o, uint16_t id)
{
    int err = rte_eth_dev_set_mtu(id, o->port->cfg->mtu);
    char key[48];

    snprintf(key, sizeof key, "ports[%u].mtu", o->port->idx);
    if (err != 0 && err != -ENOTSUP)
        lg_diag_warn(o->diag, o->ports->cfg->file, o->port->cfg->line, key,
                     "device %s does not take an mtu of %u (%s); frames larger than its own are "
                     "lost",
                     o->port->cfg->device, o->port->cfg->mtu, strerror(-err));
}

/* Neighbour discovery is multicast, and `mac` may not be the device's: take more than it would. */
static void open_filters(struct lg_port *port, uint16_t id)
{
    bool is_other_mac = port->cfg->has_mac || port->kind == LG_PORT_TAP;

    if (is_other_mac || rte_eth_allmulticast_enable(id) != 0)
        port->is_promiscuous = rte_eth_promiscuous_enable(id) == 0;
}

/* Our own address: the config's, else the device's; on a tap that one is the kernel's end, so
 * ours differs in a bit. */
static void choose_mac(struct lg_port *port)
{
    struct rte_ether_addr mac = {{0}};

    (void)rte_eth_macaddr_get(port->unit[0], &mac);
    memcpy(port->info.mac, mac.addr_bytes, 6);
    if (port->kind == LG_PORT_TAP) {
        port->info.mac[0] |= 2;
        port->info.mac[5] ^= 0x80;
    }
    if (!port->cfg->has_mac)
        return;
    memcpy(port->info.mac, port->cfg->mac, 6);
    memcpy(mac.addr_bytes, port->cfg->mac, 6);
    if (port->kind != LG_PORT_TAP)
        (void)rte_eth_dev_default_mac_addr_set(port->unit[0], &mac); /* else: promiscuous */
}

static lg_err_t open_unit(const struct lg_port_open *o, uint32_t unit)
{
    struct lg_port *port = o->port;
    uint16_t id = port->unit[unit];
    uint16_t queue_cnt = (uint16_t)(port->unit_cnt > 1 ? 1 : o->ports->worker_cnt);

    LG_TRY(configure(o, id, queue_cnt));
    if (unit == 0)
        set_mtu(o, id);
    LG_TRY(open_queues(o, id, port->unit_cnt > 1 ? unit : 0, queue_cnt));
    int err = rte_eth_dev_start(id);
    port->is_unit_started[unit] = true; /* also then: its queues are open */
    if (err != 0)
        return fail_dpdk(o, "starting the device", err);
    if (port->unit_cnt == 1)
        learn_rss(port, id, queue_cnt);
    if (unit == 0)
        open_filters(port, id);
    return LG_OK;
}

static lg_err_t open_port(const struct lg_port_open *o)
{
    struct lg_port *port = o->port;
    uint32_t worker_cnt = o->ports->worker_cnt;

    port->queues = rte_zmalloc("lg_port_queues", worker_cnt * sizeof *port->queues, LG_CACHE_PAIR);
    LG_CHECK(port->queues != NULL, LG_E(NOMEM));
    LG_TRY(lg_port_make(o));
    for (uint32_t u = 0; u < port->unit_cnt; u++)
        LG_TRY(open_unit(o, u));
    for (uint32_t k = 0; k < worker_cnt; k++) {
        port->queues[k].eth_id = port->unit[port->unit_cnt > 1 ? k : 0];
        port->queues[k].eth_queue = (uint16_t)(port->unit_cnt > 1 ? 0 : k);
    }
    choose_mac(port);
    port->info.name = port->cfg->name;
    port->info.queue_cnt = (uint16_t)worker_cnt;
    port->info.mtu = port->cfg->mtu;
    port->info.socket_id = rte_eth_dev_socket_id(port->unit[0]);
    port->info.eth_port_id = port->unit[0];
    if (port->kind == LG_PORT_AF_XDP && port->unit_cnt > 1) {
        char iface[64] = "";
        port->info.has_rss =
            lg_xdp_iface(strchr(port->cfg->device, ':') + 1, iface, sizeof iface) &&
            lg_xdp_has_rss(iface);
    }
    return LG_OK;
}

static void close_port(struct lg_port *port, uint32_t worker_cnt)
{
    for (uint32_t k = 0; port->queues && k < worker_cnt; k++)
        rte_pktmbuf_free_bulk(port->queues[k].tx, port->queues[k].tx_cnt);
    if (port->is_promiscuous)
        (void)rte_eth_promiscuous_disable(port->unit[0]);
    for (uint32_t u = 0; u < port->unit_cnt; u++)
        if (port->is_unit_started[u])
            (void)rte_eth_dev_stop(port->unit[u]);
    lg_port_unmake(port);
    if (port->claim_fd >= 0)
        close(port->claim_fd);
    rte_free(port->queues);
}

lg_err_t lg_ports_open(const struct lg_config *cfg, uint32_t worker_cnt, size_t worker_sz,
                       struct lg_ports **out, struct lg_diag *diag)
{
    struct lg_ports *ps = rte_zmalloc("lg_ports", sizeof *ps, LG_CACHE_PAIR);

    if (!ps) {
        lg_diag_error(diag, cfg->file, 0, "global.memory", "no memory for the ports");
        return LG_E(NOMEM);
    }
    ps->cfg = cfg;
    ps->worker_cnt = worker_cnt;
    lg_err_t e = open_pools(ps, worker_sz, diag);
    for (uint32_t i = 0; lg_is_ok(e) && i < cfg->port_cnt; i++) {
        ps->port[i] = (struct lg_port){.cfg = &cfg->ports[i], .idx = i, .claim_fd = -1};
        ps->port_cnt = i + 1;
        e = open_port(&(struct lg_port_open){ps, &ps->port[i], diag});
    }
    if (!lg_is_ok(e)) {
        lg_ports_close(ps);
        return e;
    }
    lg_xdp_widen();
    *out = ps;
    return LG_OK;
}

void lg_ports_close(struct lg_ports *ps)
{
    if (!ps)
        return;
    for (uint32_t i = 0; i < ps->port_cnt; i++)
        close_port(&ps->port[i], ps->worker_cnt);
    for (uint32_t k = 0; k < ps->worker_cnt; k++)
        lg_pktpool_close(ps->pool[k]);
    rte_free(ps);
}
