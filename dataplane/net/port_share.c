/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (runs at boot only) */
/* port_share.c: an AF_XDP port that shares its interface with the kernel (share: true): loads
 * xdp_share.bpf.c, tells it our addresses, and attaches it before DPDK opens its sockets, which
 * then use it instead of a program that takes every frame. The program goes when DPDK closes the
 * port; that of a process which was killed passes everything to the kernel, and is replaced here.
 */
#include "port_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#ifdef LG_HAVE_BPF
#include "xdp_share.bpf.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#define PROG_NAME "xsk_def_prog"

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
    (void)level;
    (void)fmt;
    (void)ap;
    return 0;
}

/* The program on the interface; -1: none, or not to be had. *is_default: it is a lone one made for
 * AF_XDP sockets, libxdp's or ours. */
static int attached_prog(unsigned ifindex, bool *is_default)
{
    struct bpf_prog_info info = {0};
    uint32_t id = 0, sz = sizeof info;

    *is_default = false;
    if (bpf_xdp_query_id((int)ifindex, 0, &id) != 0 || id == 0)
        return -1;
    int fd = bpf_prog_get_fd_by_id(id);
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &sz) == 0)
        *is_default = strcmp(info.name, PROG_NAME) == 0;
    return fd;
}

void lg_xdp_detach_leftover(const char *iface)
{
    unsigned ifindex = if_nametoindex(iface);
    bool is_default;
    int fd = attached_prog(ifindex, &is_default);

    if (fd < 0)
        return;
    LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = fd);
    if (is_default)
        (void)bpf_xdp_detach((int)ifindex, XDP_FLAGS_REPLACE, &opts);
    close(fd);
}

static bool enter(int map_fd, const lg_ip_t *ip)
{
    uint8_t yes = 1;
    return bpf_map_update_elem(map_fd, ip->b, &yes, BPF_ANY) == 0;
}

static bool enter_all(const struct lg_port_open *o, int map_fd, const uint8_t mac[6])
{
    const struct lg_cfg_port *cfg = o->port->cfg;
    lg_ip_t link_local = lg_link_local(mac, true);

    for (uint32_t i = 0; i < cfg->address_cnt; i++)
        if (!enter(map_fd, &cfg->addresses[i].ip))
            return false;
    return enter(map_fd, &link_local);
}

static lg_err_t load_and_attach(const struct lg_port_open *o, const char *iface,
                                const uint8_t mac[6])
{
    libbpf_print_fn_t was = libbpf_set_print(be_silent);
    struct bpf_object *obj = bpf_object__open_mem(lg_xdp_share_bpf, sizeof lg_xdp_share_bpf, NULL);
    const char *what = NULL;

    if (!obj || bpf_object__load(obj) != 0)
        what = "loading it";
    else if (!enter_all(o, bpf_object__find_map_fd_by_name(obj, "lg_addrs"), mac))
        what = "telling it the addresses";
    else if (bpf_xdp_attach((int)if_nametoindex(iface),
                            bpf_program__fd(bpf_object__find_program_by_name(obj, PROG_NAME)),
                            XDP_FLAGS_UPDATE_IF_NOEXIST, NULL) != 0)
        what = "attaching it (ip link show tells whether another is there)";
    if (what)
        lg_port_fail(o,
                     "the XDP program that shares %s with the kernel does not work: %s: %s; "
                     "CAP_BPF and CAP_NET_ADMIN are needed",
                     iface, what, strerror(errno));
    if (obj)
        bpf_object__close(obj); /* the interface keeps the program, and that its maps */
    libbpf_set_print(was);
    return what ? LG_E(CONFIG) : LG_OK;
}
#else
void lg_xdp_detach_leftover(const char *iface)
{
    (void)iface;
}

static lg_err_t load_and_attach(const struct lg_port_open *o, const char *iface,
                                const uint8_t mac[6])
{
    (void)mac;
    lg_port_fail(o,
                 "share: true on %s: this Lockgate was built without clang, so without the XDP "
                 "program for it",
                 iface);
    return LG_E(CONFIG);
}
#endif

static bool ip_of(const struct sockaddr *sa, lg_ip_t *out)
{
    if (sa && sa->sa_family == AF_INET)
        *out = lg_ip_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
    else if (sa && sa->sa_family == AF_INET6)
        *out =
            lg_ip_v6((const uint8_t *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
    else
        return false;
    return true;
}

/* An address that the kernel has too would be lost to it. */
static lg_err_t check_addresses(const struct lg_port_open *o)
{
    const struct lg_cfg_port *cfg = o->port->cfg;
    struct ifaddrs *all;
    lg_err_t e = LG_OK;
    lg_ip_t ip;

    if (getifaddrs(&all) != 0)
        return LG_OK;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        for (uint32_t i = 0; ip_of(a->ifa_addr, &ip) && i < cfg->address_cnt; i++) {
            char text[LG_IP_STR_SZ];
            if (!lg_ip_eq(&ip, &cfg->addresses[i].ip))
                continue;
            lg_port_fail(o,
                         "address %s is also the kernel's (interface %s), which with share: true "
                         "would lose it: give Lockgate one of its own",
                         lg_ip_text(&ip, text), a->ifa_name);
            e = LG_E(CONFIG);
        }
    }
    freeifaddrs(all);
    return e;
}

lg_err_t lg_xdp_share(const struct lg_port_open *o, const char *iface)
{
    uint8_t mac[6];

    if (!lg_xdp_mac(iface, mac)) {
        lg_port_fail(o, "interface %s does not tell its MAC: %s", iface, strerror(errno));
        return LG_E(CONFIG);
    }
    LG_TRY(check_addresses(o));
    return load_and_attach(o, iface, mac);
}
