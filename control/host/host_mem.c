/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_mem.c: hugepages where the workers are, and the limit on locked memory. */
#include "host_priv.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 64u

/* pages reads how many hugepages of a size a node has, in all and free. `node` UINT32_MAX: the
 * machine as a whole. false: no such size there. */
static bool pages(const struct lg_host *h, uint32_t node, uint32_t kb, int64_t *total,
                  int64_t *left)
{
    char dir[96];

    if (node == UINT32_MAX)
        snprintf(dir, sizeof dir, "/sys/kernel/mm/hugepages/hugepages-%ukB", kb);
    else
        snprintf(dir, sizeof dir, "/sys/devices/system/node/node%u/hugepages/hugepages-%ukB", node,
                 kb);
    return lg_sys_number(total, h->root, "%s/nr_hugepages", dir) &&
           lg_sys_number(left, h->root, "%s/free_hugepages", dir);
}

/* check_node: DPDK takes memory from each node in proportion to the workers on it. */
static void check_node(struct lg_host *h, uint32_t node, uint64_t need_kb)
{
    int64_t total, left, big_total, big_left;
    char where[32] = "";

    if (!pages(h, node, 2048, &total, &left))
        return;
    uint64_t have_kb = (uint64_t)left * 2048;
    if (pages(h, node, 1048576, &big_total, &big_left))
        have_kb += (uint64_t)big_left << 20;
    if (node != UINT32_MAX)
        snprintf(where, sizeof where, " on node %u", node);
    bool is_enough = have_kb >= need_kb;
    struct lg_host_item *item =
        lg_host_add(h, "hugepages", is_enough ? LG_HOST_OK : LG_HOST_MISSING,
                    "%" PRIu64 " MiB are free%s, %" PRIu64 " MiB are %s", have_kb >> 10, where,
                    need_kb >> 10, is_enough ? "needed" : "needed (global.memory)");
    if (is_enough)
        return;
    uint64_t want = (uint64_t)total + (need_kb - have_kb + 2047) / 2048;
    if (node == UINT32_MAX)
        lg_host_mend(
            item, "echo %" PRIu64 " >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", want);
    else
        lg_host_mend(item,
                     "echo %" PRIu64 " >/sys/devices/system/node/node%u/hugepages/"
                     "hugepages-2048kB/nr_hugepages",
                     want, node);
}

static void check_hugepages(struct lg_host *h)
{
    uint32_t node_cnt =
        LG_MIN(lg_sys_count(h->root, "/sys/devices/system/node", "node"), MAX_NODES);
    uint64_t need_kb = h->cfg ? (uint64_t)h->cfg->memory_mb * 1024 : 512 * 1024;
    uint32_t on[MAX_NODES] = {0}, cnt = h->cfg ? h->cfg->worker_cnt : 0;
    int64_t total, left;

    if (!pages(h, UINT32_MAX, 2048, &total, &left)) {
        lg_host_add(h, "hugepages", LG_HOST_MISSING,
                    "this kernel has no hugepages of 2 MiB; set global.hugepages: false (slower)");
        return;
    }
    if (node_cnt < 2 || cnt == 0) {
        check_node(h, UINT32_MAX, need_kb);
        return;
    }
    for (uint32_t i = 0; i < cnt; i++)
        on[LG_MIN(lg_host_node_of(h, h->cfg->worker_cpus[i]), MAX_NODES - 1)]++;
    for (uint32_t node = 0; node < node_cnt; node++)
        if (on[node])
            check_node(h, node, need_kb * on[node] / cnt);
}

/* check_memlock: vfio pins a card's memory, AF_XDP its frames, and keys shall not be swapped. A
 * process with CAP_SYS_RESOURCE raises the limit itself, one with CAP_IPC_LOCK has none. */
static void check_memlock(struct lg_host *h)
{
    char text[8192];
    uint64_t caps = 0, limit;

    if (lg_sys_read(text, sizeof text, h->root, "/proc/self/status"))
        (void)lg_sys_field(text, "CapEff", 16, &caps);
    if (!lg_sys_read(text, sizeof text, h->root, "/proc/self/limits"))
        return;
    const char *hard = lg_sys_line(text, "Max locked memory");
    if (!hard)
        return;
    hard += strcspn(hard, " ");
    hard += strspn(hard, " ");
    if (strncmp(hard, "unlimited", 9) == 0 || caps >> CAP_SYS_RESOURCE & 1 ||
        caps >> CAP_IPC_LOCK & 1) {
        lg_host_add(h, "memlock", LG_HOST_OK, "memory may be locked without end");
        return;
    }
    limit = strtoull(hard, NULL, 10);
    bool pins = h->cfg && lg_host_has_port(h, "pci:");
    struct lg_host_item *item =
        lg_host_add(h, "memlock", pins ? LG_HOST_MISSING : LG_HOST_ADVICE,
                    "at most %" PRIu64 " KiB may be locked: %s", limit >> 10,
                    pins ? "vfio pins all of global.memory" : "keys in memory may be swapped out");
    lg_host_mend(item, "ulimit -l unlimited, or LimitMEMLOCK=infinity in the systemd unit");
}

void lg_host_check_memory(struct lg_host *h)
{
    if (!h->cfg || h->cfg->hugepages) {
        check_hugepages(h);
    } else {
        struct lg_diag diag = {0};
        if (!lg_is_ok(lg_machine_check_memory(h->root, h->cfg, &diag)))
            lg_host_add(h, "memory", LG_HOST_MISSING, "%s", diag.msg[0].text);
        struct lg_host_item *item =
            lg_host_add(h, "hugepages", LG_HOST_ADVICE,
                        "global.hugepages is false: every packet costs more TLB misses");
        lg_host_mend(item,
                     "echo %u >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages, and "
                     "hugepages: true",
                     h->cfg->memory_mb / 2);
    }
    check_memlock(h);
}
