/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side (runs at boot only) */
/* port_xdp.c: what AF_XDP needs of a kernel interface, asked before DPDK is, because its driver
 * answers every trouble with the same "invalid argument". */
#include "port_priv.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_SZ 4096u
#define CHUNK_CNT 16u

bool lg_xdp_iface(const char *rest, char *out, size_t out_sz)
{
    size_t len = strcspn(rest, ",");

    if (len == 0 || len >= out_sz || len >= IFNAMSIZ)
        return false;
    memcpy(out, rest, len);
    out[len] = '\0';
    return true;
}

static bool ask(const char *iface, unsigned long request, struct ifreq *ifr)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%s", iface);
    bool is_ok = ioctl(fd, request, ifr) == 0;
    int err = errno;
    close(fd);
    errno = err;
    return is_ok;
}

/* The receive queues of an interface; 0: it does not say. */
static uint32_t queue_count(const char *iface, bool *is_combined)
{
    struct ethtool_channels ch = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq ifr = {.ifr_data = (void *)&ch};

    *is_combined = false;
    if (!ask(iface, SIOCETHTOOL, &ifr))
        return 0;
    *is_combined = ch.max_combined > 0;
    return *is_combined ? ch.combined_count : ch.rx_count;
}

bool lg_xdp_has_rss(const char *iface)
{
    bool is_combined;

    /* Real devices have combined channels and hash flows over them; a veth has separate ones and
     * lets the sender's CPU choose. */
    return queue_count(iface, &is_combined) > 1 && is_combined;
}

/* In copy mode the kernel charges frames to the socket until their receiver has taken them. The
 * usual 208 KiB are 90 full frames; beyond them DPDK's driver asks again and again in a loop that
 * ends only when the receiver has caught up, and the worker does nothing else meanwhile. More than
 * a few hundred frames would be dropped on a veth: its peer's backlog is 1,000 frames
 * (net.core.netdev_max_backlog). The driver keeps its sockets to itself, so they are looked for. */
void lg_xdp_widen(void)
{
    const int room = (int)(LG_XDP_SND_FRAMES * LG_XDP_FRAME_SZ / 2); /* the kernel doubles it */
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *e;

    if (!dir)
        return;
    while ((e = readdir(dir)) != NULL) {
        int fd = atoi(e->d_name), domain = 0;
        socklen_t len = sizeof domain;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP)
            (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    }
    closedir(dir);
}

bool lg_xdp_is_veth(const char *iface)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq ifr = {.ifr_data = (void *)&info};

    return ask(iface, SIOCETHTOOL, &ifr) && strcmp(info.driver, "veth") == 0;
}

bool lg_xdp_mac(const char *iface, uint8_t mac[6])
{
    struct ifreq ifr = {0};

    if (!ask(iface, SIOCGIFHWADDR, &ifr))
        return false;
    memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
    return true;
}

static lg_err_t check_queues(const struct lg_port_open *o, const char *iface)
{
    uint32_t want = o->ports->worker_cnt;
    bool is_combined;
    uint32_t have = queue_count(iface, &is_combined);

    if (have == want || (have == 0 && want == 1))
        return LG_OK;
    if (is_combined)
        lg_port_fail(o,
                     "interface %s has %u queues, and with %u workers it must have %u: "
                     "ethtool -L %s combined %u",
                     iface, have, want, want, iface, want);
    else
        lg_port_fail(o,
                     "interface %s has %u queues, and with %u workers it must have %u: "
                     "ethtool -L %s rx %u tx %u (for a veth pair created with "
                     "ip link add ... numrxqueues %u numtxqueues %u type veth), or change "
                     "global.workers",
                     iface, LG_MAX(have, 1u), want, want, iface, want, want, want, want);
    return LG_E(CONFIG);
}

static bool set_ring(int fd, int which, uint32_t cnt)
{
    return setsockopt(fd, SOL_XDP, which, &cnt, sizeof cnt) == 0;
}

/* Tries to bind a small AF_XDP socket to the queue, mode is XDP_COPY or XDP_ZEROCOPY. Returns 0 or
 * errno. */
static int try_bind(const char *iface, uint32_t queue, uint16_t mode)
{
    size_t sz = (size_t)CHUNK_SZ * CHUNK_CNT;
    void *mem = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), err = 0;
    struct sockaddr_xdp sxdp = {
        .sxdp_family = AF_XDP,
        .sxdp_ifindex = if_nametoindex(iface),
        .sxdp_queue_id = queue,
        .sxdp_flags = mode,
    };
    struct xdp_umem_reg reg = {.addr = (uintptr_t)mem, .len = sz, .chunk_size = CHUNK_SZ};

    if (fd < 0 || mem == MAP_FAILED ||
        setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof reg) != 0 ||
        !set_ring(fd, XDP_UMEM_FILL_RING, CHUNK_CNT) ||
        !set_ring(fd, XDP_UMEM_COMPLETION_RING, CHUNK_CNT) ||
        !set_ring(fd, XDP_RX_RING, CHUNK_CNT) ||
        bind(fd, (struct sockaddr *)(void *)&sxdp, sizeof sxdp) != 0)
        err = errno;
    if (fd >= 0)
        close(fd);
    if (mem != MAP_FAILED)
        munmap(mem, sz);
    return err;
}

/* Finds IFLA_XDP's IFLA_XDP_ATTACHED in the answer to a RTM_GETLINK. */
static bool is_attached_in(const struct nlmsghdr *h)
{
    size_t left = h->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg));
    const struct rtattr *a = IFLA_RTA((struct ifinfomsg *)NLMSG_DATA(h));

    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if ((a->rta_type & NLA_TYPE_MASK) != IFLA_XDP)
            continue;
        size_t inner = RTA_PAYLOAD(a);
        for (const struct rtattr *x = RTA_DATA(a); RTA_OK(x, inner); x = RTA_NEXT(x, inner))
            if (x->rta_type == IFLA_XDP_ATTACHED)
                return *(const uint8_t *)RTA_DATA(x) != XDP_ATTACHED_NONE;
    }
    return false;
}

/* Has the interface an XDP program? false also when the kernel does not say. */
static bool is_attached(const char *iface)
{
    struct {
        struct nlmsghdr h;
        struct ifinfomsg info;
    } ask_link = {
        .h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
              .nlmsg_type = RTM_GETLINK,
              .nlmsg_flags = NLM_F_REQUEST},
        .info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(iface)},
    };
    alignas(struct nlmsghdr) char answer[16384];
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    ssize_t n = -1;

    if (fd < 0)
        return false;
    if (send(fd, &ask_link, ask_link.h.nlmsg_len, 0) == (ssize_t)ask_link.h.nlmsg_len)
        n = recv(fd, answer, sizeof answer, 0);
    close(fd);
    const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)answer;
    return n > 0 && NLMSG_OK(h, (size_t)n) && h->nlmsg_type == RTM_NEWLINK && is_attached_in(h);
}

static void fail_taken(const struct lg_port_open *o, const char *iface)
{
    lg_port_fail(o, "interface %s is taken by another program that uses AF_XDP on it", iface);
}

/* An abstract socket's name stands for the interface: the kernel keeps such names apart by network
 * namespace, like interfaces, and forgets ours when the process ends however it ends. */
static lg_err_t claim(const struct lg_port_open *o, const char *iface)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int n = snprintf(sun.sun_path + 1, sizeof sun.sun_path - 1, "lockgate.af_xdp.%u",
                     if_nametoindex(iface));

    if (fd >= 0 && bind(fd, (struct sockaddr *)(void *)&sun,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0) {
        o->port->claim_fd = fd;
        return LG_OK;
    }
    if (errno == EADDRINUSE)
        lg_port_fail(o, "interface %s is taken by another Lockgate", iface);
    else
        lg_port_fail(o, "interface %s cannot be claimed: %s", iface, strerror(errno));
    if (fd >= 0)
        close(fd);
    return LG_E(CONFIG);
}

/* A veth has no zero copy, so asking for it either finds the queue taken or fails, and leaves
 * nothing behind. */
static bool is_veth(const char *iface)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq ifr = {.ifr_data = (void *)&info};

    return ask(iface, SIOCETHTOOL, &ifr) && strcmp(info.driver, "veth") == 0;
}

static void wait_ms(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

/* The kernel lets go of a queue a moment after its socket is closed, and tells nobody: so a queue
 * that is taken is asked for again, for up to a second. */
static bool is_queue_free(const char *iface, uint32_t queue)
{
    for (int i = 0; i < 50; i++) {
        if (try_bind(iface, queue, XDP_ZEROCOPY) != EBUSY)
            return true;
        wait_ms(20);
    }
    return false;
}

/* DPDK's driver takes the XDP program off the interface even when it failed to open it, so who
 * uses the interface must be known before. A program that nobody uses was left behind by a process
 * that was killed; it is used again. A device with zero copy is not asked without need: it may take
 * its link down for a moment. */
static lg_err_t check_free(const struct lg_port_open *o, const char *iface)
{
    LG_TRY(claim(o, iface));
    bool is_asked_freely = is_veth(iface);
    if (!is_asked_freely && !is_attached(iface))
        return LG_OK;
    for (uint32_t k = 0; k < o->ports->worker_cnt; k++) {
        if (is_queue_free(iface, k))
            continue;
        fail_taken(o, iface);
        return LG_E(CONFIG);
    }
    if (!is_asked_freely)
        wait_ms(200); /* the kernel's moment, for the sockets just closed */
    return LG_OK;
}

lg_err_t lg_xdp_check(const struct lg_port_open *o, const char *iface)
{
    struct ifreq ifr = {0};
    int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        if (errno == EPERM || errno == EACCES)
            lg_port_fail(o, "no permission for AF_XDP sockets: CAP_NET_RAW is needed");
        else
            lg_port_fail(o,
                         "this kernel has no AF_XDP (%s): CONFIG_XDP_SOCKETS is needed; tap: "
                         "ports do without",
                         strerror(errno));
        return LG_E(CONFIG);
    }
    close(fd);
    if (!ask(iface, SIOCGIFFLAGS, &ifr)) {
        lg_port_fail(o,
                     "there is no interface %s in this network namespace; ip link shows what "
                     "there is",
                     iface);
        return LG_E(CONFIG);
    }
    if (!(ifr.ifr_flags & IFF_UP)) {
        lg_port_fail(o, "interface %s is down: ip link set %s up", iface, iface);
        return LG_E(CONFIG);
    }
    LG_TRY(check_queues(o, iface));
    return check_free(o, iface);
}

void lg_xdp_explain(const struct lg_port_open *o, const char *iface, uint32_t queue)
{
    int err = try_bind(iface, queue, XDP_COPY);

    switch (err) {
    case EBUSY:
        fail_taken(o, iface);
        return;
    case EPERM:
    case EACCES:
        lg_port_fail(o,
                     "no permission for AF_XDP on %s: CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF "
                     "are needed",
                     iface);
        return;
    case ENOMEM:
    case ENOBUFS:
        lg_port_fail(o, "no memory to be locked for AF_XDP on %s: raise RLIMIT_MEMLOCK", iface);
        return;
    case 0:
        lg_port_fail(o,
                     "AF_XDP does not start on interface %s: another XDP program may be attached "
                     "to it (ip link show %s; ip link set %s xdp off), or loading one is not "
                     "allowed (CAP_BPF, CAP_NET_ADMIN); DPDK's own message is in the log",
                     iface, iface, iface);
        return;
    default:
        lg_port_fail(o, "AF_XDP does not bind to queue %u of interface %s: %s", queue, iface,
                     strerror(err));
    }
}
