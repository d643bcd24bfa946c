/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.c: what the kernel's /sys and /proc say about CPUs, hugepages and capabilities. */
#include "machine.h"
#include "sysfs.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_DIR "/sys/kernel/mm/hugepages"

/* ---------------------------------------------------------------- CPUs */

/* parse_cpu reads one number and steps past it. */
static lg_err_t parse_cpu(const char **p, unsigned *out)
{
    unsigned v = 0;

    LG_CHECK(**p >= '0' && **p <= '9', LG_E(FORMAT));
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        v = v * 10 + (unsigned)(**p - '0');
        LG_CHECK(v < CPU_SETSIZE, LG_E(RANGE));
    }
    *out = v;
    return LG_OK;
}

lg_err_t lg_cpulist_parse(const char *text, cpu_set_t *out)
{
    cpu_set_t set;
    const char *p = text;

    CPU_ZERO(&set);
    while (*p && *p != '\n') {
        unsigned lo, hi;
        LG_TRY(parse_cpu(&p, &lo));
        hi = lo;
        if (*p == '-') {
            p++;
            LG_TRY(parse_cpu(&p, &hi));
            LG_CHECK(hi >= lo, LG_E(FORMAT));
        }
        for (unsigned cpu = lo; cpu <= hi; cpu++)
            CPU_SET(cpu, &set);
        if (*p == ',')
            p++;
        else
            LG_CHECK(!*p || *p == '\n', LG_E(FORMAT));
    }
    *out = set;
    return LG_OK;
}

const char *lg_cpulist_text(const cpu_set_t *set, char *out, size_t out_sz)
{
    size_t n = 0;

    out[0] = '\0';
    for (unsigned lo = 0, hi; lo < CPU_SETSIZE; lo = hi + 1) {
        hi = lo;
        if (!CPU_ISSET(lo, set))
            continue;
        while (hi + 1 < CPU_SETSIZE && CPU_ISSET(hi + 1, set))
            hi++;
        char part[32];
        int len = snprintf(part, sizeof part, hi > lo ? "%s%u-%u" : "%s%u", n ? "," : "", lo, hi);
        if (n + (size_t)len >= out_sz)
            break;
        memcpy(out + n, part, (size_t)len + 1);
        n += (size_t)len;
    }
    return out;
}

lg_err_t lg_machine_check_cpus(const char *root, const struct lg_config *cfg, struct lg_diag *diag)
{
    char text[4096], have[512];
    cpu_set_t online;
    uint32_t errors_before = diag->error_cnt;

    if (!lg_sys_read(text, sizeof text, root, "/sys/devices/system/cpu/online") ||
        !lg_is_ok(lg_cpulist_parse(text, &online)))
        return LG_OK;
    lg_cpulist_text(&online, have, sizeof have);
    for (uint32_t i = 0; i < cfg->worker_cnt; i++) {
        unsigned cpu = cfg->worker_cpus[i];
        if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &online))
            lg_diag_error(diag, cfg->file, 0, "global.workers",
                          "CPU %u does not exist or is offline; this machine has %s", cpu, have);
    }
    if (cfg->control_cpu >= CPU_SETSIZE ||
        (cfg->control_cpu >= 0 && !CPU_ISSET((unsigned)cfg->control_cpu, &online)))
        lg_diag_error(diag, cfg->file, 0, "global.control_cpu",
                      "CPU %d does not exist or is offline; this machine has %s", cfg->control_cpu,
                      have);
    return diag->error_cnt == errors_before ? LG_OK : LG_E(CONFIG);
}

/* ---------------------------------------------------------------- memory */

struct huge_size {
    uint64_t page_kb;
    uint64_t total_cnt, free_cnt;
};

/* read_huge_sizes lists the sizes this kernel offers; returns how many. */
static unsigned read_huge_sizes(const char *root, struct huge_size *out, unsigned max)
{
    char path[PATH_MAX];
    unsigned cnt = 0;

    if (snprintf(path, sizeof path, "%s" HUGE_DIR, root) >= (int)sizeof path)
        return 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *e; cnt < max && (e = readdir(dir));) {
        struct huge_size *h = &out[cnt];
        *h = (struct huge_size){0};
        if (sscanf(e->d_name, "hugepages-%" SCNu64 "kB", &h->page_kb) != 1 || h->page_kb == 0)
            continue;
        int64_t v;
        if (lg_sys_number(&v, root, HUGE_DIR "/%.64s/nr_hugepages", e->d_name))
            h->total_cnt = (uint64_t)v;
        if (lg_sys_number(&v, root, HUGE_DIR "/%.64s/free_hugepages", e->d_name))
            h->free_cnt = (uint64_t)v;
        cnt++;
    }
    closedir(dir);
    return cnt;
}

/* check_huge: what is missing is counted in pages of 2 MiB, or of the smallest size there is. */
static lg_err_t check_huge(const char *root, const struct lg_config *cfg, struct lg_diag *diag)
{
    struct huge_size sizes[8], *small = NULL;
    uint64_t need_kb = (uint64_t)cfg->memory_mb * 1024, free_kb = 0;
    unsigned cnt = read_huge_sizes(root, sizes, LG_ARRAY_CNT(sizes));

    for (unsigned i = 0; i < cnt; i++) {
        free_kb += sizes[i].free_cnt * sizes[i].page_kb;
        if (!small || sizes[i].page_kb == 2048 ||
            (small->page_kb != 2048 && sizes[i].page_kb < small->page_kb))
            small = &sizes[i];
    }
    if (!small) {
        lg_diag_error(diag, cfg->file, 0, "global.hugepages",
                      "this kernel offers no hugepages; set global.hugepages: false (slower)");
        return LG_E(NOMEM);
    }
    if (free_kb >= need_kb)
        return LG_OK;
    uint64_t need_cnt = (need_kb + small->page_kb - 1) / small->page_kb;
    uint64_t lack_cnt = (need_kb - free_kb + small->page_kb - 1) / small->page_kb;
    lg_diag_error(diag, cfg->file, 0, "global.memory",
                  "%u MiB need %" PRIu64 " hugepages of %" PRIu64 " KiB; %" PRIu64
                  " are free of %" PRIu64 "; mend: echo %" PRIu64 " | sudo tee " HUGE_DIR
                  "/hugepages-%" PRIu64 "kB/nr_hugepages, or lower global.memory, or set "
                  "global.hugepages: false (slower)",
                  cfg->memory_mb, need_cnt, small->page_kb, small->free_cnt, small->total_cnt,
                  small->total_cnt + lack_cnt, small->page_kb);
    return LG_E(NOMEM);
}

lg_err_t lg_machine_check_memory(const char *root, const struct lg_config *cfg,
                                 struct lg_diag *diag)
{
    char text[4096];
    uint64_t have_kb;

    if (cfg->hugepages)
        return check_huge(root, cfg, diag);
    if (!lg_sys_read(text, sizeof text, root, "/proc/meminfo") ||
        !lg_sys_field(text, "MemAvailable:", 10, &have_kb) ||
        have_kb >= (uint64_t)cfg->memory_mb * 1024)
        return LG_OK;
    lg_diag_error(diag, cfg->file, 0, "global.memory",
                  "%u MiB are wanted and %" PRIu64 " MiB are available; lower global.memory",
                  cfg->memory_mb, have_kb / 1024);
    return LG_E(NOMEM);
}

/* ---------------------------------------------------------------- rights */

struct need {
    const char *device; /* how the port's device begins */
    unsigned cap;
    const char *name;
};

/* pci: is not here: a vfio group may be given to any user by file mode. */
static const struct need needs[] = {
    {"af_xdp:", CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    {"af_xdp:", CAP_NET_RAW, "CAP_NET_RAW"},
    {"af_xdp:", CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, /* libxdp: programs by number */
    {"tap:", CAP_NET_ADMIN, "CAP_NET_ADMIN"},
};

lg_err_t lg_machine_check_rights(const char *root, const struct lg_config *cfg,
                                 struct lg_diag *diag)
{
    char text[8192];
    uint64_t caps;
    uint32_t errors_before = diag->error_cnt;

    if (!lg_sys_read(text, sizeof text, root, "/proc/self/status") ||
        !lg_sys_field(text, "CapEff:", 16, &caps))
        return LG_OK;
    for (uint32_t i = 0; i < cfg->port_cnt; i++) {
        const struct lg_cfg_port *port = &cfg->ports[i];
        for (size_t n = 0; n < LG_ARRAY_CNT(needs); n++) {
            if (strncmp(port->device, needs[n].device, strlen(needs[n].device)) != 0 ||
                (caps & 1ull << needs[n].cap))
                continue;
            char key[32];
            snprintf(key, sizeof key, "ports[%u].device", i);
            lg_diag_error(diag, cfg->file, port->line, key,
                          "%s needs %s; run as root, or give it with systemd's "
                          "AmbientCapabilities= or setcap",
                          port->device, needs[n].name);
        }
    }
    return diag->error_cnt == errors_before ? LG_OK : LG_E(SYS);
}
