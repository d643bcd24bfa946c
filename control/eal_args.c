/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eal_args.c: DPDK's command line, made from the configuration. */
#include "eal_args.h"
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* begin opens a new argument; put adds a byte to it; end closes it. They fail only for room. */
static lg_err_t begin(struct lg_eal_args *a)
{
    LG_CHECK(a->argc < LG_EAL_ARGS_MAX, LG_E(FULL));
    a->argv[a->argc] = a->text + a->used;
    return LG_OK;
}

static lg_err_t put(struct lg_eal_args *a, char c)
{
    LG_CHECK(a->used < sizeof a->text, LG_E(FULL));
    a->text[a->used++] = c;
    return LG_OK;
}

static lg_err_t end(struct lg_eal_args *a)
{
    LG_TRY(put(a, '\0'));
    a->argv[++a->argc] = NULL;
    return LG_OK;
}

static lg_err_t LG_PRINTF(2, 3) add(struct lg_eal_args *a, const char *fmt, ...)
{
    va_list ap;

    LG_TRY(begin(a));
    va_start(ap, fmt);
    int len = vsnprintf(a->text + a->used, sizeof a->text - a->used, fmt, ap);
    va_end(ap);
    LG_CHECK(len >= 0 && (size_t)len < sizeof a->text - a->used, LG_E(FULL));
    a->used += (size_t)len;
    return end(a);
}

/* take_word copies one word from *p, unquoted. */
static lg_err_t take_word(const char **p, struct lg_eal_args *out)
{
    char quote = '\0';

    LG_TRY(begin(out));
    for (; **p; (*p)++) {
        char c = **p;
        if (!quote && (c == ' ' || c == '\t' || c == '\n'))
            break;
        if (c == quote) {
            quote = '\0';
        } else if (!quote && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && (!quote || (quote == '"' && ((*p)[1] == '"' || (*p)[1] == '\\')))) {
            c = *++*p;
            LG_CHECK(c, LG_E(FORMAT));
            LG_TRY(put(out, c));
        } else {
            LG_TRY(put(out, c));
        }
    }
    LG_CHECK(!quote, LG_E(FORMAT));
    return end(out);
}

lg_err_t lg_eal_args_split(const char *line, struct lg_eal_args *out)
{
    for (const char *p = line;;) {
        p += strspn(p, " \t\n");
        if (!*p)
            return LG_OK;
        LG_TRY(take_word(&p, out));
    }
}

/* add_lcores: "--lcores=0@(0-1,4),1@2,2@3". */
static lg_err_t add_lcores(const struct lg_config *cfg, const cpu_set_t *allowed,
                           struct lg_eal_args *out)
{
    char cpus[4096], list[4096 + LG_MAX_WORKERS * 12];
    cpu_set_t control = *allowed;

    if (cfg->control_cpu >= 0) {
        CPU_ZERO(&control);
        CPU_SET((unsigned)cfg->control_cpu, &control);
    } else {
        for (uint32_t i = 0; i < cfg->worker_cnt; i++)
            CPU_CLR(cfg->worker_cpus[i], &control);
        if (CPU_COUNT(&control) == 0)
            control = *allowed;
    }
    int n = snprintf(list, sizeof list, "0@(%s)", lg_cpulist_text(&control, cpus, sizeof cpus));
    for (uint32_t i = 0; i < cfg->worker_cnt; i++)
        n += snprintf(list + n, sizeof list - (size_t)n, ",%u@%u", i + 1, cfg->worker_cpus[i]);
    return add(out, "--lcores=%s", list);
}

/* add_devices: PCI is looked at only for the ports that name it; the others are made by net/. */
static lg_err_t add_devices(const struct lg_config *cfg, struct lg_eal_args *out)
{
    bool has_pci = false;

    for (uint32_t i = 0; i < cfg->port_cnt; i++) {
        if (strncmp(cfg->ports[i].device, "pci:", 4) != 0)
            continue;
        has_pci = true;
        LG_TRY(add(out, "--allow=%s", cfg->ports[i].device + 4));
    }
    if (has_pci)
        return LG_OK;
    LG_TRY(add(out, "--no-pci"));
    /* Nothing does DMA by physical address, and without hugepages there are none to know. */
    return add(out, "--iova-mode=va");
}

static lg_err_t add_all(const struct lg_config *cfg, const cpu_set_t *allowed, bool debug,
                        struct lg_eal_args *out)
{
    LG_TRY(add(out, "lockgate"));
    LG_TRY(add_lcores(cfg, allowed, out));
    LG_TRY(add(out, "--main-lcore=0"));
    if (cfg->hugepages) {
        LG_TRY(add(out, "--in-memory"));
    } else { /* EAL takes the two not together */
        LG_TRY(add(out, "--no-huge"));
        LG_TRY(add(out, "--no-shconf"));
    }
    LG_TRY(add(out, "--file-prefix=%s", cfg->file_prefix));
    LG_TRY(add(out, "-m"));
    LG_TRY(add(out, "%u", cfg->memory_mb));
    LG_TRY(add_devices(cfg, out));
    LG_TRY(add(out, "--no-telemetry"));
    if (!debug)
        LG_TRY(add(out, "--log-level=error"));
    return lg_eal_args_split(cfg->eal_extra, out);
}

lg_err_t lg_eal_args_build(const struct lg_config *cfg, const cpu_set_t *allowed, bool debug,
                           struct lg_eal_args *out, struct lg_diag *diag)
{
    out->argc = 0;
    out->argv[0] = NULL;
    out->used = 0;
    lg_err_t err = add_all(cfg, allowed, debug, out);
    if (lg_is_ok(err))
        return LG_OK;
    lg_diag_error(diag, cfg->file, 0, "global.eal_extra",
                  lg_err_is(err, LG_ERR_FORMAT) ? "a quote or a backslash is left open"
                                                : "too many or too long arguments");
    return LG_E(CONFIG);
}
