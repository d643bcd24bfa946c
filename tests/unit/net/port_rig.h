/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_rig.h: ports on a bench: EAL, a config of one port, network namespaces with a veth pair. */
#ifndef PORT_RIG_H
#define PORT_RIG_H

#include "port_priv.h"
#include "t.h"

#define OWNER_LCORE 1u /* worker 0's */

struct bench {
    struct lg_config cfg;
    struct lg_cfg_port ports[2];
    struct lg_diag diag;
    struct lg_ports *ps;
    struct lg_stats stats;
};

/* EAL is started once, without hugepages and without PCI. */
bool start_eal(void);
#define NEEDS_EAL()                                                                                \
    do {                                                                                           \
        if (!start_eal())                                                                          \
            T_SKIP("DPDK does not start here");                                                    \
    } while (0)

struct bench *bench_new(const char *device);
/* bench_open opens, or says what stood in diag. */
bool bench_open(struct bench *t);
void bench_free(struct bench *t);
struct lg_bufpool *bufs_of(struct bench *t, uint32_t worker);
struct lg_buf *fill(struct bench *t, uint32_t len, uint8_t first);
unsigned available(struct bench *t);
void expect_refused(struct bench *t, lg_err_t want, const char *text);

/* A body runs in a thread with a network namespace of its own, which goes with it. */
void run_in_new_netns(void (*body)(void));
/* The pair lgn-us, lgn-peer. */
bool make_veth(unsigned queues);
/* A raw socket on lgn-peer. */
int open_peer(void);
double now_s(void);

#endif
