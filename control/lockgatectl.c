/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lockgatectl.c: asks and steers a running Lockgate through its admin API: the words it knows, and
 * its options. A new command that shows one answer is a line of the table. */
#include "ctl_priv.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
    const char *name;
    const char *args; /* for --help */
    const char *help;
    const char *method, *path; /* what is asked ... */
    ctl_show *show;            /* ... and how the answer is shown */
    int arg_max;
};

static const struct command commands[] = {
    {"status", "", "version, uptime, generation, how many of everything", "GET", "/v1/status",
     ctl_show_status, 0},
    {"stats", "[NAME...]",
     "every counter, as JSON; or only these, one a line: the sum over the workers (tls_hs_done, "
     "tcp_conns, bufs_used) or a value of the process (generation, retired)",
     "GET", "/v1/stats", ctl_show_stats, 1000},
    {"backends", "",
     "every pool's backends: state, weight, connections in use, times chosen, failures, and the "
     "last health check",
     "GET", "/v1/backends", ctl_show_backends, 0},
    {"reload", "", "read the configuration again; waits until it is in force or refused", "POST",
     "/v1/reload", ctl_show_generation, 0},
    {"version", "", "versions of Lockgate, wolfSSL and DPDK", "GET", "/v1/version",
     ctl_show_version, 0},
};
#define COMMAND_CNT (sizeof commands / sizeof commands[0])

/* ---------------------------------------------------------------- help */

static const char help_begin[] = "NAME\n"
                                 "  lockgatectl - asks and steers a running lockgate\n"
                                 "\n"
                                 "SYNOPSIS\n"
                                 "  lockgatectl [OPTION...] COMMAND [ARGUMENT...]\n"
                                 "\n"
                                 "COMMANDS\n";

static const char help_end[] =
    "\n"
    "OPTIONS\n"
    "  -s, --socket SOCKET   global.control_socket of the one to ask (default\n"
    "                        " CTL_DEFAULT_SOCKET
    "), or its admin.address as https://HOST:PORT or\n"
    "                        http://HOST:PORT\n"
    "  -j, --json            the answer itself, for programs\n"
    "      --token-file FILE for an address: what admin.token_file holds\n"
    "      --ca FILE         for https: who signed its certificate (default: the system's)\n"
    "      --cert FILE, --key FILE   for mutual TLS: our certificate and key\n"
    "  -h, --help            this text\n"
    "\n"
    "EXIT STATUS\n"
    "  0  done\n"
    "  1  refused, unknown NAME, or nobody answers; standard error says why\n"
    "  2  usage\n";

/* print_wrapped writes words at column 18 up to column 80. */
static void print_wrapped(const char *text)
{
    int at = 18;

    while (*text) {
        int len = (int)strcspn(text, " ");
        if (at > 18 && at + 1 + len > 80) {
            printf("\n%18s", "");
            at = 18;
        }
        at += printf("%s%.*s", at > 18 ? " " : "", len, text);
        text += len + (text[len] == ' ');
    }
    putchar('\n');
}

static int print_help(void)
{
    fputs(help_begin, stdout);
    for (size_t i = 0; i < COMMAND_CNT; i++) {
        const struct command *cmd = &commands[i];
        int at = printf("  %s%s%s", cmd->name, *cmd->args ? " " : "", cmd->args);
        if (at > 16)
            printf("\n%18s", "");
        else
            printf("%*s", 18 - at, "");
        print_wrapped(cmd->help);
    }
    fputs(help_end, stdout);
    return fflush(stdout) == 0 ? CTL_GOOD : CTL_REFUSED;
}

/* ---------------------------------------------------------------- a command */

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "lockgatectl: %s%s\ntry: lockgatectl --help\n", what, arg);
    return CTL_USAGE;
}

static int run(const struct ctl *c, const struct command *cmd)
{
    json_t *answer = ctl_ask(c, cmd->method, cmd->path, NULL);

    if (!answer)
        return CTL_REFUSED;
    bool is_good = json_is_true(json_object_get(answer, "ok"));
    if (!is_good)
        fprintf(stderr, "lockgatectl: %s: %s\n", cmd->name, ctl_text(answer, "error"));
    int rc = c->is_json ? ctl_show_json(c, answer) : is_good ? cmd->show(c, answer) : CTL_REFUSED;
    json_decref(answer);
    return fflush(stdout) == 0 && is_good ? rc : CTL_REFUSED;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_CNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* parse_options returns 0 to go on, or an exit status + 1. */
static int parse_options(int argc, char **argv, struct ctl *c)
{
    enum { TOKEN = 256, CA, CERT, KEY };
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"token-file", required_argument, NULL, TOKEN},
                                            {"ca", required_argument, NULL, CA},
                                            {"cert", required_argument, NULL, CERT},
                                            {"key", required_argument, NULL, KEY},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};

    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "s:jh", options, NULL)) != -1;) {
        switch (o) {
        case 's':
            c->target = optarg;
            break;
        case 'j':
            c->is_json = true;
            break;
        case TOKEN:
            c->token_file = optarg;
            break;
        case CA:
            c->ca = optarg;
            break;
        case CERT:
            c->cert = optarg;
            break;
        case KEY:
            c->key = optarg;
            break;
        case 'h':
            return print_help() + 1;
        default:
            return usage("unknown option or missing value: ", argv[optind - 1]) + 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct ctl c = {.target = CTL_DEFAULT_SOCKET};
    int rc = parse_options(argc, argv, &c);

    if (rc)
        return rc - 1;
    if (optind == argc)
        return usage("which command?", "");
    c.word = argv[optind];
    c.args = argv + optind + 1;
    c.arg_cnt = argc - optind - 1;
    const struct command *cmd = find_command(c.word);
    if (!cmd)
        return usage("unknown command: ", c.word);
    if (c.arg_cnt > cmd->arg_max)
        return usage("unexpected argument: ", c.args[cmd->arg_max]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = run(&c, cmd);
    curl_global_cleanup();
    return rc;
}
