/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opts.c: the table of options, the command line, and what must fit together. */
#include "opts_priv.h"

#include <ctype.h>
#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct bl_word kinds[] = {
    {"handshake", BL_HANDSHAKE},
    {"resume", BL_RESUME},
    {"request", BL_REQUEST},
    {"download", BL_DOWNLOAD},
    {"upload", BL_UPLOAD},
    {"idle", BL_IDLE},
    {"slow", BL_SLOW},
    {"syn-flood", BL_SYN_FLOOD},
    {"packets", BL_PACKETS},
    {"origin", BL_ORIGIN},
    {NULL, 0},
};
static const struct bl_word tls_words[] = {
    {"off", BL_TLS_OFF}, {"1.2", BL_TLS_12}, {"1.3", BL_TLS_13}, {"1.2-1.3", BL_TLS_ANY}, {NULL, 0},
};
static const struct bl_word slow_words[] = {
    {"handshake", BL_SLOW_HANDSHAKE}, {"header", BL_SLOW_HEADER}, {NULL, 0}};
static const struct bl_word packet_words[] = {
    {"udp", BL_PACKET_UDP}, {"ack", BL_PACKET_ACK}, {NULL, 0}};
static const struct bl_word idle_words[] = {
    {"poll", BL_IDLE_POLL}, {"adaptive", BL_IDLE_ADAPTIVE}, {NULL, 0}};

#define RUN(member) .off = offsetof(struct bl_opts, member)
#define GROUP(member) .is_group = true, .off = offsetof(struct bl_group_opts, member)
#define TEXT_OF(of, member) .type = BL_T_TEXT, .max = sizeof(((of *)0)->member)
#define RUN_TEXT(member) RUN(member), TEXT_OF(struct bl_opts, member)
#define GROUP_TEXT(member) GROUP(member), TEXT_OF(struct bl_group_opts, member)

const struct bl_opt bl_opt_table[] = {
    {"device", RUN_TEXT(device), .arg = "DEVICE",
     .help = "af_xdp:IFACE, memif:/PATH[,role=server], tap:NAME, pci:ADDRESS, vdev:STRING"},
    {"address", BL_T_PREFIX, RUN(address), .arg = "IP/LEN", .help = "ours on that device"},
    {"gateway", BL_T_IP, RUN(gateway), .arg = "IP", .help = "next hop to targets off the link"},
    {"source", BL_T_PREFIX, RUN(source), .arg = "PREFIX",
     .help = "connect from all hosts of it in turn"},
    {"origin", RUN_TEXT(origin), .arg = "DEVICE,IP/LEN[:PORT]",
     .help = "be the backend there, too (port 80)"},
    {"origin-connections", BL_T_UINT, RUN(origin_conns), .min = 1, .max = 16000000, .arg = "N",
     .help = "it has room for [5/4 of the clients]"},
    {"target", BL_T_ENDPOINT, GROUP(target), .arg = "IP:PORT", .help = "whom to test"},
    {"connections", BL_T_UINT, GROUP(connections), .min = 1, .max = 16000000, .arg = "N",
     .help = "at once [64]"},
    {"rate", BL_T_RATE, GROUP(rate), .arg = "N", .help = "operations a second [closed loop]"},
    {"duration", BL_T_TIME, RUN(duration_ns), .min = 1, .max = LG_SEC(86400), .arg = "TIME",
     .help = "of measuring [10s]"},
    {"warmup", BL_T_TIME, RUN(warmup_ns), .min = 0, .max = LG_SEC(3600), .arg = "TIME",
     .help = "before it [1s]"},
    {"count", BL_T_UINT, GROUP(count), .min = 1, .max = UINT64_MAX, .arg = "N",
     .help = "stop after N measured operations"},
    {"timeout", BL_T_TIME, GROUP(timeout_ns), .min = LG_MS(1), .max = LG_SEC(3600), .arg = "TIME",
     .help = "of one operation [10s]"},
    {"size", BL_T_SIZE, GROUP(size), .min = 0, .max = 1ull << 40, .arg = "BYTES",
     .help = "of an answer or upload [1KiB, bulk 1MiB]"},
    {"path", GROUP_TEXT(path), .arg = "PATH", .help = "of other origins than ours"},
    {"requests", BL_T_UINT, GROUP(requests), .min = 1, .max = UINT64_MAX, .arg = "N",
     .help = "on one connection, then a new one [no end]"},
    {"tls", BL_T_WORD, GROUP(tls), .words = tls_words, .arg = "VERSION",
     .help = "1.2, 1.3, 1.2-1.3 or off [1.2-1.3]"},
    {"curves", GROUP_TEXT(curves), .arg = "LIST", .help = "x25519,secp256r1,secp384r1 in order"},
    {"suites", GROUP_TEXT(suites), .arg = "LIST", .help = "IANA names, in order"},
    {"sni", GROUP_TEXT(sni), .arg = "NAME", .help = "server name [none]"},
    {"alpn", GROUP_TEXT(alpn), .arg = "LIST", .help = "protocols [none]"},
    {"verify", GROUP_TEXT(verify), .arg = "FILE", .help = "check the server with these CAs [no]"},
    {"cert", GROUP_TEXT(cert), .arg = "FILE", .help = "client certificate"},
    {"key", GROUP_TEXT(key), .arg = "FILE", .help = "its key"},
    {"reuse-key-share", BL_T_FLAG, RUN(reuse_key_share),
     .help = "one key share for a second (the report says so)"},
    {"skip-signature", BL_T_FLAG, RUN(skip_signature),
     .help = "do not check ECDSA signatures (the report says so)"},
    {"ramp", BL_T_RATE, GROUP(ramp), .arg = "N", .help = "connections opened a second [5000]"},
    {"interval", BL_T_TIME, GROUP(interval_ns), .min = LG_US(100), .max = LG_SEC(3600),
     .arg = "TIME", .help = "slow: between bytes [1s]"},
    {"slow", BL_T_WORD, GROUP(slow), .words = slow_words, .arg = "WHERE",
     .help = "slow: handshake or header [handshake]"},
    {"profile", BL_T_UINT, GROUP(profile), .min = 64, .max = 1518, .arg = "BYTES",
     .help = "packets: frame size with FCS [64]"},
    {"packet", BL_T_WORD, GROUP(packet), .words = packet_words, .arg = "WHAT",
     .help = "packets: udp or ack [udp]"},
    {"start", BL_T_TIME, GROUP(start_ns), .max = LG_SEC(86400), .arg = "TIME",
     .help = "into the run [0s]"},
    {"after-ramp", BL_T_FLAG, GROUP(after_ramp),
     .help = "begin when the connections of all idle groups are open"},
    {"stop", BL_T_TIME, GROUP(stop_ns), .max = LG_SEC(86400), .arg = "TIME",
     .help = "into the run [its end]"},
    {"file", RUN_TEXT(file), .is_cli_only = true, .arg = "FILE", .help = "scenario file"},
    {"json", RUN_TEXT(json), .arg = "FILE", .help = "report for machines; - is standard output"},
    {"hgrm", RUN_TEXT(hgrm), .arg = "FILE", .help = "latencies in HdrHistogram's text form"},
    {"max-errors", BL_T_UINT, RUN(max_errors), .max = UINT64_MAX, .arg = "N",
     .help = "more make the exit status 1 [0]"},
    {"cpu", BL_T_UINT, RUN(cpu), .max = 1023, .arg = "N", .help = "of the worker [the last]"},
    {"idle", BL_T_WORD, RUN(idle), .words = idle_words, .arg = "HOW",
     .help = "poll or adaptive [poll]"},
    {"memory", BL_T_SIZE, RUN(memory_sz), .min = 64ull << 20, .max = 1ull << 42, .arg = "SIZE",
     .help = "from hugepages [512MiB]"},
    {"no-huge", BL_T_FLAG, RUN(no_huge), .help = "without hugepages"},
    {"file-prefix", RUN_TEXT(file_prefix), .arg = "NAME", .help = "EAL's [blast]"},
    {"mtu", BL_T_UINT, RUN(mtu), .min = 1280, .max = 9000, .arg = "N", .help = "[1500]"},
    {"no-rx-checksum", BL_T_FLAG, RUN(no_rx_checksum),
     .help = "take frames without verifying checksums"},
    {"log-level", RUN_TEXT(log_level), .arg = "LEVEL", .help = "error, warn, info, debug [warn]"},
    {"help", BL_T_FLAG, RUN(help), .is_cli_only = true, .help = "this"},
    {"version", BL_T_FLAG, RUN(version), .is_cli_only = true, .help = "print it"},
};
const uint32_t bl_opt_cnt = LG_ARRAY_CNT(bl_opt_table);
_Static_assert(LG_ARRAY_CNT(bl_opt_table) <= 64, "`given` is a bit each");

const char *bl_kind_name(uint32_t kind)
{
    for (const struct bl_word *w = kinds; w->word; w++)
        if (w->value == kind)
            return w->word;
    return "?";
}

uint32_t bl_opt_find(lg_span_t name)
{
    uint32_t i = 0;
    while (i < bl_opt_cnt && !lg_span_eq(name, lg_span_cstr(bl_opt_table[i].name)))
        i++;
    return i;
}

/* ---------------------------------------------------------------- values */

/* number reads digits and a unit; the unit's factor comes from a list. */
static bool number(const char *text, const struct bl_word *units, uint64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno)
        return false;
    for (const struct bl_word *u = units; u->word; u++)
        if (strcmp(end, u->word) == 0 && n <= UINT64_MAX / u->value) {
            *out = n * u->value;
            return true;
        }
    return false;
}

static const struct bl_word plain[] = {{"", 1}, {NULL, 0}};
static const struct bl_word sizes[] = {{"", 1},           {"B", 1},          {"KiB", 1u << 10},
                                       {"MiB", 1u << 20}, {"GiB", 1u << 30}, {NULL, 0}};
static const struct bl_word times[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0}};

static bool time_of(const char *text, uint64_t *out)
{
    char *end;
    if (number(text, times, out))
        return true;
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long long n = strtoull(text, &end, 10);
    uint64_t factor = strcmp(end, "m") == 0 ? 60 : strcmp(end, "h") == 0 ? 3600 : 0;
    *out = LG_SEC(n * factor);
    return (factor || (n == 0 && *end == '\0')) && n < 1000000;
}

static bool word_of(const struct bl_opt *o, const char *text, uint32_t *out, char *why,
                    size_t why_sz)
{
    size_t used = 0;
    for (const struct bl_word *w = o->words; w->word; w++)
        if (strcmp(w->word, text) == 0) {
            *out = w->value;
            return true;
        }
    used = (size_t)snprintf(why, why_sz, "one of");
    for (const struct bl_word *w = o->words; w->word && used < why_sz; w++)
        used += (size_t)snprintf(why + used, why_sz - used, " %s", w->word);
    return false;
}

static bool rate_of(const char *text, double *out)
{
    char *end;
    double d = strtod(text, &end);
    if (end == text || !(d > 0) || d > 1e9 || (*end && strcmp(end, "/s") != 0))
        return false;
    *out = d;
    return true;
}

static lg_err_t set_number(const struct bl_opt *o, const char *text, void *at, char *why,
                           size_t why_sz)
{
    uint64_t n = 0;
    bool ok = o->type == BL_T_UINT   ? number(text, plain, &n)
              : o->type == BL_T_SIZE ? number(text, sizes, &n)
                                     : time_of(text, &n);
    if (!ok) {
        snprintf(why, why_sz, "%s",
                 o->type == BL_T_UINT   ? "a whole number"
                 : o->type == BL_T_SIZE ? "a size: 100, 4KiB, 1MiB"
                                        : "a time: 500us, 10ms, 10s, 2m");
        return LG_E(FORMAT);
    }
    if (n < o->min || n > o->max) {
        snprintf(why, why_sz, "a value from %llu to %llu%s", (unsigned long long)o->min,
                 (unsigned long long)o->max, o->type == BL_T_TIME ? " ns" : "");
        return LG_E(FORMAT);
    }
    memcpy(at, &n, sizeof n);
    return LG_OK;
}

lg_err_t bl_opt_set(const struct bl_opt *o, const char *text, void *base, char *why, size_t why_sz)
{
    void *at = (char *)base + o->off;
    bool ok = true;
    lg_span_t s = lg_span_cstr(text);
    switch ((enum bl_type)o->type) {
    case BL_T_FLAG:
        ok = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
        snprintf(why, why_sz, "true or false");
        if (ok)
            *(bool *)at = text[0] == 't';
        break;
    case BL_T_UINT:
    case BL_T_SIZE:
    case BL_T_TIME:
        return set_number(o, text, at, why, why_sz);
    case BL_T_RATE:
        snprintf(why, why_sz, "a number a second above 0: 2000");
        ok = rate_of(text, at);
        break;
    case BL_T_TEXT:
        snprintf(why, why_sz, "a text of 1 to %u bytes", (unsigned)o->max - 1);
        ok = s.len > 0 && s.len < o->max;
        if (ok)
            memcpy(at, text, s.len + 1);
        break;
    case BL_T_WORD:
        ok = word_of(o, text, at, why, why_sz);
        break;
    case BL_T_IP:
        snprintf(why, why_sz, "an IP address");
        ok = lg_is_ok(lg_ip_parse(s, at));
        break;
    case BL_T_PREFIX:
        snprintf(why, why_sz, "an address with its prefix: 10.9.1.1/24");
        ok = lg_is_ok(lg_prefix_parse(s, at));
        break;
    case BL_T_ENDPOINT:
        snprintf(why, why_sz, "an address and a port: 10.9.1.2:443 or [fd00::2]:443");
        ok = lg_is_ok(lg_endpoint_parse(s, at));
        break;
    }
    return ok ? LG_OK : LG_E(FORMAT);
}

/* ---------------------------------------------------------------- the command line */

struct given {
    uint32_t opt;
    const char *value;
};

struct line {
    struct given g[96];
    uint32_t cnt;
    const char *scenario;
    uint64_t bits;
};

static void LG_PRINTF(2, 3) bad(struct lg_diag *d, const char *fmt, ...)
{
    char text[LG_DIAG_TEXT_SZ];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lg_diag_error(d, NULL, 0, NULL, "%s", text);
}

static lg_err_t take_option(char **argv, int argc, int *i, struct line *l, struct lg_diag *diag)
{
    const char *arg = argv[*i] + 2, *eq = strchr(arg, '=');
    size_t len = eq ? (size_t)(eq - arg) : strlen(arg);
    uint32_t k = bl_opt_find(lg_span(arg, len));
    if (k == bl_opt_cnt) {
        bad(diag, "there is no option --%.*s; see --help", (int)len, arg);
        return LG_E(CONFIG);
    }
    const char *value = eq ? eq + 1 : "true";
    if (bl_opt_table[k].type != BL_T_FLAG && !eq) {
        if (*i + 1 >= argc) {
            bad(diag, "--%s wants a value: --%s %s", arg, arg, bl_opt_table[k].arg);
            return LG_E(CONFIG);
        }
        value = argv[++*i];
    }
    if (l->cnt == LG_ARRAY_CNT(l->g)) {
        bad(diag, "more than %zu options", LG_ARRAY_CNT(l->g));
        return LG_E(CONFIG);
    }
    l->g[l->cnt++] = (struct given){k, value};
    l->bits |= 1ull << k;
    return LG_OK;
}

static lg_err_t read_line(int argc, char **argv, struct line *l, struct lg_diag *diag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "-V") == 0)
            argv[i] = argv[i][1] == 'h' ? "--help" : "--version";
        if (strncmp(argv[i], "--", 2) == 0) {
            LG_TRY(take_option(argv, argc, &i, l, diag));
        } else if (argv[i][0] == '-' || l->scenario) {
            bad(diag, "\"%s\" is not expected here; see --help", argv[i]);
            return LG_E(CONFIG);
        } else {
            l->scenario = argv[i];
        }
    }
    return LG_OK;
}

static lg_err_t apply_line(const struct line *l, struct bl_opts *out, struct lg_diag *diag)
{
    lg_err_t err = LG_OK;
    for (uint32_t i = 0; i < l->cnt; i++) {
        const struct bl_opt *o = &bl_opt_table[l->g[i].opt];
        char why[256];
        void *base = o->is_group ? (void *)&out->base : (void *)out;
        if (lg_is_ok(bl_opt_set(o, l->g[i].value, base, why, sizeof why)))
            continue;
        bad(diag, "--%s: \"%s\" is not %s", o->name, l->g[i].value, why);
        err = LG_E(CONFIG);
    }
    return err;
}

/* ---------------------------------------------------------------- the whole */

/* split_origin takes "DEVICE,IP/LEN[:PORT]" apart: the device may hold commas itself. */
static bool split_origin(struct bl_opts *o)
{
    const char *comma = strrchr(o->origin, ',');
    char addr[BL_PATH_SZ];
    if (!comma || comma == o->origin)
        return false;
    snprintf(o->origin_device, sizeof o->origin_device, "%.*s", (int)(comma - o->origin),
             o->origin);
    snprintf(addr, sizeof addr, "%s", comma + 1);
    char *slash = strchr(addr, '/'), *colon = slash ? strchr(slash, ':') : NULL;
    uint64_t port = 80;
    if (colon) {
        *colon = '\0';
        if (!number(colon + 1, plain, &port) || port == 0 || port > 65535)
            return false;
    }
    o->origin_port = (uint16_t)port;
    return lg_is_ok(lg_prefix_parse(lg_span_cstr(addr), &o->origin_address));
}

static void check_group(const struct bl_opts *o, struct bl_group_opts *g, struct lg_diag *d)
{
    bool is_bulk = g->kind == BL_DOWNLOAD || g->kind == BL_UPLOAD;
    if (g->size == 0)
        g->size = is_bulk ? 1u << 20 : 1u << 10;
    if (g->kind == BL_ORIGIN) {
        if (!*o->origin)
            bad(d, "origin: say where: --origin DEVICE,IP/LEN");
        return;
    }
    if (g->target.port == 0)
        bad(d, "%s: whom to test? --target IP:PORT", g->name);
    else if (!lg_ip_is_any(&o->address.ip) &&
             lg_ip_is_v4(&g->target.ip) != lg_ip_is_v4(&o->address.ip))
        bad(d, "%s: the target's address and ours (--address) are of different families", g->name);
    if (o->has_source && lg_prefix_has(&o->source, &g->target.ip))
        bad(d, "%s: the target lies in --source: its addresses are ours", g->name);
    if (g->tls == BL_TLS_OFF && (g->kind == BL_HANDSHAKE || g->kind == BL_RESUME))
        bad(d, "%s: there is no handshake with --tls off", g->name);
    if (!*g->cert != !*g->key)
        bad(d, "%s: --cert and --key go together", g->name);
    if (*g->path && g->path[0] != '/')
        bad(d, "%s: --path begins with /", g->name);
    if (g->stop_ns && g->stop_ns <= g->start_ns)
        bad(d, "%s: it stops before it starts", g->name);
    if (*g->verify && o->skip_signature)
        bad(d, "%s: --verify proves nothing with --skip-signature; leave one out", g->name);
}

static lg_err_t check(struct bl_opts *o, struct lg_diag *d)
{
    bool only_origin = o->group_cnt == 1 && o->groups[0].kind == BL_ORIGIN;
    o->has_source = !lg_ip_is_any(&o->source.ip);
    if (*o->origin && !split_origin(o))
        bad(d,
            "--origin: \"%s\" is not DEVICE,IP/LEN[:PORT], like memif:/run/b.sock,10.9.2.1/24:80",
            o->origin);
    if (!only_origin && !*o->device)
        bad(d, "on which device? --device memif:/run/front.sock, or af_xdp:eth1");
    if (!only_origin && lg_ip_is_any(&o->address.ip))
        bad(d, "with which address of ours? --address 10.9.1.1/24");
    if (o->cpu == UINT64_MAX)
        o->cpu = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) - 1;
    for (uint32_t i = 0; i < o->group_cnt; i++)
        check_group(o, &o->groups[i], d);
    return d->error_cnt ? LG_E(CONFIG) : LG_OK;
}

static void set_defaults(struct bl_opts *o)
{
    memset(o, 0, sizeof *o);
    o->duration_ns = LG_SEC(10);
    o->warmup_ns = LG_SEC(1);
    o->cpu = UINT64_MAX;
    o->memory_sz = 512ull << 20;
    o->mtu = 1500;
    strcpy(o->file_prefix, "blast");
    strcpy(o->log_level, "warn");
    o->base = (struct bl_group_opts){.kind = BL_KIND_CNT,
                                     .connections = 64,
                                     .timeout_ns = LG_SEC(10),
                                     .tls = BL_TLS_ANY,
                                     .ramp = 5000,
                                     .interval_ns = LG_SEC(1),
                                     .profile = 64};
}

static lg_err_t load_file(const struct line *l, struct bl_opts *out, struct lg_diag *diag)
{
    char text[65536];
    FILE *f = fopen(out->file, "re");
    if (!f) {
        bad(diag, "--file: cannot open %s: %s", out->file, strerror(errno));
        return LG_E(CONFIG);
    }
    size_t n = fread(text, 1, sizeof text, f);
    bool too_long = n == sizeof text, failed = ferror(f) != 0;
    fclose(f);
    if (too_long || failed) {
        bad(diag, "--file: %s %s", out->file, failed ? "cannot be read" : "is over 64 KiB");
        return LG_E(CONFIG);
    }
    return bl_scenario_parse(lg_span(text, n), out->file, &l->bits, out, diag);
}

static lg_err_t one_group(const struct line *l, struct bl_opts *out, struct lg_diag *diag)
{
    const struct bl_opt as_kind = {.type = BL_T_WORD, .words = kinds};
    char why[256] = "";
    if (!l->scenario) {
        bad(diag, "what is to be run? A scenario (handshake, request, ...) or --file; see --help");
        return LG_E(CONFIG);
    }
    if (!lg_is_ok(bl_opt_set(&as_kind, l->scenario, &out->base.kind, why, sizeof why))) {
        bad(diag, "\"%s\" is no scenario: %s", l->scenario, why);
        return LG_E(CONFIG);
    }
    out->groups[0] = out->base;
    strcpy(out->groups[0].name, l->scenario);
    out->group_cnt = 1;
    return LG_OK;
}

lg_err_t bl_opts_parse(int argc, char **argv, struct bl_opts *out, struct lg_diag *diag)
{
    struct line l = {0};
    set_defaults(out);
    LG_TRY(read_line(argc, argv, &l, diag));
    LG_TRY(apply_line(&l, out, diag));
    if (out->help || out->version)
        return LG_OK;
    if (*out->file && l.scenario) {
        bad(diag, "either a scenario (%s) or --file, not both", l.scenario);
        return LG_E(CONFIG);
    }
    LG_TRY(*out->file ? load_file(&l, out, diag) : one_group(&l, out, diag));
    return check(out, diag);
}

void bl_opts_help(void)
{
    puts(
        "usage: lockgate-blast SCENARIO [OPTIONS]\n"
        "       lockgate-blast --file FILE [OPTIONS]\n\n"
        "Loads a TLS server or load balancer from a userspace stack, and says how fast it was.\n\n"
        "scenarios: handshake resume request download upload idle slow syn-flood packets origin\n");
    for (uint32_t i = 0; i < bl_opt_cnt; i++) {
        char left[64];
        const struct bl_opt *o = &bl_opt_table[i];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("  %-31s %s\n", left, o->help);
    }
    puts("\nexit status: 0 done; 1 operations failed; 2 usage; 3 could not start\n"
         "Everything about it: bench/blast/README.md");
}
