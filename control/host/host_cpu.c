/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_cpu.c: what the CPUs can do, and who else uses the workers'. */
#include "host_priv.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CPU_DIR "/sys/devices/system/cpu"
#define LIST_SZ 512 /* of CPUs, as text */

/* ---------------------------------------------------------------- flags */

static bool has_flag(const char *flags, const char *flag)
{
    size_t len = strlen(flag);

    for (const char *p = flags; (p = strstr(p, flag)); p += len)
        if (p[-1] == ' ' && strchr(" \n", p[len]))
            return true;
    return false;
}

static const struct {
    const char *flags[6];
    enum lg_host_verdict verdict; /* when one of them is not there */
    const char *why;
} wants[] = {
    {{"avx2", "bmi2", "fma", "movbe"},
     LG_HOST_MISSING,
     "the programs are built for x86-64-v3 (Haswell, Zen)"},
    {{"aes", "pclmulqdq"}, LG_HOST_MISSING, "AES-GCM without them would be many times slower"},
    {{"vaes", "vpclmulqdq", "avx512f"}, LG_HOST_ADVICE, "records take about twice as long without"},
    {{"avx512ifma", "avx512vl"}, LG_HOST_ADVICE, "RSA signatures and X25519 are slower without"},
    {{"constant_tsc", "nonstop_tsc"}, LG_HOST_ADVICE, "workers tell time by the TSC"},
};

/* list_missing writes the wanted flags that are not there; false when all are. */
static bool list_missing(const char *flags, const char *const *want, char *out, size_t out_sz)
{
    size_t n = 0;

    out[0] = '\0';
    for (; *want; want++)
        if (!has_flag(flags, *want))
            n += (size_t)snprintf(out + n, out_sz - n, "%s%s", n ? ", " : "", *want);
    return n > 0;
}

static void check_flags(struct lg_host *h)
{
    char text[8192], lack[96];

    if (!lg_sys_read(text, sizeof text, h->root, "/proc/cpuinfo"))
        return;
    const char *flags = strstr(text, "\nflags");
    if (!flags)
        return;
    char *end = strchr(flags + 1, '\n');
    if (end)
        *end = '\0'; /* those of the first CPU; they are all alike */
    bool is_guest = has_flag(flags, "hypervisor"), lacks_any = false;
    for (size_t i = 0; i < LG_ARRAY_CNT(wants); i++) {
        if (!list_missing(flags, wants[i].flags, lack, sizeof lack))
            continue;
        struct lg_host_item *item =
            lg_host_add(h, "cpu", wants[i].verdict, "no %s: %s%s", lack, wants[i].why,
                        is_guest ? "; the hypervisor may hide it" : "");
        if (is_guest)
            lg_host_mend(item,
                         "virsh edit GUEST, <cpu mode='host-passthrough'/>; or qemu -cpu host");
        lacks_any = true;
    }
    if (!lacks_any)
        lg_host_add(h, "cpu", LG_HOST_OK, "AES-NI, VAES, AVX-512 IFMA and a steady TSC");
}

/* ---------------------------------------------------------------- the workers' CPUs */

/* check_kept: are all workers' CPUs in a list of the kernel's? */
static void check_kept(struct lg_host *h, const char *topic, const char *file, const char *argument,
                       const char *why)
{
    cpu_set_t kept, lack;
    char list[LIST_SZ], arguments[LIST_SZ + 32];

    if (!lg_sys_cpus(&kept, h->root, CPU_DIR "/%s", file))
        return;
    CPU_AND(&lack, &h->workers, &kept);
    CPU_XOR(&lack, &lack, &h->workers);
    if (CPU_COUNT(&lack) == 0) {
        lg_host_add(h, topic, LG_HOST_OK, "%s has every worker's CPU", argument);
        return;
    }
    struct lg_host_item *item = lg_host_add(h, topic, LG_HOST_ADVICE, "CPU %s: %s",
                                            lg_cpulist_text(&lack, list, sizeof list), why);
    snprintf(arguments, sizeof arguments, "%s=%s", argument,
             lg_cpulist_text(&h->workers, list, sizeof list));
    lg_host_kernel_line(item, arguments);
}

static void check_online(struct lg_host *h)
{
    struct lg_diag diag = {0};
    cpu_set_t allowed, lack;
    char text[8192], list[LIST_SZ];

    if (!lg_is_ok(lg_machine_check_cpus(h->root, h->cfg, &diag)))
        for (uint32_t i = 0; i < diag.kept_cnt; i++)
            lg_host_add(h, "cpu", LG_HOST_MISSING, "%s", diag.msg[i].text);
    if (!lg_sys_read(text, sizeof text, h->root, "/proc/self/status"))
        return;
    const char *own = lg_sys_line(text, "Cpus_allowed_list");
    if (!own || !lg_is_ok(lg_cpulist_parse(own, &allowed)))
        return;
    CPU_AND(&lack, &h->workers, &allowed);
    CPU_XOR(&lack, &lack, &h->workers);
    if (CPU_COUNT(&lack) == 0 || diag.error_cnt)
        return;
    struct lg_host_item *item =
        lg_host_add(h, "cpu", LG_HOST_MISSING, "CPU %s is kept from this process by a cpuset",
                    lg_cpulist_text(&lack, list, sizeof list));
    lg_host_mend(item, "systemctl set-property lockgate.service AllowedCPUs=%s",
                 lg_cpulist_text(&h->workers, list, sizeof list));
}

static void check_governor(struct lg_host *h)
{
    char name[64], list[LIST_SZ];
    cpu_set_t slow;

    CPU_ZERO(&slow);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &h->workers) &&
            lg_sys_read(name, sizeof name, h->root, CPU_DIR "/cpu%u/cpufreq/scaling_governor",
                        cpu) &&
            strcmp(name, "performance") != 0)
            CPU_SET(cpu, &slow);
    if (CPU_COUNT(&slow) == 0)
        return;
    lg_cpulist_text(&slow, list, sizeof list);
    struct lg_host_item *item =
        lg_host_add(h, "governor", LG_HOST_ADVICE,
                    "CPU %s does not run at its full frequency (governor not performance)", list);
    lg_host_mend(item, "cpupower -c %s frequency-set -g performance", list);
}

static void check_siblings(struct lg_host *h)
{
    cpu_set_t siblings;
    char list[LIST_SZ];

    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &h->workers) ||
            !lg_sys_cpus(&siblings, h->root, CPU_DIR "/cpu%u/topology/thread_siblings_list", cpu))
            continue;
        CPU_CLR(cpu, &siblings);
        for (unsigned other = cpu + 1; other < CPU_SETSIZE; other++)
            if (CPU_ISSET(other, &siblings) && CPU_ISSET(other, &h->workers))
                lg_host_add(h, "siblings", LG_HOST_ADVICE,
                            "workers on CPU %u and %u share one core; together they do little more "
                            "than one: take CPUs of different cores (%s are siblings of %u)",
                            cpu, other, lg_cpulist_text(&siblings, list, sizeof list), cpu);
    }
}

/* ---------------------------------------------------------------- interrupts, clock */

static bool runs(struct lg_host *h, const char *program)
{
    char full[PATH_MAX], comm[64];
    bool found = false;

    if (snprintf(full, sizeof full, "%s/proc", h->root) >= (int)sizeof full)
        return false;
    DIR *d = opendir(full);
    if (!d)
        return false;
    for (struct dirent *e; !found && (e = readdir(d));)
        found = e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
                lg_sys_read(comm, sizeof comm, h->root, "/proc/%.20s/comm", e->d_name) &&
                strcmp(comm, program) == 0;
    closedir(d);
    return found;
}

static void check_irqbalance(struct lg_host *h)
{
    char list[LIST_SZ];

    if (!runs(h, "irqbalance"))
        return;
    struct lg_host_item *item = lg_host_add(
        h, "irqbalance", LG_HOST_ADVICE, "irqbalance runs and may put interrupts on worker CPUs");
    if (CPU_COUNT(&h->workers) == 0)
        lg_host_mend(item, "systemctl disable --now irqbalance");
    else
        lg_host_mend(item,
                     "echo IRQBALANCE_BANNED_CPULIST=%s >>/etc/default/irqbalance && systemctl "
                     "restart irqbalance",
                     lg_cpulist_text(&h->workers, list, sizeof list));
}

static void check_clock(struct lg_host *h)
{
    char name[64];

    if (lg_sys_read(name, sizeof name, h->root,
                    "/sys/devices/system/clocksource/clocksource0/current_clocksource") &&
        strcmp(name, "tsc") != 0 && strcmp(name, "kvm-clock") != 0 &&
        strncmp(name, "hyperv", 6) != 0)
        lg_host_add(h, "clock", LG_HOST_ADVICE,
                    "the kernel's clock source is %s: it does not trust this machine's TSC, by "
                    "which workers tell time",
                    name);
}

void lg_host_check_cpu(struct lg_host *h)
{
    check_flags(h);
    check_clock(h);
    check_irqbalance(h);
    if (!h->cfg)
        return;
    check_online(h);
    check_kept(h, "isolation", "isolated", "isolcpus",
               "the kernel runs other programs there, beside the worker");
    check_kept(h, "isolation", "nohz_full", "nohz_full",
               "the kernel's timer interrupts the worker hundreds of times a second");
    check_governor(h);
    check_siblings(h);
}
