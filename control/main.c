/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: what the command line asks for. */
#include "boot.h"
#include "check_file.h"
#include "host.h"
#include "options.h"
#include "schema.h"
#include "server.h"

#include <stdio.h>

static enum lg_exit print_version(void)
{
    printf("lockgate " LG_VERSION "\nwolfSSL " LG_WOLFSSL_VERSION "\n%s\n", lg_boot_dpdk_version());
    return fflush(stdout) == 0 ? LG_EXIT_OK : LG_EXIT_START;
}

int main(int argc, char **argv)
{
    struct lg_options options;

    lg_options_parse(argc, argv, &options);
    switch (options.mode) {
    case LG_MODE_RUN:
        return lg_server_run(options.config);
    case LG_MODE_TEST:
        return lg_check_file(options.config, options.quiet);
    case LG_MODE_CHECK_HOST:
        return lg_host_main(options.config, options.json);
    case LG_MODE_SCHEMA:
        lg_schema_print_json(stdout);
        return fflush(stdout) == 0 ? LG_EXIT_OK : LG_EXIT_START;
    case LG_MODE_VERSION:
        return print_version();
    case LG_MODE_HELP:
        return fputs(lg_options_help(), stdout) < 0 ? LG_EXIT_START : LG_EXIT_OK;
    case LG_MODE_USAGE:
        break;
    }
    fprintf(stderr, "lockgate: %s\ntry: lockgate --help\n", options.error);
    return LG_EXIT_USAGE;
}
