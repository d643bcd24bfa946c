/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: lockgate-blast from its command line to its exit status. */
#include "blast.h"

#include "boot.h"
#include "log.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { EXIT_DONE = 0, EXIT_ERRORS = 1, EXIT_USAGE = 2, EXIT_START = 3 };

/* The layers below speak of a configuration's keys; here they are options. */
static const struct {
    const char *key, *option;
} option_names[] = {
    {"lockgate-blast: ", ""},
    {"global.hugepages: false", "--no-huge"},
    {"global.memory", "--memory"},
    {"global.workers", "--cpu"},
    {"ports[0].device", "--device"},
    {"ports[1].device", "--origin"},
    {"packet_buffers or max_connections", "--connections"},
};

static void say_text(const char *text)
{
    while (*text) {
        size_t i = 0;
        while (i < LG_ARRAY_CNT(option_names) &&
               strncmp(text, option_names[i].key, strlen(option_names[i].key)) != 0)
            i++;
        if (i == LG_ARRAY_CNT(option_names)) {
            fputc(*text++, stderr);
            continue;
        }
        fputs(option_names[i].option, stderr);
        text += strlen(option_names[i].key);
    }
    fputc('\n', stderr);
}

static void say(const struct lg_diag *d)
{
    for (uint32_t i = 0; i < d->kept_cnt; i++) {
        fprintf(stderr, "lockgate-blast: %s", d->msg[i].is_error ? "" : "warning: ");
        say_text(d->msg[i].text);
    }
}

static void set_log_level(const char *name)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (uint32_t i = 0; i < LG_ARRAY_CNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            lg_log_set_level((enum lg_log_level)i);
}

/* wait_for_end: until the worker is done, or a signal ends it. */
static void wait_for_end(struct bl_worker *w, const sigset_t *set)
{
    const struct timespec tick = {.tv_nsec = 50000000};
    while (rte_eal_get_lcore_state(1) == RUNNING) {
        if (sigtimedwait(set, NULL, &tick) > 0)
            atomic_store(&w->stop, true);
    }
    rte_eal_wait_lcore(1);
}

static int report(struct bl_worker *w)
{
    const struct bl_opts *o = w->o;
    bool to_stdout = strcmp(o->json, "-") == 0;
    if (!to_stdout)
        bl_report_text(w, stdout);
    if (*o->json && !bl_report_json(w, o->json))
        return EXIT_ERRORS;
    if (*o->hgrm && !bl_report_hgrm(w, o->hgrm))
        return EXIT_ERRORS;
    if (o->groups[0].kind == BL_ORIGIN)
        return EXIT_DONE;
    return bl_error_cnt(w) > o->max_errors || bl_op_cnt(w) == 0 ? EXIT_ERRORS : EXIT_DONE;
}

static int run(const struct bl_opts *o)
{
    static struct bl_worker w; /* large: histograms */
    struct lg_diag diag = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    lg_err_t e = bl_setup(&w, o, &diag);
    say(&diag);
    if (!lg_is_ok(e)) {
        if (diag.error_cnt == 0)
            fprintf(stderr, "lockgate-blast: could not start: %s\n", lg_err_text(e));
        return lg_err_is(e, LG_ERR_CONFIG) && !w.ports ? EXIT_USAGE : EXIT_START;
    }
    if (rte_eal_remote_launch(bl_loop, &w, 1) != 0) {
        fprintf(stderr, "lockgate-blast: the worker does not start\n");
        return EXIT_START;
    }
    wait_for_end(&w, &set);
    int status = EXIT_START;
    if (atomic_load(&w.has_conflict))
        fprintf(stderr, "lockgate-blast: warning: another station has an address of ours, too; "
                        "see --address and --origin\n");
    if (atomic_load(&w.is_unreachable))
        fprintf(stderr,
                "lockgate-blast: nobody answers for the target (or --gateway) on %s; is it "
                "up, and are --address and --target on one network?\n",
                o->device);
    else
        status = report(&w);
    bl_teardown(&w);
    return status;
}

int main(int argc, char **argv)
{
    static struct bl_opts opts;
    struct lg_diag diag = {0};
    lg_err_t e = bl_opts_parse(argc, argv, &opts, &diag);
    say(&diag);
    if (!lg_is_ok(e))
        return EXIT_USAGE;
    if (opts.help) {
        bl_opts_help();
        return EXIT_DONE;
    }
    if (opts.version) {
        printf("lockgate-blast " LG_VERSION "\n%s\n", lg_boot_dpdk_version());
        return EXIT_DONE;
    }
    set_log_level(opts.log_level);
    return run(&opts);
}
