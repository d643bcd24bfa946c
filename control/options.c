/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c: the command line of `lockgate`. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"test", no_argument, NULL, 't'},
    {"quiet", no_argument, NULL, 'q'},
    {"version", no_argument, NULL, 'V'},
    {"check-host", no_argument, NULL, 'H'},
    {"json", no_argument, NULL, 'J'},
    {"print-schema", no_argument, NULL, 'S'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "NAME\n"
    "  lockgate - TLS-terminating load balancer with its own TCP/IP stack on DPDK\n"
    "\n"
    "SYNOPSIS\n"
    "  lockgate [-c FILE]            run in the foreground\n"
    "  lockgate -t [-q] [-c FILE]    check the configuration and all it names, then exit\n"
    "  lockgate --check-host [--json] [-c FILE]\n"
    "                                what this machine lacks, and the commands that mend it\n"
    "  lockgate --print-schema       the configuration's JSON Schema\n"
    "\n"
    "OPTIONS\n"
    "  -c, --config FILE   configuration (default " LG_DEFAULT_CONFIG ")\n"
    "  -t, --test          load FILE, its certificates, keys, CAs and CRLs; start nothing\n"
    "  -q, --quiet         with -t: say nothing when all is well\n"
    "      --check-host    hugepages, IOMMU, drivers, CPU flags, isolation, NUMA, interfaces; for\n"
    "                      FILE, or, when the default one is not there, in general\n"
    "      --json          with --check-host: as JSON\n"
    "  -V, --version       versions of Lockgate, wolfSSL and DPDK\n"
    "  -h, --help          this text\n"
    "\n"
    "SIGNALS\n"
    "  HUP          reload: a file that is not usable changes nothing, and the log says why\n"
    "  TERM, INT    drain: no new connections, exit when the last has ended or after\n"
    "               global.drain_timeout; a second one stops at once\n"
    "  USR1         open the access log's file again, after it has been renamed\n"
    "\n"
    "EXIT STATUS\n"
    "  0  stopped as asked; (-t) the configuration is valid; (--check-host) nothing is missing\n"
    "  1  the configuration, or a file it names, is not usable; (--check-host) something is\n"
    "     missing; what is only advice does not count\n"
    "  2  usage\n"
    "  3  could not start: memory, rights, device, socket, or a CPU kept from us\n"
    "  4  a worker ended by itself\n"
    "\n"
    "SEE ALSO\n"
    "  lockgatectl --help; README.md; docs/config.md\n";

const char *lg_options_help(void)
{
    return help_text;
}

static void refuse(struct lg_options *o, const char *what, const char *arg)
{
    o->mode = LG_MODE_USAGE;
    snprintf(o->error, sizeof o->error, "%s: %.100s", what, arg);
}

/* refuse_option names the option getopt stumbled over: a letter, or else the whole word. */
static void refuse_option(struct lg_options *o, const char *what, char *const *argv)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < 0x7f && argv[optind - 1][1] != '-';

    refuse(o, what, is_letter ? letter : argv[optind - 1]);
}

void lg_options_parse(int argc, char **argv, struct lg_options *out)
{
    int c;

    *out = (struct lg_options){.mode = LG_MODE_RUN, .config = LG_DEFAULT_CONFIG};
    optind = 0; /* glibc: start afresh, whoever called getopt before */
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":c:tqVh", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 't':
            out->mode = LG_MODE_TEST;
            break;
        case 'q':
            out->quiet = true;
            break;
        case 'H':
            out->mode = LG_MODE_CHECK_HOST;
            break;
        case 'J':
            out->json = true;
            break;
        case 'S':
            out->mode = LG_MODE_SCHEMA;
            return;
        case 'V':
            out->mode = LG_MODE_VERSION;
            return;
        case 'h':
            out->mode = LG_MODE_HELP;
            return;
        case ':':
            refuse_option(out, "this option needs a value", argv);
            return;
        default:
            refuse_option(out, "unknown option", argv);
            return;
        }
    }
    if (optind < argc)
        refuse(out, "unexpected argument", argv[optind]);
    else if (out->json && out->mode != LG_MODE_CHECK_HOST)
        refuse(out, "this option goes with --check-host", "--json");
    else if (!*out->config)
        refuse(out, "this option needs a value", "-c");
}
