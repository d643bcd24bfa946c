/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_priv.h: what the parts of --check-host share. */
#ifndef LG_HOST_PRIV_H
#define LG_HOST_PRIV_H

#include "host.h"
#include "machine.h"
#include "sysfs.h"

/* lg_host_add opens an item with what was found, and returns it for lg_host_mend; never NULL. */
struct lg_host_item *lg_host_add(struct lg_host *h, const char *topic, enum lg_host_verdict verdict,
                                 const char *fmt, ...) LG_PRINTF(4, 5);
/* lg_host_mend gives it the command that mends it. */
void lg_host_mend(struct lg_host_item *item, const char *fmt, ...) LG_PRINTF(2, 3);
/* lg_host_kernel_line is the mend for an argument of the kernel's command line. */
void lg_host_kernel_line(struct lg_host_item *item, const char *arguments);
/* lg_host_node_of is the NUMA node of a CPU; 0 when the machine has no nodes. */
uint32_t lg_host_node_of(const struct lg_host *h, unsigned cpu);
bool lg_host_has_port(const struct lg_host *h, const char *kind); /* "pci:"; true without cfg */

void lg_host_check_cpu(struct lg_host *h);    /* host_cpu.c: flags, isolation, clocks, interrupts */
void lg_host_check_memory(struct lg_host *h); /* host_mem.c: hugepages by node, memlock */
void lg_host_check_devices(
    struct lg_host *h); /* host_dev.c: IOMMU, drivers, interfaces, locality */

#endif
