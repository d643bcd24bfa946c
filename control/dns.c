/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.c: names, answers, and when to ask again. */
#include "dns.h"

#include "ip.h"
#include "log.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct name {
    struct lg_dns *dns; /* borrows: for life */
    char *host;         /* owns; lower case */
    lg_ip_t ips[LG_NAME_ADDRS_MAX];
    uint32_t cnt;    /* sorted */
    uint32_t first;  /* stays the same address as long as it is among them */
    lg_ns_t next_ns; /* when to ask */
    lg_ns_t good_ns; /* of the last good answer */
    bool is_asked;   /* a query is out */
    bool is_told;    /* answered or failed, once at least */
    bool is_stale;   /* the last query failed */
    bool is_wanted;  /* by the configuration in use */
    bool is_orphan;  /* not in the list any more: freed when its query ends */
};

struct lg_dns {
    ares_channel channel;
    bool has_channel;
    bool is_closing;
    char servers[8 * (LG_ENDPOINT_STR_SZ + 1)], hosts_file[1025]; /* of the channel */
    int timeout_ms, tries;
    struct lg_cfg_dns cfg; /* the numbers; its pointers are not used */
    struct name **names;   /* owns */
    uint32_t name_cnt;
    lg_ns_t now_ns;
    bool has_changed;
    struct lg_dns_counts counts;
};

/* ---------------------------------------------------------------- answers */

static int compare_ips(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(lg_ip_t));
}

/* take_ip turns a socket address into ours; false: of another kind. */
static bool take_ip(const struct sockaddr *sa, enum lg_dns_family family, lg_ip_t *out)
{
    char text[INET6_ADDRSTRLEN];
    const void *raw = sa->sa_family == AF_INET
                          ? (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr
                          : &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

    if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) ||
        (family == LG_DNS_IPV4 && sa->sa_family != AF_INET) ||
        (family == LG_DNS_IPV6 && sa->sa_family != AF_INET6) ||
        !inet_ntop(sa->sa_family, raw, text, sizeof text))
        return false;
    return lg_is_ok(lg_ip_parse(lg_span_cstr(text), out));
}

/* collect reads the addresses of an answer, sorted and each once, and its least TTL. */
static uint32_t collect(const struct lg_dns *d, const struct ares_addrinfo *info, lg_ip_t *ips,
                        lg_ns_t *ttl_ns)
{
    uint32_t cnt = 0, kept = 0;
    int ttl = INT32_MAX;

    for (const struct ares_addrinfo_node *n = info->nodes; n && cnt < LG_NAME_ADDRS_MAX;
         n = n->ai_next) {
        if (!take_ip(n->ai_addr, d->cfg.family, &ips[cnt]))
            continue;
        ttl = LG_MIN(ttl, LG_MAX(n->ai_ttl, 0));
        cnt++;
    }
    for (const struct ares_addrinfo_cname *c = info->cnames; c; c = c->next)
        ttl = LG_MIN(ttl, LG_MAX(c->ttl, 0));
    qsort(ips, cnt, sizeof *ips, compare_ips);
    for (uint32_t i = 0; i < cnt; i++)
        if (kept == 0 || !lg_ip_eq(&ips[kept - 1], &ips[i]))
            ips[kept++] = ips[i];
    *ttl_ns = (lg_ns_t)ttl * LG_SEC(1);
    return kept;
}

/* say_change logs the new set, cut where a line would grow long. */
static void say_change(const struct name *n)
{
    char list[400] = "nothing", ip[LG_IP_STR_SZ];
    size_t at = 0;

    for (uint32_t i = 0; i < n->cnt && at + LG_IP_STR_SZ + 8 < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "",
                               lg_ip_text(&n->ips[i], ip));
    lg_log(LG_LOG_INFO, "dns: %s is %s (%u)", n->host, list, n->cnt);
}

/* set_ips: ips may be NULL when there are none. */
static void set_ips(struct name *n, const lg_ip_t *ips, uint32_t cnt)
{
    lg_ip_t kept = {0};
    bool has_first = n->cnt > 0;

    if (cnt == n->cnt && (cnt == 0 || memcmp(ips, n->ips, cnt * sizeof *ips) == 0))
        return;
    if (has_first)
        kept = n->ips[n->first];
    if (cnt)
        memcpy(n->ips, ips, cnt * sizeof *ips);
    n->cnt = cnt;
    n->first = 0;
    for (uint32_t i = 0; has_first && i < cnt; i++)
        if (lg_ip_eq(&ips[i], &kept))
            n->first = i;
    n->dns->has_changed = true;
    n->dns->counts.changes++;
    say_change(n);
}

static void on_failure(struct name *n, int status)
{
    struct lg_dns *d = n->dns;

    if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
        d->counts.fail_none++;
    else if (status == ARES_ETIMEOUT)
        d->counts.fail_timeout++;
    else
        d->counts.fail_other++;
    if (!n->is_stale) /* once for each row of failures */
        lg_log(LG_LOG_WARN, "dns: %s: %s; %s", n->host, ares_strerror(status),
               n->cnt ? "what is known of it is used on" : "it has no address");
    n->is_stale = true;
    n->next_ns = lg_ns_add(d->now_ns, d->cfg.retry_ns);
}

static void free_name(struct name *n)
{
    free(n->host);
    free(n);
}

/* on_answer is c-ares's callback: from within ares_getaddrinfo, ares_process_fd, ares_destroy. */
static void on_answer(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
    lg_ip_t ips[LG_NAME_ADDRS_MAX];
    struct name *n = ctx;
    struct lg_dns *d = n->dns;
    lg_ns_t ttl_ns = 0;
    uint32_t cnt = 0;

    (void)timeouts;
    n->is_asked = false;
    if (info && status == ARES_SUCCESS && !n->is_orphan)
        cnt = collect(d, info, ips, &ttl_ns);
    if (info)
        ares_freeaddrinfo(info);
    if (n->is_orphan) {
        free_name(n);
        return;
    }
    if (d->is_closing || status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) {
        n->next_ns = d->now_ns; /* asked again by the next channel */
        return;
    }
    n->is_told = true;
    if (cnt == 0) {
        on_failure(n, status == ARES_SUCCESS ? ARES_ENODATA : status);
        return;
    }
    d->counts.answers++;
    n->is_stale = false;
    n->good_ns = d->now_ns;
    n->next_ns = lg_ns_add(d->now_ns, LG_MIN(LG_MAX(ttl_ns, d->cfg.min_ttl_ns), d->cfg.max_ttl_ns));
    set_ips(n, ips, cnt);
}

/* ---------------------------------------------------------------- asking */

static void ask(struct lg_dns *d, struct name *n)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    struct ares_addrinfo_hints hints = {
        /* NOSORT: sorting connects sockets. ENVHOSTS: where hosts_file is told. */
        .ai_flags = ARES_AI_NOSORT | ARES_AI_ENVHOSTS,
        .ai_family = families[d->cfg.family],
        .ai_socktype = SOCK_STREAM,
    };
    n->is_asked = true;
    d->counts.queries++;
    ares_getaddrinfo(d->channel, n->host, NULL, &hints, on_answer, n);
}

/* expire gives up what could not be confirmed for too long. */
static void expire(struct lg_dns *d, struct name *n)
{
    if (!n->is_stale || n->cnt == 0 || d->cfg.stale_timeout_ns == 0 ||
        lg_ns_since(d->now_ns, n->good_ns) < d->cfg.stale_timeout_ns)
        return;
    d->counts.expired++;
    set_ips(n, NULL, 0);
}

unsigned lg_dns_fds(struct lg_dns *d, struct pollfd *out)
{
    ares_socket_t socks[ARES_GETSOCK_MAXNUM];
    unsigned cnt = 0;

    if (!d->has_channel)
        return 0;
    /* c-ares's own macros for these bits shift a signed 1 by 31: readable below, writable above. */
    unsigned bits = (unsigned)ares_getsock(d->channel, socks, ARES_GETSOCK_MAXNUM);
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM && cnt < LG_DNS_FDS_MAX; i++) {
        short events = 0;
        if (bits >> i & 1)
            events |= POLLIN;
        if (bits >> (ARES_GETSOCK_MAXNUM + i) & 1)
            events |= POLLOUT;
        if (events)
            out[cnt++] = (struct pollfd){.fd = socks[i], .events = events};
    }
    return cnt;
}

bool lg_dns_poll(struct lg_dns *d, lg_ns_t now_ns)
{
    struct pollfd fds[LG_DNS_FDS_MAX];

    d->now_ns = now_ns;
    if (d->has_channel) {
        unsigned cnt = lg_dns_fds(d, fds);
        if (cnt && poll(fds, cnt, 0) > 0)
            for (unsigned i = 0; i < cnt; i++)
                ares_process_fd(d->channel,
                                fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd
                                                                              : ARES_SOCKET_BAD,
                                fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
        ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what is late */
    }
    for (uint32_t i = 0; d->has_channel && i < d->name_cnt; i++) {
        struct name *n = d->names[i];
        expire(d, n);
        if (!n->is_asked && now_ns >= n->next_ns)
            ask(d, n);
    }
    bool has_changed = d->has_changed;
    d->has_changed = false;
    return has_changed;
}

/* ---------------------------------------------------------------- names and settings */

static struct name *find_name(const struct lg_dns *d, const char *host)
{
    for (uint32_t i = 0; i < d->name_cnt; i++)
        if (strcmp(d->names[i]->host, host) == 0)
            return d->names[i];
    return NULL;
}

static lg_err_t want(struct lg_dns *d, const char *host)
{
    struct name *n = find_name(d, host);

    if (!n) {
        struct name **grown = realloc(d->names, (d->name_cnt + 1) * sizeof *grown);
        LG_CHECK(grown, LG_E(NOMEM));
        d->names = grown;
        n = calloc(1, sizeof *n);
        LG_CHECK(n, LG_E(NOMEM));
        n->dns = d;
        n->host = strdup(host);
        if (!n->host) {
            free(n);
            return LG_E(NOMEM);
        }
        n->next_ns = d->now_ns;
        d->names[d->name_cnt++] = n;
    }
    n->is_wanted = true;
    return LG_OK;
}

/* drop: c-ares cannot take one query back, so a name that is asked for ends with it. */
static void drop(struct name *n)
{
    n->is_orphan = true;
    if (!n->is_asked)
        free_name(n);
}

static void forget_unwanted(struct lg_dns *d)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < d->name_cnt; i++) {
        if (d->names[i]->is_wanted)
            d->names[kept++] = d->names[i];
        else
            drop(d->names[i]);
    }
    d->name_cnt = kept;
}

static void put_servers(const struct lg_cfg_dns *cfg, char *out, size_t out_sz)
{
    char text[LG_ENDPOINT_STR_SZ];
    size_t at = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < cfg->server_cnt && at < out_sz; i++)
        at += (size_t)snprintf(out + at, out_sz - at, "%s%s", i ? "," : "",
                               lg_endpoint_text(&cfg->servers[i], text));
}

static void close_channel(struct lg_dns *d)
{
    if (d->has_channel)
        ares_destroy(d->channel); /* ends every query: on_answer */
    d->has_channel = false;
}

/* open_channel: settings of a channel are for its life, so other settings are another channel. */
static lg_err_t open_channel(struct lg_dns *d, const struct lg_cfg_dns *cfg, struct lg_diag *diag)
{
    char servers[sizeof d->servers];
    struct ares_options o = {.timeout = (int)(cfg->timeout_ns / LG_MS(1)),
                             .tries = (int)cfg->tries,
                             .lookups = (char *)(*cfg->hosts_file ? "fb" : "b")};
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                     ARES_OPT_DOMAINS; /* none: a name means one name, not one in our domain too */

    put_servers(cfg, servers, sizeof servers);
    /* Without servers of our own resolv.conf is read again, too. */
    if (d->has_channel && *servers && strcmp(servers, d->servers) == 0 &&
        strcmp(cfg->hosts_file, d->hosts_file) == 0 && o.timeout == d->timeout_ms &&
        o.tries == d->tries)
        return LG_OK;
    close_channel(d);
    snprintf(d->servers, sizeof d->servers, "%s", servers);
    snprintf(d->hosts_file, sizeof d->hosts_file, "%s", cfg->hosts_file);
    d->timeout_ms = o.timeout;
    d->tries = o.tries;
    setenv("CARES_HOSTS", cfg->hosts_file, 1); /* how this c-ares is told */
    int rc = ares_init_options(&d->channel, &o, mask);
    d->has_channel = rc == ARES_SUCCESS;
    if (d->has_channel && *servers)
        rc = ares_set_servers_ports_csv(d->channel, servers);
    if (rc == ARES_SUCCESS)
        return LG_OK;
    close_channel(d);
    lg_diag_error(diag, NULL, 0, "dns", "%s", ares_strerror(rc));
    return LG_E(SYS);
}

lg_err_t lg_dns_learn(struct lg_dns *d, const struct lg_config *cfg, lg_ns_t now_ns,
                      struct lg_diag *diag)
{
    d->now_ns = now_ns;
    d->cfg = cfg->dns;
    for (uint32_t i = 0; i < d->name_cnt; i++)
        d->names[i]->is_wanted = false;
    for (uint32_t i = 0; i < cfg->pool_cnt; i++)
        for (uint32_t b = 0; b < cfg->pools[i].backend_cnt; b++)
            if (cfg->pools[i].backends[b].host)
                LG_TRY(want(d, cfg->pools[i].backends[b].host));
    return d->name_cnt ? open_channel(d, &cfg->dns, diag) : LG_OK;
}

lg_err_t lg_dns_use(struct lg_dns *d, const struct lg_config *cfg, lg_ns_t now_ns,
                    struct lg_diag *diag)
{
    LG_TRY(lg_dns_learn(d, cfg, now_ns, diag));
    forget_unwanted(d);
    if (d->name_cnt == 0)
        close_channel(d);
    return LG_OK;
}

void lg_dns_taken(struct lg_dns *d)
{
    d->has_changed = false;
}

static bool is_settled(const struct lg_dns *d)
{
    for (uint32_t i = 0; i < d->name_cnt; i++)
        if (d->names[i]->is_wanted && !d->names[i]->is_told)
            return false;
    return true;
}

lg_ns_t lg_dns_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (lg_ns_t)ts.tv_sec * LG_SEC(1) + (lg_ns_t)ts.tv_nsec;
}

lg_err_t lg_dns_settle(struct lg_dns *d, const struct lg_config *cfg, struct lg_diag *diag)
{
    lg_ns_t end_ns = lg_ns_add(lg_dns_now(), cfg->dns.start_timeout_ns);
    struct pollfd fds[LG_DNS_FDS_MAX];
    uint32_t lacking = 0;

    while (!is_settled(d) && lg_dns_now() < end_ns) {
        d->has_changed |= lg_dns_poll(d, lg_dns_now());
        poll(fds, lg_dns_fds(d, fds), 10);
    }
    for (uint32_t i = 0; i < d->name_cnt; i++) {
        static const char text[] = "%s has no address yet; see the log, and dns.nameservers";
        if (d->names[i]->cnt || !d->names[i]->is_wanted)
            continue;
        lacking++;
        if (cfg->dns.is_required)
            lg_diag_error(diag, cfg->file, 0, "dns", text, d->names[i]->host);
        else
            lg_diag_warn(diag, cfg->file, 0, "dns", text, d->names[i]->host);
    }
    return lacking && cfg->dns.is_required ? LG_E(CONFIG) : LG_OK;
}

/* ---------------------------------------------------------------- open, close, ask us */

struct lg_dns *lg_dns_open(void)
{
    struct lg_dns *d = calloc(1, sizeof *d);

    if (d && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        free(d);
        return NULL;
    }
    return d;
}

void lg_dns_close(struct lg_dns *d)
{
    if (!d)
        return;
    d->is_closing = true;
    close_channel(d);
    for (uint32_t i = 0; i < d->name_cnt; i++)
        drop(d->names[i]);
    free(d->names);
    free(d);
    ares_library_cleanup();
}

void lg_dns_find(void *ctx, const char *host, struct lg_name_addrs *out)
{
    const struct name *n = find_name(ctx, host);

    *out = (struct lg_name_addrs){0};
    if (n)
        *out = (struct lg_name_addrs){.ips = n->ips, .cnt = n->cnt, .first = n->first};
}

void lg_dns_get_counts(const struct lg_dns *d, struct lg_dns_counts *out)
{
    *out = d->counts;
    out->names = d->name_cnt;
    for (uint32_t i = 0; i < d->name_cnt; i++) {
        out->unresolved += d->names[i]->cnt == 0;
        out->stale += d->names[i]->cnt > 0 && d->names[i]->is_stale;
    }
}
