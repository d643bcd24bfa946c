/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_rig.c: see port_rig.h. */
#include "port_rig.h"

#include <rte_eal.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* DPDK 22.11's AF_XDP driver never frees its umem; nothing of ours is excused. The slow unwinder is
 * needed to see through libxdp. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:xsk_umem__create\n";
}

bool start_eal(void)
{
    static bool is_tried, is_up;
    static char prefix[48];
    char *argv[] = {"unit_port",
                    "--lcores=0@(0-1),1@(0-1),2@(0-1)",
                    "--no-huge",
                    "--no-shconf",
                    "--no-pci",
                    "--iova-mode=va",
                    "--no-telemetry",
                    "-m",
                    "192",
                    "--log-level=emergency",
                    prefix,
                    NULL};

    if (!is_tried) {
        is_tried = true;
        snprintf(prefix, sizeof prefix, "--file-prefix=unit_port_%d", (int)getpid());
        is_up = rte_eal_init(11, argv) >= 0;
    }
    return is_up;
}

struct bench *bench_new(const char *device)
{
    struct bench *t = calloc(1, sizeof *t);

    t->cfg = (struct lg_config){.file = "lg.yaml",
                                .worker_cnt = 1,
                                .memory_mb = 192,
                                .packet_buffers = 8192,
                                .port_cnt = 1,
                                .ports = t->ports};
    t->ports[0] = (struct lg_cfg_port){
        .line = 12, .name = "front", .device = (char *)(uintptr_t)device, .mtu = 1500};
    return t;
}

bool bench_open(struct bench *t)
{
    lg_err_t e = lg_ports_open(&t->cfg, t->cfg.worker_cnt, 0, &t->ps, &t->diag);

    for (uint32_t i = 0; i < t->diag.kept_cnt; i++)
        t_fail(__FILE__, __LINE__, "%s", t->diag.msg[i].text);
    EXPECT_OK(e);
    return lg_is_ok(e);
}

struct lg_bufpool *bufs_of(struct bench *t, uint32_t worker)
{
    return lg_pktpool_as_bufpool(lg_ports_pool(t->ps, worker));
}

void bench_free(struct bench *t)
{
    lg_ports_close(t->ps);
    free(t);
}

struct lg_buf *fill(struct bench *t, uint32_t len, uint8_t first)
{
    struct lg_buf *b = lg_buf_take(bufs_of(t, 0));

    for (uint32_t i = 0; i < len; i++)
        b->data[i] = (uint8_t)(first + i);
    b->len = len;
    return b;
}

unsigned available(struct bench *t)
{
    return rte_mempool_avail_count(lg_ports_pool(t->ps, 0)->mp);
}

void expect_refused(struct bench *t, lg_err_t want, const char *text)
{
    EXPECT_ERR(lg_ports_open(&t->cfg, t->cfg.worker_cnt, 0, &t->ps, &t->diag), want);
    EXPECT(t->ps == NULL);
    EXPECT(t->diag.error_cnt > 0);
    EXPECT_HAS(t->diag.msg[0].text, text);
}

static void *in_new_netns(void *body)
{
    if (unshare(CLONE_NEWNET) != 0) {
        t_fail(__FILE__, __LINE__, "unshare fails");
        return NULL;
    }
    ((void (*)(void))(uintptr_t)body)();
    return NULL;
}

void run_in_new_netns(void (*body)(void))
{
    pthread_t th;

    REQUIRE(pthread_create(&th, NULL, in_new_netns, (void *)(uintptr_t)body) == 0);
    pthread_join(th, NULL);
}

bool make_veth(unsigned queues)
{
    char cmd[256];

    snprintf(cmd, sizeof cmd,
             "ip link add lgn-us numrxqueues %u numtxqueues %u type veth peer name lgn-peer "
             "numrxqueues %u numtxqueues %u && ip link set lgn-us up && ip link set lgn-peer up",
             queues, queues, queues, queues);
    return system(cmd) == 0;
}

int open_peer(void)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex("lgn-peer")};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    if (fd >= 0 && bind(fd, (struct sockaddr *)(void *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}
