/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c: the control thread's loop: signals, the admin API, worker logs, reload, drain.
 *
 *   START --stages up--> RUN --SIGTERM or SIGINT--> DRAIN --last session, deadline, second--> STOP
 *                         |                                                                    ^
 *                         +--------------- a worker ended by itself ---------------------------+
 *
 * Workers never wait for this thread: it may block, as a reload does while it reads files. */
#include "server.h"
#include "server_priv.h"

#include "boot.h"
#include "log.h"
#include "notify.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50
#define BUSY_MS 2          /* while somebody is waiting for an OCSP answer */
#define LOG_TICK_MS 5      /* while there is something to log: rings are bounded */
#define PICKUP_MS 1000     /* how long a reload waits for the workers to take up the snapshot */
#define TAIL_NS LG_SEC(2)  /* how long a drain waits for what TCP still has to deliver */
#define ABORT_NS LG_SEC(1) /* what workers get past the deadline, to abort what is left */

void lg_server_log_diag(const struct lg_diag *diag)
{
    for (uint32_t i = 0; i < diag->kept_cnt; i++)
        lg_log(diag->msg[i].is_error ? LG_LOG_ERROR : LG_LOG_WARN, "%s", diag->msg[i].text);
    uint32_t all = diag->error_cnt + diag->warn_cnt;
    if (all > diag->kept_cnt)
        lg_log(LG_LOG_WARN, "and %u more messages", all - diag->kept_cnt);
}

void lg_server_set_log_level(struct lg_server *s, const struct lg_config *cfg)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    for (uint32_t i = 0; i < LG_ARRAY_CNT(names); i++) {
        if (strcmp(cfg->log_level, names[i]) != 0)
            continue;
        lg_log_set_level((enum lg_log_level)i);
        for (uint32_t k = 0; k < s->cores.cnt; k++)
            atomic_store_explicit(&lg_core_log(s->cores.core[k])->level, i, memory_order_relaxed);
    }
}

static struct lg_log_clock wall_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct lg_log_clock){.wall_us =
                                     (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000,
                                 .mono_ns = lg_boot_now()};
}

unsigned lg_server_drain_logs(struct lg_server *s)
{
    struct lg_log_clock clock = wall_clock();
    unsigned cnt = lg_access_log_drain(&s->access, &clock);

    for (uint32_t k = 0; k < s->cores.cnt; k++)
        cnt += lg_logring_drain(lg_core_log(s->cores.core[k]), k);
    return cnt;
}

static void read_reports(struct lg_server *s)
{
    for (uint32_t k = 0; k < s->cores.cnt; k++)
        lg_core_report(s->cores.core[k], &s->reports[k]);
}

/* ---------------------------------------------------------------- reload */

/* wait_pickup returns when every worker has taken up the current snapshot: whoever asked for the
 * reload may count on it then. A worker takes it up at the top of its next turn. */
static void wait_pickup(struct lg_server *s)
{
    for (int ms = 0; ms < PICKUP_MS; ms++) {
        bool all = true;
        read_reports(s);
        for (uint32_t k = 0; k < s->cores.cnt; k++)
            all = all && s->reports[k].snapshot_gen == s->reload.current->generation;
        if (all)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    lg_log(LG_LOG_WARN, "reload: a worker has not taken up generation %" PRIu64 " within %d ms",
           s->reload.current->generation, PICKUP_MS);
}

/* settle_names: those of the configuration in force are asked for, be it the new one or not. */
static void settle_names(struct lg_server *s)
{
    struct lg_diag diag = {0};

    if (!lg_is_ok(lg_dns_use(s->dns, s->reload.file_cfg, lg_dns_now(), &diag)))
        lg_server_log_diag(&diag);
}

lg_err_t lg_server_reload(struct lg_server *s, struct lg_diag *diag)
{
    lg_err_t err = LG_E(AGAIN);
    char status[64];

    *diag = (struct lg_diag){0};
    lg_ns_t from_ns = lg_boot_now();
    lg_notify(LG_NOTIFY_RELOADING, "reading the configuration");
    if (s->phase == LG_PHASE_RUN) {
        lg_privs_raise(); /* keys that only root can read */
        err = lg_reload_run(&s->reload, lg_boot_now(), diag);
        lg_privs_lower();
        if (lg_is_ok(err))
            lg_dns_taken(s->dns);
        settle_names(s);
    } else {
        lg_diag_error(diag, NULL, 0, NULL, "shutting down: nothing is reloaded any more");
    }
    lg_server_log_diag(diag);
    uint64_t generation = s->reload.current->generation;
    if (lg_is_ok(err)) {
        lg_server_set_log_level(s, s->reload.current->cfg);
        if (s->reload.boot_cfg->lock_memory)
            lg_privs_relock_memory();
        wait_pickup(s);
        lg_log(LG_LOG_INFO, "reload: generation %" PRIu64 " active after %" PRIu64 " ms",
               generation, lg_ns_since(lg_boot_now(), from_ns) / LG_MS(1));
    } else {
        lg_log(LG_LOG_ERROR, "reload: refused (%s); generation %" PRIu64 " stays", lg_err_text(err),
               generation);
    }
    snprintf(status, sizeof status, "generation %" PRIu64, generation);
    lg_notify(s->phase == LG_PHASE_RUN ? LG_NOTIFY_READY : LG_NOTIFY_STOPPING, status);
    return err;
}

lg_err_t lg_server_may_change(const struct lg_server *s, struct lg_diag *diag)
{
    if (s->phase == LG_PHASE_RUN)
        return LG_OK;
    lg_diag_error(diag, NULL, 0, NULL, "shutting down: nothing is changed any more");
    return LG_E(AGAIN);
}

lg_err_t lg_server_changed(struct lg_server *s, lg_err_t err, const struct lg_diag *diag)
{
    lg_server_log_diag(diag);
    if (!lg_is_ok(err))
        return err;
    wait_pickup(s);
    lg_log(LG_LOG_INFO, "generation %" PRIu64 " active, changed without the file",
           s->reload.current->generation);
    return err;
}

/* take_names: names have other addresses, which are a generation of their own. */
static void take_names(struct lg_server *s)
{
    struct lg_diag diag = {0};
    lg_err_t err = lg_reload_names(&s->reload, lg_boot_now(), &diag);

    lg_server_log_diag(&diag);
    if (lg_is_ok(err))
        lg_log(LG_LOG_INFO, "dns: generation %" PRIu64 " active", s->reload.current->generation);
    else
        lg_log(LG_LOG_ERROR, "dns: the new addresses could not be put in force (%s)",
               lg_err_text(err));
}

/* ---------------------------------------------------------------- reports */

void lg_server_report(struct lg_server *s, struct lg_report *out)
{
    read_reports(s);
    *out = (struct lg_report){
        .generation = s->reload.current->generation,
        .retired_cnt = s->reload.retired_cnt,
        .is_draining = s->phase == LG_PHASE_DRAIN,
        .uptime_s = lg_ns_since(lg_boot_now(), s->started_ns) / LG_SEC(1),
        .worker_cnt = s->cores.cnt,
        .workers = s->reports,
        .cpus = s->reload.boot_cfg->worker_cpus,
        .snapshot = s->reload.current,
        .reload = &s->reload,
        .samples = &s->samples,
        .now_ns = lg_boot_now(),
        .now_s = (int64_t)time(NULL),
        .dpdk = lg_boot_dpdk_version(),
        .admin_refused_cnt = lg_admin_refused_cnt(s->admin),
        .port_cnt = s->cores.cfg->port_cnt,
    };
    for (uint32_t i = 0; i < out->port_cnt; i++) {
        struct lg_report_port *p = &out->ports[i];
        p->cfg = &s->cores.cfg->ports[i];
        lg_cores_port(&s->cores, i, &p->info, &p->counts);
    }
    lg_tls_crl_totals(&out->crls);
    lg_dns_get_counts(s->dns, &out->dns);
    lg_tls_ocsp_totals(&out->ocsp);
    out->log = lg_access_log_counts(&s->access);
}

/* ---------------------------------------------------------------- drain */

static void begin_drain(struct lg_server *s)
{
    lg_ns_t timeout_ns = s->reload.current->cfg->drain_timeout_ns;

    s->phase = LG_PHASE_DRAIN;
    s->deadline_ns = lg_ns_add(lg_boot_now(), timeout_ns);
    s->quiet_since_ns = LG_NS_NEVER;
    atomic_store_explicit(&s->cores.shared->drain_ns, s->deadline_ns, memory_order_release);
    lg_notify(LG_NOTIFY_STOPPING, "draining");
    lg_log(LG_LOG_INFO, "draining, for at most %" PRIu64 " s", timeout_ns / LG_SEC(1));
}

/* count_left counts sessions, and TCP connections that outlive theirs to deliver its last bytes. */
static void count_left(struct lg_server *s, uint64_t *sessions, uint64_t *tails)
{
    *sessions = *tails = 0;
    read_reports(s);
    for (uint32_t k = 0; k < s->cores.cnt; k++) {
        const struct lg_core_report *r = &s->reports[k];
        *sessions += r->proxy.sessions;
        if (r->tcp.established > r->proxy.backend_idle)
            *tails += r->tcp.established - r->proxy.backend_idle;
    }
}

static void poll_drain(struct lg_server *s, lg_ns_t now_ns)
{
    uint64_t sessions, tails;

    count_left(s, &sessions, &tails);
    if (sessions)
        s->quiet_since_ns = LG_NS_NEVER;
    else if (s->quiet_since_ns == LG_NS_NEVER)
        s->quiet_since_ns = now_ns;
    bool is_done = !sessions && (!tails || lg_ns_since(now_ns, s->quiet_since_ns) >= TAIL_NS);
    bool is_late = now_ns >= s->deadline_ns;
    if (is_done && !is_late)
        lg_log(LG_LOG_INFO, "drained: every connection has ended");
    else if (is_done || now_ns >= lg_ns_add(s->deadline_ns, ABORT_NS))
        lg_log(LG_LOG_WARN, "drain_timeout has passed: the connections left were reset");
    else
        return;
    s->phase = LG_PHASE_STOP;
}

/* ---------------------------------------------------------------- the loop */

static void reopen_logs(struct lg_server *s)
{
    struct lg_log_clock clock = wall_clock();

    if (lg_access_log_reopen(&s->access, &clock))
        lg_log(LG_LOG_INFO, "SIGUSR1: the access log has been opened again");
}

static void take_signal(struct lg_server *s, uint32_t signo)
{
    struct lg_diag diag;

    switch (signo) {
    case SIGHUP:
        if (!lg_is_ok(lg_server_reload(s, &diag)))
            return; /* it has said why */
        break;
    case SIGTERM:
    case SIGINT:
        if (s->phase == LG_PHASE_RUN) {
            begin_drain(s);
        } else {
            lg_log(LG_LOG_WARN, "told to stop again: stopping at once");
            s->phase = LG_PHASE_STOP;
        }
        break;
    default:
        reopen_logs(s);
    }
}

static void read_signals(struct lg_server *s)
{
    struct signalfd_siginfo info;

    while (s->phase != LG_PHASE_STOP && read(s->signal_fd, &info, sizeof info) == sizeof info)
        take_signal(s, info.ssi_signo);
}

static void check_workers(struct lg_server *s)
{
    for (uint32_t k = 0; k < s->cores.cnt; k++) {
        if (lg_boot_is_running(k))
            continue;
        lg_log(LG_LOG_ERROR, "worker %u ended by itself; stopping", k);
        s->exit = LG_EXIT_WORKER;
        s->phase = LG_PHASE_STOP;
    }
}

static uint64_t ask_workers(void *cores)
{
    return lg_cores_ask(cores);
}

static bool have_answered(void *cores, uint64_t token)
{
    return lg_cores_is_quiet(cores, token);
}

static void tick(struct lg_server *s, lg_ns_t now_ns)
{
    static const struct lg_watchdog_ops pulse = {ask_workers, have_answered};

    read_reports(s);
    lg_samples_tick(&s->samples, s->reports, now_ns);
    lg_reload_poll(&s->reload, now_ns);
    lg_tls_tickets_poll(now_ns);
    if (lg_dns_poll(s->dns, lg_dns_now()) && s->phase == LG_PHASE_RUN)
        take_names(s);
    (void)lg_watchdog_poll(&s->watchdog, &pulse, &s->cores, now_ns);
    lg_ocsp_ctl_poll(&s->ocsp, now_ns);
    if (s->phase == LG_PHASE_DRAIN)
        poll_drain(s, now_ns);
    if (s->phase != LG_PHASE_STOP)
        check_workers(s);
}

static void loop(struct lg_server *s)
{
    struct pollfd fds[2 + LG_DNS_FDS_MAX] = {{.fd = s->signal_fd, .events = POLLIN},
                                             {.fd = lg_admin_fd(s->admin), .events = POLLIN}};

    unsigned logged = 0;
    while (s->phase != LG_PHASE_STOP) {
        int tick_ms = logged ? LOG_TICK_MS : TICK_MS;
        if (lg_ocsp_ctl_is_busy(&s->ocsp))
            tick_ms = BUSY_MS;
        poll(fds, 2 + lg_dns_fds(s->dns, fds + 2), tick_ms);
        read_signals(s);
        lg_ns_t now_ns = lg_boot_now();
        lg_admin_poll(s->admin, now_ns);
        logged = lg_server_drain_logs(s);
        tick(s, now_ns);
    }
}

enum lg_exit lg_server_run(const char *config_file)
{
    struct lg_server s = {.config_file = config_file, .signal_fd = -1};

    enum lg_exit rc = lg_server_up(&s);
    if (s.phase == LG_PHASE_STOP)
        return rc;
    s.started_ns = lg_boot_now();
    s.phase = LG_PHASE_RUN;
    lg_watchdog_init(&s.watchdog, s.started_ns);
    lg_log(LG_LOG_INFO, "lockgate " LG_VERSION ": generation 1 active, %u workers, %u listeners",
           s.cores.cnt, s.reload.current->listener_cnt);
    lg_notify(LG_NOTIFY_READY, "generation 1");
    loop(&s);
    lg_notify(LG_NOTIFY_STOPPING, "stopping");
    lg_server_down(&s);
    lg_log(LG_LOG_INFO, "stopped");
    return s.exit;
}
