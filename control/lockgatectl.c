/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lockgatectl.c: asks and steers a running Lockgate through its admin API: the words it knows, and
 * its options. A new command that shows one answer is a line of
 * lockgatectl.def. */
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
    ctl_show *show;            /* ... and how the answer is shown; NULL: as it came, it is text */
    int arg_max;
    const char *query; /* the first argument is the value of this parameter; NULL: it is not */
};

static const struct command commands[] = {
#define X(name, args, method, path, show, arg_max, query, help)                                    \
    {name, args, help, #method, path, show, arg_max, query},
#include "lockgatectl.def"
#undef X
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

/* path_of gives the path with its parameter, from malloc; NULL: no memory. */
static char *path_of(const struct ctl *c, const struct command *cmd)
{
    char *path = NULL, *value;

    if (!cmd->query || c->arg_cnt == 0)
        return strdup(cmd->path);
    value = curl_easy_escape(NULL, c->args[0], 0);
    if (value && asprintf(&path, "%s?%s=%s", cmd->path, cmd->query, value) < 0)
        path = NULL;
    curl_free(value);
    return path;
}

static int run_text(const struct ctl *c, const struct command *cmd)
{
    long status = 0;
    char *text = ctl_fetch(c, cmd->method, cmd->path, NULL, &status);

    if (text)
        fputs(text, status == 200 ? stdout : stderr);
    free(text);
    return text && status == 200 && fflush(stdout) == 0 ? CTL_GOOD : CTL_REFUSED;
}

static int run(const struct ctl *c, const struct command *cmd)
{
    char *path = path_of(c, cmd);
    json_t *answer = path ? ctl_ask(c, cmd->method, path, NULL) : NULL;

    free(path);
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
    rc = cmd->show ? run(&c, cmd) : run_text(&c, cmd);
    curl_global_cleanup();
    return rc;
}
