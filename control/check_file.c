/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_file.c: lockgate -t. */
#include "check_file.h"

#include "admin.h"
#include "eal_args.h"
#include "machine.h"
#include "privs.h"
#include "reload.h"
#include "snapshot_build.h"
#include "tls.h"

#include <stdio.h>

lg_err_t lg_check_load(const char *path, struct lg_config **out, struct lg_diag *diag)
{
    struct lg_eal_args args;
    struct lg_privs privs;
    struct lg_config *cfg;
    cpu_set_t any;

    LG_TRY(lg_config_load(path, &cfg, diag));
    CPU_ZERO(&any);
    lg_err_t err = lg_eal_args_build(cfg, &any, false, &args, diag);
    lg_err_t user = lg_privs_find(cfg, &privs, diag);
    if (lg_is_ok(err))
        err = user;
    if (lg_is_ok(err))
        *out = cfg;
    else
        lg_config_free(cfg);
    return err;
}

static void print_all(const struct lg_diag *diag, const char *level)
{
    for (uint32_t i = 0; i < diag->kept_cnt; i++) {
        const char *name = diag->msg[i].is_error ? "error" : "warning";
        fprintf(stderr, "%s: %s\n", level ? level : name, diag->msg[i].text);
    }
    if (diag->error_cnt + diag->warn_cnt > diag->kept_cnt)
        fprintf(stderr, "and %u more messages\n",
                diag->error_cnt + diag->warn_cnt - diag->kept_cnt);
}

/* check_machine turns what is wrong with this machine into warnings. */
static void check_machine(const struct lg_config *cfg)
{
    struct lg_diag diag = {0};

    if (!lg_is_ok(lg_machine_check_cpus("", cfg, &diag)))
        print_all(&diag, "warning");
}

/* check_named reads what the file names; it takes cfg, and finds all that is wrong in one go. */
static lg_err_t check_named(struct lg_config *cfg, struct lg_snapshot **snapshot,
                            struct lg_diag *diag)
{
    struct lg_revoked *revoked = NULL;
    lg_err_t admin = lg_admin_check(cfg, diag);
    lg_err_t read = lg_reload_revoked(cfg, &revoked, diag);

    lg_revoked_give(revoked);
    LG_TRY(lg_snapshot_build(cfg, 1, 1, NULL, snapshot, diag));
    LG_TRY(admin);
    return read;
}

enum lg_exit lg_check_file(const char *path, bool is_quiet)
{
    struct lg_diag diag = {0};
    struct lg_config *cfg = NULL;
    struct lg_snapshot *snapshot = NULL;

    if (!lg_is_ok(lg_tls_global_init())) {
        fprintf(stderr, "error: wolfSSL did not start\n");
        return LG_EXIT_START;
    }
    lg_err_t err = lg_check_load(path, &cfg, &diag);
    if (lg_is_ok(err)) {
        check_machine(cfg);
        err = check_named(cfg, &snapshot, &diag);
    }
    print_all(&diag, NULL);
    lg_snapshot_free(snapshot);
    if (!lg_is_ok(err)) {
        fprintf(stderr, "%s: configuration is not valid: %u error%s\n", path, diag.error_cnt,
                diag.error_cnt == 1 ? "" : "s");
        return LG_EXIT_CONFIG;
    }
    if (!is_quiet)
        printf("%s: configuration is valid\n", path);
    return fflush(stdout) == 0 ? LG_EXIT_OK : LG_EXIT_START;
}
