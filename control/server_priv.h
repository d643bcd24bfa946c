/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server_priv.h: the process's own state, shared by stages.c (start and end) and server.c (the
 * loop between them). One object, on the stack of lg_server_run. */
#ifndef LG_SERVER_PRIV_H
#define LG_SERVER_PRIV_H

#include "access_log.h"
#include "admin.h"
#include "core.h"
#include "dns.h"
#include "options.h"
#include "ocsp_ctl.h"
#include "privs.h"
#include "reload.h"
#include "watchdog.h"
#include "report.h"
#include "sample.h"

enum lg_phase { LG_PHASE_START, LG_PHASE_RUN, LG_PHASE_DRAIN, LG_PHASE_STOP };

struct lg_server {
    const char *config_file; /* borrows: argv */
    enum lg_phase phase;
    enum lg_exit exit;
    int signal_fd;         /* HUP, TERM, INT, USR1: blocked everywhere, read here */
    struct lg_config *cfg; /* owned until reload has it; then borrows: until the last stage */
    struct lg_privs privs; /* what to become */
    struct lg_reload reload;
    struct lg_ocsp_ctl ocsp;
    struct lg_access_log access;
    struct lg_admin *admin;    /* owns; there also when no socket is configured */
    int lock_fd[LG_MAX_PORTS]; /* owns; lock_cnt of them */
    uint32_t lock_cnt;
    struct lg_dns *dns; /* owns */
    struct lg_cores cores;
    struct lg_watchdog watchdog;
    uint32_t stage_cnt; /* stages that are up */
    lg_ns_t started_ns;
    lg_ns_t deadline_ns;    /* of the drain */
    lg_ns_t quiet_since_ns; /* no session since; LG_NS_NEVER: there are some */
    struct lg_core_report reports[LG_MAX_WORKERS];
    struct lg_samples samples; /* owns; from when the workers run */
};

/* lg_server_up runs the stages; on failure all is down again, the reasons are logged, and it
 * returns what to exit with. lg_server_down takes them down in reverse. */
enum lg_exit lg_server_up(struct lg_server *s);
void lg_server_down(struct lg_server *s);

/* lg_server_open_admin opens the admin API with the process's routes (routes.c). */
LG_MUST lg_err_t lg_server_open_admin(struct lg_server *s, struct lg_diag *diag);
/* lg_server_reload reads the file again and puts it in force; it logs what diag says. */
LG_MUST lg_err_t lg_server_reload(struct lg_server *s, struct lg_diag *diag);
/* lg_server_may_change: LG_E(AGAIN), with a message, when the process is about to stop. */
LG_MUST lg_err_t lg_server_may_change(const struct lg_server *s, struct lg_diag *diag);
/* lg_server_changed follows a change that was made while running: it logs what diag says, and waits
 * until the workers have taken it up. Returns err. */
lg_err_t lg_server_changed(struct lg_server *s, lg_err_t err, const struct lg_diag *diag);
/* lg_server_report reads what the workers tell; out borrows from s until the next one. */
void lg_server_report(struct lg_server *s, struct lg_report *out);
/* lg_server_drain_logs writes out what workers have put into their rings; how much there was. */
unsigned lg_server_drain_logs(struct lg_server *s);
/* lg_server_log_diag logs every message of a diag. */
void lg_server_log_diag(const struct lg_diag *diag);
/* lg_server_set_log_level puts global.log_level in force, for this thread and the workers. */
void lg_server_set_log_level(struct lg_server *s, const struct lg_config *cfg);

#endif
