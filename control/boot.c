/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.c: EAL. */
#include "boot.h"
#include "clock.h"
#include "eal_args.h"
#include "log.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* What EAL says, so that a failed start can quote it. Thread boot, but for the log stream. */
static struct {
    FILE *log;            /* owns */
    char last_error[256]; /* "" when there was none */
    void (*put)(void *ctx, uint32_t worker, enum lg_log_level level, const char *text);
    void *put_ctx;
} eal;

static void raise_limit(int which, const char *name, rlim_t want)
{
    struct rlimit lim;

    if (getrlimit(which, &lim) != 0 || (lim.rlim_cur != RLIM_INFINITY && lim.rlim_cur >= want))
        return;
    struct rlimit all = {.rlim_cur = want, .rlim_max = LG_MAX(want, lim.rlim_max)};
    if (setrlimit(which, &all) == 0)
        return;
    lim.rlim_cur = lim.rlim_max; /* without CAP_SYS_RESOURCE: as far as we may */
    if (setrlimit(which, &lim) != 0)
        lg_log(LG_LOG_WARN, "%s stays as it is: %s", name, strerror(errno));
}

void lg_boot_limits(void)
{
    raise_limit(RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", RLIM_INFINITY);
    raise_limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", 65536);
}

void lg_boot_log_by(void (*put)(void *ctx, uint32_t worker, enum lg_log_level level,
                                const char *text),
                    void *ctx)
{
    eal.put = put;
    eal.put_ctx = ctx;
}

/* log_line gets one message of DPDK. Any thread of DPDK's may call it. */
static void log_line(const char *text, size_t len)
{
    int level = rte_log_cur_msg_loglevel();
    char safe[512];

    while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len == 0)
        return;
    lg_log_escape(lg_span(text, len), safe, sizeof safe);
    enum lg_log_level as = level >= 0 && level <= (int)RTE_LOG_ERR ? LG_LOG_ERROR
                           : level == (int)RTE_LOG_WARNING         ? LG_LOG_WARN
                                                                   : LG_LOG_DEBUG;
    unsigned lcore = rte_lcore_id();
    if (eal.put && lcore != LCORE_ID_ANY && lcore > 0) { /* lcore 0 is the control thread's */
        eal.put(eal.put_ctx, lcore - 1, as, safe);
        return;
    }
    if (as == LG_LOG_ERROR)
        snprintf(eal.last_error, sizeof eal.last_error, "%.*s", (int)sizeof eal.last_error - 1,
                 safe);
    lg_log(as, "dpdk: %s", safe);
}

static ssize_t log_write(void *cookie, const char *text, size_t len)
{
    size_t from = 0;

    (void)cookie;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '\n')
            continue;
        log_line(text + from, i - from);
        from = i + 1;
    }
    return (ssize_t)len;
}

static void capture_log(void)
{
    eal.log = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});
    if (eal.log)
        rte_openlog_stream(eal.log);
}

/* check_affinity: a CPU can be online and still be kept from us by a cpuset. */
static lg_err_t check_affinity(const struct lg_config *cfg, const cpu_set_t *own,
                               struct lg_diag *diag)
{
    lg_err_t err = LG_OK;

    for (uint32_t i = 0; i < cfg->worker_cnt; i++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cfg->worker_cpus[i], &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0)
            continue;
        lg_diag_error(diag, cfg->file, 0, "global.workers",
                      "CPU %u cannot be used by this process: %s; see its cpuset (cgroup)",
                      cfg->worker_cpus[i], strerror(errno));
        err = LG_E(SYS);
    }
    if (sched_setaffinity(0, sizeof *own, own) != 0)
        lg_log(LG_LOG_DEBUG, "CPU affinity not restored: %s", strerror(errno));
    return err;
}

lg_err_t lg_boot_eal(const struct lg_config *cfg, struct lg_diag *diag)
{
    struct lg_eal_args args;
    cpu_set_t own;

    if (sched_getaffinity(0, sizeof own, &own) != 0) {
        lg_diag_error(diag, cfg->file, 0, "global.workers", "sched_getaffinity: %s",
                      strerror(errno));
        return LG_E(SYS);
    }
    LG_TRY(check_affinity(cfg, &own, diag));
    LG_TRY(lg_eal_args_build(cfg, &own, lg_log_level() == LG_LOG_DEBUG, &args, diag));
    for (int i = 1; i < args.argc; i++)
        lg_log(LG_LOG_DEBUG, "dpdk argument: %s", args.argv[i]);
    capture_log();
    if (rte_eal_init(args.argc, args.argv) >= 0)
        return LG_OK;
    lg_diag_error(diag, cfg->file, 0, *cfg->eal_extra ? "global.eal_extra" : NULL,
                  "DPDK did not start: %s (%s)%s",
                  *eal.last_error ? eal.last_error : "it did not say why", rte_strerror(rte_errno),
                  *cfg->eal_extra ? "; try without these arguments" : "");
    return LG_E(SYS);
}

void lg_boot_eal_down(void)
{
    rte_eal_cleanup();
    rte_openlog_stream(NULL);
    if (eal.log)
        fclose(eal.log);
    eal.log = NULL;
}

static int call(void *arg)
{
    bool (*const *fn)(void) = arg;
    return (*fn)() ? 0 : -1;
}

bool lg_boot_on_workers(bool (*fn)(void))
{
    unsigned lcore;
    bool good = true;

    RTE_LCORE_FOREACH_WORKER(lcore)
    good = rte_eal_remote_launch(call, &fn, lcore) == 0 && good;
    RTE_LCORE_FOREACH_WORKER(lcore)
    good = rte_eal_wait_lcore(lcore) == 0 && good;
    return good;
}

bool lg_boot_is_running(uint32_t worker)
{
    return rte_eal_get_lcore_state(worker + 1) == RUNNING;
}

lg_ns_t lg_boot_now(void)
{
    return lg_core_now();
}

const char *lg_boot_dpdk_version(void)
{
    return rte_version();
}
