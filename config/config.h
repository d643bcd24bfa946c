/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h: one configuration file as plain, checked data. It knows nothing of DPDK, TLS or
 * sockets; it reads only the YAML file itself (certificates, keys and CRLs are read by tls/).
 *
 * A struct lg_config is immutable once parsed: a reload parses a new one. Every string is
 * NUL-terminated, owned by the config and never NULL unless marked optional. Every object keeps
 * the line it stood on, so that later stages can point at it too.
 *
 * Thread control or boot. */
#ifndef LG_CONFIG_H
#define LG_CONFIG_H

#include "base.h"
#include "diag.h"
#include "err.h"
#include "ip.h"
#include "log_format.h"
#include "ns.h"

#define LG_MAX_WORKERS 64
#define LG_MAX_PORTS 16
#define LG_MAX_PORT_ADDRS 64
#define LG_MAX_LISTENERS 1024

enum lg_idle { LG_IDLE_ADAPTIVE, LG_IDLE_POLL };
enum lg_cfg_cc { LG_CC_CUBIC, LG_CC_NEWRENO };
enum lg_cfg_ecn { LG_CFG_ECN_OFF, LG_CFG_ECN_PASSIVE, LG_CFG_ECN_ON };
/* What clients speak to a listener: bytes or HTTP, inside TLS or in clear. */
enum lg_listener_type {
    LG_LISTENER_TCP_SSL,
    LG_LISTENER_HTTPS,
    LG_LISTENER_TCP,
    LG_LISTENER_HTTP,
};
static inline bool lg_listener_has_tls(enum lg_listener_type t)
{
    return t == LG_LISTENER_TCP_SSL || t == LG_LISTENER_HTTPS;
}
static inline bool lg_listener_reads_http(enum lg_listener_type t)
{
    return t == LG_LISTENER_HTTPS || t == LG_LISTENER_HTTP;
}
/* How a route's path is compared. */
enum lg_path_match { LG_PATH_PREFIX, LG_PATH_EXACT, LG_PATH_REGEX };
enum lg_fwd_headers { LG_FWD_X, LG_FWD_STANDARD, LG_FWD_BOTH, LG_FWD_NONE };
enum lg_fwd_incoming { LG_FWD_APPEND, LG_FWD_REPLACE };
enum lg_same_site { LG_SAME_SITE_LAX, LG_SAME_SITE_STRICT, LG_SAME_SITE_NONE, LG_SAME_SITE_OFF };
enum lg_secure { LG_SECURE_AUTO, LG_SECURE_ALWAYS, LG_SECURE_NEVER };
enum lg_client_auth { LG_AUTH_NONE, LG_AUTH_OPTIONAL, LG_AUTH_REQUIRED };
enum lg_crl_fail { LG_CRL_FAIL_CLOSED, LG_CRL_FAIL_OPEN };
enum lg_client_ocsp { LG_CLIENT_OCSP_OFF, LG_CLIENT_OCSP_SOFT, LG_CLIENT_OCSP_HARD };
enum lg_tls_prefer { LG_PREFER_SERVER, LG_PREFER_CLIENT };
enum lg_balance {
    LG_BALANCE_ROUNDROBIN,
    LG_BALANCE_LEASTCONN,
    LG_BALANCE_EWMA,
    LG_BALANCE_SOURCE,
    LG_BALANCE_URI,
    LG_BALANCE_HEADER,
    LG_BALANCE_COOKIE
};
enum lg_health_type { LG_HEALTH_NONE, LG_HEALTH_TCP, LG_HEALTH_TLS, LG_HEALTH_HTTP };
/* Where the access log goes; OFF: there is none. */
enum lg_log_to { LG_LOG_TO_OFF, LG_LOG_TO_STDERR, LG_LOG_TO_SYSLOG, LG_LOG_TO_FILE };
enum lg_log_what { LG_LOG_ALL, LG_LOG_NONE, LG_LOG_ERRORS };
enum lg_log_how { LG_LOG_INHERIT, LG_LOG_JSON, LG_LOG_TEXT };
enum lg_syslog_format { LG_SYSLOG_LOCAL, LG_SYSLOG_RFC5424 };
enum lg_dns_family { LG_DNS_ANY, LG_DNS_IPV4, LG_DNS_IPV6 };
enum lg_proxy_protocol { LG_PP_NONE, LG_PP_V1, LG_PP_V2 };
enum lg_tls_version { LG_TLS_12 = 0x0303, LG_TLS_13 = 0x0304 };

/* ports[]: a network device and the addresses we answer for on it. */
struct lg_cfg_port {
    unsigned line;
    char *name;         /* unique; routes and logs refer to it */
    char *device;       /* "pci:0000:01:00.0", "af_xdp:IFACE", "tap:NAME",
                           "memif:/path/sock[,role=server|client][,id=N]", "vdev:STRING" */
    uint16_t mtu;       /* bytes of IP packet, in [1280, 9000]; default 1500 */
    bool trust_rx_csum; /* accept frames without verifying checksums (veth peers with offload) */
    bool dad;           /* ask whether somebody else has our IPv6 addresses; default true */
    bool router_advertisements; /* take IPv6 default routes from them; default false */
    bool share; /* af_xdp: what is not for our addresses goes to the kernel; default false */
    uint32_t address_cnt;
    struct lg_prefix addresses[LG_MAX_PORT_ADDRS]; /* ours, with the on-link prefix */
    bool has_mac;
    uint8_t mac[6]; /* optional: override the device's */
};

/* routes[]: static routes; "0.0.0.0/0" and "::/0" are the gateways. */
struct lg_cfg_route {
    unsigned line;
    struct lg_prefix to;
    lg_ip_t via;       /* on-link on some port; same family as `to` */
    uint32_t port_idx; /* the port on whose prefix `via` lies */
};

struct lg_cfg_cert {
    unsigned line;
    char *cert;            /* file: leaf first, then intermediates (PEM) */
    char *key;             /* file: private key (PEM) */
    char *passphrase_file; /* optional (NULL) */
    char *ocsp;            /* file: OCSP response to staple (DER); NULL: none */
    bool ocsp_fetch;       /* ask the CA's responder for one; default false */
    char *ocsp_responder;  /* URL; NULL: the one in the certificate */
    char *ocsp_issuer;     /* file: its issuer's certificate (PEM); NULL: the next in cert */
};

struct lg_cfg_tls {
    unsigned line;
    uint16_t min_version, max_version; /* enum lg_tls_version; default 1.2 .. 1.3 */
    enum lg_tls_prefer prefer;         /* default server */
    bool sni_strict;                   /* unknown name: unrecognized_name; default false */
    uint32_t cert_cnt;                 /* >= 1; the first is the default */
    struct lg_cfg_cert *certs;
    uint32_t alpn_cnt; /* tcp_ssl: as listed; https: "http/1.1", "http/1.0" always */
    char **alpn;
    enum lg_client_auth client_auth; /* default none = one-way */
    char *client_ca;                 /* file, PEM bundle; required unless client_auth none */
    uint32_t crl_cnt;
    char **crls;               /* files, PEM or DER */
    enum lg_crl_fail crl_fail; /* when crl_cnt > 0: issuer without CRL or stale; default closed */
    bool close_revoked;        /* end live connections of who is revoked; default false */
    enum lg_client_ocsp client_ocsp; /* ask about clients' certificates; default off */
    char *client_ocsp_responder;     /* URL; NULL: the one in the certificate */
    bool client_cert_chain;          /* and its intermediates; default false */
    bool client_cert_header;         /* https: pass the client's certificate on; default false */
    bool tickets;                    /* session tickets; default true */
    lg_ns_t ticket_lifetime_ns;      /* of a session, from its full handshake; default 1 h */
    uint32_t verify_depth; /* intermediates allowed below a bundle CA; default 4, in [1, 9] */
};

/* A change to a header section. One of the three names is not NULL. */
struct lg_cfg_header {
    unsigned line;
    char *set, *add, *remove;
    char *value; /* template; NULL with remove */
};

/* What https and http listeners do with requests, by host and path: see http_route.h for which
 * route takes one. A pool answers, or a redirect, or a response of our own. */
struct lg_cfg_http_route {
    unsigned line;
    char *host;        /* lower case; "example.com", "*.example.com" or "*" */
    char *path;        /* LG_PATH_PREFIX: on segment boundaries, begins with '/' */
    uint32_t pool_idx; /* LG_NO_POOL: a redirect or response */
    enum lg_path_match match;
    char *exact, *regex; /* the path, the expression; NULL but for their kind of match */
    char *rewrite;       /* pool: template of the target the backend gets; NULL: as it came */
    struct lg_cfg_redirect {
        unsigned line; /* 0: none */
        char *to;      /* template of the Location */
        uint16_t status;
    } redirect;
    struct lg_cfg_respond {
        unsigned line;   /* 0: none */
        uint32_t status; /* default 200 */
        char *type;      /* Content-Type; default text/plain */
        char *body;      /* "" none */
        char *file;      /* that holds the body; NULL: `body` is it */
    } respond;
    uint32_t request_header_cnt, response_header_cnt; /* after those of the listener */
    struct lg_cfg_header *request_headers, *response_headers;
};
#define LG_NO_POOL UINT32_MAX
#define LG_MAX_REGEX 64 /* of one listener */

/* What backends hear of the client, and what of it they believe that came with the request. */
struct lg_cfg_forwarded {
    unsigned line;
    enum lg_fwd_headers headers;   /* default LG_FWD_X */
    enum lg_fwd_incoming incoming; /* default append */
    uint32_t trust_cnt;            /* 0: nobody is trusted more than others */
    struct lg_prefix *trust;
    char *via; /* our name in Via; NULL: no Via is added */
};

/* How lines of the access log look. */
struct lg_cfg_log_format {
    uint8_t how;                               /* enum lg_log_how */
    struct lg_log_text text[LG_LOG_EVENT_CNT]; /* TEXT: of each kind of line */
};

/* log: the access log. */
struct lg_cfg_log {
    unsigned line;
    enum lg_log_to to;
    char *path;                          /* of the file or of syslog's socket; "" else */
    struct lg_cfg_log_format format;     /* default json */
    struct lg_cfg_log_format error;      /* its HANDSHAKE text; INHERIT: that of format */
    bool query;                          /* queries of requests are logged; default false */
    bool empty;                          /* also connections without a byte; default false */
    uint32_t header_cnt;                 /* captured: those listed and those that formats name */
    char **headers;                      /* lower case */
    uint32_t buffer;                     /* records a worker may be ahead; default 4096 */
    uint32_t facility;                   /* syslog's; default local0 */
    enum lg_syslog_format syslog_format; /* default local */
};

struct lg_cfg_listener {
    unsigned line;
    char *name; /* unique */
    enum lg_listener_type type;
    uint32_t bind_cnt; /* addresses must belong to a port; [1, 64] */
    struct lg_endpoint *binds;
    struct lg_cfg_tls tls; /* tcp_ssl and https; else zeroes */
    uint32_t pool_idx;     /* tcp_ssl, tcp: where bytes go */
    uint32_t route_cnt;    /* https, http */
    struct lg_cfg_http_route *routes;
    uint32_t request_header_cnt, response_header_cnt;
    struct lg_cfg_header *request_headers, *response_headers;
    struct lg_cfg_forwarded forwarded;
    lg_ns_t handshake_timeout_ns; /* default 10 s */
    lg_ns_t header_timeout_ns;    /* https: request header; default 10 s -> 408 */
    lg_ns_t keepalive_timeout_ns; /* https: idle between requests; default 60 s */
    lg_ns_t idle_timeout_ns;      /* no bytes either way; default 300 s */
    uint32_t pp_from_cnt;         /* who must begin with a PROXY header; 0: nobody may */
    struct lg_prefix *pp_from;
    uint32_t max_half_open; /* handshakes per worker before SYN cookies; 0: global's; default 0 */
    uint32_t max_header_sz; /* https: bytes of a header section; default 16384 */
    enum lg_log_what log;   /* default all, where there is a log */
    struct lg_cfg_log_format log_format; /* default INHERIT: the log's */
};

struct lg_cfg_backend {
    unsigned line;
    char *name;
    struct lg_endpoint addr;  /* 0.0.0.0 and the port when a name's address is not known */
    char *host;               /* NULL: given by address; else the name, in lower case */
    bool resolve_first;       /* of a name's addresses only one; default all */
    uint32_t weight;          /* share of the work; in [0, 256], 0: none; default 1 */
    uint32_t max_connections; /* in use at once, all workers together; 0: no bound */
    bool backup;              /* only when no other backend of the pool is usable */
    bool drain;               /* no new work; what is there goes on */
};

/* How a pool chooses: "roundrobin", "leastconn", "ewma", "source", "uri", "header:NAME",
 * "cookie:NAME". */
struct lg_cfg_balance {
    enum lg_balance how; /* default roundrobin */
    char *name;          /* of the header (lower case) or cookie; "" for the others */
};

/* A range of HTTP status codes, both ends included. */
struct lg_cfg_codes {
    uint16_t lo, hi;
};

/* Active checks of a pool's backends. */
struct lg_cfg_health {
    enum lg_health_type type; /* default none */
    lg_ns_t interval_ns;      /* default 5 s */
    lg_ns_t fast_ns;          /* while down or in doubt; default 1 s */
    lg_ns_t timeout_ns;       /* default 2 s */
    uint32_t rise, fall;      /* answers in a row that bring it up, take it down; default 2, 3 */
    char *method, *path;      /* http; default GET, / */
    char *host;               /* http: "" the backend's address */
    uint32_t expect_cnt;      /* http: 0: 200-399 */
    struct lg_cfg_codes *expect;
    char *body; /* http: what the body must contain; "" anything */
};

/* Passive health: by the traffic itself. */
struct lg_cfg_ejection {
    uint32_t failures;     /* in a row; 0: do not count them; default 5 */
    uint32_t success_rate; /* per cent of a window's answers; 0: do not look; default 0 */
    uint32_t min_requests; /* answers a window must have to be judged; default 20 */
    lg_ns_t window_ns;     /* default 10 s */
    lg_ns_t time_ns;       /* of the first ejection; each further one twice as long; default 10 s */
    lg_ns_t max_time_ns;   /* default 300 s */
};

/* TLS towards a pool's backends (R14). */
struct lg_cfg_pool_tls {
    unsigned line;
    bool on;        /* the section is there */
    bool no_verify; /* verify: none; anybody can be that server */
    char *ca;       /* file, PEM bundle; NULL with no_verify only */
    char *name;     /* SNI, and what the certificate must be for; "" with no_verify only */
    uint32_t crl_cnt;
    char **crls;                       /* files, PEM or DER */
    enum lg_crl_fail crl_fail;         /* default closed */
    uint32_t verify_depth;             /* default 4 */
    char *cert, *key;                  /* files, for servers that ask; NULL: none */
    char *passphrase_file;             /* optional (NULL) */
    uint16_t min_version, max_version; /* enum lg_tls_version; default 1.2 .. 1.3 */
};

/* A cookie of ours that names the backend a client stays with. */
struct lg_cfg_sticky {
    unsigned line;               /* 0: none */
    char *cookie;                /* its name */
    char *key_file;              /* NULL: a key of the process */
    lg_ns_t max_age_ns;          /* 0: as long as the browser runs; default 0 */
    char *path, *domain;         /* default "/", "" */
    enum lg_secure secure;       /* default: where the client speaks TLS */
    bool http_only;              /* default true */
    enum lg_same_site same_site; /* default lax */
    bool strip;                  /* backends do not see it; default true */
};

struct lg_cfg_pool {
    unsigned line;
    char *name;           /* unique */
    uint32_t backend_cnt; /* >= 1 */
    struct lg_cfg_backend *backends;
    struct lg_cfg_balance balance;
    struct lg_cfg_sticky sticky;
    struct lg_cfg_pool_tls tls;
    enum lg_proxy_protocol proxy_protocol; /* towards the backends; default none */
    struct lg_cfg_health health;
    struct lg_cfg_ejection ejection;
    lg_ns_t slow_start_ns;       /* a backend that comes (back) grows to its weight; default 0 */
    uint32_t retry_max;          /* other backends tried for one connection or request; default 1 */
    uint32_t retry_budget;       /* per cent of what begins that may be retried; default 20 */
    uint32_t queue_max;          /* waiting for max_connections, per worker; default 1024 */
    lg_ns_t queue_timeout_ns;    /* default 5 s -> 503 */
    lg_ns_t connect_timeout_ns;  /* default 5 s */
    lg_ns_t response_timeout_ns; /* https: until response header; default 60 s -> 504 */
    uint32_t keepalive_max;      /* https: idle backend connections kept per worker; default 64 */
    lg_ns_t keepalive_idle_ns;   /* how long one is kept; default 30 s */
};

/* admin: the admin API on an address of the kernel's, besides the control socket. */
struct lg_cfg_admin {
    unsigned line;
    bool on; /* the section is there */
    struct lg_endpoint addr;
    char *token_file; /* optional (NULL); it or client_ca is there */
    char *cert, *key; /* files; NULL: in clear */
    char *client_ca;  /* optional (NULL): mutual TLS */
};

/* How names of backends are looked up. */
struct lg_cfg_dns {
    uint32_t server_cnt; /* 0: those of resolv.conf */
    struct lg_endpoint *servers;
    char *hosts_file;          /* "" for none; default /etc/hosts */
    enum lg_dns_family family; /* default any */
    lg_ns_t timeout_ns;        /* of one try; default 2 s */
    uint32_t tries;            /* default 2 */
    lg_ns_t min_ttl_ns;        /* default 1 s */
    lg_ns_t max_ttl_ns;        /* default 5 min */
    lg_ns_t retry_ns;          /* after a failure; default 5 s */
    lg_ns_t stale_timeout_ns;  /* what is known is kept so long without an answer; 0: for ever */
    bool is_required;          /* no start and no reload before every name has an answer */
    lg_ns_t start_timeout_ns;  /* default 5 s */
};

struct lg_config {
    char *file; /* as given */

    /* global: */
    uint32_t worker_cnt; /* >= 1 */
    uint16_t worker_cpus[LG_MAX_WORKERS];
    int control_cpu;                 /* -1: any */
    enum lg_idle idle;               /* default adaptive */
    uint32_t memory_mb;              /* DPDK memory; default 512 */
    bool hugepages;                  /* default true */
    uint32_t max_connections;        /* client connections per worker; default 20000 */
    uint32_t max_backend_conns;      /* to backends, per worker; 0: lg_config_back_conns derives */
    lg_ns_t handshake_budget_ns;     /* of a turn of a worker's loop; default 50 us */
    uint32_t packet_buffers;         /* per process; 0: derived from max_connections */
    uint32_t snd_buf_sz, rcv_buf_sz; /* bytes per connection and direction at most; default 4 MiB */
    enum lg_cfg_cc cc;               /* congestion control; default cubic */
    enum lg_cfg_ecn ecn;             /* RFC 3168; default passive */
    bool pacing;                     /* default true */
    lg_ns_t user_timeout_ns;         /* of unacknowledged data; default 0: by retries */
    uint32_t syn_backlog;            /* handshakes per worker before SYN cookies; default 1024 */
    uint32_t source_conns;           /* connections per client address; default 0: no limit */
    uint32_t source_cps;             /* new ones a second; default 0: no limit */
    char *eal_extra;                 /* "" when not given */
    char *control_socket;            /* unix path; default /run/lockgate.sock; "" off */
    char *ticket_keys;               /* optional file: keys of session tickets; NULL: random */
    char *revoked_file;              /* optional file: certificates revoked by lockgatectl */
    char *log_level;                 /* error, warn, info, debug; default info */
    lg_ns_t drain_timeout_ns;        /* SIGTERM and old snapshots; default 30 s */
    uint32_t max_generations;        /* replaced ones that connections may hold; default 64 */
    uint16_t port_lo, port_hi;       /* source ports towards backends; default 32768-60999 */
    char *file_prefix;               /* EAL file prefix; default "lockgate" */
    char *user, *group;              /* to become after start; "" to stay */
    bool keep_file_access;           /* reloads read what only root can; default true */
    bool lock_memory;                /* out of swap; default true */
    bool core_dumps;                 /* default false */

    struct lg_cfg_admin admin;
    struct lg_cfg_log log;
    struct lg_cfg_dns dns;

    uint32_t port_cnt;
    struct lg_cfg_port *ports;
    uint32_t route_cnt;
    struct lg_cfg_route *routes;
    uint32_t listener_cnt;
    struct lg_cfg_listener *listeners;
    uint32_t pool_cnt;
    struct lg_cfg_pool *pools;

    void *arena;            /* owns every string and array above that `base` does not */
    uint32_t ref_cnt;       /* who holds it; control only */
    struct lg_config *base; /* owns a reference: what it was derived from (runtime.h), or NULL */
};

/* lg_config_load reads and checks one file.
 *   path     of the YAML file
 *   out      owned by the caller, lg_config_free; untouched on error
 *   diag     errors and warnings, each with file, line, key, what was expected
 *   Returns  LG_OK, or LG_E(CONFIG) with diag->error_cnt > 0 (as many errors as can be found in
 *            one go, not only the first)
 *   Bounds   files over 16 MiB, anchors/aliases expansions, and nesting over 16 are refused */
LG_MUST lg_err_t lg_config_load(const char *path, struct lg_config **out, struct lg_diag *diag);
/* lg_config_parse does the same for a text in memory; `name` stands for the file in messages.
 * Relative file names inside are taken relative to the directory of `name`. */
LG_MUST lg_err_t lg_config_parse(lg_span_t text, const char *name, struct lg_config **out,
                                 struct lg_diag *diag);
/* lg_config_hold takes one more reference; lg_config_free gives one up, NULL allowed. */
struct lg_config *lg_config_hold(struct lg_config *cfg);
void lg_config_free(struct lg_config *cfg);

/* lg_config_back_conns: connections to backends, in use and kept, that a worker has room for. Where
 * max_backend_connections does not say: as many as clients where a listener's clients have one each
 * all the time, else fewer when there are very many clients, few of whom have a request at a time.
 */
uint32_t lg_config_back_conns(const struct lg_config *cfg);
/* lg_config_tls_conns: TLS connections a worker needs room for: clients, backends where a pool has
 * tls, and health checks. */
uint32_t lg_config_tls_conns(const struct lg_config *cfg);

/* lg_config_restart_needed compares what a reload cannot change (workers, memory, ports, ...).
 *   Returns  NULL, or the first key that differs ("global.workers") */
const char *lg_config_restart_needed(const struct lg_config *running, const struct lg_config *next);

#endif
