/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* load.c: the public calls: file to text, text to tree, tree to struct, struct checked. */
#include "check.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* dir_of writes the absolute folder of a file name, without a '/' at the end ("" for the root). */
static bool dir_of(const char *name, char out[PATH_MAX])
{
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;

    if (name[0] == '/') {
        if (len >= PATH_MAX)
            return false;
        memcpy(out, name, len);
        out[len] = '\0';
        return true;
    }
    if (!getcwd(out, PATH_MAX))
        return false;
    size_t at = strcmp(out, "/") == 0 ? 0 : strlen(out);
    if (at + 1 + len >= PATH_MAX)
        return false;
    out[at] = '\0';
    if (len == 0)
        return true;
    out[at++] = '/';
    memcpy(out + at, name, len);
    out[at + len] = '\0';
    return true;
}

/* fill reads the tree into cfg and checks it; errors are counted in diag. */
static void fill(struct lg_config *cfg, struct lg_node *root, struct lg_arena *tree,
                 const struct lg_env *env, struct lg_diag *diag)
{
    char dir[PATH_MAX];
    struct lg_walk w = {
        .file = cfg->file, .dir = dir, .env = env, .arena = cfg->arena, .diag = diag};

    if (!dir_of(cfg->file, dir)) {
        lg_diag_error(diag, cfg->file, 0, NULL, "cannot tell the folder of this file: %s",
                      strerror(errno));
        return;
    }
    lg_walk_map(&w, &lg_schema_root, NULL, root, cfg);
    if (!w.is_oom)
        lg_check(&w, cfg, root, tree);
}

static struct lg_config *new_config(const char *name)
{
    struct lg_arena *arena = lg_arena_open();
    struct lg_config *cfg = arena ? lg_arena_alloc(arena, 1, sizeof *cfg) : NULL;

    if (cfg) {
        cfg->arena = arena;
        cfg->ref_cnt = 1;
        cfg->file = lg_arena_str(arena, name, strlen(name));
    }
    if (cfg && cfg->file)
        return cfg;
    lg_arena_close(arena);
    return NULL;
}

lg_err_t lg_config_parse_on(const struct lg_env *env, lg_span_t text, const char *name,
                            struct lg_config **out, struct lg_diag *diag)
{
    uint32_t errors_before = diag->error_cnt;
    struct lg_arena *tree = lg_arena_open();
    struct lg_config *cfg = tree ? new_config(name) : NULL;

    if (!cfg) {
        lg_arena_close(tree);
        lg_diag_error(diag, name, 0, NULL, "out of memory");
        return LG_E(CONFIG);
    }
    struct lg_node *root = lg_yaml_parse(text, cfg->file, tree, diag);
    if (root)
        fill(cfg, root, tree, env, diag);
    lg_arena_close(tree);
    if (!root || diag->error_cnt != errors_before) {
        lg_config_free(cfg);
        return LG_E(CONFIG);
    }
    *out = cfg;
    return LG_OK;
}

lg_err_t lg_config_parse(lg_span_t text, const char *name, struct lg_config **out,
                         struct lg_diag *diag)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct lg_env env = {.cpu_cnt = cpus > 0 ? (uint32_t)cpus : 0, .checks_files = true};

    return lg_config_parse_on(&env, text, name, out, diag);
}

/* read_all reads at most LG_YAML_MAX_SZ + 1 bytes, so that the parser can tell what is too large;
 * NULL with errno set. */
static uint8_t *read_all(int fd, size_t *len)
{
    const size_t max = LG_YAML_MAX_SZ + 1;
    size_t cap = 64u << 10, at = 0;
    uint8_t *buf = malloc(cap);

    while (buf) {
        ssize_t n = read(fd, buf + at, LG_MIN(cap, max) - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        at += (size_t)n;
        if (n == 0 || at == max) {
            *len = at;
            return buf;
        }
        if (at == cap) {
            uint8_t *more = realloc(buf, cap * 2);
            if (!more)
                break;
            buf = more;
            cap *= 2;
        }
    }
    int saved = buf ? errno : ENOMEM;
    free(buf);
    errno = saved;
    return NULL;
}

lg_err_t lg_config_load(const char *path, struct lg_config **out, struct lg_diag *diag)
{
    struct stat st;
    uint8_t *text = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        errno = EISDIR;
    else if (fd >= 0)
        text = read_all(fd, &len);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!text) {
        lg_diag_error(diag, path, 0, NULL, "cannot read the configuration: %s", strerror(saved));
        return LG_E(CONFIG);
    }
    lg_err_t err = lg_config_parse(lg_span(text, len), path, out, diag);
    free(text);
    return err;
}

struct lg_config *lg_config_hold(struct lg_config *cfg)
{
    cfg->ref_cnt++;
    return cfg;
}

void lg_config_free(struct lg_config *cfg)
{
    if (!cfg || --cfg->ref_cnt > 0)
        return;
    struct lg_config *base = cfg->base;
    lg_arena_close(cfg->arena); /* cfg itself lives in it */
    lg_config_free(base);
}

/* ---------------------------------------------------------------- what a reload cannot change */

static bool same_ports(const struct lg_config *a, const struct lg_config *b)
{
    if (a->port_cnt != b->port_cnt)
        return false;
    for (uint32_t i = 0; i < a->port_cnt; i++) {
        const struct lg_cfg_port *p = &a->ports[i], *q = &b->ports[i];
        if (strcmp(p->name, q->name) != 0 || strcmp(p->device, q->device) != 0 ||
            p->mtu != q->mtu || p->trust_rx_csum != q->trust_rx_csum || p->has_mac != q->has_mac ||
            p->share != q->share || p->dad != q->dad ||
            p->router_advertisements != q->router_advertisements ||
            memcmp(p->mac, q->mac, sizeof p->mac) != 0 || p->address_cnt != q->address_cnt)
            return false;
        for (uint32_t k = 0; k < p->address_cnt; k++)
            if (!lg_ip_eq(&p->addresses[k].ip, &q->addresses[k].ip) ||
                p->addresses[k].len != q->addresses[k].len)
                return false;
    }
    return true;
}

static bool same_routes(const struct lg_config *a, const struct lg_config *b)
{
    if (a->route_cnt != b->route_cnt)
        return false;
    for (uint32_t i = 0; i < a->route_cnt; i++)
        if (!lg_ip_eq(&a->routes[i].to.ip, &b->routes[i].to.ip) ||
            a->routes[i].to.len != b->routes[i].to.len ||
            !lg_ip_eq(&a->routes[i].via, &b->routes[i].via))
            return false;
    return true;
}

static bool has_pool_tls(const struct lg_config *cfg)
{
    for (uint32_t i = 0; i < cfg->pool_cnt; i++)
        if (cfg->pools[i].tls.on)
            return true;
    return false;
}

#define BACK_CONNS_LEAST 32768u /* so many clients may all have a request at a time */
#define BACK_CONNS_PART 8u      /* of more than that: one in eight */

uint32_t lg_config_back_conns(const struct lg_config *cfg)
{
    uint32_t max = cfg->max_connections;

    if (cfg->max_backend_conns > 0)
        return cfg->max_backend_conns;
    for (uint32_t i = 0; i < cfg->listener_cnt; i++)
        if (!lg_listener_reads_http(cfg->listeners[i].type))
            return max;
    return LG_MIN(max, LG_MAX(BACK_CONNS_LEAST, max / BACK_CONNS_PART));
}

uint32_t lg_config_tls_conns(const struct lg_config *cfg)
{
    const uint32_t checks = 64;

    return cfg->max_connections + (has_pool_tls(cfg) ? lg_config_back_conns(cfg) + checks : 0);
}

const char *lg_config_restart_needed(const struct lg_config *a, const struct lg_config *b)
{
    bool same_workers =
        a->worker_cnt == b->worker_cnt &&
        memcmp(a->worker_cpus, b->worker_cpus, a->worker_cnt * sizeof a->worker_cpus[0]) == 0;
    const struct {
        const char *key;
        bool is_same;
    } keys[] = {
        {"global.workers", same_workers},
        {"global.control_cpu", a->control_cpu == b->control_cpu},
        {"global.idle", a->idle == b->idle},
        {"global.memory", a->memory_mb == b->memory_mb},
        {"global.hugepages", a->hugepages == b->hugepages},
        {"global.max_connections", a->max_connections == b->max_connections},
        {"global.max_backend_connections", a->max_backend_conns == b->max_backend_conns &&
                                               lg_config_back_conns(a) >= lg_config_back_conns(b)},
        {"global.handshake_budget", a->handshake_budget_ns == b->handshake_budget_ns},
        {"global.packet_buffers", a->packet_buffers == b->packet_buffers},
        {"global.send_buffer", a->snd_buf_sz == b->snd_buf_sz},
        {"global.receive_buffer", a->rcv_buf_sz == b->rcv_buf_sz},
        {"global.congestion_control", a->cc == b->cc},
        {"global.ecn", a->ecn == b->ecn},
        {"global.pacing", a->pacing == b->pacing},
        {"global.user_timeout", a->user_timeout_ns == b->user_timeout_ns},
        {"global.syn_backlog", a->syn_backlog == b->syn_backlog},
        {"global.connections_per_source", a->source_conns == b->source_conns},
        {"global.connection_rate_per_source", a->source_cps == b->source_cps},
        {"global.source_ports", a->port_lo == b->port_lo && a->port_hi == b->port_hi},
        {"global.eal_extra", strcmp(a->eal_extra, b->eal_extra) == 0},
        {"global.file_prefix", strcmp(a->file_prefix, b->file_prefix) == 0},
        {"global.user", strcmp(a->user, b->user) == 0},
        {"global.group", strcmp(a->group, b->group) == 0},
        {"global.keep_file_access", a->keep_file_access == b->keep_file_access},
        {"global.lock_memory", a->lock_memory == b->lock_memory},
        {"global.core_dumps", a->core_dumps == b->core_dumps},
        {"ports", same_ports(a, b)},
        {"routes", same_routes(a, b)},
        /* Memory for it is laid out at start; taking it away again is no matter. */
        {"pools.tls", has_pool_tls(a) || !has_pool_tls(b)},
    };

    for (size_t i = 0; i < LG_ARRAY_CNT(keys); i++)
        if (!keys[i].is_same)
            return keys[i].key;
    return NULL;
}
