/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_dev.c: what the ports' kinds need of the kernel, the cards' drivers, and how near they are.
 */
#include "host_priv.h"

#include <stdlib.h>
#include <string.h>

#define PCI "/sys/bus/pci/devices"

/* ---------------------------------------------------------------- IOMMU */

static void check_iommu(struct lg_host *h)
{
    char text[2048], mode[8];

    if (!lg_host_has_port(h, "pci:"))
        return;
    if (lg_sys_count(h->root, "/sys/kernel/iommu_groups", "") > 0) {
        lg_host_add(h, "iommu", LG_HOST_OK, "the IOMMU is on");
        return;
    }
    if (lg_sys_read(mode, sizeof mode, h->root,
                    "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") &&
        mode[0] == 'Y') {
        lg_host_add(h, "iommu", LG_HOST_ADVICE,
                    "no IOMMU: vfio runs without, and a card may write anywhere in memory");
        return;
    }
    struct lg_host_item *item = lg_host_add(h, "iommu", h->cfg ? LG_HOST_MISSING : LG_HOST_ADVICE,
                                            "the IOMMU is off or there is none: vfio-pci needs it");
    bool is_amd =
        lg_sys_read(text, sizeof text, h->root, "/proc/cpuinfo") && strstr(text, "AuthenticAMD");
    lg_host_kernel_line(item, is_amd ? "iommu=pt" : "intel_iommu=on iommu=pt");
}

/* ---------------------------------------------------------------- pci: ports */

static bool is_word(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

/* address_of writes DOMAIN:BUS:DEVICE.FUNCTION of "pci:01:00.0,key=value". */
static void address_of(const char *device, char *out, size_t out_sz)
{
    const char *addr = device + strlen("pci:");
    int len = (int)strcspn(addr, ",");
    bool is_short = memchr(addr, ':', (size_t)len) == strrchr(addr, ':');

    snprintf(out, out_sz, "%s%.*s", is_short ? "0000:" : "", len, addr);
}

static void check_driver(struct lg_host *h, const char *addr)
{
    static const char *const ready[] = {"vfio-pci", "uio_pci_generic", "igb_uio", NULL};
    static const char *const both[] = {"mlx4_core", "mlx5_core", "mana",
                                       NULL}; /* stay the kernel's */
    char driver[64] = "no driver";
    struct lg_host_item *item;

    if (!lg_sys_exists(h->root, PCI "/%s", addr)) {
        item = lg_host_add(h, "driver", LG_HOST_MISSING, "there is no PCI device %s", addr);
        lg_host_mend(item, "lspci -D | grep -i ether");
        return;
    }
    (void)lg_sys_link(driver, sizeof driver, h->root, PCI "/%s/driver", addr);
    if (is_word(driver, ready) || is_word(driver, both)) {
        lg_host_add(h, "driver", LG_HOST_OK, "%s is bound to %s", addr, driver);
        return;
    }
    item = lg_host_add(h, "driver", LG_HOST_MISSING, "%s is bound to %s, not to vfio-pci", addr,
                       driver);
    lg_host_mend(item, "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci %s", addr);
}

/* check_near: packets of a card on another node cross between the sockets twice. */
static void check_near(struct lg_host *h, const char *name, int64_t node)
{
    char list[512] = "?";
    bool all = true;

    for (uint32_t i = 0; i < h->cfg->worker_cnt; i++)
        all = all && lg_host_node_of(h, h->cfg->worker_cpus[i]) == (uint32_t)node;
    if (all) {
        lg_host_add(h, "numa", LG_HOST_OK, "%s and the workers are on node %d", name, (int)node);
        return;
    }
    (void)lg_sys_read(list, sizeof list, h->root, "/sys/devices/system/node/node%d/cpulist",
                      (int)node);
    struct lg_host_item *item = lg_host_add(
        h, "numa", LG_HOST_ADVICE,
        "%s is on node %d and not every worker: their packets cross sockets", name, (int)node);
    lg_host_mend(item, "global.workers: take CPUs of %s", list);
}

static void check_pci(struct lg_host *h, const struct lg_cfg_port *port)
{
    char addr[64];
    int64_t node;

    address_of(port->device, addr, sizeof addr);
    check_driver(h, addr);
    if (lg_sys_number(&node, h->root, PCI "/%s/numa_node", addr) && node >= 0)
        check_near(h, addr, node);
}

/* ---------------------------------------------------------------- af_xdp: and tap: ports */

static void check_queues(struct lg_host *h, const char *iface)
{
    char dir[96];
    uint32_t want = h->cfg->worker_cnt;

    snprintf(dir, sizeof dir, "/sys/class/net/%s/queues", iface);
    uint32_t have = lg_sys_count(h->root, dir, "rx-");
    if (have == 0 || have == want)
        return;
    struct lg_host_item *item = lg_host_add(
        h, "interface", LG_HOST_MISSING,
        "%s has %u receive queues, and with %u workers it must have %u", iface, have, want, want);
    lg_host_mend(item, "ethtool -L %s combined %u (a veth: rx %u tx %u)", iface, want, want, want);
}

static void check_interface(struct lg_host *h, const struct lg_cfg_port *port)
{
    const char *name = port->device + strlen("af_xdp:");
    char iface[32], flags[32];
    struct lg_host_item *item;
    int64_t node;

    snprintf(iface, sizeof iface, "%.*s", (int)LG_MIN(strcspn(name, ","), sizeof iface - 1), name);
    if (!lg_sys_exists(h->root, "/sys/class/net/%s", iface)) {
        item = lg_host_add(h, "interface", LG_HOST_MISSING, "there is no interface %s", iface);
        lg_host_mend(item, "ip -br link");
        return;
    }
    if (lg_sys_read(flags, sizeof flags, h->root, "/sys/class/net/%s/flags", iface) &&
        !(strtoul(flags, NULL, 16) & 1)) {
        item = lg_host_add(h, "interface", LG_HOST_MISSING, "%s is down", iface);
        lg_host_mend(item, "ip link set %s up", iface);
    } else {
        lg_host_add(h, "interface", LG_HOST_OK, "%s is up", iface);
    }
    check_queues(h, iface);
    if (lg_sys_number(&node, h->root, "/sys/class/net/%s/device/numa_node", iface) && node >= 0)
        check_near(h, iface, node);
}

static void check_af_xdp(struct lg_host *h)
{
    char text[16384];
    int64_t jit;

    if (!lg_host_has_port(h, "af_xdp:") ||
        !lg_sys_read(text, sizeof text, h->root, "/proc/net/protocols"))
        return;
    if (lg_sys_line(text, "XDP "))
        lg_host_add(h, "af_xdp", LG_HOST_OK, "the kernel has AF_XDP sockets");
    else
        lg_host_add(h, "af_xdp", h->cfg ? LG_HOST_MISSING : LG_HOST_ADVICE,
                    "this kernel has no AF_XDP: CONFIG_XDP_SOCKETS=y is needed (Debian's has it)");
    if (lg_sys_number(&jit, h->root, "/proc/sys/net/core/bpf_jit_enable") && jit == 0)
        lg_host_mend(lg_host_add(h, "af_xdp", LG_HOST_ADVICE,
                                 "BPF programs are interpreted: each frame costs more"),
                     "sysctl -w net.core.bpf_jit_enable=1");
}

static void check_tap(struct lg_host *h)
{
    if (h->cfg && lg_host_has_port(h, "tap:") && !lg_sys_exists(h->root, "/dev/net/tun"))
        lg_host_mend(lg_host_add(h, "tap", LG_HOST_MISSING, "there is no /dev/net/tun"),
                     "modprobe tun");
}

void lg_host_check_devices(struct lg_host *h)
{
    check_iommu(h);
    check_af_xdp(h);
    check_tap(h);
    for (uint32_t i = 0; h->cfg && i < h->cfg->port_cnt; i++) {
        const struct lg_cfg_port *port = &h->cfg->ports[i];
        if (strncmp(port->device, "pci:", 4) == 0)
            check_pci(h, port);
        else if (strncmp(port->device, "af_xdp:", 7) == 0)
            check_interface(h, port);
    }
}
