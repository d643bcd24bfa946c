/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* memif.c: what it costs to move a frame through a memif, both ends on one core: the floor under
 * every packet of the path that needs no kernel. Asked for by --memif, since it starts EAL. */
#include "micro.h"

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BURST 32u

struct size {
    uint16_t sz;
    char name[24];
};

static struct rte_mempool *mbufs;
static uint16_t ports[2]; /* 0 sends, 1 receives */

static void start_port(uint16_t port)
{
    struct rte_eth_conf conf = {0};
    micro_require(rte_eth_dev_configure(port, 1, 1, &conf) == 0 &&
                      rte_eth_rx_queue_setup(port, 0, 1024, SOCKET_ID_ANY, NULL, mbufs) == 0 &&
                      rte_eth_tx_queue_setup(port, 0, 1024, SOCKET_ID_ANY, NULL) == 0 &&
                      rte_eth_dev_start(port) == 0,
                  "memif: a port does not start");
}

static bool link_is_up(uint16_t port)
{
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status;
}

/* start: EAL without hugepages or anything shared, and two ends of one memif in this process. */
static void start(void)
{
    char server[128], client[128], lcores[32];
    snprintf(lcores, sizeof lcores, "--lcores=0@%ld", sysconf(_SC_NPROCESSORS_ONLN) - 1);
    snprintf(server, sizeof server,
             "--vdev=net_memif0,role=server,id=0,socket-abstract=yes,socket=lg-micro-%d,rsize=11",
             getpid());
    snprintf(client, sizeof client,
             "--vdev=net_memif1,role=client,id=0,socket-abstract=yes,socket=lg-micro-%d,rsize=11",
             getpid());
    char *argv[] = {(char *)"bench-micro",
                    lcores,
                    (char *)"--no-huge",
                    (char *)"--no-shconf",
                    (char *)"-m",
                    (char *)"256",
                    (char *)"--no-pci",
                    (char *)"--no-telemetry",
                    (char *)"--log-level=error",
                    server,
                    client};

    micro_require(rte_eal_init(LG_ARRAY_CNT(argv), argv) >= 0, "memif: EAL does not start");
    mbufs = rte_pktmbuf_pool_create("micro", 16383, 256, 0, 2176, SOCKET_ID_ANY);
    micro_require(mbufs != NULL && rte_eth_dev_get_port_by_name("net_memif0", &ports[0]) == 0 &&
                      rte_eth_dev_get_port_by_name("net_memif1", &ports[1]) == 0,
                  "memif: no port");
    start_port(ports[0]);
    start_port(ports[1]);
    for (int i = 0; i < 500 && !(link_is_up(ports[0]) && link_is_up(ports[1])); i++)
        usleep(10000);
    micro_require(link_is_up(ports[0]) && link_is_up(ports[1]), "memif: no link");
}

static uint64_t run_hop(void *ctx, uint64_t cnt)
{
    const struct size *s = ctx;
    struct rte_mbuf *m[BURST];
    uint64_t cycles = 0, done = 0;

    while (done < cnt) {
        uint16_t n = (uint16_t)LG_MIN((uint64_t)BURST, cnt - done), sent = 0, got = 0;
        struct rte_mbuf *in[BURST];
        micro_require(rte_pktmbuf_alloc_bulk(mbufs, m, n) == 0, "memif: no mbufs");
        for (uint16_t i = 0; i < n; i++)
            m[i]->data_len = s->sz, m[i]->pkt_len = s->sz;
        uint64_t begin = micro_tsc();
        for (int i = 0; i < 100000 && got < n;
             i++) { /* the receiver refills the ring as it reads */
            sent = (uint16_t)(sent + rte_eth_tx_burst(ports[0], 0, m + sent, (uint16_t)(n - sent)));
            got = (uint16_t)(got + rte_eth_rx_burst(ports[1], 0, in + got, (uint16_t)(n - got)));
        }
        cycles += micro_tsc() - begin;
        micro_require(got == n, "memif: frames were lost");
        rte_pktmbuf_free_bulk(in, got);
        done += n;
    }
    return cycles;
}

void micro_add_memif(const struct micro_opts *o)
{
    static struct size sizes[] = {{.sz = 64}, {.sz = 1514}};

    (void)o;
    start();
    for (unsigned i = 0; i < LG_ARRAY_CNT(sizes); i++) {
        snprintf(sizes[i].name, sizeof sizes[i].name, "memif-hop-%u", sizes[i].sz);
        micro_add("packet", sizes[i].name, NULL, run_hop, &sizes[i]);
    }
}
