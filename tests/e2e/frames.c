/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames.c: see frames.h. Each kind is a well-formed frame with a lie in it; the rest is noise. */
#include "frames.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETH_SZ 14
#define IP4_SZ 20
#define IP6_SZ 40
#define TCP_SZ 20

struct frame {
    uint8_t b[1514];
    size_t len;
};

static uint32_t roll(struct frames *f)
{
    f->dice = f->dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(f->dice >> 33);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint16_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    if (len & 1)
        sum += (uint32_t)(p[len - 1] << 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint32_t pseudo(const uint8_t *addrs, size_t addrs_sz, uint8_t proto, size_t len)
{
    return (uint32_t)(uint16_t)~sum16(addrs, addrs_sz, 0) + proto + (uint32_t)len;
}

/* ---------------------------------------------------------------- well-formed frames */

static void eth(const struct frames *f, struct frame *fr, unsigned type)
{
    memset(fr, 0, sizeof *fr);
    memcpy(fr->b, f->theirs, 6);
    memcpy(fr->b + 6, f->ours, 6);
    put16(fr->b + 12, type);
    fr->len = ETH_SZ;
}

static void ip4(const struct frames *f, struct frame *fr, uint8_t proto, size_t payload_sz)
{
    uint8_t *ip = fr->b + ETH_SZ;

    eth(f, fr, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)(IP4_SZ + payload_sz));
    ip[8] = 64;
    ip[9] = proto;
    inet_pton(AF_INET, "10.91.1.1", ip + 12);
    inet_pton(AF_INET, "10.91.1.2", ip + 16);
    put16(ip + 10, sum16(ip, IP4_SZ, 0));
    fr->len = ETH_SZ + IP4_SZ + payload_sz;
}

static void ip6(const struct frames *f, struct frame *fr, uint8_t next, size_t payload_sz)
{
    uint8_t *ip = fr->b + ETH_SZ;

    eth(f, fr, 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, (unsigned)payload_sz);
    ip[6] = next;
    ip[7] = 64;
    inet_pton(AF_INET6, "fd91:1::1", ip + 8);
    inet_pton(AF_INET6, "fd91:1::2", ip + 24);
    fr->len = ETH_SZ + IP6_SZ + payload_sz;
}

/* tcp fills the segment behind an IPv4 header; the checksum is made by tcp_seal. */
static uint8_t *tcp(struct frames *f, struct frame *fr, uint8_t flags, size_t data_sz)
{
    uint8_t *t = fr->b + ETH_SZ + IP4_SZ;

    ip4(f, fr, IPPROTO_TCP, TCP_SZ + data_sz);
    put16(t, 40000 + roll(f) % 20000);
    put16(t + 2, 8443);
    put16(t + 4, roll(f) & 0xffff);
    put16(t + 8, roll(f) & 0xffff);
    t[12] = 5 << 4;
    t[13] = flags;
    put16(t + 14, 65535);
    for (size_t i = 0; i < data_sz; i++)
        t[TCP_SZ + i] = (uint8_t)roll(f);
    return t;
}

static void tcp_seal(struct frame *fr)
{
    uint8_t *ip = fr->b + ETH_SZ, *t = ip + IP4_SZ;
    size_t len = fr->len - ETH_SZ - IP4_SZ;

    put16(t + 16, 0);
    put16(t + 16, sum16(t, len, pseudo(ip + 12, 8, IPPROTO_TCP, len)));
}

static void reseal4(struct frame *fr)
{
    uint8_t *ip = fr->b + ETH_SZ;

    put16(ip + 10, 0);
    put16(ip + 10, sum16(ip, IP4_SZ, 0));
}

/* ---------------------------------------------------------------- with a lie */

static void make_eth(struct frames *f, struct frame *fr, unsigned kind)
{
    switch (kind) {
    case 0: /* of a type nobody has */
        eth(f, fr, 0x0666);
        fr->len = 60;
        break;
    case 1: /* shorter than its header */
        eth(f, fr, 0x0800);
        break;
    case 2: /* to another station */
        tcp(f, fr, 0x02, 0);
        fr->b[5] ^= 0x55;
        break;
    case 3: /* ARP with lengths that lie, and one from a station that claims our address */
        eth(f, fr, 0x0806);
        for (size_t i = 0; i < 28; i++)
            fr->b[ETH_SZ + i] = (uint8_t)roll(f);
        fr->len = ETH_SZ + roll(f) % 29;
        break;
    default:
        eth(f, fr, 0x0806);
        memcpy(fr->b + ETH_SZ, "\x00\x01\x08\x00\x06\x04\x00\x02\x02\x00\x00\x00\x00\x66", 14);
        inet_pton(AF_INET, "10.91.1.2", fr->b + ETH_SZ + 14);
        fr->len = 60;
    }
}

static void make_ip4(struct frames *f, struct frame *fr, unsigned kind)
{
    uint8_t *ip = fr->b + ETH_SZ;

    tcp(f, fr, 0x02, 0);
    tcp_seal(fr);
    switch (kind) {
    case 0: /* header length below 5, or past the end */
        ip[0] = (uint8_t)(0x40 | (roll(f) % 2 ? roll(f) % 5 : 15));
        break;
    case 1: /* total length that lies */
        put16(ip + 2, roll(f) & 0xffff);
        break;
    case 2: /* version that lies */
        ip[0] = 0x65;
        break;
    case 3:
        put16(ip + 10, roll(f) & 0xffff);
        return; /* the checksum is the lie */
    case 4:     /* a fragment */
        put16(ip + 6, 0x2000 | (roll(f) & 0x1fff));
        break;
    case 5: /* not to us, and from nobody */
        ip[19] = 77;
        memset(ip + 12, roll(f) % 2 ? 0xff : 0x00, 4);
        break;
    default: /* a protocol nobody speaks, with noise */
        ip[9] = (uint8_t)(100 + roll(f) % 100);
    }
    reseal4(fr);
}

static void make_ip6(struct frames *f, struct frame *fr, unsigned kind)
{
    uint8_t *p = fr->b + ETH_SZ + IP6_SZ;

    switch (kind) {
    case 0: /* length past the end */
        ip6(f, fr, IPPROTO_TCP, 24);
        put16(fr->b + ETH_SZ + 4, 4000);
        break;
    case 1: /* a chain of extension headers that does not end */
        ip6(f, fr, 0, 64);
        for (size_t i = 0; i < 64; i += 8)
            p[i] = 60;
        break;
    case 2: /* an extension header longer than the packet */
        ip6(f, fr, 0, 8);
        p[0] = 6;
        p[1] = 255;
        break;
    default: /* neighbour solicitation with an option of length 0; hop limit 64 */
        ip6(f, fr, IPPROTO_ICMPV6, 32);
        p[0] = 135;
        inet_pton(AF_INET6, "fd91:1::2", p + 8);
        p[24] = 1;
        put16(p + 2, sum16(p, 32, pseudo(fr->b + ETH_SZ + 8, 32, IPPROTO_ICMPV6, 32)));
        fr->b[ETH_SZ + 7] = roll(f) % 2 ? 255 : 64;
    }
}

static void make_tcp(struct frames *f, struct frame *fr, unsigned kind)
{
    uint8_t *t = tcp(f, fr, 0x02, kind == 2 ? 0 : 20);

    switch (kind) {
    case 0: /* data offset below 5, or past the end */
        t[12] = (uint8_t)((roll(f) % 2 ? roll(f) % 5 : 15) << 4);
        break;
    case 1: /* options that lie: length 0, length past the end */
        t[12] = 10 << 4;
        break;
    case 2: /* flags that cannot be together */
        t[13] = (uint8_t)(roll(f) & 0x3f);
        break;
    case 3: /* bad checksum */
        tcp_seal(fr);
        t[16] ^= 0x5a;
        return;
    case 4: /* RST and ACK out of the blue */
        t[13] = roll(f) % 2 ? 0x04 : 0x10;
        break;
    default: /* cut in the header */
        ip4(f, fr, IPPROTO_TCP, roll(f) % TCP_SZ);
        return;
    }
    tcp_seal(fr);
}

static void make_other(struct frames *f, struct frame *fr, unsigned kind)
{
    if (kind == 0) { /* ICMP: noise */
        ip4(f, fr, IPPROTO_ICMP, 40);
        for (size_t i = 0; i < 40; i++)
            fr->b[ETH_SZ + IP4_SZ + i] = (uint8_t)roll(f);
        return;
    }
    fr->len = ETH_SZ + roll(f) % 1500; /* noise all over */
    for (size_t i = 0; i < fr->len; i++)
        fr->b[i] = (uint8_t)roll(f);
    memcpy(fr->b, f->theirs, 6);
    put16(fr->b + 12, roll(f) % 2 ? 0x0800 : 0x86dd);
}

/* ---------------------------------------------------------------- the socket */

static bool learn(struct frames *f, int fd)
{
    struct ifreq ifr = {.ifr_name = "front"};
    unsigned m[6];

    if (ioctl(fd, SIOCGIFINDEX, &ifr) != 0)
        return false;
    f->ifindex = (unsigned)ifr.ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, &ifr) != 0)
        return false;
    memcpy(f->ours, ifr.ifr_hwaddr.sa_data, 6);
    rig_client("ping -c 1 -W 2 $GATE4 >/dev/null; ip neigh show $GATE4 dev front");
    const char *at = strstr(rig_out, "lladdr ");
    if (!at || sscanf(at, "lladdr %x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
        return false;
    for (int i = 0; i < 6; i++)
        f->theirs[i] = (uint8_t)m[i];
    return true;
}

bool frames_open(struct frames *f, uint64_t seed)
{
    *f = (struct frames){.fd = rig_socket(RIG_CLIENT, AF_PACKET, SOCK_RAW, 0), .dice = seed};
    if (f->fd >= 0 && learn(f, f->fd))
        return true;
    t_fail(__FILE__, __LINE__, "no raw socket, or no neighbour: %s", rig_out);
    return false;
}

void frames_send(struct frames *f, unsigned kind)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)f->ifindex, .sll_halen = 6};
    struct frame fr;

    if (kind < 5)
        make_eth(f, &fr, kind);
    else if (kind < 12)
        make_ip4(f, &fr, kind - 5);
    else if (kind < 16)
        make_ip6(f, &fr, kind - 12);
    else if (kind < 22)
        make_tcp(f, &fr, kind - 16);
    else
        make_other(f, &fr, kind - 22);
    memcpy(to.sll_addr, f->theirs, 6);
    if (sendto(f->fd, fr.b, fr.len, 0, (struct sockaddr *)&to, sizeof to) < 0)
        return; /* the kernel itself refuses the shortest ones */
}

void frames_close(struct frames *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
