/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lockgatectl.c: asks and steers a running Lockgate through its admin API: the words it knows, and
 * its options. A new command that shows one answer is a line of
 * lockgatectl.def, or of lockgatectl_change.def. */
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
    const char *query;    /* the first argument is the value of this parameter; NULL: it is not */
    ctl_prepare *prepare; /* when path or body hang on arguments; NULL: they do not */
};

/* Those that are more than one question and its answer. */
static const struct own {
    const char *name, *args, *help;
    int (*run)(const struct ctl *c);
    int arg_min, arg_max;
} owns[] = {
    {"check", "LISTENER",
     "what that listener would say to a client: who is shown, who is let in, why not, which route; "
     "of "
     "the running lockgate, or with -c of a file",
     ctl_check, 1, 1},
    {"top", "[SECONDS]",
     "all of it, live: rates, workers, listeners, backends, every 2 or so many seconds; q ends it; "
     "not "
     "on a terminal: once",
     ctl_top, 0, 1},
};

static const struct command commands[] = {
#define X(name, args, method, path, show, arg_max, query, help)                                    \
    {name, args, help, #method, path, show, arg_max, query, NULL},
#include "lockgatectl.def"
#undef X
#define X(name, args, method, path, show, arg_max, prepare, help)                                  \
    {name, args, help, #method, path, show, arg_max, NULL, prepare},
#include "lockgatectl_change.def"
#undef X
};
#define OWN_CNT (sizeof owns / sizeof owns[0])
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
    "  of check:\n"
    "  -c, --config FILE     of this file, not of the running lockgate\n"
    "      --client FILE     PEM file of the client's certificate and what it sends with it\n"
    "      --sni NAME        that it asks for\n"
    "      --tls VERSIONS    that it speaks: 1.2, 1.3 or 1.2-1.3 (default)\n"
    "      --alpn NAMES      that it offers, with commas between\n"
    "      --host NAME, --path PATH   of the request (default: the SNI, /)\n"
    "  -h, --help            this text\n"
    "  -V, --version         of lockgatectl itself; of the server: lockgatectl version\n"
    "\n"
    "FILTERS of connections and kill; all must fit\n"
    "      --listener NAME, --client ADDRESS[/LEN], --backend [POOL/]NAME\n"
    "      --serial HEX, --subject TEXT   of the client's certificate; a part of its subject\n"
    "\n"
    "EXIT STATUS\n"
    "  0  done\n"
    "  1  refused, unknown NAME, or nobody answers; standard error says why\n"
    "  2  usage\n"
    "  3  check: the client would be refused\n";

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

static void print_command(const char *name, const char *args, const char *help)
{
    int at = printf("  %s%s%s", name, *args ? " " : "", args);

    if (at > 16)
        printf("\n%18s", "");
    else
        printf("%*s", 18 - at, "");
    print_wrapped(help);
}

static int print_help(void)
{
    fputs(help_begin, stdout);
    for (size_t i = 0; i < COMMAND_CNT; i++)
        print_command(commands[i].name, commands[i].args, commands[i].help);
    for (size_t i = 0; i < OWN_CNT; i++)
        print_command(owns[i].name, owns[i].args, owns[i].help);
    fputs(help_end, stdout);
    return fflush(stdout) == 0 ? CTL_GOOD : CTL_REFUSED;
}

static int print_version(void)
{
    puts("lockgatectl " LG_VERSION);
    return fflush(stdout) == 0 ? CTL_GOOD : CTL_REFUSED;
}

/* ---------------------------------------------------------------- a command */

int ctl_usage(const char *what, const char *arg)
{
    fprintf(stderr, "lockgatectl: %s%s\ntry: lockgatectl --help\n", what, arg);
    return CTL_USAGE;
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
    struct ctl_call call = {.method = cmd->method};

    snprintf(call.path, sizeof call.path, "%s", cmd->path);
    int prepared = cmd->prepare                   ? cmd->prepare(c, &call)
                   : cmd->query && c->arg_cnt > 0 ? ctl_query(c, cmd->query, &call)
                                                  : CTL_GOOD;
    json_t *answer = prepared == CTL_GOOD ? ctl_ask(c, call.method, call.path, call.body) : NULL;
    json_decref(call.body);
    if (prepared != CTL_GOOD)
        return prepared;
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

/* The options that take a text, each with where it goes. */
#define TEXT_CNT 19
struct text_option {
    const char *name;
    const char **to;
};

static void list_texts(struct ctl *c, struct text_option out[TEXT_CNT])
{
    const struct text_option all[TEXT_CNT] = {{"token-file", &c->token_file},
                                              {"ca", &c->ca},
                                              {"cert", &c->cert},
                                              {"key", &c->key},
                                              {"listener", &c->opts.listener},
                                              {"client", &c->opts.client},
                                              {"backend", &c->opts.backend},
                                              {"serial", &c->opts.serial},
                                              {"subject", &c->opts.subject},
                                              {"issuer", &c->opts.issuer},
                                              {"limit", &c->opts.limit},
                                              {"weight", &c->opts.weight},
                                              {"max-connections", &c->opts.max_connections},
                                              {"config", &c->check.config},
                                              {"sni", &c->check.sni},
                                              {"tls", &c->check.tls},
                                              {"alpn", &c->check.alpn},
                                              {"host", &c->check.host},
                                              {"path", &c->check.path}};
    memcpy(out, all, sizeof all);
}

/* parse_options returns 0 to go on, or an exit status + 1. */
static int parse_options(int argc, char **argv, struct ctl *c)
{
    enum { ALL = 256, BACKUP, TEXTS };
    struct text_option texts[TEXT_CNT];
    struct option options[TEXT_CNT + 7] = {
        {"socket", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {"version", no_argument, NULL, 'V'},
        {"all", no_argument, NULL, ALL},          {"backup", no_argument, NULL, BACKUP}};

    list_texts(c, texts);
    for (int i = 0; i < TEXT_CNT; i++)
        options[6 + i] = (struct option){texts[i].name, required_argument, NULL, TEXTS + i};
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "s:c:jhV", options, NULL)) != -1;) {
        if (o == 's')
            c->target = optarg;
        else if (o == 'c')
            c->check.config = optarg;
        else if (o == 'j')
            c->is_json = true;
        else if (o == ALL)
            c->opts.is_all = true;
        else if (o == BACKUP)
            c->opts.is_backup = true;
        else if (o >= TEXTS)
            *texts[o - TEXTS].to = optarg;
        else if (o == 'h')
            return print_help() + 1;
        else if (o == 'V')
            return print_version() + 1;
        else
            return ctl_usage("unknown option or missing value: ", argv[optind - 1]) + 1;
    }
    return 0;
}

/* run_word finds the command and carries it out. */
static int run_word(const struct ctl *c)
{
    const struct command *cmd = find_command(c->word);
    const struct own *own = NULL;

    for (size_t i = 0; i < OWN_CNT && !cmd; i++)
        own = strcmp(owns[i].name, c->word) == 0 ? &owns[i] : own;
    if (!cmd && !own)
        return ctl_usage("unknown command: ", c->word);
    int arg_max = cmd ? cmd->arg_max : own->arg_max;
    if (c->arg_cnt > arg_max)
        return ctl_usage("unexpected argument: ", c->args[arg_max]);
    if (own && c->arg_cnt < own->arg_min)
        return ctl_usage("more is needed: lockgatectl ", own->name);
    if (own)
        return own->run(c);
    return cmd->show ? run(c, cmd) : run_text(c, cmd);
}

int main(int argc, char **argv)
{
    struct ctl c = {.target = CTL_DEFAULT_SOCKET};
    int rc = parse_options(argc, argv, &c);

    if (rc)
        return rc - 1;
    if (optind == argc)
        return ctl_usage("which command?", "");
    c.word = argv[optind];
    c.args = argv + optind + 1;
    c.arg_cnt = argc - optind - 1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = run_word(&c);
    curl_global_cleanup();
    return rc;
}
