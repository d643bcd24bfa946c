/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* kinds_net.c: addresses, and the kinds of values that one key alone has. */
#include "schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_MAX_LEN 107u /* sun_path, NUL excluded */
#define DEVICE_MAX_LEN 511u
#define HOST_MAX_LEN 253u /* RFC 1035: 255 bytes on the wire */
#define PATH_MAX_LEN 1024u
#define CPU_MAX 1023u

bool lg_wrong(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
              const char *expected, const char *hint)
{
    char found[LG_FOUND_SZ];
    lg_walk_error(w, path, n, "found %s, expected %s%s", lg_found(n, found), expected, hint);
    return false;
}

bool lg_keep_at(struct lg_walk *w, const char *s, size_t len, void *dst)
{
    char *kept = lg_keep(w, s, len);
    memcpy(dst, &kept, sizeof kept);
    return kept != NULL;
}

static lg_span_t text_of(const struct lg_node *n)
{
    return lg_span(n->text, n->len);
}

/* parse_small reads a decimal number of at most five digits that fills the span. */
static bool parse_small(const char *s, size_t len, uint32_t max, uint32_t *out)
{
    uint32_t v = 0;

    if (len < 1 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)s[i]))
            return false;
        v = v * 10 + (uint32_t)(s[i] - '0');
    }
    *out = v;
    return v <= max;
}

/* ---------------------------------------------------------------- addresses */

static bool read_ip(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                    struct lg_node *n, void *dst)
{
    static const char expected[] = "an IP address such as 192.0.2.1 or 2001:db8::1";
    lg_ip_t ip;

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (!lg_is_ok(lg_ip_parse(text_of(n), &ip)))
        return lg_wrong(w, path, n, expected, "");
    if (lg_ip_is_any(&ip) || lg_ip_is_multicast(&ip))
        return lg_wrong(w, path, n, "the address of one machine", "");
    memcpy(dst, &ip, sizeof ip);
    return true;
}
const struct lg_kind lg_kind_ip = {"IP address", sizeof(lg_ip_t), read_ip,
                                   "\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f.:]+$\""};

static bool read_prefix(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                        struct lg_node *n, void *dst)
{
    static const char expected[] = "an address with its prefix, such as 192.0.2.1/24";
    struct lg_prefix p;
    lg_ip_t ip;

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (!lg_is_ok(lg_prefix_parse(text_of(n), &p)))
        return lg_wrong(
            w, path, n, expected,
            lg_is_ok(lg_ip_parse(text_of(n), &ip)) ? "; add the prefix length after a '/'" : "");
    memcpy(dst, &p, sizeof p);
    return true;
}
const struct lg_kind lg_kind_prefix = {
    "address/prefix", sizeof(struct lg_prefix), read_prefix,
    "\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f.:]+/[0-9]{1,3}$\""};

static bool read_endpoint(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                          struct lg_node *n, void *dst)
{
    static const char expected[] = "an address and port such as 192.0.2.1:443 or [2001:db8::1]:443";
    struct lg_endpoint e;
    const char *hint = "";
    lg_ip_t ip;

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (lg_is_ok(lg_ip_parse(text_of(n), &ip)))
        hint = strchr(n->text, ':') ? "; put the IPv6 address in brackets and the port after them"
                                    : "; add the port";
    if (!lg_is_ok(lg_endpoint_parse(text_of(n), &e)))
        return lg_wrong(w, path, n, expected, hint);
    if (lg_ip_is_multicast(&e.ip))
        return lg_wrong(w, path, n, "the address of one machine", "");
    memcpy(dst, &e, sizeof e);
    return true;
}
const struct lg_kind lg_kind_endpoint = {
    "address:port", sizeof(struct lg_endpoint), read_endpoint,
    "\"type\": \"string\", \"pattern\": \"^([0-9.]+|\\\\[[0-9A-Fa-f.:]+\\\\]):[0-9]{1,5}$\""};

static bool read_mac(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                     struct lg_node *n, void *dst)
{
    static const char expected[] = "an Ethernet address such as \"02:00:00:00:00:01\"";
    struct lg_cfg_port *port = (struct lg_cfg_port *)(void *)((uint8_t *)dst - f->off);
    uint8_t mac[6], any = 0;

    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool ok = n->len == 17;
    for (size_t i = 0; ok && i < 6; i++) {
        const char *p = n->text + 3 * i;
        ok = isxdigit((unsigned char)p[0]) && isxdigit((unsigned char)p[1]) &&
             p[2] == (i < 5 ? ':' : '\0');
        char two[3] = {p[0], p[1], '\0'};
        mac[i] = (uint8_t)strtoul(two, NULL, 16);
        any |= mac[i];
    }
    if (!ok)
        return lg_wrong(w, path, n, expected, "; six pairs of hex digits, in quotes");
    if ((mac[0] & 1) || !any)
        return lg_wrong(w, path, n, "the address of one machine", "; the first byte must be even");
    memcpy(dst, mac, sizeof mac);
    port->has_mac = true;
    return true;
}
const struct lg_kind lg_kind_mac = {
    "Ethernet address", 0, read_mac,
    "\"type\": \"string\", \"pattern\": \"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$\""};

/* ---------------------------------------------------------------- global */

/* workers: a list of CPUs, or a count; check.c turns a count into CPUs. Writes worker_cnt, and
 * for a count the first CPU as UINT16_MAX. */
static bool read_workers(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                         struct lg_node *n, void *dst)
{
    static const char expected[] = "a list of CPU numbers such as [1, 2], or a count from 1 to 64";
    struct lg_config *cfg = (struct lg_config *)(void *)((uint8_t *)dst - f->off);
    struct lg_path at = {path, NULL, 0};
    uint32_t v;
    bool ok = true;

    if (n->kind == LG_NODE_SCALAR) {
        if (!parse_small(n->text, n->len, LG_MAX_WORKERS, &v) || v == 0)
            return lg_wrong(w, path, n, expected, "");
        cfg->worker_cnt = v;
        cfg->worker_cpus[0] = UINT16_MAX;
        return true;
    }
    if (n->kind == LG_NODE_MAP || n->child_cnt < 1 || n->child_cnt > LG_MAX_WORKERS)
        return lg_wrong(w, path, n, expected, "");
    for (struct lg_node *item = n->first; item; item = item->next, at.idx++) {
        if (item->kind != LG_NODE_SCALAR || !parse_small(item->text, item->len, CPU_MAX, &v)) {
            ok = lg_wrong(w, &at, item, "the number of a CPU", "");
            continue;
        }
        cfg->worker_cpus[at.idx] = (uint16_t)v;
    }
    cfg->worker_cnt = n->child_cnt;
    n->is_bad |= !ok;
    return ok;
}
const struct lg_kind lg_kind_workers = {
    "list of CPUs, or count", 0, read_workers,
    "\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 64}, {\"type\": \"array\", "
    "\"minItems\": 1, \"maxItems\": 64, \"items\": {\"type\": \"integer\", \"minimum\": 0, "
    "\"maximum\": 1023}}]"};

static bool read_cpu(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                     struct lg_node *n, void *dst)
{
    static const char expected[] = "the number of a CPU, or any";
    uint32_t v;
    int cpu = -1;

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (strcmp(n->text, "any") != 0) {
        if (!parse_small(n->text, n->len, CPU_MAX, &v))
            return lg_wrong(w, path, n, expected, "");
        cpu = (int)v;
    }
    memcpy(dst, &cpu, sizeof cpu);
    return true;
}
const struct lg_kind lg_kind_cpu = {"CPU, or any", 0, read_cpu,
                                    "\"anyOf\": [{\"const\": \"any\"}, {\"type\": \"integer\", "
                                    "\"minimum\": 0, \"maximum\": 1023}]"};

static bool read_port_range(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                            struct lg_node *n, void *dst)
{
    static const char expected[] = "a port range within 1024-65535, such as 32768-60999";
    struct lg_config *cfg = (struct lg_config *)(void *)((uint8_t *)dst - f->off);
    uint32_t lo, hi;

    if (!lg_need_scalar(w, path, n, expected))
        return false;
    const char *dash = strchr(n->text, '-');
    if (!dash || !parse_small(n->text, (size_t)(dash - n->text), 65535, &lo) ||
        !parse_small(dash + 1, strlen(dash + 1), 65535, &hi) || lo < 1024)
        return lg_wrong(w, path, n, expected, "");
    if (lo > hi)
        return lg_wrong(w, path, n, expected, "; the lower port comes first");
    cfg->port_lo = (uint16_t)lo;
    cfg->port_hi = (uint16_t)hi;
    return true;
}
const struct lg_kind lg_kind_port_range = {
    "port range", 0, read_port_range,
    "\"type\": \"string\", \"pattern\": \"^[0-9]{4,5}-[0-9]{4,5}$\""};

static bool read_socket(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                        struct lg_node *n, void *dst)
{
    static const char expected[] = "an absolute path of at most 107 bytes, or \"\" for none";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (n->len > SOCKET_MAX_LEN || (n->len > 0 && n->text[0] != '/'))
        return lg_wrong(w, path, n, expected, "");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_socket = {"path", 0, read_socket,
                                       "\"type\": \"string\", \"pattern\": \"^(/.{0,106})?$\""};

/* ---------------------------------------------------------------- ports and listeners */

static bool read_device(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                        struct lg_node *n, void *dst)
{
    static const char expected[] = "a device that begins with pci:, af_xdp:, tap:, memif: or vdev:";
    static const char *const prefixes[] = {"pci:", "af_xdp:", "tap:", "memif:", "vdev:"};

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    for (size_t i = 0; i < LG_ARRAY_CNT(prefixes); i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(n->text, prefixes[i], len) != 0)
            continue;
        if (n->len == len || n->len > DEVICE_MAX_LEN || strpbrk(n->text, " \t\r\n"))
            return lg_wrong(w, path, n, "a device without blanks after the first colon", "");
        return lg_keep_at(w, n->text, n->len, dst);
    }
    bool is_bare = !strchr(n->text, ':') && n->len > 0 && n->len < 16;
    return lg_wrong(w, path, n, expected,
                    is_bare ? "; for a kernel interface write af_xdp:NAME" : "");
}
const struct lg_kind lg_kind_device = {
    "device", 0, read_device,
    "\"type\": \"string\", \"pattern\": \"^(pci|af_xdp|tap|memif|vdev):[^ \\\\t\\\\r\\\\n]+$\""};

static bool read_alpn(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    static const char expected[] = "a protocol name of 1 to 255 bytes (RFC 7301)";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (n->len < 1 || n->len > 255)
        return lg_wrong(w, path, n, expected, "");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_alpn = {"protocol", sizeof(char *), read_alpn,
                                     "\"type\": \"string\", \"minLength\": 1, \"maxLength\": 255"};

/* host_problem: NULL when s, already in lower case, is a name that a Host header can carry. */
static const char *host_problem(const char *s, size_t len)
{
    size_t label = 0;

    if (strcmp(s, "*") == 0)
        return NULL;
    if (strncmp(s, "*.", 2) == 0) {
        s += 2;
        len -= 2;
    }
    if (len > 0 && s[len - 1] == '.')
        return "; leave out the dot at the end";
    if (strchr(s, ':'))
        return "; leave out the port";
    for (size_t i = 0; i <= len; i++) {
        if (i == len || s[i] == '.') {
            if (label < 1 || label > 63)
                return "";
            label = 0;
        } else if (isalnum((unsigned char)s[i]) || s[i] == '-' || s[i] == '_') {
            label++;
        } else {
            return "";
        }
    }
    return len <= HOST_MAX_LEN ? NULL : "";
}

static bool read_host(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    static const char expected[] = "a host such as example.com, \"*.example.com\" or \"*\"";
    char low[HOST_MAX_LEN + 3];

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (n->len >= sizeof low)
        return lg_wrong(w, path, n, expected, "");
    for (size_t i = 0; i <= n->len; i++)
        low[i] = (char)tolower((unsigned char)n->text[i]);
    const char *problem = host_problem(low, n->len);
    if (problem)
        return lg_wrong(w, path, n, expected, problem);
    return lg_keep_at(w, low, n->len, dst);
}
const struct lg_kind lg_kind_host = {
    "host", 0, read_host,
    "\"type\": \"string\", \"pattern\": "
    "\"^(\\\\*|(\\\\*\\\\.)?[A-Za-z0-9_-]+(\\\\.[A-Za-z0-9_-]+)*)$\""};

/* path_problem: NULL when s is the beginning of an origin-form target's path (RFC 9112 3.2.1) in
 * the form requests are matched in: no query, no dot segments, no empty ones. */
static const char *path_problem(const char *s, size_t len)
{
    if (s[0] != '/')
        return "; it begins with '/'";
    if (len > PATH_MAX_LEN)
        return "; at most 1024 bytes";
    if (strstr(s, "//"))
        return "; without empty segments";
    for (const char *p = s; (p = strstr(p, "/.")) != NULL; p++)
        if (strchr("/", p[2]) || (p[2] == '.' && strchr("/", p[3]))) /* the NUL is found too */
            return "; without . and .. segments";
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] > '~' || strchr("?#\"<>\\^`{|}*", s[i]))
            return "; without query and blanks; for patterns there is regex";
    return NULL;
}

static bool read_path(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    static const char expected[] = "a path such as / or /api";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    const char *problem = path_problem(n->text, n->len);
    if (problem)
        return lg_wrong(w, path, n, expected, problem);
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_path = {"path", 0, read_path,
                                     "\"type\": \"string\", \"pattern\": \"^/\""};

/* ---------------------------------------------------------------- URLs */

#define URL_MAX_LEN 1024

static bool read_url(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                     struct lg_node *n, void *dst)
{
    static const char expected[] = "an http:// or https:// address";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_good = (strncmp(n->text, "http://", 7) == 0 && n->len > 7) ||
                   (strncmp(n->text, "https://", 8) == 0 && n->len > 8);
    is_good = is_good && n->len <= URL_MAX_LEN;
    for (size_t i = 0; i < n->len; i++)
        is_good = is_good && n->text[i] > ' ' && n->text[i] <= '~';
    if (!is_good)
        return lg_wrong(w, path, n, expected, "; without blanks");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_url = {"URL", 0, read_url,
                                    "\"type\": \"string\", \"pattern\": \"^https?://[^ ]+$\""};
