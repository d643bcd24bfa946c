/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opts.h: what a run is to do: from the command line, a scenario file, or both. One table (opts.c)
 * names every option once; its rows serve the command line, the file and --help alike.
 *
 * What wins: a group's own keys, then the command line, then the top of the file, then defaults.
 * Thread boot. */
#ifndef BL_OPTS_H
#define BL_OPTS_H

#include "diag.h"
#include "err.h"
#include "ip.h"
#include "ns.h"
#include "span.h"

#define BL_MAX_GROUPS 16
#define BL_PATH_SZ 256
#define BL_WORD_SZ 64
#define BL_LIST_SZ 512

enum bl_kind {
    BL_HANDSHAKE,
    BL_RESUME,
    BL_REQUEST,
    BL_DOWNLOAD,
    BL_UPLOAD,
    BL_IDLE,
    BL_SLOW,
    BL_SYN_FLOOD,
    BL_PACKETS,
    BL_ORIGIN,
    BL_KIND_CNT
};

/* As bits: both is 3. */
enum bl_tls { BL_TLS_OFF = 0, BL_TLS_12 = 1, BL_TLS_13 = 2, BL_TLS_ANY = 3 };
enum bl_slow { BL_SLOW_HANDSHAKE, BL_SLOW_HEADER };
enum bl_packet { BL_PACKET_UDP, BL_PACKET_ACK };
enum bl_idle { BL_IDLE_POLL, BL_IDLE_ADAPTIVE };

/* One kind of load. */
struct bl_group_opts {
    char name[BL_WORD_SZ];
    uint32_t kind; /* enum bl_kind */
    struct lg_endpoint target;
    uint64_t connections;
    double rate; /* operations a second; 0: closed loop */
    uint64_t count;
    lg_ns_t timeout_ns;
    uint64_t size; /* 0: the kind's default */
    char path[BL_PATH_SZ];
    uint64_t requests;
    uint32_t tls; /* enum bl_tls */
    char curves[BL_LIST_SZ], suites[BL_LIST_SZ];
    char sni[BL_PATH_SZ], alpn[BL_LIST_SZ];
    char verify[BL_PATH_SZ], cert[BL_PATH_SZ], key[BL_PATH_SZ];
    double ramp;
    lg_ns_t interval_ns;
    uint32_t slow, packet; /* enum bl_slow, enum bl_packet */
    uint64_t profile;
    lg_ns_t start_ns, stop_ns; /* into the run; stop 0: its end */
    bool after_ramp;           /* not before the connections of all idle groups are open */
};

struct bl_opts {
    char device[BL_PATH_SZ];
    struct lg_prefix address;
    lg_ip_t gateway; /* any: none */
    struct lg_prefix source;
    bool has_source;
    char origin[BL_PATH_SZ]; /* as given */
    char origin_device[BL_PATH_SZ];
    struct lg_prefix origin_address;
    uint16_t origin_port;
    uint64_t origin_conns; /* 0: derived from the clients' */
    lg_ns_t duration_ns, warmup_ns;
    bool reuse_key_share, skip_signature;
    char json[BL_PATH_SZ], hgrm[BL_PATH_SZ], file[BL_PATH_SZ];
    uint64_t max_errors;
    uint64_t cpu;  /* UINT64_MAX: the last */
    uint32_t idle; /* enum bl_idle */
    uint64_t memory_sz;
    bool no_huge;
    char file_prefix[BL_WORD_SZ];
    uint64_t mtu;
    bool no_rx_checksum;
    char log_level[BL_WORD_SZ];
    bool help, version;

    struct bl_group_opts base; /* what groups begin with */
    uint32_t group_cnt;
    struct bl_group_opts groups[BL_MAX_GROUPS];
};

/* bl_opts_parse reads the command line and the file it names, and checks the whole.
 *   Returns  LG_OK; LG_E(CONFIG) with messages that say how to mend it. With --help or --version
 *            nothing else is looked at. */
LG_MUST lg_err_t bl_opts_parse(int argc, char **argv, struct bl_opts *out, struct lg_diag *diag);
void bl_opts_help(void);

/* bl_scenario_load applies a scenario file: its top to out (but what `given` says came from the
 * command line), and its groups. Called by bl_opts_parse. */
LG_MUST lg_err_t bl_scenario_parse(lg_span_t text, const char *name, const uint64_t *given,
                                   struct bl_opts *out, struct lg_diag *diag);

const char *bl_kind_name(uint32_t kind);
/* Does an operation of this kind go over a TLS or TCP connection of ours? */
static inline bool bl_kind_is_raw(uint32_t kind)
{
    return kind == BL_SYN_FLOOD || kind == BL_PACKETS;
}
/* Does it keep connections and send HTTP over them? */
static inline bool bl_kind_is_http(uint32_t kind)
{
    return kind == BL_REQUEST || kind == BL_DOWNLOAD || kind == BL_UPLOAD;
}

#endif
