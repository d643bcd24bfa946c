/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* tables.c: every key of the file, once: where it goes, its kind, bounds, default and meaning.
 * schema.md is printed from here (`ninja schema_md`), a test compares the two. */
#include "schema.h"

#define SZ(type, member) sizeof(((type *)NULL)->member)
#define AT(type, member) .off = offsetof(type, member), .width = (uint8_t)SZ(type, member)
#define LIST_AT(type, member, counter)                                                             \
    .shape = LG_LIST, .off = offsetof(type, member), .cnt_off = offsetof(type, counter)
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define TABLE(name, type, line)                                                                    \
    {                                                                                              \
        .fields = (name), .field_cnt = LG_ARRAY_CNT(name), .item_sz = sizeof(type),                \
        .line_off = (line)                                                                         \
    }
_Static_assert(sizeof(bool) == 1, "booleans are written as one byte");

/* ---------------------------------------------------------------- global */

static const struct lg_word idle_words[] = {
    {"adaptive", LG_IDLE_ADAPTIVE}, {"poll", LG_IDLE_POLL}, {NULL, 0}};
static const struct lg_word cc_words[] = {
    {"cubic", LG_CC_CUBIC}, {"newreno", LG_CC_NEWRENO}, {NULL, 0}};
static const struct lg_word level_words[] = {
    {"error", 0}, {"warn", 1}, {"info", 2}, {"debug", 3}, {NULL, 0}};

static const struct lg_field global_fields[] = {
    {.key = "workers",
     .kind = &lg_kind_workers,
     AT(struct lg_config, worker_cpus),
     .shape = LG_WHOLE,
     .def = "1",
     .doc = "CPUs to run on, one worker each. A count N takes CPUs 1 to N when the machine has "
            "more than N, else 0 to N-1."},
    {.key = "control_cpu",
     .kind = &lg_kind_cpu,
     AT(struct lg_config, control_cpu),
     .def = "any",
     .doc = "CPU of the control thread; it is mostly asleep."},
    {.key = "idle",
     .kind = &lg_kind_word,
     AT(struct lg_config, idle),
     .words = idle_words,
     .def = "adaptive",
     .doc = "What a worker without work does: `adaptive` sleeps a little longer each time, `poll` "
            "spins (lowest latency, a whole CPU)."},
    {.key = "memory",
     .kind = &lg_kind_size,
     AT(struct lg_config, memory_mb),
     .min = MIB(64),
     .max = MIB(1u << 20),
     .scale = MIB(1),
     .def = "512MiB",
     .doc = "Memory reserved at start for packets and connections."},
    {.key = "hugepages",
     .kind = &lg_kind_bool,
     AT(struct lg_config, hugepages),
     .def = "true",
     .doc = "Take that memory from hugepages; `false` is slower and needs no set-up."},
    {.key = "max_connections",
     .kind = &lg_kind_uint,
     AT(struct lg_config, max_connections),
     .min = 1,
     .max = 4u << 20,
     .def = "20000",
     .doc = "Client connections per worker; more are refused, established ones go on."},
    {.key = "handshake_budget",
     .kind = &lg_kind_duration,
     AT(struct lg_config, handshake_budget_ns),
     .min = LG_US(10),
     .max = LG_MS(100),
     .def = "250us",
     .doc = "How long handshakes may hold up a worker's other connections at a time: a turn of its "
            "loop begins no further one after that."},
    {.key = "packet_buffers",
     .kind = &lg_kind_uint,
     AT(struct lg_config, packet_buffers),
     .min = 0,
     .max = 64u << 20,
     .def = "0",
     .doc = "Packet buffers of the process; 0 derives them from `max_connections`."},
    {.key = "send_buffer",
     .kind = &lg_kind_size,
     AT(struct lg_config, snd_buf_sz),
     .min = KIB(4),
     .max = MIB(16),
     .def = "256KiB",
     .doc = "Unacknowledged bytes kept per connection."},
    {.key = "receive_buffer",
     .kind = &lg_kind_size,
     AT(struct lg_config, rcv_buf_sz),
     .min = KIB(4),
     .max = MIB(16),
     .def = "256KiB",
     .doc = "Received bytes not yet relayed per connection; the TCP window."},
    {.key = "congestion_control",
     .kind = &lg_kind_word,
     AT(struct lg_config, cc),
     .words = cc_words,
     .def = "cubic",
     .doc = "How fast data is sent: `cubic` (RFC 9438, with HyStart++) or `newreno` (RFC 6582)."},
    {.key = "syn_backlog",
     .kind = &lg_kind_uint,
     AT(struct lg_config, syn_backlog),
     .min = 0,
     .max = 1u << 20,
     .def = "1024",
     .doc =
         "TCP handshakes under way per worker beyond which SYNs are answered by cookies, without "
         "memory; 0: never."},
    {.key = "connections_per_source",
     .kind = &lg_kind_uint,
     AT(struct lg_config, source_conns),
     .min = 0,
     .max = 4u << 20,
     .def = "0",
     .doc = "Connections an IPv4 address or IPv6 /64 may hold, per worker; 0: no limit."},
    {.key = "connection_rate_per_source",
     .kind = &lg_kind_uint,
     AT(struct lg_config, source_cps),
     .min = 0,
     .max = 1000000,
     .def = "0",
     .doc = "Connections it may open a second, per worker, after a burst of as many; 0: no limit."},
    {.key = "source_ports",
     .kind = &lg_kind_port_range,
     AT(struct lg_config, port_lo),
     .def = "32768-60999",
     .doc = "Source ports towards backends, shared out among the workers."},
    {.key = "control_socket",
     .kind = &lg_kind_socket,
     AT(struct lg_config, control_socket),
     .def = "/run/lockgate.sock",
     .doc = "Unix socket of lockgatectl; \"\" for none."},
    {.key = "ticket_keys",
     .kind = &lg_kind_file,
     AT(struct lg_config, ticket_keys),
     .doc =
         "File with the keys of session tickets, one a line in base64, for several machines that "
         "serve one name; the last but one seals. Without it keys are random and replaced by "
         "themselves. Read again at each reload."},
    {.key = "log_level",
     .kind = &lg_kind_word_str,
     AT(struct lg_config, log_level),
     .words = level_words,
     .def = "info",
     .doc = "Least important lines to write."},
    {.key = "drain_timeout",
     .kind = &lg_kind_duration,
     AT(struct lg_config, drain_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(86400),
     .def = "30s",
     .doc = "How long open connections may go on after SIGTERM, or under a replaced "
            "configuration."},
    {.key = "eal_extra",
     .kind = &lg_kind_str,
     AT(struct lg_config, eal_extra),
     .min = 0,
     .max = 1024,
     .def = "",
     .doc = "More DPDK EAL arguments, for experts; quoted as in a shell."},
    {.key = "file_prefix",
     .kind = &lg_kind_name,
     AT(struct lg_config, file_prefix),
     .def = "lockgate",
     .doc = "DPDK file prefix; two Lockgates on one machine need two."},
};
static const struct lg_table global_table = TABLE(global_fields, struct lg_config, LG_NO_OFF);

/* ---------------------------------------------------------------- ports, routes */

static const struct lg_field port_fields[] = {
    {.key = "name",
     .kind = &lg_kind_name,
     AT(struct lg_cfg_port, name),
     .is_required = true,
     .doc = "a name for messages and counters, unique among the ports"},
    {.key = "device",
     .kind = &lg_kind_device,
     AT(struct lg_cfg_port, device),
     .is_required = true,
     .doc = "the network device: pci:ADDRESS, af_xdp:INTERFACE, tap:NAME, memif:SOCKET or "
            "vdev:STRING"},
    {.key = "addresses",
     .kind = &lg_kind_prefix,
     .shape = LG_LIST_INLINE,
     .off = offsetof(struct lg_cfg_port, addresses),
     .cnt_off = offsetof(struct lg_cfg_port, address_cnt),
     .list_min = 1,
     .list_max = LG_MAX_PORT_ADDRS,
     .is_required = true,
     .doc = "our addresses on this port, each with its on-link prefix"},
    {.key = "mtu",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_port, mtu),
     .min = 1280,
     .max = 9000,
     .def = "1500",
     .doc = "bytes of the largest IP packet"},
    {.key = "trust_rx_checksum",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_port, trust_rx_csum),
     .def = "false",
     .doc = "take frames without verifying TCP checksums; for a veth whose peer leaves them out"},
    {.key = "share",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_port, share),
     .def = "false",
     .doc = "af_xdp: leave the kernel all that is not for `addresses`, which must not be the "
            "kernel's; without it every frame of the interface is Lockgate's"},
    {.key = "duplicate_address_detection",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_port, dad),
     .def = "true",
     .doc = "ask for a second at start whether somebody else has one of our IPv6 addresses; one "
            "that is taken is not used, and the log says so"},
    {.key = "router_advertisements",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_port, router_advertisements),
     .def = "false",
     .doc = "take IPv6 default routes from routers that advertise themselves on this port, where "
            "no configured route fits"},
    {.key = "mac",
     .kind = &lg_kind_mac,
     AT(struct lg_cfg_port, mac),
     .doc = "an Ethernet address instead of the device's own"},
};
static const struct lg_table port_table =
    TABLE(port_fields, struct lg_cfg_port, offsetof(struct lg_cfg_port, line));

static const struct lg_field route_fields[] = {
    {.key = "to",
     .kind = &lg_kind_prefix,
     AT(struct lg_cfg_route, to),
     .is_required = true,
     .doc = "the network behind the router; 0.0.0.0/0 and ::/0 are everything"},
    {.key = "via",
     .kind = &lg_kind_ip,
     AT(struct lg_cfg_route, via),
     .is_required = true,
     .doc = "the router's address, on a network of one of the ports"},
};
static const struct lg_table route_table =
    TABLE(route_fields, struct lg_cfg_route, offsetof(struct lg_cfg_route, line));

/* ---------------------------------------------------------------- pools */

static const struct lg_field keepalive_fields[] = {
    {.key = "max",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_pool, keepalive_max),
     .min = 0,
     .max = 65535,
     .def = "64",
     .doc = "idle backend connections kept per worker; 0 keeps none"},
    {.key = "idle",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_pool, keepalive_idle_ns),
     .min = LG_MS(1),
     .max = LG_SEC(86400),
     .def = "30s",
     .doc = "how long one is kept"},
};
static const struct lg_table keepalive_table =
    TABLE(keepalive_fields, struct lg_cfg_pool, LG_NO_OFF);

static const struct lg_field backend_fields[] = {
    {.key = "name",
     .kind = &lg_kind_name,
     AT(struct lg_cfg_backend, name),
     .is_required = true,
     .doc = "a name for messages and counters, unique in the pool"},
    {.key = "address",
     .kind = &lg_kind_endpoint,
     AT(struct lg_cfg_backend, addr),
     .is_required = true,
     .doc = "where it listens, address:port"},
    {.key = "weight",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_backend, weight),
     .min = 0,
     .max = 256,
     .def = "1",
     .doc = "its share of the work beside the other backends' weights; 0 gives it none"},
    {.key = "max_connections",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_backend, max_connections),
     .min = 0,
     .max = 16u << 20,
     .def = "0",
     .doc = "connections (https: requests) it gets at once from all workers together; more wait "
            "in the pool's queue; 0 for no bound"},
    {.key = "backup",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_backend, backup),
     .def = "false",
     .doc = "it gets work only while no other backend of the pool is usable"},
    {.key = "drain",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_backend, drain),
     .def = "false",
     .doc = "it gets no new work; what it has goes on"},
};
static const struct lg_table backend_table =
    TABLE(backend_fields, struct lg_cfg_backend, offsetof(struct lg_cfg_backend, line));

static const struct lg_field queue_fields[] = {
    {.key = "max",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_pool, queue_max),
     .min = 0,
     .max = 1u << 20,
     .def = "1024",
     .doc = "how many may wait, per worker; more get 503 (https) or are closed"},
    {.key = "timeout",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_pool, queue_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(3600),
     .def = "5s",
     .doc = "how long one may wait; then 503, or closed"},
};
static const struct lg_table queue_table = TABLE(queue_fields, struct lg_cfg_pool, LG_NO_OFF);

static const struct lg_field pool_fields[] = {
    {.key = "name",
     .kind = &lg_kind_name,
     AT(struct lg_cfg_pool, name),
     .is_required = true,
     .doc = "a name for listeners to refer to, unique among the pools"},
    {.key = "backends",
     .table = &backend_table,
     LIST_AT(struct lg_cfg_pool, backends, backend_cnt),
     .list_min = 1,
     .list_max = 65535,
     .is_required = true,
     .doc = "the servers to share the work among"},
    {.key = "balance",
     .kind = &lg_kind_balance,
     AT(struct lg_cfg_pool, balance),
     .def = "roundrobin",
     .doc = "how a backend is chosen: in turn by weight; fewest connections for the weight; of two "
            "drawn the one that answers sooner (`ewma`); or the same one for the same client "
            "address, path, header or cookie"},
    {.key = "slow_start",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_pool, slow_start_ns),
     .min = 0,
     .max = LG_SEC(86400),
     .def = "0s",
     .doc = "a backend that comes (back) into use grows to its weight in this time"},
    {.key = "queue",
     .table = &queue_table,
     .doc = "what waits while every backend has its max_connections"},
    {.key = "connect_timeout",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_pool, connect_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(3600),
     .def = "5s",
     .doc = "how long a backend may take to accept a connection; then another is tried"},
    {.key = "response_timeout",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_pool, response_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(86400),
     .def = "60s",
     .doc = "https: how long until the response's header is there; then 504"},
    {.key = "keepalive",
     .table = &keepalive_table,
     .doc = "https: backend connections kept for the next request"},
};
static const struct lg_table pool_table =
    TABLE(pool_fields, struct lg_cfg_pool, offsetof(struct lg_cfg_pool, line));

/* ---------------------------------------------------------------- listeners */

static const struct lg_word type_words[] = {
    {"tcp_ssl", LG_LISTENER_TCP_SSL}, {"https", LG_LISTENER_HTTPS}, {NULL, 0}};
static const struct lg_word version_words[] = {{"1.2", LG_TLS_12}, {"1.3", LG_TLS_13}, {NULL, 0}};
static const struct lg_word prefer_words[] = {
    {"server", LG_PREFER_SERVER}, {"client", LG_PREFER_CLIENT}, {NULL, 0}};
static const struct lg_word sni_words[] = {{"default", 0}, {"strict", 1}, {NULL, 0}};
static const struct lg_word auth_words[] = {{"none", LG_AUTH_NONE},
                                            {"optional", LG_AUTH_OPTIONAL},
                                            {"required", LG_AUTH_REQUIRED},
                                            {NULL, 0}};
static const struct lg_word crl_words[] = {
    {"closed", LG_CRL_FAIL_CLOSED}, {"open", LG_CRL_FAIL_OPEN}, {NULL, 0}};

static const struct lg_field cert_fields[] = {
    {.key = "cert",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_cert, cert),
     .is_required = true,
     .doc = "PEM file: the server's certificate first, then the intermediates"},
    {.key = "key",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_cert, key),
     .is_required = true,
     .doc = "PEM file: its private key"},
    {.key = "passphrase_file",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_cert, passphrase_file),
     .doc = "file whose first line opens an encrypted key"},
};
static const struct lg_table cert_table =
    TABLE(cert_fields, struct lg_cfg_cert, offsetof(struct lg_cfg_cert, line));

static const struct lg_field tls_fields[] = {
    {.key = "certificates",
     .table = &cert_table,
     LIST_AT(struct lg_cfg_tls, certs, cert_cnt),
     .list_min = 1,
     .list_max = 16384,
     .is_required = true,
     .doc = "certificates to show, chosen by the name the client asks for; the first is the "
            "default"},
    {.key = "min_version",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_tls, min_version),
     .words = version_words,
     .def = "1.2",
     .doc = "oldest TLS version spoken"},
    {.key = "max_version",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_tls, max_version),
     .words = version_words,
     .def = "1.3",
     .doc = "newest TLS version spoken"},
    {.key = "prefer",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_tls, prefer),
     .words = prefer_words,
     .def = "server",
     .doc = "whose order of cipher suites counts"},
    {.key = "sni",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_tls, sni_strict),
     .words = sni_words,
     .def = "default",
     .doc = "a name that no certificate carries gets the default one, or (`strict`) is refused "
            "with unrecognized_name"},
    {.key = "alpn",
     .kind = &lg_kind_alpn,
     LIST_AT(struct lg_cfg_tls, alpn, alpn_cnt),
     .list_min = 0,
     .list_max = 16,
     .doc = "tcp_ssl: application protocols offered, best first; an https listener says http/1.1 "
            "by itself"},
    {.key = "tickets",
     .kind = &lg_kind_bool,
     AT(struct lg_cfg_tls, tickets),
     .def = "true",
     .doc =
         "session tickets: clients come back with a shorter handshake, under the same policy only"},
    {.key = "ticket_lifetime",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_tls, ticket_lifetime_ns),
     .min = LG_SEC(1),
     .max = LG_SEC(86400),
     .def = "1h",
     .doc = "how long after its full handshake a session may be resumed; never past the end of the "
            "client's certificate"},
    {.key = "client_auth",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_tls, client_auth),
     .words = auth_words,
     .def = "none",
     .doc = "whether clients show a certificate: not asked (one-way), may, or must (mutual)"},
    {.key = "client_ca",
     .kind = &lg_kind_file,
     AT(struct lg_cfg_tls, client_ca),
     .doc = "PEM file of the CAs that sign the clients' certificates; needed with client_auth"},
    {.key = "verify_depth",
     .kind = &lg_kind_uint,
     AT(struct lg_cfg_tls, verify_depth),
     .min = 1,
     .max = 9,
     .def = "4",
     .doc = "intermediates allowed between a client and its CA"},
    {.key = "crl",
     .kind = &lg_kind_file,
     LIST_AT(struct lg_cfg_tls, crls, crl_cnt),
     .list_min = 0,
     .list_max = 4096,
     .doc = "revocation lists of the client CAs, PEM or DER"},
    {.key = "crl_fail",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_tls, crl_fail),
     .words = crl_words,
     .def = "closed",
     .doc = "a client whose issuer has no revocation list, or a stale one, is refused (`closed`) "
            "or admitted (`open`)"},
};
static const struct lg_table tls_table =
    TABLE(tls_fields, struct lg_cfg_tls, offsetof(struct lg_cfg_tls, line));

static const struct lg_field http_route_fields[] = {
    {.key = "host",
     .kind = &lg_kind_host,
     AT(struct lg_cfg_http_route, host),
     .def = "*",
     .doc = "the request's host: a name, \"*.example.com\" for one below it, or \"*\" for any"},
    {.key = "path",
     .kind = &lg_kind_path,
     AT(struct lg_cfg_http_route, path),
     .def = "/",
     .doc = "how its path begins; whole segments count, the longest match wins"},
    {.key = "pool",
     .kind = &lg_kind_ref,
     AT(struct lg_cfg_http_route, pool_idx),
     .is_required = true,
     .doc = "the pool that answers"},
};
static const struct lg_table http_route_table =
    TABLE(http_route_fields, struct lg_cfg_http_route, offsetof(struct lg_cfg_http_route, line));

static const struct lg_field timeout_fields[] = {
    {.key = "handshake",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_listener, handshake_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(3600),
     .def = "10s",
     .doc = "from the first packet to the end of the TLS handshake"},
    {.key = "header",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_listener, header_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(3600),
     .def = "10s",
     .doc = "https: from a request's first byte to the end of its header; then 408"},
    {.key = "keepalive",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_listener, keepalive_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(86400),
     .def = "60s",
     .doc = "https: between two requests"},
    {.key = "idle",
     .kind = &lg_kind_duration,
     AT(struct lg_cfg_listener, idle_timeout_ns),
     .min = LG_MS(1),
     .max = LG_SEC(86400),
     .def = "300s",
     .doc = "no byte either way"},
};
static const struct lg_table timeout_table =
    TABLE(timeout_fields, struct lg_cfg_listener, LG_NO_OFF);

static const struct lg_field listener_fields[] = {
    {.key = "name",
     .kind = &lg_kind_name,
     AT(struct lg_cfg_listener, name),
     .is_required = true,
     .doc = "a name for messages and counters, unique among the listeners"},
    {.key = "type",
     .kind = &lg_kind_word,
     AT(struct lg_cfg_listener, type),
     .words = type_words,
     .is_required = true,
     .doc = "tcp_ssl relays the bytes inside TLS, https routes requests"},
    {.key = "bind",
     .kind = &lg_kind_endpoint,
     LIST_AT(struct lg_cfg_listener, binds, bind_cnt),
     .list_min = 1,
     .list_max = 64,
     .is_required = true,
     .doc = "where to listen, address:port with addresses of the ports"},
    {.key = "tls",
     .table = &tls_table,
     AT(struct lg_cfg_listener, tls),
     .is_required = true,
     .doc = "certificates and what is asked of clients"},
    {.key = "pool",
     .kind = &lg_kind_ref,
     AT(struct lg_cfg_listener, pool_idx),
     .doc = "tcp_ssl: the pool the bytes go to; https: the pool for what no route matches"},
    {.key = "routes",
     .table = &http_route_table,
     LIST_AT(struct lg_cfg_listener, routes, route_cnt),
     .list_min = 0,
     .list_max = 65535,
     .doc = "https: which requests go to which pool"},
    {.key = "timeouts", .table = &timeout_table, .doc = "how long a client may take"},
    {.key = "max_header",
     .kind = &lg_kind_size,
     AT(struct lg_cfg_listener, max_header_sz),
     .min = KIB(1),
     .max = KIB(256),
     .def = "16KiB",
     .doc = "https: bytes of a request's header section; longer ones get 431"},
};
static const struct lg_table listener_table =
    TABLE(listener_fields, struct lg_cfg_listener, offsetof(struct lg_cfg_listener, line));

static const struct lg_field root_fields[] = {
    {.key = "global", .table = &global_table, .doc = "the process: CPUs, memory, limits"},
    {.key = "ports",
     .table = &port_table,
     LIST_AT(struct lg_config, ports, port_cnt),
     .list_min = 1,
     .list_max = LG_MAX_PORTS,
     .is_required = true,
     .doc = "network devices and our addresses on them"},
    {.key = "routes",
     .table = &route_table,
     LIST_AT(struct lg_config, routes, route_cnt),
     .list_min = 0,
     .list_max = 1024,
     .doc = "static routes to what is not on-link"},
    {.key = "pools",
     .table = &pool_table,
     LIST_AT(struct lg_config, pools, pool_cnt),
     .list_min = 1,
     .list_max = 65535,
     .is_required = true,
     .doc = "groups of backend servers"},
    {.key = "listeners",
     .table = &listener_table,
     LIST_AT(struct lg_config, listeners, listener_cnt),
     .list_min = 1,
     .list_max = LG_MAX_LISTENERS,
     .is_required = true,
     .doc = "where clients connect"},
};
const struct lg_table lg_schema_root = TABLE(root_fields, struct lg_config, LG_NO_OFF);
