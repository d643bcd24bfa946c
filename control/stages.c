/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stages.c: the staged start. Each stage goes up whole or not at all, and comes down alone. */
#include "server_priv.h"

#include "boot.h"
#include "check_file.h"
#include "lock.h"
#include "log.h"
#include "machine.h"
#include "snapshot_build.h"
#include "tls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct stage {
    const char *name;
    enum lg_exit exit; /* of the process when this stage fails */
    lg_err_t (*up)(struct lg_server *s, struct lg_diag *diag);
    void (*down)(struct lg_server *s); /* NULL: nothing to undo */
};

/* ---------------------------------------------------------------- signals */

/* Blocked before EAL makes its threads, so that all of them inherit it. */
static lg_err_t signals_up(struct lg_server *s, struct lg_diag *diag)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log that may not grow any more is told by write() */
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signal_fd >= 0)
        return LG_OK;
    lg_diag_error(diag, NULL, 0, NULL, "signalfd: %s", strerror(errno));
    return LG_E(SYS);
}

static void signals_down(struct lg_server *s)
{
    close(s->signal_fd);
    s->signal_fd = -1;
}

/* is_told_to_stop looks, between two stages, for a signal that waits to be read. */
static bool is_told_to_stop(void)
{
    sigset_t set;

    return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) || sigismember(&set, SIGINT));
}

/* ---------------------------------------------------------------- configuration, TLS */

static void config_down(struct lg_server *s)
{
    lg_config_free(s->cfg); /* NULL once reload has taken it */
    s->cfg = NULL;
}

static lg_err_t config_up(struct lg_server *s, struct lg_diag *diag)
{
    LG_TRY(lg_check_load(s->config_file, &s->cfg, diag));
    lg_server_set_log_level(s, s->cfg);
    lg_err_t err = lg_admin_check(s->cfg, diag);
    if (lg_is_ok(err))
        err = lg_privs_find(s->cfg, &s->privs, diag);
    if (!lg_is_ok(err))
        config_down(s);
    return err;
}

/* Before the first key is read, and before there are threads. */
static lg_err_t memory_up(struct lg_server *s, struct lg_diag *diag)
{
    lg_privs_harden(s->cfg);
    lg_boot_limits();
    if (s->cfg->lock_memory)
        (void)lg_privs_lock_memory(diag); /* a warning is all */
    return LG_OK;
}

static lg_err_t tls_up(struct lg_server *s, struct lg_diag *diag)
{
    (void)s;
    lg_err_t err = lg_tls_global_init();
    if (!lg_is_ok(err))
        lg_diag_error(diag, NULL, 0, NULL, "wolfSSL did not start: %s", lg_err_text(err));
    return err;
}

static lg_err_t prepare(void *ctx, struct lg_snapshot *snapshot, struct lg_diag *diag)
{
    struct lg_server *s = ctx;
    return lg_access_log_prepare(&s->access, snapshot, diag); /* changes nothing yet */
}

static lg_err_t renew(void *ctx, const struct lg_snapshot *snapshot, struct lg_diag *diag)
{
    struct lg_server *s = ctx;
    return lg_admin_renew(s->admin, snapshot->cfg, diag);
}

static uint64_t publish(void *ctx, const struct lg_snapshot *snapshot)
{
    struct lg_server *s = ctx;
    uint64_t token = lg_cores_publish(&s->cores, snapshot);

    lg_access_log_commit(&s->access);
    return token;
}

static bool is_quiet(void *ctx, uint64_t token)
{
    struct lg_server *s = ctx;
    return lg_cores_is_quiet(&s->cores, token);
}

/* forget: records in the rings may point into it. */
static void forget(void *ctx, const struct lg_snapshot *snapshot)
{
    (void)snapshot;
    lg_server_drain_logs(ctx);
}

static void end_generations(void *ctx, uint64_t generation)
{
    struct lg_server *s = ctx;
    lg_cores_end(&s->cores, generation);
}

static lg_err_t learn(void *ctx, struct lg_config *file, struct lg_diag *diag)
{
    struct lg_server *s = ctx;

    LG_TRY(lg_dns_learn(s->dns, file, lg_dns_now(), diag));
    return lg_dns_settle(s->dns, file, diag);
}

static lg_err_t resolve(void *ctx, struct lg_config *file, struct lg_config **out,
                        struct lg_diag *diag)
{
    struct lg_server *s = ctx;
    return lg_config_resolve(file, lg_dns_find, s->dns, out, diag);
}

static lg_err_t names_up(struct lg_server *s, struct lg_diag *diag)
{
    s->dns = lg_dns_open();
    LG_CHECK(s->dns, LG_E(NOMEM));
    lg_err_t err = learn(s, s->cfg, diag);
    lg_dns_taken(s->dns); /* by the first snapshot */
    if (!lg_is_ok(err))
        lg_dns_close(s->dns);
    return err;
}

static void names_down(struct lg_server *s)
{
    lg_dns_close(s->dns);
    s->dns = NULL;
}

static lg_err_t snapshot_up(struct lg_server *s, struct lg_diag *diag)
{
    static const struct lg_reload_ops ops = {.prepare = prepare,
                                             .renew = renew,
                                             .publish = publish,
                                             .is_quiet = is_quiet,
                                             .forget = forget,
                                             .end = end_generations,
                                             .learn = learn,
                                             .resolve = resolve};
    struct lg_config *cfg = NULL;
    struct lg_snapshot_parts parts = {.revoked = NULL};
    struct lg_snapshot *first;

    LG_TRY(resolve(s, s->cfg, &cfg, diag));
    lg_err_t err = lg_reload_revoked(cfg, &parts.revoked, diag);
    if (!lg_is_ok(err)) {
        lg_config_free(cfg);
        return err;
    }
    /* cfg is taken by the next call, also when it fails */
    err = lg_snapshot_build_of(cfg, cfg->worker_cnt, 1, NULL, &parts, &first, diag);
    if (!lg_is_ok(err)) {
        lg_revoked_give(parts.revoked);
        return err;
    }
    lg_reload_init(&s->reload, first, parts.revoked, &ops, s);
    lg_config_free(s->cfg); /* the snapshot and reload have theirs */
    s->cfg = NULL;
    return LG_OK;
}

static void snapshot_down(struct lg_server *s)
{
    lg_reload_fini(&s->reload);
}

static lg_err_t access_log_up(struct lg_server *s, struct lg_diag *diag)
{
    LG_TRY(lg_access_log_prepare(&s->access, s->reload.current, diag));
    lg_access_log_commit(&s->access);
    return LG_OK;
}

static void access_log_down(struct lg_server *s)
{
    lg_access_log_close(&s->access);
}

/* ---------------------------------------------------------------- admin API, machine */

static void admin_down(struct lg_server *s)
{
    lg_admin_close(s->admin);
    s->admin = NULL;
}

static lg_err_t machine_up(struct lg_server *s, struct lg_diag *diag)
{
    const struct lg_config *cfg = s->reload.boot_cfg;

    lg_err_t cpus = lg_machine_check_cpus("", cfg, diag);
    lg_err_t rights = lg_machine_check_rights("", cfg, diag);
    LG_TRY(cpus);
    LG_TRY(rights);
    return LG_OK;
}

static void locks_down(struct lg_server *s)
{
    while (s->lock_cnt)
        close(s->lock_fd[--s->lock_cnt]);
}

/* say_taken explains why port i's device could not be had. */
static void say_taken(const struct lg_config *cfg, uint32_t i, int holder, struct lg_diag *diag)
{
    const struct lg_cfg_port *port = &cfg->ports[i];
    char key[32], by[32] = "";

    snprintf(key, sizeof key, "ports[%u].device", i);
    if (holder)
        snprintf(by, sizeof by, " (pid %d)", holder);
    lg_diag_error(diag, cfg->file, port->line, key,
                  "%s is taken by another Lockgate%s; stop it, or name another device",
                  port->device, by);
}

static lg_err_t locks_up(struct lg_server *s, struct lg_diag *diag)
{
    const struct lg_config *cfg = s->reload.boot_cfg;

    for (uint32_t i = 0; i < cfg->port_cnt; i++) {
        int holder;
        lg_err_t err = lg_lock_take(cfg->ports[i].device, &s->lock_fd[s->lock_cnt], &holder);
        if (lg_is_ok(err)) {
            s->lock_cnt++;
            continue;
        }
        if (lg_err_is(err, LG_ERR_FULL))
            say_taken(cfg, i, holder, diag);
        else
            lg_diag_error(diag, NULL, 0, NULL, "the lock of %s: %s", cfg->ports[i].device,
                          strerror(errno));
        locks_down(s);
        return err;
    }
    return LG_OK;
}

/* ---------------------------------------------------------------- DPDK, ports, workers */

/* Memory is looked at here and not with the rest of the machine: after the locks, so that a second
 * Lockgate on the same port hears of the port and not of the hugepages the first one has. */
static lg_err_t eal_up(struct lg_server *s, struct lg_diag *diag)
{
    LG_TRY(lg_machine_check_memory("", s->reload.boot_cfg, diag));
    return lg_boot_eal(s->reload.boot_cfg, diag);
}

static void eal_down(struct lg_server *s)
{
    (void)s;
    lg_boot_eal_down();
}

/* say_dpdk: a driver has something to say in a worker's loop. */
static void say_dpdk(void *ctx, uint32_t worker, enum lg_log_level level, const char *text)
{
    struct lg_server *s = ctx;
    char line[600];

    snprintf(line, sizeof line, "dpdk: %s", text);
    if (worker < s->cores.cnt)
        lg_core_say(s->cores.core[worker], level, line);
}

static lg_err_t cores_up(struct lg_server *s, struct lg_diag *diag)
{
    return lg_cores_open(s->reload.boot_cfg, s->reload.current, &s->cores, diag);
}

static void cores_down(struct lg_server *s)
{
    lg_cores_close(&s->cores);
    lg_server_drain_logs(s); /* of the connections that this has ended */
}

static lg_err_t privs_up(struct lg_server *s, struct lg_diag *diag)
{
    if (s->reload.boot_cfg->lock_memory)
        lg_privs_relock_memory();
    if (geteuid() == 0 && !s->privs.has_user) {
        lg_log(LG_LOG_INFO, "runs as root; global.user names who to become");
        return LG_OK;
    }
    LG_TRY(lg_privs_drop(s->reload.boot_cfg, &s->privs, diag));
    if (lg_boot_on_workers(lg_privs_drop_thread))
        return LG_OK;
    lg_diag_error(diag, NULL, 0, NULL, "a worker could not give up its capabilities");
    return LG_E(SYS);
}

static void privs_down(struct lg_server *s)
{
    (void)s;
    lg_privs_raise(); /* closing a port takes what opening it took */
}

static uint64_t mark(void *ctx)
{
    return lg_cores_ask(ctx);
}

static lg_err_t ocsp_up(struct lg_server *s, struct lg_diag *diag)
{
    static const struct lg_quiet_ops ops = {mark, is_quiet};

    (void)diag;
    lg_ocsp_ctl_init(&s->ocsp, &ops, &s->cores);
    for (uint32_t k = 0; k < s->cores.cnt; k++)
        lg_ocsp_ctl_hear(&s->ocsp, lg_core_asks(s->cores.core[k]));
    return LG_OK;
}

static void ocsp_down(struct lg_server *s)
{
    lg_ocsp_ctl_fini(&s->ocsp);
}

static lg_err_t workers_up(struct lg_server *s, struct lg_diag *diag)
{
    if (!lg_samples_open(&s->samples, s->cores.cnt)) {
        lg_diag_error(diag, NULL, 0, NULL, "out of memory");
        return LG_E(NOMEM);
    }
    lg_boot_log_by(say_dpdk, s);
    lg_err_t err = lg_cores_start(&s->cores);
    if (lg_is_ok(err))
        return LG_OK;
    lg_diag_error(diag, NULL, 0, NULL, "%s", lg_err_text(err));
    lg_samples_close(&s->samples);
    return err;
}

static void workers_down(struct lg_server *s)
{
    lg_cores_stop(&s->cores);
    lg_boot_log_by(NULL, NULL);
    lg_server_drain_logs(s); /* their last words */
    lg_samples_close(&s->samples);
}

/* The order matters: what tells the operator most is asked first; nothing of the machine is touched
 * before the file is known to be good. */
static const struct stage stages[] = {
    {"signals", LG_EXIT_START, signals_up, signals_down},
    {"configuration", LG_EXIT_CONFIG, config_up, config_down},
    {"limits and memory", LG_EXIT_START, memory_up, NULL},
    {"TLS library", LG_EXIT_START, tls_up, NULL},
    {"names of backends", LG_EXIT_CONFIG, names_up, names_down},
    {"listeners and certificates", LG_EXIT_CONFIG, snapshot_up, snapshot_down},
    {"access log", LG_EXIT_START, access_log_up, access_log_down},
    {"admin API", LG_EXIT_START, lg_server_open_admin, admin_down},
    {"CPUs and rights", LG_EXIT_START, machine_up, NULL},
    {"port locks", LG_EXIT_START, locks_up, locks_down},
    {"memory and DPDK", LG_EXIT_START, eal_up, eal_down},
    {"ports and worker memory", LG_EXIT_START, cores_up, cores_down},
    {"privileges", LG_EXIT_START, privs_up, privs_down},
    {"OCSP", LG_EXIT_START, ocsp_up, ocsp_down},
    {"workers", LG_EXIT_START, workers_up, workers_down},
};

enum lg_exit lg_server_up(struct lg_server *s)
{
    for (s->stage_cnt = 0; s->stage_cnt < LG_ARRAY_CNT(stages); s->stage_cnt++) {
        const struct stage *stage = &stages[s->stage_cnt];
        struct lg_diag diag = {0};

        lg_log(LG_LOG_DEBUG, "start: %s", stage->name);
        lg_err_t err = stage->up(s, &diag);
        lg_server_log_diag(&diag);
        bool is_over = !lg_is_ok(err) || is_told_to_stop();
        if (!is_over)
            continue;
        if (lg_is_ok(err)) {
            s->stage_cnt++;
            lg_log(LG_LOG_INFO, "stopped while starting");
        } else {
            lg_log(LG_LOG_ERROR, "start: %s failed; nothing is left running", stage->name);
        }
        lg_server_down(s);
        return lg_is_ok(err) ? LG_EXIT_OK : stage->exit;
    }
    return LG_EXIT_OK;
}

void lg_server_down(struct lg_server *s)
{
    while (s->stage_cnt) {
        const struct stage *stage = &stages[--s->stage_cnt];
        lg_log(LG_LOG_DEBUG, "stop: %s", stage->name);
        if (stage->down)
            stage->down(s);
    }
    s->phase = LG_PHASE_STOP;
}
