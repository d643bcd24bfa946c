/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h: the command line of `lockgate`, and what its exit status means. Reads no file. */
#ifndef LG_OPTIONS_H
#define LG_OPTIONS_H

#include "base.h"

#define LG_DEFAULT_CONFIG "/etc/lockgate.yaml"

/* Exit status. CONFIG is exactly what -t finds; START is what only the machine can say. */
enum lg_exit {
    LG_EXIT_OK = 0,
    LG_EXIT_CONFIG = 1, /* the file, or a certificate, key, CA or CRL it names, is not usable */
    LG_EXIT_USAGE = 2,  /* unknown option or argument */
    LG_EXIT_START = 3,  /* memory, rights, device, socket, cpuset: the machine said no */
    LG_EXIT_WORKER = 4, /* a worker ended by itself */
};

enum lg_mode {
    LG_MODE_RUN,
    LG_MODE_TEST,
    LG_MODE_CHECK_HOST,
    LG_MODE_SCHEMA,
    LG_MODE_VERSION,
    LG_MODE_HELP,
    LG_MODE_USAGE
};

struct lg_options {
    enum lg_mode mode;
    const char *config; /* borrows: argv, or a literal */
    bool quiet;         /* -t prints only what is wrong */
    bool json;          /* --check-host prints JSON */
    char error[160];    /* LG_MODE_USAGE: what was not understood */
};

/* lg_options_parse reads argv (which getopt may permute); it prints nothing.
 *   out      written whole; mode LG_MODE_USAGE when something was not understood
 *   Thread   boot */
void lg_options_parse(int argc, char **argv, struct lg_options *out);

/* lg_options_help is the text of --help. */
const char *lg_options_help(void);

#endif
