/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (runs at boot only) */
/* port_dev.c: from the config's `device` to DPDK's devices. */
#include "port_priv.h"

#include <rte_dev.h>
#include <rte_errno.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_SZ 64
#define ARGS_SZ 512

bool lg_port_kind_of(const char *device, enum lg_port_kind *kind, const char **rest)
{
    static const struct {
        const char *prefix;
        enum lg_port_kind kind;
    } kinds[] = {{"pci:", LG_PORT_PCI},
                 {"af_xdp:", LG_PORT_AF_XDP},
                 {"tap:", LG_PORT_TAP},
                 {"memif:", LG_PORT_MEMIF},
                 {"vdev:", LG_PORT_VDEV}};

    for (size_t i = 0; i < LG_ARRAY_CNT(kinds); i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(device, kinds[i].prefix, len) == 0) {
            *kind = kinds[i].kind;
            *rest = device + len;
            return true;
        }
    }
    return false;
}

/* Remembers the ethdev of that name as the port's next unit. */
static lg_err_t add_unit(const struct lg_port_open *o, const char *name)
{
    uint16_t id;

    if (rte_eth_dev_get_port_by_name(name, &id) != 0) {
        lg_port_fail(o, "device %s was created, but it is no network device", name);
        return LG_E(CONFIG);
    }
    o->port->unit[o->port->unit_cnt++] = id;
    return LG_OK;
}

static lg_err_t make_vdev(const struct lg_port_open *o, const char *name, const char *args)
{
    int err = rte_eal_hotplug_add("vdev", name, args ? args : "");

    if (err == 0 || err == -EEXIST)
        return add_unit(o, name);
    if (err == -EFAULT || err == -ENOENT || err == -ENODEV) /* no bus knows the name */
        lg_port_fail(o, "DPDK has no driver for %s; is its library (librte_net_...) installed?",
                     name);
    else
        lg_port_fail(o, "DPDK does not create %s (%s): %s; its own message is in the log", name,
                     args ? args : "", strerror(err < 0 ? -err : err));
    return LG_E(CONFIG);
}

/* What the driver does on an empty poll. By default one recvfrom, which lets a network card's own
 * receive work run on the worker. A veth has no such work: the call would only cost, so it is
 * switched off there (handshakes +20 %, bulk +30 % when measured). Not so on a card: without the
 * call the driver may block in poll(2) for a second when the card asks to be woken. */
static const char *busy_args(const char *iface, const char *given)
{
    return strstr(given, "busy_budget=") || !lg_xdp_is_veth(iface) ? "" : ",busy_budget=0";
}

/* "IFACE[,ARGS]": an ethdev a queue, because the driver gives one that covers several only to
 * interfaces with combined channels, which a veth has not. */
static lg_err_t make_af_xdp(const struct lg_port_open *o, const char *rest)
{
    char iface[NAME_SZ], name[NAME_SZ], args[ARGS_SZ];

    if (!lg_xdp_iface(rest, iface, sizeof iface)) {
        lg_port_fail(o, "expected af_xdp:INTERFACE, a name of 1 to 15 bytes");
        return LG_E(CONFIG);
    }
    LG_TRY(lg_xdp_check(o, iface));
    lg_xdp_detach_leftover(iface);
    if (o->port->cfg->share)
        LG_TRY(lg_xdp_share(o, iface));
    for (uint32_t k = 0; k < o->ports->worker_cnt; k++) {
        snprintf(name, sizeof name, "net_af_xdp_lg%u_%u", o->port->idx, k);
        snprintf(args, sizeof args, "iface=%s,start_queue=%u,queue_count=1%s%s", iface, k,
                 rest + strlen(iface), busy_args(iface, rest));
        LG_TRY(make_vdev(o, name, args));
    }
    return LG_OK;
}

static lg_err_t make_tap(const struct lg_port_open *o, const char *rest)
{
    char name[NAME_SZ], args[ARGS_SZ];

    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        lg_port_fail(o, "/dev/net/tun cannot be used: %s; is the tun module there?",
                     strerror(errno));
        return LG_E(CONFIG);
    }
    snprintf(name, sizeof name, "net_tap_lg%u", o->port->idx);
    snprintf(args, sizeof args, "iface=%s", rest);
    return make_vdev(o, name, args);
}

/* "/path[,role=server|client][,id=N]" */
static lg_err_t make_memif(const struct lg_port_open *o, const char *rest)
{
    size_t len = strcspn(rest, ",");
    char name[NAME_SZ], args[ARGS_SZ];

    if (rest[0] != '/' || len > 107) {
        lg_port_fail(o, "expected memif:/PATH, an absolute path of at most 107 bytes");
        return LG_E(CONFIG);
    }
    snprintf(name, sizeof name, "net_memif_lg%u", o->port->idx);
    snprintf(args, sizeof args, "socket=%.*s,socket-abstract=no%s", (int)len, rest, rest + len);
    return make_vdev(o, name, args);
}

static lg_err_t make_any_vdev(const struct lg_port_open *o, const char *rest)
{
    size_t len = strcspn(rest, ",");
    char name[NAME_SZ];

    if (len == 0 || len >= sizeof name) {
        lg_port_fail(o, "expected vdev:NAME[,ARGUMENTS], a name of 1 to %d bytes", NAME_SZ - 1);
        return LG_E(CONFIG);
    }
    memcpy(name, rest, len);
    name[len] = '\0';
    return make_vdev(o, name, rest[len] ? rest + len + 1 : NULL);
}

/* The kernel driver a PCI device is bound to, "" when none. */
static void pci_driver(const char *addr, char *out, size_t out_sz)
{
    char path[128], link[64];

    out[0] = '\0';
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", addr);
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n <= 0)
        return;
    link[n] = '\0';
    const char *base = strrchr(link, '/');
    snprintf(out, out_sz, "%s", base ? base + 1 : link);
}

static void explain_pci(const struct lg_port_open *o, const char *addr)
{
    char path[128], driver[64];

    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s", addr);
    if (access(path, F_OK) != 0) {
        lg_port_fail(o, "there is no PCI device %s; lspci -D shows what there is", addr);
        return;
    }
    pci_driver(addr, driver, sizeof driver);
    if (strcmp(driver, "vfio-pci") == 0 || strncmp(driver, "uio", 3) == 0 ||
        strncmp(driver, "igb_uio", 7) == 0)
        lg_port_fail(o,
                     "PCI device %s is bound to %s, but DPDK does not take it: no driver for it, "
                     "in use by another process, or its IOMMU group holds devices bound to the "
                     "kernel; DPDK's own message is in the log",
                     addr, driver);
    else
        lg_port_fail(o,
                     "PCI device %s is bound to %s, not to a userspace driver: "
                     "dpdk-devbind.py --bind=vfio-pci %s",
                     addr, driver[0] ? driver : "no driver", addr);
}

static lg_err_t make_pci(const struct lg_port_open *o, const char *addr)
{
    uint16_t id;

    /* EAL has probed it already when it was allowed at start. */
    if (rte_eth_dev_get_port_by_name(addr, &id) != 0 &&
        (rte_dev_probe(addr) != 0 || rte_eth_dev_get_port_by_name(addr, &id) != 0)) {
        explain_pci(o, addr);
        return LG_E(CONFIG);
    }
    o->port->unit[o->port->unit_cnt++] = id;
    return LG_OK;
}

lg_err_t lg_port_make(const struct lg_port_open *o)
{
    const char *rest;

    if (!lg_port_kind_of(o->port->cfg->device, &o->port->kind, &rest)) {
        lg_port_fail(o, "expected pci:, af_xdp:, tap:, memif: or vdev:");
        return LG_E(CONFIG);
    }
    switch (o->port->kind) {
    case LG_PORT_PCI:
        return make_pci(o, rest);
    case LG_PORT_AF_XDP:
        return make_af_xdp(o, rest);
    case LG_PORT_TAP:
        return make_tap(o, rest);
    case LG_PORT_MEMIF:
        return make_memif(o, rest);
    case LG_PORT_VDEV:
        return make_any_vdev(o, rest);
    }
    return LG_E(BUG);
}

void lg_port_unmake(struct lg_port *port)
{
    for (uint32_t u = 0; u < port->unit_cnt; u++) {
        char name[RTE_ETH_NAME_MAX_LEN];
        if (rte_eth_dev_get_name_by_port(port->unit[u], name) != 0)
            continue;
        /* A queue that did not open leaves this driver in a state it cannot be closed from. */
        if (port->kind == LG_PORT_AF_XDP && !port->is_unit_started[u])
            continue;
        (void)rte_eth_dev_close(port->unit[u]);
        if (port->kind != LG_PORT_PCI)
            (void)rte_eal_hotplug_remove("vdev", name);
    }
    port->unit_cnt = 0;
}
